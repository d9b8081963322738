//! Members from a file: for fleets outside Kubernetes, the demo, a laptop.

mod addresses;
mod document;
mod follow;
mod malformed;
mod members;
mod number;
mod policy;
mod source;

pub use document::{FileError, FileMesh, MemberLine};
pub use follow::MembersFile;
pub use source::members_file;
