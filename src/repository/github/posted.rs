//! What is posted on the newest commits of a branch, and on one of them: statuses, check runs, deployments.
//!
//! One query a look. Only what is waited for is asked, as each kind needs a permission of its own:
//! GraphQL's `statusCheckRollup` has statuses and checks in one, and is refused as a whole where a token may
//! read the ones alone (no fine-grained token may read checks). A GitHub Enterprise Server that does not know
//! the document is asked over REST.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use url::form_urlencoded::byte_serialize;

use super::client::CallError;
use super::graphql::{Nodes, Oid, Page};
use super::repository::GithubRepository;
use crate::commit_status::{Commit, Context, Kind, Posted, State, Workflow, arranged};
use crate::limits::POSTED;
use crate::repository::branch::BranchName;
use crate::repository::error::{Refusal, RepositoryError};
use crate::repository::object::CommitId;

/// How many commits of the branch a look shows.
pub const COMMITS: usize = 50;
/// How many checks of a commit, and of the one that is waited for how many pages of them.
const CHECKS: usize = 100;
const PAGES: usize = 5;
/// How many deployments of a commit.
const DEPLOYMENTS: usize = 30;
/// Over REST each commit is a question of its own: of how many later ones it is asked, and, once, of how many
/// earlier ones.
const LATER: usize = 9;
const EARLIER: usize = 5;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Commit statuses.
    pub statuses: bool,
    /// Check runs.
    pub checks: bool,
    /// Deployments; those to certain environments only where these are named outright.
    pub deployments: Option<Vec<String>>,
}

/// What one look shows.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The branch's tip; none where there is no such branch.
    pub tip: Option<CommitId>,
    /// Its newest commits, the newest first.
    pub commits: Vec<Commit>,
    /// What is posted on the commit that is waited for.
    pub own: Vec<Posted>,
    /// GitHub's clock.
    pub now: Option<DateTime<Utc>>,
}

/// Why a look shows nothing.
#[derive(Debug)]
pub enum PostedError {
    /// The token may not read what is posted in this way.
    Permission(Kind, RepositoryError),
    /// Anything else.
    Repository(RepositoryError),
}

impl From<RepositoryError> for PostedError {
    fn from(error: RepositoryError) -> Self {
        Self::Repository(error)
    }
}

/// Looks at one commit again and again.
pub struct Reader {
    asked: Asked,
    over_rest: bool,
    /// What was posted on earlier commits, where that is asked once.
    earlier: Option<HashMap<String, Vec<Posted>>>,
}

#[derive(Deserialize)]
struct Answered {
    branch: Option<Reference>,
    own: Option<OnCommit>,
}

#[derive(Deserialize)]
struct Reference {
    target: Tip,
}

#[derive(Deserialize)]
struct Tip {
    oid: String,
    history: Option<Nodes<OnCommit>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OnCommit {
    #[serde(default)]
    oid: String,
    parents: Option<Nodes<Oid>>,
    status: Option<Statuses>,
    status_check_rollup: Option<Rollup>,
    deployments: Option<Nodes<Deployment>>,
}

#[derive(Deserialize)]
struct Statuses {
    contexts: Vec<StatusContext>,
}

#[derive(Deserialize)]
struct Rollup {
    contexts: Page<RollupContext>,
}

/// A check run, or, empty, a status.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RollupContext {
    name: Option<String>,
    status: Option<String>,
    conclusion: Option<String>,
    started_at: Option<DateTime<Utc>>,
    completed_at: Option<DateTime<Utc>>,
    details_url: Option<String>,
    title: Option<String>,
    check_suite: Option<CheckSuite>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CheckSuite {
    app: Option<App>,
    workflow_run: Option<WorkflowRun>,
}

#[derive(Deserialize)]
struct App {
    slug: Option<String>,
}

#[derive(Deserialize)]
struct WorkflowRun {
    workflow: RunWorkflow,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RunWorkflow {
    resource_path: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StatusContext {
    context: String,
    state: String,
    description: Option<String>,
    #[serde(alias = "target_url")]
    target_url: Option<String>,
    #[serde(alias = "created_at")]
    created_at: Option<DateTime<Utc>>,
    creator: Option<Creator>,
}

#[derive(Deserialize)]
struct Creator {
    login: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Deployment {
    environment: Option<String>,
    created_at: Option<DateTime<Utc>>,
    creator: Option<Creator>,
    latest_status: Option<DeploymentStatus>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeploymentStatus {
    state: String,
    description: Option<String>,
    #[serde(alias = "created_at")]
    created_at: Option<DateTime<Utc>>,
    #[serde(alias = "log_url")]
    log_url: Option<String>,
    #[serde(alias = "environment_url")]
    environment_url: Option<String>,
    creator: Option<Creator>,
}

/// A commit of a listing over REST.
#[derive(Deserialize)]
struct Listed {
    sha: String,
    #[serde(default)]
    parents: Vec<Sha>,
}

#[derive(Deserialize)]
struct Sha {
    sha: String,
}

#[derive(Deserialize)]
struct CheckRuns {
    check_runs: Vec<CheckRun>,
}

#[derive(Deserialize)]
struct CheckRun {
    name: String,
    status: String,
    conclusion: Option<String>,
    started_at: Option<DateTime<Utc>>,
    completed_at: Option<DateTime<Utc>>,
    details_url: Option<String>,
    output: Option<Output>,
    app: Option<App>,
}

#[derive(Deserialize)]
struct Output {
    title: Option<String>,
}

#[derive(Deserialize)]
struct ListedDeployment {
    id: u64,
    environment: String,
    created_at: Option<DateTime<Utc>>,
    creator: Option<Creator>,
}

impl Asked {
    /// The fields of a commit that show it.
    fn fields(&self) -> String {
        let mut fields = String::from("oid");
        if self.statuses {
            fields.push_str(
                " status { contexts { context state description targetUrl createdAt creator { login } } }",
            );
        }
        if self.checks {
            fields.push_str(&format!(" statusCheckRollup {{ {} }}", checks("")));
        }
        if let Some(environments) = &self.deployments {
            let only = match environments.is_empty() {
                true => "",
                false => "environments: $environments, ",
            };
            fields.push_str(&format!(
                " deployments({only}first: {DEPLOYMENTS}, orderBy: {{field: CREATED_AT, direction: DESC}}) {{ \
                 nodes {{ environment createdAt creator {{ login }} \
                 latestStatus {{ state description createdAt logUrl environmentUrl creator {{ login }} }} }} }}"
            ));
        }
        fields
    }

    /// What only some environments need.
    fn environments(&self) -> Option<&[String]> {
        let environments = self.deployments.as_deref()?;
        (!environments.is_empty()).then_some(environments)
    }
}

/// A page of checks.
fn checks(after: &str) -> String {
    format!(
        "contexts(first: {CHECKS}{after}) {{ nodes {{ ... on CheckRun {{ name status conclusion startedAt \
         completedAt detailsUrl title checkSuite {{ app {{ slug }} workflowRun {{ workflow {{ resourcePath }} }} }} \
         }} }} pageInfo {{ hasNextPage endCursor }} }}"
    )
}

/// How much of what is posted a look holds already.
#[derive(Default)]
struct Room(u64);

impl Room {
    /// Takes in what was read, if there is room for it.
    fn take(&mut self, posted: Vec<Posted>) -> Result<Vec<Posted>, RepositoryError> {
        self.0 += posted.iter().map(Posted::size).sum::<u64>();
        POSTED.check(self.0)?;
        Ok(posted)
    }
}

impl Reader {
    /// Nothing is asked yet.
    pub fn new(asked: Asked) -> Self {
        Self {
            asked,
            over_rest: false,
            earlier: None,
        }
    }

    /// What is posted on the newest commits of `branch`, and on `commit`.
    ///
    /// # Errors
    /// When the server can't be used, or does not show it with this token.
    pub async fn look(
        &mut self,
        api: &GithubRepository,
        branch: &BranchName,
        commit: &CommitId,
    ) -> Result<Shown, PostedError> {
        if !self.over_rest {
            match self.queried(api, branch, commit).await {
                // An old GitHub Enterprise Server, which says that the document does not fit it.
                Err(PostedError::Repository(RepositoryError::NotApi {
                    is_older: true, ..
                })) => {
                    self.over_rest = true;
                }
                other => return other,
            }
        }
        self.listed(api, branch, commit).await
    }

    async fn queried(
        &self,
        api: &GithubRepository,
        branch: &BranchName,
        commit: &CommitId,
    ) -> Result<Shown, PostedError> {
        let mut variables = api.variables([
            ("branch", branch.reference().into()),
            ("commit", commit.as_str().into()),
        ]);
        let parameter = match self.asked.environments() {
            Some(environments) => {
                variables.insert("environments".to_owned(), environments.into());
                ", $environments: [String!]"
            }
            None => "",
        };
        let fields = self.asked.fields();
        let document = format!(
            "query Posted($owner: String!, $name: String!, $branch: String!, $commit: GitObjectID!{parameter}) {{
  repository(owner: $owner, name: $name) {{
    branch: ref(qualifiedName: $branch) {{ target {{ oid ... on Commit {{ history(first: {COMMITS}) {{ nodes {{ parents(first: 10) {{ nodes {{ oid }} }} ...Shown }} }} }} }} }}
    own: object(oid: $commit) {{ ... on Commit {{ ...Shown }} }}
  }}
}}
fragment Shown on Commit {{ {fields} }}"
        );
        let asked = api.query_dated(&document, variables).await;
        let (Answered { branch, own }, now) = asked.map_err(refused)?;
        let (tip, history) = match branch {
            Some(Reference { target }) => (
                Some(api.commit_id(&target.oid)?),
                target
                    .history
                    .map(|history| history.nodes)
                    .unwrap_or_default(),
            ),
            None => (None, Vec::new()),
        };
        let mut room = Room::default();
        let mut commits = Vec::new();
        for mut on in history.into_iter().take(COMMITS) {
            let parents = on.parents.take().into_iter().flat_map(|found| found.nodes);
            commits.push(Commit {
                id: std::mem::take(&mut on.oid),
                parents: parents.map(|parent| parent.oid).collect(),
                posted: room.take(on.posted())?,
            });
        }
        let own = match own {
            Some(own) => self.whole(api, own, commit, &mut room).await?,
            None => Vec::new(),
        };
        Ok(Shown {
            tip,
            commits,
            own,
            now,
        })
    }

    /// What is posted on the commit that is waited for, with the pages that did not come along.
    async fn whole(
        &self,
        api: &GithubRepository,
        own: OnCommit,
        commit: &CommitId,
        room: &mut Room,
    ) -> Result<Vec<Posted>, PostedError> {
        #[derive(Deserialize)]
        struct Repository {
            own: Option<OnCommit>,
        }
        let next = |on: &OnCommit| {
            let page = &on.status_check_rollup.as_ref()?.contexts.page_info;
            page.end_cursor.clone().filter(|_| page.has_next_page)
        };
        let mut after = next(&own);
        let mut posted = room.take(own.posted())?;
        for _ in 1..PAGES {
            let Some(cursor) = after.take() else { break };
            let variables =
                api.variables([("commit", commit.as_str().into()), ("after", cursor.into())]);
            let document = format!(
                "query MorePosted($owner: String!, $name: String!, $commit: GitObjectID!, $after: String!) {{
  repository(owner: $owner, name: $name) {{
    own: object(oid: $commit) {{ ... on Commit {{ oid statusCheckRollup {{ {} }} }} }}
  }}
}}",
                checks(", after: $after")
            );
            let asked = api.query(&document, variables).await;
            let repository: Repository = asked.map_err(refused)?;
            let Some(page) = repository.own else { break };
            after = next(&page);
            posted.extend(room.take(page.posted())?);
        }
        Ok(posted)
    }

    /// The same over REST: ours, and some commits around it.
    async fn listed(
        &mut self,
        api: &GithubRepository,
        branch: &BranchName,
        commit: &CommitId,
    ) -> Result<Shown, PostedError> {
        let name = &api.name;
        let sha: String = byte_serialize(branch.as_str().as_bytes()).collect();
        let path = format!("/repos/{name}/commits?sha={sha}&per_page={COMMITS}");
        let listed = api.client.get_dated::<Vec<Listed>>(&path).await?;
        let (listed, now) = listed.unwrap_or_default();
        let tip = listed.first().map(|first| api.commit_id(&first.sha));
        let tip = tip.transpose()?;
        let mut commits: Vec<Commit> = listed
            .into_iter()
            .take(COMMITS)
            .map(|one| Commit {
                id: one.sha,
                parents: one.parents.into_iter().map(|parent| parent.sha).collect(),
                posted: Vec::new(),
            })
            .collect();
        let around = arranged(&commits, commit.as_str());
        let ids = |commits: &[&Commit], most: usize| -> Vec<String> {
            let some = commits.iter().take(most);
            some.map(|commit| commit.id.clone()).collect()
        };
        let newest_first: Vec<&Commit> = around.later.iter().rev().copied().collect();
        let (later, earlier) = (ids(&newest_first, LATER), ids(&around.earlier, EARLIER));
        let mut room = Room::default();
        if self.earlier.is_none() {
            let known = self.on_each(api, earlier, &mut Room::default()).await?;
            self.earlier = Some(known);
        }
        let mut known = self.earlier.clone().unwrap_or_default();
        for posted in known.values_mut() {
            *posted = room.take(std::mem::take(posted))?;
        }
        known.extend(self.on_each(api, later, &mut room).await?);
        for one in &mut commits {
            one.posted = known.remove(&one.id).unwrap_or_default();
        }
        let own = self.on_commit(api, commit.as_str(), &mut room).await?;
        Ok(Shown {
            tip,
            commits,
            own,
            now,
        })
    }

    async fn on_each(
        &self,
        api: &GithubRepository,
        commits: Vec<String>,
        room: &mut Room,
    ) -> Result<HashMap<String, Vec<Posted>>, PostedError> {
        let mut posted = HashMap::new();
        for commit in commits {
            let own = self.on_commit(api, &commit, room).await?;
            posted.insert(commit, own);
        }
        Ok(posted)
    }

    async fn on_commit(
        &self,
        api: &GithubRepository,
        commit: &str,
        room: &mut Room,
    ) -> Result<Vec<Posted>, PostedError> {
        let (client, name) = (&api.client, &api.name);
        let mut posted = Vec::new();
        if self.asked.statuses {
            let path = format!("/repos/{name}/commits/{commit}/statuses?per_page=100");
            let all = client.get::<Vec<StatusContext>>(&path).await;
            let all = all.map_err(|error| denied(Kind::Status, error))?;
            let all = all.unwrap_or_default().into_iter();
            let all: Vec<Posted> = all.filter_map(StatusContext::posted).collect();
            posted.extend(room.take(newest(all).collect())?);
        }
        if self.asked.checks {
            let path =
                format!("/repos/{name}/commits/{commit}/check-runs?filter=latest&per_page=100");
            let all = client.get::<CheckRuns>(&path).await;
            let all = all.map_err(|error| denied(Kind::Check, error))?;
            let all = all.map(|all| all.check_runs).unwrap_or_default();
            let all = all.into_iter().map(CheckRun::posted);
            posted.extend(room.take(all.collect())?);
        }
        if self.asked.deployments.is_some() {
            let path = format!("/repos/{name}/deployments?sha={commit}&per_page={DEPLOYMENTS}");
            let all = client.get::<Vec<ListedDeployment>>(&path).await;
            let all = all.map_err(|error| denied(Kind::Deployment, error))?;
            let mut made = Vec::new();
            for one in all.unwrap_or_default().into_iter().take(DEPLOYMENTS) {
                let path = format!("/repos/{name}/deployments/{}/statuses?per_page=1", one.id);
                let statuses = client.get::<Vec<DeploymentStatus>>(&path).await;
                let statuses = statuses.map_err(|error| denied(Kind::Deployment, error))?;
                let deployment = Deployment {
                    environment: Some(one.environment),
                    created_at: one.created_at,
                    creator: one.creator,
                    latest_status: statuses.unwrap_or_default().into_iter().next(),
                };
                let posted = deployment.posted().into_iter().collect();
                let posted = room.take(posted)?.into_iter();
                made.extend(posted.map(|posted| (one.created_at, posted)));
            }
            posted.extend(to_environments(made));
        }
        Ok(posted)
    }
}

/// Why a query shows nothing.
fn refused(error: CallError) -> PostedError {
    let kind = match &error {
        CallError::Errors(errors) => {
            let denied = errors.iter().filter(|error| {
                matches!(
                    error.kind.as_deref(),
                    Some("FORBIDDEN" | "INSUFFICIENT_SCOPES")
                )
            });
            let of = |field: &str, kind| {
                let mut denied = denied.clone();
                denied.any(|error| error.is_of(field)).then_some(kind)
            };
            of("status", Kind::Status)
                .or_else(|| of("statusCheckRollup", Kind::Check))
                .or_else(|| of("deployments", Kind::Deployment))
        }
        CallError::Failed { .. } => None,
    };
    match kind {
        Some(kind) => PostedError::Permission(kind, error.of_read()),
        None => PostedError::Repository(error.of_read()),
    }
}

/// A refusal over REST is about what was asked for.
fn denied(kind: Kind, error: RepositoryError) -> PostedError {
    let is_denied = matches!(
        error,
        RepositoryError::Refused {
            refusal: Refusal::Access,
            ..
        }
    );
    match is_denied {
        true => PostedError::Permission(kind, error),
        false => PostedError::Repository(error),
    }
}

impl OnCommit {
    fn posted(self) -> Vec<Posted> {
        let statuses = self
            .status
            .map(|status| status.contexts)
            .unwrap_or_default();
        let statuses = statuses.into_iter().filter_map(StatusContext::posted);
        let checks = self.status_check_rollup.map(|rollup| rollup.contexts.nodes);
        let checks = checks.into_iter().flatten();
        let deployments = self.deployments.map(|found| found.nodes);
        let made = deployments.into_iter().flatten().filter_map(|deployment| {
            let at = deployment.created_at;
            Some((at, deployment.posted()?))
        });
        statuses
            .chain(checks.filter_map(RollupContext::posted))
            .chain(to_environments(made))
            .collect()
    }
}

impl StatusContext {
    fn posted(self) -> Option<Posted> {
        Some(Posted {
            state: State::of_status(&self.state)?,
            context: Context::status(self.context),
            description: self.description.unwrap_or_default(),
            url: self.target_url.filter(|url| !url.is_empty()),
            creator: self.creator.map(|creator| creator.login),
            at: self.created_at,
            workflow: Workflow::None,
        })
    }
}

impl RollupContext {
    fn posted(self) -> Option<Posted> {
        let suite = self.check_suite;
        let (app, run) = suite.map_or((None, None), |suite| (suite.app, suite.workflow_run));
        let file = run.map(|run| {
            let path = run.workflow.resource_path;
            path.rsplit('/').next().unwrap_or_default().to_owned()
        });
        Some(Posted {
            context: Context {
                kind: Kind::Check,
                name: self.name?,
            },
            state: State::of_check(self.status.as_deref()?, self.conclusion.as_deref()),
            description: self.title.unwrap_or_default(),
            url: self.details_url,
            creator: app.and_then(|app| app.slug),
            at: self.completed_at.or(self.started_at),
            workflow: file.map_or(Workflow::None, Workflow::Named),
        })
    }
}

impl CheckRun {
    fn posted(self) -> Posted {
        let creator = self.app.and_then(|app| app.slug);
        let workflow = match creator.as_deref() {
            Some("github-actions") => Workflow::Unknown,
            _ => Workflow::None,
        };
        Posted {
            context: Context {
                kind: Kind::Check,
                name: self.name,
            },
            state: State::of_check(&self.status, self.conclusion.as_deref()),
            description: self
                .output
                .and_then(|output| output.title)
                .unwrap_or_default(),
            url: self.details_url,
            creator,
            at: self.completed_at.or(self.started_at),
            workflow,
        }
    }
}

/// The newest deployment to each environment, of those that were made then. An older one becomes `inactive` when
/// that has succeeded.
fn to_environments(
    made: impl IntoIterator<Item = (Option<DateTime<Utc>>, Posted)>,
) -> impl Iterator<Item = Posted> {
    let mut newest: HashMap<String, (Option<DateTime<Utc>>, Posted)> = HashMap::new();
    for (at, posted) in made {
        let known = newest.get(&posted.context.name);
        if known.is_none_or(|(known, _)| *known < at) {
            newest.insert(posted.context.name.clone(), (at, posted));
        }
    }
    newest.into_values().map(|(_, posted)| posted)
}

impl Deployment {
    fn posted(self) -> Option<Posted> {
        let status = self.latest_status;
        let state = State::of_deployment(status.as_ref().map(|status| status.state.as_str()));
        let mut posted = Posted {
            context: Context {
                kind: Kind::Deployment,
                name: self.environment?,
            },
            state,
            description: String::new(),
            url: None,
            creator: self.creator.map(|creator| creator.login),
            at: self.created_at,
            workflow: Workflow::None,
        };
        if let Some(status) = status {
            let mut urls = [status.log_url, status.environment_url]
                .into_iter()
                .flatten();
            posted.description = status.description.unwrap_or_default();
            posted.url = urls.find(|url| !url.is_empty());
            posted.creator = status
                .creator
                .map(|creator| creator.login)
                .or(posted.creator);
            posted.at = status.created_at.or(posted.at);
        }
        Some(posted)
    }
}

/// The newest of each name, where all that was ever posted is listed.
fn newest(all: Vec<Posted>) -> impl Iterator<Item = Posted> {
    let mut newest: HashMap<Context, Posted> = HashMap::new();
    for posted in all {
        let known = newest.get(&posted.context);
        // Of the same second the first is the newest: so they are listed.
        if known.is_none_or(|known| known.at < posted.at) {
            newest.insert(posted.context.clone(), posted);
        }
    }
    newest.into_values()
}
