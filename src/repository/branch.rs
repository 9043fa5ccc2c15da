//! A branch's name.

use std::fmt;
use std::str::FromStr;

/// A branch's name without `refs/heads/`, of a form that git accepts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BranchName(String);

impl BranchName {
    /// The name without `refs/heads/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name with `refs/heads/`.
    pub fn reference(&self) -> String {
        format!("refs/heads/{}", self.0)
    }

    /// The branches that its name is below: `a` and `a/b` of `a/b/c`.
    pub fn above(&self) -> impl Iterator<Item = Self> {
        let slashes = self.0.match_indices('/');
        slashes.map(|(at, _)| Self(self.0[..at].to_owned()))
    }

    /// Whether Git can't have it beside the branch `other`: one's name is a folder of the other's.
    pub fn excludes(&self, other: &str) -> bool {
        let is_below = |one: &str, folder: &str| {
            let rest = one.strip_prefix(folder);
            rest.is_some_and(|rest| rest.starts_with('/'))
        };
        is_below(&self.0, other) || is_below(other, &self.0)
    }
}

/// The name is none that git allows (`git check-ref-format --branch`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("git does not allow it as a branch name")]
pub struct InvalidBranchName;

impl FromStr for BranchName {
    type Err = InvalidBranchName;

    fn from_str(text: &str) -> Result<Self, InvalidBranchName> {
        let name = text.strip_prefix("refs/heads/").unwrap_or(text);
        let is_branch = !name.starts_with('-') && name != "HEAD" && may_follow_a_slash(name);
        is_branch
            .then(|| Self(name.to_owned()))
            .ok_or(InvalidBranchName)
    }
}

/// The rules of `git-check-ref-format(1)`, as far as they are about what stands behind `refs/heads/`.
fn may_follow_a_slash(name: &str) -> bool {
    let is_component =
        |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock");
    let is_barred = |c: char| c.is_ascii_control() || " ~^:?*[\\".contains(c);
    name.split('/').all(is_component)
        && !name.contains(is_barred)
        && !name.contains("..")
        && !name.contains("@{")
        && !name.ends_with('.')
}

impl fmt::Display for BranchName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_name_is_one_that_git_allows() {
        for (given, expected) in [
            ("main", "main"),
            ("refs/heads/main", "main"),
            ("a/b-c", "a/b-c"),
            ("a.b/@/ü", "a.b/@/ü"),
        ] {
            assert_eq!(given.parse::<BranchName>().unwrap().as_str(), expected);
        }
        // The list of `git-check-ref-format(1)`, in its order; then what `--branch` adds.
        for given in [
            ".a", "a/.b", "a.lock", "a.lock/b", // 1
            "a..b",     // 3
            "x\n", "a\u{7f}", "a b", "a~1", "a^", "a:b", // 4
            "a?", "a*", "a[b", // 5
            "", "/a", "a/", "a//b", // 6
            "a.",   // 7
            "a@{b", // 8
            "a\\b", // 10
            "-f", "HEAD",
        ] {
            assert!(given.parse::<BranchName>().is_err(), "{given:?}");
        }
    }
}
