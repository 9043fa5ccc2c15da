//! Whether images ran together before.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::choice::Choice;
use super::target::Wanted;
use crate::deployment::Named;
use crate::deployment::past::Past;
use crate::failure::Failure;
use crate::files::{FileSelection, RepoPath};
use crate::manifest::{Plan, Readings};
use crate::nearest::first_few;
use crate::operation::landing::distinct;
use crate::operation::past::{HORIZON, named, past};
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
    choice: &Arc<Choice>,
    plan: &Arc<Plan>,
) -> Result<Option<String>, Failure> {
    let never_in = async |older: Option<FileHistory>| {
        let (choice, plan) = (Arc::clone(choice), Arc::clone(plan));
        let readings = Arc::clone(&session.readings);
        let told = session.work(move || {
            let history = older.as_ref().or(choice.history.as_ref())?;
            never(history, &plan, choice.wanted.as_ref(), &readings)
        });
        told.await
    };
    let told = never_in(None).await?;
    let may_know = |history: &FileHistory| history.limited && history.commits.len() < HORIZON;
    if told.is_none() || !choice.history.as_ref().is_some_and(may_know) {
        return Ok(told);
    }
    // Older commits may know of it. It is for a message only: one try.
    let query = HistoryQuery::newest(HORIZON);
    match session.repository.history(files, &query).await {
        Ok(older) => never_in(Some(older)).await,
        Err(_) => Ok(told),
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
    let intro = "What is deployed then did not run together before, as far as can be seen";
    let moved = distinct(plan.changed_images().map(|image| image.new.as_str()));
    let what = match wanted {
        Some(wanted) => wanted.to_string(),
        None => moved.join(" and "),
    };
    let holds = |states: &[Option<Arc<State>>]| match wanted {
        Some(wanted) => {
            let mut all = wanted.all().iter();
            all.all(|to| images(states).any(|(.., image)| to.means(image)))
        }
        None => {
            let there = images(states).map(|(.., image)| image.as_str());
            let there: HashSet<&str> = there.collect();
            moved.iter().all(|moved| there.contains(moved))
        }
    };
    let (mut ran, mut last_with) = (false, None);
    each_state(history, &named, &files, |states, _| {
        ran |= images(states).eq(&then);
        if holds(states) {
            last_with = Some(states.to_vec());
        }
    });
    if edits.is_empty() || ran {
        return None;
    }
    let (mut was, mut is): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    if let Some(last) = &last_with {
        // Of several that share a place, the first.
        let mut before: HashMap<(usize, &str), &str> = HashMap::new();
        for (file, place, image) in images(last) {
            before.entry((*file, place)).or_insert(image);
        }
        for (file, place, image) in &then {
            // No more of them are told.
            if was.len() > NAMED {
                break;
            }
            if let Some(before) = before.get(&(*file, place.as_str()))
                && before != image
                && !was.contains(before)
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
    let is_meant = |image: &str| match wanted {
        Some(wanted) => wanted.means(image),
        None => moved.contains(&image),
    };
    let past = past(&history.commits, &named);
    let comes_back =
        past.is_ok_and(|past| comes_back(&past, |image| is_meant(image) || was.contains(&image)));
    let advice = match comes_back {
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

/// The images of some files.
pub(super) fn images(
    states: &[Option<Arc<State>>],
) -> impl Iterator<Item = &(usize, String, String)> {
    states.iter().flatten().flat_map(|state| state.iter())
}

/// Shows what the images of each of `files` were, from the oldest state that is known of all of them on; with the number
/// of the commit that ended it, but for the last one. Of files that no commit touched, nothing is known. Of a long past
/// all states together have many times as many images as the files.
pub(super) fn each_state(
    history: &FileHistory,
    named: &Named<'_>,
    files: &[&RepoPath],
    mut show: impl FnMut(&[Option<Arc<State>>], Option<usize>),
) {
    let commits = history.commits.iter().enumerate().rev();
    let mut now: Vec<Option<Arc<State>>> = vec![None; files.len()];
    let numbers = files.iter().enumerate().map(|(own, file)| (*file, own));
    let numbers: HashMap<&RepoPath, usize> = numbers.collect();
    for (_, touched) in commits.clone() {
        for versions in &touched.files {
            if let Some(&own) = numbers.get(&versions.now)
                && now[own].is_none()
            {
                let before = versions.before.as_deref();
                now[own] = Some(Arc::new(state(named, own, &versions.path, before)));
            }
        }
    }
    for (number, touched) in commits {
        show(&now, Some(number));
        for versions in &touched.files {
            if let Some(&own) = numbers.get(&versions.now) {
                let after = versions.after.as_deref();
                now[own] = Some(Arc::new(state(named, own, &versions.path, after)));
            }
        }
    }
    show(&now, None);
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
