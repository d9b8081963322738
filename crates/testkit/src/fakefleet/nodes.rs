//! The nodes of the process, by name.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use kubomesh_core::Address;
use kubomesh_model::{NodeSpec, Settings, peer_id};

use super::args::Args;
use super::members::{self, Line};
use crate::{FakeKubo, FakeOptions, Faults, Fleet};

/// All nodes of the process.
pub(super) struct Nodes {
    fleet: Fleet,
    fakes: BTreeMap<String, Fake>,
    members: Option<PathBuf>,
    /// Serialises writes of the members file, and numbers new identities.
    next_identity: Mutex<u64>,
}

/// One node and what the members file says of it beside its addresses.
pub(super) struct Fake {
    pub(super) kubo: FakeKubo,
    pub(super) zone: Option<String>,
}

impl Nodes {
    pub(super) async fn launch(args: Args) -> anyhow::Result<Self> {
        let settings = Settings {
            dial_time: Duration::from_millis(args.dial_ms),
            history: args.history,
            ..Settings::default()
        };
        let fleet = Fleet::new(settings, args.seed);
        let mut fakes = BTreeMap::new();
        for number in 0..args.nodes {
            let ip = nth_address(args.base, number)?;
            let name = format!("node-{number:04}");
            let mut spec = NodeSpec::new(&name, peer_id(u64::from(number)), ip);
            spec.swarm_port = args.swarm_port;
            spec.listen_only = vec![ip];
            let mut options = FakeOptions::on(SocketAddr::new(ip, args.api_port));
            options.log_limit = args.log_limit;
            options.faults = Faults::slow(Duration::from_millis(args.rtt_ms));
            let launched = fleet.launch(spec, options).await;
            let kubo = launched
                .with_context(|| format!("{name} cannot be served on {ip}:{}", args.api_port))?;
            let zone = (args.zones > 0).then(|| format!("zone-{}", number % args.zones));
            fakes.insert(name, Fake { kubo, zone });
        }
        let next_identity = Mutex::new(u64::from(args.nodes));
        let nodes = Self {
            fleet,
            fakes,
            members: args.members,
            next_identity,
        };
        nodes.write_members()?;
        Ok(nodes)
    }

    pub(super) fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    pub(super) fn len(&self) -> usize {
        self.fakes.len()
    }

    pub(super) fn members_file(&self) -> Option<&Path> {
        self.members.as_deref()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Fake)> {
        self.fakes.iter().map(|(name, fake)| (name.as_str(), fake))
    }

    /// # Errors
    /// When no node has the name.
    pub(super) fn find(&self, name: &str) -> anyhow::Result<&Fake> {
        self.fakes
            .get(name)
            .with_context(|| format!("no node is called `{name}`"))
    }

    /// An identity that no node had before.
    pub(super) fn fresh_identity(&self) -> kubomesh_core::PeerId {
        let mut next = self
            .next_identity
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *next += 1;
        peer_id(*next)
    }

    /// Writes the members file, if one is wanted.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write_members(&self) -> anyhow::Result<()> {
        let Some(path) = &self.members else {
            return Ok(());
        };
        let _alone = self
            .next_identity
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let lines: Vec<Line> = self.iter().map(|(name, fake)| fake.line(name)).collect();
        members::write(path, &lines)
            .with_context(|| format!("{} cannot be written", path.display()))
    }
}

impl Fake {
    fn line(&self, name: &str) -> Line {
        let api = self.kubo.api();
        let node = self.kubo.node();
        let port = self
            .kubo
            .fleet()
            .with(|world| world.node(node).spec().swarm_port);
        Line {
            name: name.to_owned(),
            rpc: self.kubo.endpoint().to_string(),
            swarm: Address::tcp(api.ip(), port).to_string(),
            zone: self.zone.clone(),
        }
    }
}

fn nth_address(base: Ipv4Addr, number: u32) -> anyhow::Result<IpAddr> {
    let address = u32::from(base).checked_add(number).map(Ipv4Addr::from);
    let address = address.filter(Ipv4Addr::is_loopback);
    address
        .map(IpAddr::V4)
        .with_context(|| format!("--base {base} and --nodes {number} lead out of 127.0.0.0/8"))
}
