//! What becomes of a choice where others were first: what was chosen is taken back, or nothing is.

use std::collections::HashSet;

use super::choice::{self, Already, Choice};
use super::target::{Target, Wanted};
use crate::deployment::past::{NotUndone, NothingBefore, Past, Undo};
use crate::failure::{Failure, Reason};
use crate::files::FileSelection;
use crate::operation::landing::distinct;
use crate::operation::past::{changes, is_sure, named, past_while};
use crate::operation::session::Session;
use crate::operation::{Progress, commit_line};
use crate::repository::CommitId;
use crate::repository::history::{FileHistory, Touched};

/// What `target` means on a tip that `first` was not chosen by. A rollback that names nothing keeps to the deployment that
/// was the newest then: what came since is somebody else's, and may be the cure.
///
/// # Errors
/// As [`choice::choose`]; and where something else was deployed in its place meanwhile.
pub(super) async fn chosen(
    session: &Session<'_>,
    files: &FileSelection,
    target: &Target,
    first: &Choice,
    log: &mut impl Progress,
) -> Result<Choice, Failure> {
    if let (Target::Newest(_), Some(deployment)) = (target, &first.deployment) {
        return kept(session, files, first, deployment, log).await;
    }
    let mut chosen = choice::choose(session, files, target, log).await?;
    if matches!(target, Target::To(_)) {
        let known = known(first);
        let undone = chosen.undone.iter().map(|one| &one.touched.commit);
        let came = undone.filter(|commit| !known.contains(&commit.id));
        let came = came.map(|commit| {
            format!(
                "{} came while this run was at work, and goes back as well: `to` names what is to run",
                commit_line(commit)
            )
        });
        chosen.warnings.extend(came);
    }
    Ok(chosen)
}

/// The commits by which something was chosen.
fn known(choice: &Choice) -> HashSet<&CommitId> {
    let history = choice.history.iter();
    let commits = history.flat_map(|history| &history.commits);
    commits.map(|touched| &touched.commit.id).collect()
}

/// What is left of the `deployment` that was chosen `first`.
async fn kept(
    session: &Session<'_>,
    files: &FileSelection,
    first: &Choice,
    deployment: &CommitId,
    log: &mut impl Progress,
) -> Result<Choice, Failure> {
    for query in choice::steps() {
        let (history, is_all) = choice::read(session, files, &query, log).await?;
        if let Some(gone) = choice::gone(files, &history) {
            return Err(gone);
        }
        let named = named(&history.commits).reading(&session.readings);
        let past = past_while(&history.commits, &named, |count| session.may_go_on(count))?;
        let mut commits = history.commits.iter();
        let number = commits.position(|touched| touched.commit.id == *deployment);
        let Some(number) = number else {
            if is_all {
                return Err(rewound(first, deployment));
            }
            continue;
        };
        let found = left(&past, &history, first, number);
        let mut judged = vec![number];
        if let Ok(undo) = &found {
            judged.extend(choice::numbers(undo));
        }
        if !is_all && !is_sure(&history.commits, &named, &past, &judged) {
            continue;
        }
        let line = |number: usize| commit_line(&history.commits[number].commit);
        let mut choice = match found {
            Ok(undo) => Choice::of(&history, &past, &undo),
            Err(Lost::TakenBack(by)) => Choice {
                already: Some(Already {
                    how: format!("{} was taken back already, by {}", line(number), line(by)),
                    by: history.commits[by].clone(),
                }),
                ..Choice::default()
            },
            Err(Lost::Nothing(why)) => {
                return Err(choice::nothing(session, files, &history, &past, why));
            }
            Err(Lost::Replaced(by)) => {
                let what = format!(
                    "{} came in place of what {} had deployed: it may be the fix, and is left alone",
                    line(by),
                    line(number)
                );
                return Err(overtaken(&what, first, &past));
            }
            Err(Lost::Deeper(other)) => {
                let what = format!(
                    "what ran before {} was taken back, so that {} would go as well",
                    line(number),
                    line(other)
                );
                return Err(overtaken(&what, first, &past));
            }
        };
        choice.deployment = Some(deployment.clone());
        choice.history = Some(history);
        return Ok(choice);
    }
    Err(rewound(first, deployment))
}

/// Why a deployment is not undone any more.
enum Lost {
    /// This commit took it back.
    TakenBack(usize),
    /// This commit put something else there.
    Replaced(usize),
    /// This one would be undone together with it now.
    Deeper(usize),
    Nothing(NothingBefore),
}

/// What is to be undone now of the deployment of this `number`, which was chosen `first`.
fn left(
    past: &Past<'_>,
    history: &FileHistory,
    first: &Choice,
    number: usize,
) -> Result<Vec<Undo>, Lost> {
    let known = known(first);
    let id = |number: usize| &history.commits[number].commit.id;
    // Whatever became of it before: what is there now is not what was to be taken back.
    if let Some(newer) = past
        .in_force_over(number)
        .find(|newer| !known.contains(id(*newer)))
    {
        return Err(Lost::Replaced(newer));
    }
    match past.of_commit(number) {
        Err(NotUndone::TakenBack(by)) => return Err(Lost::TakenBack(by)),
        Err(NotUndone::Again { newer, .. }) => return Err(Lost::Replaced(newer)),
        Ok(_) => {}
    }
    let undo = past.of_deployment(number).map_err(|why| {
        let by_hand = past.replaced_by_hand(number);
        by_hand.map_or(Lost::Nothing(why), |(by, _)| Lost::Replaced(by))
    })?;
    let mut more = choice::numbers(&undo).into_iter().filter(|number| {
        let mut chosen = first.undone.iter();
        past.standings()[*number].is_deployment()
            && !chosen.any(|one| one.touched.commit.id == *id(*number))
    });
    match more.next() {
        Some(other) => Err(Lost::Deeper(other)),
        None if undo.is_empty() => Err(Lost::Nothing(NothingBefore::NoDeployment)),
        None => Ok(undo),
    }
}

/// The failure where others deployed meanwhile.
fn overtaken(what: &str, first: &Choice, past: &Past<'_>) -> Failure {
    let touched: Vec<Touched> = first.undone.iter().map(|one| one.touched.clone()).collect();
    let named = named(&touched);
    let oldest = touched.last().into_iter().flat_map(|one| &one.files);
    let images = oldest.flat_map(|versions| changes(&named, versions).images);
    let before: Vec<String> = images.filter_map(|image| image.old).collect();
    // What is advised works.
    let comes_back = |image: &str| {
        let to = image.parse::<Wanted>().ok()?;
        let way = past.back_to(|image| to.means(image));
        (way.again.is_empty() && !way.undo.is_empty()).then(|| format!("`to: {image}`"))
    };
    let to = match distinct(before.iter().map(String::as_str))[..] {
        [image] => comes_back(image),
        _ => None,
    };
    Failure::new(
        Reason::Rollback,
        format!(
            "While this run was at work, {what}. Nothing was changed."
        ),
    )
    .with_hint(format!(
        "Where what is there now is to run, there is nothing to do. To go back all the same, name what is to run, with {}: a rollback that names nothing takes back the newest deployment.",
        to.as_deref().unwrap_or("`to`")
    ))
}

/// The failure where the branch has lost what was to be undone.
fn rewound(first: &Choice, deployment: &CommitId) -> Failure {
    let mut undone = first.undone.iter().map(|one| &one.touched.commit);
    let line = undone.find(|commit| commit.id == *deployment);
    let line = line.map_or_else(
        || deployment.short().to_owned(),
        |commit| commit_line(commit),
    );
    Failure::new(
        Reason::Rollback,
        format!(
            "{line} was to be taken back, and is not on the branch any more: somebody rewound it. Nothing was changed."
        ),
    )
    .with_hint("Look at the history of the branch, and run the rollback again if it is still needed.")
}
