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
    let token_username = given.read(&TOKEN_USERNAME);
    // Where it is wrong, what is made of the rest is still to be checked.
    let timeout = given.read(&TIMEOUT).unwrap_or_default();
    let trusted = given.read(&CA_CERTIFICATE).unwrap_or_default();
    Some(Remote {
        location: location?,
        branch,
        token,
        token_username: token_username?,
        app,
        timeout,
        trusted,
        transport: transport?,
        api_url: api_url?,
    })
}
