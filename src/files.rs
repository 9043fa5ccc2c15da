//! Paths inside a repository, and the choice of files that `file` makes.
//!
//! Pure: knows no file system. A [`RepoPath`] can't leave its repository, so whoever holds one need
//! not check again.

use std::fmt;
use std::str::FromStr;

use globset::{GlobBuilder, GlobMatcher};

use crate::limits::{Exceeded, GLOB, OBJECT};

/// A path to a file inside a repository: relative, `/`-separated, without `.`, `..`, empty
/// components or `.git`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepoPath(String);

/// Why a text is no [`RepoPath`] or no [`Pattern`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Nothing was given.
    #[error("the path is empty")]
    Empty,
    /// `/etc/passwd`, `C:\x`.
    #[error("the path is absolute: leave out the first `/`, as in `apps/web.yaml`")]
    Absolute,
    /// `https://github.com/…/blob/main/web.yaml`.
    #[error("a URL: give the path in the repository alone, such as `apps/web.yaml`")]
    Url,
    /// A `..` component.
    #[error("the path leaves the repository (`..`)")]
    OutsideRepository,
    /// A `.git` component, in any case: git refuses such a tree.
    #[error("the path reaches into `.git`, which does not belong to a repository's files")]
    GitDirectory,
    /// A back slash, a NUL or another control character.
    #[error("the path holds {0:?}: components are separated by `/`")]
    Character(char),
    /// A path that names a directory.
    #[error("the path ends in `/`: name a file, or a glob such as `{0}*.yaml`")]
    Directory(String),
    /// The glob does not parse.
    #[error("the glob does not parse: {0}")]
    Glob(String),
    /// Path or glob are longer than any path.
    #[error("{0}")]
    Limit(#[from] Exceeded),
}

impl RepoPath {
    /// The path as text, `/`-separated.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last component.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }
}

impl FromStr for RepoPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        Ok(Self(normalized(text)?))
    }
}

impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for RepoPath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// `text` without `./` and doubled slashes, or why it can't name a file of a repository.
fn normalized(text: &str) -> Result<String, PathError> {
    if text.is_empty() {
        return Err(PathError::Empty);
    }
    if let Some(bad) = text.chars().find(|c| *c == '\\' || c.is_control()) {
        return Err(PathError::Character(bad));
    }
    if text.contains("://") {
        return Err(PathError::Url);
    }
    let drive = text.as_bytes().get(1) == Some(&b':') && text.as_bytes()[0].is_ascii_alphabetic();
    if text.starts_with('/') || drive {
        return Err(PathError::Absolute);
    }
    if text.ends_with('/') {
        return Err(PathError::Directory(text.to_owned()));
    }
    let components: Vec<&str> = text
        .split('/')
        .filter(|component| !component.is_empty() && *component != ".")
        .collect();
    if components.contains(&"..") {
        return Err(PathError::OutsideRepository);
    }
    if components.iter().any(|c| c.eq_ignore_ascii_case(".git")) {
        return Err(PathError::GitDirectory);
    }
    if components.is_empty() {
        return Err(PathError::Empty);
    }
    Ok(components.join("/"))
}

/// The largest file that is read.
pub const MAX_FILE_BYTES: usize = OBJECT.most() as usize;

/// One line of `file`: a path, or a glob.
#[derive(Debug, Clone)]
pub enum Pattern {
    /// A file that must exist.
    Path(RepoPath),
    /// `*`, `?` and `[…]` stay within a component, `**` crosses them, `{a,b}` lists alternatives.
    Glob {
        /// As it was written.
        text: String,
        /// Matches whole paths.
        matcher: GlobMatcher,
    },
}

impl Pattern {
    /// Whether `path` is what this pattern means.
    pub fn matches(&self, path: &RepoPath) -> bool {
        match self {
            Self::Path(own) => own == path,
            Self::Glob { matcher, .. } => matcher.is_match(path.as_str()),
        }
    }

    /// The same files, told of as `text`, in which something stands for the wildcards.
    pub fn told_as(self, text: &str) -> Self {
        match self {
            Self::Glob { matcher, .. } => Self::Glob {
                text: text.to_owned(),
                matcher,
            },
            path => path,
        }
    }

    /// What paths are likened to that may have been meant.
    pub fn wildcards(&self) -> &str {
        match self {
            Self::Path(path) => path.as_str(),
            Self::Glob { matcher, .. } => matcher.glob().glob(),
        }
    }
}

impl FromStr for Pattern {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        GLOB.check(text.len() as u64)?;
        if !text.contains(['*', '?', '{', '[']) {
            return Ok(Self::Path(text.parse()?));
        }
        let text = normalized(text)?;
        let matcher = glob(&text)?;
        Ok(Self::Glob { text, matcher })
    }
}

/// What matches whole paths, or names with `/` in them, as `text` says.
///
/// # Errors
/// It does not parse, or is too long or too deep to be made a matcher of.
pub fn glob(text: &str) -> Result<GlobMatcher, PathError> {
    GLOB.check(text.len() as u64)?;
    if nesting(text) > DEEPEST {
        let why = format!("its alternatives (`{{a,b}}`) nest deeper than {DEEPEST} levels");
        return Err(PathError::Glob(why));
    }
    let glob = GlobBuilder::new(text).literal_separator(true).build();
    let glob = glob.map_err(|error| PathError::Glob(error.kind().to_string()))?;
    Ok(glob.compile_matcher())
}

/// How deep alternatives may nest. Of what nests deep no regular expression is made, which a glob becomes: that panics.
const DEEPEST: usize = 16;

/// How deep the alternatives of a glob nest, at the most.
fn nesting(glob: &str) -> usize {
    let (mut open, mut deepest) = (0_usize, 0);
    for character in glob.chars() {
        match character {
            '{' => open += 1,
            '}' => open = open.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(open);
    }
    deepest
}

/// What is alone in the braces of a glob, which is the same as without them: a placeholder of something else. None
/// where the glob is too long to be one: that is what is told of it.
pub fn lone_alternative(glob: &str) -> Option<&str> {
    GLOB.check(glob.len() as u64).ok()?;
    let mut opening = glob.match_indices('{');
    opening.find_map(|(at, _)| {
        let (inside, _) = glob.get(at + 1..)?.split_once('}')?;
        (!inside.contains([',', '{'])).then_some(inside)
    })
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.fmt(f),
            Self::Glob { text, .. } => f.write_str(text),
        }
    }
}

/// Which files of a repository an operation is about: what `file` says.
#[derive(Debug, Clone, Default)]
pub struct FileSelection {
    /// Paths and globs, in the order given. None selects nothing, which is no error.
    pub include: Vec<Pattern>,
    /// What the `!` lines take out again.
    pub exclude: Vec<Pattern>,
    /// A file to read along with them: of the same commit, and none of them because of that.
    pub beside: Option<RepoPath>,
}

impl FileSelection {
    /// Files by their paths.
    pub fn of<'p>(paths: impl IntoIterator<Item = &'p RepoPath>) -> Self {
        let include = paths.into_iter().map(|path| Pattern::Path(path.clone()));
        Self {
            include: include.collect(),
            ..Self::default()
        }
    }

    /// The same, with a file beside them.
    #[must_use]
    pub fn beside(&self, path: Option<&RepoPath>) -> Self {
        Self {
            beside: path.cloned(),
            ..self.clone()
        }
    }

    /// The paths named outright and not excluded, in the order given, each once, and the one beside them.
    /// They must exist.
    pub fn named_paths(&self) -> Vec<&RepoPath> {
        let mut paths: Vec<&RepoPath> = Vec::new();
        for pattern in &self.include {
            if let Pattern::Path(path) = pattern
                && !paths.contains(&path)
                && !self.excludes(path)
            {
                paths.push(path);
            }
        }
        paths.extend(
            self.beside
                .iter()
                .filter(|path| !paths.contains(path))
                .collect::<Vec<_>>(),
        );
        paths
    }

    /// The globs, in the order given. Each must match a file.
    pub fn globs(&self) -> impl Iterator<Item = &Pattern> {
        self.include
            .iter()
            .filter(|pattern| matches!(pattern, Pattern::Glob { .. }))
    }

    /// Whether `path` is one of the files.
    pub fn selects(&self, path: &RepoPath) -> bool {
        self.include.iter().any(|pattern| pattern.matches(path)) && !self.excludes(path)
    }

    /// Which line means `path` first, by its place among them.
    pub fn line_of(&self, path: &RepoPath) -> usize {
        let line = self
            .include
            .iter()
            .position(|pattern| pattern.matches(path));
        line.unwrap_or(self.include.len())
    }

    /// Whether a `!` line takes `path` out.
    pub fn excludes(&self, path: &RepoPath) -> bool {
        self.exclude.iter().any(|pattern| pattern.matches(path))
    }
}

impl fmt::Display for FileSelection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let include = self.include.iter().map(ToString::to_string);
        let exclude = self.exclude.iter().map(|pattern| format!("!{pattern}"));
        f.write_str(&include.chain(exclude).collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_normalized() {
        for (given, expected) in [
            ("web.yaml", "web.yaml"),
            ("./apps//web.yaml", "apps/web.yaml"),
            ("apps/./web.yaml", "apps/web.yaml"),
            ("…/ünï code.yaml", "…/ünï code.yaml"),
        ] {
            assert_eq!(given.parse::<RepoPath>().unwrap().as_str(), expected);
        }
    }

    #[test]
    fn a_path_that_leaves_the_repository_is_refused() {
        for (given, expected) in [
            ("", PathError::Empty),
            ("./", PathError::Directory("./".into())),
            (".", PathError::Empty),
            ("/etc/passwd", PathError::Absolute),
            ("C:/x.yaml", PathError::Absolute),
            ("../x.yaml", PathError::OutsideRepository),
            ("a/../../x.yaml", PathError::OutsideRepository),
            ("a/..", PathError::OutsideRepository),
            ("a\\b.yaml", PathError::Character('\\')),
            ("a\0b", PathError::Character('\0')),
            (".git/config", PathError::GitDirectory),
            ("a/.GIT/config", PathError::GitDirectory),
            ("apps/", PathError::Directory("apps/".into())),
        ] {
            assert_eq!(
                given.parse::<RepoPath>().unwrap_err(),
                expected,
                "{given:?}"
            );
        }
    }

    #[test]
    fn a_glob_keeps_to_components_unless_it_says_otherwise() {
        let path = |text: &str| text.parse::<RepoPath>().unwrap();
        let matches =
            |glob: &str, text: &str| glob.parse::<Pattern>().unwrap().matches(&path(text));
        assert!(matches("apps/*.yaml", "apps/web.yaml"));
        assert!(!matches("apps/*.yaml", "apps/blog/web.yaml"));
        assert!(matches("apps/**/*.yaml", "apps/blog/web.yaml"));
        assert!(matches("apps/**/*.yaml", "apps/web.yaml"));
        assert!(matches("{dev,prod}/web-?.yaml", "prod/web-1.yaml"));
        assert!(!matches("{dev,prod}/web.yaml", "test/web.yaml"));
    }

    #[test]
    fn a_glob_that_leaves_the_repository_is_refused() {
        assert_eq!(
            "../*".parse::<Pattern>().unwrap_err(),
            PathError::OutsideRepository
        );
        assert!(matches!("{a".parse::<Pattern>(), Err(PathError::Glob(_))));
        let nested = |depth: usize| format!("{}b{}", "{a,".repeat(depth), "}".repeat(depth));
        assert!(nested(DEEPEST).parse::<Pattern>().is_ok());
        assert!(matches!(
            nested(DEEPEST + 1).parse::<Pattern>(),
            Err(PathError::Glob(_))
        ));
        assert!("?".repeat(1 << 10).parse::<Pattern>().is_ok());
        assert!("[!a]{b,?}".repeat(110).parse::<Pattern>().is_ok());
        assert!(matches!(
            "?".repeat(4097).parse::<Pattern>(),
            Err(PathError::Limit(_))
        ));
    }
}
