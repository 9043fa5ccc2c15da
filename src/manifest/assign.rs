//! Values that the user sets or removes: the lines of `set` and of `remove`.
//!
//! A path leads through what is there, also into texts that are documents of their own, and through
//! aliases to what they stand for. What is missing behind it is made where a line says so (`:=`); to a list
//! that is there, `[+]` appends.

use crate::yaml::path::{Missed, MissedReason, Path, Step, path_of};
use crate::yaml::{Content, Edit, NewValue, NodeId, Role, Stream, Style, scalar};

use super::change::ValueChange;
use super::error::{ManifestError, PathEnd};
use super::file::Manifest;
use super::guard;
use super::locate::{
    ambiguous, behind_object, documents, in_other_notation, meant, no_document, what_is_at,
};
use super::request::{ResourceFilter, ValueAssignment, YamlPath};
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
            let file = manifest.file.path.clone();
            return Err(ManifestError::Template { file, line });
        }
        let change = ValueChange {
            file: manifest.file.path.clone(),
            line: found.line,
            resource: manifest.resource(found.outer.unwrap_or(root)),
            path: found.path,
            old: found.old,
            new: found.new,
        };
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
    old: Option<String>,
    new: Option<String>,
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
    /// Whether `path` is one slip away from what is there. What differs in a number only is something else, such
    /// as the next of several.
    fn is_slip(&self, path: &Path) -> bool {
        let step = |path: &Path| match path.steps().get(self.steps)? {
            Step::Key(text) | Step::Field { value: text, .. } => Some(text.to_ascii_lowercase()),
            _ => None,
        };
        let meant = self.meant.first().and_then(step);
        meant.zip(step(path)).is_some_and(|(meant, given)| {
            let letters = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "");
            let is_near = strsim::damerau_levenshtein(&meant, &given) <= 1;
            is_near && letters(&meant) != letters(&given)
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
    if let (Content::Alias { target, .. }, Wish::Set(_)) = (&stream[missed.node].content, wish) {
        return walk(stream, *target, missed.steps, wish);
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
    let line = match stream[source].role {
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
    let sources = std::iter::once(&merge).chain(stream.items(merge));
    sources.copied().find_map(|source| {
        let source = match stream[source].content {
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
    let old = Some(shown(stream, node));
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
    let reason = match &stream[node].content {
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
                Some(value.shown()),
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
    let pairs = stream.pairs(node).iter();
    let inner = pairs.flat_map(|(key, value)| [*key, *value]);
    let mut inner = inner.chain(stream.items(node).iter().copied());
    let (line, _) = inner.find_map(|node| template_in(stream, node))?;
    Some((line, false))
}

/// Makes what is missing behind the last node that a path has met.
fn created(stream: &Stream<'_>, missed: &Missed, assignment: &ValueAssignment) -> Option<Attempt> {
    let path = &assignment.path.path;
    let (step, rest) = path.steps().get(missed.steps..)?.split_first()?;
    let value = value_over(stream, None, assignment);
    let new = Some(value.shown());
    let node = missed.node;
    let is_next = |index: usize| index == stream.items(node).len();
    let edit = match (&stream[node].content, step) {
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
    let is_text = match old.map(|node| &stream[node].content) {
        Some(Content::Scalar(old)) => old.style != Style::Plain || !scalar::is_typed(&old.value),
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
    let Content::Scalar(old) = &stream[node].content else {
        return None;
    };
    let was = (old.style == Style::Plain).then(|| scalar::kind(&old.value))??;
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

/// What a node says, on one line.
fn shown(stream: &Stream<'_>, node: NodeId) -> String {
    match &stream[node].content {
        Content::Scalar(scalar) => scalar.value.to_string(),
        Content::Alias { name, .. } => format!("*{name}"),
        Content::Sequence(_) | Content::Mapping(_) => {
            let value = stream.new_value(node);
            value.map_or_else(|| "…".to_owned(), |value| value.written())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{EditRequest, ManifestFile, Plan, plan, restore};

    /// Lines of `set`, and of `remove` behind a `-`.
    fn planned(texts: &[&str], wishes: &[&str]) -> Result<Plan, String> {
        let files: Vec<ManifestFile> = texts
            .iter()
            .enumerate()
            .map(|(number, text)| ManifestFile {
                path: format!("{number}.yaml").parse().unwrap(),
                bytes: text.as_bytes().to_vec(),
            })
            .collect();
        let is_removed = |line: &&&str| line.starts_with('-') && !line.starts_with("-1:");
        let (removed, set): (Vec<&str>, Vec<&str>) =
            wishes.iter().partition(|line| is_removed(line));
        let request = EditRequest {
            set: set.iter().map(|line| line.parse().unwrap()).collect(),
            remove: removed
                .iter()
                .map(|line| line[1..].parse().unwrap())
                .collect(),
            ..EditRequest::default()
        };
        plan(&files, &request).map_err(|error| error.to_string())
    }

    fn edited(text: &str, wishes: &[&str]) -> Result<String, String> {
        let plan = planned(&[text], wishes)?;
        let after = plan.edits.first().map(|edit| edit.after.clone());
        Ok(after.map_or_else(
            || text.to_owned(),
            |bytes| String::from_utf8(bytes).unwrap(),
        ))
    }

    #[test]
    fn what_is_missing_is_made_at_any_depth() {
        for (before, set, after) in [
            // As Kargo's yaml-update does, which writes the whole file anew.
            ("key: old value", "key=new value", "key: new value"),
            (
                "root:\n    nested: old",
                "root.nested=new",
                "root:\n    nested: new",
            ),
            ("root:\n    0: old", "root.0=new", "root:\n    0: new"),
            (
                "root:",
                "root.new.nested:=v",
                "root:\n  new:\n    nested: v",
            ),
            (
                "root:\n  array:\n    - 1\n    - b",
                "root.array.[2]:=c",
                "root:\n  array:\n    - 1\n    - b\n    - c",
            ),
            (
                "root:\n  array:\n    - a",
                "root.array[+]=c",
                "root:\n  array:\n    - a\n    - c",
            ),
            (
                "root:\n  array:\n    - a",
                "root.array[1].key:=v",
                "root:\n  array:\n    - a\n    - key: v",
            ),
            (
                "root:\n  array:\n    - a",
                "root.array[+].key:=v",
                "root:\n  array:\n    - a\n    - key: v",
            ),
            (
                "root:\n  array:\n    - a\n    - b",
                "root.array[1]=x",
                "root:\n  array:\n    - a\n    - x",
            ),
            (
                "root:\n  array:\n    - a",
                "root.array[+]=[b, c]",
                "root:\n  array:\n    - a\n    - [b, c]",
            ),
            (
                "key: old",
                "key={array: [1, 2], nested: v}",
                "key: {array: [1, 2], nested: v}",
            ),
            (
                "a: &a\n  key: old\nb: *a\n",
                "b.key=new",
                "a: &a\n  key: new\nb: *a\n",
            ),
            (
                "a: &a\n  key: old\nb: *a\n",
                "b=new",
                "a: &a\n  key: old\nb: new\n",
            ),
            (
                "r:\n  # c\n  n:\n    k: v # d\n  a:\n    - x # e\n  o: p",
                "r.n={k: w}",
                "r:\n  # c\n  n: {k: w}\n  a:\n    - x # e\n  o: p",
            ),
            (
                "r:\n  # c\n  a:\n    - x # d\n    - y\n  o: p",
                "r.a=[z]",
                "r:\n  # c\n  a: [z]\n  o: p",
            ),
            // And beyond.
            (
                "image:\n  tag: v1\n",
                ".freight:=abc123",
                "image:\n  tag: v1\nfreight: abc123\n",
            ),
            ("a: {}\n", ".a.b.c:=1", "a: {b: {c: 1}}\n"),
            ("a: { b: {} } # d\n", ".a.b.c:=x", "a: { b: {c: x} } # d\n"),
            ("a: ~ # why\n", ".a.b:=x", "a: # why\n  b: x\n"),
            ("a: null\n", ".a[+]:=x", "a:\n  - x\n"),
            ("a: []\n", ".a[+].b:=x", "a: [{b: x}]\n"),
            (
                "a:\n- b: 1\n",
                ".a[b=2].c:=x",
                "a:\n- b: 1\n- b: \"2\"\n  c: x\n",
            ),
            ("- a\n", "[+]=b", "- a\n- b\n"),
            (
                "{\n\t\"a\": {\n\t\t\"b\": 1\n\t}\n}\n",
                ".a.c:=2",
                "{\n\t\"a\": {\n\t\t\"b\": 1,\n\t\t\"c\": 2\n\t}\n}\n",
            ),
            (
                "a: {\n  b: 1, # c\n  # d\n}\n",
                ".a.c:=2",
                "a: {\n  b: 1, # c\n  c: 2,\n  # d\n}\n",
            ),
            ("{\"a\": {}}", ".a.b[+]:=1", "{\"a\": {\"b\": [1]}}"),
            (
                "a:\r\n  b: 1\r\n",
                ".a.c.d:=2",
                "a:\r\n  b: 1\r\n  c:\r\n    d: 2\r\n",
            ),
        ] {
            assert_eq!(edited(before, &[set]).as_deref(), Ok(after), "{set}");
            // The second time nothing is left to do, unless it appends.
            if !set.contains("[+]") {
                assert_eq!(edited(after, &[set]).as_deref(), Ok(after), "{set} again");
            }
        }
    }

    #[test]
    fn a_file_with_nothing_in_it_gets_its_first_lines_behind_its_comments() {
        for (before, set, after) in [
            ("", ".a.b:=v", "a:\n  b: v\n"),
            ("\n\n", ".a.b:=v", "\n\na:\n  b: v\n"),
            ("# c", ".a.b:=v", "# c\na:\n  b: v"),
            ("# c\r\n", ".a.b:=v", "# c\r\na:\r\n  b: v\r\n"),
            ("\u{feff}# c\n", ".a:=v", "\u{feff}# c\na: v\n"),
            ("---", ".a.b:=v", "---\na:\n  b: v"),
            ("--- # c\n# d\n", ".a:=[]", "--- # c\n# d\na: []\n"),
            (
                "# c\n---\n# d\n...\n",
                ".a:=v",
                "# c\n---\n# d\na: v\n...\n",
            ),
            ("a: b\n---\n", "1:.c[+]:=v", "a: b\n---\nc:\n  - v\n"),
            (
                "---\n# c\n---\na: b\n",
                "0:.c:=v",
                "---\n# c\nc: v\n---\na: b\n",
            ),
            ("%YAML 1.2\n---\n", ".a:=v", "%YAML 1.2\n---\na: v\n"),
            ("---\n", "[+].b:=v", "---\n- b: v\n"),
            ("null\n", ".a.b:=v", "a:\n  b: v\n"),
            ("# c\n~ # d\n", ".a:=v", "# c\na: v # d\n"),
        ] {
            assert_eq!(edited(before, &[set]).as_deref(), Ok(after), "{before:?}");
            let back = restore(after.as_bytes(), before.as_bytes(), after.as_bytes());
            assert_eq!(back, Ok(Some(before.as_bytes().to_vec())), "{before:?}");
        }
        insta::assert_snapshot!(edited("# c\n", &[".a.b=v"]).unwrap_err(), @"
        0.yaml has nothing at .a.b: its top level (line 2) is empty
        ");
        insta::assert_snapshot!(edited("{{- include \"web\" . }}\n", &[".a:=v"]).unwrap_err(), @"
        0.yaml, line 1: a template (`{{ … }}`) and not YAML: name the file that holds its values instead
        ");
    }

    #[test]
    fn lines_that_make_things_in_one_place_make_them_together() {
        let set = [
            ".a.b.c:=1",
            ".a.b.d:=x",
            ".a.l[+]:=y",
            ".a.l[+]:=y",
            ".a.e:=2",
        ];
        for before in ["a:\n", "a: {}\n", "a:\n  z: 1\n", "{\"a\": {}}\n"] {
            let after = edited(before, &set).unwrap();
            let read: serde_json::Value = serde_yaml_ng::from_str(&after).unwrap();
            assert_eq!(
                read["a"]["b"],
                serde_json::json!({"c": 1, "d": "x"}),
                "{after}"
            );
            assert_eq!(read["a"]["l"], serde_json::json!(["y", "y"]), "{after}");
            assert_eq!(read["a"]["e"], serde_json::json!(2), "{after}");
        }
        for set in [[".a.b:=1", ".a.b.c:=2"], [".a.b:=1", ".a.b:=2"]] {
            let refused = edited("a:\n", &set).unwrap_err();
            assert!(
                refused.contains("two lines of the request want different values"),
                "{refused}"
            );
        }
        let refused = edited("a: {b: 1}\n", &[".a.b=2", "-.a"]).unwrap_err();
        insta::assert_snapshot!(refused, @"0.yaml: two changes meet on line 1: make one of them in a step of its own");
    }

    #[test]
    fn a_text_stays_a_text_and_a_number_a_number() {
        for (before, set, after) in [
            ("a: v1", "1234567", "a: \"1234567\""),
            ("a: 'v1'", "1e3", "a: '1e3'"),
            ("a: \"1\"", "null", "a: \"null\""),
            ("a: \"\"", "0123", "a: \"0123\""),
            ("a: >-\n  v1\n", "12", "a: >-\n  12\n"),
            ("a: v1", "!!int 12", "a: 12"),
            ("a: '1'", "!!bool yes", "a: yes"),
            ("a: '1'", "!!null", "a: null"),
            ("a: 1", "12", "a: 12"),
            ("a: 1", "\"12\"", "a: \"12\""),
            ("a: 1", "v2", "a: v2"),
            ("a: true", "no", "a: no"),
            ("a: null", "12", "a: 12"),
            ("a:", "12", "a: 12"),
            ("{\"a\": \"v1\"}", "12", "{\"a\": \"12\"}"),
            ("{\"a\": 1}", "12", "{\"a\": 12}"),
            ("{\"a\": 1}", "yes", "{\"a\": \"yes\"}"),
            ("{\"a\": null}", "v1", "{\"a\": \"v1\"}"),
            ("{\"a\": 1}", "1_0", "{\"a\": \"1_0\"}"),
            ("{\"a\": \"v1\"}", "!!int 12", "{\"a\": 12}"),
        ] {
            let set = format!(".a={set}");
            assert_eq!(
                edited(before, &[&set]).as_deref(),
                Ok(after),
                "{set} over {before}"
            );
        }
        // Helm would print 1.234567e+06.
        for before in ["image: {tag: null}", "image: {tag: ~}", "image: {tag: }"] {
            let after = edited(before, &[".image.tag=1234567"]).unwrap();
            assert!(after.contains("tag: \"1234567\""), "{after}");
        }
        assert_eq!(
            edited(
                "image:\n",
                &[".image.tag:=1234567", ".image.replicas:=1234567"]
            )
            .unwrap(),
            "image:\n  tag: \"1234567\"\n  replicas: 1234567\n"
        );
    }

    #[test]
    fn a_path_goes_on_inside_of_a_text_that_is_a_document() {
        let text = "kind: Application\nmetadata: {name: web}\nspec:\n  values: |  # ours\n    # c\n    image: {tag: v1}\n    l:\n    - a\n  x: 1\n";
        let set = [
            ".spec.values.image.tag=v2",
            ".spec.values.l[+]=b",
            ".spec.values.new.key:=1",
            "-.spec.values.l[0]",
        ];
        assert_eq!(
            edited(text, &set).unwrap(),
            "kind: Application\nmetadata: {name: web}\nspec:\n  values: |  # ours\n    # c\n    image: {tag: v2}\n    l:\n    - b\n    new:\n      key: 1\n  x: 1\n"
        );
        let plan = planned(&[text], &set[..1]).unwrap();
        let change = &plan.values[0];
        assert_eq!(
            (change.line, change.path.as_str(), change.resource.as_str()),
            (6, ".spec.values.image.tag", "Application/web")
        );
        insta::assert_snapshot!(edited(text, &[".spec.values.image.tga=1"]).unwrap_err(), @"0.yaml has nothing at .spec.values.image.tga: .spec.values.image (line 6) has the keys tag");
    }

    #[test]
    fn what_is_removed_may_be_gone_already() {
        let text = "a:\n  b: 1\n  c: &x [1]\nd: *x\n";
        assert_eq!(
            edited(text, &["-.a.b"]).unwrap(),
            "a:\n  c: &x [1]\nd: *x\n"
        );
        assert_eq!(edited(text, &["-.a.z", "-.z.z[3]"]).unwrap(), text);
        let plan = planned(&[text], &["-d"]).unwrap();
        assert_eq!(
            (plan.values[0].old.as_deref(), plan.values[0].new.as_deref()),
            (Some("*x"), None)
        );
        insta::assert_snapshot!(
            ["-.d[0]", "-.", "-.a.c"].map(|line| edited(text, &[line]).unwrap_err()).join("\n"),
            @"
            0.yaml has nothing at .d[0]: .d (line 4) is the alias `*x`; what it stands for is written at its anchor on line 3
            0.yaml, line 1: . is a whole document: name one of its keys
            0.yaml: line 4 reads what goes (`*x`): change or remove that line in the same step, or first
            "
        );
    }

    #[test]
    fn what_a_merge_key_brings_in_is_not_hidden() {
        let text = "base: &b\n  env:\n  - name: A\n    value: 1\n  args: [a]\n  image: acme/web:v1\nsvc:\n  <<: *b\n  z: 1\ntwice: &t\n  <<: [*b]\nthen: {<<: *t}\n";
        let refused = [
            ".svc.env[name=B].value:=c",
            ".svc.env[name=A].value=2",
            ".svc.args[+]=c",
            ".then.args[+]:=c",
            "-.svc.image",
            "-.svc.args[0]",
        ]
        .map(|wish| edited(text, &[wish]).unwrap_err());
        insta::assert_snapshot!(refused.join("\n"), @r#"
        0.yaml, line 8: .svc.env[name=B].value is in what `<<` brings in from line 2, and a key "env" here would hide all of that: change it on that line, for all that read it, or set the whole value here (`.svc.env:=…`)
        0.yaml, line 8: .svc.env[name=A].value is in what `<<` brings in from line 2, and a key "env" here would hide all of that: change it on that line, for all that read it, or set the whole value here (`.svc.env:=…`)
        0.yaml, line 8: .svc.args[+] is in what `<<` brings in from line 5, and a key "args" here would hide all of that: change it on that line, for all that read it, or set the whole value here (`.svc.args:=…`)
        0.yaml, line 12: .then.args[+] is in what `<<` brings in from line 5, and a key "args" here would hide all of that: change it on that line, for all that read it, or set the whole value here (`.then.args:=…`)
        0.yaml, line 8: .svc.image comes in by `<<` from line 6: remove it there, from all that read it, or set another value here (`.svc.image:=…`)
        0.yaml, line 8: .svc.args[0] comes in by `<<` from line 5: remove it there, from all that read it, or set another value here (`.svc.args:=…`)
        "#);
        // The whole of it may be another one, on purpose, and what does not come in is new or gone as anywhere.
        for (wish, after) in [
            (
                ".svc.args:=[c]",
                text.replace("  z: 1\n", "  z: 1\n  args: [c]\n"),
            ),
            (
                ".svc.q.x:=2",
                text.replace("  z: 1\n", "  z: 1\n  q:\n    x: 2\n"),
            ),
            ("-.svc.q", text.to_owned()),
        ] {
            assert_eq!(edited(text, &[wish]), Ok(after), "{wish}");
        }
        // An anchor around its own alias ends.
        let cycle = "a: &a\n  <<: *a\n";
        assert_eq!(
            edited(cycle, &[".a.b.c:=1"]).as_deref(),
            Ok("a: &a\n  <<: *a\n  b:\n    c: 1\n")
        );
    }

    /// The item would have its name twice.
    #[test]
    fn an_item_is_not_made_with_another_name_than_it_is_chosen_by() {
        let refused = edited("e:\n- name: A\n", &[".e[name=B].name:=C"]).unwrap_err();
        insta::assert_snapshot!(refused, @"
        0.yaml has nothing at .e[name=B].name: .e (line 2) is a list in which name is A
        ");
    }

    /// A slip on the way to a list would make a second one.
    #[test]
    fn an_item_is_appended_only_to_a_list_that_is_there() {
        let text = "c:\n- name: web\n  env:\n  - a\n  args:\n";
        for (set, after) in [
            (
                ".c[name=web].env[+]=b",
                "c:\n- name: web\n  env:\n  - a\n  - b\n  args:\n",
            ),
            (
                ".c[name=web].args[+]=b",
                "c:\n- name: web\n  env:\n  - a\n  args:\n  - b\n",
            ),
            (
                ".c[+].name=x",
                "c:\n- name: web\n  env:\n  - a\n  args:\n- name: x\n",
            ),
        ] {
            assert_eq!(edited(text, &[set]).as_deref(), Ok(after), "{set}");
        }
        let refused = |set: &str| {
            let refused = edited(text, &[set]).unwrap_err();
            assert!(edited(text, &[&set.replace('=', ":=").replace("name:=", "name=")]).is_ok());
            refused
        };
        insta::assert_snapshot!(
            [".c[name=wbe].env[+]=b", ".c[name=web].evn[+]=b", ".d.env[+]=b"].map(refused).join("\n"),
            @"
            0.yaml has nothing at .c[name=wbe].env[+]: .c (line 2) is a list in which name is web
            0.yaml has nothing at .c[name=web].evn[+]: .c[name=web] (line 2) has the keys env, args, name
            0.yaml has nothing at .d.env[+]: its top level (line 1) has the keys c
            "
        );
    }

    #[test]
    fn what_is_set_where_an_image_is_can_be_one() {
        let text = "image:\n  repository: ghcr.io/acme/web\n  tag: v1\nspec:\n  values: |\n    image: {repository: a/b, tag: v1}\nsidecar:\n  image: ghcr.io/acme/log:v1\nother: v1\nimageTag: ${TAG}\n";
        let refused = [
            ".image.tag=$TAG",
            ".image.tag=feature/login",
            ".image.tag=\"feature/login\"",
            ".image.tag=ghcr.io/acme/web:v20",
            ".spec.values.image.tag=feature/login",
            ".sidecar.image=$IMAGE",
            ".sidecar.image=v2",
            ".sidecar.image=a b",
        ]
        .map(|set| edited(text, &[set]).unwrap_err());
        insta::assert_snapshot!(refused.join("\n"), @r#"
        0.yaml, line 3: .image.tag is the tag of an image, and $TAG can't be one: `$TAG` was not filled in; to write it as it is on purpose, put the value in quotes
        0.yaml, line 3: .image.tag is the tag of an image, and feature/login can't be one: a tag is made of letters, digits, `_`, `.` and `-`
        0.yaml, line 3: .image.tag is the tag of an image, and feature/login can't be one: a tag is made of letters, digits, `_`, `.` and `-`
        0.yaml, line 3: .image.tag is the tag of an image, and ghcr.io/acme/web:v20 can't be one: write the tag alone, `v20`
        0.yaml, line 6: .spec.values.image.tag is the tag of an image, and feature/login can't be one: a tag is made of letters, digits, `_`, `.` and `-`
        0.yaml, line 8: .sidecar.image is an image, and $IMAGE can't be one: `$IMAGE` was not filled in; to write it as it is on purpose, put the value in quotes
        0.yaml, line 8: .sidecar.image is a whole image, and v2 is a tag alone: write `ghcr.io/acme/log:v2`
        0.yaml, line 8: .sidecar.image is an image, and a b can't be one: the image reference "a b" holds white space
        "#);
        for set in [
            ".image.tag=v2",
            ".image.tag=\"\"",
            ".image.tag=~",
            ".image.tag=\"${TAG}\"",
            ".spec.values.image.tag=1.2",
            ".sidecar.image=ghcr.io/acme/other:v2",
            ".other=feature/login",
            ".imageTag=$(TAG)",
        ] {
            edited(text, &[set]).unwrap();
        }
    }

    /// What differs in a number only is another one of several.
    #[test]
    fn what_is_nearly_there_is_told_where_nothing_was_removed() {
        let text = "spec: {replicas: 1, maxReplicas: 2, envFrom: [], pr1: x}\nl: [{name: web}]\n";
        let warned = |remove: &str| planned(&[text], &[remove]).unwrap().warnings.join("\n");
        for absent in [
            "-.spec.minReplicas",
            "-.spec.env",
            "-.spec.pr2",
            "-.l[name=log]",
        ] {
            assert_eq!(warned(absent), "", "{absent}");
        }
        insta::assert_snapshot!(["-.spec.replica", "-.l[name=wbe]"].map(warned).join("\n"), @"
        `remove` found nothing: 0.yaml has nothing at .spec.replica: .spec (line 1) has the keys replicas, maxReplicas, pr1, envFrom. Did you mean `.spec.replicas`?
        `remove` found nothing: 0.yaml has nothing at .l[name=wbe]: .l (line 2) is a list in which name is web. Did you mean `.l[name=web]`?
        ");
    }

    #[test]
    fn a_path_in_another_notation_is_told_as_it_is_meant() {
        let text = "spec: {c: [{image: x}]}\ndata: {a.properties: y}\n";
        let told = [
            "/spec/c/0/image=z",
            "spec/c[0].image=z",
            ".data.a.properties=z",
        ]
        .map(|set| {
            super::super::plan(
                &[ManifestFile {
                    path: "0.yaml".parse().unwrap(),
                    bytes: text.into(),
                }],
                &EditRequest {
                    set: set.parse().into_iter().collect(),
                    ..EditRequest::default()
                },
            )
            .err()
            .and_then(|error| error.advice().map(|advice| advice.into_owned()))
            .unwrap_or_default()
        });
        insta::assert_snapshot!(told.join("\n"), @r#"
        Did you mean `.spec.c[0].image`?
        Did you mean `.spec.c[0].image`?
        Did you mean `.data["a.properties"]`?
        "#);
    }

    #[test]
    fn over_several_files_a_key_is_made_where_its_path_leads_furthest() {
        let texts = ["image: {tag: v1}\n", "image: {}\n", "other: x\n"];
        let changed = |wishes: &[&str]| -> Vec<String> {
            let plan = planned(&texts, wishes).unwrap();
            plan.edits
                .iter()
                .map(|edit| edit.path.to_string())
                .collect()
        };
        assert_eq!(changed(&[".image.tag:=v2"]), ["0.yaml", "1.yaml"]);
        assert_eq!(changed(&[".image.tag=v2"]), ["0.yaml"]);
        assert_eq!(changed(&[".other2:=v2"]), ["0.yaml", "1.yaml", "2.yaml"]);
        assert_eq!(changed(&["-.image.tag"]), ["0.yaml"]);
        let refused = edited("a: {}\n---\na: {}\n", &[".a.b:=1"]).unwrap_err();
        insta::assert_snapshot!(refused, @"
        0.yaml has .a.b in 2 documents (lines 1, 3): write `0:.a.b` or `1:.a.b`
        ");
        insta::assert_snapshot!(edited("A=1\nB=2\n", &["A=2"]).unwrap_err(), @"0.yaml is not YAML or JSON with keys or items: it reads as one text, so no path leads into it, and only YAML and JSON are edited");
    }
}
