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
        format!("{}/{}", self.reference.kind, self.reference.name)
    }

    fn is_pod(&self) -> bool {
        self.reference.kind == "Pod" && self.reference.group.is_empty()
    }

    fn status_reason(&self) -> &str {
        let info = self.info.iter().find(|info| info.name == "Status Reason");
        info.map_or("", |info| &info.value)
    }

    fn health(&self) -> &str {
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

    /// What runs of `image`'s repository.
    pub fn running(&self, image: &ImageReference) -> Running {
        if self.pods().any(|pod| pod.has(image)) {
            return Running::Asked;
        }
        let owners = self.owners();
        let lasts = |pod: &&Node| {
            let mut all = ancestors(&owners, pod);
            pod.parsed().any(|other| other.same_repository(image))
                && !all.any(|owner| owner.group == "batch")
        };
        match self.pods().any(|pod| lasts(&pod)) {
            true => Running::Other,
            false => Running::None,
        }
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
        let ours = pods.filter(|pod| images.iter().any(|image| pod.has(image)));
        ours.flat_map(|pod| ancestors(&owners, pod).cloned())
            .collect()
    }

    /// The Pods with one of `images` that crash, or can't be pulled or started.
    pub fn broken_pods(&self, images: &[ImageReference]) -> impl Iterator<Item = &Node> {
        let broken = self.pods().filter(|pod| pod.cannot_run());
        broken.filter(|pod| images.iter().any(|image| pod.has(image)))
    }

    fn owners(&self) -> HashMap<&Reference, &[Reference]> {
        let nodes = self.nodes.iter();
        nodes
            .map(|node| (&node.reference, node.parent_refs.as_slice()))
            .collect()
    }
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
