//! One application that is waited for.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::explain::{self, Ended};
use super::report::{ApplicationReport, Phases, ResourceReport};
use super::seen::{HeldBack, Seen, Watching};
use super::target::{Deployed, GitImage, images_in};
use crate::argocd::client::ArgocdError;
use crate::argocd::diagnosis::{self, Mistracking};
use crate::argocd::{
    Application, ApplicationName, Done, Judge, Look, Node, Relation, Verdict, Wait,
};
use crate::deadline::Deadline;
use crate::files::RepoPath;
use crate::manifest::{HeldImage, Place};
use crate::operation::Progress;
use crate::repository::CommitId;

/// How long Argo CD may be out of reach from the start: nothing that a deployment does makes it so.
const UNREACHABLE: Duration = Duration::from_secs(30);
/// How long one answer may take. A refresh waits for the controller.
const PATIENCE: Duration = Duration::from_secs(15);
const REFRESH_PATIENCE: Duration = Duration::from_secs(60);
/// How long after a refresh the next one is asked for, while the commit is not seen; and while the
/// health is old.
const REFRESH_EVERY: Duration = Duration::from_secs(30);
const REFRESH_STALE: Duration = Duration::from_secs(5);
/// How often an application that is not well is asked for its Pods.
const PODS_EVERY: Duration = Duration::from_secs(10);
/// How long nothing may apply what was seen before it is asked why.
const IDLE: Duration = Duration::from_secs(5);
/// The most lines about resources after one look: a first sync of a large application changes all.
const MAX_LINES: usize = 12;

/// One application, look after look.
pub(super) struct Watch<'a> {
    pub(super) seen: Seen<'a>,
    started: Instant,
    judge: Judge,
    phases: Phases,
    done: Option<Done>,
    relations: HashMap<String, Relation>,
    superseding: HashMap<String, Vec<(String, Option<String>)>>,
    refresh: Refresh,
    asked_for_pods: Option<Instant>,
    idle_since: Option<Instant>,
    shown: Shown,
}

/// What the last look showed.
pub(super) struct Looked {
    /// Something is different.
    pub(super) changed: bool,
    /// The next look should come soon.
    pub(super) confirm: bool,
}

/// Asks Argo CD to look into Git, at its side of the loop: that may take as long as making all
/// manifests does.
#[derive(Default)]
struct Refresh {
    running: Option<JoinHandle<()>>,
    finished: Option<Instant>,
}

/// What the log says already.
#[derive(Default)]
struct Shown {
    state: String,
    resources: BTreeMap<String, String>,
}

impl<'a> Watch<'a> {
    pub(super) fn new(name: &'a ApplicationName, watching: Watching<'a>) -> Self {
        let Deployed { base, .. } = watching.deployed;
        let known = base.iter().map(|base| (base.to_string(), Relation::Old));
        Self {
            seen: Seen {
                name,
                watching,
                application: None,
                waiting: None,
                trouble: None,
                held_back: None,
                unwell: Vec::new(),
            },
            started: Instant::now(),
            judge: Judge::default(),
            phases: Phases::default(),
            done: None,
            relations: known.collect(),
            superseding: HashMap::new(),
            refresh: Refresh::default(),
            asked_for_pods: None,
            idle_since: None,
            shown: Shown::default(),
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.done.is_some()
    }

    /// Asks once, and judges what is answered.
    pub(super) async fn look(
        &mut self,
        deadline: &Deadline,
        log: &mut impl Progress,
    ) -> Result<Looked, Ended> {
        self.keep_refreshing();
        let patience = self.patience();
        let client = self.seen.watching.client;
        let answer = tokio::select! {
            answer = client.application(self.seen.name, false, patience) => answer,
            () = deadline.cancelled() => return Ok(Looked { changed: false, confirm: false }),
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return self.refused(error, log),
        };
        if self.seen.trouble.take().is_some() {
            log.info(&format!("{}: Argo CD answers again", self.seen.name));
        }
        let changed = self.show(&answer.content, log);
        let verdict = self.verdict(&answer.content, answer.date, log).await?;
        self.seen.application = Some(answer.content);
        let confirm = verdict == Verdict::Confirm;
        match verdict {
            Verdict::Confirm => {}
            Verdict::Done(done) => {
                self.done = Some(done);
                if done != Done::Synced {
                    self.phases.healthy = Some(self.started.elapsed());
                }
            }
            Verdict::Failed(problem) => {
                self.ask_for_pods(true, log).await;
                return Err(explain::failed(&self.seen, &problem));
            }
            Verdict::Wait(wait) => self.note(wait, log).await,
        }
        Ok(Looked { changed, confirm })
    }

    /// How long one answer may take: no longer than there is time.
    fn patience(&self) -> Duration {
        let remaining = self.seen.watching.session.deadline.remaining();
        PATIENCE.min(remaining).max(Duration::from_secs(1))
    }

    /// What the application's state means.
    async fn verdict(
        &mut self,
        application: &Application,
        now: Option<DateTime<Utc>>,
        log: &mut impl Progress,
    ) -> Result<Verdict, Ended> {
        let Deployed {
            location, branch, ..
        } = self.seen.watching.deployed;
        let url = location.url().to_string();
        let tracked = followed(application, &url, branch.as_str());
        let compared = self.relation(&tracked, log).await;
        if compared == Relation::Old {
            match diagnosis::mistracking(application, &url, branch.as_str()) {
                Some(other @ Mistracking::Repository(_)) => {
                    return Err(explain::mistracked(&self.seen, &other));
                }
                // A tag may move to the commit, and the refresh would show that.
                Some(other @ Mistracking::Revision(_)) if self.refresh.finished.is_some() => {
                    return Err(explain::mistracked(&self.seen, &other));
                }
                Some(Mistracking::Revision(_)) | None => {}
            }
        }
        if compared == Relation::Newer {
            for revision in tracked.iter().filter(|revision| !revision.is_empty()) {
                self.still_deployed(revision, log).await?;
            }
        }
        let applied: Vec<String> = application
            .applied(&url)
            .into_iter()
            .map(str::to_owned)
            .collect();
        let applied = match applied.is_empty() {
            true => None,
            false => Some(self.relation(&applied, log).await),
        };
        let hydrating = match application.hydrating(&url).map(str::to_owned) {
            Some(revision) => Some(self.relation(&[revision], log).await),
            None => None,
        };
        let elapsed = self.started.elapsed();
        if compared != Relation::Old {
            self.phases.seen.get_or_insert(elapsed);
            if application.status.sync.status == "Synced" && !application.is_syncing() {
                self.phases.synced.get_or_insert(elapsed);
            }
        }
        let look = Look {
            application,
            compared,
            applied,
            hydrating,
            now,
            elapsed,
        };
        Ok(self.judge.judge(&look, self.seen.watching.goal))
    }

    /// What `revisions` are to the commit: all of them must have it.
    async fn relation(&mut self, revisions: &[String], log: &mut impl Progress) -> Relation {
        let mut all = None;
        for revision in revisions {
            let own = self.relation_of(revision, log).await;
            all = Some(match (all, own) {
                (_, Relation::Old) | (Some(Relation::Old), _) => Relation::Old,
                (Some(Relation::Newer), _) | (_, Relation::Newer) => Relation::Newer,
                (None | Some(Relation::Exact), Relation::Exact) => Relation::Exact,
            });
        }
        all.unwrap_or(Relation::Old)
    }

    async fn relation_of(&mut self, revision: &str, log: &mut impl Progress) -> Relation {
        let own = &self.seen.watching.deployed.commit;
        if revision == own.as_str() {
            return Relation::Exact;
        }
        if let Some(known) = self.relations.get(revision) {
            return *known;
        }
        let Some(other) = CommitId::parse(revision) else {
            return Relation::Old;
        };
        match self
            .seen
            .watching
            .session
            .repository
            .is_ancestor(own, &other)
            .await
        {
            Ok(newer) => {
                let relation = if newer {
                    Relation::Newer
                } else {
                    Relation::Old
                };
                self.relations.insert(revision.to_owned(), relation);
                relation
            }
            // Asked again with the next look.
            Err(error) => {
                let short = other.short();
                log.info(&format!(
                    "{}: whether {short} comes after {} is not known yet: {error}",
                    self.seen.name,
                    own.short()
                ));
                Relation::Old
            }
        }
    }

    /// Stops where the files have other images at a newer revision: then this deployment never runs.
    async fn still_deployed(
        &mut self,
        revision: &str,
        log: &mut impl Progress,
    ) -> Result<(), Ended> {
        let Deployed {
            files,
            images,
            commit,
            ..
        } = self.seen.watching.deployed;
        let (Some(files), Some(newer)) = (files, CommitId::parse(revision)) else {
            return Ok(());
        };
        if newer == *commit {
            return Ok(());
        }
        if !self.superseding.contains_key(revision) {
            let read = self
                .seen
                .watching
                .session
                .repository
                .files_at(&newer, files)
                .await;
            let contents = match read {
                Ok(contents) => contents,
                Err(error) => {
                    log.info(&format!(
                        "{}: the files at {} can't be read yet: {error}",
                        self.seen.name,
                        newer.short()
                    ));
                    return Ok(());
                }
            };
            let now = images_in(&contents);
            self.superseding
                .insert(revision.to_owned(), other_images(images, &now));
        }
        match self.superseding.get(revision).map(Vec::as_slice) {
            None | Some([]) => Ok(()),
            Some(others) => Err(explain::superseded(&self.seen, &newer, others)),
        }
    }

    /// What follows from a state that has to be waited through.
    async fn note(&mut self, wait: Wait, log: &mut impl Progress) {
        let stale = wait == Wait::StaleHealth;
        if (stale || wait == Wait::Unseen) && self.refresh.is_due(stale) {
            self.start_refresh();
        }
        if wait == Wait::OutOfSync {
            let idle = *self.idle_since.get_or_insert_with(Instant::now);
            self.find_what_holds_back(idle, log).await;
        } else {
            self.idle_since = None;
        }
        if matches!(wait, Wait::Health(_) | Wait::OldImages(_)) {
            self.ask_for_pods(false, log).await;
        }
        if self.seen.waiting.as_ref() != Some(&wait) {
            log.info(&format!(
                "{}: {}",
                self.seen.name,
                explain::waiting(&wait, &self.seen.watching.deployed.commit)
            ));
            self.seen.waiting = Some(wait);
        }
    }

    /// Why nothing applies what was seen; said once.
    async fn find_what_holds_back(&mut self, idle: Instant, log: &mut impl Progress) {
        let Some(application) = &self.seen.application else {
            return;
        };
        if self.seen.held_back.is_some() {
            return;
        }
        if !application.syncs_by_itself() {
            self.seen.held_back = Some(HeldBack::ByHand);
            log.warning(&format!(
                "{}: auto-sync is off, so that somebody must sync the application. Waiting for that",
                self.seen.name
            ));
        } else if idle.elapsed() >= IDLE {
            let asked = self
                .seen
                .watching
                .client
                .sync_windows(self.seen.name, self.patience())
                .await;
            let closed = asked.is_ok_and(|windows| windows.can_sync == Some(false));
            self.seen.held_back = Some(if closed {
                HeldBack::Window
            } else {
                HeldBack::Unknown
            });
            if closed {
                log.warning(&format!(
                    "{}: a sync window of its project is closed. Waiting for it to open",
                    self.seen.name
                ));
            }
        }
    }

    /// Asks for the Pods that are not well, now and then.
    async fn ask_for_pods(&mut self, now: bool, log: &mut impl Progress) {
        // A rollout's Pods need a moment.
        let since = *self.asked_for_pods.get_or_insert_with(Instant::now);
        if !now && since.elapsed() < PODS_EVERY {
            return;
        }
        self.asked_for_pods = Some(Instant::now());
        // It is for messages only.
        let Ok(tree) = self
            .seen
            .watching
            .client
            .resource_tree(self.seen.name, self.patience())
            .await
        else {
            return;
        };
        let unwell: Vec<(String, String)> = tree.nodes.iter().filter_map(unwell).collect();
        for (name, message) in unwell.iter().take(MAX_LINES) {
            if !self.seen.unwell.iter().any(|(_, known)| known == message) {
                log.info(&format!("{}: {name}: {message}", self.seen.name));
            }
        }
        self.seen.unwell = unwell;
    }

    /// Writes what is different from the look before. Returns whether anything is.
    fn show(&mut self, application: &Application, log: &mut impl Progress) -> bool {
        let status = &application.status;
        let revision = self.revision(application);
        let short = revision.get(..7).unwrap_or(&revision);
        let phase = status
            .operation_state
            .as_ref()
            .map_or("", |operation| operation.phase.as_str());
        let operation = match (application.is_syncing(), phase) {
            (true, _) => ", syncing",
            (false, "Failed" | "Error") => ", sync failed",
            (false, _) => "",
        };
        let state = format!(
            "{}, {} at {short}{operation}",
            or_unknown(&status.sync.status),
            or_unknown(&status.health.status)
        );
        let mut changed = false;
        if state != self.shown.state {
            let arrow = match self.shown.state.as_str() {
                "" => state.clone(),
                before => format!("{before} → {state}"),
            };
            log.info(&format!("{}: {arrow}", self.seen.name));
            changed = true;
        }
        let first = self.shown.state.is_empty();
        self.shown.state = state;
        let mut lines = Vec::new();
        let mut resources = BTreeMap::new();
        for resource in &status.resources {
            let health = resource
                .health
                .as_ref()
                .map_or("", |health| health.status.as_str());
            let comma = if health.is_empty() { "" } else { ", " };
            let now = format!("{}{comma}{health}", resource.status);
            let title = resource.title();
            match self.shown.resources.get(&title) {
                Some(before) if *before != now => lines.push(format!("{title}: {before} → {now}")),
                None if !first => lines.push(format!("{title}: new, {now}")),
                Some(_) | None => {}
            }
            resources.insert(title, now);
        }
        self.shown.resources = resources;
        changed |= !lines.is_empty();
        for line in lines.iter().take(MAX_LINES) {
            log.info(&format!("{}: {line}", self.seen.name));
        }
        if let Some(more @ 1..) = lines.len().checked_sub(MAX_LINES) {
            log.info(&format!("{}: and {more} resources more", self.seen.name));
        }
        changed
    }

    /// A look that was not answered as it should be.
    fn refused(&mut self, error: ArgocdError, log: &mut impl Progress) -> Result<Looked, Ended> {
        let waits = match &error {
            ArgocdError::Unavailable(_) => true,
            ArgocdError::Unreachable(_) => {
                self.seen.application.is_some() || self.started.elapsed() < UNREACHABLE
            }
            ArgocdError::Unauthorized(_)
            | ArgocdError::Forbidden(_)
            | ArgocdError::NotFound(_)
            | ArgocdError::NotArgocd(_)
            | ArgocdError::Redirected(_)
            | ArgocdError::Certificate(_) => false,
        };
        if !waits {
            return Err(explain::refused(&self.seen, &error));
        }
        let changed = self.seen.trouble.as_ref() != Some(&error);
        if changed {
            log.info(&format!("{}: {error}. Asking again", self.seen.name));
        }
        self.seen.trouble = Some(error);
        Ok(Looked {
            changed: false,
            confirm: false,
        })
    }

    /// The failure of an application that was not done when the time was over.
    pub(super) async fn late(&mut self, total: Duration) -> Ended {
        if let Ok(tree) = self
            .seen
            .watching
            .client
            .resource_tree(self.seen.name, Duration::from_secs(5))
            .await
        {
            self.seen.unwell = tree.nodes.iter().filter_map(unwell).collect();
        }
        explain::late(&self.seen, total)
    }

    fn keep_refreshing(&mut self) {
        if self
            .refresh
            .running
            .as_ref()
            .is_some_and(JoinHandle::is_finished)
        {
            self.refresh.running = None;
            self.refresh.finished = Some(Instant::now());
        }
        if self.refresh.running.is_none() && self.refresh.finished.is_none() {
            self.start_refresh();
        }
    }

    fn start_refresh(&mut self) {
        let client = self.seen.watching.client.clone();
        let refreshed = Arc::clone(self.seen.watching.refreshed);
        let name = self.seen.name.clone();
        self.refresh.running = Some(tokio::spawn(async move {
            // What it answers, the next look sees as well; what it is refused with, too.
            let _ = client.application(&name, true, REFRESH_PATIENCE).await;
            refreshed.notify_one();
        }));
    }

    /// The revision of our repository that was compared last.
    fn revision(&self, application: &Application) -> String {
        let Deployed {
            location, branch, ..
        } = self.seen.watching.deployed;
        let tracked = followed(application, location.url().as_str(), branch.as_str());
        tracked
            .into_iter()
            .next()
            .unwrap_or_else(|| application.status.sync.revision.clone())
    }

    pub(super) fn report(self) -> ApplicationReport {
        let application = self.seen.application.clone().unwrap_or_default();
        let revision = match &self.seen.application {
            Some(application) => self.revision(application),
            None => String::new(),
        };
        let resources = application.status.resources.iter().map(|resource| {
            let health = resource.health.clone().unwrap_or_default();
            ResourceReport {
                title: resource.title(),
                sync: resource.status.clone(),
                health: health.status,
                message: health.message,
            }
        });
        ApplicationReport {
            name: self.seen.name.clone(),
            page: self.seen.watching.argocd.server.page(self.seen.name),
            resources: resources.collect(),
            sync: application.status.sync.status,
            health: application.status.health,
            revision,
            running: application.status.summary.images,
            phases: self.phases,
            done: self.done,
        }
    }
}

impl Refresh {
    fn is_due(&self, stale: bool) -> bool {
        let every = if stale { REFRESH_STALE } else { REFRESH_EVERY };
        self.running.is_none()
            && self
                .finished
                .is_none_or(|finished| finished.elapsed() >= every)
    }
}

/// The revisions of the sources that follow our branch; of all that are our repository, where none
/// does.
fn followed(application: &Application, url: &str, branch: &str) -> Vec<String> {
    let tracked = application.tracked(url);
    let any = tracked.iter().any(|(source, _)| source.follows(branch));
    let tracked = tracked
        .iter()
        .filter(|(source, _)| !any || source.follows(branch));
    tracked
        .map(|(_, revision)| (*revision).to_owned())
        .collect()
}

/// The images of `wanted` that their places do not hold any more, each with what they hold now.
fn other_images(wanted: &[GitImage], now: &[HeldImage]) -> Vec<(String, Option<String>)> {
    let mut at: HashMap<(&RepoPath, &Place), BTreeSet<&str>> = HashMap::new();
    for held in now {
        let images = at.entry((&held.file, &held.place)).or_default();
        images.insert(&held.image);
    }
    let other = |held: &HeldImage| match at.get(&(&held.file, &held.place)) {
        // Items without names share a place: one of them is enough.
        Some(images) if images.contains(held.image.as_str()) => None,
        others => {
            let first = others.and_then(BTreeSet::first);
            Some((held.image.clone(), first.map(|image| (*image).to_owned())))
        }
    };
    wanted
        .iter()
        .filter_map(GitImage::held)
        .filter_map(other)
        .collect()
}

/// A Pod that is not well, with what it says.
fn unwell(node: &Node) -> Option<(String, String)> {
    let health = node.health.as_ref()?;
    let bad = node.kind == "Pod" && !matches!(health.status.as_str(), "Healthy" | "Suspended");
    let message = crate::http::text::one_line(&health.message);
    (bad && !message.is_empty()).then(|| (format!("Pod/{}", node.name), message))
}

fn or_unknown(status: &str) -> &str {
    if status.is_empty() { "Unknown" } else { status }
}
