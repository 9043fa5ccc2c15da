//! What the job gives beside the inputs: an ID token, which says who it is, and the proxies of its network.

use secrecy::SecretString;
use url::{Url, form_urlencoded};

use crate::action::context::withheld;
use crate::action::environment::Environment;
use crate::deployment::Withheld;
use crate::http::Credentials;
use crate::oidc::IdTokens;

/// Where GitHub gives out ID tokens, and what it is asked with: for jobs with `id-token: write`.
/// Source: `ContainerActionHandler.cs` in actions/runner.
const REQUEST_URL: &str = "ACTIONS_ID_TOKEN_REQUEST_URL";
const REQUEST_TOKEN: &str = "ACTIONS_ID_TOKEN_REQUEST_TOKEN";
/// An ID token that the CI system made when the job started, such as GitLab by `id_tokens:`.
const ID_TOKEN: &str = "ARGOCD_ID_TOKEN";
/// Proxies, whose URLs may have a name and a password; in lower case as well.
const PROXIES: [&str; 3] = ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"];

/// The job of this run.
#[derive(Default)]
pub struct Job {
    /// Where its ID token comes from, if it may have one.
    pub id_tokens: Option<IdTokens>,
    /// Whether it is one of GitHub Actions.
    pub is_githubs: bool,
    /// Why it gets no secrets, where that is known.
    pub withheld: Option<Withheld>,
}

impl Job {
    /// Why a secret is empty, where that is known; else `otherwise`.
    pub fn on_empty(&self, what: &str, otherwise: &str) -> String {
        match self.withheld {
            Some(withheld) => format!("{what}. {}", withheld.told()),
            None => format!("{what}. {otherwise}"),
        }
    }

    /// By its variables. What can be asked for again goes before a token that was made once.
    pub fn of(environment: &Environment) -> Self {
        let secret = |name| {
            environment
                .get(name)
                .map(|text| SecretString::from(text.trim()))
        };
        let url = environment
            .get(REQUEST_URL)
            .and_then(|url| Url::parse(url).ok());
        let asked = || {
            Some(IdTokens::Asked {
                url: url?,
                token: secret(REQUEST_TOKEN)?,
            })
        };
        Self {
            id_tokens: asked().or_else(|| secret(ID_TOKEN).map(IdTokens::Given)),
            is_githubs: environment.get("GITHUB_ACTIONS") == Some("true"),
            withheld: withheld(environment),
        }
    }
}

/// What of it must never be shown.
pub fn secrets(environment: &Environment) -> Vec<SecretString> {
    let texts = [REQUEST_TOKEN, ID_TOKEN]
        .into_iter()
        .filter_map(|name| environment.get(name));
    let tokens = texts.map(|text| SecretString::from(text.trim()));
    let proxies = PROXIES
        .into_iter()
        .flat_map(|name| [name.to_owned(), name.to_lowercase()])
        .filter_map(|name| login(environment.get(&name)?));
    tokens.chain(proxies.flatten()).collect()
}

/// The password of a proxy's URL, in every form in which it travels.
fn login(proxy: &str) -> Option<Vec<SecretString>> {
    let (before, _) = proxy.rsplit_once('@')?;
    let (_, login) = before.rsplit_once("//").unwrap_or(("", before));
    let (username, password) = login.split_once(':')?;
    // A form has more that means something than a URL.
    let decoded = |text: &str| {
        let text = text
            .replace('+', "%2B")
            .replace('&', "%26")
            .replace('=', "%3D");
        let mut read = form_urlencoded::parse(text.as_bytes());
        read.next()
            .map_or_else(String::new, |(text, _)| text.into_owned())
    };
    let credentials = Credentials {
        username: decoded(username),
        password: decoded(password).into(),
    };
    let as_written = SecretString::from(password);
    (!password.is_empty()).then(|| {
        credentials
            .secrets()
            .into_iter()
            .chain([as_written])
            .collect()
    })
}
