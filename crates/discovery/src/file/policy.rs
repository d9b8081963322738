//! `mesh` of a members file: a `SwarmMesh`'s spec without what selects pods.

use std::fmt;

use kubomesh_api::{SwarmMeshSpec, translate, without_agents};
use kubomesh_core::Policy;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::FileError;

/// The spec, and whether `peers` stands there: what it says may be what is left out means.
#[derive(Default)]
pub(super) struct MeshWire {
    spec: SwarmMeshSpec,
    peers: bool,
}

/// What it asks for. The sentences speak of `mesh`, not of `spec`.
pub(super) fn policy(mesh: &MeshWire) -> Result<Policy, FileError> {
    let MeshWire { spec, peers } = mesh;
    if spec.peers.selector != Default::default() {
        let remedy = "a members file has no selectors; name the members under `members`";
        return Err(FileError::field("mesh.peers.selector", "set", remedy));
    }
    if *peers {
        let remedy = "a members file says it line by line; remove it and use rpc, swarm and \
                      authFile there";
        return Err(FileError::field("mesh.peers", "set", remedy));
    }
    let checked = without_agents(&spec.agents).and_then(|()| translate(spec));
    checked.map_err(|error| {
        let sentence = error.to_string();
        let sentence = sentence.strip_prefix("spec.").unwrap_or(&sentence);
        let (field, rest) = sentence.split_once(" is ").unwrap_or((sentence, ""));
        let (value, remedy) = rest.split_once(": ").unwrap_or((rest, ""));
        FileError::field(&format!("mesh.{field}"), value, remedy)
    })
}

// === impl MeshWire ===

impl<'de> Deserialize<'de> for MeshWire {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MeshVisitor)
    }
}

struct MeshVisitor;

impl<'de> Visitor<'de> for MeshVisitor {
    type Value = MeshWire;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the fields of the policy")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<MeshWire, A::Error> {
        let mut peers = false;
        let seen = Seen {
            map,
            peers: &mut peers,
        };
        let spec = Deserialize::deserialize(MapAccessDeserializer::new(seen))?;
        Ok(MeshWire { spec, peers })
    }
}

/// A map that notes whether it has the key `peers`.
struct Seen<'a, A> {
    map: A,
    peers: &'a mut bool,
}

struct Key<'a, S> {
    seed: S,
    peers: &'a mut bool,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Seen<'_, A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        let peers = &mut *self.peers;
        self.map.next_key_seed(Key { seed, peers })
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Key<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        let key = String::deserialize(deserializer)?;
        *self.peers |= key == "peers";
        self.seed.deserialize(key.into_deserializer())
    }
}
