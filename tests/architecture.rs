//! Keeps what ARCHITECTURE.md says true: the arrows between the rooms, and the paths it names.

#![allow(clippy::unwrap_used, clippy::panic)]

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

fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
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

/// A file's code, without its comments and its tests.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let code = text.split("#[cfg(test)]").next().unwrap();
    let lines = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The rooms that `code` names as `crate::ROOM`.
fn imports(code: &str) -> Vec<String> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let names = code.split("crate::").skip(1);
    names
        .map(|rest| rest.split(|c| !is_name(c)).next().unwrap().to_owned())
        .filter(|name| !name.is_empty())
        .collect()
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
        for import in imports(&code(&path)) {
            seen += 1;
            assert!(
                import == own || allowed.contains(&import.as_str()),
                "{} imports crate::{import}, which {own} may not",
                path.display()
            );
        }
    }
    assert!(seen > 20, "the imports were not found");
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
