//! `operation: promote`: the images of one stage go to another, with proof that they hold there.

use super::VIA;
use crate::support::{
    ARGOCD_TOKEN, Action, App, ArgoCd, Entry, GitServer, Outcome, Reply, Repository, Step, TOKEN,
    Via, as_over_any,
};

const STAGING: &str = "envs/staging/web.yaml";
const PRODUCTION: &str = "envs/production/web.yaml";
const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn deployment(image: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  template:\n    spec:\n      \
         containers:\n      - name: web\n        image: {image} # the site\n"
    )
}

fn web(tag: &str) -> String {
    deployment(&format!("ghcr.io/acme/web:{tag}"))
}

/// Staging and production at v1, and staging at v2 since.
fn start() -> (GitServer, Repository) {
    let server = GitServer::start();
    let repository = server.repository_with("acme/manifests", STAGING, &web("v1"));
    repository.commit("main", PRODUCTION, web("v1").as_str(), "feat: production");
    deploy(&repository, STAGING, "v2").succeeded();
    (server, repository)
}

fn deploy(repository: &Repository, file: &str, tag: &str) -> Outcome {
    Action::new()
        .over(VIA, repository)
        .input("file", file)
        .input("image", format!("ghcr.io/acme/web:{tag}"))
        .input("token", TOKEN)
        .run()
}

fn rollback(repository: &Repository, file: &str) -> Outcome {
    Action::new()
        .over(VIA, repository)
        .input("operation", "rollback")
        .input("file", file)
        .input("token", TOKEN)
        .run()
}

fn promote(repository: &Repository) -> Action {
    Action::new()
        .over(VIA, repository)
        .input("operation", "promote")
        .input("from", STAGING)
        .input("file", PRODUCTION)
        .input("token", TOKEN)
        .input("timeout", "60")
}

fn text(repository: &Repository, path: &str) -> String {
    String::from_utf8(repository.show("main", path)).unwrap()
}

/// A text without what differs from run to run, and from one transport to the other.
fn scrubbed(repository: &Repository, text: &str) -> String {
    let mut text = as_over_any(repository, text)
        .replace("by wlals2", "by github-actions[bot]")
        .replace("github-actions\\[bot\\]", "github-actions[bot]")
        .replace(" Its signature is verified.", "");
    for (number, commit) in repository.log("--all").iter().rev().enumerate() {
        text = text
            .replace(&commit.id, &format!("COMMIT-{number}"))
            .replace(&commit.id[..7], &format!("commit-{number}"));
    }
    // `2026-08-22T10:00:05+00:00` and `2026-08-22 10:00 UTC`
    let is_time = |word: &&str| {
        let word = word.trim_end_matches(['.', ')', ',', '\n']);
        let digits = |c: char| c.is_ascii_digit() || "T:+-".contains(c);
        let is_hour = (5..10).contains(&word.len()) && word.contains(':');
        word == "UTC" || is_hour && word.chars().all(digits)
    };
    let words: Vec<&str> = text.split(' ').filter(|word| !is_time(word)).collect();
    let words = words
        .into_iter()
        .map(|word| match word.starts_with("20") && word.len() >= 10 {
            true => "DATE",
            false => word,
        });
    words.collect::<Vec<_>>().join(" ")
}

/// A promotion that left everything as it was, with a warning.
fn skipped(repository: &Repository, action: Action) -> Outcome {
    let before = repository.git(&["for-each-ref"]);
    let outcome = action.run().succeeded();
    assert_eq!(
        repository.git(&["for-each-ref"]),
        before,
        "{}",
        outcome.log()
    );
    assert_eq!(outcome.output("changed"), "false");
    assert_eq!(outcome.output("promoted-from"), "");
    assert_ne!(outcome.output("skipped-reason"), "");
    assert_eq!(outcome.warnings().len(), 1, "{}", outcome.log());
    // Why is said once.
    let why = outcome.output("skipped-reason").lines().next().unwrap();
    assert_eq!(outcome.log().matches(why).count(), 1, "{}", outcome.log());
    assert!(
        !outcome.summary.contains("[!WARNING]"),
        "{}",
        outcome.summary
    );
    outcome
}

#[test]
fn an_image_goes_to_the_next_stage() {
    let (_server, repository) = start();
    let staging = repository.tip("main");
    let outcome = promote(&repository).run().succeeded();
    assert_eq!(text(&repository, PRODUCTION), web("v2"));
    assert_eq!(outcome.output("image"), "ghcr.io/acme/web:v2");
    assert_eq!(outcome.output("previous-image"), "ghcr.io/acme/web:v1");
    assert_eq!(
        outcome.output("promoted-from"),
        format!("{STAGING}@{staging}")
    );
    assert_eq!(outcome.output("commit-sha"), repository.tip("main"));
    let message = repository.log("main")[0].message.clone();
    insta::assert_snapshot!(scrubbed(&repository, &message), @"
    chore: promote web image to v2

    Deployed-Image: ghcr.io/acme/web:v2
    Previous-Image: ghcr.io/acme/web:v1
    Promoted-From: envs/staging/web.yaml@COMMIT-2
    Workflow-Run: https://github.com/wlals2/blogsite/actions/runs/123/attempts/1
    ");
    insta::assert_snapshot!(scrubbed(&repository, &outcome.shown_log()), @"
    gitops-deploy VERSION: promote in REPOSITORY
    Promoting the images of envs/staging/web.yaml to envs/production/web.yaml in REPOSITORY
    Read main at commit-2
    Pushed commit-3 to main of REPOSITORY: promoted ghcr.io/acme/web:v2.
    ::group::Diff
    --- a/envs/production/web.yaml
    +++ b/envs/production/web.yaml
    @@ -6,4 +6,4 @@
         spec:
           containers:
           - name: web
    -        image: ghcr.io/acme/web:v1 # the site
    +        image: ghcr.io/acme/web:v2 # the site
    ::endgroup::
    ");
    insta::assert_snapshot!(scrubbed(&repository, &outcome.summary), @"
    ### 🚀 Promoted `web:v2`

    Commit [`commit-3`](REPOSITORY/commit/COMMIT-3) is on `main` of [`REPOSITORY`](REPOSITORY).

    | Image | From | To |
    |---|---|---|
    | `ghcr.io/acme/web:v2` | `envs/staging/web.yaml:9` | `envs/production/web.yaml` |

    | Resource | Container | Old image | New image | File |
    |---|---|---|---|---|
    | `Deployment/web` | `web` | `ghcr.io/acme/web:v1` | `ghcr.io/acme/web:v2` | `envs/production/web.yaml:9` |

    <details open><summary>Diff</summary>

    ```diff
    --- a/envs/production/web.yaml
    +++ b/envs/production/web.yaml
    @@ -6,4 +6,4 @@
         spec:
           containers:
           - name: web
    -        image: ghcr.io/acme/web:v1 # the site
    +        image: ghcr.io/acme/web:v2 # the site
    ```

    </details>
    ");

    let history = Action::new()
        .over(VIA, &repository)
        .input("operation", "history")
        .input("file", PRODUCTION)
        .input("token", TOKEN)
        .run()
        .succeeded();
    let deployments: serde_json::Value =
        serde_json::from_str(history.output("deployments")).unwrap();
    assert_eq!(deployments[0]["kind"], "promotion");

    let again = promote(&repository).run().succeeded();
    assert_eq!(again.output("changed"), "false");
    assert_eq!(again.output("skipped-reason"), "");
    assert_eq!(again.output("commit-sha"), repository.tip("main"));
}

#[test]
fn a_digest_is_copied_as_git_has_it() {
    let (_server, repository) = start();
    let pinned = format!("ghcr.io/acme/web:v3@{DIGEST}");
    repository.commit("main", STAGING, deployment(&pinned).as_str(), "v3");
    promote(&repository).run().succeeded();
    assert_eq!(text(&repository, PRODUCTION), deployment(&pinned));
}

#[test]
fn several_images_go_together_and_what_is_on_one_side_alone_stays() {
    let (_server, repository) = start();
    let containers = |images: &[(&str, &str)]| {
        let images = images.iter();
        let images =
            images.map(|(name, image)| format!("      - {{name: {name}, image: {image}}}\n"));
        format!(
            "kind: Deployment\nmetadata: {{name: web}}\nspec:\n  template:\n    spec:\n      containers:\n{}",
            images.collect::<String>()
        )
    };
    let pinned = format!("ghcr.io/acme/proxy@{DIGEST}");
    let staging = containers(&[
        ("web", "ghcr.io/acme/web:v5"),
        ("proxy", &pinned),
        ("debug", "busybox:1"),
    ]);
    let production = |web: &str, proxy: &str| {
        let agent = ("agent", "ghcr.io/acme/agent:v1");
        containers(&[("proxy", proxy), agent, ("web", web)])
    };
    let old = production("ghcr.io/acme/web:v1", "ghcr.io/acme/proxy:v1");
    let files = [(STAGING, staging.as_str()), (PRODUCTION, old.as_str())];
    let files = files.map(|(path, text)| (path, Entry::from(text)));
    repository.commit_all("main", files, "several");
    let outcome = promote(&repository).run().succeeded();
    let expected = production("ghcr.io/acme/web:v5", &pinned);
    assert_eq!(text(&repository, PRODUCTION), expected);
    let images = format!("{pinned}\nghcr.io/acme/web:v5");
    assert_eq!(outcome.output("image"), images);
}

#[test]
fn both_sides_cost_a_read_and_a_commit_where_nothing_is_new_a_read() {
    let server = GitServer::start();
    let repository = server.repository("acme/manifests");
    let (v1, v2) = (web("v1"), web("v2"));
    let at = |hours: i64, files: &[(&str, &str)]| {
        repository.commit_at(now() - hours * 3600, "main", files);
    };
    at(9, &[(STAGING, &v1), (PRODUCTION, &v1)]);
    // What a person has changed by hand might have taken something back.
    at(8, &[(PRODUCTION, &format!("{v1}# by hand\n"))]);
    at(7, &[(STAGING, &format!("{v1}# by hand\n"))]);
    at(3, &[(STAGING, &v2)]);
    let before = repository.tip("main");
    for soak in ["", "2h"] {
        let requests = |expected: usize| {
            server.reset_log();
            promote(&repository).input("soak", soak).run().succeeded();
            let requests = server.requests();
            match VIA {
                Via::Api => assert_eq!(requests.len(), expected, "{soak}: {requests:#?}"),
                Via::Git => assert_eq!(server.count(Step::Push), expected - 1),
            }
        };
        requests(2);
        assert_eq!(text(&repository, PRODUCTION), format!("{v2}# by hand\n"));
        requests(1);
        repository.set_branch("main", &before);
    }
    skipped(&repository, promote(&repository).input("soak", "3h1m"));
}

#[test]
fn what_is_too_large_to_come_along_is_read_all_the_same() {
    // Of one file GitHub gives no text; of the versions of two it would give more than is taken in.
    let both = if VIA == Via::Api { 10 } else { 1 };
    for (lines, versions) in [(80_000, 2), (54_000, both)] {
        let (_server, repository) = start();
        // JSON has two bytes for each quote.
        let filler = "#\"\"\"\"\"\"\"\n".repeat(lines);
        for n in 0..versions {
            let file = |tag: &str| format!("{}# {n}\n{filler}", web(tag));
            let [staging, production] = [file("v3"), file("v1")];
            let files = [(STAGING, &staging), (PRODUCTION, &production)];
            let entries = files.map(|(path, text)| (path, Entry::from(text.as_str())));
            repository.commit_all("main", entries, "larger");
        }
        promote(&repository).run().succeeded();
        assert!(text(&repository, PRODUCTION).starts_with(&web("v3")));
    }
}

#[test]
fn what_comes_by_a_merge_is_as_old_as_the_merge() {
    let server = GitServer::start();
    let repository = server.repository("acme/manifests");
    let day = 24 * 3600;
    let v1 = web("v1");
    let files = [(STAGING, v1.as_str()), (PRODUCTION, v1.as_str())];
    repository.commit_at(now() - 9 * day, "main", &files);
    repository.set_branch("feature", "main");
    repository.commit_at(now() - 8 * day, "feature", &[(STAGING, &web("v3"))]);
    let merge = "-c user.name=M -c user.email=m@example.com commit-tree -p main -p feature -m merge feature^{tree}";
    let merge: Vec<&str> = merge.split(' ').collect();
    let merge = repository.git(&merge);
    repository.set_branch("main", merge.trim());
    let outcome = skipped(&repository, promote(&repository).input("soak", "2h"));
    insta::assert_snapshot!(scrubbed(&repository, outcome.output("skipped-reason")), @"
    envs/staging/web.yaml has ghcr.io/acme/web:v3 only since DATE (commit commit-2), and it is to stay there for 2 h first: until DATE
    ");
    promote(&repository).run().succeeded();
    assert_eq!(text(&repository, PRODUCTION), web("v3"));
}

#[test]
fn a_dry_run_writes_nothing() {
    let (_server, repository) = start();
    let before = repository.tip("main");
    let outcome = promote(&repository)
        .input("dry-run", "true")
        .run()
        .succeeded();
    assert_eq!(repository.tip("main"), before);
    assert_eq!(outcome.output("changed"), "true");
    let verdict = "### 🔍 Dry run: would promote `web:v2`\n";
    assert!(outcome.summary.starts_with(verdict), "{}", outcome.summary);
    assert!(
        outcome
            .output("diff")
            .contains("+        image: ghcr.io/acme/web:v2 # the site")
    );
}

#[test]
fn two_hundred_services_go_in_one_commit() {
    let server = GitServer::start();
    let repository = server.repository("acme/manifests");
    let path = |stage: &str, n: usize| format!("envs/{stage}/service-{n:03}/values.yaml");
    let values = |n: usize, tag: &str| {
        format!("image:\n  repository: ghcr.io/acme/service-{n:03}\n  tag: {tag} # ours\n")
    };
    let mut files = Vec::new();
    for n in 0..200 {
        files.push((path("staging", n), values(n, &format!("v{n}"))));
        files.push((path("production", n), values(n, "v0")));
    }
    files.push((path("staging", 500), values(500, "v1")));
    files.push((path("production", 600), values(600, "v1")));
    let entries = files.iter();
    let entries = entries.map(|(path, text)| (path.as_str(), Entry::from(text.as_str())));
    repository.commit_all("main", entries, "all");
    let outcome = promote(&repository)
        .input("from", "envs/staging/{app}/values.yaml")
        .input("file", "envs/production/{app}/values.yaml")
        .run()
        .succeeded();
    for n in 0..200 {
        assert_eq!(
            text(&repository, &path("production", n)),
            values(n, &format!("v{n}"))
        );
    }
    assert_eq!(repository.log("main").len(), 2);
    assert_eq!(
        outcome.output("files").lines().count(),
        199,
        "v0 was there already"
    );
    assert_eq!(outcome.output("promoted-from").lines().count(), 199);
    let log = outcome.shown_log();
    assert!(log.contains("Left as they are, as `from` has no file for them: envs/production/service-600/values.yaml"), "{log}");
    assert!(
        log.contains(
            "Not promoted, as `file` has no file for them: envs/staging/service-500/values.yaml"
        ),
        "{log}"
    );
}

#[test]
fn stages_may_be_branches() {
    let (_server, repository) = start();
    let tip = repository.tip("main");
    repository.set_branch("staging", &tip);
    repository.commit("staging", "web.yaml", web("v7").as_str(), "v7");
    repository.commit("main", "web.yaml", web("v1").as_str(), "v1");
    let staging = repository.tip("staging");
    let outcome = promote(&repository)
        .input("branch", "main")
        .input("from-branch", "staging")
        .input("from", "{file}.yaml")
        .input("file", "{file}.yaml")
        .run()
        .succeeded();
    assert_eq!(text(&repository, "web.yaml"), web("v7"));
    assert_eq!(
        outcome.output("promoted-from"),
        format!("web.yaml@{staging}")
    );
}

#[test]
fn what_was_rolled_back_is_not_promoted() {
    // Where it comes from: the rollback there is what production gets, and it holds that.
    let (_server, repository) = start();
    rollback(&repository, STAGING).succeeded();
    let outcome = promote(&repository).run().succeeded();
    assert_eq!(outcome.output("changed"), "false");
    // Somebody puts it there again by hand.
    repository.commit("main", STAGING, web("v2").as_str(), "just to try");
    let outcome = skipped(&repository, promote(&repository));
    insta::assert_snapshot!(scrubbed(&repository, outcome.output("skipped-reason")), @"
    ghcr.io/acme/web:v2 is in envs/staging/web.yaml, and was rolled back there by commit commit-3 of DATE by github-actions[bot]. Promote a newer version, or deploy this one with `operation: update`
    ");

    // Where it goes to: a scheduled promotion would bring the broken image back.
    let (_server, repository) = start();
    promote(&repository).run().succeeded();
    rollback(&repository, PRODUCTION).succeeded();
    let outcome = skipped(&repository, promote(&repository));
    insta::assert_snapshot!(scrubbed(&repository, outcome.output("skipped-reason")), @"
    ghcr.io/acme/web:v2 was rolled back in envs/production/web.yaml by commit commit-4 of DATE by github-actions[bot]. Promote a newer version, or deploy this one with `operation: update`
    ");
    insta::assert_snapshot!(scrubbed(&repository, &outcome.summary), @"
    ### ⏭️ Skipped: `web:v1` stays

    ghcr.io/acme/web:v2 was rolled back in envs/production/web.yaml by commit commit-4 of DATE by github-actions[bot]. Promote a newer version, or deploy this one with `operation: update`. Nothing was pushed to `main` of [`REPOSITORY`](REPOSITORY).

    | Image | From | To |
    |---|---|---|
    | `ghcr.io/acme/web:v2` | `envs/staging/web.yaml:9` | `envs/production/web.yaml` |

    | Resource | Container | Image in Git | Image asked for | File |
    |---|---|---|---|---|
    | `Deployment/web` | `web` | `ghcr.io/acme/web:v1` | `ghcr.io/acme/web:v2` | `envs/production/web.yaml:9` |
    ");
    // The next version is another matter.
    deploy(&repository, STAGING, "v3").succeeded();
    promote(&repository).run().succeeded();
    assert_eq!(text(&repository, PRODUCTION), web("v3"));
}

fn now() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(now.unwrap().as_secs()).unwrap()
}

#[test]
fn an_image_soaks_before_it_goes_on() {
    let (_server, repository) = start();
    let before = now();
    let outcome = skipped(&repository, promote(&repository).input("soak", "2h"));
    insta::assert_snapshot!(scrubbed(&repository, outcome.output("skipped-reason")), @"
    envs/staging/web.yaml has ghcr.io/acme/web:v2 only since DATE (commit commit-2), and it is to stay there for 2 h first: until DATE
    ");
    let at = outcome.output("promotable-at");
    let at = gitops_deploy::date::Timestamp::seconds_of_iso(at).unwrap();
    assert!((before + 7000..=now() + 7200).contains(&at), "{at}");

    let server = GitServer::start();
    let old = server.repository("acme/old");
    let day = 24 * 3600;
    let first = web("v1");
    let files = [(STAGING, first.as_str()), (PRODUCTION, first.as_str())];
    old.commit_at(now() - 3 * day, "main", &files);
    let staging = |seconds: i64, text: &str| old.commit_at(seconds, "main", &[(STAGING, text)]);
    staging(now() - 3 * 3600, &web("v3"));
    // What is changed beside it says nothing of the image.
    staging(now() - 60, &format!("{}# later\n", web("v3")));
    skipped(&old, promote(&old).input("soak", "4h"));
    promote(&old).input("soak", "2h").run().succeeded();
    assert_eq!(text(&old, PRODUCTION), web("v3"));
    // A clock that is behind makes no image older than what was there before it.
    staging(now() - 9 * day, &web("v4"));
    skipped(&old, promote(&old).input("soak", "2h"));
}

#[test]
fn what_is_ready_goes_and_what_is_not_is_told() {
    let server = GitServer::start();
    let repository = server.repository("acme/manifests");
    let old = |app: &str, tag: &str| deployment(&format!("ghcr.io/acme/{app}:{tag}"));
    let files = [
        ("staging/web.yaml", old("web", "v2")),
        ("staging/api.yaml", old("api", "v2")),
        ("production/web.yaml", old("web", "v1")),
        ("production/api.yaml", old("api", "v1")),
    ];
    let entries = files.iter();
    let entries = entries.map(|(path, text)| (*path, Entry::from(text.as_str())));
    repository.commit_all("main", entries, "all");
    promote(&repository)
        .input("from", "staging/{app}.yaml")
        .input("file", "production/{app}.yaml")
        .run()
        .succeeded();
    rollback(&repository, "production/api.yaml").succeeded();
    repository.commit("main", "staging/web.yaml", old("web", "v3").as_str(), "v3");
    let outcome = promote(&repository)
        .input("from", "staging/{app}.yaml")
        .input("file", "production/{app}.yaml")
        .run()
        .succeeded();
    assert_eq!(text(&repository, "production/web.yaml"), old("web", "v3"));
    assert_eq!(text(&repository, "production/api.yaml"), old("api", "v1"));
    assert_eq!(outcome.output("image"), "ghcr.io/acme/web:v3");
    insta::assert_snapshot!(scrubbed(&repository, &outcome.warnings().join("\n")), @"
    production/api.yaml was left as it is: ghcr.io/acme/api:v2 was rolled back in production/api.yaml by commit commit-2 of DATE by github-actions[bot]. Promote a newer version, or deploy this one with `operation: update`
    ");
}

#[test]
fn a_stage_that_changes_meanwhile_is_planned_again() {
    let (server, repository) = start();
    // A rollback in staging that comes between the look and the push.
    let other = repository.clone();
    server.before(VIA.push().nth(2), move || {
        other.commit("main", STAGING, web("v1").as_str(), "back");
    });
    let outcome = promote(&repository).run().succeeded();
    assert_eq!(outcome.output("changed"), "false", "{}", outcome.log());
    assert_eq!(text(&repository, PRODUCTION), web("v1"));
}

#[test]
fn a_rollback_that_comes_between_the_look_and_the_push_is_seen() {
    let (server, repository) = start();
    let other = repository.clone();
    server.before(VIA.push().nth(2), move || {
        for tag in ["v2", "v1"] {
            other.commit("main", PRODUCTION, web(tag).as_str(), tag);
        }
    });
    let outcome = promote(&repository).run().succeeded();
    assert_eq!(outcome.output("changed"), "false", "{}", outcome.log());
    assert_eq!(text(&repository, PRODUCTION), web("v1"));
}

#[test]
fn the_branch_of_a_stage_is_looked_at_again_after_a_lost_race() {
    let (server, repository) = start();
    repository.set_branch("staging", &repository.tip("main"));
    let other = repository.clone();
    server.before(VIA.push().nth(2), move || {
        other.commit("staging", STAGING, web("v1").as_str(), "back");
        other.commit("main", "README.md", "more\n", "docs: more");
    });
    let outcome = promote(&repository)
        .input("from-branch", "staging")
        .run()
        .succeeded();
    assert_eq!(outcome.output("changed"), "false", "{}", outcome.log());
    assert_eq!(text(&repository, PRODUCTION), web("v1"));
}

#[test]
fn a_promotion_holds_only_what_its_base_held() {
    let (_server, repository) = start();
    let writers: Vec<_> = (0..24)
        .map(|n| {
            Action::new()
                .over(VIA, &repository)
                .input("file", STAGING)
                .input("image", format!("ghcr.io/acme/web:v{}", 10 + n))
                .input("token", TOKEN)
                .input("timeout", "150")
                .spawn()
        })
        .collect();
    let promotions: Vec<_> = (0..3)
        .map(|_| promote(&repository).input("timeout", "150").spawn())
        .collect();
    for running in writers {
        running.wait().succeeded();
    }
    let outcomes = promotions.into_iter().map(|one| one.wait().succeeded());
    let skipped: Vec<String> = outcomes
        .map(|outcome| outcome.output("skipped-reason").to_owned())
        .collect();
    repository.fsck();
    let mut promoted = 0;
    for commit in repository.log("main") {
        if !commit.message.starts_with("chore: promote") {
            continue;
        }
        promoted += 1;
        let base = commit.parents[0].as_str();
        assert_eq!(
            repository.show(&commit.id, PRODUCTION),
            repository.show(base, STAGING)
        );
        assert!(
            commit
                .message
                .contains(&format!("Promoted-From: {STAGING}@{base}"))
        );
    }
    assert!(promoted > 0, "{skipped:?}");
}

#[test]
fn the_stage_must_run_it_now() {
    let (_server, repository) = start();
    let staging = repository.tip("main");
    let url = repository.url().to_owned();
    let argocd = |image: &'static str| {
        let (url, staging) = (url.clone(), staging.clone());
        ArgoCd::play(vec![Box::new(move || {
            Reply::App(App::healthy(&url, &staging, &[image]))
        })])
    };
    let vetted = |argocd: &ArgoCd| {
        promote(&repository)
            .input("from-argocd-application", "web-staging")
            .input("argocd-server", argocd.url())
            .input("argocd-token", ARGOCD_TOKEN)
            .input("verify-timeout", "3")
    };
    let other = argocd("ghcr.io/acme/web:v1");
    let outcome = skipped(&repository, vetted(&other));
    let reason = outcome.output("skipped-reason").to_owned();
    assert!(
        reason.starts_with("what envs/staging/web.yaml holds does not run as it should. "),
        "{reason}"
    );
    // Nobody knows: nothing is promoted, and the step fails.
    let gone = ArgoCd::play(vec![Box::new(|| Reply::Page(404))]);
    let before = repository.tip("main");
    let outcome = vetted(&gone).run().failed();
    assert!(
        outcome.errors()[0].contains("Nothing was promoted."),
        "{}",
        outcome.log()
    );
    assert_eq!(repository.tip("main"), before);
    // What it takes to get well is no time of the Git server's.
    let starting = |health: &'static str| -> Box<dyn Fn() -> Reply + Send> {
        let (url, staging) = (url.clone(), staging.clone());
        Box::new(move || {
            let app = App::healthy(&url, &staging, &["ghcr.io/acme/web:v2"]);
            Reply::App(app.health(health))
        })
    };
    let mut looks: Vec<_> = (0..8).map(|_| starting("Progressing")).collect();
    looks.push(starting("Healthy"));
    let slow = ArgoCd::play(looks);
    vetted(&slow)
        .input("timeout", "6")
        .input("verify-timeout", "60")
        .run()
        .succeeded();
    assert_eq!(text(&repository, PRODUCTION), web("v2"));
}

/// What decides in a stage may be a tag alone, over the values that say of which image it is.
#[test]
fn a_tag_that_is_put_over_values_is_held_to_the_same() {
    const OVER: &str = "envs/staging/values-staging.yaml";
    let tag = |tag: &str| format!("image:\n  tag: {tag}\n");
    let server = GitServer::start();
    let base = "image:\n  repository: ghcr.io/acme/web\n  tag: v0\n";
    let repository = server.repository_with("acme/manifests", "envs/staging/values.yaml", base);
    repository.commit("main", OVER, tag("v1").as_str(), "feat: staging");
    repository.commit("main", PRODUCTION, web("v0").as_str(), "feat: production");
    deploy(&repository, OVER, "v2").succeeded();
    let promote = || promote(&repository).input("from", "envs/staging/*.yaml");
    // It must run there.
    let (url, staging) = (repository.url().to_owned(), repository.tip("main"));
    let argocd = ArgoCd::play(vec![Box::new(move || {
        Reply::App(App::healthy(&url, &staging, &["ghcr.io/acme/web:v0"]))
    })]);
    let vetted = promote()
        .input("from-argocd-application", "web-staging")
        .input("argocd-server", argocd.url())
        .input("argocd-token", ARGOCD_TOKEN)
        .input("verify-timeout", "3");
    let outcome = skipped(&repository, vetted);
    let reason = outcome.output("skipped-reason");
    assert!(
        reason.starts_with("what envs/staging/*.yaml holds does not run as it should. "),
        "{reason}"
    );
    // It must not have been rolled back there.
    rollback(&repository, OVER).succeeded();
    repository.commit("main", OVER, tag("v2").as_str(), "just to try");
    let outcome = skipped(&repository, promote());
    let reason = outcome.output("skipped-reason");
    let expected = format!("ghcr.io/acme/web:v2 is in {OVER}, and was rolled back there by");
    assert!(reason.starts_with(&expected), "{reason}");
    deploy(&repository, OVER, "v3").succeeded();
    promote().run().succeeded();
    assert_eq!(text(&repository, PRODUCTION), web("v3"));
}

#[test]
fn what_comes_while_argo_cd_is_asked_waits_for_the_next_run() {
    let (server, repository) = start();
    promote(&repository).run().succeeded();
    // Nothing is new, so that nobody is asked; then something is.
    let look = match VIA {
        Via::Git => Step::FetchRefs,
        Via::Api => Step::Query,
    };
    let second = server.count(look) + 2;
    let other = repository.clone();
    server.before(look.nth(second), move || {
        other.commit("main", STAGING, web("v3").as_str(), "v3");
    });
    let argocd = ArgoCd::play(vec![Box::new(|| Reply::Page(404))]);
    let outcome = promote(&repository)
        .input("from-argocd-application", "web-staging")
        .input("argocd-server", argocd.url())
        .input("argocd-token", ARGOCD_TOKEN)
        .run()
        .succeeded();
    assert_eq!(
        text(&repository, PRODUCTION),
        web("v2"),
        "{}",
        outcome.log()
    );
    insta::assert_snapshot!(outcome.output("skipped-reason"), @"ghcr.io/acme/web:v3 came to envs/staging/web.yaml while the step looked at what was there before. Run the job again");
}

#[test]
fn what_was_taken_back_without_our_words_is_not_promoted_either() {
    for (by, back) in [
        ("git", "Revert \"web v2\"\n\nThis reverts commit COMMIT.\n"),
        ("hand", "back to the one that works"),
    ] {
        for file in [STAGING, PRODUCTION] {
            let server = GitServer::start();
            let repository = server.repository_with("acme/manifests", STAGING, &web("v1"));
            repository.commit("main", PRODUCTION, web("v1").as_str(), "feat: production");
            let bad = repository.commit("main", file, web("v2").as_str(), "web v2");
            let message = back.replace("COMMIT", &bad);
            repository.commit("main", file, web("v1").as_str(), &message);
            repository.commit("main", STAGING, web("v2").as_str(), "once more");
            let outcome = skipped(&repository, promote(&repository));
            let reason = outcome.output("skipped-reason");
            assert!(
                reason.contains(&format!(
                    "rolled back {}",
                    if file == STAGING {
                        "there"
                    } else {
                        "in envs/production"
                    }
                )),
                "{by}: {reason}"
            );
            // A newer one is another matter, and so is a person's word.
            deploy(&repository, PRODUCTION, "v2").succeeded();
            repository.commit("main", STAGING, web("v3").as_str(), "the next one");
            promote(&repository).run().succeeded();
            assert_eq!(text(&repository, PRODUCTION), web("v3"));
        }
    }
}

#[test]
fn what_was_rolled_back_is_not_promoted_to_a_file_that_was_split_off() {
    let api = deployment("ghcr.io/acme/api:v1").replace("web", "api");
    let together = |tag: &str| format!("{}---\n{api}", web(tag));
    // So little of the old file that it is none that was renamed.
    let rewritten = format!("{}{}", "# Of the site alone.\n".repeat(30), web("v2"));
    for (rest, new) in [
        (Entry::from(api.as_str()), rewritten.clone()),
        (Entry::Absent, rewritten),
        (Entry::Absent, together("v2")),
    ] {
        let server = GitServer::start();
        let repository = server.repository_with("acme/manifests", STAGING, &web("v1"));
        let all = "envs/production/all.yaml";
        repository.commit("main", all, together("v1").as_str(), "feat: production");
        let promote = || {
            let from = promote(&repository).input("from", "envs/staging/*.yaml");
            from.input("file", "envs/production/*.yaml")
                .run()
                .succeeded()
        };
        for tag in ["v2", "v3"] {
            deploy(&repository, STAGING, tag).succeeded();
            assert_eq!(promote().output("changed"), "true");
        }
        rollback(&repository, all).succeeded();
        let split = [(all, rest), (PRODUCTION, new.into())];
        repository.commit_all("main", split, "refactor: a file for each");
        let outcome = promote();
        assert_eq!(outcome.output("changed"), "false", "{}", outcome.log());
        let why = "ghcr.io/acme/web:v3 was rolled back in envs/production/";
        let reason = outcome.output("skipped-reason");
        assert!(reason.contains(why), "{reason}");
    }
}

#[test]
fn what_was_rolled_back_long_ago_is_not_promoted_either() {
    let (_server, repository) = start();
    promote(&repository).run().succeeded();
    rollback(&repository, PRODUCTION).succeeded();
    // More than come along with the files, and than are looked at first.
    let commented = |file: &str, n: usize| format!("{}# {n}\n", text(&repository, file));
    for n in 0..20 {
        let staging = commented(STAGING, n);
        repository.commit_at(now(), "main", &[(STAGING, &staging)]);
    }
    for n in 0..40 {
        let production = commented(PRODUCTION, n);
        repository.commit_at(now(), "main", &[(PRODUCTION, &production)]);
    }
    let outcome = skipped(&repository, promote(&repository));
    let reason = outcome.output("skipped-reason");
    let expected = format!("ghcr.io/acme/web:v2 was rolled back in {PRODUCTION} by commit");
    assert!(reason.starts_with(&expected), "{reason}");
    // What never ran there is told from it.
    deploy(&repository, STAGING, "v3").succeeded();
    promote(&repository).run().succeeded();
    assert!(text(&repository, PRODUCTION).contains("web:v3"));
}

#[test]
fn what_went_back_is_known_where_the_first_look_ends_before_it() {
    // The first look has so many commits, over the API or over git: the last of them is that of the image which is
    // gone, and not the one before it.
    for first in [30, 50] {
        let (_server, repository) = start();
        deploy(&repository, STAGING, "sha-bad").succeeded();
        for tag in ["sha-a", "sha-c", "sha-bad", "sha-a"] {
            deploy(&repository, PRODUCTION, tag).succeeded();
        }
        for number in 2..first {
            let text = format!("{}# {number}\n", text(&repository, PRODUCTION));
            repository.commit_at(now(), "main", &[(PRODUCTION, &text)]);
        }
        let outcome = skipped(&repository, promote(&repository));
        let why = outcome.output("skipped-reason");
        assert!(why.contains("sha-bad was rolled back in"), "{why}");
    }
}

#[test]
fn what_was_taken_away_is_not_promoted_whatever_by() {
    let digest = format!("v1@sha256:{}", "a".repeat(64));
    let renamed = |tag: &str| web(tag).replace("name: web", "name: app");
    for (what, back) in [
        ("an update", None),
        ("an older one", Some(web("v1.1"))),
        ("a pinned one", Some(web(&digest))),
        ("another name", Some(renamed("v1"))),
    ] {
        let (_server, repository) = start();
        promote(&repository).run().succeeded();
        match back {
            Some(text) => {
                repository.commit("main", PRODUCTION, text.as_str(), "fix: v2 is broken");
            }
            None => {
                deploy(&repository, PRODUCTION, "v1").succeeded();
            }
        }
        let outcome = skipped(&repository, promote(&repository));
        let reason = outcome.output("skipped-reason");
        assert!(
            reason.contains("was rolled back in envs/production"),
            "{what}: {reason}"
        );
        // Nor does a digest make it another one.
        let pinned = web(&digest.replace("v1", "v2"));
        repository.commit("main", STAGING, pinned.as_str(), "chore: pin");
        let outcome = skipped(&repository, promote(&repository));
        let reason = outcome.output("skipped-reason");
        assert!(
            reason.contains("was rolled back in envs/production"),
            "{what}: {reason}"
        );
    }
}

#[test]
fn a_rollback_of_the_stage_before_is_followed() {
    let (_server, repository) = start();
    promote(&repository).run().succeeded();
    deploy(&repository, STAGING, "v3").succeeded();
    promote(&repository).run().succeeded();
    rollback(&repository, STAGING).succeeded();
    promote(&repository).run().succeeded();
    assert_eq!(text(&repository, PRODUCTION), web("v2"));
    // And what is deployed there again goes on again.
    deploy(&repository, STAGING, "v3").succeeded();
    promote(&repository).run().succeeded();
    assert_eq!(text(&repository, PRODUCTION), web("v3"));
}

#[test]
fn a_busy_stage_soaks_as_well() {
    let server = GitServer::start();
    let repository = server.repository("acme/busy");
    let (v1, v2) = (web("v1"), web("v2"));
    let begin = now() - 3 * 3600;
    repository.commit_at(begin, "main", &[(STAGING, &v1), (PRODUCTION, &v1)]);
    // More than are looked at first. One of them brings the image, by a clock that is days behind.
    for n in 0..60 {
        let text = match n {
            0..3 => format!("{v1}# {n}\n"),
            _ => format!("{v2}# {n}\n"),
        };
        let days = if n == 3 { 9 * 24 * 3600 } else { 0 };
        repository.commit_at(now() - 60 - days, "main", &[(STAGING, &text)]);
    }
    let outcome = skipped(&repository, promote(&repository).input("soak", "2h"));
    let reason = outcome.output("skipped-reason");
    assert!(
        reason.contains("has ghcr.io/acme/web:v2 only since"),
        "{reason}"
    );
}

/// It would stand for anything, which nobody who writes it means.
#[test]
fn a_name_on_one_side_only_is_said() {
    let (_server, repository) = start();
    let warnings = |from: &str, file: &str| {
        let action = promote(&repository).input("from", from).input("file", file);
        let outcome = action.input("dry-run", "true").run().succeeded();
        outcome.warnings().join("\n")
    };
    insta::assert_snapshot!(
        warnings("envs/staging/{app}.yaml", PRODUCTION),
        @"
        `from`: `{app}` pairs no files, since the other side has no part of that name: it stands for anything, as `*` does
        "
    );
    insta::assert_snapshot!(
        warnings("envs/staging/{app}.yaml", "envs/production/{name}.yaml"),
        @"
        `file`: `{name}` pairs no files, since the other side has no part of that name: it stands for anything, as `*` does
        `from`: `{app}` pairs no files, since the other side has no part of that name: it stands for anything, as `*` does
        "
    );
    // A name beside one that pairs is a way to write "any".
    let one = "envs/staging/{app}.yaml";
    let other = "envs/{production}/{app}.yaml\n!envs/staging/web.yaml";
    assert_eq!(warnings(one, other), "");
}

#[test]
fn what_is_not_clear_is_an_error_and_changes_nothing() {
    let (_server, repository) = start();
    repository.commit(
        "main",
        "envs/staging/canary.yaml",
        web("v9").as_str(),
        "canary",
    );
    let before = repository.git(&["for-each-ref"]);
    let failed = |inputs: &[(&str, &str)]| {
        let mut action = promote(&repository);
        for (name, value) in inputs {
            action = action.input(name, *value);
        }
        let outcome = action.run().failed();
        assert_eq!(repository.git(&["for-each-ref"]), before);
        let errors = outcome.annotations().into_iter();
        let errors = errors.filter(|one| one.level == "error");
        let errors = errors.map(|one| format!("{}\n{}", one.properties["title"], one.message));
        errors.collect::<Vec<_>>().join("\n")
    };
    let told = [
        failed(&[("from", "envs/staging/*.yaml")]),
        failed(&[("from", "envs/{stage}/web.yaml")]),
        failed(&[
            ("from", "envs/staging/{app}.yaml"),
            ("file", "envs/{stage}/{app}.yaml"),
        ]),
        failed(&[("image", "ghcr.io/acme/api")]),
        failed(&[("image", "ghcr.io/acme/web:v2"), ("soak", "2")]),
        failed(&[("from", "")]),
        failed(&[
            ("from", "envs/staging/{app}*.yaml"),
            ("from-branch", "a..b"),
        ]),
        failed(&[("from", "envs/staging/nope.yaml")]),
        failed(&[("set", ".spec.replicas=3"), ("soak", "2")]),
        failed(&[("from", "nope.yaml")]),
        failed(&[("from-branch", "stagin")]),
        failed(&[
            ("from", "envs/staging/{app}.yaml"),
            (
                "file",
                "envs/production/{app}.yaml\n!envs/production/web.yaml",
            ),
        ]),
        failed(&[("file", "envs/prod/*.yaml")]),
    ];
    insta::assert_snapshot!(scrubbed(&repository, &told.join("\n\n")), @"
    The two stages don't match
    ghcr.io/acme/web has more than one version there, and envs/production/web.yaml can get only one: ghcr.io/acme/web:v9 (envs/staging/canary.yaml line 9) and ghcr.io/acme/web:v2 (envs/staging/web.yaml line 9). Read on `main` at commit-3. Nothing was changed.
    Narrow `from` to the file that counts, give the parts of the paths that belong together a name (`{app}`) in `from` and `file`, or name the images to promote as `image`.

    The inputs are not valid
    `envs/production/web.yaml` is in `from` and in `file`: nothing can be promoted to where it is. Nothing was changed.
    Leave it out of `from`, with the line `!envs/production/web.yaml`.

    The inputs are not valid
    `envs/staging/canary.yaml`, `envs/staging/web.yaml` are in `from` and in `file`: nothing can be promoted to where it is. Nothing was changed.
    Name in `from` only the files of the stage that has the images, and in `file` only those of the stage that gets them.

    The image is not in the manifest
    ghcr.io/acme/api is not in the files that are promoted from, which hold ghcr.io/acme/web:v2. Read on `main` at commit-3. Nothing was changed.
    Correct `image`, or the files that `from` and `file` name. Without `image`, every image that both sides hold would be promoted.

    The inputs are not valid
    `image` `ghcr.io/acme/web:v2`: which version is promoted, `from` says: write `ghcr.io/acme/web`, to promote no other image
    `soak` `2`: expected a time with its unit, such as `45m`, `2h` or `1d`, of at most 366 days
    Nothing was changed.

    The inputs are not valid
    `from`: required: the path of the manifest that has the images, such as `envs/staging/web.yaml`
    Nothing was changed.

    The inputs are not valid
    `from` `envs/staging/{app}*.yaml`: `{app}*.yaml` has `{app}` beside another name or a wildcard, so what it stands for is not clear: keep one between two slashes
    `from-branch` `a..b`: git does not allow it as a branch name
    Nothing was changed.

    The file was not found
    `envs/staging/nope.yaml` does not exist on `main` at commit-3 in REPOSITORY. Nothing was changed.
    Check `from`: it takes one path a line, each from the root of the repository. Did you mean `envs/staging/web.yaml`, `envs/staging/canary.yaml` or `envs/production/web.yaml`?

    The inputs are not valid
    `set`: no effect with `operation: promote`: use it in a step with `operation: update`, or remove it (an empty value counts as removed)
    `soak` `2`: expected a time with its unit, such as `45m`, `2h` or `1d`, of at most 366 days
    Nothing was changed.

    The file was not found
    `nope.yaml` does not exist on `main` at commit-3 in REPOSITORY. Nothing was changed.
    Check `from`: it takes one path a line, each from the root of the repository.

    The branch was not found
    REPOSITORY has no branch `stagin`. Nothing was changed.
    Check `from-branch`: REPOSITORY has `main`. A new branch has to be pushed first: this action makes none.

    The two stages don't match
    `file` (envs/production/{app}.yaml, !envs/production/web.yaml) leaves out every file that it matches. Read on `main` at commit-3. Nothing was changed.
    Remove the line with `!` that leaves out the file that is meant.

    The file was not found
    `envs/prod/*.yaml` matches no file on `main` at commit-3 in REPOSITORY. Nothing was changed.
    Check `file`: `*` and `?` stay within a directory, `**` crosses directories. Did you mean `envs/production/web.yaml`, `envs/staging/canary.yaml` or `envs/staging/web.yaml`?
    ");
}

/// The inputs of each step of this action in the YAML blocks of the page, block by block.
fn examples() -> Vec<Vec<Vec<(String, String)>>> {
    fn steps(value: &serde_yaml_ng::Value, found: &mut Vec<Vec<(String, String)>>) {
        let uses = value.get("uses").and_then(|uses| uses.as_str());
        if uses.is_some_and(|uses| uses.starts_with("OWNER/gitops-deploy@")) {
            let with = value["with"].as_mapping().unwrap().iter();
            let with = with.map(|(name, value)| {
                let text = match value {
                    serde_yaml_ng::Value::Bool(value) => value.to_string(),
                    value => value.as_str().unwrap().to_owned(),
                };
                (name.as_str().unwrap().to_owned(), text)
            });
            found.push(with.collect());
        }
        let of_mapping = value.as_mapping().into_iter().flat_map(|own| own.values());
        let of_list = value.as_sequence().into_iter().flatten();
        of_mapping
            .chain(of_list)
            .for_each(|value| steps(value, found));
    }
    let page = include_str!("../../docs/promote.md");
    let blocks = page.split("\n```yaml\n").skip(1);
    let blocks = blocks.map(|block| {
        let block = block.split("\n```").next().unwrap();
        let mut found = Vec::new();
        steps(&serde_yaml_ng::from_str(block).unwrap(), &mut found);
        found
    });
    blocks.filter(|block| !block.is_empty()).collect()
}

#[test]
fn the_examples_of_the_page_do_what_it_says() {
    let values = |tag: &str| format!("image:\n  repository: ghcr.io/acme/web\n  tag: {tag}\n");
    let folder = |stage: &str| format!("envs/{stage}/web/values.yaml");
    let [dev, staging, production] = ["dev", "staging", "production"].map(folder);
    let [first, folders, branches, proposed] = &examples()[..] else {
        panic!("not the examples of this test");
    };
    let run = |steps: &[Vec<(String, String)>]| {
        let server = GitServer::start();
        let repository = server.repository("acme/manifests");
        let files = [
            (STAGING, web("v2")),
            (PRODUCTION, web("v1")),
            (&dev, values("v3")),
            (&staging, values("v2")),
            (&production, values("v1")),
            ("web.yaml", web("v1")),
        ];
        let files = files.each_ref().map(|(path, text)| (*path, text.as_str()));
        repository.commit_at(now() - 3 * 3600, "main", &files);
        repository.set_branch("staging", "main");
        repository.set_branch("production", "main");
        repository.commit("staging", "web.yaml", web("v7").as_str(), "v7");
        let (url, tip) = (repository.url().to_owned(), repository.tip("main"));
        let argocd = ArgoCd::play(vec![Box::new(move || {
            Reply::App(App::healthy(&url, &tip, &["ghcr.io/acme/web:v2"]))
        })]);
        let mut last = None;
        for step in steps {
            let mut action = Action::new().over(VIA, &repository);
            for (name, value) in step {
                action = match name.as_str() {
                    "repository" => action,
                    "token" => action.input(name, TOKEN),
                    "argocd-server" => action.input(name, argocd.url()),
                    "argocd-token" => action.input(name, ARGOCD_TOKEN),
                    name => action.input(name, value),
                };
            }
            last = Some(action.run().succeeded());
        }
        (server, repository, last.unwrap())
    };
    let (_server, repository, _) = run(first);
    assert_eq!(text(&repository, PRODUCTION), web("v2"));

    let (_server, repository, _) = run(folders);
    assert_eq!(text(&repository, &production), values("v2"));
    assert_eq!(text(&repository, &staging), values("v3"));

    let (_server, repository, _) = run(branches);
    let promoted = repository.show("production", "web.yaml");
    assert_eq!(String::from_utf8(promoted).unwrap(), web("v7"));

    // What plays GitHub takes pull requests.
    if VIA == Via::Api {
        let (server, repository, outcome) = run(proposed);
        assert_eq!(outcome.output("pull-request-number"), "1");
        assert_eq!(text(&repository, PRODUCTION), web("v1"));
        let pull = server.github().pulls("acme/manifests").remove(0);
        let head = pull["head"]["ref"].as_str().unwrap();
        let proposed = repository.show(head, PRODUCTION);
        assert_eq!(String::from_utf8(proposed).unwrap(), web("v2"));
    }
}
