//! What a message that is read says of its commit.

use crate::image::ImageReference;

/// An image that the commit deploys.
pub(super) const DEPLOYED_IMAGE: &str = "Deployed-Image";
/// An image that it replaces.
pub(super) const PREVIOUS_IMAGE: &str = "Previous-Image";
/// The URL of the run that made it.
pub(super) const WORKFLOW_RUN: &str = "Workflow-Run";
/// The file of that run's workflow.
pub(super) const WORKFLOW: &str = "Workflow";

/// Whether a message is of a commit that this action made: it has one of its trailers, or undoes another
/// one.
pub fn is_ours(message: &str) -> bool {
    let has = |key| trailer_values(message, key).next().is_some();
    has(DEPLOYED_IMAGE) || has(WORKFLOW_RUN) || reverted_by(message).is_some()
}

/// What made a commit that changed an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// This action, by `operation: update`.
    Update,
    /// A revert: this action's, or one by `git revert`.
    Rollback,
    /// A person, or another program.
    Edit,
}

impl Origin {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Update => "update",
            Self::Rollback => "rollback",
            Self::Edit => "edit",
        }
    }

    /// What `message` says that its commit is.
    pub fn of(message: &str) -> Self {
        if reverted_by(message).is_some() {
            Self::Rollback
        } else if trailer_values(message, DEPLOYED_IMAGE).next().is_some() {
            Self::Update
        } else {
            Self::Edit
        }
    }
}

/// The commit that `message` says it reverts.
pub fn reverted_by(message: &str) -> Option<&str> {
    let mut lines = message.lines().skip(1);
    let id = lines.find_map(|line| line.strip_prefix("This reverts commit "))?;
    let end = id.find(|c: char| !c.is_ascii_hexdigit());
    let id = id.get(..end.unwrap_or(id.len()))?;
    (id.len() >= 7).then_some(id)
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
        if let Some(reverted) = reverted_by(message) {
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
        } else if deployed(message).any(is_same) {
            return None;
        }
    }
    None
}

/// The values of a trailer: of a line in the last paragraph.
pub fn trailer_values<'m>(message: &'m str, key: &str) -> impl Iterator<Item = &'m str> {
    let message = message.trim_end();
    let last = message
        .rsplit("\n\n")
        .next()
        .filter(|last| last.len() < message.len());
    let lines = last.unwrap_or_default().lines();
    lines.filter_map(move |line| Some(line.strip_prefix(key)?.strip_prefix(':')?.trim()))
}
