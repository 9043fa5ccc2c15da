//! Reading: the branch's tip and the named files in one query; what globs match by way of the tree.

use std::collections::HashMap;
use std::sync::atomic::Ordering::Relaxed;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json, json};

use super::client::CallError;
use super::graphql::{Nodes, Oid};
use super::past::{self, Along, Answered, Versions};
use super::repository::{GithubRepository, Tip};
use crate::files::{FileSelection, MAX_FILE_BYTES, RepoPath};
use crate::limits::{FilesRead, LISTED, PATHS};
use crate::manifest::ManifestFile;
use crate::nearest::nearest;
use crate::repository::branch::BranchName;
use crate::repository::commit::{Modes, Said, Snapshot};
use crate::repository::error::{FileProblem, RepositoryError};
use crate::repository::head::Elsewhere;
use crate::repository::history::Touched;
use crate::repository::object::{CommitId, ObjectId, ObjectKind};
use crate::repository::select::{any_selected, beside, globbed, in_order, missing, problem};
use crate::repository::tip::BranchTip;

/// How many files one query asks for, and of how many bytes at most together. Beyond GitHub's limit
/// of 512,000 bytes a text is cut, so a larger file is not asked for in this way.
const BATCH: (usize, u64) = (50, 4_000_000);
const LARGEST_TEXT: u64 = 512_000;

// Git's file modes, as tree objects have them (`git fast-import`, "filemodify").
const DIRECTORY: u32 = 0o040_000;
pub(super) const REGULAR: u32 = 0o100_644;
const LINK: u32 = 0o120_000;
const SUBMODULE: u32 = 0o160_000;

#[derive(Deserialize)]
struct Identified {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RepositoryAtTip {
    id: String,
    name_with_owner: String,
    branch: Option<BranchAtTip>,
    head: Option<HeadRef>,
}

#[derive(Deserialize)]
struct HeadRef {
    target: HeadCommit,
    pulls: Nodes<OpenPull>,
}

#[derive(Deserialize)]
struct HeadCommit {
    oid: String,
    tree: Oid,
    /// As of [`CommitWithFiles`].
    #[serde(flatten)]
    files: HashMap<String, Option<AtPath>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OpenPull {
    number: u64,
    base_ref_name: String,
}

/// A branch that a pull request brings, as it was when the one was read that it is to be merged into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    /// Its tip.
    pub commit: CommitId,
    /// The tree of that.
    pub tree: String,
    /// The files there, of those that were read, as far as they came along.
    pub files: Vec<ManifestFile>,
    /// The pull request that is open for it.
    pub pull: Option<u64>,
    /// One that is open for it, and is to be merged into another branch.
    pub elsewhere: Option<Elsewhere>,
}

/// What is asked of a tip.
#[derive(Clone, Copy)]
struct Asked<'a> {
    /// The branch; of none the default one.
    branch: Option<&'a BranchName>,
    /// What is there is wanted.
    paths: &'a [&'a RepoPath],
    /// What else.
    along: &'a Along,
    /// Another branch, and what is open from it.
    head: Option<&'a BranchName>,
}

/// What was answered.
struct AtTip {
    tip: Tip,
    /// What is at the paths, in their order.
    entries: Vec<Option<AtPath>>,
    head: Option<Head>,
}

#[derive(Deserialize)]
struct BranchAtTip {
    name: String,
    target: CommitWithFiles,
    along: Option<Answered>,
}

#[derive(Deserialize)]
struct CommitWithFiles {
    oid: String,
    history: Option<Nodes<RecentCommit>>,
    /// `f0`, `f1` … in the order asked for.
    #[serde(flatten)]
    files: HashMap<String, Option<AtPath>>,
}

#[derive(Deserialize)]
struct RecentCommit {
    oid: String,
    message: String,
}

#[derive(Deserialize)]
struct AtPath {
    mode: u32,
    object: Option<Blob>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Blob {
    /// None: it is no file.
    oid: Option<String>,
    byte_size: Option<u64>,
    text: Option<String>,
}

impl AtPath {
    /// The bytes of a regular file, where all of them came; as of [`GithubRepository::bytes`].
    fn whole(self) -> Option<Vec<u8>> {
        let Blob { oid, text, .. } = self.object?;
        let (id, bytes) = (ObjectId::parse(&oid?)?, text?.into_bytes());
        let is_file = !matches!(self.mode, DIRECTORY | LINK | SUBMODULE);
        (is_file && ObjectId::of(ObjectKind::Blob, &bytes) == id).then_some(bytes)
    }
}

/// A regular file of the tree.
struct Listed {
    path: RepoPath,
    mode: u32,
    oid: String,
    size: u64,
}

/// An entry of a listing over REST.
#[derive(Deserialize)]
struct TreeEntry {
    path: String,
    mode: String,
    sha: String,
    #[serde(default)]
    size: u64,
}

#[derive(Deserialize)]
struct TreeBody {
    tree: Vec<TreeEntry>,
    #[serde(default)]
    truncated: bool,
}

/// How many commits' messages come with the tip, or of a file.
const RECENT: u8 = 30;
/// Of how many files they are asked for.
const SAID_OF: usize = 10;
/// How many files come along as a pull request's branch has them.
const MOST_BESIDE: usize = 10;

const BLOB: &str = "... on Blob { oid byteSize text }";

/// What asks for files by their paths: parameters `$p0`, `$p1` … and fields `f0`, `f1` … of a commit.
fn file_fields(paths: &[&RepoPath], variables: &mut Map<String, Json>) -> (String, String) {
    let (mut parameters, mut fields) = (String::new(), String::new());
    for (n, path) in paths.iter().enumerate() {
        parameters.push_str(&format!(", $p{n}: String!"));
        fields.push_str(&file_field(n));
        variables.insert(format!("p{n}"), path.as_str().into());
    }
    (parameters, fields)
}

fn file_field(n: usize) -> String {
    format!(" f{n}: file(path: $p{n}) {{ mode object {{ {BLOB} }} }}")
}

/// What is there of the first paths that were asked for, in their order.
fn at_paths(mut files: HashMap<String, Option<AtPath>>, number: usize) -> Vec<Option<AtPath>> {
    let entry = |n| files.remove(&format!("f{n}")).flatten();
    (0..number).map(entry).collect()
}

/// What asks for [`Head`], with some of the files that are asked for. A branch that is not there has no pull request
/// that is open.
fn head_field(files: usize) -> String {
    let files = (0..files).map(file_field).collect::<String>();
    format!(
        "head: ref(qualifiedName: $head) {{
      target {{ oid ... on Commit {{ tree {{ oid }}{files} }} }}
      pulls: associatedPullRequests(states: OPEN, first: 20) {{ nodes {{ number baseRefName }} }}
    }}"
    )
}

const REPOSITORY_ID: &str = "query($owner: String!, $name: String!) {
  repository(owner: $owner, name: $name) { id }
}";

const BRANCHES: &str = "query($owner: String!, $name: String!) {
  repository(owner: $owner, name: $name) {
    refs(refPrefix: \"refs/heads/\", first: 100) { nodes { name } }
  }
}";

impl GithubRepository {
    /// Reads the branch's tip and the selected files at it.
    ///
    /// # Errors
    /// When the server can't be used, or a file that is named is not there or is no file.
    pub async fn snapshot(&self, selection: &FileSelection) -> Result<Snapshot, RepositoryError> {
        self.snapshot_of(self.branch.as_ref(), selection).await
    }

    /// The same for another branch; of none for the default one.
    ///
    /// # Errors
    /// As [`Self::snapshot`].
    pub async fn snapshot_of(
        &self,
        branch: Option<&BranchName>,
        selection: &FileSelection,
    ) -> Result<Snapshot, RepositoryError> {
        let (snapshot, _) = self.snapshot_beside(branch, selection, None).await?;
        Ok(snapshot)
    }

    /// The same, with where the branch `head` is at the same time; none where it is not there.
    pub(super) async fn snapshot_beside(
        &self,
        branch: Option<&BranchName>,
        selection: &FileSelection,
        head: Option<&BranchName>,
    ) -> Result<(Snapshot, Option<Head>), RepositoryError> {
        let named = selection.named_paths();
        let (first, rest) = named.split_at(named.len().min(BATCH.0));
        let AtTip {
            mut tip,
            mut entries,
            head,
        } = self.tip_with_along(branch, first, head).await?;
        if !rest.is_empty() {
            entries.extend(self.entries_at(&tip.commit, rest).await?);
        }
        let at = BranchTip {
            branch: tip.branch.clone(),
            commit: tip.commit.clone(),
        };
        let files = self.selected(&tip.commit, selection, entries).await;
        let files = files.map_err(|error| error.read_at(at))?;
        let modes = files.iter().map(|(mode, file)| (file.path.clone(), *mode));
        tip.modes.extend(modes);
        let (branch, commit) = (tip.branch.clone(), tip.commit.clone());
        let recent = std::mem::take(&mut tip.recent);
        self.remember(tip);
        let mut files = files.into_iter().map(|(_, file)| file).collect();
        let snapshot = Snapshot {
            branch,
            commit,
            beside: beside(selection, &mut files),
            files,
            recent,
        };
        Ok((snapshot, head))
    }

    /// The selected files as they are at `commit`.
    ///
    /// # Errors
    /// When the server can't be used or has no such commit, or a file that is named is not there.
    pub async fn files_at(
        &self,
        commit: &CommitId,
        selection: &FileSelection,
    ) -> Result<Vec<ManifestFile>, RepositoryError> {
        let entries = self.entries_at(commit, &selection.named_paths()).await?;
        let files = self.selected(commit, selection, entries).await?;
        Ok(files.into_iter().map(|(_, file)| file).collect())
    }

    /// What the commits up to `commit` say that touched one of `paths`, the newest of each path first.
    ///
    /// # Errors
    /// When the server can't be used.
    pub async fn said_before(
        &self,
        commit: &CommitId,
        paths: &[&RepoPath],
    ) -> Result<Vec<Said>, RepositoryError> {
        let paths = paths.iter().take(SAID_OF).map(|path| path.as_str());
        let history = |path: &str, n| {
            format!("h{n}: history(first: {RECENT}, path: {path}) {{ nodes {{ oid message }} }}")
        };
        let histories = self.of_paths(commit, paths, history).await?;
        let histories = histories.into_values();
        let commits = histories.flat_map(|history: Nodes<RecentCommit>| history.nodes);
        commits.map(|commit| self.said(commit)).collect()
    }

    /// What the newest commits up to `commit`, of which a snapshot was made here, did to each of `paths`,
    /// newest first, where GitHub tells it in one query, or told it with the snapshot; else none.
    ///
    /// # Errors
    /// When the server can't be used.
    pub async fn pasts(
        &self,
        commit: &CommitId,
        paths: &[&RepoPath],
    ) -> Result<Option<HashMap<RepoPath, Vec<Touched>>>, RepositoryError> {
        let Ok(tip) = self.remembered(commit) else {
            return Ok(None);
        };
        let known = &tip.brought.pasts;
        let (here, open): (Vec<&RepoPath>, Vec<&RepoPath>) =
            paths.iter().partition(|path| known.contains_key(**path));
        let mut pasts = HashMap::new();
        for path in here {
            let Some(Some(touched)) = known.get(path) else {
                return Ok(None);
            };
            pasts.insert(path.clone(), touched.clone());
        }
        if open.len() > past::PAST_OF || self.is_too_much.load(Relaxed) {
            return Ok(None);
        }
        let asked = open.iter().map(|path| path.as_str());
        let ask = |path: &str, n| format!("h{n}: {}", past::field(path));
        let mut answered = match self.of_paths::<Versions>(commit, asked, ask).await {
            // Larger than what is taken in.
            Err(RepositoryError::Protocol { .. }) => return Ok(None),
            other => other?,
        };
        for (n, path) in open.into_iter().enumerate() {
            let versions = answered.remove(&format!("h{n}"));
            let Some(touched) = versions.and_then(|versions| versions.touched(path)) else {
                return Ok(None);
            };
            pasts.insert(path.clone(), touched);
        }
        Ok(Some(pasts))
    }

    /// Since when at the latest the branch has held `path` as it is at `commit`, as far as a snapshot of it
    /// brought that along.
    pub fn held_since(&self, commit: &CommitId, path: &RepoPath) -> Option<i64> {
        let tip = self.remembered(commit).ok()?;
        tip.brought.held_since.get(path).copied()
    }

    /// What `commit` has of each path, in one query: `field` words what is asked of the n-th path, whose
    /// variable it is given. Nothing is asked where there is no path.
    ///
    /// # Errors
    /// When the server can't be used.
    pub(super) async fn of_paths<T: DeserializeOwned>(
        &self,
        commit: &CommitId,
        paths: impl Iterator<Item = &str>,
        field: impl Fn(&str, usize) -> String,
    ) -> Result<HashMap<String, T>, RepositoryError> {
        #[derive(Deserialize)]
        struct Repository<T> {
            object: Option<HashMap<String, T>>,
        }
        let mut variables = self.variables([("commit", commit.as_str().into())]);
        let (mut parameters, mut fields) = (String::new(), String::new());
        for (n, path) in paths.enumerate() {
            parameters.push_str(&format!(", $p{n}: String!"));
            fields.push_str(&format!(" {}", field(&format!("$p{n}"), n)));
            variables.insert(format!("p{n}"), path.into());
        }
        if fields.is_empty() {
            return Ok(HashMap::new());
        }
        let query = format!(
            "query($owner: String!, $name: String!, $commit: GitObjectID!{parameters}) {{
  repository(owner: $owner, name: $name) {{
    object(oid: $commit) {{ ... on Commit {{{fields} }} }}
  }}
}}"
        );
        let found = self.query(&query, variables).await;
        let repository: Repository<T> = found.map_err(CallError::of_read)?;
        Ok(repository.object.unwrap_or_default())
    }

    fn said(&self, commit: RecentCommit) -> Result<Said, RepositoryError> {
        let RecentCommit { oid, message } = commit;
        let commit = self.commit_id(&oid)?;
        Ok(Said { commit, message })
    }

    /// What is at `paths` of a commit.
    async fn entries_at(
        &self,
        commit: &CommitId,
        paths: &[&RepoPath],
    ) -> Result<Vec<Option<AtPath>>, RepositoryError> {
        #[derive(Deserialize)]
        struct Repository {
            object: Option<CommitWithFiles>,
        }
        let mut entries = Vec::new();
        // Without any path it is asked for as well: the commit must be there.
        let (first, rest) = paths.split_at(paths.len().min(BATCH.0));
        for paths in [first].into_iter().chain(rest.chunks(BATCH.0)) {
            let mut variables = self.variables([("commit", commit.as_str().into())]);
            let (parameters, fields) = file_fields(paths, &mut variables);
            let query = format!(
                "query($owner: String!, $name: String!, $commit: GitObjectID!{parameters}) {{
  repository(owner: $owner, name: $name) {{
    object(oid: $commit) {{ ... on Commit {{ oid{fields} }} }}
  }}
}}"
            );
            let found = self.query(&query, variables).await;
            let repository: Repository = found.map_err(CallError::of_read)?;
            let Some(object) = repository.object else {
                let what = format!("the server has no commit {commit}");
                return Err(RepositoryError::protocol(what));
            };
            entries.extend(at_paths(object.files, paths.len()));
        }
        Ok(entries)
    }

    /// The selected files of a commit with their modes; `entries` are those that are named.
    async fn selected(
        &self,
        commit: &CommitId,
        selection: &FileSelection,
        entries: Vec<Option<AtPath>>,
    ) -> Result<Vec<(u32, ManifestFile)>, RepositoryError> {
        let (mut files, mut read) = (Vec::new(), FilesRead::default());
        for (path, entry) in selection.named_paths().into_iter().zip(entries) {
            let (mode, bytes) = match entry {
                Some(entry) => (entry.mode, self.file(path, entry).await?),
                None => return Err(self.absent(commit, path).await?),
            };
            read.count(bytes.len() as u64)?;
            let path = path.clone();
            files.push((mode, ManifestFile { path, bytes }));
        }
        if selection.globs().next().is_some() {
            let (all, _) = self.listing(commit).await?;
            let matching = globbed(selection, all, |file| &file.path)?;
            let contents = self.contents(&matching).await?;
            for (Listed { path, mode, .. }, bytes) in matching.into_iter().zip(contents) {
                read.count(bytes.len() as u64)?;
                files.push((mode, ManifestFile { path, bytes }));
            }
        }
        any_selected(selection, files.iter().map(|(_, file)| &file.path))?;
        in_order(selection, &mut files, |(_, file)| &file.path);
        Ok(files)
    }

    /// As [`Self::tip`], with what is to come along. Where GitHub does not give that out, it is not asked for
    /// again.
    async fn tip_with_along(
        &self,
        branch: Option<&BranchName>,
        paths: &[&RepoPath],
        head: Option<&BranchName>,
    ) -> Result<AtTip, RepositoryError> {
        let is_own = branch == self.branch.as_ref() && !self.is_too_much.load(Relaxed);
        let asks = is_own && !self.along.fields(paths).is_empty();
        let alone = Asked {
            branch,
            paths,
            along: &Along::default(),
            head,
        };
        if !asks {
            return self.there(alone).await;
        }
        let along = &self.along;
        match self.there(Asked { along, ..alone }).await {
            Err(RepositoryError::Protocol { .. }) => {
                self.is_too_much.store(true, Relaxed);
                self.there(alone).await
            }
            Err(error @ RepositoryError::Unavailable { .. }) => {
                self.is_too_much.store(true, Relaxed);
                Err(error)
            }
            other => other,
        }
    }

    /// As [`Self::tip`], where a branch that is not there is an error.
    async fn there(&self, asked: Asked<'_>) -> Result<AtTip, RepositoryError> {
        match self.tip(asked).await? {
            Some(found) => Ok(found),
            None => Err(self.no_branch(asked.branch).await?),
        }
    }

    /// The tip of a branch, else of the default one, with what is at the paths; none where there is no such
    /// branch.
    async fn tip(&self, asked: Asked<'_>) -> Result<Option<AtTip>, RepositoryError> {
        let Asked {
            branch,
            paths,
            along,
            head,
        } = asked;
        let reference = |name: &BranchName| Json::from(name.reference());
        let named = [("branch", branch), ("head", head)];
        let named = named.into_iter();
        let named = named.filter_map(|(name, branch)| Some((name, reference(branch?))));
        let mut variables = self.variables(named);
        let (parameters, fields) = file_fields(paths, &mut variables);
        let beside = paths.len().min(MOST_BESIDE);
        let (head_parameter, head_field) = match head {
            Some(_) => (", $head: String!", head_field(beside)),
            None => ("", String::new()),
        };
        let (parameter, field) = match branch {
            Some(_) => (", $branch: String!", "ref(qualifiedName: $branch)"),
            None => ("", "defaultBranchRef"),
        };
        let along = match along.fields(paths) {
            fields if fields.is_empty() => fields,
            fields => format!(" along: target {{ ... on Commit {{{fields} }} }}"),
        };
        let query = format!(
            "query($owner: String!, $name: String!{parameter}{head_parameter}{parameters}) {{
  repository(owner: $owner, name: $name) {{
    id nameWithOwner {head_field}
    branch: {field} {{ name target {{ oid ... on Commit {{ oid history(first: {RECENT}) {{ nodes {{ oid message }} }}{fields} }} }}{along} }}
  }}
}}"
        );
        let found = self.query(&query, variables).await;
        let repository: RepositoryAtTip = found.map_err(of_tip)?;
        let Some(BranchAtTip {
            name,
            mut target,
            along,
        }) = repository.branch
        else {
            return Ok(None);
        };
        let recent = target.history.take().map(|history| history.nodes);
        let recent = recent.into_iter().flatten();
        let recent = recent.map(|commit| self.said(commit));
        let recent = recent.collect::<Result<_, RepositoryError>>()?;
        let commit = self.commit_id(&target.oid)?;
        let brought = along.map(|answered| answered.read(&commit, paths));
        let tip = Tip {
            branch: match (branch, name.parse()) {
                (Some(branch), _) => branch.clone(),
                (None, Ok(branch)) => branch,
                (None, Err(_)) => {
                    return Err(RepositoryError::NoDefaultBranch {
                        named: None,
                        existing: vec![name],
                    });
                }
            },
            commit,
            recent,
            repository_id: Some(repository.id),
            name: repository.name_with_owner,
            modes: Modes::new(),
            brought: brought.unwrap_or_default(),
        };
        let head = repository.head.map(|HeadRef { target, pulls }| {
            let is_own = |pull: &OpenPull| pull.base_ref_name == tip.branch.as_str();
            let (own, others): (Vec<_>, Vec<_>) = pulls.nodes.into_iter().partition(is_own);
            let files = paths.iter().zip(at_paths(target.files, beside));
            let files = files.filter_map(|(path, entry)| {
                Some(ManifestFile {
                    path: (*path).clone(),
                    bytes: entry?.whole()?,
                })
            });
            Ok::<_, RepositoryError>(Head {
                commit: self.commit_id(&target.oid)?,
                tree: target.tree.oid,
                files: files.collect(),
                pull: own.first().map(|pull| pull.number),
                elsewhere: others.into_iter().next().map(|pull| Elsewhere {
                    number: pull.number,
                    target: pull.base_ref_name,
                }),
            })
        });
        Ok(Some(AtTip {
            entries: at_paths(target.files, paths.len()),
            head: head.transpose()?,
            tip,
        }))
    }

    /// The branch's tip now; none where it is gone.
    pub(super) async fn head(
        &self,
        branch: &BranchName,
    ) -> Result<Option<CommitId>, RepositoryError> {
        let asked = Asked {
            branch: Some(branch),
            paths: &[],
            along: &Along::default(),
            head: None,
        };
        let found = self.tip(asked).await?;
        Ok(found.map(|found| found.tip.commit))
    }

    /// The repository's node id.
    pub(super) async fn repository_id(&self) -> Result<String, RepositoryError> {
        let found = self.query(REPOSITORY_ID, self.variables([])).await;
        let repository: Identified = found.map_err(CallError::of_read)?;
        Ok(repository.id)
    }

    /// Why there is no tip.
    async fn no_branch(
        &self,
        branch: Option<&BranchName>,
    ) -> Result<RepositoryError, RepositoryError> {
        #[derive(Deserialize)]
        struct Refs {
            refs: Nodes<Named>,
        }
        #[derive(Deserialize)]
        struct Named {
            name: String,
        }
        let found = self.query(BRANCHES, self.variables([])).await;
        let repository: Refs = found.map_err(CallError::of_read)?;
        let names = repository.refs.nodes.into_iter().map(|named| named.name);
        let existing: Vec<String> = names.collect();
        Ok(match branch {
            _ if existing.is_empty() => RepositoryError::Empty,
            Some(branch) => RepositoryError::BranchNotFound {
                branch: branch.clone(),
                existing: nearest(branch.as_str(), existing),
            },
            None => RepositoryError::NoDefaultBranch {
                named: None,
                existing,
            },
        })
    }

    /// The bytes of what is at a path, if it is a file.
    async fn file(&self, path: &RepoPath, entry: AtPath) -> Result<Vec<u8>, RepositoryError> {
        let at = None;
        match entry.mode {
            DIRECTORY => return Err(problem(path, FileProblem::Directory)),
            LINK => return Err(problem(path, FileProblem::Symlink { at })),
            SUBMODULE => return Err(problem(path, FileProblem::Submodule { at })),
            _ => {}
        }
        let Some(Blob {
            oid: Some(oid),
            byte_size,
            text,
        }) = entry.object
        else {
            return Err(self.odd(&format!("gave no content for `{path}`")));
        };
        check_size(path, byte_size.unwrap_or_default())?;
        self.bytes(&oid, text).await
    }

    /// The bytes of a blob: those of its text, if they are, else asked for as such. GitHub's text is
    /// cut where it is long, and is UTF-8 whatever the file's own encoding; but an object's id is the
    /// hash of its bytes, so one can tell.
    async fn bytes(&self, oid: &str, text: Option<String>) -> Result<Vec<u8>, RepositoryError> {
        // It becomes a part of a path.
        let Some(id) = ObjectId::parse(oid) else {
            return Err(self.odd("gave an object an id that none has"));
        };
        let is_it = |bytes: &[u8]| ObjectId::of(ObjectKind::Blob, bytes) == id;
        if let Some(bytes) = text.map(String::into_bytes).filter(|bytes| is_it(bytes)) {
            return Ok(bytes);
        }
        let path = format!("/repos/{}/git/blobs/{oid}", self.name);
        match self.client.get_raw(&path).await? {
            Some(bytes) if is_it(&bytes) => Ok(bytes),
            _ => Err(self.odd(&format!("gave something else for the object {oid}"))),
        }
    }

    /// What is wrong with a path of which the commit has nothing.
    async fn absent(
        &self,
        commit: &CommitId,
        path: &RepoPath,
    ) -> Result<RepositoryError, RepositoryError> {
        let (files, others) = self.listing(commit).await?;
        let through = others.iter().find(|(other, _)| {
            let below = path.as_str().strip_prefix(other.as_str());
            below.is_some_and(|rest| rest.starts_with('/'))
        });
        let at = through.map(|(path, _)| path.clone());
        Ok(match through {
            Some((_, LINK)) => problem(path, FileProblem::Symlink { at }),
            Some(_) => problem(path, FileProblem::Submodule { at }),
            None => missing(path, files.into_iter().map(|file| file.path)),
        })
    }

    /// Every regular file of a commit; and its links and submodules, with their modes. Names that are
    /// no UTF-8 are passed over: no input can mean them.
    async fn listing(
        &self,
        commit: &CommitId,
    ) -> Result<(Vec<Listed>, Vec<(RepoPath, u32)>), RepositoryError> {
        let (mut files, mut others) = (Vec::new(), Vec::new());
        let (mut count, mut bytes) = (0, 0);
        // GitHub takes a commit for its tree.
        let mut open = vec![(String::new(), commit.to_string())];
        while let Some((prefix, tree)) = open.pop() {
            let path = format!("/repos/{}/git/trees/{tree}", self.name);
            let whole: Option<TreeBody> = self.client.get(&format!("{path}?recursive=1")).await?;
            let (entries, whole) = match whole {
                Some(TreeBody {
                    tree,
                    truncated: false,
                }) => (Some(tree), true),
                // Too large for one answer: a level at a time, and then each part by itself.
                Some(_) => {
                    let level: Option<TreeBody> = self.client.get(&path).await?;
                    (level.map(|body| body.tree), false)
                }
                None => (None, true),
            };
            let Some(entries) = entries else {
                return Err(self.odd(&format!("does not know the tree {tree}")));
            };
            for entry in entries {
                let path = format!("{prefix}{}", entry.path);
                count += 1;
                bytes += path.len() as u64;
                LISTED.check(count)?;
                PATHS.check(bytes)?;
                // It becomes a part of a path.
                if ObjectId::parse(&entry.sha).is_none() {
                    return Err(self.odd("gave an object an id that none has"));
                }
                let mode = u32::from_str_radix(&entry.mode, 8).unwrap_or_default();
                if mode == DIRECTORY {
                    if !whole {
                        open.push((format!("{path}/"), entry.sha));
                    }
                    continue;
                }
                let Ok(path) = path.parse() else { continue };
                match mode {
                    LINK | SUBMODULE => others.push((path, mode)),
                    _ => files.push(Listed {
                        path,
                        mode,
                        oid: entry.sha,
                        size: entry.size,
                    }),
                }
            }
        }
        Ok((files, others))
    }

    /// The files in which two commits differ.
    ///
    /// # Errors
    /// When the server can't be used.
    pub(super) async fn paths(
        &self,
        old: &CommitId,
        new: &CommitId,
    ) -> Result<Vec<String>, RepositoryError> {
        let (old, _) = self.listing(old).await?;
        let (new, _) = self.listing(new).await?;
        let of = |files: &[Listed]| -> HashMap<String, String> {
            let files = files.iter();
            files
                .map(|file| (file.path.to_string(), file.oid.clone()))
                .collect()
        };
        let (old, new) = (of(&old), of(&new));
        let differ = |(path, oid): &(&String, &String)| new.get(*path) != Some(*oid);
        let changed = old.iter().filter(differ);
        let came = new.iter().filter(|(path, _)| !old.contains_key(*path));
        let mut paths: Vec<String> = changed.chain(came).map(|(path, _)| path.clone()).collect();
        paths.sort_unstable();
        Ok(paths)
    }

    /// The bytes of files, in their order.
    async fn contents(&self, files: &[Listed]) -> Result<Vec<Vec<u8>>, RepositoryError> {
        let mut read = FilesRead::default();
        for file in files {
            check_size(&file.path, file.size)?;
            read.count(file.size)?;
        }
        let mut contents = Vec::new();
        for batch in batches(files) {
            let texts = self.texts(batch).await?;
            for (file, text) in batch.iter().zip(texts) {
                contents.push(self.bytes(&file.oid, text).await?);
            }
        }
        Ok(contents)
    }

    /// The texts of files, where GitHub gives them out as such.
    async fn texts(&self, files: &[Listed]) -> Result<Vec<Option<String>>, RepositoryError> {
        type Blobs = HashMap<String, Option<Blob>>;
        let asked: Vec<(usize, &Listed)> = files
            .iter()
            .enumerate()
            .filter(|(_, file)| file.size <= LARGEST_TEXT)
            .collect();
        if asked.is_empty() {
            return Ok(files.iter().map(|_| None).collect());
        }
        let mut variables = self.variables([]);
        let (mut parameters, mut fields) = (String::new(), String::new());
        for (n, file) in asked {
            parameters.push_str(&format!(", $b{n}: GitObjectID!"));
            fields.push_str(&format!(" b{n}: object(oid: $b{n}) {{ {BLOB} }}"));
            variables.insert(format!("b{n}"), json!(file.oid));
        }
        let query = format!(
            "query($owner: String!, $name: String!{parameters}) {{
  repository(owner: $owner, name: $name) {{{fields} }}
}}"
        );
        let found = self.query(&query, variables).await;
        let mut blobs: Blobs = found.map_err(CallError::of_read)?;
        let text = |n: usize| blobs.remove(&format!("b{n}")).flatten()?.text;
        Ok((0..files.len()).map(text).collect())
    }
}

/// Why a tip was not read. A token that may read the files need not be allowed to see pull requests.
fn of_tip(error: CallError) -> RepositoryError {
    match error {
        CallError::Errors(mut errors) => {
            for error in errors.iter_mut().filter(|error| error.is_of("pulls")) {
                error.message = format!("pull requests: {}", error.message);
            }
            CallError::Errors(errors).of_read()
        }
        error => error.of_read(),
    }
}

fn check_size(path: &RepoPath, bytes: u64) -> Result<(), RepositoryError> {
    let (bytes, limit) = (usize::try_from(bytes).unwrap_or(usize::MAX), MAX_FILE_BYTES);
    if bytes > limit {
        return Err(problem(path, FileProblem::TooLarge { bytes, limit }));
    }
    Ok(())
}

/// The files in as many pieces as need a query of their own.
fn batches(mut files: &[Listed]) -> Vec<&[Listed]> {
    let (most, largest) = BATCH;
    let mut batches = Vec::new();
    while !files.is_empty() {
        let mut bytes = 0;
        let fitting = files.iter().take(most).take_while(|file| {
            bytes += file.size.min(LARGEST_TEXT);
            bytes <= largest
        });
        let (batch, rest) = files.split_at(fitting.count().max(1));
        batches.push(batch);
        files = rest;
    }
    batches
}
