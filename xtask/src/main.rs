//! Runs things.
fn main() {}
