// The resource manager: Kubo's scale and its overrides of the libraries'
// limits, and the report that swarm/resources gives.

package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	ma "github.com/multiformats/go-multiaddr"
	"github.com/pbnjay/memory"
	"golang.org/x/sys/unix"
)

// minInboundConns is the fewest inbound connections that Kubo lets any machine
// have, however small.
const minInboundConns = 800

func newResourceManager(c swarmConfig, limits rcmgr.ConcreteLimitConfig) (network.ResourceManager, error) {
	opts := []rcmgr.Option{
		// nil leaves IPv4 at the library's limits; these are Kubo's for IPv6.
		rcmgr.WithLimitPerSubnet(nil, []rcmgr.ConnLimitPerSubnet{
			{ConnCount: 16, PrefixLength: 56},
			{ConnCount: 8 * 16, PrefixLength: 48},
		}),
	}
	if len(c.ResourceMgr.Allowlist) > 0 {
		var allowed []ma.Multiaddr
		for _, text := range c.ResourceMgr.Allowlist {
			addr, err := ma.NewMultiaddr(text)
			if err != nil {
				return nil, fmt.Errorf("Swarm.ResourceMgr.Allowlist: %w", err)
			}
			allowed = append(allowed, addr)
		}
		opts = append(opts, rcmgr.WithAllowlistedMultiaddrs(allowed))
	}
	m, err := rcmgr.NewResourceManager(rcmgr.NewFixedLimiter(limits), opts...)
	if err != nil {
		return nil, err
	}
	state, ok := m.(rcmgr.ResourceManagerState)
	if !ok {
		return nil, fmt.Errorf("a %T does not tell its state", m)
	}
	return telling{m, state}, nil
}

// telling says on standard error which connections it refuses: the far
// end sees of it only that the connection was cut short, as by a crash.
type telling struct {
	network.ResourceManager
	rcmgr.ResourceManagerState
}

func (m telling) OpenConnection(dir network.Direction, usefd bool, endpoint ma.Multiaddr) (network.ConnManagementScope, error) {
	scope, err := m.ResourceManager.OpenConnection(dir, usefd, endpoint)
	if err != nil {
		fmt.Fprintf(os.Stderr, "swarmnode: refused %s %s: %v\n", dir, endpoint, err)
	}
	return scope, err
}

// kuboLimits computes what Kubo computes from the machine's memory and the
// process's file descriptors.
func kuboLimits(c swarmConfig) (rcmgr.ConcreteLimitConfig, error) {
	maxMemory := memory.TotalMemory() / 2
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
		return rcmgr.ConcreteLimitConfig{}, err
	}
	maxFiles := int(orElse(c.ResourceMgr.MaxFileDescriptors, int64(files.Cur)/2))
	inbound := int(maxMemory / (1024 * 1024))
	none := rcmgr.InfiniteLimits.ToPartialLimitConfig().System

	partial := rcmgr.PartialLimitConfig{
		System: rcmgr.ResourceLimits{
			Memory:          rcmgr.LimitVal64(maxMemory),
			FD:              rcmgr.LimitVal(maxFiles),
			Conns:           rcmgr.Unlimited,
			ConnsInbound:    rcmgr.LimitVal(inbound),
			ConnsOutbound:   rcmgr.Unlimited,
			Streams:         rcmgr.Unlimited,
			StreamsInbound:  rcmgr.Unlimited,
			StreamsOutbound: rcmgr.Unlimited,
		},
		Transient: rcmgr.ResourceLimits{
			Memory:          rcmgr.LimitVal64(maxMemory / 4),
			FD:              rcmgr.LimitVal(maxFiles / 4),
			Conns:           rcmgr.Unlimited,
			ConnsInbound:    rcmgr.LimitVal(inbound / 4),
			ConnsOutbound:   rcmgr.Unlimited,
			Streams:         rcmgr.Unlimited,
			StreamsInbound:  rcmgr.Unlimited,
			StreamsOutbound: rcmgr.Unlimited,
		},
		AllowlistedSystem:    none,
		AllowlistedTransient: none,
		ServiceDefault:       none,
		ServicePeerDefault:   none,
		ProtocolDefault:      none,
		ProtocolPeerDefault:  none,
		Conn:                 none,
		Stream:               none,
		PeerDefault: rcmgr.ResourceLimits{
			Memory:          rcmgr.Unlimited64,
			FD:              rcmgr.Unlimited,
			Conns:           rcmgr.Unlimited,
			ConnsInbound:    rcmgr.DefaultLimit,
			ConnsOutbound:   rcmgr.Unlimited,
			Streams:         rcmgr.Unlimited,
			StreamsInbound:  rcmgr.DefaultLimit,
			StreamsOutbound: rcmgr.Unlimited,
		},
	}

	scaling := rcmgr.DefaultLimits
	libp2p.SetDefaultServiceLimits(&scaling)
	partial = partial.Build(scaling.Scale(int64(maxMemory), maxFiles)).ToPartialLimitConfig()

	atLeast := max(2*orElse(c.ConnMgr.HighWater, defaultHighWater), minInboundConns)
	partial.System.ConnsInbound = max(partial.System.ConnsInbound, rcmgr.LimitVal(atLeast))
	return partial.Build(rcmgr.ConcreteLimitConfig{}), nil
}

// scopeReport is one scope's limits next to what is used of them. The order
// and names of the fields are Kubo's.
type scopeReport struct {
	Memory               rcmgr.LimitVal64
	MemoryUsage          int64
	FD                   rcmgr.LimitVal
	FDUsage              int
	Conns                rcmgr.LimitVal
	ConnsUsage           int
	ConnsInbound         rcmgr.LimitVal
	ConnsInboundUsage    int
	ConnsOutbound        rcmgr.LimitVal
	ConnsOutboundUsage   int
	Streams              rcmgr.LimitVal
	StreamsUsage         int
	StreamsInbound       rcmgr.LimitVal
	StreamsInboundUsage  int
	StreamsOutbound      rcmgr.LimitVal
	StreamsOutboundUsage int
}

type resourceReport struct {
	System    scopeReport
	Transient scopeReport
	Services  map[string]scopeReport      `json:",omitempty"`
	Protocols map[protocol.ID]scopeReport `json:",omitempty"`
	Peers     map[peer.ID]scopeReport     `json:",omitempty"`
}

// MarshalJSON writes peer IDs as text: as map keys they would be raw bytes.
func (r resourceReport) MarshalJSON() ([]byte, error) {
	peers := make(map[string]scopeReport, len(r.Peers))
	for id, scope := range r.Peers {
		peers[id.String()] = scope
	}
	type fields resourceReport
	return json.Marshal(&struct {
		*fields
		Peers map[string]scopeReport `json:",omitempty"`
	}{(*fields)(&r), peers})
}

func reportResources(l rcmgr.ConcreteLimitConfig, used rcmgr.ResourceManagerStat) resourceReport {
	limits := l.ToPartialLimitConfig()
	return resourceReport{
		System:    reportScope(limits.System, used.System),
		Transient: reportScope(limits.Transient, used.Transient),
		Services:  reportScopes(limits.Service, used.Services),
		Protocols: reportScopes(limits.Protocol, used.Protocols),
		Peers:     reportScopes(limits.Peer, used.Peers),
	}
}

func reportScopes[K comparable](limits map[K]rcmgr.ResourceLimits, used map[K]network.ScopeStat) map[K]scopeReport {
	out := make(map[K]scopeReport, len(limits))
	for k, l := range limits {
		out[k] = reportScope(l, used[k])
	}
	for k, u := range used {
		if _, ok := out[k]; !ok {
			out[k] = reportScope(rcmgr.ResourceLimits{}, u)
		}
	}
	return out
}

func reportScope(l rcmgr.ResourceLimits, u network.ScopeStat) scopeReport {
	return scopeReport{
		Memory:               l.Memory,
		MemoryUsage:          u.Memory,
		FD:                   l.FD,
		FDUsage:              u.NumFD,
		Conns:                l.Conns,
		ConnsUsage:           u.NumConnsOutbound + u.NumConnsInbound,
		ConnsInbound:         l.ConnsInbound,
		ConnsInboundUsage:    u.NumConnsInbound,
		ConnsOutbound:        l.ConnsOutbound,
		ConnsOutboundUsage:   u.NumConnsOutbound,
		Streams:              l.Streams,
		StreamsUsage:         u.NumStreamsOutbound + u.NumStreamsInbound,
		StreamsInbound:       l.StreamsInbound,
		StreamsInboundUsage:  u.NumStreamsInbound,
		StreamsOutbound:      l.StreamsOutbound,
		StreamsOutboundUsage: u.NumStreamsOutbound,
	}
}
