//! Every case below `tests/fixtures`, and properties that hold for any manifest.
//!
//! A case is a folder with `before.yaml`, `after.yaml` and `case.toml`, which holds the request:
//!
//! ```toml
//! about = "What this case shows."
//! image = ["ghcr.io/o/web:v2"]     # also: path, set, remove, resource
//! notes = ["was removed"]          # texts that the plan's notes hold, in their order
//! warnings = ["stays as it is"]    # the same for its warnings; there are no others
//! file = "values.yaml"             # what the file is called
//! appends = true                   # a second run does it again
//! ```
//!
//! With `refusal = "…"` instead of an `after.yaml`, the request is refused in words that hold this
//! text. In messages the file is called `manifest.yaml`, unless the case says otherwise.
//!
//! What a case does is told of in full, and taken back to the byte.
//!
//! `docs/recognised.md` is full of cases, too: the inputs in the lines above a block, the block a diff.

use std::fmt::Debug;
use std::fs;
use std::path::Path;
use std::str::FromStr;

use gitops_deploy::image::ImageReference;
use gitops_deploy::manifest::{
    EditRequest, FileEdit, ManifestError, ManifestFile, Plan, ValueChange, Versions,
    image_transitions, plan, restore,
};
use gitops_deploy::yaml::path::before_new_item;
use proptest::prelude::*;
use serde::Deserialize;
use serde_yaml_ng::Value;
use similar::TextDiff;

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Case {
    #[serde(default)]
    about: String,
    #[serde(default)]
    image: Vec<String>,
    #[serde(default)]
    path: Vec<String>,
    #[serde(default)]
    set: Vec<String>,
    #[serde(default)]
    remove: Vec<String>,
    #[serde(default)]
    resource: Vec<String>,
    #[serde(default)]
    notes: Vec<String>,
    #[serde(default)]
    warnings: Vec<String>,
    #[serde(default)]
    appends: bool,
    file: Option<String>,
    refusal: Option<String>,
}

impl Case {
    fn request(&self) -> EditRequest {
        EditRequest {
            images: parsed(&self.image),
            paths: parsed(&self.path),
            set: parsed(&self.set),
            remove: parsed(&self.remove),
            resources: parsed(&self.resource),
            ..EditRequest::default()
        }
    }

    fn plan(&self, bytes: &[u8]) -> Result<Plan, ManifestError> {
        let name = self.file.as_deref().unwrap_or("manifest.yaml");
        plan(&[named_file(name, bytes)], &self.request())
    }
}

fn parsed<T: FromStr<Err: Debug>>(lines: &[String]) -> Vec<T> {
    lines.iter().map(|line| line.parse().unwrap()).collect()
}

fn named_file(name: &str, bytes: &[u8]) -> ManifestFile {
    ManifestFile {
        path: name.parse().unwrap(),
        bytes: bytes.to_vec(),
    }
}

fn plan_for(bytes: &[u8], request: &EditRequest) -> Result<Plan, ManifestError> {
    plan(&[named_file("manifest.yaml", bytes)], request)
}

/// The file after `request`; itself where nothing changes.
fn edited(bytes: &[u8], request: &EditRequest) -> Result<Vec<u8>, ManifestError> {
    let mut edits = plan_for(bytes, request)?.edits;
    Ok(edits.pop().map_or(bytes.to_vec(), |edit| edit.after))
}

#[test]
fn every_fixture_is_edited_as_it_says_or_refused_in_its_words() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut folders: Vec<_> = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    assert!(folders.len() > 30, "the fixtures are gone");
    let failures: Vec<String> = folders
        .iter()
        .filter_map(|folder| {
            let what = failure(folder)?;
            Some(format!("{}\n{what}", folder.display()))
        })
        .collect();
    assert!(failures.is_empty(), "\n\n{}", failures.join("\n\n"));
}

/// What is wrong with a case, if anything is.
fn failure(folder: &Path) -> Option<String> {
    let text = fs::read_to_string(folder.join("case.toml")).unwrap();
    let case: Case = match toml::from_str(&text) {
        Ok(case) => case,
        Err(error) => return Some(format!("case.toml: {error}")),
    };
    let before = fs::read(folder.join("before.yaml")).unwrap();
    let plan = match (case.plan(&before), &case.refusal) {
        (Ok(plan), None) => plan,
        (Ok(_), Some(words)) => return Some(format!("was not refused: {words}")),
        (Err(error), Some(words)) => {
            let message = error.to_string();
            return (!message.contains(words.trim()))
                .then(|| format!("was refused with\n  {message}\nand not with\n  {words}"));
        }
        (Err(error), None) => return Some(format!("{}\nwas refused: {error}", case.about)),
    };
    let [edit] = plan.edits.as_slice() else {
        return Some("was not changed".to_owned());
    };
    let expected = fs::read(folder.join("after.yaml")).unwrap();
    if edit.after != expected {
        return Some(format!("{}\n{}", case.about, diff(&expected, &edit.after)));
    }
    let notes: Vec<&str> = plan.notes.iter().map(|note| note.text.as_str()).collect();
    let all_noted = notes.len() >= case.notes.len()
        && notes
            .iter()
            .zip(&case.notes)
            .all(|(note, words)| note.contains(words.as_str()));
    if !all_noted {
        return Some(format!("has the notes {notes:?} and not {:?}", case.notes));
    }
    let warnings: Vec<&str> = plan.warnings.iter().map(String::as_str).collect();
    let all_warned = warnings.len() == case.warnings.len()
        && warnings
            .iter()
            .zip(&case.warnings)
            .all(|(warning, words)| warning.contains(words.as_str()));
    if !all_warned {
        return Some(format!(
            "has the warnings {warnings:?} and not {:?}",
            case.warnings
        ));
    }
    if let Some(stranger) = untold(&plan, edit) {
        return Some(format!("changes, and says nothing of: {stranger:?}"));
    }
    let is_template = String::from_utf8_lossy(&before).contains("{{");
    match restore(&expected, &before, &expected) {
        _ if is_template => {}
        Ok(Some(back)) if back == before => {}
        back => return Some(format!("is not taken back: {back:?}")),
    }
    if case.appends {
        return None;
    }
    // A second run finds everything done.
    match case.plan(&expected) {
        Ok(plan) if plan.edits.is_empty() => None,
        Ok(_) => Some("a second run changes it again".to_owned()),
        Err(error) => Some(format!("a second run is refused: {error}")),
    }
}

/// A value that `edit` changes, where `plan` says it of no image and of no value.
fn untold(plan: &Plan, edit: &FileEdit) -> Option<ValueChange> {
    let versions = Versions::new(&edit.path, Some(&edit.before), Some(&edit.after));
    let mut beside = versions.values_beside(&plan.images).into_iter();
    beside.find(|value| {
        let is_told = |own: &ValueChange| {
            let own_path = before_new_item(&own.path);
            // What was nothing is gone where a key is made below it.
            let is_there = value.path.starts_with(own_path) || own_path.starts_with(&value.path);
            own.resource == value.resource && is_there
        };
        !plan.values.iter().any(is_told)
    })
}

/// The cases of the documentation: above each diff, its inputs as `` `image: …` ``.
#[test]
fn every_shape_of_the_documentation_is_edited_as_it_shows() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/recognised.md");
    let page = fs::read_to_string(page).unwrap();
    let mut seen = 0;
    let mut above = "";
    for (number, part) in page.split("```").enumerate() {
        let Some(diff) = part.strip_prefix("diff\n").filter(|_| number % 2 == 1) else {
            above = part;
            continue;
        };
        let side = |sign: char| -> String {
            let lines = diff.lines().filter(|line| line.starts_with([' ', sign]));
            lines.map(|line| format!("{}\n", &line[1..])).collect()
        };
        let mut case = Case::default();
        let paragraph = above.trim_end().rsplit("\n\n").next().unwrap();
        for input in paragraph.replace('\n', " ").split('`').skip(1).step_by(2) {
            match input.split_once(": ") {
                Some(("image", line)) => case.image.push(line.to_owned()),
                Some(("path", line)) => case.path.push(line.to_owned()),
                Some(("set", line)) => case.set.push(line.to_owned()),
                Some(("remove", line)) => case.remove.push(line.to_owned()),
                _ => {}
            }
        }
        let plan = case.plan(side('-').as_bytes());
        let plan = plan.unwrap_or_else(|error| panic!("{paragraph}\n{error}"));
        let after = String::from_utf8(plan.edits[0].after.clone()).unwrap();
        assert_eq!(after, side('+'), "{paragraph}");
        assert_eq!(untold(&plan, &plan.edits[0]), None, "{paragraph}");
        let [before, after] = [side('-'), after].map(String::into_bytes);
        let back = restore(&after, &before, &after).unwrap_or_else(|error| {
            // What a template fills in can't be read.
            assert!(paragraph.contains("templates"), "{paragraph}\n{error}");
            Some(before.clone())
        });
        assert_eq!(back, Some(before), "{paragraph}");
        seen += 1;
    }
    assert!(seen > 25, "the shapes were not found: {seen}");
}

/// What a refusal says to write is written, and is what was wanted.
#[test]
fn what_a_refusal_says_to_write_works() {
    for (name, text, line) in [
        (
            "a.yaml",
            "spec:\n  package: ghcr.io/acme/web:v1\n",
            "ghcr.io/acme/web:v2",
        ),
        (
            "a.yaml",
            "kind: A\n---\na: {b: 'ghcr.io/acme/web:v1'}\n",
            "ghcr.io/acme/web:v2",
        ),
        (
            "a.yaml",
            "\"a.b/c\":\n  \"x y\": ghcr.io/acme/web:v1\n",
            "ghcr.io/acme/web:v2",
        ),
        (
            "a.yaml",
            "args:\n- --image=ghcr.io/acme/web:v1\n",
            "ghcr.io/acme/web:v2",
        ),
        (
            "a.json",
            "{\"args\": [\"--image=ghcr.io/acme/web:v1\"]}",
            "ghcr.io/acme/web:v2",
        ),
        (
            "a.yaml",
            "d:\n  v.yaml: |\n    args:\n    - -i=ghcr.io/acme/web:v1\n",
            "ghcr.io/acme/web:v2",
        ),
        (
            "a.yaml",
            "spec:\n  baseImage: ghcr.io/acme/web\n",
            "ghcr.io/acme/web:v2",
        ),
        (
            "a.yaml",
            "kind: Kustomization\nimages:\n- name: api\n  newTag: v1\n",
            "ghcr.io/acme/web:v2",
        ),
        (
            "a.yaml",
            "kind: Kustomization\nresources: [a.yaml]\n",
            "ghcr.io/acme/web:1.10",
        ),
        (
            "a.yaml",
            "t: &t v1\nimage: {repository: a/b, tag: *t}\nl: *t\n",
            "a/b:v2",
        ),
        (
            "a.yaml",
            "containers:\n- {name: w, image: 'ghcr.io/acme/web: v1'}\n",
            "ghcr.io/acme/web:v2",
        ),
        (
            "a.yaml",
            "x: &x a/b:v1\ncontainers:\n- {name: w, image: *x}\n- {name: b, image: *x}\n",
            "w=a/b:v2",
        ),
    ] {
        let file = [named_file(name, text.as_bytes())];
        let request = image_request(line);
        let refusal = plan(&file, &request).unwrap_err().to_string();
        let inputs = refusal.split('`').skip(1).step_by(2);
        let advice = inputs
            .clone()
            .find_map(|input| match input.split_once(": ") {
                Some(("path", path)) => Some(EditRequest {
                    paths: parsed(&[path.to_owned()]),
                    ..image_request(line)
                }),
                Some(("set", set)) if refusal.contains("in place of the line in `image`") => {
                    let set = parsed(&[set.to_owned()]);
                    Some(EditRequest {
                        set,
                        ..EditRequest::default()
                    })
                }
                _ => None,
            });
        let advice = advice.unwrap_or_else(|| {
            let set = inputs.clone().find(|input| input.starts_with('.'));
            let set = parsed(&[set.unwrap_or_else(|| panic!("{refusal}")).to_owned()]);
            match refusal.contains("in place of the line in `image`") {
                true => EditRequest {
                    set,
                    ..EditRequest::default()
                },
                false => EditRequest {
                    set,
                    ..image_request(line)
                },
            }
        });
        let done = plan(&file, &advice).unwrap_or_else(|error| panic!("{refusal}\n{error}"));
        let after = String::from_utf8(done.edits[0].after.clone()).unwrap();
        let (_, version) = line.rsplit_once(':').unwrap();
        assert!(after.contains(version), "{refusal}\n{after}");
        if after.contains("newTag") {
            // "From then on `image` keeps it up to date."
            let again = plan(&[named_file(name, after.as_bytes())], &request).unwrap();
            assert!(again.edits.is_empty(), "{after}");
        }
    }
}

/// A diff in which blanks and line ends can be seen.
fn diff(expected: &[u8], found: &[u8]) -> String {
    let visible = |bytes: &[u8]| {
        String::from_utf8_lossy(bytes)
            .replace('\r', "␍")
            .replace('\t', "→")
            .replace(" \n", "·\n")
    };
    TextDiff::from_lines(visible(expected).as_str(), visible(found).as_str())
        .unified_diff()
        .header("expected", "found")
        .to_string()
}

/// A line of a mapping, or several, of every kind; `@` stands for the image.
fn any_entry() -> impl Strategy<Value = (String, bool)> {
    let with_image = prop::sample::select(vec![
        "image: @",
        "image: \"@\"  # {\"$imagepolicy\": \"x\"}",
        "image:   '@'\t# tab",
        "{é: 🦀, image: @, 'x': [a, \"b\"]}",
        "{\"image\":\"@\"}",
        "image: &anchor @",
        "image: !!str @",
        "image: >-\n  @",
        "image: |-  # why\n    @\n\nx: y",
        "spec:\n  containers:\n  - name: x\n    image: @\n\n  - image: \"@\"",
        "text: |\n  lange Zeilen: äöüäöüäöüäöüäöüäöü @\nimage: @",
        "list:\n- a\n-   image: @   \n",
        "\"image\"  :  @",
        "? image\n: @",
    ]);
    let without = prop::sample::select(vec![
        "a: b",
        "# @",
        "",
        "text: \"multi\n  line\"",
        "plain: multi\n  line # c",
        "list: [\n  a,  # c\n  b ]",
        "other: 'it''s @'",
        "bin: >+\n  folded\n  text\n\n",
        "emoji: 🦀🦀",
        "&a k: &b v",
        "null:",
    ]);
    prop_oneof![
        with_image.prop_map(|text| (text.to_owned(), true)),
        without.prop_map(|text| (text.to_owned(), false)),
    ]
}

/// A file of several documents, with `@` where the image is written.
fn any_file() -> impl Strategy<Value = String> {
    let entries = prop::collection::vec(any_entry(), 1..7);
    (entries, any::<bool>(), any::<bool>(), any::<bool>())
        .prop_filter("an image", |(entries, ..)| {
            entries.iter().any(|(_, has)| *has)
        })
        .prop_map(|(entries, crlf, mark, cut)| {
            // Each entry is a document of its own, so that keys may repeat.
            let documents: Vec<&str> = entries.iter().map(|(text, _)| text.as_str()).collect();
            let mut text = format!("---\n{}\n", documents.join("\n---\n"));
            if crlf {
                text = text.replace('\n', "\r\n");
            }
            if cut {
                text = text.trim_end().to_owned();
            }
            if mark {
                format!("\u{feff}{text}")
            } else {
                text
            }
        })
}

/// Where `@` stands for an image, and not for itself in a comment or another text.
fn filled(template: &str, image: &str) -> String {
    let keeps = ["# @", "it''s @", "äöü @"];
    let hidden = keeps.iter().fold(template.to_owned(), |text, keep| {
        text.replace(keep, &keep.replace('@', "\u{1}"))
    });
    hidden.replace('@', image).replace('\u{1}', "@")
}

/// A mapping with keys that say something of images, in any combination.
fn any_shape() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "image",
        "imageTag",
        "image_tag",
        "imageName",
        "webImage",
        "webImageTag",
        "dockerImage",
        "dockerTag",
        "main",
        "repository",
        "name",
        "registry",
        "tag",
        "version",
        "digest",
        "newName",
        "newTag",
    ]);
    let value = prop::sample::select(vec![
        "ghcr.io/acme/web",
        "acme/web",
        "web",
        "acme",
        "ghcr.io",
        "ghcr.io/acme/web:v1",
        "ghcr.io/acme",
        "ghcr.io/acme/web:",
        "ghcr.io/acme/web:v0:v1",
        "ghcr.io/acme/web@sha256",
        "v1",
        "1.10",
        "null",
        "''",
        "~",
        "*t",
        "*r",
        "${T:-v1}",
        "ghcr.io/acme/web:${T:-v1}",
        "ghcr.io/acme/web:${T}",
        "'{{ .t }}'",
        "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "[v1]",
        "{a: b}",
    ]);
    let around = prop::sample::select(vec![
        "k:\n",
        "k:\n  image:\n",
        "kimages:\n- ",
        "k:\n  containers:\n  - ",
        "k:\n  images:\n  - ",
        "kglobal: {imageRegistry: ghcr.io}\nk:\n  image:\n",
        "k:\n  services:\n    web:\n",
    ]);
    (around, prop::collection::btree_map(key, value, 1..6)).prop_map(|(around, pairs)| {
        let last = around.lines().last().unwrap();
        let indent = " ".repeat(last.len() - last.trim_start().len() + 2);
        let mut text = format!(
            "kt: &t v1\nkr: &r ghcr.io/acme/web\n{}",
            around
                .replace("kimages", "images")
                .replace("kglobal", "global")
        );
        for (number, (key, value)) in pairs.into_iter().enumerate() {
            let is_item = number == 0 && around.ends_with("- ");
            let indent = if is_item { "" } else { &indent };
            text.push_str(&format!("{indent}{key}: {value}\n"));
        }
        text
    })
}

fn image_request(line: &str) -> EditRequest {
    EditRequest {
        images: parsed(&[line.to_owned()]),
        ..EditRequest::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// What the fuzz target `plan` asks of files of any bytes, of files that look like those of people.
    #[test]
    fn what_is_planned_is_read_again_told_and_taken_back(
        shapes in prop::collection::vec(any_shape(), 1..3),
        request in prop::sample::select(vec![
            vec!["image ghcr.io/acme/web:v2"],
            vec!["image web=ghcr.io/acme/web:v2"],
            vec!["image acme/web:v2@sha256:fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"],
            vec!["image ghcr.io/acme/web:1.10", "image acme/api:v3"],
            vec!["image ghcr.io/acme/web:v2", "path 0:.k"],
            vec!["image ghcr.io/acme/web:v2", "path 0:.k.image.tag"],
            vec!["image ghcr.io/acme/web:v2", "set 0:.t=v2"],
            vec!["set 0:.k.image:={tag: v2}", "remove 0:.k.image.tag"],
        ]),
        is_nested in any::<bool>(),
    ) {
        let mut text = shapes.join("---\n");
        if is_nested {
            let lines = text.lines().map(|line| format!("  {line}\n"));
            text = format!("values: |\n{}", lines.collect::<String>());
        }
        let of = |name: &str| -> Vec<String> {
            let lines = request.iter().filter_map(|line| line.strip_prefix(name));
            lines.map(|line| line.trim_start().to_owned()).collect()
        };
        let only_images = request.iter().all(|line| line.starts_with("image"));
        let request = EditRequest {
            images: parsed(&of("image ")),
            paths: parsed(&of("path ")),
            set: parsed(&of("set ")),
            remove: parsed(&of("remove ")),
            ..EditRequest::default()
        };
        let Ok(first) = plan_for(text.as_bytes(), &request) else { return Ok(()) };
        let Some(edit) = first.edits.first() else { return Ok(()) };
        let after = String::from_utf8_lossy(&edit.after);
        let path = "manifest.yaml".parse().unwrap();
        let transitions = image_transitions(&path, Some(&edit.before), Some(&edit.after));
        if only_images {
            for transition in &transitions {
                let mut changes = first.images.iter();
                let is_told = changes.any(|change| change.place == transition.held.place);
                prop_assert!(is_told, "{text}\n{after}\n{transition:?}");
            }
        }
        if request.set.is_empty() {
            let again = plan_for(&edit.after, &request);
            let is_done = again.as_ref().is_ok_and(|plan| plan.edits.is_empty());
            prop_assert!(is_done, "{text}\n{after}\n{again:?}");
        }
        match restore(&edit.after, &edit.before, &edit.after) {
            Ok(Some(back)) => prop_assert_eq!(String::from_utf8_lossy(&back), text),
            Ok(None) => prop_assert!(false, "is taken back already\n{text}\n{after}"),
            // What can't be told apart is refused; what a template fills in can't be read.
            Err(_) => {}
        }
    }

    /// As the fuzz target `plan` asks of any file: in a text of a block scalar, line by line the same.
    #[test]
    fn what_is_planned_in_a_text_is_what_is_planned_in_a_file(
        file in any_shape(),
        line in prop::sample::select(vec!["ghcr.io/acme/web:v2", "web=ghcr.io/acme/web:v2", "acme/web:1.10"]),
        header in prop::sample::select(vec!["|", "|-", "|2+", "| # ours"]),
        crlf in any::<bool>(),
    ) {
        let request = image_request(line);
        let around = |file: &str| {
            let lines = file.lines().map(|line| format!("  {line}\n"));
            let text = format!("text: {header}\n{}end: 1\n", lines.collect::<String>());
            if crlf { text.replace('\n', "\r\n") } else { text }
        };
        // A template is filled in as a whole.
        prop_assume!(!file.contains("{{"));
        let alone = edited(file.as_bytes(), &request);
        let inside = edited(around(&file).as_bytes(), &request);
        match (alone, inside) {
            (Ok(alone), Ok(inside)) => {
                let expected = around(std::str::from_utf8(&alone).unwrap());
                prop_assert_eq!(String::from_utf8_lossy(&inside), expected);
            }
            (alone, inside) => prop_assert_eq!(alone.is_ok(), inside.is_ok(), "{:?}\n{:?}", alone, inside),
        }
    }

    #[test]
    fn an_edit_changes_the_bytes_of_the_image_and_no_other(
        template in any_file(),
        old in "[a-z]{1,9}",
        new in "[A-Za-z0-9_][A-Za-z0-9_.-]{0,12}",
    ) {
        // `__TAG__` is to be filled in, and `1.x` a range.
        prop_assume!(!new.contains("__") && !new.ends_with(".x"));
        let text = |tag: &str| filled(&template, &format!("ghcr.io/o/web:{tag}"));
        let request = |tag: &str| image_request(&format!("ghcr.io/o/web:{tag}"));
        let there = edited(text(&old).as_bytes(), &request(&new)).unwrap();
        prop_assert_eq!(String::from_utf8_lossy(&there), text(&new));
        let back = edited(&there, &request(&old)).unwrap();
        prop_assert_eq!(String::from_utf8_lossy(&back), text(&old));
    }

    #[test]
    fn what_comes_out_is_the_image_that_was_asked_for(
        shape in prop::sample::select(vec![
            "image: acme/web:@\n",
            "image: acme/web\nimageTag: @\n",
            "web_image: acme/web\nweb_image_tag: '@'\n",
            "image: {repository: acme/web, tag: '@'}\n",
            "image: {registry: docker.io, repository: acme, name: web, tag: '@'}\n",
            "image:\n  repository: acme/web:@\n",
            "a: {repository: acme, image: web, version: '@'}\n",
            "tag: &t '@'\nimage: {repository: acme/web, tag: *t}\nb: {image: acme/web, tag: *t}\n",
            "b: &b {repository: acme/web, tag: '@'}\nimage: {<<: *b}\n",
            "image: ${R:-acme}/web:${TAG:-@}\n",
            "images: [w=acme/web:@, acme/api:v1]\n",
            "images:\n- name: acme/web\n  newTag: '@'\n",
            "images:\n- name: w\n  newName: acme/web:@\n",
            "p:\n- {name: image.tag, value: '@'}\n- {name: image.repository, value: acme/web}\n",
            "values: |\n  # é\n  image:\n    repository: acme/web\n    tag: '@'\n\nx: y\n",
            "patch: |-\n  - op: replace\n    path: /a/0/image\n    value: acme/web:@",
            "a: {{ .x }}\n{{- if .y }}\nimage: acme/web:@\n{{- end }}\n",
        ]),
        old in "[a-z]{1,9}",
        new in "[A-Za-z_][A-Za-z0-9_.-]{0,12}",
    ) {
        let text = |tag: &str| shape.replace('@', tag);
        let request = |tag: &str| image_request(&format!("acme/web:{tag}"));
        prop_assume!(!["null", "Null", "NULL"].contains(&old.as_str()));
        // `__TAG__` is to be filled in.
        prop_assume!(!new.contains("__"));
        let there = edited(text(&old).as_bytes(), &request(&new)).unwrap();
        prop_assert_eq!(String::from_utf8_lossy(&there).replace('"', ""), text(&new));
        let back = edited(&there, &request(&old)).unwrap();
        prop_assert_eq!(String::from_utf8_lossy(&back).replace('"', ""), text(&old));
    }

    #[test]
    fn no_shape_makes_another_image_of_it(lines in any_shape()) {
        let request = image_request("ghcr.io/acme/web:v2");
        for bytes in [lines.clone(), format!("values: |\n{}", lines.replace("  ", "    ").replace("\nk", "\n  k"))] {
            let Ok(plan) = plan_for(bytes.as_bytes(), &request) else { continue };
            for image in &plan.images {
                let image: ImageReference = image.new.parse().unwrap();
                prop_assert_eq!((image.tag(), image.digest()), (Some("v2"), None), "{}", bytes);
            }
            let Some(edit) = plan.edits.first() else { continue };
            let again = plan_for(&edit.after, &request);
            let is_done = again.as_ref().is_ok_and(|plan| plan.edits.is_empty());
            prop_assert!(is_done, "{}\n{}\n{:?}", bytes, String::from_utf8_lossy(&edit.after), again);
        }
    }

    #[test]
    fn a_value_reads_back_as_what_was_asked_for_by_another_parser_too(
        place in prop::sample::select(vec![
            "k: old\n", "k: 'old' # c\n", "k: \"old\"\n", "{k: old, x: y}\n", "{\"k\":\"old\"}\n",
            "k: |\n  old\nx: y\n", "k: >-\n    old\n", "k:\nx: y\n", "x: y\nk: &a old\nz: *a\n", "k: old",
        ]),
        value in "([ -~]|[éü🦀\n\t:#'\"-]){0,16}",
    ) {
        let set = format!("k={}", quoted(&value));
        let request = EditRequest { set: parsed(&[set]), ..EditRequest::default() };
        let after = String::from_utf8(edited(place.as_bytes(), &request).unwrap()).unwrap();
        let read: Value = serde_yaml_ng::from_str(&after).unwrap();
        prop_assert_eq!(read.get("k"), Some(&Value::String(value)), "{}", after);
    }

    #[test]
    fn a_tag_is_a_string_to_another_parser_too(
        place in prop::sample::select(vec![
            "image: {repository: a, tag: 1}\n",
            "image: {repository: a, tag: 1.10}\n",
            "image:\n  repository: a\n  tag: v1\n",
            "image:\n  repository: a\n",
        ]),
        tag in prop_oneof![
            2 => Just("1".to_owned()),
            2 => Just("1.10".to_owned()),
            46 => "[0-9._eExX+-]{0,3}[A-Za-z0-9_][0-9A-Fa-f._-]{0,8}"
                .prop_map(|tag| tag.replace('+', "")),
        ],
    ) {
        prop_assume!(!tag.starts_with(['.', '-']));
        let after = edited(place.as_bytes(), &image_request(&format!("a:{tag}"))).unwrap();
        let read: Value = serde_yaml_ng::from_slice(&after).unwrap();
        prop_assert_eq!(&read["image"]["tag"], &Value::String(tag));
    }

    #[test]
    fn no_file_and_no_request_make_a_plan_panic(
        text in "([a-c:\\-\\[\\]{}&*!|>'\"%@`?#,~ \n\t]|image|---|<<|: |é){0,40}",
        set in "[a-c.0\\[\\]=]{1,6}=[a-c]",
    ) {
        let _ = edited(text.as_bytes(), &image_request("a:1"));
        let _ = edited(text.as_bytes(), &image_request("a=a:1"));
        if let Ok(assignment) = set.parse() {
            let request = EditRequest { set: vec![assignment], ..EditRequest::default() };
            let _ = edited(text.as_bytes(), &request);
        }
    }
}

/// `value` as a double-quoted YAML scalar; JSON's strings are some.
fn quoted(value: &str) -> String {
    serde_json::to_string(value).unwrap()
}
