//! What was posted on commits, and how the commits stand to one of them.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};

use super::context::Context;

/// What something that is posted says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It went well.
    Success,
    /// It went wrong, by what was deployed.
    Failure,
    /// Whoever looks had trouble itself, in GitHub's word for that: `error`, `startup_failure`.
    Error(String),
    /// It is on its way.
    Pending,
    /// It ended without a verdict, in GitHub's word for that: `skipped`, `timed_out`.
    NoVerdict(String),
}

impl State {
    /// Of a commit status, in whatever case. None where nothing was posted yet.
    pub fn of_status(state: &str) -> Option<Self> {
        Some(match state.to_lowercase().as_str() {
            "success" => Self::Success,
            "failure" => Self::Failure,
            "error" => Self::Error("error".to_owned()),
            "pending" => Self::Pending,
            // A rule of the repository wants it.
            "expected" => return None,
            other => Self::NoVerdict(other.to_owned()),
        })
    }

    /// Of a check run: its status, and its conclusion when that is `completed`.
    pub fn of_check(status: &str, conclusion: Option<&str>) -> Self {
        let (status, conclusion) = (status.to_lowercase(), conclusion.map(str::to_lowercase));
        match status.as_str() {
            "queued" | "requested" | "waiting" | "pending" | "in_progress" => {
                return Self::Pending;
            }
            "completed" => {}
            other => return Self::NoVerdict(other.to_owned()),
        }
        match conclusion.unwrap_or(status).as_str() {
            "success" => Self::Success,
            "failure" => Self::Failure,
            // Nothing ran that could have seen the commit.
            "startup_failure" => Self::Error("startup_failure".to_owned()),
            // `timed_out` is among them: slow is not broken.
            other => Self::NoVerdict(other.to_owned()),
        }
    }

    /// Of a deployment: the state of its newest status.
    pub fn of_deployment(state: Option<&str>) -> Self {
        let Some(state) = state else {
            return Self::Pending;
        };
        match state.to_lowercase().as_str() {
            "success" => Self::Success,
            "failure" => Self::Failure,
            "error" => Self::Error("error".to_owned()),
            "pending" | "queued" | "waiting" | "in_progress" => Self::Pending,
            // `inactive` is among them: a later deployment to the same environment has taken its place.
            other => Self::NoVerdict(other.to_owned()),
        }
    }

    /// How bad it is: which of several counts that have one name.
    pub(super) fn badness(&self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Pending => 1,
            Self::NoVerdict(_) => 2,
            Self::Error(_) => 3,
            Self::Failure => 4,
        }
    }

    /// The word for it.
    pub fn name(&self) -> &str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Pending => "pending",
            Self::Error(word) | Self::NoVerdict(word) => word,
        }
    }
}

/// The workflow that a check run is of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Workflow {
    /// None: a status, a deployment, or a check of another app.
    None,
    /// By the name of its file: `deploy.yml`.
    Named(String),
    /// One, and the server does not tell which.
    Unknown,
}

/// Something that was posted on a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// Under which name.
    pub context: Context,
    /// What it says.
    pub state: State,
    /// Why, in the words of whoever posted it; may be empty.
    pub description: String,
    /// Where to look.
    pub url: Option<String>,
    /// The login of whoever posted it.
    pub creator: Option<String>,
    /// When, by GitHub's clock.
    pub at: Option<DateTime<Utc>>,
    /// The workflow that it is of.
    pub workflow: Workflow,
}

impl Posted {
    /// What it says, once it is understood: Flux before 2.8 posts as success that it has to wait for another
    /// Kustomization (`internal/notifier` of its notification-controller).
    pub fn state(&self) -> State {
        let waits = |description: &str| description.to_lowercase().contains("dependency not ready");
        match &self.state {
            State::Success if waits(&self.description) => State::Pending,
            state => state.clone(),
        }
    }

    /// How many bytes it takes to keep it, about.
    pub fn size(&self) -> u64 {
        let optional = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let workflow = match &self.workflow {
            Workflow::Named(name) => name.len(),
            Workflow::None | Workflow::Unknown => 0,
        };
        let texts = self.context.name.len() + self.state.name().len() + self.description.len();
        let texts = texts + optional(&self.url) + optional(&self.creator) + workflow;
        (size_of::<Self>() + texts) as u64
    }

    /// Whether one is the other's successor: the checks of two workflows may have one name.
    pub(super) fn is_same_source(&self, other: &Self) -> bool {
        self.source() == other.source()
    }

    /// What all that follows upon another of its name has in common.
    pub(super) fn source(&self) -> (&Context, Option<&str>, &Workflow) {
        (&self.context, self.creator.as_deref(), &self.workflow)
    }

    /// Whether it is by this login. GraphQL and REST write that of an app differently: `flux`, `flux[bot]`.
    pub fn is_by(&self, login: &str) -> bool {
        let bare = |login: &str| {
            let login = login.trim_start_matches('@').to_lowercase();
            login.trim_end_matches("[bot]").to_owned()
        };
        self.creator.as_deref().map(bare) == Some(bare(login))
    }
}

/// A commit of the branch, and what was posted on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its id.
    pub id: String,
    /// Those of its parents.
    pub parents: Vec<String>,
    /// The newest under each name, at least.
    pub posted: Vec<Posted>,
}

/// Commits as they stand to one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arranged<'a> {
    /// Whether that one is among them at all.
    pub is_there: bool,
    /// Those that were made on top of it, the nearest first. Where it is not among them, all that may be.
    pub later: Vec<&'a Commit>,
    /// Those that it was made on top of, the nearest first.
    pub earlier: Vec<&'a Commit>,
}

/// How `commits`, the newest first, stand to `own`.
pub fn arranged<'a>(commits: &'a [Commit], own: &str) -> Arranged<'a> {
    let by_id: HashMap<&str, &Commit> = commits
        .iter()
        .map(|commit| (commit.id.as_str(), commit))
        .collect();
    let Some(this) = by_id.get(own) else {
        return Arranged {
            is_there: false,
            later: commits.iter().rev().collect(),
            earlier: Vec::new(),
        };
    };
    let mut below: HashSet<&str> = HashSet::new();
    let mut next: Vec<&str> = this.parents.iter().map(String::as_str).collect();
    while let Some(id) = next.pop() {
        if let (true, Some(commit)) = (below.insert(id), by_id.get(id)) {
            next.extend(commit.parents.iter().map(String::as_str));
        }
    }
    // Parents may be listed before their children where clocks differ.
    let mut above: HashSet<&str> = HashSet::from([own]);
    let mut grown = true;
    while grown {
        grown = false;
        for commit in commits.iter().rev() {
            let is_above = |parent: &String| above.contains(parent.as_str());
            if commit.parents.iter().any(is_above) {
                grown |= above.insert(&commit.id);
            }
        }
    }
    let is_later = |commit: &&Commit| commit.id != own && above.contains(commit.id.as_str());
    Arranged {
        is_there: true,
        later: commits.iter().rev().filter(is_later).collect(),
        earlier: commits
            .iter()
            .filter(|commit| below.contains(commit.id.as_str()))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(id: &str, parents: &[&str]) -> Commit {
        Commit {
            id: id.to_owned(),
            parents: parents.iter().map(|parent| (*parent).to_owned()).collect(),
            posted: Vec::new(),
        }
    }

    fn ids(commits: &[&Commit]) -> String {
        commits.iter().map(|commit| commit.id.as_str()).collect()
    }

    #[test]
    fn what_stands_beside_is_neither_later_nor_earlier() {
        // b is ours; s was made beside it and merged by m; n came after.
        let commits = [
            commit("n", &["m"]),
            commit("m", &["b", "s"]),
            commit("s", &["a"]),
            commit("b", &["a"]),
            commit("a", &["z"]),
        ];
        let found = arranged(&commits, "b");
        assert!(found.is_there);
        assert_eq!(
            (ids(&found.later), ids(&found.earlier)),
            ("mn".into(), "a".into())
        );
        let found = arranged(&commits, "x");
        assert!(!found.is_there);
        assert_eq!(
            (ids(&found.later), ids(&found.earlier)),
            ("absmn".into(), String::new())
        );
    }

    #[test]
    fn every_word_of_githubs_is_understood() {
        use State::{Error, Failure, NoVerdict, Pending, Success};
        let word = |word: &str| NoVerdict(word.to_owned());
        let trouble = |word: &str| Error(word.to_owned());
        for (state, expected) in [
            ("SUCCESS", Some(Success)),
            ("failure", Some(Failure)),
            ("ERROR", Some(trouble("error"))),
            ("PENDING", Some(Pending)),
            ("EXPECTED", None),
        ] {
            assert_eq!(State::of_status(state), expected);
        }
        for (conclusion, expected) in [
            ("SUCCESS", Success),
            ("FAILURE", Failure),
            ("TIMED_OUT", word("timed_out")),
            ("STARTUP_FAILURE", trouble("startup_failure")),
            ("SKIPPED", word("skipped")),
            ("NEUTRAL", word("neutral")),
            ("CANCELLED", word("cancelled")),
            ("STALE", word("stale")),
            ("ACTION_REQUIRED", word("action_required")),
        ] {
            assert_eq!(State::of_check("COMPLETED", Some(conclusion)), expected);
        }
        for status in ["QUEUED", "IN_PROGRESS", "WAITING", "REQUESTED", "PENDING"] {
            assert_eq!(State::of_check(status, None), Pending);
        }
        assert_eq!(State::of_check("COMPLETED", None), word("completed"));
        assert_eq!(State::of_check("PAUSED", None), word("paused"));
        for (state, expected) in [
            (Some("SUCCESS"), Success),
            (Some("FAILURE"), Failure),
            (Some("ERROR"), trouble("error")),
            (Some("INACTIVE"), word("inactive")),
            (Some("DESTROYED"), word("destroyed")),
            (Some("IN_PROGRESS"), Pending),
            (Some("PENDING"), Pending),
            (Some("QUEUED"), Pending),
            (Some("WAITING"), Pending),
            (None, Pending),
        ] {
            assert_eq!(State::of_deployment(state), expected);
        }
    }

    #[test]
    fn who_posted_it_is_known_in_both_spellings() {
        let posted = Posted {
            context: Context::status("x"),
            state: State::Success,
            description: String::new(),
            url: None,
            creator: Some("Flux-Acme".to_owned()),
            at: None,
            workflow: Workflow::None,
        };
        for login in ["flux-acme", "flux-acme[bot]", "@Flux-Acme"] {
            assert!(posted.is_by(login), "{login}");
        }
        assert!(!posted.is_by("flux"));
    }
}
