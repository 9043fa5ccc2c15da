//! What to change so that files are as a request wants them.

use std::collections::HashSet;

use super::alike;
use super::assign::{self, Wish};
use super::change::{FileEdit, ImageChange, Note, Plan, ValueChange};
use super::compare::Versions;
use super::error::{self, EntryAdvice, HeldImage, ManifestError};
use super::file::{Manifest, Room, Text, with_texts};
use super::find;
use super::guard::{self, Promise};
use super::kustomize;
use super::locate::{self, paths};
use super::mention::Advisor;
use super::objects;
use super::overrides;
use super::parts::is_pattern;
use super::place::Object;
use super::placeholder;
use super::request::{EditRequest, ImageAssignment, ResourceFilter};
use super::site::Site;
use super::source::{ManifestFile, Source};
use super::target::{self, Targets, described, unwritable};
use super::write::Obstacle;
use crate::files::RepoPath;
use crate::image::ImageReference;
use crate::nearest::either;
use crate::yaml::path::Step;
use crate::yaml::{Edit, NewValue, NodeId, Stream, edit};

/// What to do to `files` so that they hold what `request` asks for.
///
/// # Errors
/// [`ManifestError`]: a file that can't be edited, a line that meets nothing, lines that contradict each
/// other, or a result that would not hold what was asked for. No part of the request is planned then.
pub fn plan(files: &[ManifestFile], request: &EditRequest) -> Result<Plan, ManifestError> {
    let sources: Vec<Source<'_>> = files.iter().map(Source::new).collect();
    let planned = planned(&sources, request, true);
    let has_texts = sources.iter().any(Source::hides_templates_of_texts);
    let changes_values = !request.set.is_empty() || !request.remove.is_empty();
    match planned {
        Err(error) if has_texts && changes_values => over_texts(files, request).ok_or(error),
        planned => planned,
    }
    .map(|plan| with_set_images(plan, files))
}

/// The plan, with the images that its lines of `set` and `remove` write in `files`.
fn with_set_images(mut plan: Plan, files: &[ManifestFile]) -> Plan {
    for file in files {
        let is_its = |value: &&ValueChange| value.file == file.path;
        let values: Vec<&ValueChange> = plan.values.iter().filter(is_its).collect();
        if values.is_empty() {
            continue;
        }
        let after = left_by(&plan, file);
        let versions = Versions::new(&file.path, Some(&file.bytes), Some(&after.bytes));
        let is_other = |image: &ImageChange| {
            let mut own = plan.images.iter();
            !own.any(|own| (&own.file, &own.place) == (&image.file, &image.place))
        };
        let images = versions.images_written(&values).into_iter();
        let images: Vec<ImageChange> = images.filter(is_other).collect();
        plan.set_images.extend(images);
    }
    plan
}

/// The plan where a text in a file is replaced or removed with the templates in it; none where the files would not be
/// as `request` wants them then.
fn over_texts(files: &[ManifestFile], request: &EditRequest) -> Option<Plan> {
    let sources: Vec<Source<'_>> = files.iter().map(Source::with_plain_texts).collect();
    let plan = planned(&sources, request, true).ok()?;
    let after: Vec<ManifestFile> = files.iter().map(|file| left_by(&plan, file)).collect();
    // What leads into a text that is there still was not done.
    let sources: Vec<Source<'_>> = after.iter().map(Source::new).collect();
    planned(&sources, request, false).ok()?;
    Some(plan)
}

/// The largest file that advice is tried on.
const MOST_TRIED: usize = 256 * 1024;

/// What `request` makes of `file`: whether advice can be followed is tried, and advises nothing itself.
fn tried(file: &ManifestFile, request: &EditRequest) -> Option<ManifestFile> {
    if file.bytes.len() > MOST_TRIED {
        return None;
    }
    let plan = planned(&[Source::new(file)], request, false).ok()?;
    Some(left_by(&plan, file))
}

/// `file` as `plan` leaves it.
fn left_by(plan: &Plan, file: &ManifestFile) -> ManifestFile {
    let edit = plan.edits.iter().find(|edit| edit.path == file.path);
    let bytes = edit.map_or(&file.bytes, |edit| &edit.after);
    ManifestFile {
        path: file.path.clone(),
        bytes: bytes.clone(),
    }
}

/// The plan; `advises` is whether a refusal says what to write instead.
fn planned(
    sources: &[Source<'_>],
    request: &EditRequest,
    advises: bool,
) -> Result<Plan, ManifestError> {
    let mut manifests: Vec<Manifest<'_>> = Vec::with_capacity(sources.len());
    let (mut skipped, mut room) = (Vec::new(), Room::default());
    for source in sources {
        match Manifest::read(source, request) {
            Ok(manifest) => {
                room.take(&manifest)?;
                manifests.push(manifest);
            }
            Err(error) if request.found_by_glob.contains(&source.file.path) => {
                skipped.push((&*source.file, error));
            }
            Err(error) => return Err(error),
        }
    }
    let texts = Text::all(&manifests, request)?;
    let mut manifests = with_texts(manifests, &texts, request)?;
    refuse_unknown(&manifests, &request.resources)?;
    let warnings = locate::add_sites_on_paths(&mut manifests, request)?;
    let mut plan = Plan {
        warnings,
        ..Plan::default()
    };
    plan.warnings.extend(told_of_skipped(&skipped));
    mean_the_only_tag(&mut manifests, request, &mut plan);
    overrides::mean_overriding_tags(&mut manifests, request, &mut plan)?;
    overrides::tell_what_stays(&manifests, request, &mut plan);
    for assignment in &request.images {
        if !manifests.iter().any(|manifest| manifest.holds(assignment)) {
            // Where it is in a file that can't be read, that is what a person has to know.
            let name = assignment.image.name();
            let mut skipped = skipped.into_iter();
            let holds_it =
                |file: &ManifestFile| String::from_utf8_lossy(&file.bytes).contains(name);
            return Err(match skipped.find(|(file, _)| holds_it(file)) {
                Some((_, error)) => error,
                None => template(&manifests)
                    .unwrap_or_else(|| nothing_found(&manifests, assignment, request, advises)),
            });
        }
    }
    let mut targets: Vec<Targets<'_>> = manifests.iter().map(|_| Targets::default()).collect();
    for assignment in &request.images {
        let advisor = Advisor {
            manifests: &manifests,
            image: &assignment.image,
            request,
            tried,
        };
        let advisor = advises.then_some(&advisor);
        add_image(
            &manifests,
            &mut targets,
            assignment,
            request,
            advisor,
            &mut plan,
        )?;
    }
    let set = request.set.iter().map(Wish::Set);
    for wish in set.chain(request.remove.iter().map(Wish::Remove)) {
        let warnings = &mut plan.warnings;
        assign::add(&manifests, &mut targets, wish, &request.resources, warnings)?;
    }
    let told: HashSet<RepoPath> = plan.notes.iter().map(|note| note.file.clone()).collect();
    let mut targets = targets.into_iter();
    let is_alone = paths(&manifests).len() == 1;
    for manifests in manifests.chunk_by(|_, next| next.nested.is_some()) {
        let targets: Vec<Targets<'_>> = targets.by_ref().take(manifests.len()).collect();
        if !is_alone && targets.iter().all(Targets::is_empty) {
            plan.warnings
                .extend(told_of_unmeant(manifests, request, &told));
        }
        let edit = finish(manifests, targets, request, &mut plan)?;
        plan.edits.extend(edit);
    }
    Ok(plan)
}

/// The edit of one file, which is read as `manifests`: itself, and the texts inside of it, each behind what is
/// around it.
fn finish(
    manifests: &[Manifest<'_>],
    mut targets: Vec<Targets<'_>>,
    request: &EditRequest,
    plan: &mut Plan,
) -> Result<Option<FileEdit>, ManifestError> {
    let promises = promises(manifests, &targets);
    let (first_image, first_note) = (plan.images.len(), plan.notes.len());
    // What is read before the file, of other files.
    let before = manifests
        .get(1)
        .and_then(|text| text.nested.as_ref())
        .map_or(0, |nested| nested.outer);
    for manifest in manifests.iter().rev() {
        let Some(own) = targets.pop() else { break };
        let edits = own.finish(manifest, plan)?;
        let Some(nested) = &manifest.nested else {
            let images = plan.images.get_mut(first_image..).unwrap_or_default();
            images.sort_by_key(|image| image.line);
            let notes = plan.notes.get_mut(first_note..).unwrap_or_default();
            notes.sort_by_key(|note| note.line);
            let after = target::apply(manifest, edits, |after| {
                check(
                    manifests,
                    manifest,
                    after,
                    request,
                    &promises,
                    first_image,
                    plan,
                )
            })?;
            let Some(after) = after else {
                return Ok(None);
            };
            return Ok(Some(FileEdit {
                path: after.path,
                before: manifest.file.bytes.clone(),
                after: after.bytes,
            }));
        };
        if let Err(signed) = guard::refuse_signed(manifest)
            && changes(&manifest.stream, &edits)
        {
            return Err(signed);
        }
        if let Some(around) = targets.get_mut(nested.outer - before) {
            around.add_inside(nested.node, edits);
        }
    }
    Ok(None)
}

/// Whether a text is another one afterwards: what is there already is no change.
fn changes(stream: &Stream<'_>, edits: &[Edit]) -> bool {
    let after = edit::apply(stream, edits);
    after.map_or(true, |after| after != stream.text().as_bytes())
}

/// The warning for files of a glob that can't be read.
fn told_of_skipped(skipped: &[(&ManifestFile, ManifestError)]) -> Option<String> {
    let (_, error) = skipped.first()?;
    let others = skipped.iter().skip(1);
    let others: Vec<String> = others.map(|(file, _)| file.path.to_string()).collect();
    // The error names the first.
    Some(match others.as_slice() {
        [] => format!("A file that `file` matches was left out: {error}"),
        others => format!(
            "{} files that `file` matches were left out, since they can't be read: {error}; and {}",
            skipped.len(),
            others.join(", ")
        ),
    })
}

/// The warning for a file that somebody has named, and that has nothing of what is asked for. Of the files in
/// `told` something was told already.
fn told_of_unmeant(
    manifests: &[Manifest<'_>],
    request: &EditRequest,
    told: &HashSet<RepoPath>,
) -> Option<String> {
    let file = &manifests.first()?.file.path;
    let is_meant = |line: &ImageAssignment| manifests.iter().any(|manifest| manifest.holds(line));
    // What is passed over there has been told of.
    if told.contains(file)
        || request.found_by_glob.contains(file)
        || request.images.iter().any(is_meant)
    {
        return None;
    }
    let nearest = request.images.first().and_then(|line| {
        let held = nearest_images(manifests, &line.image).into_iter();
        held.map(|held| format!("; the nearest image there is {held}"))
            .next()
    });
    Some(format!(
        "{file} has no place for what is asked for, and stays as it is{}",
        nearest.unwrap_or_default()
    ))
}

/// Where a file has nothing but one tag that could be an image's, that is what an image line means: the
/// values of one environment are often no more than `image: {tag: v1}`.
fn mean_the_only_tag(manifests: &mut [Manifest<'_>], request: &EditRequest, plan: &mut Plan) {
    let [assignment] = request.images.as_slice() else {
        return;
    };
    let is_searched = assignment.container.is_none() && request.paths.is_empty();
    let mut sites: Vec<(usize, usize)> = Vec::new();
    for (number, manifest) in manifests.iter().enumerate() {
        sites.extend((0..manifest.sites.len()).map(|site| (number, site)));
    }
    let ([(manifest, site)], true) = (sites.as_slice(), is_searched) else {
        return;
    };
    let node = manifests
        .get(*manifest)
        .and_then(|read| read.sites.get(*site))
        .map(|site| site.node);
    let is_other = node.is_none_or(|node| {
        overrides::is_of_another_chart(manifests, *manifest, node, &assignment.image)
    });
    let Some(manifest) = manifests.get_mut(*manifest).filter(|_| !is_other) else {
        return;
    };
    let line = manifest
        .sites
        .get(*site)
        .map(|site| manifest.line(site.node));
    let is_it = manifest.sites.get(*site).is_some_and(|site| {
        let may_be = find::may_be_tag_of(&manifest.stream, site.node, &assignment.image);
        site.is_version_only() && may_be
    });
    if let (Some(site), Some(line)) = (manifest.sites.get_mut(*site), line)
        && is_it
    {
        site.answer_to_any();
        plan.notes.push(Note {
            file: manifest.file.path.clone(),
            line,
            text: format!(
                "nothing here says which image this is the tag of; it is the only one, so {} is what it means",
                assignment.image.repository_as_written()
            ),
        });
    }
}

/// Has the sites that `assignment` means hold its image.
fn add_image<'r>(
    manifests: &[Manifest<'_>],
    targets: &mut [Targets<'r>],
    assignment: &'r ImageAssignment,
    request: &'r EditRequest,
    advisor: Option<&Advisor<'_, '_>>,
    plan: &mut Plan,
) -> Result<(), ManifestError> {
    let mut meant: Vec<(usize, &Site)> = Vec::new();
    let mut passed = Vec::new();
    for (number, manifest) in manifests.iter().enumerate() {
        for site in manifest
            .sites
            .iter()
            .filter(|site| site.is_meant_by(assignment))
        {
            let others = request.images.iter().filter(|line| site.is_meant_by(line));
            if let Some(other) = others
                .into_iter()
                .find(|line| !is_one_image(&line.image, &assignment.image))
            {
                return Err(contradiction(manifest, site, assignment, other));
            }
            // Whoever asks for `2.x` has tags of that name.
            let is_asked_for = assignment.image.tag().is_some_and(is_pattern);
            let passes = site
                .passes()
                .filter(|obstacle| !is_asked_for || !matches!(obstacle, Obstacle::Versions { .. }));
            match passes {
                Some(obstacle) if !site.is_named && assignment.container.is_none() => {
                    passed.push((number, site, obstacle));
                }
                _ => meant.push((number, site)),
            }
        }
    }
    if let ([], Some((number, site, obstacle))) = (meant.as_slice(), passed.first()) {
        let manifest = &manifests[*number];
        let obstacle = explained(advisor, manifest, site, obstacle.clone());
        return Err(unwritable(manifest, site, obstacle, &assignment.image));
    }
    let is_by_repository = assignment.container.is_none() && request.paths.is_empty();
    if is_by_repository {
        leave_other_majors(manifests, &mut meant, assignment, plan)?;
        leave_other_lines(manifests, &mut meant, assignment, plan);
    }
    let is_done = |targets: &Targets<'_>, site: &Site| {
        targets
            .images()
            .iter()
            .any(|wanted| wanted.node == site.node)
    };
    let mut changes = Vec::new();
    for (number, site) in meant.iter().copied() {
        let (Some(manifest), Some(targets)) = (manifests.get(number), targets.get_mut(number))
        else {
            continue;
        };
        // A container's line and a repository's may mean the same place.
        if is_done(targets, site) {
            continue;
        }
        let (own, added) = (site, targets.add_image(manifest, site, assignment));
        added.map_err(|error| match error {
            ManifestError::Unwritable {
                file,
                line,
                site,
                obstacle,
            } => ManifestError::Unwritable {
                file,
                line,
                site,
                obstacle: Box::new(explained(advisor, manifest, own, *obstacle)),
            },
            other => other,
        })?;
        changes.extend(targets.images().last().map(|wanted| wanted.change.clone()));
    }
    let changes: Vec<&ImageChange> = changes.iter().collect();
    plan.warnings.extend(alike::made_alike(&changes));
    // What reads something that is written there changes along, and a note says so.
    passed.retain(|(number, site, _)| {
        let mut written = meant.iter().filter(|(of, _)| of == number);
        !written.any(|(_, other)| site.reads_of(other))
    });
    for (number, site, obstacle) in passed {
        if let Some(manifest) = manifests.get(number) {
            let what = match obstacle {
                Obstacle::NameOnly { .. } => "has no tag of its own".to_owned(),
                Obstacle::LookedUp { kind } => {
                    format!("is a name whose versions are looked up for this {kind}")
                }
                Obstacle::Versions { .. } => "says a range of versions".to_owned(),
                Obstacle::Pattern { kind } => {
                    format!("is what this {kind} checks images against")
                }
                _ => "is filled in by something else".to_owned(),
            };
            let (file, line) = (&manifest.file.path, manifest.line(site.node));
            plan.warnings.push(format!(
                "{file} line {line}: {} {what}, and stays as it is",
                described(site)
            ));
        }
    }
    Ok(())
}

/// Takes from `meant` the items of a catalog that are for another major version.
///
/// # Errors
/// None is for that of `assignment`, or which one is can't be told.
fn leave_other_majors(
    manifests: &[Manifest<'_>],
    meant: &mut Vec<(usize, &Site)>,
    assignment: &ImageAssignment,
    plan: &mut Plan,
) -> Result<(), ManifestError> {
    let image = &assignment.image;
    let wanted = objects::major(image);
    let major_of = |number: usize, site: &Site| {
        let manifest = manifests.get(number)?;
        objects::major_of(&manifest.stream, site.node)
    };
    let mut majors = meant
        .iter()
        .filter_map(|(number, site)| major_of(*number, site));
    let count = majors.by_ref().count();
    let is_other = |(number, site): &&(usize, &Site)| {
        let own = major_of(*number, site);
        own.is_some_and(|own| {
            if wanted.is_some() {
                Some(own) != wanted
            } else {
                count > 1
            }
        })
    };
    if let (true, [(number, site), ..]) =
        (meant.iter().all(|place| is_other(&place)), meant.as_slice())
        && let Some(manifest) = manifests.get(*number)
    {
        let majors = meant
            .iter()
            .filter_map(|(number, site)| major_of(*number, site));
        let paths = meant
            .iter()
            .filter_map(|(number, site)| manifests.get(*number)?.address(site.node));
        let item = manifest.stream[site.node].parent;
        let list = item.and_then(|item| manifest.address(manifest.stream[item].parent?));
        let obstacle = Obstacle::OtherMajor {
            majors: either(&majors.map(str::to_owned).collect::<Vec<_>>()),
            image: image.to_string(),
            advice: match (wanted, list) {
                (Some(wanted), Some(list)) => format!(
                    "is for {wanted}. To add it, put the line `{list}[+]:={{major: {wanted}, image: {}}}` into `set`, once, in place of the line in `image`",
                    NewValue::Text(image.to_string()).written()
                ),
                (Some(wanted), None) => format!("is for {wanted}: add it by hand"),
                (None, _) => format!(
                    "does not say for which: name the place with `path`, as {}",
                    either(&paths.collect::<Vec<_>>())
                ),
            },
        };
        return Err(unwritable(manifest, site, obstacle, image));
    }
    meant.retain(|place| {
        let is_other = is_other(&place);
        let (number, site) = place;
        if let (true, Some(manifest)) = (is_other, manifests.get(*number)) {
            plan.warnings.push(format!(
                "{} line {}: {} stays as it is: it is for another major version than {image}",
                manifest.file.path,
                manifest.line(site.node),
                described(site)
            ));
        }
        !is_other
    });
    Ok(())
}

/// Takes from `meant` the places whose tag says that they are another thing of the same repository.
fn leave_other_lines(
    manifests: &[Manifest<'_>],
    meant: &mut Vec<(usize, &Site)>,
    assignment: &ImageAssignment,
    plan: &mut Plan,
) {
    let held: Vec<&str> = meant.iter().map(|(_, site)| site.text.as_str()).collect();
    let is_other = alike::of_other_lines(&held, &assignment.image);
    let mut is_other = is_other.into_iter();
    meant.retain(|(number, site)| {
        let stays = is_other.next() == Some(true);
        if let (true, Some(manifest)) = (stays, manifests.get(*number)) {
            let (file, line) = (&manifest.file.path, manifest.line(site.node));
            plan.warnings.push(format!(
                "{file} line {line}: {} stays as it is: its tag is of another line than {}. To write it there too, name the container (CONTAINER=IMAGE), or the place with `path`",
                described(site),
                assignment.image
            ));
        }
        !stays
    });
}

/// What the file's places were told to hold.
fn promises<'r>(manifests: &[Manifest<'_>], targets: &[Targets<'r>]) -> Vec<Promise<'r>> {
    let mut promises = Vec::new();
    let mut before = 0;
    for (manifest, targets) in manifests.iter().zip(targets) {
        let mut nodes: Vec<NodeId> = manifest.sites.iter().map(|site| site.node).collect();
        nodes.sort_unstable();
        let wanted = targets.images().iter();
        promises.extend(wanted.map(|wanted| Promise {
            number: before + nodes.partition_point(|node| *node < wanted.node),
            place: wanted.change.place.clone(),
            file: wanted.change.file.clone(),
            line: wanted.change.line,
            assignment: wanted.assignment,
        }));
        before += nodes.len();
    }
    promises
}

/// Looks for images in `after`, which the file of `changed` is to say: each place must hold the image that was asked
/// for. Also looks for what was left behind. The images of the file are those of `plan` from `first_image` on.
fn check(
    before: &[Manifest<'_>],
    changed: &Manifest<'_>,
    after: Stream<'_>,
    request: &EditRequest,
    promises: &[Promise<'_>],
    first_image: usize,
    plan: &mut Plan,
) -> Result<(), ManifestError> {
    if promises.is_empty() {
        return Ok(());
    }
    let path = &changed.file.path;
    let read = vec![Manifest::of(changed.source, after, request, None)?];
    let texts = Text::all(&read, request)?;
    let mut read = with_texts(read, &texts, request)?;
    locate::add_same_sites(&mut read, before, request);
    let count = before.iter().map(|manifest| manifest.sites.len()).sum();
    let held = guard::refuse_other_images(&read, count, promises)?;
    let of_file = plan.images.get_mut(first_image..).unwrap_or_default();
    for (promise, site) in promises.iter().zip(held) {
        // A line of `set` may have given the image of a Kustomize entry another name.
        let is_its =
            |image: &&mut ImageChange| image.line == promise.line && image.place == promise.place;
        if site.is_entry()
            && let Some(image) = of_file.iter_mut().find(is_its)
        {
            image.new.clone_from(&site.text);
        }
    }
    let Some(read) = read.first() else {
        return Ok(());
    };
    let mut changed: Vec<(&str, &str)> = of_file
        .iter()
        .filter(|image| image.old != image.new)
        .map(|image| (image.old.as_str(), image.new.as_str()))
        .filter(|(old, _)| {
            old.parse::<ImageReference>()
                .is_ok_and(|old| old.tag().is_some() || old.digest().is_some())
        })
        .collect();
    changed.sort_unstable();
    changed.dedup();
    for (old, new) in changed {
        plan.notes
            .extend(guard::left_behind(path, &read.stream, old, new));
    }
    Ok(())
}

/// What is in the way at `site`, with what to write instead: where the value comes from that is filled in
/// somewhere, and where a tag may be, if the files say.
fn explained(
    advisor: Option<&Advisor<'_, '_>>,
    manifest: &Manifest<'_>,
    site: &Site,
    obstacle: Obstacle,
) -> Obstacle {
    let Some(advisor) = advisor else {
        return obstacle;
    };
    let node = site.slots().next().map_or(site.node, |slot| slot.node);
    match obstacle {
        Obstacle::Placeholder { text, .. } => match placeholder::advice(advisor.manifests, &text) {
            Some(advice) => Obstacle::Placeholder { text, advice },
            None => Obstacle::Template,
        },
        Obstacle::NameOnly { .. } => Obstacle::NameOnly {
            advice: Some(advisor.on_bare_image(manifest, node)),
        },
        Obstacle::Versions { text, .. } => Obstacle::Versions {
            line: match site.tag().filter(|slot| !slot.value.is_empty()) {
                Some(slot) => advisor
                    .image
                    .tag()
                    .and_then(|tag| advisor.set(manifest, slot.node, tag)),
                None => advisor.set(manifest, node, &advisor.image.to_string()),
            },
            text,
        },
        Obstacle::OtherRepository { .. } => Obstacle::OtherRepository {
            line: site
                .tag()
                .zip(advisor.image.tag())
                .and_then(|(slot, tag)| advisor.set(manifest, slot.node, tag)),
        },
        other => other,
    }
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

/// The error for a template that holds no image itself: all of them are in its values. Of a chart, one that is
/// filled in is enough.
fn template(manifests: &[Manifest<'_>]) -> Option<ManifestError> {
    manifests.iter().find_map(|manifest| {
        let file = manifest.file;
        let of_chart = || {
            let values = error::values_of(&file.path)?;
            if manifests.iter().any(|other| other.file.path == values) {
                return None;
            }
            let text = String::from_utf8_lossy(&file.bytes);
            let line = text.lines().position(|line| line.contains("{{"))?;
            Some(line + 1)
        };
        let is_filled_in = manifest.sites.iter().any(|site| site.text.contains("{{"));
        let is_written = manifest.sites.iter().any(Site::says_a_version);
        let line = match (manifest.source.first_template(), is_written) {
            (Some(line), false) => line,
            (_, true) if !is_filled_in => return None,
            _ => of_chart()?,
        };
        Some(ManifestError::template(&file.path, line))
    })
}

/// The error where a kustomization could have an entry for `assignment`, with how to add one.
fn no_entry(assignment: &ImageAssignment, advisor: &Advisor<'_, '_>) -> Option<ManifestError> {
    let manifests = advisor.manifests;
    manifests.iter().find_map(|manifest| {
        let file = &manifest.file.path;
        let path = kustomize::path_of_entries(&manifest.stream, file)?;
        let image = &assignment.image;
        let is_there = manifest.sites.iter().any(|site| site.is_of(image));
        if assignment.container.is_some() && is_there {
            return None; // It is asked for by another name than it has.
        }
        let repository = image.repository_as_written();
        let (key, version) = match (image.tag(), image.digest()) {
            (Some(tag), None) => ("newTag", tag),
            (_, Some(digest)) => ("digest", digest),
            (None, None) => return None,
        };
        let name = assignment.container.as_deref().unwrap_or(repository);
        let entry = Step::Field {
            key: "name".to_owned(),
            value: name.to_owned(),
        };
        let value = |text: &str| NewValue::Text(text.to_owned()).written();
        let line = |key, text| format!("{path}{entry}.{key}:={}", value(text));
        let new_name = assignment.container.as_ref();
        let new_name = new_name.map(|_| line("newName", repository));
        let lines = new_name.into_iter().chain([line(key, version)]);
        let lines: Vec<String> = lines.collect();
        let is_single = !repository.contains('/');
        Some(ManifestError::NoEntry {
            file: file.clone(),
            name: name.to_owned(),
            advice: Box::new(EntryAdvice {
                lines: match is_entry(manifest, assignment, advisor, &lines) {
                    true => lines,
                    false => Vec::new(),
                },
                meant: match assignment.container {
                    Some(_) => Vec::new(),
                    None => advisor.in_full(manifest),
                },
            }),
            // A single word names other things, too.
            mentions: match is_single || assignment.container.is_some() {
                true => Vec::new(),
                false => advisor.in_values(),
            },
            held: nearest_images(manifests, image),
        })
    })
}

/// Whether `lines` of `set` make an entry in a kustomization that `assignment` finds then.
fn is_entry(
    manifest: &Manifest<'_>,
    assignment: &ImageAssignment,
    advisor: &Advisor<'_, '_>,
    lines: &[String],
) -> bool {
    let set = lines.iter().map(|line| line.parse().ok());
    let set = EditRequest {
        set: set.collect::<Option<_>>().unwrap_or_default(),
        ..EditRequest::default()
    };
    let asked = EditRequest {
        images: vec![assignment.clone()],
        ..EditRequest::default()
    };
    let after = (advisor.tried)(manifest.file, &set);
    let again = after
        .as_ref()
        .and_then(|after| (advisor.tried)(after, &asked));
    again
        .zip(after)
        .is_some_and(|(again, after)| again.bytes == after.bytes)
}

/// The error for an assignment that no site answers to.
fn nothing_found(
    manifests: &[Manifest<'_>],
    assignment: &ImageAssignment,
    request: &EditRequest,
    advises: bool,
) -> ManifestError {
    let files = paths(manifests);
    let advisor = Advisor {
        manifests,
        image: &assignment.image,
        request,
        tried,
    };
    let advisor = advises.then_some(&advisor);
    if let Some(error) = advisor.and_then(|advisor| no_entry(assignment, advisor)) {
        return error;
    }
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
                image: Box::new(assignment.image.clone()),
                files,
                held,
                images: nearest_images(manifests, &assignment.image),
            }
        }
        None => ManifestError::NoImage {
            repository: assignment.image.repository_as_written().to_owned(),
            files,
            mentions: advisor.map(Advisor::mentions).unwrap_or_default(),
            held: nearest_images(manifests, &assignment.image),
        },
    }
}

/// The images that the files hold, those with the name most like that of `image` first.
fn nearest_images(manifests: &[Manifest<'_>], image: &ImageReference) -> Vec<HeldImage> {
    nearest(manifests, |held| {
        let repository = held
            .image
            .parse::<ImageReference>()
            .map(|image| image.repository().to_owned())
            .unwrap_or_else(|_| held.image.clone());
        let similarity = strsim::normalized_damerau_levenshtein(&repository, image.repository());
        // One of the same name elsewhere is nearer than any other name.
        let own = held.image.parse::<ImageReference>();
        let has_name = own.is_ok_and(|own| own.name() == image.name());
        let similarity = if has_name {
            similarity + 1.0
        } else {
            similarity
        };
        (!held.image.is_empty()).then_some(similarity)
    })
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
            sites.map(|site| HeldImage {
                path: manifest.path_by_names(site.node),
                ..manifest.held(site)
            })
        })
        .filter_map(|held| Some((similarity(&held)?, held)))
        .collect();
    held.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    held.into_iter().map(|(_, held)| held).collect()
}

/// Whether both mean one image, however they are written.
fn is_one_image(one: &ImageReference, other: &ImageReference) -> bool {
    let version =
        |image: &ImageReference| [image.tag(), image.digest()].map(|v| v.map(str::to_owned));
    one.same_repository(other) && version(one) == version(other)
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
