//! How a pull request stands: where its target and its branch are, and whether it is open.

use http::Method;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::client::CallError;
use super::read::InRepository;
use super::repository::GithubRepository;
use crate::repository::branch::BranchName;
use crate::repository::error::RepositoryError;
use crate::repository::object::CommitId;

const STANDING: &str = "query Standing($owner: String!, $name: String!, $number: Int!, $target: String!, $head: String!) {
  repository(owner: $owner, name: $name) {
    nameWithOwner
    target: ref(qualifiedName: $target) { target { oid } }
    head: ref(qualifiedName: $head) { target { oid } }
    pull: pullRequest(number: $number) { state headRefOid }
  }
}";

/// What one look at a pull request shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// What the repository is called now.
    pub repository: String,
    /// The tip of the branch that it is to be merged into; none where that is gone.
    pub target: Option<CommitId>,
    /// The tip of its own branch; none where that is gone.
    pub head: Option<CommitId>,
    /// The last commit that was on its own branch, as far as GitHub knows: it stays when the branch is deleted.
    pub last: CommitId,
    /// What GitHub says of it.
    pub state: PullState,
}

/// What GitHub says of a pull request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum PullState {
    /// Nobody has merged or closed it.
    Open,
    /// Somebody closed it.
    Closed,
    /// It was merged.
    Merged,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    name_with_owner: String,
    target: Option<Reference>,
    head: Option<Reference>,
    pull: Option<Pull>,
}

#[derive(Deserialize)]
struct Reference {
    target: Target,
}

#[derive(Deserialize)]
struct Target {
    oid: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Pull {
    state: PullState,
    head_ref_oid: String,
}

impl GithubRepository {
    /// How pull request `number` of the branch `head` into `target` stands.
    ///
    /// # Errors
    /// When the server can't be used, or knows no such pull request.
    pub async fn standing(
        &self,
        number: u64,
        head: &BranchName,
        target: &BranchName,
    ) -> Result<Standing, RepositoryError> {
        let variables = self.variables([
            ("number", number.into()),
            ("target", target.reference().into()),
            ("head", head.reference().into()),
        ]);
        let found = self.client.query(STANDING, &variables.into()).await;
        let InRepository { repository }: InRepository<Answer> =
            found.map_err(CallError::of_read)?;
        let Some(Pull {
            state,
            head_ref_oid,
        }) = repository.pull
        else {
            return Err(self.odd(&format!("knows no pull request #{number}")));
        };
        let tip = |reference: Option<Reference>| {
            let oid = reference.map(|reference| reference.target.oid);
            oid.map(|oid| self.commit_id(&oid)).transpose()
        };
        Ok(Standing {
            repository: repository.name_with_owner,
            target: tip(repository.target)?,
            head: tip(repository.head)?,
            last: self.commit_id(&head_ref_oid)?,
            state,
        })
    }

    /// Closes a pull request of `repository` (`owner/name`), as it is called now.
    ///
    /// # Errors
    /// When the server can't be used, or refuses.
    pub async fn close_pull(&self, repository: &str, number: u64) -> Result<(), RepositoryError> {
        let path = format!("/repos/{repository}/pulls/{number}");
        let body = json!({"state": "closed"});
        let answer = self
            .client
            .change::<Json>(Method::PATCH, &path, &body)
            .await;
        answer.map(|_| ()).map_err(CallError::of_read)
    }

    /// Says something on the page of a pull request.
    ///
    /// # Errors
    /// When the server can't be used, or refuses.
    pub async fn comment(
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
