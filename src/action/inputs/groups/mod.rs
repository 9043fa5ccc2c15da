//! Every input there is, a file a group: what each is, and what is made of several.

pub mod access;
pub mod argocd;
pub mod checks;
pub mod commit;
pub mod edit;
pub mod past;
pub mod promotion;
pub mod pull_request;
pub mod server;
pub mod status;
pub mod target;

use super::definition::Definition;

/// A group of inputs: what they have in common, in a heading, and the inputs.
pub type Group = (&'static str, &'static [&'static Definition]);

/// Every group there is, in the order of `action.yml`.
pub static GROUPS: &[Group] = &[
    ("What to do, and where", target::INPUTS),
    ("What is written", edit::INPUTS),
    ("Which deployments", past::INPUTS),
    ("From one stage to the next", promotion::INPUTS),
    ("The commit", commit::INPUTS),
    ("The token, and the transport", access::INPUTS),
    ("Pull requests", pull_request::INPUTS),
    ("Checks before anything is written", checks::INPUTS),
    ("Argo CD", argocd::INPUTS),
    ("What is posted on the commit", status::INPUTS),
    ("Servers and time", server::INPUTS),
];

/// Every input there is, in the order of `action.yml`.
pub fn all() -> impl Iterator<Item = &'static Definition> + Clone {
    GROUPS.iter().flat_map(|(_, inputs)| inputs.iter().copied())
}
