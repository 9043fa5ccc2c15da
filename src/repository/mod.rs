//! The port to a Git repository: a snapshot of the branch's tip, and a commit on top of it.
//!
//! Two facts make the promise of the push: a [`Snapshot`] carries the commit it was read at, and
//! [`Branch::commit`] moves the branch from exactly that commit or not at all. Whoever loses
//! the race gets [`Pushed::Moved`] and starts again from a new snapshot ([`retry`]).

mod branch;
mod commit;
mod error;
pub mod forge;
pub mod git;
pub mod github;
pub mod head;
pub mod history;
pub mod location;
pub mod merge;
mod object;
pub mod retry;
mod revision;
mod route;
mod select;
pub mod signing;
mod tip;
pub mod transport;
pub mod wire;

pub use branch::{BranchName, InvalidBranchName};
pub use commit::{Change, CommitDraft, Identity, Landed, Pushed, Said, Sent, Snapshot};
pub use error::{Access, FileProblem, Refusal, RepositoryError};
pub use location::Location;
pub use object::{CommitId, ObjectId, ObjectKind};
pub use retry::Branch;
pub use revision::{InvalidRevision, Revision};
pub use route::Route;
pub use tip::BranchTip;
pub use transport::Repository;
