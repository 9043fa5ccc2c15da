//! What is to become of one file, put together line by line of the request.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};

use crate::image::ImageReference;
use crate::yaml::{self, Content, Edit, EditError, NewValue, NodeId, Stream};

use super::change::{ImageChange, Note, Plan, ValueChange};
use super::elsewhere;
use super::error::ManifestError;
use super::file::Manifest;
use super::guard;
use super::request::ImageAssignment;
use super::site::Site;
use super::source::{ManifestFile, TemplateLost};
use super::template;
use super::write::{Obstacle, Shared, Written};

/// The edits of one file, and what they mean to a person.
#[derive(Default)]
pub(super) struct Targets<'r> {
    /// What each scalar shall be.
    scalars: BTreeMap<NodeId, NewValue>,
    additions: Vec<Edit>,
    /// What is written at anchors, with what the site is called that wants it.
    shared: Vec<(Shared, String)>,
    /// The aliases and merge keys by which sites that are meant read something.
    users: HashSet<NodeId>,
    images: Vec<Wanted<'r>>,
    values: Vec<ValueChange>,
    notes: Vec<Note>,
    warnings: Vec<String>,
}

/// An image that a site shall hold.
pub(super) struct Wanted<'r> {
    /// Which of the file's sites it is, by its node.
    pub node: NodeId,
    pub assignment: &'r ImageAssignment,
    pub change: ImageChange,
}

impl<'r> Targets<'r> {
    /// Has `site` hold the image that `assignment` asks for.
    pub fn add_image(
        &mut self,
        manifest: &Manifest<'_>,
        site: &Site,
        assignment: &'r ImageAssignment,
    ) -> Result<(), ManifestError> {
        let Written {
            edits,
            shared,
            new,
            old,
            note,
        } = site
            .write(&manifest.stream, assignment)
            .map_err(|obstacle| unwritable(manifest, site, obstacle, &assignment.image))?;
        self.warnings
            .extend(elsewhere::told_of_pins(manifest, site, &assignment.image));
        self.warnings.extend(elsewhere::told_of_registry(
            manifest,
            site,
            &assignment.image,
        ));
        for edit in edits {
            self.add(edit).map_err(|node| overlap(manifest, node))?;
        }
        let shared = shared.into_iter();
        self.shared
            .extend(shared.map(|shared| (shared, described(site))));
        let users = site.slots().filter(|slot| !slot.is_own());
        self.users.extend(users.map(|slot| slot.node));
        if let Some(text) = note {
            self.notes.push(Note {
                file: manifest.file.path.clone(),
                line: manifest.line(site.node),
                text,
            });
        }
        let change = ImageChange {
            file: manifest.file.path.clone(),
            line: manifest.line(site.node),
            resource: manifest.resource(site.node),
            container: site.container.clone(),
            place: manifest.place(site.node),
            tag_at: manifest.tag_at(site),
            old: old.unwrap_or_else(|| site.shown(&assignment.image)),
            new,
        };
        self.images.push(Wanted {
            node: site.node,
            assignment,
            change,
        });
        Ok(())
    }

    /// The images so far.
    pub fn images(&self) -> &[Wanted<'r>] {
        &self.images
    }

    /// Whether nothing is meant, not even to stay.
    pub fn is_empty(&self) -> bool {
        self.images.is_empty() && self.values.is_empty()
    }

    /// What is written at an anchor is, where all that read it are meant; else others would change along.
    fn settle_shared(&mut self, manifest: &Manifest<'_>) -> Result<(), ManifestError> {
        let shared = std::mem::take(&mut self.shared);
        if shared.is_empty() {
            return Ok(());
        }
        let others = Others::of(self, manifest);
        for (Shared { user, source, text }, site) in shared {
            let value = NewValue::Text(text.clone());
            match self.scalars.get(&source) {
                Some(NewValue::Text(other)) if *other == text => continue,
                // A number would be read as another one, `1.1` for `1.10`.
                Some(NewValue::Plain(other)) if *other == text => {
                    self.scalars.insert(source, value);
                    continue;
                }
                Some(_) => return Err(overlap(manifest, source)),
                None => {}
            }
            let others = others.reading(manifest, source);
            if others.is_empty() {
                self.scalars.insert(source, value);
                continue;
            }
            let word = if others.len() == 1 { "line" } else { "lines" };
            let obstacle = Obstacle::Shared {
                line: manifest.line(source),
                others: format!("{word} {}", others.join(", ")),
                path: manifest
                    .address(source)
                    .unwrap_or_else(|| manifest.path(source)),
                value: value.written(),
            };
            return Err(ManifestError::Unwritable {
                file: manifest.file.path.clone(),
                line: manifest.line(user),
                site,
                obstacle: Box::new(obstacle),
            });
        }
        Ok(())
    }

    /// Has the file say what a line of `set` or `remove` asks for.
    pub fn add_value(
        &mut self,
        edit: Option<Edit>,
        change: ValueChange,
    ) -> Result<(), ManifestError> {
        if let Some(edit) = edit {
            self.add(edit).map_err(|_| ManifestError::Overlap {
                file: change.file.clone(),
                line: change.line,
                path: change.path.clone(),
            })?;
        }
        self.values.push(change);
        Ok(())
    }

    /// Adds `edit`, unless another line wants something else there: what that is about.
    fn add(&mut self, edit: Edit) -> Result<(), NodeId> {
        let Edit::Set { node, value } = edit else {
            return Edit::join(&mut self.additions, edit);
        };
        match self.scalars.entry(node) {
            Entry::Vacant(entry) => {
                entry.insert(value);
            }
            Entry::Occupied(mut entry) => {
                if !entry.get_mut().merge(value) {
                    return Err(node);
                }
            }
        }
        Ok(())
    }

    /// Has the text at `node`, which is a document of its own, be edited.
    pub fn add_inside(&mut self, node: NodeId, edits: Vec<Edit>) {
        if !edits.is_empty() {
            self.additions.push(Edit::Inside { node, edits });
        }
    }

    /// The edits that make the targets so, and everything else into `plan`.
    pub fn finish(
        mut self,
        manifest: &Manifest<'_>,
        plan: &mut Plan,
    ) -> Result<Vec<Edit>, ManifestError> {
        self.settle_shared(manifest)?;
        self.add_notes_on_aliases(manifest);
        let removed = self.additions.iter().filter_map(|edit| match edit {
            Edit::Remove { node } => Some(*node),
            _ => None,
        });
        guard::refuse_encrypted(manifest, self.scalars.keys().copied().chain(removed))?;
        self.images.sort_by_key(|wanted| wanted.node);
        plan.images
            .extend(self.images.into_iter().map(|wanted| wanted.change));
        plan.values.extend(self.values);
        plan.notes.extend(self.notes);
        plan.warnings.extend(self.warnings);
        let scalars = self.scalars.into_iter();
        let scalars = scalars.map(|(node, value)| Edit::Set { node, value });
        Ok(scalars.chain(self.additions).collect())
    }

    /// What carries an anchor, or is inside of something that does, changes wherever an alias names
    /// that anchor. Where such an alias is no target itself, a person should know.
    fn add_notes_on_aliases(&mut self, manifest: &Manifest<'_>) {
        let stream = &manifest.stream;
        let mut anchors: BTreeMap<NodeId, Vec<String>> = self
            .scalars
            .iter()
            .filter(|(node, value)| match value {
                NewValue::Text(new) | NewValue::Plain(new) => stream.value(**node) != Some(new),
                NewValue::Written(_)
                | NewValue::Source(_)
                | NewValue::Mapping(_)
                | NewValue::List(_) => true,
            })
            .map(|(node, _)| *node)
            .chain(self.additions.iter().map(Edit::node))
            .flat_map(|node| stream.ancestors(node))
            .filter(|node| stream[*node].anchored)
            .map(|node| (node, Vec::new()))
            .collect();
        if anchors.is_empty() {
            return;
        }
        for (id, _) in stream.nodes() {
            let is_target = self.users.contains(&id);
            if let Content::Alias { target, .. } = stream.content(id)
                && let Some(lines) = anchors.get_mut(&target)
                && !is_target
            {
                lines.push(manifest.line(id).to_string());
            }
        }
        for (anchor, lines) in anchors.iter().filter(|(_, lines)| !lines.is_empty()) {
            let word = if lines.len() == 1 { "line" } else { "lines" };
            self.notes.push(Note {
                file: manifest.file.path.clone(),
                line: manifest.line(*anchor),
                text: format!(
                    "this carries an anchor, so its aliases change with it: {word} {}",
                    lines.join(", ")
                ),
            });
        }
    }
}

/// What is not meant and reads something of elsewhere, by that.
struct Others<'m> {
    /// The aliases of a node.
    aliases: HashMap<NodeId, Vec<NodeId>>,
    /// The images that a scalar is a part of.
    sites: HashMap<NodeId, Vec<&'m Site>>,
}

impl<'m> Others<'m> {
    fn of(targets: &Targets<'_>, manifest: &'m Manifest<'_>) -> Self {
        let mut aliases: HashMap<_, Vec<_>> = HashMap::new();
        for (id, _) in manifest.stream.nodes() {
            if let Content::Alias { target, .. } = manifest.stream.content(id)
                && !targets.users.contains(&id)
            {
                aliases.entry(target).or_default().push(id);
            }
        }
        let meant: HashSet<NodeId> = targets.images.iter().map(|wanted| wanted.node).collect();
        let mut sites: HashMap<_, Vec<_>> = HashMap::new();
        for site in &manifest.sites {
            if !meant.contains(&site.node) {
                site.slots()
                    .for_each(|slot| sites.entry(slot.node).or_default().push(site));
            }
        }
        Self { aliases, sites }
    }

    /// The lines of what reads the scalar `source`: aliases to it or to what is around it, and images that
    /// it is a part of itself.
    fn reading(&self, manifest: &Manifest<'_>, source: NodeId) -> Vec<String> {
        let around = manifest.stream.ancestors(source);
        let aliases = around.filter_map(|id| self.aliases.get(&id)).flatten();
        let sites = self.sites.get(&source).into_iter().flatten();
        let nodes = aliases.copied().chain(sites.map(|site| site.node));
        let mut lines: Vec<usize> = nodes.map(|node| manifest.line(node)).collect();
        lines.sort_unstable();
        lines.dedup();
        lines.iter().map(ToString::to_string).collect()
    }
}

/// What the file of `manifest` is with `edits` made, if `check` finds nothing wrong with what it says then; none
/// where nothing changes.
pub(super) fn apply(
    manifest: &Manifest<'_>,
    edits: Vec<Edit>,
    check: impl FnOnce(Stream<'_>) -> Result<(), ManifestError>,
) -> Result<Option<ManifestFile>, ManifestError> {
    if edits.is_empty() {
        return Ok(None);
    }
    let file = || manifest.file.path.clone();
    let is_template = manifest.source.hides_templates();
    let edits = match is_template {
        true => template::placed(
            manifest.file,
            &manifest.stream,
            manifest.source.texts(),
            edits,
        ),
        false => edits,
    };
    let after = yaml::edit::apply_if(&manifest.stream, &edits, |footprint, after| {
        if is_template {
            let read = manifest.stream.text();
            let within = manifest.source.texts();
            template::refuse(manifest.file, read, within, footprint).map_err(Refusal::Check)?;
        }
        check(after).map_err(Refusal::Check)
    });
    let after = after.map_err(|refusal| match refusal {
        Refusal::Edit(EditError::DuplicateKey { key, first, line }) if is_template => {
            ManifestError::Branches {
                file: file(),
                key,
                first,
                line,
            }
        }
        Refusal::Edit(source) => ManifestError::Edit {
            file: file(),
            source,
        },
        Refusal::Check(error) => error,
    })?;
    let edit = manifest
        .source
        .edit(after)
        .map_err(|TemplateLost| ManifestError::template(&file(), 1))?;
    if edit.is_some() {
        guard::refuse_signed(manifest)?;
    }
    Ok(edit)
}

/// Why an edit is not made.
enum Refusal {
    Edit(EditError),
    Check(ManifestError),
}

impl From<EditError> for Refusal {
    fn from(error: EditError) -> Self {
        Self::Edit(error)
    }
}

fn overlap(manifest: &Manifest<'_>, node: NodeId) -> ManifestError {
    ManifestError::Overlap {
        file: manifest.file.path.clone(),
        line: manifest.line(node),
        path: manifest.path(node),
    }
}

/// The error for `image`, which can't be written to `site`.
pub(super) fn unwritable(
    manifest: &Manifest<'_>,
    site: &Site,
    obstacle: Obstacle,
    image: &ImageReference,
) -> ManifestError {
    let obstacle = elsewhere::explained(manifest, site, obstacle, image);
    let site_text = match (&obstacle, &site.container) {
        (Obstacle::NoImage, Some(container)) => format!("container {container}"),
        _ => described(site),
    };
    ManifestError::Unwritable {
        file: manifest.file.path.clone(),
        line: manifest.line(site.node),
        site: site_text,
        obstacle: Box::new(obstacle),
    }
}

/// `the image ghcr.io/o/web:v1 of container web`.
pub(super) fn described(site: &Site) -> String {
    let image = match site.text.as_str() {
        "" => "the image".to_owned(),
        text => format!("the image {text}"),
    };
    match &site.container {
        Some(container) => format!("{image} of container {container}"),
        None => image,
    }
}
