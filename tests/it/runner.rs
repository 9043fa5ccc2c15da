//! A runner that lacks something, room on its disk or files that it may open: that is told as the runner's,
//! Git is as it was or has the commit, and what the message says of it is true.

use crate::support::{Action, GitServer, Outcome, Repository, TOKEN, Via};

const FILE: &str = "web.yaml";
const MANIFEST: &str = "image: acme/web:v1\n";

fn step(operation: &str, repository: &Repository, via: Via) -> Action {
    let action = Action::new()
        .over(via, repository)
        .input("operation", operation)
        .input("file", FILE)
        .input("token", TOKEN)
        .input("timeout", "60");
    match operation {
        "update" => action.input("image", "acme/web:v3"),
        _ => action,
    }
}

/// One error, which says that it is the runner.
fn is_told_as_the_runners(outcome: &Outcome) -> String {
    let errors = outcome.annotations().into_iter();
    let mut errors = errors.filter(|one| one.level == "error");
    let error = errors.next().unwrap_or_else(|| panic!("{}", outcome.log()));
    assert!(errors.next().is_none(), "{}", outcome.log());
    let title = error.properties["title"].clone();
    assert!(title.contains("runner"), "{}", outcome.log());
    assert!(!outcome.log().contains("panicked"), "{}", outcome.log());
    format!("{title}: {}", error.message)
}

fn deployed(server: &GitServer) -> Repository {
    let repository = server.repository_with("acme/deploy", FILE, MANIFEST);
    let update = step("update", &repository, Via::Git).input("image", "acme/web:v2");
    update.run().succeeded();
    repository
}

#[test]
fn too_few_files_that_may_be_open() {
    for via in [Via::Git, Via::Api] {
        for operation in ["update", "rollback"] {
            let mut was_enough = false;
            for files in [5, 16, 24, 27, 40] {
                let server = GitServer::start();
                let repository = deployed(&server);
                let before = repository.log("main").len();
                let limited = ["/usr/bin/prlimit".to_owned(), format!("--nofile={files}")];
                let outcome = step(operation, &repository, via)
                    .under(limited.map(Into::into))
                    .run();
                let landed = repository.log("main").len() - before;
                match outcome.code() {
                    Some(0) => {
                        was_enough = true;
                        assert_eq!(landed, 1, "{files}");
                    }
                    Some(1) => {
                        let told = is_told_as_the_runners(&outcome);
                        assert_eq!((landed, was_enough), (0, false), "{files}: {told}");
                        assert!(told.contains("Too many open files"), "{told}");
                    }
                    // The program itself could not be loaded.
                    other => assert!(files < 9, "{files}: {other:?}\n{}", outcome.log()),
                }
            }
            assert!(was_enough, "{operation}");
        }
    }
}

#[test]
fn a_disk_that_takes_nothing_more() {
    let server = GitServer::start();
    let repository = deployed(&server);
    // What is kept in memory of packs, and more: nothing that can be compressed.
    let mut noise = 0_u64;
    let mut next = || {
        noise = noise
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        format!("# {:016x}\n", noise ^ noise >> 29)
    };
    let large: String = (0..1_700_000).map(|_| next()).collect();
    for part in 0..3 {
        let name = format!("large-{part}.yaml");
        let length = large.len() / 3 / 19 * 19;
        let content = &large[part * length..(part + 1) * length];
        repository.commit("main", &name, content, "docs: more");
    }
    let before = repository.log("main").len();
    // As on a full disk, a file takes no more than so many bytes; the signal for it is one that Rust
    // programs die of, so it is ignored.
    let limited = [
        "/usr/bin/env",
        "--ignore-signal=XFSZ",
        "/usr/bin/prlimit",
        "--fsize=65536",
    ];
    let outcome = step("history", &repository, Via::Git)
        .input("file", "*.yaml")
        .under(limited.map(Into::into))
        .run()
        .failed();
    let told = is_told_as_the_runners(&outcome);
    assert!(told.contains("File too large"), "{told}");
    assert_eq!(repository.log("main").len(), before);
}

#[test]
fn outputs_that_can_not_be_written() {
    for name in ["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"] {
        let server = GitServer::start();
        let repository = deployed(&server);
        let outcome = step("update", &repository, Via::Git)
            .env(name, "/dev/full")
            .run();
        let landed = String::from_utf8(repository.show("main", FILE)).unwrap();
        assert_eq!(landed, "image: acme/web:v3\n", "{name}");
        let log = outcome.shown_log();
        assert!(log.contains("No space left on device"), "{name}: {log}");
        assert!(!log.contains("Nothing was changed"), "{name}: {log}");
    }
}
