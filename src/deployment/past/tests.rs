use std::collections::{BTreeMap, HashSet};

use proptest::prelude::*;

use super::*;
use crate::deployment::trailers::Origin;

/// What a test's commit did: file, place, before and after.
type Did = Vec<(String, String, Option<String>, Option<String>)>;

/// A branch that a test writes, oldest commit first.
#[derive(Default)]
struct Branch {
    runs: BTreeMap<String, String>,
    commits: Vec<(String, String, Did)>,
}

impl Branch {
    /// `web=2` lets `web` run the image `web:2`, and so does `web/b=2` `web/b`.
    fn commit(&mut self, message: &str, sets: &[&str]) -> String {
        let mut did = Vec::new();
        for set in sets {
            let (place, tag) = set.split_once('=').unwrap();
            let new = (!tag.is_empty()).then(|| format!("{}:{tag}", image(place)));
            let old = match &new {
                Some(new) => self.runs.insert(place.to_owned(), new.clone()),
                None => self.runs.remove(place),
            };
            if old != new {
                did.push(("a.yaml".to_owned(), place.to_owned(), old, new));
            }
        }
        let id = format!("{:040x}", self.commits.len() + 1);
        self.commits.push((id.clone(), message.to_owned(), did));
        id
    }

    fn deploy(&mut self, sets: &[&str]) -> String {
        self.commit("chore: x\n\nDeployed-Image: x:1\n", sets)
    }

    fn edit(&mut self, sets: &[&str]) -> String {
        self.commit("feat: by hand", sets)
    }

    fn past(&self) -> Past<'_> {
        let commits = self.commits.iter().rev().map(|(id, message, did)| {
            let changes = did.iter().map(|(file, place, old, new)| PastChange {
                file,
                place: place.clone(),
                is_image: place != VALUE,
                old: old.clone(),
                new: new.clone(),
            });
            PastCommit {
                id,
                message,
                merged: Vec::new(),
                files: vec![("a.yaml", None)],
                changes: changes.collect(),
                moved: Vec::new(),
                is_own: false,
            }
        });
        Past::new(commits.collect())
    }

    /// Undoes commits, newest first, and says so with a line for each.
    fn undo(&mut self, undo: &[Undo], line: impl Fn(&str) -> String) -> Option<String> {
        let (mut sets, mut lines) = (BTreeMap::new(), Vec::new());
        let oldest_first = |number: usize| self.commits.len() - 1 - number;
        for Undo {
            number, changes, ..
        } in undo
        {
            let (id, _, did) = &self.commits[oldest_first(*number)];
            for (_, place, old, new) in changes.iter().map(|own| &did[*own]) {
                let now = self.runs.get(place).cloned();
                let now = sets.get(place).unwrap_or(&now).clone();
                if now == *new {
                    sets.insert(place.clone(), old.clone());
                } else if now != *old {
                    return None; // It was changed since.
                }
            }
            lines.push(line(id));
        }
        let tag = |image: &String| image.split_once(':').unwrap().1.to_owned();
        let sets: Vec<String> = sets
            .iter()
            .map(|(place, image)| {
                format!("{place}={}", image.as_ref().map(tag).unwrap_or_default())
            })
            .collect();
        let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
        let message = format!("Revert it\n\n{}\n", lines.join("\n"));
        Some(self.commit(&message, &sets))
    }

    /// All that a commit did, whatever became of it; counted from the newest.
    fn whole(&self, number: usize) -> Vec<Undo> {
        let count = self.commits[self.commits.len() - 1 - number].2.len();
        vec![Undo {
            number,
            changes: (0..count).collect(),
            is_all: true,
        }]
    }

    /// What a click undoes: the ids, newest first.
    fn next(&self) -> Result<Vec<String>, NothingBefore> {
        let past = self.past();
        let id = |undo: &Undo| past.commits()[undo.number].id.to_owned();
        Ok(past.newest()?.iter().map(id).collect())
    }

    fn click(&mut self) -> Option<String> {
        self.click_after(usize::MAX)
    }

    /// A click for which so many commits are read, and all of them where these don't tell.
    fn click_after(&mut self, first: usize) -> Option<String> {
        let whole = self.past();
        let first = whole.commits().iter().take(first).cloned().collect();
        let newest = Past::new(first);
        let undo = match newest.newest() {
            Ok(undo) if !newest.stands_on_older(oldest(&undo)) => undo,
            Ok(_) | Err(_) => whole.newest().ok()?,
        };
        let rollback = self.undo(&undo, rolled_back);
        Some(rollback.expect("a click can always be done"))
    }

    fn to(&mut self, image: &str) -> Option<String> {
        self.back_to_any(&[image])
    }

    fn back_to_any(&mut self, images: &[&str]) -> Option<String> {
        let WayBack { undo, .. } = self.past().back_to(|other| images.contains(&other));
        let past = self.past();
        let is_rollback = |id: &str| {
            let number = past.commits().iter().position(|commit| commit.id == id);
            past.standings()[number.unwrap()].origin == Origin::Rollback
        };
        let rollbacks: Vec<String> = past
            .commits()
            .iter()
            .filter(|commit| is_rollback(commit.id))
            .map(|commit| commit.id.to_owned())
            .collect();
        let line = |id: &str| match rollbacks.iter().any(|own| own == id) {
            true => format!("Undone-Rollback: {id}"),
            false => rolled_back(id),
        };
        if undo.is_empty() {
            return None;
        }
        self.undo(&undo, line)
    }

    fn runs(&self) -> String {
        let images: Vec<&str> = self.runs.values().map(String::as_str).collect();
        images.join(" ")
    }
}

fn image(place: &str) -> &str {
    place.split('/').next().unwrap()
}

fn rolled_back(id: &str) -> String {
    format!("Rolled-Back-Commit: {id}")
}

#[test]
fn a_click_undoes_the_newest_deployment_in_force() {
    let mut branch = Branch::default();
    branch.edit(&["web=1", "api=1"]);
    branch.deploy(&["web=2"]);
    branch.deploy(&["api=2"]);
    branch.deploy(&["web=3", "api=3"]);
    let mut seen = vec![branch.runs()];
    while branch.click().is_some() {
        seen.push(branch.runs());
    }
    assert_eq!(
        seen,
        ["api:3 web:3", "api:2 web:2", "api:1 web:2", "api:1 web:1"]
    );
    assert_eq!(branch.next(), Err(NothingBefore::NoDeployment));
}

#[test]
fn what_only_a_pull_request_had_never_ran() {
    // As a rebase leaves a pull request that proposed one after the other: each was made for what was on the branch.
    let made_for = |branch: &mut Branch, old: &str, new: &str| {
        let message = format!("chore: x\n\nDeployed-Image: {new}\nPrevious-Image: {old}\n");
        branch.commit(&message, &[&new.replace(':', "=")])
    };
    let mut branch = started();
    made_for(&mut branch, "web:3", "web:4");
    made_for(&mut branch, "web:3", "web:5");
    made_for(&mut branch, "web:3", "web:6");
    let past = branch.past();
    let deployed: Vec<bool> = past
        .standings()
        .iter()
        .map(Standing::is_deployment)
        .collect();
    assert_eq!(deployed, [true, false, false, true, true, false]);
    assert!(past.standings().iter().all(|own| own.undone_by.is_none()));
    // As far as it is known what they replaced.
    assert!(!past.stands_on_older(3));
    let few = Past::new(past.commits().iter().take(2).cloned().collect());
    assert!(few.stands_on_older(0));
    assert_eq!(clicked(branch), ["web:3", "web:2", "web:1"]);

    // What was deployed by itself ran, and so did what was promoted to it later.
    let mut branch = started();
    made_for(&mut branch, "web:3", "web:4");
    made_for(&mut branch, "web:4", "web:5");
    branch.edit(&["web=6"]);
    made_for(&mut branch, "web:5", "web:7");
    assert_eq!(clicked(branch)[..2], ["web:6", "web:5"]);
    // What was pushed while a pull request was open ran, whatever somebody then made of both.
    let mut branch = started();
    made_for(&mut branch, "web:3", "web:4");
    let squashed = "chore: x (#2)\n\nDeployed-Image: web:5\nPrevious-Image: web:3\n";
    branch.commit(squashed, &["web=5"]);
    assert_eq!(clicked(branch)[..2], ["web:4", "web:3"]);
    // Named, it comes all the same.
    let mut branch = started();
    made_for(&mut branch, "web:3", "web:4");
    made_for(&mut branch, "web:3", "web:5");
    branch.to("web:4").unwrap();
    assert_eq!(branch.runs(), "web:4");
}

/// What runs after each of some clicks, until there is nothing.
fn clicked(mut branch: Branch) -> Vec<String> {
    let mut seen = Vec::new();
    while branch.click().is_some() {
        seen.push(branch.runs());
        assert!(seen.len() < 20, "{seen:?}");
    }
    seen
}

fn started() -> Branch {
    let mut branch = Branch::default();
    branch.edit(&["web=1"]);
    branch.deploy(&["web=2"]);
    branch.deploy(&["web=3"]);
    branch
}

#[test]
fn what_is_deployed_again_is_in_force_again() {
    let mut branch = started();
    branch.click().unwrap();
    branch.deploy(&["web=3"]);
    assert_eq!(clicked(branch), ["web:2", "web:1"]);
    // Undone by name, a rollback is a deployment again.
    let mut branch = started();
    branch.click().unwrap();
    let rollback = branch.whole(0);
    let again = branch
        .undo(&rollback, |id| format!("Undone-Rollback: {id}"))
        .unwrap();
    assert_eq!(branch.runs(), "web:3");
    assert_eq!(branch.past().standings()[0].origin, Origin::Reapply);
    assert_eq!(branch.next(), Ok(vec![again.clone()]));
    // The first one by its own id, which is what `git revert` takes: it is the newer that is in force.
    let first = branch.whole(2);
    branch.undo(&first, |id| format!("This reverts commit {id}."));
    assert_eq!(branch.past().standings()[1].undone_by, Some(0));
    assert_eq!(clicked(branch), ["web:1"]);
}

#[test]
fn a_rollback_never_takes_itself_back() {
    let mut branch = started();
    branch.click().unwrap();
    // It names a rollback, and what that took back.
    let [.., taken, rollback] = &branch.commits[..] else {
        unreachable!()
    };
    let message = format!(
        "Go back\n\nRolled-Back-Commit: {}\nRolled-Back-Commit: {}\n",
        rollback.0, taken.0
    );
    branch.commit(&message, &["web=1"]);
    let past = branch.past();
    assert_eq!(past.standings()[0].undone_by, None);
    // Nor does one that names it go round in a circle.
    let last = branch.commits.last().unwrap().0.clone();
    branch.commit(
        &format!("Again\n\nRolled-Back-Commit: {last}\n"),
        &["web=2"],
    );
    assert_eq!(branch.past().standings()[0].undone_by, None);
}

#[test]
fn what_somebody_takes_back_by_hand_is_rolled_back() {
    for back in [&["web=2"][..], &["web=1"]] {
        let mut branch = started();
        branch.edit(back);
        assert_eq!(branch.past().standings()[0].origin, Origin::Rollback);
        let expected = if back == ["web=2"] {
            vec!["web:1"]
        } else {
            vec![]
        };
        assert_eq!(clicked(branch), expected);
    }
    // A part of it, so that a click does the rest.
    let mut branch = Branch::default();
    branch.edit(&["web=1", "api=1"]);
    branch.deploy(&["web=2", "api=2"]);
    branch.edit(&["web=1"]);
    assert_eq!(clicked(branch), ["api:1 web:1"]);
    // Another image is another deployment.
    let mut branch = started();
    branch.edit(&["web=9"]);
    assert_eq!(clicked(branch), ["web:3", "web:2", "web:1"]);
}

#[test]
fn what_a_rollback_put_there_itself_is_rolled_back_like_any_other() {
    let mut branch = Branch::default();
    branch.edit(&["web=1", "api=1"]);
    branch.deploy(&["web=2"]);
    let taken = branch.commits.last().unwrap().0.clone();
    // Squashed: a rollback and a deployment. Reverted as a whole, 2 is deployed again.
    let squashed = format!(
        "Squashed (#7)\n\n* one\n\n{}\n\n* two\n\nDeployed-Image: x:1\n",
        rolled_back(&taken)
    );
    branch.commit(&squashed, &["api=2", "web=1"]);
    let whole = branch.whole(0);
    branch.undo(&whole, |id| format!("This reverts commit {id}."));
    assert_eq!(branch.runs(), "api:1 web:2");
    assert_eq!(clicked(branch), ["api:1 web:1"]);
}

#[test]
fn a_click_never_undoes_what_a_rollback_by_name_did() {
    let mut branch = Branch::default();
    branch.edit(&["web=1", "api=1"]);
    for tag in 2..5 {
        branch.deploy(&[&format!("web={tag}")]);
    }
    branch.deploy(&["web=5", "api=5"]);
    branch.deploy(&["web=6", "api=6"]);
    for _ in 0..3 {
        branch.click().unwrap();
    }
    branch.to("web:2").unwrap();
    branch.back_to_any(&["web:5", "api:5"]).unwrap();
    assert_eq!(branch.runs(), "api:5 web:5");
    branch.to("web:1").unwrap();
    assert_eq!(branch.runs(), "api:1 web:1");
    // The newest commits alone don't show what it went back to.
    let newest = branch.past().commits()[..10].to_vec();
    let newest = Past::new(newest);
    assert!(newest.newest().is_err());
    assert_eq!(clicked(branch), [""; 0]);
}

#[test]
fn what_was_taken_back_by_another_that_came_again_comes_again_by_name() {
    let mut branch = Branch::default();
    branch.edit(&["web=1"]);
    branch.deploy(&["web=2"]);
    branch.click().unwrap();
    branch.deploy(&["web=9"]);
    for image in ["web:2", "web:9", "web:2", "web:1", "web:9"] {
        branch.to(image).unwrap();
        assert_eq!(branch.runs(), image);
    }
}

#[test]
fn what_is_named_and_runs_already_stays() {
    let mut branch = Branch::default();
    branch.edit(&["web=1", "api=1"]);
    branch.deploy(&["api=2"]);
    branch.deploy(&["web=2", "api=3"]);
    branch.deploy(&["api=2"]);
    branch.back_to_any(&["web:1", "api:2"]).unwrap();
    assert_eq!(branch.runs(), "api:2 web:1");
}

#[test]
fn what_was_rolled_back_is_passed_on_the_way() {
    let mut branch = Branch::default();
    branch.edit(&["web=1"]);
    for tag in ["web=3", "web=2", "web=3"] {
        branch.deploy(&[tag]);
    }
    // What is newer is a deployment, also of what was there before: undone, 2 runs again. Then 3 would: but that
    // was rolled back just now.
    assert_eq!(clicked(branch), ["web:2", "web:1"]);
    let mut branch = Branch::default();
    branch.edit(&["web=3"]);
    branch.deploy(&["web=2"]);
    branch.deploy(&["web=3"]);
    branch.click().unwrap();
    let by = NothingBefore::RolledBack {
        deployment: 2,
        by: 0,
    };
    assert_eq!(branch.next(), Err(by));
}

#[test]
fn a_rollback_of_one_file_leaves_the_other_in_force() {
    let image = |text: &str| Some(text.to_owned());
    let change = |file, old, new| PastChange {
        file,
        place: "web".into(),
        is_image: true,
        old: image(old),
        new: image(new),
    };
    let mut commits = vec![
        PastCommit {
            id: "2222222",
            message: "x\n\nRolled-Back-Commit: 1111111",
            files: vec![("moved.yaml", None)],
            changes: vec![change("moved.yaml", "web:2", "web:1")],
            ..PastCommit::default()
        },
        PastCommit {
            id: "3333333",
            message: "move it",
            files: vec![("moved.yaml", Some("a.yaml"))],
            ..PastCommit::default()
        },
        PastCommit {
            id: "1111111",
            message: "x\n\nDeployed-Image: web:2",
            files: vec![("a.yaml", None), ("b.yaml", None)],
            changes: vec![
                change("a.yaml", "web:1", "web:2"),
                change("b.yaml", "web:1", "web:2"),
            ],
            ..PastCommit::default()
        },
    ];
    let past = Past::new(commits.clone());
    assert_eq!(past.standings()[0].takes_back, [2]);
    let undo = past.newest().unwrap();
    assert_eq!(numbers(&undo), [2]);
    assert_eq!(past.parts(&undo[0]), [Part::Nothing, Part::Whole]);
    assert_eq!(
        past.parts(&past.of_commit(2).unwrap()),
        [Part::Nothing, Part::Whole]
    );
    commits[2].changes.pop();
    assert_eq!(
        Past::new(commits).newest(),
        Err(NothingBefore::NoDeployment)
    );
}

#[test]
fn a_merge_is_what_the_newest_of_its_commits_says() {
    let branch = started();
    let ids: Vec<String> = branch.commits.iter().map(|(id, ..)| id.clone()).collect();
    let past = branch.past();
    let merge = |said: String| {
        let said = Box::leak(said.into_boxed_str());
        let mut commits = past.commits().to_vec();
        commits.insert(
            0,
            PastCommit {
                id: "aaaaaaa",
                message: "Merge pull request #1 from acme/x",
                merged: vec![("bbbbbbb", "fix: a typo"), ("ccccccc", said)],
                files: vec![("a.yaml", None)],
                changes: vec![PastChange {
                    file: "a.yaml",
                    place: "web".into(),
                    is_image: true,
                    old: Some("web:3".into()),
                    new: Some("web:9".into()),
                }],
                moved: Vec::new(),
                is_own: false,
            },
        );
        commits
    };
    let commits = merge(format!("x\n\nRolled-Back-Commit: {}\n", ids[2]));
    assert_eq!(numbers(&Past::new(commits).newest().unwrap()), [0, 1]);
    // Of another line: what it brings here was never here.
    let mut commits = merge("x\n\nRolled-Back-Commit: ddddddd\n".into());
    assert_eq!(numbers(&Past::new(commits.clone()).newest().unwrap()), [0]);
    commits.insert(
        0,
        PastCommit {
            id: "eeeeeee",
            message: "x\n\nRolled-Back-Commit: ccccccc\n",
            files: vec![("a.yaml", None)],
            changes: vec![PastChange {
                file: "a.yaml",
                place: "web".into(),
                is_image: true,
                old: Some("web:9".into()),
                new: Some("web:3".into()),
            }],
            ..PastCommit::default()
        },
    );
    assert_eq!(numbers(&Past::new(commits).newest().unwrap()), [2]);
}

#[test]
fn what_came_between_a_rollback_and_what_it_took_back_is_undone_with_them_or_not_at_all() {
    let mut branch = Branch::default();
    branch.edit(&["web=1"]);
    branch.deploy(&["web=5"]);
    branch.click();
    branch.deploy(&["web=2"]);
    branch.deploy(&["web=4"]);
    // A squash that takes one of them back, and brings another image.
    branch.step(Step::Merge(vec![(1, 3)], true));
    // The other one, and the squash.
    branch.deploy(&["web=1"]);
    assert!(branch.to("web:5").is_some(), "{}", branch.told());
    assert_eq!(branch.runs(), "web:5");
}

fn numbers(undo: &[Undo]) -> Vec<usize> {
    undo.iter().map(|undo| undo.number).collect()
}

#[derive(Debug, Clone)]
enum Step {
    Deploy(Vec<(u8, u8)>),
    Edit(Vec<(u8, u8)>),
    Merge(Vec<(u8, u8)>, bool),
    Click,
    To(u8, u8),
    Commit(usize),
    GitRevert(usize),
}

/// A place whose value is no image.
const VALUE: &str = "replicas";
const PLACES: [&str; 4] = ["api", "web", "web/b", VALUE];

fn sets() -> impl Strategy<Value = Vec<(u8, u8)>> {
    proptest::collection::vec((0_u8..4, 1_u8..6), 1..3)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => sets().prop_map(Step::Deploy),
        2 => sets().prop_map(Step::Edit),
        1 => (sets(), any::<bool>()).prop_map(|(sets, click)| Step::Merge(sets, click)),
        5 => Just(Step::Click),
        2 => (0_u8..3, 1_u8..6).prop_map(|(place, tag)| Step::To(place, tag)),
        1 => (0_usize..8).prop_map(Step::Commit),
        1 => (0_usize..8).prop_map(Step::GitRevert),
    ]
}

/// `web=2`, each place once.
fn words(places: &[(u8, u8)]) -> Vec<String> {
    let places: BTreeMap<u8, u8> = places.iter().copied().collect();
    let set = |(place, tag): (u8, _)| format!("{}={tag}", PLACES[usize::from(place)]);
    places.into_iter().map(set).collect()
}

impl Branch {
    /// Does it, if it can be done.
    fn step(&mut self, step: Step) -> bool {
        let line = |id: &str| format!("This reverts commit {id}.");
        match step {
            Step::Deploy(sets) => {
                self.deploy(&words(&sets).iter().map(String::as_str).collect::<Vec<_>>());
                false
            }
            Step::Edit(sets) => {
                self.edit(&words(&sets).iter().map(String::as_str).collect::<Vec<_>>());
                false
            }
            // A squash of a click and a deployment, or of the deployment alone.
            Step::Merge(sets, click) => {
                let mut topic = Self {
                    runs: self.runs.clone(),
                    commits: self.commits.clone(),
                };
                let mut message = "Squashed (#7)\n\n* one\n\n".to_owned();
                if click && let Some(id) = topic.click() {
                    let rollback = topic.commits.iter().find(|(own, ..)| *own == id);
                    message += &rollback.unwrap().1;
                }
                let sets = words(&sets);
                topic.deploy(&sets.iter().map(String::as_str).collect::<Vec<_>>());
                message += "\n\n* two\n\nDeployed-Image: x:1\n";
                let tag = |image: &String| image.split_once(':').unwrap().1.to_owned();
                let sets = topic.runs.iter();
                let sets = sets.map(|(place, image)| format!("{place}={}", tag(image)));
                let sets: Vec<String> = sets.collect();
                self.commit(
                    &message,
                    &sets.iter().map(String::as_str).collect::<Vec<_>>(),
                );
                false
            }
            Step::Click => self.click().is_some(),
            Step::To(place, tag) => {
                let image = format!("{}:{tag}", image(PLACES[usize::from(place)]));
                self.to(&image).is_some()
            }
            Step::Commit(back) if back < self.commits.len() - 1 => {
                let undo = self.past().of_commit(back);
                undo.is_ok_and(|undo| self.undo(&[undo], rolled_back).is_some())
            }
            Step::GitRevert(back) if back < self.commits.len() - 1 => {
                let whole = self.whole(back);
                self.undo(&whole, line).is_some()
            }
            Step::Commit(_) | Step::GitRevert(_) => false,
        }
    }
}

/// The number of the oldest commit that is undone.
fn oldest(undo: &[Undo]) -> usize {
    undo.iter().map(|one| one.number).max().unwrap_or(0)
}

impl Branch {
    /// A line for each commit, newest first: what it did, and what it says.
    fn told(&self) -> String {
        let line = |(id, message, did): &(String, String, Did)| {
            let did = did.iter().map(|(_, at, old, new)| {
                let text = |text: &Option<String>| text.as_deref().unwrap_or("-").to_owned();
                format!("{at} {} > {}", text(old), text(new))
            });
            let (did, id) = (
                did.collect::<Vec<_>>().join(", "),
                id.trim_start_matches('0'),
            );
            let message = message.replace("00000", "").replace('\n', "|");
            format!("{id}: {did} ({message})\n")
        };
        self.commits.iter().rev().map(line).collect()
    }

    /// The state that random steps start from.
    fn begun() -> Self {
        let mut branch = Self::default();
        branch.edit(&["web=1", "web/b=1", "api=1", "replicas=1"]);
        branch
    }
}

proptest! {
    /// A click never puts an image or a value where clicks took it out and nothing else has put it since.
    #[test]
    fn no_click_deploys_what_was_rolled_back_there(
        steps in proptest::collection::vec(step(), 1..24),
        first in 1..24_usize,
    ) {
        let mut branch = Branch::begun();
        // What clicks took out, and what nothing but a click put in again. Told by what runs alone.
        let mut out: HashSet<(String, String)> = HashSet::new();
        // In the end clicks alone, until there is nothing: there is an end to it.
        let (given, mut clicks) = (steps.len(), 0);
        let steps = steps
            .into_iter()
            .chain(std::iter::repeat_n(Step::Click, 100));
        for (turn, step) in steps.enumerate() {
            let (is_click, before) = (matches!(step, Step::Click), branch.commits.len());
            let is_done = match step {
                Step::Click => branch.click_after(first).is_some(),
                step => branch.step(step),
            };
            if turn >= given {
                if !is_done {
                    break;
                }
                clicks += 1;
            }
            for (_, _, did) in &branch.commits[before..] {
                let olds = || {
                    did.iter()
                        .filter_map(|(_, at, old, _)| Some((at.clone(), old.clone()?)))
                };
                let news = || {
                    did.iter()
                        .filter_map(|(_, at, _, new)| Some((at.clone(), new.clone()?)))
                };
                if is_click {
                    for new in news() {
                        assert!(!out.contains(&new), "{new:?} in\n{}", branch.told());
                    }
                    out.extend(olds());
                }
                for new in news() {
                    out.remove(&new);
                }
            }
        }
        assert!(clicks < 90);
    }

    /// Where there is one place, whatever ran there comes again by name; nobody reverts with git what was taken
    /// back already.
    #[test]
    fn what_is_named_runs_then(
        steps in proptest::collection::vec(step(), 1..24),
        tag in 1_u8..6,
    ) {
        let mut branch = Branch::default();
        branch.edit(&["web=1"]);
        let only = |sets: Vec<(u8, u8)>| sets.into_iter().map(|(_, tag)| (1, tag)).collect();
        for step in steps {
            branch.step(match step {
                Step::Deploy(sets) => Step::Deploy(only(sets)),
                Step::Edit(sets) => Step::Edit(only(sets)),
                Step::Merge(sets, click) => Step::Merge(only(sets), click),
                Step::To(_, tag) => Step::To(1, tag),
                Step::GitRevert(_) => Step::Click,
                step => step,
            });
        }
        let image = format!("web:{tag}");
        let ran = branch.commits.iter().flat_map(|(.., did)| did);
        let ran = ran.filter(|(.., new)| new.as_ref() == Some(&image)).count() > 0;
        let before = branch.told();
        if ran && branch.runs() != image {
            let done = branch.to(&image);
            prop_assert!(done.is_some() && branch.runs() == image, "{image} of {done:?}\n{before}");
        }
    }

    /// Whatever is undone is the same however much of the past is read, where the code stops reading.
    #[test]
    fn what_is_undone_does_not_depend_on_how_much_is_read(
        steps in proptest::collection::vec(step(), 1..24),
    ) {
        let mut branch = Branch::begun();
        for step in steps {
            branch.step(step);
        }
        let whole = branch.past();
        for read in 1..branch.commits.len() {
            let newest = Past::new(whole.commits()[..read].to_vec());
            if let Ok(undo) = newest.newest() && !newest.stands_on_older(oldest(&undo)) {
                assert_eq!(Ok(undo), whole.newest(), "{read} of\n{}", branch.told());
            }
            for number in (0..read).filter(|number| !newest.stands_on_older(*number)) {
                let (own, all) = (newest.of_commit(number), whole.of_commit(number));
                assert_eq!(own, all, "{number} among {read} of\n{}", branch.told());
            }
        }
    }
}

const DIGEST: &str = "@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

#[test]
fn an_update_that_goes_back_is_a_rollback() {
    let mut branch = Branch::default();
    branch.edit(&["web=1"]);
    branch.deploy(&["web=2"]);
    branch.deploy(&["web=1"]);
    assert_eq!(branch.past().standings()[0].origin, Origin::Rollback);
    assert_eq!(branch.past().standings()[1].undone_by, Some(0));
    assert_eq!(branch.past().last_seen("web:2"), LastSeen::Taken(0));
    assert_eq!(branch.next(), Err(NothingBefore::NoDeployment));
    branch.deploy(&["web=2"]);
    assert_eq!(branch.past().standings()[0].origin, Origin::Update);
    assert_eq!(branch.past().last_seen("web:2"), LastSeen::Brought(0));
    // What is newer goes on.
    branch.deploy(&["web=4"]);
    branch.deploy(&["web=3"]);
    branch.deploy(&["web=4"]);
    assert_eq!(branch.past().standings()[0].origin, Origin::Update);
}

#[test]
fn whether_an_update_goes_back_is_told_by_the_last_changes_of_its_image() {
    for (later, origin) in [(9, Origin::Rollback), (10, Origin::Update)] {
        let mut branch = Branch::default();
        branch.edit(&["web=a", "api=1"]);
        for number in 0..later {
            branch.deploy(&[&format!("web=x{number}")]);
            // Of others there may be as many as there are.
            branch.edit(&[&format!("api={}", number + 2)]);
            branch.edit(&[&format!("api={}.1", number + 2)]);
        }
        branch.deploy(&["web=a"]);
        assert_eq!(branch.past().standings()[0].origin, origin, "{later}");
    }
}

#[test]
fn what_quotes_a_revert_that_nobody_knows_is_judged_by_what_it_did() {
    let quoted = "Bump web (#12)\n\n* Revert \"x\"\n\nThis reverts commit 1234567890123456789012345678901234567890.\n";
    let mut branch = Branch::default();
    branch.edit(&["web=1", "api=1"]);
    branch.deploy(&["web=2"]);
    branch.deploy(&["api=2"]);
    branch.commit(quoted, &["web=3"]);
    assert_eq!(branch.past().standings()[0].origin, Origin::Edit);
    assert_eq!(branch.past().last_seen("web:2"), LastSeen::Brought(2));
    assert_eq!(
        clicked(branch),
        ["api:2 web:2", "api:1 web:2", "api:1 web:1"]
    );
    // What goes back is a rollback.
    let mut branch = Branch::default();
    branch.edit(&["web=1"]);
    branch.deploy(&["web=2"]);
    branch.commit(quoted, &["web=1"]);
    assert_eq!(branch.past().standings()[0].origin, Origin::Rollback);
}

#[test]
fn a_pin_is_no_deployment() {
    let mut branch = Branch::default();
    branch.edit(&["web=1"]);
    branch.deploy(&["web=2"]);
    branch.edit(&[&format!("web=2{DIGEST}")]);
    assert!(!branch.past().standings()[0].is_deployment());
    assert_eq!(branch.past().last_seen("web:2"), LastSeen::Brought(1));
    assert_eq!(clicked(branch), ["web:1"]);
    // Nor does it hide that somebody has gone back.
    let mut branch = Branch::default();
    branch.edit(&["web=1"]);
    branch.deploy(&["web=2"]);
    branch.edit(&[&format!("web=1{DIGEST}")]);
    assert_eq!(branch.past().standings()[0].origin, Origin::Rollback);
    for image in ["web:2".to_owned(), format!("web:2{DIGEST}")] {
        assert_eq!(branch.past().last_seen(&image), LastSeen::Taken(0));
    }
    assert_eq!(branch.next(), Err(NothingBefore::NoDeployment));
    branch.deploy(&["web=3"]);
    branch.edit(&[&format!("web=3{DIGEST}")]);
    branch.edit(&["web=3"]);
    assert_eq!(clicked(branch), [format!("web:1{DIGEST}")]);
}

#[test]
fn what_still_runs_was_not_taken_back_whatever_a_message_says() {
    let mut branch = Branch::default();
    branch.edit(&["web=1", "api=1"]);
    let both = branch.deploy(&["web=2", "api=2"]);
    let revert = format!("Revert \"chore: x\"\n\nThis reverts commit {both}.\n");
    branch.commit(&revert, &["api=1"]);
    let past = branch.past();
    assert_eq!(past.standings()[1].undone_by, None);
    assert_eq!(past.last_seen("web:2"), LastSeen::Brought(1));
    assert_eq!(past.last_seen("api:2"), LastSeen::Taken(0));
    assert_eq!(clicked(branch), ["api:1 web:1"]);
}

#[test]
fn what_ran_and_was_replaced_by_what_is_not_newer_was_taken_away() {
    let promoted = "chore: x\n\nDeployed-Image: web:2\nPromoted-From: s.yaml@0123456\n";
    let squashed = promoted.replace("web:2", "web:7");
    for (message, from, to, expected) in [
        ("by hand", "3", "2.1", LastSeen::Taken(0)),
        ("by hand", "3", "4", LastSeen::Brought(1)),
        ("by hand", "abcdef1", "fedcba2", LastSeen::Taken(0)),
        (
            "x\n\nDeployed-Image: x:1\n",
            "3.0",
            "2.1",
            LastSeen::Taken(0),
        ),
        (
            "x\n\nDeployed-Image: x:1\n",
            "abcdef1",
            "fedcba2",
            LastSeen::Brought(1),
        ),
        (promoted, "3", "2", LastSeen::Brought(1)),
        (&squashed, "3", "2", LastSeen::Taken(0)),
    ] {
        let mut branch = Branch::default();
        branch.edit(&["web=2"]);
        branch.deploy(&[&format!("web={from}")]);
        branch.commit(message, &[&format!("web={to}")]);
        let seen = branch.past().last_seen(&format!("web:{from}"));
        assert_eq!(seen, expected, "{message}: {from} to {to}");
    }
}

/// A commit that changed an image of `a.yaml`: where, from what, to what.
fn changed<'a>(
    id: &'a str,
    message: &'a str,
    place: &str,
    old: Option<&str>,
    new: &str,
) -> PastCommit<'a> {
    PastCommit {
        id,
        message,
        files: vec![("a.yaml", None)],
        changes: vec![PastChange {
            file: "a.yaml",
            place: place.to_owned(),
            is_image: true,
            old: old.map(str::to_owned),
            new: Some(new.to_owned()),
        }],
        ..PastCommit::default()
    }
}

#[test]
fn an_image_is_known_where_it_moved() {
    let ours = "chore: x\n\nDeployed-Image: x:1\n";
    let moved = |new: &str| {
        vec![Moved {
            file: "a.yaml",
            places: ["app".to_owned(), "web".to_owned()],
            images: [new.to_owned(), "web:2".to_owned()],
        }]
    };
    let deployed = changed("2", ours, "web", Some("web:1"), "web:2");
    let back = changed("4", "by hand", "app", Some("web:2"), "web:1");
    let alone = PastCommit {
        changes: Vec::new(),
        moved: moved("web:2"),
        ..changed("3", "another name", "app", None, "")
    };
    let at_once = PastCommit {
        moved: moved("web:1"),
        ..back.clone()
    };
    for commits in [vec![back, alone, deployed.clone()], vec![at_once, deployed]] {
        let past = Past::new(commits);
        assert_eq!(past.standings()[0].origin, Origin::Rollback);
        assert_eq!(past.last_seen("web:2"), LastSeen::Taken(0));
        assert_eq!(past.newest(), Err(NothingBefore::NoDeployment));
    }
}

#[test]
fn an_item_without_a_name_is_known_by_its_repository() {
    let ours = "chore: x\n\nDeployed-Image: x:1\n";
    let past = Past::new(vec![
        changed("4", "another mirror", "images[]", Some("web:2"), "m/web:2"),
        changed("3", "one more", "images[]", None, "api:1"),
        changed("2", ours, "images[]", Some("web:1"), "web:2"),
    ]);
    let undo = past.of_commit(2);
    assert!(past.is_in_force(2), "{undo:?}");
    assert!(past.back_to(|image| image == "web:1").again.is_empty());
}
