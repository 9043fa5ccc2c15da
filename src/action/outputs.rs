//! What later steps get: `GITHUB_OUTPUT`.

use std::io;

use super::environment::Environment;
use super::log::Log;
use crate::operation::Progress as _;
use crate::operation::update::Report;

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

/// The outputs of an update.
pub fn of_update(report: &Report) -> Vec<(&'static str, String)> {
    let values = [
        report.changed().to_string(),
        report
            .commit
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        report.commit_url().unwrap_or_default(),
        report.branch.to_string(),
        report.new_images().join("\n"),
        report.old_images().join("\n"),
        report.files.join("\n"),
        report.diff.clone(),
    ];
    OUTPUTS.into_iter().zip(values).collect()
}

/// Hands outputs to the runner. Where there is none, they are printed.
///
/// # Errors
/// When the runner's file can't be written.
pub fn write(
    environment: &Environment,
    log: &mut Log,
    outputs: &[(&'static str, String)],
) -> io::Result<()> {
    let mut text = String::new();
    for (name, value) in outputs {
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
