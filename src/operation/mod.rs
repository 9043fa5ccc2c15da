//! The stories: what an operation does, top to bottom.

mod explain;
pub mod landing;
pub mod remote;
pub mod update;

/// What the action can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Sets images in manifests, commits and pushes.
    Update,
}

impl Operation {
    /// Every operation there is.
    pub const ALL: [Self; 1] = [Self::Update];

    /// The name, as the input `operation` takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Update => "update",
        }
    }
}

/// Where an operation tells how it goes.
pub trait Progress {
    /// A line or some, of whatever text.
    fn info(&mut self, text: &str);
    /// Text below a heading that folds it.
    fn group(&mut self, title: &str, text: &str);
    /// Something looks wrong, and the run goes on.
    fn warning(&mut self, text: &str);
}
