//! The workflow run: what `GITHUB_*` says of it.

use serde::Deserialize;

use super::environment::Environment;
use crate::deployment::{Source, SourceCommit, Withheld, address};

/// The run that this process is part of. Outside of a workflow nothing of it is known.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// What a commit says of it.
    pub source: Source,
}

/// The part of the event that tells of the commit. A workflow that another one started has it below
/// `workflow_run`.
#[derive(Debug, Default, Deserialize)]
struct Payload {
    head_commit: Option<HeadCommit>,
    workflow_run: Option<WorkflowRun>,
    pull_request: Option<PullRequest>,
}

#[derive(Debug, Deserialize)]
struct PullRequest {
    head: Head,
}

#[derive(Debug, Deserialize)]
struct Head {
    /// None where the fork was deleted.
    repo: Option<Repository>,
}

#[derive(Debug, Deserialize)]
struct Repository {
    full_name: String,
}

#[derive(Debug, Deserialize)]
struct WorkflowRun {
    head_commit: Option<HeadCommit>,
}

#[derive(Debug, Deserialize)]
struct HeadCommit {
    id: String,
    message: Option<String>,
    timestamp: Option<String>,
    author: Person,
}

#[derive(Debug, Deserialize)]
struct Person {
    name: Option<String>,
    email: Option<String>,
}

impl Context {
    /// Reads the default variables of the runner and the event's payload.
    pub fn new(environment: &Environment) -> Self {
        let get = |name: &str| environment.get(name).map(str::to_owned);
        let repository = get("GITHUB_REPOSITORY");
        let server = get("GITHUB_SERVER_URL").unwrap_or_else(|| "https://github.com".to_owned());
        let repository_url = repository.as_ref().map(|name| format!("{server}/{name}"));
        let run_url = repository_url
            .as_ref()
            .zip(get("GITHUB_RUN_ID"))
            .map(|(url, id)| {
                let attempt = get("GITHUB_RUN_ATTEMPT").unwrap_or_else(|| "1".to_owned());
                format!("{url}/actions/runs/{id}/attempts/{attempt}")
            });
        // `owner/name/.github/workflows/deploy.yml@refs/heads/main`, of the workflow that was started.
        let workflow = get("GITHUB_WORKFLOW_REF").map(|workflow| {
            let file = workflow.split('@').next().unwrap_or(&workflow);
            let own = repository.as_ref().map(|name| format!("{name}/"));
            let file = own
                .as_ref()
                .and_then(|own| file.strip_prefix(own.as_str()))
                .unwrap_or(file);
            file.to_owned()
        });
        let sha = get("GITHUB_SHA");
        Self {
            source: Source {
                commit: commit(environment, sha.as_deref()),
                repository,
                repository_url,
                sha,
                actor: get("GITHUB_ACTOR"),
                run_number: get("GITHUB_RUN_NUMBER"),
                run_url,
                workflow,
                withheld: withheld(environment),
            },
        }
    }
}

/// What the event says, as far as that is known.
fn payload(environment: &Environment) -> Payload {
    let path = environment.get("GITHUB_EVENT_PATH");
    let payload = path.and_then(|path| std::fs::read(path).ok());
    let payload = payload.and_then(|payload| serde_json::from_slice(&payload).ok());
    payload.unwrap_or_default()
}

/// Whose run this is, where that is known to get no secrets.
pub fn withheld(environment: &Environment) -> Option<Withheld> {
    let event = environment.get("GITHUB_EVENT_NAME")?;
    let of_pull_requests = [
        "pull_request",
        "pull_request_review",
        "pull_request_review_comment",
    ];
    let of_dependabot = ["push", "create", "deployment", "deployment_status"];
    let is_of_pull_request = of_pull_requests.contains(&event);
    if environment.get("GITHUB_ACTOR") == Some("dependabot[bot]")
        && (is_of_pull_request || of_dependabot.contains(&event))
    {
        return Some(Withheld::Dependabot);
    }
    if !is_of_pull_request {
        return None;
    }
    let own = environment.get("GITHUB_REPOSITORY")?;
    let head = payload(environment).pull_request?.head.repo?.full_name;
    (!head.eq_ignore_ascii_case(own)).then_some(Withheld::Fork)
}

/// What the event says of the commit that was built; for events that say nothing of it, the account that
/// started the run as its author, by its no-reply address.
fn commit(environment: &Environment, sha: Option<&str>) -> SourceCommit {
    let event = payload(environment);
    let of_run = event.workflow_run.and_then(|run| run.head_commit);
    let mut commits = [event.head_commit, of_run].into_iter().flatten();
    if let Some(commit) = commits.find(|commit| Some(commit.id.as_str()) == sha) {
        let Person { name, email } = commit.author;
        let author = email.map(|email| address(&name.unwrap_or_default(), &email));
        return SourceCommit {
            author,
            message: commit.message,
            date: commit.timestamp,
        };
    }
    let actor = environment.get("GITHUB_ACTOR");
    let id = environment
        .get("GITHUB_ACTOR_ID")
        .map(|id| format!("{id}+"))
        .unwrap_or_default();
    let author =
        actor.map(|actor| address(actor, &format!("{id}{actor}@users.noreply.github.com")));
    SourceCommit {
        author,
        ..SourceCommit::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_run_is_known_by_its_url() {
        let source = Context::new(&Environment::from([
            ("GITHUB_SERVER_URL", "https://github.com"),
            ("GITHUB_REPOSITORY", "wlals2/blogsite"),
            ("GITHUB_RUN_ID", "123"),
            ("GITHUB_RUN_ATTEMPT", "2"),
            (
                "GITHUB_WORKFLOW_REF",
                "wlals2/blogsite/.github/workflows/deploy.yml@refs/heads/main",
            ),
            ("GITHUB_ACTOR", "jimin"),
            ("GITHUB_ACTOR_ID", "42"),
        ]))
        .source;
        assert_eq!(
            source.run_url.unwrap(),
            "https://github.com/wlals2/blogsite/actions/runs/123/attempts/2"
        );
        assert_eq!(source.workflow.unwrap(), ".github/workflows/deploy.yml");
        assert_eq!(
            source.commit.author.unwrap(),
            "jimin <42+jimin@users.noreply.github.com>"
        );
    }

    #[test]
    fn secrets_are_withheld_where_event_and_actor_say_so() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_str().unwrap();
        let of = |event: &str, actor: &str, payload: &str| {
            std::fs::write(file.path(), payload).unwrap();
            withheld(&Environment::from([
                ("GITHUB_EVENT_NAME", event),
                ("GITHUB_EVENT_PATH", path),
                ("GITHUB_ACTOR", actor),
                ("GITHUB_REPOSITORY", "acme/web"),
            ]))
        };
        let head = |name: &str| format!(r#"{{"pull_request":{{"head":{{"repo":{name}}}}}}}"#);
        let own = head(r#"{"full_name":"Acme/Web"}"#);
        let other = head(r#"{"full_name":"mallory/web"}"#);
        let deleted = head("null");
        for (event, actor, payload, expected) in [
            ("pull_request", "mallory", &other, Some(Withheld::Fork)),
            ("pull_request_review", "x", &other, Some(Withheld::Fork)),
            ("pull_request_target", "mallory", &other, None),
            ("workflow_run", "mallory", &other, None),
            ("pull_request", "jimin", &own, None),
            ("pull_request", "jimin", &deleted, None),
            (
                "pull_request",
                "dependabot[bot]",
                &own,
                Some(Withheld::Dependabot),
            ),
            ("push", "dependabot[bot]", &own, Some(Withheld::Dependabot)),
            ("workflow_dispatch", "dependabot[bot]", &own, None),
            ("push", "renovate[bot]", &own, None),
        ] {
            assert_eq!(of(event, actor, payload), expected, "{event} {actor}");
        }
    }

    #[test]
    fn the_built_commit_is_told_of_where_the_event_does() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let payload = r#"{"id":"8a3f","message":"feat: x\n\nmore","timestamp":"2026-08-22T19:00:00+09:00","author":{"name":"Ji Min","email":"jimin@blog.example"}}"#;
        let path = file.path().to_str().unwrap();
        let commit = |sha: &str| {
            let environment = [
                ("GITHUB_SHA", sha),
                ("GITHUB_EVENT_PATH", path),
                ("GITHUB_ACTOR", "renovate[bot]"),
            ];
            Context::new(&Environment::from(environment)).source.commit
        };
        for event in [
            format!(r#"{{"head_commit":{payload}}}"#),
            format!(r#"{{"workflow_run":{{"head_commit":{payload}}}}}"#),
        ] {
            std::fs::write(file.path(), event).unwrap();
            let expected = SourceCommit {
                author: Some("Ji Min <jimin@blog.example>".into()),
                message: Some("feat: x\n\nmore".into()),
                date: Some("2026-08-22T19:00:00+09:00".into()),
            };
            assert_eq!(commit("8a3f"), expected);
            let by_actor = SourceCommit {
                author: Some(
                    "\"renovate[bot]\" <\"renovate[bot]\"@users.noreply.github.com>".into(),
                ),
                ..SourceCommit::default()
            };
            assert_eq!(commit("another"), by_actor);
        }
    }

    #[test]
    fn outside_of_a_workflow_nothing_is_known() {
        assert_eq!(
            Context::new(&Environment::default()).source,
            Source::default()
        );
    }
}
