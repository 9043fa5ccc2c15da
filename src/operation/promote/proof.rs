//! What has to hold of an image before it is promoted: it has been in its stage long enough, and was
//! rolled back in neither.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::moves::Move;
use super::sides::Sight;
use crate::date::Timestamp;
use crate::deployment::past::LastSeen;
use crate::failure::Failure;
use crate::files::{FileSelection, RepoPath};
use crate::image::ImageReference;
use crate::limits::Exceeded;
use crate::manifest::{HeldImage, Promoted, image_transitions};
use crate::operation::now;
use crate::operation::past::{named, of_files, past};
use crate::operation::session::Session;
use crate::repository::history::{
    Commit, FileHistory, FileVersions, HistoryQuery, Searched, Touched,
};
use crate::repository::{BranchName, CommitId, RepositoryError};

/// How many commits of the files are looked at first, where they are read over git.
const DEPTH: usize = 50;
/// How many at most: of each file for a rollback, as a rollback itself does, and of all for when an image came.
const MOST: usize = 1000;

/// Why a file does not get its images yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pending {
    /// The file.
    pub(super) to: RepoPath,
    /// Why, as a sentence without its full stop.
    pub(super) why: String,
    /// When it may, where only time is missing: seconds since 1970.
    pub(super) until: Option<i64>,
}

impl Pending {
    /// The sentence about one file of several.
    pub(super) fn warning(&self) -> String {
        format!("{} was left as it is: {}", self.to, self.why)
    }
}

/// What was found out. It is of the past of both branches, and stands as long as they are where they were: what goes
/// and what it replaces may be the same behind a rollback.
pub(super) struct Proof {
    soak: Option<Duration>,
    of: Option<(CommitId, CommitId, Arc<Vec<Move>>)>,
    pending: Vec<Pending>,
}

impl Proof {
    pub(super) fn new(soak: Option<Duration>) -> Self {
        Self {
            soak,
            of: None,
            pending: Vec::new(),
        }
    }

    /// The files that do not get their images yet.
    ///
    /// # Errors
    /// When the past can't be read.
    pub(super) async fn pending(
        &mut self,
        moves: &Arc<Vec<Move>>,
        sight: &Sight<'_>,
    ) -> Result<Vec<Pending>, Failure> {
        if moves.is_empty() {
            return Ok(Vec::new());
        }
        let own = (sight.base.clone(), sight.commit.clone(), Arc::clone(moves));
        if self.of.as_ref() != Some(&own) {
            self.pending = Box::pin(self.find(moves, sight)).await?;
            self.of = Some(own);
        }
        Ok(self.pending.clone())
    }

    async fn find(
        &self,
        moves: &Arc<Vec<Move>>,
        sight: &Sight<'_>,
    ) -> Result<Vec<Pending>, Failure> {
        let from = files(moves.iter().map(|one| &one.promoted.from.file));
        let (here, there) = (sight.here(), sight.there());
        let sought = [Side::To, Side::From].map(|side| (0..moves.len()).map(move |n| (n, side)));
        let sought: Vec<Sought> = sought.into_iter().flatten().collect();
        let pasts = both(sight, moves, &sought, Pasts::read).await?;
        let in_from = Arc::clone(&pasts[1]);
        let mut in_to = vec![Arc::clone(&pasts[0])];
        let own = Arc::clone(moves);
        let work = here.work(move || taken_back(&own, &pasts, sought));
        let found = work.await?.map_err(|error| here.too_much(error))?;
        let Found { mut taken, open } = found;
        if !open.is_empty() {
            // Only all that there is proves that there is nothing.
            let pasts = both(sight, moves, &open, Pasts::whole).await?;
            in_to.push(Arc::clone(&pasts[0]));
            let own = Arc::clone(moves);
            let work = here.work(move || taken_back(&own, &pasts, open));
            let found = work.await?.map_err(|error| here.too_much(error))?;
            taken.extend(found.taken);
        }
        // By the commits that made their files, each of which is looked at once.
        let mut made: HashMap<&CommitId, Vec<usize>> = HashMap::new();
        for (n, one) in moves.iter().enumerate() {
            let is_taken = taken.iter().any(|(own, _)| *own == (n, Side::To));
            let came = in_to.iter().find_map(|pasts| pasts.came(&one.promoted.to));
            if let Some(came) = came.filter(|_| !is_taken) {
                made.entry(came).or_default().push(n);
            }
        }
        for (came, own) in made {
            taken.extend(before_they_came(sight, moves, came, own).await?);
        }
        taken.sort_by_key(|(own, _)| *own);
        let mut pending: Vec<Pending> = taken.into_iter().map(|(_, pending)| pending).collect();
        if let Some(soak) = self.soak {
            let soak = i64::try_from(soak.as_secs()).unwrap_or(i64::MAX);
            let begin = now().saturating_sub(soak);
            let is_open = |one: &&Move| {
                let since = there
                    .repository
                    .held_since(&sight.commit, &one.promoted.from.file);
                since.is_none_or(|since| since > begin)
            };
            let open: Vec<Move> = moves.iter().filter(is_open).cloned().collect();
            if open.is_empty() {
                return Ok(pending);
            }
            let line = in_from.line.as_ref();
            let past = match line.filter(|line| reaches(line, begin)) {
                Some(line) => Arc::clone(line),
                None => {
                    let tip = (&sight.branch, &sight.commit);
                    Arc::new(arrival(there, tip, &from, begin).await?)
                }
            };
            let work = here.work(move || {
                let open = open.iter();
                let soaking = open.filter_map(|one| soaking(&one.promoted, &past, begin, soak));
                soaking.collect::<Vec<_>>()
            });
            pending.extend(work.await?);
        }
        Ok(pending)
    }
}

/// Where an image goes to, or comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Side {
    To,
    From,
}

impl Side {
    fn file(self, of: &Move) -> &RepoPath {
        match self {
            Self::To => &of.promoted.to,
            Self::From => &of.promoted.from.file,
        }
    }

    fn images(self, of: &Move) -> Vec<String> {
        let Promoted { image, from, .. } = &of.promoted;
        match self {
            Self::To => of.new.clone(),
            // Of a tag alone, trailers may say of which image it is.
            Self::From => vec![from.image.clone(), image.to_string()],
        }
    }
}

/// Of which image, by its number, is to be known whether it was rolled back where.
type Sought = (usize, Side);

/// What is known of that.
#[derive(Default)]
struct Found {
    /// Those that were rolled back.
    taken: Vec<(Sought, Pending)>,
    /// Those of which older commits may tell.
    open: Vec<Sought>,
}

/// Those of `sought` that were rolled back, by the pasts of both sides.
fn taken_back(
    moves: &[Move],
    pasts: &[Arc<Pasts>; 2],
    sought: Vec<Sought>,
) -> Result<Found, Exceeded> {
    let mut of: HashMap<(Side, &RepoPath), Vec<usize>> = HashMap::new();
    for (n, side) in sought {
        of.entry((side, side.file(&moves[n]))).or_default().push(n);
    }
    let mut found = Found::default();
    for ((side, file), own) in of {
        let in_side = &pasts[side as usize];
        let commits = in_side.of(file);
        let named = named(commits);
        let past = past(commits, &named)?;
        let is_whole = in_side.is_all(file);
        // From there on, older commits may tell that one stands otherwise.
        let unsure = match is_whole {
            true => None,
            false => past.first_on_older(),
        };
        for n in own {
            let promoted = &moves[n].promoted;
            let what = match side {
                Side::To => format!("was rolled back in {file}"),
                Side::From => format!("is in {file}, and was rolled back there"),
            };
            let seen = side.images(&moves[n]).into_iter();
            let seen = Vec::from_iter(seen.map(|image| past.last_seen(&image)));
            let is_unsure = seen.iter().any(|seen| match seen {
                LastSeen::Taken(number) | LastSeen::Brought(number) => {
                    unsure.is_some_and(|unsure| unsure <= *number)
                }
                LastSeen::Nowhere => false,
            });
            if is_unsure {
                found.open.push((n, side));
                continue;
            }
            let by = seen.iter().find_map(|seen| match seen {
                LastSeen::Taken(by) => commits.get(*by),
                LastSeen::Brought(_) | LastSeen::Nowhere => None,
            });
            if let Some(by) = by {
                let pending = rolled_back(promoted, &what, &by.commit);
                found.taken.push(((n, side), pending));
                continue;
            }
            let is_brought = |seen: &LastSeen| matches!(seen, LastSeen::Brought(_));
            let is_open = match side {
                Side::To => seen.contains(&LastSeen::Nowhere),
                Side::From => !seen.iter().any(is_brought),
            };
            if is_open && !is_whole {
                found.open.push((n, side));
            }
        }
    }
    Ok(found)
}

/// Which of these moves, to files that the commit `came` made, don't go: what was moved there from another file of the
/// stage has its past in that.
async fn before_they_came(
    sight: &Sight<'_>,
    moves: &Arc<Vec<Move>>,
    came: &CommitId,
    own: Vec<usize>,
) -> Result<Vec<(Sought, Pending)>, Failure> {
    let (session, stage) = (sight.here(), sight.files());
    let search = async || session.repository.search(came.as_str(), &stage).await;
    let Searched::OnBranch(touched) = session.read_silently(search).await? else {
        return Ok(Vec::new());
    };
    let all = Arc::clone(moves);
    let work = session.work(move || {
        let sources = own.into_iter().flat_map(|n| {
            let of = sources(&all[n].promoted, &touched);
            of.into_iter().map(move |source| (n, source))
        });
        sources.collect::<Vec<_>>()
    });
    let sources = work.await?;
    let tip = (&sight.target, &sight.base);
    let paths = files(sources.iter().map(|(_, source)| source));
    let pasts = Pasts::whole(session, tip, &paths).await?;
    let (all, came) = (Arc::clone(moves), came.clone());
    let work = session.work(move || {
        let mut taken: Vec<(Sought, Pending)> = Vec::new();
        for (n, source) in &sources {
            if let Some(pending) = taken_before(&all[*n], source, pasts.of(source), &came)? {
                taken.push(((*n, Side::To), pending));
            }
        }
        // Of several sources, one is enough.
        taken.dedup_by_key(|(own, _)| *own);
        Ok(taken)
    });
    work.await?.map_err(|error| session.too_much(error))
}

/// The files that a commit moved an image from, or took it out of, as it made the one that the image is promoted to.
fn sources(promoted: &Promoted, touched: &Touched) -> Vec<RepoPath> {
    let is_it = |held: &str| {
        let held = held.parse::<ImageReference>();
        held.is_ok_and(|held| held.same_repository(&promoted.image))
    };
    let source = |versions: &FileVersions| {
        if versions.path == promoted.to {
            return versions.renamed_from.clone();
        }
        let (before, after) = (versions.before.as_deref(), versions.after.as_deref());
        let mut transitions = image_transitions(&versions.path, before, after).into_iter();
        let has_left =
            transitions.any(|held| held.new.is_none() && held.old.as_deref().is_some_and(is_it));
        has_left.then(|| versions.path.clone())
    };
    touched.files.iter().filter_map(source).collect()
}

/// Whether an image was rolled back in `source`, by its `commits`, before `came` moved it from there.
fn taken_before(
    one: &Move,
    source: &RepoPath,
    commits: &[Touched],
    came: &CommitId,
) -> Result<Option<Pending>, Exceeded> {
    let at = commits.iter().position(|older| older.commit.id == *came);
    let older = at.and_then(|at| commits.get(at + 1..)).unwrap_or_default();
    let named = named(older);
    let past = past(older, &named)?;
    let images = Side::To.images(one);
    let by = images.iter().find_map(|image| match past.last_seen(image) {
        LastSeen::Taken(by) => older.get(by),
        LastSeen::Brought(_) | LastSeen::Nowhere => None,
    });
    let what = format!("was rolled back in {source}");
    Ok(by.map(|by| rolled_back(&one.promoted, &what, &by.commit)))
}

/// Why an image does not go: `what` a commit did.
fn rolled_back(promoted: &Promoted, what: &str, by: &Commit) -> Pending {
    Pending {
        to: promoted.to.clone(),
        why: format!(
            "{} {what} by {}. Promote a newer version, or deploy this one with `operation: update`",
            promoted.image,
            by_commit(by)
        ),
        until: None,
    }
}

/// An image that was proposed, and the file of its stage that it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Staged {
    /// The image.
    pub(super) image: String,
    /// How that file has it.
    pub(super) text: String,
    /// That file.
    pub(super) file: RepoPath,
}

/// Which of the images that were proposed the commits up to `tip` have rolled back in their stage: a sentence without its
/// full stop.
pub(super) async fn rolled_back_in_stage(
    session: &Session<'_>,
    tip: Tip<'_>,
    staged: &[Staged],
) -> Result<Option<String>, Failure> {
    let files = files(staged.iter().map(|one| &one.file));
    let newest = Pasts::read(session, tip, &files).await?;
    let judged = async |pasts: Pasts| {
        let staged = staged.to_vec();
        let judged = session.work(move || taken_of(&staged, &pasts));
        judged.await?.map_err(|error| session.too_much(error))
    };
    match judged(newest).await? {
        (why, false) => Ok(why),
        // Only all that there is proves that there is nothing.
        (_, true) => Ok(judged(Pasts::whole(session, tip, &files).await?).await?.0),
    }
}

/// Which one was rolled back, and whether older commits may tell otherwise.
fn taken_of(staged: &[Staged], pasts: &Pasts) -> Result<(Option<String>, bool), Exceeded> {
    let mut is_open = false;
    for Staged { image, text, file } in staged {
        let commits = pasts.of(file);
        let named = named(commits);
        let past = past(commits, &named)?;
        let unsure = match pasts.is_all(file) {
            true => None,
            false => Some(past.first_on_older().unwrap_or(commits.len())),
        };
        for text in [text, image] {
            match past.last_seen(text) {
                LastSeen::Taken(by) if unsure.is_none_or(|unsure| by < unsure) => {
                    let by = commits.get(by).map(|by| by_commit(&by.commit));
                    let by = by.unwrap_or_default();
                    return Ok((
                        Some(format!("{image} was rolled back in {file} by {by}")),
                        false,
                    ));
                }
                LastSeen::Brought(by) if unsure.is_none_or(|unsure| by < unsure) => {}
                _ => is_open |= unsure.is_some(),
            }
        }
    }
    Ok((None, is_open))
}

/// What the newest commits did to the files of a stage.
#[derive(Default)]
struct Pasts {
    of: HashMap<RepoPath, Vec<Touched>>,
    /// Whether these are all that count.
    is_whole: bool,
    /// The same as the branch's own line has them, where that was read.
    line: Option<Arc<FileHistory>>,
}

impl Pasts {
    async fn read(
        session: &Session<'_>,
        tip: Tip<'_>,
        files: &[&RepoPath],
    ) -> Result<Self, Failure> {
        let ask = async || session.repository.pasts(tip.1, files).await;
        if let Some(of) = session.read_silently(ask).await? {
            return Ok(Self {
                of,
                ..Self::default()
            });
        }
        let line = read(session, tip, files, DEPTH).await?;
        Ok(Self {
            of: of_files(&line.commits, files.iter().copied()),
            is_whole: !line.limited,
            line: Some(Arc::new(line)),
        })
    }

    /// All that count of each file: together, as long as no commit of one keeps that of another from being read.
    async fn whole(
        session: &Session<'_>,
        tip: Tip<'_>,
        files: &[&RepoPath],
    ) -> Result<Self, Failure> {
        let mut of = HashMap::new();
        let mut open = Vec::from_iter((!files.is_empty()).then_some(files));
        while let Some(files) = open.pop() {
            let query = HistoryQuery {
                resumes: true,
                ..HistoryQuery::newest(MOST)
            };
            let selection = FileSelection::of(files.iter().copied());
            go_on_from(session, tip).await?;
            let read = async || match session.repository.history(&selection, &query).await {
                Err(RepositoryError::TooMuch(_)) if files.len() > 1 => Ok(None),
                read => read.map(Some),
            };
            match session.read_silently(read).await? {
                Some(read) if !read.limited || files.len() == 1 => {
                    of.extend(of_files(&read.commits, files.iter().copied()));
                }
                _ => {
                    let (some, others) = files.split_at(files.len() / 2);
                    open.extend([some, others]);
                }
            }
        }
        Ok(Self {
            of,
            is_whole: true,
            line: None,
        })
    }

    /// The newest commits of a file, newest first.
    fn of(&self, file: &RepoPath) -> &[Touched] {
        self.of.get(file).map(Vec::as_slice).unwrap_or_default()
    }

    /// The commit that made a file, if it is among these, and neither the first of the repository nor one of that file
    /// alone: what is there may have been in another file before.
    fn came(&self, file: &RepoPath) -> Option<&CommitId> {
        let oldest = self.of(file).last()?;
        let versions = oldest.files.first()?;
        let is_new = versions.before.is_none()
            && !oldest.commit.parents.is_empty()
            && oldest.changed_files != 1;
        is_new.then_some(&oldest.commit.id)
    }

    /// Whether these are all that count of a file: the oldest one that GitHub's API tells of added it.
    fn is_all(&self, file: &RepoPath) -> bool {
        let oldest = self.of(file).last();
        let added = oldest.and_then(|oldest| oldest.files.first());
        self.is_whole || added.is_some_and(|added| added.before.is_none())
    }
}

/// What is read of the files that are `sought` of each side, of both at once where they are on one branch.
async fn both(
    sight: &Sight<'_>,
    moves: &[Move],
    sought: &[Sought],
    read: impl AsyncFn(&Session<'_>, Tip<'_>, &[&RepoPath]) -> Result<Pasts, Failure>,
) -> Result<[Arc<Pasts>; 2], Failure> {
    let of = |is_meant: &dyn Fn(Side) -> bool| {
        let own = sought.iter().filter(|(_, side)| is_meant(*side));
        files(own.map(|(n, side)| side.file(&moves[*n])))
    };
    let (here, there) = (sight.here(), sight.there());
    let (to, from) = ((&sight.target, &sight.base), (&sight.branch, &sight.commit));
    if std::ptr::eq(here, there) {
        let past = Arc::new(read(here, to, &of(&|_| true)).await?);
        return Ok([Arc::clone(&past), past]);
    }
    let of_to = read(here, to, &of(&|side| side == Side::To)).await?;
    let of_from = read(there, from, &of(&|side| side == Side::From)).await?;
    Ok([Arc::new(of_to), Arc::new(of_from)])
}

/// Each file once.
fn files<'f>(files: impl Iterator<Item = &'f RepoPath>) -> Vec<&'f RepoPath> {
    let mut distinct: Vec<&RepoPath> = files.collect();
    distinct.sort_unstable();
    distinct.dedup();
    distinct
}

/// The commits of the branch's own line since `begin`, as far as they are looked at.
async fn arrival(
    session: &Session<'_>,
    tip: Tip<'_>,
    files: &[&RepoPath],
    begin: i64,
) -> Result<FileHistory, Failure> {
    let past = read(session, tip, files, DEPTH).await?;
    match reaches(&past, begin) {
        true => Ok(past),
        // A busy stage. Not by date, which would leave out what is dated back.
        false => read(session, tip, files, MOST).await,
    }
}

/// Why `promoted` has not been in its stage since `begin`, if it has not, or if that is not known.
fn soaking(promoted: &Promoted, past: &FileHistory, begin: i64, soak: i64) -> Option<Pending> {
    let HeldImage { file, image, .. } = &promoted.from;
    let to = promoted.to.clone();
    let times = times(&past.commits);
    for (touched, time) in past.commits.iter().zip(times) {
        let Some(new) = brought(touched, &promoted.from) else {
            continue;
        };
        if new.as_ref() != Some(image) {
            // The branch has moved since it was read.
            return Some(Pending {
                to,
                why: format!(
                    "{file} is being changed right now: it held {image} a moment ago. Run the job again"
                ),
                until: None,
            });
        }
        if time <= begin {
            return None;
        }
        let until = time.saturating_add(soak);
        return Some(Pending {
            to,
            why: format!(
                "{file} has {image} only since {} (commit {}), and it is to stay there for {} first: until {}",
                Timestamp::utc(time).iso(),
                touched.commit.id.short(),
                span(soak),
                Timestamp::utc(until).iso()
            ),
            until: Some(until),
        });
    }
    (!reaches(past, begin)).then(|| Pending {
        to,
        why: format!(
            "since when {file} has {image} is not known: it had more than {MOST} commits in the last {}",
            span(soak)
        ),
        until: None,
    })
}

/// Whether all commits since `begin` are in `past`.
fn reaches(past: &FileHistory, begin: i64) -> bool {
    let times = times(&past.commits);
    !past.limited || times.last().is_some_and(|oldest| *oldest <= begin)
}

/// When each of `commits`, which are newest first, came: no commit is older than one that was there
/// before it, whatever its clock said.
fn times(commits: &[Touched]) -> Vec<i64> {
    let mut latest = i64::MIN;
    let mut times: Vec<i64> = commits
        .iter()
        .rev()
        .map(|touched| {
            latest = latest.max(touched.commit.time.seconds);
            latest
        })
        .collect();
    times.reverse();
    times
}

/// What a commit made of the image that `held` is the newest version of, if it changed that: none where
/// it took it away.
fn brought(touched: &Touched, held: &HeldImage) -> Option<Option<String>> {
    let versions = touched
        .files
        .iter()
        .find(|versions| versions.now == held.file)?;
    let transitions = image_transitions(
        &versions.path,
        versions.before.as_deref(),
        versions.after.as_deref(),
    );
    let changed = transitions
        .into_iter()
        .find(|one| one.held.place == held.place)?;
    Some(changed.new)
}

/// `commit 0123456 of 2026-08-22 10:00 by Ji Min`
fn by_commit(commit: &Commit) -> String {
    format!(
        "commit {} of {} by {}",
        commit.id.short(),
        commit.time.day_and_minute(),
        commit.author.name
    )
}

/// `2 h`, `90 min`, `45 s`
fn span(seconds: i64) -> String {
    match seconds {
        seconds if seconds % 86_400 == 0 => format!("{} d", seconds / 86_400),
        seconds if seconds % 3600 == 0 => format!("{} h", seconds / 3600),
        seconds if seconds % 60 == 0 => format!("{} min", seconds / 60),
        seconds => format!("{seconds} s"),
    }
}

/// A branch, and where it was when the plan was made: what came since is judged with the next one.
type Tip<'a> = (&'a BranchName, &'a CommitId);

async fn go_on_from(session: &Session<'_>, (branch, tip): Tip<'_>) -> Result<(), Failure> {
    let go_on = async || session.repository.go_on_from(branch, tip).await;
    session.read_silently(go_on).await
}

/// The newest `limit` commits of the files.
async fn read(
    session: &Session<'_>,
    tip: Tip<'_>,
    files: &[&RepoPath],
    limit: usize,
) -> Result<FileHistory, Failure> {
    let files = FileSelection::of(files.iter().copied());
    let query = HistoryQuery {
        resumes: true,
        ..HistoryQuery::newest(limit)
    };
    go_on_from(session, tip).await?;
    let read = async || session.repository.history(&files, &query).await;
    session.read_silently(read).await
}
