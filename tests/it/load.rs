//! Many repositories deploy into one: all of them land, and nothing of anyone is lost.

use std::time::Duration;

use super::VIA;
use crate::support::{Action, GitServer, Repository, TOKEN};

const FILE: &str = "apps.yaml";

fn deploy(repository: &Repository, image: String) -> Action {
    Action::new()
        .over(VIA, repository)
        .input("file", FILE)
        .input("image", image)
        .input("token", TOKEN)
        .input("timeout", "150")
}

/// Runs a deployment for each of `images` at the same time, and checks that each landed with exactly
/// its own change.
fn race(server: &GitServer, manifest: &str, images: &[String], expected: &str) {
    let repository = server.repository_with("acme/deploy", FILE, manifest);
    let running: Vec<_> = images
        .iter()
        .map(|image| deploy(&repository, image.clone()).spawn())
        .collect();
    let outcomes: Vec<_> = running
        .into_iter()
        .map(|running| running.wait().succeeded())
        .collect();

    repository.fsck();
    assert_eq!(
        String::from_utf8(repository.show("main", FILE)).unwrap(),
        expected
    );
    let log = repository.log("main");
    assert_eq!(
        log.len(),
        images.len() + 1,
        "a commit for each, and the first one"
    );
    for (image, outcome) in images.iter().zip(outcomes) {
        let commit = &outcome.outputs["commit-sha"];
        assert!(
            log.iter().any(|logged| logged.id == *commit),
            "{image}: {commit} is not on main"
        );
        let lines = repository.changed_lines(commit);
        let [removed, added] = &lines[..] else {
            panic!("{image} changed {lines:?}")
        };
        let old = image.replace(":v2", ":v1");
        assert_eq!(removed[1..].replace(&old, image), added[1..], "{image}");
    }
}

fn service(n: usize) -> String {
    format!("acme/service-{n:02}:v2")
}

/// `writers` images on adjacent lines.
fn adjacent(writers: usize) -> (String, Vec<String>, String) {
    let images: Vec<String> = (0..writers).map(service).collect();
    let lines = images.iter().map(|image| format!("- image: {image}\n"));
    let expected = format!("containers:\n{}", lines.collect::<String>());
    (expected.replace(":v2", ":v1"), images, expected)
}

#[test]
fn thirty_two_writers_of_adjacent_lines_all_land() {
    let (manifest, images, expected) = adjacent(32);
    race(&GitServer::start(), &manifest, &images, &expected);
}

#[test]
fn thirty_two_writers_two_to_a_line_all_land() {
    let images: Vec<String> = (0..32).map(service).collect();
    let line = |pair: &[String]| {
        format!(
            "- containers: [{{image: {}}}, {{image: '{}'}}]\n",
            pair[0], pair[1]
        )
    };
    let expected: String = images.chunks(2).map(line).collect();
    race(
        &GitServer::start(),
        &expected.replace(":v2", ":v1"),
        &images,
        &expected,
    );
}

#[test]
fn writers_to_a_slow_server_all_land() {
    let (manifest, images, expected) = adjacent(8);
    let server = GitServer::start();
    server.set_latency(Duration::from_millis(150));
    race(&server, &manifest, &images, &expected);
}

/// The jobs of a matrix: one image to several files, by commits that say the same.
#[test]
fn writers_of_one_message_all_land() {
    const WRITERS: usize = 16;
    let manifest = |tag: &str| format!("containers:\n- image: acme/web:{tag}\n");
    let server = GitServer::start();
    let repository = server.repository_with("acme/deploy", FILE, &manifest("v1"));
    let files: Vec<String> = (0..WRITERS).map(|n| format!("{n}.yaml")).collect();
    for file in &files {
        repository.commit("main", file, manifest("v1").as_str(), "another");
    }
    let running = files.iter().map(|file| {
        let action = deploy(&repository, "acme/web:v2".to_owned());
        action.input("file", file).spawn()
    });
    let running: Vec<_> = running.collect();
    let mut commits: Vec<String> = Vec::new();
    for running in running {
        commits.push(running.wait().succeeded().output("commit-sha").to_owned());
    }
    for file in &files {
        assert_eq!(
            repository.show("main", file),
            manifest("v2").into_bytes(),
            "{file}"
        );
    }
    commits.sort_unstable();
    commits.dedup();
    assert_eq!(commits.len(), WRITERS);
}

/// Twenty builds of one image finish at the same time, started in random order, and none may undo a
/// newer one.
fn out_of_order(server: &GitServer, name: &str, tag: impl Fn(u64) -> String) {
    const BUILDS: u64 = 20;
    let manifest = |tag: &str| format!("containers:\n- image: acme/web:{tag}\n");
    let repository = server.repository_with(name, FILE, &manifest(&tag(0)));
    let mut builds: Vec<u64> = (1..=BUILDS).collect();
    for last in (1..builds.len()).rev() {
        let other = getrandom::u32().unwrap() as usize % (last + 1);
        builds.swap(last, other);
    }
    let running: Vec<_> = builds
        .iter()
        .map(|build| {
            deploy(&repository, format!("acme/web:{}", tag(*build)))
                .input("downgrade", "skip")
                .env("GITHUB_RUN_ID", (1000 + build).to_string())
                .env(
                    "GITHUB_WORKFLOW_REF",
                    "wlals2/blogsite/.github/workflows/deploy.yml@refs/heads/main",
                )
                .spawn()
        })
        .collect();
    let mut landed = 0;
    for (build, running) in builds.iter().zip(running) {
        let outcome = running.wait().succeeded();
        let changed = outcome.output("changed") == "true";
        let reason = outcome.output("skipped-reason");
        assert_eq!(changed, reason.is_empty(), "build {build}: {reason}");
        landed += usize::from(changed);
    }
    repository.fsck();
    let now = String::from_utf8(repository.show("main", FILE)).unwrap();
    assert_eq!(now, manifest(&tag(BUILDS)), "of {builds:?}");
    assert_eq!(repository.log("main").len(), landed + 1);
    // Every commit went forward.
    let mut deployed = Vec::new();
    for commit in repository.log("main").iter().rev().skip(1) {
        let line = repository.changed_lines(&commit.id).pop().unwrap();
        let is_line = |build: &u64| line.ends_with(&format!(":{}", tag(*build)));
        deployed.push((1..=BUILDS).find(is_line).unwrap());
    }
    assert!(deployed.is_sorted(), "{deployed:?}");
}

#[test]
fn builds_that_finish_in_random_order_end_on_the_newest() {
    let server = GitServer::start();
    for round in 0..3 {
        out_of_order(&server, &format!("acme/deploy-{round}"), |build| {
            format!("v{build}")
        });
    }
}

#[test]
fn builds_whose_tags_have_no_order_end_on_the_newest_run() {
    let server = GitServer::start();
    out_of_order(&server, "acme/deploy", |build| {
        // As even as hashes are: no order in them.
        format!("{:016x}", (build + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    });
}
