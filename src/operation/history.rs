//! `operation: history`: who deployed what, when, from Git alone.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::session::Remote;
use super::{Progress, commit_line};
use crate::date::DateSpec;
use crate::deadline::Cancellation;
use crate::deployment::{self, Origin, Source};
use crate::failure::Failure;
use crate::files::FileSelection;
use crate::manifest::image_transitions;
use crate::repository::history::{self, HistoryQuery, Touched};
use crate::repository::{BranchName, CommitId, Location};

/// What is asked for.
pub struct History {
    /// The repository that holds the manifests.
    pub remote: Remote,
    /// The manifests.
    pub files: FileSelection,
    /// The first moment.
    pub since: Option<DateSpec>,
    /// The last moment.
    pub until: Option<DateSpec>,
    /// At most so many commits.
    pub limit: usize,
    /// A part of the author's name or address.
    pub author: Option<String>,
}

/// What was found.
#[derive(Debug, Clone)]
pub struct HistoryReport {
    /// The repository.
    pub location: Location,
    /// The branch.
    pub branch: BranchName,
    /// Its tip.
    pub tip: CommitId,
    /// What was asked about, as `file` has it.
    pub files: String,
    /// Newest first.
    pub deployments: Vec<Deployment>,
    /// Whether `limit` left out older ones.
    pub limited: bool,
    /// Where there is none: what there is instead.
    pub instead: Option<String>,
}

/// A commit that touched the files. `docs/history.md` describes this shape to users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Deployment {
    /// Its id, all digits.
    pub commit: String,
    /// Where to look at it; none for a repository on this machine.
    pub commit_url: Option<String>,
    /// When it was committed, in ISO 8601.
    pub date: String,
    /// The author's name.
    pub author: String,
    /// The author's address.
    pub author_email: String,
    /// The first line of its message.
    pub subject: String,
    /// `update`, `rollback` or `edit`.
    pub kind: &'static str,
    /// The commit that it reverts.
    pub reverts: Option<String>,
    /// The workflow run that made it.
    pub workflow_run: Option<String>,
    /// What it did to images; empty where it changed something else.
    pub images: Vec<Image>,
    /// The day, as the table shows it.
    #[serde(skip)]
    pub when: String,
}

/// What a commit did to one image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Image {
    /// The file.
    pub file: String,
    /// `Rollout/web`.
    pub resource: String,
    /// The name of the container, where the image is one's.
    pub container: Option<String>,
    /// None where the commit added it.
    pub old: Option<String>,
    /// None where the commit removed it.
    pub new: Option<String>,
}

/// The longest subject that is passed on, in characters.
const SUBJECT: usize = 200;

/// Reads the history of the files.
///
/// # Errors
/// Whatever keeps it from being read, told for a person.
pub async fn run(
    request: &History,
    source: &Source,
    cancellation: Cancellation,
    log: &mut impl Progress,
) -> Result<HistoryReport, Failure> {
    let History { remote, files, .. } = request;
    let session = remote.connect(source, cancellation, log).await?;
    log.info(&format!(
        "Reading the history of {files} in {}",
        remote.location
    ));
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |now| i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
    let query = HistoryQuery {
        limit: request.limit,
        since: request.since.as_ref().map(|date| date.start(now)),
        until: request.until.as_ref().map(|date| date.end(now)),
        author: request.author.clone(),
        beyond_globs: false,
    };
    let read = session.read(log, async || {
        session.repository.history(files, &query).await
    });
    let history::FileHistory {
        branch,
        tip,
        commits,
        limited,
    } = read.await?;
    let mut report = HistoryReport {
        location: remote.location.clone(),
        files: files.to_string(),
        deployments: commits
            .iter()
            .map(|touched| deployment(&remote.location, touched))
            .collect(),
        branch,
        tip,
        limited,
        instead: None,
    };
    if report.deployments.is_empty() {
        let any = HistoryQuery::newest(1);
        let read = session.read(log, async || session.repository.history(files, &any).await);
        let newest = read.await?.commits.into_iter().next();
        report.instead = newest.map(|touched| commit_line(&touched.commit));
        log.warning(&report.sentence());
    } else {
        log.info(&report.sentence());
    }
    Ok(report)
}

impl HistoryReport {
    /// What was found, in a sentence.
    pub fn sentence(&self) -> String {
        let Self {
            location,
            branch,
            files,
            ..
        } = self;
        match (self.deployments.len(), &self.instead) {
            (0, Some(newest)) => format!(
                "No commit of {branch} in {location} touched {files} in that period, by that author. The newest that did is {newest}."
            ),
            (0, None) => format!("No commit of {branch} in {location} touched {files}."),
            (count, _) => {
                let what = if count == 1 { "commit" } else { "commits" };
                let more = if self.limited {
                    "; older ones are left out: raise `limit` to see them"
                } else {
                    ""
                };
                format!("{count} {what} of {branch} in {location} touched {files}{more}.")
            }
        }
    }
}

fn deployment(location: &Location, touched: &Touched) -> Deployment {
    let Touched { commit, files, .. } = touched;
    let images = files.iter().flat_map(|versions| {
        image_transitions(
            &versions.path,
            versions.before.as_deref(),
            versions.after.as_deref(),
        )
    });
    Deployment {
        commit: commit.id.to_string(),
        commit_url: location.commit_url(commit.id.as_str()),
        date: commit.time.iso(),
        when: commit.time.day_and_minute(),
        author: commit.author.name.clone(),
        author_email: commit.author.email.clone(),
        subject: commit.subject().chars().take(SUBJECT).collect(),
        kind: Origin::of(&commit.message).name(),
        reverts: deployment::reverted_by(&commit.message).map(str::to_owned),
        workflow_run: deployment::trailer_values(&commit.message, "Workflow-Run")
            .next()
            .map(str::to_owned),
        images: images
            .map(|image| Image {
                file: image.held.file.to_string(),
                resource: image.held.resource,
                container: image.held.container,
                old: image.old,
                new: image.new,
            })
            .collect(),
    }
}
