//! How a wait ended badly.

use super::report::Blame;
use crate::failure::{Failure, Reason};

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

    /// The same, and somebody's.
    pub(super) fn blamed_on(self, blame: Blame) -> Self {
        Self { blame, ..self }
    }
}
