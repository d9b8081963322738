//! A network added to what a pod asks for.

use kubomesh_core::{Attachment, InterfaceName};

use super::{Networks, Requested, Selection};

/// What asking for one more network makes of the annotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Merge {
    /// It asks for it already.
    Unchanged,
    /// The new value.
    Changed(String),
    /// What is there stands against it; the pod is left as it is.
    Conflict {
        /// What, and what to do.
        why: String,
    },
}

impl Networks {
    /// Adds a network with its interface, at the end: no other interface gets another name by that.
    ///
    /// A request of the same network that leaves its interface to Multus is given ours: it left that
    /// open, and a second attachment would only cost a second address on the same network. A request
    /// that names another interface, or another network that gets ours, is what somebody wrote on
    /// purpose: two interfaces on one network confuse routing and one name cannot stand for two
    /// networks, so the pod is left alone and the sentence says what to change.
    #[must_use]
    pub fn with(
        &self,
        attachment: &Attachment,
        interface: &InterfaceName,
        pod_namespace: &str,
    ) -> Merge {
        let requested = self.requests(attachment, interface, pod_namespace);
        if requested == Requested::Yes {
            return Merge::Unchanged;
        }
        if let Some(why) = self.taken(interface, attachment, pod_namespace) {
            return Merge::Conflict { why };
        }
        let mut merged = self.clone();
        let open = |item: &&mut Selection| {
            item.interface().is_none() && item.is_of(attachment, pod_namespace)
        };
        match requested {
            Requested::OtherInterface(Some(other)) => {
                let why = format!(
                    "the pod asks for {attachment} at interface {other:?}, and its mesh looks for it at \
                     {interface}: name {interface} there, leave the interface out, or set \
                     spec.network.interface of the mesh to {other}"
                );
                return Merge::Conflict { why };
            }
            Requested::OtherInterface(None) => {
                if let Some(item) = merged.items.iter_mut().find(open) {
                    item.set_interface(interface);
                }
            }
            Requested::No | Requested::Yes => {
                let ours = Selection::new(attachment, interface);
                merged.items = merged.items.into_iter().chain([ours]).collect();
            }
        }
        Merge::Changed(merged.to_string())
    }

    /// Why another network has the interface's name, if one has.
    fn taken(
        &self,
        interface: &InterfaceName,
        attachment: &Attachment,
        pod_namespace: &str,
    ) -> Option<String> {
        let mut items = self.items.iter().enumerate();
        let (_, holder) = items.find(|(at, item)| item.interface_at(*at) == interface.as_str())?;
        let namespace = holder.namespace().unwrap_or(pod_namespace);
        let name = holder.name();
        Some(format!(
            "the pod asks for {namespace}/{name} at interface {interface}, which is the one that its \
             mesh wants for {attachment}: give {namespace}/{name} another interface, or the mesh \
             another spec.network.interface"
        ))
    }
}
