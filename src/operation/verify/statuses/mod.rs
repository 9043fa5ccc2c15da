//! `status-context`: a commit is looked at until others have posted on it that it is deployed, or that it is not.
//!
//! [`crate::commit_status`] judges; here GitHub is asked, and Git for what later commits hold (`holding.rs`).

mod explain;
mod holding;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;

use self::explain::{Seen, Told};
use self::holding::Holding;
use super::ended::Ended;
use super::files_alike::{WHOLE, are_alike, below};
use super::report::ContextReport;
use super::target::{Deployed, Statuses};
use crate::commit_status::{
    Assessed, Commit, Context, Criteria, Culprit, Fact, Judge, Judged, Kind, Later, Look, Verdict,
    Wait, arranged, ran_before, wanted,
};
use crate::deadline::Deadline;
use crate::deployment::Source;
use crate::http::text::line_within;
use crate::operation::Progress;
use crate::operation::session::{Remote, Session};
use crate::operation::trouble::Trouble;
use crate::repository::github::posted::{Asked, PostedError, Reader, Shown};
use crate::repository::{CommitId, RepositoryError};

/// From one look to the next: a controller takes some seconds, and a person's patience is no shorter. After a
/// while it is either slow or done, and a token has 5,000 requests an hour.
const PAUSE: Duration = Duration::from_secs(5);
const LATER_PAUSE: Duration = Duration::from_secs(15);
const BUSY: Duration = Duration::from_secs(120);
/// What the last look may take, when the time is over.
const LAST_LOOK: Duration = Duration::from_secs(15);
/// The most later commits whose files are read after one look.
const MAX_READ: usize = 5;
/// The most contexts of a report, and the most that their words may be.
const MAX_CONTEXTS: usize = 100;
const MAX_WORDS: usize = 300;
/// The most names that are kept to be told, look after look, and the longest that GitHub takes, in bytes.
const MAX_SEEN: usize = 1_000;
const LONGEST_NAME: usize = 255 * 4;

/// What is waited for.
pub(super) struct Waiting<'a> {
    pub(super) statuses: &'a Statuses,
    pub(super) remote: &'a Remote,
    pub(super) source: &'a Source,
    pub(super) deployed: &'a Deployed,
}

impl Waiting<'_> {
    /// Waits until it is posted, or won't be; with what was posted at last.
    pub(super) async fn reported(
        &self,
        deadline: &Deadline,
        log: &mut impl Progress,
    ) -> (Vec<ContextReport>, Result<(), Ended>) {
        let Self {
            statuses,
            remote,
            source,
            deployed,
        } = self;
        let lines: Vec<String> = statuses.lines.iter().map(ToString::to_string).collect();
        log.info(&format!(
            "Waiting until {} is reported as deployed by {}",
            deployed.commit.short(),
            lines.join(", ")
        ));
        // For the last look there is time beyond the end.
        let time = deadline.extended(LAST_LOOK);
        let branch = Some(deployed.branch.clone());
        let opened = remote.open_over(&statuses.transport, branch, source, time);
        let session = match opened.await {
            Ok(session) => session,
            Err(failure) => return (Vec::new(), Err(Ended::unopened(failure))),
        };
        let mut watch = Watch {
            waiting: self,
            session: &session,
            holding: Holding::new(&session, deployed),
            reader: Reader::new(asked(statuses)),
            criteria: Criteria {
                lines: statuses.lines.clone(),
                creator: statuses.creator.clone(),
                own_workflow: own_workflow(source, deployed),
                since: None,
            },
            judge: Judge::default(),
            started: Instant::now(),
            began: None,
            shown: BTreeMap::new(),
            seen: Seen::default(),
            tip: None,
            is_on_branch: None,
        };
        let mut last = Vec::new();
        let ended = watch.ended(deadline, &mut last, log).await;
        let contexts = last.iter().filter(|one| one.fact != Fact::LaterFails);
        (contexts.take(MAX_CONTEXTS).map(report).collect(), ended)
    }
}

/// One commit, look after look.
struct Watch<'a> {
    waiting: &'a Waiting<'a>,
    session: &'a Session<'a>,
    holding: Holding<'a>,
    reader: Reader,
    criteria: Criteria,
    judge: Judge,
    started: Instant,
    /// GitHub's clock at the first look.
    began: Option<DateTime<Utc>>,
    /// What the log says already, by name.
    shown: BTreeMap<String, String>,
    /// Every name that was seen on the branch.
    seen: Seen,
    tip: Option<CommitId>,
    /// Whether a tip leads to the commit, where that had to be asked.
    is_on_branch: Option<(CommitId, bool)>,
}

impl Watch<'_> {
    fn told<'t>(&'t self, assessed: &'t [Assessed]) -> Told<'t> {
        Told {
            deployed: self.waiting.deployed,
            statuses: self.waiting.statuses,
            assessed,
            tip: self.tip.as_ref(),
            seen: &self.seen,
            is_own_left_out: self.criteria.own_workflow.is_some(),
        }
    }

    async fn ended(
        &mut self,
        deadline: &Deadline,
        last: &mut Vec<Assessed>,
        log: &mut impl Progress,
    ) -> Result<(), Ended> {
        let mut trouble = Trouble::default();
        let mut waiting: Option<Wait> = None;
        loop {
            let is_last = deadline.is_over();
            let looked = tokio::select! {
                looked = self.look() => looked,
                () = deadline.cancelled() => return Err(self.told(last).cancelled()),
            };
            let pause = match looked {
                Ok(Judged {
                    verdict,
                    assessed,
                    soon,
                }) => {
                    trouble.is_over("GitHub", log);
                    self.show(&assessed, log);
                    *last = assessed;
                    let told = self.told(last);
                    match verdict {
                        Verdict::Done(missing) => {
                            if !missing.is_empty() {
                                log.warning(&told.done_without(&missing));
                            }
                            return Ok(());
                        }
                        Verdict::Broken(contexts) => return Err(told.broken(&contexts)),
                        Verdict::Superseded(commit) => {
                            return Err(told.superseded(&commit, self.holding.others(&commit)));
                        }
                        Verdict::Elsewhere(culprit) => return Err(told.elsewhere(&culprit)),
                        Verdict::Unknown(wait) => {
                            if waiting.as_ref() != Some(&wait) {
                                log.info(&told.waiting(&wait));
                            }
                            waiting = Some(wait);
                        }
                    }
                    // What must stand is watched closely: between two looks nothing else may be posted unseen.
                    let own = match soon.is_some() || self.started.elapsed() < BUSY {
                        true => PAUSE,
                        false => LATER_PAUSE,
                    };
                    soon.map_or(own, |soon| soon.max(Duration::from_secs(1)).min(own))
                }
                Err(PostedError::Repository(RepositoryError::Cancelled)) => {
                    return Err(self.told(last).cancelled());
                }
                Err(PostedError::Repository(error)) if error.is_trouble() => {
                    trouble.goes_on(&error, log)
                }
                Err(PostedError::Permission(kind, error)) => {
                    return Err(self.told(last).not_permitted(kind, &error));
                }
                Err(PostedError::Repository(error)) => {
                    let failure = self.session.explainer.repository(&error).await;
                    return Err(self.told(last).unreadable(failure));
                }
            };
            if is_last {
                let told = self.told(last);
                return Err(told.late(waiting.as_ref(), deadline.total(), trouble.last()));
            }
            tokio::select! {
                () = tokio::time::sleep(pause.min(deadline.remaining())) => {}
                () = deadline.cancelled() => return Err(self.told(last).cancelled()),
            }
        }
    }

    /// Looks once.
    async fn look(&mut self) -> Result<Judged, PostedError> {
        let Waiting { deployed, .. } = self.waiting;
        let Some(api) = self.session.repository.api() else {
            return Err(RepositoryError::protocol("commit statuses are GitHub's").into());
        };
        let own = &deployed.commit;
        let shown = self.reader.look(api, &deployed.branch, own).await?;
        let elapsed = self.started.elapsed();
        if self.began.is_none() {
            self.began = shown.now;
            self.criteria.since = self.since(&shown);
        }
        for commit in &shown.commits {
            let names = match commit.id == own.as_str() {
                true => &mut self.seen.own,
                false => &mut self.seen.elsewhere,
            };
            let room = MAX_SEEN.saturating_sub(names.len());
            let posted = commit.posted.iter().map(|posted| &posted.context);
            let posted = posted.filter(|context| context.name.len() <= LONGEST_NAME);
            let new: Vec<Context> = posted
                .filter(|context| !names.contains(*context))
                .take(room)
                .cloned()
                .collect();
            names.extend(new);
        }
        self.tip.clone_from(&shown.tip);
        let around = arranged(&shown.commits, own.as_str());
        let is_on_branch = around.is_there || self.is_below(shown.tip.as_ref()).await?;
        let later: Vec<&Commit> = match is_on_branch {
            true => around.later,
            false => Vec::new(),
        };
        let look = |holding: &Holding<'_>| Look {
            id: own.as_str(),
            own: &shown.own,
            later: later
                .iter()
                .filter(|commit| !holding.is_unrelated(&commit.id))
                .map(|commit| Later {
                    commit,
                    holds: holding.holds(&commit.id),
                })
                .collect(),
            earlier: around.earlier.clone(),
            is_on_branch,
            now: shown.now,
            elapsed,
        };
        let first = look(&self.holding);
        for id in wanted(&first, &self.criteria).into_iter().take(MAX_READ) {
            self.holding.read(id, around.is_there).await?;
        }
        let look = look(&self.holding);
        let mut judged = self.judge.judge(&look, &self.criteria);
        if let Verdict::Broken(contexts) = &judged.verdict {
            let this = shown
                .commits
                .iter()
                .find(|commit| commit.id == own.as_str());
            let first = this.and_then(|commit| CommitId::parse(commit.parents.first()?));
            if let Some(parent) = deployed.below().cloned().or(first) {
                let ran = contexts.iter().map(|context| {
                    let before = ran_before(&look, &self.criteria, parent.as_str(), context);
                    (context.clone(), before.map(str::to_owned))
                });
                let ran: Vec<_> = ran.collect();
                judged.verdict = self.proven(&parent, ran).await?;
            }
        }
        Ok(judged)
    }

    /// Whether it was this commit, and no other one that came along with it: what was deployed before is the commit
    /// below it, `parent`, or has the same files around those that it changed.
    async fn proven(
        &self,
        parent: &CommitId,
        ran: Vec<(Context, Option<String>)>,
    ) -> Result<Verdict, RepositoryError> {
        let (mut proven, mut doubt) = (Vec::new(), None);
        for (context, before) in ran {
            match before {
                Some(before) if !self.is_alike(parent, &before).await? => {
                    doubt = doubt.or(Some(Culprit::CameAlong(context, before)));
                }
                _ => proven.push(context),
            }
        }
        Ok(match doubt.filter(|_| proven.is_empty()) {
            Some(doubt) => Verdict::Elsewhere(doubt),
            None => Verdict::Broken(proven),
        })
    }

    async fn is_alike(&self, parent: &CommitId, before: &str) -> Result<bool, RepositoryError> {
        let Some(before) = CommitId::parse(before) else {
            return Ok(false);
        };
        if *parent == before {
            return Ok(true);
        }
        let globs = self.waiting.deployed.paths.iter();
        let globs = globs.map(|path| match path.rsplit_once('/') {
            Some((folder, _)) => below(folder),
            None => WHOLE.to_owned(),
        });
        let globs: BTreeSet<String> = globs.collect();
        let globs = globs.into_iter().collect();
        match are_alike(&self.session.repository, globs, parent, &before).await {
            // They came with what is between the two.
            Err(RepositoryError::File { .. }) => Ok(false),
            alike => alike,
        }
    }

    /// When the commit came to the branch at the earliest, by GitHub's clock, whose seconds are whole.
    fn since(&self, shown: &Shown) -> Option<DateTime<Utc>> {
        let since = self.waiting.deployed.since?.elapsed();
        Some(shown.now? - TimeDelta::from_std(since).ok()? - TimeDelta::seconds(1))
    }

    /// Whether a tip leads to the commit that is not among the newest.
    async fn is_below(&mut self, tip: Option<&CommitId>) -> Result<bool, RepositoryError> {
        let Some(tip) = tip else { return Ok(false) };
        if let Some((known, is_below)) = &self.is_on_branch
            && known == tip
        {
            return Ok(*is_below);
        }
        let own = &self.waiting.deployed.commit;
        let is_below = self.session.repository.is_ancestor(own, tip).await?;
        self.is_on_branch = Some((tip.clone(), is_below));
        Ok(is_below)
    }

    /// Writes what is different from the look before.
    fn show(&mut self, assessed: &[Assessed], log: &mut impl Progress) {
        for one in assessed.iter().take(MAX_CONTEXTS) {
            let ContextReport {
                context,
                state,
                description,
                commit,
                ..
            } = report(one);
            let place = match commit == self.waiting.deployed.commit.as_str() {
                true => String::new(),
                false => format!(" on {}", short(&commit)),
            };
            let colon = if description.is_empty() { "" } else { ": " };
            let said = format!("{state}{place}{colon}{description}");
            if self.shown.get(&context) != Some(&said) {
                log.info(&format!("{context}: {said}"));
                self.shown.insert(context, said);
            }
        }
    }
}

/// What has to be asked for these lines.
fn asked(statuses: &Statuses) -> Asked {
    let of = |kind| {
        statuses
            .lines
            .iter()
            .filter(move |line| line.kind() == kind)
    };
    let is_any = |kind| of(kind).next().is_some();
    let named: Option<Vec<String>> = of(Kind::Deployment)
        .map(|line| line.exact().map(str::to_owned))
        .collect();
    Asked {
        statuses: is_any(Kind::Status),
        checks: is_any(Kind::Check),
        deployments: is_any(Kind::Deployment).then(|| named.unwrap_or_default()),
    }
}

/// The file of the workflow that this run is of, where what is posted may be of it.
fn own_workflow(source: &Source, deployed: &Deployed) -> Option<String> {
    let (own, name) = (
        source.repository.as_ref()?,
        deployed.location.github_name()?,
    );
    let file = source.workflow.as_ref()?.rsplit('/').next()?;
    own.eq_ignore_ascii_case(&name).then(|| file.to_owned())
}

fn report(one: &Assessed) -> ContextReport {
    let words = |text: &str| line_within(text, MAX_WORDS);
    let posted = &one.posted;
    ContextReport {
        context: words(&posted.context.to_string()),
        state: words(posted.state().name()),
        description: words(&posted.description),
        url: posted.url.as_deref().map(words),
        creator: posted.creator.as_deref().map(words),
        commit: one.commit.clone(),
    }
}

/// The first digits of a commit's id.
fn short(commit: &str) -> &str {
    commit.get(..7).unwrap_or(commit)
}
