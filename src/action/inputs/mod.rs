//! `INPUT_*` -> one validated request.
//!
//! The runner sends every input that `action.yml` declares, as an empty text where it was left out.
//! So `envy` collects texts, and each is read here by rules of our own, every one of them, so that
//! all problems are told at once.

mod argocd;
mod history;
mod image_check;
mod problems;
mod pull_request;
mod remote;
mod rollback;
mod update;

use secrecy::SecretString;
use serde::Deserialize;

use self::problems::Problems;
use super::environment::Environment;
use crate::http::Credentials;
use crate::nearest::alike;
use crate::operation::Operation;
use crate::operation::history::History;
use crate::operation::rollback::Rollback;
use crate::operation::session::Remote;
use crate::operation::update::Update;
use crate::operation::verify::Verify;
use crate::repository::github::app::Scope;
use crate::repository::{Access, Identity};

const PREFIX: &str = "INPUT_";

/// An input, as `action.yml` declares it.
pub struct Input {
    /// In kebab case.
    pub name: &'static str,
    /// What the runner sends where it is left out; empty also for what depends on the run.
    pub default: &'static str,
    /// The operations that it means something to.
    pub used_by: &'static [Operation],
}

const fn input(name: &'static str, used_by: &'static [Operation]) -> Input {
    with_default(name, "", used_by)
}

const fn with_default(
    name: &'static str,
    default: &'static str,
    used_by: &'static [Operation],
) -> Input {
    Input {
        name,
        default,
        used_by,
    }
}

const ALL: &[Operation] = &Operation::ALL;
const UPDATE: &[Operation] = &[Operation::Update];
const HISTORY: &[Operation] = &[Operation::History];
const UPDATE_VERIFY: &[Operation] = &[Operation::Update, Operation::Verify];
const ROLLBACK_VERIFY: &[Operation] = &[Operation::Rollback, Operation::Verify];
/// Those that may wait for Argo CD.
const DELIVERING: &[Operation] = &[Operation::Update, Operation::Rollback, Operation::Verify];
/// Those that commit.
const WRITING: &[Operation] = &[Operation::Update, Operation::Rollback];

/// Every input there is, in the order of `action.yml`.
pub const INPUTS: &[Input] = &[
    with_default("operation", "update", ALL),
    input("repository", ALL),
    input("branch", ALL),
    input("file", ALL),
    input("image", UPDATE_VERIFY),
    input("path", UPDATE),
    input("set", UPDATE),
    input("resource", UPDATE),
    input("commit", ROLLBACK_VERIFY),
    input("since", HISTORY),
    input("until", HISTORY),
    with_default("limit", "50", HISTORY),
    input("author", HISTORY),
    input("commit-message", WRITING),
    with_default("author-name", DEFAULT_AUTHOR.0, WRITING),
    with_default("author-email", DEFAULT_AUTHOR.1, WRITING),
    input("token", ALL),
    with_default("token-username", DEFAULT_TOKEN_USERNAME, ALL),
    input("app-id", ALL),
    input("app-private-key", ALL),
    with_default("transport", "auto", ALL),
    with_default("pull-request", "false", WRITING),
    input("pull-request-branch", WRITING),
    input("pull-request-title", WRITING),
    input("pull-request-body", WRITING),
    input("pull-request-labels", WRITING),
    input("pull-request-reviewers", WRITING),
    input("pull-request-team-reviewers", WRITING),
    input("pull-request-assignees", WRITING),
    with_default("pull-request-draft", "false", WRITING),
    input("pull-request-auto-merge", WRITING),
    with_default("dry-run", "false", WRITING),
    with_default("downgrade", "allow", UPDATE),
    with_default("verify-image", "false", UPDATE),
    with_default("verify-image-timeout", "0", UPDATE),
    with_default("pin-digest", "false", UPDATE),
    input("require-platforms", UPDATE),
    input("registry-username", UPDATE),
    input("registry-password", UPDATE),
    input("argocd-server", DELIVERING),
    input("argocd-token", DELIVERING),
    input("argocd-application", DELIVERING),
    input("argocd-namespace", DELIVERING),
    input("argocd-project", DELIVERING),
    with_default("argocd-wait-for", "healthy", DELIVERING),
    with_default("argocd-timeout", "300", DELIVERING),
    with_default("argocd-allow-suspended", "false", DELIVERING),
    with_default("rollback-on-failure", "false", UPDATE),
    with_default("argocd-plaintext", "false", DELIVERING),
    with_default("timeout", "120", ALL),
    input("ca-certificate", ALL),
    input("server-url", ALL),
    input("api-url", ALL),
];

/// The name that goes with `token`, unless `token-username` says otherwise: one that GitHub, GitLab,
/// Gitea, Forgejo and Azure DevOps take.
pub const DEFAULT_TOKEN_USERNAME: &str = "x-access-token";

/// Who commits, unless `author-name` and `author-email` say otherwise.
pub const DEFAULT_AUTHOR: (&str, &str) = Identity::DEFAULT;

/// What to do.
pub enum Request {
    /// `operation: update`
    Update(Box<Update>),
    /// `operation: rollback`
    Rollback(Box<Rollback>),
    /// `operation: history`
    History(Box<History>),
    /// `operation: verify`
    Verify(Box<Verify>),
}

impl Request {
    /// The repository that it is about, and what a token for it must be good for.
    pub fn remote(&mut self) -> (&mut Remote, Scope) {
        let reading = Scope {
            contents: Access::Read,
            pull_requests: false,
        };
        let writing = |pull_requests: bool, dry_run: bool| Scope {
            contents: if dry_run { Access::Read } else { Access::Write },
            pull_requests: pull_requests && !dry_run,
        };
        match self {
            Self::Update(update) => {
                let scope = writing(update.pull_request.is_some(), update.dry_run);
                (&mut update.remote, scope)
            }
            Self::Rollback(rollback) => {
                let scope = writing(rollback.pull_request.is_some(), rollback.dry_run);
                (&mut rollback.remote, scope)
            }
            Self::History(history) => (&mut history.remote, reading),
            Self::Verify(verify) => (&mut verify.remote, reading),
        }
    }
}

/// What the inputs say.
pub struct Inputs {
    /// What looks wrong and is no reason to stop.
    pub warnings: Vec<String>,
    /// What to do, or everything that is wrong.
    pub request: Result<Request, Vec<String>>,
}

/// The inputs as they come.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Raw {
    operation: Option<String>,
    repository: Option<String>,
    branch: Option<String>,
    file: Option<String>,
    image: Option<String>,
    path: Option<String>,
    set: Option<String>,
    resource: Option<String>,
    commit: Option<String>,
    since: Option<String>,
    until: Option<String>,
    limit: Option<String>,
    author: Option<String>,
    commit_message: Option<String>,
    author_name: Option<String>,
    author_email: Option<String>,
    token: Option<SecretString>,
    token_username: Option<String>,
    app_id: Option<String>,
    app_private_key: Option<SecretString>,
    transport: Option<String>,
    pull_request: Option<String>,
    pull_request_branch: Option<String>,
    pull_request_title: Option<String>,
    pull_request_body: Option<String>,
    pull_request_labels: Option<String>,
    pull_request_reviewers: Option<String>,
    pull_request_team_reviewers: Option<String>,
    pull_request_assignees: Option<String>,
    pull_request_draft: Option<String>,
    pull_request_auto_merge: Option<String>,
    dry_run: Option<String>,
    downgrade: Option<String>,
    verify_image: Option<String>,
    verify_image_timeout: Option<String>,
    pin_digest: Option<String>,
    require_platforms: Option<String>,
    registry_username: Option<String>,
    registry_password: Option<SecretString>,
    argocd_server: Option<String>,
    argocd_token: Option<SecretString>,
    argocd_application: Option<String>,
    argocd_namespace: Option<String>,
    argocd_project: Option<String>,
    argocd_wait_for: Option<String>,
    argocd_timeout: Option<String>,
    argocd_allow_suspended: Option<String>,
    rollback_on_failure: Option<String>,
    argocd_plaintext: Option<String>,
    timeout: Option<String>,
    ca_certificate: Option<String>,
    server_url: Option<String>,
    api_url: Option<String>,
}

/// The secrets among the inputs, in every form in which they travel.
pub fn secrets(environment: &Environment) -> Vec<SecretString> {
    let given = |name: &str| {
        let value = environment.get(name).map(str::trim);
        value.filter(|value| !value.is_empty())
    };
    let mut secrets = Vec::new();
    // Line by line, as a log would show it; its first and last one say nothing.
    let key = given("INPUT_APP-PRIVATE-KEY").unwrap_or_default();
    let lines = key.split("\\n").flat_map(str::lines).map(str::trim);
    let lines = lines.filter(|line| line.len() > 8 && !line.starts_with("-----"));
    secrets.extend(lines.map(SecretString::from));
    for (username, default, password) in [
        (
            "INPUT_TOKEN-USERNAME",
            DEFAULT_TOKEN_USERNAME,
            "INPUT_TOKEN",
        ),
        ("INPUT_REGISTRY-USERNAME", "", "INPUT_REGISTRY-PASSWORD"),
    ] {
        let username = given(username).unwrap_or(default).to_owned();
        if let Some(password) = given(password).map(SecretString::from) {
            secrets.extend(Credentials { username, password }.secrets());
        }
    }
    secrets.extend(given("INPUT_ARGOCD-TOKEN").map(SecretString::from));
    secrets
}

/// Reads and checks all inputs.
pub fn read(environment: &Environment) -> Inputs {
    let given: Vec<(String, String)> = environment
        .iter()
        .filter(|(name, value)| name.starts_with(PREFIX) && !value.trim().is_empty())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let raw = match envy::prefixed(PREFIX).from_iter::<_, Raw>(given.clone()) {
        Ok(raw) => raw,
        Err(error) => {
            return Inputs {
                warnings: Vec::new(),
                request: Err(vec![format!("the inputs can't be read: {error}")]),
            };
        }
    };
    let operation = operation(raw.operation.as_deref().map(str::trim));
    let warnings = given
        .iter()
        .filter_map(|(name, value)| {
            let name = name[PREFIX.len()..].to_lowercase();
            ignored(&name, value.trim(), operation.ok())
        })
        .collect();
    Inputs {
        warnings,
        request: resolve(&raw, operation),
    }
}

/// The operation that is asked for; else the text that names none.
fn operation(text: Option<&str>) -> Result<Operation, &str> {
    let Some(text) = text else {
        return Ok(Operation::Update);
    };
    Operation::ALL
        .into_iter()
        .find(|operation| operation.name() == text)
        .ok_or(text)
}

/// A warning about an input that is there for nothing.
fn ignored(name: &str, value: &str, operation: Option<Operation>) -> Option<String> {
    let known = INPUTS.iter().find(|input| input.name == name);
    let Some(input) = known else {
        let names = INPUTS.iter().map(|input| input.name);
        let hint = match alike(name, names.clone()).first() {
            Some(candidate) => format!("did you mean `{candidate}`?"),
            None => format!("there are {}", names.collect::<Vec<_>>().join(", ")),
        };
        return Some(format!(
            "The input `{name}` is unknown and was ignored: {hint}"
        ));
    };
    let operation = operation?;
    // The runner sends defaults too.
    if input.used_by.contains(&operation) || value == input.default {
        return None;
    }
    let users: Vec<String> = input
        .used_by
        .iter()
        .map(|operation| format!("`{}`", operation.name()))
        .collect();
    Some(format!(
        "The input `{name}` was ignored: `operation: {}` does not use it ({} does)",
        operation.name(),
        users.join(", ")
    ))
}

fn resolve(raw: &Raw, operation: Result<Operation, &str>) -> Result<Request, Vec<String>> {
    let mut problems = Problems::default();
    let operation = operation.unwrap_or_else(|other| {
        let names: Vec<String> = Operation::ALL
            .iter()
            .map(|operation| format!("`{}`", operation.name()))
            .collect();
        let why = format!("expected {}", names.join(", "));
        problems.add("operation", Some(other), &why);
        // The other inputs are read all the same, so that what is wrong with them is told as well.
        Operation::Update
    });
    let request = match operation {
        Operation::Update => {
            let update = update::update(raw, &mut problems);
            update.map(|update| Request::Update(Box::new(update)))
        }
        Operation::Rollback => {
            let rollback = rollback::rollback(raw, &mut problems);
            rollback.map(|rollback| Request::Rollback(Box::new(rollback)))
        }
        Operation::History => {
            let history = history::history(raw, &mut problems);
            history.map(|history| Request::History(Box::new(history)))
        }
        Operation::Verify => {
            let verify = argocd::verify(raw, &mut problems);
            verify.map(|verify| Request::Verify(Box::new(verify)))
        }
    };
    match request {
        Some(request) if problems.0.is_empty() => Ok(request),
        _ => Err(problems.0),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use secrecy::ExposeSecret;

    use super::*;

    fn problems<const N: usize>(inputs: [(&str, &str); N]) -> Vec<String> {
        match read(&Environment::from(inputs)).request {
            Ok(_) => Vec::new(),
            Err(problems) => problems,
        }
    }

    const GOOD: [(&str, &str); 4] = [
        ("INPUT_REPOSITORY", "wlals2/k8s-manifests"),
        ("INPUT_FILE", "blog-system/web-rollout.yaml"),
        ("INPUT_IMAGE", "ghcr.io/wlals2/blog-web:v14"),
        ("INPUT_TOKEN", "ghp_1"),
    ];

    fn with(name: &'static str, value: &'static str) -> Vec<String> {
        let mut variables = Vec::from(GOOD);
        variables.retain(|(own, _)| *own != name);
        variables.push((name, value));
        let variables: [_; 4] = match variables.len() {
            4 => variables.try_into().unwrap(),
            _ => {
                let five: [_; 5] = variables.try_into().unwrap();
                return problems(five);
            }
        };
        problems(variables)
    }

    #[test]
    fn the_smallest_request_has_the_contracts_defaults() {
        let Ok(Request::Update(update)) = read(&Environment::from(GOOD)).request else {
            panic!()
        };
        assert_eq!(
            update.remote.location.url().as_str(),
            "https://github.com/wlals2/k8s-manifests"
        );
        assert_eq!(update.remote.branch, None);
        assert_eq!(update.identity.name, "github-actions[bot]");
        assert_eq!(update.remote.timeout, Duration::from_secs(120));
        assert!(!update.dry_run);
    }

    #[test]
    fn every_problem_is_told_at_once() {
        let problems = problems([
            ("INPUT_OPERATION", "deploy"),
            ("INPUT_REPOSITORY", "https://x:ghp_1@github.com/a/b"),
            ("INPUT_BRANCH", "a..b"),
            ("INPUT_FILE", "../x.yaml"),
            ("INPUT_COMMIT-MESSAGE", "{tga}"),
            ("INPUT_AUTHOR-NAME", "a <b>"),
            ("INPUT_AUTHOR-EMAIL", "..."),
            ("INPUT_TOKEN", "ghp_1 ghp_2"),
            ("INPUT_TOKEN-USERNAME", "x:ghp_1"),
            ("INPUT_TRANSPORT", "ssh"),
            ("INPUT_DRY-RUN", "yes"),
            ("INPUT_DOWNGRADE", "no"),
            ("INPUT_TIMEOUT", "0"),
            ("INPUT_CA-CERTIFICATE", "ca.pem"),
            ("INPUT_API-URL", "api.github.com"),
        ]);
        insta::assert_snapshot!(problems.join("\n"), @"
        `operation` `deploy`: expected `update`, `rollback`, `history`, `verify`
        `api-url`: expected an https:// or http:// URL without credentials and query, such as `https://api.github.com`
        `repository`: a URL with credentials in it: give the token as `token`, a name that it needs as `token-username`, and the URL without them
        `transport` `ssh`: expected `auto`, `api` or `git`
        `branch` `a..b`: it is no branch name that git allows
        `token`: white space in the middle of it: the secret was not pasted as one piece
        `token-username`: a colon or a line end in it: give the name alone, and the secret as `token`
        `timeout` `0`: expected whole seconds from 1 to 21600
        `ca-certificate`: no certificate in it: expected PEM, from `-----BEGIN CERTIFICATE-----` to `-----END CERTIFICATE-----`, line ends included
        `file` `../x.yaml`: the path leaves the repository (`..`)
        `image`: required (or `set`): the image to deploy, such as `ghcr.io/acme/web:v2` or `web=ghcr.io/acme/web:v2`
        `commit-message` `{tga}`: there is no placeholder {tga}: did you mean {tag}? There are {image} {name} {tag} {digest} {previous-image} {previous-tag} {file} {resource} {source-repository} {source-sha} {actor} {run-number}
        `author-name` `a <b>`: git takes no `<`, `>` or line end in it
        `author-email` `...`: nothing is left of it when git has cleaned it
        `downgrade` `no`: expected `allow`, `skip` or `fail`
        `dry-run` `yes`: expected `true` or `false`
        ");
    }

    #[test]
    fn an_empty_value_is_not_given() {
        for name in [
            "INPUT_BRANCH",
            "INPUT_DRY-RUN",
            "INPUT_TIMEOUT",
            "INPUT_COMMIT-MESSAGE",
        ] {
            assert_eq!(with(name, ""), Vec::<String>::new(), "{name}");
        }
        assert_eq!(with("INPUT_TOKEN", "").len(), 1);
    }

    #[test]
    fn a_boolean_is_yamls() {
        for value in ["true", "True", "TRUE", "false", "False", "FALSE"] {
            assert_eq!(with("INPUT_DRY-RUN", value), Vec::<String>::new());
        }
        for value in ["yes", "on", "1", "tRUE"] {
            assert_eq!(with("INPUT_DRY-RUN", value).len(), 1);
        }
    }

    #[test]
    fn a_list_skips_blank_lines_and_comments() {
        assert_eq!(
            with(
                "INPUT_IMAGE",
                "\n# the site\n  ghcr.io/a/web:v1  \n\nnginx=nginx:1.27\n"
            ),
            Vec::<String>::new()
        );
    }

    #[test]
    fn an_unknown_input_names_the_nearest() {
        let warnings = read(&Environment::from([
            ("INPUT_IMGE", "x"),
            ("INPUT_COMMIT_MESSAGE", "x"),
            ("INPUT_ZZZ", "x"),
            ("INPUT_GONE", ""),
        ]))
        .warnings;
        insta::assert_snapshot!(warnings.join("\n"), @"
        The input `commit_message` is unknown and was ignored: did you mean `commit-message`?
        The input `imge` is unknown and was ignored: did you mean `image`?
        The input `zzz` is unknown and was ignored: there are operation, repository, branch, file, image, path, set, resource, commit, since, until, limit, author, commit-message, author-name, author-email, token, token-username, app-id, app-private-key, transport, pull-request, pull-request-branch, pull-request-title, pull-request-body, pull-request-labels, pull-request-reviewers, pull-request-team-reviewers, pull-request-assignees, pull-request-draft, pull-request-auto-merge, dry-run, downgrade, verify-image, verify-image-timeout, pin-digest, require-platforms, registry-username, registry-password, argocd-server, argocd-token, argocd-application, argocd-namespace, argocd-project, argocd-wait-for, argocd-timeout, argocd-allow-suspended, rollback-on-failure, argocd-plaintext, timeout, ca-certificate, server-url, api-url
        ");
    }

    #[test]
    fn a_token_is_masked_in_both_its_forms() {
        let secrets = secrets(&Environment::from([("INPUT_TOKEN", " ghp_1\n")]));
        let secrets: Vec<&str> = secrets.iter().map(ExposeSecret::expose_secret).collect();
        assert_eq!(secrets, ["ghp_1", "eC1hY2Nlc3MtdG9rZW46Z2hwXzE="]);
    }

    #[test]
    fn every_input_is_read() {
        // A name that `Raw` lacks would be ignored in silence.
        let source = include_str!("mod.rs");
        let raw = source
            .split("struct Raw {")
            .nth(1)
            .unwrap()
            .split('}')
            .next()
            .unwrap();
        let fields: Vec<String> = raw
            .lines()
            .filter_map(|line| line.trim().split_once(": Option<"))
            .map(|(name, _)| name.replace('_', "-"))
            .collect();
        assert_eq!(
            fields,
            INPUTS.iter().map(|input| input.name).collect::<Vec<_>>()
        );
    }
}
