//! Which files a freeze holds.

use crate::files::{Pattern, RepoPath};

/// Paths and globs as in the input `file`; what they name stands for what is below it, too, so that a directory
/// that is named is frozen.
#[derive(Debug, Clone, Default)]
pub(super) struct Files {
    /// None for every file there is.
    pub(super) include: Vec<Pattern>,
    /// What the `!` lines take out again.
    pub(super) exclude: Vec<Pattern>,
}

impl Files {
    pub(super) fn hold(&self, path: &RepoPath) -> bool {
        let is_held = |pattern: &Pattern| holds(pattern, path);
        let is_excluded = |pattern: &Pattern| excludes(pattern, path);
        (self.include.is_empty() || self.include.iter().any(is_held))
            && !self.exclude.iter().any(is_excluded)
    }
}

/// A glob stands for all below a directory that it matches.
fn holds(pattern: &Pattern, path: &RepoPath) -> bool {
    match pattern {
        Pattern::Path(own) => is_at_or_below(path, own),
        Pattern::Glob { matcher, .. } => {
            let path = path.as_str();
            let directories = path.match_indices('/').map(|(end, _)| &path[..end]);
            directories.chain([path]).any(|at| matcher.is_match(at))
        }
    }
}

/// A glob takes out no more than it matches itself: what is frozen by mistake is seen, what is not is deployed.
fn excludes(pattern: &Pattern, path: &RepoPath) -> bool {
    match pattern {
        Pattern::Path(own) => is_at_or_below(path, own),
        Pattern::Glob { .. } => pattern.matches(path),
    }
}

fn is_at_or_below(path: &RepoPath, own: &RepoPath) -> bool {
    let rest = path.as_str().strip_prefix(own.as_str());
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether `text` is more than one pattern by its looks, on a line: it has white space, or a comma that parts no
/// alternatives. As one pattern it would match nothing, most likely.
pub(super) fn is_several(text: &str) -> bool {
    let (mut braces, mut is_class) = (0_usize, false);
    for character in text.chars() {
        match character {
            '[' => is_class = true,
            ']' => is_class = false,
            // A class stays within a component.
            '/' if is_class => return true,
            '{' if !is_class => braces += 1,
            '}' if !is_class => braces = braces.saturating_sub(1),
            ',' if !is_class && braces == 0 => return true,
            other if other.is_whitespace() => return true,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_that_names_a_directory_stands_for_all_below_it() {
        let parsed = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        for (include, exclude, path, expected) in [
            ("envs/prod*", "", "envs/production/web.yaml", true),
            ("envs/prod*", "", "envs/production/eu/web.yaml", true),
            ("envs/*", "", "envs/production/eu/web.yaml", true),
            ("envs/{production,other}", "", "envs/other/web.yaml", true),
            ("envs/prod*", "", "envs/staging/web.yaml", false),
            ("envs/prod*", "", "envs/production", true),
            ("envs/*.yaml", "", "envs/production/web.yaml", false),
            // What is taken out is no more than what is written.
            ("envs/**", "envs/prod*", "envs/production/web.yaml", true),
            ("envs/**", "envs/prod*", "envs/prod.yaml", false),
            (
                "envs/**",
                "envs/production",
                "envs/production/web.yaml",
                false,
            ),
        ] {
            let files = Files {
                include: parsed(&[include]),
                exclude: match exclude {
                    "" => Vec::new(),
                    exclude => parsed(&[exclude]),
                },
            };
            assert_eq!(
                files.hold(&path.parse().unwrap()),
                expected,
                "{include} {exclude} {path}"
            );
        }
    }
}
