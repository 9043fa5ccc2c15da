//! Which deployments of a branch are in force, and which were taken back by which.
//!
//! One rule for whoever rolls back and for whoever counts what was rolled back. It stands on what the
//! commits say of themselves in trailers; on `This reverts commit …` where there are none of ours; and,
//! for what says nothing, as a file that is put back by hand, on what it did: an edit that takes all it
//! changes back to what ran before the deployments in force is a rollback.

mod back;
mod commit;
mod force;
mod judge;
mod line;
mod told;
mod undo;

pub use back::{Candidate, Ended, WayBack};
pub use commit::{PastChange, PastCommit};
pub use line::{Past, Standing};
pub use told::TakenBack;
pub use undo::{NotUndone, NothingBefore, Part, Undo};

impl<'a> Past<'a> {
    /// Finds out how `commits` stand: those of a branch's own line, newest first.
    pub fn new(commits: Vec<PastCommit<'a>>) -> Self {
        let mut past = Self {
            standings: commits.iter().map(Standing::blank).collect(),
            touched: Vec::new(),
            files: Vec::new(),
            places: Vec::new(),
            at: Vec::new(),
            layers: Vec::new(),
            taken: vec![Vec::new(); commits.len()],
            commits,
        };
        past.locate();
        past.layers = vec![Vec::new(); past.at.len()];
        for number in (0..past.commits.len()).rev() {
            past.judge(number);
        }
        past
    }
}

#[cfg(test)]
mod tests;
