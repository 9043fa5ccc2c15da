//! Platforms, as images are built for them: `linux/arm64/v8`.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

/// What an image runs on.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Platform {
    /// `linux`
    #[serde(default)]
    pub os: String,
    /// `amd64`, as Go names it.
    #[serde(default)]
    pub architecture: String,
    /// `v8`
    pub variant: Option<String>,
}

/// The text names no platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a platform: expected `OS/ARCHITECTURE` or `OS/ARCHITECTURE/VARIANT`, such as `linux/amd64`"
)]
pub struct InvalidPlatform(String);

impl Platform {
    /// Whether it is one at all: attestations are listed as `unknown/unknown`.
    pub fn is_known(&self) -> bool {
        let known = |part: &str| !matches!(part, "" | "unknown");
        known(&self.os) && known(&self.architecture)
    }

    /// Whether what runs on `self` is what `wanted` asks for. Without a variant, any will do.
    pub fn satisfies(&self, wanted: &Self) -> bool {
        self.os == wanted.os
            && self.architecture == wanted.architecture
            && (wanted.variant.is_none() || self.variant == wanted.variant)
    }
}

impl FromStr for Platform {
    type Err = InvalidPlatform;

    fn from_str(text: &str) -> Result<Self, InvalidPlatform> {
        let is_part =
            |part: &&str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric());
        let parts: Vec<&str> = text.split('/').collect();
        let invalid = || InvalidPlatform(text.to_owned());
        if !parts.iter().all(is_part) {
            return Err(invalid());
        }
        match parts[..] {
            [os, architecture] => Ok(Self {
                os: os.to_owned(),
                architecture: architecture.to_owned(),
                variant: None,
            }),
            [os, architecture, variant] => Ok(Self {
                os: os.to_owned(),
                architecture: architecture.to_owned(),
                variant: Some(variant.to_owned()),
            }),
            _ => Err(invalid()),
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match self.variant.as_deref() {
            None | Some("") => Ok(()),
            Some(variant) => write!(f, "/{variant}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variant_counts_where_one_is_asked_for() {
        let platform = |text: &str| text.parse::<Platform>().unwrap();
        let arm = platform("linux/arm64/v8");
        assert_eq!(arm.to_string(), "linux/arm64/v8");
        assert!(arm.satisfies(&platform("linux/arm64")) && arm.satisfies(&arm));
        assert!(!arm.satisfies(&platform("linux/arm64/v9")));
        assert!(!arm.satisfies(&platform("linux/amd64")));
        assert!(!platform("linux/arm64").satisfies(&arm));
        for wrong in ["", "linux", "linux/", "a/b/c/d", "linux/amd 64"] {
            assert!(wrong.parse::<Platform>().is_err(), "{wrong}");
        }
    }
}
