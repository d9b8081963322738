// The states that the recordings were taken in. See lab_test.go for the names
// of the nodes.

package main

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

var scripts = []script{
	{"links", setUpLinks, oneAfterAnother(aboutItself, aboutLinks, aboutPeering, aboutFailures, aboutForms)},
	{"no answer", setUpDark, []step{
		{replay: "connect-no-host", at: 3, before: refuseFirst, blurs: []blur{noAnswer, dialLines}},
	}},
	{"no QUIC", setUpDark, []step{
		{replay: "timeout-option", at: 3, before: refuseFirst},
		{replay: "connect-quic-not-enabled", at: 3, timeout: "9s", blurs: []blur{noAnswer, noQUICAnswer, dialLines}},
	}},
	{"no name", func(l *lab) { l.start(3, "--dns", l.silentDNS()) }, []step{
		{replay: "connect-dns-unknown", at: 3},
	}},
	{"no ping", setUpDark, []step{
		{replay: "ping-unreachable-trailer", at: 3, blurs: []blur{noAnswer}},
	}},
	{"server profile", func(l *lab) { l.startBoth(6, "--profile", "server") }, []step{
		{
			replay: "filters-server-profile", at: 6,
			// This entry had been removed when the recording was made.
			before: func(l *lab) { l.call(6, "swarm/filters/rm?arg=/ip4/10.0.0.0/ipcidr/8") },
		},
		{replay: "id-server-profile", at: 6, blurs: []blur{publicKey, protocols}},
	}},
	{"filters", setUpFilters, []step{
		{replay: "connect-filtered-here", at: 6},
		{replay: "connect-filtered-there", at: 3, blurs: []blur{securityCut}},
		{replay: "filters-rm", at: 6},
		{replay: "filters-rm-absent", at: 6},
		{replay: "connect-after-filters-rm", at: 3},
	}},
	{"authorization", func(l *lab) { l.startBoth(5, "--auth", recordedAuth) }, []step{
		{replay: "auth-missing", at: 5},
		{replay: "auth-wrong", at: 5},
		{replay: "auth-ok", at: 5, blurs: []blur{publicKey, protocols, wildcardListen}},
		{replay: "auth-path-not-allowed", at: 5},
		{replay: "auth-version-always-allowed", at: 5},
		{replay: "auth-filters-ok", at: 5},
	}},
	{"offline", func(l *lab) { l.start(5, "--auth", recordedAuth, "--offline") }, []step{
		{replay: "offline-connect", at: 5},
		{replay: "offline-peers", at: 5},
		{replay: "offline-id", at: 5, blurs: []blur{publicKey}},
		{replay: "offline-peering-ls", at: 5},
	}},
	{"swarm key", setUpKeys, []step{
		{replay: "id-swarm-key", at: 11, blurs: []blur{publicKey, protocols, privateListen}},
		{replay: "addrs-listen-swarm-key", at: 11, blurs: []blur{wildcardListen}},
		{replay: "connect-swarm-key-differs", at: 11, blurs: []blur{wrongKey}},
		{replay: "connect-swarm-key-only-there", at: 3, blurs: []blur{wrongKey}},
		{replay: "connect-quic-with-swarm-key", at: 11, timeout: "9s", blurs: []blur{wrongKey, dialLines}},
	}},
}

const recordedAuth = "controller=bearer:s3cret;paths=/api/v0/id,/api/v0/swarm/"

// privateListen is wildcardListen for the last address of a list.
var privateListen = replacing("wildcard listen", `,"/ip4/127\.0\.0\.1/tcp/4001[^"]*"`, "")

func oneAfterAnother(parts ...[]step) []step {
	var out []step
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

func setUpLinks(l *lab) {
	l.startBoth(1)
	l.start(3) // one address, so that the source of its dials is no chance
	l.startBoth(4)
}

var aboutItself = []step{
	{replay: "version", at: 1},
	{replay: "id", at: 1, blurs: []blur{publicKey, protocols, wildcardListen}},
	{replay: "unknown-option", at: 1, blurs: []blur{publicKey, protocols, wildcardListen}},
	{replay: "addrs-listen", at: 1, blurs: []blur{autoTLSListen, wildcardListen}},
	{replay: "addrs-local", at: 1, blurs: []blur{wildcardListen}},
	{replay: "addrs-autonat", at: 1},
	{replay: "filters-empty", at: 1},
	{replay: "config-connmgr", at: 1},
	{replay: "config-unset-key", at: 1},
	{replay: "config-relayclient", at: 1},
	{replay: "bootstrap-list", at: 1},
	{replay: "healthy", at: 1},
}

var aboutLinks = []step{
	{replay: "peers-empty", at: 3},
	{replay: "connect-ok", at: 3},
	{replay: "connect-again-ok", at: 3},
	{replay: "connect-other-address-ok", at: 3},
	{replay: "peers-direction", at: 3},
	{replay: "peers-inbound", at: 4, before: func(l *lab) { l.waitConnected(4, 3) }},
	{replay: "peers-plain", at: 3},
	{replay: "peers-verbose", at: 3, before: openBitswap, blurs: []blur{latency, streams, publicKey, protocols}},
	{replay: "peers-latency-before-ping", at: 3, blurs: []blur{latency}},
	{replay: "ping", at: 3, blurs: pingTimes},
	{replay: "peers-latency-after-ping", at: 3, blurs: []blur{latency}},
	{replay: "resources", at: 3, blurs: resources},
}

var aboutPeering = []step{
	{replay: "peering-ls-empty", at: 3},
	{replay: "peering-add", at: 3},
	{replay: "peering-add-two", at: 3, blurs: []blur{anyOrder}},
	{replay: "peering-ls", at: 3, blurs: []blur{peerOrder}},
	{replay: "peering-rm", at: 3},
	{replay: "peering-rm-unknown", at: 3},
	{replay: "peering-rm-4", at: 3},
	{replay: "peering-add-no-peer-id", at: 3},
	{replay: "disconnect-ok", at: 3},
	{replay: "disconnect-not-connected", at: 3},
}

var aboutFailures = []step{
	{replay: "connect-refused", at: 3},
	{replay: "connect-wrong-peer", at: 3},
	{replay: "connect-self", at: 3},
	{replay: "connect-bad-multiaddr", at: 3},
	{replay: "connect-no-p2p", at: 3},
}

var aboutForms = []step{
	{replay: "unknown-command", at: 1},
	{replay: "missing-argument", at: 1},
	{replay: "bad-option", at: 1},
	{replay: "method-get", at: 1},
	{replay: "user-agent-mozilla", at: 1},
	{replay: "user-agent-kubo-mismatch", at: 1},
	{replay: "origin-not-allowed", at: 1},
}

// openBitswap makes node 3 ask for a block that nobody has, which opens a
// stream to every peer.
func openBitswap(l *lab) {
	// A real call would last until the test ends; its timeout ends it sooner.
	l.ask(3, "POST /api/v0/block/get?timeout=100ms&arg=bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku HTTP/1.1", nil)
	l.until("a Bitswap stream is open and node 4 is identified", func() bool {
		body := l.call(3, "swarm/peers?verbose=true")
		return strings.Contains(body, `"Streams":[`) && strings.Contains(body, `"AgentVersion":"kubo/`) &&
			strings.Contains(body, l.maddr(2, 4)+"/p2p/")
	})
}

func setUpDark(l *lab) {
	l.darkAddress()
	l.start(3)
}

// refuseFirst leaves a second address of the peer behind in the peerstore, as
// in the recording.
func refuseFirst(l *lab) {
	a := l.ask(3, l.translate("POST /api/v0/swarm/connect?arg=/ip4/10.77.1.2/tcp/4999/p2p/"+recordedPeers[2]+" HTTP/1.1"), nil)
	if a.ok() {
		l.Errorf("connected to nobody: %s", a.body())
	}
}

func setUpFilters(l *lab) {
	l.start(3)
	l.start(6, "--filter", fmt.Sprintf("/ip4/127.%d.1.0/ipcidr/24", l.octet))
}

func setUpKeys(l *lab) {
	l.start(11, "--swarm-key", l.newSwarmKey())
	l.start(12, "--swarm-key", l.newSwarmKey())
	l.start(3)
}

func (l *lab) newSwarmKey() string {
	l.Helper()
	var key [32]byte
	rand.Read(key[:])
	text := "/key/swarm/psk/1.0.0/\n/base16/\n" + hex.EncodeToString(key[:]) + "\n"
	file := filepath.Join(l.TempDir(), "swarm.key")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		l.Fatal(err)
	}
	return file
}
