//! A pull request that an earlier run left open, and that is not needed any more: its target holds what it
//! proposes, or is ahead of it.
//!
//! It is closed where that is proven from Git, and left alone where it is not: where anybody else committed to its
//! branch, where it changes other files, or where it can't be told which of two images is newer.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Progress;
use super::order::order_of;
use super::overtaken::Overtaken;
use super::pull_request::{Proposing, holds_newer, holds_the_same, withdrawn};
use super::session::Session;
use crate::deployment;
use crate::files::{FileSelection, RepoPath};
use crate::manifest::{FileEdit, ManifestFile, Replaced};
use crate::repository::forge::pull::Standing;
use crate::repository::forge::{Forge, LeftOpen};
use crate::repository::head::Made;
use crate::repository::{BranchName, RepositoryError, Snapshot, merge, retry};
use crate::version::Order;

/// How long trouble is waited for: there is nothing else to do.
const PATIENCE: Duration = Duration::from_secs(20);

/// What was seen when there was nothing to do.
pub(super) struct Seen<'a> {
    pub(super) files: &'a FileSelection,
    /// The target.
    pub(super) base: &'a Snapshot,
    /// The pull request that is open, where that was seen as well.
    pub(super) pull: Option<Option<u64>>,
    /// The images that the target holds as they were asked for; none where something else was asked for, and a
    /// guard kept it from being done.
    pub(super) asked: Option<Vec<&'a str>>,
}

/// Why one is not needed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Needless {
    /// Merging it would change nothing.
    Held,
    /// What it changes was changed by others, to newer images.
    Older(Vec<Replaced>),
}

/// What is left of one when it was looked at.
#[derive(Debug, Clone, Default)]
pub struct Left {
    /// What a person should know of it: a sentence without its full stop.
    pub(super) told: Option<String>,
    /// The one that stays open, and what ours that is on its branch says.
    pub(super) open: Option<(u64, Standing, String)>,
}

impl Left {
    fn told(what: String) -> Self {
        Self {
            told: Some(what),
            open: None,
        }
    }
}

/// Closes the one of `proposing`, if there is one, where `base`, a snapshot of its target, shows that it is not
/// needed. Where it stays open, and would bring something else than was asked for, that is told. Nothing that goes
/// wrong here is a reason to fail: the deployment is there.
pub(super) async fn close(
    session: &Session<'_>,
    forge: &Forge<'_>,
    proposing: &Proposing<'_>,
    seen: Seen<'_>,
    log: &mut impl Progress,
) -> Left {
    let Seen {
        files,
        base,
        pull,
        asked,
    } = seen;
    let (own, target) = (&proposing.branch, &base.branch);
    let look = async || {
        let Some(open) = forge.left_open(own, target, pull).await? else {
            return Ok(None);
        };
        let why = needless(session, &open, proposing, (files, base)).await?;
        let other = match (&why, &asked) {
            (None, Some(asked)) => another(&open, asked),
            _ => None,
        };
        let page = match other {
            Some(_) => forge.page(open.number).await?,
            None => None,
        };
        Ok(Some((open, why, other.zip(page))))
    };
    let deadline = session.deadline.within(PATIENCE);
    let found = retry::read(&deadline, |_| {}, look).await;
    let (open, why) = match found {
        Ok(Some((open, Some(why), _))) => (open, why),
        Ok(Some((open, None, other))) => {
            let told = other.map(|(brings, page)| {
                format!(
                    "Pull request #{} of an earlier run is still open, and would bring {brings}, which is not what this run asked for: close it, unless that is to be deployed as well: {page}",
                    open.number
                )
            });
            let is_foreign = open.brings.foreign(own, deployment::is_ours).is_some();
            let ours = newest_of_ours(&open).filter(|_| !is_foreign);
            let message = ours.map(|one| one.message.clone());
            return Left {
                told,
                open: message.map(|message| (open.number, open.standing, message)),
            };
        }
        Ok(None) => return Left::default(),
        Err(error) => {
            return Left::told(format!(
                "Whether a pull request of an earlier run is still needed could not be found out: {error}"
            ));
        }
    };
    let (text, told) = match &why {
        Needless::Held => (holds_the_same(target), "holds what it proposes already"),
        Needless::Older(came) => (
            holds_newer(target, came),
            "holds a newer image than it proposes",
        ),
    };
    let told = format!("{target} {told}");
    let one = (open.number, &open.standing);
    Left {
        told: end(forge, one, (own, target), (&text, &told), log).await,
        open: None,
    }
}

/// Closes one that is `open` since its stage has rolled back what it would bring, which `why` tells. What a person
/// should know, where it stays open.
pub(super) async fn withdraw(
    session: &Session<'_>,
    proposing: &Proposing<'_>,
    target: &BranchName,
    (number, standing): (u64, &Standing),
    why: &str,
    log: &mut impl Progress,
) -> Option<String> {
    let text = withdrawn(why);
    match session.forge().await {
        Ok(forge) => {
            let branches = (&proposing.branch, target);
            end(&forge, (number, standing), branches, (&text, why), log).await
        }
        Err(error) => Some(stays(number, why, &error.to_string())),
    }
}

fn stays(number: u64, told: &str, why: &str) -> String {
    format!("Pull request #{number} of an earlier run stays open though {told}: {why}")
}

/// Closes one with a `text`, and says what is `told`; where it stays open, that is returned.
async fn end(
    forge: &Forge<'_>,
    (number, standing): (u64, &Standing),
    (own, target): (&BranchName, &BranchName),
    (text, told): (&str, &str),
    log: &mut impl Progress,
) -> Option<String> {
    // A run may have brought something else to it meanwhile.
    match forge.standing(number, own, target).await {
        Ok(now) if now == *standing => {}
        Ok(_) | Err(_) => return None,
    }
    match forge.close(standing, number, text).await {
        Ok(()) => {
            log.info(&format!(
                "Closed pull request #{number} of an earlier run: {told}"
            ));
            None
        }
        Err(why) => Some(stays(number, told, &why)),
    }
}

/// The newest commit of ours on its branch.
fn newest_of_ours(open: &LeftOpen) -> Option<&Made> {
    let mut newest = open.brings.commits.iter().rev();
    newest.find(|one| deployment::is_ours(&one.message))
}

/// What it would bring, by its newest commit of ours, where that is something else than was `asked` for.
fn another(open: &LeftOpen, asked: &[&str]) -> Option<String> {
    let one = newest_of_ours(open)?;
    let images = deployment::trailer_values(&one.message, "Deployed-Image");
    let images: Vec<&str> = images.collect();
    if images.is_empty() {
        return Some(format!("`{}`", one.subject()));
    }
    let is_asked = images.iter().all(|image| asked.contains(image));
    (!is_asked).then(|| images.join(", "))
}

/// Why it is not needed; none where it is, or where that is not proven.
async fn needless(
    session: &Session<'_>,
    open: &LeftOpen,
    proposing: &Proposing<'_>,
    (files, base): (&FileSelection, &Snapshot),
) -> Result<Option<Needless>, RepositoryError> {
    let LeftOpen {
        standing, brings, ..
    } = open;
    let is_foreign = brings.foreign(&proposing.branch, deployment::is_ours);
    let (Some(from), Some(paths), Some(head), None) =
        (&brings.from, &brings.paths, &standing.head, is_foreign)
    else {
        return Ok(None);
    };
    let paths: Option<Vec<RepoPath>> = paths.iter().map(|path| path.parse().ok()).collect();
    let paths = paths.filter(|paths| paths.iter().all(|path| files.selects(path)));
    let is_of_the_snapshot = standing.target.as_ref() == Some(&base.commit);
    let Some(paths) = paths.filter(|_| is_of_the_snapshot) else {
        return Ok(None);
    };
    let repository = &session.repository;
    let read = (
        repository.files_at(from, files).await,
        repository.files_at(head, files).await,
    );
    let (before, after) = match read {
        (Ok(before), Ok(after)) => (before, after),
        // One of them is new, or gone.
        (Err(RepositoryError::File { .. }), _) | (_, Err(RepositoryError::File { .. })) => {
            return Ok(None);
        }
        (Err(error), _) | (_, Err(error)) => return Err(error),
    };
    let content = |files: &[ManifestFile], path: &RepoPath| {
        let file = files.iter().find(|file| file.path == *path)?;
        Some(file.bytes.clone())
    };
    let edits = paths.into_iter().map(|path| {
        Some(FileEdit {
            before: content(&before, &path)?,
            after: content(&after, &path)?,
            path,
        })
    });
    let Some(edits) = edits.collect::<Option<Vec<FileEdit>>>() else {
        return Ok(None);
    };
    let now = |path: &RepoPath| content(&base.files, path);
    Ok(judged(&edits, now))
}

/// What follows of `edits`, which it brings, and of what its target says `now`.
fn judged(edits: &[FileEdit], now: impl Fn(&RepoPath) -> Option<Vec<u8>>) -> Option<Needless> {
    let changes_nothing = |edit: &FileEdit| {
        let now = now(&edit.path);
        let merged = now
            .as_ref()
            .and_then(|now| merge::three_way(&edit.before, now, &edit.after));
        merged.is_some() && merged == now
    };
    if edits.is_empty() {
        return None;
    }
    if edits.iter().all(changes_nothing) {
        return Some(Needless::Held);
    }
    let now: BTreeMap<&RepoPath, Vec<u8>> = edits
        .iter()
        .filter_map(|edit| Some((&edit.path, now(&edit.path)?)))
        .collect();
    let Overtaken { came, to_come } =
        Overtaken::of(edits, &[], &[], |path| now.get(path).map(Vec::as_slice));
    let is_older = |one: &Replaced| order_of(&one.now, &one.new) == Order::Older;
    // All that it changes: what nobody else has changed would still come.
    let is_all = !came.is_empty() && to_come.is_empty();
    (is_all && came.iter().all(is_older)).then_some(Needless::Older(came))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(web: &str, api: &str) -> Vec<u8> {
        format!(
            "kind: Deployment\nmetadata: {{name: a}}\nspec:\n  replicas: 1\n  containers:\n  - name: web\n    image: acme/web:{web}\n  - name: api\n    image: acme/api:{api}\n"
        )
        .into_bytes()
    }

    fn scaled(manifest: Vec<u8>) -> Vec<u8> {
        let text = String::from_utf8(manifest).unwrap();
        text.replace("replicas: 1", "replicas: 2").into_bytes()
    }

    fn judge(before: Vec<u8>, after: Vec<u8>, now: Option<Vec<u8>>) -> Option<Needless> {
        let path = "a.yaml".parse().unwrap();
        let edit = FileEdit {
            path,
            before,
            after,
        };
        judged(&[edit], |_| now.clone())
    }

    #[test]
    fn only_what_is_proven_is_needless() {
        let (v1, v2) = (|| manifest("v1", "v1"), || manifest("v2", "v1"));
        assert_eq!(judge(v1(), v2(), Some(v2())), Some(Needless::Held));
        let held = judge(v1(), v2(), Some(scaled(v2())));
        assert_eq!(held, Some(Needless::Held));
        let newer = judge(v1(), v2(), Some(manifest("v3", "v1")));
        let came = Replaced {
            now: "acme/web:v3".to_owned(),
            new: "acme/web:v2".to_owned(),
        };
        assert_eq!(newer, Some(Needless::Older(vec![came.clone()])));
        // What the target has of it already is not to come.
        let newer = judge(v1(), manifest("v2", "v2"), Some(manifest("v3", "v2")));
        assert_eq!(newer, Some(Needless::Older(vec![came])));
        for (after, now, why) in [
            (v2(), Some(v1()), "it is still to come"),
            (manifest("v0", "v1"), Some(v1()), "it is meant to go back"),
            (v2(), Some(manifest("v1.5", "v1")), "it is newer"),
            (v2(), Some(manifest("feature", "v1")), "nobody can tell"),
            (
                manifest("v2", "v2"),
                Some(manifest("v3", "v1")),
                "a part is still to come",
            ),
            (
                manifest("v2", "v2"),
                Some(manifest("v3", "v1.5")),
                "a part is newer",
            ),
            (
                scaled(manifest("v2", "v1")),
                Some(manifest("v3", "v1")),
                "another value is still to come",
            ),
            (v2(), None, "the file is gone"),
        ] {
            assert_eq!(judge(v1(), after, now), None, "{why}");
        }
        assert_eq!(judged(&[], |_| None), None);
    }
}
