//! A GitHub App, and the tokens of its installations.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use serde_json::{Value as Json, json};

use super::{Answer, Github, lock, refusal};

/// The app's id, its key, and the token that its installation gets: who may do what with that, a test
/// grants.
pub const APP_ID: &str = "123456";
pub const APP_KEY: &str = include_str!("app.pem");
pub const MINTED: &str = "ghs_mintedByTheAppForOneHour0123456789";

/// Where the app is installed, and what it may do there.
#[derive(Debug, Clone)]
pub(super) struct Installation {
    repository: String,
    permissions: Vec<&'static str>,
}

impl Github {
    /// Installs the app on a repository, with these permissions to write.
    pub fn install_app(&self, repository: &str, permissions: &[&'static str]) {
        *lock(&self.installation) = Some(Installation {
            repository: repository.to_owned(),
            permissions: permissions.to_vec(),
        });
    }

    /// What tokens were asked for.
    pub fn minted(&self) -> Vec<Json> {
        lock(&self.minted).clone()
    }

    /// Answers a request that only an app makes; none where it is none of these.
    pub(super) fn of_app(&self, token: &str, path: &str, body: &[u8]) -> Option<Answer> {
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let is_one = matches!(segments[..], ["repos", _, _, "installation"] | ["app", ..]);
        if !is_one {
            return None;
        }
        if let Err(words) = proven(token) {
            return Some(refusal(401, words));
        }
        let installation = lock(&self.installation).clone();
        Some(match segments[..] {
            ["repos", owner, name, "installation"] => match installation {
                Some(one) if one.repository == format!("{owner}/{name}") => Answer::json(
                    200,
                    &json!({"id": 42, "app_id": 123_456, "repository_selection": "selected"}),
                ),
                _ => refusal(404, "Not Found"),
            },
            ["app", "installations", "42", "access_tokens"] => {
                let body: Json = serde_json::from_slice(body).unwrap();
                let allowed = installation.map(|one| one.permissions).unwrap_or_default();
                let asked = body["permissions"].as_object().unwrap();
                let lacks = asked
                    .iter()
                    .any(|(name, level)| level == "write" && !allowed.contains(&name.as_str()));
                if lacks {
                    return Some(refusal(
                        422,
                        "The permissions requested are not granted to this installation.",
                    ));
                }
                lock(&self.minted).push(body);
                let answer = json!({"token": MINTED, "expires_at": "2026-11-23T16:00:00Z", "repository_selection": "selected"});
                Answer::json(201, &answer)
            }
            _ => refusal(404, "Not Found"),
        })
    }
}

/// Whether a JSON Web Token is the app's, as GitHub checks it.
fn proven(token: &str) -> Result<(), &'static str> {
    let malformed = "A JSON web token could not be decoded";
    let (signed, signature) = token.rsplit_once('.').ok_or(malformed)?;
    let (header, claims) = signed.split_once('.').ok_or(malformed)?;
    let decoded = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| malformed);
    let json = |part: &str| serde_json::from_slice::<Json>(&decoded(part)?).map_err(|_| malformed);
    let der = APP_KEY
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .collect::<String>();
    let key = RsaKeyPair::from_der(&BASE64_STANDARD.decode(der).unwrap()).unwrap();
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public().as_ref());
    public
        .verify(signed.as_bytes(), &decoded(signature)?)
        .map_err(|_| malformed)?;
    let (header, claims) = (json(header)?, json(claims)?);
    if header["alg"] != "RS256" {
        return Err(malformed);
    }
    if claims["iss"] != APP_ID {
        return Err("'Issuer' claim ('iss') must be an Integer or a client ID of an app");
    }
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let (from, to) = (
        claims["iat"].as_u64().unwrap(),
        claims["exp"].as_u64().unwrap(),
    );
    if from > now || to < now || to - now > 600 {
        return Err("'Expiration time' claim ('exp') is too far in the future");
    }
    Ok(())
}
