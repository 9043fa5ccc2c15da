//! Which deployments of a branch are in force, and which were taken back by which.
//!
//! One rule for whoever rolls back and for whoever counts what was rolled back. It stands on what the
//! commits say of themselves in trailers; on `This reverts commit …` where there are none of ours; and,
//! for what says nothing, as a file that is put back by hand, on what it did: an edit that takes all it
//! changes back to what ran before the deployments in force is a rollback.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::trailers::{Origin, has_trailers, reverted};
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
    /// Whether it deployed something.
    deploys: bool,
    /// What became of each of its changes.
    fates: Vec<Fate>,
    /// The files that it touched, and from which it was taken back.
    left_files: HashSet<FileNumber>,
    /// Which commit took something back in which of its files.
    taken_in: BTreeSet<(FileNumber, usize)>,
}

impl Standing {
    fn blank(commit: &PastCommit<'_>) -> Self {
        Self {
            origin: Origin::Edit,
            takes_back: Vec::new(),
            undone_by: None,
            deploys: false,
            fates: vec![Fate::Stands; commit.changes.len()],
            left_files: HashSet::new(),
            taken_in: BTreeSet::new(),
        }
    }

    /// Whether it is a deployment, in force or not.
    pub fn is_deployment(&self) -> bool {
        self.deploys
    }

    /// Which commit took each of its changes back, by its number.
    pub fn taken_by(&self) -> impl Iterator<Item = Option<usize>> {
        self.fates.iter().map(|fate| match fate {
            Fate::TakenBack(by) => Some(*by),
            Fate::Stands | Fate::TookBack => None,
        })
    }
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Nobody took it back; though others may have changed again what it changed.
    Stands,
    /// It took something back itself.
    TookBack,
    /// The commit of this number took it back.
    TakenBack(usize),
}

/// Something that was put at a place on top of what was there before: a rollback takes it off again.
#[derive(Debug, Clone)]
struct Layer {
    /// What is there; none where that is gone.
    value: Option<String>,
    /// What put it there; none where that is not known.
    change: Option<Change>,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A part of a deployment.
    Deployed,
    /// A deployment that was taken back, though what it put there is still below other things.
    Dead,
    /// What was there first, or somebody's own value: no deployment below is in force any more.
    Floor,
    /// Somebody has removed what was there. It does not come back by itself.
    Gone,
}

/// A commit, and what of it is to be undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undo {
    /// The commit, by its number.
    pub number: usize,
    /// Which of its changes, by their numbers, in their order.
    changes: Vec<usize>,
    /// Whether what it did to files without images and values goes with it.
    is_all: bool,
}

/// What of a commit is to be undone in one of its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// All that it did there.
    Whole,
    /// Nothing.
    Nothing,
    /// All but what it did at these places: whether an image is there, and the place.
    Without(Vec<(bool, String)>),
}

/// How an image comes back that ran before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WayBack {
    /// What is to be undone, newest first; nothing where no such image ran before something else.
    pub undo: Vec<Undo>,
    /// The images that were taken back themselves, so that they come only because they are named, each with
    /// the commit that did it; none where it is a way back.
    pub again: Vec<(String, usize)>,
    /// The places that have been taken back further, and stay: the commit that did it, and the file.
    pub stays: Vec<(usize, String)>,
}

/// How one image of those that are wanted comes again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The image.
    pub image: String,
    /// The commit until which it ran, by its number.
    pub until: usize,
    /// Whether that took it back.
    pub is_forward: bool,
}

/// The oldest commit that a way undoes, by its number; and whether the way leads forward.
type End = (usize, bool);

/// How an image that is wanted comes again at one place.
struct Way {
    image: String,
    place: PlaceNumber,
    /// The oldest commit that is undone for it, by its number.
    end: usize,
    /// What is undone there, newest first.
    changes: Vec<Change>,
    is_forward: bool,
}

/// The commits that touched the files, newest first, and how each stands.
#[derive(Debug, Clone)]
pub struct Past<'a> {
    commits: Vec<PastCommit<'a>>,
    standings: Vec<Standing>,
    /// The files that each commit touched, in their order.
    touched: Vec<Vec<FileNumber>>,
    /// The file of each change of each commit.
    files: Vec<Vec<FileNumber>>,
    /// The place of each change of each commit.
    places: Vec<Vec<PlaceNumber>>,
    /// The changes at each place, newest first.
    at: Vec<Vec<Change>>,
    /// What is at each place, the newest last.
    layers: Vec<Vec<Layer>>,
    /// What each commit took out.
    taken: Vec<Vec<Taken>>,
}

/// A file, under whatever name.
type FileNumber = usize;
/// A place in a file; the same for all that was ever there.
type PlaceNumber = usize;
/// The numbers of a commit and of one of its changes.
type Change = (usize, usize);
/// What runs: an image, which is the same wherever it is, or a value with its place.
type Thing<'p> = (Option<PlaceNumber>, &'p str);

/// What a commit took out: what a change had put in, or what was there before a change.
#[derive(Debug, Clone, Copy)]
enum Taken {
    New(Change),
    Old(Change),
}

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
            layers: Vec::new(),
            taken: vec![Vec::new(); commits.len()],
            commits,
        };
        past.locate();
        past.layers = vec![Vec::new(); past.at.len()];
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
        let standing = &self.standings[number];
        let is_left = |file: FileNumber| {
            let mut changes = standing.taken_by().zip(&self.files[number]);
            changes.any(|(by, own)| *own == file && by.is_none())
        };
        let path = |file: FileNumber| {
            let mut touched = self.touched[number].iter();
            let own = touched.position(|touched| *touched == file)?;
            Some(self.commits[number].files[own].0)
        };
        let taken = standing.taken_in.iter().filter_map(|(file, by)| {
            Some(TakenBack {
                file: path(*file)?,
                by: *by,
                is_all: !is_left(*file),
            })
        });
        let mut taken: Vec<TakenBack<'a>> = taken.collect();
        taken.sort_unstable_by_key(|taken| (taken.file, taken.by));
        taken
    }

    /// The number of the commit that took `image` back, if nothing has brought it since that says that it
    /// deploys: whoever puts it there by hand may be trying.
    pub fn took_back(&self, image: &str) -> Option<usize> {
        let puts_in = |change: Change| {
            let PastChange { is_image, new, .. } = self.change(change);
            *is_image && new.as_deref() == Some(image)
        };
        let takes_out = |change: Change| {
            let PastChange { is_image, old, .. } = self.change(change);
            *is_image && old.as_deref() == Some(image)
        };
        for (number, standing) in self.standings.iter().enumerate() {
            let took = self.taken[number].iter().any(|taken| match *taken {
                Taken::New(change) => puts_in(change),
                Taken::Old(change) => takes_out(change),
            });
            if took {
                return Some(number);
            }
            let mut changes = self.changes(number);
            if changes.any(puts_in) && standing.origin != Origin::Edit {
                return None;
            }
        }
        None
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

    /// What a rollback undoes that names nothing: what is left of the newest deployment in force; where
    /// that would bring back what was rolled back, with what brought that. Newest first.
    ///
    /// # Errors
    /// Why there is nothing.
    pub fn newest(&self) -> Result<Vec<Undo>, NothingBefore> {
        let taken_out = self.taken_out();
        let mut nothing = NothingBefore::NoDeployment;
        for deployment in (0..self.commits.len()).filter(|number| self.is_in_force(*number)) {
            let live = self.live_changes(deployment);
            let mut changes: BTreeSet<Change> = BTreeSet::new();
            for own in &live {
                let way = self.way_down((deployment, *own), &taken_out);
                changes.extend(way.map_err(|by| NothingBefore::RolledBack { deployment, by })?);
            }
            // Where what ran before is the same but for what was rolled back in between, there is nothing
            // to undo.
            if live.is_empty() || !changes.is_empty() {
                return Ok(self.undo(&changes, &BTreeSet::from([deployment])));
            }
            let mut before = live.iter().filter_map(|own| {
                let change = (deployment, *own);
                let thing = self.thing(change, &self.change(change).old)?;
                taken_out.get(&thing)
            });
            if let (NothingBefore::NoDeployment, Some(by)) = (nothing, before.next()) {
                let by = *by;
                nothing = NothingBefore::RolledBack { deployment, by };
            }
        }
        Err(nothing)
    }

    /// What a rollback undoes that names a commit: what of it was not taken back.
    ///
    /// # Errors
    /// The number of the commit that took the last of it back.
    pub fn of_commit(&self, number: usize) -> Result<Undo, usize> {
        let number = self.in_its_place(number);
        let Standing {
            undone_by, fates, ..
        } = &self.standings[number];
        if let Some(by) = undone_by {
            return Err(*by);
        }
        let is_left = |(_, fate): &(usize, &Fate)| !matches!(fate, Fate::TakenBack(_));
        let left = fates.iter().enumerate().filter(is_left);
        Ok(Undo {
            number,
            changes: left.map(|(own, _)| own).collect(),
            is_all: true,
        })
    }

    /// The places where an image that `is_wanted` means ran before something else.
    fn ways(&self, is_wanted: impl Fn(&str) -> bool) -> Vec<Way> {
        let wanted = |text: &Option<String>| text.clone().filter(|text| is_wanted(text));
        let mut ways = Vec::new();
        for (place, layers) in self.layers.iter().enumerate() {
            let at = &self.at[place];
            let is_image = at.iter().any(|change| self.change(*change).is_image);
            let Some((top, below)) = layers.split_last().filter(|_| is_image) else {
                continue;
            };
            if wanted(&top.value).is_some() {
                continue;
            }
            let mut newest_first = below.iter().enumerate().rev();
            let layer =
                newest_first.find_map(|(height, layer)| Some((height + 1, wanted(&layer.value)?)));
            if let Some((height, image)) = layer {
                // What nobody knows who put it there can't be taken off.
                if let Some(changes) = self.above(place, height) {
                    ways.push(Way {
                        image,
                        place,
                        end: changes.last().map_or(0, |(number, _)| *number),
                        changes,
                        is_forward: false,
                    });
                }
                continue;
            }
            let end = at
                .iter()
                .find_map(|change| Some((change.0, wanted(&self.change(*change).old)?)));
            if let Some((end, image)) = end {
                ways.push(Way {
                    image,
                    place,
                    end,
                    changes: Vec::new(),
                    is_forward: true,
                });
            }
        }
        ways.sort_unstable_by_key(|way| (way.end, way.place));
        ways
    }

    /// Whether an image that `is_wanted` means runs, or ran before something else.
    pub fn knows(&self, is_wanted: impl Fn(&str) -> bool) -> bool {
        let mut tops = self.layers.iter().filter_map(|layers| layers.last());
        let is_top = |top: &Layer| top.value.as_deref().is_some_and(&is_wanted);
        tops.any(is_top) || !self.ways(&is_wanted).is_empty()
    }

    /// The images of different names that `is_wanted` means, the newest first, where they do not come again
    /// together: some ran longer than others, or were taken back. None where they do.
    pub fn candidates(&self, is_wanted: impl Fn(&str) -> bool) -> Vec<Candidate> {
        let mut by_name: Vec<(Option<String>, BTreeSet<End>, String)> = Vec::new();
        for way in self.ways(is_wanted) {
            let name = repository(&Some(way.image.clone()));
            let end = (way.end, way.is_forward);
            match by_name.iter_mut().find(|(other, ..)| *other == name) {
                Some((_, ends, _)) => {
                    ends.insert(end);
                }
                None => by_name.push((name, BTreeSet::from([end]), way.image)),
            }
        }
        let differ = by_name
            .windows(2)
            .any(|pair| matches!(pair, [(_, one, _), (_, other, _)] if one != other));
        let named = by_name.into_iter().filter(|_| differ);
        let candidates = named.filter_map(|(_, ends, image)| {
            // One that goes back somewhere does not go forward elsewhere.
            let back = ends.iter().find(|(_, is_forward)| !is_forward);
            let (until, is_forward) = *back.or(ends.first())?;
            Some(Candidate {
                image,
                until,
                is_forward,
            })
        });
        candidates.collect()
    }

    /// What a rollback undoes so that the images which `is_wanted` means run again, whatever lies between.
    /// Where that is a way back at some places, what was taken back further at others stays.
    pub fn back_to(&self, is_wanted: impl Fn(&str) -> bool) -> WayBack {
        let ways = self.ways(&is_wanted);
        let (forward, back): (Vec<Way>, Vec<Way>) =
            ways.into_iter().partition(|way| way.is_forward);
        if back.is_empty() {
            let mut again: Vec<(String, usize)> = Vec::new();
            for way in &forward {
                if !again.iter().any(|(image, _)| *image == way.image) {
                    again.push((way.image.clone(), way.end));
                }
            }
            let ends = forward.into_iter().map(|way| (way.end, way.place));
            return WayBack {
                undo: self.forward(ends),
                again,
                stays: Vec::new(),
            };
        }
        let file = |place: PlaceNumber| self.change(self.at[place][0]).file.to_owned();
        let stays = forward.iter().map(|way| (way.end, file(way.place)));
        let stays: BTreeSet<(usize, String)> = stays.collect();
        WayBack {
            undo: self
                .with_what_came_with_it(back.into_iter().flat_map(|way| way.changes), is_wanted),
            again: Vec::new(),
            stays: stays.into_iter().collect(),
        }
    }

    /// `changes`, with the rest of what is in force of their commits, and what came on top of that.
    fn with_what_came_with_it(
        &self,
        changes: impl Iterator<Item = Change>,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Vec<Undo> {
        let mut taken_out = self.taken_out();
        // What is named comes back also where it was taken out elsewhere.
        taken_out.retain(|(place, text), _| place.is_some() || !is_wanted(text));
        let mut changes: BTreeSet<Change> = changes.collect();
        let mut open: Vec<usize> = changes.iter().map(|(number, _)| *number).collect();
        let mut whole: BTreeSet<usize> = BTreeSet::new();
        while let Some(number) = open.pop() {
            if !whole.insert(number) {
                continue;
            }
            for own in self.live_changes(number) {
                // What was rolled back, and is not named, stays away.
                let Ok(way) = self.way_down((number, own), &taken_out) else {
                    continue;
                };
                for change in way {
                    if self.is_live(change) {
                        open.push(change.0);
                    }
                    changes.insert(change);
                }
            }
        }
        self.undo(&changes, &whole)
    }

    /// What is undone so that what was taken back comes again: all commits since at its places, wholly.
    fn forward(&self, ends: impl Iterator<Item = (usize, PlaceNumber)>) -> Vec<Undo> {
        let mut chosen: BTreeSet<usize> = BTreeSet::new();
        for (end, place) in ends {
            let numbers = self.at[place].iter().map(|(number, _)| *number);
            chosen.extend(numbers.filter(|number| *number <= end));
        }
        // What changed again what those changed has to be undone before.
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
        let changes = chosen.iter().flat_map(|number| self.changes(*number));
        self.undo(&changes.collect(), &chosen)
    }

    /// The changes by their commits, newest first, and the commits of `whole`.
    fn undo(&self, changes: &BTreeSet<Change>, whole: &BTreeSet<usize>) -> Vec<Undo> {
        let numbers = changes.iter().map(|(number, _)| number).chain(whole);
        let numbers: BTreeSet<usize> = numbers.copied().collect();
        let undo = numbers.into_iter().map(|number| Undo {
            number,
            changes: changes
                .range((number, 0)..(number + 1, 0))
                .map(|(_, own)| *own)
                .collect(),
            is_all: whole.contains(&number),
        });
        undo.collect()
    }

    /// What is to be undone in the files of a commit, in their order.
    pub fn parts(&self, undo: &Undo) -> Vec<Part> {
        let number = undo.number;
        let left_files = &self.standings[number].left_files;
        let files = self.touched[number].iter();
        let part = files.map(|file| {
            let known = self
                .changes(number)
                .filter(|change| self.file(*change) == *file);
            let (undone, kept): (Vec<Change>, Vec<Change>) =
                known.partition(|(_, own)| undo.changes.contains(own));
            match (&undone[..], &kept[..]) {
                ([], []) if undo.is_all && !left_files.contains(file) => Part::Whole,
                ([], _) => Part::Nothing,
                (_, []) => Part::Whole,
                (_, kept) => Part::Without(
                    kept.iter()
                        .map(|kept| self.change(*kept))
                        .map(|kept| (kept.is_image, kept.place.clone()))
                        .collect(),
                ),
            }
        });
        part.collect()
    }

    /// What a deployment put where somebody has put a value of their own since: the change, and the number
    /// of that commit, where it is known.
    pub fn overridden(&self, number: usize) -> Vec<(&PastChange<'a>, Option<usize>)> {
        let is_deployment = self.standings[number].is_deployment();
        let changes = self.changes(number).filter(|_| is_deployment);
        let overridden = changes.filter_map(|change| {
            let layers = &self.layers[self.place(change)];
            let own = layers
                .iter()
                .position(|layer| layer.change == Some(change))?;
            let mut above = layers.get(own + 1..)?.iter();
            let floor = above.find(|layer| layer.kind == Kind::Floor)?;
            Some((self.change(change), floor.change.map(|(by, _)| by)))
        });
        overridden.collect()
    }

    /// Whether it is a deployment of which something is left that nobody took back.
    pub fn is_in_force(&self, number: usize) -> bool {
        let Standing {
            undone_by,
            deploys,
            fates,
            ..
        } = &self.standings[number];
        *deploys
            && undone_by.is_none()
            && (fates.is_empty() || !self.live_changes(number).is_empty())
    }

    /// Whether older commits than those of the list may show that something else is to be undone than what was
    /// `chosen`.
    pub fn stands_on_older(&self, chosen: &[Undo]) -> bool {
        let is_edit = |number: usize| self.standings[number].origin == Origin::Edit;
        // What a rollback put there in place of what it took back may be what there was before, and so may
        // what somebody wrote by hand.
        let is_unsure = |number: usize| {
            let has_images = || {
                let mut changes = self.changes(number);
                changes.any(|change| self.change(change).is_image)
            };
            !said(&self.commits[number]).1.is_empty() || is_edit(number) && has_images()
        };
        let oldest = chosen.iter().map(|one| one.number).max();
        chosen.iter().any(|one| is_edit(one.number))
            || oldest.is_some_and(|oldest| (0..=oldest).any(is_unsure))
    }

    /// Which changes of a commit are in force.
    fn live_changes(&self, number: usize) -> Vec<usize> {
        let live = self.changes(number).filter(|change| self.is_live(*change));
        live.map(|(_, own)| own).collect()
    }

    /// Whether a change is a part of a deployment, nobody took it back, and nobody has put something there
    /// by hand since.
    fn is_live(&self, change: Change) -> bool {
        let layers = self.layers[self.place(change)].iter().rev();
        let mut in_force = layers.take_while(|layer| layer.kind != Kind::Floor);
        in_force.any(|layer| layer.change == Some(change) && layer.kind == Kind::Deployed)
    }

    /// What has to be undone at its place so that a change which is in force is, and what was taken out does
    /// not come back: nothing where the same comes then; the number of the commit that took it out, where
    /// there is nothing else.
    fn way_down(
        &self,
        change: Change,
        taken_out: &HashMap<Thing<'_>, usize>,
    ) -> Result<Vec<Change>, usize> {
        let place = self.place(change);
        let layers = &self.layers[place];
        let own = layers.iter().position(|layer| layer.change == Some(change));
        let mut height = own.unwrap_or(0);
        loop {
            let landing = height.checked_sub(1).and_then(|below| layers.get(below));
            let Some(Layer { value, kind, .. }) = landing else {
                return Ok(Vec::new());
            };
            let by = self
                .thing(change, value)
                .and_then(|thing| taken_out.get(&thing));
            let is_same = layers.last().is_some_and(|top| top.value == *value);
            match (kind, by) {
                (Kind::Floor, _) if is_same => return Ok(Vec::new()),
                (Kind::Floor, Some(by)) => return Err(*by),
                (Kind::Deployed, None) if is_same => height -= 1,
                (Kind::Dead | Kind::Gone, _) | (Kind::Deployed, Some(_)) => height -= 1,
                (Kind::Floor | Kind::Deployed, None) => break,
            }
        }
        Ok(self.above(place, height).unwrap_or_default())
    }

    /// What put the layers there from a height on, newest first; none where that is not known.
    fn above(&self, place: PlaceNumber, height: usize) -> Option<Vec<Change>> {
        let above = self.layers[place].get(height..)?.iter().rev();
        let above = above.filter(|layer| layer.kind != Kind::Gone);
        above.map(|layer| layer.change).collect()
    }

    /// What was taken out, and nobody put in again since; with the number of the commit that did it.
    fn taken_out(&self) -> HashMap<Thing<'_>, usize> {
        // The newest that is known of each thing: put in, or taken out by a commit.
        let mut newest: HashMap<Thing<'_>, Option<usize>> = HashMap::new();
        for (number, taken) in self.taken.iter().enumerate() {
            for own in self.changes(number) {
                if let Some(thing) = self.thing(own, &self.change(own).new) {
                    newest.entry(thing).or_insert(None);
                }
            }
            for taken in taken {
                let thing = match *taken {
                    Taken::New(change) => self.thing(change, &self.change(change).new),
                    Taken::Old(change) => self.thing(change, &self.change(change).old),
                };
                if let Some(thing) = thing {
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
    fn thing<'p>(&self, change: Change, text: &'p Option<String>) -> Option<Thing<'p>> {
        let is_image = self.change(change).is_image;
        let place = (!is_image).then(|| self.place(change));
        Some((place, text.as_deref()?))
    }

    fn place(&self, (number, own): Change) -> PlaceNumber {
        self.places[number][own]
    }

    fn file(&self, (number, own): Change) -> FileNumber {
        self.files[number][own]
    }

    /// The changes of a commit.
    fn changes(&self, number: usize) -> impl Iterator<Item = Change> + use<> {
        let changes = 0..self.commits[number].changes.len();
        changes.map(move |own| (number, own))
    }

    /// Numbers files and places. Files go by the names that they have now.
    fn locate(&mut self) {
        let mut files: HashMap<&str, FileNumber> = HashMap::new();
        let mut places: HashMap<(FileNumber, &str, usize), PlaceNumber> = HashMap::new();
        let mut count = 0;
        for (number, commit) in self.commits.iter().enumerate() {
            let mut file = |path| {
                *files.entry(path).or_insert_with(|| {
                    count += 1;
                    count
                })
            };
            self.touched
                .push(commit.files.iter().map(|(path, _)| file(path)).collect());
            let own = commit.changes.iter().map(|change| file(change.file));
            let own: Vec<FileNumber> = own.collect();
            // What has no name shares its place with its like: their order tells them apart.
            let mut met: HashMap<(FileNumber, &str), usize> = HashMap::new();
            let numbered = commit.changes.iter().zip(&own).map(|(change, file)| {
                let turn = met.entry((*file, &change.place)).or_default();
                *turn += 1;
                let new = places.len();
                *places.entry((*file, &change.place, *turn)).or_insert(new)
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
    ///
    /// What it says of itself tells whether it asks for something or takes something back; which
    /// deployments it took back, what it put at the places tells.
    fn judge(&mut self, number: usize) {
        let commit = &self.commits[number];
        let is_merge = !commit.merged.is_empty();
        let (said, ids) = said(commit);
        let is_ours = messages(commit).any(has_trailers);
        let named = self.resolved(number, &ids);
        let is_read = self.is_read(number, &ids);
        let is_rollback = |target: &usize| self.standings[*target].origin == Origin::Rollback;
        let undoes_rollbacks = named.iter().any(is_rollback);
        let said = match said {
            Origin::Rollback | Origin::Reapply if !named.is_empty() => {
                match named.iter().all(is_rollback) {
                    true => Origin::Reapply,
                    false => Origin::Rollback,
                }
            }
            // What was undone on a line of its own is another deployment on this one.
            Origin::Rollback | Origin::Reapply if is_merge => Origin::Update,
            said => said,
        };
        let (rollbacks, named): (Vec<usize>, Vec<usize>) = named.into_iter().partition(is_rollback);
        // Before any is taken: of two that are named, one may have taken the other back.
        let named: HashSet<usize> = named
            .into_iter()
            .map(|target| self.in_its_place(target))
            .collect();
        for target in rollbacks.iter().copied() {
            self.standings[target].undone_by = Some(number);
            self.add_target(number, target);
        }
        let undone: HashSet<usize> = rollbacks.into_iter().collect();
        let mut pushed = Vec::new();
        for change in self.changes(number) {
            self.see(change);
            let takes_back = match said {
                // What a rollback put there itself, in place of what it took back, is taken off again.
                Origin::Reapply => self.is_by(change, &undone) && self.lands_on_live(change),
                // A merge may bring both, and one squashed.
                Origin::Update => is_merge && !ids.is_empty() || self.is_by(change, &named),
                Origin::Rollback => true,
                // Who removes an image does not go back to the time before there was one.
                Origin::Edit => {
                    let PastChange { is_image, new, .. } = self.change(change);
                    !is_image || new.is_some()
                }
            };
            match self.landing(change, &named).filter(|_| takes_back) {
                Some(height) => self.take_off(change, height),
                None => pushed.push(change),
            }
        }
        let replaces = |change: &Change| {
            let change = self.change(*change);
            change.is_image && change.is_replacement()
        };
        let kind = match said {
            Origin::Update | Origin::Reapply => Kind::Deployed,
            // In place of what it took back; of what was not read, it may be what there was before.
            Origin::Rollback if undoes_rollbacks || is_read && !named.is_empty() => Kind::Deployed,
            // What a revert puts there that was not seen before is not asked for.
            Origin::Rollback => Kind::Floor,
            Origin::Edit if pushed.iter().any(replaces) => Kind::Deployed,
            Origin::Edit => Kind::Floor,
        };
        for change in &pushed {
            let PastChange { is_image, new, .. } = self.change(*change);
            let kind = match (kind, new) {
                (Kind::Floor, None) if *is_image => Kind::Gone,
                _ => kind,
            };
            self.put(*change, kind, &named);
            if said == Origin::Rollback && kind == Kind::Floor {
                self.taken[number].push(Taken::Old(*change));
            }
        }
        self.take_the_rest(number, &named, is_ours);
        let deploys = kind == Kind::Deployed && !pushed.is_empty();
        let is_empty = self.commits[number].changes.is_empty();
        let has_taken = !self.taken[number].is_empty();
        let standing = &mut self.standings[number];
        standing.origin = match said {
            Origin::Rollback
                if undoes_rollbacks && deploys && !standing.fates.contains(&Fate::TookBack) =>
            {
                Origin::Reapply
            }
            Origin::Update | Origin::Reapply | Origin::Edit if pushed.is_empty() && has_taken => {
                Origin::Rollback
            }
            said => said,
        };
        // Its trailers know of more than can be seen.
        standing.deploys = deploys || (said == Origin::Update && is_empty && !is_merge);
    }

    /// Makes sure that what was at the place of a change is known there.
    fn see(&mut self, change: Change) {
        let value = self.change(change).old.clone();
        let layers = &mut self.layers[self.places[change.0][change.1]];
        if layers.last().is_none_or(|top| top.value != value) {
            layers.push(Layer {
                value,
                change: None,
                kind: Kind::Floor,
            });
        }
    }

    /// Whether what was there before a change was put there by one of some commits.
    fn is_by(&self, change: Change, commits: &HashSet<usize>) -> bool {
        let top = self.layers[self.place(change)].last();
        let by = top.and_then(|top| top.change);
        by.is_some_and(|(number, _)| commits.contains(&number))
    }

    /// The height of the layer that a change goes back to; none where what it puts there is new.
    fn landing(&self, change: Change, named: &HashSet<usize>) -> Option<usize> {
        let wanted = &self.change(change).new;
        let (_, below) = self.layers[self.place(change)].split_last()?;
        below.iter().rposition(|layer| {
            let by = layer.change.map(|(number, _)| number);
            layer.value == *wanted && !by.is_some_and(|by| named.contains(&by))
        })
    }

    /// Whether a change goes back to something that was not taken back itself.
    fn lands_on_live(&self, change: Change) -> bool {
        let height = self.landing(change, &HashSet::new());
        let layers = &self.layers[self.place(change)];
        height.is_some_and(|height| !matches!(layers[height].kind, Kind::Dead | Kind::Gone))
    }

    /// Takes what is above a height off the place of a change, by which that is done.
    fn take_off(&mut self, change: Change, height: usize) {
        let (by, own) = change;
        let place = self.place(change);
        let off = self.layers[place].split_off(height + 1);
        let mut has_taken = false;
        for layer in off {
            if let (Some(taken), Kind::Deployed) = (layer.change, layer.kind) {
                self.take(by, taken);
                has_taken = true;
            }
        }
        if has_taken {
            self.taken[by].push(Taken::Old(change));
        }
        self.standings[by].fates[own] = Fate::TookBack;
    }

    /// Puts what a change says on top of its place. What commits put there that it names is dead below it.
    fn put(&mut self, change: Change, kind: Kind, named: &HashSet<usize>) {
        let place = self.place(change);
        self.bury(change.0, place, |number| named.contains(&number));
        let value = self.change(change).new.clone();
        self.layers[place].push(Layer {
            value,
            change: Some(change),
            kind,
        });
    }

    /// Takes back what some commits put at a place, wherever it is there.
    fn bury(&mut self, by: usize, place: PlaceNumber, is_meant: impl Fn(usize) -> bool) {
        let mut taken = Vec::new();
        for layer in &mut self.layers[place] {
            if let (Some(change), Kind::Deployed) = (layer.change, layer.kind)
                && is_meant(change.0)
            {
                layer.kind = Kind::Dead;
                taken.push(change);
            }
        }
        for change in taken {
            self.take(by, change);
        }
    }

    fn take(&mut self, by: usize, change: Change) {
        let (target, own) = change;
        let file = self.file(change);
        let standing = &mut self.standings[target];
        standing.fates[own] = Fate::TakenBack(by);
        standing.taken_in.insert((file, by));
        self.taken[by].push(Taken::New(change));
        self.settle(by, target);
    }

    /// Takes back what commits that are named did, and what is not seen at a place: to files without
    /// images, and, where somebody has reverted them with git and has resolved a conflict, all that they
    /// did to its files.
    fn take_the_rest(&mut self, number: usize, named: &HashSet<usize>, is_ours: bool) {
        let touched: HashSet<FileNumber> = self.touched[number].iter().copied().collect();
        let mut named: Vec<usize> = named.iter().copied().collect();
        named.sort_unstable();
        for target in named {
            let changes = self.changes(target);
            let changes = changes.filter(|change| touched.contains(&self.file(*change)));
            for change in changes.filter(|_| !is_ours).collect::<Vec<_>>() {
                self.bury(number, self.place(change), |by| by == target);
            }
            let left = self.touched[target].iter().copied();
            let left: Vec<FileNumber> = left.filter(|file| touched.contains(file)).collect();
            // Of files with images and values, their places tell what was taken back.
            let unseen = left
                .iter()
                .filter(|file| !self.files[target].contains(file));
            let unseen: Vec<(FileNumber, usize)> = unseen.map(|file| (*file, number)).collect();
            let standing = &mut self.standings[target];
            standing.taken_in.extend(unseen);
            standing.left_files.extend(left);
            self.add_target(number, target);
            self.settle(number, target);
        }
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

    /// Whether every one of the ids means a commit of the list.
    fn is_read(&self, number: usize, ids: &[&str]) -> bool {
        ids.iter()
            .all(|id| !self.resolved(number, std::slice::from_ref(id)).is_empty())
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

    /// Notes that one commit took back a part of another, and whether that was the last of it.
    fn settle(&mut self, by: usize, target: usize) {
        let is_left = !self.live_changes(target).is_empty();
        let undone_by = &mut self.standings[target].undone_by;
        if !is_left && undone_by.is_none() {
            *undone_by = Some(by);
        }
        self.add_target(by, target);
    }

    fn add_target(&mut self, by: usize, target: usize) {
        let takes_back = &mut self.standings[by].takes_back;
        if !takes_back.contains(&target) {
            takes_back.push(target);
        }
    }
}

fn repository(image: &Option<String>) -> Option<String> {
    let image: ImageReference = image.as_deref()?.parse().ok()?;
    Some(image.repository().to_owned())
}

/// What a commit says, and what those say that it merged, newest first.
fn messages<'a>(commit: &PastCommit<'a>) -> impl Iterator<Item = &'a str> {
    let merged: Vec<&'a str> = commit.merged.iter().map(|(_, message)| *message).collect();
    std::iter::once(commit.message).chain(merged)
}

/// What a commit says that it is, and which ones it says to revert. Of a merge, the newest of those
/// counts that it brought and that say something.
fn said<'a>(commit: &PastCommit<'a>) -> (Origin, Vec<&'a str>) {
    let reverted = messages(commit).flat_map(reverted);
    (Origin::of_all(messages(commit)), reverted.collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

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
        /// `web=2` lets `web` run the image `web:2`, and so does `web/b=2` `web/b`.
        fn commit(&mut self, message: &str, sets: &[&str]) -> String {
            let mut did = Vec::new();
            for set in sets {
                let (place, tag) = set.split_once('=').unwrap();
                let new = (!tag.is_empty()).then(|| format!("{}:{tag}", image(place)));
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

        /// Undoes commits, newest first, and says so with a line for each.
        fn undo(&mut self, undo: &[Undo], line: impl Fn(&str) -> String) -> Option<String> {
            let (mut sets, mut lines) = (BTreeMap::new(), Vec::new());
            let oldest_first = |number: usize| self.commits.len() - 1 - number;
            for Undo {
                number, changes, ..
            } in undo
            {
                let (id, _, did) = &self.commits[oldest_first(*number)];
                for (_, place, old, new) in changes.iter().map(|own| &did[*own]) {
                    let now = self.runs.get(place).cloned();
                    let now = sets.get(place).unwrap_or(&now).clone();
                    if now == *new {
                        sets.insert(place.clone(), old.clone());
                    } else if now != *old {
                        return None; // It was changed since.
                    }
                }
                lines.push(line(id));
            }
            let tag = |image: &String| image.split_once(':').unwrap().1.to_owned();
            let sets: Vec<String> = sets
                .iter()
                .map(|(place, image)| {
                    format!("{place}={}", image.as_ref().map(tag).unwrap_or_default())
                })
                .collect();
            let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
            let message = format!("Revert it\n\n{}\n", lines.join("\n"));
            Some(self.commit(&message, &sets))
        }

        /// All that a commit did, whatever became of it; counted from the newest.
        fn whole(&self, number: usize) -> Vec<Undo> {
            let count = self.commits[self.commits.len() - 1 - number].2.len();
            vec![Undo {
                number,
                changes: (0..count).collect(),
                is_all: true,
            }]
        }

        /// What a click undoes: the ids, newest first.
        fn next(&self) -> Result<Vec<String>, NothingBefore> {
            let past = self.past();
            let id = |undo: &Undo| past.commits()[undo.number].id.to_owned();
            Ok(past.newest()?.iter().map(id).collect())
        }

        fn click(&mut self) -> Option<String> {
            self.click_after(usize::MAX)
        }

        /// A click for which so many commits are read, and all of them where these don't tell.
        fn click_after(&mut self, first: usize) -> Option<String> {
            let whole = self.past();
            let first = whole.commits().iter().take(first).cloned().collect();
            let newest = Past::new(first);
            let undo = match newest.newest() {
                Ok(undo) if !newest.stands_on_older(&undo) => undo,
                Ok(_) | Err(_) => whole.newest().ok()?,
            };
            let rollback = self.undo(&undo, rolled_back);
            Some(rollback.expect("a click can always be done"))
        }

        fn to(&mut self, image: &str) -> Option<String> {
            self.back_to_any(&[image])
        }

        fn back_to_any(&mut self, images: &[&str]) -> Option<String> {
            let WayBack { undo, .. } = self.past().back_to(|other| images.contains(&other));
            let past = self.past();
            let is_rollback = |id: &str| {
                let number = past.commits().iter().position(|commit| commit.id == id);
                past.standings()[number.unwrap()].origin == Origin::Rollback
            };
            let rollbacks: Vec<String> = past
                .commits()
                .iter()
                .filter(|commit| is_rollback(commit.id))
                .map(|commit| commit.id.to_owned())
                .collect();
            let line = |id: &str| match rollbacks.iter().any(|own| own == id) {
                true => format!("Undone-Rollback: {id}"),
                false => rolled_back(id),
            };
            if undo.is_empty() {
                return None;
            }
            self.undo(&undo, line)
        }

        fn runs(&self) -> String {
            let images: Vec<&str> = self.runs.values().map(String::as_str).collect();
            images.join(" ")
        }
    }

    fn image(place: &str) -> &str {
        place.split('/').next().unwrap()
    }

    fn rolled_back(id: &str) -> String {
        format!("Rolled-Back-Commit: {id}")
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
        let rollback = branch.whole(0);
        let again = branch
            .undo(&rollback, |id| format!("Undone-Rollback: {id}"))
            .unwrap();
        assert_eq!(branch.runs(), "web:3");
        assert_eq!(branch.past().standings()[0].origin, Origin::Reapply);
        assert_eq!(branch.next(), Ok(vec![again.clone()]));
        // The first one by its own id, which is what `git revert` takes: it is the newer that is in force.
        let first = branch.whole(2);
        branch.undo(&first, |id| format!("This reverts commit {id}."));
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
    fn what_a_rollback_put_there_itself_is_rolled_back_like_any_other() {
        let mut branch = Branch::default();
        branch.edit(&["web=1", "api=1"]);
        branch.deploy(&["web=2"]);
        let taken = branch.commits.last().unwrap().0.clone();
        // Squashed: a rollback and a deployment. Reverted as a whole, 2 is deployed again.
        let squashed = format!(
            "Squashed (#7)\n\n* one\n\n{}\n\n* two\n\nDeployed-Image: x:1\n",
            rolled_back(&taken)
        );
        branch.commit(&squashed, &["api=2", "web=1"]);
        let whole = branch.whole(0);
        branch.undo(&whole, |id| format!("This reverts commit {id}."));
        assert_eq!(branch.runs(), "api:1 web:2");
        assert_eq!(clicked(branch), ["api:1 web:1"]);
    }

    #[test]
    fn a_click_never_undoes_what_a_rollback_by_name_did() {
        let mut branch = Branch::default();
        branch.edit(&["web=1", "api=1"]);
        for tag in 2..5 {
            branch.deploy(&[&format!("web={tag}")]);
        }
        branch.deploy(&["web=5", "api=5"]);
        branch.deploy(&["web=6", "api=6"]);
        for _ in 0..3 {
            branch.click().unwrap();
        }
        branch.to("web:2").unwrap();
        branch.back_to_any(&["web:5", "api:5"]).unwrap();
        assert_eq!(branch.runs(), "api:5 web:5");
        branch.to("web:1").unwrap();
        assert_eq!(branch.runs(), "api:1 web:1");
        // The newest commits alone don't show what it went back to.
        let newest = branch.past().commits()[..10].to_vec();
        let newest = Past::new(newest);
        assert!(newest.newest().is_err());
        assert_eq!(clicked(branch), [""; 0]);
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
        let undo = past.newest().unwrap();
        assert_eq!(numbers(&undo), [2]);
        assert_eq!(past.parts(&undo[0]), [Part::Nothing, Part::Whole]);
        assert_eq!(
            past.parts(&past.of_commit(2).unwrap()),
            [Part::Nothing, Part::Whole]
        );
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
        assert_eq!(numbers(&Past::new(commits).newest().unwrap()), [0, 1]);
        // Of another line: what it brings here was never here.
        let mut commits = merge("x\n\nRolled-Back-Commit: ddddddd\n".into());
        assert_eq!(numbers(&Past::new(commits.clone()).newest().unwrap()), [0]);
        commits.insert(
            0,
            PastCommit {
                id: "eeeeeee",
                message: "x\n\nRolled-Back-Commit: ccccccc\n",
                files: vec![("a.yaml", None)],
                changes: vec![PastChange {
                    file: "a.yaml",
                    place: "web".into(),
                    is_image: true,
                    old: Some("web:9".into()),
                    new: Some("web:3".into()),
                }],
                ..PastCommit::default()
            },
        );
        assert_eq!(numbers(&Past::new(commits).newest().unwrap()), [2]);
    }

    fn numbers(undo: &[Undo]) -> Vec<usize> {
        undo.iter().map(|undo| undo.number).collect()
    }

    #[derive(Debug, Clone)]
    enum Step {
        Deploy(Vec<(u8, u8)>),
        Edit(Vec<(u8, u8)>),
        Merge(Vec<(u8, u8)>, bool),
        Click,
        To(u8, u8),
        Commit(usize),
        GitRevert(usize),
    }

    const PLACES: [&str; 3] = ["api", "web", "web/b"];

    fn sets() -> impl Strategy<Value = Vec<(u8, u8)>> {
        proptest::collection::vec((0_u8..3, 1_u8..6), 1..3)
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => sets().prop_map(Step::Deploy),
            2 => sets().prop_map(Step::Edit),
            1 => (sets(), any::<bool>()).prop_map(|(sets, click)| Step::Merge(sets, click)),
            5 => Just(Step::Click),
            2 => (0_u8..3, 1_u8..6).prop_map(|(place, tag)| Step::To(place, tag)),
            1 => (0_usize..8).prop_map(Step::Commit),
            1 => (0_usize..8).prop_map(Step::GitRevert),
        ]
    }

    /// `web=2`, each place once.
    fn words(places: &[(u8, u8)]) -> Vec<String> {
        let places: BTreeMap<u8, u8> = places.iter().copied().collect();
        let set = |(place, tag): (u8, _)| format!("{}={tag}", PLACES[usize::from(place)]);
        places.into_iter().map(set).collect()
    }

    impl Branch {
        /// Does it, if it can be done.
        fn step(&mut self, step: Step) -> bool {
            let line = |id: &str| format!("This reverts commit {id}.");
            match step {
                Step::Deploy(sets) => {
                    self.deploy(&words(&sets).iter().map(String::as_str).collect::<Vec<_>>());
                    false
                }
                Step::Edit(sets) => {
                    self.edit(&words(&sets).iter().map(String::as_str).collect::<Vec<_>>());
                    false
                }
                // A squash of a click and a deployment, or of the deployment alone.
                Step::Merge(sets, click) => {
                    let mut topic = Self {
                        runs: self.runs.clone(),
                        commits: self.commits.clone(),
                    };
                    let mut message = "Squashed (#7)\n\n* one\n\n".to_owned();
                    if click && let Some(id) = topic.click() {
                        let rollback = topic.commits.iter().find(|(own, ..)| *own == id);
                        message += &rollback.unwrap().1;
                    }
                    let sets = words(&sets);
                    topic.deploy(&sets.iter().map(String::as_str).collect::<Vec<_>>());
                    message += "\n\n* two\n\nDeployed-Image: x:1\n";
                    let tag = |image: &String| image.split_once(':').unwrap().1.to_owned();
                    let sets = topic.runs.iter();
                    let sets = sets.map(|(place, image)| format!("{place}={}", tag(image)));
                    let sets: Vec<String> = sets.collect();
                    self.commit(
                        &message,
                        &sets.iter().map(String::as_str).collect::<Vec<_>>(),
                    );
                    false
                }
                Step::Click => self.click().is_some(),
                Step::To(place, tag) => {
                    let image = format!("{}:{tag}", image(PLACES[usize::from(place)]));
                    self.to(&image).is_some()
                }
                Step::Commit(back) if back < self.commits.len() - 1 => {
                    let undo = self.past().of_commit(back);
                    undo.is_ok_and(|undo| self.undo(&[undo], rolled_back).is_some())
                }
                Step::GitRevert(back) if back < self.commits.len() - 1 => {
                    let whole = self.whole(back);
                    self.undo(&whole, line).is_some()
                }
                Step::Commit(_) | Step::GitRevert(_) => false,
            }
        }
    }

    /// Takes `steps` on a branch, with clicks for which `first` commits are read at first. A click never puts an
    /// image there that clicks took out and nothing else has put in since; one that reads little, none that
    /// was taken out at that place.
    fn never_forward(steps: Vec<Step>, first: usize) {
        let mut branch = Branch::default();
        branch.edit(&["web=1", "web/b=1", "api=1"]);
        // What clicks took out, and what nothing but a click put in again. Told by what runs alone.
        let mut out: HashSet<String> = HashSet::new();
        let mut out_there: HashSet<(String, String)> = HashSet::new();
        // In the end clicks alone, until there is nothing: there is an end to it.
        let (given, mut clicks) = (steps.len(), 0);
        let steps = steps
            .into_iter()
            .chain(std::iter::repeat_n(Step::Click, 100));
        for (turn, step) in steps.enumerate() {
            let (is_click, before) = (matches!(step, Step::Click), branch.commits.len());
            let is_done = match step {
                Step::Click => branch.click_after(first).is_some(),
                step => branch.step(step),
            };
            if turn >= given {
                if !is_done {
                    break;
                }
                clicks += 1;
            }
            for (_, _, did) in &branch.commits[before..] {
                let olds = || {
                    did.iter()
                        .filter_map(|(_, at, old, _)| Some((at.clone(), old.clone()?)))
                };
                let news = || {
                    did.iter()
                        .filter_map(|(_, at, _, new)| Some((at.clone(), new.clone()?)))
                };
                if is_click {
                    for new in news() {
                        let is_out = out.contains(&new.1);
                        let is_known = first == usize::MAX || out_there.contains(&new);
                        assert!(!is_out || !is_known, "{new:?} in {:#?}", branch.commits);
                    }
                    out.extend(olds().map(|(_, old)| old));
                    out_there.extend(olds());
                }
                for new in news() {
                    out.remove(&new.1);
                    out_there.remove(&new);
                }
            }
        }
        assert!(clicks < 90);
    }

    proptest! {
        #[test]
        fn no_click_deploys_what_was_rolled_back(steps in proptest::collection::vec(step(), 1..24)) {
            never_forward(steps, usize::MAX);
        }

        /// That an image was rolled back at another place, and long ago, is not known to one that reads little.
        #[test]
        fn no_click_that_reads_little_deploys_what_was_rolled_back_there(
            steps in proptest::collection::vec(step(), 1..24),
            first in 1..24_usize,
        ) {
            never_forward(steps, first);
        }
    }
}
