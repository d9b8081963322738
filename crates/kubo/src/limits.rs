//! How much of what a node says is believed: bounded lists, bounded text.

use std::fmt;
use std::marker::PhantomData;

use kubomesh_conn::Bounds;
pub(crate) use kubomesh_core::{
    Listing, MAX_ADDRESSES, MAX_ADDRESSES_IN_ALL, MAX_CONNECTIONS, MAX_PEERING, MAX_STRINGS,
    MAX_TEXT, Sieve, agent_version, is_plain,
};
use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, SeqAccess, Visitor};

/// Addresses of `id` that are looked at; a Kubo on three networks announces some twenty. What is
/// beyond is left out.
pub(crate) const MAX_ANNOUNCED: usize = 64;

/// Longest text in a body beyond [`Bounds::SMALL`], bytes as JSON writes them. The JSON library
/// copies a text that it cannot use, and one with escapes, as a whole: two and three times the body.
/// Kubo's own are far shorter: an address that is kept has at most [`MAX_TEXT`].
pub(crate) const MAX_LITERAL: usize = 64 * 1024;

/// The start of a body that is looked at to say what came instead of an answer, bytes.
pub(crate) const MAX_SHOWN: usize = 16 * 1024;

/// How large a verb's answer may be, bytes.
///
/// - `id`, `version` and one key of `config` are a KiB or two (the recordings).
/// - Connections and peering entries are as many as the node has.
/// - The rest is a line for each address or filter of one node, or for each argument of a call.
pub(crate) fn body_limit(verb: &str) -> usize {
    match verb {
        "id" | "version" | "config" => Bounds::SMALL,
        "swarm/peers" | "swarm/peering/ls" => Bounds::BODY,
        _ => Bounds::MEDIUM,
    }
}

/// Whether a body has a text beyond [`MAX_LITERAL`]. Looked for only where the copies would count.
pub(crate) fn has_huge_text(body: &[u8]) -> bool {
    if body.len() <= Bounds::SMALL {
        return false;
    }
    let (mut began, mut escaped) = (None, false);
    for (at, byte) in body.iter().enumerate() {
        match (began, byte) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), b'\\') => escaped = true,
            (Some(since), _) if at - since > MAX_LITERAL => return true,
            (Some(_), b'"') => began = None,
            (None, b'"') => began = Some(at),
            _ => {}
        }
    }
    false
}

/// A list as JSON has it: `null` is an empty one. Entries beyond `LIMIT` are counted and dropped
/// while they are read.
#[derive(Debug)]
pub(crate) struct Bounded<T, const LIMIT: usize> {
    pub(crate) items: Vec<T>,
    pub(crate) beyond: usize,
}

/// A text, borrowed from the body where it can be. `null` is an empty one.
#[derive(Debug, Default)]
pub(crate) struct Text<'a>(pub(crate) std::borrow::Cow<'a, str>);

// === impl Bounded ===

impl<T, const LIMIT: usize> Default for Bounded<T, LIMIT> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            beyond: 0,
        }
    }
}

impl<'de, T: Deserialize<'de>, const LIMIT: usize> Deserialize<'de> for Bounded<T, LIMIT> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ListVisitor(PhantomData))
    }
}

struct ListVisitor<T, const LIMIT: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const LIMIT: usize> Visitor<'de> for ListVisitor<T, LIMIT> {
    type Value = Bounded<T, LIMIT>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list or null")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(Bounded::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut list = Bounded::default();
        while list.items.len() < LIMIT {
            match seq.next_element()? {
                Some(item) => list.items.push(item),
                None => return Ok(list),
            }
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {
            list.beyond += 1;
        }
        Ok(list)
    }
}

// === impl Text ===

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or null")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(Text::default())
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Text(text.into()))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Text(text.to_owned().into()))
    }
}
