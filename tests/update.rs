//! `operation: update`, as a workflow step sees it: the binary is run as the runner does, against a
//! real Git server, and what landed is read with the git command line.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use support::{Action, Entry, Fault, GitServer, Outcome, Repository, Rights, Step, TOKEN};

const FILE: &str = "blog-system/web-rollout.yaml";
const V13: &str = "ghcr.io/wlals2/blog-web:v13";
const V14: &str = "ghcr.io/wlals2/blog-web:v14";

/// The seed's manifest: comments, blank lines and quotes around the image.
const MANIFEST: &str = r#"# The blog's front end: Hugo behind nginx.
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata:
  name: web
  namespace: blog-system

spec:
  replicas: 2

  # 20 % first, then everyone.
  strategy:
    canary:
      steps:
      - setWeight: 20
      - pause: {duration: 60}

  template:
    spec:
      containers:
        - name: nginx
          image: "ghcr.io/wlals2/blog-web:v13"   # the site itself

          ports: [{containerPort: 80}]
        - name: exporter
          image: nginx/nginx-prometheus-exporter:1.1
"#;

fn start() -> (GitServer, Repository) {
    let server = GitServer::start();
    let repository = server.repository_with("wlals2/k8s-manifests", FILE, MANIFEST);
    (server, repository)
}

fn update(repository: &Repository, image: &str) -> Action {
    Action::new()
        .input("repository", repository.url())
        .input("file", FILE)
        .input("image", image)
        .input("token", TOKEN)
        .input("timeout", "60")
}

/// What a person reads of a failed run, with the server's port taken out; after checking that the
/// step is red with one error, that log and summary say the same, and that Git is as it was.
fn failure(repository: &Repository, action: Action) -> String {
    let before = repository.git(&["for-each-ref"]);
    let outcome = action.run().failed();
    assert_eq!(repository.git(&["for-each-ref"]), before, "Git has changed");
    no_secret(&outcome);
    let errors: Vec<_> = outcome.annotations().into_iter().filter(|a| a.level == "error").collect();
    let [error] = &errors[..] else { panic!("one error, please:\n{}", outcome.log()) };
    assert!(outcome.outputs.is_empty());
    let title = &error.properties["title"];
    assert!(outcome.summary.starts_with(&format!("### ❌ {title}\n")), "{}", outcome.summary);
    scrub(repository, &format!("{title}\n{}", error.message))
}

fn scrub(repository: &Repository, text: &str) -> String {
    let server = repository.url().split("/wlals2/").next().unwrap().to_owned();
    let host = server.split("://").nth(1).unwrap().to_owned();
    text.replace(&server, "SERVER").replace(&host, "HOST")
}

/// The token is masked before anything else is said, and nowhere else.
fn no_secret(outcome: &Outcome) {
    let rest: Vec<&str> = outcome.stdout.lines().skip_while(|line| line.starts_with("::add-mask::")).collect();
    for text in [rest.join("\n"), outcome.stderr.clone(), outcome.summary.clone()] {
        assert!(!text.contains(TOKEN), "the token is in:\n{text}");
    }
    for (name, value) in &outcome.outputs {
        assert!(!value.contains(TOKEN), "the token is in {name}");
    }
}

#[test]
fn one_line_changes_and_the_next_step_knows() {
    let (_server, repository) = start();
    let base = repository.tip("main");
    let outcome = update(&repository, V14).run().succeeded();

    assert_eq!(
        repository.changed_lines("main"),
        [
            format!("-          image: \"{V13}\"   # the site itself"),
            format!("+          image: \"{V14}\"   # the site itself"),
        ]
    );
    let commit = &repository.log("main")[0];
    assert_eq!(commit.parents, [base]);
    let bot = "github-actions[bot] <41898282+github-actions[bot]@users.noreply.github.com>";
    assert_eq!((commit.author.as_str(), commit.committer.as_str()), (bot, bot));
    insta::assert_snapshot!(commit.message, @"");
    repository.fsck();

    let output = |name: &str| outcome.outputs[name].as_str();
    assert_eq!(output("changed"), "true");
    assert_eq!(output("commit-sha"), commit.id);
    let url = repository.url().trim_end_matches(".git");
    assert_eq!(output("commit-url"), format!("{url}/commit/{}", commit.id));
    assert_eq!(output("branch"), "main");
    assert_eq!(output("image"), V14);
    assert_eq!(output("previous-image"), V13);
    assert_eq!(output("files"), FILE);
    assert!(output("diff").contains(&format!("+          image: \"{V14}\"")));
    assert_eq!(outcome.outputs.len(), 8);
    no_secret(&outcome);
    assert_eq!(outcome.masks()[0], TOKEN);

    let seen = scrub(&repository, &outcome.summary).replace(&commit.id, "COMMIT").replace(&commit.id[..7], "SHORT");
    insta::assert_snapshot!(seen, @"");
    let seen = scrub(&repository, &outcome.stdout).replace(&commit.id[..7], "SHORT").replace(&commit.parents[0][..7], "BASE");
    insta::assert_snapshot!(seen, @"");
}

#[test]
fn a_second_identical_run_pushes_nothing() {
    let (server, repository) = start();
    update(&repository, V14).run().succeeded();
    let tip = repository.tip("main");
    let outcome = update(&repository, V14).run().succeeded();
    assert_eq!(repository.tip("main"), tip);
    assert_eq!(outcome.outputs["changed"], "false");
    assert_eq!(outcome.outputs["commit-sha"], tip);
    assert_eq!(outcome.outputs["image"], V14);
    assert_eq!(outcome.outputs["diff"], "");
    assert_eq!(server.count(Step::Push), 1);
    insta::assert_snapshot!(scrub(&repository, &outcome.summary).replace(&tip, "TIP").replace(&tip[..7], "TIP"), @"");
}

#[test]
fn a_dry_run_writes_nothing() {
    let (server, repository) = start();
    let tip = repository.tip("main");
    let outcome = update(&repository, V14).input("dry-run", "true").run().succeeded();
    assert_eq!(repository.tip("main"), tip);
    assert_eq!(server.count(Step::PushRefs) + server.count(Step::Push), 0);
    assert_eq!(outcome.outputs["changed"], "true");
    assert_eq!(outcome.outputs["commit-sha"], "");
    assert_eq!(outcome.outputs["image"], V14);
    assert!(outcome.outputs["diff"].contains(V14));
    assert!(outcome.summary.starts_with("### 🔍 Dry run\n"), "{}", outcome.summary);
}

#[test]
fn an_update_is_five_requests_on_one_connection() {
    let (server, repository) = start();
    update(&repository, V14).run().succeeded();
    let steps: Vec<Step> = server.requests().iter().filter_map(|request| request.step).collect();
    assert_eq!(steps, [Step::FetchRefs, Step::Fetch, Step::Fetch, Step::PushRefs, Step::Push]);
    assert_eq!(server.traffic().connections, 1);
}

#[test]
fn a_server_without_partial_fetches_does_as_well() {
    for (key, value) in [("uploadpack.allowFilter", "false"), ("uploadpack.allowAnySHA1InWant", "false")] {
        let (_server, repository) = start();
        repository.config(key, value);
        update(&repository, V14).run().succeeded();
        assert_eq!(repository.changed_lines("main").len(), 2, "{key}");
        repository.fsck();
    }
}

#[test]
fn a_branch_of_its_own_and_an_executable_file_are_kept() {
    let (_server, repository) = start();
    let tip = repository.tip("main");
    repository.set_branch("prod", &tip);
    repository.commit("prod", FILE, Entry::Executable(MANIFEST.into()), "chore: for prod");
    let outcome = update(&repository, V14).input("branch", "prod").run().succeeded();
    assert_eq!(repository.tip("main"), tip);
    assert_eq!(outcome.outputs["branch"], "prod");
    assert!(repository.git(&["ls-tree", "prod", FILE]).starts_with("100755 "));
}

#[test]
fn several_files_and_images_are_one_commit() {
    let (_server, repository) = start();
    let was = "kind: Deployment\r\nspec: {containers: [{name: was, image: 'ghcr.io/wlals2/blog-was:v7'}]}\r\n";
    repository.commit("main", "blog-system/was.yaml", was, "chore: add was");
    let before = repository.log("main").len();
    let outcome = update(&repository, "nginx=ghcr.io/wlals2/blog-web:v14\nghcr.io/wlals2/blog-was:v8")
        .input("file", "# everything but tests\nblog-system/*.yaml\n!blog-system/*-test.yaml\n")
        .run()
        .succeeded();
    assert_eq!(repository.log("main").len(), before + 1);
    assert_eq!(outcome.outputs["image"], "ghcr.io/wlals2/blog-was:v8\nghcr.io/wlals2/blog-web:v14");
    assert_eq!(outcome.outputs["files"], "blog-system/was.yaml\nblog-system/web-rollout.yaml");
    let now = repository.show("main", "blog-system/was.yaml");
    assert_eq!(String::from_utf8(now).unwrap(), was.replace(":v7", ":v8"));
}

#[test]
fn a_lost_race_is_tried_again_on_the_new_tip() {
    let (server, repository) = start();
    let other = repository.clone();
    server.before(Step::PushRefs.nth(1), move || {
        // The line next to ours.
        let theirs = MANIFEST.replace("# the site itself", "# the site");
        other.commit("main", FILE, theirs.as_str(), "docs: shorter");
    });
    let outcome = update(&repository, V14).run().succeeded();
    let expected = MANIFEST.replace("# the site itself", "# the site").replace(V13, V14);
    assert_eq!(String::from_utf8(repository.show("main", FILE)).unwrap(), expected);
    assert_eq!(repository.changed_lines("main").len(), 2);
    assert!(outcome.stdout.contains("someone else pushed first"), "{}", outcome.stdout);
    assert_eq!(outcome.outputs["commit-sha"], repository.tip("main"));
}

#[test]
fn a_race_that_the_server_decides_is_tried_again() {
    let (server, repository) = start();
    let other = repository.clone();
    server.before(Step::Push.nth(1), move || {
        other.commit("main", "README.md", "hello\n", "docs: hello");
    });
    update(&repository, V14).run().succeeded();
    assert_eq!(server.count(Step::Push), 2);
    assert_eq!(repository.show("main", "README.md"), b"hello\n");
    assert_eq!(repository.log("main").len(), 3);
    repository.fsck();
}

#[test]
fn a_push_whose_answer_is_lost_is_made_once() {
    let (server, repository) = start();
    server.fault(Step::Push.nth(1), Fault::DropAnswer);
    let outcome = update(&repository, V14).run().succeeded();
    assert_eq!(repository.log("main").len(), 2);
    assert_eq!(outcome.outputs["changed"], "true");
    assert_eq!(outcome.outputs["commit-sha"], repository.tip("main"));
}

#[test]
fn a_push_whose_answer_is_lost_is_found_below_the_commits_of_others() {
    let (server, repository) = start();
    let other = repository.clone();
    server.fault(Step::Push.nth(1), Fault::DropAnswer);
    server.before(Step::FetchRefs.nth(2), move || {
        for n in 0..20 {
            other.commit("main", "README.md", format!("{n}\n"), "docs: more");
        }
    });
    let outcome = update(&repository, V14).run().succeeded();
    assert_eq!(repository.log("main").len(), 22);
    assert_eq!(outcome.outputs["changed"], "true");
    assert_eq!(outcome.outputs["commit-sha"], repository.log("main")[20].id);
}

#[test]
fn a_branch_that_is_deleted_meanwhile_is_not_recreated() {
    let (server, repository) = start();
    let other = repository.clone();
    repository.set_branch("prod", &repository.tip("main"));
    server.before(Step::PushRefs.nth(1), move || other.delete_branch("prod"));
    let outcome = update(&repository, V14).input("branch", "prod").run().failed();
    assert_eq!(repository.try_tip("prod"), None);
    assert!(outcome.errors()[0].contains("no branch `prod`"), "{}", outcome.log());
}

#[test]
fn a_rewound_branch_does_not_get_its_commits_back() {
    let (server, repository) = start();
    let first = repository.tip("main");
    repository.commit("main", "secret.txt", "oops\n", "chore: oops");
    let other = repository.clone();
    let rewound = first.clone();
    server.before(Step::PushRefs.nth(1), move || other.set_branch("main", &rewound));
    update(&repository, V14).run().succeeded();
    assert_eq!(repository.log("main")[0].parents, [first]);
}

#[test]
fn a_local_repository_needs_no_server_and_no_token() {
    let (_server, repository) = start();
    let url = format!("file://{}", repository.path().display());
    let outcome = update(&repository, V14)
        .input("repository", url)
        .input("token", "")
        .run()
        .succeeded();
    assert_eq!(outcome.outputs["commit-sha"], repository.tip("main"));
    assert_eq!(repository.changed_lines("main").len(), 2);
    repository.fsck();
}

#[test]
fn outside_of_github_the_outputs_are_printed() {
    let (_server, repository) = start();
    let outcome = ["GITHUB_ACTIONS", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"]
        .iter()
        .fold(update(&repository, V14), |action, name| action.without_env(name))
        .run()
        .succeeded();
    let line = format!("\n  commit-sha={}\n", repository.tip("main"));
    assert!(outcome.stdout.contains(&line), "{}", outcome.stdout);
    assert!(!outcome.stdout.contains(TOKEN) && !outcome.stdout.contains("::"), "{}", outcome.stdout);
}

#[test]
fn a_manifest_cannot_run_a_workflow_command() {
    let (_server, repository) = start();
    let evil = MANIFEST.replace(
        "\n          ports:",
        "::error::pwned\n# ##[error]pwned\n#\u{1b}[31m\n# `</details>` ```\n          ports:",
    );
    let evil = evil.replace("::error::pwned\n", "# x\n#\n  # ::error::pwned\n");
    repository.commit("main", FILE, evil.as_str(), "chore: evil");
    let outcome = update(&repository, V14).run().succeeded();
    assert_eq!(outcome.annotations(), []);
    assert!(outcome.summary.contains("\n````diff\n"), "{}", outcome.summary);
}

#[test]
fn an_unknown_input_is_a_warning() {
    let (_server, repository) = start();
    let outcome = update(&repository, V14).input("imge", "x").run().succeeded();
    assert_eq!(
        outcome.warnings(),
        ["The input `imge` is unknown and was ignored: did you mean `image`?"]
    );
}

mod bad_input {
    use super::*;

    #[test]
    fn every_problem_with_the_inputs_is_told_at_once() {
        let (server, repository) = start();
        let action = update(&repository, "UPPER/case:1")
            .input("file", "../web.yaml\n/etc/passwd")
            .input("token", "")
            .input("dry-run", "maybe");
        insta::assert_snapshot!(failure(&repository, action), @"");
        assert_eq!(server.requests().len(), 0);
    }

    #[test]
    fn a_missing_file() {
        let (_server, repository) = start();
        let action = update(&repository, V14).input("file", "blog-system/web-rolout.yaml");
        insta::assert_snapshot!(failure(&repository, action), @"");
    }

    #[test]
    fn a_glob_that_matches_nothing() {
        let (_server, repository) = start();
        let action = update(&repository, V14).input("file", "*.yaml");
        insta::assert_snapshot!(failure(&repository, action), @"");
    }

    #[test]
    fn an_image_that_matches_nothing() {
        let (_server, repository) = start();
        insta::assert_snapshot!(failure(&repository, update(&repository, "ghcr.io/wlals2/blog-wev:v14")), @"");
    }

    #[test]
    fn a_container_that_does_not_exist() {
        let (_server, repository) = start();
        let action = update(&repository, "ngin=ghcr.io/wlals2/blog-web:v14");
        insta::assert_snapshot!(failure(&repository, action), @"");
    }

    #[test]
    fn invalid_yaml() {
        let (_server, repository) = start();
        repository.commit("main", FILE, "kind: Pod\nspec:\n  a: [1,\n b: }\n", "chore: break");
        insta::assert_snapshot!(failure(&repository, update(&repository, V14)), @"");
    }

    #[test]
    fn a_symlink_a_directory_and_a_submodule() {
        let (_server, repository) = start();
        repository.commit("main", "link.yaml", Entry::Symlink(FILE.into()), "chore: link");
        repository.commit("main", "linked", Entry::Symlink("blog-system".into()), "chore: link");
        let tip = repository.tip("main");
        repository.commit("main", "vendor", Entry::Submodule(tip), "chore: submodule");
        let read = |file: &str| failure(&repository, update(&repository, V14).input("file", file));
        insta::assert_snapshot!(
            ["link.yaml", "linked/web-rollout.yaml", "blog-system", "vendor", "vendor/a.yaml"].map(read).join("\n\n"),
            @""
        );
    }

    #[test]
    fn an_empty_repository() {
        let server = GitServer::start();
        let repository = server.repository("wlals2/k8s-manifests");
        insta::assert_snapshot!(failure(&repository, update(&repository, V14)), @"");
    }

    #[test]
    fn a_branch_that_does_not_exist() {
        let (_server, repository) = start();
        repository.set_branch("release", &repository.tip("main"));
        let action = update(&repository, V14).input("branch", "master");
        insta::assert_snapshot!(failure(&repository, action), @"");
    }

    #[test]
    fn a_repository_that_does_not_exist() {
        let (server, repository) = start();
        let action = update(&repository, V14).input("repository", server.url_of("wlals2/manifests"));
        insta::assert_snapshot!(failure(&repository, action), @"");
    }

    #[test]
    fn a_token_that_is_refused() {
        let (_server, repository) = start();
        let action = update(&repository, V14).input("token", "ghp_expired");
        insta::assert_snapshot!(failure(&repository, action), @"");
    }

    #[test]
    fn a_token_that_may_only_read() {
        let (server, repository) = start();
        server.grant("github_pat_reader", Rights::ReadOnly);
        let action = update(&repository, V14).input("token", "github_pat_reader");
        insta::assert_snapshot!(failure(&repository, action), @"");
    }

    #[test]
    fn a_server_that_never_answers() {
        let (server, repository) = start();
        server.fault(Step::FetchRefs.every(), Fault::Stall);
        let action = update(&repository, V14).input("timeout", "2");
        insta::assert_snapshot!(failure(&repository, action), @"");
    }

    #[test]
    fn a_server_that_is_not_there() {
        let (_server, repository) = start();
        let action = update(&repository, V14)
            .input("repository", "http://127.0.0.1:1/wlals2/k8s-manifests")
            .input("timeout", "1");
        insta::assert_snapshot!(failure(&repository, action), @"");
    }

    #[test]
    fn a_protected_branch() {
        let (server, repository) = start();
        repository.hook(
            "pre-receive",
            "echo 'error: GH006: Protected branch update failed for refs/heads/main.' >&2\nexit 1",
        );
        insta::assert_snapshot!(failure(&repository, update(&repository, V14)), @"");
        assert_eq!(server.count(Step::Push), 1, "no second try");
    }

    #[test]
    fn a_page_that_is_no_git_repository() {
        let (server, repository) = start();
        let html = vec![("Content-Type".to_owned(), "text/html".to_owned())];
        server.fault(Step::FetchRefs.every(), Fault::Status(200, html, "<html>Sign in</html>".into()));
        insta::assert_snapshot!(failure(&repository, update(&repository, V14)), @"");
    }

    #[test]
    fn a_redirect_to_another_host_never_gets_the_token() {
        let (server, repository) = start();
        let elsewhere = GitServer::start();
        server.fault(Step::FetchRefs.every(), Fault::Redirect(elsewhere.url_of("wlals2/k8s-manifests")));
        let text = failure(&repository, update(&repository, V14));
        insta::assert_snapshot!(text.replace(&elsewhere.url(), "ELSEWHERE"), @"");
        assert_eq!(elsewhere.requests().len(), 0);
    }
}

/// What GitHub's API adds to a refusal.
mod on_github {
    use wiremock::matchers::{method, path};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;

    /// The message for `token`, on a server that is the workflow's GitHub, whose API answers so.
    fn explained(token: &str, rights: Rights, answer: ResponseTemplate) -> String {
        let (server, repository) = start();
        server.grant(token, rights);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let api = runtime.block_on(async {
            let api = MockServer::start().await;
            Mock::given(method("GET"))
                .and(path("/repos/wlals2/k8s-manifests"))
                .respond_with(answer)
                .expect(1)
                .mount(&api)
                .await;
            api
        });
        let action = update(&repository, V14)
            .input("repository", "wlals2/k8s-manifests")
            .input("server-url", server.url())
            .input("api-url", api.uri())
            .input("token", token);
        let text = failure(&repository, action);
        runtime.block_on(api.verify());
        text
    }

    fn not_found() -> ResponseTemplate {
        ResponseTemplate::new(404).set_body_json(serde_json::json!({
            "message": "Not Found",
            "documentation_url": "https://docs.github.com/rest/repos/repos#get-a-repository",
            "status": "404"
        }))
    }

    fn visible(push: bool, archived: bool) -> ResponseTemplate {
        ResponseTemplate::new(200).set_body_json(serde_json::json!({
            "id": 1, "name": "k8s-manifests", "full_name": "wlals2/k8s-manifests", "private": true,
            "archived": archived,
            "permissions": {"admin": false, "maintain": false, "push": push, "triage": false, "pull": true}
        }))
    }

    #[test]
    fn a_classic_token_without_the_scope() {
        let answer = not_found().insert_header("x-oauth-scopes", "read:org, workflow");
        insta::assert_snapshot!(explained("ghp_noscope", Rights::NoAccess, answer), @"");
    }

    #[test]
    fn a_fine_grained_token_that_may_only_read() {
        insta::assert_snapshot!(explained("github_pat_x", Rights::ReadOnly, visible(true, false)), @"");
    }

    #[test]
    fn the_workflows_own_token_on_another_repository() {
        insta::assert_snapshot!(explained("ghs_own", Rights::NoAccess, not_found()), @"");
    }

    #[test]
    fn an_expired_token() {
        let answer = ResponseTemplate::new(401).set_body_json(serde_json::json!({
            "message": "Bad credentials", "documentation_url": "https://docs.github.com/rest", "status": "401"
        }));
        insta::assert_snapshot!(explained("github_pat_old", Rights::Refused, answer), @"");
    }

    #[test]
    fn an_organisation_with_single_sign_on() {
        let answer = ResponseTemplate::new(403).insert_header(
            "x-github-sso",
            "required; url=https://github.com/orgs/wlals2/sso?authorization_request=A1",
        );
        insta::assert_snapshot!(explained("ghp_sso", Rights::NoAccess, answer), @"");
    }

    #[test]
    fn an_archived_repository() {
        insta::assert_snapshot!(explained("ghp_any", Rights::ReadOnly, visible(true, true)), @"");
    }
}
