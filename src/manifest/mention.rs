//! Where a file has the text of an image that no place of it holds: what a person sees there, and asks about; and
//! what to write so that the image lands there. What is advised was tried: it can be planned on that file.

use crate::image::{self, ImageReference};
use crate::yaml::{NewValue, NodeId, Role};

use super::error::Mention;
use super::file::Manifest;
use super::find;
use super::keys;
use super::objects;
use super::parts::is_versioned;
use super::request::{EditRequest, ImageAssignment, YamlPath};
use super::source::ManifestFile;
use super::write::{NO_TAG_BESIDE, Obstacle};

/// How many are told of.
const MOST: usize = 5;

/// What a request makes of a file; none where it can't be planned.
pub(super) type Trial = fn(&ManifestFile, &EditRequest) -> Option<ManifestFile>;

/// What is known to whoever advises.
pub(super) struct Advisor<'m, 'f> {
    pub manifests: &'m [Manifest<'f>],
    pub image: &'m ImageReference,
    pub request: &'m EditRequest,
    pub tried: Trial,
}

impl<'m, 'f> Advisor<'m, 'f> {
    /// The texts that name the repository of the image, in the order of the files.
    pub fn mentions(&self) -> Vec<Mention> {
        let mut mentions = self.in_values();
        if mentions.is_empty() {
            mentions = self.told(|manifest| self.in_parts(manifest));
        }
        if mentions.is_empty() && self.request.paths.is_empty() {
            mentions = self.told(|manifest| self.lone_tags(manifest));
        }
        let files = || self.manifests.iter().filter(|m| m.nested.is_none());
        for manifest in files() {
            let of_file = |mention: &Mention| mention.file == manifest.file.path;
            if !mentions.iter().any(of_file) {
                mentions.extend(lines_with(manifest, self.image, position));
            }
        }
        let holds = |manifest: &Manifest<'_>| manifest.sites.iter().any(|s| !s.text.is_empty());
        if mentions.is_empty() && !self.manifests.iter().any(holds) {
            // Whoever sees the word in the file is not told that there is nothing.
            mentions.extend(files().flat_map(|manifest| lines_with(manifest, self.image, word)));
        }
        mentions.truncate(MOST);
        mentions
    }

    /// Those of them that are values.
    pub fn in_values(&self) -> Vec<Mention> {
        self.told(|manifest| self.values(manifest))
    }

    /// What `find` finds in each of the files.
    fn told(&self, find: impl Fn(&'m Manifest<'f>) -> Vec<(NodeId, String)>) -> Vec<Mention> {
        let mentions = self.manifests.iter().flat_map(|manifest| {
            let found = find(manifest).into_iter();
            found.map(|(node, why)| Mention {
                file: manifest.file.path.clone(),
                line: manifest.line(node),
                why,
            })
        });
        mentions.take(MOST).collect()
    }

    /// The values that have the text.
    fn values(&self, manifest: &'m Manifest<'f>) -> Vec<(NodeId, String)> {
        let repository = self.image.repository_as_written();
        let values = texts(manifest)
            .filter(|(_, text)| position(text, repository).is_some())
            .filter(|(node, _)| is_place(manifest, *node));
        let told = values
            .take(MOST)
            .map(|(node, text)| (node, self.why(manifest, node, text)));
        told.collect()
    }

    fn why(&self, manifest: &Manifest<'f>, node: NodeId, text: &str) -> String {
        let (stream, image) = (&manifest.stream, self.image);
        let path = manifest.path_by_names(node);
        if manifest.address(node).is_none() {
            return format!(
                "{path}: in a text of several documents, in which a path leads to the first alone"
            );
        }
        let key = stream.key_of(node).unwrap_or_default();
        match objects::obstacle(stream, node) {
            Some(Obstacle::LookedUp { kind }) => {
                return format!(
                    "{path}: versions are looked up for this {kind}, so nothing is written there"
                );
            }
            Some(Obstacle::Pattern { kind }) => {
                return format!(
                    "{path}: images are checked against it by this {kind}, so nothing is written there"
                );
            }
            _ => {}
        }
        let is_chosen_out = !self.request.resources.is_empty() || !self.request.paths.is_empty();
        if keys::is_image(key) && is_chosen_out {
            let input = match self.request.paths.is_empty() {
                true => "resource",
                false => "path",
            };
            return format!("{path}: `{input}` leaves it out");
        }
        if let Some(line) = self.by_label(manifest, node) {
            return format!("{path}: under another name. Ask for it by that: `image: {line}`");
        }
        let is_whole = image::repository_meant(text).is_some_and(|own| own.same_repository(image));
        if is_whole && is_versioned(text) {
            let what = "the key says nothing of an image";
            let (by_path, step) = (self.path(manifest, node), self.step());
            let by_set = || self.set(manifest, node, &image.to_string());
            return match (by_path, by_set) {
                (Some(line), _) => format!("{path}: {what}. If it is one, {step} `{line}`"),
                (None, by_set) => match by_set() {
                    Some(line) => format!("{path}: {what}. If it is one, use `{line}`{IN_PLACE}"),
                    None => format!("{path}: {what}"),
                },
            };
        }
        let around = stream[node].parent;
        if is_whole && around.is_some_and(|around| objects::is_of_git(stream, around, text)) {
            return format!(
                "{path}: it reads as a repository of Git. If it is that of an image, name the key that holds its tag with `path`"
            );
        }
        if let Some(registry) = is_whole.then(|| registry_beside(manifest, node)).flatten() {
            return format!("{path}: a part of the name {registry}/{text}. Ask for it by that");
        }
        if is_whole {
            return format!(
                "{path}: a name without a tag. {}",
                self.on_name(manifest, node)
            );
        }
        if text.contains('\n') {
            return format!("{path}: in a text of several lines, which is not edited");
        }
        // What stands in front of a reference belongs to it, such as `oci://`.
        let is_bare = !text.contains("://");
        if keys::is_image(key) && is_bare {
            let line = self.set(manifest, node, &image.to_string());
            return match line {
                Some(line) => format!(
                    "{path}: what is there can't be read as an image. Correct it once, with `{line}`{IN_PLACE}"
                ),
                None => format!("{path}: what is there can't be read as an image"),
            };
        }
        if keys::is_repository(key) && is_bare {
            let line = self.set(manifest, node, image.repository_as_written());
            return match line {
                Some(line) => format!(
                    "{path}: what is there can't be read as a repository. Correct it, with `{line}` in a step before"
                ),
                None => format!("{path}: what is there can't be read as a repository"),
            };
        }
        let new = replaced(text, image.repository_as_written(), image);
        match new.and_then(|new| self.set(manifest, node, &new)) {
            Some(line) => {
                format!("{path}: in a longer text. To change it, use `{line}`{IN_PLACE}")
            }
            None => match self.beside(manifest, node) {
                Some(beside) => format!("{path}: in a longer text. {beside}"),
                None => format!("{path}: in a longer text"),
            },
        }
    }

    /// The values that make up the repository with what is beside them, or with what fills in its registry.
    fn in_parts(&self, manifest: &'m Manifest<'f>) -> Vec<(NodeId, String)> {
        let texts = texts(manifest)
            .filter(|(_, text)| text.contains(self.image.name()))
            .filter(|(node, _)| is_place(manifest, *node) && manifest.address(*node).is_some());
        let told = texts.filter_map(|(node, text)| {
            let why = self
                .filled_in(manifest, node, text)
                .or_else(|| self.joined(manifest, node, text))?;
            Some((node, why))
        });
        told.take(MOST).collect()
    }

    /// The tags that stand alone, and by the names on the way are those of what is asked for.
    fn lone_tags(&self, manifest: &'m Manifest<'f>) -> Vec<(NodeId, String)> {
        let lines = self.request.images.iter();
        let images = lines.filter(|line| line.container.is_none());
        let images: Vec<&ImageReference> = images.map(|line| &line.image).collect();
        let advice = match images.as_slice() {
            [_] => "If it is, add the input",
            _ => {
                "If it is, add it to the input `path`, where each image of the step needs a line then:"
            }
        };
        let sites = manifest.sites.iter().filter(|site| site.is_version_only());
        let told = sites.filter_map(|site| {
            let image = find::tag_is_of(&manifest.stream, site.node, &images)?;
            let of_it = Advisor { image, ..*self };
            let tag = site.slots().next()?.node;
            let line = of_it.path(manifest, tag)?;
            let (path, name) = (manifest.path_by_names(tag), image.repository_as_written());
            Some((
                tag,
                format!(
                    "{path}: a tag alone, by the names on the way one of {name}. {advice} `{line}`"
                ),
            ))
        });
        told.take(MOST).collect()
    }

    /// Of `${REGISTRY}/acme/web:v1`.
    fn filled_in(&self, manifest: &Manifest<'f>, node: NodeId, text: &str) -> Option<String> {
        let (image, path) = (self.image, self.image.path());
        let registry = text.get(..text.find(path)?)?.strip_suffix('/')?;
        let filled = image::placeholder(registry)?;
        let is_all = registry.trim_start_matches("docker://") == filled;
        let new = replaced(text, path, image).filter(|_| is_all)?;
        let line = self.set(manifest, node, &new)?;
        Some(format!(
            "{}: its registry is filled in by something else, {filled}. If that is {}, use `{line}`{IN_PLACE}",
            manifest.path_by_names(node),
            image.registry()
        ))
    }

    /// Of `registry: https://quay.io/` and `repository: /acme/web`, in one mapping or around it.
    fn joined(&self, manifest: &Manifest<'f>, node: NodeId, text: &str) -> Option<String> {
        let (other, _) = find::front_of(&manifest.stream, node, text, self.image)?;
        let path = manifest.path_by_names(node);
        let other = manifest.path_by_names(other);
        let advice = self.beside(manifest, node);
        let advice =
            advice.unwrap_or_else(|| "Name the key that holds the tag with `path`".to_owned());
        Some(format!(
            "{path}: {other} in front makes it this name, and they are not read as one. {advice}"
        ))
    }

    /// The line of `image` for an entry at `node` that has a name of its own: `NAME=IMAGE`.
    fn by_label(&self, manifest: &Manifest<'f>, node: NodeId) -> Option<String> {
        let site = manifest.sites.iter().find(|site| site.node == node)?;
        let label = site.label.as_ref()?;
        let is_it = image::repository_meant(label)?.same_repository(self.image);
        let held: ImageReference = site.text.parse().ok().filter(|_| is_it)?;
        self.asked_for(
            manifest,
            &format!("{label}={}", held.repository_as_written()),
        )
    }

    /// The lines of `image` for what has the name that is asked for behind a registry or an owner.
    pub fn in_full(&self, manifest: &Manifest<'f>) -> Vec<String> {
        let asked = self.image.repository_as_written();
        let is_end = |name: &str| {
            let before = name.strip_suffix(asked);
            before.is_some_and(|before| before.ends_with('/'))
        };
        let lines = manifest.sites.iter().filter_map(|site| {
            let held: ImageReference = site.text.parse().ok()?;
            let held = held.repository_as_written();
            let label = site.label.as_deref().filter(|label| is_end(label));
            match (is_end(held), label) {
                (true, _) => self.asked_for(manifest, held),
                (false, Some(label)) => self.asked_for(manifest, &format!("{label}={held}")),
                (false, None) => None,
            }
        });
        let mut lines: Vec<String> = lines.collect();
        lines.dedup();
        lines
    }

    /// The line of `image` with `name` in place of its own, where that can be planned.
    fn asked_for(&self, manifest: &Manifest<'f>, name: &str) -> Option<String> {
        let version = self.image.to_string();
        let version = version.strip_prefix(self.image.repository_as_written())?;
        let line = format!("{name}{version}");
        let request = EditRequest {
            images: vec![line.parse().ok()?],
            ..self.nothing()
        };
        (self.tried)(self.file(manifest), &request)?;
        Some(line)
    }

    /// What to do about a name without a tag at `node`.
    fn on_name(&self, manifest: &Manifest<'f>, node: NodeId) -> String {
        if let Some(beside) = self.beside(manifest, node) {
            return beside;
        }
        let general = "If the tag is in another key, name that with `path`";
        match self.behind(manifest, node) {
            Some(line) => {
                format!("{general}; if it belongs here, write it once, with `{line}`{IN_PLACE}")
            }
            None => general.to_owned(),
        }
    }

    /// The same, for a place that is known to hold an image.
    pub fn on_bare_image(&self, manifest: &Manifest<'f>, node: NodeId) -> String {
        if let Some((place, line)) = self.version_beside(manifest, node) {
            return format!(
                ". If its tag is {place}, beside it, {} `{line}`",
                self.step()
            );
        }
        match self.behind(manifest, node) {
            Some(line) => format!(
                "{NO_TAG_BESIDE}; or, if the tag belongs here, write the image here once, with `{line}`{IN_PLACE}"
            ),
            None => NO_TAG_BESIDE.to_owned(),
        }
    }

    /// What to write where the version of the name at `node` may be beside it.
    fn beside(&self, manifest: &Manifest<'f>, node: NodeId) -> Option<String> {
        let (place, line) = self.version_beside(manifest, node)?;
        Some(match line.starts_with("set: ") {
            true => format!("If its tag is {place}, use `{line}`{IN_PLACE}"),
            false => format!("If its tag is {place}, {} `{line}`", self.step()),
        })
    }

    /// Where the version of the name at `node` may be, of what is beside it, and the line that writes it there.
    fn version_beside(&self, manifest: &Manifest<'f>, node: NodeId) -> Option<(String, String)> {
        let stream = &manifest.stream;
        let (own, beside) = beside(manifest, node)?;
        let is_version = |value: NodeId| {
            let text = stream.value(value);
            text.is_some_and(|t| t.is_empty() || image::is_tag(t) || image::is_digest(t))
        };
        let mut versions = beside.into_iter();
        versions.find_map(|(name, value)| {
            if value == node || !keys::is_version_beside(own, name) || !is_version(value) {
                return None;
            }
            let by_path = self.path(manifest, value);
            let entry = || {
                let is_entry = name == "newTag";
                self.path(manifest, stream[value].parent.filter(|_| is_entry)?)
            };
            let by_set = || self.set(manifest, value, self.image.tag()?);
            let line = by_path.or_else(entry).or_else(by_set)?;
            Some((manifest.path_by_names(value), line))
        })
    }

    /// The line of `set` that writes the whole image at `node`, where a name without a tag is. Only where its key
    /// says that it is all of an image, and the image is read there then.
    fn behind(&self, manifest: &Manifest<'f>, node: NodeId) -> Option<String> {
        let stream = &manifest.stream;
        let (own, beside) = beside(manifest, node)?;
        let list = stream[node].parent.and_then(|list| stream.key_of(list));
        let says_image = keys::is_image(own)
            || keys::mentions_image(own)
            || list.is_some_and(|key| keys::is_images(key) || keys::is_image(key));
        let is_part = beside
            .iter()
            .any(|(name, value)| *value != node && keys::is_front(name));
        if !says_image || is_part {
            return None;
        }
        let line = self.set(manifest, node, &self.image.to_string())?;
        let request = |set: Option<&str>| -> Option<EditRequest> {
            let (images, paths) = match set {
                Some(_) => (Vec::new(), Vec::new()),
                None => (vec![self.wish()], vec![self.address(manifest, node)?]),
            };
            let set = set.map(str::parse).transpose().ok()?;
            let set = set.into_iter().collect();
            Some(EditRequest {
                images,
                paths,
                set,
                ..self.nothing()
            })
        };
        let set = line.strip_prefix("set: ");
        let after = (self.tried)(self.file(manifest), &request(set)?)?;
        let again = (self.tried)(&after, &request(None)?)?;
        (again.bytes == after.bytes).then_some(line)
    }

    /// The line of `path` that leads to `node`, where the image can be written by it.
    fn path(&self, manifest: &Manifest<'f>, node: NodeId) -> Option<String> {
        let path = self.address(manifest, node)?;
        let line = format!("path: {path}");
        let request = EditRequest {
            images: vec![self.wish()],
            paths: vec![path],
            ..self.nothing()
        };
        (self.tried)(self.file(manifest), &request)?;
        Some(line)
    }

    /// The line of `set` that writes `text` at `node`, where it can be written.
    pub fn set(&self, manifest: &Manifest<'f>, node: NodeId, text: &str) -> Option<String> {
        let value = NewValue::Text(text.to_owned()).written();
        let line = format!("{}={value}", manifest.address(node)?);
        let request = EditRequest {
            set: vec![line.parse().ok()?],
            ..self.nothing()
        };
        (self.tried)(self.file(manifest), &request)?;
        Some(format!("set: {line}"))
    }

    fn address(&self, manifest: &Manifest<'f>, node: NodeId) -> Option<YamlPath> {
        manifest.address(node)?.parse().ok()
    }

    /// The line of `image` alone.
    fn wish(&self) -> ImageAssignment {
        ImageAssignment {
            container: None,
            image: self.image.clone(),
        }
    }

    /// What is asked for besides.
    fn nothing(&self) -> EditRequest {
        EditRequest {
            resources: self.request.resources.clone(),
            ..EditRequest::default()
        }
    }

    /// The file that `manifest` is, or is a text of.
    pub fn file(&self, manifest: &Manifest<'f>) -> &'f ManifestFile {
        let outer = |manifest: &Manifest<'f>| {
            let nested = manifest.nested.as_ref()?;
            self.manifests.get(nested.outer)
        };
        let mut file = manifest.file;
        let mut around = outer(manifest);
        while let Some(manifest) = around {
            file = manifest.file;
            around = outer(manifest);
        }
        file
    }

    /// How an input is added that is for one image.
    fn step(&self) -> &'static str {
        match self.request.images.len() {
            1 => "add the input",
            _ => "set it in a step of its own, with the input",
        }
    }
}

/// The end of advice to use another input.
const IN_PLACE: &str = " in place of the line in `image`";

/// The values of a file that may name an image, in the order of the text.
fn texts<'m>(manifest: &'m Manifest<'_>) -> impl Iterator<Item = (NodeId, &'m str)> {
    let stream = &manifest.stream;
    let values = stream
        .nodes()
        .filter(|(_, node)| node.role() != Role::Key && node.role() != Role::Root);
    values.filter_map(|(node, _)| Some((node, stream.value(node)?.trim_end())))
}

/// Whether an image may be written at `node`, or a part of one. What names or selects objects is no such place: to
/// write one there breaks what selects by it.
fn is_place(manifest: &Manifest<'_>, node: NodeId) -> bool {
    let stream = &manifest.stream;
    let mut around = std::iter::once(node).chain(stream.ancestors(node));
    stream.inside(node).is_none()
        && !around.any(|node| stream.key_of(node).is_some_and(keys::selects))
}

/// What `node` is called, and what else is in its mapping, or in its list of names and values.
fn beside<'m>(
    manifest: &'m Manifest<'_>,
    node: NodeId,
) -> Option<(&'m str, Vec<(&'m str, NodeId)>)> {
    let stream = &manifest.stream;
    let around = stream[node].parent?;
    let key = stream.key_of(node).unwrap_or_default();
    let named = |item: NodeId| {
        Some((
            stream.value(stream.get(item, "name")?)?,
            stream.get(item, "value")?,
        ))
    };
    if let Some((own, _)) = named(around).filter(|_| key == "value") {
        let list = stream[around].parent.into_iter();
        let items = list.flat_map(|list| stream.items(list));
        return Some((own, items.filter_map(named).collect()));
    }
    // An `OCIRepository` of Flux has its version below `ref`.
    let below = stream.get(around, "ref").into_iter();
    let below = below.flat_map(|below| stream.pairs(below));
    let pairs = stream.pairs(around).chain(below);
    let pairs = pairs.filter_map(|(key, value)| Some((stream.value(key)?, value)));
    Some((key, pairs.collect()))
}

/// The registry that stands beside the name at `node`, and belongs in front of it.
fn registry_beside<'m>(manifest: &'m Manifest<'_>, node: NodeId) -> Option<&'m str> {
    let (_, beside) = beside(manifest, node)?;
    let mut beside = beside.into_iter().filter(|(_, value)| *value != node);
    let (_, registry) = beside.find(|(key, _)| keys::is_registry(key))?;
    let registry = manifest.stream.value(registry)?.trim_end_matches('/');
    (!registry.is_empty()).then_some(registry)
}

/// `text` with the version of `image` in place of the one behind `name`.
fn replaced(text: &str, name: &str, image: &ImageReference) -> Option<String> {
    let start = match name == image.repository_as_written() {
        true => position(text, name)?,
        false => text.find(name)?,
    };
    let end = start + name.len();
    let behind = text.get(end..)?;
    let is_version =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '@');
    let length = behind.find(|c| !is_version(c)).unwrap_or(behind.len());
    let rest = behind.get(length..)?;
    if !behind.starts_with([':', '@']) || image::placeholder(rest).is_some() {
        return None;
    }
    let whole = image.to_string();
    let version = whole.strip_prefix(image.repository_as_written())?;
    Some(format!("{}{name}{version}{rest}", text.get(..start)?))
}
/// The lines in which `find` sees the repository.
fn lines_with(
    manifest: &Manifest<'_>,
    image: &ImageReference,
    find: fn(&str, &str) -> Option<usize>,
) -> Vec<Mention> {
    let text = String::from_utf8_lossy(&manifest.file.bytes);
    let stream = &manifest.stream;
    let is_text = |root: &NodeId| stream.value(*root).is_some_and(|value| !value.is_empty());
    let is_no_yaml = stream.roots().iter().any(is_text);
    let lines = text.lines().enumerate();
    let lines = lines.filter_map(|(number, line)| {
        let at = find(line, image.repository_as_written())?;
        let is_comment = line.get(..at).is_some_and(|before| before.contains('#'));
        let why = match (is_no_yaml, is_comment) {
            (true, _) => {
                "and the file is neither YAML nor JSON with keys or items: only those are edited"
            }
            (_, true) => "in a comment",
            _ => "not as a value of its own",
        };
        Some(Mention {
            file: manifest.file.path.clone(),
            line: number + 1,
            why: why.to_owned(),
        })
    });
    lines.collect()
}

/// Where `text` names `repository`, in any case, and not a longer one. A single word says too little without a version.
fn position(text: &str, repository: &str) -> Option<usize> {
    let continues = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    let same_case = [text, repository].map(str::to_ascii_lowercase);
    let mut found = same_case[0].match_indices(&same_case[1]);
    let found = found.find(|(at, _)| {
        let before = text.get(..*at).unwrap_or_default();
        let behind = text.get(at + repository.len()..).unwrap_or_default();
        let is_start = before.ends_with("://") || !before.ends_with(continues);
        let is_end = match repository.contains('/') {
            true => !behind.starts_with(continues),
            false => {
                let is_all = before.is_empty() && behind.is_empty();
                is_all || (behind.starts_with([':', '@']) && !behind.starts_with(": "))
            }
        };
        is_start && is_end
    });
    found.map(|(at, _)| at)
}

/// Where `text` has the word that `repository` is, in any case.
fn word(text: &str, repository: &str) -> Option<usize> {
    let continues = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    let same_case = [text, repository].map(str::to_ascii_lowercase);
    let mut found = same_case[0].match_indices(&same_case[1]).map(|(at, _)| at);
    found.find(|at| {
        let before = text.get(..*at).unwrap_or_default();
        let behind = text.get(at + repository.len()..).unwrap_or_default();
        !before.ends_with(continues) && !behind.starts_with(continues)
    })
}
