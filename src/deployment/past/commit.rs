//! A commit as it is judged: what it says, and what it did.

use crate::deployment::trailers::{
    DEPLOYED_IMAGE, Origin, PREVIOUS_IMAGE, PROMOTED_FROM, merged_pulls, reverted, trailer_values,
};
use crate::image::ImageReference;
use crate::version::{self, Order};

/// A commit that touched the files.
#[derive(Debug, Clone, Default)]
pub struct PastCommit<'a> {
    /// Its id, all digits.
    pub id: &'a str,
    /// All of its message.
    pub message: &'a str,
    /// The ids and messages of the commits that it merged, newest first.
    pub merged: Vec<(&'a str, &'a str)>,
    /// The files that it touched: where each is, or was if it is gone, and where it was before if it was
    /// renamed.
    pub files: Vec<(&'a str, Option<&'a str>)>,
    /// What it did to what runs.
    pub changes: Vec<PastChange<'a>>,
    /// The images that are at another place since, whether they are others or not.
    pub moved: Vec<Moved<'a>>,
    /// Whether it is a merge, and all of that is the work of who merged: nothing that it joined had it so.
    pub is_own: bool,
}

/// What a commit did to one image, or to one value that a deployment sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastChange<'a> {
    /// The file, by its path after the commit.
    pub file: &'a str,
    /// Where in the file, in the same words in every version of it.
    pub place: String,
    /// Whether it is an image. Only then is a commit without trailers a deployment.
    pub is_image: bool,
    /// What was there; none where it is new.
    pub old: Option<String>,
    /// What is there since; none where it is gone.
    pub new: Option<String>,
}

/// An image that got another place, as where its container got another name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved<'a> {
    /// The file, by its path after the commit.
    pub file: &'a str,
    /// Where it is since, and where it was.
    pub places: [String; 2],
    /// What it is since, and what it was.
    pub images: [String; 2],
}

impl PastChange<'_> {
    /// Whether one thing became another one, rather than to come or to go.
    pub(super) fn is_replacement(&self) -> bool {
        matches!((&self.old, &self.new), (Some(old), Some(new)) if old != new)
    }

    /// Whether the same version is written in another way: its digest came to it, or went. That deploys nothing.
    pub(super) fn is_pin(&self) -> bool {
        let both = self.old.as_deref().zip(self.new.as_deref());
        self.is_image && both.is_some_and(|(old, new)| old != new && is_same_version(old, new))
    }

    /// Whether an image came that may have run before. What goes on to what is newer never takes back.
    pub(super) fn may_go_back(&self) -> bool {
        let is_other = self.is_image && self.is_replacement() && !self.is_pin();
        is_other && self.order() != Order::Newer
    }

    /// What the new image is beside the old one, as far as their tags tell.
    pub(super) fn order(&self) -> Order {
        let (Some(old), Some(new)) = (tag(&self.old), tag(&self.new)) else {
            return Order::CantTell;
        };
        version::compare(&old, &new)
    }
}

/// The tag of an image, or what stands alone in its place.
fn tag(image: &Option<String>) -> Option<String> {
    let text = image.as_deref()?;
    let image = text.parse::<ImageReference>().ok()?;
    match image.tag().or(image.digest()) {
        Some(_) => image.tag().map(str::to_owned),
        None => Some(text.to_owned()),
    }
}

/// Whether two images are one version: also where only one of them says its digest.
pub(super) fn is_same_version(one: &str, other: &str) -> bool {
    one == other
        || match (one.split_once('@'), other.split_once('@')) {
            (Some((tagged, _)), None) => tagged == other,
            (None, Some((tagged, _))) => tagged == one,
            _ => false,
        }
}

/// Whether a commit did what another stage had done before it: it says so, and put there what it says.
pub(super) fn is_promotion(commit: &PastCommit<'_>) -> bool {
    let said = |key| messages(commit).flat_map(move |message| trailer_values(message, key));
    let deployed: Vec<&str> = said(DEPLOYED_IMAGE).collect();
    let mut images = commit.changes.iter().filter(|change| change.is_image);
    // A file may have the tag alone.
    let is_said = |new: &String| deployed.iter().any(|image| image.ends_with(new.as_str()));
    said(PROMOTED_FROM).next().is_some()
        && images.all(|change| change.new.as_ref().is_none_or(is_said))
}

/// Whether a commit says that it was made where an image was `there` which it replaces.
pub(super) fn says_it_replaced(commit: &PastCommit<'_>, there: &str) -> bool {
    // A file may have the tag alone.
    let is_tag = |image: &str| {
        let rest = image.strip_suffix(there);
        rest.is_some_and(|rest| rest.ends_with([':', '@']))
    };
    let mut said = trailer_values(commit.message, PREVIOUS_IMAGE);
    said.any(|image| is_same_version(image, there) || is_tag(image))
}

/// Whether it says that of any image, as it was made: what a forge squashed is all that its pull request brought, to
/// whatever was there by then.
pub(super) fn says_what_it_replaced(commit: &PastCommit<'_>) -> bool {
    let mut said = trailer_values(commit.message, PREVIOUS_IMAGE);
    said.next().is_some() && merged_pulls(commit.message).is_empty()
}

/// What a commit says, and what those say that it merged, newest first; nothing of theirs where it did something else.
pub(super) fn messages<'a>(commit: &PastCommit<'a>) -> impl Iterator<Item = &'a str> {
    let merged = commit.merged.iter().filter(|_| !commit.is_own);
    let merged: Vec<&'a str> = merged.map(|(_, message)| *message).collect();
    std::iter::once(commit.message).chain(merged)
}

/// What a commit says that it is, and which ones it says to revert. Of a merge, the newest of those
/// counts that it brought and that say something.
pub(super) fn said<'a>(commit: &PastCommit<'a>) -> (Origin, Vec<&'a str>) {
    let reverted = messages(commit).flat_map(reverted);
    (Origin::of_all(messages(commit)), reverted.collect())
}
