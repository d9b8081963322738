//! All connections of a world, found in constant time: they are read far more often than anything
//! else.

use crate::conn::{Conn, ConnId};

/// Connections in slots. A slot is used again; the serial in a [`ConnId`] tells its users apart.
#[derive(Debug, Clone, Default)]
pub(crate) struct Conns {
    slots: Vec<Option<(u64, Conn)>>,
    free: Vec<u32>,
    opened: u64,
}

impl Conns {
    pub(crate) fn insert(&mut self, conn: Conn) -> ConnId {
        self.opened += 1;
        let serial = self.opened;
        let entry = Some((serial, conn));
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = entry;
                slot
            }
            None => {
                self.slots.push(entry);
                u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
            }
        };
        ConnId { serial, slot }
    }

    pub(crate) fn get(&self, id: &ConnId) -> Option<&Conn> {
        let entry = self.slots.get(id.slot as usize)?.as_ref()?;
        (entry.0 == id.serial).then_some(&entry.1)
    }

    pub(crate) fn get_mut(&mut self, id: &ConnId) -> Option<&mut Conn> {
        let entry = self.slots.get_mut(id.slot as usize)?.as_mut()?;
        (entry.0 == id.serial).then_some(&mut entry.1)
    }

    pub(crate) fn remove(&mut self, id: &ConnId) {
        if self.get(id).is_some() {
            self.slots[id.slot as usize] = None;
            self.free.push(id.slot);
        }
    }

    /// All, in the order of their slots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (ConnId, &Conn)> {
        self.slots.iter().zip(0..).filter_map(|(entry, slot)| {
            let (serial, conn) = entry.as_ref()?;
            Some((
                ConnId {
                    serial: *serial,
                    slot,
                },
                conn,
            ))
        })
    }
}
