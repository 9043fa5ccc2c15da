//! The promise of the push: nothing of anyone is lost, and a commit is made once.
//!
//! One loop for every operation and transport: read the tip, plan on it, commit, push; and when the
//! branch moved meanwhile, *plan again on the new tip*. Nothing is ever merged or rebased as text,
//! so two writers of adjacent lines both land.
//!
//! Evidence comes before words: whether a refusal is a lost race or a rule is read from the branch. What
//! the server calls it ([`Words`]) counts only while the branch stays where it was.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::commit::{Change, CommitDraft, Landed, Pushed, Sent, Snapshot};
use super::error::RepositoryError;
use super::wire::Words;
use crate::deadline::Deadline;
use crate::files::FileSelection;

/// What a round takes at least, for how long a lost race waits: a server is not asked all the time.
const RACE_BASE: Duration = Duration::from_millis(100);
/// For how many rounds a race waits at most. The more writers there are, the longer the server takes for the
/// rounds of each, so that this grows with the crowd and shrinks with it: a bound in seconds is too long
/// for the last ones, or too short for 256.
const RACE_ROUNDS: u32 = 8;
/// What it waits at most, however slow the server is.
const RACE_CAP: Duration = Duration::from_secs(20);
/// The same for a server in trouble, which needs more air.
const TROUBLE_BASE: Duration = Duration::from_millis(500);
/// A restart of a server takes some seconds; waiting longer between two tries gains nothing.
const TROUBLE_CAP: Duration = Duration::from_secs(15);
/// How often a branch may be found where it was though the server speaks of a race: the lock of another
/// push is held for a moment before its branch moves, and a replica may be behind.
const UNMOVED: u32 = 5;

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
    pub base: Arc<Snapshot>,
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
    /// The branch is looked at after a wait: what became of a push is not known.
    Look {
        /// What is looked for.
        whether: &'static str,
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
    mut propose: impl AsyncFnMut(&Arc<Snapshot>) -> Result<Proposal<P>, E>,
) -> Result<Ended<P>, LandError<E>> {
    let mut races = Races::default();
    let mut trouble = Backoff::new(TROUBLE_BASE, TROUBLE_CAP);
    let mut past = Past::default();
    loop {
        let start = Instant::now();
        let round = round(branch, selection, &mut observe, &mut propose, &mut past);
        let error = match round.await {
            Ok(ended) => return Ok(ended),
            Err(error) => error,
        };
        let (why, wait, whether) = match &error {
            LandError::Contention { detail, .. } => {
                let why = format!("someone else pushed first ({detail})");
                (why, races.next(start.elapsed(), deadline.remaining()), None)
            }
            LandError::Declined(detail) if past.refused.is_some() => {
                let why = format!("the push was refused ({detail})");
                let wait = races.next(start.elapsed(), deadline.remaining());
                (why, wait, Some("the branch has moved"))
            }
            LandError::Repository(error @ RepositoryError::Unconfirmed { .. }) => {
                (error.to_string(), trouble.next(None), Some("it landed"))
            }
            LandError::Repository(error) if error.passing().is_some() => {
                let asked = error.passing().and_then(|passing| passing.retry_after);
                (error.to_string(), trouble.next(asked), None)
            }
            _ => return Err(past.concluded(error, races.lost)),
        };
        if wait >= deadline.remaining() {
            return Err(past.concluded(error, races.lost));
        }
        let why = why.as_str();
        observe(match whether {
            None => Event::Again { why, wait },
            Some(whether) => Event::Look { whether, why, wait },
        });
        if let Err(cancelled) = pause(wait, deadline).await {
            return Err(past.concluded(cancelled.into(), races.lost));
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
        let Some(passing) = error.passing() else {
            return Err(error);
        };
        let wait = trouble.next(passing.retry_after);
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

/// A push that was made, and what it was made of.
struct Attempt<P> {
    base: Arc<Snapshot>,
    plan: P,
    sent: Sent,
}

/// What came of the pushes so far.
struct Past<P> {
    /// Those whose answers were lost.
    unanswered: Vec<Attempt<P>>,
    /// The last one that did not land, as far as its answer goes.
    answered: Option<Attempt<P>>,
    /// The words of its refusal, as long as the branch was not read since.
    refused: Option<String>,
    /// How often in a row the branch was where it was after a refusal.
    unmoved: u32,
    /// How the last lost race was put.
    lost: Option<String>,
    /// What the server said last of a trouble that kept it from taking a commit.
    trouble: Option<String>,
}

impl<P> Default for Past<P> {
    fn default() -> Self {
        Self {
            unanswered: Vec::new(),
            answered: None,
            refused: None,
            unmoved: 0,
            lost: None,
            trouble: None,
        }
    }
}

/// One round: read, plan, commit, push.
async fn round<P, E>(
    branch: &impl Branch,
    selection: &FileSelection,
    observe: &mut impl FnMut(Event<'_>),
    propose: &mut impl AsyncFnMut(&Arc<Snapshot>) -> Result<Proposal<P>, E>,
    past: &mut Past<P>,
) -> Result<Ended<P>, LandError<E>> {
    let base = Arc::new(branch.snapshot(selection).await?);
    observe(Event::Read(&base));
    if let Some(ended) = past.landed(branch, &base).await? {
        return Ok(ended);
    }
    past.judge(&base)?;
    let Proposal {
        changes,
        draft,
        plan,
    } = propose(&base).await.map_err(LandError::Plan)?;
    if changes.is_empty() {
        let landed = None;
        return Ok(Ended { base, plan, landed });
    }
    let error = match branch.commit(&base, &changes, &draft).await {
        Ok(Pushed::Landed(landed)) => {
            let landed = Some(landed);
            return Ok(Ended { base, plan, landed });
        }
        Ok(Pushed::Moved { detail }) => past.moved(detail),
        Ok(Pushed::Unmoved { detail }) => past.unmoved(detail),
        Ok(Pushed::Refused { detail }) => {
            past.refused = Some(detail.clone());
            by_words(detail)
        }
        Err(error) => error.into(),
    };
    let unanswered = match &error {
        LandError::Repository(RepositoryError::Unconfirmed { commit, .. }) => Some(commit.clone()),
        _ => None,
    };
    let attempt = Attempt {
        base,
        plan,
        sent: Sent {
            changes,
            draft,
            commit: unanswered.clone().flatten(),
        },
    };
    match unanswered {
        Some(_) => past.unanswered.push(attempt),
        None => past.answered = Some(attempt),
    }
    Err(error)
}

impl<P> Past<P> {
    /// The push that landed all the same, if one did. The remote is asked what became of one whose
    /// answer was lost; after the tip was read: a slow server that takes the push even later moves the
    /// branch away from this snapshot. One that was refused is looked for where it shows itself:
    /// something on the way may have sent it twice.
    async fn landed(
        &mut self,
        branch: &impl Branch,
        base: &Snapshot,
    ) -> Result<Option<Ended<P>>, RepositoryError> {
        for index in 0..self.unanswered.len() {
            let Attempt { base, sent, .. } = &self.unanswered[index];
            if let Some(landed) = branch.find(base, sent).await? {
                return Ok(Some(self.unanswered.swap_remove(index).ended(landed)));
            }
        }
        let shows = |attempt: &mut Attempt<P>| {
            let message = attempt.sent.draft.message.trim();
            base.recent
                .iter()
                .any(|said| said.message.trim() == message)
        };
        if let Some(attempt) = self.answered.take_if(shows) {
            let found = branch.find(&attempt.base, &attempt.sent).await?;
            return Ok(found.map(|landed| attempt.ended(landed)));
        }
        Ok(None)
    }

    /// What the last refusal was, now that the branch was read.
    fn judge<E>(&mut self, base: &Snapshot) -> Result<(), LandError<E>> {
        let (Some(detail), Some(Attempt { base: from, .. })) =
            (self.refused.take(), &self.answered)
        else {
            return Ok(());
        };
        let error = if (&from.branch, &from.commit) == (&base.branch, &base.commit) {
            self.unmoved(detail)
        } else {
            self.moved(detail)
        };
        match error {
            LandError::Declined(_) => Err(error),
            // Waited for already.
            _ => Ok(()),
        }
    }

    /// A refusal whose branch has moved: a lost race, whatever the words.
    fn moved<E>(&mut self, detail: String) -> LandError<E> {
        self.unmoved = 0;
        self.lost = Some(detail.clone());
        let attempts = 1;
        LandError::Contention { attempts, detail }
    }

    /// A refusal whose branch is where it was: a rule, unless it sounds like something that passes.
    fn unmoved<E>(&mut self, detail: String) -> LandError<E> {
        self.unmoved += 1;
        match by_words(detail) {
            LandError::Contention { detail, .. } if self.unmoved >= UNMOVED => {
                LandError::Declined(detail)
            }
            LandError::Repository(RepositoryError::Unavailable { what, passing }) => {
                self.trouble = Some(what.clone());
                LandError::Repository(RepositoryError::Unavailable { what, passing })
            }
            error => error,
        }
    }

    /// How it all ends with `error`, after so many pushes that others were faster than.
    fn concluded<E>(&self, error: LandError<E>, lost: u32) -> LandError<E> {
        let nothing = self.lost.is_none() && self.unanswered.is_empty();
        let trouble = self.trouble.as_ref().filter(|_| nothing);
        if let (LandError::Repository(RepositoryError::DeadlineExceeded { .. }), Some(what)) =
            (&error, trouble)
        {
            // The trouble is what took the time, wherever that was over.
            return RepositoryError::unavailable(what.clone()).into();
        }
        match (error, self.unanswered.last(), &self.lost) {
            (LandError::Repository(RepositoryError::Unconfirmed { commit, what }), _, _) => {
                LandError::Repository(RepositoryError::Unconfirmed { commit, what })
            }
            // A push that may have landed counts for more than why nobody can tell.
            (LandError::Repository(error), Some(Attempt { sent, .. }), _) => {
                LandError::Repository(RepositoryError::Unconfirmed {
                    commit: sent.commit.clone(),
                    what: format!("the branch could not be read since: {error}"),
                })
            }
            (LandError::Contention { detail, .. }, _, _) => LandError::Contention {
                attempts: lost,
                detail,
            },
            // The races are what took the time.
            (LandError::Repository(RepositoryError::DeadlineExceeded { .. }), _, Some(detail)) => {
                LandError::Contention {
                    attempts: lost,
                    detail: detail.clone(),
                }
            }
            (error, _, _) => error,
        }
    }
}

/// What a refusal sounds like. It is no more than that.
fn by_words<E>(detail: String) -> LandError<E> {
    match Words::of(&detail) {
        Words::Race => LandError::Contention {
            attempts: 1,
            detail,
        },
        Words::Trouble => {
            let what = format!("the server did not take the commit: {detail}");
            RepositoryError::unavailable(what).into()
        }
        Words::Other => LandError::Declined(detail),
    }
}

impl<P> Attempt<P> {
    fn ended(self, landed: Landed) -> Ended<P> {
        let Self { base, plan, .. } = self;
        let landed = Some(landed);
        Ended { base, plan, landed }
    }
}

impl<E> From<RepositoryError> for LandError<E> {
    fn from(error: RepositoryError) -> Self {
        Self::Repository(error)
    }
}

/// How long a lost race waits: anything between nothing and a bound in rounds, which doubles. Writers that
/// lost the same race so come back at different times.
#[derive(Default)]
struct Races {
    lost: u32,
}

impl Races {
    /// After one that took `round`; all that is `left` where that is too little for another one. It leaves
    /// time for one that takes twice as long.
    fn next(&mut self, round: Duration, left: Duration) -> Duration {
        let rounds = (1 << self.lost.min(16)).min(RACE_ROUNDS);
        self.lost += 1;
        let bound = round.max(RACE_BASE).saturating_mul(rounds);
        if left <= round {
            return left;
        }
        let room = left.saturating_sub(2 * round);
        bound.min(RACE_CAP).min(room).mul_f64(random_fraction())
    }
}

/// Exponential backoff with full jitter: anything between nothing and a bound that doubles.
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
    use std::collections::VecDeque;
    use std::sync::Mutex;

    use super::*;
    use crate::deadline::cancellation;
    use crate::manifest::Decided;
    use crate::repository::commit::{Identity, Said};
    use crate::repository::object::CommitId;

    #[test]
    fn trouble_that_takes_all_the_time_is_what_is_told() {
        let late = || {
            LandError::<()>::Repository(RepositoryError::DeadlineExceeded {
                what: String::new(),
            })
        };
        let mut past = Past::<()>::default();
        assert!(matches!(
            past.concluded(late(), 0),
            LandError::Repository(RepositoryError::DeadlineExceeded { .. })
        ));
        past.unmoved::<()>("Internal Server Error".to_owned());
        let LandError::Repository(RepositoryError::Unavailable { what, .. }) =
            past.concluded(late(), 0)
        else {
            panic!()
        };
        assert!(what.ends_with("Internal Server Error"), "{what}");
    }

    #[test]
    fn a_wait_grows_up_to_its_cap_and_keeps_to_what_the_server_asks_for() {
        let mut backoff = Backoff::new(TROUBLE_BASE, TROUBLE_CAP);
        for tries in 0..100 {
            let bound = TROUBLE_BASE.saturating_mul(1 << tries.min(16));
            assert!(backoff.next(None) <= bound.min(TROUBLE_CAP));
        }
        // Writers that lost the same race come back at different times.
        let waits: std::collections::HashSet<Duration> =
            (0..100).map(|_| backoff.next(None)).collect();
        assert!(waits.len() > 50, "{waits:?}");
        let asked = Duration::from_secs(7);
        let wait = backoff.next(Some(asked));
        assert!(wait >= asked && wait <= asked + TROUBLE_CAP);
        assert_eq!(backoff.next(Some(Duration::MAX)), Duration::MAX);
    }

    #[test]
    fn a_lost_race_waits_for_some_rounds_and_never_past_the_end() {
        let second = Duration::from_secs(1);
        let mut races = Races::default();
        for lost in 0..4 {
            let wait = races.next(second, Duration::MAX);
            assert!(wait <= second * (1 << lost), "{lost}: {wait:?}");
        }
        let mut longest = |round: Duration, left: Duration| {
            (0..1_000).map(|_| races.next(round, left)).max().unwrap()
        };
        let is_near = |wait: Duration, bound: Duration| wait <= bound && wait > bound.mul_f64(0.9);
        // As long as the server takes, and not as often as it can.
        assert!(is_near(
            longest(second, Duration::MAX),
            RACE_ROUNDS * second
        ));
        assert!(is_near(
            longest(Duration::ZERO, Duration::MAX),
            RACE_ROUNDS * RACE_BASE
        ));
        assert!(is_near(longest(60 * second, Duration::MAX), RACE_CAP));
        assert!(is_near(longest(second, 4 * second), 2 * second));
        assert_eq!(longest(second, 2 * second), Duration::ZERO);
        assert_eq!(longest(second, second), second);
    }

    /// A branch that follows a script, in paused time.
    #[derive(Default)]
    struct Scripted {
        /// Where it is found, one reading after the other; the last one stays. None can't be read.
        tips: Mutex<VecDeque<Option<u8>>>,
        /// How pushes end, one after the other.
        pushes: Mutex<VecDeque<Result<Pushed, RepositoryError>>>,
        /// What the newest commit says.
        newest: Mutex<String>,
        /// What was asked of it: `read`, `push`, `find`.
        asked: Mutex<Vec<&'static str>>,
        /// What is found of a push on it.
        held: Option<CommitId>,
    }

    const MESSAGE: &str = "chore: v2";

    fn commit(number: u8) -> CommitId {
        CommitId::parse(&format!("{number:040}")).unwrap()
    }

    fn landed(number: u8) -> Result<Pushed, RepositoryError> {
        Ok(Pushed::Landed(commit(number).into()))
    }

    fn refused(words: &str) -> Result<Pushed, RepositoryError> {
        let detail = words.to_owned();
        Ok(Pushed::Refused { detail })
    }

    fn moved(words: &str) -> Result<Pushed, RepositoryError> {
        let detail = words.to_owned();
        Ok(Pushed::Moved { detail })
    }

    fn unmoved(words: &str) -> Result<Pushed, RepositoryError> {
        let detail = words.to_owned();
        Ok(Pushed::Unmoved { detail })
    }

    fn unconfirmed() -> Result<Pushed, RepositoryError> {
        Err(RepositoryError::Unconfirmed {
            commit: Some(commit(9)),
            what: "the answer was lost".to_owned(),
        })
    }

    impl Scripted {
        fn new(tips: &[u8], pushes: Vec<Result<Pushed, RepositoryError>>) -> Self {
            Self {
                tips: Mutex::new(tips.iter().copied().map(Some).collect()),
                pushes: Mutex::new(pushes.into()),
                ..Self::default()
            }
        }

        fn noted(&self, what: &'static str) {
            self.asked.lock().unwrap().push(what);
        }
    }

    impl Branch for Scripted {
        async fn snapshot(&self, _: &FileSelection) -> Result<Snapshot, RepositoryError> {
            self.noted("read");
            let mut tips = self.tips.lock().unwrap();
            let tip = if tips.len() > 1 {
                tips.pop_front().unwrap()
            } else {
                tips[0]
            };
            let tip = commit(tip.ok_or(RepositoryError::Empty)?);
            let message = self.newest.lock().unwrap().clone();
            Ok(Snapshot {
                branch: "main".parse().unwrap(),
                recent: vec![Said {
                    commit: tip.clone(),
                    message,
                }],
                commit: tip,
                files: Vec::new(),
                beside: None,
            })
        }

        async fn commit(
            &self,
            _: &Snapshot,
            _: &[Change],
            _: &CommitDraft,
        ) -> Result<Pushed, RepositoryError> {
            self.noted("push");
            self.pushes
                .lock()
                .unwrap()
                .pop_front()
                .expect("one push less")
        }

        async fn find(&self, _: &Snapshot, _: &Sent) -> Result<Option<Landed>, RepositoryError> {
            self.noted("find");
            Ok(self.held.clone().map(Landed::from))
        }
    }

    /// How it ends within a minute: the commit and the number of the tip it was made on, or why not. Then
    /// what the branch was asked.
    async fn ended(branch: &Scripted) -> (String, String) {
        let (_canceller, cancellation) = cancellation();
        let deadline = Deadline::after(Duration::from_secs(60), cancellation);
        let propose = async |_: &Arc<Snapshot>| {
            Ok::<_, ()>(Proposal {
                changes: vec![Change {
                    path: "web.yaml".parse().unwrap(),
                    bytes: Vec::new(),
                }],
                draft: CommitDraft {
                    message: MESSAGE.to_owned(),
                    identity: Identity {
                        name: "A".to_owned(),
                        email: "a@example.com".to_owned(),
                    },
                    options: Vec::new(),
                    decides: Decided::default(),
                },
                plan: (),
            })
        };
        let files = FileSelection::default();
        let told = match land(branch, &files, &deadline, |_| {}, propose).await {
            Ok(Ended { base, landed, .. }) => {
                let number = |id: &CommitId| id.as_str().trim_start_matches('0').to_owned();
                let landed = landed
                    .map(|landed| number(&landed.commit))
                    .unwrap_or_default();
                format!("landed {landed} on {}", number(&base.commit))
            }
            Err(LandError::Contention { attempts, detail }) => {
                format!("contention {attempts}: {detail}")
            }
            Err(LandError::Declined(detail)) => format!("declined: {detail}"),
            Err(LandError::Repository(error)) => format!("{error:?}"),
            Err(LandError::Plan(())) => unreachable!(),
        };
        (told, branch.asked.lock().unwrap().join(" "))
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_on_a_branch_that_moved_is_a_lost_race_whatever_was_said() {
        for words in [
            "prohibited",
            "GH006: Protected branch",
            "invalid old id sent",
            "failure",
        ] {
            let branch = Scripted::new(&[1, 2], vec![refused(words), landed(3)]);
            let (told, asked) = ended(&branch).await;
            assert_eq!(
                (told.as_str(), asked.as_str()),
                ("landed 3 on 2", "read push read push")
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_on_a_branch_that_stays_is_a_rule_unless_it_sounds_like_trouble() {
        let branch = Scripted::new(&[1], vec![refused("prohibited")]);
        let (told, asked) = ended(&branch).await;
        assert_eq!(
            (told.as_str(), asked.as_str()),
            ("declined: prohibited", "read push read")
        );
        let branch = Scripted::new(&[1], vec![unmoved("prohibited")]);
        let (told, asked) = ended(&branch).await;
        assert_eq!(
            (told.as_str(), asked.as_str()),
            ("declined: prohibited", "read push")
        );
        let branch = Scripted::new(
            &[1],
            vec![refused("failure"), unmoved("failure"), landed(3)],
        );
        let (told, asked) = ended(&branch).await;
        assert_eq!(
            (told.as_str(), asked.as_str()),
            ("landed 3 on 1", "read push read push read push")
        );
        let lasting = (0..100).map(|_| refused("Internal Server Error")).collect();
        let (told, _) = ended(&Scripted::new(&[1], lasting)).await;
        assert!(
            told.starts_with("Unavailable") && told.contains("Internal Server Error"),
            "{told}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_race_that_moves_nothing_is_believed_for_a_while() {
        // The lock of somebody else's push.
        let branch = Scripted::new(
            &[1],
            vec![refused("lock error"), refused("lock error"), landed(3)],
        );
        assert_eq!(ended(&branch).await.0, "landed 3 on 1");
        let lasting = (0..100).map(|_| refused("lock error")).collect();
        let (told, asked) = ended(&Scripted::new(&[1], lasting)).await;
        assert_eq!(told, "declined: lock error");
        assert_eq!(asked.matches("push").count(), UNMOVED as usize);
        // It is counted in a row.
        let tips: Vec<u8> = [1, 1, 1, 1, 2, 2, 2, 2].into();
        let pushes = (0..8)
            .map(|_| refused("lock error"))
            .chain([landed(3)])
            .collect();
        assert_eq!(
            ended(&Scripted::new(&tips, pushes)).await.0,
            "landed 3 on 2"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn races_that_take_all_the_time_are_told_as_such() {
        let tips: Vec<u8> = (1..=u8::MAX).collect();
        let lost = (1..=500).map(|_| moved("its tip is now 2")).collect();
        let (told, asked) = ended(&Scripted::new(&tips, lost)).await;
        let pushes = asked.matches("push").count();
        assert!(pushes > 10, "{asked}");
        assert_eq!(told, format!("contention {pushes}: its tip is now 2"));
        // Also where the end comes in the middle of a request.
        let over = RepositoryError::DeadlineExceeded {
            what: "too late".to_owned(),
        };
        for first in [moved("moved"), refused("fetch first")] {
            let branch = Scripted::new(&[1, 2, 3], vec![first, Err(over.clone())]);
            assert!(ended(&branch).await.0.starts_with("contention 1: "));
        }
        let branch = Scripted::new(&[1], vec![Err(over)]);
        assert!(ended(&branch).await.0.starts_with("DeadlineExceeded"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_push_that_was_refused_and_landed_all_the_same_is_found() {
        let limited = Err(RepositoryError::unavailable("HTTP 429"));
        for first in [moved("its tip is now 2"), refused("fetch first"), limited] {
            let branch = Scripted {
                newest: Mutex::new(format!("{MESSAGE}\n")),
                held: Some(commit(2)),
                ..Scripted::new(&[1, 2], vec![first])
            };
            let (told, asked) = ended(&branch).await;
            assert_eq!(
                (told.as_str(), asked.as_str()),
                ("landed 2 on 1", "read push read find")
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_push_whose_answer_was_lost_is_looked_for_before_there_is_another() {
        let found = Scripted {
            held: Some(commit(9)),
            ..Scripted::new(&[1, 9], vec![unconfirmed()])
        };
        let (told, asked) = ended(&found).await;
        assert_eq!(
            (told.as_str(), asked.as_str()),
            ("landed 9 on 1", "read push read find")
        );
        let lost = Scripted::new(&[1], vec![unconfirmed(), landed(3)]);
        let (told, asked) = ended(&lost).await;
        assert_eq!(
            (told.as_str(), asked.as_str()),
            ("landed 3 on 1", "read push read find push")
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_push_that_may_have_landed_counts_more_than_why_nobody_can_tell() {
        let branch = Scripted::new(&[], vec![unconfirmed()]);
        *branch.tips.lock().unwrap() = [Some(1), None].into();
        let why = RepositoryError::Empty;
        let expected = RepositoryError::Unconfirmed {
            commit: Some(commit(9)),
            what: format!("the branch could not be read since: {why}"),
        };
        assert_eq!(ended(&branch).await.0, format!("{expected:?}"));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_read_is_read_again_as_long_as_there_is_trouble_and_time() {
        let (canceller, cancellation) = cancellation();
        let cancelled_with = cancellation.clone();
        let deadline = Deadline::after(Duration::from_secs(60), cancellation);
        let mut left = 3;
        let read = read(
            &deadline,
            |_| {},
            async || {
                left -= 1;
                match left {
                    0 => Ok("there"),
                    _ => Err(RepositoryError::unavailable("HTTP 502")),
                }
            },
        );
        assert_eq!(read.await.unwrap(), "there");
        let mut tries = 0;
        let lasting = super::read(
            &deadline,
            |_| {},
            async || {
                tries += 1;
                Err::<(), _>(RepositoryError::unavailable("HTTP 502"))
            },
        );
        assert_eq!(lasting.await.unwrap_err().to_string(), "HTTP 502");
        assert!(tries > 4, "{tries}");
        let refused = super::read(
            &deadline,
            |_| {},
            async || Err::<(), _>(RepositoryError::Empty),
        );
        assert!(matches!(refused.await, Err(RepositoryError::Empty)));
        canceller.cancel();
        let deadline = Deadline::after(Duration::from_secs(60), cancelled_with);
        let cancelled = super::read(
            &deadline,
            |_| {},
            async || Err::<(), _>(RepositoryError::unavailable("HTTP 502")),
        );
        assert!(matches!(cancelled.await, Err(RepositoryError::Cancelled)));
    }
}
