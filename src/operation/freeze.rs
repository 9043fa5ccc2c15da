//! A freeze: no deployment while a file of the manifests' repository says so.
//!
//! That file is read at the commit that the edit is planned on, each time anew. So it is the push that decides: who
//! freezes first moves the branch, and a commit that was planned without the freeze does not land.

use std::sync::Arc;
use std::time::Duration;

use super::session::{Remote, Session};
use super::{Operation, Progress, now};
use crate::deadline::{Cancellation, Deadline};
use crate::failure::{Failure, Reason};
use crate::files::{FileSelection, RepoPath};
use crate::freeze::{self, Freezes};
use crate::repository::Snapshot;

/// How long may be waited with a GitHub App: its token lasts an hour, and is needed afterwards.
const WITH_APP: Duration = Duration::from_secs(50 * 60);
/// The largest `timeout`, in seconds.
const LONGEST_TIMEOUT: u64 = 21_600;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Freeze {
    /// The file that says what is frozen when.
    pub file: RepoPath,
    /// What becomes of a deployment that is held.
    pub when_frozen: WhenFrozen,
}

/// What becomes of a deployment that is held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WhenFrozen {
    /// The step fails.
    #[default]
    Fail,
    /// The step succeeds.
    Skip,
    /// It waits for the end, where that comes within `timeout`.
    Wait,
}

/// A freeze that is on for what an operation is about to do.
#[derive(Debug, Clone)]
pub struct Frozen {
    /// When nothing holds it any more, in seconds since 1970; none where nobody has said when.
    pub until: Option<i64>,
    /// Why the step fails, where it does.
    pub failure: Option<Failure>,
}

impl Freeze {
    /// The freezes at the commit of `snapshot`.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub(super) async fn read(
        &self,
        session: &Session<'_>,
        snapshot: &Arc<Snapshot>,
        operation: Operation,
    ) -> Result<Freezes, Failure> {
        let read = Arc::clone(snapshot);
        let parsed = session.work(move || {
            // It was asked for, and so it is there.
            let bytes = read.beside.as_ref().map(|file| file.bytes.as_slice());
            freeze::parse(bytes.unwrap_or_default())
        });
        parsed.await?.map_err(|error| {
            let message = format!(
                "`{}`, which `freeze-file` names, can't be understood on {}, so nothing was changed:\n{error}",
                self.file,
                snapshot.tip()
            );
            let mut hint = "Correct it there: docs/freeze.md says what it may hold.".to_owned();
            if operation == Operation::Rollback {
                hint.push_str(" A rollback without `freeze-file` looks at no freeze.");
            }
            Failure::new(Reason::FreezeFile, message).with_hint(hint)
        })
    }

    /// Whether an error about `path` is one about this file, and none about one of `files`.
    pub(super) fn is_meant(&self, path: &str, files: &FileSelection) -> bool {
        self.file.as_str() == path && !files.selects(&self.file)
    }

    /// How a step ends that is held, for `why`.
    pub(super) fn frozen(&self, why: &str, until: Option<i64>) -> Frozen {
        let failure = (self.when_frozen == WhenFrozen::Fail).then(|| {
            let file = &self.file;
            let over = match until {
                Some(_) => {
                    "Run the job again when it is over: the output `frozen-until` says when. `freeze: wait` waits for \
                     an end that comes within `timeout`."
                }
                None => "Run the job again when it is over.",
            };
            failed(format!("{why}. Nothing was changed."), &format!("{over} {}", exception(file)))
        });
        Frozen { until, failure }
    }
}

fn exception(file: &RepoPath) -> String {
    format!("An exception is made by whoever may change `{file}`.")
}

fn failed(message: String, hint: &str) -> Failure {
    Failure::new(Reason::Frozen, message).with_hint(hint)
}

/// How long one step waits for freezes to end, in all.
pub(super) struct Patience<'a> {
    freeze: Option<&'a Freeze>,
    with_app: bool,
    end: Deadline,
}

impl<'a> Patience<'a> {
    /// From now on.
    pub(super) fn new(
        freeze: Option<&'a Freeze>,
        remote: &Remote,
        cancellation: Cancellation,
    ) -> Self {
        let end = Deadline::after(remote.timeout, cancellation);
        let with_app = remote.app.is_some();
        Self {
            freeze,
            with_app,
            end: if with_app { end.within(WITH_APP) } else { end },
        }
    }

    /// Whether the freeze that has `held` a deployment (why, and how it ends) is over now, since it was waited
    /// for: then all is to be planned again. Else it says there how the step ends.
    ///
    /// # Errors
    /// When the run is cancelled.
    pub(super) async fn outlasts(
        &self,
        held: Option<(&str, &mut Frozen)>,
        log: &mut impl Progress,
    ) -> Result<bool, Failure> {
        let (Some((why, frozen)), Some(freeze)) = (held, self.freeze) else {
            return Ok(false);
        };
        match freeze.when_frozen {
            WhenFrozen::Fail | WhenFrozen::Skip => return Ok(false),
            WhenFrozen::Wait => {}
        }
        let Some(until) = frozen.until else {
            let message = format!(
                "{why}. `freeze: wait` does not wait, since nobody has said when that ends. Nothing was changed."
            );
            let hint = format!(
                "Run the job again when it is over. {}",
                exception(&freeze.file)
            );
            frozen.failure = Some(failed(message, &hint));
            return Ok(false);
        };
        let seconds = u64::try_from(until.saturating_sub(now())).unwrap_or(0);
        let wait = Duration::from_secs(seconds);
        if wait > self.end.remaining() {
            frozen.failure = Some(self.too_long(why, seconds, &freeze.file));
            return Ok(false);
        }
        log.info(&format!(
            "Waiting for its end, {}: then everything is looked at again.",
            about(seconds)
        ));
        tokio::select! {
            () = tokio::time::sleep(wait) => Ok(true),
            () = self.end.cancelled() => Err(Failure::new(
                Reason::Cancelled,
                format!("The run was cancelled while it waited for the end of a freeze: {why}. Nothing was changed."),
            )),
        }
    }

    fn too_long(&self, why: &str, seconds: u64, file: &RepoPath) -> Failure {
        let raised = seconds.saturating_add(60);
        let (most, hint) = match (self.with_app, raised <= LONGEST_TIMEOUT) {
            (true, _) if self.end.total() == WITH_APP => (
                "50 minutes with a GitHub App, whose token lasts an hour".to_owned(),
                None,
            ),
            (false, true) => (self.timeout(), Some(raised)),
            (true, _) if raised <= WITH_APP.as_secs() => (self.timeout(), Some(raised)),
            _ => (self.timeout(), None),
        };
        let message = format!(
            "{why}. That is in {}, and `freeze: wait` waits for no more than {most}. Nothing was changed.",
            about(seconds)
        );
        let hint = match hint {
            Some(raised) => {
                format!("Set `timeout: {raised}`, or run the job again when it is over.")
            }
            None => {
                "Run the job again when it is over: the output `frozen-until` says when.".to_owned()
            }
        };
        failed(message, &format!("{hint} {}", exception(file)))
    }

    fn timeout(&self) -> String {
        format!("`timeout` ({} s) in all", self.end.total().as_secs())
    }
}

/// `45 s`, `90 min`, `62 h`, `3 d`: no less than it is.
fn about(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds.div_ceil(60)),
        7200..172_800 => format!("{} h", seconds.div_ceil(3600)),
        _ => format!("{} d", seconds.div_ceil(86_400)),
    }
}
