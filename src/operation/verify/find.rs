//! The commit that is asked about, and the images in it.

use super::target::{Deployed, GitImage, Verify, images_in};
use crate::failure::{Failure, Reason};
use crate::files::FileSelection;
use crate::image::ImageReference;
use crate::operation::session::Session;
use crate::operation::{Progress, commit_line};
use crate::repository::history::Searched;
use crate::repository::{Branch as _, CommitId, Revision};

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
    let (commit, contents) = match &verify.commit {
        None => (tip.commit, tip.files),
        Some(revision) => {
            let commit = match tip.commit.as_str().starts_with(revision.as_str()) {
                true => tip.commit,
                false => named(session, revision, &nothing, log).await?,
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
    let images = match &verify.images[..] {
        [] => images_in(&contents)
            .into_iter()
            .map(GitImage::Held)
            .collect(),
        named => {
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
        paths: contents.iter().map(|file| file.path.to_string()).collect(),
        files: verify.files.clone(),
        images,
    })
}

/// The commit that begins with `revision`, if the branch leads to it.
async fn named(
    session: &Session<'_>,
    revision: &Revision,
    nothing: &FileSelection,
    log: &mut impl Progress,
) -> Result<CommitId, Failure> {
    let (text, location) = (revision.as_str(), &session.remote.location);
    let searched = session.read(log, async || session.repository.search(text, nothing).await);
    let failure =
        |message: String, hint: &str| Err(Failure::new(Reason::History, message).with_hint(hint));
    match searched.await? {
        Searched::OnBranch(touched) => {
            log.info(&format!("Verifying {}", commit_line(&touched.commit)));
            Ok(touched.commit.id.clone())
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
