//! What runs of an application in the cluster: its Pods, and the images of its objects.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use tokio::time::Instant;

use super::seen::{MAX_LINES, Seen, Watching};
use crate::argocd::{Node, Reference, Resource, ResourceTree};
use crate::image::ImageReference;
use crate::operation::Progress;

/// How often an application that is not well is asked for its Pods.
pub(super) const PODS_EVERY: Duration = Duration::from_secs(10);
/// The most objects that are asked for one by one.
const MAX_OBJECTS: usize = 5;

/// What was seen of it.
#[derive(Default)]
pub(super) struct Live {
    /// What belongs to it, with its Pods.
    pub(super) tree: Option<ResourceTree>,
    /// The same before the commit arrived, where it was not well then.
    pub(super) before: Option<ResourceTree>,
    /// When the first of them was asked for last.
    pub(super) asked_for_pods: Option<Instant>,
    /// The images of objects.
    pub(super) images: HashMap<Reference, Vec<ImageReference>>,
    asked_for: HashMap<Reference, Instant>,
}

impl Live {
    /// Asks what images objects have in the cluster, once for each, or again after some time: `every`.
    pub(super) async fn ask_for_objects(
        &mut self,
        seen: &Seen<'_>,
        resources: &[Resource],
        every: Option<Duration>,
    ) {
        let runs_containers = |resource: &&Resource| resource.reference().runs_containers();
        for resource in resources.iter().filter(runs_containers).take(MAX_OBJECTS) {
            let reference = resource.reference();
            let asked = self.asked_for.get(&reference).map(Instant::elapsed);
            if asked.is_some_and(|asked| every.is_none_or(|every| asked < every)) {
                continue;
            }
            self.asked_for.insert(reference.clone(), Instant::now());
            let Watching { client, .. } = seen.watching;
            let asked = client.live_images(seen.name, resource, seen.watching.patience());
            // Where it is not shown, nothing is known of it.
            if let Ok(images) = asked.await {
                let images = images.iter().filter_map(|image| image.parse().ok());
                self.images.insert(reference, images.collect());
            }
        }
    }

    /// Asks for what runs before the commit arrives.
    pub(super) async fn ask_for_before(&mut self, seen: &Seen<'_>) {
        let Watching { client, .. } = seen.watching;
        let asked = client.resource_tree(seen.name, seen.watching.patience());
        self.before = asked.await.ok();
    }

    /// Asks for the Pods that are not well, now and then.
    pub(super) async fn ask_for_pods(
        &mut self,
        seen: &mut Seen<'_>,
        now: bool,
        log: &mut impl Progress,
    ) {
        let asked = self.asked_for_pods.map(|asked| asked.elapsed());
        if !now && asked.is_some_and(|asked| asked < PODS_EVERY) {
            return;
        }
        self.asked_for_pods = Some(Instant::now());
        let Watching { client, .. } = seen.watching;
        let asked = client.resource_tree(seen.name, seen.watching.patience());
        let Ok(tree) = asked.await else {
            return;
        };
        let unwell: Vec<(String, String)> = tree.pods().filter_map(unwell).collect();
        let images: BTreeSet<&String> = tree.pods().flat_map(|pod| &pod.images).collect();
        seen.running = images.into_iter().cloned().collect();
        self.tree = Some(tree);
        for (name, message) in unwell.iter().take(MAX_LINES) {
            if !seen.unwell.iter().any(|(_, known)| known == message) {
                log.info(&format!("{}: {name}: {message}", seen.name));
            }
        }
        seen.unwell = unwell;
    }
}

/// A Pod that is not well, with what it says.
fn unwell(pod: &Node) -> Option<(String, String)> {
    let said = crate::http::text::one_line(&pod.said());
    (pod.is_unwell_pod() && !said.is_empty()).then(|| (pod.title(), said))
}
