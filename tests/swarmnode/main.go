// Command swarmnode is a test double for a Kubo daemon. It is built on the
// libraries Kubo is made of, so links, filters, limits, peering and Bitswap
// behave like Kubo's, and it answers the part of Kubo's RPC that a
// connectivity controller uses. See README.md.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// closeDeadline bounds a clean end: a node that cannot close its connections
// in this time is of no use to the test that waits for it.
const closeDeadline = 2 * time.Second

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// ready is the one line that says where the node can be reached. Ports that
// were asked for as 0 are the real ones here.
type ready struct {
	ID    string   `json:"id"`
	API   string   `json:"api"`
	Swarm []string `json:"swarm"`
}

func run(args []string, stdout, stderr io.Writer) int {
	s, err := parseSettings(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2 // the flag package has said why
	}

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if s.dieWithParent {
		if ctx, err = endWithParent(ctx); err != nil {
			fmt.Fprintln(stderr, "swarmnode:", err)
			return 1
		}
	}

	d, err := startDaemon(s)
	if err != nil {
		fmt.Fprintln(stderr, "swarmnode:", err)
		return 1
	}
	if err := json.NewEncoder(stdout).Encode(d.ready()); err != nil {
		fmt.Fprintln(stderr, "swarmnode:", err)
		d.close()
		return 1
	}

	select {
	case <-ctx.Done():
	case <-d.node.stopRequested():
	}
	closed := make(chan error, 1)
	go func() { closed <- d.close() }()
	select {
	case err := <-closed:
		if err != nil {
			fmt.Fprintln(stderr, "swarmnode: while ending:", err)
			return 1
		}
		return 0
	case <-time.After(closeDeadline):
		fmt.Fprintln(stderr, "swarmnode: did not end cleanly in", closeDeadline)
		return 1
	}
}
