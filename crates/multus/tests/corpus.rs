//! Hostile text: every file of the corpus as it is, and changed at random. Nothing panics, and what
//! is refused names its place and part of the text.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests are tests"
)]

use std::fs;
use std::path::PathBuf;

use kubomesh_core::{Attachment, InterfaceName};
use kubomesh_multus::{Malformed, NetConf, NetworkStatus, Networks, Place};
use proptest::prelude::*;
use proptest::sample::Index;

/// The files of a folder, sorted by name.
fn corpus(folder: &str) -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/corpus")
        .join(folder);
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read_to_string(&path).unwrap())
        })
        .collect();
    files.sort();
    assert!(files.len() >= 20, "{} files", files.len());
    files
}

/// Whether the letters of `part` occur in `text` in this order.
fn occurs(part: &str, text: &str) -> bool {
    let mut rest = text.chars();
    part.chars()
        .filter(|c| !c.is_whitespace())
        .all(|c| rest.any(|other| other == c))
}

fn judge(error: &Malformed, text: &str, place: &str) {
    let said = error.to_string();
    assert!(said.contains(place), "{said}");
    assert!(
        occurs(&error.text, text) || text.contains(&error.text),
        "{said}\n{text}"
    );
    let shown = text
        .chars()
        .filter(|c| c.is_alphanumeric() && c.is_ascii())
        .count();
    assert!(!error.text.is_empty() || shown < 200, "{said}");
    assert!(
        said.len() < 1_500 && !said.contains(['\n', '\r', '\u{1b}']),
        "{said}"
    );
}

fn feed_networks(text: &str) {
    let attachment: Attachment = "net/storage".parse().unwrap();
    let interface = InterfaceName::default();
    match Networks::parse(text) {
        Err(error) => judge(&error, text, "k8s.v1.cni.cncf.io/networks:"),
        Ok(networks) => {
            let _ = networks.requests(&attachment, &interface, "apps");
            let _ = networks.with(&attachment, &interface, "apps");
            assert_eq!(
                Networks::parse(&networks.to_string()).as_ref(),
                Ok(&networks),
                "{text}"
            );
        }
    }
}

fn feed_status(text: &str) {
    let attachment: Attachment = "net/storage".parse().unwrap();
    let interface = InterfaceName::default();
    for (place, key) in [
        (Place::Status, "network-status:"),
        (Place::OldStatus, "networks-status:"),
    ] {
        match NetworkStatus::parse(place, text) {
            Err(error) => judge(&error, text, key),
            Ok(status) => {
                let _ = status.former(Some(&attachment), &interface, "net");
                if let Ok(ips) = status.find(&attachment, &interface, "net") {
                    assert!(!ips.is_empty() && ips.is_sorted(), "{ips:?}");
                }
                assert_eq!(
                    NetworkStatus::parse(place, &status.to_string()),
                    Ok(status),
                    "{text}"
                );
            }
        }
    }
}

fn feed_netconf(text: &str) {
    match NetConf::parse(text) {
        Err(error) => {
            let said = error.to_string();
            assert!(
                said.starts_with("spec.config: `") && !said.contains('\n'),
                "{said}"
            );
            assert!(said.len() < 1_500, "{said}");
        }
        Ok(conf) => {
            assert_eq!(conf.difference(&conf), None);
            let _ = (
                conf.capacity(),
                conf.warnings(3, &["10.0.0.1".parse().unwrap()]),
            );
            assert!(conf.ranges().is_sorted());
        }
    }
}

type Feed = fn(&str);

const FEEDS: [(&str, Feed); 3] = [
    ("networks", feed_networks),
    ("status", feed_status),
    ("netconf", feed_netconf),
];

#[test]
fn every_file_as_it_is() {
    for (folder, feed) in FEEDS {
        for (name, text) in corpus(folder) {
            println!("{folder}/{name}");
            feed(&text);
            // Each is also text that stands in the wrong place.
            FEEDS.iter().for_each(|(_, feed)| feed(&text));
        }
    }
}

/// What is done to a text.
#[derive(Debug, Clone)]
enum Change {
    Cut(Index),
    Drop(Index, usize),
    Insert(Index, String),
    Repeat(Index, Index, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let piece = prop_oneof![
        any::<String>(),
        "[\\[\\]{}\",:@/0-9eE.\\\\u+-]{1,8}",
        Just("\\ud800".to_owned()),
        Just("\u{0}".to_owned()),
        Just("null".to_owned()),
    ];
    prop_oneof![
        any::<Index>().prop_map(Change::Cut),
        (any::<Index>(), 1..20_usize).prop_map(|(at, n)| Change::Drop(at, n)),
        (any::<Index>(), piece).prop_map(|(at, piece)| Change::Insert(at, piece)),
        (any::<Index>(), any::<Index>(), 1..40_usize).prop_map(|(a, b, n)| Change::Repeat(a, b, n)),
    ]
}

fn changed(text: &str, change: &Change) -> String {
    let letters: Vec<char> = text.chars().collect();
    let at = |index: &Index| index.index(letters.len() + 1);
    let text = |letters: &[char]| letters.iter().collect::<String>();
    match change {
        Change::Cut(to) => text(&letters[..at(to)]),
        Change::Drop(from, n) => {
            let from = at(from);
            let rest = letters.get(from + n..).unwrap_or_default();
            text(&letters[..from]) + &text(rest)
        }
        Change::Insert(to, piece) => text(&letters[..at(to)]) + piece + &text(&letters[at(to)..]),
        Change::Repeat(from, to, n) => {
            let (from, to) = (at(from).min(at(to)), at(from).max(at(to)));
            let to = to.min(from + 50);
            text(&letters[..from]) + &text(&letters[from..to]).repeat(*n) + &text(&letters[to..])
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn every_file_changed(which in any::<Index>(), changes in prop::collection::vec(change(), 1..4)) {
        for (folder, feed) in FEEDS {
            let files = corpus(folder);
            let (_, text) = &files[which.index(files.len())];
            let text = changes.iter().fold(text.clone(), |text, change| changed(&text, change));
            feed(&text);
        }
    }
}
