//! Text of others in all places where it is printed: it stays in its place.
//!
//! ```sh
//! cargo +nightly fuzz run text
//! ```

#![no_main]

use std::io::Write;
use std::sync::{Arc, Mutex};

use gitops_deploy::action::log::Log;
use gitops_deploy::deployment::{own_trailers, trailer_values};
use gitops_deploy::failure::{Failure, Reason};
use gitops_deploy::http::text::{one_line, without_progress};
use gitops_deploy::markdown::{code, diff, link, paragraphs, table};
use gitops_deploy::operation::Progress as _;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    // Inline: one line, in a cell as well.
    let inline = code(text);
    assert!(!inline.contains(['\n', '\r']));
    let bars = |row: &str| {
        let row = row.replace("\\|", "");
        row.matches('|').count()
    };
    assert_eq!(bars(&inline), 0);
    let row = ["a".to_owned(), inline.clone()];
    assert_eq!(table(&["a", "b"], [row].into_iter()).lines().count(), 4);
    assert!(!link(&inline, Some(text)).contains(['\n', '\r']));

    // Paragraphs: what is no code has no element but the ends of lines.
    let shown = paragraphs(text);
    let outside = shown.split('`').step_by(2).collect::<String>().replace("<br>", "");
    if !text.contains('`') && !text.contains("://") {
        assert!(!outside.contains(['<', '>', '@']), "{shown}");
    }

    // A diff: only its own fence closes it.
    let block = diff(text);
    let fence = block.split("diff\n").next().unwrap_or_default();
    let closes = |line: &&str| line.trim().starts_with(fence);
    assert_eq!(block.lines().filter(closes).count(), 2);

    assert!(!one_line(text).contains(['\n', '\r']));
    let _ = without_progress(text);
    let _ = own_trailers(text);
    let _ = trailer_values(text, "Deployed-Image").count();

    // The log: no line is a command that is not ours.
    let [group, between @ .., end] = &logged(|log| log.group(text, text))[..] else {
        panic!("a group has a begin and an end");
    };
    assert!(group.starts_with("::group::"));
    assert!(between.iter().all(|line| is_text(line)), "{between:?}");
    assert_eq!(end, "::endgroup::");
    assert!(logged(|log| log.info(text)).iter().all(|line| is_text(line)));
    let [warning] = &logged(|log| log.warning(text))[..] else {
        panic!("a warning is one line");
    };
    assert!(warning.starts_with("::warning::"));
    let failure = Failure::new(Reason::Input, text).with_hint(text);
    let [error] = &logged(|log| log.failure(&failure))[..] else {
        panic!("an error is one line");
    };
    assert!(error.starts_with("::error title=The inputs are not valid::"));
});

/// Whether the runner takes a line for text, as `ActionCommand.cs` in actions/runner does.
fn is_text(line: &str) -> bool {
    !line.trim_start().starts_with("::") && !line.contains("##[")
}

/// The lines of the log, as the runner reads them.
fn logged(write: impl FnOnce(&mut Log)) -> Vec<String> {
    let written = Arc::new(Mutex::new(Vec::new()));
    write(&mut Log::new(Box::new(To(Arc::clone(&written))), true));
    let bytes = written.lock().expect("no panic").clone();
    let text = String::from_utf8(bytes).expect("text");
    let text = text.strip_suffix('\n').unwrap_or(&text);
    text.split(['\n', '\r']).map(str::to_owned).collect()
}

struct To(Arc<Mutex<Vec<u8>>>);

impl Write for To {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
