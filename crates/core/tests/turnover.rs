//! What differs between two memberships, and between two sets of records.

use std::collections::BTreeMap;

use kubomesh_core::{
    Access, Contact, ContainerStart, Endpoint, Member, Membership, MeshId, Record, Role, Source,
    StorageState, Timestamp,
};

fn member(name: &str) -> Member {
    Member {
        name: name.into(),
        uid: name.into(),
        role: Role::Kubo,
        source: Source::Pod,
        access: access(1),
        networks: BTreeMap::new(),
        storage: StorageState::default(),
        host_ip: None,
        host_network: false,
        swarm_port: None,
        swarm: None,
        zone: "".into(),
        container: Some(ContainerStart::default()),
        ready: false,
        created: Timestamp(0),
        stated_peer_id: None,
        contact: Contact::Allowed,
    }
}

fn access(host: u8) -> Access {
    Access::Direct {
        endpoint: Endpoint::http([127, 0, 0, host].into(), 5001),
        auth: None,
        ca_file: None,
    }
}

fn membership(members: &[Member]) -> Membership {
    let mesh = MeshId {
        namespace: "ipfs".into(),
        name: "fleet".into(),
        uid: "mesh".into(),
    };
    let named = members.iter().map(|m| (m.name.clone(), m.clone()));
    Membership {
        members: named.collect(),
        ..Membership::empty(mesh)
    }
}

/// Who counts as changed, and who as renewed, when member `a` becomes this.
fn became(after: &Member) -> (usize, usize) {
    let before = membership(&[member("a"), member("b")]);
    let turnover = membership(&[after.clone(), member("b")]).turnover(&before);
    (turnover.changed.len(), turnover.renewed.len())
}

#[test]
fn who_came_became_ready_or_started_anew_is_renewed() {
    let a = member("a");
    let ready = Member {
        ready: true,
        ..a.clone()
    };
    let another = Member {
        uid: "another".into(),
        ..a.clone()
    };
    let started = Member {
        container: Some(ContainerStart {
            restarts: 1,
            id: "".into(),
        }),
        ..a.clone()
    };
    let moved = Member {
        access: access(2),
        ..a.clone()
    };
    for renewed in [&ready, &another, &started, &moved, &member("c")] {
        assert_eq!(became(renewed), (1, 1), "{renewed:?}");
    }
    assert_eq!(became(&a), (0, 0));
}

#[test]
fn who_changed_otherwise_is_only_changed() {
    let zoned = Member {
        zone: "z".into(),
        ..member("a")
    };
    assert_eq!(became(&zoned), (1, 0));
    let ready = Member {
        ready: true,
        ..member("a")
    };
    let turnover = membership(&[member("a")]).turnover(&membership(&[ready]));
    assert_eq!((turnover.changed.len(), turnover.renewed.len()), (1, 0));
    let gone = membership(&[]).turnover(&membership(&[member("a")]));
    assert!(gone.changed.is_empty());
}

#[test]
fn records_that_came_went_or_changed_are_rewritten() {
    let record = |name: &str, uid: &str| Record::new("fleet", name.into(), Role::Kubo, uid.into());
    let all = |records: &[Record]| -> BTreeMap<_, _> {
        records.iter().map(|r| (r.name(), r.clone())).collect()
    };
    let before = all(&[record("a", "1"), record("b", "1"), record("c", "1")]);
    let after = all(&[record("a", "1"), record("b", "2"), record("d", "1")]);
    let rewritten = Record::rewritten(&before, &after);
    let names: Vec<_> = rewritten.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["b", "c", "d"]);
    assert!(Record::rewritten(&after, &after).is_empty());
}
