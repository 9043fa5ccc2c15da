//! What is set up so that the commit can't arrive, as far as the application itself tells.

use super::{Application, Resource};

/// How an application follows something else than what was pushed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mistracking {
    /// None of its sources is the repository; theirs are these.
    Repository(Vec<String>),
    /// It follows another branch, a tag or a commit: this.
    Revision(String),
}

/// How the application follows something else than `branch` of `repository`. `HEAD` may be any branch.
pub fn mistracking(
    application: &Application,
    repository: &str,
    branch: &str,
) -> Option<Mistracking> {
    let tracked = application.tracked(repository);
    if tracked.is_empty() {
        let urls = application
            .sources()
            .into_iter()
            .map(|source| source.repo_url.clone());
        return Some(Mistracking::Repository(urls.collect()));
    }
    match tracked.iter().any(|(source, _)| source.follows(branch)) {
        true => None,
        false => tracked
            .first()
            .map(|(source, _)| Mistracking::Revision(source.target_revision.clone())),
    }
}

/// The folder that the application is made of, if none of `files` is in it: one may still be a base of
/// what is there.
pub fn other_path<'a>(
    application: &'a Application,
    repository: &str,
    files: &[String],
) -> Option<&'a str> {
    let tracked = application.tracked(repository);
    let within = |path: &str, file: &str| {
        let path = path.trim_start_matches("./").trim_matches('/');
        path.is_empty()
            || path == "."
            || file
                .strip_prefix(path)
                .is_some_and(|rest| rest.starts_with('/'))
    };
    let any = tracked
        .iter()
        .any(|(source, _)| files.iter().any(|file| within(&source.path, file)));
    match files.is_empty() || any {
        true => None,
        false => tracked.first().map(|(source, _)| source.path.as_str()),
    }
}

/// The resources that are out of sync.
pub fn out_of_sync(application: &Application) -> impl Iterator<Item = &Resource> {
    let resources = application.status.resources.iter();
    resources.filter(|resource| resource.status == "OutOfSync")
}

/// The resources that are out of sync, where all of them are Istio's and Argo Rollouts writes into
/// them: pod template hashes into a DestinationRule, weights into a VirtualService. Empty otherwise.
pub fn rewritten(application: &Application) -> Vec<String> {
    let resources = &application.status.resources;
    let is_rollout =
        |resource: &Resource| resource.kind == "Rollout" && resource.group == "argoproj.io";
    let written = |resource: &Resource| {
        resource.group == "networking.istio.io"
            && matches!(resource.kind.as_str(), "VirtualService" | "DestinationRule")
    };
    let rewrites = resources.iter().any(is_rollout) && out_of_sync(application).all(written);
    match rewrites {
        true => out_of_sync(application).map(Resource::title).collect(),
        false => Vec::new(),
    }
}

/// What makes Argo CD leave alone what Argo Rollouts writes, for the `Application`.
pub const IGNORE_DIFFERENCES: &str = "\
spec:
  ignoreDifferences:
  - group: networking.istio.io
    kind: DestinationRule
    jsonPointers:
    - /spec/subsets/0/labels
    - /spec/subsets/1/labels
  - group: networking.istio.io
    kind: VirtualService
    jqPathExpressions:
    - .spec.http[].route[].weight
  syncPolicy:
    syncOptions:
    - RespectIgnoreDifferences=true
    - ApplyOutOfSyncOnly=true
";
