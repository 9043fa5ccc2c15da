//! One application that is waited for.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::ended::Ended;
use super::explain;
use super::report::{ApplicationReport, Phases, ResourceReport};
use super::seen::{HeldBack, Seen, Watching};
use super::target::{Deployed, GitImage, images_in, other_images};
use crate::argocd::client::ArgocdError;
use crate::argocd::diagnosis::{self, Mistracking};
use crate::argocd::{
    Application, ApplicationName, Culprit, Done, Evidence, Fault, Goal, Judge, Look, Node,
    Reference, Relation, Resource, ResourceTree, Verdict, Wait, carries_any,
};
use crate::deadline::Deadline;
use crate::files::FileSelection;
use crate::image::ImageReference;
use crate::manifest::ManifestFile;
use crate::oidc::Refusal;
use crate::operation::Progress;
use crate::repository::CommitId;

/// How long Argo CD may be out of reach from the start: nothing that a deployment does makes it so.
const UNREACHABLE: Duration = Duration::from_secs(30);
/// How long one answer may take. A refresh waits for the controller.
const PATIENCE: Duration = Duration::from_secs(15);
const REFRESH_PATIENCE: Duration = Duration::from_secs(60);
/// When Argo CD is asked to look into Git again, after the first time, while the commit is not seen: the
/// first can be a moment too early, as not every server of a Git host has the commit at once.
const REFRESH_AT: [Duration; 3] = [
    Duration::from_secs(3),
    Duration::from_secs(8),
    Duration::from_secs(20),
];
/// How long after a refresh the next one is asked for later, and while the health is old.
const REFRESH_EVERY: Duration = Duration::from_secs(30);
const REFRESH_STALE: Duration = Duration::from_secs(5);
/// How often an application that is not well is asked for its Pods.
const PODS_EVERY: Duration = Duration::from_secs(10);
/// How long what the Pods run is believed when the same is looked at again.
const PODS_KEEP: Duration = Duration::from_secs(5);
/// How long an application that was seen may be refused: Argo CD answers errors of Kubernetes so, and
/// what is in front of it while it is reloaded.
const BLIP: Duration = Duration::from_secs(60);
/// The most objects that are asked for one by one.
const MAX_OBJECTS: usize = 5;
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
    /// How it was before the commit arrived, which the first look sees but for the fastest Argo CD.
    before: Option<Application>,
    /// The server's clock at the first answer.
    began: Option<DateTime<Utc>>,
    /// What revisions are to the commit, as the last look had them.
    standing: Option<Standing>,
    relations: HashMap<String, Relation>,
    /// Whether the first of two hydrated commits is the second, or below it.
    below: HashMap<(String, String), bool>,
    /// The URL by which the application knows our repository, where that is another one.
    alias: Option<String>,
    superseding: HashMap<String, Vec<(String, Option<String>)>>,
    refresh: Refresh,
    tree: Option<ResourceTree>,
    asked_for_pods: Option<Instant>,
    live: HashMap<Reference, Vec<ImageReference>>,
    asked_for: HashSet<Reference>,
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

/// Asks Argo CD to look into Git, at its side of the loop: that may take as long as making all
/// manifests does.
#[derive(Default)]
struct Refresh {
    running: Option<JoinHandle<()>>,
    finished: Option<Instant>,
    count: u32,
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
                running: Vec::new(),
            },
            started: Instant::now(),
            judge: Judge::default(),
            phases: Phases::default(),
            done: None,
            before: None,
            began: None,
            standing: None,
            relations: known.collect(),
            below: HashMap::new(),
            alias: None,
            superseding: HashMap::new(),
            refresh: Refresh::default(),
            tree: None,
            asked_for_pods: None,
            live: HashMap::new(),
            asked_for: HashSet::new(),
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
        let patience = self.patience();
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
        self.keep_refreshing();
        if self.seen.trouble.take().is_some() {
            log.info(&format!("{}: Argo CD answers again", self.seen.name));
        }
        self.refused_since = None;
        let changed = self.show(&answer.content, log);
        let verdict = self.verdict(&answer.content, answer.date, log).await?;
        self.confirming = verdict == Verdict::Confirm;
        let looked = Looked {
            changed,
            confirm: self.confirming,
        };
        match verdict {
            Verdict::Confirm => {}
            Verdict::Done(done) => {
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
        if !children.is_empty() && !look.is_some_and(|look| carries_any(&look, &goal)) {
            log.warning(&format!(
                "{name} is the parent of an app of apps: that it is healthy says nothing of {}. Name those in `argocd-application`",
                children.join(", ")
            ));
        }
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
        self.began = self.began.or(now);
        self.find_alias(application, log).await;
        self.find_hydrated(application).await;
        let url = self.url();
        let branch = &self.seen.watching.deployed.branch;
        let tracked = self.followed(application);
        let compared = self.relation(&tracked, log).await;
        if compared == Relation::Old && !application.metadata.deletion_timestamp {
            match diagnosis::mistracking(application, &url, branch.as_str()) {
                // One that was ours a moment ago is told as what it is.
                Some(_)
                    if self
                        .before
                        .as_ref()
                        .is_some_and(|before| before.sources() != application.sources()) => {}
                Some(other @ Mistracking::Repository(_)) => {
                    return Err(explain::mistracked(&self.seen, &other));
                }
                // A tag may move to the commit, and the refresh would show that.
                Some(other @ Mistracking::Revision(_)) if self.refresh.finished.is_some() => {
                    return Err(explain::mistracked(&self.seen, &other));
                }
                Some(Mistracking::Revision(_)) | None => {}
            }
            if self.before.is_none() {
                self.before = Some(application.clone());
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
        self.standing = Some(Standing {
            compared,
            applied,
            hydrating,
            now,
        });
        self.look_around(application, compared, log).await;
        let goal = self.goal(application);
        // Of all, the judge alone is changed.
        let mut judge = std::mem::take(&mut self.judge);
        let verdict = match self.look(application) {
            Some(look) => judge.judge(&look, &goal),
            None => Verdict::Unknown(Wait::Unseen),
        };
        self.judge = judge;
        Ok(match verdict {
            Verdict::Broken(evidence) => self.proven(application, evidence).await,
            other => other,
        })
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
            compared,
            applied,
            hydrating,
            tree: self.tree.as_ref(),
            live: &self.live,
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
        let url = self.url();
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
        let mut goal = Goal {
            images: Vec::new(),
            workloads: Vec::new(),
            wait_for: argocd.wait_for,
            allow_suspended: argocd.allow_suspended,
        };
        for image in images {
            goal.images.extend(image.image().parse().ok());
            let resource = image.held().map(|held| held.resource.clone());
            goal.workloads.extend(resource);
        }
        goal
    }

    /// Our repository's URL, as the application knows it.
    fn url(&self) -> String {
        let own = || self.seen.watching.deployed.location.url().to_string();
        self.alias.clone().unwrap_or_else(own)
    }

    /// A repository that was renamed, or has a mirror, goes by another URL; but the commit that was
    /// compared tells that it is ours.
    async fn find_alias(&mut self, application: &Application, log: &mut impl Progress) {
        let url = self.url();
        let sources = application.sources();
        if self.alias.is_some() || sources.iter().any(|source| source.is_git_of(&url)) {
            return;
        }
        for source in sources.into_iter().filter(|source| source.is_git()) {
            let tracked = application.tracked(&source.repo_url, str::eq);
            let revisions: Vec<String> = tracked
                .into_iter()
                .map(|(_, revision)| revision.to_owned())
                .collect();
            for revision in &revisions {
                if self.is_ours(revision, log).await {
                    self.alias = Some(source.repo_url.clone());
                    log.info(&format!(
                        "{}: it follows {}, which has our commits",
                        self.seen.name, source.repo_url
                    ));
                    return;
                }
            }
        }
    }

    /// Whether a revision is a commit of ours: this one, one on top of it, or one below it.
    async fn is_ours(&mut self, revision: &str, log: &mut impl Progress) -> bool {
        let Deployed { commit, base, .. } = self.seen.watching.deployed;
        let Some(other) = CommitId::parse(revision) else {
            return false;
        };
        if base.as_ref() == Some(&other) {
            return true;
        }
        let repository = &self.seen.watching.session.repository;
        self.relation_of(revision, log).await != Relation::Old
            || repository
                .is_ancestor(&other, commit)
                .await
                .unwrap_or(false)
    }

    /// Whether what was compared has the hydrated commit below itself: after a promotion to another
    /// branch it is a merge, or a later commit of other applications (argo-cd#25190).
    async fn find_hydrated(&mut self, application: &Application) {
        let status = &application.status;
        let done = status.source_hydrator.last_successful_operation.as_ref();
        let (Some(done), true) = (done, application.spec.source_hydrator.is_some()) else {
            return;
        };
        let pair = (done.hydrated_sha.clone(), status.sync.revision.clone());
        if pair.0 == pair.1 || self.below.get(&pair) == Some(&true) {
            return;
        }
        let (Some(hydrated), Some(compared)) = (CommitId::parse(&pair.0), CommitId::parse(&pair.1))
        else {
            return;
        };
        if !self.below.contains_key(&pair) {
            let repository = &self.seen.watching.session.repository;
            // What failed is asked again with the next look; what is below what never changes.
            if let Ok(below) = repository.is_ancestor(&hydrated, &compared).await {
                self.below.insert(pair.clone(), below);
            }
        }
        // The hydrated branch may be in a repository that is not ours to read: what runs tells, where
        // something else ran before.
        if self.below.get(&pair) != Some(&true) && self.runs_since(application) {
            self.below.insert(pair, true);
        }
    }

    /// Whether all the images run, and did not before.
    fn runs_since(&self, application: &Application) -> bool {
        let goal = self.goal(application);
        let run = |application: &Application, image: &ImageReference| {
            let images = application.status.summary.images.iter();
            let mut images = images.filter_map(|text| text.parse::<ImageReference>().ok());
            images.any(|other| other.satisfies(image))
        };
        let before = self.before.as_ref();
        !goal.images.is_empty()
            && goal.images.iter().all(|image| run(application, image))
            && before.is_some_and(|before| {
                before.status.sync.revision != application.status.sync.revision
                    && !goal.images.iter().all(|image| run(before, image))
            })
    }

    /// The revisions of the sources that follow our branch; of all that are our repository, where none
    /// does.
    fn followed(&self, application: &Application) -> Vec<String> {
        let branch = self.seen.watching.deployed.branch.as_str();
        let url = self.url();
        let holds = |one: &str, other: &str| {
            one == other || self.below.get(&(one.to_owned(), other.to_owned())) == Some(&true)
        };
        let tracked = application.tracked(&url, holds);
        let any = tracked.iter().any(|(source, _)| source.follows(branch));
        let tracked = tracked
            .iter()
            .filter(|(source, _)| !any || source.follows(branch));
        tracked
            .map(|(_, revision)| (*revision).to_owned())
            .collect()
    }

    /// Whether it was this commit, and no later one: what broke was made of it, or of one that has the
    /// same manifests for this application. Else the later one may have done it.
    async fn proven(&self, application: &Application, evidence: Evidence) -> Verdict {
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
                let followed = self.followed(application);
                followed
                    .iter()
                    .find_map(|revision| CommitId::parse(revision))
            }
        };
        let ours = match made_of {
            Some(commit) if commit == deployed.commit => true,
            Some(commit) => self.has_same_manifests(application, &commit).await,
            None => false,
        };
        match ours {
            true => Verdict::Broken(evidence),
            false => Verdict::Unknown(Wait::Failed(Culprit::LaterCommit(evidence.symptoms))),
        }
    }

    /// Whether it is known that nobody changed what the application is made of since our commit.
    async fn has_same_manifests(&self, application: &Application, later: &CommitId) -> bool {
        let Watching {
            session, deployed, ..
        } = self.seen.watching;
        let url = self.url();
        let sources = application.sources();
        let ours = sources.into_iter().filter(|source| source.is_git_of(&url));
        let globs = ours.map(|source| match source.folder() {
            None => "**".parse(),
            Some(folder) => format!("{folder}/**").parse(),
        });
        let all = match globs.collect::<Result<Vec<_>, _>>() {
            // Of no files, or not of all, nothing is proven.
            Ok(include) if !include.is_empty() => FileSelection {
                include,
                ..FileSelection::default()
            },
            Ok(_) | Err(_) => return false,
        };
        let repository = &session.repository;
        let then = repository.files_at(&deployed.commit, &all).await;
        let now = repository.files_at(later, &all).await;
        // What is made of files elsewhere, such as a base of Kustomize's, may have changed there.
        let elsewhere = |file: &ManifestFile| file.bytes.windows(3).any(|bytes| bytes == b"../");
        matches!((then, now), (Ok(then), Ok(now)) if then == now && !now.iter().any(elsewhere))
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
        let age = self.asked_for_pods.map(|asked| asked.elapsed());
        let older = |than| self.tree.is_none() || age.is_none_or(|age| age >= than);
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
            self.ask_for_pods(true, log).await;
        }
        if applied && !ends {
            let degraded = status
                .resources
                .iter()
                .filter(|resource| resource.health() == "Degraded" && resource.status == "Synced");
            let degraded: Vec<Resource> = degraded.cloned().collect();
            self.ask_for_objects(&degraded).await;
        }
    }

    /// Asks, once for each, what images objects have in the cluster.
    async fn ask_for_objects(&mut self, resources: &[Resource]) {
        let runs_containers = |resource: &&Resource| {
            matches!(
                resource.kind.as_str(),
                "CronJob"
                    | "DaemonSet"
                    | "Deployment"
                    | "Job"
                    | "ReplicaSet"
                    | "Rollout"
                    | "StatefulSet"
            )
        };
        for resource in resources.iter().filter(runs_containers).take(MAX_OBJECTS) {
            let reference = resource.reference();
            if !self.asked_for.insert(reference.clone()) {
                continue;
            }
            let Watching { client, .. } = self.seen.watching;
            let asked = client.live_images(self.seen.name, resource, self.patience());
            // Where it is not shown, nothing is known of it.
            if let Ok(images) = asked.await {
                let images = images.iter().filter_map(|image| image.parse().ok());
                self.live.insert(reference, images.collect());
            }
        }
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
        let unseen = matches!(wait, Wait::Unseen | Wait::Comparison(_));
        if (stale || unseen) && self.refresh.is_due(stale, self.started.elapsed()) {
            self.start_refresh();
        }
        if let (Wait::NoPod(_), Some(application)) = (&wait, &self.seen.application) {
            let goal = self.goal(application);
            let carriers = application.status.resources.iter();
            let carriers: Vec<Resource> = carriers
                .filter(|resource| goal.workloads.contains(&resource.title()))
                .cloned()
                .collect();
            self.ask_for_objects(&carriers).await;
        }
        if wait == Wait::OutOfSync {
            let idle = *self.idle_since.get_or_insert_with(Instant::now);
            self.find_what_holds_back(idle, log).await;
        } else {
            self.idle_since = None;
        }
        if matches!(wait, Wait::Health(_) | Wait::Syncing) {
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
            let asked = self
                .seen
                .watching
                .client
                .sync_windows(self.seen.name, self.patience())
                .await;
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

    /// Asks for the Pods that are not well, now and then.
    async fn ask_for_pods(&mut self, now: bool, log: &mut impl Progress) {
        // A rollout's Pods need a moment.
        let since = *self.asked_for_pods.get_or_insert_with(Instant::now);
        if !now && since.elapsed() < PODS_EVERY {
            return;
        }
        self.asked_for_pods = Some(Instant::now());
        let Ok(tree) = self
            .seen
            .watching
            .client
            .resource_tree(self.seen.name, self.patience())
            .await
        else {
            return;
        };
        let unwell: Vec<(String, String)> = tree.pods().filter_map(unwell).collect();
        let images: BTreeSet<&String> = tree.pods().flat_map(|pod| &pod.images).collect();
        self.seen.running = images.into_iter().cloned().collect();
        self.tree = Some(tree);
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
        let seen = self.seen.application.is_some();
        let since = *self.refused_since.get_or_insert_with(Instant::now);
        let waits = match &error {
            ArgocdError::Unavailable { .. } => true,
            ArgocdError::Unreachable(_) => seen || self.started.elapsed() < UNREACHABLE,
            ArgocdError::Forbidden(_)
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
            ArgocdError::NotFound(_) | ArgocdError::Rejected(_) | ArgocdError::Certificate(_) => {
                false
            }
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
        self.asked_for_pods = None;
        self.ask_for_pods(true, log).await;
        let goal = self.goal(&application);
        let verdict = self
            .look(&application)
            .map(|look| self.judge.conclude(&look, &goal, wait.clone()));
        let verdict = match verdict {
            Some(Verdict::Broken(evidence)) => self.proven(&application, evidence).await,
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

    fn keep_refreshing(&mut self) {
        if self
            .refresh
            .running
            .as_ref()
            .is_some_and(JoinHandle::is_finished)
        {
            self.refresh.running = None;
            self.refresh.finished = Some(Instant::now());
            self.refresh.count += 1;
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
        let mut followed = self.followed(application).into_iter();
        followed
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

impl Refresh {
    /// Whether Argo CD is to look again, so long after the waiting began.
    fn is_due(&self, stale: bool, elapsed: Duration) -> bool {
        let since = self.finished.map(|finished| finished.elapsed());
        let next = self
            .count
            .checked_sub(1)
            .and_then(|count| REFRESH_AT.get(count as usize));
        let due = match (stale, next) {
            (true, _) => since.is_none_or(|since| since >= REFRESH_STALE),
            (false, Some(at)) => elapsed >= *at,
            (false, None) => since.is_none_or(|since| since >= REFRESH_EVERY),
        };
        self.running.is_none() && due
    }
}

/// A Pod that is not well, with what it says.
fn unwell(pod: &Node) -> Option<(String, String)> {
    let said = crate::http::text::one_line(&pod.said());
    (pod.is_unwell_pod() && !said.is_empty()).then(|| (pod.title(), said))
}

fn or_unknown(status: &str) -> &str {
    if status.is_empty() { "Unknown" } else { status }
}
