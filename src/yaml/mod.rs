//! YAML by its bytes: where each scalar stands, how a value is written, and edits that touch
//! nothing else.
//!
//! [`document`] reads a file into a tree of nodes, each scalar with the bytes it takes up;
//! [`scalar`] writes a value so that every reader gets it back; [`edit`] puts the two together and
//! checks the result. Nothing here knows what the values mean.

pub mod document;
pub mod edit;
pub mod path;
pub mod scalar;

pub use document::{Content, Node, NodeId, ParseError, Role, Scalar, Stream, Style};
pub use edit::{Edit, EditError, NewValue};
