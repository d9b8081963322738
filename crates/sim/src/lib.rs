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
//! a time, so that they can be killed between any two. What both decide they decide by the same code:
//! the planner's, and the state machines of `kubomesh-core` (doubt, conflicts of addresses, back-off,
//! how a sequence goes on, what is under way, when the loop looks again). Written anew here is only
//! what waits or sends: the steps of a pass, connections, the informers and the overlay of own writes.
//!
//! Covered: pods that come, go, restart, move, swap addresses and copy identities; partitions; nodes
//! that hang, are slow, lie, lose answers or end silently; owners who filter, peer and disconnect;
//! controllers that die, lose the lease or both hold it; views of pods and records that are late,
//! frozen or short; a store that refuses, loses answers, is edited or restored; changes of policy;
//! a storage network that is down or lacks somebody; agents of every version that come, go and change.
//! Fleets are small, mostly of 2 to 18 nodes, a few of up to 55, so that a hundred thousand events
//! take a minute or two on two cores.
//!
//! Judged after every step: the [`Property`] values up to `Model`; after quiet: the others. What no
//! controller can know is excused, and only that: entries that a call still on its way brings after
//! its node was read, records that somebody deletes or restores, what a liar hid, and what one of
//! two holders of the lease does behind the other's back; a filter that was taken from a repo whose
//! place in its pod another repo took before it came back: the record knows only the present one's.
//!
//! Not modelled: the executor's gate (how many calls are in flight in all), members files, several
//! meshes and relays; of agents: certificates, and answers out of the mirror (what an agent tells wakes
//! the loop, which then asks); of the storage network: IPv6, a second attachment, rewritten sources.

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
pub use story::{End, Step, Story};
pub use story::{agents, event, network};
