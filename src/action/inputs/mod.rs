//! `INPUT_*` -> one validated request.
//!
//! The runner sends every input that `action.yml` declares, as an empty text where it was left out.
//! So `envy` collects texts, and each is read by the rules of its own definition, every one of them, so
//! that all problems are told at once.

mod definition;
mod given;
mod groups;
mod parse;
mod remote;
mod request;

use secrecy::SecretString;

pub use self::definition::Definition;
use self::definition::Secret;
use self::given::Given;
pub use self::groups::all;
use self::groups::target::OPERATION;
pub use self::request::Request;
use super::environment::Environment;
use crate::http::Credentials;
use crate::nearest::alike;
use crate::operation::Operation;

/// What the inputs say.
pub struct Inputs {
    /// What looks wrong and is no reason to stop.
    pub warnings: Vec<String>,
    /// What to do, or everything that is wrong.
    pub request: Result<Request, Vec<String>>,
}

/// The secrets among the inputs, in every form in which they travel.
pub fn secrets(environment: &Environment) -> Vec<SecretString> {
    let given = Given::new(environment).unwrap_or_default();
    let mut secrets = Vec::new();
    for input in all() {
        let (Some(secret), Some(text)) = (input.secret, given.text(input)) else {
            continue;
        };
        match secret {
            Secret::Whole => secrets.push(text.into()),
            Secret::Lines => {
                // The first and the last one say nothing.
                let lines = text.split("\\n").flat_map(str::lines).map(str::trim);
                let lines = lines.filter(|line| line.len() > 8 && !line.starts_with("-----"));
                secrets.extend(lines.map(SecretString::from));
            }
            Secret::WithName(name) => {
                let name = &name.definition;
                let username = given.text(name).unwrap_or(name.fallback).to_owned();
                let password = text.into();
                secrets.extend(Credentials { username, password }.secrets());
            }
        }
    }
    secrets
}

/// Reads and checks all inputs.
pub fn read(environment: &Environment) -> Inputs {
    let mut given = match Given::new(environment) {
        Ok(given) => given,
        Err(error) => {
            return Inputs {
                warnings: Vec::new(),
                request: Err(vec![format!("the inputs can't be read: {error}")]),
            };
        }
    };
    let operation = given.read(&OPERATION);
    let warnings = given.iter();
    let warnings = warnings.filter_map(|(name, text)| ignored(name, text, operation));
    Inputs {
        warnings: warnings.collect(),
        // Where it is unknown, what is wrong with the other inputs is told all the same.
        request: Request::new(operation.unwrap_or(Operation::Update), given),
    }
}

/// A warning about an input that is there for nothing.
fn ignored(name: &str, text: &str, operation: Option<Operation>) -> Option<String> {
    let Some(input) = all().find(|input| input.name == name) else {
        let names = all().map(|input| input.name);
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
    if input.used_by.contains(&operation) || text == input.default {
        return None;
    }
    let users = input.used_by.iter();
    let users: Vec<String> = users.map(|user| format!("`{}`", user.name())).collect();
    Some(format!(
        "The input `{name}` was ignored: `operation: {}` does not use it ({} does)",
        operation.name(),
        users.join(", ")
    ))
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
    fn a_wrong_value_hides_no_other_problem() {
        let problems = problems([
            ("INPUT_REPOSITORY", "https://git.example.com/a/b"),
            ("INPUT_FILE", "a.yaml"),
            ("INPUT_IMAGE", "r/a:1"),
            ("INPUT_TOKEN", "ghp_1"),
            ("INPUT_TIMEOUT", "0"),
            ("INPUT_PULL-REQUEST", "true"),
        ]);
        assert_eq!(problems.len(), 2, "{problems:#?}");
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
}
