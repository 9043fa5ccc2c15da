//! The inputs of `operation: update`.

use super::problems::Problems;
use super::{DEFAULT_AUTHOR, Raw, argocd, image_check, pull_request, remote};
use crate::manifest::EditRequest;
use crate::operation::update::Update;
use crate::repository::Identity;

/// The update that the inputs ask for; none where something is wrong.
pub(super) fn update(raw: &Raw, problems: &mut Problems) -> Option<Update> {
    let mut remote = remote::remote(raw, problems);
    let pull_request = pull_request::pull_request(raw, remote.as_mut(), problems);
    let files = remote::files(raw.file.as_deref(), problems);
    let edit = edit(raw, problems);
    let message = raw
        .commit_message
        .as_deref()
        .and_then(|text| problems.parse("commit-message", text));
    let identity = identity(raw, problems);
    let downgrade = raw
        .downgrade
        .as_deref()
        .and_then(|text| problems.parse("downgrade", text.trim()));
    let image_check = image_check::image_check(raw, &edit, problems);
    let dry_run = problems.boolean("dry-run", raw.dry_run.as_deref());
    let argocd = argocd::argocd(raw, problems);
    let rollback_on_failure =
        problems.boolean("rollback-on-failure", raw.rollback_on_failure.as_deref());
    if rollback_on_failure && argocd.is_none() && raw.argocd_application.is_none() {
        let why = "nothing tells whether the deployment failed: give `argocd-application`";
        problems.add("rollback-on-failure", Some("true"), why);
    }
    Some(Update {
        remote: remote?,
        files: files?,
        edit,
        downgrade: downgrade.unwrap_or_default(),
        image_check,
        message,
        identity,
        dry_run,
        pull_request,
        argocd,
        rollback_on_failure,
    })
}

/// What the manifests are to say. The lines' errors quote the lines themselves.
fn edit(raw: &Raw, problems: &mut Problems) -> EditRequest {
    let before = problems.0.len();
    let edit = EditRequest {
        images: problems.lines("image", raw.image.as_deref()),
        paths: problems.lines("path", raw.path.as_deref()),
        set: problems.lines("set", raw.set.as_deref()),
        resources: problems.lines("resource", raw.resource.as_deref()),
    };
    if problems.0.len() > before {
        return edit;
    }
    if edit.images.is_empty() && !edit.paths.is_empty() {
        let why = "says where an image is, and `image`, the one to write there, is not given";
        problems.add("path", None, why);
    } else if edit.images.is_empty() && edit.set.is_empty() {
        let why = "required (or `set`): the image to deploy, such as `ghcr.io/acme/web:v2` or \
                   `web=ghcr.io/acme/web:v2`";
        problems.add("image", None, why);
    }
    edit
}

/// Author and committer.
pub(super) fn identity(raw: &Raw, problems: &mut Problems) -> Identity {
    let mut take = |input: &str, value: Option<&str>, default: &str| {
        let value = value.unwrap_or(default).trim();
        // What git strips from both ends of a name; of nothing else there must be something left.
        let crud = |c: char| c.is_whitespace() || ".,:;<>\"\\'".contains(c);
        if value.contains(['<', '>']) || value.chars().any(char::is_control) {
            let why = "git takes no `<`, `>` or line end in it";
            problems.add(input, Some(value), why);
        } else if value.trim_matches(crud).is_empty() {
            let why = "nothing is left of it when git has cleaned it";
            problems.add(input, Some(value), why);
        }
        value.to_owned()
    };
    let (name, email) = DEFAULT_AUTHOR;
    Identity {
        name: take("author-name", raw.author_name.as_deref(), name),
        email: take("author-email", raw.author_email.as_deref(), email),
    }
}
