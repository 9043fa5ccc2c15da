//! GitLab: merge requests by push options. What is asked for goes with the push itself, and needs no right to
//! use the API; what came of it stands in what the server tells people. Only whether somebody closed one stands
//! nowhere but in the API, which is asked for as long as it lets the token read.
//!
//! Sources: GitLab's documentation, "Push options"; its `MergeRequests::PushOptionsHandlerService`, and the words
//! of `hook/post_receive.go` of Gitaly.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::asked::asked;
use super::pull::{MergeMethod, PullState, Untold};
use crate::http::secret_header;
use crate::http::text::{answered, host, one_line};
use crate::limits::JSON;
use crate::repository::branch::BranchName;
use crate::repository::commit::Pushed;
use crate::repository::error::RepositoryError;
use crate::repository::git::{GitRepository, LONGEST_OPTION};
use crate::repository::head::Elsewhere;
use crate::repository::object::CommitId;
use crate::repository::route::Route;

/// The most that is read of an answer of the API.
const MAX_ANSWER: usize = JSON.most() as usize;
/// How long the API may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A merge request, as it is to be.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The branch that it is merged into.
    pub target: &'a BranchName,
    /// Its title.
    pub title: &'a str,
    /// Its text.
    pub description: &'a str,
    /// Labels to add.
    pub labels: &'a [String],
    /// People to assign.
    pub assignees: &'a [String],
    /// Whether it is a draft.
    pub draft: bool,
    /// Whether it is merged as soon as its pipeline has succeeded, and how.
    pub auto_merge: Option<MergeMethod>,
}

impl Request<'_> {
    /// What is asked for with the push of its branch. An open one of that branch is changed, else one is opened.
    pub fn options(&self) -> Vec<String> {
        let mut options = vec![
            "merge_request.create".to_owned(),
            option("target", self.target.as_str()),
            option("title", self.title),
            option("description", self.description),
            "merge_request.remove_source_branch".to_owned(),
        ];
        options.extend(self.labels.iter().map(|label| option("label", label)));
        let assignees = self.assignees.iter();
        options.extend(assignees.map(|name| option("assign", name)));
        if self.draft {
            options.push("merge_request.draft".to_owned());
        }
        if let Some(method) = self.auto_merge {
            // The older name, and the one that took its place in GitLab 17.11. One that a server does not know
            // is passed over.
            options.push("merge_request.merge_when_pipeline_succeeds".to_owned());
            options.push("merge_request.auto_merge".to_owned());
            if method == MergeMethod::Squash {
                options.push("merge_request.squash".to_owned());
            }
        }
        options
    }
}

/// One option. No line ends are in one: GitLab (15.0) makes one of each `\n`, and an older one shows that.
fn option(name: &str, value: &str) -> String {
    let name = format!("merge_request.{name}=");
    let room = LONGEST_OPTION - name.len();
    let whole = escaped(value);
    if whole.len() <= room {
        return name + &whole;
    }
    // The end is what tells the deployment: a text of people gives way.
    let end = value.trim_end().rsplit_once("\n\n");
    let end = end.map(|(_, end)| format!("\\n\\n{}", escaped(end)));
    let end = end.filter(|end| end.len() < room / 2).unwrap_or_default();
    let mut room = room - "…".len() - end.len();
    while !whole.is_char_boundary(room) {
        room -= 1;
    }
    let start = whole.get(..room).unwrap_or_default();
    format!("{name}{}…{end}", start.trim_end_matches('\\'))
}

fn escaped(value: &str) -> String {
    // What would become a line end, though it is none.
    let value = value.replace("\r\n", "\n").replace("\\n", "&#92;n");
    let value = value.trim_end().replace('\n', "\\n");
    value.chars().filter(|c| !c.is_control()).collect()
}

/// What GitLab told about the merge request of a branch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// The one that is open.
    pub open: Option<Open>,
    /// Whether there is none, as it offers to make one.
    pub is_none: bool,
    /// What it would not do, and why.
    pub warning: Option<String>,
}

/// A merge request that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// Its number in the project.
    pub number: u64,
    /// Where a person looks at it.
    pub url: String,
}

impl Answer {
    /// What is in `said`, which came with a push to `branch`.
    pub fn of(said: &str, branch: &BranchName) -> Self {
        let mut lines = said.lines().map(|line| {
            let line = line.trim();
            line.strip_prefix("remote:").unwrap_or(line).trim()
        });
        let mut answer = Self::default();
        let mut warning = String::new();
        let (view, make) = (
            format!("View merge request for {branch}:"),
            format!("To create a merge request for {branch}, visit:"),
        );
        let mut is_warning = false;
        while let Some(line) = lines.next() {
            if line == view {
                is_warning = false;
                answer.open = lines.next().and_then(Open::at);
            } else if line == make {
                is_warning = false;
                answer.is_none = true;
            } else if line.contains("Error encountered with push options") {
                is_warning = true;
                warning.push_str(line);
            } else if is_warning && !line.starts_with("===") {
                // It is told in lines of up to eighty characters.
                warning.push(' ');
                warning.push_str(line);
            }
        }
        // Behind the options, each between quotes.
        let why = warning.rsplit_once("': ").map(|(_, why)| one_line(why));
        answer.warning = why.filter(|why| !why.is_empty());
        answer
    }
}

impl Open {
    fn at(line: &str) -> Option<Self> {
        let number = line.rsplit_once("/merge_requests/")?.1.parse().ok()?;
        let url = url::Url::parse(line).ok()?;
        let is_page = matches!(url.scheme(), "https" | "http");
        is_page.then(|| Self {
            number,
            url: url.into(),
        })
    }
}

/// A project on GitLab.
pub struct Gitlab<'a> {
    pub(super) git: &'a GitRepository,
    pub(super) http: reqwest::Client,
    pub(super) route: &'a Route,
    /// Whether the API has refused the token.
    pub(super) is_mute: &'a AtomicBool,
}

impl Gitlab<'_> {
    /// What the API says of merge request `number`, or why it does not. Where it lets the token read it
    /// (`read_api`), it still may be in trouble, or be elsewhere than at a server that has no path of its own: then
    /// Git alone tells.
    ///
    /// # Errors
    /// When the run was cancelled.
    pub(super) async fn state(
        &self,
        number: u64,
    ) -> Result<Result<PullState, Untold>, RepositoryError> {
        #[derive(Deserialize)]
        struct Body {
            state: String,
        }
        let asked = self.look(&format!("/{number}"), &[]).await?;
        Ok(asked.and_then(|Body { state }| match state.as_str() {
            // While it is being merged, it is locked.
            "opened" | "locked" => Ok(PullState::Open),
            "closed" => Ok(PullState::Closed),
            "merged" => Ok(PullState::Merged),
            _ => Err(self.without()),
        }))
    }

    /// The merge request that is open from `head` into `base`, or one into another branch, where the API tells.
    ///
    /// # Errors
    /// When the run was cancelled.
    pub(super) async fn open_from(
        &self,
        head: &BranchName,
        base: &BranchName,
    ) -> Result<Result<Option<u64>, Elsewhere>, RepositoryError> {
        #[derive(Deserialize)]
        struct Listed {
            iid: u64,
            target_branch: String,
            source_project_id: Option<u64>,
            target_project_id: u64,
        }
        let of_head = [("state", "opened"), ("source_branch", head.as_str())];
        let listed: Vec<Listed> = self.look("", &of_head).await?.unwrap_or_default();
        // One of a fork has a branch of the same name that is not this one.
        let own = listed
            .into_iter()
            .filter(|one| one.source_project_id == Some(one.target_project_id));
        let is_own = |one: &Listed| one.target_branch == base.as_str();
        let (own, others): (Vec<_>, Vec<_>) = own.partition(is_own);
        Ok(match others.into_iter().next() {
            Some(other) => Err(Elsewhere {
                number: other.iid,
                target: other.target_branch,
            }),
            None => Ok(own.first().map(|own| own.iid)),
        })
    }

    /// What the API answers of merge requests, or why it does not.
    async fn look<T: DeserializeOwned>(
        &self,
        which: &str,
        query: &[(&str, &str)],
    ) -> Result<Result<T, Untold>, RepositoryError> {
        if self.is_mute.load(Relaxed) {
            return Ok(Err(Untold::Refused));
        }
        let Route {
            location,
            credentials,
            deadline,
            ..
        } = self.route;
        let mut url = location.url().clone();
        let host = host(&url);
        let project = url.path().trim_start_matches('/').trim_end_matches('/');
        let project = project.strip_suffix(".git").unwrap_or(project);
        let project = project.replace('/', "%2F");
        url.set_path(&format!("/api/v4/projects/{project}/merge_requests{which}"));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let token = credentials.as_ref();
        let token = token.map(|own| secret_header("Bearer", &own.password));
        // What Git tells needs time, too.
        let deadline = deadline.within(PATIENCE.min(deadline.silence()));
        let answer = asked(&self.http, &deadline, url, token.as_ref(), MAX_ANSWER).await;
        let answer = match answer {
            Ok(Some(answer)) => answer,
            Ok(None) => return Ok(Err(self.without())),
            Err(RepositoryError::Cancelled) => return Err(RepositoryError::Cancelled),
            Err(error) => return Ok(Err(Untold::NotNow(error.to_string()))),
        };
        if matches!(answer.status, 401 | 403) {
            self.is_mute.store(true, Relaxed);
            return Ok(Err(Untold::Refused));
        }
        if !answer.is_success() {
            return Ok(Err(Untold::NotNow(answered(&host, answer.status, ""))));
        }
        Ok(serde_json::from_slice(&answer.body).map_err(|_| self.without()))
    }

    fn without(&self) -> Untold {
        let host = host(self.route.location.url());
        Untold::NotNow(format!("{host} answered without its state"))
    }

    /// Asks for something with a push of what `branch` has, which is at `commit`: of what nothing says whether
    /// there is a merge request.
    ///
    /// # Errors
    /// When the server can't be used, or refuses.
    pub async fn ask(
        &self,
        branch: &BranchName,
        commit: &CommitId,
        options: Vec<String>,
    ) -> Result<Answer, RepositoryError> {
        match self.git.tell(branch, commit, options).await {
            Ok(Pushed::Landed(landed)) => Ok(Answer::of(&landed.said, branch)),
            Ok(
                Pushed::Moved { detail } | Pushed::Refused { detail } | Pushed::Unmoved { detail },
            ) => Err(RepositoryError::protocol(detail)),
            // Nothing is there twice: what was asked for is asked for once more.
            Err(RepositoryError::Unconfirmed { what, .. }) => {
                Err(RepositoryError::unavailable(what))
            }
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn branch(name: &str) -> BranchName {
        name.parse().unwrap()
    }

    #[test]
    fn an_option_is_one_line_of_a_packet() {
        for (value, expected) in [
            ("a\nb\r\nc\n", "a\\nb\\nc"),
            ("C:\\new", "C:&#92;new"),
            ("a\u{1b}[31m\0b", "a[31mb"),
        ] {
            assert_eq!(
                option("title", value),
                format!("merge_request.title={expected}")
            );
        }
        let long = format!(
            "{}\n\nDeployed-Image: a:1\nPrevious-Image: a:0\n",
            "ü\n".repeat(30_000)
        );
        let cut = option("description", &long);
        assert!(
            (60_000..=LONGEST_OPTION).contains(&cut.len()),
            "{}",
            cut.len()
        );
        let end = "…\\n\\nDeployed-Image: a:1\\nPrevious-Image: a:0";
        assert!(cut.ends_with(end), "{}", &cut[cut.len() - 100..]);
        let endless = "x".repeat(100_000);
        assert_eq!(option("title", &endless).len(), LONGEST_OPTION);
    }

    #[test]
    fn what_gitlab_tells_says_how_the_merge_request_stands() {
        let open = "\nView merge request for deploy/web:\n  https://gitlab.example/a/b/c/-/merge_requests/12\n\n";
        let answer = Answer::of(open, &branch("deploy/web"));
        let expected = Open {
            number: 12,
            url: "https://gitlab.example/a/b/c/-/merge_requests/12".to_owned(),
        };
        assert_eq!(answer.open, Some(expected));
        assert!(!answer.is_none && answer.warning.is_none());
        // Of another branch it says nothing.
        assert_eq!(Answer::of(open, &branch("deploy")), Answer::default());
        let none = "\nTo create a merge request for deploy/web, visit:\n  https://gitlab.example/a/b/-/merge_requests/new?merge_request%5Bsource_branch%5D=deploy%2Fweb\n\n\
                    ========================================================================\n\n   Error encountered with push options 'merge_request.create'\n   'merge_request.target=nowhere': Target branch nowhere does\n   not exist\n\n========================================================================\n";
        let answer = Answer::of(none, &branch("deploy/web"));
        assert!(answer.is_none && answer.open.is_none());
        assert_eq!(
            answer.warning.as_deref(),
            Some("Target branch nowhere does not exist")
        );
        for nonsense in [
            "javascript:1/merge_requests/1",
            "https://x/merge_requests/1x",
            "",
        ] {
            let said = format!("View merge request for a:\n  {nonsense}\n");
            assert_eq!(Answer::of(&said, &branch("a")).open, None, "{nonsense}");
        }
    }
}
