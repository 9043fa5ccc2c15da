//! How a text is read that more than one input takes.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use url::Url;

use super::definition::Problems;
use crate::deployment::{MessageTemplate, unknown_placeholders};
use crate::nearest::either;

/// The longest time to wait: a job's own limit on GitHub's runners, in seconds.
const MAX_TIMEOUT: u64 = 21_600;
/// A time that is often meant.
const EXAMPLE: u64 = 600;

/// Any text.
pub fn text(text: &str, _: &mut Problems<'_>) -> Option<String> {
    Some(text.to_owned())
}

/// As a `T`, or a problem that quotes it.
pub fn parsed<T: FromStr<Err: Display>>(text: &str, problems: &mut Problems<'_>) -> Option<T> {
    let parsed = text.parse();
    parsed.map_err(|error| problems.quote(text, error)).ok()
}

/// What one of a few words says.
pub trait Keyword: Copy + 'static {
    /// The words, in lower case.
    const WORDS: &[(&str, Self)];
}

/// One of a few words, in any case: expressions of a workflow compare so, too.
pub fn choice<T: Keyword>(text: &str, problems: &mut Problems<'_>) -> Option<T> {
    let is_it = |(word, _): &&(&str, T)| word.eq_ignore_ascii_case(text);
    let chosen = T::WORDS.iter().find(is_it);
    if chosen.is_none() {
        let words: Vec<&str> = T::WORDS.iter().map(|(word, _)| *word).collect();
        problems.quote(text, format!("expected {}", either(&words)));
    }
    chosen.map(|(_, choice)| *choice)
}

/// As a `T`, or a problem that does not quote it: it does so itself, or the text is long, or may hold a
/// secret by mistake.
pub fn unquoted<T: FromStr<Err: Display>>(text: &str, problems: &mut Problems<'_>) -> Option<T> {
    text.parse().map_err(|error| problems.add(error)).ok()
}

/// A message with placeholders; with a warning for each that there is not.
pub fn template(text: &str, problems: &mut Problems<'_>) -> Option<MessageTemplate> {
    for unknown in unknown_placeholders(text) {
        problems.warn(unknown);
    }
    unquoted(text, problems)
}

/// A `T` a line.
pub fn lines<T: FromStr<Err: Display>>(text: &str, problems: &mut Problems<'_>) -> Option<Vec<T>> {
    match has_comments(text, |item| item.parse::<T>().is_ok(), problems) {
        true => None,
        false => lines_with_comments(text, problems),
    }
}

/// The same of what knows a comment itself.
pub fn lines_with_comments<T: FromStr<Err: Display>>(
    text: &str,
    problems: &mut Problems<'_>,
) -> Option<Vec<T>> {
    let is_item = |item: &str| item.parse::<T>().is_ok();
    if !list(text).all(is_item) {
        let notations = [another_notation(text), another_notation_of_words(text)];
        let mut meant = notations.into_iter().flatten();
        if let Some(items) = meant.find(|items| items.iter().all(|item| is_item(item))) {
            problems.quote(text, one_a_line(&items));
            return None;
        }
    }
    Some(
        list(text)
            .filter_map(|line| unquoted(line, problems))
            .collect(),
    )
}

/// Whether there are lines that would be items without the comment behind them, which is told.
pub fn has_comments(
    text: &str,
    is_item: impl Fn(&str) -> bool,
    problems: &mut Problems<'_>,
) -> bool {
    let commented = list(text).filter_map(|line| {
        let (item, _) = line.split_once(" #")?;
        let item = item.trim_end();
        (is_item(item) && !is_item(line)).then_some((line, item))
    });
    let commented: Vec<(&str, &str)> = commented.collect();
    for (line, item) in &commented {
        problems.quote(
            line,
            format_args!("a comment takes a line of its own: write `{item}`"),
        );
    }
    !commented.is_empty()
}

/// A `T` a line or between commas.
pub fn items<T: FromStr<Err: Display>>(text: &str, problems: &mut Problems<'_>) -> Option<Vec<T>> {
    Some(
        split(text)
            .filter_map(|item| unquoted(item, problems))
            .collect(),
    )
}

/// The items of a text that is a list as YAML, JSON or a sentence has it; none where it is one item a line.
pub fn another_notation(text: &str) -> Option<Vec<String>> {
    notation(text, |c| matches!(c, ',' | ';'))
}

/// The same of items that have no blank in them.
pub fn another_notation_of_words(text: &str) -> Option<Vec<String>> {
    notation(text, |c| matches!(c, ',' | ';') || c.is_whitespace())
}

fn notation(text: &str, parts: fn(char) -> bool) -> Option<Vec<String>> {
    let bare = |item: &str| {
        let item = item.trim().trim_matches(['"', '\'']).trim();
        (!item.is_empty()).then(|| item.to_owned())
    };
    let inner = text.trim().strip_prefix('[');
    let inner = inner.and_then(|text| text.strip_suffix(']'));
    let lines = list(inner.unwrap_or(text));
    let lines = lines.map(|line| line.strip_prefix("- ").unwrap_or(line));
    let items: Vec<String> = lines
        .flat_map(|line| line.split(parts))
        .filter_map(bare)
        .collect();
    (!items.iter().eq(list(text))).then_some(items)
}

/// How to write a list that is in another notation.
pub fn one_a_line(items: &[String]) -> String {
    let items: Vec<String> = items.iter().map(|item| format!("`{item}`")).collect();
    format!(
        "a list is one item a line, without `-`, brackets, quotes or commas: {}",
        items.join(", and on the next line ")
    )
}

/// Names of people or labels, one a line or between commas.
pub fn names(text: &str, problems: &mut Problems<'_>) -> Option<Vec<String>> {
    if text.starts_with(['[', '-'])
        && let Some(items) = another_notation(text)
    {
        problems.quote(text, one_a_line(&items));
        return None;
    }
    let names = split(text).map(|name| name.trim_start_matches('@'));
    let names = names.filter(|name| !name.is_empty());
    Some(names.map(str::to_owned).collect())
}

pub fn boolean(text: &str, problems: &mut Problems<'_>) -> Option<bool> {
    match text {
        "false" | "False" | "FALSE" => Some(false),
        "true" | "True" | "TRUE" => Some(true),
        _ => {
            problems.quote(text, "expected `true` or `false`");
            None
        }
    }
}

/// A time in the words of whoever writes it: `5m`, `2 hours`, `1h 30min`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meant {
    /// How long it is.
    pub seconds: u64,
    /// The last unit in it.
    pub unit: Unit,
}

/// A unit of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit {
    /// `hour`
    pub word: &'static str,
    /// How many seconds it has.
    pub seconds: u64,
}

const UNITS: [Unit; 5] = {
    const fn of(word: &'static str, seconds: u64) -> Unit {
        Unit { word, seconds }
    }
    [
        of("second", 1),
        of("minute", 60),
        of("hour", 3600),
        of("day", 24 * 3600),
        of("week", 7 * 24 * 3600),
    ]
};

/// What may be meant by a time that is not in the form that an input takes.
pub fn time_meant(text: &str) -> Option<Meant> {
    let mut rest = text.trim();
    let mut meant = None;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, behind) = rest.split_at(digits);
        let behind = behind.trim_start();
        let letters = behind.find(|c: char| !c.is_ascii_alphabetic());
        let (word, behind) = behind.split_at(letters.unwrap_or(behind.len()));
        let unit = unit(&word.to_ascii_lowercase())?;
        let seconds = number.parse::<u64>().ok()?.checked_mul(unit.seconds)?;
        let before = meant.map_or(0, |meant: Meant| meant.seconds);
        let seconds = before.checked_add(seconds)?;
        meant = Some(Meant { seconds, unit });
        rest = behind.trim_start();
    }
    meant
}

fn unit(word: &str) -> Option<Unit> {
    let one = word.strip_suffix('s').filter(|one| !one.is_empty());
    let one = match one.unwrap_or(word) {
        "min" => "minute",
        "sec" => "second",
        "hr" => "hour",
        other => other,
    };
    let is_it = |unit: &&Unit| unit.word == one || unit.word.get(..1) == Some(one);
    UNITS.iter().find(is_it).copied()
}

pub fn seconds(text: &str, problems: &mut Problems<'_>) -> Option<Duration> {
    seconds_from(1, text, problems)
}

/// The same, or `0` for none at all.
pub fn seconds_or_none(text: &str, problems: &mut Problems<'_>) -> Option<Duration> {
    seconds_from(0, text, problems)
}

fn seconds_from(least: u64, text: &str, problems: &mut Problems<'_>) -> Option<Duration> {
    let allowed = least..=MAX_TIMEOUT;
    let seconds = text
        .parse()
        .ok()
        .filter(|seconds| allowed.contains(seconds));
    if seconds.is_none() {
        let meant = time_meant(text).map(|meant| meant.seconds);
        let meant = meant.filter(|meant| allowed.contains(meant));
        let how = match meant {
            Some(meant) => format!(": write `{meant}`"),
            None => format!(", such as `{EXAMPLE}`"),
        };
        let why = format!("expected a number of seconds from {least} to {MAX_TIMEOUT}{how}");
        problems.quote(text, why);
    }
    seconds.map(Duration::from_secs)
}

pub fn url(text: &str, problems: &mut Problems<'_>) -> Option<Url> {
    let url = Url::parse(text).ok().filter(|url| {
        matches!(url.scheme(), "https" | "http")
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    });
    if url.is_none() {
        let why = "expected an https:// or http:// URL without credentials and query, such as";
        // Not quoted: it may hold credentials.
        problems.add(format_args!("{why} `{}`", problems.input.fallback));
    }
    url
}

/// The lines of a list: trimmed, without blank ones and comments.
pub fn list(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// The items of a list that commas may part as well.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let items = list(text).flat_map(|line| line.split(','));
    items.map(str::trim).filter(|item| !item.is_empty())
}

#[cfg(test)]
mod tests {
    use super::time_meant;

    #[test]
    fn a_time_is_known_however_it_is_written() {
        for (text, expected) in [
            ("5m", Some(300)),
            ("5 minutes", Some(300)),
            ("90sec", Some(90)),
            ("2hours", Some(7200)),
            ("1h 30min", Some(5400)),
            ("1H30M", Some(5400)),
            ("2w", Some(1_209_600)),
            ("s", None),
            ("5", None),
            ("1.5h", None),
            ("-5m", None),
            ("5 parsecs", None),
            ("99999999999999999999d", None),
        ] {
            let seconds = time_meant(text).map(|meant| meant.seconds);
            assert_eq!(seconds, expected, "{text}");
        }
    }
}
