//! What others post on a commit of ours: what that means for the deployment.
//!
//! Argo CD's notifications, Flux and GitHub's own checks tell on the commit what became of it, which needs no
//! way to their servers. [`Line`] is what is waited for, [`Posted`] what somebody said, [`Judge`] what follows.
//!
//! Pure: GitHub is asked by [`crate::repository::github::posted`].

mod context;
mod judge;
mod posted;

pub use context::{Context, InvalidLine, Kind, Line};
pub use judge::{
    Assessed, Criteria, Culprit, Fact, Holds, Judge, Judged, Later, Look, Verdict, Wait,
    ran_before, wanted,
};
pub use posted::{Arranged, Commit, Posted, State, Workflow, arranged};
