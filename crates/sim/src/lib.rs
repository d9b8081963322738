//! The deterministic simulation: modelled Kubo nodes, pods, a store of records and two controllers
//! under one virtual clock, driven by random events against the real planner.
//!
//! A [`Story`] is a list of events with times; [`Story::of`] makes one from a seed, [`Story::play`]
//! plays it. After every step the truth is compared with what the rules allow; a `Quiet` in the
//! story ends every fault and waits until all is well. What breaks a property is told as the
//! shortest story that [`shrink`] finds. Each [`Rule`] has a switch: a story with one rule off has
//! to break something, or the simulation would not see it.
//!
//! The controllers here do what `kubomesh-controller`'s loop and `kubomesh-executor` do, one step at
//! a time, so that they can be killed between any two. Not modelled: the executor's gate (how many
//! calls are in flight in all), members files, several meshes, storage networks.

mod alter;
mod audit;
mod controller;
mod happen;
mod queue;
mod rules;
mod shrink;
mod sim;
mod story;
mod truth;
mod views;

pub use audit::{Property, Violation};
pub use rules::{Rule, Rules, UnknownRule};
pub use shrink::shrink;
pub use story::event;
pub use story::{End, Step, Story};
