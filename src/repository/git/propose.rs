//! The branch of a pull request: what it has beyond another commit, and a commit for it that is made of the
//! files of that other one.

use std::collections::{HashSet, VecDeque};

use super::content::Commit;
use super::packets::{Along, FetchRequest};
use super::push::{self, Move};
use super::server::Server;
use super::store::Store;
use super::tree;
use crate::repository::branch::BranchName;
use crate::repository::commit::{Change, CommitDraft, Pushed, Snapshot};
use crate::repository::error::RepositoryError;
use crate::repository::head::{Beyond, Made, Relation};
use crate::repository::object::ObjectId;
use crate::repository::signing::SigningKey;

/// How many commits of each side are fetched, step by step, before all are.
const STEPS: [u32; 4] = [100, 1_000, 10_000, 0x7fff_ffff];

/// Where a commit goes that is made of the files of another branch.
#[derive(Debug, Clone)]
pub struct Onto {
    /// The branch.
    pub branch: BranchName,
    /// Where it is; none where it is not there.
    pub at: Option<ObjectId>,
    /// What it holds there. What holds the same is not made.
    pub tree: Option<ObjectId>,
    /// What the commit is made on top of.
    pub parents: Vec<ObjectId>,
}

impl Store {
    fn server(&self) -> Result<&Server, RepositoryError> {
        self.of_a_server().ok_or_else(|| {
            RepositoryError::protocol("a repository of this machine has no pull requests")
        })
    }

    /// Where branches are now.
    pub(super) fn tips(
        &self,
        branches: &[BranchName],
    ) -> Result<Vec<Option<ObjectId>>, RepositoryError> {
        self.server()?.tips(branches)
    }

    /// A branch beside which Git can't have `branch`.
    pub(super) fn in_the_way(
        &self,
        branch: &BranchName,
    ) -> Result<Option<String>, RepositoryError> {
        self.server()?.in_the_way(branch)
    }

    /// What `head` has beyond `base`, and its tree.
    pub(super) fn beyond(
        &self,
        base: ObjectId,
        head: ObjectId,
    ) -> Result<(Beyond, ObjectId), RepositoryError> {
        let server = self.server()?;
        server.get_to_know().map_err(|error| server.failed(error))?;
        for depth in STEPS {
            let Some(apart) = self.fresh() else { break };
            let request = FetchRequest {
                wants: vec![base, head],
                depth: Some(depth),
                files: match server.is_partial() {
                    true => Along::NotEvenDirectories,
                    false => Along::All,
                },
                ..FetchRequest::default()
            };
            let received = apart.receive(server, &request);
            received.map_err(|error| server.failed(error))?;
            if let Some(beyond) = apart.compared(base, head)? {
                return Ok((beyond, apart.objects.commit(head)?.tree));
            }
        }
        Err(RepositoryError::protocol(
            "the server sent only a part of the commits of two branches",
        ))
    }

    /// What `head` has beyond `base`, as far as the commits that are here tell.
    fn compared(&self, base: ObjectId, head: ObjectId) -> Result<Option<Beyond>, RepositoryError> {
        let mut older = HashSet::new();
        for commit in self.commits(base) {
            older.insert(commit?.id);
        }
        let cut_off = self.boundary();
        let (mut own, mut meets) = (Vec::new(), Vec::new());
        let (mut open, mut seen) = (VecDeque::from([head]), HashSet::from([head]));
        while let Some(id) = open.pop_front() {
            if older.contains(&id) {
                meets.push(id);
                continue;
            }
            if cut_off.contains(&id) {
                return Ok(None);
            }
            let commit = self.objects.commit(id)?;
            let parents = commit.parents.iter();
            open.extend(parents.filter(|parent| seen.insert(**parent)));
            own.push(made(commit));
        }
        own.reverse();
        let newest = self.newest(&meets)?;
        let relation = match (own.is_empty(), meets.contains(&base)) {
            (true, _) if head == base => Relation::Identical,
            (true, _) => Relation::Behind,
            (false, true) => Relation::Ahead,
            (false, false) => Relation::Diverged,
        };
        Ok(Some(Beyond {
            relation,
            commits: own,
            from: match (relation, &newest[..]) {
                (Relation::Ahead, _) => Some(base.into()),
                (_, [one]) => Some((*one).into()),
                _ => None,
            },
            paths: None,
        }))
    }

    /// Those of `commits` that no other one of them was made on, as far as the commits are here.
    fn newest(&self, commits: &[ObjectId]) -> Result<Vec<ObjectId>, RepositoryError> {
        let mut newest = commits.to_vec();
        // One needs no look at its past.
        for commit in commits.iter().filter(|_| commits.len() > 1) {
            for older in self.commits(*commit).skip(1) {
                let older = older?.id;
                newest.retain(|one| *one != older);
            }
        }
        Ok(newest)
    }

    /// The files in which two commits differ.
    pub(super) fn paths(
        &self,
        old: ObjectId,
        new: ObjectId,
    ) -> Result<Vec<String>, RepositoryError> {
        let server = self.server()?;
        server.get_to_know().map_err(|error| server.failed(error))?;
        let apart = self.fresh();
        let store = apart.as_ref().unwrap_or(self);
        let request = FetchRequest {
            wants: vec![old, new],
            depth: Some(1),
            files: match server.is_partial() {
                true => Along::None,
                false => Along::All,
            },
            ..FetchRequest::default()
        };
        let received = store.receive(server, &request);
        received.map_err(|error| server.failed(error))?;
        let [old, new] = [old, new].map(|commit| store.objects.tree_at(commit));
        let mut paths = Vec::new();
        store.compare(Some(&old?), &new?, |delta| {
            paths.push(delta.path.to_string());
            Ok(())
        })?;
        paths.sort_unstable();
        Ok(paths)
    }

    /// Makes a commit of the files of `base`, a snapshot of this, and moves another branch to it; none where
    /// that holds the same already.
    pub(super) fn propose(
        &self,
        base: &Snapshot,
        changes: &[Change],
        draft: &CommitDraft,
        onto: &Onto,
        key: Option<&SigningKey>,
    ) -> Result<Option<Pushed>, RepositoryError> {
        let server = self.server()?;
        let of = base.commit.id();
        let new = tree::commit(&self.objects, (of, &onto.parents), changes, draft, key)?;
        if onto.tree == Some(self.objects.commit(new)?.tree) {
            return Ok(None);
        }
        let step = Move {
            branch: &onto.branch,
            old: onto.at,
            new,
            base: Some(of),
            options: &draft.options,
        };
        push::push(&self.objects, server, &step).map(Some)
    }

    /// Tells the server something with a push of what it has.
    pub(super) fn tell(
        &self,
        branch: &BranchName,
        at: ObjectId,
        options: &[String],
    ) -> Result<Pushed, RepositoryError> {
        let step = Move {
            branch,
            old: Some(at),
            new: at,
            base: None,
            options,
        };
        push::push(&self.objects, self.server()?, &step)
    }
}

fn made(commit: Commit) -> Made {
    Made {
        commit: commit.id.into(),
        message: commit.message,
        author: Some(commit.author.name).filter(|name| !name.is_empty()),
        parents: commit.parents.len(),
    }
}
