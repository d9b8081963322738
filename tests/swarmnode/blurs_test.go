// What cannot be equal to a recording, each with its reason. A blur is laid
// over both answers before they are compared; its check, if it has one, looks
// at what the blur hides.

package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

type blur struct {
	name   string
	verify func(got, want string) error
	apply  func(chunks []string) []string
}

func (b blur) check(got, want string) error {
	if b.verify == nil {
		return nil
	}
	return b.verify(got, want)
}

func (b blur) chunks(chunks []string) []string { return b.apply(slices.Clone(chunks)) }

// replacing blurs whatever a pattern matches.
func replacing(name, pattern, by string) blur {
	re := regexp.MustCompile(pattern)
	return blur{name: name, apply: func(chunks []string) []string {
		for i := range chunks {
			chunks[i] = re.ReplaceAllString(chunks[i], by)
		}
		return chunks
	}}
}

// Parts of patterns: what a failure to secure a connection starts with, and
// what it says when the other end is gone.
const (
	securing = `(failed to negotiate security protocol:) `
	cutTexts = `(?:EOF|context deadline exceeded|(?:read|write) tcp4 [0-9.:]+-\\u003e[0-9.:]+: ` +
		`(?:read: connection reset by peer|write: broken pipe|write: connection reset by peer)`
)

var (
	// A ping takes as long as it takes.
	pingTimes = []blur{
		replacing("round trip", `"Time":[1-9]\d*`, `"Time":NANOSECONDS`),
		replacing("average", `latency: \d+\.\d\dms`, `latency: MEASURED`),
	}
	// Kubo has a latency before the first ping, from the DHT's requests.
	latency = replacing("latency", `"Latency":"(n/a|[0-9.]+(ns|µs|ms|s))"`, `"Latency":"MEASURED"`)

	publicKey = replacing("public key", `"PublicKey":"[A-Za-z0-9+/]{48}"`, `"PublicKey":"KEY"`)

	// The recorded nodes listened on all addresses of their machine.
	wildcardListen = replacing("wildcard listen", `"/ip4/127\.0\.0\.1/tcp/4001[^"]*",`, "")
	// AutoTLS is not part of a swarmnode.
	autoTLSListen = replacing("AutoTLS", `"/ip4/[0-9.]+/tcp/4001/tls/sni/\*\.libp2p\.direct/ws",`, "")

	// The far end drops a connection that it filters; whether its FIN, its RST
	// or our own time limit comes first is chance.
	securityCut = replacing("cut while securing", securing+cutTexts+`)`, `$1 CUT`)
	// So it is with a wrong swarm key, which makes noise of every message: the
	// end that reads first also may refuse what it takes for a length or a line.
	wrongKey = replacing("wrong key", securing+cutTexts+`|incoming message was too large|`+
		`message did not have trailing newline|unexpected EOF|varints? [a-z0-9 ,]+)`, `$1 CUT`)

	// An address without a host: the neighbour table may say so first. And a
	// node that listens on one address dials from it, and then names it.
	noAnswer = replacing("no answer",
		`dial tcp4 (?:[0-9.:]+-\\u003e)?([0-9.]+:4001): (i/o timeout|connect: no route to host)`,
		`dial tcp4 $1: NO ANSWER`)
	// QUIC's own time limit for a handshake is as long as the dial's.
	noQUICAnswer = replacing("no QUIC answer",
		`quic-v1\] (context deadline exceeded|timeout: no recent network activity)`, `quic-v1] NO ANSWER`)

	// The lines of a failed dial come in the order of failing.
	dialLines = blur{name: "order of failures", apply: func(chunks []string) []string {
		re := regexp.MustCompile(`(?:\\n  \* \[[^\]]*\] (?:[^"\\]|\\u003e)*)+`)
		for i := range chunks {
			chunks[i] = re.ReplaceAllStringFunc(chunks[i], func(lines string) string {
				list := strings.Split(lines, `\n`)
				slices.Sort(list)
				return strings.Join(list, `\n`)
			})
		}
		return chunks
	}}

	// Peers of one call are gathered in a Go map.
	anyOrder = blur{name: "order of objects", apply: func(chunks []string) []string {
		slices.Sort(chunks)
		return chunks
	}}

	// So is the list of peering entries.
	peerOrder = blur{name: "order of entries", apply: func(chunks []string) []string {
		for i := range chunks {
			if list, ok := strings.CutPrefix(chunks[i], `{"Peers":[`); ok {
				entries := strings.Split(strings.TrimSuffix(list, "]}\n"), `,{"ID"`)
				for j := range entries {
					entries[j] = strings.TrimPrefix(entries[j], `{"ID"`)
				}
				slices.Sort(entries)
				chunks[i] = strings.Join(entries, "\n")
			}
		}
		return chunks
	}}

	// A swarmnode speaks fewer protocols than Kubo, and none that Kubo does not.
	protocols = blur{
		name:   "protocols",
		verify: speaksNoMore,
		apply:  replacing("", protocolList.String(), `"Protocols":[LIST]`).apply,
	}

	// Which streams happen to be open is chance; there must be one to see.
	streams = replacing("streams", `"Streams":\[\{"Protocol":"[^"]+"\}(,\{"Protocol":"[^"]+"\})*\]`, `"Streams":[LIST]`)

	// Usage and limits depend on the machine; kinds and order must be right.
	resources = []blur{
		{
			name:   "limits",
			verify: sameSystemKinds,
			// Memory limits are strings, the others numbers or one of three words.
			apply: replacing("", `("(?:FD|Conns\w*|Streams\w*)"):(\d+|"unlimited"|"blockAll"|"default"),("\w+Usage")`, `$1:L,$3`).apply,
		},
		replacing("scope", `\{"Memory":"(?:\d+|default)","MemoryUsage":\d+,`+
			`"FD":L,"FDUsage":\d+,"Conns":L,"ConnsUsage":\d+,"ConnsInbound":L,"ConnsInboundUsage":\d+,`+
			`"ConnsOutbound":L,"ConnsOutboundUsage":\d+,"Streams":L,"StreamsUsage":\d+,`+
			`"StreamsInbound":L,"StreamsInboundUsage":\d+,"StreamsOutbound":L,"StreamsOutboundUsage":\d+\}`, `SCOPE`),
		// Services, protocols and peers are those of the node.
		replacing("scopes", `\{"[^"{}]+":SCOPE(,"[^"{}]+":SCOPE)*\}`, `SCOPES`),
	}
)

var protocolList = regexp.MustCompile(`"Protocols":\[("[^"]*"(?:,"[^"]*")*)\]`)

func speaksNoMore(got, want string) error {
	gotLists, wantLists := protocolList.FindAllStringSubmatch(got, -1), protocolList.FindAllStringSubmatch(want, -1)
	if len(gotLists) != len(wantLists) || len(gotLists) == 0 {
		return fmt.Errorf("%d lists, want %d", len(gotLists), len(wantLists))
	}
	for i := range gotLists {
		spoken := strings.Split(gotLists[i][1], ",")
		if !slices.IsSorted(spoken) {
			return fmt.Errorf("not sorted: %s", spoken)
		}
		for _, p := range spoken {
			if !strings.Contains(wantLists[i][1], p) {
				return fmt.Errorf("Kubo does not speak %s", p)
			}
		}
	}
	return nil
}

// sameSystemKinds compares what is unlimited in the two scopes that every
// node has.
func sameSystemKinds(got, want string) error {
	type report struct{ System, Transient map[string]any }
	var g, w report
	if err := json.Unmarshal([]byte(got), &g); err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		return err
	}
	kinds := func(scope map[string]any) string {
		var out []string
		for k, v := range scope {
			kind := fmt.Sprintf("%T", v)
			if v == "unlimited" || v == "blockAll" {
				kind = v.(string)
			}
			out = append(out, k+": "+kind)
		}
		slices.Sort(out)
		return strings.Join(out, ", ")
	}
	for name, pair := range map[string][2]map[string]any{"System": {g.System, w.System}, "Transient": {g.Transient, w.Transient}} {
		if a, b := kinds(pair[0]), kinds(pair[1]); a != b {
			return fmt.Errorf("%s is\n%s, want\n%s", name, a, b)
		}
	}
	return nil
}
