// The swarm calls: connections, peering, addresses and resources.

package main

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	cmds "github.com/ipfs/go-ipfs-cmds"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	ma "github.com/multiformats/go-multiaddr"
)

// Kubo's mark on a peer that was connected to by request: worth something to
// the connection manager, but no protection.
const (
	connectTag    = "user-connect"
	connectWeight = 100
)

// resolveTimeout bounds the resolution of addresses that do not end in a peer ID.
const resolveTimeout = 10 * time.Second

var swarmCommand = &cmds.Command{
	Subcommands: map[string]*cmds.Command{
		"connect":    {Arguments: addressArgument("Address of peer to connect to."), Run: run1(runConnect)},
		"disconnect": {Arguments: addressArgument("Address of peer to disconnect from."), Run: run1(runDisconnect)},
		"peers": {
			Options: []cmds.Option{
				cmds.BoolOption("verbose", "v", "display all extra information"),
				cmds.BoolOption("streams", "Also list information about open streams for each peer"),
				cmds.BoolOption("latency", "Also list information about latency to each peer"),
				cmds.BoolOption("direction", "Also list information about the direction of connection"),
				cmds.BoolOption("identify", "Also list information about peers identify"),
			},
			Run: run1(runPeers),
		},
		"peering": {Subcommands: map[string]*cmds.Command{
			"add": {Arguments: addressArgument("address of peer to add into the peering subsystem"), Run: runPeeringAdd},
			"ls":  {Run: run1(runPeeringLs)},
			"rm": {
				Arguments: []cmds.Argument{cmds.StringArg("ID", true, true, "ID of peer to remove from the peering subsystem")},
				Run:       runPeeringRm,
			},
		}},
		"addrs": {
			Run: run1(runKnownAddrs),
			Subcommands: map[string]*cmds.Command{
				"autonat": {Run: run1(runAutoNAT)},
				"listen":  {Run: run1(runListenAddrs)},
				"local": {
					Options: []cmds.Option{cmds.BoolOption("id", "Show peer ID in addresses.")},
					Run:     run1(runLocalAddrs),
				},
			},
		},
		"filters": {
			Run: run1(runFilters),
			Subcommands: map[string]*cmds.Command{
				"add": {Arguments: addressArgument("Multiaddr to filter."), Run: run1(runFiltersAdd)},
				"rm":  {Arguments: addressArgument("Multiaddr filter to remove."), Run: run1(runFiltersRm)},
			},
		},
		"resources": {Run: run1(runResources)},
	},
}

func addressArgument(what string) []cmds.Argument {
	return []cmds.Argument{cmds.StringArg("address", true, true, what)}
}

// stringList is the answer of the calls that list lines.
type stringList struct{ Strings []string }

// onlineAction and onlineCommand are the two depths at which Kubo finds out
// that it is offline; only the first one heeds the call's offline option.
func (n *node) onlineAction(req *cmds.Request) error {
	if !n.online() || flagged(req, "offline") {
		return errActionOffline
	}
	return nil
}

func (n *node) onlineCommand() error {
	if !n.online() {
		return errCommandOffline
	}
	return nil
}

func runConnect(req *cmds.Request, n *node) (any, error) {
	infos, err := n.parseAddresses(req.Context, req.Arguments)
	if err != nil {
		return nil, err
	}
	out := make([]string, len(infos))
	for i, info := range infos {
		out[i] = "connect " + info.ID.String()
		err := n.onlineAction(req)
		if err == nil {
			err = n.connect(req.Context, info)
		}
		if err != nil {
			return nil, fmt.Errorf("%s failure: %s", out[i], err)
		}
		out[i] += " success"
	}
	return &stringList{out}, nil
}

func (n *node) connect(ctx context.Context, info peer.AddrInfo) error {
	// A request by hand is not held up by the failures before it.
	if s, ok := n.host.Network().(*swarm.Swarm); ok {
		s.Backoff().Clear(info.ID)
	}
	if err := n.host.Connect(ctx, info); err != nil {
		return err
	}
	n.host.ConnManager().TagPeer(info.ID, connectTag, connectWeight)
	return nil
}

func runDisconnect(req *cmds.Request, n *node) (any, error) {
	infos, err := n.parseAddresses(req.Context, req.Arguments)
	if err != nil {
		return nil, err
	}
	out := make([]string, 0, len(infos))
	for _, info := range infos {
		addrs, err := peer.AddrInfoToP2pAddrs(&info)
		if err != nil {
			return nil, err
		}
		for _, addr := range addrs {
			line := "disconnect " + info.ID.String() + " success"
			err := n.onlineAction(req)
			if err == nil {
				err = n.disconnect(addr)
			}
			if err != nil { // inside a 200, as Kubo does it
				line = "disconnect " + info.ID.String() + " failure: " + err.Error()
			}
			out = append(out, line)
		}
	}
	return &stringList{out}, nil
}

func (n *node) disconnect(addr ma.Multiaddr) error {
	at, id := peer.SplitAddr(addr)
	if id == "" {
		return peer.ErrInvalidAddr
	}
	net := n.host.Network()
	if at == nil {
		if net.Connectedness(id) != network.Connected {
			return errors.New("not connected")
		}
		return net.ClosePeer(id)
	}
	for _, c := range net.ConnsToPeer(id) {
		if c.RemoteMultiaddr().Equal(at) {
			return c.Close()
		}
	}
	return errors.New("conn not found")
}

// parseAddresses gathers the arguments by peer. Addresses without a peer ID
// are resolved to ones that have it.
func (n *node) parseAddresses(ctx context.Context, args []string) ([]peer.AddrInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	var (
		lock   sync.Mutex
		wg     sync.WaitGroup
		addrs  []ma.Multiaddr
		failed error
	)
	for _, arg := range args {
		addr, err := ma.NewMultiaddr(arg)
		if err != nil {
			return nil, err
		}
		if endsInPeer(addr) {
			lock.Lock()
			addrs = append(addrs, addr)
			lock.Unlock()
			continue
		}
		wg.Go(func() {
			resolved, err := n.dns.Resolve(ctx, addr)
			resolved = slices.DeleteFunc(resolved, func(a ma.Multiaddr) bool { return !endsInPeer(a) })
			if err == nil && len(resolved) == 0 {
				err = fmt.Errorf("found no ipfs peers at %s", addr)
			}
			lock.Lock()
			defer lock.Unlock()
			addrs = append(addrs, resolved...)
			if failed == nil {
				failed = err
			}
		})
	}
	wg.Wait()
	if failed != nil {
		return nil, failed
	}
	return peer.AddrInfosFromP2pAddrs(addrs...)
}

func endsInPeer(addr ma.Multiaddr) bool {
	_, last := ma.SplitLast(addr)
	return last != nil && last.Protocol().Code == ma.P_P2P
}

type openStream struct{ Protocol string }

// connection is one entry of swarm/peers; the fields and their order are Kubo's.
type connection struct {
	Addr      string            `json:",omitempty"`
	Peer      string            `json:",omitempty"`
	Latency   string            `json:",omitempty"`
	Muxer     string            `json:",omitempty"`
	Direction network.Direction `json:",omitempty"`
	Streams   []openStream      `json:",omitempty"`
	Identify  identity
}

func runPeers(req *cmds.Request, n *node) (any, error) {
	if err := n.onlineAction(req); err != nil {
		return nil, err
	}
	verbose := flagged(req, "verbose")
	var out struct{ Peers []connection } // null, not [], when there are none
	for _, c := range n.host.Network().Conns() {
		entry := connection{Addr: c.RemoteMultiaddr().String(), Peer: c.RemotePeer().String()}
		if verbose || flagged(req, "direction") {
			entry.Direction = c.Stat().Direction
		}
		if verbose || flagged(req, "latency") {
			entry.Latency = "n/a"
			if l := n.host.Peerstore().LatencyEWMA(c.RemotePeer()); l != 0 {
				entry.Latency = l.String()
			}
		}
		if verbose || flagged(req, "streams") {
			for _, s := range c.GetStreams() {
				entry.Streams = append(entry.Streams, openStream{clean(string(s.Protocol()))})
			}
			slices.SortFunc(entry.Streams, func(a, b openStream) int { return strings.Compare(a.Protocol, b.Protocol) })
		}
		if verbose || flagged(req, "identify") {
			entry.Identify, _ = n.identify(c.RemotePeer()) // left empty if it fails, as in Kubo
		}
		out.Peers = append(out.Peers, entry)
	}
	slices.SortFunc(out.Peers, func(a, b connection) int { return strings.Compare(a.Addr, b.Addr) })
	return &out, nil
}

type peeringResult struct {
	ID     peer.ID
	Status string
}

func runPeeringAdd(req *cmds.Request, res cmds.ResponseEmitter, env cmds.Environment) error {
	n := env.(*node)
	addrs, err := multiaddrs(req.Arguments)
	if err != nil {
		return err
	}
	infos, err := peer.AddrInfosFromP2pAddrs(addrs...)
	if err != nil {
		return err
	}
	if err := n.onlineCommand(); err != nil {
		return err
	}
	for _, info := range infos {
		n.peering.AddPeer(info)
		if err := res.Emit(peeringResult{info.ID, "success"}); err != nil {
			return err
		}
	}
	return nil
}

func runPeeringLs(_ *cmds.Request, n *node) (any, error) {
	if err := n.onlineCommand(); err != nil {
		return nil, err
	}
	return struct{ Peers []peer.AddrInfo }{n.peering.ListPeers()}, nil
}

func runPeeringRm(req *cmds.Request, res cmds.ResponseEmitter, env cmds.Environment) error {
	n := env.(*node)
	if err := n.onlineCommand(); err != nil {
		return err
	}
	for _, arg := range req.Arguments {
		id, err := peer.Decode(arg)
		if err != nil {
			return err
		}
		n.peering.RemovePeer(id)
		if err := res.Emit(peeringResult{id, "success"}); err != nil {
			return err
		}
	}
	return nil
}

func runKnownAddrs(req *cmds.Request, n *node) (any, error) {
	if err := n.onlineAction(req); err != nil {
		return nil, err
	}
	store := n.host.Peerstore()
	out := map[string][]string{}
	for _, id := range store.Peers() {
		for _, addr := range store.Addrs(id) {
			out[id.String()] = append(out[id.String()], addr.String())
		}
		slices.Sort(out[id.String()])
	}
	return &struct{ Addrs map[string][]string }{out}, nil
}

func runListenAddrs(req *cmds.Request, n *node) (any, error) {
	if err := n.onlineAction(req); err != nil {
		return nil, err
	}
	addrs, err := n.host.Network().InterfaceListenAddresses()
	if err != nil {
		return nil, err
	}
	return sortedList(addrs), nil
}

func runLocalAddrs(req *cmds.Request, n *node) (any, error) {
	if err := n.onlineAction(req); err != nil {
		return nil, err
	}
	out := sortedList(n.host.Addrs())
	if flagged(req, "id") {
		for i, addr := range out.Strings {
			out.Strings[i] = path.Join(addr, "p2p", n.id.String())
		}
		slices.Sort(out.Strings)
	}
	return out, nil
}

func sortedList(addrs []ma.Multiaddr) *stringList {
	out := new(stringList) // null, not [], when there are none
	for _, addr := range addrs {
		out.Strings = append(out.Strings, addr.String())
	}
	slices.Sort(out.Strings)
	return out
}

func runAutoNAT(_ *cmds.Request, n *node) (any, error) {
	if err := n.onlineCommand(); err != nil {
		return nil, err
	}
	// There is no AutoNAT here, so nothing is ever found out.
	return struct {
		Reachability string `json:"reachability"`
	}{network.ReachabilityUnknown.String()}, nil
}

func runResources(_ *cmds.Request, n *node) (any, error) {
	state, ok := n.resources.(rcmgr.ResourceManagerState)
	if !ok {
		return nil, errors.New("missing ResourceMgr: make sure the daemon is running with Swarm.ResourceMgr.Enabled")
	}
	return reportResources(n.limits, state.Stat()), nil
}
