//! What is posted on commits: statuses, check runs and deployments, by GitHub's clock.

use std::rc::Rc;

use git2::Oid;
use serde_json::{Value as Json, json};

use super::graphql::{Arguments, Got, Node, Refused, first, plain, refused};
use super::rest::Asked;
use super::store::Store;
use super::{Answer, Caller, Github, lock, refusal};

/// Something that is posted on a commit.
#[derive(Debug, Clone)]
pub struct Post {
    commit: String,
    kind: &'static str,
    name: String,
    /// The state, or a check's conclusion; `in_progress` of a check has none.
    state: String,
    description: String,
    creator: String,
    /// The workflow of a check.
    workflow: Option<String>,
    /// Seconds since 1970.
    at: i64,
}

impl Post {
    fn new(kind: &'static str, commit: &str, state: &str, name: &str) -> Post {
        Post {
            commit: commit.to_owned(),
            kind,
            name: name.to_owned(),
            state: state.to_owned(),
            description: String::new(),
            creator: "flux-acme".to_owned(),
            workflow: None,
            at: 0,
        }
    }

    /// A commit status.
    pub fn status(commit: &str, state: &str, context: &str) -> Post {
        Post::new("status", commit, state, context)
    }

    /// A check run.
    pub fn check(commit: &str, conclusion: &str, name: &str) -> Post {
        Post::new("statusCheckRollup", commit, conclusion, name)
    }

    /// A deployment with one status.
    pub fn deployment(commit: &str, state: &str, environment: &str) -> Post {
        Post::new("deployments", commit, state, environment)
    }

    /// In these words.
    pub fn saying(mut self, description: &str) -> Post {
        self.description = description.to_owned();
        self
    }

    /// By this login.
    pub fn by(mut self, login: &str) -> Post {
        self.creator = login.to_owned();
        self
    }

    /// Of this workflow of GitHub's Actions.
    pub fn of_workflow(mut self, file: &str) -> Post {
        self.workflow = Some(file.to_owned());
        self.by("github-actions")
    }

    fn date(&self) -> String {
        super::store::iso(git2::Time::new(self.at, 0))
    }

    fn url(&self) -> Json {
        match self.kind {
            "status" => Json::Null,
            _ => format!("https://ci.example/{}", self.name.replace(' ', "-")).into(),
        }
    }

    /// A check's status and conclusion, in GraphQL's words.
    fn ended(&self) -> (Json, Json) {
        match self.state.as_str() {
            "in_progress" => ("IN_PROGRESS".into(), Json::Null),
            conclusion => ("COMPLETED".into(), conclusion.to_uppercase().into()),
        }
    }

    /// What of it is a field of its own in both APIs; a check's in lower case over REST.
    fn rest(&self) -> Json {
        let creator = json!({"login": self.creator, "id": 1, "type": "Bot"});
        match self.kind {
            "status" => json!({
                "id": 1, "context": self.name, "state": self.state, "description": self.description,
                "target_url": null, "creator": creator,
                "created_at": self.date(), "updated_at": self.date(),
            }),
            "statusCheckRollup" => {
                let (status, conclusion) = self.ended();
                json!({
                    "id": 1, "name": self.name,
                    "status": status.as_str().unwrap().to_lowercase(),
                    "conclusion": conclusion.as_str().map(str::to_lowercase),
                    "started_at": self.date(), "completed_at": self.date(),
                    "details_url": self.url(), "app": {"id": 1, "slug": self.creator},
                    "output": {"title": self.description, "summary": null},
                })
            }
            _ => json!({
                "id": 1, "state": self.state, "description": self.description,
                "created_at": self.date(), "log_url": self.url(), "environment_url": "",
                "creator": creator,
            }),
        }
    }
}

/// What of it a token may read, and whether GraphQL knows of it.
#[derive(Debug, Default)]
pub(super) struct Posts {
    all: Vec<Post>,
    denied: Vec<&'static str>,
    /// Whether it is a server that has not these fields.
    old: bool,
}

impl Github {
    /// Posts something, now.
    pub fn post(&self, post: Post) {
        let at = self.now().timestamp();
        lock(&self.posts).all.push(Post { at, ..post });
    }

    /// Has the clock go on by so many seconds.
    pub fn advance(&self, seconds: i64) {
        *lock(&self.clock) += seconds;
    }

    /// Lets nobody read what is posted in this way: `status`, `statusCheckRollup`, `deployments`.
    pub fn deny_posts(&self, kind: &'static str) {
        lock(&self.posts).denied.push(kind);
    }

    /// Is a server from before these fields.
    pub fn be_old(&self) {
        lock(&self.posts).old = true;
    }

    pub(super) fn is_old(&self) -> bool {
        lock(&self.posts).old
    }

    pub(super) fn now(&self) -> chrono::DateTime<chrono::Utc> {
        chrono::Utc::now() + chrono::TimeDelta::seconds(*lock(&self.clock))
    }

    /// What is posted on a commit in one way, the newest first.
    fn posts(&self, kind: &str, commit: &str) -> Vec<Post> {
        let posts = lock(&self.posts);
        let own = posts.all.iter().rev();
        let own = own.filter(|post| post.kind == kind && post.commit == commit);
        own.cloned().collect()
    }

    /// A field of a commit; none where it is not one of these.
    pub(super) fn posted(
        &self,
        caller: &Caller<'_>,
        store: &Rc<Store>,
        id: Oid,
        field: &str,
        arguments: &Arguments,
    ) -> Option<Result<Got, Refused>> {
        if !["status", "statusCheckRollup", "deployments"].contains(&field) {
            return None;
        }
        if lock(&self.posts).denied.contains(&field) {
            return Some(refused("FORBIDDEN", caller.no_access()));
        }
        let mut all = self.posts(field, &id.to_string());
        let creator = |post: &Post| plain("Bot", vec![("login", post.creator.as_str().into())]);
        let got = match field {
            "status" if all.is_empty() => Got::Leaf(Json::Null),
            "status" => {
                let mut newest: Vec<Post> = Vec::new();
                for post in all {
                    if !newest.iter().any(|known| known.name == post.name) {
                        newest.push(post);
                    }
                }
                let contexts = newest.iter().map(|post| {
                    plain(
                        "StatusContext",
                        vec![
                            ("context", post.name.as_str().into()),
                            ("state", post.state.to_uppercase().into()),
                            ("description", post.description.as_str().into()),
                            ("targetUrl", Got::Leaf(post.url())),
                            ("createdAt", post.date().into()),
                            ("creator", creator(post)),
                        ],
                    )
                });
                plain("Status", vec![("contexts", Got::List(contexts.collect()))])
            }
            "statusCheckRollup" => {
                // The statuses are in it, too.
                let mut nodes: Vec<Got> = self
                    .posts("status", &id.to_string())
                    .iter()
                    .map(|post| {
                        plain(
                            "StatusContext",
                            vec![("context", post.name.as_str().into())],
                        )
                    })
                    .collect();
                nodes.extend(all.iter().map(|post| check(store, post)));
                if nodes.is_empty() {
                    return Some(Ok(Got::Leaf(Json::Null)));
                }
                Got::Node(Node::Rollup(nodes))
            }
            _ => {
                let only = arguments.get("environments").and_then(Json::as_array);
                all.retain(|post| {
                    only.is_none_or(|only| only.iter().any(|name| *name == post.name))
                });
                let nodes = all.iter().take(first(arguments)).map(|post| {
                    let status = plain(
                        "DeploymentStatus",
                        vec![
                            ("state", post.state.to_uppercase().into()),
                            ("description", post.description.as_str().into()),
                            ("createdAt", post.date().into()),
                            ("logUrl", Got::Leaf(post.url())),
                            ("environmentUrl", Got::Leaf(Json::Null)),
                            ("creator", creator(post)),
                        ],
                    );
                    plain(
                        "Deployment",
                        vec![
                            ("environment", post.name.as_str().into()),
                            ("createdAt", post.date().into()),
                            ("creator", creator(post)),
                            ("latestStatus", status),
                        ],
                    )
                });
                plain(
                    "DeploymentConnection",
                    vec![("nodes", Got::List(nodes.collect()))],
                )
            }
        };
        Some(Ok(got))
    }
}

fn check(store: &Rc<Store>, post: &Post) -> Got {
    let (status, conclusion) = post.ended();
    let run = match &post.workflow {
        Some(file) => {
            let path = format!("/{}/actions/workflows/{file}", store.name);
            let workflow = plain("Workflow", vec![("resourcePath", path.into())]);
            plain("WorkflowRun", vec![("workflow", workflow)])
        }
        None => Got::Leaf(Json::Null),
    };
    let app = plain("App", vec![("slug", post.creator.as_str().into())]);
    plain(
        "CheckRun",
        vec![
            ("name", post.name.as_str().into()),
            ("status", Got::Leaf(status)),
            ("conclusion", Got::Leaf(conclusion)),
            ("startedAt", post.date().into()),
            ("completedAt", post.date().into()),
            ("detailsUrl", Got::Leaf(post.url())),
            ("title", post.description.as_str().into()),
            (
                "checkSuite",
                plain("CheckSuite", vec![("app", app), ("workflowRun", run)]),
            ),
        ],
    )
}

impl Asked<'_> {
    /// What is posted on a commit, over REST.
    pub(super) fn posts_of(&self, kind: &'static str, commit: &str) -> Answer {
        if lock(&self.github.posts).denied.contains(&kind) {
            return refusal(403, self.caller.no_access());
        }
        let all = self.github.posts(kind, commit);
        let all: Vec<Json> = all.iter().map(Post::rest).collect();
        match kind {
            "statusCheckRollup" => {
                Answer::json(200, &json!({"total_count": all.len(), "check_runs": all}))
            }
            _ => Answer::json(200, &all.into()),
        }
    }

    /// The deployments of a commit. Their numbers are their places among all that is posted.
    pub(super) fn deployments(&self) -> Answer {
        if lock(&self.github.posts).denied.contains(&"deployments") {
            return refusal(403, self.caller.no_access());
        }
        let sha = self.parameter("sha").unwrap_or_default().to_owned();
        let posts = lock(&self.github.posts);
        let all = posts.all.iter().enumerate().rev();
        let own = all.filter(|(_, post)| post.kind == "deployments" && post.commit == sha);
        let own = own.map(|(number, post)| {
            json!({
                "id": number, "sha": sha, "environment": post.name, "created_at": post.date(),
                "creator": {"login": post.creator},
            })
        });
        Answer::json(200, &own.collect::<Vec<_>>().into())
    }

    pub(super) fn deployment_statuses(&self, number: &str) -> Option<Answer> {
        let number: usize = number.parse().ok()?;
        let post = lock(&self.github.posts).all.get(number)?.rest();
        Some(Answer::json(200, &json!([post])))
    }
}
