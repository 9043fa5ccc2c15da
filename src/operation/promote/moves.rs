//! The images that a promotion brings to where another one is.

use crate::image::ImageReference;
use crate::manifest::{ImageChange, Promoted, Promotion};

/// An image that is to replace another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Move {
    /// What goes where.
    pub(super) promoted: Promoted,
    /// What it replaces.
    pub(super) old: Vec<String>,
    /// How the file will have it.
    pub(super) new: Vec<String>,
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
        let changed = changed.map(|change| (change.old.clone(), change.new.clone()));
        let (old, new): (Vec<String>, Vec<String>) = changed.unzip();
        (!old.is_empty()).then(|| Move {
            promoted: promoted.clone(),
            old,
            new,
        })
    });
    moves.collect()
}
