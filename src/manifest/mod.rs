//! Where images live in manifests, and what to change so that they are the ones asked for.
//!
//! Pure: file texts in, file texts out. [`plan`] finds the places that each line of a request
//! belongs to, and has [`crate::yaml`] change them; it knows what Kubernetes, Helm and Kustomize
//! mean by a key, and nothing of bytes.

mod compare;
mod error;
mod helm;
mod kustomize;
mod locate;
mod request;
mod resource;
mod site;
mod target;
#[cfg(test)]
mod tests;
mod workload;

use crate::files::RepoPath;
use crate::yaml::Stream;

pub use compare::{ImageTransition, RestoreError, image_transitions, images, restore};
pub use error::{HeldImage, ManifestError};
pub use request::{
    DocumentSelector, EditRequest, ImageAssignment, ImageAssignmentError, ResourceFilter,
    ResourceFilterError, ValueAssignment, ValueAssignmentError, YamlPath, YamlPathError,
};
pub use site::Obstacle;

use site::Site;
use target::Targets;

/// How a file begins that Git LFS keeps elsewhere (git-lfs, docs/spec.md).
const LFS_POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

/// A file as it is in Git.
#[derive(Debug, Clone)]
pub struct ManifestFile {
    /// Where it is.
    pub path: RepoPath,
    /// What it says.
    pub bytes: Vec<u8>,
}

/// What to write so that a request is fulfilled, and what that changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// The files whose bytes differ, in the order the files were given.
    pub edits: Vec<FileEdit>,
    /// Every place that an image line is about, in the order of the files; also where it already
    /// held the image.
    pub images: Vec<ImageChange>,
    /// Every place that a `set` line is about; also where it already held the value.
    pub values: Vec<ValueChange>,
    /// What a person should know beyond that: a digest that was removed, an alias that follows.
    pub notes: Vec<Note>,
}

/// A file before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEdit {
    /// Where it is.
    pub path: RepoPath,
    /// What it said.
    pub before: Vec<u8>,
    /// What it shall say.
    pub after: Vec<u8>,
}

/// One place that holds an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageChange {
    /// The file.
    pub file: RepoPath,
    /// From 1.
    pub line: usize,
    /// `Rollout/web`; the kind alone where there is no name; the name of the file where there is
    /// no kind.
    pub resource: String,
    /// The name of the container, where the place is in a list of containers.
    pub container: Option<String>,
    /// `.spec.template.spec.containers[0].image`, within its document.
    pub path: String,
    /// The image that was there.
    pub old: String,
    /// The image that shall be there. Equals `old` where nothing had to change.
    pub new: String,
}

/// One value that a `set` line is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueChange {
    /// The file.
    pub file: RepoPath,
    /// From 1; of the mapping around it where the key is new.
    pub line: usize,
    /// As in [`ImageChange`].
    pub resource: String,
    /// `.spec.replicas`, within its document.
    pub path: String,
    /// What it was; none where the key is new.
    pub old: Option<String>,
    /// What it shall be. Equals `old` where nothing had to change.
    pub new: String,
}

/// Something a person should know about a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The file.
    pub file: RepoPath,
    /// From 1.
    pub line: usize,
    /// A sentence without its full stop.
    pub text: String,
}

/// What to do to `files` so that they hold what `request` asks for.
///
/// # Errors
/// [`ManifestError`]: a file that can't be edited, a line that meets nothing, or lines that
/// contradict each other. No part of the request is planned then.
pub fn plan(files: &[ManifestFile], request: &EditRequest) -> Result<Plan, ManifestError> {
    let mut manifests: Vec<Manifest<'_>> = files
        .iter()
        .map(|file| Manifest::read(file, request))
        .collect::<Result<_, ManifestError>>()?;
    resource::refuse_unknown(&manifests, &request.resources)?;
    locate::add_sites_on_paths(&mut manifests, request)?;
    for assignment in &request.images {
        if !manifests.iter().any(|manifest| manifest.holds(assignment)) {
            return Err(error::nothing_found(&manifests, assignment));
        }
    }
    let mut targets: Vec<Targets> = manifests
        .iter()
        .map(|manifest| manifest.image_targets(&request.images))
        .collect::<Result<_, ManifestError>>()?;
    for assignment in &request.set {
        locate::add_value(&manifests, &mut targets, assignment, &request.resources)?;
    }
    let mut plan = Plan::default();
    for (manifest, targets) in manifests.iter().zip(targets) {
        targets.finish(manifest, &mut plan)?;
    }
    Ok(plan)
}

/// The images that `file` holds, in the order of the text, once for each place.
///
/// # Errors
/// [`ManifestError`]: the file can't be read.
pub fn images_in(file: &ManifestFile) -> Result<Vec<HeldImage>, ManifestError> {
    let manifest = Manifest::read(file, &EditRequest::default())?;
    let sites = manifest.sites.iter();
    Ok(sites.map(|site| error::held(&manifest, site)).collect())
}

/// A file that has been read, and the places in it that hold images.
struct Manifest<'f> {
    file: &'f ManifestFile,
    stream: Stream<'f>,
    /// Those that the request lets this program look at.
    sites: Vec<Site>,
}

impl<'f> Manifest<'f> {
    fn read(file: &'f ManifestFile, request: &EditRequest) -> Result<Self, ManifestError> {
        if file.bytes.starts_with(LFS_POINTER) {
            return Err(ManifestError::LfsPointer {
                file: file.path.clone(),
            });
        }
        let stream = Stream::parse(&file.bytes)
            .map_err(|source| error::invalid(&file.path, &file.bytes, source))?;
        let mut sites = Site::all(&stream);
        sites.retain(|site| resource::is_within(&stream, site.node, &request.resources));
        if !request.paths.is_empty() {
            // Where images live is said by `path`; only containers can still be named.
            sites.retain(|site| site.container.is_some());
            sites.iter_mut().for_each(Site::answer_to_container_only);
        }
        Ok(Self {
            file,
            stream,
            sites,
        })
    }

    fn holds(&self, assignment: &ImageAssignment) -> bool {
        self.sites.iter().any(|site| site.is_meant_by(assignment))
    }

    /// What the image lines make of this file's sites.
    fn image_targets(&self, assignments: &[ImageAssignment]) -> Result<Targets, ManifestError> {
        let mut targets = Targets::default();
        let (aliases, written): (Vec<&Site>, Vec<&Site>) =
            self.sites.iter().partition(|site| site.is_alias());
        // An alias is where it should be when its anchor is, so anchors come first.
        for site in written.into_iter().chain(aliases) {
            let mut meant = assignments.iter().filter(|line| site.is_meant_by(line));
            let Some(assignment) = meant.next() else {
                continue;
            };
            if let Some(other) = meant.find(|other| other.image != assignment.image) {
                return Err(error::contradiction(self, site, assignment, other));
            }
            targets.add_image(self, site, &assignment.image)?;
        }
        Ok(targets)
    }
}
