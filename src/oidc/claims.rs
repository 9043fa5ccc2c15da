//! What a JSON Web Token (RFC 7519) says of itself. It is not verified here: whoever takes the token does that, and
//! a person is told what it says.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use crate::http::text::one_line;
use crate::limits;
use crate::secrets::redacted;

/// The most of a text of others that a person is shown.
const MAX_SHOWN: usize = 300;

/// What matters of a token's claims. Texts are one line without control characters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claims {
    /// Who gave it out (`iss`).
    pub issuer: String,
    /// Whom it is about (`sub`).
    pub subject: String,
    /// Whom it is for (`aud`).
    pub audience: Vec<String>,
    /// Whom it was about at the issuer that Dex asked (`federated_claims.user_id`).
    pub federated: Option<String>,
    /// When it was made (`iat`), in seconds of the epoch.
    pub issued: Option<i64>,
    /// When it ends (`exp`).
    pub ends: Option<i64>,
}

impl Claims {
    /// Those of a token; none where it is no JSON Web Token.
    pub fn of(token: &SecretString) -> Option<Self> {
        let mut parts = token.expose_secret().split('.');
        let (_, claims, _) = (parts.next()?, parts.next()?, parts.next()?);
        let claims = BASE64_URL_SAFE_NO_PAD.decode(claims.trim_end_matches('='));
        let claims: Value = serde_json::from_slice(&claims.ok()?).ok()?;
        claims.is_object().then(|| Self::read(&claims))
    }

    fn read(claims: &Value) -> Self {
        let text = |value: &Value| value.as_str().map(line).unwrap_or_default();
        // It may have a fraction.
        let time = |value: &Value| value.as_f64().map(|seconds| seconds as i64);
        let audience = match &claims["aud"] {
            Value::Array(several) => several.iter().take(5).map(text).collect(),
            Value::String(one) => vec![line(one)],
            _ => Vec::new(),
        };
        Self {
            issuer: text(&claims["iss"]),
            subject: text(&claims["sub"]),
            audience,
            federated: claims["federated_claims"]["user_id"].as_str().map(line),
            issued: time(&claims["iat"]),
            ends: time(&claims["exp"]),
        }
    }
}

/// A text of others on one line. A part of a secret is none that is known, and so they are taken out before.
fn line(text: &str) -> String {
    one_line(&redacted(text))
}

/// The same, no longer than a person reads.
pub(super) fn shown(text: &str) -> String {
    shortened(&line(text))
}

/// The beginning of a text, with `…` behind it where that is not all: as much as a person reads.
pub fn shortened(text: &str) -> String {
    limits::shortened(text, MAX_SHOWN)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(claims: &str) -> Option<Claims> {
        let body = BASE64_URL_SAFE_NO_PAD.encode(claims);
        Claims::of(&format!("e30.{body}.c2ln").into())
    }

    #[test]
    fn a_token_says_whose_it_is() {
        let text = json!({
            "iss": "https://token.actions.githubusercontent.com", "sub": "repo:acme/web:ref:refs/heads/main",
            "aud": ["a", "b"], "iat": 1_700_000_000, "exp": 1_700_000_300.5,
            "federated_claims": {"connector_id": "github-actions", "user_id": "repo:acme/web"},
        });
        let read = claims(&text.to_string()).unwrap();
        assert_eq!(read.issuer, "https://token.actions.githubusercontent.com");
        assert_eq!(read.subject, "repo:acme/web:ref:refs/heads/main");
        assert_eq!(read.audience, ["a", "b"]);
        assert_eq!(read.federated.as_deref(), Some("repo:acme/web"));
        assert_eq!(
            (read.issued, read.ends),
            (Some(1_700_000_000), Some(1_700_000_300))
        );
        assert_eq!(claims(r#"{"aud": "a"}"#).unwrap().audience, ["a"]);
    }

    #[test]
    fn what_is_no_token_says_nothing() {
        for text in ["", "a.b", "$ARGOCD_ID_TOKEN", "e30.%%.c2ln", "e30.W10.c2ln"] {
            assert_eq!(Claims::of(&text.into()), None, "{text}");
        }
    }

    #[test]
    fn a_claim_is_one_whole_line_and_its_description_is_short() {
        let subject = format!("a ::error::b{}", "x".repeat(1_000));
        let text = json!({"sub": subject.replace(' ', "\n")});
        let read = claims(&text.to_string()).unwrap();
        assert_eq!(read.subject, subject);
        let short = format!("{}…", &subject[..MAX_SHOWN]);
        assert_eq!(shortened(&read.subject), short);
        assert_eq!(shown("short"), "short");
    }
}
