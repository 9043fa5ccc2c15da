//! What is to run, and who is to run it.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use tokio::time::Instant;

use crate::argocd::client::{Client, Identity, Server};
use crate::argocd::{ApplicationName, WaitFor};
use crate::commit_status::Line;
use crate::files::{FileSelection, RepoPath};
use crate::image::ImageReference;
use crate::manifest::{self, HeldImage, ManifestFile, Place};
use crate::operation::landing::{self, LandingReport};
use crate::operation::session::Remote;
use crate::repository::transport::Choice;
use crate::repository::{BranchName, CommitId, Location, Revision};

/// The Argo CD that is to run the commit.
#[derive(Debug, Clone)]
pub struct Argocd {
    /// Where it is.
    pub server: Server,
    /// Who asks; it may get the applications.
    pub identity: Identity,
    /// The applications, at least one.
    pub applications: Vec<ApplicationName>,
    /// Their project.
    pub project: Option<String>,
    /// When one is done.
    pub wait_for: WaitFor,
    /// Whether a canary that pauses is done.
    pub allow_suspended: bool,
    /// For all of it.
    pub timeout: Duration,
}

impl Argocd {
    /// A client for it.
    pub(super) fn client(&self, http: reqwest::Client) -> Client {
        let (server, identity) = (self.server.clone(), self.identity.clone());
        Client::new(http, server, identity, self.project.clone())
    }
}

/// What is to be posted on the commit.
#[derive(Debug, Clone)]
pub struct Statuses {
    /// Under which names, at least one.
    pub lines: Vec<Line>,
    /// Who must have posted it.
    pub creator: Option<String>,
    /// GitHub's API, whatever the repository is read over.
    pub transport: Choice,
    /// For all of it.
    pub timeout: Duration,
}

/// Whose word is taken for it that a commit is deployed. Where there are both, both must say so.
#[derive(Debug, Clone, Default)]
pub struct Witnesses {
    /// Argo CD.
    pub argocd: Option<Argocd>,
    /// Whoever posts on the commit.
    pub statuses: Option<Statuses>,
}

impl Witnesses {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.argocd.is_none() && self.statuses.is_none()
    }

    /// How long they are waited for.
    pub(super) fn timeout(&self) -> Duration {
        let argocd = self.argocd.as_ref().map(|argocd| argocd.timeout);
        let statuses = self.statuses.as_ref().map(|statuses| statuses.timeout);
        argocd.or(statuses).unwrap_or_default()
    }
}

/// What is asked for.
pub struct Verify {
    /// The repository that holds the manifests.
    pub remote: Remote,
    /// Who tells whether it runs.
    pub witnesses: Witnesses,
    /// The commit, or the beginning of its id; else the branch's tip.
    pub commit: Option<Revision>,
    /// The manifests whose images are to run.
    pub files: Option<FileSelection>,
    /// The images that are to run; else all of those in the files.
    pub images: Vec<ImageReference>,
}

/// A commit that is to run.
pub struct Deployed {
    /// The repository.
    pub location: Location,
    /// The branch.
    pub branch: BranchName,
    /// The commit.
    pub commit: CommitId,
    /// The tip before it, where it is known.
    pub base: Option<CommitId>,
    /// When it came to the branch at the earliest, where it may have been there before: the commit of a
    /// pull request.
    pub since: Option<Instant>,
    /// Whether it is the last of several commits that a pull request brought together: what ran before is below all
    /// of them.
    pub in_several: bool,
    /// The manifests.
    pub files: Option<FileSelection>,
    /// Those of them that matter, by their paths.
    pub paths: Vec<String>,
    /// The images in them that are to run.
    pub images: Vec<GitImage>,
    /// All objects that the commit changes, as `Rollout/web`; empty where that is not known.
    pub touched: Vec<String>,
}

/// An image as Git has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GitImage {
    /// At a place in the manifests.
    Held(HeldImage),
    /// One that was only named.
    Named(String),
}

impl GitImage {
    /// The reference.
    pub fn image(&self) -> &str {
        match self {
            Self::Held(held) => &held.image,
            Self::Named(image) => image,
        }
    }

    /// Where it is, where that is known.
    pub fn held(&self) -> Option<&HeldImage> {
        match self {
            Self::Held(held) => Some(held),
            Self::Named(_) => None,
        }
    }
}

/// Every image in `files`. A file that is no YAML holds none.
pub(super) fn images_in(files: &[ManifestFile]) -> Vec<HeldImage> {
    let found = files.iter().flat_map(manifest::images_in).flatten();
    found.filter(|held| !held.image.is_empty()).collect()
}

/// The images of `wanted` that their places do not hold any more, each with what they hold now.
pub(super) fn other_images(
    wanted: &[GitImage],
    now: &[HeldImage],
) -> Vec<(String, Option<String>)> {
    let mut at: HashMap<(&RepoPath, &Place), BTreeSet<&str>> = HashMap::new();
    for held in now {
        let images = at.entry((&held.file, &held.place)).or_default();
        images.insert(&held.image);
    }
    let other = |held: &HeldImage| match at.get(&(&held.file, &held.place)) {
        // Items without names share a place: one of them is enough.
        Some(images) if images.contains(held.image.as_str()) => None,
        others => {
            let first = others.and_then(BTreeSet::first);
            Some((held.image.clone(), first.map(|image| (*image).to_owned())))
        }
    };
    wanted
        .iter()
        .filter_map(GitImage::held)
        .filter_map(other)
        .collect()
}

/// The images of `wanted` that are in `own`, the files of the commit itself, to be seen there, and that their places
/// do not hold in `now`. None where that is not known: one that only `path` or `set` leads to is in nobody's list, so
/// that its place tells something only where the whole file is as it was.
pub(super) fn proven_others(
    wanted: &[GitImage],
    own: &[ManifestFile],
    now: &[ManifestFile],
) -> Option<Vec<(String, Option<String>)>> {
    let seen = images_in(own);
    let seen: HashSet<(&RepoPath, &Place)> =
        seen.iter().map(|held| (&held.file, &held.place)).collect();
    let is_seen = |held: &HeldImage| seen.contains(&(&held.file, &held.place));
    let wanted = wanted.iter().filter_map(GitImage::held).cloned();
    let (seen, hidden): (Vec<HeldImage>, Vec<HeldImage>) = wanted.partition(is_seen);
    let seen: Vec<GitImage> = seen.into_iter().map(GitImage::Held).collect();
    let others = other_images(&seen, &images_in(now));
    let is_as_it_was = |held: &HeldImage| {
        let of = |files: &[ManifestFile]| {
            let mut files = files.iter();
            let found = files.find(|file| file.path == held.file);
            found.map(|file| file.bytes.clone())
        };
        of(own) == of(now)
    };
    let is_known = !others.is_empty() || hidden.iter().all(is_as_it_was);
    is_known.then_some(others)
}

impl Deployed {
    /// The commit below it, as far as that is known here: what a pull request brought by one commit may be on top of
    /// more than what it was made on.
    pub(super) fn below(&self) -> Option<&CommitId> {
        let is_below = self.since.is_none() || self.in_several;
        self.base.as_ref().filter(|_| is_below)
    }

    /// What an operation landed, or found on the branch already; none where it left the branch with
    /// something else. Where it was there before it came to the branch, that was after `since`; it may have come
    /// `in_several` commits.
    pub fn of(
        report: &LandingReport,
        files: &FileSelection,
        since: Option<Instant>,
        in_several: bool,
    ) -> Option<Self> {
        use landing::Outcome;
        let Some(commit) = &report.commit else {
            return None;
        };
        let base = match report.outcome {
            Outcome::Committed => Some(report.base.clone()),
            _ if report.is_there_already() => None,
            Outcome::Unchanged | Outcome::DryRun | Outcome::Skipped => return None,
        };
        let mut paths: Vec<String> = report
            .images
            .iter()
            .map(|image| image.file.to_string())
            .collect();
        paths.extend(report.values.iter().map(|value| value.file.to_string()));
        paths.sort();
        paths.dedup();
        // One that came to the branch by a pull request may have brought more.
        let is_all = base.is_some() && since.is_none();
        let images = report.images.iter().chain(&report.set_images);
        let touched = images.map(|change| &change.resource);
        let touched = touched.chain(report.values.iter().map(|change| &change.resource));
        Some(Self {
            touched: touched.filter(|_| is_all).cloned().collect(),
            location: report.location.clone(),
            branch: report.branch.clone(),
            commit: commit.clone(),
            since,
            in_several,
            base,
            files: Some(files.clone()),
            paths,
            images: report
                .images
                .iter()
                .chain(&report.set_images)
                .map(|change| GitImage::Held(change.into()))
                .collect(),
        })
    }
}
