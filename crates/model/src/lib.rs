//! One model of a Kubo, and of a world of them: a pure state machine under a virtual clock.
//!
//! A [`World`] holds nodes, the connections between them as each end sees them, and everything of
//! Kubo that a controller from outside can notice: the peering service and its timers, dial filters
//! live and saved, the connection manager, the limits per address, the peerstore, and Kubo's habits
//! (dialling every address it knows, saying success when it dials nothing). The RPC verbs are
//! functions that answer exactly what Kubo answers. There is no I/O, no clock and no randomness but
//! the world's own; `FakeKubo` gives it an HTTP face and `crates/sim` drives it against the planner.
//!
//! Row N in a comment is a row of the measurements on a real Kubo; "kubo.md n" is a section of the
//! collected facts about Kubo; file names are go-libp2p's, boxo's or Kubo's.
//!
//! Not modelled: QUIC and WebSocket (such addresses are dialled in vain), the DHT's own
//! reconnecting (row 24; [`Event::Dial`] stands for it), Bitswap, streams, and reservations at relays
//! (rows 20 to 22 and 36 to 40): a circuit is there because a story says so.

mod audit;
mod call;
mod conn;
mod conns;
mod cut;
mod dial;
mod filter;
mod history;
mod identity;
mod lifecycle;
mod limiter;
mod links;
mod meet;
mod node;
mod peering;
mod peerstore;
mod refusal;
mod rng;
mod rpc;
mod settings;
mod target;
mod trim;
mod world;

pub use call::{Begun, Ticket};
pub use cut::Cut;
pub use filter::{Filter, SERVER_PROFILE};
pub use history::{Closing, Happening, What};
pub use identity::{peer_id, public_key};
pub use lifecycle::{Event, Stop};
pub use links::Connectedness;
pub use node::{Interface, Node, NodeIndex, NodeSpec};
pub use refusal::Refusal;
pub use rng::Rng;
pub use rpc::{Identity, Overlap};
pub use settings::{
    BACKOFF_BASE, BACKOFF_MAX, CONNECT_TAG, DIAL_PEER_TIMEOUT, DIAL_TIMEOUT, DIAL_TIMEOUT_LOCAL,
    GIVEN_ADDRESS_TTL, HIGH_WATER, LOW_WATER, PEERING_INITIAL, PEERING_MAX, PER_IPV4, PER_IPV6_56,
    RATE_BURST, RATE_REFILL, RECENT_ADDRESS_TTL, RateLimits, Routing, STALE_LEAST, STALE_MOST,
    Settings, TRIM_GRACE, TRIM_INTERVAL,
};
pub use world::World;
