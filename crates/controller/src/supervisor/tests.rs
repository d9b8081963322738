//! When records may be written.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kubomesh_core::Fence;
use kubomesh_process::CancellationToken;

use super::UntilStop;

struct Lease(AtomicBool);

impl Fence for Lease {
    fn may_write(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[test]
fn records_are_written_under_the_lease_and_until_the_stop() {
    let process = CancellationToken::new();
    let lease = Arc::new(Lease(AtomicBool::new(true)));
    let until_stop = UntilStop {
        fence: Arc::clone(&lease) as Arc<dyn Fence>,
        stop: process.child_token(),
    };
    assert!(until_stop.may_write());
    lease.0.store(false, Ordering::Relaxed);
    assert!(!until_stop.may_write(), "the lease is lost");
    lease.0.store(true, Ordering::Relaxed);
    assert!(until_stop.may_write());
    process.cancel();
    assert!(!until_stop.may_write(), "it stops");
}
