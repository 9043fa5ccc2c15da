//! Writing: one branch is moved from one commit to another, or nothing happens.

use git2::ErrorCode;

use super::objects::{Objects, libgit2_id};
use super::packets::{self, PushReport, PushTerms, says_missing};
use super::server::Server;
use super::{pack, tree};
use crate::http::text::{one_line, without_progress};
use crate::repository::branch::BranchName;
use crate::repository::commit::{Landed, Pushed};
use crate::repository::error::{Access, Refusal, RepositoryError};
use crate::repository::object::{CommitId, ObjectId};
use crate::repository::wire::refused;

/// A branch, where it is expected, and where it is to be.
pub(super) struct Move<'a> {
    pub(super) branch: &'a BranchName,
    /// None where it is to be made.
    pub(super) old: Option<ObjectId>,
    pub(super) new: ObjectId,
    /// The commit of whose files the new one was made; none where the server has that one already.
    pub(super) base: Option<ObjectId>,
    /// What the server is asked for with it.
    pub(super) options: &'a [String],
}

/// What stands for a reference that is not there.
const NOWHERE: ObjectId = ObjectId::Sha1([0; 20]);

/// Pushes the commit `step.new`, which was made on top of `step.old`; never forced.
///
/// The server moves the branch from `old` or not at all, so nothing is risked by not asking it first
/// where the branch is: it was there a moment ago. To ask costs a request, and tells what the server
/// can do and, before anything is sent, that the branch has moved; that is worth it where the last push
/// did not come to an end in good order. After a lost race it would only lose the next one.
pub(super) fn push(
    objects: &Objects,
    server: &Server,
    step: &Move<'_>,
) -> Result<Pushed, RepositoryError> {
    let connection = &server.connection;
    // Whether options are taken, only the server says.
    let known = server.take_push_terms();
    let known = known.filter(|terms| step.options.is_empty() || terms.options);
    let asks_first = known.is_none();
    let Move {
        branch, old, new, ..
    } = step;
    let host = connection.host();
    let reference = branch.reference();
    let advertisement = if asks_first {
        let answer = connection.ask_before_push();
        Some(answer.map_err(|error| refused(error, &host))?)
    } else {
        None
    };
    if let Some(advertisement) = &advertisement {
        match server.read(advertisement)?.tip(branch) {
            tip if tip == *old => {}
            Some(tip) => {
                server.keep_push_terms(PushTerms::of(Some(advertisement)));
                let detail = format!("its tip is now {tip}");
                return Ok(Pushed::Moved { detail });
            }
            None => {
                let detail = "the branch is gone".to_owned();
                return Ok(Pushed::Moved { detail });
            }
        }
    }
    let terms = known.unwrap_or_else(|| PushTerms::of(advertisement.as_deref()));
    if !step.options.is_empty() && !terms.options {
        return Err(RepositoryError::NoPushOptions { host });
    }
    let from = old.unwrap_or(NOWHERE);
    let command = format!("{from} {new} {reference}");
    let mut request = packets::push_request(&command, &terms.capabilities, step.options);
    let added = match step.base {
        Some(base) => tree::added(objects, base, *new)?,
        None => Vec::new(),
    };
    let pack = pack::pack(&added, terms.thin);
    let pack = pack.map_err(|error| {
        RepositoryError::protocol(format!("the commit can't be packed: {error}"))
    })?;
    request.extend_from_slice(&pack);
    match connection.push(request) {
        Ok(answer) => {
            let report = packets::push_report(&answer, &reference);
            if report.is_in_order() {
                server.keep_push_terms(terms);
            }
            match reported(&report, *new, &host, asks_first) {
                Err(refused @ RepositoryError::Refused { .. }) => looked_at(server, step, refused),
                outcome => outcome,
            }
        }
        Err(error) => {
            let (may_have_happened, is_answer) = (error.may_have_happened(), error.is_answer());
            let error = match refused(error, &host) {
                error if may_have_happened => {
                    return Err(RepositoryError::Unconfirmed {
                        commit: Some((*new).into()),
                        what: error.to_string(),
                    });
                }
                // A server that wants to be asked first, perhaps.
                RepositoryError::NotGit { what } if !asks_first => {
                    RepositoryError::unavailable(what)
                }
                error => error,
            };
            match is_answer {
                true => looked_at(server, step, error),
                false => Err(error),
            }
        }
    }
}

/// What it means that a push was answered by something else than a report of it: something on the way may say no
/// after the server has moved the branch. So the branch tells.
fn looked_at(
    server: &Server,
    step: &Move<'_>,
    refused: RepositoryError,
) -> Result<Pushed, RepositoryError> {
    let Move {
        branch, old, new, ..
    } = step;
    let tips = server.tips(std::slice::from_ref(branch));
    match tips.map(|tips| tips.into_iter().next().flatten()) {
        // Also where nothing was to move, and something was only asked.
        Ok(tip) if tip == *old => Err(refused),
        Ok(Some(tip)) if tip == *new => Ok(Pushed::Landed(landed(tip))),
        Ok(_) => Ok(Pushed::Moved {
            detail: refused.to_string(),
        }),
        // It says when to come back; the next try looks at the branch.
        Err(_) if refused.is_trouble() => Err(refused),
        Err(_) => Err(RepositoryError::Unconfirmed {
            commit: Some((*new).into()),
            what: refused.to_string(),
        }),
    }
}

/// What became of a push, as the server reports it.
fn reported(
    report: &PushReport,
    commit: ObjectId,
    host: &str,
    asked_first: bool,
) -> Result<Pushed, RepositoryError> {
    let PushReport {
        unpack,
        reference,
        said,
    } = report;
    let worded = |status: &str| {
        let said = one_line(&without_progress(said));
        let colon = if said.is_empty() { "" } else { ": " };
        format!("{}{colon}{said}", one_line(status))
    };
    match (unpack.as_deref(), reference) {
        (Some("ok"), Some(Ok(()))) => Ok(Pushed::Landed(Landed {
            said: without_progress(said),
            ..landed(commit)
        })),
        (Some("ok"), Some(Err(status))) => Ok(Pushed::Refused {
            detail: worded(status),
        }),
        (Some(why), _) if why != "ok" && says_missing(why) => Err(RepositoryError::Refused {
            refusal: Refusal::Repository,
            access: Access::Write,
            code: "ERR".to_owned(),
            detail: worded(why),
        }),
        // A pack that was cut on the way; or a server that completes none, and was not asked.
        (Some(why), _) if why != "ok" && !asked_first => Err(RepositoryError::unavailable(
            format!("{host} did not take the commit: {}", worded(why)),
        )),
        (Some(why), _) if why != "ok" => Ok(Pushed::Refused {
            detail: worded(why),
        }),
        _ => {
            let said = one_line(&without_progress(said));
            let colon = if said.is_empty() { "" } else { ": " };
            Err(RepositoryError::Unconfirmed {
                commit: Some(commit.into()),
                what: format!("{host} did not say what became of the branch{colon}{said}"),
            })
        }
    }
}

fn landed(commit: ObjectId) -> Landed {
    CommitId::from(commit).into()
}

/// The same on a repository of this machine.
pub(super) fn swap(objects: &Objects, step: &Move<'_>) -> Result<Pushed, RepositoryError> {
    let Move {
        branch, old, new, ..
    } = step;
    let (Some(repository), Some(old)) = (objects.local(), old) else {
        return Err(RepositoryError::protocol("no repository of this machine"));
    };
    let reference = branch.reference();
    let checked_out = !repository.is_bare()
        && repository
            .head()
            .is_ok_and(|head| head.name() == Ok(reference.as_str()));
    if checked_out {
        let detail = "the branch is checked out there, and its files would not follow".to_owned();
        return Ok(Pushed::Unmoved { detail });
    }
    let (old, commit) = (libgit2_id(*old)?, libgit2_id(*new)?);
    match repository.reference_matching(&reference, commit, true, old, "gitops-deploy") {
        Ok(_) => Ok(Pushed::Landed(landed(*new))),
        Err(error)
            if matches!(
                error.code(),
                ErrorCode::Modified | ErrorCode::NotFound | ErrorCode::Locked
            ) =>
        {
            Ok(Pushed::Moved {
                detail: one_line(error.message()),
            })
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::deadline::{Deadline, cancellation};
    use crate::repository::git::budget::Budget;
    use crate::repository::location::Location;

    #[test]
    fn a_refusal_is_told_in_the_servers_words_without_its_progress() {
        let report = PushReport {
            unpack: Some("ok".to_owned()),
            reference: Some(Err("pre-receive hook declined".to_owned())),
            said: "Resolving deltas:   0% (0/1)\rResolving deltas: 100% (1/1), completed with 1 local object.\n\
                   remote: error: GH006: Protected branch\n"
                .to_owned(),
        };
        let commit = ObjectId::parse(&"1".repeat(40)).unwrap();
        let detail = "pre-receive hook declined: error: GH006: Protected branch".to_owned();
        let refused = reported(&report, commit, "h", false).unwrap();
        assert_eq!(refused, Pushed::Refused { detail });
        let quiet = PushReport {
            said: String::new(),
            ..report
        };
        let detail = "pre-receive hook declined".to_owned();
        let refused = reported(&quiet, commit, "h", false).unwrap();
        assert_eq!(refused, Pushed::Refused { detail });
    }

    /// A repository with a commit and its parent, which differ in what `write` makes of the files.
    fn commits(
        files: &[(&str, Vec<u8>)],
        changed: &[(&str, Vec<u8>)],
    ) -> (tempfile::TempDir, git2::Oid) {
        let directory = tempfile::tempdir().unwrap();
        let repository = git2::Repository::init_bare(directory.path()).unwrap();
        let mut tip: Option<git2::Oid> = None;
        for files in [files, changed] {
            let mut update = git2::build::TreeUpdateBuilder::new();
            for (path, content) in files {
                let blob = repository.blob(content).unwrap();
                update.upsert(*path, blob, git2::FileMode::Blob);
            }
            let parent = tip.map(|tip| repository.find_commit(tip).unwrap());
            let before = match &parent {
                Some(parent) => parent.tree().unwrap(),
                None => {
                    let empty = repository.treebuilder(None).unwrap().write().unwrap();
                    repository.find_tree(empty).unwrap()
                }
            };
            let tree = update.create_updated(&repository, &before).unwrap();
            let tree = repository.find_tree(tree).unwrap();
            let who = git2::Signature::now("A", "a@example.com").unwrap();
            let parents: Vec<_> = parent.iter().collect();
            let made = repository.commit(None, &who, &who, "x", &tree, &parents);
            tip = Some(made.unwrap());
        }
        (directory, tip.unwrap())
    }

    /// The objects in a pack, by git's own reader: it checks each, and the pack.
    fn read_by_git(git_dir: &std::path::Path, pack: &[u8]) -> String {
        let mut git = Command::new("git")
            .args(["index-pack", "--stdin", "--fix-thin", "--strict", "-v"])
            .env("GIT_DIR", git_dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        git.stdin.take().unwrap().write_all(pack).unwrap();
        let output = git.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    #[test]
    fn git_reads_the_pack_and_it_holds_what_changed_alone() {
        let line = |n: usize| format!("line {n}\n").into_bytes();
        let long: Vec<u8> = (0..50_000).flat_map(line).collect();
        let edited = [&long[..200_000], b"edited", &long[200_000..]].concat();
        let (directory, commit) = commits(
            &[
                ("a/b/c.yaml", long),
                ("a/b/other.yaml", b"x".to_vec()),
                ("z/web.yaml", b"image: web:v1\n".to_vec()),
                ("README", b"read me\n".to_vec()),
            ],
            &[
                ("a/b/c.yaml", edited),
                ("z/web.yaml", b"image: web:v2\n".to_vec()),
                ("z/new.yaml", b"image: new:v1\n".to_vec()),
                ("README", Vec::new()),
            ],
        );
        let url = url::Url::from_directory_path(directory.path()).unwrap();
        let (_, cancellation) = cancellation();
        let deadline = Deadline::after(Duration::from_secs(60), cancellation);
        let budget = Arc::new(Budget::until(deadline));
        let objects = Objects::of(&Location::new(url.as_str(), &url).unwrap(), budget).unwrap();
        let parent = objects.commit(commit.into()).unwrap().parents[0];
        let new = tree::added(&objects, parent, commit.into()).unwrap();
        let (thin, whole) = (
            pack::pack(&new, true).unwrap(),
            pack::pack(&new, false).unwrap(),
        );
        assert!(thin.len() < 1_000, "{}", thin.len());
        // A commit, the trees `/`, `a`, `a/b` and `z`, four files.
        assert_eq!(thin[8..12], 9_u32.to_be_bytes());
        assert_eq!(whole[8..12], 9_u32.to_be_bytes());
        read_by_git(directory.path(), &thin);
        read_by_git(directory.path(), &whole);

        // Nothing that the pack has to bring is there, only what the parent has.
        let (bare, _) = commits(&[], &[]);
        let fetch = Command::new("git")
            .args(["fetch", "-q", directory.path().to_str().unwrap()])
            .arg(format!("{parent}:refs/heads/main"))
            .env("GIT_DIR", bare.path())
            .status()
            .unwrap();
        assert!(fetch.success());
        read_by_git(bare.path(), &thin);
        let fsck = Command::new("git")
            .args(["fsck", "--strict", &commit.to_string()])
            .env("GIT_DIR", bare.path())
            .status()
            .unwrap();
        assert!(fsck.success());
    }
}
