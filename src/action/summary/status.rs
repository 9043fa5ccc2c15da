//! What runs where: a row for each image, a column for each stage.

use std::fmt::Write as _;

use crate::markdown::{code, link, table};
use crate::operation::status::{Running, StatusReport};

/// What was found.
pub fn of_status(report: &StatusReport) -> String {
    let names = names(report);
    let cell = |name: &str, stage: &String| {
        let own = report.running.iter();
        let own = own.filter(|one| one.name == name && one.stage == *stage);
        let shown: Vec<String> = own.map(|one| shown(report, one)).collect();
        match shown.is_empty() {
            true => "–".to_owned(),
            false => shown.join("<br>"),
        }
    };
    let rows = names.iter().map(|name| {
        let cells = report.stages.iter().map(|stage| cell(name, stage));
        let cells: Vec<String> = cells.collect();
        format!("| {} | {} |", code(name), cells.join(" | "))
    });
    let stages: Vec<String> = report.stages.iter().map(|stage| code(stage)).collect();
    let mut heads = vec!["Image"];
    heads.extend(stages.iter().map(String::as_str));
    format!(
        "### 🗺️ {}\n\n{}\n\n{}",
        report.verdict(),
        sentence(report),
        table(&heads, rows)
    )
}

/// What the images are called, each once.
fn names(report: &StatusReport) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for Running { name, .. } in &report.running {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    names
}

/// Where that is from, and what it does not say.
fn sentence(report: &StatusReport) -> String {
    let StatusReport {
        location,
        branch,
        tip,
        ..
    } = report;
    let tip = link(
        &code(tip.short()),
        location.commit_url(tip.as_str()).as_deref(),
    );
    format!(
        "As Git has it on {} of {}, at {tip}. Whether a cluster runs it, `operation: verify` tells.",
        code(branch.as_str()),
        code(&location.to_string())
    )
}

/// `v2`, since when, and how far that is behind.
fn shown(report: &StatusReport, one: &Running) -> String {
    let file = one.file.parse().ok();
    let url = file.and_then(|file| {
        report
            .location
            .line_url(report.tip.as_str(), &file, one.line)
    });
    let mut text = link(&code(version(one)), url.as_deref());
    if let Some(age) = one.age_seconds {
        let commit = one.commit.as_deref().unwrap_or_default();
        let commit = code(commit.get(..7).unwrap_or(commit));
        let _ = write!(
            text,
            " for {} ({})",
            span(age),
            link(&commit, one.commit_url.as_deref())
        );
    }
    if let (Some(count), Some(stage)) = (one.behind, &one.behind_stage) {
        let _ = write!(text, ", **{count} behind** {}", code(stage));
    }
    text
}

/// The same for a log: a line for each image, in columns.
pub fn plain(report: &StatusReport) -> String {
    let row = |one: &Running| {
        let age = one.age_seconds.map(|age| format!("for {}", span(age)));
        let behind = match (one.behind, &one.behind_stage) {
            (Some(count), Some(stage)) => format!("{count} behind {stage}"),
            _ => String::new(),
        };
        [
            one.name.clone(),
            one.stage.clone(),
            version(one).to_owned(),
            age.unwrap_or_default(),
            behind,
        ]
    };
    let names = names(report);
    let mut running: Vec<&Running> = report.running.iter().collect();
    running.sort_by_key(|one| names.iter().position(|name| *name == one.name));
    let rows: Vec<[String; 5]> = running.into_iter().map(row).collect();
    let width = |column: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.max().unwrap_or_default()
    };
    let widths: [usize; 5] = std::array::from_fn(width);
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(widths);
        let cells: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        let _ = writeln!(text, "{}", cells.join("  ").trim_end());
    }
    text
}

/// What of an image differs from stage to stage.
fn version(one: &Running) -> &str {
    match (&one.tag, &one.digest) {
        (Some(tag), _) => tag,
        (None, Some(digest)) => digest,
        (None, None) => &one.image,
    }
}

/// `3 d`, `5 h`, `12 min`
fn span(seconds: i64) -> String {
    match seconds {
        seconds if seconds >= 2 * 86_400 => format!("{} d", seconds / 86_400),
        seconds if seconds >= 2 * 3600 => format!("{} h", seconds / 3600),
        seconds => format!("{} min", seconds / 60),
    }
}
