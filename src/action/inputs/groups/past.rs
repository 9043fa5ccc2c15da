//! Which deployments of the past are meant.

use crate::action::inputs::definition::{
    Definition, HISTORY, Input, Problems, ROLLBACK, ROLLBACK_VERIFY, inputs,
};
use crate::action::inputs::parse::{Meant, parsed, text, time_meant};
use crate::date::DateSpec;
use crate::operation::Operation;
use crate::operation::rollback::Target;
use crate::repository::Revision;

/// The most commits that a report has: a job's outputs may be 1 MB in all.
const MAX_LIMIT: usize = 1000;

/// A rollback would undo another one than those that they name.
const TO_UNDO: &[(Operation, &str)] = &[(
    Operation::Rollback,
    "name the commit to undo with `commit`, what to go back to with `to`",
)];

inputs! {
    /// The commit to undo, or to `verify`; its id or the beginning of it. Default, the newest
    /// deployment in force, which passes over what was rolled back and the rollback of it; for
    /// `verify` the branch's tip.
    COMMIT: Revision = Input::new("commit", ROLLBACK_VERIFY, parsed).elsewhere(&[
        (Operation::Update, "set `operation: rollback` to undo it"),
        (Operation::Promote, "set `operation: rollback` to undo it"),
    ]);

    /// For `rollback`, in place of `commit`, what to go back to, whatever lies between: an image
    /// (`ghcr.io/acme/web:v13`), or several, one a line; a tag or digest, where only one image is
    /// meant by it, or those that left it together; or `previous`, which is the default.
    TO: Target = Input::new("to", ROLLBACK, parsed)
        .elsewhere(&[
            (
                Operation::Update,
                "name what to deploy with `image`, set `operation: rollback`",
            ),
            (
                Operation::Promote,
                "name the files that get the images with `file`, set `operation: rollback`",
            ),
        ]);

    /// For `history`, the first moment, such as `2026-08-01`, `2026-08-01T10:00Z`, `today`,
    /// `last monday` or `2 weeks ago`.
    SINCE: DateSpec = Input::new("since", HISTORY, date).elsewhere(TO_UNDO);

    /// For `history`, the last moment, in the same forms. A day counts to its end.
    UNTIL: DateSpec = Input::new("until", HISTORY, date).elsewhere(TO_UNDO);

    /// For `history`, the most commits to report.
    LIMIT: usize = Input::new("limit", HISTORY, limit)
        .or("50")
        .elsewhere(TO_UNDO);

    /// For `history`, a part of the author's name or address, case-insensitive.
    AUTHOR: String = Input::new("author", HISTORY, text).elsewhere(&[
        (
            Operation::Rollback,
            "name the commit to undo with `commit`, who makes the new one with `author-name` and `author-email`",
        ),
    ]);
}

/// A date; for a time that is none, with how long ago it may be meant to be.
fn date(text: &str, problems: &mut Problems<'_>) -> Option<DateSpec> {
    let error = match text.parse() {
        Ok(date) => return Some(date),
        Err(error) => error,
    };
    let Some(Meant { seconds, unit }) = time_meant(text) else {
        problems.quote(text, error);
        return None;
    };
    let count = seconds / unit.seconds;
    let plural = if count == 1 { "" } else { "s" };
    let ago = format!("`{count} {}{plural} ago`", unit.word);
    let ago = match text.trim_end().ends_with('m') {
        true => format!("{ago} (or `{count} month{plural} ago`)"),
        false => ago,
    };
    problems.quote(text, format_args!("{error}: write {ago}"));
    None
}

fn limit(text: &str, problems: &mut Problems<'_>) -> Option<usize> {
    let limit = text.parse().ok();
    let limit = limit.filter(|limit| (1..=MAX_LIMIT).contains(limit));
    if limit.is_none() {
        let why = format!("expected a whole number from 1 to {MAX_LIMIT}");
        problems.quote(text, why);
    }
    limit
}
