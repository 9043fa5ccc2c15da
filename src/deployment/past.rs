//! Which deployments of a branch are in force, and which were taken back by which.
//!
//! One rule for whoever rolls back and for whoever counts what was rolled back. It stands on what the
//! commits say of themselves in trailers; on `This reverts commit …` where there are none of ours; and,
//! for what says nothing, as a file that is put back by hand, on what it did: an edit that takes all it
//! changes back to what ran before the deployments in force is a rollback.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

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
    /// The images that were taken back themselves, so that they come only because they are named; none where
    /// it is a way back.
    pub again: Vec<(String, Ended)>,
    /// The images that ran before and were taken back since, and come because they are named, each with the
    /// commit that did it.
    pub taken_back: Vec<(String, usize)>,
    /// The places that have been taken back further, and stay: how that was, and the file.
    pub stays: Vec<(Ended, String)>,
}

/// How an image left a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ended {
    /// The commit of this number took it back.
    TakenBack(usize),
    /// The commit of this number replaced it. That alone takes nothing back.
    Replaced(usize),
}

/// How one image of those that are wanted comes again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The image.
    pub image: String,
    /// How it left its place.
    pub ended: Ended,
    /// Whether it was taken back, so that the way to it leads forward.
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
    ended: Ended,
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
/// What runs: an image or a value, and where.
type Thing<'p> = (PlaceNumber, &'p str);

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

/// Why a commit that is named is not undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotUndone {
    /// This commit took the last of it back.
    TakenBack(usize),
    /// One took it back, and that was undone in turn: another one is in force since.
    Again {
        /// The commit that took it back, by its number.
        by: usize,
        /// The commit that is in force, by its number. It may have done more.
        newer: usize,
    },
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

    /// The commit that somebody made by hand, and that put or removed something in the place of what a
    /// deployment put there; and whether it removed it.
    pub fn replaced_by_hand(&self, number: usize) -> Option<(usize, bool)> {
        let by_hand = self.changes(number).filter_map(|change| {
            let layers = &self.layers[self.place(change)];
            let own = layers
                .iter()
                .position(|layer| layer.change == Some(change))?;
            let mut above = layers.get(own + 1..)?.iter();
            let by_hand = |layer: &&Layer| matches!(layer.kind, Kind::Floor | Kind::Gone);
            let layer = above.find(by_hand)?;
            Some((layer.change?.0, layer.kind == Kind::Gone))
        });
        by_hand.min()
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
                let old = self.change(change).old.as_deref()?;
                taken_out.get(&(self.place(change), old))
            });
            if let (NothingBefore::NoDeployment, Some(by)) = (nothing, before.next()) {
                let by = *by;
                nothing = NothingBefore::RolledBack { deployment, by };
            }
        }
        Err(nothing)
    }

    /// What a rollback undoes that names a commit: what of it was not taken back. Never another commit, not one
    /// that deployed it again either: that may have done more.
    ///
    /// # Errors
    /// Why nothing of it is undone.
    pub fn of_commit(&self, number: usize) -> Result<Undo, NotUndone> {
        let Standing {
            undone_by, fates, ..
        } = &self.standings[number];
        if let Some(by) = *undone_by {
            let newer = self.in_its_place(number);
            return Err(match self.standings[newer].undone_by {
                Some(by) => NotUndone::TakenBack(by),
                None => NotUndone::Again { by, newer },
            });
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
        let taken_out = self.taken_out();
        let mut ways = Vec::new();
        for (place, layers) in self.layers.iter().enumerate() {
            let at = &self.at[place];
            let is_image = self.is_of_images(place);
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
                    let end = changes.last().map_or(0, |(number, _)| *number);
                    ways.push(Way {
                        image,
                        place,
                        end,
                        changes,
                        ended: Ended::Replaced(end),
                        is_forward: false,
                    });
                }
                continue;
            }
            let end = at
                .iter()
                .find_map(|change| Some((change.0, wanted(&self.change(*change).old)?)));
            if let Some((end, image)) = end {
                // What replaced it need not be what took it back: that may have come later.
                let by = taken_out.get(&(place, image.as_str()));
                ways.push(Way {
                    ended: by.map_or(Ended::Replaced(end), |by| Ended::TakenBack(*by)),
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

    /// The places where an image that `is_wanted` means comes back by undoing what came after it: the file, by
    /// its name now, and the place in it.
    pub fn places_back(&self, is_wanted: impl Fn(&str) -> bool) -> Vec<(&str, &str)> {
        let ways = self.ways(is_wanted).into_iter();
        let back = ways.filter(|way| !way.is_forward);
        let newest = back.map(|way| self.change(self.at[way.place][0]));
        newest
            .map(|change| (change.file, change.place.as_str()))
            .collect()
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
        let mut by_name: Vec<(Option<String>, BTreeMap<End, Ended>, String)> = Vec::new();
        for way in self.ways(is_wanted) {
            let name = repository(&Some(way.image.clone()));
            let end = (way.end, way.is_forward);
            match by_name.iter_mut().find(|(other, ..)| *other == name) {
                Some((_, ends, _)) => {
                    ends.insert(end, way.ended);
                }
                None => by_name.push((name, BTreeMap::from([(end, way.ended)]), way.image)),
            }
        }
        let differ = by_name.windows(2).any(
            |pair| matches!(pair, [(_, one, _), (_, other, _)] if !one.keys().eq(other.keys())),
        );
        let named = by_name.into_iter().filter(|_| differ);
        let candidates = named.filter_map(|(_, ends, image)| {
            // One that goes back somewhere does not go forward elsewhere.
            let back = ends.iter().find(|((_, is_forward), _)| !is_forward);
            let ((_, is_forward), ended) = back.or(ends.first_key_value())?;
            Some(Candidate {
                image,
                ended: *ended,
                is_forward: *is_forward,
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
            let mut again: Vec<(String, Ended)> = Vec::new();
            for way in &forward {
                if !again.iter().any(|(image, _)| *image == way.image) {
                    again.push((way.image.clone(), way.ended));
                }
            }
            let ends = forward.into_iter().map(|way| (way.end, way.place));
            return WayBack {
                undo: self.forward(ends),
                again,
                taken_back: Vec::new(),
                stays: Vec::new(),
            };
        }
        let file = |place: PlaceNumber| self.change(self.at[place][0]).file.to_owned();
        let stays = forward.iter().map(|way| (way.ended, file(way.place)));
        let stays: BTreeSet<(Ended, String)> = stays.collect();
        let taken_out = self.taken_out();
        let taken_back = back.iter().filter_map(|way| {
            let by = taken_out.get(&(way.place, way.image.as_str()))?;
            Some((way.image.clone(), *by))
        });
        let taken_back: BTreeSet<(String, usize)> = taken_back.collect();
        WayBack {
            taken_back: taken_back.into_iter().collect(),
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
        // What is named comes back.
        taken_out.retain(|(place, text), _| !self.is_of_images(*place) || !is_wanted(text));
        let mut changes: BTreeSet<Change> = changes.collect();
        let mut open: Vec<usize> = changes.iter().map(|(number, _)| *number).collect();
        let mut whole: BTreeSet<usize> = BTreeSet::new();
        while let Some(number) = open.pop() {
            if !whole.insert(number) {
                continue;
            }
            let live = self.live_changes(number).into_iter();
            // What is named and runs already stays.
            let runs = |own: &usize| {
                let top = self.layers[self.place((number, *own))].last();
                let value = top.and_then(|top| top.value.as_deref());
                self.change((number, *own)).is_image && value.is_some_and(&is_wanted)
            };
            for own in live.filter(|own| !runs(own)) {
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

    /// Whether older commits than those of the list may show that one of its newest, up to `oldest`, stands
    /// otherwise, or that something else is to be undone than it.
    ///
    /// What a rollback put there in place of what it took back may be what there was before, and so may what
    /// somebody wrote by hand. All else that is known of a place is known from its newest commits: what ran
    /// there before one of them had not been taken out of it since.
    pub fn stands_on_older(&self, oldest: usize) -> bool {
        let is_unsure = |number: usize| {
            let commit = &self.commits[number];
            let (said, ids) = said(commit);
            !ids.is_empty() || said == Origin::Edit && !commit.changes.is_empty()
        };
        (0..=oldest).any(is_unsure)
    }

    /// Whether what is to be undone was done by hand at a place of which nothing older is in the list: whether
    /// that took something back, only older commits tell.
    pub fn is_unjudged(&self, undo: &Undo) -> bool {
        let (said, _) = said(&self.commits[undo.number]);
        let mut changes = undo.changes.iter().map(|own| (undo.number, *own));
        let is_oldest = |change: Change| self.at[self.place(change)].last() == Some(&change);
        said == Origin::Edit && changes.any(is_oldest)
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
            let value_there = value.as_deref().map(|value| (place, value));
            let by = value_there.and_then(|thing| taken_out.get(&thing));
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

    /// What was taken out, place by place, and has not been there again since; with the number of the commit
    /// that did it.
    ///
    /// What was taken out of one place may have run at another one all the time, as in production what was
    /// rolled back in staging: there it is a way back.
    fn taken_out<'p>(&'p self) -> HashMap<Thing<'p>, usize> {
        // The newest that is known of each thing: that it was there, or which commit took it out.
        let mut newest: HashMap<Thing<'p>, Option<usize>> = HashMap::new();
        let mut note = |change: Change, text: &'p Option<String>, what: Option<usize>| {
            if let Some(text) = text.as_deref() {
                newest.entry((self.place(change), text)).or_insert(what);
            }
        };
        for (number, taken) in self.taken.iter().enumerate() {
            for own in self.changes(number) {
                note(own, &self.change(own).new, None);
            }
            for taken in taken {
                match *taken {
                    Taken::New(change) => note(change, &self.change(change).new, Some(number)),
                    Taken::Old(change) => note(change, &self.change(change).old, Some(number)),
                }
            }
            for own in self.changes(number) {
                note(own, &self.change(own).old, None);
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

    /// Whether images are at a place.
    fn is_of_images(&self, place: PlaceNumber) -> bool {
        let mut at = self.at[place].iter();
        at.any(|change| self.change(*change).is_image)
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
        match layers.last_mut() {
            // It was taken back, and was there all the same.
            Some(top) if top.value == value && top.kind == Kind::Dead => top.kind = Kind::Floor,
            Some(top) if top.value == value => {}
            Some(_) | None => layers.push(Layer {
                value,
                change: None,
                kind: Kind::Floor,
            }),
        }
    }

    /// Whether what was there before a change was put there by one of some commits.
    fn is_by(&self, change: Change, commits: &HashSet<usize>) -> bool {
        let top = self.layers[self.place(change)].last();
        let by = top.and_then(|top| top.change);
        by.is_some_and(|(number, _)| commits.contains(&number))
    }

    /// The height of the layer that a change goes back to; none where what it puts there is new. It is one of a
    /// commit that is named only where there is no other: then that was taken back at other places alone.
    fn landing(&self, change: Change, named: &HashSet<usize>) -> Option<usize> {
        let wanted = &self.change(change).new;
        let (_, below) = self.layers[self.place(change)].split_last()?;
        let is_named = |layer: &Layer| {
            let by = layer.change.map(|(number, _)| number);
            by.is_some_and(|by| named.contains(&by))
        };
        let is_it = |layer: &Layer| layer.value == *wanted;
        let other = below
            .iter()
            .rposition(|layer| is_it(layer) && !is_named(layer));
        match named.is_empty() {
            true => other,
            false => other.or_else(|| below.iter().rposition(is_it)),
        }
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
mod tests;
