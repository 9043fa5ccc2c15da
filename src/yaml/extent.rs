//! Which bytes and which lines belong to a key, an item or a value.

use std::ops::Range;

use super::document::{Content, Node, NodeId, Role, Stream, Style};

/// A line break and blanks: what may stand around indicators.
const WHITE: [char; 4] = [' ', '\t', '\r', '\n'];

/// The byte behind the last one of what `id` says. A comment behind it is no part of it.
pub(super) fn end(stream: &Stream<'_>, mut id: NodeId) -> Option<usize> {
    loop {
        let node = &stream[id];
        id = match stream.content(id) {
            Content::Mapping(mut pairs) if !stream.is_bracketed(id) => pairs.next_back()?.1,
            Content::Sequence(mut items) if !stream.is_bracketed(id) => items.next_back()?,
            Content::Scalar(scalar) if scalar.value.is_empty() && scalar.style == Style::Plain => {
                return behind_properties(stream, id, behind_indicator(stream, id)?);
            }
            Content::Scalar(scalar) => {
                let span = node.span()?;
                return Some(span.end + kept_lines(stream, scalar.style, &span)?);
            }
            _ => return node.span().map(|span| span.end),
        };
    }
}

/// How many bytes of blank lines belong to a block scalar that keeps them (`|+`).
fn kept_lines(stream: &Stream<'_>, style: Style, span: &Range<usize>) -> Option<usize> {
    let raw = stream.text().get(span.clone())?;
    let header = raw.split([' ', '\t', '\r', '\n']).next()?;
    if !matches!(style, Style::Literal | Style::Folded) || !header.contains('+') {
        return Some(0);
    }
    let rest = stream.text().get(span.end..)?;
    let blank = rest.len() - rest.trim_start_matches(WHITE).len();
    let blank = rest.get(..blank)?;
    // The last line break ends the last blank line, and what follows begins behind it.
    let end = blank.rfind(['\r', '\n']).unwrap_or(0);
    Some(end - usize::from(end > 0 && blank.get(end - 1..end) == Some("\r")))
}

/// The byte behind the colon, or the dash, that `id` is the value or the item of.
pub(super) fn behind_indicator(stream: &Stream<'_>, id: NodeId) -> Option<usize> {
    match stream[id].role() {
        Role::Value { key } => colon(stream, key).map(|colon| colon + 1),
        Role::Item { .. } => dash(stream, id).map(|dash| dash + 1),
        Role::Key | Role::Root => None,
    }
}

/// Where the colon behind `key` stands: on its line, or behind a `?` key on one of the next.
fn colon(stream: &Stream<'_>, key: NodeId) -> Option<usize> {
    let text = stream.text();
    let end = end(stream, key)?;
    let mut at = end;
    loop {
        let rest = text.get(at..)?;
        let blank = rest.len() - rest.trim_start_matches(WHITE).len();
        let rest = rest.get(blank..)?;
        at += blank;
        match rest.bytes().next()? {
            b'#' => at += rest.find(['\r', '\n'])?,
            b':' => break,
            _ => return None,
        }
    }
    let behind = text.get(at + 1..)?;
    let is_alone = behind.is_empty() || behind.starts_with(WHITE);
    (at <= line_end(text, end) || is_alone).then_some(at)
}

/// Where the dash of an item of a block list stands.
pub(super) fn dash(stream: &Stream<'_>, item: NodeId) -> Option<usize> {
    let (Role::Item { .. }, Some(list)) = (stream[item].role(), stream[item].parent) else {
        return None;
    };
    let mut at = match stream.item_before(item) {
        Some(before) => end(stream, before)?,
        None => match stream[list].role() {
            Role::Root => byte_at(stream.text(), &stream[list])?,
            _ => behind_properties(stream, list, behind_indicator(stream, list)?)?,
        },
    };
    loop {
        let rest = stream.text().get(at..)?;
        let blank = rest.len() - rest.trim_start_matches(WHITE).len();
        let rest = rest.get(blank..)?;
        at += blank;
        match rest.bytes().next()? {
            b'#' => at += rest.find(['\r', '\n'])?,
            b'-' => return Some(at),
            _ => return None,
        }
    }
}

/// Whether `id` is a document with nothing in it, not even a written null.
pub(super) fn is_absent_root(stream: &Stream<'_>, id: NodeId) -> bool {
    let node = &stream[id];
    let is_bare = node.role() == Role::Root && !node.anchored && stream.tag(id).is_none();
    let scalar = stream.scalar(id).filter(|_| is_bare);
    scalar.is_some_and(|scalar| scalar.value.is_empty() && scalar.style == Style::Plain)
}

/// Where a node of a document's root stands, for which the parser tells line and column. What is absent
/// stands before whatever comes next.
pub(super) fn byte_at(text: &str, node: &Node) -> Option<usize> {
    let mut start = 0;
    for _ in 1..node.line() {
        start = behind_break(text, line_end(text, start));
    }
    let line = text.get(start..)?;
    let unmarked = line.strip_prefix('\u{feff}').unwrap_or(line);
    let mut chars = unmarked.char_indices();
    let (column, _) = chars.nth(node.column().checked_sub(1)?)?;
    Some(start + line.len() - unmarked.len() + column)
}

/// Where what `id` says begins, behind anchor and tag.
pub(super) fn start(stream: &Stream<'_>, mut id: NodeId) -> Option<usize> {
    loop {
        let node = &stream[id];
        id = match stream.content(id) {
            Content::Mapping(mut pairs) if !stream.is_bracketed(id) => pairs.next()?.0,
            Content::Sequence(mut items) if !stream.is_bracketed(id) => {
                return dash(stream, items.next()?);
            }
            _ => return node.span().map(|span| span.start),
        };
    }
}

/// `from`, or the byte behind the anchor and the tag of `id` that stand there.
pub(super) fn behind_properties(stream: &Stream<'_>, id: NodeId, from: usize) -> Option<usize> {
    let mut at = from;
    for _ in 0..usize::from(stream[id].anchored) + usize::from(stream.tag(id).is_some()) {
        let rest = stream.text().get(at..)?;
        let word = rest.trim_start_matches(WHITE);
        if !word.starts_with(['&', '!']) {
            return None;
        }
        let length = word.find(WHITE).unwrap_or(word.len());
        at += rest.len() - word.len() + length;
    }
    Some(at)
}

/// Where a pair of a mapping begins: its key, with the `?`, the anchor and the tag before it. None where one of
/// them is on another line.
pub(super) fn key_start(stream: &Stream<'_>, key: NodeId, value: NodeId) -> Option<usize> {
    behind_indicator(stream, value)?;
    let text = stream.text();
    let mut at = start(stream, key)?;
    let before = |at: usize| text.get(line_start(text, at)..at);
    for _ in 0..usize::from(stream[key].anchored) + usize::from(stream.tag(key).is_some()) {
        let line = before(at)?.trim_end_matches([' ', '\t']);
        let word = line.rsplit([' ', '\t']).next()?;
        let is_it = |word: &str| word.starts_with(['&', '!']);
        let word = match is_it(word) {
            true => word,
            // In brackets it needs no blank before it.
            false => word
                .rsplit(['{', '[', ','])
                .next()
                .filter(|word| is_it(word))?,
        };
        at = line_start(text, at) + line.len() - word.len();
    }
    let line = before(at)?.trim_end_matches([' ', '\t']);
    let around = line.strip_suffix('?').filter(|around| {
        line.len() < before(at).map_or(0, str::len)
            && (around.is_empty() || around.ends_with([' ', '\t', '{', '[', ',']))
    });
    let is_on_its_line = colon(stream, key)? <= line_end(text, end(stream, key)?);
    match around {
        Some(around) => Some(line_start(text, at) + around.len()),
        None => is_on_its_line.then_some(at),
    }
}

/// The first byte of the line that `at` is on.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or_default();
    let start = before.rfind(['\r', '\n']).map_or(0, |end| end + 1);
    let has_mark = text
        .get(start..at)
        .is_some_and(|line| line.starts_with('\u{feff}'));
    start + if has_mark { '\u{feff}'.len_utf8() } else { 0 }
}

/// The end of the line that `at` is on, its break excluded.
pub(super) fn line_end(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    at + rest.find(['\r', '\n']).unwrap_or(rest.len())
}

/// The byte behind the line break at `at`.
pub(super) fn behind_break(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    at + ["\r\n", "\n", "\r"]
        .into_iter()
        .find(|line_break| rest.starts_with(line_break))
        .map_or(0, str::len)
}

/// Whether there is nothing on the line behind `at` but a comment.
pub(super) fn ends_line(text: &str, at: usize) -> bool {
    let rest = text.get(at..line_end(text, at)).unwrap_or_default();
    let word = rest.trim_start_matches([' ', '\t']);
    word.is_empty() || (word.starts_with('#') && word.len() < rest.len())
}

/// Whether there is nothing on the line before `at`.
pub(super) fn begins_line(text: &str, at: usize) -> bool {
    let before = text.get(line_start(text, at)..at).unwrap_or_default();
    before.trim_matches([' ', '\t']).is_empty()
}

/// Where something new goes that follows the entry whose `value` this is and that begins at `start`: the end of its
/// last line. Comments inside of what it follows stay with that.
pub(super) fn behind_entry(stream: &Stream<'_>, value: NodeId, start: usize) -> Option<usize> {
    let text = stream.text();
    let end = line_end(text, end(stream, value)?);
    Some(behind_inner_comments(text, end, column(text, start)))
}

/// How far to the right `at` is in its line, in characters.
pub(super) fn column(text: &str, at: usize) -> usize {
    let before = text.get(line_start(text, at)..at).unwrap_or_default();
    before.chars().count()
}

/// The end of the comments that follow the line that ends at `end`, without a blank line between, and
/// are indented deeper than `column` (from 0): they stand inside of what begins there.
pub(super) fn behind_inner_comments(text: &str, end: usize, column: usize) -> usize {
    let mut end = end;
    loop {
        let start = behind_break(text, end);
        let next = line_end(text, start);
        let line = text.get(start..next).unwrap_or_default();
        let comment = line.trim_start_matches(' ');
        if start == end || !comment.starts_with('#') || line.len() - comment.len() <= column {
            return end;
        }
        end = next;
    }
}
