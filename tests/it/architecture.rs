//! Keeps what ARCHITECTURE.md says true: the arrows between the rooms, and the paths it names.

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms, each with those it may import.
const ROOMS: [(&str, &[&str]); 17] = [
    (
        "action",
        &[
            "operation",
            "markdown",
            "argocd",
            "date",
            "deadline",
            "registry",
            "repository",
            "deployment",
            "image",
            "http",
            "manifest",
            "failure",
            "files",
            "nearest",
        ],
    ),
    (
        "operation",
        &[
            "repository",
            "markdown",
            "argocd",
            "deadline",
            "registry",
            "nearest",
            "date",
            "deployment",
            "http",
            "image",
            "manifest",
            "failure",
            "files",
            "version",
        ],
    ),
    (
        "repository",
        &[
            "date", "deadline", "http", "manifest", "failure", "files", "nearest",
        ],
    ),
    ("registry", &["http", "image"]),
    ("argocd", &["http", "image"]),
    ("date", &[]),
    ("deadline", &[]),
    ("deployment", &["manifest", "image", "nearest"]),
    ("http", &["deadline"]),
    ("manifest", &["yaml", "image", "files", "nearest"]),
    ("yaml", &[]),
    ("image", &[]),
    ("failure", &[]),
    ("files", &[]),
    ("markdown", &[]),
    ("nearest", &[]),
    ("version", &[]),
];

/// Rooms that name no network, environment, clock or file system.
const PURE: [&str; 10] = [
    "markdown",
    "date",
    "image",
    "yaml",
    "manifest",
    "deployment",
    "failure",
    "files",
    "nearest",
    "version",
];
const IMPURE: [&str; 7] = [
    "std::env",
    "std::fs",
    "std::net",
    "std::time",
    "tokio::",
    "reqwest::",
    "git2::",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The sources below `directory`, without modules of tests.
fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !path.ends_with("tests.rs")
        {
            found.push(path);
        }
    }
    found
}

/// The room that a source file belongs to.
fn room(path: &Path) -> String {
    let path = path.strip_prefix(root().join("src")).unwrap();
    let first = path
        .components()
        .next()
        .unwrap()
        .as_os_str()
        .to_str()
        .unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// A file's code: without its comments, and without the items that only tests have.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let mut lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    let mut code = String::new();
    while let Some(line) = lines.next() {
        let Some(indent) = line.strip_suffix("#[cfg(test)]") else {
            code.extend([line, "\n"]);
            continue;
        };
        // In formatted code an item ends on its first line, or where its indentation comes back.
        let end = format!("{indent}}}");
        let is_attribute = |line: &str| line.trim_start().starts_with("#[");
        let first = lines.by_ref().find(|line| !is_attribute(line)).unwrap();
        if !first.ends_with([';', '}']) {
            lines.by_ref().find(|line| line.starts_with(&end)).unwrap();
        }
    }
    code
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Every path of `code` with two or more names; a tree of `use` is one path a leaf.
fn paths(code: &str) -> Vec<Vec<&str>> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(start) = rest.find(is_name) {
        rest = path(&rest[start..], &[], &mut found);
    }
    found.retain(|path| path.len() > 1);
    found
}

/// Reads the path that `text` starts with, or the tree, and gives what is behind it.
fn path<'a>(text: &'a str, parent: &[&'a str], found: &mut Vec<Vec<&'a str>>) -> &'a str {
    if let Some(mut rest) = text.strip_prefix('{') {
        while let Some(start) = rest.find(|c| is_name(c) || c == '}') {
            if let Some(behind) = rest[start..].strip_prefix('}') {
                return behind;
            }
            rest = path(&rest[start..], parent, found);
            if let Some(alias) = rest.strip_prefix(" as ") {
                rest = alias.trim_start_matches(is_name);
            }
        }
        return rest;
    }
    let end = text.find(|c| !is_name(c)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let own = [parent, &[name]].concat();
    match rest.strip_prefix("::") {
        Some(child) if child.starts_with(|c| is_name(c) || c == '{') => path(child, &own, found),
        _ => {
            // `{self}` is its parent.
            found.push(if name == "self" && !parent.is_empty() {
                parent.to_vec()
            } else {
                own
            });
            rest
        }
    }
}

#[test]
fn paths_are_read_from_every_use() {
    let code = "use a::{self, b::{c as d, e}, f::*};\nfn g() -> h::I { j::k::<l::M>(n) }";
    assert_eq!(
        paths(code)
            .iter()
            .map(|path| path.join("::"))
            .collect::<Vec<_>>(),
        ["a::b::c", "a::b::e", "a::f", "h::I", "j::k", "l::M"]
    );
}

#[test]
fn a_room_imports_only_rooms_below_it() {
    let mut seen = 0;
    for path in sources(&root().join("src")) {
        let own = room(&path);
        let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == own) else {
            assert!(own == "lib" || own == "main", "{own} is no room");
            continue;
        };
        let code = code(&path);
        let inside = paths(&code).into_iter().filter(|path| path[0] == "crate");
        for import in inside.map(|path| path[1]) {
            seen += 1;
            assert!(
                import == own || allowed.contains(&import),
                "{} imports crate::{import}, which {own} may not",
                path.display()
            );
        }
    }
    assert!(seen > 100, "the imports were not found");
}

#[test]
fn the_core_is_pure() {
    for path in sources(&root().join("src")) {
        if PURE.contains(&room(&path).as_str()) {
            let code = code(&path);
            for impure in IMPURE {
                assert!(!code.contains(impure), "{} names {impure}", path.display());
            }
        }
    }
}

#[test]
fn unsafe_code_is_in_one_file() {
    for path in sources(&root().join("src")) {
        let allowed = path.ends_with("repository/git/mod.rs");
        assert!(
            allowed || !code(&path).contains("unsafe"),
            "{}",
            path.display()
        );
    }
}

#[test]
fn every_path_that_the_architecture_names_exists() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let mut seen = 0;
    for name in text.split('`').skip(1).step_by(2) {
        let path = name.trim_end_matches('/');
        if path.ends_with(".rs") || path.starts_with("src/") || path.starts_with("tests/") {
            seen += 1;
            let places = [
                "",
                "src",
                "src/action",
                "src/argocd",
                "src/http",
                "src/operation",
                "src/repository",
            ];
            let exists = places
                .iter()
                .any(|place| root().join(place).join(path).exists());
            assert!(exists, "ARCHITECTURE.md names {name}, which is not there");
        }
    }
    assert!(seen > 10, "the paths were not found");
}
