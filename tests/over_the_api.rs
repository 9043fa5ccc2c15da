//! What holds for git holds for GitHub's API: the same suites once more, over the other transport.

#![allow(clippy::duplicate_mod)] // each suite has its own `mod support`

#[path = "faults.rs"]
mod faults;
#[path = "history.rs"]
mod history;
#[path = "load.rs"]
mod load;
#[path = "rollback.rs"]
mod rollback;
#[path = "update.rs"]
mod update;
#[path = "verify.rs"]
mod verify;
