//! What is to become of one file, put together line by line of the request.

use std::collections::BTreeMap;

use crate::image::ImageReference;
use crate::yaml::{self, Content, Edit, NewValue, NodeId};

use super::change::{FileEdit, ImageChange, Note, Plan, ValueChange};
use super::error::ManifestError;
use super::file::Manifest;
use super::place::Place;
use super::site::Site;
use super::write::{Obstacle, Written};

/// The edits of one file, and what they mean to a person.
#[derive(Default)]
pub(super) struct Targets {
    /// What each scalar shall be.
    scalars: BTreeMap<NodeId, NewValue>,
    additions: Vec<Edit>,
    images: Vec<(NodeId, ImageChange)>,
    values: Vec<ValueChange>,
    notes: Vec<Note>,
}

impl Targets {
    /// Has `site` hold `image`.
    pub fn add_image(
        &mut self,
        manifest: &Manifest<'_>,
        site: &Site,
        image: &ImageReference,
    ) -> Result<(), ManifestError> {
        let new = match site.anchor() {
            Some(anchor) => {
                let new = image.to_string();
                let follows = match self.scalars.get(&anchor) {
                    Some(NewValue::Text(value)) => *value == new,
                    _ => site.text == new,
                };
                match site.write(&manifest.stream, image) {
                    Err(obstacle) if !follows => {
                        return Err(unwritable(manifest, site, obstacle));
                    }
                    _ => new,
                }
            }
            None => {
                let Written { edits, new, note } = site
                    .write(&manifest.stream, image)
                    .map_err(|obstacle| unwritable(manifest, site, obstacle))?;
                for edit in edits {
                    self.add(manifest, edit)?;
                }
                if let Some(text) = note {
                    self.notes.push(Note {
                        file: manifest.file.path.clone(),
                        line: manifest.line(site.node),
                        text,
                    });
                }
                new
            }
        };
        let change = ImageChange {
            file: manifest.file.path.clone(),
            line: manifest.line(site.node),
            resource: manifest.resource(site.node),
            container: site.container.clone(),
            place: Place::of(&manifest.stream, site.node),
            old: site.text.clone(),
            new,
        };
        self.images.push((site.node, change));
        Ok(())
    }

    /// Has the file hold a value that a `set` line asks for.
    pub fn add_value(
        &mut self,
        manifest: &Manifest<'_>,
        edit: Edit,
        change: ValueChange,
    ) -> Result<(), ManifestError> {
        self.add(manifest, edit)?;
        self.values.push(change);
        Ok(())
    }

    /// Adds `edit`, unless another line wants something else there.
    fn add(&mut self, manifest: &Manifest<'_>, edit: Edit) -> Result<(), ManifestError> {
        match edit {
            Edit::Set { node, value } => {
                if self.scalars.get(&node).is_some_and(|other| *other != value) {
                    return Err(overlap(manifest, node));
                }
                self.scalars.insert(node, value);
            }
            Edit::Add {
                mapping, ref key, ..
            } => {
                let adds_same_key = |other: &Edit| match other {
                    Edit::Add {
                        mapping: m, key: k, ..
                    } => *m == mapping && k == key,
                    Edit::Set { .. } => false,
                };
                match self.additions.iter().find(|other| adds_same_key(other)) {
                    Some(other) if *other == edit => {}
                    Some(_) => return Err(overlap(manifest, mapping)),
                    None => self.additions.push(edit),
                }
            }
        }
        Ok(())
    }

    /// Makes the edits, and puts everything into `plan`.
    pub fn finish(mut self, manifest: &Manifest<'_>, plan: &mut Plan) -> Result<(), ManifestError> {
        self.add_notes_on_aliases(manifest);
        let edits: Vec<Edit> = self
            .scalars
            .into_iter()
            .map(|(node, value)| Edit::Set { node, value })
            .chain(self.additions)
            .collect();
        if !edits.is_empty() {
            let path = manifest.file.path.clone();
            let after = yaml::edit::apply(&manifest.stream, &edits).map_err(|source| {
                let file = path.clone();
                ManifestError::Edit { file, source }
            })?;
            if after != manifest.file.bytes {
                let before = manifest.file.bytes.clone();
                plan.edits.push(FileEdit {
                    path,
                    before,
                    after,
                });
            }
        }
        self.images.sort_by_key(|(node, _)| *node);
        plan.images
            .extend(self.images.into_iter().map(|(_, change)| change));
        plan.values.extend(self.values);
        plan.notes.extend(self.notes);
        Ok(())
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
            })
            .flat_map(|(node, _)| stream.ancestors(*node))
            .filter(|node| stream[*node].anchored)
            .map(|node| (node, Vec::new()))
            .collect();
        if anchors.is_empty() {
            return;
        }
        for (id, node) in stream.nodes() {
            let is_target = self.images.iter().any(|(site, _)| *site == id);
            if let Content::Alias { target, .. } = &node.content
                && let Some(lines) = anchors.get_mut(target)
                && !is_target
            {
                lines.push(node.line.to_string());
            }
        }
        for (anchor, lines) in anchors.iter().filter(|(_, lines)| !lines.is_empty()) {
            let word = if lines.len() == 1 { "line" } else { "lines" };
            self.notes.push(Note {
                file: manifest.file.path.clone(),
                line: stream[*anchor].line,
                text: format!(
                    "this carries an anchor, so its aliases change with it: {word} {}",
                    lines.join(", ")
                ),
            });
        }
    }
}

fn overlap(manifest: &Manifest<'_>, node: NodeId) -> ManifestError {
    ManifestError::Overlap {
        file: manifest.file.path.clone(),
        line: manifest.stream[node].line,
        path: yaml::path::path_of(&manifest.stream, node).to_string(),
    }
}

fn unwritable(manifest: &Manifest<'_>, site: &Site, obstacle: Obstacle) -> ManifestError {
    let site_text = match (&obstacle, &site.container) {
        (Obstacle::NoImage, Some(container)) => format!("container {container}"),
        _ => described(site),
    };
    ManifestError::Unwritable {
        file: manifest.file.path.clone(),
        line: manifest.line(site.node),
        site: site_text,
        obstacle,
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
