//! `downgrade`: an image that is older than the one in Git is not deployed.
//!
//! Tags are compared first ([`crate::version`]). Where they have no order, the runs of the workflow
//! have one: the commit that brought the image into Git says which run made it, and GitHub numbers
//! the runs of a repository as they start. Where that says nothing either, the image is deployed,
//! and a note says that nobody knows.

use std::str::FromStr;

use super::landing::distinct;
use super::session::Session;
use crate::deployment::{Run, Source, trailer_values};
use crate::failure::{Failure, Reason};
use crate::files::FileSelection;
use crate::image::ImageReference;
use crate::manifest::{ImageChange, Note, Plan};
use crate::repository::history::{HistoryQuery, Touched};
use crate::repository::retry;
use crate::version::{self, Order};

/// How many commits of the files are looked at for the one that brought an image.
const DEPTH: usize = 50;

/// What becomes of an image that is older than the one in Git.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Downgrade {
    /// It is deployed.
    #[default]
    Allow,
    /// Nothing is written, and the step succeeds.
    Skip,
    /// Nothing is written, and the step fails.
    Fail,
}

/// The text is none of the three.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected `allow`, `skip` or `fail`")]
pub struct UnknownDowngrade;

impl FromStr for Downgrade {
    type Err = UnknownDowngrade;

    fn from_str(text: &str) -> Result<Self, UnknownDowngrade> {
        match text {
            "allow" => Ok(Self::Allow),
            "skip" => Ok(Self::Skip),
            "fail" => Ok(Self::Fail),
            _ => Err(UnknownDowngrade),
        }
    }
}

/// Stops `plan` where it holds an image that is older than the one it replaces: all of it, since one
/// step is one commit. Returns why it is to be skipped, if it is.
///
/// # Errors
/// Under `fail`; and when the branch's past is needed and can't be read.
pub(super) async fn check(
    downgrade: Downgrade,
    session: &Session<'_>,
    files: &FileSelection,
    source: &Source,
    plan: &mut Plan,
) -> Result<Option<String>, Failure> {
    if downgrade == Downgrade::Allow {
        return Ok(None);
    }
    let mut older = Vec::new();
    let mut unknown = Vec::new();
    for change in plan.changed_images() {
        match order(change) {
            Order::Older => older.push(told(change, None)),
            Order::CantTell => unknown.push(change),
            Order::Newer | Order::Same => {}
        }
    }
    if older.is_empty() && !unknown.is_empty() {
        let own = source.run();
        let past = match own {
            Some(_) => past(session, files).await?,
            None => Vec::new(),
        };
        let mut notes = Vec::new();
        for change in unknown {
            match order_of_runs(own.as_ref(), &past, change) {
                Ok((Order::Older, run)) => older.push(told(change, Some(run))),
                Ok(_) => {}
                Err(why) => notes.push(Note {
                    file: change.file.clone(),
                    line: change.line,
                    text: format!(
                        "whether {} is older than {} can't be told from their tags, and {why}, so it is deployed",
                        change.new, change.old
                    ),
                }),
            }
        }
        plan.notes.extend(notes);
    }
    if older.is_empty() {
        return Ok(None);
    }
    let mut reason = distinct(older.iter().map(String::as_str)).join("; ");
    if plan.changed_images().count() > older.len() || plan.changed_values().next().is_some() {
        reason.push_str(
            "; the other changes of this step were left out with it, since one step is one commit",
        );
    }
    match downgrade {
        Downgrade::Fail => Err(Failure::new(
            Reason::Downgrade,
            format!("{reason}. Nothing was changed."),
        )
        .with_hint(
            "Where an older build finished last, nothing is to be done: the newer one is deployed. To deploy the older \
             one, set `downgrade: allow`, or undo the deployment with `operation: rollback`.",
        )),
        Downgrade::Skip | Downgrade::Allow => Ok(Some(reason)),
    }
}

/// What a change does, as far as the images tell. Where none was, anything is newer.
fn order(change: &ImageChange) -> Order {
    if change.old.is_empty() {
        return Order::Newer;
    }
    let (Ok(old), Ok(new)) = (
        change.old.parse::<ImageReference>(),
        change.new.parse::<ImageReference>(),
    ) else {
        return Order::CantTell;
    };
    match (old.tag(), new.tag()) {
        (Some(before), Some(after)) if old.same_repository(&new) => version::compare(before, after),
        _ => Order::CantTell,
    }
}

/// What the runs say: the one that brought the old image, and this one. Else why they say nothing.
fn order_of_runs<'p>(
    own: Option<&Run<'_>>,
    past: &'p [Touched],
    change: &ImageChange,
) -> Result<(Order, Run<'p>), &'static str> {
    let own = own.ok_or("this is no workflow run that could be compared")?;
    // The newest commit that says so: an image that is deployed again is as new as that.
    let brought = past.iter().find(|touched| {
        touched.files.iter().any(|file| file.path == change.file)
            && trailer_values(&touched.commit.message, "Deployed-Image")
                .any(|image| image == change.old)
    });
    let brought = brought.ok_or("no recent commit says that it brought the old one")?;
    let theirs = Run::of(&brought.commit.message)
        .ok_or("the commit that brought the old one names no workflow run")?;
    if (own.repository_url, own.workflow) != (theirs.repository_url, theirs.workflow) {
        return Err("another workflow brought the old one");
    }
    let order = match own.id.cmp(&theirs.id) {
        std::cmp::Ordering::Less => Order::Older,
        std::cmp::Ordering::Equal => Order::Same,
        std::cmp::Ordering::Greater => Order::Newer,
    };
    Ok((order, theirs))
}

async fn past(session: &Session<'_>, files: &FileSelection) -> Result<Vec<Touched>, Failure> {
    let query = HistoryQuery::newest(DEPTH);
    let history = retry::read(
        &session.deadline,
        |_| {},
        async || session.repository.history(files, &query).await,
    );
    match history.await {
        Ok(history) => Ok(history.commits),
        Err(error) => Err(session.explainer.repository(&error).await),
    }
}

/// One older image, as a person reads it.
fn told(change: &ImageChange, run: Option<Run<'_>>) -> String {
    let how = match run {
        Some(run) => format!(
            ": run {} of the same workflow, which brought it, started after this one",
            run.id
        ),
        None => String::new(),
    };
    format!(
        "{} is older than {}, which is in {} line {}{how}",
        change.new, change.old, change.file, change.line
    )
}
