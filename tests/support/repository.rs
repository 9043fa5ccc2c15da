//! Bare repositories on the server's disk, written and read with the git command line.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// A bare repository that a [`GitServer`](super::GitServer) serves.
///
/// A handle: cloning it clones no data. Its methods work on the server's side, as a competing
/// writer or as an administrator would.
#[derive(Debug, Clone)]
pub struct Repository {
    path: PathBuf,
    url: String,
}

/// What a path of a commit holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A file.
    File(Vec<u8>),
    /// A file with the executable bit.
    Executable(Vec<u8>),
    /// A symbolic link to this target.
    Symlink(String),
    /// A submodule at this commit.
    Submodule(String),
    /// Nothing: the path is removed.
    Absent,
}

impl From<&str> for Entry {
    fn from(text: &str) -> Entry {
        Entry::File(text.as_bytes().to_vec())
    }
}

impl From<&[u8]> for Entry {
    fn from(bytes: &[u8]) -> Entry {
        Entry::File(bytes.to_vec())
    }
}

impl From<String> for Entry {
    fn from(text: String) -> Entry {
        Entry::File(text.into_bytes())
    }
}

impl From<Vec<u8>> for Entry {
    fn from(bytes: Vec<u8>) -> Entry {
        Entry::File(bytes)
    }
}

/// One commit of [`Repository::log`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// The full id.
    pub id: String,
    /// The ids of its parents.
    pub parents: Vec<String>,
    /// `Name <email>`.
    pub author: String,
    /// `Name <email>`.
    pub committer: String,
    /// The whole message, without the last newline.
    pub message: String,
}

impl Repository {
    /// Makes an empty bare repository, set up as GitHub's are, whose default branch is `main`.
    pub(crate) fn init(path: PathBuf, url: String) -> Repository {
        std::fs::create_dir_all(path.join("hooks")).unwrap();
        git(
            &path,
            &[
                "init",
                "--quiet",
                "--bare",
                "--template=",
                "--initial-branch=main",
            ],
        );
        let repository = Repository { path, url };
        for (key, value) in [
            ("http.receivepack", "true"),
            ("uploadpack.allowFilter", "true"),
            ("uploadpack.allowAnySHA1InWant", "true"),
            // No work in the background that outlives the test, no waiting for the disk.
            ("gc.auto", "0"),
            ("maintenance.auto", "false"),
            ("receive.autogc", "false"),
            ("core.fsync", "none"),
        ] {
            repository.config(key, value);
        }
        repository
    }

    /// Where it is on disk.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its clone URL on the server.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The server that it is on.
    pub fn server_url(&self) -> &str {
        let mut parts = self.url.rsplitn(3, '/');
        parts.nth(2).expect("a server, an owner and a name")
    }

    /// Runs git in the repository and returns what it printed; panics when it fails.
    pub fn git(&self, args: &[&str]) -> String {
        git(&self.path, args)
    }

    /// Sets a value of the repository's configuration: `uploadpack.allowFilter`, `false`.
    pub fn config(&self, key: &str, value: &str) {
        // Appending takes the last value, and is cheaper than a process for each key.
        let (section, key) = key.rsplit_once('.').unwrap();
        let section = match section.split_once('.') {
            Some((section, subsection)) => format!("{section} \"{subsection}\""),
            None => section.to_owned(),
        };
        std::fs::OpenOptions::new()
            .append(true)
            .open(self.path.join("config"))
            .unwrap()
            .write_all(format!("[{section}]\n\t{key} = {value}\n").as_bytes())
            .unwrap();
    }

    /// Makes the next commit of `branch`, in which one file changes; returns its id.
    ///
    /// With a branch that does not exist it is the branch's first.
    pub fn commit(
        &self,
        branch: &str,
        path: &str,
        entry: impl Into<Entry>,
        message: &str,
    ) -> String {
        self.commit_all(branch, [(path, entry.into())], message)
    }

    /// Makes the next commit of `branch` with several entries.
    pub fn commit_all<'a>(
        &self,
        branch: &str,
        entries: impl IntoIterator<Item = (&'a str, Entry)>,
        message: &str,
    ) -> String {
        let reference = format!("refs/heads/{branch}");
        let mut stream = Vec::new();
        let mut line = |text: &str| {
            stream.extend_from_slice(text.as_bytes());
            stream.push(b'\n');
        };
        line(&format!("commit {reference}"));
        line("committer A colleague <colleague@example.com> now");
        line(&format!("data {}\n{message}", message.len()));
        if self.try_tip(branch).is_some() {
            line(&format!("from {reference}^0"));
        }
        for (path, entry) in entries {
            let (mode, bytes) = match entry {
                Entry::File(bytes) => ("100644", bytes),
                Entry::Executable(bytes) => ("100755", bytes),
                Entry::Symlink(target) => ("120000", target.into_bytes()),
                Entry::Submodule(commit) => {
                    stream.extend_from_slice(format!("M 160000 {commit} {path}\n").as_bytes());
                    continue;
                }
                Entry::Absent => {
                    stream.extend_from_slice(format!("D {path}\n").as_bytes());
                    continue;
                }
            };
            let head = format!("M {mode} inline {path}\ndata {}\n", bytes.len());
            stream.extend_from_slice(head.as_bytes());
            stream.extend_from_slice(&bytes);
            stream.push(b'\n');
        }
        self.import(&stream);
        self.tip(branch)
    }

    /// Makes the next commit of `branch`, by a clock that shows so many seconds since 1970; also one that is
    /// behind.
    pub fn commit_at(&self, seconds: i64, branch: &str, files: &[(&str, &str)]) {
        let mut stream = format!(
            "commit refs/heads/{branch}\ncommitter A <a@example.com> {seconds} +0000\ndata 1\nx\n"
        );
        if self.try_tip(branch).is_some() {
            stream += &format!("from refs/heads/{branch}^0\n");
        }
        for (path, text) in files {
            stream += &format!("M 100644 inline {path}\ndata {}\n{text}\n", text.len());
        }
        self.import_dated("raw", stream.as_bytes());
    }

    /// Feeds a stream to `git fast-import`.
    pub fn import(&self, stream: &[u8]) {
        self.import_dated("now", stream);
    }

    /// The same, with dates of another format.
    pub fn import_dated(&self, format: &str, stream: &[u8]) {
        let mut command = isolated_git();
        command
            .args(["fast-import", "--quiet"])
            .arg(format!("--date-format={format}"))
            .current_dir(&self.path)
            .stdin(Stdio::piped());
        let mut child = command.spawn().expect("git starts");
        child.stdin.take().unwrap().write_all(stream).unwrap();
        assert!(child.wait().unwrap().success(), "git fast-import failed");
    }

    /// The commit at the tip of `branch`; panics when there is no such branch.
    pub fn tip(&self, branch: &str) -> String {
        self.try_tip(branch)
            .unwrap_or_else(|| panic!("{} has no branch {branch}", self.path.display()))
    }

    /// The commit at the tip of `branch`, if it exists.
    pub fn try_tip(&self, branch: &str) -> Option<String> {
        let reference = format!("refs/heads/{branch}");
        let tip = self.git(&["for-each-ref", "--format=%(objectname)", &reference]);
        (!tip.is_empty()).then(|| tip.trim().to_owned())
    }

    /// The bytes of `path` at `rev`; panics when it isn't there.
    pub fn show(&self, rev: &str, path: &str) -> Vec<u8> {
        let output = isolated_git()
            .args(["cat-file", "blob", &format!("{rev}:{path}")])
            .current_dir(&self.path)
            .output()
            .expect("git starts");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        output.stdout
    }

    /// The commits reachable from `rev`, newest first.
    pub fn log(&self, rev: &str) -> Vec<Logged> {
        self.git(&[
            "log",
            "-z",
            "--topo-order",
            "--format=%H%x1f%P%x1f%an <%ae>%x1f%cn <%ce>%x1f%B",
            rev,
        ])
        .split_terminator('\0')
        .map(|commit| {
            let fields: Vec<&str> = commit.split('\x1f').collect();
            Logged {
                id: fields[0].to_owned(),
                parents: fields[1].split_whitespace().map(str::to_owned).collect(),
                author: fields[2].to_owned(),
                committer: fields[3].to_owned(),
                message: fields[4].trim_end_matches('\n').to_owned(),
            }
        })
        .collect()
    }

    /// The removed and added lines of a commit, with their `-` and `+`, without context.
    pub fn changed_lines(&self, rev: &str) -> Vec<String> {
        self.git(&["show", "--format=", "--unified=0", "--no-ext-diff", rev])
            .lines()
            .filter(|line| line.starts_with(['-', '+']))
            .filter(|line| !line.starts_with("--- ") && !line.starts_with("+++ "))
            .map(str::to_owned)
            .collect()
    }

    /// Checks every object and every link; panics when anything is amiss.
    pub fn fsck(&self) {
        self.git(&["fsck", "--full", "--strict", "--no-dangling"]);
    }

    /// Makes `branch` the default one, whether or not it exists yet.
    pub fn set_default_branch(&self, branch: &str) {
        self.git(&["symbolic-ref", "HEAD", &format!("refs/heads/{branch}")]);
    }

    /// Points `branch` at `rev`, wherever it was: makes it, or rewinds it.
    pub fn set_branch(&self, branch: &str, rev: &str) {
        self.git(&["update-ref", &format!("refs/heads/{branch}"), rev]);
    }

    /// Removes `branch`.
    pub fn delete_branch(&self, branch: &str) {
        self.git(&["update-ref", "-d", &format!("refs/heads/{branch}")]);
    }

    /// Installs a hook: `pre-receive`, `update`, `post-receive`. The script is `sh`'s.
    pub fn hook(&self, name: &str, script: &str) {
        // Written by another process: a file that this one holds open for writing while another
        // test's thread forks can't be executed until that child is gone ("Text file busy").
        let mut child = Command::new("sh")
            .args(["-c", "cat >\"$0\" && chmod +x \"$0\""])
            .arg(self.path.join("hooks").join(name))
            .stdin(Stdio::piped())
            .spawn()
            .expect("sh starts");
        let mut stdin = child.stdin.take().unwrap();
        write!(stdin, "#!/bin/sh\n{script}\n").unwrap();
        drop(stdin);
        assert!(child.wait().unwrap().success());
    }
}

/// Runs the git command line in `directory` and returns what it printed; panics when it fails.
pub fn git(directory: &Path, args: &[&str]) -> String {
    let output = isolated_git()
        .args(args)
        .current_dir(directory)
        .output()
        .expect("git starts");
    assert!(
        output.status.success(),
        "git {args:?} failed: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("git prints UTF-8")
}

/// git by its path: by its name alone it would be forked off the tests' process, which takes the longer
/// the more tests have run in it.
fn isolated_git() -> Command {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let program = PROGRAM.get_or_init(|| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path)
            .map(|directory| directory.join("git"))
            .find(|program| program.is_file())
            .expect("git is installed")
    });
    isolate(Command::new(program))
}

/// Cuts a git command off from the configuration and the environment of whoever runs the tests.
pub(crate) fn isolate(mut command: Command) -> Command {
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", "/nonexistent")
        .env("LC_ALL", "C")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0");
    for role in ["AUTHOR", "COMMITTER"] {
        command
            .env(format!("GIT_{role}_NAME"), "A colleague")
            .env(format!("GIT_{role}_EMAIL"), "colleague@example.com");
    }
    command
}
