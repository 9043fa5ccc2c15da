//! Bytes, a path and a value: no panic, and whatever edit is made is exact, in the file as in the texts inside
//! of it. The value is also deployed as an image, in every shape that the file has: what comes out is that
//! image, and what was JSON is JSON.
//!
//! ```sh
//! cargo +nightly fuzz run edit
//! ```
//!
//! The input is the path, a line break, the value, a line break, and the file.

#![no_main]

use gitops_deploy::manifest::{EditRequest, ImageAssignment, ManifestFile, images_in, plan};
use gitops_deploy::yaml::path::Path;
use gitops_deploy::yaml::{Edit, Inside, NewValue, NodeId, Stream, edit};
use libfuzzer_sys::fuzz_target;
use serde::Deserialize as _;
use serde::de::IgnoredAny;

fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(3, |byte| *byte == b'\n');
    let (Some(path), Some(value), Some(file)) = (parts.next(), parts.next(), parts.next()) else {
        return;
    };
    let (Ok(path), Ok(value)) = (std::str::from_utf8(path), std::str::from_utf8(value)) else {
        return;
    };
    deploy(value, file);
    let Ok(stream) = Stream::parse(file) else { return };
    let named = path.parse::<Path>().ok();
    let named = stream
        .roots()
        .iter()
        .filter_map(|root| named.as_ref()?.find(&stream, *root).ok());
    for node in named.chain(scalars(&stream)) {
        let Some(after) = set(&stream, node, value, |edit| edit) else { continue };
        // What stands before and behind the scalar is as it was.
        if let Some(span) = stream[node].span() {
            assert!(after.starts_with(&file[..span.start]));
            assert!(after.ends_with(&file[span.end..]));
        }
        let again = Stream::parse(&after).expect("an edited file can be read");
        assert_eq!(again.value(same(&again, node)), Some(value));
    }
    for (text, inside) in stream.insides() {
        for node in scalars(&inside.stream) {
            set_inside((&stream, file), (text, &inside), node, value, &|edit| edit);
        }
        for (inner, deeper) in inside.stream.insides() {
            for node in scalars(&deeper.stream) {
                let in_inner = |edit| Edit::Inside { node: inner, edits: vec![edit] };
                set_inside((&stream, file), (text, &inside), node, value, &in_inner);
            }
        }
    }
});

/// Sets `node` of a text in a file, or of one that is in that, as `place` says.
fn set_inside(
    (stream, file): (&Stream<'_>, &[u8]),
    (text, inside): (NodeId, &Inside<'_>),
    node: NodeId,
    value: &str,
    place: &dyn Fn(Edit) -> Edit,
) {
    let in_text = |edit| Edit::Inside { node: text, edits: vec![place(edit)] };
    let Some(after) = set(stream, node, value, in_text) else { return };
    let again = Stream::parse(&after).expect("an edited file can be read");
    assert_eq!(again.len(), stream.len());
    let span = stream[text].span().expect("the text that was edited");
    assert!(after.starts_with(&file[..span.start]));
    assert!(after.ends_with(&file[span.end..]));
    // The text is what the same edit makes of a file of its own.
    let edited = inside.stream.text().as_bytes();
    let own = Stream::parse(edited).expect("the text was read before");
    let own = set(&own, node, value, place).expect("it was made in the text");
    let own = std::str::from_utf8(&own).expect("a text stays one");
    assert_eq!(again.value(same(&again, text)), Some(own));
}

/// The first scalars, wherever they are, so that most inputs have a target.
fn scalars(stream: &Stream<'_>) -> Vec<NodeId> {
    let scalars = stream.nodes();
    let scalars = scalars.map(|(id, _)| id).filter(|id| stream.scalar(*id).is_some());
    scalars.take(8).collect()
}

/// The file with `node` set to `value`; `place` says where the edit is.
fn set(
    stream: &Stream<'_>,
    node: NodeId,
    value: &str,
    place: impl Fn(Edit) -> Edit,
) -> Option<Vec<u8>> {
    let value = NewValue::Text(value.to_owned());
    edit::apply(stream, &[place(Edit::Set { node, value })]).ok()
}

/// The node of an edited file that `node` was.
fn same(stream: &Stream<'_>, node: NodeId) -> NodeId {
    let (node, _) = stream.nodes().nth(node.number()).expect("no node is lost");
    node
}

/// Deploys `image` to `file`. Where that is planned, each place holds it afterwards, and there is nothing more
/// to do.
fn deploy(image: &str, file: &[u8]) {
    let Ok(assignment) = image.parse::<ImageAssignment>() else { return };
    let request = EditRequest {
        images: vec![assignment.clone()],
        ..EditRequest::default()
    };
    let manifest = |bytes: &[u8]| ManifestFile {
        path: "manifest.yaml".parse().expect("a path"),
        bytes: bytes.to_vec(),
    };
    let Ok(first) = plan(&[manifest(file)], &request) else { return };
    let is_wanted = |held: &str| {
        let Ok(held) = held.parse::<ImageAssignment>() else { return false };
        let (held, wanted) = (held.image, &assignment.image);
        let has_tag = wanted.tag().is_none() || held.tag() == wanted.tag();
        has_tag && held.digest() == wanted.digest()
    };
    assert!(first.images.iter().all(|change| is_wanted(&change.new)));
    // An entry of Kustomize is asked for by the name that it replaces, too.
    let is_renamed = file.windows(7).any(|word| word == b"newName");
    let is_repository = |image: &str| {
        let image = image.parse::<ImageAssignment>();
        image.is_ok_and(|image| image.image.same_repository(&assignment.image))
    };
    assert!(is_renamed || first.images.iter().all(|change| is_repository(&change.new)));
    let Some(edit) = first.edits.first() else { return };
    let again = plan(&[manifest(&edit.after)], &request).expect("a plan for what was planned");
    assert!(again.edits.is_empty());
    // Read anew, by what only looks. Items without names share a place.
    let held = images_in(&manifest(&edit.after)).expect("an edited file can be read");
    for change in &first.images {
        let mut own = held.iter().filter(|held| held.place == change.place).peekable();
        assert!(own.peek().is_none() || own.any(|held| is_wanted(&held.image)));
    }
    if is_json(file) {
        assert!(is_json(&edit.after));
    }
    if std::str::from_utf8(file).is_ok_and(|text| !text.contains("{{")) {
        Stream::parse(&edit.after).expect("an edited file can be read");
    }
}

/// Whether all of it is an object or a list of JSON.
fn is_json(bytes: &[u8]) -> bool {
    let is_collection = bytes.trim_ascii_start().starts_with(b"{")
        || bytes.trim_ascii_start().starts_with(b"[");
    let mut json = serde_json::Deserializer::from_slice(bytes);
    is_collection && IgnoredAny::deserialize(&mut json).is_ok() && json.end().is_ok()
}
