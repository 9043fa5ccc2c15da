//! `.github/scripts/release`, on real repositories.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

const IMAGE: &str = "ghcr.io/acme/gitops-deploy@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

const CHANGELOG: &str = "\
# Changelog

## [Unreleased]

## [1.2.0] - 2026-08-22

### Added

- Something new.

## [1.1.0] - 2026-08-01

- Something old.

[1.2.0]: https://example.com/v1.2.0
";

/// A clone of a bare repository, ready to be released as 1.2.0.
struct Project {
    directory: TempDir,
}

impl Project {
    fn new() -> Self {
        let project = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        let origin = project.origin();
        git(
            project.directory.path(),
            &["init", "-q", "--bare", origin.to_str().unwrap()],
        );
        let clone = project.clone();
        git(
            project.directory.path(),
            &[
                "clone",
                "-q",
                origin.to_str().unwrap(),
                clone.to_str().unwrap(),
            ],
        );
        git(&clone, &["config", "user.name", "A colleague"]);
        git(&clone, &["config", "user.email", "colleague@example.com"]);
        git(&clone, &["checkout", "-q", "-b", "main"]);
        project.write(
            "Cargo.toml",
            "[package]\nname = \"gitops-deploy\"\nversion = \"1.2.0\"\n",
        );
        project.write(
            "Cargo.lock",
            "[[package]]\nname = \"gitops-deploy\"\nversion = \"1.2.0\"\n",
        );
        project.write("CHANGELOG.md", CHANGELOG);
        let action = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("action.yml"));
        project.write("action.yml", &action.unwrap());
        project.commit();
        git(&clone, &["push", "-q", "origin", "main"]);
        project
    }

    fn origin(&self) -> PathBuf {
        self.directory.path().join("origin.git")
    }

    fn clone(&self) -> PathBuf {
        self.directory.path().join("clone")
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.clone().join(file), text).unwrap();
    }

    fn commit(&self) {
        git(&self.clone(), &["add", "-A"]);
        git(&self.clone(), &["commit", "-q", "-m", "chore: change"]);
    }

    fn release(&self, arguments: &[&str], dry_run: bool) -> Output {
        Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join(".github/scripts/release"))
            .args(arguments)
            .env("DRY_RUN", dry_run.to_string())
            .current_dir(self.clone())
            .output()
            .unwrap()
    }

    fn released(&self, arguments: &[&str]) -> String {
        let output = self.release(arguments, false);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn refused(&self, arguments: &[&str]) -> String {
        let output = self.release(arguments, false);
        assert!(!output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stderr).unwrap().trim().to_owned()
    }
}

fn git(directory: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(directory)
        .output()
        .unwrap();
    assert!(output.status.success(), "git {arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_release_is_one_commit_beside_main_with_three_tags() {
    let project = Project::new();
    project.released(&["check", "1.2.0"]);
    assert_eq!(
        project.released(&["notes", "1.2.0"]),
        "### Added\n\n- Something new.\n"
    );
    project.released(&["commit", "1.2.0", IMAGE]);
    project.released(&["publish", "1.2.0"]);

    let origin = project.origin();
    let commit = git(&origin, &["rev-parse", "v1.2.0"]);
    for tag in ["v1", "v1.2"] {
        assert_eq!(git(&origin, &["rev-parse", tag]), commit, "{tag}");
    }
    assert_eq!(
        git(&origin, &["rev-parse", "v1.2.0^"]),
        git(&origin, &["rev-parse", "main"])
    );
    let changed = git(&origin, &["diff", "--unified=0", "main", "v1.2.0"]);
    let changed: Vec<&str> = changed
        .lines()
        .filter(|line| {
            line.starts_with(['+', '-']) && !line.starts_with("+++") && !line.starts_with("---")
        })
        .collect();
    assert_eq!(
        changed,
        [
            "-  image: Dockerfile",
            &format!("+  image: docker://{IMAGE}")
        ]
    );
}

#[test]
fn the_next_release_moves_the_floating_tags() {
    let project = Project::new();
    project.released(&["commit", "1.2.0", IMAGE]);
    project.released(&["publish", "1.2.0"]);
    let clone = project.clone();
    git(&clone, &["checkout", "-q", "main"]);
    let old = git(&clone, &["rev-parse", "v1.2.0"]);
    for (file, from, to) in [
        ("Cargo.toml", "1.2.0", "1.3.0"),
        ("Cargo.lock", "1.2.0", "1.3.0"),
        (
            "CHANGELOG.md",
            "## [1.2.0]",
            "## [1.3.0] - 2026-09-01\n\n- More.\n\n## [1.2.0]",
        ),
    ] {
        let text = fs::read_to_string(clone.join(file)).unwrap();
        project.write(file, &text.replace(from, to));
    }
    project.commit();
    project.released(&["check", "1.3.0"]);
    project.released(&["commit", "1.3.0", IMAGE]);
    project.released(&["publish", "1.3.0"]);
    let origin = project.origin();
    let new = git(&origin, &["rev-parse", "v1.3.0"]);
    assert_eq!(git(&origin, &["rev-parse", "v1"]), new);
    assert_eq!(git(&origin, &["rev-parse", "v1.3"]), new);
    assert_eq!(git(&origin, &["rev-parse", "v1.2"]), old);
}

#[test]
fn a_dry_run_pushes_nothing() {
    let project = Project::new();
    project.released(&["commit", "1.2.0", IMAGE]);
    let output = project.release(&["publish", "1.2.0"], true);
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "would run: git push origin refs/tags/v1.2.0\n\
         would run: git push origin --force refs/tags/v1.2 refs/tags/v1\n"
    );
    assert_eq!(git(&project.origin(), &["tag"]), "");
}

#[test]
fn what_does_not_agree_is_not_released() {
    let refused = |file: &str, from: &str, to: &str| {
        let project = Project::new();
        let text = fs::read_to_string(project.clone().join(file)).unwrap();
        assert!(text.contains(from), "{file} has no {from}");
        project.write(file, &text.replacen(from, to, 1));
        project.commit();
        project.refused(&["check", "1.2.0"])
    };
    assert_eq!(
        refused("Cargo.toml", "1.2.0", "1.1.0"),
        "release: Cargo.toml has version 1.1.0, not 1.2.0"
    );
    assert!(refused("Cargo.lock", "1.2.0", "1.1.0").contains("Cargo.lock has another version"));
    assert!(
        refused("CHANGELOG.md", "## [1.2.0] - 2026-08-22", "## [1.2.0]").contains("no heading")
    );
    assert!(refused("CHANGELOG.md", "### Added\n\n- Something new.", "").contains("says nothing"));
    assert!(
        refused("CHANGELOG.md", "## [Unreleased]", "## [Unreleased]\n\n- X").contains("unreleased")
    );
    assert!(
        refused("action.yml", "image: Dockerfile", "image: docker://x")
            .contains("image: Dockerfile")
    );

    let project = Project::new();
    for version in ["1.2", "v1.2.0", "01.2.0", "1.2.0-rc.1", ""] {
        assert!(
            project
                .refused(&["check", version])
                .contains("of the form 1.2.3"),
            "{version}"
        );
    }
    project.write("Cargo.toml", "");
    assert!(project.refused(&["check", "1.2.0"]).contains("Cargo.toml"));

    let project = Project::new();
    project.write("other", "");
    assert!(
        project
            .refused(&["check", "1.2.0"])
            .contains("not committed")
    );

    let project = Project::new();
    git(&project.clone(), &["tag", "v1.2.0"]);
    assert!(
        project
            .refused(&["check", "1.2.0"])
            .contains("there already")
    );

    let project = Project::new();
    git(&project.clone(), &["tag", "v1.10.0"]);
    assert_eq!(
        project.refused(&["check", "1.2.0"]),
        "release: 1.2.0 is older than the newest release, 1.10.0"
    );
}

#[test]
fn an_image_is_named_by_its_digest() {
    let project = Project::new();
    for image in [
        "ghcr.io/acme/gitops-deploy:v1",
        "x@sha256:12",
        "x|y@sha256:12",
        "",
    ] {
        assert!(
            project
                .refused(&["commit", "1.2.0", image])
                .contains("by its digest"),
            "{image}"
        );
    }
    assert!(project.refused(&["publish", "1.2.0"]).contains("no tag"));
    assert!(project.refused(&[]).contains("usage"));
}
