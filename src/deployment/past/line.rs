//! The commits of a branch's own line, how each stands, and what is at each place.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::commit::{Moved, PastChange, PastCommit};
use crate::deployment::trailers::Origin;
use crate::image::ImageReference;

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
    pub(super) deploys: bool,
    /// What became of each of its changes.
    pub(super) fates: Vec<Fate>,
    /// The files that it touched, and from which it was taken back.
    pub(super) left_files: HashSet<FileNumber>,
    /// Which commit took something back in which of its files.
    pub(super) taken_in: BTreeSet<(FileNumber, usize)>,
}

impl Standing {
    pub(super) fn blank(commit: &PastCommit<'_>) -> Self {
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

    /// Whether something that it put there never ran: what came with it to the branch had replaced it before.
    pub fn never_ran(&self) -> bool {
        self.fates.contains(&Fate::NeverRan)
    }

    /// Which commit took each of its changes back, by its number.
    pub fn taken_by(&self) -> impl Iterator<Item = Option<usize>> {
        self.fates.iter().map(|fate| match fate {
            Fate::TakenBack(by) => Some(*by),
            Fate::Stands | Fate::TookBack | Fate::NeverRan => None,
        })
    }
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nobody took it back; though others may have changed again what it changed.
    Stands,
    /// It took something back itself.
    TookBack,
    /// The commit of this number took it back.
    TakenBack(usize),
    /// What came with it to the branch had replaced it before.
    NeverRan,
}

/// Something that was put at a place on top of what was there before: a rollback takes it off again.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    /// What is there; none where that is gone.
    pub(super) value: Option<String>,
    /// What put it there; none where that is not known.
    pub(super) change: Option<Change>,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A part of a deployment.
    Deployed,
    /// A deployment that was taken back, though what it put there is still below other things; or that never ran.
    Dead,
    /// What was there first, or somebody's own value: no deployment below is in force any more.
    Floor,
    /// Somebody has removed what was there. It does not come back by itself.
    Gone,
}

/// The commits that touched the files, newest first, and how each stands.
#[derive(Debug, Clone)]
pub struct Past<'a> {
    pub(super) commits: Vec<PastCommit<'a>>,
    pub(super) standings: Vec<Standing>,
    /// The files that each commit touched, in their order.
    pub(super) touched: Vec<Vec<FileNumber>>,
    /// The file of each change of each commit.
    pub(super) files: Vec<Vec<FileNumber>>,
    /// The place of each change of each commit.
    pub(super) places: Vec<Vec<PlaceNumber>>,
    /// The changes at each place, newest first.
    pub(super) at: Vec<Vec<Change>>,
    /// What is at each place, the newest last.
    pub(super) layers: Vec<Vec<Layer>>,
    /// What each commit took out.
    pub(super) taken: Vec<Vec<Taken>>,
}

/// A file, under whatever name.
pub(super) type FileNumber = usize;
/// A place in a file; the same for all that was ever there.
pub(super) type PlaceNumber = usize;
/// The numbers of a commit and of one of its changes.
pub(super) type Change = (usize, usize);
/// What runs: an image or a value, and where.
pub(super) type Thing<'p> = (PlaceNumber, &'p str);

/// What a commit took out: what a change had put in, or what was there before a change.
#[derive(Debug, Clone, Copy)]
pub(super) enum Taken {
    New(Change),
    Old(Change),
}

impl<'a> Past<'a> {
    /// How each commit stands, in their order.
    pub fn standings(&self) -> &[Standing] {
        &self.standings
    }

    /// The commits.
    pub fn commits(&self) -> &[PastCommit<'a>] {
        &self.commits
    }

    pub(super) fn change(&self, (number, own): Change) -> &PastChange<'a> {
        &self.commits[number].changes[own]
    }

    /// Whether images are at a place.
    pub(super) fn is_of_images(&self, place: PlaceNumber) -> bool {
        let mut at = self.at[place].iter();
        at.any(|change| self.change(*change).is_image)
    }

    pub(super) fn place(&self, (number, own): Change) -> PlaceNumber {
        self.places[number][own]
    }

    pub(super) fn file(&self, (number, own): Change) -> FileNumber {
        self.files[number][own]
    }

    /// The changes of a commit.
    pub(super) fn changes(&self, number: usize) -> impl Iterator<Item = Change> + use<> {
        let changes = 0..self.commits[number].changes.len();
        changes.map(move |own| (number, own))
    }

    /// Numbers files and places. Files go by the names that they have now.
    pub(super) fn locate(&mut self) {
        let mut files: HashMap<&str, FileNumber> = HashMap::new();
        let mut places: HashMap<Spot, PlaceNumber> = HashMap::new();
        let (mut count, mut next) = (0, 0);
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
            let moved: Vec<(FileNumber, &Moved<'_>)> = commit
                .moved
                .iter()
                .map(|moved| (file(moved.file), moved))
                .collect();
            // What has no name shares its place with its like: the repository tells them apart, and their order.
            let mut met: HashMap<Spot, usize> = HashMap::new();
            let mut numbered: Vec<PlaceNumber> = Vec::new();
            let moved = moved.into_iter().map(|(file, moved)| {
                let [is, was] = [0, 1].map(|n| spot(file, &moved.places[n], &moved.images[n], 1));
                (is, was)
            });
            let mut before: Vec<(Spot, Spot)> = moved.collect();
            for (change, file) in commit.changes.iter().zip(&own) {
                let text = |own: &Option<String>, other: &Option<String>| {
                    let text = own.as_ref().or(other.as_ref()).filter(|_| change.is_image);
                    text.cloned().unwrap_or_default()
                };
                let is = spot(*file, &change.place, &text(&change.new, &change.old), 0);
                let turn = met.entry(is.clone()).or_default();
                *turn += 1;
                let is = Spot { turn: *turn, ..is };
                let was = spot(*file, &change.place, &text(&change.old, &change.new), *turn);
                numbered.push(*places.entry(is.clone()).or_insert_with(|| {
                    next += 1;
                    next - 1
                }));
                before.push((is, was));
            }
            // From here on, going back, they are where they were.
            before.retain(|(is, was)| is != was);
            let known = before
                .into_iter()
                .filter_map(|(is, was)| Some((was, places.remove(&is)?)));
            let known: Vec<(Spot, PlaceNumber)> = known.collect();
            places.extend(known);
            self.at.resize_with(next, Vec::new);
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
}

/// Where something is at a commit.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Spot {
    file: FileNumber,
    place: String,
    /// Where the place has no name.
    repository: Option<String>,
    /// Which of those that share all of that.
    turn: usize,
}

fn spot(file: FileNumber, place: &str, image: &str, turn: usize) -> Spot {
    let is_unnamed = place.contains("[]");
    let image = is_unnamed.then(|| image.parse::<ImageReference>().ok());
    let image = image.flatten();
    Spot {
        file,
        place: place.to_owned(),
        repository: image.map(|image| image.repository().to_owned()),
        turn,
    }
}
