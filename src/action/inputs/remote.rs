//! Where the manifests are: what every operation that reads Git takes.

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::problems::{Problems, list};
use super::{DEFAULT_TOKEN_USERNAME, Raw};
use crate::files::{FileSelection, Pattern};
use crate::http::AuthoritiesError;
use crate::operation::session::Remote;
use crate::repository::Location;
use crate::repository::github::app::{App, InvalidAppKey};
use crate::repository::transport::Transport;

/// The repository and the way to it; none where something is wrong with them.
pub(super) fn remote(raw: &Raw, problems: &mut Problems) -> Option<Remote> {
    let server_url = problems.url(
        "server-url",
        raw.server_url.as_deref(),
        "https://github.com",
    );
    let api_url = problems.url("api-url", raw.api_url.as_deref(), "https://api.github.com");
    let location = location(raw.repository.as_deref(), server_url.as_ref(), problems);
    let transport = raw
        .transport
        .as_deref()
        .map_or(Some(Transport::default()), |transport| {
            problems.parse("transport", transport.trim())
        });
    let transport = match (transport, &location, &api_url) {
        (Some(transport), Some(location), Some(api_url)) => transport
            .choose(location, api_url)
            .map_err(|why| problems.add("transport", raw.transport.as_deref(), why))
            .ok(),
        _ => None,
    };
    let branch = raw
        .branch
        .as_deref()
        .and_then(|branch| problems.parse("branch", branch.trim()));
    let app = app(raw, location.as_ref(), problems);
    let token = match raw.app_id.is_some() || raw.app_private_key.is_some() {
        // The workflow's own is always there, and is not meant.
        true => None,
        false => token(raw.token.as_ref(), location.as_ref(), problems),
    };
    let token_username = token_username(raw, problems);
    let timeout = problems.seconds("timeout", raw.timeout.as_deref(), 120);
    let trusted = raw.ca_certificate.as_deref().and_then(|pem| {
        // Not quoted: it is long, and may be a private key by mistake.
        let add =
            |error: AuthoritiesError| problems.add("ca-certificate", None, &error.to_string());
        pem.parse().map_err(add).ok()
    });
    Some(Remote {
        location: location?,
        branch,
        token,
        token_username: token_username?,
        app,
        timeout,
        trusted: trusted.unwrap_or_default(),
        transport: transport?,
        api_url: api_url?,
    })
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

pub(super) fn files(text: Option<&str>, problems: &mut Problems) -> Option<FileSelection> {
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

/// The GitHub App that is to get the token.
fn app(raw: &Raw, location: Option<&Location>, problems: &mut Problems) -> Option<App> {
    let (id, key) = (raw.app_id.as_deref(), raw.app_private_key.as_ref());
    match (id, key) {
        (None, None) => return None,
        (Some(_), None) => {
            let why = "empty, though `app-id` is given. Where it comes from a secret, that secret is not set here";
            problems.add("app-private-key", None, why);
        }
        (None, Some(_)) => {
            let why = "required with `app-private-key`: the App ID, or the Client ID, of the app's settings page";
            problems.add("app-id", None, why);
        }
        (Some(_), Some(_)) => {}
    }
    if location.is_some_and(|location| location.github_name().is_none()) {
        let why = "the repository is not on the GitHub server that `server-url` names";
        problems.add("app-id", None, why);
    }
    let key = key?.expose_secret().parse();
    let add = |error: InvalidAppKey| problems.add("app-private-key", None, &error.to_string());
    let key = key.map_err(add).ok()?;
    let id = id?.trim().to_owned();
    Some(App { id, key })
}

/// The name that goes with the token.
fn token_username(raw: &Raw, problems: &mut Problems) -> Option<String> {
    let name = raw.token_username.as_deref().map(str::trim);
    let name = name.unwrap_or(DEFAULT_TOKEN_USERNAME);
    if name.chars().any(|c| c == ':' || c.is_control()) {
        // Not quoted: what is behind the colon may be the secret.
        let why = "a colon or a line end in it: give the name alone, and the secret as `token`";
        problems.add("token-username", None, why);
        return None;
    }
    Some(name.to_owned())
}

fn token(
    token: Option<&SecretString>,
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
    if !text.is_ascii() {
        let why = "a character that no token has: the secret was not pasted as it is";
        problems.add("token", None, why);
        return None;
    }
    Some(text.into())
}
