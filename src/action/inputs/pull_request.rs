//! The inputs for a pull request.

use super::Raw;
use super::problems::{Problems, items, list};
use crate::operation::pull_request::PullRequest;
use crate::operation::session::Remote;
use crate::repository::transport::Choice;

/// The pull request that the inputs ask for, which has `remote` be spoken to over the API; none where
/// they ask for none, or something is wrong.
pub(super) fn pull_request(
    raw: &Raw,
    remote: Option<&mut Remote>,
    problems: &mut Problems,
) -> Option<PullRequest> {
    let asked_for = problems.boolean("pull-request", raw.pull_request.as_deref());
    let template = |problems: &mut Problems, input: &str, text: Option<&str>| {
        text.and_then(|text| problems.parse(input, text))
    };
    let branch = raw.pull_request_branch.as_deref().map(str::trim);
    let request = PullRequest {
        branch: branch.and_then(|text| problems.parse("pull-request-branch", text)),
        title: template(
            problems,
            "pull-request-title",
            raw.pull_request_title.as_deref(),
        ),
        body: template(
            problems,
            "pull-request-body",
            raw.pull_request_body.as_deref(),
        ),
        labels: names(raw.pull_request_labels.as_deref()),
        reviewers: names(raw.pull_request_reviewers.as_deref()),
        team_reviewers: teams(raw.pull_request_team_reviewers.as_deref()),
        assignees: names(raw.pull_request_assignees.as_deref()),
        draft: problems.boolean("pull-request-draft", raw.pull_request_draft.as_deref()),
        auto_merge: raw
            .pull_request_auto_merge
            .as_deref()
            .and_then(|text| problems.parse("pull-request-auto-merge", text.trim())),
    };
    if !asked_for {
        return None;
    }
    if list(raw.argocd_application.as_deref().unwrap_or_default())
        .next()
        .is_some()
    {
        let why = "a pull request deploys nothing before it is merged: wait for Argo CD after that, with `operation: verify`";
        problems.add("argocd-application", None, why);
    }
    let remote = remote?;
    if request.branch.is_some() && request.branch == remote.branch {
        let why = "the branch that it is to be merged into";
        problems.add("pull-request-branch", branch, why);
    }
    match remote.location.github_name() {
        Some(name) => {
            let why = "pull requests are made over it";
            remote.transport = Choice::Api { name, why };
            Some(request)
        }
        None => {
            let why = "the repository is not on the GitHub server that `server-url` names";
            problems.add("pull-request", Some("true"), why);
            None
        }
    }
}

/// Names, one a line or between commas.
fn names(text: Option<&str>) -> Vec<String> {
    let names = items(text.unwrap_or_default()).map(|name| name.trim_start_matches('@'));
    let names = names.filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

/// Slugs of teams, with or without their organisation.
fn teams(text: Option<&str>) -> Vec<String> {
    let slug = |name: String| name.rsplit('/').next().unwrap_or(&name).to_owned();
    names(text).into_iter().map(slug).collect()
}
