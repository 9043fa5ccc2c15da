//! A deployment or a rollback to its end: what landed, whether it was merged where it was proposed, whether it
//! runs by the word of those who were asked, and the way back where it does not.

use std::time::Duration;

use tokio::time::Instant;

use super::landing::{LandingReport, Outcome};
use super::merge_wait::{Anew, Brought, MergeOutcome, Waited, Waiting};
use super::promote::{self, Promote};
use super::pull_request::{News, Opened, PullRequest, Wait};
use super::rollback::{self, Rollback};
use super::session::Remote;
use super::update::{self, Update};
use super::verify::{self, Blame, Deployed, VerificationReport, WAY_BACK, Witnesses};
use super::{Operation, Progress};
use crate::deadline::{Cancellation, Deadline};
use crate::deployment::Source;
use crate::failure::{Failure, Reason};
use crate::files::FileSelection;

/// How long it is looked for what was merged at once, where its merge is not waited for.
const AT_ONCE: Duration = Duration::from_secs(10);

/// What became of a deployment or of a rollback.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// What landed on the branch.
    pub landed: LandingReport,
    /// How its pull request ended, where that was waited for.
    pub pull: Option<PullEnd>,
    /// Whether it runs, where that was asked for.
    pub verified: Option<VerificationReport>,
    /// The rollback that followed a failure, or why there is none.
    pub rolled_back: Option<Result<LandingReport, Failure>>,
}

/// The end of a pull request that was waited for.
#[derive(Debug, Clone)]
pub struct PullEnd {
    /// How it ended; none where that is not known.
    pub outcome: Option<MergeOutcome>,
    /// What brought it to the target, where it was merged.
    pub brought: Option<Brought>,
    /// Why it was not merged, for a person.
    pub failure: Option<Failure>,
}

impl PullEnd {
    /// Whether nobody could say whether it was merged.
    pub fn is_unknown(&self) -> bool {
        let mut failure = self.failure.iter();
        failure.any(|failure| failure.reason == Reason::MergeUnknown)
    }
}

impl Delivery {
    /// What happened, in a sentence or some.
    pub fn sentence(&self) -> String {
        let mut sentences = vec![self.landed.sentence()];
        sentences.extend(self.verified.as_ref().map(VerificationReport::sentence));
        sentences.join(" ")
    }

    /// The commit that rolled the deployment back, if one did.
    pub fn rollback(&self) -> Option<&LandingReport> {
        let report = self.rolled_back.as_ref()?.as_ref().ok()?;
        (report.outcome == Outcome::Committed && is_on_the_branch(report)).then_some(report)
    }

    /// The rollback that is proposed, where the deployment was as well.
    pub fn proposed_rollback(&self) -> Option<&LandingReport> {
        let report = self.rolled_back.as_ref()?.as_ref().ok()?;
        (!is_on_the_branch(report)).then_some(report)
    }

    /// The pull request of the rollback that followed, merged or not.
    pub fn pull_of_the_rollback(&self) -> Option<&Opened> {
        let report = self.rolled_back.as_ref()?.as_ref().ok()?;
        report.pull_request.as_ref()
    }

    /// The word for how the pull request stands; none where there is none.
    pub fn pull_state(&self) -> Option<&'static str> {
        let opened = self.landed.pull_request.as_ref()?;
        let ended = self.pull.as_ref().and_then(|pull| pull.outcome);
        Some(match (ended, opened.news) {
            (Some(outcome), _) => outcome.name(),
            (None, News::Merged | News::Landed) => MergeOutcome::Merged.name(),
            (None, News::Opened | News::Updated | News::Nothing | News::Queued) => "open",
        })
    }

    /// Whether this step made the commit, or the pull request that brought it.
    fn is_own(&self) -> bool {
        self.landed.outcome == Outcome::Committed && self.brought() != Some(Brought::ByOthers)
    }

    /// What brought it to the branch, where it waited in a pull request.
    fn brought(&self) -> Option<Brought> {
        self.pull.as_ref()?.brought
    }

    /// Whether a pull request brought it to the branch as several commits.
    fn is_in_several_commits(&self) -> bool {
        self.brought() == Some(Brought::InSeveral)
    }

    /// The rollback that is on the branch: the one that followed, or what this was itself.
    pub fn landed_rollback(&self) -> Option<&LandingReport> {
        let landed = &self.landed;
        let is_one = landed.operation == Operation::Rollback
            && !landed.again
            && landed.outcome == Outcome::Committed
            && is_on_the_branch(landed);
        self.rollback().or(is_one.then_some(landed))
    }

    /// What tells what the branch holds in the end.
    pub fn last(&self) -> &LandingReport {
        let rolled_back = self.rolled_back.as_ref();
        let rolled_back = rolled_back.and_then(|rolled_back| rolled_back.as_ref().ok());
        let is_there = |report: &&LandingReport| is_on_the_branch(report);
        rolled_back.filter(is_there).unwrap_or(&self.landed)
    }

    /// Why it did not get to its end; with what became of the branch.
    pub fn failure(&self) -> Option<Failure> {
        if let Some(frozen) = &self.landed.frozen
            && self.landed.is_held()
        {
            return frozen.failure.clone();
        }
        if let Some(failure) = self.pull.as_ref().and_then(|pull| pull.failure.clone()) {
            return Some(failure);
        }
        let mut failure = self.verified.as_ref()?.failure.clone()?;
        let Some(commit) = &self.landed.commit else {
            return Some(failure);
        };
        let deployed = match self.landed.operation {
            Operation::Rollback if !self.landed.again => "The rollback",
            Operation::Promote => "The promotion",
            Operation::Update
            | Operation::Rollback
            | Operation::History
            | Operation::Verify
            | Operation::Status => "The deployment",
        };
        let commit = commit.short();
        let after = match (&self.rolled_back, self.rollback()) {
            (_, Some(report)) => {
                let by = report
                    .commit
                    .as_ref()
                    .map(|commit| commit.short())
                    .unwrap_or_default();
                let images = report.new_images().join(", ");
                let undone = report.undone.first().map(|undone| undone.id.short());
                let commit = undone.unwrap_or(commit);
                failure.hint = Some(format!(
                    "Find out why before you deploy it again. The cluster goes back to {images} by itself; this step does not wait for that."
                ));
                format!("{deployed} {commit} was rolled back by {by}.")
            }
            (Some(Err(why)), _) => {
                // What the user has set up need not be advised; and how to undo what came later is for
                // who rolls back by hand: it is somebody else's work, and may be the cure.
                failure.hint = match why.reason {
                    Reason::Rollback if self.is_own() => Some(
                        "What came later was left alone: look at that deployment, and ask whoever made it.".to_owned(),
                    ),
                    _ => why.hint.clone(),
                };
                let (what, branch) = (self.landed.what(), &self.landed.branch);
                let put = match self.is_own() {
                    true => format!("This run had put {what} on {branch}."),
                    false => format!("{branch} holds {what}."),
                };
                let why = why.after_a_change(&put);
                format!("{deployed} {commit} was not rolled back. {why}")
            }
            (Some(Ok(report)), None) => match &report.pull_request {
                Some(pull) if pull.news == News::Merged => {
                    failure.hint = Some(format!(
                        "Look whether {} holds what was before, and find out why before you deploy it again.",
                        self.landed.branch
                    ));
                    format!(
                        "{deployed} {commit} was taken back by pull request #{}, which was merged, though not by a commit that could be found: {}",
                        pull.number, pull.url
                    )
                }
                Some(pull) => {
                    failure.hint = Some(format!(
                        "Merge pull request #{} to go back, and find out why before you deploy it again.",
                        pull.number
                    ));
                    format!(
                        "{deployed} {commit} is on the branch {}; pull request #{} takes it back: {}",
                        self.landed.branch, pull.number, pull.url
                    )
                }
                None => format!("{deployed} {commit} was not rolled back: it is undone already."),
            },
            (None, None) if failure.reason == Reason::CommitGone => return Some(failure),
            (None, None)
                if self.landed.operation == Operation::Rollback
                    && self.landed.is_there_already() =>
            {
                failure.hint = failure.hint.map(|hint| hint.replace(WAY_BACK, ""));
                let why = self.landed.skipped.as_deref();
                format!(
                    "{} stays as it is, at {commit}: {}.",
                    self.landed.branch,
                    why.unwrap_or("what was to be undone was so already")
                )
            }
            (None, None) if self.landed_rollback().is_some() => {
                failure.hint = failure.hint.map(|hint| hint.replace(WAY_BACK, ""));
                format!(
                    "{deployed} {commit} stays on the branch {}. To wait for it again, use `operation: verify` with `commit: {commit}`: \
                     another rollback takes back one more deployment.",
                    self.landed.branch
                )
            }
            (None, None) => format!(
                "{deployed} {commit} stays on the branch {}.",
                self.landed.branch
            ),
        };
        failure.message = format!("{}\n{after}", failure.message);
        Some(failure)
    }
}

/// Whether what landed is on the branch itself.
fn is_on_the_branch(landed: &LandingReport) -> bool {
    let opened = landed.pull_request.as_ref();
    opened.is_none_or(|opened| opened.news == News::Landed)
}

/// Deploys, and where somebody is to tell that, waits until it runs.
///
/// # Errors
/// Whatever keeps it from landing. What comes later is in the report.
pub async fn update(
    update: &Update,
    source: &Source,
    cancellation: Cancellation,
    log: &mut impl Progress,
) -> Result<Delivery, Failure> {
    let landed = update::run(update, source, cancellation.clone(), log).await?;
    let anew = Anew::Update(update);
    Ok(delivered(update, landed, anew, source, cancellation, log).await)
}

/// Promotes, and where somebody is to tell that, waits until it runs.
///
/// # Errors
/// As [`update()`].
pub async fn promote(
    promote: &Promote,
    source: &Source,
    cancellation: Cancellation,
    log: &mut impl Progress,
) -> Result<Delivery, Failure> {
    let landed = promote::run(promote, source, cancellation.clone(), log).await?;
    let anew = Anew::Promote(promote);
    Ok(delivered(&promote.to, landed, anew, source, cancellation, log).await)
}

/// What became of what landed.
async fn delivered(
    update: &Update,
    landed: LandingReport,
    anew: Anew<'_>,
    source: &Source,
    cancellation: Cancellation,
    log: &mut impl Progress,
) -> Delivery {
    let watched = Watched {
        witnesses: &update.witnesses,
        remote: &update.remote,
        files: &update.files,
        pull_request: update.pull_request.as_ref(),
        anew,
    };
    let mut delivery = watched
        .verified(landed, source, cancellation.clone(), log)
        .await;
    let broken = delivery
        .verified
        .as_ref()
        .is_some_and(|report| report.blame == Blame::Commit);
    let landed = &delivery.landed;
    if let (true, true, Some(commit)) = (update.rollback_on_failure, broken, &landed.commit) {
        let deadline = Deadline::after(update.remote.timeout, cancellation.clone());
        let in_several = delivery.is_in_several_commits();
        let rolled_back = match update.remote.open(source, deadline).await {
            _ if in_several => Err(in_several_commits(landed)),
            Ok(session) if delivery.is_own() => {
                rollback::of_commit(&session, update, commit, source, log).await
            }
            Ok(session) => {
                let judged = (commit, &landed.new_images()[..]);
                rollback::of_this_run(&session, update, judged, source, log).await
            }
            Err(failure) => Err(failure),
        };
        let watched = Watched {
            anew: Anew::Never,
            ..watched
        };
        delivery.rolled_back = Some(match rolled_back {
            Ok(report) => Ok(watched.found(report, source, cancellation, log).await.0),
            Err(failure) => Err(failure),
        });
    }
    delivery
}

/// Why a deployment is not undone that came by several commits.
fn in_several_commits(landed: &LandingReport) -> Failure {
    let before = match landed.old_images()[..] {
        [before] => format!("`to: {before}`"),
        _ => "`to`, which takes the image to go back to".to_owned(),
    };
    Failure::new(
        Reason::PullRequest,
        "Its pull request came to the branch as several commits, and undoing the last one would bring back an image that only the pull request had.",
    )
    .with_hint(format!(
        "Go back to what was before with `operation: rollback` and {before}."
    ))
}

/// Rolls back, and where somebody is to tell that, waits until what was before runs again.
///
/// # Errors
/// Whatever keeps it from landing. What comes later is in the report.
pub async fn rollback(
    rollback: &Rollback,
    source: &Source,
    cancellation: Cancellation,
    log: &mut impl Progress,
) -> Result<Delivery, Failure> {
    let landed = rollback::run(rollback, source, cancellation.clone(), log).await?;
    let watched = Watched {
        witnesses: &rollback.witnesses,
        remote: &rollback.remote,
        files: &rollback.files,
        pull_request: rollback.pull_request.as_ref(),
        anew: Anew::Never,
    };
    Ok(watched.verified(landed, source, cancellation, log).await)
}

/// Who is to merge and run what landed, and where that is.
struct Watched<'a> {
    witnesses: &'a Witnesses,
    remote: &'a Remote,
    files: &'a FileSelection,
    pull_request: Option<&'a PullRequest>,
    anew: Anew<'a>,
}

impl Watched<'_> {
    async fn verified(
        &self,
        landed: LandingReport,
        source: &Source,
        cancellation: Cancellation,
        log: &mut impl Progress,
    ) -> Delivery {
        let (landed, pull, since) = self.merged(landed, source, cancellation.clone(), log).await;
        let mut delivery = Delivery {
            landed,
            pull,
            verified: None,
            rolled_back: None,
        };
        let landed = &delivery.landed;
        let deployed = match is_on_the_branch(landed) {
            true => Deployed::of(landed, self.files, since, delivery.is_in_several_commits()),
            false => None,
        };
        let Self {
            witnesses, remote, ..
        } = self;
        delivery.verified = match deployed {
            _ if witnesses.is_empty() => None,
            Some(deployed) => {
                Some(verify::wait(witnesses, remote, source, &deployed, cancellation, log).await)
            }
            None => {
                log.info("Nothing is verified: nothing was deployed by this step.");
                None
            }
        };
        delivery
    }

    /// What landed, on the branch itself where a pull request for it was merged, by whoever; with when that was at
    /// the earliest.
    async fn merged(
        &self,
        landed: LandingReport,
        source: &Source,
        cancellation: Cancellation,
        log: &mut impl Progress,
    ) -> (LandingReport, Option<PullEnd>, Option<Instant>) {
        let wait = self.pull_request.and_then(|request| request.wait.as_ref());
        let (Some(wait), Some(_)) = (wait, &landed.pull_request) else {
            return self.found(landed, source, cancellation, log).await;
        };
        let waiting = self.waiting(wait, source);
        ended(waiting.merged(landed, cancellation, log).await)
    }

    /// The same of what was merged at once: no merge is waited for, and the commit that brought it is looked for.
    async fn found(
        &self,
        landed: LandingReport,
        source: &Source,
        cancellation: Cancellation,
        log: &mut impl Progress,
    ) -> (LandingReport, Option<PullEnd>, Option<Instant>) {
        let opened = landed.pull_request.as_ref();
        let Some(opened) = opened.filter(|opened| opened.news == News::Merged) else {
            return (landed, None, None);
        };
        let unknown = format!(
            "Pull request #{} was merged at once, and which commit of {} brought it could not be found out: `commit-sha` is the commit of its own branch. See {}",
            opened.number, landed.branch, opened.url
        );
        let wait = Wait {
            time: AT_ONCE,
            transport: self.remote.transport.clone(),
        };
        let waiting = self.waiting(&wait, source);
        let waited = waiting.merged(landed, cancellation, log).await;
        if waited.failure.is_some() {
            log.warning(&unknown);
            return (waited.landed, None, None);
        }
        ended(waited)
    }

    fn waiting<'w>(&'w self, wait: &'w Wait, source: &'w Source) -> Waiting<'w> {
        Waiting {
            remote: self.remote,
            files: self.files,
            wait,
            source,
            anew: self.anew,
        }
    }
}

fn ended(waited: Waited) -> (LandingReport, Option<PullEnd>, Option<Instant>) {
    let Waited {
        landed,
        outcome,
        brought,
        since,
        failure,
    } = waited;
    let end = PullEnd {
        outcome,
        brought,
        failure,
    };
    (landed, Some(end), Some(since))
}
