//! The promise of the push: nothing of anyone is lost, and a commit is made once.
//!
//! One loop for every operation and transport: read the tip, plan on it, commit, push; and when the
//! branch moved meanwhile, *plan again on the new tip*. Nothing is ever merged or rebased as text,
//! so two writers of adjacent lines both land.

use std::time::Duration;

use super::commit::{Change, CommitDraft, Landed, Pushed, Sent, Snapshot};
use super::error::RepositoryError;
use crate::deadline::Deadline;
use crate::files::FileSelection;

/// Where a race starts to wait. One lost race costs a round of requests, which take about as long.
const RACE_BASE: Duration = Duration::from_millis(100);
/// Where it stops to grow: 32 writers of one branch are through in well under `timeout`.
const RACE_CAP: Duration = Duration::from_secs(5);
/// The same for a server in trouble, which needs more air.
const TROUBLE_BASE: Duration = Duration::from_millis(500);
/// A restart of a server takes some seconds; waiting longer between two tries gains nothing.
const TROUBLE_CAP: Duration = Duration::from_secs(15);

/// What it takes to put a commit on a branch: of a repository, over whatever transport, or of a pull
/// request.
pub trait Branch {
    /// Reads the branch's tip and the selected files at it.
    ///
    /// # Errors
    /// When the server can't be used, or a file that is named is not there or is no file.
    fn snapshot(
        &self,
        selection: &FileSelection,
    ) -> impl Future<Output = Result<Snapshot, RepositoryError>> + Send;

    /// Writes all `changes` in one commit on top of `base`, and moves the branch from `base` to it.
    ///
    /// # Errors
    /// When the server can't be used. [`RepositoryError::Unconfirmed`] is the one case in which the
    /// commit may have landed all the same.
    fn commit(
        &self,
        base: &Snapshot,
        changes: &[Change],
        draft: &CommitDraft,
    ) -> impl Future<Output = Result<Pushed, RepositoryError>> + Send;

    /// The commit of `sent`, which was made on top of `base`, if it is on the branch: its tip or an
    /// ancestor.
    ///
    /// # Errors
    /// When the server can't be used.
    fn find(
        &self,
        base: &Snapshot,
        sent: &Sent,
    ) -> impl Future<Output = Result<Option<Landed>, RepositoryError>> + Send;
}

/// What is to become of a snapshot.
pub struct Proposal<P> {
    /// The files to change; none when the snapshot already is as wanted.
    pub changes: Vec<Change>,
    /// The commit for them.
    pub draft: CommitDraft,
    /// Whatever the caller wants back with the landed commit.
    pub plan: P,
}

/// How it ended.
pub struct Ended<P> {
    /// What the last plan was made on.
    pub base: Snapshot,
    /// The plan that holds.
    pub plan: P,
    /// The commit; none when nothing had to change.
    pub landed: Option<Landed>,
}

/// Why it did not.
#[derive(Debug)]
pub enum LandError<E> {
    /// The plan can't be made on the tip there is.
    Plan(E),
    /// The repository can't be used.
    Repository(RepositoryError),
    /// A rule of the server refuses the commit.
    Declined(String),
    /// Others pushed first, each time, until the time was over.
    Contention {
        /// How many commits were made in vain.
        attempts: u32,
        /// How the last refusal was put.
        detail: String,
    },
}

/// What happens on the way, for the log.
pub enum Event<'a> {
    /// The tip was read.
    Read(&'a Snapshot),
    /// Another try comes after a wait.
    Again {
        /// Why.
        why: &'a str,
        /// The wait.
        wait: Duration,
    },
}

/// Makes the commit that `propose` wants on the branch's tip, until it landed, is refused for good,
/// or `deadline` has passed.
///
/// # Errors
/// See [`LandError`]. The branch is as it was, except after [`RepositoryError::Unconfirmed`].
pub async fn land<P, E>(
    branch: &impl Branch,
    selection: &FileSelection,
    deadline: &Deadline,
    mut observe: impl FnMut(Event<'_>),
    mut propose: impl AsyncFnMut(&Snapshot) -> Result<Proposal<P>, E>,
) -> Result<Ended<P>, LandError<E>> {
    let mut races = Backoff::new(RACE_BASE, RACE_CAP);
    let mut trouble = Backoff::new(TROUBLE_BASE, TROUBLE_CAP);
    let mut unanswered = Vec::new();
    loop {
        let attempt = attempt(
            branch,
            selection,
            &mut observe,
            &mut propose,
            &mut unanswered,
        );
        let (error, why, wait) = match attempt.await {
            Ok(ended) => return Ok(ended),
            Err(LandError::Contention { detail, .. }) => {
                let why = format!("someone else pushed first ({detail})");
                let wait = races.next(None);
                let attempts = races.tries;
                (LandError::Contention { attempts, detail }, why, wait)
            }
            Err(LandError::Repository(error)) => {
                let wait = match &error {
                    RepositoryError::Unavailable { retry_after, .. } => trouble.next(*retry_after),
                    RepositoryError::Unconfirmed { .. } => trouble.next(None),
                    _ => return Err(or_unconfirmed(error, &unanswered).into()),
                };
                let why = error.to_string();
                (or_unconfirmed(error, &unanswered).into(), why, wait)
            }
            Err(error) => return Err(error),
        };
        if wait >= deadline.remaining() {
            return Err(error);
        }
        observe(Event::Again { why: &why, wait });
        if let Err(cancelled) = pause(wait, deadline).await {
            return Err(or_unconfirmed(cancelled, &unanswered).into());
        }
    }
}

/// Reads what `attempt` reads, until it is there, is refused for good, or `deadline` has passed.
///
/// # Errors
/// What the last attempt said.
pub async fn read<T>(
    deadline: &Deadline,
    mut observe: impl FnMut(Event<'_>),
    mut attempt: impl AsyncFnMut() -> Result<T, RepositoryError>,
) -> Result<T, RepositoryError> {
    let mut trouble = Backoff::new(TROUBLE_BASE, TROUBLE_CAP);
    loop {
        let error = match attempt().await {
            Ok(read) => return Ok(read),
            Err(error) => error,
        };
        let RepositoryError::Unavailable { retry_after, .. } = &error else {
            return Err(error);
        };
        let wait = trouble.next(*retry_after);
        if wait >= deadline.remaining() {
            return Err(error);
        }
        let why = &error.to_string();
        observe(Event::Again { why, wait });
        pause(wait, deadline).await?;
    }
}

async fn pause(wait: Duration, deadline: &Deadline) -> Result<(), RepositoryError> {
    tokio::select! {
        () = tokio::time::sleep(wait) => Ok(()),
        () = deadline.cancelled() => Err(RepositoryError::Cancelled),
    }
}

/// A push whose answer was lost.
struct Unanswered<P> {
    base: Snapshot,
    plan: P,
    sent: Sent,
}

/// One round: read, plan, commit, push.
async fn attempt<P, E>(
    branch: &impl Branch,
    selection: &FileSelection,
    observe: &mut impl FnMut(Event<'_>),
    propose: &mut impl AsyncFnMut(&Snapshot) -> Result<Proposal<P>, E>,
    unanswered: &mut Vec<Unanswered<P>>,
) -> Result<Ended<P>, LandError<E>> {
    let base = branch.snapshot(selection).await?;
    observe(Event::Read(&base));
    // The remote decides what became of a push whose answer was lost. It is asked after the tip was
    // read: a slow server that takes the push even later moves the branch away from this snapshot.
    for index in 0..unanswered.len() {
        let Unanswered {
            base, sent: own, ..
        } = &unanswered[index];
        if let Some(landed) = branch.find(base, own).await? {
            let Unanswered { base, plan, .. } = unanswered.swap_remove(index);
            let landed = Some(landed);
            return Ok(Ended { base, plan, landed });
        }
    }
    let Proposal {
        changes,
        draft,
        plan,
    } = propose(&base).await.map_err(LandError::Plan)?;
    if changes.is_empty() {
        let landed = None;
        return Ok(Ended { base, plan, landed });
    }
    match branch.commit(&base, &changes, &draft).await {
        Ok(Pushed::Landed(landed)) => {
            let landed = Some(landed);
            Ok(Ended { base, plan, landed })
        }
        Ok(Pushed::Moved { detail }) => {
            let attempts = 1;
            Err(LandError::Contention { attempts, detail })
        }
        Ok(Pushed::Declined { detail }) => Err(LandError::Declined(detail)),
        Err(error) => {
            if let RepositoryError::Unconfirmed { commit, .. } = &error {
                let commit = commit.clone();
                let sent = Sent {
                    changes,
                    draft,
                    commit,
                };
                unanswered.push(Unanswered { base, plan, sent });
            }
            Err(error.into())
        }
    }
}

impl<E> From<RepositoryError> for LandError<E> {
    fn from(error: RepositoryError) -> Self {
        Self::Repository(error)
    }
}

/// The same error, unless an earlier push may have landed: then that is what counts.
fn or_unconfirmed<P>(error: RepositoryError, unanswered: &[Unanswered<P>]) -> RepositoryError {
    match (error, unanswered.last()) {
        (error @ RepositoryError::Unconfirmed { .. }, _) | (error, None) => error,
        (error, Some(Unanswered { sent, .. })) => RepositoryError::Unconfirmed {
            commit: sent.commit.clone(),
            what: format!("and the branch could not be read since: {error}"),
        },
    }
}

/// Exponential backoff with full jitter: anything between nothing and a bound that doubles. Writers
/// that lost the same race so come back at different times.
struct Backoff {
    base: Duration,
    cap: Duration,
    tries: u32,
}

impl Backoff {
    fn new(base: Duration, cap: Duration) -> Self {
        Self {
            base,
            cap,
            tries: 0,
        }
    }

    /// How long to wait before the next try: at least what the server asks for.
    fn next(&mut self, at_least: Option<Duration>) -> Duration {
        let bound = self
            .base
            .saturating_mul(1 << self.tries.min(16))
            .min(self.cap);
        self.tries += 1;
        let jitter = bound.mul_f64(random_fraction());
        at_least.unwrap_or_default().saturating_add(jitter)
    }
}

/// Evenly from 0 to 1. Without randomness from the system all of the bound is waited for.
fn random_fraction() -> f64 {
    match getrandom::u32() {
        Ok(number) => f64::from(number) / f64::from(u32::MAX),
        Err(_) => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

    use super::*;
    use crate::deadline::cancellation;
    use crate::repository::commit::Identity;
    use crate::repository::object::CommitId;

    #[test]
    fn a_wait_grows_up_to_its_cap_and_keeps_to_what_the_server_asks_for() {
        let mut backoff = Backoff::new(RACE_BASE, RACE_CAP);
        for tries in 0..100 {
            let bound = RACE_BASE.saturating_mul(1 << tries.min(16)).min(RACE_CAP);
            assert!(backoff.next(None) <= bound);
        }
        let asked = Duration::from_secs(7);
        let wait = backoff.next(Some(asked));
        assert!(wait >= asked && wait <= asked + RACE_CAP);
        assert_eq!(backoff.next(Some(Duration::MAX)), Duration::MAX);
    }

    /// A branch that takes one push, loses the answer, and shows itself to nobody since.
    #[derive(Default)]
    struct Vanishing {
        was_pushed: AtomicBool,
    }

    const COMMIT: &str = "1111111111111111111111111111111111111111";

    impl Branch for Vanishing {
        async fn snapshot(&self, _: &FileSelection) -> Result<Snapshot, RepositoryError> {
            if self.was_pushed.load(Relaxed) {
                return Err(RepositoryError::Empty);
            }
            Ok(Snapshot {
                branch: "main".parse().unwrap(),
                commit: CommitId::parse(&"0".repeat(40)).unwrap(),
                files: Vec::new(),
                recent: Vec::new(),
            })
        }

        async fn commit(
            &self,
            _: &Snapshot,
            _: &[Change],
            _: &CommitDraft,
        ) -> Result<Pushed, RepositoryError> {
            self.was_pushed.store(true, Relaxed);
            Err(RepositoryError::Unconfirmed {
                commit: CommitId::parse(COMMIT),
                what: "the answer was lost".to_owned(),
            })
        }

        async fn find(&self, _: &Snapshot, _: &Sent) -> Result<Option<Landed>, RepositoryError> {
            unreachable!("its tip was not read")
        }
    }

    #[tokio::test]
    async fn a_push_that_may_have_landed_counts_more_than_why_nobody_can_tell() {
        let (_canceller, cancellation) = cancellation();
        let deadline = Deadline::after(Duration::from_secs(60), cancellation);
        let propose = async |_: &Snapshot| {
            Ok::<_, ()>(Proposal {
                changes: vec![Change {
                    path: "web.yaml".parse().unwrap(),
                    bytes: Vec::new(),
                }],
                draft: CommitDraft {
                    message: "chore: v2".to_owned(),
                    identity: Identity {
                        name: "A".to_owned(),
                        email: "a@example.com".to_owned(),
                    },
                },
                plan: (),
            })
        };
        let files = FileSelection {
            include: Vec::new(),
            exclude: Vec::new(),
        };
        let branch = Vanishing::default();
        let landed = land(&branch, &files, &deadline, |_| {}, propose).await;
        match landed.err().unwrap() {
            LandError::Repository(RepositoryError::Unconfirmed { commit, what }) => {
                assert_eq!(commit, CommitId::parse(COMMIT));
                let why = RepositoryError::Empty;
                assert_eq!(
                    what,
                    format!("and the branch could not be read since: {why}")
                );
            }
            other => panic!("{other:?}"),
        }
    }
}
