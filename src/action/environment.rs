//! The environment, read once, so that nothing else depends on a global.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::secrets::redacted;

/// The variables of a process. Empty ones count as not there, as the runner means them.
#[derive(Debug, Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// Takes the variables as the operating system gives them; what is no UTF-8 in them is replaced
    /// (U+FFFD), which no input accepts.
    pub fn new(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let text = |os: OsString| os.to_string_lossy().into_owned();
        Self(
            variables
                .into_iter()
                .map(|(name, value)| (text(name), text(value)))
                .collect(),
        )
    }

    /// A variable's value, if it has one.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// Appends to the file that a variable names, as the runner takes summaries, without secrets. Returns
    /// whether there is such a variable.
    ///
    /// # Errors
    /// When the file can't be written, with its name and the variable's.
    pub fn append(&self, variable: &str, text: &str) -> io::Result<bool> {
        self.append_shown(variable, &redacted(text))
    }

    /// The same of values by their names, as the runner takes outputs. Later steps read them by these names, which hold
    /// no secret, whatever words a secret is made of.
    ///
    /// # Errors
    /// When the file can't be written, with its name and the variable's.
    pub fn append_values<'v>(
        &self,
        variable: &str,
        values: impl Iterator<Item = (&'static str, &'v str)>,
    ) -> io::Result<bool> {
        let mut text = String::new();
        for (name, value) in values {
            text.push_str(&entry(name, &redacted(value))?);
        }
        self.append_shown(variable, &text)
    }

    fn append_shown(&self, variable: &str, text: &str) -> io::Result<bool> {
        let Some(path) = self.get(variable) else {
            return Ok(false);
        };
        let file = OpenOptions::new().append(true).create(true).open(path);
        let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
        written.map(|()| true).map_err(|error| {
            let text = format!("{path} ({variable}) can't be written: {error}.");
            io::Error::new(error.kind(), text)
        })
    }

    /// Writes a file for later steps into the workspace, or else into the current directory, without
    /// secrets. What is there is replaced: a link is not followed, a pipe not waited for.
    ///
    /// # Errors
    /// When the file can't be written, with its name.
    pub fn write_to_workspace(&self, name: &str, content: &str) -> io::Result<()> {
        let directory = Path::new(self.get("GITHUB_WORKSPACE").unwrap_or("."));
        let path = directory.join(name);
        let write = || {
            let mut file = tempfile::Builder::new()
                .permissions(Permissions::from_mode(0o644))
                .tempfile_in(directory)?;
            file.write_all(redacted(content).as_bytes())?;
            file.persist(&path)?;
            Ok::<_, io::Error>(())
        };
        write().map_err(|error| {
            let text = format!("{} can't be written: {error}.", path.display());
            io::Error::new(error.kind(), text)
        })
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// One value, between delimiters that none can guess.
fn entry(name: &str, value: &str) -> io::Result<String> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| io::Error::other(error.to_string()))?;
    let delimiter = format!("ghadelimiter_{:032x}", u128::from_ne_bytes(random));
    Ok(format!("{name}<<{delimiter}\n{value}\n{delimiter}\n"))
}

impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(variables: [(&str, &str); N]) -> Self {
        Self(
            variables
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
        )
    }
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
