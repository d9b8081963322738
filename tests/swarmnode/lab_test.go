// A lab is a few nodes in this process on loopback addresses of their own, laid
// out like the network that the recordings come from, so that a recorded
// request can be asked again with nothing but names replaced.

package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	ipeer "github.com/libp2p/go-libp2p/core/peer"
	"golang.org/x/sys/unix"
)

// patience bounds every wait; none should come near it.
const patience = 30 * time.Second

// recordedVersion is what the nodes call themselves, so that the recorded
// texts need no change in that respect.
const recordedVersion = "0.44.0-dev"

// recordedPeers are the identities in the recordings. 1 to 6 are the nodes on
// 10.77.1.N and 192.168.77.N; 11 and 12 are nodes 1 and 2 of the private network.
var recordedPeers = map[int]string{
	1:  "12D3KooWQjZCXJhDF7kS5aQeMqk67n7huug6teJxUMH26FHCMD3M",
	2:  "12D3KooWJ2G57aPNqpkuKRPm6NZa4wKW9KSQvNs3SnJ5CfCf1mc6",
	3:  "12D3KooWBWedc8hiUeSQzXHv1FanCQRhLYKbR2ZfQYApsLuCwzWZ",
	4:  "12D3KooWHQb7MX7pT9sB1L5epFAkfXaf3HqGu2oRuBZMchSV5roK",
	5:  "12D3KooWHtfHAqxzynnxHffL8jdwXVnnd97yp5Rxg8FQw6ruvD6o",
	6:  "12D3KooWHMWHUCad77UZbNrCgY5DzwtsHJpHY7qTUfXMAbEAW7Ut",
	11: "12D3KooWP8ySCkSFYCJdSL8siRW6GpwZwmcXytU5NNtaM9EWKvHr",
	12: "12D3KooWBSCbqbJtA9ukUmLijskFZe8KtJWh1rTn1YsXvMtNNHAc",
}

type lab struct {
	*testing.T
	octet int // the lab owns 127.octet.0.0/16
	nodes map[int]*daemon
	peers map[int]string // the identities that stand in for the recorded ones
}

func newLab(t *testing.T) *lab {
	l := &lab{T: t, nodes: map[int]*daemon{}, peers: map[int]string{}}
	for range 100 {
		l.octet = 16 + rand.IntN(200)
		// Holding one address of the range keeps other test runs out of it.
		held, err := net.Listen("tcp4", fmt.Sprintf("127.%d.0.1:4001", l.octet))
		if err == nil {
			t.Cleanup(func() { held.Close() })
			return l
		}
	}
	t.Fatal("no free loopback range")
	return nil
}

// ip is the address of node n on the pod network (1) or the storage network (2).
func (l *lab) ip(network, n int) string {
	return fmt.Sprintf("127.%d.%d.%d", l.octet, network, n%10)
}

func (l *lab) maddr(network, n int) string {
	return "/ip4/" + l.ip(network, n) + "/tcp/4001"
}

// start runs node n on the pod network.
func (l *lab) start(n int, flags ...string) *daemon {
	l.Helper()
	return l.startIn(l.TempDir(), n, flags...)
}

// startBoth runs node n on the pod network and the storage network.
func (l *lab) startBoth(n int, flags ...string) *daemon {
	l.Helper()
	return l.start(n, append([]string{"--swarm", l.maddr(2, n)}, flags...)...)
}

func (l *lab) startIn(dir string, n int, flags ...string) *daemon {
	l.Helper()
	args := []string{
		"--repo", filepath.Join(dir, "repo"),
		"--api", l.ip(1, n) + ":0",
		"--swarm", l.maddr(1, n),
		"--agent-version", "kubo/" + recordedVersion,
	}
	s, err := parseSettings(append(args, flags...), os.Stderr)
	if err != nil {
		l.Fatal(err)
	}
	d, err := startDaemon(s)
	if err != nil {
		l.Fatal(err)
	}
	var once sync.Once
	stop := func() {
		if err := d.close(); err != nil {
			l.Errorf("node %d: end: %v", n, err)
		}
	}
	l.Cleanup(func() { once.Do(stop) })
	l.nodes[n] = d
	l.peers[n] = d.node.id.String()
	return d
}

func (l *lab) peer(n int) string {
	if l.peers[n] == "" { // somebody who is only talked about
		id, err := newIdentity()
		if err != nil {
			l.Fatal(err)
		}
		l.peers[n] = id.PeerID
	}
	return l.peers[n]
}

// translate puts the lab's names in the place of the recorded ones.
func (l *lab) translate(text string) string {
	pairs := []string{
		"10.77.", fmt.Sprintf("127.%d.", l.octet),
		"192.168.77.", fmt.Sprintf("127.%d.2.", l.octet),
		// In the recordings the filter for the pod network is this one.
		"/ip4/10.0.0.0/ipcidr/8", fmt.Sprintf("/ip4/127.%d.1.0/ipcidr/24", l.octet),
		`"amd64/linux"`, `"` + runtime.GOARCH + "/" + runtime.GOOS + `"`,
		`"go1.26.8"`, `"` + runtime.Version() + `"`,
	}
	for n, recorded := range recordedPeers {
		pairs = append(pairs, recorded, l.peer(n))
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// call makes a plain RPC call that must succeed, and gives its body.
func (l *lab) call(n int, call string) string {
	l.Helper()
	a := l.ask(n, "POST /api/v0/"+call+" HTTP/1.1", nil)
	if !a.ok() {
		l.Fatalf("node %d: %s: %s: %s", n, call, a.status, a.body())
	}
	return a.body()
}

// ask sends a request as raw text and reads the answer to its end.
func (l *lab) ask(n int, line string, headers []string) answer {
	l.Helper()
	conn, err := net.Dial("tcp", l.nodes[n].api.Addr().String())
	if err != nil {
		l.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	lines := append([]string{line, "Host: " + conn.RemoteAddr().String(), "Connection: close"}, headers...)
	if _, err := io.WriteString(conn, strings.Join(lines, "\r\n")+"\r\n\r\n"); err != nil {
		l.Fatal(err)
	}
	raw, err := io.ReadAll(conn)
	if err != nil {
		l.Fatal(err)
	}
	a, err := parseAnswer(raw)
	if err != nil {
		l.Fatalf("%s: %v in\n%s", line, err, raw)
	}
	return a
}

func (l *lab) connect(from, to int) {
	l.Helper()
	l.call(from, "swarm/connect?arg="+l.maddr(1, to)+"/p2p/"+l.peer(to))
}

func (l *lab) connected(from, to int) bool {
	id, err := ipeer.Decode(l.peer(to))
	if err != nil {
		l.Fatal(err)
	}
	return len(l.nodes[from].node.host.Network().ConnsToPeer(id)) > 0
}

func (l *lab) waitConnected(from, to int) {
	l.Helper()
	l.until(fmt.Sprintf("%d is connected to %d", from, to), func() bool { return l.connected(from, to) })
}

// until waits for a condition.
func (l *lab) until(what string, holds func() bool) {
	l.Helper()
	waitUntil(l.T, what, holds)
}

func waitUntil(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within %s: %s", patience, what)
		}
	}
}

// darkAddress makes 127.octet.9.9:4001 an address that answers nothing, like
// one without a host: a listener whose queue is full drops what comes.
func (l *lab) darkAddress() {
	l.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		l.Fatal(err)
	}
	l.Cleanup(func() { unix.Close(fd) })
	at := &unix.SockaddrInet4{Port: 4001, Addr: [4]byte{127, byte(l.octet), 9, 9}}
	if err := unix.Bind(fd, at); err != nil {
		l.Fatal(err)
	}
	if err := unix.Listen(fd, 0); err != nil {
		l.Fatal(err)
	}
	dialer := net.Dialer{Timeout: 250 * time.Millisecond}
	for range 8 {
		conn, err := dialer.Dial("tcp4", fmt.Sprintf("127.%d.9.9:4001", l.octet))
		if err != nil {
			return // the queue is full
		}
		l.Cleanup(func() { conn.Close() })
	}
	l.Fatal("the dark address answers")
}

// silentDNS is a DNS server that never answers.
func (l *lab) silentDNS() string {
	l.Helper()
	conn, err := net.ListenPacket("udp4", fmt.Sprintf("127.%d.9.53:0", l.octet))
	if err != nil {
		l.Fatal(err)
	}
	l.Cleanup(func() { conn.Close() })
	return conn.LocalAddr().String()
}
