//! Reading: the branch's tip, nothing of its past, and of its files only those that are asked for.

use std::sync::Arc;

use git2::{AutotagOption, Direction, FetchOptions, Oid};

use super::transport::{CallError, Connection, FetchMode};
use super::{Remote, Store, local, oid, remote};
use crate::nearest::nearest;
use crate::repository::{BranchName, CommitId, RepositoryError, Snapshot};

/// Where the tip that was read last is remembered.
const TIP: &str = "refs/remotes/origin/tip";

impl Store {
    /// The branch and its tip, with the tip's trees and files in the object database.
    pub(super) fn tip(&self) -> Result<(BranchName, Oid), RepositoryError> {
        self.has_tip_only.set(true);
        self.fetch(self.branch.as_ref(), 1)
    }

    /// Whether `commit` is the branch's tip now, or an ancestor of it.
    pub(super) fn holds(
        &self,
        base: &Snapshot,
        commit: &CommitId,
    ) -> Result<bool, RepositoryError> {
        let (base_id, commit) = (oid(&base.commit)?, oid(commit)?);
        // Few commits can have come since `base`; the branch is deepened until it comes in sight.
        for depth in [16, 256, 4096] {
            let tip = match self.fetch(Some(&base.branch), depth) {
                Ok((_, tip)) => tip,
                Err(RepositoryError::BranchNotFound { .. } | RepositoryError::Empty) => {
                    return Ok(false);
                }
                Err(error) => return Err(error),
            };
            if self.is_on(tip, commit)? {
                return Ok(true);
            }
            if self.is_on(tip, base_id)? {
                break;
            }
        }
        Ok(false)
    }

    pub(super) fn is_on(&self, tip: Oid, commit: Oid) -> Result<bool, RepositoryError> {
        Ok(tip == commit
            || self
                .repository
                .graph_descendant_of(tip, commit)
                .map_err(local)?)
    }

    /// Fetches the branch's last `depth` commits; a local repository has them.
    pub(super) fn fetch(
        &self,
        branch: Option<&BranchName>,
        depth: i32,
    ) -> Result<(BranchName, Oid), RepositoryError> {
        let Remote::Server { url, connection } = &self.remote else {
            return self.local_tip(branch);
        };
        let host = connection.host();
        connection.set_fetch_mode(FetchMode::default());
        let mut server = self.repository.remote_anonymous(url).map_err(local)?;
        connection
            .run(|| server.connect(Direction::Fetch))
            .map_err(|error| remote(error, &host))?;
        let advertised = Advertised::of(&server)?;
        let branch = advertised.branch(branch)?;
        let tip = advertised.tip(&branch)?;
        let partially = connection.can_fetch_partially() && !self.fetches_whole.get();
        connection.set_fetch_mode(FetchMode {
            without_blobs: partially,
            from_nothing: self.repository.find_reference(TIP).is_err(),
            same_advertisement: false,
        });
        self.download(&mut server, connection, &[branch.reference()], depth)
            .map_err(|error| remote(error, &host))?;
        // What is here already need not be sent again, when the branch is read once more.
        self.repository
            .reference(TIP, tip, true, "")
            .map_err(local)?;
        Ok((branch, tip))
    }

    /// Fetches files by their ids. Returns whether the server gives them out.
    pub(super) fn fetch_blobs(&self, blobs: &[Oid]) -> Result<bool, RepositoryError> {
        let Remote::Server { url, connection } = &self.remote else {
            let what = "a file's content is missing in the repository".to_owned();
            return Err(RepositoryError::Protocol { what });
        };
        // A server that is told of the tip would leave out what belongs to it.
        let tip = self.repository.refname_to_id(TIP).map_err(local)?;
        self.forget_tip()?;
        let mut server = self.repository.remote_anonymous(url).map_err(local)?;
        connection.set_fetch_mode(FetchMode {
            same_advertisement: true,
            ..FetchMode::default()
        });
        let wanted: Vec<String> = blobs.iter().map(ToString::to_string).collect();
        match self.download(&mut server, connection, &wanted, 0) {
            Ok(()) => {
                self.repository
                    .reference(TIP, tip, true, "")
                    .map_err(local)?;
                Ok(true)
            }
            // The server refuses in words of the protocol: from now on without this shortcut.
            Err((_, None)) if !self.fetches_whole.replace(true) => Ok(false),
            Err(error) => Err(remote(error, &connection.host())),
        }
    }

    /// Fetches one commit by its id, with its trees. Returns whether the server has it and gives it out.
    pub(super) fn fetch_commit(&self, commit: Oid) -> Result<bool, RepositoryError> {
        if self.repository.odb().map_err(local)?.exists(commit) {
            return Ok(true);
        }
        let Remote::Server { url, connection } = &self.remote else {
            return Ok(false);
        };
        let mut server = self.repository.remote_anonymous(url).map_err(local)?;
        connection.set_fetch_mode(FetchMode {
            without_blobs: connection.can_fetch_partially() && !self.fetches_whole.get(),
            same_advertisement: true,
            ..FetchMode::default()
        });
        match self.download(&mut server, connection, &[commit.to_string()], 1) {
            Ok(()) => Ok(true),
            // Refused in words of the protocol.
            Err((_, None)) => Ok(false),
            Err(error) => Err(remote(error, &connection.host())),
        }
    }

    fn download(
        &self,
        server: &mut git2::Remote<'_>,
        connection: &Arc<Connection>,
        wanted: &[String],
        depth: i32,
    ) -> Result<(), CallError> {
        let mut options = FetchOptions::new();
        options.download_tags(AutotagOption::None).depth(depth);
        connection.run(|| server.download(wanted, Some(&mut options)))
    }

    fn forget_tip(&self) -> Result<(), RepositoryError> {
        match self.repository.find_reference(TIP) {
            Ok(mut reference) => reference.delete().map_err(local),
            Err(_) => Ok(()),
        }
    }

    fn local_tip(&self, branch: Option<&BranchName>) -> Result<(BranchName, Oid), RepositoryError> {
        let advertised = Advertised::local(&self.repository)?;
        let branch = advertised.branch(branch)?;
        let tip = advertised.tip(&branch)?;
        Ok((branch, tip))
    }
}

/// What a repository says of its branches.
struct Advertised {
    default: Option<String>,
    branches: Vec<(String, Oid)>,
}

impl Advertised {
    fn of(server: &git2::Remote<'_>) -> Result<Self, RepositoryError> {
        let heads = server.list().map_err(local)?;
        let head = heads.iter().find(|head| head.name() == "HEAD");
        Ok(Self {
            default: head
                .and_then(|head| head.symref_target())
                .and_then(branch_of),
            branches: heads
                .iter()
                .filter_map(|head| Some((branch_of(head.name())?, head.oid())))
                .collect(),
        })
    }

    fn local(repository: &git2::Repository) -> Result<Self, RepositoryError> {
        let head = repository.find_reference("HEAD").map_err(local)?;
        let references = repository.references_glob("refs/heads/*").map_err(local)?;
        Ok(Self {
            default: head.symbolic_target().ok().flatten().and_then(branch_of),
            branches: references
                .flatten()
                .filter_map(|reference| {
                    Some((branch_of(reference.name().ok()?)?, reference.target()?))
                })
                .collect(),
        })
    }

    /// The branch asked for, or the default one, if it is there.
    fn branch(&self, asked: Option<&BranchName>) -> Result<BranchName, RepositoryError> {
        if self.branches.is_empty() {
            return Err(RepositoryError::Empty);
        }
        let name = match (asked, &self.default) {
            (Some(asked), _) => asked.clone(),
            (None, Some(default)) => default.parse().map_err(|_| self.no_default())?,
            (None, None) => return Err(self.no_default()),
        };
        self.tip(&name).map(|_| name)
    }

    fn tip(&self, name: &BranchName) -> Result<Oid, RepositoryError> {
        let found = self
            .branches
            .iter()
            .find(|(branch, _)| branch == name.as_str());
        found
            .map(|(_, tip)| *tip)
            .ok_or_else(|| RepositoryError::BranchNotFound {
                branch: name.clone(),
                existing: nearest(name.as_str(), self.names()),
            })
    }

    fn names(&self) -> impl Iterator<Item = String> {
        self.branches.iter().map(|(name, _)| name.clone())
    }

    fn no_default(&self) -> RepositoryError {
        RepositoryError::NoDefaultBranch {
            existing: self.names().collect(),
        }
    }
}

fn branch_of(reference: &str) -> Option<String> {
    reference.strip_prefix("refs/heads/").map(str::to_owned)
}
