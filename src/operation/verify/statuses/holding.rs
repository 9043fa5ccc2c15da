//! What later commits hold of what was deployed.

use std::collections::{HashMap, HashSet};

use crate::commit_status::Holds;
use crate::image::ImageReference;
use crate::manifest::{HeldImage, ManifestFile};
use crate::operation::session::Session;
use crate::operation::verify::target::{
    Deployed, GitImage, images_in, other_images, proven_others,
};
use crate::repository::{CommitId, RepositoryError};

/// An image that a later commit has no more, with what is in its place.
type Other = (String, Option<String>);

/// Reads commits, each once.
pub(super) struct Holding<'a> {
    session: &'a Session<'a>,
    deployed: &'a Deployed,
    known: HashMap<String, Holds>,
    others: HashMap<String, Vec<Other>>,
    /// Those that were not made on top of ours.
    unrelated: HashSet<String>,
}

impl<'a> Holding<'a> {
    pub(super) fn new(session: &'a Session<'a>, deployed: &'a Deployed) -> Self {
        Self {
            session,
            deployed,
            known: HashMap::new(),
            others: HashMap::new(),
            unrelated: HashSet::new(),
        }
    }

    /// What a commit holds, where it was read.
    pub(super) fn holds(&self, commit: &str) -> Option<Holds> {
        self.known.get(commit).copied()
    }

    /// What it holds in the place of what was deployed.
    pub(super) fn others(&self, commit: &str) -> &[Other] {
        self.others.get(commit).map_or(&[], Vec::as_slice)
    }

    /// Whether it was found not to be on top of ours.
    pub(super) fn is_unrelated(&self, commit: &str) -> bool {
        self.unrelated.contains(commit)
    }

    /// Reads a commit; whether it is on top of ours is asked where the branch's newest commits don't tell.
    ///
    /// # Errors
    /// When the server can't be used. The next look asks again.
    pub(super) async fn read(
        &mut self,
        commit: &str,
        is_later: bool,
    ) -> Result<(), RepositoryError> {
        let Some(id) = CommitId::parse(commit) else {
            return Ok(());
        };
        let repository = &self.session.repository;
        if !is_later && !repository.is_ancestor(&self.deployed.commit, &id).await? {
            self.unrelated.insert(commit.to_owned());
            return Ok(());
        }
        let holds = match &self.deployed.files {
            None => Holds::Unknown,
            Some(files) => match repository.files_at(&id, files).await {
                Ok(contents) => self.compare(commit, &contents).await?,
                // One of them is gone.
                Err(RepositoryError::File { .. }) => Holds::Others,
                Err(error) => return Err(error),
            },
        };
        self.known.insert(commit.to_owned(), holds);
        Ok(())
    }

    async fn compare(
        &mut self,
        commit: &str,
        contents: &[ManifestFile],
    ) -> Result<Holds, RepositoryError> {
        let Deployed { images, .. } = self.deployed;
        if images.is_empty() {
            return self.compare_bytes(contents).await;
        }
        let now = images_in(contents);
        let mut others = other_images(images, &now);
        if let (false, Some(files)) = (others.is_empty(), &self.deployed.files) {
            let own = self
                .session
                .repository
                .files_at(&self.deployed.commit, files);
            match proven_others(images, &own.await?, contents) {
                Some(proven) => others = proven,
                None => return Ok(Holds::Unknown),
            }
        }
        let named = images.iter().filter_map(|image| match image {
            GitImage::Named(image) => Some(image),
            GitImage::Held(_) => None,
        });
        others.extend(
            named
                .filter(|image| !is_among(image, &now))
                .map(|image| (image.clone(), None)),
        );
        let holds = match others.is_empty() {
            true => Holds::Same,
            false => Holds::Others,
        };
        self.others.insert(commit.to_owned(), others);
        Ok(holds)
    }

    /// Of other values than images: whether the files are as they were.
    async fn compare_bytes(&self, contents: &[ManifestFile]) -> Result<Holds, RepositoryError> {
        let Deployed {
            files,
            commit,
            paths,
            ..
        } = self.deployed;
        let Some(files) = files else {
            return Ok(Holds::Unknown);
        };
        let own = self.session.repository.files_at(commit, files).await?;
        let matters =
            |file: &&ManifestFile| paths.iter().any(|path| *path == file.path.to_string());
        let (mut own, mut now) = (own.iter().filter(matters), contents.iter().filter(matters));
        Ok(match own.by_ref().eq(now.by_ref()) {
            true => Holds::Same,
            false => Holds::Others,
        })
    }
}

/// Whether an image that was only named is in the files.
fn is_among(image: &str, now: &[HeldImage]) -> bool {
    let Ok(wanted) = image.parse::<ImageReference>() else {
        return false;
    };
    let parsed = now
        .iter()
        .filter_map(|held| held.image.parse::<ImageReference>().ok());
    parsed.into_iter().any(|held| held.satisfies(&wanted))
}
