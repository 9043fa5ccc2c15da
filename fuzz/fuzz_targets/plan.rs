//! A request and a file: no panic; what is planned holds what was asked for, is JSON where that was, asks for
//! nothing more the second time, and can be taken back to the byte. The file is also tried as the text of a block
//! scalar: the same becomes of it there, line by line.
//!
//! ```sh
//! cargo +nightly fuzz run plan
//! ```
//!
//! The input is lines of the request, each with the input's name before a blank (`image nginx:1`,
//! `set .a:=b`), an empty line, and the file.

#![no_main]

use gitops_deploy::manifest::{
    EditRequest, ImageAssignment, ManifestFile, Plan, image_transitions, images_in, plan, restore,
};
use gitops_deploy::yaml::{Inside, NodeId, Stream};
use libfuzzer_sys::fuzz_target;
use serde::Deserialize as _;
use serde::de::IgnoredAny;

fuzz_target!(|data: &[u8]| {
    let Some(at) = data.windows(2).position(|pair| pair == b"\n\n") else { return };
    let (Ok(lines), file) = (std::str::from_utf8(&data[..at]), &data[at + 2..]) else { return };
    let Some(request) = request(lines) else { return };
    let manifest = manifest("manifest.yaml", file);
    let first = plan(std::slice::from_ref(&manifest), &request);
    if let Some(text) = Text::of(file) {
        text.check(&request, first.as_ref().ok());
    }
    let Ok(first) = first else { return };
    let Some(edit) = first.edits.first() else { return };
    let text = String::from_utf8_lossy(file);
    let is_template = text.contains("{{");
    if !is_template {
        Stream::parse(&edit.after).expect("an edited file can be read");
    }
    if is_json(file) {
        assert!(is_json(&edit.after), "{}", String::from_utf8_lossy(&edit.after));
    }
    let transitions = image_transitions(&manifest.path, Some(file), Some(&edit.after));
    if request.set.is_empty() && request.remove.is_empty() {
        holds_what_was_asked_for(&first, &request, &edit.after);
        if request.paths.is_empty() {
            // History reads of the change what the plan said of it.
            for transition in &transitions {
                let mut changes = first.images.iter();
                let is_told = changes.any(|change| change.place == transition.held.place);
                // What reads by an alias what is written has a line in a note.
                let mut notes = first.notes.iter();
                let changes_along = notes.any(|note| note.text.contains("aliases change with it"));
                // What an anchor holds is an image where it is read, and may look like one where it stands as well.
                let stands_there = transition.old.is_none() && text.contains('&');
                assert!(is_told || changes_along || stands_there, "{transition:?}");
            }
        }
    }
    if !is_template {
        match restore(&edit.after, file, &edit.after) {
            Ok(Some(back)) => assert!(back == file, "{}", String::from_utf8_lossy(&back)),
            Ok(None) => panic!("an edit that is there is not taken back already"),
            Err(_) => {}
        }
    }
});

/// The request that `lines` make.
fn request(lines: &str) -> Option<EditRequest> {
    let mut request = EditRequest::default();
    for line in lines.lines().take(8) {
        let (name, value) = line.split_once(' ')?;
        match name {
            "image" => request.images.push(value.parse().ok()?),
            "path" => request.paths.push(value.parse().ok()?),
            "set" => request.set.push(value.parse().ok()?),
            "remove" => request.remove.push(value.parse().ok()?),
            "resource" => request.resources.push(value.parse().ok()?),
            _ => return None,
        }
    }
    Some(request)
}

/// A file as the text of a block scalar.
struct Text<'f> {
    file: &'f str,
    line_break: &'static str,
}

/// In which column the text begins, what is around it, and where its lines begin.
const INDENT: &str = "   ";

impl<'f> Text<'f> {
    /// `file`, if it is one document of lines that end alike, so that a text can be nothing else.
    fn of(file: &'f [u8]) -> Option<Self> {
        let file = std::str::from_utf8(file).ok()?;
        let crlf = file.matches("\r\n").count();
        let line_break = if crlf > 0 { "\r\n" } else { "\n" };
        let is_alike = file.matches('\r').count() == crlf
            && (crlf == 0 || crlf == file.matches('\n').count());
        // A template is filled in as a whole, and a mark is no part of a text.
        let is_plain = !file.contains("{{") && !file.contains('\u{feff}') && !file.is_empty();
        let stream = Stream::parse(file.as_bytes()).ok().filter(|_| is_alike && is_plain)?;
        let depth = |stream: &Stream<'_>| stream.insides().any(|(_, text)| text.stream.insides().next().is_some());
        (stream.roots().len() == 1 && !depth(&stream)).then_some(Self { file, line_break })
    }

    /// The file around it: all of its line breaks are kept, or there is none to keep.
    fn around(&self, file: &str) -> String {
        let chomp = if file.ends_with('\n') { "+" } else { "-" };
        let mut around = format!("text: |3{chomp}{}", self.line_break);
        for line in file.split_inclusive('\n') {
            if !line.trim_end_matches(['\r', '\n']).is_empty() {
                around.push_str(INDENT);
            }
            around.push_str(line);
        }
        around
    }

    /// Whether the request makes the same of it as of a file of its own.
    fn check(&self, request: &EditRequest, alone: Option<&Plan>) {
        let is_searched = request.paths.is_empty() && request.set.is_empty();
        if !is_searched || !request.remove.is_empty() || !request.resources.is_empty() {
            return; // Paths begin elsewhere.
        }
        let around = self.around(self.file);
        let Ok(stream) = Stream::parse(around.as_bytes()) else { return };
        let texts: Vec<(NodeId, Inside<'_>)> = stream.insides().collect();
        let [(node, _)] = texts.as_slice() else { return };
        let text = self.file.replace("\r\n", "\n");
        if stream.value(*node) != Some(&text) {
            return; // Lines of blanks are some of the text's, or are not.
        }
        let inside = plan(&[manifest("manifest.yaml", around.as_bytes())], request);
        let (Some(alone), Ok(inside)) = (alone, &inside) else {
            assert_eq!(alone.is_some(), inside.is_ok(), "{around}\n{inside:?}");
            return;
        };
        let images = |plan: &Plan| -> Vec<(String, String)> {
            let images = plan.images.iter();
            images.map(|image| (image.old.clone(), image.new.clone())).collect()
        };
        assert_eq!(images(alone), images(inside), "{around}");
        let after = |plan: &Plan| {
            let edit = plan.edits.first()?;
            Some(String::from_utf8(edit.after.clone()).expect("a text stays one"))
        };
        let expected = after(alone).map(|file| self.around(&file));
        assert_eq!(after(inside), expected, "{around}");
    }
}

/// Each place is read again, by what plans and by what only looks.
fn holds_what_was_asked_for(first: &Plan, request: &EditRequest, after: &[u8]) {
    let file = manifest("manifest.yaml", after);
    let again = plan(std::slice::from_ref(&file), request).expect("a plan for what was planned");
    assert!(again.edits.is_empty());
    let held = images_in(&file).expect("an edited file can be read");
    // An entry of Kustomize is asked for by the name that it replaces, too.
    let is_renamed = after.windows(7).any(|word| word == b"newName");
    for change in &first.images {
        assert!(is_wanted(&change.new, request), "{change:?}");
        let is_repository = |line: &ImageAssignment| {
            let new = change.new.parse::<ImageAssignment>();
            new.is_ok_and(|new| new.image.same_repository(&line.image))
        };
        assert!(is_renamed || request.images.iter().any(is_repository), "{change:?}");
        // Items without names share a place.
        let mut own = held.iter().filter(|held| held.place == change.place).peekable();
        assert!(own.peek().is_none() || own.any(|held| is_wanted(&held.image, request)));
    }
}

/// Whether `held` is an image, and has tag and digest of a line of the request.
fn is_wanted(held: &str, request: &EditRequest) -> bool {
    let Ok(held) = held.parse::<ImageAssignment>() else { return false };
    let mut lines = request.images.iter().map(|line| &line.image);
    lines.any(|image| {
        let has_tag = image.tag().is_none() || image.tag() == held.image.tag();
        has_tag && image.digest() == held.image.digest()
    })
}

fn manifest(path: &str, bytes: &[u8]) -> ManifestFile {
    ManifestFile {
        path: path.parse().expect("a path"),
        bytes: bytes.to_vec(),
    }
}

/// Whether all of it is an object or a list of JSON.
fn is_json(bytes: &[u8]) -> bool {
    let is_collection = bytes.trim_ascii_start().starts_with(b"{")
        || bytes.trim_ascii_start().starts_with(b"[");
    let mut json = serde_json::Deserializer::from_slice(bytes);
    is_collection && IgnoredAny::deserialize(&mut json).is_ok() && json.end().is_ok()
}
