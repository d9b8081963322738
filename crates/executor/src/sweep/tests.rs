//! A sweep: who is waited for, and for how long.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Part, Patience, Sweep};

/// How long a pass waits for a task that does this.
async fn waited<F: Future<Output = ()> + Send + 'static>(task: impl FnOnce(Part) -> F) -> Duration {
    let (sweep, part) = Sweep::new();
    let began = Instant::now();
    let tracker = tokio_util::task::TaskTracker::new();
    let task = tracker.spawn(task(part));
    sweep.wait().await;
    task.abort();
    began.elapsed()
}

#[tokio::test(start_paused = true)]
async fn tasks_that_end_are_waited_for() {
    let took = waited(|part| async move {
        sleep(Duration::from_millis(300)).await;
        drop(part);
    });
    assert_eq!(took.await, Duration::from_millis(300));
}

#[tokio::test(start_paused = true)]
async fn silence_is_waited_for_no_longer_than_patience() {
    let took = waited(|part| async move {
        sleep(Patience::SILENCE * 100).await;
        drop(part);
    });
    assert_eq!(took.await, Patience::SILENCE);
}

/// Nodes that hang when they are first asked.
#[tokio::test(start_paused = true)]
async fn many_that_are_silent_are_waited_for_together() {
    let took = waited(|part| async move {
        let mut all = tokio::task::JoinSet::new();
        for _ in 0..64 {
            let part = part.clone();
            all.spawn(async move {
                sleep(Patience::SILENCE * 100).await;
                drop(part);
            });
        }
        all.join_all().await;
    });
    assert_eq!(took.await, Patience::SILENCE);
}

#[tokio::test(start_paused = true)]
async fn progress_is_waited_for_and_silence_counts_from_the_last() {
    let took = waited(|part| async move {
        for _ in 0..4 {
            sleep(Patience::SILENCE / 2).await;
            part.step();
        }
        sleep(Patience::SILENCE * 100).await;
    });
    let took = took.await;
    assert!(
        took > Patience::SILENCE * 2 && took <= Patience::SILENCE * 7 / 2,
        "{took:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn endless_progress_is_left_to_itself() {
    let took = waited(|part| async move {
        loop {
            sleep(Patience::SILENCE / 10).await;
            part.step();
        }
    });
    let took = took.await;
    assert!(
        took >= Patience::LONGEST && took < Patience::LONGEST + Patience::SILENCE,
        "{took:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn who_is_left_behind_knows_it() {
    let (sweep, part) = Sweep::new();
    assert!(!part.is_late());
    sweep.wait().await;
    assert!(part.is_late());
}
