//! Which deployments of a branch are in force, and which were taken back by which.
//!
//! One rule for whoever rolls back and for whoever counts what was rolled back. It stands on what the
//! commits say of themselves in trailers; on `This reverts commit …` where there are none of ours; and,
//! whatever they say, on what they did: a commit that takes all it changes back to what ran before the
//! deployments in force is a rollback, one that adds a digest to what runs deploys nothing, and what still
//! runs was not taken back.

mod back;
mod commit;
mod force;
mod judge;
mod line;
mod told;
mod undo;

pub use back::{Candidate, Ended, WayBack};
pub use commit::{Moved, PastChange, PastCommit};
pub use line::{Past, Standing};
pub use told::{LastSeen, TakenBack};
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
