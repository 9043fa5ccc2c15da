//! The log of the step: groups, annotations, masks; and the escaping of text that is not ours.
//!
//! The runner reads commands from the log (`::error::…`, and `##[error]…` of old), so whatever came
//! from a file or a server is made harmless before it is printed.
//! Source: `ActionCommand.cs` in actions/runner.

use std::io::Write;

use secrecy::{ExposeSecret, SecretString};

use crate::failure::Failure;
use crate::limits::abridged;
use crate::markdown::{cut, is_invisible, shortened};
use crate::operation::Progress;
use crate::secrets::{self, redacted};

/// Where the log goes, and whether a runner reads it.
pub struct Log {
    out: Box<dyn Write + Send>,
    runner: bool,
    /// Whether lines of manifests may be shown.
    pub show_diff: bool,
    warned: Vec<String>,
}

impl Log {
    /// A log to `out`. With `runner` it speaks the runner's commands, else it is plain text.
    pub fn new(out: Box<dyn Write + Send>, runner: bool) -> Self {
        Self {
            out,
            runner,
            show_diff: true,
            warned: Vec::new(),
        }
    }

    /// The warnings so far, each once: the summary has them, too.
    pub fn warned(&self) -> &[String] {
        &self.warned
    }

    /// Text below a heading that folds it.
    pub fn group(&mut self, title: &str, text: &str) {
        let text = text.trim_end();
        if self.runner {
            self.print(&format!("::group::{}", data(&abridged(&visible(title)))));
            self.info(text);
            self.print("::endgroup::");
        } else {
            self.info(title);
            for line in lines(text) {
                self.print(&format!("  {line}"));
            }
        }
    }

    /// The annotation of a failed run.
    pub fn failure(&mut self, failure: &Failure) {
        self.annotation("error", Some(failure.reason.title()), &failure.to_string());
    }

    fn annotation(&mut self, kind: &str, title: Option<&str>, text: &str) {
        if self.runner {
            let title = title
                .map(|title| format!(" title={}", property(title)))
                .unwrap_or_default();
            self.print(&format!(
                "::{kind}{title}::{}",
                data(&abridged(&visible(text)))
            ));
        } else {
            let title = title.map(|title| format!("{title}: ")).unwrap_or_default();
            self.info(&format!("{kind}: {title}{text}"));
        }
    }

    /// Has the runner replace a secret with `***` wherever it is printed from now on. Elsewhere
    /// nobody would hear it, and so it is not said.
    pub fn mask(&mut self, secret: &SecretString) {
        if self.runner {
            // The runner masks line by line.
            for line in secret
                .expose_secret()
                .lines()
                .filter(|line| !line.trim().is_empty())
            {
                self.print(&format!("::add-mask::{}", data(line)));
            }
        }
    }

    /// A log that can't be written (a closed pipe) must not stop a deployment.
    fn print(&mut self, line: &str) {
        for secret in secrets::unmasked() {
            self.mask(&secret);
        }
        let _ = writeln!(self.out, "{line}");
        let _ = self.out.flush();
    }
}

impl Progress for Log {
    fn info(&mut self, text: &str) {
        for line in lines(text) {
            self.print(&harmless(&abridged(&line)));
        }
    }

    fn diff(&mut self, diff: &str) {
        if self.show_diff {
            // Before it is cut, where one may be.
            let diff = redacted(diff);
            let (shown, more) = cut(&diff);
            self.group("Diff", &format!("{}{more}", shortened(shown)));
        }
    }

    fn not_done(&mut self, text: &str) {
        self.annotation("warning", None, text);
    }

    fn warning(&mut self, text: &str) {
        self.annotation("warning", None, text);
        let text = redacted(text);
        if !self.warned.contains(&text) {
            self.warned.push(text);
        }
    }
}

/// The lines of a text, whatever ends them, with the other control characters made visible.
fn lines(text: &str) -> Vec<String> {
    visible(text).split('\n').map(str::to_owned).collect()
}

/// Without secrets; line ends as `\n`, tabs kept, every other control character as an escape, and so is
/// what can't be seen.
fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in redacted(text).replace("\r\n", "\n").chars() {
        match c {
            '\n' | '\t' => out.push(c),
            c if c.is_control() || is_invisible(c) => out.extend(c.escape_default()),
            c => out.push(c),
        }
    }
    out
}

/// A line that the runner takes for text: a zero-width space breaks what would be a command.
fn harmless(line: &str) -> String {
    let line = line.replace("##[", "#\u{200b}#[");
    if line.trim_start().starts_with("::") {
        line.replacen("::", ":\u{200b}:", 1)
    } else {
        line
    }
}

/// The text of a command.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// The value of a command's property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::failure::Reason;

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(runner: bool, write: impl FnOnce(&mut Log)) -> String {
        let buffer = Buffer::default();
        write(&mut Log::new(Box::new(buffer.clone()), runner));
        String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn text_from_a_file_cannot_run_a_command() {
        let evil = "  ::set-env name=PATH::x\n##[error]boo\rx\n\x1b[31m::error::y\nplain :: text";
        let text = logged(true, |log| log.group("diff\n::error::z", evil));
        assert_eq!(
            text,
            "::group::diff%0A::error::z\n  :\u{200b}:set-env name=PATH::x\n#\u{200b}#[error]boo\\rx\n\
             \\u{1b}[31m::error::y\nplain :: text\n::endgroup::\n"
        );
    }

    #[test]
    fn what_cannot_be_seen_is_shown() {
        let evil = "a\u{202e}b\u{200b}c\u{2028}d";
        let shown = "a\\u{202e}b\\u{200b}c\\u{2028}d";
        for runner in [true, false] {
            let text = logged(runner, |log| {
                log.group(evil, evil);
                log.warning(evil);
                log.failure(&Failure::new(Reason::Input, evil));
            });
            assert_eq!(text.matches(shown).count(), 4, "{text}");
            assert!(!text.contains(['\u{202e}', '\u{200b}', '\u{2028}']));
        }
    }

    #[test]
    fn a_long_diff_is_cut() {
        let diff = "+line\n".repeat(1 << 20);
        let text = logged(true, |log| log.diff(&diff));
        assert!(text.len() < 300 << 10, "{}", text.len());
        let rest = diff.len() - (256 << 10);
        let more = format!("… and {rest} bytes more: the output `diff` has all of it.");
        assert!(text.contains(&more));
        assert!(text.ends_with("\n::endgroup::\n"));
    }

    #[test]
    fn an_annotation_is_one_command() {
        let failure = Failure::new(Reason::Input, "100 %\nx").with_hint("y::z");
        assert_eq!(
            logged(true, |log| log.failure(&failure)),
            "::error title=The inputs are not valid::100 %25%0Ax%0Ay::z\n"
        );
        assert_eq!(
            logged(false, |log| log.failure(&failure)),
            "error: The inputs are not valid: 100 %\nx\ny::z\n"
        );
    }

    #[test]
    fn a_secret_is_told_to_a_runner_only() {
        let secret = SecretString::from("line 1\n\nline 2%");
        assert_eq!(
            logged(true, |log| log.mask(&secret)),
            "::add-mask::line 1\n::add-mask::line 2%25\n"
        );
        assert_eq!(logged(false, |log| log.mask(&secret)), "");
    }
}
