//! Gitea's API, played on top of the same repositories. It takes nothing that the published description of the
//! API (`gitea.schema.json` has the part of it that is used) does not have.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use serde_json::{Value as Json, json};

use super::github::{Answer, lock};
use super::repository::git;
use super::server::Rights;

/// Where the API is.
pub(crate) const ROOT: &str = "/api/v1/";
/// Who can be assigned, or asked for a review.
const COLLABORATORS: [&str; 3] = ["wlals2", "jimin", "octocat"];
const SCHEMA: &str = include_str!("gitea.schema.json");

/// The API of one server.
pub struct Gitea {
    root: PathBuf,
    state: Mutex<State>,
    complaints: Mutex<Vec<String>>,
}

#[derive(Default)]
struct State {
    pulls: Vec<Json>,
    labels: Vec<Json>,
    organisations: Vec<Json>,
    /// Whether nothing is missing for a merge.
    is_ready: bool,
    signed_in_only: bool,
    page: Option<usize>,
}

impl Gitea {
    pub(crate) fn new(root: &Path) -> Gitea {
        Gitea {
            root: root.to_owned(),
            state: Mutex::default(),
            complaints: Mutex::default(),
        }
    }

    /// What was sent that Gitea does not take.
    pub(crate) fn complaints(&self) -> Vec<String> {
        lock(&self.complaints).clone()
    }

    /// All pull requests, the oldest first, as the API has them; with `comments`.
    pub fn pulls(&self) -> Vec<Json> {
        lock(&self.state).pulls.clone()
    }

    /// Changes a pull request, as a person on its page does.
    pub fn edit_pull(&self, number: u64, edit: impl FnOnce(&mut Json)) {
        let mut state = lock(&self.state);
        let mut pulls = state.pulls.iter_mut();
        edit(pulls.find(|pull| pull["number"] == number).unwrap());
    }

    /// Makes labels, of the repository and of its organisation.
    pub fn set_labels(&self, repository: &[&str], organisation: &[&str]) {
        let mut state = lock(&self.state);
        let made = |from: usize, names: &[&str]| -> Vec<Json> {
            let label = |(n, name): (usize, &&str)| json!({"id": from + n, "name": name});
            names.iter().enumerate().map(label).collect()
        };
        state.labels = made(11, repository);
        state.organisations = made(71, organisation);
    }

    /// Has nothing be missing for a merge.
    pub fn require_nothing(&self) {
        lock(&self.state).is_ready = true;
    }

    /// Tells nothing to those who are not signed in.
    pub fn require_sign_in(&self) {
        lock(&self.state).signed_in_only = true;
    }

    /// Gives out so many of a list at once.
    pub fn set_page(&self, size: usize) {
        lock(&self.state).page = Some(size);
    }

    pub(crate) fn answer(
        &self,
        request: &Parts,
        body: &Bytes,
        tokens: &HashMap<String, Rights>,
    ) -> Answer {
        let (status, json) = self.answered(request, body, tokens);
        let mut headers = HeaderMap::new();
        let kind = HeaderValue::from_static("application/json;charset=utf-8");
        headers.insert(CONTENT_TYPE, kind);
        let body = match json {
            Json::Null => Vec::new(),
            json => json.to_string().into_bytes(),
        };
        Answer {
            status,
            headers,
            body,
        }
    }

    fn answered(
        &self,
        request: &Parts,
        body: &Bytes,
        tokens: &HashMap<String, Rights>,
    ) -> (StatusCode, Json) {
        let path = request.uri.path().strip_prefix(ROOT).unwrap();
        let token = request.headers.get(AUTHORIZATION);
        let token = token.and_then(|value| value.to_str().ok()?.strip_prefix("token "));
        let rights = token.and_then(|token| tokens.get(token));
        if token.is_some() && rights.is_none() {
            return refusal(401, "invalid username, password or token");
        }
        if token.is_none() && lock(&self.state).signed_in_only {
            return refusal(403, "Only signed in user is allowed to call APIs.");
        }
        let query: HashMap<String, String> = request
            .uri
            .query()
            .map(|query| url::form_urlencoded::parse(query.as_bytes()).into_owned())
            .into_iter()
            .flatten()
            .collect();
        let json: Json = match body.is_empty() {
            true => Json::Null,
            false => serde_json::from_slice(body).unwrap(),
        };
        self.validate(&request.method, path, &query, &json);
        let parts: Vec<&str> = path.split('/').collect();
        let (repository, rest) = match parts[..] {
            ["version"] => return (StatusCode::OK, json!({"version": "1.22.0"})),
            ["orgs", _, "labels"] => {
                let labels = lock(&self.state).organisations.clone();
                return self.page(labels, &query);
            }
            ["repos", owner, name, ref rest @ ..] => (format!("{owner}/{name}"), rest.to_vec()),
            _ => return refusal(404, "not found"),
        };
        if !self.root.join(format!("{repository}.git/HEAD")).exists() || rights.is_none() {
            return refusal(404, "The target couldn't be found.");
        }
        if request.method != Method::GET && rights != Some(&Rights::ReadWrite) {
            let words = "token does not have at least one of required scope(s): [write:repository]";
            return refusal(403, words);
        }
        match (request.method.as_str(), &rest[..]) {
            ("GET", ["labels"]) => {
                let labels = lock(&self.state).labels.clone();
                self.page(labels, &query)
            }
            ("GET", ["pulls"]) => {
                self.refresh(&repository);
                let pulls = self.pulls().into_iter().rev();
                let is_asked = |pull: &Json| pull["state"] == query["state"].as_str();
                self.page(pulls.filter(is_asked).collect(), &query)
            }
            ("POST", ["pulls"]) => self.create(&repository, &json),
            (method, [kind, number, rest @ ..]) => {
                self.refresh(&repository);
                let mut state = lock(&self.state);
                let is_ready = state.is_ready;
                let mut labels = state.labels.clone();
                labels.extend(state.organisations.clone());
                let mut pulls = state.pulls.iter_mut();
                let Some(pull) = pulls.find(|pull| pull["number"].as_u64() == number.parse().ok())
                else {
                    return refusal(404, "The target couldn't be found.");
                };
                match (method, *kind, rest) {
                    ("GET", _, []) => (StatusCode::OK, pull.clone()),
                    ("PATCH", "pulls" | "issues", []) => edit(pull, &json),
                    ("POST", "issues", ["labels"]) => label(pull, &labels, &json),
                    ("POST", "issues", ["comments"]) => {
                        push(pull, "comments", json["body"].clone());
                        (StatusCode::CREATED, json!({"id": 1}))
                    }
                    ("POST", "pulls", ["requested_reviewers"]) => ask(pull, &json),
                    ("GET", "pulls", ["reviews"]) => {
                        let reviews = pull["reviews"].as_array().cloned().unwrap_or_default();
                        drop(state);
                        self.page(reviews, &query)
                    }
                    ("POST", "pulls", ["merge"]) => merge(pull, &json, is_ready),
                    ("DELETE", "pulls", ["merge"]) => match pull["scheduled"].take() {
                        Json::Null => refusal(404, "The target couldn't be found."),
                        _ => (StatusCode::NO_CONTENT, Json::Null),
                    },
                    _ => refusal(404, "not found"),
                }
            }
            _ => refusal(404, "not found"),
        }
    }

    /// Checks a request against the description of the API.
    fn validate(&self, method: &Method, path: &str, query: &HashMap<String, String>, body: &Json) {
        let schema: Json = serde_json::from_str(SCHEMA).unwrap();
        let complain = |what: String| {
            let request = format!("{method} /{path} {query:?} {body}: {what}");
            lock(&self.complaints).push(request);
        };
        let known = schema.as_object().unwrap().iter();
        let mut known = known.filter(|(name, _)| {
            let (own, pattern) = name.split_once(" /").unwrap();
            let (own_parts, parts) = (pattern.split('/'), path.split('/'));
            own == method.as_str()
                && own_parts.clone().count() == parts.clone().count()
                && own_parts
                    .zip(parts)
                    .all(|(own, part)| own == part || own.starts_with('{'))
        });
        let Some((_, what)) = known.next() else {
            return complain("there is no such operation".to_owned());
        };
        if let Json::Array(parameters) = what {
            for name in query
                .keys()
                .filter(|name| !parameters.contains(&json!(name)))
            {
                complain(format!("there is no parameter {name}"));
            }
        }
        let Json::Object(what) = what else {
            if !body.is_null() {
                complain("it takes no body".to_owned());
            }
            return;
        };
        for name in what["required"].as_array().unwrap() {
            if body[name.as_str().unwrap()].is_null() {
                complain(format!("{name} is missing"));
            }
        }
        for (name, value) in body.as_object().into_iter().flatten() {
            let fits = match &what["properties"][name] {
                Json::String(kind) => is_of(value, kind),
                Json::Array(kind) => value.as_array().is_some_and(|values| {
                    let kind = kind[0].as_str().unwrap();
                    values.iter().all(|value| is_of(value, kind))
                }),
                _ => false,
            };
            if !fits {
                complain(format!("{name} is none of its fields, or of another type"));
            }
        }
    }

    /// A page of a list.
    fn page(&self, all: Vec<Json>, query: &HashMap<String, String>) -> (StatusCode, Json) {
        let number = |name: &str| query.get(name).map(|text| text.parse::<usize>().unwrap());
        let most = lock(&self.state).page.unwrap_or(50);
        let limit = number("limit").unwrap_or(30).min(most);
        let page = number("page").unwrap_or(1).max(1);
        let some = all.into_iter().skip((page - 1) * limit).take(limit);
        (StatusCode::OK, some.collect())
    }

    /// Where the branches of pull requests are now.
    fn refresh(&self, repository: &str) {
        let directory = self.root.join(format!("{repository}.git"));
        for pull in &mut lock(&self.state).pulls {
            let head = pull["head"]["ref"].as_str().unwrap();
            if let Some(tip) = tip(&directory, head) {
                pull["head"]["sha"] = tip.into();
            }
        }
    }

    fn create(&self, repository: &str, body: &Json) -> (StatusCode, Json) {
        let directory = self.root.join(format!("{repository}.git"));
        let (head, base) = (&body["head"], &body["base"]);
        let tips = [head, base].map(|name| tip(&directory, name.as_str().unwrap()));
        let [Some(tip), Some(_)] = tips else {
            return refusal(404, "The target couldn't be found.");
        };
        let mut state = lock(&self.state);
        let is_there = state.pulls.iter().any(|pull| {
            pull["state"] == "open" && pull["head"]["ref"] == *head && pull["base"]["ref"] == *base
        });
        if is_there {
            let words = "pull request already exists for these targets [id: 1, issue_id: 1]";
            return refusal(409, words);
        }
        let number = state.pulls.len() + 1;
        let pull = json!({
            "id": number + 100, "number": number, "state": "open", "merged": false,
            "html_url": format!("https://gitea.example/{repository}/pulls/{number}"),
            "title": body["title"], "body": body["body"], "user": {"login": "deployer"},
            "labels": [], "assignees": null, "requested_reviewers": null,
            "head": {"ref": head, "sha": tip, "repo_id": 1},
            "base": {"ref": base, "repo_id": 1},
        });
        state.pulls.push(pull.clone());
        (StatusCode::CREATED, pull)
    }
}

fn tip(directory: &Path, branch: &str) -> Option<String> {
    let reference = format!("refs/heads/{branch}");
    let tip = git(
        directory,
        &["for-each-ref", "--format=%(objectname)", &reference],
    );
    (!tip.is_empty()).then(|| tip.trim().to_owned())
}

fn is_of(value: &Json, kind: &str) -> bool {
    match kind {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        kind => panic!("{kind}"),
    }
}

fn refusal(status: u16, words: &str) -> (StatusCode, Json) {
    let status = StatusCode::from_u16(status).unwrap();
    let url = "https://gitea.example/api/swagger";
    (status, json!({"message": words, "url": url}))
}

fn push(pull: &mut Json, key: &str, value: Json) {
    match &mut pull[key] {
        Json::Array(all) => all.push(value),
        none => *none = json!([value]),
    }
}

fn edit(pull: &mut Json, body: &Json) -> (StatusCode, Json) {
    for (key, value) in body.as_object().unwrap() {
        if key == "assignees" {
            let names = value.as_array().unwrap();
            if let Some(stranger) = names.iter().find(|name| !is_collaborator(name)) {
                let words = format!(
                    "Assignee does not exist: [name: {}]",
                    stranger.as_str().unwrap()
                );
                return refusal(422, &words);
            }
            let accounts = names.iter().map(|name| json!({ "login": name }));
            pull["assignees"] = accounts.collect();
        } else {
            pull[key] = value.clone();
        }
    }
    (StatusCode::CREATED, pull.clone())
}

fn is_collaborator(name: &Json) -> bool {
    COLLABORATORS.contains(&name.as_str().unwrap())
}

fn label(pull: &mut Json, known: &[Json], body: &Json) -> (StatusCode, Json) {
    for id in body["labels"].as_array().unwrap() {
        let Some(label) = known.iter().find(|label| label["id"] == *id) else {
            return refusal(422, "label not found");
        };
        if !pull["labels"].as_array().unwrap().contains(label) {
            push(pull, "labels", label.clone());
        }
    }
    (StatusCode::OK, pull["labels"].clone())
}

fn ask(pull: &mut Json, body: &Json) -> (StatusCode, Json) {
    for name in body["reviewers"].as_array().unwrap() {
        if !is_collaborator(name) {
            return refusal(
                404,
                &format!("UserNotExist: user '{}' not exist", name.as_str().unwrap()),
            );
        }
        push(pull, "requested_reviewers", json!({ "login": name }));
        push(pull, "reviews", json!({"state": "REQUEST_REVIEW"}));
    }
    for name in body["team_reviewers"].as_array().unwrap() {
        push(pull, "requested_reviewers_teams", json!({ "name": name }));
        push(pull, "reviews", json!({"state": "REQUEST_REVIEW"}));
    }
    (StatusCode::CREATED, json!([]))
}

fn merge(pull: &mut Json, body: &Json, is_ready: bool) -> (StatusCode, Json) {
    if pull["state"] != "open" {
        return refusal(405, "The PR is already merged");
    }
    if pull["title"].as_str().unwrap().starts_with("WIP:") {
        return refusal(405, "Work in progress PRs cannot be merged");
    }
    if body["head_commit_id"] != pull["head"]["sha"] {
        return refusal(409, "head out of date");
    }
    if is_ready {
        pull["state"] = "closed".into();
        pull["merged"] = true.into();
        pull["merge"] = body.clone();
        return (StatusCode::OK, Json::Null);
    }
    if !pull["scheduled"].is_null() {
        let words =
            "pull request is already scheduled to auto merge when checks succeed [pull_id: 1]";
        return refusal(409, words);
    }
    pull["scheduled"] = body.clone();
    (StatusCode::CREATED, Json::Null)
}
