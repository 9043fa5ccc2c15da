//! The integration tests: one program, and a module a story.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::duplicate_mod // what is promised over both transports
)]

// What the programs in `fuzz/` import.
extern crate self as libfuzzer_sys;

#[path = "../support/mod.rs"]
mod support;

mod action_yml;
mod api;
mod architecture;
mod certificates;
mod changes;
mod docs;
mod every_request;
mod forges;
mod fuzz_targets;
mod github_app;
mod guards;
mod hostile;
mod hostile_apis;
mod hostile_pages;
mod hostile_words;
mod inputs;
mod manifests;
mod oidc;
mod other_servers;
mod proxies;
mod pull_requests;
mod refusals;
mod registry;
mod release;
mod runner;
mod secrets;
mod signing;
mod support_github;
mod support_itself;
mod transports;
mod troubleshooting;

/// What holds for every transport, over git's own protocol.
#[path = "."]
mod over_git {
    const VIA: crate::support::Via = crate::support::Via::Git;

    mod commit_status;
    mod faults;
    mod freeze;
    mod history;
    mod load;
    mod merge_wait;
    mod places;
    mod promote;
    mod rollback;
    mod status;
    mod update;
    mod verify;
}

/// The same over GitHub's API. What only the API has is in `api`.
#[path = "."]
mod over_the_api {
    const VIA: crate::support::Via = crate::support::Via::Api;

    mod commit_status;
    mod faults;
    mod freeze;
    mod history;
    mod load;
    mod merge_wait;
    mod places;
    mod promote;
    mod rollback;
    mod status;
    mod update;
    mod verify;
}
