//! From an edit to the bytes that it changes.

use std::cmp::Reverse;
use std::ops::Range;

use super::change::{Edit, EditError, NewValue};
use super::document::{Content, NodeId, Role, Stream, Style};
use super::expected::{Added, Expected, needs_quotes};
use super::extent::{
    self, begins_line, behind_break, behind_entry, behind_indicator, behind_inner_comments,
    behind_properties, dash, end, end as end_of, ends_line, key_start, line_end, line_start, start,
};
use super::footprint::Footprint;
use super::{json, layout, scalar};

/// Text that takes the place of a range of bytes.
#[derive(Debug)]
pub(super) struct Replacement {
    pub span: Range<usize>,
    pub text: String,
    /// How many collections are around it. At one place, what is deeper comes first.
    pub depth: usize,
}

/// What edits do to the bytes of a file, and what it may say then.
pub(super) struct Splices<'s, 't> {
    stream: &'s Stream<'t>,
    /// Which documents are JSON.
    json: Vec<bool>,
    pub replacements: Vec<Replacement>,
    /// How deep the node is that is worked on.
    depth: usize,
    /// Lines that are deleted, their breaks excluded.
    lines: Vec<Range<usize>>,
    pub expected: Expected,
    pub footprint: Footprint,
}

impl<'s, 't> Splices<'s, 't> {
    pub fn new(stream: &'s Stream<'t>) -> Self {
        let roots = stream.roots().iter();
        Self {
            stream,
            json: roots.map(|root| json::is_json(stream, *root)).collect(),
            replacements: Vec::new(),
            depth: 0,
            lines: Vec::new(),
            expected: Expected::default(),
            footprint: Footprint::default(),
        }
    }

    /// Adds what all of `edits` do, but for those inside of texts.
    pub fn add(&mut self, edits: &[Edit]) -> Result<(), EditError> {
        let removed = edits.iter().filter_map(|edit| match edit {
            Edit::Remove { node } => Some(*node),
            _ => None,
        });
        self.expected.removed.extend(removed);
        for edit in edits {
            match edit {
                Edit::Set { node, value } => self.set(*node, value)?,
                Edit::Add {
                    mapping,
                    after,
                    key,
                    value,
                } => {
                    let value = self.effective(*mapping, value)?;
                    let added = Added::Pair(key.clone(), value);
                    self.put_in(*mapping, Behind::of(*after), added)?;
                }
                Edit::Append { list, value } => {
                    let value = self.effective(*list, value)?;
                    self.put_in(*list, Behind::Last, Added::Item(value))?;
                }
                Edit::Insert {
                    collection,
                    after,
                    text,
                } => {
                    let behind = after.map_or(Behind::Nothing, Behind::Entry);
                    self.put_in(*collection, behind, Added::Source(text.clone()))?;
                }
                Edit::Remove { .. } | Edit::Inside { .. } => {}
            }
        }
        self.remove()
    }

    /// The replacements in the order of the text. No two touch the same bytes.
    pub fn finish(mut self) -> Result<(Vec<Replacement>, Expected, Footprint), EditError> {
        let text = self.stream.text();
        self.lines.sort_by_key(|lines| lines.start);
        let mut runs: Vec<Range<usize>> = Vec::new();
        for lines in std::mem::take(&mut self.lines) {
            match runs.last_mut() {
                Some(run) if lines.start <= behind_break(text, run.end) => {
                    run.end = run.end.max(lines.end);
                }
                _ => runs.push(lines),
            }
        }
        for run in runs {
            // With the break before them, so that the last line stays as it ends; but the first lines
            // have none.
            let before = text.get(..run.start).unwrap_or_default();
            let trimmed = before.strip_suffix('\n').unwrap_or(before);
            let trimmed = trimmed.strip_suffix('\r').unwrap_or(trimmed);
            // To a text in lines the break before them may belong.
            let is_kept = run.end == text.len() && self.ends_in_lines(run.start);
            let span = match trimmed.len() < before.len() && !is_kept {
                true => trimmed.len()..run.end,
                false => run.start..behind_break(text, run.end),
            };
            self.replace(span, String::new());
        }
        // Stable: what is put in at one place stands in the order it was asked for, but the lines inside of
        // something end before those behind it begin.
        self.replacements.sort_by_key(|replacement| {
            let Range { start, end } = replacement.span;
            (start, end, Reverse(replacement.depth))
        });
        for pair in self.replacements.windows(2) {
            if let [one, other] = pair
                && one.span.end > other.span.start
            {
                let line = self.line(other.span.start);
                return Err(EditError::Overlap { line });
            }
        }
        Ok((self.replacements, self.expected, self.footprint))
    }

    /// Whether what stands before `at` is a block scalar of whose value the line break behind it is a part.
    fn ends_in_lines(&self, at: usize) -> bool {
        let before = self.stream.nodes().filter_map(|(id, node)| {
            let span = node.span()?;
            (span.start < at).then_some((id, span))
        });
        let last = before.max_by_key(|(_, span)| span.start);
        last.is_some_and(|(id, span)| {
            let raw = self.stream.text().get(span.clone()).unwrap_or_default();
            let header = raw.split([' ', '\t', '\r', '\n']).next();
            let is_block = matches!(self.stream.content(id), Content::Scalar(scalar) if
                matches!(scalar.style, Style::Literal | Style::Folded));
            is_block && header.is_some_and(|header| !header.contains('-'))
        })
    }

    fn line(&self, at: usize) -> usize {
        let before = self.stream.text().get(..at).unwrap_or_default();
        1 + before.matches('\n').count()
    }

    fn replace(&mut self, span: Range<usize>, text: String) {
        let depth = self.depth;
        self.replacements.push(Replacement { span, text, depth });
    }

    fn is_json(&self, node: NodeId) -> bool {
        let document = self.stream.document(node);
        self.json.get(document).is_some_and(|is_json| *is_json)
    }

    /// What `value` is in the document of `node`.
    fn effective(&self, node: NodeId, value: &NewValue) -> Result<NewValue, EditError> {
        if !self.is_json(node) {
            return Ok(value.clone());
        }
        let line = self.stream[node].line();
        json::value(value).ok_or(EditError::NoJson { line })
    }

    /// Makes `value` of the node `id`.
    fn set(&mut self, id: NodeId, value: &NewValue) -> Result<(), EditError> {
        self.depth = self.stream.ancestors(id).count();
        let value = self.effective(id, value)?;
        self.footprint.rewrites(self.stream, id);
        let node = &self.stream[id];
        if let (NewValue::Text(text) | NewValue::Plain(text), Some(tag)) =
            (&value, self.stream.tag(id))
            && !value.fits(Some(tag))
        {
            let own = tag.strip_prefix(scalar::YAML);
            return Err(EditError::Tagged {
                line: node.line(),
                tag: own.map_or(tag.to_owned(), |own| format!("!!{own}")),
                value: text.clone(),
            });
        }
        // What was in lines once may be so again, where only brackets of its own keep it from that.
        let is_in_brackets = match value {
            NewValue::Source(_) => node
                .parent
                .is_some_and(|parent| self.stream[parent].in_flow),
            _ => node.in_flow,
        };
        let is_block = layout::is_block(&value) && !is_in_brackets && !self.is_json(id);
        match self.stream.content(id) {
            _ if extent::is_absent_root(self.stream, id) => self.begin(id, &value),
            _ if is_block => self.set_block(id, &value)?,
            Content::Scalar(scalar) if scalar.value.is_empty() && scalar.style == Style::Plain => {
                self.fill(id, &value)?;
            }
            Content::Scalar(_) => self.set_scalar(id, &value)?,
            Content::Mapping(_) | Content::Sequence(_) if !node.in_flow => {
                self.set_block(id, &value)?;
            }
            _ => {
                let inseparable = EditError::Inseparable { line: node.line() };
                let span = node.span().ok_or(inseparable)?;
                let text = layout::inline(&value, true, self.is_json(id));
                self.replace(span, text);
            }
        }
        self.expected.values.insert(id, value);
        Ok(())
    }

    /// Another text in the place of a scalar, and the guard before it.
    fn set_scalar(&mut self, id: NodeId, value: &NewValue) -> Result<(), EditError> {
        let node = &self.stream[id];
        let Content::Scalar(old) = self.stream.content(id) else {
            return Err(EditError::Inseparable { line: node.line() });
        };
        let misplaced = || EditError::Misplaced {
            line: node.line(),
            value: old.value.to_string(),
        };
        let span = node.span().ok_or_else(misplaced)?;
        let raw = self.stream.text().get(span.clone()).ok_or_else(misplaced)?;
        if !scalar::reads_as(raw, old.style, old.value) {
            return Err(misplaced());
        }
        let text = match value {
            NewValue::Text(value) if *value == old.value && !needs_quotes(&old) => raw.to_owned(),
            NewValue::Text(value) if !self.is_json(id) => scalar::write(
                value,
                scalar::Slot {
                    style: old.style,
                    raw,
                    value: old.value,
                    in_flow: node.in_flow,
                    line_break: line_break(self.stream.text()),
                },
            ),
            value => layout::inline(value, node.in_flow, self.is_json(id)),
        };
        self.replace(span, text);
        Ok(())
    }

    /// The first lines of a document that has none: behind its comments, before what ends it.
    fn begin(&mut self, id: NodeId, value: &NewValue) {
        let text = self.stream.text();
        let at = extent::byte_at(text, &self.stream[id]).unwrap_or(text.len());
        let line_break = line_break(text);
        let lines = match layout::is_block(value) {
            true => layout::Layout::of(self.stream).value(value, true),
            false => vec![layout::inline(value, false, false)],
        };
        let lines = lines.join(line_break);
        let written = match at == line_start(text, at) {
            true => format!("{lines}{line_break}"),
            false => format!("{line_break}{lines}"),
        };
        self.replace(at..at, written);
    }

    /// `key:`, or the dash of an item, without a value: the new one goes behind it.
    fn fill(&mut self, id: NodeId, value: &NewValue) -> Result<(), EditError> {
        let node = &self.stream[id];
        let empty = EditError::Empty { line: node.line() };
        if node.anchored || self.stream.tag(id).is_some() {
            return Err(empty);
        }
        let at = behind_indicator(self.stream, id).ok_or(empty)?;
        let text = layout::inline(value, node.in_flow, self.is_json(id));
        self.replace(at..at, format!(" {text}"));
        Ok(())
    }

    /// Makes `value` of something, where one of the two takes up lines: what is behind the key stays
    /// there, and comments around the lines stay.
    fn set_block(&mut self, id: NodeId, value: &NewValue) -> Result<(), EditError> {
        let (stream, text) = (self.stream, self.stream.text());
        let node = &stream[id];
        let inseparable = || EditError::Inseparable { line: node.line() };
        let old_end = end(stream, id).ok_or_else(inseparable)?;
        let is_lines = !node.in_flow
            && matches!(
                stream.content(id),
                Content::Mapping(_) | Content::Sequence(_)
            );
        let old_start = match stream.is_null(id) {
            true => start(stream, id).unwrap_or(old_end),
            false => start(stream, id).ok_or_else(inseparable)?,
        };
        let behind_key = match node.role() {
            Role::Root => old_start,
            _ => {
                let behind = behind_indicator(stream, id).ok_or_else(inseparable)?;
                behind_properties(stream, id, behind).ok_or_else(inseparable)?
            }
        };
        let own_lines = is_lines && line_end(text, behind_key) < old_start;
        if is_lines && !own_lines && !ends_line(text, old_end) {
            return Err(inseparable());
        }
        let column = match node.role() {
            Role::Value { key } => stream[key].column().saturating_sub(1),
            Role::Item { .. } => dash(stream, id).map_or(0, |dash| self.column(dash)),
            _ => 0,
        };
        let line_break = line_break(text);
        let layout = layout::Layout::of(stream);
        let lines = match layout::is_block(value) {
            true => layout.value(value, matches!(node.role(), Role::Root | Role::Item { .. })),
            false => Vec::new(),
        };
        if lines.is_empty() {
            let inline = layout::inline(value, node.in_flow, false);
            if own_lines {
                let blank = if inline.is_empty() { "" } else { " " };
                self.replace(behind_key..behind_key, format!("{blank}{inline}"));
                self.lines
                    .push(line_start(text, old_start)..line_end(text, old_end));
            } else {
                let is_bare = node.role() == Role::Root || inline.is_empty();
                let blank = if is_bare { "" } else { " " };
                self.replace(behind_key..old_end, format!("{blank}{inline}"));
            }
            return Ok(());
        }
        let indented = |column: usize, lines: &[String]| {
            let indent = " ".repeat(column);
            let lines = lines.iter().map(|line| match line.is_empty() {
                true => String::new(),
                false => format!("{indent}{line}"),
            });
            lines.collect::<Vec<_>>().join(line_break)
        };
        match node.role() {
            Role::Root => self.replace(old_start..old_end, indented(0, &lines)),
            Role::Item { .. } => {
                let lines = indented(column + 2, &lines);
                let lines = format!(" {}", lines.trim_start());
                if own_lines {
                    self.replace(behind_key..behind_key, lines);
                    self.lines
                        .push(line_start(text, old_start)..line_end(text, old_end));
                } else {
                    self.replace(behind_key..old_end, lines);
                }
            }
            _ if own_lines => {
                let from = line_start(text, old_start);
                self.replace(from..line_end(text, old_end), indented(column, &lines));
            }
            _ => {
                // A comment behind the value stays on the line of the key.
                self.replace(behind_key..old_end.max(behind_key), String::new());
                let at = line_end(text, old_end.max(behind_key));
                self.replace(at..at, format!("{line_break}{}", indented(column, &lines)));
            }
        }
        Ok(())
    }

    /// How far to the right `at` is in its line, in characters.
    fn column(&self, at: usize) -> usize {
        extent::column(self.stream.text(), at)
    }

    /// Puts something new into a collection.
    fn put_in(
        &mut self,
        collection: NodeId,
        behind: Behind,
        added: Added,
    ) -> Result<(), EditError> {
        let stream = self.stream;
        self.depth = stream.ancestors(collection).count();
        // Nothing new leans on what goes, unless all of it does.
        let mut entries = entries(stream, collection);
        let is_kept = |entry: &Entry| !self.expected.removed.contains(&entry.value);
        if entries.iter().any(is_kept) {
            entries.retain(is_kept);
        }
        let is_pair = match (stream.content(collection), &added) {
            (Content::Mapping(_), Added::Pair(..) | Added::Source(_)) => true,
            (Content::Sequence(_), Added::Item(_) | Added::Source(_)) => false,
            (_, added) => {
                let is_pair = matches!(added, Added::Pair(..));
                return Err(no_place(stream, collection, is_pair));
            }
        };
        let follows = if stream[collection].in_flow {
            self.put_in_brackets(collection, &entries, behind, &added)
        } else {
            self.put_in_lines(&entries, behind, &added)
        };
        let follows = follows.ok_or_else(|| no_place(stream, collection, is_pair))?;
        if let Some(at) = self.replacements.last().map(|new| new.span.start) {
            let entry = match (follows, entries.first()) {
                (Some(follows), _) => entries.iter().find(|entry| entry.first() == follows),
                (None, first) => first,
            };
            let entry = entry.map(|entry| (entry.first(), entry.value));
            self.footprint.places(stream, collection, entry, at);
            let text = stream.text();
            if at == text.len() && !text.ends_with(['\n', '\r']) && self.ends_in_lines(at) {
                let line = self.line(at);
                return Err(EditError::OpenEnd { line });
            }
        }
        let added_here = self.expected.added.entry(collection).or_default();
        added_here.push((follows, added));
        Ok(())
    }

    /// A line, or some, for what is new. Gives the key or item that they follow.
    fn put_in_lines(
        &mut self,
        entries: &[Entry],
        behind: Behind,
        added: &Added,
    ) -> Option<Option<NodeId>> {
        let (stream, text) = (self.stream, self.stream.text());
        let layout = layout::Layout::of(stream);
        let lines = match added {
            Added::Pair(key, value) => layout.pair(key, value),
            Added::Item(value) => layout.item(value),
            Added::Source(source) => source.lines().map(str::to_owned).collect(),
        };
        let break_and_indent = |entry: &Entry| {
            let column = self.column(entry.start(stream)?);
            Some((line_break(text), " ".repeat(column)))
        };
        let joined = |(line_break, indent): (&str, String)| {
            let lines = lines.iter().map(|line| match line.is_empty() {
                true => line_break.to_owned(),
                false => format!("{line_break}{indent}{line}"),
            });
            lines.collect::<String>()
        };
        if behind == Behind::Nothing {
            let first = entries.first()?;
            let start = first.start(stream)?;
            let (line_break, indent) = break_and_indent(first)?;
            let lines = joined((line_break, indent.clone()));
            let lines = lines.trim_start_matches(['\r', '\n', ' ']);
            self.replace(start..start, format!("{lines}{line_break}{indent}"));
            return Some(None);
        }
        let last = entries.iter().rev();
        let wanted = last.clone().filter(|entry| behind.is(entry));
        let (entry, at) = wanted.chain(last).find_map(|entry| {
            let behind = behind_entry(stream, entry.value, entry.start(stream)?);
            Some((entry, behind?))
        })?;
        let lines = joined(break_and_indent(entry)?);
        self.replace(at..at, lines);
        Some(Some(entry.first()))
    }

    /// `, key: value` before a closing bracket, in lines where the others are.
    fn put_in_brackets(
        &mut self,
        collection: NodeId,
        entries: &[Entry],
        behind: Behind,
        added: &Added,
    ) -> Option<Option<NodeId>> {
        let (stream, text) = (self.stream, self.stream.text());
        let is_json = self.is_json(collection);
        let extent = stream[collection].span()?;
        let colon = entries.last().and_then(|entry| entry.colon(stream));
        let colon = colon.unwrap_or(": ");
        let written = match added {
            Added::Pair(key, value) => {
                // Behind a plain key a colon ends nothing without a blank.
                let is_quoted = is_json || colon == ":" || !scalar::is_plain_string(key, true);
                let key = match is_quoted {
                    true => scalar::double_quoted(key),
                    false => key.clone(),
                };
                format!("{key}{colon}{}", layout::inline(value, true, is_json))
            }
            Added::Item(value) => layout::inline(value, true, is_json),
            Added::Source(source) => {
                let inside = source.get(1..source.len().checked_sub(1)?)?;
                inside.trim().to_owned()
            }
        };
        let Some(last) = entries.last() else {
            // What is new already, in the same brackets, stands before it.
            let is_first = !self.expected.added.contains_key(&collection);
            let separator = if is_first { "" } else { ", " };
            let at = extent.start + 1;
            if is_first {
                self.replace(at..extent.end - 1, format!("{separator}{written}"));
            } else {
                let at = extent.end - 1;
                self.replace(at..at, format!("{separator}{written}"));
            }
            return Some(None);
        };
        let between = |one: &Entry, other: &Entry| {
            let between = text.get(end(stream, one.value)?..other.start(stream)?)?;
            let is_plain = between.trim_matches(['\n', '\r', ' ', '\t']) == ",";
            is_plain.then(|| between.to_owned())
        };
        let separator = match entries {
            [.., one, other] => between(one, other),
            _ => None,
        };
        let separator = separator.unwrap_or_else(|| {
            let start = last.start(stream).unwrap_or(extent.start);
            match (begins_line(text, start), colon) {
                (true, _) if start > line_end(text, extent.start) => {
                    let indent = text.get(line_start(text, start)..start);
                    format!(",{}{}", line_break(text), indent.unwrap_or_default())
                }
                (_, ":") => ",".to_owned(),
                _ => ", ".to_owned(),
            }
        });
        if behind == Behind::Nothing {
            let start = entries.first()?.start(stream)?;
            self.replace(start..start, format!("{written}{separator}"));
            return Some(None);
        }
        let entry = entries.iter().rev().find(|entry| behind.is(entry));
        let entry = entry.unwrap_or(last);
        let at = end(stream, entry.value)?;
        let blank = separator.strip_prefix(',').unwrap_or(&separator);
        let behind_comma = comma(text, at).map(|comma| comma + 1);
        let behind_comma = behind_comma.filter(|end| ends_line(text, *end));
        if let (true, Some(end)) = (blank.contains('\n'), behind_comma) {
            // What is behind the comma stays with the value before it.
            let line_end = line_end(text, end);
            self.replace(line_end..line_end, format!("{blank}{written},"));
        } else if blank.contains('\n') && ends_line(text, at) && line_end(text, at) > at {
            // A comment behind the value stays behind it.
            let line_end = line_end(text, at);
            self.replace(at..at, ",".to_owned());
            self.replace(line_end..line_end, format!("{blank}{written}"));
        } else {
            self.replace(at..at, format!("{separator}{written}"));
        }
        Some(Some(entry.first()))
    }

    /// Removes what is to be removed, collection by collection.
    fn remove(&mut self) -> Result<(), EditError> {
        let stream = self.stream;
        let removed: Vec<NodeId> = self.expected.removed.iter().copied().collect();
        let mut collections: Vec<NodeId> = Vec::new();
        for node in removed {
            let line = stream[node].line();
            let parent = stream[node].parent.ok_or(EditError::Inseparable { line })?;
            collections.push(parent);
        }
        collections.sort_unstable();
        collections.dedup();
        for collection in collections {
            let entries = entries(stream, collection);
            let is_kept = |entry: &Entry| !self.expected.removed.contains(&entry.value);
            let last_kept = entries.iter().rposition(is_kept);
            let has_more = self.expected.added.contains_key(&collection);
            let Some(last_kept) = last_kept.or(has_more.then_some(0)) else {
                // Nothing is left in it, and it stays what it is.
                for entry in &entries {
                    self.expected.removed.remove(&entry.value);
                }
                let is_list = matches!(stream.content(collection), Content::Sequence(_));
                let empty = if is_list { "[]" } else { "{}" };
                let value = NewValue::Source(empty.to_owned());
                self.set(collection, &value)?;
                // As it was asked for, in JSON too.
                continue;
            };
            let gone: Vec<(usize, &Entry)> = entries
                .iter()
                .enumerate()
                .filter(|(_, entry)| !is_kept(entry))
                .collect();
            for (index, entry) in gone {
                let line = stream[entry.first()].line();
                self.footprint.rewrites(stream, entry.value);
                let done = match stream[collection].in_flow {
                    true => self.remove_in_brackets(&entries, index, last_kept),
                    false => self.remove_lines(entry),
                };
                done.ok_or(EditError::Inseparable { line })?;
            }
        }
        Ok(())
    }

    /// Removes a pair or an item with its lines.
    fn remove_lines(&mut self, entry: &Entry) -> Option<()> {
        let (stream, text) = (self.stream, self.stream.text());
        let start = entry.start(stream)?;
        let end = end(stream, entry.value)?;
        if !ends_line(text, end) {
            return None;
        }
        let mut end = behind_inner_comments(text, line_end(text, end), self.column(start));
        if begins_line(text, start) {
            if self.is_behind_kept_lines(entry) {
                // Blank lines behind it would become that text's own.
                let rest = text.get(end..)?;
                let blank = rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
                let blank = rest.get(..blank)?;
                let blank = blank.trim_end_matches([' ', '\t']);
                let lines = blank.strip_suffix('\n').unwrap_or(blank);
                end += lines.strip_suffix('\r').unwrap_or(lines).len();
            }
            self.lines.push(line_start(text, start)..end);
        } else {
            // The first one of an item, on the line of the dash: what follows moves up to it.
            let rest = text.get(end..)?;
            let blank = rest.len() - rest.trim_start_matches([' ', '\r', '\n']).len();
            self.replace(start..end + blank, String::new());
        }
        Some(())
    }

    /// Whether the text before an entry is a block scalar that keeps the blank lines behind it (`|+`).
    fn is_behind_kept_lines(&self, entry: &Entry) -> bool {
        let before = self.stream.nodes().take(entry.first().number());
        let scalars = before.filter(|(id, _)| self.stream.scalar(*id).is_some());
        let last = scalars.last().and_then(|(id, _)| self.stream.raw(id));
        last.is_some_and(|raw| {
            let header = raw.split([' ', '\t', '\r', '\n']).next().unwrap_or(raw);
            header.starts_with(['|', '>']) && header.contains('+')
        })
    }

    /// Removes a pair or an item, and the one comma that goes with it.
    fn remove_in_brackets(
        &mut self,
        entries: &[Entry],
        index: usize,
        last_kept: usize,
    ) -> Option<()> {
        let (stream, text) = (self.stream, self.stream.text());
        let entry = entries.get(index)?;
        let start = entry.start(stream)?;
        let end = end(stream, entry.value)?;
        let is_first_line = line_start(text, start) == 0;
        let in_lines = |end| !is_first_line && begins_line(text, start) && ends_line(text, end);
        // In a line of its own it goes with its own comma, where the last one has one, too.
        let is_closed = comma(text, end_of(stream, entries.last()?.value)?).is_some();
        let own_comma = comma(text, end).map(|at| at + 1);
        let has_own = is_closed && own_comma.is_some_and(in_lines);
        let is_last = index > last_kept && !has_own;
        let end = match is_last {
            true => end,
            false => own_comma?,
        };
        let own_lines = in_lines(end);
        if own_lines {
            self.lines
                .push(line_start(text, start)..line_end(text, end));
        }
        if is_last {
            let before = self::end_of(stream, entries.get(index.checked_sub(1)?)?.value)?;
            let comma = comma(text, before)?;
            match own_lines {
                true => self.replace(comma..comma + 1, String::new()),
                false => self.replace(comma..end, String::new()),
            }
        } else if !own_lines {
            let rest = text.get(end..)?;
            let blank = rest.len() - rest.trim_start_matches([' ', '\t']).len();
            self.replace(start..end + blank, String::new());
        }
        Some(())
    }
}

/// The comma that is the next thing from `from` on.
fn comma(text: &str, from: usize) -> Option<usize> {
    let rest = text.get(from..)?;
    let blank = rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
    rest.get(blank..)?.starts_with(',').then_some(from + blank)
}

/// Behind which key or item something new goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Behind {
    Nothing,
    Entry(NodeId),
    Last,
}

impl Behind {
    fn of(after: Option<NodeId>) -> Self {
        after.map_or(Self::Last, Self::Entry)
    }

    fn is(self, entry: &Entry) -> bool {
        match self {
            Self::Entry(node) => node == entry.first() || node == entry.value,
            Self::Nothing | Self::Last => false,
        }
    }
}

/// A pair of a mapping, or an item of a list.
struct Entry {
    key: Option<NodeId>,
    value: NodeId,
}

impl Entry {
    /// What comes first in the text.
    fn first(&self) -> NodeId {
        self.key.unwrap_or(self.value)
    }

    /// Where it begins: its key, its dash, or in brackets itself.
    fn start(&self, stream: &Stream<'_>) -> Option<usize> {
        let node = &stream[self.value];
        match self.key {
            Some(key) => key_start(stream, key, self.value),
            None if !stream[node.parent?].in_flow => dash(stream, self.value),
            None if node.anchored || stream.tag(self.value).is_some() => None,
            None => start(stream, self.value),
        }
    }

    /// What stands between key and value.
    fn colon<'t>(&self, stream: &Stream<'t>) -> Option<&'t str> {
        let start = start(stream, self.value)?;
        let between = stream.text().get(end(stream, self.key?)?..start)?;
        matches!(between, ":" | ": " | " : " | " :").then_some(between)
    }
}

/// The pairs or items of `collection`.
fn entries(stream: &Stream<'_>, collection: NodeId) -> Vec<Entry> {
    let pairs = stream.pairs(collection).map(|(key, value)| Entry {
        key: Some(key),
        value,
    });
    let items = stream.items(collection).map(|item| Entry {
        key: None,
        value: item,
    });
    pairs.chain(items).collect()
}

fn no_place(stream: &Stream<'_>, collection: NodeId, is_pair: bool) -> EditError {
    let (what, collection_name) = match is_pair {
        true => ("key", "mapping"),
        false => ("item", "list"),
    };
    EditError::NoPlace {
        line: stream[collection].line(),
        what,
        collection: collection_name,
    }
}

/// The line break of the file's first line.
pub(super) fn line_break(text: &str) -> &'static str {
    match text.find('\n') {
        Some(at) if text.get(..at).is_some_and(|line| line.ends_with('\r')) => "\r\n",
        _ => "\n",
    }
}
