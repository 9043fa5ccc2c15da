//! `status-context`: what others post on the commit. A case is a script: what is posted when which look arrives, and
//! how GitHub's clock goes on meanwhile; so nothing waits for minutes. What is pushed goes over either transport,
//! what is posted is always read over the API.

use std::sync::Arc;

use super::VIA;
use crate::support::{
    ARGOCD_TOKEN, Action, App, ArgoCd, Entry, Fault, GitServer, Outcome, Post, Reply, Repository,
    Step, TOKEN, Via,
};

const FILE: &str = "apps/web.yaml";
const NAME: &str = "acme/deploy";
const WEB: &str = "kustomization/web/aaaa1111";
const OTHER: &str = "kustomization/web/bbbb2222";
const LINES: &str = "kustomization/web/*";

fn manifest(tag: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  replicas: 1\n  containers:\n  - name: web\n    image: ghcr.io/acme/web:{tag}\n"
    )
}

#[derive(Clone)]
struct World {
    server: Arc<GitServer>,
    repository: Repository,
    /// The commit before the deployment.
    old: String,
}

impl World {
    fn new() -> Self {
        let server = Arc::new(GitServer::start());
        let repository = server.repository_with(NAME, FILE, &manifest("v1"));
        let old = repository.tip("main");
        Self {
            server,
            repository,
            old,
        }
    }

    /// The commit that this run deploys: the first on top of the old one.
    fn ours(&self) -> String {
        let not_old = format!("^{}", self.old);
        let order = ["--topo-order", "--reverse", "--format=%H", &not_old];
        let all = self
            .repository
            .git(&[&["log", "--all"][..], &order].concat());
        all.lines().next().unwrap().to_owned()
    }

    fn post(&self, post: Post) {
        self.server.github().post(post);
    }

    /// `STATE` of the usual context, on ours.
    fn web(&self, state: &str) {
        self.post(Post::status(&self.ours(), state, WEB));
    }

    fn advance(&self, seconds: i64) {
        self.server.github().advance(seconds);
    }

    /// A commit of somebody else; its id.
    fn commit(&self, file: &str, content: &str) -> String {
        self.repository
            .commit("main", file, content, "fix: by hand")
    }

    fn readme(&self) -> String {
        self.commit("README.md", "# Apps\n")
    }

    /// Gives the repository another name.
    fn rename(&self) {
        let path = self.repository.path();
        std::os::unix::fs::symlink(path, path.with_file_name("deploys.git")).unwrap();
        self.server.github().rename(NAME, "acme/deploys");
    }

    /// Does something when the n-th look arrives.
    fn at_look(&self, nth: usize, doing: impl FnOnce(&World) + Send + 'static) {
        let world = self.clone();
        self.server.before(LOOK.nth(nth), move || doing(&world));
    }

    /// Over this transport, with GitHub's API beside it.
    fn step(&self) -> Action {
        let transport = match VIA {
            Via::Git => "git",
            Via::Api => "auto",
        };
        Action::new()
            .over(Via::Api, &self.repository)
            .input("transport", transport)
            .input("file", FILE)
            .input("token", TOKEN)
            .input("status-context", LINES)
            .input("verify-timeout", "60")
    }

    fn update(&self) -> Action {
        self.step()
            .input("image", "ghcr.io/acme/web:v2")
            .input("rollback-on-failure", "true")
    }

    fn scrub(&self, text: &str) -> String {
        let server = self.repository.server_url();
        let mut text = text
            .replace(server, "SERVER")
            .replace(server.trim_start_matches("http://"), "SERVER");
        let all = self.repository.git(&["log", "--all", "--format=%H %s"]);
        for line in all.lines() {
            let (id, subject) = line.split_once(' ').unwrap();
            let name = match subject {
                _ if *id == self.old => "OLD".to_owned(),
                _ if *id == self.ours() => "OURS".to_owned(),
                subject if subject.contains("by hand") => "LATER".to_owned(),
                subject if subject.to_lowercase().contains("roll") || subject.contains("evert") => {
                    "BACK".to_owned()
                }
                subject => subject.to_owned(),
            };
            text = text.replace(id, &name).replace(&id[..7], &name);
        }
        let words =
            text.split(' ').map(
                |word| match word.trim_matches(|c: char| !c.is_ascii_digit()) {
                    "" => word.to_owned(),
                    digits if digits.len() == word.len() && digits != "50" && digits != "60" => {
                        "N".to_owned()
                    }
                    _ => word.to_owned(),
                },
            );
        words.collect::<Vec<_>>().join(" ")
    }
}

type Doing = Box<dyn FnOnce(&World) + Send>;

/// A script, and the step that runs in it.
struct Case {
    name: &'static str,
    inputs: Vec<(&'static str, &'static str)>,
    environment: Vec<(&'static str, &'static str)>,
    before: Option<Doing>,
    looks: Vec<(usize, Doing)>,
}

fn case(name: &'static str) -> Case {
    Case {
        name,
        inputs: Vec::new(),
        environment: Vec::new(),
        before: None,
        looks: Vec::new(),
    }
}

const LOOK: Step = Step::Named("Posted");

impl Case {
    fn input(mut self, name: &'static str, value: &'static str) -> Self {
        self.inputs.push((name, value));
        self
    }

    fn env(mut self, name: &'static str, value: &'static str) -> Self {
        self.environment.push((name, value));
        self
    }

    fn before(mut self, doing: impl FnOnce(&World) + Send + 'static) -> Self {
        self.before = Some(Box::new(doing));
        self
    }

    /// When the n-th look arrives.
    fn at(mut self, nth: usize, doing: impl FnOnce(&World) + Send + 'static) -> Self {
        self.looks.push((nth, Box::new(doing)));
        self
    }

    /// Ends with what is posted by then.
    fn short(self) -> Self {
        self.input("verify-timeout", "3")
    }

    /// What came of it: verdict, message and outputs.
    fn told(self) -> String {
        let world = World::new();
        if let Some(before) = self.before {
            before(&world);
        }
        for (nth, doing) in self.looks {
            world.at_look(nth, doing);
        }
        let mut action = world.update();
        for (name, value) in self.inputs {
            action = action.input(name, value);
        }
        for (name, value) in self.environment {
            action = action.env(name, value);
        }
        let outcome = action.run();
        let told = world.scrub(&told(&outcome));
        format!("== {}\n{told}", self.name)
    }
}

fn told(outcome: &Outcome) -> String {
    let mut text = match outcome.code() {
        Some(0) => "done\n".to_owned(),
        _ => "failed\n".to_owned(),
    };
    for one in outcome.annotations() {
        let title = one.properties.get("title").map_or("", String::as_str);
        text += &format!("{} {title}: {}\n", one.level, one.message);
    }
    let verdict = outcome.summary.lines().next().unwrap_or_default();
    text += &format!("{verdict}\n");
    for name in [
        "status-state",
        "status-description",
        "status-commit",
        "rolled-back",
    ] {
        let value = outcome.output(name).replace('\n', " + ");
        text += &format!("{name}={value} ");
    }
    format!("{}\n", text.trim_end())
}

/// Runs them side by side: most of the time they wait.
fn all_told(cases: Vec<Case>) -> String {
    std::thread::scope(|scope| {
        let threads: Vec<_> = cases
            .into_iter()
            .map(|case| scope.spawn(|| case.told()))
            .collect();
        let told = threads.into_iter().map(|thread| thread.join().unwrap());
        told.collect()
    })
}

#[test]
fn a_job_that_is_run_again_rolls_back_what_its_run_has_deployed() {
    let workflow = "acme/web/.github/workflows/deploy.yml@refs/heads/main";
    let in_run = |action: Action, id: &'static str| {
        let action = action.env("GITHUB_RUN_ID", id);
        action.env("GITHUB_WORKFLOW_REF", workflow)
    };
    for (run, later, rolled_back, said) in [
        ("7", 0, "true", "was rolled back by"),
        (
            "7",
            12,
            "false",
            "which came later: which of them is broken is not known.",
        ),
        (
            "8",
            0,
            "false",
            "was not rolled back. It was there before, and not by this workflow run",
        ),
        (
            "",
            0,
            "false",
            "was not rolled back. It was there before, and whether this workflow run has deployed it is not known",
        ),
    ] {
        let world = World::new();
        let first = world.update().input("status-context", "");
        let first = first
            .input("rollback-on-failure", "")
            .input("verify-timeout", "");
        in_run(first, "7").run().succeeded();
        for n in 0..later {
            let text = format!("{}# {n}\n", manifest("v2"));
            world
                .repository
                .commit("main", FILE, text.as_str(), "docs: by hand");
        }
        world.at_look(1, |world| {
            world.post(Post::status(&world.repository.tip("main"), "failure", WEB));
        });
        world.at_look(2, |world| world.advance(90));
        let again = in_run(world.update(), run).env("GITHUB_RUN_ATTEMPT", "2");
        let outcome = again.run().failed();
        assert_eq!(outcome.output("changed"), "false");
        assert_eq!(
            outcome.output("rolled-back"),
            rolled_back,
            "{}",
            outcome.log()
        );
        let runs = if rolled_back == "true" { "v1" } else { "v2" };
        let text = world.repository.show("main", FILE);
        assert!(text.starts_with(manifest(runs).as_bytes()), "{run} {later}");
        assert!(told(&outcome).contains(said), "{}", told(&outcome));
    }
}

#[test]
fn what_is_posted_on_the_commit_decides() {
    let cases = vec![
        case("a success stands")
            .at(1, |world| world.web("success"))
            .at(2, |world| world.advance(20)),
        case("it is on its way, then a success")
            .at(1, |world| world.web("pending"))
            .at(2, |world| {
                world.web("success");
                world.advance(20);
            }),
        case("nothing").short().at(2, |world| world.advance(900)),
        case("nothing by that name")
            .short()
            .before(|world| {
                for name in [
                    "ci/build",
                    "kustomization/webs/aaaa1111",
                    "kustomization/api/aaaa1111",
                ] {
                    world.post(Post::status(&world.old, "success", name));
                }
            })
            .at(2, |world| world.advance(900)),
        case("a success that flips, and stays so")
            .at(1, |world| world.web("success"))
            .at(2, |world| {
                world.post(
                    Post::status(&world.ours(), "failure", WEB).saying("health check failed"),
                );
                world.advance(61);
            }),
        case("a failure that flips")
            .at(1, |world| world.web("failure"))
            .at(2, |world| {
                world.advance(30);
                world.web("success");
                world.advance(16);
            }),
        case("a failure that had no time")
            .short()
            .at(1, |world| world.web("failure")),
        case("a failure that is posted anew")
            .at(1, |world| world.web("failure"))
            .at(2, |world| {
                world.advance(40);
                world.web("failure");
                world.advance(21);
            }),
        case("a success that had no time")
            .short()
            .at(1, |world| world.web("success")),
        case("a failure that was there before")
            .before(|world| world.post(Post::status(&world.old, "failure", WEB)))
            .at(1, |world| {
                world.web("failure");
                world.advance(61);
            }),
        case("whoever posts has trouble itself").at(1, |world| {
            world.web("error");
            world.advance(61);
        }),
        case("flux before 2.8 waits for another one")
            .short()
            .at(1, |world| {
                world.post(
                    Post::status(&world.ours(), "success", WEB).saying("dependency not ready"),
                );
                world.advance(61);
            }),
        case("by another login")
            .short()
            .input("status-creator", "argocd-acme[bot]")
            .at(1, |world| {
                world.web("success");
                world.advance(61);
            }),
        case("by the right login")
            .input("status-creator", "Flux-Acme[bot]")
            .at(1, |world| {
                world.web("success");
                world.advance(61);
            }),
        case("two clusters, and one fails").at(1, |world| {
            world.web("success");
            world.post(Post::status(&world.ours(), "failure", OTHER).saying("build failed"));
            world.advance(61);
        }),
        case("two clusters, and one is slow")
            .before(|world| {
                world.post(Post::status(&world.old, "success", WEB));
                world.post(Post::status(&world.old, "success", OTHER));
            })
            .at(1, |world| {
                world.web("success");
                world.advance(20);
            })
            .at(2, |world| {
                world.post(Post::status(&world.ours(), "success", OTHER));
                world.advance(20);
            }),
        case("a context that was renamed")
            .before(|world| world.post(Post::status(&world.old, "success", OTHER)))
            .at(1, |world| {
                world.web("success");
                world.advance(61);
            }),
        case("one line of two")
            .short()
            .input(
                "status-context",
                "kustomization/web/*\ncontinuous-delivery/*",
            )
            .at(1, |world| {
                world.web("success");
                world.advance(61);
            }),
    ];
    insta::assert_snapshot!(all_told(cases), @"
    == a success stands
    done
    ### ✅ Deployed `web:v2`, reported as deployed
    status-state=success status-description= status-commit=OURS rolled-back=false
    == it is on its way, then a success
    done
    ### ✅ Deployed `web:v2`, reported as deployed
    status-state=success status-description= status-commit=OURS rolled-back=false
    == nothing
    failed
    error The deployment was not done in time: Nothing was posted on OURS under kustomization/web/*; N s (`verify-timeout`) are over. OURS is in Git, and may be live already.
    The deployment OURS stays on the branch main.
    Nothing of that kind is posted on any of the last 50 commits of main. Have the controller post it (docs/commit-statuses.md), or give it more time with `verify-timeout`. That is about commit statuses: a check run is waited for by `check:kustomization/web/*`, a deployment by `deployment:kustomization/web/*`.
    ### ❌ The deployment was not done in time
    status-state= status-description= status-commit= rolled-back=false
    == nothing by that name
    failed
    error The deployment was not done in time: Nothing was posted on OURS under kustomization/web/*; N s (`verify-timeout`) are over. OURS is in Git, and may be live already.
    The deployment OURS stays on the branch main.
    On the last 50 commits of main there are: `kustomization/webs/aaaa1111`, `kustomization/api/aaaa1111`, `ci/build`. Check `status-context` against them.
    ### ❌ The deployment was not done in time
    status-state= status-description= status-commit= rolled-back=false
    == a success that flips, and stays so
    failed
    error The deployment was reported as failed: The deployment OURS was reported as failed.
    kustomization/web/aaaa1111 reports `failure` on OURS, for N s: health check failed.
    The deployment OURS was rolled back by BACK.
    Find out why before you deploy it again. The cluster goes back to ghcr.io/acme/web:v1 by itself; this step does not wait for that.
    ### ❌ Rolled back to `web:v1`: The deployment was reported as failed
    status-state=failure status-description=health check failed status-commit=OURS rolled-back=true
    == a failure that flips
    done
    ### ✅ Deployed `web:v2`, reported as deployed
    status-state=success status-description= status-commit=OURS rolled-back=false
    == a failure that had no time
    failed
    error The deployment was not done in time: kustomization/web/aaaa1111 reports `failure` on OURS, for N s, which may pass; N s (`verify-timeout`) are over. OURS is in Git, and may be live already.
    The deployment OURS stays on the branch main.
    A failure counts after 60 s, as a controller tries again: give it more time with `verify-timeout`.
    ### ❌ The deployment was not done in time
    status-state=failure status-description= status-commit=OURS rolled-back=false
    == a failure that is posted anew
    failed
    error The deployment was reported as failed: The deployment OURS was reported as failed.
    kustomization/web/aaaa1111 reports `failure` on OURS, for N s.
    The deployment OURS was rolled back by BACK.
    Find out why before you deploy it again. The cluster goes back to ghcr.io/acme/web:v1 by itself; this step does not wait for that.
    ### ❌ Rolled back to `web:v1`: The deployment was reported as failed
    status-state=failure status-description= status-commit=OURS rolled-back=true
    == a success that had no time
    failed
    error The deployment was not done in time: kustomization/web/aaaa1111 reports `success` on OURS, for N s, which is too short a time to believe it; N s (`verify-timeout`) are over. OURS is in Git, and may be live already.
    The deployment OURS stays on the branch main.
    Give it more time with `verify-timeout`, if it is only slow.
    ### ❌ The deployment was not done in time
    status-state=success status-description= status-commit=OURS rolled-back=false
    == a failure that was there before
    failed
    error Something else is wrong, not the deployment: kustomization/web/aaaa1111 reports `failure` on OURS, for N s. It failed before this deployment, too, on OLD.
    The deployment OURS stays on the branch main.
    Undoing this deployment would not cure it: look for what has been wrong since before.
    ### ❌ Something else is wrong, not the deployment
    status-state=failure status-description= status-commit=OURS rolled-back=false
    == whoever posts has trouble itself
    failed
    error Something else is wrong, not the deployment: kustomization/web/aaaa1111 reports `error` on OURS, for N s: whoever posted that had trouble, which says nothing about the deployment.
    The deployment OURS stays on the branch main.
    Look there. To have what a deployment breaks told as its fault, let the controller post `failure` for it, and `error` for nothing else.
    ### ❌ Something else is wrong, not the deployment
    status-state=error status-description= status-commit=OURS rolled-back=false
    == flux before 2.8 waits for another one
    failed
    error The deployment was not done in time: kustomization/web/aaaa1111 reports `pending` on OURS, for N s: dependency not ready; N s (`verify-timeout`) are over. OURS is in Git, and may be live already.
    The deployment OURS stays on the branch main.
    Give it more time with `verify-timeout`, if it is only slow.
    ### ❌ The deployment was not done in time
    status-state=pending status-description=dependency not ready status-commit=OURS rolled-back=false
    == by another login
    failed
    error The deployment was not done in time: Nothing was posted on OURS under kustomization/web/*; N s (`verify-timeout`) are over. OURS is in Git, and may be live already.
    The deployment OURS stays on the branch main.
    On the last 50 commits of main there are: `kustomization/web/aaaa1111`. Check `status-context` against them, and that `argocd-acme[bot]` posts it (`status-creator`).
    ### ❌ The deployment was not done in time
    status-state= status-description= status-commit= rolled-back=false
    == by the right login
    done
    ### ✅ Deployed `web:v2`, reported as deployed
    status-state=success status-description= status-commit=OURS rolled-back=false
    == two clusters, and one fails
    failed
    error The deployment was reported as failed: The deployment OURS was reported as failed.
    kustomization/web/bbbb2222 reports `failure` on OURS, for N s: build failed.
    The deployment OURS was rolled back by BACK.
    Find out why before you deploy it again. The cluster goes back to ghcr.io/acme/web:v1 by itself; this step does not wait for that.
    ### ❌ Rolled back to `web:v1`: The deployment was reported as failed
    status-state=success + failure status-description= + build failed status-commit=OURS + OURS rolled-back=true
    == two clusters, and one is slow
    done
    ### ✅ Deployed `web:v2`, reported as deployed
    status-state=success + success status-description= +  status-commit=OURS + OURS rolled-back=false
    == a context that was renamed
    done
    warning : kustomization/web/bbbb2222 was posted on an earlier commit, and not on OURS: nothing is known of that. Name it in `status-context` by itself where it must be there
    ### ✅ Deployed `web:v2`, reported as deployed
    status-state=success status-description= status-commit=OURS rolled-back=false
    == one line of two
    failed
    error The deployment was not done in time: Nothing was posted on OURS under continuous-delivery/*; N s (`verify-timeout`) are over. OURS is in Git, and may be live already.
    The deployment OURS stays on the branch main.
    On the last 50 commits of main there are: `kustomization/web/aaaa1111`. Check `status-context` against them.
    ### ❌ The deployment was not done in time
    status-state=success status-description= status-commit=OURS rolled-back=false
    ");
}

/// Deploys on top of a colleague's commit, on which nothing was posted: whether that was rolled back, and what is said.
fn broken_above(file: &str, content: &str, readme: bool) -> (String, String) {
    let mut world = World::new();
    world.post(Post::status(&world.old, "success", WEB));
    world.old = world.commit(file, content);
    if readme {
        world.old = world.readme();
    }
    world.at_look(1, |world| world.web("failure"));
    world.at_look(2, |world| world.advance(61));
    let outcome = world.update().run();
    let told = world.scrub(&told(&outcome));
    (outcome.output("rolled-back").to_owned(), told)
}

#[test]
fn what_came_along_from_others_is_not_blamed_on_the_deployment() {
    let by_hand = manifest("v1").replace("replicas: 1", "replicas: 2");
    let (rolled_back, told) = broken_above(FILE, &by_hand, true);
    assert_eq!(rolled_back, "false", "{told}");
    assert!(
        told.contains(
            "was reported as deployed last, and what others changed between the two came along"
        ),
        "{told}"
    );
    for (file, content, expected) in [
        ("apps/config.yaml", "kind: ConfigMap\n", "false"),
        ("README.md", "# Apps\n", "true"),
        ("shop/config.yaml", "kind: ConfigMap\n", "true"),
    ] {
        let (rolled_back, told) = broken_above(file, content, false);
        assert_eq!(rolled_back, expected, "{file}: {told}");
    }
}

#[test]
fn a_commit_that_was_overtaken_is_judged_by_what_came_later() {
    let cases = vec![
        case("by one that holds the same").at(1, |world| {
            let later = world.readme();
            world.post(Post::status(&later, "success", WEB));
            world.advance(20);
        }),
        case("by one that deploys something else").at(1, |world| {
            let later = world.commit(FILE, &manifest("v3"));
            world.post(Post::status(&later, "success", WEB));
            world.advance(20);
        }),
        case("by one without the file").at(1, |world| {
            let later = world
                .repository
                .commit("main", FILE, Entry::Absent, "fix: by hand");
            world.post(Post::status(&later, "success", WEB));
            world.advance(20);
        }),
        case("by one that fails").short().at(1, |world| {
            let later = world.readme();
            world.post(Post::status(&later, "failure", WEB).saying("health check failed"));
            world.advance(200);
        }),
        case("after it succeeded, by one that fails").at(1, |world| {
            world.web("success");
            let later = world.readme();
            world.post(Post::status(&later, "failure", WEB));
            world.advance(200);
        }),
        case("after it failed, by one that cures it").at(1, |world| {
            world.web("failure");
            world.advance(10);
            let later = world.commit(FILE, &manifest("v2").replace("replicas: 1", "replicas: 2"));
            world.post(Post::status(&later, "success", WEB));
            world.advance(200);
        }),
        case("by more than fifty").at(1, |world| {
            world.web("success");
            for n in 0..55 {
                world.commit("README.md", &format!("# {n}\n"));
            }
            world.advance(20);
        }),
        case("by force")
            .at(1, |world| {
                world.web("success");
                world.repository.set_branch("kept", "main");
                world.repository.set_branch("main", &world.old);
            })
            .at(4, |world| world.advance(20)),
        case("by the end of the branch").at(1, |world| {
            world.repository.set_branch("kept", "main");
            world.repository.delete_branch("main");
        }),
    ];
    insta::assert_snapshot!(all_told(cases), @"
    == by one that holds the same
    done
    ### ✅ Deployed `web:v2`, reported as deployed
    status-state=success status-description= status-commit=LATER rolled-back=false
    == by one that deploys something else
    failed
    error Another deployment came in between: LATER is deployed, which came after OURS and deploys something else: ghcr.io/acme/web:v3 in place of ghcr.io/acme/web:v2.
    The deployment OURS stays on the branch main.
    Nothing is broken by it: the newer deployment is the one to look at. To keep deployments apart, give the workflow a `concurrency` group.
    ### ❌ Another deployment came in between
    status-state=success status-description= status-commit=LATER rolled-back=false
    == by one without the file
    failed
    error Another deployment came in between: LATER is deployed, which came after OURS and deploys something else: the files differ.
    The deployment OURS stays on the branch main.
    Nothing is broken by it: the newer deployment is the one to look at. To keep deployments apart, give the workflow a `concurrency` group.
    ### ❌ Another deployment came in between
    status-state=success status-description= status-commit=LATER rolled-back=false
    == by one that fails
    failed
    error Something else is wrong, not the deployment: kustomization/web/aaaa1111 reports `failure` on LATER, for N s: health check failed. LATER came after OURS, on which nothing was posted that decides: whether it ran is not known.
    The deployment OURS stays on the branch main.
    The commit that came later, not this deployment, is to be corrected: whoever made it should look.
    ### ❌ Something else is wrong, not the deployment
    status-state= status-description= status-commit= rolled-back=false
    == after it succeeded, by one that fails
    done
    ### ✅ Deployed `web:v2`, reported as deployed
    status-state=success status-description= status-commit=OURS rolled-back=false
    == after it failed, by one that cures it
    done
    ### ✅ Deployed `web:v2`, reported as deployed
    status-state=success status-description= status-commit=LATER rolled-back=false
    == by more than fifty
    done
    ### ✅ Deployed `web:v2`, reported as deployed
    status-state=success status-description= status-commit=OURS rolled-back=false
    == by force
    failed
    error The branch does not lead to the commit: The branch main does not lead to OURS any more: its tip is OLD.
    Somebody pushed with force, or deleted the branch: ask them. What is deployed now is what the branch holds now.
    ### ❌ The branch does not lead to the commit
    status-state=success status-description= status-commit=OURS rolled-back=false
    == by the end of the branch
    failed
    error The branch does not lead to the commit: The branch main does not lead to OURS any more: GitHub shows no such branch.
    Somebody pushed with force, or deleted the branch: ask them. What is deployed now is what the branch holds now.
    ### ❌ The branch does not lead to the commit
    status-state= status-description= status-commit= rolled-back=false
    ");
}

#[test]
fn checks_and_deployments_count_as_statuses_do() {
    let check = |conclusion: &'static str| {
        case(conclusion)
            .short()
            .input("status-context", "check:e2e *")
            .at(1, move |world| {
                world.post(Post::check(&world.ours(), conclusion, "e2e web"));
                world.advance(100);
            })
    };
    let deployment = |name: &'static str, state: &'static str| {
        case(name)
            .short()
            .input("status-context", "deployment:prod")
            .at(1, move |world| {
                world.post(Post::deployment(&world.ours(), "failure", "staging"));
                world.post(Post::deployment(&world.ours(), state, "prod").saying("rolled out"));
                world.advance(100);
            })
    };
    let mut cases: Vec<Case> = [
        "success",
        "failure",
        "timed_out",
        "startup_failure",
        "skipped",
        "neutral",
        "cancelled",
        "stale",
        "in_progress",
    ]
    .map(check)
    .into();
    cases.extend([
        deployment("a deployment", "success"),
        deployment("a deployment that fails", "failure"),
        deployment("a deployment that is not the last", "inactive"),
        case("deployments by a glob")
            .input("status-context", "deployment:prod-*")
            .at(1, |world| {
                world.post(Post::deployment(&world.ours(), "success", "prod-eu"));
                world.advance(100);
            }),
        case("behind a hundred others")
            .input("status-context", "check:e2e *")
            .at(1, |world| {
                world.post(Post::check(&world.ours(), "success", "e2e web"));
                for n in 0..250 {
                    world.post(Post::check(&world.ours(), "failure", &format!("lint {n}")));
                }
                world.advance(100);
            }),
        case("this workflow's own check")
            .short()
            .input("status-context", "check:**")
            .env("GITHUB_REPOSITORY", NAME)
            .env(
                "GITHUB_WORKFLOW_REF",
                "acme/deploy/.github/workflows/deploy.yml@refs/heads/main",
            )
            .at(1, |world| {
                world.post(
                    Post::check(&world.ours(), "success", "deploy").of_workflow("deploy.yml"),
                );
                world.advance(100);
            }),
    ]);
    insta::assert_snapshot!(all_told(cases), @"
    == success
    done
    ### ✅ Deployed `web:v2`, reported as deployed
    status-state=success status-description= status-commit=OURS rolled-back=false
    == failure
    failed
    error The deployment was reported as failed: The deployment OURS was reported as failed.
    check:e2e web reports `failure` on OURS, for N s (https://ci.example/e2e-web).
    The deployment OURS was rolled back by BACK.
    Find out why before you deploy it again. The cluster goes back to ghcr.io/acme/web:v1 by itself; this step does not wait for that.
    ### ❌ Rolled back to `web:v1`: The deployment was reported as failed
    status-state=failure status-description= status-commit=OURS rolled-back=true
    == timed_out
    failed
    error The deployment was not done in time: check:e2e web reports `timed_out` on OURS, for N s (https://ci.example/e2e-web): `timed_out` is not a success; N s (`verify-timeout`) are over. OURS is in Git, and may be live already.
    The deployment OURS stays on the branch main.
    Run that again, or name in `status-context` only what always ends.
    ### ❌ The deployment was not done in time
    status-state=timed_out status-description= status-commit=OURS rolled-back=false
    == startup_failure
    failed
    error Something else is wrong, not the deployment: check:e2e web reports `startup_failure` on OURS, for N s (https://ci.example/e2e-web): whoever posted that had trouble, which says nothing about the deployment.
    The deployment OURS stays on the branch main.
    Look there. To have what a deployment breaks told as its fault, let the controller post `failure` for it, and `error` for nothing else.
    ### ❌ Something else is wrong, not the deployment
    status-state=startup_failure status-description= status-commit=OURS rolled-back=false
    == skipped
    failed
    error The deployment was not done in time: check:e2e web reports `skipped` on OURS, for N s (https://ci.example/e2e-web): `skipped` is not a success; N s (`verify-timeout`) are over. OURS is in Git, and may be live already.
    The deployment OURS stays on the branch main.
    Run that again, or name in `status-context` only what always ends.
    ### ❌ The deployment was not done in time
    status-state=skipped status-description= status-commit=OURS rolled-back=false
    == neutral
    failed
    error The deployment was not done in time: check:e2e web reports `neutral` on OURS, for N s (https://ci.example/e2e-web): `neutral` is not a success; N s (`verify-timeout`) are over. OURS is in Git, and may be live already.
    The deployment OURS stays on the branch main.
    Run that again, or name in `status-context` only what always ends.
    ### ❌ The deployment was not done in time
    status-state=neutral status-description= status-commit=OURS rolled-back=false
    == cancelled
    failed
    error The deployment was not done in time: check:e2e web reports `cancelled` on OURS, for N s (https://ci.example/e2e-web): `cancelled` is not a success; N s (`verify-timeout`) are over. OURS is in Git, and may be live already.
    The deployment OURS stays on the branch main.
    Run that again, or name in `status-context` only what always ends.
    ### ❌ The deployment was not done in time
    status-state=cancelled status-description= status-commit=OURS rolled-back=false
    == stale
    failed
    error The deployment was not done in time: check:e2e web reports `stale` on OURS, for N s (https://ci.example/e2e-web): `stale` is not a success; N s (`verify-timeout`) are over. OURS is in Git, and may be live already.
    The deployment OURS stays on the branch main.
    Run that again, or name in `status-context` only what always ends.
    ### ❌ The deployment was not done in time
    status-state=stale status-description= status-commit=OURS rolled-back=false
    == in_progress
    failed
    error The deployment was not done in time: check:e2e web reports `pending` on OURS, for N s (https://ci.example/e2e-web); N s (`verify-timeout`) are over. OURS is in Git, and may be live already.
    The deployment OURS stays on the branch main.
    Give it more time with `verify-timeout`, if it is only slow.
    ### ❌ The deployment was not done in time
    status-state=pending status-description= status-commit=OURS rolled-back=false
    == a deployment
    done
    ### ✅ Deployed `web:v2`, reported as deployed
    status-state=success status-description=rolled out status-commit=OURS rolled-back=false
    == a deployment that fails
    failed
    error The deployment was reported as failed: The deployment OURS was reported as failed.
    deployment:prod reports `failure` on OURS, for N s: rolled out (https://ci.example/prod).
    The deployment OURS was rolled back by BACK.
    Find out why before you deploy it again. The cluster goes back to ghcr.io/acme/web:v1 by itself; this step does not wait for that.
    ### ❌ Rolled back to `web:v1`: The deployment was reported as failed
    status-state=failure status-description=rolled out status-commit=OURS rolled-back=true
    == a deployment that is not the last
    failed
    error The deployment was not done in time: deployment:prod reports `inactive` on OURS, for N s: rolled out (https://ci.example/prod): `inactive` is not a success; N s (`verify-timeout`) are over. OURS is in Git, and may be live already.
    The deployment OURS stays on the branch main.
    Run that again, or name in `status-context` only what always ends.
    ### ❌ The deployment was not done in time
    status-state=inactive status-description=rolled out status-commit=OURS rolled-back=false
    == deployments by a glob
    done
    ### ✅ Deployed `web:v2`, reported as deployed
    status-state=success status-description= status-commit=OURS rolled-back=false
    == behind a hundred others
    done
    ### ✅ Deployed `web:v2`, reported as deployed
    status-state=success status-description= status-commit=OURS rolled-back=false
    == this workflow's own check
    failed
    error The deployment was not done in time: Nothing was posted on OURS under check:**; N s (`verify-timeout`) are over. OURS is in Git, and may be live already.
    The deployment OURS stays on the branch main.
    On the last 50 commits of main there are: `check:deploy`. Check `status-context` against them; checks of this workflow itself don't count.
    ### ❌ The deployment was not done in time
    status-state= status-description= status-commit= rolled-back=false
    ");
}

#[test]
fn trouble_is_waited_through_and_refusals_are_told() {
    let denied = |name: &'static str, field: &'static str, line: &'static str| {
        case(name)
            .input("status-context", line)
            .before(move |world| world.server.github().deny_posts(field))
    };
    let old = |case: Case| case.before(|world| world.server.github().be_old());
    let cases = vec![
        denied("no permission for statuses", "status", LINES),
        denied("no permission for checks", "statusCheckRollup", "check:e2e"),
        denied(
            "no permission for deployments",
            "deployments",
            "deployment:prod",
        ),
        denied(
            "a permission that is not needed",
            "statusCheckRollup",
            LINES,
        )
        .at(1, |world| {
            world.web("success");
            world.advance(20);
        }),
        case("a limit")
            .before(|world| {
                let limit = Fault::retry_after(429, 1);
                world.server.fault(LOOK.nth(1), limit);
            })
            .at(2, |world| {
                world.web("success");
                world.advance(20);
            }),
        case("trouble to the end")
            .short()
            .before(|world| world.server.fault(LOOK.from(1), Fault::status(502))),
        case("a page in place of an answer")
            .before(|world| {
                let page = Fault::Status(
                    200,
                    vec![("Content-Type".to_owned(), "text/html".to_owned())],
                    "<html>".to_owned(),
                );
                world.server.fault(LOOK.from(1), page);
            })
            .short(),
        case("wrong types in an answer")
            .before(|world| {
                let json = Fault::Status(
                    200,
                    vec![("Content-Type".to_owned(), "application/json".to_owned())],
                    r#"{"data":{"repository":{"branch":{"target":{"oid":5}},"own":[]}}}"#
                        .to_owned(),
                );
                world.server.fault(LOOK.from(1), json);
            })
            .short(),
        case("no branch in an answer")
            .before(|world| {
                let json = Fault::Status(
                    200,
                    vec![("Content-Type".to_owned(), "application/json".to_owned())],
                    r#"{"data":{"repository":{"branch":null,"own":null}}}"#.to_owned(),
                );
                world.server.fault(LOOK.from(1), json);
            })
            .short(),
        case("no trouble any more")
            .before(|world| world.server.fault(LOOK.nth(2), Fault::Reset))
            .at(1, |world| world.web("success"))
            .at(3, |world| world.advance(20)),
        old(case("an old server, a success")).at(1, |world| {
            world.web("failure");
            world.web("success");
            world.advance(20);
        }),
        old(case("an old server, a failure")).at(1, |world| {
            world.web("success");
            world.web("failure");
            world.advance(61);
        }),
        old(case("an old server, overtaken")).at(1, |world| {
            let later = world.readme();
            world.post(Post::status(&later, "success", WEB));
            world.advance(61);
        }),
        old(case("an old server, all kinds"))
            .input("status-context", "check:e2e\ndeployment:prod")
            .at(1, |world| {
                world.post(Post::check(&world.ours(), "success", "e2e"));
                world.post(Post::deployment(&world.ours(), "success", "prod"));
                world.advance(20);
            }),
        case("an old server, no permission").before(|world| {
            world.server.github().be_old();
            world.server.github().deny_posts("status");
        }),
        case("a repository that was renamed").at(1, |world| {
            world.web("success");
            world.rename();
            world.advance(20);
        }),
        old(case("an old server, and a repository that was renamed")).at(1, |world| {
            world.web("success");
            world.rename();
            world.advance(20);
        }),
    ];
    insta::assert_snapshot!(all_told(cases), @"
    == no permission for statuses
    failed
    error GitHub does not show what is posted on the commit: The token may not read the commit statuses of acme/deploy: the server denied read access (FORBIDDEN): Resource not accessible by personal access token. Whether OURS, which is in Git, is deployed is not known.
    The deployment OURS stays on the branch main.
    Give it *Commit statuses: Read* on the repository. The workflow's own `GITHUB_TOKEN` gets it by `permissions: statuses: read`, for its own repository alone.
    ### ❌ GitHub does not show what is posted on the commit
    status-state= status-description= status-commit= rolled-back=false
    == no permission for checks
    failed
    error GitHub does not show what is posted on the commit: The token may not read the check runs of acme/deploy: the server denied read access (FORBIDDEN): Resource not accessible by personal access token. Whether OURS, which is in Git, is deployed is not known.
    The deployment OURS stays on the branch main.
    Give it *Checks: Read* on the repository. The workflow's own `GITHUB_TOKEN` gets it by `permissions: checks: read`, for its own repository alone. Not every fine-grained personal token can have it: one of a GitHub App can, and the workflow's own.
    ### ❌ GitHub does not show what is posted on the commit
    status-state= status-description= status-commit= rolled-back=false
    == no permission for deployments
    failed
    error GitHub does not show what is posted on the commit: The token may not read the deployments of acme/deploy: the server denied read access (FORBIDDEN): Resource not accessible by personal access token. Whether OURS, which is in Git, is deployed is not known.
    The deployment OURS stays on the branch main.
    Give it *Deployments: Read* on the repository. The workflow's own `GITHUB_TOKEN` gets it by `permissions: deployments: read`, for its own repository alone.
    ### ❌ GitHub does not show what is posted on the commit
    status-state= status-description= status-commit= rolled-back=false
    == a permission that is not needed
    done
    ### ✅ Deployed `web:v2`, reported as deployed
    status-state=success status-description= status-commit=OURS rolled-back=false
    == a limit
    done
    ### ✅ Deployed `web:v2`, reported as deployed
    status-state=success status-description= status-commit=OURS rolled-back=false
    == trouble to the end
    failed
    error The Git server is not available: SERVER answered HTTP 502. Whether OURS, which is in Git, is deployed is not known.
    The deployment OURS stays on the branch main.
    Git and the cluster are as they are. Look at the commit's page on GitHub for what is posted on it.
    ### ❌ The Git server is not available
    status-state= status-description= status-commit= rolled-back=false
    == a page in place of an answer
    failed
    error The URL is not a GitHub API: SERVER answered with `text/html`, not as GitHub's API does. OURS is in Git.
    The deployment OURS stays on the branch main.
    Check `api-url` and `server-url`: what is posted on commits is read over GitHub's API.
    ### ❌ The URL is not a GitHub API
    status-state= status-description= status-commit= rolled-back=false
    == wrong types in an answer
    failed
    error The URL is not a GitHub API: SERVER answered with something other than GitHub's API does. OURS is in Git.
    The deployment OURS stays on the branch main.
    Check `api-url` and `server-url`: what is posted on commits is read over GitHub's API.
    ### ❌ The URL is not a GitHub API
    status-state= status-description= status-commit= rolled-back=false
    == no branch in an answer
    failed
    error The branch does not lead to the commit: The branch main did not lead to OURS: GitHub shows no such branch; N s (`verify-timeout`) are over. OURS is in Git, and may be live already.
    Look at the branch on GitHub: somebody pushed with force, or deleted it, or GitHub does not show the push yet.
    ### ❌ The branch does not lead to the commit
    status-state= status-description= status-commit= rolled-back=false
    == no trouble any more
    done
    ### ✅ Deployed `web:v2`, reported as deployed
    status-state=success status-description= status-commit=OURS rolled-back=false
    == an old server, a success
    done
    ### ✅ Deployed `web:v2`, reported as deployed
    status-state=success status-description= status-commit=OURS rolled-back=false
    == an old server, a failure
    failed
    error The deployment was reported as failed: The deployment OURS was reported as failed.
    kustomization/web/aaaa1111 reports `failure` on OURS, for N s.
    The deployment OURS was rolled back by BACK.
    Find out why before you deploy it again. The cluster goes back to ghcr.io/acme/web:v1 by itself; this step does not wait for that.
    ### ❌ Rolled back to `web:v1`: The deployment was reported as failed
    status-state=failure status-description= status-commit=OURS rolled-back=true
    == an old server, overtaken
    done
    ### ✅ Deployed `web:v2`, reported as deployed
    status-state=success status-description= status-commit=LATER rolled-back=false
    == an old server, all kinds
    done
    ### ✅ Deployed `web:v2`, reported as deployed
    status-state=success + success status-description= +  status-commit=OURS + OURS rolled-back=false
    == an old server, no permission
    failed
    error GitHub does not show what is posted on the commit: The token may not read the commit statuses of acme/deploy: the server denied read access (HTTP 403): Resource not accessible by personal access token. Whether OURS, which is in Git, is deployed is not known.
    The deployment OURS stays on the branch main.
    Give it *Commit statuses: Read* on the repository. The workflow's own `GITHUB_TOKEN` gets it by `permissions: statuses: read`, for its own repository alone.
    ### ❌ GitHub does not show what is posted on the commit
    status-state= status-description= status-commit= rolled-back=false
    == a repository that was renamed
    done
    ### ✅ Deployed `web:v2`, reported as deployed
    status-state=success status-description= status-commit=OURS rolled-back=false
    == an old server, and a repository that was renamed
    done
    ### ✅ Deployed `web:v2`, reported as deployed
    status-state=success status-description= status-commit=OURS rolled-back=false
    ");
}

#[test]
fn log_and_summary_say_on_what_it_stands() {
    let world = World::new();
    world.at_look(1, |world| world.web("pending"));
    world.at_look(2, |world| {
        let done = Post::status(&world.ours(), "success", WEB).saying("reconciliation | succeeded");
        world.post(done);
        world.advance(20);
    });
    let outcome = world.update().run().succeeded();
    let log = world.scrub(&outcome.shown_log());
    let log: Vec<&str> = log
        .lines()
        .skip_while(|line| !line.starts_with("Waiting"))
        .collect();
    insta::assert_snapshot!(log.join("\n"), @"
    Waiting until OURS is reported as deployed by kustomization/web/*
    kustomization/web/aaaa1111: pending
    kustomization/web/aaaa1111 is not done yet
    kustomization/web/aaaa1111: success: reconciliation | succeeded
    OURS is deployed, as kustomization/web/aaaa1111 reports after N s.
    ");
    let summary = world.scrub(&outcome.summary);
    let summary = summary.split("#### ").nth(1).unwrap();
    insta::assert_snapshot!(summary, @r#"
    What is posted on the commit

    Commit [`OURS`](SERVER/acme/deploy/commit/OURS) of `main` in [`acme/deploy`](SERVER/acme/deploy). OURS is deployed, as kustomization/web/aaaa1111 reports after N s.

    | Posted as | State | Description | By | On |
    |---|---|---|---|---|
    | `kustomization/web/aaaa1111` | `success` | reconciliation \| succeeded | `flux-acme` | [`OURS`](SERVER/acme/deploy/commit/OURS) |

    That is the word of whoever posted it: nobody looked at Pods.

    | Resource | Container | Image in Git |
    |---|---|---|
    | `Deployment/web` | `web` | `ghcr.io/acme/web:v2` |
    "#);
}

#[test]
fn every_operation_that_delivers_waits() {
    let world = World::new();
    world.at_look(1, |world| {
        world.web("success");
        world.advance(20);
    });
    world.update().run().succeeded();
    let deployed = world.repository.tip("main");
    // What is there already is looked at all the same.
    let outcome = world.step().input("operation", "verify").run().succeeded();
    assert_eq!(outcome.output("status-state"), "success");
    assert_eq!(outcome.output("status-commit"), deployed);
    assert_eq!(outcome.output("sync-status"), "");
    assert!(
        outcome
            .summary
            .starts_with("### ✅ Verified `web:v2`: reported as deployed\n")
    );
    let outcome = world.update().run().succeeded();
    assert_eq!(outcome.output("changed"), "false");
    assert_eq!(outcome.output("status-commit"), deployed);

    // The commit of a rollback: only what is posted on that one counts.
    let looks = world.server.count(LOOK);
    world.at_look(looks + 1, |world| {
        let tip = world.repository.tip("main");
        world.post(Post::status(&tip, "success", WEB));
        world.advance(20);
    });
    let outcome = world
        .step()
        .input("operation", "rollback")
        .run()
        .succeeded();
    assert_eq!(
        outcome.output("status-commit"),
        world.repository.tip("main")
    );
    assert_ne!(outcome.output("status-commit"), deployed);

    // And a promotion's.
    world.commit("apps/prod.yaml", &manifest("v0"));
    let looks = world.server.count(LOOK);
    world.at_look(looks + 1, |world| {
        let tip = world.repository.tip("main");
        world.post(Post::status(&tip, "success", WEB));
        world.advance(20);
    });
    let outcome = world
        .step()
        .input("operation", "promote")
        .input("from", FILE)
        .input("file", "apps/prod.yaml")
        .run()
        .succeeded();
    assert_eq!(outcome.output("image"), "ghcr.io/acme/web:v1");
    assert_eq!(
        outcome.output("status-commit"),
        world.repository.tip("main")
    );
}

#[test]
fn a_commit_to_verify_is_judged_by_later_ones_where_its_files_are_named() {
    let world = World::new();
    let ours = world.commit(FILE, &manifest("v2"));
    let later = world.readme();
    world.post(Post::status(&later, "success", WEB));
    world.advance(20);
    let verify = || {
        let step = world.step().input("operation", "verify");
        step.input("commit", &ours).input("verify-timeout", "3")
    };
    let outcome = verify().run().succeeded();
    assert_eq!(outcome.output("status-commit"), later);
    let outcome = verify()
        .input("image", "ghcr.io/acme/web:v2")
        .run()
        .succeeded();
    assert_eq!(outcome.output("status-commit"), later);
    let outcome = verify()
        .input("image", "ghcr.io/acme/web:v9")
        .run()
        .failed();
    assert!(
        outcome.errors()[0].contains("ghcr.io/acme/web:v9 is nowhere in the files"),
        "{}",
        outcome.log()
    );
    let outcome = verify().input("file", "").run().failed();
    assert!(
        outcome.errors()[0].contains("Name the manifests with `file`"),
        "{}",
        outcome.log()
    );
}

#[test]
fn argo_cd_and_what_is_posted_must_both_say_so() {
    let world = World::new();
    let argocd = {
        let world = world.clone();
        ArgoCd::play(vec![Box::new(move || {
            let app = App::healthy(
                world.repository.url(),
                &world.repository.tip("main"),
                &["ghcr.io/acme/web:v2"],
            );
            Reply::App(app)
        }) as Box<dyn Fn() -> Reply + Send>])
    };
    world.at_look(1, |world| {
        world.web("failure");
        world.advance(61);
    });
    let outcome = asking(world.update(), &argocd).run().failed();
    assert_eq!(outcome.output("sync-status"), "Synced");
    assert_eq!(outcome.output("status-state"), "failure");
    assert_eq!(outcome.output("rolled-back"), "true");
}

/// A step that asks Argo CD as well.
fn asking(step: Action, argocd: &ArgoCd) -> Action {
    step.input("argocd-server", argocd.url())
        .input("argocd-token", ARGOCD_TOKEN)
        .input("argocd-application", "blog")
}

#[test]
fn where_argo_cd_does_not_tell_what_is_posted_may() {
    for (state, is_rolled_back) in [("failure", "true"), ("success", "false")] {
        let world = World::new();
        let argocd = ArgoCd::play(vec![Box::new(|| {
            Reply::Refused(401, "invalid session: token is expired")
        })]);
        world.at_look(1, move |world| {
            world.web(state);
            world.advance(61);
        });
        let outcome = asking(world.update(), &argocd).run().failed();
        let log = outcome.shown_log();
        let line = log
            .lines()
            .find(|line| line.contains("Argo CD does not tell: "));
        let time = line.and_then(|line| {
            line.split_once(". What is posted on the commit is waited for, at most ")
        });
        assert!(time.is_some_and(|(_, time)| time.ends_with(" s")), "{log}");
        assert_eq!(outcome.output("status-state"), state, "{log}");
        assert_eq!(outcome.output("rolled-back"), is_rolled_back, "{log}");
        let told = match state {
            "failure" => "was reported as failed",
            _ => "HTTP 401",
        };
        assert!(outcome.errors()[0].contains(told), "{log}");
    }
}

#[test]
fn what_was_posted_before_a_pull_request_was_merged_does_not_count() {
    for (posted_again, is_done) in [(false, false), (true, true)] {
        let world = World::new();
        world.server.before(Step::Named("Standing").nth(1), {
            let world = world.clone();
            move || {
                world.web("success");
                world.advance(600);
            }
        });
        world.server.before(Step::Named("Standing").nth(2), {
            let world = world.clone();
            move || {
                let ours = world.ours();
                world.repository.set_branch("main", &ours);
            }
        });
        world.at_look(1, move |world| {
            if posted_again {
                world.web("success");
            }
        });
        world.at_look(2, |world| world.advance(20));
        let step = world.step().input("image", "ghcr.io/acme/web:v2");
        let outcome = step
            .input("verify-timeout", "2")
            .input("pull-request", "true")
            .input("pull-request-wait", "60")
            .run();
        assert_eq!(outcome.code() == Some(0), is_done, "{}", outcome.log());
        assert_eq!(outcome.output("pull-request-state"), "merged");
    }
}

#[test]
fn where_nothing_is_to_be_posted_nothing_is_asked() {
    let world = World::new();
    world
        .step()
        .input("image", "ghcr.io/acme/web:v2")
        .input("status-context", "")
        .input("verify-timeout", "300")
        .run()
        .succeeded();
    assert_eq!(world.server.count(LOOK), 0);
}

#[test]
fn a_run_that_is_cancelled_says_what_it_had_seen() {
    let world = World::new();
    world.at_look(1, |world| world.web("pending"));
    let mut running = world.update().spawn();
    running.printed("is not done yet");
    running.terminate();
    let outcome = running.wait().failed();
    insta::assert_snapshot!(world.scrub(&outcome.errors().join("\n")), @"
    The run was cancelled while it waited for what is posted on the commit: kustomization/web/aaaa1111 reports `pending` on OURS, for N s.
    The deployment OURS stays on the branch main.
    Git and the cluster are as they are: the controller goes on by itself.
    ");
}

/// A summary claims nothing that the failure above it denies, and names nobody who was not asked.
#[test]
fn the_summary_of_a_commit_that_is_gone_does_not_say_that_it_is_there() {
    let world = World::new();
    world.at_look(1, |world| {
        world.repository.set_branch("kept", "main");
        world.repository.delete_branch("main");
    });
    world.at_look(4, |world| world.advance(20));
    let outcome = world.update().run().failed();
    let summary = world.scrub(&outcome.summary);
    let lines = summary
        .lines()
        .filter(|line| line.contains("`main`") || line.starts_with('#') || line.starts_with('|'));
    // Where its commit is made over the API.
    let lines: Vec<String> = lines
        .map(|line| line.replace(" Its signature is verified.", ""))
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @"
    ### ❌ The branch does not lead to the commit
    Commit [`OURS`](SERVER/acme/deploy/commit/OURS) was pushed to `main` of [`acme/deploy`](SERVER/acme/deploy).
    | Resource | Container | Old image | New image | File |
    |---|---|---|---|---|
    | `Deployment/web` | `web` | `ghcr.io/acme/web:v1` | `ghcr.io/acme/web:v2` | [`apps/web.yaml:8`](SERVER/acme/deploy/blob/OURS/apps/web.yaml#L8) |
    #### Verification
    Commit [`OURS`](SERVER/acme/deploy/commit/OURS) of `main` in [`acme/deploy`](SERVER/acme/deploy).
    | Resource | Container | Image in Git |
    |---|---|---|
    | `Deployment/web` | `web` | `ghcr.io/acme/web:v2` |
    ");
}
