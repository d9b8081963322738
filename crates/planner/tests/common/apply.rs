//! What a plan's calls do to the fleet.

use kubomesh_core::*;
use kubomesh_planner::Planned;

use super::Fleet;

// === impl Fleet ===

impl Fleet {
    /// Stores the records, sends the calls, and gives the memory its outcomes.
    pub(crate) fn apply(&mut self, planned: &Planned) {
        self.memory = planned.memory.clone();
        for write in &planned.plan.records {
            match write {
                RecordWrite::Put(record) => {
                    self.records.insert(record.name(), (**record).clone());
                }
                RecordWrite::Delete(name) => {
                    self.records
                        .remove(name)
                        .expect("a stored record is deleted");
                }
            }
        }
        let mut outcomes = Vec::new();
        for sequence in &planned.plan.sequences {
            assert_eq!(self.peer(sequence.member.as_str()), sequence.expect);
            let mut failed = false;
            for action in &sequence.actions {
                let result = match failed {
                    true => Err(Failure::new(FailureKind::Skipped, "not sent")),
                    false => self.call(&sequence.member, &action.call),
                };
                let mut back = Vec::new();
                if result.is_err() && !failed {
                    failed = true;
                    for call in &action.on_failure {
                        let result = self.call(&sequence.member, call);
                        back.push((call, result));
                    }
                }
                let calls = std::iter::once((&action.call, result)).chain(back);
                outcomes.extend(calls.map(|(call, result)| Outcome {
                    member: sequence.member.clone(),
                    call: call.clone(),
                    link: action.link.clone(),
                    at: self.now,
                    result,
                }));
            }
        }
        self.memory.absorb(&outcomes);
        self.outcomes = outcomes;
    }

    fn call(&mut self, on: &MemberName, call: &Call) -> Result<(), Failure> {
        if let Some(failure) = &self.nodes[on].failure {
            return Err(failure.clone());
        }
        match call {
            Call::Connect { address } => return self.connect(on, address),
            Call::Disconnect { address } => return self.disconnect(on, address),
            Call::PeeringAdd { addresses } => {
                for address in addresses {
                    let peer = address.peer().unwrap();
                    let node = self.node(on.as_str());
                    node.peering.retain(|entry| entry.peer != peer);
                    let addresses = vec![address.without_peer()];
                    node.peering.push(PeeringEntry { peer, addresses });
                }
            }
            Call::PeeringRemove { peers } => {
                self.node(on.as_str())
                    .peering
                    .retain(|entry| !peers.contains(&entry.peer));
            }
            Call::FiltersAdd { entries } => {
                self.node(on.as_str())
                    .filters
                    .extend(entries.iter().cloned());
            }
            Call::FiltersRemove { entries } => {
                self.node(on.as_str())
                    .filters
                    .retain(|entry| !entries.contains(entry));
            }
            _ => unreachable!(),
        }
        Ok(())
    }

    fn connect(&mut self, on: &MemberName, address: &Address) -> Result<(), Failure> {
        let peer = address.peer().unwrap();
        let node = &self.nodes[on];
        if node
            .connections
            .iter()
            .any(|(_, connection)| connection.peer == peer)
        {
            return Ok(());
        }
        if let Some(failure) = &node.dials_fail {
            return Err(failure.clone());
        }
        let ip = address.ip().unwrap();
        // Kubo dials every address that it knows of the peer, and the pod network answers first
        // (measured-on-kubo, row 3).
        let known = self.nodes.values().find(|far| far.peer_id == peer);
        let known = known.filter(|_| node.storage.is_some());
        let known = known.into_iter().flat_map(super::Node::addresses);
        let mut tried: Vec<Address> = known.collect();
        tried.retain(|one| *one != address.without_peer());
        tried.push(address.without_peer());
        tried.sort_by_key(|one| self.nodes.values().any(|node| node.storage == one.ip()));
        let mut asked = None;
        for one in tried {
            let ended = self.dial(on, peer, &one);
            if ended.is_ok() {
                return ended;
            }
            if one.ip() == Some(ip) {
                asked = Some(ended);
            }
        }
        asked.unwrap()
    }

    /// One attempt at one address.
    fn dial(&mut self, on: &MemberName, peer: PeerId, address: &Address) -> Result<(), Failure> {
        let node = &self.nodes[on];
        let covers = |filters: &[std::sync::Arc<str>], ip: std::net::IpAddr| {
            filters
                .iter()
                .any(|one| kubomesh_model::Filter::parse(one).unwrap().covers(ip))
        };
        let (ip, port) = (address.ip().unwrap(), address.port());
        if covers(&node.filters, ip) {
            let text = "gater disallows connection to peer";
            return Err(Failure::new(FailureKind::FilteredHere, text));
        }
        let target = self.nodes.iter().find(|(_, node)| {
            let here = node.ip == ip || node.storage == Some(ip);
            node.swarm && here && Some(node.port) == port
        });
        let target = target.filter(|(_, far)| {
            let on_storage = far.storage == Some(ip);
            !on_storage || (!self.storage_down && node.storage.is_some())
        });
        let Some((far, target)) = target.map(|(far, target)| (far.clone(), target)) else {
            return Err(Failure::new(FailureKind::TimedOut, "i/o timeout"));
        };
        if target.peer_id != peer {
            return Err(Failure::new(FailureKind::WrongIdentity, "peer id mismatch"));
        }
        let source = match target.storage {
            Some(storage) if storage == ip => node.storage.unwrap(),
            _ => node.ip,
        };
        if covers(&target.filters, source) {
            let text = "failed to negotiate security protocol: EOF";
            return Err(Failure::new(FailureKind::SecurityNegotiation, text));
        }
        self.link(on.as_str(), far.as_str(), address);
        Ok(())
    }

    /// A connection that `from` dialled to `to` at an address; both list it.
    pub(crate) fn link(&mut self, from: &str, to: &str, address: &Address) {
        self.next_connection += 1;
        let number = self.next_connection;
        let (peer, far) = (self.peer(from), self.peer(to));
        let (near, at) = (&self.nodes[from], &self.nodes[to]);
        let source = match near.storage.filter(|_| at.storage == address.ip()) {
            Some(storage) => Address::tcp(storage, near.port),
            None => near.address(),
        };
        let out = Connection {
            peer: far,
            address: address.clone(),
            direction: Direction::Outbound,
        };
        let inward = Connection {
            peer,
            address: source,
            direction: Direction::Inbound,
        };
        self.node(from).connections.push((number, out));
        self.node(to).connections.push((number, inward));
    }

    fn disconnect(&mut self, on: &MemberName, address: &Address) -> Result<(), Failure> {
        let peer = address.peer().unwrap();
        let matches = |one: &Connection| {
            one.peer == peer && format!("{}/p2p/{peer}", one.address) == address.as_str()
        };
        let node = self.node(on.as_str());
        let Some(at) = node.connections.iter().position(|(_, one)| matches(one)) else {
            return Err(Failure::new(FailureKind::NoEffect, "conn not found"));
        };
        let (number, _) = node.connections.remove(at);
        for node in self.nodes.values_mut() {
            node.connections
                .retain(|(other, _)| *other != number || number == u64::MAX);
        }
        Ok(())
    }

    /// Every connection of a node closes at both ends, and every stale one to its identity, unless
    /// another node has that too.
    pub(crate) fn break_all(&mut self, text: &str) {
        let peer = self.peer(text);
        let alone = self
            .nodes
            .values()
            .filter(|node| node.peer_id == peer)
            .count()
            == 1;
        let closed = std::mem::take(&mut self.node(text).connections);
        let closed: Vec<u64> = closed.into_iter().map(|(number, _)| number).collect();
        for node in self.nodes.values_mut() {
            node.connections.retain(|(number, connection)| {
                !(closed.contains(number) || alone && connection.peer == peer)
            });
        }
    }

    /// The connections of a pair close at one end only; the other still lists them.
    pub(crate) fn half_break(&mut self, lost_at: &str, other: &str) {
        let peer = self.peer(other);
        self.node(lost_at)
            .connections
            .retain(|(_, connection)| connection.peer != peer);
    }
}
