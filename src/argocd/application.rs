//! An `Application` as Argo CD's API returns it: the fields that matter here, each of them optional,
//! since Go leaves out what is empty and old servers do not know what is new.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::limits::words;

/// An `Application`, with what the controller says of it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the fields are Argo CD's")]
pub struct Application {
    pub metadata: Metadata,
    pub spec: Spec,
    #[serde(deserialize_with = "nullable")]
    pub status: Status,
    /// There while an operation is asked for that the controller has not finished.
    #[serde(deserialize_with = "is_there")]
    pub operation: bool,
}

/// What Kubernetes knows of the object itself.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[allow(missing_docs, reason = "the fields are Kubernetes'")]
pub struct Metadata {
    pub uid: String,
    /// Set while it is being deleted.
    #[serde(deserialize_with = "is_there")]
    pub deletion_timestamp: bool,
    #[serde(deserialize_with = "nullable")]
    pub annotations: BTreeMap<String, String>,
    #[serde(deserialize_with = "nullable")]
    pub owner_references: Vec<Reference>,
}

/// What is to be deployed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[allow(missing_docs, reason = "the fields are Argo CD's")]
pub struct Spec {
    pub source: Option<ManifestSource>,
    #[serde(deserialize_with = "nullable")]
    pub sources: Vec<ManifestSource>,
    pub source_hydrator: Option<SourceHydrator>,
    pub sync_policy: Option<SyncPolicy>,
    pub project: String,
}

/// Where manifests come from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[allow(missing_docs, reason = "the fields are Argo CD's")]
pub struct ManifestSource {
    #[serde(rename = "repoURL")]
    pub repo_url: String,
    pub path: String,
    pub target_revision: String,
    /// Set for a Helm repository's or an OCI chart.
    pub chart: String,
    #[serde(deserialize_with = "nullable")]
    pub helm: Helm,
    #[serde(deserialize_with = "nullable")]
    pub kustomize: Kustomize,
    #[serde(deserialize_with = "nullable")]
    pub directory: Directory,
    /// What else is there.
    #[serde(flatten)]
    pub others: BTreeMap<String, Value>,
}

/// What a chart is rendered with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[allow(missing_docs, reason = "the fields are Argo CD's")]
pub struct Helm {
    #[serde(deserialize_with = "nullable")]
    pub value_files: Vec<String>,
    #[serde(deserialize_with = "nullable")]
    pub file_parameters: Vec<FileParameter>,
    /// What else is there.
    #[serde(flatten)]
    pub others: BTreeMap<String, Value>,
}

/// A value that is a file's content.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the fields are Argo CD's")]
pub struct FileParameter {
    pub path: String,
    /// What else is there.
    #[serde(flatten)]
    pub others: BTreeMap<String, Value>,
}

/// What a kustomization is made with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the fields are Argo CD's")]
pub struct Kustomize {
    #[serde(deserialize_with = "nullable")]
    pub components: Vec<String>,
    /// What else is there.
    #[serde(flatten)]
    pub others: BTreeMap<String, Value>,
}

/// How a folder's files are read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the fields are Argo CD's")]
pub struct Directory {
    #[serde(deserialize_with = "nullable")]
    pub jsonnet: Jsonnet,
    /// What else is there.
    #[serde(flatten)]
    pub others: BTreeMap<String, Value>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the fields are Argo CD's")]
pub struct Jsonnet {
    #[serde(deserialize_with = "nullable")]
    pub libs: Vec<String>,
    /// What else is there.
    #[serde(flatten)]
    pub others: BTreeMap<String, Value>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[allow(missing_docs, reason = "the fields are Argo CD's")]
pub struct SourceHydrator {
    pub dry_source: ManifestSource,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the fields are Argo CD's")]
pub struct SyncPolicy {
    pub automated: Option<Automated>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the fields are Argo CD's")]
pub struct Automated {
    /// Since 3.0 `false` switches it off.
    pub enabled: Option<bool>,
}

/// What the controller found.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[allow(missing_docs, reason = "the fields are Argo CD's")]
pub struct Status {
    #[serde(deserialize_with = "moment")]
    pub reconciled_at: Option<DateTime<Utc>>,
    pub sync: Sync,
    pub health: Health,
    pub operation_state: Option<Operation>,
    #[serde(deserialize_with = "nullable")]
    pub resources: Vec<Resource>,
    #[serde(deserialize_with = "nullable")]
    pub conditions: Vec<Condition>,
    /// What was applied, the oldest first.
    #[serde(deserialize_with = "nullable")]
    pub history: Vec<Applied>,
    pub summary: Summary,
    pub source_hydrator: Hydration,
    /// What makes the manifests of the source: `Directory`, `Helm`, `Kustomize`, `Plugin`.
    pub source_type: String,
    /// The same of each, where there are several.
    #[serde(deserialize_with = "nullable")]
    pub source_types: Vec<String>,
}

/// What an operation applied that succeeded.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the fields are Argo CD's")]
pub struct Applied {
    pub revision: String,
    #[serde(deserialize_with = "nullable")]
    pub revisions: Vec<String>,
    #[serde(flatten)]
    pub of: Sources,
}

/// What manifests were made of; both empty where nothing is said of that.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the fields are Argo CD's")]
pub struct Sources {
    /// Of several it is there, and empty.
    pub source: Option<ManifestSource>,
    #[serde(deserialize_with = "nullable")]
    pub sources: Vec<ManifestSource>,
}

impl Sources {
    /// Each of them, in order.
    fn all(&self) -> Vec<&ManifestSource> {
        match self.sources.is_empty() {
            true => self
                .source
                .iter()
                .filter(|source| !source.repo_url.is_empty())
                .collect(),
            false => self.sources.iter().collect(),
        }
    }
}

/// What manifests were made of, each source with its revision; empty where that is not known.
pub type MadeOf<'a> = Vec<(&'a ManifestSource, &'a str)>;

/// What was compared with the cluster, and how that ended.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[allow(missing_docs, reason = "the fields are Argo CD's")]
pub struct Sync {
    #[serde(deserialize_with = "words")]
    pub status: String,
    #[serde(deserialize_with = "words")]
    pub revision: String,
    #[serde(deserialize_with = "nullable")]
    pub revisions: Vec<String>,
    #[serde(deserialize_with = "nullable")]
    pub compared_to: Sources,
}

/// How well something is: `Healthy`, `Suspended`, `Progressing`, `Missing`, `Degraded`, `Unknown`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[allow(missing_docs, reason = "the fields are Argo CD's")]
pub struct Health {
    #[serde(deserialize_with = "words")]
    pub status: String,
    #[serde(deserialize_with = "words")]
    pub message: String,
    #[serde(deserialize_with = "moment")]
    pub last_transition_time: Option<DateTime<Utc>>,
}

/// The last operation, or the one that runs.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[allow(missing_docs, reason = "the fields are Argo CD's")]
pub struct Operation {
    pub phase: String,
    #[serde(deserialize_with = "words")]
    pub message: String,
    #[serde(deserialize_with = "moment")]
    pub started_at: Option<DateTime<Utc>>,
    #[serde(deserialize_with = "moment")]
    pub finished_at: Option<DateTime<Utc>>,
    pub sync_result: Option<SyncResult>,
    /// How often it was tried again.
    pub retry_count: u32,
    #[serde(rename = "operation")]
    pub asked: Asked,
}

impl Operation {
    /// What it applies, or was to; none where it does not say, or where there are several sources.
    pub fn revision(&self) -> Option<&str> {
        let result = self.sync_result.as_ref().map(|result| &result.revision);
        let asked = self.asked.sync.as_ref().map(|asked| &asked.revision);
        let known = [result, asked].into_iter().flatten();
        known
            .map(String::as_str)
            .find(|revision| !revision.is_empty())
    }
}

/// What an operation applied.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the fields are Argo CD's")]
pub struct SyncResult {
    pub revision: String,
    #[serde(deserialize_with = "nullable")]
    pub revisions: Vec<String>,
    #[serde(flatten)]
    pub of: Sources,
    #[serde(deserialize_with = "nullable")]
    pub resources: Vec<ResourceResult>,
}

/// What became of one resource in an operation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[allow(missing_docs, reason = "the fields are Argo CD's")]
pub struct ResourceResult {
    #[serde(flatten)]
    pub reference: Reference,
    pub version: String,
    /// A failed hook is `Synced`.
    pub status: String,
    #[serde(deserialize_with = "words")]
    pub message: String,
    /// A hook's outcome; `Failed` and `Error` of any other resource as well.
    pub hook_phase: String,
    /// When a hook is run; empty of all else.
    pub hook_type: String,
}

impl ResourceResult {
    /// Whether it is why the operation failed (gitops-engine, `pkg/sync/sync_context.go`).
    pub fn failed(&self) -> bool {
        matches!(self.status.as_str(), "SyncFailed")
            || matches!(self.hook_phase.as_str(), "Failed" | "Error")
    }

    /// Whether it is the same that `other` said of an earlier operation.
    pub fn is_alike(&self, other: &Self) -> bool {
        let of = |result: &Self| {
            let mut result = result.clone();
            result.reference.name = without_operation(&result.reference.name).to_owned();
            result
        };
        of(self) == of(other)
    }
}

/// A hook's name without what Argo CD puts behind its `generateName`: revision, phase and time, as in
/// `smoke-0123456-postsync-1787392800` (gitops-engine, `pkg/sync/sync_context.go`).
fn without_operation(name: &str) -> &str {
    let mut parts = name.rsplitn(3, '-');
    let is_time = |text: &str| text.len() >= 10 && text.bytes().all(|byte| byte.is_ascii_digit());
    match (parts.next(), parts.next(), parts.next()) {
        (Some(time), Some(phase), Some(rest)) if is_time(time) && phase.ends_with("sync") => {
            let is_revision = |c: char| c.is_ascii_hexdigit();
            let begins = rest.len()
                - rest
                    .chars()
                    .rev()
                    .take(7)
                    .take_while(|c| is_revision(*c))
                    .count();
            &rest[..begins]
        }
        _ => name,
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the fields are Argo CD's")]
pub struct Asked {
    pub sync: Option<AskedSync>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the fields are Argo CD's")]
pub struct AskedSync {
    pub revision: String,
    #[serde(deserialize_with = "nullable")]
    pub revisions: Vec<String>,
}

/// One object of the application.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[allow(missing_docs, reason = "the fields are Argo CD's")]
pub struct Resource {
    pub group: String,
    pub version: String,
    pub kind: String,
    pub namespace: String,
    pub name: String,
    pub status: String,
    pub health: Option<Health>,
    /// It is not in Git any more.
    pub requires_pruning: bool,
}

impl Resource {
    /// `Rollout/web`
    pub fn title(&self) -> String {
        format!("{}/{}", self.kind, self.name)
    }

    /// Its health; empty where Argo CD does not say.
    pub fn health(&self) -> &str {
        self.health.as_ref().map_or("", |health| &health.status)
    }

    /// What it says of its health.
    pub fn said(&self) -> &str {
        self.health.as_ref().map_or("", |health| &health.message)
    }

    /// What it is, in the terms of a [`super::tree::Node`].
    pub fn reference(&self) -> Reference {
        Reference {
            group: self.group.clone(),
            kind: self.kind.clone(),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
        }
    }
}

/// What names an object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the fields are Argo CD's")]
pub struct Reference {
    pub group: String,
    pub kind: String,
    pub namespace: String,
    pub name: String,
}

impl Reference {
    /// Whether it is of a kind of Kubernetes' or of Argo Rollouts that runs containers.
    pub fn runs_containers(&self) -> bool {
        matches!(
            self.kind.as_str(),
            "CronJob"
                | "DaemonSet"
                | "Deployment"
                | "Job"
                | "ReplicaSet"
                | "Rollout"
                | "StatefulSet"
        )
    }

    /// `Rollout/web`
    pub fn title(&self) -> String {
        format!("{}/{}", self.kind, self.name)
    }
}

/// Something that the controller wants people to know.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[allow(missing_docs, reason = "the fields are Argo CD's")]
pub struct Condition {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(deserialize_with = "words")]
    pub message: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the fields are Argo CD's")]
pub struct Summary {
    /// The images of the live Pods, those of before included while a rollout runs.
    #[serde(deserialize_with = "nullable")]
    pub images: Vec<String>,
}

/// What the source hydrator did.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[allow(missing_docs, reason = "the fields are Argo CD's")]
pub struct Hydration {
    pub last_successful_operation: Option<HydrateOperation>,
    pub current_operation: Option<HydrateOperation>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the fields are Argo CD's")]
pub struct HydrateOperation {
    pub phase: String,
    #[serde(deserialize_with = "words")]
    pub message: String,
    #[serde(rename = "drySHA")]
    pub dry_sha: String,
    #[serde(rename = "hydratedSHA")]
    pub hydrated_sha: String,
}

/// The sync windows of the project that apply. `canSync` is no part: it is about syncs by hand
/// (`server/application/application.go`, `GetApplicationSyncWindows`).
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[allow(missing_docs, reason = "the fields are Argo CD's")]
pub struct SyncWindows {
    #[serde(deserialize_with = "nullable")]
    pub active_windows: Vec<SyncWindow>,
    #[serde(deserialize_with = "nullable")]
    pub assigned_windows: Vec<SyncWindow>,
}

/// One of them.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the fields are Argo CD's")]
pub struct SyncWindow {
    /// `allow` or `deny`.
    pub kind: String,
}

impl SyncWindows {
    /// Whether they keep Argo CD from syncing by itself: one that denies is open, or there are such that
    /// allow and none of them is (`types.go`, `SyncWindows.CanSync`).
    pub fn hold_back(&self) -> bool {
        let any = |windows: &[SyncWindow], kind| windows.iter().any(|window| window.kind == kind);
        any(&self.active_windows, "deny")
            || any(&self.assigned_windows, "allow") && !any(&self.active_windows, "allow")
    }
}

impl ManifestSource {
    /// Whether it is the Git repository of this URL.
    pub fn is_git_of(&self, repository: &str) -> bool {
        self.is_git() && super::same_repository(&self.repo_url, repository)
    }

    /// Whether it is a Git repository, not a registry or a chart's.
    pub fn is_git(&self) -> bool {
        self.chart.is_empty() && !self.repo_url.starts_with("oci://")
    }

    /// Whether a file of the repository is below its path, so that its manifests can be made of it.
    pub fn has_below_it(&self, file: &str) -> bool {
        self.folder().is_none_or(|folder| {
            let below = file.strip_prefix(folder);
            below.is_some_and(|rest| rest.starts_with('/'))
        })
    }

    /// Its path without what may stand around it; none for the whole repository.
    pub fn folder(&self) -> Option<&str> {
        let path = self.path.trim_start_matches("./").trim_matches('/');
        (!matches!(path, "" | ".")).then_some(path)
    }

    /// The files and folders that its manifests are made of besides its path, as globs from the repository's root: a
    /// leading `/` is that, and all else is from the path on. None where that can't be told: `$name/…` is another
    /// source's, and a URL is anybody's.
    pub fn files_elsewhere(&self) -> Option<Vec<String>> {
        let Helm {
            value_files,
            file_parameters,
            ..
        } = &self.helm;
        let parameters = file_parameters.iter().map(|parameter| &parameter.path);
        let files = value_files.iter().chain(parameters);
        let files = files.map(|file| (self.path.as_str(), file, ""));
        let components = self.kustomize.components.iter();
        let components = components.map(|folder| (self.path.as_str(), folder, "/**"));
        let libs = self.directory.jsonnet.libs.iter();
        let libs = libs.map(|folder| ("", folder, "/**"));
        files
            .chain(components)
            .chain(libs)
            .map(|(from, file, below)| {
                if file.contains('$') || file.contains("://") {
                    return None;
                }
                Some(joined(from, file)? + below)
            })
            .collect()
    }

    /// Whether it is made of the same place in the same repository as `other`.
    fn is_at_the_place_of(&self, other: &Self) -> bool {
        let place = |source: &Self| {
            let Self {
                repo_url,
                path,
                target_revision,
                chart,
                ..
            } = source;
            [repo_url, path, target_revision, chart].map(String::to_owned)
        };
        place(self) == place(other)
    }

    /// Whether its revision is one version, or one commit: no branch, and no range.
    fn is_pinned(&self) -> bool {
        let revision = self.target_revision.as_str();
        let is_commit =
            revision.len() >= 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit());
        let version = revision.strip_prefix('v').unwrap_or(revision);
        let version = version.split(['-', '+']).next().unwrap_or(version);
        let mut parts = version.split('.');
        let is_number =
            |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        is_commit || version.split('.').count() == 3 && parts.all(is_number)
    }

    /// Whether it follows `branch`. `HEAD`, or nothing, may be any branch.
    pub fn follows(&self, branch: &str) -> bool {
        let revision = self.target_revision.as_str();
        let name = revision.strip_prefix("refs/heads/").unwrap_or(revision);
        name.is_empty() || name == "HEAD" || name == branch
    }
}

impl Application {
    /// Every source, in order.
    pub fn sources(&self) -> Vec<&ManifestSource> {
        match (&self.spec.source_hydrator, &self.spec.source) {
            (Some(hydrator), _) => vec![&hydrator.dry_source],
            (None, _) if !self.spec.sources.is_empty() => self.spec.sources.iter().collect(),
            (None, Some(source)) => vec![source],
            (None, None) => Vec::new(),
        }
    }

    /// Whether it is made of another place than `other`: another repository, folder, branch or chart.
    pub fn is_made_of_another_source(&self, other: &Self) -> bool {
        let (one, other) = (self.sources(), other.sources());
        let mut pairs = one.iter().zip(&other);
        one.len() != other.len() || !pairs.all(|(one, other)| one.is_at_the_place_of(other))
    }

    /// What each operation that succeeded applied, the newest first: the revisions of `repository`, and all that was
    /// made of. Of what the source hydrator made, Argo CD keeps no revision that is ours.
    pub fn history(&self, repository: &str) -> Vec<(Vec<&str>, MadeOf<'_>)> {
        if self.spec.source_hydrator.is_some() {
            return Vec::new();
        }
        let history = self.status.history.iter().rev();
        let own = history.map(|applied| {
            let made_of = made_of(&applied.of, &applied.revision, &applied.revisions);
            if self.spec.sources.is_empty() {
                return (vec![applied.revision.as_str()], made_of);
            }
            let sources = self.spec.sources.iter().zip(&applied.revisions);
            let ours = sources.filter(|(source, _)| source.is_git_of(repository));
            let ours = ours.map(|(_, revision)| revision.as_str());
            (ours.collect(), made_of)
        });
        own.collect()
    }

    /// What was compared with the cluster last. Where Argo CD does not say, the sources are those of now.
    pub fn compared(&self) -> MadeOf<'_> {
        let Sync {
            revision,
            revisions,
            compared_to,
            ..
        } = &self.status.sync;
        self.or_as_it_is(compared_to, revision, revisions)
    }

    /// What the last operation was to apply.
    pub fn operated(&self) -> MadeOf<'_> {
        let operation = self.status.operation_state.as_ref();
        match operation.and_then(|operation| operation.sync_result.as_ref()) {
            Some(SyncResult {
                revision,
                revisions,
                of,
                ..
            }) => self.or_as_it_is(of, revision, revisions),
            None => self.compared(),
        }
    }

    /// Its sources, whose revisions nobody knows.
    pub fn unresolved(&self) -> MadeOf<'_> {
        let sources = self.sources().into_iter();
        sources.map(|source| (source, "")).collect()
    }

    fn or_as_it_is<'a>(
        &'a self,
        of: &'a Sources,
        revision: &'a str,
        revisions: &'a [String],
    ) -> MadeOf<'a> {
        // What was compared is the hydrated commit then.
        if self.spec.source_hydrator.is_some() {
            return self.unresolved();
        }
        match made_of(of, revision, revisions) {
            made_of if made_of.is_empty() => with_revisions(self.sources(), revision, revisions),
            made_of => made_of,
        }
    }

    /// Whether the manifests of all sources that are `repository` are the files below their paths themselves, not
    /// made of them.
    pub fn is_of_plain_files(&self, repository: &str) -> bool {
        let Status {
            source_type,
            source_types,
            ..
        } = &self.status;
        let is_plain = |(index, source): (usize, &ManifestSource)| {
            let kind = match self.spec.sources.is_empty() {
                true => Some(source_type),
                false => source_types.get(index),
            };
            !source.is_git_of(repository) || kind.is_some_and(|kind| kind == "Directory")
        };
        let mut sources = self.sources().into_iter().enumerate();
        self.spec.source_hydrator.is_none() && sources.all(is_plain)
    }

    /// The sources that are `repository`, each with the revision of it that was compared with the
    /// cluster last; empty where none was yet. `holds` tells whether the first of two hydrated commits is
    /// the second, or below it.
    pub fn tracked(
        &self,
        repository: &str,
        holds: impl Fn(&str, &str) -> bool,
    ) -> Vec<(&ManifestSource, &str)> {
        let Status {
            sync,
            source_hydrator,
            ..
        } = &self.status;
        let ours = |source: &ManifestSource| source.is_git_of(repository);
        if let Some(hydrator) = &self.spec.source_hydrator {
            // What was compared is what was made of our commit, or has it below itself.
            let done = source_hydrator.last_successful_operation.as_ref();
            let seen = done
                .filter(|done| {
                    !sync.revision.is_empty() && holds(&done.hydrated_sha, &sync.revision)
                })
                .map_or("", |done| done.dry_sha.as_str());
            let source = &hydrator.dry_source;
            return ours(source).then_some((source, seen)).into_iter().collect();
        }
        if self.spec.sources.is_empty() {
            let source = self.spec.source.as_ref().filter(|source| ours(source));
            return source
                .map(|source| (source, sync.revision.as_str()))
                .into_iter()
                .collect();
        }
        let sources = self.spec.sources.iter().enumerate();
        sources
            .filter(|(_, source)| ours(source))
            .map(|(index, source)| {
                let revision = sync.revisions.get(index);
                (source, revision.map_or("", String::as_str))
            })
            .collect()
    }

    /// The revisions of `repository` that the last operation was to apply.
    pub fn applied(&self, repository: &str) -> Vec<&str> {
        let Some(operation) = &self.status.operation_state else {
            return Vec::new();
        };
        let asked = operation.asked.sync.as_ref();
        let result = operation.sync_result.as_ref();
        let one = operation.revision();
        if self.spec.source_hydrator.is_some() {
            // Of what it was made, the hydrator tells only for its last commit.
            let done = self
                .status
                .source_hydrator
                .last_successful_operation
                .as_ref();
            return done
                .filter(|done| one == Some(done.hydrated_sha.as_str()))
                .map(|done| done.dry_sha.as_str())
                .into_iter()
                .collect();
        }
        if self.spec.sources.is_empty() {
            return one.into_iter().collect();
        }
        let revisions = result
            .map(|result| &result.revisions)
            .filter(|revisions| !revisions.is_empty())
            .or(asked.map(|asked| &asked.revisions));
        let sources = self.spec.sources.iter().enumerate();
        sources
            .filter(|(_, source)| source.is_git_of(repository))
            .filter_map(|(index, _)| revisions?.get(index).map(String::as_str))
            .collect()
    }

    /// The revision of `repository` that the source hydrator works on, or failed with.
    pub fn hydrating(&self, repository: &str) -> Option<&str> {
        let source = &self.spec.source_hydrator.as_ref()?.dry_source;
        let operation = self.status.source_hydrator.current_operation.as_ref()?;
        let ours = source.is_git_of(repository);
        // Where the first application's manifests can't be made, the operation that failed has no commit.
        (ours && operation.phase != "Hydrated").then_some(operation.dry_sha.as_str())
    }

    /// Whether it is the parent of an app of apps: of those, its health says nothing.
    pub fn children(&self) -> impl Iterator<Item = &Resource> {
        let resources = self.status.resources.iter();
        resources.filter(|resource| {
            resource.group == "argoproj.io"
                && matches!(resource.kind.as_str(), "Application" | "ApplicationSet")
        })
    }

    /// Whether Argo CD syncs by itself.
    pub fn syncs_by_itself(&self) -> bool {
        let automated = self
            .spec
            .sync_policy
            .as_ref()
            .and_then(|policy| policy.automated.as_ref());
        automated.is_some_and(|automated| automated.enabled != Some(false))
    }

    /// Whether an operation is asked for or runs. Between the tries of one that failed, the phase is
    /// `Running` though a time of the end is set.
    pub fn is_syncing(&self) -> bool {
        let running = self
            .status
            .operation_state
            .as_ref()
            .is_some_and(|operation| {
                matches!(operation.phase.as_str(), "Running" | "Terminating")
                    || operation.finished_at.is_none()
            });
        self.operation || running
    }
}

fn made_of<'a>(of: &'a Sources, revision: &'a str, revisions: &'a [String]) -> MadeOf<'a> {
    with_revisions(of.all(), revision, revisions)
}

/// These sources, each with its revision: of several, the list has them.
fn with_revisions<'a>(
    sources: Vec<&'a ManifestSource>,
    revision: &'a str,
    revisions: &'a [String],
) -> MadeOf<'a> {
    let of = |index: usize| match revisions.is_empty() {
        true => revision,
        false => revisions.get(index).map_or("", String::as_str),
    };
    let sources = sources.into_iter().enumerate();
    sources.map(|(index, source)| (source, of(index))).collect()
}

/// What is different between what manifests were made of and what they are now, as parts of a sentence: sources but for
/// their revisions where those are `ours`, and parameters.
pub fn moved(
    then: &MadeOf<'_>,
    now: &MadeOf<'_>,
    is_ours: impl Fn(&ManifestSource) -> bool,
) -> Vec<String> {
    if then.len() != now.len() {
        return vec!["its sources were changed".to_owned()];
    }
    let pairs = then.iter().zip(now);
    let moved = pairs.filter_map(|((was, from), (is, to))| {
        let name = match is.chart.as_str() {
            "" => is.repo_url.clone(),
            chart => format!("{chart} of {}", is.repo_url),
        };
        if was != is {
            return Some(format!("what the application says of {name} was changed"));
        }
        if is_ours(is) || from == to && !to.is_empty() {
            return None;
        }
        match from.is_empty() || to.is_empty() {
            // What is pinned does not move.
            true => (!is.is_pinned()).then(|| format!("{name} may have moved")),
            false => Some(format!("{name} went from {from} to {to}")),
        }
    });
    moved.collect()
}

/// The path to `file` from the root, where it is read from the folder `from`; none where that leads out of it.
pub(crate) fn joined(from: &str, file: &str) -> Option<String> {
    let begin = match file.starts_with('/') {
        true => "",
        false => from,
    };
    let mut parts = Vec::new();
    for part in begin.split('/').chain(file.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

/// `null`, which Go writes for an empty list, as the default.
pub(super) fn nullable<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A moment in RFC 3339; none where it is no such.
pub(super) fn moment<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<DateTime<Utc>>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.and_then(|text| text.parse().ok()))
}

fn is_there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    let value = Option::<serde::de::IgnoredAny>::deserialize(deserializer)?;
    Ok(value.is_some())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::limits::SHOWN;

    #[test]
    fn what_moved_beside_our_source_is_told_by_all_that_the_sources_say() {
        let ours = |parameter: &str| {
            json!({"repoURL": "https://git/acme/gitops", "path": "web", "targetRevision": "main",
                "helm": {"parameters": [{"name": "db", "value": parameter}]}})
        };
        let chart = |target: &str| json!({"repoURL": "https://charts.acme.dev", "chart": "web", "targetRevision": target});
        let application = |sources: [Value; 2], revisions: [&str; 2]| {
            let compared_to = json!({ "sources": sources });
            let sync = json!({"revisions": revisions, "comparedTo": compared_to});
            let all = json!({"spec": {"sources": []}, "status": {"sync": sync}});
            serde_json::from_value::<Application>(all).unwrap()
        };
        let is_ours = |source: &ManifestSource| source.chart.is_empty();
        let told = |then: &Application, now: &MadeOf<'_>| moved(&then.compared(), now, is_ours);
        let then = application([ours("a"), chart("1.*")], ["old", "1.2.0"]);
        let same = application([ours("a"), chart("1.*")], ["new", "1.2.0"]);
        assert!(told(&then, &same.compared()).is_empty());
        let newer = application([ours("a"), chart("1.*")], ["new", "1.3.0"]);
        assert_eq!(
            told(&then, &newer.compared()),
            ["web of https://charts.acme.dev went from 1.2.0 to 1.3.0"]
        );
        let other = application([ours("b"), chart("1.*")], ["new", "1.2.0"]);
        assert_eq!(
            told(&then, &other.compared()),
            ["what the application says of https://git/acme/gitops was changed"]
        );
        let unknown = application([ours("a"), chart("1.*")], ["", ""]);
        assert_eq!(
            told(&then, &unknown.compared()),
            ["web of https://charts.acme.dev may have moved"]
        );
        let pinned = application([ours("a"), chart("1.2.0")], ["old", "1.2.0"]);
        let unknown = application([ours("a"), chart("1.2.0")], ["", ""]);
        assert!(told(&pinned, &unknown.compared()).is_empty());
        assert_eq!(
            told(&then, &then.compared().into_iter().take(1).collect()),
            ["its sources were changed"]
        );
    }

    #[test]
    fn words_are_kept_as_far_as_anybody_reads_them() {
        let said = |count: usize| {
            let words = "ä".repeat(count);
            let said = json!({ "message": words });
            let operation = json!({"message": words, "syncResult": {"resources": [said]}});
            let application = json!({"metadata": {}, "spec": {}, "status": {
                "health": said,
                "conditions": [said],
                "operationState": operation,
                "resources": [{"health": said}],
                "sourceHydrator": {"currentOperation": said},
            }});
            let status = serde_json::from_value::<Application>(application)
                .unwrap()
                .status;
            let operation = status.operation_state.unwrap();
            [
                status.health.message,
                status.conditions[0].message.clone(),
                operation.message,
                operation.sync_result.unwrap().resources[0].message.clone(),
                status.resources[0].said().to_owned(),
                status.source_hydrator.current_operation.unwrap().message,
            ]
        };
        let whole = "ä".repeat(SHOWN);
        assert_eq!(said(SHOWN), [whole.as_str(); 6]);
        assert_eq!(said(SHOWN + 1), [format!("{whole}…").as_str(); 6]);
    }
}
