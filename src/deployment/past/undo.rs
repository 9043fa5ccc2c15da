//! What a rollback undoes, of one commit or of the newest deployment, and how sure that is.

use std::collections::{BTreeSet, HashMap};

use super::commit::said;
use super::line::{Change, Fate, FileNumber, Past, Standing, Thing};
use crate::deployment::trailers::Origin;

/// A commit, and what of it is to be undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undo {
    /// The commit, by its number.
    pub number: usize,
    /// Which of its changes, by their numbers, in their order.
    pub(super) changes: Vec<usize>,
    /// Whether what it did to files without images and values goes with it: of several, that is the deployment which
    /// the others are undone for.
    pub is_all: bool,
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

impl Past<'_> {
    /// What a rollback undoes that names nothing: what is left of the newest deployment in force; where
    /// that would bring back what was rolled back, with what brought that. Newest first.
    ///
    /// # Errors
    /// Why there is nothing.
    pub fn newest(&self) -> Result<Vec<Undo>, NothingBefore> {
        let taken_out = self.taken_out();
        let mut nothing = NothingBefore::NoDeployment;
        for deployment in (0..self.commits.len()).filter(|number| self.is_in_force(*number)) {
            let undo = self.way_back(deployment, &taken_out)?;
            if !undo.is_empty() {
                return Ok(undo);
            }
            let live = self.live_changes(deployment);
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

    /// The same of this deployment, be it the newest in force or not.
    ///
    /// # Errors
    /// Why there is nothing.
    pub fn of_deployment(&self, deployment: usize) -> Result<Vec<Undo>, NothingBefore> {
        match self.is_in_force(deployment) {
            true => self.way_back(deployment, &self.taken_out()),
            false => Err(NothingBefore::NoDeployment),
        }
    }

    /// What is undone of a deployment in force, newest first. Where what ran before is the same but for what was rolled
    /// back in between, there is nothing.
    fn way_back(
        &self,
        deployment: usize,
        taken_out: &HashMap<Thing<'_>, usize>,
    ) -> Result<Vec<Undo>, NothingBefore> {
        let live = self.live_changes(deployment);
        let mut changes: BTreeSet<Change> = BTreeSet::new();
        for own in &live {
            let way = self.way_down((deployment, *own), taken_out, |_| false);
            changes.extend(way.map_err(|by| NothingBefore::RolledBack { deployment, by })?);
        }
        Ok(match live.is_empty() || !changes.is_empty() {
            true => self.undo(&changes, &BTreeSet::from([deployment])),
            false => Vec::new(),
        })
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

    /// The changes by their commits, newest first, and the commits of `whole`.
    pub(super) fn undo(&self, changes: &BTreeSet<Change>, whole: &BTreeSet<usize>) -> Vec<Undo> {
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
        let mut changes: HashMap<FileNumber, Vec<Change>> = HashMap::new();
        for change in self.changes(number) {
            changes.entry(self.file(change)).or_default().push(change);
        }
        let files = self.touched[number].iter();
        let part = files.map(|file| {
            let known = changes.get(file).map(Vec::as_slice).unwrap_or_default();
            let (undone, kept): (Vec<Change>, Vec<Change>) = known
                .iter()
                .partition(|(_, own)| undo.changes.binary_search(own).is_ok());
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

    /// Whether older commits than those of the list may show that one of its newest, up to `oldest`, stands
    /// otherwise, or that something else is to be undone than it.
    ///
    /// What a rollback put there in place of what it took back may be what there was before, and so may what
    /// somebody wrote by hand. All else that is known of a place is known from its newest commits: what ran
    /// there before one of them had not been taken out of it since.
    pub fn stands_on_older(&self, oldest: usize) -> bool {
        (0..=oldest).any(|number| self.is_unsure(number))
    }

    /// The newest commit from which on all of them [stand on older ones](Self::stands_on_older); none where none does.
    pub fn first_on_older(&self) -> Option<usize> {
        (0..self.commits.len()).find(|number| self.is_unsure(*number))
    }

    fn is_unsure(&self, number: usize) -> bool {
        let commit = &self.commits[number];
        let (said, ids) = said(commit);
        let mut may_go_back = self
            .changes(number)
            .filter(|change| self.change(*change).may_go_back());
        match said {
            _ if !ids.is_empty() => true,
            Origin::Edit => !commit.changes.is_empty(),
            Origin::Update => {
                may_go_back.any(|change| !self.is_known_lately(change))
                    || self
                        .changes(number)
                        .any(|change| self.is_of_unknown(change))
            }
            Origin::Rollback | Origin::Reapply => may_go_back.next().is_some(),
        }
    }

    /// Whether what is to be undone was done by hand at a place of which nothing older is in the list: whether
    /// that took something back, only older commits tell.
    pub fn is_unjudged(&self, undo: &Undo) -> bool {
        let (said, _) = said(&self.commits[undo.number]);
        let mut changes = undo.changes.iter().map(|own| (undo.number, *own));
        let is_oldest = |change: Change| self.at[self.place(change)].last() == Some(&change);
        said == Origin::Edit && changes.any(is_oldest)
    }
}
