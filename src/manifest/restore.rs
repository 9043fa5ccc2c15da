//! How to take a change to a file back, on a version that others have changed since.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::place::{Located, PlaceNumber, Places, shown};
use crate::yaml::{Content, Edit, NewValue, NodeId, Role, Stream, Style, edit, scalar};

/// Why the values that a change set can't be set back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// Somebody has changed the value again since.
    #[error("{path} was changed again since: it is {value:?} now, on line {line}")]
    ChangedSince {
        /// Where, within its document.
        path: String,
        /// From 1.
        line: usize,
        /// What it is now.
        value: String,
    },
    /// What was changed is not there any more.
    #[error("{path} is gone")]
    Gone {
        /// Where it was, within its document.
        path: String,
    },
    /// Nothing tells which value the change was about.
    #[error(
        "{path} (line {line}) is there several times, with the same object or the same names around it, or in a list that has another length now"
    )]
    Ambiguous {
        /// Where, within its document.
        path: String,
        /// Of one of them, from 1.
        line: usize,
    },
    /// The change did more than to set values.
    #[error(
        "the change added or removed keys or items, and others changed the lines around them since"
    )]
    Structure,
    /// The values can't be found or written.
    #[error("{0}")]
    Unreadable(String),
}

/// `tip` with the values that the change from `before` to `after` set as they were before it; none
/// where they all are already.
///
/// # Errors
/// See [`RestoreError`].
pub fn restore(tip: &[u8], before: &[u8], after: &[u8]) -> Result<Option<Vec<u8>>, RestoreError> {
    let [tip, before, after] = [parse(tip)?, parse(before)?, parse(after)?];
    let mut places = Places::default();
    let [tip, before, after] =
        [&tip, &before, &after].map(|stream| Version::read(stream, &mut places));
    let has_same_places = before.counts().eq(after.counts());
    if !has_same_places {
        return Err(RestoreError::Structure);
    }
    let mut edits = Vec::new();
    for (place, was) in &before.nodes {
        let became = after.at(*place);
        let pairs = was.iter().zip(became);
        if pairs
            .clone()
            .all(|(was, became)| before.value(*was) == after.value(*became))
        {
            continue;
        }
        let is = tip.at(*place);
        if is.is_empty() {
            let path = after.path(became);
            return Err(RestoreError::Gone { path });
        }
        if is.len() != was.len()
            || [&before, &after, &tip]
                .iter()
                .any(|one| one.is_double(*place))
        {
            return Err(RestoreError::Ambiguous {
                path: tip.path(is),
                line: tip.line(is),
            });
        }
        for ((was, became), is) in pairs.zip(is) {
            let (was, became, now) = (before.value(*was), after.value(*became), tip.value(*is));
            if was == became || was == now {
                continue;
            }
            if now != became {
                return Err(RestoreError::ChangedSince {
                    path: tip.path(&[*is]),
                    line: tip.line(&[*is]),
                    value: now.to_string(),
                });
            }
            let value = match was {
                Value::Text(text) => NewValue::Text(text.to_owned()),
                Value::Typed(text) => NewValue::Plain(text.to_owned()),
                Value::Alias(_) | Value::List | Value::Mapping => {
                    return Err(RestoreError::Structure);
                }
            };
            edits.push(Edit::Set { node: *is, value });
        }
    }
    if edits.is_empty() {
        return Ok(None);
    }
    edit::apply(tip.located.stream, &edits)
        .map(Some)
        .map_err(|error| RestoreError::Unreadable(error.to_string()))
}

/// Whether `merged` differs from `tip` in nothing but that the change from `before` to `after` is taken
/// back, all of it: the guard behind a merge of lines, which knows nothing of objects and takes one for
/// another that looks alike. A file that is no YAML can't be judged, and passes.
pub fn takes_back(tip: &[u8], merged: &[u8], before: &[u8], after: &[u8]) -> bool {
    let [Ok(before), Ok(after), Ok(tip)] = [parse(before), parse(after), parse(tip)] else {
        return true;
    };
    let Ok(merged) = parse(merged) else {
        return false;
    };
    let mut places = Places::default();
    let [tip, merged, before, after] =
        [&tip, &merged, &before, &after].map(|stream| Version::read(stream, &mut places));
    let mut wanted: BTreeMap<Difference<'_>, usize> = BTreeMap::new();
    for change in changes(&after, &before) {
        *wanted.entry(change).or_default() += 1;
    }
    for change in changes(&tip, &merged) {
        let is_double = [&tip, &after].iter().any(|one| one.is_double(change.0));
        match wanted.get_mut(&change).filter(|_| !is_double) {
            Some(count @ 1..) => *count -= 1,
            _ => return false,
        }
    }
    // What is left was taken back by somebody else already.
    let mut left = wanted.into_iter().filter(|(_, count)| *count > 0);
    left.all(|((place, from, to), _)| {
        let holds = |value| {
            let mut nodes = tip.at(place).iter();
            nodes.any(|node| tip.value(*node) == value)
        };
        to.is_none_or(holds) && (to.is_some() || !from.is_some_and(holds))
    })
}

fn parse(bytes: &[u8]) -> Result<Stream<'_>, RestoreError> {
    Stream::parse(bytes).map_err(|error| RestoreError::Unreadable(error.to_string()))
}

/// A value at a place, and what became of it; none for one that is new, or gone.
type Difference<'s> = (PlaceNumber, Option<Value<'s>>, Option<Value<'s>>);

/// What is different in `to`.
fn changes<'s>(from: &Version<'s, '_>, to: &Version<'s, '_>) -> Vec<Difference<'s>> {
    let mut changes = Vec::new();
    let new = to.nodes.keys().filter(|place| from.at(**place).is_empty());
    for place in from.nodes.keys().chain(new) {
        let values = |version: &Version<'s, '_>| -> Vec<Value<'s>> {
            let nodes = version.at(*place).iter();
            nodes.map(|node| version.value(*node)).collect()
        };
        let (mut old, mut new) = (values(from), values(to));
        if old.len() == new.len() {
            let pairs = old.into_iter().zip(new).filter(|(old, new)| old != new);
            changes.extend(pairs.map(|(old, new)| (*place, Some(old), Some(new))));
            continue;
        }
        // Which of them is the one that came or went, only its value tells.
        old.sort_unstable();
        new.sort_unstable();
        let (mut old, mut new) = (old.into_iter().peekable(), new.into_iter().peekable());
        loop {
            let order = match (old.peek(), new.peek()) {
                (Some(one), Some(other)) => one.cmp(other),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => break,
            };
            match order {
                Ordering::Less => changes.push((*place, old.next(), None)),
                Ordering::Greater => changes.push((*place, None, new.next())),
                Ordering::Equal => {
                    old.next();
                    new.next();
                }
            }
        }
    }
    changes
}

/// What a place holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Value<'s> {
    /// A string, however it is written.
    Text(&'s str),
    /// What is a number, a boolean, null or a date to some reader.
    Typed(&'s str),
    /// An alias of that name.
    Alias(&'s str),
    List,
    Mapping,
}

impl std::fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) | Self::Typed(text) => f.write_str(text),
            Self::Alias(name) => write!(f, "*{name}"),
            Self::List => f.write_str("a list"),
            Self::Mapping => f.write_str("a mapping"),
        }
    }
}

/// A version of a file by its places.
struct Version<'s, 't> {
    located: Located<'s, 't>,
    /// Everything but keys, in the order of the text. Items without names share a place.
    nodes: BTreeMap<PlaceNumber, Vec<NodeId>>,
}

impl<'s, 't> Version<'s, 't> {
    fn read(stream: &'s Stream<'t>, places: &mut Places<'s>) -> Self {
        let mut located = Located::new(stream);
        let mut nodes: BTreeMap<PlaceNumber, Vec<NodeId>> = BTreeMap::new();
        let values = stream.nodes().filter(|(_, node)| node.role != Role::Key);
        for (id, _) in values {
            let place = located.place(places, id);
            nodes.entry(place).or_default().push(id);
        }
        Self { located, nodes }
    }

    fn at(&self, place: PlaceNumber) -> &[NodeId] {
        self.nodes.get(&place).map_or(&[], Vec::as_slice)
    }

    fn counts(&self) -> impl Iterator<Item = (PlaceNumber, usize)> {
        self.nodes
            .iter()
            .map(|(place, nodes)| (*place, nodes.len()))
    }

    fn is_double(&self, place: PlaceNumber) -> bool {
        let mut nodes = self.at(place).iter();
        nodes.any(|node| self.located.is_double(*node))
    }

    fn value(&self, node: NodeId) -> Value<'s> {
        let stream = self.located.stream;
        match &stream[node].content {
            Content::Scalar(read)
                if read.style == Style::Plain && scalar::is_typed(&read.value) =>
            {
                Value::Typed(&read.value)
            }
            Content::Scalar(read) => Value::Text(&read.value),
            Content::Alias { name, .. } => Value::Alias(name),
            Content::Sequence(_) => Value::List,
            Content::Mapping(_) => Value::Mapping,
        }
    }

    /// The way to the first of `nodes`, which are at one place.
    fn path(&self, nodes: &[NodeId]) -> String {
        let first = nodes.first();
        first.map_or_else(String::new, |node| shown(self.located.stream, *node))
    }

    fn line(&self, nodes: &[NodeId]) -> usize {
        nodes
            .first()
            .map_or(0, |node| self.located.stream[*node].line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn restored(tip: &str, before: &str, after: &str) -> Result<Option<String>, String> {
        match restore(tip.as_bytes(), before.as_bytes(), after.as_bytes()) {
            Ok(text) => Ok(text.map(|text| String::from_utf8(text).unwrap())),
            Err(error) => Err(error.to_string()),
        }
    }

    fn two(staging: &str, production: &str) -> String {
        format!(
            "{}---\n{}",
            web("staging", staging),
            web("production", production)
        )
    }

    fn web(namespace: &str, tag: &str) -> String {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web, namespace: {namespace}}}\nspec:\n  containers:\n    - name: web\n      image: web:{tag}\n"
        )
    }

    #[test]
    fn an_object_of_one_namespace_is_not_one_of_another() {
        let (before, after) = (two("v1", "v2"), two("v2", "v2"));
        let tip = format!("# moved on\n{after}");
        assert_eq!(
            restored(&tip, &before, &after).unwrap().unwrap(),
            format!("# moved on\n{before}")
        );
        assert_eq!(
            restored(&web("production", "v2"), &before, &after),
            Err(".spec.containers[name=web].image is gone".to_owned())
        );
    }

    #[test]
    fn neighbours_may_come_and_go() {
        let entries = |tag: &str| format!("images:\n- name: web\n  newTag: {tag}\n");
        let tip = "images:\n- name: api\n  newTag: v7\n- name: web\n  newTag: v2 # now\n";
        assert_eq!(
            restored(tip, &entries("v1"), &entries("v2"))
                .unwrap()
                .unwrap(),
            tip.replace("v2", "v1")
        );
        // The same object, as an item of a `List` and in a later version of its API.
        let item = |version: &str, count: &str| {
            format!("kind: X\napiVersion: {version}\nmetadata: {{name: a}}\nspec: {{n: {count}}}\n")
        };
        let list = "apiVersion: v1\nkind: List\nitems:\n- kind: X\n  apiVersion: acme.io/v2\n  metadata: {name: a}\n  spec: {n: 2}\n";
        assert_eq!(
            restored(list, &item("acme.io/v1", "1"), &item("acme.io/v1", "2"))
                .unwrap()
                .unwrap(),
            list.replace("n: 2", "n: 1")
        );
    }

    #[test]
    fn a_number_stays_a_number_and_a_text_a_text() {
        for (before, after) in [
            ("replicas: 3", "replicas: 5"),
            ("replicas: 3", "replicas: \"5\""),
            ("replicas: 3", "replicas: '3'"),
            ("tag: \"3\"", "tag: 3"),
            ("tag: '1.10'", "tag: v2"),
            ("on: true", "on: 'true'"),
        ] {
            let (tip, expected) = (
                format!("{after} # x\nb: c\n"),
                format!("{before} # x\nb: c\n"),
            );
            let (before, after) = (format!("{before}\nb: c\n"), format!("{after}\nb: c\n"));
            let text = restored(&tip, &before, &after).unwrap().unwrap();
            let read = |text: &str| serde_yaml_ng::from_str::<serde_yaml_ng::Value>(text).unwrap();
            assert_eq!(read(&text), read(&expected), "{text}");
            assert_eq!(restored(&expected, &before, &after), Ok(None));
        }
    }

    #[test]
    fn what_others_set_since_is_left_alone() {
        assert_eq!(
            restored("# x\na: 3\n", "a: 1\n", "a: 2\n").unwrap_err(),
            ".a was changed again since: it is \"3\" now, on line 2"
        );
        assert_eq!(
            restored("a: 1\nb: 5\n", "a: 1\nb: 4\n", "a: 2\nb: 4\n"),
            Ok(None)
        );
        assert_eq!(
            restored("a: 1\n", "a: 1\n", "a: 2\nb: 4\n").unwrap_err(),
            RestoreError::Structure.to_string()
        );
        assert_eq!(
            restored("a: 1\n", "a: {}\n", "a: []\n").unwrap_err(),
            ".a was changed again since: it is \"1\" now, on line 1"
        );
        assert_eq!(
            restored("a: []\n", "a: {}\n", "a: []\n").unwrap_err(),
            RestoreError::Structure.to_string()
        );
    }

    #[test]
    fn what_nothing_tells_apart_is_not_guessed() {
        let ambiguous = |tip: &str, before: &str, after: &str| {
            let error = restore(tip.as_bytes(), before.as_bytes(), after.as_bytes()).unwrap_err();
            assert!(matches!(error, RestoreError::Ambiguous { .. }), "{error}");
        };
        // Twice the same object; twice the same name; a list without names of another length.
        let twice = |tag: &str| format!("{}---\n{}", web("a", tag), web("a", "v9"));
        ambiguous(&format!("# x\n{}", twice("v2")), &twice("v1"), &twice("v2"));
        let named = |tag: &str| format!("l: [{{name: a, t: {tag}}}, {{name: a, t: v9}}]\n");
        ambiguous(&named("v2"), &named("v1"), &named("v2"));
        ambiguous("l: [x, b]\n", "l: [a]\n", "l: [b]\n");
        // Of as many as there were, each is the one in its turn.
        assert_eq!(
            restored("l: [b, c]\nx: y\n", "l: [a, c]\n", "l: [b, c]\n"),
            Ok(Some("l: [a, c]\nx: y\n".to_owned()))
        );
        // What did not change may be there as often as it likes.
        let beside = |tag: &str| format!("{}t: {tag}\n", named("v1"));
        assert_eq!(
            restored(&beside("v2"), &beside("v1"), &beside("v2")),
            Ok(Some(beside("v1")))
        );
    }

    #[test]
    fn a_merge_of_lines_must_take_the_change_back_and_nothing_else() {
        let takes = |tip: &str, merged: &str, before: &str, after: &str| {
            takes_back(
                tip.as_bytes(),
                merged.as_bytes(),
                before.as_bytes(),
                after.as_bytes(),
            )
        };
        let (before, after) = (two("v1", "v2"), two("v2", "v2"));
        assert!(takes(&after, &before, &before, &after));
        let (production, changed) = (web("production", "v2"), web("production", "v1"));
        assert!(
            !takes(&production, &changed, &before, &after),
            "another object"
        );
        assert!(
            !takes(&after, &after, &before, &after),
            "nothing was taken back"
        );
        assert!(
            takes(&before, &before, &before, &after),
            "by somebody else already"
        );
        assert!(
            !takes(&after, &two("v1", "v1"), &before, &after),
            "more than that"
        );
        // What was added is taken out again, wherever it is in its list now.
        let (before, after) = ("l: [a]\nx: 1\n", "l: [a, b]\nx: 2\n");
        assert!(takes(
            "l: [a, b, c]\nx: 2\n",
            "l: [a, c]\nx: 1\n",
            before,
            after
        ));
        assert!(!takes(
            "l: [a, b, c]\nx: 2\n",
            "l: [a, b]\nx: 1\n",
            before,
            after
        ));
        assert!(
            takes("l: [a, c]\nx: 2\n", "l: [a, c]\nx: 1\n", before, after),
            "b is gone"
        );
        assert!(
            !takes("l: [a, b]\nx: 2\n", "l: [a, b]\nx: 1\n", before, after),
            "b is left"
        );
        // And what was removed comes back.
        assert!(takes(
            "l: [b, c]\n",
            "l: [a, b, c]\n",
            "l: [a, b]\n",
            "l: [b]\n"
        ));
        assert!(!takes("a: 2\n", "a: [\n", "a: 1\n", "a: 2\n"));
        assert!(takes("{{ x", "{{ y", "{{ y", "{{ x"), "no YAML at all");
        let named = |tag: &str| format!("l: [{{name: a, t: {tag}}}, {{name: a, t: v9}}]\n");
        assert!(!takes(
            &named("v2"),
            &named("v1"),
            &named("v1"),
            &named("v2")
        ));
    }
}
