//! How an image comes back that ran before.

use std::collections::{BTreeMap, BTreeSet};

use super::line::{Change, Layer, Past, PlaceNumber, Standing};
use super::undo::Undo;
use crate::deployment::trailers::Origin;
use crate::image::ImageReference;

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

impl Past<'_> {
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
        let taken_out = self.taken_out();
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
                let Ok(way) = self.way_down((number, own), &taken_out, &is_wanted) else {
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
        for number in chosen.clone() {
            let takes_back = &self.standings[number].takes_back;
            let is_all = |target: &usize| {
                chosen.contains(target) && self.standings[*target].undone_by == Some(number)
            };
            if takes_back.iter().all(is_all) {
                for number in self.nothing_together(number) {
                    chosen.remove(&number);
                }
            }
        }
        let changes = chosen.iter().flat_map(|number| self.changes(*number));
        self.undo(&changes.collect(), &chosen)
    }

    /// A rollback, what it took back, and what others did in between, where it left what there was before all of
    /// that; nothing where one of them did more elsewhere.
    fn nothing_together(&self, number: usize) -> BTreeSet<usize> {
        let Standing {
            origin, takes_back, ..
        } = &self.standings[number];
        let is_taken = |change: &Change| takes_back.contains(&change.0);
        let since = |change: Change| {
            let at = self.at[self.place(change)].iter().copied();
            let at: Vec<Change> = at.skip_while(|newer| *newer != change).collect();
            let oldest = at.iter().rposition(is_taken)?;
            let is_as_before = self.change(at[oldest]).old == self.change(change).new;
            is_as_before.then(|| at[..=oldest].to_vec())
        };
        let since: Option<Vec<Vec<Change>>> = self.changes(number).map(since).collect();
        let since: BTreeSet<Change> = since.into_iter().flatten().flatten().collect();
        let mut commits: BTreeSet<usize> = since.iter().map(|(number, _)| *number).collect();
        commits.extend(takes_back);
        let mut all = commits.iter().flat_map(|number| self.changes(*number));
        match *origin == Origin::Rollback && all.all(|change| since.contains(&change)) {
            true => commits,
            false => BTreeSet::new(),
        }
    }
}

fn repository(image: &Option<String>) -> Option<String> {
    let image: ImageReference = image.as_deref()?.parse().ok()?;
    Some(image.repository().to_owned())
}
