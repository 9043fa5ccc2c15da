//! The job summary: Markdown for a person. The first line is the verdict; what follows explains it.

mod history;
mod landing;
mod verification;

use std::fmt::Write as _;

pub use self::history::{of_history, plain as plain_history};
use crate::failure::Failure;
use crate::markdown::paragraphs;
use crate::operation::delivery::Delivery;
use crate::operation::verify::VerificationReport;

/// Why a run failed.
pub fn of_failure(failure: &Failure) -> String {
    failed("", failure)
}

/// What landed, what Argo CD made of it, and what followed. Without `show_diff` no line of a manifest is in
/// it.
pub fn of_delivery(delivery: &Delivery, show_diff: bool) -> String {
    let landed = &delivery.landed;
    let mut text = match (delivery.failure(), delivery.rollback(), &delivery.verified) {
        (Some(failure), Some(back), _) => {
            let to = landing::what(&back.new_images());
            failed(&format!("Rolled back to {to}: "), &failure)
        }
        (Some(failure), None, _) => failed("", &failure),
        (None, _, verified) => match (verified, landing::verdict(landed)) {
            (Some(report), (_, done)) => {
                format!("### ✅ {done}, {}\n\n", verification::verdict(report))
            }
            (None, (sign, done)) => format!("### {sign} {done}\n\n"),
        },
    };
    text.push_str(&landing::of_landing(landed, show_diff));
    if let Some(report) = &delivery.verified {
        let _ = write!(
            text,
            "#### Argo CD\n\n{}",
            verification::of_verification(report)
        );
    }
    if let Some(report) = delivery.rollback() {
        let back = landing::of_landing(report, show_diff);
        let _ = write!(text, "#### The rollback\n\n{back}");
    }
    text
}

/// What Argo CD made of a commit.
pub fn of_verification(report: &VerificationReport) -> String {
    let verdict = match &report.failure {
        Some(failure) => failed("", failure),
        None => {
            let images = landing::what(&report.git_images());
            format!(
                "### ✅ Verified {images}: {}\n\n",
                verification::verdict(report)
            )
        }
    };
    format!("{verdict}{}", verification::of_verification(report))
}

/// A failure with what became of the rest in front of it; then cause and advice.
fn failed(became: &str, failure: &Failure) -> String {
    let mut text = format!(
        "### ❌ {became}{}\n\n{}\n",
        failure.reason.title(),
        paragraphs(&failure.message)
    );
    if let Some(hint) = &failure.hint {
        let _ = write!(text, "\n**What to do:** {}\n", paragraphs(hint));
    }
    text.push('\n');
    text
}
