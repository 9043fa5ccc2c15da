//! A bare repository, as the API's two halves look at it and write to it.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use git2::{ErrorCode, ObjectType, Oid, Repository, Signature, Tree};

use super::super::repository::{git, isolate};

/// What stands in a signature's place: GitHub's own look like this, and nobody here verifies one.
const SIGNATURE: &str =
    "-----BEGIN PGP SIGNATURE-----\n\nwsFcBAABCAAQBQJoAAAA\n=GitH\n-----END PGP SIGNATURE-----\n";

/// One repository.
pub(super) struct Store {
    pub git: Repository,
    /// `owner/name`.
    pub name: String,
}

/// Why a branch was not moved.
pub(super) enum NotMoved {
    /// It is not where it was expected.
    Stale,
    /// The repository's rule says no, in these words.
    Rule(String),
}

/// Author or committer: name and address.
pub(super) type Person<'a> = (&'a str, &'a str);

impl Store {
    pub fn open(path: &Path, name: &str) -> Option<Store> {
        let git = Repository::open_bare(path).ok()?;
        let name = name.to_owned();
        Some(Store { git, name })
    }

    pub fn owner(&self) -> &str {
        self.name.split('/').next().unwrap()
    }

    pub fn short_name(&self) -> &str {
        self.name.split('/').nth(1).unwrap()
    }

    /// The default branch's name, whether or not it exists.
    pub fn default_branch(&self) -> String {
        let head = self.git.find_reference("HEAD").unwrap();
        let target = head.symbolic_target().unwrap().unwrap();
        target.strip_prefix("refs/heads/").unwrap().to_owned()
    }

    /// The commit that a full reference name points to.
    pub fn reference(&self, name: &str) -> Option<Oid> {
        self.git.refname_to_id(name).ok()
    }

    pub fn branches(&self) -> Vec<(String, Oid)> {
        let references = self.git.references_glob("refs/heads/*").unwrap();
        let mut branches: Vec<_> = references
            .flatten()
            .filter_map(|reference| {
                let name = reference
                    .name()
                    .ok()?
                    .strip_prefix("refs/heads/")?
                    .to_owned();
                Some((name, reference.target()?))
            })
            .collect();
        branches.sort();
        branches
    }

    /// A commit by its id, or by its branch's name.
    pub fn commit(&self, rev: &str) -> Option<Oid> {
        let id = match Oid::from_str(rev) {
            Ok(id) if rev.len() == 40 => id,
            _ => self.reference(&format!("refs/heads/{rev}"))?,
        };
        self.git.find_commit(id).ok().map(|commit| commit.id())
    }

    /// The files in which two commits differ, as a comparison lists them.
    pub fn changed_files(&self, old: Oid, new: Oid) -> Vec<serde_json::Value> {
        let (old, new) = (self.tree_of(old), self.tree_of(new));
        let diff = self.git.diff_tree_to_tree(Some(&old), Some(&new), None);
        let diff = diff.unwrap();
        let listed = |delta: git2::DiffDelta<'_>| {
            let (file, url) = (
                delta.new_file(),
                format!("https://github.example/{}", self.name),
            );
            serde_json::json!({
                "sha": file.id().to_string(), "filename": file.path(), "status": "modified",
                "additions": 1, "deletions": 1, "changes": 2,
                "blob_url": url, "raw_url": url, "contents_url": url,
            })
        };
        diff.deltas().map(listed).collect()
    }

    pub fn tree_of(&self, commit: Oid) -> Tree<'_> {
        self.git.find_commit(commit).unwrap().tree().unwrap()
    }

    /// Name, mode and object at `path` of a commit.
    pub fn entry(&self, commit: Oid, path: &str) -> Option<(String, i32, Oid)> {
        let entry = self.tree_of(commit).get_path(Path::new(path)).ok()?;
        Some((
            entry.name().ok()?.to_owned(),
            entry.filemode_raw(),
            entry.id(),
        ))
    }

    pub fn blob(&self, id: Oid) -> Option<Vec<u8>> {
        self.git
            .find_blob(id)
            .ok()
            .map(|blob| blob.content().to_vec())
    }

    /// Ids that `git log` gives, newest first.
    pub fn log(&self, arguments: &[&str]) -> Vec<Oid> {
        let mut all = vec!["log", "--format=%H"];
        all.extend(arguments);
        let log = git(self.git.path(), &all);
        log.lines()
            .map(|line| Oid::from_str(line).unwrap())
            .collect()
    }

    /// A tree like `base` with these entries replaced: path, mode, blob. No blob takes one away.
    pub fn tree(&self, base: Option<Oid>, entries: &[(String, i32, Option<Oid>)]) -> Option<Oid> {
        let mut update = git2::build::TreeUpdateBuilder::new();
        for (path, mode, blob) in entries {
            match blob {
                Some(blob) => {
                    let mode = match mode {
                        0o100_755 => git2::FileMode::BlobExecutable,
                        0o120_000 => git2::FileMode::Link,
                        _ => git2::FileMode::Blob,
                    };
                    update.upsert(path.as_str(), *blob, mode);
                }
                None => {
                    update.remove(path.as_str());
                }
            }
        }
        let base = match base {
            // GitHub takes a commit for its tree.
            Some(base) => self.git.find_object(base, None).ok()?.peel_to_tree().ok()?,
            None => self
                .git
                .find_tree(self.git.treebuilder(None).ok()?.write().ok()?)
                .ok()?,
        };
        update.create_updated(&self.git, &base).ok()
    }

    /// Writes a commit; signed as GitHub does, or not.
    pub fn write_commit(
        &self,
        tree: Oid,
        parents: &[Oid],
        message: &str,
        (author, committer): (Person<'_>, Person<'_>),
        signed: bool,
    ) -> Option<Oid> {
        let tree = self.git.find_tree(tree).ok()?;
        let parents: Vec<_> = parents
            .iter()
            .map(|id| self.git.find_commit(*id))
            .collect::<Result<_, _>>()
            .ok()?;
        let parents: Vec<_> = parents.iter().collect();
        let person = |(name, email): Person<'_>| Signature::now(name, email).unwrap();
        let (author, committer) = (person(author), person(committer));
        let buffer = self
            .git
            .commit_create_buffer(&author, &committer, message, &tree, &parents)
            .unwrap();
        let content = buffer.as_str().unwrap();
        if signed {
            return self.git.commit_signed(content, SIGNATURE, None).ok();
        }
        let odb = self.git.odb().unwrap();
        odb.write(ObjectType::Commit, content.as_bytes()).ok()
    }

    pub fn is_signed(&self, commit: Oid) -> bool {
        self.git.extract_signature(&commit, None).is_ok()
    }

    /// Moves a reference from one commit to another in one step, if the repository's rule (its
    /// `pre-receive` hook) lets it. None stands for a reference that is not there.
    pub fn move_reference(
        &self,
        name: &str,
        from: Option<Oid>,
        to: Option<Oid>,
    ) -> Result<(), NotMoved> {
        if self.reference(name) != from {
            return Err(NotMoved::Stale);
        }
        let zero = Oid::ZERO_SHA1;
        let line = format!("{} {} {name}\n", from.unwrap_or(zero), to.unwrap_or(zero));
        self.ask_rule(&line).map_err(NotMoved::Rule)?;
        let moved = match (from, to) {
            (Some(from), Some(to)) => self
                .git
                .reference_matching(name, to, true, from, "api")
                .map(drop),
            (None, Some(to)) => self.git.reference(name, to, false, "api").map(drop),
            (_, None) => self
                .git
                .find_reference(name)
                .and_then(|mut reference| reference.delete()),
        };
        moved.map_err(|error| match error.code() {
            ErrorCode::Modified | ErrorCode::NotFound | ErrorCode::Locked | ErrorCode::Exists => {
                NotMoved::Stale
            }
            _ => panic!("{error}"),
        })
    }

    fn ask_rule(&self, line: &str) -> Result<(), String> {
        let hook = self.git.path().join("hooks/pre-receive");
        if !hook.exists() {
            return Ok(());
        }
        let mut child = isolate(Command::new(hook))
            .current_dir(self.git.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let _ = child.stdin.take().unwrap().write_all(line.as_bytes());
        let output = child.wait_with_output().unwrap();
        if output.status.success() {
            return Ok(());
        }
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }
}

/// A point in time as GitHub writes it: `2026-11-23T12:00:00Z`.
pub(super) fn iso(time: git2::Time) -> String {
    let (days, seconds) = (
        time.seconds().div_euclid(86_400),
        time.seconds().rem_euclid(86_400),
    );
    // Days to a date, as Howard Hinnant's `civil_from_days` has it.
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let of_era = z.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}
