//! All meshes and their pods together: a plain struct that is told of every change and answers with
//! a [`Fleet`](crate::Fleet). No clock, no I/O.

mod attachments;
mod claims;
mod entry;
mod facts;
mod state;

pub use attachments::{AttachmentFacts, Attachments};
pub use facts::{MeshFacts, MeshKey};
pub use state::Index;
