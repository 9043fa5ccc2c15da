//! What has to hold of an image before it is promoted: it has been in its stage long enough, and was
//! rolled back in neither.

use std::time::Duration;

use super::sides::Sides;
use crate::date::Timestamp;
use crate::deployment;
use crate::failure::Failure;
use crate::files::{FileSelection, Pattern, RepoPath};
use crate::image::ImageReference;
use crate::manifest::{HeldImage, ImageChange, Promoted, Promotion, image_transitions};
use crate::operation::now;
use crate::operation::past::messages;
use crate::operation::session::Session;
use crate::repository::history::{Commit, FileHistory, HistoryQuery, Touched};

/// How many commits of the files are looked at for a rollback.
const DEPTH: usize = 50;
/// How many at most, for when an image came.
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

/// An image that is to replace another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Move {
    /// What goes where.
    pub(super) promoted: Promoted,
    /// What it replaces.
    old: Vec<String>,
}

/// The images of `promotion` that are not there already.
pub(super) fn moves(promotion: &Promotion) -> Vec<Move> {
    let files = promotion.files.iter();
    let promoted = files.flat_map(|file| file.promoted.iter().map(move |one| (&file.plan, one)));
    let moves = promoted.filter_map(|(plan, promoted)| {
        let is_its = |change: &&ImageChange| {
            let new = change.new.parse::<ImageReference>();
            new.is_ok_and(|new| new.same_repository(&promoted.image))
        };
        let changed = plan.changed_images().filter(is_its);
        let old: Vec<String> = changed.map(|change| change.old.clone()).collect();
        (!old.is_empty()).then(|| Move {
            promoted: promoted.clone(),
            old,
        })
    });
    moves.collect()
}

/// What was found out, so that a lost race does not cost it again: the proof is of what the files hold,
/// and stands as long as they do.
pub(super) struct Proof {
    soak: Option<Duration>,
    of: Vec<Move>,
    pending: Vec<Pending>,
}

impl Proof {
    pub(super) fn new(soak: Option<Duration>) -> Self {
        Self {
            soak,
            of: Vec::new(),
            pending: Vec::new(),
        }
    }

    /// The files that do not get their images yet.
    ///
    /// # Errors
    /// When the past can't be read.
    pub(super) async fn pending(
        &mut self,
        promotion: &Promotion,
        sides: &Sides<'_>,
    ) -> Result<Vec<Pending>, Failure> {
        let moves = moves(promotion);
        if moves != self.of {
            self.pending = self.find(&moves, sides).await?;
            self.of = moves;
        }
        Ok(self.pending.clone())
    }

    async fn find(&self, moves: &[Move], sides: &Sides<'_>) -> Result<Vec<Pending>, Failure> {
        let files = |of: fn(&Move) -> &RepoPath| {
            let include = moves.iter().map(|one| Pattern::Path(of(one).clone()));
            include.collect::<Vec<_>>()
        };
        let (mut to, from) = (
            files(|one| &one.promoted.to),
            files(|one| &one.promoted.from.file),
        );
        let (here, there) = (sides.here, sides.there());
        let is_one = std::ptr::eq(here, there);
        if is_one {
            to.extend(from.iter().cloned());
        }
        let past = read(here, &to, DEPTH).await?;
        let mut pending = Vec::new();
        for Move { promoted, .. } in moves {
            let of_file = |touched: &&Touched| has_touched(touched, &promoted.to);
            if let Some(by) = rolled_back(&promoted.image, past.commits.iter().filter(of_file)) {
                pending.push(Pending {
                    to: promoted.to.clone(),
                    why: format!(
                        "{} was rolled back in {} by {}. Promote a newer version, or deploy this one with `operation: update`",
                        promoted.image,
                        promoted.to,
                        by_commit(by)
                    ),
                    until: None,
                });
            }
        }
        let past = match is_one {
            true => past,
            false => read(there, &from, DEPTH).await?,
        };
        for Move { promoted, .. } in moves {
            let of_file = |touched: &&Touched| has_touched(touched, &promoted.from.file);
            let image = promoted.from.image.parse();
            let image = image.as_ref().unwrap_or(&promoted.image);
            if let Some(by) = rolled_back(image, past.commits.iter().filter(of_file)) {
                pending.push(Pending {
                    to: promoted.to.clone(),
                    why: format!(
                        "{} holds {image}, which was rolled back in it by {}",
                        promoted.from.file,
                        by_commit(by)
                    ),
                    until: None,
                });
            }
        }
        if let Some(soak) = self.soak {
            let soak = i64::try_from(soak.as_secs()).unwrap_or(i64::MAX);
            let begin = now().saturating_sub(soak);
            let past = match reaches(&past, begin) {
                true => past,
                // A busy stage. Not by date, which would leave out what is dated back.
                false => read(there, &from, MOST).await?,
            };
            for Move { promoted, .. } in moves {
                pending.extend(soaking(promoted, &past, begin, soak));
            }
        }
        Ok(pending)
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

fn has_touched(touched: &Touched, file: &RepoPath) -> bool {
    touched.files.iter().any(|versions| versions.now == *file)
}

/// The commit that took `image` back, if nothing has brought its repository since.
fn rolled_back<'c>(
    image: &ImageReference,
    commits: impl Iterator<Item = &'c Touched>,
) -> Option<&'c Commit> {
    let commits: Vec<&Commit> = commits.map(|touched| &touched.commit).collect();
    let said: Vec<(&str, &str)> = commits
        .iter()
        .flat_map(|commit| messages(commit).map(|message| (commit.id.as_str(), message)))
        .collect();
    let by = deployment::rolled_back(&image.to_string(), &said)?;
    commits.into_iter().find(|commit| commit.id.as_str() == by)
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

/// The newest `limit` commits of the files.
async fn read(
    session: &Session<'_>,
    files: &[Pattern],
    limit: usize,
) -> Result<FileHistory, Failure> {
    let files = FileSelection {
        include: files.to_vec(),
        exclude: Vec::new(),
    };
    let query = HistoryQuery::newest(limit);
    let read = async || session.repository.history(&files, &query).await;
    session.read_silently(read).await
}
