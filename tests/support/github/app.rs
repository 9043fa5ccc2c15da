//! A GitHub App, and the tokens of its installations.

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
    /// Installs the app on a repository, with these permissions: to write, and of what is posted on commits to read.
    pub fn install_app(&self, repository: &str, permissions: &[&'static str]) {
        *lock(&self.installation) = Some(Installation {
            repository: repository.to_owned(),
            permissions: permissions.to_vec(),
        });
    }

    /// Has the clock be so many seconds ahead.
    pub fn set_clock(&self, seconds: i64) {
        *lock(&self.clock) = seconds;
    }

    /// Has all of the app's requests be answered so.
    pub fn refuse_app(&self, status: u16, words: &'static str) {
        *lock(&self.no_app) = Some((status, words));
    }

    /// What tokens were asked for.
    pub fn minted(&self) -> Vec<Json> {
        lock(&self.minted).clone()
    }

    /// Answers a request that only an app makes; none where it is none of these.
    pub(super) fn of_app(&self, token: &str, path: &str, body: &[u8]) -> Option<Answer> {
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let is_one = matches!(
            segments[..],
            ["repos", _, _, "installation"] | ["repositories", _, "installation"] | ["app", ..]
        );
        if !is_one {
            return None;
        }
        let clock = *lock(&self.clock);
        let now = chrono::Utc::now() + chrono::TimeDelta::seconds(clock);
        let dated = |mut answer: Answer| {
            let date = now.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
            answer.headers.insert("date", date.parse().unwrap());
            answer
        };
        if let Err(words) = proven(token, now.timestamp() as u64) {
            return Some(dated(refusal(401, words)));
        }
        if let Some((status, words)) = *lock(&self.no_app) {
            return Some(refusal(status, words));
        }
        let installation = lock(&self.installation).clone();
        Some(match segments[..] {
            ["repos", owner, name, "installation"]
                if self.renamed(&format!("{owner}/{name}")).is_some() =>
            {
                let mut answer = Answer::json(301, &json!({"message": "Moved Permanently"}));
                let to = format!("{}/repositories/7/installation", super::REST_ROOT);
                answer.headers.insert("location", to.parse().unwrap());
                answer
            }
            ["repositories", "7", "installation"] => {
                Answer::json(200, &json!({"id": 42, "app_id": 123_456}))
            }
            ["repos", owner, name, "installation"] => match installation {
                Some(one) if one.repository == format!("{owner}/{name}") => Answer::json(
                    200,
                    &json!({"id": 42, "app_id": 123_456, "repository_selection": "selected"}),
                ),
                _ => refusal(404, "Not Found"),
            },
            ["app", "installations", "42", "access_tokens"] => {
                let body: Json = serde_json::from_slice(body).unwrap();
                let one = installation_repository(&installation);
                let named = body["repositories"].as_array();
                if named.is_some_and(|names| *names != [json!(one)]) {
                    return Some(refusal(
                        422,
                        "There is at least one repository that does not exist or is not accessible to the parent installation.",
                    ));
                }
                let allowed = installation.map(|one| one.permissions).unwrap_or_default();
                let asked = body["permissions"].as_object().unwrap();
                let posted = ["statuses", "checks", "deployments"];
                let lacks = asked.iter().any(|(name, level)| {
                    let name = name.as_str();
                    (level == "write" || posted.contains(&name)) && !allowed.contains(&name)
                });
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

fn installation_repository(installation: &Option<Installation>) -> String {
    let name = installation.as_ref().map(|one| one.repository.as_str());
    name.unwrap_or_default()
        .rsplit('/')
        .next()
        .unwrap()
        .to_owned()
}

/// Whether a JSON Web Token is the app's, as GitHub checks it.
fn proven(token: &str, now: u64) -> Result<(), &'static str> {
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
    let (from, to) = (
        claims["iat"].as_u64().unwrap(),
        claims["exp"].as_u64().unwrap(),
    );
    if from > now {
        return Err(
            "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
        );
    }
    if to < now || to - now > 600 {
        return Err("'Expiration time' claim ('exp') is too far in the future");
    }
    Ok(())
}
