//! What a rollback goes back to.

use std::fmt;
use std::str::FromStr;

use crate::image::ImageReference;
use crate::repository::{CommitId, Revision};

/// The word for what ran before.
pub(super) const PREVIOUS: &str = "previous";

/// What to undo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The newest deployment that is in force. Whoever names images beside that means a deployment of each of them, from
    /// it or to it.
    Newest(Vec<To>),
    /// This commit.
    Commit(Revision),
    /// What this commit of the branch's first-parent line brought, a merge as a whole.
    Landed(CommitId),
    /// Whatever came after this.
    To(Wanted),
}

/// What is to run again: an image of whatever name by its version, or images by their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted(Vec<To>);

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
pub enum UnknownTo {
    /// It is none.
    #[error("expected an image such as ghcr.io/acme/web:v13, a tag such as v13, or `previous`")]
    NoImage,
    /// One of several lines has no image's name.
    #[error("of several lines, each is an image with its name, such as ghcr.io/acme/web:v13")]
    NoName,
    /// Two lines contradict each other.
    #[error("it names {0} twice: keep one")]
    Twice(String),
}

impl FromStr for Target {
    type Err = UnknownTo;

    /// `previous`, in any case; or as [`Wanted`].
    fn from_str(text: &str) -> Result<Self, UnknownTo> {
        match text.eq_ignore_ascii_case(PREVIOUS) {
            true => Ok(Self::Newest(Vec::new())),
            false => text.parse().map(Self::To),
        }
    }
}

impl FromStr for Wanted {
    type Err = UnknownTo;

    /// As [`To`]; or images, one a line.
    fn from_str(text: &str) -> Result<Self, UnknownTo> {
        let lines = text.lines().map(str::trim);
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        let all: Vec<To> = lines.map(str::parse).collect::<Result<_, _>>()?;
        if all.is_empty() {
            return Err(UnknownTo::NoImage);
        }
        for (number, one) in all.iter().enumerate().filter(|_| all.len() > 1) {
            let To::Image(image) = one else {
                return Err(UnknownTo::NoName);
            };
            let is_same =
                |other: &To| matches!(other, To::Image(other) if other.same_repository(image));
            if all[..number].iter().any(is_same) {
                return Err(UnknownTo::Twice(image.repository_as_written().to_owned()));
            }
        }
        Ok(Self(all))
    }
}

impl Wanted {
    /// Whether `image` is one of those that are meant.
    pub fn means(&self, image: &str) -> bool {
        self.0.iter().any(|to| to.means(image))
    }

    /// Whether `image` is of a repository that is meant, whatever its version.
    pub fn names(&self, image: &str) -> bool {
        self.0.iter().any(|to| to.names(image))
    }

    /// Each of them.
    pub fn all(&self) -> &[To] {
        &self.0
    }

    /// Whether only a version is given, which images of several names may have.
    pub fn is_version(&self) -> bool {
        matches!(self.0[..], [To::Version(_)])
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&all.join(" and "))
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
                .map_err(|_| UnknownTo::NoImage);
        }
        let image: ImageReference = text.parse().map_err(|_| UnknownTo::NoImage)?;
        match (image.tag(), image.digest()) {
            (None, None) => Err(UnknownTo::NoImage),
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

impl To {
    /// Whether `image` is of the repository that is meant, whatever its version.
    fn names(&self, image: &str) -> bool {
        match self {
            Self::Version(_) => false,
            Self::Image(wanted) => image
                .parse()
                .is_ok_and(|image: ImageReference| image.same_repository(wanted)),
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
        for word in ["previous", "Previous", "PREVIOUS"] {
            assert_eq!(word.parse(), Ok(Target::Newest(Vec::new())));
        }
        for text in [
            "ghcr.io/acme/web",
            "a b",
            "-x",
            "sha256:1",
            "web:",
            "a@b",
            "# x\n",
        ] {
            assert_eq!(text.parse::<Target>(), Err(UnknownTo::NoImage), "{text}");
        }
        let both: Wanted = "# both\nacme/web:1\n\n acme/api:2\n".parse().unwrap();
        assert!(both.means("acme/web:1") && both.means("acme/api:2") && !both.means("acme/api:1"));
        assert_eq!(both.to_string(), "acme/web:1 and acme/api:2");
        assert_eq!("web:1\nv2".parse::<Wanted>(), Err(UnknownTo::NoName));
        let twice = Err(UnknownTo::Twice("acme/web".into()));
        assert_eq!("acme/web:1\nacme/web:2".parse::<Wanted>(), twice);
    }
}
