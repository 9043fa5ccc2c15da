//! Where images live in manifests, and what to change so that they are the ones asked for.
//!
//! Pure: file texts in, file texts out. [`plan`] finds the places that each line of a request
//! belongs to, and has [`crate::yaml`] change them; it knows what Kubernetes, Helm and Kustomize
//! mean by a key, and nothing of bytes.

#[cfg(test)]
mod advice_tests;
mod alike;
mod assign;
mod change;
mod compare;
mod decided;
mod elsewhere;
mod error;
mod file;
mod find;
mod guard;
mod hunks;
mod keys;
mod kustomize;
mod locate;
#[cfg(test)]
mod meant_tests;
mod mention;
#[cfg(test)]
mod named_tests;
mod objects;
mod overrides;
mod parts;
mod place;
mod placeholder;
mod plan;
mod promotion;
mod reading;
mod remaining;
mod request;
mod restore;
mod said;
mod site;
mod slot;
mod source;
mod target;
mod template;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod there_and_back;
#[cfg(test)]
mod told_tests;
mod workload;
mod write;

pub use change::{FileEdit, ImageChange, Note, Plan, ValueChange};
pub use compare::{
    ImageTransition, Known, RepositoryOf, Versions, comments_changed, has_tags, image_transitions,
    images_changed, repository_at,
};
pub use decided::{Decided, States, Undecided};
pub use error::{EntryAdvice, HeldImage, ManifestError, Mention, PathEnd};
pub use file::images_in;
pub use guard::is_signed;
pub(crate) use hunks::{differences, lines};
pub use overrides::{InForce, versions_in_force};
pub use place::Place;
pub use plan::plan;
pub use promotion::{
    Pair, Promoted, PromotedFile, Promotion, PromotionError, PromotionRequest, promote,
};
pub use reading::Readings;
pub use remaining::{Remaining, Replaced, remaining};
pub use request::{
    DocumentSelector, EditRequest, ImageAssignment, ImageAssignmentError, ResourceFilter,
    ResourceFilterError, ValueAssignment, ValueAssignmentError, YamlPath, YamlPathError,
    images_in_mapping,
};
pub use restore::{RestoreError, changed_at, restore, takes_back};
pub use source::ManifestFile;
pub use write::Obstacle;

pub use crate::yaml::path::{before_new_item, is_within};
