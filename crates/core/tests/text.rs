//! Ids, endpoints and secrets as text.

use kubomesh_core::{
    Capacity, Endpoint, Failure, FailureKind, Link, MemberName, PeerId, Reason, Redacted, Scheme,
    SpanText, Timestamp, one_line,
};

#[test]
fn a_peer_id_prints_as_it_was_read() {
    for text in [
        "12D3KooWQjZCXJhDF7kS5aQeMqk67n7huug6teJxUMH26FHCMD3M",
        "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N",
    ] {
        assert_eq!(text.parse::<PeerId>().unwrap().to_string(), text);
    }
}

#[test]
fn what_is_no_peer_id_is_refused_and_shortened() {
    for text in ["", "12D3Koo", "not a peer", "0OIl"] {
        assert!(text.parse::<PeerId>().is_err(), "{text}");
    }
    let long = "1".repeat(100_000).parse::<PeerId>().unwrap_err();
    assert_eq!(long.text.len(), 80);
}

#[test]
fn endpoints_are_read_or_refused_with_the_right_form() {
    let plain: Endpoint = "http://127.0.0.2:5001".parse().unwrap();
    assert_eq!((plain.scheme, plain.port), (Scheme::Http, 5001));
    assert_eq!(plain.ip(), Some("127.0.0.2".parse().unwrap()));
    let six: Endpoint = "https://[fd00::2]:5001/".parse().unwrap();
    assert_eq!(
        (six.scheme, &*six.host, six.authority().as_str()),
        (Scheme::Https, "fd00::2", "[fd00::2]:5001")
    );
    assert_eq!(six.to_string().parse::<Endpoint>().unwrap(), six);
    for text in [
        "127.0.0.2:5001",
        "http://127.0.0.2",
        "http://:5001",
        "http://a b:1",
        "http://fd00::2:5001",
        "http://h:0",
        "http://h:70000",
        "http://h/x:1",
    ] {
        let refused = text.parse::<Endpoint>().unwrap_err().to_string();
        assert!(
            refused.contains(text) && refused.contains("http://HOST:PORT"),
            "{refused}"
        );
    }
}

#[test]
fn a_link_has_its_smaller_name_first_and_two_ends() {
    let link = Link::new(&"b".into(), &"a".into()).unwrap();
    assert_eq!((link.a.as_str(), link.b.as_str()), ("a", "b"));
    assert_eq!(Link::new(&"a".into(), &"a".into()), None);
}

#[test]
fn a_secret_does_not_print() {
    let secret = Redacted::new("hunter2");
    assert_eq!(format!("{secret} {secret:?}"), "<redacted> <redacted>");
    assert_eq!(*secret.expose(), "hunter2");
}

#[test]
fn a_failures_message_is_one_bounded_line() {
    let failure = Failure::new(
        FailureKind::Refusal,
        &format!("a\nb\u{1b}[31m{}", "x".repeat(10_000)),
    );
    assert_eq!(failure.message.chars().count(), Failure::MAX_MESSAGE);
    assert!(!failure.message.chars().any(char::is_control));
}

#[test]
fn a_line_shows_all_that_it_says() {
    for (text, shown) in [
        ("kubo/0.44.0/größe 文", "kubo/0.44.0/größe 文"),
        ("a\r\nb\u{2028}c\0d", "a  b cd"),
        ("\u{1b}[1;31mred\u{1b}[0m \u{9b}31mtoo", "red too"),
        ("\u{1b}]0;a title\u{7}then\u{1b}(B this", "then this"),
        (
            "ok\u{202e}dab\u{202c}\u{200b}\u{2066}x\u{2069}\u{feff}",
            "okdabx",
        ),
        ("\u{e0041}tag", "tag"),
        ("cut off \u{1b}[31", "cut off "),
    ] {
        assert_eq!(one_line(text, 80), shown, "{text:?}");
    }
    assert_eq!(one_line("größe", 3), "grö");
    assert_eq!(one_line(&"\u{1b}[0m".repeat(1 << 20), 80), "");
}

#[test]
fn every_failure_kind_has_its_own_label() {
    let labels: std::collections::BTreeSet<_> =
        FailureKind::ALL.iter().map(|kind| kind.label()).collect();
    assert_eq!(labels.len(), FailureKind::ALL.len());
}

#[test]
fn every_reason_has_its_own_label() {
    let labels: std::collections::BTreeSet<_> = Reason::LABELS.into_iter().collect();
    assert_eq!(labels.len(), Reason::LABELS.len());
    let member = || MemberName::from("a");
    let some = [
        Reason::BeingMade,
        Reason::Away { member: member() },
        Reason::SwarmKeyDiffers,
        Reason::NoAddress { member: member() },
    ];
    assert!(some.iter().all(|reason| labels.contains(reason.label())));
}

#[test]
fn time_prints_as_rfc_3339_and_does_not_overflow() {
    use std::time::Duration;
    assert_eq!(
        Timestamp(1_795_325_557_000).to_string(),
        "2026-11-22T05:32:37.000Z"
    );
    assert_eq!(Timestamp(u64::MAX) + Duration::MAX, Timestamp(u64::MAX));
    assert_eq!(Timestamp(5).since(Timestamp(9)), Duration::ZERO);
    assert_eq!(
        Timestamp(u64::MAX).to_string(),
        "9999-12-30T22:00:00.999Z",
        "the last one that RFC 3339 can tell"
    );
}

#[test]
fn time_and_capacity_are_read_as_they_are_written() {
    for time in [Timestamp(0), Timestamp(1_795_325_557_250)] {
        assert_eq!(time.to_string().parse(), Ok(time));
    }
    for bad in ["", "soon", "1969-12-31T23:59:59Z", "1795325557250"] {
        assert!(bad.parse::<Timestamp>().is_err(), "{bad}");
    }
    let all = [Capacity::Links(20), Capacity::Unlimited, Capacity::Assumed];
    for capacity in all {
        assert_eq!(capacity.to_string().parse(), Ok(capacity));
    }
    for bad in ["", "-1", "unlimited"] {
        assert!(bad.parse::<Capacity>().is_err(), "{bad}");
    }
}

#[test]
fn a_span_is_shown_in_gos_form() {
    use std::time::Duration;
    let shown = [1, 2_500, 15_000, 90_000, 86_400_000]
        .map(|millis| SpanText(Duration::from_millis(millis)).to_string());
    assert_eq!(shown, ["1ms", "2s500ms", "15s", "1m30s", "24h"]);
}

#[test]
fn a_time_is_read_as_it_is_shown_and_needs_a_unit() {
    for text in ["500ms", "30s", "5m", "24h", "1m30s"] {
        assert_eq!(text.parse::<SpanText>().unwrap().to_string(), text);
    }
    for text in ["90", "0s", "", "-1s", "soon"] {
        let error = text.parse::<SpanText>().unwrap_err().to_string();
        assert!(error.contains("write it as 500ms, 30s"), "{error}");
    }
}
