//! How the wait for what is posted on a commit ended, in words for a person.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use crate::commit_status::{Assessed, Context, Culprit, Fact, Kind, Line, Wait};
use crate::failure::{Failure, Reason};
use crate::http::text::one_line;
use crate::nearest::{first_few, nearest};
use crate::operation::verify::ended::{Ended, WAY_BACK};
use crate::operation::verify::report::Blame;
use crate::operation::verify::target::{Deployed, Statuses};
use crate::repository::github::permissions::Permission;
use crate::repository::{CommitId, RepositoryError};

/// The most names that a sentence lists.
const MAX_LISTED: usize = 10;

/// The names that were seen on the branch's newest commits.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// On the commit that is waited for.
    pub(super) own: BTreeSet<Context>,
    /// On others.
    pub(super) elsewhere: BTreeSet<Context>,
}

/// What is told of.
pub(super) struct Told<'a> {
    pub(super) deployed: &'a Deployed,
    pub(super) statuses: &'a Statuses,
    pub(super) assessed: &'a [Assessed],
    /// The branch's tip as it was seen last.
    pub(super) tip: Option<&'a CommitId>,
    /// Every name that was seen on the branch.
    pub(super) seen: &'a Seen,
    /// Whether checks of this workflow were left out.
    pub(super) is_own_left_out: bool,
}

impl Told<'_> {
    fn commit(&self) -> &str {
        self.deployed.commit.short()
    }

    /// What one says, with its words and where to look: `a reports failure on 0123456 (for 62 s): words. https://…`.
    fn said(&self, context: &Context) -> String {
        let Some(one) = self
            .assessed
            .iter()
            .find(|one| one.posted.context == *context)
        else {
            return format!("{context} was posted");
        };
        let mut text = format!(
            "{context} reports `{}` on {}, for {} s",
            one.posted.state().name(),
            short(&one.commit),
            one.stood.as_secs()
        );
        let words = one_line(&one.posted.description);
        if !words.is_empty() {
            let _ = write!(text, ": {}", words.trim_end_matches('.'));
        }
        if let Some(url) = &one.posted.url {
            let _ = write!(text, " ({})", one_line(url));
        }
        text
    }

    /// Where the branch is.
    fn tip(&self) -> String {
        match self.tip {
            Some(tip) => format!("its tip is {}", tip.short()),
            None => "GitHub shows no such branch".to_owned(),
        }
    }

    /// What is missing, as a line of the log.
    pub(super) fn waiting(&self, wait: &Wait) -> String {
        let commit = self.commit();
        match wait {
            Wait::OffBranch => format!(
                "{} does not lead to {commit}, for now: {}",
                self.deployed.branch,
                self.tip()
            ),
            Wait::Nothing(lines) => {
                format!("Nothing is posted on {commit} yet: {}", lines.join(", "))
            }
            Wait::Standing(context) => format!("{context} must stay so for a moment"),
            Wait::Alone(context, missing) => format!(
                "{context} must stay so for a minute, as {} was posted on an earlier commit and not on this one",
                names(missing)
            ),
            Wait::Failing(context) => format!("{context} fails, which may pass"),
            Wait::Pending(context) => format!("{context} is not done yet"),
            Wait::NoVerdict(context, word) => {
                format!("{context} is `{word}`, which is not a success")
            }
            Wait::Overtaken(context, later) => format!(
                "{context} reports success on {}, and whether that deploys the same is not known",
                short(later)
            ),
            Wait::LaterFails(context, later) => format!(
                "{context} fails on {}, which came later. Waiting for a cure",
                short(later)
            ),
        }
    }

    /// What is left open by a commit that is deployed.
    pub(super) fn done_without(&self, missing: &[Context]) -> String {
        format!(
            "{} was posted on an earlier commit, and not on {}: nothing is known of that. Name it in `status-context` by itself where it must be there",
            names(missing),
            self.commit()
        )
    }

    /// The commit is reported as broken.
    pub(super) fn broken(&self, contexts: &[Context]) -> Ended {
        let said: Vec<String> = contexts.iter().map(|context| self.said(context)).collect();
        Ended::new(
            Reason::ReportedFailure,
            format!("The deployment {} was reported as failed.\n{}.", self.commit(), said.join(".\n")),
            "Look at the cluster's controller for why: `flux get kustomizations`, or the application in Argo CD.",
        )
        .with_way_back()
        .blamed_on(Blame::Commit)
    }

    /// A later commit that deploys something else is deployed.
    pub(super) fn superseded(&self, later: &str, others: &[(String, Option<String>)]) -> Ended {
        let changed: Vec<String> = others
            .iter()
            .map(|(image, now)| match now {
                Some(now) => format!("{now} in place of {image}"),
                None => format!("{image} is gone"),
            })
            .collect();
        let changed = match &changed[..] {
            [] => "the files differ".to_owned(),
            changed => first_few(changed, 5),
        };
        Ended::new(
            Reason::Superseded,
            format!(
                "{} is deployed, which came after {} and deploys something else: {changed}.",
                short(later),
                self.commit()
            ),
            "Nothing is broken by it: the newer deployment is the one to look at. To keep deployments apart, give the workflow a `concurrency` group.",
        )
    }

    /// Something else is wrong.
    pub(super) fn elsewhere(&self, culprit: &Culprit) -> Ended {
        let commit = self.commit();
        let branch = &self.deployed.branch;
        let reason = match culprit {
            Culprit::Gone => Reason::CommitGone,
            _ => Reason::Elsewhere,
        };
        let (message, hint) = match culprit {
            Culprit::Gone => (
                format!(
                    "The branch {branch} does not lead to {commit} any more: {}.",
                    self.tip()
                ),
                "Somebody pushed with force, or deleted the branch: ask them. What is deployed now is what the branch holds now.",
            ),
            Culprit::FailedBefore(context, before) => (
                format!(
                    "{}. It failed before this deployment, too, on {}.",
                    self.said(context),
                    short(before)
                ),
                "Undoing this deployment would not cure it: look for what has been wrong since before.",
            ),
            Culprit::CameAlong(context, before) => {
                let message = format!(
                    "{}. It is not proven that this deployment is why: {} was reported as deployed last, and what others changed between the two came along.",
                    self.said(context),
                    short(before)
                );
                let hint = format!("Look at what it names, and correct that.{WAY_BACK}");
                return Ended::new(Reason::ReportedFailure, message, hint);
            }
            Culprit::Reporter(context) => (
                format!(
                    "{}: whoever posted that had trouble, which says nothing about the deployment.",
                    self.said(context)
                ),
                "Look there. To have what a deployment breaks told as its fault, let the controller post `failure` for it, and `error` for nothing else.",
            ),
            Culprit::LaterCommit(context, later) => (
                format!(
                    "{}. {} came after {commit}, on which nothing was posted that decides: whether it ran is not known.",
                    self.said(context),
                    short(later)
                ),
                "The commit that came later, not this deployment, is to be corrected: whoever made it should look.",
            ),
        };
        Ended::new(reason, message, hint).blamed_on(Blame::Elsewhere)
    }

    /// It was not done when the time was over.
    pub(super) fn late(
        &self,
        wait: Option<&Wait>,
        total: Duration,
        trouble: Option<&RepositoryError>,
    ) -> Ended {
        let (commit, seconds) = (self.commit(), total.as_secs());
        if let Some(error) = trouble {
            let reason = match error.is_rate_limit() {
                true => Reason::RateLimited,
                false => Reason::Unavailable,
            };
            return Ended::new(
                reason,
                format!(
                    "{}. Whether {commit}, which is in Git, is deployed is not known.",
                    error.to_string().trim_end_matches('.')
                ),
                "Git and the cluster are as they are. Look at the commit's page on GitHub for what is posted on it.",
            );
        }
        if let Some(culprit) = wait.and_then(Wait::culprit) {
            return self.elsewhere(&culprit);
        }
        let slow = "Give it more time with `verify-timeout`, if it is only slow.".to_owned();
        let (what, hint) = match wait {
            None | Some(Wait::Nothing(_)) => {
                let lines = match wait {
                    Some(Wait::Nothing(lines)) => lines.clone(),
                    _ => self.statuses.lines.iter().map(ToString::to_string).collect(),
                };
                (
                    format!("Nothing was posted on {commit} under {}", lines.join(", ")),
                    self.on_nothing(&lines),
                )
            }
            Some(Wait::OffBranch) => (
                format!(
                    "The branch {} did not lead to {commit}: {}",
                    self.deployed.branch,
                    self.tip()
                ),
                "Look at the branch on GitHub: somebody pushed with force, or deleted it, or GitHub does not show the push yet.".to_owned(),
            ),
            Some(Wait::Standing(context) | Wait::Alone(context, _)) => (
                format!("{}, which is too short a time to believe it", self.said(context)),
                slow,
            ),
            Some(Wait::Failing(context)) => (
                format!("{}, which may pass", self.said(context)),
                "A failure counts after 60 s, as a controller tries again: give it more time with `verify-timeout`.".to_owned(),
            ),
            Some(Wait::Pending(context)) => (self.said(context), slow),
            Some(Wait::NoVerdict(context, word)) => (
                format!("{}: `{word}` is not a success", self.said(context)),
                "Run that again, or name in `status-context` only what always ends.".to_owned(),
            ),
            Some(Wait::Overtaken(context, _)) => (
                format!(
                    "{}, which came after {commit}, and whether it deploys the same is not known",
                    self.said(context)
                ),
                match &self.deployed.files {
                    None => "Name the manifests with `file`: then it is seen what the later commit holds of them.".to_owned(),
                    Some(_) => slow,
                },
            ),
            Some(Wait::LaterFails(context, _)) => (self.said(context), slow),
        };
        let reason = match wait {
            Some(Wait::OffBranch) => Reason::CommitGone,
            _ => Reason::NotInTime,
        };
        Ended::new(
            reason,
            format!(
                "{what}; {seconds} s (`verify-timeout`) are over. {commit} is in Git, and may be live already."
            ),
            hint,
        )
    }

    /// What to do where nothing is posted: what there is, the nearest first.
    fn on_nothing(&self, lines: &[String]) -> String {
        let given = lines.first().map_or("", String::as_str);
        let missed = self.statuses.lines.iter();
        let missed: Vec<&Line> = missed
            .filter(|line| lines.contains(&line.to_string()))
            .collect();
        let others = self.seen.elsewhere.iter();
        let others = others.filter(|context| missed.iter().any(|line| line.matches(context)));
        let others: Vec<String> = others.map(|context| format!("`{context}`")).collect();
        if !others.is_empty() && self.statuses.creator.is_none() {
            return format!(
                "{} is posted on other commits of {}: look whether the controller is paused, or busy with one of them, or give it more time with `verify-timeout`.",
                first_few(&others, MAX_LISTED),
                self.deployed.branch
            );
        }
        let seen: Vec<String> = nearest(
            given,
            self.seen
                .own
                .union(&self.seen.elsewhere)
                .map(ToString::to_string),
        );
        let seen: Vec<String> = seen
            .iter()
            .map(|name| format!("`{}`", one_line(name)))
            .collect();
        let kind = self
            .statuses
            .lines
            .first()
            .map(crate::commit_status::Line::kind);
        let set_up = match kind {
            Some(Kind::Status) | None => "Have the controller post it (docs/commit-statuses.md)",
            Some(Kind::Check | Kind::Deployment) => "Look whether whatever posts it was started",
        };
        match &seen[..] {
            [] => format!(
                "Nothing of that kind is posted on any of the last 50 commits of {}. {set_up}, or give it more time with `verify-timeout`.{}",
                self.deployed.branch,
                match kind {
                    Some(Kind::Status) => format!(
                        " That is about commit statuses: a check run is waited for by `check:{given}`, a deployment by `deployment:{given}`."
                    ),
                    _ => String::new(),
                }
            ),
            seen => format!(
                "On the last 50 commits of {} there are: {}. Check `status-context` against them{}.",
                self.deployed.branch,
                first_few(seen, MAX_LISTED),
                match &self.statuses.creator {
                    None if self.is_own_left_out && kind == Some(Kind::Check) => {
                        "; checks of this workflow itself don't count".to_owned()
                    }
                    Some(login) => format!(
                        ", and that `{}` posts it (`status-creator`)",
                        one_line(login)
                    ),
                    None => String::new(),
                }
            ),
        }
    }

    /// The token may not read what is posted.
    pub(super) fn not_permitted(&self, kind: Kind, error: &RepositoryError) -> Ended {
        let (what, permission) = match kind {
            Kind::Status => ("commit statuses", Permission::STATUSES),
            Kind::Check => ("check runs", Permission::CHECKS),
            Kind::Deployment => ("deployments", Permission::DEPLOYMENTS),
        };
        let (on_a_page, in_a_workflow) = (permission.on_a_page(), permission.in_a_workflow());
        let caveat = permission.caveat().map(|caveat| format!(" {caveat}"));
        let caveat = caveat.unwrap_or_default();
        Ended::new(
            Reason::StatusAccess,
            format!(
                "The token may not read the {what} of {}: {error}. Whether {}, which is in Git, is deployed is not known.",
                self.deployed.location,
                self.commit()
            ),
            format!(
                "Give it *{on_a_page}* on the repository. The workflow's own `GITHUB_TOKEN` gets it by `permissions: {in_a_workflow}`, for its own repository alone.{caveat}"
            ),
        )
    }

    /// It can't be read.
    pub(super) fn unreadable(&self, mut failure: Failure) -> Ended {
        let put = format!("{} is in Git.", self.commit());
        failure.message = failure.after_a_change(&put);
        if failure.reason == Reason::NotApi {
            failure = failure.with_hint(
                "Check `api-url` and `server-url`: what is posted on commits is read over GitHub's API.",
            );
        }
        if failure.reason == Reason::Limit {
            failure = failure.with_hint(
                "`docs/limits.md` says what each limit is for. Fewer kinds in `status-context` are fewer lists to read.",
            );
        }
        Ended::unopened(failure)
    }

    /// The run was cancelled while it waited.
    pub(super) fn cancelled(&self) -> Ended {
        let known = self
            .assessed
            .iter()
            .filter(|one| one.fact != Fact::LaterFails);
        let known: Vec<String> = known.map(|one| self.said(&one.posted.context)).collect();
        let known = match &known[..] {
            [] => format!("nothing is known of {}", self.commit()),
            known => first_few(known, 5),
        };
        Ended::new(
            Reason::Cancelled,
            format!(
                "The run was cancelled while it waited for what is posted on the commit: {known}."
            ),
            "Git and the cluster are as they are: the controller goes on by itself.",
        )
    }
}

fn names(contexts: &[Context]) -> String {
    let names: Vec<String> = contexts.iter().map(ToString::to_string).collect();
    first_few(&names, MAX_LISTED)
}

/// The first digits of a commit's id.
fn short(commit: &str) -> &str {
    commit.get(..7).unwrap_or(commit)
}
