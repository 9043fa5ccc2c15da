//! Which commits are undone.

use super::plan::{Undone, images_like};
use super::target::{Target, To};
use crate::deployment::Origin;
use crate::deployment::past::{NothingBefore, Part, Past, Standing, Undo};
use crate::failure::{Failure, Reason};
use crate::files::FileSelection;
use crate::manifest::Plan;
use crate::operation::past::{messages, named, past};
use crate::operation::session::Session;
use crate::operation::{Progress, commit_line, counted};
use crate::repository::history::{FileHistory, HistoryQuery, Searched, Touched};
use crate::repository::{CommitId, Revision, Snapshot};

/// How many commits of the files are looked at, step by step.
const STEPS: [usize; 3] = [10, 100, 1000];
/// How many commits that are passed over are told, and how many images that there were.
const TOLD: usize = 10;

/// What is to be undone.
pub(super) struct Choice {
    /// Newest first; none where nothing was found after which the image that is wanted ran.
    pub undone: Vec<Undone>,
    /// A line for each commit that is passed over.
    pub passed_over: Vec<String>,
    /// What a person should know who thinks that all of it is undone.
    pub warnings: Vec<String>,
    /// Why nothing is to be undone: a sentence without its full stop.
    pub already: Option<String>,
    /// The image that is wanted, and what there was.
    wanted: Option<(To, String)>,
}

/// Finds out what `target` means.
pub(super) async fn choose(
    session: &Session<'_>,
    files: &FileSelection,
    target: &Target,
    log: &mut impl Progress,
) -> Result<Choice, Failure> {
    match target {
        Target::Newest => newest(session, files, log).await,
        Target::To(to) => back_to(session, files, to, log).await,
        Target::Commit(revision) => {
            let touched = one(session, files, revision, log).await?;
            of_commit(session, files, touched, log).await
        }
    }
}

impl Choice {
    fn of(history: &FileHistory, past: &Past<'_>, chosen: &[Undo]) -> Self {
        let standings = past.standings();
        let line = |number: usize| commit_line(&history.commits[number].commit);
        let undone = chosen.iter().map(|undo| undone(history, past, undo));
        let overridden = chosen.iter().flat_map(|undo| past.overridden(undo.number));
        let warnings = overridden.map(|(change, by)| {
            let by = by.map_or_else(|| "somebody".to_owned(), line);
            let is = if change.is_image {
                "An image"
            } else {
                &change.place
            };
            format!(
                "{is} in {} stays as it is: {by} has changed it since",
                change.file
            )
        });
        let mut warnings: Vec<String> = warnings.collect();
        warnings.dedup();
        let newest = chosen.first().map_or(0, |undo| undo.number);
        let passed = history.commits.iter().zip(standings).take(newest);
        let passed = passed.filter_map(|(touched, standing)| {
            let by = standing.undone_by.filter(|_| standing.is_deployment())?;
            Some(format!(
                "Passing over {}: {} took it back",
                commit_line(&touched.commit),
                history.commits[by].commit.id.short()
            ))
        });
        Self {
            undone: undone.collect(),
            passed_over: passed.take(TOLD).collect(),
            warnings,
            already: None,
            wanted: None,
        }
    }

    /// What there is to say where nothing is to be undone: what is wanted runs already, or never ran.
    pub fn held(&self, snapshot: &Snapshot, session: &Session<'_>) -> Result<Plan, Failure> {
        let mut plan = Plan::default();
        let Some((to, known)) = &self.wanted else {
            return Ok(plan);
        };
        plan.images = images_like(snapshot, to);
        if !plan.images.is_empty() {
            return Ok(plan);
        }
        let location = &session.remote.location;
        Err(Failure::new(
            Reason::Rollback,
            format!("`to` names {to}, and no such image ran before in {location}, as far as can be seen. {known} Nothing was changed."),
        )
        .with_hint("Check `to` and `file`; or deploy it with `operation: update`."))
    }
}

/// The newest deployment in force.
async fn newest(
    session: &Session<'_>,
    files: &FileSelection,
    log: &mut impl Progress,
) -> Result<Choice, Failure> {
    for limit in STEPS {
        let history = session
            .history(files, &HistoryQuery::newest(limit), log)
            .await?;
        if let Some(removed) = removed(files, &history) {
            return Err(removed);
        }
        let is_last = !history.limited || Some(&limit) == STEPS.last();
        let named = named(&history.commits);
        let past = past(&history.commits, &named);
        match past.newest() {
            // An edit may take something back that only older commits show.
            Ok(chosen)
                if is_last || !chosen.iter().any(|one| past.may_be_a_rollback(one.number)) =>
            {
                return Ok(Choice::of(&history, &past, &chosen));
            }
            Err(why) if is_last => return Err(nothing(session, files, &history, &past, why)),
            Ok(_) | Err(_) => {}
        }
    }
    Err(Failure::new(
        Reason::Rollback,
        "There is nothing to roll back.",
    ))
}

/// What came after the image that is wanted.
async fn back_to(
    session: &Session<'_>,
    files: &FileSelection,
    to: &To,
    log: &mut impl Progress,
) -> Result<Choice, Failure> {
    let mut choice = Choice {
        undone: Vec::new(),
        passed_over: Vec::new(),
        warnings: Vec::new(),
        already: None,
        wanted: None,
    };
    for limit in STEPS {
        let history = session
            .history(files, &HistoryQuery::newest(limit), log)
            .await?;
        let named = named(&history.commits);
        let past = past(&history.commits, &named);
        let way = past.back_to(|image| to.means(image));
        if !way.undo.is_empty() {
            let mut choice = Choice::of(&history, &past, &way.undo);
            choice
                .passed_over
                .extend(way.stays.iter().map(|(by, file)| {
                    let by = commit_line(&history.commits[*by].commit);
                    format!("{file} stays as it is: {to} was taken back there by {by}")
                }));
            return Ok(choice);
        }
        let known = match &past.replaced_images()[..] {
            [] => "No image was replaced there.".to_owned(),
            known => {
                let known: Vec<&str> = known.iter().copied().take(TOLD).collect();
                format!("What ran before, the newest first: {}.", known.join(", "))
            }
        };
        choice.wanted = Some((to.clone(), known));
        if !history.limited {
            break;
        }
    }
    Ok(choice)
}

/// What of a commit is to be undone that is named.
async fn of_commit(
    session: &Session<'_>,
    files: &FileSelection,
    touched: Touched,
    log: &mut impl Progress,
) -> Result<Choice, Failure> {
    let mut history = None;
    for limit in STEPS {
        let query = HistoryQuery::newest(limit);
        let read = session.history(files, &query, log).await?;
        let is_there = read.commits.iter().any(|one| brought(one, &touched));
        let is_last = !read.limited || is_there;
        history = Some(read);
        if is_last {
            break;
        }
    }
    let own = Undone {
        origin: Origin::of_all(messages(&touched.commit)),
        parts: vec![Part::Whole; touched.files.len()],
        touched: touched.clone(),
    };
    let whole = Choice {
        undone: vec![own],
        passed_over: Vec::new(),
        warnings: Vec::new(),
        already: None,
        wanted: None,
    };
    let Some(history) = history else {
        return Ok(whole);
    };
    let named = named(&history.commits);
    let past = past(&history.commits, &named);
    let mut commits = history.commits.iter();
    let Some(number) = commits.position(|one| brought(one, &touched)) else {
        return Ok(whole);
    };
    match past.of_commit(number) {
        Err(by) => Ok(Choice {
            undone: Vec::new(),
            already: Some(format!(
                "{} was taken back already, by {}",
                commit_line(&touched.commit),
                commit_line(&history.commits[by].commit)
            )),
            ..whole
        }),
        // One of a merge is undone by itself.
        Ok(_) if history.commits[number].commit.id != touched.commit.id => Ok(whole),
        Ok(undo) => {
            let mut choice = Choice::of(&history, &past, &[undo]);
            choice.passed_over.clear();
            choice.warnings.clear();
            Ok(choice)
        }
    }
}

/// Whether a commit is another one, or has merged it.
fn brought(one: &Touched, other: &Touched) -> bool {
    let mut merged = one.commit.merged.iter();
    one.commit.id == other.commit.id || merged.any(|said| said.commit == other.commit.id)
}

/// What of a commit is to be undone.
pub(super) fn undone(history: &FileHistory, past: &Past<'_>, undo: &Undo) -> Undone {
    Undone {
        touched: history.commits[undo.number].clone(),
        origin: past.standings()[undo.number].origin,
        parts: past.parts(undo),
    }
}

/// Why nothing is rolled back.
fn nothing(
    session: &Session<'_>,
    files: &FileSelection,
    history: &FileHistory,
    past: &Past<'_>,
    why: NothingBefore,
) -> Failure {
    let location = &session.remote.location;
    let line = |number: usize| commit_line(&history.commits[number].commit);
    let failure = |what: String, hint: &str| {
        Failure::new(
            Reason::Rollback,
            format!("There is nothing to roll back: {what} Nothing was changed."),
        )
        .with_hint(hint)
    };
    let was_deployed = |(_, standing): &(usize, &Standing)| standing.is_deployment();
    match why {
        NothingBefore::RolledBack { deployment, by } => failure(
            format!(
                "what ran before {} was rolled back itself, by {}.",
                line(deployment),
                line(by)
            ),
            "To run it all the same, name it with `to`, or the deployment to undo with `commit`.",
        ),
        NothingBefore::NoDeployment => {
            match past.standings().iter().enumerate().find(was_deployed) {
                Some((number, standing)) => failure(
                    format!(
                        "every deployment of {files} in {location} was rolled back already. The newest was {}{}.",
                        line(number),
                        standing
                            .undone_by
                            .map(|by| format!(", taken back by {}", line(by)))
                            .unwrap_or_default()
                    ),
                    "To undo a rollback, name it with `commit`; to run an image again, name it with `to`.",
                ),
                None => {
                    let what = match (&history.commits[..], history.commits.last()) {
                        ([only], _) => format!(
                            "The one commit that touched it is {}.",
                            commit_line(&only.commit)
                        ),
                        (all, Some(oldest)) => format!(
                            "{} commits touched it, the oldest of them {}.",
                            all.len(),
                            commit_line(&oldest.commit)
                        ),
                        (_, None) => "No commit has touched it.".to_owned(),
                    };
                    failure(
                        format!("no commit has changed an image in {files} of {location}. {what}"),
                        "Check `file` and `branch`. A commit that changed something else is undone where `commit` names it.",
                    )
                }
            }
        }
    }
}

/// The failure for the one file that is meant and is not there any more.
fn removed(files: &FileSelection, history: &FileHistory) -> Option<Failure> {
    if files.globs().next().is_some() || files.named_paths().len() != 1 {
        return None;
    }
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
async fn one(
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
    match touched.files.is_empty() {
        false => Ok(touched),
        true => failure(
            format!(
                "`commit` names {line}, which did not touch {files}, but {}.",
                counted(touched.changed_files, "other file")
            ),
            "Check `file`, or leave `commit` out to undo the newest deployment of it.",
        ),
    }
}
