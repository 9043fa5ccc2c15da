//! The environment, read once, so that nothing else depends on a global.

use std::collections::BTreeMap;
use std::ffi::OsString;

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

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
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
