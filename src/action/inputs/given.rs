//! The inputs of one run, and what is found wrong with them.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};

use super::definition::{Definition, Input, Problems, Unfilled};
use super::job::Job;
use super::parse::list;

const UNFILLED: &str = "a placeholder (`${{ … }}`) that GitHub did not fill in";
const ONLY_IN_YAML: &str = "it evaluates expressions only in the YAML of a workflow or an action";

/// The texts that are not empty, by the names of their inputs.
#[derive(Default)]
pub struct Given {
    pub(super) texts: BTreeMap<&'static str, SecretString>,
    /// What was given with the value that it has where it is left out: the runner sends that too.
    pub(super) defaults: Vec<&'static str>,
    /// The job that they were given in.
    pub job: Job,
    /// What was found wrong so far.
    pub problems: Vec<String>,
    /// What looks wrong and is no reason to stop.
    pub warnings: Vec<String>,
}

impl Given {
    /// Whether somebody gave an input a value: one that it does not have anyway, and that says something.
    pub fn is_given(&self, input: &Definition) -> bool {
        let text = self.text(input);
        let says_something = text.is_some_and(|text| list(text).next().is_some());
        says_something && !self.defaults.contains(&input.name)
    }

    /// The text of an input as it was given.
    pub fn text(&self, input: &Definition) -> Option<&str> {
        self.texts.get(input.name).map(ExposeSecret::expose_secret)
    }

    pub fn has<T>(&self, input: &Input<T>) -> bool {
        self.text(&input.definition).is_some()
    }

    /// Whether a list has a line.
    pub fn has_lines<T>(&self, input: &Input<T>) -> bool {
        let text = self.text(&input.definition);
        text.is_some_and(|text| list(text).next().is_some())
    }

    /// The value of an input, given or by default. None where there is neither, or something is wrong with
    /// it, which is told then.
    pub fn read<T>(&mut self, input: &'static Input<T>) -> Option<T> {
        let (input, parse) = (&input.definition, input.parse);
        let given = self.texts.get(input.name).map(ExposeSecret::expose_secret);
        let text = given.unwrap_or(input.fallback);
        let mut problems = Problems {
            input,
            told: &mut self.problems,
            warned: &mut self.warnings,
        };
        let mut unfilled = list(text).filter(|line| line.contains("${{")).peekable();
        if unfilled.peek().is_some() {
            match input.unfilled {
                Unfilled::Refused => {
                    for line in unfilled {
                        problems.quote(line, format!("{UNFILLED}: {ONLY_IN_YAML}"));
                    }
                    return None;
                }
                Unfilled::Warned => {
                    problems.warn(format!("{UNFILLED} stays as text: {ONLY_IN_YAML}"));
                }
                Unfilled::Parsed => {}
            }
        }
        (!text.is_empty()).then(|| parse(text, &mut problems))?
    }

    /// Tells what is wrong with an input in view of others.
    pub fn refuse<T>(&mut self, input: &'static Input<T>, why: impl std::fmt::Display) {
        self.problems_of(input).add(why);
    }

    /// The same for an input of whatever type.
    pub fn problem(&mut self, input: &'static Definition, why: impl std::fmt::Display) {
        self.problems_with(input).add(why);
    }

    /// What is wrong with one input.
    pub fn problems_of<T>(&mut self, input: &'static Input<T>) -> Problems<'_> {
        self.problems_with(&input.definition)
    }

    fn problems_with(&mut self, input: &'static Definition) -> Problems<'_> {
        Problems {
            input,
            told: &mut self.problems,
            warned: &mut self.warnings,
        }
    }
}
