//! The start script, run by a shell with a fake `ipfs` and a fake `ip`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

const SCRIPT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../manifests/examples/kubo-storage-network/storage-network.sh"
);

/// Keeps `Addresses.NoAnnounce` in a file, and prints it as Kubo does.
const IPFS: &str = r#"#!/bin/sh
[ ! -e "$IPFS_PATH/broken" ] || { echo "Error: no repository" >&2; exit 1; }
case "$*" in
    "config Addresses.NoAnnounce") cat "$IPFS_PATH/value" ;;
    "config --json Addresses.NoAnnounce "*) echo "$4" > "$IPFS_PATH/value"; echo . >> "$IPFS_PATH/writes" ;;
    *) exit 9 ;;
esac
"#;

const IP: &str =
    "#!/bin/sh\n[ \"$*\" = \"-o addr show dev lhnet1\" ] && cat \"$IPFS_PATH/addresses\"\n";

const ATTACHED: &str = "3: lhnet1    inet 192.168.77.5/24 brd 192.168.77.255 scope global lhnet1\\  valid\n\
                        3: lhnet1    inet6 fe80::1/64 scope link \\  valid\n";

struct Node(TempDir);

impl Node {
    fn new(value: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [("ipfs", IPFS), ("ip", IP)] {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let node = Self(folder);
        node.put("value", value);
        node.put("addresses", ATTACHED);
        node
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn put(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap_or_default()
    }

    /// Runs it as the image does, and says what it printed and what became of the value.
    fn start(&self, cidrs: &str, ips: &str) -> (String, Vec<String>) {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut folders = vec![self.path().to_owned()];
        folders.extend(std::env::split_paths(&path));
        let output = Command::new("sh")
            .args(["-e", SCRIPT])
            .env("PATH", std::env::join_paths(folders).unwrap())
            .env("IPFS_PATH", self.path())
            .env("KUBOMESH_POD_CIDRS", cidrs)
            .env("KUBOMESH_POD_IPS", ips)
            .env_remove("KUBOMESH_INTERFACE")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "the node must start: {said}");
        let value: Option<Vec<String>> = serde_json::from_str(&self.read("value")).unwrap();
        (said, value.unwrap_or_default())
    }
}

#[test]
fn the_ranges_are_not_announced_and_the_second_start_writes_nothing() {
    let node = Node::new("null\n");
    let wanted = ["/ip4/10.0.0.0/ipcidr/8", "/ip6/fd00::/ipcidr/8"];
    let (said, value) = node.start("10.0.0.0/8,fd00::/8", "10.1.2.3");
    assert_eq!(value, wanted, "{said}");
    assert!(said.contains("not announced"), "{said}");
    assert_eq!(node.start("10.0.0.0/8, fd00::/8", "10.1.2.9").1, wanted);
    assert_eq!(node.read("writes"), ".\n");
}

#[test]
fn without_ranges_the_pods_own_addresses_are_hidden_and_old_ones_taken_out() {
    let node = Node::new("[]\n");
    assert_eq!(
        node.start("", "10.1.2.3,fd00::3").1,
        ["/ip4/10.1.2.3/ipcidr/32", "/ip6/fd00::3/ipcidr/128"]
    );
    assert_eq!(node.start("", "10.9.9.9").1, ["/ip4/10.9.9.9/ipcidr/32"]);
}

#[test]
fn what_the_owner_wrote_stays() {
    let node = Node::new("[\n  \"/ip4/100.64.0.0/ipcidr/10\",\n  \"/ip4/10.0.0.0/ipcidr/8\"\n]\n");
    let both = ["/ip4/100.64.0.0/ipcidr/10", "/ip4/10.0.0.0/ipcidr/8"];
    assert_eq!(node.start("10.0.0.0/8", "").1, both, "it is there already");
    assert_eq!(node.start("172.16.0.0/12", "").1.len(), 3);
    assert_eq!(node.start("10.0.0.0/8", "").1, both);
    node.put("addresses", "");
    assert_eq!(
        node.start("10.0.0.0/8", "").1,
        both,
        "the owner's own entry is not ours to take"
    );
}

#[test]
fn a_pod_that_is_not_on_the_network_hides_nothing_any_more() {
    let node = Node::new("null\n");
    assert_eq!(node.start("10.0.0.0/8", "").1.len(), 1);
    for addresses in ["", "3: lhnet1    inet6 fe80::1/64 scope link \\  valid\n"] {
        node.put("addresses", addresses);
        let (said, value) = node.start("10.0.0.0/8", "");
        assert!(value.is_empty(), "{value:?}");
        assert!(said.contains("no address on lhnet1"), "{said}");
    }
}

#[test]
fn whatever_goes_wrong_the_node_starts() {
    let node = Node::new("null\n");
    assert!(
        node.start("not an address; $(touch owned)", "")
            .1
            .is_empty()
    );
    assert!(!node.path().join("owned").exists());
    assert!(node.start("", "").0.contains("no pod networks are known"));
    node.put("broken", "");
    assert!(node.start("10.0.0.0/8", "").1.is_empty());
}

#[test]
fn it_is_small_enough_for_an_annotation_and_reads_as_a_shell_script() {
    let script = fs::read_to_string(SCRIPT).unwrap();
    assert!(script.len() < 16 * 1024);
    let checked = Command::new("sh").args(["-n", SCRIPT]).status().unwrap();
    assert!(checked.success());
}
