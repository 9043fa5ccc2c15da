//! The stories: what an operation does, top to bottom.

mod advice;
pub mod delivery;
pub mod downgrade;
mod explain;
pub mod freeze;
pub mod history;
pub mod image_check;
pub mod landing;
mod leftover;
mod lines;
pub mod merge_wait;
mod order;
mod overtaken;
mod past;
pub mod promote;
pub mod pull_request;
pub mod rollback;
pub mod session;
pub mod source_changes;
pub mod status;
mod trouble;
pub mod update;
pub mod verify;

use std::time::{SystemTime, UNIX_EPOCH};

use crate::markdown::counted;
use crate::repository::history::Commit;

/// What the action can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Sets images in manifests, commits and pushes.
    Update,
    /// Undoes a deployment with a new commit.
    Rollback,
    /// Reports who deployed what, when.
    History,
    /// Waits until Argo CD runs a commit.
    Verify,
    /// Copies the images of one stage to another.
    Promote,
    /// Reports what runs where.
    Status,
}

impl Operation {
    /// Every operation there is.
    pub const ALL: [Self; 6] = [
        Self::Update,
        Self::Rollback,
        Self::History,
        Self::Verify,
        Self::Promote,
        Self::Status,
    ];

    /// The name, as the input `operation` takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Update => "update",
            Self::Rollback => "rollback",
            Self::History => "history",
            Self::Verify => "verify",
            Self::Promote => "promote",
            Self::Status => "status",
        }
    }
}

/// A commit, as a sentence names it.
fn commit_line(commit: &Commit) -> String {
    format!(
        "commit {} of {} by {} (`{}`)",
        commit.id.short(),
        commit.time.day_and_minute(),
        commit.author.name,
        commit.subject()
    )
}

/// Seconds since 1970.
fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| i64::try_from(now.as_secs()).unwrap_or(i64::MAX))
}

/// Where an operation tells how it goes.
pub trait Progress {
    /// A line or some, of whatever text.
    fn info(&mut self, text: &str);
    /// What changed, as a unified diff.
    fn diff(&mut self, diff: &str);
    /// Something looks wrong, and the run goes on.
    fn warning(&mut self, text: &str);
    /// How the run ended where it did not do what was asked, which nobody should have to open the run to see. Other
    /// than a warning, it is what the summary begins with.
    fn not_done(&mut self, text: &str);
}
