//! The inputs of one run, and what is found wrong with them.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};

use super::definition::{Definition, Input, Problems};
use super::parse::list;
use crate::action::environment::Environment;

/// The texts that are not empty, by the names of their inputs, whether there are such inputs or not. Any
/// of them may be a secret, by its name or by mistake.
#[derive(Default)]
pub struct Given {
    texts: BTreeMap<String, SecretString>,
    /// What was found wrong so far.
    pub problems: Vec<String>,
}

impl Given {
    pub fn new(environment: &Environment) -> Result<Self, envy::Error> {
        let given = environment
            .iter()
            .filter(|(_, text)| !text.trim().is_empty());
        let given = given.map(|(name, text)| (name.to_owned(), text.trim().to_owned()));
        Ok(Self {
            texts: envy::prefixed("INPUT_").from_iter(given)?,
            problems: Vec::new(),
        })
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let texts = self.texts.iter();
        texts.map(|(name, text)| (name.as_str(), text.expose_secret()))
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
        let told = &mut self.problems;
        (!text.is_empty()).then(|| parse(text, &mut Problems { input, told }))?
    }

    /// Tells what is wrong with an input in view of others.
    pub fn refuse<T>(&mut self, input: &'static Input<T>, why: impl std::fmt::Display) {
        self.problems_of(input).add(why);
    }

    /// What is wrong with one input.
    pub fn problems_of<T>(&mut self, input: &'static Input<T>) -> Problems<'_> {
        Problems {
            input: &input.definition,
            told: &mut self.problems,
        }
    }
}
