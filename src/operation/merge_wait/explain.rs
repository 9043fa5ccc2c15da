//! How the wait ended, in words for whoever reads the failed step's log: how the pull request stands, why,
//! and what to do.

use std::time::Duration;

use super::proof::Tip;
use crate::failure::{Failure, Reason};
use crate::manifest::Replaced;
use crate::operation::commit_line;
use crate::operation::landing::LandingReport;
use crate::operation::overtaken::Overtaken;
use crate::operation::pull_request::Opened;
use crate::repository::forge::pull::PullState;
use crate::repository::history::Commit;
use crate::repository::{CommitId, RepositoryError};

/// The most images that a sentence lists.
const MAX_LISTED: usize = 5;

/// How a pull request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MergeOutcome {
    /// The target holds what it proposes.
    Merged,
    /// Somebody closed it.
    Closed,
    /// Another deployment, or somebody's own commits, took its place.
    Replaced,
    /// It can't be merged, and can't be planned again.
    Conflicting,
    /// It is open still.
    TimedOut,
}

impl MergeOutcome {
    /// As the output `pull-request-state` has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Merged => "merged",
            Self::Closed => "closed",
            Self::Replaced => "replaced",
            Self::Conflicting => "conflicting",
            Self::TimedOut => "timed-out",
        }
    }
}

/// How it ended badly.
#[derive(Debug)]
pub(super) struct Unmerged {
    /// None where that is not known.
    pub(super) outcome: Option<MergeOutcome>,
    pub(super) failure: Failure,
}

/// What is told of: a pull request and its commit.
#[derive(Clone, Copy)]
pub(super) struct Told<'a> {
    pub(super) landed: &'a LandingReport,
    pub(super) pull: &'a Opened,
}

fn ended(outcome: MergeOutcome, message: String, hint: impl Into<String>) -> Unmerged {
    Unmerged {
        outcome: Some(outcome),
        failure: Failure::new(Reason::NotMerged, message).with_hint(hint),
    }
}

/// `a:1, b:2, … and 3 more`
fn listed<'a>(images: impl Iterator<Item = &'a str>) -> String {
    let mut all: Vec<&str> = Vec::new();
    for image in images.filter(|image| !image.is_empty()) {
        if !all.contains(&image) {
            all.push(image);
        }
    }
    match all.split_at_checked(MAX_LISTED) {
        Some((some, rest @ [_, ..])) => format!("{}, … and {} more", some.join(", "), rest.len()),
        _ => all.join(", "),
    }
}

/// What became of one that holds something else, and what to do: while it is open, `hint`.
fn became(state: PullState, hint: &'static str) -> (&'static str, &'static str) {
    match state {
        PullState::Open => ("It stays open, and is left alone", hint),
        PullState::Closed => (
            "It was closed",
            "Its page says who closed it. To deploy it all the same, run the job again: it opens another one.",
        ),
        PullState::Merged => (
            "It was merged like that",
            "Look at what its target holds now; `operation: verify` waits for Argo CD to run that. To deploy this version, run the job again.",
        ),
    }
}

impl Told<'_> {
    /// `Pull request #1 into main of acme/deploy`
    fn subject(&self) -> String {
        let LandingReport {
            branch, location, ..
        } = self.landed;
        format!(
            "Pull request #{} into {branch} of {location}",
            self.pull.number
        )
    }

    /// What did not happen.
    fn nothing_deployed(&self) -> String {
        let images = listed(self.landed.new_images().into_iter());
        let what = match images.is_empty() {
            true => "what it proposes".to_owned(),
            false => images,
        };
        format!("{what} is not deployed: {}", self.pull.url)
    }

    /// Somebody closed it, or deleted its branch.
    pub(super) fn closed(&self, is_branch_gone: bool) -> Unmerged {
        let why = match is_branch_gone {
            true => format!("was closed: its branch `{}` is gone", self.pull.branch),
            false => "was closed".to_owned(),
        };
        ended(
            MergeOutcome::Closed,
            format!(
                "{} {why}, and was not merged. {}",
                self.subject(),
                self.nothing_deployed()
            ),
            "Its page says who closed it. To deploy it all the same, run the job again: it opens another one.",
        )
    }

    /// The server says that it was merged, and Git that its target does not hold it.
    pub(super) fn not_held(&self, tip: &Tip) -> Unmerged {
        let branch = &self.landed.branch;
        ended(
            MergeOutcome::Closed,
            format!(
                "{} is closed as merged, but {branch} at {} does not hold it: {branch} was rewound, or the merge was taken back. {}",
                self.subject(),
                tip.commit.short(),
                self.nothing_deployed()
            ),
            format!("Look at the history of {branch}. Run the job again to propose it once more."),
        )
    }

    /// Its target has held it, and another commit took it back.
    pub(super) fn taken_back(&self, merge: &CommitId, by: &Commit) -> Unmerged {
        ended(
            MergeOutcome::Closed,
            format!(
                "{} came to {} with {}, and {} took it back. {}",
                self.subject(),
                self.landed.branch,
                merge.short(),
                commit_line(by),
                self.nothing_deployed()
            ),
            "Ask whoever took it back. To deploy it all the same, run the job again: it opens another one.",
        )
    }

    /// The branch that it is to be merged into is gone.
    pub(super) fn no_target(&self) -> Unmerged {
        let branch = &self.landed.branch;
        ended(
            MergeOutcome::Closed,
            format!(
                "{} can't be merged: the branch {branch} is gone. {}",
                self.subject(),
                self.nothing_deployed()
            ),
            "Check `branch`, and run the job again.",
        )
    }

    /// Another run deploys something else by it.
    pub(super) fn another_deployment(
        &self,
        commit: &CommitId,
        subject: &str,
        state: PullState,
    ) -> Unmerged {
        let does = match state {
            PullState::Open => "proposes",
            PullState::Closed => "was closed with",
            PullState::Merged => "was merged with",
        };
        ended(
            MergeOutcome::Replaced,
            format!(
                "{} {does} another deployment: {} (`{subject}`). {}",
                self.subject(),
                commit.short(),
                self.nothing_deployed()
            ),
            "Where that one is to stand, there is nothing to do: the run that made that commit goes on with it. To deploy this one in its place, run the job again; where both are to stand, give each a `pull-request-branch` of its own, or leave it out.",
        )
    }

    /// Somebody committed to its branch.
    pub(super) fn foreign(&self, error: &RepositoryError, state: PullState) -> Unmerged {
        let by = match error {
            RepositoryError::ForeignCommit {
                commit,
                author,
                subject,
                ..
            } => format!("{} by {author} (`{subject}`)", commit.short()),
            other => other.to_string(),
        };
        let (became, hint) = became(
            state,
            "Review it and merge it by hand; `operation: verify` waits for Argo CD then. Or close it, delete its branch and run the job again.",
        );
        ended(
            MergeOutcome::Replaced,
            format!(
                "{} holds a commit that this action did not make: {by}. So it is not what this run proposed any more. {became}: {}",
                self.subject(),
                self.pull.url
            ),
            hint,
        )
    }

    /// The proposed commit is not on its branch any more.
    pub(super) fn rewound(&self, state: PullState) -> Unmerged {
        let commit = self.landed.commit.as_ref().map(CommitId::short);
        let (became, hint) = became(
            state,
            "Ask whoever moved it. Run the job again to propose this deployment once more.",
        );
        ended(
            MergeOutcome::Replaced,
            format!(
                "{} does not hold commit {} any more: somebody moved its branch `{}`. {became}: {}",
                self.subject(),
                commit.unwrap_or_default(),
                self.pull.branch,
                self.pull.url
            ),
            hint,
        )
    }

    /// Its commit is in the target, and the images are not.
    pub(super) fn swallowed(&self, tip: &Tip) -> Unmerged {
        let branch = &self.landed.branch;
        ended(
            MergeOutcome::Replaced,
            format!(
                "{} was merged, but no commit of {branch} up to {} held what it proposed: something else was merged. {}",
                self.subject(),
                tip.commit.short(),
                self.nothing_deployed()
            ),
            format!(
                "Look at the merge in the history of {branch}. Run the job again to propose it once more."
            ),
        )
    }

    /// Its stage has rolled back what it would bring.
    pub(super) fn withdrawn(&self, why: &str, closed: Result<(), String>) -> Unmerged {
        let (became, todo) = match closed {
            Ok(()) => (format!("It was closed: {}", self.pull.url), ""),
            Err(why) => (
                format!("It stays open, since {why}: {}", self.pull.url),
                "Close it there. ",
            ),
        };
        ended(
            MergeOutcome::Replaced,
            format!(
                "{} is not to be merged any more: {why}. {became}",
                self.subject()
            ),
            format!("{todo}Promote a newer version, or deploy this one with `operation: update`."),
        )
    }

    /// The target holds newer images by now.
    pub(super) fn older(&self, came: &[Replaced], closed: Result<(), String>) -> Unmerged {
        let now = listed(came.iter().map(|one| one.now.as_str()));
        let new = listed(came.iter().map(|one| one.new.as_str()));
        let (became, todo) = match closed {
            Ok(()) => (
                format!("It was closed: {}", self.pull.url),
                "There is nothing to do: the newer one is deployed.",
            ),
            Err(why) => (
                format!("It stays open, since {why}: {}", self.pull.url),
                "The newer one is deployed: close this one there.",
            ),
        };
        ended(
            MergeOutcome::Replaced,
            format!(
                "{} would bring {new}, and {} holds {now} by now, which is newer. {became}",
                self.subject(),
                self.landed.branch
            ),
            format!("{todo} To go back to the older one, use `operation: rollback`."),
        )
    }

    /// The target holds newer images than a part of it; the rest is still to come.
    pub(super) fn older_in_part(&self, overtaken: &Overtaken) -> Unmerged {
        let Overtaken { came, to_come } = overtaken;
        let now = listed(came.iter().map(|one| one.now.as_str()));
        let new = listed(came.iter().map(|one| one.new.as_str()));
        let to_come = listed(to_come.iter().map(String::as_str));
        self.conflict(
            &format!(
                "{} holds {now} by now, which is newer than its {new}, and {to_come} is still to come",
                self.landed.branch
            ),
            &format!(
                "Deploy {to_come} by itself, or together with what {} holds, and close this one: merged as it is, it brings {new} back.",
                self.landed.branch
            ),
        )
    }

    /// Others changed the same, and nobody can tell which is newer.
    pub(super) fn unordered(&self, came: &[Replaced]) -> Unmerged {
        let now = listed(came.iter().map(|one| one.now.as_str()));
        let new = listed(came.iter().map(|one| one.new.as_str()));
        self.conflict(
            &format!(
                "{} holds {now} by now in place of what {new} was to replace, and which of them is newer can't be told",
                self.landed.branch
            ),
            "Decide which one is to run. To deploy this one, run the job again; else close the pull request.",
        )
    }

    /// Others changed what a rollback was made for.
    pub(super) fn rollback_overtaken(&self, came: &[Replaced]) -> Unmerged {
        let now = match &listed(came.iter().map(|one| one.now.as_str()))[..] {
            "" => "its lines were changed".to_owned(),
            now => format!("{now} came"),
        };
        let to = match self.landed.new_images()[..] {
            [image] => format!("`to: {image}`"),
            _ => "`to`".to_owned(),
        };
        self.conflict(
            &format!("a rollback is not planned again, and {now} since"),
            &format!(
                "Close it. Where what came since is to run, that is all. To go back all the same, use `operation: rollback` with {to}: one that names nothing takes back the newest deployment."
            ),
        )
    }

    /// It can't be merged as it is, and `why` it was not planned again.
    pub(super) fn conflict(&self, why: &str, hint: &str) -> Unmerged {
        let why = why.trim_end_matches('.');
        ended(
            MergeOutcome::Conflicting,
            format!(
                "{} conflicts with its target: {why}. It stays open: {}",
                self.subject(),
                self.pull.url
            ),
            hint,
        )
    }

    /// The time is over. `trouble` is what the last look ended with.
    pub(super) fn timed_out(&self, time: Duration, trouble: Option<&RepositoryError>) -> Unmerged {
        if let Some(trouble) = trouble {
            let hint =
                "Look at the pull request, and run the job again: it goes on from what is there.";
            return Unmerged {
                outcome: None,
                failure: self.unknown(&trouble.to_string()).with_hint(hint),
            };
        }
        ended(
            MergeOutcome::TimedOut,
            format!(
                "{} was not merged within {} s. It stays open: {}",
                self.subject(),
                time.as_secs(),
                self.pull.url
            ),
            "Have it reviewed and merged, and run the job again: it goes on from what is merged by then. Or set a longer `pull-request-wait`. The next deployment updates it while it is open.",
        )
    }

    /// Nobody says how it stands.
    fn unknown(&self, why: &str) -> Failure {
        let (commit, branch) = (self.landed.commit.as_ref(), &self.pull.branch);
        let message = format!(
            "Commit {} is on the branch `{branch}`, but whether pull request #{} was merged can't be found out: {}. See {}",
            commit.map(CommitId::short).unwrap_or_default(),
            self.pull.number,
            why.trim_end_matches('.'),
            self.pull.url
        );
        Failure::new(Reason::MergeUnknown, message)
    }

    /// The run was cancelled.
    pub(super) fn cancelled(&self) -> Unmerged {
        let message = format!(
            "The run was cancelled while it waited for the merge. {} stays open: {}",
            self.subject(),
            self.pull.url
        );
        let hint =
            "Nothing is taken back by that: close the pull request if it is not to be merged.";
        Unmerged {
            outcome: None,
            failure: Failure::new(Reason::Cancelled, message).with_hint(hint),
        }
    }

    /// The server answers, and does not say how it stands.
    pub(super) fn unreadable(&self, error: &RepositoryError) -> Unmerged {
        let hint = match error {
            RepositoryError::Refused { .. } => {
                "A token must be valid for as long as the wait takes, and needs *Pull requests: Read and write*. Look at the pull request, and run the job again."
            }
            _ => "Look at the pull request, and run the job again: it goes on from what is there.",
        };
        Unmerged {
            outcome: None,
            failure: self.unknown(&error.to_string()).with_hint(hint),
        }
    }
}
