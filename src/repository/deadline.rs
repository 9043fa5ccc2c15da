//! The time that one run may take.

use std::time::Duration;

use tokio::time::Instant;

/// A point in time, and how long it was away at the start.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    at: Instant,
    total: Duration,
}

impl Deadline {
    /// `total` from now.
    pub fn after(total: Duration) -> Self {
        Self {
            at: Instant::now() + total,
            total,
        }
    }

    /// What is left; zero when it has passed.
    pub fn remaining(&self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    /// Whether nothing is left.
    pub fn has_passed(&self) -> bool {
        self.remaining().is_zero()
    }

    /// How long it was away at the start: the value of `timeout`.
    pub fn total(&self) -> Duration {
        self.total
    }
}
