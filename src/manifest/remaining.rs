//! What an edit would still do to its file, which went its own way since the edit was made.

use super::change::{FileEdit, ImageChange, ValueChange};
use super::compare::{Differences, ImageTransition, Known, Versions, has_tags, repository_at};
use super::hunks::{self, First};
use crate::yaml::path::{before_new_item, is_within};

/// What is left of an edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remaining {
    /// Whether nothing is: the file holds all of it, and that is proven. What can't be told is left.
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
    let repository = |resource: &str, path: &str| repository_at(images, &edit.path, resource, path);
    let known = Known {
        is_image: Some(&is_meant),
        repository: has_tags(images).then_some(&repository),
    };
    let versions = |before| Versions::new(&edit.path, before, Some(&edit.after));
    let (made, left) = (versions(Some(&edit.before)), versions(now));
    let (meant, left_images) = (made.images(&known), left.images(&known));
    let own = |one: &&ImageTransition| {
        let mut meant = meant.iter();
        meant.find(|other| other.held.place == one.held.place)
    };
    // Words of lines that others wrote anew may seem to have what is meant: the place says that it has not.
    let is_missing = |one: &ImageTransition| {
        let is_brought = |own: &ImageTransition| one.old.is_some() && one.new == own.new;
        own(&one).is_some_and(is_brought)
    };
    let is_missed = left_images.iter().any(is_missing);
    let is_nothing = now.is_some_and(|now| {
        left.is_old_read()
            && !is_missed
            && (is_merged(edit, now)
                || holds_images(edit, images, &meant, &left_images)
                    .and_then(|has_images| {
                        let has_values = holds_values(edit, values, &made, &left)?;
                        Some(has_images || has_values)
                    })
                    .unwrap_or(false))
    });
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

/// Whether the edit, made on what the file says now, would change none of it.
fn is_merged(edit: &FileEdit, now: &[u8]) -> bool {
    let texts = [&edit.before, &edit.after].map(|bytes| str::from_utf8(bytes).ok());
    let ([Some(before), Some(after)], Ok(now)) = (texts, str::from_utf8(now)) else {
        return false;
    };
    hunks::merge(before, now, after, First::Ours).is_some_and(|merged| merged == now)
}

/// Whether there are images that the edit changes, all of them held; none where any is not, or can't be
/// told: one that the comparison does not see change, or that goes, as it may have gone with its resource.
fn holds_images(
    edit: &FileEdit,
    images: &[ImageChange],
    made: &[ImageTransition],
    left: &[ImageTransition],
) -> Option<bool> {
    let changed = |image: &&ImageChange| image.file == edit.path && image.old != image.new;
    let is_seen = |image: &ImageChange| {
        let new = Some(image.new.as_str());
        let all = images.iter().filter(changed);
        let seen = made.iter().filter(|one| one.new.as_deref() == new);
        seen.count() >= all.filter(|other| other.new == image.new).count()
    };
    let is_held = |one: &ImageTransition| {
        let mut left = left.iter();
        one.new.is_some() && !left.any(|other| other.held.place == one.held.place)
    };
    let are_held = images.iter().filter(changed).all(is_seen) && made.iter().all(is_held);
    are_held.then_some(!made.is_empty())
}

/// Whether there are values that the edit changes, all of them held; none where any is not, or can't be
/// told: one in a text, an unnamed item of a list that has more of them in one version, or one that goes.
fn holds_values(
    edit: &FileEdit,
    values: &[ValueChange],
    made: &Versions,
    left: &Versions,
) -> Option<bool> {
    let changed = |value: &&ValueChange| value.file == edit.path && value.old != value.new;
    let mut meant = values.iter().filter(changed).peekable();
    if meant.peek().is_none() {
        return Some(false);
    }
    let (made, left) = (made.differences(), left.differences());
    let is_held = |value: &ValueChange| {
        let is_in = |all: &Differences| {
            let mut untold = all.untold.iter();
            untold.any(|(resource, path)| is_at(resource, path, value))
        };
        let at = |one: &&ValueChange| is_at(&one.resource, &one.path, value);
        let mut seen = made.changed.iter().map(|one| &one.change).filter(at);
        let mut others = left.changed.iter().map(|one| &one.change);
        seen.any(|one| one.new.is_some())
            && !is_in(&made)
            && !is_in(&left)
            && !others.any(|one| at(&one))
    };
    meant.all(is_held).then_some(true)
}

/// Whether this is where the value is that is meant, or in it where that is a list or a mapping.
fn is_at(resource: &str, path: &str, meant: &ValueChange) -> bool {
    resource == meant.resource && is_within(path, before_new_item(&meant.path))
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
    fn a_tag_alone_is_known_by_its_place() {
        let before = "a: {version: v1}\nb: {version: v1}\n";
        let file = ManifestFile {
            path: "web.yaml".parse().unwrap(),
            bytes: before.into(),
        };
        let request = EditRequest {
            images: vec!["ghcr.io/acme/web:v2".parse().unwrap()],
            paths: vec![".a.version".parse().unwrap()],
            ..EditRequest::default()
        };
        let plan = plan(&[file], &request).unwrap();
        let left = |now: &str| {
            let now = Some(now.as_bytes());
            let left = remaining(&plan.edits[0], &plan.images, &plan.values, now);
            (left.is_nothing, left.came_since)
        };
        assert_eq!(
            left("b: {version: v7}\na:\n  version: v2\n"),
            (true, vec![])
        );
        assert_eq!(
            left("b: {version: v2}\na:\n  version: v1\n"),
            (false, vec![])
        );
        let [now, new] = ["v3", "v2"].map(|tag| format!("ghcr.io/acme/web:{tag}"));
        let other = "a: {version: v3}\nb: {version: v1}\n";
        assert_eq!(left(other), (false, vec![Replaced { now, new }]));
    }

    #[test]
    fn a_value_is_a_part_of_it() {
        let now = BEFORE.replace(":v1", ":v2");
        assert_eq!(left(".spec.replicas=2", Some(&now)), "false []");
        let now = format!("# mine\n{now}").replace("replicas: 1", "replicas: 2");
        assert_eq!(left(".spec.replicas=2", Some(&now)), "true []");
    }

    /// Whether nothing is left of `set` on `before` where the file says `now`.
    fn is_nothing(before: &str, set: &str, now: Option<&str>) -> bool {
        let file = ManifestFile {
            path: "web.yaml".parse().unwrap(),
            bytes: before.into(),
        };
        let request = EditRequest {
            set: set.lines().map(|line| line.parse().unwrap()).collect(),
            ..EditRequest::default()
        };
        let plan = plan(&[file], &request).unwrap();
        let now = now.map(str::as_bytes);
        remaining(&plan.edits[0], &plan.images, &plan.values, now).is_nothing
    }

    #[test]
    fn a_value_in_a_text_is_a_part_of_it() {
        let before = "kind: ConfigMap\nmetadata: {name: web}\ndata:\n  app.yaml: |\n    log:\n      level: info\n    port: 80\n  mode: a\n";
        let left =
            |now: &str| !is_nothing(before, ".data[\"app.yaml\"].log.level=debug", Some(now));
        assert!(left(before));
        assert!(left(&format!("# mine\n{before}")));
        assert!(left(&before.replace("mode: a", "mode: b")));
        assert!(left(&before.replace("info", "warn")));
        let after = before.replace("info", "debug");
        assert!(!left(&after));
        assert!(!left(&format!("# mine\n{after}")));
        assert!(!left(&after.replace("port: 80", "port: 81")));
    }

    #[test]
    fn an_item_without_a_name_is_a_part_of_it() {
        let before = "kind: Pod\nmetadata: {name: web}\nargs:\n- a\n- b\nreplicas: 1\n";
        let longer = before.replace("- a\n", "- z\n- a\n");
        let others = before.replace("- b\n", "- b\n- d\n");
        for (set, from, to) in [
            (".args[+]=c", "- b\n", "- b\n- c\n"),
            (".args[1]=c", "- b\n", "- c\n"),
            (".new[+]:=c", "replicas: 1\n", "replicas: 1\nnew:\n  - c\n"),
        ] {
            let left = |now: &str| !is_nothing(before, set, Some(now));
            let after = |now: &str| now.replace(from, to);
            for now in [before, &longer, &others] {
                assert!(left(now), "{set}: {now}");
                assert!(left(&format!("# mine\n{now}")), "{set}: {now}");
            }
            assert!(!left(&after(before)), "{set}");
            assert!(!left(&format!("# mine\n{}", after(before))), "{set}");
            assert!(!left(&after(&longer)), "{set}");
        }
        let now = format!("{before}new:\n  - x\n  - y\n");
        assert!(!is_nothing(before, ".new[+]:=c", Some(&now)));
    }

    #[test]
    fn what_is_gone_with_its_file_is_not_proven_to_be_removed() {
        let before = "kind: Pod\nmetadata: {name: web}\nspec:\n  a: 1\n  b: 2\n";
        let after = before.replace("  b: 2\n", "");
        let left = |now: Option<&str>| {
            let file = "web.yaml".parse().unwrap();
            let versions = Versions::new(&file, Some(before.as_bytes()), Some(after.as_bytes()));
            let edit = FileEdit {
                path: file.clone(),
                before: before.into(),
                after: after.clone().into(),
            };
            let now = now.map(str::as_bytes);
            !remaining(&edit, &[], &versions.values(), now).is_nothing
        };
        assert!(left(None));
        for now in [
            "",
            "a: [",
            "kind: Pod\n",
            before,
            &before.replace("web", "api"),
            &format!("# mine\n{before}"),
        ] {
            assert!(left(Some(now)), "{now}");
        }
        assert!(!left(Some(&after)));
        assert!(!left(Some(&format!("# mine\n{after}"))));
    }
}
