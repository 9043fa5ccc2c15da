//! The inputs of `operation: history`.

use super::problems::Problems;
use super::{Raw, remote};
use crate::operation::history::History;

/// The most commits that a report has: a job's outputs may be 1 MB in all.
const MAX_LIMIT: usize = 1000;
/// How many there are if nobody says.
const DEFAULT_LIMIT: usize = 50;

/// The report that the inputs ask for; none where something is wrong.
pub(super) fn history(raw: &Raw, problems: &mut Problems) -> Option<History> {
    let remote = remote::remote(raw, problems);
    let files = remote::files(raw.file.as_deref(), problems);
    let mut date =
        |input: &str, text: Option<&str>| text.and_then(|text| problems.parse(input, text.trim()));
    let since = date("since", raw.since.as_deref());
    let until = date("until", raw.until.as_deref());
    let limit = match raw
        .limit
        .as_deref()
        .map(|limit| (limit, limit.trim().parse()))
    {
        None => DEFAULT_LIMIT,
        Some((_, Ok(limit @ 1..=MAX_LIMIT))) => limit,
        Some((text, _)) => {
            let why = format!("expected a whole number from 1 to {MAX_LIMIT}");
            problems.add("limit", Some(text.trim()), &why);
            DEFAULT_LIMIT
        }
    };
    let author = raw.author.as_deref().map(|author| author.trim().to_owned());
    Some(History {
        remote: remote?,
        files: files?,
        since,
        until,
        limit,
        author,
    })
}
