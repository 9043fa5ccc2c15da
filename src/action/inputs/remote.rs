//! Where the manifests are: what every operation that reads Git takes.

use super::given::Given;
use super::groups::access::{TOKEN_USERNAME, TRANSPORT, access};
use super::groups::server::{API_URL, CA_CERTIFICATE, SERVER_URL, TIMEOUT};
use super::groups::target::{BRANCH, location};
use crate::operation::session::Remote;

/// The repository and the way to it; none where something is wrong with them.
pub fn remote(given: &mut Given) -> Option<Remote> {
    let (server_url, api_url) = (given.read(&SERVER_URL), given.read(&API_URL));
    let location = location(given, server_url.as_ref());
    let transport = given.read(&TRANSPORT);
    let transport = match (transport, &location, &api_url) {
        (Some(transport), Some(location), Some(api_url)) => transport
            .choose(location, api_url)
            .map_err(|why| {
                let text = given
                    .text(&TRANSPORT.definition)
                    .unwrap_or_default()
                    .to_owned();
                given.problems_of(&TRANSPORT).quote(&text, why);
            })
            .ok(),
        _ => None,
    };
    let branch = given.read(&BRANCH);
    let (app, token) = access(given, location.as_ref());
    let token_username = given.read(&TOKEN_USERNAME);
    let timeout = given.read(&TIMEOUT);
    let trusted = given.read(&CA_CERTIFICATE).unwrap_or_default();
    Some(Remote {
        location: location?,
        branch,
        token,
        token_username: token_username?,
        app,
        timeout: timeout?,
        trusted,
        transport: transport?,
        api_url: api_url?,
    })
}
