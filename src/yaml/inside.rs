//! YAML inside of YAML: a literal block scalar (`|`) whose text is a document of its own, such as
//! Argo CD's `helm.values`, a `values.yaml` in a ConfigMap, or a patch of Kustomize.
//!
//! The text is read, edited and checked as any other file. What an edit does to its bytes is then done
//! to the bytes of the file around it, behind the indentation of the block. A folded scalar (`>`) has
//! other line breaks than its text, and is none.
//!
//! ```
//! use gitops_deploy::yaml::{Edit, NewValue, Stream, edit, path::Path};
//!
//! let file = b"values: |  # ours\n    image:\n      tag: v1\n";
//! let stream = Stream::parse(file)?;
//! let node = stream.get(stream.roots()[0], "values").ok_or("no values")?;
//! let inside = stream.inside(node).ok_or("no document")?;
//! let tag: Path = ".image.tag".parse()?;
//! let tag = tag.find(&inside.stream, inside.stream.roots()[0]).map_err(|_| "no tag")?;
//! assert_eq!(inside.line(inside.stream[tag].line()), 3);
//!
//! let value = NewValue::Text("v2".to_owned());
//! let edits = vec![Edit::Set { node: tag, value }];
//! let after = edit::apply(&stream, &[Edit::Inside { node, edits }])?;
//! assert_eq!(after, b"values: |  # ours\n    image:\n      tag: v2\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use super::document::{Content, Kind, NodeId, Stream, Style};
use super::scalar;
use super::splices::{Replacement, line_break};

/// How deep texts that are documents are looked for in one another: a ConfigMap in an `Application` that is
/// in a list of parameters has three.
const MAX_TEXTS: usize = 4;

/// A text that is a document of its own, or several.
pub struct Inside<'s> {
    /// What it reads as.
    pub stream: Stream<'s>,
    /// The file's line that its first line is.
    first_line: usize,
    /// The block's indentation.
    indent: String,
    line_break: &'static str,
    /// Where each of its lines begins, in the text and in the file.
    lines: Vec<(usize, usize)>,
    /// Where it ends in the file.
    end: usize,
    /// How many collections are around it, itself included.
    depth: usize,
}

impl Stream<'_> {
    /// The document that the scalar `node` is: a literal block scalar whose text is a mapping or a list.
    pub fn inside(&self, node: NodeId) -> Option<Inside<'_>> {
        if self[node].kind != Kind::Scalar(Style::Literal) || self.depth >= MAX_TEXTS {
            return None;
        }
        let text = self.value(node)?;
        // Prose is no document: most of it has no line that could be a key or an item.
        if !(text.contains(':') || text.contains("- ") || text.contains('[')) {
            return None;
        }
        let span = self[node].span()?;
        let raw = self.text().get(span.clone())?;
        let indent = scalar::block_indent(raw, text)?;
        let lines = lines(raw, text, span.start, indent)?;
        let mut stream = Stream::parse(text.as_bytes()).ok()?;
        stream.depth = self.depth + 1;
        // A document with nothing in it is one as well, as behind a `---` at the end.
        let is_collection = |root: &NodeId| {
            let content = stream.content(*root);
            matches!(content, Content::Mapping(_) | Content::Sequence(_))
        };
        let mut roots = stream.roots().iter();
        let is_document = |root: &NodeId| is_collection(root) || stream.is_null(*root);
        if !roots.clone().any(is_collection) || !roots.all(is_document) {
            return None;
        }
        Some(Inside {
            stream,
            first_line: self.breaks_before(span.start) + 2,
            indent: " ".repeat(indent),
            line_break: line_break(self.text()),
            lines,
            end: span.end,
            depth: self.ancestors(node).count(),
        })
    }

    /// The documents inside of this one, with the scalars that they are, in the order of the text.
    pub fn insides(&self) -> impl Iterator<Item = (NodeId, Inside<'_>)> {
        let nodes = self.nodes();
        nodes.filter_map(|(id, _)| Some((id, self.inside(id)?)))
    }
}

/// Where each line of the block scalar `value` begins in it, and in the file in which it is written as
/// `raw` from the byte `start` on. None where the two are not the same, line by line.
fn lines(raw: &str, value: &str, start: usize, indent: usize) -> Option<Vec<(usize, usize)>> {
    let mut lines = Vec::new();
    let mut read = value.split('\n');
    let (mut at, mut inner) = (start, 0);
    for (number, line) in raw.split('\n').enumerate() {
        if number > 0 {
            let content = line.strip_suffix('\r').unwrap_or(line);
            let blank = content.len() - content.trim_start_matches(' ').len();
            let blank = blank.min(indent);
            let content = content.get(blank..)?;
            if (blank < indent && !content.is_empty()) || read.next()? != content {
                return None;
            }
            lines.push((inner, at + blank));
            inner += content.len() + 1;
        }
        at += line.len() + 1;
    }
    // What is left are the line breaks at the end, which the block's last lines are.
    read.all(str::is_empty).then_some(lines)
}

impl Inside<'_> {
    /// How many blanks are before each of its lines.
    pub fn indent(&self) -> usize {
        self.indent.len()
    }

    /// The file's line that the text's line `line` is, both from 1.
    pub fn line(&self, line: usize) -> usize {
        self.first_line + line - 1
    }

    /// What replaces bytes of the text, as it replaces bytes of the file.
    pub(super) fn outside(&self, replacement: Replacement) -> Replacement {
        let Replacement { span, text, depth } = replacement;
        let mut written = String::new();
        for (number, line) in text.split('\n').enumerate() {
            if number > 0 {
                written.push_str(self.line_break);
            }
            if number > 0 && !line.is_empty() {
                written.push_str(&self.indent);
            }
            written.push_str(line);
        }
        if text.ends_with('\n') {
            // What follows is the rest of a line.
            written.push_str(&self.indent);
        }
        Replacement {
            span: self.outside_at(span.start)..self.outside_at(span.end),
            text: written,
            depth: self.depth + depth,
        }
    }

    /// The byte of the file that the text's byte `at` is.
    pub(super) fn outside_at(&self, at: usize) -> usize {
        let line = self.lines.partition_point(|(inner, _)| *inner <= at);
        let line = line.checked_sub(1).and_then(|line| self.lines.get(line));
        let outer = line.map_or(self.end, |(inner, outer)| outer + (at - inner));
        outer.min(self.end)
    }
}
