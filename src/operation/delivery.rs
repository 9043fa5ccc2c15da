//! A deployment or a rollback to its end: what landed, what Argo CD made of it, and the way back where
//! it made nothing of it.

use super::landing::{LandingReport, Outcome};
use super::promote::{self, Promote};
use super::rollback::{self, Rollback};
use super::session::Remote;
use super::update::{self, Update};
use super::verify::{self, Argocd, Blame, Deployed, VerificationReport};
use super::{Operation, Progress};
use crate::deadline::{Cancellation, Deadline};
use crate::deployment::Source;
use crate::failure::{Failure, Reason};
use crate::files::FileSelection;

/// What became of a deployment or of a rollback.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// What landed on the branch.
    pub landed: LandingReport,
    /// What Argo CD made of it, where that was asked for.
    pub verified: Option<VerificationReport>,
    /// The rollback that followed a failure, or why there is none.
    pub rolled_back: Option<Result<LandingReport, Failure>>,
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
        (report.outcome == Outcome::Committed).then_some(report)
    }

    /// The rollback that is on the branch: the one that followed, or what this was itself.
    pub fn landed_rollback(&self) -> Option<&LandingReport> {
        let landed = &self.landed;
        let is_one = landed.operation == Operation::Rollback
            && !landed.again
            && landed.outcome == Outcome::Committed
            && landed.pull_request.is_none();
        self.rollback().or(is_one.then_some(landed))
    }

    /// Why it did not get to its end; with what became of the branch.
    pub fn failure(&self) -> Option<Failure> {
        if let Some(frozen) = &self.landed.frozen
            && self.landed.is_held()
        {
            return frozen.failure.clone();
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
                failure.hint = Some(format!(
                    "Find out why before you deploy it again. Argo CD goes back to {images} by itself; this step does not wait for that."
                ));
                format!("{deployed} {commit} was rolled back by {by}.")
            }
            (Some(Err(why)), _) => {
                // What the user has set up need not be advised; and how to undo what came later is for
                // who rolls back by hand: it is somebody else's work, and may be the cure.
                failure.hint = match why.reason {
                    Reason::Rollback => Some(
                        "What came later was left alone: look at that deployment, and ask whoever made it.".to_owned(),
                    ),
                    _ => why.hint.clone(),
                };
                // What a refusal knows of what runs, it says itself.
                let still = match why.message.contains("still deployed") {
                    true => String::new(),
                    false => format!(
                        " What is on {} now could not be read; this run had deployed {} there.",
                        self.landed.branch,
                        self.landed.what()
                    ),
                };
                // Of itself it says that nothing was changed; the deployment has changed something.
                let why = why.message.replace(" Nothing was changed.", "");
                let why = why.replace("Nothing was changed: ", "");
                format!("{deployed} {commit} was not rolled back. {why}{still}")
            }
            (Some(Ok(_)), None) => {
                format!("{deployed} {commit} was not rolled back: it is undone already.")
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

/// Deploys, and where Argo CD is named, waits until it runs.
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
    Ok(delivered(update, landed, source, cancellation, log).await)
}

/// Promotes, and where Argo CD is named, waits until it runs.
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
    Ok(delivered(&promote.to, landed, source, cancellation, log).await)
}

/// What became of what landed.
async fn delivered(
    update: &Update,
    landed: LandingReport,
    source: &Source,
    cancellation: Cancellation,
    log: &mut impl Progress,
) -> Delivery {
    let watched = Watched {
        argocd: update.argocd.as_ref(),
        remote: &update.remote,
        files: &update.files,
    };
    let mut delivery = watched
        .verified(landed, source, cancellation.clone(), log)
        .await;
    let broken = delivery
        .verified
        .as_ref()
        .is_some_and(|report| report.blame == Blame::Commit);
    let ours = delivery.landed.outcome == Outcome::Committed;
    if let (true, true, true, Some(commit)) = (
        update.rollback_on_failure,
        broken,
        ours,
        &delivery.landed.commit,
    ) {
        let deadline = Deadline::after(update.remote.timeout, cancellation);
        let rolled_back = match update.remote.open(source, deadline).await {
            Ok(session) => {
                let Update {
                    files, identity, ..
                } = update;
                let freeze = update.freeze.as_ref();
                rollback::of_commit(&session, files, identity, freeze, commit, source, log).await
            }
            Err(failure) => Err(failure),
        };
        delivery.rolled_back = Some(rolled_back);
    }
    delivery
}

/// Rolls back, and where Argo CD is named, waits until what was before runs again.
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
        argocd: rollback.argocd.as_ref(),
        remote: &rollback.remote,
        files: &rollback.files,
    };
    Ok(watched.verified(landed, source, cancellation, log).await)
}

/// Who is to run what landed, and where that is.
struct Watched<'a> {
    argocd: Option<&'a Argocd>,
    remote: &'a Remote,
    files: &'a FileSelection,
}

impl Watched<'_> {
    async fn verified(
        &self,
        landed: LandingReport,
        source: &Source,
        cancellation: Cancellation,
        log: &mut impl Progress,
    ) -> Delivery {
        let deployed = Deployed::of(&landed, self.files);
        let verified = match (self.argocd, deployed) {
            (Some(argocd), Some(deployed)) => {
                Some(verify::wait(argocd, self.remote, source, &deployed, cancellation, log).await)
            }
            (Some(_), None) => {
                log.info("Nothing is verified: nothing was deployed by this step.");
                None
            }
            (None, _) => None,
        };
        Delivery {
            landed,
            verified,
            rolled_back: None,
        }
    }
}
