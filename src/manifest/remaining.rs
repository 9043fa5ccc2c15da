//! What an edit would still do to its file, which went its own way since the edit was made.

use super::change::{FileEdit, ImageChange, ValueChange};
use super::compare::{ImageTransition, Versions};

/// What is left of an edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remaining {
    /// Whether nothing is: the file holds all of it.
    pub is_nothing: bool,
    /// The images that it would replace, and that are not those it was made to replace: they came since.
    pub came_since: Vec<Replaced>,
}

/// An image that an edit would replace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    /// What the file holds.
    pub now: String,
    /// What the edit brings.
    pub new: String,
}

/// What is left of `edit`, by which `images` and `values` change, where its file says `now`; none where the
/// file is gone.
pub fn remaining(
    edit: &FileEdit,
    images: &[ImageChange],
    values: &[ValueChange],
    now: Option<&[u8]>,
) -> Remaining {
    if now == Some(&edit.after) {
        return Remaining {
            is_nothing: true,
            came_since: Vec::new(),
        };
    }
    // One at a place that only `path` knows is known by its text.
    let is_meant = |text: &str| {
        let mut images = images.iter();
        images.any(|one| one.file == edit.path && (one.old == text || one.new == text))
    };
    let versions = |before| Versions::new(&edit.path, before, Some(&edit.after));
    let (made, left) = (versions(Some(&edit.before)), versions(now));
    let (meant, left_images) = (made.images(&is_meant), left.images(&is_meant));
    let own = |one: &&ImageTransition| {
        let mut meant = meant.iter();
        meant.find(|other| other.held.place == one.held.place)
    };
    let changed = |value: &&ValueChange| value.file == edit.path && value.old != value.new;
    let mut meant_values = values.iter().filter(changed).peekable();
    let has_values = meant_values.peek().is_some();
    let left_values = if has_values {
        left.values()
    } else {
        Vec::new()
    };
    let is_left = |value: &ValueChange| left_values.iter().any(|one| is_at(one, value));
    let is_nothing = match (meant.is_empty(), has_values) {
        // Neither images nor values: only the bytes tell.
        (true, false) => false,
        _ => !left_images.iter().any(|one| own(&one).is_some()) && !meant_values.any(is_left),
    };
    let came_since = left_images.iter().filter_map(|one| {
        let meant = own(&one)?;
        let (now, new) = (one.old.clone()?, one.new.clone()?);
        (one.old != meant.old).then_some(Replaced { now, new })
    });
    Remaining {
        is_nothing,
        came_since: came_since.collect(),
    }
}

/// Whether what differs is the value that is meant, or in it where that is a list or a mapping.
fn is_at(one: &ValueChange, meant: &ValueChange) -> bool {
    // An item that was appended.
    let path = meant.path.trim_end_matches("[+]");
    let below = one.path.strip_prefix(path);
    one.resource == meant.resource
        && below.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{EditRequest, ManifestFile, plan};

    const BEFORE: &str = "kind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 1\n  containers:\n  - name: web\n    image: ghcr.io/acme/web:v1\n";

    /// What is left of an update to `v2` (and, with `set`, to two replicas) where the file says `now`.
    fn left(set: &str, now: Option<&str>) -> String {
        let file = ManifestFile {
            path: "web.yaml".parse().unwrap(),
            bytes: BEFORE.into(),
        };
        let request = EditRequest {
            images: vec!["ghcr.io/acme/web:v2".parse().unwrap()],
            set: set.lines().map(|line| line.parse().unwrap()).collect(),
            ..EditRequest::default()
        };
        let plan = plan(&[file], &request).unwrap();
        let left = remaining(
            &plan.edits[0],
            &plan.images,
            &plan.values,
            now.map(str::as_bytes),
        );
        let came = left.came_since.iter();
        let came = came.map(|one| format!("{} → {}", one.now, one.new));
        let came = came.collect::<Vec<_>>().join(", ");
        format!("{} [{came}]", left.is_nothing)
    }

    #[test]
    fn what_others_did_to_the_file_is_no_part_of_an_edit() {
        let tagged = |tag: &str| BEFORE.replace(":v1", tag);
        for (now, expected) in [
            (tagged(":v1"), "false []"),
            (tagged(":v2"), "true []"),
            (format!("# mine\n{}", tagged(":v2")), "true []"),
            (
                tagged(":v2").replace("replicas: 1", "replicas: 9"),
                "true []",
            ),
            (
                tagged(":v2").replace(
                    "  - name: web",
                    "  - {name: log, image: log:7}\n  - name: web",
                ),
                "true []",
            ),
            (
                tagged(":v3"),
                "false [ghcr.io/acme/web:v3 → ghcr.io/acme/web:v2]",
            ),
            ("a: [".to_owned(), "false []"),
            ("kind: Deployment\n".to_owned(), "false []"),
        ] {
            assert_eq!(left("", Some(&now)), expected, "{now}");
        }
        assert_eq!(left("", None), "false []");
    }

    #[test]
    fn a_value_is_a_part_of_it() {
        let now = BEFORE.replace(":v1", ":v2");
        assert_eq!(left(".spec.replicas=2", Some(&now)), "false []");
        let now = format!("# mine\n{now}").replace("replicas: 1", "replicas: 2");
        assert_eq!(left(".spec.replicas=2", Some(&now)), "true []");
    }
}
