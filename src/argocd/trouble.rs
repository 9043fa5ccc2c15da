//! Whose fault an error is, as far as its words tell. Words alone prove little: what they prove here is
//! only that a kind of error can, or can't, come from a commit.
//!
//! Sources: `controller/state.go`, `controller/appcontroller.go`, `reposerver/repository/repository.go`
//! in argoproj/argo-cd, `pkg/sync` in its gitops-engine.

/// What can have caused an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The manifests: a commit can cause it, and another one cure it.
    Manifests,
    /// Git, the cluster, credentials, Argo CD itself: nothing that a commit did.
    Surroundings,
    /// What an object has to be in: its kind, its namespace, the permission of its project. Of an object that is new in
    /// Git it is the manifests', of one that was there before somebody took that away.
    Destination,
    /// What manifests are made of and is elsewhere, such as a remote base: it may be gone, or have been asked for by
    /// another name.
    Fetched,
    /// The words don't tell.
    Unclear,
}

/// Errors that pass, or that somebody else has to cure, whatever is in Git.
const SURROUNDINGS: [&str; 72] = [
    "failed to load live state",
    "failed to get cluster info",
    "failed to sync cluster",
    "error synchronizing cache state",
    "failed to load initial state of resource",
    "code = unavailable",
    "code = deadlineexceeded",
    "code = resourceexhausted",
    "code = unauthenticated",
    "code = permissiondenied",
    "code = canceled",
    "connection refused",
    "connection reset",
    "connection closed",
    "connection is shutting down",
    "broken pipe",
    "unexpected eof",
    "no such host",
    "no route to host",
    "network is unreachable",
    "dial tcp",
    "i/o timeout",
    "timeout awaiting",
    "context deadline exceeded",
    "context canceled",
    "handshake",
    "x509:",
    "authentication required",
    "authentication failed",
    "authorization failed",
    "could not read username",
    "invalid credentials",
    "permission denied",
    "unauthorized",
    "the server is currently unable to handle the request",
    "etcdserver",
    "leader changed",
    "too many requests",
    "rate limit",
    "no space left on device",
    "repository not found",
    "failed to fetch",
    "unable to access",
    "requested url returned error",
    "failed calling webhook",
    "helm dependency build",
    "unable to resolve",
    "unable to checkout",
    "failed to checkout",
    "unable to discover api groups",
    "error getting cluster",
    "error getting app project",
    "failed to load application project",
    "conversion webhook",
    "internal error occurred",
    "internal server error",
    "service unavailable",
    "bad gateway",
    "gateway timeout",
    "unexpected response: 5",
    "did not complete within",
    "timed out",
    "timeout running",
    "toomanyrequests",
    // Of containerd, and of Docker: the registry did not answer; a name of before is not free yet.
    "failed to do request",
    "/v2/\": eof",
    "failed to reserve container name",
    // A person's hand, or the controller's patience.
    "operation terminated",
    "the object has been modified",
    "is forbidden: user ",
    "exceeded quota",
    "because it is being terminated",
];

/// What only the manifests can cause.
const MANIFESTS: [&str; 14] = [
    "manifest generation error",
    "kustomize build",
    "helm template",
    "failed to generate manifest",
    "failed to unmarshal",
    "error unmarshaling",
    "error converting yaml",
    "app path does not exist",
    "is invalid:",
    "field is immutable",
    "is immutable",
    "strict decoding error",
    "denied the request",
    "structured merge",
];

/// What is fetched while manifests are made: of a Kustomize base at a URL, of a chart.
const FETCHED: [&str; 7] = [
    "/git fetch",
    "/git clone",
    "/git checkout",
    "/git submodule",
    "url is a git repository",
    "http error: status code",
    "helm pull",
];

/// What an object has to be in.
const DESTINATION: [&str; 4] = [
    "could not find the requested resource",
    "no matches for kind",
    "is not permitted in project",
    "is not managed",
];

/// What `message` tells of its cause.
pub fn cause(message: &str) -> Cause {
    let message = message.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|words| message.contains(words));
    if says(&SURROUNDINGS) || is_of_a_server_in_trouble(&message) {
        return Cause::Surroundings;
    }
    if says(&FETCHED) && says(&["generate", "generation"]) {
        return Cause::Fetched;
    }
    if says(&MANIFESTS) {
        return Cause::Manifests;
    }
    let is_namespace_missing =
        message.contains("namespaces \"") && message.contains("\" not found");
    match says(&DESTINATION) || is_namespace_missing {
        true => Cause::Destination,
        false => Cause::Unclear,
    }
}

/// Whether a registry answered with a status of 500 or more: containerd's and Docker's words for that, in lower case.
/// What is in front of it has numbers of its own, such as 520.
fn is_of_a_server_in_trouble(message: &str) -> bool {
    let said = ["unexpected status", "unexpected http status"];
    let mut said = said.iter().filter_map(|words| message.split_once(words));
    let is_one = |part: &str| {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        digits == 3 && part.starts_with('5')
    };
    said.any(|(_, rest)| rest.split(": ").skip(1).any(is_one))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_blamed_for_no_trouble_of_git_or_the_cluster() {
        for message in [
            "Failed to load live state: failed to get cluster info for \"https://kubernetes.default.svc\": dial tcp 10.43.0.1:443: connect: connection refused",
            "Failed to load target state: failed to generate manifest for source 1 of 1: rpc error: code = Unavailable desc = connection error",
            "Failed to load target state: failed to generate manifest for source 1 of 1: rpc error: code = Internal desc = Failed to fetch default: `git fetch origin --tags --force --prune` failed exit status 128: The requested URL returned error: 502",
            "rpc error: code = Unknown desc = authentication required",
            "Operation terminated",
            "Operation cannot be fulfilled on deployments.apps \"web\": the object has been modified; please apply your changes to the latest version and try again",
            "deployments.apps \"web\" is forbidden: User \"system:serviceaccount:argocd:argocd-application-controller\" cannot patch resource \"deployments\" in API group \"apps\" in the namespace \"shop\"",
            "services \"web\" is forbidden: exceeded quota: shop, requested: services=1, used: services=5, limited: services=5",
            "configmaps \"web\" is forbidden: unable to create new content in namespace shop because it is being terminated",
            "rpc error: code = Unknown desc = failed to list refs: dial tcp: lookup github.com: no such host",
            "failed to perform server side diff: Internal error occurred: failed calling webhook \"validate.kyverno.svc\": the server is currently unable to handle the request",
            "Failed to load target state: failed to generate manifest for source 1 of 1: rpc error: code = Unknown desc = Manifest generation error (cached): `helm dependency build` failed exit status 1",
            "failed to do request: Head \"https://ghcr.io/v2/a/web/manifests/v2\": EOF",
            "Error response from daemon: Get \"https://registry-1.docker.io/v2/\": EOF",
            "unexpected status from HEAD request to https://ghcr.io/v2/a/web/manifests/v2: 520 <none>",
            "received unexpected HTTP status: 599",
            "failed to reserve container name web_web-1_shop_0: name is reserved for \"abc\"",
        ] {
            assert_eq!(cause(message), Cause::Surroundings, "{message}");
        }
        for message in [
            "unexpected status from HEAD request to https://ghcr.io/v2/a/web/manifests/v2: 404 Not Found",
            "unexpected status from HEAD request to https://ghcr.io/v2/a/web/manifests/500: 404 Not Found",
        ] {
            assert_eq!(cause(message), Cause::Unclear, "{message}");
        }
    }

    #[test]
    fn what_is_fetched_from_elsewhere_may_be_gone_or_be_asked_for_by_another_name() {
        let made = "Manifest generation error (cached): `kustomize build <path to cached source>/shop` failed exit status 1: Error: accumulating resources: accumulation err='accumulating resources from ";
        for why in [
            "'https://github.com/acme/bases//web?ref=v1': URL is a git repository': failed to run '/usr/bin/git fetch --depth=1 https://github.com/acme/bases v1': fatal: couldn't find remote ref v1: exit status 128",
            "'https://raw.githubusercontent.com/acme/bases/main/web.yaml': HTTP Error: status code 404 (Not Found)'",
        ] {
            assert_eq!(cause(&format!("{made}{why}")), Cause::Fetched, "{why}");
        }
        let beside = "'../base': evalsymlink failure on '/shop/base': no such file or directory";
        assert_eq!(cause(&format!("{made}{beside}")), Cause::Manifests);
    }

    #[test]
    fn what_cannot_be_built_or_applied_is_the_manifests() {
        for message in [
            "Failed to load target state: failed to generate manifest for source 1 of 1: rpc error: code = Unknown desc = Manifest generation error (cached): `kustomize build` failed exit status 1: Error: accumulating resources",
            "Failed to load target state: rpc error: code = Unknown desc = shop: app path does not exist",
            "Deployment.apps \"web\" is invalid: spec.selector: Invalid value: field is immutable",
            "admission webhook \"policy.kyverno.io\" denied the request",
            "Failed to unmarshal \"web.yaml\": error converting YAML to JSON: yaml: line 3",
        ] {
            assert_eq!(cause(message), Cause::Manifests, "{message}");
        }
        for message in [
            "no matches for kind \"Rollout\" in version \"argoproj.io/v1alpha1\"",
            "namespaces \"shop\" not found",
            "resource argoproj.io:Rollout is not permitted in project shop.",
        ] {
            assert_eq!(cause(message), Cause::Destination, "{message}");
        }
        assert_eq!(
            cause("one or more tasks failed to complete"),
            Cause::Unclear
        );
    }
}
