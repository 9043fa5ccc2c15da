//! How the waiting ended, in words for a person.

use std::fmt::Write as _;
use std::time::Duration;

use super::ended::{Ended, WAY_BACK};
use super::rbac::rbac_object;
use super::report::Blame;
use super::seen::{HeldBack, Seen};
use super::sign_on;
use super::target::Deployed;

use crate::argocd::client::ArgocdError;
use crate::argocd::diagnosis::{self, IGNORE_DIFFERENCES, Mistracking};
use crate::argocd::{Application, Culprit, Doubt, Evidence, Fault, Resource, Symptom, Wait};
use crate::failure::Reason;
use crate::http::text::one_line;
use crate::nearest::first_few;
use crate::operation::advice::{IN_THE_URL, ON_A_PRIVATE_CA, ON_A_PROXY, on_this_machine, on_tls};
use crate::repository::CommitId;

/// The most resources that a sentence lists.
const MAX_LISTED: usize = 5;
/// What to do where it is synced, and has the old image.
const UNCHANGED: &str = "Something keeps Argo CD from changing the image: manifests of before in its cache (`argocd app get --hard-refresh`), an `ignoreDifferences` on a whole list with RespectIgnoreDifferences; or the image comes from another file than the one that was changed.";

/// What is missing, as a part of a line of the log.
pub(super) fn waiting(wait: &Wait, commit: &CommitId) -> String {
    match wait {
        Wait::Unseen => format!("{} is not seen yet", commit.short()),
        Wait::Comparison(symptom) => format!(
            "Git can't be compared with the cluster: {}",
            listed(std::slice::from_ref(symptom))
        ),
        Wait::Blocked(revision) => format!(
            "the sync of {} is tried again and again, and keeps {} back",
            short(revision),
            commit.short()
        ),
        Wait::Failed(culprit) => format!("{}. Waiting for a cure", culprit_words(culprit)),
        Wait::Hydrating => "its manifests are being hydrated".to_owned(),
        Wait::Syncing => "a sync runs".to_owned(),
        Wait::OutOfSync => "not synced yet".to_owned(),
        Wait::StaleHealth => "its health is that of before the sync".to_owned(),
        Wait::Health(status) if status.is_empty() => "no health yet".to_owned(),
        Wait::Health(status) => format!("{status}, not yet healthy"),
        Wait::OldImages(images) => format!("healthy, but no Pod runs {} yet", images.join(", ")),
        Wait::NoPod(images) => format!("healthy, and no Pod runs {}", images.join(", ")),
        Wait::OldObjects(images, objects) => format!(
            "healthy, but not all in the cluster has {} yet: {}",
            images.join(", "),
            listed(objects)
        ),
        Wait::Pods(pods) => format!("it calls itself healthy, but {}", listed(pods)),
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
                match status.health.status.as_str() {
                    "" => "without a health",
                    health => health,
                },
                short(revision)
            )
        }
        None => format!("nothing is known of {}", seen.name),
    }
}

/// Argo CD does not let itself be asked, after `waited`.
pub(super) fn refused(seen: &Seen<'_>, error: &ArgocdError, waited: Duration) -> Ended {
    let ended = refusal(seen, error, waited);
    match ended.failure.reason {
        Reason::ApplicationNotFound => ended,
        _ => not_known(seen, ended),
    }
}

/// With what is easily forgotten: the commit is in Git, and Argo CD waits for no step.
fn not_known(seen: &Seen<'_>, mut ended: Ended) -> Ended {
    let commit = seen.watching.deployed.commit.short();
    let not_known = format!(
        " Whether {} runs {commit}, which is in Git, is not known: it may be live already.",
        seen.name
    );
    ended.failure.message.push_str(&not_known);
    ended
}

fn refusal(seen: &Seen<'_>, error: &ArgocdError, waited: Duration) -> Ended {
    let name = seen.name;
    let argocd = seen.watching.argocd;
    let host = argocd.server.host();
    let was_there = seen.application.as_ref().is_some();
    let is_by_job = sign_on::is_by_job(seen);
    let right = || match is_by_job {
        true => sign_on::missing_right(seen),
        false => {
            let object = rbac_object(seen);
            format!(
                "The token needs `applications, get` on it: `p, ROLE, applications, get, {}, allow` in the project's role or in `argocd-rbac-cm`{}.",
                object.name, object.otherwise
            )
        }
    };
    match error {
        ArgocdError::Forbidden(_) | ArgocdError::NotFound(_) if was_there => {
            let hint = match is_by_job {
                true => format!(
                    "Somebody deleted it, or took the right to see it from this job. {}",
                    right()
                ),
                false => {
                    "Somebody deleted it, or took the right to see it from the token.".to_owned()
                }
            };
            Ended::new(
                Reason::ApplicationNotFound,
                format!("The application {name} went away while this step waited for it: {error}."),
                hint,
            )
        }
        ArgocdError::SignOn(refusal) => sign_on::refused(seen, refusal, waited),
        ArgocdError::Unauthorized(_) if is_by_job => sign_on::not_taken(seen, error),
        ArgocdError::Unauthorized(said) if sign_on::is_expired(said) => Ended::new(
            Reason::ArgocdToken,
            format!("{error}."),
            "The time of `argocd-token` is over: make a new one. A project role's token lasts: `argocd proj role create-token PROJECT ROLE`; an account's is made by `argocd account generate-token`.",
        ),
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
                    "{}{missing} One in a namespace of its own must be in `application.namespaces`.",
                    right()
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
        ArgocdError::Rejected(_) => Ended::new(
            Reason::ApplicationNotFound,
            format!("{error}."),
            format!(
                "Argo CD refuses the question as it is put: check `argocd-project` against the project of {name}, and `argocd-namespace` against the namespaces that this project allows applications in (`sourceNamespaces`)."
            ),
        ),
        ArgocdError::KeptOut(_) => Ended::new(
            Reason::NotArgocd,
            format!(
                "{error}, and that is not Argo CD's own answer: something in front of it keeps this job out."
            ),
            "A proxy, an allow list of addresses, or a single sign-on answers for it. Let the API through for this runner (its address, or a self-hosted runner in that network), or give `argocd-server` an address that leads to Argo CD itself. A proxy is the one that HTTPS_PROXY names; NO_PROXY lists the hosts that are reached without it.",
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
        ArgocdError::Tls { error: tls, .. } => {
            let (reason, mut hint) = on_tls(tls, IN_THE_URL);
            if hint == ON_A_PRIVATE_CA {
                hint.push_str(" Argo CD's own certificate is self-signed until you replace it (`argocd-server-tls`).");
            }
            Ended::new(reason, format!("{error}."), hint)
        }
        ArgocdError::Proxy { .. } => Ended::new(
            Reason::Proxy,
            format!("{error}. This step asked for {} s.", waited.as_secs()),
            ON_A_PROXY,
        ),
        ArgocdError::Unreachable(_) | ArgocdError::Unavailable { .. } => {
            unreachable_server(seen, error, waited)
        }
    }
}

fn unreachable_server(seen: &Seen<'_>, error: &ArgocdError, waited: Duration) -> Ended {
    let server = &seen.watching.argocd.server;
    let message = format!("{error}. This step asked for {} s.", waited.as_secs());
    let look = format!("Look at {} ({}).", seen.name, server.page(seen.name));
    if let ArgocdError::Unavailable { passing, .. } = error
        && passing.is_rate_limit
    {
        let hint = format!(
            "{look} Argo CD, or what is in front of it, limits how often it is asked: whoever runs it can raise that for this runner."
        );
        return Ended::new(Reason::RateLimited, message, hint);
    }
    let hint = match (error, &seen.application) {
        (ArgocdError::Unreachable(_), None) if server.is_on_this_machine() => {
            on_this_machine().to_owned()
        }
        (ArgocdError::Unreachable(_), None) => format!(
            "{look} Where no run reaches Argo CD: check `argocd-server`. One in a private network needs a runner in that network, which GitHub's own are not."
        ),
        _ => format!(
            "{look} Argo CD, or what is in front of it, has trouble: if that lasts, ask whoever runs it."
        ),
    };
    Ended::new(Reason::ArgocdUnavailable, message, hint)
}

/// The application is made of something else than what was pushed to.
pub(super) fn mistracked(seen: &Seen<'_>, mistracking: &Mistracking) -> Ended {
    let Deployed {
        location,
        branch,
        commit,
        paths,
        ..
    } = seen.watching.deployed;
    let name = seen.name;
    let message = match mistracking {
        Mistracking::Repository(urls) if urls.is_empty() => {
            format!(
                "The application {name} has no source, so it never gets to {}.",
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
        Mistracking::Path(path) => format!(
            "The application {name} is the files of `{path}`, and {} is not in it: whatever it runs is not made of {}.",
            first_few(paths, MAX_LISTED),
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
        Mistracking::Path(_) => {
            "Check `file` and `argocd-application`, or the `path` of the application's source."
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

/// The commit broke the application.
pub(super) fn broken(seen: &Seen<'_>, evidence: &Evidence) -> Ended {
    let name = seen.name;
    let commit = seen.watching.deployed.commit.short();
    let (reason, mut text, hint) = match &evidence.fault {
        Fault::Sync(message) => (
            Reason::SyncFailed,
            format!(
                "Argo CD could not apply {commit} to {name}: {}.",
                sentence(message)
            ),
            "Argo CD does not try this revision again: correct the manifests with a new commit.",
        ),
        Fault::Retries(count, message) => (
            Reason::SyncFailed,
            format!(
                "Argo CD could not apply {commit} to {name}, and has tried it {} times: {}.",
                count + 1,
                sentence(message)
            ),
            "It fails the same way each time: correct the manifests with a new commit.",
        ),
        Fault::Manifests => (
            Reason::SyncFailed,
            format!(
                "Argo CD can't make manifests of {commit} for {name}, also after a second look into Git."
            ),
            "Correct what it names with a new commit.",
        ),
        Fault::Hydration => (
            Reason::SyncFailed,
            format!("Argo CD could not hydrate {commit} for {name}."),
            "Correct what it names with a new commit.",
        ),
        Fault::Degraded => (
            Reason::Degraded,
            format!(
                "The application {name} is degraded at {commit}, and was not before{}.",
                lasted(evidence.lasted)
            ),
            "Look at the Pods' logs and events in Argo CD.",
        ),
        Fault::Pods => (
            Reason::Degraded,
            format!("The Pods of {name} that have the image of {commit} do not run."),
            "Look at the Pods' logs and events in Argo CD.",
        ),
    };
    text.push_str(&lines(&evidence.symptoms, &text));
    Ended::new(reason, text, hint)
        .with_way_back()
        .blamed_on(Blame::Commit)
}

/// ` (for 62 s)`
fn lasted(time: Option<Duration>) -> String {
    match time.map(|time| time.as_secs()) {
        // What is final by itself has no need to last.
        None | Some(0..10) => String::new(),
        Some(seconds) => format!(" (for {seconds} s)"),
    }
}

/// What else is wrong, as a part of a sentence.
fn culprit_words(culprit: &Culprit) -> String {
    match culprit {
        Culprit::Deleting => "it is being deleted".to_owned(),
        Culprit::Recreated => "it was deleted and made again meanwhile".to_owned(),
        Culprit::SourceChanged => "its source was changed meanwhile".to_owned(),
        Culprit::LaterCommit(symptoms) => {
            format!("a later commit fails: {}", listed(symptoms))
        }
        Culprit::OlderCommit(revision, symptoms) => format!(
            "the sync of {}, an older commit, is tried again and again and keeps this one back: {}",
            short(revision),
            listed(symptoms)
        ),
        Culprit::FailedBefore(symptoms) => {
            format!(
                "it fails as it did before this commit: {}",
                listed(symptoms)
            )
        }
        Culprit::Surroundings(symptoms) => format!(
            "Argo CD can't work with Git or the cluster: {}",
            listed(symptoms)
        ),
        Culprit::Others(symptoms) => format!(
            "what does not carry these images is unwell: {}",
            listed(symptoms)
        ),
        Culprit::Unproven(Doubt::Words, symptoms) => format!(
            "it fails, and not by what only a commit can cause: {}",
            listed(symptoms)
        ),
        Culprit::Unproven(Doubt::CameAlong(revision), symptoms) => format!(
            "it fails since it went from {} to this commit, and what others changed between the two came along: {}",
            short(revision),
            listed(symptoms)
        ),
        Culprit::Unproven(Doubt::CameLater, symptoms) => format!(
            "it fails, and Argo CD is at a commit that came later and has other manifests, so that it is not known which of the two is why: {}",
            listed(symptoms)
        ),
        Culprit::Unproven(Doubt::Moved(others), symptoms) => format!(
            "it fails since this commit came, and with it {others}: {}",
            listed(symptoms)
        ),
        Culprit::Unproven(Doubt::Lacking, symptoms) => format!(
            "its Pods do not start for want of what no image brings along: {}",
            listed(symptoms)
        ),
        Culprit::Unproven(Doubt::Before, symptoms) => format!(
            "it fails, and what ran before this commit is not known: {}",
            listed(symptoms)
        ),
        Culprit::Unproven(Doubt::Unread, symptoms) => format!(
            "it fails, and Git does not tell whether others changed what it is made of: {}",
            listed(symptoms)
        ),
        Culprit::Rewritten(resources) => match resources.len() {
            1 => format!("{} stays out of sync", resources.join(", ")),
            _ => format!("{} stay out of sync", resources.join(", ")),
        },
        Culprit::Pruning(resources) => match resources.len() {
            1 => format!("{} waits to be pruned", resources.join(", ")),
            _ => format!("{} wait to be pruned", resources.join(", ")),
        },
    }
}

/// Something else is wrong.
pub(super) fn elsewhere(seen: &Seen<'_>, culprit: &Culprit) -> Ended {
    let name = seen.name;
    let commit = seen.watching.deployed.commit.short();
    let words = culprit_words(culprit);
    let (reason, text, hint) = match culprit {
        Culprit::Deleting | Culprit::Recreated => (
            Reason::Elsewhere,
            format!("Whether {name} runs {commit} can't be told: {words}."),
            "Somebody deletes or moves the application: ask them. This deployment is not the cause.".to_owned(),
        ),
        Culprit::SourceChanged => (
            Reason::Elsewhere,
            format!(
                "The application {name} does not get to {commit}: {words}, to {}.",
                seen.application.as_ref().map(sources).unwrap_or_default()
            ),
            "Check `repository`, `branch` and `argocd-application` against the application as it is now.".to_owned(),
        ),
        Culprit::LaterCommit(_) => (
            Reason::Elsewhere,
            format!("{name} does not run {commit} yet: {words}."),
            "The commit that came later, not this deployment, is to be corrected: whoever made it should look.".to_owned(),
        ),
        Culprit::OlderCommit(..) => (
            Reason::Elsewhere,
            format!("{name} does not run {commit} yet: {words}."),
            format!("Stop that sync (`argocd app terminate-op {name}`): Argo CD then goes on with the newest commit."),
        ),
        Culprit::FailedBefore(_) => (
            Reason::Elsewhere,
            format!("{name} does not run {commit}: {words}."),
            "Undoing this deployment would not cure it: correct what it names.".to_owned(),
        ),
        Culprit::Surroundings(_) => (
            Reason::Elsewhere,
            format!("{name} does not run {commit} yet: {words}."),
            "Undoing this deployment would not cure it: look at Argo CD's access to the repository and the cluster. It goes on by itself when that is back.".to_owned(),
        ),
        Culprit::Others(_) => (
            Reason::Elsewhere,
            format!("{name} is not healthy at {commit}, and not because of this deployment: {words}."),
            "Look at those resources.".to_owned(),
        ),
        Culprit::Unproven(..) => {
            let text = format!(
                "{name} does not run {commit} yet, and it is not proven that this deployment is why: {words}."
            );
            let hint = format!("Look at what it names, and correct that.{WAY_BACK}");
            return Ended::new(Reason::NotInTime, text, hint);
        }
        Culprit::Rewritten(_) => (
            Reason::OutOfSync,
            format!(
                "The application {name} is healthy at {commit}, but stays OutOfSync: {words}. Argo Rollouts writes into them, and Git has other values."
            ),
            format!(
                "Have Argo CD leave those fields alone, in the Application:\n{IGNORE_DIFFERENCES}"
            ),
        ),
        Culprit::Pruning(_) => (
            Reason::OutOfSync,
            format!("The application {name} stays OutOfSync at {commit}: {words}, as they are not in Git any more."),
            format!("Prune them (`argocd app sync {name} --prune`), or have Argo CD do so (`syncPolicy.automated.prune: true`)."),
        ),
    };
    Ended::new(reason, text, hint).blamed_on(Blame::Elsewhere)
}

/// `https://github.com/acme/gitops (shop at main)`
fn sources(application: &Application) -> String {
    let sources = application.sources();
    let texts: Vec<String> = sources
        .iter()
        .map(|source| {
            let (url, path, revision) = (&source.repo_url, &source.path, &source.target_revision);
            format!("{url} ({path} at {revision})")
        })
        .collect();
    texts.join(", ")
}

/// A line for each symptom that `text` does not have already.
fn lines(symptoms: &[Symptom], text: &str) -> String {
    let new = symptoms.iter().filter(|Symptom { title, message }| {
        !text.contains(title.as_str()) || !text.contains(sentence(message).as_str())
    });
    new.map(|Symptom { title, message }| format!("\n{title}: {}", one_line(message)))
        .collect()
}

/// `Pod/web: CrashLoopBackOff; …`
pub(super) fn listed(symptoms: &[Symptom]) -> String {
    let texts: Vec<String> = symptoms
        .iter()
        .map(|Symptom { title, message }| format!("{title}: {}", sentence(message)))
        .collect();
    match texts.is_empty() {
        true => "Argo CD does not say why".to_owned(),
        false => texts.join("; "),
    }
}

fn short(revision: &str) -> &str {
    revision.get(..7).unwrap_or(revision)
}

/// The time was over, and what became of the commit is not known.
pub(super) fn late(seen: &Seen<'_>, wait: Option<Wait>, total: Duration) -> Ended {
    let Deployed {
        commit,
        location,
        paths,
        ..
    } = seen.watching.deployed;
    let name = seen.name;
    let seconds = total.as_secs();
    if let Some(error) = &seen.trouble {
        return refused(seen, error, total);
    }
    let Some(application) = seen.application.as_ref() else {
        let silent = Ended::new(
            Reason::ArgocdUnavailable,
            format!(
                "{} did not answer within {seconds} s.",
                seen.watching.argocd.server.host()
            ),
            "Give it more time with `verify-timeout`, or look whether Argo CD is well.",
        );
        return not_known(seen, silent);
    };
    let mut message = format!(
        "{} after {seconds} s (`verify-timeout`); this step waited for {}.",
        state(seen, Some(application)),
        commit.short()
    );
    let mut hint = "Give it more time with `verify-timeout`, if it is only slow.".to_owned();
    let unattended = diagnosis::unattended(application);
    match wait.as_ref() {
        Some(Wait::Failed(culprit)) => {
            let _ = write!(message, " Why is not known: {}.", culprit_words(culprit));
        }
        Some(Wait::Blocked(revision)) => {
            let _ = write!(message, " The sync of {} keeps it back.", short(revision));
        }
        None | Some(Wait::Syncing | Wait::StaleHealth) => {
            let operation = application.status.operation_state.as_ref();
            let said = operation
                .map(|operation| sentence(&operation.message))
                .unwrap_or_default();
            if !said.is_empty() {
                let _ = write!(message, " The sync says: {said}.");
            }
        }
        Some(Wait::Unseen | Wait::Comparison(_) | Wait::Hydrating) => {
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
            hint = match &wait {
                Some(Wait::Comparison(_)) => "Argo CD can't compare Git with the cluster, and nothing shows that this commit is why: cure what it names, then it goes on.".to_owned(),
                _ => "Argo CD has not compared the commit yet. Check that it can reach the repository, and that the application follows this branch.".to_owned(),
            };
        }
        Some(Wait::OutOfSync) => {
            let _ = write!(
                message,
                " Out of sync: {}.",
                titles(diagnosis::out_of_sync(application))
            );
            let said = condition(application);
            if !said.is_empty() {
                let _ = write!(message, " Argo CD says: {said}.");
            }
            if !diagnosis::rewritten(application).is_empty() {
                hint = format!(
                    "Argo Rollouts writes into these. Have Argo CD leave those fields alone, in the Application:\n{IGNORE_DIFFERENCES}"
                );
            } else {
                hint = match seen.held_back {
                    Some(HeldBack::ByHand) => format!(
                        "Auto-sync is off, so nobody applies the commit: switch it on (`syncPolicy.automated`), or have a step run `argocd app sync {name}` meanwhile."
                    ),
                    Some(HeldBack::BySet) => "An ApplicationSet made the application, and syncs it, maybe step by step (RollingSync): look at the steps before this one.".to_owned(),
                    Some(HeldBack::Window) => "A sync window of the project is closed: Argo CD syncs when it opens.".to_owned(),
                    Some(HeldBack::Unknown) | None => format!("Argo CD does not apply them by itself, as it can miss a commit: run `argocd app sync {name}`, and look at the application's conditions."),
                };
            }
        }
        Some(Wait::Health(status)) => {
            let of_status = |resource: &&Resource| resource.health() == status;
            let resources = application.status.resources.iter().filter(of_status);
            let symptoms: Vec<Symptom> = resources
                .take(MAX_LISTED)
                .map(|resource| Symptom {
                    title: resource.title(),
                    message: match resource.said() {
                        "" => status.clone(),
                        said => format!("{status}: {said}"),
                    },
                })
                .collect();
            message.push_str(&unwell(seen));
            message.push_str(&lines(&symptoms, &message));
            hint = match status.as_str() {
                "Suspended" => "What is suspended is named above. A rollout that pauses, such as a canary's step, waits to be promoted: if that is where this step is to end, set `argocd-allow-suspended: true`.".to_owned(),
                _ if status == "Degraded" || !seen.unwell.is_empty() => format!("It is not proven that this deployment is why: what is named above was so before or may have been, is so with another image as well, waits for a registry, has lasted for less than a minute, does not have its image, or is not missed. Look at it in Argo CD, with its logs and events. Raise `verify-timeout` where it may only need more time.{WAY_BACK}"),
                _ => format!("Nothing shows that it is broken: it may only be slow. Raise `verify-timeout`, or look at it in Argo CD.{WAY_BACK}"),
            };
        }
        Some(Wait::OldImages(images)) => {
            let running = match seen.running.is_empty() {
                true => &application.status.summary.images,
                false => &seen.running,
            };
            let running: Vec<&str> = running
                .iter()
                .map(String::as_str)
                .take(MAX_LISTED)
                .collect();
            let is_any = images.iter().any(|image| running.contains(&image.as_str()));
            let (none_runs, they) = match is_any {
                true => ("no Pod of one of its workloads runs", "its Pods have"),
                false => ("no Pod runs", "they run"),
            };
            let _ = write!(
                message,
                " It calls itself Synced and Healthy, but {none_runs} {}: {they} {}.",
                images.join(", "),
                running.join(", ")
            );
            message.push_str(&unwell(seen));
            hint = UNCHANGED.to_owned();
        }
        Some(Wait::NoPod(images)) => {
            let _ = write!(message, " No Pod runs {}.", images.join(", "));
        }
        Some(Wait::OldObjects(images, objects)) => {
            let _ = write!(
                message,
                " It calls itself Synced and Healthy, but not all in the cluster has {}: {}.",
                images.join(", "),
                listed(objects)
            );
            hint = UNCHANGED.to_owned();
        }
        Some(Wait::Pods(pods)) => {
            message.push_str(" It calls itself Healthy, and its Pods do not run:");
            message.push_str(&lines(pods, &message));
            hint = "Argo CD knows no health of what these Pods belong to: look at them, or raise `verify-timeout` where they are only slow.".to_owned();
        }
    }
    if let Some(why) = unattended {
        let _ = write!(message, " {why}");
    }
    Ended::new(Reason::NotInTime, message, hint)
}

/// A line for each Pod that is not well, or nothing.
fn unwell(seen: &Seen<'_>) -> String {
    let pods = seen.unwell.iter().take(MAX_LISTED);
    pods.map(|(name, message)| format!("\n{name}: {message}"))
        .collect()
}

fn titles<'r>(resources: impl Iterator<Item = &'r Resource>) -> String {
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
