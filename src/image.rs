//! Image references: read, compared and printed as the container world does.
//!
//! The grammar is that of [distribution/reference]: `[registry[:port]/]path[:tag][@digest]`, where
//! a missing registry means `docker.io`, and a single name there lives under `library/`.
//!
//! [distribution/reference]: https://github.com/distribution/reference/blob/main/reference.go

use std::fmt;
use std::str::FromStr;

/// The registry that a reference without one means.
const DEFAULT_REGISTRY: &str = "docker.io";
/// Where the default registry keeps images that are named without a namespace.
const DEFAULT_NAMESPACE: &str = "library/";
/// `NameTotalLengthMax` of distribution/reference.
const MAX_NAME: usize = 255;
/// The longest tag that the grammar allows.
const MAX_TAG: usize = 128;

/// A valid reference to an image, which remembers how it was written.
///
/// Two are equal when they are written alike; [`same_repository`](Self::same_repository) compares
/// what they mean.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageReference {
    text: String,
    /// `docker.io/library/nginx`.
    repository: String,
    /// How many bytes of `repository` are the registry.
    registry_length: usize,
    tag: Option<String>,
    digest: Option<String>,
}

/// Why a text is no [`ImageReference`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageReferenceError {
    /// Nothing was given.
    #[error("the image reference is empty")]
    Empty,
    /// `${{ … }}`, `{{ … }}`, `$(…)`, `$TAG`: something that should have been filled in.
    #[error("the image reference {text:?} still holds a placeholder: it was not filled in")]
    Placeholder {
        /// As it was given.
        text: String,
    },
    /// `https://ghcr.io/…`.
    #[error("the image reference {text:?} begins with {scheme:?}: leave that out")]
    Scheme {
        /// As it was given.
        text: String,
        /// `https://`.
        scheme: String,
    },
    /// A blank or a line break, also at the ends.
    #[error("the image reference {text:?} holds white space")]
    Whitespace {
        /// As it was given.
        text: String,
    },
    /// `ghcr.io/Owner/Name`.
    #[error(
        "the image reference {text:?} has upper-case letters in its name: registries take lower case only, so write {suggestion:?}"
    )]
    Uppercase {
        /// As it was given.
        text: String,
        /// The same in lower case.
        suggestion: String,
    },
    /// The part before the first `/` looks like a registry and is none.
    #[error(
        "the image reference {text:?} names the registry {registry:?}, which is not a host name"
    )]
    Registry {
        /// As it was given.
        text: String,
        /// The registry as it was given.
        registry: String,
    },
    /// A path component that the grammar does not allow.
    #[error(
        "the image reference {text:?} has {component:?} in its name: a part between slashes is made of a-z and 0-9, with `.`, `_`, `__` or `-` between them"
    )]
    Name {
        /// As it was given.
        text: String,
        /// The offending part.
        component: String,
    },
    /// The name is longer than 255 characters.
    #[error("the name of the image reference {text:?} is longer than {MAX_NAME} characters")]
    TooLong {
        /// As it was given.
        text: String,
    },
    /// 64 hexadecimal digits: an image's identity on one machine, not a name.
    #[error("the image reference {text:?} is the ID of a local image, not a name in a registry")]
    Id {
        /// As it was given.
        text: String,
    },
    /// A tag that the grammar does not allow.
    #[error(
        "the image reference {text:?} has the tag {tag:?}: a tag is 1 to {MAX_TAG} letters, digits, `_`, `.` and `-`, and does not begin with `.` or `-`"
    )]
    Tag {
        /// As it was given.
        text: String,
        /// The tag as it was given.
        tag: String,
    },
    /// `web:`, where an expression that is empty was to be the tag.
    #[error(
        "the image reference {text:?} ends where its tag should be: what was to fill it in is empty"
    )]
    NoTag {
        /// As it was given.
        text: String,
    },
    /// `web:feature/x`, where the branch's name was taken for the tag.
    #[error(
        "the image reference {text:?} has the tag {tag:?}, and no tag has a `/`: push and deploy it as {suggestion:?}"
    )]
    SlashInTag {
        /// As it was given.
        text: String,
        /// The tag as it was given.
        tag: String,
        /// The reference with `-` in place of `/`.
        suggestion: String,
    },
    /// A digest that the grammar does not allow.
    #[error(
        "the image reference {text:?} has the digest {digest:?}: a digest is `sha256:` and 64 digits of 0-9 and a-f"
    )]
    Digest {
        /// As it was given.
        text: String,
        /// The digest as it was given.
        digest: String,
    },
}

impl ImageReference {
    /// The host that serves the image: `ghcr.io`, `localhost:5000`, and `docker.io` where none is
    /// written.
    pub fn registry(&self) -> &str {
        self.repository
            .get(..self.registry_length)
            .unwrap_or_default()
    }

    /// Registry and path in the form that can be compared: `docker.io/library/nginx`.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The path below the registry: `library/nginx`.
    pub fn path(&self) -> &str {
        self.repository
            .get(self.registry_length + 1..)
            .unwrap_or_default()
    }

    /// The last component of the path: `nginx`.
    pub fn name(&self) -> &str {
        self.repository
            .rsplit('/')
            .next()
            .unwrap_or(&self.repository)
    }

    /// What stands behind the `:`, if anything does.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// What stands behind the `@`, if anything does: `sha256:…`.
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }

    /// Registry and path as they were written, without tag and digest.
    pub fn repository_as_written(&self) -> &str {
        let suffix = self.tag.as_ref().map_or(0, |tag| tag.len() + 1)
            + self.digest.as_ref().map_or(0, |digest| digest.len() + 1);
        self.text
            .get(..self.text.len() - suffix)
            .unwrap_or(&self.text)
    }

    /// Whether both name the same repository, however they are written: `nginx` and
    /// `docker.io/library/nginx` do.
    pub fn same_repository(&self, other: &Self) -> bool {
        self.repository == other.repository
    }

    /// Whether a container that runs this image runs what `wanted` asks for. Where `wanted` has no
    /// digest, whoever adds one for its tag changes nothing.
    pub fn satisfies(&self, wanted: &Self) -> bool {
        let same_version = match (wanted.digest(), wanted.tag()) {
            (Some(digest), _) => self.digest() == Some(digest),
            (None, Some(tag)) => self.tag() == Some(tag),
            (None, None) => matches!(self.tag(), None | Some("latest")),
        };
        self.same_repository(wanted) && same_version
    }
}

impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for ImageReference {
    type Err = ImageReferenceError;

    fn from_str(given: &str) -> Result<Self, ImageReferenceError> {
        let text = || given.to_owned();
        refuse_what_is_no_reference(given)?;

        let (rest, digest) = match given.split_once('@') {
            Some((rest, digest)) if is_digest(digest) => (rest, Some(digest.to_owned())),
            Some((_, digest)) => {
                let digest = digest.to_owned();
                return Err(ImageReferenceError::Digest {
                    text: text(),
                    digest,
                });
            }
            None => (given, None),
        };
        if let Some(tag) = tag_with_slash(rest) {
            return Err(ImageReferenceError::SlashInTag {
                text: text(),
                tag: tag.to_owned(),
                suggestion: given.replacen(tag, &tag.replace('/', "-"), 1),
            });
        }
        // The last `:` is a port when a `/` follows it.
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (rest, None),
        };
        if let Some(tag) = tag
            && !is_tag(tag)
        {
            let (text, tag) = (text(), tag.to_owned());
            return Err(match tag.is_empty() {
                true => ImageReferenceError::NoTag { text },
                false => ImageReferenceError::Tag { text, tag },
            });
        }
        let (registry, path) = split_registry(name);
        if !is_registry(registry) {
            let registry = registry.to_owned();
            return Err(ImageReferenceError::Registry {
                text: text(),
                registry,
            });
        }
        if let Some(component) = path.split('/').find(|part| !is_path_component(part)) {
            if path.chars().any(char::is_uppercase) && is_path(&path.to_lowercase()) {
                // A host is the same in any case; in lower case a single word would be no host.
                let is_host = registry.contains(['.', ':']);
                let meant = if is_host { name } else { path };
                let suggestion = given.replacen(meant, &meant.to_lowercase(), 1);
                return Err(ImageReferenceError::Uppercase {
                    text: text(),
                    suggestion,
                });
            }
            let component = component.to_owned();
            return Err(ImageReferenceError::Name {
                text: text(),
                component,
            });
        }
        let namespace = match registry {
            DEFAULT_REGISTRY if !path.contains('/') => DEFAULT_NAMESPACE,
            _ => "",
        };
        let repository = format!("{}/{namespace}{path}", registry.to_ascii_lowercase());
        if repository.len() > MAX_NAME {
            return Err(ImageReferenceError::TooLong { text: text() });
        }
        Ok(Self {
            text: text(),
            registry_length: registry.len(),
            repository,
            tag: tag.map(str::to_owned),
            digest,
        })
    }
}

/// What a template is shown as to whoever reads the file around it: a character of no script, and blanks'
/// worth of `x` behind it.
pub(crate) const TEMPLATE: char = '\u{e000}';

/// The first thing in `text` that something else was to fill in: `{{ … }}`, `${…}`, `$(…)`, `$NAME`,
/// `<…>`, `%NAME%`, `@NAME@`, `~NAME~`, `__NAME__`, `{NAME}`, `#{…}#`, `[[…]]`, `((…))`.
pub(crate) fn placeholder(text: &str) -> Option<&str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    text.char_indices().find_map(|(at, c)| {
        let rest = text.get(at..)?;
        let closed =
            |close: &str| Some(rest.find(close).map_or(rest.len(), |end| end + close.len()));
        let length = match c {
            '{' if rest.starts_with("{{") => closed("}}"),
            '$' if rest.starts_with("${{") => closed("}}"),
            '$' if rest.starts_with("${") => {
                // One may be the default of another: `${A:-${B}}`.
                let mut depth = 0_usize;
                let end = rest.char_indices().find_map(|(at, c)| {
                    match c {
                        '{' => depth += 1,
                        '}' => depth = depth.saturating_sub(1),
                        _ => return None,
                    }
                    (depth == 0).then_some(at + 1)
                });
                Some(end.unwrap_or(rest.len()))
            }
            '$' if rest.starts_with("$(") => closed(")"),
            '$' => Some(
                1 + rest
                    .get(1..)?
                    .find(|c| !is_name(c))
                    .unwrap_or(rest.len() - 1),
            ),
            // `<2.0` is a range of versions.
            '<' if !rest
                .get(1..)?
                .starts_with(|c: char| c.is_ascii_digit() || c == '=') =>
            {
                closed(">")
            }
            '#' if rest.starts_with("#{") => {
                let end = closed("}")?;
                let is_closed = rest.get(end..).is_some_and(|rest| rest.starts_with('#'));
                Some(end + usize::from(is_closed))
            }
            '[' if rest.starts_with("[[") => closed("]]"),
            '(' if rest.starts_with("((") => closed("))"),
            '{' => {
                let (name, _) = rest.get(1..)?.split_once('}')?;
                (!name.is_empty() && name.chars().all(is_name)).then_some(name.len() + 2)
            }
            '_' if rest.starts_with("__") => {
                let (name, behind) = rest.get(2..)?.split_once("__")?;
                // Two of them may stand inside of a name, or of a tag.
                let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
                let is_alone = !text.get(..at)?.ends_with(is_part) && !behind.starts_with(is_part);
                let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
                let is_constant = name.contains(|c: char| c.is_ascii_uppercase())
                    && !name.contains(|c: char| c.is_ascii_lowercase());
                let is_name = name.len() > 2 && name.chars().all(is_word);
                (is_name && (is_alone || is_constant)).then_some(name.len() + 4)
            }
            TEMPLATE => {
                let filler = rest.trim_start_matches(TEMPLATE);
                Some(rest.len() - filler.trim_start_matches('x').len())
            }
            '%' | '@' | '~' => {
                let name = rest.get(1..)?.split(c).next()?;
                let is_closed = rest.len() > name.len() + 1;
                (is_closed && !name.is_empty() && name.chars().all(is_name))
                    .then_some(name.len() + 2)
            }
            _ => None,
        };
        rest.get(..length?)
    })
}

/// The repository that `text` is meant to name, though it is no reference: its tag is missing, wrong or
/// still to be filled in, or its name has upper-case letters.
pub(crate) fn repository_meant(text: &str) -> Option<ImageReference> {
    let text = text.trim();
    let end = placeholder(text).and_then(|there| text.find(there));
    if end.is_none() && text.contains(char::is_whitespace) {
        return None;
    }
    let head = text.get(..end.unwrap_or(text.len()))?;
    let start = head.rfind('/').map_or(0, |at| at + 1);
    let version = head.get(start..)?.find([':', '@']);
    // What is to be filled in may be a part of the name.
    if version.is_none() && end.is_some() {
        return None;
    }
    let name = head.get(..version.map_or(head.len(), |at| start + at))?;
    name.to_lowercase().parse().ok()
}

/// Texts that are wrong as a whole, and deserve a better answer than "bad name".
fn refuse_what_is_no_reference(given: &str) -> Result<(), ImageReferenceError> {
    let text = || given.to_owned();
    if given.is_empty() {
        return Err(ImageReferenceError::Empty);
    }
    if given.contains(['$', '{', '}']) {
        return Err(ImageReferenceError::Placeholder { text: text() });
    }
    if given.contains(char::is_whitespace) {
        return Err(ImageReferenceError::Whitespace { text: text() });
    }
    if let Some((scheme, _)) = given.split_once("://") {
        let scheme = format!("{scheme}://");
        return Err(ImageReferenceError::Scheme {
            text: text(),
            scheme,
        });
    }
    if given.len() == 64 && given.bytes().all(is_lower_hex) {
        return Err(ImageReferenceError::Id { text: text() });
    }
    Ok(())
}

/// What stands behind the last `:` and looks like neither a port nor a tag, but like a branch.
fn tag_with_slash(name: &str) -> Option<&str> {
    let (_, tag) = name.rsplit_once(':')?;
    let (first, _) = tag.split_once('/')?;
    let is_port = first.is_empty() || first.bytes().all(|b| b.is_ascii_digit());
    (!is_port && !name.starts_with('[')).then_some(tag)
}

/// Registry, as it is compared, and path. Only a first component with a `.`, a `:`, an upper-case
/// letter, or that is `localhost`, is a registry (`splitDockerDomain` of distribution/reference).
fn split_registry(name: &str) -> (&str, &str) {
    match name.split_once('/') {
        Some(("index.docker.io", path)) => (DEFAULT_REGISTRY, path),
        Some((first, path))
            if first == "localhost"
                || first.contains(['.', ':'])
                || first.chars().any(char::is_uppercase) =>
        {
            (first, path)
        }
        _ => (DEFAULT_REGISTRY, name),
    }
}

/// `domain[:port]`, where the domain is a name, an IPv4 address or an IPv6 address in brackets.
fn is_registry(registry: &str) -> bool {
    let (host, port) = match registry.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (registry, None),
    };
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let is_host = match host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        Some(address) => {
            !address.is_empty() && address.bytes().all(|b| b.is_ascii_hexdigit() || b == b':')
        }
        None => host.split('.').all(is_label),
    };
    is_host && port.is_none_or(|port| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()))
}

fn is_path(path: &str) -> bool {
    path.split('/').all(is_path_component)
}

/// `alpha-numeric [separator alpha-numeric]*`, where a separator is `.`, `_`, `__` or dashes.
fn is_path_component(component: &str) -> bool {
    let is_alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = component.as_bytes();
    let ends_well = |b: Option<&u8>| b.is_some_and(|b| is_alphanumeric(*b));
    ends_well(bytes.first())
        && ends_well(bytes.last())
        && bytes
            .split(|b| is_alphanumeric(*b))
            .all(|separator| match separator {
                b"" | b"." | b"_" | b"__" => true,
                dashes => dashes.iter().all(|b| *b == b'-'),
            })
}

/// Whether `text` can stand behind the `:` of a reference.
pub(crate) fn is_tag(text: &str) -> bool {
    let is_word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let mut bytes = text.bytes();
    text.len() <= MAX_TAG
        && bytes.next().is_some_and(is_word)
        && bytes.all(|b| is_word(b) || b == b'.' || b == b'-')
}

/// Whether `text` can stand behind the `@` of a reference: `algorithm:hex`. The registered
/// algorithms have one length each; of others the grammar asks for 32 digits.
pub(crate) fn is_digest(text: &str) -> bool {
    let Some((algorithm, hex)) = text.split_once(':') else {
        return false;
    };
    let is_component = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic())
            && part.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    let exact = match algorithm {
        "sha256" => Some(64),
        "sha384" => Some(96),
        "sha512" => Some(128),
        _ => None,
    };
    algorithm.split(['-', '_', '+', '.']).all(is_component)
        && match exact {
            Some(length) => hex.len() == length && hex.bytes().all(is_lower_hex),
            None => hex.len() >= 32 && hex.bytes().all(|b| b.is_ascii_hexdigit()),
        }
}

fn is_lower_hex(byte: u8) -> bool {
    byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SHA: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn image(text: &str) -> ImageReference {
        text.parse().unwrap()
    }

    fn refusal(text: &str) -> String {
        text.parse::<ImageReference>().unwrap_err().to_string()
    }

    #[test]
    fn a_reference_is_taken_apart() {
        for (text, registry, repository, name, tag, digest) in [
            (
                "nginx",
                "docker.io",
                "docker.io/library/nginx",
                "nginx",
                None,
                None,
            ),
            (
                "nginx:1.27",
                "docker.io",
                "docker.io/library/nginx",
                "nginx",
                Some("1.27"),
                None,
            ),
            (
                "docker.io/nginx",
                "docker.io",
                "docker.io/library/nginx",
                "nginx",
                None,
                None,
            ),
            (
                "GHCR.io/acme/web:v1",
                "ghcr.io",
                "ghcr.io/acme/web",
                "web",
                Some("v1"),
                None,
            ),
            (
                "index.docker.io/library/nginx",
                "docker.io",
                "docker.io/library/nginx",
                "nginx",
                None,
                None,
            ),
            (
                "grafana/grafana:11.1.0",
                "docker.io",
                "docker.io/grafana/grafana",
                "grafana",
                Some("11.1.0"),
                None,
            ),
            (
                "ghcr.io/wlals2/blog-web:v14",
                "ghcr.io",
                "ghcr.io/wlals2/blog-web",
                "blog-web",
                Some("v14"),
                None,
            ),
            (
                "localhost/web",
                "localhost",
                "localhost/web",
                "web",
                None,
                None,
            ),
            (
                "localhost:5000/web",
                "localhost:5000",
                "localhost:5000/web",
                "web",
                None,
                None,
            ),
            (
                "registry.local:5000/a/b__c.d--e:V_1.2-rc",
                "registry.local:5000",
                "registry.local:5000/a/b__c.d--e",
                "b__c.d--e",
                Some("V_1.2-rc"),
                None,
            ),
            (
                "[fd00::1]:5000/web:1",
                "[fd00::1]:5000",
                "[fd00::1]:5000/web",
                "web",
                Some("1"),
                None,
            ),
            (
                "REGISTRY/web",
                "registry",
                "registry/web",
                "web",
                None,
                None,
            ),
        ] {
            let image = image(text);
            assert_eq!(
                (
                    image.registry(),
                    image.repository(),
                    image.name(),
                    image.tag(),
                    image.digest()
                ),
                (registry, repository, name, tag, digest),
                "{text}"
            );
            assert_eq!(image.to_string(), text);
        }
    }

    #[test]
    fn what_is_to_be_filled_in_is_found() {
        for (text, expected) in [
            ("a:${A:-${B:-v1}}-x", Some("${A:-${B:-v1}}")),
            ("a:${TAG}", Some("${TAG}")),
            ("a:$(TAG)-x", Some("$(TAG)")),
            ("a:{{ .Values.tag }}", Some("{{ .Values.tag }}")),
            ("a:${{ github.sha }}", Some("${{ github.sha }}")),
            ("a:$TAG", Some("$TAG")),
            ("a:<TAG>", Some("<TAG>")),
            ("%IMAGE%:v1", Some("%IMAGE%")),
            ("a:${TAG", Some("${TAG")),
            ("a:v1", None),
            ("a:50%", None),
            ("a:@TAG@", Some("@TAG@")),
            ("a:v1@sha256:0", None),
        ] {
            assert_eq!(placeholder(text), expected, "{text}");
        }
    }

    #[test]
    fn a_broken_reference_still_means_a_repository() {
        for (text, expected) in [
            ("ghcr.io/acme/web:", Some("ghcr.io/acme/web")),
            ("ghcr.io/acme/web:<TAG>", Some("ghcr.io/acme/web")),
            ("ghcr.io/Acme/Web:v1", Some("ghcr.io/acme/web")),
            ("localhost:5000/web:v1:v2", Some("localhost:5000/web")),
            ("web@sha256:", Some("web")),
            ("web:v${X}", Some("web")),
            ("ghcr.io/${ORG}/web:v1", None),
            ("web: the one", None),
            ("the web", None),
            ("https://a:1.0", None),
            ("", None),
        ] {
            let meant = repository_meant(text).map(|image| image.to_string());
            assert_eq!(meant.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn tag_and_digest_may_both_be_there() {
        let image = image(&format!("ghcr.io/o/web:v1@{SHA}"));
        assert_eq!((image.tag(), image.digest()), (Some("v1"), Some(SHA)));
        assert_eq!(image.repository_as_written(), "ghcr.io/o/web");
        assert_eq!(image.path(), "o/web");
    }

    #[test]
    fn repositories_are_compared_as_the_container_world_does() {
        assert!(image("nginx:1").same_repository(&image("docker.io/library/nginx")));
        assert!(image("index.docker.io/nginx").same_repository(&image("library/nginx:2")));
        assert!(!image("nginx").same_repository(&image("ghcr.io/library/nginx")));
        assert!(!image("ghcr.io/o/web").same_repository(&image("ghcr.io/o/web-api")));
        assert!(!image("r.io/web").same_repository(&image("r.io:443/web")));
    }

    #[test]
    fn what_is_no_reference_is_told_apart_by_cause() {
        insta::assert_snapshot!(
            [
                "",
                "ghcr.io/o/web:v${{ github.run_number }}",
                "{{ .Values.image }}",
                "https://ghcr.io/o/web:v1",
                "ghcr.io/o/web: v1",
                "GHCR.io/Owner/Web:V1",
                "my host.io/web",
                "bad_host.io/web",
                "ghcr.io/o//web",
                "ghcr.io/o/-web",
                "ghcr.io/o/web:",
                "ghcr.io/o/web:-1",
                "ghcr.io/o/web@sha256:12",
                "ghcr.io/o/web:v1@",
                &"a".repeat(64),
            ]
            .map(refusal)
            .join("\n"),
            @r#"
        the image reference is empty
        the image reference "ghcr.io/o/web:v${{ github.run_number }}" still holds a placeholder: it was not filled in
        the image reference "{{ .Values.image }}" still holds a placeholder: it was not filled in
        the image reference "https://ghcr.io/o/web:v1" begins with "https://": leave that out
        the image reference "ghcr.io/o/web: v1" holds white space
        the image reference "GHCR.io/Owner/Web:V1" has upper-case letters in its name: registries take lower case only, so write "ghcr.io/owner/web:V1"
        the image reference "my host.io/web" holds white space
        the image reference "bad_host.io/web" names the registry "bad_host.io", which is not a host name
        the image reference "ghcr.io/o//web" has "" in its name: a part between slashes is made of a-z and 0-9, with `.`, `_`, `__` or `-` between them
        the image reference "ghcr.io/o/-web" has "-web" in its name: a part between slashes is made of a-z and 0-9, with `.`, `_`, `__` or `-` between them
        the image reference "ghcr.io/o/web:" ends where its tag should be: what was to fill it in is empty
        the image reference "ghcr.io/o/web:-1" has the tag "-1": a tag is 1 to 128 letters, digits, `_`, `.` and `-`, and does not begin with `.` or `-`
        the image reference "ghcr.io/o/web@sha256:12" has the digest "sha256:12": a digest is `sha256:` and 64 digits of 0-9 and a-f
        the image reference "ghcr.io/o/web:v1@" has the digest "": a digest is `sha256:` and 64 digits of 0-9 and a-f
        the image reference "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" is the ID of a local image, not a name in a registry
        "#
        );
        assert!(refusal(&format!("ghcr.io/{}", "a".repeat(250))).contains("longer than 255"));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,80}") {
            let _ = text.parse::<ImageReference>();
        }

        #[test]
        fn a_reference_made_of_valid_parts_is_read_back(
            registry in prop::option::of("[a-z]{1,8}\\.[a-z]{2,4}(:[0-9]{2,4})?"),
            path in "[a-z0-9]{1,6}(([._]|__|-{1,3})[a-z0-9]{1,4}){0,2}/[a-z0-9]{1,9}",
            tag in prop::option::of("[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}"),
            pinned: bool,
        ) {
            // Without a registry, a `.` in the first component would make it one.
            let (name, path) = match &registry {
                Some(registry) => (format!("{registry}/{path}"), path),
                None => (path.replace('.', "-"), path.replace('.', "-")),
            };
            let mut text = name.clone();
            if let Some(tag) = &tag {
                text = format!("{text}:{tag}");
            }
            if pinned {
                text = format!("{text}@{SHA}");
            }
            let image = image(&text);
            prop_assert_eq!(image.tag(), tag.as_deref());
            prop_assert_eq!(image.digest().is_some(), pinned);
            prop_assert_eq!(image.repository_as_written(), name);
            prop_assert_eq!(image.path(), path);
            prop_assert_eq!(image.to_string(), text);
        }
    }
}
