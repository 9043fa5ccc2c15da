//! What a user asks for: the lines of `image`.

use std::fmt;
use std::str::FromStr;

use crate::image::{ImageReference, ImageReferenceError};

/// All changes asked for at once.
#[derive(Debug, Clone, Default)]
pub struct EditRequest {
    /// Images to write wherever their repository, or the container they name, is found.
    pub images: Vec<ImageAssignment>,
}

/// `[CONTAINER=]REFERENCE`, as `kubectl set image` takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageAssignment {
    /// The container's name. Without it, every place that holds the same repository is meant.
    pub container: Option<String>,
    /// The image to write: as it was given, with a tag, a digest or both.
    pub image: ImageReference,
}

/// Why a line is no [`ImageAssignment`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageAssignmentError {
    /// `=ghcr.io/o/web:v1`.
    #[error("{line:?} has no container before the `=`: write CONTAINER=IMAGE, or the image alone")]
    NoContainer {
        /// As it was given.
        line: String,
    },
    /// A name that no container can have.
    #[error(
        "{line:?} names the container {container:?}: a container's name is made of a-z, 0-9 and `-`"
    )]
    Container {
        /// As it was given.
        line: String,
        /// What stands before the `=`.
        container: String,
    },
    /// The image is no reference.
    #[error(transparent)]
    Image(#[from] ImageReferenceError),
    /// Neither tag nor digest: nothing says which version to deploy.
    #[error(
        "{image} has neither a tag nor a digest: say which version to deploy, as in {image}:v1"
    )]
    NoVersion {
        /// The reference as it was given.
        image: ImageReference,
    },
}

impl FromStr for ImageAssignment {
    type Err = ImageAssignmentError;

    /// A reference can't hold a `=`, so the first one ends the container's name.
    fn from_str(line: &str) -> Result<Self, ImageAssignmentError> {
        let (container, reference) = match line.split_once('=') {
            Some((container, reference)) => (Some(container.trim()), reference.trim()),
            None => (None, line),
        };
        match container {
            Some("") => {
                let line = line.to_owned();
                return Err(ImageAssignmentError::NoContainer { line });
            }
            Some(container) if !is_container_name(container) => {
                return Err(ImageAssignmentError::Container {
                    line: line.to_owned(),
                    container: container.to_owned(),
                });
            }
            _ => {}
        }
        let image: ImageReference = reference.parse()?;
        if image.tag().is_none() && image.digest().is_none() {
            return Err(ImageAssignmentError::NoVersion { image });
        }
        Ok(Self {
            container: container.map(str::to_owned),
            image,
        })
    }
}

impl fmt::Display for ImageAssignment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.container {
            Some(container) => write!(f, "{container}={}", self.image),
            None => self.image.fmt(f),
        }
    }
}

/// A DNS label (Kubernetes' `ContainerName`). Compose files and others also have `_`, `.` and
/// upper case, so that these pass too.
fn is_container_name(name: &str) -> bool {
    name.chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_an_image_with_or_without_a_container() {
        let line: ImageAssignment = "ghcr.io/o/web:v1".parse().unwrap();
        assert_eq!(line.container, None);
        let line: ImageAssignment = "web=localhost:5000/web:v1".parse().unwrap();
        assert_eq!(line.container.as_deref(), Some("web"));
        assert_eq!(line.image.to_string(), "localhost:5000/web:v1");
        assert_eq!(line.to_string(), "web=localhost:5000/web:v1");
    }

    #[test]
    fn a_line_that_says_nothing_to_deploy_is_refused() {
        let refusal = |line: &str| line.parse::<ImageAssignment>().unwrap_err().to_string();
        insta::assert_snapshot!(
            ["=a:1", "my web=a:1", "web=", "nginx", "web=localhost:5000/web"].map(refusal).join("\n"),
            @r#"
        "=a:1" has no container before the `=`: write CONTAINER=IMAGE, or the image alone
        "my web=a:1" names the container "my web": a container's name is made of a-z, 0-9 and `-`
        the image reference is empty
        nginx has neither a tag nor a digest: say which version to deploy, as in nginx:v1
        localhost:5000/web has neither a tag nor a digest: say which version to deploy, as in localhost:5000/web:v1
        "#
        );
    }
}
