//! How long a look may take.

use super::*;

fn settings() -> Settings {
    let catalog = kubomesh_telemetry::Catalog::new().unwrap();
    Settings {
        timings: crate::DiscoveryTimings::default(),
        clock: kubomesh_process::Clock::start(),
        metrics: crate::DiscoveryMetrics::register(&catalog).unwrap(),
    }
}

/// Time passes here while the text is parsed and nothing is read.
#[tokio::test(start_paused = true)]
async fn what_was_read_may_take_longer_than_reading_may() {
    let members = 5_000;
    let line = |at| format!("- {{name: n{at}, rpc: 'http://h{at}:5001'}}\n");
    let text = (0..members).map(line).collect();
    let (fleet, seen) = watch::channel(Arc::default());
    let path = Path::new("/nowhere/m.yaml");
    let opening = FileSource::of(text, path, settings(), AuthStore::default(), fleet);
    let mut opening = std::pin::pin!(opening);
    tokio::select! {
        biased;
        _ = &mut opening => unreachable!("parsed in no time"),
        () = std::future::ready(()) => {}
    }
    tokio::time::advance(DEADLINE * 2).await;
    opening.await.map(drop).unwrap();
    let fleet = seen.borrow();
    let mesh = fleet.meshes.values().next().unwrap();
    assert_eq!(mesh.membership.members.len(), members);
}
