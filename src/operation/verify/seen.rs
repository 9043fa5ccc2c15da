//! What is known of an application that is waited for.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::target::{Argocd, Deployed};
use crate::argocd::client::{ArgocdError, Client};
use crate::argocd::{Application, ApplicationName, Wait};
use crate::deadline::Deadline;
use crate::operation::session::Session;

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// The most lines about resources after one look: a first sync of a large application changes all.
pub(super) const MAX_LINES: usize = 12;

/// What all that is waited for has in common.
#[derive(Clone, Copy)]
pub(super) struct Watching<'a> {
    pub(super) client: &'a Client,
    pub(super) session: &'a Session<'a>,
    /// When the waiting ends.
    pub(super) deadline: &'a Deadline,
    pub(super) deployed: &'a Deployed,
    pub(super) argocd: &'a Argocd,
    /// Told when a refresh is over: there is something new to see.
    pub(super) refreshed: &'a Arc<Notify>,
}

impl Watching<'_> {
    /// How long one answer may take: no longer than there is time.
    pub(super) fn patience(&self) -> Duration {
        let remaining = self.deadline.remaining();
        PATIENCE.min(remaining).max(Duration::from_secs(1))
    }
}

/// One application as it was seen last.
pub(super) struct Seen<'a> {
    pub(super) name: &'a ApplicationName,
    pub(super) watching: Watching<'a>,
    /// None where Argo CD has not told yet.
    pub(super) application: Option<Application>,
    /// What is missing.
    pub(super) waiting: Option<Wait>,
    /// Why the last question was not answered.
    pub(super) trouble: Option<ArgocdError>,
    /// What keeps Argo CD from applying the commit by itself, once that was found out.
    pub(super) held_back: Option<HeldBack>,
    /// The Pods that are not well, each with what it says.
    pub(super) unwell: Vec<(String, String)>,
    /// The images that Pods run, as far as that is known.
    pub(super) running: Vec<String>,
}

/// What keeps Argo CD from applying a commit by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeldBack {
    /// Auto-sync is off.
    ByHand,
    /// Auto-sync is off, and an ApplicationSet made the application, which may sync it.
    BySet,
    /// A sync window is closed.
    Window,
    /// Nothing that is known.
    Unknown,
}
