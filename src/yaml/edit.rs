//! Changing what a file says and not one byte more.
//!
//! Two guards stand around every edit. Before it, the text of a scalar that is to be replaced must
//! read, on its own, as the value that the parser reported there. After it, the new file is parsed
//! again: only what was to change may differ, it must be what was asked for, and what was JSON must be
//! JSON. A parser that errs about a position can so make an edit fail, never make it wrong.

use std::collections::HashMap;

use super::change::{Edit, EditError};
use super::document::{Content, Node, NodeId, Role, Stream, Style};
use super::expected::Expected;
use super::footprint::Footprint;
use super::scalar::names;
use super::splices::{Replacement, Splices};

/// The file with `edits` made, all of them. No two may be about the same scalar.
///
/// # Errors
/// [`EditError`] says why nothing was changed.
pub fn apply(stream: &Stream<'_>, edits: &[Edit]) -> Result<Vec<u8>, EditError> {
    apply_if(stream, edits, |_, _| Ok(()))
}

/// The same, where `check` finds nothing wrong with where the edits write and with what the new file says.
///
/// # Errors
/// [`EditError`], or that of `check`.
pub fn apply_if<E: From<EditError>>(
    stream: &Stream<'_>,
    edits: &[Edit],
    check: impl FnOnce(&Footprint, Stream<'_>) -> Result<(), E>,
) -> Result<Vec<u8>, E> {
    let changed = Changed::by(edits, stream)?;
    check(&changed.footprint, changed.checked(stream)?)?;
    Ok(changed.after.into_bytes())
}

/// What edits make of a file.
struct Changed {
    replacements: Vec<Replacement>,
    after: String,
    expected: Expected,
    footprint: Footprint,
}

impl Changed {
    /// The new file as it reads: as the edits of `before` want it, and in nothing else another one.
    fn checked(&self, before: &Stream<'_>) -> Result<Stream<'_>, EditError> {
        let after = Stream::parse(self.after.as_bytes()).map_err(EditError::Breaks)?;
        self.expected.check(before, &after)?;
        Ok(after)
    }

    fn by(edits: &[Edit], stream: &Stream<'_>) -> Result<Self, EditError> {
        let mut duplicates = Duplicates::default();
        let mut splices = Splices::new(stream);
        // All edits inside of one text are made at once.
        let mut inside: Vec<(NodeId, Vec<Edit>)> = Vec::new();
        for edit in edits {
            duplicates.refuse_around(stream, edit.node())?;
            if let Edit::Add { mapping, key, .. } = edit
                && let Some(held) = stream.get(*mapping, key)
            {
                let (key, line) = (key.clone(), stream[held].line());
                return Err(EditError::Taken { key, line });
            }
            if let Edit::Inside { node, edits } = edit {
                match inside.iter_mut().find(|(other, _)| other == node) {
                    Some((_, all)) => all.extend(edits.iter().cloned()),
                    None => inside.push((*node, edits.clone())),
                }
            }
        }
        refuse_nested(stream, edits)?;
        refuse_needed(stream, edits)?;
        splices.add(edits)?;
        for (node, edits) in inside {
            let line = stream[node].line();
            let text = stream.inside(node).ok_or(EditError::NotInside { line })?;
            let changed = Changed::by(&edits, &text.stream);
            let changed = changed.and_then(|changed| {
                changed.checked(&text.stream)?;
                Ok(changed)
            });
            let Changed {
                replacements,
                after,
                footprint,
                ..
            } = changed.map_err(|source| EditError::Inside {
                line: text.line(1),
                source: Box::new(source),
            })?;
            let replacements = replacements.into_iter();
            splices
                .replacements
                .extend(replacements.map(|replacement| text.outside(replacement)));
            splices.footprint.add(footprint, |at| text.outside_at(at));
            splices.expected.texts.insert(node, after);
        }
        let (replacements, expected, footprint) = splices.finish()?;
        let after = splice(stream.text(), &replacements);
        Ok(Self {
            replacements,
            after,
            expected,
            footprint,
        })
    }
}

/// Refuses edits in and of what another one replaces or removes as a whole.
fn refuse_nested(stream: &Stream<'_>, edits: &[Edit]) -> Result<(), EditError> {
    if edits.len() < 2 {
        return Ok(());
    }
    let is_whole = |edit: &&Edit| matches!(edit, Edit::Set { .. } | Edit::Remove { .. });
    let mut wholes: HashMap<NodeId, usize> = HashMap::new();
    for edit in edits.iter().filter(is_whole) {
        *wholes.entry(edit.node()).or_default() += 1;
    }
    for edit in edits {
        let node = edit.node();
        let own = wholes.get(&node).copied().unwrap_or_default();
        let mut around = stream.ancestors(node).skip(1);
        if own > usize::from(is_whole(&edit)) || around.any(|node| wholes.contains_key(&node)) {
            let line = stream[node].line();
            return Err(EditError::Overlap { line });
        }
    }
    Ok(())
}

/// Refuses to take away an anchor that an alias reads which stays.
fn refuse_needed(stream: &Stream<'_>, edits: &[Edit]) -> Result<(), EditError> {
    let mut wholes: HashMap<NodeId, bool> = HashMap::new();
    for edit in edits {
        match edit {
            Edit::Set { node, .. } => {
                wholes.insert(*node, true);
            }
            Edit::Remove { node } => {
                wholes.insert(*node, false);
                wholes.extend(key_node(&stream[*node], *node).map(|key| (key, false)));
            }
            _ => {}
        }
    }
    // Most edits are of scalars, and take away nothing.
    let takes_away = |(node, is_set): (&NodeId, &bool)| {
        let is_scalar = matches!(stream.content(*node), Content::Scalar(_));
        !(*is_set && is_scalar)
    };
    if !wholes.iter().any(takes_away) {
        return Ok(());
    }
    // A value that is set keeps its own anchor.
    let goes = |node: NodeId, keeps_own: bool| {
        let mut around = stream.ancestors(node);
        around.any(|around| match wholes.get(&around) {
            Some(is_set) => !(keeps_own && around == node && *is_set),
            None => false,
        })
    };
    for (id, node) in stream.nodes() {
        let Content::Alias { name, target } = stream.content(id) else {
            continue;
        };
        if goes(target, true) && !goes(id, false) {
            let (line, name) = (node.line(), name.to_owned());
            return Err(EditError::Needed { line, name });
        }
    }
    Ok(())
}

/// `text` with every replacement made, which are in its order and don't overlap.
fn splice(text: &str, replacements: &[Replacement]) -> String {
    let mut result = String::with_capacity(text.len() + 64);
    let mut copied = 0;
    for replacement in replacements {
        result.push_str(text.get(copied..replacement.span.start).unwrap_or_default());
        result.push_str(&replacement.text);
        copied = replacement.span.end;
    }
    result.push_str(text.get(copied..).unwrap_or_default());
    result
}

/// Looks for keys that are there twice, in each mapping once, so that many edits of one mapping
/// stay cheap.
#[derive(Default)]
struct Duplicates {
    /// For each mapping seen so far, the keys that are there more than once.
    seen: HashMap<NodeId, HashMap<String, (NodeId, NodeId)>>,
}

impl Duplicates {
    /// Refuses `target` when a key on the way to it is there twice.
    fn refuse_around(&mut self, stream: &Stream<'_>, target: NodeId) -> Result<(), EditError> {
        for id in stream.ancestors(target) {
            let node = &stream[id];
            let (Some(mapping), Some(key)) = (node.parent, key_node(node, id)) else {
                continue;
            };
            let twice = self
                .seen
                .entry(mapping)
                .or_insert_with(|| duplicate_keys(stream, mapping));
            let mut names = names_of(stream, key).into_iter();
            if let Some((first, second)) = names.find_map(|name| twice.get(&name)) {
                return Err(EditError::DuplicateKey {
                    key: value_of(stream, key).unwrap_or_default().to_owned(),
                    first: stream[*first].line(),
                    line: stream[*second].line(),
                });
            }
        }
        Ok(())
    }
}

/// The key of the pair that the node belongs to.
fn key_node(node: &Node, id: NodeId) -> Option<NodeId> {
    match node.role() {
        Role::Key => Some(id),
        Role::Value { key } => Some(key),
        Role::Root | Role::Item { .. } => None,
    }
}

/// What a key reads as, also where an alias stands for it.
fn value_of<'s>(stream: &'s Stream<'_>, key: NodeId) -> Option<&'s str> {
    match stream.content(key) {
        Content::Alias { target, .. } => stream.value(target),
        _ => stream.value(key),
    }
}

/// Each text that a key or a value has to some reader, the one that stands there first; none where it is no scalar.
pub fn names_of(stream: &Stream<'_>, id: NodeId) -> Vec<String> {
    let id = match stream.content(id) {
        Content::Alias { target, .. } => target,
        _ => id,
    };
    let Some(scalar) = stream.scalar(id) else {
        return Vec::new();
    };
    let is_plain = match stream.tag(id) {
        Some(tag) => !matches!(tag, "tag:yaml.org,2002:str" | "!"),
        None => scalar.style == Style::Plain,
    };
    match is_plain {
        true => names(scalar.value),
        false => vec![scalar.value.to_string()],
    }
}

/// The names that more than one key of `mapping` has, with the first two of them.
pub fn duplicate_keys(stream: &Stream<'_>, mapping: NodeId) -> HashMap<String, (NodeId, NodeId)> {
    let mut first: HashMap<String, NodeId> = HashMap::new();
    let mut twice = HashMap::new();
    for (key, _) in stream.pairs(mapping) {
        for name in names_of(stream, key) {
            match first.get(&name) {
                // One that is said in two ways is there once.
                Some(first) if *first == key => {}
                Some(first) => {
                    twice.entry(name).or_insert((*first, key));
                }
                None => {
                    first.insert(name, key);
                }
            }
        }
    }
    twice
}

#[cfg(test)]
mod tests;
