//! What one run may take of what a server sends: time, bytes, and objects. All that is received and unpacked is
//! counted here, whichever store it is for.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::answer::FetchError;
use crate::deadline::Deadline;
use crate::limits::{Exceeded, OBJECTS, RECEIVED, UNPACKED};

/// What is left, and until when.
pub(super) struct Budget {
    deadline: Deadline,
    received: AtomicU64,
    objects: AtomicU64,
    unpacked: AtomicU64,
}

impl Budget {
    pub(super) fn until(deadline: Deadline) -> Self {
        Self {
            deadline,
            received: AtomicU64::new(0),
            objects: AtomicU64::new(0),
            unpacked: AtomicU64::new(0),
        }
    }

    /// When the run is over.
    pub(super) fn deadline(&self) -> &Deadline {
        &self.deadline
    }

    /// Whether there is time for one more step of a loop that others decide the length of.
    pub(super) fn time(&self) -> Result<(), FetchError> {
        if self.deadline.is_over() {
            return Err(FetchError::Deadline(self.deadline.total()));
        }
        Ok(())
    }

    /// Counts bytes of an answer.
    pub(super) fn receive(&self, bytes: usize) -> Result<(), Exceeded> {
        let bytes = bytes as u64;
        RECEIVED.check(
            self.received
                .fetch_add(bytes, Relaxed)
                .saturating_add(bytes),
        )
    }

    /// Counts the objects of a pack.
    pub(super) fn objects(&self, count: u32) -> Result<(), Exceeded> {
        let count = u64::from(count);
        OBJECTS.check(self.objects.fetch_add(count, Relaxed).saturating_add(count))
    }

    /// Counts bytes of an object, and looks at the time.
    pub(super) fn unpack(&self, bytes: usize) -> Result<(), FetchError> {
        self.time()?;
        let bytes = bytes as u64;
        UNPACKED.check(
            self.unpacked
                .fetch_add(bytes, Relaxed)
                .saturating_add(bytes),
        )?;
        Ok(())
    }
}
