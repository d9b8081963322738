// What the recordings cannot show: how links, peering, filters, limits and
// content behave over time.

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/libp2p/go-libp2p/core/network"
	ipeer "github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

func (l *lab) id(n int) ipeer.ID {
	l.Helper()
	id, err := ipeer.Decode(l.peer(n))
	if err != nil {
		l.Fatal(err)
	}
	return id
}

// put stores a block on a node and gives its CID.
func (l *lab) put(n int, data string) string {
	l.Helper()
	body := "--x\r\nContent-Disposition: form-data; name=\"data\"; filename=\"data\"\r\n" +
		"Content-Type: application/octet-stream\r\n\r\n" + data + "\r\n--x--\r\n"
	a := l.ask(n, "POST /api/v0/block/put HTTP/1.1", []string{
		"Content-Type: multipart/form-data; boundary=x",
		fmt.Sprintf("Content-Length: %d", len(body)), "", strings.TrimSuffix(body, "\r\n"),
	})
	var out struct {
		Key  string
		Size int
	}
	if err := json.Unmarshal([]byte(a.body()), &out); err != nil || out.Size != len(data) {
		l.Fatalf("%s %s: %v", a.status, a.body(), err)
	}
	return out.Key
}

func TestContentFlowsOverALink(t *testing.T) {
	t.Parallel()
	for name, flags := range map[string]func(*lab) []string{
		"open network":    func(*lab) []string { return nil },
		"private network": func(l *lab) []string { return []string{"--swarm-key", l.newSwarmKey()} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			shared := flags(l)
			l.start(1, shared...)
			l.start(2, shared...)
			cid := l.put(1, "hello over "+name)

			get := "POST /api/v0/block/get?timeout=100ms&arg=" + cid + " HTTP/1.1"
			if a := l.ask(2, get, nil); a.ok() {
				t.Fatalf("got it without a link: %s", a.body())
			}
			l.connect(2, 1)
			if got := l.call(2, "block/get?timeout=20s&arg="+cid); got != "hello over "+name {
				t.Errorf("got %q", got)
			}
			if a := l.ask(2, "POST /api/v0/block/get?offline=true&arg="+cid+" HTTP/1.1", nil); !a.ok() {
				t.Errorf("it was not kept: %s", a.body())
			}
		})
	}
}

func TestConnectMarksThePeerAndForgetsFailures(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.start(1)
	l.start(2)
	l.connect(1, 2)
	tags := l.nodes[1].node.host.ConnManager().GetTagInfo(l.id(2))
	if tags == nil || tags.Tags["user-connect"] != 100 {
		t.Errorf("tags are %+v", tags)
	}

	for range 2 { // the second would be held back if the first were remembered
		a := l.ask(1, "POST /api/v0/swarm/connect?arg="+l.maddr(1, 4)+"/p2p/"+l.peer(4)+" HTTP/1.1", nil)
		if !strings.Contains(a.body(), "connection refused") {
			t.Errorf("%s", a.body())
		}
	}
}

func TestPeeringDialsTheConfigsPeers(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.start(2)
	l.start(1, "--peering", l.maddr(1, 2)+"/p2p/"+l.peer(2))
	if !l.protects(1, 2) {
		t.Error("the peer is not protected")
	}
	l.waitConnected(1, 2) // after 7.5 to 12.5 s
}

func TestPeeringRedialsUntilRemoved(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.start(1)
	l.start(2)
	l.connect(1, 2)
	if l.protects(1, 2) {
		t.Error("connect protects the peer")
	}
	l.call(1, "swarm/peering/add?arg="+l.maddr(1, 2)+"/p2p/"+l.peer(2))
	if !l.protects(1, 2) {
		t.Error("the peer is not protected")
	}
	l.call(1, "swarm/disconnect?arg=/p2p/"+l.peer(2))
	if l.connected(1, 2) {
		t.Error("still connected after disconnect")
	}
	l.waitConnected(1, 2) // after 7.5 to 12.5 s

	l.call(1, "swarm/peering/rm?arg="+l.peer(2))
	if !l.connected(1, 2) {
		t.Error("peering/rm closed the connection")
	}
	if l.protects(1, 2) {
		t.Error("peering/rm left the protection")
	}
}

func (l *lab) protects(n, other int) bool {
	l.Helper()
	return l.nodes[n].node.host.ConnManager().IsProtected(l.id(other), "ipfs-peering")
}

func TestTrimmingSparesThePeeringSet(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.start(1, "--low-water", "1", "--high-water", "3", "--grace", "0s", "--silence", "100ms")
	for n := 2; n <= 5; n++ {
		l.start(n)
	}
	l.call(1, "swarm/peering/add?arg="+l.maddr(1, 2)+"/p2p/"+l.peer(2))
	for n := 2; n <= 5; n++ {
		l.connect(1, n)
	}
	l.until("all but two peers are trimmed", func() bool {
		return len(l.nodes[1].node.host.Network().Peers()) <= 2
	})
	if !l.connected(1, 2) {
		t.Error("the protected peer was trimmed")
	}
}

func TestFiltersActOnNewConnectionsAndAreSaved(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	dir := t.TempDir()
	l.startIn(dir, 1)
	l.start(2)
	l.connect(1, 2)
	filter := "/ip4/" + l.ip(1, 2) + "/ipcidr/32"
	file := filepath.Join(dir, "repo", "config")

	// An edit by hand is lost: a filters call saves the config that runs. A key
	// that a node does not know stays.
	edited := strings.Replace(read(t, file), `"Bootstrap": []`, `"Bootstrap": ["by hand"], "Unknown": 1`, 1)
	if err := os.WriteFile(file, []byte(edited), 0o600); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf(`{"Strings":[%q]}`+"\n", filter)
	if got := l.call(1, "swarm/filters/add?arg="+filter+"&arg="+filter); got != want {
		t.Errorf("add answers %s, want %s", got, want)
	}
	saved := read(t, file)
	if !strings.Contains(saved, filter) || strings.Contains(saved, "by hand") || !strings.Contains(saved, "Unknown") {
		t.Errorf("saved config: %s", saved)
	}
	if !l.connected(1, 2) {
		t.Error("the filter closed a connection")
	}

	l.call(1, "swarm/disconnect?arg=/p2p/"+l.peer(2))
	a := l.ask(1, "POST /api/v0/swarm/connect?arg="+l.maddr(1, 2)+"/p2p/"+l.peer(2)+" HTTP/1.1", nil)
	if !strings.Contains(a.body(), "gater disallows connection to peer") {
		t.Errorf("%s", a.body())
	}
	if got := l.call(1, "swarm/filters/rm?arg=all"); got != want {
		t.Errorf("rm all answers %s, want %s", got, want)
	}
	l.connect(1, 2)

	a = l.ask(1, "POST /api/v0/swarm/filters/add?arg=/ip4/10.0.0.1 HTTP/1.1", nil)
	if a.ok() {
		t.Errorf("an address that is no range: %s", a.body())
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestFiltersStandConcurrentCalls(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.start(1)
	done := make(chan answer)
	const callers = 8
	for i := range callers {
		go func() {
			entry := fmt.Sprintf("/ip4/10.%d.0.0/ipcidr/16", i)
			l.ask(1, "POST /api/v0/swarm/filters/add?arg="+entry+" HTTP/1.1", nil)
			done <- l.ask(1, "POST /api/v0/swarm/filters/rm?arg="+entry+" HTTP/1.1", nil)
		}()
	}
	for range callers {
		if a := <-done; !a.ok() {
			t.Errorf("%s", a.body())
		}
	}
	if got := l.call(1, "swarm/filters"); got != `{"Strings":null}`+"\n" {
		t.Errorf("left: %s", got)
	}
}

func TestConfigCalls(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.start(1)
	for _, c := range []struct{ call, want string }{
		{"config?arg=Swarm.ConnMgr.HighWater&arg=300&json=true", `{"Key":"Swarm.ConnMgr.HighWater","Value":300}`},
		{"config?arg=Swarm.ConnMgr", `{"Key":"Swarm.ConnMgr","Value":{"HighWater":300}}`},
		{"config?arg=Swarm.ConnMgr.GracePeriod&arg=30s", `{"Key":"Swarm.ConnMgr.GracePeriod","Value":"30s"}`},
		{"config?arg=Bootstrap&arg=[]&json=true", `{"Key":"Bootstrap","Value":[]}`},
		{"config?arg=Identity", `{"Message":"cannot show or change private key through API","Code":0,"Type":"error"}`},
		{"config?arg=Identity.PrivKey", `{"Message":"cannot show or change private key through API","Code":0,"Type":"error"}`},
		{"config?arg=Bootstrap&arg=[&json=true", `{"Message":"failed to unmarshal json. unexpected end of JSON input","Code":0,"Type":"error"}`},
		{"config?arg=No.Such", `{"Message":"failed to get config value: \"No not found\"","Code":0,"Type":"error"}`},
	} {
		if got := l.ask(1, "POST /api/v0/"+c.call+" HTTP/1.1", nil).body(); got != c.want+"\n" {
			t.Errorf("%s answers %s, want %s", c.call, got, c.want)
		}
	}
}

func TestKindsOfSecrets(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.start(1,
		"--auth", "bare=plain;paths=/api/v0/id",
		"--auth", "user=basic:me:secret;paths=/api/v0/",
		"--auth", "encoded=basic:eW91OnNlY3JldA==;paths=/api/v0/id",
		"--auth", "broken=digest:x;paths=/api/v0/")
	for header, ok := range map[string]bool{
		"Bearer plain":             true,
		"Basic bWU6c2VjcmV0":       true,
		"Basic eW91OnNlY3JldA==":   true,
		"Bearer me:secret":         false,
		"digest:x":                 false,
		"Bearer digest:x":          false,
		"Basic bWU6d3Jvbmc=":       false,
		"bearer plain":             false,
		"Basic ZGlnZXN0OnNlY3JldA": false,
	} {
		if got := l.ask(1, "POST /api/v0/id HTTP/1.1", []string{"Authorization: " + header}).ok(); got != ok {
			t.Errorf("%s: admitted is %v", header, got)
		}
	}
}

// A machine has no loopback addresses outside 127.0.0.0/8, which is exempt, so
// the limits are asked directly.
func TestConnectionRateLimit(t *testing.T) {
	t.Parallel()
	limits, err := kuboLimits(swarmConfig{})
	if err != nil {
		t.Fatal(err)
	}
	const admitted = 16
	for _, from := range []string{"/ip4/10.1.2.3/tcp/4001", "/ip6/2001:db8:1:2::3/tcp/4001"} {
		m, err := newResourceManager(swarmConfig{}, limits)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		for i := range admitted + 1 {
			scope, err := m.OpenConnection(network.DirOutbound, true, ma.StringCast(from))
			switch {
			case i < admitted && err != nil:
				t.Errorf("%s: connection %d: %v", from, i, err)
			case i == admitted && (err == nil || !strings.Contains(err.Error(), "rate limit exceeded")):
				t.Errorf("%s: connection %d: %v", from, i, err)
			}
			if err == nil {
				scope.Done() // the rate counts, not how many there are at once
			}
		}
	}
}

func TestConcurrencyLimitOfASubnet(t *testing.T) {
	t.Parallel()
	limits, err := kuboLimits(swarmConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if limits.ToPartialLimitConfig().System.ConnsInbound < minInboundConns {
		t.Error("fewer inbound connections than Kubo's least")
	}
	for from, want := range map[string]int{
		"/ip4/10.1.2.3/tcp/4001":        8,
		"/ip6/2001:db8:1:2::3/tcp/4001": 16, // the library alone has 8
	} {
		m, err := newResourceManager(swarmConfig{}, limits)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		open := 0
		for open <= want {
			scope, err := m.OpenConnection(network.DirInbound, true, ma.StringCast(from))
			if err != nil {
				break
			}
			defer scope.Done()
			open++
		}
		if open != want {
			t.Errorf("%d connections from %s, Kubo has %d", open, from, want)
		}
	}
}
