//! What to do, and to which files.

use url::Url;

use crate::action::inputs::definition::{ALL, Definition, Input, Problems, inputs};
use crate::action::inputs::given::Given;
use crate::action::inputs::parse::{
    another_notation, another_notation_of_words, has_comments, list, one_a_line, parsed, text,
};
use crate::files::{FileSelection, lone_alternative};
use crate::nearest::{alike, either};
use crate::operation::Operation;
use crate::repository::location::LocationError;
use crate::repository::{BranchName, Location};

inputs! {
    /// What to do. `update` sets images in manifests, commits and pushes; `rollback` undoes a
    /// deployment with a new commit; `history` reports who deployed what, when; `verify` waits
    /// until Argo CD runs a commit, healthy; `promote` copies the images of one stage to another;
    /// `status` reports what runs where.
    OPERATION: Operation = Input::new("operation", ALL, operation).or("update");

    /// The repository that holds the manifests, as `owner/name` on `server-url`, or a whole
    /// `https://`, `http://` or `file://` URL. Never with credentials in it.
    REPOSITORY: String = Input::new("repository", ALL, text)
        .or_of_run("${{ github.repository }}", "");

    /// The branch to deploy to. Default, the repository's default branch.
    BRANCH: BranchName = Input::new("branch", ALL, parsed);

    /// The manifests to edit, one path a line, from the root of the repository. Globs `*`, `**`,
    /// `?` and `{a,b}`; a line that begins with `!` excludes. Required, except for `verify`, which
    /// takes the images that are to run from them. For `promote`, those that get the images; for `status`,
    /// those of all stages, where `{stage}` says which part of the path is the stage.
    FILE: FileSelection = Input::new("file", ALL, files);
}

fn operation(text: &str, problems: &mut Problems<'_>) -> Option<Operation> {
    let mut all = Operation::ALL.into_iter();
    let found = all.find(|operation| operation.name().eq_ignore_ascii_case(text));
    if found.is_none() {
        let names = Operation::ALL.map(Operation::name);
        let meant = match meant(text) {
            Some(meant) => format!(": did you mean `{}`?", meant.name()),
            None => String::new(),
        };
        problems.quote(text, format_args!("expected {}{meant}", either(&names)));
    }
    found
}

/// The operation that a misspelt one may be.
pub fn meant(text: &str) -> Option<Operation> {
    alike(text, Operation::ALL.map(Operation::name))
        .first()
        .and_then(|name| Operation::ALL.into_iter().find(|one| one.name() == *name))
}

fn files(text: &str, problems: &mut Problems<'_>) -> Option<FileSelection> {
    // What is meant to be a list of paths is one path to those who look for it.
    let is_manifest = |path: &String| is_manifest(path);
    if has_comments(text, is_path, problems) {
        return None;
    }
    let notations = [another_notation(text), another_notation_of_words(text)];
    let mut meant = notations.into_iter().flatten();
    if let Some(items) = meant.find(|items| !text.contains('{') && items.iter().all(is_manifest)) {
        problems.quote(text, one_a_line(&items));
        return None;
    }
    if let Some((line, name)) = list(text).find_map(|line| Some((line, lone_alternative(line)?))) {
        let why = format_args!(
            "`{{{name}}}` means something only with `operation: promote` or `operation: status`. Here, write that part of the path itself, `*` for any, or alternatives such as `{{staging,production}}`"
        );
        problems.quote(line, why);
        return None;
    }
    let (mut include, mut exclude) = (Vec::new(), Vec::new());
    for line in list(text) {
        match line.strip_prefix('!') {
            Some(excluded) => exclude.extend(parsed(excluded.trim(), problems)),
            None => include.extend(parsed(line, problems)),
        }
    }
    Some(FileSelection {
        include,
        exclude,
        beside: None,
    })
}

fn is_manifest(path: &str) -> bool {
    path.ends_with(".yaml") || path.ends_with(".yml")
}

/// Whether a line is what most are.
pub(super) fn is_path(line: &str) -> bool {
    is_manifest(line) || line.ends_with('*')
}

/// The files, where an operation can't do without.
pub fn required_files(given: &mut Given) -> Option<FileSelection> {
    let told = given.problems.len();
    let files = given.read(&FILE);
    let none = files.as_ref().is_none_or(|files| files.include.is_empty());
    if none && given.problems.len() == told {
        let why = match given.has_lines(&FILE) {
            true => "it only excludes (`!`): name the files to take as well, such as `apps/*.yaml`",
            false => {
                "required: the path of the manifest in the repository, such as `apps/web.yaml`"
            }
        };
        given.refuse(&FILE, why);
    }
    files
}

/// The repository, on `server` unless it is given as a whole URL.
pub fn location(given: &mut Given, server: Option<&Url>) -> Option<Location> {
    let Some(text) = given.read(&REPOSITORY) else {
        let why = "required: the repository that holds the manifests, as `owner/name` or as a URL";
        given.refuse(&REPOSITORY, why);
        return None;
    };
    let mut problems = given.problems_of(&REPOSITORY);
    match Location::new(&text, server?) {
        Ok(location) => return Some(location),
        Err(error @ LocationError::Credentials) => problems.add(error),
        Err(error) => problems.quote(&text, error),
    }
    None
}
