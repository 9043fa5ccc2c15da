//! Where a job's ID token comes from.
//!
//! Source: `ContainerActionHandler.cs` in actions/runner, and `oidc-utils.ts` in actions/toolkit.

use reqwest::header::{ACCEPT, AUTHORIZATION};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use url::Url;

use super::claims::shown;
use super::error::Refusal;
use crate::http::exchange::{self, Answer, ExchangeError, Passing, Patience};
use crate::http::secret_header;
use crate::http::text::{answered, host};
use crate::limits::TOKEN;
use crate::secrets;

/// Who gives out the ID token.
#[derive(Debug, Clone)]
pub enum IdTokens {
    /// GitHub, one each time that it is asked, for an audience.
    Asked {
        /// Where.
        url: Url,
        /// What it is asked with.
        token: SecretString,
    },
    /// The CI system, one at the start of the job, as GitLab does.
    Given(SecretString),
}

impl IdTokens {
    /// The ID token; for `audience`, where that can be chosen.
    pub(super) async fn id_token(
        &self,
        audience: &str,
        http: &reqwest::Client,
        patience: &Patience,
    ) -> Result<SecretString, Refusal> {
        let (url, token) = match self {
            Self::Asked { url, token } => (url, token),
            Self::Given(id_token) => return Ok(id_token.clone()),
        };
        let host = host(url);
        let mut url = url.clone();
        url.query_pairs_mut().append_pair("audience", audience);
        let request = http
            .get(url)
            .header(ACCEPT, "application/json; api-version=2.0")
            .header(AUTHORIZATION, secret_header("Bearer", token));
        let exchange = async {
            let incoming = exchange::send(request.send(), patience.clone()).await?;
            incoming.json(TOKEN.most() as usize).await
        };
        let answer = exchange.await.map_err(|error| {
            let (what, may_pass) = (error.told(&host), error.may_pass());
            match error {
                ExchangeError::Proxy(_) => Refusal::Proxy { what, may_pass },
                _ => Refusal::NoIdToken {
                    why: what,
                    may_pass,
                },
            }
        })?;
        read(&answer, &host)
    }
}

fn read(answer: &Answer, host: &str) -> Result<SecretString, Refusal> {
    #[derive(Deserialize)]
    struct IdToken {
        value: SecretString,
    }
    #[derive(Deserialize)]
    struct Problem {
        message: String,
    }
    if !answer.is_success() {
        let problem = serde_json::from_slice::<Problem>(&answer.body);
        let words = problem.map(|problem| shown(&problem.message));
        let said = answered(host, answer.status, &words.unwrap_or_default());
        return Err(Refusal::NoIdToken {
            why: Passing::of(answer.status, &answer.headers).told(said),
            may_pass: matches!(answer.status, 408 | 425 | 429 | 500..),
        });
    }
    let read = serde_json::from_slice::<IdToken>(&answer.body);
    let id_token = read.ok().map(|read| read.value);
    match id_token.filter(|token| !token.expose_secret().is_empty()) {
        Some(id_token) => {
            secrets::given_out(&id_token);
            Ok(id_token)
        }
        None => Err(Refusal::NoIdToken {
            why: format!("{host} answered without an ID token"),
            may_pass: false,
        }),
    }
}
