// The node behind the RPC: repo, host, peering, and block exchange.

package main

import (
	"context"
	"errors"
	"sync"

	"github.com/ipfs/boxo/bitswap"
	"github.com/ipfs/boxo/bitswap/client"
	"github.com/ipfs/boxo/bitswap/network/bsnet"
	"github.com/ipfs/boxo/blockservice"
	"github.com/ipfs/boxo/blockstore"
	"github.com/ipfs/boxo/exchange"
	"github.com/ipfs/boxo/exchange/offline"
	"github.com/ipfs/boxo/peering"
	"github.com/ipfs/go-datastore"
	dssync "github.com/ipfs/go-datastore/sync"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	ma "github.com/multiformats/go-multiaddr"
	madns "github.com/multiformats/go-multiaddr-dns"
)

// node is nil-host when it runs offline.
type node struct {
	repo    *repo
	agent   string
	version string
	id      peer.ID
	key     crypto.PrivKey
	dns     *madns.Resolver

	host        host.Host
	filters     *ma.Filters
	filtersLock sync.Mutex // Kubo lacks one; see the README on what that spares
	peering     *peering.PeeringService
	limits      rcmgr.ConcreteLimitConfig
	resources   network.ResourceManager

	blocks      blockservice.BlockService
	localBlocks blockservice.BlockService

	closers  []func() error
	stop     chan struct{}
	stopOnce sync.Once
}

func startNode(s settings) (*node, error) {
	r, err := openRepo(s)
	if err != nil {
		return nil, err
	}
	c := r.config()
	n := &node{repo: r, agent: s.agent, version: agentVersion(s.agent), stop: make(chan struct{})}
	if n.key, err = c.Identity.privateKey(); err != nil {
		return nil, err
	}
	if n.id, err = peer.IDFromPrivateKey(n.key); err != nil {
		return nil, err
	}
	if n.dns, err = newResolver(s.dns); err != nil {
		return nil, err
	}
	if n.limits, err = kuboLimits(c.Swarm); err != nil {
		return nil, err
	}
	store := blockstore.NewBlockstore(dssync.MutexWrap(datastore.NewMapDatastore()))
	n.localBlocks = blockservice.New(store, offline.Exchange(store))
	n.blocks = n.localBlocks
	if s.offline {
		return n, nil
	}
	if err := n.goOnline(c, s, store); err != nil {
		return nil, errors.Join(err, n.close())
	}
	return n, nil
}

func (n *node) goOnline(c config, s settings, store blockstore.Blockstore) error {
	psk, err := n.repo.swarmKey(s.swarmKey)
	if err != nil {
		return err
	}
	if n.filters, err = newFilters(c.Swarm.AddrFilters); err != nil {
		return err
	}
	n.resources = &network.NullResourceManager{}
	if orElse(c.Swarm.ResourceMgr.Enabled, true) {
		if n.resources, err = newResourceManager(c.Swarm, n.limits); err != nil {
			return err
		}
		n.closers = append(n.closers, n.resources.Close)
	}
	n.host, err = newHost(c, hostParts{
		key: n.key, psk: psk, agent: n.agent,
		filters: n.filters, resources: n.resources, dns: n.dns,
	})
	if err != nil {
		return err
	}
	n.closers = append(n.closers, n.host.Close)

	exchange := newBitswap(n.host, store)
	n.closers = append(n.closers, exchange.Close)
	n.blocks = blockservice.New(store, exchange)

	n.peering = peering.NewPeeringService(n.host)
	n.closers = append(n.closers, func() error { n.peering.Stop(); return nil })
	for _, info := range c.Peering.Peers {
		n.peering.AddPeer(info)
	}
	if err := listen(n.host, c.Addresses.Swarm); err != nil {
		return err
	}
	return n.peering.Start()
}

// newBitswap has no content routing: blocks come from connected peers only.
// The rest is Kubo's defaults, which broadcast to peers that are on private
// addresses or in the peering set and to no others.
func newBitswap(h host.Host, store blockstore.Blockstore) exchange.Interface {
	return bitswap.New(context.Background(), bsnet.NewFromIpfsHost(h), nil, store,
		bitswap.WithServerEnabled(true),
		bitswap.EngineBlockstoreWorkerCount(128),
		bitswap.WithWantHaveReplaceSize(1024),
		bitswap.WithClientOption(client.WithDefaultProviderQueryManager(false)),
		bitswap.WithClientOption(client.BroadcastControlEnable(true)),
		bitswap.WithClientOption(client.BroadcastControlMaxPeers(-1)),
		bitswap.WithClientOption(client.BroadcastControlLocalPeers(false)),
		bitswap.WithClientOption(client.BroadcastControlPeeredPeers(false)),
		bitswap.WithClientOption(client.BroadcastControlMaxRandomPeers(0)),
		bitswap.WithClientOption(client.BroadcastControlSendToPendingPeers(false)),
	)
}

func (n *node) online() bool { return n.host != nil }

// requestStop asks the program to end; it returns at once, so that the call
// that asked for it can still be answered.
func (n *node) requestStop() { n.stopOnce.Do(func() { close(n.stop) }) }

func (n *node) stopRequested() <-chan struct{} { return n.stop }

// close undoes the start in reverse order.
func (n *node) close() error {
	var failed []error
	for i := len(n.closers) - 1; i >= 0; i-- {
		failed = append(failed, n.closers[i]())
	}
	n.closers = nil
	return errors.Join(failed...)
}
