//! How to take a change to a file back, on a version that others have changed since.

use std::cmp::Ordering;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::fmt;

use super::hunks::{self, First};
use super::place::{Link, Located, Object, Place, PlaceNumber, Places, shown};
use super::source::{self, Masked};
use super::template::{Hindrance, Templates};
use crate::limits::{Exceeded, RESTORED};
use crate::yaml::path::{is_within, path_of};
use crate::yaml::{
    Content, Edit, EditError, Inside, NewValue, NodeId, Role, Stream, Style, edit, scalar,
};

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
    /// What was changed is in an object that is another one since.
    #[error("{path} was in another object: there is {object}, but {how}")]
    AnotherObject {
        /// Where it was, within its document.
        path: String,
        /// `Deployment/web`
        object: String,
        /// How it differs, as a part of a sentence.
        how: String,
    },
    /// Nothing tells which value the change was about.
    #[error(
        "which {path} was changed can't be told (line {line}): it is in a list whose items have no names, or one name twice, and that list was changed since"
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
    /// Set back, the values would not be all that is different.
    #[error("the values can't be set back without a change to something else")]
    NotAlone,
    /// The change wrote templates as well, and nobody knows what they come to.
    #[error(
        "the change is about templates (`{{{{ … }}}}`) as well, and others changed the file since"
    )]
    Templates,
    /// A template may go on with what would be written.
    #[error("the template on line {line} (`{{{{ … }}}}`) may write more of what would be set back")]
    Template {
        /// From 1.
        line: usize,
    },
    /// A part of what it did can't be undone without the rest.
    #[error("a part of it was taken back already, and {what} can't be taken back without that")]
    NotApart {
        /// An image, or the place of a value.
        what: String,
    },
    /// The values can't be found or written.
    #[error("{0}")]
    Unreadable(String),
}

/// `tip` with what the change from `before` to `after` did taken back; none where all of it is already.
///
/// What the change wrote is unwritten by its bytes, where others left them alone, so that keys, items and
/// comments come and go as they were. Where they are elsewhere since, values are set back by themselves.
///
/// # Errors
/// See [`RestoreError`].
pub fn restore(tip: &[u8], before: &[u8], after: &[u8]) -> Result<Option<Vec<u8>>, RestoreError> {
    let masked = [tip, before, after].map(Masked::of);
    let [tip, before, after] = Read::all([tip, before, after], &masked)?;
    if is_taken_back(&tip, tip.text, &before, &after)
        && !is_taken_back(&after, after.text, &before, &after)
    {
        return Ok(None);
    }
    for first in [First::Theirs, First::Ours] {
        let merged = hunks::merge(after.text, tip.text, before.text, first);
        let Some(merged) = merged else { break };
        if is_taken_back(&tip, &merged, &before, &after) {
            return Ok((merged != tip.text).then(|| merged.into_bytes()));
        }
    }
    if !before.templates().eq(after.templates()) {
        // Where nobody changed anything since, nothing has to be known of them.
        return match tip.text == after.text {
            true => Ok(Some(before.text.as_bytes().to_vec())),
            false => Err(RestoreError::Templates),
        };
    }
    let edits = values_back(&tip.stream, &before.stream, &after.stream, &Meant::All)?;
    let Some(restored) = tip.edited(&edits)? else {
        // No value is to be set, and yet it is not as it was: comments, or the ends of lines.
        return Err(RestoreError::Structure);
    };
    let text = std::str::from_utf8(&restored).map_err(unreadable)?;
    match is_taken_back(&tip, text, &before, &after) {
        true => Ok(Some(restored)),
        false => Err(RestoreError::NotAlone),
    }
}

/// A version of a file, and how it is read: with Go's templates hidden, where it can't be read with them.
struct Read<'s> {
    text: &'s str,
    stream: Stream<'s>,
    masked: Option<&'s Masked>,
}

impl<'s> Read<'s> {
    fn new(bytes: &'s [u8], masked: Option<&'s Masked>) -> Result<Self, RestoreError> {
        let stream = parse(masked.map_or(bytes, |masked| masked.text().as_bytes()))?;
        let text = std::str::from_utf8(bytes).map_err(unreadable)?;
        Ok(Self {
            text,
            stream,
            masked,
        })
    }

    /// Those of three versions.
    fn all(
        bytes: [&'s [u8]; 3],
        masked: &'s [Option<Masked>; 3],
    ) -> Result<[Self; 3], RestoreError> {
        let mut all = Vec::new();
        for (bytes, masked) in bytes.into_iter().zip(masked) {
            all.push(Self::new(bytes, masked.as_ref())?);
            check_room(all.iter().map(|read| &read.stream)).map_err(unreadable)?;
        }
        all.try_into().map_err(|_| RestoreError::Structure)
    }

    /// Its templates, where they are hidden.
    fn templates(&self) -> impl Iterator<Item = &'s str> {
        self.masked.into_iter().flat_map(Masked::templates)
    }

    /// The file with `edits` made; none where there are none.
    fn edited(&self, edits: &[Edit]) -> Result<Option<Vec<u8>>, RestoreError> {
        if edits.is_empty() {
            return Ok(None);
        }
        let Some(masked) = self.masked else {
            return edit::apply(&self.stream, edits)
                .map(Some)
                .map_err(unreadable);
        };
        let read = masked.text();
        let mut hindrance = None;
        let edited = edit::apply_if(&self.stream, edits, |footprint, _| {
            hindrance = Templates::of(self.text, read, &[]).hindrance(footprint);
            Ok::<_, EditError>(())
        });
        let edited = edited.map_err(unreadable)?;
        match hindrance {
            None => masked
                .unmask(&edited)
                .map(Some)
                .ok_or(RestoreError::Templates),
            Some(
                Hindrance::Below { template: at, .. }
                | Hindrance::Between { template: at, .. }
                | Hindrance::Branch { block: at, .. },
            ) => {
                let before = self.text.get(..at).unwrap_or_default();
                let line = 1 + before.matches('\n').count();
                Err(RestoreError::Template { line })
            }
        }
    }

    /// The branches and loops around what is at each place, by their own words.
    fn branches(
        &self,
        version: &Version<'_, '_>,
    ) -> impl Fn(PlaceNumber) -> Vec<Vec<&'s str>> + use<'s> {
        let read = self.masked.map_or(self.text, Masked::text);
        let templates = Templates::of(self.text, read, &[]);
        let ends = self.text.match_indices('\n').map(|(at, _)| at + 1);
        let lines: Vec<usize> = std::iter::once(0).chain(ends).collect();
        let held = version.places.iter().map(|held| {
            let line = |held: &Held<'_>| match version.stream[held.node].role() {
                Role::Value { key } => version.stream[key].line(),
                _ => version.stream[held.node].line(),
            };
            Vec::from_iter(held.iter().map(line))
        });
        let held: Vec<Vec<usize>> = held.collect();
        move |place| {
            let own = held.get(place).into_iter().flatten();
            let starts = own.filter_map(|line| lines.get(line - 1));
            let mut around: Vec<_> = starts.map(|start| templates.around(*start)).collect();
            around.sort_unstable();
            around
        }
    }
}

/// Refuses versions of a file in which there is more than can be told apart.
fn check_room<'s>(versions: impl Iterator<Item = &'s Stream<'s>>) -> Result<(), Exceeded> {
    RESTORED.check(versions.map(|stream| stream.room() as u64).sum())
}

fn unreadable(error: impl fmt::Display) -> RestoreError {
    RestoreError::Unreadable(error.to_string())
}

/// `before` with what a change made of it at some places alone: each is the place of an image, as
/// [`Place`] shows it, or that of a value, as `Kind/name:.path`.
///
/// # Errors
/// Where there is more to it than values that were set.
pub fn changed_at(
    before: &[u8],
    after: &[u8],
    places: &[(bool, String)],
) -> Result<Vec<u8>, RestoreError> {
    let masked = [before, after].map(Masked::of);
    let was = Read::new(before, masked[0].as_ref())?;
    let became = Read::new(after, masked[1].as_ref())?;
    if !was.templates().eq(became.templates()) {
        return Err(RestoreError::Templates);
    }
    let meant = Meant::At {
        places,
        outer: None,
    };
    let edits = values_back(&was.stream, &became.stream, &was.stream, &meant)?;
    Ok(was.edited(&edits)?.unwrap_or_else(|| before.to_vec()))
}

/// Which of the values that a change set are to be set back.
enum Meant<'p> {
    All,
    /// Those at some places alone, as [`changed_at`] takes them.
    At {
        places: &'p [(bool, String)],
        /// The text around them, if they are in one.
        outer: Option<Outer>,
    },
}

/// A text that is a document of its own.
struct Outer {
    /// Where it is.
    place: Place,
    /// Where it is as a value: `Kind/name:.path`.
    value: String,
}

impl<'p> Meant<'p> {
    /// Whether the value itself is meant.
    fn means(&self, stream: &Stream<'_>, node: NodeId) -> bool {
        let Self::At { places, outer } = self else {
            return true;
        };
        let own = Outer::of(stream, node, outer.as_ref());
        let image = own.place.to_string();
        places.iter().any(|(is_image, place)| match is_image {
            false => *place == own.value,
            true => is_within(&image, place),
        })
    }

    /// What is meant of the text at `node`; none where nothing is.
    fn inside(&self, stream: &Stream<'_>, node: NodeId) -> Option<Self> {
        let Self::At { places, outer } = self else {
            return Some(Self::All);
        };
        if self.means(stream, node) {
            return Some(Self::All);
        }
        let own = Outer::of(stream, node, outer.as_ref());
        let is_inside = |(is_image, place): &(bool, String)| match is_image {
            true => own.place.is_around(place),
            false => place
                .strip_prefix(own.value.as_str())
                .is_some_and(|rest| rest.starts_with(['.', '['])),
        };
        places.iter().any(is_inside).then_some(Self::At {
            places,
            outer: Some(own),
        })
    }
}

impl Outer {
    /// Where `node` is, of the file or of the text `outer`.
    fn of(stream: &Stream<'_>, node: NodeId, outer: Option<&Self>) -> Self {
        let place = Place::of(stream, node);
        let path = path_of(stream, node).to_string();
        match outer {
            Some(outer) => Self {
                place: place.inside(&outer.place),
                value: format!("{}{path}", outer.value),
            },
            None => Self {
                place,
                value: match Object::around(stream, node) {
                    Some(object) => format!("{object}:{path}"),
                    None => path,
                },
            },
        }
    }
}

/// The edits that set the values back which the change from `before` to `after` set, those alone that are
/// meant.
fn values_back(
    tip: &Stream<'_>,
    before: &Stream<'_>,
    after: &Stream<'_>,
    meant: &Meant<'_>,
) -> Result<Vec<Edit>, RestoreError> {
    check_room([tip, before, after].into_iter()).map_err(unreadable)?;
    let mut places = Places::default();
    let [tip, before, after] =
        [tip, before, after].map(|stream| Version::read(stream, &mut places));
    let mut edits = Vec::new();
    let mut unchanged: HashMap<List, bool> = HashMap::new();
    for (place, was) in before.all() {
        let (became, is) = (after.at(place), tip.at(place));
        let own = was
            .iter()
            .find_map(|held| meant.inside(before.stream, held.node));
        let Some(own) = own else { continue };
        if became.len() != was.len() {
            return Err(RestoreError::Structure);
        }
        let pairs = was.iter().zip(became);
        if pairs.clone().all(|(was, became)| was.value == became.value) {
            continue;
        }
        let [first, ..] = is else {
            let held = became.first().or(was.first());
            return Err(held.map_or(RestoreError::Structure, |held| after.missing(held, &tip)));
        };
        let mut lists = is.iter().chain(became).filter_map(|held| held.list);
        let is_told_apart = lists.all(|list| {
            *unchanged.entry(list).or_insert_with(|| {
                tip.is_same_list(&after, list) || tip.is_same_list(&before, list)
            })
        });
        if is.len() != was.len() || !is_told_apart {
            let (path, line) = (tip.path(first), tip.line(first));
            return Err(RestoreError::Ambiguous { path, line });
        }
        for ((was, became), is) in pairs.zip(is) {
            if was.value == became.value || was.value == is.value {
                continue;
            }
            let texts = [(&tip, is), (&before, was), (&after, became)];
            let texts = texts.map(|(version, held)| version.inside(held));
            let [Some(inner), Some(before), Some(after)] = texts else {
                if matches!(own, Meant::At { .. }) {
                    return Err(RestoreError::Structure);
                }
                if is.value != became.value {
                    return Err(tip.changed_since(is));
                }
                edits.push(tip.edit(is, was, &before)?);
                continue;
            };
            // Documents of their own, in which others changed something else.
            let inside = values_back(&inner.stream, &before.stream, &after.stream, &own);
            let edits_inside = inside.map_err(|error| error.inside(&tip.path(is), &inner))?;
            if !edits_inside.is_empty() {
                let (node, edits_inside) = (is.node, edits_inside);
                edits.push(Edit::Inside {
                    node,
                    edits: edits_inside,
                });
            }
        }
    }
    let is_new = |(place, held): &(PlaceNumber, &[Held<'_>])| {
        let is_meant = |held: &Held<'_>| meant.inside(after.stream, held.node).is_some();
        before.at(*place).is_empty() && held.iter().any(is_meant)
    };
    match after.all().find(is_new) {
        None => Ok(edits),
        Some((place, became)) => Err(match (became, tip.at(place)) {
            ([became], [is]) if became.value != is.value => tip.changed_since(is),
            _ => RestoreError::Structure,
        }),
    }
}

impl RestoreError {
    /// The same, of a text at `outer` that is a document of its own.
    fn inside(self, outer: &str, text: &Inside<'_>) -> Self {
        let below = |path: String| format!("{outer}{path}");
        match self {
            Self::ChangedSince { path, line, value } => Self::ChangedSince {
                path: below(path),
                line: text.line(line),
                value,
            },
            Self::Gone { path } => Self::Gone { path: below(path) },
            Self::AnotherObject { path, object, how } => Self::AnotherObject {
                path: below(path),
                object,
                how,
            },
            Self::Ambiguous { path, line } => Self::Ambiguous {
                path: below(path),
                line: text.line(line),
            },
            Self::Structure
            | Self::NotAlone
            | Self::Templates
            | Self::Template { .. }
            | Self::NotApart { .. }
            | Self::Unreadable(_) => self,
        }
    }
}

/// Whether `merged` differs from `tip` in nothing but that the change from `before` to `after` is taken
/// back, all of it: the guard behind a merge of lines, which knows nothing of objects and takes one for
/// another that looks alike. What is no YAML can't be judged, and does not pass.
pub fn takes_back(tip: &[u8], merged: &[u8], before: &[u8], after: &[u8]) -> bool {
    let masked = [tip, before, after].map(Masked::of);
    let Ok([tip, before, after]) = Read::all([tip, before, after], &masked) else {
        return false;
    };
    std::str::from_utf8(merged).is_ok_and(|merged| is_taken_back(&tip, merged, &before, &after))
}

fn is_taken_back(tip: &Read<'_>, merged: &str, before: &Read<'_>, after: &Read<'_>) -> bool {
    let masked = Masked::of(merged.as_bytes());
    let Ok(merged) = Read::new(merged.as_bytes(), masked.as_ref()) else {
        return false;
    };
    is_undone([&tip.stream, &merged.stream, &before.stream, &after.stream])
        && are_branches_kept([tip, &merged, before, after])
}

/// Whether what templates write has stayed as it was, and what comes and goes, or is set back, is in the same branches
/// and loops as it was: values know nothing of these.
fn are_branches_kept(versions: [&Read<'_>; 4]) -> bool {
    if versions.iter().all(|version| version.masked.is_none()) {
        return true;
    }
    let [tip, merged, before, after] = versions;
    if !tip.templates().eq(merged.templates()) || !before.templates().eq(after.templates()) {
        return false;
    }
    let mut places = Places::default();
    let [tip, merged, before, after] = versions.map(|read| {
        let version = Version::read(&read.stream, &mut places);
        let branches = read.branches(&version);
        (version, branches)
    });
    let changed = changes(&after.0, &before.0).into_iter();
    let mut changed = changed.chain(changes(&tip.0, &merged.0));
    changed.all(|(place, ..)| {
        let (was, is) = (before.1(place), tip.1(place));
        (is == was || is == after.1(place)) && merged.1(place) == was
    })
}

/// Whether `merged` is `tip` without the change from `before` to `after`, by what they say.
fn is_undone([tip, merged, before, after]: [&Stream<'_>; 4]) -> bool {
    if check_room([tip, before, after].into_iter()).is_err() {
        return false;
    }
    let mut places = Places::default();
    let [tip, merged, before, after] =
        [tip, merged, before, after].map(|stream| Version::read(stream, &mut places));
    let is_twice =
        |place: &PlaceNumber| !tip.doubles.contains(place) && !before.doubles.contains(place);
    if merged.doubles.iter().any(is_twice)
        || !comments_are_taken_back([&tip, &merged, &before, &after])
    {
        return false;
    }
    let mut wanted: HashMap<Change<'_>, usize> = HashMap::new();
    // Texts that are documents of their own are judged by what they say.
    let mut inside: HashSet<PlaceNumber> = HashSet::new();
    for (place, held) in tip.all() {
        let all = [held, merged.at(place), before.at(place), after.at(place)];
        let [[is], [becomes], [was], [became]] = all else {
            continue;
        };
        if is.value == became.value || was.value == became.value {
            continue; // Only others did something to it, or only the change.
        }
        let texts = [
            tip.inside(is),
            merged.inside(becomes),
            before.inside(was),
            after.inside(became),
        ];
        let [Some(tip), Some(merged), Some(before), Some(after)] = &texts else {
            continue;
        };
        if !is_undone([&tip.stream, &merged.stream, &before.stream, &after.stream]) {
            return false;
        }
        inside.insert(place);
    }
    let is_outside = |(place, ..): &Change<'_>| !inside.contains(place);
    let count = |version: &Version<'_, '_>, place: PlaceNumber, value: Value<'_>| {
        let held = version.at(place).iter();
        held.filter(|held| held.value == value).count()
    };
    for change in changes(&after, &before).into_iter().filter(is_outside) {
        let (place, from, _) = change;
        if let Some(from) = from
            && count(&tip, place, from) > count(&after, place, from)
        {
            return false; // Others wrote the same, and which one is to go can't be told.
        }
        *wanted.entry(change).or_default() += 1;
    }
    let mut surroundings: HashMap<PlaceNumber, bool> = HashMap::new();
    for change in changes(&tip, &merged).into_iter().filter(is_outside) {
        match wanted.get_mut(&change) {
            Some(count @ 1..) => *count -= 1,
            _ => return false,
        }
        if let (place, None, Some(_)) = change
            && !merged.comes_back_to_its_own(place, &after, &tip, &mut surroundings)
        {
            return false; // Others wrote what was around it anew.
        }
    }
    // What is left was taken back by somebody else already.
    // Not where what was around it is gone, or has another name: then it may be anywhere.
    let is_there_around = |place: PlaceNumber| {
        let mut around = after
            .at(place)
            .iter()
            .filter_map(|held| after.place_around(held.node));
        around.all(|around| before.at(around).is_empty() || !tip.at(around).is_empty())
    };
    let mut left = wanted.into_iter().filter(|(_, count)| *count > 0);
    let is_taken_back = left.all(|((place, from, to), _)| match (from, to) {
        (_, Some(to)) => count(&tip, place, to) > 0,
        (Some(from), None) => {
            count(&tip, place, from) <= count(&before, place, from) && is_there_around(place)
        }
        (None, None) => true,
    });
    // Where only their order tells things apart, all of them must be as they were.
    let mut lists = after.lists_that_differ(&before);
    is_taken_back
        && lists.all(|list| {
            tip.is_same_list(&before, list)
                || (tip.is_same_list(&after, list) && merged.is_same_list(&before, list))
        })
}

/// Whether the comments of the merged version are those of the tip, and those that the change took away.
fn comments_are_taken_back([tip, merged, before, after]: [&Version<'_, '_>; 4]) -> bool {
    let mut counts: HashMap<&str, [usize; 4]> = HashMap::new();
    for (number, version) in [tip, merged, before, after].into_iter().enumerate() {
        for comment in version.stream.comments() {
            counts.entry(comment).or_default()[number] += 1;
        }
    }
    counts
        .values()
        .all(|[tip, merged, before, after]| tip == merged || tip + before == merged + after)
}

fn parse(bytes: &[u8]) -> Result<Stream<'_>, RestoreError> {
    Stream::parse(bytes).map_err(|error| RestoreError::Unreadable(error.to_string()))
}

/// A value at a place, and what became of it; none for one that is new, or gone.
type Change<'s> = (PlaceNumber, Option<Value<'s>>, Option<Value<'s>>);

/// What is different in `to`.
fn changes<'s>(from: &Version<'s, '_>, to: &Version<'s, '_>) -> Vec<Change<'s>> {
    let mut changes = Vec::new();
    let new = to.all().filter(|(place, _)| from.at(*place).is_empty());
    for (place, _) in from.all().chain(new) {
        let values = |version: &Version<'s, '_>| -> Vec<Value<'s>> {
            version.at(place).iter().map(|held| held.value).collect()
        };
        let (mut old, mut new) = (values(from), values(to));
        if old.len() == new.len() {
            let pairs = old.into_iter().zip(new).filter(|(old, new)| old != new);
            changes.extend(pairs.map(|(old, new)| (place, Some(old), Some(new))));
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
                Ordering::Less => changes.push((place, old.next(), None)),
                Ordering::Greater => changes.push((place, None, new.next())),
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Value<'s> {
    /// A string, however it is written.
    Text(&'s str),
    /// What is a number, a boolean, null or a date to some reader.
    Typed(&'s str),
    /// With a tag, which says what it is.
    Tagged(&'s str, &'s str),
    /// An alias to what is there.
    Alias(PlaceNumber),
    List,
    Mapping,
}

impl<'s> Value<'s> {
    fn of(stream: &'s Stream<'_>, node: NodeId, place: impl FnOnce(NodeId) -> PlaceNumber) -> Self {
        match (stream.content(node), stream.tag(node)) {
            (Content::Scalar(read), Some(tag)) => Self::Tagged(tag, read.value),
            (Content::Scalar(read), None) => {
                match read.style == Style::Plain && scalar::is_typed(read.value) {
                    true => Self::Typed(read.value),
                    false => Self::Text(read.value),
                }
            }
            (Content::Alias { target, .. }, _) => Self::Alias(place(target)),
            (Content::Sequence(_), _) => Self::List,
            (Content::Mapping(_), _) => Self::Mapping,
        }
    }
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text(text) | Self::Typed(text) | Self::Tagged(_, text) => text,
            Self::Alias(_) => "an alias",
            Self::List => "a list",
            Self::Mapping => "a mapping",
        })
    }
}

/// A value, and where it is.
struct Held<'s> {
    node: NodeId,
    value: Value<'s>,
    /// The list around it in which only their order tells items apart: they have no names, or one name
    /// twice.
    list: Option<List>,
}

/// The place of a list; none for the file's documents.
type List = Option<PlaceNumber>;

/// A version of a file by its places.
struct Version<'s, 't> {
    stream: &'s Stream<'t>,
    /// Everything but keys by its place's number, in the order of the text. Items without names share a
    /// place.
    places: Vec<Vec<Held<'s>>>,
    /// All that is in each list of things that only their order tells apart.
    lists: HashMap<List, Vec<(PlaceNumber, Value<'s>)>>,
    /// Places of objects, keys and names that are there twice.
    doubles: HashSet<PlaceNumber>,
    located: Located<'s, 't>,
}

/// What has the object, the key or the name of another one beside it.
fn doubles(stream: &Stream<'_>, places: &[Vec<NodeId>]) -> HashSet<NodeId> {
    let mut doubles = HashSet::new();
    for nodes in places.iter().filter(|nodes| nodes.len() > 1) {
        let mut first: HashMap<Option<NodeId>, NodeId> = HashMap::new();
        for node in nodes {
            let (link, around) = Link::to(stream, *node);
            if link == Link::Unnamed {
                break; // So are all of this place.
            }
            match first.entry(around) {
                Entry::Vacant(entry) => {
                    entry.insert(*node);
                }
                Entry::Occupied(entry) => doubles.extend([*entry.get(), *node]),
            }
        }
    }
    doubles
}

impl<'s, 't> Version<'s, 't> {
    fn read(stream: &'s Stream<'t>, places: &mut Places<'s>) -> Self {
        let mut located = Located::new(stream);
        let nodes = || stream.nodes().filter(|(_, node)| node.role() != Role::Key);
        let mut met: Vec<Vec<NodeId>> = Vec::new();
        for (id, _) in nodes() {
            let place = located.place(places, id);
            if met.len() <= place {
                met.resize_with(place + 1, Vec::new);
            }
            met[place].push(id);
        }
        let doubles = doubles(stream, &met);
        let mut version = Self {
            stream,
            places: met
                .iter()
                .map(|nodes| Vec::with_capacity(nodes.len()))
                .collect(),
            lists: HashMap::new(),
            doubles: HashSet::new(),
            located,
        };
        for node in &doubles {
            version.doubles.insert(version.located.place(places, *node));
        }
        // What is inside of a thing that only its order tells apart is in its list.
        let mut inside: HashMap<NodeId, List> = HashMap::new();
        for (node, _) in nodes() {
            let (link, around) = Link::to(stream, node);
            let place = version.located.place(places, node);
            let value = Value::of(stream, node, |target| version.located.place(places, target));
            let list = around.map(|around| version.located.place(places, around));
            let outer = around.and_then(|around| inside.get(&around).copied());
            let own = outer.or(doubles.contains(&node).then_some(list));
            if let Some(list) = own.or((link == Link::Unnamed).then_some(list)) {
                inside.insert(node, list);
                version.lists.entry(list).or_default().push((place, value));
            }
            let list = own;
            version.places[place].push(Held { node, value, list });
        }
        version
    }

    /// The places that hold something, each with that.
    fn all(&self) -> impl Iterator<Item = (PlaceNumber, &[Held<'s>])> {
        let places = self.places.iter().map(Vec::as_slice).enumerate();
        places.filter(|(_, held)| !held.is_empty())
    }

    /// The document that a text is; none with templates in it, as nobody knows in which branches its lines are.
    fn inside(&self, held: &Held<'_>) -> Option<Inside<'s>> {
        let inside = self.stream.inside(held.node)?;
        (!source::is_template(inside.stream.text())).then_some(inside)
    }

    fn at(&self, place: PlaceNumber) -> &[Held<'s>] {
        self.places.get(place).map_or(&[], Vec::as_slice)
    }

    /// The place of the collection that holds `node`.
    fn place_around(&self, node: NodeId) -> Option<PlaceNumber> {
        self.located.known(self.stream[node].parent?)
    }

    /// Whether what is new at `place`, and was not in `after`, is in `tip` among what it was among: all items
    /// of a list in which only their order tells them apart; else one entry beside it, if there was any.
    fn comes_back_to_its_own(
        &self,
        place: PlaceNumber,
        after: &Self,
        tip: &Self,
        known: &mut HashMap<PlaceNumber, bool>,
    ) -> bool {
        let Some(held) = self.at(place).first() else {
            return true;
        };
        match Link::to(self.stream, held.node).0 {
            Link::Object(_) | Link::Only => true,
            Link::Unnamed => *known.entry(place).or_insert_with(|| {
                let mut counts: HashMap<Value<'_>, usize> = HashMap::new();
                for held in tip.at(place) {
                    *counts.entry(held.value).or_default() += 1;
                }
                after.at(place).iter().all(|held| {
                    let count = counts.get_mut(&held.value).filter(|count| **count > 0);
                    count.is_some_and(|count| {
                        *count -= 1;
                        true
                    })
                })
            }),
            Link::Key(_) | Link::Named(_) => {
                let Some(around) = self.place_around(held.node) else {
                    return true;
                };
                *known.entry(around).or_insert_with(|| {
                    let mut beside = after.places_in(around).peekable();
                    let is_there = |place: PlaceNumber| !tip.at(place).is_empty();
                    tip.at(around).is_empty() || beside.peek().is_none() || beside.any(is_there)
                })
            }
        }
    }

    /// The places of what is directly in the collections at `around`.
    fn places_in(&self, around: PlaceNumber) -> impl Iterator<Item = PlaceNumber> {
        let children = |held: &Held<'_>| -> Vec<NodeId> {
            let values = self.stream.pairs(held.node).map(|(_, value)| value);
            values.chain(self.stream.items(held.node)).collect()
        };
        let children = self.at(around).iter().flat_map(children);
        children.filter_map(|node| self.located.known(node))
    }

    fn is_same_list(&self, other: &Self, list: List) -> bool {
        self.lists.get(&list) == other.lists.get(&list)
    }

    /// The lists in which something differs that has no more of a name than its place in them.
    fn lists_that_differ(&self, other: &Self) -> impl Iterator<Item = List> {
        let lists: HashSet<List> = [self, other]
            .into_iter()
            .flat_map(|version| version.places.iter().flatten())
            .filter_map(|held| held.list)
            .collect();
        lists
            .into_iter()
            .filter(|list| !self.is_same_list(other, *list))
    }

    /// The edit that makes `is` what `was` in `before`.
    fn edit(&self, is: &Held<'_>, was: &Held<'_>, before: &Self) -> Result<Edit, RestoreError> {
        let is_scalar = |value: Value<'_>| matches!(value, Value::Text(_) | Value::Typed(_));
        let value = match (was.value, is.value) {
            (old, now)
                if is_scalar(old) && is_scalar(now) && self.is_written_alike(is, was, before) =>
            {
                let raw = before.stream.raw(was.node).unwrap_or_default();
                NewValue::Written(raw.to_owned())
            }
            (Value::Tagged(was, text), Value::Tagged(is, _)) if was == is => {
                NewValue::Text(text.to_owned())
            }
            (Value::Text(text), Value::Text(_) | Value::Typed(_)) => {
                NewValue::Text(text.to_owned())
            }
            (Value::Typed(text), Value::Text(_) | Value::Typed(_)) => {
                NewValue::Plain(text.to_owned())
            }
            _ => return Err(RestoreError::Structure),
        };
        let node = is.node;
        Ok(Edit::Set { node, value })
    }

    /// Whether the scalar `was` can stand where `is` stands as it was written.
    fn is_written_alike(&self, is: &Held<'_>, was: &Held<'_>, before: &Self) -> bool {
        let Some(raw) = before.stream.raw(was.node) else {
            return false;
        };
        let column = |version: &Self, held: &Held<'_>| match version.stream[held.node].role() {
            Role::Value { key } => Some(version.stream[key].column()),
            _ => None,
        };
        let header = raw.lines().next().unwrap_or_default();
        let is_line = !raw.contains('\n') && !header.starts_with(['|', '>']);
        // A block scalar is indented from its key, and its blank lines are not its own text (`|+`).
        let is_block = self.stream.raw(is.node).is_some()
            && !header.contains('+')
            && column(self, is).is_some()
            && column(self, is) == column(before, was);
        (is_line || is_block) && self.stream[is.node].in_flow == before.stream[was.node].in_flow
    }

    fn changed_since(&self, held: &Held<'_>) -> RestoreError {
        RestoreError::ChangedSince {
            path: self.path(held),
            line: self.line(held),
            value: source::shown(&held.value.to_string()).into_owned(),
        }
    }

    /// Why what is here is not in `tip`.
    fn missing(&self, held: &Held<'_>, tip: &Self) -> RestoreError {
        let path = self.path(held);
        let Some(own) = Object::around(self.stream, held.node) else {
            return RestoreError::Gone { path };
        };
        let known: HashSet<Object<'_>> = Object::all(self.stream).map(|(_, own)| own).collect();
        let new = Object::all(tip.stream).filter(|(_, other)| !known.contains(other));
        let became = new.filter_map(|(_, other)| Some((other.to_string(), own.became(&other)?)));
        match became.into_iter().next() {
            Some((object, how)) => RestoreError::AnotherObject { path, object, how },
            None => RestoreError::Gone { path },
        }
    }

    fn path(&self, held: &Held<'_>) -> String {
        shown(self.stream, held.node)
    }

    fn line(&self, held: &Held<'_>) -> usize {
        self.stream[held.node].line()
    }
}

#[cfg(test)]
mod tests;
