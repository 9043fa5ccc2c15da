//! A GitHub App's way to a repository: a token of its installation there, for an hour at most.
//!
//! Source: GitHub's documentation, "Generating a JSON Web Token (JWT) for a GitHub App" and
//! "Authenticating as a GitHub App installation".

use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use http::HeaderValue;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use url::Url;

use super::client::{CallError, Client, JSON};
use super::permissions::Scope;
use crate::deadline::Deadline;
use crate::http::exchange;
use crate::repository::{Access, Refusal, RepositoryError};
use crate::secrets;

/// How long the statement is good for that is shown to get the token, in seconds; GitHub takes 600.
const LIFETIME: i64 = 540;
/// Clocks differ: it is dated back by so many seconds.
const CLOCK_SKEW: u64 = 60;

/// A GitHub App, and the key that proves to be it.
pub struct App {
    /// Its id, or its client id.
    pub id: String,
    /// Its private key.
    pub key: AppKey,
}

/// A private RSA key. Nothing shows it.
pub struct AppKey(RsaKeyPair);

/// The text is no [`AppKey`]. It is a secret and is not repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAppKey {
    /// Nothing between `BEGIN … PRIVATE KEY` and `END`.
    #[error(
        "no private key in it: expected PEM, from `-----BEGIN RSA PRIVATE KEY-----` to `-----END RSA PRIVATE KEY-----`, as GitHub gave it, line ends included"
    )]
    NoPem,
    /// Something else than an RSA key, or a damaged one.
    #[error(
        "the private key in it can't be read ({0}): it is damaged, or no RSA key of 2048 bits or more"
    )]
    Unreadable(String),
}

impl FromStr for AppKey {
    type Err = InvalidAppKey;

    /// A key in PEM: as GitHub makes it (PKCS#1), or converted (PKCS#8).
    fn from_str(pem: &str) -> Result<Self, InvalidAppKey> {
        // Where a secret was stored with its line ends spelled out.
        let pem = pem.replace("\\n", "\n");
        let body = |kind: &str| {
            let (_, rest) = pem.split_once(&format!("-----BEGIN {kind}-----"))?;
            let (body, _) = rest.split_once(&format!("-----END {kind}-----"))?;
            let body: String = body.split_whitespace().collect();
            BASE64_STANDARD.decode(body).ok()
        };
        let unreadable =
            |error: ring::error::KeyRejected| InvalidAppKey::Unreadable(error.to_string());
        if let Some(der) = body("RSA PRIVATE KEY") {
            return RsaKeyPair::from_der(&der).map(Self).map_err(unreadable);
        }
        let der = body("PRIVATE KEY").ok_or(InvalidAppKey::NoPem)?;
        RsaKeyPair::from_pkcs8(&der).map(Self).map_err(unreadable)
    }
}

/// Why there is no token. `detail` is what GitHub said.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppError {
    /// GitHub does not take the key for this app's.
    #[error("{detail}")]
    Refused {
        /// GitHub's words.
        detail: String,
    },
    /// The app is not installed on the repository, or that is not there.
    #[error("{detail}")]
    NotInstalled {
        /// GitHub's words.
        detail: String,
    },
    /// The server knows no such app.
    #[error("{detail}")]
    Unknown {
        /// GitHub's words.
        detail: String,
    },
    /// Somebody suspended the installation.
    #[error("{detail}")]
    Suspended {
        /// GitHub's words.
        detail: String,
    },
    /// The installation lacks a permission.
    #[error("{detail}")]
    Permission {
        /// GitHub's words.
        detail: String,
    },
    /// GitHub can't be asked.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// The machine has no randomness.
    #[error("the app's key can't sign: the system gives no randomness")]
    Signing,
}

/// Gets a token for the repository `name` (`owner/name`) and nothing else.
///
/// # Errors
/// See [`AppError`].
pub async fn installation_token(
    app: &App,
    name: &str,
    scope: Scope,
    http: reqwest::Client,
    api_url: &Url,
    deadline: Deadline,
) -> Result<SecretString, AppError> {
    #[derive(Deserialize)]
    struct Installation {
        id: u64,
    }
    #[derive(Deserialize)]
    struct Minted {
        token: SecretString,
    }
    let asked = format!("/repos/{name}/installation");
    let refused = |error: RepositoryError| match error {
        RepositoryError::Refused {
            refusal: Refusal::Token,
            detail,
            ..
        } => AppError::Refused { detail },
        RepositoryError::Refused { detail, .. } if detail.contains("suspended") => {
            AppError::Suspended { detail }
        }
        other => AppError::Repository(other),
    };
    let mut now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs() as i64);
    let mut is_corrected = false;
    let (client, answer, path) = loop {
        let statement = statement(app, now).ok_or(AppError::Signing)?;
        let client = Client::new(http.clone(), api_url, &statement, deadline.clone())?;
        let (answer, path) = client.ask(&asked, JSON).await?;
        // GitHub goes by its own clock, and says what that shows.
        match exchange::date(&answer.headers).map(|date| date.timestamp()) {
            Some(date)
                if answer.status == 401 && !is_corrected && date.abs_diff(now) > CLOCK_SKEW / 2 =>
            {
                (now, is_corrected) = (date, true);
            }
            _ => break (client, answer, path),
        }
    };
    if answer.status == 404 {
        let is_unknown = String::from_utf8_lossy(&answer.body).contains("Integration not found");
        let detail = format!("{} answered HTTP 404", client.host());
        return Err(match is_unknown {
            true => AppError::Unknown { detail },
            false => AppError::NotInstalled { detail },
        });
    }
    let answer = client
        .checked(Access::Read, answer)
        .map_err(|error| refused(error.of_read()))?;
    let Ok(Installation { id }) = serde_json::from_slice(&answer.body) else {
        let what = format!("{} answered with no installation", client.host());
        let is_older = false;
        return Err(RepositoryError::NotApi { what, is_older }.into());
    };
    let permissions: serde_json::Map<String, Json> = scope
        .permissions()
        .into_iter()
        .map(|permission| (permission.key.to_owned(), permission.level().into()))
        .collect();
    // What it is called now: a former name is good for questions alone.
    let mut body = json!({ "permissions": permissions });
    match path
        .split('/')
        .skip_while(|part| !["repos", "repositories"].contains(part))
        .collect::<Vec<_>>()[..]
    {
        ["repositories", id, ..] if id.parse::<u64>().is_ok() => {
            body["repository_ids"] = json!([id.parse::<u64>().unwrap_or_default()]);
        }
        ["repos", _, name, ..] => body["repositories"] = json!([name]),
        _ => body["repositories"] = json!([name.rsplit('/').next().unwrap_or(name)]),
    }
    let path = format!("/app/installations/{id}/access_tokens");
    let minted = client.post::<Minted>(&path, &body).await;
    let minted = minted
        .map(|minted| minted.token)
        .map_err(|error| match error {
            CallError::Failed { error, .. } => match error {
                RepositoryError::Protocol { what } if what.contains("not accessible") => {
                    AppError::NotInstalled { detail: what }
                }
                RepositoryError::Protocol { what } => AppError::Permission { detail: what },
                RepositoryError::Refused {
                    refusal: Refusal::Access,
                    detail,
                    ..
                } if !detail.contains("suspended") => AppError::Permission { detail },
                other => refused(other),
            },
            other => AppError::Repository(other.of_read()),
        })?;
    if HeaderValue::from_str(minted.expose_secret()).is_err() {
        let what = format!("{} gave a token that no request can carry", client.host());
        return Err(RepositoryError::protocol(what).into());
    }
    secrets::hide(&minted);
    Ok(minted)
}

/// What the app shows to be itself: a JSON Web Token, signed with its key (RS256).
fn statement(app: &App, now: i64) -> Option<SecretString> {
    let encoded = |json: Json| BASE64_URL_SAFE_NO_PAD.encode(json.to_string());
    let header = encoded(json!({"alg": "RS256", "typ": "JWT"}));
    let claims = encoded(json!({
        "iat": now - CLOCK_SKEW as i64, "exp": now + LIFETIME, "iss": app.id,
    }));
    let text = format!("{header}.{claims}");
    let key = &app.key.0;
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        text.as_bytes(),
        &mut signature,
    )
    .ok()?;
    Some(format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature)).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_key_is_refused_without_being_repeated() {
        let told = |text: &str| text.parse::<AppKey>().err().unwrap().to_string();
        assert!(told("s3cret").starts_with("no private key in it"));
        let damaged = "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n";
        assert!(told(damaged).starts_with("the private key in it can't be read"));
        assert!(!told(damaged).contains("AAAA"));
    }
}
