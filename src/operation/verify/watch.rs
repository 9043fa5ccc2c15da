//! One application that is waited for.

use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use super::ended::Ended;
use super::explain;
use super::live::{Live, PODS_EVERY};
use super::refresh::Refresh;
use super::report::{ApplicationReport, Phases, ResourceReport};
use super::revisions::Revisions;
use super::seen::{HeldBack, Seen, Watching};
use super::shown::Shown;
use super::target::GitImage;
use crate::argocd::client::ArgocdError;
use crate::argocd::diagnosis::{self, Mistracking};
use crate::argocd::{
    Application, ApplicationName, Culprit, Done, Doubt, Evidence, Fault, Goal, Images, Judge, Look,
    Relation, Resource, Verdict, Wait, Workload, carries_any, missing, without_pods,
};
use crate::deadline::Deadline;
use crate::files::FileSelection;
use crate::nearest::first_few;
use crate::oidc::Refusal;
use crate::operation::Progress;
use crate::repository::CommitId;

/// How long Argo CD may be out of reach from the start: nothing that a deployment does makes it so.
const UNREACHABLE: Duration = Duration::from_secs(30);
/// How long what the Pods run is believed when the same is looked at again.
const PODS_KEEP: Duration = Duration::from_secs(5);
/// How long an application that was seen may be refused: Argo CD answers errors of Kubernetes so, and
/// what is in front of it while it is reloaded.
const BLIP: Duration = Duration::from_secs(60);
/// How many files are named.
const NAMED: usize = 3;
/// How long nothing may apply what was seen before it is asked why.
const IDLE: Duration = Duration::from_secs(5);

/// One application, look after look.
pub(super) struct Watch<'a> {
    pub(super) seen: Seen<'a>,
    started: Instant,
    judge: Judge,
    phases: Phases,
    done: Option<Done>,
    /// How it was before the commit arrived, which the first look sees but for the fastest Argo CD.
    before: Option<Application>,
    /// The server's clock at the first answer.
    began: Option<DateTime<Utc>>,
    /// What revisions are to the commit, as the last look had them.
    standing: Option<Standing>,
    revisions: Revisions<'a>,
    refresh: Refresh,
    live: Live,
    confirming: bool,
    refused_since: Option<Instant>,
    idle_since: Option<Instant>,
    shown: Shown,
}

/// What the revisions that an application names are to the commit.
#[derive(Clone, Copy)]
struct Standing {
    compared: Relation,
    applied: Option<Relation>,
    hydrating: Option<Relation>,
    now: Option<DateTime<Utc>>,
}

/// What the last look showed.
pub(super) struct Looked {
    /// Something is different.
    pub(super) changed: bool,
    /// The next look should come soon.
    pub(super) confirm: bool,
}

impl<'a> Watch<'a> {
    pub(super) fn new(name: &'a ApplicationName, watching: Watching<'a>) -> Self {
        Self {
            seen: Seen {
                name,
                watching,
                application: None,
                waiting: None,
                trouble: None,
                held_back: None,
                unwell: Vec::new(),
                running: Vec::new(),
            },
            started: Instant::now(),
            judge: Judge::default(),
            phases: Phases::default(),
            done: None,
            before: None,
            began: None,
            standing: None,
            revisions: Revisions::new(name, watching),
            refresh: Refresh::default(),
            live: Live::default(),
            confirming: false,
            refused_since: None,
            idle_since: None,
            shown: Shown::default(),
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.done.is_some()
    }

    /// Asks once, and judges what is answered.
    pub(super) async fn ask(
        &mut self,
        deadline: &Deadline,
        log: &mut impl Progress,
    ) -> Result<Looked, Ended> {
        let patience = self.seen.watching.patience();
        let client = self.seen.watching.client;
        let asked = client.application(self.seen.name, false, patience);
        let answer = tokio::select! {
            answer = asked => answer,
            () = deadline.cancelled() => return Ok(Looked { changed: false, confirm: false }),
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return self.refused(error, log),
        };
        // Only now, as the first look is at how it was before the commit arrived, and nobody is asked more than once
        // for what is refused.
        self.refresh.keep(&self.seen);
        if self.seen.trouble.take().is_some() {
            log.info(&format!("{}: Argo CD answers again", self.seen.name));
        }
        self.refused_since = None;
        let (name, revision) = (self.seen.name, self.revisions.revision(&answer.content));
        let changed = self.shown.show(name, &answer.content, &revision, log);
        let verdict = match self.verdict(&answer.content, answer.date, log).await {
            Ok(verdict) => verdict,
            Err(ended) => {
                self.seen.application = Some(answer.content);
                return Err(ended);
            }
        };
        self.confirming = verdict == Verdict::Confirm;
        let looked = Looked {
            changed,
            confirm: self.confirming,
        };
        match verdict {
            Verdict::Confirm => {}
            Verdict::Done(done) => {
                if let Some(other) = self.made_of_other_files(&answer.content) {
                    self.seen.application = Some(answer.content);
                    return Err(explain::mistracked(&self.seen, &other));
                }
                if done != Done::Synced {
                    self.phases.healthy = Some(self.started.elapsed());
                    self.warn_of_others(&done, &answer.content, log);
                }
                self.done = Some(done);
            }
            Verdict::Broken(evidence) => {
                self.seen.application = Some(answer.content);
                return Err(explain::broken(&self.seen, &evidence));
            }
            Verdict::Elsewhere(culprit) => {
                self.seen.application = Some(answer.content);
                return Err(explain::elsewhere(&self.seen, &culprit));
            }
            Verdict::Unknown(wait) => {
                self.seen.application = Some(answer.content);
                self.note(wait, log).await;
                return Ok(looked);
            }
        }
        self.seen.application = Some(answer.content);
        Ok(looked)
    }

    /// Whether the application can't be made of what was changed. A link in its folder, or a Jsonnet file's import,
    /// may lead out of it: then its images are others since the commit.
    fn made_of_other_files(&self, application: &Application) -> Option<Mistracking> {
        let paths = &self.seen.watching.deployed.paths;
        let other = diagnosis::other_files(application, &self.revisions.url(), paths);
        other.filter(|_| !self.runs_since(application))
    }

    /// What a deployment that is well leaves open.
    fn warn_of_others(&self, done: &Done, application: &Application, log: &mut impl Progress) {
        let name = self.seen.name;
        if let Done::Beside(others) = done {
            log.warning(&format!(
                "{name}: the deployment is well; unwell before it, and still: {}",
                explain::listed(others)
            ));
        }
        let children: Vec<String> = application.children().map(Resource::title).collect();
        let goal = self.goal(application);
        let look = self.look(application);
        if look.is_some_and(|look| carries_any(&look, &goal)) {
            return;
        }
        if !children.is_empty() {
            log.warning(&format!(
                "{name} is the parent of an app of apps: that it is healthy says nothing of {}. Name those in `argocd-application`",
                children.join(", ")
            ));
            return;
        }
        // It may still be made of them, by a base or values elsewhere, and have no Pods of the image.
        let paths = &self.seen.watching.deployed.paths;
        let other = diagnosis::other_path(application, &self.revisions.url(), paths);
        if let (Done::WithoutPods(images), Some(path)) = (done, other) {
            log.warning(&format!(
                "{name} may be another one's application: nothing of it is known to run {}, and {} is not below its path `{path}`. That it is healthy says nothing of this deployment then. Check `argocd-application`",
                images.join(", "),
                first_few(paths, NAMED)
            ));
        }
    }

    /// What the application's state means.
    async fn verdict(
        &mut self,
        application: &Application,
        now: Option<DateTime<Utc>>,
        log: &mut impl Progress,
    ) -> Result<Verdict, Ended> {
        self.began = self.began.or(now);
        self.revisions.find_alias(application, log).await;
        let runs_since = self.runs_since(application);
        self.revisions.find_hydrated(application, runs_since).await;
        let url = self.revisions.url();
        let branch = &self.seen.watching.deployed.branch;
        let tracked = self.revisions.followed(application);
        let compared = self.revisions.relation(&tracked, log).await;
        if compared == Relation::Old && !application.metadata.deletion_timestamp {
            match diagnosis::mistracking(application, &url, branch.as_str()) {
                // One that was ours a moment ago is told as what it is.
                Some(_)
                    if self
                        .before
                        .as_ref()
                        .is_some_and(|before| application.is_made_of_another_source(before)) => {}
                Some(other @ Mistracking::Repository(_)) => {
                    return Err(explain::mistracked(&self.seen, &other));
                }
                // A tag may move to the commit, and the refresh would show that.
                Some(other @ Mistracking::Revision(_)) if self.refresh.finished.is_some() => {
                    return Err(explain::mistracked(&self.seen, &other));
                }
                Some(Mistracking::Revision(_) | Mistracking::Path(_)) | None => {}
            }
            if self.before.is_none() {
                self.before = Some(application.clone());
                if application.status.health.status != "Healthy" {
                    self.live.ask_for_before(&self.seen).await;
                }
            }
        }
        if compared == Relation::Newer {
            let is_there = self.is_there(application);
            for revision in tracked.iter().filter(|revision| !revision.is_empty()) {
                // Then this deployment never runs.
                let superseding = self.revisions.superseding(revision, is_there, log).await;
                if let Some((newer, others)) = superseding {
                    return Err(explain::superseded(&self.seen, &newer, others));
                }
            }
        }
        let applied: Vec<String> = application
            .applied(&url)
            .into_iter()
            .map(str::to_owned)
            .collect();
        let applied = match applied.is_empty() {
            true => None,
            false => Some(self.revisions.relation(&applied, log).await),
        };
        let hydrating = match application.hydrating(&url).map(str::to_owned) {
            Some(revision) => Some(self.revisions.relation(&[revision], log).await),
            None => None,
        };
        let elapsed = self.started.elapsed();
        if compared != Relation::Old {
            self.phases.seen.get_or_insert(elapsed);
            if application.status.sync.status == "Synced" && !application.is_syncing() {
                self.phases.synced.get_or_insert(elapsed);
            }
        }
        self.standing = Some(Standing {
            compared,
            applied,
            hydrating,
            now,
        });
        self.look_around(application, compared, log).await;
        let goal = self.goal(application);
        self.find_introduced(application, &goal).await;
        // Of all, the judge alone is changed.
        let mut judge = std::mem::take(&mut self.judge);
        let verdict = match self.look(application) {
            Some(look) => judge.judge(&look, &goal),
            None => Verdict::Unknown(Wait::Unseen),
        };
        self.judge = judge;
        Ok(match verdict {
            Verdict::Broken(evidence) => self.proven(application, evidence, log).await,
            other => other,
        })
    }

    /// Whether what Pods miss came into Git with the commit.
    async fn find_introduced(&mut self, application: &Application, goal: &Goal) {
        let look = self.look(application);
        let names = look.map(|look| missing(&look, goal)).unwrap_or_default();
        self.revisions.find_introduced(names).await;
    }

    /// The application with all that is known around it.
    fn look<'l>(&'l self, application: &'l Application) -> Option<Look<'l>> {
        let Standing {
            compared,
            applied,
            hydrating,
            now,
        } = self.standing?;
        Some(Look {
            application,
            before: self.before.as_ref(),
            before_tree: self.live.before.as_ref(),
            compared,
            applied,
            hydrating,
            tree: self.live.tree.as_ref(),
            live: &self.live.images,
            introduced: &self.revisions.introduced,
            refreshes: self.refresh.count,
            began: self.began,
            now,
            elapsed: self.started.elapsed(),
        })
    }

    /// What is to become of this application: of several, each is held to the files it is made of.
    fn goal(&self, application: &Application) -> Goal {
        let Watching {
            deployed, argocd, ..
        } = self.seen.watching;
        let url = self.revisions.url();
        let sources = application.sources();
        let ours: Vec<_> = sources
            .into_iter()
            .filter(|source| source.is_git_of(&url))
            .collect();
        let below = |image: &&GitImage| {
            let held = image.held();
            held.is_none_or(|held| {
                let file = held.file.to_string();
                ours.iter().any(|source| source.has_below_it(&file))
            })
        };
        let own: Vec<&GitImage> = deployed.images.iter().filter(below).collect();
        // What it is made of may be elsewhere, such as a base.
        let images = match own.is_empty() {
            true => deployed.images.iter().collect(),
            false => own,
        };
        let touched = deployed.touched.iter().cloned();
        let mut goal = Goal {
            images: Vec::new(),
            workloads: Vec::new(),
            touched: (!deployed.touched.is_empty()).then(|| touched.collect()),
            wait_for: argocd.wait_for,
            allow_suspended: argocd.allow_suspended,
        };
        let are_all_held = images.iter().all(|image| image.held().is_some());
        for image in images {
            goal.images.extend(image.image().parse().ok());
            let workload = image.held().map(|held| Workload {
                title: held.resource.clone(),
                namespace: held.place.namespace_of(&held.resource).map(str::to_owned),
                container: held.container.clone().filter(|_| are_all_held),
            });
            goal.workloads.extend(workload);
        }
        // Thousands of places may have the same one.
        let (mut images, mut workloads) = (HashSet::new(), HashSet::new());
        goal.images.retain(|image| images.insert(image.clone()));
        goal.workloads
            .retain(|workload| workloads.insert(workload.clone()));
        goal
    }

    /// Whether all the images run, and did not before.
    fn runs_since(&self, application: &Application) -> bool {
        let goal = self.goal(application);
        let run = |application: &Application| {
            let images = Images::listed(&application.status.summary.images);
            goal.images.iter().all(|image| images.satisfy(image))
        };
        let before = self.before.as_ref();
        !goal.images.is_empty()
            && run(application)
            && before.is_some_and(|before| {
                before.status.sync.revision != application.status.sync.revision && !run(before)
            })
    }

    /// Whether what carries the images is part of the application, or any of them runs.
    fn is_there(&self, application: &Application) -> bool {
        let goal = self.goal(application);
        let listed = Images::listed(&application.status.summary.images);
        let titles: HashSet<&String> = goal.workloads.iter().map(|one| &one.title).collect();
        let mut resources = application.status.resources.iter();
        goal.images.iter().any(|image| listed.satisfy(image))
            || resources
                .any(|resource| !resource.requires_pruning && titles.contains(&resource.title()))
    }

    /// Whether it was this commit, and no other one: what broke was made of it, or of one that has the
    /// same manifests for this application; and what ran before was made of the commit below it, or of one that has
    /// the same as that. Else another one may have done it.
    async fn proven(
        &mut self,
        application: &Application,
        evidence: Evidence,
        log: &mut impl Progress,
    ) -> Verdict {
        let Watching {
            session, deployed, ..
        } = self.seen.watching;
        let exact = |of: fn(&Standing) -> Option<Relation>| {
            self.standing.as_ref().and_then(of) == Some(Relation::Exact)
        };
        let made_of = match evidence.fault {
            // What was compared then has no name: the branch tells.
            Fault::Manifests => {
                let nothing = FileSelection::default();
                let tip = crate::repository::Branch::snapshot(&session.repository, &nothing).await;
                tip.ok().map(|tip| tip.commit)
            }
            Fault::Hydration if exact(|standing| standing.hydrating) => {
                Some(deployed.commit.clone())
            }
            Fault::Sync(_) | Fault::Retries(..) if exact(|standing| standing.applied) => {
                Some(deployed.commit.clone())
            }
            _ => {
                let followed = self.revisions.followed(application);
                followed
                    .iter()
                    .find_map(|revision| CommitId::parse(revision))
            }
        };
        let ours = match made_of {
            Some(commit) => {
                let revisions = &mut self.revisions;
                revisions
                    .have_same_manifests(application, &deployed.commit, &commit)
                    .await
            }
            None => None,
        };
        let symptoms = evidence.symptoms.clone();
        let culprit = match ours {
            Some(true) => match self.came_along(application, &evidence.fault, log).await {
                None => return Verdict::Broken(evidence),
                Some(doubt) => Culprit::Unproven(doubt, symptoms),
            },
            // What is unwell has our images; which of the commits made it so, nobody saw.
            Some(false) => Culprit::Unproven(Doubt::CameLater, symptoms),
            None => Culprit::Unproven(Doubt::Unread, symptoms),
        };
        Verdict::Unknown(Wait::Failed(culprit))
    }

    /// Why not only this commit came with what is `fault`: none where the one below it, or its manifests, ran before,
    /// and all else that the application is made of was the same.
    async fn came_along(
        &mut self,
        application: &Application,
        fault: &Fault,
        log: &mut impl Progress,
    ) -> Option<Doubt> {
        let before = self.before.as_ref().filter(|before| {
            let Application { status, .. } = before;
            // What was compared could be made; what is synced is in the cluster as well.
            match fault {
                Fault::Manifests | Fault::Hydration => status.sync.status != "Unknown",
                _ => status.sync.status == "Synced",
            }
        });
        let now = match fault {
            // Of what could not be made, nothing is told.
            Fault::Manifests | Fault::Hydration => application.unresolved(),
            Fault::Sync(_) | Fault::Retries(..) => application.operated(),
            Fault::Degraded | Fault::Pods => application.compared(),
        };
        let compared = before.map(|before| (self.revisions.followed(before), before.compared()));
        let applied = self.revisions.applied_before(application, log).await;
        let mut ran = Vec::new();
        for (revisions, made_of) in compared.into_iter().chain(applied) {
            let commits: Option<Vec<CommitId>> = revisions
                .iter()
                .map(|revision| CommitId::parse(revision))
                .collect();
            let moved = self.revisions.moved(application, &made_of, &now);
            let commits = commits.filter(|commits| !commits.is_empty());
            ran.extend(commits.map(|commits| (commits, moved)));
        }
        let Some(parent) = self.revisions.parent().await else {
            return Some(Doubt::Unread);
        };
        let (mut is_read, mut others) = (true, None);
        for (commits, moved) in &ran {
            let mut are_alike = true;
            for commit in commits {
                let revisions = &mut self.revisions;
                let same = revisions.have_same_manifests(application, &parent, commit);
                let same = same.await;
                is_read &= same.is_some();
                are_alike &= same == Some(true);
            }
            match (are_alike, moved.is_empty()) {
                (true, true) => return None,
                (true, false) => others = others.or(Some(moved.join(", and "))),
                (false, _) => {}
            }
        }
        if let Some(others) = others {
            return Some(Doubt::Moved(others));
        }
        if !is_read {
            return Some(Doubt::Unread);
        }
        let first = ran.first().and_then(|(commits, _)| commits.first());
        Some(first.map_or(Doubt::Before, |commit| Doubt::CameAlong(commit.to_string())))
    }

    /// Asks for what runs where the application is to be judged by it.
    async fn look_around(
        &mut self,
        application: &Application,
        compared: Relation,
        log: &mut impl Progress,
    ) {
        let Watching { argocd, .. } = self.seen.watching;
        let status = &application.status;
        let age = self.live.asked_for_pods.map(|asked| asked.elapsed());
        let older = |than| self.live.tree.is_none() || age.is_none_or(|age| age >= than);
        let applied = compared != Relation::Old
            && status.sync.status == "Synced"
            && !application.is_syncing()
            && argocd.wait_for == crate::argocd::WaitFor::Healthy;
        let ends = match status.health.status.as_str() {
            "Healthy" => true,
            "Suspended" => argocd.allow_suspended,
            _ => false,
        };
        let due = match ends {
            true if self.confirming => older(PODS_KEEP),
            true => applied,
            false => applied && status.health.status == "Degraded" && older(PODS_EVERY),
        };
        if applied && due {
            self.live.ask_for_pods(&mut self.seen, true, log).await;
        }
        if applied && ends && self.live.tree.is_some() {
            let goal = self.goal(application);
            let look = self.look(application);
            let unshown = look.map(|look| without_pods(&look, &goal));
            let unshown = unshown.unwrap_or_default();
            let asked = self
                .live
                .ask_for_objects(&self.seen, &unshown, Some(PODS_EVERY));
            asked.await;
        }
        if applied && !ends {
            let degraded = status
                .resources
                .iter()
                .filter(|resource| resource.health() == "Degraded" && resource.status == "Synced");
            let degraded: Vec<Resource> = degraded.cloned().collect();
            self.live.ask_for_objects(&self.seen, &degraded, None).await;
        }
    }

    /// What follows from a state that has to be waited through.
    async fn note(&mut self, wait: Wait, log: &mut impl Progress) {
        let stale = wait == Wait::StaleHealth;
        let unseen = matches!(wait, Wait::Unseen | Wait::Comparison(_));
        if (stale || unseen) && self.refresh.is_due(stale, self.started.elapsed()) {
            self.refresh.start(&self.seen);
        }
        if let (Wait::NoPod(_) | Wait::OldObjects(..), Some(application)) =
            (&wait, &self.seen.application)
        {
            let goal = self.goal(application);
            let titles = goal.workloads.iter().map(|workload| &workload.title);
            let named: HashSet<&String> = titles.collect();
            let (own, mut others): (Vec<Resource>, Vec<Resource>) = application
                .status
                .resources
                .iter()
                .cloned()
                .partition(|resource| named.contains(&resource.title()));
            // Where Git does not say which of them carry the images, such as a chart's, those without Pods first.
            others.sort_by_key(|resource| resource.kind != "CronJob");
            let carriers = if own.is_empty() { others } else { own };
            let asked = self
                .live
                .ask_for_objects(&self.seen, &carriers, Some(PODS_EVERY));
            asked.await;
        }
        if wait == Wait::OutOfSync {
            let idle = *self.idle_since.get_or_insert_with(Instant::now);
            self.find_what_holds_back(idle, log).await;
        } else {
            self.idle_since = None;
        }
        if matches!(wait, Wait::Health(_) | Wait::Syncing) {
            self.live.ask_for_pods(&mut self.seen, false, log).await;
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
        if let (false, true) = (
            application.syncs_by_itself(),
            diagnosis::is_of_a_set(application),
        ) {
            self.seen.held_back = Some(HeldBack::BySet);
            log.info(&format!(
                "{}: its ApplicationSet syncs it, maybe step by step. Waiting for that",
                self.seen.name
            ));
        } else if !application.syncs_by_itself() {
            self.seen.held_back = Some(HeldBack::ByHand);
            log.warning(&format!(
                "{}: auto-sync is off, so somebody must sync the application. Waiting for that",
                self.seen.name
            ));
        } else if idle.elapsed() >= IDLE {
            let Watching { client, .. } = self.seen.watching;
            let patience = self.seen.watching.patience();
            let asked = client.sync_windows(self.seen.name, patience).await;
            let closed = asked.is_ok_and(|windows| windows.hold_back());
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

    /// A look that was not answered as it should be.
    fn refused(&mut self, error: ArgocdError, log: &mut impl Progress) -> Result<Looked, Ended> {
        let seen = self.seen.application.is_some();
        let since = *self.refused_since.get_or_insert_with(Instant::now);
        let waits = match &error {
            ArgocdError::Unavailable { .. } => true,
            ArgocdError::Unreachable(_) | ArgocdError::Proxy { may_pass: true, .. } => {
                seen || self.started.elapsed() < UNREACHABLE
            }
            ArgocdError::Forbidden(_)
            | ArgocdError::Proxy { .. }
            | ArgocdError::KeptOut(_)
            | ArgocdError::NotArgocd(_)
            | ArgocdError::Redirected(_) => seen && since.elapsed() < BLIP,
            ArgocdError::SignOn(Refusal::Trouble(_) | Refusal::RateLimit(_)) => true,
            ArgocdError::SignOn(refusal) if refusal.may_pass() => {
                seen || self.started.elapsed() < UNREACHABLE
            }
            ArgocdError::SignOn(_) => seen && since.elapsed() < BLIP,
            // Not the kind of token is wrong, where it took one; and there is another one at each look.
            ArgocdError::Unauthorized(_) => {
                self.seen.watching.client.has_taken_a_token_of_dex() && since.elapsed() < BLIP
            }
            ArgocdError::NotFound(_) | ArgocdError::Rejected(_) | ArgocdError::Tls { .. } => false,
        };
        if !waits {
            let waited = self.started.elapsed();
            return Err(explain::refused(&self.seen, &error, waited));
        }
        // By its words: what else it holds, such as of an ID token, is new each time.
        let words = error.to_string();
        let known = self.seen.trouble.as_ref().map(ToString::to_string);
        if known.as_ref() != Some(&words) {
            log.info(&format!("{}: {words}. Asking again", self.seen.name));
        }
        self.seen.trouble = Some(error);
        Ok(Looked {
            changed: false,
            confirm: false,
        })
    }

    /// The failure of an application that was not done when the time was over.
    pub(super) async fn late(&mut self, total: Duration, log: &mut impl Progress) -> Ended {
        let wait = self.seen.waiting.clone();
        let application = self.seen.application.clone();
        let Some(application) = application.filter(|_| self.seen.trouble.is_none()) else {
            return explain::late(&self.seen, wait, total);
        };
        self.live.asked_for_pods = None;
        self.live.ask_for_pods(&mut self.seen, true, log).await;
        let goal = self.goal(&application);
        self.find_introduced(&application, &goal).await;
        let mut judge = std::mem::take(&mut self.judge);
        let verdict = self
            .look(&application)
            .map(|look| judge.conclude(&look, &goal, wait.clone()));
        self.judge = judge;
        let verdict = match verdict {
            Some(Verdict::Broken(evidence)) => self.proven(&application, evidence, log).await,
            Some(verdict) => verdict,
            None => Verdict::Unknown(Wait::Unseen),
        };
        match verdict {
            Verdict::Broken(evidence) => explain::broken(&self.seen, &evidence),
            Verdict::Elsewhere(culprit) | Verdict::Unknown(Wait::Failed(culprit)) => {
                explain::elsewhere(&self.seen, &culprit)
            }
            Verdict::Unknown(wait) => explain::late(&self.seen, Some(wait), total),
            Verdict::Confirm | Verdict::Done(_) => explain::late(&self.seen, wait, total),
        }
    }

    pub(super) fn report(self) -> ApplicationReport {
        let application = self.seen.application.clone().unwrap_or_default();
        let revision = match &self.seen.application {
            Some(application) => self.revisions.revision(application),
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
        // The list of all images lags behind the Pods.
        let running = match self.seen.running.is_empty() {
            true => application.status.summary.images,
            false => self.seen.running,
        };
        ApplicationReport {
            name: self.seen.name.clone(),
            page: self.seen.watching.argocd.server.page(self.seen.name),
            resources: resources.collect(),
            sync: application.status.sync.status,
            health: application.status.health,
            revision,
            running,
            phases: self.phases,
            done: self.done,
        }
    }
}
