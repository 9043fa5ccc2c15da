//! `operation: verify`, and what `update` and `rollback` make of it: against a real repository, and an
//! Argo CD that plays a script of states of the true shape.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::VIA;
use crate::support::{
    ARGOCD_TOKEN, Action, App, ArgoCd, Entry, GitServer, Outcome, Reply, Repository, TOKEN,
    without_line_links,
};
use serde_json::json;

const FILE: &str = "blog-system/web-rollout.yaml";
const V13: &str = "ghcr.io/wlals2/blog-web:v13";
const V14: &str = "ghcr.io/wlals2/blog-web:v14";

fn manifest(image: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {{name: web}}\nspec:\n  template:\n    \
         spec:\n      containers:\n      - name: nginx\n        image: {image}\n"
    )
}

/// A repository with v13 and on top of it v14.
struct World {
    _server: GitServer,
    repository: Repository,
    old: String,
    new: String,
}

impl World {
    fn new() -> Self {
        let server = GitServer::start();
        let repository = server.repository_with("wlals2/k8s-manifests", FILE, &manifest(V13));
        let old = repository.tip("main");
        let new = repository.commit("main", FILE, manifest(V14).as_str(), "chore: update to v14");
        Self {
            _server: server,
            repository,
            old,
            new,
        }
    }

    fn healthy(&self, revision: &str, images: &[&str]) -> App {
        App::healthy(self.repository.url(), revision, images)
    }

    /// Waiting for the tip.
    fn verify(&self, argocd: &ArgoCd) -> Action {
        to_argocd(
            Action::new()
                .input("operation", "verify")
                .over(VIA, &self.repository)
                .input("file", FILE)
                .input("token", TOKEN),
            argocd,
        )
    }

    /// Deploying v15 and waiting for it.
    fn update(&self, argocd: &ArgoCd) -> Action {
        to_argocd(
            Action::new()
                .over(VIA, &self.repository)
                .input("file", FILE)
                .input("image", "ghcr.io/wlals2/blog-web:v15")
                .input("token", TOKEN),
            argocd,
        )
    }

    /// The log or summary without what differs from run to run.
    fn scrub(&self, argocd: &ArgoCd, text: &str) -> String {
        let mut text = without_line_links(text)
            .replace(self.repository.url(), "REPOSITORY")
            .replace(self.repository.url().trim_end_matches(".git"), "REPOSITORY")
            .replace("wlals2/k8s-manifests", "REPOSITORY")
            .replace(
                " through GitHub's API (the repository is on GitHub)",
                " through TRANSPORT",
            )
            .replace(env!("CARGO_PKG_VERSION"), "VERSION")
            .replace(
                " through git (the repository is not on GitHub)",
                " through TRANSPORT",
            )
            // Over the API the commits are the token's owner's, and signed.
            .replace("by wlals2 (", "by github-actions[bot] (")
            .replace("by `wlals2`", "by `github-actions[bot]`")
            .replace(" Its signature is verified.", "")
            .replace(argocd.url(), "ARGOCD")
            .replace(argocd.url().trim_start_matches("http://"), "ARGOCD");
        for (number, commit) in self.repository.log("--all").iter().rev().enumerate() {
            text = text
                .replace(&commit.id, &format!("COMMIT-{number}"))
                .replace(&commit.id[..7], &format!("commit-{number}"));
        }
        let text = seconds_out(&text);
        let date = |c: char| c.is_ascii_digit() || "-: +".contains(c);
        // `of 2026-11-23 14:29 UTC by`
        let parts: Vec<&str> = text.split(" of 20").collect();
        let rest = parts[1..].iter().map(|part| {
            let part = part.trim_start_matches(date);
            format!(" of DATE {}", part.trim_start_matches("UTC "))
        });
        format!("{}{}", parts[0], rest.collect::<String>())
    }
}

/// `after 3 s`, `| 3 s |` and the chart's lines differ from run to run.
fn seconds_out(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let charted = line.trim_start().starts_with("until ");
        let words = line.split(' ').collect::<Vec<_>>();
        let mut line: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        for index in 1..words.len() {
            let unit = words[index].trim_end_matches(['.', ',']);
            if unit == "s" && words[index - 1].parse::<u64>().is_ok() {
                line[index - 1] = "N".to_owned();
            }
        }
        if charted {
            line = vec![words.join(" ").split(" :").next().unwrap().to_owned() + " :TIME"];
        }
        out.push_str(&line.join(" "));
        out.push('\n');
    }
    out
}

fn to_argocd(action: Action, argocd: &ArgoCd) -> Action {
    action
        .input("argocd-server", argocd.url())
        .input("argocd-token", ARGOCD_TOKEN)
        .input("argocd-application", "blog")
        .input("verify-timeout", "60")
}

fn app(app: App) -> Box<dyn Fn() -> Reply + Send> {
    Box::new(move || Reply::App(app.clone()))
}

fn apps(states: impl IntoIterator<Item = App>) -> Vec<Box<dyn Fn() -> Reply + Send>> {
    states.into_iter().map(app).collect()
}

/// The one annotation of a failure, which the summary has as well.
fn error(outcome: &Outcome) -> String {
    let annotations = outcome.annotations();
    let errors: Vec<_> = annotations
        .iter()
        .filter(|annotation| annotation.level == "error")
        .collect();
    let [error] = errors[..] else {
        panic!("one error, please:\n{}", outcome.log())
    };
    let title = format!("{}\n", error.properties["title"]);
    let verdict = outcome.summary.split_inclusive('\n').next().unwrap();
    assert!(
        verdict.starts_with("### ❌ ") && verdict.ends_with(&title),
        "{verdict}"
    );
    assert!(!outcome.summary.contains("### ✅"), "{}", outcome.summary);
    assert!(
        !outcome.log().contains("healthy after"),
        "{}",
        outcome.log()
    );
    error.message.clone()
}

/// A step that is green, and whose log and summary say why.
fn done(outcome: Outcome) -> Outcome {
    let outcome = outcome.succeeded();
    let log = outcome.shown_log();
    assert!(log.contains("Waiting until Argo CD at"), "{log}");
    assert!(log.lines().any(|line| line.contains("blog: ")), "{log}");
    assert!(
        outcome.summary.starts_with("### ✅ "),
        "{}",
        outcome.summary
    );
    assert_eq!(outcome.output("sync-status").lines().next(), Some("Synced"));
    outcome
}

#[test]
fn a_deployment_that_is_seen_synced_and_healthy_is_done() {
    let world = World::new();
    let World { old, new, .. } = &world;
    let argocd = ArgoCd::play(apps([
        world.healthy(old, &[V13]),
        world.healthy(new, &[V13]).out_of_sync(),
        world.healthy(new, &[V13]).syncing(new),
        world.healthy(new, &[V13, V14]).health("Progressing"),
        world.healthy(new, &[V14]),
    ]));
    let outcome = done(world.verify(&argocd).run());
    assert_eq!(outcome.output("sync-status"), "Synced");
    assert_eq!(outcome.output("health-status"), "Healthy");
    assert_eq!(outcome.output("argocd-revision"), *new);
    assert_eq!(outcome.output("commit-sha"), *new);
    assert_eq!(outcome.output("image"), V14);
    assert_eq!(outcome.output("rolled-back"), "false");
    insta::assert_snapshot!(world.scrub(&argocd, &outcome.shown_log()), @"
    gitops-deploy VERSION: verify in REPOSITORY through TRANSPORT
    Waiting until Argo CD at ARGOCD runs commit-1: blog
    blog: Synced, Healthy at commit-0
    blog: commit-1 is not seen yet
    blog: Synced, Healthy at commit-0 → OutOfSync, Healthy at commit-1
    blog: Rollout/web: Synced, Healthy → OutOfSync, Healthy
    blog: not synced yet
    blog: OutOfSync, Healthy at commit-1 → OutOfSync, Healthy at commit-1, syncing
    blog: a sync runs
    blog: OutOfSync, Healthy at commit-1, syncing → Synced, Progressing at commit-1
    blog: Rollout/web: OutOfSync, Healthy → Synced, Progressing
    blog: Progressing, not yet healthy
    blog: Synced, Progressing at commit-1 → Synced, Healthy at commit-1
    blog: Rollout/web: Synced, Progressing → Synced, Healthy
    blog runs commit-1, healthy after N s.
    ");
    insta::assert_snapshot!(world.scrub(&argocd, &outcome.summary), @"
    ### ✅ Verified `blog-web:v14`: healthy

    Commit [`commit-1`](REPOSITORY/commit/COMMIT-1) of `main` in [`REPOSITORY`](REPOSITORY). blog runs commit-1, healthy after N s.

    | Application | Sync | Health | Revision | Seen | Synced | Healthy |
    |---|---|---|---|---|---|---|
    | [`blog`](ARGOCD/applications/blog) | `Synced` | `Healthy` | `commit-1` | N s | N s | N s |

    | Resource | Container | Image in Git | Image in the cluster |  |
    |---|---|---|---|---|
    | `Rollout/web` | `nginx` | `ghcr.io/wlals2/blog-web:v14` | `ghcr.io/wlals2/blog-web:v14` | the same |

    <details><summary>2 resources of blog</summary>

    | Resource | Sync | Health |
    |---|---|---|
    | `Rollout/web` | `Synced` | `Healthy` |
    | `Service/web` | `Synced` |  |

    </details>
    ");
    let refreshes = argocd
        .requests()
        .into_iter()
        .filter(|target| target.contains("refresh=normal"));
    assert_eq!(refreshes.count(), 1);
    assert!(!outcome.shown_log().contains(ARGOCD_TOKEN));
}

#[test]
fn a_deployment_that_is_synced_and_healthy_on_the_old_commit_when_verify_starts_is_never_reported_as_done()
 {
    let world = World::new();
    let World { old, new, .. } = &world;
    // With the new image, even: the revision decides.
    let argocd = ArgoCd::play(apps([world.healthy(old, &[V14])]));
    let outcome = world
        .verify(&argocd)
        .input("verify-timeout", "4")
        .run()
        .failed();
    insta::assert_snapshot!(world.scrub(&argocd, &error(&outcome)), @"
    blog was Synced, Healthy at commit-0 after N s (`verify-timeout`); this step waited for commit-1.
    Argo CD has not compared the commit yet. Check that it can reach the repository, and that the application follows this branch.
    ");
    assert_eq!(outcome.output("argocd-revision"), *old);
    assert_eq!(outcome.output("commit-sha"), *new);
    // And it is the new commit that ends the wait.
    let argocd = ArgoCd::play(apps([
        world.healthy(old, &[V14]),
        world.healthy(old, &[V14]),
        world.healthy(new, &[V14]),
    ]));
    done(world.verify(&argocd).run());
    assert!(argocd.requests().len() >= 3);
}

#[test]
fn a_newer_commit_with_the_same_image_is_as_good() {
    let world = World::new();
    let newer = world.repository.commit("main", "README.md", "x", "docs: x");
    let argocd = ArgoCd::play(apps([world.healthy(&newer, &[V14])]));
    let outcome = done(world.verify(&argocd).input("commit", &world.new).run());
    assert_eq!(outcome.output("argocd-revision"), newer);
    assert_eq!(outcome.output("commit-sha"), world.new);
}

#[test]
fn a_newer_commit_with_another_image_supersedes_it() {
    let world = World::new();
    let v15 = manifest("ghcr.io/wlals2/blog-web:v15");
    let newer = world
        .repository
        .commit("main", FILE, v15.as_str(), "chore: update to v15");
    let argocd = ArgoCd::play(apps([
        world.healthy(&world.old, &[V13]),
        world.healthy(&newer, &["ghcr.io/wlals2/blog-web:v15"]),
    ]));
    let outcome = world
        .verify(&argocd)
        .input("commit", &world.new[..9])
        .run()
        .failed();
    insta::assert_snapshot!(world.scrub(&argocd, &error(&outcome)), @"
    The application blog is at commit-2, which came after commit-1 and deploys something else: ghcr.io/wlals2/blog-web:v15 in place of ghcr.io/wlals2/blog-web:v14.
    Nothing is broken by it: the newer deployment is the one to look at. To keep deployments apart, give the workflow a `concurrency` group.
    ");
    assert_eq!(outcome.output("argocd-revision"), newer);
    assert_eq!(outcome.output("sync-status"), "Synced");
    assert_eq!(outcome.output("health-status"), "Healthy");
}

/// A manifest that is gone is so where nothing of it runs; one that was moved still deploys the image.
#[test]
fn a_newer_commit_without_the_manifest_supersedes_it_where_nothing_of_it_is_left() {
    for (images, resources, is_superseded) in
        [(&[][..], json!([]), true), (&[V14], json!([]), false)]
    {
        let world = World::new();
        let newer = world
            .repository
            .commit("main", FILE, Entry::Absent, "chore: retire it");
        let left = world
            .healthy(&newer, images)
            .with("/status/resources", resources);
        let argocd = ArgoCd::play(apps([world.healthy(&world.old, &[V13]), left]));
        let outcome = world.verify(&argocd).input("commit", &world.new).run();
        match is_superseded {
            true => {
                let told = error(&outcome.failed());
                assert!(
                    told.contains("deploys something else: ghcr.io/wlals2/blog-web:v14 is gone"),
                    "{told}"
                );
            }
            false => drop(done(outcome)),
        }
    }
}

#[test]
fn a_failed_sync_is_waited_for_while_argo_cd_tries_again_and_then_told() {
    let world = World::new();
    let World { new, .. } = &world;
    let failing = world.healthy(new, &[V13]).out_of_sync();
    let operation = |phase: &str, message: &str| {
        json!({
            "phase": phase, "message": message, "retryCount": 1,
            "startedAt": "2026-08-22T10:00:03Z", "finishedAt": "2026-08-22T10:00:05Z",
            "operation": {"sync": {"revision": new}},
            "syncResult": {"revision": new, "resources": [
                {"kind": "Service", "name": "web", "status": "Synced", "message": "service/web unchanged"},
                {"kind": "Rollout", "name": "web", "status": "SyncFailed",
                 "message": "Rollout.argoproj.io \"web\" is invalid: spec.replicas: Invalid value: \"two\""},
            ]},
        })
    };
    let again = "one or more objects failed to apply. Retrying attempt #1 at 10:00AM.";
    let over = "one or more objects failed to apply (retried 5 times).";
    let argocd = ArgoCd::play(apps([
        world.healthy(&world.old, &[V13]),
        failing
            .clone()
            .with("/status/operationState", operation("Running", again)),
        failing
            .clone()
            .with("/status/operationState", operation("Running", again)),
        failing.with("/status/operationState", operation("Failed", over)),
    ]));
    let outcome = world.verify(&argocd).run().failed();
    assert!(
        argocd
            .requests()
            .iter()
            .filter(|target| !target.contains("refresh"))
            .count()
            >= 4
    );
    insta::assert_snapshot!(world.scrub(&argocd, &error(&outcome)), @r#"
    Argo CD could not apply commit-1 to blog: one or more objects failed to apply (retried 5 times).
    Rollout/web: Rollout.argoproj.io "web" is invalid: spec.replicas: Invalid value: "two"
    Argo CD does not try this revision again: correct the manifests with a new commit. `operation: rollback` undoes the deployment.
    "#);
    assert_eq!(outcome.output("sync-status"), "OutOfSync");
}

#[test]
fn a_failed_sync_of_an_older_commit_is_none_of_this_one() {
    let world = World::new();
    let World { old, new, .. } = &world;
    let failed = world
        .healthy(old, &[V13])
        .out_of_sync()
        .with("/status/operationState/phase", "Failed");
    let argocd = ArgoCd::play(apps([failed, world.healthy(new, &[V14])]));
    done(world.verify(&argocd).run());
}

#[test]
fn a_canary_that_degrades_fails() {
    let world = World::new();
    let World { new, .. } = &world;
    let progressing = world.healthy(new, &[V13, V14]).health("Progressing");
    let degraded = world.healthy(new, &[V13, V14]).health("Degraded").with(
        "/status/health/message",
        "RolloutAborted: Rollout aborted update to revision 2: Metric errors assessed Failed",
    );
    let before = world.healthy(&world.old, &[V13]);
    let argocd = ArgoCd::play(apps([before, progressing, degraded]));
    argocd.set_tree(json!([
        {"version": "v1", "kind": "Pod", "name": "web-5d8-abcde", "images": [V14], "health": {"status": "Degraded",
         "message": "Back-off pulling image \"ghcr.io/wlals2/blog-web:v14\""}},
        {"version": "v1", "kind": "Pod", "name": "web-7c9-fghij", "images": [V13], "health": {"status": "Healthy"}},
    ]));
    let outcome = world.verify(&argocd).run().failed();
    insta::assert_snapshot!(world.scrub(&argocd, &error(&outcome)), @r#"
    The application blog is degraded at commit-1, and was not before.
    Pod/web-5d8-abcde: Back-off pulling image "ghcr.io/wlals2/blog-web:v14"
    Rollout/web: Degraded: RolloutAborted: Rollout aborted update to revision 2: Metric errors assessed Failed
    Look at the Pods' logs and events in Argo CD. `operation: rollback` undoes the deployment.
    "#);
    insta::assert_snapshot!(world.scrub(&argocd, &outcome.summary), @r#"
    ### ❌ The deployment is degraded

    The application blog is degraded at commit-1, and was not before.<br>
    Pod/web-5d8-abcde: Back-off pulling image "ghcr.io/wlals2/blog-web:v14"<br>
    Rollout/web: Degraded: RolloutAborted: Rollout aborted update to revision 2: Metric errors assessed Failed

    **What to do:** Look at the Pods' logs and events in Argo CD. `operation: rollback` undoes the deployment.

    Commit [`commit-1`](REPOSITORY/commit/COMMIT-1) of `main` in [`REPOSITORY`](REPOSITORY).

    | Application | Sync | Health | Revision | Seen | Synced |
    |---|---|---|---|---|---|
    | [`blog`](ARGOCD/applications/blog) | `Synced` | `Degraded` RolloutAborted: Rollout aborted update to revision 2: Metric errors assessed Failed | `commit-1` | N s | N s |

    | Resource | Container | Image in Git | Image in the cluster |  |
    |---|---|---|---|---|
    | `Rollout/web` | `nginx` | `ghcr.io/wlals2/blog-web:v14` | `ghcr.io/wlals2/blog-web:v13` `ghcr.io/wlals2/blog-web:v14` | **both** |

    <details open><summary>2 resources of blog</summary>

    | Resource | Sync | Health | Message |
    |---|---|---|---|
    | `Rollout/web` | `Synced` | `Degraded` | RolloutAborted: Rollout aborted update to revision 2: Metric errors assessed Failed |
    | `Service/web` | `Synced` |  |  |

    </details>
    "#);
}

#[test]
fn what_was_degraded_before_may_be_cured_by_the_commit() {
    let world = World::new();
    let World { new, .. } = &world;
    let before = world
        .healthy(new, &[V13])
        .health("Degraded")
        .with("/status/health/lastTransitionTime", "2026-08-22T09:00:00Z");
    let argocd = ArgoCd::play(apps([
        before.clone(),
        before,
        world.healthy(new, &[V14]).health("Progressing"),
        world.healthy(new, &[V14]),
    ]));
    done(world.verify(&argocd).run());
}

#[test]
fn a_canary_that_pauses_is_done_where_that_is_accepted() {
    let world = World::new();
    let paused = world.healthy(&world.new, &[V13, V14]).health("Suspended");
    let argocd = ArgoCd::play(apps([paused.clone()]));
    let accepted = world
        .verify(&argocd)
        .input("argocd-allow-suspended", "true");
    assert_eq!(
        accepted.run().succeeded().output("health-status"),
        "Suspended"
    );
    let argocd = ArgoCd::play(apps([paused]));
    let outcome = world
        .verify(&argocd)
        .input("verify-timeout", "3")
        .run()
        .failed();
    insta::assert_snapshot!(world.scrub(&argocd, &error(&outcome)), @"
    blog was Synced, Suspended at commit-1 after N s (`verify-timeout`); this step waited for commit-1.
    Rollout/web: Suspended
    What is suspended is named above. A rollout that pauses, such as a canary's step, waits to be promoted: if that is where this step is to end, set `argocd-allow-suspended: true`.
    ");
}

#[test]
fn a_health_from_before_the_sync_counts_for_nothing() {
    let world = World::new();
    let World { new, .. } = &world;
    let stale = world
        .healthy(new, &[V14])
        .with("/status/reconciledAt", "2026-08-22T10:00:04Z");
    let argocd = ArgoCd::play(apps([stale.clone()]));
    let outcome = world
        .verify(&argocd)
        .input("verify-timeout", "3")
        .run()
        .failed();
    assert!(
        error(&outcome).contains("this step waited for"),
        "{}",
        error(&outcome)
    );
    let argocd = ArgoCd::play(apps([stale, world.healthy(new, &[V14])]));
    done(world.verify(&argocd).run());
}

#[test]
fn pods_that_run_the_old_image_are_not_the_new_one() {
    let world = World::new();
    let argocd = ArgoCd::play(apps([world.healthy(&world.new, &[V13])]));
    let outcome = world
        .verify(&argocd)
        .input("verify-timeout", "4")
        .run()
        .failed();
    insta::assert_snapshot!(world.scrub(&argocd, &error(&outcome)), @"
    blog was Synced, Healthy at commit-1 after N s (`verify-timeout`); this step waited for commit-1. It calls itself Synced and Healthy, but no Pod runs ghcr.io/wlals2/blog-web:v14: they run ghcr.io/wlals2/blog-web:v13.
    Something keeps Argo CD from changing the image: manifests of before in its cache (`argocd app get --hard-refresh`), an `ignoreDifferences` on a whole list with RespectIgnoreDifferences; or the image comes from another file than the one that was changed.
    ");
}

#[test]
fn an_image_that_set_writes_has_to_run_too() {
    let world = World::new();
    let (repository, url) = (world.repository.clone(), world.repository.url().to_owned());
    let argocd = ArgoCd::play(vec![Box::new(move || {
        Reply::App(App::healthy(&url, &repository.tip("main"), &[V14]))
    })]);
    let path = ".spec.template.spec.containers[name=nginx].image";
    let v15 = "ghcr.io/wlals2/blog-web:v15";
    let update = |argocd| {
        let update = world.update(argocd).input("image", "");
        update
            .input("set", format!("{path}={v15}"))
            .input("verify-timeout", "4")
    };
    // And where it is there already: the step is run again.
    for (changed, before) in [("true", V14), ("false", v15)] {
        let outcome = update(&argocd).run().failed();
        let error = error(&outcome);
        assert!(
            error.contains(&format!("no Pod runs {v15}: they run {V14}.")),
            "{error}"
        );
        assert_eq!(outcome.output("changed"), changed);
        assert_eq!(outcome.output("image"), v15);
        assert_eq!(outcome.output("previous-image"), before);
    }
    let argocd = ArgoCd::play(apps([world.healthy(&world.repository.tip("main"), &[v15])]));
    done(update(&argocd).run());
}

#[test]
fn where_nothing_says_what_is_to_run_it_is_what_the_commit_changed() {
    let world = World::new();
    let v15 = manifest("ghcr.io/wlals2/blog-web:v15");
    let newer = world
        .repository
        .commit("main", FILE, v15.as_str(), "chore: update to v15");
    let verify = |commit: &str, images: &[&str]| {
        let argocd = ArgoCd::play(apps([world.healthy(&newer, images)]));
        let verify = world.verify(&argocd).input("file", "");
        let verify = match commit {
            "" => verify,
            commit => verify.input("commit", commit),
        };
        verify.input("verify-timeout", "4").run()
    };
    // It was replaced.
    let outcome = verify(&world.new[..9], &["ghcr.io/wlals2/blog-web:v15"]).failed();
    let why = error(&outcome);
    assert!(
        why.contains("deploys something else: ghcr.io/wlals2/blog-web:v15 in place of ghcr.io/wlals2/blog-web:v14."),
        "{why}"
    );
    // It does not run.
    let outcome = verify("", &[V14]).failed();
    let why = error(&outcome);
    assert!(
        why.contains("no Pod runs ghcr.io/wlals2/blog-web:v15"),
        "{why}"
    );
    let outcome = done(verify(&newer, &["ghcr.io/wlals2/blog-web:v15"]));
    assert_eq!(outcome.output("image"), "ghcr.io/wlals2/blog-web:v15");
    assert!(
        !outcome.summary.contains("No image was looked for"),
        "{}",
        outcome.summary
    );
    // Where it changed none, that is said.
    let docs = world.repository.commit("main", "README.md", "x", "docs: x");
    let argocd = ArgoCd::play(apps([world.healthy(&docs, &[V14])]));
    let outcome = done(world.verify(&argocd).input("file", "").run());
    for text in [outcome.shown_log(), outcome.summary] {
        assert!(text.contains("No image was looked for"), "{text}");
    }
}

#[test]
fn an_image_that_the_file_does_not_hold_is_not_waited_for() {
    let world = World::new();
    let argocd = ArgoCd::play(apps([world.healthy(&world.new, &[V14])]));
    let outcome = world.verify(&argocd).input("image", V13).run().failed();
    let scrubbed = world.scrub(&argocd, &outcome.errors().join("\n"));
    insta::assert_snapshot!(scrubbed, @"
    blog-system/web-rollout.yaml line 9 holds ghcr.io/wlals2/blog-web:v14 at commit-1, and ghcr.io/wlals2/blog-web:v13 is nowhere in the files, so that it never runs by this commit.
    Give the image that is to run, or the `commit` that brought ghcr.io/wlals2/blog-web:v13: the output `commit-sha` of the step that deployed it.
    ");
    assert_eq!(argocd.requests(), [""; 0]);
    // It did at this commit.
    let argocd = ArgoCd::play(apps([world.healthy(&world.old, &[V13])]));
    let verify = world.verify(&argocd).input("commit", &world.old);
    done(verify.input("image", V13).run());
}

#[test]
fn plain_files_elsewhere_are_no_part_of_an_application() {
    let world = World::new();
    let World { old, new, .. } = &world;
    let plain = |revision: &str, path: &str, images: &[&str]| {
        let app = world.healthy(revision, images);
        app.with("/spec/source/path", path)
            .with("/status/sourceType", "Directory")
    };
    let argocd = ArgoCd::play(apps([
        plain(old, "shop", &[V14]),
        plain(new, "shop", &[V14]),
    ]));
    let outcome = world.verify(&argocd).run().failed();
    insta::assert_snapshot!(world.scrub(&argocd, &error(&outcome)), @"
    The application blog is the files of `shop`, and blog-system/web-rollout.yaml is not in it: whatever it runs is not made of commit-1.
    Check `file` and `argocd-application`, or the `path` of the application's source.
    ");
    // What it runs is another image since then: a link in its folder leads there.
    let argocd = ArgoCd::play(apps([
        plain(old, "shop", &[V13]),
        plain(new, "shop", &[V14]),
    ]));
    done(world.verify(&argocd).run());
    // A kustomization may have its base there.
    let kustomized = plain(new, "shop", &[V14]).with("/status/sourceType", "Kustomize");
    done(world.verify(&ArgoCd::play(apps([kustomized]))).run());
    for path in [".", "./blog-system/"] {
        let argocd = ArgoCd::play(apps([plain(new, path, &[V14])]));
        done(world.verify(&argocd).run());
    }
}

#[test]
fn an_application_that_has_nothing_to_do_with_the_deployment_is_told() {
    let world = World::new();
    let of = |path: &str, kind: &str, images: &[&str]| {
        let app = world.healthy(&world.new, images);
        let app = app
            .with("/spec/source/path", path)
            .with("/status/sourceType", kind);
        // Its objects carry other names than those in Git.
        app.with(
            "/status/resources",
            json!([{"group": "apps", "kind": "Deployment", "namespace": "shop", "name": "shop",
                "status": "Synced", "health": {"status": "Healthy"}}]),
        )
    };
    let warned = |app: App| {
        let argocd = ArgoCd::play(apps([app]));
        let outcome = done(world.verify(&argocd).run());
        let annotations = outcome.annotations();
        let warnings = annotations.iter().filter(|one| one.level == "warning");
        let warnings: Vec<String> = warnings.map(|one| one.message.clone()).collect();
        world.scrub(&argocd, &warnings.join("\n"))
    };
    let other: &[&str] = &["ghcr.io/acme/shop:v7"];
    insta::assert_snapshot!(warned(of("shop", "Helm", other)), @"blog may be another one's application: nothing of it is known to run ghcr.io/wlals2/blog-web:v14, and blog-system/web-rollout.yaml is not below its path `shop`. That it is healthy says nothing of this deployment then. Check `argocd-application`");
    // A base elsewhere whose image runs, and what has no Pods and is below the path.
    assert_eq!(warned(of("shop", "Kustomize", &[V14])), "");
    assert_eq!(warned(of("blog-system", "Kustomize", other)), "");
}

#[test]
fn what_is_unwell_and_no_proof_is_not_called_slow() {
    let world = World::new();
    let degraded = world.healthy(&world.new, &[V14]).health("Degraded");
    let said = "/status/resources/0/health";
    let degraded = degraded.with(said, json!({"status": "Degraded"}));
    let argocd = ArgoCd::play(apps([degraded]));
    let verify = world.verify(&argocd).input("verify-timeout", "3");
    insta::assert_snapshot!(world.scrub(&argocd, &error(&verify.run().failed())), @"
    blog was Synced, Degraded at commit-1 after N s (`verify-timeout`); this step waited for commit-1.
    Rollout/web: Degraded
    It is not proven that this deployment is why: what is named above was so before or may have been, is so with another image as well, waits for a registry, has lasted for less than a minute, does not have its image, or is not missed. Look at it in Argo CD, with its logs and events. Raise `verify-timeout` where it may only need more time. `operation: rollback` undoes the deployment.
    ");
}

#[test]
fn an_image_that_cannot_be_pulled_is_told_by_its_pod() {
    let world = World::new();
    let progressing = world.healthy(&world.new, &[V13]).health("Progressing");
    let before = world.healthy(&world.old, &[V13]);
    let argocd = ArgoCd::play(apps([before, progressing]));
    argocd.set_tree(
        json!([{"kind": "Pod", "name": "web-5d8-abcde", "images": [V14], "health": {"status": "Degraded",
        "message": "Back-off pulling image \"ghcr.io/wlals2/blog-web:v14\""}}]),
    );
    let outcome = world
        .verify(&argocd)
        .input("verify-timeout", "3")
        .run()
        .failed();
    insta::assert_snapshot!(world.scrub(&argocd, &error(&outcome)), @r#"
    The Pods of blog that have the image of commit-1 do not run.
    Pod/web-5d8-abcde: Back-off pulling image "ghcr.io/wlals2/blog-web:v14"
    Look at the Pods' logs and events in Argo CD. `operation: rollback` undoes the deployment.
    "#);
}

#[test]
fn argo_cd_may_be_below_a_root_path() {
    let world = World::new();
    let argocd = ArgoCd::play(apps([world.healthy(&world.new, &[V14])]));
    let below = format!("{}/argocd/", argocd.url());
    let outcome = done(world.verify(&argocd).input("argocd-server", below).run());
    assert!(
        argocd
            .requests()
            .iter()
            .all(|target| target.starts_with("/argocd/api/v1/applications/blog"))
    );
    let page = format!("({}/argocd/applications/blog)", argocd.url());
    assert!(outcome.summary.contains(&page), "{}", outcome.summary);
}

#[test]
fn a_server_that_never_answers_holds_nothing_up_for_longer_than_the_timeout() {
    let world = World::new();
    for steps in [
        vec![silent()],
        vec![app(world.healthy(&world.old, &[V13])), silent()],
    ] {
        let argocd = ArgoCd::play(steps);
        let start = Instant::now();
        let outcome = world
            .verify(&argocd)
            .input("verify-timeout", "3")
            .run()
            .failed();
        assert!(
            start.elapsed() < Duration::from_secs(15),
            "{:?}",
            start.elapsed()
        );
        let told = error(&outcome);
        assert!(
            told.contains("did not answer") || told.contains("this step waited for"),
            "{told}"
        );
    }
}

fn silent() -> Box<dyn Fn() -> Reply + Send> {
    Box::new(|| Reply::Silence)
}

#[test]
fn a_refresh_that_takes_a_minute_holds_nothing_up() {
    let world = World::new();
    let World { old, new, .. } = &world;
    let argocd = ArgoCd::play(apps([
        world.healthy(old, &[V13]),
        world.healthy(old, &[V13]),
        world.healthy(new, &[V14]),
    ]));
    argocd.set_refresh(Duration::from_secs(60));
    let start = Instant::now();
    done(world.verify(&argocd).run());
    assert!(start.elapsed() < Duration::from_secs(30));
}

#[test]
fn it_ends_within_a_poll_of_argo_cd_being_healthy() {
    // However long it took until then, at most two looks see it: the first, at most 3 s after it came
    // to be, and 1 s later the one that confirms it.
    let world = World::new();
    let healthy = world.healthy(&world.new, &[V14]);
    let (url, old) = (world.repository.url().to_owned(), world.old.clone());
    let since = Instant::now();
    let ready = Duration::from_secs(7);
    let looks = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&looks);
    let argocd = ArgoCd::play(vec![Box::new(move || {
        if since.elapsed() < ready {
            return Reply::App(App::healthy(&url, &old, &[V13]));
        }
        seen.fetch_add(1, Ordering::Relaxed);
        Reply::App(healthy.clone())
    })]);
    done(world.verify(&argocd).run());
    assert!(looks.load(Ordering::Relaxed) <= 2);
}

#[test]
fn every_refusal_says_what_it_is() {
    let world = World::new();
    let refused = |reply: fn() -> Reply| {
        let argocd = ArgoCd::play(vec![Box::new(reply)]);
        let outcome = world.verify(&argocd).run().failed();
        let annotation = outcome.annotations().pop().unwrap();
        let title = annotation.properties["title"].clone();
        world.scrub(&argocd, &format!("{title}: {}", annotation.message))
    };
    let told: Vec<String> = [
        refused(|| Reply::Refused(401, "invalid session: token is expired")),
        refused(|| {
            Reply::Refused(
                403,
                "permission denied: applications, get, default/blog, sub: ci",
            )
        }),
        refused(|| Reply::Refused(404, "applications.argoproj.io \"blog\" not found")),
        refused(|| Reply::Page(200)),
        refused(|| Reply::Page(404)),
        // An allow list, or a firewall for the web.
        refused(|| Reply::Page(403)),
        refused(|| {
            Reply::Refused(
                400,
                "app is not allowed in project \"team-a\", or the project does not exist",
            )
        }),
        refused(|| Reply::Redirect("https://argocd.example.com/api/v1/applications/blog")),
    ]
    .into();
    insta::assert_snapshot!(told.join("\n"), @r#"
    Argo CD refused the token: ARGOCD answered HTTP 401: invalid session: token is expired. Whether blog runs commit-1, which is in Git, is not known: it may be live already.
    The time of `argocd-token` is over: make a new one. A project role's token lasts: `argocd proj role create-token PROJECT ROLE`; an account's is made by `argocd account generate-token`.

    Argo CD does not show the application: ARGOCD answered HTTP 403: permission denied: applications, get, default/blog, sub: ci. Whether blog runs commit-1, which is in Git, is not known: it may be live already.
    The token needs `applications, get` on it: `p, ROLE, applications, get, PROJECT/blog, allow` in the project's role or in `argocd-rbac-cm`. Or there is no application blog: without `argocd-project`, Argo CD does not tell the two apart. One in a namespace of its own must be in `application.namespaces`.

    The application was not found: ARGOCD answered HTTP 404: applications.argoproj.io "blog" not found.
    There is no application blog in Argo CD at ARGOCD: check `argocd-application`, `argocd-project`, and `argocd-namespace` where it is not in Argo CD's own namespace.

    The URL is not an Argo CD server: ARGOCD answered with something that is not JSON, which is not how Argo CD's API answers. Whether blog runs commit-1, which is in Git, is not known: it may be live already.
    Give `argocd-server` as a browser shows it, with its root path where it has one; a login page or another proxy in front of it must let the API through.

    The URL is not an Argo CD server: ARGOCD answered HTTP 404, and that is not Argo CD's own answer: something in front of it keeps this job out. Whether blog runs commit-1, which is in Git, is not known: it may be live already.
    A proxy, an allow list of addresses, or a single sign-on answers for it. Let the API through for this runner (its address, or a self-hosted runner in that network), or give `argocd-server` an address that leads to Argo CD itself. A proxy is the one that HTTPS_PROXY names; NO_PROXY lists the hosts that are reached without it.

    The URL is not an Argo CD server: ARGOCD answered HTTP 403, and that is not Argo CD's own answer: something in front of it keeps this job out. Whether blog runs commit-1, which is in Git, is not known: it may be live already.
    A proxy, an allow list of addresses, or a single sign-on answers for it. Let the API through for this runner (its address, or a self-hosted runner in that network), or give `argocd-server` an address that leads to Argo CD itself. A proxy is the one that HTTPS_PROXY names; NO_PROXY lists the hosts that are reached without it.

    The application was not found: ARGOCD answered HTTP 400: app is not allowed in project "team-a", or the project does not exist.
    Argo CD refuses the question as it is put: check `argocd-project` against the project of blog, and `argocd-namespace` against the namespaces that this project allows applications in (`sourceNamespaces`).

    The URL is not an Argo CD server: ARGOCD redirects to https://argocd.example.com/. The token is not sent there. Whether blog runs commit-1, which is in Git, is not known: it may be live already.
    If that is the Argo CD that is meant, set `argocd-server: https://argocd.example.com/`.
    "#);
}

/// Whether it runs is not known, and that is said, with how long it was tried.
#[test]
fn an_argo_cd_out_of_reach_says_that_the_commit_may_be_live() {
    let world = World::new();
    let argocd = ArgoCd::play(apps([]));
    let told = |action: Action| {
        let action = action
            .input("argocd-server", "http://127.0.0.1:1")
            .input("verify-timeout", "1");
        let told = error(&action.run().failed());
        world.scrub(&argocd, &told)
    };
    let told = [told(world.verify(&argocd)), told(world.update(&argocd))];
    insta::assert_snapshot!(told.join("\n"), @"
    127.0.0.1:1 can't be reached: tcp connect error: Connection refused (os error 111). This step asked for N s. Whether blog runs commit-1, which is in Git, is not known: it may be live already.
    A workflow runs this action in a container, where `127.0.0.1` and `localhost` are that container itself: give an address that leads out of it, such as the name of a service container of the job, or the runner's own address. Started by hand on this machine: check the port, and that something listens there.

    127.0.0.1:1 can't be reached: tcp connect error: Connection refused (os error 111). This step asked for N s. Whether blog runs commit-2, which is in Git, is not known: it may be live already.
    The deployment commit-2 stays on the branch main.
    A workflow runs this action in a container, where `127.0.0.1` and `localhost` are that container itself: give an address that leads out of it, such as the name of a service container of the job, or the runner's own address. Started by hand on this machine: check the port, and that something listens there.
    ");
}

#[test]
fn a_token_that_is_wrong_is_refused() {
    let world = World::new();
    let argocd = ArgoCd::play(apps([world.healthy(&world.new, &[V14])]));
    let outcome = world
        .verify(&argocd)
        .input("argocd-token", "another")
        .run()
        .failed();
    assert!(error(&outcome).contains("HTTP 401"), "{}", error(&outcome));
}

#[test]
fn trouble_in_the_middle_is_waited_through() {
    let world = World::new();
    let World { old, new, .. } = &world;
    let argocd = ArgoCd::play(vec![
        app(world.healthy(old, &[V13])),
        Box::new(|| Reply::Refused(502, "bad gateway")),
        Box::new(|| Reply::Drop),
        app(world.healthy(new, &[V14])),
    ]);
    let outcome = done(world.verify(&argocd).run());
    let log = outcome.shown_log();
    assert!(
        log.contains("HTTP 502") && log.contains("Argo CD answers again"),
        "{log}"
    );
}

#[test]
fn a_rate_limit_to_the_end_is_called_that() {
    let world = World::new();
    let argocd = ArgoCd::play(vec![Box::new(|| Reply::Refused(429, "too many requests"))]);
    let verify = world.verify(&argocd).input("verify-timeout", "1");
    let annotation = verify.run().failed().annotations().pop().unwrap();
    assert_eq!(annotation.properties["title"], "A rate limit was exceeded");
    assert!(
        annotation.message.contains("limits how often it is asked"),
        "{}",
        annotation.message
    );
}

#[test]
fn a_refusal_in_the_middle_is_asked_again() {
    let world = World::new();
    let World { old, new, .. } = &world;
    let argocd = ArgoCd::play(vec![
        app(world.healthy(old, &[V13])),
        // Any error of Kubernetes is told so (argo-cd, getAppEnforceRBAC), and proxies have pages.
        Box::new(|| Reply::Refused(403, "permission denied")),
        Box::new(|| Reply::Page(404)),
        app(world.healthy(new, &[V14])),
    ]);
    let log = done(world.verify(&argocd).run()).shown_log();
    assert!(
        log.contains("HTTP 403") && log.contains("HTTP 404") && log.contains("answers again"),
        "{log}"
    );
}

/// A CronJob that failed last week, beside the Rollout.
fn with_report(app: App, health: &str) -> App {
    let mut app = app;
    let report = json!({"group": "batch", "version": "v1", "kind": "CronJob", "namespace": "blog", "name": "report",
        "status": "Synced", "health": {"status": health, "message": "the last run failed"}});
    app.0["status"]["resources"][1] = report;
    if health == "Degraded" {
        app.0["status"]["health"]["status"] = health.into();
    }
    app
}

#[test]
fn what_was_unwell_before_is_reported_and_blamed_on_nobody() {
    let world = World::new();
    let World { old, new, .. } = &world;
    let argocd = ArgoCd::play(apps([
        with_report(world.healthy(old, &[V13]), "Degraded"),
        with_report(world.healthy(new, &[V14]), "Degraded"),
    ]));
    let outcome = done(world.verify(&argocd).run());
    insta::assert_snapshot!(outcome.warnings().join("\n"), @"
    blog: the deployment is well; unwell before it, and still: CronJob/report: Degraded: the last run failed
    ");
}

#[test]
fn what_does_not_carry_the_image_is_never_rolled_back_for() {
    let world = World::new();
    let (repository, url, old) = (
        world.repository.clone(),
        world.repository.url().to_owned(),
        world.old.clone(),
    );
    let looks = Arc::new(AtomicUsize::new(0));
    let argocd = ArgoCd::play(vec![Box::new(move || {
        let first = looks.fetch_add(1, Ordering::SeqCst) == 0;
        let revision = if first {
            old.clone()
        } else {
            repository.tip("main")
        };
        let running = App::healthy(&url, &revision, &["ghcr.io/wlals2/blog-web:v15"]);
        Reply::App(with_report(
            running,
            if first { "Healthy" } else { "Degraded" },
        ))
    })]);
    let outcome = world
        .update(&argocd)
        .input("rollback-on-failure", "true")
        .input("verify-timeout", "4")
        .run()
        .failed();
    assert_eq!(outcome.output("rolled-back"), "false");
    insta::assert_snapshot!(world.scrub(&argocd, &error(&outcome)), @"
    blog is not healthy at commit-2, and not because of this deployment: what does not carry these images is unwell: CronJob/report: Degraded: the last run failed.
    The deployment commit-2 stays on the branch main.
    Look at those resources.
    ");
}

#[test]
fn what_has_no_pods_is_judged_by_the_object_in_the_cluster() {
    let world = World::new();
    let World { old, new, .. } = &world;
    let argocd = ArgoCd::play(apps([world.healthy(old, &[]), world.healthy(new, &[])]));
    argocd.set_live(&[V14]);
    done(world.verify(&argocd).run());
    let asked = argocd.requests();
    let objects: Vec<&String> = asked
        .iter()
        .filter(|request| request.contains("/resource?"))
        .collect();
    assert_eq!(objects.len(), 1, "{asked:?}");
    assert!(objects[0].contains("resourceName=web") && objects[0].contains("kind=Rollout"));
}

#[test]
fn the_pods_tell_what_runs_where_the_list_of_images_lags() {
    let world = World::new();
    let World { old, new, .. } = &world;
    let argocd = ArgoCd::play(apps([
        world.healthy(old, &[V13]),
        world.healthy(new, &[V13]),
    ]));
    argocd.set_tree(json!([
        {"version": "v1", "kind": "Pod", "namespace": "blog", "name": "web-1", "images": [V14], "health": {"status": "Healthy"}},
    ]));
    done(world.verify(&argocd).run());
    // Twice the application, a refresh, and once what it runs: where nothing is wrong, no more.
    assert!(argocd.requests().len() <= 4, "{:?}", argocd.requests());
    let trees = argocd
        .requests()
        .iter()
        .filter(|request| request.contains("/resource-tree"))
        .count();
    assert_eq!(trees, 1);
}

#[test]
fn an_application_that_is_being_deleted_ends_with_that() {
    let world = World::new();
    let World { old, new, .. } = &world;
    let deleted = world
        .healthy(new, &[V13])
        .health("Progressing")
        .with("/metadata/deletionTimestamp", "2026-08-22T10:00:14Z");
    let argocd = ArgoCd::play(apps([world.healthy(old, &[V13]), deleted]));
    let outcome = world.verify(&argocd).run().failed();
    insta::assert_snapshot!(world.scrub(&argocd, &error(&outcome)), @"
    Whether blog runs commit-1 can't be told: it is being deleted.
    Somebody deletes or moves the application: ask them. This deployment is not the cause.
    ");
}

#[test]
fn an_application_that_is_deleted_meanwhile_is_told() {
    let world = World::new();
    let argocd = ArgoCd::play(vec![
        app(world.healthy(&world.old, &[V13])),
        Box::new(|| Reply::Refused(404, "applications.argoproj.io \"blog\" not found")),
    ]);
    let outcome = world.verify(&argocd).run().failed();
    insta::assert_snapshot!(world.scrub(&argocd, &error(&outcome)), @r#"
    The application blog went away while this step waited for it: ARGOCD answered HTTP 404: applications.argoproj.io "blog" not found.
    Somebody deleted it, or took the right to see it from the token.
    "#);
}

#[test]
fn what_can_never_arrive_is_told_at_once() {
    let world = World::new();
    let World { old, .. } = &world;
    let told = |states: &[App]| {
        let argocd = ArgoCd::play(apps(states.to_vec()));
        let outcome = world.verify(&argocd).run().failed();
        world.scrub(&argocd, &error(&outcome))
    };
    let source = |key: &str| format!("/spec/source/{key}");
    let other = "https://github.com/acme/other.git";
    let told: Vec<String> = [
        told(&[world.healthy(&"f".repeat(40), &[V13]).with(&source("repoURL"), other)]),
        told(&[world.healthy(old, &[V13]).with(&source("targetRevision"), "release")]),
        told(&[world.healthy(old, &[V13]), world.healthy(&world.new, &[V13]).with("/status/conditions", json!([
            {"type": "ComparisonError", "message": "failed to generate manifest: web-rollout.yaml: yaml: line 3"}
        ])).with("/status/reconciledAt", "2026-08-22T10:00:20Z")]),
    ]
    .into();
    insta::assert_snapshot!(told.join("\n"), @"
    The application blog follows https://github.com/acme/other.git, and commit-1 was pushed to REPOSITORY.
    Check `repository` and `argocd-application`, or the `repoURL` of the application.

    The application blog follows `release`, and commit-1 was pushed to the branch main.
    Check `branch` and `argocd-application`, or the `targetRevision` of the application.

    Argo CD can't make manifests of commit-1 for blog, also after a second look into Git.
    ComparisonError: failed to generate manifest: web-rollout.yaml: yaml: line 3
    Correct what it names with a new commit. `operation: rollback` undoes the deployment.
    ");
}

#[test]
fn what_keeps_argo_cd_from_applying_it_is_told() {
    let world = World::new();
    let seen = world.healthy(&world.new, &[V13]).out_of_sync();
    let told = |state: App, timeout: &str, can_sync: bool| {
        let argocd = ArgoCd::play(apps([state]));
        argocd.set_window_denies(!can_sync);
        let outcome = world
            .verify(&argocd)
            .input("verify-timeout", timeout)
            .run()
            .failed();
        let warnings = outcome.warnings().join("\n");
        world.scrub(&argocd, &format!("{}\n{warnings}", error(&outcome)))
    };
    let by_hand = seen.clone().with("/spec/syncPolicy", json!({}));
    let mut rewritten = world
        .healthy(&world.new, &[V14])
        .with("/status/sync/status", "OutOfSync");
    rewritten.0["status"]["resources"][1] = json!({
        "group": "networking.istio.io", "kind": "DestinationRule", "name": "web", "status": "OutOfSync"
    });
    let told: Vec<String> = [
        told(by_hand, "3", true),
        told(seen.clone(), "9", false),
        told(seen, "9", true),
        told(rewritten, "3", true),
    ]
    .into();
    insta::assert_snapshot!(told.join("\n"), @"
    blog was OutOfSync, Healthy at commit-1 after N s (`verify-timeout`); this step waited for commit-1. Out of sync: Rollout/web.
    Auto-sync is off, so nobody applies the commit: switch it on (`syncPolicy.automated`), or have a step run `argocd app sync blog` meanwhile.
    blog: auto-sync is off, so somebody must sync the application. Waiting for that

    blog was OutOfSync, Healthy at commit-1 after N s (`verify-timeout`); this step waited for commit-1. Out of sync: Rollout/web.
    A sync window of the project is closed: Argo CD syncs when it opens.
    blog: a sync window of its project is closed. Waiting for it to open

    blog was OutOfSync, Healthy at commit-1 after N s (`verify-timeout`); this step waited for commit-1. Out of sync: Rollout/web.
    Argo CD does not apply them by itself, as it can miss a commit: run `argocd app sync blog`, and look at the application's conditions.

    blog was OutOfSync, Healthy at commit-1 after N s (`verify-timeout`); this step waited for commit-1. Out of sync: DestinationRule/web.
    Argo Rollouts writes into these. Have Argo CD leave those fields alone, in the Application:
    spec:
      ignoreDifferences:
      - group: networking.istio.io
        kind: DestinationRule
        jsonPointers:
        - /spec/subsets/0/labels
        - /spec/subsets/1/labels
      - group: networking.istio.io
        kind: VirtualService
        jqPathExpressions:
        - .spec.http[].route[].weight
      syncPolicy:
        syncOptions:
        - RespectIgnoreDifferences=true
        - ApplyOutOfSyncOnly=true
    ");
}

#[test]
fn sources_are_told_apart_and_hydrated_ones_followed() {
    let world = World::new();
    let World { old, new, .. } = &world;
    let url = world.repository.url();
    let several = |revision: &str| {
        let sources = json!([
            {"repoURL": "https://charts.example.com", "chart": "web", "targetRevision": "1.2.3"},
            {"repoURL": url, "targetRevision": "main", "ref": "values"},
        ]);
        world
            .healthy(new, &[V14])
            .with("/spec/source", json!(null))
            .with("/spec/sources", sources)
            .with(
                "/status/sync",
                json!({"status": "Synced", "revisions": ["1.2.3", revision]}),
            )
    };
    let argocd = ArgoCd::play(apps([several(old), several(new)]));
    done(world.verify(&argocd).run());
    assert!(argocd.requests().len() >= 3);

    let hydrated = |dry: &str, compared: &str| {
        world
            .healthy(compared, &[V14])
            .with("/spec/source", json!(null))
            .with(
                "/spec/sourceHydrator",
                json!({"drySource": {"repoURL": url, "path": "blog-system", "targetRevision": "main"},
                       "syncSource": {"targetBranch": "environments/dev", "path": "blog"}}),
            )
            .with(
                "/status/sourceHydrator",
                json!({"lastSuccessfulOperation": {"drySHA": dry, "hydratedSHA": "b".repeat(40)}}),
            )
    };
    let (before, after) = ("a".repeat(40), "b".repeat(40));
    let argocd = ArgoCd::play(apps([
        hydrated(old, &before),
        hydrated(new, &before),
        hydrated(new, &after),
    ]));
    let outcome = done(world.verify(&argocd).run());
    assert_eq!(outcome.output("argocd-revision"), *new);
    assert!(argocd.requests().len() >= 4);
}

#[test]
fn several_applications_are_waited_for_each_where_it_is() {
    let world = World::new();
    let argocd = ArgoCd::play(apps([world.healthy(&world.new, &[V14])]));
    let outcome = done(
        world
            .verify(&argocd)
            .input("argocd-application", "blog\nteam-a/shop")
            .input("argocd-namespace", "apps")
            .input("argocd-project", "web")
            .run(),
    );
    assert_eq!(outcome.output("sync-status"), "Synced\nSynced");
    let requests = argocd.requests();
    for expected in [
        "/api/v1/applications/blog?project=web&appNamespace=apps",
        "/api/v1/applications/shop?project=web&appNamespace=team-a",
    ] {
        assert!(
            requests.iter().any(|target| target == expected),
            "{requests:?}"
        );
    }
}

#[test]
fn each_of_several_applications_is_held_to_the_files_below_its_own_path() {
    let world = World::new();
    let other = manifest(V13);
    let tip = world
        .repository
        .commit("main", "shop/web.yaml", other.as_str(), "feat: a shop");
    let argocd = ArgoCd::play(apps([
        world.healthy(&tip, &[V14]),
        world
            .healthy(&tip, &[V13])
            .with("/spec/source/path", "shop"),
    ]));
    done(
        world
            .verify(&argocd)
            .input("file", "*/web*.yaml")
            .input("argocd-application", "blog\nshop")
            .run(),
    );
}

#[test]
fn a_renamed_repository_is_known_by_its_commits() {
    let world = World::new();
    let renamed = |revision: &str, images: &[&str]| {
        world.healthy(revision, images).with(
            "/spec/source/repoURL",
            "https://github.com/acme/renamed.git",
        )
    };
    let argocd = ArgoCd::play(apps([
        renamed(&world.old, &[V13]),
        renamed(&world.new, &[V14]),
    ]));
    let log = done(world.verify(&argocd).run()).shown_log();
    assert!(
        log.contains("it follows https://github.com/acme/renamed.git, which has our commits"),
        "{log}"
    );
}

#[test]
fn what_nobody_is_to_blame_for_is_named() {
    let world = World::new();
    let World { old, new, .. } = &world;
    let unseen = || world.healthy(old, &[V13]);
    let out_of_sync = || world.healthy(new, &[V13]).out_of_sync();
    let owner =
        json!([{"apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationSet", "name": "shop"}]);
    let refused = json!([{"type": "SyncError", "message": "Failed last sync attempt to [abc]: one or more objects failed to apply (retried 5 times)."}]);
    let told = |name: &str, state: App| {
        let argocd = ArgoCd::play(apps([state]));
        let outcome = world
            .verify(&argocd)
            .input("verify-timeout", "2")
            .run()
            .failed();
        format!("{name}:\n{}", world.scrub(&argocd, &error(&outcome)))
    };
    let told = [
        // Nobody reconciles it.
        told(
            "skip-reconcile",
            unseen().with(
                "/metadata/annotations",
                json!({"argocd.argoproj.io/skip-reconcile": "true"}),
            ),
        ),
        told(
            "a refresh that stays",
            unseen().with(
                "/metadata/annotations",
                json!({"argocd.argoproj.io/refresh": "normal"}),
            ),
        ),
        // RollingSync switches auto-sync off: nobody is to switch it on.
        told(
            "an ApplicationSet",
            out_of_sync()
                .with("/spec/syncPolicy", json!({}))
                .with("/metadata/ownerReferences", owner),
        ),
        // Why auto-sync refused.
        told(
            "SyncError",
            out_of_sync().with("/status/conditions", refused),
        ),
    ];
    insta::assert_snapshot!(told.join("\n\n"), @r#"
    skip-reconcile:
    blog was Synced, Healthy at commit-0 after N s (`verify-timeout`); this step waited for commit-1. Its annotation `argocd.argoproj.io/skip-reconcile: "true"` tells Argo CD to leave it alone.
    Argo CD has not compared the commit yet. Check that it can reach the repository, and that the application follows this branch.


    a refresh that stays:
    blog was Synced, Healthy at commit-0 after N s (`verify-timeout`); this step waited for commit-1. A refresh was asked for and never answered: the annotation `argocd.argoproj.io/refresh` is still there. Is the application controller well?
    Argo CD has not compared the commit yet. Check that it can reach the repository, and that the application follows this branch.


    an ApplicationSet:
    blog was OutOfSync, Healthy at commit-1 after N s (`verify-timeout`); this step waited for commit-1. Out of sync: Rollout/web.
    An ApplicationSet made the application, and syncs it, maybe step by step (RollingSync): look at the steps before this one.


    SyncError:
    blog was OutOfSync, Healthy at commit-1 after N s (`verify-timeout`); this step waited for commit-1. Out of sync: Rollout/web. Argo CD says: Failed last sync attempt to [abc]: one or more objects failed to apply (retried 5 times).
    Argo CD does not apply them by itself, as it can miss a commit: run `argocd app sync blog`, and look at the application's conditions.
    "#);
}

#[test]
fn the_parent_of_an_app_of_apps_says_nothing_of_its_children() {
    let world = World::new();
    let child = json!([{"group": "argoproj.io", "version": "v1alpha1", "kind": "Application", "name": "web", "status": "Synced"}]);
    let parent = |revision: &str| {
        world
            .healthy(revision, &[])
            .with("/status/resources", child.clone())
    };
    let argocd = ArgoCd::play(apps([parent(&world.old), parent(&world.new)]));
    let outcome = done(world.verify(&argocd).run());
    insta::assert_snapshot!(outcome.warnings().join("\n"), @"
    blog is the parent of an app of apps: that it is healthy says nothing of Application/web. Name those in `argocd-application`
    ");
}

/// Deploys v15; then somebody else commits `file`, and Argo CD, at that commit, finds the Rollout
/// aborted. Whether v15 was rolled back, and what is said.
fn broken_below_a_later_commit(
    file: &'static str,
    helm: Option<serde_json::Value>,
) -> (String, String) {
    broken_above_files(&[], file, helm)
}

/// The same, with these files below all of it.
fn broken_above_files(
    files: &[(&str, &str)],
    file: &'static str,
    helm: Option<serde_json::Value>,
) -> (String, String) {
    let world = World::new();
    for (file, content) in files {
        world
            .repository
            .commit("main", file, *content, "chore: files");
    }
    for base in ["envs/base.yaml", "envs/other.yaml"] {
        world
            .repository
            .commit("main", base, "replicas: 1\n", "chore: values");
    }
    let (repository, url, before) = (
        world.repository.clone(),
        world.repository.url().to_owned(),
        world.repository.tip("main"),
    );
    let deployed = repository.log("main").len() + 1;
    let looks = Arc::new(AtomicUsize::new(0));
    let made = move |app: App| match &helm {
        Some(helm) => app.with("/spec/source/helm", helm.clone()),
        None => app,
    };
    let argocd = ArgoCd::play(vec![Box::new(move || {
        if looks.fetch_add(1, Ordering::SeqCst) == 0 {
            return Reply::App(made(App::healthy(&url, &before, &[V14])));
        }
        if repository.log("main").len() == deployed {
            repository.commit("main", file, "kind: ConfigMap\n", "feat: another team's");
        }
        let later = repository.log("main")[0].id.clone();
        let state = App::healthy(&url, &later, &["ghcr.io/wlals2/blog-web:v15"]);
        Reply::App(made(state.health("Degraded")))
    })]);
    let outcome = world
        .update(&argocd)
        .input("rollback-on-failure", "true")
        .input("verify-timeout", "4")
        .run()
        .failed();
    (outcome.output("rolled-back").to_owned(), error(&outcome))
}

#[test]
fn below_a_later_commit_a_deployment_is_blamed_where_its_folder_is_the_same() {
    let (rolled_back, told) = broken_below_a_later_commit("shop/config.yaml", None);
    assert_eq!(rolled_back, "true", "{told}");
    let (rolled_back, told) = broken_below_a_later_commit("blog-system/config.yaml", None);
    assert_eq!(rolled_back, "false", "{told}");
    assert!(
        told.contains("it is not known which of the two is why"),
        "{told}"
    );
    assert!(!told.contains("to be corrected"), "{told}");
}

/// Of a place that only `path` leads to, nobody's list of images tells.
#[test]
fn what_only_a_path_leads_to_is_not_gone_where_a_later_commit_keeps_it() {
    let world = World::new();
    let file = "blog-system/game.yaml";
    let text = "apiVersion: acme.io/v1\nkind: Game\nmetadata: {name: web}\nspec:\n  runs: ghcr.io/wlals2/blog-web:v14\n";
    world.repository.commit("main", file, text, "feat: game");
    for (later, content) in [("README.md", "# Shop\n"), (file, "")] {
        let (repository, url) = (world.repository.clone(), world.repository.url().to_owned());
        let before = repository.tip("main");
        let looks = Arc::new(AtomicUsize::new(0));
        let argocd = ArgoCd::play(vec![Box::new(move || {
            match looks.fetch_add(1, Ordering::SeqCst) {
                0 => return Reply::App(App::healthy(&url, &before, &[V14])),
                1 => {
                    let now = String::from_utf8(repository.show("main", file)).unwrap();
                    let content = match content {
                        "" => now + "# by hand\n",
                        content => content.to_owned(),
                    };
                    repository.commit("main", later, content.as_str(), "docs: by hand");
                }
                _ => {}
            }
            let tip = repository.tip("main");
            Reply::App(App::healthy(&url, &tip, &["ghcr.io/wlals2/blog-web:v15"]))
        })]);
        let action = world.update(&argocd).input("file", file);
        done(action.input("path", ".spec.runs").run());
        world.repository.commit("main", file, text, "feat: again");
    }
}

#[test]
fn a_base_of_a_kustomization_is_what_its_folder_is_made_of() {
    let base = ("common/web/kustomization.yaml", "resources: [../../envs]\n");
    for (resource, file, rolled_back) in [
        ("../common/web", "shop/config.yaml", "true"),
        ("../common/web", "common/web/service.yaml", "false"),
        // What the base itself names.
        ("../common/web", "envs/base.yaml", "false"),
        ("../../elsewhere", "shop/config.yaml", "false"),
    ] {
        let kustomization = format!("resources:\n- web-rollout.yaml\n- {resource}\n");
        let files = [
            base,
            ("blog-system/kustomization.yaml", kustomization.as_str()),
        ];
        let (was, told) = broken_above_files(&files, file, None);
        assert_eq!(was, rolled_back, "{resource} {file}: {told}");
    }
}

#[test]
fn an_object_in_the_cluster_that_holds_the_old_image_is_not_the_new_one() {
    let world = World::new();
    let World { old, new, .. } = &world;
    let argocd = ArgoCd::play(apps([world.healthy(old, &[]), world.healthy(new, &[])]));
    argocd.set_live(&[V13]);
    let verify = world.verify(&argocd).input("verify-timeout", "3");
    insta::assert_snapshot!(world.scrub(&argocd, &error(&verify.run().failed())), @"
    blog was Synced, Healthy at commit-1 after N s (`verify-timeout`); this step waited for commit-1. It calls itself Synced and Healthy, but not all in the cluster has ghcr.io/wlals2/blog-web:v14: Rollout/web: ghcr.io/wlals2/blog-web:v13.
    Something keeps Argo CD from changing the image: manifests of before in its cache (`argocd app get --hard-refresh`), an `ignoreDifferences` on a whole list with RespectIgnoreDifferences; or the image comes from another file than the one that was changed.
    ");
    // It is asked again, as it may be changed meanwhile.
    let argocd = ArgoCd::play(apps([world.healthy(old, &[]), world.healthy(new, &[])]));
    argocd.set_live(&[V13]);
    let running = world.verify(&argocd).spawn();
    let asked = |argocd: &ArgoCd| {
        let requests = argocd.requests();
        let objects = requests
            .iter()
            .filter(|target| target.contains("/resource?"));
        objects.count()
    };
    while asked(&argocd) == 0 {
        std::thread::yield_now();
    }
    argocd.set_live(&[V14]);
    done(running.wait());
}

/// Deploys v15 on top of a colleague's commit to `file`, which Argo CD has not seen: it goes from the one below that
/// to ours, of which `end` makes what it says. Whether v15 was rolled back, and what is said.
fn broken_above_an_earlier_commit(
    file: &str,
    history: &[&str],
    pods: serde_json::Value,
    end: fn(App) -> App,
) -> (String, String) {
    let world = World::new();
    world
        .repository
        .commit("main", file, "kind: ConfigMap\n", "feat: another team's");
    let (repository, url, new) = (
        world.repository.clone(),
        world.repository.url().to_owned(),
        world.new.clone(),
    );
    let history: Vec<_> = history
        .iter()
        .map(|revision| match *revision {
            "new" => new.clone(),
            _ => repository.tip("main"),
        })
        .map(|revision| {
            let source = &App::healthy(&url, &revision, &[]).0["spec"]["source"];
            json!({"revision": revision, "source": source})
        })
        .collect();
    let looks = Arc::new(AtomicUsize::new(0));
    let argocd = ArgoCd::play(vec![Box::new(move || {
        let first = looks.fetch_add(1, Ordering::SeqCst) == 0;
        let state = App::healthy(&url, &new, &[V14]);
        let state = state.with("/status/history", json!(history));
        if first && history.is_empty() {
            return Reply::App(state);
        }
        let tip = repository.tip("main");
        Reply::App(end(
            App::healthy(&url, &tip, &[V14]).with("/status/history", json!(history))
        ))
    })]);
    argocd.set_tree(pods);
    let outcome = world
        .update(&argocd)
        .input("rollback-on-failure", "true")
        .input("verify-timeout", "4")
        .run()
        .failed();
    let told = world.scrub(&argocd, &error(&outcome));
    (outcome.output("rolled-back").to_owned(), told)
}

#[test]
fn what_came_along_with_an_earlier_commit_is_not_blamed_on_the_deployment() {
    let fails = |app: App| {
        let message = "Rollout.argoproj.io \"web\" is invalid: spec.selector: field is immutable";
        let results = json!([{"group": "argoproj.io", "kind": "Rollout", "name": "web", "status": "SyncFailed", "message": message}]);
        let app = app.out_of_sync();
        app.with("/status/operationState/phase", "Failed")
            .with(
                "/status/operationState/message",
                "one or more objects failed to apply",
            )
            .with("/status/operationState/syncResult/resources", results)
    };
    let degrades = |app: App| app.health("Degraded");
    let (rolled_back, told) =
        broken_above_an_earlier_commit("blog-system/config.yaml", &[], json!([]), fails);
    assert_eq!(rolled_back, "false", "{told}");
    insta::assert_snapshot!(told, @r#"
    blog does not run commit-3 yet, and it is not proven that this deployment is why: it fails since it went from commit-1 to this commit, and what others changed between the two came along: Rollout/web: Rollout.argoproj.io "web" is invalid: spec.selector: field is immutable.
    The deployment commit-3 stays on the branch main.
    Look at what it names, and correct that. `operation: rollback` undoes the deployment.
    "#);
    let (rolled_back, told) =
        broken_above_an_earlier_commit("blog-system/config.yaml", &[], json!([]), degrades);
    assert_eq!(rolled_back, "false", "{told}");
    let (rolled_back, told) =
        broken_above_an_earlier_commit("shop/config.yaml", &[], json!([]), fails);
    assert_eq!(rolled_back, "true", "{told}");
    let (rolled_back, told) =
        broken_above_an_earlier_commit("shop/config.yaml", &[], json!([]), degrades);
    assert_eq!(rolled_back, "true", "{told}");
    // What shows only when the time is over, has to be proven all the same.
    let crashes = |app: App| app.health("Progressing");
    let pods = json!([{"version": "v1", "kind": "Pod", "name": "web-1", "images": ["ghcr.io/wlals2/blog-web:v15"],
        "health": {"status": "Degraded", "message": "back-off 40s restarting failed container=web"}}]);
    let (rolled_back, told) =
        broken_above_an_earlier_commit("shop/config.yaml", &[], pods, crashes);
    assert_eq!(rolled_back, "true", "{told}");
}

/// Deploys v15, with which something else of the application changes, as `then` and `now` make it.
fn broken_with(
    then: fn(App) -> App,
    now: fn(App) -> App,
    pods: serde_json::Value,
) -> (String, String) {
    let world = World::new();
    let (repository, url) = (world.repository.clone(), world.repository.url().to_owned());
    let before = repository.tip("main");
    let looks = Arc::new(AtomicUsize::new(0));
    let argocd = ArgoCd::play(vec![Box::new(move || {
        let (tip, image) = (repository.tip("main"), "ghcr.io/wlals2/blog-web:v15");
        Reply::App(match looks.fetch_add(1, Ordering::SeqCst) {
            0 => then(App::healthy(&url, &before, &[V14])),
            _ => now(App::healthy(&url, &tip, &[V14, image]).health("Degraded")),
        })
    })]);
    argocd.set_tree(pods);
    let action = world.update(&argocd);
    let action = action.input("rollback-on-failure", "true");
    let outcome = action.input("verify-timeout", "4").run().failed();
    let told = world.scrub(&argocd, &error(&outcome));
    (outcome.output("rolled-back").to_owned(), told)
}

#[test]
fn what_else_the_application_is_made_of_is_not_blamed_on_the_deployment() {
    fn with_chart(app: App, version: &str) -> App {
        let source = app.0["spec"]["source"].clone();
        let revision = app.0["status"]["sync"]["revision"].clone();
        let chart =
            json!({"repoURL": "https://charts.acme.dev", "chart": "web", "targetRevision": "1.*"});
        let revisions = json!([revision, version]);
        app.with("/spec/source", json!(null))
            .with("/spec/sources", json!([source, chart]))
            .with("/status/sync/revisions", revisions.clone())
            .with("/status/operationState/syncResult/revisions", revisions)
    }
    fn with_database(app: App, name: &str) -> App {
        let parameters = json!([{"name": "db.host", "value": name}]);
        app.with("/spec/source/helm", json!({ "parameters": parameters }))
    }
    let none = || json!([]);
    let (rolled_back, told) = broken_with(
        |app| with_chart(app, "1.2.0"),
        |app| with_chart(app, "1.3.0"),
        none(),
    );
    assert_eq!(rolled_back, "false", "{told}");
    assert!(told.contains("it fails since this commit came, and with it web of https://charts.acme.dev went from 1.2.0 to 1.3.0: Rollout/web: Degraded"), "{told}");
    let (rolled_back, told) = broken_with(
        |app| with_database(app, "a"),
        |app| with_database(app, "b"),
        none(),
    );
    assert_eq!(rolled_back, "false", "{told}");
    for same in [
        |app| with_chart(app, "1.2.0"),
        |app| with_database(app, "a"),
    ] {
        let (rolled_back, told) = broken_with(same, same, none());
        assert_eq!(rolled_back, "true", "{told}");
    }
    // Nor is what its Pods lack, where Git has asked for it before.
    let pods = json!([{"version": "v1", "kind": "Pod", "name": "web-1", "images": ["ghcr.io/wlals2/blog-web:v15"],
        "parentRefs": [{"group": "argoproj.io", "kind": "Rollout", "namespace": "blog", "name": "web"}],
        "health": {"status": "Degraded", "message": "secret \"db\" not found"},
        "info": [{"name": "Status Reason", "value": "CreateContainerConfigError"}]}]);
    let (rolled_back, told) = broken_with(|app| app, |app| app.health("Progressing"), pods);
    assert_eq!(rolled_back, "false", "{told}");
    assert!(told.contains("want of what no image brings along: Pod/web-1: CreateContainerConfigError: secret \"db\" not found"), "{told}");
}

#[test]
fn where_the_first_look_comes_too_late_the_history_tells_what_ran_before() {
    let degrades = |app: App| app.health("Degraded");
    let file = "blog-system/config.yaml";
    let (rolled_back, told) = broken_above_an_earlier_commit(file, &["new"], json!([]), degrades);
    assert_eq!(rolled_back, "false", "{told}");
    let (rolled_back, told) =
        broken_above_an_earlier_commit(file, &["new", "colleague"], json!([]), degrades);
    assert_eq!(rolled_back, "true", "{told}");
}

#[test]
fn value_files_outside_of_a_charts_folder_are_what_it_is_made_of() {
    let helm = |values: &str| json!({"valueFiles": ["values.yaml", values]});
    let file = "envs/base.yaml";
    for (values, rolled_back) in [
        ("/envs/base.yaml", "false"),
        ("../envs/base.yaml", "false"),
        ("/envs/*.yaml", "false"),
        ("$values/envs/base.yaml", "false"),
        ("/envs/other.yaml", "true"),
    ] {
        let (was, told) = broken_below_a_later_commit(file, Some(helm(values)));
        assert_eq!(was, rolled_back, "{values}: {told}");
    }
}

#[test]
fn what_was_hydrated_and_then_promoted_by_a_merge_is_known_by_what_runs() {
    let world = World::new();
    let World { old, new, .. } = &world;
    let source =
        json!({"repoURL": world.repository.url(), "path": "blog-system", "targetRevision": "main"});
    let state = |dry: &str, hydrated: &str, compared: &str, image: &str| {
        world
            .healthy(compared, &[image])
            .with("/spec/source", json!(null))
            .with(
                "/spec/sourceHydrator",
                json!({"drySource": source, "hydrateTo": {"targetBranch": "environments/prod-next"}}),
            )
            .with(
                "/status/sourceHydrator",
                json!({"lastSuccessfulOperation": {"drySHA": dry, "hydratedSHA": hydrated}}),
            )
    };
    let id = |digit: &str| digit.repeat(40);
    let argocd = ArgoCd::play(apps([
        state(old, &id("1"), &id("a"), V13),
        // Hydrated, and its pull request is open.
        state(new, &id("2"), &id("a"), V13),
        state(new, &id("2"), &id("b"), V14),
    ]));
    done(world.verify(&argocd).run());
    assert!(argocd.requests().len() >= 4);
}

#[test]
fn synced_may_be_enough() {
    let world = World::new();
    let argocd = ArgoCd::play(apps([world
        .healthy(&world.new, &[V13])
        .health("Progressing")]));
    let outcome = done(
        world
            .verify(&argocd)
            .input("argocd-wait-for", "synced")
            .run(),
    );
    assert_eq!(outcome.output("health-status"), "Progressing");
}

#[test]
fn an_update_waits_for_its_own_commit() {
    let world = World::new();
    let (repository, url) = (world.repository.clone(), world.repository.url().to_owned());
    let new = world.new.clone();
    let argocd = ArgoCd::play(vec![
        app(world.healthy(&new, &[V14])),
        Box::new(move || {
            Reply::App(App::healthy(
                &url,
                &repository.tip("main"),
                &["ghcr.io/wlals2/blog-web:v15"],
            ))
        }),
    ]);
    let outcome = world.update(&argocd).run().succeeded();
    assert_eq!(outcome.output("changed"), "true");
    assert_eq!(
        outcome.output("argocd-revision"),
        world.repository.tip("main")
    );
    assert_eq!(outcome.output("health-status"), "Healthy");
    assert!(
        outcome
            .summary
            .starts_with("### ✅ Deployed `blog-web:v15`, healthy\n"),
        "{}",
        outcome.summary
    );
}

/// v15 is deployed, and degrades.
fn degrading(world: &World) -> ArgoCd {
    let (repository, url) = (world.repository.clone(), world.repository.url().to_owned());
    ArgoCd::play(vec![
        app(world.healthy(&world.new, &[V14])),
        Box::new(move || {
            let tip = repository.tip("main");
            Reply::App(
                App::healthy(&url, &tip, &["ghcr.io/wlals2/blog-web:v15"]).health("Degraded"),
            )
        }),
    ])
}

#[test]
fn a_deployment_that_degrades_is_rolled_back_where_that_is_asked_for() {
    let world = World::new();
    let argocd = degrading(&world);
    let outcome = world
        .update(&argocd)
        .input("rollback-on-failure", "true")
        .run()
        .failed();
    let tip = world.repository.tip("main");
    assert_eq!(outcome.output("rolled-back"), "true");
    assert_eq!(outcome.output("rollback-commit-sha"), tip);
    // What the branch holds in the end.
    assert_eq!(outcome.output("image"), V14);
    assert_eq!(
        outcome.output("previous-image"),
        "ghcr.io/wlals2/blog-web:v15"
    );
    let deployed = outcome.output("commit-sha");
    assert_eq!(world.repository.log("main")[1].id, deployed);
    assert_eq!(
        String::from_utf8(world.repository.show("main", FILE)).unwrap(),
        manifest(V14)
    );
    insta::assert_snapshot!(world.scrub(&argocd, &error(&outcome)), @"
    The application blog is degraded at commit-2, and was not before.
    Rollout/web: Degraded: RolloutAborted: Rollout aborted update to revision 2: Metric errors assessed Failed
    The deployment commit-2 was rolled back by commit-3.
    Find out why before you deploy it again. The cluster goes back to ghcr.io/wlals2/blog-web:v14 by itself; this step does not wait for that.
    ");
    insta::assert_snapshot!(world.scrub(&argocd, &outcome.summary), @"
    ### ❌ Rolled back to `blog-web:v14`: The deployment is degraded

    The application blog is degraded at commit-2, and was not before.<br>
    Rollout/web: Degraded: RolloutAborted: Rollout aborted update to revision 2: Metric errors assessed Failed<br>
    The deployment commit-2 was rolled back by commit-3.

    **What to do:** Find out why before you deploy it again. The cluster goes back to ghcr.io/wlals2/blog-web:v14 by itself; this step does not wait for that.

    Commit [`commit-2`](REPOSITORY/commit/COMMIT-2) is on `main` of [`REPOSITORY`](REPOSITORY).

    | Resource | Container | Old image | New image | File |
    |---|---|---|---|---|
    | `Rollout/web` | `nginx` | `ghcr.io/wlals2/blog-web:v14` | `ghcr.io/wlals2/blog-web:v15` | `blog-system/web-rollout.yaml:9` |

    <details open><summary>Diff</summary>

    ```diff
    --- a/blog-system/web-rollout.yaml
    +++ b/blog-system/web-rollout.yaml
    @@ -6,4 +6,4 @@
         spec:
           containers:
           - name: nginx
    -        image: ghcr.io/wlals2/blog-web:v14
    +        image: ghcr.io/wlals2/blog-web:v15
    ```

    </details>

    #### Argo CD

    Commit [`commit-2`](REPOSITORY/commit/COMMIT-2) of `main` in [`REPOSITORY`](REPOSITORY).

    | Application | Sync | Health | Revision | Seen | Synced |
    |---|---|---|---|---|---|
    | [`blog`](ARGOCD/applications/blog) | `Synced` | `Degraded` | `commit-2` | N s | N s |

    | Resource | Container | Image in Git | Image in the cluster |  |
    |---|---|---|---|---|
    | `Rollout/web` | `nginx` | `ghcr.io/wlals2/blog-web:v15` | `ghcr.io/wlals2/blog-web:v15` | the same |

    <details open><summary>2 resources of blog</summary>

    | Resource | Sync | Health | Message |
    |---|---|---|---|
    | `Rollout/web` | `Synced` | `Degraded` | RolloutAborted: Rollout aborted update to revision 2: Metric errors assessed Failed |
    | `Service/web` | `Synced` |  |  |

    </details>

    #### The rollback

    Commit [`commit-3`](REPOSITORY/commit/COMMIT-3) is on `main` of [`REPOSITORY`](REPOSITORY).

    Takes back [`commit-2`](REPOSITORY/commit/COMMIT-2) `chore: update blog-web image to v15` by `github-actions[bot]`.

    | Resource | Container | Old image | New image | File |
    |---|---|---|---|---|
    | `Rollout/web` | `nginx` | `ghcr.io/wlals2/blog-web:v15` | `ghcr.io/wlals2/blog-web:v14` | `blog-system/web-rollout.yaml:9` |

    <details open><summary>Diff</summary>

    ```diff
    --- a/blog-system/web-rollout.yaml
    +++ b/blog-system/web-rollout.yaml
    @@ -6,4 +6,4 @@
         spec:
           containers:
           - name: nginx
    -        image: ghcr.io/wlals2/blog-web:v15
    +        image: ghcr.io/wlals2/blog-web:v14
    ```

    </details>
    ");
}

#[test]
fn a_deployment_that_degrades_stays_where_nothing_else_is_asked_for() {
    let world = World::new();
    let argocd = degrading(&world);
    let outcome = world.update(&argocd).run().failed();
    assert_eq!(outcome.output("rolled-back"), "false");
    assert_eq!(outcome.output("commit-sha"), world.repository.tip("main"));
    assert!(
        error(&outcome).contains("stays on the branch main"),
        "{}",
        error(&outcome)
    );
}

#[test]
fn outputs_that_cannot_be_written_do_not_hide_a_failure() {
    let world = World::new();
    let argocd = degrading(&world);
    let outcome = world
        .update(&argocd)
        .env("GITHUB_OUTPUT", "/nonexistent/output")
        .run()
        .failed();
    let error = error(&outcome);
    assert!(
        error.contains("The application blog is degraded"),
        "{error}"
    );
    let warnings = outcome.warnings();
    assert!(
        warnings
            .iter()
            .any(|warning| warning.contains("/nonexistent/output (GITHUB_OUTPUT) can't be written")),
        "{warnings:?}"
    );
}

#[test]
fn nothing_is_rolled_back_when_somebody_has_deployed_since() {
    let world = World::new();
    let (repository, url) = (world.repository.clone(), world.repository.url().to_owned());
    let before = app(world.healthy(&world.new, &[V14]));
    let after = Box::new(move || {
        let log = repository.log("main");
        let deployed = log
            .iter()
            .find(|commit| commit.message.contains("to v15"))
            .unwrap()
            .id
            .clone();
        if repository.log("main").len() == 3 {
            let v16 = manifest("ghcr.io/wlals2/blog-web:v16");
            repository.commit("main", FILE, v16.as_str(), "chore: update to v16");
        }
        Reply::App(
            App::healthy(&url, &deployed, &["ghcr.io/wlals2/blog-web:v15"]).health("Degraded"),
        )
    });
    let argocd = ArgoCd::play(vec![before, after]);
    let outcome = world
        .update(&argocd)
        .input("rollback-on-failure", "true")
        .run()
        .failed();
    assert_eq!(outcome.output("rolled-back"), "false");
    assert_eq!(world.repository.log("main").len(), 4);
    insta::assert_snapshot!(world.scrub(&argocd, &error(&outcome)), @r#"
    The application blog is degraded at commit-2, and was not before.
    Rollout/web: Degraded: RolloutAborted: Rollout aborted update to revision 2: Metric errors assessed Failed
    The deployment commit-2 was not rolled back. What commit commit-2 of DATE by github-actions[bot] (`chore: update blog-web image to v15`) did to `blog-system/web-rollout.yaml` can't be undone: .spec.template.spec.containers[name=nginx].image was changed again since: it is "ghcr.io/wlals2/blog-web:v16" now, on line 9, by commit commit-3 of DATE by A colleague (`chore: update to v16`). ghcr.io/wlals2/blog-web:v16 (blog-system/web-rollout.yaml) is still deployed.
    What changed it since, the newest first:
    - commit commit-3 of DATE by A colleague (`chore: update to v16`): ghcr.io/wlals2/blog-web:v15 → ghcr.io/wlals2/blog-web:v16
    What came later was left alone: look at that deployment, and ask whoever made it.
    "#);
}

#[test]
fn a_rollback_waits_until_the_old_image_runs_again() {
    let world = World::new();
    let (repository, url) = (world.repository.clone(), world.repository.url().to_owned());
    let argocd = ArgoCd::play(vec![
        app(world.healthy(&world.new, &[V14])),
        Box::new(move || Reply::App(App::healthy(&url, &repository.tip("main"), &[V13]))),
    ]);
    let action = Action::new()
        .input("operation", "rollback")
        .over(VIA, &world.repository)
        .input("file", FILE)
        .input("token", TOKEN);
    let outcome = to_argocd(action, &argocd).run().succeeded();
    assert_eq!(outcome.output("image"), V13);
    assert_eq!(outcome.output("health-status"), "Healthy");
}

#[test]
fn a_rollback_that_is_run_again_is_verified_again() {
    let world = World::new();
    let play = |health: &'static str, images: &'static [&'static str]| {
        let (repository, url) = (world.repository.clone(), world.repository.url().to_owned());
        ArgoCd::play(vec![Box::new(move || {
            let app = App::healthy(&url, &repository.tip("main"), images);
            Reply::App(app.health(health))
        })])
    };
    let attempt = |number: &str, argocd: &ArgoCd| {
        let action = Action::new()
            .input("operation", "rollback")
            .over(VIA, &world.repository)
            .input("file", FILE)
            .input("token", TOKEN)
            .env("GITHUB_RUN_ID", "7")
            .env("GITHUB_RUN_ATTEMPT", number)
            .env(
                "GITHUB_WORKFLOW_REF",
                "wlals2/blogsite/.github/workflows/roll-back.yml@refs/heads/main",
            );
        to_argocd(action, argocd).input("verify-timeout", "3").run()
    };
    let unwell = || play("Degraded", &[V13]);
    attempt("1", &unwell()).failed();
    let back = world.repository.tip("main");
    assert_eq!(
        world.repository.show("main", FILE),
        manifest(V13).as_bytes()
    );
    let argocd = unwell();
    let again = attempt("2", &argocd).failed();
    insta::assert_snapshot!(world.scrub(&argocd, &error(&again)), @r#"
    blog does not run commit-2 yet, and it is not proven that this deployment is why: it fails, and what ran before this commit is not known: Rollout/web: Degraded: RolloutAborted: Rollout aborted update to revision 2: Metric errors assessed Failed.
    main stays as it is, at commit-2: this run has rolled back already, with commit commit-2 of DATE by github-actions[bot] (`Revert "chore: update to v14"`). To take back one more deployment, name it with `commit`, or what is to run with `to`.
    Look at what it names, and correct that.
    "#);
    assert_eq!(again.output("health-status"), "Degraded");
    // Pods of the image that was rolled back are not what is on the branch, however well they are.
    attempt("3", &play("Healthy", &[V14])).failed();
    let argocd = play("Healthy", &[V13]);
    let well = attempt("4", &argocd).succeeded();
    assert_eq!(well.output("changed"), "false");
    assert_eq!(well.output("health-status"), "Healthy");
    assert_eq!(well.output("image"), V13);
    let verdict = well.summary.lines().next();
    assert_eq!(verdict, Some("### ✅ Nothing to roll back, healthy"));
    // The same where a commit is named that was taken back.
    let named = |argocd: &ArgoCd| {
        let action = Action::new()
            .input("operation", "rollback")
            .over(VIA, &world.repository)
            .input("file", FILE)
            .input("commit", &world.new)
            .input("token", TOKEN);
        to_argocd(action, argocd).input("verify-timeout", "3").run()
    };
    named(&unwell()).failed();
    named(&play("Healthy", &[V13])).succeeded();
    assert_eq!(world.repository.tip("main"), back);
}

#[test]
fn a_dry_run_asks_argo_cd_only_where_there_is_nothing_to_write() {
    let world = World::new();
    let argocd = ArgoCd::play(apps([world.healthy(&world.new, &[V14])]));
    let dry = |image: &str| {
        let action = world.update(&argocd).input("image", image);
        action.input("dry-run", "true").run().succeeded()
    };
    let would = dry("ghcr.io/wlals2/blog-web:v15");
    assert_eq!(would.output("health-status"), "");
    assert_eq!(argocd.requests(), Vec::<String>::new());
    assert_eq!(dry(V14).output("health-status"), "Healthy");
}

#[test]
fn a_cancelled_wait_says_how_things_are() {
    let world = World::new();
    let argocd = ArgoCd::play(apps([world.healthy(&world.old, &[V13])]));
    let running = world.verify(&argocd).spawn();
    while argocd.requests().len() < 3 {
        std::thread::yield_now();
    }
    running.terminate();
    let outcome = running.wait().failed();
    insta::assert_snapshot!(world.scrub(&argocd, &error(&outcome)), @"
    The run was cancelled while it waited for Argo CD: blog was Synced, Healthy at commit-0.
    Git and the cluster are as they are: Argo CD goes on by itself.
    ");
}

#[test]
fn what_is_wrong_with_the_inputs_is_told_before_anything_is_asked() {
    let world = World::new();
    let wrong = |change: fn(Action) -> Action| {
        let action = Action::new()
            .input("operation", "verify")
            .over(VIA, &world.repository)
            .input("token", TOKEN);
        error(&change(action).run().failed())
    };
    let told: Vec<String> = [
        wrong(|action| action),
        wrong(|action| {
            action
                .input("argocd-application", "Blog App")
                .input("argocd-server", "http://argocd.example.com")
                .input("argocd-token", "a b")
                .input("argocd-wait-for", "done")
                .input("verify-timeout", "0")
        }),
        wrong(|action| {
            action
                .input("operation", "update")
                .input("file", "a.yaml")
                .input("image", "a:1")
                .input("argocd-server", "argocd.example.com")
                .input("rollback-on-failure", "true")
        }),
        wrong(|action| action.input("argocd-application", "blog")),
    ]
    .into();
    insta::assert_snapshot!(told.join("\n\n"), @"
    `argocd-application`: required (or `status-context`): the Argo CD application that deploys the manifests
    Nothing was changed.

    `argocd-application`: `Blog App` is not the name of an application: expected `NAME` or `NAMESPACE/NAME`, of a-z, 0-9, `-` and `.`
    `verify-timeout` `0`: expected a number of seconds from 1 to 21600, such as `600`
    `argocd-wait-for` `done`: expected `synced` or `healthy`
    `argocd-server`: `http://` would send the token unencrypted: use https://. Where the way is private, `plaintext: true` allows it
    `argocd-token`: a character that no token has: the secret was not pasted as one piece
    Nothing was changed.

    `argocd-server`: no effect without `argocd-application` or `from-argocd-application`. Add that, or remove it (an empty value counts as removed)
    `rollback-on-failure`: no effect without `argocd-application` or `status-context`. Add that, or remove it (an empty value counts as removed)
    Nothing was changed.

    `argocd-server`: required with `argocd-application`: where Argo CD is, such as `argocd.example.com`
    `argocd-token`: empty: Argo CD can't be asked without one. Where it comes from a secret, that secret is not set here. Without a secret, give `argocd-oidc-connector`
    Nothing was changed.
    ");
}

#[test]
fn a_commit_that_is_not_on_the_branch_is_told_before_anything_is_waited_for() {
    let world = World::new();
    let argocd = ArgoCd::play(apps([world.healthy(&world.new, &[V14])]));
    let outcome = world
        .verify(&argocd)
        .input("commit", "0123456")
        .run()
        .failed();
    insta::assert_snapshot!(world.scrub(&argocd, &error(&outcome)), @"
    No commit of the branch in REPOSITORY begins with `0123456`.
    Pass the output `commit-sha` of the step that deployed as `commit`, and the same `repository` and `branch`.
    ");
    assert_eq!(argocd.requests(), Vec::<String>::new());
}
