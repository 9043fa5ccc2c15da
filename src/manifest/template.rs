//! What Go's templates (`{{ … }}`) write around an edit.
//!
//! To the parser they are words and comments. What they come to is not known; but which lines belong to which
//! branch or loop is, and where a line of theirs may go on with what stands above it.

use crate::yaml::{Edit, Footprint, Placed, Rewritten, Stream};

use super::error::ManifestError;
use super::source::{ManifestFile, TextWithin};

/// Why what a template makes of a file could be another file than an edit means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hindrance {
    /// The template at a byte may go on with what begins at another one, and is to go or to be another value.
    Below { holder: usize, template: usize },
    /// The template at a byte may go on with what stands before it, and the new text would come between the two.
    Between { at: usize, template: usize },
    /// Something new would go to where another branch holds, which begins at `block`, than for what it belongs to.
    Branch {
        at: usize,
        holder: usize,
        block: usize,
    },
}

/// Refuses edits that write where `footprint` says, if what a template makes of the file could be another file than the
/// edits mean. `read` is the file with the templates hidden, as long as the file itself; `within` are the texts that
/// these are in, where they are not the file's.
pub(super) fn refuse(
    file: &ManifestFile,
    read: &str,
    within: &[TextWithin],
    footprint: &Footprint,
) -> Result<(), ManifestError> {
    let text = std::str::from_utf8(&file.bytes).unwrap_or_default();
    let line = |at: usize| 1 + read.get(..at).unwrap_or_default().matches('\n').count();
    let file = file.path.clone();
    Err(
        match Templates::of(text, read, within).hindrance(footprint) {
            None => return Ok(()),
            Some(Hindrance::Below { holder, template }) => ManifestError::TemplateBelow {
                file,
                line: line(holder),
                template: line(template),
            },
            Some(Hindrance::Between { at, template }) => ManifestError::TemplateBetween {
                file,
                line: line(at),
                template: line(template),
            },
            Some(Hindrance::Branch { at, holder, block }) => ManifestError::TemplateBranch {
                file,
                line: line(at),
                holder: line(holder),
                block: line(block),
            },
        },
    )
}

/// `edits`, with new keys behind the last one of their mapping behind which they are where it is: others may be in
/// branches of their own, and the order of keys means nothing.
pub(super) fn placed(
    file: &ManifestFile,
    read: &Stream<'_>,
    within: &[TextWithin],
    mut edits: Vec<Edit>,
) -> Vec<Edit> {
    let text = std::str::from_utf8(&file.bytes).unwrap_or_default();
    let templates = Templates::of(text, read.text(), within);
    for edit in &mut edits {
        if let Edit::Add { mapping, after, .. } = edit
            && after.is_none()
        {
            let behind = Placed::behind_each(read, *mapping).into_iter().rev();
            let mut fitting = behind.filter(|(_, placed)| templates.hinders(placed).is_none());
            *after = fitting.next().map(|(key, _)| key);
        }
    }
    edits
}

/// The templates of a file.
pub(super) struct Templates<'t> {
    /// The file with the templates hidden.
    read: &'t str,
    actions: Vec<Action<'t>>,
}

impl<'t> Templates<'t> {
    /// Those of `text`, which is read as `read`, a text of the same length; of the texts `within` alone, where there
    /// are any.
    pub fn of(text: &'t str, read: &'t str, within: &[TextWithin]) -> Self {
        let mut actions = actions(text);
        if !within.is_empty() {
            actions.retain_mut(|action| {
                let mut within = within.iter();
                let own = within.find(|own| own.span.contains(&action.at));
                action.indent = own.map_or(0, |own| own.indent);
                own.is_some()
            });
        }
        Self { read, actions }
    }

    /// What keeps edits from being made that write where `footprint` says.
    pub fn hindrance(&self, footprint: &Footprint) -> Option<Hindrance> {
        let below = footprint.rewritten.iter().find_map(|rewritten| {
            let mut actions = self.actions.iter();
            let action = actions.find(|action| action.goes_on_with(self.read, rewritten))?;
            Some(Hindrance::Below {
                holder: rewritten.holder,
                template: action.at,
            })
        });
        below.or_else(|| {
            footprint
                .placed
                .iter()
                .find_map(|placed| self.hinders(placed))
        })
    }

    fn hinders(&self, placed: &Placed) -> Option<Hindrance> {
        let Placed {
            holder,
            beside,
            is_open,
            at,
        } = *placed;
        let (around, here) = (open(&self.actions, holder), open(&self.actions, at));
        let both = around.iter().zip(&here);
        let depth = both.take_while(|(one, other)| one == other).count();
        if let Some(block) = here.get(depth).or(around.get(depth)).copied() {
            return Some(Hindrance::Branch { at, holder, block });
        }
        // What is written between the entry before it and the next line belongs to that entry.
        let entry = beside.filter(|beside| *beside < at)?;
        let own = column(self.read, entry);
        let next = next(self.read, at);
        let mut between = self.actions.iter();
        let action = between.find(|action| {
            let is_there = action.is_alone && (at..next).contains(&action.at);
            let column = action.column(self.read);
            is_there && action.kind() == Kind::Writes && (column > own || column == own && is_open)
        })?;
        Some(Hindrance::Between {
            at,
            template: action.at,
        })
    }

    /// The branches and loops that `at` is in, the outermost one first, by their own words.
    pub fn around(&self, at: usize) -> Vec<&'t str> {
        let open = open(&self.actions, at).into_iter();
        let word = |open: usize| {
            let by_byte = self.actions.binary_search_by_key(&open, |action| action.at);
            Some(self.actions.get(by_byte.ok()?)?.text)
        };
        open.filter_map(word).collect()
    }
}

/// `{{ … }}`.
struct Action<'t> {
    at: usize,
    /// What is between the braces.
    text: &'t str,
    /// Whether nothing but templates is on its first line.
    is_alone: bool,
    /// How many blanks are before each line of the text in the file that it is in.
    indent: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Opens,
    Divides,
    Ends,
    /// A comment, or a variable.
    Silent,
    Writes,
}

fn actions(text: &str) -> Vec<Action<'_>> {
    let mut actions = Vec::new();
    let mut from = 0;
    while let Some(found) = text.get(from..).and_then(|rest| rest.find("{{")) {
        let at = from + found;
        let rest = text.get(at + 2..).unwrap_or_default();
        let length = rest.find("}}").unwrap_or(rest.len());
        from = (at + 2 + length + 2).min(text.len());
        let before = text.get(..at).unwrap_or_default();
        let before = before.rsplit('\n').next().unwrap_or_default();
        let behind = text.get(from..).unwrap_or_default();
        let behind = behind.lines().next().unwrap_or_default();
        actions.push(Action {
            at,
            text: rest.get(..length).unwrap_or_default(),
            is_alone: is_blank(before) && is_blank(behind),
            indent: 0,
        });
    }
    actions
}

/// Whether there is nothing but templates, or parts of them, on the rest of a line.
fn is_blank(rest: &str) -> bool {
    let mut rest = rest.trim();
    while let Some(inner) = rest.strip_prefix("{{") {
        rest = match inner.split_once("}}") {
            Some((_, behind)) => behind.trim(),
            None => "",
        };
    }
    rest.is_empty()
}

/// Where the branches and loops begin that are open at `at`, from the outermost one on.
fn open(actions: &[Action<'_>], at: usize) -> Vec<usize> {
    let mut open = Vec::new();
    for action in actions.iter().take_while(|action| action.at < at) {
        match action.kind() {
            Kind::Opens => open.push(action.at),
            Kind::Divides => {
                open.pop();
                open.push(action.at);
            }
            Kind::Ends => {
                open.pop();
            }
            Kind::Silent | Kind::Writes => {}
        }
    }
    open
}

impl Action<'_> {
    fn kind(&self) -> Kind {
        let text = self
            .text
            .trim_start_matches('-')
            .trim_end_matches('-')
            .trim();
        let word = text.split_whitespace().next().unwrap_or_default();
        match word {
            "if" | "with" | "range" | "define" | "block" => Kind::Opens,
            "else" => Kind::Divides,
            "end" => Kind::Ends,
            "break" | "continue" => Kind::Silent,
            _ if word.starts_with("/*") => Kind::Silent,
            _ if word.starts_with('$') => {
                let behind = text.get(word.len()..).unwrap_or_default().trim_start();
                match behind.starts_with([':', '=']) {
                    true => Kind::Silent,
                    false => Kind::Writes,
                }
            }
            _ => Kind::Writes,
        }
    }

    /// How far to the right its lines are that it writes: as far as it says itself, or else as it stands.
    fn column(&self, read: &str) -> usize {
        let mut words = self.text.split([' ', '\t', '\r', '\n', '(', ')']);
        let said = words
            .find(|word| matches!(*word, "indent" | "nindent"))
            .and_then(|_| words.next()?.parse::<usize>().ok());
        let said = said.map(|said| self.indent.saturating_add(said));
        said.unwrap_or_else(|| column(read, self.at))
    }

    /// Whether what it writes may belong to something that is to be another value, or to go.
    fn goes_on_with(&self, read: &str, rewritten: &Rewritten) -> bool {
        let Rewritten { holder, first, end } = *rewritten;
        if !self.is_alone || self.at < first.unwrap_or(end) || self.at >= next(read, end) {
            return false;
        }
        let holder = column(read, holder);
        self.at < end
            || match self.kind() {
                Kind::Writes => {
                    let own = self.column(read);
                    own > holder || first.is_some_and(|first| own >= column(read, first))
                }
                _ => column(read, self.at) > holder,
            }
    }
}

/// How far to the right `at` is in its line.
fn column(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    line.chars().count()
}

/// Where the first line begins behind that of `at` that is no comment.
fn next(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    let mut next = at;
    for (number, line) in rest.split_inclusive('\n').enumerate() {
        let content = line.trim();
        if number > 0 && !content.is_empty() && !content.starts_with('#') {
            break;
        }
        next += line.len();
    }
    next
}

#[cfg(test)]
mod tests {
    use super::super::{EditRequest, ManifestFile, plan};

    /// A line of `set`, or of `remove` behind a `-`.
    fn edited(text: &str, wish: &str) -> Result<String, String> {
        let file = ManifestFile {
            path: "t.yaml".parse().unwrap(),
            bytes: text.into(),
        };
        let mut request = EditRequest::default();
        match wish.strip_prefix('-') {
            Some(path) => request.remove.push(path.parse().unwrap()),
            None => request.set.push(wish.parse().unwrap()),
        }
        let plan = plan(&[file], &request).map_err(|error| error.to_string())?;
        let after = plan.edits.first().map(|edit| edit.after.clone());
        Ok(after.map_or(text.to_owned(), |after| String::from_utf8(after).unwrap()))
    }

    #[test]
    fn what_a_template_goes_on_with_is_not_changed_above_it() {
        let include =
            "m:\n  labels:\n    app: x\n    {{- include \"x\" . | nindent 4 }}\n  name: y\n";
        for (text, wish, lines) in [
            (include, "-.m.labels.app", (2, 4)),
            (include, "-.m.labels", (2, 4)),
            (include, "m.labels={z: \"1\"}", (2, 4)),
            (
                "spec:\n  {{- if .x }}\n  a:\n    q: 1\n    {{- end }}\n  c: 1\n",
                "spec.a={z: 1}",
                (3, 5),
            ),
            (
                "args:\n- a\n{{- toYaml .x | nindent 0 }}\nb: 1\n",
                "-.args[0]",
                (1, 3),
            ),
            // What it says itself counts, and not where it stands.
            (
                "m:\n  a:\n    app: x\n{{ include \"x\" . | indent 4 }}\nb: 1\n",
                "-.m.a.app",
                (2, 4),
            ),
            (
                "m:\n  a:\n    {{- toYaml .x | nindent 4 }}\nb: 1\n",
                "m.a.c:=1",
                (2, 3),
            ),
            (
                "m:\n  a:\n    b: 1\n  {{- if .x }}\n    c: 1\n  {{- end }}\nd: 1\n",
                "m.a={}",
                (2, 4),
            ),
            (
                "m:\n  t: |\n    a:\n      b: 1\n      {{- toYaml .x | nindent 6 }}\n{{- if .y }}\nd: 1\n{{- end }}\n",
                "-.m.t.a.b",
                (3, 5),
            ),
        ] {
            let (line, template) = lines;
            assert_eq!(
                edited(text, wish),
                Err(format!(
                    "t.yaml: the template on line {template} (`{{{{ … }}}}`) may write more of what begins on line {line}, and would be left behind: change both by hand, or in the template's values"
                )),
                "{wish} of {text}"
            );
        }
        // What belongs to what comes next is no obstacle, and neither is what only tells which lines hold.
        for (text, wish, after) in [
            (
                "m:\n  a:\n    b: 1\n  {{- if .x }}\n  c: 1\n  {{- end }}\n",
                "-.m.a.b",
                "m:\n  a: {}\n  {{- if .x }}\n  c: 1\n  {{- end }}\n",
            ),
            (
                "m:\n  a:\n    b: 1\n{{ include \"x\" . | indent 2 }}\nc: 1\n",
                "m.a={z: 1}",
                "m:\n  a: {z: 1}\n{{ include \"x\" . | indent 2 }}\nc: 1\n",
            ),
            (
                "m:\n  {{- if .x }}\n  a:\n    b: 1\n  {{- end }}\n",
                "m.a=[]",
                "m:\n  {{- if .x }}\n  a: []\n  {{- end }}\n",
            ),
        ] {
            assert_eq!(edited(text, wish).as_deref(), Ok(after), "{wish} of {text}");
        }
    }

    #[test]
    fn what_is_new_stands_in_the_branch_of_what_it_belongs_to() {
        for (text, wish, (line, block, holder)) in [
            (
                "spec:\n  {{- if .x }}\n  a: 1\n  {{- end }}\n",
                "spec.b:=3",
                (3, 2, 1),
            ),
            (
                "e:\n- name: A\n  value: x\n{{- if .debug }}\n- name: D\n  value: y\n{{- end }}\np: 1\n",
                "e[name=V].value:=v2",
                (6, 4, 1),
            ),
            (
                "spec:\n  a:\n  - x\n  {{- range .x }}\n  - {{ . }}\n  {{- end }}\n",
                "spec.a[+]=q",
                (5, 4, 2),
            ),
            (
                "spec:\n  {{- if .x }}\n  b: 1\n  {{- else if .y }}\n  a: 1\n  {{- end }}\n",
                "spec.c:=3",
                (5, 4, 1),
            ),
        ] {
            assert_eq!(
                edited(text, wish),
                Err(format!(
                    "t.yaml: what is new would be written behind line {line}, and there another branch or loop of the template holds (line {block}, `{{{{ … }}}}`) than where it belongs to (line {holder}). Add it by hand once, outside of that branch, and this step keeps it up to date"
                )),
                "{wish} of {text}"
            );
        }
        for (text, wish, after) in [
            // The order of keys means nothing, so that it stands behind one that is always there.
            (
                "spec:\n  replicas: 2\n  {{- if .x }}\n  a: 1\n  {{- end }}\n",
                "spec.b:=3",
                "spec:\n  replicas: 2\n  b: 3\n  {{- if .x }}\n  a: 1\n  {{- end }}\n",
            ),
            (
                "spec:\n  replicas: 2\n  {{- with .x }}\n  a: {{ . }}\n  {{- end }}\n",
                "spec.b.c:=3",
                "spec:\n  replicas: 2\n  b:\n    c: 3\n  {{- with .x }}\n  a: {{ . }}\n  {{- end }}\n",
            ),
            (
                "{{- if .x }}\nspec:\n  a: 1\n{{- end }}\n",
                "spec.b:=2",
                "{{- if .x }}\nspec:\n  a: 1\n  b: 2\n{{- end }}\n",
            ),
            (
                "{{- if .x }}\nspec:\n  a: 1\n{{- end }}\n",
                "b:=2",
                "{{- if .x }}\nspec:\n  a: 1\nb: 2\n{{- end }}\n",
            ),
            (
                "spec:\n  {{- if .x }}\n  a: 1\n  {{- end }}\n  b: 1 {{/* if */}}\n",
                "spec.c:=2",
                "spec:\n  {{- if .x }}\n  a: 1\n  {{- end }}\n  b: 1 {{/* if */}}\n  c: 2\n",
            ),
        ] {
            assert_eq!(edited(text, wish).as_deref(), Ok(after), "{wish} of {text}");
        }
    }

    #[test]
    fn nothing_new_comes_between_a_value_and_what_a_template_writes_of_it() {
        for (text, wish, after) in [
            // Deeper than the new key it is of what comes before.
            (
                "m:\n  k: 1\n  a:\n    x: 1\n{{ toYaml .y | indent 4 }}\nz: 1\n",
                "m.b:=1",
                "m:\n  k: 1\n  b: 1\n  a:\n    x: 1\n{{ toYaml .y | indent 4 }}\nz: 1\n",
            ),
            (
                "m:\n  k: 1\n  a:\n  - x\n  {{- toYaml .y | nindent 2 }}\nz: 1\n",
                "m.b:=1",
                "m:\n  k: 1\n  b: 1\n  a:\n  - x\n  {{- toYaml .y | nindent 2 }}\nz: 1\n",
            ),
            (
                "m:\n  k: 1\n  a:\n  {{- toYaml .y | nindent 2 }}\nz: 1\n",
                "m.b:=1",
                "m:\n  k: 1\n  b: 1\n  a:\n  {{- toYaml .y | nindent 2 }}\nz: 1\n",
            ),
            // What stands deeper in its own line goes with what it belongs to.
            (
                "m:\n  a:\n    x: 1\n    {{- toYaml .y | nindent 4 }}\nz: 1\n",
                "m.b:=1",
                "m:\n  a:\n    x: 1\n    {{- toYaml .y | nindent 4 }}\n  b: 1\nz: 1\n",
            ),
            (
                "m:\n  a: 1\n{{ toYaml .y | indent 2 }}\nz: 1\n",
                "m.b:=1",
                "m:\n  a: 1\n  b: 1\n{{ toYaml .y | indent 2 }}\nz: 1\n",
            ),
        ] {
            assert_eq!(edited(text, wish).as_deref(), Ok(after), "{wish} of {text}");
        }
        for (text, wish, (line, template)) in [
            (
                "m:\n  a:\n    x: 1\n{{ toYaml .y | indent 4 }}\nz: 1\n",
                "m.b:=1",
                (3, 4),
            ),
            (
                "m:\n- a: 1\n{{ toYaml .y | indent 2 }}\nz: 1\n",
                "m[+]=b",
                (2, 3),
            ),
            (
                "m:\n  a:\n  - x\n  {{- toYaml .y | nindent 2 }}\nz: 1\n",
                "m.b:=1",
                (3, 4),
            ),
        ] {
            assert_eq!(
                edited(text, wish),
                Err(format!(
                    "t.yaml: what is new would be written behind line {line}, and the template on line {template} (`{{{{ … }}}}`) may write more of what stands before it. Add it by hand once, behind that template, and this step keeps it up to date"
                )),
                "{wish} of {text}"
            );
        }
    }
}
