//! The end of a runtime waits for nobody.

use std::sync::mpsc;
use std::time::Duration;

#[test]
fn a_thread_that_hangs_does_not_hold_the_end_up() {
    let (release, held) = mpsc::channel::<()>();
    let (ended, end) = mpsc::channel();
    let running = std::thread::spawn(move || {
        let hangs = async move {
            let (begun, began) = tokio::sync::oneshot::channel();
            drop(tokio::task::spawn_blocking(move || {
                begun.send(()).unwrap();
                held.recv()
            }));
            began.await.unwrap();
        };
        crate::block_on(hangs).unwrap();
        ended.send(()).unwrap();
    });
    let waited = end.recv_timeout(Duration::from_secs(20));
    drop(release);
    running.join().unwrap();
    assert_eq!(waited, Ok(()));
}
