//! go-libp2p's limits per remote address: how many new connections, and how many at a time.

use std::collections::BTreeMap;
use std::net::IpAddr;

use kubomesh_core::Timestamp;

use crate::filter::masked;
use crate::settings::{PER_IPV4, PER_IPV6_56, RATE_BURST, RATE_REFILL, RateLimits};

/// So many buckets, and full ones are forgotten: memory is per address in use, not per address seen.
const SWEEP_AT: usize = 1024;

/// One node's limits. Outgoing and incoming connections draw on the same ones (kubo.md 2.3).
#[derive(Debug, Clone, Default)]
pub(crate) struct Limiter {
    buckets: BTreeMap<IpAddr, Bucket>,
    open: BTreeMap<IpAddr, u32>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// When the bucket will be full again: one number instead of a level and a time.
    full_at: Timestamp,
}

impl Limiter {
    /// Takes one new connection to or from an address.
    ///
    /// # Errors
    /// The resource manager's sentence (row 10).
    pub(crate) fn admit(
        &mut self,
        ip: IpAddr,
        now: Timestamp,
        limits: RateLimits,
    ) -> Result<(), &'static str> {
        if exempt(ip, limits) {
            return Ok(());
        }
        let subnet = subnet(ip);
        let most = if ip.is_ipv4() { PER_IPV4 } else { PER_IPV6_56 };
        if self.open.get(&subnet).copied().unwrap_or(0) >= most {
            return Err("connections per ip limit exceeded");
        }
        if self.buckets.len() >= SWEEP_AT {
            self.buckets.retain(|_, bucket| bucket.full_at > now);
        }
        let bucket = self
            .buckets
            .entry(subnet)
            .or_insert(Bucket { full_at: now });
        let after = bucket.full_at.max(now) + RATE_REFILL;
        if after.since(now) > RATE_REFILL * RATE_BURST {
            return Err("rate limit exceeded");
        }
        bucket.full_at = after;
        Ok(())
    }

    /// Counts an open connection with an address.
    pub(crate) fn opened(&mut self, ip: IpAddr) {
        *self.open.entry(subnet(ip)).or_insert(0) += 1;
    }

    /// Uncounts a closed one.
    pub(crate) fn closed(&mut self, ip: IpAddr) {
        let subnet = subnet(ip);
        if let Some(count) = self.open.get_mut(&subnet) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.open.remove(&subnet);
            }
        }
    }
}

fn exempt(ip: IpAddr, limits: RateLimits) -> bool {
    match limits {
        RateLimits::Kubo => ip.is_loopback(),
        RateLimits::Everywhere => false,
        RateLimits::Off => true,
    }
}

/// What is counted together: an IPv4 address, or an IPv6 /56.
fn subnet(ip: IpAddr) -> IpAddr {
    if ip.is_ipv4() { ip } else { masked(ip, 56) }
}
