//! Which deployments of a branch are in force, and which were taken back by which.
//!
//! One rule for whoever rolls back and for whoever counts what was rolled back. It stands on what the
//! commits say of themselves in trailers; on `This reverts commit …` where there are none of ours; and,
//! for what says nothing, as a file that is put back by hand, on what it did: an edit that takes all it
//! changes back to what ran before the deployments in force is a rollback.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::trailers::{Origin, reverted};
use crate::image::ImageReference;

/// A commit that touched the files.
#[derive(Debug, Clone, Default)]
pub struct PastCommit<'a> {
    /// Its id, all digits.
    pub id: &'a str,
    /// All of its message.
    pub message: &'a str,
    /// The ids and messages of the commits that it merged, newest first.
    pub merged: Vec<(&'a str, &'a str)>,
    /// The files that it touched: where each is, or was if it is gone, and where it was before if it was
    /// renamed.
    pub files: Vec<(&'a str, Option<&'a str>)>,
    /// What it did to what runs.
    pub changes: Vec<PastChange<'a>>,
}

/// What a commit did to one image, or to one value that a deployment sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastChange<'a> {
    /// The file, by its path after the commit.
    pub file: &'a str,
    /// Where in the file, in the same words in every version of it.
    pub place: String,
    /// Whether it is an image. Only then is a commit without trailers a deployment.
    pub is_image: bool,
    /// What was there; none where it is new.
    pub old: Option<String>,
    /// What is there since; none where it is gone.
    pub new: Option<String>,
}

impl PastChange<'_> {
    /// Whether one thing became another one, rather than to come or to go.
    fn is_replacement(&self) -> bool {
        matches!((&self.old, &self.new), (Some(old), Some(new)) if old != new)
    }
}

/// How a commit stands among the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// What it was.
    pub origin: Origin,
    /// The commits that it took back, wholly or in part, by their numbers.
    pub takes_back: Vec<usize>,
    /// The commit that took the last of it back, by its number.
    pub undone_by: Option<usize>,
    /// Which commit took each of its changes back, by its number.
    pub taken_by: Vec<Option<usize>>,
    /// Whether it deployed something.
    deploys: bool,
    /// Which commit took something back in which of its files.
    taken_in: BTreeSet<(FileNumber, usize)>,
}

impl Standing {
    fn blank(commit: &PastCommit<'_>) -> Self {
        Self {
            origin: Origin::Edit,
            takes_back: Vec::new(),
            undone_by: None,
            taken_by: vec![None; commit.changes.len()],
            deploys: false,
            taken_in: BTreeSet::new(),
        }
    }

    /// Whether it is a deployment that nobody took back.
    pub fn is_in_force(&self) -> bool {
        self.is_deployment() && self.undone_by.is_none()
    }

    /// Whether it is a deployment, in force or not.
    pub fn is_deployment(&self) -> bool {
        self.deploys && self.origin != Origin::Rollback
    }
}

/// The commits that touched the files, newest first, and how each stands.
#[derive(Debug, Clone)]
pub struct Past<'a> {
    commits: Vec<PastCommit<'a>>,
    standings: Vec<Standing>,
    /// The files that each commit touched, by its names for them.
    touched: Vec<HashMap<FileNumber, &'a str>>,
    /// The file of each change of each commit.
    files: Vec<Vec<FileNumber>>,
    /// The place of each change of each commit.
    places: Vec<Vec<PlaceNumber>>,
    /// The changes at each place, newest first.
    at: Vec<Vec<Change>>,
}

/// A file, under whatever name.
type FileNumber = usize;
/// A place in a file; the same for all that was ever there.
type PlaceNumber = usize;
/// The numbers of a commit and of one of its changes.
type Change = (usize, usize);
/// What runs: an image, which is the same wherever it is, or a value with its place.
type Thing<'p> = (Option<PlaceNumber>, &'p str);

/// What was taken back of a commit in one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TakenBack<'a> {
    /// The file, by its path after the commit.
    pub file: &'a str,
    /// The commit that took it back, by its number.
    pub by: usize,
    /// Whether nothing is left of what the commit did there.
    pub is_all: bool,
}

/// Why there is nothing to roll back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NothingBefore {
    /// No deployment is in force.
    NoDeployment,
    /// What ran before the newest deployment in force was rolled back itself, and nothing that could run
    /// is known of before that.
    RolledBack {
        /// The deployment, by its number.
        deployment: usize,
        /// The commit that took back what ran before it, by its number.
        by: usize,
    },
}

impl<'a> Past<'a> {
    /// Finds out how `commits` stand: those of a branch's own line, newest first.
    pub fn new(commits: Vec<PastCommit<'a>>) -> Self {
        let mut past = Self {
            standings: commits.iter().map(Standing::blank).collect(),
            touched: Vec::new(),
            files: Vec::new(),
            places: Vec::new(),
            at: Vec::new(),
            commits,
        };
        past.locate();
        for number in (0..past.commits.len()).rev() {
            past.judge(number);
        }
        past
    }

    /// How each commit stands, in their order.
    pub fn standings(&self) -> &[Standing] {
        &self.standings
    }

    /// The commits.
    pub fn commits(&self) -> &[PastCommit<'a>] {
        &self.commits
    }

    /// What was taken back of a commit, file by file.
    pub fn taken_back(&self, number: usize) -> Vec<TakenBack<'a>> {
        let Standing {
            taken_by, taken_in, ..
        } = &self.standings[number];
        let is_left = |file: FileNumber| {
            let mut changes = taken_by.iter().zip(&self.files[number]);
            changes.any(|(by, own)| *own == file && by.is_none())
        };
        let taken = taken_in.iter().filter_map(|(file, by)| {
            Some(TakenBack {
                file: self.touched[number].get(file)?,
                by: *by,
                is_all: !is_left(*file),
            })
        });
        let mut taken: Vec<TakenBack<'a>> = taken.collect();
        taken.sort_unstable_by_key(|taken| (taken.file, taken.by));
        taken
    }

    /// The images that were replaced, each once, the newest first.
    pub fn replaced_images(&self) -> Vec<&str> {
        let changes = self.commits.iter().flat_map(|commit| &commit.changes);
        let images = changes.filter(|change| change.is_image);
        let mut replaced: Vec<&str> = Vec::new();
        for image in images.filter_map(|change| change.old.as_deref()) {
            if !replaced.contains(&image) {
                replaced.push(image);
            }
        }
        replaced
    }

    /// What a rollback undoes that names nothing: the newest deployment in force; where that would bring
    /// back what was rolled back, with those before it that brought that. Newest first.
    ///
    /// # Errors
    /// Why there is nothing.
    pub fn newest(&self) -> Result<Vec<usize>, NothingBefore> {
        let in_force = |number: &usize| self.standings[*number].is_in_force();
        let newest = (0..self.commits.len()).find(in_force);
        let deployment = newest.ok_or(NothingBefore::NoDeployment)?;
        let taken_out = self.taken_out();
        let mut chosen = vec![deployment];
        loop {
            let outcome = self.outcome(&chosen);
            let mut rolled_back = outcome.into_iter().filter_map(|(place, (change, text))| {
                let thing = self.thing(change, text)?;
                Some((place, *taken_out.get(&thing)?))
            });
            let Some((place, by)) = rolled_back.next() else {
                return Ok(chosen);
            };
            let mut at = self.at[place].iter();
            let before = at.find(|change| self.stands(**change) && !chosen.contains(&change.0));
            let (before, _) = before.ok_or(NothingBefore::RolledBack { deployment, by })?;
            chosen.push(*before);
            chosen.sort_unstable();
        }
    }

    /// What a rollback undoes so that the images which `is_wanted` means run again, whatever lies between:
    /// also a rollback that took them out. Newest first; nothing where none ran before something else.
    pub fn back_to(&self, is_wanted: impl Fn(&str) -> bool) -> Vec<usize> {
        // At each place the newest commit that replaced such an image, where something else runs now.
        let mut ends: Vec<(usize, String, PlaceNumber)> = Vec::new();
        for (place, at) in self.at.iter().enumerate() {
            let wanted = |text: &Option<String>| text.as_deref().is_some_and(&is_wanted);
            let is_there = at
                .first()
                .is_some_and(|newest| wanted(&self.change(*newest).new));
            let mut replaced = at.iter().filter(|change| {
                let PastChange { is_image, old, .. } = self.change(**change);
                *is_image && wanted(old)
            });
            if let (false, Some(change)) = (is_there, replaced.next()) {
                let image = self.change(*change).old.as_deref().and_then(repository);
                ends.push((change.0, image.unwrap_or_default(), place));
            }
        }
        // A tag may have been that of other images, too, long ago.
        ends.sort_unstable();
        let newest = ends.first().map(|(number, ..)| *number);
        let meant = ends.iter().filter(|(number, ..)| Some(*number) == newest);
        let meant: HashSet<String> = meant.map(|(_, image, _)| image.clone()).collect();
        ends.retain(|(_, image, _)| meant.contains(image));
        let mut chosen: BTreeSet<usize> = BTreeSet::new();
        for (end, _, place) in ends {
            let changes = self.at[place].iter();
            chosen.extend(
                changes
                    .map(|(number, _)| *number)
                    .filter(|number| *number <= end),
            );
        }
        self.with_what_came_on_top(&mut chosen);
        // A rollback and what it took back are nothing together.
        for number in chosen.clone() {
            let Standing {
                origin, takes_back, ..
            } = &self.standings[number];
            let is_all = |target: &usize| {
                chosen.contains(target) && self.standings[*target].undone_by == Some(number)
            };
            if *origin == Origin::Rollback
                && !takes_back.is_empty()
                && takes_back.iter().all(is_all)
            {
                chosen.remove(&number);
                for target in takes_back {
                    chosen.remove(target);
                }
            }
        }
        chosen.into_iter().collect()
    }

    /// Adds the newer commits that changed again what those of `chosen` changed: those have to be undone
    /// before.
    fn with_what_came_on_top(&self, chosen: &mut BTreeSet<usize>) {
        let mut open: Vec<usize> = chosen.iter().copied().collect();
        while let Some(number) = open.pop() {
            for change in self.changes(number) {
                let newer = self.at[self.place(change)].iter();
                for (newer, _) in newer.take_while(|(newer, _)| *newer < number) {
                    if chosen.insert(*newer) {
                        open.push(*newer);
                    }
                }
            }
        }
    }

    /// What is at each place that changes when some commits are undone, newest first; with a change there.
    fn outcome(&self, chosen: &[usize]) -> BTreeMap<PlaceNumber, (Change, &Option<String>)> {
        let mut outcome = BTreeMap::new();
        for change in chosen.iter().flat_map(|number| self.changes(*number)) {
            let place = self.place(change);
            let newest = self.at[place].first().copied().unwrap_or(change);
            let (_, now) = outcome
                .get(&place)
                .copied()
                .unwrap_or((newest, &self.change(newest).new));
            let PastChange { old, new, .. } = self.change(change);
            if now == new {
                outcome.insert(place, (change, old));
            }
        }
        outcome
    }

    /// Whether only older commits than those of the list could tell whether an edit takes something
    /// back.
    pub fn may_be_a_rollback(&self, number: usize) -> bool {
        let mut places = self.places[number].iter();
        self.standings[number].origin == Origin::Edit
            && places.any(|place| self.at[*place].iter().all(|(other, _)| *other <= number))
    }

    /// What a rollback took out, and nobody put in again since; with the number of that rollback.
    fn taken_out(&self) -> HashMap<Thing<'_>, usize> {
        // The newest that is known of each thing: put in, or taken out by a commit.
        let mut newest: HashMap<Thing<'_>, Option<usize>> = HashMap::new();
        for number in 0..self.commits.len() {
            let changes = || self.changes(number);
            for thing in changes().filter_map(|own| self.thing(own, &self.change(own).new)) {
                newest.entry(thing).or_insert(None);
            }
            if self.standings[number].origin == Origin::Rollback {
                for thing in changes().filter_map(|own| self.thing(own, &self.change(own).old)) {
                    newest.entry(thing).or_insert(Some(number));
                }
            }
        }
        let newest = newest.into_iter();
        newest
            .filter_map(|(thing, by)| Some((thing, by?)))
            .collect()
    }

    fn change(&self, (number, own): Change) -> &PastChange<'a> {
        &self.commits[number].changes[own]
    }

    /// What a text is that was at the place of a change.
    fn thing<'p>(&'p self, change: Change, text: &'p Option<String>) -> Option<Thing<'p>> {
        let is_image = self.change(change).is_image;
        let place = (!is_image).then(|| self.place(change));
        Some((place, text.as_deref()?))
    }

    fn place(&self, (number, own): Change) -> PlaceNumber {
        self.places[number][own]
    }

    /// The changes of a commit.
    fn changes(&self, number: usize) -> impl Iterator<Item = Change> + use<> {
        let changes = 0..self.commits[number].changes.len();
        changes.map(move |own| (number, own))
    }

    /// Whether a change is a part of a deployment, and nobody took it back.
    fn stands(&self, (number, own): Change) -> bool {
        let standing = &self.standings[number];
        standing.is_in_force() && standing.taken_by[own].is_none()
    }

    /// Numbers files and places. Files go by the names that they have now.
    fn locate(&mut self) {
        let mut files: HashMap<&str, FileNumber> = HashMap::new();
        let mut places: HashMap<(FileNumber, &str), PlaceNumber> = HashMap::new();
        let mut count = 0;
        for (number, commit) in self.commits.iter().enumerate() {
            let mut file = |path| {
                *files.entry(path).or_insert_with(|| {
                    count += 1;
                    count
                })
            };
            let touched = commit.files.iter();
            self.touched
                .push(touched.map(|(path, _)| (file(path), *path)).collect());
            let own = commit.changes.iter().map(|change| file(change.file));
            let own: Vec<FileNumber> = own.collect();
            let numbered = commit.changes.iter().zip(&own).map(|(change, file)| {
                let new = places.len();
                *places.entry((*file, &change.place)).or_insert(new)
            });
            let numbered: Vec<PlaceNumber> = numbered.collect();
            self.at.resize_with(places.len(), Vec::new);
            for (own, place) in numbered.iter().enumerate() {
                self.at[*place].push((number, own));
            }
            self.files.push(own);
            self.places.push(numbered);
            let renamed = commit.files.iter();
            let renamed = renamed.filter_map(|(path, from)| Some(((*from)?, files.remove(*path)?)));
            let renamed: Vec<_> = renamed.collect();
            files.extend(renamed);
        }
    }

    /// Finds out how a commit stands; all before it have been judged.
    fn judge(&mut self, number: usize) {
        let commit = &self.commits[number];
        let is_merge = !commit.merged.is_empty();
        let (mut origin, ids) = said(commit);
        let named = self.resolved(number, &ids);
        let is_rollback = |target: &usize| self.standings[*target].origin == Origin::Rollback;
        if matches!(origin, Origin::Rollback | Origin::Reapply) {
            origin = match named.is_empty() {
                // What was undone on a line of its own is another deployment on this one.
                true if is_merge => Origin::Update,
                true => origin,
                false if named.iter().all(is_rollback) => Origin::Reapply,
                false => Origin::Rollback,
            };
        }
        let taken = self.changes(number).map(|change| self.taken_by(change));
        match origin {
            Origin::Rollback if named.is_empty() => {
                let taken: Vec<Change> = taken.flatten().flatten().collect();
                self.take(number, &taken);
            }
            Origin::Rollback => {
                // Before any is taken: of two that are named, one may have taken the other back.
                let in_place = named.into_iter().map(|target| self.in_its_place(target));
                for target in in_place.collect::<Vec<_>>() {
                    self.take_files(number, target);
                }
            }
            Origin::Reapply => {
                for target in named {
                    self.standings[target].undone_by = Some(number);
                    self.standings[number].takes_back.push(target);
                }
            }
            Origin::Edit => {
                let taken: Option<Vec<_>> = taken.collect();
                if let Some(taken) = taken.filter(|taken| !taken.is_empty()) {
                    origin = Origin::Rollback;
                    self.take(number, &taken.concat());
                }
            }
            Origin::Update => {}
        }
        let commit = &self.commits[number];
        let mut changes = commit.changes.iter();
        let standing = &mut self.standings[number];
        standing.origin = origin;
        standing.deploys = match origin {
            // Its trailers know of more than can be seen.
            Origin::Update if changes.len() == 0 => !is_merge,
            Origin::Update => changes.any(|change| change.old != change.new),
            Origin::Reapply | Origin::Edit | Origin::Rollback => {
                changes.any(PastChange::is_replacement)
            }
        };
    }

    /// The older commits that the beginnings of ids mean: they themselves, or what brought them.
    fn resolved(&self, number: usize, ids: &[&str]) -> Vec<usize> {
        let is_meant = |other: &usize| {
            let PastCommit { id, merged, .. } = &self.commits[*other];
            let mut own = std::iter::once(*id).chain(merged.iter().map(|(id, _)| *id));
            own.any(|own| ids.iter().any(|id| own.starts_with(id)))
        };
        match ids {
            [] => Vec::new(),
            _ => (number + 1..self.commits.len()).filter(is_meant).collect(),
        }
    }

    /// What is in force of `target`: itself, or what deployed it again.
    fn in_its_place(&self, target: usize) -> usize {
        let undone_by = |number: usize| self.standings[number].undone_by;
        match undone_by(target).and_then(undone_by) {
            // Each is newer than the one before.
            Some(again) if again < target => self.in_its_place(again),
            Some(_) | None => target,
        }
    }

    /// What a change took back: all in force at its place, down to the one before which there was what
    /// it put there. None where there is no such one.
    fn taken_by(&self, change: Change) -> Option<Vec<Change>> {
        let back_to = &self.change(change).new;
        let mut taken = Vec::new();
        let at = self.at[self.place(change)].iter().copied();
        for before in at.filter(|before| before.0 > change.0 && self.stands(*before)) {
            taken.push(before);
            if self.change(before).old == *back_to {
                return Some(taken);
            }
        }
        None
    }

    fn take(&mut self, by: usize, changes: &[Change]) {
        for (target, own) in changes {
            let standing = &mut self.standings[*target];
            standing.taken_by[*own].get_or_insert(by);
            standing.taken_in.insert((self.files[*target][*own], by));
            self.settle(by, *target);
        }
    }

    /// Takes all back that `target` did to the files that `by` touched.
    fn take_files(&mut self, by: usize, target: usize) {
        let touched = &self.touched[by];
        let standing = &mut self.standings[target];
        for (taken, file) in standing.taken_by.iter_mut().zip(&self.files[target]) {
            if touched.contains_key(file) {
                taken.get_or_insert(by);
            }
        }
        let files = self.touched[target].keys();
        let files = files.filter(|file| touched.contains_key(*file));
        standing.taken_in.extend(files.map(|file| (*file, by)));
        self.settle(by, target);
    }

    fn settle(&mut self, by: usize, target: usize) {
        let standing = &mut self.standings[target];
        if standing.undone_by.is_none() && !standing.taken_by.contains(&None) {
            standing.undone_by = Some(by);
        }
        let takes_back = &mut self.standings[by].takes_back;
        if !takes_back.contains(&target) {
            takes_back.push(target);
        }
    }
}

fn repository(image: &str) -> Option<String> {
    let image: ImageReference = image.parse().ok()?;
    Some(image.repository().to_owned())
}

/// What a commit says that it is, and which ones it says to revert. Of a merge, the newest of those
/// counts that it brought and that say something.
fn said<'a>(commit: &PastCommit<'a>) -> (Origin, Vec<&'a str>) {
    let merged = commit.merged.iter().map(|(_, message)| *message);
    let messages = || std::iter::once(commit.message).chain(merged.clone());
    let reverted = messages().flat_map(reverted);
    (Origin::of_all(messages()), reverted.collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a test's commit did: file, place, before and after.
    type Did = Vec<(String, String, Option<String>, Option<String>)>;

    /// A branch that a test writes, oldest commit first.
    #[derive(Default)]
    struct Branch {
        runs: BTreeMap<String, String>,
        commits: Vec<(String, String, Did)>,
    }

    impl Branch {
        /// `web=2` lets `web` run the image `web:2`.
        fn commit(&mut self, message: &str, sets: &[&str]) -> String {
            let mut did = Vec::new();
            for set in sets {
                let (place, tag) = set.split_once('=').unwrap();
                let new = (!tag.is_empty()).then(|| format!("{place}:{tag}"));
                let old = match &new {
                    Some(new) => self.runs.insert(place.to_owned(), new.clone()),
                    None => self.runs.remove(place),
                };
                if old != new {
                    did.push(("a.yaml".to_owned(), place.to_owned(), old, new));
                }
            }
            let id = format!("{:040x}", self.commits.len() + 1);
            self.commits.push((id.clone(), message.to_owned(), did));
            id
        }

        fn deploy(&mut self, sets: &[&str]) -> String {
            self.commit("chore: x\n\nDeployed-Image: x:1\n", sets)
        }

        fn edit(&mut self, sets: &[&str]) -> String {
            self.commit("feat: by hand", sets)
        }

        fn past(&self) -> Past<'_> {
            let commits = self.commits.iter().rev().map(|(id, message, did)| {
                let changes = did.iter().map(|(file, place, old, new)| PastChange {
                    file,
                    place: place.clone(),
                    is_image: true,
                    old: old.clone(),
                    new: new.clone(),
                });
                PastCommit {
                    id,
                    message,
                    merged: Vec::new(),
                    files: vec![("a.yaml", None)],
                    changes: changes.collect(),
                }
            });
            Past::new(commits.collect())
        }

        /// Undoes commits, newest first, and says so with `key`.
        fn undo(&mut self, ids: &[String], message: impl Fn(&str) -> String) -> Option<String> {
            let mut sets = BTreeMap::new();
            for id in ids {
                let (_, _, did) = self.commits.iter().find(|(own, ..)| own == id).unwrap();
                for (_, place, old, new) in did {
                    let now = sets
                        .get(place)
                        .unwrap_or(&self.runs.get(place).cloned())
                        .clone();
                    if now == *new {
                        sets.insert(place.clone(), old.clone());
                    } else if now != *old {
                        return None; // It was changed since.
                    }
                }
            }
            let tag = |image: &String| image.split_once(':').unwrap().1.to_owned();
            let sets: Vec<String> = sets
                .iter()
                .map(|(place, image)| {
                    format!("{place}={}", image.as_ref().map(tag).unwrap_or_default())
                })
                .collect();
            let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
            let lines: Vec<String> = ids.iter().map(|id| message(id)).collect();
            let message = format!("Revert it\n\n{}\n", lines.join("\n"));
            Some(self.commit(&message, &sets))
        }

        /// What a click undoes: the ids, newest first.
        fn next(&self) -> Result<Vec<String>, NothingBefore> {
            let past = self.past();
            let ids = |number: &usize| past.commits()[*number].id.to_owned();
            Ok(past.newest()?.iter().map(ids).collect())
        }

        fn click(&mut self) -> Option<String> {
            let ids = self.next().ok()?;
            self.undo(&ids, |id| format!("Rolled-Back-Commit: {id}"))
        }

        fn runs(&self) -> String {
            let images: Vec<&str> = self.runs.values().map(String::as_str).collect();
            images.join(" ")
        }
    }

    #[test]
    fn a_click_undoes_the_newest_deployment_in_force() {
        let mut branch = Branch::default();
        branch.edit(&["web=1", "api=1"]);
        branch.deploy(&["web=2"]);
        branch.deploy(&["api=2"]);
        branch.deploy(&["web=3", "api=3"]);
        let mut seen = vec![branch.runs()];
        while branch.click().is_some() {
            seen.push(branch.runs());
        }
        assert_eq!(
            seen,
            ["api:3 web:3", "api:2 web:2", "api:1 web:2", "api:1 web:1"]
        );
        assert_eq!(branch.next(), Err(NothingBefore::NoDeployment));
    }

    /// What runs after each of some clicks, until there is nothing.
    fn clicked(mut branch: Branch) -> Vec<String> {
        let mut seen = Vec::new();
        while branch.click().is_some() {
            seen.push(branch.runs());
            assert!(seen.len() < 20, "{seen:?}");
        }
        seen
    }

    fn started() -> Branch {
        let mut branch = Branch::default();
        branch.edit(&["web=1"]);
        branch.deploy(&["web=2"]);
        branch.deploy(&["web=3"]);
        branch
    }

    #[test]
    fn what_is_deployed_again_is_in_force_again() {
        let mut branch = started();
        branch.click().unwrap();
        branch.deploy(&["web=3"]);
        assert_eq!(clicked(branch), ["web:2", "web:1"]);
        // Undone by name, a rollback is a deployment again.
        let mut branch = started();
        branch.click().unwrap();
        let rollback = branch.commits.last().unwrap().0.clone();
        let again = branch
            .undo(&[rollback], |id| format!("Undone-Rollback: {id}"))
            .unwrap();
        assert_eq!(branch.runs(), "web:3");
        assert_eq!(branch.past().standings()[0].origin, Origin::Reapply);
        assert_eq!(branch.next(), Ok(vec![again.clone()]));
        // The first one by its own id, which is what `git revert` takes: it is the newer that is in force.
        let first = branch.commits[2].0.clone();
        branch.undo(&[first], |id| format!("This reverts commit {id}."));
        assert_eq!(branch.past().standings()[1].undone_by, Some(0));
        assert_eq!(clicked(branch), ["web:1"]);
    }

    #[test]
    fn a_rollback_never_takes_itself_back() {
        let mut branch = started();
        branch.click().unwrap();
        // It names a rollback, and what that took back.
        let [.., taken, rollback] = &branch.commits[..] else {
            unreachable!()
        };
        let message = format!(
            "Go back\n\nRolled-Back-Commit: {}\nRolled-Back-Commit: {}\n",
            rollback.0, taken.0
        );
        branch.commit(&message, &["web=1"]);
        let past = branch.past();
        assert_eq!(past.standings()[0].undone_by, None);
        // Nor does one that names it go round in a circle.
        let last = branch.commits.last().unwrap().0.clone();
        branch.commit(
            &format!("Again\n\nRolled-Back-Commit: {last}\n"),
            &["web=2"],
        );
        assert_eq!(branch.past().standings()[0].undone_by, None);
    }

    #[test]
    fn what_somebody_takes_back_by_hand_is_rolled_back() {
        for back in [&["web=2"][..], &["web=1"]] {
            let mut branch = started();
            branch.edit(back);
            assert_eq!(branch.past().standings()[0].origin, Origin::Rollback);
            let expected = if back == ["web=2"] {
                vec!["web:1"]
            } else {
                vec![]
            };
            assert_eq!(clicked(branch), expected);
        }
        // A part of it, so that a click does the rest.
        let mut branch = Branch::default();
        branch.edit(&["web=1", "api=1"]);
        branch.deploy(&["web=2", "api=2"]);
        branch.edit(&["web=1"]);
        assert_eq!(clicked(branch), ["api:1 web:1"]);
        // Another image is another deployment.
        let mut branch = started();
        branch.edit(&["web=9"]);
        assert_eq!(clicked(branch), ["web:3", "web:2", "web:1"]);
    }

    #[test]
    fn what_was_rolled_back_is_passed_on_the_way() {
        let mut branch = started();
        branch.deploy(&["web=2"]);
        // What is asked for is a deployment, also of what was there before: undone, 3 runs again. Then 2
        // would: but that was rolled back just now.
        assert_eq!(clicked(branch), ["web:3", "web:1"]);
        let mut branch = Branch::default();
        branch.edit(&["web=2"]);
        branch.deploy(&["web=3"]);
        branch.deploy(&["web=2"]);
        branch.click().unwrap();
        let by = NothingBefore::RolledBack {
            deployment: 2,
            by: 0,
        };
        assert_eq!(branch.next(), Err(by));
    }

    #[test]
    fn a_rollback_of_one_file_leaves_the_other_in_force() {
        let image = |text: &str| Some(text.to_owned());
        let change = |file, old, new| PastChange {
            file,
            place: "web".into(),
            is_image: true,
            old: image(old),
            new: image(new),
        };
        let mut commits = vec![
            PastCommit {
                id: "2222222",
                message: "x\n\nRolled-Back-Commit: 1111111",
                files: vec![("moved.yaml", None)],
                changes: vec![change("moved.yaml", "web:2", "web:1")],
                ..PastCommit::default()
            },
            PastCommit {
                id: "3333333",
                message: "move it",
                files: vec![("moved.yaml", Some("a.yaml"))],
                ..PastCommit::default()
            },
            PastCommit {
                id: "1111111",
                message: "x\n\nDeployed-Image: web:2",
                files: vec![("a.yaml", None), ("b.yaml", None)],
                changes: vec![
                    change("a.yaml", "web:1", "web:2"),
                    change("b.yaml", "web:1", "web:2"),
                ],
                ..PastCommit::default()
            },
        ];
        let past = Past::new(commits.clone());
        assert_eq!(past.standings()[0].takes_back, [2]);
        assert_eq!(past.newest(), Ok(vec![2]));
        commits[2].changes.pop();
        assert_eq!(
            Past::new(commits).newest(),
            Err(NothingBefore::NoDeployment)
        );
    }

    #[test]
    fn a_merge_is_what_the_newest_of_its_commits_says() {
        let branch = started();
        let ids: Vec<String> = branch.commits.iter().map(|(id, ..)| id.clone()).collect();
        let past = branch.past();
        let merge = |said: String| {
            let said = Box::leak(said.into_boxed_str());
            let mut commits = past.commits().to_vec();
            commits.insert(
                0,
                PastCommit {
                    id: "aaaaaaa",
                    message: "Merge pull request #1 from acme/x",
                    merged: vec![("bbbbbbb", "fix: a typo"), ("ccccccc", said)],
                    files: vec![("a.yaml", None)],
                    changes: vec![PastChange {
                        file: "a.yaml",
                        place: "web".into(),
                        is_image: true,
                        old: Some("web:3".into()),
                        new: Some("web:9".into()),
                    }],
                },
            );
            commits
        };
        let commits = merge(format!("x\n\nRolled-Back-Commit: {}\n", ids[2]));
        assert_eq!(Past::new(commits).newest(), Ok(vec![2]));
        // Of another line: what it brings here was never here.
        let mut commits = merge("x\n\nRolled-Back-Commit: ddddddd\n".into());
        assert_eq!(Past::new(commits.clone()).newest(), Ok(vec![0]));
        commits.insert(
            0,
            PastCommit {
                id: "eeeeeee",
                message: "x\n\nRolled-Back-Commit: ccccccc\n",
                files: vec![("a.yaml", None)],
                ..PastCommit::default()
            },
        );
        assert_eq!(Past::new(commits).newest(), Ok(vec![2]));
    }

    #[derive(Debug, Clone)]
    enum Step {
        Deploy(Vec<(bool, u8)>),
        Edit(bool, u8),
        Click,
        GitRevert(usize),
        Named(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => proptest::collection::vec((any::<bool>(), 1_u8..6), 1..3).prop_map(Step::Deploy),
            2 => (any::<bool>(), 1_u8..6).prop_map(|(place, tag)| Step::Edit(place, tag)),
            4 => Just(Step::Click),
            1 => (0_usize..8).prop_map(Step::GitRevert),
            1 => (0_usize..8).prop_map(Step::Named),
        ]
    }

    /// `web=2`, each place once.
    fn sets(places: &[(bool, u8)]) -> Vec<String> {
        let places: BTreeMap<&bool, &u8> = places.iter().map(|(place, tag)| (place, tag)).collect();
        let set =
            |(place, tag): (&bool, _)| format!("{}={tag}", if *place { "web" } else { "api" });
        places.into_iter().map(set).collect()
    }

    proptest! {
        #[test]
        fn no_click_deploys_what_was_rolled_back(steps in proptest::collection::vec(step(), 1..24)) {
            let mut branch = Branch::default();
            branch.edit(&["web=1", "api=1"]);
            // What rollbacks took out, and nobody asked for since.
            let mut out: HashSet<String> = HashSet::new();
            for step in steps {
                let is_undoable = |branch: &Branch, back: usize| {
                    let (id, _, did) = branch.commits.iter().rev().nth(back)?;
                    let now = |place: &String| branch.runs.get(place).cloned();
                    let is_now = did.iter().all(|(_, place, old, new)| old.is_some() && now(place) == *new);
                    (is_now && !did.is_empty()).then(|| id.clone())
                };
                let is_click = matches!(step, Step::Click);
                let before = branch.commits.len();
                match step {
                    Step::Deploy(places) => {
                        let sets = sets(&places);
                        branch.deploy(&sets.iter().map(String::as_str).collect::<Vec<_>>());
                    }
                    Step::Edit(place, tag) => {
                        branch.edit(&[sets(&[(place, tag)])[0].as_str()]);
                    }
                    Step::Click => {
                        let _ = branch.click();
                    }
                    Step::GitRevert(back) => if let Some(id) = is_undoable(&branch, back) {
                        branch.undo(&[id], |id| format!("This reverts commit {id}."));
                    },
                    Step::Named(back) => if let Some(id) = is_undoable(&branch, back) {
                        branch.undo(&[id], |id| format!("Rolled-Back-Commit: {id}"));
                    },
                }
                for (_, _, did) in &branch.commits[before..] {
                    for (_, _, old, new) in did {
                        let (old, new) = (old.clone().unwrap(), new.clone().unwrap());
                        prop_assert!(!is_click || !out.contains(&new), "{new} in {:#?}", branch.commits);
                        out.remove(&new);
                        if is_click {
                            out.insert(old);
                        }
                    }
                }
            }
            // There is an end to it.
            let clicks = (0..100).take_while(|_| branch.click().is_some()).count();
            prop_assert!(clicks < 60);
        }
    }
}
