//! What is to run, and who is to run it.

use std::time::Duration;

use secrecy::SecretString;

use crate::argocd::client::{Client, Server};
use crate::argocd::{ApplicationName, WaitFor};
use crate::files::FileSelection;
use crate::image::ImageReference;
use crate::manifest::{self, HeldImage, ManifestFile};
use crate::operation::landing::{self, LandingReport};
use crate::operation::session::Remote;
use crate::repository::{BranchName, CommitId, Location, Revision};

/// The Argo CD that is to run the commit.
#[derive(Debug, Clone)]
pub struct Argocd {
    /// Where it is.
    pub server: Server,
    /// For it; it may get the applications.
    pub token: SecretString,
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
        let (server, token) = (self.server.clone(), self.token.clone());
        Client::new(http, server, token, self.project.clone())
    }
}

/// What is asked for.
pub struct Verify {
    /// The repository that holds the manifests.
    pub remote: Remote,
    /// Who is to run it.
    pub argocd: Argocd,
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
    /// The manifests.
    pub files: Option<FileSelection>,
    /// Those of them that matter, by their paths.
    pub paths: Vec<String>,
    /// The images in them that are to run.
    pub images: Vec<GitImage>,
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

impl Deployed {
    /// What an operation landed, or found on the branch already; none where it left the branch with
    /// something else.
    pub fn of(report: &LandingReport, files: &FileSelection) -> Option<Self> {
        use landing::Outcome;
        let Some(commit) = &report.commit else {
            return None;
        };
        let base = match report.outcome {
            Outcome::Committed => Some(report.base.clone()),
            Outcome::Unchanged => None,
            Outcome::DryRun | Outcome::Skipped => return None,
        };
        let mut paths: Vec<String> = report
            .images
            .iter()
            .map(|image| image.file.to_string())
            .collect();
        paths.extend(report.values.iter().map(|value| value.file.to_string()));
        paths.sort();
        paths.dedup();
        Some(Self {
            location: report.location.clone(),
            branch: report.branch.clone(),
            commit: commit.clone(),
            base,
            files: Some(files.clone()),
            paths,
            images: report
                .images
                .iter()
                .map(|change| GitImage::Held(change.into()))
                .collect(),
        })
    }
}
