//! `.github/scripts/release`, on real repositories.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

const IMAGE: &str = "ghcr.io/acme/gitops-deploy@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

const REPOSITORY: &str = "Acme/Deploy";

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
        project.write(
            "README.md",
            "- uses: OWNER/gitops-deploy@v1\n\ndocker run ghcr.io/OWNER/gitops-deploy:1\n",
        );
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
    project.released(&["commit", "1.2.0", IMAGE, REPOSITORY]);
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
    let mut changed: Vec<&str> = changed
        .lines()
        .filter(|line| {
            line.starts_with(['+', '-']) && !line.starts_with("+++") && !line.starts_with("---")
        })
        .collect();
    changed.sort_unstable();
    assert_eq!(
        changed,
        [
            &format!("+  image: docker://{IMAGE}"),
            "+- uses: Acme/Deploy@v1",
            "+docker run ghcr.io/acme/deploy:1",
            "-  image: Dockerfile",
            "-- uses: OWNER/gitops-deploy@v1",
            "-docker run ghcr.io/OWNER/gitops-deploy:1",
        ]
    );
}

#[test]
fn the_next_release_moves_the_floating_tags() {
    let project = Project::new();
    project.released(&["commit", "1.2.0", IMAGE, REPOSITORY]);
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
    project.released(&["commit", "1.3.0", IMAGE, REPOSITORY]);
    project.released(&["publish", "1.3.0"]);
    let origin = project.origin();
    let new = git(&origin, &["rev-parse", "v1.3.0"]);
    assert_eq!(git(&origin, &["rev-parse", "v1"]), new);
    assert_eq!(git(&origin, &["rev-parse", "v1.3"]), new);
    assert_eq!(git(&origin, &["rev-parse", "v1.2"]), old);
}

#[test]
fn a_release_that_stopped_half_way_is_run_again() {
    let project = Project::new();
    project.released(&["commit", "1.2.0", IMAGE, REPOSITORY]);
    let origin = project.origin();
    git(
        &project.clone(),
        &["push", "-q", "origin", "refs/tags/v1.2.0"],
    );
    // Another machine, which knows what was pushed, and nothing else.
    git(&project.clone(), &["checkout", "-q", "main"]);
    let tagged = git(&origin, &["rev-parse", "v1.2.0"]);
    for _ in 0..2 {
        let said = project.released(&["commit", "1.2.0", IMAGE, REPOSITORY]);
        assert_eq!(said, "v1.2.0 is there already, with this image\n");
        project.released(&["publish", "1.2.0"]);
        for tag in ["v1.2.0", "v1.2", "v1"] {
            assert_eq!(git(&origin, &["rev-parse", tag]), tagged, "{tag}");
        }
    }
    let other = IMAGE.replace("sha256:0", "sha256:f");
    assert_eq!(
        project.refused(&["commit", "1.2.0", &other, REPOSITORY]),
        format!("release: the tag v1.2.0 is there already, with another image than {other}")
    );
}

#[test]
fn the_first_release_is_one() {
    let project = Project::new();
    let clone = project.clone();
    for version in ["0.9.0", "1.0.0"] {
        for file in ["Cargo.toml", "Cargo.lock", "CHANGELOG.md"] {
            let text = fs::read_to_string(clone.join(file)).unwrap();
            let text = text.replace("1.2.0", version).replace("0.9.0", version);
            project.write(file, &text);
        }
        project.commit();
        match version {
            "1.0.0" => drop(project.released(&["check", version])),
            _ => assert!(
                project
                    .refused(&["check", version])
                    .contains("the first release is 1.0.0")
            ),
        }
    }
    project.released(&["commit", "1.0.0", IMAGE, REPOSITORY]);
    project.released(&["publish", "1.0.0"]);
    assert_eq!(git(&project.origin(), &["tag"]), "v1\nv1.0\nv1.0.0");
}

#[test]
fn this_tree_can_be_released() {
    let version = env!("CARGO_PKG_VERSION");
    assert!(!version.starts_with("0."), "{version}");
}

/// What a runner downloads for `uses:` is what `git archive` makes.
#[test]
fn what_a_runner_downloads_is_what_the_image_is_built_of() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    // A copy without history, as those make it that change the code to try the tests, has nothing to archive.
    if !root.join(".git").exists() {
        return;
    }
    let listed = |command: &mut Command| -> Vec<String> {
        let output = command.current_dir(root).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        let files = text.lines().filter(|line| !line.ends_with('/'));
        files.map(str::to_owned).collect()
    };
    let archive = "git archive --worktree-attributes --format=tar HEAD | tar -tf -";
    let archived = listed(Command::new("sh").args(["-c", archive]));
    for needed in [
        "action.yml",
        "Dockerfile",
        ".dockerignore",
        "Cargo.toml",
        "Cargo.lock",
    ] {
        assert!(archived.iter().any(|file| file == needed), "{needed}");
    }
    for source in listed(Command::new("git").args(["ls-tree", "-r", "--name-only", "HEAD", "src"]))
    {
        assert!(archived.contains(&source), "{source}");
    }
    for left_out in [
        "tests/",
        "benches/",
        "bench/",
        "fuzz/",
        "examples/",
        "docs/images/",
    ] {
        let there = archived.iter().find(|file| file.starts_with(left_out));
        assert_eq!(there, None);
    }
}

#[test]
fn a_dry_run_pushes_nothing() {
    let project = Project::new();
    project.released(&["commit", "1.2.0", IMAGE, REPOSITORY]);
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
                .refused(&["commit", "1.2.0", image, REPOSITORY])
                .contains("by its digest"),
            "{image}"
        );
    }
    assert!(project.refused(&["publish", "1.2.0"]).contains("no tag"));
    assert!(project.refused(&[]).contains("usage"));
}

/// The jobs of the workflow that makes a release, by their names.
fn jobs() -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(".github/workflows/release.yml");
    let text = fs::read_to_string(path).unwrap();
    let mut jobs: Vec<(String, String)> = Vec::new();
    for line in text.split("\njobs:\n").nth(1).unwrap().lines() {
        let name = line
            .strip_prefix("  ")
            .and_then(|line| line.strip_suffix(':'));
        match name.filter(|name| !name.starts_with(' ')) {
            Some(name) => jobs.push((name.to_owned(), String::new())),
            None => jobs.last_mut().unwrap().1 += &format!("{line}\n"),
        }
    }
    jobs
}

#[test]
fn what_can_sign_or_push_builds_nothing_of_others() {
    let mut signing = 0;
    for (name, job) in jobs() {
        if job.contains("id-token: write") || job.contains("attestations: write") {
            signing += 1;
            assert!(!job.contains("cargo"), "{name}");
        }
        if job.contains("cargo +") {
            assert!(!job.contains(": write"), "{name}");
        }
    }
    assert_eq!(signing, 1);
}

#[test]
fn a_version_names_the_image_when_it_was_tried() {
    let mut tagging = 0;
    for (name, job) in jobs() {
        if job.contains("--tag \"$IMAGE:$VERSION\"") {
            tagging += 1;
            let needs = job.lines().find(|line| line.starts_with("    needs:"));
            assert!(needs.unwrap().contains("try"), "{name}");
        }
    }
    assert_eq!(tagging, 1);
}

/// What `path`, from the root of the repository, says.
fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

#[test]
fn a_release_is_built_in_an_image_of_one_digest() {
    let first = |path: &str| {
        let text = read(path);
        let mut named = text.lines().filter_map(|line| line.strip_prefix("FROM "));
        named.next().unwrap().to_owned()
    };
    let pinned = first(".github/base-image/Dockerfile");
    let (tag, digest) = pinned.split_once("@sha256:").unwrap();
    assert_eq!(digest.len(), 64);
    // BuildKit uses it in the place of the very name that is built from, and nothing where the name is another one.
    assert_eq!(first("Dockerfile"), format!("{tag} AS build"));
    let workflow = read(".github/workflows/image.yml");
    let used = "build-contexts: ${{ steps.base.outputs.context }}";
    assert!(workflow.contains(used), "{workflow}");
    let command = workflow
        .lines()
        .skip_while(|line| !line.contains("pinned=$("))
        .take(2)
        .fold(String::new(), |all, line| all + line.trim() + "\n");
    let output = tempfile::NamedTempFile::new().unwrap();
    let status = Command::new("bash")
        .args(["-eo", "pipefail", "-c", &command])
        .env("GITHUB_OUTPUT", output.path())
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .unwrap();
    assert!(status.success());
    let written = fs::read_to_string(output.path()).unwrap();
    assert_eq!(written, format!("context={tag}=docker-image://{pinned}\n"));
}

#[test]
fn whoever_verifies_an_image_names_the_workflow_that_signs() {
    let mut verified = 0;
    for path in [".github/workflows/release.yml", "SECURITY.md"] {
        let text = read(path).replace("\\\n", "");
        for command in text
            .lines()
            .filter(|line| line.contains("gh attestation verify"))
        {
            verified += 1;
            assert!(command.contains(" --signer-workflow "), "{path}: {command}");
        }
        assert!(text.contains("/.github/workflows/release.yml"), "{path}");
    }
    assert_eq!(verified, 3);
}

#[test]
fn no_image_is_joined_before_the_gate_and_the_advisories_of_the_day() {
    let jobs = jobs();
    let job = |name: &str| jobs.iter().find(|(own, _)| own == name).unwrap().1.as_str();
    assert!(job("gate").contains("uses: ./.github/workflows/gate.yml"));
    let needs = job("join")
        .lines()
        .find(|line| line.starts_with("    needs:"));
    assert!(needs.unwrap().contains("gate"));
    // All that it can check, which nobody may let fail.
    let gate = read(".github/workflows/gate.yml");
    assert!(gate.contains(" deny --all-features check\n"), "{gate}");
    assert!(gate.contains("run: .ci/run\n"), "{gate}");
    assert!(!gate.contains("continue-on-error"), "{gate}");
}
