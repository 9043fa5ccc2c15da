//! What a registry wants to be shown first: the header `WWW-Authenticate`.
//! Source: RFC 9110, section 11.6.1, and the distribution project's token authentication.

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
    /// The challenge of some headers: a bearer token is preferred.
    pub fn of(headers: &[&str]) -> Option<Self> {
        let schemes = headers
            .iter()
            .filter_map(|header| header.trim().split_once(' '));
        let bearer = schemes
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .find_map(|(_, parameters)| Self::bearer(parameters));
        let is_basic = |header: &&str| {
            let scheme = header.trim().split(' ').next().unwrap_or_default();
            scheme.eq_ignore_ascii_case("basic")
        };
        bearer.or_else(|| headers.iter().any(is_basic).then_some(Self::Basic))
    }

    fn bearer(parameters: &str) -> Option<Self> {
        let (mut realm, mut service, mut scope) = (None, None, None);
        let mut rest = parameters;
        while let Some((key, after)) = rest.split_once('=') {
            let (value, next) = value(after);
            match key.trim_matches([' ', ',']).to_ascii_lowercase().as_str() {
                "realm" => realm = Some(value),
                "service" => service = Some(value),
                "scope" => scope = Some(value),
                _ => {}
            }
            rest = next;
        }
        Some(Self::Bearer(TokenPlace {
            realm: realm?,
            service,
            scope,
        }))
    }
}

/// A token or a quoted text at the beginning of `text`, and what follows it.
fn value(text: &str) -> (String, &str) {
    let Some(quoted) = text.trim_start().strip_prefix('"') else {
        let end = text.find(',').unwrap_or(text.len());
        let (value, rest) = text.split_at(end);
        return (value.trim().to_owned(), rest);
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((index, c)) = chars.next() {
        match c {
            '\\' => value.extend(chars.next().map(|(_, c)| c)),
            '"' => return (value, quoted.get(index + 1..).unwrap_or_default()),
            c => value.push(c),
        }
    }
    (value, "")
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
            Challenge::of(&["Basic realm=\"x\"", "bearer realm=https://a/b , error=x"]),
            bearer("https://a/b", None, None)
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
