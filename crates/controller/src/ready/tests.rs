//! What is pending, by its names.

use std::sync::Arc;

use kubomesh_discovery::Fleet;
use kubomesh_process::{CancellationToken, Readiness};
use kubomesh_reporter::RecordsView;
use tokio::sync::watch;

use super::{FIRST_LOOK, pending};

#[test]
fn each_list_that_is_not_complete_is_named() {
    let records = RecordsView::default();
    let named = |fleet: &Fleet| pending(fleet, &records).into_iter().collect::<Vec<_>>();
    assert_eq!(named(&Fleet::default()), [FIRST_LOOK]);
    let mut fleet = Fleet {
        pending: vec!["pods of apps/kubo".into(), "nodes".into()],
        ..Fleet::default()
    };
    assert_eq!(named(&fleet), ["nodes", "pods of apps/kubo"]);
    fleet.pending.clear();
    fleet.synced = true;
    assert!(named(&fleet).is_empty());
}

#[tokio::test]
async fn it_is_ready_when_nothing_is_pending_any_more_and_not_before() {
    let (fleet, seen) = watch::channel(Arc::new(Fleet::default()));
    let (_records, stored) = watch::channel(Arc::default());
    let (readiness, stop) = (Readiness::new(), CancellationToken::new());
    let first_look = readiness.block(FIRST_LOOK);
    let watching = super::watch(seen, stored, readiness.clone(), first_look, stop.clone());
    let told = async {
        let shows = async |wanted: &[&str]| {
            while readiness
                .pending()
                .iter()
                .map(|name| &**name)
                .ne(wanted.iter().copied())
            {
                tokio::task::yield_now().await;
            }
        };
        shows(&[FIRST_LOOK]).await;
        fleet.send_replace(Arc::new(Fleet {
            pending: vec!["nodes".into()],
            ..Fleet::default()
        }));
        shows(&["nodes"]).await;
        fleet.send_replace(Arc::new(Fleet {
            synced: true,
            ..Fleet::default()
        }));
        shows(&[]).await;
        stop.cancel();
    };
    let both = async { tokio::join!(watching, told) };
    let ended = tokio::time::timeout(std::time::Duration::from_secs(20), both).await;
    assert!(ended.is_ok(), "pending: {:?}", readiness.pending());
}
