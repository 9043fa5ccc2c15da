//! Bytes, a path and a value: no panic, and whatever edit is made is exact.
//!
//! ```sh
//! cargo +nightly fuzz run edit
//! ```
//!
//! The input is the path, a line break, the value, a line break, and the file.

#![no_main]

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
