//! YAML paths: `.spec.template.spec.containers[0].image`.

use super::document::{NodeId, Role, Stream};

/// The way from the root of its document to `id`: `.spec.containers[0].image`.
pub fn path_of(stream: &Stream<'_>, id: NodeId) -> String {
    let mut steps: Vec<String> = stream
        .ancestors(id)
        .filter_map(|id| match stream[id].role {
            Role::Value { key } => Some(key_step(stream.value(key).unwrap_or("?"))),
            Role::Key => Some(key_step(stream.value(id).unwrap_or("?"))),
            Role::Item { index } => Some(format!("[{index}]")),
            Role::Root => None,
        })
        .collect();
    if steps.is_empty() {
        return ".".to_owned();
    }
    steps.reverse();
    steps.concat()
}

/// `.key`, or `["key"]` where the key holds what means something in a path.
fn key_step(key: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '/');
    if !key.is_empty() && key.chars().all(is_plain) {
        format!(".{key}")
    } else {
        format!("[\"{}\"]", key.replace('\\', "\\\\").replace('"', "\\\""))
    }
}
