//! The page of metrics.

use crate::{Catalog, Label};

const STATE: Label<&str> = Label::of_texts("state", &["healthy", "missing"]);

#[test]
fn it_lists_every_metric_with_all_values_of_its_labels() {
    let catalog = Catalog::new().unwrap();
    catalog
        .mesh_gauges("kubomesh_links", "Desired links | by state.", STATE)
        .unwrap();
    catalog
        .counter("kubomesh_sent_bytes_total", "Bytes sent.")
        .unwrap();
    catalog
        .histogram("kubomesh_pass_seconds", "Time of a pass.", &[1.0])
        .unwrap();
    insta::assert_snapshot!(catalog.page());
}

#[test]
fn it_does_not_depend_on_the_meshes_that_are_there() {
    let catalog = Catalog::new().unwrap();
    catalog
        .mesh_gauges("kubomesh_links", "Desired links.", STATE)
        .unwrap();
    let before = catalog.page();
    catalog.meshes().add("ipfs", "main");
    assert_eq!(catalog.page(), before);
}

#[test]
fn every_name_of_the_page_is_in_the_text_and_the_other_way_round() {
    let catalog = Catalog::new().unwrap();
    catalog
        .gauges("kubomesh_links", "Desired links.", STATE)
        .unwrap();
    let text = catalog.render().unwrap();
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let mut of_text: Vec<String> = types
        .map(|line| {
            let (name, kind) = line.split_once(' ').unwrap();
            format!("| `{name}` | {kind} |")
        })
        .collect();
    of_text.sort();
    let page = catalog.page();
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let of_page: Vec<String> = rows
        .map(|row| {
            let cells: Vec<&str> = row.splitn(4, " | ").collect();
            format!("{} | {} |", cells[0], cells[1])
        })
        .collect();
    assert_eq!(of_page, of_text);
}
