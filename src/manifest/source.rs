//! A file as it is in Git, and the text that is read in its place.
//!
//! The two differ in files that are YAML but for Go's templates in them. What stands between `{{` and `}}` is shown to
//! the parser as a word of the same length, a line that has nothing else as a comment. So everything around it has its
//! place, and what is written there can be put back into the file. Where the file itself can be read, so are the texts
//! in it that would be documents but for their templates: the `helm.values` of an `ApplicationSet`.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use crate::files::RepoPath;
use crate::image::TEMPLATE as MARK;
use crate::yaml::{NodeId, Stream, Style};

/// A file as it is in Git.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestFile {
    /// Where it is.
    pub path: RepoPath,
    /// What it says.
    pub bytes: Vec<u8>,
}

/// A file, and the text that is read in its place.
pub(super) struct Source<'f> {
    pub file: Cow<'f, ManifestFile>,
    masked: Option<Masked>,
    /// Whether it is a text inside of a file in which templates are not shown to the parser.
    is_masked_around: bool,
}

impl Source<'static> {
    /// Of a file that nothing else needs.
    pub fn owning(file: ManifestFile) -> Self {
        Self::of(Cow::Owned(file))
    }

    /// Of a text inside of `outer`, as that is read.
    pub fn inside(outer: &Source<'_>, file: ManifestFile) -> Self {
        Self {
            file: Cow::Owned(file),
            masked: None,
            is_masked_around: outer.hides_templates(),
        }
    }
}

/// An edit would have changed a template.
pub(super) struct TemplateLost;

/// What is read in place of a text with templates.
pub(super) struct Masked {
    text: String,
    /// What was masked, in the order of the text: as it is, and as it is shown.
    regions: Vec<(String, String)>,
    /// The texts inside of the file in which alone that was done; none where it was done everywhere.
    texts: Vec<TextWithin>,
}

/// A text in a file.
pub(super) struct TextWithin {
    /// Where it is.
    pub span: Range<usize>,
    /// How many blanks are before each of its lines.
    pub indent: usize,
}

impl<'f> Source<'f> {
    pub fn new(file: &'f ManifestFile) -> Self {
        Self::of(Cow::Borrowed(file))
    }

    fn of(file: Cow<'f, ManifestFile>) -> Self {
        Self {
            masked: Masked::of_file(&file.bytes),
            file,
            is_masked_around: false,
        }
    }

    /// The file with the texts in it as they are, so that they can be replaced with the templates in them.
    pub fn with_plain_texts(file: &'f ManifestFile) -> Self {
        Self {
            masked: Masked::of(&file.bytes),
            file: Cow::Borrowed(file),
            is_masked_around: false,
        }
    }

    /// Whether templates are not shown to the parser, in the file or in texts inside of it.
    pub fn hides_templates(&self) -> bool {
        self.masked.is_some()
    }

    /// Whether there are texts in it that can be read but for their templates.
    pub fn hides_templates_of_texts(&self) -> bool {
        !self.texts().is_empty()
    }

    /// What is read.
    pub fn bytes(&self) -> &[u8] {
        match &self.masked {
            Some(masked) => masked.text.as_bytes(),
            None => &self.file.bytes,
        }
    }

    /// The texts inside of it in which alone templates are not shown to the parser.
    pub fn texts(&self) -> &[TextWithin] {
        self.masked.as_ref().map_or(&[], |masked| &masked.texts)
    }

    /// The first line with a template, from 1, where the file can't be read with them.
    pub fn first_template(&self) -> Option<usize> {
        let masked = self.masked.as_ref();
        let masked = masked.filter(|masked| masked.texts.is_empty())?;
        let line = masked.text.lines().position(|line| line.contains(MARK))?;
        Some(line + 1)
    }

    /// The lines of what is read, from 1, that have a template on them.
    pub fn lines_with_templates(&self, read: &Stream<'_>) -> HashSet<usize> {
        let text = match self.is_masked_around || self.masked.is_some() {
            true => read.text(),
            false => "",
        };
        let lines = (1..).zip(text.lines());
        lines
            .filter_map(|(number, line)| line.contains(MARK).then_some(number))
            .collect()
    }

    /// The file as it is after an edit, made of what `after` is, which was made of what is read; none where that
    /// changes nothing.
    pub fn edit(&self, after: Vec<u8>) -> Result<Option<ManifestFile>, TemplateLost> {
        let after = match &self.masked {
            Some(masked) => masked.unmask(&after).ok_or(TemplateLost)?,
            None => after,
        };
        let is_other = after != self.file.bytes;
        Ok(is_other.then(|| ManifestFile {
            path: self.file.path.clone(),
            bytes: after,
        }))
    }
}

impl Masked {
    /// None for what can be read as it is, and for what can't be read either way: that is told of as it is.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let text = Self::with_templates(bytes)?;
        match Stream::parse(bytes) {
            Ok(_) => None,
            Err(_) => Self::of_whole(text),
        }
    }

    /// The same, and of the texts inside of a file that can be read itself; none where these can, too, or can't be
    /// read either way.
    fn of_file(bytes: &[u8]) -> Option<Self> {
        let text = Self::with_templates(bytes)?;
        match Stream::parse(bytes) {
            Ok(stream) => Self::of_texts(&stream),
            Err(_) => Self::of_whole(text),
        }
    }

    fn with_templates(bytes: &[u8]) -> Option<&str> {
        let text = std::str::from_utf8(bytes).ok();
        text.filter(|text| text.contains("{{") && !text.contains(MARK))
    }

    fn of_whole(text: &str) -> Option<Self> {
        let masked = Self::new(text);
        let is_read = Stream::parse(masked.text.as_bytes()).is_ok();
        is_read.then_some(masked)
    }

    fn of_texts(stream: &Stream<'_>) -> Option<Self> {
        let is_meant = |node: &NodeId| {
            let scalar = stream.scalar(*node);
            scalar.is_some_and(|read| read.style == Style::Literal && read.value.contains("{{"))
                && stream.inside(*node).is_none()
        };
        let nodes = stream.nodes().map(|(node, _)| node);
        let texts: Vec<NodeId> = nodes.filter(is_meant).collect();
        if texts.is_empty() {
            return None;
        }
        // What is masked has its place, so that the nodes are the same.
        let masked = Self::within(stream, &texts);
        let read = Stream::parse(masked.text.as_bytes()).ok()?;
        let found = texts.iter().filter_map(|node| {
            let indent = read.inside(*node)?.indent();
            let span = read[*node].span()?;
            Some((*node, TextWithin { span, indent }))
        });
        let (meant, within): (Vec<NodeId>, Vec<TextWithin>) = found.unzip();
        if within.is_empty() {
            return None;
        }
        let masked = match meant.len() == texts.len() {
            true => masked,
            false => Self::within(stream, &meant),
        };
        Some(Self {
            texts: within,
            ..masked
        })
    }

    /// What `stream` reads, with the templates masked in the scalars `texts` alone.
    fn within(stream: &Stream<'_>, texts: &[NodeId]) -> Self {
        let mut masked = Self {
            text: String::new(),
            regions: Vec::new(),
            texts: Vec::new(),
        };
        let mut from = 0;
        let text = |from, to| stream.text().get(from..to).unwrap_or_default();
        for span in texts.iter().filter_map(|node| stream[*node].span()) {
            masked.text.push_str(text(from, span.start));
            let own = Self::new(text(span.start, span.end));
            masked.text.push_str(&own.text);
            masked.regions.extend(own.regions);
            from = span.end;
        }
        masked.text.push_str(text(from, stream.text().len()));
        masked
    }

    /// What is read.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The templates, in the order of the text.
    pub fn templates(&self) -> impl Iterator<Item = &str> {
        self.regions.iter().map(|(region, _)| region.as_str())
    }

    fn new(text: &str) -> Self {
        let mut masked = Self {
            text: String::with_capacity(text.len()),
            regions: Vec::new(),
            texts: Vec::new(),
        };
        let mut is_inside = false;
        for line in text.split_inclusive('\n') {
            let mut around = String::new();
            let mut pieces = Vec::new();
            let mut rest = line;
            while !rest.is_empty() {
                let (piece, is_template, behind) = if is_inside {
                    let end = rest.find("}}").map(|at| at + 2);
                    is_inside = end.is_none();
                    let end = end.unwrap_or(rest.trim_end_matches(['\r', '\n']).len());
                    (rest.get(..end), true, rest.get(end..))
                } else {
                    let end = rest.find("{{");
                    is_inside = end.is_some();
                    let end = end.unwrap_or(rest.len());
                    (rest.get(..end), false, rest.get(end..))
                };
                let piece = piece.unwrap_or_default();
                if !is_template {
                    around.push_str(piece);
                }
                pieces.push((piece, is_template));
                rest = behind.unwrap_or_default();
                if is_inside && is_template {
                    // The line ends inside.
                    pieces.push((rest, false));
                    break;
                }
            }
            let is_alone = around.trim().is_empty() || around.trim_start().starts_with('#');
            let mut is_first = true;
            for (piece, is_template) in pieces {
                let opens = is_template && is_alone && std::mem::take(&mut is_first);
                let room = piece
                    .len()
                    .checked_sub(MARK.len_utf8() + usize::from(opens));
                match room {
                    Some(room) if is_template => {
                        let comment = if opens { "#" } else { "" };
                        let shown = format!("{comment}{MARK}{}", "x".repeat(room));
                        masked.text.push_str(&shown);
                        masked.regions.push((piece.to_owned(), shown));
                    }
                    _ => masked.text.push_str(piece),
                }
            }
        }
        masked
    }

    /// The text with the templates, that `after` is made of; none where it has others.
    pub fn unmask(&self, after: &[u8]) -> Option<Vec<u8>> {
        let mut rest = std::str::from_utf8(after).ok()?;
        let mut text = String::with_capacity(rest.len());
        for (region, shown) in &self.regions {
            let mark = rest.find(MARK)?;
            let start = mark.checked_sub(usize::from(shown.starts_with('#')))?;
            let (before, from) = rest.split_at_checked(start)?;
            text.push_str(before);
            let line = text.rsplit('\n').next().unwrap_or_default().trim_start();
            if shown.starts_with('#') && !line.is_empty() && !line.starts_with('#') {
                // It had a line of its own.
                return None;
            }
            text.push_str(region);
            rest = from.strip_prefix(shown.as_str())?;
        }
        text.push_str(rest);
        (!rest.contains(MARK)).then(|| text.into_bytes())
    }
}

/// Whether `text`, as it is read, has a template in it, so that nobody knows what it comes to.
pub(super) fn is_template(text: &str) -> bool {
    text.contains(MARK)
}

/// `text` as a person may read it.
pub(super) fn shown(text: &str) -> Cow<'_, str> {
    if !text.contains(MARK) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::new();
    let mut parts = text.split(MARK);
    shown.push_str(parts.next().unwrap_or_default());
    for part in parts {
        shown.push_str("{{ … }}");
        shown.push_str(part.trim_start_matches('x'));
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_masked_comes_back_where_it_was() {
        let text = "a: {{ .a }}\n{{- if .b }}\nb: \"{{ .c | quote }}\" # {{ .d }}\n{{ end }}\n{{/* a\n\n  comment */}}\nc: d{{e}}f{{ g }}\r\n";
        let masked = Masked::new(text);
        assert_eq!(masked.text.len(), text.len());
        let stream = Stream::parse(masked.text.as_bytes()).unwrap();
        assert_eq!(stream.pairs(stream.roots()[0]).count(), 3);
        let back = |text: &str| {
            masked
                .unmask(text.as_bytes())
                .map(|bytes| String::from_utf8(bytes).unwrap())
        };
        assert_eq!(back(&masked.text).as_deref(), Some(text));
        let edited = masked.text.replace("b:", "bbb:\nx:");
        assert_eq!(back(&edited), Some(text.replace("b:", "bbb:\nx:")));
        let moved = masked.text.replacen("\n#", " #", 1);
        assert_eq!(back(&moved), None);
        let lost = masked.text.replacen(MARK, "y", 1);
        assert_eq!(back(&lost), None);
    }

    #[test]
    fn in_a_file_that_can_be_read_those_texts_are_masked_that_can_not() {
        let text = "\u{feff}a: '{{ .a }}'\nb: |  # {{ b }}\n  {{- if .c }}\n  c: {{ .d }}x\n  {{- end }}\nd: |\n  e: '{{ .f }}'\ng: |\n  {{ h }}\ni: |-\n  j: {{ .k }}\r\n  l\n";
        let masked = Masked::of_file(text.as_bytes()).unwrap();
        assert!(Masked::of(text.as_bytes()).is_none());
        assert_eq!(masked.text.len(), text.len());
        assert_eq!(
            masked.templates().collect::<Vec<_>>(),
            ["{{ b }}", "{{- if .c }}", "{{ .d }}", "{{- end }}"]
        );
        let after = masked.text.replace("c:", "cc:");
        let after = String::from_utf8(masked.unmask(after.as_bytes()).unwrap()).unwrap();
        assert_eq!(after, text.replace("c:", "cc:"));
        assert!(Masked::of_file(b"a: '{{ b }}'\nc: |\n  d: e\n").is_none());
    }
}
