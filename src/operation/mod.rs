//! The stories: what an operation does, top to bottom.

mod explain;
pub mod update;

/// Where an operation tells how it goes.
pub trait Progress {
    /// A line or some, of whatever text.
    fn info(&mut self, text: &str);
    /// Text below a heading that folds it.
    fn group(&mut self, title: &str, text: &str);
    /// Something looks wrong, and the run goes on.
    fn warning(&mut self, text: &str);
}
