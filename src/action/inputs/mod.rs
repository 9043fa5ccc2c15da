//! `INPUT_*` -> one validated request.
//!
//! The runner sends every input that `action.yml` declares, as an empty text where it was left out.
//! Each is read by the rules of its own definition, every one of them, so that all problems are told at
//! once.

mod definition;
mod given;
mod groups;
mod job;
mod parse;
mod remote;
mod request;
mod variables;

use secrecy::SecretString;

pub use self::definition::Definition;
use self::definition::{DEPLOYING, Secret};
use self::given::Given;
use self::groups::argocd::{ARGOCD_APPLICATION, FROM_ARGOCD_APPLICATION};
use self::groups::checks::SHOW_DIFF;
use self::groups::commit::{AUTHOR_EMAIL, AUTHOR_NAME, COMMIT_MESSAGE};
use self::groups::pull_request::{PULL_REQUEST_BODY, PULL_REQUEST_TITLE};
use self::groups::status::STATUS_CONTEXT;
use self::groups::target::{self, OPERATION};
pub use self::groups::{GROUPS, all};
pub use self::request::Request;
use super::environment::Environment;
use crate::http::Credentials;
use crate::nearest::{either, one_of};
use crate::operation::Operation;
use crate::secrets::shows;

/// What the inputs say.
pub struct Inputs {
    /// What looks wrong and is no reason to stop.
    pub warnings: Vec<String>,
    /// Whether lines of manifests may be shown to whoever sees the run.
    pub show_diff: bool,
    /// What to do, or everything that is wrong.
    pub request: Result<Request, Vec<String>>,
}

/// The inputs for those who start the binary themselves: a paragraph each.
pub fn help() -> String {
    let inputs = all().map(|input| {
        let name = input.name.to_uppercase().replace('-', "_");
        let default = match input.fallback {
            "" => String::new(),
            default => format!(" (default {default})"),
        };
        format!("INPUT_{name}{default}\n    {}\n", input.description)
    });
    inputs.collect()
}

/// The secrets among the inputs, in every form in which they travel, and those of the job.
pub fn secrets(environment: &Environment) -> Vec<SecretString> {
    let mut secrets = job::secrets(environment);
    for input in all() {
        let texts = variables::texts(environment, input).into_iter();
        match input.secret {
            None => {}
            Some(Secret::Whole) => secrets.extend(texts.map(SecretString::from)),
            Some(Secret::Lines) => {
                // The first and the last one say nothing.
                let lines = texts.flat_map(|text| text.split("\\n"));
                let lines = lines.flat_map(|text| text.split("\\r"));
                let lines = lines.flat_map(|text| text.split(|c: char| c.is_whitespace()));
                let lines = lines.filter(|line| line.len() > 8 && !line.starts_with("-----"));
                secrets.extend(lines.map(SecretString::from));
            }
            Some(Secret::WithName(name)) => {
                let name = &name.definition;
                let names = variables::texts(environment, name);
                let username = names.first().copied().unwrap_or(name.fallback);
                secrets.extend(texts.flat_map(|text| {
                    let (username, password) = (username.to_owned(), text.into());
                    Credentials { username, password }.secrets()
                }));
            }
        }
    }
    secrets
}

/// Reads and checks all inputs.
pub fn read(environment: &Environment) -> Inputs {
    let mut given = variables::given(environment);
    let operation = given.read(&OPERATION);
    hollow(environment, &mut given, operation);
    telltale(environment, &mut given);
    if let Some(operation) = operation {
        let (problems, warnings) = idle(&given, operation);
        given.problems.extend(problems);
        given.warnings.extend(warnings);
    }
    // Where it is unknown, what is wrong with the other inputs is told all the same.
    let meant = || given.text(&OPERATION.definition).and_then(target::meant);
    let assumed = operation.or_else(meant).unwrap_or(Operation::Update);
    let request = Request::new(assumed, &mut given);
    // What is no boolean hides them: the run fails anyway.
    let show_diff = given.read(&SHOW_DIFF).unwrap_or_default();
    Inputs {
        show_diff,
        warnings: given.warnings,
        request: request
            .filter(|_| given.problems.is_empty())
            .ok_or(given.problems),
    }
}

/// Refuses what was to switch verification on and names nothing, such as a block in which a variable is not set:
/// it would deploy without it, and nobody would hear of that. An empty text is how an input is left out.
fn hollow(environment: &Environment, given: &mut Given, operation: Option<Operation>) {
    let witnesses = [
        &ARGOCD_APPLICATION.definition,
        &FROM_ARGOCD_APPLICATION.definition,
        &STATUS_CONTEXT.definition,
    ];
    for input in witnesses {
        let is_used = operation.is_some_and(|operation| input.used_by.contains(&operation));
        if is_used && variables::is_hollow(environment, given, input) {
            given.problem(
                input,
                "nothing in it but blanks or comments, so nothing would be verified: is a variable not set? \
                 Name something, or remove it (an empty value counts as removed)",
            );
        }
    }
}

/// Refuses a secret of the step in a text that is written into Git, or beside it, where it can't be taken back.
fn telltale(environment: &Environment, given: &mut Given) {
    let secrets = secrets(environment);
    let texts = [
        &COMMIT_MESSAGE.definition,
        &AUTHOR_NAME.definition,
        &AUTHOR_EMAIL.definition,
        &PULL_REQUEST_TITLE.definition,
        &PULL_REQUEST_BODY.definition,
    ];
    for input in texts {
        let is_in = |text: &str| secrets.iter().any(|secret| shows(text, secret));
        if given.text(input).is_some_and(is_in) {
            given.problem(
                input,
                "a secret of this step is in it, and would be written where everybody reads it: take it out",
            );
        }
    }
}

/// What is wrong with inputs that have no effect: errors where the run would do something else than they ask
/// for, and warnings.
fn idle(given: &Given, operation: Operation) -> (Vec<String>, Vec<String>) {
    let mut idle: Vec<(Idle, Vec<&str>)> = Vec::new();
    // The workflow's own token is sent always, and looks like one that was given.
    let inputs = all().filter(|input| !input.default.contains("github.token"));
    for input in inputs.filter(|input| given.is_given(input)) {
        let Some(why) = Idle::of(input, given, operation) else {
            continue;
        };
        match idle.iter_mut().find(|(own, _)| *own == why) {
            Some((_, names)) => names.push(input.name),
            None => idle.push((why, vec![input.name])),
        }
    }
    let (mut problems, mut warnings) = (Vec::new(), Vec::new());
    let own = format!("with `operation: {}`", operation.name());
    for (why, names) in idle {
        let them = if names.len() == 1 { "it" } else { "them" };
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        let names = names.join(", ");
        let remove = format!("or remove {them} (an empty value counts as removed)");
        match why {
            Idle::Without(switches) => problems.push(format!(
                "{names}: no effect without {switches}. Add that, {remove}"
            )),
            Idle::Elsewhere(meant) if DEPLOYING.contains(&operation) => {
                problems.push(format!("{names}: no effect {own}: {meant}, {remove}"));
            }
            Idle::Elsewhere(meant) => warnings.push(format!("{names}: no effect {own}: {meant}")),
            Idle::Only(users) => {
                warnings.push(format!("{names}: no effect {own}, only with {users}"))
            }
        }
    }
    (problems, warnings)
}

/// Why an input has no effect.
#[derive(PartialEq)]
enum Idle {
    /// None of these inputs is given.
    Without(String),
    /// The operation has another way to do what is asked for.
    Elsewhere(&'static str),
    /// Only these other operations use it.
    Only(String),
}

impl Idle {
    /// Why `input` has none; none where it has one.
    fn of(input: &Definition, given: &Given, operation: Operation) -> Option<Self> {
        if input.used_by.contains(&operation) {
            let mut needed = input.needs.iter();
            let is_on = input.needs.is_empty() || needed.any(|needed| given.is_given(needed));
            let switches = input.needs.iter().map(|needed| match needed.default {
                "false" => format!("`{}: true`", needed.name),
                _ => format!("`{}`", needed.name),
            });
            let switches = one_of(&switches.collect::<Vec<_>>());
            return (!is_on).then_some(Self::Without(switches));
        }
        if let Some((_, meant)) = input.elsewhere.iter().find(|(of, _)| *of == operation) {
            return Some(Self::Elsewhere(meant));
        }
        let users: Vec<&str> = input.used_by.iter().map(|user| user.name()).collect();
        let users = either(&users).replacen('`', "`operation: ", 1);
        Some(Self::Only(users))
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
        `operation` `deploy`: expected `update`, `rollback`, `history`, `verify`, `promote` or `status`
        `api-url`: expected an https:// or http:// URL without credentials and query, such as `https://api.github.com`
        `repository`: a URL with credentials in it: give the token as `token`, a name that it needs as `token-username`, and the URL without them
        `transport` `ssh`: expected `auto`, `api` or `git`
        `branch` `a..b`: git does not allow it as a branch name
        `token`: white space in the middle of it: the secret was not pasted as one piece
        `token-username`: a colon or a line end in it: give the name alone, and the secret as `token`
        `timeout` `0`: expected a number of seconds from 1 to 21600, such as `600`
        `ca-certificate`: no certificate in it: expected PEM, from `-----BEGIN CERTIFICATE-----` to `-----END CERTIFICATE-----`, line ends included
        `file` `../x.yaml`: the path leaves the repository (`..`)
        `image`: required (or `set`, `remove`): the image to deploy, such as `ghcr.io/acme/web:v2` or `web=ghcr.io/acme/web:v2`
        `author-name` `a <b>`: git takes no `<`, `>` or line end in it
        `author-email` `...`: nothing is left of it when git has cleaned it
        `downgrade` `no`: expected `allow`, `skip` or `fail`
        `dry-run` `yes`: expected `true` or `false`
        ");
    }

    #[test]
    fn an_operation_that_is_misspelt_needs_what_the_meant_one_needs() {
        let problems = problems([
            ("INPUT_REPOSITORY", "https://git.example.com/a/b"),
            ("INPUT_FILE", "a.yaml"),
            ("INPUT_TOKEN", "x"),
            ("INPUT_OPERATION", "roll-back"),
        ]);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems.concat().contains("did you mean `rollback`"));
    }

    #[test]
    fn a_problem_is_told_once() {
        // Git, the registry and Argo CD all ask for it.
        assert_eq!(with("INPUT_PLAINTEXT", "yes").len(), 1);
    }

    #[test]
    fn a_wrong_value_hides_no_other_problem() {
        let problems = problems([
            ("INPUT_REPOSITORY", "https://git.example.com/a/b"),
            ("INPUT_FILE", "a.yaml"),
            ("INPUT_IMAGE", "r/a:1"),
            ("INPUT_TOKEN", "x"),
            ("INPUT_TIMEOUT", "0"),
            ("INPUT_BRANCH", "main"),
            ("INPUT_PULL-REQUEST", "true"),
            ("INPUT_PULL-REQUEST-BRANCH", "main"),
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
    fn what_would_verify_and_names_nothing_is_refused() {
        for name in ["INPUT_STATUS-CONTEXT", "INPUT_ARGOCD_APPLICATION"] {
            assert_eq!(with(name, ""), Vec::<String>::new(), "{name}");
            for hollow in ["\n", "  ", "# later\n\n"] {
                let problems = with(name, hollow);
                assert_eq!(problems.len(), 1, "{name} {hollow:?}: {problems:?}");
                assert!(
                    problems[0].contains("nothing would be verified"),
                    "{problems:?}"
                );
            }
        }
        // What only tells more may be empty in whatever way.
        assert_eq!(
            with("INPUT_PULL-REQUEST-LABELS", "\n"),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_secret_is_not_written_into_git() {
        let base64 = "eC1hY2Nlc3MtdG9rZW46Z2hwXzE=";
        for (name, text) in [
            ("INPUT_COMMIT-MESSAGE", "fix: with ghp_1 in it"),
            ("INPUT_COMMIT-MESSAGE", base64),
            ("INPUT_AUTHOR-NAME", "ghp_1"),
            ("INPUT_AUTHOR-EMAIL", "ghp_1@example.com"),
        ] {
            let problems = with(name, text);
            assert_eq!(problems.len(), 1, "{name}: {problems:?}");
            assert!(
                problems[0].contains("a secret of this step"),
                "{problems:?}"
            );
            assert!(!problems[0].contains("ghp_1"), "{problems:?}");
        }
        assert_eq!(
            with("INPUT_COMMIT-MESSAGE", "fix: ghp"),
            Vec::<String>::new()
        );
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

    /// The request that is made of the good inputs and these.
    fn with_all<const N: usize>(inputs: [(&str, &str); N]) -> Inputs {
        let variables = GOOD.iter().chain(&inputs);
        let variables = variables.map(|(name, text)| (name.into(), text.into()));
        read(&Environment::new(variables))
    }

    #[test]
    fn an_unknown_input_is_an_error_that_names_the_nearest() {
        let read = with_all([
            ("INPUT_IMGE", "x"),
            ("INPUT_PULL_REQUESTS", "x"),
            ("INPUT_ZZZ", "x"),
            ("INPUT_GONE", ""),
            ("INPUT_ARGS", "x"),
            ("INPUT_ENTRYPOINT", "x"),
        ]);
        insta::assert_snapshot!(read.request.err().unwrap().join("\n"), @"
        `imge`: unknown input: did you mean `image`?
        `pull_requests`: unknown input: did you mean `pull-request`?
        `zzz`: unknown input: docs/reference.md of the action lists them all. If the workflow sets INPUT_ZZZ for something else, set it to an empty text in this step's `env`
        ");
    }

    #[test]
    fn an_input_is_known_however_it_is_spelled() {
        // As the runner and a shell hand over `dry_run`, `dryRun` and `DRY-RUN`; the runner with the default.
        for name in [
            "INPUT_DRY_RUN",
            "INPUT_DRYRUN",
            "INPUT_dryRun",
            "INPUT_dry-run",
        ] {
            let read = with_all([(name, "true"), ("INPUT_DRY-RUN", "false")]);
            let Ok(Request::Update(update)) = read.request else {
                panic!("{name}")
            };
            assert!(update.dry_run, "{name}");
            assert_eq!(read.warnings, Vec::<String>::new());
        }
        let secrets = secrets(&Environment::from([("INPUT_ARGOCD_TOKEN", "secret")]));
        assert_eq!(secrets.len(), 1);
    }

    #[test]
    fn a_default_of_the_run_is_not_given() {
        let read = with_all([
            ("INPUT_SERVER-URL", "https://ghe.example.com"),
            ("GITHUB_SERVER_URL", "https://ghe.example.com"),
            ("INPUT_SERVER_URL", "https://other.example.com"),
        ]);
        let Ok(Request::Update(update)) = read.request else {
            panic!()
        };
        assert_eq!(update.remote.location.host(), "other.example.com");
    }

    #[test]
    fn two_values_for_one_input_are_an_error() {
        let problems = with_all([
            ("INPUT_VERIFY_TIMEOUT", "60"),
            ("INPUT_ARGOCD-TIMEOUT", "90"),
        ]);
        insta::assert_snapshot!(problems.request.err().unwrap().join("\n"), @"
        `verify-timeout`: given more than once, with different values: INPUT_ARGOCD-TIMEOUT and INPUT_VERIFY_TIMEOUT. Keep one of them
        `verify-timeout`: no effect without `argocd-application`, `from-argocd-application` or `status-context`. Add that, or remove it (an empty value counts as removed)
        ");
        let same = with_all([("INPUT_BRANCH", "main"), ("INPUT_Branch", "main")]);
        assert!(same.request.is_ok());
    }

    #[test]
    fn an_old_name_works_and_is_warned_about() {
        let read = with_all([
            ("INPUT_ARGOCD-APPLICATION", "blog"),
            ("INPUT_ARGOCD-SERVER", "argocd.example.com"),
            ("INPUT_ARGOCD-TOKEN", "x"),
            ("INPUT_VERIFY-TIMEOUT", "300"),
            ("INPUT_ARGOCD-TIMEOUT", "60"),
        ]);
        let Ok(Request::Update(update)) = read.request else {
            panic!()
        };
        assert_eq!(
            update.witnesses.argocd.unwrap().timeout,
            Duration::from_secs(60)
        );
        insta::assert_snapshot!(read.warnings.join("\n"), @"The input `argocd-timeout` is now called `verify-timeout`: rename it in the workflow");
    }

    #[test]
    fn an_input_whose_switch_is_off_is_an_error_that_names_it() {
        let read = with_all([
            ("INPUT_PULL-REQUEST", "false"),
            ("INPUT_PULL-REQUEST-LABELS", "deployment"),
            ("INPUT_PULL-REQUEST-DRAFT", "true"),
            ("INPUT_VERIFY-IMAGE-TIMEOUT", "60"),
            ("INPUT_REGISTRY-USERNAME", "x"),
            ("INPUT_REGISTRY-PASSWORD", "x"),
            ("INPUT_ARGOCD-APPLICATION", "# blog"),
            ("INPUT_ARGOCD-SERVER", "argocd.example.com"),
            ("INPUT_ROLLBACK-ON-FAILURE", "true"),
            // As the runner sends what is left out.
            ("INPUT_ARGOCD-WAIT-FOR", "healthy"),
            ("INPUT_VERIFY-TIMEOUT", "300"),
            ("INPUT_PULL-REQUEST-TITLE", ""),
        ]);
        insta::assert_snapshot!(read.request.err().unwrap().join("\n"), @"
        `argocd-application`: nothing in it but blanks or comments, so nothing would be verified: is a variable not set? Name something, or remove it (an empty value counts as removed)
        `pull-request-labels`, `pull-request-draft`: no effect without `pull-request: true`. Add that, or remove them (an empty value counts as removed)
        `verify-image-timeout`, `registry-username`, `registry-password`: no effect without `verify-image: true`, `pin-digest: true` or `require-platforms`. Add that, or remove them (an empty value counts as removed)
        `argocd-server`: no effect without `argocd-application` or `from-argocd-application`. Add that, or remove it (an empty value counts as removed)
        `rollback-on-failure`: no effect without `argocd-application` or `status-context`. Add that, or remove it (an empty value counts as removed)
        ");
    }

    #[test]
    fn what_another_operation_uses_stops_what_deploys_without_it() {
        let told = |inputs: &[(&str, &str)]| {
            let variables = GOOD.iter().chain(inputs);
            let variables = variables.map(|(name, text)| ((*name).into(), (*text).into()));
            let read = read(&Environment::new(variables));
            let problems = read.request.err().unwrap_or_default();
            let problems = problems.into_iter().map(|text| format!("error: {text}"));
            let warnings = read
                .warnings
                .into_iter()
                .map(|text| format!("warning: {text}"));
            problems.chain(warnings).collect::<Vec<_>>().join("\n")
        };
        let text = [
            told(&[("INPUT_SINCE", "yesterday"), ("INPUT_LIMIT", "50")]),
            told(&[
                ("INPUT_FROM", "staging/web.yaml"),
                ("INPUT_SOAK", "2h"),
                ("INPUT_TO", "v13"),
            ]),
            // It is never stopped by what only an update needs.
            told(&[("INPUT_OPERATION", "rollback"), ("INPUT_DOWNGRADE", "fail")]),
            told(&[
                ("INPUT_OPERATION", "promote"),
                ("INPUT_FROM", "staging/web.yaml"),
                ("INPUT_IMAGE", ""),
                ("INPUT_SET", ".spec.replicas=3"),
            ]),
            told(&[
                ("INPUT_OPERATION", "history"),
                ("INPUT_IMAGE", ""),
                ("INPUT_DRY-RUN", "true"),
            ]),
        ]
        .join("\n");
        insta::assert_snapshot!(text, @"
        warning: `since`: no effect with `operation: update`, only with `operation: history`
        error: `to`: no effect with `operation: update`: name what to deploy with `image`, set `operation: rollback`, or remove it (an empty value counts as removed)
        error: `from`, `soak`: no effect with `operation: update`: set `operation: promote`, or remove them (an empty value counts as removed)
        warning: `image`: no effect with `operation: rollback`: it only fails the step where the newest deployment is none of it. Name what to go back to with `to`
        warning: `downgrade`: no effect with `operation: rollback`, only with `operation: update` or `promote`
        error: `set`: no effect with `operation: promote`: use it in a step with `operation: update`, or remove it (an empty value counts as removed)
        warning: `dry-run`: no effect with `operation: history`, only with `operation: update`, `rollback` or `promote`
        ");
    }

    /// Every input that an operation that deploys does not read is decided on here: it stops one that would deploy
    /// without what is asked for.
    #[test]
    fn what_would_say_what_is_deployed_and_is_not_read_stops_what_deploys() {
        let told = DEPLOYING.iter().map(|operation| {
            let unread = all().filter(|input| !input.used_by.contains(operation));
            let of = |stops: bool| {
                let those = unread.clone().filter(|input| {
                    let meant = input.elsewhere.iter().any(|(of, _)| of == operation);
                    meant == stops
                });
                those.map(|input| input.name).collect::<Vec<_>>().join(", ")
            };
            let name = operation.name();
            format!("{name}\n  stops: {}\n  warns: {}", of(true), of(false))
        });
        let told: Vec<String> = told.collect();
        insta::assert_snapshot!(told.join("\n"), @"
        update
          stops: commit, to, from, from-branch, soak, from-argocd-application
          warns: since, until, limit, author
        promote
          stops: path, set, remove, resource, commit, to, pin-digest
          warns: since, until, limit, author, verify-image-timeout
        ");
    }

    #[test]
    fn what_belongs_to_a_switch_needs_it() {
        for input in all() {
            let switches = all().filter(|switch| {
                let rest = input.name.strip_prefix(switch.name);
                switch.default == "false" && rest.is_some_and(|rest| rest.starts_with('-'))
            });
            for switch in switches {
                let needed = input.needs.iter().any(|needed| needed.name == switch.name);
                assert!(needed, "{} does not need {}", input.name, switch.name);
            }
        }
    }

    #[test]
    fn no_two_inputs_have_one_name() {
        let names = all().flat_map(|input| input.old_names.iter().chain([&input.name]));
        let mut keys: Vec<String> = names
            .map(|name| Definition::letters(name).collect())
            .collect();
        let count = keys.len();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), count);
    }

    #[test]
    fn a_token_is_masked_in_both_its_forms() {
        let secrets = secrets(&Environment::from([("INPUT_TOKEN", " ghp_1\n")]));
        let secrets: Vec<&str> = secrets.iter().map(ExposeSecret::expose_secret).collect();
        assert_eq!(secrets, ["ghp_1", "eC1hY2Nlc3MtdG9rZW46Z2hwXzE="]);
    }
}
