//! The IPAM of a CNI config, as far as it says which addresses there are.
//!
//! Sources: the plugins' READMEs and code: `host-local` (`backend/allocator`: from the first address
//! after the network's to the last before the broadcast, without the gateway), `static`, and
//! `whereabouts` (`range`, `range_start`, `range_end`, `exclude`, `ipRanges`; a range may be written
//! `first-last/length`).

mod span;

use ipnet::IpNet;
use serde::Deserialize;
use serde_json::Value;

use crate::{Malformed, Place};
use span::Span;

/// An IPAM and its ranges.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ipam {
    kind: String,
    /// A pod gets one address of each set, from any of its spans. Empty where nothing is known.
    sets: Vec<Vec<Span>>,
    /// What `static` gives to every pod.
    addresses: Vec<IpNet>,
}

#[derive(Deserialize)]
struct HostLocal {
    #[serde(default)]
    ranges: Vec<Vec<HostLocalRange>>,
    #[serde(flatten)]
    old: HostLocalRange,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HostLocalRange {
    subnet: Option<String>,
    range_start: Option<String>,
    range_end: Option<String>,
    gateway: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Whereabouts {
    #[serde(default)]
    ip_ranges: Vec<WhereaboutsRange>,
    #[serde(flatten)]
    first: WhereaboutsRange,
}

#[derive(Deserialize)]
struct WhereaboutsRange {
    range: Option<String>,
    range_start: Option<String>,
    range_end: Option<String>,
    #[serde(default)]
    exclude: Vec<String>,
}

#[derive(Deserialize)]
struct Static {
    #[serde(default)]
    addresses: Vec<StaticAddress>,
}

#[derive(Deserialize)]
struct StaticAddress {
    address: String,
}

// === impl Ipam ===

impl Ipam {
    /// Reads `ipam`; `None` for one without a type, which is none (`{}` switches it off).
    pub(crate) fn parse(value: &Value) -> Result<Option<Self>, Malformed> {
        let kind = value
            .get("type")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if kind.is_empty() {
            return Ok(None);
        }
        let mut ipam = Self {
            kind: kind.to_owned(),
            sets: Vec::new(),
            addresses: Vec::new(),
        };
        match kind {
            "host-local" => ipam.sets = read::<HostLocal>(value)?.sets()?,
            "whereabouts" => ipam.sets = read::<Whereabouts>(value)?.sets()?,
            "static" => {
                let addresses = read::<Static>(value)?.addresses;
                let one =
                    |address: &StaticAddress| span::network(&address.address, "ipam.addresses");
                ipam.addresses = addresses.iter().map(one).collect::<Result<_, _>>()?;
            }
            _ => {}
        }
        Ok(Some(ipam))
    }

    pub(crate) fn kind(&self) -> &str {
        &self.kind
    }

    /// The networks of all spans and addresses, each once.
    pub(crate) fn networks(&self) -> Vec<IpNet> {
        let spans = self.sets.iter().flatten().map(|span| span.network);
        let mut networks: Vec<_> = spans
            .chain(self.addresses.iter().map(IpNet::trunc))
            .collect();
        networks.sort_unstable();
        networks.dedup();
        networks
    }

    /// The smallest set's addresses: a pod needs one of each.
    pub(crate) fn capacity(&self) -> Option<u128> {
        let size = |set: &Vec<Span>| {
            let spans = set.iter().map(Span::size);
            spans.fold(0_u128, u128::saturating_add)
        };
        self.sets.iter().map(size).min()
    }

    /// The address that every pod gets, if there is one.
    pub(crate) fn shared_address(&self) -> Option<IpNet> {
        self.addresses.first().copied()
    }
}

// === impl HostLocal ===

impl HostLocal {
    fn sets(&self) -> Result<Vec<Vec<Span>>, Malformed> {
        let mut sets = Vec::new();
        if let Some(subnet) = &self.old.subnet {
            sets.push(vec![self.old.span(subnet, "ipam.subnet")?]);
        }
        for ranges in &self.ranges {
            let span = |range: &HostLocalRange| match &range.subnet {
                Some(subnet) => range.span(subnet, "ipam.ranges"),
                None => Err(Malformed::value(
                    Place::Config,
                    "ipam.ranges",
                    "has a range without a `subnet`",
                )),
            };
            sets.push(ranges.iter().map(span).collect::<Result<_, _>>()?);
        }
        Ok(sets)
    }
}

impl HostLocalRange {
    fn span(&self, subnet: &str, path: &str) -> Result<Span, Malformed> {
        let network = span::network(subnet, path)?.trunc();
        let bounds = (self.range_start.as_deref(), self.range_end.as_deref());
        let span = Span::new(network, bounds, path)?;
        span.without_gateway(self.gateway.as_deref(), path)
    }
}

// === impl Whereabouts ===

impl Whereabouts {
    fn sets(&self) -> Result<Vec<Vec<Span>>, Malformed> {
        let first = self.first.range.iter().map(|_| &self.first);
        let ranges = first.chain(&self.ip_ranges);
        ranges.map(|range| Ok(vec![range.span()?])).collect()
    }
}

impl WhereaboutsRange {
    fn span(&self) -> Result<Span, Malformed> {
        let path = "ipam.range";
        let text = self.range.as_deref().unwrap_or_default();
        let (mut start, mut end) = (self.range_start.as_deref(), self.range_end.as_deref());
        let network = match text.split_once('-') {
            Some((first, rest)) => {
                start = Some(first.trim());
                end = rest.split('/').next().map(str::trim);
                span::network(rest, path)?
            }
            None => span::network(text, path)?,
        };
        let span = Span::new(network.trunc(), (start, end), path)?;
        span.without(&self.exclude, "ipam.exclude")
    }
}

fn read<T: for<'de> Deserialize<'de>>(value: &Value) -> Result<T, Malformed> {
    T::deserialize(value).map_err(|e| {
        let why = format!("is not what its type wants: {e}");
        Malformed::value(Place::Config, &value.to_string(), why)
    })
}
