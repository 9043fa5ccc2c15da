//! The servers, and the patience with them.

use std::time::Duration;

use url::Url;

use crate::action::inputs::definition::{ALL, Definition, Input, inputs};
use crate::action::inputs::parse::{boolean, seconds, unquoted, url};
use crate::http::Authorities;

inputs! {
    /// Seconds for the whole Git part, retries included.
    TIMEOUT: Duration = Input::new("timeout", ALL, seconds).or("120");

    /// Certificates to trust beside the usual authorities, in PEM: of a private CA, or a server's own,
    /// which is then trusted for the names that it is for.
    CA_CERTIFICATE: Authorities = Input::new("ca-certificate", ALL, unquoted);

    /// Allow `http://` to a host other than this one: for Git, for the registry and for Argo CD. Tokens then
    /// travel unencrypted.
    PLAINTEXT: bool = Input::new("plaintext", ALL, boolean)
        .or("false")
        .formerly(&["argocd-plaintext"]);

    /// The GitHub server that `owner/name` is on.
    SERVER_URL: Url = Input::new("server-url", ALL, url)
        .or_of_run("${{ github.server_url }}", "https://github.com");

    /// The API of that server. With git it is only asked why access was denied.
    API_URL: Url = Input::new("api-url", ALL, url)
        .or_of_run("${{ github.api_url }}", "https://api.github.com");
}
