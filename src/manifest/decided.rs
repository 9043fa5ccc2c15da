//! Which places a plan decides about, and what a branch brings to others: where the plan takes the branch's place, that
//! is lost.
//!
//! What counts is what the files say, not what anybody said of them. What can't be told is not decided.

use super::change::{ImageChange, Plan, ValueChange};
use super::compare::{Difference, Differences, ImageTransition, Known, Versions};
use super::error::HeldImage;
use super::hunks::{self, First};
use super::reading::Readings;
use crate::files::RepoPath;
use crate::image::ImageReference;
use crate::yaml::path::{before_new_item, is_within};

/// The places that a plan is about, whether or not it changes them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decided {
    images: Vec<ImageChange>,
    values: Vec<ValueChange>,
}

/// What a file says in several places of a repository.
#[derive(Debug, Clone, Copy)]
pub struct States<'f> {
    /// In the commit that branch and target were both made of; none where that is not known.
    pub from: Option<&'f [u8]>,
    /// On the branch.
    pub branch: Option<&'f [u8]>,
    /// At its target.
    pub target: Option<&'f [u8]>,
    /// As it shall be on the branch.
    pub planned: Option<&'f [u8]>,
}

/// What a branch brings, and a plan neither keeps nor decides about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undecided {
    /// An image.
    Image(HeldImage),
    /// Another value.
    Value(ValueChange),
    /// Something in a file, where what that is can't be told.
    File(RepoPath),
}

impl Decided {
    /// Those of `plan`, and of images that it leaves as they are for now.
    pub fn of(plan: &Plan, left_out: Vec<ImageChange>) -> Self {
        let images = plan.images.iter().chain(&plan.set_images).cloned();
        Self {
            images: images.chain(left_out).collect(),
            values: plan.values.clone(),
        }
    }

    /// What the branch brings to `file` and nothing here decides about, where the target does not hold it as well.
    pub fn undecided(&self, file: &RepoPath, states: States<'_>) -> Vec<Undecided> {
        let found = self.beside(file, states);
        if found.is_empty() {
            return found;
        }
        // What a merge would bring now may say more: a place has another name where others gave its object one.
        let is_decided = merged(states).is_some_and(|merged| {
            let brought = States {
                from: states.target,
                branch: Some(merged.as_bytes()),
                ..states
            };
            self.beside(file, brought).is_empty()
        });
        if is_decided { Vec::new() } else { found }
    }

    /// The same by the places of the branch's own text.
    fn beside(&self, file: &RepoPath, states: States<'_>) -> Vec<Undecided> {
        let States {
            from,
            branch,
            target,
            planned,
        } = states;
        let untold = || vec![Undecided::File(file.clone())];
        let Some(branch) = branch else {
            return untold();
        };
        if [from, planned].contains(&Some(branch)) {
            return Vec::new();
        }
        let Some(planned) = planned else {
            return untold();
        };
        let readings = Readings::default();
        let versions = |old| Versions::among(&readings, file, old, Some(branch));
        let left = versions(Some(planned));
        if !left.are_read() {
            return untold();
        }
        let images = self.images.iter().filter(|image| image.file == *file);
        let beside = left.differences_beside(&images.cloned().collect::<Vec<_>>());
        // Without the commit that both were made of, all of it may be the branch's.
        let brought = from.map(|from| versions(Some(from)));
        let brought = brought.filter(Versions::are_read);
        let made = brought.as_ref().map(Ways::of);
        let set = Versions::among(&readings, file, target, Some(planned));
        let set = Ways::of(&set);
        if beside.is_untold(|at| made.as_ref().is_none_or(|made| made.touch(at))) {
            return untold();
        }
        let mut undecided = self.others(file, &left, brought.as_ref());
        for one in &beside.changed {
            let way = Way::of(&left, one);
            let is_brought = made.as_ref().is_none_or(|made| made.bring(&way));
            if !is_brought || set.write(&way) || self.sets(file, &way) {
                continue;
            }
            let told = match left.image_of(one) {
                Some(image) => Undecided::Image(image),
                None => Undecided::Value(one.change.clone()),
            };
            // An image may have several values.
            if !undecided.contains(&told) {
                undecided.push(told);
            }
        }
        undecided
    }

    /// The images that are `left` of what was `brought`, where a plan is about another one that has the same place: those
    /// of a list of references have nothing but their order.
    fn others(
        &self,
        file: &RepoPath,
        left: &Versions,
        brought: Option<&Versions>,
    ) -> Vec<Undecided> {
        let images = |versions: &Versions| versions.images(&Known::default());
        let brought = brought.map(images);
        let is_brought = |one: &ImageTransition| {
            let is_it =
                |own: &ImageTransition| (&own.held.place, &own.new) == (&one.held.place, &one.new);
            brought.as_ref().is_none_or(|all| all.iter().any(is_it))
        };
        let is_other = |one: &ImageTransition| {
            let is_there =
                |image: &&ImageChange| (&image.file, &image.place) == (file, &one.held.place);
            let decided: Vec<&ImageChange> = self.images.iter().filter(is_there).collect();
            let Ok(image) = one.held.image.parse::<ImageReference>() else {
                return false;
            };
            let is_same = |text: &str| {
                let own = text.parse::<ImageReference>();
                own.is_ok_and(|own| own.same_repository(&image))
            };
            let mut all = decided.iter();
            !all.any(|own| is_same(&own.old) || is_same(&own.new))
                && (1..left.images_at(&one.held.place)).contains(&decided.len())
        };
        let left = images(left).into_iter();
        let others = left.filter(|one| is_other(one) && is_brought(one));
        others.map(|one| Undecided::Image(one.held)).collect()
    }

    /// Whether a line of `set` or `remove` is about what is there, in the text as it shall be.
    fn sets(&self, file: &RepoPath, way: &Way) -> bool {
        let mut values = self.values.iter().filter(|value| value.file == *file);
        values.any(|value| {
            let meant = meant(&value.path);
            let is_there = |path: &String| is_within(path, meant);
            value.resource == way.resource
                && match &way.ends {
                    [Some(planned), branch] => {
                        let names = branch.iter().map(|[_, names]| names);
                        planned.iter().chain(names).any(is_there)
                    }
                    [None, branch] => branch.iter().flatten().any(is_there),
                }
        })
    }
}

/// What the target would say if the branch were merged; none where they are in conflict.
fn merged(states: States<'_>) -> Option<String> {
    let States {
        from,
        branch,
        target,
        ..
    } = states;
    let texts = [from, target, branch].map(|bytes| str::from_utf8(bytes?).ok());
    let [Some(from), Some(target), Some(branch)] = texts else {
        return None;
    };
    hunks::merge(from, target, branch, First::Ours)
}

/// Where a line of `set` or `remove` leads: an item that it appends has no place before it is there.
fn meant(path: &str) -> &str {
    let list = before_new_item(path);
    let item = path.strip_prefix(list);
    if item.is_some_and(|item| item.starts_with("[+]")) {
        list
    } else {
        path
    }
}

/// Where a value is that differs in two versions.
struct Way {
    resource: String,
    /// The way there in each, as far as it is there: by the order of items, and by their names.
    ends: [Option<[String; 2]>; 2],
}

impl Way {
    fn of(versions: &Versions, difference: &Difference) -> Self {
        Self {
            resource: difference.change.resource.clone(),
            ends: versions.ways(difference),
        }
    }

    /// The way that stays the same when others come and go.
    fn by_names(&self) -> Option<&str> {
        let [old, new] = &self.ends;
        let [_, names] = new.as_ref().or(old.as_ref())?;
        Some(names)
    }
}

/// Where two versions differ.
struct Ways {
    ways: Vec<Way>,
    /// Where that can't be told, as [`Differences::untold`].
    untold: Vec<(String, String)>,
}

impl Ways {
    fn of(versions: &Versions) -> Self {
        let Differences { changed, untold } = versions.differences();
        let ways = changed.iter().map(|one| Way::of(versions, one));
        Self {
            ways: ways.collect(),
            untold,
        }
    }

    /// Whether something differs at a place of either version, in it or around it.
    fn touch(&self, (resource, path): &(String, String)) -> bool {
        let ways = self.ways.iter();
        let ends = ways.flat_map(|way| {
            let ends = way.ends.iter().flatten().flatten();
            ends.map(|end| (&way.resource, end))
        });
        let untold = self.untold.iter().map(|(resource, path)| (resource, path));
        let mut all = ends.chain(untold);
        all.any(|(own, end)| own == resource && overlap(end, path))
    }

    /// Whether these are what brought `other`, which is how another version differs from the same new one.
    fn bring(&self, other: &Way) -> bool {
        let is_it = |own: &Way| match (&own.ends[1], &other.ends[1]) {
            // One text has one order.
            (Some([own, _]), Some([other, _])) => overlap(own, other),
            _ => match (own.by_names(), other.by_names()) {
                (Some(own), Some(other)) => overlap(own, other),
                _ => true,
            },
        };
        let mut ways = self.ways.iter();
        ways.any(|own| own.resource == other.resource && is_it(own))
            || other.ends.iter().flatten().flatten().any(|end| {
                let mut untold = self.untold.iter();
                untold.any(|(resource, path)| *resource == other.resource && overlap(path, end))
            })
    }

    /// Whether these wrote what is there in their new version, which is the old one of `other`.
    fn write(&self, other: &Way) -> bool {
        let is_it = |own: &Way| match (&own.ends[1], &other.ends[0]) {
            (Some([own, _]), Some([other, _])) => is_within(other, own),
            (None, None) => match (own.by_names(), other.by_names()) {
                (Some(own), Some(other)) => is_within(other, own),
                _ => false,
            },
            _ => false,
        };
        let mut ways = self.ways.iter();
        ways.any(|own| own.resource == other.resource && is_it(own))
    }
}

impl Differences {
    /// Whether what can't be told is at a place that `is_meant`.
    fn is_untold(&self, is_meant: impl Fn(&(String, String)) -> bool) -> bool {
        self.untold.iter().any(is_meant)
    }
}

/// Whether one of two ways leads to what the other one leads to, or into it.
fn overlap(one: &str, other: &str) -> bool {
    is_within(one, other) || is_within(other, one)
}

#[cfg(test)]
mod tests;
