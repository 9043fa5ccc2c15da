//! What GitHub lets a token do, by the names that it has for people, for workflows and for programs: the one table of
//! it. `docs/token.md` has the same.

use crate::repository::Access;

/// What a token is to be good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    /// Reading or writing contents.
    pub contents: Access,
    /// Whether pull requests are to be opened.
    pub pull_requests: bool,
    /// What is to be read of what is posted on commits.
    pub posted: Posted,
}

/// The ways in which something is posted on commits, each with a permission of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Posted {
    /// Commit statuses.
    pub statuses: bool,
    /// Check runs.
    pub checks: bool,
    /// Deployments.
    pub deployments: bool,
}

impl Scope {
    /// What only reads the repository.
    pub const READING: Self = Self {
        contents: Access::Read,
        pull_requests: false,
        posted: Posted {
            statuses: false,
            checks: false,
            deployments: false,
        },
    };

    /// The permissions that this takes.
    pub fn permissions(self) -> Vec<Permission> {
        let Posted {
            statuses,
            checks,
            deployments,
        } = self.posted;
        let pull_requests = self.pull_requests.then_some(Permission::PULL_REQUESTS);
        let posted = [
            (statuses, Permission::STATUSES),
            (checks, Permission::CHECKS),
            (deployments, Permission::DEPLOYMENTS),
        ];
        let posted = posted
            .into_iter()
            .filter_map(|(is_read, permission)| is_read.then_some(permission));
        let contents = Permission {
            access: self.contents,
            ..Permission::CONTENTS
        };
        let others = pull_requests.into_iter().chain(posted);
        std::iter::once(contents).chain(others).collect()
    }
}

/// One of GitHub's permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permission {
    /// `pull_requests`, as a program names it.
    pub key: &'static str,
    /// `Pull requests`, as its page does.
    name: &'static str,
    access: Access,
}

impl Permission {
    /// To write files.
    pub const CONTENTS: Self = Self::new("contents", "Contents", Access::Write);
    /// To open pull requests.
    pub const PULL_REQUESTS: Self = Self::new("pull_requests", "Pull requests", Access::Write);
    /// To read commit statuses.
    pub const STATUSES: Self = Self::new("statuses", "Commit statuses", Access::Read);
    /// To read check runs.
    pub const CHECKS: Self = Self::new("checks", "Checks", Access::Read);
    /// To read deployments.
    pub const DEPLOYMENTS: Self = Self::new("deployments", "Deployments", Access::Read);

    const fn new(key: &'static str, name: &'static str, access: Access) -> Self {
        Self { key, name, access }
    }

    /// `read`, as a program and a workflow ask for it.
    pub fn level(self) -> &'static str {
        match self.access {
            Access::Read => "read",
            Access::Write => "write",
        }
    }

    /// `Pull requests: Read and write`, as the page of a token or an app has it.
    pub fn on_a_page(self) -> String {
        let level = match self.access {
            Access::Read => "Read",
            Access::Write => "Read and write",
        };
        format!("{}: {level}", self.name)
    }

    /// `pull-requests: write`, as `permissions` of a job have it.
    pub fn in_a_workflow(self) -> String {
        format!("{}: {}", self.key.replace('_', "-"), self.level())
    }

    /// Which tokens can't have it, where there are such.
    pub fn caveat(self) -> Option<&'static str> {
        (self == Self::CHECKS).then_some(
            "Not every fine-grained personal token can have it: one of a GitHub App can, and the workflow's own.",
        )
    }
}
