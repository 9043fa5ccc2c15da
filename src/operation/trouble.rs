//! Trouble of a server that is looked at again and again: it is told once, and waited through.

use std::time::Duration;

use super::Progress;
use crate::repository::RepositoryError;

/// The first pause, which doubles with each look that fails; and the longest, unless the server asks for more.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// The looks that failed since the last one that did not.
#[derive(Default)]
pub(super) struct Trouble {
    last: Option<RepositoryError>,
    looks: u32,
}

impl Trouble {
    /// What the last look failed with; none where it did not.
    pub(super) fn last(&self) -> Option<&RepositoryError> {
        self.last.as_ref()
    }

    /// A look succeeded: `who` answers.
    pub(super) fn is_over(&mut self, who: &str, log: &mut impl Progress) {
        if std::mem::take(self).last.is_some() {
            log.info(&format!("{who} answers again"));
        }
    }

    /// A look failed: how long until the next one.
    pub(super) fn goes_on(&mut self, error: &RepositoryError, log: &mut impl Progress) -> Duration {
        if self.last.is_none() {
            log.info(&format!(
                "The look at it failed, and is tried again: {error}"
            ));
        }
        self.last = Some(error.clone());
        let (shortest, longest) = PAUSES;
        let own = shortest.saturating_mul(1 << self.looks.min(6));
        self.looks += 1;
        let asked = error.passing().and_then(|passing| passing.retry_after);
        own.min(longest).max(asked.unwrap_or_default())
    }
}
