//! The two stages of a stop, and tasks that fall.

use std::future::{pending, ready};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::{Ending, Process};

const LONG: Duration = Duration::from_secs(3600);

/// Fails with a cause.
#[derive(Debug)]
struct Broken(io::Error);

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the watch broke")
    }
}

impl std::error::Error for Broken {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

fn fell(task: &str, why: &str) -> Ending {
    Ending::Fell {
        task: task.into(),
        why: why.into(),
    }
}

#[tokio::test]
async fn work_ends_before_services_are_asked_to() {
    let process = Process::new(LONG).unwrap();
    let order = Arc::new(Mutex::new(Vec::new()));
    let (work, services) = (process.work(), process.services());
    for (tasks, name) in [(&services, "lease"), (&work, "loop"), (&work, "watch")] {
        let (stop, order) = (tasks.stop(), Arc::clone(&order));
        tasks.spawn(name, async move {
            stop.cancelled().await;
            tokio::task::yield_now().await;
            order.lock().unwrap().push(name);
        });
    }
    assert_eq!(process.run(ready(())).await, Ending::Stopped);
    let order = order.lock().unwrap().clone();
    assert_eq!(order.len(), 3);
    assert_eq!(order[2], "lease");
}

#[tokio::test]
async fn a_panic_ends_the_process_with_its_name_and_text() {
    let process = Process::new(LONG).unwrap();
    process.work().spawn("planner", async {
        if true {
            panic!("index {} out of range", 7);
        }
    });
    let ending = process.run(pending()).await;
    assert_eq!(ending, fell("planner", "it panicked: index 7 out of range"));
    let sentence = "the task `planner` failed: it panicked: index 7 out of range";
    assert_eq!(ending.to_string(), sentence);
}

#[tokio::test]
async fn a_task_that_ends_unasked_ends_the_process() {
    let process = Process::new(LONG).unwrap();
    process.services().spawn("lease", async {});
    let ending = process.run(pending()).await;
    assert_eq!(
        ending,
        fell("lease", "it ended although nothing asked it to")
    );
}

#[tokio::test]
async fn an_error_ends_the_process_with_all_its_causes() {
    let process = Process::new(LONG).unwrap();
    process.work().spawn("pods", async {
        Err::<(), _>(Broken(io::Error::other("no route")))
    });
    assert_eq!(
        process.run(pending()).await,
        fell("pods", "the watch broke: no route")
    );
}

#[test]
fn a_cause_that_was_said_is_not_said_again() {
    let inner = io::Error::other(Broken(io::Error::other("no route")));
    assert_eq!(crate::with_causes(&inner), "the watch broke: no route");
    #[derive(Debug, thiserror::Error)]
    #[error("dir: {0}")]
    struct Twice(#[source] io::Error);
    let twice = Twice(io::Error::other("File exists"));
    assert_eq!(crate::with_causes(&twice), "dir: File exists");
}

#[tokio::test]
async fn the_others_are_asked_to_end_when_one_falls() {
    let process = Process::new(LONG).unwrap();
    let (done_tx, mut done) = tokio::sync::oneshot::channel();
    let stop = process.work().stop();
    process.work().spawn("loop", async move {
        stop.cancelled().await;
        done_tx.send("in order").unwrap();
    });
    process.work().spawn("pods", async {});
    assert!(matches!(process.run(pending()).await, Ending::Fell { .. }));
    assert_eq!(done.try_recv(), Ok("in order"));
}

#[tokio::test]
async fn a_job_may_end_when_it_is_done_but_not_fail() {
    let process = Process::new(LONG).unwrap();
    let (done_tx, done) = tokio::sync::oneshot::channel();
    process
        .work()
        .spawn_job("read once", async move { done_tx.send(()).unwrap() });
    let ending = process.run(async move { done.await.unwrap() }).await;
    assert_eq!(ending, Ending::Stopped);

    let process = Process::new(LONG).unwrap();
    process.work().spawn_job("read once", async {
        Err::<(), _>(io::Error::other("gone"))
    });
    assert_eq!(process.run(pending()).await, fell("read once", "gone"));
}

#[tokio::test]
async fn what_a_task_says_while_it_stops_is_heard() {
    let process = Process::new(LONG).unwrap();
    let stop = process.work().stop();
    process.work().spawn("store", async move {
        stop.cancelled().await;
        Err::<(), _>(io::Error::other("disk full"))
    });
    assert_eq!(process.run(ready(())).await, fell("store", "disk full"));
}

#[tokio::test(start_paused = true)]
async fn after_the_deadline_what_is_left_is_dropped_and_named() {
    let process = Process::new(Duration::from_secs(20)).unwrap();
    let held = Arc::new(());
    let inner = Arc::clone(&held);
    process.services().spawn("lease", async move {
        let _inner = inner;
        pending::<()>().await;
    });
    process.work().spawn("loop", pending::<()>());
    let started = tokio::time::Instant::now();
    let ending = process.run(ready(())).await;
    assert_eq!(
        ending,
        Ending::CutShort {
            dropped: vec!["loop".into(), "lease".into()]
        }
    );
    assert_eq!(
        ending.to_string(),
        "stopped as asked, without waiting for: loop, lease"
    );
    assert_eq!(started.elapsed().as_secs(), 20);
    assert_eq!(Arc::strong_count(&held), 1, "the task was dropped");
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_hangs_after_a_fall_still_says_what_fell() {
    let process = Process::new(Duration::from_secs(20)).unwrap();
    process.work().spawn("loop", pending::<()>());
    process.work().spawn("pods", async {});
    let ending = process.run(pending()).await;
    assert_eq!(
        ending,
        fell("pods", "it ended although nothing asked it to")
    );
}
