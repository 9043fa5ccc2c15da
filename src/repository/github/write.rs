//! Writing: a commit on top of the tip that was read, and the branch moved from that tip or not at all.
//!
//! `createCommitOnBranch` does both in one request, and GitHub signs the commit; but the commit's
//! author is the token's owner, and files have no mode. So for an author of one's own and for an
//! executable file the commit is built over REST, and `updateRefs` moves the branch. REST's own way
//! to move a branch (`PATCH git/refs`) knows no expected tip, only "no force": on a branch that was
//! rewound meanwhile it would bring back what the rewind took away.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::client::{CallError, GraphqlError, explained, said};
use super::graphql::{Nodes, Oid, Page};
use super::read::REGULAR;
use super::repository::{GithubRepository, Tip};
use crate::repository::branch::BranchName;
use crate::repository::commit::{Change, CommitDraft, Identity, Landed, Pushed, Sent, Snapshot};
use crate::repository::error::{Access, RepositoryError};
use crate::repository::object::{CommitId, ObjectId, ObjectKind};

/// How far back a commit whose answer was lost is looked for: pages of 100.
const PAGES: usize = 40;

const CREATE_COMMIT: &str = "mutation($input: CreateCommitOnBranchInput!) {
  createCommitOnBranch(input: $input) { commit { oid signature { isValid } } }
}";

const UPDATE_REFS: &str = "mutation($input: UpdateRefsInput!) {
  updateRefs(input: $input) { clientMutationId }
}";

const HISTORY: &str = "query($owner: String!, $name: String!, $branch: String!, $after: String) {
  repository(owner: $owner, name: $name) {
    branch: ref(qualifiedName: $branch) { target { ... on Commit {
      history(first: 100, after: $after) {
        nodes { oid message parents(first: 2) { nodes { oid } } signature { isValid } }
        pageInfo { hasNextPage endCursor }
      }
    } } }
  }
}";

#[derive(Deserialize)]
struct Signature {
    #[serde(rename = "isValid")]
    is_valid: bool,
}

/// What REST says of something that it made.
#[derive(Deserialize)]
struct Made {
    sha: String,
}

/// Why something was not made that nobody would have seen.
fn of_made(error: CallError) -> RepositoryError {
    match error {
        CallError::Failed { error, .. } => error,
        CallError::Errors(errors) => explained(&errors, Access::Write),
    }
}

/// Whether GitHub vouches for a commit; one without a signature is not vouched for.
fn verified(signature: Option<&Signature>) -> bool {
    signature.is_some_and(|signature| signature.is_valid)
}

/// Subject and rest of a message. GitHub puts a blank line between them.
pub(super) fn split(message: &str) -> (&str, &str) {
    let (headline, body) = message.split_once('\n').unwrap_or((message, ""));
    (headline.trim_end(), body.trim())
}

impl GithubRepository {
    /// Writes all `changes` in one commit on top of `base`, and moves the branch from `base` to it.
    ///
    /// # Errors
    /// When the server can't be used.
    pub async fn commit(
        &self,
        base: &Snapshot,
        changes: &[Change],
        draft: &CommitDraft,
    ) -> Result<Pushed, RepositoryError> {
        let tip = self.remembered(&base.commit)?;
        let regular = |change: &Change| tip.modes.get(&change.path) == Some(&REGULAR);
        if draft.identity.is_default() && changes.iter().all(regular) {
            self.create_commit(&tip, changes, draft).await
        } else {
            self.build_commit(&tip, changes, draft).await
        }
    }

    async fn create_commit(
        &self,
        tip: &Tip,
        changes: &[Change],
        draft: &CommitDraft,
    ) -> Result<Pushed, RepositoryError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Data {
            create_commit_on_branch: Payload,
        }
        #[derive(Deserialize)]
        struct Payload {
            commit: Created,
        }
        #[derive(Deserialize)]
        struct Created {
            oid: String,
            signature: Option<Signature>,
        }
        let (headline, body) = split(&draft.message);
        let additions: Vec<Json> = changes
            .iter()
            .map(|change| {
                let contents = BASE64_STANDARD.encode(&change.bytes);
                json!({"path": change.path.as_str(), "contents": contents})
            })
            .collect();
        let input = json!({
            "branch": {
                "repositoryNameWithOwner": tip.name,
                "branchName": tip.branch.as_str(),
            },
            "expectedHeadOid": tip.commit.as_str(),
            "message": {"headline": headline, "body": body},
            "fileChanges": {"additions": additions},
        });
        let variables = json!({"input": input});
        match self.client.mutate(CREATE_COMMIT, &variables).await {
            Ok(Data {
                create_commit_on_branch: Payload { commit },
            }) => match self.commit_id(&commit.oid) {
                Ok(id) => Ok(Pushed::Landed(Landed {
                    commit: id,
                    verified: Some(verified(commit.signature.as_ref())),
                    said: String::new(),
                })),
                // It landed all the same.
                Err(error) => Err(RepositoryError::Unconfirmed {
                    commit: None,
                    what: error.to_string(),
                }),
            },
            Err(error) => self.not_landed(&tip.branch, &tip.commit, None, error).await,
        }
    }

    async fn build_commit(
        &self,
        tip: &Tip,
        changes: &[Change],
        draft: &CommitDraft,
    ) -> Result<Pushed, RepositoryError> {
        let tree = self.make_tree(tip, changes).await?;
        let CommitDraft {
            message, identity, ..
        } = draft;
        let author = Some(identity);
        let landed = self
            .make_commit(tip, &tree, message, author, &[&tip.commit])
            .await?;
        self.move_branch(tip, &tip.branch, &tip.commit, landed)
            .await
    }

    /// Makes the tree of `tip` with `changes`. Nothing that is made before the branch moves can be seen
    /// by anyone, so that whatever goes wrong until then may be done again.
    pub(super) async fn make_tree(
        &self,
        tip: &Tip,
        changes: &[Change],
    ) -> Result<String, RepositoryError> {
        let git = format!("/repos/{}/git", tip.name);
        let mut entries = Vec::new();
        for change in changes {
            let mode = tip.modes.get(&change.path).unwrap_or(&REGULAR);
            let mut entry = json!({
                "path": change.path.as_str(), "mode": format!("{mode:06o}"), "type": "blob",
            });
            match std::str::from_utf8(&change.bytes) {
                Ok(text) => entry["content"] = text.into(),
                Err(_) => {
                    let content = BASE64_STANDARD.encode(&change.bytes);
                    let blob = json!({"content": content, "encoding": "base64"});
                    let blob = self.client.post(&format!("{git}/blobs"), &blob).await;
                    let blob: Made = blob.map_err(of_made)?;
                    entry["sha"] = blob.sha.into();
                }
            }
            entries.push(entry);
        }
        let tree = json!({"base_tree": tip.commit.as_str(), "tree": entries});
        let tree = self.client.post(&format!("{git}/trees"), &tree).await;
        let tree: Made = tree.map_err(of_made)?;
        Ok(tree.sha)
    }

    /// Makes a commit that no branch leads to yet. Where nobody else is named as its author, it is the
    /// token's owner's; an app's is signed then.
    pub(super) async fn make_commit(
        &self,
        tip: &Tip,
        tree: &str,
        message: &str,
        author: Option<&Identity>,
        parents: &[&CommitId],
    ) -> Result<Landed, RepositoryError> {
        #[derive(Deserialize)]
        struct Commit {
            sha: String,
            verification: Option<Verification>,
        }
        #[derive(Deserialize)]
        struct Verification {
            verified: bool,
        }
        let parents: Vec<&str> = parents.iter().map(|parent| parent.as_str()).collect();
        let mut commit = json!({"message": message, "tree": tree, "parents": parents});
        if let Some(author) = author {
            let identity = json!({"name": author.name, "email": author.email});
            commit["author"] = identity.clone();
            commit["committer"] = identity;
        }
        let path = format!("/repos/{}/git/commits", tip.name);
        let commit = self.client.post(&path, &commit).await;
        let Commit { sha, verification } = commit.map_err(of_made)?;
        Ok(Landed {
            commit: self.commit_id(&sha)?,
            verified: verification.map(|verification| verification.verified),
            said: String::new(),
        })
    }

    /// Moves a branch of the repository of `tip` from `from` to `landed`, or not at all.
    pub(super) async fn move_branch(
        &self,
        tip: &Tip,
        branch: &BranchName,
        from: &CommitId,
        landed: Landed,
    ) -> Result<Pushed, RepositoryError> {
        let update = json!({
            "name": branch.reference(), "force": false,
            "beforeOid": from.as_str(), "afterOid": landed.commit.as_str(),
        });
        let id = match &tip.repository_id {
            Some(id) => id.clone(),
            None => self.repository_id().await?,
        };
        let input = json!({"repositoryId": id, "refUpdates": [update]});
        let variables = json!({"input": input});
        match self.client.mutate::<Json>(UPDATE_REFS, &variables).await {
            Ok(_) => Ok(Pushed::Landed(landed)),
            Err(error) => self.not_landed(branch, from, Some(landed), error).await,
        }
    }

    /// What it means that the branch was not moved, or that nobody knows. `landed` is what it was to
    /// be moved to, where that is known.
    async fn not_landed(
        &self,
        branch: &BranchName,
        from: &CommitId,
        landed: Option<Landed>,
        error: CallError,
    ) -> Result<Pushed, RepositoryError> {
        let errors = match error {
            CallError::Errors(errors) => errors,
            CallError::Failed {
                error,
                may_have_happened: false,
            } => {
                return match error.is_trouble() {
                    true => Err(error),
                    false => self.refused_at(branch, Some(from), error).await,
                };
            }
            CallError::Failed { error, .. } => {
                let commit = landed.map(|landed| landed.commit);
                let what = error.to_string();
                return Err(RepositoryError::Unconfirmed { commit, what });
            }
        };
        let is = |kind: &str| {
            let is = |error: &GraphqlError| error.kind.as_deref() == Some(kind);
            errors.iter().any(is)
        };
        let detail = said(&errors);
        // Of a token; of a branch, or of the repository. Where the branch has moved, it is a lost race all
        // the same: the next try tells.
        let kinds = ["FORBIDDEN", "INSUFFICIENT_SCOPES", "NOT_FOUND"];
        if kinds.into_iter().any(is) {
            let refused = explained(&errors, Access::Write);
            return self.refused_at(branch, Some(from), refused).await;
        }
        Ok(Pushed::Refused { detail })
    }

    /// What a refusal that tells of the token or the repository is, by where the branch is now, which was
    /// expected at `from`: a lost race where it has moved.
    pub(super) async fn refused_at(
        &self,
        branch: &BranchName,
        from: Option<&CommitId>,
        refused: RepositoryError,
    ) -> Result<Pushed, RepositoryError> {
        match self.head(branch).await {
            Ok(head) if head.as_ref() == from => Err(refused),
            Ok(_) => Ok(Pushed::Moved {
                detail: refused.to_string(),
            }),
            Err(error) if error.is_trouble() => Err(error),
            Err(_) => Err(refused),
        }
    }

    /// The commit of `sent`, which was made on top of `base`, if it is on the branch.
    ///
    /// # Errors
    /// When the server can't be used.
    pub async fn find(
        &self,
        base: &Snapshot,
        sent: &Sent,
    ) -> Result<Option<Landed>, RepositoryError> {
        match &sent.commit {
            Some(commit) => {
                let Some(head) = self.head(&base.branch).await? else {
                    return Ok(None);
                };
                let held = self.is_ancestor(commit, &head).await?;
                Ok(held.then(|| commit.clone().into()))
            }
            None => self.found_by_content(base, sent).await,
        }
    }

    /// Whether `commit` was made on top of `ancestor`, or is the same.
    ///
    /// # Errors
    /// When the server can't be used.
    pub async fn is_ancestor(
        &self,
        ancestor: &CommitId,
        commit: &CommitId,
    ) -> Result<bool, RepositoryError> {
        #[derive(Deserialize)]
        struct Comparison {
            status: String,
        }
        let path = format!(
            "/repos/{}/compare/{ancestor}...{commit}?per_page=1",
            self.name
        );
        // Not there: a commit that nobody has.
        let comparison: Option<Comparison> = self.client.get(&path).await?;
        Ok(comparison.is_some_and(|found| ["identical", "ahead"].contains(&found.status.as_str())))
    }

    /// GitHub made the commit and its id did not arrive. So it is known by what it is: on top of
    /// `base`, with this message and these files.
    async fn found_by_content(
        &self,
        base: &Snapshot,
        sent: &Sent,
    ) -> Result<Option<Landed>, RepositoryError> {
        #[derive(Deserialize)]
        struct Repository {
            branch: Option<Branch>,
        }
        #[derive(Deserialize)]
        struct Branch {
            target: Target,
        }
        #[derive(Deserialize)]
        struct Target {
            history: Page<Commit>,
        }
        #[derive(Deserialize)]
        struct Commit {
            oid: String,
            message: String,
            parents: Nodes<Oid>,
            signature: Option<Signature>,
        }
        let mut after = None;
        for _ in 0..PAGES {
            let variables = self.variables([
                ("branch", base.branch.reference().into()),
                ("after", json!(after)),
            ]);
            let found = self.query(HISTORY, variables).await;
            let repository: Repository = found.map_err(CallError::of_read)?;
            let Some(Branch { target }) = repository.branch else {
                return Ok(None);
            };
            let Page { nodes, page_info } = target.history;
            for commit in nodes {
                if commit.oid == base.commit.as_str() {
                    return Ok(None);
                }
                let on_base = commit
                    .parents
                    .nodes
                    .iter()
                    .map(|parent| parent.oid.as_str());
                if on_base.eq([base.commit.as_str()])
                    && split(&commit.message) == split(&sent.draft.message)
                {
                    let id = self.commit_id(&commit.oid)?;
                    if self.holds(&id, &sent.changes).await? {
                        return Ok(Some(Landed {
                            commit: id,
                            verified: Some(verified(commit.signature.as_ref())),
                            said: String::new(),
                        }));
                    }
                }
            }
            if !page_info.has_next_page {
                break;
            }
            after = page_info.end_cursor;
        }
        Ok(None)
    }

    /// Whether the files of `changes` are so in a commit.
    async fn holds(&self, commit: &CommitId, changes: &[Change]) -> Result<bool, RepositoryError> {
        let paths = changes.iter().map(|change| change.path.as_str());
        let file = |path: &str, n| format!("f{n}: file(path: {path}) {{ oid }}");
        let files = self.of_paths::<Option<Oid>>(commit, paths, file).await?;
        Ok(changes.iter().enumerate().all(|(n, change)| {
            let there = files.get(&format!("f{n}")).and_then(Option::as_ref);
            let expected = ObjectId::of(ObjectKind::Blob, &change.bytes);
            there.is_some_and(|entry| expected.to_string() == entry.oid)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_split_as_github_joins_it() {
        assert_eq!(
            split("chore: v2\n\nWhy.\n\nKey: value\n"),
            ("chore: v2", "Why.\n\nKey: value")
        );
        assert_eq!(split("chore: v2\n"), ("chore: v2", ""));
        assert_eq!(split("one\ntwo"), ("one", "two"));
    }
}
