//! Where pull requests are: a file a forge.
//!
//! GitHub and Gitea (and Forgejo, which is one of it) are asked over their APIs, by the one trait
//! [`PullRequests`]; GitLab is told with the push what is to become of it. What all of them have in common is
//! Git: what a pull request brings goes to a branch of its own ([`Head`]), and whether it was merged, its target
//! tells.

mod asked;
mod gitea;
mod gitlab;
mod head;
pub mod pull;

use std::sync::atomic::AtomicBool;

use serde::Deserialize;
use tokio::sync::OnceCell;
use url::Url;

use self::asked::asked;
pub use self::gitea::Gitea;
pub use self::gitlab::{Answer, Gitlab, Open, Request};
pub use self::head::Head;
use self::head::{GitHead, Pulls};
pub use self::pull::PullRequests;
use self::pull::{PullState, Standing, Untold};
use super::branch::BranchName;
use super::commit::Snapshot;
use super::error::RepositoryError;
use super::git::GitRepository;
use super::github::GithubRepository;
use super::github::head::HeadBranch;
use super::head::{Beyond, Messages};
use super::location::Location;
use super::object::CommitId;
use super::route::Route;
use crate::files::FileSelection;
use crate::http::exchange::Answer as HttpAnswer;
use crate::http::secret_header;

/// The most that is read of what a server says of itself.
const MAX_SAID: usize = 64 << 10;

/// What a server is that is not GitHub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// GitLab.
    Gitlab,
    /// Gitea, or Forgejo.
    Gitea,
    /// Something else, or nobody says.
    Unknown,
}

/// What a server turned out to be, so that it is asked once in a run.
#[derive(Debug, Default)]
pub struct Known {
    kind: OnceCell<Kind>,
    /// Whether GitLab's API has refused to tell the token of merge requests.
    is_mute: AtomicBool,
}

impl Known {
    /// What the server of `route` is, as [`ask`] finds it.
    ///
    /// # Errors
    /// When it can't be asked.
    pub async fn kind(
        &self,
        http: &reqwest::Client,
        route: &Route,
    ) -> Result<Kind, RepositoryError> {
        let kind = self.kind.get_or_try_init(async || ask(http, route).await);
        kind.await.copied()
    }
}

/// Where the pull requests of a repository are.
pub enum Forge<'a> {
    /// On GitHub, whose API makes the commits as well.
    Github(&'a GithubRepository),
    /// On GitLab.
    Gitlab(Gitlab<'a>),
    /// On Gitea or Forgejo.
    Gitea(Box<Gitea<'a>>),
}

/// Asks the server of `route` what it is: GitLab says so with every answer, Gitea and Forgejo where they tell
/// their version.
///
/// # Errors
/// When it can't be asked.
pub async fn ask(http: &reqwest::Client, route: &Route) -> Result<Kind, RepositoryError> {
    let location = &route.location;
    let mut root = location.url().clone();
    root.set_path("/api/v4/metadata");
    let deadline = &route.deadline;
    let answer = asked(http, deadline, root, None, MAX_SAID).await?;
    if answer.is_some_and(|answer| is_gitlabs(&answer)) {
        return Ok(Kind::Gitlab);
    }
    let Some((api, _)) = gitea_api(location) else {
        return Ok(Kind::Unknown);
    };
    let version = api.join("version").map_err(odd)?;
    let credentials = route.credentials.as_ref();
    let token = credentials.map(|own| secret_header("token", &own.password));
    let answer = asked(http, deadline, version, token.as_ref(), MAX_SAID).await?;
    Ok(match answer {
        // Below a path of its own.
        Some(answer) if is_gitlabs(&answer) => Kind::Gitlab,
        Some(answer) if is_giteas(&answer) => Kind::Gitea,
        _ => Kind::Unknown,
    })
}

fn is_gitlabs(answer: &HttpAnswer) -> bool {
    answer.header("x-gitlab-meta").is_some()
}

/// Whether an answer tells a version of Gitea's, or is an error of its API, which names its description.
fn is_giteas(answer: &HttpAnswer) -> bool {
    #[derive(Deserialize)]
    struct Body {
        version: Option<String>,
        url: Option<String>,
    }
    let body: Result<Body, _> = serde_json::from_slice(&answer.body);
    body.is_ok_and(|Body { version, url }| match answer.is_success() {
        true => version.is_some(),
        false => url.is_some_and(|url| url.ends_with("/api/swagger")),
    })
}

/// Where Gitea's API is for a repository, and what that is called there.
fn gitea_api(location: &Location) -> Option<(Url, String)> {
    let path = location.url().path();
    let path = path.strip_suffix(".git").unwrap_or(path);
    let (rest, name) = path.rsplit_once('/')?;
    let (root, owner) = rest.rsplit_once('/')?;
    let mut api = location.url().clone();
    api.set_path(&format!("{root}/api/v1/"));
    Some((api, format!("{owner}/{name}")))
}

fn odd(error: url::ParseError) -> RepositoryError {
    RepositoryError::protocol(error.to_string())
}

/// How a pull request from `head` into `target` stands whose forge says that its `state` is this: Git has the rest,
/// as it is after that was said.
async fn by_git(
    git: &GitRepository,
    repository: &str,
    state: Result<PullState, Untold>,
    head: &BranchName,
    target: &BranchName,
) -> Result<Standing, RepositoryError> {
    let tips = git.tips(vec![head.clone(), target.clone()]).await?;
    let mut tips = tips.into_iter();
    let head = tips.next().flatten();
    let (state, untold) = match state {
        Ok(state) => (state, None),
        Err(untold) => (PullState::Open, Some(untold)),
    };
    Ok(Standing {
        repository: repository.to_owned(),
        target: tips.next().flatten(),
        last: head.clone(),
        head,
        state,
        untold,
    })
}

/// What the branches of pull requests are read and written over.
enum Over<'f> {
    Api(&'f GithubRepository),
    Git(&'f GitRepository),
}

/// A pull request that is open.
#[derive(Debug, Clone)]
pub struct LeftOpen {
    /// Its number.
    pub number: u64,
    /// How it stands.
    pub standing: Standing,
    /// What its branch has beyond its target.
    pub brings: Beyond,
}

impl<'a> Forge<'a> {
    /// The forge of `route`, which is of a `kind`; none of one that nobody knows.
    pub fn of(
        kind: Kind,
        known: &'a Known,
        git: &'a GitRepository,
        http: reqwest::Client,
        route: &'a Route,
    ) -> Option<Self> {
        match kind {
            Kind::Unknown => None,
            Kind::Gitlab => Some(Self::Gitlab(Gitlab {
                git,
                http,
                route,
                is_mute: &known.is_mute,
            })),
            Kind::Gitea => {
                let (api, name) = gitea_api(&route.location)?;
                let credentials = route.credentials.as_ref();
                Some(Self::Gitea(Box::new(Gitea {
                    git,
                    http,
                    api,
                    name,
                    authorization: credentials.map(|own| secret_header("token", &own.password)),
                    deadline: route.deadline.clone(),
                })))
            }
        }
    }

    fn over(&self) -> Over<'_> {
        match self {
            Self::Github(api) => Over::Api(api),
            Self::Gitlab(gitlab) => Over::Git(gitlab.git),
            Self::Gitea(gitea) => Over::Git(gitea.git),
        }
    }

    /// What people call it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Github(_) => "GitHub",
            Self::Gitlab(_) => "GitLab",
            Self::Gitea(_) => "Gitea",
        }
    }

    /// The branch `name` of a pull request, whether or not it is there.
    pub fn head<'h>(&'h self, name: &'h BranchName, messages: Messages) -> Head<'h> {
        let pulls = match self {
            Self::Github(api) => return Head::Api(HeadBranch::new(api, name, messages)),
            Self::Gitlab(gitlab) => Pulls::Gitlab(gitlab),
            Self::Gitea(gitea) => Pulls::Gitea(gitea),
        };
        Head::Git(GitHead::new(pulls, name, messages))
    }

    /// Where a person looks at pull request `number`; none of GitLab, where a push alone tells it.
    ///
    /// # Errors
    /// When the server can't be used.
    pub async fn page(&self, number: u64) -> Result<Option<String>, RepositoryError> {
        let pull = match self {
            Self::Github(api) => api.pull(number).await?,
            Self::Gitea(gitea) => gitea.pull(number).await?,
            Self::Gitlab(_) => return Ok(None),
        };
        Ok(Some(pull.url))
    }

    /// What the branch of an open pull request from `head` into `base` holds, and the pull request's number; of
    /// GitLab, whether one is open is not known, and the branch alone counts.
    ///
    /// # Errors
    /// When the server can't be used.
    pub async fn proposed(
        &self,
        head: &BranchName,
        base: &BranchName,
        files: &FileSelection,
    ) -> Result<Option<(Option<u64>, Snapshot)>, RepositoryError> {
        let pull = match self {
            Self::Github(api) => api.open_pull(head, base).await?,
            Self::Gitea(gitea) => gitea.open_pull(head, base).await?,
            Self::Gitlab(gitlab) => {
                let snapshot = gitlab.git.snapshot_of(head, files).await?;
                return Ok(snapshot.map(|snapshot| (None, snapshot)));
            }
        };
        let Some(pull) = pull else { return Ok(None) };
        let snapshot = match self.over() {
            Over::Api(api) => Some(api.snapshot_of(Some(head), files).await?),
            Over::Git(git) => git.snapshot_of(head, files).await?,
        };
        Ok(snapshot.map(|snapshot| (Some(pull.number), snapshot)))
    }

    /// How the open pull request from `head` into `target` stands, and what it would bring. None of GitLab, which
    /// lets nobody close one by a push. Where it was `seen` already which one is open, that is not looked for.
    ///
    /// # Errors
    /// When the server can't be used.
    pub async fn left_open(
        &self,
        head: &BranchName,
        target: &BranchName,
        seen: Option<Option<u64>>,
    ) -> Result<Option<LeftOpen>, RepositoryError> {
        let number = match (seen, self) {
            (Some(number), _) => number,
            (None, Self::Github(api)) => api.open_pull(head, target).await?.map(|pull| pull.number),
            (None, Self::Gitea(gitea)) => {
                gitea.open_pull(head, target).await?.map(|pull| pull.number)
            }
            (None, Self::Gitlab(_)) => None,
        };
        let Some(number) = number else {
            return Ok(None);
        };
        let standing = self.standing(number, head, target).await?;
        let (Some(at), Some(tip)) = (&standing.head, &standing.target) else {
            return Ok(None);
        };
        let brings = match self.over() {
            Over::Api(api) => api.beyond(tip, at).await?,
            Over::Git(git) => {
                let (mut brings, _) = git.beyond(tip, at).await?;
                if let Some(from) = &brings.from {
                    brings.paths = Some(git.paths(from, at).await?);
                }
                brings
            }
        };
        Ok(Some(LeftOpen {
            number,
            standing,
            brings,
        }))
    }

    /// How pull request `number` of the branch `head` into `target` stands.
    ///
    /// # Errors
    /// When the server can't be used.
    pub async fn standing(
        &self,
        number: u64,
        head: &BranchName,
        target: &BranchName,
    ) -> Result<Standing, RepositoryError> {
        match self {
            Self::Github(api) => api.standing(number, head, target).await,
            Self::Gitea(gitea) => {
                let state = gitea.state(number).await?;
                by_git(gitea.git, &gitea.name, Ok(state), head, target).await
            }
            Self::Gitlab(gitlab) => {
                let state = gitlab.state(number).await?;
                by_git(gitlab.git, "", state, head, target).await
            }
        }
    }

    /// Whether the tip `head` of a pull request's branch is in `target`, that of another.
    ///
    /// # Errors
    /// When the server can't be used.
    pub async fn is_in(&self, head: &CommitId, target: &CommitId) -> Result<bool, RepositoryError> {
        match self.over() {
            Over::Api(api) => api.is_ancestor(head, target).await,
            Over::Git(git) => Ok(git.beyond(target, head).await?.0.is_merged()),
        }
    }

    /// Closes pull request `number` with a `text`, where the forge lets that be done; else says why not.
    ///
    /// # Errors
    /// When the server can't be used, or refuses.
    pub async fn close(&self, standing: &Standing, number: u64, text: &str) -> Result<(), String> {
        let name = &standing.repository;
        let refused = |error: RepositoryError| format!("it can't be closed: {error}");
        match self {
            Self::Github(api) => {
                api.close_pull(name, number).await.map_err(refused)?;
                // Once: a second one would be another mail to everybody.
                let _ = api.comment(name, number, text).await;
            }
            Self::Gitea(gitea) => {
                gitea.close_pull(name, number).await.map_err(refused)?;
                let _ = gitea.comment(name, number, text).await;
            }
            Self::Gitlab(_) => {
                return Err("on GitLab no push can close it".to_owned());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gitea_is_asked_where_its_repository_is() {
        for (url, expected) in [
            (
                "https://git.example/a/b.git",
                "https://git.example/api/v1/ a/b",
            ),
            (
                "https://x.example:1/git/a/b",
                "https://x.example:1/git/api/v1/ a/b",
            ),
        ] {
            let location = Location::new(url, &Url::parse("https://github.com").unwrap()).unwrap();
            let (api, name) = gitea_api(&location).unwrap();
            assert_eq!(format!("{api} {name}"), expected);
        }
    }
}
