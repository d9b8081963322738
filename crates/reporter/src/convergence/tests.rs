//! What is said of a convergence.

use kubomesh_core::LinkCounts;

use super::converged;

#[test]
fn links_that_are_not_waited_for_are_not_called_healthy() {
    let mut counts = LinkCounts {
        desired: 6,
        healthy: 6,
        ..LinkCounts::default()
    };
    assert_eq!(converged(counts), "every desired link is healthy");
    (counts.healthy, counts.missing) = (3, 3);
    assert_eq!(
        converged(counts),
        "every desired link between members that can be reached is healthy; of the others 0 \
         degraded, 3 missing, 0 unknown"
    );
}
