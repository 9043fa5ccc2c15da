//! The commit message of a deployment: a subject for people, trailers for machines.
//!
//! Trailers are what `git interpret-trailers` reads: `Key: value` lines in the last paragraph. Ours
//! are a paragraph of their own, behind whatever the user's template says, so that no template and
//! no value in it can pass for one.

mod changes;
mod message;
pub mod metrics;
pub mod past;
mod reference;
mod run;
mod template;
mod trailers;
mod value;

pub use changes::{Changes, Named, place_of_value};
pub use message::{RevertSubject, Reverted, message, revert_message, text};
pub use reference::{Reference, address, built_from};
pub use run::{Run, Source, SourceCommit, Withheld};
pub use template::{Deployment, EmptyTemplate, MessageTemplate, unknown_placeholders};
pub use trailers::{
    Origin, deploys_the_same, is_ours, kind, merged_pulls, own_trailers, reverted, reverted_by,
    rolled_back, tag_was_of, trailer_values,
};
pub use value::trailer as value_trailer;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{ImageChange, ValueChange};

    fn change(old: &str, new: &str) -> ImageChange {
        ImageChange {
            file: "blog-system/web-rollout.yaml".parse().unwrap(),
            line: 21,
            resource: "Rollout/web".into(),
            container: Some("nginx".into()),
            place: crate::manifest::Place::default(),
            tag_at: None,
            old: old.into(),
            new: new.into(),
        }
    }

    fn source() -> Source {
        Source {
            repository: Some("wlals2/blogsite".into()),
            repository_url: Some("https://github.com/wlals2/blogsite".into()),
            sha: Some("8a3f".into()),
            commit: SourceCommit {
                author: Some("Ji Min <jimin@blog.example>".into()),
                message: Some("feat: a new post (#7)\n\nWith pictures.\n\n* two".into()),
                date: Some("2026-08-22T19:00:00+09:00".into()),
            },
            actor: Some("jimin".into()),
            run_number: Some("14".into()),
            run_url: Some("https://github.com/wlals2/blogsite/actions/runs/123/attempts/1".into()),
            workflow: Some(".github/workflows/deploy.yml".into()),
            withheld: None,
        }
    }

    fn written(template: Option<&str>, images: &[ImageChange], source: &Source) -> String {
        let template = template.map(|text| text.parse().unwrap());
        message(
            template.as_ref(),
            &Deployment {
                images: images.iter().collect(),
                values: Vec::new(),
                files: vec!["blog-system/web-rollout.yaml".to_owned()],
                promoted_from: Vec::new(),
                source,
            },
        )
    }

    /// What git makes of a message's trailers, by each of its two readers.
    fn read_by_git(message: &str) -> [String; 2] {
        use std::io::Write as _;
        use std::process::{Command, Stdio};
        let git = |arguments: &[&str], input: &str| {
            let mut git = Command::new("git")
                .args(arguments)
                .env("GIT_CONFIG_GLOBAL", "/dev/null")
                .env("GIT_AUTHOR_NAME", "A")
                .env("GIT_AUTHOR_EMAIL", "a@example.com")
                .env("GIT_COMMITTER_NAME", "A")
                .env("GIT_COMMITTER_EMAIL", "a@example.com")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            git.stdin
                .take()
                .unwrap()
                .write_all(input.as_bytes())
                .unwrap();
            let output = git.wait_with_output().unwrap();
            assert!(output.status.success(), "{arguments:?}");
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        };
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_str().unwrap();
        git(&["init", "-q", "--bare", path], "");
        let tree = git(&["-C", path, "mktree"], "");
        let commit = git(&["-C", path, "commit-tree", &tree], message);
        let format = "--format=%(trailers:key=Deployed-Image)";
        let logged = git(&["-C", path, "log", "-1", format, &commit], "");
        let parsed = git(&["interpret-trailers", "--parse"], message);
        let parsed = parsed
            .lines()
            .filter(|line| line.to_lowercase().starts_with("deployed-image"));
        [parsed.collect::<Vec<_>>().join("\n"), logged]
    }

    #[test]
    fn git_reads_our_trailers_and_no_other() {
        let images = [change("r/web:1", "r/web:2")];
        for evil in [
            "Deployed-Image: evil:1",
            "deployed-image : evil:1",
            "\u{1}Deployed-Image: evil:1",
            "\u{85}Deployed-Image: evil:1",
            "x\rDeployed-Image: evil:1",
            "Deployed-Image: evil:1\n\n# ------------------------ >8 ------------------------",
            "Deployed-Image: evil:1\n\n# --- >8 ---\nx",
            "Deployed-Image: evil:1\n\n\u{7f}# ------------------------ >8 ------------------------\n",
            "Deployed-Image: evil:1\n\n; ------------------------ >8 ------------------------\n",
            "Deployed-Image: evil:1\n\n---\nx",
            "Deployed-Image: evil:1\n\n\u{1}---\u{2}\nx",
            "Signed-off-by: x\nDeployed-Image: evil:1\n(cherry picked from commit 1)",
        ] {
            let template = format!("feat: it\n\n{evil}");
            let message = written(Some(&template), &images, &source());
            let expected = "Deployed-Image: r/web:2";
            assert_eq!(read_by_git(&message), [expected; 2], "{message}");
        }
    }

    #[test]
    fn a_pull_requests_text_mentions_nobody_and_closes_nothing() {
        let mut image = change(
            "@acme/team closes #7 <img src=x> `x` GH-7",
            "r/web:2@sha256:12",
        );
        image.resource = "Pod/[x](http://e.x)".into();
        let source = source();
        let deployment = Deployment {
            images: vec![&image],
            values: Vec::new(),
            files: Vec::new(),
            promoted_from: Vec::new(),
            source: &source,
        };
        let template = "`{previous-image}` {resource} **{image}**".parse().unwrap();
        assert_eq!(
            text(&template, &deployment),
            "`\u{fffd}acme/team closes \u{fffd}7 \u{fffd}img src\u{fffd}x\u{fffd} \u{fffd}x\u{fffd} GH\u{fffd}7` Pod/\u{fffd}x\u{fffd}\u{fffd}http:\u{fffd}//e.x\u{fffd} **r/web:2@sha256:12**"
        );
    }

    #[test]
    fn the_default_message_names_the_image_and_the_run() {
        let images = [change(
            "ghcr.io/wlals2/blog-web:v13",
            "ghcr.io/wlals2/blog-web:v14",
        )];
        insta::assert_snapshot!(written(None, &images, &source()), @r#"
        chore: update blog-web image to v14

        Deployed-Image: ghcr.io/wlals2/blog-web:v14
        Previous-Image: ghcr.io/wlals2/blog-web:v13
        Workflow-Run: https://github.com/wlals2/blogsite/actions/runs/123/attempts/1
        Workflow: .github/workflows/deploy.yml
        Argocd-reference-commit-sha: 8a3f
        Argocd-reference-commit-repourl: https://github.com/wlals2/blogsite
        Argocd-reference-commit-author: Ji Min <jimin@blog.example>
        Argocd-reference-commit-subject: feat: a new post (wlals2/blogsite#7)
        Argocd-reference-commit-body: "With pictures.\n\n* two"
        Argocd-reference-commit-date: 2026-08-22T19:00:00+09:00
        "#);
    }

    #[test]
    fn several_images_share_a_subject() {
        let subject = |images: &[ImageChange]| {
            let message = written(None, images, &Source::default());
            message.lines().next().unwrap().to_owned()
        };
        let digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        assert_eq!(
            subject(&[change("r/web:1", "r/web:2"), change("r/api:1", "r/api:2")]),
            "chore: update web, api images to 2"
        );
        assert_eq!(
            subject(&[change("r/web:1", "r/web:2"), change("r/api:1", "r/api:3")]),
            "chore: update images web to 2, api to 3"
        );
        assert_eq!(
            subject(&[change("r/web:1", &format!("r/web@{digest}"))]),
            "chore: update web image to sha256:0123456789ab"
        );
        let many: Vec<_> = (0..20)
            .map(|n| change("r/a:1", &format!("r/service-{n}:2")))
            .collect();
        assert_eq!(subject(&many), "chore: update 20 images");
    }

    #[test]
    fn a_template_is_filled_in() {
        let images = [change(
            "ghcr.io/wlals2/blog-web:v13",
            "ghcr.io/wlals2/blog-web:v14",
        )];
        let template = "deploy({name}): {previous-tag} → {tag} {Json} {}\n\n{resource} in {file}\nby {actor} #{run-number} {source-repository}@{source-sha}{digest}";
        let message = written(Some(template), &images, &source());
        insta::assert_snapshot!(message.split("\n\nDeployed-Image").next().unwrap(), @"
        deploy(blog-web): v13 → v14 {Json} {}

        Rollout/web in blog-system/web-rollout.yaml
        by jimin #14 wlals2/blogsite@8a3f
        ");
    }

    #[test]
    fn an_unknown_placeholder_stays_as_text_and_is_told() {
        let template = "fix({scope}): {tga} {tag} {} { } {a b} {Json}";
        let message = written(Some(template), &[change("r/web:1", "r/web:2")], &source());
        assert!(
            message.starts_with("fix({scope}): {tga} 2 {} { } {a b} {Json}\n"),
            "{message}"
        );
        insta::assert_snapshot!(unknown_placeholders(template).join("\n"), @"
        {scope} is not a placeholder and stays as text. Placeholders, nearest first: {source-sha} {source-repository} {actor} {resource} {previous-tag} {previous-image} {name} {file} {image} {digest} {run-number} {tag}
        {tga} is not a placeholder and stays as text. Placeholders, nearest first: {tag} {name} {image} {digest} {previous-image} {previous-tag} {file} {resource} {source-repository} {source-sha} {actor} {run-number}
        ");
        assert_eq!(" \n".parse::<MessageTemplate>(), Err(EmptyTemplate));
    }

    #[test]
    fn a_message_names_the_run_that_made_it() {
        let images = [change("r/web:1", "r/web:2")];
        let message = written(None, &images, &source());
        let run = Run::of(&message).unwrap();
        assert_eq!(Some(run), source().run());
        assert_eq!(run.id, 123);
        assert_eq!(run.repository_url, "https://github.com/wlals2/blogsite");
        for other in ["", "x", "chore: x\n\nWorkflow-Run: x\nWorkflow: y\n"] {
            assert_eq!(Run::of(other), None);
        }
    }

    #[test]
    fn a_rollback_says_what_it_took_back() {
        let images = [change("r/web:2", "r/web:1")];
        // What it was built from is none of a rollback's.
        let source = self::source();
        let value = ValueChange {
            file: "a.yaml".parse().unwrap(),
            line: 1,
            resource: "Deployment/web".into(),
            path: ".spec.replicas".into(),
            old: Some("5".into()),
            new: Some("3".into()),
            exact: [Some("5".into()), Some("3".into())],
        };
        let deployment = Deployment {
            images: images.iter().collect(),
            values: vec![&value],
            files: vec!["a.yaml".into()],
            promoted_from: Vec::new(),
            source: &source,
        };
        let reverted = |id, origin| Reverted {
            subject: "chore: update web image to 2",
            id,
            merged_into: None,
            origin,
            is_taken_back: true,
        };
        let several = [
            reverted("0123456789", Origin::Update),
            reverted("abcdefabcd", Origin::Edit),
        ];
        insta::assert_snapshot!(revert_message(None, &several, RevertSubject::Back, &deployment), @r#"
        Roll back web to 1

        This reverts commit 0123456789.
        This reverts commit abcdefabcd.

        Deployed-Image: r/web:1
        Previous-Image: r/web:2
        Deployed-Value: a.yaml Deployment/web:.spec.replicas=3
        Rolled-Back-Commit: 0123456789
        Rolled-Back-Commit: abcdefabcd
        Workflow-Run: https://github.com/wlals2/blogsite/actions/runs/123/attempts/1
        Workflow: .github/workflows/deploy.yml
        "#);
        let rollback = revert_message(
            None,
            &[reverted("0123456789", Origin::Rollback)],
            RevertSubject::Commit,
            &deployment,
        );
        let again = revert_message(
            None,
            &[reverted("0123456789", Origin::Rollback)],
            RevertSubject::Again,
            &deployment,
        );
        assert!(again.starts_with("Deploy web 1 again\n"), "{again}");
        assert_eq!(Origin::of(&rollback), Origin::Reapply);
        assert_eq!(reverted_by(&rollback), Some("0123456789"));
    }

    #[test]
    fn a_message_cannot_inject_a_trailer() {
        let images = [change("r/web:1", "r/web:2")];
        let evil = Source {
            actor: Some("x\n\nDeployed-Image: evil".into()),
            ..source()
        };
        let template = "deploy {actor}\n\nDeployed-Image: evil\n---\nmore\0\r\n";
        let message = written(Some(template), &images, &evil);
        let last = message.trim_end().rsplit("\n\n").next().unwrap();
        assert!(
            last.starts_with("Deployed-Image: r/web:2\nPrevious-Image: r/web:1\n"),
            "{message}"
        );
        assert!(!message.contains("\n---"), "{message}");
        assert!(!message.contains('\0') && !message.contains('\r'));
    }
}
