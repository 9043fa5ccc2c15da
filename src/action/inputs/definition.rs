//! What an input is, said once: the parsed value, `action.yml`, the documents and the warnings about
//! unknown names all come from it.

use std::fmt::Display;

use crate::operation::Operation;

pub const ALL: &[Operation] = &Operation::ALL;
pub const UPDATE: &[Operation] = &[Operation::Update];
pub const PROMOTE: &[Operation] = &[Operation::Promote];
/// Those that bring new images.
pub const DEPLOYING: &[Operation] = &[Operation::Update, Operation::Promote];
pub const HISTORY: &[Operation] = &[Operation::History];
pub const WITH_IMAGES: &[Operation] = &[Operation::Update, Operation::Verify, Operation::Promote];
pub const ROLLBACK: &[Operation] = &[Operation::Rollback];
pub const ROLLBACK_VERIFY: &[Operation] = &[Operation::Rollback, Operation::Verify];
/// Those that may wait for Argo CD.
pub const DELIVERING: &[Operation] = &[
    Operation::Update,
    Operation::Rollback,
    Operation::Verify,
    Operation::Promote,
];
/// Those that commit.
pub const WRITING: &[Operation] = &[Operation::Update, Operation::Rollback, Operation::Promote];

/// An input, as people see it.
pub struct Definition {
    /// In kebab case.
    pub name: &'static str,
    /// The operations that it means something to.
    pub used_by: &'static [Operation],
    /// What it is for, in Markdown.
    pub description: &'static str,
    /// What `action.yml` says that it is where it is left out. The runner sends it.
    pub default: &'static str,
    /// What it is where nobody sends it: the default, unless only a run knows that.
    pub(super) fallback: &'static str,
    pub(super) secret: Option<Secret>,
    pub(super) unfilled: Unfilled,
    /// What it was called before, which is understood, with a warning, until the next major version.
    pub old_names: &'static [&'static str],
    /// The inputs of which one must be given, or `true`, for this one to mean anything.
    pub needs: &'static [&'static Definition],
    /// For an operation that does not use it, and without it does something else than is asked for, what to
    /// do: an error where that one deploys, as nothing can take that back; else a warning.
    pub elsewhere: &'static [(Operation, &'static str)],
}

impl Definition {
    /// What names are compared by: `dry_run`, `dryRun` and `DRY-RUN` are one.
    pub(super) fn letters(name: &str) -> impl Iterator<Item = char> {
        let parts = name.chars().filter(|c| !matches!(c, '-' | '_'));
        parts.flat_map(char::to_lowercase)
    }

    /// Whether the name of an input means this one, and if so, whether it is an old name of it.
    pub(super) fn is_named(&self, name: &str) -> Option<Naming> {
        let is_it = |own: &str| Self::letters(own).eq(Self::letters(name));
        match self.old_names.iter().find(|old| is_it(old)) {
            Some(old) => Some(Naming::Old(old)),
            None => is_it(self.name).then_some(Naming::Current),
        }
    }
}

/// By which of its names an input was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Naming {
    Current,
    Old(&'static str),
}

/// A secret among the inputs, by what a log would show of it.
#[derive(Clone, Copy)]
pub(super) enum Secret {
    /// All of it.
    Whole,
    /// A line of it.
    Lines,
    /// All of it, or what HTTP makes of it and the name in another input.
    WithName(&'static Input<String>),
}

/// What becomes of a text with a `${{ … }}` in it that GitHub did not fill in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfilled {
    /// It is refused: no value has one.
    Refused,
    /// It stays, with a warning: what another expression filled in may be about expressions, as the message of
    /// a commit is that mends a workflow.
    Warned,
    /// Its parser says what is one: a value may be meant so.
    Parsed,
}

/// An input that is read as a `T`.
pub(super) struct Input<T> {
    pub definition: Definition,
    pub parse: Parser<T>,
}

/// Reads a text, or tells what is wrong with it. There may be a value, for what else is to be checked, in
/// spite of problems.
pub(super) type Parser<T> = fn(&str, &mut Problems<'_>) -> Option<T>;

impl<T> Input<T> {
    pub const fn new(name: &'static str, used_by: &'static [Operation], parse: Parser<T>) -> Self {
        let definition = Definition {
            name,
            used_by,
            description: "",
            default: "",
            fallback: "",
            secret: None,
            unfilled: Unfilled::Refused,
            old_names: &[],
            needs: &[],
            elsewhere: &[],
        };
        Self { definition, parse }
    }

    pub const fn or(self, default: &'static str) -> Self {
        self.or_of_run(default, default)
    }

    /// With a default that only a run knows; elsewhere it is `fallback`.
    pub const fn or_of_run(mut self, default: &'static str, fallback: &'static str) -> Self {
        self.definition.default = default;
        self.definition.fallback = fallback;
        self
    }

    pub const fn secret(mut self, secret: Secret) -> Self {
        self.definition.secret = Some(secret);
        self
    }

    /// With another rule for a `${{ … }}` that GitHub did not fill in than to refuse it.
    pub const fn unfilled(mut self, unfilled: Unfilled) -> Self {
        self.definition.unfilled = unfilled;
        self
    }

    /// Called otherwise before.
    pub const fn formerly(mut self, old_names: &'static [&'static str]) -> Self {
        self.definition.old_names = old_names;
        self
    }

    /// Means nothing unless one of these is given, or `true`.
    pub const fn needs(mut self, switches: &'static [&'static Definition]) -> Self {
        self.definition.needs = switches;
        self
    }

    /// For an operation that without it does something else than is asked for, what to do.
    pub const fn elsewhere(mut self, meant: &'static [(Operation, &'static str)]) -> Self {
        self.definition.elsewhere = meant;
        self
    }

    /// The lines of a documentation comment as one text.
    pub const fn described(mut self, description: &'static str) -> Self {
        self.definition.description = description.trim_ascii_start();
        self
    }
}

/// Defines a group of inputs. What is written above each describes it to those who use it. One that
/// nothing reads is dead code to the compiler.
macro_rules! inputs {
    ($($(#[doc = $line:literal])+ $name:ident: $type:ty = $input:expr;)+) => {
        $(
            $(#[doc = $line])+
            pub static $name: Input<$type> = $input;
        )+
        /// The group, in the order of `action.yml`.
        pub static INPUTS: &[&Definition] =
            &[$(&Input::<$type>::described($input, concat!($($line),+)).definition),+];
    };
}
pub(super) use inputs;

/// Takes down what is wrong with one input, so that one run tells all of it.
pub(super) struct Problems<'a> {
    pub input: &'static Definition,
    pub told: &'a mut Vec<String>,
    /// What looks wrong and is no reason to stop.
    pub warned: &'a mut Vec<String>,
}

impl Problems<'_> {
    pub fn add(&mut self, why: impl Display) {
        self.tell(format!("`{}`: {why}", self.input.name));
    }

    /// Once, also of an input that is read more than once.
    fn tell(&mut self, problem: String) {
        if !self.told.contains(&problem) {
            self.told.push(problem);
        }
    }

    pub fn warn(&mut self, what: impl Display) {
        let warning = format!("`{}`: {what}", self.input.name);
        if !self.warned.contains(&warning) {
            self.warned.push(warning);
        }
    }

    /// With the text that is meant, unless that is a secret.
    pub fn quote(&mut self, text: &str, why: impl Display) {
        if self.input.secret.is_some() {
            return self.add(why);
        }
        let (name, text) = (self.input.name, shortened(text));
        self.tell(format!("`{name}` `{text}`: {why}"));
    }
}

/// A URL without what in it may be a secret: user and password, query and fragment. Whatever else is
/// left as it is.
fn without_credentials(word: &str) -> String {
    let Some((scheme, rest)) = word.split_once("://") else {
        return word.to_owned();
    };
    let end = rest.find(['?', '#']).unwrap_or(rest.len());
    let (place, query) = rest.split_at(end);
    let (host, path) = match place.find('/') {
        Some(slash) => place.split_at(slash),
        None => (place, ""),
    };
    // A password may hold a slash that nobody has escaped.
    let (user, host, path) = match place.rsplit_once('@') {
        Some((_, behind)) => ("***@", behind, ""),
        None => ("", host, path),
    };
    let query = match query.chars().next() {
        Some(mark) => format!("{mark}***"),
        None => String::new(),
    };
    format!("{scheme}://{user}{host}{path}{query}")
}

/// A value as a message quotes it: one line of bounded length.
fn shortened(value: &str) -> String {
    const LONGEST: usize = 120;
    let words = value.split_whitespace().map(without_credentials);
    let line: String = words.collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_quoted_without_what_may_be_a_secret() {
        for (url, expected) in [
            ("https://git.acme/a/b", "https://git.acme/a/b"),
            ("https://me:geheim@git.acme/a/b", "https://***@git.acme/a/b"),
            ("https://me:ge/he@im@git.acme/a", "https://***@git.acme/a"),
            ("https://git.acme/a?token=x#y", "https://git.acme/a?***"),
            ("acme/web@sha256:1?", "acme/web@sha256:1?"),
        ] {
            assert_eq!(shortened(url), expected);
        }
    }
}
