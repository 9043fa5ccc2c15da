//! Under which names something is posted on a commit, and which of them are waited for.

use std::fmt;
use std::str::FromStr;

use globset::GlobMatcher;

use crate::files::{PathError, glob};
use crate::nearest::is_slip_of;

/// In which of GitHub's ways something is posted on a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A commit status.
    Status,
    /// A check run.
    Check,
    /// A deployment, by its environment.
    Deployment,
}

impl Kind {
    /// What an input has in front of the name.
    fn prefix(self) -> &'static str {
        match self {
            Self::Status => "",
            Self::Check => "check:",
            Self::Deployment => "deployment:",
        }
    }
}

/// Under which name something is posted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Context {
    /// In which way.
    pub kind: Kind,
    /// `kustomization/web/0b1c2d3e`, the name of a check, an environment.
    pub name: String,
}

impl Context {
    /// The name of a commit status, as GitHub has it.
    pub fn status(name: impl Into<String>) -> Self {
        let (kind, name) = (Kind::Status, name.into());
        Self { kind, name }
    }
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.kind.prefix(), self.name)
    }
}

/// What is waited for: a line of the input `status-context`.
#[derive(Debug, Clone)]
pub struct Line {
    kind: Kind,
    name: String,
    /// None where it is a name outright.
    glob: Option<GlobMatcher>,
}

/// The text is no [`Line`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLine {
    /// Nothing behind `check:` or `deployment:`.
    #[error("no name behind `{0}`")]
    NoName(&'static str),
    /// What looks like a way of posting, and is none.
    #[error("did you mean `{meant}`? A commit status of that name is written as `{name}`")]
    Slip {
        /// The line with the way that may be meant.
        meant: String,
        /// The line for a commit status that is called so.
        name: String,
    },
    /// It is no glob.
    #[error("{0}")]
    Glob(#[from] PathError),
}

impl Line {
    /// In which way it is posted.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The name, where it is no glob.
    pub fn exact(&self) -> Option<&str> {
        self.glob.is_none().then_some(self.name.as_str())
    }

    /// Whether something that is posted under `context` is meant. Names that look like globs are meant, too.
    pub fn matches(&self, context: &Context) -> bool {
        let of_glob = |glob: &GlobMatcher| glob.is_match(&context.name);
        self.kind == context.kind
            && (self.name == context.name || self.glob.as_ref().is_some_and(of_glob))
    }
}

impl FromStr for Line {
    type Err = InvalidLine;

    fn from_str(text: &str) -> Result<Self, InvalidLine> {
        let prefixed = [Kind::Check, Kind::Deployment].into_iter();
        let mut prefixed =
            prefixed.filter_map(|kind| Some((kind, text.strip_prefix(kind.prefix())?)));
        let (kind, name) = match prefixed.next() {
            Some(prefixed) => prefixed,
            None => {
                if let Some(slip) = slip(text) {
                    return Err(slip);
                }
                (Kind::Status, text)
            }
        };
        let name = name.trim();
        if name.is_empty() {
            return Err(InvalidLine::NoName(kind.prefix()));
        }
        let glob = match name.contains(['*', '?', '{', '[']) {
            false => None,
            true => Some(glob(name)?),
        };
        let name = name.to_owned();
        Ok(Self { kind, name, glob })
    }
}

/// What a line may be meant to be that is one for a commit status: nobody would notice before `verify-timeout` is over.
fn slip(text: &str) -> Option<InvalidLine> {
    const WORDS: [(&str, Kind); 6] = [
        ("check", Kind::Check),
        ("checkrun", Kind::Check),
        ("deployment", Kind::Deployment),
        ("environment", Kind::Deployment),
        ("status", Kind::Status),
        ("commitstatus", Kind::Status),
    ];
    let (way, name) = text.split_once(':')?;
    let name = name.trim();
    if way.contains(['/', '[', '*', '?', '{']) || name.is_empty() {
        return None;
    }
    let singular = way.strip_suffix("es").unwrap_or(way);
    let mut words = WORDS.iter();
    let (_, kind) = words.find(|(word, _)| is_slip_of(way, word) || is_slip_of(singular, word))?;
    let mut letters = way.chars();
    let first = letters.next()?;
    Some(InvalidLine::Slip {
        meant: format!("{}{name}", kind.prefix()),
        name: text.replacen(first, &format!("[{first}]"), 1),
    })
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.kind.prefix(), self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_means_names_of_its_own_kind() {
        let of = |kind, name: &str| Context {
            kind,
            name: name.to_owned(),
        };
        for (line, kind, name, expected) in [
            ("ci", Kind::Status, "ci", true),
            ("ci", Kind::Check, "ci", false),
            ("ci", Kind::Status, "CI", false),
            (
                "kustomization/web/*",
                Kind::Status,
                "kustomization/web/0b1c2d3e",
                true,
            ),
            (
                "kustomization/*",
                Kind::Status,
                "kustomization/web/0b",
                false,
            ),
            (
                "kustomization/**",
                Kind::Status,
                "kustomization/web/0b",
                true,
            ),
            ("check:deploy *", Kind::Check, "deploy web", true),
            ("check: e2e", Kind::Check, "e2e", true),
            ("check:build [x]", Kind::Check, "build [x]", true),
            ("deployment:prod", Kind::Deployment, "prod", true),
            ("deployment:prod", Kind::Status, "deployment:prod", false),
            ("ci/a:b", Kind::Status, "ci/a:b", true),
        ] {
            let parsed: Line = line.parse().unwrap();
            assert_eq!(parsed.matches(&of(kind, name)), expected, "{line} {name}");
        }
        assert_eq!("check:x".parse::<Line>().unwrap().to_string(), "check:x");
        for (slip, meant) in [
            ("checks:e2e", "`check:e2e`"),
            ("Check: e2e", "`check:e2e`"),
            ("heck:e2e", "`check:e2e`"),
            ("check-run:e2e", "`check:e2e`"),
            ("check_runs:e2e", "`check:e2e`"),
            ("deployments:prod", "`deployment:prod`"),
            ("Deployment:prod", "`deployment:prod`"),
            ("environment:prod", "`deployment:prod`"),
            ("status:ci/a", "`ci/a`"),
            ("statuses:ci/a", "`ci/a`"),
            ("commit-status:ci/a", "`ci/a`"),
        ] {
            let told = slip.parse::<Line>().unwrap_err().to_string();
            assert!(told.contains(meant), "{slip}: {told}");
            // A status may be called so all the same.
            let name = &told[told.rfind(" `").unwrap() + 2..told.len() - 1];
            let named: Line = name.parse().unwrap();
            assert!(named.matches(&Context::status(slip)), "{slip}: {told}");
        }
        for name in [
            "checkov:scan",
            "deploy: prod",
            "ci: check",
            "a/checks:b",
            "test:e2e",
        ] {
            let line: Line = name.parse().unwrap();
            assert!(line.matches(&Context::status(name)), "{name}");
        }
        for wrong in ["check:", "deployment: ", "a{b", "a[b"] {
            assert!(wrong.parse::<Line>().is_err(), "{wrong}");
        }
        for wrong in ["*".repeat(10_000), "{".repeat(100) + &"}".repeat(100)] {
            let error = wrong.parse::<Line>().unwrap_err().to_string();
            assert!(error.len() < 100, "{error}");
        }
    }
}
