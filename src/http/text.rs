//! What a person is told of an exchange: hosts, URLs and a server's words, nothing of it a secret.

use url::Url;

/// A URL's host, with its port where it is not the scheme's own.
pub fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or("this machine");
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// Whether a URL leads to this machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => true,
    }
}

/// Whether a token would travel unencrypted to another machine.
pub fn is_cleartext(url: &Url) -> bool {
    url.scheme() == "http" && !is_loopback(url)
}

/// Whether a place may be asked at all: encrypted, or on this machine.
pub fn is_safe(url: &Url) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url))
}

/// A URL for people: nothing in it that may be a secret.
pub fn shown(mut url: Url) -> String {
    url.set_query(None);
    url.set_fragment(None);
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.to_string()
}

/// The longest text of a server that a person is told, in characters.
const LONGEST: usize = 2_000;

/// A server's text on one line, without control characters and git's own `remote: ` prefixes; no longer than
/// anybody reads.
pub fn one_line(text: &str) -> String {
    line_within(text, LONGEST)
}

/// The same of so many characters at most, and `…` for what is more.
pub fn line_within(text: &str, longest: usize) -> String {
    let lines = text.split(['\n', '\r']).map(|line| {
        let line: String = line.chars().filter(|c| !c.is_control()).collect();
        let line = line.trim();
        line.strip_prefix("remote:")
            .unwrap_or(line)
            .trim()
            .to_owned()
    });
    let (mut told, mut room) = (String::new(), longest);
    for line in lines.filter(|line| !line.is_empty()) {
        let blank = if told.is_empty() { "" } else { " " };
        for c in blank.chars().chain(line.chars()) {
            let Some(less) = room.checked_sub(1) else {
                told.push('…');
                return told;
            };
            room = less;
            told.push(c);
        }
    }
    told
}

/// A server's text without the lines on how far it is: `Resolving deltas: 100% (1/1), done.`
pub fn without_progress(text: &str) -> String {
    let is_progress = |line: &&str| {
        let line = line.trim().trim_start_matches("remote:").trim();
        let (what, rest) = line.rsplit_once(": ").unwrap_or((line, ""));
        let counts = rest.trim_start().starts_with(|c: char| c.is_ascii_digit())
            && (rest.contains("% (") || rest.ends_with("done") || rest.ends_with("done."));
        counts
            || what.starts_with("Processing changes")
            || line.starts_with("Total ") && line.contains("(delta ")
    };
    let lines = text.split(['\n', '\r']).filter(|line| !is_progress(line));
    lines.collect::<Vec<_>>().join("\n")
}

/// That a server refused, and its words for it, if there are any.
pub fn answered(host: &str, status: u16, words: &str) -> String {
    let colon = if words.is_empty() { "" } else { ": " };
    let words = words.trim_end_matches('.');
    format!("{host} answered HTTP {status}{colon}{words}")
}

/// An error and what caused it, on one line: reqwest keeps the part that helps in its sources.
pub fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_words_fit_on_one_line() {
        let text = "remote: Repository not found.\r\n\0remote:\x1b[31m see docs\n\n";
        assert_eq!(one_line(text), "Repository not found. [31m see docs");
        let long = "ä".repeat(LONGEST);
        assert_eq!(one_line(&long), long);
        assert_eq!(one_line(&format!("{long}b")), format!("{long}…"));
    }

    #[test]
    fn progress_is_no_part_of_a_message() {
        let text = "Enumerating objects: 3, done.\nremote: Counting objects: 100% (3/3)\rremote: Counting objects: 100% (3/3), done.\n\
                    Total 3 (delta 1), reused 0 (delta 0), pack-reused 0\nremote: Resolving deltas: 100% (1/1), completed with 1 local object.\n\
                    remote: Processing changes: refs: 1, done\nremote: error: 3 of 3 required status checks are expected.\nTotal loss: 3\n";
        assert_eq!(
            one_line(&without_progress(text)),
            "error: 3 of 3 required status checks are expected. Total loss: 3"
        );
    }

    #[test]
    fn a_token_is_cleartext_only_over_http_to_another_machine() {
        for (text, expected) in [
            ("http://127.0.0.1:80/a/b", false),
            ("http://localhost/a/b", false),
            ("http://[::1]:1/a/b", false),
            ("https://git.example/a/b", false),
            ("http://git.example/a/b", true),
        ] {
            let url = Url::parse(text).unwrap();
            assert_eq!(is_cleartext(&url), expected, "{text}");
            assert_eq!(is_safe(&url), !expected, "{text}");
        }
        assert!(!is_safe(&Url::parse("ftp://localhost/").unwrap()));
    }
}
