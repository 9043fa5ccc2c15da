//! `INPUT_*` -> one validated request.
//!
//! The runner sends every input that `action.yml` declares, as an empty text where it was left out.
//! So `envy` collects texts, and each is read here by rules of our own, every one of them, so that
//! all problems are told at once.

use std::str::FromStr;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

use super::environment::Environment;
use crate::files::{FileSelection, Pattern};
use crate::http::AuthoritiesError;
use crate::manifest::EditRequest;
use crate::nearest::alike;
use crate::operation::update::Update;
use crate::repository::{BranchName, Identity, Location};

const PREFIX: &str = "INPUT_";

/// Every input there is, in the order of `action.yml`.
pub const INPUTS: [&str; 17] = [
    "operation",
    "repository",
    "branch",
    "file",
    "image",
    "path",
    "set",
    "resource",
    "commit-message",
    "author-name",
    "author-email",
    "token",
    "dry-run",
    "timeout",
    "ca-certificate",
    "server-url",
    "api-url",
];

/// Who commits, unless `author-name` and `author-email` say otherwise: the account whose commits
/// GitHub shows with the Actions logo.
pub const DEFAULT_AUTHOR: (&str, &str) = (
    "github-actions[bot]",
    "41898282+github-actions[bot]@users.noreply.github.com",
);

/// The longest `timeout`: a job's own limit on GitHub's runners, in seconds.
const MAX_TIMEOUT: u64 = 21_600;

/// What to do.
pub enum Request {
    /// `operation: update`
    Update(Box<Update>),
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
    commit_message: Option<String>,
    author_name: Option<String>,
    author_email: Option<String>,
    token: Option<SecretString>,
    dry_run: Option<String>,
    timeout: Option<String>,
    ca_certificate: Option<String>,
    server_url: Option<String>,
    api_url: Option<String>,
}

/// The secrets among the inputs, in every form in which they travel.
pub fn secrets(environment: &Environment) -> Vec<SecretString> {
    let Some(token) = environment
        .get("INPUT_TOKEN")
        .map(str::trim)
        .filter(|token| !token.is_empty())
    else {
        return Vec::new();
    };
    let basic = BASE64_STANDARD.encode(format!("x-access-token:{token}"));
    vec![token.into(), basic.into()]
}

/// Reads and checks all inputs.
pub fn read(environment: &Environment) -> Inputs {
    let given: Vec<(String, String)> = environment
        .iter()
        .filter(|(name, value)| name.starts_with(PREFIX) && !value.trim().is_empty())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let warnings = given
        .iter()
        .filter_map(|(name, _)| unknown(&name[PREFIX.len()..].to_lowercase()))
        .collect();
    let request = match envy::prefixed(PREFIX).from_iter::<_, Raw>(given) {
        Ok(raw) => resolve(raw),
        Err(error) => Err(vec![format!("the inputs can't be read: {error}")]),
    };
    Inputs { warnings, request }
}

fn unknown(name: &str) -> Option<String> {
    if INPUTS.contains(&name) {
        return None;
    }
    let hint = match alike(name, INPUTS).first() {
        Some(candidate) => format!("did you mean `{candidate}`?"),
        None => format!("there are {}", INPUTS.join(", ")),
    };
    Some(format!(
        "The input `{name}` is unknown and was ignored: {hint}"
    ))
}

/// Collects what is wrong, so that one run tells all of it.
#[derive(Default)]
struct Problems(Vec<String>);

impl Problems {
    fn add(&mut self, input: &str, value: Option<&str>, why: &str) {
        let value = value
            .map(|value| format!(" `{}`", shortened(value)))
            .unwrap_or_default();
        self.0.push(format!("`{input}`{value}: {why}"));
    }

    /// `text` as a `T`, or a problem that quotes it.
    fn parse<T: FromStr<Err: std::fmt::Display>>(&mut self, input: &str, text: &str) -> Option<T> {
        text.parse()
            .map_err(|error: T::Err| self.add(input, Some(text), &error.to_string()))
            .ok()
    }

    /// Every line of a list; its errors quote the line.
    fn lines<T: FromStr<Err: std::fmt::Display>>(
        &mut self,
        input: &str,
        text: Option<&str>,
    ) -> Vec<T> {
        list(text.unwrap_or_default())
            .filter_map(|line| {
                line.parse()
                    .map_err(|error: T::Err| self.add(input, None, &error.to_string()))
                    .ok()
            })
            .collect()
    }

    fn boolean(&mut self, input: &str, value: Option<String>) -> bool {
        match value.as_deref().map(str::trim) {
            None | Some("false" | "False" | "FALSE") => false,
            Some("true" | "True" | "TRUE") => true,
            Some(other) => {
                self.add(input, Some(other), "expected `true` or `false`");
                false
            }
        }
    }

    fn seconds(&mut self, input: &str, value: Option<String>, default: u64) -> Duration {
        let Some(text) = value else {
            return Duration::from_secs(default);
        };
        match text.trim().parse() {
            Ok(seconds @ 1..=MAX_TIMEOUT) => Duration::from_secs(seconds),
            _ => {
                let why = format!("expected whole seconds from 1 to {MAX_TIMEOUT}");
                self.add(input, Some(text.trim()), &why);
                Duration::from_secs(default)
            }
        }
    }

    fn url(&mut self, input: &str, value: Option<&str>, default: &str) -> Option<Url> {
        let text = value.map_or(default, str::trim);
        let url = Url::parse(text).ok().filter(|url| {
            matches!(url.scheme(), "https" | "http")
                && url.username().is_empty()
                && url.password().is_none()
                && url.query().is_none()
                && url.fragment().is_none()
        });
        if url.is_none() {
            let why = "expected an https:// or http:// URL without credentials and query, such as";
            // Not quoted: it may hold credentials.
            self.add(input, None, &format!("{why} `{default}`"));
        }
        url
    }
}

/// The lines of a list: trimmed, without blank ones and comments.
fn list(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// A value as a message quotes it: one line of bounded length.
fn shortened(value: &str) -> String {
    const LONGEST: usize = 120;
    let line: String = value.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

fn resolve(raw: Raw) -> Result<Request, Vec<String>> {
    let mut problems = Problems::default();
    if let Some(operation) = raw.operation.as_deref().map(str::trim)
        && operation != "update"
    {
        problems.add("operation", Some(operation), "expected `update`");
    }
    let server_url = problems.url(
        "server-url",
        raw.server_url.as_deref(),
        "https://github.com",
    );
    let api_url = problems.url("api-url", raw.api_url.as_deref(), "https://api.github.com");
    let location = location(
        raw.repository.as_deref(),
        server_url.as_ref(),
        &mut problems,
    );
    let branch: Option<BranchName> = raw
        .branch
        .as_deref()
        .and_then(|branch| problems.parse("branch", branch.trim()));
    let files = files(raw.file.as_deref(), &mut problems);
    let edit = edit(&raw, &mut problems);
    let message = raw
        .commit_message
        .and_then(|text| problems.parse("commit-message", &text));
    let identity = identity(raw.author_name, raw.author_email, &mut problems);
    let token = token(raw.token, location.as_ref(), &mut problems);
    let dry_run = problems.boolean("dry-run", raw.dry_run);
    let timeout = problems.seconds("timeout", raw.timeout, 120);
    let trusted = raw.ca_certificate.and_then(|pem| {
        // Not quoted: it is long, and may be a private key by mistake.
        let add =
            |error: AuthoritiesError| problems.add("ca-certificate", None, &error.to_string());
        pem.parse().map_err(add).ok()
    });
    match (location, files, api_url) {
        (Some(location), Some(files), Some(api_url)) if problems.0.is_empty() => {
            Ok(Request::Update(Box::new(Update {
                location,
                branch,
                files,
                edit,
                message,
                identity,
                token,
                dry_run,
                timeout,
                trusted: trusted.unwrap_or_default(),
                api_url,
            })))
        }
        _ => Err(problems.0),
    }
}

fn location(text: Option<&str>, server: Option<&Url>, problems: &mut Problems) -> Option<Location> {
    use crate::repository::location::LocationError;
    let Some(text) = text.map(str::trim) else {
        let why = "required: the repository that holds the manifests, as `owner/name` or as a URL";
        problems.add("repository", None, why);
        return None;
    };
    match Location::new(text, server?) {
        Ok(location) => Some(location),
        Err(error @ LocationError::Credentials) => {
            problems.add("repository", None, &error.to_string());
            None
        }
        Err(error) => {
            problems.add("repository", Some(text), &error.to_string());
            None
        }
    }
}

fn files(text: Option<&str>, problems: &mut Problems) -> Option<FileSelection> {
    let mut selection = FileSelection {
        include: Vec::new(),
        exclude: Vec::new(),
    };
    let before = problems.0.len();
    for line in list(text.unwrap_or_default()) {
        let (text, patterns) = match line.strip_prefix('!') {
            Some(excluded) => (excluded.trim(), &mut selection.exclude),
            None => (line, &mut selection.include),
        };
        patterns.extend(problems.parse::<Pattern>("file", text));
    }
    if selection.include.is_empty() && problems.0.len() == before {
        let why = "required: the path of the manifest in the repository, such as `apps/web.yaml`";
        problems.add("file", None, why);
    }
    Some(selection)
}

/// What the manifests are to say. The lines' errors quote the lines themselves.
fn edit(raw: &Raw, problems: &mut Problems) -> EditRequest {
    let before = problems.0.len();
    let edit = EditRequest {
        images: problems.lines("image", raw.image.as_deref()),
        paths: problems.lines("path", raw.path.as_deref()),
        set: problems.lines("set", raw.set.as_deref()),
        resources: problems.lines("resource", raw.resource.as_deref()),
    };
    if problems.0.len() > before {
        return edit;
    }
    if edit.images.is_empty() && !edit.paths.is_empty() {
        let why = "says where an image is, and `image`, the one to write there, is not given";
        problems.add("path", None, why);
    } else if edit.images.is_empty() && edit.set.is_empty() {
        let why = "required (or `set`): the image to deploy, such as `ghcr.io/acme/web:v2` or \
                   `web=ghcr.io/acme/web:v2`";
        problems.add("image", None, why);
    }
    edit
}

fn identity(name: Option<String>, email: Option<String>, problems: &mut Problems) -> Identity {
    let (default_name, default_email) = DEFAULT_AUTHOR;
    let mut take = |input: &str, value: Option<String>, default: &str| {
        let value = value.map_or_else(|| default.to_owned(), |value| value.trim().to_owned());
        // What git strips from both ends of a name; of nothing else there must be something left.
        let crud = |c: char| c.is_whitespace() || ".,:;<>\"\\'".contains(c);
        if value.contains(['<', '>']) || value.chars().any(char::is_control) {
            problems.add(
                input,
                Some(&value),
                "git takes no `<`, `>` or line end in it",
            );
        } else if value.trim_matches(crud).is_empty() {
            problems.add(
                input,
                Some(&value),
                "nothing is left of it when git has cleaned it",
            );
        }
        value
    };
    Identity {
        name: take("author-name", name, default_name),
        email: take("author-email", email, default_email),
    }
}

fn token(
    token: Option<SecretString>,
    location: Option<&Location>,
    problems: &mut Problems,
) -> Option<SecretString> {
    let Some(token) = token else {
        // A repository on this machine asks for none.
        if location.is_some_and(|location| !location.is_local()) {
            let why = "empty: nothing can be pushed without one. Where it comes from a secret, that secret \
                       is not set here: check its name, that the repository, organisation or environment \
                       has it, and that the run was not started by a fork or by Dependabot, which get none";
            problems.add("token", None, why);
        }
        return None;
    };
    let text = token.expose_secret().trim();
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        let why = "white space in the middle of it: the secret was not pasted as one piece";
        problems.add("token", None, why);
        return None;
    }
    Some(text.into())
}

#[cfg(test)]
mod tests {
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
            update.location.url().as_str(),
            "https://github.com/wlals2/k8s-manifests"
        );
        assert_eq!(update.branch, None);
        assert_eq!(update.identity.name, "github-actions[bot]");
        assert_eq!(update.timeout, Duration::from_secs(120));
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
            ("INPUT_DRY-RUN", "yes"),
            ("INPUT_TIMEOUT", "0"),
            ("INPUT_CA-CERTIFICATE", "ca.pem"),
            ("INPUT_API-URL", "api.github.com"),
        ]);
        insta::assert_snapshot!(problems.join("\n"), @"
        `operation` `deploy`: expected `update`
        `api-url`: expected an https:// or http:// URL without credentials and query, such as `https://api.github.com`
        `repository`: a URL with credentials in it: give the token as `token`, and the URL without it
        `branch` `a..b`: it is no branch name that git allows
        `file` `../x.yaml`: the path leaves the repository (`..`)
        `image`: required (or `set`): the image to deploy, such as `ghcr.io/acme/web:v2` or `web=ghcr.io/acme/web:v2`
        `commit-message` `{tga}`: there is no placeholder {tga}: did you mean {tag}? There are {image} {name} {tag} {digest} {previous-image} {previous-tag} {file} {resource} {source-repository} {source-sha} {actor} {run-number}
        `author-name` `a <b>`: git takes no `<`, `>` or line end in it
        `author-email` `...`: nothing is left of it when git has cleaned it
        `token`: white space in the middle of it: the secret was not pasted as one piece
        `dry-run` `yes`: expected `true` or `false`
        `timeout` `0`: expected whole seconds from 1 to 21600
        `ca-certificate`: no certificate in it: expected PEM, from `-----BEGIN CERTIFICATE-----` to `-----END CERTIFICATE-----`, line ends included
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
        The input `zzz` is unknown and was ignored: there are operation, repository, branch, file, image, path, set, resource, commit-message, author-name, author-email, token, dry-run, timeout, ca-certificate, server-url, api-url
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
        let source = include_str!("inputs.rs");
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
        assert_eq!(fields, INPUTS);
    }
}
