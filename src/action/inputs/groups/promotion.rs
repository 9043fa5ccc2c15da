//! What is promoted, and what has to hold of it first.

use std::time::Duration;

use crate::action::inputs::definition::{Definition, Input, PROMOTE, Problems, inputs};
use crate::action::inputs::given::Given;
use crate::action::inputs::groups::edit::IMAGE;
use crate::action::inputs::groups::target::{FILE, is_path};
use crate::action::inputs::parse::{has_comments, list, parsed, time_meant};
use crate::date;
use crate::image::ImageReference;
use crate::nearest::alike;
use crate::operation::Operation;
use crate::repository::BranchName;
use crate::stages::Stage;

/// The longest soak: longer than any stage keeps an image.
const MAX_SOAK: u64 = 366 * 24 * 3600;

const IN_A_PROMOTION: &str = "set `operation: promote`";
/// Without them an update would deploy what nobody proved.
pub const FOR_A_PROMOTION: &[(Operation, &str)] = &[(Operation::Update, IN_A_PROMOTION)];
/// And a rollback would bring back what nobody named.
const FROM_ELSEWHERE: &[(Operation, &str)] = &[
    (Operation::Update, IN_A_PROMOTION),
    (
        Operation::Rollback,
        "name what to go back to with `to`, set `operation: promote`",
    ),
];

inputs! {
    /// For `promote`, the files that the images come from: paths and globs as in `file`. A part of the
    /// path may have a name, in both: `envs/staging/{app}/values.yaml` belongs to
    /// `envs/production/{app}/values.yaml` with the same `{app}`. See
    /// [docs/promote.md](docs/promote.md).
    FROM: Stage = Input::new("from", PROMOTE, stage).elsewhere(FROM_ELSEWHERE);

    /// The branch that `from` is on, where stages are branches. Default, `branch`.
    FROM_BRANCH: BranchName = Input::new("from-branch", PROMOTE, parsed).elsewhere(FROM_ELSEWHERE);

    /// How long an image must have been in `from` before it is promoted, such as `30m`, `2h` or `1d`.
    /// Before that nothing is written, and the step succeeds with a warning and the output
    /// `promotable-at`.
    SOAK: Duration = Input::new("soak", PROMOTE, soak).elsewhere(FOR_A_PROMOTION);
}

fn stage(text: &str, problems: &mut Problems<'_>) -> Option<Stage> {
    if has_comments(text, is_path, problems) {
        return None;
    }
    match Stage::new(list(text)) {
        Ok(stage) => Some(stage),
        Err(wrong) => {
            for (line, error) in wrong {
                problems.quote(line, error);
            }
            None
        }
    }
}

fn soak(text: &str, problems: &mut Problems<'_>) -> Option<Duration> {
    let soak = date::seconds(text).filter(|seconds| (1..=MAX_SOAK).contains(seconds));
    if soak.is_none() {
        let meant = time_meant(text).map(|meant| meant.seconds);
        let meant = meant.filter(|seconds| (1..=MAX_SOAK).contains(seconds));
        let how = meant.map_or_else(String::new, |meant| {
            format!(": write `{}`", shortest(meant))
        });
        let why = format_args!(
            "expected a time with its unit, such as `45m`, `2h` or `1d`, of at most 366 days{how}"
        );
        problems.quote(text, why);
    }
    soak.map(Duration::from_secs)
}

/// A time by the largest unit of which it is a whole number.
fn shortest(seconds: u64) -> String {
    let units = [(24 * 3600, 'd'), (3600, 'h'), (60, 'm')];
    let unit = units
        .into_iter()
        .find(|(unit, _)| seconds.is_multiple_of(*unit));
    let (unit, letter) = unit.unwrap_or((1, 's'));
    format!("{}{letter}", seconds / unit)
}

/// The files, of which parts of the paths may have names; where there is none, `why` one is needed.
pub fn stage_files(given: &mut Given, why: &str) -> Option<Stage> {
    let text = given.text(&FILE.definition).unwrap_or_default().to_owned();
    let files = stage(&text, &mut given.problems_of(&FILE))?;
    if files.is_empty() {
        given.refuse(&FILE, why);
        return None;
    }
    Some(files)
}

/// Both stages: the files that get the images, and those that have them.
pub fn stages(given: &mut Given) -> Option<(Stage, Stage)> {
    let told = given.problems.len();
    let why = "required: the path of the manifest that gets the images, such as `envs/production/web.yaml`";
    let files = stage_files(given, why);
    let from = given.read(&FROM);
    if given.problems.len() == told && from.as_ref().is_none_or(Stage::is_empty) {
        let why = "required: the path of the manifest that has the images, such as `envs/staging/web.yaml`";
        given.refuse(&FROM, why);
    }
    if given.problems.len() > told {
        return None;
    }
    let (files, from) = (files?, from?);
    if let Some((own, meant)) = misspelt(&from, &files) {
        let why = format!(
            "`{{{own}}}` pairs no files, and `file` has `{{{meant}}}`: write the same name in both, or `*` for any"
        );
        given.refuse(&FROM, why);
        return None;
    }
    let warnings = [
        (&FILE.definition, &files, &from),
        (&FROM.definition, &from, &files),
    ];
    for (input, own, other) in warnings {
        if let Some(warning) = without_partner(own, other) {
            given.warnings.push(format!("`{}`: {warning}", input.name));
        }
    }
    Some((files, from))
}

/// A name of one stage that the other one has not, and the one there that is like it and has no partner either.
fn misspelt<'s>(own: &'s Stage, other: &'s Stage) -> Option<(&'s str, &'s str)> {
    let (names, others) = (own.all_names(), other.all_names());
    let alone = others.iter().filter(|name| !names.contains(name));
    let alone: Vec<&str> = alone.copied().collect();
    let mut unpaired = names.into_iter().filter(|name| !others.contains(name));
    unpaired.find_map(|name| Some((name, *alike(name, alone.iter().copied()).first()?)))
}

/// That the names of a stage pair no files, where the other stage has none of them.
fn without_partner(own: &Stage, other: &Stage) -> Option<String> {
    let (names, others) = (own.all_names(), other.all_names());
    if names.is_empty() || names.iter().any(|name| others.contains(name)) {
        return None;
    }
    let names: Vec<String> = names.iter().map(|name| format!("`{{{name}}}`")).collect();
    Some(format!(
        "{} pairs no files, since the other side has no part of that name: it stands for anything, as `*` does",
        names.join(", ")
    ))
}

/// The repositories that `image` narrows the promotion to.
pub fn only(given: &mut Given) -> Vec<ImageReference> {
    let text = given.text(&IMAGE.definition).unwrap_or_default().to_owned();
    let mut problems = given.problems_of(&IMAGE);
    let mut only = Vec::new();
    let is_image = |line: &str| line.parse::<ImageReference>().is_ok();
    if has_comments(&text, is_image, &mut problems) {
        return only;
    }
    for line in list(&text) {
        match line.parse::<ImageReference>() {
            Ok(image) if image.tag().is_none() && image.digest().is_none() => only.push(image),
            Ok(image) => problems.quote(
                line,
                format_args!(
                    "which version is promoted, `from` says: write `{}`, to promote no other image",
                    image.repository_as_written()
                ),
            ),
            Err(error) => problems.add(error),
        }
    }
    only
}
