//! GitHub's runner: inputs come from the environment, a log, outputs and a summary go back to it.
//!
//! The only room that reads the environment and writes where the runner reads.

pub mod context;
pub mod environment;
pub mod inputs;
pub mod log;
pub mod outputs;
pub mod summary;

use std::io::Write;

use tokio::signal::unix::{SignalKind, signal};

use self::context::Context;
use self::environment::Environment;
use self::inputs::Request;
use self::log::Log;
use crate::failure::{Failure, Reason};
use crate::operation::{Progress as _, update};
use crate::repository::deadline::{self, Cancellation};

/// Names the file that the job summary is appended to.
const SUMMARY: &str = "GITHUB_STEP_SUMMARY";

/// Runs the operation that the environment asks for, and writes log, outputs and summary.
///
/// Returns whether it succeeded.
pub async fn run(environment: &Environment, out: Box<dyn Write + Send>) -> bool {
    let mut log = Log::new(out, environment.get("GITHUB_ACTIONS") == Some("true"));
    // First of all: nothing that is printed later can show a secret.
    for secret in inputs::secrets(environment) {
        log.mask(&secret);
    }
    let result = perform(environment, &mut log).await;
    if let Err(failure) = &result {
        log.failure(failure);
        let text = summary::of_failure(failure);
        // The annotation says it already; a summary that can't be written must not hide it.
        if let Err(error) = environment.append(SUMMARY, &text) {
            log.warning(&error.to_string());
        }
    }
    result.is_ok()
}

/// Cancelled when the runner asks to stop. In a container this is process 1, which a signal does not
/// end by itself.
fn cancellation() -> Cancellation {
    let (canceller, cancellation) = deadline::cancellation();
    let signals = [SignalKind::interrupt(), SignalKind::terminate()].map(signal);
    if let [Ok(mut interrupt), Ok(mut terminate)] = signals {
        tokio::spawn(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            canceller.cancel();
        });
    }
    cancellation
}

async fn perform(environment: &Environment, log: &mut Log) -> Result<(), Failure> {
    let context = Context::new(environment);
    let read = inputs::read(environment);
    for warning in &read.warnings {
        log.warning(warning);
    }
    let request = read
        .request
        .map_err(|problems| Failure::new(Reason::Input, problems.join("\n")))?;
    match request {
        Request::Update(request) => {
            let report = update::run(&request, &context.source, cancellation(), log).await?;
            let runner = |error: std::io::Error| {
                // What was pushed stays pushed: the person must know it did land.
                Failure::new(Reason::Runner, format!("{} {error}", report.sentence()))
            };
            outputs::write(environment, log, &outputs::of_landing(&report)).map_err(runner)?;
            environment
                .append(SUMMARY, &summary::of_landing(&report))
                .map_err(runner)?;
        }
    }
    Ok(())
}
