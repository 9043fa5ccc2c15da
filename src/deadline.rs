//! When a run ends at the latest: its time is over, or somebody cancels it.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// The longest that a server may be silent, before its first byte and between two.
const LONGEST_SILENCE: Duration = Duration::from_secs(30);

/// A point in time, how long it was away at the start, and whether the run was cancelled before.
#[derive(Debug, Clone)]
pub struct Deadline {
    at: Instant,
    total: Duration,
    cancellation: Cancellation,
}

impl Deadline {
    /// `total` from now.
    pub fn after(total: Duration, cancellation: Cancellation) -> Self {
        Self {
            at: Instant::now() + total,
            total,
            cancellation,
        }
    }

    /// The same, but for no longer than `limit` from now.
    #[must_use]
    pub fn within(&self, limit: Duration) -> Self {
        Self {
            at: self.at.min(Instant::now() + limit),
            total: self.total.min(limit),
            cancellation: self.cancellation.clone(),
        }
    }

    /// The same, and so much longer.
    #[must_use]
    pub fn extended(&self, more: Duration) -> Self {
        Self {
            at: self.at + more,
            total: self.total + more,
            cancellation: self.cancellation.clone(),
        }
    }

    /// What is left; zero when it has passed.
    pub fn remaining(&self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    /// Whether it has passed.
    pub fn is_over(&self) -> bool {
        self.remaining().is_zero()
    }

    /// How long it was away at the start: the value of `timeout`.
    pub fn total(&self) -> Duration {
        self.total
    }

    /// How long a server may be silent: short enough that there is time for other tries.
    pub fn silence(&self) -> Duration {
        (self.total / 4).min(LONGEST_SILENCE)
    }

    /// Waits until the run is cancelled; for ever if it never is.
    pub async fn cancelled(&self) {
        self.cancellation.clone().wait().await;
    }

    /// Does what takes as long as others decide, such as whoever wrote a file: on a thread of its own, which is left
    /// behind when the time is over. So it may have no effect but its result.
    ///
    /// # Errors
    /// See [`Overrun`].
    pub async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Overrun> {
        tokio::select! {
            done = tokio::task::spawn_blocking(work) => match done {
                Ok(done) => Ok(done),
                Err(error) => match error.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    Err(_) => Err(Overrun::Cancelled),
                },
            },
            () = tokio::time::sleep_until(self.at) => Err(Overrun::Time(self.total)),
            () = self.cancelled() => Err(Overrun::Cancelled),
        }
    }
}

/// Why work was left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overrun {
    /// It took longer than there was time: the whole of it.
    Time(Duration),
    /// The run was cancelled.
    Cancelled,
}

/// Whether somebody cancelled the run.
#[derive(Debug, Clone)]
pub struct Cancellation(watch::Receiver<bool>);

/// Cancels a run.
#[derive(Debug)]
pub struct Canceller(watch::Sender<bool>);

/// A run's cancellation, and the means to bring it about.
pub fn cancellation() -> (Canceller, Cancellation) {
    let (sender, receiver) = watch::channel(false);
    (Canceller(sender), Cancellation(receiver))
}

impl Canceller {
    /// Stops the run at its next safe point.
    pub fn cancel(&self) {
        self.0.send_replace(true);
    }
}

impl Cancellation {
    async fn wait(&mut self) {
        if self.0.wait_for(|cancelled| *cancelled).await.is_err() {
            // Nobody is left who could cancel.
            std::future::pending::<()>().await;
        }
    }
}
