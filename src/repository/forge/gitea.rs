//! Gitea and Forgejo: pull requests by their REST API; what they bring goes over git.
//!
//! Source: the API's own description, which each server shows at `/api/swagger`.

use http::Method;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};
use url::Url;

use super::pull::{Merge, Merging, Pull, PullDraft, PullRequests, PullState};
use crate::deadline::Deadline;
use crate::http::exchange::{self, Answer, Passing, Patience};
use crate::http::text::{self, answered, one_line};
use crate::limits::JSON;
use crate::repository::branch::BranchName;
use crate::repository::error::RepositoryError;
use crate::repository::git::GitRepository;
use crate::repository::head::Elsewhere;
use crate::repository::wire::{WireError, WireErrorKind, refused};

/// The most that one answer may hold.
const MAX_ANSWER: usize = JSON.most() as usize;
/// How many of a list are asked for at once: as many as a server gives out, unless it was told otherwise.
const PAGE: usize = 50;
/// How many pages of a list are read.
const PAGES: usize = 100;
/// What makes a pull request a draft, at the beginning of its title.
const DRAFT: &str = "WIP: ";
/// The state of a review that is asked for, and was not given.
const ASKED_FOR: &str = "REQUEST_REVIEW";

/// A repository on Gitea or Forgejo.
pub struct Gitea<'a> {
    pub(super) git: &'a GitRepository,
    pub(super) http: reqwest::Client,
    /// Where the API is.
    pub(super) api: Url,
    /// `owner/name`
    pub(super) name: String,
    pub(super) authorization: Option<HeaderValue>,
    pub(super) deadline: Deadline,
}

#[derive(Deserialize)]
struct Listed {
    #[serde(flatten)]
    pull: Pull,
    head: Side,
    base: Side,
}

#[derive(Deserialize)]
struct Side {
    #[serde(rename = "ref")]
    name: String,
    repo_id: i64,
}

#[derive(Deserialize)]
struct State {
    state: String,
    #[serde(default)]
    merged: bool,
}

#[derive(Deserialize)]
struct Label {
    id: i64,
    name: String,
}

impl Gitea<'_> {
    /// What the server says of pull request `number`.
    ///
    /// # Errors
    /// When it can't be used, or knows no such pull request.
    pub(super) async fn state(&self, number: u64) -> Result<PullState, RepositoryError> {
        let found: Option<State> = self.get(&self.of(&format!("pulls/{number}"))).await?;
        match found {
            Some(State { merged: true, .. }) => Ok(PullState::Merged),
            Some(State { state, .. }) if state == "open" => Ok(PullState::Open),
            Some(_) => Ok(PullState::Closed),
            None => Err(self.unknown(number)),
        }
    }

    /// What is `wanted` of the open pull requests from `head`, by what they are and what they are to be merged into.
    async fn open_of<R: Send>(
        &self,
        head: &BranchName,
        mut wanted: impl FnMut(Pull, String) -> Option<R> + Send,
    ) -> Result<Option<R>, RepositoryError> {
        let path = self.of("pulls?state=open&sort=recentupdate");
        let of_head = move |one: Listed| {
            let is_from = one.head.name == head.as_str() && one.head.repo_id == one.base.repo_id;
            is_from.then(|| wanted(one.pull, one.base.name)).flatten()
        };
        self.find(&path, of_head).await
    }

    /// The pull request that is open from `head` into `base`, or else one into another branch.
    ///
    /// # Errors
    /// When the server can't be used.
    pub(super) async fn open_from(
        &self,
        head: &BranchName,
        base: &BranchName,
    ) -> Result<Result<Option<u64>, Elsewhere>, RepositoryError> {
        let mut own = None;
        let other = |pull: Pull, target: String| {
            let number = pull.number;
            if target != base.as_str() {
                return Some(Elsewhere { number, target });
            }
            own = Some(number);
            None
        };
        let elsewhere = self.open_of(head, other).await?;
        Ok(elsewhere.map_or(Ok(own), Err))
    }

    fn unknown(&self, number: u64) -> RepositoryError {
        RepositoryError::protocol(format!("{} knows no pull request #{number}", self.host()))
    }

    /// What `wanted` takes of a list, which may be long: so it is read a page at a time, and no further than
    /// that. Nothing where the list is not there.
    async fn find<T: DeserializeOwned + Send, R: Send>(
        &self,
        path: &str,
        mut wanted: impl FnMut(T) -> Option<R> + Send,
    ) -> Result<Option<R>, RepositoryError> {
        let mark = if path.contains('?') { '&' } else { '?' };
        for page in 1..=PAGES {
            let path = format!("{path}{mark}limit={PAGE}&page={page}");
            let found: Vec<T> = self.get(&path).await?.unwrap_or_default();
            // A server may be told to give out less at once.
            if found.is_empty() {
                break;
            }
            if let Some(found) = found.into_iter().find_map(&mut wanted) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The path of something of the repository.
    fn of(&self, what: &str) -> String {
        format!("repos/{}/{what}", self.name)
    }

    fn host(&self) -> String {
        text::host(&self.api)
    }

    /// Reads `path`; none where it is not there.
    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, RepositoryError> {
        let answer = self.send(Method::GET, path, None).await?;
        match answer.status {
            404 => Ok(None),
            _ => self.read(self.checked(answer)?).map(Some),
        }
    }

    /// Makes or changes something.
    async fn change(
        &self,
        method: Method,
        path: &str,
        body: &Json,
    ) -> Result<Answer, RepositoryError> {
        let answer = self.send(method, path, Some(body)).await?;
        self.checked(answer)
    }

    fn read<T: DeserializeOwned>(&self, answer: Answer) -> Result<T, RepositoryError> {
        serde_json::from_slice(&answer.body).map_err(|_| {
            // It was the API a moment ago.
            RepositoryError::unavailable(format!(
                "{} answered with something other than its API does",
                self.host()
            ))
        })
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Json>,
    ) -> Result<Answer, RepositoryError> {
        let unfit = |error: url::ParseError| RepositoryError::protocol(error.to_string());
        let url = self.api.join(path).map_err(unfit)?;
        let reads = method == Method::GET;
        let mut request = self.http.request(method, url);
        request = request.header(ACCEPT, "application/json");
        if let Some(value) = &self.authorization {
            request = request.header(AUTHORIZATION, value.clone());
        }
        if let Some(body) = body {
            let body = body.to_string();
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        let patience = Patience::Run {
            deadline: self.deadline.clone(),
            cancellable: reads,
        };
        let exchange = async {
            let incoming = exchange::send(request.send(), patience).await?;
            incoming.json(MAX_ANSWER).await
        };
        exchange.await.map_err(|error| {
            let (pushing, kind) = (!reads, error.into());
            refused(WireError { pushing, kind }, &self.host())
        })
    }

    /// The answer, if it is a success.
    fn checked(&self, answer: Answer) -> Result<Answer, RepositoryError> {
        if answer.is_success() {
            return Ok(answer);
        }
        if let Some(target) = answer.target(&self.api) {
            let to = text::shown(target);
            return Err(RepositoryError::Redirected { to });
        }
        let (status, detail) = (answer.status, message(&answer.body));
        let what = answered(&self.host(), status, &detail);
        // While a server works out whether one can be merged, it says so.
        if status == 405 && detail.contains("try again later") {
            return Err(RepositoryError::unavailable(what));
        }
        if matches!(status, 400 | 404..=407 | 409 | 411 | 412 | 414..=422 | 424) {
            return Err(RepositoryError::Protocol { what });
        }
        let kind = WireErrorKind::Status {
            status,
            detail,
            passing: Passing::of(answer.status, &answer.headers),
            // Gitea refuses in JSON.
            is_page: matches!(status, 401 | 403) && exchange::is_page(&answer.headers),
        };
        let pushing = true;
        Err(refused(WireError { pushing, kind }, &self.host()))
    }
}

/// What the API says about a failure, on one line.
fn message(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Body {
        message: String,
    }
    let body: Result<Body, _> = serde_json::from_slice(body);
    body.map_or_else(|_| String::new(), |body| one_line(&body.message))
}

impl PullRequests for Gitea<'_> {
    async fn open_pull(
        &self,
        head: &BranchName,
        base: &BranchName,
    ) -> Result<Option<Pull>, RepositoryError> {
        let own = |pull, target: String| (target == base.as_str()).then_some(pull);
        self.open_of(head, own).await
    }

    async fn pull(&self, number: u64) -> Result<Pull, RepositoryError> {
        let found = self.get(&self.of(&format!("pulls/{number}"))).await?;
        found.ok_or_else(|| self.unknown(number))
    }

    async fn create_pull(&self, draft: &PullDraft<'_>) -> Result<Pull, RepositoryError> {
        let mark = if draft.draft { DRAFT } else { "" };
        let body = json!({
            "title": format!("{mark}{}", draft.title), "body": draft.body,
            "head": draft.head.as_str(), "base": draft.base.as_str(),
        });
        let made = self.change(Method::POST, &self.of("pulls"), &body).await?;
        self.read(made)
    }

    fn retitled(&self, pull: &Pull, title: &str) -> String {
        let mark = if pull.title.starts_with(DRAFT) {
            DRAFT
        } else {
            ""
        };
        format!("{mark}{title}")
    }

    async fn edit_pull(
        &self,
        number: u64,
        title: &str,
        body: &str,
    ) -> Result<Pull, RepositoryError> {
        let path = self.of(&format!("pulls/{number}"));
        let body = json!({"title": title, "body": body});
        self.read(self.change(Method::PATCH, &path, &body).await?)
    }

    async fn label(&self, pull: &Pull, labels: &[String]) -> Result<(), RepositoryError> {
        let owner = self.name.split('/').next().unwrap_or_default();
        let mut ids: Vec<Option<i64>> = vec![None; labels.len()];
        // Its own, and those of its organisation.
        for path in [self.of("labels"), format!("orgs/{owner}/labels")] {
            let take = |label: Label| {
                for (id, name) in ids.iter_mut().zip(labels) {
                    if label.name.eq_ignore_ascii_case(name) {
                        id.get_or_insert(label.id);
                    }
                }
                ids.iter().all(Option::is_some).then_some(())
            };
            if self.find(&path, take).await?.is_some() {
                break;
            }
        }
        let missing = ids.iter().zip(labels).filter(|(id, _)| id.is_none());
        let missing: Vec<String> = missing.map(|(_, name)| format!("`{name}`")).collect();
        let ids: Vec<i64> = ids.into_iter().flatten().collect();
        if !ids.is_empty() {
            let path = self.of(&format!("issues/{}/labels", pull.number));
            let labels = json!({ "labels": ids });
            self.change(Method::POST, &path, &labels).await?;
        }
        match missing.is_empty() {
            true => Ok(()),
            false => Err(RepositoryError::protocol(format!(
                "neither the repository nor its organisation has a label {}",
                missing.join(", ")
            ))),
        }
    }

    async fn assign(&self, pull: &Pull, names: &[String]) -> Result<bool, RepositoryError> {
        let there = self.pull(pull.number).await?.assignees;
        // The list takes the place of the one that is there.
        let mut all: Vec<String> = there.into_iter().map(|one| one.login).collect();
        for name in names {
            if !all.iter().any(|own| own.eq_ignore_ascii_case(name)) {
                all.push(name.clone());
            }
        }
        let body = json!({ "assignees": all });
        let path = self.of(&format!("issues/{}", pull.number));
        self.change(Method::PATCH, &path, &body).await?;
        Ok(true)
    }

    async fn request_reviews(
        &self,
        pull: &Pull,
        people: &[&String],
        teams: &[String],
    ) -> Result<(), RepositoryError> {
        let path = self.of(&format!("pulls/{}/requested_reviewers", pull.number));
        let body = json!({"reviewers": people, "team_reviewers": teams});
        self.change(Method::POST, &path, &body).await.map(|_| ())
    }

    async fn has_reviews(&self, pull: &Pull) -> Result<bool, RepositoryError> {
        #[derive(Deserialize)]
        struct Review {
            state: String,
        }
        let path = self.of(&format!("pulls/{}/reviews", pull.number));
        let given = |review: Review| (review.state != ASKED_FOR).then_some(());
        Ok(self.find(&path, given).await?.is_some())
    }

    /// Whether it is to come, the API does not say.
    async fn merging(
        &self,
        pull: &Pull,
        _merge: &Merge<'_>,
    ) -> Result<Option<Merging>, RepositoryError> {
        let is_merged = self.state(pull.number).await? == PullState::Merged;
        Ok(is_merged.then_some(Merging::Done))
    }

    async fn merge_when_ready(
        &self,
        pull: &Pull,
        merge: &Merge<'_>,
    ) -> Result<Merging, RepositoryError> {
        let path = self.of(&format!("pulls/{}/merge", pull.number));
        let (title, message) = merge
            .message
            .split_once('\n')
            .unwrap_or((merge.message, ""));
        let body = json!({
            "Do": merge.method.name(), "head_commit_id": merge.commit.as_str(),
            "merge_when_checks_succeed": true,
            "MergeTitleField": title, "MergeMessageField": message.trim(),
        });
        for is_first in [true, false] {
            let answer = self.send(Method::POST, &path, Some(&body)).await?;
            match answer.status {
                201 => return Ok(Merging::Waits),
                // One of an earlier deployment, or one whose answer was lost.
                409 if is_first && message_of(&answer).contains("already scheduled") => {
                    let taken_back = self.send(Method::DELETE, &path, None).await?;
                    if taken_back.status != 404 {
                        self.checked(taken_back)?;
                    }
                }
                _ => {
                    let Err(error) = self.checked(answer) else {
                        return Ok(Merging::Done);
                    };
                    // An answer that was lost.
                    return match self.state(pull.number).await? {
                        PullState::Merged => Ok(Merging::Done),
                        PullState::Open | PullState::Closed => Err(error),
                    };
                }
            }
        }
        Ok(Merging::Waits)
    }

    async fn close_pull(&self, _repository: &str, number: u64) -> Result<(), RepositoryError> {
        let path = self.of(&format!("pulls/{number}"));
        let body = json!({"state": "closed"});
        self.change(Method::PATCH, &path, &body).await.map(|_| ())
    }

    async fn comment(
        &self,
        _repository: &str,
        number: u64,
        text: &str,
    ) -> Result<(), RepositoryError> {
        let path = self.of(&format!("issues/{number}/comments"));
        let body = json!({ "body": text });
        self.change(Method::POST, &path, &body).await.map(|_| ())
    }
}

fn message_of(answer: &Answer) -> String {
    message(&answer.body)
}
