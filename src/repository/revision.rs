//! A commit as a person names it.

use std::str::FromStr;

use super::object::CommitId;

/// The id of a commit, or the beginning of one: 4 to 64 hexadecimal digits in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision(String);

/// It is no [`Revision`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a commit's id, or at least its first 4 digits")]
pub struct InvalidRevision;

impl Revision {
    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&CommitId> for Revision {
    fn from(commit: &CommitId) -> Self {
        Self(commit.to_string())
    }
}

impl FromStr for Revision {
    type Err = InvalidRevision;

    fn from_str(text: &str) -> Result<Self, InvalidRevision> {
        let is_id = (4..=64).contains(&text.len()) && text.chars().all(|c| c.is_ascii_hexdigit());
        is_id
            .then(|| Self(text.to_lowercase()))
            .ok_or(InvalidRevision)
    }
}
