//! Which files of one stage belong to which files of another.
//!
//! Pure: knows no file system. A line such as `envs/staging/{app}/values.yaml` gives a part of the path a
//! name; files of two stages belong together where the names that both have stand for the same.

use std::collections::BTreeMap;
use std::fmt;

use globset::{GlobBuilder, GlobMatcher};

use crate::files::{FileSelection, PathError, Pattern, RepoPath, lone_alternative};

/// The files of a stage, as its lines name them.
#[derive(Debug, Clone)]
pub struct Stage {
    lines: Vec<Line>,
    exclude: Vec<Pattern>,
}

/// What the names of a line stand for in one path.
pub type Names = BTreeMap<String, String>;

/// One line.
#[derive(Debug, Clone)]
enum Line {
    /// Without names.
    Plain(Pattern),
    /// With some.
    Named(Named),
}

/// `envs/staging/{app}/values.yaml`
#[derive(Debug, Clone)]
struct Named {
    /// As it was written.
    text: String,
    /// The same with `*` for each name.
    glob: Pattern,
    components: Vec<Component>,
}

/// What stands between two slashes.
#[derive(Debug, Clone)]
enum Component {
    /// Text and wildcards.
    Glob(GlobMatcher),
    /// A name with what stands before and behind it.
    Name {
        before: String,
        name: String,
        behind: String,
    },
}

/// Why a text is no line of a [`Stage`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StageError {
    /// It is no path and no glob.
    #[error(transparent)]
    Path(#[from] PathError),
    /// `{app}-{region}.yaml`, `{app}*.yaml`
    #[error(
        "`{component}` has `{{{name}}}` beside another name or a wildcard, so what it stands for is not clear: keep one between two slashes"
    )]
    Ambiguous {
        /// What stands between the slashes.
        component: String,
        /// The first name in it.
        name: String,
    },
    /// `envs/{Stage}/web.yaml`
    #[error(
        "`{{{text}}}` is not a name for a part of the path: a name is made of `a-z`, `0-9`, `-` and `_`, such as `{{stage}}`"
    )]
    NotAName {
        /// What is in the braces.
        text: String,
    },
    /// `**/{app}.yaml`
    #[error(
        "`**` beside `{{{name}}}`: how many directories it stands for is not clear. Write each as `*`, or give it a name"
    )]
    AnyDepth {
        /// The first name of the line.
        name: String,
    },
}

impl Stage {
    /// Reads the lines of an input; one that begins with `!` excludes.
    ///
    /// # Errors
    /// Every line that can't be read, with why.
    pub fn new<'l>(
        lines: impl Iterator<Item = &'l str>,
    ) -> Result<Self, Vec<(&'l str, StageError)>> {
        let (mut include, mut exclude, mut wrong) = (Vec::new(), Vec::new(), Vec::new());
        for line in lines {
            match line.strip_prefix('!') {
                Some(text) => match text.trim().parse() {
                    Ok(pattern) => exclude.push(pattern),
                    Err(error) => wrong.push((line, StageError::Path(error))),
                },
                None => match Line::new(line) {
                    Ok(line) => include.push(line),
                    Err(error) => wrong.push((line, error)),
                },
            }
        }
        match wrong.is_empty() {
            true => Ok(Self {
                lines: include,
                exclude,
            }),
            false => Err(wrong),
        }
    }

    /// Whether there is no line that includes anything.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The names in its lines, each once.
    pub fn all_names(&self) -> Vec<&str> {
        let mut all = Vec::new();
        for line in &self.lines {
            if let Line::Named(named) = line {
                all.extend(names_in(&named.text).map(|found| found.name));
            }
        }
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The files, whatever the names stand for.
    pub fn files(&self) -> FileSelection {
        let include = self.lines.iter().map(|line| match line {
            Line::Plain(pattern) => pattern.clone(),
            Line::Named(named) => named.glob.clone(),
        });
        FileSelection {
            include: include.collect(),
            exclude: self.exclude.clone(),
            beside: None,
        }
    }

    /// What the names stand for in `path`, by the first line that it matches: none where it is no file of
    /// the stage.
    pub fn names(&self, path: &RepoPath) -> Option<Names> {
        if self.exclude.iter().any(|pattern| pattern.matches(path)) {
            return None;
        }
        self.lines.iter().find_map(|line| match line {
            Line::Plain(pattern) => pattern.matches(path).then(Names::new),
            Line::Named(named) => named.names(path),
        })
    }
}

/// The name of the part of a path that says which stage it is of.
pub const STAGE: &str = "stage";

/// Where a file is among the stages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// What the stage is called.
    pub stage: String,
    /// What else the path names: `app`.
    pub names: Names,
}

impl Stage {
    /// The names of parts of the paths, where there are some and none of them is `{stage}`.
    pub fn names_without_stage(&self) -> Option<Vec<&str>> {
        let names = self.all_names();
        (!names.is_empty() && !names.contains(&STAGE)).then_some(names)
    }

    /// Where each of `paths` is, of those that are of these files. The stage is what `{stage}` stands for;
    /// where a line has none, the directories of the file that have no name and no wildcard, without those
    /// that all have. Of files that are in the same ones it is `alone`.
    pub fn positions<'p>(
        &self,
        paths: impl Iterator<Item = &'p RepoPath>,
        alone: &str,
    ) -> Vec<(&'p RepoPath, Position)> {
        let mut found: Vec<(&RepoPath, Option<String>, Vec<String>, Names)> = Vec::new();
        for path in paths {
            let Some(mut names) = self.names(path) else {
                continue;
            };
            let stage = names.remove(STAGE);
            found.push((path, stage, self.directories(path), names));
        }
        let unnamed = || found.iter().filter(|one| one.1.is_none()).map(|one| &one.2);
        let first = unnamed().next().cloned().unwrap_or_default();
        let shortest = unnamed().map(Vec::len).min().unwrap_or_default();
        let same = |at: fn(&[String], usize) -> Option<&String>| {
            let is_common = |n: &usize| unnamed().all(|own| at(own, *n) == at(&first, *n));
            (0..shortest).take_while(is_common).count()
        };
        let head = same(|own, n| own.get(n));
        let tail = same(|own, n| own.iter().rev().nth(n)).min(shortest - head);
        let positions = found.into_iter().map(|(path, stage, directories, names)| {
            let own = directories.get(head..directories.len().saturating_sub(tail));
            let stage = stage.unwrap_or_else(|| match own.unwrap_or_default() {
                [] => alone.to_owned(),
                own => own.join("/"),
            });
            (path, Position { stage, names })
        });
        positions.collect()
    }

    /// The directories of a file that say of which stage it is where no name does.
    fn directories(&self, path: &RepoPath) -> Vec<String> {
        let line = self.lines.iter().find_map(|line| match line {
            Line::Plain(pattern) => pattern.matches(path).then_some(None),
            Line::Named(named) => named.names(path).map(|_| Some(named)),
        });
        let (directories, _) = path.as_str().rsplit_once('/').unwrap_or_default();
        let directories = directories.split('/').filter(|part| !part.is_empty());
        let fixed = directories.zip(0..).take_while(|(_, n)| match line.flatten() {
            Some(named) => matches!(named.components.get(*n), Some(Component::Glob(glob)) if !is_wild(glob.glob().glob())),
            None => true,
        });
        fixed.map(|(part, _)| part.to_owned()).collect()
    }
}

fn is_wild(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}

/// Whether two files belong together: what both name is the same.
pub fn belong_together(one: &Names, other: &Names) -> bool {
    let mut common = one
        .iter()
        .filter_map(|(name, value)| Some((value, other.get(name)?)));
    common.all(|(value, other)| value == other)
}

impl Line {
    fn new(text: &str) -> Result<Self, StageError> {
        let mut starred = text.to_owned();
        for Found { name, .. } in names_in(text) {
            starred = starred.replace(&format!("{{{name}}}"), "*");
        }
        if let Some(other) = lone_alternative(&starred) {
            let text = other.to_owned();
            return Err(StageError::NotAName { text });
        }
        let Some(first) = names_in(text).next() else {
            return Ok(Self::Plain(text.parse()?));
        };
        let name = first.name.to_owned();
        if text.split('/').any(|component| component.contains("**")) {
            return Err(StageError::AnyDepth { name });
        }
        // Whether it can name files of a repository is said by the same rule as for every other.
        let glob = starred.parse::<Pattern>()?.told_as(text);
        let components = text
            .split('/')
            .filter(|component| !component.is_empty() && *component != ".")
            .map(Component::new)
            .collect::<Result<_, _>>()?;
        Ok(Self::Named(Named {
            text: text.to_owned(),
            glob,
            components,
        }))
    }
}

/// A name in a text.
struct Found<'t> {
    before: &'t str,
    name: &'t str,
    behind: &'t str,
}

/// The names in a text: words of `a-z`, `0-9`, `-` and `_` in braces. With a comma it is a list of
/// alternatives, as in any glob.
fn names_in(text: &str) -> impl Iterator<Item = Found<'_>> {
    let is_name = |word: &str| {
        let mut letters = word.chars();
        letters.next().is_some_and(|c| c.is_ascii_lowercase())
            && letters
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_'))
    };
    let opening = text.match_indices('{');
    opening.filter_map(move |(at, _)| {
        let (name, behind) = text.get(at + 1..)?.split_once('}')?;
        let before = text.get(..at)?;
        is_name(name).then_some(Found {
            before,
            name,
            behind,
        })
    })
}

impl Component {
    fn new(text: &str) -> Result<Self, StageError> {
        let Some(Found {
            before,
            name,
            behind,
        }) = names_in(text).next()
        else {
            let glob = GlobBuilder::new(text).literal_separator(true).build();
            let glob = glob.map_err(|error| PathError::Glob(error.kind().to_string()))?;
            return Ok(Self::Glob(glob.compile_matcher()));
        };
        let special = ['*', '?', '[', ']', '{', '}'];
        if before.contains(special) || behind.contains(special) {
            return Err(StageError::Ambiguous {
                component: text.to_owned(),
                name: name.to_owned(),
            });
        }
        Ok(Self::Name {
            before: before.to_owned(),
            name: name.to_owned(),
            behind: behind.to_owned(),
        })
    }
}

impl Named {
    fn names(&self, path: &RepoPath) -> Option<Names> {
        let parts: Vec<&str> = path.as_str().split('/').collect();
        if parts.len() != self.components.len() {
            return None;
        }
        let mut names = Names::new();
        for (component, part) in self.components.iter().zip(parts) {
            match component {
                Component::Glob(glob) => {
                    if !glob.is_match(part) {
                        return None;
                    }
                }
                Component::Name {
                    before,
                    name,
                    behind,
                } => {
                    let value = part.strip_prefix(before.as_str())?;
                    let value = value.strip_suffix(behind.as_str())?;
                    let is_same = names.get(name).is_none_or(|known| known == value);
                    if value.is_empty() || !is_same {
                        return None;
                    }
                    names.insert(name.clone(), value.to_owned());
                }
            }
        }
        Some(names)
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.lines.iter().map(|line| match line {
            Line::Plain(pattern) => pattern.to_string(),
            Line::Named(named) => named.text.clone(),
        });
        let exclude = self.exclude.iter().map(|pattern| format!("!{pattern}"));
        f.write_str(&lines.chain(exclude).collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(lines: &str) -> Stage {
        Stage::new(lines.lines()).unwrap()
    }

    #[test]
    fn a_file_is_of_the_stage_that_its_path_tells() {
        let told = |lines: &str, paths: &[&str]| {
            let paths: Vec<RepoPath> = paths.iter().map(|path| path.parse().unwrap()).collect();
            let stage = stage(lines);
            let positions = stage.positions(paths.iter(), "main");
            let positions = positions.into_iter().map(|(_, Position { stage, names })| {
                let names: Vec<String> = names.into_values().collect();
                format!("{stage} {}", names.join(" ")).trim_end().to_owned()
            });
            positions.collect::<Vec<_>>()
        };
        let apps = [
            "envs/staging/web/values.yaml",
            "envs/production/web/values.yaml",
            "envs/production/api/values.yaml",
        ];
        let expected = ["staging web", "production web", "production api"];
        assert_eq!(told("envs/{stage}/{app}/values.yaml", &apps), expected);
        let lines = "envs/staging/{app}/values.yaml\nenvs/production/{app}/values.yaml";
        assert_eq!(told(lines, &apps), expected);
        let files = ["envs/eu/staging/web.yaml", "envs/eu/production/web.yaml"];
        assert_eq!(told("envs/**/*.yaml", &files), ["staging", "production"]);
        let files = ["staging/eu/web.yaml", "production/eu/web.yaml"];
        assert_eq!(told("*/eu/web.yaml", &files), ["staging", "production"]);
        let files = ["apps/dev/web.yaml", "apps/dev/eu/web.yaml"];
        assert_eq!(told("apps/**", &files), ["main", "eu"]);
        assert_eq!(
            told("apps/*.yaml", &["apps/web.yaml", "apps/api.yaml"]),
            ["main", "main"]
        );
        assert_eq!(told("{file}.yaml", &["web.yaml"]), ["main web"]);
        assert_eq!(told("{file}.yaml", &["web.json"]), [""; 0]);
    }

    fn names(lines: &str, path: &str) -> Option<Vec<String>> {
        let names = stage(lines).names(&path.parse().unwrap())?;
        Some(
            names
                .into_iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect(),
        )
    }

    #[test]
    fn a_name_stands_for_a_part_of_the_path() {
        let line = "envs/staging/{app}/values.yaml";
        assert_eq!(
            names(line, "envs/staging/web/values.yaml").unwrap(),
            ["app=web"]
        );
        for other in [
            "envs/production/web/values.yaml",
            "envs/staging/values.yaml",
            "envs/staging/a/b/values.yaml",
        ] {
            assert_eq!(names(line, other), None, "{other}");
        }
        assert_eq!(
            names("{team}/staging/web-{app}.yaml", "a/staging/web-b.yaml").unwrap(),
            ["app=b", "team=a"]
        );
        assert_eq!(names("{app}/{app}.yaml", "a/a.yaml").unwrap(), ["app=a"]);
        assert_eq!(names("{app}/{app}.yaml", "a/b.yaml"), None);
        assert_eq!(names("a/web{app}.yaml", "a/web.yaml"), None);
    }

    #[test]
    fn other_components_are_globs() {
        let line = "./envs//{app}/*.{yaml,yml}";
        assert_eq!(names(line, "envs/web/a.yml").unwrap(), ["app=web"]);
        assert_eq!(names(line, "envs/web/a/b.yml"), None);
        let line = "envs/staging/*.yaml\n!envs/staging/secret.yaml";
        assert_eq!(names(line, "envs/staging/web.yaml").unwrap().len(), 0);
        assert_eq!(names(line, "envs/staging/secret.yaml"), None);
        // A list of alternatives is no name.
        assert_eq!(
            names("envs/{dev,test}/web.yaml", "envs/dev/web.yaml")
                .unwrap()
                .len(),
            0
        );
    }

    #[test]
    fn files_belong_together_by_the_names_that_both_have() {
        let of = |pairs: &[(&str, &str)]| -> Names {
            let pairs = pairs.iter();
            pairs
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect()
        };
        let web = of(&[("app", "web")]);
        assert!(belong_together(
            &web,
            &of(&[("app", "web"), ("region", "eu")])
        ));
        assert!(!belong_together(
            &web,
            &of(&[("app", "api"), ("region", "eu")])
        ));
        assert!(belong_together(&web, &of(&[("region", "eu")])));
        assert!(belong_together(&web, &Names::new()));
    }

    #[test]
    fn the_files_are_those_of_a_glob() {
        let stage = stage("envs/{stage}/{app}.yaml\nbase.yaml\n!envs/dev/*");
        assert_eq!(
            stage.files().to_string(),
            "envs/{stage}/{app}.yaml, base.yaml, !envs/dev/*"
        );
        let of_stage: Vec<String> = stage
            .files()
            .globs()
            .map(|one| one.wildcards().to_owned())
            .collect();
        assert_eq!(of_stage, ["envs/*/*.yaml"]);
        assert_eq!(
            stage.to_string(),
            "envs/{stage}/{app}.yaml, base.yaml, !envs/dev/*"
        );
        assert!(Stage::new(["!x"].into_iter()).unwrap().is_empty());
    }

    #[test]
    fn what_is_not_clear_is_refused() {
        let lines = [
            "{app}-{region}.yaml",
            "{app}*.yaml",
            "**/{app}.yaml",
            "../{app}",
            "!/x",
        ];
        let wrong = Stage::new(lines.into_iter()).unwrap_err();
        let wrong: Vec<String> = wrong
            .iter()
            .map(|(line, error)| format!("{line}: {error}"))
            .collect();
        insta::assert_snapshot!(wrong.join("\n"), @"
        {app}-{region}.yaml: `{app}-{region}.yaml` has `{app}` beside another name or a wildcard, so what it stands for is not clear: keep one between two slashes
        {app}*.yaml: `{app}*.yaml` has `{app}` beside another name or a wildcard, so what it stands for is not clear: keep one between two slashes
        **/{app}.yaml: `**` beside `{app}`: how many directories it stands for is not clear. Write each as `*`, or give it a name
        ../{app}: the path leaves the repository (`..`)
        !/x: the path is absolute: leave out the first `/`, as in `apps/web.yaml`
        ");
    }
}
