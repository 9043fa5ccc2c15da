//! `pull-request-wait`: a pull request to its end. What a look would find is done when the look arrives, on
//! the real repository. The target is read over either transport.

use std::sync::{Arc, mpsc};

use super::VIA;
use crate::support::{
    ARGOCD_TOKEN, Action, App, ArgoCd, Fault, GitServer, Outcome, Post, Reply, Repository, Step,
    TOKEN, Via,
};
use serde_json::Value as Json;

const FILE: &str = "apps/web.yaml";
const NAME: &str = "acme/deploy";
const LOOK: Step = Step::Named("Standing");

fn manifest(tag: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {{name: web}}\nspec:\n  replicas: 1\n  containers:\n  - name: web\n    image: ghcr.io/acme/web:{tag}\n"
    )
}

#[derive(Clone)]
struct World {
    server: Arc<GitServer>,
    repository: Repository,
}

/// How a person or a forge brings a pull request to its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Merge,
    FastForward,
    Squash,
    Rebase,
    /// With another one, both at once.
    Queue,
}

const WAYS: [How; 5] = [
    How::Merge,
    How::FastForward,
    How::Squash,
    How::Rebase,
    How::Queue,
];

impl World {
    fn new() -> Self {
        let server = Arc::new(GitServer::start());
        let repository = server.repository_with(NAME, FILE, &manifest("v1"));
        Self { server, repository }
    }

    fn propose(&self, tag: &str) -> Action {
        let transport = match VIA {
            Via::Git => "git",
            Via::Api => "auto",
        };
        Action::new()
            .over(Via::Api, &self.repository)
            .input("transport", transport)
            .input("file", FILE)
            .input("image", format!("ghcr.io/acme/web:{tag}"))
            .input("pull-request", "true")
            .input("pull-request-wait", "60")
            .input("token", TOKEN)
    }

    /// Does something when the `nth` look arrives.
    fn at_look(&self, nth: usize, action: impl FnOnce(&World) + Send + 'static) {
        let world = self.clone();
        self.server.before(LOOK.nth(nth), move || action(&world));
    }

    fn pull(&self) -> Json {
        let mut pulls = self.server.github().pulls(NAME);
        assert_eq!(pulls.len(), 1, "{pulls:#?}");
        pulls.remove(0)
    }

    fn head(&self) -> String {
        self.pull()["head"]["ref"].as_str().unwrap().to_owned()
    }

    fn git(&self, args: &[&str]) -> String {
        self.repository.git(args).trim().to_owned()
    }

    /// Makes a commit of what `main` and `theirs` have, with `parents`.
    fn joined(&self, theirs: &str, base: &str, parents: &[&str], message: &str) -> String {
        let base = format!("--merge-base={base}");
        let tree = self.git(&["merge-tree", "--write-tree", &base, "main", theirs]);
        let mut args = vec!["commit-tree", &tree, "-m", message];
        for parent in parents {
            args.extend(["-p", parent]);
        }
        self.git(&args)
    }

    /// Brings the branch of the pull request to `main`; GitHub need not know of it yet.
    fn bring(&self, how: How) -> String {
        let head = self.head();
        let base = self.git(&["merge-base", "main", &head]);
        let message = self.git(&["log", "-1", "--format=%B", &head]);
        match how {
            How::Merge => {
                let merged = self.joined(&head, &base, &["main", &head], "Merge pull request #1");
                self.repository.set_branch("main", &merged);
            }
            How::FastForward => self.repository.set_branch("main", &head),
            How::Squash => {
                let merged = self.joined(&head, &base, &["main"], &message);
                self.repository.set_branch("main", &merged);
            }
            How::Rebase => {
                let range = format!("main..{head}");
                let commits = self.git(&["rev-list", "--reverse", &range]);
                for commit in commits.lines() {
                    let message = self.git(&["log", "-1", "--format=%B", commit]);
                    let before = format!("{commit}^");
                    let rebased = self.joined(commit, &before, &["main"], &message);
                    self.repository.set_branch("main", &rebased);
                }
            }
            How::Queue => {
                let other = "kind: ConfigMap\n";
                let before = self.repository.tip("main");
                self.repository
                    .commit("main", "apps/other.yaml", other, "feat: other (#7)");
                let merged = self.joined(&head, &base, &["main", &head], "Merge pull request #1");
                let last = self.repository.tip("main");
                self.repository.set_branch("main", &before);
                self.repository.set_branch("queue", &last);
                self.repository.set_branch("main", &merged);
            }
        }
        self.repository.tip("main")
    }

    fn set_merged(&self) {
        let last = self.repository.tip(&self.head());
        self.server.github().edit_pull(1, |pull| {
            pull["head"]["sha"] = last.into();
            pull["state"] = "closed".into();
            pull["merged"] = true.into();
        });
    }

    fn set_closed(&self) {
        let close = |pull: &mut Json| pull["state"] = "closed".into();
        self.server.github().edit_pull(1, close);
    }

    /// A commit of somebody else to the file on `main`.
    fn change(&self, from: &str, to: &str) -> String {
        let now = String::from_utf8(self.repository.show("main", FILE)).unwrap();
        assert!(now.contains(from), "{now}");
        let now = now.replace(from, to);
        self.repository.commit("main", FILE, now, "fix: by hand")
    }

    fn scrub(&self, text: &str) -> String {
        let server = self.repository.server_url();
        let mut text = text
            .replace(server, "SERVER")
            .replace(server.trim_start_matches("http://"), "SERVER");
        // By their roles: commits of the same second have no order.
        let branches = self
            .repository
            .git(&["for-each-ref", "--format=%(refname:short)"]);
        let names = branches.lines().map(|branch| match branch {
            "main" => (branch, "MAIN"),
            _ => (branch, "HEAD"),
        });
        for (branch, name) in names {
            for (number, commit) in self.repository.log(branch).iter().enumerate() {
                let name = match number {
                    0 => name.to_owned(),
                    number => format!("{name}~{number}"),
                };
                text = text
                    .replace(&commit.id, &name)
                    .replace(&commit.id[..7], &name.to_lowercase());
            }
        }
        text
    }

    /// The one error of a run that failed, whose pull request ended in this state.
    fn failed(&self, state: &str, outcome: Outcome) -> String {
        let outcome = outcome.failed();
        assert_eq!(
            outcome.output("pull-request-state"),
            state,
            "{}",
            outcome.log()
        );
        let errors = outcome.errors();
        let [error] = &errors[..] else {
            panic!("one error, please:\n{}", outcome.log())
        };
        self.scrub(error)
    }
}

/// The outputs of a run whose pull request was merged.
fn merged(outcome: Outcome, commit: &str) -> Outcome {
    let outcome = outcome.succeeded();
    assert_eq!(
        outcome.output("pull-request-state"),
        "merged",
        "{}",
        outcome.log()
    );
    assert_eq!(outcome.output("commit-sha"), commit, "{}", outcome.log());
    assert_eq!(outcome.output("changed"), "true");
    assert_eq!(outcome.warnings(), Vec::<String>::new());
    outcome
}

#[test]
fn in_whatever_way_it_is_merged_the_first_commit_that_holds_it_is_the_deployment() {
    for how in WAYS {
        let world = World::new();
        let (sender, done) = mpsc::channel();
        world.at_look(1, move |world| {
            // One that has nothing to do with it comes first.
            world
                .repository
                .commit("main", "README.md", "# Apps\n", "docs: by hand");
            sender.send(world.bring(how)).unwrap();
            world.set_merged();
            world
                .repository
                .commit("main", "README.md", "# All\n", "docs: by hand");
        });
        let outcome = world.propose("v2").run();
        let commit = done.recv().unwrap();
        let outcome = merged(outcome, &commit);
        assert_eq!(outcome.output("pull-request-number"), "1", "{how:?}");
        assert_eq!(world.server.count(LOOK), 1, "{how:?}");
        assert!(world.pull()["comments"].is_null(), "{how:?}");
    }
}

#[test]
fn one_that_was_merged_and_taken_back_at_once_is_not_merged() {
    for how in WAYS {
        for later in [None, Some("v3")] {
            let world = World::new();
            world.at_look(1, move |world| {
                let merge = world.bring(how);
                world.set_merged();
                let message = format!("Revert \"chore\"\n\nThis reverts commit {merge}.");
                let v1 = manifest("v1");
                world.repository.commit("main", FILE, v1, &message);
                if let Some(tag) = later {
                    world.change(":v1", &format!(":{tag}"));
                }
            });
            let error = world.failed("closed", world.propose("v2").run());
            assert!(error.contains(" took it back. "), "{how:?}: {error}");
            assert!(
                error.contains("ghcr.io/acme/web:v2 is not deployed"),
                "{error}"
            );
        }
    }
    // While it is open, it can still be merged.
    let world = World::new();
    world.at_look(1, |world| {
        world.change(":v1", ":v2");
        world.change(":v2", ":v1");
    });
    world.at_look(3, |world| {
        world.bring(How::Squash);
        world.set_merged();
    });
    let outcome = world.propose("v2").run();
    merged(outcome, &world.repository.tip("main"));
}

#[test]
fn the_log_and_the_summary_say_how_it_ended() {
    let world = World::new();
    world.at_look(1, |world| {
        world.bring(How::Squash);
        world.set_merged();
    });
    let outcome = world.propose("v2").run().succeeded();
    let log = world.scrub(&outcome.shown_log());
    let log: Vec<&str> = log
        .lines()
        .skip(1)
        .filter(|line| !line.starts_with(['-', '+', ' ', '@', ':']))
        .collect();
    insta::assert_snapshot!(log.join("\n"), @"
    Updating apps/web.yaml in acme/deploy
    Read main at head~1
    Opened pull request #1 into main of acme/deploy: ghcr.io/acme/web:v2. https://github.example/acme/deploy/pull/1
    Waiting up to 60 s until pull request #1 is merged into main
    Merged: main holds it since main
    ");
    let summary = world.scrub(&outcome.summary);
    insta::assert_snapshot!(summary.lines().take(3).collect::<Vec<_>>().join("\n"), @"
    ### 🚀 Deployed `web:v2`

    [Pull request #1](https://github.example/acme/deploy/pull/1) brought it. Commit [`main`](SERVER/acme/deploy/commit/MAIN) is on `main` of [`acme/deploy`](SERVER/acme/deploy).
    ");
}

const STAGE: &str = "staging/web.yaml";

impl World {
    /// One whose stage has something newer.
    fn staged() -> Self {
        let world = Self::new();
        world
            .repository
            .commit("main", STAGE, manifest("v1").as_str(), "feat: staging");
        world.in_stage("update", "v2");
        world
    }

    fn in_stage(&self, operation: &str, tag: &str) {
        let action = Action::new()
            .over(VIA, &self.repository)
            .input("operation", operation)
            .input("file", STAGE)
            .input("token", TOKEN);
        let action = match operation {
            "update" => action.input("image", format!("ghcr.io/acme/web:{tag}")),
            _ => action,
        };
        action.run().succeeded();
    }

    fn promote(&self) -> Action {
        self.propose("v2")
            .input("operation", "promote")
            .input("image", "")
            .input("from", STAGE)
    }
}

#[test]
fn what_its_stage_has_rolled_back_is_not_merged() {
    // While a run waits.
    let world = World::staged();
    world.at_look(1, |world| {
        let text = "# Apps\n";
        world
            .repository
            .commit("main", "README.md", text, "docs: by hand");
    });
    world.at_look(2, |world| world.in_stage("rollback", ""));
    let outcome = world.promote().run().failed();
    assert_eq!(outcome.output("pull-request-state"), "replaced");
    let pull = world.pull();
    assert_eq!(pull["state"], "closed");
    let back = &world.repository.tip("main")[..7];
    let said = pull["comments"][0].to_string();
    let why = format!("ghcr.io/acme/web:v2 was rolled back in {STAGE} by commit {back} of ");
    assert!(said.contains(&why), "{said}");
    let error = &outcome.errors()[0];
    assert!(error.contains(&why), "{error}");
    assert!(error.contains("It was closed: "), "{error}");

    // By the next run, where none waits.
    let world = World::staged();
    let without_wait = || world.promote().input("pull-request-wait", "");
    let once = without_wait().input("pull-request-auto-merge", "squash");
    once.run().succeeded();
    assert!(!world.pull()["auto_merge"].is_null());
    world.in_stage("rollback", "");
    let outcome = without_wait().run().succeeded();
    assert_eq!(outcome.warnings(), Vec::<String>::new());
    assert_eq!(outcome.output("changed"), "false");
    assert_eq!(world.pull()["state"], "closed");
    let log = outcome.log();
    assert!(
        log.contains(
            "Closed pull request #1 of an earlier run: ghcr.io/acme/web:v2 was rolled back"
        ),
        "{log}"
    );
}

#[test]
fn a_promotion_stays_while_its_stage_goes_on() {
    let world = World::staged();
    world.at_look(1, |world| world.in_stage("update", "v3"));
    world.at_look(3, |world| {
        world.bring(How::Squash);
        world.set_merged();
    });
    let outcome = world.promote().run();
    merged(outcome, &world.repository.tip("main"));
}

#[test]
fn it_is_looked_at_until_it_is_merged() {
    let world = World::new();
    world.at_look(2, |world| {
        world
            .repository
            .commit("main", "README.md", "# Apps\n", "docs: by hand");
        world.change("replicas: 1", "replicas: 2");
    });
    world.at_look(3, |world| {
        world.bring(How::Merge);
    });
    let outcome = world.propose("v2").run();
    merged(outcome, &world.repository.tip("main"));
}

#[test]
fn what_was_merged_and_replaced_between_two_looks_was_deployed() {
    for how in [How::Merge, How::Squash] {
        let world = World::new();
        let (sender, done) = mpsc::channel();
        world.at_look(2, move |world| {
            sender.send(world.bring(how)).unwrap();
            world.set_merged();
            world.change(":v2", ":v3");
        });
        let outcome = world.propose("v2").run();
        merged(outcome, &done.recv().unwrap());
    }
}

#[test]
fn what_held_the_same_before_the_plan_was_made_is_no_merge() {
    let world = World::new();
    world.change(":v1", ":v2");
    world.change(":v2", ":v1");
    world.at_look(1, |world| {
        world.change("replicas: 1", "replicas: 2");
    });
    world.at_look(2, |world| {
        world.bring(How::Squash);
        world.set_merged();
    });
    let outcome = world.propose("v2").run();
    merged(outcome, &world.repository.tip("main"));
}

#[test]
fn where_its_target_holds_it_in_another_way_it_is_closed_with_a_comment() {
    let world = World::new();
    world.at_look(1, |world| {
        world.bring(How::Squash);
    });
    let outcome = world.propose("v2").run();
    merged(outcome, &world.repository.tip("main"));
    let pull = world.pull();
    assert_eq!(
        (&pull["state"], &pull["merged"]),
        (&"closed".into(), &false.into())
    );
    assert_eq!(
        pull["comments"][0]["body"],
        "`main` holds what this pull request proposes already, so it was closed without a merge."
    );
}

#[test]
fn one_whose_merge_github_has_not_seen_yet_is_not_closed() {
    let world = World::new();
    world.at_look(1, |world| {
        world.bring(How::Merge);
    });
    let outcome = world.propose("v2").run();
    merged(outcome, &world.repository.tip("main"));
    assert_eq!(world.pull()["state"], "open");
}

#[test]
fn one_that_is_closed_says_so() {
    let world = World::new();
    world.at_look(2, World::set_closed);
    let closed = world.failed("closed", world.propose("v2").run());

    let world = World::new();
    world.at_look(2, |world| {
        world.repository.delete_branch(&world.head());
        world.set_closed();
    });
    let deleted = world.failed("closed", world.propose("v2").run());

    let world = World::new();
    world.at_look(1, |world| {
        let before = world.repository.tip("main");
        world.bring(How::Squash);
        world.set_merged();
        world.repository.set_branch("main", &before);
    });
    let rewound = world.failed("closed", world.propose("v2").run());

    let world = World::new();
    world.at_look(1, |world| {
        world.repository.set_branch("other", "main");
        world.repository.delete_branch("main");
    });
    let gone = world.failed("closed", world.propose("v2").input("branch", "main").run());
    insta::assert_snapshot!([closed, deleted, rewound, gone].join("\n\n"), @"
    Pull request #1 into main of acme/deploy was closed, and was not merged. ghcr.io/acme/web:v2 is not deployed: https://github.example/acme/deploy/pull/1
    Its page says who closed it. To deploy it all the same, run the job again: it opens another one.

    Pull request #1 into main of acme/deploy was closed: its branch `gitops-deploy/web-01f5f21` is gone, and was not merged. ghcr.io/acme/web:v2 is not deployed: https://github.example/acme/deploy/pull/1
    Its page says who closed it. To deploy it all the same, run the job again: it opens another one.

    Pull request #1 into main of acme/deploy is closed as merged, but main at head~1 does not hold it: main was rewound, or the merge was taken back. ghcr.io/acme/web:v2 is not deployed: https://github.example/acme/deploy/pull/1
    Look at the history of main. Run the job again to propose it once more.

    Pull request #1 into main of acme/deploy can't be merged: the branch main is gone. ghcr.io/acme/web:v2 is not deployed: https://github.example/acme/deploy/pull/1
    Check `branch`, and run the job again.
    ");
}

#[test]
fn a_value_that_only_the_pull_request_has_is_never_taken_for_merged() {
    let with_args = |world: &World| {
        world.change("replicas: 1\n", "replicas: 1\n  args:\n  - a\n  - b\n");
    };
    let propose = |world: &World| {
        let proposed = world.propose("v1");
        proposed.input("set", ".spec.args[+]=c")
    };
    let world = World::new();
    with_args(&world);
    world.at_look(1, |world| {
        world
            .repository
            .commit("main", "README.md", "# Apps\n", "docs: by hand");
    });
    world.at_look(2, |world| {
        world.change("kind: Rollout", "kind: Rollout # mine");
    });
    world.at_look(3, World::set_closed);
    let error = world.failed("closed", propose(&world).run());
    assert!(error.contains("was closed, and was not merged"), "{error}");
    assert_eq!(world.server.count(LOOK), 5);

    // It is found where it was merged.
    for how in WAYS {
        let world = World::new();
        with_args(&world);
        let (sender, done) = mpsc::channel();
        world.at_look(2, move |world| {
            if how != How::FastForward {
                world.change("kind: Rollout", "kind: Rollout # mine");
            }
            sender.send(world.bring(how)).unwrap();
            world.set_merged();
            world.change("  - c\n", "  - c\n  - d\n");
        });
        let outcome = propose(&world).run();
        merged(outcome, &done.recv().unwrap());
    }
}

#[test]
fn a_target_that_is_rewound_below_the_plan_is_waited_on_all_the_same() {
    let world = World::new();
    let first = world.repository.tip("main");
    world
        .repository
        .commit("main", "README.md", "# Apps\n", "docs: by hand");
    world.at_look(2, move |world| world.repository.set_branch("main", &first));
    world.at_look(3, |world| {
        world.bring(How::Squash);
        world.set_merged();
    });
    let outcome = world.propose("v2").run();
    merged(outcome, &world.repository.tip("main"));
}

#[test]
fn a_branch_that_was_only_brought_up_to_date_is_still_ours() {
    let world = World::new();
    world.at_look(2, |world| {
        let head = world.head();
        world
            .repository
            .commit("main", "README.md", "# Apps\n", "docs: by hand");
        let base = world.git(&["merge-base", "main", &head]);
        let message = format!("Merge branch 'main' into {head}");
        let merged = world.joined(&head, &base, &[&head, "main"], &message);
        world.repository.set_branch(&head, &merged);
    });
    world.at_look(4, |world| {
        world.bring(How::Merge);
    });
    let outcome = world.propose("v2").run();
    merged(outcome, &world.repository.tip("main"));
}

#[test]
fn one_that_holds_something_else_by_now_is_left_alone() {
    let refs = |world: &World| world.repository.git(&["for-each-ref"]);
    let world = World::new();
    world.at_look(2, |world| {
        let theirs = manifest("v2").replace("replicas: 1", "replicas: 3");
        world
            .repository
            .commit(&world.head(), FILE, theirs, "fix: by hand");
    });
    let foreign = world.failed("replaced", world.propose("v2").run());
    assert_eq!(world.pull()["state"], "open");

    let world = World::new();
    world.at_look(2, |world| {
        // Another run of the same workflow.
        world
            .propose("v3")
            .input("pull-request-wait", "0")
            .run()
            .succeeded();
    });
    let newer = world.failed("replaced", world.propose("v2").run());
    let before = refs(&world);
    assert_eq!(world.repository.log("main").len(), 1);

    let other = World::new();
    other.at_look(2, |world| {
        world.repository.set_branch(&world.head(), "main");
        world
            .repository
            .commit(&world.head(), "README.md", "# Apps\n", "docs: by hand");
    });
    let outcome = other.propose("v2").run();
    let ours = outcome.output("commit-sha")[..7].to_owned();
    let rewound = other.failed("replaced", outcome).replace(&ours, "OURS");
    assert_eq!(refs(&world), before);
    insta::assert_snapshot!([foreign, newer, rewound].join("\n\n"), @"
    Pull request #1 into main of acme/deploy holds a commit that this action did not make: head by A colleague (`fix: by hand`). So it is not what this run proposed any more. It stays open, and is left alone: https://github.example/acme/deploy/pull/1
    Review it and merge it by hand; `operation: verify` waits for Argo CD then. Or close it, delete its branch and run the job again.

    Pull request #1 into main of acme/deploy proposes another deployment: head (`chore: update web image to v3`). ghcr.io/acme/web:v2 is not deployed: https://github.example/acme/deploy/pull/1
    Where that one is to stand, there is nothing to do: the run that made that commit goes on with it. To deploy this one in its place, run the job again; where both are to stand, give each a `pull-request-branch` of its own, or leave it out.

    Pull request #1 into main of acme/deploy does not hold commit OURS any more: somebody moved its branch `gitops-deploy/web-01f5f21`. It stays open, and is left alone: https://github.example/acme/deploy/pull/1
    Ask whoever moved it. Run the job again to propose this deployment once more.
    ");
}

/// What somebody else added to it was squashed with it between two looks: that is told as where it is seen before, and
/// nothing undoes both.
#[test]
fn what_was_squashed_with_a_commit_of_somebody_else_is_not_what_was_proposed() {
    let world = World::new();
    world.at_look(2, |world| {
        let head = world.head();
        let scaled = manifest("v2").replace("replicas: 1", "replicas: 6");
        world
            .repository
            .commit(&head, FILE, scaled, "feat: for Friday");
        world.bring(How::Squash);
        world.set_merged();
    });
    let told = world.failed("replaced", world.propose("v2").run());
    assert!(
        told.contains(
            "a commit that this action did not make: head by A colleague (`feat: for Friday`)"
        ),
        "{told}"
    );
}

#[test]
fn one_whose_branch_was_deleted_after_a_newer_deployment_was_merged_says_so() {
    for how in [How::Merge, How::Squash] {
        let world = World::new();
        world.at_look(2, move |world| {
            let newer = world.propose("v3").input("pull-request-wait", "0");
            newer.run().succeeded();
            let head = world.head();
            let last = world.repository.tip(&head);
            world.bring(how);
            world.set_merged();
            world
                .server
                .github()
                .edit_pull(1, |pull| pull["head"]["sha"] = last.into());
            world.repository.delete_branch(&head);
        });
        let told = world.failed("replaced", world.propose("v2").run());
        assert!(
            told.contains("was merged with another deployment"),
            "{how:?}: {told}"
        );
    }
}

#[test]
fn of_two_deployments_in_flight_the_newer_one_is_merged() {
    let world = World::new();
    world.at_look(2, |world| {
        let second = world.clone();
        // Its first look is the third of all.
        world.at_look(3, |world| {
            world.bring(How::Squash);
            world.set_merged();
        });
        let outcome = second.propose("v3").run();
        merged(outcome, &world.repository.tip("main"));
    });
    let told = world.failed("replaced", world.propose("v2").run());
    assert!(
        told.contains("was merged with another deployment"),
        "{told}"
    );
    assert_eq!(
        String::from_utf8(world.repository.show("main", FILE)).unwrap(),
        manifest("v3")
    );
}

#[test]
fn one_that_would_conflict_is_planned_anew() {
    let world = World::new();
    world.at_look(2, |world| {
        world.change("- name: web\n", "- name: web # ours\n");
    });
    world.at_look(4, |world| {
        let head = world.head();
        assert_eq!(
            world.repository.log(&head)[0].parents[1],
            world.repository.tip("main")
        );
        world.bring(How::Merge);
    });
    let outcome = world.propose("v2").run();
    merged(outcome, &world.repository.tip("main"));
    assert_eq!(
        String::from_utf8(world.repository.show("main", FILE)).unwrap(),
        manifest("v2").replace("- name: web\n", "- name: web # ours\n")
    );
}

#[test]
fn one_that_is_older_than_what_its_target_holds_is_closed() {
    let world = World::new();
    world.at_look(2, |world| {
        world.change(":v1", ":v3");
    });
    let told = world.failed("replaced", world.propose("v2").run());
    let pull = world.pull();
    assert_eq!(pull["state"], "closed");
    insta::assert_snapshot!(format!("{told}\n\n{}", pull["comments"][0]["body"].as_str().unwrap()), @"
    Pull request #1 into main of acme/deploy would bring ghcr.io/acme/web:v2, and main holds ghcr.io/acme/web:v3 by now, which is newer. It was closed: https://github.example/acme/deploy/pull/1
    There is nothing to do: the newer one is deployed. To go back to the older one, use `operation: rollback`.

    `main` holds `ghcr.io/acme/web:v3` by now, which is newer than what this pull request proposes, so it was closed without a merge.
    ");

    // Where it is the newer one, it is planned again.
    let world = World::new();
    world.at_look(2, |world| {
        world.change(":v1", ":v2");
    });
    world.at_look(4, |world| {
        world.bring(How::Squash);
        world.set_merged();
    });
    let outcome = world.propose("v3").run();
    merged(outcome, &world.repository.tip("main"));
}

#[test]
fn one_that_conflicts_and_can_not_be_planned_anew_says_why() {
    let world = World::new();
    world.at_look(2, |world| {
        world.change(":v1", ":8a3f5c1");
    });
    let unordered = world.failed("conflicting", world.propose("v2").run());

    let world = World::new();
    world.at_look(2, |world| {
        world.change("ghcr.io/acme/web:v1", "ghcr.io/acme/site:v1");
    });
    let elsewhere = world.failed("conflicting", world.propose("v2").run());
    assert_eq!(world.pull()["state"], "open");

    let world = World::new();
    world.at_look(2, |world| {
        let nothing = "kind: Rollout\nmetadata: {name: web}\n";
        world
            .repository
            .commit("main", FILE, nothing, "feat: no containers");
    });
    let nowhere = world.failed("conflicting", world.propose("v2").run());

    let world = World::new();
    world.change(":v1", ":v2");
    world.at_look(2, |world| {
        world.change(":v2", ":v3");
    });
    let rollback = world.propose("v2").input("image", "");
    let rollback = rollback.input("operation", "rollback").run();
    let rollback = world.failed("conflicting", rollback);
    assert_eq!(world.pull()["state"], "open");
    // What is advised goes back to what the pull request would have brought.
    let to = Action::new()
        .over(VIA, &world.repository)
        .input("operation", "rollback")
        .input("file", FILE)
        .input("to", "ghcr.io/acme/web:v1")
        .input("token", TOKEN);
    to.run().succeeded();
    assert_eq!(
        world.repository.show("main", FILE),
        manifest("v1").as_bytes()
    );
    insta::assert_snapshot!([unordered, elsewhere, nowhere, rollback].join("\n\n"), @"
    Pull request #1 into main of acme/deploy conflicts with its target: main holds ghcr.io/acme/web:8a3f5c1 by now in place of what ghcr.io/acme/web:v2 was to replace, and which of them is newer can't be told. It stays open: https://github.example/acme/deploy/pull/1
    Decide which one is to run. To deploy this one, run the job again; else close the pull request.

    Pull request #1 into main of acme/deploy conflicts with its target: main holds ghcr.io/acme/site:v1 by now in place of what ghcr.io/acme/web:v2 was to replace, and which of them is newer can't be told. It stays open: https://github.example/acme/deploy/pull/1
    Decide which one is to run. To deploy this one, run the job again; else close the pull request.

    Pull request #1 into main of acme/deploy conflicts with its target: apps/web.yaml holds no image ghcr.io/acme/web: there is none at all. Read on `main` at main. Nothing was changed. It stays open: https://github.example/acme/deploy/pull/1
    Check `image` and `file`. Where the file has a shape of its own, say with `path` where the image, or its tag, is.

    Pull request #1 into main of acme/deploy conflicts with its target: a rollback is not planned again, and ghcr.io/acme/web:v3 came since. It stays open: https://github.example/acme/deploy/pull/1
    Close it. Where what came since is to run, that is all. To go back all the same, use `operation: rollback` with `to: ghcr.io/acme/web:v1`: one that names nothing takes back the newest deployment.
    ");
}

#[test]
fn what_is_not_merged_in_time_stays_open_and_the_next_run_goes_on() {
    let world = World::new();
    let outcome = world.propose("v2").input("pull-request-wait", "1").run();
    let told = world.failed("timed-out", outcome);
    insta::assert_snapshot!(told, @"
    Pull request #1 into main of acme/deploy was not merged within 1 s. It stays open: https://github.example/acme/deploy/pull/1
    Have it reviewed and merged, and run the job again: it goes on from what is merged by then. Or set a longer `pull-request-wait`. The next deployment updates it while it is open.
    ");
    assert_eq!(world.pull()["state"], "open");
    let next = world.server.count(LOOK) + 1;
    world.at_look(next, |world| {
        world.bring(How::Rebase);
        world.set_merged();
    });
    let outcome = world.propose("v2").run().succeeded();
    assert_eq!(outcome.output("commit-sha"), world.repository.tip("main"));
}

#[test]
fn an_outage_and_a_limit_are_waited_through() {
    let world = World::new();
    world.server.fault(LOOK.nth(1), Fault::status(502));
    world.server.fault(LOOK.nth(2), Fault::Reset);
    world.server.fault(LOOK.nth(3), Fault::retry_after(429, 1));
    world.at_look(4, |world| {
        world.bring(How::Merge);
        world.set_merged();
    });
    let outcome = world.propose("v2").run();
    let outcome = merged(outcome, &world.repository.tip("main"));
    assert!(
        outcome
            .shown_log()
            .contains("The look at it failed, and is tried again"),
        "{}",
        outcome.shown_log()
    );
}

#[test]
fn trouble_to_the_end_says_that_nobody_knows() {
    let world = World::new();
    world.server.fault(LOOK.every(), Fault::status(502));
    let outcome = world.propose("v2").input("pull-request-wait", "2").run();
    let lasting = world.failed("open", outcome);
    let world = World::new();
    world.server.fault(LOOK.nth(2), Fault::status(401));
    let refused = world.failed("open", world.propose("v2").run());
    insta::assert_snapshot!([lasting, refused].join("\n\n"), @"
    Commit head is on the branch `gitops-deploy/web-01f5f21`, but whether pull request #1 was merged can't be found out: SERVER answered HTTP 502. See https://github.example/acme/deploy/pull/1
    Look at the pull request, and run the job again: it goes on from what is there.

    Commit head is on the branch `gitops-deploy/web-01f5f21`, but whether pull request #1 was merged can't be found out: the server refused the token (HTTP 401). See https://github.example/acme/deploy/pull/1
    A token must be valid for as long as the wait takes, and needs *Pull requests: Read and write*. Look at the pull request, and run the job again.
    ");
}

#[test]
fn a_run_that_is_cancelled_stops_at_once() {
    let world = World::new();
    let (sender, looked) = mpsc::channel();
    world.at_look(2, move |_| sender.send(()).unwrap());
    let running = world
        .propose("v2")
        .input("pull-request-wait", "3600")
        .spawn();
    looked.recv().unwrap();
    running.terminate();
    let told = world.failed("open", running.wait());
    insta::assert_snapshot!(told, @"
    The run was cancelled while it waited for the merge. Pull request #1 into main of acme/deploy stays open: https://github.example/acme/deploy/pull/1
    Nothing is taken back by that: close the pull request if it is not to be merged.
    ");
}

/// Deploys v2 by a pull request that is merged `how` at the first look, with an Argo CD that runs the tip.
fn verified(world: &World, how: How, health: &'static str) -> (ArgoCd, Action) {
    world.at_look(1, move |world| {
        world.bring(how);
        world.set_merged();
    });
    running(world, health)
}

/// Deploys v2 by a pull request, with an Argo CD that runs the tip.
fn running(world: &World, health: &'static str) -> (ArgoCd, Action) {
    let (old, first) = (world.clone(), world.repository.tip("main"));
    let new = world.clone();
    let argocd = ArgoCd::play(vec![
        Box::new(move || {
            Reply::App(App::healthy(
                old.repository.url(),
                &first,
                &["ghcr.io/acme/web:v1"],
            ))
        }),
        Box::new(move || {
            let tip = new.repository.tip("main");
            let app = App::healthy(new.repository.url(), &tip, &["ghcr.io/acme/web:v2"]);
            Reply::App(app.health(health))
        }),
    ]);
    let action = world
        .propose("v2")
        .input("argocd-server", argocd.url())
        .input("argocd-token", ARGOCD_TOKEN)
        .input("argocd-application", "web")
        .input("verify-timeout", "60");
    (argocd, action)
}

#[test]
fn argo_cd_is_waited_for_at_the_commit_that_was_merged() {
    let world = World::new();
    let (_argocd, action) = verified(&world, How::Merge, "Healthy");
    let outcome = merged(action.run(), &world.repository.tip("main"));
    assert_eq!(
        outcome.output("argocd-revision"),
        world.repository.tip("main")
    );
    assert_eq!(outcome.output("health-status"), "Healthy");
}

#[test]
fn what_breaks_is_taken_back_by_a_pull_request_as_it_came_by_one() {
    let told = [How::Merge, How::Squash].map(|how| {
        let world = World::new();
        let (_argocd, action) = verified(&world, how, "Degraded");
        let action = action.input("rollback-on-failure", "true");
        let action = action.input("pull-request-branch", "deploy/web");
        let outcome = action.run().failed();
        assert_eq!(outcome.output("pull-request-state"), "merged");
        assert_eq!(outcome.output("rolled-back"), "false");
        let pulls = world.server.github().pulls(NAME);
        assert_eq!(pulls.len(), 2, "{}", outcome.log());
        let head = pulls[1]["head"]["ref"].as_str().unwrap();
        // Not where the next deployment is proposed.
        assert_eq!(head, "deploy/web-rollback");
        let undone = outcome.output("undone-commit-sha");
        assert_eq!(undone, outcome.output("commit-sha"));
        assert_eq!(outcome.output("pull-request-number"), "1");
        assert_eq!(outcome.output("rollback-pull-request-number"), "2");
        let page = pulls[1]["html_url"].as_str().unwrap();
        assert_eq!(outcome.output("rollback-pull-request-url"), page);
        assert_eq!(
            String::from_utf8(world.repository.show(head, FILE)).unwrap(),
            manifest("v1")
        );
        assert!(
            outcome
                .summary
                .contains("#### The rollback\n\n[Pull request #2]")
        );
        world.scrub(&outcome.errors()[0])
    });
    insta::assert_snapshot!(told.join("\n\n"), @"
    The application web is degraded at head~1, and was not before.
    Rollout/web: Degraded: RolloutAborted: Rollout aborted update to revision 2: Metric errors assessed Failed
    The deployment head~1 is on the branch main; pull request #2 takes it back: https://github.example/acme/deploy/pull/2
    Merge pull request #2 to go back, and find out why before you deploy it again.

    The application web is degraded at head~1, and was not before.
    Rollout/web: Degraded: RolloutAborted: Rollout aborted update to revision 2: Metric errors assessed Failed
    The deployment head~1 is on the branch main; pull request #2 takes it back: https://github.example/acme/deploy/pull/2
    Merge pull request #2 to go back, and find out why before you deploy it again.
    ");
}

#[test]
fn what_came_by_several_commits_is_not_taken_back_by_the_last_of_them() {
    let world = World::new();
    world
        .propose("v1-rc")
        .input("pull-request-wait", "0")
        .run()
        .succeeded();
    let (_argocd, action) = verified(&world, How::Rebase, "Degraded");
    let outcome = action.input("rollback-on-failure", "true").run().failed();
    assert_eq!(world.repository.log("main").len(), 3);
    assert_eq!(world.server.github().pulls(NAME).len(), 1);
    insta::assert_snapshot!(world.scrub(&outcome.errors()[0]), @"
    The application web is degraded at main, and was not before.
    Rollout/web: Degraded: RolloutAborted: Rollout aborted update to revision 2: Metric errors assessed Failed
    The deployment main was not rolled back. Its pull request came to the branch as several commits, and undoing the last one would bring back an image that only the pull request had. This run had put ghcr.io/acme/web:v2 on main.
    Go back to what was before with `operation: rollback` and `to: ghcr.io/acme/web:v1`.
    ");
}

#[test]
fn nor_is_it_when_the_job_is_run_again() {
    let world = World::new();
    let in_run = |action: Action, id: &'static str| {
        let workflow = "acme/web/.github/workflows/deploy.yml@refs/heads/main";
        action
            .env("GITHUB_RUN_ID", id)
            .env("GITHUB_WORKFLOW_REF", workflow)
    };
    for (tag, run) in [("v1-rc", "6"), ("v2", "7")] {
        let proposed = world.propose(tag).input("pull-request-wait", "0");
        in_run(proposed, run).run().succeeded();
    }
    world.bring(How::Rebase);
    world.set_merged();
    let github = world.server.github();
    github.post(Post::status(
        &world.repository.tip("main"),
        "failure",
        "k/web",
    ));
    github.advance(120);
    let again = in_run(world.propose("v2"), "7")
        .env("GITHUB_RUN_ATTEMPT", "2")
        .input("status-context", "k/web")
        .input("verify-timeout", "60");
    let outcome = again.input("rollback-on-failure", "true").run().failed();
    assert_eq!(world.repository.log("main").len(), 3);
    assert_eq!(world.server.github().pulls(NAME).len(), 1);
    let told = "It came to the branch as the last of several commits";
    assert!(outcome.errors()[0].contains(told), "{}", outcome.log());
}

#[test]
fn what_somebody_pushed_by_hand_is_not_taken_back() {
    let world = World::new();
    let hers = format!("{}# and its database\n", manifest("v2"));
    let content = hers.clone();
    world.at_look(1, move |world| {
        world
            .repository
            .commit("main", FILE, content.as_str(), "ops: v2 and its database");
    });
    let (_argocd, action) = running(&world, "Degraded");
    let outcome = action.input("rollback-on-failure", "true").run().failed();
    assert_eq!(outcome.output("rolled-back"), "false");
    assert_eq!(world.repository.show("main", FILE), hers.as_bytes());
    insta::assert_snapshot!(world.scrub(&outcome.errors()[0]), @"
    The application web is degraded at main, and was not before.
    Rollout/web: Degraded: RolloutAborted: Rollout aborted update to revision 2: Metric errors assessed Failed
    The deployment main was not rolled back. It was there before, and whether this workflow run has deployed it is not known: nothing says which run this is (`GITHUB_RUN_ID`, `GITHUB_WORKFLOW_REF`). `rollback-on-failure` undoes what its own run has deployed. main holds ghcr.io/acme/web:v2.
    Look at who deployed it. `operation: rollback` with `commit` undoes it.
    ");
}

#[test]
fn a_rollback_is_followed_to_its_end_too() {
    let world = World::new();
    let undone = world.change(":v1", ":v2");
    world.at_look(1, |world| {
        world.bring(How::Squash);
        world.set_merged();
    });
    let outcome = world
        .propose("v2")
        .input("image", "")
        .input("operation", "rollback")
        .run();
    let outcome = merged(outcome, &world.repository.tip("main"));
    assert_eq!(outcome.output("rolled-back"), "true");
    assert_eq!(
        outcome.output("rollback-commit-sha"),
        world.repository.tip("main")
    );
    assert_eq!(outcome.output("undone-commit-sha"), undone);
}

#[test]
fn nobody_who_does_not_wait_is_asked_to() {
    let world = World::new();
    let outcome = world
        .propose("v2")
        .input("pull-request-wait", "0")
        .run()
        .succeeded();
    assert_eq!(world.server.count(LOOK), 0);
    assert_eq!(outcome.output("pull-request-state"), "open");
    // Where nothing is proposed, nothing is waited for: it is looked once whether what is open is needed.
    let outcome = world.propose("v1").run().succeeded();
    assert_eq!(world.server.count(LOOK), 1);
    assert_eq!(world.pull()["state"], "open");
    assert_eq!(outcome.output("pull-request-state"), "");
    let outcome = world
        .propose("v3")
        .input("dry-run", "true")
        .run()
        .succeeded();
    assert_eq!(world.server.count(LOOK), 1);
    assert_eq!(outcome.output("pull-request-state"), "");
}

/// What is older there is one part of it; the rest is still to come, be it an image or another value.
#[test]
fn one_of_which_only_a_part_is_older_than_its_target_stays_open() {
    let told = ["image", "set"].map(|rest| {
        let world = World::new();
        let web = "    image: ghcr.io/acme/web:v1\n";
        let api = "  - name: api\n    image: ghcr.io/acme/api:v1\n";
        world.change(web, &format!("{web}{api}"));
        world.at_look(2, |world| {
            world.change("web:v1", "web:v3");
        });
        let action = match rest {
            "image" => world.propose("v2\nghcr.io/acme/api:v2"),
            _ => world.propose("v2").input("set", ".spec.replicas=2"),
        };
        let told = world.failed("conflicting", action.run());
        let pull = world.pull();
        assert_eq!(pull["state"], "open", "{rest}");
        assert!(pull["comments"].is_null(), "{rest}");
        told
    });
    insta::assert_snapshot!(told.join("\n\n"), @"
    Pull request #1 into main of acme/deploy conflicts with its target: main holds ghcr.io/acme/web:v3 by now, which is newer than its ghcr.io/acme/web:v2, and ghcr.io/acme/api:v2 is still to come. It stays open: https://github.example/acme/deploy/pull/1
    Deploy ghcr.io/acme/api:v2 by itself, or together with what main holds, and close this one: merged as it is, it brings ghcr.io/acme/web:v2 back.

    Pull request #1 into main of acme/deploy conflicts with its target: main holds ghcr.io/acme/web:v3 by now, which is newer than its ghcr.io/acme/web:v2, and .spec.replicas = 2 is still to come. It stays open: https://github.example/acme/deploy/pull/1
    Deploy .spec.replicas = 2 by itself, or together with what main holds, and close this one: merged as it is, it brings ghcr.io/acme/web:v2 back.
    ");
}

#[test]
fn the_summary_says_of_one_that_was_not_merged_how_it_stands() {
    let sentence = |world: &World, outcome: &Outcome| {
        let summary = world.scrub(&outcome.summary);
        let mut lines = summary.lines();
        let title = lines.next().unwrap().to_owned();
        let line = lines.find(|line| line.starts_with("[Pull request #1]"));
        format!("{title}\n{}", line.unwrap_or("(nothing)"))
    };
    let mut told = Vec::new();
    let world = World::new();
    world.at_look(2, World::set_closed);
    let outcome = world.propose("v2").run();
    told.push(sentence(&world, &outcome));

    let world = World::new();
    world.at_look(2, |world| {
        world.change(":v1", ":v3");
    });
    let outcome = world.propose("v2").run();
    told.push(sentence(&world, &outcome));

    let world = World::new();
    let outcome = world.propose("v2").input("pull-request-wait", "1").run();
    told.push(sentence(&world, &outcome));

    // Nobody knows.
    let world = World::new();
    world.server.fault(LOOK.every(), Fault::status(502));
    let outcome = world.propose("v2").input("pull-request-wait", "2").run();
    told.push(sentence(&world, &outcome));
    let world = World::new();
    world.server.fault(LOOK.nth(2), Fault::status(401));
    let outcome = world.propose("v2").run();
    told.push(sentence(&world, &outcome));
    insta::assert_snapshot!(told.join("\n\n"), @"
    ### ❌ The pull request was not merged
    [Pull request #1](https://github.example/acme/deploy/pull/1) of `gitops-deploy/web-01f5f21` into `main` of [`acme/deploy`](SERVER/acme/deploy) proposed this.

    ### ❌ The pull request was not merged
    [Pull request #1](https://github.example/acme/deploy/pull/1) of `gitops-deploy/web-01f5f21` into `main` of [`acme/deploy`](SERVER/acme/deploy) proposed this.

    ### ❌ The pull request was not merged
    [Pull request #1](https://github.example/acme/deploy/pull/1) of `gitops-deploy/web-01f5f21` into `main` of [`acme/deploy`](SERVER/acme/deploy) is open.

    ### ❌ It is not known whether the pull request was merged
    [Pull request #1](https://github.example/acme/deploy/pull/1) of `gitops-deploy/web-01f5f21` into `main` of [`acme/deploy`](SERVER/acme/deploy) proposed this. Whether it was merged is not known.

    ### ❌ It is not known whether the pull request was merged
    [Pull request #1](https://github.example/acme/deploy/pull/1) of `gitops-deploy/web-01f5f21` into `main` of [`acme/deploy`](SERVER/acme/deploy) proposed this. Whether it was merged is not known.
    ");
}

/// What takes a deployment back may be merged at once, too: then it is no proposal.
#[test]
fn what_takes_it_back_and_is_merged_at_once_has_rolled_it_back() {
    let world = World::new();
    world.server.github().require_nothing();
    let (_argocd, action) = running(&world, "Degraded");
    let outcome = action
        .input("pull-request-auto-merge", "squash")
        .input("rollback-on-failure", "true")
        .run()
        .failed();
    let log = outcome.log();
    let now = String::from_utf8(world.repository.show("main", FILE)).unwrap();
    assert_eq!(now, manifest("v1"), "{log}");
    assert_eq!(outcome.output("pull-request-state"), "merged");
    assert_eq!(outcome.output("rolled-back"), "true", "{log}");
    let (back, deployed) = (
        world.repository.tip("main"),
        world.git(&["rev-parse", "main^"]),
    );
    assert_eq!(outcome.output("rollback-commit-sha"), back);
    assert_eq!(outcome.output("commit-sha"), deployed);
    assert_eq!(outcome.output("undone-commit-sha"), deployed);
    insta::assert_snapshot!(world.scrub(&outcome.errors()[0]), @"
    The application web is degraded at head~1, and was not before.
    Rollout/web: Degraded: RolloutAborted: Rollout aborted update to revision 2: Metric errors assessed Failed
    The deployment head~1 was rolled back by main.
    Find out why before you deploy it again. The cluster goes back to ghcr.io/acme/web:v1 by itself; this step does not wait for that.
    ");
}
