//! Kubo versions that do not bear a quick disconnect and reconnect.

/// Whether an agent version is a Kubo of 0.37 to 0.42, whose Bitswap can hang a fetch when a peer is
/// disconnected and connected again at once (kubo.md 4.3). What is not Kubo's is not affected.
pub(crate) fn is_affected(agent_version: &str) -> bool {
    let Some(version) = agent_version.strip_prefix("kubo/") else {
        return false;
    };
    let mut parts = version.split(['.', '-', '/']);
    let mut number = || parts.next().and_then(|part| part.parse::<u32>().ok());
    matches!((number(), number()), (Some(0), Some(37..=42)))
}
