//! Asking Argo CD to look into Git.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::seen::Seen;

/// How long one may take: it waits for the controller.
const PATIENCE: Duration = Duration::from_secs(60);
/// When Argo CD is asked to look into Git again, after the first time, while the commit is not seen: the
/// first can be a moment too early, as not every server of a Git host has the commit at once.
const AT: [Duration; 3] = [
    Duration::from_secs(3),
    Duration::from_secs(8),
    Duration::from_secs(20),
];
/// How long after a refresh the next one is asked for later, and while the health is old.
const EVERY: Duration = Duration::from_secs(30);
const STALE: Duration = Duration::from_secs(5);

/// Asks Argo CD to look into Git, at its side of the loop: that may take as long as making all
/// manifests does.
#[derive(Default)]
pub(super) struct Refresh {
    running: Option<JoinHandle<()>>,
    /// When the last one was over.
    pub(super) finished: Option<Instant>,
    /// How many were.
    pub(super) count: u32,
}

impl Refresh {
    /// Whether Argo CD is to look again, so long after the waiting began.
    pub(super) fn is_due(&self, stale: bool, elapsed: Duration) -> bool {
        let since = self.finished.map(|finished| finished.elapsed());
        let next = self
            .count
            .checked_sub(1)
            .and_then(|count| AT.get(count as usize));
        let due = match (stale, next) {
            (true, _) => since.is_none_or(|since| since >= STALE),
            (false, Some(at)) => elapsed >= *at,
            (false, None) => since.is_none_or(|since| since >= EVERY),
        };
        self.running.is_none() && due
    }

    /// Asks for the first one, and sees whether one is over.
    pub(super) fn keep(&mut self, seen: &Seen<'_>) {
        let running = self.running.as_ref();
        if running.is_some_and(JoinHandle::is_finished) {
            self.running = None;
            self.finished = Some(Instant::now());
            self.count += 1;
        }
        if self.running.is_none() && self.finished.is_none() {
            self.start(seen);
        }
    }

    /// Asks for one.
    pub(super) fn start(&mut self, seen: &Seen<'_>) {
        let client = seen.watching.client.clone();
        let refreshed = Arc::clone(seen.watching.refreshed);
        let name = seen.name.clone();
        self.running = Some(tokio::spawn(async move {
            // What it answers, the next look sees as well; what it is refused with, too.
            let _ = client.application(&name, true, PATIENCE).await;
            refreshed.notify_one();
        }));
    }
}
