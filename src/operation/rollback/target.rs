//! What a rollback goes back to.

use std::fmt;
use std::str::FromStr;

use crate::image::ImageReference;
use crate::repository::Revision;

/// What to undo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The newest deployment that is in force.
    Newest,
    /// This commit.
    Commit(Revision),
    /// Whatever came after this.
    To(To),
}

/// What is to run again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum To {
    /// This image.
    Image(ImageReference),
    /// An image with this tag, or this digest.
    Version(String),
}

/// The text names no image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an image such as ghcr.io/acme/web:v13, a tag such as v13, or `previous`")]
pub struct UnknownTo;

impl FromStr for Target {
    type Err = UnknownTo;

    /// `previous`, or as [`To`].
    fn from_str(text: &str) -> Result<Self, UnknownTo> {
        match text {
            "previous" => Ok(Self::Newest),
            text => text.parse().map(Self::To),
        }
    }
}

impl FromStr for To {
    type Err = UnknownTo;

    fn from_str(text: &str) -> Result<Self, UnknownTo> {
        let is_digest = text.starts_with("sha256:") || text.starts_with("sha512:");
        if is_digest || !text.contains([':', '/', '@']) {
            let separator = if is_digest { '@' } else { ':' };
            let image = format!("image{separator}{text}").parse::<ImageReference>();
            return image
                .map(|_| Self::Version(text.to_owned()))
                .map_err(|_| UnknownTo);
        }
        let image: ImageReference = text.parse().map_err(|_| UnknownTo)?;
        match (image.tag(), image.digest()) {
            (None, None) => Err(UnknownTo),
            _ => Ok(Self::Image(image)),
        }
    }
}

impl To {
    /// Whether `image` is what is meant: a tag that is given means it with whatever digest.
    pub fn means(&self, image: &str) -> bool {
        let Ok(image) = image.parse::<ImageReference>() else {
            return false;
        };
        match self {
            Self::Version(version) => {
                let version = Some(version.as_str());
                image.tag() == version || image.digest() == version
            }
            Self::Image(wanted) => {
                let is_given = |wanted: Option<&str>, own| wanted.is_none() || wanted == own;
                image.same_repository(wanted)
                    && is_given(wanted.tag(), image.tag())
                    && is_given(wanted.digest(), image.digest())
            }
        }
    }
}

impl fmt::Display for To {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image(image) => image.fmt(f),
            Self::Version(version) => f.write_str(version),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_a_tag_or_a_digest() {
        let digest = format!("sha256:{}", "0".repeat(64));
        let pinned = format!("ghcr.io/acme/web:v13@{digest}");
        for (to, means, not) in [
            (
                "ghcr.io/acme/web:v13",
                "ghcr.io/acme/web:v13",
                "ghcr.io/acme/api:v13",
            ),
            (
                "ghcr.io/acme/web:v13",
                pinned.as_str(),
                "ghcr.io/acme/web:v1",
            ),
            ("nginx:1.1", "docker.io/library/nginx:1.1", "nginx"),
            (pinned.as_str(), pinned.as_str(), "ghcr.io/acme/web:v13"),
            ("v13", pinned.as_str(), "ghcr.io/acme/v13:v1"),
            (digest.as_str(), pinned.as_str(), "ghcr.io/acme/web:v13"),
        ] {
            let parsed: To = to.parse().unwrap();
            assert!(parsed.means(means), "{to} {means}");
            assert!(!parsed.means(not), "{to} {not}");
            assert_eq!(parsed.to_string(), to);
        }
        assert_eq!("previous".parse(), Ok(Target::Newest));
        for text in ["ghcr.io/acme/web", "a b", "-x", "sha256:1", "web:", "a@b"] {
            assert_eq!(text.parse::<Target>(), Err(UnknownTo), "{text}");
        }
    }
}
