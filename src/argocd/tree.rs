//! What runs in the cluster, Pods included: an application's resource tree.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;

use super::application::{Health, Reference, nullable};
use crate::image::ImageReference;

/// The most owners that a Pod is followed up to: a Pod's are four at most (CronJob, Job, Pod; or a
/// custom resource, Rollout, ReplicaSet, Pod). It ends a circle in what a server sends.
const MAX_OWNERS: usize = 16;

/// What belongs to an application in the cluster.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the fields are Argo CD's")]
pub struct ResourceTree {
    #[serde(deserialize_with = "nullable")]
    pub nodes: Vec<Node>,
}

/// One object in the cluster.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[allow(missing_docs, reason = "the fields are Argo CD's")]
pub struct Node {
    #[serde(flatten)]
    pub reference: Reference,
    #[serde(deserialize_with = "nullable")]
    pub parent_refs: Vec<Reference>,
    pub health: Option<Health>,
    #[serde(deserialize_with = "nullable")]
    pub images: Vec<String>,
    #[serde(deserialize_with = "nullable")]
    pub info: Vec<Info>,
}

/// Something that Argo CD shows of an object, such as `Status Reason`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the fields are Argo CD's")]
pub struct Info {
    pub name: String,
    pub value: String,
}

/// Why a Pod does not run: the reasons that Kubernetes gives of a container that waits or ended
/// (`pkg/kubelet/images/types.go`, `kuberuntime_container.go`, `kubelet_pods.go`), and the words that
/// go with two of them, which are all that Argo CD's health has.
const CANNOT_RUN: [&str; 16] = [
    "Back-off pulling image",
    "restarting failed container",
    "CrashLoopBackOff",
    "ImagePullBackOff",
    "ErrImagePull",
    "ErrImageNeverPull",
    "ImageInspectError",
    "InvalidImageName",
    "RegistryUnavailable",
    "SignatureValidationFailed",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
    "StartError",
    "ContainerCannotRun",
    "OOMKilled",
];

impl Node {
    /// `Pod/web-5c9-x2x`
    pub fn title(&self) -> String {
        self.reference.title()
    }

    fn is_pod(&self) -> bool {
        self.reference.kind == "Pod" && self.reference.group.is_empty()
    }

    fn status_reason(&self) -> &str {
        let info = self.info.iter().find(|info| info.name == "Status Reason");
        info.map_or("", |info| &info.value)
    }

    /// Its health; empty where Argo CD does not say.
    pub fn health(&self) -> &str {
        self.health.as_ref().map_or("", |health| &health.status)
    }

    /// What it says of itself.
    pub fn said(&self) -> String {
        let message = self.health.as_ref().map_or("", |health| &health.message);
        let reason = self.status_reason();
        match (message, reason) {
            ("", reason) => reason.to_owned(),
            (message, "") => message.to_owned(),
            (message, reason) if message.contains(reason) => message.to_owned(),
            (message, reason) => format!("{reason}: {message}"),
        }
    }

    /// Whether it is a Pod whose containers crash, or can't be pulled or started.
    pub fn cannot_run(&self) -> bool {
        let said = self.said();
        self.is_unwell_pod() && CANNOT_RUN.iter().any(|reason| said.contains(reason))
    }

    /// Whether it is a Pod that is not well.
    pub fn is_unwell_pod(&self) -> bool {
        self.is_pod() && !matches!(self.health(), "Healthy" | "Suspended")
    }

    /// Whether it runs `image`, or is to.
    pub fn has(&self, image: &ImageReference) -> bool {
        self.parsed().any(|other| other.satisfies(image))
    }

    fn has_any(&self, images: &[ImageReference]) -> bool {
        images.iter().any(|image| self.has(image))
    }

    fn parsed(&self) -> impl Iterator<Item = ImageReference> {
        self.images.iter().filter_map(|image| image.parse().ok())
    }
}

/// What Pods run of an image's repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Running {
    /// A Pod has the image.
    Asked,
    /// Pods have others of its repository only.
    Other,
    /// None has one; Pods of a Job's or a CronJob's earlier runs, which keep the image they had, don't
    /// count.
    None,
}

impl ResourceTree {
    /// The Pods.
    pub fn pods(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.is_pod())
    }

    /// What runs of `image`'s repository. A Pod of a Job that has the image tells nothing of Pods that last, unless
    /// it is one `of_jobs` only.
    pub fn running(&self, image: &ImageReference, of_jobs: bool) -> Running {
        let owners = self.owners();
        let (of_a_job, lasting): (Vec<&Node>, Vec<&Node>) = self
            .pods()
            .filter(|pod| pod.parsed().any(|other| other.same_repository(image)))
            .partition(|pod| ancestors(&owners, pod).any(is_job));
        let asked = |pods: &[&Node]| pods.iter().any(|pod| pod.has(image));
        match (asked(&lasting), asked(&of_a_job), lasting.is_empty()) {
            (true, _, _) => Running::Asked,
            (false, true, is_silent) if is_silent || of_jobs => Running::Asked,
            (false, _, false) => Running::Other,
            (false, _, true) => Running::None,
        }
    }

    /// Whether the Pods of `owner` that have images of the repositories of `images` have none of those; a Job's keep
    /// the image they had.
    pub fn is_behind(&self, owner: &Reference, images: &[ImageReference]) -> bool {
        let owners = self.owners();
        let knows = |pod: &Node| {
            let mut own = pod.parsed();
            own.any(|own| images.iter().any(|image| own.same_repository(image)))
        };
        let is_its = |pod: &Node| {
            let above: Vec<&Reference> = ancestors(&owners, pod).collect();
            above.contains(&owner) && !above.into_iter().any(is_job)
        };
        let own = self.pods().filter(|pod| is_its(pod) && knows(pod));
        let mut own = own.peekable();
        own.peek().is_some() && !own.any(|pod| pod.has_any(images))
    }

    /// Whether a Pod with one of `images` is well.
    pub fn is_any_well(&self, images: &[ImageReference]) -> bool {
        let mut well = self.pods().filter(|pod| !pod.is_unwell_pod());
        well.any(|pod| pod.has_any(images))
    }

    /// Whether Pods tell of no image of this repository, not even of one of before.
    pub fn is_silent_on(&self, image: &ImageReference) -> bool {
        let knows = |pod: &Node| pod.parsed().any(|other| other.same_repository(image));
        !self.pods().any(knows)
    }

    /// The objects whose Pods have one of `images`, and all that these Pods belong to.
    pub fn carriers(&self, images: &[ImageReference]) -> HashSet<Reference> {
        let owners = self.owners();
        let pods = self.pods();
        let ours = pods.filter(|pod| pod.has_any(images));
        ours.flat_map(|pod| ancestors(&owners, pod).cloned())
            .collect()
    }

    /// The Pods with one of `images` that are not well, each with all that it belongs to, nearest first; but not
    /// those whose owner is well without them, as a Job is whose second Pod succeeded.
    pub fn unwell_pods(&self, images: &[ImageReference]) -> Vec<(&Node, Vec<&Reference>)> {
        let owners = self.owners();
        let healths = self
            .nodes
            .iter()
            .map(|node| (&node.reference, node.health()));
        let healths: HashMap<&Reference, &str> = healths.collect();
        let unwell = self.pods().filter(|pod| pod.is_unwell_pod());
        let unwell = unwell.filter(|pod| pod.has_any(images));
        let unwell = unwell.map(|pod| (pod, ancestors(&owners, pod).collect::<Vec<_>>()));
        let is_missed = |(_, above): &(&Node, Vec<&Reference>)| {
            let mut healths = above.iter().filter_map(|owner| healths.get(owner));
            healths.find(|health| !health.is_empty()) != Some(&"Healthy")
        };
        unwell.filter(is_missed).collect()
    }

    fn owners(&self) -> HashMap<&Reference, &[Reference]> {
        let nodes = self.nodes.iter();
        nodes
            .map(|node| (&node.reference, node.parent_refs.as_slice()))
            .collect()
    }
}

/// Whether it is a Job or a CronJob, whose Pods end.
fn is_job(owner: &Reference) -> bool {
    owner.group == "batch"
}

/// What an object belongs to, nearest first.
fn ancestors<'t, 'o>(
    owners: &'o HashMap<&'t Reference, &'t [Reference]>,
    node: &'t Node,
) -> impl Iterator<Item = &'t Reference> + use<'t, 'o> {
    let mut next = node.parent_refs.first();
    let up = std::iter::from_fn(move || {
        let owner = next?;
        next = owners.get(owner).and_then(|parents| parents.first());
        Some(owner)
    });
    up.take(MAX_OWNERS)
}
