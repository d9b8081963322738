//! The composition root of the binary `kubomesh`.
