//! How a pull request stands: where its target and its branch are, and whether it is open.

use serde::Deserialize;

use super::client::CallError;
use super::graphql::Oid;
use super::repository::GithubRepository;
use crate::repository::branch::BranchName;
use crate::repository::error::RepositoryError;
use crate::repository::forge::pull::{PullState, Standing};

const STANDING: &str = "query Standing($owner: String!, $name: String!, $number: Int!, $target: String!, $head: String!) {
  repository(owner: $owner, name: $name) {
    nameWithOwner
    target: ref(qualifiedName: $target) { target { oid } }
    head: ref(qualifiedName: $head) { target { oid } }
    pull: pullRequest(number: $number) { state headRefOid }
  }
}";

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
    target: Oid,
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
        let found = self.query(STANDING, variables).await;
        let repository: Answer = found.map_err(CallError::of_read)?;
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
            last: Some(self.commit_id(&head_ref_oid)?),
            state,
            untold: None,
        })
    }
}
