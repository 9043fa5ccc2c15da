//! What is made of the inputs: one request.

use std::fmt;

use super::given::Given;
use super::groups::access::signing;
use super::groups::argocd::{
    ARGOCD_APPLICATION, ROLLBACK_ON_FAILURE, VERIFY_TIMEOUT, argocd, from_argocd,
};
use super::groups::checks::{DOWNGRADE, DRY_RUN, freeze, image_check};
use super::groups::commit::{COMMIT_MESSAGE, identity};
use super::groups::edit::{IMAGE, edit};
use super::groups::past::{AUTHOR, COMMIT, LIMIT, SINCE, TO, UNTIL};
use super::groups::promotion::{FROM_BRANCH, SOAK, only, stage_files, stages};
use super::groups::pull_request::pull_request;
use super::groups::status::{STATUS_CONTEXT, statuses};
use super::groups::target::{FILE, required_files};
use super::parse::list;
use super::remote::remote;
use crate::commit_status::{Kind, Line};
use crate::files::FileSelection;
use crate::manifest::{EditRequest, ImageAssignment};
use crate::operation::Operation;
use crate::operation::history::History;
use crate::operation::promote::Promote;
use crate::operation::rollback::{Rollback, Target, To};
use crate::operation::session::Remote;
use crate::operation::status::Status;
use crate::operation::update::Update;
use crate::operation::verify::{Verify, Witnesses};
use crate::repository::Access;
use crate::repository::github::permissions::{Posted, Scope};
use crate::repository::transport::Choice;

/// What to do.
pub enum Request {
    /// `operation: update`
    Update(Box<Update>),
    /// `operation: rollback`
    Rollback(Box<Rollback>),
    /// `operation: history`
    History(Box<History>),
    /// `operation: verify`
    Verify(Box<Verify>),
    /// `operation: promote`
    Promote(Box<Promote>),
    /// `operation: status`
    Status(Box<Status>),
}

impl fmt::Display for Request {
    /// What is done where, and how the repository is reached.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (operation, remote) = match self {
            Self::Update(update) => (Operation::Update, &update.remote),
            Self::Rollback(rollback) => (Operation::Rollback, &rollback.remote),
            Self::History(history) => (Operation::History, &history.remote),
            Self::Verify(verify) => (Operation::Verify, &verify.remote),
            Self::Promote(promote) => (Operation::Promote, &promote.to.remote),
            Self::Status(status) => (Operation::Status, &status.remote),
        };
        let (way, why) = match &remote.transport {
            Choice::Api { why, .. } => ("GitHub's API", why),
            Choice::Git { why } => ("git", why),
        };
        let (name, location) = (operation.name(), &remote.location);
        write!(f, "{name} in {location} through {way} ({why})")
    }
}

impl Request {
    /// What `operation` is asked to do, as far as nothing is wrong with what it needs.
    pub(super) fn new(operation: Operation, given: &mut Given) -> Option<Self> {
        match operation {
            Operation::Update => update(given).map(Box::new).map(Self::Update),
            Operation::Rollback => rollback(given).map(Box::new).map(Self::Rollback),
            Operation::History => history(given).map(Box::new).map(Self::History),
            Operation::Verify => verify(given).map(Box::new).map(Self::Verify),
            Operation::Promote => promote(given).map(Box::new).map(Self::Promote),
            Operation::Status => status(given).map(Box::new).map(Self::Status),
        }
    }

    /// The repository that it is about, and what a token for it must be good for.
    pub fn remote(&mut self) -> (&mut Remote, Scope) {
        let reading = Scope::READING;
        let writing = |pull_requests: bool, dry_run: bool, witnesses: &Witnesses| Scope {
            contents: if dry_run { Access::Read } else { Access::Write },
            pull_requests: pull_requests && !dry_run,
            posted: posted(witnesses),
        };
        match self {
            Self::Update(update) => {
                let scope = writing(
                    update.pull_request.is_some(),
                    update.dry_run,
                    &update.witnesses,
                );
                (&mut update.remote, scope)
            }
            Self::Rollback(rollback) => {
                let scope = writing(
                    rollback.pull_request.is_some(),
                    rollback.dry_run,
                    &rollback.witnesses,
                );
                (&mut rollback.remote, scope)
            }
            Self::Promote(promote) => {
                let to = &mut promote.to;
                let scope = writing(to.pull_request.is_some(), to.dry_run, &to.witnesses);
                (&mut to.remote, scope)
            }
            Self::History(history) => (&mut history.remote, reading),
            Self::Verify(verify) => {
                let posted = posted(&verify.witnesses);
                (&mut verify.remote, Scope { posted, ..reading })
            }
            Self::Status(status) => (&mut status.remote, reading),
        }
    }
}

/// What of all that is posted on commits has to be read.
fn posted(witnesses: &Witnesses) -> Posted {
    let lines = witnesses
        .statuses
        .iter()
        .flat_map(|statuses| &statuses.lines);
    let kinds: Vec<Kind> = lines.map(Line::kind).collect();
    Posted {
        statuses: kinds.contains(&Kind::Status),
        checks: kinds.contains(&Kind::Check),
        deployments: kinds.contains(&Kind::Deployment),
    }
}

fn update(given: &mut Given) -> Option<Update> {
    let remote = remote(given);
    let files = required_files(given);
    let edit = edit(given);
    deployment(given, remote, files, edit)
}

/// How `edit` gets to `files`.
fn deployment(
    given: &mut Given,
    mut remote: Option<Remote>,
    files: Option<FileSelection>,
    edit: EditRequest,
) -> Option<Update> {
    let pull_request = pull_request(given, remote.as_mut());
    signing(given, remote.as_ref());
    let message = given.read(&COMMIT_MESSAGE);
    let identity = identity(given);
    let downgrade = given.read(&DOWNGRADE);
    let freeze = freeze(given);
    let image_check = image_check(given, &edit);
    let dry_run = given.read(&DRY_RUN);
    let witnesses = witnesses(given, remote.as_ref());
    let rollback_on_failure = given.read(&ROLLBACK_ON_FAILURE);
    Some(Update {
        remote: remote?,
        files: files?,
        edit,
        downgrade: downgrade?,
        freeze,
        image_check,
        message,
        identity: identity?,
        dry_run: dry_run?,
        pull_request,
        witnesses,
        rollback_on_failure: rollback_on_failure?,
    })
}

fn promote(given: &mut Given) -> Option<Promote> {
    let remote = remote(given);
    let stages = stages(given);
    let (only, soak) = (only(given), given.read(&SOAK));
    let from_branch = given.read(&FROM_BRANCH);
    let from_argocd = from_argocd(given);
    let files = stages.as_ref().map(|(files, _)| files.files());
    let to = deployment(given, remote, files, EditRequest::default());
    let (files, from) = stages?;
    let to = to?;
    Some(Promote {
        // The same branch by its name is no other one.
        from_branch: from_branch.filter(|branch| to.remote.branch.as_ref() != Some(branch)),
        to,
        files,
        from,
        only,
        soak,
        from_argocd,
    })
}

fn rollback(given: &mut Given) -> Option<Rollback> {
    let mut remote = remote(given);
    let pull_request = pull_request(given, remote.as_mut());
    signing(given, remote.as_ref());
    let files = required_files(given);
    let (commit, to) = (given.read(&COMMIT), given.read(&TO));
    if given.has(&COMMIT) && given.has(&TO) {
        given.refuse(&TO, "beside `commit` it says twice what to undo: keep one");
    }
    // Where a step is an update's as well, it says which image that is about. What is no image names none.
    let named = list(given.text(&IMAGE.definition).unwrap_or_default());
    let named = named.filter_map(|line| line.parse::<ImageAssignment>().ok());
    let newest = Target::Newest(named.map(|line| To::Image(line.image)).collect());
    let message = given.read(&COMMIT_MESSAGE);
    let identity = identity(given);
    let dry_run = given.read(&DRY_RUN);
    let freeze = freeze(given);
    let witnesses = witnesses(given, remote.as_ref());
    Some(Rollback {
        remote: remote?,
        files: files?,
        target: commit.map(Target::Commit).or(to).unwrap_or(newest),
        freeze,
        message,
        identity: identity?,
        dry_run: dry_run?,
        pull_request,
        witnesses,
    })
}

fn history(given: &mut Given) -> Option<History> {
    let remote = remote(given);
    let files = required_files(given);
    let (since, until) = (given.read(&SINCE), given.read(&UNTIL));
    let limit = given.read(&LIMIT);
    Some(History {
        remote: remote?,
        files: files?,
        since,
        until,
        limit: limit?,
        author: given.read(&AUTHOR),
    })
}

fn status(given: &mut Given) -> Option<Status> {
    let remote = remote(given);
    let why = "required: the manifests of all stages, such as `envs/{stage}/{app}/values.yaml`";
    let files = stage_files(given, why);
    Some(Status {
        remote: remote?,
        files: files?,
    })
}

/// Who tells whether it runs.
fn witnesses(given: &mut Given, remote: Option<&Remote>) -> Witnesses {
    let argocd = argocd(given);
    let timeout = given.read(&VERIFY_TIMEOUT);
    Witnesses {
        argocd,
        statuses: statuses(given, remote, timeout),
    }
}

fn verify(given: &mut Given) -> Option<Verify> {
    let remote = remote(given);
    let witnesses = witnesses(given, remote.as_ref());
    if !given.has_lines(&ARGOCD_APPLICATION) && !given.has_lines(&STATUS_CONTEXT) {
        let why =
            "required (or `status-context`): the Argo CD application that deploys the manifests";
        given.refuse(&ARGOCD_APPLICATION, why);
    }
    let commit = given.read(&COMMIT);
    let files = given.has_lines(&FILE).then(|| required_files(given));
    let images = given.read(&IMAGE).unwrap_or_default();
    Some(Verify {
        remote: remote?,
        witnesses,
        commit,
        files: files.flatten(),
        images: images.into_iter().map(|line| line.image).collect(),
    })
}
