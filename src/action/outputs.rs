//! What later steps get: `GITHUB_OUTPUT`.

use std::io;

use serde::Serialize;

use super::environment::Environment;
use super::log::Log;
use crate::date::Timestamp;
use crate::deployment::metrics::Metrics;
use crate::operation::delivery::Delivery;
use crate::operation::history::{Deployment, HistoryReport};
use crate::operation::landing::LandingReport;
use crate::operation::source_changes;
use crate::operation::status::StatusReport;
use crate::operation::verify::{ApplicationReport, ContextReport, VerificationReport};
use crate::repository::{BranchName, CommitId, Location};

const DIFF: &str = "diff";

/// Every output there is, in the order of `action.yml`.
pub const OUTPUTS: [&str; 33] = [
    "changed",
    "commit-sha",
    "commit-url",
    "branch",
    "image",
    "previous-image",
    "files",
    DIFF,
    "pull-request-number",
    "pull-request-url",
    "pull-request-state",
    "skipped-reason",
    "promoted-from",
    "promotable-at",
    "frozen-until",
    "rolled-back",
    "rollback-commit-sha",
    "undone-commit-sha",
    "rollback-pull-request-number",
    "rollback-pull-request-url",
    "sync-status",
    "health-status",
    "argocd-revision",
    "status-state",
    "status-description",
    "status-url",
    "status-commit",
    "changes",
    "changes-markdown",
    "deployments",
    "deployments-csv",
    "metrics",
    "matrix",
];

/// The outputs of one run: a value for every name, empty where nothing set it.
#[derive(Debug)]
pub struct Outputs([String; OUTPUTS.len()]);

impl Outputs {
    /// None set.
    pub fn new() -> Self {
        Self(std::array::from_fn(|_| String::new()))
    }

    /// Sets the output `name`, which is one of [`OUTPUTS`].
    pub fn set(&mut self, name: &str, value: impl ToString) {
        let index = OUTPUTS.iter().position(|own| *own == name);
        debug_assert!(index.is_some(), "there is no output {name}");
        if let Some(index) = index {
            self.0[index] = value.to_string();
        }
    }

    /// All of them, in the order of `action.yml`.
    fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        OUTPUTS.into_iter().zip(self.0.iter().map(String::as_str))
    }
}

impl Default for Outputs {
    fn default() -> Self {
        Self::new()
    }
}

/// The outputs of what landed.
fn of_landing(report: &LandingReport) -> Outputs {
    let mut outputs = Outputs::new();
    outputs.set("changed", report.changed());
    if let Some(commit) = &report.commit {
        outputs.set("commit-sha", commit);
    }
    outputs.set("commit-url", report.commit_url().unwrap_or_default());
    outputs.set("branch", &report.branch);
    set_images(&mut outputs, report);
    outputs.set("files", report.files.join("\n"));
    outputs.set(DIFF, &report.diff);
    if let Some(pull_request) = &report.pull_request {
        outputs.set("pull-request-number", pull_request.number);
        outputs.set("pull-request-url", &pull_request.url);
    }
    let changes = &report.source_changes;
    outputs.set("changes", array(changes, MAX_CHANGES));
    outputs.set(
        "changes-markdown",
        source_changes::markdown(changes, LISTED_COMMITS).trim_end(),
    );
    outputs.set(
        "skipped-reason",
        report.skipped.as_deref().unwrap_or_default(),
    );
    let until = report.frozen.as_ref().and_then(|frozen| frozen.until);
    let until = until.map(|until| Timestamp::utc(until).iso());
    outputs.set("frozen-until", until.unwrap_or_default());
    if let Some(promotion) = &report.promotion {
        if report.skipped.is_none() {
            outputs.set("promoted-from", promotion.sources.join("\n"));
        }
        let until = promotion.until.map(|until| Timestamp::utc(until).iso());
        outputs.set("promotable-at", until.unwrap_or_default());
    }
    outputs
}

fn set_images(outputs: &mut Outputs, report: &LandingReport) {
    outputs.set("image", report.new_images().join("\n"));
    outputs.set("previous-image", report.old_images().join("\n"));
}

/// The outputs of what landed, and of what became of it.
pub fn of_delivery(delivery: &Delivery) -> Outputs {
    let mut outputs = of_landing(&delivery.landed);
    set_images(&mut outputs, delivery.last());
    outputs.set(
        "pull-request-state",
        delivery.pull_state().unwrap_or_default(),
    );
    if let Some(report) = &delivery.verified {
        set_verification(&mut outputs, report);
    }
    let rollback = delivery.landed_rollback();
    let before = delivery.landed.made_before.as_ref();
    outputs.set("rolled-back", rollback.is_some() || before.is_some());
    let commit = rollback.and_then(|report| report.commit.as_ref());
    if let Some(commit) = commit.or(before) {
        outputs.set("rollback-commit-sha", commit);
    }
    let rollback = rollback.or(delivery.proposed_rollback());
    let undone = &rollback.unwrap_or(&delivery.landed).undone;
    let undone: Vec<&str> = undone.iter().map(|commit| commit.id.as_str()).collect();
    outputs.set("undone-commit-sha", undone.join("\n"));
    if let Some(pull_request) = delivery.pull_of_the_rollback() {
        outputs.set("rollback-pull-request-number", pull_request.number);
        outputs.set("rollback-pull-request-url", &pull_request.url);
    }
    outputs
}

/// The outputs of a verification.
pub fn of_verification(report: &VerificationReport) -> Outputs {
    let mut outputs = of_what_is_read(&report.location, &report.branch, &report.commit);
    outputs.set("image", report.git_images().join("\n"));
    set_verification(&mut outputs, report);
    outputs
}

fn set_verification(outputs: &mut Outputs, report: &VerificationReport) {
    let lines = |of: fn(&ApplicationReport) -> &str| {
        let lines: Vec<&str> = report.applications.iter().map(of).collect();
        lines.join("\n")
    };
    outputs.set("sync-status", lines(|one| &one.sync));
    outputs.set("health-status", lines(|one| &one.health.status));
    outputs.set("argocd-revision", lines(|one| &one.revision));
    let lines = |of: fn(&ContextReport) -> &str| {
        let lines: Vec<&str> = report.statuses.iter().map(of).collect();
        lines.join("\n")
    };
    outputs.set("status-state", lines(|one| &one.state));
    outputs.set("status-description", lines(|one| &one.description));
    outputs.set(
        "status-url",
        lines(|one| one.url.as_deref().unwrap_or_default()),
    );
    outputs.set("status-commit", lines(|one| &one.commit));
}

/// The longest values in JSON: the outputs of a job may be 1 MB in all.
const MAX_DEPLOYMENTS: usize = 600 << 10;
const MAX_METRICS: usize = 200 << 10;
const MAX_CHANGES: usize = 200 << 10;
/// How many commits of each source repository `changes-markdown` lists.
const LISTED_COMMITS: usize = 50;

/// A list in JSON, as many of its entries as are no longer than `longest`.
fn array<T: Serialize>(entries: &[T], longest: usize) -> String {
    let mut json = String::from("[");
    for entry in entries {
        let entry = serde_json::to_string(entry).unwrap_or_default();
        if json.len() + entry.len() > longest {
            break;
        }
        let comma = if json.len() > 1 { "," } else { "" };
        json.push_str(comma);
        json.push_str(&entry);
    }
    json.push(']');
    json
}

/// The measures, without those of single files and periods where they are too long with them: the file with
/// the fewest deployments goes first.
fn metrics(metrics: &Metrics) -> String {
    let mut metrics = metrics.clone();
    loop {
        let json = serde_json::to_string(&metrics).unwrap_or_default();
        if json.len() <= MAX_METRICS {
            return json;
        }
        let fewest = metrics.files.iter();
        let fewest = fewest.min_by_key(|(_, measures)| measures.deployments.count);
        match fewest.map(|(file, _)| file.clone()) {
            Some(file) => {
                metrics.files.remove(&file);
            }
            None if metrics.periods.is_empty() => return json,
            None => {
                metrics.periods.remove(0);
            }
        }
        metrics.left_out += 1;
    }
}

/// Those of an operation that only reads a branch at its tip.
fn of_what_is_read(location: &Location, branch: &BranchName, tip: &CommitId) -> Outputs {
    let mut outputs = Outputs::new();
    outputs.set("changed", false);
    outputs.set("rolled-back", false);
    outputs.set("commit-sha", tip);
    let url = location.commit_url(tip.as_str());
    outputs.set("commit-url", url.unwrap_or_default());
    outputs.set("branch", branch);
    outputs
}

/// The outputs of a history; `csv` is where its table was written.
pub fn of_history(report: &HistoryReport, csv: &str) -> Outputs {
    let mut outputs = of_what_is_read(&report.location, &report.branch, &report.tip);
    outputs.set("deployments", array(&report.deployments, MAX_DEPLOYMENTS));
    outputs.set("deployments-csv", csv);
    outputs.set("metrics", metrics(&report.metrics));
    outputs
}

/// The outputs of what runs where.
pub fn of_status(report: &StatusReport) -> Outputs {
    let mut outputs = of_what_is_read(&report.location, &report.branch, &report.tip);
    let include = array(&report.running, MAX_DEPLOYMENTS);
    outputs.set("matrix", format!("{{\"include\":{include}}}"));
    outputs
}

/// A row of the table.
#[derive(Default)]
struct Row<'a> {
    file: Option<&'a str>,
    resource: Option<&'a str>,
    container: Option<&'a str>,
    image: [Option<&'a str>; 2],
    path: Option<&'a str>,
    value: [Option<&'a str>; 2],
    rolled_back_by: Option<&'a str>,
}

impl<'a> Row<'a> {
    /// In the order of [`csv`]'s header, to which new ones come at the end.
    fn cells(self, deployment: &'a Deployment, merged: &'a str) -> [Option<&'a str>; 18] {
        let Self {
            file,
            resource,
            container,
            image: [old_image, new_image],
            path,
            value: [old_value, new_value],
            rolled_back_by,
        } = self;
        [
            Some(&deployment.date),
            Some(&deployment.commit),
            Some(&deployment.author),
            Some(&deployment.author_email),
            Some(deployment.kind),
            file,
            resource,
            container,
            old_image,
            new_image,
            Some(&deployment.subject),
            deployment.commit_url.as_deref(),
            deployment.workflow_run.as_deref(),
            path,
            old_value,
            new_value,
            rolled_back_by,
            Some(merged),
        ]
    }
}

/// The same as a table for spreadsheets (RFC 4180): a row for each image and each value, or for a commit
/// that changed none.
///
/// # Errors
/// None that is known: it is written to memory.
pub fn csv(report: &HistoryReport) -> io::Result<String> {
    let mut table = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    table.write_record([
        "date",
        "commit",
        "author",
        "author_email",
        "kind",
        "file",
        "resource",
        "container",
        "old_image",
        "new_image",
        "subject",
        "commit_url",
        "workflow_run",
        "path",
        "old_value",
        "new_value",
        "rolled_back_by",
        "merged",
    ])?;
    for deployment in &report.deployments {
        let images = deployment.images.iter().map(|image| Row {
            file: Some(&image.file),
            resource: Some(&image.resource),
            container: image.container.as_deref(),
            image: [image.old.as_deref(), image.new.as_deref()],
            rolled_back_by: image.rolled_back_by.as_deref(),
            ..Row::default()
        });
        let values = deployment.values.iter().map(|value| Row {
            file: Some(&value.file),
            resource: Some(&value.resource),
            path: Some(&value.path),
            value: [value.old.as_deref(), value.new.as_deref()],
            rolled_back_by: value.rolled_back_by.as_deref(),
            ..Row::default()
        });
        let mut rows: Vec<Row<'_>> = images.chain(values).collect();
        if rows.is_empty() {
            rows.push(Row {
                rolled_back_by: deployment.rolled_back_by.as_deref(),
                ..Row::default()
            });
        }
        let merged = deployment.merged.join(" ");
        for row in rows {
            let row = row.cells(deployment, &merged);
            table.write_record(row.map(|cell| harmless(cell.unwrap_or_default())))?;
        }
    }
    let bytes = table
        .into_inner()
        .map_err(|error| io::Error::other(error.to_string()))?;
    String::from_utf8(bytes).map_err(io::Error::other)
}

/// A cell that spreadsheets take for text, in each of the columns that they may make of it: where `;`
/// separates columns (by the machine's language), or a tab, what is behind one is a cell, too.
/// Source: OWASP, "CSV Injection".
fn harmless(cell: &str) -> String {
    let mut text = String::with_capacity(cell.len());
    let mut begins = true;
    for (at, c) in cell.char_indices() {
        if begins && begins_formula(&cell[at..]) {
            text.push('\'');
        }
        begins = matches!(c, ';' | '\t' | '\n' | '\r');
        text.push(c);
    }
    text
}

/// Whether a spreadsheet computes it, by how it begins. Full-width forms count in East Asian ones.
fn begins_formula(cell: &str) -> bool {
    let cell = cell.trim_start_matches([' ', '"', '\'']);
    cell.starts_with([
        '=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
    ])
}

/// Hands outputs to the runner. Where there is none, they are printed.
///
/// # Errors
/// When the runner's file can't be written.
pub fn write(environment: &Environment, log: &mut Log, outputs: &Outputs) -> io::Result<()> {
    if !environment.append_values("GITHUB_OUTPUT", outputs.iter())? {
        let lines = outputs
            .iter()
            // The log has it already, or is not to show it.
            .filter(|(name, value)| !value.is_empty() && *name != DIFF)
            .map(|(name, value)| format!("{name}={value}"));
        log.group("Outputs", &lines.collect::<Vec<_>>().join("\n"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_in_whatever_columns() {
        for (cell, expected) in [
            ("acme/web:v1", "acme/web:v1"),
            ("=1", "'=1"),
            ("\n=1", "'\n'=1"),
            ("a;=1", "a;'=1"),
            ("a\t @x", "a\t' @x"),
            (";\"+1", ";'\"+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("\t1", "'\t1"),
            ("\r1", "'\r1"),
            ("\u{ff1d}1", "'\u{ff1d}1"),
            ("\u{ff0b}1", "'\u{ff0b}1"),
            ("\u{ff0d}1", "'\u{ff0d}1"),
            ("\u{ff20}x", "'\u{ff20}x"),
            ("feat: a-b; c=d", "feat: a-b; c=d"),
        ] {
            assert_eq!(harmless(cell), expected, "{cell:?}");
        }
    }
}
