//! The action at work, on this machine: `cargo run --example quickstart`.
//!
//! Starts a Git server on loopback with a repository of manifests in it, runs the action against it
//! as a step of a workflow would, and shows what came of it. With `-- --image NAME` it runs that
//! container image instead of the binary.

#![allow(clippy::print_stdout)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::env;

use anyhow::{Context as _, bail, ensure};
use support::{Action, GitServer, Outcome, Repository, TOKEN};

const FILE: &str = "blog-system/web-rollout.yaml";
const MANIFEST: &str = include_str!("quickstart/web-rollout.yaml");
const STEP: &str = "\
- uses: OWNER/gitops-deploy@v1
  with:
    repository: acme/k8s-manifests
    file: blog-system/web-rollout.yaml
    image: ghcr.io/acme/blog-web:v14
    token: ${{ secrets.GITOPS_TOKEN }}
";

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let action = match arguments[..] {
        [] => Action::of_binary(support::build::binary()),
        ["--image", image] => Action::of_image(image),
        _ => bail!("usage: quickstart [--image NAME]"),
    };

    let server = GitServer::start();
    let repository = server.repository_with("acme/k8s-manifests", FILE, MANIFEST);
    heading("The repository");
    println!(
        "{}, where nobody gets in without the token",
        repository.url()
    );
    for (number, line) in (1..).zip(MANIFEST.lines()) {
        if line.contains("image:") {
            println!("{FILE}:{number}:{line}");
        }
    }

    heading("The step");
    print!("{STEP}");
    let outcome = action
        .input("server-url", server.url())
        .input("repository", "acme/k8s-manifests")
        .input("file", FILE)
        .input("image", "ghcr.io/acme/blog-web:v14")
        .input("token", TOKEN)
        .run();

    heading("Its log");
    print!("{}", outcome.shown_log());
    heading("Its summary, on the run's page");
    print!("{}", outcome.summary);
    heading("Its outputs, for the next step");
    for (name, value) in &outcome.outputs {
        println!("{name}: {}", value.replace('\n', "\n    "));
    }
    heading("What landed: git log -p --max-count=1");
    print!(
        "{}",
        repository.git(&["log", "-p", "--max-count=1", "main"])
    );

    heading("The verdict");
    let commit = verdict(&outcome, &repository)?;
    println!("One line removed, one line added, in commit {commit}.");
    Ok(())
}

/// The commit that landed, when it is the one that the action reports and changes what it should.
fn verdict(outcome: &Outcome, repository: &Repository) -> anyhow::Result<String> {
    let status = outcome.status;
    ensure!(status.success(), "the action ended with {status}");
    let tip = repository.tip("main");
    ensure!(
        outcome.outputs.get("commit-sha") == Some(&tip),
        "commit-sha is not the tip of the branch, {tip}"
    );
    let mut lines = MANIFEST.lines();
    let old = lines.find(|line| line.contains("blog-web:v13"));
    let old = old.context("the manifest holds no v13")?;
    let line = |sign, tag| format!("{sign}{}", old.replace("v13", tag));
    let changed = repository.changed_lines("main");
    ensure!(
        changed == [line('-', "v13"), line('+', "v14")],
        "the commit changes {changed:#?}"
    );
    Ok(tip)
}

fn heading(text: &str) {
    println!("\n━━ {text} {}\n", "━".repeat(76 - text.len()));
}
