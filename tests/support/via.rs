//! Over which transport a test runs: what holds for every transport is tested over each of them.

use super::{Action, Repository, Step};

/// A transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// Git's own protocol.
    Git,
    /// GitHub's API.
    Api,
}

impl Via {
    /// The first request, which reads the tip.
    pub fn read(self) -> Step {
        match self {
            Via::Git => Step::FetchRefs,
            Via::Api => Step::Query,
        }
    }

    /// The request that moves the branch.
    pub fn push(self) -> Step {
        match self {
            Via::Git => Step::Push,
            Via::Api => Step::Mutation("createCommitOnBranch"),
        }
    }

    /// The requests of an update of one file, in their order.
    pub fn exchange(self) -> &'static [(Step, usize)] {
        match self {
            Via::Git => &[
                (Step::FetchRefs, 1),
                (Step::Fetch, 1),
                (Step::Fetch, 2),
                (Step::Push, 1),
            ],
            Via::Api => &[
                (Step::Query, 1),
                (Step::Mutation("createCommitOnBranch"), 1),
            ],
        }
    }
}

impl Action {
    /// Names the repository, and where it is found over this transport.
    pub fn over(self, via: Via, repository: &Repository) -> Action {
        let action = self.input("repository", repository.url());
        match via {
            Via::Git => action,
            Via::Api => {
                let server = repository.server_url();
                action
                    .input("api-url", format!("{server}/api/v3"))
                    .input("server-url", server)
            }
        }
    }
}

/// A summary without the links to lines of files, which only GitHub has.
pub fn without_line_links(summary: &str) -> String {
    let mut text = String::new();
    let mut rest = summary;
    while let Some((before, after)) = rest.split_once("](") {
        let (url, behind) = after.split_once(')').unwrap_or((after, ""));
        match (url.contains("/blob/"), before.rsplit_once('[')) {
            (true, Some((start, shown))) => text.extend([start, shown]),
            _ => text.extend([before, "](", url, ")"]),
        }
        rest = behind;
    }
    text + rest
}

/// A text of a run on `repository`, `acme/manifests`, as it is over any transport.
pub fn as_over_any(repository: &Repository, text: &str) -> String {
    without_line_links(text)
        .replace(repository.url(), "REPOSITORY")
        .replace(repository.url().trim_end_matches(".git"), "REPOSITORY")
        .replace("acme/manifests", "REPOSITORY")
        .replace(" through GitHub's API (the repository is on GitHub)", "")
        .replace(" through git (the repository is not on GitHub)", "")
        .replace(env!("CARGO_PKG_VERSION"), "VERSION")
}
