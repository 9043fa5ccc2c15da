//! `operation: rollback`: undoes a deployment with a new commit, as `git revert` does.

use std::collections::HashSet;

use super::landing::{self, LandingOptions, LandingReport, Planned};
use super::pull_request::{Proposing, PullRequest};
use super::session::{Remote, Session};
use super::verify::Argocd;
use super::{Operation, Progress, commit_line};
use crate::deadline::Cancellation;
use crate::deployment::{self, Deployment, MessageTemplate, Origin, Reverted, Source};
use crate::failure::{Failure, Reason};
use crate::files::FileSelection;
use crate::image::ImageReference;
use crate::manifest::{
    FileEdit, ImageChange, ImageTransition, ManifestFile, Plan, RestoreError, image_transitions,
    restore, takes_back,
};
use crate::repository::history::{FileHistory, FileVersions, HistoryQuery, Searched, Touched};
use crate::repository::merge::three_way;
use crate::repository::{CommitId, Identity, Revision, Snapshot};

/// How many commits of the files are looked at for one that changed an image, step by step.
const STEPS: [usize; 3] = [10, 100, 1000];

/// What is asked for.
pub struct Rollback {
    /// The repository that holds the manifests.
    pub remote: Remote,
    /// The manifests.
    pub files: FileSelection,
    /// The commit to undo, by the beginning of its id; else the newest that changed an image.
    pub commit: Option<Revision>,
    /// The commit message; else the one of `git revert`.
    pub message: Option<MessageTemplate>,
    /// Author and committer.
    pub identity: Identity,
    /// Whether to leave Git as it is.
    pub dry_run: bool,
    /// The pull request to open, in place of a push to the branch.
    pub pull_request: Option<PullRequest>,
    /// Who is to run what was before.
    pub argocd: Option<Argocd>,
}

/// Finds the commit, undoes it on the branch's tip and pushes that, until it landed or can't.
///
/// # Errors
/// Whatever keeps it from landing, told for a person. Git is as it was, unless the message says that
/// nobody knows.
pub async fn run(
    rollback: &Rollback,
    source: &Source,
    cancellation: Cancellation,
    log: &mut impl Progress,
) -> Result<LandingReport, Failure> {
    let Rollback { remote, files, .. } = rollback;
    let session = remote.connect(source, cancellation, log).await?;
    log.info(&format!("Rolling back {files} in {}", remote.location));
    let touched = match &rollback.commit {
        Some(revision) => named(&session, files, revision, log).await?,
        None => newest(&session, files, log).await?,
    };
    log.info(&format!("Undoing {}", commit_line(&touched.commit)));
    let others = touched.changed_files.saturating_sub(touched.files.len());
    if others > 0 {
        log.warning(&format!(
            "Commit {} changed {}, not named by `file`: they stay as they are",
            touched.commit.id.short(),
            counted(others, "more file")
        ));
    }
    let undoing = Undoing {
        files,
        message: rollback.message.as_ref(),
        identity: &rollback.identity,
        dry_run: rollback.dry_run,
        pull_request: rollback.pull_request.as_ref(),
    };
    undo(&session, &undoing, &touched, source, log).await
}

/// Undoes `commit`, unless somebody has deployed since.
///
/// # Errors
/// As [`run`].
pub(super) async fn of_commit(
    session: &Session<'_>,
    files: &FileSelection,
    identity: &Identity,
    commit: &CommitId,
    source: &Source,
    log: &mut impl Progress,
) -> Result<LandingReport, Failure> {
    log.info(&format!(
        "Rolling back {} in {}",
        commit.short(),
        session.remote.location
    ));
    let revision = Revision::from(commit);
    let touched = named(session, files, &revision, log).await?;
    let undoing = Undoing {
        files,
        message: None,
        identity,
        dry_run: false,
        pull_request: None,
    };
    undo(session, &undoing, &touched, source, log).await
}

/// How to undo.
struct Undoing<'a> {
    files: &'a FileSelection,
    message: Option<&'a MessageTemplate>,
    identity: &'a Identity,
    dry_run: bool,
    pull_request: Option<&'a PullRequest>,
}

/// The same for a commit that is known.
async fn undo(
    session: &Session<'_>,
    undoing: &Undoing<'_>,
    touched: &Touched,
    source: &Source,
    log: &mut impl Progress,
) -> Result<LandingReport, Failure> {
    let proposing = match undoing.pull_request {
        None => None,
        Some(request) => Some(Proposing {
            request,
            branch: request.branch("rollback", touched.commit.id.as_str())?,
            source,
        }),
    };
    let landing = LandingOptions {
        proposing,
        operation: Operation::Rollback,
        files: undoing.files,
        identity: undoing.identity,
        dry_run: undoing.dry_run,
    };
    landing::land(session, &landing, log, async |snapshot: &Snapshot| {
        let plan = match plan(snapshot, touched) {
            Ok(plan) => plan,
            Err(problem) => return Err(explained(session, undoing.files, touched, problem).await),
        };
        let deployment = Deployment::of(&plan, source);
        let commit = &touched.commit;
        let merged_into = commit.parents.first().filter(|_| commit.is_merge());
        let reverted = Reverted {
            subject: commit.subject(),
            id: commit.id.as_str(),
            merged_into: merged_into.map(CommitId::as_str),
            origin: Origin::of(&commit.message),
        };
        let message = deployment::revert_message(undoing.message, &[reverted], &deployment);
        Ok(Planned {
            plan,
            message,
            warnings: Vec::new(),
            skipped: None,
        })
    })
    .await
}

/// Why a file can't be put back.
#[derive(Debug)]
struct Problem {
    file: String,
    why: Why,
}

#[derive(Debug)]
enum Why {
    /// There is nothing that it could be put back to.
    Added,
    /// There is nothing to write to.
    Removed,
    Restore(RestoreError),
}

/// What to change on the tip so that `touched` is undone.
fn plan(snapshot: &Snapshot, touched: &Touched) -> Result<Plan, Problem> {
    let mut plan = Plan::default();
    for versions in &touched.files {
        let Some(tip) = current(snapshot, versions, touched) else {
            continue;
        };
        let problem = |why| Problem {
            file: tip.path.to_string(),
            why,
        };
        let (Some(before), after) = (&versions.before, &versions.after) else {
            return Err(problem(Why::Added));
        };
        let Some(after) = after else {
            return Err(problem(Why::Removed));
        };
        let undone =
            undone(&tip.bytes, before, after).map_err(|error| problem(Why::Restore(error)))?;
        match undone {
            Some(bytes) => {
                let images = image_transitions(&tip.path, Some(&tip.bytes), Some(&bytes));
                plan.images.extend(images.into_iter().filter_map(change));
                plan.edits.push(FileEdit {
                    path: tip.path.clone(),
                    before: tip.bytes.clone(),
                    after: bytes,
                });
            }
            None => {
                // As it was before the commit, already.
                let images = image_transitions(&tip.path, Some(after), Some(before));
                plan.images
                    .extend(
                        images
                            .into_iter()
                            .filter_map(change)
                            .map(|change| ImageChange {
                                old: change.new.clone(),
                                ..change
                            }),
                    );
            }
        }
    }
    Ok(plan)
}

/// The file as it is now: under its own name, or under the one it has now, where one file is followed.
fn current<'s>(
    snapshot: &'s Snapshot,
    versions: &FileVersions,
    touched: &Touched,
) -> Option<&'s ManifestFile> {
    let same = snapshot
        .files
        .iter()
        .find(|file| file.path == versions.path);
    match (same, &snapshot.files[..], &touched.files[..]) {
        (Some(file), _, _) => Some(file),
        (None, [only], [_]) => Some(only),
        _ => None,
    }
}

/// `tip` without what happened from `before` to `after`; none where nothing of it is left.
fn undone(tip: &[u8], before: &[u8], after: &[u8]) -> Result<Option<Vec<u8>>, RestoreError> {
    if tip == after {
        return Ok(Some(before.to_vec()));
    }
    if tip == before {
        return Ok(None);
    }
    // Lines bring comments back as well; but they know nothing of values and objects, so that what
    // comes out must be the change taken back and nothing else.
    match three_way(after, tip, before) {
        Some(merged) if takes_back(tip, &merged, before, after) => {
            Ok((merged != tip).then_some(merged))
        }
        // Others changed lines beside it, or these values: what can be is set back by itself.
        _ => restore(tip, before, after),
    }
}

fn change(transition: ImageTransition) -> Option<ImageChange> {
    Some(ImageChange {
        file: transition.held.file,
        line: transition.held.line,
        resource: transition.held.resource,
        container: transition.held.container,
        place: transition.held.place,
        old: transition.old?,
        new: transition.new?,
    })
}

/// `1 file`, `2 files`
fn counted(count: usize, what: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {what}{s}")
}

/// Whether the commit changed an image, rather than to add or remove one. One that is gone from a place
/// and new at another one of them, as where the container got another name, is changed as well.
fn changed_an_image(touched: &Touched) -> bool {
    let transitions = touched.files.iter().flat_map(|versions| {
        image_transitions(
            &versions.path,
            versions.before.as_deref(),
            versions.after.as_deref(),
        )
    });
    let (mut gone, mut new) = (HashSet::new(), HashSet::new());
    for image in transitions {
        let repository = |image: &str| {
            let image = image.parse::<ImageReference>().ok()?;
            Some(image.repository().to_owned())
        };
        match (image.old, image.new) {
            (Some(_), Some(_)) => return true,
            (Some(old), None) => gone.extend(repository(&old)),
            (None, Some(image)) => new.extend(repository(&image)),
            (None, None) => {}
        }
    }
    !gone.is_disjoint(&new)
}

/// The newest commit that changed an image in the files.
async fn newest(
    session: &Session<'_>,
    files: &FileSelection,
    log: &mut impl Progress,
) -> Result<Touched, Failure> {
    let mut seen = None;
    for limit in STEPS {
        let query = HistoryQuery::newest(limit);
        let history = session.read(log, async || {
            session.repository.history(files, &query).await
        });
        let history = history.await?;
        if let Some(removed) = removed(&history) {
            return Err(removed);
        }
        let found = history
            .commits
            .iter()
            .find(|touched| changed_an_image(touched));
        if let Some(touched) = found {
            return Ok(touched.clone());
        }
        let is_all = !history.limited;
        seen = Some(history);
        if is_all {
            break;
        }
    }
    let (count, oldest) = match &seen {
        Some(history) => (history.commits.len(), history.commits.last()),
        None => (0, None),
    };
    let what = match oldest {
        Some(oldest) if count == 1 => {
            format!(
                "The one commit that touched it is {}.",
                commit_line(&oldest.commit)
            )
        }
        Some(oldest) => format!(
            "{count} commits touched it, the oldest of them {}.",
            commit_line(&oldest.commit)
        ),
        None => "No commit has touched it.".to_owned(),
    };
    Err(Failure::new(
        Reason::Rollback,
        format!(
            "There is nothing to roll back: no commit has changed an image in {files} of {}. {what} Nothing was changed.",
            session.remote.location
        ),
    )
    .with_hint("Check `file` and `branch`. A commit that changed something else is undone where `commit` names it."))
}

/// The failure for a file that is not there any more.
fn removed(history: &FileHistory) -> Option<Failure> {
    let newest = history.commits.first()?;
    let [versions] = &newest.files[..] else {
        return None;
    };
    if versions.after.is_some() {
        return None;
    }
    let Touched { commit, .. } = newest;
    Some(
        Failure::new(
            Reason::Rollback,
            format!(
                "`{}` is not there any more: {} removed or renamed it. Nothing was changed.",
                versions.path,
                commit_line(commit)
            ),
        )
        .with_hint("Set `file` to where the manifest is now."),
    )
}

/// The commit that `commit` names, if it can be undone.
async fn named(
    session: &Session<'_>,
    files: &FileSelection,
    revision: &Revision,
    log: &mut impl Progress,
) -> Result<Touched, Failure> {
    let text = revision.as_str();
    let searched = session.read(log, async || session.repository.search(text, files).await);
    let location = &session.remote.location;
    let failure = |message: String, hint: &str| {
        Err(
            Failure::new(Reason::Rollback, format!("{message} Nothing was changed."))
                .with_hint(hint),
        )
    };
    let touched = match searched.await? {
        Searched::OnBranch(touched) => touched,
        Searched::Elsewhere(commit) => {
            return failure(
                format!("Commit {commit} is in {location}, but not on the branch."),
                "Set `branch` to one that has the commit.",
            );
        }
        Searched::Ambiguous(commits) => {
            let ids: Vec<&str> = commits.iter().take(5).map(CommitId::as_str).collect();
            return failure(
                format!(
                    "{} commits begin with `{text}`: {}.",
                    commits.len(),
                    ids.join(", ")
                ),
                "Give more digits of the commit's id.",
            );
        }
        Searched::Nowhere => {
            return failure(
                format!("No commit of the branch in {location} begins with `{text}`."),
                "`git log`, or `operation: history`, lists the commits there are.",
            );
        }
    };
    let commit = &touched.commit;
    let line = commit_line(commit);
    if commit.is_merge() {
        let parents: Vec<&str> = commit.parents.iter().map(CommitId::short).collect();
        return failure(
            format!(
                "`commit` names a merge (of {}): {line}.",
                parents.join(" and ")
            ),
            "Leave `commit` out to undo the newest deployment, a merge as a whole; or name one of the commits that were merged.",
        );
    }
    if commit.parents.is_empty() {
        return failure(
            format!(
                "`commit` names the first commit of the branch, before which there is nothing: {line}."
            ),
            "Name the deployment that is to be undone.",
        );
    }
    if !touched.files.is_empty() {
        return Ok(touched);
    }
    // The file may have had another name then.
    let query = HistoryQuery::newest(STEPS[STEPS.len() - 1]);
    let history = session.read(log, async || {
        session.repository.history(files, &query).await
    });
    let mut commits = history.await?.commits.into_iter();
    match commits.find(|touched| touched.commit.id == commit.id) {
        Some(touched) => Ok(touched),
        None => failure(
            format!(
                "`commit` names {line}, which did not touch {files}, but {}.",
                counted(touched.changed_files, "other file")
            ),
            "Check `file`, or leave `commit` out to undo the newest deployment of it.",
        ),
    }
}

/// What a person is told of a commit that can't be undone.
async fn explained(
    session: &Session<'_>,
    files: &FileSelection,
    touched: &Touched,
    problem: Problem,
) -> Failure {
    let Problem { file, why } = problem;
    let line = commit_line(&touched.commit);
    let failure = |why: String, hint: String| {
        Failure::new(
            Reason::Rollback,
            format!("What {line} did to `{file}` can't be undone: {why}. Nothing was changed."),
        )
        .with_hint(hint)
    };
    match why {
        Why::Added => failure(
            "it added the file, so there is no deployment before it".to_owned(),
            "To stop what it deployed, remove the file.".to_owned(),
        ),
        Why::Removed => failure(
            "it removed the file".to_owned(),
            format!("`git revert {}` brings it back.", touched.commit.id.short()),
        ),
        Why::Restore(error) => {
            let later = match &error {
                RestoreError::ChangedSince { .. } => later(session, files, touched).await,
                RestoreError::Gone { .. }
                | RestoreError::Ambiguous { .. }
                | RestoreError::Structure
                | RestoreError::Unreadable(_) => None,
            };
            match later {
                Some(later) => failure(
                    format!("{error}, by {}", commit_line(&later.commit)),
                    format!(
                        "Undo that one first (`commit: {}`), or deploy the image that is to run with `operation: update`.",
                        later.commit.id.short()
                    ),
                ),
                None => failure(
                    error.to_string(),
                    "Deploy the image that is to run with `operation: update`.".to_owned(),
                ),
            }
        }
    }
}

/// The commit that changed a value again which `touched` had set: the first of them.
async fn later(session: &Session<'_>, files: &FileSelection, touched: &Touched) -> Option<Touched> {
    let query = HistoryQuery::newest(STEPS[1]);
    // It is for a message only: no history, no name.
    let history = session.repository.history(files, &query).await.ok()?;
    let since = history
        .commits
        .into_iter()
        .take_while(|other| other.commit.id != touched.commit.id);
    let since: Vec<Touched> = since.collect();
    since
        .into_iter()
        .rev()
        .find(|other| overwrites(other, touched))
}

/// Whether a value that `touched` had set is another one after `other`.
fn overwrites(other: &Touched, touched: &Touched) -> bool {
    let pairs = other
        .files
        .iter()
        .flat_map(|now| touched.files.iter().map(move |then| (now, then)));
    let mut same_file =
        pairs.filter(|(now, then)| now.path == then.path || touched.files.len() == 1);
    same_file.any(
        |(now, then)| match (&now.after, &then.before, &then.after) {
            (Some(now), Some(before), Some(after)) => matches!(
                restore(now, before, after),
                Err(RestoreError::ChangedSince { .. })
            ),
            _ => false,
        },
    )
}
