//! How the waiting ended, in words for a person.

use std::fmt::Write as _;
use std::time::Duration;

use super::seen::{HeldBack, Seen};
use super::target::Deployed;

use crate::argocd::client::ArgocdError;
use crate::argocd::diagnosis::{self, IGNORE_DIFFERENCES, Mistracking};
use crate::argocd::{Application, Problem, Resource, Wait};
use crate::failure::{Failure, Reason};
use crate::http::text::one_line;
use crate::repository::CommitId;

/// The most resources that a sentence lists.
const MAX_LISTED: usize = 5;

/// How it ended badly.
pub(super) struct Ended {
    /// Why, for a person.
    pub(super) failure: Failure,
    /// Whether that is the deployment's own fault, so that undoing it can help.
    pub(super) broken: bool,
}

impl Ended {
    fn new(reason: Reason, message: String, hint: impl Into<String>) -> Self {
        Self {
            failure: Failure::new(reason, message).with_hint(hint),
            broken: false,
        }
    }

    fn broken(self) -> Self {
        Self {
            broken: true,
            ..self
        }
    }
}

/// What is missing, as a part of a line of the log.
pub(super) fn waiting(wait: &Wait, commit: &CommitId) -> String {
    match wait {
        Wait::Unseen => format!("{} is not seen yet", commit.short()),
        Wait::Hydrating => "its manifests are being hydrated".to_owned(),
        Wait::Syncing => "a sync runs".to_owned(),
        Wait::OutOfSync => "not synced yet".to_owned(),
        Wait::StaleHealth => "its health is that of before the sync".to_owned(),
        Wait::Health(status) => format!("{status}, not yet healthy"),
        Wait::OldImages(images) => format!("healthy, but no Pod runs {} yet", images.join(", ")),
        Wait::NoPod(images) => format!("healthy, and no Pod runs {}", images.join(", ")),
    }
}

/// The run was cancelled while it waited.
pub(super) fn cancelled(unfinished: &[&Seen<'_>]) -> Ended {
    let waited: Vec<String> = unfinished
        .iter()
        .map(|seen| state(seen, seen.application.as_ref()))
        .collect();
    Ended::new(
        Reason::Cancelled,
        format!(
            "The run was cancelled while it waited for Argo CD: {}.",
            waited.join("; ")
        ),
        "Git and the cluster are as they are: Argo CD goes on by itself.",
    )
}

/// `shop was OutOfSync, Healthy at 89abcde`
fn state(seen: &Seen<'_>, application: Option<&Application>) -> String {
    match application {
        Some(application) => {
            let status = &application.status;
            let revision = &status.sync.revision;
            let revision = match revision.is_empty() {
                true => status
                    .sync
                    .revisions
                    .first()
                    .map_or("no revision", String::as_str),
                false => revision,
            };
            format!(
                "{} was {}, {} at {}",
                seen.name,
                status.sync.status,
                status.health.status,
                revision.get(..7).unwrap_or(revision)
            )
        }
        None => format!("nothing is known of {}", seen.name),
    }
}

/// Argo CD does not let itself be asked.
pub(super) fn refused(seen: &Seen<'_>, error: &ArgocdError) -> Ended {
    let name = seen.name;
    let argocd = seen.watching.argocd;
    let host = argocd.server.host();
    let was_there = seen.application.as_ref().is_some();
    let gone = || {
        Ended::new(
            Reason::ApplicationNotFound,
            format!("The application {name} went away while it was waited for: {error}."),
            "Somebody deleted it, or took the right to see it from the token.",
        )
    };
    match error {
        ArgocdError::Forbidden(_) | ArgocdError::NotFound(_) if was_there => gone(),
        ArgocdError::Unauthorized(_) => Ended::new(
            Reason::ArgocdToken,
            format!("{error}."),
            "`argocd-token` is expired, revoked or of another Argo CD. A project role's token lasts: `argocd proj role create-token PROJECT ROLE`; an account's is made by `argocd account generate-token`.",
        ),
        ArgocdError::Forbidden(_) => {
            let project = argocd.project.as_deref();
            let missing = match project {
                Some(_) => String::new(),
                None => format!(
                    " Or there is no application {name}: without `argocd-project`, Argo CD does not tell the two apart."
                ),
            };
            Ended::new(
                Reason::ArgocdAccess,
                format!("{error}."),
                format!(
                    "The token needs `applications, get` on it: `p, ROLE, applications, get, {}/{}, allow` in the project's role or in `argocd-rbac-cm`.{missing}",
                    project.unwrap_or("PROJECT"),
                    name
                ),
            )
        }
        ArgocdError::NotFound(_) => Ended::new(
            Reason::ApplicationNotFound,
            format!("{error}."),
            format!(
                "There is no application {name} in Argo CD at {host}: check `argocd-application`, `argocd-project`, and `argocd-namespace` where it is not in Argo CD's own namespace."
            ),
        ),
        ArgocdError::NotArgocd(_) => Ended::new(
            Reason::NotArgocd,
            format!("{error}."),
            "Give `argocd-server` as a browser shows it, with its root path where it has one; a login page or another proxy in front of it must let the API through.",
        ),
        ArgocdError::Redirected(to) => Ended::new(
            Reason::NotArgocd,
            format!("{host} redirects to {to}. The token is not sent there."),
            format!("If that is the Argo CD that is meant, set `argocd-server: {to}`."),
        ),
        ArgocdError::Certificate(why) => Ended::new(
            Reason::Certificate,
            format!("The certificate of {host} is not trusted: {why}."),
            "Give the CA that signed it as `ca-certificate`, in PEM. Argo CD's own certificate is self-signed until you replace it (`argocd-server-tls`).",
        ),
        ArgocdError::Unreachable(_) | ArgocdError::Unavailable(_) => {
            unreachable_server(seen, error)
        }
    }
}

fn unreachable_server(seen: &Seen<'_>, error: &ArgocdError) -> Ended {
    let hint = match seen.application.as_ref() {
        Some(_) => "Whether the commit runs is not known: look at Argo CD itself.",
        None => {
            "A private Argo CD can't be reached from GitHub's own runners: run this job on a self-hosted runner in its network, or give Argo CD an address that the runner can reach."
        }
    };
    Ended::new(Reason::ArgocdUnavailable, format!("{error}."), hint)
}

/// The application is made of something else than what was pushed to.
pub(super) fn mistracked(seen: &Seen<'_>, mistracking: &Mistracking) -> Ended {
    let Deployed {
        location,
        branch,
        commit,
        ..
    } = seen.watching.deployed;
    let name = seen.name;
    let message = match mistracking {
        Mistracking::Repository(urls) if urls.is_empty() => {
            format!(
                "The application {name} has no source, so that it never gets to {}.",
                commit.short()
            )
        }
        Mistracking::Repository(urls) => format!(
            "The application {name} follows {}, and {} was pushed to {}.",
            urls.join(" and "),
            commit.short(),
            location.url()
        ),
        Mistracking::Revision(revision) => format!(
            "The application {name} follows `{revision}`, and {} was pushed to the branch {branch}.",
            commit.short()
        ),
    };
    let hint = match mistracking {
        Mistracking::Repository(_) => {
            "Check `repository` and `argocd-application`, or the `repoURL` of the application."
        }
        Mistracking::Revision(_) => {
            "Check `branch` and `argocd-application`, or the `targetRevision` of the application."
        }
    };
    Ended::new(Reason::Mistracking, message, hint)
}

/// A newer commit set another image.
pub(super) fn superseded(
    seen: &Seen<'_>,
    newer: &CommitId,
    others: &[(String, Option<String>)],
) -> Ended {
    let Deployed { commit, .. } = seen.watching.deployed;
    let changed: Vec<String> = others
        .iter()
        .take(MAX_LISTED)
        .map(|(image, now)| match now {
            Some(now) => format!("{now} in place of {image}"),
            None => format!("{image} is gone"),
        })
        .collect();
    Ended::new(
        Reason::Superseded,
        format!(
            "The application {} is at {}, which came after {} and deploys something else: {}.",
            seen.name,
            newer.short(),
            commit.short(),
            changed.join(", ")
        ),
        "Nothing is broken by it: the newer deployment is the one to look at. To keep deployments apart, give the workflow a `concurrency` group.",
    )
}

/// Argo CD has given up, or the deployment is no good.
pub(super) fn failed(seen: &Seen<'_>, problem: &Problem) -> Ended {
    let name = seen.name;
    let commit = seen.watching.deployed.commit.short();
    match problem {
        Problem::Sync { message, resources } => {
            let mut text = format!(
                "Argo CD could not apply {commit} to {name}: {}.",
                sentence(message)
            );
            for (resource, message) in resources.iter().take(MAX_LISTED) {
                let _ = write!(text, "\n{resource}: {}", one_line(message));
            }
            Ended::new(
                Reason::SyncFailed,
                text,
                "Argo CD does not try this revision again: correct the manifests with a new commit, or undo this one with `operation: rollback`.",
            )
            .broken()
        }
        Problem::Comparison { kind, message } => Ended::new(
            Reason::SyncFailed,
            format!(
                "Argo CD can't make manifests of {commit} for {name} ({kind}): {}.",
                sentence(message)
            ),
            "Correct what it names with a new commit, or undo this one with `operation: rollback`.",
        )
        .broken(),
        Problem::Hydration(message) => Ended::new(
            Reason::SyncFailed,
            format!(
                "Argo CD could not hydrate {commit} for {name}: {}.",
                sentence(message)
            ),
            "Correct what it names with a new commit, or undo this one with `operation: rollback`.",
        )
        .broken(),
        Problem::Degraded(message) => {
            let mut text = format!("The application {name} is degraded at {commit}");
            let said = sentence(message);
            if !said.is_empty() {
                let _ = write!(text, ": {said}");
            }
            text.push('.');
            text.push_str(&unwell(seen));
            Ended::new(
                Reason::Degraded,
                text,
                "Look at the Pods' logs and events in Argo CD. `operation: rollback` undoes the deployment; `rollback-on-failure: true` does so by itself.",
            )
            .broken()
        }
        Problem::Rewritten(resources) => Ended::new(
            Reason::OutOfSync,
            format!(
                "The application {name} is healthy at {commit}, but stays OutOfSync: {}. Argo Rollouts writes into them, and Git has other values.",
                resources.join(", ")
            ),
            format!(
                "Have Argo CD leave those fields alone, in the Application:\n{IGNORE_DIFFERENCES}"
            ),
        ),
    }
}

/// The time was over.
pub(super) fn late(seen: &Seen<'_>, total: Duration) -> Ended {
    let Deployed {
        commit,
        location,
        paths,
        ..
    } = seen.watching.deployed;
    let name = seen.name;
    let seconds = total.as_secs();
    let Some(application) = seen.application.as_ref() else {
        return match seen.trouble.as_ref() {
            Some(error) => unreachable_server(seen, error),
            None => Ended::new(
                Reason::ArgocdUnavailable,
                format!(
                    "{} did not answer within {seconds} s.",
                    seen.watching.argocd.server.host()
                ),
                "Give it more time with `verify-timeout`, or look whether Argo CD is well.",
            ),
        };
    };
    let mut message = format!(
        "{} after {seconds} s (`verify-timeout`), and {} was waited for.",
        state(seen, Some(application)),
        commit.short()
    );
    let mut hint = "Give it more time with `verify-timeout`, if it only is slow.".to_owned();
    let mut broken = false;
    match seen.waiting.as_ref() {
        None | Some(Wait::Syncing | Wait::StaleHealth) => {
            let operation = application.status.operation_state.as_ref();
            let said = operation
                .map(|operation| sentence(&operation.message))
                .unwrap_or_default();
            if !said.is_empty() {
                let _ = write!(message, " The sync says: {said}.");
            }
        }
        Some(Wait::Unseen | Wait::Hydrating) => {
            if let Some(path) = diagnosis::other_path(application, location.url().as_str(), paths) {
                let _ = write!(
                    message,
                    " The application is made of `{path}`, and {} is not in it.",
                    paths.join(", ")
                );
            }
            let said = condition(application);
            if !said.is_empty() {
                let _ = write!(message, " Argo CD says: {said}.");
            }
            hint = "Argo CD has not compared the commit yet. Check that it can reach the repository, and that the application follows this branch.".to_owned();
        }
        Some(Wait::OutOfSync) => {
            let _ = write!(
                message,
                " Out of sync: {}.",
                listed(diagnosis::out_of_sync(application))
            );
            if !diagnosis::rewritten(application).is_empty() {
                hint = format!(
                    "Argo Rollouts writes into these. Have Argo CD leave those fields alone, in the Application:\n{IGNORE_DIFFERENCES}"
                );
            } else {
                hint = match seen.held_back {
                    Some(HeldBack::ByHand) => format!(
                        "Auto-sync is off, so that nobody applies the commit: switch it on (`syncPolicy.automated`), or have a step run `argocd app sync {name}` meanwhile."
                    ),
                    Some(HeldBack::Window) => "A sync window of the project is closed: Argo CD syncs when it opens.".to_owned(),
                    Some(HeldBack::Unknown) | None => "Argo CD does not apply them by itself: look at the application's sync status and its conditions.".to_owned(),
                };
            }
        }
        Some(Wait::Health(status)) => {
            message.push_str(&unwell(seen));
            if status == "Suspended" {
                hint = "A rollout that pauses, such as a canary's step, waits to be promoted. If that is where this step is to end, set `argocd-allow-suspended: true`.".to_owned();
            } else {
                broken = true;
                hint = "Look at the Pods' logs and events in Argo CD. If it only is slow, raise `verify-timeout`; `operation: rollback` undoes the deployment.".to_owned();
            }
        }
        Some(Wait::OldImages(images)) => {
            broken = true;
            let running = &application.status.summary.images;
            let running: Vec<&str> = running
                .iter()
                .map(String::as_str)
                .take(MAX_LISTED)
                .collect();
            let _ = write!(
                message,
                " It calls itself Synced and Healthy, but no Pod runs {}: they run {}.",
                images.join(", "),
                running.join(", ")
            );
            message.push_str(&unwell(seen));
            hint = "Something keeps Argo CD from changing the image, such as an `ignoreDifferences` on a whole list with RespectIgnoreDifferences; or the image comes from another file than the one that was changed.".to_owned();
        }
        Some(Wait::NoPod(images)) => {
            let _ = write!(message, " No Pod runs {}.", images.join(", "));
        }
    }
    let ended = Ended::new(Reason::NotInTime, message, hint);
    if broken { ended.broken() } else { ended }
}

/// A line for each Pod that is not well, or nothing.
fn unwell(seen: &Seen<'_>) -> String {
    let pods = seen.unwell.iter().take(MAX_LISTED);
    pods.map(|(name, message)| format!("\n{name}: {message}"))
        .collect()
}

fn listed<'r>(resources: impl Iterator<Item = &'r Resource>) -> String {
    let mut titles: Vec<String> = resources.map(Resource::title).collect();
    if titles.is_empty() {
        return "Argo CD does not say what".to_owned();
    }
    let more = titles.len().saturating_sub(MAX_LISTED);
    titles.truncate(MAX_LISTED);
    let mut text = titles.join(", ");
    if more > 0 {
        let _ = write!(text, " and {more} more");
    }
    text
}

/// What the conditions of an application say of errors.
fn condition(application: &Application) -> String {
    let conditions = application.status.conditions.iter();
    let errors = conditions.filter(|condition| condition.kind.ends_with("Error"));
    let texts: Vec<String> = errors
        .take(2)
        .map(|condition| sentence(&condition.message))
        .collect();
    texts.join("; ")
}

/// A server's words as a part of a sentence.
fn sentence(words: &str) -> String {
    one_line(words).trim_end_matches('.').to_owned()
}
