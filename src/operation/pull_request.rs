//! A pull request in place of a push to the branch: its texts, and what is to become of it.

use std::fmt::Write as _;
use std::time::Duration;

use super::Progress;
use super::advice::on_a_merge;
use super::session::{Session, log_event};
use super::source_changes::{self, SourceChanges};
use crate::deployment::{self, Deployment, MessageTemplate, Source};
use crate::failure::{Failure, Reason};
use crate::limits::shortened;
use crate::manifest::{ImageChange, Plan, Replaced};
use crate::markdown::{code, link, table};
use crate::repository::forge::pull::{AutoMerge, Merge, MergeMethod, Merging, Pull, PullDraft};
use crate::repository::forge::{Answer, Forge, Gitlab, Open, PullRequests, Request};
use crate::repository::head::Messages;
use crate::repository::retry::{self, Event};
use crate::repository::transport::Choice;
use crate::repository::{BranchName, CommitId, ObjectId, ObjectKind, Refusal, RepositoryError};

/// The longest part of a branch's name that says what it is for.
const MAX_NAME: usize = 60;

/// The longest title that every forge takes, in characters: GitHub one more.
const MAX_TITLE: usize = 255;

/// What is told where GitLab tells of no merge request, be there one or not.
const SILENT: &str = "GitLab says nothing of one";

/// How many commits of each source repository a text lists.
const LISTED_COMMITS: usize = 20;

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
    /// How long its merge is waited for; none where it is not.
    pub wait: Option<Wait>,
}

/// The wait for a merge.
#[derive(Debug, Clone)]
pub struct Wait {
    /// How long it takes at most.
    pub time: Duration,
    /// How the target is read meanwhile.
    pub transport: Choice,
}

impl PullRequest {
    /// The branch of the pull request that takes back what a pull request brought: where its branch has a name that
    /// was asked for, not that one, as the next deployment is proposed there.
    pub(super) fn way_back(&self, commit: &CommitId) -> Result<BranchName, Failure> {
        let Some(branch) = &self.branch else {
            return self.branch("rollback", commit.as_str());
        };
        let name = format!("{branch}-rollback");
        name.parse().map_err(|_| unnamed(&name))
    }

    /// The branch: the one that is asked for, or `gitops-deploy/NAME-DIGITS`, the same for the same
    /// `scope`.
    pub(super) fn branch(&self, name: &str, scope: &str) -> Result<BranchName, Failure> {
        if let Some(branch) = &self.branch {
            return Ok(branch.clone());
        }
        let digits = ObjectId::of(ObjectKind::Blob, scope.as_bytes()).to_string();
        let name: String = name.chars().take(MAX_NAME).collect();
        let digits = digits.get(..7).unwrap_or(&digits);
        let branch = format!("gitops-deploy/{name}-{digits}");
        branch.parse().map_err(|_| unnamed(&branch))
    }
}

fn unnamed(branch: &str) -> Failure {
    Failure::new(
        Reason::Input,
        format!(
            "There is no name for the pull request's branch: `{branch}` is none that git allows."
        ),
    )
    .with_hint("Set `pull-request-branch`.")
}

/// What the messages of commits on a pull request's branch say.
pub(super) const MESSAGES: Messages = Messages {
    is_ours: deployment::is_ours,
};

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
    /// Title and text.
    fn texts(
        &self,
        message: &str,
        plan: &Plan,
        source_changes: &[SourceChanges],
    ) -> (String, String) {
        let (request, deployment) = (self.request, Deployment::of(plan, self.source));
        let rendered = |template: &Option<MessageTemplate>| {
            let text = template
                .as_ref()
                .map(|template| deployment::text(template, &deployment));
            text.filter(|text| !text.is_empty())
        };
        let first_line = |text: &str| text.lines().next().unwrap_or_default().to_owned();
        let title = rendered(&request.title).unwrap_or_else(|| message.to_owned());
        let mut body = rendered(&request.body).unwrap_or_else(|| default_body(&deployment));
        let changes = source_changes::markdown(source_changes, LISTED_COMMITS);
        if !changes.is_empty() {
            body = format!("{}\n\n{}", body.trim_end(), changes.trim_end());
        }
        // For a merge commit that says what the pull request does.
        let trailers = deployment::own_trailers(message);
        if !trailers.is_empty() {
            body = format!("{}\n\n{trailers}", body.trim_end());
        }
        (cut(&first_line(&title)), body)
    }

    /// What GitLab is asked for with the push.
    pub(super) fn options(
        &self,
        base: &BranchName,
        message: &str,
        plan: &Plan,
        source_changes: &[SourceChanges],
    ) -> Vec<String> {
        let (title, body) = self.texts(message, plan, source_changes);
        let request = Request {
            target: base,
            title: &title,
            description: &body,
            labels: &self.request.labels,
            assignees: &self.request.assignees,
            draft: self.request.draft,
            auto_merge: self.request.auto_merge,
        };
        request.options()
    }

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
    /// The pull request that was open for that branch when the commit was made, where that was seen.
    pub(super) open_pull: Option<Option<u64>>,
    /// One that was open for it then, and need not be any more.
    pub(super) was_open: Option<u64>,
    /// Whether its branch was made for it, as far as that is known.
    pub(super) is_first: bool,
    /// What the server told with the push of it.
    pub(super) answer: &'a str,
    pub(super) message: &'a str,
    pub(super) plan: &'a Plan,
    pub(super) source_changes: &'a [SourceChanges],
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
    /// It waits in the merge queue.
    Queued,
    /// It was merged, since nothing was missing.
    Merged,
    /// Its merge was waited for: what it proposed is on its target.
    Landed,
}

/// Opens the pull request, or brings an open one up to date, with all that is asked for: each step again
/// as long as there is trouble and time. What is refused of labels and the like is a warning: the pull
/// request is there.
///
/// # Errors
/// When it could not be opened, or trouble kept it from being finished.
pub(super) async fn open(
    forge: &Forge<'_>,
    steps: Steps<'_, impl Progress>,
) -> Result<Opened, Failure> {
    match forge {
        Forge::Github(api) => by_api(*api, forge, steps).await,
        Forge::Gitea(api) => by_api(&**api, forge, steps).await,
        Forge::Gitlab(gitlab) => by_push(gitlab, forge, steps).await,
    }
}

/// The same over an API.
async fn by_api(
    api: &impl PullRequests,
    forge: &Forge<'_>,
    mut steps: Steps<'_, impl Progress>,
) -> Result<Opened, Failure> {
    let (proposing, proposed) = (steps.proposing, steps.proposed);
    let Proposing {
        request, branch, ..
    } = proposing;
    let (title, body) = proposing.texts(proposed.message, proposed.plan, proposed.source_changes);
    let draft = PullDraft {
        head: branch,
        base: proposed.base,
        title: &title,
        body: &body,
        draft: request.draft,
    };
    // What was seen before the commit is not looked at once more: GitHub opens no second one, and says what
    // has become of one that is edited.
    let mut seen = proposed.open_pull.filter(|_| proposed.is_new);
    // One that was open may have been merged with the commit meanwhile: then there is nothing more to open.
    let mut was_open = proposed.was_open;
    let mut tried = false;
    let opened = steps.take("no pull request could be opened", async || {
        let there = match seen.take() {
            Some(None) => None,
            Some(Some(number)) => match api.edit_pull(number, &title, &body).await {
                Ok(pull) if pull.is_open() || pull.brought(proposed.commit) => {
                    return Ok((pull, tried, true));
                }
                Ok(_) => {
                    was_open = None;
                    api.open_pull(branch, proposed.base).await?
                }
                Err(_) => api.open_pull(branch, proposed.base).await?,
            },
            None => api.open_pull(branch, proposed.base).await?,
        };
        if let Some(pull) = there {
            return Ok((pull, tried, false));
        }
        if let Some(number) = was_open {
            let pull = api.pull(number).await?;
            if pull.brought(proposed.commit) {
                return Ok((pull, tried, true));
            }
            was_open = None;
        }
        tried = true;
        match api.create_pull(&draft).await {
            Err(error) if !error.is_trouble() => {
                // Another run was faster.
                let pull = api.open_pull(branch, proposed.base).await?;
                pull.map(|pull| (pull, true, false)).ok_or(error)
            }
            created => created.map(|pull| (pull, true, true)),
        }
    });
    let (pull, is_new, says_it) = match opened.await? {
        Ok(opened) => opened,
        Err(error) => return Err(steps.refused(forge, &error)),
    };
    if pull.brought(proposed.commit) {
        steps.log.info(&format!(
            "Pull request #{} was merged while it was brought up to date",
            pull.number
        ));
        return Ok(Opened {
            number: pull.number,
            url: pull.url,
            branch: branch.clone(),
            news: News::Merged,
        });
    }
    steps.pull = Some((pull.number, pull.url.clone()));
    let mut news = match (is_new, proposed.is_new) {
        (true, _) => News::Opened,
        (false, true) => News::Updated,
        (false, false) => News::Nothing,
    };
    let title = api.retitled(&pull, &title);
    let there = pull.body.as_deref().unwrap_or_default();
    let is_outdated = match proposed.is_new {
        _ if says_it => false,
        true => pull.title != title || there != body,
        // A run that ended before it came to this; and it may be a person's text by now.
        false => !deployment::deploys_the_same(there, &body),
    };
    if is_outdated {
        let edit = async || api.edit_pull(pull.number, &title, &body).await;
        steps
            .warned("its title and text could not be changed", edit)
            .await?;
    }
    if let (Some(ahead), None) = (&pull.auto_merge, request.auto_merge)
        && !deployment::deploys_the_same(&ahead.message(), proposed.message)
    {
        stop(api, &pull, ahead, &mut steps).await?;
    }
    furnish(api, forge, request, &pull, news, &mut steps).await?;
    if let Some(method) = request.auto_merge {
        if matches!(forge, Forge::Github(_)) && steps.session.uses_an_installations_token() {
            steps.log.info(
                "If `token` is the workflow's own GITHUB_TOKEN: a pull request that it opened starts no checks, \
                 and its merge starts no workflow. A GitHub App's token or a personal one does.",
            );
        }
        let merge = Merge {
            method,
            commit: proposed.commit,
            message: proposed.message,
            is_same: deployment::deploys_the_same,
        };
        let mut tried = false;
        let merging = async || {
            if std::mem::replace(&mut tried, true)
                && let Some(reached) = api.merging(&pull, &merge).await?
            {
                return Ok(reached);
            }
            api.merge_when_ready(&pull, &merge).await
        };
        match steps.merged(merging).await? {
            Some(Merging::Done) => news = News::Merged,
            Some(Merging::Queued) => news = News::Queued,
            Some(Merging::Waits) | None => {}
        }
    }
    Ok(Opened {
        number: pull.number,
        url: pull.url,
        branch: branch.clone(),
        news,
    })
}

/// The same on GitLab: what was asked for with the push is there, or the server says why not. Where nobody has its
/// answer, and where nothing was to be pushed, it is asked for how the merge request stands.
async fn by_push(
    gitlab: &Gitlab<'_>,
    forge: &Forge<'_>,
    mut steps: Steps<'_, impl Progress>,
) -> Result<Opened, Failure> {
    const FAILED: &str = "whether a merge request is open is not known";
    let (proposing, proposed) = (steps.proposing, steps.proposed);
    let Proposing {
        request, branch, ..
    } = proposing;
    let mut answer = Answer::of(proposed.answer, branch);
    let is_told = answer.open.is_some() || answer.is_none;
    if !is_told {
        let asked = async || gitlab.ask(branch, proposed.commit, Vec::new()).await;
        answer = match steps.take(FAILED, asked).await? {
            Ok(answer) => answer,
            Err(error) => return Err(steps.refused(forge, &error)),
        };
        if answer.is_none {
            let Proposed {
                base,
                message,
                plan,
                source_changes,
                ..
            } = *proposed;
            let options = || proposing.options(base, message, plan, source_changes);
            let asked = async || gitlab.ask(branch, proposed.commit, options()).await;
            answer = match steps.take(FAILED, asked).await? {
                Ok(answer) => answer,
                Err(error) => return Err(steps.refused(forge, &error)),
            };
        }
    }
    let Answer {
        open,
        is_none,
        warning,
    } = answer;
    let Some(Open { number, url }) = open else {
        let why = match (warning, is_none) {
            (Some(warning), _) => warning,
            (None, true) => "GitLab opened none, and does not say why".to_owned(),
            (None, false) => SILENT.to_owned(),
        };
        return Err(steps.refused(forge, &RepositoryError::protocol(why)));
    };
    if let Some(warning) = warning {
        steps.warnings.push(format!(
            "The merge request is there, but not all of it was done: {warning}"
        ));
    }
    for (input, names) in [
        ("pull-request-reviewers", &request.reviewers),
        ("pull-request-team-reviewers", &request.team_reviewers),
    ] {
        if !names.is_empty() {
            steps.warnings.push(format!(
                "`{input}`: nobody was asked for a review, since a push can't ask for one on GitLab. Approval rules of the project, or a `CODEOWNERS` file, do"
            ));
        }
    }
    if request.auto_merge == Some(MergeMethod::Rebase) {
        steps.warnings.push(
            "`pull-request-auto-merge`: on GitLab the project's settings say whether it is merged by a `rebase`: Settings → Merge requests → Merge method".to_owned(),
        );
    }
    Ok(Opened {
        number,
        url,
        branch: branch.clone(),
        news: match (proposed.is_first, proposed.is_new) {
            (true, _) => News::Opened,
            (false, true) => News::Updated,
            (false, false) => News::Nothing,
        },
    })
}

/// What a pull request takes after its commit, one after the other.
pub(super) struct Steps<'a, L> {
    session: &'a Session<'a>,
    proposing: &'a Proposing<'a>,
    proposed: &'a Proposed<'a>,
    /// Number and page, as soon as it is there.
    pull: Option<(u64, String)>,
    warnings: &'a mut Vec<String>,
    log: &'a mut L,
}

impl<'a, L: Progress> Steps<'a, L> {
    pub(super) fn new(
        session: &'a Session<'a>,
        proposing: &'a Proposing<'a>,
        proposed: &'a Proposed<'a>,
        warnings: &'a mut Vec<String>,
        log: &'a mut L,
    ) -> Self {
        Self {
            session,
            proposing,
            proposed,
            pull: None,
            warnings,
            log,
        }
    }

    /// Takes a step, again as long as there is trouble and time. What is refused is an outcome.
    async fn take<T>(
        &mut self,
        failed: &str,
        attempt: impl AsyncFnMut() -> Result<T, RepositoryError>,
    ) -> Result<Result<T, RepositoryError>, Failure> {
        let observe = |event: Event<'_>| log_event(self.log, &event);
        match retry::read(&self.session.deadline, observe, attempt).await {
            Err(error) if error.is_trouble() => Err(self.unfinished(failed, &error)),
            ended => Ok(ended),
        }
    }

    /// The same, where a refusal is a warning.
    async fn warned<T>(
        &mut self,
        failed: &str,
        attempt: impl AsyncFnMut() -> Result<T, RepositoryError>,
    ) -> Result<Option<T>, Failure> {
        match self.take(failed, attempt).await? {
            Ok(done) => Ok(Some(done)),
            Err(error) => {
                let warning = format!("The pull request is there, but {failed}: {error}");
                self.warnings.push(warning);
                Ok(None)
            }
        }
    }

    /// The same for the merge, with what to do about a refusal.
    async fn merged(
        &mut self,
        attempt: impl AsyncFnMut() -> Result<Merging, RepositoryError>,
    ) -> Result<Option<Merging>, Failure> {
        const FAILED: &str = "it will not be merged by itself";
        match self.take(FAILED, attempt).await? {
            Ok(done) => Ok(Some(done)),
            Err(error) => {
                let words = error.to_string();
                let words = words.trim_end_matches('.');
                let advice = on_a_merge(words).unwrap_or("Look at its page, and merge it there");
                self.warnings.push(format!(
                    "The pull request is there, but {FAILED}: {words}. {advice}"
                ));
                Ok(None)
            }
        }
    }

    /// What is there, and what is not.
    fn unfinished(&self, failed: &str, error: &RepositoryError) -> Failure {
        let there = match &self.pull {
            Some((number, url)) => format!(" and pull request #{number} is open ({url})"),
            None => String::new(),
        };
        let reason = match error {
            RepositoryError::Cancelled => Reason::Cancelled,
            error if error.is_rate_limit() => Reason::RateLimited,
            _ => Reason::Unavailable,
        };
        let message = format!(
            "Commit {} is on the branch `{}` of {}{there}, but {failed}: {error}.",
            self.proposed.commit.short(),
            self.proposing.branch,
            self.session.remote.location,
        );
        Failure::new(reason, message).with_hint(
            "Run the job again: what is there is used as it is, and what is missing is done then.",
        )
    }

    /// Why there is no pull request, though its branch is there.
    fn refused(&self, forge: &Forge<'_>, error: &RepositoryError) -> Failure {
        let text = error.to_string();
        let text = text.trim_end_matches('.');
        let hint = if text.contains("not permitted to create or approve") {
            "Allow it: Settings → Actions → General → *Allow GitHub Actions to create and approve pull requests*; or use another token."
        } else if text.contains("Draft pull requests are not supported") {
            "Leave `pull-request-draft` out: the plan of the repository's owner has no drafts."
        } else {
            match (forge, error) {
                (Forge::Gitlab(_), _) if text == SILENT => {
                    "It may be open: GitLab tells of it with the push, unless that is turned off. Turn *Show link to create or view a merge request when pushing from the command line* on (Settings → Merge requests), and run the job again: the branch is used as it is."
                }
                (Forge::Gitlab(_), _) => {
                    "Let the token's account open merge requests there, as the role Developer may, and run the job again: the branch is used as it is."
                }
                (
                    Forge::Github(_),
                    RepositoryError::Refused {
                        refusal: Refusal::Access | Refusal::Repository,
                        ..
                    },
                ) => {
                    "The token needs *Pull requests: Read and write* as well: `pull-requests: write` for a workflow's own, `pull_requests: write` for a GitHub App's."
                }
                (
                    Forge::Gitea(_),
                    RepositoryError::Refused {
                        refusal: Refusal::Access | Refusal::Repository | Refusal::Token,
                        ..
                    },
                ) => {
                    "The token needs *repository* and *issue: Read and write* (`write:repository`, `write:issue`)."
                }
                _ => "Run the job again: the branch is used as it is.",
            }
        };
        Failure::new(
            Reason::PullRequest,
            format!(
                "Commit {} is on the branch `{}` of {}, but no pull request into {} could be opened: {text}.",
                self.proposed.commit.short(),
                self.proposing.branch,
                self.session.remote.location,
                self.proposed.base
            ),
        )
        .with_hint(hint)
    }
}

/// Switches the merge `ahead` off that was asked for another deployment, and by nobody for this one.
async fn stop(
    api: &impl PullRequests,
    pull: &Pull,
    ahead: &AutoMerge,
    steps: &mut Steps<'_, impl Progress>,
) -> Result<(), Failure> {
    let mut tried = false;
    let stop = async || {
        let is_again = std::mem::replace(&mut tried, true);
        if is_again && api.pull(pull.number).await?.auto_merge.is_none() {
            return Ok(());
        }
        api.stop_merge(pull).await
    };
    let failed = "its automatic merge, which was switched on for an earlier deployment, could not be switched off, and merges it unless that is done on its page";
    if steps.warned(failed, stop).await?.is_some() {
        let who = ahead.enabled_by.as_ref().map(|account| &account.login);
        let who = who.map_or("somebody", String::as_str);
        steps.warnings.push(format!(
            "Pull request #{}: its automatic merge (`{}`), which {who} switched on for an earlier deployment, was switched off: this run does not ask for one (`pull-request-auto-merge`)",
            pull.number, ahead.merge_method
        ));
    }
    Ok(())
}

/// Labels, assignees and reviewers. Before something is done a second time it is looked whether the first did
/// it, as an answer may have been lost; reviewers are asked once: each time would be another mail.
async fn furnish(
    api: &impl PullRequests,
    forge: &Forge<'_>,
    request: &PullRequest,
    pull: &Pull,
    news: News,
    steps: &mut Steps<'_, impl Progress>,
) -> Result<(), Failure> {
    if !request.labels.is_empty() {
        let mut tried = false;
        let label = async || {
            let is_again = std::mem::replace(&mut tried, true);
            if is_again && api.pull(pull.number).await?.is_labelled(&request.labels) {
                return Ok(());
            }
            api.label(pull, &request.labels).await
        };
        steps.warned("it did not get its labels", label).await?;
    }
    if !request.assignees.is_empty() {
        let mut tried = false;
        let assign = async || {
            let is_again = std::mem::replace(&mut tried, true);
            if is_again && api.pull(pull.number).await?.is_assigned(&request.assignees) {
                return Ok(true);
            }
            api.assign(pull, &request.assignees).await
        };
        if steps.warned("nobody was assigned", assign).await? == Some(false) {
            steps.warnings.push(format!(
                "Pull request #{}: not all of {} can be assigned: {} assigns only people who have access to the repository",
                pull.number,
                request.assignees.join(", "),
                forge.name()
            ));
        }
    }
    let is_author = |name: &&String| {
        let author = pull.user.as_ref();
        author.is_some_and(|author| author.login.eq_ignore_ascii_case(name))
    };
    let (authors, people): (Vec<&String>, Vec<&String>) =
        request.reviewers.iter().partition(is_author);
    let teams = &request.team_reviewers;
    if let (Some(author), true) = (authors.first(), news == News::Opened) {
        steps.warnings.push(format!(
            "Pull request #{}: {author} opened it, and so can't review it",
            pull.number
        ));
    }
    if people.is_empty() && teams.is_empty() {
        return Ok(());
    }
    let is_asked = pull.requested_reviewers.iter().any(|one| {
        let mut people = people.iter();
        people.any(|name| one.login.eq_ignore_ascii_case(name))
    }) || pull
        .requested_teams
        .iter()
        .any(|one| teams.contains(&one.slug));
    let mut tried = false;
    let ask = async || {
        let is_again = std::mem::replace(&mut tried, true);
        if is_again
            && api
                .pull(pull.number)
                .await?
                .is_up_for_review(&people, teams)
        {
            return Ok(());
        }
        // An earlier run may have ended before it came to this.
        if news != News::Opened && (is_asked || api.has_reviews(pull).await?) {
            return Ok(());
        }
        api.request_reviews(pull, &people, teams).await
    };
    steps.warned("nobody was asked for a review", ask).await?;
    Ok(())
}

/// A title, as much of it as every forge takes.
fn cut(title: &str) -> String {
    if title.chars().count() <= MAX_TITLE {
        return title.to_owned();
    }
    shortened(title, MAX_TITLE - 1)
}

/// What the page of one says that is closed since its target holds the same.
pub(super) fn holds_the_same(target: &BranchName) -> String {
    format!(
        "`{target}` holds what this pull request proposes already, so it was closed without a merge."
    )
}

/// What the page of one says that is closed since its target is ahead of it.
pub(super) fn holds_newer(target: &BranchName, came: &[Replaced]) -> String {
    let held: Vec<String> = came.iter().map(|one| format!("`{}`", one.now)).collect();
    format!(
        "`{target}` holds {} by now, which is newer than what this pull request proposes, so it was closed without a merge.",
        held.join(", ")
    )
}

/// What the page of one says that is closed since its stage has rolled back what it would bring: `why` tells that.
pub(super) fn withdrawn(why: &str) -> String {
    format!("{why}. So this pull request was closed without a merge.")
}

/// A table of the images, and where they come from.
fn default_body(deployment: &Deployment<'_>) -> String {
    let row = |image: &&ImageChange| {
        [
            image.object().map(code).unwrap_or_default(),
            image.container.as_deref().map(code).unwrap_or_default(),
            code(&image.old),
            code(&image.new),
            code(&format!("{}:{}", image.file, image.line)),
        ]
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
        let run = link("this run", Some(run));
        let _ = write!(text, "From {} by {run}.\n\n", code(repository));
    }
    text.push_str("Another deployment of the same to the same files updates this pull request while it is open.\n");
    text
}
