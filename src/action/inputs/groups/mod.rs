//! Every input there is, a file a group: what each is, and what is made of several.

pub mod access;
pub mod argocd;
pub mod checks;
pub mod commit;
pub mod edit;
pub mod past;
pub mod pull_request;
pub mod server;
pub mod target;

use super::definition::Definition;

/// Every input there is, in the order of `action.yml`.
pub fn all() -> impl Iterator<Item = &'static Definition> + Clone {
    let groups = [
        target::INPUTS,
        edit::INPUTS,
        past::INPUTS,
        commit::INPUTS,
        access::INPUTS,
        pull_request::INPUTS,
        checks::INPUTS,
        argocd::INPUTS,
        server::INPUTS,
    ];
    groups.into_iter().flatten().copied()
}
