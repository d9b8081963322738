//! The fakes under the contract.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Context as _;
use kubomesh_model::{NodeSpec, RateLimits, Settings, peer_id};

use super::{Node, NodeOptions, Subject};
use crate::{FakeKubo, FakeOptions, Faults, Fleet};

/// [`FakeKubo`]s, each scene in a fleet of its own.
pub struct FakeSubject {
    base: Ipv4Addr,
    next: AtomicU32,
    faults: Faults,
}

/// A fake of a scene.
pub struct FakeNode(FakeKubo);

impl FakeSubject {
    /// Fakes on loopback addresses from `base` upwards, one each.
    #[must_use]
    pub fn new(base: Ipv4Addr) -> Self {
        Self {
            base,
            next: AtomicU32::new(0),
            faults: Faults::default(),
        }
    }

    /// The same with faults: such fakes break the contract.
    #[must_use]
    pub fn faulty(base: Ipv4Addr, faults: Faults) -> Self {
        Self {
            faults,
            ..Self::new(base)
        }
    }

    fn spec(&self, options: &NodeOptions) -> NodeSpec {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let ip = IpAddr::V4(Ipv4Addr::from(u32::from(self.base) + number));
        let mut spec = NodeSpec::new(
            &format!("node-{number}"),
            peer_id(u64::from(number) + 1),
            ip,
        );
        if options.server_profile {
            spec = spec.server_profile();
        }
        spec.online = !options.offline;
        spec.swarm_key = options.swarm_key.map(u64::from);
        spec.auto_tls = true;
        spec
    }
}

impl Subject for FakeSubject {
    type Node = FakeNode;

    async fn start(&self, nodes: &[NodeOptions]) -> anyhow::Result<Vec<FakeNode>> {
        let mut settings = Settings::certain();
        if nodes.iter().any(|node| node.limits_on_loopback) {
            settings.rate_limits = RateLimits::Everywhere;
        }
        let fleet = Fleet::new(settings, 0);
        let mut started = Vec::with_capacity(nodes.len());
        for node in nodes {
            let spec = self.spec(node);
            let ip = spec.interfaces[0].ip;
            let mut options = FakeOptions::at(ip).faulty(self.faults.clone());
            if let Some((secret, paths)) = node.authorization {
                options = options.guarded(secret, paths);
            }
            let fake = fleet
                .launch(spec, options)
                .await
                .context("a fake cannot be served")?;
            started.push(FakeNode(fake));
        }
        Ok(started)
    }

    fn excluded(&self, _recording: &str) -> Option<&'static str> {
        None
    }
}

impl Node for FakeNode {
    fn api(&self) -> SocketAddr {
        self.0.api()
    }

    fn swarm(&self) -> SocketAddr {
        let node = self.0.node();
        let port = self
            .0
            .fleet()
            .with(|world| world.node(node).spec().swarm_port);
        SocketAddr::new(self.0.api().ip(), port)
    }
}
