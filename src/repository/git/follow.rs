//! Files through their renames, as `git log --follow` goes, any number of them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};

use super::content::{self, Tree};
use super::store::Store;
use crate::files::{FileSelection, RepoPath};
use crate::repository::error::RepositoryError;
use crate::repository::history::{RENAMED, similarity};
use crate::repository::object::ObjectId;

/// How many files that went away in a commit are compared with one that came.
const MAX_RENAME_SOURCES: usize = 50;

/// A file that a commit took away, and that may have been renamed.
struct Gone {
    path: RepoPath,
    content: ObjectId,
}

/// What a commit did to a file, by the contents' ids.
pub(super) struct Delta {
    pub path: RepoPath,
    /// The name at the tip.
    pub now: RepoPath,
    pub renamed_from: Option<RepoPath>,
    pub before: Option<ObjectId>,
    pub after: Option<ObjectId>,
}

impl Delta {
    pub fn new(path: RepoPath, before: Option<ObjectId>, after: Option<ObjectId>) -> Self {
        Self {
            now: path.clone(),
            path,
            renamed_from: None,
            before,
            after,
        }
    }

    /// Whether the file was not there before.
    pub fn came(&self) -> bool {
        self.before.is_none() && self.after.is_some()
    }
}

/// The files that a walk into the past is about, by the names they have where it is.
pub(super) struct Followed<'s> {
    selection: &'s FileSelection,
    /// Whether what a glob matches now is followed to names that it does not match.
    beyond_globs: bool,
    /// The name at the tip, by the one where the walk is. Those that have one name in all are not here,
    /// unless they are named.
    names: BTreeMap<RepoPath, RepoPath>,
}

impl<'s> Followed<'s> {
    pub fn new(selection: &'s FileSelection, beyond_globs: bool) -> Self {
        let named = selection.named_paths().into_iter();
        Self {
            selection,
            beyond_globs,
            names: named.map(|path| (path.clone(), path.clone())).collect(),
        }
    }

    fn is_followed(&self, path: &RepoPath) -> bool {
        self.names.contains_key(path) || self.is_globbed(path)
    }

    fn is_globbed(&self, path: &RepoPath) -> bool {
        let mut globs = self.selection.globs();
        globs.any(|glob| glob.matches(path)) && !self.selection.excludes(path)
    }

    /// Takes down the names that `deltas` show, and goes on under those before them.
    fn pass(&mut self, deltas: &mut [Delta]) {
        for delta in &mut *deltas {
            if let Some(now) = self.names.get(&delta.path) {
                delta.now.clone_from(now);
            }
        }
        let renamed = deltas.iter().filter(|delta| delta.renamed_from.is_some());
        for delta in renamed.clone() {
            self.names.remove(&delta.path);
        }
        for delta in renamed {
            let is_named =
                delta.now != delta.path || self.selection.named_paths().contains(&&delta.now);
            if let Some(from) = &delta.renamed_from
                && (is_named || self.beyond_globs || self.is_globbed(from))
            {
                self.names.insert(from.clone(), delta.now.clone());
            }
        }
    }
}

impl Store {
    /// What `commit` did to the files that are followed.
    pub(super) fn deltas(
        &self,
        commit: &content::Commit,
        parent: Option<ObjectId>,
        followed: &mut Followed<'_>,
    ) -> Result<Vec<Delta>, RepositoryError> {
        let new = self.objects.tree(commit.tree)?;
        let old = parent
            .map(|parent| self.objects.tree_at(parent))
            .transpose()?;
        if old.as_ref().is_some_and(|old| old.id == new.id) {
            return Ok(Vec::new());
        }
        let mut deltas = Vec::new();
        if followed.selection.globs().next().is_some() {
            let is_wanted = |delta: &Delta| followed.is_followed(&delta.path);
            deltas = self.changed(old.as_ref(), &new, is_wanted)?;
        } else {
            // Without a look at the rest of the tree.
            for path in followed.names.keys() {
                if let Some([before, after]) = self.blobs_at(old.as_ref(), &new, path)? {
                    deltas.push(Delta::new(path.clone(), before, after));
                }
            }
        }
        if let Some(old) = &old
            && deltas.iter().any(Delta::came)
        {
            self.find_renames(old, &new, &mut deltas)?;
        }
        followed.pass(&mut deltas);
        Ok(deltas)
    }

    /// Finds the files that went away when others came, where they are the same under other names.
    fn find_renames(
        &self,
        old: &Tree,
        new: &Tree,
        deltas: &mut Vec<Delta>,
    ) -> Result<(), RepositoryError> {
        let mut gone = Vec::new();
        self.compare(Some(old), new, |delta| {
            if let (Some(content), None) = (delta.before, delta.after) {
                let path = delta.path;
                gone.push(Gone { path, content });
            }
            Ok(())
        })?;
        gone.sort_by(|a, b| a.path.cmp(&b.path));
        let mut taken = HashSet::new();
        for delta in deltas.iter_mut().filter(|delta| delta.came()) {
            self.objects.time()?;
            if let Some(place) = self.renamed(&gone, delta)? {
                let from = gone.swap_remove(place);
                taken.insert(from.path.clone());
                delta.renamed_from = Some(from.path);
                delta.before = Some(from.content);
            }
        }
        // What was renamed did not go away.
        deltas.retain(|delta| delta.after.is_some() || !taken.contains(&delta.path));
        Ok(())
    }

    /// The place in `gone` of the file that came: the very same, one of the same name that is alike, or
    /// the one that is most alike.
    fn renamed(&self, gone: &[Gone], came: &Delta) -> Result<Option<usize>, RepositoryError> {
        let Some(after) = came.after else {
            return Ok(None);
        };
        // The nearest one first; of two, the one whose path is.
        let rank = |place: usize| {
            let path = gone.get(place).map(|gone| &gone.path);
            let common = path.map(|path| common_end(path, &came.path));
            (Reverse(common), path)
        };
        let is_same = |place: &usize| gone.get(*place).is_some_and(|gone| gone.content == after);
        if let Some(same) = (0..gone.len())
            .filter(is_same)
            .min_by_key(|place| rank(*place))
        {
            return Ok(Some(same));
        }
        // There may be a million: no more than the nearest are put in order.
        let mut ranked: Vec<_> = (0..gone.len()).map(|place| (rank(place), place)).collect();
        if ranked.len() > MAX_RENAME_SOURCES {
            ranked.select_nth_unstable(MAX_RENAME_SOURCES);
            ranked.truncate(MAX_RENAME_SOURCES);
        }
        ranked.sort_unstable();
        let nearest = ranked.into_iter();
        let nearest: Vec<_> = nearest
            .filter_map(|(_, place)| Some((place, gone.get(place)?)))
            .collect();
        let wanted = nearest.iter().map(|(_, gone)| gone.content);
        self.fetch_missing(wanted.chain([after]).collect())?;
        let after = self.objects.content(after)?;
        let mut best = None;
        for (place, gone) in nearest {
            self.objects.time()?;
            let alike = similarity(&self.objects.content(gone.content)?, &after);
            let rank = (gone.path.file_name() == came.path.file_name(), alike);
            if alike >= RENAMED && best.as_ref().is_none_or(|(_, other)| rank > *other) {
                best = Some((place, rank));
            }
        }
        Ok(best.map(|(place, _)| place))
    }
}

/// How many components two paths have in common at their ends.
fn common_end(one: &RepoPath, other: &RepoPath) -> usize {
    let (one, other) = (one.as_str().rsplit('/'), other.as_str().rsplit('/'));
    one.zip(other)
        .take_while(|(one, other)| one == other)
        .count()
}
