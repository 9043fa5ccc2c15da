//! The lines of what a plan changes, as they are after it: a plan knows those of before. What is removed
//! keeps the line that it had.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use similar::{DiffOp, TextDiff};

use crate::deadline::Deadline;
use crate::files::RepoPath;
use crate::manifest::{
    FileEdit, ImageChange, Known, Note, Plan, ValueChange, Versions, before_new_item, has_tags,
    repository_at,
};

/// How long it is looked for how lines became others, where all of them may have. Beyond, what differs is told in
/// larger pieces.
const COMPARED: Duration = Duration::from_millis(500);

/// When those who begin now end to look for that.
pub(super) fn compared_until() -> Instant {
    Instant::now() + COMPARED
}

/// How the lines of one text became those of another, found out until then.
pub(super) fn compared<'t>(
    before: &'t str,
    after: &'t str,
    until: Instant,
) -> TextDiff<'t, 't, str> {
    TextDiff::configure()
        .deadline(until)
        .diff_lines(before, after)
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
            moves: compared(&before, &after, until).ops().to_vec(),
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
            let below = one.path.strip_prefix(path);
            let is_below =
                below.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
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
