//! Bytes, a path and a value: no panic, and whatever edit is made is exact. The value is also deployed as
//! an image, in every shape that the file has, texts inside of texts as well: what comes out is that image.
//!
//! ```sh
//! cargo +nightly fuzz run edit
//! ```
//!
//! The input is the path, a line break, the value, a line break, and the file.

#![no_main]

use gitops_deploy::manifest::{EditRequest, ImageAssignment, ManifestFile, plan};
use gitops_deploy::yaml::path::Path;
use gitops_deploy::yaml::{Content, Edit, NewValue, Stream, edit};
use libfuzzer_sys::fuzz_target;

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
    let targets = stream
        .roots()
        .iter()
        .filter_map(|root| named.as_ref()?.find(&stream, *root).ok());
    // Also the first scalars, wherever they are, so that most inputs have a target.
    let scalars = stream
        .nodes()
        .filter(|(_, node)| matches!(node.content, Content::Scalar(_)))
        .map(|(id, _)| id)
        .take(8);
    for node in targets.chain(scalars) {
        let set = Edit::Set {
            node,
            value: NewValue::Text(value.to_owned()),
        };
        let Ok(after) = edit::apply(&stream, &[set]) else { continue };
        // What stands before and behind the scalar is as it was.
        if let Some(span) = stream.scalar(node).and_then(|scalar| scalar.span.clone()) {
            assert!(after.starts_with(&file[..span.start]));
            assert!(after.ends_with(&file[span.end..]));
        }
        let again = Stream::parse(&after).expect("an edited file can be read");
        let (read, _) = again
            .nodes()
            .nth(node.number())
            .expect("no node is lost");
        assert_eq!(again.value(read), Some(value));
    }
});

/// Deploys `image` to `file`. Where that is planned, each place holds it afterwards, and there is nothing more
/// to do.
fn deploy(image: &str, file: &[u8]) {
    let Ok(assignment) = image.parse::<ImageAssignment>() else { return };
    let request = EditRequest {
        images: vec![assignment.clone()],
        ..EditRequest::default()
    };
    let deployed = |bytes: &[u8]| {
        let path = "manifest.yaml".parse().expect("a path");
        let bytes = bytes.to_vec();
        plan(&[ManifestFile { path, bytes }], &request)
    };
    let Ok(first) = deployed(file) else { return };
    for change in &first.images {
        let held: ImageAssignment = change.new.parse().expect("an image");
        assert_eq!(held.image.digest(), assignment.image.digest());
        if assignment.image.tag().is_some() {
            assert_eq!(held.image.tag(), assignment.image.tag());
        }
    }
    let Some(edit) = first.edits.first() else { return };
    let again = deployed(&edit.after).expect("a plan for what was planned");
    assert!(again.edits.is_empty());
    if std::str::from_utf8(file).is_ok_and(|text| !text.contains("{{")) {
        Stream::parse(&edit.after).expect("an edited file can be read");
    }
}
