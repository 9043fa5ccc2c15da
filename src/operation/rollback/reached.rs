//! Whether what `to` names runs then, and what a person is told where it does not.

use super::choice::{Choice, TOLD};
use super::plan;
use super::target::{PREVIOUS, To, Wanted};
use super::together::{State, comes_back, states};
use crate::deployment::past::Past;
use crate::failure::{Failure, Reason};
use crate::image::ImageReference;
use crate::manifest::{Plan, images_in};
use crate::nearest::{alike, either, first_few};
use crate::operation::commit_line;
use crate::operation::landing::distinct;
use crate::operation::past::{named, past};
use crate::operation::session::Session;
use crate::repository::Snapshot;
use crate::repository::history::FileHistory;

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
    session: &Session<'_>,
) -> Result<Checked, Failure> {
    let (Some(wanted), Some(history)) = (&choice.wanted, &choice.history) else {
        return Ok(Checked::default());
    };
    let named = named(&history.commits).reading(&session.readings);
    let then = plan::images_then(&snapshot.files, plan, &named, |image| wanted.means(image));
    let mut all = wanted.all().iter();
    if let Some(to) = all.find(|to| !then.iter().any(|image| to.means(&image.new))) {
        return Err(failure(session, snapshot, history, wanted, to));
    }
    let is_other = |image: &str| {
        let mut then = then.iter();
        !wanted.means(image) && then.any(|then| is_same_repository(&then.new, image))
    };
    let others = plan::images_then(&snapshot.files, plan, &named, is_other).into_iter();
    let others = others.filter(|image| !choice.stays.contains(&image.file.to_string()));
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

fn is_same_repository(one: &str, other: &str) -> bool {
    let one = one.parse::<ImageReference>();
    let other = other.parse::<ImageReference>();
    matches!((one, other), (Ok(one), Ok(other)) if one.same_repository(&other))
}

/// The failure for `to`, one of those that are `wanted`, which would not run then.
fn failure(
    session: &Session<'_>,
    snapshot: &Snapshot,
    history: &FileHistory,
    wanted: &Wanted,
    to: &To,
) -> Failure {
    let named = named(&history.commits).reading(&session.readings);
    let past = past(&history.commits, &named);
    if past.knows(|image| to.means(image)) {
        let files: Vec<_> = snapshot.files.iter().map(|file| &file.path).collect();
        return apart(history, &past, &states(history, &named, &files), wanted);
    }
    let location = &session.remote.location;
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
    states: &[(State, Option<usize>)],
    wanted: &Wanted,
) -> Failure {
    let until = |ended: Option<usize>| match ended {
        Some(number) => format!("until {}", commit_line(&history.commits[number].commit)),
        None => "and still do".to_owned(),
    };
    let holds = |state: &State, to: &To| state.iter().any(|(.., image)| to.means(image));
    let newest = |is_meant: &dyn Fn(&State) -> bool| {
        let mut newest_first = states.iter().rev();
        newest_first.find(|(state, _)| is_meant(state))
    };
    let deploy = "deploy them with `operation: update`.";
    let failure = |what: String, hint: String| {
        let text = format!("`to` names {wanted}: {what}");
        Failure::new(Reason::Rollback, text).with_hint(hint)
    };
    let together = newest(&|state| wanted.all().iter().all(|to| holds(state, to)));
    if let Some((_, ended)) = together {
        return failure(
            format!(
                "that ran {}, but what was deployed with it since can't be undone without it. Nothing was changed.",
                until(*ended)
            ),
            format!("Name other images, or {deploy}"),
        );
    }
    let (mut lines, mut names): (String, Vec<String>) = (String::new(), Vec::new());
    for to in wanted.all() {
        let Some((state, ended)) = newest(&|state| holds(state, to)) else {
            continue;
        };
        let named = state.iter().map(|(.., image)| image.as_str());
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
