//! Keeps what ARCHITECTURE.md says true: the arrows between the rooms, and the paths it names.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms, from the top of the house to its ground, each with those it may import.
const ROOMS: [(&str, &str); 23] = [
    (
        "action",
        "operation registry repository argocd oidc commit_status deployment manifest freeze image date markdown failure files \
         stages nearest http deadline limits secrets",
    ),
    (
        "operation",
        "registry repository argocd oidc commit_status deployment manifest freeze image date version markdown failure files \
         stages nearest http deadline limits",
    ),
    ("registry", "image http deadline limits"),
    (
        "repository",
        "commit_status manifest date files nearest http deadline limits secrets",
    ),
    ("argocd", "oidc image http deadline limits secrets"),
    ("oidc", "http limits secrets"),
    ("commit_status", "files nearest"),
    (
        "deployment",
        "manifest image date version files nearest limits",
    ),
    ("manifest", "yaml image files nearest limits"),
    ("freeze", "yaml date files nearest limits"),
    ("yaml", "limits"),
    ("image", ""),
    ("version", ""),
    ("markdown", "limits secrets"),
    ("failure", ""),
    ("stages", "files"),
    ("files", "limits"),
    ("nearest", ""),
    ("http", "date deadline limits secrets"),
    ("date", ""),
    ("deadline", ""),
    ("limits", ""),
    ("secrets", ""),
];

/// Rooms that name no network, environment, clock or file system, and files of theirs that do.
const PURE: &str = "argocd commit_status deployment manifest freeze yaml image date version markdown failure files stages nearest limits secrets";
const BUT: [&str; 1] = ["argocd/client.rs"];
const IMPURE: [&str; 7] = [
    "std::env",
    "std::fs",
    "std::net",
    "std::time",
    "tokio::",
    "reqwest::",
    "git2::",
];

/// What reads the body of an answer, in the words of reqwest, hyper and octocrab.
const READS_A_BODY: [&str; 8] = [
    ".chunk()",
    ".frame()",
    ".bytes_stream()",
    ".bytes().await",
    ".text().await",
    ".json().await",
    ".json::<",
    ".collect().await",
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
    let mut upward = BTreeSet::new();
    for path in sources(&root().join("src")) {
        let own = room(&path);
        let Some(floor) = ROOMS.iter().position(|(name, _)| *name == own) else {
            assert!(own == "lib" || own == "main", "{own} is no room");
            continue;
        };
        let allowed = |import| {
            let below = ROOMS[floor..].iter().any(|(name, _)| *name == import);
            below && (import == own || ROOMS[floor].1.split(' ').any(|name| name == import))
        };
        let code = code(&path);
        for import in paths(&code).iter().filter(|path| path[0] == "crate") {
            seen += 1;
            if !allowed(import[1]) {
                upward.insert(format!("{}: crate::{}\n", path.display(), import[1]));
            }
        }
    }
    assert!(upward.is_empty(), "{}", String::from_iter(upward));
    assert!(seen > 100, "the imports were not found");
}

/// The modules of the house, each with its code, by their paths: `["manifest", "helm"]`.
struct House(BTreeMap<Vec<String>, String>);

impl House {
    fn new() -> House {
        let below = root().join("src");
        let modules = sources(&below).into_iter().map(|path| {
            let name = path.strip_prefix(&below).unwrap().with_extension("");
            let names = name.iter().map(|name| name.to_str().unwrap().to_owned());
            (names.filter(|name| name != "mod").collect(), code(&path))
        });
        House(modules.collect())
    }

    /// What a path that `module` writes leads to: a module, and an item of it.
    fn resolve(&self, module: &[String], path: &[&str]) -> Option<(Vec<String>, Option<String>)> {
        let mut place = module.to_vec();
        for (position, name) in path.iter().enumerate() {
            match *name {
                "crate" => place.clear(),
                "self" => {}
                "super" => drop(place.pop()),
                name => {
                    place.push(name.to_owned());
                    if !self.0.contains_key(&place) {
                        place.pop();
                        return (position > 0).then(|| (place, Some(name.to_owned())));
                    }
                }
            }
        }
        Some((place, None))
    }

    /// The module that `item` is written in, where `module` has it from another one.
    fn origin(&self, module: Vec<String>, item: &str) -> Vec<String> {
        let (uses, _) = uses_and_rest(self.0.get(&module).map_or("", |code| code));
        let from = paths(&uses)
            .into_iter()
            .find(|path| path.last() == Some(&item));
        match from.and_then(|path| self.resolve(&module, &path)) {
            Some((from, Some(_))) if from != module => self.origin(from, item),
            _ => module,
        }
    }

    /// The modules of its own room that `module` uses, each with a name that it uses.
    fn used_by(&self, module: &[String]) -> BTreeMap<Vec<String>, String> {
        let (uses, rest) = uses_and_rest(&self.0[module]);
        // Not what is only the name of a field.
        let is_used = |name: &str| {
            rest.match_indices(name).any(|(start, _)| {
                let (before, behind) = (&rest[..start], &rest[start + name.len()..]);
                !before.ends_with(|c| is_name(c) || c == '.')
                    && !behind.starts_with(is_name)
                    && !behind.starts_with(": ")
            })
        };
        let paths = [paths(&uses), paths(&rest)].concat().into_iter();
        let used = paths.filter_map(|path| {
            let (from, item) = self.resolve(module, &path)?;
            let is_child = from.len() > module.len() && from.starts_with(module);
            let item = match item {
                Some(item) if is_child && !is_used(&item) => return None,
                Some(item) => item,
                None => return Some((from, path.join("::"))),
            };
            Some((self.origin(from, &item), item))
        });
        let own = |from: &Vec<String>| from.first() == module.first() && from != module;
        used.filter(|(from, _)| own(from)).collect()
    }
}

/// Splits code into its `use` items and all else.
fn uses_and_rest(code: &str) -> (String, String) {
    let mut parts = (String::new(), String::new());
    let mut inside = false;
    for line in code.lines() {
        let words = line.trim_start();
        inside |=
            words.starts_with("use ") || (words.starts_with("pub") && words.contains(" use "));
        let part = if inside { &mut parts.0 } else { &mut parts.1 };
        part.extend([line, "\n"]);
        inside &= !line.ends_with(';');
    }
    parts
}

#[test]
fn no_circle_is_inside_a_room() {
    let house = House::new();
    let graph: BTreeMap<_, _> = house
        .0
        .keys()
        .map(|module| (module, house.used_by(module)))
        .collect();
    let reaches = |from: &Vec<String>, to: &Vec<String>| {
        let mut seen = BTreeSet::new();
        let mut next: Vec<_> = graph[from].keys().collect();
        while let Some(module) = next.pop() {
            if seen.insert(module) {
                next.extend(graph[module].keys());
            }
        }
        seen.contains(to)
    };
    let mut circles = String::new();
    for (from, used) in &graph {
        for (to, name) in used.iter().filter(|(to, _)| reaches(to, from)) {
            circles += &format!("{} uses {} ({name})\n", from.join("::"), to.join("::"));
        }
    }
    let arrows: usize = graph.values().map(BTreeMap::len).sum();
    assert!(arrows > 50, "the arrows were not found");
    assert!(
        circles.is_empty(),
        "these arrows lead back to where they come from:\n{circles}"
    );
}

#[test]
fn the_core_is_pure() {
    for path in sources(&root().join("src")) {
        let pure = PURE.split(' ').any(|name| name == room(&path));
        if pure && !BUT.iter().any(|file| path.ends_with(file)) {
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
fn bodies_are_read_in_one_file() {
    for path in sources(&root().join("src")) {
        let code: String = code(&path).split_whitespace().collect();
        let found = READS_A_BODY.iter().find(|read| code.contains(*read));
        match (path.ends_with("http/exchange.rs"), found) {
            (true, None) => panic!("it reads them in words that this test does not know"),
            (false, Some(read)) => panic!("{} has {read}", path.display()),
            _ => {}
        }
    }
}

/// What else reads an answer may be no JSON, which takes many times as much memory as it has bytes.
#[test]
fn answers_are_read_as_json_but_for_those_of_git() {
    let but = ["git/connection.rs", "github/client.rs"];
    let files = sources(&root().join("src"));
    let whole = files
        .iter()
        .filter(|path| code(path).contains("incoming.whole("));
    let whole: Vec<_> = whole.collect();
    assert_eq!(whole.len(), but.len(), "{whole:?}");
    for path in whole {
        assert!(but.iter().any(|own| path.ends_with(own)), "{path:?}");
    }
}

#[test]
fn libgit2_is_in_one_room() {
    for path in sources(&root().join("src/")) {
        let text = path.to_str().unwrap();
        let allowed = text.contains("/repository/git/") || path.ends_with("repository/merge.rs");
        assert!(allowed || !code(&path).contains("git2::"), "{text}");
    }
}

#[test]
fn every_path_that_the_architecture_names_exists() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let below = sources(&root().join("src"));
    let mut seen = 0;
    for name in text.split('`').skip(1).step_by(2) {
        let path = name.trim_end_matches('/');
        if path.ends_with(".rs") || path.starts_with("src/") || path.starts_with("tests/") {
            seen += 1;
            let exists = root().join(path).exists()
                || below
                    .iter()
                    .any(|file| file.ancestors().any(|place| place.ends_with(path)));
            assert!(exists, "ARCHITECTURE.md names {name}, which is not there");
        }
    }
    assert!(seen > 10, "the paths were not found");
}

/// All but the last of them, which only an image that was built can show.
#[test]
fn every_promise_names_its_tests() {
    let text = fs::read_to_string(root().join("SECURITY.md")).unwrap();
    let promises = text.split("\n## What it promises\n").nth(1).unwrap();
    let promises = promises.split("\n## ").next().unwrap();
    let promises: Vec<&str> = promises.split("\n- **").skip(1).collect();
    let (image, promises) = promises.split_last().unwrap();
    assert!(image.starts_with("The image "), "{image}");
    for promise in promises {
        let names = promise.split('`').skip(1).step_by(2);
        let mut found = 0;
        for name in names {
            if name.starts_with("src/") || name.starts_with("tests/") {
                found += 1;
                assert!(root().join(name).exists(), "{name} is not there");
            }
            if let Some((story, test)) = name.split_once("::") {
                found += 1;
                let files = [
                    format!("tests/it/{story}.rs"),
                    format!("src/{story}.rs"),
                    format!("src/{story}/mod.rs"),
                ];
                let mut texts = files
                    .iter()
                    .flat_map(|file| fs::read_to_string(root().join(file)));
                let test = format!("#[test]\nfn {test}() {{");
                let is_there = |text: String| text.replace("\n    ", "\n").contains(&test);
                assert!(texts.any(is_there), "{name} is not there");
            }
        }
        assert!(found > 0, "no test: {promise}");
    }
}

#[test]
fn every_file_that_is_changed_to_try_the_tests_exists() {
    let text = fs::read_to_string(root().join(".ci/mutants")).unwrap();
    let files = text
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    let files: Vec<_> = files.filter(|word| word.starts_with("src/")).collect();
    assert!(files.len() > 10, "the files were not found");
    for file in files {
        assert!(root().join(file).is_file(), "{file}");
    }
}
