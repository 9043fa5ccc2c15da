//! YAML by its bytes: where each scalar stands, how a value is written, and edits that touch
//! nothing else.
//!
//! [`document`] is a file as a tree of nodes, each scalar with the bytes it takes up;
//! [`scalar`] writes a value so that every reader gets it back; [`edit`] puts the two together and
//! checks the result. Nothing here knows what the values mean.

mod build;
pub mod document;
pub mod edit;
pub mod path;
pub mod scalar;
mod spans;

pub use document::{Content, Node, NodeId, ParseError, Role, Scalar, Stream, Style};
pub use edit::{Edit, EditError, NewValue};
