//! Laws that hold for every fleet: random churn, faults and lies; after every plan the check (inside
//! `Fleet::plan`), after quiet nothing left to do.

mod common;

use common::{Fleet, secs};
use kubomesh_core::*;
use proptest::prelude::*;

/// Something that happens to a fleet.
#[derive(Debug, Clone)]
enum Event {
    Join,
    Leave(u8),
    Restart(u8),
    NewIdentity(u8),
    Recreate(u8),
    Move(u8),
    Break(u8),
    HalfBreak(u8, u8),
    Silent(u8),
    Filter(u8),
    Foreign(u8, u8),
    WrongNode(u8),
    Duplicate(u8, u8),
    Unready(u8),
    Conflict(u8),
    Doubt,
    Forget,
    DropRecord(u8),
    Mode(u8),
    Wait(u16),
    Crash(u8),
    Touch(u8),
    Recover,
}

fn event() -> impl Strategy<Value = Event> {
    let n = || any::<u8>();
    prop_oneof![
        3 => Just(Event::Join),
        3 => n().prop_map(Event::Leave),
        3 => n().prop_map(Event::Restart),
        1 => n().prop_map(Event::NewIdentity),
        2 => n().prop_map(Event::Recreate),
        2 => n().prop_map(Event::Move),
        2 => n().prop_map(Event::Break),
        2 => (n(), n()).prop_map(|(a, b)| Event::HalfBreak(a, b)),
        2 => n().prop_map(Event::Silent),
        1 => n().prop_map(Event::Filter),
        1 => (n(), n()).prop_map(|(a, b)| Event::Foreign(a, b)),
        1 => n().prop_map(Event::WrongNode),
        1 => (n(), n()).prop_map(|(a, b)| Event::Duplicate(a, b)),
        1 => n().prop_map(Event::Unready),
        1 => n().prop_map(Event::Conflict),
        1 => Just(Event::Doubt),
        1 => Just(Event::Forget),
        1 => n().prop_map(Event::DropRecord),
        1 => n().prop_map(Event::Mode),
        3 => (0..400_u16).prop_map(Event::Wait),
        2 => n().prop_map(Event::Crash),
        3 => n().prop_map(Event::Touch),
        3 => Just(Event::Recover),
    ]
}

/// What happened, so that it can be undone.
struct Story {
    fleet: Fleet,
    joined: u32,
    /// Whether a record was deleted by hand: what it alone knew is lost.
    dropped: bool,
}

// === impl Story ===

impl Story {
    fn pick(&self, n: u8) -> Option<String> {
        let names: Vec<&MemberName> = self.fleet.nodes.keys().collect();
        (!names.is_empty()).then(|| names[usize::from(n) % names.len()].to_string())
    }

    fn join(&mut self, text: &str) {
        self.fleet.join(text);
        let zone = format!("z{}", self.joined % 2);
        self.fleet.member(text).zone = zone.into();
        self.joined += 1;
    }

    fn happen(&mut self, event: &Event) {
        let fresh = kubomesh_model::peer_id(5_000 + u64::from(self.joined));
        match event {
            Event::Join if self.fleet.nodes.len() < 12 => {
                let text = format!("n{:02}", self.joined);
                self.join(&text);
            }
            Event::Join => {}
            Event::Doubt => self.fleet.membership.doubt = Some(Doubt::NotSynced),
            Event::Forget => self.fleet.memory = Default::default(),
            Event::Mode(n) => {
                self.fleet.policy.mode =
                    [Mode::Enforce, Mode::Observe, Mode::Release][usize::from(n % 3)];
            }
            Event::Wait(span) => self.fleet.wait(secs(u64::from(*span))),
            Event::Recover => self.recover(),
            // The controller dies in the middle of a plan: only the first calls were sent.
            Event::Crash(n) => {
                self.fleet.wait(secs(10));
                self.fleet.observe();
                let mut planned = self.fleet.plan();
                let records = planned.plan.records.len();
                planned.plan.records.truncate(usize::from(*n));
                let left = usize::from(*n).saturating_sub(records);
                planned.plan.sequences.truncate(left);
                self.fleet.apply(&planned);
                self.fleet.memory = Default::default();
                self.fleet.observations.clear();
            }
            // An event's pass: the rest is as it was last seen.
            Event::Touch(n) => {
                if let Some(text) = self.pick(*n) {
                    self.fleet.wait(secs(1));
                    self.fleet.observe_only(&[common::name(&text)].into());
                    let planned = self.fleet.plan();
                    self.fleet.apply(&planned);
                }
            }
            Event::Leave(n)
            | Event::Restart(n)
            | Event::NewIdentity(n)
            | Event::Recreate(n)
            | Event::Move(n)
            | Event::Break(n)
            | Event::HalfBreak(n, _)
            | Event::Silent(n)
            | Event::Filter(n)
            | Event::Foreign(n, _)
            | Event::WrongNode(n)
            | Event::Duplicate(n, _)
            | Event::Unready(n)
            | Event::Conflict(n)
            | Event::DropRecord(n) => {
                if let Some(text) = self.pick(*n) {
                    self.befall(event, &text, fresh);
                }
            }
        }
    }

    fn befall(&mut self, event: &Event, text: &str, fresh: PeerId) {
        let fleet = &mut self.fleet;
        match event {
            Event::Leave(_) => drop(fleet.leave(text)),
            Event::Restart(_) => fleet.restart(text),
            Event::NewIdentity(_) => {
                fleet.restart(text);
                fleet.node(text).peer_id = fresh;
                self.joined += 1;
            }
            Event::Recreate(_) => {
                let node = fleet.leave(text);
                self.join(text);
                self.fleet.node(text).peer_id = node.peer_id;
            }
            Event::Move(_) => {
                let ip = std::net::Ipv4Addr::new(10, 1, 0, (self.joined % 250) as u8 + 1);
                fleet.break_all(text);
                fleet.node(text).ip = ip.into();
                fleet
                    .member(text)
                    .networks
                    .insert(Network::Pod, vec![ip.into()]);
                self.joined += 1;
            }
            Event::Break(_) => fleet.break_all(text),
            Event::HalfBreak(_, other) => {
                if let Some(other) = self.pick(*other) {
                    self.fleet.half_break(text, &other);
                }
            }
            Event::Silent(_) => {
                fleet.node(text).failure = Some(Failure::new(FailureKind::TimedOut, "silent"));
            }
            Event::Filter(_) => fleet
                .node(text)
                .filters
                .push("/ip4/10.0.0.0/ipcidr/8".into()),
            Event::Foreign(_, other) => {
                let Some(other) = self.pick(*other).filter(|other| other != text) else {
                    return;
                };
                let peer = self.fleet.peer(&other);
                let node = self.fleet.node(text);
                node.peering.retain(|entry| entry.peer != peer);
                node.has_entry(peer, &["/dns4/foreign/tcp/4001"]);
            }
            Event::WrongNode(_) => {
                fleet.break_all(text);
                fleet.node(text).peering.clear();
                fleet.node(text).peer_id = fresh;
                self.joined += 1;
            }
            Event::Duplicate(_, other) => {
                if let Some(other) = self.pick(*other) {
                    let peer = self.fleet.peer(&other);
                    self.fleet.restart(text);
                    self.fleet.node(text).peer_id = peer;
                }
            }
            Event::Unready(_) => fleet.member(text).ready = false,
            Event::Conflict(_) => {
                fleet.member(text).contact = Contact::AddressConflict { with: "x".into() };
            }
            Event::DropRecord(_) => {
                drop(fleet.records.remove(text));
                self.dropped = true;
            }
            _ => {}
        }
    }

    /// Everything heals but what only its owner can: filters go, wrong nodes get a new start.
    fn recover(&mut self) {
        let fleet = &mut self.fleet;
        fleet.membership.doubt = None;
        fleet.policy.mode = Mode::Enforce;
        for member in fleet.membership.members.values_mut() {
            member.ready = true;
            member.contact = Contact::Allowed;
        }
        let mut seen = std::collections::BTreeSet::new();
        for text in fleet.nodes.keys().cloned().collect::<Vec<_>>() {
            let node = fleet.node(text.as_str());
            node.failure = None;
            node.filters.clear();
            let recorded = fleet
                .records
                .get(text.as_str())
                .and_then(|record| record.peer_id);
            let peer = fleet.peer(text.as_str());
            let twice = !seen.insert(peer);
            if twice {
                self.joined += 1;
                let fresh = kubomesh_model::peer_id(5_000 + u64::from(self.joined));
                fleet.node(text.as_str()).peer_id = fresh;
            }
            if twice || recorded.is_some_and(|recorded| recorded != peer) {
                fleet.restart(text.as_str());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(150) })]

    #[test]
    fn every_story_ends_meshed_clean_and_quiet(
        count in 2..7_usize,
        overlay in any::<bool>(),
        repair in any::<bool>(),
        events in prop::collection::vec(event(), 1..25),
    ) {
        let mut fleet = Fleet::of(count);
        if overlay {
            fleet.policy.topology = TopologyPolicy { full_mesh_up_to: 4, degree: Degree::Fixed(8) };
        }
        if repair {
            fleet.policy.filters = FilterPolicy::Repair;
        }
        let mut story = Story { fleet, joined: 100, dropped: false };
        for event in &events {
            story.happen(event);
            let _ = story.fleet.pass();
        }
        story.recover();
        let dropped = story.dropped;
        let fleet = &mut story.fleet;
        for _ in 0..8 {
            let _ = fleet.settle();
            fleet.wait(secs(130));
        }
        // What only unreachable nodes might hold is forgotten after a day; here all can be read. So is
        // whom filters were taken from, if nobody of the name comes back.
        let owed = fleet.records.values().any(|record| record.peer_id.is_none() && !record.removed_filters.is_empty());
        if owed {
            let _ = fleet.pass_after(secs(24 * 3_600));
            let _ = fleet.settle();
        }
        if !fleet.nodes.is_empty() {
            fleet.ends_well();
        }
        let live: std::collections::BTreeSet<PeerId> = fleet.nodes.values().map(|node| node.peer_id).collect();
        let known = fleet.records.values().all(|record| record.retired.is_empty());
        prop_assert!(known, "{:?}", fleet.records);
        prop_assert_eq!(fleet.records.len(), fleet.nodes.len());
        for (name, node) in &fleet.nodes {
            for entry in &node.peering {
                let foreign = entry.addresses.len() == 1 && entry.addresses[0].as_str().starts_with("/dns4/foreign");
                prop_assert!(dropped || foreign || live.contains(&entry.peer), "{name} still has {}", entry.peer);
            }
        }
    }
}
