//! A file as it is in Git, and as it is read.

use super::error::{HeldImage, ManifestError};
use super::find;
use super::place::{self, Object, Place};
use super::request::{EditRequest, ImageAssignment};
use super::site::Site;
use super::source::{ManifestFile, Source};
use super::write::Obstacle;
use crate::files::RepoPath;
use crate::yaml::{NodeId, ParseError, Stream};

/// How a file begins that Git LFS keeps elsewhere (git-lfs, docs/spec.md).
const LFS_POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

/// The images that `file` says are run, in the order of the text, once for each place.
///
/// # Errors
/// [`ManifestError`]: the file can't be read.
pub fn images_in(file: &ManifestFile) -> Result<Vec<HeldImage>, ManifestError> {
    let source = Source::new(file);
    let manifest = Manifest::read(&source, &EditRequest::default())?;
    let sites = manifest.sites.iter().filter(|site| site.says_what_runs());
    Ok(sites.map(|site| manifest.held(site)).collect())
}

/// A file that has been read, and the places in it that hold images.
pub(super) struct Manifest<'f> {
    pub file: &'f ManifestFile,
    pub source: &'f Source<'f>,
    pub stream: Stream<'f>,
    /// Those that the request lets this program look at.
    pub sites: Vec<Site>,
}

impl<'f> Manifest<'f> {
    pub fn read(source: &'f Source<'f>, request: &EditRequest) -> Result<Self, ManifestError> {
        let file = source.file;
        if file.bytes.starts_with(LFS_POINTER) {
            return Err(ManifestError::LfsPointer {
                file: file.path.clone(),
            });
        }
        let stream = Stream::parse(source.bytes())
            .map_err(|error| invalid(&file.path, &file.bytes, error))?;
        if let Err(source) = place::check_names(&stream) {
            let file = file.path.clone();
            return Err(ManifestError::Invalid { file, source });
        }
        let mut sites = find::sites(&stream, &file.path);
        for site in &mut sites {
            let mut lines = site.slots().map(|slot| stream[slot.node].line);
            if lines.any(|line| source.has_template(line)) && site.passes().is_none() {
                drop(lines);
                site.obstruct(Obstacle::Template);
            }
        }
        sites.retain(|site| place::is_within(&stream, site.node, &request.resources));
        if !request.paths.is_empty() {
            // Where images live is said by `path`; only containers can still be named.
            sites.retain(|site| site.container.is_some());
            sites.iter_mut().for_each(Site::answer_to_container_only);
        }
        Ok(Self {
            file,
            source,
            stream,
            sites,
        })
    }

    pub fn holds(&self, assignment: &ImageAssignment) -> bool {
        self.sites.iter().any(|site| site.is_meant_by(assignment))
    }

    /// The image of `site`, as a person is told of it.
    pub fn held(&self, site: &Site) -> HeldImage {
        HeldImage {
            file: self.file.path.clone(),
            line: self.line(site.node),
            resource: self.resource(site.node),
            container: site.container.clone(),
            place: Place::of(&self.stream, site.node),
            image: site.text.clone(),
        }
    }

    /// The line that `node` begins on.
    pub fn line(&self, node: NodeId) -> usize {
        self.stream[node].line
    }

    /// What a person calls the object that `node` belongs to.
    pub fn resource(&self, node: NodeId) -> String {
        let stream = &self.stream;
        if let Some(object) = Object::around(stream, node) {
            return object.to_string();
        }
        let root = stream.ancestors(node).last();
        let kind = root.and_then(|root| stream.value(stream.get(root, "kind")?));
        kind.unwrap_or_else(|| self.file.path.file_name())
            .to_owned()
    }
}

/// The error for a file that does not parse.
fn invalid(file: &RepoPath, bytes: &[u8], source: ParseError) -> ManifestError {
    let file = file.clone();
    let is_syntax = matches!(source, ParseError::Syntax { .. });
    match template_line(bytes) {
        Some(line) if is_syntax => ManifestError::Template { file, line },
        _ => ManifestError::Invalid { file, source },
    }
}

/// The first line with a `{{` that is neither quoted nor in a comment, from 1.
fn template_line(bytes: &[u8]) -> Option<usize> {
    let text = String::from_utf8_lossy(bytes);
    let is_template = |line: &str| {
        line.split_once("{{")
            .is_some_and(|(before, _)| !before.contains(['"', '\'', '#']))
    };
    Some(1 + text.lines().position(is_template)?)
}
