//! How one value is read, and what is wrong with it.

use std::str::FromStr;
use std::time::Duration;

use url::Url;

/// The longest `timeout`: a job's own limit on GitHub's runners, in seconds.
const MAX_TIMEOUT: u64 = 21_600;

/// Collects what is wrong, so that one run tells all of it.
#[derive(Default)]
pub(super) struct Problems(pub(super) Vec<String>);

impl Problems {
    pub(super) fn add(&mut self, input: &str, value: Option<&str>, why: &str) {
        let value = value
            .map(|value| format!(" `{}`", shortened(value)))
            .unwrap_or_default();
        self.0.push(format!("`{input}`{value}: {why}"));
    }

    /// `text` as a `T`, or a problem that quotes it.
    pub(super) fn parse<T: FromStr<Err: std::fmt::Display>>(
        &mut self,
        input: &str,
        text: &str,
    ) -> Option<T> {
        text.parse()
            .map_err(|error: T::Err| self.add(input, Some(text), &error.to_string()))
            .ok()
    }

    /// Every line of a list; its errors quote the line.
    pub(super) fn lines<T: FromStr<Err: std::fmt::Display>>(
        &mut self,
        input: &str,
        text: Option<&str>,
    ) -> Vec<T> {
        list(text.unwrap_or_default())
            .filter_map(|line| {
                line.parse()
                    .map_err(|error: T::Err| self.add(input, None, &error.to_string()))
                    .ok()
            })
            .collect()
    }

    pub(super) fn boolean(&mut self, input: &str, value: Option<&str>) -> bool {
        match value.map(str::trim) {
            None | Some("false" | "False" | "FALSE") => false,
            Some("true" | "True" | "TRUE") => true,
            Some(other) => {
                self.add(input, Some(other), "expected `true` or `false`");
                false
            }
        }
    }

    pub(super) fn seconds(&mut self, input: &str, value: Option<&str>, default: u64) -> Duration {
        let Some(text) = value else {
            return Duration::from_secs(default);
        };
        match text.trim().parse() {
            Ok(seconds @ 1..=MAX_TIMEOUT) => Duration::from_secs(seconds),
            _ => {
                let why = format!("expected whole seconds from 1 to {MAX_TIMEOUT}");
                self.add(input, Some(text.trim()), &why);
                Duration::from_secs(default)
            }
        }
    }

    pub(super) fn url(&mut self, input: &str, value: Option<&str>, default: &str) -> Option<Url> {
        let text = value.map_or(default, str::trim);
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
            self.add(input, None, &format!("{why} `{default}`"));
        }
        url
    }
}

/// The lines of a list: trimmed, without blank ones and comments.
pub(super) fn list(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// The items of a list that commas may part as well.
pub(super) fn items(text: &str) -> impl Iterator<Item = &str> {
    let items = list(text).flat_map(|line| line.split(','));
    items.map(str::trim).filter(|item| !item.is_empty())
}

/// A value as a message quotes it: one line of bounded length.
fn shortened(value: &str) -> String {
    const LONGEST: usize = 120;
    let line: String = value.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
