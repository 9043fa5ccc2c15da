//! What an operation did to the branch.

use std::fmt::Write as _;

use crate::files::RepoPath;
use crate::manifest::{ImageChange, Note, ValueChange};
use crate::markdown::{MAX_ROWS, code, diff, paragraphs, table};
use crate::operation::Operation;
use crate::operation::image_check::Found;
use crate::operation::landing::{LandingReport, Outcome};
use crate::operation::pull_request::{News, Opened};

/// What an operation did to the branch.
pub fn of_landing(report: &LandingReport) -> String {
    let LandingReport {
        location, branch, ..
    } = report;
    let title = match (report.outcome, report.operation) {
        _ if report.pull_request.is_some() => "🔀 Proposed",
        (Outcome::Committed, Operation::Rollback) => "⏪ Rolled back",
        (Outcome::Committed, _) => "🚀 Deployed",
        (Outcome::Unchanged, Operation::Rollback) => "✅ Nothing to roll back",
        (Outcome::Unchanged, _) => "✅ Nothing to deploy",
        (Outcome::DryRun, _) => "🔍 Dry run",
        (Outcome::Skipped, _) => "⏭️ Skipped",
    };
    let commit = report
        .commit
        .as_ref()
        .map(|commit| match report.commit_url() {
            Some(url) => format!("[`{}`]({url})", commit.short()),
            None => format!("`{}`", commit.short()),
        });
    let (location, branch) = (code(&location.to_string()), code(branch.as_str()));
    let sentence = match (report.outcome, commit) {
        (Outcome::Committed, Some(commit)) => {
            let signature = match report.verified {
                Some(true) => " Its signature is verified.",
                Some(false) => " It is not signed.",
                None => "",
            };
            format!("Commit {commit} is on {branch} of {location}.{signature}")
        }
        (Outcome::Unchanged, Some(commit)) => {
            format!("{branch} of {location} is as asked already, at {commit}. Nothing was pushed.")
        }
        (Outcome::Skipped, _) => {
            let reason = paragraphs(report.skipped.as_deref().unwrap_or_default());
            format!("{reason}. Nothing was pushed to {branch} of {location}.")
        }
        _ => format!("Nothing was pushed to {branch} of {location}."),
    };
    let sentence = match &report.pull_request {
        Some(opened) => proposed(opened, &branch, &location),
        None => sentence,
    };
    let mut text = format!(
        "### {title}\n\n{sentence}\n\n{}{}",
        tables(report),
        notes(report)
    );
    if !report.diff.is_empty() {
        let _ = write!(
            text,
            "<details open><summary>Diff</summary>\n\n{}\n</details>\n\n",
            diff(&report.diff)
        );
    }
    text
}

/// What became of a pull request.
fn proposed(opened: &Opened, branch: &str, location: &str) -> String {
    let Opened {
        number, url, news, ..
    } = opened;
    let own = code(opened.branch.as_str());
    let pull = format!("[Pull request #{number}]({url})");
    match news {
        News::Opened => format!("{pull} of {own} into {branch} of {location} is open."),
        News::Updated => format!("{pull} of {own} into {branch} of {location} has a new commit."),
        News::Queued => {
            format!("{pull} of {own} is in the merge queue of {branch} of {location}.")
        }
        News::Merged => format!("{pull} of {own} into {branch} of {location} is merged."),
        News::Nothing => format!(
            "{pull} of {own} into {branch} of {location} proposes this already. Nothing was pushed."
        ),
    }
}

/// A row for each image, and one for each other value.
fn tables(report: &LandingReport) -> String {
    let image = |image: &ImageChange| {
        let container = image.container.as_deref().map(code).unwrap_or_default();
        let (old, new) = (code(&image.old), changed(Some(&image.old), &image.new));
        let (resource, place) = (code(&image.resource), place(&image.file, image.line));
        format!("| {resource} | {container} | {old} | {new} | {place} |")
    };
    let value = |value: &ValueChange| {
        let old = value
            .old
            .as_deref()
            .map_or_else(|| "*none*".to_owned(), code);
        let new = match &value.new {
            Some(new) => changed(value.old.as_deref(), new),
            None => "*none*".to_owned(),
        };
        let (resource, place) = (code(&value.resource), place(&value.file, value.line));
        format!(
            "| {resource} | {} | {old} | {new} | {place} |",
            code(&value.path)
        )
    };
    let (old, new) = match report.outcome {
        Outcome::Skipped => ("Image in Git", "Image asked for"),
        _ => ("Old image", "New image"),
    };
    let found = |found: &Found| {
        let platforms: Vec<String> = found
            .platforms
            .iter()
            .map(|platform| code(platform))
            .collect();
        format!(
            "| {} | {} | {} |",
            code(&found.image.to_string()),
            code(&found.digest),
            platforms.join(" ")
        )
    };
    [
        table(
            &["Resource", "Container", old, new, "File"],
            report.images.iter().map(image),
        ),
        table(
            &["Resource", "Path", "Old value", "New value", "File"],
            report.values.iter().map(value),
        ),
        table(
            &["Image in its registry", "Digest", "Platforms"],
            report.found.iter().map(found),
        ),
    ]
    .concat()
}

fn changed(old: Option<&str>, new: &str) -> String {
    if old == Some(new) {
        "*unchanged*".to_owned()
    } else {
        code(new)
    }
}

fn place(file: &RepoPath, line: usize) -> String {
    code(&format!("{file}:{line}"))
}

/// What a person should know beyond the tables.
fn notes(report: &LandingReport) -> String {
    let note = |Note { file, line, text }: &Note| {
        format!("- {} {}.\n", place(file, *line), paragraphs(text))
    };
    let warnings = report.warnings.iter();
    let warnings = warnings.map(|warning| format!("> [!WARNING]\n> {}.\n\n", paragraphs(warning)));
    let notes = report.notes.iter().take(MAX_ROWS).map(note);
    warnings.chain(notes).collect()
}
