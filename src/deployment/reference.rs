//! The commit that was built, in the trailers that Argo CD shows beside a deployment.
//!
//! Source: Argo CD's documentation, "Source Hydrator", on `Argocd-reference-commit-*`. An author is an
//! address of RFC 5322, the body a string of JSON, the date in ISO 8601, and none has a line end. What is
//! not of that form, Argo CD leaves out.

use std::fmt::Write as _;

use super::run::{Source, SourceCommit};
use super::template::one_line;
use super::trailers::{DEPLOYED_IMAGE, Origin, any_trailer_values, trailer_values};
use crate::date::Timestamp;
use crate::limits::shortened;

const SHA: &str = "Argocd-reference-commit-sha";
const REPOSITORY: &str = "Argocd-reference-commit-repourl";
const AUTHOR: &str = "Argocd-reference-commit-author";
const SUBJECT: &str = "Argocd-reference-commit-subject";
const BODY: &str = "Argocd-reference-commit-body";
const DATE: &str = "Argocd-reference-commit-date";

/// The longest subject that is passed on, in characters.
const SUBJECT_LENGTH: usize = 200;
/// The longest body, likewise: the source repository has all of it.
const BODY_LENGTH: usize = 4000;

/// `Name <address>` as RFC 5322 has it: in quotes what is no word, as in `"github-actions[bot]"`.
pub fn address(name: &str, email: &str) -> String {
    let is_word = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    let quoted = |text: &str, also: char| {
        if text.chars().all(|c| is_word(c) || c == also) && !text.is_empty() {
            return text.to_owned();
        }
        format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
    };
    let (name, email) = (one_line(name), one_line(email));
    let email = match email.rsplit_once('@') {
        Some((local, domain)) => format!("{}@{domain}", quoted(local, '.')),
        None => email,
    };
    match name.is_empty() {
        true => format!("<{email}>"),
        false => format!("{} <{email}>", quoted(&name, ' ')),
    }
}

/// The trailers that name the commit which a run built; each of one line.
pub(super) fn trailers(source: &Source) -> Vec<(&'static str, String)> {
    let SourceCommit {
        author,
        message,
        date,
    } = &source.commit;
    let (subject, body) = match message {
        Some(message) => parts(message),
        None => (String::new(), ""),
    };
    let subject = qualified(&subject, source.repository.as_deref());
    let subject = shortened(&subject, SUBJECT_LENGTH);
    let body = (!body.is_empty()).then(|| in_json(&shortened(body, BODY_LENGTH)));
    [
        (SHA, source.sha.as_deref()),
        (REPOSITORY, source.repository_url.as_deref()),
        (AUTHOR, author.as_deref()),
        (
            SUBJECT,
            Some(&*subject).filter(|subject| !subject.is_empty()),
        ),
        (BODY, body.as_deref()),
        (DATE, date.as_deref()),
    ]
    .into_iter()
    .filter_map(|(key, value)| {
        let value = value?;
        // A string of JSON is one line already, and its spaces are the text's.
        let value = if key == BODY {
            value.to_owned()
        } else {
            one_line(value)
        };
        (!value.is_empty()).then_some((key, value))
    })
    .collect()
}

/// The subject, on one line, and the body of a message, as git takes them apart: at the first blank line.
fn parts(message: &str) -> (String, &str) {
    let message = message.trim();
    let mut end = 0;
    for line in message.split_inclusive('\n') {
        if line.trim().is_empty() {
            break;
        }
        end += line.len();
    }
    let (subject, body) = message.split_at(end);
    (one_line(subject), body.trim())
}

/// A text with the numbers of issues in it as ones of `repository`: `fixes #7` would close an issue of the
/// repository that the message is for.
fn qualified(text: &str, repository: Option<&str>) -> String {
    let Some(repository) = repository else {
        return text.to_owned();
    };
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('#') {
        out.push_str(before);
        let is_number = behind.starts_with(|c: char| c.is_ascii_digit());
        if is_number && !out.ends_with(|c: char| c.is_alphanumeric() || "_-./".contains(c)) {
            out.push_str(repository);
        }
        out.push('#');
        rest = behind;
    }
    out + rest
}

/// A string of JSON without control characters, of which JSON leaves some as they are, and with nothing
/// that GitHub takes for the number of an issue or the name of an account.
fn in_json(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let quoted = serde_json::to_string(&text).unwrap_or_default();
    let mut out = String::with_capacity(quoted.len());
    for c in quoted.chars() {
        match c {
            c if c.is_control() || matches!(c, '#' | '@' | '\u{2028}' | '\u{2029}') => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// The commit of another repository that a deployment was built from, as its trailers name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference<'m> {
    /// Its id, or the beginning of it.
    pub sha: &'m str,
    /// The URL of its repository.
    pub repository_url: Option<&'m str>,
    /// When it was made, in seconds since 1970.
    pub time: Option<i64>,
}

impl<'m> Reference<'m> {
    /// What `message` names, whoever wrote it: Argo CD documents these trailers for everybody.
    pub fn of(message: &'m str) -> Option<Self> {
        let value = |key| any_trailer_values(message, key).next();
        Some(Self {
            time: value(DATE).and_then(Timestamp::seconds_of_iso),
            ..Self::new(value(SHA)?, value(REPOSITORY))?
        })
    }

    /// A commit, if `sha` can be the id of one.
    pub fn new(sha: &'m str, repository_url: Option<&'m str>) -> Option<Self> {
        let is_id = (5..=64).contains(&sha.len()) && sha.bytes().all(|b| b.is_ascii_hexdigit());
        is_id.then_some(Self {
            sha,
            repository_url,
            time: None,
        })
    }
}

/// What `image` was built from, by the newest of `messages`, which are newest first, that deployed it.
/// What a rollback was made of is another commit.
pub fn built_from<'m>(
    image: &str,
    mut messages: impl Iterator<Item = &'m str>,
) -> Option<Reference<'m>> {
    messages.find_map(|message| {
        let mut deployed = trailer_values(message, DEPLOYED_IMAGE);
        let is_meant =
            Origin::of(message) == Origin::Update && deployed.any(|deployed| deployed == image);
        is_meant.then(|| Reference::of(message)).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_of_rfc_5322() {
        for (name, email, expected) in [
            (
                "Ji Min",
                "jimin@blog.example",
                "Ji Min <jimin@blog.example>",
            ),
            ("지민", "jimin@blog.example", "지민 <jimin@blog.example>"),
            (
                "dependabot[bot]",
                "1+dependabot[bot]@users.noreply.github.com",
                "\"dependabot[bot]\" <\"1+dependabot[bot]\"@users.noreply.github.com>",
            ),
            ("J. \"X\"\nY", "a.b@c", "\"J. \\\"X\\\" Y\" <a.b@c>"),
            ("", "a@b", "<a@b>"),
        ] {
            assert_eq!(address(name, email), expected);
        }
    }

    #[test]
    fn subject_and_body_are_each_one_line_of_bounded_length() {
        let source = |message: &str| Source {
            sha: Some("8a3f5".into()),
            commit: SourceCommit {
                message: Some(message.into()),
                ..SourceCommit::default()
            },
            ..Source::default()
        };
        let lines = |message: &str| {
            let lines = trailers(&source(message));
            let lines = lines.into_iter().skip(1);
            lines.map(|(_, value)| value).collect::<Vec<_>>()
        };
        assert_eq!(lines("feat: x\n"), ["feat: x"]);
        assert_eq!(
            lines(
                "feat: x\n and more\r\n\r\na  b\r\n\nArgocd-reference-commit-sha: 0\u{85}\u{2028}\0\"\n"
            ),
            [
                "feat: x and more",
                "\"a  b\\n\\nArgocd-reference-commit-sha: 0\\u0085\\u2028\\u0000\\\"\""
            ]
        );
        assert_eq!(lines(" \n"), [""; 0]);
        assert_eq!(
            lines("x\n\nFixes #7 by @ji")[1],
            "\"Fixes \\u00237 by \\u0040ji\""
        );
        let long = lines(&format!("{}\n\n{}", "x".repeat(999), "ü\n".repeat(9999)));
        assert_eq!(long[0].chars().count(), SUBJECT_LENGTH + 1);
        let body: String = serde_json::from_str(&long[1]).unwrap();
        assert_eq!(body.chars().count(), BODY_LENGTH + 1);
        assert!(body.ends_with('…'));
    }

    #[test]
    fn a_number_is_an_issue_of_the_repository_that_was_built() {
        for (subject, expected) in [
            ("fix #7 (#12)", "fix acme/web#7 (acme/web#12)"),
            ("#1", "acme/web#1"),
            ("a/b#7, a#7, # 7, #x", "a/b#7, a#7, # 7, #x"),
        ] {
            assert_eq!(qualified(subject, Some("acme/web")), expected);
        }
        assert_eq!(qualified("#1", None), "#1");
    }

    #[test]
    fn what_a_deployment_was_built_from_is_read_back() {
        let by_others = "Bump image\n\nArgocd-reference-commit-sha: abcde12\nArgocd-reference-commit-repourl: https://github.com/acme/web\nArgocd-reference-commit-date: 2026-08-22T19:00:00+09:00\n";
        let reference = Reference::of(by_others).unwrap();
        assert_eq!(reference.sha, "abcde12");
        assert_eq!(
            reference.repository_url,
            Some("https://github.com/acme/web")
        );
        assert_eq!(reference.time, Some(1_787_392_800));
        // Somebody's text above ours is no trailer.
        let ours = "x\n\nArgocd-reference-commit-sha: 00000\n\nDeployed-Image: r/a:1\nArgocd-reference-commit-sha: 11111\n";
        assert_eq!(Reference::of(ours).unwrap().sha, "11111");
        for other in [
            "x\n\nArgocd-reference-commit-sha: 00000\n\nDeployed-Image: r/a:1\n",
            "x\n\nArgocd-reference-commit-sha: main\n",
            "Argocd-reference-commit-sha: 00000\n",
        ] {
            assert_eq!(Reference::of(other), None, "{other}");
        }
    }
}
