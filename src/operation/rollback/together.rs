//! Whether images ran together before.

use super::target::Wanted;
use crate::deployment::Named;
use crate::deployment::past::Past;
use crate::files::RepoPath;
use crate::manifest::Plan;
use crate::nearest::first_few;
use crate::operation::past::{named, past};
use crate::repository::history::FileHistory;

/// How many images are named.
const NAMED: usize = 5;

/// The images of some files, each with its file and place.
type State = Vec<(String, String)>;

/// What a person should know where the images that `plan` leaves in its files did not run together before,
/// as far as `history` shows: a sentence or two without the last full stop.
pub(super) fn never(history: &FileHistory, plan: &Plan, wanted: &Wanted) -> Option<String> {
    let commits = &history.commits;
    let named = named(commits);
    let files: Vec<&RepoPath> = plan.edits.iter().map(|edit| &edit.path).collect();
    let then: Vec<State> = plan
        .edits
        .iter()
        .map(|edit| state(&named, &edit.path, Some(&edit.after)))
        .collect();
    // From the oldest on: what each file held, and what all of them did.
    let mut now: Vec<Option<State>> = vec![None; files.len()];
    let mut last_with: Option<Vec<State>> = None;
    for touched in commits.iter().rev() {
        for versions in &touched.files {
            let Some(own) = files.iter().position(|file| **file == versions.now) else {
                continue;
            };
            if now[own].is_none() {
                now[own] = Some(state(&named, &versions.path, versions.before.as_deref()));
                if is_all(&now, &then) {
                    return None;
                }
            }
            let after = state(&named, &versions.path, versions.after.as_deref());
            now[own] = Some(after);
        }
        if is_all(&now, &then) {
            return None;
        }
        let known: Option<Vec<State>> = now.iter().cloned().collect();
        let holds = |known: &Vec<State>| {
            let mut all = wanted.all().iter();
            all.all(|to| known.iter().flatten().any(|(_, image)| to.means(image)))
        };
        last_with = known.filter(holds).or(last_with);
    }
    let intro = "What is deployed then did not run together before, as far as can be seen";
    let (mut was, mut is): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    for (before, then) in last_with.iter().flatten().zip(&then) {
        for (place, image) in then {
            let before = before.iter().find(|(other, _)| other == place);
            if let Some((_, before)) = before
                && before != image
                && !was.contains(&before.as_str())
            {
                was.push(before);
                is.push(image);
            }
        }
    }
    if was.is_empty() || was.len() > NAMED {
        return Some(format!("{intro}: {}", listed(then.iter().flatten())));
    }
    let past = past(commits, &named);
    let all = |image: &str| wanted.means(image) || was.contains(&image);
    let advice = match comes_back(&past, all) {
        true => format!(
            ". To have that again, name it in `to` as well, an image a line: {}",
            was.join(", ")
        ),
        false => String::new(),
    };
    Some(format!(
        "{intro}: {wanted} ran with {} last, and runs with {} then{advice}",
        was.join(", "),
        is.join(", ")
    ))
}

/// Whether all of the images come back in one step, none of them forward.
fn comes_back(past: &Past<'_>, is_wanted: impl Fn(&str) -> bool) -> bool {
    let candidates = past.candidates(&is_wanted);
    let way = past.back_to(&is_wanted);
    way.again.is_empty() && !candidates.iter().any(|one| one.is_forward)
}

fn is_all(now: &[Option<State>], then: &[State]) -> bool {
    let mut both = now.iter().zip(then);
    both.all(|(now, then)| now.as_ref() == Some(then))
}

/// The images of a file by their places.
fn state(named: &Named<'_>, file: &RepoPath, text: Option<&[u8]>) -> State {
    let images = named.changes(file, None, text).images.into_iter();
    let mut state: State = images
        .filter_map(|image| Some((image.held.place.to_string(), image.new?)))
        .collect();
    state.sort_unstable();
    state
}

fn listed<'s>(images: impl Iterator<Item = &'s (String, String)>) -> String {
    let mut names: Vec<&str> = Vec::new();
    for (_, image) in images {
        if !names.contains(&image.as_str()) {
            names.push(image);
        }
    }
    first_few(&names, NAMED)
}
