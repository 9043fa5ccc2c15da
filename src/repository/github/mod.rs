//! The transport over GitHub's API: no git at all, and two requests for an update, whatever the size
//! of the repository.
//!
//! A query reads the tip and the files, a mutation writes the commit and moves the branch from that
//! tip or not at all.

pub mod access;
pub mod app;
pub mod client;
pub mod head;
pub mod pulls;
mod read;
mod write;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use secrecy::SecretString;
use url::Url;

use self::client::Client;
use self::read::Tip;
use super::{
    BranchName, Change, CommitDraft, CommitId, Landed, Pushed, RepositoryError, Sent, Snapshot,
};
use crate::deadline::Deadline;
use crate::files::FileSelection;

/// A repository, spoken to with GitHub's API.
pub struct GithubRepository {
    client: Client,
    /// `owner/name`, as it was given.
    name: String,
    branch: Option<BranchName>,
    /// What snapshots were made of, by their commits.
    tips: Mutex<HashMap<CommitId, Arc<Tip>>>,
}

impl GithubRepository {
    /// The repository `name` (`owner/name`) of the server whose API is at `api_url`, its `branch` or
    /// else its default branch. Nothing is asked yet.
    ///
    /// # Errors
    /// When token or URL are none that HTTP can carry.
    pub fn open(
        name: String,
        api_url: &Url,
        branch: Option<BranchName>,
        token: &SecretString,
        http: reqwest::Client,
        deadline: Deadline,
    ) -> Result<Self, RepositoryError> {
        Ok(Self {
            client: Client::new(http, api_url, token, deadline)?,
            name,
            branch,
            tips: Mutex::default(),
        })
    }

    fn remember(&self, tip: Tip) {
        let mut tips = self.tips.lock().unwrap_or_else(PoisonError::into_inner);
        tips.insert(tip.commit.clone(), Arc::new(tip));
    }

    fn remembered(&self, commit: &CommitId) -> Result<Arc<Tip>, RepositoryError> {
        let tips = self.tips.lock().unwrap_or_else(PoisonError::into_inner);
        let tip = tips.get(commit).cloned();
        tip.ok_or_else(|| RepositoryError::Protocol {
            what: format!("commit {commit} was not read before it was written on"),
        })
    }

    /// What the repository is called now, as far as it was read. Questions are answered under a former
    /// name as well; changes are not.
    fn current_name(&self) -> String {
        let tips = self.tips.lock().unwrap_or_else(PoisonError::into_inner);
        let read = tips.values().next();
        read.map_or_else(|| self.name.clone(), |tip| tip.name.clone())
    }

    /// An id that GitHub gave.
    fn commit_id(&self, text: &str) -> Result<CommitId, RepositoryError> {
        let id = git2::Oid::from_str(text);
        id.map(CommitId::from)
            .map_err(|_| self.odd("gave something else for a commit's id"))
    }

    /// An answer that is not what was asked for.
    fn odd(&self, what: &str) -> RepositoryError {
        RepositoryError::Protocol {
            what: format!("{} {what}", self.client.host()),
        }
    }
}

/// As [`Repository`](super::Repository) has them; but the past, which is read over git
/// ([`OnGithub`](super::transport::OnGithub)).
impl GithubRepository {
    /// Reads the branch's tip and the selected files at it.
    ///
    /// # Errors
    /// When the server can't be used, or a file that is named is not there or is no file.
    pub async fn snapshot(&self, selection: &FileSelection) -> Result<Snapshot, RepositoryError> {
        self.read(selection).await
    }

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
        self.write(base, changes, draft).await
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
        self.found(base, sent).await
    }
}
