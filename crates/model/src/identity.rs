//! Peer IDs from numbers, for tests that need many and the same ones each time.

use kubomesh_core::PeerId;
use libp2p_identity::PeerId as Libp2pPeerId;

use crate::rng::mix;

/// Identity multihash (0x00) of 36 bytes: the protobuf of an Ed25519 public key (type 1, 32 bytes).
const ED25519_PREFIX: [u8; 6] = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20];

/// Bytes of an Ed25519 public key.
const KEY_BYTES: usize = 32;

/// A peer ID shaped like that of an Ed25519 key (`12D3KooW…`): the same for the same number, others
/// for others. Nobody has its private key.
#[must_use]
pub fn peer_id(number: u64) -> PeerId {
    let mut bytes = ED25519_PREFIX.to_vec();
    for word in 0..4 {
        bytes.extend(mix(number.wrapping_mul(4).wrapping_add(word).wrapping_add(1)).to_be_bytes());
    }
    #[expect(
        clippy::expect_used,
        reason = "the prefix and the length are right by construction"
    )]
    let parsed = Libp2pPeerId::from_bytes(&bytes).expect("the bytes of an Ed25519 peer ID");
    parsed.into()
}

/// The protobuf of the public key that an Ed25519 peer ID embeds, as `id` prints it in base64;
/// `None` for hashed keys (`Qm…`).
#[must_use]
pub fn public_key(peer: PeerId) -> Option<Vec<u8>> {
    let bytes = peer.to_bytes();
    let embedded = bytes.starts_with(&ED25519_PREFIX) && bytes.len() == 6 + KEY_BYTES;
    embedded.then(|| bytes[2..].to_vec())
}
