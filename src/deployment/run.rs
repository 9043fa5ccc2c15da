//! The workflow run that deploys.

use super::trailers::{WORKFLOW, WORKFLOW_RUN, trailer_values};

/// The workflow run that deploys. Outside of a workflow nothing of it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Source {
    /// `owner/name` of the repository that was built.
    pub repository: Option<String>,
    /// Its URL.
    pub repository_url: Option<String>,
    /// The commit that was built.
    pub sha: Option<String>,
    /// What else is known of it.
    pub commit: SourceCommit,
    /// The account that started the run.
    pub actor: Option<String>,
    /// The number of the run, counted per workflow.
    pub run_number: Option<String>,
    /// The URL of this attempt of the run.
    pub run_url: Option<String>,
    /// The workflow's file: `.github/workflows/deploy.yml`.
    pub workflow: Option<String>,
}

/// What is known of a commit beside its id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceCommit {
    /// `Name <address>` of its author, or of whoever started the run; see [`super::address`].
    pub author: Option<String>,
    /// All of its message.
    pub message: Option<String>,
    /// When it was made, in ISO 8601.
    pub date: Option<String>,
}

impl Source {
    /// The run, where all is known that makes it comparable.
    pub fn run(&self) -> Option<Run<'_>> {
        Run::new(self.run_url.as_deref()?, self.workflow.as_deref()?)
    }

    /// Whether the trailers of a deployment name this attempt of this run.
    pub fn is_of_this_attempt(&self, message: &str) -> bool {
        self.run().is_some()
            && self.run() == Run::of(message)
            && trailer_values(message, WORKFLOW_RUN).next() == self.run_url.as_deref()
    }
}

/// A workflow run. Those of one repository are numbered as they start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run<'a> {
    /// The URL of the repository that it belongs to.
    pub repository_url: &'a str,
    /// The workflow's file.
    pub workflow: &'a str,
    /// The same for every attempt.
    pub id: u64,
}

impl<'a> Run<'a> {
    /// `url` is `…/actions/runs/ID/attempts/N`.
    fn new(url: &'a str, workflow: &'a str) -> Option<Self> {
        let (repository_url, run) = url.split_once("/actions/runs/")?;
        let id = run.split('/').next()?.parse().ok()?;
        Some(Self {
            repository_url,
            workflow,
            id,
        })
    }

    /// The run that the trailers of a deployment name.
    pub fn of(message: &'a str) -> Option<Self> {
        let value = |key| trailer_values(message, key).next();
        Self::new(value(WORKFLOW_RUN)?, value(WORKFLOW)?)
    }
}
