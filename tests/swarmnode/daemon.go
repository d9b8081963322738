// A running node together with its RPC server.

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"time"

	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// answerGrace is how long calls in flight may still be answered when the node
// ends; a call that waits for a dial is cut off after it.
const answerGrace = 200 * time.Millisecond

type daemon struct {
	node   *node
	api    net.Listener
	server *http.Server
	log    *os.File
	served chan struct{}
}

func startDaemon(s settings) (*daemon, error) {
	d := &daemon{served: make(chan struct{})}
	var err error
	if s.requestLog != "" {
		d.log, err = os.OpenFile(s.requestLog, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, err
		}
	}
	if d.node, err = startNode(s); err != nil {
		return nil, errors.Join(err, d.closeLog())
	}
	c := d.node.repo.config()
	if d.api, err = listenAPI(c.Addresses.API); err != nil {
		return nil, errors.Join(err, d.node.close(), d.closeLog())
	}
	d.server = &http.Server{Handler: rpcHandler(d.node, c.API, d.api.Addr(), d.log)}
	go func() {
		defer close(d.served)
		d.server.Serve(d.api) // always ends with an error, when the server is closed
	}()
	return d, nil
}

func listenAPI(text string) (net.Listener, error) {
	addr, err := ma.NewMultiaddr(text)
	if err != nil {
		return nil, fmt.Errorf("Addresses.API: %w", err)
	}
	proto, at, err := manet.DialArgs(addr)
	if err != nil {
		return nil, fmt.Errorf("Addresses.API: %w", err)
	}
	return net.Listen(proto, at)
}

func (d *daemon) ready() ready {
	r := ready{ID: d.node.id.String(), API: d.api.Addr().String(), Swarm: []string{}}
	if d.node.online() {
		for _, addr := range d.node.host.Network().ListenAddresses() {
			if _, err := addr.ValueForProtocol(ma.P_CIRCUIT); err != nil {
				r.Swarm = append(r.Swarm, addr.String())
			}
		}
		slices.Sort(r.Swarm)
	}
	return r
}

func (d *daemon) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), answerGrace)
	defer cancel()
	if d.server.Shutdown(ctx) != nil {
		d.server.Close()
	}
	<-d.served
	return errors.Join(d.node.close(), d.closeLog())
}

func (d *daemon) closeLog() error {
	if d.log == nil {
		return nil
	}
	return d.log.Close()
}
