//! When deployments are frozen, and which: what a freeze file says.
//!
//! `file` reads it, or tells everything that is wrong with it; a file that can't be read is never one without
//! freezes. `entry` is one freeze: `files` are what it holds, `window` is when, by the clock on the wall of
//! its `zone`, where a `schedule` says when it begins. `hold` is what all of them mean for a deployment at
//! a moment, which whoever asks brings along: nothing here knows what time it is.

mod entry;
mod file;
mod files;
mod hold;
mod schedule;
mod window;
mod zone;

pub use file::{FreezeFileError, OPERATIONS, parse};
pub use hold::{Freezes, Hold};
