//! GitHub's runner: inputs come from the environment, a log, outputs and a summary go back to it.
//!
//! The only room that reads the environment and writes where the runner reads.

pub mod context;
pub mod environment;
pub mod inputs;
pub mod log;
pub mod outputs;
pub mod summary;

use std::io::{self, Write};

use tokio::signal::unix::{SignalKind, signal};

use self::context::Context;
use self::environment::Environment;
use self::inputs::Request;
use self::log::Log;
use self::outputs::Outputs;
use self::summary::Summary;
use crate::deadline::{self, Cancellation};
use crate::failure::{Failure, Reason};
use crate::http::Credentials;
use crate::operation::delivery::{self, Delivery};
use crate::operation::{Progress as _, history, status, verify};
use crate::secrets;

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
        secrets::hide(&secret);
        log.mask(&secret);
    }
    let failure = match perform(environment, &mut log).await {
        Ok(ending) => ending.tell(environment, &mut log),
        Err(failure) => Some(summarized(failure, environment, &mut log)),
    };
    if let Some(failure) = &failure {
        log.failure(failure);
    }
    failure.is_none()
}

/// A failure of which the summary tells, too.
fn summarized(failure: Failure, environment: &Environment, log: &mut Log) -> Failure {
    let text = summary::of_failure(&failure).text(log.warned());
    // The annotation says it already; a summary that can't be written must not hide it.
    if let Err(error) = environment.append(SUMMARY, &text) {
        log.warning(&error.to_string());
    }
    failure
}

/// Says that the machine has not what a run needs.
pub fn cannot_start(environment: &Environment, out: Box<dyn Write + Send>, error: &io::Error) {
    let mut log = Log::new(out, environment.get("GITHUB_ACTIONS") == Some("true"));
    let message = format!("The action can't be started: {error}. Nothing was changed.");
    let hint = "The runner lacks it: raise its limits (`ulimit -n`), or use another runner.";
    log.failure(&Failure::new(Reason::Runner, message).with_hint(hint));
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

async fn perform(environment: &Environment, log: &mut Log) -> Result<Ending, Failure> {
    let context = Context::new(environment);
    let read = inputs::read(environment);
    log.show_diff = read.show_diff;
    log.info(&match &read.request {
        Ok(request) => format!("{NAME}: {request}"),
        Err(_) => NAME.to_owned(),
    });
    for warning in &read.warnings {
        log.warning(warning);
    }
    let mut request = read.request.map_err(|problems| {
        Failure::new(
            Reason::Input,
            format!("{}\nNothing was changed.", problems.join("\n")),
        )
    })?;
    let cancellation = cancellation();
    let (remote, scope) = request.remote();
    remote.scope = scope;
    let minted = remote.sign_on(cancellation.clone()).await?;
    for secret in minted.iter().flat_map(Credentials::secrets) {
        log.mask(&secret);
    }
    let source = &context.source;
    Ok(match request {
        Request::Update(update) => {
            let delivery = delivery::update(&update, source, cancellation, log).await?;
            Ending::of_delivery(&delivery, log.show_diff)
        }
        Request::Promote(promote) => {
            let delivery = delivery::promote(&promote, source, cancellation, log).await?;
            Ending::of_delivery(&delivery, log.show_diff)
        }
        Request::Rollback(rollback) => {
            let delivery = delivery::rollback(&rollback, source, cancellation, log).await?;
            Ending::of_delivery(&delivery, log.show_diff)
        }
        Request::History(history) => {
            let report = history::run(&history, source, cancellation, log).await?;
            // Elsewhere nobody shows the summary.
            if environment.get(SUMMARY).is_none() && !report.deployments.is_empty() {
                log.group("History", &summary::plain_history(&report));
            }
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
        Request::Status(request) => {
            let report = status::run(&request, source, cancellation, log).await?;
            log.group("What runs where", &summary::plain_status(&report));
            Ending {
                outputs: outputs::of_status(&report),
                summary: summary::of_status(&report),
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
    })
}

/// An operation that came to an end, good or bad: later steps and people are told of it in both cases.
struct Ending {
    outputs: Outputs,
    summary: Summary,
    sentence: String,
    failure: Option<Failure>,
}

impl Ending {
    fn of_delivery(delivery: &Delivery, show_diff: bool) -> Self {
        Self {
            outputs: outputs::of_delivery(delivery),
            summary: summary::of_delivery(delivery, show_diff),
            sentence: delivery.sentence(),
            failure: delivery.failure(),
        }
    }

    /// Hands it to later steps and to people. Returns why the step fails, if it does.
    fn tell(self, environment: &Environment, log: &mut Log) -> Option<Failure> {
        let written = outputs::write(environment, log, &self.outputs)
            .and_then(|()| environment.append(SUMMARY, &self.summary.text(log.warned())));
        match (written, self.failure) {
            (Ok(_), failure) => failure,
            (Err(error), Some(failure)) => {
                log.warning(&error.to_string());
                Some(summarized(failure, environment, log))
            }
            // What was pushed stays pushed: the person must know it did land.
            (Err(error), None) => {
                let what = format!("{} {error}", self.sentence);
                let failure = Failure::new(Reason::Runner, what).with_hint(
                    "Later steps, or the summary, lack what this one did. Give the runner room, or leave to write there, before the \
                     next run.",
                );
                Some(summarized(failure, environment, log))
            }
        }
    }
}
