//! REST: what of it the action uses.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use git2::{Oid, TreeWalkMode, TreeWalkResult};
use hyper::Method;
use hyper::header::{ACCEPT, HeaderValue, LOCATION};
use hyper::http::request::Parts;
use serde_json::{Value as Json, json};

use super::store::{NotMoved, Store, iso};
use super::{Answer, Caller, Github, REST_ROOT, refusal};

impl Github {
    pub(super) fn rest(
        &self,
        caller: &Caller<'_>,
        request: &Parts,
        path: &str,
        body: &[u8],
    ) -> Answer {
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let ["repos", owner, name, resource @ ..] = &segments[..] else {
            self.complain(format!("{} {path} is not played here", request.method));
            return refusal(404, "Not Found");
        };
        if let Some(now) = self.renamed(&format!("{owner}/{name}")) {
            return moved(request, &now, resource);
        }
        let Some(store) = self.open(caller, &format!("{owner}/{name}")) else {
            return refusal(404, "Not Found");
        };
        let query: Vec<(String, String)> =
            url::form_urlencoded::parse(request.uri.query().unwrap_or_default().as_bytes())
                .into_owned()
                .collect();
        let asked = Asked {
            github: self,
            store: &store,
            caller,
            query,
            raw: request
                .headers
                .get(ACCEPT)
                .is_some_and(|accept| accept.to_str().is_ok_and(|accept| accept.contains("raw"))),
        };
        if request.method == Method::GET {
            return asked
                .get(resource)
                .unwrap_or_else(|| refusal(404, "Not Found"));
        }
        if !caller.writes() {
            return refusal(403, caller.no_access());
        }
        let Ok(body) = serde_json::from_slice::<Json>(body) else {
            return refusal(400, "Problems parsing JSON");
        };
        let answer = match (request.method.as_str(), resource) {
            ("POST", ["git", "blobs"]) => asked.post_blob(&body),
            ("POST", ["git", "trees"]) => asked.post_tree(&body),
            ("POST", ["git", "commits"]) => asked.post_commit(&body),
            ("PATCH", ["git", "refs", reference @ ..]) => asked.patch_ref(reference, &body),
            ("POST", ["git", "refs"]) => asked.post_ref(&body),
            ("POST", ["pulls"]) => asked.post_pull(&body),
            (method, ["pulls" | "issues", number, rest @ ..]) => {
                asked.of_pull(method, number, rest, &body)
            }
            _ => {
                self.complain(format!("{} {path} is not played here", request.method));
                return refusal(404, "Not Found");
            }
        };
        answer.unwrap_or_else(|| refusal(422, "Validation Failed"))
    }
}

/// A request to a repository.
pub(super) struct Asked<'a> {
    pub(super) github: &'a Github,
    pub(super) store: &'a Store,
    pub(super) caller: &'a Caller<'a>,
    query: Vec<(String, String)>,
    raw: bool,
}

impl Asked<'_> {
    fn get(&self, resource: &[&str]) -> Option<Answer> {
        match resource {
            [] => Some(self.repository()),
            ["git", "trees", id] => self.get_tree(id),
            ["git", "blobs", id] => self.blob(Oid::from_str(id).ok()?),
            ["git", "ref", reference @ ..] => {
                let name = format!("refs/{}", reference.join("/"));
                let id = self.store.reference(&name)?;
                let object = json!({"type": "commit", "sha": id.to_string()});
                Some(Answer::json(200, &json!({"ref": name, "object": object})))
            }
            ["git", "matching-refs", "heads", name @ ..] => {
                let name = name.join("/");
                let branches = self.store.branches().into_iter();
                let matching = branches.filter(|(branch, _)| branch.starts_with(&name));
                let matching = matching.map(|(branch, id)| {
                    let object = json!({"type": "commit", "sha": id.to_string()});
                    json!({"ref": format!("refs/heads/{branch}"), "object": object})
                });
                Some(Answer::json(200, &matching.collect()))
            }
            ["contents", path @ ..] => {
                let default = self.store.default_branch();
                let rev = self.parameter("ref").unwrap_or(&default);
                let (_, _, blob) = self.store.entry(self.store.commit(rev)?, &path.join("/"))?;
                self.blob(blob)
            }
            ["commits"] => Some(self.commits()),
            ["commits", rev, "statuses"] => Some(self.posts_of("status", rev)),
            ["commits", rev, "check-runs"] => Some(self.posts_of("statusCheckRollup", rev)),
            ["deployments"] => Some(self.deployments()),
            ["deployments", number, "statuses"] => self.deployment_statuses(number),
            ["commits", rev] => {
                let id = self.store.commit(rev)?;
                Some(Answer::json(200, &self.of_commit(id)))
            }
            ["compare", range] => self.compare(range),
            ["pulls"] => Some(self.list_pulls()),
            ["pulls", number, rest @ ..] => self.of_pull("GET", number, rest, &Json::Null),
            ["git", "commits", id] => {
                let id = Oid::from_str(id).ok()?;
                let mut commit = self.of_commit(id)["commit"].clone();
                commit["sha"] = id.to_string().into();
                Some(Answer::json(200, &commit))
            }
            _ => {
                self.github
                    .complain(format!("GET {} is not played here", resource.join("/")));
                None
            }
        }
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value.as_str())
    }

    fn repository(&self) -> Answer {
        let Asked { store, caller, .. } = self;
        let body = json!({
            "id": 1, "node_id": format!("R_{}", store.name),
            "name": store.short_name(), "full_name": store.name,
            "private": true, "archived": false, "default_branch": store.default_branch(),
            "permissions": {
                "admin": false, "maintain": false, "push": caller.writes(), "triage": false,
                "pull": true
            },
        });
        Answer::json(200, &body)
    }

    fn get_tree(&self, id: &str) -> Option<Answer> {
        let id = Oid::from_str(id).ok()?;
        let git = &self.store.git;
        let tree = git.find_object(id, None).ok()?.peel_to_tree().ok()?;
        let recursive = self.parameter("recursive").is_some();
        let mut entries = Vec::new();
        tree.walk(TreeWalkMode::PreOrder, |directory, entry| {
            let directory = String::from_utf8_lossy(directory.as_bytes()).into_owned();
            let kind = match entry.filemode_raw() {
                0o040_000 => "tree",
                0o160_000 => "commit",
                _ => "blob",
            };
            let mut listed = json!({
                "path": format!("{directory}{}", String::from_utf8_lossy(entry.name_bytes())),
                "mode": format!("{:06o}", entry.filemode_raw()),
                "type": kind,
                "sha": entry.id().to_string(),
            });
            if kind == "blob" {
                listed["size"] = git
                    .find_blob(entry.id())
                    .map_or(0, |blob| blob.size())
                    .into();
            }
            entries.push(listed);
            if recursive {
                TreeWalkResult::Ok
            } else {
                TreeWalkResult::Skip
            }
        })
        .ok()?;
        let limit = self.github.limits().tree;
        let truncated = recursive && entries.len() > limit;
        if truncated {
            entries.truncate(limit);
        }
        let body = json!({
            "sha": tree.id().to_string(),
            "url": format!("https://github.example{REST_ROOT}/repos/{}", self.store.name),
            "tree": entries,
            "truncated": truncated,
        });
        Some(Answer::json(200, &body))
    }

    fn blob(&self, id: Oid) -> Option<Answer> {
        let bytes = self.store.blob(id)?;
        if self.raw {
            let kind = "application/vnd.github.raw+json; charset=utf-8";
            return Some(Answer::bytes(200, kind, bytes));
        }
        let body = json!({
            "sha": id.to_string(), "size": bytes.len(), "encoding": "base64",
            "content": BASE64_STANDARD.encode(bytes),
        });
        Some(Answer::json(200, &body))
    }

    fn commits(&self) -> Answer {
        let number = |name: &str, default: usize| {
            let value = self.parameter(name).and_then(|value| value.parse().ok());
            value.unwrap_or(default)
        };
        let default = self.store.default_branch();
        let rev = self.parameter("sha").unwrap_or(&default);
        let mut log = vec![rev];
        if let Some(path) = self.parameter("path") {
            log.extend(["--", path]);
        }
        let (size, page) = (number("per_page", 30).min(100), number("page", 1));
        let ids = self
            .store
            .log(&log)
            .into_iter()
            .skip(size * (page - 1))
            .take(size);
        let commits: Vec<Json> = ids.map(|id| self.of_commit(id)).collect();
        Answer::json(200, &commits.into())
    }

    fn compare(&self, range: &str) -> Option<Answer> {
        let (base, head) = range.split_once("...")?;
        let (base, head) = (self.store.commit(base)?, self.store.commit(head)?);
        let (ahead, behind) = self.store.git.graph_ahead_behind(head, base).ok()?;
        let status = match (ahead, behind) {
            (0, 0) => "identical",
            (_, 0) => "ahead",
            (0, _) => "behind",
            _ => "diverged",
        };
        let merge_base = self.store.git.merge_base(base, head).ok()?;
        let range = format!("{base}..{head}");
        let commits = self.store.log(&["--reverse", &range]);
        let number = |name: &str| self.parameter(name).and_then(|value| value.parse().ok());
        // All at once are 250 at most, and a page 100.
        let paged = number("per_page").or(number("page").map(|_| 30));
        let (size, page) = match paged {
            Some(size) => (size.min(100), number("page").unwrap_or(1)),
            None => (250, 1),
        };
        let commits: Vec<Json> = commits
            .iter()
            .skip(size * (page - 1))
            .take(size)
            .map(|id| self.of_commit(*id))
            .collect();
        let url = format!("https://github.example/{}/compare/{range}", self.store.name);
        let body = json!({
            "url": url, "html_url": url, "permalink_url": url,
            "diff_url": format!("{url}.diff"), "patch_url": format!("{url}.patch"),
            "status": status, "ahead_by": ahead, "behind_by": behind, "total_commits": ahead,
            "base_commit": self.of_commit(base), "merge_base_commit": self.of_commit(merge_base),
            "commits": commits, "files": self.store.changed_files(merge_base, head),
        });
        Some(Answer::json(200, &body))
    }

    fn of_commit(&self, id: Oid) -> Json {
        let commit = self.store.git.find_commit(id).unwrap();
        let person = |person: git2::Signature<'_>| {
            json!({
                "name": person.name().unwrap_or_default(), "email": person.email().unwrap_or_default(),
                "date": iso(person.when())
            })
        };
        let parents: Vec<Json> = commit
            .parent_ids()
            .map(|id| {
                json!({
                    "sha": id.to_string(), "url": self.url(&format!("commits/{id}")),
                    "html_url": format!("https://github.example/{}/commit/{id}", self.store.name),
                })
            })
            .collect();
        json!({
            "sha": id.to_string(),
            "node_id": format!("C_{id}"),
            "url": self.url(&format!("commits/{id}")),
            "html_url": format!("https://github.example/{}/commit/{id}", self.store.name),
            "comments_url": self.url(&format!("commits/{id}/comments")),
            // The accounts, where the addresses are some account's.
            "author": null, "committer": null,
            "commit": {
                "url": self.url(&format!("git/commits/{id}")),
                "comment_count": 0,
                "author": person(commit.author()), "committer": person(commit.committer()),
                "message": commit.message().unwrap_or_default(),
                "tree": {
                    "sha": commit.tree_id().to_string(),
                    "url": self.url(&format!("git/trees/{}", commit.tree_id())),
                },
                "verification": self.verification(id),
            },
            "parents": parents,
        })
    }

    fn url(&self, resource: &str) -> String {
        let name = &self.store.name;
        format!("https://github.example{REST_ROOT}/repos/{name}/{resource}")
    }

    fn verification(&self, id: Oid) -> Json {
        match self.store.is_signed(id) {
            true => json!({
                "verified": true, "reason": "valid", "signature": "-----BEGIN", "payload": "tree",
                "verified_at": "2026-01-01T00:00:00Z"
            }),
            false => json!({
                "verified": false, "reason": "unsigned", "signature": null, "payload": null,
                "verified_at": null
            }),
        }
    }

    fn post_blob(&self, body: &Json) -> Option<Answer> {
        let content = body["content"].as_str()?;
        let bytes = match body["encoding"].as_str() {
            Some("base64") => BASE64_STANDARD.decode(content).ok()?,
            _ => content.as_bytes().to_vec(),
        };
        let id = self.store.git.blob(&bytes).ok()?;
        Some(Answer::json(201, &json!({"sha": id.to_string()})))
    }

    fn post_tree(&self, body: &Json) -> Option<Answer> {
        let base = match &body["base_tree"] {
            Json::String(base) => Some(Oid::from_str(base).ok()?),
            _ => {
                self.github
                    .complain("a tree without base_tree removes all other files");
                None
            }
        };
        let mut entries = Vec::new();
        for entry in body["tree"].as_array()? {
            let mode = i32::from_str_radix(entry["mode"].as_str()?, 8).ok()?;
            if entry["type"] != "blob" {
                self.github
                    .complain(format!("a tree's entry that is no blob: {entry}"));
            }
            let blob = match (&entry["content"], &entry["sha"]) {
                (Json::String(content), _) => Some(self.store.git.blob(content.as_bytes()).ok()?),
                (_, Json::String(id)) => Some(Oid::from_str(id).ok()?),
                (_, Json::Null) => None,
                _ => return None,
            };
            entries.push((entry["path"].as_str()?.to_owned(), mode, blob));
        }
        let tree = self.store.tree(base, &entries)?;
        Some(Answer::json(
            201,
            &json!({"sha": tree.to_string(), "truncated": false}),
        ))
    }

    fn post_commit(&self, body: &Json) -> Option<Answer> {
        let oid = |value: &Json| Oid::from_str(value.as_str()?).ok();
        let parents: Option<Vec<Oid>> = body["parents"].as_array()?.iter().map(oid).collect();
        let person = |person: &'static str| {
            let person = &body[person];
            Some((person["name"].as_str()?, person["email"].as_str()?))
        };
        let account = self.caller.account();
        let author = person("author").unwrap_or(account);
        let people = (author, person("committer").unwrap_or(author));
        // GitHub signs for an app, where nobody else is named.
        let signed = self.caller.token.starts_with("ghs_") && person("author").is_none();
        let (tree, message) = (oid(&body["tree"])?, body["message"].as_str()?);
        let id = self
            .store
            .write_commit(tree, &parents?, message, people, signed)?;
        let mut commit = self.of_commit(id)["commit"].clone();
        commit["sha"] = id.to_string().into();
        Some(Answer::json(201, &commit))
    }

    fn patch_ref(&self, reference: &[&str], body: &Json) -> Option<Answer> {
        let name = format!("refs/{}", reference.join("/"));
        if body["force"] == json!(true) {
            self.github.complain(format!("{name} is forced"));
        }
        let to = Oid::from_str(body["sha"].as_str()?).ok()?;
        let Some(from) = self.store.reference(&name) else {
            return Some(refusal(422, "Reference does not exist"));
        };
        if from != to && !self.store.git.graph_descendant_of(to, from).ok()? {
            return Some(refusal(422, "Update is not a fast forward"));
        }
        Some(
            match self.store.move_reference(&name, Some(from), Some(to)) {
                Ok(()) => {
                    let object = json!({"type": "commit", "sha": to.to_string()});
                    Answer::json(200, &json!({"ref": name, "object": object}))
                }
                Err(NotMoved::Stale) => refusal(422, "Update is not a fast forward"),
                Err(NotMoved::Rule(words)) => refusal(422, &words),
            },
        )
    }
}

/// Where a repository's resource is, now that it is called `name` (GitHub's documentation, "Best
/// practices for using the REST API", "Follow redirects").
fn moved(request: &Parts, name: &str, resource: &[&str]) -> Answer {
    let status = if request.method == Method::GET {
        301
    } else {
        307
    };
    let query = request.uri.query().map(|query| format!("?{query}"));
    let to = format!(
        "{REST_ROOT}/repos/{name}/{}{}",
        resource.join("/"),
        query.unwrap_or_default()
    );
    let mut answer = Answer::json(status, &json!({"message": "Moved Permanently", "url": to}));
    let to = HeaderValue::from_str(&to).unwrap();
    answer.headers.insert(LOCATION, to);
    answer
}
