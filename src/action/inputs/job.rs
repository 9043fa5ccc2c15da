//! What the job gives beside the inputs: an ID token, which says who it is.

use secrecy::SecretString;
use url::Url;

use crate::action::environment::Environment;
use crate::oidc::IdTokens;

/// Where GitHub gives out ID tokens, and what it is asked with: for jobs with `id-token: write`.
/// Source: `ContainerActionHandler.cs` in actions/runner.
const REQUEST_URL: &str = "ACTIONS_ID_TOKEN_REQUEST_URL";
const REQUEST_TOKEN: &str = "ACTIONS_ID_TOKEN_REQUEST_TOKEN";
/// An ID token that the CI system made when the job started, such as GitLab by `id_tokens:`.
const ID_TOKEN: &str = "ARGOCD_ID_TOKEN";

/// The job of this run.
#[derive(Default)]
pub struct Job {
    /// Where its ID token comes from, if it may have one.
    pub id_tokens: Option<IdTokens>,
    /// Whether it is one of GitHub Actions.
    pub is_githubs: bool,
}

impl Job {
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
        }
    }
}

/// What of it must never be shown.
pub fn secrets(environment: &Environment) -> Vec<SecretString> {
    let texts = [REQUEST_TOKEN, ID_TOKEN]
        .into_iter()
        .filter_map(|name| environment.get(name));
    texts.map(|text| SecretString::from(text.trim())).collect()
}
