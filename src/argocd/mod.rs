//! Argo CD's applications: what one says of itself, and what that means for a commit.
//!
//! Pure: the exchange with the server is [`crate::argocd::client`]'s.
//! Source: `pkg/apis/application/v1alpha1/types.go` in argoproj/argo-cd.

mod application;
pub mod client;
pub mod diagnosis;
mod images;
mod judge;
mod tree;
mod trouble;

use std::fmt;
use std::str::FromStr;

pub(crate) use application::joined;
pub use application::{
    Application, Condition, Health, MadeOf, ManifestSource, Operation, Reference, Resource,
    SyncWindows, moved,
};
pub use images::Images;
pub use judge::{
    Culprit, Done, Doubt, Evidence, Fault, Goal, Judge, Look, Relation, Symptom, Verdict, Wait,
    WaitFor, Workload, carries_any, missing, without_pods,
};
pub use tree::{Node, ResourceTree};

/// An application's name, as the input `argocd-application` has it: `NAME`, or `NAMESPACE/NAME` as
/// `argocd app get` takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationName {
    /// The namespace of the `Application` object; else the one that Argo CD runs in.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

/// The text is no [`ApplicationName`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not the name of an application: expected `NAME` or `NAMESPACE/NAME`, of a-z, 0-9, `-` and `.`"
)]
pub struct InvalidApplicationName(String);

impl FromStr for ApplicationName {
    type Err = InvalidApplicationName;

    fn from_str(text: &str) -> Result<Self, InvalidApplicationName> {
        let is_name = |name: &str| {
            let inner =
                |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
            !name.is_empty()
                && name.len() <= 253
                && name.chars().all(inner)
                && !name.starts_with(['-', '.'])
                && !name.ends_with(['-', '.'])
        };
        let (namespace, name) = match text.split_once('/') {
            Some((namespace, name)) => (Some(namespace), name),
            None => (None, text),
        };
        if !is_name(name) || namespace.is_some_and(|namespace| !is_name(namespace)) {
            return Err(InvalidApplicationName(text.to_owned()));
        }
        Ok(Self {
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
        })
    }
}

impl fmt::Display for ApplicationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(namespace) = &self.namespace {
            write!(f, "{namespace}/")?;
        }
        f.write_str(&self.name)
    }
}

/// Whether two URLs lead to the same Git repository: over HTTPS or SSH, with or without `.git`, user and
/// port. Hosts have aliases (`ssh.github.com`, a name within the cluster), so the path decides.
pub fn same_repository(one: &str, other: &str) -> bool {
    let path = repository_path(one);
    !path.is_empty() && path == repository_path(other)
}

/// `acme/gitops` of `https://github.com/acme/gitops.git` and of `git@github.com:acme/gitops`. Azure
/// DevOps writes `v3/` in front over SSH, and `_git/` before the name over HTTPS, and has the
/// organisation in the host of its older URLs; Bitbucket Data Center writes `scm/` in front over HTTPS.
fn repository_path(url: &str) -> String {
    let url = url.trim().to_lowercase();
    let (host, path) = match url.split_once("://") {
        Some(("oci", _)) => return String::new(),
        Some(("file", path)) => ("", path),
        Some((_, rest)) => rest.split_once('/').unwrap_or((rest, "")),
        None => url.split_once(':').unwrap_or(("", &url)),
    };
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    if let Some(organisation) = host.strip_suffix(".visualstudio.com") {
        let path = path.strip_prefix("defaultcollection/").unwrap_or(path);
        return format!("{organisation}/{}", path.replacen("_git/", "", 1));
    }
    if host
        .split(':')
        .next()
        .is_some_and(|host| host.ends_with("dev.azure.com"))
    {
        let path = path.strip_prefix("v3/").unwrap_or(path);
        return path.replacen("/_git/", "/", 1);
    }
    path.strip_prefix("scm/").unwrap_or(path).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_application_may_be_in_another_namespace() {
        let name: ApplicationName = "shop".parse().unwrap();
        assert_eq!((name.namespace, name.name.as_str()), (None, "shop"));
        let name: ApplicationName = "team-a/shop.web".parse().unwrap();
        assert_eq!(name.to_string(), "team-a/shop.web");
        for wrong in ["", "a/b/c", "Shop", "a b", "-a", "a/", "/a", "a?x=1"] {
            assert!(wrong.parse::<ApplicationName>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_repository_is_the_same_however_it_is_spoken_to() {
        let https = "https://github.com/acme/gitops.git";
        for other in [
            "https://github.com/acme/gitops",
            "git@github.com:acme/gitops.git",
            "ssh://git@ssh.github.com:443/Acme/GitOps",
            "https://github.com/acme/gitops/",
            "https://token@GitHub.com:443/acme/gitops.git",
        ] {
            assert!(same_repository(https, other), "{other}");
        }
        for (one, other) in [
            (
                "git@ssh.dev.azure.com:v3/acme/shop/gitops",
                "https://acme@dev.azure.com/acme/shop/_git/gitops",
            ),
            (
                "https://acme.visualstudio.com/shop/_git/gitops",
                "https://dev.azure.com/acme/shop/_git/gitops",
            ),
            (
                "https://git.acme.dev/scm/shop/gitops.git",
                "ssh://git@git.acme.dev:7999/shop/gitops.git",
            ),
        ] {
            assert!(same_repository(one, other), "{one} {other}");
        }
        for other in [
            "https://github.com/acme/gitops2",
            "git@github.com:b/gitops",
            "oci://ghcr.io/acme/gitops",
            "",
        ] {
            assert!(!same_repository(https, other), "{other}");
        }
    }
}
