//! What an application's state means for a commit: wait, done, or failed.
//!
//! `argocd app wait` looks at no revision and so passes on the old commit. Here nothing is believed
//! before the commit, or one on top of it, is what Argo CD compared with the cluster.

// A length of time is no clock.
use core::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::Application;
use crate::image::ImageReference;

/// How long an application may stay degraded that was so before the commit came: the commit may be
/// the cure.
const DEGRADED_GRACE: Duration = Duration::from_secs(60);
/// How long a comparison may fail that names no revision.
const COMPARISON_GRACE: Duration = Duration::from_secs(30);
/// How long a healthy application without any Pod of an image is looked at before that is believed.
const NO_POD_GRACE: Duration = Duration::from_secs(15);
/// How long a healthy application may be out of sync by fields only that a controller writes.
const REWRITTEN_GRACE: Duration = Duration::from_secs(60);
/// A health that is so old by Argo CD's own clock needs no second look.
const SETTLED: TimeDelta = TimeDelta::seconds(5);

/// What a revision is to the commit that is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// The commit itself.
    Exact,
    /// One that was made on top of it.
    Newer,
    /// Any other, and none.
    Old,
}

/// What is waited for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WaitFor {
    /// Argo CD applied it.
    Synced,
    /// And it runs.
    #[default]
    Healthy,
}

/// What is to become of the application.
#[derive(Debug, Clone)]
pub struct Goal {
    /// The images that are to run.
    pub images: Vec<ImageReference>,
    /// When it is done.
    pub wait_for: WaitFor,
    /// Whether a pause, such as a canary's, is the end of it.
    pub allow_suspended: bool,
}

/// An application at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// What Argo CD says.
    pub application: &'a Application,
    /// What it compared with the cluster last.
    pub compared: Relation,
    /// What its last operation was to apply; none where there is none.
    pub applied: Option<Relation>,
    /// What the source hydrator works on; none where there is none.
    pub hydrating: Option<Relation>,
    /// The server's clock, where it told it.
    pub now: Option<DateTime<Utc>>,
    /// Since the waiting began.
    pub elapsed: Duration,
}

/// What it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Not there yet.
    Wait(Wait),
    /// There, if the next look says the same.
    Confirm,
    /// There.
    Done(Done),
    /// It won't get there.
    Failed(Problem),
}

/// What is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wait {
    /// Argo CD has not seen the commit.
    Unseen,
    /// The source hydrator is at work.
    Hydrating,
    /// An operation runs.
    Syncing,
    /// It was seen, and nothing applies it.
    OutOfSync,
    /// The health is that of before the operation.
    StaleHealth,
    /// It is not healthy yet; the status.
    Health(String),
    /// Healthy, and Pods run other images of these repositories only.
    OldImages(Vec<String>),
    /// Healthy, and no Pod has these images, nor others of their repositories.
    NoPod(Vec<String>),
}

/// How it ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// Applied, which is all that was asked for.
    Synced,
    /// It runs, healthy.
    Healthy,
    /// It pauses, which is accepted.
    Suspended,
    /// Healthy; of some images no Pod runs, such as a CronJob's.
    WithoutPods,
}

/// Why it won't get there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// The operation failed, and Argo CD does not try the same revision again.
    Sync {
        /// Its message.
        message: String,
        /// The resources that failed, each with its message.
        resources: Vec<(String, String)>,
    },
    /// The manifests can't be made or compared.
    Comparison {
        /// `ComparisonError` or `InvalidSpecError`.
        kind: String,
        /// Its message.
        message: String,
    },
    /// The source hydrator failed.
    Hydration(String),
    /// It runs, and not well.
    Degraded(String),
    /// Healthy, and out of sync for ever by what a controller writes into these resources.
    Rewritten(Vec<String>),
}

/// Judges one application, look after look.
#[derive(Debug, Default)]
pub struct Judge {
    confirming: bool,
    degraded_since: Option<Duration>,
    comparing_since: Option<Duration>,
    no_pod_since: Option<Duration>,
    rewritten_since: Option<Duration>,
}

impl Judge {
    /// What `look` means, after all before it.
    pub fn judge(&mut self, look: &Look<'_>, goal: &Goal) -> Verdict {
        let verdict = self.opinion(look, goal);
        let ends = matches!(
            verdict,
            Verdict::Done(_) | Verdict::Failed(Problem::Degraded(_) | Problem::Comparison { .. })
        );
        // Twice in a row, unless Argo CD's own clock says that it is so for a while.
        if ends && !self.confirming && !is_settled(look) {
            self.confirming = true;
            return Verdict::Confirm;
        }
        self.confirming = false;
        verdict
    }

    fn opinion(&mut self, look: &Look<'_>, goal: &Goal) -> Verdict {
        let status = &look.application.status;
        let no_pod_since = self.no_pod_since.take();
        if let Some(problem) = self.comparison(look) {
            return Verdict::Failed(problem);
        }
        let syncing = look.application.is_syncing();
        if let (false, Some(problem)) = (syncing, failed_operation(look)) {
            return Verdict::Failed(problem);
        }
        if look.compared == Relation::Old {
            return hydration(look);
        }
        if syncing {
            return Verdict::Wait(Wait::Syncing);
        }
        if status.sync.status != "Synced" {
            return self.out_of_sync(look);
        }
        self.rewritten_since = None;
        if goal.wait_for == WaitFor::Synced {
            return Verdict::Done(Done::Synced);
        }
        let finished = status
            .operation_state
            .as_ref()
            .and_then(|operation| operation.finished_at);
        if let (Some(finished), Some(reconciled)) = (finished, status.reconciled_at)
            && reconciled < finished
        {
            return Verdict::Wait(Wait::StaleHealth);
        }
        let health = status.health.status.as_str();
        if health != "Degraded" {
            self.degraded_since = None;
        }
        // It counts without a break only.
        self.no_pod_since = no_pod_since;
        match health {
            "Healthy" => self.images(look, goal, Done::Healthy),
            "Suspended" if goal.allow_suspended => self.images(look, goal, Done::Suspended),
            "Degraded" => self.degraded(look),
            other => Verdict::Wait(Wait::Health(other.to_owned())),
        }
    }

    /// An error in what Git says, if it is about the commit.
    fn comparison(&mut self, look: &Look<'_>) -> Option<Problem> {
        let conditions = &look.application.status.conditions;
        let found = conditions.iter().find(|condition| {
            matches!(
                condition.kind.as_str(),
                "ComparisonError" | "InvalidSpecError"
            )
        });
        let Some(condition) = found else {
            self.comparing_since = None;
            return None;
        };
        let since = *self.comparing_since.get_or_insert(look.elapsed);
        // Without a revision that it could be about, it may be one from before, which the next
        // comparison takes away.
        let lasts = look.elapsed.saturating_sub(since) >= COMPARISON_GRACE;
        (look.compared != Relation::Old || lasts).then(|| Problem::Comparison {
            kind: condition.kind.clone(),
            message: condition.message.clone(),
        })
    }

    fn out_of_sync(&mut self, look: &Look<'_>) -> Verdict {
        let rewritten = super::diagnosis::rewritten(look.application);
        let settled = look.application.status.health.status == "Healthy"
            && look.applied.is_some_and(|applied| applied != Relation::Old)
            && !rewritten.is_empty();
        if !settled {
            self.rewritten_since = None;
            return Verdict::Wait(Wait::OutOfSync);
        }
        let since = *self.rewritten_since.get_or_insert(look.elapsed);
        match look.elapsed.saturating_sub(since) >= REWRITTEN_GRACE {
            true => Verdict::Failed(Problem::Rewritten(rewritten)),
            false => Verdict::Wait(Wait::OutOfSync),
        }
    }

    fn degraded(&mut self, look: &Look<'_>) -> Verdict {
        let status = &look.application.status;
        let since = *self.degraded_since.get_or_insert(look.elapsed);
        let lasts = look.elapsed.saturating_sub(since) >= DEGRADED_GRACE;
        let started = status
            .operation_state
            .as_ref()
            .and_then(|operation| operation.started_at);
        let by_the_commit = look.applied.is_some_and(|applied| applied != Relation::Old)
            && matches!((started, status.health.last_transition_time), (Some(started), Some(at)) if at >= started);
        if by_the_commit || lasts {
            return Verdict::Failed(Problem::Degraded(status.health.message.clone()));
        }
        Verdict::Wait(Wait::Health("Degraded".to_owned()))
    }

    /// Whether the cluster runs what Git says.
    fn images(&mut self, look: &Look<'_>, goal: &Goal, done: Done) -> Verdict {
        let running: Vec<ImageReference> = look
            .application
            .status
            .summary
            .images
            .iter()
            .filter_map(|image| image.parse().ok())
            .collect();
        let missing: Vec<&ImageReference> = goal
            .images
            .iter()
            .filter(|image| !running.iter().any(|other| other.satisfies(image)))
            .collect();
        let (old, absent): (Vec<&ImageReference>, Vec<&ImageReference>) = missing
            .into_iter()
            .partition(|image| running.iter().any(|other| other.same_repository(image)));
        let names =
            |images: Vec<&ImageReference>| images.into_iter().map(ToString::to_string).collect();
        if !old.is_empty() || absent.is_empty() {
            self.no_pod_since = None;
        }
        if !old.is_empty() {
            return Verdict::Wait(Wait::OldImages(names(old)));
        }
        if absent.is_empty() {
            return Verdict::Done(done);
        }
        let since = *self.no_pod_since.get_or_insert(look.elapsed);
        match look.elapsed.saturating_sub(since) >= NO_POD_GRACE {
            true => Verdict::Done(Done::WithoutPods),
            false => Verdict::Wait(Wait::NoPod(names(absent))),
        }
    }
}

/// The failed operation, if it was to apply the commit.
fn failed_operation(look: &Look<'_>) -> Option<Problem> {
    let operation = look.application.status.operation_state.as_ref()?;
    let failed = matches!(operation.phase.as_str(), "Failed" | "Error");
    if !failed || look.applied.is_none_or(|applied| applied == Relation::Old) {
        return None;
    }
    let results = operation
        .sync_result
        .iter()
        .flat_map(|result| &result.resources);
    let resources = results
        .filter(|result| matches!(result.status.as_str(), "SyncFailed" | "Failed" | "Error"))
        .map(|result| {
            (
                format!("{}/{}", result.kind, result.name),
                result.message.clone(),
            )
        })
        .collect();
    Some(Problem::Sync {
        message: operation.message.clone(),
        resources,
    })
}

/// Before the commit is seen: how far the source hydrator is with it, where there is one.
fn hydration(look: &Look<'_>) -> Verdict {
    let operation = look
        .application
        .status
        .source_hydrator
        .current_operation
        .as_ref();
    match (operation, look.hydrating) {
        (Some(operation), Some(Relation::Exact | Relation::Newer)) => {
            match operation.phase.as_str() {
                "Failed" => Verdict::Failed(Problem::Hydration(operation.message.clone())),
                _ => Verdict::Wait(Wait::Hydrating),
            }
        }
        _ => Verdict::Wait(Wait::Unseen),
    }
}

/// Whether the health came after the operation and is what it is for some seconds, by Argo CD's own
/// clock.
fn is_settled(look: &Look<'_>) -> bool {
    let status = &look.application.status;
    let finished = status
        .operation_state
        .as_ref()
        .and_then(|operation| operation.finished_at);
    match (look.now, status.health.last_transition_time, finished) {
        (Some(now), Some(since), Some(finished)) => since >= finished && now - since >= SETTLED,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const RELATIONS: [Relation; 3] = [Relation::Exact, Relation::Newer, Relation::Old];

    fn any_application() -> impl Strategy<Value = Application> {
        let time = |seconds: u8| format!("2026-08-22T10:00:{:02}Z", seconds % 60);
        let words = |words: &'static [&'static str]| prop::sample::select(words);
        (
            words(&["Synced", "OutOfSync", "Unknown", ""]),
            words(&[
                "Healthy",
                "Suspended",
                "Progressing",
                "Missing",
                "Degraded",
                "Unknown",
                "",
            ]),
            words(&["Succeeded", "Running", "Terminating", "Failed", "Error", ""]),
            (any::<u8>(), any::<u8>(), any::<u8>(), any::<u8>()),
            (any::<bool>(), any::<bool>(), any::<bool>()),
            prop::collection::vec(words(&["a/web:v1", "a/web:v2", "b/other:v2"]), 0..3),
        )
            .prop_map(move |(sync, health, phase, times, flags, images)| {
                let (reconciled, finished, started, transition) = times;
                let (operation, ends, error) = flags;
                let conditions = if error {
                    json!([{"type": "ComparisonError"}])
                } else {
                    json!(null)
                };
                let mut application = json!({
                    "status": {
                        "reconciledAt": time(reconciled),
                        "sync": {"status": sync},
                        "health": {"status": health, "lastTransitionTime": time(transition)},
                        "operationState": {"phase": phase, "startedAt": time(started)},
                        "conditions": conditions,
                        "summary": {"images": images},
                    },
                });
                if operation {
                    application["operation"] = json!({});
                }
                if ends {
                    application["status"]["operationState"]["finishedAt"] = json!(time(finished));
                }
                serde_json::from_value(application).unwrap()
            })
    }

    proptest! {
        #[test]
        fn nothing_is_done_before_the_cluster_runs_it(
            looks in prop::collection::vec(
                (
                    any_application(),
                    prop::sample::select(&RELATIONS[..]),
                    prop::option::of(prop::sample::select(&RELATIONS[..])),
                    any::<bool>(),
                ),
                1..20,
            ),
            allow_suspended in any::<bool>(),
        ) {
            let goal = Goal {
                images: vec!["a/web:v2".parse().unwrap()],
                wait_for: WaitFor::Healthy,
                allow_suspended,
            };
            let mut judge = Judge::default();
            let mut before = false;
            for (second, (application, compared, applied, clock)) in looks.iter().enumerate() {
                let look = Look {
                    application,
                    compared: *compared,
                    applied: *applied,
                    hydrating: None,
                    now: clock.then(|| "2026-08-22T10:01:00Z".parse().unwrap()),
                    elapsed: Duration::from_secs(second as u64 * 10),
                };
                let status = &application.status;
                let images = &status.summary.images;
                let runs = images.iter().any(|image| image == "a/web:v2");
                let good = *compared != Relation::Old
                    && status.sync.status == "Synced"
                    && !application.is_syncing()
                    && (status.health.status == "Healthy" || allow_suspended && status.health.status == "Suspended");
                match judge.judge(&look, &goal) {
                    Verdict::Done(Done::Healthy | Done::Suspended) => prop_assert!(good && runs),
                    Verdict::Done(Done::WithoutPods) => {
                        // Not by the first look, and not where others of its repository run.
                        prop_assert!(good && before && !images.iter().any(|image| image.starts_with("a/web:")));
                    }
                    Verdict::Done(Done::Synced) => prop_assert!(false),
                    Verdict::Failed(Problem::Sync { .. }) => {
                        prop_assert!(!application.is_syncing() && applied.is_some_and(|applied| applied != Relation::Old));
                    }
                    Verdict::Failed(Problem::Degraded(_)) => prop_assert!(*compared != Relation::Old),
                    Verdict::Wait(_) | Verdict::Confirm | Verdict::Failed(_) => {}
                }
                before = true;
            }
        }
    }
}
