//! A repository on GitHub, and what was read of it.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};

use super::client::{CallError, Client};
use super::past::{Along, Brought, PAST_OF};
use crate::files::FileSelection;
use crate::repository::branch::BranchName;
use crate::repository::commit::{Modes, Said, Snapshot};
use crate::repository::error::RepositoryError;
use crate::repository::object::CommitId;
use crate::repository::route::Route;

/// A branch's tip, and what is needed to write on top of it.
pub(super) struct Tip {
    /// The branch.
    pub branch: BranchName,
    /// The commit.
    pub commit: CommitId,
    /// The repository's node id; none where it was not read over the API.
    pub repository_id: Option<String>,
    /// The repository's name now, if it was renamed.
    pub name: String,
    /// What the newest commits say.
    pub recent: Vec<Said>,
    /// The modes of the files that were read.
    pub modes: Modes,
    /// What was asked for beside them.
    pub brought: Brought,
}

/// A repository, spoken to with GitHub's API.
pub struct GithubRepository {
    pub(super) client: Client,
    /// `owner/name`, as it was given.
    pub(super) name: String,
    pub(super) branch: Option<BranchName>,
    /// What snapshots are to bring along.
    pub(super) along: Along,
    /// Whether GitHub did not give that out: the files may be too large for it.
    pub(super) is_too_much: AtomicBool,
    /// What snapshots were made of, by their commits.
    tips: Mutex<HashMap<CommitId, Arc<Tip>>>,
}

impl GithubRepository {
    /// The repository `name` (`owner/name`) of the server to which `route` leads. Nothing is asked yet.
    ///
    /// # Errors
    /// When token or URL are none that HTTP can carry.
    pub fn open(
        name: String,
        token: &SecretString,
        route: &Route,
        http: reqwest::Client,
    ) -> Result<Self, RepositoryError> {
        Ok(Self {
            client: Client::new(http, &route.api_url, token, route.deadline.clone())?,
            name,
            branch: route.branch.clone(),
            along: Along::default(),
            is_too_much: AtomicBool::new(false),
            tips: Mutex::default(),
        })
    }

    /// Has every snapshot of the branch bring something along, in the same request.
    pub fn bring_along(&mut self, along: Along) {
        self.along = along;
    }

    /// Whether a snapshot brings the past of all of its files along.
    pub fn brings_all_along(&self, selection: &FileSelection) -> bool {
        let named = selection.named_paths();
        let mut named = named.into_iter();
        selection.globs().next().is_none()
            && self.along.past_of.len() <= PAST_OF
            && named.all(|path| self.along.past_of.contains(path))
    }

    /// Takes what was read over git for what is to be written on. A branch that has moved since refuses it.
    pub fn base_on(&self, snapshot: Snapshot, modes: Modes) -> Snapshot {
        self.remember(Tip {
            branch: snapshot.branch.clone(),
            commit: snapshot.commit.clone(),
            repository_id: None,
            name: self.name.clone(),
            recent: Vec::new(),
            modes,
            brought: Brought::default(),
        });
        snapshot
    }

    pub(super) fn remember(&self, tip: Tip) {
        let mut tips = self.tips.lock().unwrap_or_else(PoisonError::into_inner);
        tips.insert(tip.commit.clone(), Arc::new(tip));
    }

    pub(super) fn remembered(&self, commit: &CommitId) -> Result<Arc<Tip>, RepositoryError> {
        let tips = self.tips.lock().unwrap_or_else(PoisonError::into_inner);
        let tip = tips.get(commit).cloned();
        tip.ok_or_else(|| {
            RepositoryError::protocol(format!(
                "commit {commit} was not read before it was written on"
            ))
        })
    }

    /// What the repository is called now, as far as it was read. Questions are answered under a former
    /// name as well; changes are not.
    pub(super) fn current_name(&self) -> String {
        let tips = self.tips.lock().unwrap_or_else(PoisonError::into_inner);
        let read = tips.values().next();
        read.map_or_else(|| self.name.clone(), |tip| tip.name.clone())
    }

    /// An id that GitHub gave.
    pub(super) fn commit_id(&self, text: &str) -> Result<CommitId, RepositoryError> {
        CommitId::parse(text).ok_or_else(|| self.odd("gave something else for a commit's id"))
    }

    /// An answer that is not what was asked for.
    pub(super) fn odd(&self, what: &str) -> RepositoryError {
        RepositoryError::protocol(format!("{} {what}", self.client.host()))
    }

    /// What a query says of the repository.
    ///
    /// # Errors
    /// See [`CallError`].
    pub(super) async fn query<T: DeserializeOwned>(
        &self,
        document: &str,
        variables: Map<String, Json>,
    ) -> Result<T, CallError> {
        let answered = self.query_dated(document, variables).await;
        answered.map(|(repository, _)| repository)
    }

    /// The same, with GitHub's clock.
    ///
    /// # Errors
    /// See [`CallError`].
    pub(super) async fn query_dated<T: DeserializeOwned>(
        &self,
        document: &str,
        variables: Map<String, Json>,
    ) -> Result<(T, Option<DateTime<Utc>>), CallError> {
        #[derive(Deserialize)]
        struct Data<T> {
            repository: T,
        }
        let answered = self.client.query(document, &variables.into()).await;
        answered.map(|(Data { repository }, now)| (repository, now))
    }

    /// The query's variables for this repository.
    pub(super) fn variables<'a>(
        &self,
        more: impl IntoIterator<Item = (&'a str, Json)>,
    ) -> Map<String, Json> {
        let (owner, name) = self.name.split_once('/').unwrap_or_default();
        let mut variables = Map::new();
        variables.insert("owner".to_owned(), owner.into());
        variables.insert("name".to_owned(), name.into());
        variables.extend(
            more.into_iter()
                .map(|(name, value)| (name.to_owned(), value)),
        );
        variables
    }
}
