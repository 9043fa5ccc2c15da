//! The two transports, and which of them a repository is spoken to with.

use std::collections::HashMap;

use url::Url;

use super::branch::BranchName;
use super::commit::{Change, CommitDraft, Landed, Pushed, Said, Sent, Snapshot};
use super::error::RepositoryError;
use super::git::GitRepository;
use super::github::GithubRepository;
use super::github::past::Along;
use super::history::{FileHistory, HistoryQuery, Searched, Touched};
use super::location::Location;
use super::object::CommitId;
use super::retry::Branch;
use super::route::Route;
use crate::files::{FileSelection, RepoPath};
use crate::http::Credentials;
use crate::manifest::ManifestFile;

/// What `transport` says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Transport {
    /// The API on GitHub, git elsewhere.
    #[default]
    Auto,
    /// GitHub's API.
    Api,
    /// Git's own protocol.
    Git,
}

/// A transport that was chosen, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// GitHub's API, for this `owner/name`.
    Api {
        /// `owner/name`.
        name: String,
        /// Why, as a part of a sentence.
        why: &'static str,
    },
    /// Git's own protocol.
    Git {
        /// Why, as a part of a sentence.
        why: &'static str,
    },
}

impl Transport {
    /// The transport for a repository at `location`, where GitHub's API would be at `api_url`.
    ///
    /// # Errors
    /// Why the API can't be used, though it is asked for.
    pub fn choose(self, location: &Location, api_url: &Url) -> Result<Choice, &'static str> {
        const ELSEWHERE: &str = "the repository is not on the server that `server-url` names";
        const STRANGER: &str =
            "`api-url` is of another server than `server-url`, and the token is not sent there";
        match (self, location.github_name()) {
            (Self::Git, _) => Ok(Choice::Git {
                why: "`transport` is `git`",
            }),
            (Self::Api, Some(_)) if !location.may_be_asked_at(api_url) => Err(STRANGER),
            (Self::Api, Some(name)) => Ok(Choice::Api {
                name,
                why: "`transport` is `api`",
            }),
            (Self::Api, None) => Err(ELSEWHERE),
            (Self::Auto, None) => Ok(Choice::Git {
                why: "the repository is not on GitHub",
            }),
            (Self::Auto, Some(name)) if is_github(location.url(), api_url) => Ok(Choice::Api {
                name,
                why: "the repository is on GitHub",
            }),
            (Self::Auto, Some(_)) => Ok(Choice::Git {
                why: "`api-url` is not that server's GitHub API",
            }),
        }
    }
}

/// Whether `api_url` is where GitHub has the API of the server of `repository`: other servers that
/// run workflows (Gitea, Forgejo) name an API of their own.
pub(crate) fn is_github(repository: &Url, api_url: &Url) -> bool {
    let (Some(server), Some(api)) = (repository.host_str(), api_url.host_str()) else {
        return false;
    };
    let path = api_url.path().trim_end_matches('/');
    if server == "github.com" || server.ends_with(".ghe.com") {
        return api.strip_prefix("api.") == Some(server) && path.is_empty();
    }
    repository.origin() == api_url.origin() && path.ends_with("/api/v3")
}

/// A repository on some server, over the transport that was chosen.
///
/// Its past is read over git, but for what the newest commits did to a few files. That sends the whole line
/// of commits with their trees in one answer, where GitHub's API gives a hundred commits at a time, and of
/// a path only the commits that made it what it is: the merges that brought them are not among them.
pub struct Repository {
    git: GitRepository,
    api: Option<GithubRepository>,
}

impl Repository {
    /// Opens the repository over the transport. Nothing is asked of a server yet.
    ///
    /// # Errors
    /// When a local repository can't be opened, or the API can't be asked with this token.
    pub fn open(
        choice: &Choice,
        route: &Route,
        http: reqwest::Client,
    ) -> Result<Self, RepositoryError> {
        let api = match (choice, &route.credentials) {
            (Choice::Api { name, .. }, Some(Credentials { password, .. })) => {
                let api = GithubRepository::open(name.clone(), password, route, http.clone());
                Some(api?)
            }
            _ => None,
        };
        let git = GitRepository::open(route, http)?;
        Ok(Self { git, api })
    }

    /// GitHub's API, where it is spoken.
    pub fn api(&self) -> Option<&GithubRepository> {
        self.api.as_ref()
    }

    /// The repository over git.
    pub fn git(&self) -> &GitRepository {
        &self.git
    }

    /// The selected files at the branch's tip, for whoever reads their past as well: over the API where
    /// [`Self::pasts`] tells that, else over git, which is then asked for both.
    ///
    /// # Errors
    /// When the server can't be used, or a file that is named is not there.
    pub async fn snapshot_with_past(
        &self,
        selection: &FileSelection,
    ) -> Result<Snapshot, RepositoryError> {
        match &self.api {
            Some(api) if api.brings_all_along(selection) => api.snapshot(selection).await,
            _ => self.git.snapshot(selection).await,
        }
    }

    /// Has every snapshot bring along, in the same request, what [`Self::pasts`] and [`Self::held_since`] tell,
    /// where GitHub's API is spoken.
    pub fn bring_along(&mut self, past_of: Vec<RepoPath>, age_of: Vec<RepoPath>) {
        if let Some(api) = &mut self.api {
            api.bring_along(Along { past_of, age_of });
        }
    }

    /// What the newest commits up to `commit`, of which a snapshot was made, did to each of `paths`, newest
    /// first, where GitHub's API tells it in one request at most; none where the past has to be read over
    /// git.
    ///
    /// # Errors
    /// When the server can't be used.
    pub async fn pasts(
        &self,
        commit: &CommitId,
        paths: &[&RepoPath],
    ) -> Result<Option<HashMap<RepoPath, Vec<Touched>>>, RepositoryError> {
        match &self.api {
            Some(api) => api.pasts(commit, paths).await,
            None => Ok(None),
        }
    }

    /// Since when at the latest the branch has held `path` as it is at `commit`, as far as a snapshot of it
    /// brought that along.
    pub fn held_since(&self, commit: &CommitId, path: &RepoPath) -> Option<i64> {
        self.api.as_ref()?.held_since(commit, path)
    }

    /// The commits on the branch's first-parent line that touched the selected files. A single file
    /// is followed through renames, as `git log --follow --first-parent` does.
    ///
    /// # Errors
    /// When the server can't be used, or a file that is named is not there and never was.
    pub async fn history(
        &self,
        selection: &FileSelection,
        query: &HistoryQuery,
    ) -> Result<FileHistory, RepositoryError> {
        self.git.history(selection, query).await
    }

    /// What the commits up to `commit` say, the newest first, as far as one small request tells: over the
    /// API those that touched `paths`, over git some hundreds of the branch. Nothing where a server would have
    /// to send more than that.
    ///
    /// # Errors
    /// When the server can't be used.
    pub async fn said_before(
        &self,
        commit: &CommitId,
        paths: &[&RepoPath],
    ) -> Result<Vec<Said>, RepositoryError> {
        match &self.api {
            Some(api) => api.said_before(commit, paths).await,
            None => self.git.said_before(commit).await,
        }
    }

    /// The commit whose id begins with `revision` (hexadecimal digits), and what it did to the
    /// selected files.
    ///
    /// # Errors
    /// When the server can't be used.
    pub async fn search(
        &self,
        revision: &str,
        selection: &FileSelection,
    ) -> Result<Searched, RepositoryError> {
        self.git.search(revision, selection).await
    }

    /// Whether `descendant` was made on top of `ancestor`, or is the same. Of commits that the branch
    /// does not lead to nothing need be known: then they are not.
    ///
    /// # Errors
    /// When the server can't be used.
    pub async fn is_ancestor(
        &self,
        ancestor: &CommitId,
        descendant: &CommitId,
    ) -> Result<bool, RepositoryError> {
        match &self.api {
            Some(api) => api.is_ancestor(ancestor, descendant).await,
            None => self.git.is_ancestor(ancestor, descendant).await,
        }
    }

    /// A past that is read next is that of `branch` up to `tip`, where it was seen, if it resumes.
    ///
    /// # Errors
    /// When there is no room for temporary files.
    pub async fn go_on_from(
        &self,
        branch: &BranchName,
        tip: &CommitId,
    ) -> Result<(), RepositoryError> {
        self.git.go_on_from(branch, tip).await
    }

    /// From here on only a look tells where the branch is, though its past was read a moment ago.
    ///
    /// # Errors
    /// When there is no room for temporary files.
    pub async fn forget_seen(&self) -> Result<(), RepositoryError> {
        self.git.forget_seen().await
    }

    /// The selected files as they are at `commit`.
    ///
    /// # Errors
    /// When the server can't be used or has no such commit, or a file that is named is not there.
    pub async fn files_at(
        &self,
        commit: &CommitId,
        selection: &FileSelection,
    ) -> Result<Vec<ManifestFile>, RepositoryError> {
        match &self.api {
            Some(api) => api.files_at(commit, selection).await,
            None => self.git.files_at(commit, selection).await,
        }
    }
}

impl Branch for Repository {
    async fn snapshot(&self, selection: &FileSelection) -> Result<Snapshot, RepositoryError> {
        let Some(api) = &self.api else {
            return self.git.snapshot(selection).await;
        };
        match self.git.seen(selection).await? {
            Some((snapshot, modes)) => Ok(api.base_on(snapshot, modes)),
            None => api.snapshot(selection).await,
        }
    }

    async fn commit(
        &self,
        base: &Snapshot,
        changes: &[Change],
        draft: &CommitDraft,
    ) -> Result<Pushed, RepositoryError> {
        let Some(api) = &self.api else {
            return self.git.commit(base, changes, draft).await;
        };
        self.git.forget_seen().await?;
        api.commit(base, changes, draft).await
    }

    async fn find(&self, base: &Snapshot, sent: &Sent) -> Result<Option<Landed>, RepositoryError> {
        match &self.api {
            Some(api) => api.find(base, sent).await,
            None => self.git.find(base, sent).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(transport: Transport, repository: &str, server: &str, api: &str) -> String {
        let server = Url::parse(server).unwrap();
        let location = Location::new(repository, &server).unwrap();
        match transport.choose(&location, &Url::parse(api).unwrap()) {
            Ok(Choice::Api { name, why }) => format!("api for {name}: {why}"),
            Ok(Choice::Git { why }) => format!("git: {why}"),
            Err(why) => format!("error: {why}"),
        }
    }

    #[test]
    fn the_api_is_chosen_where_it_is_githubs() {
        let (github, api) = ("https://github.com", "https://api.github.com");
        for (repository, server, api, expected) in [
            (
                "a/b",
                github,
                api,
                "api for a/b: the repository is on GitHub",
            ),
            (
                "https://github.com/a/b.git",
                github,
                api,
                "api for a/b: the repository is on GitHub",
            ),
            (
                "a/b",
                "https://acme.ghe.com",
                "https://api.acme.ghe.com",
                "api for a/b: the repository is on GitHub",
            ),
            (
                "a/b",
                "https://git.acme",
                "https://git.acme/api/v3",
                "api for a/b: the repository is on GitHub",
            ),
            (
                "a/b",
                "https://git.acme",
                "https://git.acme/api/v1",
                "git: `api-url` is not that server's GitHub API",
            ),
            (
                "a/b",
                "https://git.acme",
                api,
                "git: `api-url` is not that server's GitHub API",
            ),
            (
                "a/b",
                github,
                "https://git.acme/api/v3",
                "git: `api-url` is not that server's GitHub API",
            ),
            (
                "https://gitlab.com/a/b",
                github,
                api,
                "git: the repository is not on GitHub",
            ),
            (
                "file:///srv/a/b",
                github,
                api,
                "git: the repository is not on GitHub",
            ),
        ] {
            assert_eq!(
                chosen(Transport::Auto, repository, server, api),
                expected,
                "{repository} {server} {api}"
            );
        }
    }

    #[test]
    fn a_transport_can_be_forced_where_it_makes_sense() {
        let (github, api) = ("https://github.com", "https://api.github.com");
        assert_eq!(
            chosen(Transport::Git, "a/b", github, api),
            "git: `transport` is `git`"
        );
        assert_eq!(
            chosen(
                Transport::Api,
                "a/b",
                "https://git.acme",
                "https://git.acme/github"
            ),
            "api for a/b: `transport` is `api`"
        );
        for stranger in ["https://proxy.acme/github", "https://api.github.com"] {
            assert_eq!(
                chosen(Transport::Api, "a/b", "https://git.acme", stranger),
                "error: `api-url` is of another server than `server-url`, and the token is not sent there"
            );
        }
        assert_eq!(
            chosen(Transport::Api, "https://gitlab.com/a/b", github, api),
            "error: the repository is not on the server that `server-url` names"
        );
    }
}
