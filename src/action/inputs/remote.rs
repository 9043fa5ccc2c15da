//! Where the manifests are: what every operation that reads Git takes.

use std::sync::Arc;

use secrecy::SecretString;

use super::given::Given;
use super::groups::access::{SIGNING_KEY, SOURCE_TOKEN, TOKEN, TOKEN_USERNAME, TRANSPORT, access};
use super::groups::server::{API_URL, CA_CERTIFICATE, PLAINTEXT, SERVER_URL, TIMEOUT};
use super::groups::target::{BRANCH, REPOSITORY, location};
use crate::http::text::{host, is_cleartext, is_loopback};
use crate::operation::session::{Remote, SourceAccess};
use crate::repository::Location;
use crate::repository::forge::Known;
use crate::repository::github::access::TokenKind;
use crate::repository::github::permissions::Scope;

/// GitHub's tokens are for GitHub: another server gets none, not even where `token` was only left out.
fn stays_home(given: &mut Given, location: &Location, token: Option<&SecretString>) {
    let Some(token) = token else { return };
    let is_githubs = TokenKind::is_githubs(token);
    if is_githubs && !location.is_on_server() && !is_loopback(location.url()) {
        let why = format!(
            "a token of GitHub's, which must not be sent to {}: give a token of that server (left out, `token` is the workflow's own GITHUB_TOKEN)",
            location.host()
        );
        given.refuse(&TOKEN, why);
    }
}

/// The repository and the way to it; none where something is wrong with them.
pub fn remote(given: &mut Given) -> Option<Remote> {
    let (server_url, api_url) = (given.read(&SERVER_URL), given.read(&API_URL));
    let location = location(given, server_url.as_ref());
    let transport = given.read(&TRANSPORT);
    let transport = match (transport, &location, &api_url) {
        (Some(transport), Some(location), Some(api_url)) => {
            let choice = transport.choose(location, api_url);
            // Only `api` can be the wrong one.
            let refuse = |why| given.problems_of(&TRANSPORT).quote("api", why);
            choice.map_err(refuse).ok()
        }
        _ => None,
    };
    let branch = given.read(&BRANCH);
    let (app, token) = access(given, location.as_ref());
    let plaintext = given.read(&PLAINTEXT).unwrap_or_default();
    if let (Some(location), Some(api_url)) = (&location, &api_url) {
        stays_home(given, location, token.as_ref());
        let named = given.text(&REPOSITORY.definition).unwrap_or_default();
        let input = match named.contains("://") {
            true => &REPOSITORY.definition,
            false => &SERVER_URL.definition,
        };
        let mut asked = vec![(input, location.url())];
        if location.github_name().is_some() {
            asked.push((&API_URL.definition, api_url));
        }
        for (input, url) in asked
            .into_iter()
            .filter(|(_, url)| !plaintext && is_cleartext(url))
        {
            let host = host(url);
            let why = format!(
                "`http://` would send the token unencrypted to {host}: use https://. Where the way is private, `plaintext: true` allows it"
            );
            given.problem(input, why);
        }
    }
    let token_username = given.read(&TOKEN_USERNAME);
    let signing_key = given.read(&SIGNING_KEY).map(Arc::new);
    // Where it is wrong, what is made of the rest is still to be checked.
    let timeout = given.read(&TIMEOUT).unwrap_or_default();
    let trusted = given.read(&CA_CERTIFICATE).unwrap_or_default();
    Some(Remote {
        location: location?,
        branch,
        token,
        token_username: token_username?,
        signing_key,
        app,
        timeout,
        trusted,
        transport: transport?,
        proposes: false,
        scope: Scope::READING,
        forge: Known::default(),
        api_url: api_url?,
        sources: SourceAccess {
            token: given.read(&SOURCE_TOKEN),
            server: server_url?,
        },
    })
}
