//! `operation: verify`: waits until Argo CD runs the commit, healthy, or until others post on the commit that
//! it is deployed.

mod ended;
mod explain;
mod files_alike;
mod find;
mod live;
mod rbac;
mod refresh;
mod report;
mod revisions;
mod seen;
mod shown;
mod sign_on;
mod statuses;
mod target;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use self::ended::Ended;
pub use self::ended::WAY_BACK;
pub use self::report::{
    ApplicationReport, Blame, ContextReport, Phases, ResourceReport, VerificationReport,
};
use self::seen::Watching;
pub use self::target::{Argocd, Deployed, GitImage, Statuses, Verify, Witnesses};
use self::watch::Watch;
use super::Progress;
use super::session::Remote;
use crate::deadline::{Cancellation, Deadline};
use crate::deployment::Source;
use crate::failure::Failure;

/// The shortest and the longest time from one look to the next. It is short after a change, which
/// seldom comes alone.
const LOOKS: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(3));
/// What is done by one look is looked at again so soon.
const CONFIRM: Duration = Duration::from_secs(1);

/// How long Git may still be asked when the time is over: whose fault it is that it does not run.
const PROOF: Duration = Duration::from_secs(10);

/// Finds the commit, and waits until it runs.
///
/// # Errors
/// Whatever keeps the commit from being found, told for a person. How the waiting ended is in the
/// report.
pub async fn run(
    verify: &Verify,
    source: &Source,
    cancellation: Cancellation,
    log: &mut impl Progress,
) -> Result<VerificationReport, Failure> {
    let session = verify
        .remote
        .connect(source, cancellation.clone(), log)
        .await?;
    let deployed = find::find(verify, &session, log).await?;
    let Verify {
        witnesses, remote, ..
    } = verify;
    Ok(wait(witnesses, remote, source, &deployed, cancellation, log).await)
}

/// Waits until what was deployed runs by the word of all witnesses, or won't. How that ended is in the report.
pub(super) async fn wait(
    witnesses: &Witnesses,
    remote: &Remote,
    source: &Source,
    deployed: &Deployed,
    cancellation: Cancellation,
    log: &mut impl Progress,
) -> VerificationReport {
    let mut report = VerificationReport {
        location: deployed.location.clone(),
        branch: deployed.branch.clone(),
        commit: deployed.commit.clone(),
        images: deployed.images.clone(),
        applications: Vec::new(),
        statuses: Vec::new(),
        waited: Duration::ZERO,
        failure: None,
        blame: Blame::NotKnown,
    };
    let started = Instant::now();
    let deadline = Deadline::after(witnesses.timeout(), cancellation);
    let mut by_argocd = Ok(());
    if let Some(argocd) = &witnesses.argocd {
        (report.applications, by_argocd) =
            runs(argocd, remote, source, deployed, &deadline, log).await;
    }
    let mut by_statuses = Ok(());
    let open = by_argocd.as_ref().err();
    if let Some(statuses) = &witnesses.statuses
        && open.is_none_or(Ended::leaves_open)
    {
        if let Some(Ended { failure, .. }) = open {
            log.info(&format!(
                "Argo CD does not tell: {}. What is posted on the commit is waited for, at most {} s",
                failure.message.trim_end_matches('.'),
                deadline.remaining().as_secs()
            ));
        }
        let waiting = statuses::Waiting {
            statuses,
            remote,
            source,
            deployed,
        };
        (report.statuses, by_statuses) = waiting.reported(&deadline, log).await;
    }
    report.waited = started.elapsed();
    match both(by_argocd, by_statuses) {
        Ok(()) => log.info(&report.sentence()),
        Err(Ended { failure, blame }) => {
            report.failure = Some(failure);
            report.blame = blame;
        }
    }
    report
}

/// Both must say that it runs. That it is broken, one of them is enough to tell.
fn both(by_argocd: Result<(), Ended>, by_statuses: Result<(), Ended>) -> Result<(), Ended> {
    match (by_argocd, by_statuses) {
        (Err(open), Err(known)) if open.leaves_open() && known.blame == Blame::Commit => Err(known),
        (Err(ended), _) | (Ok(()), Err(ended)) => Err(ended),
        (Ok(()), Ok(())) => Ok(()),
    }
}

/// Waits until Argo CD runs it, or won't.
async fn runs(
    argocd: &Argocd,
    remote: &Remote,
    source: &Source,
    deployed: &Deployed,
    deadline: &Deadline,
    log: &mut impl Progress,
) -> (Vec<ApplicationReport>, Result<(), Ended>) {
    let session = match remote.open(source, deadline.extended(PROOF)).await {
        Ok(session) => session,
        Err(failure) => return (Vec::new(), Err(Ended::unopened(failure))),
    };
    let client = argocd.client(session.explainer.client.clone());
    let names: Vec<String> = argocd
        .applications
        .iter()
        .map(ToString::to_string)
        .collect();
    log.info(&format!(
        "Waiting until Argo CD at {} runs {}: {}",
        argocd.server.host(),
        deployed.commit.short(),
        names.join(", ")
    ));
    let refreshed = Arc::new(Notify::new());
    let watching = Watching {
        client: &client,
        session: &session,
        deadline,
        deployed,
        argocd,
        refreshed: &refreshed,
    };
    let names = argocd.applications.iter();
    let mut watches: Vec<Watch<'_>> = names.map(|name| Watch::new(name, watching)).collect();
    let ended = watch_all(&mut watches, &refreshed, deadline, log).await;
    (watches.into_iter().map(Watch::report).collect(), ended)
}

/// Looks at every application in turn until all are done, one failed, or the time is over.
async fn watch_all(
    watches: &mut [Watch<'_>],
    refreshed: &Notify,
    deadline: &Deadline,
    log: &mut impl Progress,
) -> Result<(), Ended> {
    let mut pause = LOOKS.0;
    loop {
        let mut changed = false;
        let mut confirm = false;
        for watch in watches.iter_mut().filter(|watch| !watch.is_done()) {
            let look = watch.ask(deadline, log).await?;
            changed |= look.changed;
            confirm |= look.confirm;
        }
        if watches.iter().all(Watch::is_done) {
            return Ok(());
        }
        pause = match changed {
            true => LOOKS.0,
            false => pause.mul_f64(1.4).min(LOOKS.1),
        };
        let pause = if confirm { CONFIRM } else { pause };
        let remaining = deadline.remaining();
        if remaining.is_zero() {
            let late = watches.iter_mut().find(|watch| !watch.is_done());
            return match late {
                Some(watch) => Err(watch.late(deadline.total(), log).await),
                None => Ok(()),
            };
        }
        tokio::select! {
            () = tokio::time::sleep(pause.min(remaining)) => {}
            () = refreshed.notified() => {}
            () = deadline.cancelled() => {
                let unfinished = watches.iter().filter(|watch| !watch.is_done());
                let unfinished: Vec<_> = unfinished.map(|watch| &watch.seen).collect();
                return Err(explain::cancelled(&unfinished));
            }
        }
    }
}
