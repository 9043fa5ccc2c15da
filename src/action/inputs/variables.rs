//! From the variables of the environment to the inputs that they are.

use std::collections::BTreeMap;

use super::definition::{Definition, Naming};
use super::given::Given;
use super::groups::all;
use super::job::Job;
use crate::action::environment::Environment;
use crate::nearest::alike;

/// What the runner calls the variable of an input, but for the input's name: that in upper case, with
/// its hyphens. Of other variables a container gets only those of the workflow's `env:`, none of the
/// machine's or of another action's.
/// Source: `ContainerActionHandler.cs` and `Handler.cs` in actions/runner.
const PREFIX: &str = "INPUT_";
/// Inputs that the runner takes for itself, as every container action has them.
const OF_THE_RUNNER: [&str; 2] = ["entrypoint", "args"];

/// A variable that is an input.
struct Variable<'a> {
    name: &'a str,
    text: &'a str,
    naming: Naming,
    is_default: bool,
}

/// What is in the environment for an input, or what looks like it; the texts trimmed, and not empty.
fn variables(environment: &Environment) -> impl Iterator<Item = (&str, &str)> {
    let texts = environment.iter().filter_map(|(variable, text)| {
        let (name, text) = (variable.strip_prefix(PREFIX)?, text.trim());
        (!text.is_empty()).then_some((name, text))
    });
    texts.filter(|(name, _)| !OF_THE_RUNNER.contains(&name.to_lowercase().as_str()))
}

/// Every text that was given for an input, by whatever name.
pub fn texts<'a>(environment: &'a Environment, input: &Definition) -> Vec<&'a str> {
    let own = variables(environment).filter(|(name, _)| input.is_named(name).is_some());
    own.map(|(_, text)| text).collect()
}

/// Whether there is something for an input that is neither empty nor says anything: blanks, line ends, comments.
pub fn is_hollow(environment: &Environment, given: &Given, input: &Definition) -> bool {
    let is_named = |name: &str| input.is_named(name).is_some();
    let mut texts = environment.iter().filter(|(variable, text)| {
        !text.is_empty() && variable.strip_prefix(PREFIX).is_some_and(is_named)
    });
    !given.is_given(input) && texts.next().is_some()
}

/// What the environment gives of the inputs, with a problem for each variable that is none.
pub fn given(environment: &Environment) -> Given {
    let mut given = Given {
        job: Job::of(environment),
        ..Given::default()
    };
    let mut found: BTreeMap<&'static str, Vec<Variable<'_>>> = BTreeMap::new();
    for (name, text) in variables(environment) {
        let mut known = all().filter_map(|input| Some((input, input.is_named(name)?)));
        let Some((input, naming)) = known.next() else {
            given.problems.push(unknown(name));
            continue;
        };
        let is_default = is_default(input, text, environment);
        found.entry(input.name).or_default().push(Variable {
            name,
            text,
            naming,
            is_default,
        });
    }
    for (input, variables) in found {
        take(&mut given, input, variables);
    }
    given
}

/// One text of all the variables that were given for an input.
fn take(given: &mut Given, input: &'static str, mut variables: Vec<Variable<'_>>) {
    for variable in &variables {
        if let Naming::Old(old) = variable.naming {
            let warning =
                format!("The input `{old}` is now called `{input}`: rename it in the workflow");
            given.warnings.push(warning);
        }
    }
    // Its default is there beside another spelling of it because nobody wrote it.
    if variables.len() > 1 {
        variables.retain(|variable| !variable.is_default);
    }
    let Some(variable) = variables.first() else {
        return;
    };
    if variables.iter().any(|other| other.text != variable.text) {
        let names: Vec<String> = variables
            .iter()
            .map(|variable| format!("{PREFIX}{}", variable.name))
            .collect();
        given.problems.push(format!(
            "`{input}`: given more than once, with different values: {}. Keep one of them",
            names.join(" and ")
        ));
    }
    if variable.is_default {
        given.defaults.push(input);
    }
    given.texts.insert(input, variable.text.into());
}

/// Whether a text is what an input is where it is left out.
fn is_default(input: &Definition, text: &str, environment: &Environment) -> bool {
    // `${{ github.server_url }}`, which a job has as GITHUB_SERVER_URL.
    let of_run = input.default.strip_prefix("${{ github.");
    match of_run.and_then(|of_run| of_run.strip_suffix(" }}")) {
        Some(name) => {
            environment.get(&format!("GITHUB_{}", name.to_uppercase())) == Some(text)
                || text == input.fallback
        }
        None => text.eq_ignore_ascii_case(input.default),
    }
}

/// What is said of an input that there is not.
fn unknown(name: &str) -> String {
    let shown = name.to_lowercase();
    let hint = match alike(&shown, all().map(|input| input.name)).first() {
        Some(candidate) => format!("did you mean `{candidate}`?"),
        None => format!(
            "docs/reference.md of the action lists them all. If the workflow sets {PREFIX}{name} for something else, set it to \
             an empty text in this step's `env`"
        ),
    };
    format!("`{shown}`: unknown input: {hint}")
}
