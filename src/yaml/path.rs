//! YAML paths: `.spec.template.spec.containers[name=web].image`.
//!
//! | step | meets |
//! |---|---|
//! | `.key` | the value of a key; the first dot may be left out |
//! | `["a key"]`, `."a key"` | the same, for a key with `.`, `:`, `=`, brackets, quotes or blanks in it |
//! | `[0]`, `[-1]` | an item of a list, from the front or from the end |
//! | `[name=web]` | the item of a list whose `name` is `web` |
//! | `[+]` | an item that is yet to be appended |
//! | `$` | the root, as JSONPath writes it; only in front |

use std::fmt;
use std::str::FromStr;

use super::document::{Content, NodeId, Role, Stream};

/// Which node of a document is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    steps: Vec<Step>,
}

/// One step down from a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// `.key`
    Key(String),
    /// `[0]`; negative from the end.
    Index(isize),
    /// `[+]`: the item behind the last one, which is never there.
    Append,
    /// `[name=web]`
    Field {
        /// The key that each item has.
        key: String,
        /// The value that the item in question has there.
        value: String,
    },
}

/// Why a text is no [`Path`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathSyntaxError {
    /// Nothing was given.
    #[error("the path is empty")]
    Empty,
    /// A key without a name: `.a..b`, or a dot at the end.
    #[error("the path {path:?} has a dot with no key behind it")]
    NoKey {
        /// As it was given.
        path: String,
    },
    /// A bracket or a quote that does not end.
    #[error("the path {path:?} lacks a closing {missing}")]
    Unclosed {
        /// As it was given.
        path: String,
        /// What is missing.
        missing: char,
    },
    /// What stands in brackets is no index, no quoted key and no field.
    #[error(
        "the path {path:?} has [{step}]: write an index as [0], a key as [\"key\"], or a field as [name=value]"
    )]
    Brackets {
        /// As it was given.
        path: String,
        /// What stands in the brackets.
        step: String,
    },
    /// `.x[0]/image`.
    #[error("the path {path:?} has a `/` where a step was expected: write `{meant}`")]
    Slash {
        /// As it was given.
        path: String,
        /// The path that is meant.
        meant: String,
    },
    /// Something behind the path.
    #[error(
        "the path {path:?} has {rest:?} where a step was expected: a key with such a character is written as [\"key\"]"
    )]
    Trailing {
        /// As it was given.
        path: String,
        /// What could not be read.
        rest: String,
    },
}

/// How far a path led when it met nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missed {
    /// How many steps were made.
    pub steps: usize,
    /// The last node that was met.
    pub node: NodeId,
    /// Why the next step led nowhere.
    pub reason: MissedReason,
}

/// Why a step led nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MissedReason {
    /// No such key, item or field.
    Absent,
    /// Several items have the field.
    Ambiguous(usize),
    /// The node is an alias, and what it stands for is written elsewhere.
    Alias,
}

impl Path {
    /// Reads a path off the front of `text`; also gives what is left behind it.
    ///
    /// # Errors
    /// [`PathSyntaxError`] names the path and what is wrong with it.
    pub fn parse_front(text: &str) -> Result<(Self, &str), PathSyntaxError> {
        if text.is_empty() || text.starts_with(['=', ':']) {
            return Err(PathSyntaxError::Empty);
        }
        // `$.image.tag` is JSONPath's way, and `$.` no key that anybody has.
        let text = match text.strip_prefix('$') {
            Some(rest) if rest.starts_with(['.', '[']) => rest,
            _ => text,
        };
        let mut steps = Vec::new();
        let mut rest = text;
        match text.strip_prefix('.') {
            // A dot alone is the root.
            Some(after) if after.is_empty() || after.starts_with(['[', '=', ':']) => rest = after,
            None if !text.starts_with('[') => {
                let (first, after) = key(text, text)?;
                steps.push(Step::Key(first));
                rest = after;
            }
            _ => {}
        }
        loop {
            if let Some(inside) = rest.strip_prefix('[') {
                let (step, after) = bracketed(text, inside)?;
                steps.push(step);
                rest = after;
            } else if let Some(after_dot) = rest.strip_prefix('.') {
                // yq and others write `.a.[0]`.
                if after_dot.starts_with('[') {
                    rest = after_dot;
                    continue;
                }
                let (key, after) = key(text, after_dot)?;
                steps.push(Step::Key(key));
                rest = after;
            } else {
                break;
            }
        }
        if rest.starts_with('/') {
            let end = rest.find(['=', ':', ' ']).unwrap_or(rest.len());
            let (slashed, behind) = rest.split_at(end);
            steps.extend(parted(slashed));
            return Err(PathSyntaxError::Slash {
                path: text.strip_suffix(behind).unwrap_or(text).to_owned(),
                meant: Self { steps }.to_string(),
            });
        }
        Ok((Self { steps }, rest))
    }

    /// The steps, from the root on.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The first `steps` steps.
    pub fn up_to(&self, steps: usize) -> Self {
        Self {
            steps: self.steps.iter().take(steps).cloned().collect(),
        }
    }

    /// What is behind the first `steps` steps.
    #[must_use]
    pub fn from(&self, steps: usize) -> Self {
        Self {
            steps: self.steps.iter().skip(steps).cloned().collect(),
        }
    }

    /// The same path with another step at `number`.
    #[must_use]
    pub fn with_step(&self, number: usize, step: Step) -> Self {
        let mut path = self.clone();
        if let Some(own) = path.steps.get_mut(number) {
            *own = step;
        }
        path
    }

    /// The same path with `steps` in place of `count` steps from `number` on.
    #[must_use]
    pub fn with_steps(&self, number: usize, count: usize, steps: Vec<Step>) -> Self {
        let mut all = self.up_to(number).steps;
        all.extend(steps);
        all.extend(self.from(number + count).steps);
        Self { steps: all }
    }

    /// The node that the path leads to from `root`. Aliases are not followed: what is written at
    /// the anchor is met on its own path.
    ///
    /// # Errors
    /// [`Missed`] says how far it led.
    pub fn find(&self, stream: &Stream<'_>, root: NodeId) -> Result<NodeId, Missed> {
        self.find_from(stream, root, 0)
    }

    /// The same, from a node that the first `done` steps have led to.
    ///
    /// # Errors
    /// As for [`Path::find`].
    pub fn find_from(
        &self,
        stream: &Stream<'_>,
        node: NodeId,
        done: usize,
    ) -> Result<NodeId, Missed> {
        let mut node = node;
        for (steps, step) in self.steps.iter().enumerate().skip(done) {
            node = step.find(stream, node).map_err(|reason| Missed {
                steps,
                node,
                reason,
            })?;
        }
        Ok(node)
    }
}

/// The part of a path, as it is shown, that led to something that was there: up to the list to which it appended an
/// item (`[+]`, `[name=web]`). What is there is told by its number.
pub fn before_new_item(path: &str) -> &str {
    let (mut in_quotes, mut escaped) = (false, false);
    let new = path.char_indices().find(|(at, c)| {
        let is_quote = *c == '"' && !escaped;
        escaped = *c == '\\' && !escaped;
        in_quotes ^= is_quote;
        let step = path.get(at + 1..).unwrap_or_default();
        let is_known = step.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '"' | '-'));
        *c == '[' && !in_quotes && !is_known
    });
    path.get(..new.map_or(path.len(), |(at, _)| at))
        .unwrap_or(path)
}

/// Whether `path` leads to where `around` does, or into what is there.
pub fn is_within(path: &str, around: &str) -> bool {
    let below = path.strip_prefix(around);
    below.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// The steps between slashes, as JSON Pointer has them.
pub(crate) fn parted(text: &str) -> impl Iterator<Item = Step> {
    let parts = text.split('/').filter(|part| !part.is_empty());
    parts.map(|part| match part.parse() {
        Ok(index) => Step::Index(index),
        Err(_) => Step::Key(part.to_owned()),
    })
}

impl Step {
    fn find(&self, stream: &Stream<'_>, node: NodeId) -> Result<NodeId, MissedReason> {
        if let Content::Alias { .. } = stream.content(node) {
            return Err(MissedReason::Alias);
        }
        let mut items = stream.items(node);
        let found = match self {
            Self::Key(key) => stream.get(node, key),
            Self::Append => None,
            Self::Index(index) => match usize::try_from(*index) {
                Ok(index) => items.nth(index),
                Err(_) => items.nth_back(index.unsigned_abs() - 1),
            },
            Self::Field { key, value } => {
                let mut with_field = items.filter(|item| {
                    let field = stream.get(*item, key).and_then(|field| stream.value(field));
                    field == Some(value)
                });
                let first = with_field.next();
                match with_field.count() {
                    0 => first,
                    more => return Err(MissedReason::Ambiguous(more + 1)),
                }
            }
        };
        found.ok_or(MissedReason::Absent)
    }
}

impl FromStr for Path {
    type Err = PathSyntaxError;

    fn from_str(text: &str) -> Result<Self, PathSyntaxError> {
        match Self::parse_front(text)? {
            (path, "") => Ok(path),
            (_, rest) => Err(PathSyntaxError::Trailing {
                path: text.to_owned(),
                rest: rest.to_owned(),
            }),
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.steps.is_empty() {
            return f.write_str(".");
        }
        self.steps.iter().try_for_each(|step| step.fmt(f))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) if is_bare_key(key) => write!(f, ".{key}"),
            Self::Key(key) => write!(f, "[{}]", quoted(key)),
            Self::Index(index) => write!(f, "[{index}]"),
            Self::Append => f.write_str("[+]"),
            Self::Field { key, value } => {
                let bare_or_quoted = |text: &str| match is_bare_key(text) {
                    true => text.to_owned(),
                    false => quoted(text),
                };
                write!(f, "[{}={}]", bare_or_quoted(key), bare_or_quoted(value))
            }
        }
    }
}

/// The way from the root of its document to `id`: `.spec.containers[0].image`.
pub fn path_of(stream: &Stream<'_>, id: NodeId) -> Path {
    let mut steps: Vec<Step> = stream
        .ancestors(id)
        .filter_map(|id| match stream[id].role() {
            // A key that is itself a collection has no place in a path.
            Role::Value { key } => Some(Step::Key(stream.value(key).unwrap_or("?").to_owned())),
            Role::Key => Some(Step::Key(stream.value(id).unwrap_or("?").to_owned())),
            Role::Item { index } => Some(Step::Index(index.try_into().unwrap_or(isize::MAX))),
            Role::Root => None,
        })
        .collect();
    steps.reverse();
    Path { steps }
}

impl Path {
    /// Whether it chooses an item by the value that it leads to: `.steps[name=a].name`.
    pub fn chooses_by_its_end(&self) -> bool {
        match self.steps.as_slice() {
            [.., Step::Field { key, .. }, Step::Key(last)] => key == last,
            _ => false,
        }
    }

    /// The same, with the items of lists by their `name` where they have one: a way that stays the
    /// same when items come and go.
    pub fn by_names(stream: &Stream<'_>, id: NodeId) -> Self {
        let mut path = path_of(stream, id);
        let on_the_way = stream
            .ancestors(id)
            .filter(|id| stream[*id].role() != Role::Root);
        for (step, node) in path.steps.iter_mut().rev().zip(on_the_way) {
            let name = stream.get(node, "name").and_then(|name| stream.value(name));
            if let (Step::Index(_), Some(name)) = (&step, name) {
                *step = Step::Field {
                    key: "name".to_owned(),
                    value: name.to_owned(),
                };
            }
        }
        path
    }
}

/// Whether a key can follow a dot as it is.
fn is_bare_key(key: &str) -> bool {
    !key.is_empty() && !key.contains(ends_bare_key)
}

fn ends_bare_key(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '.' | '[' | ']' | '=' | ':' | '"' | '\'' | '\\')
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The key that `text` begins with, bare or in quotes.
fn key<'t>(path: &str, text: &'t str) -> Result<(String, &'t str), PathSyntaxError> {
    if let Some(quote) = text.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        return in_quotes(path, text, quote);
    }
    match text.find(ends_bare_key).unwrap_or(text.len()) {
        0 => Err(PathSyntaxError::NoKey {
            path: path.to_owned(),
        }),
        end => {
            let (key, rest) = text.split_at(end);
            Ok((key.to_owned(), rest))
        }
    }
}

/// A text in quotes, where a back slash makes the next character an ordinary one.
fn in_quotes<'t>(
    path: &str,
    text: &'t str,
    quote: char,
) -> Result<(String, &'t str), PathSyntaxError> {
    let mut value = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        if c == quote {
            let rest = text.get(at + c.len_utf8()..).unwrap_or_default();
            return Ok((value, rest));
        }
        let c = match c {
            '\\' => chars.next().map_or(c, |(_, escaped)| escaped),
            c => c,
        };
        value.push(c);
    }
    Err(PathSyntaxError::Unclosed {
        path: path.to_owned(),
        missing: quote,
    })
}

/// The step in brackets, whose opening one is before `inside`.
fn bracketed<'t>(path: &str, inside: &'t str) -> Result<(Step, &'t str), PathSyntaxError> {
    let unclosed = || PathSyntaxError::Unclosed {
        path: path.to_owned(),
        missing: ']',
    };
    let unknown = || PathSyntaxError::Brackets {
        path: path.to_owned(),
        step: inside.split(']').next().unwrap_or(inside).to_owned(),
    };
    if let Some(rest) = inside.strip_prefix("+]") {
        return Ok((Step::Append, rest));
    }
    let is_quoted = inside.starts_with(['"', '\'']);
    let (first, rest) = key(path, inside).map_err(|error| match error {
        PathSyntaxError::NoKey { .. } => unknown(),
        other => other,
    })?;
    if let Some(rest) = rest.strip_prefix('=') {
        let (value, rest) = match rest.chars().next() {
            Some(quote @ ('"' | '\'')) => in_quotes(path, rest, quote)?,
            _ => {
                let end = rest.find(']').ok_or_else(unclosed)?;
                let (value, rest) = rest.split_at(end);
                (value.to_owned(), rest)
            }
        };
        let rest = rest.strip_prefix(']').ok_or_else(unclosed)?;
        return Ok((Step::Field { key: first, value }, rest));
    }
    if !inside.contains(']') {
        return Err(unclosed());
    }
    let rest = rest.strip_prefix(']').ok_or_else(unknown)?;
    if is_quoted {
        return Ok((Step::Key(first), rest));
    }
    let index = first.parse().map_err(|_| unknown())?;
    Ok((Step::Index(index), rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = r#"
spec:
  replicas: 2
  containers:
    - name: web
      image: a:1
    - name: log
      image: b:1
      "dotted.key=": {x: y}
  twins: [{name: a}, {name: a}]
base: &base {k: v}
other: *base
"#;

    fn find(path: &str) -> Result<String, Missed> {
        let stream = Stream::parse(TEXT.as_bytes()).unwrap();
        let node = path
            .parse::<Path>()
            .unwrap()
            .find(&stream, stream.roots()[0])?;
        Ok(stream.value(node).unwrap_or("(collection)").to_owned())
    }

    #[test]
    fn a_path_leads_to_a_node() {
        for (path, expected) in [
            (".spec.replicas", "2"),
            ("spec.replicas", "2"),
            ("[\"spec\"].replicas", "2"),
            (".spec.containers[0].image", "a:1"),
            ("spec.containers[-1].image", "b:1"),
            ("spec.containers[name=log].image", "b:1"),
            ("spec.containers[name=\"log\"]['image']", "b:1"),
            ("spec.containers[1][\"dotted.key=\"].x", "y"),
            ("spec.containers[1].\"dotted.key=\".x", "y"),
            (".", "(collection)"),
            ("$.spec.replicas", "2"),
            ("$['spec'].containers[0].image", "a:1"),
            ("spec.twins[0].name", "a"),
        ] {
            assert_eq!(find(path).unwrap(), expected, "{path}");
        }
    }

    #[test]
    fn a_path_that_meets_nothing_says_how_far_it_led() {
        for (path, steps, reason) in [
            ("sepc.replicas", 0, MissedReason::Absent),
            ("spec.template.spec", 1, MissedReason::Absent),
            ("spec.containers[2]", 2, MissedReason::Absent),
            ("spec.containers[-3]", 2, MissedReason::Absent),
            ("spec.containers[name=x]", 2, MissedReason::Absent),
            ("spec.replicas.x", 2, MissedReason::Absent),
            ("spec.twins[name=a]", 2, MissedReason::Ambiguous(2)),
            ("other.k", 1, MissedReason::Alias),
        ] {
            let missed = find(path).unwrap_err();
            assert_eq!((missed.steps, missed.reason), (steps, reason), "{path}");
        }
    }

    #[test]
    fn what_is_no_path_is_told_apart_by_cause() {
        insta::assert_snapshot!(
            ["", ".a..b", "a.", "a[", "a[0", "a[]", "a[x]", "a['b]", "a['b'", "a[b=c", "a b", "a=b", "a:b", "a[0]b", ".a[0]/b/1", "a[b=c]/d=e"]
                .map(|text| text.parse::<Path>().unwrap_err().to_string())
                .join("\n"),
            @r#"
        the path is empty
        the path ".a..b" has a dot with no key behind it
        the path "a." has a dot with no key behind it
        the path "a[" has []: write an index as [0], a key as ["key"], or a field as [name=value]
        the path "a[0" lacks a closing ]
        the path "a[]" has []: write an index as [0], a key as ["key"], or a field as [name=value]
        the path "a[x]" has [x]: write an index as [0], a key as ["key"], or a field as [name=value]
        the path "a['b]" lacks a closing '
        the path "a['b'" lacks a closing ]
        the path "a[b=c" lacks a closing ]
        the path "a b" has " b" where a step was expected: a key with such a character is written as ["key"]
        the path "a=b" has "=b" where a step was expected: a key with such a character is written as ["key"]
        the path "a:b" has ":b" where a step was expected: a key with such a character is written as ["key"]
        the path "a[0]b" has "b" where a step was expected: a key with such a character is written as ["key"]
        the path ".a[0]/b/1" has a `/` where a step was expected: write `.a[0].b[1]`
        the path "a[b=c]/d" has a `/` where a step was expected: write `.a[b=c].d`
        "#
        );
    }

    #[test]
    fn a_new_item_is_known_by_its_list() {
        for (path, expected) in [
            (".a.b[0].c", ".a.b[0].c"),
            (".a[+]", ".a"),
            (".a[0].b[+].c", ".a[0].b"),
            (".a[name=x].b", ".a"),
            (
                "A/b:.c[\"d[+]\\\"[e\"].f[-1]",
                "A/b:.c[\"d[+]\\\"[e\"].f[-1]",
            ),
            ("[+]", ""),
        ] {
            assert_eq!(before_new_item(path), expected);
        }
    }

    #[test]
    fn a_path_can_be_read_off_the_front() {
        let (path, rest) = Path::parse_front(".a[b=c=d].e:=f=g").unwrap();
        assert_eq!(
            (path.to_string().as_str(), rest),
            (".a[b=\"c=d\"].e", ":=f=g")
        );
    }

    #[test]
    fn every_node_has_a_path_that_leads_back_to_it() {
        let stream = Stream::parse(TEXT.as_bytes()).unwrap();
        for (id, node) in stream.nodes().filter(|(_, node)| node.role() != Role::Key) {
            let path = path_of(&stream, id).to_string();
            let parsed: Path = path.parse().unwrap();
            let found = parsed.find(&stream, stream.roots()[0]).unwrap();
            assert_eq!(found, id, "{path} of line {}", node.line);
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "[a.=:\\[\\]\"'\\\\é0-]{0,12}") {
            if let Ok(path) = text.parse::<Path>() {
                let again: Path = path.to_string().parse().unwrap();
                prop_assert_eq!(again, path);
            }
        }
    }
}
