//! What a registry wants to be shown first: the header `WWW-Authenticate`.
//! Source: RFC 9110, section 11.6.1, and the distribution project's token authentication.

use http_auth::{ChallengeParser, ChallengeRef};

/// How to sign on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Challenge {
    /// With name and password.
    Basic,
    /// With a token.
    Bearer(TokenPlace),
}

/// Where a token is given out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenPlace {
    /// The URL.
    pub realm: String,
    /// Whom it is for.
    pub service: Option<String>,
    /// What it is for.
    pub scope: Option<String>,
}

impl Challenge {
    /// The challenge of some headers, each of which may hold several: a bearer token is preferred.
    pub fn of(headers: &[&str]) -> Option<Self> {
        let challenges = headers.iter().flat_map(|header| {
            // Up to what can't be read.
            ChallengeParser::new(header).map_while(Result::ok)
        });
        let challenges: Vec<ChallengeRef<'_>> = challenges.collect();
        let mut bearers = challenges.iter().filter(|one| is(one, "bearer"));
        let bearer = bearers.find_map(TokenPlace::of).map(Self::Bearer);
        let is_basic = challenges.iter().any(|one| is(one, "basic"));
        bearer.or_else(|| is_basic.then_some(Self::Basic))
    }
}

impl TokenPlace {
    fn of(challenge: &ChallengeRef<'_>) -> Option<Self> {
        let parameter = |name: &str| {
            let mut parameters = challenge.params.iter();
            let (_, value) = parameters.find(|(key, _)| key.eq_ignore_ascii_case(name))?;
            Some(value.to_unescaped())
        };
        Some(Self {
            realm: parameter("realm")?,
            service: parameter("service"),
            scope: parameter("scope"),
        })
    }
}

fn is(challenge: &ChallengeRef<'_>, scheme: &str) -> bool {
    challenge.scheme.eq_ignore_ascii_case(scheme)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_challenge_says_how_to_sign_on() {
        let bearer = |realm: &str, service: Option<&str>, scope: Option<&str>| {
            Some(Challenge::Bearer(TokenPlace {
                realm: realm.to_owned(),
                service: service.map(str::to_owned),
                scope: scope.map(str::to_owned),
            }))
        };
        let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/nginx:pull,push""#;
        assert_eq!(
            Challenge::of(&[hub]),
            bearer(
                "https://auth.docker.io/token",
                Some("registry.docker.io"),
                Some("repository:library/nginx:pull,push")
            )
        );
        assert_eq!(
            Challenge::of(&[
                "Basic realm=\"x\"",
                "bearer realm=\"https://a/b\" , error=x"
            ]),
            bearer("https://a/b", None, None)
        );
        // All in one header; quoted pairs (RFC 9110, section 5.6.4) and commas are part of a value.
        for one in [
            r#"Basic realm="x", Bearer realm="https://a/b",service="a \"b\", c",Scope=pull"#,
            r#"Negotiate, Bearer SERVICE="a \"b\", c" , scope="pull" , realm="https://a/b", Basic realm="x""#,
        ] {
            let expected = bearer("https://a/b", Some(r#"a "b", c"#), Some("pull"));
            assert_eq!(Challenge::of(&[one]), expected, "{one}");
        }
        // One that can't be read takes nothing from the others.
        assert_eq!(
            Challenge::of(&["Bearer realm=\"x", "Basic realm=\"ecr\""]),
            Some(Challenge::Basic)
        );
        assert_eq!(
            Challenge::of(&["Basic realm=\"ecr\""]),
            Some(Challenge::Basic)
        );
        for none in [
            &[][..],
            &["Bearer"],
            &["Bearer service=\"x\""],
            &["Negotiate"],
        ] {
            assert_eq!(Challenge::of(none), None, "{none:?}");
        }
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(text in "(Bearer|Basic)? ?([a-z]{0,3}=?\"?[\\\\é,= ]?){0,8}") {
            let _ = Challenge::of(&[&text]);
        }
    }
}
