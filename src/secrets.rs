//! What must never be shown: every secret of this run, in each form in which it can come back.
//!
//! One process is one run, so they are kept in one place: whoever sends a secret has made a header of it,
//! and so it is known here, also one that a server gave out a moment ago. The runner's masks are a
//! second line: they don't see through escapes, and other runners than GitHub's have none.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use secrecy::{ExposeSecret, SecretString};
use url::form_urlencoded::byte_serialize;

/// What stands in place of a secret.
const HIDDEN: &str = "***";
/// What stands in place of the rest of a text that was cut.
const CUT: char = '…';
/// How much of a secret's beginning tells more than of which kind it is.
const BEGINNING: usize = 8;
/// Shorter ones are in too many words.
const SHORTEST: usize = 4;
/// From here on the forms of a secret are hidden, too: three of its bytes are lost at each end in base64.
const SHORTEST_ENCODED: usize = 12;

/// The forms of all secrets, the longest first.
static KNOWN: Mutex<Vec<String>> = Mutex::new(Vec::new());
/// What was given out since the runner was told last.
static UNMASKED: Mutex<Vec<SecretString>> = Mutex::new(Vec::new());

/// Hides a secret, each line of it, from now on.
pub fn hide(secret: &SecretString) {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    for line in secret.expose_secret().split(['\n', '\r']) {
        for form in forms(line.trim()) {
            if !known.contains(&form) {
                known.push(form);
            }
        }
    }
    known.sort_by_key(|form| std::cmp::Reverse(form.len()));
}

/// Whether a text shows a secret, in whatever form, or a line of it.
pub fn shows(text: &str, secret: &SecretString) -> bool {
    let lines = secret.expose_secret().split(['\n', '\r']);
    let mut forms = lines.flat_map(|line| forms(line.trim()));
    forms.any(|form| text.contains(&form))
}

/// Hides a secret that a server gave out a moment ago, and keeps it for the runner, which has not heard of it.
pub fn given_out(secret: &SecretString) {
    hide(secret);
    let mut unmasked = UNMASKED.lock().unwrap_or_else(PoisonError::into_inner);
    unmasked.push(secret.clone());
}

/// The secrets that the runner has not heard of, each once: before anything else is printed, it is to mask them.
pub fn unmasked() -> Vec<SecretString> {
    let mut unmasked = UNMASKED.lock().unwrap_or_else(PoisonError::into_inner);
    std::mem::take(&mut *unmasked)
}

/// A text without the secrets that are known.
pub fn redacted(text: &str) -> String {
    let known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    without(text, &known)
}

/// All places are looked for before one is hidden: a secret may begin within another one, or be how one begins.
fn without(text: &str, known: &[String]) -> String {
    let mut found: Vec<Range<usize>> = Vec::new();
    for form in known {
        let mut from = 0;
        while let Some(at) = text[from..].find(form) {
            let start = from + at;
            found.push(start..start + form.len());
            from = text.ceil_char_boundary(start + 1);
        }
    }
    let mut from = 0;
    for (at, cut) in text.match_indices(CUT) {
        let start = begun(&text[from..at], known);
        found.extend(start.map(|start| from + start..at));
        from = at + cut.len();
    }
    found.sort_unstable_by_key(|range| (range.start, range.end));
    let mut shown = String::with_capacity(text.len());
    let mut end = 0;
    for range in found {
        if range.start >= end {
            shown.extend([&text[end..range.start], HIDDEN]);
        }
        end = end.max(range.end);
    }
    shown.push_str(&text[end..]);
    shown
}

/// Where the beginning of a secret starts that a text ends with: it may have been cut there, in the middle of a
/// character, or in quotes.
fn begun(text: &str, known: &[String]) -> Option<usize> {
    let is_behind = ['\u{fffd}', '"'];
    let cut = text.trim_end_matches(is_behind).len();
    // The quotes may be the secret's own, too.
    let text = &text[..text.floor_char_boundary(cut + BEGINNING)];
    let starts = known.iter().filter_map(|form| {
        let beginning = form.get(..form.ceil_char_boundary(BEGINNING))?;
        let from = text.ceil_char_boundary(cut.saturating_sub(form.len()));
        let mut found = text[from..].match_indices(beginning);
        let is_begun = |(at, _): &(usize, &str)| {
            form.starts_with(text[from + at..].trim_end_matches(is_behind))
        };
        Some(from + found.find(is_begun)?.0)
    });
    starts.min()
}

/// How a secret may be written down.
fn forms(secret: &str) -> Vec<String> {
    if secret.len() < SHORTEST {
        return Vec::new();
    }
    let mut forms = vec![secret.to_owned()];
    // In a log's command, in JSON, in a table for spreadsheets. Markdown hides it before it escapes.
    forms.push(secret.replace('%', "%25"));
    forms.push(secret.replace('\\', "\\\\").replace('"', "\\\""));
    forms.push(secret.replace('"', "\"\""));
    // As servers write it: JSON of PHP and of Go, HTML.
    let json = secret.replace('\\', "\\\\").replace('"', "\\\"");
    forms.push(json.replace('/', "\\/"));
    let escapes = [('&', "\\u0026"), ('<', "\\u003c"), ('>', "\\u003e")];
    let in_go = |text: String, (c, escape)| text.replace(c, escape);
    forms.push(escapes.into_iter().fold(json, in_go));
    let html = secret.replace('&', "&amp;").replace('<', "&lt;");
    let html = html.replace('>', "&gt;");
    for (quote, apostrophe) in [
        ("&quot;", "&#39;"),
        ("&#34;", "&#39;"),
        ("&quot;", "&#x27;"),
    ] {
        forms.push(html.replace('"', quote).replace('\'', apostrophe));
    }
    if secret.len() >= SHORTEST_ENCODED {
        forms.push(byte_serialize(secret.as_bytes()).collect());
        forms.push(percent_encoded(secret));
        forms.push(percent_encoded(secret).to_lowercase());
        forms.push(percent_encoded(secret).replace("%2F", "/"));
        for base64 in (0..3).map(|offset| base64_at(secret, offset)) {
            forms.push(base64.replace('+', "-").replace('/', "_"));
            forms.push(base64);
        }
    }
    forms.sort_unstable();
    forms.dedup();
    forms
}

/// What base64 makes of a secret behind so many other bytes, without the digits that those have a part in.
fn base64_at(secret: &str, offset: usize) -> String {
    let bytes = [&vec![0; offset], secret.as_bytes()].concat();
    let whole = bytes.len() / 3 * 3;
    let digits = BASE64_STANDARD.encode(&bytes[..whole]);
    digits[(offset * 4).div_ceil(3)..].to_owned()
}

/// RFC 3986: everything but letters, digits and `-._~`.
fn percent_encoded(secret: &str) -> String {
    let mut encoded = String::new();
    for byte in secret.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(byte.into());
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_secret_is_hidden_in_each_of_its_forms() {
        let secret = "gh/p_a+b|c&d=é\"%x";
        let known = forms(secret);
        for form in [
            secret,
            "gh%2Fp_a%2Bb%7Cc%26d%3D%C3%A9%22%25x",
            "gh%2fp_a%2bb%7cc%26d%3d%c3%a9%22%25x",
            "gh/p_a+b|c&d=é\\\"%x",
            "gh/p_a+b|c&d=é\"\"%x",
            "gh/p_a+b|c&d=é\"%25x",
            "gh\\/p_a+b|c&d=é\\\"%x",
            "gh/p_a+b|c\\u0026d=é\\\"%x",
            "gh/p_a+b|c&amp;d=é&quot;%x",
            "gh/p_a+b|c&amp;d=é&#34;%x",
            "gh/p_a%2Bb%7Cc%26d%3D%C3%A9%22%25x",
        ] {
            assert_eq!(without(&format!("<{form}>"), &known), "<***>", "{form}");
        }
        assert!(forms("abc").is_empty());
    }

    #[test]
    fn what_was_cut_in_a_secret_shows_nothing_of_it() {
        let secret = "ghs_0123456789abcdefghijé0123456789";
        let known = forms(secret);
        let encoded = base64_at(secret, 0);
        for form in [secret, &encoded] {
            for (end, _) in form.char_indices().skip(BEGINNING) {
                let cut = &form[..end];
                assert_eq!(without(&format!("a {cut}… b…"), &known), "a ***… b…");
            }
        }
        for text in ["a ghs_0123 b", "é… é", "ghs_012…", "", "…"] {
            assert_eq!(without(text, &known), text);
        }
    }

    #[test]
    fn secrets_that_share_a_part_are_hidden_as_a_whole() {
        let known: Vec<String> = [
            "ghp_01234567",
            "ghp_0123456789abcdefghij",
            "efghijklmnopq",
            "q\"0123\"\"45",
        ]
        .into_iter()
        .flat_map(forms)
        .collect();
        for (text, expected) in [
            ("a ghp_0123456789abcdefg… b", "a ***… b"),
            ("a ghp_0123456789abcdefghijklmnopq b", "a *** b"),
            ("a ghp_01234567ghp_01234567 b", "a ****** b"),
            ("a ghp_0123456789abcde\u{fffd}… b", "a ***… b"),
            ("a \"ghp_0123456789abcde\"… b", "a \"***… b"),
            ("a q\"0123\"\"\"… b", "a ***… b"),
        ] {
            assert_eq!(without(text, &known), expected, "{text}");
        }
        assert_eq!(
            without("x12121212121 y", &["2121212".to_owned()]),
            "x1***1 y"
        );
    }

    proptest! {
        /// Whatever is cut has `…` behind it.
        #[test]
        fn of_a_secret_in_a_text_that_is_cut_nothing_stays(
            (secret, other) in ("[!-~]{16,60}", "[!-~]{4,40}"),
            keep in 4_usize..60,
            before in "[а-я ]{0,9}",
            cut in any::<prop::sample::Index>(),
        ) {
            // One that is how the other begins, and one that may be in it.
            let begins = &secret[..keep.min(secret.len())];
            let known: Vec<String> = [&*secret, begins, &*other].into_iter().flat_map(forms).collect();
            for form in forms(&secret) {
                let cut = cut.index(form.len() + 1);
                let shown = without(&format!("{before}{}… {form}", &form[..cut]), &known);
                let is_left = form.as_bytes().windows(BEGINNING).any(|part| {
                    shown.as_bytes().windows(BEGINNING).any(|window| window == part)
                });
                prop_assert!(!is_left, "{form} in {shown}");
            }
        }

        #[test]
        fn base64_hides_it_at_any_place(
            before in proptest::collection::vec(any::<u8>(), 0..9),
            secret in "[!-~]{16,40}",
            behind in proptest::collection::vec(any::<u8>(), 0..9),
        ) {
            let text = BASE64_STANDARD.encode([&before, secret.as_bytes(), &behind].concat());
            prop_assert!(without(&text, &forms(&secret)).contains(HIDDEN), "{text}");
        }
    }
}
