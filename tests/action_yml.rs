//! `action.yml`, the README and the code say the same of inputs and outputs.

#![allow(clippy::unwrap_used)]

use gitops_deploy::action::inputs::{DEFAULT_AUTHOR, INPUTS};
use gitops_deploy::action::outputs::OUTPUTS;
use yaml_rust2::{Yaml, YamlLoader};

/// An input or an output.
struct Declared {
    name: String,
    description: String,
    default: String,
}

fn declared(section: &str) -> Vec<Declared> {
    let action = YamlLoader::load_from_str(include_str!("../action.yml"))
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

/// The rows of the table in a section of the README.
fn rows(heading: &str) -> Vec<&'static str> {
    let readme = include_str!("../README.md");
    let section = readme.split(&format!("\n## {heading}\n")).nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    section
        .lines()
        .filter(|line| line.starts_with('|'))
        .skip(2)
        .collect()
}

#[test]
fn action_yml_declares_the_inputs_that_the_code_reads() {
    assert_eq!(names("inputs"), INPUTS);
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
fn the_default_author_is_the_codes() {
    let inputs = declared("inputs");
    let default = |name: &str| {
        inputs
            .iter()
            .find(|input| input.name == name)
            .unwrap()
            .default
            .clone()
    };
    assert_eq!(
        (
            default("author-name").as_str(),
            default("author-email").as_str()
        ),
        DEFAULT_AUTHOR
    );
}

#[test]
fn the_readme_lists_the_inputs_as_action_yml_does() {
    let expected: Vec<String> = declared("inputs")
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
    assert_eq!(rows("Inputs"), expected);
}

#[test]
fn the_readme_lists_the_outputs_as_action_yml_does() {
    let expected: Vec<String> = declared("outputs")
        .into_iter()
        .map(
            |Declared {
                 name, description, ..
             }| format!("| `{name}` | {description} |"),
        )
        .collect();
    assert_eq!(rows("Outputs"), expected);
}
