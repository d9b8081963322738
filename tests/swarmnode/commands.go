// The tree of RPC commands, and the ones about the node itself.

package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"unicode"

	cmds "github.com/ipfs/go-ipfs-cmds"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
)

// Kubo says the same thing in two ways, depending on how deep a call gets.
var (
	errCommandOffline = errors.New("this command must be run in online mode. Try running 'ipfs daemon' first")
	errActionOffline  = errors.New("this action must be run in online mode, try running 'ipfs daemon' first")
)

// repoVersion is the repo layout of the releases around the pinned one.
const repoVersion = "18"

// rootCommand holds every call. Its options are those that Kubo has on every
// call: a known option of the wrong type is an error, an unknown one is not.
var rootCommand = &cmds.Command{
	Options: []cmds.Option{
		cmds.BoolOption("offline", "Run the command offline."),
		cmds.BoolOption("local", "L", "DEPRECATED: use offline."),
		cmds.BoolOption("debug", "D", "Operate in debug mode."),
		cmds.OptionEncodingType,
		cmds.OptionStreamChannels,
		cmds.OptionTimeout,
	},
	Subcommands: map[string]*cmds.Command{
		"version":  {Run: run1(runVersion)},
		"shutdown": {Run: runShutdown},
		"id": {
			Arguments: []cmds.Argument{cmds.StringArg("peerid", false, false, "Peer.ID of node to look up.")},
			Run:       run1(runID),
		},
		"config": {
			Arguments: []cmds.Argument{
				cmds.StringArg("key", true, false, "The key of the config entry."),
				cmds.StringArg("value", false, false, "The value to set the config entry to."),
			},
			Options: []cmds.Option{
				cmds.BoolOption("bool", "Set a boolean value."),
				cmds.BoolOption("json", "Parse stringified JSON."),
			},
			Run: run1(runConfig),
		},
		"bootstrap": {
			Run:         run1(runBootstrapList),
			Subcommands: map[string]*cmds.Command{"list": {Run: run1(runBootstrapList)}},
		},
		"diag": {Subcommands: map[string]*cmds.Command{"healthy": {Run: run1(runHealthy)}}},
		"ping": {
			Arguments: []cmds.Argument{cmds.StringArg("peer ID", true, true, "ID of peer to be pinged.")},
			Options:   []cmds.Option{cmds.IntOption("count", "n", "Number of ping messages to send.").WithDefault(10)},
			Run:       runPing,
		},
		"block": blockCommand,
		"swarm": swarmCommand,
	},
}

// run1 makes a command of a call that answers with one object.
func run1(call func(*cmds.Request, *node) (any, error)) cmds.Function {
	return func(req *cmds.Request, res cmds.ResponseEmitter, env cmds.Environment) error {
		out, err := call(req, env.(*node))
		if err != nil {
			return err
		}
		return cmds.EmitOnce(res, out)
	}
}

// flagged tells whether a boolean option is set.
func flagged(req *cmds.Request, name string) bool {
	v, _ := req.Options[name].(bool)
	return v
}

func runVersion(_ *cmds.Request, n *node) (any, error) {
	return &struct{ Version, Commit, Repo, System, Golang string }{
		Version: n.version,
		Repo:    repoVersion,
		System:  runtime.GOARCH + "/" + runtime.GOOS,
		Golang:  runtime.Version(),
	}, nil
}

// identity is what id answers with, and swarm/peers for a peer.
type identity struct {
	ID           string
	PublicKey    string
	Addresses    []string
	AgentVersion string
	Protocols    []protocol.ID
}

func runID(req *cmds.Request, n *node) (any, error) {
	if len(req.Arguments) == 0 {
		return n.identifySelf()
	}
	id, err := peer.Decode(req.Arguments[0])
	if err != nil {
		return nil, errors.New("invalid peer id")
	}
	if id == n.id {
		return n.identifySelf()
	}
	if !n.online() {
		return nil, errors.New("'ipfs id' cannot query information on remote peers without a running daemon; if you only want to convert --peerid-base, pass --offline option")
	}
	if !flagged(req, "offline") {
		if err := n.host.Connect(req.Context, peer.AddrInfo{ID: id}); err != nil {
			return nil, err
		}
	}
	return n.identify(id)
}

func (n *node) identifySelf() (any, error) {
	key, err := crypto.MarshalPublicKey(n.key.GetPublic())
	if err != nil {
		return nil, err
	}
	out := &identity{
		ID:           n.id.String(),
		PublicKey:    base64.StdEncoding.EncodeToString(key),
		AgentVersion: n.agent,
	}
	if !n.online() {
		return out, nil
	}
	addrs, err := peer.AddrInfoToP2pAddrs(host.InfoFromHost(n.host))
	if err != nil {
		return nil, err
	}
	for _, addr := range addrs {
		out.Addresses = append(out.Addresses, addr.String())
	}
	slices.Sort(out.Addresses)
	out.Protocols = n.host.Mux().Protocols()
	slices.Sort(out.Protocols)
	return out, nil
}

// identify tells what is known of another peer, without asking it.
func (n *node) identify(id peer.ID) (identity, error) {
	out := identity{ID: id.String()}
	store := n.host.Peerstore()
	if key := store.PubKey(id); key != nil {
		raw, err := crypto.MarshalPublicKey(key)
		if err != nil {
			return identity{}, err
		}
		out.PublicKey = base64.StdEncoding.EncodeToString(raw)
	}
	info := store.PeerInfo(id)
	addrs, err := peer.AddrInfoToP2pAddrs(&info)
	if err != nil {
		return identity{}, err
	}
	for _, addr := range addrs {
		out.Addresses = append(out.Addresses, addr.String())
	}
	slices.Sort(out.Addresses)
	protocols, _ := store.GetProtocols(id) // none known is no error
	for _, p := range protocols {
		out.Protocols = append(out.Protocols, protocol.ID(clean(string(p))))
	}
	slices.Sort(out.Protocols)
	if v, err := store.Get(id, "AgentVersion"); err == nil {
		if agent, ok := v.(string); ok {
			out.AgentVersion = clean(agent)
		}
	}
	return out, nil
}

// clean makes text that came from another peer safe to show, as Kubo does.
func clean(text string) string {
	text = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Cs) {
			return unicode.ReplacementChar
		}
		return r
	}, text))
	if runes := []rune(text); len(runes) > 128 {
		return string(runes[:128])
	}
	return text
}

type configEntry struct {
	Key   string
	Value any
}

func runConfig(req *cmds.Request, n *node) (any, error) {
	key := req.Arguments[0]
	if low := strings.ToLower(key); low == "identity" || low == "identity.privkey" {
		return nil, errors.New("cannot show or change private key through API")
	}
	if len(req.Arguments) == 2 {
		var value any = req.Arguments[1]
		switch {
		case flagged(req, "json"):
			if err := json.Unmarshal([]byte(req.Arguments[1]), &value); err != nil {
				return nil, fmt.Errorf("failed to unmarshal json. %s", err)
			}
		case flagged(req, "bool"):
			value = value == "true"
		}
		if err := n.repo.setKey(key, value); err != nil {
			return nil, fmt.Errorf("failed to set config value: %s (maybe use --json?)", err)
		}
	}
	value, err := n.repo.key(key)
	if err != nil {
		return nil, fmt.Errorf("failed to get config value: %q", err)
	}
	return &configEntry{key, value}, nil
}

func runBootstrapList(_ *cmds.Request, n *node) (any, error) {
	return &struct{ Peers []string }{n.repo.config().Bootstrap}, nil
}

func runHealthy(_ *cmds.Request, n *node) (any, error) {
	select {
	case <-n.stopRequested():
		return nil, errors.New("daemon is shutting down (started 0s ago)")
	default:
		return "ok", nil
	}
}

func runShutdown(_ *cmds.Request, _ cmds.ResponseEmitter, env cmds.Environment) error {
	env.(*node).requestStop()
	return nil
}
