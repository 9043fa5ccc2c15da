//! Which commits are undone.

use std::collections::HashMap;
use std::sync::Arc;

use super::plan::{self, Undone};
use super::target::{Target, Wanted};
use crate::deployment::past::{
    Candidate, Ended, NotUndone, NothingBefore, Part, Past, Standing, Undo,
};
use crate::deployment::{Named, Origin, Run, trailer_values};
use crate::failure::{Failure, Reason};
use crate::files::{FileSelection, RepoPath};
use crate::manifest::{ManifestFile, Plan, Readings};
use crate::nearest::first_few;
use crate::operation::past::{
    HORIZON, changes, is_sure, messages, named, past_while, repositories,
};
use crate::operation::session::Session;
use crate::operation::{Progress, commit_line, counted};
use crate::repository::history::{FileHistory, FileVersions, HistoryQuery, Searched, Touched};
use crate::repository::{CommitId, Revision};

/// How many commits of the files are looked at, step by step, until older ones can't change the answer.
const STEPS: [usize; 3] = [10, 100, HORIZON];
/// How many commits that are passed over are told, and how many images that there were.
pub(super) const TOLD: usize = 10;

/// What is to be undone.
#[derive(Default)]
pub(super) struct Choice {
    /// Newest first; none where nothing was found after which the image that is wanted ran.
    pub undone: Vec<Undone>,
    /// A line for each commit that is passed over.
    pub passed_over: Vec<String>,
    /// What a person should know who thinks that all of it is undone.
    pub warnings: Vec<String>,
    /// What was taken back already, where nothing is to be undone for that.
    pub already: Option<Already>,
    /// The images that were taken back and come again, each with how that was: a part of a sentence.
    pub again: Vec<(String, String)>,
    /// Whether all that is undone are rollbacks.
    pub undoes_rollbacks: bool,
    /// The images that are wanted.
    pub wanted: Option<Wanted>,
    /// The deployment that is undone where nothing is named.
    pub deployment: Option<CommitId>,
    /// The commits by which it was found out; none where one commit was named that could not be found among
    /// them.
    pub history: Option<FileHistory>,
    /// The files where images that are wanted were taken back further, and stay.
    pub stays: Vec<String>,
}

/// What was taken back already.
pub(super) struct Already {
    /// How that was: a sentence without its full stop.
    pub how: String,
    /// The commit that took it back.
    pub by: Touched,
}

/// Finds out what `target` means.
pub(super) async fn choose(
    session: &Session<'_>,
    files: &FileSelection,
    target: &Target,
    log: &mut impl Progress,
) -> Result<Choice, Failure> {
    match target {
        Target::Newest(_) => newest(session, files, log).await,
        Target::To(wanted) => back_to(session, files, wanted, log).await,
        Target::Commit(revision) => {
            let touched = one(session, files, revision, false, log).await?;
            let mut choice = of_commit(session, files, touched, log).await?;
            let mut undone = choice.undone.iter();
            choice.undoes_rollbacks = undone.all(|one| one.origin == Origin::Rollback);
            Ok(choice)
        }
        Target::Landed(commit) => {
            let touched = one(session, files, &commit.into(), true, log).await?;
            of_commit(session, files, touched, log).await
        }
    }
}

impl Choice {
    pub(super) fn of(history: &FileHistory, past: &Past<'_>, chosen: &[Undo]) -> Self {
        let standings = past.standings();
        let line = |number: usize| commit_line(&history.commits[number].commit);
        let undone = chosen.iter().map(|undo| undone(history, past, undo));
        let overridden = chosen.iter().flat_map(|undo| past.overridden(undo.number));
        let warnings = overridden.map(|(change, by)| {
            let by = by.map_or_else(|| "somebody".to_owned(), line);
            let is = if change.is_image {
                "An image"
            } else {
                &change.place
            };
            format!(
                "{is} in {} stays as it is: {by} has changed it since",
                change.file
            )
        });
        let mut warnings: Vec<String> = warnings.collect();
        warnings.dedup();
        let newest = chosen.first().map_or(0, |undo| undo.number);
        let passed = history.commits.iter().zip(standings).take(newest);
        let passed = passed.filter_map(|(touched, standing)| {
            let by = standing.undone_by.filter(|_| standing.is_deployment())?;
            Some(format!(
                "Passing over {}: {} took it back",
                commit_line(&touched.commit),
                history.commits[by].commit.id.short()
            ))
        });
        Self {
            undone: undone.collect(),
            passed_over: passed.take(TOLD).collect(),
            warnings,
            ..Self::default()
        }
    }

    /// Whether it was chosen by what came up to `tip`: others may have taken something back since, or deployed on top.
    pub fn stands_at(&self, tip: &CommitId) -> bool {
        let history = self.history.as_ref();
        history.is_none_or(|history| history.tip == *tip)
    }

    /// The names of the images that the commits replaced which are undone.
    pub fn repositories(&self, readings: &Arc<Readings>) -> Vec<String> {
        let touched: Vec<Touched> = self.undone.iter().map(|one| one.touched.clone()).collect();
        let named = named(&touched).reading(readings);
        repositories(&touched, &named)
    }
}

/// What is asked for, step by step: of the first ones at first as many as are at hand.
pub(super) fn steps() -> impl Iterator<Item = HistoryQuery> {
    let step = |limit, at_hand| HistoryQuery {
        at_hand,
        resumes: true,
        ..HistoryQuery::newest(limit)
    };
    let whole = STEPS.map(|limit| step(limit, false));
    std::iter::once(step(STEPS[0], true)).chain(whole)
}

/// The newest commits of the files; and whether no more of them count.
pub(super) async fn read(
    session: &Session<'_>,
    files: &FileSelection,
    query: &HistoryQuery,
    log: &mut impl Progress,
) -> Result<(FileHistory, bool), Failure> {
    let history = session.history(files, query, log).await?;
    let limit = query.limit;
    let is_all = !history.limited || limit >= HORIZON;
    if is_all && history.limited {
        log.info(&format!(
            "Only the newest {limit} commits of {files} count: older ones are not looked at"
        ));
    }
    Ok((history, is_all))
}

/// The newest deployment in force.
async fn newest(
    session: &Session<'_>,
    files: &FileSelection,
    log: &mut impl Progress,
) -> Result<Choice, Failure> {
    for query in steps() {
        let (history, is_all) = read(session, files, &query, log).await?;
        if let Some(gone) = gone(files, &history) {
            return Err(gone);
        }
        let named = named(&history.commits).reading(&session.readings);
        let past = past_while(&history.commits, &named, |count| session.may_go_on(count))?;
        let newest = past.newest();
        let is_of_this_attempt = |chosen: &Undo| {
            let commit = &history.commits[chosen.number].commit;
            messages(commit).any(|message| session.source.is_of_this_attempt(message))
        };
        let is_own = matches!(&newest, Ok(chosen) if !chosen.is_empty() && chosen.iter().all(is_of_this_attempt));
        if let Some(own) = own_rollback(session, &history, &past)
            && !is_own
        {
            let how = format!(
                "this run has rolled back already, with {}. To take back one more deployment, name it with `commit`, or what is to \
                 run with `to`",
                commit_line(&own.commit)
            );
            let by = own.clone();
            return Ok(Choice {
                already: Some(Already { how, by }),
                history: Some(history),
                ..Choice::default()
            });
        }
        match newest {
            Ok(chosen)
                if is_all && history.limited && chosen.iter().any(|own| past.is_unjudged(own)) =>
            {
                let what = match &chosen[..] {
                    [one, ..] => commit_line(&history.commits[one.number].commit),
                    [] => String::new(),
                };
                return Err(unread(
                    files,
                    &format!("whether {what} took something back is not known"),
                ));
            }
            Err(NothingBefore::NoDeployment) if is_all && history.limited => {
                return Err(unread(files, "no deployment among them is in force"));
            }
            Ok(chosen) if is_all || is_sure(&history.commits, &named, &past, &numbers(&chosen)) => {
                let mut choice = Choice::of(&history, &past, &chosen);
                let mut chosen = chosen.iter();
                let deployment = chosen.find(|undo| undo.is_all);
                choice
                    .warnings
                    .extend(deployment.and_then(|own| one_more(&history, &past, own.number)));
                let id = |undo: &Undo| history.commits[undo.number].commit.id.clone();
                return Ok(Choice {
                    deployment: deployment.map(id),
                    history: Some(history),
                    ..choice
                });
            }
            Err(why) if is_all => return Err(nothing(session, files, &history, &past, why)),
            Ok(_) | Err(_) => {}
        }
    }
    Err(Failure::new(
        Reason::Rollback,
        "There is nothing to roll back.",
    ))
}

/// What a person should know where a newer deployment than this one was taken back: it may be the one that was meant.
fn one_more(history: &FileHistory, past: &Past<'_>, number: usize) -> Option<String> {
    let (newer, by) = past.taken_back_over(number)?;
    let line = |number: usize| commit_line(&history.commits[number].commit);
    Some(format!(
        "{} was taken back already, by {}: what goes back now is the deployment before it, {}",
        line(newer),
        line(by),
        line(number)
    ))
}

/// The rollback that this run of the workflow has made: whoever runs a job again, as the answer to its push was lost or
/// what went back was slow to start, does not mean one deployment more, but for one that the same attempt has made.
fn own_rollback<'h>(
    session: &Session<'_>,
    history: &'h FileHistory,
    past: &Past<'_>,
) -> Option<&'h Touched> {
    let run = session.source.run()?;
    let mut commits = history.commits.iter().zip(past.standings());
    let (touched, _) = commits.find(|(touched, standing)| {
        standing.origin == Origin::Rollback && Run::of(&touched.commit.message) == Some(run)
    })?;
    Some(touched)
}

/// Whether this run of the workflow has deployed something, in another attempt of the job or by a merge of what that had
/// proposed.
pub(super) enum OfThisRun {
    /// It has, with this commit.
    Deployed(CommitId),
    /// It has, and on top of what never ran, as that came with it to the branch.
    OnTopOfOthers,
    /// It has, and that was taken back.
    TakenBack(String),
    /// It has not, as far as commits count; and whether that is all of them.
    Not { is_all: bool },
    /// Nobody says which run this is.
    Unknown,
}

/// Whether this run of the workflow has deployed `images`.
pub(super) async fn deployed_by_this_run(
    session: &Session<'_>,
    files: &FileSelection,
    images: &[&str],
    log: &mut impl Progress,
) -> Result<OfThisRun, Failure> {
    let Some(run) = session.source.run() else {
        return Ok(OfThisRun::Unknown);
    };
    let is_own = |touched: &Touched| {
        messages(&touched.commit).any(|message| {
            let deployed: Vec<&str> = trailer_values(message, "Deployed-Image").collect();
            let has_all = images.iter().all(|image| deployed.contains(image));
            has_all && !images.is_empty() && Run::of(message) == Some(run)
        })
    };
    for query in steps() {
        let (history, is_all) = read(session, files, &query, log).await?;
        let Some(number) = history.commits.iter().position(is_own) else {
            match is_all {
                true => {
                    return Ok(OfThisRun::Not {
                        is_all: !history.limited,
                    });
                }
                false => continue,
            }
        };
        let named = named(&history.commits).reading(&session.readings);
        let past = past_while(&history.commits, &named, |count| session.may_go_on(count))?;
        let own = &past.standings()[number];
        let line = |number: usize| commit_line(&history.commits[number].commit);
        if let Some(by) = own.undone_by {
            return Ok(OfThisRun::TakenBack(format!(
                "{} took {} back",
                line(by),
                line(number)
            )));
        }
        let below = past.standings().get(number + 1);
        if below.is_some_and(Standing::never_ran) {
            return Ok(OfThisRun::OnTopOfOthers);
        }
        if own.is_deployment() {
            return Ok(OfThisRun::Deployed(
                history.commits[number].commit.id.clone(),
            ));
        }
        break;
    }
    Ok(OfThisRun::Not { is_all: true })
}

/// Of more commits than count, those that do have not the answer.
fn unread(files: &FileSelection, why: &str) -> Failure {
    let message = format!(
        "There is nothing that one can be sure to roll back: only the newest {HORIZON} commits of {files} are looked at, and {why}. Nothing was changed."
    );
    Failure::new(Reason::Rollback, message).with_hint(
        "Name the commit to undo with `commit`, or deploy what is to run with `operation: update`.",
    )
}

pub(super) fn numbers(chosen: &[Undo]) -> Vec<usize> {
    chosen.iter().map(|one| one.number).collect()
}

/// What came after the images that are wanted.
async fn back_to(
    session: &Session<'_>,
    files: &FileSelection,
    wanted: &Wanted,
    log: &mut impl Progress,
) -> Result<Choice, Failure> {
    let is_wanted = |image: &str| wanted.means(image);
    // Which images are meant by a version alone, only all of them tell.
    let fewest = match wanted.is_version() {
        true => HORIZON,
        false => 0,
    };
    for query in steps().filter(|query| query.limit >= fewest) {
        let (history, is_all) = read(session, files, &query, log).await?;
        let named = named(&history.commits).reading(&session.readings);
        let past = past_while(&history.commits, &named, |count| session.may_go_on(count))?;
        let way = past.back_to(is_wanted);
        if !is_all {
            if !is_sure(&history.commits, &named, &past, &numbers(&way.undo)) {
                continue;
            }
            // They came with the past, over whatever transport is written.
            let tip = session.repository.git().files_at(&history.tip, files).await;
            if !tip.is_ok_and(|tip| is_back_everywhere(&tip, &named, &past, wanted)) {
                continue;
            }
        }
        let candidates = past.candidates(is_wanted);
        let is_mixed = candidates.iter().any(|one| one.is_forward)
            && !candidates.iter().all(|one| one.is_forward);
        if !candidates.is_empty() && (wanted.is_version() || is_mixed) {
            return Err(several(&history, wanted, &candidates));
        }
        let line = |number: usize| commit_line(&history.commits[number].commit);
        let how = |ended: Ended, there: &str| match ended {
            Ended::TakenBack(by) => format!("was taken back{there} by {}", line(by)),
            Ended::Replaced(by) => format!("ran{there} until {}", line(by)),
        };
        let mut choice = match way.undo.is_empty() {
            true => Choice::default(),
            false => Choice::of(&history, &past, &way.undo),
        };
        for (ended, file) in way.stays {
            let stays = format!("{file} stays as it is: {wanted} {}", how(ended, " there"));
            choice.warnings.push(stays);
            choice.stays.push(file);
        }
        for (image, by) in way.taken_back {
            let by = line(by);
            let taken_back = format!("{image} was rolled back by {by}, and is named now");
            choice.warnings.push(taken_back);
        }
        let again = way.again.into_iter().map(|(image, ended)| match ended {
            Ended::TakenBack(by) => (image, format!("was rolled back by {}", line(by))),
            Ended::Replaced(_) => (image, how(ended, "")),
        });
        choice.again = again.collect();
        choice.wanted = Some(wanted.clone());
        choice.history = Some(history);
        return Ok(choice);
    }
    Ok(Choice::default())
}

/// Whether each image that is wanted runs, or comes back by what is known, at every place of the `tip`'s files
/// that has one of its repository.
fn is_back_everywhere(
    tip: &[ManifestFile],
    named: &Named<'_>,
    past: &Past<'_>,
    wanted: &Wanted,
) -> bool {
    // Several may share a place.
    let mut back: HashMap<&str, HashMap<&str, usize>> = HashMap::new();
    for (file, place) in past.places_back(|image| wanted.means(image)) {
        *back.entry(file).or_default().entry(place).or_default() += 1;
    }
    let places = plan::images_then(tip, &Plan::default(), named, |image| wanted.names(image));
    let mut others = places.iter().filter(|image| !wanted.means(&image.new));
    others.all(|image| {
        let place = image.place.to_string();
        let own = back.get_mut(image.file.as_str());
        match own.and_then(|own| own.get_mut(place.as_str())) {
            Some(left @ 1..) => {
                *left -= 1;
                true
            }
            _ => false,
        }
    })
}

/// The failure for images of several names which are meant and do not come again together.
fn several(history: &FileHistory, wanted: &Wanted, candidates: &[Candidate]) -> Failure {
    let line = |one: &Candidate| {
        let (how, number) = match one.ended {
            Ended::TakenBack(by) => ("was taken back by", by),
            Ended::Replaced(by) => ("ran until", by),
        };
        let by = commit_line(&history.commits[number].commit);
        format!("\n- {} {how} {by}", one.image)
    };
    let lines: String = candidates.iter().take(TOLD).map(line).collect();
    let named: Vec<String> = candidates
        .iter()
        .take(TOLD)
        .map(|one| format!("`to: {}`", one.image))
        .collect();
    let (what, hint) = match wanted.is_version() {
        true => (
            format!(
                "`to` names {wanted}, which is the version of several images that did not leave it together: which of them is meant can't be told"
            ),
            format!(
                "Write which: {}. Or several of them, one a line.",
                named.join(" or ")
            ),
        ),
        false => (
            format!(
                "`to` names {wanted}: one step does not go back with one image and forward with another"
            ),
            format!("Name them one after the other: {}.", named.join(", then ")),
        ),
    };
    Failure::new(
        Reason::Rollback,
        format!("{what}. Nothing was changed.{lines}"),
    )
    .with_hint(hint)
}

/// What of a commit is to be undone that is named.
async fn of_commit(
    session: &Session<'_>,
    files: &FileSelection,
    touched: Touched,
    log: &mut impl Progress,
) -> Result<Choice, Failure> {
    let own = Undone {
        origin: Origin::of_all(messages(&touched.commit)),
        parts: vec![Part::Whole; touched.files.len()],
        touched: touched.clone(),
    };
    let whole = Choice {
        undone: vec![own],
        ..Choice::default()
    };
    for query in steps() {
        let (history, is_all) = read(session, files, &query, log).await?;
        let named = named(&history.commits).reading(&session.readings);
        let past = past_while(&history.commits, &named, |count| session.may_go_on(count))?;
        let mut commits = history.commits.iter();
        let number = commits.position(|one| brought(one, &touched));
        let is_sure = |number: usize| is_sure(&history.commits, &named, &past, &[number]);
        match number {
            Some(number) if is_all || is_sure(number) => {
                let choice = of_known(&history, &past, number, &touched, whole)?;
                return Ok(Choice {
                    history: Some(history),
                    ..choice
                });
            }
            _ if is_all => break,
            Some(_) | None => {}
        }
    }
    Ok(whole)
}

/// What of a commit is to be undone that is named, and is the one of this `number` or was merged by it.
fn of_known(
    history: &FileHistory,
    past: &Past<'_>,
    number: usize,
    touched: &Touched,
    whole: Choice,
) -> Result<Choice, Failure> {
    Ok(match past.of_commit(number) {
        Err(NotUndone::TakenBack(by)) => Choice {
            undone: Vec::new(),
            already: Some(Already {
                how: format!(
                    "{} was taken back already, by {}",
                    commit_line(&touched.commit),
                    commit_line(&history.commits[by].commit)
                ),
                by: history.commits[by].clone(),
            }),
            ..whole
        },
        Err(NotUndone::Again { by, newer }) => return Err(again(history, touched, by, newer)),
        // One of a merge is undone by itself.
        Ok(_) if history.commits[number].commit.id != touched.commit.id => whole,
        Ok(undo) => {
            let mut choice = Choice::of(history, past, &[undo]);
            choice.passed_over.clear();
            choice.warnings.clear();
            choice
        }
    })
}

/// The failure for a commit that was taken back, where that was undone in turn: whoever named the one does not
/// mean all that the `newer` one did.
fn again(history: &FileHistory, touched: &Touched, by: usize, newer: usize) -> Failure {
    let line = |number: usize| commit_line(&history.commits[number].commit);
    let named = named(&history.commits);
    let newer_files = history.commits[newer].files.iter();
    let images = newer_files.flat_map(|versions| changes(&named, versions).images);
    let mut replaced: Vec<String> = images
        .filter_map(|image| Some(format!("{} by {}", image.old?, image.new?)))
        .collect();
    replaced.dedup();
    let did = match &replaced[..] {
        [] => String::new(),
        all => format!(" It replaced {}.", first_few(all, TOLD)),
    };
    let short = history.commits[newer].commit.id.short();
    Failure::new(
        Reason::Rollback,
        format!(
            "`commit` names {}, which {} took back already. That was undone in turn, and {} is in force since. Nothing was changed.",
            commit_line(&touched.commit),
            line(by),
            line(newer)
        ),
    )
    .with_hint(format!(
        "To undo the newest of these, name it: `commit: {short}`.{did} To run an image again, name it with `to`."
    ))
}

/// Whether a commit is another one, or has merged it.
fn brought(one: &Touched, other: &Touched) -> bool {
    let mut merged = one.commit.merged.iter();
    one.commit.id == other.commit.id || merged.any(|said| said.commit == other.commit.id)
}

/// What of a commit is to be undone.
pub(super) fn undone(history: &FileHistory, past: &Past<'_>, undo: &Undo) -> Undone {
    Undone {
        touched: history.commits[undo.number].clone(),
        origin: past.standings()[undo.number].origin,
        parts: past.parts(undo),
    }
}

/// Why nothing is rolled back.
pub(super) fn nothing(
    session: &Session<'_>,
    files: &FileSelection,
    history: &FileHistory,
    past: &Past<'_>,
    why: NothingBefore,
) -> Failure {
    let location = &session.remote.location;
    let line = |number: usize| commit_line(&history.commits[number].commit);
    let failure = |what: String, hint: &str| {
        Failure::new(
            Reason::Rollback,
            format!("There is nothing to roll back: {what} Nothing was changed."),
        )
        .with_hint(hint)
    };
    let deployments = || {
        let all = past.standings().iter().enumerate();
        all.filter(|(_, standing)| standing.is_deployment())
    };
    let is_every_one_undone = deployments().all(|(_, standing)| standing.undone_by.is_some());
    let named =
        "To undo a rollback, name it with `commit`; to run an image again, name it with `to`.";
    match why {
        NothingBefore::RolledBack { deployment, by } => failure(
            format!(
                "what ran before {} was rolled back itself, by {}.",
                line(deployment),
                line(by)
            ),
            "To run it all the same, name it with `to`, or the deployment to undo with `commit`.",
        ),
        NothingBefore::NoDeployment => match deployments().next() {
            Some((number, standing)) => {
                let what = match is_every_one_undone {
                    true => "every deployment of {} was rolled back already",
                    false => "no deployment of {} is in force",
                };
                let what = what.replace("{}", &format!("{files} in {location}"));
                let by_hand = past.replaced_by_hand(number);
                let (became, hint) = match (standing.undone_by, by_hand) {
                    (Some(by), _) => (format!(", taken back by {}", line(by)), named),
                    (None, Some((by, true))) => (
                        format!(
                            "; {} removed what it had deployed, and what is there now was added by hand",
                            line(by)
                        ),
                        "Deploy what is to run with `operation: update`.",
                    ),
                    (None, Some((by, false))) => (
                        format!("; {} has changed by hand what it had deployed", line(by)),
                        "What somebody did by hand is undone where `commit` names it; or deploy what is to run with `operation: update`.",
                    ),
                    (None, None) => (String::new(), named),
                };
                failure(
                    format!("{what}. The newest was {}{became}.", line(number)),
                    hint,
                )
            }
            None => {
                let what = match (&history.commits[..], history.commits.last()) {
                    ([only], _) => format!(
                        "The one commit that touched it is {}.",
                        commit_line(&only.commit)
                    ),
                    (all, Some(oldest)) => format!(
                        "{} commits touched it, the oldest of them {}.",
                        all.len(),
                        commit_line(&oldest.commit)
                    ),
                    (_, None) => "No commit has touched it.".to_owned(),
                };
                failure(
                    format!("no commit has changed an image in {files} of {location}. {what}"),
                    "Check `file` and `branch`. A commit that changed something else is undone where `commit` names it.",
                )
            }
        },
    }
}

/// The failure for files that are named and are not there any more.
pub(super) fn gone(files: &FileSelection, history: &FileHistory) -> Option<Failure> {
    let named = files.named_paths();
    let what_became = |path: &RepoPath| {
        let touches = |versions: &&FileVersions| {
            versions.path == *path || versions.renamed_from.as_ref() == Some(path)
        };
        let mut commits = history.commits.iter();
        let (touched, versions) = commits.find_map(|touched| {
            let own = touched.files.iter().find(touches)?;
            Some((touched, own))
        })?;
        let by = commit_line(&touched.commit);
        match (&versions.after, versions.path == *path) {
            (Some(_), true) => None,
            (None, _) => Some(format!("{by} removed or renamed it")),
            (Some(_), false) => Some(format!("{by} renamed it to `{}`", versions.path)),
        }
    };
    let gone: Vec<(&RepoPath, String)> = named
        .iter()
        .filter_map(|path| Some((*path, what_became(path)?)))
        .collect();
    let what: Vec<String> = gone
        .iter()
        .map(|(path, why)| format!("`{path}` is not there any more: {why}"))
        .collect();
    if what.is_empty() {
        return None;
    }
    let rest = named
        .iter()
        .filter(|path| !gone.iter().any(|(gone, _)| gone == *path));
    let rest: Vec<String> = rest.map(ToString::to_string).collect();
    let hint = match &rest[..] {
        [] => "Set `file` to where the manifest is now.".to_owned(),
        rest => format!(
            "Set `file` to where it is now as well. To roll back the other files alone, name only those: {}.",
            rest.join(", ")
        ),
    };
    let message = format!("{}. Nothing was changed.", what.join(". "));
    Some(Failure::new(Reason::Rollback, message).with_hint(hint))
}

/// The commit that `commit` names, if it can be undone. Whoever names a merge may mean one side of it, unless
/// it is known to be `landed` as a whole.
async fn one(
    session: &Session<'_>,
    files: &FileSelection,
    revision: &Revision,
    landed: bool,
    log: &mut impl Progress,
) -> Result<Touched, Failure> {
    let text = revision.as_str();
    let searched = session.read(log, async || session.repository.search(text, files).await);
    let location = &session.remote.location;
    let failure = |message: String, hint: &str| {
        Err(
            Failure::new(Reason::Rollback, format!("{message} Nothing was changed."))
                .with_hint(hint),
        )
    };
    let touched = match searched.await? {
        Searched::OnBranch(touched) => touched,
        Searched::Elsewhere(commit) => {
            return failure(
                format!("Commit {commit} is in {location}, but not on the branch."),
                "Set `branch` to one that has the commit.",
            );
        }
        Searched::Ambiguous(commits) => {
            let ids: Vec<&str> = commits.iter().take(5).map(CommitId::as_str).collect();
            return failure(
                format!(
                    "{} commits begin with `{text}`: {}.",
                    commits.len(),
                    ids.join(", ")
                ),
                "Give more digits of the commit's id.",
            );
        }
        Searched::Nowhere => {
            return failure(
                format!("No commit of the branch in {location} begins with `{text}`."),
                "`git log`, or `operation: history`, lists the commits there are.",
            );
        }
    };
    let commit = &touched.commit;
    let line = commit_line(commit);
    if commit.is_merge() && !landed {
        let parents: Vec<&str> = commit.parents.iter().map(CommitId::short).collect();
        return failure(
            format!(
                "`commit` names a merge (of {}): {line}.",
                parents.join(" and ")
            ),
            "Leave `commit` out to undo the newest deployment, a merge as a whole; or name one of the commits that were merged.",
        );
    }
    if commit.parents.is_empty() {
        return failure(
            format!(
                "`commit` names the first commit of the branch, before which there is nothing: {line}."
            ),
            "Name the deployment that is to be undone.",
        );
    }
    match touched.files.is_empty() {
        false => Ok(touched),
        true => failure(
            format!(
                "`commit` names {line}, which did not touch {files}, but {}.",
                counted(touched.changed_files, "other file")
            ),
            "Check `file`, or leave `commit` out to undo the newest deployment of it.",
        ),
    }
}
