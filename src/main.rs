//! The action's one binary: everything comes from the environment; arguments only ask what it is.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use gitops_deploy::action::{self, environment::Environment};

/// Of each thread, in bytes.
const STACK: usize = 8 << 20;

fn main() -> anyhow::Result<ExitCode> {
    if let Some(argument) = std::env::args().nth(1) {
        // Nobody may be there to read it, as behind `| head -1`.
        return Ok(match action::answer(&argument) {
            Ok(text) => {
                let _ = std::io::stdout().write_all(text.as_bytes());
                ExitCode::SUCCESS
            }
            Err(text) => {
                let _ = std::io::stderr().write_all(text.as_bytes());
                ExitCode::FAILURE
            }
        });
    }
    let environment = Environment::new(std::env::vars_os());
    let out = Box::new(std::io::stdout());
    if let Err(error) = descriptors() {
        action::cannot_start(&environment, out, &error);
        return Ok(ExitCode::FAILURE);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        // What files hold is worked on there: as much as the main thread has.
        .thread_stack_size(STACK)
        .enable_all()
        .build()
        .context("the action can't be started")?;
    let succeeded = runtime.block_on(action::run(&environment, out));
    // What was left behind when its time was over may go on for long.
    runtime.shutdown_background();
    Ok(ExitCode::from(u8::from(!succeeded)))
}

/// Whether as many files can be opened as a run has open at once. Without this, what runs out first
/// panics, or looks like something else.
fn descriptors() -> std::io::Result<()> {
    const AT_ONCE: usize = 24;
    let open = |_| std::fs::File::open("/dev/null");
    (0..AT_ONCE).map(open).collect::<Result<Vec<_>, _>>()?;
    Ok(())
}
