//! Which transitions of members are worth a line, and how many lines that can be.

use std::collections::BTreeMap;
use std::time::Duration;

use kubomesh_core::{
    Condition, ConditionKind, Link, LinkCounts, LinkReport, LinkState, MemberName, MemberReport,
    MemberState, MeshId, NetworkReport, Reason, ReasonCode, Report, Role, Status, Timestamp,
};

use super::{Line, MOST, MemberLog};

/// A log and a clock.
struct Told {
    log: MemberLog,
    now: Timestamp,
}

fn report(at: Timestamp, conditions: &[(&str, Condition)]) -> Report {
    let mut members = BTreeMap::<MemberName, MemberReport>::new();
    for (name, condition) in conditions {
        let member = members
            .entry(MemberName::from(*name))
            .or_insert_with(|| MemberReport {
                path: None,
                role: Role::Kubo,
                state: MemberState::Reachable,
                peer_id: None,
                agent_version: String::new(),
                steering: None,
                capacity: None,
                links: LinkCounts::default(),
                conditions: Vec::new(),
            });
        member.conditions.push(condition.clone());
    }
    Report {
        mesh: MeshId::file(),
        at,
        members,
        waiting: BTreeMap::new(),
        links: Vec::new(),
        counts: LinkCounts::default(),
        surplus: Vec::new(),
        removals_held: 0,
        doubt: None,
        conditions: Vec::new(),
        retired_expired: Vec::new(),
        network: NetworkReport::default(),
        filters_lost: Vec::new(),
        next_due: None,
    }
}

fn reachable(status: Status, reason: ReasonCode) -> Condition {
    Condition::new(ConditionKind::Reachable, status, reason, "why; what to do")
}

fn linked(status: Status, reason: ReasonCode) -> Condition {
    Condition::new(ConditionKind::Linked, status, reason, "1 of 2")
}

impl Told {
    fn new() -> Self {
        Self {
            log: MemberLog::default(),
            now: Timestamp(1_000_000),
        }
    }

    fn after(&mut self, seconds: u64, conditions: &[(&str, Condition)]) -> Vec<Line> {
        self.now = self.now + Duration::from_secs(seconds);
        self.log.take(&report(self.now, conditions))
    }
}

const GOOD: (Status, ReasonCode) = (Status::True, ReasonCode::AsWanted);

#[test]
fn a_trouble_is_said_once_with_its_sentence_and_so_is_its_end() {
    let mut told = Told::new();
    let silent = [("a", reachable(Status::Unknown, ReasonCode::NotAsked))];
    assert_eq!(told.after(0, &silent), []);
    let refused = [("a", reachable(Status::False, ReasonCode::NotKubo))];
    let [line] = &told.after(0, &refused)[..] else {
        unreachable!("one line");
    };
    assert_eq!(line.member, MemberName::from("a"));
    assert_eq!(line.trouble.as_deref(), Some("why; what to do"));
    assert_eq!(told.after(60, &refused), []);
    assert_eq!(told.after(60, &silent), [], "tells nothing");
    let other = [("a", reachable(Status::False, ReasonCode::WrongIdentity))];
    assert_eq!(told.after(60, &other).len(), 1, "another reason");
    let good = [("a", reachable(GOOD.0, GOOD.1))];
    assert_eq!(told.after(60, &good)[0].trouble, None);
    assert_eq!(told.after(60, &good), []);
}

#[test]
fn who_was_never_in_trouble_is_never_spoken_of() {
    let mut told = Told::new();
    let good = [
        ("a", reachable(GOOD.0, GOOD.1)),
        ("a", linked(GOOD.0, GOOD.1)),
    ];
    assert_eq!(told.after(60, &good), []);
}

#[test]
fn who_waits_for_a_record_is_spoken_of() {
    let mut told = Told::new();
    let held = [("a", reachable(Status::Unknown, ReasonCode::RecordNotStored))];
    assert_eq!(told.after(0, &held).len(), 1);
}

#[test]
fn who_is_no_member_for_its_record_is_spoken_of_once() {
    let mut log = MemberLog::default();
    let unreadable = reachable(Status::Unknown, ReasonCode::RecordUnreadable);
    let mut found = report(Timestamp(1_000_000), &[("a", unreadable)]);
    found.waiting = std::mem::take(&mut found.members);
    assert_eq!(log.take(&found).len(), 1);
    found.at = found.at + Duration::from_secs(60);
    assert_eq!(log.take(&found), []);
}

#[test]
fn a_member_that_flaps_has_a_line_in_five_seconds_and_the_last_word_is_said() {
    let mut told = Told::new();
    let refused = [("a", reachable(Status::False, ReasonCode::Unreachable))];
    let good = [("a", reachable(GOOD.0, GOOD.1))];
    assert_eq!(told.after(0, &refused).len(), 1);
    for _ in 0..2 {
        assert_eq!(told.after(1, &good), []);
        assert_eq!(told.after(1, &refused), []);
    }
    assert_eq!(told.after(1, &good).len(), 1);
}

/// A report of `a`, whose link to `b` is missing.
fn unlinked(at: Timestamp, b: MemberState) -> Report {
    let mut found = report(
        at,
        &[
            ("a", linked(Status::False, ReasonCode::LinkMissing)),
            ("b", linked(GOOD.0, GOOD.1)),
        ],
    );
    found.members.get_mut(&MemberName::from("b")).unwrap().state = b;
    found.links.push(LinkReport {
        link: Link::new(&"a".into(), &"b".into()).unwrap(),
        state: LinkState::Missing,
        reason: Some(Reason::Away { member: "b".into() }),
        held: None,
        rewritten: false,
        off_network: None,
    });
    found
}

#[test]
fn links_are_spoken_of_when_they_stay_away_and_the_first_says_why() {
    let mut log = MemberLog::default();
    let at = |seconds| Timestamp(1_000_000) + Duration::from_secs(seconds);
    for seconds in [0, 4] {
        assert_eq!(log.take(&unlinked(at(seconds), MemberState::Reachable)), []);
    }
    let lines = log.take(&unlinked(at(5), MemberState::Reachable));
    let said = lines[0].trouble.as_deref().unwrap();
    assert!(said.starts_with("1 of 2; a – b: "), "{said}");
}

#[test]
fn links_to_one_that_cannot_be_reached_are_not_the_others_trouble() {
    let mut log = MemberLog::default();
    for seconds in [0, 10, 20] {
        let at = Timestamp(1_000_000) + Duration::from_secs(seconds);
        assert_eq!(log.take(&unlinked(at, MemberState::Unreachable)), []);
    }
}

#[test]
fn many_are_said_in_turn_and_none_is_lost() {
    let mut told = Told::new();
    let names: Vec<String> = (0..50).map(|at| format!("n{at:02}")).collect();
    let all: Vec<_> = names
        .iter()
        .map(|name| {
            let condition = reachable(Status::False, ReasonCode::Unreachable);
            (name.as_str(), condition)
        })
        .collect();
    let most = usize::try_from(MOST).unwrap();
    let mut said: Vec<Line> = Vec::new();
    for _ in 0..3 {
        let lines = told.after(1, &all);
        assert!(lines.len() <= most, "{}", lines.len());
        said.extend(lines);
        assert_eq!(told.after(0, &all), [], "no more in this second");
    }
    assert_eq!(said.len(), 50);
}
