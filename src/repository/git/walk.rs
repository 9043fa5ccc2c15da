//! The past: commits come without files, first the recent ones, then, where those do not do, all of
//! them; and of the files only the versions that are shown.

use std::collections::BTreeMap;

use super::content::{self, EntryKind, Tree};
use super::store::Store;
use super::tree::{self, Listing};
use crate::files::{FileSelection, RepoPath};
use crate::limits::FILES;
use crate::manifest::ManifestFile;
use crate::repository::branch::BranchName;
use crate::repository::error::RepositoryError;
use crate::repository::history::{
    Commit, FileHistory, FileVersions, HistoryQuery, RENAMED, Searched, Touched, followed,
    similarity,
};
use crate::repository::object::{CommitId, ObjectId};

/// How many commits are fetched at first: those of some days, in about the time that one takes.
const RECENT: u32 = 100;
/// Clocks differ: so many commits in a row must be too old before the older ones are not looked at
/// any more, as `git log --since` has it.
const SLOP: usize = 5;
/// How many files that went away in a commit are compared with one that came.
const MAX_RENAME_SOURCES: usize = 50;

/// What a commit did to a file, by the contents' ids.
struct Delta {
    path: RepoPath,
    renamed_from: Option<RepoPath>,
    before: Option<ObjectId>,
    after: Option<ObjectId>,
}

impl Store {
    /// The commits of the branch that touched the selected files.
    pub(super) fn history(
        &self,
        selection: &FileSelection,
        query: &HistoryQuery,
    ) -> Result<FileHistory, RepositoryError> {
        self.with_history(|store, branch, tip| store.log(branch, tip, selection, query))
    }

    /// The commit that begins with `revision`, which is made of hexadecimal digits.
    pub(super) fn search(
        &self,
        revision: &str,
        selection: &FileSelection,
    ) -> Result<Searched, RepositoryError> {
        let searched =
            self.with_history(|store, _, tip| store.look_up(tip, revision, selection))?;
        if let (Searched::Nowhere, Some(commit @ ObjectId::Sha1(_))) =
            (&searched, ObjectId::parse(revision))
            && self.fetch_commit(commit)?
        {
            return Ok(Searched::Elsewhere(commit.into()));
        }
        Ok(searched)
    }

    /// Whether `descendant` was made on top of `ancestor`, or is the same.
    pub(super) fn is_ancestor(
        &self,
        ancestor: ObjectId,
        descendant: ObjectId,
    ) -> Result<bool, RepositoryError> {
        if ancestor == descendant {
            return Ok(true);
        }
        self.with_history(|store, _, _| {
            let known = store.objects.has(ancestor)? && store.objects.has(descendant)?;
            let related = known && store.is_on(descendant, ancestor)?;
            Ok((related || store.boundary().is_empty()).then_some(related))
        })
    }

    /// The selected files as they are at `commit`.
    pub(super) fn files_at(
        &self,
        commit: ObjectId,
        selection: &FileSelection,
    ) -> Result<Vec<ManifestFile>, RepositoryError> {
        if !self.fetch_commit(commit)? {
            let what = format!("the server has no commit {commit}");
            return Err(RepositoryError::protocol(what));
        }
        self.files(commit, selection)
    }

    /// Reads with the branch's recent commits, and with all of them where `read` finds that those do
    /// not do, which it says by `None`.
    fn with_history<T>(
        &self,
        read: impl Fn(&Self, &BranchName, ObjectId) -> Result<Option<T>, RepositoryError>,
    ) -> Result<T, RepositoryError> {
        let (branch, tip) = self.tip(None)?;
        self.fetch(tip, Some(RECENT))?;
        if let Some(found) = read(self, &branch, tip)? {
            return Ok(found);
        }
        // All commits into an empty repository: these a server can send as it keeps them.
        if let Some(whole) = self.fresh() {
            whole.fetch(tip, None)?;
            if let Some(found) = read(&whole, &branch, tip)? {
                return Ok(found);
            }
        }
        Err(RepositoryError::protocol(
            "the server sent only a part of the branch's commits",
        ))
    }

    /// Walks the first-parent line; none when it leaves what was fetched before there is enough.
    fn log(
        &self,
        branch: &BranchName,
        tip: ObjectId,
        selection: &FileSelection,
        query: &HistoryQuery,
    ) -> Result<Option<FileHistory>, RepositoryError> {
        let boundary = self.boundary();
        // A repository on this machine may have been cloned in part: more there is not.
        let cut_off = |id: ObjectId| boundary.contains(&id) && !self.is_local();
        let mut followed = followed(selection);
        let mut found = Vec::new();
        let mut too_old = 0;
        let mut ever_touched = false;
        let mut limited = false;
        let mut next = Some(tip);
        while let Some(id) = next {
            if cut_off(id) {
                return Ok(None);
            }
            let commit = self.objects.commit(id)?;
            next = parent_of(&commit).filter(|_| !boundary.contains(&id));
            let deltas = self.deltas(&commit, next, selection, &mut followed)?;
            let commit = described(commit);
            too_old = match query.since {
                Some(since) if commit.time.seconds < since => too_old + 1,
                _ => 0,
            };
            if too_old > SLOP {
                break;
            }
            ever_touched |= !deltas.is_empty();
            if deltas.is_empty() || !query.asks_for(&commit) {
                continue;
            }
            if found.len() == query.limit {
                limited = true;
                break;
            }
            let changed_files = self.changed_files(id, next)?;
            found.push((commit, deltas, changed_files));
        }
        if !ever_touched && next.is_none() {
            self.refuse_unknown(tip, selection)?;
        }
        Ok(Some(FileHistory {
            branch: branch.clone(),
            tip: tip.into(),
            commits: self.with_contents(found)?,
            limited,
        }))
    }

    fn look_up(
        &self,
        tip: ObjectId,
        revision: &str,
        selection: &FileSelection,
    ) -> Result<Option<Searched>, RepositoryError> {
        let boundary = self.boundary();
        let mut matches = Vec::new();
        for commit in self.commits(tip) {
            let id = commit?.id;
            if id.to_string().starts_with(revision) {
                matches.push(id);
            }
        }
        let is_complete = boundary.is_empty() || self.is_local();
        match matches[..] {
            // Among the older ones there may be another that begins like this.
            [] if !is_complete => Ok(None),
            [_] if !is_complete && revision.len() < 40 => Ok(None),
            [id] if boundary.contains(&id) && !is_complete => Ok(None),
            [] => Ok(Some(Searched::Nowhere)),
            [id] => {
                let commit = self.objects.commit(id)?;
                let mut followed = None;
                let parent = parent_of(&commit);
                let deltas = self.deltas(&commit, parent, selection, &mut followed)?;
                let changed_files = self.changed_files(id, parent)?;
                let found = vec![(described(commit), deltas, changed_files)];
                let touched = self.with_contents(found)?;
                Ok(touched.into_iter().next().map(Searched::OnBranch))
            }
            _ => {
                let ids = matches.into_iter().map(CommitId::from);
                Ok(Some(Searched::Ambiguous(ids.collect())))
            }
        }
    }

    /// An error for a file that no commit has ever touched: it is not there, and was not.
    fn refuse_unknown(
        &self,
        tip: ObjectId,
        selection: &FileSelection,
    ) -> Result<(), RepositoryError> {
        tree::select(&self.objects, &self.objects.tree_at(tip)?, selection).map(|_| ())
    }

    /// What `commit` did to the selected files. A file that is followed goes on under its old name.
    fn deltas(
        &self,
        commit: &content::Commit,
        parent: Option<ObjectId>,
        selection: &FileSelection,
        followed: &mut Option<RepoPath>,
    ) -> Result<Vec<Delta>, RepositoryError> {
        let new = self.objects.tree(commit.tree)?;
        let old = parent
            .map(|parent| self.objects.tree_at(parent))
            .transpose()?;
        if old.as_ref().is_some_and(|old| old.id == new.id) {
            return Ok(Vec::new());
        }
        let Some(path) = followed else {
            return self.changed(old.as_ref(), &new, |delta| selection.selects(&delta.path));
        };
        let before = match &old {
            Some(old) => self.blob_at(old, path)?,
            None => None,
        };
        let after = self.blob_at(&new, path)?;
        if before == after {
            return Ok(Vec::new());
        }
        let mut delta = Delta {
            path: path.clone(),
            renamed_from: None,
            before,
            after,
        };
        if let (None, Some(after), Some(old)) = (before, after, &old)
            && let Some((from, id)) = self.renamed(old, &new, after)?
        {
            *path = from.clone();
            delta.renamed_from = Some(from);
            delta.before = Some(id);
        }
        Ok(vec![delta])
    }

    /// The file that went away when `came` came, if it is the same under another name.
    fn renamed(
        &self,
        old: &Tree,
        new: &Tree,
        came: ObjectId,
    ) -> Result<Option<(RepoPath, ObjectId)>, RepositoryError> {
        let gone = self.changed(Some(old), new, |delta| delta.after.is_none())?;
        let gone = gone.into_iter();
        let gone: Vec<(RepoPath, ObjectId)> = gone
            .filter_map(|delta| Some((delta.path, delta.before?)))
            .collect();
        if let Some(same) = gone.iter().find(|(_, id)| *id == came) {
            return Ok(Some(same.clone()));
        }
        let gone: Vec<_> = gone.into_iter().take(MAX_RENAME_SOURCES).collect();
        let mut wanted: Vec<ObjectId> = gone.iter().map(|(_, id)| *id).collect();
        wanted.push(came);
        self.fetch_missing(wanted)?;
        let came = self.objects.content(came)?;
        let mut best = None;
        for (path, id) in gone {
            self.objects.time()?;
            let alike = similarity(&self.objects.content(id)?, &came);
            if alike >= RENAMED && best.as_ref().is_none_or(|(_, _, other)| alike > *other) {
                best = Some((path, id, alike));
            }
        }
        Ok(best.map(|(path, id, _)| (path, id)))
    }

    /// The regular files in which two trees differ, as far as they are `wanted`.
    fn changed(
        &self,
        old: Option<&Tree>,
        new: &Tree,
        wanted: impl Fn(&Delta) -> bool,
    ) -> Result<Vec<Delta>, RepositoryError> {
        let mut deltas = Vec::new();
        self.compare(old, new, |delta| {
            if wanted(&delta) {
                deltas.push(delta);
            }
        })?;
        deltas.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(deltas)
    }

    /// Hands out the regular files in which two trees differ.
    fn compare(
        &self,
        old: Option<&Tree>,
        new: &Tree,
        mut to: impl FnMut(Delta),
    ) -> Result<(), RepositoryError> {
        /// What a name stands for, in the old tree and in the new one.
        type Sides = [Option<(ObjectId, EntryKind)>; 2];
        let mut listing = Listing::default();
        let mut open = vec![(String::new(), old.map(|old| old.id), Some(new.id))];
        while let Some((prefix, old, new)) = open.pop() {
            let mut names: BTreeMap<String, Sides> = BTreeMap::new();
            for (side, tree) in [old, new].into_iter().enumerate() {
                let Some(tree) = tree else { continue };
                for entry in self.objects.tree(tree)?.entries() {
                    let Ok(name) = std::str::from_utf8(entry.name) else {
                        continue;
                    };
                    listing.count(&self.objects, prefix.len() + name.len())?;
                    let sides = names.entry(name.to_owned()).or_default();
                    if let Some(side) = sides.get_mut(side) {
                        *side = Some((entry.id, entry.kind));
                    }
                }
            }
            for (name, sides) in names {
                let of =
                    |kind| sides.map(|side| side.filter(|(_, own)| *own == kind).map(|(id, _)| id));
                let ([old, new], [before, after]) = (of(EntryKind::Directory), of(EntryKind::File));
                if old != new {
                    open.push((format!("{prefix}{name}/"), old, new));
                }
                if before != after
                    && let Ok(path) = format!("{prefix}{name}").parse()
                {
                    to(Delta {
                        path,
                        renamed_from: None,
                        before,
                        after,
                    });
                }
            }
        }
        Ok(())
    }

    /// The regular file at `path`.
    fn blob_at(&self, tree: &Tree, path: &RepoPath) -> Result<Option<ObjectId>, RepositoryError> {
        let (directories, name) = path
            .as_str()
            .rsplit_once('/')
            .unwrap_or(("", path.as_str()));
        let mut below;
        let mut tree = tree;
        for directory in directories.split('/').filter(|name| !name.is_empty()) {
            match tree.get(directory.as_bytes()) {
                Some(entry) if entry.kind == EntryKind::Directory => {
                    below = self.objects.tree(entry.id)?;
                    tree = &below;
                }
                _ => return Ok(None),
            }
        }
        let found = tree.get(name.as_bytes());
        let file = found.filter(|entry| entry.kind == EntryKind::File);
        Ok(file.map(|entry| entry.id))
    }

    /// How many files a commit changed.
    fn changed_files(
        &self,
        commit: ObjectId,
        parent: Option<ObjectId>,
    ) -> Result<usize, RepositoryError> {
        let parent = parent
            .map(|parent| self.objects.tree_at(parent))
            .transpose()?;
        let mut changed = 0;
        self.compare(parent.as_ref(), &self.objects.tree_at(commit)?, |_| {
            changed += 1;
        })?;
        Ok(changed)
    }

    /// Reads all the versions, which are fetched at once.
    fn with_contents(
        &self,
        found: Vec<(Commit, Vec<Delta>, usize)>,
    ) -> Result<Vec<Touched>, RepositoryError> {
        let deltas = found.iter().flat_map(|(_, deltas, _)| deltas);
        let ids = deltas.flat_map(|delta| delta.before.into_iter().chain(delta.after));
        self.fetch_missing(ids.collect())?;
        let mut bytes = 0;
        let mut read = |id: Option<ObjectId>| -> Result<_, RepositoryError> {
            let Some(id) = id else { return Ok(None) };
            bytes += self.objects.size(id)? as u64;
            FILES.check(bytes)?;
            self.objects.content(id).map(Some)
        };
        let mut touched = Vec::new();
        for (commit, deltas, changed_files) in found {
            let mut files = Vec::new();
            for delta in deltas {
                files.push(FileVersions {
                    before: read(delta.before)?,
                    after: read(delta.after)?,
                    path: delta.path,
                    renamed_from: delta.renamed_from,
                });
            }
            touched.push(Touched {
                commit,
                files,
                changed_files,
            });
        }
        Ok(touched)
    }
}

/// The parent on the branch's own line.
fn parent_of(commit: &content::Commit) -> Option<ObjectId> {
    commit.parents.first().copied()
}

fn described(commit: content::Commit) -> Commit {
    Commit {
        id: commit.id.into(),
        parents: commit.parents.into_iter().map(CommitId::from).collect(),
        author: commit.author,
        time: commit.time,
        message: commit.message,
    }
}
