//! Series of a mesh come and go with it.

use crate::{Catalog, Label};

const STATE: Label<&str> = Label::of_texts("state", &["healthy", "missing"]);

fn links(catalog: &Catalog) -> Vec<String> {
    let text = catalog.render().unwrap();
    text.lines()
        .filter(|line| line.starts_with("kubomesh_links{"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn they_are_made_and_removed_together() {
    let catalog = Catalog::new().unwrap();
    let gauges = catalog
        .mesh_gauges("kubomesh_links", "A test.", STATE)
        .unwrap();
    let meshes = catalog.meshes();
    assert_eq!(links(&catalog), [""; 0]);

    meshes.add("ipfs", "main");
    meshes.add("ipfs", "main");
    meshes.add("ipfs", "other");
    gauges.get("ipfs", "main", "healthy").set_count(66);
    assert_eq!(
        links(&catalog),
        [
            r#"kubomesh_links{mesh="main",namespace="ipfs",state="healthy"} 66"#,
            r#"kubomesh_links{mesh="main",namespace="ipfs",state="missing"} 0"#,
            r#"kubomesh_links{mesh="other",namespace="ipfs",state="healthy"} 0"#,
            r#"kubomesh_links{mesh="other",namespace="ipfs",state="missing"} 0"#,
        ]
    );

    meshes.remove("ipfs", "main");
    meshes.remove("ipfs", "main");
    meshes.remove("ipfs", "never");
    assert_eq!(links(&catalog).len(), 2);
    assert!(links(&catalog).iter().all(|line| line.contains("other")));
}

#[test]
fn a_late_result_does_not_bring_a_removed_mesh_back() {
    let catalog = Catalog::new().unwrap();
    let gauges = catalog
        .mesh_gauges("kubomesh_links", "A test.", STATE)
        .unwrap();
    let meshes = catalog.meshes();
    meshes.add("ipfs", "main");
    let late = gauges.get("ipfs", "main", "healthy");
    meshes.remove("ipfs", "main");
    late.set_count(1);
    gauges.get("ipfs", "main", "missing").set_count(1);
    assert_eq!(links(&catalog), [""; 0]);

    meshes.add("ipfs", "main");
    assert_eq!(links(&catalog).len(), 2);
    assert!(
        links(&catalog).iter().all(|line| line.ends_with(" 0")),
        "it starts anew"
    );
}

#[test]
fn a_family_that_comes_later_has_the_meshes_that_are_there() {
    let catalog = Catalog::new().unwrap();
    catalog.meshes().add("ipfs", "main");
    let counters = catalog
        .mesh_counters("kubomesh_held_total", "A test.", ())
        .unwrap();
    counters.get("ipfs", "main", ()).inc();
    let text = catalog.render().unwrap();
    assert!(text.contains(r#"kubomesh_held_total{mesh="main",namespace="ipfs"} 1"#));
}

#[test]
fn two_namespaces_may_have_meshes_of_one_name() {
    let catalog = Catalog::new().unwrap();
    let histograms = catalog
        .mesh_histograms("kubomesh_wait_seconds", "A test.", &[1.0], ())
        .unwrap();
    catalog.meshes().add("a", "main");
    catalog.meshes().add("b", "main");
    histograms.get("a", "main", ()).observe(0.5);
    assert_eq!(histograms.get("a", "main", ()).count(), 1);
    assert_eq!(histograms.get("b", "main", ()).count(), 0);
    catalog.meshes().remove("a", "main");
    let text = catalog.render().unwrap();
    assert!(text.contains(r#"kubomesh_wait_seconds_count{mesh="main",namespace="b"} 0"#));
    assert!(!text.contains(r#"namespace="a""#));
}
