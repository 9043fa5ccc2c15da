//! How delivery goes, in DORA's four measures, by what commits say. `docs/history.md` has the definitions;
//! their source is <https://dora.dev/guides/dora-metrics/>.
//!
//! What can't be known is left out, and counted as that: no number stands on a guess.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use super::past::{Past, PastChange, PastCommit};
use super::trailers::Origin;
use crate::date::{Span, Timestamp};

/// How many digits of an id name a commit.
const DIGITS: usize = 12;
const DAY: f64 = 86_400.0;

/// When a commit was made, and when what it deploys was; in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// By the committer's clock.
    pub committed: i64,
    /// The source commit, where the deployment says so.
    pub built: Option<i64>,
}

/// The measures of some commits. `docs/metrics.schema.json` describes this shape to users.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Metrics {
    /// Of this shape.
    pub version: u32,
    /// The first moment.
    pub from: String,
    /// The last moment.
    pub to: String,
    /// Of all files.
    pub all: Measures,
    /// By days, weeks, months or years, oldest first.
    pub periods: Vec<Period>,
    /// By the files' names now.
    pub files: BTreeMap<String, Measures>,
    /// How many files and periods are left out, for the length of it.
    pub left_out: usize,
}

/// The measures of a part of the time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Period {
    /// `2026-08-22`, `2026-W34`, `2026-08`, `2026`
    pub name: String,
    /// What was measured.
    #[serde(flatten)]
    pub measures: Measures,
}

/// DORA's four measures. None is what no commit tells.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measures {
    /// How often is deployed.
    pub deployments: Frequency,
    /// How long a change takes from its commit to its deployment.
    pub lead_time: Option<LeadTime>,
    /// How many deployments were rolled back.
    pub change_failure_rate: Option<FailureRate>,
    /// How long those were in force.
    pub time_to_restore: Option<Restoring>,
}

/// How often is deployed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Frequency {
    /// How many deployments there were.
    pub count: usize,
    /// Of 24 hours each. What is shorter counts as one.
    pub per_day: f64,
    /// The deployments, newest first.
    pub commits: Vec<String>,
}

/// How long a change takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeadTime {
    /// Half of them took no longer.
    pub median_seconds: i64,
    /// Nine tenths of them took no longer.
    pub p90_seconds: i64,
    /// The deployments that say when their source commit was made.
    pub commits: Vec<String>,
    /// How many deployments do not, or are older by their clocks than what they deploy.
    pub unknown: usize,
}

/// How many deployments were rolled back.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FailureRate {
    /// From 0 to 1.
    pub rate: f64,
    /// How many were rolled back.
    pub failed: usize,
    /// Of so many.
    pub deployments: usize,
    /// Those that were rolled back, newest first.
    pub commits: Vec<String>,
    /// Those of them of which something is left, newest first.
    pub in_part: Vec<String>,
}

/// How long deployments were in force that were rolled back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Restoring {
    /// Half of them were in force no longer.
    pub median_seconds: i64,
    /// Nine tenths of them were in force no longer.
    pub p90_seconds: i64,
    /// Each of them, newest first.
    pub restores: Vec<Restored>,
}

/// A deployment that was rolled back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// It.
    pub deployment: String,
    /// The commit that took the last of it back, or of what was taken back.
    pub restored_by: String,
    /// From the one to the other.
    pub seconds: i64,
}

/// A deployment as it is counted.
#[derive(Debug, Clone)]
struct Counted {
    commit: String,
    at: i64,
    lead: Option<i64>,
    failed: Option<Failed>,
}

/// That it was rolled back.
#[derive(Debug, Clone)]
struct Failed {
    by: String,
    after: Option<i64>,
    in_part: bool,
}

impl Metrics {
    /// The measures of those of the commits of `past` that `is_meant` means, made within `span`. What took
    /// them back may be any commit of `past`.
    pub fn new(
        past: &Past<'_>,
        times: &HashMap<&str, Times>,
        span: Span,
        is_meant: impl Fn(&str) -> bool,
    ) -> Self {
        let counted = |past: &Past<'_>| {
            let counted = deployments(past, times);
            let mut counted: Vec<Counted> = counted
                .filter(|(id, _)| is_meant(id))
                .map(|(_, one)| one)
                .collect();
            counted.retain(|one| span.contains(one.at));
            counted
        };
        let all = counted(past);
        let of = |span: Span| {
            let own = all.iter().filter(|one| span.contains(one.at));
            Measures::of(&own.collect::<Vec<_>>(), span)
        };
        let periods = span.parts().into_iter();
        let files = by_file(past).into_iter().map(|(file, commits)| {
            let own = counted(&Past::new(commits));
            let own: Vec<&Counted> = own.iter().collect();
            (file.to_owned(), Measures::of(&own, span))
        });
        Self {
            version: 2,
            from: Timestamp::utc(span.from).iso(),
            to: Timestamp::utc(span.to).iso(),
            all: of(span),
            periods: periods
                .map(|(name, span)| Period {
                    name,
                    measures: of(span),
                })
                .collect(),
            files: files
                .filter(|(_, measures)| measures.deployments.count > 0)
                .collect(),
            left_out: 0,
        }
    }
}

/// The commits that touched each file, by its name now; what they did to that file alone.
fn by_file<'p, 'a>(past: &'p Past<'a>) -> BTreeMap<&'a str, Vec<PastCommit<'a>>> {
    let mut now: HashMap<&'a str, &'a str> = HashMap::new();
    let mut files: BTreeMap<&'a str, Vec<PastCommit<'a>>> = BTreeMap::new();
    for commit in past.commits() {
        let names: Vec<&'a str> = commit.files.iter().map(|(path, _)| *path).collect();
        let current: Vec<&'a str> = names
            .iter()
            .map(|path| now.get(path).copied().unwrap_or(path))
            .collect();
        let mut changes: HashMap<&'a str, Vec<PastChange<'a>>> = HashMap::new();
        for change in &commit.changes {
            changes.entry(change.file).or_default().push(change.clone());
        }
        for ((path, from), current) in commit.files.iter().zip(current) {
            let moved = commit.moved.iter();
            let own = PastCommit {
                id: commit.id,
                message: commit.message,
                merged: commit.merged.clone(),
                files: vec![(*path, *from)],
                changes: changes.get(path).cloned().unwrap_or_default(),
                moved: moved.filter(|moved| moved.file == *path).cloned().collect(),
                is_own: commit.is_own,
            };
            files.entry(current).or_default().push(own);
            if let Some(from) = from {
                now.remove(path);
                now.insert(from, current);
            }
        }
    }
    files
}

/// The deployments of a past, newest first, with their whole ids.
fn deployments<'p>(
    past: &'p Past<'_>,
    times: &'p HashMap<&str, Times>,
) -> impl Iterator<Item = (&'p str, Counted)> {
    let (commits, standings) = (past.commits(), past.standings());
    // What took a part of one back last.
    let mut taken_back: HashMap<usize, usize> = HashMap::new();
    for (number, standing) in standings.iter().enumerate() {
        let targets = standing.takes_back.iter();
        // Who undoes a rollback has taken back no deployment by that.
        for target in targets.filter(|target| standings[**target].origin != Origin::Rollback) {
            taken_back.entry(*target).or_insert(number);
        }
    }
    let numbered = commits.iter().zip(standings).enumerate();
    numbered.filter_map(move |(number, (commit, standing))| {
        if !standing.is_deployment() {
            return None;
        }
        let Times { committed, built } = *times.get(commit.id)?;
        let lead = built.map(|built| committed.saturating_sub(built));
        let failed = taken_back.get(&number).map(|by| {
            let by = commits[*by].id;
            let at = times.get(by).map(|times| times.committed);
            let took = at.map(|at| at.saturating_sub(committed));
            Failed {
                by: short(by),
                after: took.filter(|took| *took >= 0),
                in_part: standing.undone_by.is_none(),
            }
        });
        let counted = Counted {
            commit: short(commit.id),
            at: committed,
            lead: lead.filter(|lead| *lead >= 0),
            failed,
        };
        Some((commit.id, counted))
    })
}

fn short(id: &str) -> String {
    id.get(..DIGITS).unwrap_or(id).to_owned()
}

impl Measures {
    fn of(counted: &[&Counted], span: Span) -> Self {
        let named = |commits: &[&&Counted]| {
            let ids = commits.iter().map(|one| one.commit.clone());
            ids.collect::<Vec<_>>()
        };
        let count = counted.len();
        let days = (span.seconds() as f64 / DAY).max(1.0);
        let timed: Vec<&&Counted> = counted.iter().filter(|one| one.lead.is_some()).collect();
        let leads = timed.iter().filter_map(|one| one.lead).collect();
        let failed: Vec<&&Counted> = counted.iter().filter(|one| one.failed.is_some()).collect();
        let restores = failed.iter().filter_map(|one| {
            let Failed { by, after, .. } = one.failed.as_ref()?;
            Some(Restored {
                deployment: one.commit.clone(),
                restored_by: by.clone(),
                seconds: (*after)?,
            })
        });
        let is_in_part = |one: &&&&Counted| one.failed.as_ref().is_some_and(|it| it.in_part);
        let in_part: Vec<&&Counted> = failed.iter().filter(is_in_part).copied().collect();
        let restores: Vec<Restored> = restores.collect();
        let took = restores.iter().map(|restored| restored.seconds).collect();
        Self {
            deployments: Frequency {
                count,
                per_day: rounded(count as f64 / days),
                commits: named(&counted.iter().collect::<Vec<_>>()),
            },
            lead_time: typical(leads).map(|(median_seconds, p90_seconds)| LeadTime {
                median_seconds,
                p90_seconds,
                commits: named(&timed),
                unknown: count - timed.len(),
            }),
            change_failure_rate: (count > 0).then(|| FailureRate {
                rate: rounded(failed.len() as f64 / count as f64),
                failed: failed.len(),
                deployments: count,
                commits: named(&failed),
                in_part: named(&in_part),
            }),
            time_to_restore: typical(took).map(|(median_seconds, p90_seconds)| Restoring {
                median_seconds,
                p90_seconds,
                restores,
            }),
        }
    }
}

/// To four digits behind the point: more would claim more than is known.
fn rounded(number: f64) -> f64 {
    (number * 10_000.0).round() / 10_000.0
}

/// The median, of an even number the mean of the two in the middle; and the 90th percentile by nearest
/// rank: the smallest of them that nine tenths do not exceed.
fn typical(mut values: Vec<i64>) -> Option<(i64, i64)> {
    values.sort_unstable();
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    let median = match values.len() % 2 {
        0 => i64::midpoint(values[middle - 1], upper),
        _ => upper,
    };
    let rank = (values.len() * 9).div_ceil(10);
    Some((median, values[rank - 1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_typical_is_known_of_few_and_many() {
        for (values, expected) in [
            (vec![], None),
            (vec![7], Some((7, 7))),
            (vec![9, 1], Some((5, 9))),
            (vec![3, 1, 2], Some((2, 3))),
            ((1..=10).rev().collect(), Some((5, 9))),
            ((1..=11).collect(), Some((6, 10))),
            ((1..=100).collect(), Some((50, 90))),
        ] {
            assert_eq!(typical(values.clone()), expected, "{values:?}");
        }
    }
}
