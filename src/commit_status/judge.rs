//! What is posted on a commit means for it: it was deployed; this commit broke it; something else is wrong; or it is
//! not known yet.
//!
//! What is absent is not a success, the combined state of GitHub's is not asked (it is `pending` for ever where
//! nothing was posted), and nothing is believed at once: a status is posted anew until the controller is done.

// A length of time is no clock.
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};

use super::context::{Context, Line};
use super::posted::{Commit, Posted, State, Workflow};

/// How long a success must stand: Argo CD's `on-deployed` and Flux may come a moment too early, and are
/// followed by another one then (argo-cd#9070, #22204).
const SUCCESS_STANDS: Duration = Duration::from_secs(15);
/// How long a failure must: Flux tries again, and its 2.8 posts late.
const FAILURE_STANDS: Duration = Duration::from_secs(60);
/// How long a success must stand where something that was posted on the commit before is missing on this one, such
/// as of a second cluster, which is slower.
const SUCCESS_STANDS_ALONE: Duration = Duration::from_secs(60);
/// How far apart two looks may be, at most, so that what is posted anew is taken to go on with what was before.
const BLIND: Duration = Duration::from_secs(20);
/// How long the branch must not lead to the commit: not every server of GitHub's shows a push at once.
const GONE_STANDS: Duration = Duration::from_secs(15);
/// How long after a look the next one comes at the latest: some pauses between two. What happened in a longer time
/// nobody saw.
const UNSEEN: Duration = Duration::from_secs(45);

/// What is waited for, and what of all that is posted counts.
#[derive(Debug, Clone)]
pub struct Criteria {
    /// All that match must pass, and at least one must match each.
    pub lines: Vec<Line>,
    /// Who must have posted it.
    pub creator: Option<String>,
    /// The workflow that this run is of, where it is of the same repository: the name of its file.
    pub own_workflow: Option<String>,
    /// When the commit came to the branch, at the earliest and by GitHub's clock. None where that does not
    /// matter.
    pub since: Option<DateTime<Utc>>,
}

impl Criteria {
    /// Whether it is by whom it should be, and not by this workflow.
    fn is_of_others(&self, posted: &Posted) -> bool {
        let by = self.creator.as_ref();
        let is_own = |own: &String| match &posted.workflow {
            Workflow::None => false,
            Workflow::Named(name) => name == own,
            Workflow::Unknown => true,
        };
        by.is_none_or(|login| posted.is_by(login))
            && !self.own_workflow.as_ref().is_some_and(is_own)
    }

    /// What counts of `posted`, by name: the newest of each source, and of several sources the worst.
    fn newest<'a>(&self, posted: &'a [Posted], since: Option<DateTime<Utc>>) -> Named<'a> {
        let mut newest: Vec<&Posted> = Vec::new();
        let mut known = HashMap::new();
        for posted in posted {
            let is_meant = self.lines.iter().any(|line| line.matches(&posted.context));
            let is_late = since.is_none_or(|since| posted.at.is_some_and(|at| at >= since));
            if !is_meant || !is_late || !self.is_of_others(posted) {
                continue;
            }
            let known = known.entry(posted.source()).or_insert_with(|| {
                newest.push(posted);
                newest.len() - 1
            });
            if let Some(known) = newest.get_mut(*known).filter(|one| posted.at > one.at) {
                *known = posted;
            }
        }
        newest.sort_by_key(|posted| posted.state().badness());
        newest
            .into_iter()
            .map(|posted| (&posted.context, posted))
            .collect()
    }

    /// What counts on the commit itself.
    fn on_own<'a>(&self, look: &Look<'a>) -> Named<'a> {
        self.newest(look.own, self.since)
    }
}

/// What a later commit holds of what was deployed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// All of it, as it was.
    Same,
    /// Something else.
    Others,
    /// That can't be told.
    Unknown,
}

/// A commit that was made on top of ours.
#[derive(Debug, Clone, Copy)]
pub struct Later<'a> {
    /// The commit.
    pub commit: &'a Commit,
    /// What it holds; none where nobody has looked yet.
    pub holds: Option<Holds>,
}

/// What GitHub shows at one moment.
#[derive(Debug, Clone)]
pub struct Look<'a> {
    /// The commit's id.
    pub id: &'a str,
    /// What was posted on the commit.
    pub own: &'a [Posted],
    /// Those on top of it, the nearest first.
    pub later: Vec<Later<'a>>,
    /// Those below it, the nearest first.
    pub earlier: Vec<&'a Commit>,
    /// Whether the branch leads to it.
    pub is_on_branch: bool,
    /// GitHub's clock; none where it does not tell.
    pub now: Option<DateTime<Utc>>,
    /// Since the waiting began.
    pub elapsed: Duration,
}

/// What it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is deployed. What was posted on the commit before and not on this one is named.
    Done(Vec<Context>),
    /// Not known yet: this is missing.
    Unknown(Wait),
    /// A later commit that deploys something else was reported as deployed: its id.
    Superseded(String),
    /// Something else is wrong; undoing the commit cures nothing.
    Elsewhere(Culprit),
    /// This commit broke it: what says so.
    Broken(Vec<Context>),
}

/// What is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wait {
    /// The branch does not lead to the commit, for now.
    OffBranch,
    /// Nothing was posted under what these lines name.
    Nothing(Vec<String>),
    /// A success that has not stood long enough.
    Standing(Context),
    /// The same; and what was posted on the commit before is missing.
    Alone(Context, Vec<Context>),
    /// A failure, which may pass.
    Failing(Context),
    /// It is on its way.
    Pending(Context),
    /// It ended without a verdict; GitHub's word for that.
    NoVerdict(Context, String),
    /// A later commit, by its id, was reported as deployed, and what it holds is not known.
    Overtaken(Context, String),
    /// A later commit, by its id, fails.
    LaterFails(Context, String),
}

/// What else is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Culprit {
    /// The branch does not lead to the commit any more.
    Gone,
    /// It failed before, too, on the commit with this id.
    FailedBefore(Context, String),
    /// What others changed came along with it: the commit with this id was the last that was reported as deployed.
    CameAlong(Context, String),
    /// Whoever looks has trouble itself.
    Reporter(Context),
    /// A later commit, by its id, fails; nothing is posted on this one.
    LaterCommit(Context, String),
}

/// What is known under one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assessed {
    /// What was posted.
    pub posted: Posted,
    /// On which commit.
    pub commit: String,
    /// What follows.
    pub fact: Fact,
    /// How long it has been so.
    pub stood: Duration,
}

/// What follows from what is posted under one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fact {
    /// Deployed, with the commit or with one that holds the same.
    Passed,
    /// A later commit that holds something else was deployed.
    Superseded,
    /// It fails on our commit.
    Failing,
    /// Whoever looks has trouble itself.
    Erring,
    /// Not done.
    Pending,
    /// Ended without a verdict.
    NoVerdict,
    /// A later commit was deployed, and what it holds is not known.
    Overtaken,
    /// A later commit fails, and nothing is posted on ours.
    LaterFails,
}

/// What a look means, with what it stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// What it means.
    pub verdict: Verdict,
    /// What is known under each name.
    pub assessed: Vec<Assessed>,
    /// When something will have stood long enough, if nothing else is posted.
    pub soon: Option<Duration>,
}

/// Since when something that is posted was seen as it is, however often it was posted anew.
#[derive(Debug, Clone)]
struct Sight {
    /// What was seen last.
    posted: Posted,
    /// When the first of them was posted, by GitHub's clock.
    begun: Option<DateTime<Utc>>,
    /// When it was seen.
    since: Duration,
}

/// Judges one commit, look after look.
#[derive(Debug, Default)]
pub struct Judge {
    /// What the last look showed.
    seen: HashMap<(String, Context), Sight>,
    /// When that was.
    looked: Option<Duration>,
    off_branch_since: Option<Duration>,
}

/// The later commits whose files must be read, the nearest first: something was reported as deployed there
/// that was not on ours.
pub fn wanted<'a>(look: &Look<'a>, criteria: &Criteria) -> Vec<&'a str> {
    let own = criteria.on_own(look);
    let passed = |context: &Context| {
        let posted = own.get(context);
        posted.is_some_and(|posted| posted.state() == State::Success)
    };
    let decides = |later: &&Later<'a>| {
        let newest = criteria.newest(&later.commit.posted, None);
        let mut newest = newest.values();
        newest.any(|posted| posted.state() == State::Success && !passed(&posted.context))
    };
    let unread = look.later.iter().filter(|later| later.holds.is_none());
    unread
        .filter(decides)
        .map(|later| later.commit.id.as_str())
        .collect()
}

impl Judge {
    /// What `look` means, after all before it.
    pub fn judge(&mut self, look: &Look<'_>, criteria: &Criteria) -> Judged {
        self.forget_after_a_gap(look.elapsed);
        let assessed = self.assessed(look, criteria);
        self.looked = Some(look.elapsed);
        let (verdict, soon) = self.opinion(look, criteria, &assessed);
        Judged {
            verdict,
            assessed,
            soon,
        }
    }

    /// What has lasted does so without a break only, and nobody knows what was in a time without looks; but for
    /// what was posted at a time that is known, and is still the newest.
    fn forget_after_a_gap(&mut self, now: Duration) {
        let before = self.looked;
        if before.is_some_and(|before| now.saturating_sub(before) > UNSEEN) {
            self.off_branch_since = None;
            self.seen.retain(|_, sight| sight.posted.at.is_some());
        }
    }

    fn opinion(
        &mut self,
        look: &Look<'_>,
        criteria: &Criteria,
        assessed: &[Assessed],
    ) -> (Verdict, Option<Duration>) {
        if !look.is_on_branch {
            let since = *self.off_branch_since.get_or_insert(look.elapsed);
            return match look.elapsed.saturating_sub(since).checked_sub(GONE_STANDS) {
                Some(_) => (Verdict::Elsewhere(Culprit::Gone), None),
                None => (Verdict::Unknown(Wait::OffBranch), None),
            };
        }
        self.off_branch_since = None;
        let of = |fact: Fact| assessed.iter().filter(move |one| one.fact == fact);
        let lasted = |one: &&Assessed, time: Duration| one.stood >= time;
        let failing: Vec<&Assessed> = of(Fact::Failing)
            .filter(|one| lasted(one, FAILURE_STANDS))
            .collect();
        if let Some(first) = failing.first() {
            let below = below(look, criteria);
            let before = |one: &&Assessed| failed_before(&below, &one.posted.context);
            let own: Vec<Context> = failing
                .iter()
                .filter(|one| before(one).is_none())
                .map(|one| one.posted.context.clone())
                .collect();
            let verdict = match before(first) {
                Some(commit) if own.is_empty() => {
                    Verdict::Elsewhere(Culprit::FailedBefore(first.posted.context.clone(), commit))
                }
                _ => Verdict::Broken(own),
            };
            return (verdict, None);
        }
        let mut superseded = of(Fact::Superseded).filter(|one| lasted(one, SUCCESS_STANDS));
        if let Some(one) = superseded.next() {
            return (Verdict::Superseded(one.commit.clone()), None);
        }
        let mut erring = of(Fact::Erring).filter(|one| lasted(one, FAILURE_STANDS));
        if let Some(one) = erring.next() {
            let culprit = Culprit::Reporter(one.posted.context.clone());
            return (Verdict::Elsewhere(culprit), None);
        }
        let missing = missing(look, criteria, assessed);
        let must_stand = |fact: Fact| match fact {
            Fact::Passed if !missing.is_empty() => Some(SUCCESS_STANDS_ALONE),
            Fact::Passed | Fact::Superseded => Some(SUCCESS_STANDS),
            Fact::Failing | Fact::Erring => Some(FAILURE_STANDS),
            Fact::Pending | Fact::NoVerdict | Fact::Overtaken | Fact::LaterFails => None,
        };
        let left = |one: &Assessed| {
            let left = must_stand(one.fact)?.saturating_sub(one.stood);
            (!left.is_zero()).then_some(left)
        };
        let soon = assessed.iter().filter_map(left).min();
        let unmatched = criteria.lines.iter().filter(|line| {
            let mut contexts = assessed.iter().map(|one| &one.posted.context);
            !contexts.any(|context| line.matches(context))
        });
        let unmatched: Vec<String> = unmatched.map(ToString::to_string).collect();
        let waited_for = assessed
            .iter()
            .filter(|one| one.fact != Fact::Passed || left(one).is_some());
        let worst = waited_for.min_by_key(|one| rank(one.fact));
        let worst = worst.map(|one| wait_for(one, &missing));
        let verdict = match (worst, unmatched.is_empty()) {
            (Some(wait @ Wait::Failing(_)), _) => Verdict::Unknown(wait),
            (_, false) => Verdict::Unknown(Wait::Nothing(unmatched)),
            (Some(wait), true) => Verdict::Unknown(wait),
            (None, true) => Verdict::Done(missing),
        };
        (verdict, soon)
    }

    /// What is known under each name that is meant.
    fn assessed(&mut self, look: &Look<'_>, criteria: &Criteria) -> Vec<Assessed> {
        let own = criteria.on_own(look);
        let later: Vec<(&Later<'_>, Named<'_>)> = look
            .later
            .iter()
            .map(|later| (later, criteria.newest(&later.commit.posted, None)))
            .collect();
        // What only a later commit has is that commit's, unless ours was to have it.
        let expected = expected(look, criteria);
        let is_open = |line: &&Line| !own.keys().any(|own| line.matches(own));
        let open: Vec<&Line> = criteria.lines.iter().filter(is_open).collect();
        let is_ours = |context: &&Context| {
            expected.contains(*context) || open.iter().any(|line| line.matches(context))
        };
        let above = later.iter().flat_map(|(_, newest)| newest.keys().copied());
        let mut contexts: BTreeSet<&Context> = above.filter(is_ours).collect();
        contexts.extend(own.keys().copied());
        let mut assessed = Vec::new();
        // What was not seen in a look did not stand.
        let before = std::mem::take(&mut self.seen);
        for context in contexts {
            let here = own.get(context).copied();
            let above = later
                .iter()
                .filter_map(|(later, newest)| Some((**later, *newest.get(context)?)));
            let above: Vec<(Later<'_>, &Posted)> = above.collect();
            if let Some((posted, commit, fact)) = fact(look.id, here, &above) {
                let key = (commit.to_owned(), posted.context.clone());
                let sight = self.sight(look, posted, before.get(&key));
                let stood = sight.stood(look);
                self.seen.insert(key, sight);
                assessed.push(Assessed {
                    posted: posted.clone(),
                    commit: commit.to_owned(),
                    fact,
                    stood,
                });
            }
        }
        assessed
    }

    /// Since when something has been posted as it is. A controller that tries again posts its failure anew each
    /// time: that goes on with the first one, as long as nothing else was seen meanwhile, and somebody looked.
    fn sight(&self, look: &Look<'_>, posted: &Posted, before: Option<&Sight>) -> Sight {
        let is_same = |before: &&Sight| {
            let known = &before.posted;
            let is_untouched = known.at == posted.at;
            let has_looked = self
                .looked
                .is_some_and(|looked| look.elapsed.saturating_sub(looked) <= BLIND);
            known.state() == posted.state()
                && known.is_same_source(posted)
                && (is_untouched || has_looked)
        };
        let before = before.filter(is_same);
        Sight {
            posted: posted.clone(),
            begun: before.map_or(posted.at, |before| before.begun),
            since: before.map_or(look.elapsed, |before| before.since),
        }
    }
}

impl Sight {
    /// For how long: by GitHub's clock, and at least since it was seen.
    fn stood(&self, look: &Look<'_>) -> Duration {
        let begun = look.now.zip(self.begun);
        let by_clock = begun.and_then(|(now, begun)| (now - begun).to_std().ok());
        let seen = look.elapsed.saturating_sub(self.since);
        by_clock.unwrap_or_default().max(seen)
    }
}

/// What follows from what is posted under one name: `here` on the commit itself, the rest on later ones.
fn fact<'a>(
    own: &'a str,
    here: Option<&'a Posted>,
    above: &[(Later<'a>, &'a Posted)],
) -> Option<(&'a Posted, &'a str, Fact)> {
    let at = |(later, posted): &(Later<'a>, &'a Posted), fact| {
        Some((*posted, later.commit.id.as_str(), fact))
    };
    let on_own = |fact| here.map(|posted| (posted, own, fact));
    let state = here.map(Posted::state);
    if state == Some(State::Success) {
        return on_own(Fact::Passed);
    }
    let successes = || {
        let all = above.iter();
        all.filter(|(_, posted)| posted.state() == State::Success)
    };
    let with = |holds| {
        let mut all = successes();
        all.find(move |(later, _)| later.holds == Some(holds))
    };
    // What failed, and went well with a later commit that holds the same, runs; unless it failed again.
    let is_newer = |posted: &Posted| here.is_none_or(|here| posted.at >= here.at);
    let fails = matches!(state, Some(State::Failure | State::Error(_)));
    let mut same = successes().filter(|(later, _)| later.holds == Some(Holds::Same));
    if let Some(found) = same.find(|(_, posted)| !fails || is_newer(posted)) {
        return at(found, Fact::Passed);
    }
    if let Some(found) = with(Holds::Others).filter(|(_, posted)| !fails || is_newer(posted)) {
        return at(found, Fact::Superseded);
    }
    match state {
        Some(State::Failure) => return on_own(Fact::Failing),
        Some(State::Error(_)) => return on_own(Fact::Erring),
        _ => {}
    }
    let mut unknown = successes();
    if let Some(found) =
        unknown.find(|(later, _)| later.holds.is_none_or(|holds| holds == Holds::Unknown))
    {
        return at(found, Fact::Overtaken);
    }
    match state {
        Some(State::NoVerdict(_)) => return on_own(Fact::NoVerdict),
        Some(_) => return on_own(Fact::Pending),
        None => {}
    }
    let last = above.last()?;
    match last.1.state() {
        State::Failure | State::Error(_) => at(last, Fact::LaterFails),
        State::NoVerdict(_) => at(last, Fact::NoVerdict),
        _ => at(last, Fact::Pending),
    }
}

/// How much what is waited for under one name matters to a person: the least first.
fn rank(fact: Fact) -> u8 {
    match fact {
        Fact::Failing | Fact::Erring => 0,
        Fact::LaterFails => 1,
        Fact::NoVerdict => 2,
        Fact::Overtaken => 3,
        Fact::Pending => 4,
        Fact::Superseded => 5,
        Fact::Passed => 6,
    }
}

/// What is waited for under one name.
fn wait_for(one: &Assessed, missing: &[Context]) -> Wait {
    let (context, commit) = (one.posted.context.clone(), one.commit.clone());
    match one.fact {
        Fact::Failing | Fact::Erring => Wait::Failing(context),
        Fact::LaterFails => Wait::LaterFails(context, commit),
        Fact::NoVerdict => Wait::NoVerdict(context, one.posted.state().name().to_owned()),
        Fact::Overtaken => Wait::Overtaken(context, commit),
        Fact::Pending => Wait::Pending(context),
        Fact::Passed if !missing.is_empty() => Wait::Alone(context, missing.to_vec()),
        Fact::Passed | Fact::Superseded => Wait::Standing(context),
    }
}

/// What is posted on a commit, by name.
type Named<'a> = BTreeMap<&'a Context, &'a Posted>;

/// What counts on each commit below ours, the nearest first.
fn below<'a>(look: &Look<'a>, criteria: &Criteria) -> Vec<(&'a Commit, Named<'a>)> {
    let earlier = look.earlier.iter();
    let named = earlier.map(|commit| (*commit, criteria.newest(&commit.posted, None)));
    named.collect()
}

/// The nearest of these commits that has something under this name, where that is a failure.
fn failed_before(below: &[(&Commit, Named<'_>)], context: &Context) -> Option<String> {
    let mut nearest = below.iter();
    let (commit, state) = nearest.find_map(|(commit, named)| {
        let posted = named.get(context)?;
        Some((*commit, posted.state()))
    })?;
    (state == State::Failure).then(|| commit.id.clone())
}

/// What was deployed before ours, one commit after the other from the one below it, `parent`, down: the nearest that has
/// a success under this name, else under what is meant by the same line. None where nobody has posted any.
pub fn ran_before<'a>(
    look: &Look<'a>,
    criteria: &Criteria,
    parent: &str,
    context: &Context,
) -> Option<&'a str> {
    let by_id: HashMap<&str, &'a Commit> = look
        .earlier
        .iter()
        .map(|commit| (commit.id.as_str(), *commit))
        .collect();
    // What a merge brought was on no branch before.
    let mut line = Vec::new();
    let mut next = by_id.get(parent);
    while let (Some(commit), true) = (next, line.len() < by_id.len()) {
        line.push(*commit);
        let first = commit.parents.first();
        next = first.and_then(|parent| by_id.get(parent.as_str()));
    }
    let lines = criteria.lines.iter();
    let lines: Vec<&Line> = lines.filter(|line| line.matches(context)).collect();
    let is_alike = |other: &Context| lines.iter().any(|line| line.matches(other));
    let nearest = |is_meant: &dyn Fn(&Context) -> bool| {
        let mut line = line.iter();
        let found = line.find(|commit| {
            let newest = criteria.newest(&commit.posted, None);
            let mut meant = newest.iter().filter(|(name, _)| is_meant(name));
            meant.any(|(_, posted)| posted.state() == State::Success)
        });
        found.map(|commit| commit.id.as_str())
    };
    nearest(&|other| other == context).or_else(|| nearest(&is_alike))
}

/// What ours is to have as well: under each line, what the nearest commit below it has that has anything there.
fn expected(look: &Look<'_>, criteria: &Criteria) -> BTreeSet<Context> {
    let mut expected = BTreeSet::new();
    for line in &criteria.lines {
        let found = look.earlier.iter().find_map(|commit| {
            let newest = criteria.newest(&commit.posted, None).into_keys();
            let own: Vec<Context> = newest.filter(|one| line.matches(one)).cloned().collect();
            (!own.is_empty()).then_some(own)
        });
        expected.extend(found.into_iter().flatten());
    }
    expected
}

/// What of that is not there.
fn missing(look: &Look<'_>, criteria: &Criteria, assessed: &[Assessed]) -> Vec<Context> {
    let mut missing = expected(look, criteria);
    for one in assessed {
        missing.remove(&one.posted.context);
    }
    missing.into_iter().collect()
}

impl Wait {
    /// What else is wrong, where the time is over. Slow is not broken.
    pub fn culprit(&self) -> Option<Culprit> {
        match self {
            Self::LaterFails(context, commit) => {
                Some(Culprit::LaterCommit(context.clone(), commit.clone()))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
