// What a node refuses to dial, accept and announce.

package main

import (
	"fmt"

	"github.com/libp2p/go-libp2p/core/connmgr"
	"github.com/libp2p/go-libp2p/core/control"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	mamask "github.com/whyrusleeping/multiaddr-filter"
)

// addrGater judges dials and accepts by the remote address, nothing else, as
// Kubo's does. It never closes a connection that is already there.
type addrGater struct{ filters *ma.Filters }

var _ connmgr.ConnectionGater = addrGater{}

func (g addrGater) InterceptPeerDial(peer.ID) bool { return true }

func (g addrGater) InterceptAddrDial(_ peer.ID, addr ma.Multiaddr) bool {
	return !g.filters.AddrBlocked(addr)
}

func (g addrGater) InterceptAccept(c network.ConnMultiaddrs) bool {
	return !g.filters.AddrBlocked(c.RemoteMultiaddr())
}

func (g addrGater) InterceptSecured(_ network.Direction, _ peer.ID, c network.ConnMultiaddrs) bool {
	return !g.filters.AddrBlocked(c.RemoteMultiaddr())
}

func (g addrGater) InterceptUpgraded(network.Conn) (bool, control.DisconnectReason) { return true, 0 }

func newFilters(entries []string) (*ma.Filters, error) {
	filters := ma.NewFilters()
	for _, entry := range entries {
		mask, err := mamask.NewMask(entry)
		if err != nil {
			return nil, fmt.Errorf("incorrectly formatted address filter in config: %s", entry)
		}
		filters.AddFilter(*mask, ma.ActionDeny)
	}
	return filters, nil
}

// announced gives the addresses to tell to peers, from Announce,
// AppendAnnounce and NoAnnounce. An entry of NoAnnounce is a range or one
// exact address.
func announced(c addressesConfig) (func([]ma.Multiaddr) []ma.Multiaddr, error) {
	fixed, err := multiaddrs(c.Announce)
	if err != nil {
		return nil, fmt.Errorf("Addresses.Announce: %w", err)
	}
	added, err := multiaddrs(c.AppendAnnounce)
	if err != nil {
		return nil, fmt.Errorf("Addresses.AppendAnnounce: %w", err)
	}
	ranges := ma.NewFilters()
	exact := map[string]bool{}
	for _, entry := range c.NoAnnounce {
		if mask, err := mamask.NewMask(entry); err == nil {
			ranges.AddFilter(*mask, ma.ActionDeny)
			continue
		}
		addr, err := ma.NewMultiaddr(entry)
		if err != nil {
			return nil, fmt.Errorf("Addresses.NoAnnounce: %w", err)
		}
		exact[addr.String()] = true
	}

	return func(all []ma.Multiaddr) []ma.Multiaddr {
		if len(fixed) > 0 {
			all = fixed
		}
		var out []ma.Multiaddr
		for _, list := range [][]ma.Multiaddr{all, added} {
			for _, addr := range list {
				if len(addr) > 0 && !exact[addr.String()] && !ranges.AddrBlocked(addr) {
					out = append(out, addr)
				}
			}
		}
		return out
	}, nil
}

func multiaddrs(texts []string) ([]ma.Multiaddr, error) {
	var out []ma.Multiaddr
	for _, text := range texts {
		addr, err := ma.NewMultiaddr(text)
		if err != nil {
			return nil, err
		}
		out = append(out, addr)
	}
	return out, nil
}
