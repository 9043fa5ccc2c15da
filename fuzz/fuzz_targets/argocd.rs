//! What Argo CD says of an application: no panic, and a verdict at every look; nothing that Argo CD
//! has not seen runs, and nothing that is not well is healthy.
//!
//! ```sh
//! cargo +nightly fuzz run argocd
//! ```
//!
//! The input is the application, a line break, and its resource tree.

#![no_main]

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use gitops_deploy::argocd::{
    Application, Done, Goal, Judge, Look, Relation, ResourceTree, Verdict, WaitFor, Workload,
};
use libfuzzer_sys::fuzz_target;

const REPOSITORY: &str = "https://git/a/b";

fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(2, |byte| *byte == b'\n');
    let (Some(application), tree) = (parts.next(), parts.next()) else { return };
    let Ok(application) = serde_json::from_slice::<Application>(application) else { return };
    let tree = tree.and_then(|tree| serde_json::from_slice::<ResourceTree>(tree).ok());
    let _ = application.tracked(REPOSITORY, |_, _| true);
    let _ = application.applied(REPOSITORY);
    let _ = application.hydrating(REPOSITORY);
    for wait_for in [WaitFor::Synced, WaitFor::Healthy] {
        let goal = Goal {
            images: vec!["a/web:v2".parse().expect("an image")],
            workloads: vec![Workload { title: "Deployment/web".to_owned(), namespace: None, container: None }],
            touched: None,
            wait_for,
            allow_suspended: false,
        };
        for relation in [Relation::Exact, Relation::Newer, Relation::Old] {
            follow(&application, tree.as_ref(), relation, &goal);
        }
    }
});

/// Looks at an application again and again, until the time is over.
fn follow(
    application: &Application,
    tree: Option<&ResourceTree>,
    relation: Relation,
    goal: &Goal,
) {
    let (live, introduced) = (HashMap::new(), HashSet::new());
    let mut judge = Judge::default();
    let mut wait = None;
    for seconds in [0, 10, 60, 600] {
        let look = Look {
            application,
            before: None,
            before_tree: tree,
            compared: relation,
            applied: Some(relation),
            hydrating: None,
            tree,
            live: &live,
            introduced: &introduced,
            refreshes: 1,
            began: None,
            now: None,
            elapsed: Duration::from_secs(seconds),
        };
        let verdict = judge.judge(&look, goal);
        if let Verdict::Done(done) = &verdict {
            assert_ne!(relation, Relation::Old, "{done:?}");
            let is_well = application.status.health.status == "Healthy";
            assert!(is_well || !matches!(done, Done::Healthy), "{done:?}");
        }
        if let Verdict::Unknown(unknown) = verdict {
            wait = Some(unknown);
        }
        let verdict = judge.conclude(&look, goal, wait.clone());
        assert!(!matches!(verdict, Verdict::Done(_) | Verdict::Confirm));
    }
}
