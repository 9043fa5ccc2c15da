//! `operation: update`: sets images in manifests, commits, and pushes.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::downgrade::{self, Downgrade};
use super::explain;
use super::freeze::Freeze;
use super::image_check::ImageCheck;
use super::landing::{self, LandingOptions, LandingReport, Planned};
use super::pull_request::{Proposing, PullRequest};
use super::session::{Remote, Session};
use super::verify::Witnesses;
use super::{Operation, Progress};
use crate::deadline::{Cancellation, Deadline};
use crate::deployment::{self, Deployment, MessageTemplate, Source};
use crate::failure::Failure;
use crate::files::{FileSelection, RepoPath};
use crate::manifest::{self, EditRequest, ImageChange, ManifestError, Plan};
use crate::repository::{Branch as _, Identity, Said, Snapshot};

/// What is asked for.
pub struct Update {
    /// The repository that holds the manifests.
    pub remote: Remote,
    /// The manifests.
    pub files: FileSelection,
    /// What they are to say.
    pub edit: EditRequest,
    /// What becomes of an image that is older than the one in Git.
    pub downgrade: Downgrade,
    /// Where to look whether it is frozen.
    pub freeze: Option<Freeze>,
    /// What the registry is asked first.
    pub image_check: ImageCheck,
    /// The commit message; else the default one.
    pub message: Option<MessageTemplate>,
    /// Author and committer.
    pub identity: Identity,
    /// Whether to leave Git as it is.
    pub dry_run: bool,
    /// The pull request to open, in place of a push to the branch.
    pub pull_request: Option<PullRequest>,
    /// Who tells whether it runs; nobody where that is not asked.
    pub witnesses: Witnesses,
    /// Whether a deployment that Argo CD can't run is undone.
    pub rollback_on_failure: bool,
}

/// Edits, commits and pushes, until the commit landed or can't.
///
/// # Errors
/// Whatever keeps it from landing, told for a person. Git is as it was, unless the message says that
/// nobody knows.
pub async fn run(
    update: &Update,
    source: &Source,
    cancellation: Cancellation,
    log: &mut impl Progress,
) -> Result<LandingReport, Failure> {
    let (freeze, again) = (update.freeze.as_ref(), cancellation.clone());
    landing::when_not_frozen(freeze, &update.remote, cancellation, log, async |log| {
        once(update, source, again.clone(), log).await
    })
    .await
}

async fn once(
    update: &Update,
    source: &Source,
    cancellation: Cancellation,
    log: &mut impl Progress,
) -> Result<LandingReport, Failure> {
    let Update { remote, files, .. } = update;
    // Before anything is asked of Git: an image may be waited for.
    let http = || remote.http();
    let check = &update.image_check;
    let deadline = Deadline::after(remote.timeout, cancellation).extended(check.wait);
    let checked = check.check(&update.edit, http, &deadline, log).await?;
    let deadline = deadline.within(remote.timeout);
    let session = remote.connect_within(source, deadline, log).await?;
    let dry_run = if update.dry_run { " (dry run)" } else { "" };
    log.info(&format!("Updating {files} in {}{dry_run}", remote.location));
    let mut is_first = true;
    let mut seen: Vec<ImageChange> = Vec::new();
    let landing = LandingOptions {
        operation: Operation::Update,
        files,
        identity: &update.identity,
        dry_run: update.dry_run,
        freeze: update.freeze.as_ref(),
        proposing: proposing(update, source)?,
        registry: checked.registry.as_ref(),
    };
    let proposal = landing
        .proposing
        .as_ref()
        .map(|proposing| &proposing.branch);
    let landed = landing::land(&session, &landing, log, async |snapshot: &Arc<Snapshot>| {
        if !std::mem::take(&mut is_first) {
            let deadline = &session.deadline;
            update.image_check.confirm(&checked, deadline).await?;
        }
        let named: HashSet<&RepoPath> = files.named_paths().into_iter().collect();
        let paths = snapshot.files.iter().map(|file| &file.path);
        let found_by_glob = paths.filter(|path| !named.contains(path)).cloned();
        let edit = EditRequest {
            found_by_glob: found_by_glob.collect(),
            ..checked.edit.clone()
        };
        let read = Arc::clone(snapshot);
        let planned = session.work(move || manifest::plan(&read.files, &edit));
        let mut plan = match planned.await? {
            Ok(plan) => plan,
            Err(error) => return Err(refused(&session, snapshot, &checked.edit, &error).await),
        };
        checked.refuse_others(&plan, &snapshot.tip().to_string())?;
        refuse_another_tag(&session, snapshot, &checked.edit, &plan).await?;
        let guard = downgrade::Guard {
            downgrade: update.downgrade,
            session: &session,
            files,
            source,
            proposal,
        };
        let skipped = guard.check(snapshot, &checked.edit, &mut plan).await?;
        let deployment = Deployment::of(&plan, source);
        let message = deployment::message(update.message.as_ref(), &deployment);
        let warnings = match skipped {
            Some(_) => Vec::new(),
            None => {
                let mut warnings = warnings(snapshot, &plan, update.dry_run);
                warnings.extend(overtaken(&seen, &plan));
                warnings
            }
        };
        if seen.is_empty() {
            seen.clone_from(&plan.images);
        }
        Ok(Planned {
            plan,
            message,
            announced: Vec::new(),
            besides: Vec::new(),
            left_out: Vec::new(),
            again: false,
            warnings,
            skipped,
        })
    });
    let mut report = landed.await?;
    report.found = checked.found;
    Ok(report)
}

/// Why `asked` can't be planned; of a template of a chart, with what the chart's values make of it.
async fn refused(
    session: &Session<'_>,
    snapshot: &Snapshot,
    asked: &EditRequest,
    error: &ManifestError,
) -> Failure {
    let failure = explain::manifest(error, &snapshot.tip().to_string());
    let ManifestError::Template {
        values: Some(values),
        ..
    } = error
    else {
        return failure;
    };
    let files = FileSelection::of([values]);
    // It is for a message only: one try.
    let Ok(there) = session.repository.snapshot(&files).await else {
        return failure;
    };
    let asked = asked.clone();
    let planned = session.work(move || manifest::plan(&there.files, &asked));
    let hint = match planned.await {
        Ok(Ok(_)) => {
            format!("Write `file: {values}`: it is there, and holds what is asked for.")
        }
        Ok(Err(other)) => format!(
            "It can't be written to the values that are there either: {other}. Look for the file that holds what is deployed."
        ),
        Err(_) => return failure,
    };
    failure.with_hint(hint)
}

/// Refuses to take the tag that stands alone at a place for one of another image than the last deployment there: a
/// name that is misspelt is in no file that could tell. Whoever names the place means it.
///
/// What came along with the tip does not tell everywhere, so that it is asked: only here, as most files name their
/// images.
async fn refuse_another_tag(
    session: &Session<'_>,
    snapshot: &Snapshot,
    edit: &EditRequest,
    plan: &Plan,
) -> Result<(), Failure> {
    // Also where the tag is there already: images of one build have one.
    let images = plan.images.iter();
    let tags = images.filter(|image| image.tag_at.is_some() && edit.paths.is_empty());
    let tags: Vec<&ImageChange> = tags.collect();
    if tags.is_empty() {
        return Ok(());
    }
    let mut paths: Vec<&RepoPath> = tags.iter().map(|image| &image.file).collect();
    paths.dedup();
    let read = async || {
        session
            .repository
            .said_before(&snapshot.commit, &paths)
            .await
    };
    let before = session.read_silently(read).await?;
    let mut recent = recent(snapshot);
    let known: HashSet<&str> = recent.iter().map(|(commit, _)| *commit).collect();
    let before = before.iter().map(said);
    recent.extend(before.filter(|(commit, _)| !known.contains(commit)));
    let another = tags.into_iter().find_map(|image| {
        let (repository, commit) = deployment::tag_was_of(image, &recent)?;
        Some((image, repository, commit))
    });
    match another {
        Some((image, repository, commit)) => Err(explain::another_tag(
            image,
            &repository,
            commit,
            &snapshot.tip().to_string(),
        )),
        None => Ok(()),
    }
}

/// What the commits say that came along with the tip, the newest first.
fn recent(snapshot: &Snapshot) -> Vec<(&str, &str)> {
    snapshot.recent.iter().map(said).collect()
}

fn said(said: &Said) -> (&str, &str) {
    (said.commit.as_str(), said.message.as_str())
}

/// The images that somebody else deployed since this run has `seen` the files, and that it replaces: it was asked before
/// they came.
fn overtaken(seen: &[ImageChange], plan: &Plan) -> Vec<String> {
    let seen = seen
        .iter()
        .map(|seen| ((&seen.file, &seen.place), &seen.old));
    let seen: HashMap<_, _> = seen.collect();
    let came = plan.changed_images().filter(|image| {
        let before = seen.get(&(&image.file, &image.place));
        before.is_some_and(|before| **before != image.old)
    });
    let told = came.map(|ImageChange { file, old, new, .. }| {
        format!("{old} came to {file} while this run was at work, and {new} takes its place")
    });
    landing::each_once(told.collect())
}

/// What is done and may not have been meant; and an image that somebody has just rolled back is deployed if
/// it is asked for, but not in silence.
///
/// Looked for among the commits that came along with the tip: an update is not to become slower by
/// it. Over GitHub's API those are the newest ones of the branch, over git the tip alone.
fn warnings(snapshot: &Snapshot, plan: &Plan, dry_run: bool) -> Vec<String> {
    let recent = recent(snapshot);
    let mut warnings = plan.warnings.clone();
    let images = plan.changed_images().map(|image| image.new.as_str());
    for image in landing::distinct(images) {
        if let Some(commit) = deployment::rolled_back(image, &recent) {
            warnings.push(format!(
                "{image} was rolled back by commit {} and {} deployed again by this run",
                commit.get(..7).unwrap_or(commit),
                if dry_run { "would be" } else { "is" }
            ));
        }
    }
    warnings
}

/// The pull request that is asked for. Its branch is the same each time that these images go to these
/// files, whatever their tags, so that a later run updates an open one.
fn proposing<'a>(update: &'a Update, source: &'a Source) -> Result<Option<Proposing<'a>>, Failure> {
    let Some(request) = &update.pull_request else {
        return Ok(None);
    };
    let Update {
        edit,
        files,
        remote,
        ..
    } = update;
    let names = edit.images.iter().map(|line| line.image.name());
    let mut names: Vec<&str> = landing::distinct(names);
    let target = remote.branch.as_ref().map(ToString::to_string);
    let repositories = edit.images.iter().map(|line| line.image.repository());
    let mut scope = landing::distinct(repositories).join(",");
    if names.is_empty() {
        names.push("values");
        // By where it writes: other values are another deployment.
        let set = edit.set.iter().map(|line| line.path.to_string());
        let paths = set.chain(edit.remove.iter().map(ToString::to_string));
        let paths: BTreeSet<String> = paths.collect();
        scope = Vec::from_iter(paths).join(",");
    }
    let scope = format!("{scope} {files} {}", target.unwrap_or_default());
    let branch = request.branch(&names.join("-"), &scope)?;
    Ok(Some(Proposing {
        request,
        branch,
        source,
    }))
}
