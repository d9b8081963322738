// The libp2p host, put together from the same options in the same order as in
// Kubo, less what needs the public network: DHT, mDNS, NAT port mapping,
// AutoNAT, AutoTLS, WebSocket, WebTransport, WebRTC and the relay service.

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/pnet"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/net/connmgr"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	tls "github.com/libp2p/go-libp2p/p2p/security/tls"
	quic "github.com/libp2p/go-libp2p/p2p/transport/quic"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	ma "github.com/multiformats/go-multiaddr"
	madns "github.com/multiformats/go-multiaddr-dns"
)

// Kubo's defaults for Swarm.ConnMgr.
const (
	defaultLowWater  int64 = 32
	defaultHighWater int64 = 96
	defaultGrace           = duration(20 * time.Second)
	defaultSilence         = duration(10 * time.Second)
)

// hostParts is what the host is made of besides the config.
type hostParts struct {
	key       crypto.PrivKey
	psk       pnet.PSK
	agent     string
	filters   *ma.Filters
	resources network.ResourceManager
	dns       *madns.Resolver
}

func newHost(c config, p hostParts) (host.Host, error) {
	announce, err := announced(c.Addresses)
	if err != nil {
		return nil, err
	}
	opts := []libp2p.Option{
		libp2p.NoListenAddrs, // listening starts when everything else is in place
		libp2p.Identity(p.key),
		libp2p.UserAgent(p.agent),
		libp2p.ResourceManager(p.resources),
		libp2p.ConnectionGater(addrGater{p.filters}),
		libp2p.AddrsFactory(announce),
		libp2p.Muxer(yamux.ID, yamux.DefaultTransport),
		libp2p.EnableRelay(), // the client side: dial and be dialled over circuits
		libp2p.Transport(tcp.NewTCPTransport),
		libp2p.Security(tls.ID, tls.New),
		libp2p.Security(noise.ID, noise.New),
		libp2p.MultiaddrResolver(swarm.ResolverFromMaDNS{Resolver: p.dns}),
		libp2p.Ping(true),
	}
	if p.psk != nil {
		opts = append(opts, libp2p.PrivateNetwork(p.psk))
	} else {
		// Without a swarm key Kubo dials QUIC even if it listens on TCP only.
		opts = append(opts, libp2p.Transport(quic.NewTransport))
	}

	cm, err := connectionManager(c.Swarm.ConnMgr)
	if err != nil {
		return nil, err
	}
	if cm != nil {
		opts = append(opts, libp2p.ConnectionManager(cm))
	}
	relays, err := relayOptions(c)
	if err != nil {
		return nil, err
	}
	h, err := libp2p.New(append(opts, relays...)...)
	if err != nil && cm != nil {
		cm.Close()
	}
	return h, err
}

func listen(h host.Host, addrs []string) error {
	listenAddrs, err := multiaddrs(addrs)
	if err != nil {
		return fmt.Errorf("Addresses.Swarm: %w", err)
	}
	// One address that cannot be had is an error here. Kubo would go on with
	// the others, but a test is better off knowing at once.
	var failed []error
	for _, addr := range listenAddrs {
		if err := h.Network().Listen(addr); err != nil {
			failed = append(failed, fmt.Errorf("listen on %s: %w", addr, err))
		}
	}
	return errors.Join(failed...)
}

func connectionManager(c connMgrConfig) (*connmgr.BasicConnMgr, error) {
	switch c.Type {
	case "none":
		return nil, nil
	case "", "basic":
	default:
		return nil, fmt.Errorf("unrecognized Swarm.ConnMgr.Type: %q", c.Type)
	}
	return connmgr.NewConnManager(
		int(orElse(c.LowWater, defaultLowWater)),
		int(orElse(c.HighWater, defaultHighWater)),
		connmgr.WithGracePeriod(time.Duration(orElse(c.GracePeriod, defaultGrace))),
		connmgr.WithSilencePeriod(time.Duration(orElse(c.SilencePeriod, defaultSilence))),
	)
}

// relayOptions makes the node reserve at its static relays, as Kubo does when
// it knows that it is not publicly reachable.
func relayOptions(c config) ([]libp2p.Option, error) {
	var opts []libp2p.Option
	if list := c.Swarm.RelayClient.StaticRelays; len(list) > 0 && orElse(c.Swarm.RelayClient.Enabled, true) {
		var relays []peer.AddrInfo
		for _, text := range list {
			info, err := peer.AddrInfoFromString(text)
			if err != nil {
				return nil, fmt.Errorf("Swarm.RelayClient.StaticRelays: %w", err)
			}
			relays = append(relays, *info)
		}
		opts = append(opts, libp2p.EnableAutoRelayWithStaticRelays(relays))
	}
	switch v := c.Internal.Libp2pForceReachability; v {
	case "":
	case "public":
		opts = append(opts, libp2p.ForceReachabilityPublic())
	case "private":
		opts = append(opts, libp2p.ForceReachabilityPrivate())
	default:
		return nil, fmt.Errorf("unrecognized reachability option: %s", v)
	}
	return opts, nil
}

// newResolver resolves by the machine's DNS, or by the one server given.
func newResolver(server string) (*madns.Resolver, error) {
	if server == "" {
		return madns.DefaultResolver, nil
	}
	return madns.NewResolver(madns.WithDefaultResolver(&net.Resolver{
		PreferGo: true,
		Dial: func(ctx context.Context, proto, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, proto, server)
		},
	}))
}
