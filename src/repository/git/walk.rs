//! The past: commits come without files, first the recent ones, then, where those do not do, more of
//! them; and of the files only the versions that are shown.

use std::collections::{BTreeMap, HashMap};

use super::content::{self, EntryKind, Tree};
use super::follow::{Delta, Followed};
use super::store::{SAID, Store};
use super::tree::{self, Listing};
use crate::files::{FileSelection, Pattern, RepoPath};
use crate::limits::{COMMITS, Exceeded, FILES, FilesRead};
use crate::manifest::ManifestFile;
use crate::repository::branch::BranchName;
use crate::repository::commit::Said;
use crate::repository::error::RepositoryError;
use crate::repository::history::{
    Commit, FileHistory, FileVersions, HistoryQuery, Searched, Touched,
};
use crate::repository::object::{CommitId, ObjectId};
use crate::repository::tip::BranchTip;

/// How many commits are fetched, step by step, before all are: at first those of some days, in about the
/// time that one takes.
const STEPS: [u32; 3] = [SAID, 1_000, 10_000];
/// Clocks differ: so many commits in a row must be too old before the older ones are not looked at
/// any more, as `git log --since` has it.
const SLOP: usize = 5;
/// How many commits of a merge are read: what the newest of them say counts.
const MERGED: usize = 200;

/// How far the first-parent line was followed, and what was found there.
struct Walk<'a> {
    branch: BranchName,
    tip: ObjectId,
    selection: &'a FileSelection,
    query: &'a HistoryQuery,
    followed: Followed<'a>,
    found: Vec<(Commit, Vec<Delta>, usize)>,
    /// How many bytes those have.
    bytes: u64,
    /// How many files they changed.
    files: u64,
    /// A commit that is to be added, as soon as all is here that it brought.
    open: Option<(content::Commit, Vec<Delta>)>,
    /// So many commits in a row were too old.
    too_old: usize,
    ever_touched: bool,
    /// The lines of several that mean nothing at the tip, as long as no commit has touched what they mean.
    unseen: Vec<Pattern>,
    limited: bool,
    /// The commit that is next.
    next: Option<ObjectId>,
}

impl<'a> Walk<'a> {
    fn new(
        branch: &BranchName,
        tip: ObjectId,
        selection: &'a FileSelection,
        query: &'a HistoryQuery,
    ) -> Self {
        Self {
            branch: branch.clone(),
            tip,
            selection,
            query,
            followed: Followed::new(selection, query.beyond_globs),
            found: Vec::new(),
            bytes: 0,
            files: 0,
            open: None,
            too_old: 0,
            ever_touched: false,
            unseen: Vec::new(),
            limited: false,
            next: Some(tip),
        }
    }
}

impl Store {
    /// The commits of the branch that touched the selected files.
    pub(super) fn history(
        &self,
        selection: &FileSelection,
        query: &HistoryQuery,
    ) -> Result<FileHistory, RepositoryError> {
        let mut walk = None;
        let seen = match query.resumes {
            true => self.take_seen(),
            false => None,
        };
        // In a step of fewer commits than are asked for there can't be as many.
        let beyond = match (query.since, query.at_hand) {
            (None, false) => query.limit,
            _ => 0,
        };
        self.with_history_from(seen, beyond, |branch, tip| {
            let walk = match &mut walk {
                Some(walk) => walk,
                None => {
                    let mut new = Walk::new(branch, tip, selection, query);
                    new.unseen = self.unseen(tip, selection)?;
                    walk.insert(new)
                }
            };
            let is_enough = self.log(walk)?;
            if !is_enough && !query.at_hand {
                return Ok(None);
            }
            walk.limited |= !is_enough;
            self.found(walk).map(Some)
        })
    }

    /// The commit that begins with `revision`, which is made of hexadecimal digits.
    pub(super) fn search(
        &self,
        revision: &str,
        selection: &FileSelection,
    ) -> Result<Searched, RepositoryError> {
        let searched = self.with_history(|_, tip| self.look_up(tip, revision, selection))?;
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
        self.with_history(|_, _| {
            let known = self.objects.has(ancestor)? && self.objects.has(descendant)?;
            let related = known && self.is_on(descendant, ancestor)?;
            Ok((related || self.boundary().is_empty()).then_some(related))
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

    /// Reads with the branch's recent commits, and with more of them as long as `read` finds that those
    /// do not do, which it says by `None`.
    fn with_history<T>(
        &self,
        read: impl FnMut(&BranchName, ObjectId) -> Result<Option<T>, RepositoryError>,
    ) -> Result<T, RepositoryError> {
        self.with_history_from(None, 0, read)
    }

    /// The same from where the branch was seen, by the steps of more than so many commits.
    fn with_history_from<T>(
        &self,
        seen: Option<(BranchName, ObjectId)>,
        beyond: usize,
        mut read: impl FnMut(&BranchName, ObjectId) -> Result<Option<T>, RepositoryError>,
    ) -> Result<T, RepositoryError> {
        let (branch, tip) = match seen {
            Some(seen) => seen,
            None => self.tip(None)?,
        };
        let steps = STEPS.into_iter().filter(|depth| *depth as usize > beyond);
        for depth in steps.map(Some).chain([None]) {
            self.fetch(tip, depth)?;
            if let Some(found) = read(&branch, tip)? {
                self.note_seen(&branch, tip);
                return Ok(found);
            }
        }
        Err(RepositoryError::protocol(
            "the server sent only a part of the branch's commits",
        ))
    }

    /// Goes on along the first-parent line; whether there is enough before it leaves what was fetched.
    fn log(&self, walk: &mut Walk<'_>) -> Result<bool, RepositoryError> {
        let query = walk.query;
        let boundary = self.boundary();
        // A repository on this machine may have been cloned in part: more there is not.
        let cut_off = |id: ObjectId| boundary.contains(&id) && !self.is_local();
        loop {
            if let Some((commit, deltas)) = walk.open.take() {
                let mut described = described(&commit);
                let Some(merged) = self.merged(&commit, cut_off)? else {
                    walk.open = Some((commit, deltas));
                    return Ok(false);
                };
                let said = merged.iter().map(|said| said.message.len());
                walk.bytes += commit.len() + said.sum::<usize>() as u64;
                COMMITS.check(walk.bytes)?;
                walk.files += deltas.len() as u64;
                FILES.check(walk.files)?;
                described.merged = merged;
                let changed_files = self.changed_files(commit.id, walk.next)?;
                walk.found.push((described, deltas, changed_files));
            }
            let Some(id) = walk.next else {
                break;
            };
            if cut_off(id) {
                return Ok(false);
            }
            let commit = self.objects.commit(id)?;
            walk.next = parent_of(&commit).filter(|_| !boundary.contains(&id));
            let deltas = self.deltas(&commit, walk.next, &mut walk.followed)?;
            let described = described(&commit);
            walk.too_old = match query.since {
                Some(since) if described.time.seconds < since => walk.too_old + 1,
                _ => 0,
            };
            walk.ever_touched |= !deltas.is_empty();
            let is_seen = |line: &Pattern| {
                let mut deltas = deltas.iter();
                deltas.any(|delta| line.matches(&delta.path) || line.matches(&delta.now))
            };
            walk.unseen.retain(|line| !is_seen(line));
            let may_end = walk.unseen.is_empty();
            if walk.too_old > SLOP && may_end {
                break;
            }
            if deltas.is_empty() || !query.asks_for(&described) {
                continue;
            }
            if walk.found.len() == query.limit {
                walk.limited = true;
                if may_end {
                    break;
                }
                continue;
            }
            walk.open = Some((commit, deltas));
        }
        Ok(true)
    }

    /// What was found on the way.
    fn found(&self, walk: &mut Walk<'_>) -> Result<FileHistory, RepositoryError> {
        let unknown = match walk.ever_touched {
            false => Some(walk.selection.clone()),
            true => (!walk.unseen.is_empty()).then(|| FileSelection {
                include: std::mem::take(&mut walk.unseen),
                ..walk.selection.clone()
            }),
        };
        if let (Some(unknown), None) = (unknown, walk.next) {
            let at = BranchTip {
                branch: walk.branch.clone(),
                commit: walk.tip.into(),
            };
            let known = self.refuse_unknown(walk.tip, &unknown);
            known.map_err(|error| error.read_at(at))?;
        }
        Ok(FileHistory {
            branch: walk.branch.clone(),
            tip: walk.tip.into(),
            commits: self.with_contents(std::mem::take(&mut walk.found))?,
            limited: walk.limited,
        })
    }

    /// The files by the names they had at `commit`, or at the merge that brought it; none where the way
    /// there leads to where `is_cut_off` says that there is more.
    fn followed_to<'s>(
        &self,
        commit: ObjectId,
        tip: ObjectId,
        selection: &'s FileSelection,
        is_cut_off: impl Fn(ObjectId) -> bool,
    ) -> Result<Option<Followed<'s>>, RepositoryError> {
        let boundary = self.boundary();
        let mut followed = Followed::new(selection, true);
        let mut next = Some(tip);
        while let Some(id) = next.filter(|id| *id != commit) {
            if is_cut_off(id) {
                return Ok(None);
            }
            let newer = self.objects.commit(id)?;
            let Some(merged) = self.merged(&newer, &is_cut_off)? else {
                return Ok(None);
            };
            if merged.iter().any(|one| one.commit == commit.into()) {
                return Ok(Some(followed));
            }
            next = parent_of(&newer).filter(|_| !boundary.contains(&id));
            self.deltas(&newer, next, &mut followed)?;
        }
        // It came by some way that is not followed: then the names are those of now.
        Ok(Some(match next {
            Some(_) => followed,
            None => Followed::new(selection, true),
        }))
    }

    /// What the commits say that a merge brought to the branch, newest first; none when some of them are
    /// where `is_cut_off` says that there is more.
    fn merged(
        &self,
        merge: &content::Commit,
        is_cut_off: impl Fn(ObjectId) -> bool,
    ) -> Result<Option<Vec<Said>>, RepositoryError> {
        if merge.parents.len() < 2 {
            return Ok(Some(Vec::new()));
        }
        // Newest first; what is on the branch's own line, and before it, is none of them. Of commits of one
        // second, and by clocks that differ, an older one may come before one that it is an ancestor of: it is
        // taken out again where the branch's own line leads to it, too.
        let mut open: BTreeMap<(i64, ObjectId), bool> = BTreeMap::new();
        let mut met: HashMap<ObjectId, bool> = HashMap::new();
        let (mut found, mut bytes): (Vec<(i64, Said)>, u64) = (Vec::new(), 0);
        // A merge of the same commit again and again is one of it.
        let mut parents: BTreeMap<ObjectId, bool> = BTreeMap::new();
        for (number, parent) in merge.parents.iter().enumerate() {
            *parents.entry(*parent).or_default() |= number == 0;
        }
        for (parent, is_own) in parents {
            let time = self.objects.commit(parent)?.time.seconds;
            open.insert((time, parent), is_own);
        }
        let (mut late, mut cut_off_at) = (0, i64::MIN);
        loop {
            let is_sought = found.len() < MERGED && open.values().any(|is_own| !is_own);
            let may_be_own = || {
                let newest = open.last_key_value().map(|((time, _), _)| *time);
                newest.is_some_and(|newest| found.iter().any(|(time, _)| *time <= newest))
            };
            if !is_sought && (late == MERGED || !may_be_own()) {
                break;
            }
            late += usize::from(!is_sought);
            let Some(((time, id), is_own)) = open.pop_last() else {
                break;
            };
            let is_known = |met: &HashMap<ObjectId, bool>, id: &ObjectId| {
                met.get(id).is_some_and(|was_own| *was_own || !is_own)
            };
            if is_known(&met, &id) || !is_own && !is_sought {
                continue;
            }
            met.insert(id, is_own);
            found.retain(|(_, said)| said.commit != id.into());
            if is_cut_off(id) {
                if !is_own {
                    return Ok(None);
                }
                cut_off_at = cut_off_at.max(time);
                continue;
            }
            let commit = self.objects.commit(id)?;
            for parent in &commit.parents {
                // What a server left out is not there.
                if !is_known(&met, parent) && self.objects.has(*parent)? {
                    let time = self.objects.commit(*parent)?.time.seconds;
                    *open.entry((time, *parent)).or_default() |= is_own;
                }
            }
            if !is_own {
                bytes += commit.message.len() as u64;
                COMMITS.check(bytes)?;
                let said = Said {
                    commit: id.into(),
                    message: commit.message,
                };
                found.push((time, said));
            }
        }
        // Whether those are the branch's own, the part that is not here tells.
        if found.iter().any(|(time, _)| *time <= cut_off_at) {
            return Ok(None);
        }
        Ok(Some(found.into_iter().map(|(_, said)| said).collect()))
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
                let cut_off = |id: ObjectId| !is_complete && boundary.contains(&id);
                // The files may have had other names then.
                let Some(mut followed) = self.followed_to(id, tip, selection, cut_off)? else {
                    return Ok(None);
                };
                let commit = self.objects.commit(id)?;
                let parent = parent_of(&commit);
                let deltas = self.deltas(&commit, parent, &mut followed)?;
                let changed_files = self.changed_files(id, parent)?;
                let mut described = described(&commit);
                match self.merged(&commit, cut_off)? {
                    Some(merged) => described.merged = merged,
                    None => return Ok(None),
                }
                let touched = self.with_contents(vec![(described, deltas, changed_files)])?;
                Ok(touched.into_iter().next().map(Searched::OnBranch))
            }
            _ => {
                let ids = matches.into_iter().map(CommitId::from);
                Ok(Some(Searched::Ambiguous(ids.collect())))
            }
        }
    }

    /// The lines of several that mean no file at `tip`. Of one alone nothing is found, which tells as much.
    fn unseen(
        &self,
        tip: ObjectId,
        selection: &FileSelection,
    ) -> Result<Vec<Pattern>, RepositoryError> {
        if selection.include.len() < 2 {
            return Ok(Vec::new());
        }
        let mut unseen = Vec::new();
        for line in &selection.include {
            let alone = FileSelection {
                include: vec![line.clone()],
                exclude: selection.exclude.clone(),
                beside: None,
            };
            match self.refuse_unknown(tip, &alone) {
                Err(RepositoryError::File { .. }) => unseen.push(line.clone()),
                found => found?,
            }
        }
        Ok(unseen)
    }

    /// An error for a file that no commit has ever touched: it is not there, and was not.
    fn refuse_unknown(
        &self,
        tip: ObjectId,
        selection: &FileSelection,
    ) -> Result<(), RepositoryError> {
        tree::select(&self.objects, &self.objects.tree_at(tip)?, selection).map(|_| ())
    }

    /// The regular files in which two trees differ, as far as they are `wanted`, of which there may not be more
    /// than are read.
    pub(super) fn changed(
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
            FILES.check(deltas.len() as u64)
        })?;
        deltas.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(deltas)
    }

    /// Hands out the regular files in which two trees differ.
    pub(super) fn compare(
        &self,
        old: Option<&Tree>,
        new: &Tree,
        mut to: impl FnMut(Delta) -> Result<(), Exceeded>,
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
                    to(Delta::new(path, before, after))?;
                }
            }
        }
        Ok(())
    }

    /// The regular files at `path` before and after, where they differ. Goes no further down than to where both
    /// have the same.
    pub(super) fn blobs_at(
        &self,
        old: Option<&Tree>,
        new: &Tree,
        path: &RepoPath,
    ) -> Result<Option<[Option<ObjectId>; 2]>, RepositoryError> {
        let mut trees = [old.cloned(), Some(new.clone())];
        let mut names = path.as_str().split('/').peekable();
        while let Some(name) = names.next() {
            let entries = trees.each_ref().map(|tree| {
                let entry = tree.as_ref()?.get(name.as_bytes())?;
                Some((entry.kind, entry.id))
            });
            let [before, after] = entries;
            if before == after {
                return Ok(None);
            }
            let ids = |wanted| {
                let is_it = |(kind, _): &(EntryKind, ObjectId)| *kind == wanted;
                entries.map(|entry| entry.filter(is_it).map(|(_, id)| id))
            };
            if names.peek().is_none() {
                let [before, after] = ids(EntryKind::File);
                return Ok((before != after).then_some([before, after]));
            }
            let tree = |id: Option<ObjectId>| id.map(|id| self.objects.tree(id)).transpose();
            let [before, after] = ids(EntryKind::Directory);
            trees = [tree(before)?, tree(after)?];
        }
        Ok(None)
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
            Ok(())
        })?;
        Ok(changed)
    }

    /// A file in the other parents of a merge, where all of them have it and the merge has it as none of them.
    fn beside(&self, commit: &Commit, delta: &Delta) -> Result<Vec<ObjectId>, RepositoryError> {
        let mut beside = Vec::new();
        for parent in commit.parents.iter().skip(1) {
            let parent = ObjectId::parse(parent.as_str());
            let Some(parent) = parent.filter(|_| delta.after.is_some()) else {
                return Ok(Vec::new());
            };
            if !self.objects.has(parent)? {
                return Ok(Vec::new()); // What a server left out is not there.
            }
            let tree = self.objects.tree_at(parent)?;
            let Some([_, Some(own)]) = self.blobs_at(None, &tree, &delta.path)? else {
                return Ok(Vec::new());
            };
            if Some(own) == delta.after {
                return Ok(Vec::new());
            }
            beside.push(own);
        }
        Ok(beside)
    }

    /// Reads all the versions, which are fetched at once.
    fn with_contents(
        &self,
        found: Vec<(Commit, Vec<Delta>, usize)>,
    ) -> Result<Vec<Touched>, RepositoryError> {
        let mut ids = Vec::new();
        let (mut beside, mut others_in_all) = (Vec::new(), 0);
        for (commit, deltas, _) in &found {
            for delta in deltas {
                let others = self.beside(commit, delta)?;
                others_in_all += others.len() as u64;
                FILES.check(others_in_all)?;
                ids.extend(delta.before.into_iter().chain(delta.after));
                ids.extend(&others);
                beside.push(others);
            }
        }
        self.fetch_missing(ids)?;
        let mut beside = beside.into_iter();
        let mut count = FilesRead::default();
        let read = |id: Option<ObjectId>| id.map(|id| self.objects.content(id)).transpose();
        let mut touched = Vec::new();
        for (commit, deltas, changed_files) in found {
            let mut files = Vec::new();
            for delta in deltas {
                let beside = beside.next().unwrap_or_default();
                let mut bytes = 0;
                let versions = delta.before.iter().chain(&delta.after).chain(&beside);
                for version in versions {
                    bytes += self.objects.size(*version)? as u64;
                }
                count.count(bytes)?;
                let beside = beside.into_iter().map(|id| read(Some(id)));
                let beside = beside.collect::<Result<Vec<_>, _>>()?;
                files.push(FileVersions {
                    beside: beside.into_iter().flatten().collect(),
                    before: read(delta.before)?,
                    after: read(delta.after)?,
                    path: delta.path,
                    now: delta.now,
                    renamed_from: delta.renamed_from,
                });
            }
            touched.push(Touched {
                commit: commit.into(),
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

fn described(commit: &content::Commit) -> Commit {
    let parents = commit.parents.iter().copied();
    Commit {
        id: commit.id.into(),
        parents: parents.map(CommitId::from).collect(),
        author: commit.author.clone(),
        time: commit.time,
        message: commit.message.clone(),
        merged: Vec::new(),
    }
}
