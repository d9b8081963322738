//! What a pass shows of its mesh's policy.

use kubomesh_core::{MeshId, Mode, Policy};
use kubomesh_telemetry::Catalog;

use super::Metrics;

#[test]
fn the_mode_of_a_mesh_is_the_one_that_is_1() {
    let catalog = Catalog::new().expect("a catalogue");
    let metrics = Metrics::register(&catalog).expect("no name twice");
    let mesh = MeshId {
        namespace: "ipfs".into(),
        name: "kubo".into(),
        uid: "1".into(),
    };
    catalog.meshes().add(&mesh.namespace, &mesh.name);
    for mode in [Mode::Observe, Mode::Release] {
        let policy = Policy {
            mode,
            ..Policy::default()
        };
        metrics.mesh_loop.of_policy(&mesh, &policy);
    }
    let text = catalog.render().expect("text");
    let modes: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("kubomesh_mesh_mode{"))
        .collect();
    insta::assert_snapshot!(modes.join("\n"), @r#"
    kubomesh_mesh_mode{mesh="kubo",mode="Enforce",namespace="ipfs"} 0
    kubomesh_mesh_mode{mesh="kubo",mode="Observe",namespace="ipfs"} 0
    kubomesh_mesh_mode{mesh="kubo",mode="Release",namespace="ipfs"} 1
    "#);
}
