//! What a policy of Argo CD calls an application.

use super::seen::Seen;
use crate::argocd::ApplicationName;

/// An application as a policy of Argo CD names it.
pub(super) struct RbacObject {
    /// With `PROJECT` where the project is not known.
    pub(super) name: String,
    /// What is to be written in its place, and where, as the end of a sentence; may be empty.
    pub(super) otherwise: String,
}

/// Argo CD leaves its own namespace out (`RBACName` in `util/security`), and does not tell which that is.
pub(super) fn rbac_object(seen: &Seen<'_>) -> RbacObject {
    let ApplicationName { namespace, name } = seen.name;
    let project = seen.watching.argocd.project.as_deref();
    let project = project.unwrap_or("PROJECT");
    let otherwise = namespace.as_ref().map(|namespace| {
        format!("; with `{project}/{name}` where `{namespace}` is Argo CD's own namespace")
    });
    RbacObject {
        name: format!("{project}/{}", seen.name),
        otherwise: otherwise.unwrap_or_default(),
    }
}
