//! The server's side: what it says of its branches, and what it is asked for.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::answer::{self, FetchAnswer, FetchError};
use super::connection::{Connection, Download};
use super::packets::{self, Advertised, FetchRequest, PushTerms, Unreadable};
use crate::nearest::nearest;
use crate::repository::branch::BranchName;
use crate::repository::error::{Access, Refusal, RepositoryError, is_of_this_machine};
use crate::repository::object::ObjectId;
use crate::repository::wire::{WireError, refused};

/// A server with one repository, and what is known of it. Everything here blocks.
pub(super) struct Server {
    pub(super) connection: Arc<Connection>,
    /// The branch asked for; else its default branch.
    branch: Option<BranchName>,
    /// What it said last.
    advertisement: Mutex<Option<Bytes>>,
    /// Whether it turned out to give out no files by their ids.
    gives_no_files: AtomicBool,
    /// How it can be pushed to, as far as that is known.
    push_terms: Mutex<Option<PushTerms>>,
}

impl Server {
    pub(super) fn new(connection: Connection, branch: Option<BranchName>) -> Self {
        Self {
            connection: Arc::new(connection),
            branch,
            advertisement: Mutex::default(),
            gives_no_files: AtomicBool::new(false),
            push_terms: Mutex::new(Some(PushTerms::of(None))),
        }
    }

    /// A branch, and where it is now; of none the one asked for.
    pub(super) fn tip(
        &self,
        asked: Option<&BranchName>,
    ) -> Result<(BranchName, ObjectId), RepositoryError> {
        *self.last() = None;
        let advertisement = self.advertisement();
        let advertised = self.read(&advertisement.map_err(|error| self.failed(error))?)?;
        advertised.resolve(asked.or(self.branch.as_ref()))
    }

    /// Reads what it says of its branches.
    pub(super) fn read(&self, advertisement: &[u8]) -> Result<Advertised, RepositoryError> {
        let host = self.connection.host();
        packets::advertised(advertisement).map_err(|unreadable| match unreadable {
            Unreadable::ObjectFormat(format) => RepositoryError::ObjectFormat { format },
            Unreadable::Refused(why) if packets::says_missing(&why) => RepositoryError::Refused {
                refusal: Refusal::Repository,
                access: Access::Read,
                code: "ERR".to_owned(),
                detail: why,
            },
            Unreadable::Refused(why) => RepositoryError::protocol(format!("{host}: {why}")),
            Unreadable::Cut => {
                RepositoryError::unavailable(format!("{host}: the list of references ended early"))
            }
        })
    }

    /// Whether it can be asked for a commit without its files, and for files by their ids.
    pub(super) fn is_partial(&self) -> bool {
        let known = self.last();
        known.as_deref().is_some_and(packets::allows_partial_fetch)
            && !self.gives_no_files.load(Relaxed)
    }

    /// From now on whatever is fetched is fetched with its files.
    pub(super) fn fetch_files_always(&self) {
        self.gives_no_files.store(true, Relaxed);
    }

    /// What the server said last; it is asked where it has said nothing yet.
    pub(super) fn advertisement(&self) -> Result<Bytes, FetchError> {
        if let Some(known) = self.last().clone() {
            return Ok(known);
        }
        let asked = self.connection.ask_before_fetch();
        let advertisement = asked.map_err(FetchError::Wire)?;
        *self.last() = Some(advertisement.clone());
        Ok(advertisement)
    }

    /// Asks for objects.
    pub(super) fn fetch(
        &self,
        request: &FetchRequest,
    ) -> Result<FetchAnswer<Download>, FetchError> {
        let advertisement = self.advertisement()?;
        let download = self.connection.fetch(request, &advertisement);
        let has_side_band = packets::has_side_band(&advertisement);
        answer::read(download.map_err(FetchError::Wire)?, has_side_band)
    }

    /// How to push now; none where it has to be asked. Unknown from here on, until a push comes to an end
    /// in good order: see [`Server::keep_push_terms`].
    pub(super) fn take_push_terms(&self) -> Option<PushTerms> {
        lock(&self.push_terms).take()
    }

    /// The next push is made as the last one was.
    pub(super) fn keep_push_terms(&self, terms: PushTerms) {
        *lock(&self.push_terms) = Some(terms);
    }

    /// A failed fetch, by what can be done about it.
    pub(super) fn failed(&self, error: FetchError) -> RepositoryError {
        failed(error, &self.connection.host())
    }

    fn last(&self) -> MutexGuard<'_, Option<Bytes>> {
        lock(&self.advertisement)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A failed fetch from `host`, by what can be done about it.
pub(super) fn failed(error: FetchError, host: &str) -> RepositoryError {
    match error {
        FetchError::Wire(kind) => {
            let pushing = false;
            refused(WireError { pushing, kind }, host)
        }
        FetchError::TooMuch(exceeded) => RepositoryError::TooMuch(exceeded),
        FetchError::Deadline(_) => RepositoryError::DeadlineExceeded {
            what: format!("{host}: {error}"),
        },
        FetchError::Broken(what) if is_of_this_machine(&what) => RepositoryError::Runner { what },
        // An answer that ends early, a commit that is gone since the branch was looked at: another
        // try starts from the beginning.
        error => RepositoryError::unavailable(format!("{host}: {error}")),
    }
}

impl Advertised {
    /// The branch asked for, or the default one, and its tip.
    pub(super) fn resolve(
        &self,
        asked: Option<&BranchName>,
    ) -> Result<(BranchName, ObjectId), RepositoryError> {
        if self.branches.is_empty() {
            return Err(RepositoryError::Empty);
        }
        let no_default = || RepositoryError::NoDefaultBranch {
            existing: self.names().collect(),
        };
        let branch = match (asked, &self.default) {
            (Some(asked), _) => asked.clone(),
            (None, Some(default)) => default.parse().map_err(|_| no_default())?,
            (None, None) => return Err(no_default()),
        };
        match self.tip(&branch) {
            Some(tip) => Ok((branch, tip)),
            None => Err(RepositoryError::BranchNotFound {
                existing: nearest(branch.as_str(), self.names()),
                branch,
            }),
        }
    }

    /// Where `branch` is, if it is there.
    pub(super) fn tip(&self, branch: &BranchName) -> Option<ObjectId> {
        let mut branches = self.branches.iter();
        let found = branches.find(|(name, _)| name == branch.as_str());
        found.map(|(_, tip)| *tip)
    }

    fn names(&self) -> impl Iterator<Item = String> {
        self.branches.iter().map(|(name, _)| name.clone())
    }
}
