//! Whether what `to` names runs then, and what a person is told where it does not.

use std::collections::HashSet;
use std::sync::Arc;

use super::choice::{Choice, TOLD};
use super::plan;
use super::target::{PREVIOUS, To, Wanted};
use super::together::{comes_back, each_state, images};
use crate::deployment::Named;
use crate::deployment::past::Past;
use crate::failure::{Failure, Reason};
use crate::files::RepoPath;
use crate::image::ImageReference;
use crate::manifest::{Plan, Readings, images_in};
use crate::nearest::{alike, either, first_few};
use crate::operation::landing::distinct;
use crate::operation::past::{named, past};
use crate::operation::{commit_line, explain};
use crate::repository::history::FileHistory;
use crate::repository::{Location, Snapshot};

/// How many names are suggested.
const SUGGESTED: usize = 3;

/// What the tip makes of a choice.
#[derive(Default)]
pub(super) struct Checked {
    /// What a person should know.
    pub warnings: Vec<String>,
    /// Why nothing is to be done, where that is not the same everywhere: a sentence without its full stop.
    pub skipped: Option<String>,
}

/// What is wrong, and what should be known, where `plan` is to be made of `snapshot`: each image that is
/// wanted runs then, or is refused; and where another one stays in its place, that is said.
pub(super) fn checked(
    choice: &Choice,
    snapshot: &Snapshot,
    plan: &mut Plan,
    location: &Location,
    readings: &Arc<Readings>,
) -> Result<Checked, Failure> {
    let (Some(wanted), Some(history)) = (&choice.wanted, &choice.history) else {
        return Ok(Checked::default());
    };
    let named = named(&history.commits).reading(readings);
    let then = plan::images_then(&snapshot.files, plan, &named, |image| wanted.means(image));
    let mut all = wanted.all().iter();
    if let Some(to) = all.find(|to| !then.iter().any(|image| to.means(&image.new))) {
        return Err(failure(location, snapshot, history, &named, wanted, to));
    }
    let repository = |image: &str| {
        let image = image.parse::<ImageReference>().ok()?;
        Some(image.repository().to_owned())
    };
    let repositories = then.iter().filter_map(|image| repository(&image.new));
    let repositories: HashSet<String> = repositories.collect();
    let is_other = |image: &str| {
        let is_one = |own: String| repositories.contains(&own);
        !wanted.means(image) && repository(image).is_some_and(is_one)
    };
    let others = plan::images_then(&snapshot.files, plan, &named, is_other).into_iter();
    let stays: HashSet<&str> = choice.stays.iter().map(String::as_str).collect();
    let others = others.filter(|image| !stays.contains(image.file.as_str()));
    let others: Vec<String> = others
        .map(|image| {
            let container = image.container.map(|name| format!(", {name}"));
            format!(
                "{} stays in {} ({}{})",
                image.new,
                image.file,
                image.resource,
                container.unwrap_or_default()
            )
        })
        .collect();
    let mut checked = Checked::default();
    if !others.is_empty() {
        let others = first_few(&others, TOLD);
        let never = format!("{others}: {wanted} did not run there before, as far as can be seen");
        if plan.edits.is_empty() {
            checked.skipped = Some(format!(
                "{wanted} runs already where it ran before. {never}"
            ));
        }
        checked.warnings.push(never);
    }
    if plan.edits.is_empty() {
        plan.images = then;
    }
    Ok(checked)
}

/// The failure for `to`, one of those that are `wanted`, which would not run then.
fn failure(
    location: &Location,
    snapshot: &Snapshot,
    history: &FileHistory,
    named: &Named<'_>,
    wanted: &Wanted,
    to: &To,
) -> Failure {
    let past = match past(&history.commits, named) {
        Ok(past) => past,
        Err(error) => return explain::too_much(location, error),
    };
    if past.knows(|image| to.means(image)) {
        let files: Vec<_> = snapshot.files.iter().map(|file| &file.path).collect();
        return apart(history, &past, named, &files, wanted);
    }
    let replaced = past.replaced_images();
    let known = match &replaced[..] {
        [] => "No image was replaced there.".to_owned(),
        known => {
            let known: Vec<&str> = known.iter().copied().take(TOLD).collect();
            format!("What ran before, the newest first: {}.", known.join(", "))
        }
    };
    let held = snapshot
        .files
        .iter()
        .flat_map(|file| images_in(file).unwrap_or_default());
    let held: Vec<String> = held.map(|held| held.image).collect();
    let known_images = replaced
        .iter()
        .copied()
        .chain(held.iter().map(String::as_str));
    let meant = match &meant(to, &distinct(known_images))[..] {
        [] => String::new(),
        meant => format!("Did you mean {}? ", either(meant)),
    };
    Failure::new(
        Reason::Rollback,
        format!(
            "`to` names {to}, and no such image ran before in {location}, as far as can be seen. {known} Nothing was changed."
        ),
    )
    .with_hint(format!(
        "{meant}Check `to` and `file`; or deploy it with `operation: update`."
    ))
}

/// What may have been meant, of the images that are known: one of that name in full, or another version.
fn meant(to: &To, known: &[&str]) -> Vec<String> {
    let parsed = || {
        let known = known.iter();
        known.filter_map(|text| Some((*text, text.parse::<ImageReference>().ok()?)))
    };
    let version = |image: &ImageReference| {
        let version = image.tag().or(image.digest());
        version.map(str::to_owned)
    };
    let mut meant: Vec<String> = match to {
        To::Version(text) => {
            let versions = parsed().filter_map(|(_, image)| version(&image));
            alike(text, std::iter::once(PREVIOUS.to_owned()).chain(versions))
        }
        To::Image(wanted) => {
            let of_name = || parsed().filter(|(_, image)| image.name() == wanted.name());
            let same = of_name().filter(|(_, image)| version(image) == version(wanted));
            let same: Vec<String> = same.map(|(text, _)| text.to_owned()).collect();
            match (&same[..], version(wanted)) {
                ([], Some(wanted)) => {
                    let versions = of_name().filter_map(|(_, image)| version(&image));
                    let nearest = alike(&wanted, versions);
                    let own = |near: &String| {
                        let own =
                            of_name().find(|(_, image)| version(image).as_ref() == Some(near));
                        own.map(|(text, _)| text.to_owned())
                    };
                    nearest.iter().filter_map(own).collect()
                }
                _ => same,
            }
        }
    };
    let mut seen: Vec<String> = Vec::new();
    meant.retain(|name| {
        !seen.contains(name) && {
            seen.push(name.clone());
            true
        }
    });
    meant.truncate(SUGGESTED);
    meant
}

/// The failure for images each of which ran before, and that do not come back together.
fn apart(
    history: &FileHistory,
    past: &Past<'_>,
    named: &Named<'_>,
    files: &[&RepoPath],
    wanted: &Wanted,
) -> Failure {
    let until = |ended: Option<usize>| match ended {
        Some(number) => format!("until {}", commit_line(&history.commits[number].commit)),
        None => "and still do".to_owned(),
    };
    // The newest state that has each of them, the newest that has all, and what ended them.
    let mut newest = vec![None; wanted.all().len()];
    let mut together = None;
    each_state(history, named, files, |states, ended| {
        let mut has_all = true;
        for (to, newest) in wanted.all().iter().zip(&mut newest) {
            match images(states).any(|(.., image)| to.means(image)) {
                true => *newest = Some((states.to_vec(), ended)),
                false => has_all = false,
            }
        }
        if has_all {
            together = Some(ended);
        }
    });
    let deploy = "deploy them with `operation: update`.";
    let failure = |what: String, hint: String| {
        let text = format!("`to` names {wanted}: {what}");
        Failure::new(Reason::Rollback, text).with_hint(hint)
    };
    if let Some(ended) = together {
        return failure(
            format!(
                "that ran {}, but what was deployed with it since can't be undone without it. Nothing was changed.",
                until(ended)
            ),
            format!("Name other images, or {deploy}"),
        );
    }
    let (mut lines, mut names): (String, Vec<String>) = (String::new(), Vec::new());
    for (to, newest) in wanted.all().iter().zip(&newest) {
        let Some((states, ended)) = newest else {
            continue;
        };
        let named = images(states).map(|(.., image)| image.as_str());
        let named = distinct(named.filter(|image| wanted.names(image)));
        let others: Vec<&str> = named
            .iter()
            .copied()
            .filter(|image| !to.means(image))
            .collect();
        lines.push_str(&format!(
            "\n- {to} ran with {}, {}",
            others.join(", "),
            until(*ended)
        ));
        let name = named.join(" with ");
        if comes_back(past, |image| named.contains(&image)) && !names.contains(&name) {
            names.push(name);
        }
    }
    let hint = match &names[..] {
        [] => format!("To run them together, {deploy}"),
        names => format!(
            "Name what ran together, an image a line: {}. To run these together, {deploy}",
            names.join("; or ")
        ),
    };
    failure(
        format!(
            "each of them ran before, but never together, as far as can be seen. Nothing was changed.{lines}"
        ),
        hint,
    )
}
