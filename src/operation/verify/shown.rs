//! What the log says of an application, look after look.

use std::collections::BTreeMap;

use super::seen::MAX_LINES;
use crate::argocd::{Application, ApplicationName};
use crate::operation::Progress;

/// What the log says already.
#[derive(Default)]
pub(super) struct Shown {
    state: String,
    resources: BTreeMap<String, String>,
}

impl Shown {
    /// Writes what is different from the look before. Returns whether anything is.
    pub(super) fn show(
        &mut self,
        name: &ApplicationName,
        application: &Application,
        revision: &str,
        log: &mut impl Progress,
    ) -> bool {
        let status = &application.status;
        let short = revision.get(..7).unwrap_or(revision);
        let phase = status
            .operation_state
            .as_ref()
            .map_or("", |operation| operation.phase.as_str());
        let operation = match (application.is_syncing(), phase) {
            (true, _) => ", syncing",
            (false, "Failed" | "Error") => ", sync failed",
            (false, _) => "",
        };
        let state = format!(
            "{}, {} at {short}{operation}",
            or_unknown(&status.sync.status),
            or_unknown(&status.health.status)
        );
        let mut changed = false;
        if state != self.state {
            let arrow = match self.state.as_str() {
                "" => state.clone(),
                before => format!("{before} → {state}"),
            };
            log.info(&format!("{name}: {arrow}"));
            changed = true;
        }
        let first = self.state.is_empty();
        self.state = state;
        let mut lines = Vec::new();
        let mut resources = BTreeMap::new();
        for resource in &status.resources {
            let health = resource
                .health
                .as_ref()
                .map_or("", |health| health.status.as_str());
            let comma = if health.is_empty() { "" } else { ", " };
            let now = format!("{}{comma}{health}", resource.status);
            let title = resource.title();
            match self.resources.get(&title) {
                Some(before) if *before != now => lines.push(format!("{title}: {before} → {now}")),
                None if !first => lines.push(format!("{title}: new, {now}")),
                Some(_) | None => {}
            }
            resources.insert(title, now);
        }
        self.resources = resources;
        changed |= !lines.is_empty();
        for line in lines.iter().take(MAX_LINES) {
            log.info(&format!("{name}: {line}"));
        }
        if let Some(more @ 1..) = lines.len().checked_sub(MAX_LINES) {
            log.info(&format!("{name}: and {more} resources more"));
        }
        changed
    }
}

fn or_unknown(status: &str) -> &str {
    if status.is_empty() { "Unknown" } else { status }
}
