//! What became of a commit in the cluster.

use std::time::Duration;

use super::target::GitImage;
use crate::argocd::{ApplicationName, Done, Health};
use crate::failure::Failure;
use crate::nearest::first_few;
use crate::operation::landing;
use crate::repository::{BranchName, CommitId, Location};

/// What Argo CD made of a commit.
#[derive(Debug, Clone)]
pub struct VerificationReport {
    /// The repository.
    pub location: Location,
    /// The branch.
    pub branch: BranchName,
    /// The commit.
    pub commit: CommitId,
    /// What was to run.
    pub images: Vec<GitImage>,
    /// Each application, in the order asked for.
    pub applications: Vec<ApplicationReport>,
    /// What was posted on the commit, or on one on top of it, by name.
    pub statuses: Vec<ContextReport>,
    /// How long it was waited for.
    pub waited: Duration,
    /// Why it does not run the commit, where it does not.
    pub failure: Option<Failure>,
    /// Whose fault that is.
    pub blame: Blame,
}

/// Whose fault it is that a commit does not run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Blame {
    /// The commit's: undoing it cures it.
    Commit,
    /// Something else's.
    Elsewhere,
    /// Not known; or nothing is wrong.
    #[default]
    NotKnown,
}

/// What is known of one application.
#[derive(Debug, Clone)]
pub struct ApplicationReport {
    /// Its name.
    pub name: ApplicationName,
    /// Where a person looks at it.
    pub page: String,
    /// `Synced`, `OutOfSync`, `Unknown`; empty where nothing is known.
    pub sync: String,
    /// How well it is.
    pub health: Health,
    /// The revision that was compared with the cluster.
    pub revision: String,
    /// Its resources, as far as Argo CD lists them.
    pub resources: Vec<ResourceReport>,
    /// The images that its Pods run.
    pub running: Vec<String>,
    /// When it got how far.
    pub phases: Phases,
    /// How it ended well, where it did.
    pub done: Option<Done>,
}

/// What is known under one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextReport {
    /// The name, as `status-context` has it.
    pub context: String,
    /// GitHub's word for it: `success`, `failure`, `pending`.
    pub state: String,
    /// The words of whoever posted it.
    pub description: String,
    /// Where to look.
    pub url: Option<String>,
    /// Who posted it.
    pub creator: Option<String>,
    /// The commit that it is posted on.
    pub commit: String,
}

/// How many images a sentence names.
const NAMED: usize = 3;

/// One resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceReport {
    /// `Rollout/web`
    pub title: String,
    /// `Synced`, `OutOfSync`
    pub sync: String,
    /// `Healthy`, …; empty where Argo CD does not say.
    pub health: String,
    /// What it says of that.
    pub message: String,
}

/// How long it took from the start of the waiting.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Phases {
    /// Until Argo CD had compared the commit with the cluster.
    pub seen: Option<Duration>,
    /// Until it was applied.
    pub synced: Option<Duration>,
    /// Until it ran, healthy.
    pub healthy: Option<Duration>,
}

impl Phases {
    /// Each, in their order.
    pub fn all(self) -> [Option<Duration>; 3] {
        [self.seen, self.synced, self.healthy]
    }
}

impl VerificationReport {
    /// What happened, in a sentence.
    pub fn sentence(&self) -> String {
        let parts = [
            (!self.applications.is_empty()).then(|| self.of_applications()),
            (!self.statuses.is_empty()).then(|| self.of_statuses()),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        match (&parts[..], &self.failure) {
            ([], Some(_)) => format!("{} is not known to be deployed.", self.commit.short()),
            _ => parts.join(" "),
        }
    }

    /// What is posted, in a sentence.
    fn of_statuses(&self) -> String {
        let commit = self.commit.short();
        if self.failure.is_some() {
            return format!("{commit} was not reported as deployed, as asked.");
        }
        let names: Vec<&str> = self
            .statuses
            .iter()
            .map(|one| one.context.as_str())
            .collect();
        let others = self.statuses.iter().map(|one| one.commit.as_str());
        let others: Vec<&str> = others
            .filter(|other| *other != self.commit.as_str())
            .collect();
        let others: Vec<&str> = landing::distinct(others.into_iter());
        let others = others.iter().map(|id| id.get(..7).unwrap_or(id));
        let others: Vec<&str> = others.collect();
        let part = match &others[..] {
            [] => String::new(),
            others => format!(" as part of {}", others.join(", ")),
        };
        format!(
            "{commit} is deployed{part}, as {} {} after {} s.",
            names.join(", "),
            if names.len() == 1 {
                "reports"
            } else {
                "report"
            },
            self.waited.as_secs()
        )
    }

    /// What Argo CD made of it, in a sentence.
    fn of_applications(&self) -> String {
        let names: Vec<String> = self
            .applications
            .iter()
            .map(|one| one.name.to_string())
            .collect();
        let names = names.join(", ");
        let commit = self.commit.short();
        let (runs, is, pauses, does) = match self.applications.len() {
            1 => ("runs", "is", "pauses", "does"),
            _ => ("run", "are", "pause", "do"),
        };
        if self.failure.is_some() {
            return format!("{names} {does} not run {commit} as asked.");
        }
        let last = |of: fn(&Phases) -> Option<Duration>| {
            let all = self.applications.iter().filter_map(|one| of(&one.phases));
            all.max().unwrap_or_default().as_secs()
        };
        let done = self.applications.iter().filter_map(|one| one.done.as_ref());
        let worst = done.fold(&Done::Healthy, |worst, done| match done {
            Done::Healthy => worst,
            other => other,
        });
        let not_looked_for = match self.images.is_empty() {
            true => " No image was looked for: none is known that the commit changes.",
            false => "",
        };
        match worst {
            Done::Synced => format!(
                "{names} {is} synced to {commit}, after {} s.",
                last(|phases| phases.synced)
            ),
            Done::Healthy => format!(
                "{names} {runs} {commit}, healthy after {} s.{not_looked_for}",
                last(|phases| phases.healthy)
            ),
            Done::Suspended => format!(
                "{names} {runs} {commit} and {pauses}, after {} s.",
                last(|phases| phases.healthy)
            ),
            Done::Beside(_) => format!(
                "{names} {runs} {commit}, well after {} s beside what was unwell before.",
                last(|phases| phases.healthy)
            ),
            Done::WithoutPods(images) => format!(
                "{names} {is} healthy at {commit}, after {} s, and {runs} no Pod of {} yet.",
                last(|phases| phases.healthy),
                first_few(images, NAMED)
            ),
        }
    }

    /// The images that are to run, each once.
    pub fn git_images(&self) -> Vec<&str> {
        landing::distinct(self.images.iter().map(GitImage::image))
    }
}
