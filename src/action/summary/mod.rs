//! The job summary: Markdown for a person.

mod history;
mod landing;
mod verification;

use std::fmt::Write as _;

pub use self::history::of_history;
pub use self::verification::{of_delivery, of_verification};
use crate::failure::Failure;
use crate::markdown::paragraphs;

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
