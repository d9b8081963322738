// The ping call: a stream whose failure comes in a trailer.

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	cmds "github.com/ipfs/go-ipfs-cmds"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	"github.com/libp2p/go-libp2p/core/routing"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"
	ma "github.com/multiformats/go-multiaddr"
)

const (
	pingInterval = time.Second
	pingTimeout  = 10 * time.Second // for each ping asked for
)

type pingResult struct {
	Success bool
	Time    time.Duration
	Text    string
}

func runPing(req *cmds.Request, res cmds.ResponseEmitter, env cmds.Environment) error {
	n := env.(*node)
	if err := n.onlineCommand(); err != nil {
		return err
	}
	addr, id, err := pingTarget(req.Arguments[0])
	if err != nil {
		return fmt.Errorf("failed to parse peer address '%s': %s", req.Arguments[0], err)
	}
	if id == n.id {
		return errors.New("error: can't ping self")
	}
	if addr != nil {
		n.host.Peerstore().AddAddr(id, addr, peerstore.TempAddrTTL)
	}
	count, _ := req.Options["count"].(int)
	if count <= 0 {
		return fmt.Errorf("ping count must be greater than 0, was %d", count)
	}
	if len(n.host.Peerstore().Addrs(id)) == 0 {
		if err := res.Emit(&pingResult{Text: fmt.Sprintf("Looking up peer %s", id), Success: true}); err != nil {
			return err
		}
		return fmt.Errorf("peer lookup failed: %s", routing.ErrNotFound) // there is no routing here
	}
	if err := res.Emit(&pingResult{Text: fmt.Sprintf("PING %s.", id), Success: true}); err != nil {
		return err
	}

	ctx, cancel := context.WithTimeout(req.Context, pingTimeout*time.Duration(count))
	defer cancel()
	results := ping.Ping(ctx, n.host, id)
	ticker := time.NewTicker(pingInterval)
	defer ticker.Stop()
	var (
		answered int
		total    time.Duration
	)
	for range count {
		r, ok := <-results
		if !ok {
			break
		}
		out := &pingResult{Success: true, Time: r.RTT}
		if r.Error != nil {
			out = &pingResult{Text: fmt.Sprintf("Ping error: %s", r.Error)}
		} else {
			answered++
			total += r.RTT
		}
		if err := res.Emit(out); err != nil {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if answered == 0 {
		return errors.New("ping failed")
	}
	average := total.Seconds() * 1000 / float64(answered)
	return res.Emit(&pingResult{Success: true, Text: fmt.Sprintf("Average latency: %.2fms", average)})
}

func pingTarget(text string) (ma.Multiaddr, peer.ID, error) {
	if !strings.HasPrefix(text, "/") {
		id, err := peer.Decode(text)
		return nil, id, err
	}
	addr, err := ma.NewMultiaddr(text)
	if err != nil {
		return nil, "", err
	}
	at, id := peer.SplitAddr(addr)
	if id == "" {
		return nil, "", peer.ErrInvalidAddr
	}
	return at, id, nil
}
