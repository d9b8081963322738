// The command line.

package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// defaultAgent names the Kubo release whose libraries go.mod pins.
const defaultAgent = "kubo/0.43.0"

const usage = `swarmnode: a Kubo stand-in for tests, on Kubo's own libraries.

usage: swarmnode --repo DIR [flags]

Prints one line of JSON when it is ready: {"id":…,"api":…,"swarm":[…]}.
Ends on SIGTERM, SIGINT and the shutdown call.

The config file in the repo is the truth, as with Kubo. --profile and --filter
are used only when the repo is created, because filters are changed later by
RPC; every other flag that is given is written to the config at each start.

flags:
`

// settings is the command line after parsing.
type settings struct {
	repo          string
	newIdentity   bool
	api           string
	swarm         []string
	auth          []string
	swarmKey      string
	profile       string
	filters       []string
	noAnnounce    []string
	peering       []string
	lowWater      int64
	highWater     int64
	grace         time.Duration
	silence       time.Duration
	offline       bool
	requestLog    string
	agent         string
	dns           string
	dieWithParent bool
}

type repeated struct{ values *[]string }

func (r repeated) String() string { return "" }

func (r repeated) Set(v string) error {
	*r.values = append(*r.values, v)
	return nil
}

func parseSettings(args []string, out io.Writer) (settings, error) {
	s := settings{lowWater: -1, highWater: -1, grace: -1, silence: -1}
	fs := flag.NewFlagSet("swarmnode", flag.ContinueOnError)
	fs.SetOutput(out)
	fs.Usage = func() {
		fmt.Fprint(out, usage)
		fs.PrintDefaults()
	}

	fs.StringVar(&s.repo, "repo", "", "`folder` with the identity and the config; created at the first start (required)")
	fs.BoolVar(&s.newIdentity, "new-identity", false, "replace the identity in the repo, keep the rest of its config")
	fs.StringVar(&s.api, "api", "", "`address` of the RPC, as 127.0.3.4:5001 or a multiaddr (default 127.0.0.1:0)")
	fs.Var(repeated{&s.swarm}, "swarm", "`multiaddr` to listen on, such as /ip4/127.0.3.4/tcp/4001 (repeatable; default /ip4/127.0.0.1/tcp/0)")
	fs.Var(repeated{&s.auth}, "auth", "`rule` for API.Authorizations: NAME=bearer:TOKEN;paths=/api/v0/id,/api/v0/swarm/ or NAME=basic:USER:PASSWORD;paths=… (repeatable)")
	fs.StringVar(&s.swarmKey, "swarm-key", "", "`file` with the key of a private network (default: swarm.key in the repo, if there)")
	fs.StringVar(&s.profile, "profile", "", "Kubo config profile for a new repo; \"server\" is the only one")
	fs.Var(repeated{&s.filters}, "filter", "`filter` for a new repo's Swarm.AddrFilters, such as /ip4/10.0.0.0/ipcidr/8 (repeatable)")
	fs.Var(repeated{&s.noAnnounce}, "no-announce", "`filter` or multiaddr for Addresses.NoAnnounce (repeatable)")
	fs.Var(repeated{&s.peering}, "peering", "`multiaddr`/p2p/ID for Peering.Peers (repeatable)")
	fs.Int64Var(&s.lowWater, "low-water", s.lowWater, "`connections` for Swarm.ConnMgr.LowWater (Kubo's default is 32)")
	fs.Int64Var(&s.highWater, "high-water", s.highWater, "`connections` for Swarm.ConnMgr.HighWater (Kubo's default is 96)")
	fs.DurationVar(&s.grace, "grace", s.grace, "`duration` for Swarm.ConnMgr.GracePeriod (Kubo's default is 20s)")
	fs.DurationVar(&s.silence, "silence", s.silence, "`duration` for Swarm.ConnMgr.SilencePeriod (Kubo's default is 10s)")
	fs.BoolVar(&s.offline, "offline", false, "start without libp2p, as ipfs daemon --offline does")
	fs.StringVar(&s.requestLog, "request-log", "", "`file` to append one line of JSON to for each RPC request, before it is answered")
	fs.StringVar(&s.agent, "agent-version", defaultAgent, "`agent` told to peers; its second part is the version that the RPC tells")
	fs.StringVar(&s.dns, "dns", "", "`host:port` of the DNS server to ask for /dns4, /dns6 and /dnsaddr, in place of the machine's")
	fs.BoolVar(&s.dieWithParent, "die-with-parent", false, "end when the process that started this one ends")

	if err := fs.Parse(args); err != nil {
		return s, err
	}
	if err := s.check(fs.Args()); err != nil {
		fmt.Fprintln(out, "swarmnode:", err)
		return s, err
	}
	return s, nil
}

func (s *settings) check(rest []string) error {
	if len(rest) > 0 {
		return fmt.Errorf("unexpected argument %q", rest[0])
	}
	if s.repo == "" {
		return errors.New("--repo is required")
	}
	if s.profile != "" && s.profile != "server" {
		return fmt.Errorf("--profile %q: only \"server\" is known", s.profile)
	}
	if name, version, ok := strings.Cut(s.agent, "/"); !ok || name == "" || version == "" {
		return fmt.Errorf("--agent-version %q: want name/version", s.agent)
	}
	if s.silence == 0 {
		return errors.New("--silence must be longer than nothing")
	}
	if s.api != "" {
		if _, err := apiMultiaddr(s.api); err != nil {
			return fmt.Errorf("--api: %w", err)
		}
	}
	return nil
}

// apiMultiaddr accepts both spellings of an RPC address; the config holds a
// multiaddr, as Kubo's does.
func apiMultiaddr(text string) (ma.Multiaddr, error) {
	if strings.HasPrefix(text, "/") {
		return ma.NewMultiaddr(text)
	}
	addr, err := net.ResolveTCPAddr("tcp", text)
	if err != nil {
		return nil, err
	}
	return manet.FromNetAddr(addr)
}

// parseAuth reads one --auth rule.
func parseAuth(rule string) (string, *authScope, error) {
	name, rest, ok := strings.Cut(rule, "=")
	secret, paths, ok2 := strings.Cut(rest, ";paths=")
	if !ok || !ok2 || name == "" || secret == "" {
		// The rule itself is not repeated: it may hold a secret.
		return "", nil, fmt.Errorf("--auth %q: want NAME=SECRET;paths=PREFIX,PREFIX", name)
	}
	return name, &authScope{AuthSecret: secret, AllowedPaths: strings.Split(paths, ",")}, nil
}
