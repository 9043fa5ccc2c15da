//! `operation: promote`: the images that one stage holds go to another, with proof that they hold there.

mod moves;
mod proof;
mod sides;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use self::moves::Move;
use self::proof::{Pending, Proof, Staged};
use self::sides::Sides;
use super::explain::NamedBy;
use super::image_check::Found;
use super::landing::{self, LandingOptions, LandingReport, Planned, PromotionReport};
use super::leftover::{self, Left};
use super::pull_request::Proposing;
use super::session::Session;
use super::update::Update;
use super::verify::{Argocd, Deployed, GitImage, VerificationReport, Witnesses};
use super::{Operation, Progress, downgrade, verify};
use crate::deadline::{Cancellation, Deadline};
use crate::deployment::{self, Deployment, Source};
use crate::failure::{Failure, Reason};
use crate::files::{FileSelection, RepoPath};
use crate::image::ImageReference;
use crate::manifest::{
    EditRequest, ImageAssignment, ImageChange, Promoted, PromotedFile, Promotion, images_in,
};
use crate::repository::{Branch as _, BranchName, Snapshot};
use crate::stages::Stage;

/// What is asked for.
pub struct Promote {
    /// How it is deployed. The images are those of the other stage.
    pub to: Update,
    /// The files that get the images.
    pub files: Stage,
    /// The files that have them.
    pub from: Stage,
    /// Their branch, where that is another one.
    pub from_branch: Option<BranchName>,
    /// Only images of these repositories; all of them if none is named.
    pub only: Vec<ImageReference>,
    /// How long an image must have been there.
    pub soak: Option<Duration>,
    /// Who must run it there, healthy.
    pub from_argocd: Option<Argocd>,
}

/// Copies the images, commits and pushes, until the commit landed or can't.
///
/// # Errors
/// Whatever keeps it from landing, told for a person. Git is as it was, unless the message says that
/// nobody knows.
pub async fn run(
    promote: &Promote,
    source: &Source,
    cancellation: Cancellation,
    log: &mut impl Progress,
) -> Result<LandingReport, Failure> {
    let Update { freeze, remote, .. } = &promote.to;
    let again = cancellation.clone();
    landing::when_not_frozen(freeze.as_ref(), remote, cancellation, log, async |log| {
        once(promote, source, again.clone(), log).await
    })
    .await
}

async fn once(
    promote: &Promote,
    source: &Source,
    cancellation: Cancellation,
    log: &mut impl Progress,
) -> Result<LandingReport, Failure> {
    let Promote {
        to: update,
        files,
        from,
        only,
        ..
    } = promote;
    let remote = &update.remote;
    let deadline = Deadline::after(remote.timeout, cancellation.clone());
    let (mut session, mut elsewhere) = promote.open(source, deadline, log).await?;
    let dry_run = if update.dry_run { " (dry run)" } else { "" };
    let on = |branch: Option<&BranchName>| match (branch, &promote.from_branch) {
        (Some(branch), Some(_)) => format!(" on {branch}"),
        _ => String::new(),
    };
    log.info(&format!(
        "Promoting the images of {from}{} to {files}{} in {}{dry_run}",
        on(promote.from_branch.as_ref()),
        on(remote.branch.as_ref()),
        remote.location
    ));
    let sides = Sides::new(files, from, only, &session, elsewhere.as_ref());
    let vetted = promote
        .vet(&sides, source, cancellation.clone(), log)
        .await?;
    // What Argo CD was waited for comes on top of `timeout`.
    if session.deadline.remaining() < remote.timeout / 2 {
        let deadline = Deadline::after(remote.timeout, cancellation);
        (session, elsewhere) = promote.open(source, deadline, log).await?;
    }
    let sides = Sides::new(files, from, only, &session, elsewhere.as_ref());
    let landing = LandingOptions {
        operation: Operation::Promote,
        files: &sides.read_here,
        identity: &update.identity,
        dry_run: update.dry_run,
        freeze: update.freeze.as_ref(),
        proposing: promote.proposing(source)?,
        registry: None,
    };
    let proposal = landing
        .proposing
        .as_ref()
        .map(|proposing| &proposing.branch);
    let mut proof = Proof::new(promote.soak);
    let mut told = None;
    let landed = landing::land(&session, &landing, log, async |snapshot: &Arc<Snapshot>| {
        let sight = sides.look(snapshot).await?;
        let (mut promotion, moves) = sight.promotion().await?;
        let mut pending = vetted.pending(&moves);
        pending.extend(proof.pending(&moves, &sight).await?);
        let (mut skipped, left_out) = leave_out(&mut promotion, &pending);
        let left: HashSet<&RepoPath> = promotion.files.iter().map(|file| &file.to).collect();
        let moves = moves.iter().filter(|one| left.contains(&one.promoted.to));
        let sources = moves.map(|one| one.promoted.from.file.as_str());
        let sources = landing::distinct(sources).into_iter();
        let (mut plan, promoted) = promotion.joined();
        let guard = downgrade::Guard {
            downgrade: update.downgrade,
            session: &session,
            files: &update.files,
            source,
            proposal,
        };
        if skipped.is_none() {
            skipped = guard.check(snapshot, &lines(&promoted), &mut plan).await?;
        }
        let mut warnings = Vec::new();
        if skipped.is_none() {
            warnings.clone_from(&plan.warnings);
            warnings.extend(pending.iter().map(Pending::warning));
        }
        let report = PromotionReport {
            branch: sight.branch.clone(),
            commit: sight.commit.clone(),
            sources: sources
                .map(|file| format!("{file}@{}", sight.commit))
                .collect(),
            promoted,
            until: pending.iter().filter_map(|pending| pending.until).min(),
        };
        let mut deployment = Deployment::of(&plan, source);
        deployment.promoted_from.clone_from(&report.sources);
        let message = deployment::message(update.message.as_ref(), &deployment);
        told = Some(report);
        Ok(Planned {
            announced: sight.alone().await?,
            besides: Vec::new(),
            left_out,
            again: false,
            plan,
            message,
            warnings,
            skipped,
        })
    });
    let mut report = landed.await?;
    report.promotion = told;
    report.found = vetted.found;
    let left = std::mem::take(&mut report.left);
    if let Some(proposing) = &landing.proposing {
        let there = elsewhere.as_ref().unwrap_or(&session);
        let told = promote.told_of(left, &session, there, proposing, &report.branch, log);
        if let Some(told) = told.await {
            log.warning(&told);
            report.warnings.push(told);
        }
    }
    Ok(report)
}

/// Why what a promotion has proposed is not to be merged any more, where its stage has rolled that back meanwhile: a
/// sentence without its full stop. `there` is at the branch of the stage.
///
/// # Errors
/// When the stage can't be read.
pub(super) async fn withdrawn(
    there: &Session<'_>,
    landed: &LandingReport,
) -> Result<Option<String>, Failure> {
    let promoted = landed.promotion.iter().flat_map(|report| &report.promoted);
    let is_brought = |promoted: &&Promoted| {
        let mut images = landed.images.iter();
        images.any(|image| {
            let new = image.new.parse::<ImageReference>();
            image.file == promoted.to
                && image.old != image.new
                && new.is_ok_and(|new| new.same_repository(&promoted.image))
        })
    };
    let staged = promoted.filter(is_brought).map(|one| Staged {
        image: one.image.to_string(),
        text: one.from.image.clone(),
        file: one.from.file.clone(),
    });
    rolled_back(there, staged.collect()).await
}

/// The same of images by the files of their stage.
async fn rolled_back(
    there: &Session<'_>,
    mut staged: Vec<Staged>,
) -> Result<Option<String>, Failure> {
    if staged.is_empty() {
        return Ok(None);
    }
    let files = FileSelection::of(staged.iter().map(|one| &one.file));
    let read = async || {
        // Its past may have been read a moment ago.
        there.repository.forget_seen().await?;
        there.repository.snapshot(&files).await
    };
    let snapshot = there.read_silently(read).await?;
    let (held, tip) = (snapshot.files.clone(), &snapshot.commit);
    let held = there.work(move || {
        let images = held
            .iter()
            .flat_map(|file| images_in(file).unwrap_or_default());
        images.map(|one| one.image).collect::<HashSet<_>>()
    });
    let held = held.await?;
    // What runs there has not been taken back, whatever another file has.
    staged.retain(|one| !held.contains(&one.text) && !held.contains(&one.image));
    if staged.is_empty() {
        return Ok(None);
    }
    proof::rolled_back_in_stage(there, (&snapshot.branch, tip), &staged).await
}

/// What others said of the images, before the branch was written to.
#[derive(Default)]
struct Vetted {
    /// Those they were asked about; none where nobody was asked.
    moves: Option<Arc<Vec<Move>>>,
    /// Why they do not run in their stage as they should.
    unwell: Option<String>,
    found: Vec<Found>,
}

impl Vetted {
    /// The files that do not get their images.
    fn pending(&self, moves: &Arc<Vec<Move>>) -> Vec<Pending> {
        let Some(known) = &self.moves else {
            return Vec::new();
        };
        let is_all_known = known == moves;
        let pending = moves.iter().filter_map(|one| {
            let Promoted { image, from, to } = &one.promoted;
            let why = match (&self.unwell, is_all_known || known.contains(one)) {
                (Some(unwell), _) => unwell.clone(),
                (None, true) => return None,
                (None, false) => format!(
                    "{image} came to {} while the step looked at what was there before. Run the job again",
                    from.file
                ),
            };
            Some(Pending {
                to: to.clone(),
                why,
                until: None,
            })
        });
        pending.collect()
    }
}

impl Promote {
    /// Has what the proof stands on come along with the snapshots.
    fn bring_along(&self, here: &mut Session<'_>, elsewhere: Option<&mut Session<'_>>) {
        let named = |stage: &Stage| -> Vec<RepoPath> {
            let files = stage.files();
            files.named_paths().into_iter().cloned().collect()
        };
        let (mut to, from) = (named(&self.files), named(&self.from));
        let aged = match self.soak {
            Some(_) => from.clone(),
            None => Vec::new(),
        };
        match elsewhere {
            Some(there) => {
                here.repository.bring_along(to, Vec::new());
                there.repository.bring_along(from, aged);
            }
            None => {
                to.extend(from);
                here.repository.bring_along(to, aged);
            }
        }
    }

    /// What a person should know of the pull request of an earlier promotion. It is closed where its stage has rolled back
    /// what it would bring.
    async fn told_of(
        &self,
        left: Left,
        session: &Session<'_>,
        there: &Session<'_>,
        proposing: &Proposing<'_>,
        target: &BranchName,
        log: &mut impl Progress,
    ) -> Option<String> {
        let Left { told, open } = left;
        let Some((number, standing, message)) = open else {
            return told;
        };
        let said = |key| deployment::trailer_values(&message, key);
        let files = said("Promoted-From").filter_map(|file| {
            let file: RepoPath = file.rsplit_once('@')?.0.parse().ok()?;
            self.from.names(&file).is_some().then_some(file)
        });
        let staged = files.flat_map(|file| {
            said("Deployed-Image").map(move |image| Staged {
                image: image.to_owned(),
                text: image.to_owned(),
                file: file.clone(),
            })
        });
        match rolled_back(there, staged.collect()).await {
            Ok(Some(why)) => {
                let one = (number, &standing);
                leftover::withdraw(session, proposing, target, one, &why, log).await
            }
            // Nothing was to be done: that it was not looked at is no reason to fail.
            Ok(None) | Err(_) => told,
        }
    }

    /// What is read: the branch of the target, and that of the stage, where it is another one.
    async fn open<'a>(
        &'a self,
        source: &'a Source,
        deadline: Deadline,
        log: &mut impl Progress,
    ) -> Result<(Session<'a>, Option<Session<'a>>), Failure> {
        let remote = &self.to.remote;
        let mut session = remote.connect_within(source, deadline.clone(), log).await?;
        let mut elsewhere = match &self.from_branch {
            Some(branch) => {
                let branch = Some(branch.clone());
                let mut elsewhere = remote.open_at(branch, source, deadline).await?;
                elsewhere.explainer.named_by = NamedBy {
                    branch: "from-branch",
                    from: Some(self.from.files()),
                };
                Some(elsewhere)
            }
            None => {
                session.explainer.named_by.from = Some(self.from.files());
                None
            }
        };
        self.bring_along(&mut session, elsewhere.as_mut());
        Ok((session, elsewhere))
    }

    /// Asks the registry and Argo CD, where that is asked for, about the images that would be promoted now.
    async fn vet(
        &self,
        sides: &Sides<'_>,
        source: &Source,
        cancellation: Cancellation,
        log: &mut impl Progress,
    ) -> Result<Vetted, Failure> {
        let Update {
            remote,
            image_check,
            ..
        } = &self.to;
        if self.from_argocd.is_none() && !image_check.is_on() {
            return Ok(Vetted::default());
        }
        let read = async || sides.here.repository.snapshot(&sides.read_here).await;
        let snapshot = sides.here.read(log, read).await?;
        let sight = sides.look(&snapshot).await?;
        let (_, moves) = sight.promotion().await?;
        let promoted: Vec<Promoted> = moves.iter().map(|one| one.promoted.clone()).collect();
        if promoted.is_empty() {
            // What comes now was not looked at.
            return Ok(Vetted {
                moves: Some(moves),
                ..Vetted::default()
            });
        }
        let lines = lines(&promoted);
        let deadline = sides.here.deadline.extended(image_check.wait);
        let checked = image_check.check(&lines, || remote.http(), &deadline, log);
        let found = checked.await?.found;
        let mut unwell = None;
        if let Some(argocd) = &self.from_argocd {
            let mut paths: Vec<String> = Vec::new();
            for promoted in &promoted {
                let path = promoted.from.file.to_string();
                if !paths.contains(&path) {
                    paths.push(path);
                }
            }
            let deployed = Deployed {
                location: remote.location.clone(),
                branch: sight.branch.clone(),
                commit: sight.commit.clone(),
                base: None,
                since: None,
                in_several: false,
                files: Some(self.from.files()),
                touched: Vec::new(),
                paths,
                images: promoted
                    .into_iter()
                    .map(|Promoted { image, from, .. }| match from.image.parse() {
                        Ok::<ImageReference, _>(_) => GitImage::Held(from),
                        // A tag alone says of no image that it runs.
                        Err(_) => GitImage::Named(image.to_string()),
                    })
                    .collect(),
            };
            let witnesses = Witnesses {
                argocd: Some(argocd.clone()),
                statuses: None,
            };
            let report =
                verify::wait(&witnesses, remote, source, &deployed, cancellation, log).await;
            unwell = not_well(report, &self.from)?;
        }
        Ok(Vetted {
            moves: Some(moves),
            unwell,
            found,
        })
    }

    /// The pull request that is asked for. Its branch is the same for each promotion between these files, so
    /// that a later run updates an open one.
    fn proposing<'a>(&'a self, source: &'a Source) -> Result<Option<Proposing<'a>>, Failure> {
        let Some(request) = &self.to.pull_request else {
            return Ok(None);
        };
        let target = self.to.remote.branch.as_ref().map(ToString::to_string);
        let from_branch = self.from_branch.as_ref().map(ToString::to_string);
        let only = self.only.iter().map(ImageReference::repository);
        let scope = format!(
            "{} {} {} {} {}",
            only.collect::<Vec<_>>().join(","),
            from_branch.unwrap_or_default(),
            self.from,
            self.files,
            target.unwrap_or_default()
        );
        let names = landing::distinct(self.only.iter().map(ImageReference::name));
        let name = match names.is_empty() {
            true => "promote".to_owned(),
            false => format!("promote-{}", names.join("-")),
        };
        let branch = request.branch(&name, &scope)?;
        Ok(Some(Proposing {
            request,
            branch,
            source,
        }))
    }
}

/// The image lines of an update that would do the same.
fn lines(promoted: &[Promoted]) -> EditRequest {
    let mut images: Vec<ImageAssignment> = Vec::new();
    for Promoted { image, .. } in promoted {
        let line = ImageAssignment {
            container: None,
            image: image.clone(),
        };
        if !images.contains(&line) {
            images.push(line);
        }
    }
    EditRequest {
        images,
        ..EditRequest::default()
    }
}

/// Why the images do not run in their stage, where Argo CD says so.
///
/// # Errors
/// Where it does not say.
fn not_well(report: VerificationReport, from: &Stage) -> Result<Option<String>, Failure> {
    let Some(mut failure) = report.failure else {
        return Ok(None);
    };
    match failure.reason {
        Reason::SyncFailed
        | Reason::Degraded
        | Reason::Superseded
        | Reason::Elsewhere
        | Reason::NotInTime
        | Reason::OutOfSync => {
            let message = failure.message.trim_end_matches('.');
            Ok(Some(format!(
                "what {from} holds does not run as it should. {message}"
            )))
        }
        _ => {
            let message = failure.message.trim_end_matches('.');
            failure.message = format!("{message}. Nothing was promoted.");
            Err(failure)
        }
    }
}

/// Takes the files that are not to get their images yet out of the plan. Returns why nothing is left to do,
/// if so, and what was taken out.
fn leave_out(promotion: &mut Promotion, pending: &[Pending]) -> (Option<String>, Vec<ImageChange>) {
    if pending.is_empty() {
        return (None, Vec::new());
    }
    let out: HashSet<&RepoPath> = pending.iter().map(|pending| &pending.to).collect();
    let is_out = |file: &PromotedFile| out.contains(&file.to);
    let mut files = promotion.files.iter();
    if files.all(|file| file.plan.edits.is_empty() || is_out(file)) {
        let why = pending.iter().map(|pending| pending.why.as_str());
        return (Some(landing::distinct(why).join("; ")), Vec::new());
    }
    let left_out = promotion.files.extract_if(.., |file| is_out(file));
    let left_out = left_out.flat_map(|file| file.plan.images);
    (None, left_out.collect())
}
