//! YAML by its bytes: where each scalar stands, how a value is written, and edits that touch
//! nothing else.
//!
//! [`document`] is a file as a tree of nodes, each scalar with the bytes it takes up;
//! [`scalar`] writes a value so that every reader gets it back; [`edit`] puts the two together and
//! checks the result; [`inside`] does all of it in a text that is a document of its own. Nothing here
//! knows what the values mean.

mod build;
mod change;
pub mod document;
pub mod edit;
mod expected;
mod extent;
mod footprint;
pub mod inside;
mod json;
mod layout;
pub mod path;
pub mod scalar;
mod spans;
mod splices;
#[cfg(test)]
mod tests;

pub use change::{Edit, EditError, NewValue};
pub use document::{Content, Items, Node, NodeId, ParseError, Role, Scalar, Stream, Style};
pub use footprint::{Footprint, Placed, Rewritten};
pub use inside::Inside;
