//! The vocabulary of Kubomesh: plain values that every room uses by the same name.
//!
//! The way of a value is: a pod becomes a [`Member`], all members of a mesh are its [`Membership`];
//! what a node answers is an [`Observation`]; what must survive a crash is a [`Record`]; the
//! planner turns these and a [`Policy`] into a [`Plan`] and a [`Report`]; the executor answers
//! with [`Outcome`]s. Nothing here reads a clock, sends a byte or knows Kubernetes.
//!
//! Beside the values stand the state machines that both the product and the simulation run, so that
//! what is simulated is what is shipped: whether the absent may be believed gone ([`DoubtMachine`]),
//! who of several at one address is contacted ([`address_conflicts`]) and which addresses on the
//! storage network are used ([`settle_storage`]), for discovery; who is
//! asked when ([`HealthBook`]), how long answers are waited for ([`Patience`]) and how a sequence goes
//! on ([`Progress`]), for the executor; what stands while a watch has not told of our own writes
//! ([`OwnWrites`]), for the reporter; when the loop looks again ([`Schedule`]) and what is not sent
//! twice ([`Busy`]), for the controller.

mod address;
mod busy;
mod claim;
mod condition;
mod connections;
mod credentials;
mod doubt;
mod endpoint;
mod failure;
mod fence;
mod health;
mod id;
mod inquiry;
mod kept;
mod listing;
mod member;
mod network;
mod network_report;
mod observation;
mod own_writes;
mod patience;
mod plan;
mod policy;
mod progress;
mod reading;
mod reason;
mod record;
mod redacted;
mod report;
mod schedule;
mod span;
mod storage;
mod text;
mod time;
mod verb_error;

pub use address::{Address, AddressError};
pub use busy::Busy;
pub use claim::{Named, address_conflicts};
pub use condition::{Condition, ConditionKind, ReasonCode, Status};
pub use connections::{Connections, Iter as ConnectionsIter, Listed, Packer};
pub use credentials::{Credentials, NoCredentials, TlsTexts};
pub use doubt::{DoubtMachine, DoubtTimings};
pub use endpoint::{Access, Endpoint, EndpointError, Path, PathTaken, Scheme};
pub use failure::{Failure, FailureKind};
pub use fence::{Fence, Open};
pub use health::{HealthBook, Standing};
pub use id::{Link, MemberName, MemberUid, MeshId, PeerId, PeerIdError};
pub use inquiry::{Expected, Inquiry, Scope};
pub use kept::Kept;
pub use listing::{
    Listing, MAX_ADDRESSES, MAX_ADDRESSES_IN_ALL, MAX_CONNECTIONS, MAX_PEERING, MAX_STRINGS,
    MAX_TEXT, Sieve, agent_version, is_plain,
};
pub use member::{
    Contact, ContainerStart, Doubt, Member, Membership, Network, Role, Source, Turnover, Waiting,
};
pub use network::{
    AppliedNetwork, Attachment, AttachmentError, AttachmentState, Fallback, Family, FormerNetwork,
    InterfaceName, InterfaceNameError, NetworkPolicy, OffNetwork, Rollout, Steering, StorageGap,
    StorageState,
};
pub use network_report::{NetworkReport, NetworkTrouble};
pub use observation::{
    ConnLimits, Connection, Direction, NodeState, Observation, PeeringEntry, Reading, Sighting,
};
pub use own_writes::{OwnWrites, Versioned};
pub use patience::Patience;
pub use plan::{Action, Call, Found, Outcome, Plan, RecordWrite, Sequence};
pub use policy::{
    AgentTimings, Degree, FilterPolicy, KeepAlive, Limits, LinksPolicy, Mode, Policy,
    ResyncInterval, Timings, TopologyPolicy,
};
pub use progress::Progress;
pub use reason::Reason;
pub use record::{
    Capacity, CapacityError, FilterStep, FilterStepError, LostFilters, OwnedFilter, Record,
    RemovedFilter, Retired,
};
pub use redacted::Redacted;
pub use report::{
    Held, LinkCounts, LinkReport, LinkState, MemberReport, MemberState, Report, SteeringState,
};
pub use schedule::{Schedule, Timers};
pub use span::{SpanError, SpanText};
pub use storage::settle_storage;
pub use text::{is_invisible, one_line};
pub use time::{Timestamp, TimestampError};
pub use verb_error::{VerbError, WrongIdentity};
