//! Sequences of looks, and what each means.

use proptest::prelude::*;

use super::*;

const WEB: &str = "kustomization/web/aaaa";
const OTHER: &str = "kustomization/web/bbbb";

/// A point in time, in seconds.
fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000 + seconds, 0).unwrap()
}

/// `STATE CONTEXT` that was posted at a second.
fn posted(text: &str, seconds: i64) -> Posted {
    let (state, context) = text.split_once(' ').unwrap();
    Posted {
        context: Context::status(context),
        state: match state {
            "success" => State::Success,
            "failure" => State::Failure,
            "error" => State::Error("error".to_owned()),
            "pending" => State::Pending,
            other => State::NoVerdict(other.to_owned()),
        },
        description: String::new(),
        url: None,
        creator: Some("flux".to_owned()),
        at: Some(at(seconds)),
        workflow: Workflow::None,
    }
}

fn commit(id: &str, all: &[Posted]) -> Commit {
    Commit {
        id: id.to_owned(),
        parents: Vec::new(),
        posted: all.to_vec(),
    }
}

fn criteria(lines: &str) -> Criteria {
    Criteria {
        lines: lines.split(',').map(|line| line.parse().unwrap()).collect(),
        creator: None,
        own_workflow: None,
        since: None,
    }
}

/// What GitHub shows at a second: on the commit, on later ones, on earlier ones.
#[derive(Debug, Default)]
struct Scene {
    own: Vec<Posted>,
    later: Vec<(Commit, Option<Holds>)>,
    earlier: Vec<Commit>,
    gone: bool,
}

impl Scene {
    fn of(own: &[Posted]) -> Self {
        Self {
            own: own.to_vec(),
            ..Self::default()
        }
    }

    fn then(mut self, id: &str, holds: Holds, all: &[Posted]) -> Self {
        self.later.push((commit(id, all), Some(holds)));
        self
    }

    fn before(mut self, id: &str, all: &[Posted]) -> Self {
        self.earlier.push(commit(id, all));
        self
    }

    fn look(&self, seconds: i64) -> Look<'_> {
        Look {
            id: "own",
            own: &self.own,
            later: self
                .later
                .iter()
                .map(|(commit, holds)| Later {
                    commit,
                    holds: *holds,
                })
                .collect(),
            earlier: self.earlier.iter().collect(),
            is_on_branch: !self.gone,
            now: Some(at(seconds)),
            elapsed: Duration::from_secs(seconds.unsigned_abs()),
        }
    }
}

fn verdict(lines: &str, scene: &Scene, seconds: i64) -> Verdict {
    let judged = Judge::default().judge(&scene.look(seconds), &criteria(lines));
    judged.verdict
}

fn web() -> Context {
    Context::status(WEB)
}

fn other() -> Context {
    Context::status(OTHER)
}

#[test]
fn a_success_must_stand() {
    let scene = Scene::of(&[posted(&format!("success {WEB}"), 10)]);
    let wait = Verdict::Unknown(Wait::Standing(web()));
    assert_eq!(verdict("kustomization/web/*", &scene, 12), wait);
    assert_eq!(verdict("kustomization/web/*", &scene, 24), wait);
    assert_eq!(
        verdict("kustomization/web/*", &scene, 25),
        Verdict::Done(Vec::new())
    );
    let judged = Judge::default().judge(&scene.look(12), &criteria(WEB));
    assert_eq!(judged.soon, Some(Duration::from_secs(13)));
}

#[test]
fn nothing_is_no_success() {
    let nothing = |line: &str| Verdict::Unknown(Wait::Nothing(vec![line.to_owned()]));
    assert_eq!(verdict(WEB, &Scene::default(), 900), nothing(WEB));
    // Another name, and one line of two.
    let scene = Scene::of(&[posted("success ci", 0)]);
    assert_eq!(verdict(WEB, &scene, 900), nothing(WEB));
    assert_eq!(verdict(&format!("ci,{WEB}"), &scene, 900), nothing(WEB));
}

#[test]
fn a_failure_must_stand_and_passes_when_it_flips() {
    let failing = Scene::of(&[posted(&format!("failure {WEB}"), 10)]);
    let wait = Verdict::Unknown(Wait::Failing(web()));
    assert_eq!(verdict(WEB, &failing, 69), wait);
    assert_eq!(verdict(WEB, &failing, 70), Verdict::Broken(vec![web()]));
    let both = [
        posted(&format!("failure {WEB}"), 10),
        posted(&format!("success {WEB}"), 50),
    ];
    assert_eq!(
        verdict(WEB, &Scene::of(&both), 80),
        Verdict::Done(Vec::new())
    );
    let back = [
        posted(&format!("success {WEB}"), 10),
        posted(&format!("pending {WEB}"), 20),
    ];
    assert_eq!(
        verdict(WEB, &Scene::of(&back), 80),
        Verdict::Unknown(Wait::Pending(web()))
    );
}

#[test]
fn without_a_clock_it_counts_since_it_was_seen() {
    let mut judge = Judge::default();
    let criteria = criteria(WEB);
    let scene = Scene::of(&[posted(&format!("failure {WEB}"), 0)]);
    let mut ended = Vec::new();
    for seconds in [100, 130, 159, 160] {
        let look = Look {
            now: None,
            ..scene.look(seconds)
        };
        let judged = judge.judge(&look, &criteria);
        ended.push(matches!(judged.verdict, Verdict::Broken(_)));
    }
    assert_eq!(ended, [false, false, false, true]);
}

#[test]
fn a_failure_that_is_posted_anew_goes_on_with_the_first() {
    let first = |looks: &[(i64, &str, i64)]| {
        let mut judge = Judge::default();
        let broken = looks.iter().find(|(seconds, state, at)| {
            let scene = Scene::of(&[posted(&format!("{state} {WEB}"), *at)]);
            let judged = judge.judge(&scene.look(*seconds), &criteria(WEB));
            matches!(judged.verdict, Verdict::Broken(_))
        });
        broken.map(|(seconds, ..)| *seconds)
    };
    // Each five seconds, from the first one on.
    let anew: Vec<(i64, &str, i64)> = (0..20).map(|n| (n * 5 + 2, "failure", n * 5)).collect();
    assert_eq!(first(&anew), Some(62));
    // Something else was seen in between.
    for other in ["success", "pending", "error", "timed_out"] {
        let mut flipped = anew.clone();
        flipped[7].1 = other;
        assert_eq!(first(&flipped), None, "{other}");
    }
    // Nobody looked for a while, and it was posted anew meanwhile: what was in between is not known.
    let blind: Vec<(i64, &str, i64)> = anew
        .iter()
        .filter(|(at, ..)| !(12..35).contains(at))
        .copied()
        .collect();
    assert_eq!(first(&blind), Some(97));
    // The same one: GitHub's own time proves it.
    assert_eq!(first(&[(2, "failure", 0), (90, "failure", 0)]), Some(90));
    // Not there in one look.
    let mut judge = Judge::default();
    for seconds in (0..65).step_by(5) {
        let own = match seconds {
            30 => Vec::new(),
            _ => vec![posted(&format!("failure {WEB}"), seconds)],
        };
        let judged = judge.judge(&Scene::of(&own).look(seconds), &criteria(WEB));
        assert!(!matches!(judged.verdict, Verdict::Broken(_)), "{seconds}");
    }
}

#[test]
fn a_success_that_is_posted_anew_stands() {
    let mut judge = Judge::default();
    let mut done = Vec::new();
    for seconds in [0, 5, 10, 15] {
        let scene = Scene::of(&[posted(&format!("success {WEB}"), seconds)]);
        let judged = judge.judge(&scene.look(seconds), &criteria(WEB));
        done.push(matches!(judged.verdict, Verdict::Done(_)));
    }
    assert_eq!(done, [false, false, false, true]);
}

#[test]
fn a_later_commit_counts_by_what_it_holds() {
    let success = posted(&format!("success {WEB}"), 10);
    let failure = posted(&format!("failure {WEB}"), 10);
    let on_later = |holds, posted: &Posted| {
        let scene = Scene::default().then("d", holds, std::slice::from_ref(posted));
        verdict(WEB, &scene, 100)
    };
    assert_eq!(on_later(Holds::Same, &success), Verdict::Done(Vec::new()));
    assert_eq!(
        on_later(Holds::Others, &success),
        Verdict::Superseded("d".into())
    );
    let overtaken = Verdict::Unknown(Wait::Overtaken(web(), "d".into()));
    assert_eq!(on_later(Holds::Unknown, &success), overtaken);
    let later = Wait::LaterFails(web(), "d".into());
    assert_eq!(
        later.culprit(),
        Some(Culprit::LaterCommit(web(), "d".into()))
    );
    for holds in [Holds::Same, Holds::Others, Holds::Unknown] {
        assert_eq!(
            on_later(holds, &failure),
            Verdict::Unknown(later.clone()),
            "{holds:?}"
        );
    }
}

#[test]
fn what_failed_and_went_well_with_a_later_commit_runs() {
    let failure = posted(&format!("failure {WEB}"), 10);
    let success = |seconds| [posted(&format!("success {WEB}"), seconds)];
    let scene = |holds, seconds| {
        Scene::of(std::slice::from_ref(&failure)).then("d", holds, &success(seconds))
    };
    assert_eq!(
        verdict(WEB, &scene(Holds::Same, 20), 100),
        Verdict::Done(Vec::new())
    );
    // It failed again.
    assert_eq!(
        verdict(WEB, &scene(Holds::Same, 5), 100),
        Verdict::Broken(vec![web()])
    );
    assert_eq!(
        verdict(WEB, &scene(Holds::Others, 20), 100),
        Verdict::Superseded("d".into())
    );
    // A success of ours stays one whatever comes later.
    let scene =
        Scene::of(&success(10)).then("d", Holds::Same, &[posted(&format!("failure {WEB}"), 20)]);
    assert_eq!(verdict(WEB, &scene, 100), Verdict::Done(Vec::new()));
}

#[test]
fn all_that_match_must_pass() {
    let lines = "kustomization/web/*";
    let scene = Scene::of(&[
        posted(&format!("success {WEB}"), 10),
        posted(&format!("failure {OTHER}"), 10),
    ]);
    assert_eq!(
        verdict(lines, &scene, 69),
        Verdict::Unknown(Wait::Failing(other()))
    );
    assert_eq!(verdict(lines, &scene, 70), Verdict::Broken(vec![other()]));
}

#[test]
fn of_two_workflows_with_one_name_both_must_pass() {
    let of = |state: &str, file: &str, seconds| Posted {
        workflow: Workflow::Named(file.to_owned()),
        ..posted(&format!("{state} {WEB}"), seconds)
    };
    let scene = Scene::of(&[of("failure", "a.yml", 10), of("success", "b.yml", 20)]);
    assert_eq!(verdict(WEB, &scene, 99), Verdict::Broken(vec![web()]));
    let scene = Scene::of(&[of("failure", "a.yml", 10), of("success", "a.yml", 20)]);
    assert_eq!(verdict(WEB, &scene, 99), Verdict::Done(Vec::new()));
}

#[test]
fn what_the_commit_before_had_is_waited_for_a_while() {
    let lines = "kustomization/web/*";
    let scene = Scene::of(&[posted(&format!("success {WEB}"), 10)])
        .before("b", &[posted(&format!("success {WEB}"), -90)])
        .before("a", &[posted(&format!("success {OTHER}"), -99)]);
    assert_eq!(verdict(lines, &scene, 25), Verdict::Done(Vec::new()));
    let scene = Scene::of(&[posted(&format!("success {WEB}"), 10)]).before(
        "b",
        &[
            posted(&format!("success {WEB}"), -90),
            posted(&format!("success {OTHER}"), -90),
        ],
    );
    assert_eq!(
        verdict(lines, &scene, 69),
        Verdict::Unknown(Wait::Alone(web(), vec![other()]))
    );
    assert_eq!(verdict(lines, &scene, 70), Verdict::Done(vec![other()]));
    // It came, on a later commit.
    let scene = scene.then("d", Holds::Same, &[posted(&format!("pending {OTHER}"), 40)]);
    assert_eq!(
        verdict(lines, &scene, 99),
        Verdict::Unknown(Wait::Pending(other()))
    );
    // What only a later commit has is none of ours.
    let scene = Scene::of(&[posted(&format!("success {WEB}"), 10)]).then(
        "d",
        Holds::Same,
        &[posted("pending kustomization/web/cccc", 40)],
    );
    assert_eq!(verdict(lines, &scene, 99), Verdict::Done(Vec::new()));
}

#[test]
fn what_failed_before_is_not_this_commits_fault() {
    let scene = Scene::of(&[posted(&format!("failure {WEB}"), 10)]);
    let failed = scene
        .before("b", &[posted("success ci", -90)])
        .before("a", &[posted(&format!("failure {WEB}"), -90)]);
    assert_eq!(
        verdict(WEB, &failed, 99),
        Verdict::Elsewhere(Culprit::FailedBefore(web(), "a".into()))
    );
    // One of two did not.
    let two = Scene::of(&[
        posted(&format!("failure {WEB}"), 10),
        posted(&format!("failure {OTHER}"), 10),
    ])
    .before("a", &[posted(&format!("failure {WEB}"), -90)]);
    assert_eq!(
        verdict("kustomization/web/*", &two, 99),
        Verdict::Broken(vec![other()])
    );
}

#[test]
fn what_was_deployed_before_is_the_nearest_below_that_was_reported_so() {
    let below = |id: &str, parents: &[&str], all: &[Posted]| Commit {
        parents: parents.iter().map(|parent| (*parent).to_owned()).collect(),
        ..commit(id, all)
    };
    let ran = |earlier: Vec<Commit>, parent: &str, lines: &str| {
        let scene = Scene {
            earlier,
            ..Scene::of(&[])
        };
        let look = scene.look(99);
        let found = ran_before(&look, &criteria(lines), parent, &web());
        found.unwrap_or_default().to_owned()
    };
    let success = || vec![posted(&format!("success {WEB}"), -90)];
    let lines = "kustomization/web/*";
    let two = |nearest: &[Posted]| vec![below("b", &["a"], nearest), below("a", &[], &success())];
    assert_eq!(ran(two(&success()), "b", WEB), "b");
    assert_eq!(ran(two(&[]), "b", WEB), "a");
    assert_eq!(
        ran(two(&[posted(&format!("pending {WEB}"), -9)]), "b", WEB),
        "a"
    );
    // Of another cluster it tells only where nothing else does.
    let other = [posted(&format!("success {OTHER}"), -9)];
    assert_eq!(ran(two(&other), "b", lines), "a");
    assert_eq!(ran(vec![below("b", &[], &other)], "b", lines), "b");
    assert_eq!(ran(vec![below("b", &[], &other)], "b", WEB), "");
    // What a merge brought was on no branch before, and a rebase brings several commits of one's own.
    let merged = vec![below("m", &["a", "b"], &[]), below("b", &["a"], &success())];
    assert_eq!(ran(merged, "m", WEB), "");
    assert_eq!(ran(two(&success()), "a", WEB), "a");
    // Nothing goes round in a circle.
    assert_eq!(ran(vec![below("b", &["b"], &[])], "b", WEB), "");
}

#[test]
fn an_error_is_no_proof_against_the_commit() {
    let scene = Scene::of(&[posted(&format!("error {WEB}"), 10)]);
    assert_eq!(
        verdict(WEB, &scene, 69),
        Verdict::Unknown(Wait::Failing(web()))
    );
    assert_eq!(
        verdict(WEB, &scene, 70),
        Verdict::Elsewhere(Culprit::Reporter(web()))
    );
}

#[test]
fn what_ended_without_a_verdict_is_named() {
    for word in ["skipped", "neutral", "cancelled", "stale", "inactive"] {
        let scene = Scene::of(&[posted(&format!("{word} {WEB}"), 10)]);
        assert_eq!(
            verdict(WEB, &scene, 900),
            Verdict::Unknown(Wait::NoVerdict(web(), word.into()))
        );
    }
}

#[test]
fn what_flux_calls_a_success_while_it_waits_is_none() {
    let mut waiting = posted(&format!("success {WEB}"), 10);
    waiting.description = "Dependency not ready".to_owned();
    assert_eq!(
        verdict(WEB, &Scene::of(&[waiting]), 900),
        Verdict::Unknown(Wait::Pending(web()))
    );
}

#[test]
fn only_what_others_posted_after_the_push_counts() {
    let nothing = Verdict::Unknown(Wait::Nothing(vec![WEB.to_owned()]));
    let judged = |posted: Posted, criteria: &Criteria| {
        let scene = Scene::of(&[posted]);
        Judge::default().judge(&scene.look(900), criteria).verdict
    };
    let success = || posted(&format!("success {WEB}"), 10);
    let done = Verdict::Done(Vec::new());
    for (since, expected) in [(11, &nothing), (10, &done)] {
        let criteria = Criteria {
            since: Some(at(since)),
            ..criteria(WEB)
        };
        assert_eq!(judged(success(), &criteria), *expected, "{since}");
    }
    for (creator, expected) in [("argocd[bot]", &nothing), ("flux[bot]", &done)] {
        let criteria = Criteria {
            creator: Some(creator.to_owned()),
            ..criteria(WEB)
        };
        assert_eq!(judged(success(), &criteria), *expected, "{creator}");
    }
    let own = Criteria {
        own_workflow: Some("deploy.yml".to_owned()),
        ..criteria(WEB)
    };
    for (workflow, expected) in [
        (Workflow::None, &done),
        (Workflow::Named("e2e.yml".to_owned()), &done),
        (Workflow::Named("deploy.yml".to_owned()), &nothing),
        (Workflow::Unknown, &nothing),
    ] {
        let posted = Posted {
            workflow,
            ..success()
        };
        assert_eq!(judged(posted, &own), *expected);
    }
}

#[test]
fn a_branch_that_does_not_lead_to_the_commit_is_looked_at_for_a_while() {
    let mut scene = Scene::of(&[posted(&format!("success {WEB}"), 10)]);
    scene.gone = true;
    let criteria = criteria(WEB);
    let mut judge = Judge::default();
    for (seconds, expected) in [
        (20, Verdict::Unknown(Wait::OffBranch)),
        (34, Verdict::Unknown(Wait::OffBranch)),
        (35, Verdict::Elsewhere(Culprit::Gone)),
    ] {
        let judged = judge.judge(&scene.look(seconds), &criteria);
        assert_eq!(judged.verdict, expected, "{seconds}");
    }
    scene.gone = false;
    let judged = judge.judge(&scene.look(36), &criteria);
    assert_eq!(judged.verdict, Verdict::Done(Vec::new()));
}

#[test]
fn what_lasts_was_looked_at_all_the_time() {
    let undated = Posted {
        at: None,
        ..posted(&format!("failure {WEB}"), 0)
    };
    let failing = Scene::of(&[undated]);
    let gone = Scene {
        gone: true,
        ..Scene::default()
    };
    let seen_at = |scene: &Scene, all: &[i64]| {
        let mut judge = Judge::default();
        let looks = all.iter().map(|seconds| scene.look(*seconds));
        let judged = looks.map(|look| judge.judge(&look, &criteria(WEB)).verdict);
        judged.last().unwrap()
    };
    let broken = Verdict::Broken(vec![web()]);
    assert_eq!(seen_at(&failing, &[0, 30, 60]), broken);
    let wait = Verdict::Unknown(Wait::Failing(web()));
    assert_eq!(seen_at(&failing, &[0, 60]), wait);
    assert_eq!(seen_at(&failing, &[0, 60, 90, 119]), wait);
    assert_eq!(seen_at(&failing, &[0, 60, 90, 120]), broken);
    let ended = Verdict::Elsewhere(Culprit::Gone);
    assert_eq!(seen_at(&gone, &[0, 15]), ended);
    assert_eq!(seen_at(&gone, &[0, 60]), Verdict::Unknown(Wait::OffBranch));
    assert_eq!(seen_at(&gone, &[0, 60, 75]), ended);
    // What was posted at a time that is known, and is the newest still, has been so all the time.
    let dated = Scene::of(&[posted(&format!("failure {WEB}"), 0)]);
    assert_eq!(seen_at(&dated, &[0, 60]), broken);
}

#[test]
fn files_are_read_where_they_decide() {
    let success = [posted(&format!("success {WEB}"), 10)];
    let unread = |own: &[Posted], all: &[Posted]| Scene {
        later: vec![(commit("d", all), None)],
        ..Scene::of(own)
    };
    let asked = |scene: &Scene| {
        let look = scene.look(20);
        wanted(&look, &criteria(WEB)).concat()
    };
    assert_eq!(asked(&unread(&[], &success)), "d");
    assert_eq!(asked(&unread(&success, &success)), "");
    assert_eq!(asked(&unread(&[], &[posted("success ci", 10)])), "");
    assert_eq!(
        asked(&Scene::default().then("d", Holds::Unknown, &success)),
        ""
    );
}

fn any_posted() -> impl Strategy<Value = Vec<Posted>> {
    let states = prop_oneof![
        Just("success"),
        Just("failure"),
        Just("error"),
        Just("pending"),
        Just("skipped")
    ];
    let contexts = prop_oneof![Just(WEB), Just(OTHER), Just("ci")];
    let one = (states, contexts, 0..120i64, any::<bool>());
    let one = one.prop_map(|(state, context, seconds, is_waiting)| {
        let mut posted = posted(&format!("{state} {context}"), seconds);
        if is_waiting {
            posted.description = "dependency not ready".to_owned();
        }
        posted
    });
    proptest::collection::vec(one, 0..4)
}

fn any_scene() -> impl Strategy<Value = Scene> {
    let holds = prop_oneof![
        Just(None),
        Just(Some(Holds::Same)),
        Just(Some(Holds::Others)),
        Just(Some(Holds::Unknown))
    ];
    let later = proptest::collection::vec((any_posted(), holds), 0..3);
    let earlier = proptest::collection::vec(any_posted(), 0..3);
    (any_posted(), later, earlier, proptest::bool::weighted(0.1)).prop_map(
        |(own, later, earlier, gone)| Scene {
            own,
            later: later
                .into_iter()
                .enumerate()
                .map(|(n, (all, holds))| (commit(&format!("d{n}"), &all), holds))
                .collect(),
            earlier: earlier.iter().map(|all| commit("e", all)).collect(),
            gone,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// No sequence without a success on ours, or on a commit that holds our images, ends in success; nor one in
    /// which that has not stood. And none is blamed on the commit without a failure on it.
    #[test]
    fn a_verdict_stands_on_what_was_posted(
        scenes in proptest::collection::vec(any_scene(), 1..5),
        seconds in 0..200i64,
        lines in prop_oneof![Just("kustomization/web/*"), Just("ci"), Just("ci,kustomization/web/*")],
    ) {
        let criteria = criteria(lines);
        let mut judge = Judge::default();
        for (n, scene) in scenes.iter().enumerate() {
            let seconds = seconds + 7 * n as i64;
            let look = scene.look(seconds);
            let verdict = judge.judge(&look, &criteria).verdict;
            let says = |posted: &Posted, state: State| {
                let is_meant = criteria.lines.iter().any(|line| line.matches(&posted.context));
                is_meant && posted.state() == state
            };
            // Whether it was there in each look since it was posted, so long ago, however often anew.
            let has_stood = |least: i64, of: &dyn Fn(&Scene) -> Vec<Posted>| {
                let run = scenes[..=n].iter().rev().map(of);
                let mut run = run.take_while(|found| !found.is_empty()).flatten();
                run.any(|posted| {
                    posted.at.unwrap() + chrono::TimeDelta::seconds(least) <= at(seconds)
                })
            };
            match verdict {
                Verdict::Done(_) => {
                    prop_assert!(!scene.gone);
                    for line in &criteria.lines {
                        let stands = has_stood(15, &|scene| {
                            let same = scene.later.iter();
                            let same = same.filter(|(_, holds)| *holds == Some(Holds::Same));
                            let same = same.flat_map(|(commit, _)| &commit.posted);
                            let all = scene.own.iter().chain(same);
                            let passed = all.filter(|posted| {
                                line.matches(&posted.context) && says(posted, State::Success)
                            });
                            passed.cloned().collect()
                        });
                        prop_assert!(stands, "{verdict:?} of {:?}", scene.own);
                    }
                }
                Verdict::Broken(contexts) => {
                    for context in contexts {
                        let stands = has_stood(60, &|scene| {
                            let failed = scene.own.iter().filter(|posted| {
                                posted.context == context && says(posted, State::Failure)
                            });
                            failed.cloned().collect()
                        });
                        prop_assert!(stands, "{context} of {:?}", scene.own);
                    }
                }
                Verdict::Unknown(_) | Verdict::Superseded(_) | Verdict::Elsewhere(_) => {}
            }
        }
    }
}
