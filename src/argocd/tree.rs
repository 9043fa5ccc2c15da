//! What runs in the cluster, Pods included: an application's resource tree.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::application::{Health, Reference, moment, nullable};
use super::images::Images;
use super::trouble::{Cause, cause};
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
    #[serde(deserialize_with = "moment")]
    pub created_at: Option<DateTime<Utc>>,
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

/// The reasons of a Pod that is called well, and has ended or is being ended (`controller/cache/info.go`).
const ENDED: [&str; 2] = ["Completed", "Terminating"];

/// The words of those that are about getting the image.
const CANNOT_PULL: [&str; 5] = [
    "pulling image",
    "failed to pull",
    "ImagePullBackOff",
    "ErrImagePull",
    "RegistryUnavailable",
];

/// The words of one that waits to try that again, and of nothing else.
const BACK_OFF: [&str; 2] = ["Back-off pulling image", "ImagePullBackOff"];

/// The reasons of a container that is not started yet.
const NOT_STARTED: [&str; 3] = [NO_CONFIG, "CreateContainerError", "RunContainerError"];

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

    /// What keeps its containers from starting, where no image has a part in that.
    pub fn lacks(&self) -> Option<Lack> {
        let reason = self.status_reason();
        let message = self.health.as_ref().map_or("", |health| &*health.message);
        if !self.is_unwell_pod() {
            return None;
        }
        if WAITS.contains(&reason) && !self.cannot_run() {
            return Some(Lack::Start);
        }
        let is_of_the_kubelet = reason == NO_CONFIG || message.contains(NO_CONFIG);
        let (what, name) = MISSING.iter().find_map(|(words, end)| {
            let (before, rest) = message.split_once(words)?;
            let name = match *end {
                "" => rest.split(' ').next()?.rsplit('/').next()?,
                end => rest.split_once(end)?.0,
            };
            Some((before, name))
        })?;
        let is_whole = what.is_empty() && reason.is_empty();
        (is_of_the_kubelet || is_whole).then(|| Lack::Named(name.to_owned()))
    }

    /// What keeps its containers from starting, or from their images, where that is nothing that is wrong with an image
    /// itself: a registry, or its node.
    pub fn kept(&self) -> Option<Kept> {
        let said = self.said_without_names();
        let words = said.to_lowercase().replace("permission denied", "");
        if NOT_STARTED.iter().any(|reason| said.contains(reason)) {
            let is_by_the_node = self.is_unwell_pod() && cause(&words) == Cause::Surroundings;
            return is_by_the_node.then_some(Kept::Away);
        }
        if !CANNOT_PULL.iter().any(|words| said.contains(words)) {
            return None;
        }
        let is_away =
            || said.contains("RegistryUnavailable") || cause(&said) == Cause::Surroundings;
        match DENIED.iter().any(|denied| words.contains(denied)) {
            true => Some(Kept::Denied),
            false => is_away().then_some(Kept::Away),
        }
    }

    /// Whether it says that it does not get its image, and not why: until Kubernetes 1.31 a Pod does so only at times.
    pub fn leaves_out_why(&self) -> bool {
        let said = self.said_without_names();
        let rest = BACK_OFF
            .iter()
            .fold(said, |said, words| said.replace(words, ""));
        rest.len() < self.said().len() && !rest.contains(char::is_alphanumeric)
    }

    /// What it says, and a name is not a reason.
    fn said_without_names(&self) -> String {
        let mut said = self.said();
        for image in &self.images {
            said = said.replace(image.as_str(), "");
            if let Ok(image) = image.parse::<ImageReference>() {
                said = said.replace(&format!("/{}/", image.path()), "/");
            }
        }
        said
    }

    /// Whether its containers have ended that are to run, and are not ready again: between two crashes one runs.
    fn has_crashed(&self) -> bool {
        let is_one = |info: &Info| info.name == "Restart Count" && info.value != "0";
        self.status_reason() == "Error"
            || self.health() == "Degraded" && self.info.iter().any(is_one)
    }
}

/// What keeps a Pod from its image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// The registry does not answer, or not now; or the node can't start what it has.
    Away,
    /// The registry does not hand it out to this cluster.
    Denied,
}

/// The words of a registry that does not hand out an image to whoever asks, in lower case: of containerd
/// (`core/remotes/docker`), of Docker, and of registries themselves.
const DENIED: [&str; 8] = [
    "unauthorized",
    "authentication required",
    "authorization failed",
    "denied",
    "forbidden",
    "insufficient_scope",
    "no basic auth credentials",
    "invalid username/password",
];

/// What keeps a Pod's containers from starting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lack {
    /// A Secret or a ConfigMap of this name, or a key in it.
    Named(String),
    /// A node, or what is mounted there: none of them was started yet.
    Start,
}

/// The kubelet's word for a container that can't be made as its configuration says.
const NO_CONFIG: &str = "CreateContainerConfigError";
/// Its words for what is missing then, in front of the name and behind it (`kubelet_pods.go`).
const MISSING: [(&str, &str); 4] = [
    ("secret \"", "\" not found"),
    ("configmap \"", "\" not found"),
    (" in Secret ", ""),
    (" in ConfigMap ", ""),
];
/// The reasons of a Pod that has no node, or whose containers are not there yet.
const WAITS: [&str; 4] = [
    "Pending",
    "Unschedulable",
    "SchedulingGated",
    "ContainerCreating",
];

/// What Pods run of an image's repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Running {
    /// A Pod runs the image, or a Job's has it.
    Asked,
    /// Others have others of its repository, and none runs the image.
    Other,
    /// None has one that counts: Pods of a Job's or a CronJob's earlier runs, which keep the image they had, don't.
    None,
}

impl ResourceTree {
    /// The Pods.
    pub fn pods(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.is_pod())
    }
}

/// A Pod with what it runs and belongs to.
#[derive(Debug)]
pub struct Pod<'t> {
    /// The Pod itself.
    pub node: &'t Node,
    /// The images that it runs, or is to.
    images: Vec<ImageReference>,
    /// All that it belongs to, nearest first.
    pub above: Vec<&'t Reference>,
}

impl Pod<'_> {
    /// Those of `images` that it does not get: the ones that it names, or all of its own where it names none.
    pub fn refused<'p>(&'p self, images: &'p Images) -> Vec<&'p ImageReference> {
        let said = self.node.said();
        let own: Vec<_> = self.images.iter().filter(|own| images.want(own)).collect();
        let named = own.iter().filter(|own| said.contains(&own.to_string()));
        let named: Vec<_> = named.copied().collect();
        if named.is_empty() { own } else { named }
    }

    /// Whether what it says is of something else than `images`: of an image of another repository, or of the crash of a
    /// container that has none of them, where it has other images than these at all. `containers` are the names of
    /// those that have them, where they are known.
    pub fn tells_of_another(&self, images: &Images, containers: &HashSet<&str>) -> bool {
        let said = self.node.said();
        let mut refused = said.split("image \"").skip(1).filter_map(|rest| {
            let (image, _) = rest.split_once('"')?;
            image.parse::<ImageReference>().ok()
        });
        if let Some(first) = refused.next() {
            return !images.know(&first) && !refused.any(|other| images.know(&other));
        }
        let crashed = said
            .split_once("restarting failed container=")
            .and_then(|(_, rest)| rest.split([' ', ':']).next());
        let has_others = || self.images.iter().any(|own| !images.know(own));
        !containers.is_empty()
            && crashed.is_some_and(|crashed| !containers.contains(crashed))
            && has_others()
    }

    /// Whether it has one of `images`.
    pub fn has_any(&self, images: &Images) -> bool {
        self.images.iter().any(|own| images.want(own))
    }

    /// Whether it has images of the repositories of `images`.
    pub fn knows_any(&self, images: &Images) -> bool {
        self.images.iter().any(|own| images.know(own))
    }

    fn has(&self, image: &ImageReference) -> bool {
        self.images.iter().any(|own| own.satisfies(image))
    }

    /// Whether it shows that its images run: one that is unwell, or has ended though it is to last, does not; a Job's
    /// does while it runs, and afterwards. Of a Pod without health nothing is known.
    fn is_proof(&self) -> bool {
        let is_to_last = self.above.iter().any(|owner| owner.group == "apps");
        match self.node.health() {
            "" | "Healthy" | "Suspended" => {
                !(is_to_last && ENDED.contains(&self.node.status_reason()))
            }
            health => self.is_of_a_job() && health != "Degraded",
        }
    }

    fn is_of_a_job(&self) -> bool {
        self.above.iter().any(|owner| is_job(owner))
    }
}

/// The Pods of a tree. There may be very many, and as many images that are asked for: what is to be known of them is
/// found out once.
#[derive(Debug)]
pub struct Pods<'t> {
    all: Vec<Pod<'t>>,
    /// Which of them have an image of each repository.
    of_repository: HashMap<String, Vec<usize>>,
    /// Which of them belong to each object.
    below: HashMap<&'t Reference, Vec<usize>>,
    healths: HashMap<&'t Reference, &'t str>,
    /// What says that no Pod can be made for it, by what no image can cause, and all that it belongs to.
    kept_from_pods: HashSet<&'t Reference>,
}

impl<'t> Pods<'t> {
    /// Those of `tree`.
    pub fn of(tree: &'t ResourceTree) -> Self {
        let nodes = tree.nodes.iter();
        let owners: HashMap<&Reference, &[Reference]> = nodes
            .map(|node| (&node.reference, node.parent_refs.as_slice()))
            .collect();
        let nodes = tree.nodes.iter();
        let mut pods = Self {
            all: Vec::new(),
            of_repository: HashMap::new(),
            below: HashMap::new(),
            healths: nodes.map(|node| (&node.reference, node.health())).collect(),
            kept_from_pods: HashSet::new(),
        };
        let keeps = |node: &&Node| {
            let said = node.health.as_ref().map_or("", |health| &*health.message);
            node.reference.kind == "ReplicaSet" && cause(said) == Cause::Surroundings
        };
        for node in tree.nodes.iter().filter(keeps) {
            pods.kept_from_pods.insert(&node.reference);
            pods.kept_from_pods.extend(ancestors(&owners, node));
        }
        for node in tree.pods() {
            let number = pods.all.len();
            let images = node.images.iter().filter_map(|image| image.parse().ok());
            let images: Vec<ImageReference> = images.collect();
            for image in &images {
                let repository = image.repository().to_owned();
                pods.of_repository
                    .entry(repository)
                    .or_default()
                    .push(number);
            }
            let above: Vec<&Reference> = ancestors(&owners, node).collect();
            for owner in &above {
                pods.below.entry(owner).or_default().push(number);
            }
            pods.all.push(Pod {
                node,
                images,
                above,
            });
        }
        pods
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Pod<'t>> {
        self.all.iter()
    }

    /// What runs of `image`'s repository. A Pod of a Job that has the image tells nothing of Pods that last, unless
    /// it is one `of_jobs` only.
    pub fn running(&self, image: &ImageReference, of_jobs: bool) -> Running {
        let (mut is_lasting, mut is_asked, mut is_a_job_asked) = (false, false, false);
        for pod in self.knowing(image) {
            let is_asked_here = pod.has(image);
            match pod.is_of_a_job() {
                true => is_a_job_asked |= is_asked_here && pod.is_proof(),
                false => {
                    is_lasting |= !is_asked_here || pod.is_proof();
                    is_asked |= is_asked_here && pod.is_proof();
                }
            }
        }
        match is_asked || is_a_job_asked && (of_jobs || !is_lasting) {
            true => Running::Asked,
            false if is_lasting => Running::Other,
            false => Running::None,
        }
    }

    /// Whether `owner` has Pods that last, so none of a Job.
    pub fn has_lasting(&self, owner: &Reference) -> bool {
        let own = self.below.get(owner).into_iter().flatten();
        let mut own = own.filter_map(|number| self.all.get(*number));
        own.any(|pod| !pod.is_of_a_job())
    }

    /// The repositories of `images` of which the Pods of `owner` have other images only; a Job's keep the image they
    /// had.
    pub fn behind(&self, owner: &Reference, images: &Images) -> HashSet<String> {
        let own = self.below.get(owner).into_iter().flatten();
        let own = own.filter_map(|number| self.all.get(*number));
        let own = own.filter(|pod| !pod.is_of_a_job());
        let (mut known, mut there) = (HashSet::new(), HashSet::new());
        for pod in own {
            for image in &pod.images {
                if images.want(image) {
                    if pod.is_proof() {
                        there.insert(image.repository());
                    }
                } else if images.know(image) {
                    known.insert(image.repository());
                }
            }
        }
        let behind = known.difference(&there);
        behind.map(|repository| (*repository).to_owned()).collect()
    }

    /// Whether a Pod with one of `images` is well.
    pub fn is_any_well(&self, images: &Images) -> bool {
        let mut well = self.iter().filter(|pod| pod.is_proof());
        well.any(|pod| pod.has_any(images))
    }

    /// Whether Pods tell of no image of this repository, not even of one of before.
    pub fn is_silent_on(&self, image: &ImageReference) -> bool {
        !self.of_repository.contains_key(image.repository())
    }

    /// The objects whose Pods have one of `images`, and all that these Pods belong to.
    pub fn carriers(&self, images: &Images) -> HashSet<&'t Reference> {
        let ours = self.iter().filter(|pod| pod.has_any(images));
        ours.flat_map(|pod| pod.above.iter().copied()).collect()
    }

    /// What no Pod can be made for, by what no image can cause: a ReplicaSet, and all that it belongs to.
    pub fn kept_from_pods(&self) -> impl Iterator<Item = &'t Reference> {
        self.kept_from_pods.iter().copied()
    }

    /// The Pods with one of `images` that are not well; but not those whose owner is well without them, as a Job is
    /// whose second Pod succeeded.
    pub fn unwell(&self, images: &Images) -> impl Iterator<Item = &Pod<'t>> {
        self.iter()
            .filter(move |pod| pod.node.is_unwell_pod() && pod.has_any(images))
            .filter(|pod| self.is_missed(pod))
    }

    /// The Pods of the repositories of `images` that crash, or can't be pulled or started.
    pub fn failing(&self, images: &Images) -> impl Iterator<Item = &Pod<'t>> {
        let fails = |pod: &&Pod<'t>| {
            let crashes = || pod.node.is_unwell_pod() && pod.node.has_crashed();
            pod.node.cannot_run() || crashes() && self.is_missed(pod)
        };
        self.iter()
            .filter(move |pod| pod.knows_any(images))
            .filter(fails)
    }

    /// Whether a Pod's owner is not well without it.
    fn is_missed(&self, pod: &Pod<'t>) -> bool {
        let mut healths = pod.above.iter().filter_map(|owner| self.healths.get(owner));
        healths.find(|health| !health.is_empty()) != Some(&"Healthy")
    }

    /// The Pods that have an image of this repository.
    fn knowing(&self, image: &ImageReference) -> impl Iterator<Item = &Pod<'t>> {
        let numbers = self.of_repository.get(image.repository());
        let numbers = numbers.into_iter().flatten();
        numbers.filter_map(|number| self.all.get(*number))
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
