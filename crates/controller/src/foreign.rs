//! Files of a state directory that are no records and nobody's: whoever put them there did not mean us,
//! or they are what is left of a former member's record.

use std::collections::BTreeMap;

use kubomesh_core::{MemberName, Membership, one_line};
use kubomesh_reporter::NotOurs;

#[cfg(test)]
mod tests;

/// Most files that are named at a time.
const NAMED: usize = 10;

/// Most characters of a path, and of what is wrong with it.
const SHOWN: usize = 400;

/// What was said of such files: each is told once, and again when it is another.
#[derive(Debug, Default)]
pub(crate) struct Foreign {
    /// What is wrong with each, by the record that it would be.
    said: BTreeMap<String, String>,
}

// === impl Foreign ===

impl Foreign {
    /// Takes the records that are not the mesh's; the sentences that are news. A member whose record
    /// cannot be read says so itself.
    pub(crate) fn take<'a>(
        &mut self,
        found: &Membership,
        not_ours: impl Iterator<Item = NotOurs<'a>>,
    ) -> Vec<String> {
        let mut now = BTreeMap::new();
        let mut news = Vec::new();
        for record in not_ours {
            let NotOurs::Unreadable { record, why } = record else {
                continue;
            };
            if found.members.contains_key(&MemberName::from(record)) {
                continue;
            }
            if self.said.get(record) != Some(&why.why) {
                news.push(sentence(record, &why.field, &why.why));
            }
            now.insert(record.to_owned(), why.why.clone());
        }
        self.said = now;
        let more = news.len().saturating_sub(NAMED);
        news.truncate(NAMED);
        if more > 0 {
            news.push(format!(
                "{more} more files of the state directory are not records and belong to no member"
            ));
        }
        news
    }
}

/// It is not to be deleted: it may be all that is left of what other nodes were given.
fn sentence(record: &str, file: &str, why: &str) -> String {
    format!(
        "{} is not a record ({}) and no member has the name `{}`: it is left alone. If a member of \
         that name was removed, what the other nodes still have from us for it is not taken back; put \
         the record back from a copy, or restart those nodes",
        one_line(file, SHOWN),
        one_line(why, SHOWN),
        one_line(record, SHOWN),
    )
}
