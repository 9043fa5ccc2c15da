//! `action.yml`, the README and the reference are made of what the code says of inputs, and say the same of
//! outputs. With `UPDATE_README=1` they are written.

use std::path::Path;
use std::{env, fs};

use gitops_deploy::action::inputs::{Definition, GROUPS, all};
use gitops_deploy::action::outputs::OUTPUTS;
use yaml_rust2::{Yaml, YamlLoader};

/// The outputs' names and descriptions.
fn outputs() -> Vec<(String, String)> {
    let action = YamlLoader::load_from_str(include_str!("../../action.yml"))
        .unwrap()
        .remove(0);
    let text = |yaml: &Yaml| yaml.as_str().unwrap_or_default().to_owned();
    let outputs = action["outputs"].as_hash().unwrap().iter();
    let outputs = outputs.map(|(name, entry)| (text(name), text(&entry["description"])));
    outputs.collect()
}

/// A file of the repository is as `make` makes it of what it holds.
fn assert_made(file: &str, make: impl Fn(&str) -> String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let made = make(&fs::read_to_string(&path).unwrap());
    if env::var("UPDATE_README").is_ok_and(|value| value == "1") {
        fs::write(&path, &made).unwrap();
    }
    let held = fs::read_to_string(&path).unwrap();
    assert_eq!(held, made, "cargo test with UPDATE_README=1 writes it");
}

/// The table in a section of the README has these rows.
fn assert_rows(heading: &str, expected: &[String]) {
    assert_made("README.md", |readme| {
        let (_, section) = readme.split_once(&format!("\n## {heading}\n")).unwrap();
        let section = section.split("\n## ").next().unwrap();
        let rows = section.lines().filter(|line| line.starts_with('|'));
        let rows: Vec<&str> = rows.skip(2).collect();
        let updated = section.replace(&rows.join("\n"), &expected.join("\n"));
        readme.replace(section, &updated)
    });
}

/// A text in YAML: in quotes where it would be something else, or where a reader may wonder.
fn scalar(text: &str) -> String {
    let is_other = text == "true" || text == "false" || text.parse::<f64>().is_ok();
    let is_odd = text.contains(": ") || text.contains('#') || text.starts_with('`');
    match is_other || is_odd {
        true => format!("\"{text}\""),
        false => text.to_owned(),
    }
}

#[test]
fn action_yml_declares_the_inputs_that_the_code_reads() {
    let mut inputs = String::new();
    for input in all() {
        let description = scalar(input.description);
        inputs += &format!("  {}:\n    description: {description}\n", input.name);
        if !input.default.is_empty() {
            inputs += &format!("    default: {}\n", scalar(input.default));
        }
    }
    assert_made("action.yml", |action| {
        let (before, rest) = action.split_once("\ninputs:\n").unwrap();
        let (_, after) = rest.split_once("\noutputs:\n").unwrap();
        format!("{before}\ninputs:\n{inputs}outputs:\n{after}")
    });
}

#[test]
fn action_yml_declares_the_outputs_that_the_code_sets() {
    let outputs = outputs();
    let names: Vec<&str> = outputs.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, OUTPUTS);
}

#[test]
fn every_input_and_output_is_described() {
    let outputs = outputs();
    let outputs = outputs
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()));
    let inputs = all().map(|input| (input.name, input.description));
    for (name, description) in inputs.chain(outputs) {
        assert!(description.ends_with('.'), "{name}: {description:?}");
    }
}

/// Those that most workflows need.
const USUAL: [&str; 12] = [
    "repository",
    "file",
    "image",
    "token",
    "branch",
    "operation",
    "set",
    "commit-message",
    "dry-run",
    "pull-request",
    "verify-image",
    "argocd-application",
];

#[test]
fn the_readme_has_the_usual_inputs() {
    let rows = USUAL.map(|name| {
        let input = all().find(|input| input.name == name).unwrap();
        let default = match input.default {
            "" => String::new(),
            default => format!("`{default}`"),
        };
        // A sentence will do here: the reference has them all.
        let (first, _) = input
            .description
            .split_once(". ")
            .unwrap_or((input.description, ""));
        format!(
            "| `{name}` | {default} | {}. |",
            first.trim_end_matches('.')
        )
    });
    assert_rows("The usual inputs", &rows);
    let readme = include_str!("../../README.md");
    assert!(
        readme.lines().count() <= 150,
        "the README is for the first five minutes"
    );
}

/// What it was called before.
fn old_names(input: &Definition) -> String {
    let old = input.old_names.iter();
    let old = old.map(|name| format!(" Its old name, `{name}`, still works."));
    old.collect()
}

/// What has to be on for it to mean anything.
fn switches(input: &Definition) -> String {
    let names = input
        .needs
        .iter()
        .map(|needed| format!("`{}`", needed.name));
    match names.collect::<Vec<_>>().join(" or ") {
        names if names.is_empty() => names,
        names => format!(", with {names}"),
    }
}

#[test]
fn the_reference_is_made_of_action_yml() {
    let mut page = String::from(
        "# Reference\n\nLists are one item a line; blank lines and lines that begin with `#` are skipped. An empty value \
         means \"not\ngiven\". Booleans are `true` and `false`. In a name `_` counts as `-`, in any case. What is \
         wrong with the inputs is\nreported all at once, before anything is written. An unknown input is an error, \
         and so is one that has no effect\nwithout another that switches it on. One that another operation \
         uses is an error where an update or a\npromotion would deploy without what it asks for, and a warning \
         otherwise.\n\n## Inputs\n",
    );
    for (group, inputs) in GROUPS {
        page.push_str(&format!("\n### {group}\n"));
        for input in *inputs {
            page.push_str(&described(input));
        }
    }
    page.push_str("\n## Outputs\n\nEvery one is set on every successful run, perhaps empty; after a deployment that landed and\nfailed its verification as well.\n");
    for (name, description) in outputs() {
        page.push_str(&format!("\n#### `{name}`\n\n{description}\n"));
    }
    assert_made("docs/reference.md", |_| page.clone());
}

fn described(input: &Definition) -> String {
    let users: Vec<String> = input
        .used_by
        .iter()
        .map(|operation| format!("`{}`", operation.name()))
        .collect();
    let default = match input.default {
        "" => String::new(),
        default => format!(" Default `{default}`."),
    };
    format!(
        "\n#### `{}`\n\n{}{default}{}\n\nUsed by {}{}.\n",
        input.name,
        input.description.replace("](docs/", "]("),
        old_names(input),
        users.join(", "),
        switches(input)
    )
}
