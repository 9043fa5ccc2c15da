//! What to change so that files are as a request wants them.

use super::change::Plan;
use super::error::{self, HeldImage, ManifestError};
use super::file::{Manifest, ManifestFile};
use super::locate::{self, paths};
use super::place::Object;
use super::request::{EditRequest, ImageAssignment, ResourceFilter};
use super::site::Site;
use super::target::{Targets, described};
use crate::image::ImageReference;

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
    refuse_unknown(&manifests, &request.resources)?;
    locate::add_sites_on_paths(&mut manifests, request)?;
    for assignment in &request.images {
        if !manifests.iter().any(|manifest| manifest.holds(assignment)) {
            return Err(nothing_found(&manifests, assignment));
        }
    }
    let mut targets: Vec<Targets> = manifests
        .iter()
        .map(|manifest| image_targets(manifest, &request.images))
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

/// What the image lines make of this file's sites.
fn image_targets(
    manifest: &Manifest<'_>,
    assignments: &[ImageAssignment],
) -> Result<Targets, ManifestError> {
    let mut targets = Targets::default();
    let (aliases, written): (Vec<&Site>, Vec<&Site>) =
        manifest.sites.iter().partition(|site| site.is_alias());
    // An alias is where it should be when its anchor is, so anchors come first.
    for site in written.into_iter().chain(aliases) {
        let mut meant = assignments.iter().filter(|line| site.is_meant_by(line));
        let Some(assignment) = meant.next() else {
            continue;
        };
        if let Some(other) = meant.find(|other| other.image != assignment.image) {
            return Err(contradiction(manifest, site, assignment, other));
        }
        targets.add_image(manifest, site, &assignment.image)?;
    }
    Ok(targets)
}

/// Refuses a filter that chooses nothing in any file.
fn refuse_unknown(
    manifests: &[Manifest<'_>],
    filters: &[ResourceFilter],
) -> Result<(), ManifestError> {
    let objects = || {
        let objects = manifests
            .iter()
            .map(|manifest| Object::all(&manifest.stream));
        objects.flatten().map(|(_, object)| object)
    };
    let is_unknown =
        |filter: &&ResourceFilter| !objects().any(|object| object.is_chosen_by(filter));
    let Some(unknown) = filters.iter().find(is_unknown) else {
        return Ok(());
    };
    let held = objects().map(|object| object.to_string());
    Err(ManifestError::NoResource {
        wanted: unknown.to_string(),
        files: paths(manifests),
        held: error::nearest_texts(held, &unknown.to_string()),
    })
}

/// The error for an assignment that no site answers to.
fn nothing_found(manifests: &[Manifest<'_>], assignment: &ImageAssignment) -> ManifestError {
    let files = paths(manifests);
    match &assignment.container {
        Some(container) => {
            let held = nearest(manifests, |held| {
                Some(strsim::normalized_damerau_levenshtein(
                    held.container.as_deref()?,
                    container,
                ))
            });
            ManifestError::NoContainer {
                container: container.clone(),
                files,
                held,
            }
        }
        None => {
            let wanted = assignment.image.repository();
            let held = nearest(manifests, |held| {
                let repository = held
                    .image
                    .parse::<ImageReference>()
                    .map(|image| image.repository().to_owned())
                    .unwrap_or_else(|_| held.image.clone());
                let similarity = strsim::normalized_damerau_levenshtein(&repository, wanted);
                (!held.image.is_empty()).then_some(similarity)
            });
            ManifestError::NoImage {
                repository: assignment.image.repository_as_written().to_owned(),
                files,
                held,
            }
        }
    }
}

/// What the files hold, the most similar first; without those that have no similarity at all.
fn nearest(
    manifests: &[Manifest<'_>],
    similarity: impl Fn(&HeldImage) -> Option<f64>,
) -> Vec<HeldImage> {
    let mut held: Vec<(f64, HeldImage)> = manifests
        .iter()
        .flat_map(|manifest| {
            let sites = manifest.sites.iter();
            sites.map(|site| manifest.held(site))
        })
        .filter_map(|held| Some((similarity(&held)?, held)))
        .collect();
    held.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    held.into_iter().map(|(_, held)| held).collect()
}

fn contradiction(
    manifest: &Manifest<'_>,
    site: &Site,
    first: &ImageAssignment,
    second: &ImageAssignment,
) -> ManifestError {
    ManifestError::Contradiction {
        file: manifest.file.path.clone(),
        line: manifest.line(site.node),
        site: described(site),
        first: Box::new(first.clone()),
        second: Box::new(second.clone()),
    }
}
