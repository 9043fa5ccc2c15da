//! Deploys the GitOps way: writes a new image into a manifest, byte-exactly, commits it on top of
//! the branch's tip and pushes it, however many others push at the same time.
//!
//! The rooms, in the order data flows through them.

// Tests may take what the shipped code may not.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::print_stdout
    )
)]

pub mod action;
pub mod operation;

pub mod registry;
pub mod repository;

pub mod argocd;
pub mod commit_status;
pub mod date;
pub mod deadline;
pub mod deployment;
pub mod freeze;
pub mod http;
pub mod image;
pub mod manifest;
pub mod oidc;
pub mod yaml;

pub mod failure;
pub mod files;
pub mod limits;
pub mod markdown;
pub mod nearest;
pub mod secrets;
pub mod stages;
pub mod version;
