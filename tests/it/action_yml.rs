//! `action.yml`, the README and the code say the same of inputs and outputs.

use std::{env, fs};

use gitops_deploy::action::inputs::INPUTS;
use gitops_deploy::action::outputs::OUTPUTS;
use yaml_rust2::{Yaml, YamlLoader};

/// An input or an output.
struct Declared {
    name: String,
    description: String,
    default: String,
}

fn declared(section: &str) -> Vec<Declared> {
    let action = YamlLoader::load_from_str(include_str!("../../action.yml"))
        .unwrap()
        .remove(0);
    let text = |yaml: &Yaml| yaml.as_str().unwrap_or_default().to_owned();
    let section = action[section].as_hash().unwrap();
    section
        .iter()
        .map(|(name, entry)| Declared {
            name: text(name),
            description: text(&entry["description"]),
            default: text(&entry["default"]),
        })
        .collect()
}

fn names(section: &str) -> Vec<String> {
    declared(section)
        .into_iter()
        .map(|entry| entry.name)
        .collect()
}

/// The table in a section of the README has these rows. With `UPDATE_README=1` it gets them.
fn assert_rows(heading: &str, expected: &[String]) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let readme = fs::read_to_string(path).unwrap();
    let start = readme.find(&format!("\n## {heading}\n")).unwrap();
    let section = readme[start + 1..].split("\n## ").next().unwrap();
    let rows: Vec<&str> = section
        .lines()
        .filter(|line| line.starts_with('|'))
        .skip(2)
        .collect();
    if env::var("UPDATE_README").is_ok_and(|value| value == "1") {
        let updated = section.replace(&rows.join("\n"), &expected.join("\n"));
        fs::write(path, readme.replace(section, &updated)).unwrap();
    } else {
        assert_eq!(rows, expected, "cargo test with UPDATE_README=1 writes it");
    }
}

#[test]
fn action_yml_declares_the_inputs_that_the_code_reads() {
    let read: Vec<_> = INPUTS.iter().map(|input| input.name).collect();
    assert_eq!(names("inputs"), read);
}

#[test]
fn action_yml_declares_the_outputs_that_the_code_sets() {
    assert_eq!(names("outputs"), OUTPUTS);
}

#[test]
fn every_input_and_output_is_described() {
    for entry in declared("inputs").into_iter().chain(declared("outputs")) {
        assert!(
            entry.description.ends_with('.'),
            "{}: {:?}",
            entry.name,
            entry.description
        );
    }
}

#[test]
fn the_defaults_are_the_codes() {
    for (declared, read) in declared("inputs").iter().zip(INPUTS) {
        // What depends on the run is no text that the code could know.
        if !declared.default.starts_with("${{") {
            assert_eq!(declared.default, read.default, "{}", declared.name);
        }
    }
}

#[test]
fn the_readme_lists_what_action_yml_does() {
    let inputs: Vec<String> = declared("inputs")
        .into_iter()
        .map(
            |Declared {
                 name,
                 description,
                 default,
             }| match default.as_str() {
                "" => format!("| `{name}` | | {description} |"),
                default => format!("| `{name}` | `{default}` | {description} |"),
            },
        )
        .collect();
    assert_rows("Inputs", &inputs);
    let outputs: Vec<String> = declared("outputs")
        .into_iter()
        .map(
            |Declared {
                 name, description, ..
             }| format!("| `{name}` | {description} |"),
        )
        .collect();
    assert_rows("Outputs", &outputs);
}

/// `docs/reference.md`. With `UPDATE_README=1` it is written.
#[test]
fn the_reference_is_made_of_action_yml() {
    let mut page = String::from(
        "# Reference\n\nMade of `action.yml` by the tests. Lists are one item a line; blank lines and lines \
         that begin with `#`\nare skipped, and an empty value means \"not given\". Booleans are `true` and \
         `false`.\n\n## Inputs\n",
    );
    for (entry, input) in declared("inputs").iter().zip(INPUTS) {
        let users: Vec<String> = input
            .used_by
            .iter()
            .map(|operation| format!("`{}`", operation.name()))
            .collect();
        let default = match entry.default.as_str() {
            "" => String::new(),
            default => format!(" Default `{default}`."),
        };
        page.push_str(&format!(
            "\n### `{}`\n\n{}{default}\n\nUsed by {}.\n",
            entry.name,
            entry.description.replace("](docs/", "]("),
            users.join(", ")
        ));
    }
    page.push_str("\n## Outputs\n\nEvery one is set on every successful run, perhaps empty; after a deployment that landed and\nfailed its verification as well.\n");
    for entry in declared("outputs") {
        page.push_str(&format!(
            "\n### `{}`\n\n{}\n",
            entry.name, entry.description
        ));
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reference.md");
    if env::var("UPDATE_README").is_ok_and(|value| value == "1") {
        fs::write(path, &page).unwrap();
    }
    assert_eq!(
        fs::read_to_string(path).unwrap(),
        page,
        "cargo test with UPDATE_README=1 writes it"
    );
}
