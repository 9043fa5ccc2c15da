//! Writing: one branch is moved from one commit to another, or nothing happens.

use std::cell::RefCell;
use std::sync::Arc;

use git2::{ErrorClass, ErrorCode, Oid, PushOptions, RemoteCallbacks, Repository};

use super::transport::{Connection, one_line};
use super::{local, remote};
use crate::repository::{BranchName, Pushed, RepositoryError};

/// How servers say that the branch is not where the push expects it: git itself before and while it
/// takes the lock, and the client's own check.
const MOVED: [&str; 11] = [
    "fetch first",
    "non-fast-forward",
    "failed to update ref",
    "failed to update reference",
    "cannot lock ref",
    "incorrect old value provided",
    "stale info",
    "failed to lock",
    "remote ref updated since checkout",
    "reference does not exist",
    // The server does not have the old tip any more, or not yet.
    "bad ref",
];

/// What the server said while it took a push.
#[derive(Default)]
struct Answer {
    /// The tip that was advertised, where it is another than expected.
    moved_to: Option<Oid>,
    /// The status of the reference, if the server gave one: none in it is success.
    status: Option<Option<String>>,
    /// The side band: what hooks and rules print for people.
    said: String,
}

/// Pushes `commit`, which was made on `base`, to `branch`; never forced.
///
/// libgit2 compares with its own knowledge only, recreates a branch that was deleted and brings
/// commits back that a rewind took away. So the tip that it sends as the old one must be `base`
/// itself, and the server's own compare-and-swap does the rest: `asks_first` costs a request and only
/// tells sooner what that would find.
pub(super) fn push(
    repository: &Repository,
    url: &str,
    connection: &Arc<Connection>,
    branch: &BranchName,
    base: Oid,
    commit: Oid,
    asks_first: bool,
) -> Result<Pushed, RepositoryError> {
    let source = "refs/heads/outgoing";
    repository
        .reference(source, commit, true, "")
        .map_err(local)?;
    let answer = RefCell::new(Answer::default());
    let mut callbacks = RemoteCallbacks::new();
    callbacks
        .push_negotiation(|updates| {
            for update in updates {
                if update.src() != base {
                    answer.borrow_mut().moved_to = Some(update.src());
                    let text = "the branch has moved";
                    return Err(git2::Error::new(ErrorCode::Modified, ErrorClass::Net, text));
                }
            }
            Ok(())
        })
        .push_update_reference(|_, status| {
            answer.borrow_mut().status = Some(status.map(str::to_owned));
            Ok(())
        })
        .sideband_progress(|text| {
            answer
                .borrow_mut()
                .said
                .push_str(&String::from_utf8_lossy(text));
            true
        });
    let mut options = PushOptions::new();
    options
        .remote_callbacks(callbacks)
        .packbuilder_parallelism(1);
    let mut server = repository.remote_anonymous(url).map_err(local)?;
    let refspec = format!("{source}:{}", branch.reference());
    if !asks_first {
        connection.assume(&branch.reference(), base);
    }
    let result = connection.run(|| server.push(&[refspec.as_str()], Some(&mut options)));
    drop(options);

    let answer = answer.into_inner();
    if let Some(tip) = answer.moved_to {
        let detail = if tip.is_zero() {
            "the branch is gone".to_owned()
        } else {
            format!("its tip is now {tip}")
        };
        return Ok(Pushed::Moved { detail });
    }
    let host = connection.host();
    match (result, answer.status) {
        (Ok(()), Some(None)) => Ok(Pushed::Landed(commit.into())),
        (Ok(()), Some(Some(status))) => Ok(refused(&status, &answer.said)),
        (Ok(()), None) => Err(RepositoryError::Unconfirmed {
            commit: commit.into(),
            what: format!("{host} did not say what became of the branch"),
        }),
        (Err((error, None)), _) if error.code() == ErrorCode::NotFastForward => Ok(Pushed::Moved {
            detail: one_line(error.message()),
        }),
        (Err(error), _) if connection.push_was_sent() => Err(RepositoryError::Unconfirmed {
            commit: commit.into(),
            what: remote(error, &host).to_string(),
        }),
        (Err(error), _) => Err(match remote(error, &host) {
            // A server that wants to be asked first, perhaps.
            RepositoryError::NotGit { what } if !asks_first => RepositoryError::Unavailable {
                what,
                retry_after: None,
            },
            error => error,
        }),
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
        Ok(_) => Ok(Pushed::Landed(commit.into())),
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
fn refused(status: &str, said: &str) -> Pushed {
    let status = one_line(status);
    let lower = status.to_lowercase();
    if MOVED.iter().any(|moved| lower.contains(moved)) {
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
                matches!(refused(status, ""), Pushed::Moved { .. }),
                "{status}"
            );
        }
        let declined = refused(
            "pre-receive hook declined",
            "remote: error: GH006: Protected branch\n",
        );
        let detail = "pre-receive hook declined: error: GH006: Protected branch".to_owned();
        assert_eq!(declined, Pushed::Declined { detail });
        assert!(matches!(
            refused("protected branch hook declined", ""),
            Pushed::Declined { .. }
        ));
    }
}
