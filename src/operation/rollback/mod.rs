//! `operation: rollback`: undoes a deployment with a new commit, as `git revert` does.

mod choice;
mod meanwhile;
mod plan;
mod reached;
mod refusal;
mod still;
mod target;
mod together;

pub use target::{Target, To, UnknownTo, Wanted};

use self::choice::{Choice, OfThisRun};
use self::plan::{Undoing, Undone};
use std::sync::Arc;

use super::freeze::Freeze;
use super::landing::{self, LandingOptions, LandingReport, Lines, Planned};
use super::order::order_of;
use super::past::{HORIZON, messages};
use super::pull_request::{Proposing, PullRequest};
use super::session::{Remote, Session};
use super::update::Update;
use super::verify::Witnesses;
use super::{Operation, Progress, commit_line, counted};
use crate::deadline::Cancellation;
use crate::deployment::{
    self, Deployment, MessageTemplate, Named, Origin, RevertSubject, Reverted, Run, Source,
};
use crate::failure::{Failure, Reason};
use crate::files::{FileSelection, RepoPath};
use crate::limits::shortened;
use crate::manifest::{ImageChange, Plan, ValueChange};
use crate::nearest::first_few;
use crate::repository::history::{Commit, HistoryQuery};
use crate::repository::{CommitId, Identity, Snapshot};
use crate::version::Order;

/// What is asked for.
pub struct Rollback {
    /// The repository that holds the manifests.
    pub remote: Remote,
    /// The manifests.
    pub files: FileSelection,
    /// What to undo.
    pub target: Target,
    /// Where to look whether rollbacks are frozen.
    pub freeze: Option<Freeze>,
    /// The commit message; else the one of `git revert`.
    pub message: Option<MessageTemplate>,
    /// Author and committer.
    pub identity: Identity,
    /// Whether to leave Git as it is.
    pub dry_run: bool,
    /// The pull request to open, in place of a push to the branch.
    pub pull_request: Option<PullRequest>,
    /// Who tells whether what was before runs.
    pub witnesses: Witnesses,
}

/// Finds the commits, undoes them on the branch's tip and pushes that, until it landed or can't.
///
/// # Errors
/// Whatever keeps it from landing, told for a person. Git is as it was, unless the message says that
/// nobody knows.
pub async fn run(
    rollback: &Rollback,
    source: &Source,
    cancellation: Cancellation,
    log: &mut impl Progress,
) -> Result<LandingReport, Failure> {
    let (freeze, again) = (rollback.freeze.as_ref(), cancellation.clone());
    // What is to be taken back is chosen once, however long a freeze holds it.
    let mut first = None;
    landing::when_not_frozen(freeze, &rollback.remote, cancellation, log, async |log| {
        once(rollback, source, &mut first, again.clone(), log).await
    })
    .await
}

async fn once(
    rollback: &Rollback,
    source: &Source,
    first: &mut Option<Arc<Choice>>,
    cancellation: Cancellation,
    log: &mut impl Progress,
) -> Result<LandingReport, Failure> {
    let Rollback { remote, files, .. } = rollback;
    let session = remote.connect(source, cancellation, log).await?;
    log.info(&format!("Rolling back {files} in {}", remote.location));
    let target = &rollback.target;
    let choice = match first {
        Some(first) => meanwhile::chosen(&session, files, target, first, log).await,
        None => choice::choose(&session, files, target, log).await,
    };
    let choice = Arc::new(still::told(&session, files, &[], choice).await?);
    *first = Some(Arc::clone(&choice));
    let proposing = match (&rollback.pull_request, choice.undone.first()) {
        (Some(request), Some(newest)) => Some(Proposing {
            request,
            branch: request.branch("rollback", newest.touched.commit.id.as_str())?,
            source,
        }),
        _ => None,
    };
    let landing = LandingOptions {
        proposing,
        operation: Operation::Rollback,
        files,
        identity: &rollback.identity,
        dry_run: rollback.dry_run,
        freeze: rollback.freeze.as_ref(),
        registry: None,
    };
    let message = rollback.message.as_ref();
    undo(&session, &landing, message, choice, target, source, log).await
}

/// The same for what `update` found there already, with these images at the commit that was judged: undone is what this
/// run of the workflow has deployed, in another attempt of its job, and only where that is what was judged. Of whatever
/// came on top of it, nobody knows whose fault it is.
///
/// # Errors
/// As [`of_commit`]; and where this run has not deployed it, or something came on top.
pub(super) async fn of_this_run(
    session: &Session<'_>,
    update: &Update,
    (judged, images): (&CommitId, &[&str]),
    source: &Source,
    log: &mut impl Progress,
) -> Result<LandingReport, Failure> {
    let elsewhere = "Look at who deployed it. `operation: rollback` with `commit` undoes it.";
    let elsewhere = |why: String| (why, elsewhere.to_owned());
    let of_this_run = choice::deployed_by_this_run(session, &update.files, images, log).await?;
    let (why, hint) = match of_this_run {
        OfThisRun::Deployed(own) if own == *judged => {
            return of_commit(session, update, &own, source, log).await;
        }
        OfThisRun::Deployed(own) => {
            let why = format!(
                "This workflow run had deployed it with {}, and what was judged is {}, which came later: which of them is broken is not known.",
                own.short(),
                judged.short()
            );
            let hint = format!(
                "Find out which it is. `operation: rollback` with `commit: {}` undoes what this run has deployed.",
                own.short()
            );
            (why, hint)
        }
        OfThisRun::OnTopOfOthers => {
            let why = "It came to the branch as the last of several commits, and undoing that one would bring back an image that only their pull request had.";
            let hint = "`operation: rollback` goes back to what ran before all of them.";
            (why.to_owned(), hint.to_owned())
        }
        OfThisRun::TakenBack(how) => elsewhere(format!(
            "It was there before: this workflow run had deployed it, and {how} since."
        )),
        OfThisRun::Not { is_all: true } => elsewhere(
            "It was there before, and not by this workflow run: `rollback-on-failure` undoes what its own run has deployed.".to_owned(),
        ),
        OfThisRun::Not { is_all: false } => elsewhere(format!(
            "It was there before, and none of the newest {HORIZON} commits of {} deployed it for this workflow run: `rollback-on-failure` undoes what its own run has deployed.",
            update.files
        )),
        OfThisRun::Unknown => elsewhere(
            "It was there before, and whether this workflow run has deployed it is not known: nothing says which run this is (`GITHUB_RUN_ID`, `GITHUB_WORKFLOW_REF`). `rollback-on-failure` undoes what its own run has deployed.".to_owned(),
        ),
    };
    Err(Failure::new(Reason::Rollback, why).with_hint(hint))
}

/// Undoes `commit`, which `update` deployed, in the way that it was deployed: where that was proposed, so is
/// this. Not where somebody has deployed since.
///
/// # Errors
/// As [`run`]; and where a freeze holds rollbacks as well: it is not waited for.
pub(super) async fn of_commit(
    session: &Session<'_>,
    update: &Update,
    commit: &CommitId,
    source: &Source,
    log: &mut impl Progress,
) -> Result<LandingReport, Failure> {
    log.info(&format!(
        "Rolling back {} in {}",
        commit.short(),
        session.remote.location
    ));
    let Update {
        files,
        identity,
        freeze,
        pull_request,
        ..
    } = update;
    let target = Target::Landed(commit.clone());
    let choice = choice::choose(session, files, &target, log).await;
    let choice = Arc::new(still::told(session, files, &[], choice).await?);
    let proposing = match pull_request {
        Some(request) => Some(Proposing {
            request,
            branch: request.way_back(commit)?,
            source,
        }),
        None => None,
    };
    let landing = LandingOptions {
        proposing,
        operation: Operation::Rollback,
        files,
        identity,
        dry_run: false,
        freeze: freeze.as_ref(),
        registry: None,
    };
    let report = undo(session, &landing, None, choice, &target, source, log).await?;
    match &report.skipped {
        Some(why) if report.is_held() => Err(Failure::new(Reason::Frozen, format!("{why}."))),
        _ => Ok(report),
    }
}

/// Undoes what was chosen.
async fn undo(
    session: &Session<'_>,
    landing: &LandingOptions<'_>,
    template: Option<&MessageTemplate>,
    mut choice: Arc<Choice>,
    target: &Target,
    source: &Source,
    log: &mut impl Progress,
) -> Result<LandingReport, Failure> {
    for passed in &choice.passed_over {
        log.info(passed);
    }
    let mut passed_over = Vec::new();
    let mood = match landing.dry_run {
        true => Mood::Would,
        false => Mood::Does,
    };
    let is_named = matches!(target, Target::To(_));
    let repositories = choice.repositories(&session.readings);
    let landed = landing::land(session, landing, log, async |snapshot: &Arc<Snapshot>| {
        if !choice.stands_at(&snapshot.commit) {
            let (branch, tip) = (&snapshot.branch, &snapshot.commit);
            let go_on = async || session.repository.go_on_from(branch, tip).await;
            session.read_silently(go_on).await?;
            let mut lines = Lines::default();
            let chosen =
                meanwhile::chosen(session, landing.files, target, &choice, &mut lines).await?;
            passed_over.clone_from(&chosen.passed_over);
            choice = Arc::new(chosen);
        }
        let (own, tip) = (Arc::clone(&choice), Arc::clone(snapshot));
        let readings = Arc::clone(&session.readings);
        let location = session.remote.location.clone();
        let found = session.work(move || {
            let known = own.history.iter().flat_map(|history| &history.commits);
            let known = known.chain(own.undone.iter().map(|one| &one.touched));
            let named = Named::by(known.flat_map(|touched| messages(&touched.commit)));
            let named = named.reading(&readings);
            let mut found = Undoing::of(&tip, &own.undone, &named)?;
            if let Some(already) = &own.already {
                found.plan.images = plan::images_since(&tip.files, &already.by, &named);
            }
            let wanted = own.wanted.as_ref();
            let renamed = wanted.and_then(|to| refusal::renames_back(&found.plan, &own.undone, to));
            let checked = match renamed {
                Some(renamed) => Err(renamed),
                None => reached::checked(&own, &tip, &mut found.plan, &location, &readings),
            };
            Ok(checked.map(|checked| (found, checked)))
        });
        let (found, checked) = match found.await? {
            Ok(found) => found?,
            Err(problem) => {
                let files = landing.files;
                return Err(refusal::explained(session, files, &choice, snapshot, problem).await);
            }
        };
        let Undoing {
            plan,
            besides,
            of_people,
            comments: changed_comments,
        } = found;
        if !plan.edits.is_empty()
            && let Target::Newest(named) = target
            && let Some(failure) = refusal::of_another(&plan, named)
        {
            return Err(failure);
        }
        let plan = Arc::new(plan);
        let apart = together::told(session, landing.files, &choice, &plan).await?;
        let plan = Arc::unwrap_or_clone(plan);
        let newer = newer(&plan);
        let changed = plan.changed_images().count();
        // Whoever names what is newer deploys it: nothing is taken back by that.
        let is_newer = is_named && changed > 0 && newer.len() == changed;
        let again = !choice.again.is_empty() || choice.undoes_rollbacks || is_newer;
        let subject = match (is_named, again) {
            (false, _) => RevertSubject::Commit,
            (true, false) => RevertSubject::Back,
            (true, true) => RevertSubject::Again,
        };
        let deployment = Deployment::of(&plan, source);
        let reverted: Vec<Reverted<'_>> = choice
            .undone
            .iter()
            .map(|undone| reverted(undone, is_newer))
            .collect();
        let message = deployment::revert_message(template, &reverted, subject, &deployment);
        let rolled_back = choice.again.iter();
        let rolled_back = rolled_back.map(|(image, how)| {
            let is = mood.is("deployed again");
            format!("{image} {how}, and {is}")
        });
        let own = rolled_back
            .chain(newer.iter().map(|image| {
                format!(
                    "{} is newer by its tag than {}, in whose place it {}",
                    image.new,
                    image.old,
                    mood.of("comes", "would come")
                )
            }))
            .chain(by_hand(&of_people, mood))
            .chain(comments(&changed_comments, mood))
            .chain(checked.warnings)
            .chain(apart);
        let own: Vec<String> = own.collect();
        let own = landing::each_once(own);
        let mut announced = passed_over.clone();
        announced.extend(undoing(&choice.undone, mood));
        announced.extend(what_runs_then(&plan, mood));
        let already = choice.already.as_ref().map(|already| already.how.clone());
        let warnings = choice.warnings.iter().cloned();
        let warnings = warnings.chain(left_in_other_files(&choice.undone));
        Ok(Planned {
            announced,
            besides,
            left_out: Vec::new(),
            again,
            plan,
            message,
            warnings: warnings.chain(own).collect(),
            skipped: already.or(checked.skipped),
        })
    });
    let landed = match landed.await {
        Err(failure) if failure.reason == Reason::FileNotFound => {
            Err(gone(session, landing.files).await.unwrap_or(failure))
        }
        Err(failure) if failure.reason == Reason::Unconfirmed => {
            let hint = match (session.source.run(), target) {
                (Some(_), Target::Newest(_)) => {
                    "Look at the branch. Running the job again is safe: what a run has rolled back it does not roll back again."
                }
                (None, Target::Newest(_)) => {
                    "Look at the branch before you run this again: where it landed, a further run takes back one more deployment. With `commit` it does not."
                }
                _ => {
                    "Look at the branch. Running the job again is safe: what was taken back already stays as it is."
                }
            };
            Err(failure.with_hint(hint))
        }
        landed => landed,
    };
    let mut report = still::told(session, landing.files, &repositories, landed).await?;
    if report.is_held() {
        return Ok(report);
    }
    let run = session.source.run();
    let is_own =
        |already: &&choice::Already| run.is_some() && Run::of(&already.by.commit.message) == run;
    let already = choice.already.as_ref().filter(is_own);
    report.made_before = already.map(|already| already.by.commit.id.clone());
    let undone = choice.undone.iter();
    report.undone = undone
        .map(|undone| Commit::clone(&undone.touched.commit))
        .collect();
    Ok(report)
}

/// The failure for files that are named and are not there any more.
async fn gone(session: &Session<'_>, files: &FileSelection) -> Option<Failure> {
    let query = HistoryQuery::newest(DEPTH);
    let history = session.repository.history(files, &query).await.ok()?;
    choice::gone(files, &history)
}

/// The images that are newer by their tags than those in whose place they come.
fn newer(plan: &Plan) -> Vec<&ImageChange> {
    // What comes where nothing was takes no older one's place.
    let is_newer = |image: &&ImageChange| {
        !image.old.is_empty() && order_of(&image.old, &image.new) == Order::Newer
    };
    plan.changed_images().filter(is_newer).collect()
}

/// Whether something is done, or only told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mood {
    Does,
    Would,
}

impl Mood {
    fn of(self, does: &'static str, would: &'static str) -> &'static str {
        match self {
            Self::Does => does,
            Self::Would => would,
        }
    }

    /// `is deployed again`
    fn is(self, what: &str) -> String {
        format!("{} {what}", self.of("is", "would be"))
    }
}

/// What is undone, a line for each commit.
fn undoing(undone: &[Undone], mood: Mood) -> Vec<String> {
    let line = |one: &Undone| {
        let rest = if one.is_rest() {
            "what is left of "
        } else {
            ""
        };
        let undoing = mood.of("Undoing", "Would undo");
        format!("{undoing} {rest}{}", commit_line(&one.touched.commit))
    };
    undone.iter().map(line).collect()
}

/// What the commits did to files that nobody has named.
fn left_in_other_files(undone: &[Undone]) -> impl Iterator<Item = String> {
    undone.iter().filter_map(|Undone { touched, .. }| {
        let others = touched.changed_files.checked_sub(touched.files.len());
        let others = others.filter(|others| *others > 0)?;
        let stay = match others {
            1 => "it stays as it is",
            _ => "they stay as they are",
        };
        Some(format!(
            "Commit {} changed {}, not named by `file`: {stay}",
            touched.commit.id.short(),
            counted(others, "more file")
        ))
    })
}

/// What goes back that is no deployment's: somebody had changed it in a commit that is undone.
fn by_hand(besides: &[ValueChange], mood: Mood) -> Option<String> {
    let values: Vec<String> = besides
        .iter()
        .map(|value| format!("{} ({})", value_then(value, mood), value.file))
        .collect();
    (!values.is_empty()).then(|| {
        format!(
            "Values that no deployment is known to have set {} as well, with the commit that changed them: {}",
            mood.of("go back", "would go back"),
            first_few(&values, ANNOUNCED)
        )
    })
}

/// The comments that go back and are no deployment's: in which files, and who had changed them.
fn comments(files: &[(RepoPath, Arc<Commit>)], mood: Mood) -> Option<String> {
    let files: Vec<String> = files
        .iter()
        .map(|(file, commit)| format!("those in {file}, changed by {}", commit_line(commit)))
        .collect();
    (!files.is_empty()).then(|| {
        format!(
            "Comments {} as well: {}",
            mood.of("go back", "would go back"),
            first_few(&files, ANNOUNCED)
        )
    })
}

/// A commit as the message names it that undoes it; what it did is not said to be taken back where a newer image
/// is deployed again.
fn reverted(
    Undone {
        touched, origin, ..
    }: &Undone,
    is_newer: bool,
) -> Reverted<'_> {
    let commit = &touched.commit;
    let merged_into = commit.parents.first().filter(|_| commit.is_merge());
    Reverted {
        subject: commit.subject(),
        id: commit.id.as_str(),
        merged_into: merged_into.map(CommitId::as_str),
        origin: *origin,
        is_taken_back: !is_newer || *origin == Origin::Rollback,
    }
}

/// How many commits tell what became of a file.
const DEPTH: usize = 1000;
/// How much of a value is shown before the commit is made.
const SHOWN: usize = 100;
/// How many things that change are named before the commit is made; the summary has all of them.
const ANNOUNCED: usize = 10;

/// `ghcr.io/o/web:v13 will run where ghcr.io/o/web:v14 runs now`
fn what_runs_then(plan: &Plan, mood: Mood) -> Vec<String> {
    let images = plan.changed_images().map(|image| {
        let runs = mood.of("will run", "would run");
        format!("{} {runs} where {} runs now", image.new, image.old)
    });
    let values = plan.changed_values().map(|value| value_then(value, mood));
    let mut lines: Vec<String> = Vec::new();
    for line in images.chain(values) {
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    if lines.len() > ANNOUNCED {
        let more = lines.len() - ANNOUNCED;
        lines.truncate(ANNOUNCED);
        lines.push(format!("… and {more} more"));
    }
    lines
}

/// `.spec.replicas goes back from 4 to 1`
fn value_then(value: &ValueChange, mood: Mood) -> String {
    let text = |text: &str| {
        let text = shortened(text, SHOWN);
        let is_plain = |letter: char| !letter.is_whitespace() && !letter.is_control();
        match !text.is_empty() && text.chars().all(is_plain) {
            true => text.to_string(),
            false => format!("{text:?}"),
        }
    };
    let path = &value.path;
    match (value.old.as_deref(), value.new.as_deref()) {
        (Some(old), Some(new)) => {
            let goes = mood.of("goes", "would go");
            format!("{path} {goes} back from {} to {}", text(old), text(new))
        }
        (None, Some(new)) => {
            let comes = mood.of("comes", "would come");
            format!("{path} {comes} back as {}", text(new))
        }
        (Some(old), None) => {
            let goes = mood.of("goes", "would go");
            format!("{path} {goes} away: it is {} now", text(old))
        }
        (None, None) => format!("{path} {} gone", mood.of("stays", "would stay")),
    }
}
