//! Writing: one branch is moved from one commit to another, or nothing happens.

use git2::{ErrorCode, Oid, Repository};

use super::packets::{self, PushReport};
use super::server::Server;
use super::{local, pack};
use crate::http::text::one_line;
use crate::repository::wire::{refused, says_moved};
use crate::repository::{BranchName, CommitId, Landed, Pushed, RepositoryError};

/// A branch, where it is expected, and where it is to be.
pub(super) struct Update<'a> {
    pub(super) branch: &'a BranchName,
    pub(super) old: Oid,
    pub(super) new: Oid,
}

/// Pushes `update.new`, whose parent is `update.old`; never forced.
///
/// The server moves the branch from `old` or not at all, so nothing is risked by not asking it first
/// where the branch is: it was there a moment ago. To ask costs a request, and tells what the server
/// can do and, before anything is sent, that the branch has moved; where a first push did not land,
/// that is worth it.
pub(super) fn push(
    repository: &Repository,
    server: &Server,
    update: &Update<'_>,
) -> Result<Pushed, RepositoryError> {
    let connection = &server.connection;
    let asks_first = server.note_push();
    let Update { branch, old, new } = update;
    let host = connection.host();
    let reference = branch.reference();
    let advertisement = if asks_first {
        let answer = connection.ask_before_push();
        Some(answer.map_err(|error| refused(error, &host))?)
    } else {
        None
    };
    if let Some(advertisement) = &advertisement {
        match server.read(advertisement)?.tip(branch) {
            Some(tip) if tip == *old => {}
            Some(tip) => {
                let detail = format!("its tip is now {tip}");
                return Ok(Pushed::Moved { detail });
            }
            None => {
                let detail = "the branch is gone".to_owned();
                return Ok(Pushed::Moved { detail });
            }
        }
    }
    let advertisement = advertisement.as_deref();
    let thin = advertisement.is_none_or(packets::takes_thin_packs);
    let capabilities = packets::push_capabilities(advertisement);
    let mut request = packets::push_request(&format!("{old} {new} {reference}"), &capabilities);
    let pack = pack::pack(repository, *new, thin).map_err(|error| RepositoryError::Protocol {
        what: format!("the commit can't be packed: {error}"),
    })?;
    request.extend_from_slice(&pack);
    match connection.push(request) {
        Ok(answer) => reported(&packets::push_report(&answer), *new, &host, asks_first),
        Err(error) => {
            let may_have_happened = error.may_have_happened();
            let error = refused(error, &host);
            Err(match error {
                error if may_have_happened => RepositoryError::Unconfirmed {
                    commit: Some((*new).into()),
                    what: error.to_string(),
                },
                // A server that wants to be asked first, perhaps.
                RepositoryError::NotGit { what } if !asks_first => unavailable(what),
                error => error,
            })
        }
    }
}

/// What became of a push, by the server's own words.
fn reported(
    report: &PushReport,
    commit: Oid,
    host: &str,
    asked_first: bool,
) -> Result<Pushed, RepositoryError> {
    let PushReport {
        unpack,
        reference,
        said,
    } = report;
    match (unpack.as_deref(), reference) {
        (Some("ok"), Some(Ok(()))) => Ok(Pushed::Landed(landed(commit))),
        (Some("ok"), Some(Err(status))) => Ok(declined(status, said)),
        // A pack that was cut on the way; or a server that completes none, and was not asked.
        (Some(why), _) if why != "ok" && !asked_first => Err(unavailable(format!(
            "{host} did not take the commit: {}",
            one_line(&format!("{why}\n{said}"))
        ))),
        (Some(why), _) if why != "ok" => Ok(declined(why, said)),
        _ => {
            let said = one_line(said);
            let colon = if said.is_empty() { "" } else { ": " };
            Err(RepositoryError::Unconfirmed {
                commit: Some(commit.into()),
                what: format!("{host} did not say what became of the branch{colon}{said}"),
            })
        }
    }
}

fn landed(commit: Oid) -> Landed {
    CommitId::from(commit).into()
}

fn unavailable(what: String) -> RepositoryError {
    RepositoryError::Unavailable {
        what,
        retry_after: None,
    }
}

/// The same on a repository of this machine.
pub(super) fn swap(
    repository: &Repository,
    branch: &BranchName,
    base: Oid,
    commit: Oid,
) -> Result<Pushed, RepositoryError> {
    let checked_out = !repository.is_bare()
        && repository
            .head()
            .is_ok_and(|head| head.name() == Ok(branch.reference().as_str()));
    if checked_out {
        let detail = "the branch is checked out there, and its files would not follow".to_owned();
        return Ok(Pushed::Declined { detail });
    }
    let reference = branch.reference();
    match repository.reference_matching(&reference, commit, true, base, "gitops-deploy") {
        Ok(_) => Ok(Pushed::Landed(landed(commit))),
        Err(error)
            if matches!(
                error.code(),
                ErrorCode::Modified | ErrorCode::NotFound | ErrorCode::Locked
            ) =>
        {
            Ok(Pushed::Moved {
                detail: one_line(error.message()),
            })
        }
        Err(error) => Err(local(error)),
    }
}

/// A refusal of the reference, by whether another try on the new tip can help.
fn declined(status: &str, said: &str) -> Pushed {
    let status = one_line(status);
    if says_moved(&status) {
        return Pushed::Moved { detail: status };
    }
    let said = one_line(said);
    let detail = if said.is_empty() {
        status
    } else {
        format!("{status}: {said}")
    };
    Pushed::Declined { detail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_race_is_told_from_a_rule() {
        for status in [
            "fetch first",
            "non-fast-forward",
            "failed to update ref",
            "cannot lock ref 'refs/heads/main': is at 1 but expected 2",
            "incorrect old value provided",
            "stale info",
        ] {
            assert!(
                matches!(declined(status, ""), Pushed::Moved { .. }),
                "{status}"
            );
        }
        let refused = declined(
            "pre-receive hook declined",
            "remote: error: GH006: Protected branch\n",
        );
        let detail = "pre-receive hook declined: error: GH006: Protected branch".to_owned();
        assert_eq!(refused, Pushed::Declined { detail });
        assert!(matches!(
            declined("protected branch hook declined", ""),
            Pushed::Declined { .. }
        ));
    }
}
