//! What runs where: a row for each image, a column for each stage.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use crate::markdown::{code, counted, link, table};
use crate::operation::status::{Running, StatusReport};

/// The most columns of the table; a person reads fewer.
const MAX_STAGES: usize = 30;
/// How many images of one name and stage a cell lists.
const IN_A_CELL: usize = 20;
/// How many images a log lists.
const LISTED: usize = 1_000;

/// What was found.
pub fn of_status(report: &StatusReport) -> String {
    let names = names(report);
    let mut running: HashMap<(&str, &str), Vec<&Running>> = HashMap::new();
    for one in &report.running {
        running
            .entry((&one.name, &one.stage))
            .or_default()
            .push(one);
    }
    let cell = |name: &str, stage: &str| {
        let Some(own) = running.get(&(name, stage)) else {
            return "–".to_owned();
        };
        let shown = own.iter().take(IN_A_CELL).map(|one| shown(report, one));
        let mut shown: Vec<String> = shown.collect();
        if let Some(more @ 1..) = own.len().checked_sub(IN_A_CELL) {
            shown.push(format!("… and {more} more"));
        }
        shown.join("<br>")
    };
    let (stages, left_out) = match report.stages.split_at_checked(MAX_STAGES) {
        Some((stages, rest)) => (stages, rest.len()),
        None => (&report.stages[..], 0),
    };
    let rows = names.iter().map(|name| {
        let mut row = vec![code(name)];
        row.extend(stages.iter().map(|stage| cell(name, stage)));
        row
    });
    let more = match left_out {
        0 => String::new(),
        _ => format!(
            "… and {} more: the output `matrix` has them.\n\n",
            counted(left_out, "stage")
        ),
    };
    let stages: Vec<String> = stages.iter().map(|stage| code(stage)).collect();
    let mut heads = vec!["Image"];
    heads.extend(stages.iter().map(String::as_str));
    format!(
        "### 🗺️ {}\n\n{}\n\n{}{more}",
        report.verdict(),
        sentence(report),
        table(&heads, rows)
    )
}

/// What the images are called, each once.
fn names(report: &StatusReport) -> Vec<&str> {
    let names = report.running.iter().map(|one| one.name.as_str());
    let mut seen = HashSet::new();
    names.filter(|name| seen.insert(*name)).collect()
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
    let numbers = names(report).into_iter().zip(0..);
    let numbers: HashMap<&str, usize> = numbers.collect();
    let mut running: Vec<&Running> = report.running.iter().collect();
    running.sort_by_key(|one| numbers.get(one.name.as_str()));
    let more = running.len().saturating_sub(LISTED);
    running.truncate(LISTED);
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
    if more > 0 {
        let _ = writeln!(text, "… and {more} more: the output `matrix` has them.");
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
