//! What later steps get: `GITHUB_OUTPUT`.

use std::io;

use super::environment::Environment;
use super::log::Log;
use crate::operation::Progress as _;
use crate::operation::landing::Report;

/// Every output there is, in the order of `action.yml`.
pub const OUTPUTS: [&str; 8] = [
    "changed",
    "commit-sha",
    "commit-url",
    "branch",
    "image",
    "previous-image",
    "files",
    "diff",
];

/// The outputs of one run: a value for every name, empty where nothing set it.
#[derive(Debug)]
pub struct Outputs([String; OUTPUTS.len()]);

impl Outputs {
    /// None set.
    pub fn new() -> Self {
        Self(std::array::from_fn(|_| String::new()))
    }

    /// Sets the output `name`, which is one of [`OUTPUTS`].
    pub fn set(&mut self, name: &str, value: impl ToString) {
        let index = OUTPUTS.iter().position(|own| *own == name);
        debug_assert!(index.is_some(), "there is no output {name}");
        if let Some(index) = index {
            self.0[index] = value.to_string();
        }
    }

    /// All of them, in the order of `action.yml`.
    fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        OUTPUTS.into_iter().zip(self.0.iter().map(String::as_str))
    }
}

impl Default for Outputs {
    fn default() -> Self {
        Self::new()
    }
}

/// The outputs of what landed.
pub fn of_landing(report: &Report) -> Outputs {
    let mut outputs = Outputs::new();
    outputs.set("changed", report.changed());
    if let Some(commit) = &report.commit {
        outputs.set("commit-sha", commit);
    }
    outputs.set("commit-url", report.commit_url().unwrap_or_default());
    outputs.set("branch", &report.branch);
    outputs.set("image", report.new_images().join("\n"));
    outputs.set("previous-image", report.old_images().join("\n"));
    outputs.set("files", report.files.join("\n"));
    outputs.set("diff", &report.diff);
    outputs
}

/// Hands outputs to the runner. Where there is none, they are printed.
///
/// # Errors
/// When the runner's file can't be written.
pub fn write(environment: &Environment, log: &mut Log, outputs: &Outputs) -> io::Result<()> {
    let mut text = String::new();
    for (name, value) in outputs.iter() {
        text.push_str(&entry(name, value)?);
    }
    if !environment.append("GITHUB_OUTPUT", &text)? {
        let lines = outputs
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        log.group("Outputs", &lines.collect::<Vec<_>>().join("\n"));
    }
    Ok(())
}

/// One output, between delimiters that no value can guess.
fn entry(name: &str, value: &str) -> io::Result<String> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| io::Error::other(error.to_string()))?;
    let delimiter = format!("ghadelimiter_{:032x}", u128::from_ne_bytes(random));
    Ok(format!("{name}<<{delimiter}\n{value}\n{delimiter}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_end_its_output() {
        let first = entry("diff", "a\nEOF\nx=1").unwrap();
        let second = entry("diff", "").unwrap();
        let delimiter = |entry: &str| {
            entry
                .lines()
                .next()
                .unwrap()
                .split_once("<<")
                .unwrap()
                .1
                .to_owned()
        };
        assert_ne!(delimiter(&first), delimiter(&second));
        assert_eq!(first.lines().last().unwrap(), delimiter(&first));
    }
}
