//! What an operation did to the branch.

use std::collections::BTreeSet;

use crate::files::RepoPath;
use crate::manifest::{ImageChange, Note, Promoted, ValueChange};
use crate::markdown::{
    MAX_ROWS, code, counted, folded_diff, folded_table, link, paragraphs, table,
};
use crate::operation::Operation;
use crate::operation::delivery::PullEnd;
use crate::operation::image_check::Found;
use crate::operation::landing::{LandingReport, Outcome};
use crate::operation::merge_wait::MergeOutcome;
use crate::operation::pull_request::{News, Opened};
use crate::operation::source_changes;
use crate::repository::CommitId;
use crate::repository::history::Commit;

/// How many commits of each source repository are listed.
const LISTED_COMMITS: usize = 50;

/// What became of it: a sign, and a few words.
pub fn verdict(report: &LandingReport) -> (&'static str, String) {
    let images = report.new_images();
    let count = match images.len() {
        0 => report.values.len(),
        count => count,
    };
    let (is, stays) = match count {
        0 | 1 => ("is", "stays"),
        _ => ("are", "stay"),
    };
    let rollback = report.operation == Operation::Rollback;
    let what = match &images[..] {
        [] => of_values(report),
        images => what(images),
    };
    let news = report.pull_request.as_ref().map(|opened| opened.news);
    let proposed = match news {
        Some(News::Merged) => Some("Merged"),
        Some(News::Queued) => Some("Queued"),
        Some(News::Opened | News::Updated | News::Nothing) => Some("Proposed"),
        Some(News::Landed) | None => None,
    };
    if let Some(done) = proposed {
        return ("🔀", format!("{done} {what}"));
    }
    match report.outcome {
        Outcome::Committed if report.again => ("⏩", format!("Deployed again: {what}")),
        Outcome::Committed if rollback => ("⏪", format!("Rolled back to {what}")),
        Outcome::Committed if report.promotion.is_some() => ("🚀", format!("Promoted {what}")),
        Outcome::Committed => ("🚀", format!("Deployed {what}")),
        Outcome::Skipped if report.is_held() => ("❄️", format!("Frozen: {what} {stays}")),
        Outcome::Unchanged | Outcome::Skipped if rollback => {
            ("💤", "Nothing to roll back".to_owned())
        }
        Outcome::Unchanged => ("💤", format!("Nothing changed: {what} {is} there already")),
        Outcome::DryRun => {
            let would = match report.operation {
                _ if report.proposes => "propose",
                _ if report.again => "deploy again",
                Operation::Rollback => "roll back to",
                Operation::Promote => "promote",
                Operation::Update | Operation::History | Operation::Verify | Operation::Status => {
                    "deploy"
                }
            };
            ("🔍", format!("Dry run: would {would} {what}"))
        }
        Outcome::Skipped => ("⏭️", format!("Skipped: {what} {stays}")),
    }
}

/// The values of a heading: `.spec.replicas` = `2`, or how many there are.
fn of_values(report: &LandingReport) -> String {
    match &report.values[..] {
        [] => "what was asked for".to_owned(),
        [value] => match &value.new {
            Some(new) => code(&format!("{} = {new}", value.path)),
            None => format!("no {}", code(&value.path)),
        },
        values => counted(values.len(), "value"),
    }
}

/// The images of a heading: `web:v14`, or how many there are.
pub fn what(images: &[&str]) -> String {
    match images {
        [] => "other values".to_owned(),
        [image] => code(image.rsplit('/').next().unwrap_or(image)),
        images => counted(images.len(), "image"),
    }
}

/// What is known to have become of it since.
#[derive(Default)]
pub struct Since<'a> {
    /// How its pull request ended, where that was waited for.
    pub end: Option<&'a PullEnd>,
    /// Whether the branch does not lead to its commit any more.
    pub is_gone: bool,
}

/// Where it is.
pub fn sentence(report: &LandingReport, since: &Since<'_>) -> String {
    let LandingReport {
        location, branch, ..
    } = report;
    let commit = report.commit.as_ref();
    let commit = commit.map(|commit| link(&code(commit.short()), report.commit_url().as_deref()));
    let (location, branch) = (
        link(&code(&location.to_string()), location.page()),
        code(branch.as_str()),
    );
    let frozen = report.frozen.as_ref();
    let fails = frozen.is_some_and(|frozen| frozen.failure.is_some());
    let sentence = match (report.outcome, commit) {
        (Outcome::Committed, Some(commit)) => {
            let signature = match report.verified {
                Some(true) => " Its signature is verified.",
                Some(false) => " It is not signed.",
                None => "",
            };
            let is = match since.is_gone {
                true => "was pushed to",
                false => "is on",
            };
            format!("Commit {commit} {is} {branch} of {location}.{signature}")
        }
        (Outcome::Unchanged, Some(commit)) => {
            format!("{branch} of {location} holds this already, at {commit}. Nothing was pushed.")
        }
        // The failure says why.
        (Outcome::Skipped, _) if fails => {
            format!("Nothing was pushed to {branch} of {location}.")
        }
        (Outcome::Skipped, _) => {
            let reason = paragraphs(report.skipped.as_deref().unwrap_or_default());
            format!("{reason}. Nothing was pushed to {branch} of {location}.")
        }
        _ => format!("Nothing was pushed to {branch} of {location}."),
    };
    let sentence = match &report.pull_request {
        Some(Opened {
            number,
            url,
            news: News::Landed,
            ..
        }) => {
            let pull = link(&format!("Pull request #{number}"), Some(url));
            format!("{pull} brought it. {sentence}")
        }
        Some(opened) => proposed(opened, since.end, &branch, &location),
        None => sentence,
    };
    format!("{sentence}\n\n")
}

/// What changed, and what else a person should know.
pub fn details(report: &LandingReport, show_diff: bool) -> String {
    let (undone, tables) = (undone(report), tables(report));
    let changes = source_changes::markdown(&report.source_changes, LISTED_COMMITS);
    let mut text = format!("{undone}{tables}{changes}{}", notes(report));
    if show_diff && !report.diff.is_empty() {
        text.push_str(&folded_diff(&report.diff));
    }
    text
}

/// The commits that are taken back.
fn undone(report: &LandingReport) -> String {
    if report.operation == Operation::Rollback && !report.changed() && report.pull_request.is_none()
    {
        return String::new();
    }
    let line = |commit: &Commit| {
        let short = format!("`{}`", commit.id.short());
        let url = report.location.commit_url(commit.id.as_str());
        let takes = match report.outcome {
            Outcome::DryRun => "Would take",
            _ => "Takes",
        };
        format!(
            "{takes} back {} {} by {}.\n\n",
            link(&short, url.as_deref()),
            code(commit.subject()),
            code(&commit.author.name),
        )
    };
    report.undone.iter().map(line).collect()
}

/// What became of a pull request.
fn proposed(opened: &Opened, end: Option<&PullEnd>, branch: &str, location: &str) -> String {
    let Opened {
        number, url, news, ..
    } = opened;
    let own = code(opened.branch.as_str());
    let pull = link(&format!("Pull request #{number}"), Some(url));
    let became = end.and_then(|end| match end.outcome {
        Some(MergeOutcome::Closed | MergeOutcome::Replaced) => Some("proposed this"),
        None if end.is_unknown() => Some("proposed this. Whether it was merged is not known"),
        Some(MergeOutcome::Merged | MergeOutcome::Conflicting | MergeOutcome::TimedOut) | None => {
            None
        }
    });
    if let Some(became) = became {
        return format!("{pull} of {own} into {branch} of {location} {became}.");
    }
    match news {
        News::Opened => format!("{pull} of {own} into {branch} of {location} is open."),
        News::Updated => format!("{pull} of {own} into {branch} of {location} has a new commit."),
        News::Queued => {
            format!("{pull} of {own} is in the merge queue of {branch} of {location}.")
        }
        News::Merged | News::Landed => {
            format!("{pull} of {own} into {branch} of {location} is merged.")
        }
        News::Nothing => format!(
            "{pull} of {own} into {branch} of {location} proposes this already. Nothing was pushed."
        ),
    }
}

/// A row for each image, and one for each other value.
fn tables(report: &LandingReport) -> String {
    let image = |image: &ImageChange| {
        [
            image.object().map(code).unwrap_or_default(),
            image.container.as_deref().map(code).unwrap_or_default(),
            code(&image.old),
            changed(Some(&image.old), &image.new),
            place(report, &image.file, image.line),
        ]
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
        let place = match value.new {
            Some(_) => place(report, &value.file, value.line),
            None => place_at(report, &report.base, &value.file, value.line),
        };
        let object = value.object().map(code).unwrap_or_default();
        [object, code(&value.path), old, new, place]
    };
    let (old, new) = match report.outcome {
        Outcome::Skipped if !report.is_there_already() => ("Image in Git", "Image asked for"),
        _ => ("Old image", "New image"),
    };
    let found = |found: &Found| {
        let platforms: Vec<String> = found
            .platforms
            .iter()
            .map(|platform| code(platform))
            .collect();
        [
            code(&found.image.to_string()),
            code(&found.digest),
            platforms.join(" "),
        ]
    };
    [
        promoted(report),
        folded_table(
            &total("image", report.images.iter().map(|image| &image.file)),
            &["Resource", "Container", old, new, "File"],
            report.images.iter().map(image),
        ),
        folded_table(
            &total("value", report.values.iter().map(|value| &value.file)),
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

/// The other stage: which image came from where.
fn promoted(report: &LandingReport) -> String {
    let Some(promotion) = &report.promotion else {
        return String::new();
    };
    let row = |Promoted { image, from, to }: &Promoted| {
        let (file, line) = (&from.file, from.line);
        let url = report
            .location
            .line_url(promotion.commit.as_str(), file, line);
        let from = link(&code(&format!("{file}:{line}")), url.as_deref());
        [code(&image.to_string()), from, code(to.as_str())]
    };
    let title = format!(
        "From {} at {}",
        code(promotion.branch.as_str()),
        code(promotion.commit.short())
    );
    folded_table(
        &title,
        &["Image", "From", "To"],
        promotion.promoted.iter().map(row),
    )
}

/// `12 images in 8 files`
fn total<'a>(thing: &str, files: impl Iterator<Item = &'a RepoPath>) -> String {
    let files: Vec<&RepoPath> = files.collect();
    let distinct: BTreeSet<&RepoPath> = files.iter().copied().collect();
    let (things, files) = (counted(files.len(), thing), counted(distinct.len(), "file"));
    format!("{things} in {files}")
}

fn changed(old: Option<&str>, new: &str) -> String {
    if old == Some(new) {
        "*unchanged*".to_owned()
    } else {
        code(new)
    }
}

fn place(report: &LandingReport, file: &RepoPath, line: usize) -> String {
    let commit = report.commit.as_ref().unwrap_or(&report.base);
    place_at(report, commit, file, line)
}

/// A line of a file as `commit` has it.
fn place_at(report: &LandingReport, commit: &CommitId, file: &RepoPath, line: usize) -> String {
    let url = report.location.line_url(commit.as_str(), file, line);
    link(&code(&format!("{file}:{line}")), url.as_deref())
}

/// What a person should know beyond the tables.
fn notes(report: &LandingReport) -> String {
    let note = |Note { file, line, text }: &Note| {
        format!("- {} {}.\n", place(report, file, *line), paragraphs(text))
    };
    let notes: String = report.notes.iter().take(MAX_ROWS).map(note).collect();
    match notes.is_empty() {
        true => notes,
        // What follows is no part of the list.
        false => format!("{notes}\n"),
    }
}
