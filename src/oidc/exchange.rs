//! A token in exchange for an ID token (RFC 8693), as Dex gives it out.
//!
//! Source: `server/grants/tokenexchange.go` in dexidp/dex, and `util/dex/dex.go` in argoproj/argo-cd, which is
//! in front of it.

use std::time::{Duration, SystemTime};

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::Value;
use url::{Url, form_urlencoded};

use super::claims::{Claims, shown};
use super::error::{OidcError, Refusal};
use crate::http::exchange::{self, Answer, ExchangeError, Passing, Patience};
use crate::http::text::{answered, host};
use crate::limits::TOKEN;
use crate::secrets;

/// Who exchanges what, and as whom it is asked.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The token endpoint.
    pub endpoint: Url,
    /// The client that asks, which has no secret.
    pub client: &'static str,
    /// Which of Dex's connectors knows the issuer of the ID token.
    pub connector: String,
}

/// What came in exchange.
#[derive(Debug)]
pub(super) struct Exchanged {
    pub(super) token: SecretString,
    /// How long it is good for, where that is known.
    pub(super) life: Option<Duration>,
}

impl Exchange {
    /// The token for an ID token.
    pub(super) async fn exchange(
        &self,
        id_token: &SecretString,
        http: &reqwest::Client,
        patience: &Patience,
    ) -> Result<Exchanged, OidcError> {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("connector_id", &self.connector)
            .append_pair(
                "grant_type",
                "urn:ietf:params:oauth:grant-type:token-exchange",
            )
            // The last one has Dex say who the ID token is about, by which Argo CD goes since 3.0.
            .append_pair("scope", "openid email profile federated:id")
            .append_pair(
                "requested_token_type",
                "urn:ietf:params:oauth:token-type:access_token",
            )
            .append_pair("subject_token", id_token.expose_secret())
            .append_pair(
                "subject_token_type",
                "urn:ietf:params:oauth:token-type:id_token",
            )
            .finish();
        let request = http
            .post(self.endpoint.clone())
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .basic_auth(self.client, Some(""))
            .body(form);
        let exchange = async {
            let incoming = exchange::send(request.send(), patience.clone()).await?;
            incoming.json(TOKEN.most() as usize).await
        };
        let answer = exchange.await.map_err(|error| match error {
            ExchangeError::TooLarge => Refusal::NoEndpoint(error.told(&self.place())).into(),
            error => OidcError::Wire(error),
        })?;
        self.read(&answer, id_token)
    }

    /// The token endpoint, for a person.
    fn place(&self) -> String {
        format!("{}{}", host(&self.endpoint), self.endpoint.path())
    }

    fn read(&self, answer: &Answer, id_token: &SecretString) -> Result<Exchanged, OidcError> {
        #[derive(Deserialize)]
        struct Given {
            access_token: SecretString,
            // Of which some make a text, or a fraction.
            #[serde(default)]
            expires_in: Value,
        }
        let place = self.place();
        if let Some(target) = answer.target(&self.endpoint) {
            // What Argo CD makes of an error of its Dex.
            if target.query() == Some("has_sso_error=true") {
                let why = format!("Dex at {place} has failed (HTTP 500)");
                return Err(Refusal::Trouble(why).into());
            }
            return Err(OidcError::Redirected(target));
        }
        if !answer.is_success() {
            return Err(self.refusal(answer, id_token));
        }
        let given = serde_json::from_slice::<Given>(&answer.body).ok();
        let given = given.filter(|given| !given.access_token.expose_secret().is_empty());
        if let Some(given) = &given {
            secrets::given_out(&given.access_token);
        }
        let given =
            given.filter(|given| HeaderValue::from_str(given.access_token.expose_secret()).is_ok());
        let Some(Given {
            access_token: token,
            expires_in,
        }) = given
        else {
            let why = format!("{place} answered with something that is not a token");
            return Err(Refusal::NoEndpoint(why).into());
        };
        let by_claims = || {
            let claims = Claims::of(&token)?;
            u64::try_from(claims.ends?.checked_sub(claims.issued?)?).ok()
        };
        let life = expires_in.as_u64().or_else(by_claims);
        Ok(Exchanged {
            token,
            life: life.filter(|life| *life > 0).map(Duration::from_secs),
        })
    }

    fn refusal(&self, answer: &Answer, id_token: &SecretString) -> OidcError {
        #[derive(Deserialize)]
        struct Problem {
            error: String,
            error_description: Option<String>,
        }
        let status = answer.status;
        let problem = serde_json::from_slice::<Problem>(&answer.body).ok();
        let words = problem.as_ref().map(|problem| {
            let description = problem.error_description.as_deref().unwrap_or_default();
            match shown(description) {
                description if description.is_empty() => shown(&problem.error),
                description => description,
            }
        });
        let said = answered(&self.place(), status, words.as_deref().unwrap_or_default());
        let kind = problem.as_ref().map(|problem| problem.error.as_str());
        let passing = Passing::of(status, &answer.headers);
        match (status, kind) {
            _ if passing.is_rate_limit => Refusal::RateLimit(passing.told(said)).into(),
            (408 | 425 | 500.., _) => Refusal::Trouble(said).into(),
            (_, Some("access_denied")) => {
                let claims = Claims::of(id_token).map(Box::new);
                let now =
                    exchange::date(&answer.headers).unwrap_or_else(|| SystemTime::now().into());
                let ends = claims.as_ref().and_then(|claims| claims.ends);
                let is_over = ends.is_some_and(|ends| ends <= now.timestamp());
                Refusal::IdToken {
                    said,
                    claims,
                    is_over,
                }
                .into()
            }
            (_, Some("unsupported_grant_type")) => Refusal::NotOffered(said).into(),
            (_, Some("invalid_request")) if said.contains("does not support this grant") => {
                Refusal::NotOffered(said).into()
            }
            (_, Some("invalid_request")) if said.contains("onnector") => {
                Refusal::Connector(said).into()
            }
            (_, Some(_)) => Refusal::Other(said).into(),
            (401..=403, None) => OidcError::KeptOut(said),
            (_, None) => Refusal::NoEndpoint(said).into(),
        }
    }
}
