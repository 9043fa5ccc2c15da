//! How a wait ended badly.

use super::report::Blame;
use crate::failure::{Failure, Reason};

/// What undoes a deployment, behind what else can be done. A rollback is not undone by another one.
pub const WAY_BACK: &str = " `operation: rollback` undoes the deployment.";

/// How it ended badly.
pub(super) struct Ended {
    /// Why, for a person.
    pub(super) failure: Failure,
    /// Whose fault that is.
    pub(super) blame: Blame,
}

impl Ended {
    /// Nobody's fault, as far as is known.
    pub(super) fn new(reason: Reason, message: String, hint: impl Into<String>) -> Self {
        Self {
            failure: Failure::new(reason, message).with_hint(hint),
            blame: Blame::NotKnown,
        }
    }

    /// It did not begin.
    pub(super) fn unopened(failure: Failure) -> Self {
        Self {
            failure,
            blame: Blame::NotKnown,
        }
    }

    /// The same, and how to undo the deployment.
    pub(super) fn with_way_back(mut self) -> Self {
        if let Some(hint) = &mut self.failure.hint {
            hint.push_str(WAY_BACK);
        }
        self
    }

    /// Whether somebody else may know more: nothing is known of the commit, and nobody has given up on it.
    pub(super) fn leaves_open(&self) -> bool {
        let is_settled = matches!(
            self.failure.reason,
            Reason::Cancelled | Reason::Mistracking | Reason::Superseded
        );
        self.blame == Blame::NotKnown && !is_settled
    }

    /// The same, and somebody's.
    pub(super) fn blamed_on(self, blame: Blame) -> Self {
        Self { blame, ..self }
    }
}
