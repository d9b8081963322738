//! What the owners of nodes do by themselves.

use super::event::Slot;

/// What an owner filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnerFilter {
    /// The whole pod network.
    Network,
    /// One pod's address.
    Pod(Slot),
    /// A range that no member is in.
    Elsewhere,
}

/// Form of a peering entry that the owner wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Two addresses, the present one among them.
    TwoAddresses,
    /// One address that the peer never had.
    OtherAddress,
    /// No address.
    NoAddress,
}
