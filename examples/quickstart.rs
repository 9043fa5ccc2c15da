//! The action at work, on this machine: `cargo run --example quickstart`.
//!
//! Starts a Git server on loopback with a repository of manifests in it, runs the action against it
//! as a step of a workflow would, and shows what came of it. With `-- --image NAME` it runs that
//! container image instead of the binary.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::env;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use support::{Action, GitServer, Outcome, Repository, TOKEN};

const FILE: &str = "blog-system/web-rollout.yaml";
const MANIFEST: &str = include_str!("quickstart/web-rollout.yaml");
const STEP: &str = "\
- uses: OWNER/gitops-deploy@v1
  with:
    repository: wlals2/k8s-manifests
    file: blog-system/web-rollout.yaml
    image: ghcr.io/wlals2/blog-web:v14
    token: ${{ secrets.GITOPS_TOKEN }}
";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let action = match arguments[..] {
        [] => Action::of_binary(build()),
        ["--image", image] => Action::of_image(image),
        _ => {
            println!("usage: quickstart [--image NAME]");
            return ExitCode::FAILURE;
        }
    };

    let server = GitServer::start();
    let repository = server.repository_with("wlals2/k8s-manifests", FILE, MANIFEST);
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
        .input("repository", "wlals2/k8s-manifests")
        .input("file", FILE)
        .input("image", "ghcr.io/wlals2/blog-web:v14")
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
    match verdict(&outcome, &repository) {
        Ok(commit) => {
            println!("One line removed, one line added, in commit {commit}.");
            ExitCode::SUCCESS
        }
        Err(reason) => {
            println!("This went wrong: {reason}.");
            ExitCode::FAILURE
        }
    }
}

/// The commit that landed, when it is the one that the action reports and changes what it should.
fn verdict(outcome: &Outcome, repository: &Repository) -> Result<String, String> {
    if !outcome.status.success() {
        return Err(format!("the action ended with {}", outcome.status));
    }
    let tip = repository.tip("main");
    if outcome.outputs.get("commit-sha") != Some(&tip) {
        return Err(format!("commit-sha is not the tip of the branch, {tip}"));
    }
    let line = |sign, tag| {
        let old = MANIFEST.lines().find(|line| line.contains("blog-web:v13"));
        format!("{sign}{}", old.unwrap().replace("v13", tag))
    };
    let changed = repository.changed_lines("main");
    if changed != [line('-', "v13"), line('+', "v14")] {
        return Err(format!("the commit changes {changed:#?}"));
    }
    Ok(tip)
}

/// The action's binary, built now if it is not up to date: cargo builds binaries along with tests,
/// but not along with examples.
fn build() -> PathBuf {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into());
    let mut command = Command::new(cargo);
    command
        .args(["build", "--locked", "--bin", "gitops-deploy"])
        // Named as well so that cargo picks the same features of the dependencies as for this
        // program, and has nothing to build twice.
        .args(["--example", "quickstart"])
        .args(["--quiet", "--message-format=json-render-diagnostics"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit());
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    // What cargo tells this program of its package. Some build scripts (ring's) run again when it
    // differs, and with it all that depends on them is built again.
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&*name);
        }
    }
    let output = command.output().expect("cargo starts");
    assert!(output.status.success(), "the action does not build");
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["kind"][0] == "bin")
        .find_map(|message| Some(message["executable"].as_str()?.into()))
        .expect("cargo names the binary it built")
}

fn heading(text: &str) {
    println!("\n━━ {text} {}\n", "━".repeat(76 - text.len()));
}
