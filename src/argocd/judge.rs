//! What an application's state means for a commit: it runs; this commit broke it; something else is
//! wrong; or it is not known yet.
//!
//! `argocd app wait` looks at no revision and so passes on the old commit. Here nothing is believed
//! before the commit, or one on top of it, is what Argo CD compared with the cluster; and a commit is
//! blamed only on evidence that is its own: what was unwell before, what does not carry its images, what
//! only takes long, and what Argo CD can't reach, proves nothing against it.

// A length of time is no clock.
use core::time::Duration;
use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::application::{
    Application, Condition, Health, Operation, Reference, Resource, ResourceResult,
};
use super::diagnosis;
use super::images::Images;
use super::tree::{Kept, Lack, Pod, Pods, ResourceTree, Running};
use super::trouble::{Cause, cause};
use crate::image::ImageReference;

/// How long a workload must be degraded without a break: Pods that wait for what they depend on, and
/// autoscalers without metrics, are so for some seconds.
const DEGRADED_LASTS: Duration = Duration::from_secs(60);
/// How long after a look the next one comes at the latest: some pauses between two. What happened in a longer time
/// nobody saw.
const UNSEEN: Duration = Duration::from_secs(15);
/// How long a healthy application without any Pod of an image is looked at before that is believed.
const NO_POD_GRACE: Duration = Duration::from_secs(15);
/// How long a healthy application may be out of sync by fields only that a controller writes.
const REWRITTEN_GRACE: Duration = Duration::from_secs(60);
/// A health that is so old by Argo CD's own clock needs no second look.
const SETTLED: TimeDelta = TimeDelta::seconds(5);
/// How many refreshes an error of the comparison must survive: the first can be a moment too early, and
/// goes past Argo CD's own patience with Git (`repoErrorGracePeriod` in `controller/state.go`).
const REFRESHES: u32 = 2;
/// The most symptoms that are told: the worst.
const MAX_SYMPTOMS: usize = 3;
/// The words of a workload that stays degraded until something is changed: a Deployment or Rollout that gave up.
const GAVE_UP: [&str; 3] = [
    "ProgressDeadlineExceeded",
    "exceeded its progress deadline",
    "has timed out progressing",
];
/// The same of an aborted Rollout (argo-rollouts, `utils/conditions`).
const ABORTED: [&str; 2] = ["RolloutAborted", "Rollout aborted"];
/// A metric that was measured, and is not as it is to be. One that could not be measured is `assessed Error`; where
/// nothing is named, a person aborted it, or an old version of Argo Rollouts.
const MEASURED: &str = "assessed Failed";
/// How long after the operation began no person has aborted what came with it.
const BY_NO_HAND: TimeDelta = TimeDelta::seconds(20);

/// What a revision is to the commit that is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// The commit itself.
    Exact,
    /// One that was made on top of it.
    Newer,
    /// Any other, and none.
    Old,
}

/// What is waited for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WaitFor {
    /// Argo CD applied it.
    Synced,
    /// And it runs.
    #[default]
    Healthy,
}

/// What is to become of the application.
#[derive(Debug, Clone)]
pub struct Goal {
    /// The images that are to run.
    pub images: Vec<ImageReference>,
    /// The resources that carry them in Git, where that is known.
    pub workloads: Vec<Workload>,
    /// All objects that the commit changes, as `Rollout/web`, where that is known.
    pub touched: Option<HashSet<String>>,
    /// When it is done.
    pub wait_for: WaitFor,
    /// Whether a pause, such as a canary's, is the end of it.
    pub allow_suspended: bool,
}

/// A resource that carries images in Git.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Workload {
    /// `Rollout/web`
    pub title: String,
    /// None where the manifest does not say.
    pub namespace: Option<String>,
    /// The container that has the image; none where nothing says so.
    pub container: Option<String>,
}

/// An application at one moment, and what is known around it.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// What Argo CD says.
    pub application: &'a Application,
    /// How it was before the commit; none where nobody looked.
    pub before: Option<&'a Application>,
    /// What ran then, where it was not well.
    pub before_tree: Option<&'a ResourceTree>,
    /// What it compared with the cluster last.
    pub compared: Relation,
    /// What its last operation was to apply; none where there is none.
    pub applied: Option<Relation>,
    /// What the source hydrator works on; none where there is none.
    pub hydrating: Option<Relation>,
    /// What runs, where that was asked for.
    pub tree: Option<&'a ResourceTree>,
    /// The images of objects in the cluster, of those that were asked for.
    pub live: &'a HashMap<Reference, Vec<ImageReference>>,
    /// The names that came into Git with the commit, of those that `missing` has.
    pub introduced: &'a HashSet<String>,
    /// How many refreshes ended since the waiting began.
    pub refreshes: u32,
    /// The server's clock when the waiting began, and now; none where it does not tell.
    pub began: Option<DateTime<Utc>>,
    /// The server's clock.
    pub now: Option<DateTime<Utc>>,
    /// Since the waiting began.
    pub elapsed: Duration,
}

/// What it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It runs, as was asked for.
    Done(Done),
    /// It ends, if the next look says the same.
    Confirm,
    /// Not known yet: this is missing.
    Unknown(Wait),
    /// Something else is wrong; undoing the commit cures nothing.
    Elsewhere(Culprit),
    /// This commit broke it.
    Broken(Evidence),
}

/// What is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wait {
    /// Argo CD has not seen the commit.
    Unseen,
    /// Git can't be compared with the cluster, for now.
    Comparison(Symptom),
    /// The source hydrator is at work.
    Hydrating,
    /// An operation runs.
    Syncing,
    /// The operation of an older commit runs, is tried again, and blocks this one's; with its revision.
    Blocked(String),
    /// The last operation failed by nothing that this commit did.
    Failed(Culprit),
    /// It was seen, and nothing applies it.
    OutOfSync,
    /// The health is that of before the operation.
    StaleHealth,
    /// It is not healthy yet; the status.
    Health(String),
    /// Healthy, and Pods run other images of these repositories only.
    OldImages(Vec<String>),
    /// Healthy, and no Pod has these images, nor others of their repositories.
    NoPod(Vec<String>),
    /// The same, and these objects in the cluster have others.
    OldObjects(Vec<String>, Vec<Symptom>),
    /// Healthy, and Pods of these images can't run.
    Pods(Vec<Symptom>),
}

/// How it ended well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// Applied, which is all that was asked for.
    Synced,
    /// It runs, healthy.
    Healthy,
    /// It pauses, which is accepted.
    Suspended,
    /// Healthy; of these images no Pod runs, such as a CronJob's.
    WithoutPods(Vec<String>),
    /// The workloads of its images are healthy; these others were unwell before, and are.
    Beside(Vec<Symptom>),
}

/// What shows that something is wrong: `Pod/web-5c9: CrashLoopBackOff`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symptom {
    /// What says so: a resource, a Pod, a condition.
    pub title: String,
    /// Its words; may be empty.
    pub message: String,
}

impl Symptom {
    fn new(title: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            message: message.into(),
        }
    }
}

/// What a verdict against the commit stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// What happened.
    pub fault: Fault,
    /// Who says so, the worst first.
    pub symptoms: Vec<Symptom>,
    /// For how long it was seen, where that counts.
    pub lasted: Option<Duration>,
}

/// How a commit broke an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The operation failed, and Argo CD does not try the same revision again; its message.
    Sync(String),
    /// The operation failed and was tried again, so often, until the time was over; its message.
    Retries(u32, String),
    /// The manifests can't be made or compared.
    Manifests,
    /// The source hydrator failed.
    Hydration,
    /// A workload of its images is degraded, and was not before.
    Degraded,
    /// Pods of its images crash, or can't be pulled or started.
    Pods,
}

/// What else is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Culprit {
    /// The application is being deleted.
    Deleting,
    /// It was deleted and made again.
    Recreated,
    /// Its source was changed, so that the commit can't arrive.
    SourceChanged,
    /// The operation of a commit that came later failed.
    LaterCommit(Vec<Symptom>),
    /// The operation of an older commit is tried again and again; its revision.
    OlderCommit(String, Vec<Symptom>),
    /// What failed now failed before this commit.
    FailedBefore(Vec<Symptom>),
    /// Argo CD can't reach Git or the cluster, or is not allowed to.
    Surroundings(Vec<Symptom>),
    /// Resources that don't carry these images are unwell.
    Others(Vec<Symptom>),
    /// It may be this commit, and that is not proven.
    Unproven(Doubt, Vec<Symptom>),
    /// Healthy, and out of sync for ever by what a controller writes into these resources.
    Rewritten(Vec<String>),
    /// Out of sync only by what is not in Git any more, and is not pruned.
    Pruning(Vec<String>),
}

/// Why it is not proven that the commit broke an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doubt {
    /// The words don't tell what did.
    Words,
    /// Others came along with it: this revision ran before, and other manifests than that are below the commit.
    CameAlong(String),
    /// Argo CD is at a commit that came later, with other manifests than this one's.
    CameLater,
    /// Other sources of the application, or its own parameters, changed with it: this.
    Moved(String),
    /// What ran before is not known.
    Before,
    /// Whether others changed what it is made of can't be read in Git.
    Unread,
    /// Its Pods lack what no image brings along.
    Lacking,
}

/// Judges one application, look after look.
#[derive(Debug, Default)]
pub struct Judge {
    /// When the last look was.
    looked: Option<Duration>,
    confirming: bool,
    /// Since when each resource with these images is degraded without a break.
    degraded_since: HashMap<Reference, Duration>,
    /// The resources that were seen healthy since the commit arrived: one that only begins to roll out is not.
    recovered: HashSet<Reference>,
    /// The resources that were seen in another health than degraded since the commit arrived.
    rolled: HashSet<Reference>,
    /// The Pods that a registry kept from their images when they last said why they don't get them.
    kept: HashSet<Reference>,
    no_pod_since: Option<Duration>,
    rewritten_since: Option<Duration>,
}

impl Judge {
    /// What `look` means, after all before it.
    pub fn judge(&mut self, look: &Look<'_>, goal: &Goal) -> Verdict {
        let mut scene = Scene::of(look, goal);
        self.forget_after_a_gap(look.elapsed);
        self.follow(&scene);
        self.remember_why(&mut scene);
        let verdict = self.opinion(&scene);
        let fault =
            |evidence: &Evidence| matches!(evidence.fault, Fault::Degraded | Fault::Manifests);
        let ends = match &verdict {
            Verdict::Done(_) => true,
            Verdict::Broken(evidence) => fault(evidence),
            Verdict::Confirm | Verdict::Unknown(_) | Verdict::Elsewhere(_) => false,
        };
        // Twice in a row, unless Argo CD's own clock says that it is so for a while.
        if ends && !self.confirming && !is_settled(look) {
            self.confirming = true;
            return Verdict::Confirm;
        }
        self.confirming = false;
        verdict
    }

    /// What is known when the time is over: slow is not broken.
    pub fn conclude(&mut self, look: &Look<'_>, goal: &Goal, wait: Option<Wait>) -> Verdict {
        let mut scene = Scene::of(look, goal);
        self.remember_why(&mut scene);
        if let Some(evidence) = self.broken_at_the_end(&scene) {
            return Verdict::Broken(evidence);
        }
        match wait {
            Some(Wait::Comparison(symptom)) => match cause(&symptom.message) {
                Cause::Manifests => Verdict::Unknown(Wait::Comparison(symptom)),
                Cause::Fetched => {
                    Verdict::Elsewhere(Culprit::Unproven(Doubt::Words, vec![symptom]))
                }
                Cause::Surroundings | Cause::Destination | Cause::Unclear => {
                    Verdict::Elsewhere(Culprit::Surroundings(vec![symptom]))
                }
            },
            Some(Wait::Failed(culprit)) => Verdict::Elsewhere(culprit),
            Some(Wait::Blocked(revision)) => {
                let operation = look.application.status.operation_state.as_ref();
                let symptoms = operation.map(|operation| said_by("The sync", &operation.message));
                Verdict::Elsewhere(Culprit::OlderCommit(revision, symptoms.unwrap_or_default()))
            }
            Some(Wait::OutOfSync) if !to_prune(look).is_empty() => {
                Verdict::Elsewhere(Culprit::Pruning(to_prune(look)))
            }
            Some(Wait::Health(status)) if !scene.lacking(&status).is_empty() => {
                let symptoms = scene.lacking(&status);
                Verdict::Elsewhere(Culprit::Unproven(Doubt::Lacking, symptoms))
            }
            Some(Wait::Health(status)) if status != "Suspended" => {
                let others = scene.others();
                let ours = scene.unwell().any(|resource| scene.carries(resource));
                match others.is_empty() || ours {
                    true => Verdict::Unknown(Wait::Health(status)),
                    false => Verdict::Elsewhere(Culprit::Others(others)),
                }
            }
            wait => Verdict::Unknown(wait.unwrap_or(Wait::Unseen)),
        }
    }

    /// What has lasted does so without a break only, and nobody knows what was in a time without looks.
    fn forget_after_a_gap(&mut self, now: Duration) {
        let before = self.looked.replace(now);
        if before.is_some_and(|before| now.saturating_sub(before) > UNSEEN) {
            self.confirming = false;
            self.degraded_since.clear();
            self.no_pod_since = None;
            self.rewritten_since = None;
        }
    }

    /// Which resources are degraded, and since when.
    fn follow(&mut self, scene: &Scene<'_>) {
        let look = scene.look;
        if look.compared == Relation::Old {
            self.degraded_since.clear();
            return;
        }
        let degraded: HashSet<Reference> = scene.degraded().map(Resource::reference).collect();
        self.degraded_since
            .retain(|reference, _| degraded.contains(reference));
        for resource in &look.application.status.resources {
            let reference = resource.reference();
            if degraded.contains(&reference) {
                if scene.carries(resource) {
                    self.degraded_since.entry(reference).or_insert(look.elapsed);
                }
                continue;
            }
            if scene.health(resource) == "Healthy" {
                self.recovered.insert(reference.clone());
            }
            self.rolled.insert(reference);
        }
    }

    /// Why Pods don't get their images, for when they leave that out.
    fn remember_why(&mut self, scene: &mut Scene<'_>) {
        let pods = scene.pods.iter();
        for pod in pods.flat_map(|pods| pods.unwell(&scene.wanted)) {
            if pod.node.leaves_out_why() {
                continue;
            }
            let pod_itself = pod.node.reference.clone();
            match scene.is_kept_from_its_image(pod) {
                true => self.kept.insert(pod_itself),
                false => self.kept.remove(&pod_itself),
            };
        }
        scene.kept_before.clone_from(&self.kept);
    }

    fn opinion(&mut self, scene: &Scene<'_>) -> Verdict {
        let Scene { look, goal, .. } = scene;
        let Application {
            metadata, status, ..
        } = look.application;
        let no_pod_since = self.no_pod_since.take();
        if metadata.deletion_timestamp {
            return Verdict::Elsewhere(Culprit::Deleting);
        }
        if let Some(verdict) = changed_meanwhile(look) {
            return verdict;
        }
        if let Some(verdict) = comparison(look) {
            return verdict;
        }
        let syncing = look.application.is_syncing();
        if let (false, Some(verdict)) = (syncing, scene.failed_operation()) {
            return verdict;
        }
        if look.compared == Relation::Old {
            return hydration(look);
        }
        if syncing {
            return Verdict::Unknown(blocked(look).unwrap_or(Wait::Syncing));
        }
        if status.sync.status != "Synced" {
            return self.out_of_sync(look);
        }
        self.rewritten_since = None;
        if goal.wait_for == WaitFor::Synced {
            return Verdict::Done(Done::Synced);
        }
        let finished = status
            .operation_state
            .as_ref()
            .and_then(|operation| operation.finished_at);
        if let (Some(finished), Some(reconciled)) = (finished, status.reconciled_at)
            && reconciled < finished
        {
            return Verdict::Unknown(Wait::StaleHealth);
        }
        // It counts without a break only.
        self.no_pod_since = no_pod_since;
        let verdict = match status.health.status.as_str() {
            "Healthy" => self.images(scene, Done::Healthy),
            "Suspended" if goal.allow_suspended => self.images(scene, Done::Suspended),
            health => self.unhealthy(scene, health),
        };
        let no_pod = matches!(
            verdict,
            Verdict::Unknown(Wait::NoPod(_)) | Verdict::Done(Done::WithoutPods(_))
        );
        if !no_pod {
            self.no_pod_since = None;
        }
        verdict
    }

    fn out_of_sync(&mut self, look: &Look<'_>) -> Verdict {
        let rewritten = diagnosis::rewritten(look.application);
        let settled = look.application.status.health.status == "Healthy"
            && look.applied.is_some_and(|applied| applied != Relation::Old)
            && !rewritten.is_empty();
        if !settled {
            self.rewritten_since = None;
            return Verdict::Unknown(Wait::OutOfSync);
        }
        let since = *self.rewritten_since.get_or_insert(look.elapsed);
        match look.elapsed.saturating_sub(since) >= REWRITTEN_GRACE {
            true => Verdict::Elsewhere(Culprit::Rewritten(rewritten)),
            false => Verdict::Unknown(Wait::OutOfSync),
        }
    }

    fn unhealthy(&mut self, scene: &Scene<'_>, health: &str) -> Verdict {
        if let Some(evidence) = self.degraded_by_the_commit(scene) {
            return Verdict::Broken(evidence);
        }
        let beside = scene.beside();
        match beside.is_empty() || health == "Suspended" {
            true => Verdict::Unknown(Wait::Health(health.to_owned())),
            false => self.images(scene, Done::Beside(beside)),
        }
    }

    /// A workload of these images that is degraded, was not before, and won't be well by itself.
    fn degraded_by_the_commit(&self, scene: &Scene<'_>) -> Option<Evidence> {
        let excused = scene.excused();
        let before = scene.sick_before();
        let mut found: Vec<(&Resource, Duration)> = scene
            .degraded()
            .filter(|resource| self.is_new(&scene.look, before.as_ref(), &resource.reference()))
            .filter(|resource| !excused.contains(&resource.reference()))
            .filter_map(|resource| {
                let since = *self.degraded_since.get(&resource.reference())?;
                let lasted = scene.look.elapsed.saturating_sub(since);
                let said = scene.said(resource);
                let is_final = says(said, &GAVE_UP) || says(said, &ABORTED);
                let is_proof = self.is_aborted_at_once(scene, resource) || !is_without_proof(said);
                let counts = is_proof && (is_final || lasted >= DEGRADED_LASTS);
                counts.then_some((resource, lasted))
            })
            .collect();
        found.sort_by_key(|(_, lasted)| std::cmp::Reverse(*lasted));
        let (_, lasted) = *found.first()?;
        let mut symptoms = self.broken_pods(scene);
        let resources = found.iter().map(|(resource, _)| scene.symptom_of(resource));
        symptoms.extend(resources);
        symptoms.truncate(MAX_SYMPTOMS);
        Some(Evidence {
            fault: Fault::Degraded,
            symptoms,
            lasted: Some(lasted),
        })
    }

    /// Whether it was aborted for no reason that is told, and faster than by a person's hand.
    fn is_aborted_at_once(&self, scene: &Scene<'_>, resource: &Resource) -> bool {
        let said = scene.said(resource);
        let since = scene.look.now.zip(started(&scene.look));
        let is_bare = |(_, rest): (&str, &str)| !rest.contains(':');
        says(said, &ABORTED)
            && said.split_once("update to revision ").is_some_and(is_bare)
            && !self.rolled.contains(&resource.reference())
            && since.is_some_and(|(now, started)| now - started <= BY_NO_HAND)
    }

    /// What shows, when the time is over, that the commit broke it: an operation that kept failing, or Pods that
    /// can't run.
    fn broken_at_the_end(&self, scene: &Scene<'_>) -> Option<Evidence> {
        let look = scene.look;
        let arrived = look.compared != Relation::Old
            || look.applied.is_some_and(|applied| applied != Relation::Old);
        if !arrived {
            return None;
        }
        let operation = look.application.status.operation_state.as_ref();
        if let Some(operation) = operation
            && look.application.is_syncing()
            && look.applied == Some(Relation::Exact)
            && operation.retry_count > 0
            && !failed_alike_before(operation, look.before)
            && scene.excuse(operation).is_none()
        {
            return Some(Evidence {
                fault: Fault::Retries(operation.retry_count, operation.message.clone()),
                symptoms: symptoms_of(operation),
                lasted: None,
            });
        }
        let pods = self.broken_pods(scene);
        (!pods.is_empty()).then_some(Evidence {
            fault: Fault::Pods,
            symptoms: pods,
            lasted: None,
        })
    }

    /// The Pods of these images that crash, or can't be pulled or started, and by nothing else than that: what they
    /// belong to was well before, or since, and Pods of other images below it run.
    fn broken_pods(&self, scene: &Scene<'_>) -> Vec<Symptom> {
        let excused = scene.excused();
        let before = scene.sick_before();
        scene.unwell_pods(|pod| {
            pod.node.cannot_run()
                && !scene.is_kept_from_its_image(pod)
                && !scene.lacks(pod)
                && !pod.above.iter().any(|owner| excused.contains(*owner))
                && self.was_well(&scene.look, before.as_ref(), pod)
        })
    }

    /// Whether what a Pod belongs to is known to have been well before it, or since the commit arrived. Where nobody
    /// looked, a Pod that is older than the operation was not made by that.
    fn was_well(
        &self,
        look: &Look<'_>,
        before: Option<&HashSet<Reference>>,
        pod: &Pod<'_>,
    ) -> bool {
        let mut above = pod.above.iter();
        let is_recovered = |owner: &Reference| self.recovered.contains(owner);
        match before {
            Some(sick) => !above.any(|owner| sick.contains(*owner) && !is_recovered(owner)),
            None => {
                let made = pod.node.created_at;
                let is_made_by_it = || match (made, started(look)) {
                    (Some(made), Some(started)) => made >= started,
                    _ => true,
                };
                above.any(|owner| is_recovered(owner)) || turned(look) && is_made_by_it()
            }
        }
    }

    /// Whether it is known not to have been degraded before: by what was at a look before the commit, by one since
    /// it arrived, or by Argo CD's own clock.
    fn is_new(
        &self,
        look: &Look<'_>,
        before: Option<&HashSet<Reference>>,
        reference: &Reference,
    ) -> bool {
        if self.recovered.contains(reference) {
            return true;
        }
        match before {
            Some(sick) => !sick.contains(reference),
            None => turned(look),
        }
    }

    /// Whether the cluster runs what Git says: what the Pods run decides.
    fn images(&mut self, scene: &Scene<'_>, done: Done) -> Verdict {
        let Scene { look, goal, .. } = scene;
        let (mut old, mut absent) = (Vec::new(), Vec::new());
        let behind = scene.behind();
        for image in &goal.images {
            match scene.running(image, &behind) {
                Running::Asked => {}
                Running::Other => old.push(image.to_string()),
                Running::None => absent.push(image),
            }
        }
        if !old.is_empty() {
            return Verdict::Unknown(Wait::OldImages(old));
        }
        // Of what has no health of its own, such as many a custom resource, its Pods tell.
        let missed = scene.missed_pods();
        if !missed.is_empty() {
            return Verdict::Unknown(Wait::Pods(missed));
        }
        if absent.is_empty() {
            let objects = scene.objects_without_pods_behind();
            if !objects.is_empty() {
                let held: Vec<ImageReference> = objects
                    .iter()
                    .filter_map(|object| object.message.parse().ok())
                    .collect();
                let names = goal.images.iter();
                let names =
                    names.filter(|image| held.iter().any(|held| held.same_repository(image)));
                let names = names.map(ToString::to_string).collect();
                return Verdict::Unknown(Wait::OldObjects(names, objects));
            }
            return Verdict::Done(done);
        }
        // Of what has no Pods, such as a CronJob, the object in the cluster tells.
        let objects = scene.objects_behind(&absent);
        if !objects.is_empty() {
            let names = absent.into_iter().map(ToString::to_string);
            return Verdict::Unknown(Wait::OldObjects(names.collect(), objects));
        }
        let without = match done {
            Done::Healthy => {
                let images = absent.iter().map(ToString::to_string);
                Done::WithoutPods(images.collect())
            }
            other => other,
        };
        if absent.iter().all(|image| scene.held.satisfy(image)) {
            return Verdict::Done(without);
        }
        let since = *self.no_pod_since.get_or_insert(look.elapsed);
        match look.elapsed.saturating_sub(since) >= NO_POD_GRACE {
            true => Verdict::Done(without),
            false => {
                let names = absent.into_iter().map(ToString::to_string);
                Verdict::Unknown(Wait::NoPod(names.collect()))
            }
        }
    }
}

/// A look, with what is found out once of its resources.
struct Scene<'a> {
    look: Look<'a>,
    goal: &'a Goal,
    /// The images that are to run.
    wanted: Images,
    /// Argo CD's list of all images.
    listed: Images,
    /// The images of objects in the cluster.
    held: Images,
    /// The Pods, where those were asked for.
    pods: Option<Pods<'a>>,
    /// What the Pods with these images belong to.
    owners: HashSet<&'a Reference>,
    /// The resources that carry these images in Git: the only ones of their name, or in the namespace that Git says.
    workloads: HashSet<Reference>,
    /// Those, and all of a name that several have: which of them carries the images, nobody knows.
    likely: HashSet<Reference>,
    /// The names of the containers that have them in Git; empty where not all are known.
    containers: HashSet<&'a str>,
    /// The Pods that a registry kept from their images when they last said why.
    kept_before: HashSet<Reference>,
    /// The health of objects as the tree has it.
    of_tree: HashMap<&'a Reference, &'a Health>,
}

impl<'a> Scene<'a> {
    fn of(look: &Look<'a>, goal: &'a Goal) -> Self {
        let status = &look.application.status;
        let titles = goal.workloads.iter().map(|workload| &*workload.title);
        let named: HashSet<&str> = titles.collect();
        let mut of_name: HashMap<String, Vec<Reference>> = HashMap::new();
        for resource in &status.resources {
            let title = resource.title();
            if named.contains(title.as_str()) {
                let alike = of_name.entry(title).or_default();
                alike.push(resource.reference());
            }
        }
        let (mut workloads, mut likely) = (HashSet::new(), HashSet::new());
        for Workload {
            title, namespace, ..
        } in &goal.workloads
        {
            let alike = of_name.get(title).map_or(&[][..], Vec::as_slice);
            // A kustomization may put it elsewhere than its manifest says.
            let is_there = |other: &&Reference| Some(&other.namespace) == namespace.as_ref();
            let there: Vec<&Reference> = alike.iter().filter(is_there).collect();
            let meant = match there.is_empty() {
                true => alike.iter().collect(),
                false => there,
            };
            if let [only] = meant[..] {
                workloads.insert(only.clone());
            }
            likely.extend(meant.into_iter().cloned());
        }
        let names = goal.workloads.iter().map(|own| own.container.as_deref());
        let names: Option<HashSet<&str>> = names.collect();
        let wanted: Images = goal.images.iter().cloned().collect();
        let pods = look.tree.map(Pods::of);
        let nodes = look.tree.iter().flat_map(|tree| &tree.nodes);
        Self {
            look: *look,
            goal,
            listed: Images::listed(&status.summary.images),
            held: look.live.values().flatten().cloned().collect(),
            owners: pods
                .as_ref()
                .map(|pods| pods.carriers(&wanted))
                .unwrap_or_default(),
            workloads,
            likely,
            containers: names.unwrap_or_default(),
            kept_before: HashSet::new(),
            of_tree: nodes
                .filter_map(|node| Some((&node.reference, node.health.as_ref()?)))
                .collect(),
            wanted,
            pods,
        }
    }

    /// Whether a resource is known to carry these images: by Git, where no other can be meant; by its Pods; or by what
    /// it is in the cluster.
    fn carries(&self, resource: &Resource) -> bool {
        self.carries_it(&resource.reference())
    }

    fn carries_it(&self, reference: &Reference) -> bool {
        let live = || self.look.live.get(reference);
        self.workloads.contains(reference)
            || self.owners.contains(reference)
            || live().is_some_and(|images| images.iter().any(|image| self.wanted.want(image)))
    }

    /// The repositories of these images of which one of the resources that carry them has Pods with others only.
    fn behind(&self) -> HashSet<String> {
        let pods = self.pods.iter();
        let own = pods.flat_map(|pods| self.likely.iter().map(move |own| (pods, own)));
        own.flat_map(|(pods, own)| pods.behind(own, &self.wanted))
            .collect()
    }

    /// The objects in the cluster that have others of the repositories of `absent`, and none of these images of them:
    /// those that carry them in Git. Where Git does not say which do, such as of a chart's, one of all has to have
    /// each.
    fn objects_behind(&self, absent: &[&ImageReference]) -> Vec<Symptom> {
        let is_known = !self.likely.is_empty();
        let missing: Images = absent
            .iter()
            .filter(|image| is_known || !self.held.satisfy(image))
            .map(|image| (*image).clone())
            .collect();
        self.objects_with_others(&missing, |object| !is_known || self.likely.contains(object))
    }

    /// The same of what carries these images in Git and has no Pods that last: those of another workload don't speak
    /// for it.
    fn objects_without_pods_behind(&self) -> Vec<Symptom> {
        self.objects_with_others(&self.wanted, |object| self.is_without_pods(object))
    }

    /// Whether an object is one of several that carry these images in Git, and none of the Pods that last is its own.
    fn is_without_pods(&self, object: &Reference) -> bool {
        let pods = self.pods.as_ref();
        self.likely.len() > 1
            && self.likely.contains(object)
            && pods.is_some_and(|pods| !pods.has_lasting(object))
    }

    /// The objects in the cluster that are meant, and have others of the repositories of `missing` and none of these
    /// images of them.
    fn objects_with_others(
        &self,
        missing: &Images,
        is_meant: impl Fn(&Reference) -> bool,
    ) -> Vec<Symptom> {
        let objects = self.look.live.iter();
        let objects = objects.filter(|(object, _)| is_meant(object));
        let behind = objects.filter_map(|(object, images)| {
            let (there, others): (Vec<&ImageReference>, Vec<&ImageReference>) =
                images.iter().partition(|image| self.wanted.want(image));
            let mut others = others.into_iter().filter(|other| missing.know(other));
            let other =
                others.find(|other| !there.iter().any(|image| image.same_repository(other)))?;
            Some(Symptom::new(object.title(), other.to_string()))
        });
        let mut behind: Vec<Symptom> = behind.collect();
        behind.sort_by(|one, other| one.title.cmp(&other.title));
        behind.truncate(MAX_SYMPTOMS);
        behind
    }

    /// What Pods run of an image, where workloads may be `behind` with its repository. Where Argo CD shows none of it,
    /// not even one of a Job, its list of all images is the best that is known: it lags (argo-cd#19670, #27861).
    fn running(&self, image: &ImageReference, behind: &HashSet<String>) -> Running {
        let workloads = &self.goal.workloads;
        if let Some(pods) = &self.pods
            && !pods.is_silent_on(image)
        {
            let is_job = |Workload { title, .. }: &Workload| {
                title.starts_with("Job/") || title.starts_with("CronJob/")
            };
            let of_jobs = !workloads.is_empty() && workloads.iter().all(is_job);
            return match behind.contains(image.repository()) {
                true => Running::Other,
                false => pods.running(image, of_jobs),
            };
        }
        match (self.listed.satisfy(image), self.listed.know(image)) {
            (true, _) => Running::Asked,
            (false, true) => Running::Other,
            (false, false) => Running::None,
        }
    }

    /// What is excused of the commit: below it, Pods of other images of these repositories can't run either, or none of
    /// those with these images is unwell by anything else than that a registry does not hand them out, or that it lacks
    /// what no image brings along; or none of them can be made.
    fn excused(&self) -> HashSet<&'a Reference> {
        let Some(pods) = &self.pods else {
            return HashSet::new();
        };
        let above = |pods: Vec<&Pod<'a>>| -> HashSet<&'a Reference> {
            pods.into_iter()
                .flat_map(|pod| pod.above.iter().copied())
                .collect()
        };
        let fail_alike = pods.failing(&self.wanted);
        let alike = above(
            fail_alike
                .filter(|pod| !pod.has_any(&self.wanted))
                .collect(),
        );
        let (kept, unwell): (Vec<_>, Vec<_>) = pods
            .unwell(&self.wanted)
            .partition(|pod| self.is_kept_from_its_image(pod));
        let (lacking, begun): (Vec<_>, Vec<_>) =
            unwell.into_iter().partition(|pod| self.lacks(pod));
        let broken = begun.iter().copied().filter(|pod| pod.node.cannot_run());
        let broken = above(broken.collect());
        let kept = above(kept).into_iter().chain(pods.kept_from_pods());
        let kept = kept.filter(|owner| !broken.contains(owner));
        // One that runs and does not get ready is no proof of room that is missing.
        let begun = above(begun);
        let lacking = above(lacking).into_iter();
        let lacking = lacking.filter(|owner| !begun.contains(owner));
        kept.chain(lacking).chain(alike).collect()
    }

    /// Whether a Pod can't begin to run for want of what no image brings along: a Secret or a ConfigMap that was named
    /// before the commit, or a node.
    fn lacks(&self, pod: &Pod<'_>) -> bool {
        match pod.node.lacks() {
            None => false,
            Some(Lack::Start) => true,
            Some(Lack::Named(name)) => !self.look.introduced.contains(&name),
        }
    }

    /// The Pods of these images that lack something; those that only wait count where their workload gave up.
    fn lacking(&self, health: &str) -> Vec<Symptom> {
        self.unwell_pods(|pod| {
            let is_told = health == "Degraded" || pod.node.lacks() != Some(Lack::Start);
            is_told && self.lacks(pod)
        })
    }

    /// Whether a Pod can't run only because one of these images is not what fails in it, or it does not get it, and not
    /// by what the commit did: its node has trouble, a registry is away, or denies an image of which others were handed
    /// out before. A login that ended looks like that, which no other tag cures. One whose repository came with the
    /// commit is another matter: the cluster was never let in there.
    fn is_kept_from_its_image(&self, pod: &Pod<'_>) -> bool {
        if pod.tells_of_another(&self.wanted, &self.containers) {
            return true;
        }
        if pod.node.leaves_out_why() {
            return self.kept_before.contains(&pod.node.reference);
        }
        match pod.node.kept() {
            None => false,
            Some(Kept::Away) => true,
            Some(Kept::Denied) => {
                let before = self.look.before.iter();
                let before = before.flat_map(|before| &before.status.summary.images);
                let ran: Images = before.filter_map(|image| image.parse().ok()).collect();
                let refused = pod.refused(&self.wanted);
                let is_new = |image: &&ImageReference| !ran.know(image);
                ran.is_empty() || refused.is_empty() || !refused.iter().all(is_new)
            }
        }
    }

    /// A resource's health; the tree has it where the application does not.
    fn health(&self, resource: &'a Resource) -> &'a str {
        let of_tree = || self.of_tree.get(&resource.reference());
        match resource.health() {
            "" => of_tree().map_or("", |health| &health.status),
            health => health,
        }
    }

    /// What a resource says of its health; else what the tree says, or the application of the same health
    /// (since 3.5).
    fn said(&self, resource: &'a Resource) -> &'a str {
        let of_tree = self.of_tree.get(&resource.reference()).copied();
        let whole = &self.look.application.status.health;
        let of_whole = (whole.status == self.health(resource)).then_some(whole);
        let mut known = [resource.health.as_ref(), of_tree, of_whole]
            .into_iter()
            .flatten();
        known
            .find(|health| !health.message.is_empty())
            .map_or("", |health| &health.message)
    }

    fn symptom_of(&self, resource: &'a Resource) -> Symptom {
        let (health, said) = (self.health(resource), self.said(resource));
        Symptom::new(
            resource.title(),
            match said {
                "" => health.to_owned(),
                said => format!("{health}: {said}"),
            },
        )
    }

    fn is_unwell(&self, resource: &'a Resource) -> bool {
        is_unwell(self.health(resource))
    }

    fn unwell(&self) -> impl Iterator<Item = &'a Resource> {
        let resources = self.look.application.status.resources.iter();
        resources.filter(|resource| self.is_unwell(resource))
    }

    fn degraded(&self) -> impl Iterator<Item = &'a Resource> {
        let unwell = self.unwell();
        unwell.filter(|resource| self.health(resource) == "Degraded")
    }

    /// The Pods of these images that keep what has no health of its own from being well: broken ones, or all.
    fn missed_pods(&self) -> Vec<Symptom> {
        let is_any_well = |pods: &Pods<'_>| pods.is_any_well(&self.wanted);
        match self.pods.as_ref().is_some_and(is_any_well) {
            true => self.unwell_pods(|pod| pod.node.cannot_run()),
            // Of a Pod without health nothing is known.
            false => self.unwell_pods(|pod| !pod.node.health().is_empty()),
        }
    }

    /// The Pods of these images that are not well, were not so before, and are meant.
    fn unwell_pods(&self, is_meant: impl Fn(&Pod<'a>) -> bool) -> Vec<Symptom> {
        let before = self.unwell_before();
        let pods = self.pods.iter();
        let pods = pods.flat_map(|pods| pods.unwell(&self.wanted));
        let pods = pods
            .filter(|pod| is_meant(pod) && !pod.above.iter().any(|owner| before.contains(*owner)));
        let mut symptoms: Vec<Symptom> = Vec::new();
        for Pod { node, .. } in pods {
            if symptoms.len() == MAX_SYMPTOMS {
                break;
            }
            let said = match node.said() {
                said if said.is_empty() => node.health().to_owned(),
                said => said,
            };
            if !symptoms.iter().any(|symptom| symptom.message == said) {
                symptoms.push(Symptom::new(node.title(), said));
            }
        }
        symptoms
    }

    /// What was degraded before the commit, or had Pods that could not run; none where nobody looked.
    fn sick_before(&self) -> Option<HashSet<Reference>> {
        let mut sick = degraded_in(self.look.before?);
        let pods = self.look.before_tree.map(Pods::of);
        let broken = pods.iter().flat_map(|pods| pods.failing(&self.wanted));
        sick.extend(broken.flat_map(|pod| pod.above.iter().copied().cloned()));
        Some(sick)
    }

    /// The resources that were unwell before the commit, where all of these images may have run there already.
    fn unwell_before(&self) -> HashSet<Reference> {
        let Some(status) = self.look.before.map(|before| &before.status) else {
            return HashSet::new();
        };
        let ran = Images::listed(&status.summary.images);
        let has_run = |image: &ImageReference| ran.satisfy(image);
        let unwell = status.resources.iter();
        let unwell = unwell.filter(|resource| is_unwell(resource.health()));
        match self.goal.images.iter().all(has_run) {
            true => unwell.map(Resource::reference).collect(),
            false => HashSet::new(),
        }
    }

    /// The failed operation, if it was to apply the commit or one on top of it.
    fn failed_operation(&self) -> Option<Verdict> {
        let look = &self.look;
        let operation = look.application.status.operation_state.as_ref()?;
        if !matches!(operation.phase.as_str(), "Failed" | "Error") {
            return None;
        }
        let symptoms = symptoms_of(operation);
        let culprit = match look.applied? {
            Relation::Old => return None,
            Relation::Newer => Culprit::LaterCommit(symptoms),
            Relation::Exact if failed_alike_before(operation, look.before) => {
                Culprit::FailedBefore(symptoms)
            }
            Relation::Exact => match self.excuse(operation) {
                Some(culprit) => culprit,
                None => {
                    return Some(Verdict::Broken(Evidence {
                        fault: Fault::Sync(operation.message.clone()),
                        symptoms,
                        lasted: None,
                    }));
                }
            },
        };
        Some(Verdict::Unknown(Wait::Failed(culprit)))
    }

    /// What else than the commit made an operation fail, or may have: none where it was the manifests. What its
    /// resources say counts before its message, which sums that up.
    fn excuse(&self, operation: &Operation) -> Option<Culprit> {
        let results = failed_results(operation);
        let causes: Vec<Cause> = match &results[..] {
            [] => vec![cause(&operation.message)],
            results => results.iter().map(|result| self.cause_of(result)).collect(),
        };
        let symptoms = symptoms_of(operation);
        // One that is the manifests' is enough, where the commit may have changed that.
        let mut results_of = results.iter().zip(&causes);
        let is_touched = |(result, cause): (&&ResourceResult, &Cause)| {
            *cause == Cause::Manifests && self.may_touch(result)
        };
        if results_of.any(is_touched) || results.is_empty() && causes.contains(&Cause::Manifests) {
            return None;
        }
        if causes.iter().all(|cause| *cause == Cause::Surroundings) {
            return Some(Culprit::Surroundings(symptoms));
        }
        let may_be_ours = |result: &&ResourceResult| {
            self.goal.workloads.is_empty() || self.carries_it(&result.reference)
        };
        Some(
            match results.is_empty() || results.iter().any(may_be_ours) {
                true => Culprit::Unproven(Doubt::Words, symptoms),
                false => Culprit::Others(symptoms),
            },
        )
    }

    /// Whether the commit may be why an object fails: it changes that, or nothing is known of what it changes. Where
    /// manifests are made of what it changes, such as by a chart, all may be others; and what runs containers under the
    /// name of what it changes may be made of that. A hook that ran may look at everything.
    fn may_touch(&self, result: &ResourceResult) -> bool {
        let Some(touched) = &self.goal.touched else {
            return true;
        };
        let resources = &self.look.application.status.resources;
        let titles: HashSet<String> = resources.iter().map(Resource::title).collect();
        let name = &result.reference.name;
        let is_namesake = |title: &String| {
            let named = title.split_once('/');
            named.is_some_and(|(_, other)| other == name)
        };
        result.status != "SyncFailed"
            || self.carries_it(&result.reference)
            || touched.contains(&result.reference.title())
            || result.reference.runs_containers() && touched.iter().any(is_namesake)
            || !touched.is_subset(&titles)
    }

    /// What made one object fail. A hook runs what the manifests say, so that its failure is theirs where nothing else
    /// is said. What an object has to be in was there, where one of its kind was in its namespace before.
    fn cause_of(&self, result: &ResourceResult) -> Cause {
        let cause = cause(&result.message);
        let Reference {
            group,
            kind,
            namespace,
            ..
        } = &result.reference;
        // Of another version, the manifests may ask for one that the cluster does not have.
        let version = &result.version;
        let is_alike = |other: &Resource| {
            (&other.group, &other.kind, &other.namespace) == (group, kind, namespace)
                && (version.is_empty() || other.version.is_empty() || *version == other.version)
        };
        match (cause, self.look.before) {
            (Cause::Unclear, _) if result.status != "SyncFailed" => Cause::Manifests,
            (Cause::Destination, Some(before)) if before.status.resources.iter().any(is_alike) => {
                Cause::Surroundings
            }
            // Hooks are among no resources.
            (Cause::Destination, Some(_)) if result.hook_type.is_empty() => Cause::Manifests,
            (cause, _) => cause,
        }
    }

    /// The unwell resources that don't carry these images.
    fn others(&self) -> Vec<Symptom> {
        let others = self.unwell().filter(|resource| !self.carries(resource));
        let symptoms = others.map(|resource| self.symptom_of(resource));
        symptoms.take(MAX_SYMPTOMS).collect()
    }

    /// What is unwell beside workloads of these images that are known, and all of them well: where each
    /// of it was unwell before. Empty where that is not so.
    fn beside(&self) -> Vec<Symptom> {
        let Some(before) = self.look.before else {
            return Vec::new();
        };
        let resources = self.look.application.status.resources.iter();
        let mut ours = resources
            .filter(|resource| self.carries(resource))
            .peekable();
        let known = ours.peek().is_some();
        if !known || ours.any(|resource| self.is_unwell(resource)) {
            return Vec::new();
        }
        let before = before.status.resources.iter();
        let before: HashMap<Reference, &str> = before
            .map(|resource| (resource.reference(), resource.health()))
            .collect();
        let was_so = |resource: &Resource| {
            before.get(&resource.reference()).copied() == Some(self.health(resource))
        };
        let others: Vec<&Resource> = self.unwell().collect();
        match others.iter().all(|resource| was_so(resource)) {
            true => others
                .into_iter()
                .map(|resource| self.symptom_of(resource))
                .collect(),
            false => Vec::new(),
        }
    }
}

/// Whether the application is another one than that of before.
fn changed_meanwhile(look: &Look<'_>) -> Option<Verdict> {
    let before = look.before?;
    let (uid, other) = (&look.application.metadata.uid, &before.metadata.uid);
    if !uid.is_empty() && !other.is_empty() && uid != other {
        return Some(Verdict::Elsewhere(Culprit::Recreated));
    }
    let changed = look.application.is_made_of_another_source(before);
    (changed && look.compared == Relation::Old && !look.application.sources().is_empty())
        .then_some(Verdict::Elsewhere(Culprit::SourceChanged))
}

/// An error in what Git says. It counts against the commit where it is newer than that, of a kind that
/// manifests cause, and outlives a second refresh.
fn comparison(look: &Look<'_>) -> Option<Verdict> {
    let status = &look.application.status;
    let condition = status.conditions.iter().find(|condition| {
        matches!(
            condition.kind.as_str(),
            "ComparisonError" | "InvalidSpecError"
        )
    })?;
    let Condition { kind, message } = condition;
    let symptom = Symptom::new(kind, message);
    let newer =
        matches!((status.reconciled_at, look.began), (Some(at), Some(began)) if at >= began);
    let before = look.before.is_some_and(|before| {
        let mut conditions = before.status.conditions.iter();
        conditions.any(|other| other.message == *message)
    });
    let ours = kind == "ComparisonError"
        && cause(message) == Cause::Manifests
        && newer
        && !before
        && look.refreshes >= REFRESHES;
    Some(match ours {
        true => Verdict::Broken(Evidence {
            fault: Fault::Manifests,
            symptoms: vec![symptom],
            lasted: None,
        }),
        false => Verdict::Unknown(Wait::Comparison(symptom)),
    })
}

/// Whether the same failed before this commit.
fn failed_alike_before(operation: &Operation, before: Option<&Application>) -> bool {
    let Some(other) = before.and_then(|before| before.status.operation_state.as_ref()) else {
        return false;
    };
    let (now, then) = (failed_results(operation), failed_results(other));
    let is_alike = match (&now[..], &then[..]) {
        ([], []) => !operation.message.is_empty() && operation.message == other.message,
        ([], _) => false,
        (now, then) => {
            let mut now = now.iter();
            now.all(|now| then.iter().any(|then| now.is_alike(then)))
        }
    };
    matches!(other.phase.as_str(), "Failed" | "Error") && is_alike
}

fn failed_results(operation: &Operation) -> Vec<&ResourceResult> {
    let results = operation.sync_result.iter();
    let results = results.flat_map(|result| &result.resources);
    results.filter(|result| result.failed()).collect()
}

/// What an operation's resources say of its failure; its own message where none does.
fn symptoms_of(operation: &Operation) -> Vec<Symptom> {
    let results = failed_results(operation);
    let told = results
        .into_iter()
        .map(|result| Symptom::new(result.reference.title(), &result.message));
    let symptoms: Vec<Symptom> = told.take(MAX_SYMPTOMS).collect();
    match symptoms.is_empty() {
        true => said_by("The sync", &operation.message),
        false => symptoms,
    }
}

fn said_by(title: &str, message: &str) -> Vec<Symptom> {
    match message {
        "" => Vec::new(),
        message => vec![Symptom::new(title, message)],
    }
}

/// The operation of an older commit, which keeps this one's from starting (argo-cd#11494).
fn blocked(look: &Look<'_>) -> Option<Wait> {
    let operation = look.application.status.operation_state.as_ref()?;
    let revision = operation.revision()?;
    let older = look.applied == Some(Relation::Old) && operation.retry_count > 0;
    older.then(|| Wait::Blocked(revision.to_owned()))
}

/// Before the commit is seen: how far the source hydrator is with it, where there is one.
fn hydration(look: &Look<'_>) -> Verdict {
    let operation = look
        .application
        .status
        .source_hydrator
        .current_operation
        .as_ref();
    match (operation, look.hydrating) {
        (Some(operation), Some(Relation::Exact | Relation::Newer)) => {
            let symptoms = said_by("The hydrator", &operation.message);
            match (operation.phase.as_str(), cause(&operation.message)) {
                ("Failed", Cause::Surroundings) => {
                    Verdict::Unknown(Wait::Failed(Culprit::Surroundings(symptoms)))
                }
                ("Failed", _) if look.hydrating == Some(Relation::Newer) => {
                    Verdict::Unknown(Wait::Failed(Culprit::LaterCommit(symptoms)))
                }
                ("Failed", Cause::Manifests) => Verdict::Broken(Evidence {
                    fault: Fault::Hydration,
                    symptoms,
                    lasted: None,
                }),
                ("Failed", _) => {
                    Verdict::Unknown(Wait::Failed(Culprit::Unproven(Doubt::Words, symptoms)))
                }
                _ => Verdict::Unknown(Wait::Hydrating),
            }
        }
        _ => Verdict::Unknown(Wait::Unseen),
    }
}

/// When the operation of the commit, or of one on top of it, began.
fn started(look: &Look<'_>) -> Option<DateTime<Utc>> {
    look.applied.filter(|applied| *applied != Relation::Old)?;
    let operation = look.application.status.operation_state.as_ref()?;
    operation.started_at
}

/// Whether the health is another one since then, by Argo CD's own clock.
fn turned(look: &Look<'_>) -> bool {
    let since = look.application.status.health.last_transition_time;
    matches!((started(look), since), (Some(started), Some(since)) if since >= started)
}

/// What is out of sync, where all of it only is to be pruned.
fn to_prune(look: &Look<'_>) -> Vec<String> {
    let all: Vec<&Resource> = diagnosis::out_of_sync(look.application).collect();
    match all.iter().all(|resource| resource.requires_pruning) {
        true => all.into_iter().map(Resource::title).collect(),
        false => Vec::new(),
    }
}

fn says(said: &str, words: &[&str]) -> bool {
    words.iter().any(|words| said.contains(words))
}

/// Whether the words of a degraded workload are of what no image can cause: it was aborted by no measurement, or can't be
/// what it is to be for want of something else.
fn is_without_proof(said: &str) -> bool {
    if said.contains(MEASURED) || says(said, &GAVE_UP) {
        return false;
    }
    says(said, &ABORTED) || cause(said) == Cause::Surroundings
}

/// Whether that is the health of something that is not well; of what has none, nothing is known.
fn is_unwell(health: &str) -> bool {
    !matches!(health, "" | "Healthy")
}

/// The resources that are degraded; where nothing is said of one, the whole tells.
fn degraded_in(application: &Application) -> HashSet<Reference> {
    let Application { status, .. } = application;
    let is_degraded = |resource: &&Resource| match resource.health() {
        "" => status.health.status == "Degraded",
        health => health == "Degraded",
    };
    let resources = status.resources.iter().filter(is_degraded);
    resources.map(Resource::reference).collect()
}

/// The resources, of several that carry the images in Git, that have no Pods that last: what they are in the cluster tells
/// of them.
pub fn without_pods(look: &Look<'_>, goal: &Goal) -> Vec<Resource> {
    let scene = Scene::of(look, goal);
    let resources = look.application.status.resources.iter();
    let ours = resources.filter(|resource| scene.is_without_pods(&resource.reference()));
    ours.cloned().collect()
}

/// The names of what Pods of these images miss, such as of a Secret.
pub fn missing(look: &Look<'_>, goal: &Goal) -> HashSet<String> {
    let scene = Scene::of(look, goal);
    let pods = scene.pods.iter();
    let unwell = pods.flat_map(|pods| pods.unwell(&scene.wanted));
    let names = unwell.filter_map(|pod| match pod.node.lacks()? {
        Lack::Named(name) => Some(name),
        Lack::Start => None,
    });
    names.collect()
}

/// Whether any resource of an application is known to carry the images that are to run.
pub fn carries_any(look: &Look<'_>, goal: &Goal) -> bool {
    let scene = Scene::of(look, goal);
    let mut resources = look.application.status.resources.iter();
    resources.any(|resource| scene.carries(resource))
}

/// Whether the health came after the operation and is what it is for some seconds, by Argo CD's own
/// clock.
fn is_settled(look: &Look<'_>) -> bool {
    let status = &look.application.status;
    let finished = status
        .operation_state
        .as_ref()
        .and_then(|operation| operation.finished_at);
    match (look.now, status.health.last_transition_time, finished) {
        (Some(now), Some(since), Some(finished)) => since >= finished && now - since >= SETTLED,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
