//! "Look again": whom, and a bell. Never what there is to see.

use std::collections::BTreeSet;
use std::sync::Mutex;

use kubomesh_core::MemberName;
use tokio::sync::Notify;

use crate::lock;

/// The bell of one executor. Rings are merged until they are heard.
#[derive(Default)]
pub(crate) struct Wake {
    members: Mutex<BTreeSet<MemberName>>,
    bell: Notify,
}

impl Wake {
    pub(crate) fn ring(&self, member: &MemberName) {
        lock(&self.members).insert(member.clone());
        self.bell.notify_one();
    }

    pub(crate) async fn woken(&self) -> BTreeSet<MemberName> {
        loop {
            let members = std::mem::take(&mut *lock(&self.members));
            if !members.is_empty() {
                return members;
            }
            self.bell.notified().await;
        }
    }
}
