//! What the manifests are to say.

use std::collections::HashSet;

use crate::action::inputs::definition::{
    Definition, Input, Problems, UPDATE, Unfilled, WITH_IMAGES, inputs,
};
use crate::action::inputs::given::Given;
use crate::action::inputs::parse::{lines, lines_with_comments, list, one_a_line};
use crate::manifest::{
    EditRequest, ImageAssignment, ResourceFilter, ValueAssignment, YamlPath, images_in_mapping,
};
use crate::operation::Operation;

/// A promotion takes the images over as they are, to where they are.
const IN_AN_UPDATE: &str = "use it in a step with `operation: update`";
/// A rollback would take back more than is asked for.
const ALL_OF_A_DEPLOYMENT: &str = "it takes back all that a deployment did to the files. Name fewer with `file`, the image to go back to with `to`";
/// Where in the files an update writes.
const FOR_A_PLACE: &[(Operation, &str)] = &[
    (Operation::Promote, IN_AN_UPDATE),
    (Operation::Rollback, ALL_OF_A_DEPLOYMENT),
];
/// What an update writes.
const FOR_AN_UPDATE: &[(Operation, &str)] = &[
    (Operation::Promote, IN_AN_UPDATE),
    (Operation::Rollback, IN_AN_UPDATE),
];

inputs! {
    /// The images to deploy, one `[CONTAINER=]REFERENCE` a line. Without `CONTAINER=` every place
    /// that holds this repository is updated, with it every container of that name. Required,
    /// unless `set` or `remove` is given. For `verify`, the images that are to run; for `promote`, only
    /// these, without a version.
    IMAGE: Vec<ImageAssignment> = Input::new("image", WITH_IMAGES, images)
        .unfilled(Unfilled::Parsed)
        .elsewhere(&[(
            Operation::Rollback,
            "it only fails the step where the newest deployment is none of it. Name what to go back to with `to`",
        )]);

    /// Where the images are, one `[DOCUMENT:]YAML-PATH` a line, for files of a shape that the
    /// action does not know. `.spec.image`, `.spec.containers[name=web].image`, `Widget/web:.spec.image`.
    PATH: Vec<YamlPath> = Input::new("path", UPDATE, lines)
        .elsewhere(FOR_A_PLACE);

    /// Other values to write in the same commit, one `[DOCUMENT:]YAML-PATH=VALUE` a line. `:=`
    /// instead of `=` makes what is missing on the path, `[+]` appends an item to a list
    /// that is there.
    SET: Vec<ValueAssignment> = Input::new("set", UPDATE, values)
        .unfilled(Unfilled::Parsed)
        .elsewhere(FOR_AN_UPDATE);

    /// Keys and items to remove in the same commit, one `[DOCUMENT:]YAML-PATH` a line. What is not
    /// there is fine; where not even what is around it is there, or something of nearly that name is, a
    /// warning says so.
    REMOVE: Vec<YamlPath> = Input::new("remove", UPDATE, lines)
        .elsewhere(FOR_AN_UPDATE);

    /// Only these objects of the files, one `Kind/name` a line.
    RESOURCE: Vec<ResourceFilter> = Input::new("resource", UPDATE, lines)
        .elsewhere(FOR_A_PLACE);
}

/// Lines of `image`; for a mapping over several of them, with how to write it.
fn images(text: &str, problems: &mut Problems<'_>) -> Option<Vec<ImageAssignment>> {
    let is_one_line = text.lines().nth(1).is_none();
    match images_in_mapping(text.trim()).filter(|_| !is_one_line) {
        Some(items) => {
            problems.quote(text, one_a_line(&items));
            None
        }
        None => lines(text, problems),
    }
}

/// Lines of `set`; for one that is nearly right, with how to write it.
fn values(text: &str, problems: &mut Problems<'_>) -> Option<Vec<ValueAssignment>> {
    for line in list(text).filter(|line| line.parse::<ValueAssignment>().is_err()) {
        let operators = [
            (" := ", ":="),
            (" = ", "="),
            ("= ", "="),
            (" =", "="),
            (": ", "="),
        ];
        // Behind the path, and not in the value.
        let is_behind_path = |given: &str| {
            let front = line.split_once(given).map(|(front, _)| front);
            front.is_some_and(|front| front.parse::<YamlPath>().is_ok())
        };
        let mut nearly = operators.iter().filter(|(given, _)| is_behind_path(given));
        let mut nearly = nearly
            .by_ref()
            .map(|(given, meant)| line.replacen(given, meant, 1));
        if let Some(meant) = nearly.find(|line| line.parse::<ValueAssignment>().is_ok()) {
            problems.quote(
                line,
                format_args!("expected YAML-PATH=VALUE: write `{meant}`"),
            );
            return None;
        }
    }
    if let Some((line, items)) = list(text).find_map(|line| Some((line, several(line)?))) {
        let how = one_a_line(&items);
        let why = format_args!("{how}. Where all of it is one value, write that in quotes");
        problems.quote(line, why);
        return None;
    }
    lines_with_comments(text, problems)
}

/// The assignments of a line that holds several, with commas, semicolons or blanks between them: the first
/// would get all of it as its value.
fn several(line: &str) -> Option<Vec<String>> {
    let is_between = |c: char| matches!(c, ',' | ';') || c.is_whitespace();
    let mut ends = line.match_indices(is_between);
    ends.find_map(|(at, _)| {
        let (first, rest) = line.split_at(at);
        let rest = rest.trim_start_matches(is_between);
        let assigned: ValueAssignment = first.parse().ok()?;
        let is_one = rest.parse::<ValueAssignment>().is_ok();
        // `a=1,b=2` may be the arguments of something; behind a dot, or a number, nobody means that.
        let is_meant = rest.starts_with('.') || assigned.is_typed();
        (is_one && is_meant && !assigned.is_enclosed()).then(|| {
            let mut all = vec![first.to_owned()];
            all.extend(several(rest).unwrap_or_else(|| vec![rest.to_owned()]));
            all
        })
    })
}

/// What the manifests are to say.
pub fn edit(given: &mut Given) -> EditRequest {
    let told = given.problems.len();
    let edit = EditRequest {
        images: given.read(&IMAGE).unwrap_or_default(),
        paths: given.read(&PATH).unwrap_or_default(),
        set: given.read(&SET).unwrap_or_default(),
        remove: given.read(&REMOVE).unwrap_or_default(),
        resources: given.read(&RESOURCE).unwrap_or_default(),
        found_by_glob: HashSet::new(),
    };
    if given.problems.len() > told {
        return edit;
    }
    if edit.images.is_empty() && !edit.paths.is_empty() {
        let why = "says where an image is, and `image`, the one to write there, is not given";
        given.refuse(&PATH, why);
    } else if edit.images.is_empty() && edit.set.is_empty() && edit.remove.is_empty() {
        let why = "required (or `set`, `remove`): the image to deploy, such as `ghcr.io/acme/web:v2` or \
                   `web=ghcr.io/acme/web:v2`";
        given.refuse(&IMAGE, why);
    }
    edit
}
