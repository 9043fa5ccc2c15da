//! GitHub's API.

pub mod access;
