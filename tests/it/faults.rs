//! What a push guarantees when the wire or the server fails: the commit landed once and is reported,
//! or it did not and the error says so.

use std::sync::mpsc;
use std::time::Duration;

use super::VIA;
use crate::support::{
    Action, Fault, GitServer, Options, Outcome, Repository, Step, TOKEN, Via, When, tunnel,
};

const FILE: &str = "web.yaml";
const MANIFEST: &str =
    "kind: Deployment\nspec:\n  containers:\n  - name: web\n    image: acme/web:v1\n";

fn serve(server: &GitServer) -> Repository {
    server.repository_with("acme/deploy", FILE, MANIFEST)
}

fn update(repository: &Repository) -> Action {
    Action::new()
        .over(VIA, repository)
        .input("file", FILE)
        .input("image", "acme/web:v2")
        .input("token", TOKEN)
        .input("timeout", "60")
}

/// How often the new image landed: once, or not at all.
fn landed(repository: &Repository) -> usize {
    repository.fsck();
    let commits = repository.log("main");
    commits
        .iter()
        .filter(|commit| commit.message.contains("Deployed-Image: acme/web:v2"))
        .count()
}

/// The promise, whatever happened: once and reported, or not at all and said so.
fn check(case: &str, repository: &Repository, outcome: &Outcome) {
    let landed = landed(repository);
    match outcome.code() {
        Some(0) => {
            assert_eq!(landed, 1, "{case}: success without a commit");
            assert_eq!(outcome.outputs["changed"], "true", "{case}");
            assert_eq!(
                outcome.outputs["commit-sha"],
                repository.tip("main"),
                "{case}"
            );
        }
        Some(1) => {
            assert_eq!(
                landed,
                0,
                "{case}: a failure whose commit landed:\n{}",
                outcome.log()
            );
            assert_eq!(outcome.errors().len(), 1, "{case}");
        }
        other => panic!("{case}: exit {other:?}\n{}", outcome.log()),
    }
}

#[test]
fn a_passing_fault_at_any_request_is_survived() {
    let faults = [
        ("reset", Fault::Reset),
        ("502", Fault::status(502)),
        ("503 with Retry-After", Fault::retry_after(503, 1)),
        ("429 with Retry-After", Fault::retry_after(429, 1)),
        ("a truncated answer", Fault::Truncate(20)),
        ("an empty answer", Fault::Truncate(0)),
        ("a lost answer", Fault::DropAnswer),
        ("502 after all was done", Fault::StatusAfter(502)),
    ];
    std::thread::scope(|scope| {
        for (name, fault) in faults {
            scope.spawn(move || {
                for &(step, nth) in VIA.exchange() {
                    let case = format!("{name} at {step:?} {nth}");
                    let server = GitServer::start();
                    let repository = serve(&server);
                    server.fault(step.nth(nth), fault.clone());
                    let outcome = update(&repository).run();
                    assert_eq!(outcome.code(), Some(0), "{case}:\n{}", outcome.log());
                    check(&case, &repository, &outcome);
                }
            });
        }
    });
}

#[test]
fn a_push_that_lands_and_is_refused_by_what_is_on_the_way_has_landed() {
    let Some(&(step, nth)) = VIA.exchange().last() else {
        unreachable!()
    };
    std::thread::scope(|scope| {
        for status in [302, 401, 403, 404, 410, 413, 422, 423] {
            scope.spawn(move || {
                let case = format!("{status} at {step:?} {nth}");
                let server = GitServer::start();
                let repository = serve(&server);
                server.fault(step.nth(nth), Fault::StatusAfter(status));
                let outcome = update(&repository).run();
                assert_eq!(outcome.code(), Some(0), "{case}:\n{}", outcome.log());
                check(&case, &repository, &outcome);
            });
        }
    });
}

#[test]
fn a_server_that_goes_silent_once_is_survived() {
    std::thread::scope(|scope| {
        for &(step, nth) in VIA.exchange() {
            for fault in [Fault::Stall, Fault::StallAfter(20)] {
                scope.spawn(move || {
                    let case = format!("{fault:?} at {step:?} {nth}");
                    let server = GitServer::start();
                    let repository = serve(&server);
                    server.fault(step.nth(nth), fault);
                    // A server may be silent for a quarter of it.
                    let outcome = update(&repository).input("timeout", "8").run();
                    assert_eq!(outcome.code(), Some(0), "{case}:\n{}", outcome.log());
                    check(&case, &repository, &outcome);
                });
            }
        }
    });
}

#[test]
fn a_lasting_fault_ends_within_the_timeout() {
    let faults = [
        Fault::Reset,
        Fault::status(502),
        Fault::retry_after(429, 3600),
        Fault::Stall,
        Fault::Drip(Duration::from_millis(200)),
    ];
    std::thread::scope(|scope| {
        for fault in faults {
            scope.spawn(move || {
                for &(step, _) in VIA.exchange() {
                    let case = format!("{fault:?} at every {step:?}");
                    let server = GitServer::start();
                    let repository = serve(&server);
                    server.fault(step.every(), fault.clone());
                    let outcome = update(&repository).input("timeout", "2").run();
                    assert!(
                        outcome.elapsed < Duration::from_secs(30),
                        "{case}: {:?}",
                        outcome.elapsed
                    );
                    if step == VIA.push() && matches!(fault, Fault::Drip(_)) {
                        // The commit lands and its answer takes too long: nobody can know.
                        let text = outcome.log();
                        assert!(
                            outcome.code() == Some(0)
                                || text.contains("whether it landed is not known"),
                            "{case}:\n{text}"
                        );
                        continue;
                    }
                    assert_eq!(outcome.code(), Some(1), "{case}:\n{}", outcome.log());
                    check(&case, &repository, &outcome);
                }
            });
        }
    });
}

#[test]
fn a_push_whose_fate_stays_unknown_says_so() {
    let server = GitServer::start();
    let repository = serve(&server);
    server.fault(VIA.push().nth(1), Fault::DropAnswer);
    // Not back within the timeout.
    server.fault(VIA.read().nth(2), Fault::retry_after(503, 3600));
    let outcome = update(&repository).run().failed();
    assert_eq!(landed(&repository), 1);
    let error = &outcome.errors()[0];
    match VIA {
        Via::Git => assert!(error.contains(&repository.tip("main")), "{error}"),
        // GitHub makes the commit, and its id was lost with the answer.
        Via::Api => assert!(error.contains("A commit was sent"), "{error}"),
    }
    assert!(error.contains("whether it landed is not known"), "{error}");
}

#[test]
fn an_error_that_no_retry_cures_ends_at_once() {
    for status in [401, 403, 404, 413] {
        for &(step, nth) in VIA.exchange() {
            let server = GitServer::start();
            let repository = serve(&server);
            server.fault(step.nth(nth), Fault::status(status));
            // It may know the older version of the protocol alone, and is asked in that too.
            let is_asked_again = step == Step::FetchRefs && matches!(status, 403 | 404);
            if is_asked_again {
                server.fault(step.nth(nth + 1), Fault::status(status));
            }
            let outcome = update(&repository).run().failed();
            check(
                &format!("{status} at {step:?} {nth}"),
                &repository,
                &outcome,
            );
            let requests = server.requests().len();
            let position = VIA.exchange().iter().position(|own| *own == (step, nth));
            // On GitHub the API is asked why; and after a push, where the branch is.
            let asked = [
                VIA == Via::Api && status != 413,
                is_asked_again,
                VIA.exchange().last() == Some(&(step, nth)),
            ];
            let asked = asked.into_iter().filter(|is_asked| *is_asked).count();
            let expected = position.unwrap() + 1 + asked;
            assert_eq!(requests, expected, "{status} at {step:?} {nth}");
        }
    }
}

#[test]
fn a_fault_while_a_second_push_is_prepared_is_survived() {
    for fault in [
        Fault::Reset,
        Fault::status(502),
        Fault::Truncate(20),
        Fault::DropAnswer,
    ] {
        let server = GitServer::start();
        let repository = serve(&server);
        server.fault(Step::Push.nth(1), Fault::status(502));
        server.fault(Step::PushRefs.nth(1), fault.clone());
        let outcome = update(&repository).input("transport", "git").run();
        assert_eq!(outcome.code(), Some(0), "{fault:?}:\n{}", outcome.log());
        check(&format!("{fault:?}"), &repository, &outcome);
        assert_eq!(server.count(Step::PushRefs), 2, "{fault:?}");
    }
}

#[test]
fn a_server_that_wants_to_be_asked_before_a_push_is_asked() {
    let server = GitServer::start();
    let repository = serve(&server);
    server.fault(Step::Push.nth(1), Fault::status(400));
    let outcome = update(&repository)
        .input("transport", "git")
        .run()
        .succeeded();
    check("asked", &repository, &outcome);
    assert_eq!(
        (server.count(Step::PushRefs), server.count(Step::Push)),
        (1, 2)
    );
}

#[test]
fn the_words_of_a_server_that_takes_no_push_are_passed_on() {
    const WHY: &str = "the repository is read-only today";
    let refusal = |kind: &str| {
        let content_type = format!("application/x-git-receive-pack-{kind}");
        let packet = format!("{:04x}ERR {WHY}", WHY.len() + 8);
        let header = ("Content-Type".to_owned(), content_type);
        Fault::Status(200, vec![header], packet)
    };
    for asked in [false, true] {
        let server = GitServer::start();
        let repository = serve(&server);
        server.fault(Step::Push.every(), refusal("result"));
        if asked {
            server.fault(Step::PushRefs.every(), refusal("advertisement"));
        }
        let outcome = update(&repository).input("transport", "git").run().failed();
        let error = &outcome.errors()[0];
        assert!(error.contains(WHY), "{error}");
        assert_eq!(landed(&repository), 0);
        let pushes = server.count(Step::Push);
        assert_eq!(pushes, if asked { 1 } else { 2 });
    }
}

#[test]
fn a_redirect_within_the_host_is_followed() {
    let server = GitServer::start();
    let moved = server.repository_with("acme/moved", FILE, MANIFEST);
    let old = serve(&server);
    server.fault(
        When::always().to("acme/deploy"),
        Fault::Redirect(moved.url().to_owned()),
    );
    let outcome = update(&old).input("transport", "git").run().succeeded();
    assert_eq!(outcome.outputs["commit-sha"], moved.tip("main"));
    assert_eq!(landed(&moved), 1);
    assert_eq!(landed(&old), 0);
}

#[test]
fn others_who_are_faster_each_time_are_what_is_told() {
    const PUSHES: usize = 200;
    let server = GitServer::start();
    let repository = serve(&server);
    for number in 1..=PUSHES {
        let other = repository.clone();
        server.before(VIA.push().nth(number), move || {
            other.commit("main", "README.md", format!("{number}\n"), "docs: more");
        });
    }
    // A push may take a quarter of it.
    let outcome = update(&repository).input("timeout", "40").run().failed();
    let tries = server.count(VIA.push());
    assert!((2..PUSHES).contains(&tries), "{tries}");
    assert_eq!(landed(&repository), 0);
    let annotations = outcome.annotations();
    let error = annotations.iter().find(|one| one.level == "error").unwrap();
    assert_eq!(error.properties["title"], "Others kept pushing first");
    assert!(
        error.message.contains(&format!(
            "was changed by others each time before the push arrived: none of {tries} tries landed"
        )),
        "{}",
        error.message
    );
    assert!(error.message.contains("Git is as the others left it."));
}

#[test]
fn a_repository_that_is_emptied_meanwhile_stays_empty() {
    let server = GitServer::start();
    let repository = serve(&server);
    let other = repository.clone();
    server.before(VIA.push().nth(1), move || other.delete_branch("main"));
    let outcome = update(&repository).run().failed();
    assert_eq!(repository.try_tip("main"), None);
    assert!(
        outcome.errors()[0].contains("has no commits yet"),
        "{}",
        outcome.log()
    );
}

#[test]
fn a_default_branch_that_moves_meanwhile_is_followed_on_the_next_try() {
    let server = GitServer::start();
    let repository = serve(&server);
    let other = repository.clone();
    server.before(VIA.push().nth(1), move || {
        other.set_branch("trunk", "main");
        other.delete_branch("main");
        other.set_default_branch("trunk");
    });
    let outcome = update(&repository).run().succeeded();
    assert_eq!(outcome.outputs["branch"], "trunk");
    assert_eq!(repository.try_tip("main"), None);
}

#[test]
fn a_private_authority_is_trusted_when_it_is_given() {
    let server = GitServer::start_with(Options {
        tls: true,
        ..Options::default()
    });
    let repository = serve(&server);
    let outcome = update(&repository).run().failed();
    let error = &outcome.errors()[0];
    assert!(
        error.contains("certificate") && error.contains("`ca-certificate`"),
        "{error}"
    );
    assert_eq!(server.requests().len(), 0);

    let outcome = update(&repository)
        .input("ca-certificate", server.ca_pem())
        .run()
        .succeeded();
    check("TLS", &repository, &outcome);
    assert_eq!(
        server.traffic().connections,
        2,
        "one for the refusal, one for the update"
    );
}

#[test]
fn a_machine_without_authorities_is_told_as_one_where_they_are_needed() {
    let on_it = |repository: &Repository| {
        update(repository)
            .env("SSL_CERT_FILE", "/nonexistent")
            .env("SSL_CERT_DIR", "/nonexistent")
    };
    let server = GitServer::start();
    on_it(&serve(&server)).run().succeeded();
    let server = GitServer::start_with(Options {
        tls: true,
        ..Options::default()
    });
    let repository = serve(&server);
    let outcome = on_it(&repository).run().failed();
    let error = &outcome.errors()[0];
    assert!(
        error.contains("is not trusted: no certificate authority is known on this machine")
            && error.contains("install `ca-certificates`"),
        "{error}"
    );
    assert_eq!(server.requests().len(), 0);
    on_it(&repository)
        .input("ca-certificate", server.ca_pem())
        .run()
        .succeeded();
}

#[test]
fn a_servers_own_certificate_is_trusted_when_it_is_given() {
    let start = || {
        let server = GitServer::start_with(Options {
            tls: true,
            self_signed: true,
            ..Options::default()
        });
        let repository = serve(&server);
        (server, repository)
    };
    let (server, repository) = start();
    let (other, _) = start();
    let given = |pem: &str| update(&repository).input("ca-certificate", pem).run();
    // Another one for the same name.
    let error = &given(other.ca_pem()).failed().errors()[0];
    assert!(error.contains("certificate"), "{error}");
    assert_eq!(server.requests().len(), 0);
    let outcome = given(server.ca_pem()).succeeded();
    check("its own certificate", &repository, &outcome);
}

#[test]
fn a_proxy_is_used_and_passed_by_as_the_environment_says() {
    let server = GitServer::start_with(Options {
        tls: true,
        ..Options::default()
    });
    let repository = serve(&server);
    let (proxy, asked) = tunnel(None);
    let outcome = update(&repository)
        .input("ca-certificate", server.ca_pem())
        .env("HTTPS_PROXY", format!("http://user:secret@{proxy}"))
        .run()
        .succeeded();
    check("HTTPS_PROXY", &repository, &outcome);
    let request = asked.recv().unwrap();
    assert!(request[0].starts_with("CONNECT "), "{request:?}");
    // user:secret
    let credentials = "Basic dXNlcjpzZWNyZXQ=";
    assert!(
        request.iter().any(
            |line| line.to_lowercase().starts_with("proxy-authorization:")
                && line.ends_with(credentials)
        ),
        "{request:?}"
    );

    update(&repository)
        .input("image", "acme/web:v3")
        .input("ca-certificate", server.ca_pem())
        .env("HTTPS_PROXY", "http://127.0.0.1:1")
        .env("NO_PROXY", "localhost,127.0.0.1")
        .run()
        .succeeded();
}

#[test]
fn a_cancelled_run_stops_before_the_push_and_says_how_git_is() {
    for step in VIA.exchange().iter().map(|(step, _)| *step) {
        if step == VIA.push() {
            continue;
        }
        let server = GitServer::start();
        let repository = serve(&server);
        server.fault(step.nth(1), Fault::Stall);
        let (arrived, wait) = mpsc::channel();
        server.before(step.nth(1), move || arrived.send(()).unwrap());
        let running = update(&repository).spawn();
        wait.recv().unwrap();
        running.terminate();
        let outcome = running.wait().failed();
        assert_eq!(landed(&repository), 0);
        let error = &outcome.errors()[0];
        assert!(
            error.contains("cancelled before anything was pushed"),
            "{error}"
        );
    }
}

#[test]
fn a_cancelled_run_ends_a_push_that_is_on_its_way() {
    let server = GitServer::start();
    let repository = serve(&server);
    let (arrived, wait) = mpsc::channel();
    let (go, gone) = mpsc::channel();
    server.before(VIA.push().nth(1), move || {
        arrived.send(()).unwrap();
        gone.recv().unwrap();
    });
    let running = update(&repository).spawn();
    wait.recv().unwrap();
    running.terminate();
    go.send(()).unwrap();
    let outcome = running.wait().succeeded();
    check("cancelled in the push", &repository, &outcome);
}
