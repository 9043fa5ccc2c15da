//! Tries to change the tag of every image in every YAML file below a directory, in memory, and
//! reports which edits were exact, what was refused and why, and where a guard had to step in.
//!
//! ```sh
//! cargo run --release --example corpus -- DIR [--json]
//! ```
//!
//! Writes nothing. An edit is exact when only lines that hold one of the changed images differ, and
//! within them only characters of the image itself. Exit code 1 if any edit was inexact, a guard
//! stepped in, or something panicked.

#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use gitops_deploy::image::ImageReference;
use gitops_deploy::manifest::{
    EditRequest, ImageAssignment, ManifestError, ManifestFile, Plan, images_in, plan,
};
use serde::Serialize;

/// What every tag and digest becomes.
const TAG: &str = "v0.0.0-corpus";
const DIGEST: &str = "sha256:c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00";

#[derive(Default, Serialize)]
struct Report {
    files: usize,
    files_with_images: usize,
    /// Distinct images, summed over the files; each was changed on its own.
    edits: usize,
    exact: usize,
    /// Places that were written by the exact edits.
    places: usize,
    inexact: Vec<Case>,
    guards: Vec<Case>,
    panics: Vec<Case>,
    /// Files that could not be read, and images that could not be changed.
    refusals: BTreeMap<&'static str, Vec<Case>>,
    seconds: f64,
}

#[derive(Serialize)]
struct Case {
    file: String,
    message: String,
}

fn main() -> anyhow::Result<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    let (mut directory, mut as_json) = (None, false);
    for argument in arguments.by_ref() {
        match argument.as_str() {
            "--json" => as_json = true,
            _ => directory = Some(PathBuf::from(argument)),
        }
    }
    let Some(directory) = directory else {
        eprintln!("usage: corpus DIR [--json]");
        return Ok(ExitCode::from(2));
    };
    let report = examine(&directory);
    if as_json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print(&report);
    }
    let is_clean =
        report.inexact.is_empty() && report.guards.is_empty() && report.panics.is_empty();
    Ok(ExitCode::from(u8::from(!is_clean)))
}

fn examine(directory: &Path) -> Report {
    let mut report = Report::default();
    let start = Instant::now();
    let mut shown = start;
    let paths = yaml_files(directory);
    // A panic is counted, its message comes with it.
    std::panic::set_hook(Box::new(|_| {}));
    for (number, path) in paths.iter().enumerate() {
        if shown.elapsed() > Duration::from_secs(1) {
            shown = Instant::now();
            eprintln!("{number} of {} files, {}", paths.len(), path.display());
        }
        let name = path.strip_prefix(directory).unwrap_or(path);
        let name = name.to_string_lossy().into_owned();
        let outcome = catch_unwind(AssertUnwindSafe(|| examine_file(path, &name, &mut report)));
        match outcome {
            Ok(Ok(())) => {}
            Ok(Err(unreadable)) => eprintln!("{unreadable:#}"),
            Err(panic) => {
                let message = panic
                    .downcast_ref::<String>()
                    .cloned()
                    .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
                    .unwrap_or_default();
                report.panics.push(Case {
                    file: name,
                    message,
                });
            }
        }
    }
    report.seconds = start.elapsed().as_secs_f64();
    report
}

/// All files below `directory` that are named like YAML, sorted; symlinks are not followed.
fn yaml_files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        let Ok(entries) = fs::read_dir(&directory) else {
            eprintln!("{} can't be listed", directory.display());
            continue;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            let is_yaml = path
                .extension()
                .is_some_and(|extension| extension == "yaml" || extension == "yml");
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && entry.file_name() != ".git" => directories.push(path),
                Ok(kind) if kind.is_file() && is_yaml => files.push(path),
                _ => {}
            }
        }
    }
    files.sort();
    files
}

fn examine_file(path: &Path, name: &str, report: &mut Report) -> anyhow::Result<()> {
    report.files += 1;
    let bytes = fs::read(path).with_context(|| format!("{} can't be read", path.display()))?;
    // The name is only for messages, and a file system allows more than a repository.
    let path = name.replace('\\', "/").parse();
    let path = path.with_context(|| format!("{name} is no path in a repository"))?;
    let file = ManifestFile { path, bytes };
    let images: BTreeSet<String> = match images_in(&file) {
        Ok(held) => held.into_iter().map(|held| held.image).collect(),
        Err(error) => {
            report.refuse(name, &error);
            return Ok(());
        }
    };
    let images: Vec<ImageReference> = images
        .iter()
        .filter_map(|image| image.parse().ok())
        .collect();
    report.files_with_images += usize::from(!images.is_empty());
    for image in images {
        report.edits += 1;
        let request = request_for(&image);
        match plan(std::slice::from_ref(&file), &request) {
            Err(error) => report.refuse(name, &error),
            Ok(plan) => match inexactness(&file, &plan) {
                None => {
                    report.exact += 1;
                    report.places += plan.images.len();
                }
                Some(message) => report.inexact.push(Case {
                    file: name.to_owned(),
                    message: format!("{image}: {message}"),
                }),
            },
        }
    }
    Ok(())
}

/// Another tag for `image`, and another digest if it has one.
fn request_for(image: &ImageReference) -> EditRequest {
    let repository = image.repository_as_written();
    let text = match (image.tag(), image.digest()) {
        (None, Some(_)) => format!("{repository}@{DIGEST}"),
        (Some(_), Some(_)) => format!("{repository}:{TAG}@{DIGEST}"),
        (_, None) => format!("{repository}:{TAG}"),
    };
    EditRequest {
        images: text
            .parse()
            .map(|image| ImageAssignment {
                container: None,
                image,
            })
            .into_iter()
            .collect(),
        ..EditRequest::default()
    }
}

/// What is wrong with the planned edit, found without the library's help: by comparing lines.
fn inexactness(file: &ManifestFile, plan: &Plan) -> Option<String> {
    let [edit] = plan.edits.as_slice() else {
        return Some("nothing was written".to_owned());
    };
    let before = String::from_utf8_lossy(&file.bytes);
    let after = String::from_utf8_lossy(&edit.after);
    let is_of_image = |removed: &str, added: &str| {
        plan.images.iter().any(|change| {
            // A reference that is spelled out differently is replaced from its start; an empty value is
            // filled in behind its colon.
            let is_empty = matches!(removed, "null" | "~");
            (is_empty || change.old.contains(removed)) && change.new.contains(added.trim_start())
        })
    };
    let old_lines: Vec<&str> = before.split('\n').collect();
    let mut new_lines: Vec<&str> = after.split('\n').collect();
    // A tag that was missing is a line of its own, behind the repository.
    let mut at = 0;
    while new_lines.len() > old_lines.len() && at < new_lines.len() {
        let new = new_lines[at].trim();
        let is_version = ["tag", "newTag"]
            .iter()
            .any(|key| new == format!("{key}: {TAG}"));
        let key = new.split(':').next().unwrap_or_default();
        let is_added = is_version
            && old_lines
                .get(at)
                .is_none_or(|old| !old.trim().starts_with(key));
        if is_added {
            new_lines.remove(at);
        } else {
            at += 1;
        }
    }
    if new_lines.len() != old_lines.len() {
        return Some("the number of lines changed".to_owned());
    }
    old_lines
        .iter()
        .zip(&new_lines)
        .filter(|(old, new)| old != new)
        .find_map(|(old, new)| {
            let (removed, added) = difference(old, new);
            (!is_of_image(removed, added)).then(|| format!("{old:?} became {new:?}"))
        })
}

/// What two lines do not have in common, between what they begin and what they end with.
fn difference<'a>(old: &'a str, new: &'a str) -> (&'a str, &'a str) {
    let common = |(a, b): &(char, char)| a == b;
    let start: usize = old
        .chars()
        .zip(new.chars())
        .take_while(common)
        .map(|(c, _)| c.len_utf8())
        .sum();
    let (old, new) = (&old[start..], &new[start..]);
    let end: usize = old
        .chars()
        .rev()
        .zip(new.chars().rev())
        .take_while(common)
        .map(|(c, _)| c.len_utf8())
        .sum();
    (&old[..old.len() - end], &new[..new.len() - end])
}

impl Report {
    fn refuse(&mut self, file: &str, error: &ManifestError) {
        let case = Case {
            file: file.to_owned(),
            message: error.to_string(),
        };
        if error.is_guard() {
            self.guards.push(case);
        } else {
            self.refusals.entry(error.reason()).or_default().push(case);
        }
    }
}

fn print(report: &Report) {
    let Report {
        files,
        files_with_images,
        edits,
        exact,
        places,
        seconds,
        ..
    } = report;
    println!("{files} YAML files, {files_with_images} with images, in {seconds:.1} s");
    println!("{edits} edits: {exact} exact ({places} places)");
    for (title, cases) in [
        ("inexact", &report.inexact),
        ("guards stepped in", &report.guards),
        ("panics", &report.panics),
    ] {
        println!("{}: {}", title, cases.len());
        for case in cases {
            println!("  {}: {}", case.file, case.message);
        }
    }
    for (reason, cases) in &report.refusals {
        println!("refused, {reason}: {}", cases.len());
        for case in cases.iter().take(5) {
            println!("  {}", case.message.replace('\n', "\n  "));
        }
        if cases.len() > 5 {
            println!("  and {} more (--json lists all)", cases.len() - 5);
        }
    }
}
