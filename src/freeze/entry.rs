//! One freeze.

use super::files::Files;
use super::window::{End, Window};
use super::zone::Zone;
use crate::files::RepoPath;

/// One entry of a freeze file.
#[derive(Debug, Clone)]
pub(super) struct Freeze {
    /// Its line, from 1.
    pub(super) line: usize,
    pub(super) reason: String,
    pub(super) who: String,
    pub(super) files: Files,
    /// The names of the operations that it holds.
    pub(super) operations: Vec<String>,
    pub(super) window: Window,
    pub(super) zone: Zone,
}

impl Freeze {
    /// Whether it is about what `operation` does to one of `files`, whenever that is.
    pub(super) fn is_about(&self, operations: &[&str], files: &[&RepoPath]) -> bool {
        self.operations
            .iter()
            .any(|own| operations.contains(&own.as_str()))
            && files.iter().any(|path| self.files.hold(path))
    }

    /// When it ends, if it is on.
    pub(super) fn end(&self, now: i64) -> Option<End> {
        self.window.end(&self.zone, now)
    }
}
