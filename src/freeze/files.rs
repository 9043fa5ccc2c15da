//! Which files a freeze holds.

use crate::files::{Pattern, RepoPath};

/// Paths and globs as in the input `file`; a path stands for what is below it, too, so that a directory that is
/// named is frozen.
#[derive(Debug, Clone, Default)]
pub(super) struct Files {
    /// None for every file there is.
    pub(super) include: Vec<Pattern>,
    /// What the `!` lines take out again.
    pub(super) exclude: Vec<Pattern>,
}

impl Files {
    pub(super) fn hold(&self, path: &RepoPath) -> bool {
        let any = |patterns: &[Pattern]| patterns.iter().any(|pattern| covers(pattern, path));
        (self.include.is_empty() || any(&self.include)) && !any(&self.exclude)
    }
}

fn covers(pattern: &Pattern, path: &RepoPath) -> bool {
    let is_below = |directory: &RepoPath| {
        let rest = path.as_str().strip_prefix(directory.as_str());
        rest.is_some_and(|rest| rest.starts_with('/'))
    };
    pattern.matches(path) || matches!(pattern, Pattern::Path(own) if is_below(own))
}
