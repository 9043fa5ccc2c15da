//! The action's one binary.
fn main() {}
