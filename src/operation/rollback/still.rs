//! What is still deployed where nothing is rolled back: the first thing that a person wants to know.

use crate::failure::{Failure, Reason};
use crate::files::FileSelection;
use crate::image::ImageReference;
use crate::manifest::images_in;
use crate::operation::session::Session;
use crate::repository::Branch as _;

/// How many images are named.
const NAMED: usize = 3;

/// `result`; where it failed and has changed nothing, with the images that the files hold: those of
/// `repositories`, if there are any of them.
///
/// # Errors
/// That of `result`.
pub(super) async fn told<T>(
    session: &Session<'_>,
    files: &FileSelection,
    repositories: &[String],
    result: Result<T, Failure>,
) -> Result<T, Failure> {
    let failure = match result {
        Ok(done) => return Ok(done),
        Err(failure) => failure,
    };
    // Of a repository that can't be read, nothing is known.
    let is_readable = matches!(
        failure.reason,
        Reason::Rollback
            | Reason::NoImage
            | Reason::NoPlace
            | Reason::NoYaml
            | Reason::Encrypted
            | Reason::Contradiction
            | Reason::Manifest
            | Reason::Declined
            | Reason::Contention
    );
    if is_readable
        && failure.says_unchanged()
        && let Some(held) = held(session, files, repositories).await
    {
        return Err(failure.with_still(held));
    }
    Err(failure)
}

/// `ghcr.io/o/web:v14 (apps/web.yaml) is still deployed`
async fn held(
    session: &Session<'_>,
    files: &FileSelection,
    repositories: &[String],
) -> Option<String> {
    // It is for a message only: one try.
    let snapshot = session.repository.snapshot(files).await.ok()?;
    let mut held: Vec<(String, String)> = Vec::new();
    for file in &snapshot.files {
        for image in images_in(file).unwrap_or_default() {
            if !held.iter().any(|(own, _)| *own == image.image) {
                held.push((image.image, image.file.to_string()));
            }
        }
    }
    let is_meant = |(image, _): &(String, String)| {
        let image = image.parse::<ImageReference>();
        image.is_ok_and(|image| repositories.iter().any(|one| one == image.repository()))
    };
    if held.iter().any(is_meant) {
        held.retain(is_meant);
    }
    let (count, more) = (held.len(), held.len().saturating_sub(NAMED));
    let named = held.iter().take(NAMED);
    let mut named: Vec<String> = named
        .map(|(image, file)| format!("{image} ({file})"))
        .collect();
    if more > 0 {
        named.push(format!("{more} more"));
    }
    let last = named.pop()?;
    let are = if count == 1 { "is" } else { "are" };
    Some(match &named[..] {
        [] => format!("{last} {are} still deployed"),
        rest => format!("{} and {last} {are} still deployed", rest.join(", ")),
    })
}
