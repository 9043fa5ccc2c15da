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
    /// Why it has none of the secrets; none where nothing says so.
    pub withheld: Option<Withheld>,
}

/// Whose run it is, where GitHub gives it no secrets, and a GITHUB_TOKEN that only reads.
/// Source: GitHub's documentation, "Events that trigger workflows" on forks, and "Dependabot on GitHub Actions".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withheld {
    /// That of a pull request from a fork.
    Fork,
    /// Dependabot's, which has secrets of its own.
    Dependabot,
}

impl Withheld {
    /// Why that is, and what to do.
    pub fn told(self) -> &'static str {
        match self {
            Self::Fork => {
                "This run is of a pull request from a fork, to which GitHub gives no secrets, and a GITHUB_TOKEN that only reads: deploy \
                 when it is merged, by a push to the branch"
            }
            Self::Dependabot => {
                "This run is Dependabot's, to which GitHub gives a GITHUB_TOKEN that only reads, and no secrets but those of Settings → \
                 Secrets and variables → Dependabot: put the secret there as well, or leave the job out with \
                 `if: github.actor != 'dependabot[bot]'`"
            }
        }
    }
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
