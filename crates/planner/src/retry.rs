//! When something may be tried again: back-off of links, of relayed links and of calls, and the
//! pace at which a node may be asked to make connections with one address.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use kubomesh_core::{FailureKind, Limits, Link, MemberName, Timestamp, Timings};

use crate::memory::{Bucket, LinkMemory, MemberMemory, Memory};
use crate::topology::Positions;

/// Connections with one address that Kubo admits at once (kubo.md 2.3, measured-on-kubo row 10).
const BURST: u64 = 16;

/// After that, one in so many milliseconds.
const REFILL_MS: u64 = 5_000;

/// One connection in the bucket's unit.
const ONE: u64 = 1_000;

/// When the next dial of a link is due, if it may not be now.
pub(crate) fn dial_due(
    link: &Link,
    memory: &LinkMemory,
    limits: &Limits,
    timings: &Timings,
) -> Option<Timestamp> {
    let spent = memory.spent.and_then(Bucket::half_full);
    let Some(dialled) = memory.dialled.filter(|_| !memory.renewed) else {
        return spent;
    };
    let paced = dialled + limits.dial_interval;
    let limited = memory
        .last
        .as_ref()
        .is_some_and(|last| last.kind == FailureKind::RateLimited);
    let wait = if limited {
        timings.retry_rate_limited
    } else if memory.dials == 0 {
        Duration::ZERO
    } else {
        jittered(link, memory.dials, timings.retry_base, timings.retry_max)
    };
    Some(paced.max(dialled + wait)).max(spent)
}

/// When a link that is relayed only is next made direct: 30 s after it was first seen so, then
/// after 5 min, doubling to an hour.
pub(crate) fn relayed_due(
    link: &Link,
    memory: &LinkMemory,
    timings: &Timings,
) -> Option<Timestamp> {
    let since = memory.relayed?;
    match (memory.relayed_attempts, memory.dialled) {
        (0, _) | (_, None) => Some(since + timings.relayed_first),
        (attempts, Some(dialled)) => {
            Some(dialled + jittered(link, attempts, timings.relayed_base, timings.relayed_max))
        }
    }
}

/// When calls other than dials may be sent again to a member that failed them, or did not do them.
pub(crate) fn calls_due(memory: &MemberMemory, timings: &Timings) -> Option<Timestamp> {
    let acted = memory.acted?;
    let attempts = memory.failures.max(memory.unheeded);
    (attempts > 0).then(|| acted + doubled(attempts, timings.retry_base, timings.retry_max))
}

/// When a member that does not answer itself is dialled next, by whichever node: one dial at a time,
/// so that a hung node costs its partners little.
pub(crate) fn silent_due(memory: &MemberMemory, timings: &Timings) -> Option<Timestamp> {
    Some(memory.tried_at? + doubled(memory.tried, timings.retry_base, timings.retry_max))
}

/// When a link may be moved to its network again, after so many moves that failed, the last one then.
pub(crate) fn move_due(
    failed: u32,
    last: Option<Timestamp>,
    timings: &Timings,
) -> Option<Timestamp> {
    let last = last.filter(|_| failed > 0)?;
    Some(last + doubled(failed, timings.steer_retry_base, timings.steer_retry_max))
}

/// `base` × 2^(attempts − 1), at most `max`.
pub(crate) fn doubled(attempts: u32, base: Duration, max: Duration) -> Duration {
    let doublings = attempts.saturating_sub(1).min(20);
    base.saturating_mul(1 << doublings).min(max)
}

/// The same and up to a quarter more, by a hash of the link and the attempt: never less, so that the
/// least interval holds, and the links of one node do not come back together.
fn jittered(link: &Link, attempts: u32, base: Duration, max: Duration) -> Duration {
    let wait = doubled(attempts, base, max);
    let positions = Positions::new("retry");
    let base =
        positions.base(link.a.as_str().as_bytes()) ^ positions.base(link.b.as_str().as_bytes());
    let share = positions.on_ring(u64::from(attempts), base) % 256;
    (wait + wait / 1024 * u32::try_from(share).unwrap_or(0)).min(max.max(wait))
}

/// The part of an address by which Kubo counts connections: an IPv4 address, an IPv6 /56. `None`
/// for loopback, which it does not count.
pub(crate) fn counted(ip: IpAddr) -> Option<IpAddr> {
    match ip {
        _ if ip.is_loopback() => None,
        IpAddr::V4(_) => Some(ip),
        IpAddr::V6(six) => Some(IpAddr::V6(Ipv6Addr::from(u128::from(six) >> 72 << 72))),
    }
}

/// The pace of new connections between members and addresses that several members share.
///
/// A member with an address of its own needs no pacing beyond its links' back-off: 10 s between
/// two dials of one pair is slower than one in 5 s. Both ends count a connection, dialled or
/// accepted, so which end dials makes no difference.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    shared: BTreeMap<IpAddr, u32>,
}

impl Pace {
    /// Counts how many members share each address.
    pub(crate) fn new(addresses: impl Iterator<Item = IpAddr>) -> Self {
        let mut shared = BTreeMap::new();
        for ip in addresses.filter_map(counted) {
            *shared.entry(ip).or_default() += 1;
        }
        shared.retain(|_, members| *members > 1);
        Self { shared }
    }

    /// Takes a connection of `member` with `ip` from its budget, unless it is spent: then when the
    /// next one is there.
    pub(crate) fn check(
        &self,
        memory: &Memory,
        member: &MemberName,
        ip: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Option<IpAddr>, Timestamp> {
        let Some(ip) = ip
            .and_then(counted)
            .filter(|ip| self.shared.contains_key(ip))
        else {
            return Ok(None);
        };
        let left = memory
            .dialled
            .get(&(member.clone(), ip))
            .map_or(BURST * ONE, |bucket| bucket.now(now).left);
        if left >= ONE {
            Ok(Some(ip))
        } else {
            Err(now + Duration::from_millis((ONE - left) * REFILL_MS / ONE))
        }
    }

    /// Takes one connection.
    pub(crate) fn take(memory: &mut Memory, member: &MemberName, ip: IpAddr, now: Timestamp) {
        let bucket = memory
            .dialled
            .entry((member.clone(), ip))
            .or_insert(Bucket {
                left: BURST * ONE,
                at: now,
            });
        *bucket = bucket.now(now);
        bucket.left = bucket.left.saturating_sub(ONE);
    }
}

// === impl Bucket ===

impl Bucket {
    /// The bucket as it is now.
    pub(crate) fn now(self, now: Timestamp) -> Self {
        let passed = u64::try_from(now.since(self.at).as_millis()).unwrap_or(u64::MAX);
        let refilled = passed.saturating_mul(ONE) / REFILL_MS;
        // Time that made no whole thousandth yet stays to be counted.
        let counted = Duration::from_millis(refilled.saturating_mul(REFILL_MS) / ONE);
        Self {
            left: (self.left.saturating_add(refilled)).min(BURST * ONE),
            at: self.at + counted,
        }
    }

    /// The bucket after one connection more.
    pub(crate) fn less_one(bucket: Option<Self>, now: Timestamp) -> Self {
        let full = Self {
            left: BURST * ONE,
            at: now,
        };
        let bucket = bucket.map_or(full, |bucket| bucket.now(now));
        Self {
            left: bucket.left.saturating_sub(ONE),
            ..bucket
        }
    }

    /// When it is half full again; `None` if it is. The other half is for what the nodes dial by
    /// themselves.
    pub(crate) fn half_full(self) -> Option<Timestamp> {
        let lacks = (BURST * ONE / 2)
            .checked_sub(self.left)
            .filter(|lacks| *lacks > 0)?;
        Some(self.at + Duration::from_millis(lacks * REFILL_MS / ONE))
    }

    /// Whether it holds nothing that a new bucket would not.
    pub(crate) fn is_full(self, now: Timestamp) -> bool {
        self.now(now).left >= BURST * ONE
    }
}
