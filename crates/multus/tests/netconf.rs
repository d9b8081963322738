//! The CNI config of a NetworkAttachmentDefinition.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use kubomesh_multus::{NetConf, Warning};

fn conf(text: &str) -> NetConf {
    NetConf::parse(text).unwrap()
}

fn with_ipam(ipam: &str) -> NetConf {
    conf(&format!(
        r#"{{"cniVersion":"0.3.1","type":"macvlan","master":"eth1","ipam":{ipam}}}"#
    ))
}

fn ranges(conf: &NetConf) -> String {
    let ranges: Vec<_> = conf.ranges().iter().map(ToString::to_string).collect();
    ranges.join(" ")
}

#[test]
fn what_each_ipam_can_give() {
    for (ipam, wanted, capacity) in [
        // The network's, the broadcast and the gateway are not given.
        (
            r#"{"type":"host-local","subnet":"10.9.0.0/24"}"#,
            "10.9.0.0/24",
            Some(253),
        ),
        (
            r#"{"type":"host-local","subnet":"10.9.0.0/24","rangeStart":"10.9.0.10","rangeEnd":"10.9.0.19"}"#,
            "10.9.0.0/24",
            Some(10),
        ),
        (
            r#"{"type":"host-local","subnet":"10.9.0.0/24","rangeStart":"10.9.0.10","rangeEnd":"10.9.0.19","gateway":"10.9.0.12"}"#,
            "10.9.0.0/24",
            Some(9),
        ),
        // A pod gets one of each set, from any range of it.
        (
            r#"{"type":"host-local","ranges":[[{"subnet":"10.9.0.0/30"},{"subnet":"10.8.0.0/30"}],[{"subnet":"fd00::/64"}]]}"#,
            "10.8.0.0/30 10.9.0.0/30 fd00::/64",
            Some(2),
        ),
        (
            r#"{"type":"whereabouts","range":"10.9.0.0/24"}"#,
            "10.9.0.0/24",
            Some(254),
        ),
        (
            r#"{"type":"whereabouts","range":"10.9.0.225-10.9.0.230/28"}"#,
            "10.9.0.224/28",
            Some(6),
        ),
        (
            r#"{"type":"whereabouts","range":"10.9.0.0/24","range_start":"10.9.0.10","range_end":"10.9.0.29","exclude":["10.9.0.12/30","10.9.0.14/32","10.9.0.29","fd00::/8"]}"#,
            "10.9.0.0/24",
            Some(15),
        ),
        (
            r#"{"type":"whereabouts","ipRanges":[{"range":"10.9.0.0/28"},{"range":"fd00::/64"}]}"#,
            "10.9.0.0/28 fd00::/64",
            Some(14),
        ),
        (
            r#"{"type":"whereabouts","range":"10.9.0.4/31"}"#,
            "10.9.0.4/31",
            Some(2),
        ),
        (
            r#"{"type":"whereabouts","range":"::/0"}"#,
            "::/0",
            Some(u128::MAX - 1),
        ),
        (
            r#"{"type":"static","addresses":[{"address":"10.9.0.7/24","gateway":"10.9.0.1"}]}"#,
            "10.9.0.0/24",
            None,
        ),
        (r#"{"type":"dhcp"}"#, "", None),
        (r#"{"type":"of-a-later-day","range":7}"#, "", None),
    ] {
        let conf = with_ipam(ipam);
        assert_eq!(ranges(&conf), wanted, "{ipam}");
        assert_eq!(conf.capacity(), capacity, "{ipam}");
    }
}

#[test]
fn one_plugin_a_list_or_nothing() {
    let list = conf(
        r#"{"cniVersion":"1.0.0","name":"s","plugins":[{"type":"bridge","ipam":{"type":"whereabouts","range":"10.9.0.0/28"}},{"type":"tuning"}]}"#,
    );
    assert_eq!(
        (list.ipam_type(), ranges(&list).as_str()),
        (Some("whereabouts"), "10.9.0.0/28")
    );
    for text in ["", " \n"] {
        assert!(conf(text).is_empty());
        assert_eq!(conf(text).ipam_type(), None);
    }
    assert_eq!(with_ipam("{}").ipam_type(), None);
    assert_eq!(conf(r#"{"type":"macvlan"}"#).ipam_type(), None);
}

#[test]
fn malformed_configs_name_themselves() {
    let deep = format!(
        r#"{{"type":"a","x":{}1{}}}"#,
        "[".repeat(500),
        "]".repeat(500)
    );
    let ipam = |ipam: &str| format!(r#"{{"type":"a","ipam":{ipam}}}"#);
    for (text, named) in [
        ("{", "`{` is no JSON"),
        ("not json", "not json"),
        ("[]", "is no object"),
        ("7", "is no object"),
        ("{}", "has no `type`"),
        (r#"{"type":""}"#, "has no `type`"),
        (r#"{"plugins":[]}"#, "`plugins`"),
        (r#"{"plugins":{}}"#, "`plugins`"),
        (r#"{"plugins":[{"type":"a"},{}]}"#, "has no `type`"),
        (r#"{"type":"a","name":7}"#, "`name` that is no text"),
        (r#"{"type":"a","cniVersion":1.0}"#, "`cniVersion`"),
        (&deep, "recursion limit"),
        (r#"{"type":"a","mtu":1e999}"#, "number out of range"),
        (
            &ipam(r#"{"type":"whereabouts","range":"ten"}"#),
            "`ten` in ipam.range",
        ),
        (
            &ipam(r#"{"type":"whereabouts","range":7}"#),
            "is not what its type wants",
        ),
        (
            &ipam(r#"{"type":"whereabouts","range":"10.0.0.0/8","exclude":["x"]}"#),
            "ipam.exclude",
        ),
        (
            &ipam(r#"{"type":"host-local","subnet":"10.0.0.0/33"}"#),
            "10.0.0.0/33",
        ),
        (
            &ipam(r#"{"type":"host-local","ranges":[[{}]]}"#),
            "without a `subnet`",
        ),
        (
            &ipam(r#"{"type":"host-local","subnet":"10.0.0.0/24","rangeStart":"10.0.1.1"}"#),
            "`10.0.1.1` in ipam.subnet is not in 10.0.0.0/24",
        ),
        (
            &ipam(
                r#"{"type":"host-local","subnet":"10.0.0.0/24","rangeStart":"10.0.0.9","rangeEnd":"10.0.0.2"}"#,
            ),
            "first address behind its last",
        ),
        (
            &ipam(r#"{"type":"static","addresses":[{"address":"x"}]}"#),
            "ipam.addresses",
        ),
    ] {
        let said = NetConf::parse(text).unwrap_err().to_string();
        assert!(said.starts_with("spec.config: "), "{said}");
        assert!(said.contains(named), "{named}: {said}");
        assert!(said.contains("write a CNI config"), "{said}");
        assert!(said.len() < 700 && !said.contains('\n'), "{said}");
    }
}

#[test]
fn a_difference_is_one_of_meaning() {
    let before = conf(
        r#"{"type":"macvlan","mtu":1500,"ipam":{"type":"whereabouts","range":"10.9.0.0/24"}}"#,
    );
    let same = conf(
        "{ \"ipam\":{\"range\":\"10.9.0.0/24\",\"type\":\"whereabouts\"},\n\"mtu\":1500,\"type\":\"macvlan\"}",
    );
    assert_eq!(before.difference(&same), None);
    assert_eq!(before.text(), same.text());
    assert_eq!(conf(&before.text()), before);
    assert_eq!(conf(" ").text(), "");
    let after =
        conf(r#"{"type":"macvlan","vlan":7,"ipam":{"type":"whereabouts","range":"10.8.0.0/24"}}"#);
    let said = before.difference(&after).unwrap();
    assert_eq!(
        said,
        r#"ipam.range was "10.9.0.0/24" and is "10.8.0.0/24", mtu was 1500 and is not set, vlan was not set and is 7"#
    );
    let list = conf(r#"{"plugins":[{"type":"a"},{"type":"b","x":[1,2]}]}"#);
    let other = conf(r#"{"plugins":[{"type":"a"},{"type":"b","x":[1,3]}]}"#);
    assert_eq!(
        list.difference(&other).unwrap(),
        "plugins[1].x[1] was 2 and is 3"
    );
    let empty = conf("").difference(&before).unwrap();
    assert!(empty.starts_with("the config was null and is {"), "{empty}");
}

#[test]
fn many_differences_are_counted_and_long_values_cut() {
    let of = |n: usize| {
        let fields: Vec<_> = (0..9)
            .map(|at| format!(r#""k{at}":"{}""#, "v".repeat(n)))
            .collect();
        conf(&format!(r#"{{"type":"a",{}}}"#, fields.join(",")))
    };
    let said = of(100).difference(&of(200)).unwrap();
    assert!(said.ends_with("… and 6 more"), "{said}");
    assert!(said.len() < 500, "{said}");
}

#[test]
fn warnings() {
    let pods = ["10.9.0.77".parse().unwrap(), "10.244.0.1".parse().unwrap()];
    let local = with_ipam(r#"{"type":"host-local","subnet":"10.9.0.0/28"}"#);
    assert_eq!(
        local.warnings(14, &pods),
        [
            Warning::HostLocal,
            Warning::TooFew {
                capacity: 13,
                members: 14
            }
        ]
    );
    let wide = with_ipam(r#"{"type":"whereabouts","range":"10.9.0.0/24"}"#);
    let overlap = Warning::Overlap {
        range: "10.9.0.0/24".parse().unwrap(),
        ip: pods[0],
    };
    assert_eq!(wide.warnings(14, &pods), [overlap]);
    assert_eq!(wide.warnings(254, &pods[1..]), []);
    assert_eq!(conf("").warnings(1, &pods), [Warning::ReadFromHost]);
    assert_eq!(
        conf(r#"{"type":"a"}"#).warnings(1, &pods),
        [Warning::NoIpam]
    );
    let one = with_ipam(r#"{"type":"static","addresses":[{"address":"10.7.0.7/24"}]}"#);
    assert_eq!(
        one.warnings(2, &pods),
        [Warning::OneForAll {
            address: "10.7.0.7/24".parse().unwrap()
        }]
    );
    for warning in [
        local.warnings(14, &pods),
        wide.warnings(1, &pods),
        one.warnings(1, &pods),
    ]
    .concat()
    {
        assert!(!warning.to_string().is_empty());
    }
}
