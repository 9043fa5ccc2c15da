//! The two stages as Git has them: which files there are, and which belong together.

use std::collections::HashSet;
use std::sync::Arc;

use super::moves::{Move, moves};
use crate::failure::{Failure, Reason};
use crate::files::{FileSelection, RepoPath};
use crate::image::ImageReference;
use crate::manifest::{self, ManifestFile, Pair, Promotion, PromotionRequest};
use crate::nearest::first_few;
use crate::operation::explain;
use crate::operation::session::Session;
use crate::repository::{Branch as _, BranchName, CommitId, Snapshot};
use crate::stages::{Names, Stage, belong_together};

/// How many files a message names.
const LISTED: usize = 10;

/// Where the two stages are.
pub(super) struct Sides<'a> {
    files: &'a Stage,
    from: &'a Stage,
    only: &'a [ImageReference],
    /// The repository, at the branch that is written to.
    pub(super) here: &'a Session<'a>,
    /// The same at the branch that the images come from, where that is another one.
    elsewhere: Option<&'a Session<'a>>,
    /// What is read of the branch that is written to.
    pub(super) read_here: FileSelection,
}

/// Both stages, each at one commit.
pub(super) struct Sight<'a> {
    sides: &'a Sides<'a>,
    /// The branch that the images come from.
    pub(super) branch: BranchName,
    /// Its tip.
    pub(super) commit: CommitId,
    /// The branch that is written to.
    pub(super) target: BranchName,
    /// Its tip.
    pub(super) base: CommitId,
    both: Arc<Both>,
}

/// The files of both stages, of which the plan is made.
struct Both {
    files: Stage,
    from: Stage,
    only: Vec<ImageReference>,
    there: Vec<ManifestFile>,
    here: Vec<ManifestFile>,
    /// Where both were read, for a person.
    tips: String,
}

impl<'a> Sides<'a> {
    pub(super) fn new(
        files: &'a Stage,
        from: &'a Stage,
        only: &'a [ImageReference],
        here: &'a Session<'a>,
        elsewhere: Option<&'a Session<'a>>,
    ) -> Self {
        let mut read_here = files.files();
        if elsewhere.is_none() {
            // One snapshot for both. What only one of them leaves out is in the other one.
            let FileSelection {
                include, exclude, ..
            } = from.files();
            let exclude: Vec<String> = exclude.iter().map(ToString::to_string).collect();
            read_here
                .exclude
                .retain(|own| exclude.contains(&own.to_string()));
            read_here.include.extend(include);
        }
        Self {
            files,
            from,
            only,
            here,
            elsewhere,
            read_here,
        }
    }

    /// The error for files that are of both stages. To leave one out is advised only where a pattern has found it.
    fn in_both(&self, both: &[&RepoPath]) -> Failure {
        let (of_from, of_files) = (self.from.files(), self.files.files());
        let is_found = |selection: &FileSelection| {
            let named = selection.named_paths();
            !both.iter().any(|path| named.contains(path))
        };
        let names: Vec<String> = both.iter().map(|path| format!("`{path}`")).collect();
        let lines: Vec<String> = both.iter().map(|path| format!("`!{path}`")).collect();
        let lines = first_few(&lines, LISTED);
        let (them, with) = match both {
            [_] => ("it", "with the line"),
            _ => ("them", "with a line each:"),
        };
        let hint = match (is_found(&of_from), is_found(&of_files)) {
            (true, false) => format!("Leave {them} out of `from`, {with} {lines}."),
            (false, true) => format!("Leave {them} out of `file`, {with} {lines}."),
            _ => "Name in `from` only the files of the stage that has the images, and in `file` only those of the stage \
                  that gets them."
                .to_owned(),
        };
        let verb = if both.len() == 1 { "is" } else { "are" };
        let message = format!(
            "{} {verb} in `from` and in `file`: nothing can be promoted to where it is. Nothing was changed.",
            first_few(&names, LISTED)
        );
        Failure::new(Reason::Input, message).with_hint(hint)
    }

    /// Both stages; `snapshot` is of the branch that is written to.
    pub(super) async fn look(&'a self, snapshot: &Snapshot) -> Result<Sight<'a>, Failure> {
        let other = match self.elsewhere {
            Some(session) => {
                let files = self.from.files();
                let read = async || {
                    // Its past may have been read for the look before this one.
                    session.repository.forget_seen().await?;
                    session.repository.snapshot(&files).await
                };
                Some(session.read_silently(read).await?)
            }
            None => None,
        };
        let tips = match &other {
            Some(other) => format!("{} and {}", other.tip(), snapshot.tip()),
            None => snapshot.tip().to_string(),
        };
        let Snapshot {
            branch,
            commit,
            files,
            ..
        } = other.as_ref().unwrap_or(snapshot);
        let of = |stage: &Stage, files: &[ManifestFile]| -> Vec<ManifestFile> {
            let files = files.iter();
            let own = files.filter(|file| stage.names(&file.path).is_some());
            own.cloned().collect()
        };
        let (there, here) = (of(self.from, files), of(self.files, &snapshot.files));
        if other.is_none() {
            let both = here.iter().map(|own| &own.path);
            let both: Vec<&RepoPath> = both
                .filter(|path| self.from.names(path).is_some())
                .collect();
            if !both.is_empty() {
                return Err(self.in_both(&both));
            }
        }
        Ok(Sight {
            sides: self,
            branch: branch.clone(),
            commit: commit.clone(),
            target: snapshot.branch.clone(),
            base: snapshot.commit.clone(),
            both: Arc::new(Both {
                files: self.files.clone(),
                from: self.from.clone(),
                only: self.only.to_vec(),
                there,
                here,
                tips,
            }),
        })
    }
}

impl<'a> Sight<'a> {
    /// The repository, at the branch that is written to.
    pub(super) fn here(&self) -> &'a Session<'a> {
        self.sides.here
    }

    /// The files of the stage that gets the images.
    pub(super) fn files(&self) -> FileSelection {
        self.sides.files.files()
    }

    /// The same at the branch that the images come from.
    pub(super) fn there(&self) -> &'a Session<'a> {
        self.sides.elsewhere.unwrap_or(self.sides.here)
    }

    /// What is to be copied, and what of that is not there already.
    pub(super) async fn promotion(&self) -> Result<(Promotion, Arc<Vec<Move>>), Failure> {
        let both = Arc::clone(&self.both);
        let promotion = self.here().work(move || {
            let promotion = both.promotion()?;
            let moves = Arc::new(moves(&promotion));
            Ok((promotion, moves))
        });
        promotion.await?
    }

    /// The files without a partner, in a sentence for each side.
    pub(super) async fn alone(&self) -> Result<Vec<String>, Failure> {
        let both = Arc::clone(&self.both);
        self.here().work(move || both.alone()).await
    }
}

impl Both {
    fn promotion(&self) -> Result<Promotion, Failure> {
        let Self {
            files,
            from,
            only,
            there,
            here,
            tips,
        } = self;
        let partners = self.partners();
        let pairs = here.iter().filter_map(|to| {
            let from: Vec<&ManifestFile> = partners.of(to).map(|(_, file)| *file).collect();
            (!from.is_empty()).then_some(Pair { from, to })
        });
        let mut pairs = pairs.peekable();
        if pairs.peek().is_none() {
            let (what, advice) = match (there.first(), here.first()) {
                (Some(there), Some(here)) => (
                    format!(
                        "No file of `from` ({from}) belongs to a file of `file` ({files}), as their names differ: {} and {}, for one",
                        there.path, here.path
                    ),
                    "Files belong together where each `{name}` that both lines have stands for the same.",
                ),
                (None, _) => (
                    format!("`from` ({from}) leaves out every file that it matches"),
                    "Remove the line with `!` that leaves out the file that is meant.",
                ),
                (_, None) => (
                    format!("`file` ({files}) leaves out every file that it matches"),
                    "Remove the line with `!` that leaves out the file that is meant.",
                ),
            };
            return Err(explain::of_what_was_read(
                Reason::Promotion,
                &what,
                Some(advice),
                tips,
            ));
        }
        let named: HashSet<RepoPath> = [from.files(), files.files()]
            .iter()
            .flat_map(FileSelection::named_paths)
            .cloned()
            .collect();
        let all = here.iter().chain(there).map(|file| &file.path);
        let found_by_glob = all.filter(|path| !named.contains(path)).cloned();
        let request = PromotionRequest {
            only: only.clone(),
            found_by_glob: found_by_glob.collect(),
        };
        manifest::promote(pairs, &request).map_err(|error| explain::promotion(&error, tips))
    }

    fn partners(&self) -> Partners<'_> {
        let there = self.there.iter();
        let there = there.filter_map(|file| Some((self.from.names(&file.path)?, file)));
        Partners {
            files: &self.files,
            there: there.collect(),
        }
    }

    fn alone(&self) -> Vec<String> {
        let partners = self.partners();
        let mut has_partner = vec![false; partners.there.len()];
        let mut here = Vec::new();
        for to in &self.here {
            let mut is_alone = true;
            for (number, _) in partners.of(to) {
                is_alone = false;
                has_partner[number] = true;
            }
            if is_alone {
                here.push(to.path.as_str());
            }
        }
        let there = partners.there.iter().zip(has_partner);
        let there = there.filter(|(_, has_partner)| !has_partner);
        let there = there.map(|((_, file), _)| file.path.as_str()).collect();
        let listed = |files: Vec<&str>, what: &str| {
            (!files.is_empty()).then(|| format!("{what}: {}", files.join(", ")))
        };
        let told = [
            listed(here, "Left as they are, as `from` has no file for them"),
            listed(there, "Not promoted, as `file` has no file for them"),
        ];
        told.into_iter().flatten().collect()
    }
}

/// The files that images come from, by what their paths name. Of two stages of thousands of files each has to be
/// compared with each, and so nothing is kept of that.
struct Partners<'f> {
    files: &'f Stage,
    there: Vec<(Names, &'f ManifestFile)>,
}

impl<'f> Partners<'f> {
    /// Those that belong to `to`, each with its number.
    fn of(&self, to: &ManifestFile) -> impl Iterator<Item = (usize, &&'f ManifestFile)> {
        let names = self.files.names(&to.path);
        let there = self.there.iter().enumerate();
        there.filter_map(move |(number, (theirs, file))| {
            let is_partner = belong_together(names.as_ref()?, theirs);
            is_partner.then_some((number, file))
        })
    }
}
