//! What a person is told where commits can't be undone: why, what came after them, and what works.

use std::collections::HashSet;
use std::sync::Arc;

use super::choice::{self, Choice};
use super::plan::{self, Problem, Undone, Why};
use super::target::{To, Wanted};
use crate::deployment::past::{LastSeen, Part};
use crate::deployment::{Origin, is_ours};
use crate::failure::{Failure, Reason};
use crate::files::{FileSelection, RepoPath};
use crate::manifest::{self, EditRequest, ImageChange, Plan, RestoreError, Versions};
use crate::nearest::first_few;
use crate::operation::commit_line;
use crate::operation::landing::distinct;
use crate::operation::past::{changes, messages, named, past};
use crate::operation::session::Session;
use crate::repository::Snapshot;
use crate::repository::history::{FileHistory, FileVersions, HistoryQuery, Touched};

/// How many of the files' commits are looked at for what came after.
const DEPTH: usize = 100;
/// How many of those are listed.
const LISTED: usize = 10;

/// What a person is told of `problem`.
pub(super) async fn explained(
    session: &Session<'_>,
    files: &FileSelection,
    choice: &Arc<Choice>,
    snapshot: &Arc<Snapshot>,
    problem: Problem,
) -> Failure {
    // It is for a message only: without the history it says less.
    let history = match choice.wanted.is_some() || matches!(problem.why, Why::Restore(_)) {
        true => {
            let query = HistoryQuery::newest(DEPTH);
            session.repository.history(files, &query).await.ok()
        }
        false => None,
    };
    let (choice, snapshot) = (Arc::clone(choice), Arc::clone(snapshot));
    let told = session.work(move || {
        let (undone, wanted) = (&choice.undone, choice.wanted.as_ref());
        told(undone, wanted, &snapshot, problem, history.as_ref())
    });
    told.await.unwrap_or_else(|overrun| overrun)
}

fn told(
    undone: &[Undone],
    wanted: Option<&Wanted>,
    snapshot: &Snapshot,
    problem: Problem,
    history: Option<&FileHistory>,
) -> Failure {
    if let Some(wanted) = wanted
        && let Some(renamed) = renamed_since(undone, wanted, snapshot, &problem, history)
    {
        return renamed;
    }
    let Problem { number, file, why } = problem;
    let Some(Undone { touched, .. }) = undone.get(number) else {
        return Failure::new(Reason::Rollback, "Nothing was undone.");
    };
    let (line, short) = (commit_line(&touched.commit), touched.commit.id.short());
    let failure = |why: &str, hint: String| {
        let text = format!("What {line} did to `{file}` can't be undone: {why}");
        Failure::new(Reason::Rollback, text).with_hint(hint)
    };
    match why {
        Why::Added => failure(
            "it added the file, so there is no deployment before it. Nothing was changed.",
            "To stop what it deployed, remove the file.".to_owned(),
        ),
        Why::Removed => failure(
            "it removed the file. Nothing was changed.",
            format!("`git revert {short}` brings it back."),
        ),
        Why::Gone => {
            let others = touched.files.iter().filter(|versions| versions.now != file);
            let others = others.map(|versions| versions.now.to_string());
            let others: Vec<String> = others
                .filter(|other| {
                    snapshot
                        .files
                        .iter()
                        .any(|file| file.path.as_str() == other)
                })
                .collect();
            let hint = match &others[..] {
                [] => format!("`git revert {short}` shows what became of it."),
                others => format!(
                    "To undo it in the other files alone, name those with `file`: {}.",
                    others.join(", ")
                ),
            };
            failure("the file is not there any more. Nothing was changed.", hint)
        }
        Why::Signed(error) => Failure::new(
            Reason::Rollback,
            format!("What {line} did to `{file}` can't be undone: {error}. Nothing was changed."),
        ),
        Why::Interrupted => failure(
            "what came later can't be undone before it. Nothing was changed.",
            format!("`git revert {short}` shows what is in the way."),
        ),
        Why::Restore(error) => {
            let later = history.map(|history| Later::of(history, touched, &file));
            let later = later.unwrap_or_default();
            let by = match (&error, later.overwriting.first()) {
                (RestoreError::ChangedSince { .. }, Some(newest)) => {
                    format!(", by {}", commit_line(&newest.commit))
                }
                _ => String::new(),
            };
            let list = later.list();
            let is_elsewhere = matches!(
                error,
                RestoreError::Gone { .. } | RestoreError::AnotherObject { .. }
            );
            let hint = later.advice(history, undone, snapshot, touched, is_elsewhere);
            failure(&format!("{error}{by}. Nothing was changed.{list}"), hint)
        }
    }
}

/// The objects that are gone from a file, and those that are new in it.
fn objects(file: &RepoPath, before: Option<&[u8]>, after: Option<&[u8]>) -> [Vec<String>; 2] {
    let (mut gone, mut new) = (Vec::new(), Vec::new());
    for value in Versions::new(file, before, after).values() {
        match (value.path.as_str(), value.old, value.new) {
            (".kind", Some(_), None) => gone.push(value.resource),
            (".kind", None, Some(_)) => new.push(value.resource),
            _ => {}
        }
    }
    [gone, new]
}

fn objects_of(versions: &FileVersions) -> [Vec<String>; 2] {
    let (before, after) = (versions.before.as_deref(), versions.after.as_deref());
    objects(&versions.path, before, after)
}

/// The failure for an object that is not there any more by its name, which a `to` does not bring back.
fn renamed<'t>(
    wanted: &Wanted,
    object: &str,
    file: &RepoPath,
    mut commits: impl Iterator<Item = &'t Touched>,
) -> Failure {
    let takes_out = |versions: &FileVersions| {
        versions.now == *file && objects_of(versions)[0].iter().any(|gone| gone == object)
    };
    let by = commits.find(|touched| touched.files.iter().any(takes_out));
    let by = by.map_or(String::new(), |by| {
        format!(", by {}", commit_line(&by.commit))
    });
    Failure::new(
        Reason::Rollback,
        format!(
            "`to` names {wanted}, but {object} in `{file}`, where it ran, was renamed or removed since{by}. A `to` never renames an object back. Nothing was changed."
        ),
    )
    .with_hint(
        "Deploy what is to run with `operation: update`; or name a commit that is to be undone with `commit`.",
    )
}

/// The failure where `plan` would rename an object back for the images that are wanted.
pub(super) fn renames_back(plan: &Plan, undone: &[Undone], wanted: &Wanted) -> Option<Failure> {
    plan.edits.iter().find_map(|edit| {
        let [gone, new] = objects(&edit.path, Some(&edit.before), Some(&edit.after));
        let object = new.first().filter(|_| !gone.is_empty())?;
        let commits = undone.iter().map(|one| &one.touched);
        Some(renamed(wanted, object, &edit.path, commits))
    })
}

/// The failure where one of `named` neither comes back nor goes away: whoever names it means another deployment than
/// the newest one.
pub(super) fn of_another(plan: &Plan, named: &[To]) -> Option<Failure> {
    let changes: Vec<&ImageChange> = plan.changed_images().collect();
    let is_met = |image: &&To| {
        let mut changes = changes.iter();
        changes.any(|change| image.means(&change.old) || image.means(&change.new))
    };
    let other = named.iter().find(|image| !is_met(image))?;
    let does = match changes.as_slice() {
        [] => "would bring back no image".to_owned(),
        changes => {
            let back = changes.iter();
            let back = back.map(|change| format!("{} where {} runs", change.new, change.old));
            let back: Vec<String> = back.collect();
            let back: Vec<&str> = distinct(back.iter().map(String::as_str));
            format!("would bring back {}", first_few(&back, LISTED))
        }
    };
    let text = format!(
        "`image` names {other}, and undoing the newest deployment {does}. Nothing was changed."
    );
    Some(Failure::new(Reason::Rollback, text).with_hint(
        "To go back to an image, name it with `to` in place of `image`; to undo the newest deployment, remove `image`.",
    ))
}

/// The failure where what can't be undone was done to an object that is not there any more.
fn renamed_since(
    undone: &[Undone],
    wanted: &Wanted,
    snapshot: &Snapshot,
    problem: &Problem,
    history: Option<&FileHistory>,
) -> Option<Failure> {
    let Problem { number, file, .. } = problem;
    let tip = snapshot.files.iter().find(|tip| tip.path == *file)?;
    let Undone { touched, .. } = undone.get(*number)?;
    let versions = touched.files.iter().find(|own| own.now == *file)?;
    let after = versions.after.as_deref();
    let values = Versions::new(file, versions.before.as_deref(), after).values();
    let [gone, _] = objects(file, after, Some(&tip.bytes));
    let object = gone
        .iter()
        .find(|gone| values.iter().any(|value| value.resource == **gone))?;
    let commits = history.iter().flat_map(|history| &history.commits);
    Some(renamed(wanted, object, file, commits))
}

/// What came after a commit, newest first.
#[derive(Default)]
struct Later<'h> {
    /// What changed again what it had changed; where nothing did, all that touched the file.
    overwriting: Vec<&'h Touched>,
    history: &'h [Touched],
}

impl<'h> Later<'h> {
    fn of(history: &'h FileHistory, touched: &Touched, file: &RepoPath) -> Self {
        let values = |touched: &Touched| -> HashSet<(String, String)> {
            let versions = touched
                .files
                .iter()
                .filter(|versions| versions.now == *file);
            let values = versions.flat_map(|versions| {
                let (before, after) = (versions.before.as_deref(), versions.after.as_deref());
                Versions::new(&versions.path, before, after).values()
            });
            values.map(|value| (value.resource, value.path)).collect()
        };
        let own = values(touched);
        let after = |other: &&Touched| other.commit.id != touched.commit.id;
        let later: Vec<&Touched> = history.commits.iter().take_while(after).collect();
        let touching = later
            .iter()
            .copied()
            .filter(|other| other.files.iter().any(|versions| versions.now == *file));
        let mut overwriting: Vec<&Touched> = touching.clone().collect();
        if touching
            .clone()
            .any(|other| !values(other).is_disjoint(&own))
        {
            overwriting.retain(|other| !values(other).is_disjoint(&own));
        }
        Self {
            overwriting,
            history: &history.commits,
        }
    }

    /// A line each, with author and images.
    fn list(&self) -> String {
        let named = named(self.history);
        let line = |touched: &&Touched| {
            let changes = touched.files.iter().flat_map(|versions| {
                let changes = changes(&named, versions);
                changes.past(versions.path.as_str()).0
            });
            let text = |text: Option<String>| text.unwrap_or_else(|| "none".to_owned());
            let mut images: Vec<String> = Vec::new();
            for change in changes.filter(|change| change.is_image) {
                let pair = format!("{} → {}", text(change.old), text(change.new));
                if !images.contains(&pair) {
                    images.push(pair);
                }
            }
            let images = match &images[..] {
                [] => String::new(),
                images => format!(": {}", images.join(", ")),
            };
            format!("\n- {}{images}", commit_line(&touched.commit))
        };
        let lines: String = self.overwriting.iter().take(LISTED).map(line).collect();
        let more = match self.overwriting.len().checked_sub(LISTED) {
            None | Some(0) => String::new(),
            Some(more) => format!("\n- and {more} more"),
        };
        match self.overwriting.is_empty() {
            true => String::new(),
            false => format!("\nWhat changed it since, the newest first:{lines}{more}"),
        }
    }

    /// What works, tried on the snapshot before it is said; `is_elsewhere` where what is to be undone is not in
    /// its place any more.
    fn advice(
        &self,
        history: Option<&FileHistory>,
        undone: &[Undone],
        snapshot: &Snapshot,
        touched: &Touched,
        is_elsewhere: bool,
    ) -> String {
        let by_hand = "Change the file by hand, or deploy what is to run with `operation: update`.";
        let Some(history) = history else {
            return by_hand.to_owned();
        };
        let named = named(&history.commits);
        let images = touched
            .files
            .iter()
            .flat_map(|versions| changes(&named, versions).images);
        let (before, after): (Vec<String>, Vec<String>) = images
            .filter_map(|image| Some((image.old?, image.new?)))
            .unzip();
        // It is for a message only.
        let Ok(past) = past(&history.commits, &named) else {
            return by_hand.to_owned();
        };
        let works = |undone: &[Undone]| {
            let plan = plan::undo(snapshot, undone, &named);
            plan.is_ok_and(|plan| !plan.edits.is_empty())
        };
        if let Some(image) = before.first()
            && let Ok(to) = image.parse::<Wanted>()
        {
            let way = past.back_to(|image| to.means(image));
            let undo = way
                .undo
                .iter()
                .map(|undo| choice::undone(history, &past, undo));
            let undo: Vec<Undone> = undo.collect();
            let commits: Vec<&Touched> = undo.iter().map(|one| &one.touched).collect();
            // What was rolled back is not what anybody is told to run again.
            if way.again.is_empty() && works(&undo) {
                return format!(
                    "`operation: rollback` with `to: {image}`, and without `commit`, takes all of it back{}",
                    ask(&commits)
                );
            }
        }
        // A container that has another name keeps it.
        if is_elsewhere
            && before
                .iter()
                .all(|image| !matches!(past.last_seen(image), LastSeen::Taken(_)))
            && let Some(lines) = as_update(snapshot, &before, &after)
        {
            return format!(
                "`operation: update` with {lines} deploys what ran before, where that image is now."
            );
        }
        let own = undone.iter().map(|one| &one.touched);
        let mut all: Vec<&Touched> = self.overwriting.clone();
        all.extend(own.filter(|own| {
            !self
                .overwriting
                .iter()
                .any(|one| one.commit.id == own.commit.id)
        }));
        let all: Vec<Undone> = all.into_iter().map(as_undone).collect();
        let is_forward = |touched: &&Touched| {
            let standing = past.commits().iter().zip(past.standings());
            let mut own = standing.filter(|(commit, _)| commit.id == touched.commit.id.as_str());
            own.any(|(_, standing)| standing.origin == Origin::Rollback)
        };
        if !self.overwriting.is_empty() && !self.overwriting.iter().any(is_forward) && works(&all) {
            let commits: Vec<String> = self
                .overwriting
                .iter()
                .map(|touched| format!("`commit: {}`", touched.commit.id.short()))
                .collect();
            return format!(
                "Undo what came later first, the newest of it first: {}{}",
                commits.join(", then "),
                ask(&self.overwriting)
            );
        }
        match before.first() {
            Some(image) => {
                format!("Deploy what is to run with `operation: update`: `image: {image}`.")
            }
            None => by_hand.to_owned(),
        }
    }
}

/// The lines of `image` that bring the images `before` back in place of those that came `after`, and change
/// nothing else; none where there are no such lines.
fn as_update(snapshot: &Snapshot, before: &[String], after: &[String]) -> Option<String> {
    let lines = distinct(before.iter().map(String::as_str));
    let assignments = lines.iter().map(|line| line.parse());
    let request = EditRequest {
        images: assignments.collect::<Result<_, _>>().ok()?,
        ..EditRequest::default()
    };
    let plan = manifest::plan(&snapshot.files, &request).ok()?;
    let mut changed = plan.changed_images().peekable();
    changed.peek()?;
    let lines: Vec<String> = lines
        .iter()
        .map(|line| format!("`image: {line}`"))
        .collect();
    changed
        .all(|image| after.contains(&image.old))
        .then(|| lines.join(" and "))
}

/// The end of a sentence about undoing commits: whose work it is as well.
fn ask(commits: &[&Touched]) -> String {
    let theirs = commits
        .iter()
        .filter(|touched| !is_ours(&touched.commit.message));
    let mut people: Vec<&str> = Vec::new();
    for name in theirs.map(|touched| touched.commit.author.name.as_str()) {
        if !people.contains(&name) {
            people.push(name);
        }
    }
    match people.is_empty() {
        true => ".".to_owned(),
        false => format!(
            ". That is the work of {}, too: ask first.",
            people.join(" and ")
        ),
    }
}

fn as_undone(touched: &Touched) -> Undone {
    Undone {
        origin: Origin::of_all(messages(&touched.commit)),
        parts: vec![Part::Whole; touched.files.len()],
        touched: touched.clone(),
    }
}
