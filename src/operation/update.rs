//! `operation: update`: sets images in manifests, commits, and pushes.

use std::time::Duration;

use secrecy::SecretString;
use similar::TextDiff;
use url::Url;

use super::Progress;
use super::explain::Explainer;
use crate::deployment::{self, Deployment, MessageTemplate, Source};
use crate::failure::{Failure, Reason};
use crate::files::FileSelection;
use crate::http::{self, Authorities};
use crate::manifest::{self, EditRequest, ImageChange, Note, Plan, ValueChange};
use crate::repository::deadline::{Cancellation, Deadline};
use crate::repository::git::GitRepository;
use crate::repository::retry::{self, Event, Proposal};
use crate::repository::{
    BranchName, Change, CommitDraft, CommitId, Identity, Location, Repository, Snapshot,
};

/// What is asked for.
pub struct Update {
    /// The repository that holds the manifests.
    pub location: Location,
    /// The branch; else the repository's default branch.
    pub branch: Option<BranchName>,
    /// The manifests.
    pub files: FileSelection,
    /// What they are to say.
    pub edit: EditRequest,
    /// The commit message; else the default one.
    pub message: Option<MessageTemplate>,
    /// Author and committer.
    pub identity: Identity,
    /// For the repository; a local one needs none.
    pub token: Option<SecretString>,
    /// Whether to leave Git as it is.
    pub dry_run: bool,
    /// For everything, retries included.
    pub timeout: Duration,
    /// Certificate authorities to trust beside the system's.
    pub trusted: Authorities,
    /// GitHub's API, which explains refusals.
    pub api_url: Url,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A commit landed.
    Committed,
    /// The branch holds the images already.
    Unchanged,
    /// A commit would have landed.
    DryRun,
}

/// What an update did.
#[derive(Debug, Clone)]
pub struct Report {
    /// How it ended.
    pub outcome: Outcome,
    /// The repository.
    pub location: Location,
    /// The branch.
    pub branch: BranchName,
    /// The commit that landed, or the tip that holds the images already; none in a dry run that
    /// would change something.
    pub commit: Option<CommitId>,
    /// Every image that was meant, also where it is right already.
    pub images: Vec<ImageChange>,
    /// Every other value that was meant, also where it is right already.
    pub values: Vec<ValueChange>,
    /// What a person should know beyond that.
    pub notes: Vec<Note>,
    /// The files that change.
    pub files: Vec<String>,
    /// What changes in them, as a unified diff.
    pub diff: String,
}

impl Report {
    /// Whether something changed, or would have.
    pub fn changed(&self) -> bool {
        self.outcome != Outcome::Unchanged
    }

    /// Where to look at the commit.
    pub fn commit_url(&self) -> Option<String> {
        self.location.commit_url(self.commit.as_ref()?.as_str())
    }

    /// The images that run now, each once.
    pub fn new_images(&self) -> Vec<&str> {
        distinct(self.relevant().map(|image| image.new.as_str()))
    }

    /// The images that ran before, each once.
    pub fn old_images(&self) -> Vec<&str> {
        distinct(self.relevant().map(|image| image.old.as_str()))
    }

    /// The images that change; all of them where none does.
    fn relevant(&self) -> impl Iterator<Item = &ImageChange> {
        let changed = self.changed();
        self.images
            .iter()
            .filter(move |image| !changed || image.old != image.new)
    }

    /// The images; where there is none, the values.
    fn what(&self) -> String {
        let mut what = self.new_images().join(", ");
        if what.is_empty() {
            let values = self.values.iter();
            let values: Vec<String> = values
                .map(|value| format!("{} = {}", value.path, value.new))
                .collect();
            what = values.join(", ");
        }
        what
    }

    /// What happened, in a sentence.
    pub fn sentence(&self) -> String {
        let Self {
            location, branch, ..
        } = self;
        let images = self.what();
        match (self.outcome, &self.commit) {
            (Outcome::Committed, Some(commit)) => {
                format!(
                    "Pushed {} to {branch} of {location}: {images}.",
                    commit.short()
                )
            }
            (Outcome::Unchanged, Some(commit)) => format!(
                "Nothing to do: {branch} of {location} holds {images} already, at {}.",
                commit.short()
            ),
            _ => format!("Dry run: {branch} of {location} would get {images}. Nothing was pushed."),
        }
    }
}

/// Edits, commits and pushes, until the commit landed or can't.
///
/// # Errors
/// Whatever keeps it from landing, told for a person. Git is as it was, unless the message says that
/// nobody knows.
pub async fn run(
    update: &Update,
    source: &Source,
    cancellation: Cancellation,
    log: &mut impl Progress,
) -> Result<Report, Failure> {
    let deadline = Deadline::after(update.timeout, cancellation);
    let client = http::client(&update.trusted).map_err(|error| {
        let hint = "The action's own image holds CA certificates. Elsewhere, install `ca-certificates` or \
                    set SSL_CERT_FILE.";
        Failure::new(Reason::Certificate, format!("There is no HTTPS: {error}.")).with_hint(hint)
    })?;
    if update.location.is_cleartext() {
        let host = update.location.host();
        log.warning(&format!(
            "The token travels unencrypted to {host}: use an https:// URL"
        ));
    }
    let open = GitRepository::open(
        &update.location,
        update.branch.clone(),
        update.token.as_ref(),
        client.clone(),
        deadline.clone(),
    );
    let explainer = Explainer {
        location: &update.location,
        token: update.token.as_ref(),
        own_repository: source.repository.as_deref(),
        api_url: &update.api_url,
        client,
    };
    let repository = match open {
        Ok(repository) => repository,
        Err(error) => return Err(explainer.repository(&error).await),
    };
    match land(update, source, &repository, &deadline, log).await {
        Ok(report) => {
            for Note { file, line, text } in &report.notes {
                log.info(&format!("Note: {file} line {line}: {text}."));
            }
            log.info(&report.sentence());
            if report.changed() {
                log.group("Diff", &report.diff);
            }
            Ok(report)
        }
        Err(error) => Err(explainer.landing(error).await),
    }
}

async fn land(
    update: &Update,
    source: &Source,
    repository: &impl Repository,
    deadline: &Deadline,
    log: &mut impl Progress,
) -> Result<Report, retry::LandError> {
    let Update {
        location,
        files,
        edit,
        ..
    } = update;
    log.info(&format!("Updating {files} in {location}"));
    let observe = |event: Event<'_>| match event {
        Event::Read(Snapshot { branch, commit, .. }) => {
            log.info(&format!("Read {branch} at {}", commit.short()));
        }
        Event::Again { why, wait } => {
            log.info(&format!(
                "Trying again in {:.1} s: {why}",
                wait.as_secs_f64()
            ));
        }
    };
    let propose = |snapshot: &Snapshot| {
        let plan = manifest::plan(&snapshot.files, edit)
            .map_err(|error| Failure::new(Reason::Manifest, error.to_string()))?;
        let draft = CommitDraft {
            message: message(update, source, &plan),
            identity: update.identity.clone(),
        };
        let changes = if update.dry_run {
            Vec::new()
        } else {
            changes(&plan)
        };
        Ok(Proposal {
            changes,
            draft,
            plan,
        })
    };
    let landing = retry::land(repository, files, deadline, observe, propose).await?;
    let (plan, base) = (landing.plan, landing.base);
    let (outcome, commit) = match landing.commit {
        Some(commit) => (Outcome::Committed, Some(commit)),
        None if plan.edits.is_empty() => (Outcome::Unchanged, Some(base.commit)),
        None => (Outcome::DryRun, None),
    };
    Ok(Report {
        outcome,
        location: location.clone(),
        branch: base.branch,
        commit,
        diff: diff(&plan),
        files: changed_files(&plan),
        images: plan.images,
        values: plan.values,
        notes: plan.notes,
    })
}

fn message(update: &Update, source: &Source, plan: &Plan) -> String {
    let changed = plan.images.iter().filter(|image| image.old != image.new);
    let deployment = Deployment {
        images: &changed.cloned().collect::<Vec<_>>(),
        files: &changed_files(plan),
        source,
    };
    deployment::message(update.message.as_ref(), &deployment)
}

fn changes(plan: &Plan) -> Vec<Change> {
    let change = |edit: &manifest::FileEdit| Change {
        path: edit.path.clone(),
        bytes: edit.after.clone(),
    };
    plan.edits.iter().map(change).collect()
}

fn changed_files(plan: &Plan) -> Vec<String> {
    plan.edits
        .iter()
        .map(|edit| edit.path.to_string())
        .collect()
}

/// What `git diff` would show.
fn diff(plan: &Plan) -> String {
    let file = |edit: &manifest::FileEdit| {
        let (before, after) = (
            String::from_utf8_lossy(&edit.before),
            String::from_utf8_lossy(&edit.after),
        );
        TextDiff::from_lines(&before, &after)
            .unified_diff()
            .header(&format!("a/{}", edit.path), &format!("b/{}", edit.path))
            .to_string()
    };
    plan.edits.iter().map(file).collect()
}

fn distinct<'a>(values: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = Vec::new();
    for value in values {
        if !seen.contains(&value) {
            seen.push(value);
        }
    }
    seen
}
