//! What a person is told of a commit: who took it back, and who has changed again what it did.

use std::collections::{HashMap, HashSet};

use super::commit::{PastChange, is_promotion, is_same_version};
use super::line::{Change, FileNumber, Kind, Layer, Past, Taken};
use crate::deployment::trailers::Origin;
use crate::version::Order;

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

/// What the newest commits that have to do with an image did to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastSeen {
    /// The commit of this number took it away.
    Taken(usize),
    /// The one of this number brought it, and says that it deploys: whoever puts it there by hand may be trying.
    Brought(usize),
    /// Nothing that tells.
    Nowhere,
}

impl<'a> Past<'a> {
    /// What was taken back of a commit, file by file.
    pub fn taken_back(&self, number: usize) -> Vec<TakenBack<'a>> {
        let standing = &self.standings[number];
        let changes = standing.taken_by().zip(&self.files[number]);
        let left = changes.filter(|(by, _)| by.is_none());
        let left: HashSet<FileNumber> = left.map(|(_, file)| *file).collect();
        let touched = self.touched[number].iter().copied();
        let paths = self.commits[number].files.iter().map(|(path, _)| *path);
        // Of one that it touched twice, the first.
        let paths: HashMap<FileNumber, &str> = touched.zip(paths).rev().collect();
        let taken = standing.taken_in.iter().filter_map(|(file, by)| {
            Some(TakenBack {
                file: paths.get(file)?,
                by: *by,
                is_all: !left.contains(file),
            })
        });
        let mut taken: Vec<TakenBack<'a>> = taken.collect();
        taken.sort_unstable_by_key(|taken| (taken.file, taken.by));
        taken
    }

    /// What became of the version `image` last: whether it ran, and something else came in its place which neither is
    /// newer by its tag nor was promoted from another stage, nor is an update that brought what had not run before.
    pub fn last_seen(&self, image: &str) -> LastSeen {
        let is_it = |text: &Option<String>| {
            let text = text.as_deref();
            text.is_some_and(|text| is_same_version(text, image))
        };
        let of_images = |change: Change| Some(self.change(change)).filter(|own| own.is_image);
        let puts_in = |change: Change| of_images(change).is_some_and(|own| is_it(&own.new));
        let takes_out = |change: Change| of_images(change).is_some_and(|own| is_it(&own.old));
        for (number, standing) in self.standings.iter().enumerate() {
            let took = |taken: &Taken| match *taken {
                // What came to a version is not the version.
                Taken::New(change) | Taken::Old(change) if self.change(change).is_pin() => false,
                Taken::New(change) => puts_in(change),
                Taken::Old(change) => takes_out(change),
            };
            let is_update = standing.origin == Origin::Update;
            let is_superseded = |own: &PastChange<'_>| match own.order() {
                Order::Newer | Order::Same => true,
                Order::Older => false,
                Order::CantTell => is_update,
            };
            let replaces = |change: Change| {
                let own = self.change(change);
                takes_out(change) && own.is_replacement() && !own.is_pin() && !is_superseded(own)
            };
            // What a stage had and another one followed is for that one to say.
            if !is_promotion(&self.commits[number])
                && (self.taken[number].iter().any(took) || self.changes(number).any(replaces))
            {
                return LastSeen::Taken(number);
            }
            let mut changes = self.changes(number);
            if changes.any(puts_in) && standing.origin != Origin::Edit {
                return LastSeen::Brought(number);
            }
        }
        LastSeen::Nowhere
    }

    /// The images that were replaced, each once, the newest first.
    pub fn replaced_images(&self) -> Vec<&str> {
        let changes = self.commits.iter().flat_map(|commit| &commit.changes);
        let images = changes.filter(|change| change.is_image);
        let images = images.filter_map(|change| change.old.as_deref());
        let mut seen = HashSet::new();
        images.filter(|image| seen.insert(*image)).collect()
    }

    /// What stands above what `change` put in its place.
    fn layers_above(&self, change: Change) -> Option<&[Layer]> {
        let layers = &self.layers[self.place(change)];
        let is_own = |layer: &Layer| layer.change == Some(change);
        layers.get(layers.iter().position(is_own)? + 1..)
    }

    /// The commit that somebody made by hand, and that put or removed something in the place of what a
    /// deployment put there; and whether it removed it.
    pub fn replaced_by_hand(&self, number: usize) -> Option<(usize, bool)> {
        let by_hand = self.changes(number).filter_map(|change| {
            let mut above = self.layers_above(change)?.iter();
            let by_hand = |layer: &&Layer| matches!(layer.kind, Kind::Floor | Kind::Gone);
            let layer = above.find(by_hand)?;
            Some((layer.change?.0, layer.kind == Kind::Gone))
        });
        by_hand.min()
    }

    /// What a deployment put where somebody has put a value of their own since: the change, and the number
    /// of that commit, where it is known.
    pub fn overridden(&self, number: usize) -> Vec<(&PastChange<'a>, Option<usize>)> {
        let is_deployment = self.standings[number].is_deployment();
        let changes = self.changes(number).filter(|_| is_deployment);
        let overridden = changes.filter_map(|change| {
            let mut above = self.layers_above(change)?.iter();
            let floor = above.find(|layer| layer.kind == Kind::Floor)?;
            Some((self.change(change), floor.change.map(|(by, _)| by)))
        });
        overridden.collect()
    }
}
