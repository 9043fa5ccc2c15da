//! How to reach the repository, and as whom.

use secrecy::SecretString;

use crate::action::inputs::definition::{
    ALL, Definition, Input, Problems, Secret, WRITING, inputs,
};
use crate::action::inputs::given::Given;
use crate::action::inputs::parse::{Keyword, choice, parsed, text};
use crate::http::Credentials;
use crate::operation::session::Remote;
use crate::repository::Location;
use crate::repository::github::app::{App, AppKey};
use crate::repository::signing::SigningKey;
use crate::repository::transport::{Choice, Transport};

inputs! {
    /// A token that may write to `repository`. The default reaches only the repository that the
    /// workflow runs in.
    TOKEN: SecretString = Input::new("token", ALL, token)
        .or_of_run("${{ github.token }}", "")
        .secret(Secret::WithName(&TOKEN_USERNAME));

    /// A token that may read the repository that the image is built from, to tell which commits are in a
    /// deployment. It goes to `api-url` alone. The default reads the repository that the workflow runs in.
    SOURCE_TOKEN: SecretString = Input::new("source-token", WRITING, token)
        .or_of_run("${{ github.token }}", "")
        .secret(Secret::Whole);

    /// The name that goes with `token` over git, where the server wants a certain one, such as
    /// `x-token-auth` ([docs/recipes.md](docs/recipes.md#other-servers)).
    TOKEN_USERNAME: String = Input::new("token-username", ALL, token_username).or(Credentials::ANY_USERNAME);

    /// A GitHub App to get the token with, in place of `token`; its App ID or Client ID. The token
    /// is for `repository` alone, and for an hour at most.
    APP_ID: String = Input::new("app-id", ALL, text);

    /// The app's private key, in PEM.
    APP_PRIVATE_KEY: AppKey = Input::new("app-private-key", ALL, parsed).secret(Secret::Lines);

    /// A private key that signs the commits made over git: OpenSSH's, ed25519 or RSA, without a passphrase.
    /// Over its API, GitHub signs.
    SIGNING_KEY: SigningKey = Input::new("signing-key", WRITING, parsed).secret(Secret::Lines);

    /// How to reach the repository. `api` is GitHub's API (two requests, and GitHub signs the commits),
    /// `git` is git's own protocol, `auto` is `api` on GitHub and `git` elsewhere.
    TRANSPORT: Transport = Input::new("transport", ALL, choice).or("auto");
}

impl Keyword for Transport {
    const WORDS: &[(&str, Self)] = &[("auto", Self::Auto), ("api", Self::Api), ("git", Self::Git)];
}

fn token(text: &str, problems: &mut Problems<'_>) -> Option<SecretString> {
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        problems.add("white space in the middle of it: the secret was not pasted as one piece");
    } else if text.len() > 1 && text.starts_with(['"', '\'']) && text.ends_with(['"', '\'']) {
        problems.add("quotes around it: store the secret without them");
    } else if !text.is_ascii() {
        problems.add("a character that no token has: the secret was not pasted as it is");
    } else {
        return Some(text.into());
    }
    None
}

fn token_username(text: &str, problems: &mut Problems<'_>) -> Option<String> {
    if text.chars().any(|c| c == ':' || c.is_control()) {
        // Not quoted: what is behind the colon may be the secret.
        let why = "a colon or a line end in it: give the name alone, and the secret as `token`";
        problems.add(why);
        return None;
    }
    Some(text.to_owned())
}

/// The GitHub App that is to get the token, or the token.
pub fn access(
    given: &mut Given,
    location: Option<&Location>,
) -> (Option<App>, Option<SecretString>) {
    if given.has(&APP_ID) || given.has(&APP_PRIVATE_KEY) {
        // The workflow's own token is always there, and is not meant.
        return (app(given, location), None);
    }
    // A repository on this machine asks for none.
    if !given.has(&TOKEN) && location.is_some_and(|location| !location.is_local()) {
        let why = given.job.on_empty(
            "empty: the repository is neither read nor written without one",
            "Where it comes from a secret, that secret is not set here: check its name, that the repository, organisation or \
             environment has it, and that the run was not started by a fork or by Dependabot, which get none",
        );
        given.refuse(&TOKEN, why);
    }
    (None, given.read(&TOKEN))
}

fn app(given: &mut Given, location: Option<&Location>) -> Option<App> {
    if !given.has(&APP_PRIVATE_KEY) {
        let why = given.job.on_empty(
            "empty, though `app-id` is given",
            "Where it comes from a secret, that secret is not set here",
        );
        given.refuse(&APP_PRIVATE_KEY, why);
    }
    if !given.has(&APP_ID) {
        let why = "required with `app-private-key`: the App ID, or the Client ID, of the app's settings page";
        given.refuse(&APP_ID, why);
    }
    if location.is_some_and(|location| location.github_name().is_none()) {
        let why = "the repository is not on the GitHub server that `server-url` names";
        given.refuse(&APP_ID, why);
    }
    let (key, id) = (given.read(&APP_PRIVATE_KEY), given.read(&APP_ID));
    Some(App { id: id?, key: key? })
}

/// A key signs nothing where GitHub makes the commits.
pub fn signing(given: &mut Given, remote: Option<&Remote>) {
    let over_api = remote.is_some_and(|remote| matches!(remote.transport, Choice::Api { .. }));
    if over_api && given.has(&SIGNING_KEY) {
        let why = "signs commits that are made over git, and here GitHub's API makes them (GitHub signs them for an app and for GITHUB_TOKEN): set `transport: git`, without `pull-request`, or leave it out";
        given.refuse(&SIGNING_KEY, why);
    }
}
