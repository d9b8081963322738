#!/bin/sh
# Keeps Kubo from announcing its addresses on the pod network, so that other nodes never learn them and
# links come up on the storage network without being steered. For /container-init.d of the image
# ipfs/kubo, which runs it once the repository is there and before the daemon starts.
#
# It only edits Addresses.NoAnnounce, and of that only entries of its own: those that it put there are
# remembered in the repository and taken out again when the pod's address or the settings change. The
# node still listens on the pod network: with spec.network.fallback PodNetwork, and while a mesh moves
# from one network to another, links there remain possible.
#
# KUBOMESH_INTERFACE  the storage network's interface; default lhnet1. If the pod has no such interface,
#                     nothing is hidden.
# KUBOMESH_POD_CIDRS  the pod networks, such as 10.0.0.0/8,fd00::/8: spec.network.podCIDRs
# KUBOMESH_POD_IPS    the pod's own addresses, status.podIPs; used when there are no ranges
#
# Whatever goes wrong, the node starts: it is steered then.

interface="${KUBOMESH_INTERFACE:-lhnet1}"
remembered="${IPFS_PATH:-$HOME/.ipfs}/kubomesh-noannounce"

say() {
    echo "kubomesh: $*"
}

# The strings of a JSON list, one a line. A multiaddr has neither quotes nor commas nor white space.
strings() {
    tr -d '[]" \t\r' | tr ',' '\n' | sed -e '/^$/d' -e '/^null$/d'
}

# Lines of one a line as a JSON list.
list() {
    echo "[$(sed -e '/^$/d' -e 's/.*/"&"/' | tr '\n' ',' | sed -e 's/,$//')]"
}

# ADDRESS/LENGTH, one a line, as multiaddrs.
multiaddrs() {
    while IFS=/ read -r address length; do
        case "$address" in
            '') ;;
            *[!0-9A-Fa-f.:]*) say "not an address: $address" >&2 ;;
            *:*) echo "/ip6/$address/ipcidr/${length:-128}" ;;
            *) echo "/ip4/$address/ipcidr/${length:-32}" ;;
        esac
    done
}

# The lines of $1 that are not lines of $2.
without() {
    echo "$1" | while read -r line; do
        [ -z "$line" ] || echo "$2" | grep -qxF -e "$line" || echo "$line"
    done
}

attached() {
    # An address that is good for the link alone is none.
    ip -o addr show dev "$interface" 2>/dev/null | grep ' inet6\{0,1\} ' | grep -qv ' inet6 fe80:'
}

prepare() {
    present=$(ipfs config Addresses.NoAnnounce 2>/dev/null | strings)
    ours=$(cat "$remembered" 2>/dev/null)
    wanted=
    if attached; then
        ranges="${KUBOMESH_POD_CIDRS:-$KUBOMESH_POD_IPS}"
        wanted=$(echo "$ranges" | tr ', ' '\n\n' | multiaddrs | sort -u)
        [ -n "$wanted" ] || say "no pod networks are known: nothing is hidden"
    else
        say "the pod has no address on $interface: nothing is hidden"
    fi
    foreign=$(without "$present" "$ours")
    wanted=$(without "$wanted" "$foreign")
    after=$(printf '%s\n%s\n' "$foreign" "$wanted" | sed -e '/^$/d')
    [ "$after" != "$present" ] || { echo "$wanted" > "$remembered"; return; }
    # Remembered before it is done: an entry that is ours and not known to be would stay for good.
    printf '%s\n%s\n' "$ours" "$wanted" > "$remembered"
    ipfs config --json Addresses.NoAnnounce "$(echo "$after" | list)" || return
    echo "$wanted" > "$remembered"
    say "not announced: $(echo "$after" | tr '\n' ' ')"
}

prepare || say "the pod network could not be hidden: the node starts all the same"
true
