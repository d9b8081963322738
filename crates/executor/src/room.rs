//! Room for what nodes list: how much is kept in the process, whatever they say.
//!
//! A list is kept until its node's next answer, and often for a moment longer. A node may list very
//! many entries, all of them well-formed, and thousands of nodes may. So what all lists take is
//! bounded, and where room runs out it is the long lists that are refused: those of one length and
//! longer share a part of it, and what is left is for shorter ones only.

use std::mem::size_of;
use std::sync::{Arc, Mutex};

use kubomesh_core::{Address, Connections, Failure, FailureKind, Kept, PeeringEntry, Reading};

use crate::lock;

#[cfg(test)]
mod tests;

/// Lists of up to `longest` bytes, and what they and all longer ones may take together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// The longest list of this share, bytes.
    pub longest: usize,
    /// What lists of this share and of those behind it may take in all, bytes.
    pub together: usize,
}

/// The process's room: 128 MiB, which is 1.6 million connections. Each node's list is there twice
/// while it is renewed.
///
/// - Up to 64 KiB, some 800 connections: what nearly every Kubo has.
/// - Up to 512 KiB, some 6,500: a gateway.
/// - Up to 8 MiB: whatever may be listed ([`kubomesh_kubo`] reads 65,536 connections) with addresses
///   of a usual length.
pub const SHARES: [Share; 3] = [
    Share {
        longest: 64 << 10,
        together: 128 << 20,
    },
    Share {
        longest: 512 << 10,
        together: 96 << 20,
    },
    Share {
        longest: 8 << 20,
        together: 32 << 20,
    },
];

/// The room that all meshes of a process share. Clones are the same room.
#[derive(Debug, Clone)]
pub struct Room(Arc<Taken>);

#[derive(Debug)]
struct Taken {
    shares: [Share; 3],
    /// What lists of each share and of those behind it take now, bytes.
    bytes: Mutex<[usize; 3]>,
}

/// The room of one list; given back when dropped.
#[derive(Debug)]
struct Place {
    taken: Arc<Taken>,
    share: usize,
    bytes: usize,
}

/// A list whose length can be told.
pub(crate) trait List {
    /// How many entries it has.
    fn entries(&self) -> usize;

    /// What it takes in memory, bytes.
    fn bytes(&self) -> usize;
}

// === impl Room ===

impl Default for Room {
    fn default() -> Self {
        Self::of(SHARES)
    }
}

impl Room {
    /// A room of other shares, from the shortest lists to the longest.
    #[must_use]
    pub fn of(shares: [Share; 3]) -> Self {
        Self(Arc::new(Taken {
            shares,
            bytes: Mutex::default(),
        }))
    }

    /// What all lists take now, bytes.
    #[must_use]
    pub fn taken(&self) -> usize {
        lock(&self.0.bytes)[0]
    }

    /// Keeps a list that a node gave as the answer of `verb`, if there is room for it.
    pub(crate) fn keep<L: List>(&self, verb: &str, list: L) -> Reading<Kept<L>> {
        let bytes = list.bytes();
        match self.take(bytes) {
            Ok(place) => Ok(Kept::with_room(list, place)),
            Err(why) => {
                let entries = list.entries();
                let text = format!(
                    "{verb}: {entries} entries take {}, {why}; the node must list fewer",
                    size(bytes)
                );
                Err(Failure::new(FailureKind::BodyTooLarge, &text))
            }
        }
    }

    fn take(&self, bytes: usize) -> Result<Place, String> {
        let Taken { shares, bytes: now } = &*self.0;
        let Some(share) = shares.iter().position(|share| bytes <= share.longest) else {
            let most = shares.iter().map(|share| share.longest).max();
            return Err(format!("more than {}", size(most.unwrap_or_default())));
        };
        let mut taken = lock(now);
        let full = (0..=share).find(|at| taken[*at].saturating_add(bytes) > shares[*at].together);
        if let Some(full) = full {
            let together = size(shares[full].together);
            let whose = match full {
                0 => "lists".to_owned(),
                _ => format!("lists of more than {}", size(shares[full - 1].longest)),
            };
            return Err(format!(
                "and {whose} may take {together} in all nodes together"
            ));
        }
        taken[..=share].iter_mut().for_each(|taken| *taken += bytes);
        Ok(Place {
            taken: Arc::clone(&self.0),
            share,
            bytes,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = lock(&self.taken.bytes);
        for taken in &mut taken[..=self.share] {
            *taken = taken.saturating_sub(self.bytes);
        }
    }
}

/// Bytes for people: whole KiB or MiB, rounded up.
fn size(bytes: usize) -> String {
    match bytes {
        0..0x400 => format!("{bytes} bytes"),
        0x400..0x10_0000 => format!("{} KiB", bytes.div_ceil(0x400)),
        _ => format!("{} MiB", bytes.div_ceil(0x10_0000)),
    }
}

// === impl List ===

/// What a text behind an `Arc` takes beside its bytes: two counters, and the allocator's rounding.
const TEXT: usize = 2 * size_of::<usize>() + 16;

impl List for Connections {
    fn entries(&self) -> usize {
        self.len()
    }

    fn bytes(&self) -> usize {
        self.bytes()
    }
}

impl List for Vec<PeeringEntry> {
    fn entries(&self) -> usize {
        self.len()
    }

    fn bytes(&self) -> usize {
        let addresses = self.iter().flat_map(|entry| &entry.addresses);
        self.len() * size_of::<PeeringEntry>() + addresses.map(of_address).sum::<usize>()
    }
}

impl List for Vec<Address> {
    fn entries(&self) -> usize {
        self.len()
    }

    fn bytes(&self) -> usize {
        self.iter().map(of_address).sum()
    }
}

impl List for Vec<Arc<str>> {
    fn entries(&self) -> usize {
        self.len()
    }

    fn bytes(&self) -> usize {
        let text = |text: &Arc<str>| size_of::<Arc<str>>() + TEXT + text.len();
        self.iter().map(text).sum()
    }
}

fn of_address(address: &Address) -> usize {
    let peer = address.peer().map_or(0, |peer| size_of_val(&peer) + TEXT);
    size_of::<Address>() + TEXT + address.as_str().len() + peer
}
