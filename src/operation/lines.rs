//! The lines of what a plan changes, as they are after it: a plan knows those of before. What is removed
//! keeps the line that it had.

use std::collections::{HashMap, HashSet, VecDeque};
use std::ops::Range;
use std::time::{Duration, Instant};

use similar::algorithms::myers;
use similar::{DiffOp, DiffTag, group_diff_ops};

use crate::deadline::Deadline;
use crate::files::RepoPath;
use crate::manifest::{
    FileEdit, ImageChange, Known, Note, Plan, ValueChange, Versions, before_new_item, differences,
    has_tags, is_within, lines, repository_at,
};

/// How long it is looked for how lines became others, where all of them may have. Beyond, what differs is told in
/// larger pieces.
const COMPARED: Duration = Duration::from_millis(500);

/// How many lines are shown before and behind what differs, as git does.
const CONTEXT: usize = 3;

/// When those who begin now end to look for that.
pub(super) fn compared_until() -> Instant {
    Instant::now() + COMPARED
}

/// How lines became others, found out until then: what differs beyond is told in larger pieces.
fn compared(before: &[&str], after: &[&str], until: Instant) -> Vec<DiffOp> {
    differences(before, after, |found| {
        let (old, new) = (0..before.len(), 0..after.len());
        myers::diff_deadline(found, before, old, after, new, Some(until))
    })
}

/// What `git diff` shows of the file at `path`, its lines compared until then.
pub(super) fn unified(path: &RepoPath, before: &str, after: &str, until: Instant) -> String {
    let (before, after) = (lines(before), lines(after));
    let mut diff = String::new();
    for hunk in group_diff_ops(compared(&before, &after, until), CONTEXT) {
        let (Some(first), Some(last)) = (hunk.first(), hunk.last()) else {
            continue;
        };
        if diff.is_empty() {
            diff = format!("--- a/{path}\n+++ b/{path}\n");
        }
        let old = first.old_range().start..last.old_range().end;
        let new = first.new_range().start..last.new_range().end;
        diff.push_str(&format!("@@ -{} +{} @@\n", counted(&old), counted(&new)));
        for part in hunk {
            let (old, new) = (
                before.get(part.old_range()).unwrap_or_default(),
                after.get(part.new_range()).unwrap_or_default(),
            );
            let signs: &[(char, &[&str])] = match part.tag() {
                DiffTag::Equal => &[(' ', old)],
                _ => &[('-', old), ('+', new)],
            };
            for (sign, lines) in signs {
                for line in *lines {
                    diff.push(*sign);
                    diff.push_str(line);
                    if !line.ends_with('\n') {
                        diff.push_str("\n\\ No newline at end of file\n");
                    }
                }
            }
        }
    }
    diff
}

/// Lines in a hunk's heading: the first of them, from 1, and how many, if not one; of none, the line before.
fn counted(lines: &Range<usize>) -> String {
    match lines.len() {
        0 => format!("{},0", lines.start),
        1 => format!("{}", lines.start + 1),
        count => format!("{},{count}", lines.start + 1),
    }
}

/// Gives everything that `plan` tells the line that it has when the plan is carried out; in the files that there is
/// no time for any more, it keeps the one of before.
pub(super) fn of_after(plan: &mut Plan, deadline: &Deadline) {
    let Plan {
        edits,
        images,
        values,
        notes,
        ..
    } = plan;
    let mut told: HashMap<RepoPath, Told<'_>> = HashMap::new();
    for image in images {
        let of_file = told.entry(image.file.clone()).or_default();
        of_file.images.push(image);
    }
    for value in values {
        let of_file = told.entry(value.file.clone()).or_default();
        of_file.values.push(value);
    }
    for note in notes {
        let of_file = told.entry(note.file.clone()).or_default();
        of_file.notes.push(note);
    }
    let until = compared_until();
    for edit in edits.iter() {
        let Some(told) = told.get_mut(&edit.path) else {
            continue;
        };
        if told.stays(edit) {
            continue;
        }
        if deadline.is_over() {
            return;
        }
        let meant: Vec<ImageChange> = told.images.iter().map(|image| (**image).clone()).collect();
        let mut after = After::new(edit, &meant, until);
        for image in &mut told.images {
            image.line = after.of_image(image);
        }
        for value in &mut told.values {
            value.line = after.of_value(value);
        }
        for note in &mut told.notes {
            note.line = after.of_line(note.line);
        }
    }
}

/// What a plan tells of one file. There are as many files as images at the most, and each of both is looked at once.
#[derive(Default)]
struct Told<'p> {
    images: Vec<&'p mut ImageChange>,
    values: Vec<&'p mut ValueChange>,
    notes: Vec<&'p mut Note>,
}

impl Told<'_> {
    /// Whether every line is where it was: nothing differs but the lines of images, as in nearly every update.
    /// What it takes to find things again is twice the reading of two files.
    fn stays(&self, edit: &FileEdit) -> bool {
        if !self.values.is_empty() {
            return false;
        }
        let changed: HashSet<usize> = self.images.iter().map(|image| image.line).collect();
        let [mut before, mut after] =
            [&edit.before, &edit.after].map(|text| text.split(|byte| *byte == b'\n'));
        for number in 1.. {
            match (before.next(), after.next()) {
                (None, None) => return true,
                (Some(one), Some(other)) if one == other || changed.contains(&number) => {}
                _ => return false,
            }
        }
        false
    }
}

/// A file, where everything is in it after an edit.
struct After {
    /// The lines of the images at each place that has one, in their order.
    images: HashMap<String, VecDeque<usize>>,
    values: Vec<ValueChange>,
    moves: Vec<DiffOp>,
}

impl After {
    fn new(edit: &FileEdit, meant: &[ImageChange], until: Instant) -> Self {
        let versions = Versions::new(&edit.path, Some(&edit.before), Some(&edit.after));
        let repository =
            |resource: &str, path: &str| repository_at(meant, &edit.path, resource, path);
        let texts = meant
            .iter()
            .flat_map(|one| [one.old.as_str(), one.new.as_str()]);
        let texts: HashSet<&str> = texts.collect();
        let is_meant = |text: &str| texts.contains(text);
        let [before, after] = [&edit.before, &edit.after].map(|text| String::from_utf8_lossy(text));
        let mut images: HashMap<String, VecDeque<usize>> = HashMap::new();
        let known = Known {
            is_image: Some(&is_meant),
            repository: has_tags(meant).then_some(&repository),
        };
        for one in versions.images(&known) {
            if one.new.is_some() {
                let at = images.entry(one.held.place.to_string()).or_default();
                at.push_back(one.held.line);
            }
        }
        Self {
            images,
            values: versions.values(),
            moves: compared(&lines(&before), &lines(&after), until),
        }
    }

    /// Of several that share a place, each is taken once, in their order.
    fn of_image(&mut self, image: &ImageChange) -> usize {
        let own = (image.old != image.new)
            .then(|| self.images.get_mut(&image.place.to_string())?.pop_front());
        own.flatten().unwrap_or_else(|| self.of_line(image.line))
    }

    fn of_value(&self, value: &ValueChange) -> usize {
        if value.new.is_none() {
            return value.line;
        }
        // Or the first value of a list or mapping.
        let path = before_new_item(&value.path);
        let is_it = |one: &&ValueChange| {
            let is_below = is_within(&one.path, path);
            is_below && one.new.is_some() && one.resource == value.resource
        };
        let found = self.values.iter().find(is_it);
        found.map_or_else(|| self.of_line(value.line), |one| one.line)
    }

    /// Where a line went, from 1; one that is gone, what is there in its place.
    fn of_line(&self, line: usize) -> usize {
        let index = line.saturating_sub(1);
        let own = self
            .moves
            .iter()
            .find(|own| own.old_range().contains(&index));
        let Some(own) = own else { return line };
        let (old, new) = (own.old_range(), own.new_range());
        let last = new.len().saturating_sub(1);
        new.start + (index - old.start).min(last) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{EditRequest, ManifestFile, plan};

    /// The plan that brings `line` into a file, and whether nothing moves.
    fn planned(text: &str, request: &EditRequest) -> (Plan, bool) {
        let path = "web.yaml".parse().unwrap();
        let bytes = text.as_bytes().to_vec();
        let plan = plan(&[ManifestFile { path, bytes }], request).unwrap();
        let mut changes = plan.clone();
        let told = Told {
            images: changes.images.iter_mut().collect(),
            values: changes.values.iter_mut().collect(),
            notes: Vec::new(),
        };
        let stays = told.stays(&plan.edits[0]);
        (plan, stays)
    }

    #[test]
    fn what_differs_is_told_as_by_git() {
        let ten = "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n";
        for (before, after, diff) in [
            ("a\n", "a\n", ""),
            ("a\n", "b\n", "@@ -1 +1 @@\n-a\n+b\n"),
            ("", "a\nb\n", "@@ -0,0 +1,2 @@\n+a\n+b\n"),
            (
                "a\nb",
                "",
                "@@ -1,2 +0,0 @@\n-a\n-b\n\\ No newline at end of file\n",
            ),
            (
                "a\nb",
                "a\nb\n",
                "@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n",
            ),
            (
                ten,
                &ten.replace("0\n", "").replace('9', "x\ny"),
                "@@ -1,4 +1,3 @@\n-0\n 1\n 2\n 3\n@@ -7,4 +6,5 @@\n 6\n 7\n 8\n-9\n+x\n+y\n",
            ),
        ] {
            let path: RepoPath = "web.yaml".parse().unwrap();
            let heading = match diff {
                "" => "",
                _ => "--- a/web.yaml\n+++ b/web.yaml\n",
            };
            let told = unified(&path, before, after, compared_until());
            assert_eq!(told, format!("{heading}{diff}"));
        }
    }

    #[test]
    fn only_where_no_line_moves_are_they_not_looked_for() {
        let image = |line: &str| EditRequest {
            images: vec![line.parse().unwrap()],
            ..EditRequest::default()
        };
        let (_, stays) = planned("a:\n  image: web:v1\nb: c\n", &image("web:v2"));
        assert!(stays);
        // Its digest goes, and what is behind it moves up.
        let text = "kind: Kustomization\nimages:\n- name: web\n  digest: sha256:0000000000000000000000000000000000000000000000000000000000000000\n  newTag: v1\n";
        let (mut plan, stays) = planned(text, &image("web:v2"));
        assert!(!stays);
        let (_canceller, cancellation) = crate::deadline::cancellation();
        let deadline = Deadline::after(Duration::from_secs(60), cancellation);
        of_after(&mut plan, &deadline);
        let after = String::from_utf8(plan.edits[0].after.clone()).unwrap();
        let line = after.lines().nth(plan.images[0].line - 1);
        assert!(
            line.is_some_and(|line| line.contains("v2") || line.contains("web")),
            "{line:?}: {after}"
        );
    }
}
