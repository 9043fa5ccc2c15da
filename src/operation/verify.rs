//! `operation: verify`: waits until Argo CD runs the commit, healthy.

mod explain;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::Notify;

use self::explain::Ended;
use self::watch::{Watch, Watching};
use super::landing;
use super::session::{Remote, Session};
use super::{Progress, commit_line};
use crate::argocd::client::{Client, Server};
use crate::argocd::{ApplicationName, Done, Goal, Health, WaitFor};
use crate::deadline::{Cancellation, Deadline};
use crate::deployment::Source;
use crate::failure::{Failure, Reason};
use crate::files::{FileSelection, RepoPath};
use crate::image::ImageReference;
use crate::manifest::{self, ImageChange, ImageTransition, ManifestFile};
use crate::repository::history::Searched;
use crate::repository::{Branch as _, BranchName, CommitId, Location, Revision};

/// The shortest and the longest time from one look to the next. It is short after a change, which
/// seldom comes alone.
const LOOKS: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(3));
/// What is done by one look is looked at again so soon.
const CONFIRM: Duration = Duration::from_secs(1);
/// How long Argo CD may be out of reach from the start: nothing that a deployment does makes it so.
const UNREACHABLE: Duration = Duration::from_secs(30);

/// The Argo CD that is to run the commit.
#[derive(Debug, Clone)]
pub struct Argocd {
    /// Where it is.
    pub server: Server,
    /// For it; it may get the applications.
    pub token: SecretString,
    /// The applications, at least one.
    pub applications: Vec<ApplicationName>,
    /// Their project.
    pub project: Option<String>,
    /// When one is done.
    pub wait_for: WaitFor,
    /// Whether a canary that pauses is done.
    pub allow_suspended: bool,
    /// For all of it.
    pub timeout: Duration,
}

/// What is asked for.
pub struct Verify {
    /// The repository that holds the manifests.
    pub remote: Remote,
    /// Who is to run it.
    pub argocd: Argocd,
    /// The commit, or the beginning of its id; else the branch's tip.
    pub commit: Option<Revision>,
    /// The manifests whose images are to run.
    pub files: Option<FileSelection>,
    /// The images that are to run; else all of those in the files.
    pub images: Vec<ImageReference>,
}

/// A commit that is to run.
pub struct Deployed {
    /// The repository.
    pub location: Location,
    /// The branch.
    pub branch: BranchName,
    /// The commit.
    pub commit: CommitId,
    /// The tip before it, where it is known.
    pub base: Option<CommitId>,
    /// The manifests.
    pub files: Option<FileSelection>,
    /// Those of them that matter, by their paths.
    pub paths: Vec<String>,
    /// The images in them that are to run.
    pub images: Vec<GitImage>,
}

/// An image as Git has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitImage {
    /// Where; none for one that was only named.
    pub place: Option<Place>,
    /// The reference.
    pub image: String,
}

/// A place in the manifests that holds an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: RepoPath,
    /// `Rollout/web`
    pub resource: String,
    /// The container's name, where it is one's.
    pub container: Option<String>,
    /// Where it is within its document.
    pub path: String,
}

/// What Argo CD made of a commit.
#[derive(Debug, Clone)]
pub struct Report {
    /// The repository.
    pub location: Location,
    /// The branch.
    pub branch: BranchName,
    /// The commit.
    pub commit: CommitId,
    /// What was to run.
    pub images: Vec<GitImage>,
    /// Each application, in the order asked for.
    pub applications: Vec<ApplicationReport>,
    /// Why it does not run the commit, where it does not.
    pub failure: Option<Failure>,
    /// Whether that is the deployment's own fault, so that undoing it can help.
    pub broken: bool,
}

/// What is known of one application.
#[derive(Debug, Clone)]
pub struct ApplicationReport {
    /// Its name.
    pub name: ApplicationName,
    /// Where a person looks at it.
    pub page: String,
    /// `Synced`, `OutOfSync`, `Unknown`; empty where nothing is known.
    pub sync: String,
    /// How well it is.
    pub health: Health,
    /// The revision that was compared with the cluster.
    pub revision: String,
    /// Its resources, as far as Argo CD lists them.
    pub resources: Vec<ResourceReport>,
    /// The images that its Pods run.
    pub running: Vec<String>,
    /// When it got how far.
    pub phases: Phases,
    /// How it ended well, where it did.
    pub done: Option<Done>,
}

/// One resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceReport {
    /// `Rollout/web`
    pub title: String,
    /// `Synced`, `OutOfSync`
    pub sync: String,
    /// `Healthy`, …; empty where Argo CD does not say.
    pub health: String,
    /// What it says of that.
    pub message: String,
}

/// How long it took from the start of the waiting.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Phases {
    /// Until Argo CD had compared the commit with the cluster.
    pub seen: Option<Duration>,
    /// Until it was applied.
    pub synced: Option<Duration>,
    /// Until it ran, healthy.
    pub healthy: Option<Duration>,
}

impl Report {
    /// What happened, in a sentence.
    pub fn sentence(&self) -> String {
        let names: Vec<String> = self
            .applications
            .iter()
            .map(|one| one.name.to_string())
            .collect();
        let names = names.join(", ");
        let commit = self.commit.short();
        let (runs, is, pauses, does) = match self.applications.len() {
            1 => ("runs", "is", "pauses", "does"),
            _ => ("run", "are", "pause", "do"),
        };
        if self.failure.is_some() {
            return format!("{names} {does} not run {commit} as asked.");
        }
        let last = |of: fn(&Phases) -> Option<Duration>| {
            let all = self.applications.iter().filter_map(|one| of(&one.phases));
            all.max().unwrap_or_default().as_secs()
        };
        let done = self.applications.iter().filter_map(|one| one.done);
        let worst = done.fold(Done::Healthy, |worst, done| match done {
            Done::Healthy => worst,
            other => other,
        });
        match worst {
            Done::Synced => format!(
                "{names} {is} synced to {commit}, after {} s.",
                last(|phases| phases.synced)
            ),
            Done::Healthy => format!(
                "{names} {runs} {commit}, healthy after {} s.",
                last(|phases| phases.healthy)
            ),
            Done::Suspended => format!(
                "{names} {runs} {commit} and {pauses}, after {} s.",
                last(|phases| phases.healthy)
            ),
            Done::WithoutPods => format!(
                "{names} {is} healthy at {commit}, after {} s, and {runs} no Pod of some image yet.",
                last(|phases| phases.healthy)
            ),
        }
    }

    /// The images that are to run, each once.
    pub fn git_images(&self) -> Vec<&str> {
        landing::distinct(self.images.iter().map(|image| image.image.as_str()))
    }
}

impl GitImage {
    /// Of a place that an operation wrote, or found as it should be.
    fn of_change(change: &ImageChange) -> Self {
        Self {
            place: Some(Place {
                file: change.file.clone(),
                resource: change.resource.clone(),
                container: change.container.clone(),
                path: change.path.clone(),
            }),
            image: change.new.clone(),
        }
    }

    fn of_file(found: ImageTransition) -> Option<Self> {
        Some(Self {
            image: found.new?,
            place: Some(Place {
                file: found.file,
                resource: found.resource,
                container: found.container,
                path: found.path,
            }),
        })
    }
}

/// Every image in `files`.
fn images_in(files: &[ManifestFile]) -> Vec<GitImage> {
    let found = files.iter().flat_map(manifest::images);
    found.filter_map(GitImage::of_file).collect()
}

impl Deployed {
    /// What an operation landed, or found on the branch already; none where it left the branch with
    /// something else.
    pub fn of(report: &landing::Report, files: &FileSelection) -> Option<Self> {
        use landing::Outcome;
        let Some(commit) = &report.commit else {
            return None;
        };
        let base = match report.outcome {
            Outcome::Committed => Some(report.base.clone()),
            Outcome::Unchanged => None,
            Outcome::DryRun | Outcome::Skipped => return None,
        };
        let mut paths: Vec<String> = report
            .images
            .iter()
            .map(|image| image.file.to_string())
            .collect();
        paths.extend(report.values.iter().map(|value| value.file.to_string()));
        paths.sort();
        paths.dedup();
        Some(Self {
            location: report.location.clone(),
            branch: report.branch.clone(),
            commit: commit.clone(),
            base,
            files: Some(files.clone()),
            paths,
            images: report.images.iter().map(GitImage::of_change).collect(),
        })
    }
}

/// Finds the commit, and waits until it runs.
///
/// # Errors
/// Whatever keeps the commit from being found, told for a person. How the waiting ended is in the
/// report.
pub async fn run(
    verify: &Verify,
    source: &Source,
    cancellation: Cancellation,
    log: &mut impl Progress,
) -> Result<Report, Failure> {
    let session = verify
        .remote
        .connect(source, cancellation.clone(), log)
        .await?;
    let deployed = find(verify, &session, log).await?;
    let Verify { argocd, remote, .. } = verify;
    Ok(wait(argocd, remote, source, &deployed, cancellation, log).await)
}

/// The commit that is asked about.
async fn find(
    verify: &Verify,
    session: &Session<'_>,
    log: &mut impl Progress,
) -> Result<Deployed, Failure> {
    let nothing = FileSelection {
        include: Vec::new(),
        exclude: Vec::new(),
    };
    let repository = &session.repository;
    let files = verify.files.as_ref().unwrap_or(&nothing);
    // Of an older commit than the tip, the files are read where they were.
    let at_tip = match verify.commit {
        Some(_) => &nothing,
        None => files,
    };
    let tip = session
        .read(log, async || repository.snapshot(at_tip).await)
        .await?;
    let (commit, contents) = match &verify.commit {
        None => (tip.commit, tip.files),
        Some(revision) => {
            let commit = match tip.commit.as_str().starts_with(revision.as_str()) {
                true => tip.commit,
                false => named(session, revision, &nothing, log).await?,
            };
            let contents = match &verify.files {
                Some(files) => {
                    let read =
                        session.read(log, async || repository.files_at(&commit, files).await);
                    read.await?
                }
                None => Vec::new(),
            };
            (commit, contents)
        }
    };
    let images = match &verify.images[..] {
        [] => images_in(&contents),
        named => {
            let only_named = |image: &ImageReference| GitImage {
                place: None,
                image: image.to_string(),
            };
            named.iter().map(only_named).collect()
        }
    };
    Ok(Deployed {
        location: verify.remote.location.clone(),
        branch: tip.branch,
        commit,
        base: None,
        paths: contents.iter().map(|file| file.path.to_string()).collect(),
        files: verify.files.clone(),
        images,
    })
}

/// The commit that begins with `revision`, if the branch leads to it.
async fn named(
    session: &Session<'_>,
    revision: &Revision,
    nothing: &FileSelection,
    log: &mut impl Progress,
) -> Result<CommitId, Failure> {
    let (text, location) = (revision.as_str(), &session.remote.location);
    let searched = session.read(log, async || session.repository.search(text, nothing).await);
    let failure =
        |message: String, hint: &str| Err(Failure::new(Reason::History, message).with_hint(hint));
    match searched.await? {
        Searched::OnBranch(touched) => {
            log.info(&format!("Verifying {}", commit_line(&touched.commit)));
            Ok(touched.commit.id)
        }
        Searched::Elsewhere(commit) => failure(
            format!("Commit {commit} is in {location}, but not on the branch."),
            "Set `branch` to the one that was pushed to.",
        ),
        Searched::Ambiguous(commits) => failure(
            format!("{} commits begin with `{text}`.", commits.len()),
            "Give more digits of the commit's id, as the output `commit-sha` has it.",
        ),
        Searched::Nowhere => failure(
            format!("No commit of the branch in {location} begins with `{text}`."),
            "Pass the output `commit-sha` of the step that deployed as `commit`, and the same `repository` and `branch`.",
        ),
    }
}

/// Waits until Argo CD runs what was deployed, or won't. How that ended is in the report.
pub(super) async fn wait(
    argocd: &Argocd,
    remote: &Remote,
    source: &Source,
    deployed: &Deployed,
    cancellation: Cancellation,
    log: &mut impl Progress,
) -> Report {
    let mut report = Report {
        location: deployed.location.clone(),
        branch: deployed.branch.clone(),
        commit: deployed.commit.clone(),
        images: deployed.images.clone(),
        applications: Vec::new(),
        failure: None,
        broken: false,
    };
    let deadline = Deadline::after(argocd.timeout, cancellation);
    let session = match remote.open(source, deadline.clone()).await {
        Ok(session) => session,
        Err(failure) => {
            report.failure = Some(failure);
            return report;
        }
    };
    let client = Client::new(
        session.explainer.client.clone(),
        argocd.server.clone(),
        argocd.token.clone(),
        argocd.project.clone(),
    );
    let goal = Goal {
        images: deployed
            .images
            .iter()
            .filter_map(|image| image.image.parse().ok())
            .collect(),
        wait_for: argocd.wait_for,
        allow_suspended: argocd.allow_suspended,
    };
    let names: Vec<String> = argocd
        .applications
        .iter()
        .map(ToString::to_string)
        .collect();
    log.info(&format!(
        "Waiting until Argo CD at {} runs {}: {}",
        argocd.server.host(),
        deployed.commit.short(),
        names.join(", ")
    ));
    let refreshed = Arc::new(Notify::new());
    let watching = Watching {
        client: &client,
        session: &session,
        deployed,
        goal: &goal,
        argocd,
        refreshed: &refreshed,
    };
    let names = argocd.applications.iter();
    let mut watches: Vec<Watch<'_>> = names.map(|name| Watch::new(name, watching)).collect();
    match watch_all(&mut watches, &refreshed, &deadline, log).await {
        Ok(()) => {}
        Err(Ended { failure, broken }) => {
            report.failure = Some(failure);
            report.broken = broken;
        }
    }
    report.applications = watches.into_iter().map(Watch::report).collect();
    if report.failure.is_none() {
        log.info(&report.sentence());
    }
    report
}

/// Looks at every application in turn until all are done, one failed, or the time is over.
async fn watch_all(
    watches: &mut [Watch<'_>],
    refreshed: &Notify,
    deadline: &Deadline,
    log: &mut impl Progress,
) -> Result<(), Ended> {
    let mut pause = LOOKS.0;
    loop {
        let mut changed = false;
        let mut confirm = false;
        for watch in watches.iter_mut().filter(|watch| !watch.is_done()) {
            let look = watch.look(deadline, log).await?;
            changed |= look.changed;
            confirm |= look.confirm;
        }
        if watches.iter().all(Watch::is_done) {
            return Ok(());
        }
        pause = match changed {
            true => LOOKS.0,
            false => pause.mul_f64(1.4).min(LOOKS.1),
        };
        let pause = if confirm { CONFIRM } else { pause };
        let remaining = deadline.remaining();
        if remaining.is_zero() {
            let late = watches.iter_mut().find(|watch| !watch.is_done());
            return match late {
                Some(watch) => Err(watch.late(deadline.total()).await),
                None => Ok(()),
            };
        }
        tokio::select! {
            () = tokio::time::sleep(pause.min(remaining)) => {}
            () = refreshed.notified() => {}
            () = deadline.cancelled() => return Err(explain::cancelled(watches)),
        }
    }
}
