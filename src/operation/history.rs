//! `operation: history`: who deployed what, when, from Git alone.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use serde::Serialize;

use super::session::{Remote, Session};
use super::{Progress, commit_line, now, past};
use crate::date::{DateSpec, Span, Timestamp};
use crate::deadline::Cancellation;
use crate::deployment::metrics::{Metrics, Times};
use crate::deployment::past::{Past, PastCommit, TakenBack};
use crate::deployment::{self, Named, Origin, Reference, Source};
use crate::failure::{Failure, Reason};
use crate::files::FileSelection;
use crate::image::ImageReference;
use crate::limits::{Exceeded, shortened};
use crate::manifest::ImageTransition;
use crate::repository::history::{Commit, FileHistory, HistoryQuery, Touched};
use crate::repository::{BranchName, CommitId, Location, RepositoryError};

/// What is asked for.
pub struct History {
    /// The repository that holds the manifests.
    pub remote: Remote,
    /// The manifests.
    pub files: FileSelection,
    /// The first moment.
    pub since: Option<DateSpec>,
    /// The last moment.
    pub until: Option<DateSpec>,
    /// At most so many commits.
    pub limit: usize,
    /// A part of the author's name or address.
    pub author: Option<String>,
}

/// What was found.
#[derive(Debug, Clone)]
pub struct HistoryReport {
    /// The repository.
    pub location: Location,
    /// The branch.
    pub branch: BranchName,
    /// Its tip.
    pub tip: CommitId,
    /// What was asked about, as `file` has it.
    pub files: String,
    /// What else was asked for: ` since 2026-08-01`; empty where nothing was.
    pub filters: String,
    /// Newest first.
    pub deployments: Vec<Deployment>,
    /// Whether `limit` left out older ones.
    pub limited: bool,
    /// Where there is none: what there is instead.
    pub instead: Option<String>,
    /// How delivery went.
    pub metrics: Metrics,
}

/// A commit that touched the files. `docs/history.md` describes this shape to users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Deployment {
    /// Of this shape.
    pub version: u32,
    /// Its id, all digits.
    pub commit: String,
    /// Where to look at it; none for a repository on this machine.
    pub commit_url: Option<String>,
    /// When it was committed, in ISO 8601.
    pub date: String,
    /// The author's name.
    pub author: String,
    /// The author's address.
    pub author_email: String,
    /// The first line of its message.
    pub subject: String,
    /// `update`, `promotion`, `rollback`, `reapply` or `edit`.
    pub kind: &'static str,
    /// The commits that deployed or took something back and came with it, where it is a merge; newest first.
    pub merged: Vec<String>,
    /// The commit that it reverts.
    pub reverts: Option<String>,
    /// The commits that it took back, wholly or in part, newest first.
    pub takes_back: Vec<String>,
    /// The commit that took the last of it back, so that nothing of it is left.
    pub rolled_back_by: Option<String>,
    /// What was taken back of it, file by file; also where something is left.
    pub rolled_back: Vec<RolledBack>,
    /// The workflow run that made it.
    pub workflow_run: Option<String>,
    /// What it did to images; empty where it changed something else.
    pub images: Vec<Image>,
    /// What it did to values that deployments set.
    pub values: Vec<Value>,
    /// What it was built from, where it says so.
    pub source: Option<BuiltFrom>,
    /// The day, as the table shows it.
    #[serde(skip)]
    pub when: String,
    /// Whether it is a merge, and what it did is the work of who merged: nothing that it joined had it so.
    #[serde(skip)]
    pub is_own: bool,
}

/// What was taken back of a commit in one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RolledBack {
    /// The file, by its path after the commit.
    pub file: String,
    /// The commit that took it back.
    pub by: String,
    /// Whether nothing is left of what the commit did there.
    pub all: bool,
}

/// What a commit did to one image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Image {
    /// The file.
    pub file: String,
    /// `Rollout/web`.
    pub resource: String,
    /// The name of the container, where the image is one's.
    pub container: Option<String>,
    /// None where the commit added it.
    pub old: Option<String>,
    /// None where the commit removed it.
    pub new: Option<String>,
    /// The commit that took it back.
    pub rolled_back_by: Option<String>,
    /// What it is called where the file has its version alone: by what a commit says it deployed there, else
    /// by the place.
    #[serde(skip)]
    pub called: String,
    /// Where in the file it is, as commits are compared by it.
    #[serde(skip)]
    place: String,
}

/// What a commit did to one value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Value {
    /// The file.
    pub file: String,
    /// `Deployment/web`.
    pub resource: String,
    /// The place in it, as `set` takes it.
    pub path: String,
    /// None where the commit added it.
    pub old: Option<String>,
    /// None where the commit removed it.
    pub new: Option<String>,
    /// The commit that took it back.
    pub rolled_back_by: Option<String>,
    /// Where in the file it is, as commits are compared by it.
    #[serde(skip)]
    place: String,
}

/// The commit of another repository that a deployment was built from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BuiltFrom {
    /// The URL of its repository.
    pub repository: Option<String>,
    /// Its id.
    pub commit: String,
    /// When it was made, in ISO 8601.
    pub date: Option<String>,
}

/// How many older commits are looked at where all that are here would be too much.
const FEW: usize = 50;
/// The longest subject that is passed on, in characters.
const SUBJECT: usize = 200;

/// Reads the history of the files.
///
/// # Errors
/// Whatever keeps it from being read, told for a person.
pub async fn run(
    request: &History,
    source: &Source,
    cancellation: Cancellation,
    log: &mut impl Progress,
) -> Result<HistoryReport, Failure> {
    let History { remote, files, .. } = request;
    let session = remote.connect(source, cancellation, log).await?;
    log.info(&format!(
        "Reading the history of {files} in {}",
        remote.location
    ));
    let now = now();
    let query = request.query(now)?;
    let FileHistory {
        branch,
        tip,
        commits,
        limited,
    } = session.history(files, &query, log).await?;
    // What rolled one of them back may be newer, or by somebody else.
    let mut later = Vec::new();
    if query.until.is_some() || query.author.is_some() {
        let all = HistoryQuery {
            limit: past::HORIZON,
            until: None,
            author: None,
            resumes: true,
            ..query.clone()
        };
        later = session.history(files, &all, log).await?.commits;
    }
    let read = Arc::new(Read {
        location: remote.location.clone(),
        is_cut: limited || query.since.is_some(),
        query,
        now,
        limited,
        commits,
        later,
    });
    let own = Arc::clone(&read);
    let told = session.work(move || own.told(own.past()));
    let mut told = told.await?.map_err(|error| session.too_much(error))?;
    if !told.is_sure
        && let Some(older) = older(&session, files, read.past()).await
    {
        let own = Arc::clone(&read);
        match session.work(move || own.told(&older)).await {
            Ok(Ok(with_older)) => told = with_older,
            Err(failure) if failure.reason == Reason::Cancelled => return Err(failure),
            // They are more than is taken in, or take too long: what was asked for is known.
            Ok(Err(_)) | Err(_) => {}
        }
    }
    let Told {
        metrics,
        deployments,
        ..
    } = told;
    let mut report = HistoryReport {
        location: remote.location.clone(),
        files: files.to_string(),
        filters: request.filters(),
        metrics,
        deployments,
        branch,
        tip,
        limited,
        instead: None,
    };
    if report.deployments.is_empty() && !report.filters.is_empty() {
        let any = HistoryQuery::newest(1);
        let newest = session
            .history(files, &any, log)
            .await?
            .commits
            .into_iter()
            .next();
        report.instead = newest.map(|touched| commit_line(&touched.commit));
    }
    if report.deployments.is_empty() {
        log.warning(&report.sentence());
    } else {
        log.info(&report.sentence());
    }
    Ok(report)
}

/// What was read of the past.
struct Read {
    location: Location,
    query: HistoryQuery,
    now: i64,
    limited: bool,
    /// Whether there may be older commits than those.
    is_cut: bool,
    /// The commits that are asked for.
    commits: Vec<Touched>,
    /// Those and others, where some are left out that may have taken them back.
    later: Vec<Touched>,
}

/// What is told of the commits that are asked for.
struct Told {
    metrics: Metrics,
    deployments: Vec<Deployment>,
    /// Whether older commits than those that were judged do not change it.
    is_sure: bool,
}

impl Read {
    fn past(&self) -> &[Touched] {
        match self.later.is_empty() {
            true => &self.commits,
            false => &self.later,
        }
    }

    /// What follows from `past`, which has what was read.
    fn told(&self, past: &[Touched]) -> Result<Told, Exceeded> {
        let Self {
            location,
            query,
            now,
            limited,
            commits,
            ..
        } = self;
        let named = past::named(past);
        let standing = past::past(past, &named)?;
        let all: Vec<usize> = (0..past.len()).collect();
        Ok(Told {
            metrics: metrics(query, *now, *limited, commits, past, &standing),
            deployments: deployments(location, commits, &standing, &named),
            is_sure: !self.is_cut || past::is_sure(past, &named, &standing, &all),
        })
    }
}

/// The same as `past`, the newest commits of the files, with those before as far as they are here already: what is asked
/// for does not decide what a commit was. None where there are none, or more than is taken in.
async fn older(
    session: &Session<'_>,
    files: &FileSelection,
    past: &[Touched],
) -> Option<Vec<Touched>> {
    // What was asked for is known: each is tried once.
    for limit in [past::HORIZON, past.len() + FEW] {
        let query = HistoryQuery {
            beyond_globs: false,
            at_hand: true,
            resumes: true,
            ..HistoryQuery::newest(limit)
        };
        match session.repository.history(files, &query).await {
            Ok(read) => {
                let is_it = |(one, other): (&Touched, &Touched)| one.commit.id == other.commit.id;
                let older = read.commits;
                let has_all = older.len() > past.len() && older.iter().zip(past).all(is_it);
                return has_all.then_some(older);
            }
            Err(RepositoryError::TooMuch(_)) => {}
            Err(_) => return None,
        }
    }
    None
}

impl History {
    /// What is asked of the repository, at the moment `now`.
    fn query(&self, now: i64) -> Result<HistoryQuery, Failure> {
        let since = self.since.as_ref().map(|date| date.start(now));
        let until = self.until.as_ref().map(|date| date.end(now));
        if let (Some(since), Some(until)) = (since, until)
            && since > until
        {
            let shown = |seconds| Timestamp::utc(seconds).day_and_second();
            return Err(Failure::new(
                Reason::Input,
                format!(
                    "`since` ({}) is after `until` ({}): no commit lies between.",
                    shown(since),
                    shown(until)
                ),
            )
            .with_hint("Exchange the two, or correct one of them; what has no zone is in UTC."));
        }
        Ok(HistoryQuery {
            since,
            until,
            author: self.author.clone(),
            beyond_globs: false,
            ..HistoryQuery::newest(self.limit)
        })
    }

    /// What is asked for beside the files, as a part of a sentence.
    fn filters(&self) -> String {
        let since = self.since.as_ref().map(|date| format!(" since {date}"));
        let until = self.until.as_ref().map(|date| format!(" until {date}"));
        let author = self.author.as_ref().map(|author| format!(" by `{author}`"));
        [since, until, author].into_iter().flatten().collect()
    }
}

/// How `commits` went, of which `past` holds the newer ones, too.
fn metrics(
    query: &HistoryQuery,
    now: i64,
    limited: bool,
    commits: &[Touched],
    past: &[Touched],
    standing: &Past<'_>,
) -> Metrics {
    let oldest = commits.last().map(|touched| touched.commit.time.seconds);
    let to = query.until.unwrap_or(now).min(now);
    let from = match (query.since, oldest) {
        // What is before was not read.
        (_, Some(oldest)) if limited => oldest,
        (Some(since), _) => since,
        (None, Some(oldest)) => oldest,
        (None, None) => to,
    };
    // A clock may be ahead.
    let newest = commits.first().map(|touched| touched.commit.time.seconds);
    let span = Span {
        from,
        to: newest.map_or(to, |newest| newest.max(to)),
    };
    let times = past.iter().zip(standing.commits());
    let times = times.map(|(Touched { commit, .. }, own)| {
        let messages = past::messages(commit);
        // Who merged, and made something else of it, built nothing of what was merged.
        let mut messages = messages.take(if own.is_own { 1 } else { usize::MAX });
        let built = messages.find_map(Reference::of);
        let built = built.and_then(|reference| reference.time);
        let committed = commit.time.seconds;
        (commit.id.as_str(), Times { committed, built })
    });
    let times = times.collect();
    let meant: HashSet<&str> = commits.iter().map(|one| one.commit.id.as_str()).collect();
    Metrics::new(standing, &times, span, |id| meant.contains(id))
}

impl HistoryReport {
    /// What was found, in a sentence.
    pub fn sentence(&self) -> String {
        let Self {
            location,
            branch,
            files,
            filters,
            ..
        } = self;
        match (self.deployments.len(), &self.instead) {
            (0, Some(newest)) => format!(
                "No commit of {branch} in {location} touched {files}{filters}. The newest that did is {newest}."
            ),
            (0, None) => format!("No commit of {branch} in {location} touched {files}."),
            (count, _) => {
                let what = if count == 1 { "commit" } else { "commits" };
                let more = if self.limited {
                    "; older ones are left out: raise `limit` to see them"
                } else {
                    ""
                };
                format!("{count} {what} of {branch} in {location} touched {files}{filters}{more}.")
            }
        }
    }
}

/// The commits as they are reported, each by how it stands among those of `standing`.
fn deployments(
    location: &Location,
    commits: &[Touched],
    standing: &Past<'_>,
    named: &Named<'_>,
) -> Vec<Deployment> {
    let numbers: HashMap<&str, usize> = standing
        .commits()
        .iter()
        .enumerate()
        .map(|(number, commit)| (commit.id, number))
        .collect();
    let deployment = |touched: &Touched| {
        let mut deployment = deployment(location, touched, named);
        if let Some(number) = numbers.get(touched.commit.id.as_str()) {
            deployment.stands(standing, *number);
        }
        deployment
    };
    let mut deployments: Vec<Deployment> = commits.iter().map(deployment).collect();
    call(&mut deployments);
    deployments
}

/// Gives a name to what none is known of: the one that it has in another commit, else the keys that lead
/// there.
fn call(deployments: &mut [Deployment]) {
    let images = || deployments.iter().flat_map(|one| &one.images);
    let known = images().filter(|image| !image.called.is_empty());
    let known = known.map(|image| (image.place.clone(), image.called.clone()));
    let known: HashMap<String, String> = known.collect();
    for image in deployments.iter_mut().flat_map(|one| &mut one.images) {
        if image.called.is_empty() {
            // Behind what tells the object.
            let keys = image.place.split_once('}').map_or("", |(_, keys)| keys);
            let known = known.get(&image.place).cloned();
            image.called = known.unwrap_or_else(|| keys.to_owned());
        }
    }
}

impl Deployment {
    /// Takes down what `messages` say of what made it: the commit's own, and those that it merged.
    fn of_messages<'m>(&mut self, messages: impl Iterator<Item = &'m str> + Clone) {
        let mut runs = messages
            .clone()
            .flat_map(|message| deployment::trailer_values(message, "Workflow-Run"));
        self.workflow_run = runs.next().map(str::to_owned);
        let built = messages.clone().find_map(Reference::of);
        self.source = built.map(|built| BuiltFrom {
            repository: built.repository_url.map(str::to_owned),
            commit: built.sha.to_owned(),
            date: built.time.map(|time| Timestamp::utc(time).iso()),
        });
    }

    /// Takes down how it stands, as the commit `number` of `past`.
    fn stands(&mut self, past: &Past<'_>, number: usize) {
        let id = |number: usize| past.commits()[number].id.to_owned();
        let own = &past.standings()[number];
        // What an update is in more detail, its trailers alone tell.
        if own.origin != Origin::Update {
            self.kind = own.origin.name();
        }
        let PastCommit {
            message, is_own, ..
        } = &past.commits()[number];
        if *is_own {
            // What it merged was not to be what came out.
            self.is_own = true;
            self.of_messages(std::iter::once(*message));
        }
        self.takes_back = own.takes_back.iter().copied().map(id).collect();
        self.rolled_back_by = own.undone_by.map(id);
        if self.reverts.is_none() {
            self.reverts = self.takes_back.first().cloned();
        }
        let taken = past.taken_back(number).into_iter();
        let taken = taken.map(|TakenBack { file, by, is_all }| RolledBack {
            file: file.to_owned(),
            by: id(by),
            all: is_all,
        });
        self.rolled_back = taken.collect();
        // Several may share a place: then they are told apart by their order.
        let mut by: HashMap<(String, String), VecDeque<Option<usize>>> = HashMap::new();
        for (change, taken) in past.commits()[number].changes.iter().zip(own.taken_by()) {
            let at = (change.file.to_owned(), change.place.clone());
            by.entry(at).or_default().push_back(taken);
        }
        let mut taken = |file: &str, place: &str| {
            let at = (file.to_owned(), place.to_owned());
            by.get_mut(&at)?.pop_front()?.map(id)
        };
        for image in &mut self.images {
            image.rolled_back_by = taken(&image.file, &image.place);
        }
        for value in &mut self.values {
            value.rolled_back_by = taken(&value.file, &value.place);
        }
    }
}

fn deployment(location: &Location, touched: &Touched, named: &Named<'_>) -> Deployment {
    let Touched { commit, files, .. } = touched;
    let changes = files.iter().map(|versions| past::changes(named, versions));
    let (images, values): (Vec<_>, Vec<_>) = changes
        .map(|changes| (changes.images, changes.values))
        .unzip();
    let message = &commit.message;
    // Whoever merges a branch, into it or out of it, did not do by hand what came with that.
    let merged = commit.merged.iter();
    let merged = merged.filter(|said| Origin::of(&said.message) != Origin::Edit);
    let mut deployment = Deployment {
        version: 4,
        commit: commit.id.to_string(),
        commit_url: location.commit_url(commit.id.as_str()),
        date: commit.time.iso(),
        when: commit.time.day_and_minute(),
        author: commit.author.name.clone(),
        author_email: commit.author.email.clone(),
        subject: shortened(commit.subject(), SUBJECT),
        kind: deployment::kind(past::messages(commit)),
        reverts: deployment::reverted_by(message).map(str::to_owned),
        takes_back: Vec::new(),
        rolled_back_by: None,
        rolled_back: Vec::new(),
        merged: merged.map(|said| said.commit.to_string()).collect(),
        workflow_run: None,
        source: None,
        is_own: false,
        images: images
            .into_iter()
            .flatten()
            .map(|image| Image {
                called: called(commit, &image),
                place: image.held.place.to_string(),
                file: image.held.file.to_string(),
                resource: image.held.resource,
                container: image.held.container,
                old: image.old,
                new: image.new,
                rolled_back_by: None,
            })
            .collect(),
        values: values
            .into_iter()
            .flatten()
            .map(|value| Value {
                place: deployment::place_of_value(&value),
                file: value.file.to_string(),
                resource: value.resource,
                path: value.path,
                old: value.old,
                new: value.new,
                rolled_back_by: None,
            })
            .collect(),
    };
    deployment.of_messages(past::messages(commit));
    deployment
}

/// What an image is called of which the file may have the version alone; empty where the commit does not say.
fn called(commit: &Commit, image: &ImageTransition) -> String {
    let said = past::messages(commit).flat_map(|message| {
        let deployed = deployment::trailer_values(message, "Deployed-Image");
        deployed.chain(deployment::trailer_values(message, "Previous-Image"))
    });
    let versions = [&image.new, &image.old].into_iter().flatten();
    let versions: Vec<&str> = versions.map(String::as_str).collect();
    let mut named: Vec<String> = Vec::new();
    for said in said.filter(|said| versions.iter().any(|version| said.ends_with(version))) {
        if let Ok(said) = said.parse::<ImageReference>()
            && !named.iter().any(|name| name == said.name())
        {
            named.push(said.name().to_owned());
        }
    }
    match &named[..] {
        [name] => name.clone(),
        // Which of them it is can't be told.
        _ => String::new(),
    }
}
