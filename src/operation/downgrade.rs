//! `downgrade`: an image that is older than the one in Git is not deployed.
//!
//! Tags are compared first ([`crate::version`]). Where they have no order, the runs of the workflow
//! have one: the commit that brought the image into Git says which run made it, and GitHub numbers
//! the runs of a repository as they start. Where that says nothing either, the image is deployed,
//! and a note says that nobody knows.

use super::landing::distinct;
use super::order::order_of;
use super::session::Session;
use crate::deployment::{Origin, Run, Source, trailer_values};
use crate::failure::{Failure, Reason};
use crate::files::FileSelection;
use crate::manifest::{self, EditRequest, ImageChange, Note, Plan};
use crate::repository::history::{HistoryQuery, Touched};
use crate::repository::{BranchName, Snapshot};
use crate::version::Order;

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

/// What keeps an older image from being deployed.
pub(super) struct Guard<'a> {
    /// What becomes of one.
    pub(super) downgrade: Downgrade,
    /// The repository.
    pub(super) session: &'a Session<'a>,
    /// The manifests.
    pub(super) files: &'a FileSelection,
    /// This run.
    pub(super) source: &'a Source,
    /// The branch of the pull request that is to be made: an open one may propose a newer image.
    pub(super) proposal: Option<&'a BranchName>,
}

impl Guard<'_> {
    /// Stops `plan`, which `edit` made of `snapshot`, where it holds an image that is older than the one
    /// it replaces: all of it, since one step is one commit. Returns why it is to be skipped, if it is.
    ///
    /// # Errors
    /// Under `fail`; and when the branch's past is needed and can't be read.
    pub(super) async fn check(
        &self,
        snapshot: &Snapshot,
        edit: &EditRequest,
        plan: &mut Plan,
    ) -> Result<Option<String>, Failure> {
        if self.downgrade == Downgrade::Allow {
            return Ok(None);
        }
        let (mut older, unknown) = sorted(plan, "which is in");
        if older.is_empty() && !unknown.is_empty() {
            let own = self.source.run();
            let past = match own {
                Some(_) => self.past().await?,
                None => Vec::new(),
            };
            let mut notes = Vec::new();
            for change in unknown {
                let of_file = |touched: &&Touched| {
                    let mut files = touched.files.iter();
                    files.any(|file| file.path == change.file)
                };
                let messages = past.iter().filter(of_file);
                let messages = messages.map(|touched| touched.commit.message.as_str());
                match order_of_runs(own.as_ref(), messages, &change.old) {
                    Ok((Order::Older, run)) => older.push(told(change, "which is in", Some(run))),
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
        let is_deployed = !older.is_empty();
        if !is_deployed && !plan.edits.is_empty() {
            older = self.proposed(snapshot, edit).await?;
        }
        if older.is_empty() {
            return Ok(None);
        }
        let mut reason = distinct(older.iter().map(String::as_str)).join("; ");
        let images = plan.all_changed_images().count();
        let by_values = images - plan.changed_images().count();
        if images > older.len() || plan.changed_values().count() > by_values {
            reason.push_str(
                "; the other changes of this step were left out with it, since one step is one commit",
            );
        }
        match self.downgrade {
            Downgrade::Fail => Err(Failure::new(
                Reason::Downgrade,
                format!("{reason}. Nothing was changed."),
            )
            .with_hint(match is_deployed {
                true => {
                    "Where an older build finished last, there is nothing to do: the newer one is deployed. To deploy the older \
                     one, set `downgrade: allow`, or undo the deployment with `operation: rollback`."
                }
                false => {
                    "Where an older build finished last, there is nothing to do: the newer one is proposed. To propose the older \
                     one in its place, set `downgrade: allow`."
                }
            })),
            Downgrade::Skip | Downgrade::Allow => Ok(Some(reason)),
        }
    }

    /// What is older than what an open pull request proposes, which this run would set back.
    async fn proposed(
        &self,
        snapshot: &Snapshot,
        edit: &EditRequest,
    ) -> Result<Vec<String>, Failure> {
        let Some(branch) = self.proposal else {
            return Ok(Vec::new());
        };
        let read = async || {
            let forge = self.session.forge().await?;
            forge.proposed(branch, &snapshot.branch, self.files).await
        };
        let Some((number, proposed)) = self.session.read_silently(read).await? else {
            return Ok(Vec::new());
        };
        // Somebody else's edit of it may be in the way: then there is nothing to compare.
        let Ok(plan) = manifest::plan(&proposed.files, edit) else {
            return Ok(Vec::new());
        };
        let place = match number {
            Some(number) => format!("which pull request #{number} proposes in"),
            None => format!("which the branch `{branch}` proposes in"),
        };
        let (mut older, unknown) = sorted(&plan, &place);
        let own = self.source.run();
        for change in unknown {
            let messages = proposed.recent.iter().map(|said| said.message.as_str());
            if let Ok((Order::Older, run)) = order_of_runs(own.as_ref(), messages, &change.old) {
                older.push(told(change, &place, Some(run)));
            }
        }
        Ok(older)
    }

    async fn past(&self) -> Result<Vec<Touched>, Failure> {
        let query = HistoryQuery::newest(DEPTH);
        let session = self.session;
        let read = async || session.repository.history(self.files, &query).await;
        Ok(session.read_silently(read).await?.commits)
    }
}

/// The changes of `plan` that make an image older, as a person reads them, and those whose tags don't
/// tell.
fn sorted<'p>(plan: &'p Plan, place: &str) -> (Vec<String>, Vec<&'p ImageChange>) {
    let (mut older, mut unknown) = (Vec::new(), Vec::new());
    for change in plan.all_changed_images() {
        match order(change) {
            Order::Older => older.push(told(change, place, None)),
            Order::CantTell => unknown.push(change),
            Order::Newer | Order::Same => {}
        }
    }
    (older, unknown)
}

/// What a change does, as far as the images tell. Where none was, anything is newer.
fn order(change: &ImageChange) -> Order {
    order_of(&change.old, &change.new)
}

/// What the runs say: the one that brought the old image, and this one. Else why they say nothing.
pub(super) fn order_of_runs<'p>(
    own: Option<&Run<'_>>,
    mut past: impl Iterator<Item = &'p str>,
    old: &str,
) -> Result<(Order, Run<'p>), &'static str> {
    let own = own.ok_or("this is not a workflow run that could be compared")?;
    // The newest commit that says so: an image that is deployed again is as new as that. What a rollback brought
    // back is as old as it was.
    let brought = past.find(|message| {
        Origin::of(message) == Origin::Update
            && trailer_values(message, "Deployed-Image").any(|image| image == old)
    });
    let brought = brought.ok_or("no recent commit says that it brought the old one")?;
    let theirs =
        Run::of(brought).ok_or("the commit that brought the old one names no workflow run")?;
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

/// One older image, as a person reads it.
fn told(change: &ImageChange, place: &str, run: Option<Run<'_>>) -> String {
    let how = match run {
        Some(run) => format!(
            ": run {} of the same workflow, which brought it, started after this one",
            run.id
        ),
        None => String::new(),
    };
    format!(
        "{} is older than {}, {place} {} line {}{how}",
        change.new, change.old, change.file, change.line
    )
}
