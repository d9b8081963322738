//! A fleet of the simplest possible nodes, held in the hand of a test: what they list is set line by
//! line, and a plan's calls do to them what they would do to Kubo when nothing else happens.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests"
)]

mod apply;
mod node;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use kubomesh_core::*;
use kubomesh_planner::{Memory, PlanInput, Planned, check, inquire, plan};

pub(crate) use node::Node;

pub(crate) struct Fleet {
    pub(crate) now: Timestamp,
    pub(crate) policy: Policy,
    pub(crate) timings: Timings,
    pub(crate) membership: Membership,
    pub(crate) nodes: BTreeMap<MemberName, Node>,
    pub(crate) records: BTreeMap<String, Record>,
    pub(crate) observations: BTreeMap<MemberName, Arc<Observation>>,
    pub(crate) memory: Memory,
    pub(crate) busy: Busy,
    pub(crate) outcomes: Vec<Outcome>,
    /// Whether the storage network carries nothing.
    pub(crate) storage_down: bool,
    next: u64,
    next_connection: u64,
}

pub(crate) fn name(text: &str) -> MemberName {
    MemberName::from(text)
}

pub(crate) fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

// === impl Fleet ===

impl Fleet {
    /// A mesh without members at an even time.
    pub(crate) fn empty() -> Self {
        let mesh = MeshId {
            namespace: "fleet".into(),
            name: "mesh".into(),
            uid: "salt".into(),
        };
        Self {
            now: Timestamp(1_800_000_000_000),
            policy: Policy::default(),
            timings: Timings::default(),
            membership: Membership::empty(mesh),
            nodes: BTreeMap::new(),
            records: BTreeMap::new(),
            observations: BTreeMap::new(),
            memory: Memory::default(),
            busy: Busy::default(),
            outcomes: Vec::new(),
            storage_down: false,
            next: 0,
            next_connection: 0,
        }
    }

    /// Members `a`, `b`, `c`, … of one zone, in the order of their letters.
    pub(crate) fn of(count: usize) -> Self {
        let mut fleet = Self::empty();
        for letter in ('a'..='z').take(count) {
            fleet.join(&letter.to_string());
        }
        fleet
    }

    /// The same, meshed and quiet.
    pub(crate) fn meshed(count: usize) -> Self {
        let mut fleet = Self::of(count);
        let _ = fleet.settle();
        fleet
    }

    /// Members that are on a storage network too, which the policy asks for.
    pub(crate) fn dual(count: usize) -> Self {
        let mut fleet = Self::of(count);
        fleet.policy.network.attachment = Some("fleet/storage".parse().unwrap());
        for letter in ('a'..='z').take(count) {
            fleet.attach(&letter.to_string());
        }
        fleet
    }

    /// Puts a member on the storage network: its last number there is that of its pod.
    pub(crate) fn attach(&mut self, text: &str) {
        let node = self.node(text);
        let ip = IpAddr::from([192, 168, 77, u8::try_from(node.number + 1).unwrap()]);
        node.storage = Some(ip);
        self.member(text)
            .networks
            .insert(Network::Storage, vec![ip]);
    }

    /// Many members, for overlays.
    pub(crate) fn many(count: usize, zones: usize) -> Self {
        let mut fleet = Self::empty();
        for at in 0..count {
            let member = format!("m{at:04}");
            fleet.join(&member);
            fleet.member(&member).zone = format!("z{}", at % zones).into();
        }
        fleet
    }

    /// A new pod with a node in it. Its number gives IP and identity.
    pub(crate) fn join(&mut self, text: &str) {
        let number = self.next;
        self.next += 1;
        self.insert(text, Node::new(number));
    }

    /// A new pod with a node that there was.
    pub(crate) fn insert(&mut self, text: &str, node: Node) {
        let member = node.member(text);
        self.nodes.insert(member.name.clone(), node);
        self.membership.members.insert(member.name.clone(), member);
    }

    /// The pod is gone, and its node with it; every connection to it closes.
    pub(crate) fn leave(&mut self, text: &str) -> Node {
        self.membership.members.remove(text);
        self.break_all(text);
        self.nodes.remove(text).unwrap()
    }

    pub(crate) fn member(&mut self, text: &str) -> &mut Member {
        self.membership.members.get_mut(text).unwrap()
    }

    pub(crate) fn node(&mut self, text: &str) -> &mut Node {
        self.nodes.get_mut(text).unwrap()
    }

    pub(crate) fn peer(&self, text: &str) -> PeerId {
        self.nodes[text].peer_id
    }

    /// The container is started anew: what was in memory is gone.
    pub(crate) fn restart(&mut self, text: &str) {
        self.break_all(text);
        let node = self.node(text);
        node.peering.clear();
        let member = self.member(text);
        let start = member.container.clone().unwrap();
        member.container = Some(ContainerStart {
            restarts: start.restarts + 1,
            id: format!("{}+", start.id).into(),
        });
    }

    pub(crate) fn wait(&mut self, span: Duration) {
        self.now = self.now + span;
    }

    pub(crate) fn input(&self) -> PlanInput<'_> {
        PlanInput {
            now: self.now,
            policy: &self.policy,
            timings: &self.timings,
            membership: &self.membership,
            observations: &self.observations,
            records: &self.records,
            memory: &self.memory,
            busy: &self.busy,
        }
    }

    /// Asks whom the planner wants asked.
    pub(crate) fn observe(&mut self) {
        let inquiries = inquire(&self.input(), None);
        self.ask(inquiries);
    }

    /// Asks whom the planner wants asked when only these were touched.
    pub(crate) fn observe_only(&mut self, touched: &BTreeSet<MemberName>) {
        let inquiries = inquire(&self.input(), Some(touched));
        self.ask(inquiries);
    }

    fn ask(&mut self, inquiries: BTreeMap<MemberName, Inquiry>) {
        self.observations
            .retain(|name, _| self.membership.members.contains_key(name));
        for (name, inquiry) in inquiries {
            let before = self.observations.get(&name);
            let before = before.filter(|one| one.uid == inquiry.uid);
            let observation = self.nodes[&name].answer(&inquiry, before, self.now);
            self.observations.insert(name, Arc::new(observation));
        }
    }

    /// Plans on what was last observed; the check must be content.
    pub(crate) fn plan(&self) -> Planned {
        let input = self.input();
        let planned = plan(&input);
        let again = plan(&input);
        assert_eq!(
            planned.plan, again.plan,
            "the same input gives the same plan"
        );
        assert_eq!(
            planned.report, again.report,
            "the same input gives the same report"
        );
        let violations = check(&input, &planned);
        assert!(violations.is_empty(), "{violations:?}\n{}", planned.plan);
        planned
    }

    /// Observes and plans now, without applying.
    pub(crate) fn plan_now(&mut self) -> Planned {
        self.observe();
        self.plan()
    }

    /// The container's start as the planner sees it changes; what the node lists stays.
    pub(crate) fn restart_memory(&mut self, text: &str) {
        let member = self.member(text);
        member.container = Some(ContainerStart {
            restarts: 1,
            id: "restarted".into(),
        });
    }

    /// One pass, ten seconds after the last.
    pub(crate) fn pass(&mut self) -> Planned {
        self.wait(secs(10));
        self.observe();
        let planned = self.plan();
        self.apply(&planned);
        planned
    }

    /// The next pass as prose: its plan, then its report.
    pub(crate) fn told(&mut self) -> String {
        let planned = self.pass();
        self.with_names(&format!("{}--\n{}", planned.plan, planned.report))
    }

    /// Passes until two in a row do nothing.
    pub(crate) fn settle(&mut self) -> Planned {
        for _ in 0..200 {
            let planned = self.pass();
            if planned.plan.is_empty() && self.pass().plan.is_empty() {
                return planned;
            }
        }
        panic!("not quiet after 200 passes:\n{}", self.told());
    }

    /// Ends a scenario: quiet, and every desired link healthy, once all waits are over.
    pub(crate) fn ends_well(&mut self) {
        let mut planned = self.settle();
        for _ in 0..20 {
            let LinkCounts {
                desired, healthy, ..
            } = planned.report.counts;
            match planned.report.next_due {
                Some(due) if healthy != desired => self.wait(due),
                _ => break,
            }
            planned = self.settle();
        }
        let LinkCounts {
            desired, healthy, ..
        } = planned.report.counts;
        assert_eq!(healthy, desired, "{}", planned.report);
        let ready = planned.report.conditions.last().unwrap();
        assert_eq!(ready.status, Status::True, "{ready:?}");
    }

    /// The same, when a wait has to be over first.
    pub(crate) fn ends_well_after(&mut self, span: Duration) {
        let _ = self.settle();
        self.wait(span);
        self.ends_well();
    }

    /// A pass that much later than the last.
    pub(crate) fn pass_after(&mut self, span: Duration) -> Planned {
        self.wait(span);
        self.observe();
        let planned = self.plan();
        self.apply(&planned);
        planned
    }

    /// Ends a scenario in which links stay unhealthy for a reason: quiet.
    pub(crate) fn ends_quiet(&mut self) -> String {
        let planned = self.settle();
        self.with_names(&planned.report.to_string())
    }

    /// A text with peer IDs replaced by the names of their nodes, in capitals.
    pub(crate) fn with_names(&self, text: &str) -> String {
        let mut text = text.to_string();
        for (name, node) in &self.nodes {
            text = text.replace(&node.peer_id.to_string(), &name.as_str().to_uppercase());
        }
        for number in 0..self.next + 100 {
            text = text.replace(
                &kubomesh_model::peer_id(number).to_string(),
                &format!("P{number}"),
            );
        }
        text
    }

    pub(crate) fn condition(&self, planned: &Planned, kind: ConditionKind) -> String {
        let found = planned
            .report
            .conditions
            .iter()
            .find(|condition| condition.kind == kind);
        let Condition {
            kind,
            status,
            reason,
            message,
        } = found.unwrap();
        self.with_names(format!("{kind}={status} {reason}: {message}").trim_end())
    }

    pub(crate) fn member_condition(
        &self,
        planned: &Planned,
        member: &str,
        kind: ConditionKind,
    ) -> String {
        let conditions = &planned.report.members[member].conditions;
        let found = conditions
            .iter()
            .find(|condition| condition.kind == kind)
            .unwrap();
        let Condition {
            kind,
            status,
            reason,
            message,
        } = found;
        self.with_names(format!("{kind}={status} {reason}: {message}").trim_end())
    }
}
