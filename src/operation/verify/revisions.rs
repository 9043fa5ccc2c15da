//! What the revisions that an application names are to the commit.

use std::collections::{HashMap, HashSet};

use super::files_alike::{WHOLE, are_alike, below};
use super::seen::Watching;
use super::target::{Deployed, images_in, other_images, proven_others};
use crate::argocd::{Application, ApplicationName, MadeOf, ManifestSource, Relation};
use crate::files::FileSelection;
use crate::manifest::ManifestFile;
use crate::operation::Progress;
use crate::repository::history::Searched;
use crate::repository::{CommitId, FileProblem, Repository, RepositoryError};

/// An image of the commit, and what is there in its place.
type OtherImage = (String, Option<String>);

/// What was found out of revisions.
pub(super) struct Revisions<'a> {
    name: &'a ApplicationName,
    watching: Watching<'a>,
    relations: HashMap<String, Relation>,
    /// Whether the first of two hydrated commits is the second, or below it.
    below: HashMap<(String, String), bool>,
    /// The URL by which the application knows our repository, where that is another one.
    alias: Option<String>,
    superseding: HashMap<String, Vec<OtherImage>>,
    /// Of two commits, whether what the application is made of is the same.
    alike: HashMap<(CommitId, CommitId), bool>,
    /// The commit below ours.
    parent: Option<CommitId>,
    /// Names that came into Git with the commit, of those that were looked for.
    pub(super) introduced: HashSet<String>,
    looked_for: HashSet<String>,
}

/// Those of `files` that are there at `commit`, and whether any is gone.
async fn those_there(
    repository: &Repository,
    commit: &CommitId,
    files: &FileSelection,
) -> Result<(Vec<ManifestFile>, bool), RepositoryError> {
    let mut there = files.clone();
    loop {
        match repository.files_at(commit, &there).await {
            Err(RepositoryError::File {
                path,
                problem: FileProblem::Missing { .. } | FileProblem::NoMatch { .. },
                ..
            }) if there.include.iter().any(|line| line.to_string() == path) => {
                there.include.retain(|line| line.to_string() != path);
            }
            read => {
                let is_any_gone = there.include.len() < files.include.len();
                return read.map(|contents| (contents, is_any_gone));
            }
        }
    }
}

impl<'a> Revisions<'a> {
    pub(super) fn new(name: &'a ApplicationName, watching: Watching<'a>) -> Self {
        let base = watching.deployed.base.iter();
        Self {
            name,
            watching,
            relations: base.map(|base| (base.to_string(), Relation::Old)).collect(),
            below: HashMap::new(),
            alias: None,
            superseding: HashMap::new(),
            alike: HashMap::new(),
            parent: None,
            introduced: HashSet::new(),
            looked_for: HashSet::new(),
        }
    }

    /// Our repository's URL, as the application knows it.
    pub(super) fn url(&self) -> String {
        let own = || self.watching.deployed.location.url().to_string();
        self.alias.clone().unwrap_or_else(own)
    }

    /// A repository that was renamed, or has a mirror, goes by another URL; but the commit that was
    /// compared tells that it is ours.
    pub(super) async fn find_alias(&mut self, application: &Application, log: &mut impl Progress) {
        let url = self.url();
        let sources = application.sources();
        if self.alias.is_some() || sources.iter().any(|source| source.is_git_of(&url)) {
            return;
        }
        for source in sources.into_iter().filter(|source| source.is_git()) {
            let tracked = application.tracked(&source.repo_url, str::eq);
            let revisions: Vec<String> = tracked
                .into_iter()
                .map(|(_, revision)| revision.to_owned())
                .collect();
            for revision in &revisions {
                if self.is_ours(revision, log).await {
                    self.alias = Some(source.repo_url.clone());
                    log.info(&format!(
                        "{}: it follows {}, which has our commits",
                        self.name, source.repo_url
                    ));
                    return;
                }
            }
        }
    }

    /// Whether a revision is a commit of ours: this one, one on top of it, or one below it.
    async fn is_ours(&mut self, revision: &str, log: &mut impl Progress) -> bool {
        let Deployed { commit, base, .. } = self.watching.deployed;
        let Some(other) = CommitId::parse(revision) else {
            return false;
        };
        if base.as_ref() == Some(&other) {
            return true;
        }
        let repository = &self.watching.session.repository;
        self.relation_of(revision, log).await != Relation::Old
            || repository
                .is_ancestor(&other, commit)
                .await
                .unwrap_or(false)
    }

    /// Whether what was compared has the hydrated commit below itself: after a promotion to another
    /// branch it is a merge, or a later commit of other applications (argo-cd#25190). Where that can't be told,
    /// it has, if all the images run only since then: `runs_since`.
    pub(super) async fn find_hydrated(&mut self, application: &Application, runs_since: bool) {
        let status = &application.status;
        let done = status.source_hydrator.last_successful_operation.as_ref();
        let (Some(done), true) = (done, application.spec.source_hydrator.is_some()) else {
            return;
        };
        let pair = (done.hydrated_sha.clone(), status.sync.revision.clone());
        if pair.0 == pair.1 || self.below.get(&pair) == Some(&true) {
            return;
        }
        let (Some(hydrated), Some(compared)) = (CommitId::parse(&pair.0), CommitId::parse(&pair.1))
        else {
            return;
        };
        if !self.below.contains_key(&pair) {
            let repository = &self.watching.session.repository;
            // What failed is asked again with the next look; what is below what never changes.
            if let Ok(below) = repository.is_ancestor(&hydrated, &compared).await {
                self.below.insert(pair.clone(), below);
            }
        }
        // The hydrated branch may be in a repository that is not ours to read: what runs tells, where
        // something else ran before.
        if self.below.get(&pair) != Some(&true) && runs_since {
            self.below.insert(pair, true);
        }
    }

    /// The revisions of the sources that follow our branch; of all that are our repository, where none
    /// does.
    pub(super) fn followed(&self, application: &Application) -> Vec<String> {
        let branch = self.watching.deployed.branch.as_str();
        let url = self.url();
        let holds = |one: &str, other: &str| {
            one == other || self.below.get(&(one.to_owned(), other.to_owned())) == Some(&true)
        };
        let tracked = application.tracked(&url, holds);
        let any = tracked.iter().any(|(source, _)| source.follows(branch));
        let tracked = tracked
            .iter()
            .filter(|(source, _)| !any || source.follows(branch));
        tracked
            .map(|(_, revision)| (*revision).to_owned())
            .collect()
    }

    /// The revision of our repository that was compared last.
    pub(super) fn revision(&self, application: &Application) -> String {
        let mut followed = self.followed(application).into_iter();
        followed
            .next()
            .unwrap_or_else(|| application.status.sync.revision.clone())
    }

    /// What `revisions` are to the commit: all of them must have it.
    pub(super) async fn relation(
        &mut self,
        revisions: &[String],
        log: &mut impl Progress,
    ) -> Relation {
        let mut all = None;
        for revision in revisions {
            let own = self.relation_of(revision, log).await;
            all = Some(match (all, own) {
                (_, Relation::Old) | (Some(Relation::Old), _) => Relation::Old,
                (Some(Relation::Newer), _) | (_, Relation::Newer) => Relation::Newer,
                (None | Some(Relation::Exact), Relation::Exact) => Relation::Exact,
            });
        }
        all.unwrap_or(Relation::Old)
    }

    async fn relation_of(&mut self, revision: &str, log: &mut impl Progress) -> Relation {
        let own = &self.watching.deployed.commit;
        if revision == own.as_str() {
            return Relation::Exact;
        }
        if let Some(known) = self.relations.get(revision) {
            return *known;
        }
        let Some(other) = CommitId::parse(revision) else {
            return Relation::Old;
        };
        let repository = &self.watching.session.repository;
        match repository.is_ancestor(own, &other).await {
            Ok(newer) => {
                let relation = match newer {
                    true => Relation::Newer,
                    false => Relation::Old,
                };
                self.relations.insert(revision.to_owned(), relation);
                relation
            }
            // Asked again with the next look.
            Err(error) => {
                let short = other.short();
                log.info(&format!(
                    "{}: whether {short} comes after {} is not known yet: {error}",
                    self.name,
                    own.short()
                ));
                Relation::Old
            }
        }
    }

    /// The newer commit that `revision` is, and what the files have in place of the images there; none where they
    /// have the same, or that is not known. Files that are gone were moved, where the images are there all the same:
    /// `is_there`.
    pub(super) async fn superseding(
        &mut self,
        revision: &str,
        is_there: bool,
        log: &mut impl Progress,
    ) -> Option<(CommitId, &[OtherImage])> {
        let Deployed {
            files,
            images,
            commit,
            ..
        } = self.watching.deployed;
        let newer = CommitId::parse(revision).filter(|newer| newer != commit)?;
        if !self.superseding.contains_key(revision) {
            let repository = &self.watching.session.repository;
            let files = files.as_ref()?;
            let contents = match those_there(repository, &newer, files).await {
                // The application may change yet.
                Ok((_, true)) if is_there => return None,
                Ok((contents, _)) => contents,
                Err(error) => {
                    log.info(&format!(
                        "{}: the files at {} can't be read yet: {error}",
                        self.name,
                        newer.short()
                    ));
                    return None;
                }
            };
            let mut others = other_images(images, &images_in(&contents));
            if !others.is_empty() {
                // What failed is asked again with the next look.
                let own = repository.files_at(commit, files).await.ok()?;
                others = proven_others(images, &own, &contents).unwrap_or_default();
            }
            self.superseding.insert(revision.to_owned(), others);
        }
        let others = self.superseding.get(revision)?;
        (!others.is_empty()).then_some((newer, others))
    }

    /// The commit below ours; none where it can't be found out.
    pub(super) async fn parent(&mut self) -> Option<CommitId> {
        let Watching {
            session, deployed, ..
        } = self.watching;
        if self.parent.is_none() {
            self.parent = match deployed.below() {
                Some(base) => Some(base.clone()),
                None => {
                    let commit = deployed.commit.as_str();
                    let nothing = FileSelection::default();
                    match session.repository.search(commit, &nothing).await {
                        Ok(Searched::OnBranch(touched)) => touched.commit.parents.first().cloned(),
                        _ => None,
                    }
                }
            };
        }
        self.parent.clone()
    }

    /// What Argo CD applied last before our commit, and what that was made of.
    pub(super) async fn applied_before<'l>(
        &mut self,
        application: &'l Application,
        log: &mut impl Progress,
    ) -> Option<(Vec<String>, MadeOf<'l>)> {
        let history = application.history(&self.url());
        for (revisions, made_of) in history.into_iter().filter(|(own, _)| !own.is_empty()) {
            let revisions: Vec<String> = revisions.into_iter().map(str::to_owned).collect();
            if self.relation(&revisions, log).await == Relation::Old {
                return Some((revisions, made_of));
            }
        }
        None
    }

    /// What else than our commit is different between what the application was made of `then` and what it is made of
    /// `now`. What a commit changes in the manifest of the application itself is its own.
    pub(super) fn moved(
        &self,
        application: &Application,
        then: &MadeOf<'_>,
        now: &MadeOf<'_>,
    ) -> Vec<String> {
        let Deployed { branch, images, .. } = self.watching.deployed;
        let url = self.url();
        let is_git = |source: &&ManifestSource| source.is_git_of(&url);
        let sources = application.sources();
        let follows = |source: &ManifestSource| source.follows(branch.as_str());
        let any = sources.iter().copied().filter(is_git).any(follows);
        let is_ours = |source: &ManifestSource| is_git(&source) && (!any || follows(source));
        let held = images.iter().filter_map(|image| image.held());
        let mut kinds = held.map(|held| held.resource.split('/').next());
        match kinds.any(|kind| matches!(kind, Some("Application" | "ApplicationSet"))) {
            true => Vec::new(),
            false => crate::argocd::moved(then, now, is_ours),
        }
    }

    /// Looks for these names in Git: those that came with the commit are in its files, and not in those below it.
    pub(super) async fn find_introduced(&mut self, names: HashSet<String>) {
        let Watching {
            session, deployed, ..
        } = self.watching;
        let new = names.difference(&self.looked_for);
        let new: Vec<String> = new.cloned().collect();
        if new.is_empty() {
            return;
        }
        let changed = || FileSelection {
            include: deployed
                .paths
                .iter()
                .filter_map(|path| path.parse().ok())
                .collect(),
            ..FileSelection::default()
        };
        let files = deployed.files.clone().unwrap_or_else(changed);
        let Some(parent) = self.parent().await else {
            return;
        };
        let below = match session.repository.files_at(&parent, &files).await {
            // The commit made one of them.
            Err(RepositoryError::File { .. }) => Ok(Vec::new()),
            below => below,
        };
        let own = session.repository.files_at(&deployed.commit, &files).await;
        // What failed is asked again with the next look.
        let (Ok(below), Ok(own)) = (below, own) else {
            return;
        };
        let is_in = |files: &[ManifestFile], name: &str| {
            let mut texts = files
                .iter()
                .map(|file| String::from_utf8_lossy(&file.bytes));
            texts.any(|text| text.contains(name))
        };
        for name in new {
            if is_in(&own, &name) && !is_in(&below, &name) {
                self.introduced.insert(name.clone());
            }
            self.looked_for.insert(name);
        }
    }

    /// Whether what the application is made of is proven to be the same at both commits; none where Git does not
    /// answer.
    pub(super) async fn have_same_manifests(
        &mut self,
        application: &Application,
        one: &CommitId,
        other: &CommitId,
    ) -> Option<bool> {
        if one == other {
            return Some(true);
        }
        let pair = (one.clone(), other.clone());
        if let Some(known) = self.alike.get(&pair) {
            return Some(*known);
        }
        let Some(globs) = self.made_of(application) else {
            return Some(false);
        };
        // What failed is asked again with the next look.
        let repository = &self.watching.session.repository;
        let alike = are_alike(repository, globs, one, other).await;
        let are_alike = alike.ok()?;
        self.alike.insert(pair, are_alike);
        Some(are_alike)
    }

    /// Globs of the files that the application is made of, as far as it says so itself; none where it does not say of
    /// all.
    fn made_of(&self, application: &Application) -> Option<Vec<String>> {
        let url = self.url();
        let sources = application.sources();
        let ours = sources.iter().filter(|source| source.is_git_of(&url));
        let mut globs: Vec<String> = ours
            .map(|source| match source.folder() {
                None => WHOLE.to_owned(),
                Some(folder) => below(folder),
            })
            .collect();
        // Of no files nothing is proven.
        if globs.is_empty() {
            return None;
        }
        if globs.iter().any(|glob| glob == WHOLE) {
            return Some(globs);
        }
        for source in &sources {
            globs.extend(source.files_elsewhere()?);
        }
        Some(globs)
    }
}
