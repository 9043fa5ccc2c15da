//! What can go wrong with a repository, by what can be done about it.

use std::fmt;

use super::branch::BranchName;
use super::object::CommitId;
use super::tip::BranchTip;
use crate::files::RepoPath;
use crate::http::exchange::{Passing, TlsError};
use crate::limits::Exceeded;
use crate::manifest::Undecided;

/// What was being done when access was denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reading the branch.
    Read,
    /// Pushing to it.
    Write,
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Write => "write",
        })
    }
}

/// What a server refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The token: it is no valid one.
    Token,
    /// What was to be done: the token is valid, and may not.
    Access,
    /// The repository: it is not there, or not visible with this token.
    Repository,
}

impl Refusal {
    fn told(self, access: Access) -> String {
        match self {
            Self::Token => "the server refused the token".to_owned(),
            Self::Access => format!("the server denied {access} access"),
            Self::Repository => {
                "the server knows no such repository, or does not show it".to_owned()
            }
        }
    }
}

/// Why a repository can't be used. `detail` is what the server said, perhaps nothing.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RepositoryError {
    /// The server lets the token do nothing, or not this.
    #[error("{} ({code}){}", refusal.told(*access), said(detail))]
    Refused {
        /// What it refuses.
        refusal: Refusal,
        /// What was being done.
        access: Access,
        /// How it was told: `HTTP 403`, or the type of GitHub's error.
        code: String,
        /// The server's words.
        detail: String,
    },
    /// HTTP 402, 410 or 423: the server has the repository shut, whoever asks.
    #[error("{what}")]
    Shut {
        /// The status.
        status: u16,
        /// What it answered.
        what: String,
    },
    /// This machine lacks something: room on its disk, file descriptors.
    #[error("{what}")]
    Runner {
        /// What the system said.
        what: String,
    },
    /// A repository without any commit.
    #[error("the repository has no commits")]
    Empty,
    /// The branch is not there.
    #[error("there is no branch `{branch}`")]
    BranchNotFound {
        /// The one asked for.
        branch: BranchName,
        /// The ones there are, nearest first.
        existing: Vec<String>,
    },
    /// The repository has no default branch that can be read, and none was asked for.
    #[error("the repository has no default branch")]
    NoDefaultBranch {
        /// The one that it names, and that is not there.
        named: Option<BranchName>,
        /// The ones there are.
        existing: Vec<String>,
    },
    /// The branch of a pull request holds a commit that somebody else made.
    #[error("the branch `{branch}` holds commits of others")]
    ForeignCommit {
        /// The branch.
        branch: BranchName,
        /// The first of those commits.
        commit: CommitId,
        /// Its author's name.
        author: String,
        /// The first line of its message.
        subject: String,
    },
    /// The branch of an open pull request holds a deployment that the commit would take out of it.
    #[error("the branch `{branch}` holds another deployment")]
    AnotherDeployment {
        /// The branch.
        branch: BranchName,
        /// The commit of that deployment.
        commit: CommitId,
        /// The first line of its message.
        subject: String,
        /// What it brings, and the new one neither holds nor decides about.
        brings: Vec<Undecided>,
    },
    /// The branch can't be made beside one that is there.
    #[error("there is a branch `{existing}`, beside which Git can't have `{branch}`")]
    NameTaken {
        /// The branch to make.
        branch: BranchName,
        /// The one in its way.
        existing: String,
    },
    /// A pull request is open from the branch that is to be merged into another one.
    #[error("pull request #{number} from the branch `{branch}` is open into `{target}`")]
    AnotherTarget {
        /// The branch.
        branch: BranchName,
        /// The pull request.
        number: u64,
        /// What it is to be merged into.
        target: String,
    },
    /// A selected file can't be read or written.
    #[error("`{path}` {problem}")]
    File {
        /// As selected: a path, or a glob.
        path: String,
        /// Why.
        problem: FileProblem,
        /// Where it was looked for, where that is the tip of a branch.
        read: Option<BranchTip>,
    },
    /// The server, or the way to it, has trouble that may pass.
    #[error("{what}")]
    Unavailable {
        /// What happened.
        what: String,
        /// What the answer tells of it.
        passing: Passing,
    },
    /// Something on the way keeps it from the server: a proxy, a firewall.
    #[error("{what}")]
    KeptOut {
        /// What happened.
        what: String,
        /// Whether that is trouble that may pass.
        may_pass: bool,
    },
    /// The connection ended after the push was sent and before the answer came.
    #[error("the connection ended before the server confirmed the push ({what})")]
    Unconfirmed {
        /// The commit that was sent; none where the server makes it.
        commit: Option<CommitId>,
        /// What happened.
        what: String,
    },
    /// The time that `timeout` gives is over.
    #[error("{what}")]
    DeadlineExceeded {
        /// What was being waited for.
        what: String,
    },
    /// Somebody cancelled the run, before a push was sent.
    #[error("the run was cancelled")]
    Cancelled,
    /// No TLS connection comes about.
    #[error("{}", error.told(host))]
    Tls {
        /// Why.
        error: TlsError,
        /// With whom.
        host: String,
    },
    /// HTTP 413: the server takes no push of this size.
    #[error("the server refuses a request of this size (HTTP 413){}", said(detail))]
    TooLarge {
        /// The server's words.
        detail: String,
    },
    /// The server answers, and not as a Git server.
    #[error("{what}")]
    NotGit {
        /// What it answered.
        what: String,
    },
    /// The server answers, and not as GitHub's API.
    #[error("{what}")]
    NotApi {
        /// What it answered.
        what: String,
        /// Whether it is GitHub's all the same, of a version from before what it was asked for.
        is_older: bool,
    },
    /// A server of which nobody knows how pull requests are made there.
    #[error("{host} is neither GitHub nor GitLab, Gitea or Forgejo")]
    NoForge {
        /// Its host.
        host: String,
    },
    /// A server that takes no options with a push, though it opens merge requests by them.
    #[error("{host} takes no push options")]
    NoPushOptions {
        /// Its host.
        host: String,
    },
    /// A redirect to another host, which is not followed: the token is for this host only.
    #[error("the server redirects to {to}")]
    Redirected {
        /// The other host, or URL without query.
        to: String,
    },
    /// A repository whose objects have ids of another kind than SHA-1.
    #[error("the repository's objects have {format} ids")]
    ObjectFormat {
        /// As git names it: `sha256`.
        format: String,
    },
    /// There is more of something than is taken in.
    #[error("{0}")]
    TooMuch(#[from] Exceeded),
    /// An answer that breaks the protocol, or a fault in the local object database.
    #[error("{what}")]
    Protocol {
        /// What happened.
        what: String,
    },
}

impl RepositoryError {
    /// The same of a file that was looked for at `tip`.
    #[must_use]
    pub fn read_at(self, tip: BranchTip) -> Self {
        match self {
            Self::File { path, problem, .. } => Self::File {
                path,
                problem,
                read: Some(tip),
            },
            other => other,
        }
    }

    /// Trouble that may pass, at a time that nobody says.
    pub fn unavailable(what: impl Into<String>) -> Self {
        Self::Unavailable {
            what: what.into(),
            passing: Passing::default(),
        }
    }

    /// What is known of trouble that may pass; none where it is no such trouble.
    pub fn passing(&self) -> Option<Passing> {
        match self {
            Self::Unavailable { passing, .. } => Some(*passing),
            Self::KeptOut { may_pass: true, .. } => Some(Passing::default()),
            _ => None,
        }
    }

    /// Whether the server was asked too often.
    pub fn is_rate_limit(&self) -> bool {
        matches!(self, Self::Unavailable { passing, .. } if passing.is_rate_limit)
    }

    /// A fault in the local object database, or of the machine.
    pub fn local(what: impl Into<String>) -> Self {
        let what = what.into();
        match is_of_this_machine(&what) {
            true => Self::Runner { what },
            false => Self::Protocol { what },
        }
    }

    /// Whether it says nothing of what was asked for: there was trouble, or no time.
    pub fn is_trouble(&self) -> bool {
        matches!(
            self,
            Self::Unavailable { .. }
                | Self::KeptOut { may_pass: true, .. }
                | Self::Unconfirmed { .. }
                | Self::DeadlineExceeded { .. }
                | Self::Cancelled
        )
    }

    /// An answer that breaks the protocol, or a fault in the local object database.
    pub fn protocol(what: impl Into<String>) -> Self {
        Self::Protocol { what: what.into() }
    }
}

/// Whether the words of a system's error mean that the machine lacks something.
pub(super) fn is_of_this_machine(words: &str) -> bool {
    let lacks = [
        "No space left on device",
        "Disk quota exceeded",
        "File too large",
        "Too many open files",
        "Read-only file system",
        "Cannot allocate memory",
    ];
    lacks.iter().any(|one| words.contains(one))
}

/// Why a path of a repository can't be edited.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileProblem {
    /// Nothing is there.
    #[error("does not exist")]
    Missing {
        /// Paths that are there and look alike, nearest first.
        nearest: Vec<RepoPath>,
    },
    /// A glob, and no file matches.
    #[error("matches no file")]
    NoMatch {
        /// Paths that are there and look alike, nearest first.
        nearest: Vec<RepoPath>,
    },
    /// A directory.
    #[error("is a directory")]
    Directory,
    /// A symbolic link, or a path through one.
    #[error("{}", special("a symbolic link", "behind", at))]
    Symlink {
        /// The component that is the link, where it is not the last.
        at: Option<RepoPath>,
    },
    /// A submodule, or a path into one.
    #[error("{}", special("a submodule", "in", at))]
    Submodule {
        /// The component that is the submodule, where it is not the last.
        at: Option<RepoPath>,
    },
    /// More bytes than a manifest has.
    #[error("is too large to be edited ({bytes} bytes; the limit is {limit})")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
}

/// That a path is `what` itself, or leads there by way of one at `at`.
fn special(what: &str, way: &str, at: &Option<RepoPath>) -> String {
    match at {
        None => format!("is {what}"),
        Some(at) => format!("is {way} {what}, `{at}`,"),
    }
}

fn said(detail: &str) -> String {
    if detail.is_empty() {
        String::new()
    } else {
        // The sentence that it is put in has its own full stop.
        format!(": {}", detail.trim_end_matches('.'))
    }
}
