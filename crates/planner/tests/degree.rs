//! The plan check knows the degree of the mesh and the capacity of each member: a plan with more
//! links is refused, whoever made it so.

mod common;

use common::Fleet;
use kubomesh_core::{Capacity, Degree};
use kubomesh_planner::{PlanInput, Rule, check, plan};

fn rings(members: usize, degree: u32) -> Fleet {
    let mut fleet = Fleet::many(members, 1);
    fleet.policy.topology.full_mesh_up_to = 0;
    fleet.policy.topology.degree = Degree::Fixed(degree);
    let _ = fleet.settle();
    fleet
}

/// Who is refused of a plan that was made under another degree, or for other capacities.
fn refused(fleet: &Fleet, degree: u32, capacity: Option<Capacity>) -> Vec<String> {
    let input = fleet.input();
    let mut policy = fleet.policy.clone();
    policy.topology.degree = Degree::Fixed(degree);
    let mut records = fleet.records.clone();
    for record in records.values_mut() {
        record.capacity = capacity.or(record.capacity);
    }
    let planned = plan(&PlanInput {
        policy: &policy,
        records: &records,
        ..input
    });
    let found = check(&input, &planned);
    let sound = found.iter().filter(|one| one.rule == Rule::SoundTopology);
    sound
        .filter_map(|one| Some(one.member.as_ref()?.to_string()))
        .collect()
}

#[test]
fn more_links_than_the_degree_and_four_are_refused() {
    let fleet = rings(30, 8);
    assert!(refused(&fleet, 8, None).is_empty());
    assert!(refused(&fleet, 12, None).is_empty());
    assert_eq!(refused(&fleet, 48, None).len(), 30);
    let few = rings(12, 8);
    assert!(refused(&few, 48, None).is_empty(), "eleven are within it");
}

#[test]
fn more_links_than_a_members_capacity_are_refused() {
    let mut fleet = rings(30, 12);
    fleet.records.get_mut("m0007").unwrap().capacity = Some(Capacity::Links(8));
    assert!(refused(&fleet, 12, None).is_empty());
    let all = Some(Capacity::Unlimited);
    assert_eq!(refused(&fleet, 12, all), ["m0007"]);
}

#[test]
fn a_full_mesh_is_bound_by_neither() {
    let mut fleet = Fleet::many(20, 1);
    let _ = fleet.settle();
    for record in fleet.records.values_mut() {
        record.capacity = Some(Capacity::Links(8));
    }
    assert!(refused(&fleet, 8, None).is_empty());
}
