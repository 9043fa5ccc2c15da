//! The action's binary, for programs that cargo does not build it for.

use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Builds the binary, in the profile of the program that asks, where it is not up to date: cargo
/// builds binaries along with tests, but not along with examples.
pub fn binary() -> PathBuf {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into());
    let mut command = Command::new(cargo);
    command
        .args(["build", "--locked", "--bin", "gitops-deploy"])
        // The example that asks is named as well, so that cargo picks the same features of the
        // dependencies as for it, and has nothing to build twice.
        .args(["--example", env!("CARGO_CRATE_NAME")])
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
