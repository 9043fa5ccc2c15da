//! `signing-key`: commits over git that `git verify-commit` takes for signed.

use std::process::Command;

use tempfile::TempDir;

use crate::support::{Action, GitServer, Repository, Step, TOKEN, Via};

const FILE: &str = "web.yaml";

/// A key as `ssh-keygen` makes it, and the file that says whose it is.
pub fn key(options: &[&str]) -> (TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key");
    let made = Command::new("ssh-keygen")
        .args(["-q", "-C", "deploy", "-f"])
        .arg(&path)
        .args(options)
        .status()
        .unwrap();
    assert!(made.success());
    let public = std::fs::read_to_string(path.with_extension("pub")).unwrap();
    std::fs::write(
        directory.path().join("allowed"),
        format!("* namespaces=\"git\" {public}"),
    )
    .unwrap();
    let key = std::fs::read_to_string(&path).unwrap();
    (directory, key)
}

fn start() -> (GitServer, Repository) {
    let server = GitServer::start();
    let repository = server.repository_with("acme/deploy", FILE, "image: ghcr.io/acme/web:v1\n");
    (server, repository)
}

fn update(repository: &Repository, key: &str) -> Action {
    Action::new()
        .over(Via::Api, repository)
        .input("transport", "git")
        .input("file", FILE)
        .input("image", "ghcr.io/acme/web:v2")
        .input("token", TOKEN)
        .input("signing-key", key)
}

fn is_verified(repository: &Repository, directory: &TempDir) -> bool {
    let verified = Command::new("git")
        .args(["-c", "gpg.format=ssh", "-c"])
        .arg(format!(
            "gpg.ssh.allowedSignersFile={}",
            directory.path().join("allowed").display()
        ))
        .args(["verify-commit", "main"])
        .env("GIT_DIR", repository.path())
        .output()
        .unwrap();
    verified.status.success()
}

#[test]
fn git_verifies_what_was_signed() {
    for options in [
        &["-t", "ed25519", "-N", ""][..],
        &["-t", "rsa", "-b", "2048", "-N", ""],
    ] {
        let (directory, key) = key(options);
        let (server, repository) = start();
        // Made anew on a new tip.
        let other = repository.clone();
        server.before(Step::Push.nth(1), move || {
            other.commit("main", "README.md", "hi\n", "docs: hi");
        });
        let outcome = update(&repository, &key).run().succeeded();
        assert_eq!(outcome.output("commit-sha"), repository.tip("main"));
        assert!(is_verified(&repository, &directory), "{options:?}");
        repository.fsck();
        let secret = key.lines().nth(2).unwrap();
        assert!(outcome.masks().iter().any(|mask| mask == secret));
        assert!(!outcome.shown_log().contains(secret));
    }
}

#[test]
fn a_key_that_can_sign_nothing_is_an_error_of_the_inputs() {
    let (_server, repository) = start();
    let (_directory, good) = key(&["-t", "ed25519", "-N", ""]);
    let (_directory, locked) = key(&["-t", "ed25519", "-N", "secret"]);
    let (_directory, other) = key(&["-t", "ecdsa", "-N", ""]);
    let told = |action: Action| {
        let outcome = action.run().failed();
        let mut errors = outcome.annotations().into_iter();
        errors.find(|one| one.level == "error").unwrap().message
    };
    let told = [
        told(update(&repository, &locked)),
        told(update(&repository, &other)),
        told(update(&repository, "s3cret")),
        told(update(&repository, &good).input("transport", "api")),
        told(update(&repository, &good).input("pull-request", "true")),
    ];
    insta::assert_snapshot!(told.join("\n"), @"
    `signing-key`: it has a passphrase, and nobody is there to type it: remove it with `ssh-keygen -p`
    Nothing was changed.
    `signing-key`: a key of the kind `ecdsa-sha2-nistp256`: expected ed25519 or RSA
    Nothing was changed.
    `signing-key`: no private key in it: expected what `ssh-keygen -t ed25519` makes, from `-----BEGIN OPENSSH PRIVATE KEY-----` to `-----END OPENSSH PRIVATE KEY-----`, line ends included
    Nothing was changed.
    `signing-key`: signs commits that are made over git, and here GitHub's API makes them (GitHub signs them for an app and for GITHUB_TOKEN): set `transport: git`, without `pull-request`, or leave it out
    Nothing was changed.
    `signing-key`: signs commits that are made over git, and here GitHub's API makes them (GitHub signs them for an app and for GITHUB_TOKEN): set `transport: git`, without `pull-request`, or leave it out
    Nothing was changed.
    ");
}
