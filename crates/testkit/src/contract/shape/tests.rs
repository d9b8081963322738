//! What is substituted in a text, and what is not.

use super::{ANOTHER_KEY, substituted};

const FAILED: &str = "failed to negotiate security protocol: ";

#[test]
fn each_way_in_which_noise_ends_a_negotiation_is_another_swarm_key() {
    for way in [
        "read tcp4 127.1.0.2:4001->127.1.0.3:4001: read: connection reset by peer",
        "write tcp4 127.1.0.2:4001->127.1.0.3:4001: write: broken pipe",
        "context deadline exceeded",
        "EOF",
        "unexpected EOF",
        "incoming message was too large",
        "message did not have trailing newline",
        "varint not minimally encoded",
        "varints larger than uint63 not supported",
    ] {
        assert_eq!(substituted(&format!("{FAILED}{way}")), ANOTHER_KEY, "{way}");
    }
}

#[test]
fn a_failure_that_noise_cannot_cause_stays_itself() {
    for other in ["protocols not supported: [/noise]", "peer id mismatch"] {
        let text = format!("{FAILED}{other}");
        assert_eq!(substituted(&text), text);
    }
}
