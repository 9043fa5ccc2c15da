//! The job summary: Markdown for a person. The first line is the verdict; what follows explains it.

mod history;
mod landing;
mod status;
mod verification;

use std::fmt::Write as _;

pub use self::history::plain as plain_history;
use self::landing::Since;
pub use self::status::plain as plain_status;
use crate::failure::{Failure, Reason};
use crate::markdown::{code, counted, paragraphs, paragraphs_and_lists};
use crate::operation::delivery::Delivery;
use crate::operation::history::HistoryReport;
use crate::operation::status::StatusReport;
use crate::operation::verify::VerificationReport;

/// GitHub takes no summary of a step that is longer than 1 MiB, and shows nothing of it.
const MAX_BYTES: usize = 1_000_000;
/// The most warnings that a summary has.
const MOST_WARNINGS: usize = 20;

/// A summary, without the warnings of the run.
pub struct Summary {
    /// The verdict; cause and advice, or where it is.
    head: String,
    /// What explains it.
    body: String,
}

impl Summary {
    /// With the warnings below the verdict.
    pub fn text(&self, warnings: &[String]) -> String {
        let mut text = self.head.clone();
        for warning in warnings.iter().take(MOST_WARNINGS) {
            let end = if warning.ends_with(['.', '?']) {
                ""
            } else {
                "."
            };
            let warning = paragraphs(warning);
            let _ = write!(
                text,
                "> [!WARNING]\n> {}{end}\n\n",
                warning.replace('\n', "\n> ")
            );
        }
        if let Some(more @ 1..) = warnings.len().checked_sub(MOST_WARNINGS) {
            let _ = write!(
                text,
                "… and {} more in the log.\n\n",
                counted(more, "warning")
            );
        }
        cut(text + &self.body)
    }
}

/// A summary, no longer than is shown: cut between two lines, as each has only what ends in it.
fn cut(mut text: String) -> String {
    if text.len() > MAX_BYTES {
        let end = text.floor_char_boundary(MAX_BYTES);
        let end = text.get(..end).and_then(|shown| shown.rfind('\n'));
        text.truncate(end.unwrap_or_default());
        text.push_str("\n\n… and more than GitHub shows in a summary.\n");
    }
    text
}

/// Why a run failed.
pub fn of_failure(failure: &Failure) -> Summary {
    Summary {
        head: failed("", failure),
        body: String::new(),
    }
}

/// Who deployed what, when.
pub fn of_history(report: &HistoryReport) -> Summary {
    Summary {
        head: history::of_history(report),
        body: String::new(),
    }
}

/// What runs where.
pub fn of_status(report: &StatusReport) -> Summary {
    Summary {
        head: status::of_status(report),
        body: String::new(),
    }
}

/// What landed, what Argo CD made of it, and what followed. Without `show_diff` no line of a manifest is in
/// it.
pub fn of_delivery(delivery: &Delivery, show_diff: bool) -> Summary {
    let landed = &delivery.landed;
    let mut head = match (delivery.failure(), delivery.rollback(), &delivery.verified) {
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
    let mut failure = delivery.verified.iter().flat_map(|report| &report.failure);
    let since = Since {
        end: delivery.pull.as_ref(),
        is_gone: failure.any(|failure| failure.reason == Reason::CommitGone),
    };
    head.push_str(&landing::sentence(landed, &since));
    let mut body = landing::details(landed, show_diff);
    if let Some(report) = &delivery.verified {
        let _ = write!(
            body,
            "#### {}\n\n{}",
            verification::title(report),
            verification::of_verification(report)
        );
    }
    if let Some(report) = delivery.rollback().or(delivery.proposed_rollback()) {
        let (sentence, details) = (
            landing::sentence(report, &Since::default()),
            landing::details(report, show_diff),
        );
        let _ = write!(body, "#### The rollback\n\n{sentence}{details}");
    }
    Summary { head, body }
}

/// What Argo CD made of a commit.
pub fn of_verification(report: &VerificationReport) -> Summary {
    let head = match &report.failure {
        Some(failure) => failed("", failure),
        None => {
            let what = match &report.git_images()[..] {
                [] => code(report.commit.short()),
                images => landing::what(images),
            };
            format!(
                "### ✅ Verified {what}: {}\n\n",
                verification::verdict(report)
            )
        }
    };
    Summary {
        head,
        body: verification::of_verification(report),
    }
}

/// A failure with what became of the rest in front of it; then cause and advice.
fn failed(became: &str, failure: &Failure) -> String {
    let mut text = format!(
        "### ❌ {became}{}\n\n{}\n",
        failure.reason.title(),
        paragraphs_and_lists(&failure.message)
    );
    if let Some(hint) = &failure.hint {
        let _ = write!(text, "\n**What to do:** {}\n", paragraphs_and_lists(hint));
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_no_longer_than_github_shows_and_ends_in_a_whole_line() {
        const MORE: &str = "\n\n… and more than GitHub shows in a summary.\n";
        let most = 1 << 20;
        let line = "| ä | `web` |\n";
        let fits = line.repeat(MAX_BYTES / line.len());
        assert_eq!(cut(fits.clone()), fits);
        let shown = cut(format!("{fits}{line}{line}"));
        assert!(shown.len() < most, "{}", shown.len());
        let lines = shown.strip_suffix(MORE).unwrap().split('\n');
        assert!(lines.clone().all(|shown| shown == line.trim_end()));
        assert_eq!(lines.count(), fits.lines().count());
        // A line that is not shown whole is not shown at all.
        assert_eq!(cut(format!("a\n{}", "ä".repeat(most))), format!("a{MORE}"));
        assert_eq!(cut("ä".repeat(most)), MORE);
        let summary = Summary {
            head: "### ✅ Done\n\n".to_owned(),
            body: line.repeat(100_000),
        };
        let text = summary.text(&vec!["w".repeat(most); 30]);
        assert!(text.starts_with("### ✅ Done\n\n") && text.len() < most);
    }
}
