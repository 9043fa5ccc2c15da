//! What the integration tests stand on: a Git server with GitHub's manners, real repositories
//! behind it, and the action started as GitHub's runner starts it.
//!
//! ```text
//! Action ──HTTP──▶ GitServer ──CGI──▶ git http-backend ──▶ Repository (bare, in a TempDir)
//!                    │   └──/api───▶ Github ───────────────▶    the same
//!                    │ log of requests, faults, hooks before a request
//! ```
//!
//! Nothing here is a stand-in for git: pushes are judged by the real `git receive-pack`, and what
//! landed is read back with the git command line. GitHub's API can't run here, so `Github` plays it
//! on top of the same repositories, and takes nothing that GitHub would not. Every server has a port and a directory of its
//! own, so that tests run in parallel.

// Each test binary, the quickstart and the bench use a part of this; and a test may panic.
#![allow(
    dead_code,
    unused_imports,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

mod action;
mod argocd;
mod backend;
pub mod build;
mod faults;
mod gitea;
mod github;
mod gitlab;
mod listen;
pub mod oidc;
pub mod registry;
mod repository;
mod server;
mod service;
mod tls;
mod tunnel;
mod via;

/// A Deployment with one container, which runs the image of this tag.
pub fn manifest(tag: &str) -> String {
    format!(
        "kind: Deployment\nmetadata: {{name: web}}\nspec:\n  containers:\n  - name: web\n    image: ghcr.io/acme/web:{tag}\n"
    )
}

pub use action::{Action, Annotation, Outcome, Running};
pub use argocd::{ARGOCD_TOKEN, App, ArgoCd, Reply};
pub use faults::{Fault, Step, When};
pub use gitea::Gitea;
pub use github::{APP_ID, APP_KEY, Github, MINTED, Post};
pub use gitlab::{Gitlab, MergeRequest};
pub use listen::listen;
pub use repository::{Entry, Logged, Repository, git};
pub use server::{GitServer, Options, Recorded, Rights, TOKEN, Traffic};
pub use service::Service;
pub use tls::TlsFront;
pub use tunnel::{closed_proxy, tunnel};
pub use via::{Via, as_over_any, without_line_links};
