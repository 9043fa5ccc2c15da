//! What is set up so that the commit can't arrive, as far as the application itself tells.

use super::{Application, Resource};

/// How an application follows something else than what was pushed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mistracking {
    /// None of its sources is the repository; theirs are these.
    Repository(Vec<String>),
    /// It follows another branch, a tag or a commit: this.
    Revision(String),
    /// It is the files of this folder, and none that was changed is in it.
    Path(String),
}

/// How the application follows something else than `branch` of `repository`. `HEAD` may be any branch.
pub fn mistracking(
    application: &Application,
    repository: &str,
    branch: &str,
) -> Option<Mistracking> {
    let sources = application.sources();
    let mut ours = sources.iter().filter(|source| source.is_git_of(repository));
    let Some(first) = ours.clone().next() else {
        let urls = sources.iter().map(|source| source.repo_url.clone());
        return Some(Mistracking::Repository(urls.collect()));
    };
    match ours.any(|source| source.follows(branch)) {
        true => None,
        false => Some(Mistracking::Revision(first.target_revision.clone())),
    }
}

/// The folder that the application is made of, if none of `files` is in it: one may still be a base of
/// what is there.
pub fn other_path<'a>(
    application: &'a Application,
    repository: &str,
    files: &[String],
) -> Option<&'a str> {
    let sources = application.sources();
    let mut ours = sources
        .into_iter()
        .filter(|source| source.is_git_of(repository));
    let first = ours.clone().next()?;
    let any = ours.any(|source| files.iter().any(|file| source.has_below_it(file)));
    (!files.is_empty() && !any).then_some(first.path.as_str())
}

/// The folder whose files the application is, if none of `files` is in it. What a kustomization or a chart makes may
/// have its bases and values elsewhere; the children of an app of apps have other sources.
pub fn other_files(
    application: &Application,
    repository: &str,
    files: &[String],
) -> Option<Mistracking> {
    let is_proof =
        application.is_of_plain_files(repository) && application.children().next().is_none();
    let path = other_path(application, repository, files).filter(|_| is_proof)?;
    Some(Mistracking::Path(path.to_owned()))
}

/// What keeps Argo CD from answering for the application at all, by its annotations.
pub fn unattended(application: &Application) -> Option<&'static str> {
    let annotation = |name| application.metadata.annotations.get(name);
    if annotation("argocd.argoproj.io/skip-reconcile").is_some_and(|value| value == "true") {
        return Some(
            "Its annotation `argocd.argoproj.io/skip-reconcile: \"true\"` tells Argo CD to leave it alone.",
        );
    }
    annotation("argocd.argoproj.io/refresh").map(|_| {
        "A refresh was asked for and never answered: the annotation `argocd.argoproj.io/refresh` is still there. Is the application controller well?"
    })
}

/// Whether an ApplicationSet made it, which may sync step by step (RollingSync) with auto-sync off.
pub fn is_of_a_set(application: &Application) -> bool {
    let mut owners = application.metadata.owner_references.iter();
    owners.any(|owner| owner.kind == "ApplicationSet")
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
