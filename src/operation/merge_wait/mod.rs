//! `pull-request-wait`: a pull request is followed until its target holds what it proposes, or won't.
//!
//! Git is the proof (`proof.rs`). What the forge says of the pull request counts only for what Git can't show:
//! that somebody closed it. While it is open, it is kept on its target's tip; it is touched no more as soon as
//! its branch has a commit of somebody else.

mod explain;
mod proof;

use std::time::Duration;

use tokio::time::Instant;

pub use self::explain::MergeOutcome;
use self::explain::{Told, Unmerged};
pub use self::proof::Brought;
use self::proof::{Merge, Proposed, Tip};
use super::downgrade::order_of_runs;
use super::landing::{LandingReport, Outcome};
use super::order::order_of;
use super::promote::{self, Promote};
use super::pull_request::{News, Opened};
use super::session::{Remote, Session};
use super::trouble::Trouble;
use super::update::{self, Update};
use super::{Progress, pull_request};
use crate::deadline::{Cancellation, Deadline};
use crate::deployment::{self, Source};
use crate::failure::{Failure, Reason};
use crate::files::FileSelection;
use crate::manifest::Replaced;
use crate::repository::forge::pull::{PullState, Standing, Untold};
use crate::repository::head::Since;
use crate::repository::{CommitId, RepositoryError, merge};
use crate::version::Order;

/// From one look to the next: soon at first, as an automatic merge takes a moment; then about ten a minute.
const FIRST_PAUSES: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
];
const PAUSE: Duration = Duration::from_secs(6);
/// How long it stays at that; then the pauses grow to two looks a minute, as a person takes hours.
const BUSY: Duration = Duration::from_secs(120);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How soon, and how often, it is looked again at what was closed and is not in Git, or is in Git and not
/// closed: the servers of a Git host do not all show a change at once.
const DOUBT: Duration = Duration::from_secs(1);
const DOUBTS: u32 = 2;
/// What the last look may take, when the time is over.
const LAST_LOOK: Duration = Duration::from_secs(15);

/// How a plan is made again on a target that moved.
#[derive(Clone, Copy)]
pub(super) enum Anew<'a> {
    /// By the same update.
    Update(&'a Update),
    /// By the same promotion.
    Promote(&'a Promote),
    /// Not at all: what a rollback takes back was chosen for the tip that it was chosen on.
    Never,
}

/// Whose pull request is waited for, and for how long.
pub(super) struct Waiting<'a> {
    pub(super) remote: &'a Remote,
    pub(super) files: &'a FileSelection,
    pub(super) wait: &'a pull_request::Wait,
    pub(super) source: &'a Source,
    pub(super) anew: Anew<'a>,
}

/// How the wait ended.
#[derive(Debug, Clone)]
pub struct Waited {
    /// What landed: on the target, where it was merged; else on the pull request's branch.
    pub landed: LandingReport,
    /// How the pull request ended; none where that is not known.
    pub outcome: Option<MergeOutcome>,
    /// What brought it to the target, where it was merged.
    pub brought: Option<Brought>,
    /// When it was not merged yet, as far as was seen.
    pub since: Instant,
    /// Why it was not merged, for a person.
    pub failure: Option<Failure>,
}

impl Waiting<'_> {
    /// Waits until what `landed` on the branch of a pull request is merged, or won't be.
    pub(super) async fn merged(
        &self,
        landed: LandingReport,
        cancellation: Cancellation,
        log: &mut impl Progress,
    ) -> Waited {
        let (Some(pull), Some(head)) = (landed.pull_request.clone(), landed.commit.clone()) else {
            return Waited {
                landed,
                outcome: None,
                brought: None,
                since: Instant::now(),
                failure: None,
            };
        };
        if pull.news != News::Merged {
            log.info(&format!(
                "Waiting up to {} s until pull request #{} is merged into {}",
                self.wait.time.as_secs(),
                pull.number,
                landed.branch
            ));
        }
        let deadline = Deadline::after(self.wait.time, cancellation.clone());
        let mut watch = Watch {
            waiting: self,
            deadline: &deadline,
            cancellation,
            head,
            pull,
            stage: Some(landed.base.clone()),
            landed,
            seen: None,
            untold: None,
            is_shared: false,
            doubts: 0,
            since: Instant::now(),
        };
        let ended = watch.ended(log).await;
        let Watch {
            mut landed, since, ..
        } = watch;
        match ended {
            Ok(Merge {
                commit, brought, ..
            }) => {
                log.info(&format!(
                    "Merged: {} holds it since {}",
                    landed.branch,
                    commit.short()
                ));
                landed.outcome = Outcome::Committed;
                landed.commit = Some(commit);
                landed.verified = None;
                if let Some(pull) = &mut landed.pull_request {
                    pull.news = News::Landed;
                }
                Waited {
                    landed,
                    outcome: Some(MergeOutcome::Merged),
                    brought: Some(brought),
                    since,
                    failure: None,
                }
            }
            Err(Unmerged { outcome, failure }) => Waited {
                landed,
                outcome,
                brought: None,
                since,
                failure: Some(failure),
            },
        }
    }
}

/// One pull request, look after look.
struct Watch<'a> {
    waiting: &'a Waiting<'a>,
    deadline: &'a Deadline,
    cancellation: Cancellation,
    landed: LandingReport,
    pull: Opened,
    /// Where its branch was.
    head: CommitId,
    /// The target, as it was judged last.
    seen: Option<Tip>,
    /// Why nobody tells whether it was closed, as it was said last.
    untold: Option<Untold>,
    /// The target, when what is promoted had not been rolled back in its stage.
    stage: Option<CommitId>,
    /// Whether somebody brought its branch up to date: it is theirs to keep it so.
    is_shared: bool,
    /// How often in a row it was closed, and Git does not hold it.
    doubts: u32,
    /// When the last look began that did not find it merged.
    since: Instant,
}

/// What follows from a look.
enum Look {
    /// Nothing yet.
    Open,
    /// It can't be right, or was not seen everywhere yet.
    Doubtful,
    Merged(Merge, Standing),
    Unmerged(Unmerged),
}

impl From<Unmerged> for Look {
    fn from(unmerged: Unmerged) -> Self {
        Self::Unmerged(unmerged)
    }
}

impl<'a> Watch<'a> {
    fn told(&self) -> Told<'_> {
        Told {
            landed: &self.landed,
            pull: &self.pull,
        }
    }

    /// What GitHub is asked with, for as long as there is time, and for the last look.
    async fn session(&self) -> Result<Session<'a>, Failure> {
        let Waiting { remote, source, .. } = self.waiting;
        let time = remote.timeout.min(self.deadline.remaining() + LAST_LOOK);
        let deadline = Deadline::after(time, self.cancellation.clone());
        remote.open(source, deadline).await
    }

    /// What Git is asked with: nothing of the looks before is kept.
    async fn reading(&self) -> Result<Session<'a>, Failure> {
        let Waiting {
            remote,
            source,
            wait,
            ..
        } = self.waiting;
        let time = remote.timeout.min(self.deadline.remaining() + LAST_LOOK);
        let deadline = Deadline::after(time, self.cancellation.clone());
        let target = Some(self.landed.branch.clone());
        remote
            .open_over(&wait.transport, target, source, deadline)
            .await
    }

    async fn ended(&mut self, log: &mut impl Progress) -> Result<Merge, Unmerged> {
        let started = Instant::now();
        let mut looks = 0;
        let mut trouble = Trouble::default();
        let mut pause = PAUSE;
        loop {
            let is_last = self.deadline.is_over();
            let began = Instant::now();
            let wait = match self.look(log).await {
                Ok(Look::Merged(merge, standing)) => {
                    self.close_what_is_held(&standing, log).await;
                    return Ok(merge);
                }
                Ok(Look::Unmerged(unmerged)) => return Err(unmerged),
                Ok(look) => {
                    self.since = began;
                    trouble.is_over("The server", log);
                    let first = FIRST_PAUSES.get(looks).copied();
                    looks += 1;
                    match look {
                        Look::Doubtful => DOUBT,
                        _ => first.unwrap_or_else(|| {
                            if started.elapsed() > BUSY {
                                pause = pause.mul_f64(1.2).min(LONGEST_PAUSE);
                            }
                            pause
                        }),
                    }
                }
                Err(RepositoryError::Cancelled) => return Err(self.told().cancelled()),
                Err(error) if error.is_trouble() => trouble.goes_on(&error, log),
                Err(error) => return Err(self.told().unreadable(&error)),
            };
            if is_last {
                let time = self.waiting.wait.time;
                return Err(self.told().timed_out(time, trouble.last()));
            }
            tokio::select! {
                () = tokio::time::sleep(wait.min(self.deadline.remaining())) => {}
                () = self.deadline.cancelled() => return Err(self.told().cancelled()),
            }
        }
    }

    /// Looks once: first whether it is in Git, whatever else is said of it.
    async fn look(&mut self, log: &mut impl Progress) -> Result<Look, RepositoryError> {
        let session = match self.session().await {
            Ok(session) => session,
            Err(failure) => return Ok(unopened(failure).into()),
        };
        let forge = session.forge().await?;
        let (own, target) = (&self.pull.branch, &self.landed.branch);
        let standing = forge.standing(self.pull.number, own, target).await?;
        if let Some(untold) = &standing.untold {
            self.say_untold(forge.name(), untold, log);
        }
        let is_open = standing.state == PullState::Open && standing.head.is_some();
        let Some(target) = &standing.target else {
            return Ok(self
                .doubt()
                .unwrap_or_else(|| self.told().no_target().into()));
        };
        let mut moved = None;
        let is_known = |seen: &Tip| seen.commit == *target;
        if !is_open || !self.seen.as_ref().is_some_and(is_known) {
            let reading = match self.reading().await {
                Ok(session) => session,
                Err(failure) => return Ok(unopened(failure).into()),
            };
            let Waiting { files, .. } = self.waiting;
            let tip = proof::tip(&reading, files, target).await?;
            let is_same = |seen: &Tip| seen.files == tip.files;
            let is_same = self.seen.as_ref().is_some_and(is_same);
            let landed = &self.landed;
            let proposed = Proposed { landed, files };
            let is_merged = standing.state == PullState::Merged;
            let merge = match !is_same || !is_open {
                true => proposed.merge(&reading, &tip, is_merged).await?,
                false => None,
            };
            // While it is open, it can still be merged.
            let merge = merge.filter(|merge| !is_open || merge.taken_back_by.is_none());
            if let Some(merge) = merge {
                if let Some(by) = &merge.taken_back_by {
                    return Ok(self.told().taken_back(&merge.commit, by).into());
                }
                let doubt = match merge.brought {
                    Brought::ByOthers => self.doubt(),
                    Brought::Whole | Brought::InSeveral => None,
                };
                if let Some(doubt) = doubt {
                    return Ok(doubt);
                }
                // What somebody else made may have come with it, and would be taken back with it.
                if is_merged
                    && let Some(Since::Foreign(error)) =
                        self.since(&session, &standing, target).await?
                {
                    return Ok(self.told().foreign(&error, standing.state).into());
                }
                return Ok(Look::Merged(merge, standing));
            }
            if !is_open {
                let is_swallowed = proposed.is_swallowed(&reading, &tip.commit).await?;
                if let Some(look) = self.follow(&session, &standing, target, log).await? {
                    return Ok(look);
                }
                return Ok(match self.doubt() {
                    Some(doubt) => doubt,
                    None if is_swallowed => self.told().swallowed(&tip).into(),
                    None if standing.state == PullState::Merged => {
                        self.told().not_held(&tip).into()
                    }
                    None => self.told().closed(standing.head.is_none()).into(),
                });
            }
            moved = (!is_same).then(|| tip.clone());
            self.seen = Some(tip);
        }
        self.doubts = 0;
        if let Some(look) = self.follow(&session, &standing, target, log).await? {
            return Ok(look);
        }
        if let Some(look) = self.withdrawn(&standing, target).await {
            return Ok(look);
        }
        match moved {
            Some(tip) => self.keep(&standing, &tip, log).await,
            None => Ok(Look::Open),
        }
    }

    /// Says that nobody tells whether it was closed: once of what may pass, and once of what does not.
    fn say_untold(&mut self, forge: &str, untold: &Untold, log: &mut impl Progress) {
        match (untold, &self.untold) {
            (Untold::Refused, Some(Untold::Refused)) | (Untold::NotNow(_), Some(_)) => return,
            (Untold::Refused, _) => log.info(&format!(
                "{forge} does not show this token whether somebody closes it (the API's scope `read_api`): until its branch is gone, it counts as open"
            )),
            (Untold::NotNow(why), None) => log.info(&format!(
                "{forge} does not tell whether somebody closes it ({why}): until it does, or its branch is gone, it counts as open"
            )),
        }
        self.untold = Some(untold.clone());
    }

    /// Whether to look again before something is concluded.
    fn doubt(&mut self) -> Option<Look> {
        self.doubts += 1;
        (self.doubts <= DOUBTS).then_some(Look::Doubtful)
    }

    /// What became of its branch since it was looked at last; none where nothing did.
    async fn since(
        &self,
        session: &Session<'_>,
        standing: &Standing,
        tip: &CommitId,
    ) -> Result<Option<Since>, RepositoryError> {
        let Some(ours) = self.landed.commit.as_ref() else {
            return Ok(None);
        };
        let Some(head) = at(standing).filter(|head| **head != self.head) else {
            return Ok(None);
        };
        let forge = session.forge().await?;
        let branch = forge.head(&self.pull.branch, pull_request::MESSAGES);
        let message = &self.landed.message;
        let is_same = |other: &str| deployment::deploys_the_same(other, message);
        branch.since(ours, head, tip, is_same).await.map(Some)
    }

    /// What came onto its branch.
    async fn follow(
        &mut self,
        session: &Session<'_>,
        standing: &Standing,
        tip: &CommitId,
        log: &mut impl Progress,
    ) -> Result<Option<Look>, RepositoryError> {
        let (Some(since), Some(head)) = (self.since(session, standing, tip).await?, at(standing))
        else {
            return Ok(None);
        };
        let (told, state) = (self.told(), standing.state);
        Ok(match since {
            Since::Same => {
                log.info(&format!(
                    "The branch {} was brought up to date: {}",
                    self.pull.branch,
                    head.short()
                ));
                self.head = head.clone();
                self.is_shared = true;
                None
            }
            Since::Deployment { commit, subject } => {
                Some(told.another_deployment(&commit, &subject, state).into())
            }
            Since::Foreign(error) => Some(told.foreign(&error, state).into()),
            Since::Rewound => Some(told.rewound(state).into()),
        })
    }

    /// Closes a promotion of what its stage has rolled back: it would be refused now. Where the stage can't be read, the next
    /// look tells.
    async fn withdrawn(&mut self, standing: &Standing, target: &CommitId) -> Option<Look> {
        let Waiting { remote, source, .. } = self.waiting;
        let Anew::Promote(promote) = self.waiting.anew else {
            return None;
        };
        let there = match &promote.from_branch {
            None if self.stage.as_ref() == Some(target) => return None,
            None => self.reading().await,
            Some(branch) => {
                let time = remote.timeout.min(self.deadline.remaining() + LAST_LOOK);
                let deadline = Deadline::after(time, self.cancellation.clone());
                let transport = &self.waiting.wait.transport;
                let branch = Some(branch.clone());
                remote.open_over(transport, branch, source, deadline).await
            }
        };
        let why = promote::withdrawn(&there.ok()?, &self.landed).await.ok()?;
        let Some(why) = why else {
            self.stage = Some(target.clone());
            return None;
        };
        let closed = self.close(standing, &pull_request::withdrawn(&why)).await;
        Some(self.told().withdrawn(&why, closed).into())
    }

    /// Keeps it on a target that moved: planned again where it would conflict, closed where all of it is older
    /// than what the target holds.
    async fn keep(
        &mut self,
        standing: &Standing,
        tip: &Tip,
        log: &mut impl Progress,
    ) -> Result<Look, RepositoryError> {
        let Waiting { files, source, .. } = self.waiting;
        let landed = &self.landed;
        let overtaken = Proposed { landed, files }.overtaken(tip);
        let came = &overtaken.came;
        let order = match self.waiting.anew {
            // What it goes back to is older by its nature.
            Anew::Never => Order::Newer,
            Anew::Update(_) | Anew::Promote(_) => self.order(came, tip),
        };
        match order {
            Order::Older if !overtaken.to_come.is_empty() => {
                return Ok(self.told().older_in_part(&overtaken).into());
            }
            Order::Older => {
                let closed = self
                    .close(standing, &pull_request::holds_newer(&landed.branch, came))
                    .await;
                return Ok(self.told().older(came, closed).into());
            }
            Order::CantTell => return Ok(self.told().unordered(came).into()),
            Order::Newer | Order::Same => {}
        }
        if !self.conflicts(tip) {
            return Ok(Look::Open);
        }
        if self.is_shared {
            log.info("It conflicts with its target. Somebody else brought its branch up to date, so it is left alone");
            return Ok(Look::Open);
        }
        log.info(&format!(
            "It conflicts with {} at {}, and is planned again",
            self.landed.branch,
            tip.commit.short()
        ));
        let cancellation = self.cancellation.clone();
        let anew = match self.waiting.anew {
            Anew::Update(update) => update::run(update, source, cancellation, log).await,
            Anew::Promote(promote) => promote::run(promote, source, cancellation, log).await,
            Anew::Never => return Ok(self.told().rollback_overtaken(came).into()),
        };
        let anew = match anew {
            Ok(anew) => anew,
            Err(failure) if failure.reason == Reason::Cancelled => {
                return Err(RepositoryError::Cancelled);
            }
            Err(failure) => {
                let hint = failure.hint.unwrap_or_default();
                return Ok(self.told().conflict(&failure.message, &hint).into());
            }
        };
        if let Some(why) = &anew.skipped {
            let hint = "Nothing is to be deployed now: close it, or run the job again when that has changed.";
            return Ok(self.told().conflict(why, hint).into());
        }
        if let (Some(pull), Some(head)) = (anew.pull_request.clone(), anew.commit.clone()) {
            (self.pull, self.head) = (pull, head);
            self.landed = anew;
        }
        // Where the target holds it already, the next look finds since when.
        self.seen = None;
        Ok(Look::Doubtful)
    }

    /// What is proposed, compared with the images of others that came to its places: older where any is, and
    /// not known where any is not.
    fn order(&self, came: &[Replaced], tip: &Tip) -> Order {
        let own = self.waiting.source.run();
        let orders = came.iter().map(|one| match order_of(&one.now, &one.new) {
            Order::CantTell => {
                let said = tip.said.iter().map(String::as_str);
                let runs = order_of_runs(own.as_ref(), said, &one.now);
                runs.map_or(Order::CantTell, |(order, _)| order)
            }
            order => order,
        });
        let orders: Vec<Order> = orders.collect();
        let is_any = |order| orders.contains(&order);
        match (is_any(Order::Older), is_any(Order::CantTell)) {
            (true, false) if !is_any(Order::Newer) => Order::Older,
            (false, false) => Order::Newer,
            _ => Order::CantTell,
        }
    }

    /// Whether it could not be merged: the lines that it changes were changed by others, or are gone.
    fn conflicts(&self, tip: &Tip) -> bool {
        self.landed.edits.iter().any(|edit| {
            let now = tip.content(&edit.path);
            now.and_then(|now| merge::three_way(&edit.before, &edit.after, now))
                .is_none()
        })
    }

    /// Closes one that is open though its target holds it: somebody brought the images there in another way.
    async fn close_what_is_held(&mut self, standing: &Standing, log: &mut impl Progress) {
        if standing.state != PullState::Open {
            return;
        }
        // A merge shows in Git a moment before the pull request is closed by it.
        for _ in 0..DOUBTS {
            tokio::select! {
                () = tokio::time::sleep(DOUBT) => {}
                () = self.deadline.cancelled() => return,
            }
            match self.still_open().await {
                Ok(true) => {}
                // What is merged is merged; nobody needs to know of it.
                Ok(false) | Err(_) => return,
            }
        }
        let LandingReport { branch, .. } = &self.landed;
        let text = pull_request::holds_the_same(branch);
        match self.close(standing, &text).await {
            Ok(()) => log.info(&format!(
                "Closed pull request #{}: {branch} holds what it proposes already",
                self.pull.number
            )),
            Err(why) => log.warning(&format!(
                "Pull request #{} stays open though {branch} holds what it proposes already: {why}",
                self.pull.number
            )),
        }
    }

    /// Whether it is open, with nothing on its branch but what is ours, and will not be closed by the merge
    /// that brought its commit.
    async fn still_open(&self) -> Result<bool, RepositoryError> {
        let failed = |failure: Failure| RepositoryError::protocol(failure.message);
        let session = self.session().await.map_err(failed)?;
        let forge = session.forge().await?;
        let (own, target) = (&self.pull.branch, &self.landed.branch);
        let standing = forge.standing(self.pull.number, own, target).await?;
        let (PullState::Open, None | Some(Untold::Refused), Some(head), Some(target)) = (
            standing.state,
            standing.untold,
            standing.head,
            standing.target,
        ) else {
            return Ok(false);
        };
        Ok(head == self.head && !forge.is_in(&head, &target).await?)
    }

    /// Closes it with a comment, unless somebody else works on its branch. Else why not.
    async fn close(&self, standing: &Standing, text: &str) -> Result<(), String> {
        if self.is_shared || standing.head.as_ref() != Some(&self.head) {
            return Err("somebody else works on its branch".to_owned());
        }
        let failed = |failure: Failure| failure.message;
        let session = self.session().await.map_err(failed)?;
        let forge = session.forge().await.map_err(|error| error.to_string())?;
        forge.close(standing, self.pull.number, text).await
    }
}

/// Where its branch is; of one that was merged, where it was then.
fn at(standing: &Standing) -> Option<&CommitId> {
    let (head, last) = (standing.head.as_ref(), standing.last.as_ref());
    match standing.state {
        PullState::Merged => last.or(head),
        PullState::Open | PullState::Closed => head.or(last),
    }
}

/// The machine lacks what a look takes.
fn unopened(failure: Failure) -> Unmerged {
    Unmerged {
        outcome: None,
        failure,
    }
}
