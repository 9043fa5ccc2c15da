//! From the bytes of a file to a [`Stream`].
//!
//! The parser is yaml-rust2's pull parser: its events come one by one, so that no input can
//! overflow the stack. It says on which line and in which column a scalar begins, not where it
//! ends, and what it calls an index in bytes counts characters, and even those wrongly once a block
//! scalar has held anything but ASCII. So the start is taken from line and column, and the end is
//! found here, in the text. [`crate::yaml::edit`] checks both before it relies on them.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::ops::{Range, RangeInclusive};
use std::sync::OnceLock;

use yaml_rust2::parser::{Event, Parser, Tag};
use yaml_rust2::scanner::{Marker, ScanError, TScalarStyle};

use super::document::{
    Kind, MAX_BYTES, MAX_DEPTH, Node, NodeId, ParseError, Role, Span, Stream, Style, TextNumber,
    Texts, as_written, rooms,
};
use crate::limits::NODES;

use super::spans::{
    block_header, block_length, count_breaks, double_quoted_length, plain_length,
    single_quoted_length,
};

const BYTE_ORDER_MARK: char = '\u{feff}';

impl<'t> Stream<'t> {
    /// Reads all documents of a file.
    ///
    /// # Errors
    /// [`ParseError`] says what is wrong and on which line.
    pub fn parse(bytes: &'t [u8]) -> Result<Self, ParseError> {
        if bytes.len() > MAX_BYTES {
            return Err(ParseError::TooLarge { bytes: bytes.len() });
        }
        let text = std::str::from_utf8(bytes).map_err(|error| ParseError::NotUtf8 {
            line: line_of(bytes, error.valid_up_to()),
        })?;
        let mut chars = text.char_indices();
        if may_hold(text, FORBIDDEN)
            && let Some((at, found)) = chars.find(|(_, c)| is_forbidden(*c))
        {
            let code = u32::from(found);
            let reason =
                format!("U+{code:04X}, which YAML allows nowhere: Kubernetes refuses the file");
            return Err(syntax_error_at(text, at, reason));
        }
        let mut shown = Shown::default();
        let mut budget = MAX_REREAD;
        loop {
            match Builder::new(text, &shown).build() {
                Ok(stream) => return alike_for_all(stream),
                Err(Stop::Error(error)) => return Err(error),
                Err(Stop::Scan(error)) => {
                    budget = budget.saturating_sub(text.len());
                    if !shown.put_right(text, &error) || budget == 0 {
                        return Err(syntax_error(&error, &shown));
                    }
                }
            }
        }
    }
}

/// Whether YAML allows a character nowhere, not in quotes either (1.1 and 1.2, chapter 5.1). Our parser takes NUL for
/// the end of the file, and the others for text; libyaml and what is made of it, Go's reader as well, refuse the file.
fn is_forbidden(c: char) -> bool {
    c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}')
        || matches!(c, '\u{fffe}' | '\u{ffff}')
}

/// What [`is_forbidden`] begins with in UTF-8, but for ASCII.
const FORBIDDEN: [u8; 2] = [0xc2, 0xef];

/// Whether `text` has a control character of ASCII that is no white space, or one of the bytes that others begin with:
/// few files do, and their characters need not be looked at one by one.
fn may_hold(text: &str, first_bytes: [u8; 2]) -> bool {
    let is_one = |byte: u8| {
        let is_white = (byte == b'\t') | (byte == b'\n') | (byte == b'\r');
        let is_control = (byte < b' ') & !is_white;
        is_control | (byte == 0x7f) | (byte == first_bytes[0]) | (byte == first_bytes[1])
    };
    // To the end, which lets the compiler look at many bytes in one step.
    text.bytes().fold(false, |found, byte| found | is_one(byte))
}

/// `stream`, unless other readers make something else of its text.
fn alike_for_all(stream: Stream<'_>) -> Result<Stream<'_>, ParseError> {
    if let Some((at, found)) = foreign_break(&stream) {
        let code = u32::from(found);
        let reason = format!(
            "U+{code:04X}, which ends a line for Kubernetes' reader (YAML 1.1) and none for others, so that they \
             read different files"
        );
        return Err(syntax_error_at(stream.text, at, reason));
    }
    if let Some(at) = unknown_version(&stream) {
        let reason =
            "a version of YAML that readers do not know: they read `%YAML 1.1` and `%YAML 1.2`";
        return Err(syntax_error_at(stream.text, at, reason.to_owned()));
    }
    Ok(stream)
}

/// Whether the byte `at` is in a scalar or in brackets.
fn is_in_node(stream: &Stream<'_>, at: usize) -> bool {
    let mut nodes = stream.nodes();
    nodes.any(|(_, node)| node.span().is_some_and(|span| span.contains(&at)))
}

/// Whether a character ends a line in YAML 1.1 and none in 1.2.
fn is_foreign(c: char) -> bool {
    matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// What [`is_foreign`] begins with in UTF-8.
const FOREIGN: [u8; 2] = [0xc2, 0xe2];

/// The first character that ends a line in YAML 1.1 alone (1.1, "b-next-line" and those behind it), where
/// that makes a difference: anywhere but in a comment on a line of its own that is one in each of its parts.
fn foreign_break(stream: &Stream<'_>) -> Option<(usize, char)> {
    let text = stream.text;
    if !may_hold(text, FOREIGN) || !text.contains(is_foreign) {
        return None;
    }
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if let Some((offset, found)) = line.char_indices().find(|(_, c)| is_foreign(*c)) {
            let mut parts = line.split(is_foreign).map(str::trim_ascii);
            let is_comment = parts.next().is_some_and(|part| part.starts_with('#'))
                && parts.all(|part| part.is_empty() || part.starts_with('#'));
            if !is_comment || is_in_node(stream, start + offset) {
                return Some((start + offset, found));
            }
        }
        start += line.len();
    }
    None
}

/// Where a document says that it is of another version than 1 of YAML, which readers have to refuse (1.2,
/// chapter 6.8.1).
fn unknown_version(stream: &Stream<'_>) -> Option<usize> {
    let text = stream.text;
    if !text.as_bytes().contains(&b'%') {
        return None;
    }
    let mut found = text.match_indices("%YAML");
    let found = found.find(|(at, directive)| {
        let begins = *at == 0 || text[..*at].ends_with(['\n', '\r', BYTE_ORDER_MARK]);
        let version = text[at + directive.len()..].trim_start_matches([' ', '\t']);
        begins && !version.starts_with("1.") && !is_in_node(stream, *at)
    });
    found.map(|(at, _)| at)
}

/// YAML wants what goes on over several lines in quotes or brackets to be indented deeper than the
/// key before it (chapter 7.4), and the parser insists. Kubernetes' reader does not, and a `]` below
/// its key is what people write. White space means nothing there, so the parser is shown such lines
/// this much deeper than they are.
const DEEPER: usize = 128;

/// How many bytes may be read again for that: each time, one more value of the file is put right.
const MAX_REREAD: usize = 64 * 1024 * 1024;

/// Where the text that the parser is shown is another one.
#[derive(Default)]
struct Shown {
    /// The lines, from 1, that are [`DEEPER`] than they are.
    deeper: BTreeSet<usize>,
    /// The bytes that are tabs, and blanks to the parser: a `:` may be followed by one (chapter 6.2), which
    /// the parser does not know.
    blanks: BTreeSet<usize>,
}

impl Shown {
    /// Shows what `error` is about in another way; false where there is none.
    fn put_right(&mut self, text: &str, error: &ScanError) -> bool {
        let known = (self.deeper.len(), self.blanks.len());
        if let Some(lines) = too_shallow(text, error, self) {
            self.deeper.extend(lines);
        }
        if error.info().starts_with("':' must be followed by")
            && let Some(value) = Positions::new(text, self).byte(*error.marker())
        {
            let before = text
                .get(..value)
                .unwrap_or_default()
                .bytes()
                .enumerate()
                .rev();
            let white = before.take_while(|(_, byte)| matches!(byte, b' ' | b'\t'));
            let tabs = white.filter(|(_, byte)| *byte == b'\t');
            self.blanks.extend(tabs.map(|(at, _)| at));
        }
        (self.deeper.len(), self.blanks.len()) != known
    }
}

/// Why a text was not read to its end.
enum Stop {
    Error(ParseError),
    Scan(ScanError),
}

impl From<ParseError> for Stop {
    fn from(error: ParseError) -> Self {
        Self::Error(error)
    }
}

/// The lines that the parser found not deep enough, if that is what `error` says.
fn too_shallow(text: &str, error: &ScanError, shown: &Shown) -> Option<RangeInclusive<usize>> {
    let line = error.marker().line();
    match error.info() {
        "invalid indentation" | "invalid indentation in flow construct" => Some(line..=line),
        "invalid indentation in quoted scalar" => {
            // It names where the scalar begins.
            let start = Positions::new(text, shown).byte(*error.marker())?;
            let rest = text.get(start..)?;
            let length = single_quoted_length(rest).or_else(|| double_quoted_length(rest))?;
            Some(line + 1..=line + count_breaks(rest.get(..length)?))
        }
        _ => None,
    }
}

/// How many bytes an anchor takes while a file is read: the parser keeps each by its name.
const ANCHOR: usize = 128;

/// Turns the parser's events into a [`Stream`].
struct Builder<'t, 'd> {
    text: &'t str,
    positions: Positions<'t, 'd>,
    nodes: Vec<Node>,
    roots: Vec<NodeId>,
    texts: Texts,
    tags: Vec<(NodeId, TextNumber)>,
    /// The collections that are open, outermost first.
    open: Vec<Open>,
    /// The node of each of the parser's anchor numbers.
    anchors: HashMap<usize, NodeId>,
    /// Where the last scalar or alias ended: nothing that follows begins before.
    last_end: usize,
}

struct Open {
    node: NodeId,
    /// In a mapping, the key whose value comes next.
    key: Option<NodeId>,
    /// In a list, how many items there are so far.
    items: u32,
}

impl<'t, 'd> Builder<'t, 'd> {
    fn new(text: &'t str, shown: &'d Shown) -> Self {
        Self {
            text,
            positions: Positions::new(text, shown),
            nodes: Vec::new(),
            roots: Vec::new(),
            texts: Texts::default(),
            tags: Vec::new(),
            open: Vec::new(),
            anchors: HashMap::new(),
            last_end: 0,
        }
    }

    fn build(mut self) -> Result<Stream<'t>, Stop> {
        if let Some(at) = self.positions.stray {
            let reason = "U+FEFF (a byte order mark) begins the line, which is part of the text for some readers and \
                          for others not there";
            return Err(syntax_error_at(self.text, at, reason.to_owned()).into());
        }
        let shown = self.positions.shown();
        // A byte order mark is no part of the first document (chapter 5.2); the parser would take
        // it into the first key.
        let body = shown.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&shown);
        let mut parser = Parser::new_from_str(body);
        loop {
            let (event, mark) = parser.next_token().map_err(Stop::Scan)?;
            NODES.check(self.room() as u64).map_err(ParseError::from)?;
            match event {
                Event::StreamEnd => {
                    if self.roots.is_empty() {
                        // Nothing, or nothing but comments, reads as null everywhere.
                        self.scalar(String::new(), TScalarStyle::Plain, 0, None, mark);
                    }
                    break;
                }
                Event::Scalar(value, style, anchor, tag) => {
                    self.scalar(value, style, anchor, tag, mark);
                }
                Event::SequenceStart(anchor, tag) => {
                    self.open(Kind::Sequence, anchor, tag, mark)?;
                }
                Event::MappingStart(anchor, tag) => {
                    self.open(Kind::Mapping, anchor, tag, mark)?;
                }
                Event::SequenceEnd | Event::MappingEnd => self.close(mark),
                Event::Alias(anchor) => self.alias(anchor, mark)?,
                Event::Nothing | Event::StreamStart | Event::DocumentStart | Event::DocumentEnd => {
                }
            }
        }
        self.nodes.shrink_to_fit();
        self.texts.shrink_to_fit();
        self.tags.shrink_to_fit();
        Ok(Stream {
            text: self.text,
            nodes: self.nodes,
            roots: self.roots,
            texts: self.texts,
            tags: self.tags,
            depth: 0,
            wide: OnceLock::new(),
            breaks: OnceLock::new(),
        })
    }

    /// How much room is taken, as so many nodes.
    fn room(&self) -> usize {
        let tags = size_of_val(&*self.tags);
        self.nodes.len() + rooms(self.texts.bytes() + tags + self.anchors.len() * ANCHOR)
    }

    fn scalar(
        &mut self,
        value: String,
        style: TScalarStyle,
        anchor: usize,
        tag: Option<Tag>,
        mark: Marker,
    ) {
        let style = Style::from(style);
        let span = self.span(&value, style, mark);
        if let Some(span) = &span {
            self.last_end = span.end;
        }
        let value = self.without_added_break(value, span.as_ref());
        let raw = span.clone().and_then(|span| self.text.get(span));
        let id = self.add(Kind::Scalar(style), anchor, tag, mark);
        let node = &mut self.nodes[id.number()];
        node.span = span.and_then(Span::of);
        if as_written(raw.unwrap_or_default(), style) != value {
            node.held = self.texts.add(&value).get();
        }
    }

    /// `value`, which is written at `span`. To a block scalar that ends with the file, and without a line break, the
    /// parser adds one; to other readers its last line has none. So it does to one without any line, which has a break
    /// only where it keeps them (`+`, chapter 8.1.1.2).
    fn without_added_break(&self, mut value: String, span: Option<&Range<usize>>) -> String {
        let raw = span.and_then(|span| self.text.get(span.clone()));
        let Some(raw) = raw.filter(|raw| raw.starts_with(['|', '>'])) else {
            return value;
        };
        let ends_file = span.is_some_and(|span| span.end == self.text.len());
        let header = raw
            .split([' ', '\t', '\r', '\n'])
            .next()
            .unwrap_or_default();
        if value.bytes().all(|byte| byte == b'\n') && !header.contains('+') {
            value.clear();
        } else if ends_file
            && raw.contains('\n')
            && !raw.ends_with(['\n', '\r'])
            && value.ends_with('\n')
        {
            value.pop();
        }
        value
    }

    /// Where in the text the scalar stands that the parser has found at `mark`.
    fn span(&mut self, value: &str, style: Style, mark: Marker) -> Option<Range<usize>> {
        match style {
            Style::Plain if value.is_empty() => None,
            Style::Plain | Style::SingleQuoted | Style::DoubleQuoted => {
                let start = self.positions.byte(mark)?;
                let rest = self.text.get(start..)?;
                let length = match style {
                    Style::SingleQuoted => single_quoted_length(rest),
                    Style::DoubleQuoted => double_quoted_length(rest),
                    _ => plain_length(rest, value),
                }?;
                Some(start..start + length)
            }
            Style::Literal | Style::Folded => {
                let has_content = value.contains(|c| c != '\n');
                let indent = has_content.then(|| mark.col());
                let rest = self.text.get(self.last_end..)?;
                let start = self.last_end + block_header(rest)?;
                let length = block_length(self.text.get(start..)?, indent);
                Some(start..start + length)
            }
        }
    }

    fn open(
        &mut self,
        kind: Kind,
        anchor: usize,
        tag: Option<Tag>,
        mark: Marker,
    ) -> Result<(), ParseError> {
        let node = self.add(kind, anchor, tag, mark);
        if self.open.len() >= MAX_DEPTH {
            return Err(ParseError::TooDeep { line: mark.line() });
        }
        self.open.push(Open {
            node,
            key: None,
            items: 0,
        });
        Ok(())
    }

    /// Closes the innermost open collection, which the parser has seen end at `mark`.
    fn close(&mut self, mark: Marker) {
        let Some(Open { node, .. }) = self.open.pop() else {
            return;
        };
        self.nodes[node.number()].held = self.nodes.len() as u32;
        let Some(start) = self.nodes[node.number()].span().map(|span| span.start) else {
            return;
        };
        let bytes = self.text.as_bytes();
        let closing = match bytes.get(start) {
            Some(b'[') => b']',
            _ => b'}',
        };
        let at = self.positions.byte(mark);
        let is_closing = |at: &usize| bytes.get(*at) == Some(&closing);
        // Behind a comma the parser tells where that is.
        let at = at.filter(is_closing).or_else(|| {
            let mut at = self.last_end.max(start + 1);
            let between = |byte: &u8| matches!(byte, b',' | b' ' | b'\t' | b'\r' | b'\n');
            loop {
                at += bytes
                    .get(at..)?
                    .iter()
                    .take_while(|byte| between(byte))
                    .count();
                if bytes.get(at) != Some(&b'#') {
                    break;
                }
                let is_comment = |byte: &&u8| !matches!(byte, b'\r' | b'\n');
                at += bytes.get(at..)?.iter().take_while(is_comment).count();
            }
            Some(at).filter(is_closing)
        });
        if let Some(at) = at {
            self.last_end = at + 1;
        }
        self.nodes[node.number()].span = at.and_then(|at| Span::of(start..at + 1));
    }

    fn alias(&mut self, anchor: usize, mark: Marker) -> Result<(), ParseError> {
        // Anchors end with their document (chapter 3.2.2.2); the parser keeps them.
        let root = self.roots.last().filter(|_| !self.open.is_empty()).copied();
        let target = self
            .anchors
            .get(&anchor)
            .copied()
            .filter(|target| root.is_some_and(|root| *target >= root))
            .ok_or_else(|| ParseError::Syntax {
                line: mark.line(),
                column: self.positions.column(mark) + 1,
                reason: "an alias to an anchor that this document does not have".to_owned(),
            })?;
        let start = self.positions.byte(mark).unwrap_or(self.last_end);
        let word = self
            .text
            .get(start..)
            .and_then(|rest| {
                rest.split([' ', '\t', '\r', '\n', ',', '[', ']', '{', '}'])
                    .next()
            })
            .unwrap_or_default();
        self.last_end = start + word.len();
        let extent = start..self.last_end;
        let id = self.add(Kind::Alias, 0, None, mark);
        let node = &mut self.nodes[id.number()];
        node.span = Span::of(extent);
        node.held = target.number() as u32;
        Ok(())
    }

    /// Hangs a node into the innermost open collection.
    fn add(&mut self, kind: Kind, anchor: usize, tag: Option<Tag>, mark: Marker) -> NodeId {
        let id = NodeId::of(self.nodes.len());
        let parent = self.open.last().map(|open| open.node);
        let role = match self.open.last_mut() {
            None => {
                self.roots.push(id);
                Role::Root
            }
            Some(open) if self.nodes[open.node.number()].kind == Kind::Sequence => {
                let index = open.items;
                open.items += 1;
                Role::Item { index }
            }
            Some(open) => match open.key.take() {
                Some(key) => Role::Value { key },
                None => {
                    open.key = Some(id);
                    Role::Key
                }
            },
        };
        let parent_in_flow = parent.is_some_and(|parent| self.nodes[parent.number()].in_flow);
        let is_collection = matches!(kind, Kind::Sequence | Kind::Mapping);
        if anchor > 0 {
            self.anchors.insert(anchor, id);
        }
        if let Some(Tag { handle, suffix }) = tag {
            self.tags.push((id, self.texts.add(&(handle + &suffix))));
        }
        let start = is_collection.then(|| self.positions.byte(mark)).flatten();
        let bracket = start.filter(|start| {
            let first = self.text.get(*start..).and_then(|rest| rest.chars().next());
            match (kind, first) {
                (Kind::Mapping, Some('{')) => true,
                // A list at the indent of its key begins, to the parser, with what is behind its first dash.
                (Kind::Sequence, Some('[')) => {
                    !matches!(role, Role::Value { .. }) || !is_behind_dash(self.text, *start)
                }
                _ => false,
            }
        });
        let mut node = Node::new(kind, parent, role);
        node.line = mark.line() as u32;
        node.column = self.positions.column(mark) as u32 + 1;
        node.in_flow = parent_in_flow || bracket.is_some();
        node.anchored = anchor > 0;
        node.span = bracket.and_then(|start| Span::of(start..start + 1));
        self.nodes.push(node);
        id
    }
}

impl From<TScalarStyle> for Style {
    fn from(style: TScalarStyle) -> Self {
        match style {
            TScalarStyle::Plain => Self::Plain,
            TScalarStyle::SingleQuoted => Self::SingleQuoted,
            TScalarStyle::DoubleQuoted => Self::DoubleQuoted,
            TScalarStyle::Literal => Self::Literal,
            TScalarStyle::Folded => Self::Folded,
        }
    }
}

/// Whether a dash, on the same line, is all that is right before `at`.
fn is_behind_dash(text: &str, at: usize) -> bool {
    let before = text.get(..at).unwrap_or_default();
    let before = before.trim_end_matches([' ', '\t']).strip_suffix('-');
    before.is_some_and(|before| before.is_empty() || before.ends_with([' ', '\t', '\r', '\n']))
}

fn syntax_error(error: &ScanError, shown: &Shown) -> ParseError {
    let (line, column) = (error.marker().line(), error.marker().col() + 1);
    let shift = if shown.deeper.contains(&line) {
        DEEPER
    } else {
        0
    };
    ParseError::Syntax {
        line,
        column: column.saturating_sub(shift).max(1),
        reason: error.info().to_owned(),
    }
}

/// That `reason` stands at the byte `at`.
fn syntax_error_at(text: &str, at: usize, reason: String) -> ParseError {
    let before = text.get(..at).unwrap_or_default();
    let own = before.rsplit('\n').next().unwrap_or_default();
    ParseError::Syntax {
        line: line_of(text.as_bytes(), at),
        column: own.chars().count() + 1,
        reason,
    }
}

/// The line, from 1, that the byte `at` is on.
fn line_of(bytes: &[u8], at: usize) -> usize {
    1 + bytes.iter().take(at).filter(|byte| **byte == b'\n').count()
}

/// Turns the parser's lines and columns into bytes of the text.
struct Positions<'t, 'd> {
    text: &'t str,
    /// The first byte of each line.
    lines: Vec<u32>,
    shown: &'d Shown,
    /// The lines, from 1, that begin with a byte order mark which the parser is not shown: it may stand
    /// before each document (chapter 5.2), and does where files were put together.
    marked: Vec<usize>,
    /// The first byte order mark that begins a line and stands before no document: Go's reader leaves it out there,
    /// and the parser does not.
    stray: Option<usize>,
    /// The last answer: line, column, byte. Going on from there keeps long lines linear.
    last: (usize, usize, usize),
}

impl<'t, 'd> Positions<'t, 'd> {
    fn new(text: &'t str, shown: &'d Shown) -> Self {
        let first = if text.starts_with(BYTE_ORDER_MARK) {
            BYTE_ORDER_MARK.len_utf8()
        } else {
            0
        };
        let bytes = text.as_bytes();
        // A lone CR ends a line too (chapter 5.4).
        let ends_line = |(index, byte): (usize, &u8)| match byte {
            b'\n' => Some(index + 1),
            b'\r' if bytes.get(index + 1) != Some(&b'\n') => Some(index + 1),
            _ => None,
        };
        let starts = std::iter::once(first).chain(bytes.iter().enumerate().filter_map(ends_line));
        let mut lines: Vec<u32> = starts.map(|start| start as u32).collect();
        let (mut marked, mut stray) = (Vec::new(), None);
        if text
            .get(first..)
            .is_some_and(|rest| rest.contains(BYTE_ORDER_MARK))
        {
            for number in 0..lines.len() {
                let at = lines[number] as usize;
                let Some(rest) = text
                    .get(at..)
                    .and_then(|line| line.strip_prefix(BYTE_ORDER_MARK))
                else {
                    continue;
                };
                let before = number
                    .checked_sub(1)
                    .and_then(|before| text.get(lines[before] as usize..));
                let begins_document = before.is_some()
                    && (rest.starts_with(['#', '%'])
                        || [Some(rest), before]
                            .into_iter()
                            .flatten()
                            .any(|line| line.starts_with("---")));
                match begins_document {
                    true => {
                        marked.push(number + 1);
                        lines[number] += BYTE_ORDER_MARK.len_utf8() as u32;
                    }
                    false => stray = stray.or(Some(at)),
                }
            }
        }
        Self {
            text,
            lines,
            shown,
            marked,
            stray,
            last: (1, 0, first),
        }
    }

    /// The text that the parser is shown.
    fn shown(&self) -> Cow<'t, str> {
        let start = |line: &usize| Some(*self.lines.get(line.checked_sub(1)?)? as usize);
        // What comes before a byte, and how many bytes of the text before it are left out.
        let deeper = self.shown.deeper.iter().filter_map(start);
        let deeper = deeper.map(|at| (at, DEEPER, 0));
        let blanks = self.shown.blanks.iter().map(|at| (at + 1, 1, 1));
        let marked = self.marked.iter().filter_map(start);
        let marked = marked.map(|at| (at, 0, BYTE_ORDER_MARK.len_utf8()));
        let mut changes: Vec<(usize, usize, usize)> = deeper.chain(blanks).chain(marked).collect();
        if changes.is_empty() {
            return Cow::Borrowed(self.text);
        }
        changes.sort_unstable_by_key(|(at, blanks, left_out)| (*at, *blanks, *left_out));
        let mut shown = String::new();
        let mut from = 0;
        for (at, blanks, left_out) in changes {
            shown.push_str(self.text.get(from..at - left_out).unwrap_or_default());
            shown.extend(std::iter::repeat_n(' ', blanks));
            from = at;
        }
        shown.push_str(self.text.get(from..).unwrap_or_default());
        Cow::Owned(shown)
    }

    /// The column of the text that the parser's `mark` means, from 0.
    fn column(&self, mark: Marker) -> usize {
        let shift = if self.shown.deeper.contains(&mark.line()) {
            DEEPER
        } else {
            0
        };
        mark.col().saturating_sub(shift)
    }

    /// The byte at the parser's `mark`, whose lines count from 1 and columns from 0.
    fn byte(&mut self, mark: Marker) -> Option<usize> {
        let (line, column) = (mark.line(), self.column(mark));
        let (from_column, from_byte) = match self.last {
            (last_line, last_column, byte) if last_line == line && last_column <= column => {
                (last_column, byte)
            }
            _ => (0, *self.lines.get(line.checked_sub(1)?)? as usize),
        };
        let rest = self.text.get(from_byte..)?;
        let distance = rest
            .char_indices()
            .map(|(offset, _)| offset)
            .chain(std::iter::once(rest.len()))
            .nth(column - from_column)?;
        self.last = (line, column, from_byte + distance);
        Some(from_byte + distance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::document::Content;

    /// Every scalar that is no key: what it reads as, and the text it takes up.
    fn values(text: &str) -> Vec<(String, String)> {
        let stream = Stream::parse(text.as_bytes()).unwrap();
        stream
            .nodes()
            .filter(|(_, node)| node.role() != Role::Key)
            .filter_map(|(id, _)| {
                let scalar = stream.scalar(id)?;
                let raw = stream.raw(id).unwrap_or("(nowhere)");
                Some((scalar.value.to_string(), raw.to_owned()))
            })
            .collect()
    }

    #[track_caller]
    fn check(text: &str, expected: &[(&str, &str)]) {
        let found = values(text);
        let found: Vec<(&str, &str)> = found
            .iter()
            .map(|(value, raw)| (value.as_str(), raw.as_str()))
            .collect();
        assert_eq!(found, expected, "in {text:?}");
    }

    #[test]
    fn no_character_is_passed_over_by_its_first_byte() {
        for c in '\0'..=char::MAX {
            let text = c.to_string();
            assert!(may_hold(&text, FORBIDDEN) || !is_forbidden(c), "{c:?}");
            assert!(may_hold(&text, FOREIGN) || !is_foreign(c), "{c:?}");
        }
    }

    #[test]
    fn a_tab_behind_a_colon_is_white_space() {
        check("a:\tb\t# c\n", &[("b", "b")]);
        check(
            "é:\n  a: \t 'b'\n  c:\t\t[d,\te]\n",
            &[("b", "'b'"), ("d", "d"), ("e", "e")],
        );
        check(
            "a:\t\"x:\ty\"\nb: 'x:\ty'\n",
            &[("x:\ty", "\"x:\ty\""), ("x:\ty", "'x:\ty'")],
        );
    }

    #[test]
    fn a_byte_order_mark_may_stand_before_each_document() {
        for text in [
            "\u{feff}a: b\n---\n\u{feff}c: d\n",
            "a: b\n\u{feff}---\nc: d\n",
            "\u{feff}a: b\r\n\u{feff}# c\r\n---\r\nc: d\r\n",
        ] {
            check(text, &[("b", "b"), ("d", "d")]);
            let stream = Stream::parse(text.as_bytes()).unwrap();
            let root = stream.roots()[1];
            assert!(stream.get(root, "c").is_some(), "{text:?}");
        }
    }

    #[test]
    fn a_span_is_the_scalar_and_nothing_else() {
        check("a: b", &[("b", "b")]);
        check("a: b # c\n", &[("b", "b")]);
        check("a: b\t# c\n", &[("b", "b")]);
        check("a: 'it''s' # c\n", &[("it's", "'it''s'")]);
        check(r#"a: "q\"\\" # c"#, &[("q\"\\", r#""q\"\\""#)]);
        check("a: &x !!str b\n", &[("b", "b")]);
        check("a: &x\n  b\n", &[("b", "b")]);
        check(
            "{a: b, 'c':d, e: [f,g]}",
            &[("b", "b"), ("d", "d"), ("f", "f"), ("g", "g")],
        );
        check("a:\nb: c", &[("", "(nowhere)"), ("c", "c")]);
    }

    #[test]
    fn positions_are_bytes_whatever_stands_before() {
        check("\u{feff}a: b\n", &[("b", "b")]);
        check("é: ü # ö\r\nb: 'ß'\r\n", &[("ü", "ü"), ("ß", "'ß'")]);
        check("{é: ü, 🦀: x}", &[("ü", "ü"), ("x", "x")]);
        check("a: 1\rb: 2\r", &[("1", "1"), ("2", "2")]);
        // The parser counts the characters of a block scalar's lines in bytes.
        check(
            "a: |\n  ein sehr langer Text: äöüäöüäöüäöüäöü\nb: c\n",
            &[
                (
                    "ein sehr langer Text: äöüäöüäöüäöüäöü\n",
                    "|\n  ein sehr langer Text: äöüäöüäöüäöüäöü",
                ),
                ("c", "c"),
            ],
        );
    }

    #[test]
    fn a_plain_scalar_may_go_over_lines() {
        check("a: b\n  c\n\n  d # e\n", &[("b c\nd", "b\n  c\n\n  d")]);
        check(
            "a: b  c\r\n  d\r\nf: g",
            &[("b  c d", "b  c\r\n  d"), ("g", "g")],
        );
    }

    #[test]
    fn a_block_scalar_goes_from_its_indicator_to_its_last_line() {
        check(
            "a: |\n  b\n\n  c\n\nd: e\n",
            &[("b\n\nc\n", "|\n  b\n\n  c"), ("e", "e")],
        );
        check("a: >- # | c\n  b\n# c\n", &[("b", ">- # | c\n  b")]);
        check(
            "a: # |\n  !t |2+ # >\n   b\n  c\n",
            &[(" b\nc\n", "|2+ # >\n   b\n  c")],
        );
        check("- |\r\n  b\r\n- c", &[("b\n", "|\r\n  b"), ("c", "c")]);
        check(
            "- [a, b]\n- |\n b\n- c",
            &[("a", "a"), ("b", "b"), ("b\n", "|\n b"), ("c", "c")],
        );
        check("--- |\nb\n...\n--- c", &[("b\n", "|\nb"), ("c", "c")]);
        check("a: |-\nb: c", &[("", "|-"), ("c", "c")]);
        check("a: |\n", &[("", "|")]);
        check("a: >\n  \n", &[("", ">")]);
    }

    #[test]
    fn a_large_file_costs_little_more_than_its_text() {
        let text = "a: b\nc: 'd'\ne: \"f\"\ng: 'it''s'\nh: \"\\x41\"\ni: j\n  k\nl: |\n  m\nn:\n";
        let stream = Stream::parse(text.as_bytes()).unwrap();
        let values = stream.nodes().filter(|(_, node)| node.role() != Role::Key);
        let values = values.filter_map(|(id, _)| stream.scalar(id));
        let range = text.as_bytes().as_ptr_range();
        let copied = values.filter(|scalar| !range.contains(&scalar.value.as_ptr()));
        let copied: Vec<&str> = copied.map(|scalar| scalar.value).collect();
        assert_eq!(copied, ["it's", "A", "j k", "m\n", ""]);
        assert_eq!(size_of::<Node>(), 32);
    }

    #[test]
    fn what_takes_more_than_its_node_counts_as_more() {
        let room = |item: &str| {
            let items = format!("- {item}\n").repeat(1_000);
            Stream::parse(items.as_bytes()).unwrap().room()
        };
        assert_eq!(room("a"), 1_001);
        assert_eq!(room("'a'"), 1_001);
        // Its byte, and where that ends.
        assert_eq!(room("\"\\x41\""), 1_001 + 1_000 * 5 / 32);
        assert_eq!(room("!!str a"), 1_001 + 1_000 * (21 + 4 + 8) / 32);
        let anchors: String = (0..1 << 19).map(|n| format!("- &a{n} b\n")).collect();
        let error = Stream::parse(anchors.as_bytes()).unwrap_err();
        assert!(error.to_string().contains("the limit of 2097152 keys"));
    }

    #[test]
    fn what_a_collection_holds_is_told_from_either_end() {
        let stream = Stream::parse(b"a: [b, [c, [d]], {e: f}, g]\nh: {}\ni: [[j]]\n").unwrap();
        let root = &stream.roots()[0];
        for (id, _) in stream.nodes() {
            let forth = Vec::from_iter(stream.items(id));
            let mut back = Vec::from_iter(stream.items(id).rev());
            back.reverse();
            assert_eq!(forth, back);
            for (before, item) in forth.iter().zip(forth.iter().skip(1)) {
                assert_eq!(stream.item_before(*item), Some(*before));
            }
            assert_eq!(
                forth.first().and_then(|first| stream.item_before(*first)),
                None
            );
        }
        let keys = |pairs: &mut dyn Iterator<Item = (NodeId, NodeId)>| {
            let keys = pairs.map(|(key, value)| {
                assert_eq!(stream[value].role(), Role::Value { key });
                stream.value(key).unwrap().to_owned()
            });
            keys.collect::<String>()
        };
        assert_eq!(keys(&mut stream.pairs(*root)), "ahi");
        assert_eq!(keys(&mut stream.pairs(*root).rev()), "iha");
        let list = stream.get(*root, "a").unwrap();
        let mut both = stream.items(list);
        let mut ends = [both.next(), both.next_back(), both.next_back(), both.next()];
        ends.reverse();
        let said = ends.map(|id| stream.source(id.unwrap()).unwrap());
        assert_eq!(said, ["[c, [d]]", "{e: f}", "g", "b"]);
        assert!(both.is_empty() && both.next().is_none() && both.next_back().is_none());
    }

    #[test]
    fn the_first_of_a_key_counts_however_many_there_are() {
        let text: String = (0..200)
            .map(|number| format!("k{}: {number}\n", number % 150))
            .collect();
        let stream = Stream::parse(text.as_bytes()).unwrap();
        let root = stream.roots()[0];
        for number in 0..150 {
            let value = stream.get(root, &format!("k{number}"));
            let value = value.and_then(|value| stream.value(value));
            assert_eq!(value, Some(number.to_string().as_str()));
        }
        assert_eq!(stream.get(root, "k150"), None);
    }

    #[test]
    fn documents_are_told_apart() {
        let text = "%YAML 1.2\n---\na: b\n...\n---\n- c\n---\nd\n";
        let stream = Stream::parse(text.as_bytes()).unwrap();
        assert_eq!(stream.roots().len(), 3);
        let last = *stream.roots().last().unwrap();
        assert_eq!(stream.document(last), 2);
        assert_eq!((stream[last].line(), stream[last].column()), (8, 1));
        assert_eq!(stream.raw(last), Some("d"));
    }

    #[test]
    fn an_alias_knows_its_anchor() {
        let stream = Stream::parse(b"a: &x b\nc: *x\n").unwrap();
        let root = stream.roots()[0];
        let (a, c) = (
            stream.get(root, "a").unwrap(),
            stream.get(root, "c").unwrap(),
        );
        assert!(matches!(stream.content(c), Content::Alias { name: "x", target } if target == a));
        assert!(stream[a].anchored);
        for (text, column) in [("a: &x b\n---\nc: *x\n", 4), ("a: &x b\n---\n*x\n", 1)] {
            let error = Stream::parse(text.as_bytes()).unwrap_err();
            let at = matches!(error, ParseError::Syntax { line: 3, column: c, .. } if c == column);
            assert!(at, "{text:?}: {error}");
        }
    }

    #[test]
    fn nodes_in_brackets_know_it() {
        let stream = Stream::parse(b"a: {b: [c]}\nd:\n- e\n").unwrap();
        let in_flow: Vec<&str> = stream
            .nodes()
            .filter(|(_, node)| node.in_flow)
            .filter_map(|(id, _)| stream.value(id))
            .collect();
        assert_eq!(in_flow, ["b", "c"]);
    }

    #[test]
    fn what_is_too_much_is_an_error_not_a_crash() {
        let deep = "- ".repeat(100_000);
        assert_eq!(
            Stream::parse(deep.as_bytes()).unwrap_err(),
            ParseError::TooDeep { line: 1 }
        );
        for (text, is_refused) in [
            ("a: 1 # x\u{85}image: evil\n", true),
            ("# x\u{2028}image: evil\na: 1\n", true),
            ("a: \"x\u{2029}y\"\n", true),
            ("# x\u{85}# y\u{2028}\na: 1\n", false),
            ("\u{85}# x\na: 1\n", true),
            ("a: |\n  # x\u{85}# y\n", true),
        ] {
            let error = Stream::parse(text.as_bytes()).err();
            assert_eq!(error.is_some(), is_refused, "{text:?}: {error:?}");
        }
        let many = format!("[{}]", "a,".repeat(NODES.most() as usize));
        let long = "x".repeat(1 << 20);
        let tagged = format!("%TAG !e! {long}\n---\n[{}]\n", "!e!a b,".repeat(64));
        for text in [many, tagged] {
            let error = Stream::parse(text.as_bytes()).unwrap_err();
            assert_eq!(
                error.to_string(),
                "there is more than the limit of 2097152 keys, values and lists in one YAML file"
            );
        }
        let large = vec![b' '; MAX_BYTES + 1];
        assert_eq!(
            Stream::parse(&large).unwrap_err(),
            ParseError::TooLarge {
                bytes: MAX_BYTES + 1
            }
        );
        assert_eq!(
            Stream::parse(b"a: b\nc: \xff\n").unwrap_err(),
            ParseError::NotUtf8 { line: 2 }
        );
        assert!(
            Stream::parse(b"a: b\nc: \0\n")
                .unwrap_err()
                .to_string()
                .contains("U+0000")
        );
    }

    #[test]
    fn what_another_reader_refuses_or_leaves_out_is_refused() {
        for (text, place) in [
            ("a: b\nc: x\u{7f}\n", "line 2, column 5: U+007F"),
            ("a: \"\u{7}\"\n", "line 1, column 5: U+0007"),
            ("# \u{1b}[31m\na: b\n", "line 1, column 3: U+001B"),
            ("a: 'é\u{9f}'\n", "line 1, column 6: U+009F"),
            ("a: |\n  \u{fffe}\n", "line 2, column 3: U+FFFE"),
            ("a: b\n\u{feff}c: d\n", "line 2, column 1: U+FEFF"),
            ("\u{feff}\u{feff}a: b\n", "line 1, column 2: U+FEFF"),
            ("%YAML 2.0\n---\na: b\n", "line 1, column 1: a version"),
            (
                "a: b\n...\n%YAML 3.1\n---\nc: d\n",
                "line 3, column 1: a version",
            ),
            ("a: \"\\ud800\"\n", "line 1"),
        ] {
            let error = Stream::parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with(place), "{text:?}: {error}");
            let read = serde_yaml_ng::from_str::<serde_yaml_ng::Value>(text);
            // One that libyaml leaves out is none to our parser.
            let is_left_out = text.contains('\u{feff}');
            assert!(
                read.is_err() || is_left_out || text.contains("..."),
                "{text:?}: {read:?}"
            );
        }
        check("a: b\u{feff}c\n", &[("b\u{feff}c", "b\u{feff}c")]);
        check(
            "a: \"\\x7f\\ufffe\"\n",
            &[("\u{7f}\u{fffe}", "\"\\x7f\\ufffe\"")],
        );
        check("--- |\n%YAML 2.0\n", &[("%YAML 2.0\n", "|\n%YAML 2.0")]);
        check("%YAML 1.1\n---\na: b\n", &[("b", "b")]);
    }

    #[test]
    fn what_goes_on_over_lines_need_not_be_deeper_than_its_key() {
        let text = "a:\n  args: [\n    x,\n  \"y\",\n'z'\n  ]\n  text: 'one\n  two\n\nthree'\n  k: \"ü\nv\" # c\n  last: [{\n  b: 1}, c]\n";
        check(
            text,
            &[
                ("x", "x"),
                ("y", "\"y\""),
                ("z", "'z'"),
                ("one two\nthree", "'one\n  two\n\nthree'"),
                ("ü v", "\"ü\nv\""),
                ("1", "1"),
                ("c", "c"),
            ],
        );
        let stream = Stream::parse(text.as_bytes()).unwrap();
        let z = stream
            .nodes()
            .find(|(id, _)| stream.value(*id) == Some("z"))
            .unwrap();
        assert_eq!((z.1.line(), z.1.column()), (5, 1));
    }

    #[test]
    fn invalid_yaml_is_an_error_with_line_and_column() {
        let error = Stream::parse(b"a: b\nc: d: e\n").unwrap_err();
        assert!(
            matches!(
                error,
                ParseError::Syntax {
                    line: 2,
                    column: 5,
                    ..
                }
            ),
            "{error}"
        );
    }
}
