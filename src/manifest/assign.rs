//! Values that the user sets or removes: the lines of `set` and of `remove`.
//!
//! A path leads through what is there, also into texts that are documents of their own, and through
//! aliases to what they stand for. What is missing behind it is made where a line says so (`:=`); to a list
//! that is there, `[+]` appends.

use crate::yaml::path::{Missed, MissedReason, Path, Step, path_of};
use crate::yaml::{Content, Edit, NewValue, NodeId, Role, Stream, Style, scalar};

use super::change::{ValueChange, ValuePlace};
use super::error::{ManifestError, PathEnd};
use super::file::Manifest;
use super::guard;
use super::locate::{
    ambiguous, behind_object, documents, in_other_notation, meant, no_document, what_is_at,
};
use super::request::{ResourceFilter, ValueAssignment, YamlPath};
use super::said::Said;
use super::source;
use super::target::Targets;
use super::write::{self, Obstacle};

/// What a line wants at a place.
#[derive(Clone, Copy)]
pub(super) enum Wish<'r> {
    Set(&'r ValueAssignment),
    Remove(&'r YamlPath),
}

impl<'r> Wish<'r> {
    fn place(self) -> &'r YamlPath {
        match self {
            Self::Set(assignment) => &assignment.path,
            Self::Remove(path) => path,
        }
    }
}

/// Adds the edits that a line asks for to the files that it is about.
pub(super) fn add(
    manifests: &[Manifest<'_>],
    targets: &mut [Targets<'_>],
    wish: Wish<'_>,
    filters: &[ResourceFilter],
    warnings: &mut Vec<String>,
) -> Result<(), ManifestError> {
    let place = wish.place();
    let mut attempts: Vec<(usize, NodeId, Attempt)> = Vec::new();
    for (number, manifest) in manifests.iter().enumerate() {
        if manifest.nested.is_some() {
            continue; // The path leads into it from the file around it.
        }
        for root in documents(&manifest.stream, place.document.as_ref(), filters) {
            attempts.push((number, root, walk(&manifest.stream, root, 0, wish)));
        }
    }
    // A key is added wherever there is the mapping for it; what is missing as well is made only where
    // the path leads furthest.
    let around = place.path.steps().len().saturating_sub(1);
    let furthest = attempts.iter().map(|(.., attempt)| attempt.steps()).max();
    let enough = furthest.unwrap_or_default().min(around);
    let mut is_met = false;
    let mut nearest: Option<(usize, Nothing)> = None;
    for (number, manifest) in manifests.iter().enumerate() {
        let in_file = attempts.extract_if(.., |(of, ..)| *of == number);
        let mut met: Vec<(NodeId, Found)> = Vec::new();
        for (_, root, attempt) in in_file {
            match attempt {
                Attempt::Met(found) if found.steps >= enough => met.push((root, found)),
                Attempt::Met(_) => {}
                Attempt::Refused { line, reason } => {
                    return Err(ManifestError::NoScalar {
                        file: manifest.file.path.clone(),
                        line,
                        path: place.to_string(),
                        reason,
                    });
                }
                Attempt::Nothing(nothing) => {
                    let is_nearer = |(_, other): &(usize, Nothing)| nothing.steps > other.steps;
                    if nearest.as_ref().is_none_or(is_nearer) {
                        nearest = Some((number, nothing));
                    }
                }
            }
        }
        let deepest = met.iter().map(|(_, found)| found.steps).max();
        met.retain(|(_, found)| Some(found.steps) == deepest);
        if met.len() > 1 {
            let places = met.iter().map(|(root, found)| (*root, found.line));
            return Err(ambiguous(manifest, place, &places.collect::<Vec<_>>()));
        }
        let (Some((root, found)), Some(targets)) = (met.pop(), targets.get_mut(number)) else {
            continue;
        };
        is_met = true;
        if let (Wish::Set(assignment), Some(edit)) = (wish, &found.edit)
            && let Some(reason) = refused_at(manifests, number, edit, assignment)
        {
            return Err(ManifestError::NoScalar {
                file: manifest.file.path.clone(),
                line: found.line,
                path: place.to_string(),
                reason,
            });
        }
        if let Some(retyped) = &found.retyped {
            let file = &manifest.file.path;
            warnings.push(format!("{file} line {}: {retyped}", found.line));
        }
        if let Some(line) = manifest.source.first_template()
            && manifest.stream.is_null(root)
        {
            // All that there is comes from elsewhere.
            return Err(ManifestError::template(&manifest.file.path, line));
        }
        let at = ValuePlace {
            file: manifest.file.path.clone(),
            line: found.line,
            resource: manifest.resource(found.outer.unwrap_or(root)),
            path: found.path,
        };
        let change = ValueChange::new(at, found.old.as_ref(), found.new.as_ref());
        targets.add_value(found.edit, change)?;
    }
    match (wish, nearest) {
        _ if is_met => Ok(()),
        // What is gone already is as it should be; but an alias keeps what it stands for. Where not even what
        // is around it is there, or something of nearly that name, it may have been misspelt, and is there still.
        (Wish::Remove(_), Some((number, nothing))) if nothing.is_absent => {
            if nothing.steps < around || nothing.is_slip(&place.path) {
                warnings.push(not_removed(&nothing.error(&manifests[number], place)));
            }
            Ok(())
        }
        (_, Some((number, nothing))) => Err(nothing.error(&manifests[number], place)),
        (Wish::Remove(_), None) => {
            warnings.push(not_removed(&no_document(manifests, place, filters)));
            Ok(())
        }
        (Wish::Set(_), None) => Err(no_document(manifests, place, filters)),
    }
}

/// Why a line can't mean what it says where `edit` is, in the manifest with this number or in a text of it.
fn refused_at(
    manifests: &[Manifest<'_>],
    mut number: usize,
    mut edit: &Edit,
    assignment: &ValueAssignment,
) -> Option<String> {
    while let Edit::Inside { node, edits } = edit {
        let is_it = |manifest: &Manifest<'_>| {
            let nested = manifest.nested.as_ref();
            nested.is_some_and(|nested| (nested.outer, nested.node) == (number, *node))
        };
        number = manifests.iter().position(is_it)?;
        edit = edits.first()?;
    }
    match edit {
        Edit::Set { node, .. } => guard::is_no_image(manifests.get(number)?, *node, assignment),
        _ => None,
    }
}

/// The warning that there was nothing to remove, for the reason that `error` gives.
fn not_removed(error: &ManifestError) -> String {
    let advice = error.advice().unwrap_or_default();
    format!("`remove` found nothing: {error}. {advice}")
}

/// What following a path in a document came to.
enum Attempt {
    Met(Found),
    /// It leads to something that can't become what is asked for.
    Refused {
        line: usize,
        reason: String,
    },
    Nothing(Nothing),
}

impl Attempt {
    fn steps(&self) -> usize {
        match self {
            Self::Met(found) => found.steps,
            Self::Refused { .. } => usize::MAX,
            Self::Nothing(nothing) => nothing.steps,
        }
    }
}

/// A place, and what to do there.
struct Found {
    /// How many steps of the path led to something that is there.
    steps: usize,
    /// None where the place holds what is asked for already.
    edit: Option<Edit>,
    line: usize,
    /// The node of the file, not of a text in it.
    outer: Option<NodeId>,
    path: String,
    old: Option<Said<'static>>,
    new: Option<Said<'static>>,
    /// That it becomes of another type, and nobody said that it shall.
    retyped: Option<String>,
}

/// How far a path led, and what is there.
struct Nothing {
    steps: usize,
    line: usize,
    there: String,
    is_absent: bool,
    /// Whether the document is no list and no mapping.
    is_text: bool,
    /// The paths that may have been meant.
    meant: Vec<Path>,
    /// Whether what is missing would be made, if the line said so.
    can_be_made: bool,
}

impl Nothing {
    /// Whether `path` is one slip away from what is there, in whatever upper and lower case. What differs in a number
    /// only is something else, such as the next of several.
    fn is_slip(&self, path: &Path) -> bool {
        let step = |path: &Path| match path.steps().get(self.steps)? {
            Step::Key(text) | Step::Field { value: text, .. } => Some(text.clone()),
            _ => None,
        };
        let meant = self.meant.first().and_then(step);
        meant.zip(step(path)).is_some_and(|(meant, given)| {
            let letters = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "");
            let lower = |text: &str| text.to_ascii_lowercase();
            match strsim::damerau_levenshtein(&lower(&meant), &lower(&given)) {
                0 => meant != given,
                1 => letters(&lower(&meant)) != letters(&lower(&given)),
                _ => false,
            }
        })
    }

    fn error(self, manifest: &Manifest<'_>, place: &YamlPath) -> ManifestError {
        let file = manifest.file.path.clone();
        if self.is_text {
            return ManifestError::NoMapping { file };
        }
        let object = behind_object(manifest, place);
        let end = PathEnd {
            line: self.line,
            reached: place.path.up_to(self.steps).to_string(),
            there: self.there,
            can_be_made: self.can_be_made && (self.steps > 0 || object.is_none()),
            meant: match self.meant.is_empty() {
                false => {
                    let meant = self.meant.into_iter();
                    meant.map(|meant| place.at(meant).to_string()).collect()
                }
                true => {
                    let object = object.filter(|_| self.steps == 0);
                    object.iter().map(ToString::to_string).collect()
                }
            },
        };
        ManifestError::NothingAt {
            file,
            path: place.to_string(),
            end: Box::new(end),
        }
    }
}

/// Follows the path from `node`, which `done` steps have led to.
fn walk(stream: &Stream<'_>, node: NodeId, done: usize, wish: Wish<'_>) -> Attempt {
    let path = &wish.place().path;
    let missed = match path.find_from(stream, node, done) {
        Ok(node) => return at(stream, node, wish),
        Err(missed) => missed,
    };
    if let (Content::Alias { target, .. }, Wish::Set(_)) = (stream.content(missed.node), wish) {
        return walk(stream, target, missed.steps, wish);
    }
    if let Some(inside) = stream.inside(missed.node) {
        let mut attempts: Vec<Attempt> = Vec::new();
        for root in inside.stream.roots() {
            attempts.push(walk(&inside.stream, *root, missed.steps, wish));
        }
        let furthest = attempts.iter().map(Attempt::steps).max();
        attempts.retain(|attempt| Some(attempt.steps()) == furthest);
        let count = attempts.len();
        return match attempts.pop() {
            Some(Attempt::Met(_)) if count > 1 => Attempt::Refused {
                line: inside.line(1),
                reason: format!("is in {count} documents of the text there"),
            },
            Some(Attempt::Met(found)) => Attempt::Met(Found {
                edit: found.edit.map(|edit| Edit::Inside {
                    node: missed.node,
                    edits: vec![edit],
                }),
                line: inside.line(found.line),
                outer: Some(missed.node),
                path: format!("{}{}", path_of(stream, missed.node), found.path),
                ..found
            }),
            Some(Attempt::Refused { line, reason }) => Attempt::Refused {
                line: inside.line(line),
                reason,
            },
            Some(Attempt::Nothing(nothing)) => Attempt::Nothing(Nothing {
                line: inside.line(nothing.line),
                ..nothing
            }),
            None => nothing(stream, &missed, path, false),
        };
    }
    if let Some(refused) = merged(stream, &missed, wish) {
        return refused;
    }
    let made = match wish {
        Wish::Set(assignment) if missed.reason == MissedReason::Absent => {
            created(stream, &missed, assignment)
        }
        _ => None,
    };
    match (wish, made) {
        (Wish::Set(assignment), Some(made)) if assignment.creates() || appends(&missed, path) => {
            made
        }
        (_, made) => nothing(stream, &missed, path, made.is_some()),
    }
}

/// The refusal of a line that is about what a merge key (`<<`) brings in: it is not there to be changed or removed,
/// and a key of that name would hide all that comes in by it.
fn merged(stream: &Stream<'_>, missed: &Missed, wish: Wish<'_>) -> Option<Attempt> {
    let path = &wish.place().path;
    let (Step::Key(key), rest) = path.steps().get(missed.steps..)?.split_first()? else {
        return None;
    };
    let source = brought_in(stream, missed.node, key, 0)?;
    let line = match stream[source].role() {
        Role::Value { key } => stream[key].line(),
        _ => stream[source].line(),
    };
    let whole = path.up_to(missed.steps + 1);
    let reason = match wish {
        // A key of its own goes before the one that comes in, and nothing else is in it.
        Wish::Set(_) if rest.is_empty() => return None,
        Wish::Set(_) => format!(
            "is in what `<<` brings in from line {line}, and a key {key:?} here would hide all of that: change it on that line, for all that read it, or set the whole value here (`{whole}:=…`)"
        ),
        Wish::Remove(_) => format!(
            "comes in by `<<` from line {line}: remove it there, from all that read it, or set another value here (`{whole}:=…`)"
        ),
    };
    Some(Attempt::Refused {
        line: stream[missed.node].line(),
        reason,
    })
}

/// How deep merge keys are followed: an anchor may stand around its own alias.
const MAX_MERGES: usize = 16;

/// What the merge key of `mapping` brings in as `key`.
fn brought_in(stream: &Stream<'_>, mapping: NodeId, key: &str, depth: usize) -> Option<NodeId> {
    let merge = stream.get(mapping, "<<").filter(|_| depth < MAX_MERGES)?;
    let mut sources = std::iter::once(merge).chain(stream.items(merge));
    sources.find_map(|source| {
        let source = match stream.content(source) {
            Content::Alias { target, .. } => target,
            _ => source,
        };
        let own = stream.get(source, key);
        own.or_else(|| brought_in(stream, source, key, depth + 1))
    })
}

/// Whether all that is missing is an item behind the last one of a list, or in place of nothing: the rest of
/// the path is inside of the item, where nothing can have been meant that is there.
fn appends(missed: &Missed, path: &Path) -> bool {
    path.steps().get(missed.steps) == Some(&Step::Append)
}

fn nothing(stream: &Stream<'_>, missed: &Missed, path: &Path, can_be_made: bool) -> Attempt {
    let is_text = missed.steps == 0 && stream.scalar(missed.node).is_some();
    Attempt::Nothing(Nothing {
        steps: missed.steps,
        line: stream[missed.node].line(),
        there: what_is_at(stream, missed, path),
        is_absent: missed.reason == MissedReason::Absent,
        is_text: is_text && !stream.is_null(missed.node),
        meant: meant(stream, missed, path),
        can_be_made: can_be_made && in_other_notation(stream, missed, path).is_none(),
    })
}

/// What to do at a node that the whole path leads to.
fn at(stream: &Stream<'_>, node: NodeId, wish: Wish<'_>) -> Attempt {
    let line = stream[node].line();
    let old = Some(Said::whole(stream, node).into_owned());
    let found = |edit, old, new| {
        Attempt::Met(Found {
            steps: wish.place().path.steps().len(),
            edit,
            line,
            outer: Some(node),
            path: path_of(stream, node).to_string(),
            old,
            new,
            retyped: None,
        })
    };
    let assignment = match wish {
        Wish::Remove(_) if stream[node].parent.is_none() => {
            let reason = "is a whole document: name one of its keys".to_owned();
            return Attempt::Refused { line, reason };
        }
        // Where it is one to the parser, too, it goes as a whole.
        Wish::Remove(_) => {
            return match template_in(stream, node) {
                Some((line, _)) if !write::is_template(stream, node) => Attempt::Refused {
                    line,
                    reason: "has a template (`{{ … }}`) in it, which is not taken out: remove it by hand".to_owned(),
                },
                _ => found(Some(Edit::Remove { node }), old, None),
            };
        }
        Wish::Set(assignment) => assignment,
    };
    if let Some((line, is_all)) = template_in(stream, node) {
        let reason = match is_all {
            true => Obstacle::Template.to_string(),
            false => "has a template (`{{ … }}`) in it: name one of its keys, or change it by hand"
                .to_owned(),
        };
        return Attempt::Refused { line, reason };
    }
    let value = value_over(stream, Some(node), assignment);
    let is_collection = matches!(value, NewValue::Source(_));
    let reason = match stream.content(node) {
        Content::Sequence(_) if !is_collection => {
            "is a list: name one of its items, or write a list as in [a, b]"
        }
        Content::Mapping(_) if !is_collection => {
            "is a mapping: name one of its keys, or write a mapping as in {a: b}"
        }
        Content::Sequence(_) | Content::Mapping(_) if stream.reads_as(node, &value) => {
            return found(None, old.clone(), old);
        }
        _ => {
            let (new, retyped) = (
                Some(Said::new(&value)),
                retyped(stream, node, &value, assignment),
            );
            return match found(Some(Edit::Set { node, value }), old, new) {
                Attempt::Met(found) => Attempt::Met(Found { retyped, ..found }),
                other => other,
            };
        }
    };
    let reason = reason.to_owned();
    Attempt::Refused { line, reason }
}

/// The line of the first template that is in `node`, and whether `node` is nothing else.
fn template_in(stream: &Stream<'_>, node: NodeId) -> Option<(usize, bool)> {
    let is_one = stream.value(node).is_some_and(source::is_template);
    if is_one || write::is_template(stream, node) {
        return Some((stream[node].line(), true));
    }
    let pairs = stream.pairs(node);
    let inner = pairs.flat_map(|(key, value)| [key, value]);
    let mut inner = inner.chain(stream.items(node));
    let (line, _) = inner.find_map(|node| template_in(stream, node))?;
    Some((line, false))
}

/// Makes what is missing behind the last node that a path has met.
fn created(stream: &Stream<'_>, missed: &Missed, assignment: &ValueAssignment) -> Option<Attempt> {
    let path = &assignment.path.path;
    let (step, rest) = path.steps().get(missed.steps..)?.split_first()?;
    let value = value_over(stream, None, assignment);
    let new = Some(Said::new(&value));
    let node = missed.node;
    let is_next = |index: usize| index == stream.items(node).count();
    let edit = match (stream.content(node), step) {
        _ if stream.is_null(node) => Edit::Set {
            node,
            value: made(path.steps().get(missed.steps..)?, value)?,
        },
        (Content::Mapping(_), Step::Key(key)) => Edit::Add {
            mapping: node,
            after: None,
            key: key.clone(),
            value: made(rest, value)?,
        },
        (Content::Sequence(_), Step::Append) => Edit::Append {
            list: node,
            value: made(rest, value)?,
        },
        (Content::Sequence(_), Step::Index(index))
            if usize::try_from(*index).is_ok_and(is_next) =>
        {
            Edit::Append {
                list: node,
                value: made(rest, value)?,
            }
        }
        (Content::Sequence(_), Step::Field { .. }) => {
            let NewValue::List(mut items) = made(path.steps().get(missed.steps..)?, value)? else {
                return None;
            };
            Edit::Append {
                list: node,
                value: items.pop()?,
            }
        }
        _ => return None,
    };
    // Where it is written, whatever the way there.
    let around = path_of(stream, node);
    let behind = path.from(missed.steps).steps().to_vec();
    let path = around.with_steps(around.steps().len(), 0, behind);
    Some(Attempt::Met(Found {
        steps: missed.steps,
        edit: Some(edit),
        line: stream[node].line(),
        outer: Some(node),
        path: path.to_string(),
        old: None,
        new,
        retyped: None,
    }))
}

/// `value` below the keys and items that `steps` name. None where they name one that can't be made.
fn made(steps: &[Step], value: NewValue) -> Option<NewValue> {
    steps.iter().rev().try_fold(value, |value, step| {
        Some(match step {
            Step::Key(key) => NewValue::Mapping(vec![(key.clone(), value)]),
            Step::Append | Step::Index(0) => NewValue::List(vec![value]),
            Step::Index(_) => return None,
            Step::Field { key, value: name } => {
                let NewValue::Mapping(pairs) = value else {
                    return None;
                };
                if pairs.iter().any(|(own, _)| own == key) {
                    return None;
                }
                let mut all = vec![(key.clone(), NewValue::Text(name.clone()))];
                all.extend(pairs);
                NewValue::List(vec![NewValue::Mapping(all)])
            }
        })
    })
}

/// What `assignment` makes of `node`, or of a place that is new. A text stays a text, unless another
/// type is asked for on purpose; where nothing tells, what is written below a `tag` is one, too: charts
/// make `1.234567e+06` of the number 1234567.
fn value_over(stream: &Stream<'_>, node: Option<NodeId>, assignment: &ValueAssignment) -> NewValue {
    let NewValue::Plain(plain) = &assignment.value else {
        return assignment.value.clone();
    };
    let old = node.filter(|node| !stream.is_null(*node));
    let is_text = match old.map(|node| stream.content(node)) {
        Some(Content::Scalar(old)) => old.style != Style::Plain || !scalar::is_typed(old.value),
        Some(_) => false,
        None => match assignment.path.path.steps().last() {
            Some(Step::Key(key)) => key.to_ascii_lowercase().ends_with("tag"),
            _ => false,
        },
    };
    match is_text && !assignment.is_type_meant() {
        true => NewValue::Text(plain.clone()),
        false => NewValue::Plain(plain.clone()),
    }
}

/// That `node`, a number or a boolean, becomes another kind of value, where the line does not say that this
/// is meant. At a tag or a version it always may: `1.9`, then `v2`.
fn retyped(
    stream: &Stream<'_>,
    node: NodeId,
    value: &NewValue,
    assignment: &ValueAssignment,
) -> Option<String> {
    let Content::Scalar(old) = stream.content(node) else {
        return None;
    };
    let was = (old.style == Style::Plain).then(|| scalar::kind(old.value))??;
    let is = match value {
        NewValue::Text(_) => "text",
        NewValue::Plain(plain) => scalar::kind(plain)?,
        _ => return None,
    };
    let is_version = match assignment.path.path.steps().last() {
        Some(Step::Key(key)) => {
            let key = key.to_ascii_lowercase();
            key.ends_with("tag") || key.ends_with("version")
        }
        _ => false,
    };
    let is_meant = assignment.is_text_meant() || assignment.is_type_meant();
    (was != is && !is_meant && !is_version).then(|| {
        let how = match is {
            "text" => "write the value in quotes",
            "number" => "write `!!int` or `!!float` before the value",
            _ => "write `!!bool` before the value",
        };
        format!(
            "{} was the {was} {} and becomes the {is} {}: if you mean that, {how}",
            path_of(stream, node),
            old.value,
            value.shown()
        )
    })
}

#[cfg(test)]
mod tests;
