//! The transport over GitHub's API: no git at all, and two requests for an update, whatever the size
//! of the repository.
//!
//! A query reads the tip and the files, a mutation writes the commit and moves the branch from that
//! tip or not at all.

pub mod access;
pub mod app;
pub mod client;
pub mod compare;
mod graphql;
pub mod head;
pub mod past;
pub mod permissions;
pub mod posted;
pub mod pulls;
mod read;
mod repository;
pub mod standing;
mod write;

pub use repository::GithubRepository;
