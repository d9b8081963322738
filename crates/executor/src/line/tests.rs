//! What is told of a node's answers.

use std::sync::Arc;

use kubomesh_core::MeshId;
use kubomesh_process::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Lines;
use crate::metrics::Verb;
use crate::wake::Wake;

#[test]
fn what_is_left_out_is_told_once_until_it_changes() {
    let lines = Lines::new(
        MeshId::file(),
        TaskTracker::new(),
        Arc::new(Wake::default()),
        CancellationToken::new(),
    );
    let line = lines.line(&"n1".into(), &"uid".into(), 8);
    let told = |verb, warning: Option<&str>| line.left_out(verb, warning.map(str::to_owned));
    let odd = Some("1 left out, the first is `x`");
    assert_eq!(told(Verb::Peers, odd).as_deref(), odd);
    assert_eq!(told(Verb::Peers, odd), None, "it is the same");
    assert_eq!(told(Verb::Listen, odd).as_deref(), odd, "another answer");
    assert!(
        told(Verb::Peers, Some("2 left out")).is_some(),
        "it changed"
    );
    assert_eq!(told(Verb::Peers, None), None, "it is well");
    assert!(told(Verb::Peers, odd).is_some(), "it is back");
}
