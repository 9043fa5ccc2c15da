//! How a repository is reached.

use std::sync::Arc;

use url::Url;

use super::branch::BranchName;
use super::location::Location;
use super::signing::SigningKey;
use crate::deadline::Deadline;
use crate::http::Credentials;

/// A repository, and how it is to be reached.
#[derive(Clone)]
pub struct Route {
    /// Where it is.
    pub location: Location,
    /// The branch; else its default branch.
    pub branch: Option<BranchName>,
    /// None for a repository on this machine.
    pub credentials: Option<Credentials>,
    /// GitHub's API.
    pub api_url: Url,
    /// Signs the commits that are made over git.
    pub signing_key: Option<Arc<SigningKey>>,
    /// When the run is over.
    pub deadline: Deadline,
}
