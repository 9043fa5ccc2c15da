//! The action's one binary: everything comes from the environment, nothing from arguments.

use std::process::ExitCode;

use gitops_deploy::action::{self, environment::Environment};

fn main() -> ExitCode {
    let environment = Environment::new(std::env::vars_os());
    let out = Box::new(std::io::stdout());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) if runtime.block_on(action::run(&environment, out)) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
