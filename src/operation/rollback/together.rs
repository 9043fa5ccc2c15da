//! Whether images ran together before.

use std::sync::Arc;

use super::choice::{Choice, HORIZON};
use super::target::Wanted;
use crate::deployment::Named;
use crate::deployment::past::Past;
use crate::files::{FileSelection, RepoPath};
use crate::manifest::{Plan, Readings};
use crate::nearest::first_few;
use crate::operation::landing::distinct;
use crate::operation::past::{named, past};
use crate::operation::session::Session;
use crate::repository::history::{FileHistory, HistoryQuery};

/// How many images are named.
const NAMED: usize = 5;

/// The images of some files, each with its file's number and its place.
pub(super) type State = Vec<(usize, String, String)>;

/// What a person should know where the images that `plan` leaves in its files did not run together before,
/// as far as can be seen: a sentence or two without the last full stop.
pub(super) async fn told(
    session: &Session<'_>,
    files: &FileSelection,
    choice: &Choice,
    plan: &Plan,
) -> Option<String> {
    let history = choice.history.as_ref()?;
    let wanted = choice.wanted.as_ref();
    let told = never(history, plan, wanted, &session.readings)?;
    if !history.limited || history.commits.len() >= HORIZON {
        return Some(told);
    }
    // Older commits may know of it. It is for a message only: one try.
    let query = HistoryQuery::newest(HORIZON);
    match session.repository.history(files, &query).await {
        Ok(older) => never(&older, plan, wanted, &session.readings),
        Err(_) => Some(told),
    }
}

fn never(
    history: &FileHistory,
    plan: &Plan,
    wanted: Option<&Wanted>,
    readings: &Arc<Readings>,
) -> Option<String> {
    let edits = &plan.edits;
    let named = named(&history.commits).reading(readings);
    let files: Vec<&RepoPath> = edits.iter().map(|edit| &edit.path).collect();
    let then: Vec<State> = edits
        .iter()
        .enumerate()
        .map(|(own, edit)| state(&named, own, &edit.path, Some(&edit.after)))
        .collect();
    let then = then.concat();
    let states = states(history, &named, &files);
    if edits.is_empty() || states.iter().any(|(state, _)| *state == then) {
        return None;
    }
    let intro = "What is deployed then did not run together before, as far as can be seen";
    let moved = distinct(plan.changed_images().map(|image| image.new.as_str()));
    let what = match wanted {
        Some(wanted) => wanted.to_string(),
        None => moved.join(" and "),
    };
    let holds = |state: &State| match wanted {
        Some(wanted) => {
            let mut all = wanted.all().iter();
            all.all(|to| state.iter().any(|(.., image)| to.means(image)))
        }
        None => {
            let mut all = moved.iter();
            all.all(|moved| state.iter().any(|(.., image)| image == moved))
        }
    };
    let last_with = states.iter().rev().find(|(state, _)| holds(state));
    let (mut was, mut is): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    if let Some((before, _)) = last_with {
        for (file, place, image) in &then {
            let mut before = before.iter();
            let before = before.find(|(own, other, _)| (own, other) == (file, place));
            if let Some((.., before)) = before
                && before != image
                && !was.contains(&before.as_str())
            {
                was.push(before);
                is.push(image);
            }
        }
    }
    if was.is_empty() || was.len() > NAMED || moved.len() > NAMED {
        let then = distinct(then.iter().map(|(.., image)| image.as_str()));
        return Some(format!("{intro}: {}", first_few(&then, NAMED)));
    }
    let past = past(&history.commits, &named);
    let is_meant = |image: &str| match wanted {
        Some(wanted) => wanted.means(image),
        None => moved.contains(&image),
    };
    let advice = match comes_back(&past, |image| is_meant(image) || was.contains(&image)) {
        true if wanted.is_some() => format!(
            ". To have that again, name it in `to` as well, an image a line: {}",
            was.join(", ")
        ),
        true => format!(
            ". To have that again, name it in `to`, an image a line: {}, {}",
            moved.join(", "),
            was.join(", ")
        ),
        false => String::new(),
    };
    Some(format!(
        "{intro}: {what} ran with {} last, and runs with {} then{advice}",
        was.join(", "),
        is.join(", ")
    ))
}

/// Whether all of the images come back in one step, none of them forward.
pub(super) fn comes_back(past: &Past<'_>, is_wanted: impl Fn(&str) -> bool) -> bool {
    let candidates = past.candidates(&is_wanted);
    let way = past.back_to(&is_wanted);
    way.again.is_empty() && !candidates.iter().any(|one| one.is_forward)
}

/// What the images of `files` were, from the oldest state that is known of all of them on; with the number of
/// the commit that ended it, but for the last one. Of files that no commit touched, nothing is known.
pub(super) fn states(
    history: &FileHistory,
    named: &Named<'_>,
    files: &[&RepoPath],
) -> Vec<(State, Option<usize>)> {
    let commits = history.commits.iter().enumerate().rev();
    let mut now: Vec<Option<State>> = vec![None; files.len()];
    let number_of = |path: &RepoPath| files.iter().position(|file| *file == path);
    for (_, touched) in commits.clone() {
        for versions in &touched.files {
            if let Some(own) = number_of(&versions.now)
                && now[own].is_none()
            {
                let before = versions.before.as_deref();
                now[own] = Some(state(named, own, &versions.path, before));
            }
        }
    }
    let all = |now: &[Option<State>]| now.iter().flatten().flatten().cloned().collect();
    let mut states = Vec::new();
    for (number, touched) in commits {
        let before: State = all(&now);
        for versions in &touched.files {
            if let Some(own) = number_of(&versions.now) {
                let after = versions.after.as_deref();
                now[own] = Some(state(named, own, &versions.path, after));
            }
        }
        states.push((before, Some(number)));
    }
    states.push((all(&now), None));
    states
}

/// The images of a file by their places.
fn state(named: &Named<'_>, own: usize, file: &RepoPath, text: Option<&[u8]>) -> State {
    let images = named.changes(file, None, text).images.into_iter();
    let mut state: State = images
        .filter_map(|image| Some((own, image.held.place.to_string(), image.new?)))
        .collect();
    state.sort_unstable();
    state
}
