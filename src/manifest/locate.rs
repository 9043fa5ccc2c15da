//! Places that the user names by YAML paths.

use std::collections::HashSet;

use crate::files::RepoPath;
use crate::image::ImageReference;
use crate::limits::shortened;
use crate::nearest::alike;
use crate::yaml::path::{Missed, MissedReason, Path, Step, parted, path_of};
use crate::yaml::{Content, NodeId, Stream};

use super::error::{self, ManifestError, PathEnd};
use super::file::Manifest;
use super::find;
use super::place::{self, Object};
use super::request::{DocumentSelector, EditRequest, ResourceFilter, YamlPath};
use super::source::{self, shown};

/// Adds the sites that the lines of `path` name. With one image to write, whatever stands there is
/// replaced; with several, each finds its place by the repository. Gives what a person should be warned of.
pub(super) fn add_sites_on_paths(
    manifests: &mut [Manifest<'_>],
    request: &EditRequest,
) -> Result<Vec<String>, ManifestError> {
    let images = named_by_repository(request);
    let mut warnings = Vec::new();
    for path in &request.paths {
        for (number, node) in find(manifests, path, &request.resources)? {
            let Some(manifest) = manifests.get_mut(number) else {
                continue;
            };
            if path.path.chooses_by_its_end()
                && let Some(address) = manifest.address(node)
            {
                let (file, line) = (&manifest.file.path, manifest.line(node));
                warnings.push(format!(
                    "{file} line {line}: the path {path} chooses the item by the very value that changes, and leads there once: write `path: {address}`"
                ));
            }
            add_named(manifest, node, &images);
        }
    }
    Ok(warnings)
}

/// Adds to `after`, the result, the sites that the user has named in `before`: those that a path of the request
/// still leads to, and else what is at the same position, since an edit may change the very value that a path
/// chooses an item by.
pub(super) fn add_same_sites(
    after: &mut [Manifest<'_>],
    before: &[Manifest<'_>],
    request: &EditRequest,
) {
    let images = named_by_repository(request);
    for path in &request.paths {
        // A path may lead to other files only.
        for (number, node) in find(after, path, &request.resources).unwrap_or_default() {
            if let Some(manifest) = after.get_mut(number) {
                add_named(manifest, node, &images);
            }
        }
    }
    for (after, before) in after.iter_mut().zip(before) {
        let named = before.sites.iter().filter(|site| site.is_named);
        if after.sites.iter().filter(|site| site.is_named).count() >= named.clone().count() {
            continue;
        }
        for site in named {
            let root = after.stream.roots().get(before.stream.document(site.node));
            let way = path_of(&before.stream, site.node);
            if let Some(node) = root.and_then(|root| way.find(&after.stream, *root).ok()) {
                add_named(after, node, &images);
            }
        }
    }
}

/// The images that are asked for without a container.
fn named_by_repository(request: &EditRequest) -> Vec<&ImageReference> {
    let lines = request.images.iter();
    let lines = lines.filter(|line| line.container.is_none());
    lines.map(|line| &line.image).collect()
}

/// Adds the site at `node`, which the user has named to have one of `images` there.
fn add_named(manifest: &mut Manifest<'_>, node: NodeId, images: &[&ImageReference]) {
    let mut site = find::named(&manifest.stream, &manifest.file.path, node, images);
    if let [_] = images {
        site.answer_to_any();
    } else if site.is_version_only()
        && let Some(image) = find::tag_is_of(&manifest.stream, site.node, images)
    {
        site.answer_to(image);
    }
    // Two paths may lead to one place, and a container may have been named as well.
    manifest.sites.retain(|other| other.node != site.node);
    manifest.sites.push(site);
}

/// The node that `path` leads to in each file that has one, with the file's number.
///
/// # Errors
/// No file has one, or one file has it in several documents.
fn find(
    manifests: &[Manifest<'_>],
    path: &YamlPath,
    filters: &[ResourceFilter],
) -> Result<Vec<(usize, NodeId)>, ManifestError> {
    let mut found = Vec::new();
    // The attempt that came furthest, of all documents of all files.
    let mut nearest: Option<(&Manifest<'_>, Missed)> = None;
    let line = |number: usize, node| manifests.get(number).map_or(1, |found| found.line(node));
    for (number, manifest) in manifests.iter().enumerate() {
        if manifest.nested.is_some() {
            continue;
        }
        let stream = &manifest.stream;
        let mut in_file = Vec::new();
        for root in documents(stream, path.document.as_ref(), filters) {
            match follow(manifests, number, root, &path.path) {
                Ok(place) => in_file.push((root, place)),
                Err((manifest, missed)) => {
                    let is_nearer =
                        |(_, other): &(&Manifest<'_>, Missed)| missed.steps > other.steps;
                    if nearest.as_ref().is_none_or(is_nearer) {
                        nearest = Some((manifest, missed));
                    }
                }
            }
        }
        match in_file.as_slice() {
            [] => {}
            [(_, one)] => found.push(*one),
            several => {
                let places = several.iter();
                let places = places.map(|(root, (number, node))| (*root, line(*number, *node)));
                return Err(ambiguous(manifest, path, &places.collect::<Vec<_>>()));
            }
        }
    }
    match nearest {
        _ if !found.is_empty() => Ok(found),
        Some((manifest, missed)) => Err(nothing_at(manifest, path, &missed)),
        None => Err(no_document(manifests, path, filters)),
    }
}

/// The error for a path that leads to places in several documents of a file: their roots, and the lines.
pub(super) fn ambiguous(
    manifest: &Manifest<'_>,
    path: &YamlPath,
    places: &[(NodeId, usize)],
) -> ManifestError {
    let stream = &manifest.stream;
    let objects: Vec<(NodeId, Object)> = Object::all(stream).collect();
    let by_name = places.iter().map(|(root, _)| {
        let mut objects = objects.iter();
        let (_, object) = objects.find(|(node, _)| node == root)?;
        Some(object.to_string())
    });
    let by_number = places.iter().map(|(root, _)| {
        let mut roots = stream.roots().iter();
        roots.position(|own| own == root).map(|n| n.to_string())
    });
    let is_unique = |names: &Vec<String>| names.iter().collect::<HashSet<_>>().len() == names.len();
    let by_name: Option<Vec<String>> = by_name.collect();
    let by_name = by_name.filter(|names| is_unique(names) && path.document.is_none());
    let documents = by_name.or_else(|| by_number.collect());
    let documents = documents.unwrap_or_default().into_iter();
    ManifestError::AmbiguousPath {
        file: manifest.file.path.clone(),
        path: path.to_string(),
        lines: places.iter().map(|(_, line)| *line).collect(),
        meant: documents
            .map(|document| format!("{document}:{}", path.path))
            .collect(),
    }
}

/// The error for a path before which a document is named that there is not, among those that `filters` choose.
pub(super) fn no_document(
    manifests: &[Manifest<'_>],
    path: &YamlPath,
    filters: &[ResourceFilter],
) -> ManifestError {
    let files = manifests
        .iter()
        .filter(|manifest| manifest.nested.is_none());
    let held = match &path.document {
        Some(DocumentSelector::Index(_)) => {
            let count = files.map(|manifest| manifest.stream.roots().len());
            let count = count.max().unwrap_or_default();
            (0..count)
                .map(|number| format!("document {number}"))
                .collect()
        }
        selector => {
            let wanted = selector.as_ref().map(ToString::to_string);
            let objects = files.flat_map(|manifest| Object::all(&manifest.stream));
            let is_chosen = |object: &Object| {
                filters.is_empty() || filters.iter().any(|filter| object.is_chosen_by(filter))
            };
            let objects = objects.filter(|(_, object)| is_chosen(object));
            let names = objects.map(|(_, object)| object.to_string());
            error::nearest_texts(names, &wanted.unwrap_or_default())
        }
    };
    ManifestError::NoDocument {
        path: path.to_string(),
        files: paths(manifests),
        held,
    }
}

/// The node that `path` leads to from `root` of the manifest with this number, and the number of the one that it
/// is in: the path goes on in texts that are documents of their own.
fn follow<'m, 'f>(
    manifests: &'m [Manifest<'f>],
    mut number: usize,
    mut root: NodeId,
    path: &Path,
) -> Result<(usize, NodeId), (&'m Manifest<'f>, Missed)> {
    let (mut manifest, mut steps) = (&manifests[number], 0);
    loop {
        let missed = match path.find_from(&manifest.stream, root, steps) {
            Ok(node) => return Ok((number, node)),
            Err(missed) => missed,
        };
        let text = inside(manifests, number, missed.node);
        let roots = text.and_then(|(_, text)| text.stream.roots().first());
        let (Some((inner, text)), Some(first)) = (text, roots) else {
            return Err((manifest, missed));
        };
        (number, manifest, root, steps) = (inner, text, *first, missed.steps);
    }
}

/// The text at `node` of the manifest with this number, if it is a document of its own.
fn inside<'m, 'f>(
    manifests: &'m [Manifest<'f>],
    number: usize,
    node: NodeId,
) -> Option<(usize, &'m Manifest<'f>)> {
    let mut all = manifests.iter().enumerate();
    all.find(|(_, manifest)| {
        let nested = manifest.nested.as_ref();
        nested.is_some_and(|nested| (nested.outer, nested.node) == (number, node))
    })
}

/// The roots of what a path may be about: of documents, or of the objects that are chosen, which may be
/// items of a `List`.
pub(super) fn documents(
    stream: &Stream<'_>,
    selector: Option<&DocumentSelector>,
    filters: &[ResourceFilter],
) -> Vec<NodeId> {
    let chosen_by = |filters: &[ResourceFilter]| -> Vec<NodeId> {
        let objects = Object::all(stream);
        let chosen = objects.filter(|(_, object)| filters.iter().any(|f| object.is_chosen_by(f)));
        chosen.map(|(node, _)| node).collect()
    };
    let mut roots = match selector {
        Some(DocumentSelector::Resource(filter)) => chosen_by(std::slice::from_ref(filter)),
        Some(DocumentSelector::Index(index)) => {
            let index = match usize::try_from(*index) {
                Ok(index) => Some(index),
                Err(_) => stream.roots().len().checked_sub(index.unsigned_abs()),
            };
            let root = index.and_then(|index| stream.roots().get(index));
            root.copied().into_iter().collect()
        }
        None if filters.is_empty() => stream.roots().to_vec(),
        None => chosen_by(filters),
    };
    roots.retain(|root| place::is_within(stream, *root, filters));
    roots
}

/// The error for a path that leads nowhere: how far it came, and what is there.
fn nothing_at(manifest: &Manifest<'_>, path: &YamlPath, missed: &Missed) -> ManifestError {
    let stream = &manifest.stream;
    let meant = meant(stream, missed, &path.path).into_iter();
    let mut meant: Vec<YamlPath> = meant.map(|meant| path.at(meant)).collect();
    if meant.is_empty() && missed.steps == 0 {
        meant.extend(behind_object(manifest, path));
    }
    let end = PathEnd {
        line: manifest.line(missed.node),
        reached: path.path.up_to(missed.steps).to_string(),
        there: what_is_at(stream, missed, &path.path),
        meant: meant.iter().map(ToString::to_string).collect(),
        can_be_made: false,
    };
    ManifestError::NothingAt {
        file: manifest.file.path.clone(),
        path: path.to_string(),
        end: Box::new(end),
    }
}

/// The path that is meant by one whose first key is an object that is there, without the colon behind it.
pub(super) fn behind_object(manifest: &Manifest<'_>, path: &YamlPath) -> Option<YamlPath> {
    let meant = path.behind_object()?;
    let is_there = !documents(&manifest.stream, meant.document.as_ref(), &[]).is_empty();
    is_there.then_some(meant)
}

/// The paths that may have been meant by one that leads nowhere: its step there is like another one that leads on,
/// or means several items.
pub(super) fn meant(stream: &Stream<'_>, missed: &Missed, path: &Path) -> Vec<Path> {
    let Some(step) = path.steps().get(missed.steps) else {
        return Vec::new();
    };
    if let Some(meant) = in_other_notation(stream, missed, path) {
        return vec![meant];
    }
    let (wanted, there): (&str, Vec<&str>) = match (stream.content(missed.node), step) {
        (Content::Mapping(pairs), Step::Key(wanted)) => {
            let keys = pairs.filter_map(|(key, _)| stream.value(key));
            (wanted, keys.collect())
        }
        (Content::Sequence(items), Step::Field { key, value }) => {
            let field = |item| stream.value(stream.get(item, key)?);
            if let MissedReason::Ambiguous(_) = missed.reason {
                let items = items.zip(0..);
                let items = items.filter(|(item, _)| field(*item) == Some(value));
                let steps = items.map(|(_, index)| Step::Index(index));
                let paths = steps.map(|step| path.with_step(missed.steps, step));
                return paths.take(error::LISTED).collect();
            }
            (value, items.filter_map(field).collect())
        }
        _ => return Vec::new(),
    };
    let there = there.into_iter().filter(|text| !source::is_template(text));
    let Some(near) = alike(wanted, there).first().map(|near| (*near).to_owned()) else {
        return Vec::new();
    };
    let step = match step {
        // What is chosen by the value that changes has another one now.
        Step::Field { key, .. } if path.from(missed.steps).chooses_by_its_end() => {
            let has_it = |item| {
                let field = stream.get(item, key).and_then(|node| stream.value(node));
                field == Some(near.as_str())
            };
            let index = stream.items(missed.node).position(has_it);
            Step::Index(
                index
                    .and_then(|index| index.try_into().ok())
                    .unwrap_or_default(),
            )
        }
        Step::Field { key, .. } => Step::Field {
            key: key.clone(),
            value: near,
        },
        _ => Step::Key(near),
    };
    vec![path.with_step(missed.steps, step)]
}

/// The path that leads on, if the one that was given is it in another notation.
pub(super) fn in_other_notation(stream: &Stream<'_>, missed: &Missed, path: &Path) -> Option<Path> {
    let meant = parted_at_slashes(stream, missed, path);
    meant.or_else(|| joined_by_dots(stream, missed, path))
}

/// The path with the parts of a key that slashes part as its steps, as JSON Pointer has it, if that leads on.
fn parted_at_slashes(stream: &Stream<'_>, missed: &Missed, path: &Path) -> Option<Path> {
    let Step::Key(key) = path.steps().get(missed.steps)? else {
        return None;
    };
    let meant = path.with_steps(missed.steps, 1, parted(key).collect());
    let is_other = key.contains('/') && meant.steps().len() > missed.steps;
    let leads_on = || meant.find_from(stream, missed.node, missed.steps).is_ok();
    (is_other && leads_on()).then_some(meant)
}

/// The path with several keys as the one that has dots in it, if that is there.
fn joined_by_dots(stream: &Stream<'_>, missed: &Missed, path: &Path) -> Option<Path> {
    let rest = path.steps().get(missed.steps..)?;
    let keys = rest.iter().map_while(|step| match step {
        Step::Key(key) => Some(key.as_str()),
        _ => None,
    });
    let keys: Vec<&str> = keys.collect();
    (2..=keys.len()).find_map(|count| {
        let joined = keys.get(..count)?.join(".");
        stream.get(missed.node, &joined)?;
        Some(path.with_steps(missed.steps, count, vec![Step::Key(joined)]))
    })
}

/// What a person finds where a path ended: `has the keys …`.
pub(super) fn what_is_at(stream: &Stream<'_>, missed: &Missed, path: &Path) -> String {
    let step = path.steps().get(missed.steps);
    let wanted = step.map(ToString::to_string).unwrap_or_default();
    match (stream.content(missed.node), &missed.reason) {
        (Content::Alias { name, target }, _) => format!(
            "is the alias `*{name}`; what it stands for is written at its anchor on line {}",
            stream[target].line()
        ),
        (_, MissedReason::Ambiguous(count)) => {
            format!("has {count} items that {wanted} means: choose one by its index")
        }
        (Content::Mapping(pairs), _) => {
            let keys = pairs.filter_map(|(key, _)| stream.value(key));
            let keys = error::nearest_texts(keys.map(|key| shown(key).into_owned()), &wanted);
            format!("has the keys {}", error::listed(&keys))
        }
        (Content::Sequence(items), _) => match step {
            Some(Step::Field { key, .. }) => {
                let fields = items
                    .filter_map(|item| stream.value(stream.get(item, key)?))
                    .map(|field| shown(field).into_owned());
                let fields = error::nearest_texts(fields, &wanted);
                format!("is a list in which {key} is {}", error::listed(&fields))
            }
            _ => format!(
                "is a list of {}: choose one as in [0] or [name=web], or append one with [+]",
                match items.count() {
                    1 => "1 item".to_owned(),
                    count => format!("{count} items"),
                }
            ),
        },
        (Content::Scalar(scalar), _) if scalar.value.is_empty() => "is empty".to_owned(),
        (Content::Scalar(scalar), _) => {
            let first_line = shown(scalar.value.lines().next().unwrap_or_default());
            format!("is the value {:?}", shortened(&first_line, 60))
        }
    }
}

/// The paths of the files that were searched.
pub(super) fn paths(manifests: &[Manifest<'_>]) -> Vec<RepoPath> {
    let files = manifests
        .iter()
        .filter(|manifest| manifest.nested.is_none());
    files.map(|manifest| manifest.file.path.clone()).collect()
}
