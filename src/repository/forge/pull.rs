//! Pull requests, as every forge has them: what they are made of, and what is done to them.

use serde::{Deserialize, Deserializer};

use crate::limits::words;
use crate::repository::branch::BranchName;
use crate::repository::error::RepositoryError;
use crate::repository::object::CommitId;

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

impl MergeMethod {
    /// As the inputs and REST have it.
    pub const fn name(self) -> &'static str {
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
    #[serde(rename = "html_url", deserialize_with = "words")]
    pub url: String,
    /// Its id for GraphQL, on GitHub.
    #[serde(default)]
    pub node_id: String,
    /// `open` or `closed`.
    pub state: String,
    /// Whether it was merged.
    #[serde(default)]
    pub merged: bool,
    /// Where its branch is, or was when it was merged.
    #[serde(default)]
    pub head: Option<At>,
    /// Its title.
    pub title: String,
    /// Its text.
    pub body: Option<String>,
    /// Who opened it.
    pub user: Option<Account>,
    /// The people who are asked for a review, and have given none yet.
    #[serde(default, deserialize_with = "or_none")]
    pub requested_reviewers: Vec<Account>,
    /// The teams, likewise.
    #[serde(default, deserialize_with = "or_none")]
    pub requested_teams: Vec<Team>,
    /// Its labels.
    #[serde(default, deserialize_with = "or_none")]
    pub labels: Vec<Label>,
    /// Who is assigned.
    #[serde(default, deserialize_with = "or_none")]
    pub assignees: Vec<Account>,
    /// The merge that is to come as soon as the rules of its target allow, on GitHub.
    #[serde(default)]
    pub auto_merge: Option<AutoMerge>,
}

/// Where a branch is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct At {
    /// Its commit.
    pub sha: String,
}

/// A merge that was asked for ahead.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AutoMerge {
    /// Who asked for it.
    pub enabled_by: Option<Account>,
    /// In which way: `merge`, `squash` or `rebase`.
    #[serde(default)]
    pub merge_method: String,
    /// The first line of its commit, where it was given one.
    pub commit_title: Option<String>,
    /// The rest of what that says.
    pub commit_message: Option<String>,
}

impl AutoMerge {
    /// What its commit says.
    pub fn message(&self) -> String {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        format!(
            "{}\n\n{}",
            text(&self.commit_title),
            text(&self.commit_message)
        )
    }
}

/// A label.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Label {
    /// Its name.
    pub name: String,
}

impl Pull {
    /// Whether it was merged with `commit` on its branch.
    pub fn brought(&self, commit: &CommitId) -> bool {
        let mut head = self.head.iter();
        self.merged && head.any(|head| head.sha == commit.as_str())
    }

    /// Whether it is neither merged nor closed.
    pub fn is_open(&self) -> bool {
        self.state == "open"
    }

    /// Whether it has all of these labels, whose names forges compare without case.
    pub fn is_labelled(&self, labels: &[String]) -> bool {
        let has = |name: &String| {
            let mut there = self.labels.iter();
            there.any(|one| one.name.eq_ignore_ascii_case(name))
        };
        labels.iter().all(has)
    }

    /// Whether all of these people are assigned.
    pub fn is_assigned(&self, names: &[String]) -> bool {
        names.iter().all(|name| is_among(&self.assignees, name))
    }

    /// Whether all of these people and teams are asked for a review.
    pub fn is_up_for_review(&self, people: &[&String], teams: &[String]) -> bool {
        let mut teams = teams.iter();
        people
            .iter()
            .all(|name| is_among(&self.requested_reviewers, name))
            && teams.all(|slug| self.requested_teams.iter().any(|one| one.slug == *slug))
    }
}

/// Whether an account of that name is one of these.
pub fn is_among(accounts: &[Account], name: &str) -> bool {
    let mut accounts = accounts.iter();
    accounts.any(|one| one.login.eq_ignore_ascii_case(name))
}

/// A list, for which Gitea has `null` where it is empty.
fn or_none<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// An account of a person or a program.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Account {
    /// Its name.
    pub login: String,
}

/// A team.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Team {
    /// Its name in URLs.
    pub slug: String,
}

/// How a pull request is to be merged.
#[derive(Debug, Clone, Copy)]
pub struct Merge<'a> {
    /// In which way.
    pub method: MergeMethod,
    /// The newest commit of its branch. Another one is not merged.
    pub commit: &'a CommitId,
    /// What the commit says that the merge makes, where it makes one.
    pub message: &'a str,
    /// Whether two such messages tell of the same deployment.
    pub is_same: fn(&str, &str) -> bool,
}

/// What became of a merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Merging {
    /// It comes as soon as the rules of the target allow.
    Waits,
    /// It waits in the merge queue of the target.
    Queued,
    /// It is done.
    Done,
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

/// What one look at a pull request shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// What the repository is called now.
    pub repository: String,
    /// The tip of the branch that it is to be merged into; none where that is gone.
    pub target: Option<CommitId>,
    /// The tip of its own branch; none where that is gone.
    pub head: Option<CommitId>,
    /// The last commit that was on its own branch, as far as that is known: on GitHub it stays when the branch is deleted.
    pub last: Option<CommitId>,
    /// What the forge says of it.
    pub state: PullState,
    /// Why it does not say so, where it does not: such a one is taken for open as long as its branch is there.
    pub untold: Option<Untold>,
}

/// Why a forge does not say what became of a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Untold {
    /// The token may not ask.
    Refused,
    /// What came in place of an answer, on one line: another look may bring one.
    NotNow(String),
}

/// What a forge says of a pull request.
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

/// What is done to pull requests over the API of a forge.
pub trait PullRequests {
    /// The open pull request from `head` into `base`.
    ///
    /// # Errors
    /// When the server can't be used.
    fn open_pull(
        &self,
        head: &BranchName,
        base: &BranchName,
    ) -> impl Future<Output = Result<Option<Pull>, RepositoryError>> + Send;

    /// How one is now.
    ///
    /// # Errors
    /// When the server can't be used, or knows no such pull request.
    fn pull(&self, number: u64) -> impl Future<Output = Result<Pull, RepositoryError>> + Send;

    /// Opens one.
    ///
    /// # Errors
    /// When the server can't be used, or refuses.
    fn create_pull(
        &self,
        draft: &PullDraft<'_>,
    ) -> impl Future<Output = Result<Pull, RepositoryError>> + Send;

    /// What the title of an open one becomes.
    fn retitled(&self, _pull: &Pull, title: &str) -> String {
        title.to_owned()
    }

    /// Gives one another title and text. Returns how it is then.
    ///
    /// # Errors
    /// When the server can't be used, or refuses.
    fn edit_pull(
        &self,
        number: u64,
        title: &str,
        body: &str,
    ) -> impl Future<Output = Result<Pull, RepositoryError>> + Send;

    /// Adds labels.
    ///
    /// # Errors
    /// When the server can't be used, or refuses.
    fn label(
        &self,
        pull: &Pull,
        labels: &[String],
    ) -> impl Future<Output = Result<(), RepositoryError>> + Send;

    /// Adds assignees. Returns whether all of them were: a forge may leave out who can't be one.
    ///
    /// # Errors
    /// When the server can't be used, or refuses.
    fn assign(
        &self,
        pull: &Pull,
        names: &[String],
    ) -> impl Future<Output = Result<bool, RepositoryError>> + Send;

    /// Asks people and teams for a review.
    ///
    /// # Errors
    /// When the server can't be used, or refuses.
    fn request_reviews(
        &self,
        pull: &Pull,
        people: &[&String],
        teams: &[String],
    ) -> impl Future<Output = Result<(), RepositoryError>> + Send;

    /// Whether anyone has reviewed one.
    ///
    /// # Errors
    /// When the server can't be used.
    fn has_reviews(
        &self,
        pull: &Pull,
    ) -> impl Future<Output = Result<bool, RepositoryError>> + Send;

    /// What has come of a merge that may have been asked for; none where nothing has.
    ///
    /// # Errors
    /// When the server can't be used.
    fn merging(
        &self,
        pull: &Pull,
        merge: &Merge<'_>,
    ) -> impl Future<Output = Result<Option<Merging>, RepositoryError>> + Send;

    /// Has one merged as soon as the rules of its target allow; at once, where nothing is missing. What
    /// was done before is not done again, so that this may be called after an answer that was lost.
    ///
    /// # Errors
    /// When the server can't be used, or refuses.
    fn merge_when_ready(
        &self,
        pull: &Pull,
        merge: &Merge<'_>,
    ) -> impl Future<Output = Result<Merging, RepositoryError>> + Send;

    /// Takes back that one is merged as soon as the rules of its target allow. Where that is not said of an open
    /// one, there is nothing to do.
    ///
    /// # Errors
    /// When the server can't be used, or refuses.
    fn stop_merge(&self, _pull: &Pull) -> impl Future<Output = Result<(), RepositoryError>> + Send {
        async { Ok(()) }
    }

    /// Closes one of `repository` (`owner/name`), as it is called now.
    ///
    /// # Errors
    /// When the server can't be used, or refuses.
    fn close_pull(
        &self,
        repository: &str,
        number: u64,
    ) -> impl Future<Output = Result<(), RepositoryError>> + Send;

    /// Says something on the page of one.
    ///
    /// # Errors
    /// When the server can't be used, or refuses.
    fn comment(
        &self,
        repository: &str,
        number: u64,
        text: &str,
    ) -> impl Future<Output = Result<(), RepositoryError>> + Send;
}
