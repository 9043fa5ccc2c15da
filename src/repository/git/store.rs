//! The objects of one repository, of a server's or of this machine: fetched, read and written. The
//! same for both places where objects are kept ([`Objects`]).

use std::cell::RefCell;
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::answer::FetchError;
use super::budget::Budget;
use super::content::Commit;
use super::objects::{Fetched, Objects};
use super::packets::{Advertised, Along, FetchRequest, branch_of};
use super::push::{self, Move};
use super::server::Server;
use super::tree;
use crate::files::FileSelection;
use crate::limits::{COMMITS, FilesRead};
use crate::manifest::ManifestFile;
use crate::repository::branch::BranchName;
use crate::repository::commit::{Change, CommitDraft, Modes, Pushed, Said, Sent, Snapshot};
use crate::repository::error::RepositoryError;
use crate::repository::location::Location;
use crate::repository::object::{CommitId, ObjectId, ObjectKind};
use crate::repository::select::beside;
use crate::repository::signing::SigningKey;
use crate::repository::tip::BranchTip;

/// How long what was seen of a branch is as good as a look at it: a push shows whether it has moved.
const A_MOMENT: Duration = Duration::from_secs(5);
/// The depth that means all commits: `git fetch --unshallow` has the same.
const ALL: u32 = 0x7fff_ffff;
/// How large a file may be that comes along with a change of others, whether it is wanted or not.
const CHANGED: u64 = 1 << 20;

/// How many commits are looked at for what they say; the past begins with as many.
pub(super) const SAID: u32 = 200;

pub(super) struct Store {
    pub(super) objects: Objects,
    origin: Origin,
    /// The commits whose parents are not here, although they have some.
    boundary: RefCell<HashSet<ObjectId>>,
    /// Where the branch was when its past was read last, and when that was.
    seen: RefCell<Option<(BranchName, ObjectId, Instant)>>,
}

enum Origin {
    /// A server: objects are fetched and pushed.
    Server {
        server: Arc<Server>,
        budget: Arc<Budget>,
    },
    /// A repository on this machine: [`Store::objects`] are its own, so that moving the branch is one
    /// compare-and-swap under git's own lock.
    ThisMachine { branch: Option<BranchName> },
}

impl Store {
    /// An empty one, for what a server has.
    pub(super) fn of(server: Arc<Server>, budget: Arc<Budget>) -> Self {
        let host = server.connection.host();
        Self {
            objects: Objects::from(host, Arc::clone(&budget)),
            origin: Origin::Server { server, budget },
            boundary: RefCell::default(),
            seen: RefCell::default(),
        }
    }

    /// A repository of this machine.
    pub(super) fn local(
        location: &Location,
        branch: Option<BranchName>,
        budget: Arc<Budget>,
    ) -> Result<Self, RepositoryError> {
        let objects = Objects::of(location, budget)?;
        let cut_off = objects.local().map(shallow).transpose()?;
        Ok(Self {
            boundary: RefCell::new(cut_off.unwrap_or_default()),
            seen: RefCell::default(),
            objects,
            origin: Origin::ThisMachine { branch },
        })
    }

    /// An empty one beside this, for the same server; none for a repository of this machine, which
    /// has everything.
    pub(super) fn fresh(&self) -> Option<Self> {
        match &self.origin {
            Origin::Server { server, budget } => {
                Some(Self::of(Arc::clone(server), Arc::clone(budget)))
            }
            Origin::ThisMachine { .. } => None,
        }
    }

    /// Whether the repository is at another URL by now than the one that was given.
    pub(super) fn has_moved(&self) -> bool {
        matches!(&self.origin, Origin::Server { server, .. } if server.connection.has_moved())
    }

    /// The server, if it is of one.
    pub(super) fn of_a_server(&self) -> Option<&Server> {
        match &self.origin {
            Origin::Server { server, .. } => Some(server),
            Origin::ThisMachine { .. } => None,
        }
    }

    pub(super) fn is_local(&self) -> bool {
        matches!(self.origin, Origin::ThisMachine { .. })
    }

    /// A branch and its tip now; of none the one that is worked with.
    pub(super) fn tip(
        &self,
        asked: Option<&BranchName>,
    ) -> Result<(BranchName, ObjectId), RepositoryError> {
        match &self.origin {
            Origin::Server { server, .. } => server.tip(asked),
            Origin::ThisMachine { branch } => {
                let branches = self.objects.local().map(local_branches).transpose()?;
                branches
                    .unwrap_or_default()
                    .resolve(asked.or(branch.as_ref()))
            }
        }
    }

    /// Notes where the branch is, after its past was read.
    pub(super) fn note_seen(&self, branch: &BranchName, tip: ObjectId) {
        *self.seen.borrow_mut() = Some((branch.clone(), tip, Instant::now()));
    }

    /// Where the branch was a moment ago; not twice, so that whoever comes back looks at it again.
    pub(super) fn take_seen(&self) -> Option<(BranchName, ObjectId)> {
        let (branch, tip, when) = self.seen.borrow_mut().take()?;
        (when.elapsed() < A_MOMENT).then_some((branch, tip))
    }

    /// The selected files at `tip`, a tip of the branch, with their modes.
    pub(super) fn snapshot(
        &self,
        branch: &BranchName,
        tip: ObjectId,
        selection: &FileSelection,
    ) -> Result<(Snapshot, Modes), RepositoryError> {
        let was_partial = self.is_partial();
        let read = || {
            self.fetch_with(tip, Some(1), Along::UpTo(CHANGED))?;
            self.files_with_modes(tip, selection)
        };
        let files = match read() {
            // It gives out no files by their ids after all.
            Err(_) if was_partial && !self.is_partial() => read(),
            files => files,
        };
        let at = || BranchTip {
            branch: branch.clone(),
            commit: tip.into(),
        };
        let files = files.map_err(|error| error.read_at(at()))?;
        let modes = files.iter().map(|(mode, file)| (file.path.clone(), *mode));
        let modes = modes.collect();
        let mut files = files.into_iter().map(|(_, file)| file).collect();
        let snapshot = Snapshot {
            branch: branch.clone(),
            commit: tip.into(),
            beside: beside(selection, &mut files),
            files,
            recent: self.recent(tip)?,
        };
        Ok((snapshot, modes))
    }

    /// Whether files come only when they are asked for.
    fn is_partial(&self) -> bool {
        matches!(&self.origin, Origin::Server { server, .. } if server.is_partial())
    }

    /// The selected files of a commit that is here.
    pub(super) fn files(
        &self,
        commit: ObjectId,
        selection: &FileSelection,
    ) -> Result<Vec<ManifestFile>, RepositoryError> {
        let files = self.files_with_modes(commit, selection)?;
        Ok(files.into_iter().map(|(_, file)| file).collect())
    }

    fn files_with_modes(
        &self,
        commit: ObjectId,
        selection: &FileSelection,
    ) -> Result<Vec<(u32, ManifestFile)>, RepositoryError> {
        let entries = tree::select(&self.objects, &self.objects.tree_at(commit)?, selection)?;
        self.fetch_missing(entries.iter().map(|entry| entry.blob).collect())?;
        let (mut files, mut read) = (Vec::new(), FilesRead::default());
        for entry in entries {
            let file = entry.read(&self.objects)?;
            read.count(file.bytes.len() as u64)?;
            files.push((entry.mode, file));
        }
        Ok(files)
    }

    /// Makes a commit on top of a snapshot of this, and moves the branch to it.
    pub(super) fn commit(
        &self,
        base: &Snapshot,
        changes: &[Change],
        draft: &CommitDraft,
        key: Option<&SigningKey>,
    ) -> Result<Pushed, RepositoryError> {
        let old = base.commit.id();
        let step = Move {
            branch: &base.branch,
            old: Some(old),
            new: tree::commit(&self.objects, (old, &[old]), changes, draft, key)?,
            base: Some(old),
            options: &draft.options,
        };
        match &self.origin {
            Origin::Server { server, .. } => push::push(&self.objects, server, &step),
            Origin::ThisMachine { .. } => push::swap(&self.objects, &step),
        }
    }

    /// The commit of `sent`, which was made on top of `base`, if it is the branch's tip now or an ancestor
    /// of it. One whose id is not known is known by its parent, its message and its files: the jobs of one run
    /// that deploy the same image to several files say all the same.
    pub(super) fn find(
        &self,
        base: &Snapshot,
        sent: &Sent,
    ) -> Result<Option<CommitId>, RepositoryError> {
        let tip = match self.tip(Some(&base.branch)) {
            Ok((_, tip)) => tip,
            Err(RepositoryError::BranchNotFound { .. } | RepositoryError::Empty) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let is_sent = |commit: &Commit| -> Result<bool, RepositoryError> {
            match &sent.commit {
                Some(id) => Ok(commit.id == id.id()),
                None => {
                    let looks_like_it = commit.parents == [base.commit.id()]
                        && commit.message.trim() == sent.draft.message.trim();
                    Ok(looks_like_it && self.holds(commit.id, &sent.changes)?)
                }
            }
        };
        // Few commits can have come since `base`; the branch is deepened until it comes in sight.
        for depth in [16, 256, 4096] {
            self.fetch(tip, Some(depth))?;
            for commit in self.commits(tip) {
                let commit = commit?;
                if is_sent(&commit)? {
                    return Ok(Some(commit.id.into()));
                }
            }
            if self.is_on(tip, base.commit.id())? {
                break;
            }
        }
        Ok(None)
    }

    /// Whether the files of `commit`, which is here with its directories, are as `changes` make them.
    fn holds(&self, commit: ObjectId, changes: &[Change]) -> Result<bool, RepositoryError> {
        let tree = self.objects.tree_at(commit)?;
        for Change { path, bytes } in changes {
            let file = FileSelection::of([path]);
            let blob = ObjectId::of(ObjectKind::Blob, bytes);
            match tree::select(&self.objects, &tree, &file) {
                Ok(files) if files.iter().all(|file| file.blob == blob) => {}
                Ok(_) | Err(RepositoryError::File { .. }) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Fetches `tip` with the last `depth` commits, all without one; a local repository has them.
    pub(super) fn fetch(&self, tip: ObjectId, depth: Option<u32>) -> Result<(), RepositoryError> {
        self.fetch_with(tip, depth, Along::None)
    }

    /// The same. Of what was fetched before, the files that have `changed` since come along, where the
    /// server gives out files by their ids at all: another request may be spared.
    fn fetch_with(
        &self,
        tip: ObjectId,
        depth: Option<u32>,
        changed: Along,
    ) -> Result<(), RepositoryError> {
        let Origin::Server { server, .. } = &self.origin else {
            return Ok(());
        };
        let wanted = Fetched {
            tip,
            depth,
            without_blobs: server.is_partial(),
        };
        // Without the files that are wanted now, what is here is not worth much.
        let last = self.objects.last.get();
        let last = last.filter(|last| last.without_blobs == wanted.without_blobs);
        if last.is_some_and(|last| last.reaches(tip, depth.unwrap_or(ALL))) {
            return Ok(());
        }
        // If this goes wrong, the next try asks for everything.
        self.objects.last.set(None);
        let files = match (wanted.without_blobs, last) {
            (false, _) => Along::All,
            (true, None) => Along::None,
            (true, Some(_)) => changed,
        };
        let shallow: Vec<_> = self.boundary().into_iter().collect();
        let mut request = FetchRequest {
            wants: vec![tip],
            // What is here already need not be sent again.
            haves: last.into_iter().map(|last| last.tip).collect(),
            // All of what was cut off, too.
            depth: depth.or((!shallow.is_empty()).then_some(ALL)),
            shallow,
            files,
        };
        let mut received = self.receive(server, &request);
        if let (Along::UpTo(_), Err(FetchError::Refused(_))) = (files, &received) {
            // Not every server that leaves out all files leaves out some.
            request.files = Along::None;
            received = self.receive(server, &request);
        }
        if received.is_err() && wanted.without_blobs && !server.is_partial() {
            // It leaves no files out after all.
            return self.fetch_with(tip, depth, changed);
        }
        received.map_err(|error| server.failed(error))?;
        self.objects.last.set(Some(wanted));
        Ok(())
    }

    /// Fetches files by their ids, where they are not here. Where the server does not give them out,
    /// whatever is fetched from now on is fetched with its files.
    pub(super) fn fetch_missing(&self, mut blobs: Vec<ObjectId>) -> Result<(), RepositoryError> {
        blobs.sort_unstable();
        blobs.dedup();
        let mut wants = Vec::new();
        for blob in blobs {
            if !self.objects.has(blob)? {
                wants.push(blob);
            }
        }
        if wants.is_empty() {
            return Ok(());
        }
        let Origin::Server { server, .. } = &self.origin else {
            let what = "a file's content is missing in the repository";
            return Err(RepositoryError::protocol(what));
        };
        let request = FetchRequest {
            wants,
            ..FetchRequest::default()
        };
        let answer = server.fetch(&request);
        match answer.and_then(|answer| self.objects.receive(answer.pack, false)) {
            Ok(()) => Ok(()),
            Err(FetchError::Refused(_)) if server.is_partial() => {
                server.fetch_files_always();
                // Another try asks for all of them.
                Err(RepositoryError::unavailable(
                    "the server gives out no files by their ids",
                ))
            }
            Err(error) => Err(server.failed(error)),
        }
    }

    /// Fetches one commit by its id, with its trees. Returns whether the server has it and gives it out.
    pub(super) fn fetch_commit(&self, commit: ObjectId) -> Result<bool, RepositoryError> {
        if self.objects.has(commit)? {
            return Ok(true);
        }
        let Origin::Server { server, .. } = &self.origin else {
            return Ok(false);
        };
        server.get_to_know().map_err(|error| server.failed(error))?;
        let is_partial = server.is_partial();
        let mut request = FetchRequest {
            wants: vec![commit],
            depth: Some(1),
            files: match is_partial {
                true => Along::None,
                false => Along::All,
            },
            ..FetchRequest::default()
        };
        let mut received = self.receive(server, &request);
        if received.is_err() && is_partial && !server.is_partial() {
            request.files = Along::All;
            received = self.receive(server, &request);
        }
        match received {
            Ok(()) => Ok(true),
            Err(FetchError::Refused(_)) => Ok(false),
            Err(error) => Err(server.failed(error)),
        }
    }

    /// Sends a request for commits, and takes in what comes.
    pub(super) fn receive(
        &self,
        server: &Server,
        request: &FetchRequest,
    ) -> Result<(), FetchError> {
        let answer = server.fetch(request)?;
        // The server takes the files of what is here for being here, and a changed one may come as the
        // difference to another that was never asked for. If that is wanted, it is fetched by its id.
        let may_lack = matches!(request.files, Along::UpTo(_));
        self.objects.receive(answer.pack, may_lack)?;
        let mut boundary = self.boundary.borrow_mut();
        boundary.extend(answer.shallow);
        for commit in answer.unshallow {
            boundary.remove(&commit);
        }
        Ok(())
    }

    pub(super) fn boundary(&self) -> HashSet<ObjectId> {
        self.boundary.borrow().clone()
    }

    /// The commits that are here, from `tip` on, the nearest first.
    pub(super) fn commits(&self, tip: ObjectId) -> Commits<'_> {
        Commits {
            store: self,
            open: VecDeque::from([tip]),
            seen: HashSet::from([tip]),
            boundary: self.boundary(),
        }
    }

    /// Whether `commit` is `tip`, or an ancestor of it, as far as the commits are here.
    pub(super) fn is_on(&self, tip: ObjectId, commit: ObjectId) -> Result<bool, RepositoryError> {
        for ancestor in self.commits(tip) {
            if ancestor?.id == commit {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What the commits before `commit` say, the nearest first: of a server's those alone are fetched, in one
    /// request, where they are not here; and nothing where it would send their files as well.
    pub(super) fn said_before(&self, commit: ObjectId) -> Result<Vec<Said>, RepositoryError> {
        let (Some(apart), Origin::Server { server, .. }) = (self.fresh(), &self.origin) else {
            return self.recent(commit);
        };
        if self
            .objects
            .last
            .get()
            .is_some_and(|last| last.reaches(commit, SAID))
        {
            return self.recent(commit);
        }
        let is_first = self.objects.has(commit)? && !self.boundary().contains(&commit);
        if is_first || !self.is_partial() {
            return Ok(Vec::new());
        }
        let request = FetchRequest {
            wants: vec![commit],
            depth: Some(SAID),
            files: Along::NotEvenDirectories,
            ..FetchRequest::default()
        };
        let received = apart.receive(server, &request);
        received.map_err(|error| server.failed(error))?;
        said(apart.commits(commit))
    }

    /// What the last commits say; of a server's as far as they are here, the tip alone where its past was not read.
    fn recent(&self, tip: ObjectId) -> Result<Vec<Said>, RepositoryError> {
        let most = if self.is_local() { 30 } else { SAID as usize };
        said(self.commits(tip).take(most))
    }
}

/// What `commits` say.
fn said(
    commits: impl Iterator<Item = Result<Commit, RepositoryError>>,
) -> Result<Vec<Said>, RepositoryError> {
    let (mut all, mut bytes) = (Vec::new(), 0);
    for commit in commits {
        let commit = commit?;
        bytes += commit.len();
        COMMITS.check(bytes)?;
        all.push(Said {
            commit: commit.id.into(),
            message: commit.message,
        });
    }
    Ok(all)
}

/// See [`Store::commits`].
pub(super) struct Commits<'a> {
    store: &'a Store,
    open: VecDeque<ObjectId>,
    seen: HashSet<ObjectId>,
    boundary: HashSet<ObjectId>,
}

impl Iterator for Commits<'_> {
    type Item = Result<Commit, RepositoryError>;

    fn next(&mut self) -> Option<Self::Item> {
        let id = self.open.pop_front()?;
        let commit = match self.store.objects.commit(id) {
            Ok(commit) => commit,
            Err(error) => return Some(Err(error)),
        };
        if !self.boundary.contains(&id) {
            for parent in &commit.parents {
                if self.seen.insert(*parent) {
                    self.open.push_back(*parent);
                }
            }
        }
        Some(Ok(commit))
    }
}

/// What a repository of this machine says of its branches.
fn local_branches(repository: &git2::Repository) -> Result<Advertised, RepositoryError> {
    let head = repository.find_reference("HEAD")?;
    let references = repository.references_glob("refs/heads/*")?;
    Ok(Advertised {
        default: head.symbolic_target().ok().flatten().and_then(branch_of),
        branches: references
            .flatten()
            .filter_map(|reference| {
                let tip = reference.target()?.into();
                Some((branch_of(reference.name().ok()?)?, tip))
            })
            .collect(),
    })
}

/// Where a repository of this machine was cut off when it was cloned.
fn shallow(repository: &git2::Repository) -> Result<HashSet<ObjectId>, RepositoryError> {
    match std::fs::read_to_string(repository.path().join("shallow")) {
        Ok(text) => Ok(text.lines().filter_map(ObjectId::parse).collect()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(HashSet::new()),
        Err(error) => Err(RepositoryError::protocol(format!(
            "what is missing in the repository can't be read: {error}"
        ))),
    }
}
