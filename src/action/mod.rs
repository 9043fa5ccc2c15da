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
use self::outputs::Outputs;
use crate::deadline::{self, Cancellation};
use crate::failure::{Failure, Reason};
use crate::http::Credentials;
use crate::operation::delivery::{self, Delivery};
use crate::operation::{Progress as _, history, verify};

/// Names the file that the job summary is appended to.
const SUMMARY: &str = "GITHUB_STEP_SUMMARY";
/// The table of `operation: history`, in the workspace.
const CSV: &str = "gitops-deployments.csv";

/// What this is, as the first line of the log has it.
const NAME: &str = concat!("gitops-deploy ", env!("CARGO_PKG_VERSION"));

/// What an argument asks for.
///
/// # Errors
/// What to do instead, for any argument that is not `--version` or `--help`.
pub fn answer(argument: &str) -> Result<String, String> {
    match argument {
        "--version" | "-V" => Ok(format!("{NAME}\n")),
        "--help" | "-h" => Ok(format!(
            "{NAME}\n{}\n\nIt takes no arguments: each input is an environment variable, \
             such as INPUT_IMAGE or INPUT_DRY_RUN.\n\n{}",
            env!("CARGO_PKG_DESCRIPTION"),
            inputs::help()
        )),
        _ => Err(format!(
            "error: {argument:?} is not understood: {NAME} takes no arguments. Each input is an environment \
             variable, such as INPUT_IMAGE; --help lists them.\n"
        )),
    }
}

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
    log.info(&match &read.request {
        Ok(request) => format!("{NAME}: {request}"),
        Err(_) => NAME.to_owned(),
    });
    for warning in &read.warnings {
        log.warning(warning);
    }
    let mut request = read
        .request
        .map_err(|problems| Failure::new(Reason::Input, problems.join("\n")))?;
    let cancellation = cancellation();
    let (remote, scope) = request.remote();
    let minted = remote.sign_on(scope, cancellation.clone()).await?;
    for secret in minted.iter().flat_map(Credentials::secrets) {
        log.mask(&secret);
    }
    let source = &context.source;
    let done = match request {
        Request::Update(update) => {
            Ending::of_delivery(&delivery::update(&update, source, cancellation, log).await?)
        }
        Request::Rollback(rollback) => {
            Ending::of_delivery(&delivery::rollback(&rollback, source, cancellation, log).await?)
        }
        Request::History(history) => {
            let report = history::run(&history, source, cancellation, log).await?;
            let table = outputs::csv(&report);
            table
                .and_then(|table| environment.write_to_workspace(CSV, &table))
                .map_err(|error| Failure::new(Reason::Runner, error.to_string()))?;
            Ending {
                outputs: outputs::of_history(&report, CSV),
                summary: summary::of_history(&report),
                sentence: report.sentence(),
                failure: None,
            }
        }
        Request::Verify(verify) => {
            let report = verify::run(&verify, source, cancellation, log).await?;
            Ending {
                outputs: outputs::of_verification(&report),
                summary: summary::of_verification(&report),
                sentence: report.sentence(),
                failure: report.failure,
            }
        }
    };
    let written = outputs::write(environment, log, &done.outputs)
        .and_then(|()| environment.append(SUMMARY, &done.summary));
    match (written, done.failure) {
        (written, Some(failure)) => {
            if let Err(error) = written {
                log.warning(&error.to_string());
            }
            Err(failure)
        }
        (Ok(_), None) => Ok(()),
        // What was pushed stays pushed: the person must know it did land.
        (Err(error), None) => Err(Failure::new(
            Reason::Runner,
            format!("{} {error}", done.sentence),
        )),
    }
}

/// An operation that came to an end, good or bad: later steps and people are told of it in both cases.
struct Ending {
    outputs: Outputs,
    summary: String,
    sentence: String,
    failure: Option<Failure>,
}

impl Ending {
    fn of_delivery(delivery: &Delivery) -> Self {
        Self {
            outputs: outputs::of_delivery(delivery),
            summary: summary::of_delivery(delivery),
            sentence: delivery.sentence(),
            failure: delivery.failure(),
        }
    }
}
