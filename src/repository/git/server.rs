//! The server's side: what it says of its branches, and what it is asked for.

use std::io::BufRead as _;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::answer::{self, FetchAnswer, FetchError};
use super::connection::{Connection, Download, Version};
use super::packets::{self, Advertised, Along, FetchRequest, PushTerms, Unreadable};
use crate::nearest::nearest;
use crate::repository::branch::BranchName;
use crate::repository::error::{Access, Refusal, RepositoryError, is_of_this_machine};
use crate::repository::object::ObjectId;
use crate::repository::wire::{WireError, WireErrorKind, refused};

/// A server with one repository, and what is known of it. Everything here blocks.
pub(super) struct Server {
    pub(super) connection: Arc<Connection>,
    /// The branch asked for; else its default branch.
    branch: Option<BranchName>,
    /// What is known of the protocol's version 2 there.
    version_2: Mutex<Version2>,
    /// What it said last in the other one.
    advertisement: Mutex<Option<Bytes>>,
    /// Whether it turned out to give out no files by their ids.
    gives_no_files: AtomicBool,
    /// How it can be pushed to, as far as that is known.
    push_terms: Mutex<Option<PushTerms>>,
}

/// Whether a server is spoken to in the protocol's version 2: it names the one branch that is asked for,
/// where an advertisement lists every one there is, and needs no advertisement before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version2 {
    Untried,
    Spoken,
    /// It did not know it, or could not be reached when it was asked.
    No,
}

impl Server {
    pub(super) fn new(connection: Connection, branch: Option<BranchName>) -> Self {
        Self {
            connection: Arc::new(connection),
            branch,
            version_2: Mutex::new(Version2::Untried),
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
        let asked = asked.or(self.branch.as_ref());
        if let Some(found) = self.listed(asked)? {
            return Ok(found);
        }
        *self.last() = None;
        let advertisement = self.advertisement();
        let advertised = self.read(&advertisement.map_err(|error| self.failed(error))?)?;
        advertised.resolve(asked)
    }

    /// Where branches are now; none for one that is not there.
    pub(super) fn tips(
        &self,
        branches: &[BranchName],
    ) -> Result<Vec<Option<ObjectId>>, RepositoryError> {
        let prefixes: Vec<String> = branches.iter().map(BranchName::reference).collect();
        let advertised = self.beginning_with(&prefixes)?;
        let tips = branches.iter().map(|branch| advertised.tip(branch));
        Ok(tips.collect())
    }

    /// A branch beside which Git can't have `branch`.
    pub(super) fn in_the_way(
        &self,
        branch: &BranchName,
    ) -> Result<Option<String>, RepositoryError> {
        let above = branch.above().map(|above| above.reference());
        let below = format!("{}/", branch.reference());
        let prefixes: Vec<String> = above.chain([below]).collect();
        let advertised = self.beginning_with(&prefixes)?;
        let mut names = advertised.names();
        Ok(names.find(|name| branch.excludes(name)))
    }

    /// The references that begin with one of `prefixes`, and in the protocol's older version all others as well.
    fn beginning_with(&self, prefixes: &[String]) -> Result<Advertised, RepositoryError> {
        if let Some(listed) = self.list_if_known(prefixes)? {
            return Ok(listed);
        }
        *self.last() = None;
        let advertisement = self.advertisement();
        self.read(&advertisement.map_err(|error| self.failed(error))?)
    }

    /// The references that begin with one of `prefixes`, in the protocol's version 2; none where the server
    /// has to be spoken to in the other one.
    fn list_if_known(&self, prefixes: &[String]) -> Result<Option<Advertised>, RepositoryError> {
        let version = std::mem::replace(&mut *lock(&self.version_2), Version2::No);
        let is_new = match version {
            Version2::Untried => true,
            Version2::Spoken => false,
            Version2::No => return Ok(None),
        };
        self.list(prefixes, is_new)
    }

    /// The branch asked for in the protocol's version 2, likewise.
    fn listed(
        &self,
        asked: Option<&BranchName>,
    ) -> Result<Option<(BranchName, ObjectId)>, RepositoryError> {
        let prefix = match asked {
            Some(branch) => branch.reference(),
            None => "HEAD".to_owned(),
        };
        let Some(named) = self.list_if_known(&[prefix])? else {
            return Ok(None);
        };
        if let Ok(found) = named.resolve(asked) {
            return Ok(Some(found));
        }
        // What there is instead.
        let all = ["HEAD", "refs/heads/"].map(str::to_owned);
        let all = self.list(&all, false)?;
        all.map(|all| all.resolve(asked)).transpose()
    }

    /// The references that begin with one of `prefixes`; none where a server that `is_new` does not know
    /// how to answer.
    fn list(
        &self,
        prefixes: &[String],
        is_new: bool,
    ) -> Result<Option<Advertised>, RepositoryError> {
        let answer = self.connection.list(packets::list_request(prefixes));
        let answer = match answer {
            Err(kind) if is_new && may_be_unknown(&kind) => return Ok(None),
            answer => answer.map_err(FetchError::Wire),
        };
        // Whatever keeps it from being asked now is no reason to speak otherwise to one that knows it.
        if !is_new {
            *lock(&self.version_2) = Version2::Spoken;
        }
        let listed = packets::listed(&answer.map_err(|error| self.failed(error))?);
        match listed {
            Some(listed) => {
                *lock(&self.version_2) = Version2::Spoken;
                Ok(Some(listed))
            }
            None if is_new => Ok(None),
            None => {
                let what = FetchError::broken("the list of references ended early");
                Err(self.failed(what))
            }
        }
    }

    fn speaks_version_2(&self) -> bool {
        *lock(&self.version_2) == Version2::Spoken
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
        // In version 2 it gives out files by their ids. Whether it leaves them out, a fetch will show.
        (self.speaks_version_2() || known.as_deref().is_some_and(packets::allows_partial_fetch))
            && !self.gives_no_files.load(Relaxed)
    }

    /// From now on whatever is fetched is fetched with its files.
    pub(super) fn fetch_files_always(&self) {
        self.gives_no_files.store(true, Relaxed);
    }

    /// Makes it known how to ask for objects.
    pub(super) fn get_to_know(&self) -> Result<(), FetchError> {
        if self.speaks_version_2() {
            return Ok(());
        }
        self.advertisement().map(|_| ())
    }

    /// What the server said last; it is asked where it has said nothing yet.
    fn advertisement(&self) -> Result<Bytes, FetchError> {
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
        if self.speaks_version_2() {
            let download = self.connection.fetch(request.encode_v2(), Version::Two);
            let mut download = download.map_err(FetchError::Wire)?;
            // git dies of an argument that it does not know, without a word.
            let dies = download.fill_buf()?.is_empty();
            let answer = answer::read(download, true);
            let names_filters =
                matches!(&answer, Err(FetchError::Refused(why)) if why.contains("filter"));
            if request.files == Along::None && (dies || names_filters) {
                self.fetch_files_always();
            }
            return answer;
        }
        let advertisement = self.advertisement()?;
        let encoded = request.encode(&advertisement);
        let download = self.connection.fetch(encoded, Version::Zero);
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

/// Whether a server that answers so to a request in the protocol's version 2 may know the other one: what
/// stands before it may turn such a request away, dulwich dies of it, and a redirect is followed from an advertisement.
fn may_be_unknown(kind: &WireErrorKind) -> bool {
    match kind {
        WireErrorKind::Redirected { .. } | WireErrorKind::NotGit { .. } => true,
        WireErrorKind::Status { status, .. } => {
            matches!(status, 400 | 403..=406 | 409..=412 | 414..=428 | 431..=501 | 505)
        }
        WireErrorKind::Exchange(_) => false,
    }
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
        let no_default = |named| RepositoryError::NoDefaultBranch {
            named,
            existing: self.names().collect(),
        };
        let branch = match (asked, &self.default) {
            (Some(asked), _) => asked.clone(),
            (None, Some(default)) => default.parse().map_err(|_| no_default(None))?,
            (None, None) => return Err(no_default(None)),
        };
        match (self.tip(&branch), asked) {
            (Some(tip), _) => Ok((branch, tip)),
            (None, None) => Err(no_default(Some(branch))),
            (None, Some(_)) => Err(RepositoryError::BranchNotFound {
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
