//! The commit that is asked about, and the images in it.

use super::target::{Deployed, GitImage, Verify, images_in};
use crate::failure::{Failure, Reason};
use crate::files::{FileSelection, Pattern, RepoPath};
use crate::image::ImageReference;
use crate::manifest::{HeldImage, images_changed};
use crate::operation::session::Session;
use crate::operation::{Progress, commit_line};
use crate::repository::history::{Searched, Touched};
use crate::repository::{Branch as _, CommitId, Revision, Snapshot};

/// The commit that is asked about.
pub(super) async fn find(
    verify: &Verify,
    session: &Session<'_>,
    log: &mut impl Progress,
) -> Result<Deployed, Failure> {
    let nothing = FileSelection::default();
    let repository = &session.repository;
    let files = verify.files.as_ref().unwrap_or(&nothing);
    // Of an older commit than the tip, the files are read where they were.
    let at_tip = match verify.commit {
        Some(_) => &nothing,
        None => files,
    };
    let tip = session
        .read(log, async || repository.snapshot(at_tip).await)
        .await?;
    let is_unnamed = verify.files.is_none() && verify.images.is_empty();
    if is_unnamed && verify.witnesses.argocd.is_some() {
        return of_commit(verify, tip, session, log).await;
    }
    let (commit, contents) = match &verify.commit {
        None => (tip.commit, tip.files),
        Some(revision) => {
            let commit = match tip.commit.as_str().starts_with(revision.as_str()) {
                true => tip.commit,
                false => named(session, revision, &nothing, log)
                    .await?
                    .commit
                    .id
                    .clone(),
            };
            let contents = match &verify.files {
                Some(files) => {
                    let read =
                        session.read(log, async || repository.files_at(&commit, files).await);
                    read.await?
                }
                None => Vec::new(),
            };
            (commit, contents)
        }
    };
    let held = images_in(&contents);
    let images = match &verify.images[..] {
        [] => held.into_iter().map(GitImage::Held).collect(),
        named => {
            refuse_others(named, &held, &commit)?;
            let only_named = |image: &ImageReference| GitImage::Named(image.to_string());
            named.iter().map(only_named).collect()
        }
    };
    Ok(Deployed {
        location: verify.remote.location.clone(),
        branch: tip.branch,
        commit,
        base: None,
        since: None,
        in_several: false,
        paths: contents.iter().map(|file| file.path.to_string()).collect(),
        touched: Vec::new(),
        files: verify.files.clone(),
        images,
    })
}

/// The commit that is asked about where nothing says what is to run: what it changed itself.
async fn of_commit(
    verify: &Verify,
    tip: Snapshot,
    session: &Session<'_>,
    log: &mut impl Progress,
) -> Result<Deployed, Failure> {
    let of_tip = Revision::from(&tip.commit);
    let revision = match &verify.commit {
        Some(revision) if !of_tip.as_str().starts_with(revision.as_str()) => revision,
        _ => &of_tip,
    };
    let all = FileSelection {
        include: "**".parse().into_iter().collect(),
        ..FileSelection::default()
    };
    let touched = named(session, revision, &all, log).await?;
    let images = touched.files.iter().flat_map(|file| {
        let (before, after) = (file.before.as_deref(), file.after.as_deref());
        images_changed(&file.path, before, after)
    });
    let images: Vec<HeldImage> = images.collect();
    let mut paths: Vec<&RepoPath> = images.iter().map(|image| &image.file).collect();
    paths.dedup();
    Ok(Deployed {
        location: verify.remote.location.clone(),
        branch: tip.branch,
        commit: touched.commit.id.clone(),
        base: None,
        since: None,
        in_several: false,
        paths: paths.iter().map(ToString::to_string).collect(),
        files: Some(FileSelection {
            include: paths.into_iter().cloned().map(Pattern::Path).collect(),
            ..FileSelection::default()
        }),
        touched: Vec::new(),
        images: images.into_iter().map(GitImage::Held).collect(),
    })
}

/// Refuses to wait for an image in whose place `held`, the images of the files, have another one.
fn refuse_others(
    named: &[ImageReference],
    held: &[HeldImage],
    commit: &CommitId,
) -> Result<(), Failure> {
    for image in named {
        let parsed = held.iter().filter_map(|held| {
            let reference: ImageReference = held.image.parse().ok()?;
            reference
                .same_repository(image)
                .then_some((held, reference))
        });
        let own: Vec<(&HeldImage, ImageReference)> = parsed.collect();
        if let Some((other, _)) = own.first()
            && !own.iter().any(|(_, held)| held.satisfies(image))
        {
            let (file, line, other) = (&other.file, other.line, &other.image);
            return Err(Failure::new(
                Reason::NoImage,
                format!(
                    "{file} line {line} holds {other} at {}, and {image} is nowhere in the files, so that it never runs by this commit.",
                    commit.short()
                ),
            )
            .with_hint(format!(
                "Give the image that is to run, or the `commit` that brought {image}: the output `commit-sha` of the step that deployed it."
            )));
        }
    }
    Ok(())
}

/// The commit that begins with `revision`, if the branch leads to it; with what it did to `files`.
async fn named(
    session: &Session<'_>,
    revision: &Revision,
    files: &FileSelection,
    log: &mut impl Progress,
) -> Result<Touched, Failure> {
    let (text, location) = (revision.as_str(), &session.remote.location);
    let searched = session.read(log, async || session.repository.search(text, files).await);
    let failure =
        |message: String, hint: &str| Err(Failure::new(Reason::History, message).with_hint(hint));
    match searched.await? {
        Searched::OnBranch(touched) => {
            log.info(&format!("Verifying {}", commit_line(&touched.commit)));
            Ok(touched)
        }
        Searched::Elsewhere(commit) => failure(
            format!("Commit {commit} is in {location}, but not on the branch."),
            "Set `branch` to the one that was pushed to.",
        ),
        Searched::Ambiguous(commits) => failure(
            format!("{} commits begin with `{text}`.", commits.len()),
            "Give more digits of the commit's id, as the output `commit-sha` has it.",
        ),
        Searched::Nowhere => failure(
            format!("No commit of the branch in {location} begins with `{text}`."),
            "Pass the output `commit-sha` of the step that deployed as `commit`, and the same `repository` and `branch`.",
        ),
    }
}
