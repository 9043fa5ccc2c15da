//! The job summary: Markdown for a person.

use std::fmt::Write as _;

use crate::failure::Failure;
use crate::files::RepoPath;
use crate::manifest::{ImageChange, Note, ValueChange};
use crate::operation::update::{Outcome, Report};

/// GitHub refuses a step's summary above 1 MiB; a diff is cut well below.
const MAX_DIFF: usize = 256 << 10;
/// The most rows of a table; a person reads fewer.
const MAX_ROWS: usize = 200;

/// What an update did.
pub fn of_update(report: &Report) -> String {
    let Report {
        location, branch, ..
    } = report;
    let title = match report.outcome {
        Outcome::Committed => "🚀 Deployed",
        Outcome::Unchanged => "✅ Nothing to deploy",
        Outcome::DryRun => "🔍 Dry run",
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
            format!("Commit {commit} is on {branch} of {location}.")
        }
        (Outcome::Unchanged, Some(commit)) => {
            format!("{branch} of {location} is as asked already, at {commit}. Nothing was pushed.")
        }
        _ => format!("Nothing was pushed to {branch} of {location}."),
    };
    let mut text = format!(
        "### {title}\n\n{sentence}\n\n{}{}",
        tables(report),
        notes(report)
    );
    if !report.diff.is_empty() {
        let _ = write!(
            text,
            "<details open><summary>Diff</summary>\n\n{}\n</details>\n",
            diff(&report.diff)
        );
    }
    text
}

/// Why a run failed.
pub fn of_failure(failure: &Failure) -> String {
    let mut text = format!(
        "### ❌ {}\n\n{}\n",
        failure.reason.title(),
        paragraphs(&failure.message)
    );
    if let Some(hint) = &failure.hint {
        let _ = write!(text, "\n**What to do:** {}\n", paragraphs(hint));
    }
    text
}

/// A row for each image, and one for each other value.
fn tables(report: &Report) -> String {
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
        let new = changed(value.old.as_deref(), &value.new);
        let (resource, place) = (code(&value.resource), place(&value.file, value.line));
        format!(
            "| {resource} | {} | {old} | {new} | {place} |",
            code(&value.path)
        )
    };
    [
        table(
            ["Resource", "Container", "Old image", "New image", "File"],
            report.images.iter().map(image),
        ),
        table(
            ["Resource", "Path", "Old value", "New value", "File"],
            report.values.iter().map(value),
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

/// A table, or nothing where there is no row; cut where it is longer than a person reads.
fn table(heads: [&str; 5], rows: impl ExactSizeIterator<Item = String>) -> String {
    if rows.len() == 0 {
        return String::new();
    }
    let more = rows.len().saturating_sub(MAX_ROWS);
    let mut text = format!("| {} |\n|---|---|---|---|---|\n", heads.join(" | "));
    for row in rows.take(MAX_ROWS) {
        let _ = writeln!(text, "{row}");
    }
    if more > 0 {
        let _ = writeln!(text, "\n… and {more} more.");
    }
    text.push('\n');
    text
}

/// What a person should know beyond the tables.
fn notes(report: &Report) -> String {
    let note = |Note { file, line, text }: &Note| {
        format!("- {} {}.\n", place(file, *line), paragraphs(text))
    };
    report.notes.iter().take(MAX_ROWS).map(note).collect()
}

/// A diff in a fence that nothing in it can close, cut where it is longer than a person reads.
fn diff(diff: &str) -> String {
    let end = diff.floor_char_boundary(MAX_DIFF);
    let (shown, rest) = diff.split_at(end);
    let longest = shown.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let newline = if shown.ends_with('\n') { "" } else { "\n" };
    let mut text = format!("{fence}diff\n{shown}{newline}{fence}\n");
    if !rest.is_empty() {
        let _ = writeln!(
            text,
            "\n… and {} bytes more: the output `diff` has all of it.",
            rest.len()
        );
    }
    text
}

/// Text as inline code that Markdown and tables leave alone.
fn code(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if text.trim().is_empty() {
        return String::new();
    }
    let text = text.replace('|', "\\|");
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let space = if longest > 0 { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

/// Text with nothing of Markdown or HTML in it, lines kept; what stands between backticks becomes
/// code.
fn paragraphs(text: &str) -> String {
    let escaped = |text: &str| -> String {
        let mut out = String::new();
        for c in text.chars() {
            match c {
                '\n' => out.push_str("<br>\n"),
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '\\' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '!' | '@' => {
                    out.push('\\');
                    out.push(c);
                }
                c if c.is_control() => out.push(' '),
                c => out.push(c),
            }
        }
        out
    };
    let pieces: Vec<&str> = text.split('`').collect();
    let even = pieces.len().is_multiple_of(2);
    let mut out = String::new();
    for (index, piece) in pieces.iter().enumerate() {
        let unclosed = even && index + 1 == pieces.len();
        match index % 2 {
            1 if !unclosed && !piece.contains('\n') => out.push_str(&code(piece)),
            _ => out.push_str(&escaped(piece)),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_keeps_to_its_cell() {
        assert_eq!(code("a|b"), "`a\\|b`");
        assert_eq!(code("a`b"), "`` a`b ``");
        assert_eq!(code("a\nb"), "`a b`");
    }

    #[test]
    fn a_diff_cannot_leave_its_fence() {
        assert_eq!(diff("-a\n+```\n"), "````diff\n-a\n+```\n````\n");
    }

    #[test]
    fn text_is_no_markup() {
        assert_eq!(
            paragraphs("see `a_b` <img> *x*\n[l](u) `open"),
            "see `a_b` &lt;img&gt; \\*x\\*<br>\n\\[l\\](u) open"
        );
    }
}
