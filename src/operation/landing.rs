//! The end of every operation that writes: a plan becomes a commit on the branch, and that a report.

use std::cell::RefCell;
use std::collections::HashSet;
use std::sync::Arc;

use super::freeze::{Freeze, Frozen, Patience, WhenFrozen};
use super::image_check::Found;
use super::leftover::{self, Left, Seen};
use super::pull_request::{self, News, Opened, Proposing};
use super::session::{Remote, Session, log_event};
use super::source_changes::{self, Deploying, SourceChanges};
use super::{Operation, Progress, lines, now};
use crate::deadline::Cancellation;
use crate::failure::Failure;
use crate::files::{FileSelection, RepoPath};
use crate::manifest::{Decided, FileEdit, ImageChange, Note, Plan, Promoted, ValueChange};
use crate::registry::Registry;
use crate::repository::forge::Forge;
use crate::repository::history::Commit;
use crate::repository::retry::{self, Event, LandError, Proposal};
use crate::repository::{
    BranchName, Change, CommitDraft, CommitId, Identity, Location, RepositoryError, Snapshot,
};

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A commit landed.
    Committed,
    /// The branch holds the images already.
    Unchanged,
    /// A commit would have landed.
    DryRun,
    /// A guard kept it from being made.
    Skipped,
}

/// What an operation did to the branch.
#[derive(Debug, Clone)]
pub struct LandingReport {
    /// What it was.
    pub operation: Operation,
    /// Whether a pull request was asked for.
    pub proposes: bool,
    /// The pull request that proposes it; then the commit is on its branch.
    pub pull_request: Option<Opened>,
    /// How it ended.
    pub outcome: Outcome,
    /// The repository.
    pub location: Location,
    /// The branch.
    pub branch: BranchName,
    /// The commit that landed, or the tip where nothing is written; none in a dry run that would change something.
    pub commit: Option<CommitId>,
    /// The tip that it was made on.
    pub base: CommitId,
    /// The commits that it takes back, newest first.
    pub undone: Vec<Commit>,
    /// The rollback that this run of the workflow had made before, where nothing more is to be taken back for that.
    pub made_before: Option<CommitId>,
    /// Whether it deploys again what was rolled back, and so is no rollback.
    pub again: bool,
    /// Whether the server vouches for that commit's signature; none where it does not say.
    pub verified: Option<bool>,
    /// Every image that was meant, also where it is right already.
    pub images: Vec<ImageChange>,
    /// Every other value that was meant, also where it is right already.
    pub values: Vec<ValueChange>,
    /// The images that lines of `set` and `remove` write, also where they were so already.
    pub set_images: Vec<ImageChange>,
    /// Why nothing was written, though something would have changed; a sentence without its full
    /// stop.
    pub skipped: Option<String>,
    /// The freeze that is on for what it does, or would have done.
    pub frozen: Option<Frozen>,
    /// Where the images come from, where another stage has them.
    pub promotion: Option<PromotionReport>,
    /// What the registry has of the images, where it was asked.
    pub found: Vec<Found>,
    /// What is in it, of the repositories that its images are built from.
    pub source_changes: Vec<SourceChanges>,
    /// What a person should know beyond that.
    pub notes: Vec<Note>,
    /// What looks wrong, and was done all the same.
    pub warnings: Vec<String>,
    /// The files that change.
    pub files: Vec<String>,
    /// The pull request of an earlier promotion that was there when there was nothing to do.
    pub(super) left: Left,
    /// What changes in them, as a unified diff.
    pub diff: String,
    /// The files before and after.
    pub edits: Vec<FileEdit>,
    /// What the commit says.
    pub message: String,
}

/// Where the images of a promotion come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromotionReport {
    /// The branch.
    pub branch: BranchName,
    /// The commit at which the files there held them.
    pub commit: CommitId,
    /// Each image that both sides hold.
    pub promoted: Vec<Promoted>,
    /// `envs/staging/web.yaml@SHA` for each file whose images were not there yet.
    pub sources: Vec<String>,
    /// When what is left out may go, where only time is missing; in seconds since 1970.
    pub until: Option<i64>,
}

impl LandingReport {
    /// Whether something changed, or would have.
    pub fn changed(&self) -> bool {
        match self.outcome {
            Outcome::Committed | Outcome::DryRun => true,
            Outcome::Unchanged | Outcome::Skipped => false,
        }
    }

    /// Whether a freeze kept it from being made.
    pub fn is_held(&self) -> bool {
        self.outcome == Outcome::Skipped && self.frozen.is_some()
    }

    /// Whether the branch holds already what was asked for: what was rolled back is so, whoever did that.
    pub fn is_there_already(&self) -> bool {
        match self.outcome {
            Outcome::Unchanged => true,
            Outcome::Skipped => self.operation == Operation::Rollback && !self.is_held(),
            Outcome::Committed | Outcome::DryRun => false,
        }
    }

    /// Why a freeze held it, and how that ends.
    pub(super) fn held(&mut self) -> Option<(&str, &mut Frozen)> {
        let is_held = self.is_held();
        let why = self.skipped.as_deref().filter(|_| is_held)?;
        Some((why, self.frozen.as_mut()?))
    }

    /// Where to look at the commit.
    pub fn commit_url(&self) -> Option<String> {
        self.location.commit_url(self.commit.as_ref()?.as_str())
    }

    /// The images that run now, each once.
    pub fn new_images(&self) -> Vec<&str> {
        let skipped = self.outcome == Outcome::Skipped;
        distinct(self.relevant().map(|image| match skipped {
            true => image.old.as_str(),
            false => image.new.as_str(),
        }))
    }

    /// The images that ran before, each once.
    pub fn old_images(&self) -> Vec<&str> {
        distinct(self.relevant().map(|image| image.old.as_str()))
    }

    /// The images that change; all of them where none does.
    fn relevant(&self) -> impl Iterator<Item = &ImageChange> {
        let changed = self.changed();
        let images = self.images.iter().chain(&self.set_images);
        images.filter(move |image| !changed || image.old != image.new)
    }

    /// The images; where there is none, the values.
    pub(super) fn what(&self) -> String {
        let mut what = self.new_images().join(", ");
        if what.is_empty() {
            let values = self.values.iter();
            let values: Vec<String> = values
                .map(|value| match &value.new {
                    Some(new) => format!("{} = {new}", value.path),
                    None => format!("no {}", value.path),
                })
                .collect();
            what = values.join(", ");
        }
        match what.is_empty() {
            true if self.operation == Operation::Rollback && !self.files.is_empty() => {
                format!("what {} was before", self.files.join(", "))
            }
            // Such as a key to remove that is not there.
            true => "what was asked for".to_owned(),
            false => what,
        }
    }

    /// What happened, in a sentence.
    pub fn sentence(&self) -> String {
        let Self {
            location, branch, ..
        } = self;
        let images = self.what();
        if let Some(Opened {
            number, url, news, ..
        }) = &self.pull_request
        {
            let done = match news {
                News::Opened => "Opened",
                News::Updated => "Updated",
                News::Queued => "Queued",
                News::Merged | News::Landed => "Merged",
                News::Nothing => {
                    return format!(
                        "Nothing new: pull request #{number} into {branch} of {location} proposes {images} already: {url}"
                    );
                }
            };
            return format!(
                "{done} pull request #{number} into {branch} of {location}: {images}. {url}"
            );
        }
        match (self.outcome, &self.commit) {
            (Outcome::Committed, Some(commit)) => {
                let (how, again) = match self.operation {
                    Operation::Rollback if self.again => ("", " again"),
                    Operation::Rollback => ("back to ", ""),
                    Operation::Promote => ("promoted ", ""),
                    Operation::Update
                    | Operation::History
                    | Operation::Verify
                    | Operation::Status => ("", ""),
                };
                format!(
                    "Pushed {} to {branch} of {location}: {how}{images}{again}.",
                    commit.short()
                )
            }
            (Outcome::Unchanged, Some(commit)) => format!(
                "Nothing to do: {branch} of {location} holds {images} already, at {}.",
                commit.short()
            ),
            (Outcome::Skipped, _) if self.is_held() => format!(
                "Held back: {}. Nothing was pushed to {branch} of {location}.",
                self.skipped.as_deref().unwrap_or("a freeze is on")
            ),
            (Outcome::Skipped, _) if self.operation == Operation::Rollback => format!(
                "Nothing to do: {}. Nothing was pushed to {branch} of {location}.",
                self.skipped
                    .as_deref()
                    .unwrap_or("it was taken back already")
            ),
            (Outcome::Skipped, _) => format!(
                "Skipped: {}. Nothing was pushed to {branch} of {location}.",
                self.skipped.as_deref().unwrap_or("a guard said so")
            ),
            _ if self.proposes => format!(
                "Dry run: a pull request into {branch} of {location} would propose {images}. Nothing was pushed."
            ),
            _ => format!("Dry run: {branch} of {location} would get {images}. Nothing was pushed."),
        }
    }
}

/// How to land.
pub struct LandingOptions<'a> {
    /// What it is.
    pub operation: Operation,
    /// The files to read.
    pub files: &'a FileSelection,
    /// Author and committer.
    pub identity: &'a Identity,
    /// Whether to leave Git as it is.
    pub dry_run: bool,
    /// Where to look whether what it does is frozen.
    pub freeze: Option<&'a Freeze>,
    /// How to propose it, where it does not go to the branch itself.
    pub proposing: Option<Proposing<'a>>,
    /// The registry, where it is asked about the images anyway.
    pub registry: Option<&'a Registry>,
}

/// What is to become of a snapshot.
pub struct Planned {
    /// The edits.
    pub plan: Plan,
    /// The commit's message.
    pub message: String,
    /// What is said before it is written.
    pub announced: Vec<String>,
    /// What else it changes, which is no deployment's.
    pub besides: Vec<ValueChange>,
    /// The images that it is about as well, and that are to stay as they are for now.
    pub left_out: Vec<ImageChange>,
    /// Whether it deploys again what was rolled back.
    pub again: bool,
    /// What looks wrong, and is done all the same.
    pub warnings: Vec<String>,
    /// Why nothing is to be written, where a guard says so.
    pub skipped: Option<String>,
}

/// What `attempt` reports; where a freeze held it whose end was waited for, what it reports then.
///
/// # Errors
/// Those of `attempt`, and that the run was cancelled.
pub(super) async fn when_not_frozen<L: Progress>(
    freeze: Option<&Freeze>,
    remote: &Remote,
    cancellation: Cancellation,
    log: &mut L,
    mut attempt: impl AsyncFnMut(&mut L) -> Result<LandingReport, Failure>,
) -> Result<LandingReport, Failure> {
    let patience = Patience::new(freeze, remote, cancellation);
    loop {
        let mut report = attempt(log).await?;
        if !patience.outlasts(report.held(), log).await? {
            return Ok(report);
        }
    }
}

/// Makes the commit that `propose` plans on the branch's tip, again on each new tip, until it landed
/// or can't; and tells of it.
///
/// # Errors
/// Whatever keeps it from landing, told for a person. Git is as it was, unless the message says that
/// nobody knows.
pub async fn land(
    session: &Session<'_>,
    landing: &LandingOptions<'_>,
    log: &mut impl Progress,
    mut propose: impl AsyncFnMut(&Arc<Snapshot>) -> Result<Planned, Failure>,
) -> Result<LandingReport, Failure> {
    let LandingOptions {
        operation,
        files,
        identity,
        dry_run,
        freeze,
        ref proposing,
        registry,
    } = *landing;
    let forge = match proposing {
        Some(_) => Some(session.read(log, async || session.forge().await).await?),
        None => None,
    };
    let mut said = String::new();
    let mut recent = Vec::new();
    let mut told = None;
    let mut frozen = None;
    let selection = &files.beside(freeze.map(|freeze| &freeze.file));
    let shared = RefCell::new(&mut *log);
    let observe = |event: Event<'_>| log_event(&mut **shared.borrow_mut(), &event);
    let propose = async |snapshot: &Arc<Snapshot>| -> Result<_, Failure> {
        if let Some(proposing) = proposing {
            proposing.check(&snapshot.branch)?;
        }
        let freezes = match freeze {
            Some(freeze) => Some((freeze, freeze.read(session, snapshot, operation).await?)),
            None => None,
        };
        let Planned {
            plan,
            message,
            announced,
            besides,
            left_out,
            again,
            mut warnings,
            mut skipped,
        } = propose(snapshot).await?;
        frozen = None;
        if let (Some((freeze, freezes)), None) = (freezes, &skipped) {
            let touched = plan.edits.iter().map(|edit| edit.path.clone());
            let touched: Vec<RepoPath> = touched.collect();
            let operations: &[&'static str] = match operation {
                // What deploys again what was taken back does not go back to what ran before.
                Operation::Rollback if again => {
                    &[Operation::Rollback.name(), Operation::Update.name()]
                }
                _ => &[operation.name()],
            };
            let (operations, now) = (operations.to_vec(), now());
            let hold = session.work(move || freezes.hold(&operations, &touched, now));
            if let Some(hold) = hold.await? {
                let why = hold.told(&freeze.file);
                frozen = Some(freeze.frozen(&why, hold.until));
                match proposing {
                    // What is proposed is deployed when somebody merges it.
                    Some(Proposing { request, .. }) if request.auto_merge.is_none() => {
                        warnings.push(format!(
                            "{why}. It is proposed all the same: merge it when that is over"
                        ));
                    }
                    _ => skipped = Some(why),
                }
            }
        }
        // What is held back is not done.
        let announced = announced.iter().filter(|_| skipped.is_none());
        for line in announced {
            shared.borrow_mut().info(line);
        }
        said.clone_from(&message);
        recent = snapshot
            .recent
            .iter()
            .map(|said| said.message.clone())
            .collect();
        let writes = !dry_run && skipped.is_none();
        let changes = if writes { changes(&plan) } else { Vec::new() };
        let mut options = Vec::new();
        if let (Some(proposing), Some(Forge::Gitlab(_)), false) =
            (proposing, &forge, changes.is_empty())
        {
            let mut lines = Lines::default();
            let deploying = Deploying {
                operation,
                base: &snapshot.commit,
                images: &plan.images,
                recent: recent.clone(),
                registry,
            };
            let found = source_changes::find(session, &deploying, &mut lines).await;
            for line in lines.0 {
                shared.borrow_mut().info(&line);
            }
            options = proposing.options(&snapshot.branch, &message, &plan, &found);
            told = Some(found);
        }
        let draft = CommitDraft {
            message,
            identity: identity.clone(),
            options,
            decides: Decided::of(&plan, left_out),
        };
        Ok(Proposal {
            changes,
            draft,
            plan: (plan, besides, again, warnings, skipped),
        })
    };
    let (repository, deadline) = (&session.repository, &session.deadline);
    let (landed, held, made, open_pull, was_open) = match (proposing, &forge) {
        (Some(proposing), Some(forge)) => {
            let head = forge.head(&proposing.branch, pull_request::MESSAGES);
            let landed = retry::land(&head, selection, deadline, observe, propose).await;
            (
                landed,
                head.held_it_already(),
                head.is_new(),
                head.open_pull(),
                head.was_open(),
            )
        }
        (None | Some(_), _) => {
            let landed = retry::land(repository, selection, deadline, observe, propose).await;
            (landed, false, false, None, None)
        }
    };
    let retry::Ended { plan, base, landed } = match landed {
        Ok(landing) => landing,
        Err(error) => {
            let explainer = &session.explainer;
            return Err(match (&error, freeze) {
                (
                    LandError::Repository(RepositoryError::File {
                        path,
                        problem,
                        read,
                    }),
                    Some(freeze),
                ) if freeze.is_meant(path, files) => {
                    explainer.freeze_file(path, problem, read.as_ref())
                }
                _ => explainer.landing(error, identity).await,
            });
        }
    };
    let (mut plan, besides, again, mut warnings, skipped) = plan;
    let is_none = landed.is_none() && !dry_run;
    let mut left = Left::default();
    // What takes something back is older by its nature, and what a freeze holds is still to come.
    let may_be_left = is_none && operation != Operation::Rollback && frozen.is_none();
    if let (Some(proposing), Some(forge), true) = (proposing, &forge, may_be_left) {
        let seen = Seen {
            files,
            base: &base,
            pull: open_pull,
            asked: skipped.is_none().then(|| {
                let images = plan.images.iter().chain(&plan.set_images);
                images.map(|image| image.new.as_str()).collect()
            }),
        };
        left = leftover::close(session, forge, proposing, seen, log).await;
        // Of a promotion, its stage may tell that it is not needed.
        if operation != Operation::Promote {
            warnings.extend(left.told.take());
        }
    }
    if skipped.is_some() {
        plan.edits.clear();
    }
    // What takes something back is compared with what it took back, and knows the lines already.
    if operation == Operation::Update {
        lines::of_after(&mut plan, deadline);
    }
    let verified = landed.as_ref().and_then(|landed| landed.verified);
    let answer = landed.as_ref().map(|landed| landed.said.clone());
    if skipped.is_none()
        && let Some(frozen) = &mut frozen
    {
        frozen.failure = None;
    }
    let (outcome, commit) = match landed {
        Some(landed) if held => (Outcome::Unchanged, Some(landed.commit)),
        Some(landed) => (Outcome::Committed, Some(landed.commit)),
        None if skipped.is_some() => (Outcome::Skipped, Some(base.commit.clone())),
        None if plan.edits.is_empty() => (Outcome::Unchanged, Some(base.commit.clone())),
        None => (Outcome::DryRun, None),
    };
    let source_changes = match outcome {
        Outcome::Committed | Outcome::DryRun => true,
        Outcome::Unchanged => held,
        Outcome::Skipped => false,
    };
    let source_changes = match (source_changes, told) {
        (true, Some(told)) => told,
        (true, None) => {
            let deploying = Deploying {
                operation,
                base: &base.commit,
                images: &plan.images,
                recent,
                registry,
            };
            source_changes::find(session, &deploying, log).await
        }
        (false, _) => Vec::new(),
    };
    let pull_request = match (proposing, &forge, &commit) {
        (Some(proposing), Some(forge), Some(commit)) if outcome == Outcome::Committed || held => {
            let proposed = pull_request::Proposed {
                base: &base.branch,
                commit,
                is_new: !held,
                open_pull,
                was_open,
                is_first: made,
                answer: answer.as_deref().unwrap_or_default(),
                message: &said,
                plan: &plan,
                source_changes: &source_changes,
            };
            let steps = pull_request::Steps::new(session, proposing, &proposed, &mut warnings, log);
            Some(pull_request::open(forge, steps).await?)
        }
        _ => None,
    };
    // One that was closed, and is proposed once more with what its branch has.
    let is_opened = pull_request
        .as_ref()
        .is_some_and(|opened| opened.news == News::Opened);
    let outcome = match outcome {
        Outcome::Unchanged if is_opened => Outcome::Committed,
        outcome => outcome,
    };
    let report = LandingReport {
        operation,
        proposes: proposing.is_some(),
        pull_request,
        found: Vec::new(),
        source_changes,
        outcome,
        location: session.remote.location.clone(),
        branch: base.branch.clone(),
        base: base.commit.clone(),
        undone: Vec::new(),
        made_before: None,
        again,
        commit,
        verified,
        left,
        diff: diff(&plan),
        files: plan.changed_files(),
        edits: plan.edits,
        message: said,
        images: plan.images,
        set_images: plan.set_images,
        values: plan.values.into_iter().chain(besides).collect(),
        skipped,
        frozen,
        promotion: None,
        notes: plan.notes,
        warnings,
    };
    for warning in &report.warnings {
        log.warning(warning);
    }
    for Note { file, line, text } in &report.notes {
        log.info(&format!("Note: {file} line {line}: {text}."));
    }
    let fails = |frozen: &Frozen| frozen.failure.is_some();
    match report.outcome {
        _ if report.frozen.as_ref().is_some_and(fails) => {}
        Outcome::Skipped if is_over(&report, freeze) => log.not_done(&report.sentence()),
        _ => log.info(&report.sentence()),
    }
    if report.changed() {
        log.diff(&report.diff);
    }
    Ok(report)
}

/// Whether what was skipped was asked for, and is not waited for. An older image is not: a newer one is there.
fn is_over(report: &LandingReport, freeze: Option<&Freeze>) -> bool {
    match freeze {
        Some(freeze) if report.is_held() => freeze.when_frozen == WhenFrozen::Skip,
        _ => report.operation == Operation::Promote,
    }
}

/// What is said while something else has the log.
#[derive(Default)]
pub(super) struct Lines(pub Vec<String>);

impl Progress for Lines {
    fn info(&mut self, text: &str) {
        self.0.push(text.to_owned());
    }

    fn not_done(&mut self, text: &str) {
        self.0.push(text.to_owned());
    }

    fn diff(&mut self, _diff: &str) {}

    fn warning(&mut self, text: &str) {
        self.0.push(text.to_owned());
    }
}

fn changes(plan: &Plan) -> Vec<Change> {
    let change = |edit: &FileEdit| Change {
        path: edit.path.clone(),
        bytes: edit.after.clone(),
    };
    plan.edits.iter().map(change).collect()
}

/// What `git diff` would show.
fn diff(plan: &Plan) -> String {
    let until = lines::compared_until();
    let file = |edit: &FileEdit| {
        let (before, after) = (
            String::from_utf8_lossy(&edit.before),
            String::from_utf8_lossy(&edit.after),
        );
        lines::unified(&edit.path, &before, &after, until)
    };
    plan.edits.iter().map(file).collect()
}

/// `texts`, each once, in their order.
pub(super) fn each_once(mut texts: Vec<String>) -> Vec<String> {
    let mut seen = HashSet::new();
    texts.retain(|text| seen.insert(text.clone()));
    texts
}

/// `values`, each once, in their order.
pub(super) fn distinct<'a>(values: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = HashSet::new();
    values.filter(|value| seen.insert(*value)).collect()
}
