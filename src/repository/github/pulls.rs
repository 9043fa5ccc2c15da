//! Pull requests over GitHub's API.

use http::Method;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::GithubRepository;
use super::client::{CallError, said};
use crate::repository::{BranchName, CommitId, RepositoryError};

/// How a pull request is merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MergeMethod {
    /// A merge commit.
    Merge,
    /// One commit of all.
    Squash,
    /// The commits on top.
    Rebase,
}

/// The text names no method.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected `merge`, `squash` or `rebase`")]
pub struct UnknownMergeMethod;

impl std::str::FromStr for MergeMethod {
    type Err = UnknownMergeMethod;

    fn from_str(text: &str) -> Result<Self, UnknownMergeMethod> {
        match text {
            "merge" => Ok(Self::Merge),
            "squash" => Ok(Self::Squash),
            "rebase" => Ok(Self::Rebase),
            _ => Err(UnknownMergeMethod),
        }
    }
}

impl MergeMethod {
    /// As the inputs and REST have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Squash => "squash",
            Self::Rebase => "rebase",
        }
    }
}

/// A pull request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Pull {
    /// Its number.
    pub number: u64,
    /// Where a person looks at it.
    #[serde(rename = "html_url")]
    pub url: String,
    /// Its id for GraphQL.
    pub node_id: String,
    /// Its title.
    pub title: String,
    /// Its text.
    pub body: Option<String>,
}

/// What a pull request says and is made of.
#[derive(Debug, Clone, Copy)]
pub struct PullDraft<'a> {
    /// The branch that it brings.
    pub head: &'a BranchName,
    /// The branch that it is merged into.
    pub base: &'a BranchName,
    /// Its title.
    pub title: &'a str,
    /// Its text.
    pub body: &'a str,
    /// Whether it is a draft.
    pub draft: bool,
}

const ENABLE_AUTO_MERGE: &str = "mutation($input: EnablePullRequestAutoMergeInput!) {
  enablePullRequestAutoMerge(input: $input) { clientMutationId }
}";

impl GithubRepository {
    /// The open pull request from `head` into `base`.
    ///
    /// # Errors
    /// When the server can't be used.
    pub async fn open_pull(
        &self,
        head: &BranchName,
        base: &BranchName,
    ) -> Result<Option<Pull>, RepositoryError> {
        let name = self.current_name();
        let owner = name.split('/').next().unwrap_or_default();
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("state", "open")
            .append_pair("head", &format!("{owner}:{head}"))
            .append_pair("base", base.as_str())
            .finish();
        let path = format!("/repos/{name}/pulls?{query}");
        let found: Option<Vec<Pull>> = self.client.get(&path).await?;
        Ok(found.and_then(|pulls| pulls.into_iter().next()))
    }

    /// Opens one.
    ///
    /// # Errors
    /// When the server can't be used, or refuses.
    pub async fn create_pull(&self, draft: &PullDraft<'_>) -> Result<Pull, RepositoryError> {
        let body = json!({
            "title": draft.title, "body": draft.body, "draft": draft.draft,
            "head": draft.head.as_str(), "base": draft.base.as_str(),
        });
        let path = format!("/repos/{}/pulls", self.current_name());
        self.client
            .post(&path, &body)
            .await
            .map_err(CallError::of_read)
    }

    /// Gives one another title and text.
    ///
    /// # Errors
    /// When the server can't be used, or refuses.
    pub async fn edit_pull(
        &self,
        pull: &Pull,
        title: &str,
        body: &str,
    ) -> Result<(), RepositoryError> {
        let path = format!("/repos/{}/pulls/{}", self.current_name(), pull.number);
        let body = json!({"title": title, "body": body});
        self.done(Method::PATCH, &path, &body).await
    }

    /// Adds labels.
    ///
    /// # Errors
    /// When the server can't be used, or refuses.
    pub async fn label(&self, pull: &Pull, labels: &[String]) -> Result<(), RepositoryError> {
        let path = format!(
            "/repos/{}/issues/{}/labels",
            self.current_name(),
            pull.number
        );
        self.done(Method::POST, &path, &json!({ "labels": labels }))
            .await
    }

    /// Adds assignees. Returns whether all of them were: GitHub leaves out who can't be one.
    ///
    /// # Errors
    /// When the server can't be used, or refuses.
    pub async fn assign(&self, pull: &Pull, names: &[String]) -> Result<bool, RepositoryError> {
        #[derive(Deserialize)]
        struct Issue {
            assignees: Vec<Assignee>,
        }
        #[derive(Deserialize)]
        struct Assignee {
            login: String,
        }
        let path = format!(
            "/repos/{}/issues/{}/assignees",
            self.current_name(),
            pull.number
        );
        let issue = self
            .client
            .post(&path, &json!({ "assignees": names }))
            .await;
        let issue: Issue = issue.map_err(CallError::of_read)?;
        let is_there = |name: &String| {
            let mut there = issue.assignees.iter();
            there.any(|one| one.login.eq_ignore_ascii_case(name))
        };
        Ok(names.iter().all(is_there))
    }

    /// Asks people and teams for a review.
    ///
    /// # Errors
    /// When the server can't be used, or refuses.
    pub async fn request_reviews(
        &self,
        pull: &Pull,
        people: &[String],
        teams: &[String],
    ) -> Result<(), RepositoryError> {
        let path = format!(
            "/repos/{}/pulls/{}/requested_reviewers",
            self.current_name(),
            pull.number
        );
        let body = json!({"reviewers": people, "team_reviewers": teams});
        self.done(Method::POST, &path, &body).await
    }

    /// Has one merged as soon as the rules of its target allow; at once, where nothing is missing and
    /// `commit` still is the newest of its branch. Returns whether it was merged.
    ///
    /// # Errors
    /// When the server can't be used, or refuses.
    pub async fn merge_when_ready(
        &self,
        pull: &Pull,
        commit: &CommitId,
        method: MergeMethod,
    ) -> Result<bool, RepositoryError> {
        let input = json!({
            "pullRequestId": pull.node_id, "mergeMethod": method.name().to_uppercase(),
        });
        let variables = json!({ "input": input });
        let errors = match self
            .client
            .mutate::<Json>(ENABLE_AUTO_MERGE, &variables)
            .await
        {
            Ok(_) => return Ok(false),
            Err(CallError::Errors(errors)) => errors,
            Err(error) => return Err(error.of_read()),
        };
        // GitHub enables it only where something is missing still.
        let ready = errors
            .iter()
            .any(|error| error.message.contains("clean status"));
        if !ready {
            let what = said(&errors);
            return Err(RepositoryError::Protocol { what });
        }
        let path = format!("/repos/{}/pulls/{}/merge", self.current_name(), pull.number);
        let body = json!({"merge_method": method.name(), "sha": commit.as_str()});
        self.done(Method::PUT, &path, &body).await.map(|()| true)
    }

    async fn done(&self, method: Method, path: &str, body: &Json) -> Result<(), RepositoryError> {
        let answer = self.client.change::<Json>(method, path, body).await;
        answer.map(|_| ()).map_err(CallError::of_read)
    }
}
