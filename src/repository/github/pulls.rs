//! Pull requests over GitHub's API.

use http::Method;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::GithubRepository;
use super::client::{CallError, said};
use super::write::split;
use crate::repository::forge::pull::{
    Account, Merge, MergeMethod, Merging, Pull, PullDraft, PullRequests, is_among,
};
use crate::repository::{BranchName, RepositoryError};

const ENABLE_AUTO_MERGE: &str = "mutation($input: EnablePullRequestAutoMergeInput!) {
  enablePullRequestAutoMerge(input: $input) { clientMutationId }
}";

const DISABLE_AUTO_MERGE: &str = "mutation($input: DisablePullRequestAutoMergeInput!) {
  disablePullRequestAutoMerge(input: $input) { clientMutationId }
}";

const ENQUEUE: &str = "mutation($input: EnqueuePullRequestInput!) {
  enqueuePullRequest(input: $input) { clientMutationId }
}";

const MERGE_STATE: &str = "query($owner: String!, $name: String!, $number: Int!) {
  repository(owner: $owner, name: $name) {
    pull: pullRequest(number: $number) {
      merged mergeStateStatus isInMergeQueue isMergeQueueEnabled
      autoMergeRequest { mergeMethod commitHeadline commitBody }
    }
  }
}";

/// How a pull request stands.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MergeState {
    merged: bool,
    merge_state_status: String,
    is_in_merge_queue: bool,
    is_merge_queue_enabled: bool,
    auto_merge_request: Option<AutoMerge>,
}

/// A merge that is to come. What it says is none where the queue of the target decides it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AutoMerge {
    merge_method: String,
    commit_headline: Option<String>,
    commit_body: Option<String>,
}

impl AutoMerge {
    /// Whether it is this one, and not that of an earlier deployment.
    fn is(&self, merge: &Merge<'_>) -> bool {
        if !self.merge_method.eq_ignore_ascii_case(merge.method.name()) {
            return false;
        }
        let (Some(headline), Some(body)) = (&self.commit_headline, &self.commit_body) else {
            return true;
        };
        let message = format!("{headline}\n\n{body}");
        merge.method == MergeMethod::Rebase || (merge.is_same)(&message, merge.message)
    }
}

impl MergeState {
    /// Whether nothing is missing: the states at which `gh pr merge --auto` merges at once.
    fn is_ready(&self) -> bool {
        ["CLEAN", "HAS_HOOKS", "UNSTABLE"].contains(&self.merge_state_status.as_str())
    }

    /// What has come of `merge` already.
    fn reached(&self, merge: &Merge<'_>) -> Option<Merging> {
        if self.merged {
            Some(Merging::Done)
        } else if self.is_in_merge_queue {
            Some(Merging::Queued)
        } else {
            let planned = self.auto_merge_request.as_ref();
            planned.filter(|one| one.is(merge)).map(|_| Merging::Waits)
        }
    }
}

impl PullRequests for GithubRepository {
    async fn open_pull(
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

    async fn pull(&self, number: u64) -> Result<Pull, RepositoryError> {
        let path = format!("/repos/{}/pulls/{number}", self.current_name());
        let found = self.client.get(&path).await?;
        found.ok_or_else(|| self.odd(&format!("knows no pull request #{number}")))
    }

    async fn create_pull(&self, draft: &PullDraft<'_>) -> Result<Pull, RepositoryError> {
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

    async fn edit_pull(
        &self,
        number: u64,
        title: &str,
        body: &str,
    ) -> Result<Pull, RepositoryError> {
        let path = format!("/repos/{}/pulls/{number}", self.current_name());
        let body = json!({"title": title, "body": body});
        let edited = self.client.change(Method::PATCH, &path, &body).await;
        edited.map_err(CallError::of_read)
    }

    async fn label(&self, pull: &Pull, labels: &[String]) -> Result<(), RepositoryError> {
        let path = format!(
            "/repos/{}/issues/{}/labels",
            self.current_name(),
            pull.number
        );
        self.done(Method::POST, &path, &json!({ "labels": labels }))
            .await
    }

    async fn assign(&self, pull: &Pull, names: &[String]) -> Result<bool, RepositoryError> {
        #[derive(Deserialize)]
        struct Issue {
            assignees: Vec<Account>,
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
        Ok(names.iter().all(|name| is_among(&issue.assignees, name)))
    }

    async fn request_reviews(
        &self,
        pull: &Pull,
        people: &[&String],
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

    async fn has_reviews(&self, pull: &Pull) -> Result<bool, RepositoryError> {
        let path = format!(
            "/repos/{}/pulls/{}/reviews?per_page=1",
            self.current_name(),
            pull.number
        );
        let found: Option<Vec<Json>> = self.client.get(&path).await?;
        Ok(found.is_some_and(|reviews| !reviews.is_empty()))
    }

    async fn merging(
        &self,
        pull: &Pull,
        merge: &Merge<'_>,
    ) -> Result<Option<Merging>, RepositoryError> {
        let state = self.merge_state(pull).await?;
        Ok(state.and_then(|state| state.reached(merge)))
    }

    async fn merge_when_ready(
        &self,
        pull: &Pull,
        merge: &Merge<'_>,
    ) -> Result<Merging, RepositoryError> {
        let (headline, body) = split(merge.message);
        let makes_one = merge.method != MergeMethod::Rebase;
        let mut input = json!({
            "pullRequestId": pull.node_id, "expectedHeadOid": merge.commit.as_str(),
            "mergeMethod": merge.method.name().to_uppercase(),
        });
        if makes_one {
            input["commitHeadline"] = headline.into();
            input["commitBody"] = body.into();
        }
        let refusal = match self.mutated(ENABLE_AUTO_MERGE, input).await? {
            Ok(()) => return Ok(Merging::Waits),
            Err(refusal) => refusal,
        };
        // GitHub enables it only where something is missing still.
        let ready = ["clean status", "unstable status", "has_hooks"];
        if !ready.iter().any(|words| refusal.contains(words)) {
            let state = self.merge_state(pull).await?;
            if let Some(reached) = state.as_ref().and_then(|state| state.reached(merge)) {
                return Ok(reached);
            }
            if !state.is_some_and(|state| state.is_ready()) {
                return Err(RepositoryError::protocol(refusal));
            }
        }
        let path = format!("/repos/{}/pulls/{}/merge", self.current_name(), pull.number);
        let mut body_of_merge =
            json!({"merge_method": merge.method.name(), "sha": merge.commit.as_str()});
        if makes_one {
            body_of_merge["commit_title"] = headline.into();
            body_of_merge["commit_message"] = body.into();
        }
        let Err(error) = self.done(Method::PUT, &path, &body_of_merge).await else {
            return Ok(Merging::Done);
        };
        if !matches!(error, RepositoryError::Protocol { .. }) {
            return Err(error);
        }
        let state = self.merge_state(pull).await?;
        if let Some(reached) = state.as_ref().and_then(|state| state.reached(merge)) {
            return Ok(reached);
        }
        if !state.is_some_and(|state| state.is_merge_queue_enabled) {
            return Err(error);
        }
        let input = json!({
            "pullRequestId": pull.node_id, "expectedHeadOid": merge.commit.as_str(),
        });
        let queued = self.mutated(ENQUEUE, input).await?;
        queued.map_err(RepositoryError::protocol)?;
        Ok(Merging::Queued)
    }

    async fn stop_merge(&self, pull: &Pull) -> Result<(), RepositoryError> {
        let input = json!({ "pullRequestId": pull.node_id });
        let stopped = self.mutated(DISABLE_AUTO_MERGE, input).await?;
        stopped.map_err(RepositoryError::protocol)
    }

    async fn close_pull(&self, repository: &str, number: u64) -> Result<(), RepositoryError> {
        let path = format!("/repos/{repository}/pulls/{number}");
        let body = json!({"state": "closed"});
        let answer = self
            .client
            .change::<Json>(Method::PATCH, &path, &body)
            .await;
        answer.map(|_| ()).map_err(CallError::of_read)
    }

    async fn comment(
        &self,
        repository: &str,
        number: u64,
        text: &str,
    ) -> Result<(), RepositoryError> {
        let path = format!("/repos/{repository}/issues/{number}/comments");
        let answer = self
            .client
            .post::<Json>(&path, &json!({"body": text}))
            .await;
        answer.map(|_| ()).map_err(CallError::of_read)
    }
}

impl GithubRepository {
    /// How a pull request stands; none where the server does not say.
    async fn merge_state(&self, pull: &Pull) -> Result<Option<MergeState>, RepositoryError> {
        #[derive(Deserialize)]
        struct Repository {
            pull: Option<MergeState>,
        }
        let variables = self.variables([("number", pull.number.into())]);
        match self.query::<Repository>(MERGE_STATE, variables).await {
            Ok(repository) => Ok(repository.pull),
            Err(error) => match error.of_read() {
                // An older GitHub Enterprise Server has no merge queues.
                RepositoryError::Protocol { .. } => Ok(None),
                error => Err(error),
            },
        }
    }

    /// Runs a mutation whose answer says nothing. A refusal is an outcome, in GitHub's words.
    async fn mutated(
        &self,
        document: &str,
        input: Json,
    ) -> Result<Result<(), String>, RepositoryError> {
        let variables = json!({ "input": input });
        match self.client.mutate::<Json>(document, &variables).await {
            Ok(_) => Ok(Ok(())),
            Err(CallError::Errors(errors)) => Ok(Err(said(&errors))),
            Err(error) => Err(error.of_read()),
        }
    }

    async fn done(&self, method: Method, path: &str, body: &Json) -> Result<(), RepositoryError> {
        let answer = self.client.change::<Json>(method, path, body).await;
        answer.map(|_| ()).map_err(CallError::of_read)
    }
}
