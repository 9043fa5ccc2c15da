//! The message that is written.

use super::reference;
use super::template::{Deployment, MessageTemplate, distinct, one_line};
use super::trailers::{
    DEPLOYED_IMAGE, DEPLOYED_TAG, DEPLOYED_VALUE, Origin, PREVIOUS_IMAGE, PROMOTED_FROM,
    ROLLED_BACK, UNDONE_ROLLBACK, WORKFLOW, WORKFLOW_RUN, passes_for_ours,
};
use super::value;
use crate::image::ImageReference;

/// The longest subject that tools show whole.
const SUBJECT_LENGTH: usize = 72;
/// How many values a message lists; the commit itself has all of them.
const LISTED_VALUES: usize = 50;

/// The whole message: the template's text or the default subject, and the trailers.
pub fn message(template: Option<&MessageTemplate>, deployment: &Deployment<'_>) -> String {
    let text = match template {
        Some(template) => template.render(deployment),
        None => default_subject(deployment),
    };
    let mut message = clean_body(&text);
    if message.is_empty() {
        // A template of placeholders that are all empty here.
        message = default_subject(deployment);
    }
    with_trailers(message, deployment, &[])
}

/// A message that is complete but for its trailers.
fn with_trailers(
    mut message: String,
    deployment: &Deployment<'_>,
    reverted: &[Reverted<'_>],
) -> String {
    let trailers = trailers(deployment, reverted);
    if !trailers.is_empty() {
        message.push_str("\n\n");
        message.push_str(&trailers);
    }
    message.push('\n');
    message
}

/// A text of a pull request: of one line where it is its title.
pub fn text(template: &MessageTemplate, deployment: &Deployment<'_>) -> String {
    clean_body(&template.render_markdown(deployment))
}

/// The message of the commit that undoes others, newest first, as `git revert` words it, with our
/// trailers.
pub fn revert_message(
    template: Option<&MessageTemplate>,
    reverted: &[Reverted<'_>],
    subject: RevertSubject,
    deployment: &Deployment<'_>,
) -> String {
    let text = match template {
        Some(template) => clean_body(&template.render(deployment)),
        None => String::new(),
    };
    let text = match text.is_empty() {
        true if subject == RevertSubject::Again => again_subject(deployment),
        // Whoever names what is to run reads that; the commits are below.
        true if subject == RevertSubject::Back || reverted.len() > 1 => {
            rollback_subject(deployment)
        }
        true => revert_subject(reverted),
        false => text,
    };
    let what = reverted.iter().map(|one| match one.merged_into {
        None => format!("This reverts commit {}.", one.id),
        Some(parent) => format!(
            "This reverts commit {}, reversing\nchanges made to {parent}.",
            one.id
        ),
    });
    let what: Vec<String> = what.collect();
    // The subject is somebody else's text.
    let message = format!("{}\n\n{}", clean_body(&text), what.join("\n"));
    with_trailers(message, deployment, reverted)
}

/// What the subject of a commit says that undoes others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevertSubject {
    /// The one commit that is undone.
    Commit,
    /// What runs again.
    Back,
    /// What is deployed again, after it was rolled back.
    Again,
}

/// `Roll back web to v14`
fn rollback_subject(deployment: &Deployment<'_>) -> String {
    format!("Roll back {}", what_runs(deployment))
}

/// `Deploy web v14 again`
fn again_subject(deployment: &Deployment<'_>) -> String {
    format!(
        "Deploy {} again",
        what_runs(deployment).replace(" to ", " ")
    )
}

/// `web to v14`
fn what_runs(deployment: &Deployment<'_>) -> String {
    let update = default_subject(deployment);
    let what = update.strip_prefix("chore: update ").unwrap_or(&update);
    let what = what.strip_prefix("images ").unwrap_or(what);
    let what = what.replacen(" image to ", " to ", 1);
    what.replacen(" images to ", " to ", 1)
}

/// `Revert "…"`
fn revert_subject(reverted: &[Reverted<'_>]) -> String {
    let subject = reverted.first().map_or("", |newest| newest.subject);
    match subject.strip_prefix("Revert \"") {
        // Since git 2.43, and only once: what is reverted then is again a revert.
        Some(rest) if !rest.starts_with("Revert \"") => format!("Reapply \"{rest}"),
        _ => format!("Revert \"{subject}\""),
    }
}

/// The commit that is undone.
#[derive(Debug, Clone, Copy)]
pub struct Reverted<'a> {
    /// The first line of its message.
    pub subject: &'a str,
    /// Its id, all digits.
    pub id: &'a str,
    /// The first parent of a merge, whose other side is undone.
    pub merged_into: Option<&'a str>,
    /// What it was.
    pub origin: Origin,
    /// Whether it counts as taken back: what it did may be replaced without that.
    pub is_taken_back: bool,
}

/// `chore: update blog-web image to v14`, and the same for several.
fn default_subject(deployment: &Deployment<'_>) -> String {
    let images: Vec<ImageReference> =
        distinct(deployment.images.iter().map(|image| image.new.clone()))
            .iter()
            .filter_map(|image| image.parse().ok())
            .collect();
    let version = |image: &ImageReference| match (image.tag(), image.digest()) {
        (Some(tag), _) => tag.to_owned(),
        (None, Some(digest)) => short_digest(digest).to_owned(),
        (None, None) => "latest".to_owned(),
    };
    let verb = match deployment.promoted_from.is_empty() {
        true => "update",
        false => "promote",
    };
    let subject = match &images[..] {
        [] => return format!("chore: {verb} {}", one_line(&deployment.files.join(", "))),
        [image] => format!("chore: {verb} {} image to {}", image.name(), version(image)),
        [first, rest @ ..] if rest.iter().all(|image| version(image) == version(first)) => {
            let names = distinct(images.iter().map(|image| image.name().to_owned()));
            format!(
                "chore: {verb} {} images to {}",
                names.join(", "),
                version(first)
            )
        }
        _ => {
            let each: Vec<String> = images
                .iter()
                .map(|image| format!("{} to {}", image.name(), version(image)))
                .collect();
            format!("chore: {verb} images {}", each.join(", "))
        }
    };
    if images.len() > 1 && subject.chars().count() > SUBJECT_LENGTH {
        return format!("chore: {verb} {} images", images.len());
    }
    subject
}

/// `sha256:` and the first digits, enough to recognise it.
fn short_digest(digest: &str) -> &str {
    let length = digest.find(':').map_or(0, |colon| colon + 1) + 12;
    digest.get(..length).unwrap_or(digest)
}

/// The trailers, a line each.
fn trailers(deployment: &Deployment<'_>, reverted: &[Reverted<'_>]) -> String {
    let Deployment {
        images,
        values,
        promoted_from,
        source,
        ..
    } = deployment;
    let mut lines = Vec::new();
    for image in distinct(images.iter().map(|image| image.new.clone())) {
        lines.push((DEPLOYED_IMAGE, image));
    }
    for image in distinct(images.iter().map(|image| image.old.clone())) {
        lines.push((PREVIOUS_IMAGE, image));
    }
    let tags = distinct(images.iter().filter_map(|image| value::tag_trailer(image)));
    lines.extend(
        tags.into_iter()
            .take(LISTED_VALUES)
            .map(|tag| (DEPLOYED_TAG, tag)),
    );
    let set = distinct(values.iter().map(|change| value::trailer(change)));
    lines.extend(
        set.into_iter()
            .take(LISTED_VALUES)
            .map(|value| (DEPLOYED_VALUE, value)),
    );
    let from = promoted_from.iter().take(LISTED_VALUES);
    lines.extend(from.map(|file| (PROMOTED_FROM, file.clone())));
    let taken_back = reverted.iter().filter(|one| one.is_taken_back);
    for Reverted { id, origin, .. } in taken_back {
        let key = match origin {
            Origin::Rollback => UNDONE_ROLLBACK,
            Origin::Update | Origin::Reapply | Origin::Edit => ROLLED_BACK,
        };
        lines.push((key, (*id).to_owned()));
    }
    let of_the_run = [
        (WORKFLOW_RUN, &source.run_url),
        (WORKFLOW, &source.workflow),
    ];
    lines.extend(
        of_the_run
            .into_iter()
            .filter_map(|(key, value)| Some((key, value.clone()?))),
    );
    let lines = lines.into_iter().map(|(key, value)| match key {
        DEPLOYED_VALUE | DEPLOYED_TAG => (key, value),
        _ => (key, one_line(&value)),
    });
    // What runs after a rollback or a promotion was not built from the commit of that run.
    let built = match reverted {
        [] if promoted_from.is_empty() => reference::trailers(source),
        _ => Vec::new(),
    };
    let lines = lines.chain(built);
    let lines: Vec<String> = lines
        .map(|(key, value)| format!("{key}: {value}"))
        .collect();
    lines.join("\n")
}

/// A template's text as a message may have it: no control characters, no space at the ends, nothing that
/// passes for a trailer of ours, and no `---` line and no scissors (`# --- >8 ---`), behind which
/// `git interpret-trailers` sees no message any more and would take the paragraph before it for the
/// trailers.
fn clean_body(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let line: String = line
            .chars()
            .filter(|c| !c.is_control() || *c == '\t')
            .collect();
        let divider = line
            .strip_prefix("---")
            .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']));
        let scissors = line.contains("--") && (line.contains(">8") || line.contains("8<"));
        let line = match divider || scissors || passes_for_ours(&line) {
            true => format!(" {line}"),
            false => line,
        };
        line.trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}
