//! `operation: status`: what runs where, as Git has it.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use serde::Serialize;

use super::past::{messages, named, of_files, past};
use super::session::{Remote, Session};
use super::{Progress, counted, explain, now};
use crate::date::Timestamp;
use crate::deadline::Cancellation;
use crate::deployment::past::PastChange;
use crate::deployment::{self, Origin, Source};
use crate::failure::{Failure, Reason};
use crate::files::{FileSelection, RepoPath};
use crate::image::ImageReference;
use crate::limits::{Exceeded, IMAGES};
use crate::manifest::{InForce, ManifestError, ManifestFile, versions_in_force};
use crate::nearest::alike;
use crate::repository::history::{HistoryQuery, Touched};
use crate::repository::{BranchName, CommitId, Location, Snapshot};
use crate::stages::STAGE;
use crate::stages::{Names, Position, Stage};

/// How many commits of the files are looked at, where they are read over git.
const DEPTH: usize = 500;

/// What is asked for.
pub struct Status {
    /// The repository that holds the manifests.
    pub remote: Remote,
    /// The manifests of all stages.
    pub files: Stage,
}

/// What was found.
#[derive(Debug, Clone)]
pub struct StatusReport {
    /// The repository.
    pub location: Location,
    /// The branch.
    pub branch: BranchName,
    /// Its tip.
    pub tip: CommitId,
    /// The stages, in the order of the files.
    pub stages: Vec<String>,
    /// The images, in the order of the files.
    pub running: Vec<Running>,
}

/// An image of a stage. `docs/matrix.schema.json` describes this shape to users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Running {
    /// The stage.
    pub stage: String,
    /// What it is called: the same in every stage.
    pub name: String,
    /// The image as the file has it.
    pub image: String,
    /// Its tag.
    pub tag: Option<String>,
    /// Its digest.
    pub digest: Option<String>,
    /// The file.
    pub file: String,
    /// `Deployment/web`.
    pub resource: String,
    /// The name of the container, where the image is one's.
    pub container: Option<String>,
    /// What the path names beside the stage.
    pub names: Names,
    /// The commit that brought the image; none where that is further back than was looked.
    pub commit: Option<String>,
    /// Where to look at it.
    pub commit_url: Option<String>,
    /// What that commit was: `update`, `promotion`, `rollback`, `reapply` or `edit`.
    pub kind: Option<&'static str>,
    /// When it was committed, in ISO 8601.
    pub since: Option<String>,
    /// How long ago that is.
    pub age_seconds: Option<i64>,
    /// By how many deployments another stage is ahead; none where no other one has the image, or that is not
    /// known.
    pub behind: Option<usize>,
    /// The stage that is ahead the most.
    pub behind_stage: Option<String>,
    /// The line in the file.
    #[serde(skip)]
    pub line: usize,
    /// What stages are compared by.
    #[serde(skip)]
    key: (Names, String),
    /// The versions that were in force here, newest first, the one that runs now included.
    #[serde(skip)]
    versions: Vec<String>,
}

/// Reads what runs where.
///
/// # Errors
/// Whatever keeps it from being read, told for a person.
pub async fn run(
    status: &Status,
    source: &Source,
    cancellation: Cancellation,
    log: &mut impl Progress,
) -> Result<StatusReport, Failure> {
    let Status { remote, files } = status;
    let mut session = remote.connect(source, cancellation, log).await?;
    log.info(&format!("Reading {files} in {}", remote.location));
    let selection = files.files();
    let paths: Vec<RepoPath> = selection.named_paths().into_iter().cloned().collect();
    session.repository.bring_along(paths, Vec::new());
    let session = &session;
    let read = async || session.repository.snapshot_with_past(&selection).await;
    let snapshot = session.read(log, read).await?;
    let pasts = pasts(session, &selection, &snapshot, log).await?;
    let (branch, tip) = (snapshot.branch.clone(), snapshot.commit.clone());
    let (stages, location) = (files.clone(), remote.location.clone());
    let looked = session.work(move || look(&stages, &snapshot, &pasts, &location));
    let Looked {
        stages,
        running,
        warnings,
    } = looked.await??;
    for warning in &warnings {
        log.warning(warning);
    }
    if running.is_empty() {
        return Err(Failure::new(
            Reason::Manifest,
            format!("No file of {files} holds an image, on {branch} of {}.", remote.location),
        )
        .with_hint("Check `file`: it names the manifests of all stages, such as `envs/{stage}/{app}/values.yaml`."));
    }
    if let ([one], Some(names)) = (&stages[..], files.names_without_stage()) {
        let meant = match alike(STAGE, names).first() {
            Some(meant) => format!(", in place of `{{{meant}}}`"),
            None => String::new(),
        };
        log.warning(&format!(
            "`file` has no `{{stage}}`, so all of it is one stage, `{one}`: write `{{stage}}` for the part of the path that is the stage{meant}"
        ));
    }
    let report = StatusReport {
        location: remote.location.clone(),
        branch,
        tip,
        stages,
        running,
    };
    log.info(&report.sentence());
    Ok(report)
}

/// What files say of the stages.
struct Looked {
    stages: Vec<String>,
    running: Vec<Running>,
    /// Of the files that can't be read.
    warnings: Vec<String>,
}

/// Looks at the files of a snapshot, and at what the newest commits did to each.
fn look(
    files: &Stage,
    snapshot: &Snapshot,
    pasts: &HashMap<RepoPath, Vec<Touched>>,
    location: &Location,
) -> Result<Looked, Failure> {
    let Snapshot {
        branch,
        commit: tip,
        files: manifests,
        ..
    } = snapshot;
    let selection = files.files();
    let positions = files.positions(
        manifests.iter().map(|manifest| &manifest.path),
        branch.as_str(),
    );
    let named = selection.named_paths();
    let by_path: HashMap<&RepoPath, &ManifestFile> = manifests
        .iter()
        .map(|manifest| (&manifest.path, manifest))
        .collect();
    let mut running: Vec<Running> = Vec::new();
    let mut stages: Vec<String> = Vec::new();
    let mut warnings: Vec<String> = Vec::new();
    let mut images = 0;
    let mut seen: HashSet<String> = HashSet::new();
    for (path, position) in positions {
        let Some(manifest) = by_path.get(path) else {
            continue;
        };
        let held = match versions_in_force(manifest) {
            Ok(held) => held,
            Err(error) if !named.contains(&path) => {
                warnings.push(format!("A file that `file` matches was left out: {error}"));
                continue;
            }
            Err(error) => return Err(explain::manifest(&error, tip.short())),
        };
        images += held.len() as u64;
        IMAGES.check(images).map_err(|error| {
            let (file, source) = (path.clone(), error.into());
            explain::manifest(&ManifestError::Invalid { file, source }, tip.short())
        })?;
        let commits = pasts.get(path).map(Vec::as_slice).unwrap_or_default();
        let own = of_manifest(manifest, held, &position, commits, location);
        let own = own.map_err(|error| explain::too_much(location, error))?;
        if !own.is_empty() && seen.insert(position.stage.clone()) {
            stages.push(position.stage.clone());
        }
        running.extend(own);
    }
    compare(&mut running);
    Ok(Looked {
        stages,
        running,
        warnings,
    })
}

/// What the newest commits did to each file, newest first.
async fn pasts(
    session: &Session<'_>,
    selection: &FileSelection,
    snapshot: &Snapshot,
    log: &mut impl Progress,
) -> Result<HashMap<RepoPath, Vec<Touched>>, Failure> {
    let paths: Vec<&RepoPath> = snapshot.files.iter().map(|file| &file.path).collect();
    let ask = async || session.repository.pasts(&snapshot.commit, &paths).await;
    if let Some(pasts) = session.read(log, ask).await? {
        return Ok(pasts);
    }
    let query = HistoryQuery::newest(DEPTH);
    let history = session.history(selection, &query, log).await?;
    Ok(of_files(&history.commits, paths.into_iter()))
}

/// The number of a commit, what it did, and the number of the one that took that back.
type Happened<'c> = (usize, &'c PastChange<'c>, Option<usize>);

/// The images of one file, each once; `commits` are those that touched it.
fn of_manifest(
    manifest: &ManifestFile,
    held: Vec<InForce>,
    position: &Position,
    commits: &[Touched],
    location: &Location,
) -> Result<Vec<Running>, Exceeded> {
    let names_in = named(commits);
    let standing = past(commits, &names_in)?;
    let now = now();
    // What the commits did at each place, newest first; of several images that share one, to the first. And
    // which image a tag is of.
    let mut at: HashMap<&str, Vec<Happened<'_>>> = HashMap::new();
    let mut tagged: HashMap<(&str, &str), &str> = HashMap::new();
    for (number, commit) in standing.commits().iter().enumerate() {
        let own = &standing.standings()[number];
        for (change, taken_by) in commit.changes.iter().zip(own.taken_by()) {
            if !change.is_image {
                continue;
            }
            if let Some((new, tag)) = change.new.as_deref().and_then(with_tag) {
                tagged.entry((&change.place, tag)).or_insert(new);
            }
            let at = at.entry(&change.place).or_default();
            if at.last().is_none_or(|(last, ..)| *last != number) {
                at.push((number, change, taken_by));
            }
        }
    }
    let mut seen: HashSet<((Names, String), String)> = HashSet::new();
    let mut running: Vec<Running> = Vec::new();
    for InForce { mut held, written } in held {
        let parsed = held.image.parse::<ImageReference>().ok();
        let place = held.place.to_string();
        // A tag alone does not say of which image it is, but where it stands does.
        let what = parsed.as_ref().map(ImageReference::repository);
        let key = (
            position.names.clone(),
            what.unwrap_or(place.as_str()).to_owned(),
        );
        if held.image.is_empty() {
            continue;
        }
        if held.image.starts_with(':') {
            // Whoever deployed it has said of which image it is.
            let told = tagged.get(&(place.as_str(), held.image.as_str()));
            if let Some(told) = told {
                held.image = (*told).to_owned();
            }
        }
        if !seen.insert((key.clone(), held.image.clone())) {
            continue;
        }
        let mut versions: Vec<String> = Vec::new();
        let (mut brought, mut first) = (None, None);
        for (number, change, taken_by) in at.get(place.as_str()).into_iter().flatten().copied() {
            let new = change.new.as_ref();
            if brought.is_none() && (new == Some(&held.image) || new == Some(&written)) {
                brought = Some(number);
            }
            if taken_by.is_some() || standing.standings()[number].origin == Origin::Rollback {
                continue;
            }
            versions.extend(change.new.as_deref().map(version));
            first.clone_from(&change.old);
        }
        versions.extend(first.as_deref().map(version));
        let current = version(&held.image);
        if versions.first() != Some(&current) {
            versions.insert(0, current);
        }
        let brought = brought.and_then(|number| commits.get(number));
        let time = brought.map(|touched| touched.commit.time);
        let part = |part: Option<&str>| part.map(str::to_owned);
        let id = brought.map(|touched| touched.commit.id.to_string());
        running.push(Running {
            stage: position.stage.clone(),
            name: name(&position.names, parsed.as_ref(), &manifest.path),
            tag: match &parsed {
                Some(image) => part(image.tag()),
                None => part(held.image.strip_prefix(':')),
            },
            digest: part(parsed.as_ref().and_then(ImageReference::digest)),
            file: manifest.path.to_string(),
            resource: held.resource,
            container: held.container,
            names: position.names.clone(),
            commit_url: id.as_deref().and_then(|id| location.commit_url(id)),
            commit: id,
            kind: brought.map(|touched| deployment::kind(messages(&touched.commit))),
            since: time.map(Timestamp::iso),
            age_seconds: time.map(|time| now.saturating_sub(time.seconds).max(0)),
            behind: None,
            behind_stage: None,
            line: held.line,
            image: held.image,
            key,
            versions,
        });
    }
    Ok(running)
}

/// An image, and what it has from its tag on: `:v2`.
fn with_tag(image: &str) -> Option<(&str, &str)> {
    let name = image.rfind('/').map_or(0, |slash| slash + 1);
    let tag = name + image.get(name..)?.find(':')?;
    Some((image, image.get(tag..)?))
}

/// What an image is called, by the path's names and its own.
fn name(names: &Names, image: Option<&ImageReference>, file: &RepoPath) -> String {
    let app: Vec<&str> = names.values().map(String::as_str).collect();
    let app = app.join("/");
    match (app.as_str(), image.map(ImageReference::name)) {
        ("", Some(image)) => image.to_owned(),
        ("", None) => file.file_name().to_owned(),
        (app, Some(image)) if app != image => format!("{app}: {image}"),
        (app, _) => app.to_owned(),
    }
}

/// The version of an image, whatever its repository is called.
fn version(image: &str) -> String {
    let Ok(parsed) = image.parse::<ImageReference>() else {
        return image.to_owned();
    };
    let tag = parsed.tag().map(|tag| format!(":{tag}"));
    let digest = parsed.digest().map(|digest| format!("@{digest}"));
    tag.into_iter().chain(digest).collect()
}

/// Finds out by how many deployments each stage is behind another one.
fn compare(running: &mut [Running]) {
    let mut groups: HashMap<&(Names, String), Vec<&Running>> = HashMap::new();
    for one in running.iter() {
        groups.entry(&one.key).or_default().push(one);
    }
    let groups: HashMap<_, Group<'_>> = groups
        .into_iter()
        .map(|(key, own)| (key, Group::new(&own)))
        .collect();
    let behind = |own: &Running| groups.get(&own.key)?.behind(own);
    let found: Vec<_> = running.iter().map(behind).collect();
    for (own, found) in running.iter_mut().zip(found) {
        if let Some((count, stage)) = found {
            own.behind = Some(count);
            own.behind_stage = stage;
        }
    }
}

/// What is the same in several stages.
#[derive(Default)]
struct Group<'r> {
    /// How far down each version is: the stage where it is furthest, and the one of the others.
    furthest: HashMap<&'r str, Vec<(usize, &'r str)>>,
    /// Where each version runs: two of the stages.
    current: HashMap<&'r str, Vec<&'r str>>,
}

impl<'r> Group<'r> {
    fn new(own: &[&'r Running]) -> Self {
        let mut group = Self::default();
        for one in own {
            let stage = one.stage.as_str();
            let mut met = HashSet::new();
            for (count, version) in one.versions.iter().enumerate() {
                if !met.insert(version) {
                    continue;
                }
                let furthest = group.furthest.entry(version).or_default();
                match furthest.iter_mut().find(|(_, other)| *other == stage) {
                    Some((known, _)) => *known = count.max(*known),
                    None => furthest.push((count, stage)),
                }
                // The first of those that are as far.
                furthest.sort_by_key(|(count, _)| Reverse(*count));
                furthest.truncate(2);
            }
            if let Some(version) = one.versions.first() {
                let current = group.current.entry(version).or_default();
                if current.len() < 2 && !current.contains(&stage) {
                    current.push(stage);
                }
            }
        }
        group
    }

    /// By how many deployments another stage is ahead of `own`, and which.
    fn behind(&self, own: &Running) -> Option<(usize, Option<String>)> {
        let stage = own.stage.as_str();
        let version = own.versions.first()?.as_str();
        let mut furthest = self.furthest.get(version).into_iter().flatten();
        if let Some((count, other)) = furthest.find(|(_, other)| *other != stage) {
            return Some((*count, (*count > 0).then(|| (*other).to_owned())));
        }
        // Another one holds what this one held before.
        let is_before = own.versions.iter().any(|version| {
            let mut current = self.current.get(version.as_str()).into_iter().flatten();
            current.any(|other| *other != stage)
        });
        is_before.then_some((0, None))
    }
}

impl StatusReport {
    /// What was found, in a sentence.
    pub fn sentence(&self) -> String {
        let Self {
            location,
            branch,
            tip,
            ..
        } = self;
        format!(
            "{} on {branch} of {location}, at {}.",
            self.verdict(),
            tip.short()
        )
    }

    /// `4 images in 2 stages, 1 behind`
    pub fn verdict(&self) -> String {
        let behind = self.running.iter();
        let behind = behind.filter(|one| one.behind.is_some_and(|behind| behind > 0));
        let behind = match behind.count() {
            0 => String::new(),
            count => format!(", {count} behind another stage"),
        };
        format!(
            "{} in {}{behind}",
            counted(self.running.len(), "image"),
            counted(self.stages.len(), "stage")
        )
    }
}
