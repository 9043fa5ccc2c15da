//! What a message that is read says of its commit.
//!
//! A forge that squashes writes the messages of several commits below each other, and people append
//! trailers of theirs: so ours count wherever they stand below the subject, those of the last paragraph
//! that has some first. Whatever else this action writes into a message can't pass for one.

use super::value;
use crate::image::ImageReference;
use crate::manifest::ImageChange;

/// An image that the commit deploys.
pub(super) const DEPLOYED_IMAGE: &str = "Deployed-Image";
/// An image that it replaces.
pub(super) const PREVIOUS_IMAGE: &str = "Previous-Image";
/// A value that it sets.
pub(super) const DEPLOYED_VALUE: &str = "Deployed-Value";
/// Where the tag of an image is that has nothing else in its file, and of which repository it is.
pub(super) const DEPLOYED_TAG: &str = "Deployed-Tag";
/// A deployment that it takes back.
pub(super) const ROLLED_BACK: &str = "Rolled-Back-Commit";
/// A rollback that it takes back, so that what was rolled back is deployed again.
pub(super) const UNDONE_ROLLBACK: &str = "Undone-Rollback";
/// A file of another stage that its images come from, at a commit.
pub(super) const PROMOTED_FROM: &str = "Promoted-From";
/// The URL of the run that made it.
pub(super) const WORKFLOW_RUN: &str = "Workflow-Run";
/// The file of that run's workflow.
pub(super) const WORKFLOW: &str = "Workflow";

/// All that only this action writes.
pub(super) const OURS: [&str; 9] = [
    DEPLOYED_IMAGE,
    PREVIOUS_IMAGE,
    DEPLOYED_VALUE,
    DEPLOYED_TAG,
    ROLLED_BACK,
    UNDONE_ROLLBACK,
    PROMOTED_FROM,
    WORKFLOW_RUN,
    WORKFLOW,
];

/// What they begin with.
const INITIALS: [char; 5] = ['D', 'P', 'R', 'U', 'W'];

/// Whether a message is of a commit that this action made: it has one of its trailers, or undoes another
/// one.
pub fn is_ours(message: &str) -> bool {
    has_trailers(message) || reverted_by(message).is_some()
}

/// Whether a message has trailers of this action.
pub(super) fn has_trailers(message: &str) -> bool {
    blocks(message).next().is_some()
}

/// What made a commit that changed what runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// This action, by `operation: update`.
    Update,
    /// A revert: this action's, one by `git revert`, or by hand.
    Rollback,
    /// What undoes a rollback, and so deploys again.
    Reapply,
    /// A person, or another program.
    Edit,
}

impl Origin {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Update => "update",
            Self::Rollback => "rollback",
            Self::Reapply => "reapply",
            Self::Edit => "edit",
        }
    }

    /// What the messages of a commit and of those that it merged say that it is, newest first.
    pub fn of_all<'m>(messages: impl Iterator<Item = &'m str>) -> Self {
        let mut origins = messages.map(Self::of);
        let said = origins.find(|origin| *origin != Self::Edit);
        said.unwrap_or(Self::Edit)
    }

    /// What `message` says that its commit is. Others may know better who know the commits before it:
    /// [`super::past`].
    pub fn of(message: &str) -> Self {
        if let Some(block) = blocks(message).next() {
            let has = |key| values(block, key).next().is_some();
            return match (has(ROLLED_BACK), has(UNDONE_ROLLBACK)) {
                (true, _) => Self::Rollback,
                (false, true) => Self::Reapply,
                (false, false) => Self::Update,
            };
        }
        match reverted_by(message) {
            // What git calls the revert of a revert since 2.43.
            Some(_) if message.starts_with("Reapply \"") => Self::Reapply,
            Some(_) => Self::Rollback,
            None => Self::Edit,
        }
    }
}

/// The word for what the messages of a commit and of those that it merged say that it is: that of its
/// [`Origin`], and `promotion` for an update with the images of another stage.
pub fn kind<'m>(messages: impl Iterator<Item = &'m str> + Clone) -> &'static str {
    let mut promoted = messages
        .clone()
        .flat_map(|message| trailer_values(message, PROMOTED_FROM));
    match Origin::of_all(messages) {
        Origin::Update if promoted.next().is_some() => "promotion",
        origin => origin.name(),
    }
}

/// The commits that `message` says it reverts: by trailers, and where it has none of ours, as
/// `git revert` says it.
pub fn reverted(message: &str) -> Vec<&str> {
    if !has_trailers(message) {
        return reverted_by(message).into_iter().collect();
    }
    [ROLLED_BACK, UNDONE_ROLLBACK]
        .into_iter()
        .flat_map(|key| trailer_values(message, key))
        .filter(|id| is_id(id))
        .collect()
}

/// The first commit that `message` says it reverts.
pub fn reverted_by(message: &str) -> Option<&str> {
    if has_trailers(message) {
        return reverted(message).first().copied();
    }
    let mut lines = message.lines().skip(1);
    let id = lines.find_map(|line| line.strip_prefix("This reverts commit "))?;
    let end = id.find(|c: char| !c.is_ascii_hexdigit());
    let id = id.get(..end.unwrap_or(id.len()))?;
    is_id(id).then_some(id)
}

/// The pull requests that a message says to merge, as GitHub words it: `… (#12)` at the subject's end where
/// it was squashed or rebased with its number, `Merge pull request #12 from …` where it was merged.
pub fn merged_pulls(message: &str) -> Vec<u64> {
    let subject = message.lines().next().unwrap_or_default().trim();
    let of_merge = subject.strip_prefix("Merge pull request #");
    let of_merge = of_merge.and_then(|rest| rest.split(' ').next());
    let squashed = subject.strip_suffix(')');
    let squashed = squashed.and_then(|rest| rest.rsplit_once(" (#"));
    let squashed = squashed.map(|(_, number)| number);
    let numbers = of_merge.into_iter().chain(squashed);
    numbers.filter_map(|number| number.parse().ok()).collect()
}

fn is_id(text: &str) -> bool {
    text.len() >= 7 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Of which repository the tag was that `image`, of which the file has nothing else, replaces, by the newest update
/// among `messages` that says so and was not taken back; with its commit. None where it is the same one.
pub fn tag_was_of<'m>(
    image: &ImageChange,
    messages: &[(&'m str, &'m str)],
) -> Option<(ImageReference, &'m str)> {
    let place = value::place(&image.resource, image.tag_at.as_ref()?);
    let undone: Vec<&str> = messages
        .iter()
        .flat_map(|(_, said)| reverted(said))
        .collect();
    let is_in_force = |(commit, message): &&(&str, &str)| {
        let is_undone = undone.iter().any(|id| commit.starts_with(id));
        !is_undone && Origin::of(message) != Origin::Rollback
    };
    let mut said = messages
        .iter()
        .filter(is_in_force)
        .flat_map(|(commit, message)| {
            let tags = trailer_values(message, DEPLOYED_TAG).filter_map(value::tag_of);
            tags.map(move |tag| (*commit, tag))
        });
    let (commit, (.., repository)) = said.find(|(_, (file, other, _))| {
        (file.as_ref(), *other) == (image.file.as_str(), place.as_str())
    })?;
    let repository: ImageReference = repository.parse().ok()?;
    let new: ImageReference = image.new.parse().ok()?;
    (!repository.same_repository(&new)).then_some((repository, commit))
}

/// Which of `messages` (a commit's id and what it says, newest first) took `image` back, if nothing has
/// deployed that repository since.
pub fn rolled_back<'m>(image: &str, messages: &[(&'m str, &'m str)]) -> Option<&'m str> {
    let wanted: ImageReference = image.parse().ok()?;
    let is_same = |text: &str| {
        let other = text.parse::<ImageReference>();
        other.is_ok_and(|other| other.same_repository(&wanted))
    };
    let deployed = |message: &'m str| trailer_values(message, DEPLOYED_IMAGE);
    for (commit, message) in messages {
        let previous = || trailer_values(message, PREVIOUS_IMAGE);
        match (Origin::of(message), reverted_by(message)) {
            (Origin::Rollback, Some(reverted)) => {
                // A revert by hand says only what it reverts.
                let original = messages.iter().find(|(id, _)| id.starts_with(reverted));
                let by_hand = original
                    .into_iter()
                    .flat_map(|(_, message)| deployed(message));
                let taken_back: Vec<&str> = match previous().next() {
                    Some(_) => previous().collect(),
                    None => by_hand.collect(),
                };
                if taken_back.iter().any(|taken| is_same(taken)) {
                    return taken_back.contains(&image).then_some(*commit);
                }
            }
            _ if deployed(message).any(is_same) => return None,
            _ => {}
        }
    }
    None
}

/// The values of a trailer of this action, those of the last paragraph that has some first.
pub fn trailer_values<'m>(message: &'m str, key: &str) -> impl Iterator<Item = &'m str> {
    blocks(message).flat_map(move |block| values(block, key))
}

/// Whether two messages say that the same is deployed or taken back, by whatever run.
pub fn deploys_the_same(one: &str, other: &str) -> bool {
    let deployed = |message| {
        let block = blocks(message).next().unwrap_or_default();
        let keys = [DEPLOYED_IMAGE, DEPLOYED_VALUE, ROLLED_BACK, UNDONE_ROLLBACK];
        let mut deployed: Vec<_> = keys.map(|key| values(block, key).collect()).into();
        deployed
            .iter_mut()
            .for_each(|values: &mut Vec<&str>| values.sort_unstable());
        deployed
    };
    deployed(one) == deployed(other)
}

/// The values of a trailer that others write as well: of the last paragraph where none has a trailer of
/// this action.
pub(super) fn any_trailer_values<'m>(message: &'m str, key: &str) -> impl Iterator<Item = &'m str> {
    let ours = blocks(message).next();
    values(ours.unwrap_or_else(|| last_paragraph(message)), key)
}

/// The last paragraph of trailers of this action; empty where there is none.
pub fn own_trailers(message: &str) -> &str {
    blocks(message).next().unwrap_or_default().trim()
}

/// The paragraphs below the subject that hold trailers of ours, the last one first. Every line is looked at once: a
/// message may be long, and there are many.
fn blocks(message: &str) -> impl Iterator<Item = &str> {
    let mut above = below_subject(message);
    std::iter::from_fn(move || {
        let line = last_own_line(above)?;
        let (start, end) = paragraph_at(above, line);
        let block = &above[start..end];
        above = &above[..start];
        Some(block)
    })
}

/// The last paragraph below the subject.
fn last_paragraph(message: &str) -> &str {
    let text = below_subject(message).trim_end();
    let line = text.rfind('\n').map_or(0, |end| end + 1);
    let (start, end) = paragraph_at(text, line);
    &text[start..end]
}

fn below_subject(message: &str) -> &str {
    let message = message.trim_start();
    let end = message.find('\n').unwrap_or(message.len());
    &message[end..]
}

/// Where the last line of `text` begins that is a trailer of ours.
fn last_own_line(text: &str) -> Option<usize> {
    let bytes = text.bytes().enumerate().rev();
    let starts = bytes.filter_map(|(at, byte)| (byte == b'\n').then_some(at + 1));
    starts.chain([0]).find(|start| {
        let line = &text[*start..];
        let is_it = |key: &&str| {
            let rest = line.strip_prefix(*key);
            rest.is_some_and(|rest| rest.starts_with(':'))
        };
        line.starts_with(INITIALS) && OURS.iter().any(is_it)
    })
}

/// From where to where the paragraph goes that has the line which begins at `line`: it ends at blank lines. GitHub's
/// website sends the lines of a form with CRLF.
fn paragraph_at(text: &str, line: usize) -> (usize, usize) {
    let is_blank = |line: &str| matches!(line, "" | "\r" | "\n" | "\r\n");
    let above = text[..line].split_inclusive('\n').rev();
    let above = above.take_while(|line| !is_blank(line)).map(str::len);
    let below = text[line..].split_inclusive('\n');
    let below = below.take_while(|line| !is_blank(line)).map(str::len);
    (line - above.sum::<usize>(), line + below.sum::<usize>())
}

fn values<'m>(block: &'m str, key: &str) -> impl Iterator<Item = &'m str> {
    let lines = block.lines();
    lines.filter_map(move |line| Some(line.strip_prefix(key)?.strip_prefix(':')?.trim()))
}

/// Whether a line of somebody's text would be read as a trailer of ours: git reads keys in any case, and
/// with spaces behind them.
pub(super) fn passes_for_ours(line: &str) -> bool {
    let key = line.split_once(':').map(|(key, _)| key.trim_end());
    key.is_some_and(|key| OURS.iter().any(|own| own.eq_ignore_ascii_case(key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str =
        "Deployed-Image: r/web:2\nPrevious-Image: r/web:1\nWorkflow-Run: https://x/actions/runs/1";

    #[test]
    fn trailers_below_ours_do_not_hide_them() {
        for message in [
            format!("chore: x\n\n{OWN}\n"),
            format!("chore: x (#12)\n\n{OWN}\n\nCo-authored-by: A <a@example.com>\n"),
            format!(
                "chore: x\n\n{OWN}\nSigned-off-by: A <a@example.com>\n(cherry picked from commit 0123456)\n"
            ),
            // As GitHub squashes several commits.
            format!(
                "x (#12)\n\n* chore: x\n\n{OWN}\n\n* fix: a typo\n\n---------\n\nCo-authored-by: A <a@example.com>"
            ),
            format!("x\n\n{OWN}\n\nAnd more of it.\n").replace('\n', "\r\n"),
        ] {
            assert_eq!(Origin::of(&message), Origin::Update, "{message}");
            let images: Vec<&str> = trailer_values(&message, DEPLOYED_IMAGE).collect();
            assert_eq!(images, ["r/web:2"], "{message}");
        }
        assert_eq!(Origin::of(&format!("{OWN}\n")), Origin::Update);
        assert_eq!(Origin::of("Deployed-Image: a subject"), Origin::Edit);
    }

    #[test]
    fn a_trailer_is_found_by_its_initial() {
        for key in OURS {
            assert!(key.starts_with(INITIALS), "{key}");
            assert!(is_ours(&format!("x\n\n{key}: y")), "{key}");
        }
    }

    #[test]
    fn the_last_paragraph_is_behind_the_last_blank_line() {
        for (message, expected) in [
            ("x\n\na\nb\n\n", "a\nb"),
            ("x\r\n\r\na\r\n\r\nb\r\nc", "b\r\nc"),
            ("\n\nx\na", "a"),
            ("x", ""),
            ("", ""),
        ] {
            assert_eq!(last_paragraph(message).trim(), expected, "{message:?}");
        }
    }

    #[test]
    fn of_several_the_last_one_counts_first() {
        let message = format!(
            "x (#12)\n\n* chore: 2\n\n{OWN}\n\n* chore: 3\n\n{}\n",
            OWN.replace(":2", ":3").replace("runs/1", "runs/2")
        );
        let images: Vec<&str> = trailer_values(&message, DEPLOYED_IMAGE).collect();
        assert_eq!(images, ["r/web:3", "r/web:2"]);
        let run = trailer_values(&message, WORKFLOW_RUN).next();
        assert_eq!(run, Some("https://x/actions/runs/2"));
    }

    #[test]
    fn the_same_deployment_is_known_whoever_made_it() {
        let one = format!("chore: x\n\n{OWN}\n");
        let by_another_run = one.replace("runs/1", "runs/2").replace('\n', "\r\n");
        assert!(deploys_the_same(&one, &by_another_run));
        assert!(!deploys_the_same(&one, &one.replace("web:2", "web:3")));
        assert!(!deploys_the_same(&one, "chore: x"));
        let rollback = format!("{one}Rolled-Back-Commit: abcdef0\n");
        assert!(!deploys_the_same(&one, &rollback));
    }

    #[test]
    fn what_is_reverted_is_said_by_trailers_or_as_git_says_it() {
        let by_git =
            "Revert \"x\"\n\nThis reverts commit 0123456789, reversing\nchanges made to 9.\n";
        assert_eq!(Origin::of(by_git), Origin::Rollback);
        assert_eq!(reverted(by_git), ["0123456789"]);
        assert_eq!(
            Origin::of(&by_git.replace("Revert", "Reapply")),
            Origin::Reapply
        );
        // Beside our trailers it is somebody's text.
        let update = format!("chore: x\n\nThis reverts commit 0123456789.\n\n{OWN}\n");
        assert_eq!(Origin::of(&update), Origin::Update);
        assert_eq!(reverted(&update), [""; 0]);
        let rollback =
            format!("{update}Rolled-Back-Commit: abcdef0\nRolled-Back-Commit: abcdef1\n");
        assert_eq!(Origin::of(&rollback), Origin::Rollback);
        assert_eq!(reverted(&rollback), ["abcdef0", "abcdef1"]);
        let reapply = format!("{update}Undone-Rollback: abcdef0\n");
        assert_eq!(Origin::of(&reapply), Origin::Reapply);
    }

    #[test]
    fn a_merged_pull_request_is_known_by_the_subject() {
        for (message, expected) in [
            ("feat: x (#12)\n\n* y (#7)", &[12][..]),
            ("Merge pull request #12 from acme/x\n\nfeat: x", &[12]),
            ("Revert \"feat: x (#12)\" (#13)", &[13]),
            ("fix #12", &[]),
            ("feat: x (#y)", &[]),
            ("", &[]),
        ] {
            assert_eq!(merged_pulls(message), expected, "{message}");
        }
    }
}
