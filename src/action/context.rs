//! The workflow run: what `GITHUB_*` says of it.

use serde::Deserialize;

use super::environment::Environment;
use crate::deployment::Source;

/// The run that this process is part of. Outside of a workflow nothing of it is known.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// What a commit says of it.
    pub source: Source,
}

/// The part of the event that names a person.
#[derive(Debug, Default, Deserialize)]
struct Payload {
    head_commit: Option<HeadCommit>,
}

#[derive(Debug, Deserialize)]
struct HeadCommit {
    id: String,
    author: Person,
}

#[derive(Debug, Deserialize)]
struct Person {
    name: String,
    email: String,
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
                author: author(environment, sha.as_deref()),
                repository,
                repository_url,
                sha,
                actor: get("GITHUB_ACTOR"),
                run_number: get("GITHUB_RUN_NUMBER"),
                run_url,
                workflow,
            },
        }
    }
}

/// The author of the commit that was built; for events without one, the account that started the
/// run, by its no-reply address.
fn author(environment: &Environment, sha: Option<&str>) -> Option<String> {
    let event: Payload = environment
        .get("GITHUB_EVENT_PATH")
        .and_then(|path| std::fs::read(path).ok())
        .and_then(|payload| serde_json::from_slice(&payload).ok())
        .unwrap_or_default();
    if let Some(commit) = event.head_commit
        && Some(commit.id.as_str()) == sha
    {
        return Some(format!("{} <{}>", commit.author.name, commit.author.email));
    }
    let actor = environment.get("GITHUB_ACTOR")?;
    let id = environment
        .get("GITHUB_ACTOR_ID")
        .map(|id| format!("{id}+"))
        .unwrap_or_default();
    Some(format!("{actor} <{id}{actor}@users.noreply.github.com>"))
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
            source.author.unwrap(),
            "jimin <42+jimin@users.noreply.github.com>"
        );
    }

    #[test]
    fn the_author_of_the_built_commit_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let payload = r#"{"head_commit":{"id":"8a3f","author":{"name":"Ji Min","email":"jimin@blog.example"}}}"#;
        std::fs::write(file.path(), payload).unwrap();
        let path = file.path().to_str().unwrap();
        let author = |sha: &str| {
            let environment = [
                ("GITHUB_SHA", sha),
                ("GITHUB_EVENT_PATH", path),
                ("GITHUB_ACTOR", "bot"),
            ];
            Context::new(&Environment::from(environment))
                .source
                .author
                .unwrap()
        };
        assert_eq!(author("8a3f"), "Ji Min <jimin@blog.example>");
        assert_eq!(author("another"), "bot <bot@users.noreply.github.com>");
    }

    #[test]
    fn outside_of_a_workflow_nothing_is_known() {
        assert_eq!(
            Context::new(&Environment::default()).source,
            Source::default()
        );
    }
}
