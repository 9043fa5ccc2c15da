//! A pull request in place of a push to the branch: its texts, and what is to become of it.

use std::fmt::Write as _;

use super::session::Session;
use crate::deployment::{self, Deployment, MessageTemplate, Source};
use crate::failure::{Failure, Reason};
use crate::manifest::{ImageChange, Plan};
use crate::markdown::{code, table};
use crate::repository::github::GithubRepository;
use crate::repository::github::pulls::{MergeMethod, Pull, PullDraft};
use crate::repository::{BranchName, CommitId, ObjectId, ObjectKind, Refusal, RepositoryError};

/// The longest part of a branch's name that says what it is for.
const MAX_NAME: usize = 60;

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct PullRequest {
    /// Its branch; else one that is named after what it deploys.
    pub branch: Option<BranchName>,
    /// Its title; else the first line of the commit's message.
    pub title: Option<MessageTemplate>,
    /// Its text; else a table of what changes.
    pub body: Option<MessageTemplate>,
    /// Labels to add.
    pub labels: Vec<String>,
    /// People to ask for a review.
    pub reviewers: Vec<String>,
    /// Teams to ask for one, by their slugs.
    pub team_reviewers: Vec<String>,
    /// People to assign.
    pub assignees: Vec<String>,
    /// Whether it is a draft.
    pub draft: bool,
    /// How to merge it as soon as the rules allow.
    pub auto_merge: Option<MergeMethod>,
}

impl PullRequest {
    /// The branch: the one that is asked for, or `gitops-deploy/NAME-DIGITS`, the same for the same
    /// `scope`.
    pub(super) fn branch(&self, name: &str, scope: &str) -> Result<BranchName, Failure> {
        if let Some(branch) = &self.branch {
            return Ok(branch.clone());
        }
        let unnamed = |why: String| {
            Failure::new(
                Reason::Input,
                format!("There is no name for the pull request's branch: {why}."),
            )
            .with_hint("Set `pull-request-branch`.")
        };
        let digits = ObjectId::of(ObjectKind::Blob, scope.as_bytes()).to_string();
        let name: String = name.chars().take(MAX_NAME).collect();
        let digits = digits.get(..7).unwrap_or(&digits);
        let branch = format!("gitops-deploy/{name}-{digits}");
        branch
            .parse()
            .map_err(|_| unnamed(format!("`{branch}` is none that git allows")))
    }
}

/// A pull request to make of a commit.
pub struct Proposing<'a> {
    /// What it is to be.
    pub request: &'a PullRequest,
    /// The branch that the commit goes to.
    pub branch: BranchName,
    /// The run that proposes it.
    pub source: &'a Source,
}

impl Proposing<'_> {
    /// Nothing can be merged into itself, and nothing may be pushed to the target by mistake.
    pub(super) fn check(&self, target: &BranchName) -> Result<(), Failure> {
        if self.branch != *target {
            return Ok(());
        }
        Err(Failure::new(
            Reason::Input,
            format!(
                "`pull-request-branch` `{target}`: the branch that it is to be merged into. Nothing was changed."
            ),
        ))
    }
}

/// A commit that is on the branch of a pull request.
pub(super) struct Proposed<'a> {
    pub(super) base: &'a BranchName,
    pub(super) commit: &'a CommitId,
    pub(super) is_new: bool,
    pub(super) message: &'a str,
    pub(super) plan: &'a Plan,
}

/// A pull request that is open, or was until now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// Its number.
    pub number: u64,
    /// Where a person looks at it.
    pub url: String,
    /// Its branch.
    pub branch: BranchName,
    /// What became of it.
    pub news: News,
}

/// What a run did to a pull request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// It is new.
    Opened,
    /// It was open, and has a new commit.
    Updated,
    /// It was open, with all of it.
    Nothing,
    /// It was merged, since nothing was missing.
    Merged,
}

/// Opens the pull request, or brings an open one up to date. What is refused of labels and the like is
/// a warning: the pull request is there.
pub(super) async fn open(
    session: &Session<'_>,
    proposing: &Proposing<'_>,
    proposed: &Proposed<'_>,
    warnings: &mut Vec<String>,
) -> Result<Opened, Failure> {
    let Some(api) = session.repository.api() else {
        return Err(Failure::new(
            Reason::PullRequest,
            "Pull requests are GitHub's.",
        ));
    };
    let Proposing {
        request,
        branch,
        source,
    } = proposing;
    let deployment = Deployment::of(proposed.plan, source);
    let (title, body) = texts(request, proposed, &deployment);
    let draft = PullDraft {
        head: branch,
        base: proposed.base,
        title: &title,
        body: &body,
        draft: request.draft,
    };
    let refused = |error: &RepositoryError| refused(session, proposing, proposed, error);
    let existing = api
        .open_pull(branch, proposed.base)
        .await
        .map_err(|error| refused(&error))?;
    let (pull, mut news) = match existing {
        Some(pull) => {
            let same = pull.title == title && pull.body.as_deref().unwrap_or_default() == body;
            if proposed.is_new && !same {
                let edited = api.edit_pull(&pull, &title, &body).await;
                warn(
                    warnings,
                    "its title and text could not be changed",
                    edited.err(),
                );
            }
            let news = if proposed.is_new {
                News::Updated
            } else {
                News::Nothing
            };
            (pull, news)
        }
        None => match api.create_pull(&draft).await {
            Ok(pull) => (pull, News::Opened),
            // It may be there all the same: made by another run, or the answer was lost.
            Err(error) => match api.open_pull(branch, proposed.base).await {
                Ok(Some(pull)) => (pull, News::Opened),
                Ok(None) | Err(_) => return Err(refused(&error)),
            },
        },
    };
    furnish(api, request, &pull, news, warnings).await;
    if let Some(method) = request.auto_merge {
        match api.merge_when_ready(&pull, proposed.commit, method).await {
            Ok(true) => news = News::Merged,
            Ok(false) => {}
            Err(error) => warn(
                warnings,
                "it will not be merged by itself (\"Allow auto-merge\" in the repository's settings, and a rule of the branch that it can wait for)",
                Some(error),
            ),
        }
    }
    Ok(Opened {
        number: pull.number,
        url: pull.url,
        branch: branch.clone(),
        news,
    })
}

/// Labels, assignees and reviewers. Reviewers are asked once: each time would be another mail.
async fn furnish(
    api: &GithubRepository,
    request: &PullRequest,
    pull: &Pull,
    news: News,
    warnings: &mut Vec<String>,
) {
    if !request.labels.is_empty() {
        let labelled = api.label(pull, &request.labels).await;
        warn(warnings, "it has not got its labels", labelled.err());
    }
    if !request.assignees.is_empty() {
        match api.assign(pull, &request.assignees).await {
            Ok(true) => {}
            Ok(false) => warnings.push(format!(
                "Pull request #{}: not all of {} can be assigned: GitHub takes who has access to the repository",
                pull.number,
                request.assignees.join(", ")
            )),
            Err(error) => warn(warnings, "nobody was assigned", Some(error)),
        }
    }
    let (people, teams) = (&request.reviewers, &request.team_reviewers);
    if news == News::Opened && !(people.is_empty() && teams.is_empty()) {
        let asked = api.request_reviews(pull, people, teams).await;
        warn(warnings, "nobody was asked for a review", asked.err());
    }
}

fn warn(warnings: &mut Vec<String>, what: &str, error: Option<RepositoryError>) {
    if let Some(error) = error {
        warnings.push(format!("The pull request is there, but {what}: {error}"));
    }
}

/// Title and text.
fn texts(
    request: &PullRequest,
    proposed: &Proposed<'_>,
    deployment: &Deployment<'_>,
) -> (String, String) {
    let rendered = |template: &Option<MessageTemplate>| {
        let text = template
            .as_ref()
            .map(|template| deployment::text(template, deployment));
        text.filter(|text| !text.is_empty())
    };
    let first_line = |text: &str| text.lines().next().unwrap_or_default().to_owned();
    let title = rendered(&request.title).unwrap_or_else(|| proposed.message.to_owned());
    let body = rendered(&request.body).unwrap_or_else(|| default_body(deployment));
    (first_line(&title), body)
}

/// A table of the images, and where they come from.
fn default_body(deployment: &Deployment<'_>) -> String {
    let row = |image: &&ImageChange| {
        format!(
            "| {} | {} | {} | {} | {} |",
            code(&image.resource),
            image.container.as_deref().map(code).unwrap_or_default(),
            code(&image.old),
            code(&image.new),
            code(&format!("{}:{}", image.file, image.line)),
        )
    };
    let mut text = table(
        &["Resource", "Container", "Old image", "New image", "File"],
        deployment.images.iter().map(row),
    );
    if deployment.images.is_empty() {
        let files: Vec<String> = deployment.files.iter().map(|file| code(file)).collect();
        let _ = write!(text, "Changes {}.\n\n", files.join(", "));
    }
    let source = deployment.source;
    if let (Some(repository), Some(run)) = (&source.repository, &source.run_url) {
        let _ = write!(text, "From {} by [this run]({run}).\n\n", code(repository));
    }
    text.push_str("Another deployment of the same to the same files updates this pull request while it is open.\n");
    text
}

/// Why there is no pull request, though its branch is there.
fn refused(
    session: &Session<'_>,
    proposing: &Proposing<'_>,
    proposed: &Proposed<'_>,
    error: &RepositoryError,
) -> Failure {
    let text = error.to_string();
    let hint = if text.contains("not permitted to create or approve") {
        "Allow it: Settings → Actions → General → *Allow GitHub Actions to create and approve pull requests*; or use another token."
    } else {
        match error {
            RepositoryError::Refused {
                refusal: Refusal::Access | Refusal::Repository,
                ..
            } => {
                "The token needs *Pull requests: Read and write* as well: `pull-requests: write` for a workflow's own, `pull_requests: write` for a GitHub App's."
            }
            _ => "Run the job again: the branch is used as it is.",
        }
    };
    Failure::new(
        Reason::PullRequest,
        format!(
            "Commit {} is on the branch `{}` of {}, but no pull request into {} could be opened: {text}.",
            proposed.commit.short(),
            proposing.branch,
            session.remote.location,
            proposed.base
        ),
    )
    .with_hint(hint)
}
