//! What is in force, and what lies below it.

use std::collections::{HashMap, HashSet};

use super::line::{Change, Kind, Layer, Past, PlaceNumber, Standing, Taken, Thing};

impl Past<'_> {
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

    /// The changes, of the newest commits first, at the places of what an older commit changed.
    fn over(&self, number: usize) -> impl Iterator<Item = Change> {
        let places = self.changes(number).map(|change| self.place(change));
        let places: HashSet<PlaceNumber> = places.collect();
        let changes = (0..number).flat_map(|newer| self.changes(newer));
        changes.filter(move |change| places.contains(&self.place(*change)))
    }

    /// The deployments in force, newest first, that put something where an older commit had put something.
    pub fn in_force_over(&self, number: usize) -> impl Iterator<Item = usize> {
        let changes = self.over(number);
        let live = changes.filter(|change| self.is_in_force(change.0) && self.is_live(*change));
        live.map(|(newer, _)| newer)
    }

    /// The newest deployment that had put something there, and was taken back; with the commit that did that.
    pub fn taken_back_over(&self, number: usize) -> Option<(usize, usize)> {
        self.over(number).find_map(|(newer, _)| {
            let standing = &self.standings[newer];
            let by = standing.undone_by.filter(|_| standing.is_deployment())?;
            Some((newer, by))
        })
    }

    /// What is in force of `target`: itself, or what deployed it again.
    pub(super) fn in_its_place(&self, target: usize) -> usize {
        let undone_by = |number: usize| self.standings[number].undone_by;
        match undone_by(target).and_then(undone_by) {
            // Each is newer than the one before.
            Some(again) if again < target => self.in_its_place(again),
            Some(_) | None => target,
        }
    }

    /// Which changes of a commit are in force.
    pub(super) fn live_changes(&self, number: usize) -> Vec<usize> {
        let live = self.changes(number).filter(|change| self.is_live(*change));
        live.map(|(_, own)| own).collect()
    }

    /// Whether a change is a part of a deployment, nobody took it back, and nobody has put something there
    /// by hand since.
    pub(super) fn is_live(&self, change: Change) -> bool {
        let layers = self.layers[self.place(change)].iter().rev();
        let mut in_force = layers.take_while(|layer| layer.kind != Kind::Floor);
        in_force.any(|layer| layer.change == Some(change) && layer.kind == Kind::Deployed)
    }

    /// What has to be undone at its place so that a change which is in force is, and what was taken out does
    /// not come back, unless it `is_named`: nothing where the same comes then; the number of the commit that took
    /// it out, where there is nothing else.
    pub(super) fn way_down(
        &self,
        change: Change,
        taken_out: &HashMap<Thing<'_>, usize>,
        is_named: impl Fn(&str) -> bool,
    ) -> Result<Vec<Change>, usize> {
        let place = self.place(change);
        let layers = &self.layers[place];
        let is_of_images = self.is_of_images(place);
        let own = layers.iter().position(|layer| layer.change == Some(change));
        let mut height = own.unwrap_or(0);
        loop {
            let landing = height.checked_sub(1).and_then(|below| layers.get(below));
            let Some(Layer { value, kind, .. }) = landing else {
                return Ok(Vec::new());
            };
            let value = value.as_deref();
            let is_named = is_of_images && value.is_some_and(&is_named);
            let by = value.filter(|_| !is_named);
            let by = by.and_then(|value| taken_out.get(&(place, value)));
            let is_same = layers
                .last()
                .is_some_and(|top| top.value.as_deref() == value);
            match (kind, by) {
                (Kind::Floor, _) if is_same => return Ok(Vec::new()),
                (Kind::Floor, Some(by)) => return Err(*by),
                (Kind::Deployed, None) if is_same => height -= 1,
                (Kind::Dead, _) if is_named => break,
                (Kind::Dead | Kind::Gone, _) | (Kind::Deployed, Some(_)) => height -= 1,
                (Kind::Floor | Kind::Deployed, None) => break,
            }
        }
        Ok(self.above(place, height).unwrap_or_default())
    }

    /// What put the layers there from a height on, newest first; none where that is not known.
    pub(super) fn above(&self, place: PlaceNumber, height: usize) -> Option<Vec<Change>> {
        let above = self.layers[place].get(height..)?.iter().rev();
        let above = above.filter(|layer| layer.kind != Kind::Gone);
        above.map(|layer| layer.change).collect()
    }

    /// What was taken out, place by place, and has not been there again since; with the number of the commit
    /// that did it.
    ///
    /// What was taken out of one place may have run at another one all the time, as in production what was
    /// rolled back in staging: there it is a way back.
    pub(super) fn taken_out<'p>(&'p self) -> HashMap<Thing<'p>, usize> {
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
}
