//! What the newest commits did to files, as a query tells it along with the tip.
//!
//! GitHub gives of a path the commits that made it what it is, of whatever line, each with the file as it
//! is there: enough for what was deployed and taken back, where each goes on from the one before it. When
//! something came to the branch they do not tell, as a commit may be much older than its merge: that is
//! read from the branch's own line.

use std::collections::HashMap;

use serde::Deserialize;

use super::graphql::{Nodes, Oid, PageInfo};
use crate::date::Timestamp;
use crate::files::RepoPath;
use crate::repository::commit::Identity;
use crate::repository::history::{Commit, FileVersions, Touched};
use crate::repository::object::{CommitId, ObjectId, ObjectKind};

/// How many versions of a file are asked for: what the oldest of them did is not known.
const VERSIONS: u8 = 31;
/// How many commits of the branch, for how long a file has been what it is.
const LINE: u8 = 100;
/// Of how many files the past is asked for in one query.
pub(super) const PAST_OF: usize = 10;

/// What a snapshot is to bring along.
#[derive(Debug, Clone, Default)]
pub struct Along {
    /// The files whose past is asked for.
    pub past_of: Vec<RepoPath>,
    /// The files of which it is asked for how long they have been what they are.
    pub age_of: Vec<RepoPath>,
}

/// What came along with a tip.
#[derive(Debug, Default)]
pub(super) struct Brought {
    /// The newest commits of each file, newest first; none where GitHub's answer does not tell what they
    /// did.
    pub pasts: HashMap<RepoPath, Option<Vec<Touched>>>,
    /// Since when at the latest the branch has held each file as it is at the tip.
    pub held_since: HashMap<RepoPath, i64>,
}

impl Along {
    /// The fields of the tip that ask for it, where `paths` are the variables `$p0`, `$p1` …; none where
    /// nothing is asked for.
    pub(super) fn fields(&self, paths: &[&RepoPath]) -> String {
        let of = |files: &[RepoPath]| -> Vec<usize> {
            let numbers = paths.iter().enumerate();
            let asked = numbers.filter(|(_, path)| files.len() <= PAST_OF && files.contains(path));
            asked.map(|(n, _)| n).collect()
        };
        let mut fields = String::new();
        for n in of(&self.past_of) {
            fields.push_str(&format!(" h{n}: {}", field(&format!("$p{n}"))));
        }
        let aged = of(&self.age_of);
        if !aged.is_empty() {
            let files = aged
                .iter()
                .map(|n| format!(" f{n}: file(path: $p{n}) {{ oid }}"));
            fields.push_str(&format!(
                " line: history(first: {LINE}) {{ nodes {{ oid committedDate parents(first: 1) {{ nodes {{ oid }} }}{} }} }}",
                files.collect::<String>()
            ));
        }
        fields
    }
}

/// What asks a commit for the past of the path that the variable `path` holds.
pub(super) fn field(path: &str) -> String {
    format!(
        "history(first: {VERSIONS}, path: {path}) {{ pageInfo {{ hasNextPage }} nodes {{ oid message committedDate author {{ name email }} parents(first: 1) {{ nodes {{ oid file(path: {path}) {{ oid }} }} }} file(path: {path}) {{ object {{ ... on Blob {{ oid text }} }} }} }} }}"
    )
}

/// The answer to [`Along::fields`].
#[derive(Deserialize)]
pub(super) struct Answered {
    line: Option<Nodes<OnLine>>,
    /// `h0`, `h1` …
    #[serde(flatten)]
    pasts: HashMap<String, Versions>,
}

/// The answer to [`field`].
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Versions {
    page_info: PageInfo,
    nodes: Vec<Version>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    oid: String,
    message: String,
    committed_date: String,
    author: Option<Author>,
    parents: Nodes<Parent>,
    file: Option<AtPath>,
}

#[derive(Deserialize)]
struct Author {
    name: Option<String>,
    email: Option<String>,
}

#[derive(Deserialize)]
struct Parent {
    oid: String,
    file: Option<Oid>,
}

#[derive(Deserialize)]
struct AtPath {
    object: Option<Blob>,
}

#[derive(Deserialize)]
struct Blob {
    oid: Option<String>,
    text: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OnLine {
    oid: String,
    committed_date: String,
    parents: Nodes<Oid>,
    /// `f0`, `f1` …
    #[serde(flatten)]
    files: HashMap<String, Option<Oid>>,
}

impl Answered {
    /// What it says of the files at `paths`, in the order of their variables.
    pub(super) fn read(self, tip: &CommitId, paths: &[&RepoPath]) -> Brought {
        let Self { line, mut pasts } = self;
        let mut brought = Brought::default();
        let line = line.map(|line| own_line(tip, line.nodes));
        for (n, path) in paths.iter().enumerate() {
            if let Some(versions) = pasts.remove(&format!("h{n}")) {
                let touched = versions.touched(path);
                brought.pasts.insert((*path).clone(), touched);
            }
            let line = line.as_deref().unwrap_or_default();
            if let Some(since) = held_since(line, &format!("f{n}")) {
                brought.held_since.insert((*path).clone(), since);
            }
        }
        brought
    }
}

/// The commits of the branch's own line that are among `nodes`, newest first, each with the moment it came:
/// none is older than one before it, whatever its clock said.
fn own_line(tip: &CommitId, nodes: Vec<OnLine>) -> Vec<(i64, OnLine)> {
    let mut nodes: HashMap<String, OnLine> = nodes
        .into_iter()
        .map(|node| (node.oid.clone(), node))
        .collect();
    let mut line = Vec::new();
    let mut next = Some(tip.to_string());
    while let Some(node) = next.and_then(|oid| nodes.remove(&oid)) {
        let Some(time) = Timestamp::seconds_of_iso(&node.committed_date) else {
            break;
        };
        next = node.parents.nodes.first().map(|parent| parent.oid.clone());
        line.push((time, node));
    }
    let mut latest = i64::MIN;
    for (time, _) in line.iter_mut().rev() {
        latest = latest.max(*time);
        *time = latest;
    }
    line
}

/// When the oldest commit of `line` came from which on the file has been what it is at the tip.
fn held_since(line: &[(i64, OnLine)], file: &str) -> Option<i64> {
    let oid = |node: &OnLine| Some(node.files.get(file)?.as_ref()?.oid.clone());
    let now = oid(&line.first()?.1)?;
    let same = line
        .iter()
        .take_while(|(_, node)| oid(node).as_ref() == Some(&now));
    same.last().map(|(time, _)| *time)
}

impl Versions {
    /// The commits with what each did to `path`, newest first; none where they are of several lines, so that
    /// one does not go on from the next, or where GitHub's text is not the file.
    pub(super) fn touched(self, path: &RepoPath) -> Option<Vec<Touched>> {
        let limited = self.page_info.has_next_page;
        let mut texts = Vec::new();
        for version in &self.nodes {
            texts.push(version.text()?);
        }
        let mut touched = Vec::new();
        for (n, version) in self.nodes.into_iter().enumerate() {
            let before = version.parents.nodes.first();
            let before = before.and_then(|parent| parent.file.as_ref());
            let before = before.map(|file| file.oid.as_str());
            let older = texts.get(n + 1);
            if older.is_none() && limited {
                break;
            }
            let older = older.and_then(Option::as_ref);
            if before != older.map(|(oid, _)| oid.as_str()) {
                return None;
            }
            let bytes = |text: Option<&(String, Vec<u8>)>| text.map(|(_, bytes)| bytes.clone());
            let files = vec![FileVersions {
                path: path.clone(),
                now: path.clone(),
                renamed_from: None,
                before: bytes(older),
                after: bytes(texts.get(n).and_then(Option::as_ref)),
                beside: Vec::new(),
            }];
            touched.push(Touched {
                commit: version.commit()?.into(),
                files,
                changed_files: 0,
            });
        }
        Some(touched)
    }
}

impl Version {
    /// The id and the bytes of the file there, which GitHub's text are only where their hash says so; of
    /// what is no file, or not there, nothing.
    fn text(&self) -> Option<Option<(String, Vec<u8>)>> {
        let blob = self.file.as_ref().and_then(|file| file.object.as_ref());
        let Some(Blob {
            oid: Some(oid),
            text,
        }) = blob
        else {
            return Some(None);
        };
        let bytes = text.as_ref()?.as_bytes();
        let is_it = ObjectId::parse(oid) == Some(ObjectId::of(ObjectKind::Blob, bytes));
        is_it.then(|| Some((oid.clone(), bytes.to_vec())))
    }

    fn commit(self) -> Option<Commit> {
        let parents = self.parents.nodes.iter();
        let author = self.author.map(|author| (author.name, author.email));
        let (name, email) = author.unwrap_or_default();
        Some(Commit {
            id: CommitId::parse(&self.oid)?,
            parents: parents
                .filter_map(|parent| CommitId::parse(&parent.oid))
                .collect(),
            author: Identity {
                name: name.unwrap_or_default(),
                email: email.unwrap_or_default(),
            },
            time: Timestamp::utc(Timestamp::seconds_of_iso(&self.committed_date)?),
            message: self.message,
            merged: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn oid(text: &str) -> String {
        ObjectId::of(ObjectKind::Blob, text.as_bytes()).to_string()
    }

    /// What is told of `web.yaml` by commits of which each found one text there and left another one;
    /// nothing where it was not there.
    fn told(limited: bool, commits: &[[&str; 2]]) -> Option<Vec<[Option<String>; 2]>> {
        let there = |text: &str| (!text.is_empty()).then(|| json!({"oid": oid(text)}));
        let nodes = commits.iter().map(|[before, after]| {
            let object = json!({"object": {"oid": oid(after), "text": after}});
            json!({
                "oid": "0123456789".repeat(4),
                "message": "chore: x",
                "committedDate": "2026-08-22T10:00:05Z",
                "author": {"name": "A", "email": null},
                "parents": {"nodes": [{"oid": "9876543210".repeat(4), "file": there(before)}]},
                "file": (!after.is_empty()).then_some(object),
            })
        });
        let nodes: Vec<_> = nodes.collect();
        let versions = json!({"pageInfo": {"hasNextPage": limited}, "nodes": nodes});
        let versions: Versions = serde_json::from_value(versions).unwrap();
        let touched = versions.touched(&"web.yaml".parse().unwrap())?;
        let text = |bytes: Option<Vec<u8>>| bytes.map(|bytes| String::from_utf8(bytes).unwrap());
        let files = touched.into_iter().flat_map(|touched| touched.files);
        let files = files.map(|file| [text(file.before), text(file.after)]);
        Some(files.collect())
    }

    #[test]
    fn each_commit_goes_on_from_the_one_before_it_or_nothing_is_known() {
        let text = |text: &str| Some(text.to_owned());
        let line = [["b", "c"], ["", "b"], ["a", ""], ["", "a"]];
        let all = vec![
            [text("b"), text("c")],
            [None, text("b")],
            [text("a"), None],
            [None, text("a")],
        ];
        assert_eq!(told(false, &line), Some(all));
        // What the oldest found there is not among what is told.
        assert_eq!(
            told(true, &[["b", "c"], ["a", "b"]]),
            Some(vec![[text("b"), text("c")]])
        );
        // Two lines, and a file that has more before it than is told.
        assert_eq!(told(false, &[["a", "c"], ["a", "b"], ["", "a"]]), None);
        assert_eq!(told(false, &[["b", "c"], ["a", "b"]]), None);
    }

    #[test]
    fn a_file_is_as_old_as_the_oldest_commit_of_the_line_that_has_it() {
        let tip = CommitId::parse(&"a".repeat(40)).unwrap();
        let node = |id: &str, date: &str, parent: &str, file: &str| {
            json!({
                "oid": id.repeat(40),
                "committedDate": date,
                "parents": {"nodes": [{"oid": parent.repeat(40)}]},
                "f0": {"oid": oid(file)},
            })
        };
        let since = |nodes: &[serde_json::Value]| {
            let answered = json!({"line": {"nodes": nodes}});
            let answered: Answered = serde_json::from_value(answered).unwrap();
            let path: RepoPath = "web.yaml".parse().unwrap();
            let brought = answered.read(&tip, &[&path]);
            let since = brought.held_since.get(&path).copied();
            since.map(|since| Timestamp::utc(since).iso()[..10].to_owned())
        };
        let merge = node("a", "2026-08-22T10:00:00Z", "c", "2");
        let merged = node("b", "2026-08-01T10:00:00Z", "c", "2");
        let base = node("c", "2026-07-01T10:00:00Z", "d", "1");
        assert_eq!(
            since(&[merge, merged, base.clone()]).as_deref(),
            Some("2026-08-22"),
            "what a merge brought is as old as the merge"
        );
        let dated_back = node("a", "2026-01-01T10:00:00Z", "c", "2");
        assert_eq!(
            since(&[dated_back.clone(), base]).as_deref(),
            Some("2026-07-01"),
            "no commit is older than one before it"
        );
        let same = node("c", "2026-07-01T10:00:00Z", "d", "2");
        let older = node("d", "2026-07-02T10:00:00Z", "e", "2");
        assert_eq!(
            since(&[dated_back, same, older]).as_deref(),
            Some("2026-07-02")
        );
        assert_eq!(since(&[]), None);
    }
}
