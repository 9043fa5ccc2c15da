//! The action's one binary: everything comes from the environment, nothing from arguments.

use std::process::ExitCode;

use anyhow::Context as _;
use gitops_deploy::action::{self, environment::Environment};

fn main() -> anyhow::Result<ExitCode> {
    let environment = Environment::new(std::env::vars_os());
    let out = Box::new(std::io::stdout());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("the action can't be started")?;
    let succeeded = runtime.block_on(action::run(&environment, out));
    Ok(ExitCode::from(u8::from(!succeeded)))
}
