//! When a mesh that records name counts as gone.

use std::sync::Arc;
use std::time::Duration;

use kubomesh_core::{Membership, MeshId, Policy, Timestamp};
use kubomesh_discovery::{Fleet, MeshView};

use super::{Missing, key};

const HOLD: Duration = Duration::from_secs(300);
const NAMED: [(&str, &str); 2] = [("apps", "kubo"), ("apps", "other")];

fn fleet(names: &[&str]) -> Fleet {
    let view = |name: &&str| {
        let id = MeshId {
            namespace: "apps".into(),
            name: (*name).into(),
            uid: "uid".into(),
        };
        let view = MeshView {
            id: id.clone(),
            generation: 1,
            policy: Ok(Arc::new(Policy::default())),
            membership: Arc::new(Membership::empty(id.clone())),
        };
        (id, view)
    };
    Fleet {
        synced: true,
        meshes: names.iter().map(view).collect(),
        ..Fleet::default()
    }
}

/// Who is gone, at a second.
fn gone(missing: &mut Missing, fleet: &Fleet, second: u64) -> Vec<String> {
    let gone = missing.look(fleet, NAMED.into_iter(), Timestamp(second * 1_000));
    gone.iter().map(ToString::to_string).collect()
}

#[test]
fn a_mesh_whose_deletion_was_seen_is_gone_at_once() {
    let mut missing = Missing::new(HOLD);
    let mut fleet = fleet(&["other"]);
    fleet.deleted.insert(key("apps", "kubo"));
    assert_eq!(gone(&mut missing, &fleet, 0), ["apps/kubo"]);
}

#[test]
fn one_that_no_list_shows_is_gone_when_it_was_missing_all_the_time() {
    let mut missing = Missing::new(HOLD);
    let (none, all) = (fleet(&[]), fleet(&["kubo", "other"]));
    assert!(gone(&mut missing, &none, 0).is_empty());
    assert!(gone(&mut missing, &none, 299).is_empty());
    // A list that shows them ends it, and it begins anew.
    assert!(gone(&mut missing, &all, 299).is_empty());
    let some = fleet(&["other"]);
    assert!(gone(&mut missing, &some, 310).is_empty());
    assert!(gone(&mut missing, &some, 609).is_empty());
    assert_eq!(gone(&mut missing, &some, 610), ["apps/kubo"]);
}
