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
    use serde_json::{Value, json};

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

    /// One look, and what it is compared with.
    #[derive(Clone)]
    struct State {
        application: Value,
        compared: Relation,
        applied: Option<Relation>,
        hydrating: Option<Relation>,
        now: Option<&'static str>,
    }

    /// An application that runs `a/web:v2`, healthy for long after the operation that applied it, but
    /// for what is `different`.
    fn state(different: Value) -> State {
        let mut application = json!({"status": {
            "reconciledAt": "2026-08-22T10:00:10Z",
            "sync": {"status": "Synced"},
            "health": {"status": "Healthy", "lastTransitionTime": "2026-08-22T10:00:10Z"},
            "operationState": {
                "phase": "Succeeded",
                "startedAt": "2026-08-22T10:00:00Z",
                "finishedAt": "2026-08-22T10:00:10Z",
            },
            "summary": {"images": ["a/web:v2"]},
        }});
        merge(&mut application["status"], different);
        State {
            application,
            compared: Relation::Exact,
            applied: Some(Relation::Exact),
            hydrating: None,
            now: Some("2026-08-22T10:01:00Z"),
        }
    }

    fn merge(into: &mut Value, different: Value) {
        match different {
            Value::Object(fields) => {
                for (key, value) in fields {
                    merge(&mut into[key.as_str()], value);
                }
            }
            other => *into = other,
        }
    }

    impl State {
        fn compared(self, compared: Relation) -> Self {
            Self { compared, ..self }
        }
        fn applied(self, applied: impl Into<Option<Relation>>) -> Self {
            let applied = applied.into();
            Self { applied, ..self }
        }
        fn hydrating(self, hydrating: Relation) -> Self {
            let hydrating = Some(hydrating);
            Self { hydrating, ..self }
        }
        fn now(self, now: impl Into<Option<&'static str>>) -> Self {
            let now = now.into();
            Self { now, ..self }
        }
    }

    fn sync(status: &str) -> State {
        state(json!({"sync": {"status": status}}))
    }
    fn health(status: &str) -> State {
        state(json!({"health": {"status": status, "message": "1 Pod crashes"}}))
    }
    /// In this health since before the operation.
    fn old_health(status: &str) -> State {
        let since = "2026-08-22T09:59:59Z";
        let message = "1 Pod crashes";
        state(
            json!({"health": {"status": status, "message": message, "lastTransitionTime": since}}),
        )
    }
    fn operation(phase: &str) -> State {
        state(
            json!({"operationState": {"phase": phase, "message": "no", "syncResult": {
                "resources": [
                    {"kind": "Job", "name": "a", "status": "SyncFailed", "message": "1"},
                    {"kind": "Job", "name": "b", "status": "Synced", "message": "2"},
                    {"kind": "Job", "name": "c", "status": "Failed", "message": "3"},
                    {"kind": "Job", "name": "d", "status": "Error", "message": "4"},
                ],
            }}}),
        )
    }
    fn condition(kind: &str) -> State {
        state(json!({"conditions": [{"type": "Other"}, {"type": kind, "message": "no such file"}]}))
    }
    fn images(images: &[&str]) -> State {
        state(json!({"summary": {"images": images}}))
    }
    /// Out of sync by `kind`, where a Rollout is.
    fn rewritten(kind: &str) -> State {
        state(json!({"sync": {"status": "OutOfSync"}, "resources": [
            {"group": "argoproj.io", "kind": "Rollout", "name": "web", "status": "Synced"},
            {"group": "networking.istio.io", "kind": kind, "name": "web", "status": "OutOfSync"},
        ]}))
    }
    fn hydrator(phase: &str) -> State {
        let operation = json!({"phase": phase, "message": "no"});
        state(json!({"sourceHydrator": {"currentOperation": operation}})).compared(Relation::Old)
    }

    fn goal(images: &[&str]) -> Goal {
        Goal {
            images: images.iter().map(|image| image.parse().unwrap()).collect(),
            wait_for: WaitFor::Healthy,
            allow_suspended: false,
        }
    }

    /// One application: at each second what is seen of it, and what that means.
    type Row<'a> = (&'a str, &'a [(u64, State, Verdict)]);

    #[track_caller]
    fn check(goal: &Goal, rows: &[Row<'_>]) {
        for (name, looks) in rows {
            let mut judge = Judge::default();
            for (second, state, verdict) in *looks {
                let application = serde_json::from_value(state.application.clone()).unwrap();
                let look = Look {
                    application: &application,
                    compared: state.compared,
                    applied: state.applied,
                    hydrating: state.hydrating,
                    now: state.now.map(|now| now.parse().unwrap()),
                    elapsed: Duration::from_secs(*second),
                };
                assert_eq!(
                    judge.judge(&look, goal),
                    *verdict,
                    "{name}, second {second}"
                );
            }
        }
    }

    const HEALTHY: Verdict = Verdict::Done(Done::Healthy);
    const OUT_OF_SYNC: Verdict = Verdict::Wait(Wait::OutOfSync);
    const UNSEEN: Verdict = Verdict::Wait(Wait::Unseen);
    const SYNCING: Verdict = Verdict::Wait(Wait::Syncing);
    const STALE: Verdict = Verdict::Wait(Wait::StaleHealth);
    const CONFIRM: Verdict = Verdict::Confirm;
    use Relation::{Exact, Newer, Old};

    fn waits_for(health: &str) -> Verdict {
        Verdict::Wait(Wait::Health(health.to_owned()))
    }
    fn degraded() -> Verdict {
        Verdict::Failed(Problem::Degraded("1 Pod crashes".to_owned()))
    }
    fn incomparable(kind: &str) -> Verdict {
        Verdict::Failed(Problem::Comparison {
            kind: kind.to_owned(),
            message: "no such file".to_owned(),
        })
    }
    fn unsynced() -> Verdict {
        let failed = [("Job/a", "1"), ("Job/c", "3"), ("Job/d", "4")];
        let resources = failed.map(|(title, message)| (title.to_owned(), message.to_owned()));
        Verdict::Failed(Problem::Sync {
            message: "no".to_owned(),
            resources: resources.to_vec(),
        })
    }

    #[test]
    fn an_end_is_believed_at_the_second_look_or_by_argo_cds_own_clock() {
        let unclear = || state(json!({})).now(None);
        let since_then = |now| state(json!({})).now(now);
        let later = "2026-08-22T10:00:11Z";
        check(
            &goal(&["a/web:v2"]),
            &[
                ("settled", &[(0, state(json!({})), HEALTHY)]),
                (
                    "5 seconds",
                    &[(0, since_then("2026-08-22T10:00:15Z"), HEALTHY)],
                ),
                (
                    "4 seconds",
                    &[(0, since_then("2026-08-22T10:00:14Z"), CONFIRM)],
                ),
                (
                    "health of before the end of the operation",
                    &[(
                        0,
                        state(
                            json!({"operationState": {"finishedAt": later}, "reconciledAt": later}),
                        ),
                        CONFIRM,
                    )],
                ),
                (
                    "no operation",
                    &[(0, state(json!({"operationState": null})), CONFIRM)],
                ),
                (
                    "no time of the health",
                    &[(
                        0,
                        state(json!({"health": {"lastTransitionTime": null}})),
                        CONFIRM,
                    )],
                ),
                (
                    "twice, and anew after that",
                    &[
                        (0, unclear(), CONFIRM),
                        (2, unclear(), HEALTHY),
                        (4, unclear(), CONFIRM),
                    ],
                ),
                (
                    "not twice in a row",
                    &[
                        (0, unclear(), CONFIRM),
                        (2, health("Progressing"), waits_for("Progressing")),
                        (4, unclear(), CONFIRM),
                        (6, unclear(), HEALTHY),
                    ],
                ),
                (
                    "degraded twice",
                    &[
                        (0, health("Degraded").now(None), CONFIRM),
                        (2, health("Degraded").now(None), degraded()),
                    ],
                ),
                (
                    "no comparison twice",
                    &[
                        (0, condition("ComparisonError").now(None), CONFIRM),
                        (
                            2,
                            condition("ComparisonError").now(None),
                            incomparable("ComparisonError"),
                        ),
                    ],
                ),
                (
                    "a failed operation stays",
                    &[(0, operation("Failed").now(None), unsynced())],
                ),
            ],
        );
    }

    #[test]
    fn nothing_counts_before_the_commit_is_compared() {
        check(
            &goal(&["a/web:v2"]),
            &[
                ("newer", &[(0, state(json!({})).compared(Newer), HEALTHY)]),
                ("old", &[(0, state(json!({})).compared(Old), UNSEEN)]),
                (
                    "old, syncing",
                    &[(0, operation("Running").compared(Old), UNSEEN)],
                ),
                (
                    "error",
                    &[(
                        0,
                        condition("ComparisonError"),
                        incomparable("ComparisonError"),
                    )],
                ),
                (
                    "spec",
                    &[(
                        0,
                        condition("InvalidSpecError"),
                        incomparable("InvalidSpecError"),
                    )],
                ),
                ("another condition", &[(0, condition("SyncError"), HEALTHY)]),
                (
                    "an error of no revision, 30 seconds",
                    &[
                        (5, condition("ComparisonError").compared(Old), UNSEEN),
                        (34, condition("ComparisonError").compared(Old), UNSEEN),
                        (
                            35,
                            condition("ComparisonError").compared(Old),
                            incomparable("ComparisonError"),
                        ),
                    ],
                ),
                (
                    "an error of no revision, with a break",
                    &[
                        (0, condition("ComparisonError").compared(Old), UNSEEN),
                        (20, state(json!({})).compared(Old), UNSEEN),
                        (40, condition("ComparisonError").compared(Old), UNSEEN),
                        (69, condition("ComparisonError").compared(Old), UNSEEN),
                        (
                            70,
                            condition("ComparisonError").compared(Old),
                            incomparable("ComparisonError"),
                        ),
                    ],
                ),
            ],
        );
        let hydrating = Verdict::Wait(Wait::Hydrating);
        let failed = Verdict::Failed(Problem::Hydration("no".to_owned()));
        check(
            &goal(&["a/web:v2"]),
            &[
                (
                    "it",
                    &[(0, hydrator("Hydrating").hydrating(Exact), hydrating.clone())],
                ),
                (
                    "newer",
                    &[(0, hydrator("Hydrating").hydrating(Newer), hydrating)],
                ),
                ("old", &[(0, hydrator("Hydrating").hydrating(Old), UNSEEN)]),
                (
                    "failed",
                    &[(0, hydrator("Failed").hydrating(Exact).now(None), failed)],
                ),
                (
                    "failed before",
                    &[(0, hydrator("Failed").hydrating(Old), UNSEEN)],
                ),
                ("nothing ours", &[(0, hydrator("Failed"), UNSEEN)]),
                (
                    "no hydrator",
                    &[(0, state(json!({})).compared(Old).hydrating(Exact), UNSEEN)],
                ),
            ],
        );
    }

    #[test]
    fn an_operation_counts_when_it_is_over_and_was_for_the_commit() {
        let mut again = operation("Failed");
        again.application["operation"] = json!({});
        let unfinished = state(json!({"operationState": {"finishedAt": null}}));
        let stale = |reconciled: Value| state(json!({"reconciledAt": reconciled}));
        check(
            &goal(&["a/web:v2"]),
            &[
                ("runs", &[(0, operation("Running"), SYNCING)]),
                ("stops", &[(0, operation("Terminating"), SYNCING)]),
                ("has no end", &[(0, unfinished, SYNCING)]),
                ("failed, and again", &[(0, again, SYNCING)]),
                ("failed", &[(0, operation("Failed"), unsynced())]),
                ("error", &[(0, operation("Error"), unsynced())]),
                (
                    "failed for a newer",
                    &[(0, operation("Failed").applied(Newer), unsynced())],
                ),
                (
                    "failed, unseen",
                    &[(0, operation("Failed").compared(Old), unsynced())],
                ),
                (
                    "failed for an old",
                    &[(0, operation("Failed").applied(Old), HEALTHY)],
                ),
                (
                    "failed for none",
                    &[(0, operation("Failed").applied(None), HEALTHY)],
                ),
                (
                    "health before it",
                    &[(0, stale(json!("2026-08-22T10:00:09Z")), STALE)],
                ),
                (
                    "health after it",
                    &[(0, stale(json!("2026-08-22T10:00:10Z")), HEALTHY)],
                ),
                ("health of no time", &[(0, stale(Value::Null), HEALTHY)]),
            ],
        );
    }

    #[test]
    fn out_of_sync_is_an_end_only_where_a_controller_writes() {
        let found = Verdict::Failed(Problem::Rewritten(vec!["VirtualService/web".to_owned()]));
        let service = || rewritten("VirtualService").now(None);
        let sick = || {
            let mut sick = service();
            sick.application["status"]["health"]["status"] = json!("Progressing");
            sick
        };
        check(
            &goal(&["a/web:v2"]),
            &[
                (
                    "out of sync",
                    &[
                        (0, sync("OutOfSync"), OUT_OF_SYNC),
                        (99, sync("OutOfSync"), OUT_OF_SYNC),
                    ],
                ),
                ("unknown", &[(0, sync("Unknown"), OUT_OF_SYNC)]),
                (
                    "60 seconds",
                    &[
                        (5, service(), OUT_OF_SYNC),
                        (64, service(), OUT_OF_SYNC),
                        (65, service(), found.clone()),
                    ],
                ),
                (
                    "another kind",
                    &[
                        (0, rewritten("Gateway"), OUT_OF_SYNC),
                        (99, rewritten("Gateway"), OUT_OF_SYNC),
                    ],
                ),
                (
                    "not healthy",
                    &[(0, sick(), OUT_OF_SYNC), (99, sick(), OUT_OF_SYNC)],
                ),
                (
                    "an old one applied",
                    &[
                        (0, service().applied(Old), OUT_OF_SYNC),
                        (99, service().applied(Old), OUT_OF_SYNC),
                    ],
                ),
                (
                    "none applied",
                    &[
                        (0, service().applied(None), OUT_OF_SYNC),
                        (99, service().applied(None), OUT_OF_SYNC),
                    ],
                ),
                (
                    "in sync between",
                    &[
                        (0, service(), OUT_OF_SYNC),
                        (30, health("Progressing"), waits_for("Progressing")),
                        (40, service(), OUT_OF_SYNC),
                        (99, service(), OUT_OF_SYNC),
                        (100, service(), found.clone()),
                    ],
                ),
                (
                    "not healthy between",
                    &[
                        (0, service(), OUT_OF_SYNC),
                        (30, sick(), OUT_OF_SYNC),
                        (40, service(), OUT_OF_SYNC),
                        (99, service(), OUT_OF_SYNC),
                        (100, service(), found),
                    ],
                ),
            ],
        );
    }

    #[test]
    fn what_is_asked_for_is_the_end() {
        let suspended = Verdict::Done(Done::Suspended);
        let old = Verdict::Wait(Wait::OldImages(vec!["a/web:v2".to_owned()]));
        let paused = |images: &[&str]| {
            state(json!({"health": {"status": "Suspended"}, "summary": {"images": images}}))
        };
        let synced = Goal {
            wait_for: WaitFor::Synced,
            ..goal(&["a/web:v2"])
        };
        check(
            &synced,
            &[
                (
                    "degraded",
                    &[(0, health("Degraded"), Verdict::Done(Done::Synced))],
                ),
                ("out of sync", &[(0, sync("OutOfSync"), OUT_OF_SYNC)]),
            ],
        );
        check(
            &goal(&["a/web:v2"]),
            &[(
                "a pause",
                &[(0, paused(&["a/web:v2"]), waits_for("Suspended"))],
            )],
        );
        let allowed = Goal {
            allow_suspended: true,
            ..goal(&["a/web:v2"])
        };
        check(
            &allowed,
            &[
                (
                    "a pause is accepted",
                    &[(0, paused(&["a/web:v2"]), suspended)],
                ),
                ("a pause before it", &[(0, paused(&["a/web:v1"]), old)]),
                ("no pause", &[(0, state(json!({})), HEALTHY)]),
            ],
        );
    }

    #[test]
    fn degraded_is_an_end_when_the_commit_did_it_or_did_not_cure_it() {
        let sick = || old_health("Degraded");
        let at_the_start = state(json!({"health": {
            "status": "Degraded", "message": "1 Pod crashes", "lastTransitionTime": "2026-08-22T10:00:00Z",
        }}));
        let wait = || waits_for("Degraded");
        check(
            &goal(&["a/web:v2"]),
            &[
                ("missing", &[(0, health("Missing"), waits_for("Missing"))]),
                ("by the commit", &[(0, health("Degraded"), degraded())]),
                (
                    "by a newer",
                    &[(0, health("Degraded").applied(Newer), degraded())],
                ),
                (
                    "at its start",
                    &[
                        (0, at_the_start.clone(), CONFIRM),
                        (2, at_the_start, degraded()),
                    ],
                ),
                ("by an old", &[(0, health("Degraded").applied(Old), wait())]),
                ("by none", &[(0, health("Degraded").applied(None), wait())]),
                (
                    "60 seconds",
                    &[
                        (5, sick(), wait()),
                        (64, sick(), wait()),
                        (65, sick(), CONFIRM),
                        (66, sick(), degraded()),
                    ],
                ),
                (
                    "with a break",
                    &[
                        (0, sick(), wait()),
                        (30, health("Progressing"), waits_for("Progressing")),
                        (40, sick(), wait()),
                        (99, sick(), wait()),
                        (100, sick(), CONFIRM),
                    ],
                ),
            ],
        );
    }

    #[test]
    fn healthy_is_an_end_when_the_images_run() {
        let names = |images: &[&str]| images.iter().map(ToString::to_string).collect();
        let old = || Verdict::Wait(Wait::OldImages(names(&["a/web:v2"])));
        let none = || Verdict::Wait(Wait::NoPod(names(&["c/job:v2"])));
        let job = || images(&["a/web:v2", "b/other:v2"]);
        let without = Verdict::Done(Done::WithoutPods);
        check(
            &goal(&["a/web:v2", "c/job:v2"]),
            &[
                (
                    "all",
                    &[(
                        0,
                        images(&["c/job:v2", "not an image", "a/web:v2"]),
                        HEALTHY,
                    )],
                ),
                (
                    "all, and one of before",
                    &[(0, images(&["c/job:v2", "a/web:v1", "a/web:v2"]), HEALTHY)],
                ),
                (
                    "one of before",
                    &[(0, images(&["c/job:v2", "a/web:v1"]), old())],
                ),
                (
                    "one of before, and none",
                    &[
                        (0, images(&["a/web:v1"]), old()),
                        (99, images(&["a/web:v1"]), old()),
                    ],
                ),
                (
                    "15 seconds",
                    &[
                        (5, job(), none()),
                        (19, job(), none()),
                        (20, job(), without.clone()),
                    ],
                ),
                (
                    "one of before between",
                    &[
                        (0, job(), none()),
                        (10, images(&["a/web:v1"]), old()),
                        (16, job(), none()),
                        (30, job(), none()),
                        (31, job(), without.clone()),
                    ],
                ),
                (
                    "all between",
                    &[
                        (0, job(), none()),
                        (10, images(&["a/web:v2", "c/job:v2"]), HEALTHY),
                        (16, job(), none()),
                        (30, job(), none()),
                        (31, job(), without.clone()),
                    ],
                ),
                (
                    "a sync between",
                    &[
                        (0, job(), none()),
                        (10, operation("Running"), SYNCING),
                        (16, job(), none()),
                        (30, job(), none()),
                        (31, job(), without),
                    ],
                ),
            ],
        );
    }
}
