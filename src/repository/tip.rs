//! Where a branch was when it was read.

use std::fmt;

use super::branch::BranchName;
use super::object::CommitId;

/// A branch, and the commit that was its tip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BranchTip {
    /// The branch.
    pub branch: BranchName,
    /// Its tip.
    pub commit: CommitId,
}

impl fmt::Display for BranchTip {
    /// For a person: `` `main` at 1a2b3c4 ``.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` at {}", self.branch, self.commit.short())
    }
}
