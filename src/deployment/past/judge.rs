//! How a commit stands, by what it says of itself and by what it did at its places.

use std::collections::HashSet;

use super::commit::{
    PastChange, PastCommit, is_same_version, messages, said, says_it_replaced,
    says_what_it_replaced,
};
use super::line::{Change, Fate, FileNumber, Kind, Layer, Past, PlaceNumber, Taken};
use crate::deployment::trailers::{Origin, has_trailers};

/// How many changes of a place tell whether an update goes back to what ran there before it: whoever brings an image
/// again that so many others have followed deploys it, and a rollback need not read further where tags tell no order.
const LATELY: usize = 9;

impl Past<'_> {
    /// Finds out how a commit stands; all before it have been judged.
    ///
    /// What it says of itself tells whether it asks for something or takes something back; which
    /// deployments it took back, what it put at the places tells.
    pub(super) fn judge(&mut self, number: usize) {
        let commit = &self.commits[number];
        let is_merge = !commit.merged.is_empty();
        let (said, ids) = said(commit);
        let is_ours = messages(commit).any(has_trailers);
        let named = self.resolved(number, &ids);
        let is_read = self.is_read(number, &ids);
        // What nobody knows is quoted, as a squash quotes what its branch had: what it did tells.
        let is_quoted = named.is_empty() && !ids.is_empty() && !is_ours && !self.puts_back(number);
        let is_rollback = |target: &usize| self.standings[*target].origin == Origin::Rollback;
        let undoes_rollbacks = named.iter().any(is_rollback);
        let said = match said {
            Origin::Rollback | Origin::Reapply if is_quoted => Origin::Edit,
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
            if said == Origin::Update && !is_merge {
                self.pass_over(change);
            }
            let takes_back = match said {
                // What it puts there runs already.
                Origin::Update | Origin::Edit if self.change(change).is_pin() => false,
                // What a rollback put there itself, in place of what it took back, is taken off again.
                Origin::Reapply => {
                    self.is_by(change, &undone) && self.live_landing(change).is_some()
                }
                // A merge may bring both, and one squashed.
                Origin::Update => {
                    is_merge && !ids.is_empty()
                        || self.is_by(change, &named)
                        || self.goes_back(change)
                }
                Origin::Rollback => true,
                // Who removes an image does not go back to the time before there was one.
                Origin::Edit => {
                    let PastChange { is_image, new, .. } = self.change(change);
                    !is_image || new.is_some()
                }
            };
            match self.landing(change, &named).filter(|_| takes_back) {
                Some(height) => {
                    let value = &self.layers[self.place(change)][height].value;
                    let is_it = *value == self.change(change).new;
                    self.take_off(change, height);
                    if !is_it {
                        // The same version, as somebody else has written it.
                        self.put(change, Kind::Floor, &HashSet::new());
                    }
                }
                None => pushed.push(change),
            }
        }
        let replaces = |change: &Change| {
            let change = self.change(*change);
            change.is_image && change.is_replacement() && !change.is_pin()
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
                // It goes with what it is about.
                _ if said == Origin::Edit && self.change(*change).is_pin() => Kind::Deployed,
                _ => kind,
            };
            self.put(*change, kind, &named);
            if said == Origin::Rollback && kind == Kind::Floor {
                self.taken[number].push(Taken::Old(*change));
            }
        }
        self.take_the_rest(number, &named, is_ours);
        let is_more = pushed.iter().any(|own| !self.change(*own).is_pin());
        let deploys = kind == Kind::Deployed && is_more;
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

    /// Whether a commit puts anything where it was before.
    fn puts_back(&mut self, number: usize) -> bool {
        let mut changes = self.changes(number);
        changes.any(|change| {
            self.see(change);
            self.landing(change, &HashSet::new()).is_some()
        })
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

    /// Where a deployment says that it was made for what was there earlier, what was put on top of that never ran: it
    /// came to the branch together with it, as the commits of a pull request do that is merged by a rebase.
    fn pass_over(&mut self, change: Change) {
        let place = self.place(change);
        for height in self.unseen(change) {
            let layer = &mut self.layers[place][height];
            layer.kind = Kind::Dead;
            let Some((number, own)) = layer.change else {
                continue;
            };
            let standing = &mut self.standings[number];
            standing.fates[own] = Fate::NeverRan;
            let mut fates = standing.fates.iter();
            standing.deploys &= !fates.all(|fate| *fate == Fate::NeverRan);
        }
    }

    /// The heights of what never ran before a change: it was put there by deployments that were made for the same.
    fn unseen(&self, change: Change) -> Vec<usize> {
        if !self.is_made_for_other(change) {
            return Vec::new();
        }
        let own = &self.commits[change.0];
        let layers = &self.layers[self.place(change)];
        let is_said = |commit: &PastCommit<'_>, layer: &Layer| {
            let value = layer.value.as_deref();
            value.is_some_and(|value| says_it_replaced(commit, value))
        };
        let Some(below) = layers.iter().rposition(|layer| is_said(own, layer)) else {
            return Vec::new();
        };
        let above = below + 1..layers.len();
        let came_with_it = |height: &usize| {
            let layer = &layers[*height];
            layer.change.is_some_and(|(number, own)| {
                let never_ran = self.standings[number].fates[own] == Fate::NeverRan;
                (layer.kind == Kind::Deployed || never_ran)
                    && is_said(&self.commits[number], &layers[below])
            })
        };
        match above.clone().all(|height| came_with_it(&height)) {
            true => above.collect(),
            false => Vec::new(),
        }
    }

    /// Whether a deployment replaced another image than it says.
    fn is_made_for_other(&self, change: Change) -> bool {
        let commit = &self.commits[change.0];
        let own = self.change(change);
        let old = own.old.as_deref().filter(|_| own.is_image);
        let is_other = |old: &str| says_what_it_replaced(commit) && !says_it_replaced(commit, old);
        own.is_replacement() && old.is_some_and(is_other)
    }

    /// Whether it is open what a deployment really replaced: it says that it was made for something else, of which
    /// nothing is known.
    pub(super) fn is_of_unknown(&self, change: Change) -> bool {
        let fate = |(number, own): Change| self.standings[number].fates[own];
        let before = self.before(change).next().map(fate);
        self.is_made_for_other(change) && before != Some(Fate::NeverRan)
    }

    /// Whether what was there before a change was put there by one of some commits.
    fn is_by(&self, change: Change, commits: &HashSet<usize>) -> bool {
        let top = self.layers[self.place(change)].last();
        let by = top.and_then(|top| top.change);
        by.is_some_and(|(number, _)| commits.contains(&number))
    }

    /// Whether an image goes back to one that ran [lately](LATELY) before it there and was not taken back itself.
    /// What is newer by its tag is deployed, whether it ran before or not.
    fn goes_back(&self, change: Change) -> bool {
        let may_be = self.change(change).may_go_back();
        let live = may_be.then(|| self.live_landing(change)).flatten();
        live.is_some_and(|height| self.ran_lately(change, height))
    }

    /// Whether what is at the height that a change goes back to ran there until one of the last changes of its place.
    fn ran_lately(&self, change: Change, height: usize) -> bool {
        let mut above = self.layers[self.place(change)].iter().skip(height + 1);
        let until = above.find_map(|layer| layer.change);
        until.is_none_or(|until| {
            let later = self.before(change).take_while(|own| own.0 < until.0);
            later.take(LATELY).count() < LATELY
        })
    }

    /// The changes of the same place before one, newest first.
    fn before(&self, change: Change) -> impl Iterator<Item = Change> {
        let all = self.at[self.place(change)].iter().copied();
        all.skip_while(move |own| own.0 <= change.0)
    }

    /// Whether all is known of a place that tells whether a change [goes back](Self::goes_back): since what was there
    /// first in the list, below which nothing is known, so many others were there.
    pub(super) fn is_known_lately(&self, change: Change) -> bool {
        let Some(oldest) = self.at[self.place(change)].last() else {
            return false;
        };
        let first = &self.change(*oldest).old;
        let lately = self.before(change).take(LATELY);
        let others = lately.filter(|other| self.change(*other).new != *first);
        first.is_none() || others.count() == LATELY
    }

    /// The height of the layer that a change goes back to, first of all one that says just that; none where what it
    /// puts there is new. It is one of a commit that is named only where there is no other: then that was taken back
    /// at other places alone.
    pub(super) fn landing(&self, change: Change, named: &HashSet<usize>) -> Option<usize> {
        let PastChange { is_image, new, .. } = self.change(change);
        let (_, below) = self.layers[self.place(change)].split_last()?;
        let is_named = |layer: &Layer| {
            let by = layer.change.map(|(number, _)| number);
            by.is_some_and(|by| named.contains(&by))
        };
        let is_it = |layer: &Layer| layer.value == *new;
        let is_same = |layer: &Layer| match (&layer.value, new) {
            (Some(value), Some(new)) => *is_image && is_same_version(value, new),
            _ => false,
        };
        let other = |is_it: &dyn Fn(&Layer) -> bool| {
            let is_other = |layer: &Layer| is_it(layer) && !is_named(layer);
            below.iter().rposition(is_other)
        };
        let own = || below.iter().rposition(is_it).filter(|_| !named.is_empty());
        other(&is_it).or_else(own).or_else(|| other(&is_same))
    }

    /// The height of the layer that a change goes back to, where that was not taken back itself.
    fn live_landing(&self, change: Change) -> Option<usize> {
        let height = self.landing(change, &HashSet::new());
        let layers = &self.layers[self.place(change)];
        height.filter(|height| !matches!(layers[*height].kind, Kind::Dead | Kind::Gone))
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
    pub(super) fn put(&mut self, change: Change, kind: Kind, named: &HashSet<usize>) {
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
            // What still runs was kept.
            let is_kept = |change: &Change| {
                let top = self.layers[self.place(*change)].last();
                let value = top.and_then(|top| top.value.as_deref());
                let both = value.zip(self.change(*change).new.as_deref());
                both.is_some_and(|(is, put)| is_same_version(is, put))
            };
            let left = changes.filter(|change| !is_ours && !is_kept(change));
            for change in left.collect::<Vec<_>>() {
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
