//! The pull request that is made instead of a push.

use std::time::Duration;

use crate::action::inputs::definition::{Definition, Input, Problems, Unfilled, WRITING, inputs};
use crate::action::inputs::given::Given;
use crate::action::inputs::groups::argocd::ARGOCD_APPLICATION;
use crate::action::inputs::groups::status::STATUS_CONTEXT;
use crate::action::inputs::parse::{
    Keyword, boolean, choice, names, parsed, seconds_or_none, template,
};
use crate::deployment::MessageTemplate;
use crate::operation::pull_request::{PullRequest, Wait};
use crate::operation::session::Remote;
use crate::repository::BranchName;
use crate::repository::forge::pull::MergeMethod;
use crate::repository::transport::{Choice, is_github};

inputs! {
    /// Open a pull request instead of pushing to `branch`, or update the one that is open. On GitHub, GitLab,
    /// Gitea and Forgejo.
    PULL_REQUEST: bool = Input::new("pull-request", WRITING, boolean).or("false");

    /// Its branch. Default, one named after images and files, the same for every tag.
    PULL_REQUEST_BRANCH: BranchName = Input::new("pull-request-branch", WRITING, parsed)
        .needs(&[&PULL_REQUEST.definition]);

    /// Its title, with the placeholders of `commit-message`. Default, the first line of the
    /// commit's message.
    PULL_REQUEST_TITLE: MessageTemplate = Input::new("pull-request-title", WRITING, template)
        .unfilled(Unfilled::Warned)
        .needs(&[&PULL_REQUEST.definition]);

    /// Its text, with the same placeholders. Default, a table of what changes.
    PULL_REQUEST_BODY: MessageTemplate = Input::new("pull-request-body", WRITING, template)
        .unfilled(Unfilled::Warned)
        .needs(&[&PULL_REQUEST.definition]);

    /// Labels to add, one a line or separated by commas.
    PULL_REQUEST_LABELS: Vec<String> = Input::new("pull-request-labels", WRITING, names)
        .needs(&[&PULL_REQUEST.definition]);

    /// People to ask for a review, one a line or separated by commas.
    PULL_REQUEST_REVIEWERS: Vec<String> = Input::new("pull-request-reviewers", WRITING, names)
        .needs(&[&PULL_REQUEST.definition]);

    /// Teams to ask for a review, by their slugs, one a line or separated by commas.
    PULL_REQUEST_TEAM_REVIEWERS: Vec<String> = Input::new("pull-request-team-reviewers", WRITING, teams)
        .needs(&[&PULL_REQUEST.definition]);

    /// People to assign, one a line or separated by commas.
    PULL_REQUEST_ASSIGNEES: Vec<String> = Input::new("pull-request-assignees", WRITING, names)
        .needs(&[&PULL_REQUEST.definition]);

    /// Open it as a draft.
    PULL_REQUEST_DRAFT: bool = Input::new("pull-request-draft", WRITING, boolean).or("false")
        .needs(&[&PULL_REQUEST.definition]);

    /// Merge it as soon as the rules of its target allow, by `merge`, `squash` or `rebase`. With a token
    /// other than `GITHUB_TOKEN`, whose pull requests start no checks and whose merges no workflow.
    PULL_REQUEST_AUTO_MERGE: MergeMethod = Input::new("pull-request-auto-merge", WRITING, choice)
        .needs(&[&PULL_REQUEST.definition]);

    /// Seconds to wait for its merge, by whatever way it is merged; `0` does not wait. `commit-sha` is then
    /// the commit that brought it to `branch`, and verification is of that one. The step fails
    /// where it is not merged ([docs/pull-requests.md](docs/pull-requests.md)).
    PULL_REQUEST_WAIT: Duration = Input::new("pull-request-wait", WRITING, seconds_or_none).or("0")
        .needs(&[&PULL_REQUEST.definition]);
}

impl Keyword for MergeMethod {
    const WORDS: &[(&str, Self)] = &[
        (Self::Merge.name(), Self::Merge),
        (Self::Squash.name(), Self::Squash),
        (Self::Rebase.name(), Self::Rebase),
    ];
}

/// The longest wait with a GitHub App, whose token is good for an hour: what follows the merge needs it, too.
const LONGEST_WAIT_OF_AN_APP: Duration = Duration::from_secs(3_000);

/// Slugs of teams, with or without their organisation.
fn teams(text: &str, problems: &mut Problems<'_>) -> Option<Vec<String>> {
    let slug = |name: String| name.rsplit('/').next().unwrap_or(&name).to_owned();
    Some(names(text, problems)?.into_iter().map(slug).collect())
}

/// The pull request that the inputs ask for, which makes `remote` use the API on GitHub; none where
/// they ask for none, or something is wrong.
pub fn pull_request(given: &mut Given, remote: Option<&mut Remote>) -> Option<PullRequest> {
    let asked_for = given.read(&PULL_REQUEST).unwrap_or_default();
    let time = given.read(&PULL_REQUEST_WAIT).unwrap_or_default();
    let mut request = PullRequest {
        wait: None,
        branch: given.read(&PULL_REQUEST_BRANCH),
        title: given.read(&PULL_REQUEST_TITLE),
        body: given.read(&PULL_REQUEST_BODY),
        labels: given.read(&PULL_REQUEST_LABELS).unwrap_or_default(),
        reviewers: given.read(&PULL_REQUEST_REVIEWERS).unwrap_or_default(),
        team_reviewers: given.read(&PULL_REQUEST_TEAM_REVIEWERS).unwrap_or_default(),
        assignees: given.read(&PULL_REQUEST_ASSIGNEES).unwrap_or_default(),
        draft: given.read(&PULL_REQUEST_DRAFT).unwrap_or_default(),
        auto_merge: given.read(&PULL_REQUEST_AUTO_MERGE),
    };
    if !asked_for {
        return None;
    }
    let witnesses = [
        (
            given.has_lines(&ARGOCD_APPLICATION),
            &ARGOCD_APPLICATION.definition,
        ),
        (given.has_lines(&STATUS_CONTEXT), &STATUS_CONTEXT.definition),
    ];
    for (_, input) in witnesses
        .iter()
        .filter(|(given, _)| *given && time.is_zero())
    {
        let for_it = match input.name {
            "argocd-application" => "Argo CD",
            _ => "it",
        };
        let why = format!(
            "a pull request deploys nothing before it is merged: wait for that with `pull-request-wait`, or for {for_it} later, with `operation: verify`"
        );
        given.problem(input, why);
    }
    let remote = remote?;
    if remote.app.is_some() && time > LONGEST_WAIT_OF_AN_APP {
        let why = format!(
            "the token that `app-id` gets is good for an hour, and what follows the merge needs it as well: wait {} seconds at most. For longer, give a personal `token`",
            LONGEST_WAIT_OF_AN_APP.as_secs()
        );
        let mut problems = given.problems_of(&PULL_REQUEST_WAIT);
        problems.quote(&time.as_secs().to_string(), why);
    }
    if let Some(branch) = &request.branch
        && remote.branch.as_ref() == Some(branch)
    {
        let why = "the branch that it is to be merged into";
        let mut problems = given.problems_of(&PULL_REQUEST_BRANCH);
        problems.quote(branch.as_str(), why);
    }
    if remote.location.is_local() {
        let why = "a repository on this machine has no pull requests. Without `pull-request` the change would go to `branch` itself, and nobody would review it";
        given.problems_of(&PULL_REQUEST).quote("true", why);
        return None;
    }
    request.wait = (!time.is_zero()).then(|| Wait {
        time,
        transport: remote.transport.clone(),
    });
    let is_api = matches!(remote.transport, Choice::Api { .. });
    let is_github = is_api || is_github(remote.location.url(), &remote.api_url);
    if let Some(name) = remote.location.github_name().filter(|_| is_github) {
        let why = "pull requests are made over it";
        remote.transport = Choice::Api { name, why };
    }
    remote.proposes = true;
    Some(request)
}
