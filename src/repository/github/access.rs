//! Why GitHub refused: its Git server says `403` or `404` and little more, its API knows better.

use std::time::Duration;

use octocrab::Octocrab;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

use crate::http::exchange::{self, Patience};

/// The answer is for a message only, so it is worth no long wait.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The most that it may be.
const MAX_ANSWER: usize = 1 << 20;

/// What a token is, by its prefix (GitHub's documentation, "GitHub's token formats").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// `ghp_`: a classic personal access token.
    Classic,
    /// `github_pat_`: a fine-grained one.
    FineGrained,
    /// `ghs_`: of a GitHub App's installation, the workflow's own `GITHUB_TOKEN` among them.
    Installation,
    /// Any other.
    Other,
}

impl TokenKind {
    /// Whether a token has the form of GitHub's.
    pub fn is_githubs(token: &SecretString) -> bool {
        let prefixes = ["ghs_", "ghp_", "gho_", "ghu_", "github_pat_"];
        let token = token.expose_secret();
        prefixes.iter().any(|prefix| token.starts_with(prefix))
    }

    /// The kind of `token`.
    pub fn of(token: &SecretString) -> Self {
        let token = token.expose_secret();
        if token.starts_with("ghp_") {
            Self::Classic
        } else if token.starts_with("github_pat_") {
            Self::FineGrained
        } else if token.starts_with("ghs_") {
            Self::Installation
        } else {
            Self::Other
        }
    }
}

/// What the API says of a token and a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// Nothing: it could not be asked, or gave no clear answer.
    Nothing,
    /// The token is no valid one.
    TokenRefused,
    /// The organisation wants the token to be authorized for its single sign-on.
    SignOnRequired {
        /// Where to do it, if the API says so.
        url: Option<String>,
    },
    /// The token is valid, and no such repository is visible with it.
    NotVisible {
        /// The scopes of a classic token.
        scopes: Option<Vec<String>>,
    },
    /// The repository is visible.
    Visible {
        /// Whether the token's owner may push, where the API says so.
        push: Option<bool>,
        /// Whether it is archived, and so read-only for everyone.
        archived: bool,
        /// The scopes of a classic token.
        scopes: Option<Vec<String>>,
    },
}

#[derive(Deserialize)]
struct RepositoryBody {
    #[serde(default)]
    archived: bool,
    permissions: Option<Permissions>,
}

#[derive(Deserialize)]
struct Permissions {
    push: bool,
}

/// Asks the API at `api_url` what it knows of `repository` (`owner/name`) with `token`.
pub async fn diagnose(
    client: reqwest::Client,
    api_url: &Url,
    repository: &str,
    token: &SecretString,
) -> Finding {
    let asked = ask(client, api_url, repository, token).await;
    asked.unwrap_or(Finding::Nothing)
}

async fn ask(
    client: reqwest::Client,
    api_url: &Url,
    repository: &str,
    token: &SecretString,
) -> Option<Finding> {
    let github = Octocrab::builder().base_uri(api_url.as_str()).ok()?;
    let github = github.personal_token(token.clone());
    let github = github.build_with_reqwest(client).ok()?;
    let request = async {
        let response = github._get(format!("/repos/{repository}")).await?;
        Ok::<_, octocrab::Error>(response.map(reqwest::Body::wrap).into())
    };
    let incoming = exchange::send(request, Patience::of(TIMEOUT)).await.ok()?;
    let answer = incoming.json(MAX_ANSWER).await.ok()?;
    let scopes = answer.header("x-oauth-scopes").map(|scopes| {
        let scopes = scopes
            .split(',')
            .map(str::trim)
            .filter(|scope| !scope.is_empty());
        scopes.map(str::to_owned).collect()
    });
    let sign_on = answer.header("x-github-sso");
    let sign_on = sign_on.map(|value| value.split("url=").nth(1).map(str::to_owned));
    Some(match answer.status {
        200 => {
            let RepositoryBody {
                archived,
                permissions,
            } = serde_json::from_slice(&answer.body).ok()?;
            Finding::Visible {
                push: permissions.map(|permissions| permissions.push),
                archived,
                scopes,
            }
        }
        401 => Finding::TokenRefused,
        403 if sign_on.is_some() => Finding::SignOnRequired {
            url: sign_on.flatten(),
        },
        404 => Finding::NotVisible { scopes },
        _ => Finding::Nothing,
    })
}

#[cfg(test)]
mod tests {
    use wiremock::matchers::{header, method, path};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;

    async fn finding(answer: ResponseTemplate) -> Finding {
        let server = MockServer::start().await;
        Mock::given(method("GET"))
            .and(path("/api/v3/repos/wlals2/k8s-manifests"))
            .and(header("authorization", "Bearer ghp_1"))
            .respond_with(answer)
            .expect(1)
            .mount(&server)
            .await;
        let api_url = Url::parse(&format!("{}/api/v3", server.uri())).unwrap();
        let client = crate::http::client(&Default::default()).unwrap();
        diagnose(client, &api_url, "wlals2/k8s-manifests", &"ghp_1".into()).await
    }

    #[tokio::test]
    async fn the_apis_answers_are_told_apart() {
        let bad = r#"{"message":"Bad credentials","documentation_url":"https://docs.github.com/rest","status":"401"}"#;
        assert_eq!(
            finding(ResponseTemplate::new(401).set_body_raw(bad, "application/json")).await,
            Finding::TokenRefused
        );
        let missing = r#"{"message":"Not Found","documentation_url":"https://docs.github.com/rest/repos/repos#get-a-repository","status":"404"}"#;
        assert_eq!(
            finding(
                ResponseTemplate::new(404)
                    .insert_header("x-oauth-scopes", "read:org, workflow")
                    .set_body_raw(missing, "application/json")
            )
            .await,
            Finding::NotVisible {
                scopes: Some(vec!["read:org".into(), "workflow".into()])
            }
        );
        let read_only = r#"{"id":1,"name":"k8s-manifests","archived":false,"permissions":{"admin":false,"push":false,"pull":true}}"#;
        assert_eq!(
            finding(ResponseTemplate::new(200).set_body_raw(read_only, "application/json")).await,
            Finding::Visible {
                push: Some(false),
                archived: false,
                scopes: None
            }
        );
        let sso = "required; url=https://github.com/orgs/wlals2/sso?authorization_request=1";
        assert_eq!(
            finding(ResponseTemplate::new(403).insert_header("x-github-sso", sso)).await,
            Finding::SignOnRequired {
                url: Some("https://github.com/orgs/wlals2/sso?authorization_request=1".into())
            }
        );
        assert_eq!(finding(ResponseTemplate::new(502)).await, Finding::Nothing);
    }
}
