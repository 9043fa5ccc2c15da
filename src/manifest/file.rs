//! A file as it is in Git, and as it is read.

use super::error::{HeldImage, ManifestError};
use super::find;
use super::place::{self, Object, Place};
use super::request::{EditRequest, ImageAssignment, ResourceFilter};
use super::site::Site;
use super::source::{self, ManifestFile, Source};
use super::write::Obstacle;
use crate::files::RepoPath;
use crate::limits::{ALL_NODES, Exceeded, FILES, IMAGES};
use crate::yaml::path::{Path, path_of};
use crate::yaml::{NodeId, ParseError, Role, Stream};

/// How a file begins that Git LFS keeps elsewhere (git-lfs, docs/spec.md).
const LFS_POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

/// The images that `file` says are run, in the order of the text, once for each place.
///
/// # Errors
/// [`ManifestError`]: the file can't be read.
pub fn images_in(file: &ManifestFile) -> Result<Vec<HeldImage>, ManifestError> {
    told_of(file, |manifests| {
        let sites = sites_of(manifests).filter(|(_, site)| site.says_what_runs());
        sites
            .map(|(number, site)| manifests[number].held(site))
            .collect()
    })
}

/// What `tell` says of all that is read of `file`.
pub(super) fn told_of<T>(
    file: &ManifestFile,
    tell: impl FnOnce(&[Manifest<'_>]) -> T,
) -> Result<T, ManifestError> {
    let request = EditRequest::default();
    let source = Source::new(file);
    let manifest = [Manifest::read(&source, &request)?];
    let texts = Text::all(&manifest, &request)?;
    Ok(tell(&with_texts(manifest.into(), &texts, &request)?))
}

/// The places of all that is read of a file, in their order, each with the number of what it is in.
pub(super) fn sites_of<'m>(
    manifests: &'m [Manifest<'_>],
) -> impl Iterator<Item = (usize, &'m Site)> {
    let read = manifests.iter().enumerate();
    read.flat_map(|(number, manifest)| manifest.sites.iter().map(move |site| (number, site)))
}

/// A file that has been read, and the places in it that hold images.
pub(super) struct Manifest<'f> {
    pub file: &'f ManifestFile,
    pub source: &'f Source<'f>,
    pub stream: Stream<'f>,
    /// Those that the request lets this program look at.
    pub sites: Vec<Site>,
    /// Where it is, if it is a text inside of a file.
    pub nested: Option<Nested>,
}

/// Where a text is that is a document of its own, such as Argo CD's `helm.values: |`.
#[derive(Debug, Clone)]
pub(super) struct Nested {
    /// The number of what is around it, of all that is read.
    pub outer: usize,
    /// The scalar that it is.
    pub node: NodeId,
    /// How many of the file's lines come before it.
    lines: usize,
    /// The file's document that it is in, where that has several.
    document: Option<usize>,
    /// Whether it is in another document than the first of a text that has several.
    is_behind: bool,
    /// The way to it.
    path: String,
    place: Place,
    /// What it belongs to.
    resource: String,
    /// Whether the request is about all of it.
    is_chosen: bool,
}

impl Nested {
    /// Where the text at `node` of this text is, which is read as number `outer`.
    fn around(
        &self,
        outer: usize,
        stream: &Stream<'_>,
        node: NodeId,
        filters: &[ResourceFilter],
    ) -> Self {
        let object = Object::around(stream, node);
        let path = path_of(stream, node);
        Self {
            outer,
            node,
            lines: self.lines,
            document: self.document,
            is_behind: self.is_behind || stream.document(node) > 0,
            path: format!("{}{path}", self.path),
            place: Place::of(stream, node).inside(&self.place),
            resource: object.map_or(self.resource.clone(), |object| object.to_string()),
            is_chosen: self.is_chosen || place::is_within(stream, node, filters),
        }
    }
}

/// Such a text, to be read as a file is.
pub(super) struct Text {
    nested: Nested,
    source: Source<'static>,
}

impl Text {
    /// The texts inside of `manifests`, and those inside of these; each behind what is around it.
    ///
    /// # Errors
    /// When there are more than files may be read.
    pub fn all(
        manifests: &[Manifest<'_>],
        request: &EditRequest,
    ) -> Result<Vec<Self>, ManifestError> {
        let mut texts = Vec::new();
        for (number, manifest) in manifests.iter().enumerate() {
            let outer = number + texts.len();
            let around = |stream: &Stream<'_>, node: NodeId| Nested {
                outer,
                node,
                lines: 0,
                document: document(stream, node),
                is_behind: false,
                path: path_of(stream, node).to_string(),
                place: Place::of(stream, node),
                resource: manifest.resource(node),
                is_chosen: place::is_within(stream, node, &request.resources),
            };
            let (source, stream) = (manifest.source, &manifest.stream);
            Self::add(&mut texts, source, stream, request, number, &around)?;
        }
        Ok(texts)
    }

    /// Adds the texts inside of `stream`; `before` is how many files have been read before it.
    fn add(
        texts: &mut Vec<Self>,
        source: &Source<'_>,
        stream: &Stream<'_>,
        request: &EditRequest,
        before: usize,
        around: &dyn Fn(&Stream<'_>, NodeId) -> Nested,
    ) -> Result<(), ManifestError> {
        for (node, inside) in stream.insides() {
            let nested = around(stream, node);
            let lines = nested.lines + inside.line(1) - 1;
            let nested = Nested { lines, ..nested };
            let bytes = inside.stream.text().as_bytes().to_vec();
            let path = source.file.path.clone();
            texts.push(Self {
                nested: nested.clone(),
                source: Source::inside(source, ManifestFile { path, bytes }),
            });
            let outer = before + texts.len();
            FILES
                .check(outer as u64)
                .map_err(too_much(&source.file.path))?;
            let around =
                |stream: &Stream<'_>, node| nested.around(outer, stream, node, &request.resources);
            Self::add(texts, source, &inside.stream, request, before, &around)?;
        }
        Ok(())
    }
}

/// How much of what is read is held.
#[derive(Default)]
pub(super) struct Room {
    nodes: u64,
    images: u64,
}

impl Room {
    /// Counts what is held as well from now on.
    pub fn take(&mut self, manifest: &Manifest<'_>) -> Result<(), ManifestError> {
        let file = &manifest.file.path;
        self.nodes += manifest.stream.room() as u64;
        ALL_NODES.check(self.nodes).map_err(too_much(file))?;
        self.take_images(file, manifest.sites.len())
    }

    /// The same of images alone.
    pub fn take_images(&mut self, file: &RepoPath, images: usize) -> Result<(), ManifestError> {
        self.images += images as u64;
        IMAGES.check(self.images).map_err(too_much(file))
    }
}

/// `manifests`, each with the texts inside of it behind it.
pub(super) fn with_texts<'f>(
    manifests: Vec<Manifest<'f>>,
    texts: &'f [Text],
    request: &EditRequest,
) -> Result<Vec<Manifest<'f>>, ManifestError> {
    let mut all = Vec::with_capacity(manifests.len() + texts.len());
    let mut room = Room::default();
    let mut inside = texts.iter().peekable();
    for manifest in manifests {
        room.take(&manifest)?;
        all.push(manifest);
        // What belongs to the next file is around nothing that has been read yet.
        while let Some(text) = inside.next_if(|text| text.nested.outer < all.len()) {
            let manifest = Manifest::read_nested(&text.source, request, Some(&text.nested))?;
            room.take(&manifest)?;
            all.push(manifest);
        }
    }
    Ok(all)
}

impl<'f> Manifest<'f> {
    pub fn read(source: &'f Source<'f>, request: &EditRequest) -> Result<Self, ManifestError> {
        Self::read_nested(source, request, None)
    }

    fn read_nested(
        source: &'f Source<'f>,
        request: &EditRequest,
        nested: Option<&Nested>,
    ) -> Result<Self, ManifestError> {
        let file = &*source.file;
        if file.bytes.starts_with(LFS_POINTER) {
            return Err(ManifestError::LfsPointer {
                file: file.path.clone(),
            });
        }
        let stream = Stream::parse(source.bytes())
            .map_err(|error| invalid(&file.path, &file.bytes, error))?;
        Self::of(source, stream, request, nested)
    }

    /// What `stream` holds, which `source` reads as or is to read as.
    pub fn of(
        source: &'f Source<'f>,
        stream: Stream<'f>,
        request: &EditRequest,
        nested: Option<&Nested>,
    ) -> Result<Self, ManifestError> {
        let file = &*source.file;
        place::check_names(&stream).map_err(too_much(&file.path))?;
        let mut sites = find::sites(&stream, &file.path).map_err(too_much(&file.path))?;
        let templates = source.lines_with_templates(&stream);
        for site in &mut sites {
            let mut lines = site.slots().map(|slot| stream[slot.node].line());
            if lines.any(|line| templates.contains(&line)) && site.passes().is_none() {
                drop(lines);
                site.obstruct(Obstacle::Template);
            }
        }
        let is_chosen = nested.is_some_and(|nested| nested.is_chosen);
        let resources = &request.resources;
        sites.retain(|site| is_chosen || place::is_within(&stream, site.node, resources));
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
            nested: nested.cloned(),
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
            place: self.place(site.node),
            path: String::new(),
            image: site.text.clone(),
        }
    }

    /// The path of the tag, where `site` has nothing else of an image.
    pub fn tag_at(&self, site: &Site) -> Option<String> {
        let tag = site.slots().next().filter(|_| site.is_version_only())?;
        Some(self.path_by_names(tag.node))
    }

    /// The line of the file that `node` begins on.
    pub fn line(&self, node: NodeId) -> usize {
        let before = self.nested.as_ref().map_or(0, |nested| nested.lines);
        before + self.stream[node].line()
    }

    /// The way to `node` from the root of its document.
    pub fn path(&self, node: NodeId) -> String {
        let outer = self.nested.as_ref().map(|nested| nested.path.as_str());
        format!(
            "{}{}",
            outer.unwrap_or_default(),
            path_of(&self.stream, node)
        )
    }

    /// The same, with the items of lists by their names.
    pub fn path_by_names(&self, node: NodeId) -> String {
        let outer = self.nested.as_ref().map(|nested| nested.path.as_str());
        let path = Path::by_names(&self.stream, node).to_string();
        // A name that a template fills in names nothing.
        let path = match source::is_template(&path) {
            true => path_of(&self.stream, node).to_string(),
            false => path,
        };
        format!("{}{path}", outer.unwrap_or_default())
    }

    /// The way to `node` as an input takes it; none where no path leads there.
    pub fn address(&self, node: NodeId) -> Option<String> {
        let (document, is_reached) = match &self.nested {
            Some(nested) => {
                let is_behind = nested.is_behind || self.stream.document(node) > 0;
                (nested.document, !is_behind)
            }
            None => (document(&self.stream, node), true),
        };
        let path = match self.is_name_of_item(node) {
            // A name that changes chooses nothing any more.
            true => self.path(node),
            false => self.path_by_names(node),
        };
        is_reached.then(|| match document {
            Some(document) => format!("{document}:{path}"),
            None => path,
        })
    }

    /// Whether `node` is what an item of a list is chosen by.
    fn is_name_of_item(&self, node: NodeId) -> bool {
        let stream = &self.stream;
        let item = stream[node].parent;
        let is_item = item.is_some_and(|item| matches!(stream[item].role(), Role::Item { .. }));
        is_item && stream.key_of(node) == Some("name")
    }

    /// Where `node` is.
    pub fn place(&self, node: NodeId) -> Place {
        let place = Place::of(&self.stream, node);
        match &self.nested {
            Some(nested) => place.inside(&nested.place),
            None => place,
        }
    }

    /// What a person calls the object that `node` belongs to.
    pub fn resource(&self, node: NodeId) -> String {
        let stream = &self.stream;
        if let Some(object) = Object::around(stream, node) {
            return object.to_string();
        }
        if let Some(nested) = &self.nested {
            return nested.resource.clone();
        }
        let root = stream.ancestors(node).last();
        let kind = root.and_then(|root| stream.value(stream.get(root, "kind")?));
        kind.unwrap_or_else(|| self.file.path.file_name())
            .to_owned()
    }
}

/// The error for a file in which there is more of something than is taken in.
fn too_much(file: &RepoPath) -> impl Fn(Exceeded) -> ManifestError {
    move |exceeded| ManifestError::Invalid {
        file: file.clone(),
        source: exceeded.into(),
    }
}

/// The document that `node` is in, where there are several.
fn document(stream: &Stream<'_>, node: NodeId) -> Option<usize> {
    (stream.roots().len() > 1).then(|| stream.document(node))
}

/// The error for a file that does not parse.
fn invalid(file: &RepoPath, bytes: &[u8], source: ParseError) -> ManifestError {
    let file = file.clone();
    let is_syntax = matches!(source, ParseError::Syntax { .. });
    match template_line(bytes) {
        Some(line) if is_syntax => ManifestError::template(&file, line),
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
