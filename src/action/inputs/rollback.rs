//! The inputs of `operation: rollback`.

use super::problems::Problems;
use super::{Raw, argocd, pull_request, remote, update};
use crate::operation::rollback::Rollback;

/// The rollback that the inputs ask for; none where something is wrong.
pub(super) fn rollback(raw: &Raw, problems: &mut Problems) -> Option<Rollback> {
    let mut remote = remote::remote(raw, problems);
    let pull_request = pull_request::pull_request(raw, remote.as_mut(), problems);
    let files = remote::files(raw.file.as_deref(), problems);
    let commit = raw
        .commit
        .as_deref()
        .map(|commit| problems.parse("commit", commit.trim()));
    let message = raw
        .commit_message
        .as_deref()
        .and_then(|text| problems.parse("commit-message", text));
    let identity = update::identity(raw, problems);
    let dry_run = problems.boolean("dry-run", raw.dry_run.as_deref());
    let argocd = argocd::argocd(raw, problems);
    Some(Rollback {
        remote: remote?,
        files: files?,
        commit: commit.flatten(),
        message,
        identity,
        dry_run,
        pull_request,
        argocd,
    })
}
