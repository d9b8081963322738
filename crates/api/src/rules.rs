//! CEL rules, each with a sentence that names the field, its value and what would be right. The
//! same bounds hold in [`translate`](crate::translate), for objects that no API server checked.

use std::time::Duration;

use kube::core::{Message, Rule};

use crate::Span;

/// A number's field and its bounds, both included.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Path of the field from the object's root.
    pub field: &'static str,
    /// Least value.
    pub least: u32,
    /// Greatest value.
    pub most: u32,
}

/// A span's field and its bounds, both included.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SpanBounds {
    /// Path of the field from the object's root.
    pub field: &'static str,
    /// Least value.
    pub least: &'static str,
    /// Greatest value.
    pub most: &'static str,
}

/// `spec.topology.fullMeshUpTo`: above 160 links a node, Kubo's own limits of dials bite
/// (reference/scale-and-reliability.md, A).
pub(crate) const FULL_MESH_UP_TO: Bounds = Bounds {
    field: "spec.topology.fullMeshUpTo",
    least: 2,
    most: 160,
};
/// `spec.topology.degree` as a number.
pub(crate) const DEGREE: Bounds = Bounds {
    field: "spec.topology.degree",
    least: 8,
    most: 96,
};
/// `spec.limits.inFlight`.
pub(crate) const IN_FLIGHT: Bounds = Bounds {
    field: "spec.limits.inFlight",
    least: 1,
    most: 1024,
};
/// `spec.limits.inFlightPerNode`: rules.md allows 8.
pub(crate) const IN_FLIGHT_PER_NODE: Bounds = Bounds {
    field: "spec.limits.inFlightPerNode",
    least: 1,
    most: 8,
};
/// `spec.limits.removalPercentPerMinute`.
pub(crate) const REMOVAL_PERCENT: Bounds = Bounds {
    field: "spec.limits.removalPercentPerMinute",
    least: 1,
    most: 100,
};
/// `spec.limits.statusWritesPerSecond`: rules.md allows 50.
pub(crate) const STATUS_WRITES: Bounds = Bounds {
    field: "spec.limits.statusWritesPerSecond",
    least: 1,
    most: 50,
};
/// `spec.links.forgetAfter`.
pub(crate) const FORGET_AFTER: SpanBounds = SpanBounds {
    field: "spec.links.forgetAfter",
    least: "0s",
    most: "24h",
};
/// `spec.resyncInterval`.
pub(crate) const RESYNC: SpanBounds = SpanBounds {
    field: "spec.resyncInterval",
    least: "1s",
    most: "1h",
};
/// `spec.limits.dialTimeout`.
pub(crate) const DIAL_TIMEOUT: SpanBounds = SpanBounds {
    field: "spec.limits.dialTimeout",
    least: "1s",
    most: "1m",
};
/// `spec.limits.dialInterval`.
pub(crate) const DIAL_INTERVAL: SpanBounds = SpanBounds {
    field: "spec.limits.dialInterval",
    least: "1s",
    most: "1h",
};

impl Bounds {
    /// What would be right.
    pub(crate) fn remedy(self) -> String {
        format!("choose a number from {} to {}", self.least, self.most)
    }

    /// As a CEL rule on the field.
    pub(crate) fn rule(self) -> Rule {
        let Self { field, least, most } = self;
        // The API server says the value. An expression that prints a number is refused by it: the
        // number's text has no bound that its cost could be estimated from.
        Rule::new(format!("self >= {least} && self <= {most}")).message(Message::Message(format!(
            "{field} is out of bounds: {}",
            self.remedy()
        )))
    }
}

impl SpanBounds {
    /// What would be right.
    pub(crate) fn remedy(self) -> String {
        format!(
            "write a time such as 30s or 2m, from {} to {}",
            self.least, self.most
        )
    }

    /// Whether a span is within.
    pub(crate) fn holds(self, span: Duration) -> bool {
        let bound = |text: &str| Span(text.into()).duration().unwrap_or_default();
        bound(self.least) <= span && span <= bound(self.most)
    }

    /// As a CEL rule on the field.
    pub(crate) fn rule(self) -> Rule {
        let Self { field, least, most } = self;
        let pattern = Span::PATTERN;
        Rule::new(format!(
            "self.matches('{pattern}') && duration(self) >= duration('{least}') \
             && duration(self) <= duration('{most}')"
        ))
        .message(Message::Expression(format!(
            "'{field} is `' + self + '`: {}'",
            self.remedy()
        )))
    }
}

/// `spec.topology.degree`: `Auto` or an even number.
pub(crate) fn degree_rule() -> Rule {
    let Bounds { field, least, most } = DEGREE;
    Rule::new(format!(
        "string(self) == 'Auto' || (string(self).matches('^[0-9]{{1,3}}$') \
         && int(string(self)) >= {least} && int(string(self)) <= {most} \
         && int(string(self)) % 2 == 0)"
    ))
    .message(Message::Expression(format!(
        "'{field} is `' + string(self) + '`: {}'",
        degree_remedy()
    )))
}

/// What `spec.topology.degree` may be.
pub(crate) fn degree_remedy() -> String {
    format!(
        "write Auto, or an even number from {} to {}",
        DEGREE.least, DEGREE.most
    )
}

/// What an empty selector is told.
pub(crate) const SELECTOR_REMEDY: &str = "name the Kubo pods of this namespace by at least one label, for example matchLabels: {app: kubo}";

/// `spec.peers.selector`: an empty one would select every pod.
pub(crate) fn selector_rule() -> Rule {
    Rule::new(
        "(has(self.matchLabels) && size(self.matchLabels) > 0) \
         || (has(self.matchExpressions) && size(self.matchExpressions) > 0)",
    )
    .message(Message::Message(format!(
        "spec.peers.selector is empty: {SELECTOR_REMEDY}"
    )))
}

/// What a port of 0 is told.
pub(crate) fn port_rule(field: &str) -> Rule {
    Rule::new("self >= 1 && self <= 65535").message(Message::Message(format!(
        "{field} is no port: choose one from 1 to 65535, or leave it out"
    )))
}

/// `spec.network.steering: Strict` needs `podCIDRs` and cannot fall back (rules.md, storage network).
pub(crate) fn strict_rules() -> [Rule; 2] {
    [
        Rule::new("self.steering != 'Strict' || size(self.podCIDRs) > 0").message(
            "spec.network.steering is Strict and spec.network.podCIDRs is empty: name the pod \
             networks, for example podCIDRs: [10.0.0.0/8]",
        ),
        Rule::new("self.steering != 'Strict' || self.fallback == 'Never'").message(
            "spec.network.steering is Strict and spec.network.fallback is PodNetwork: set fallback \
             to Never, or steering to Steer",
        ),
    ]
}
