// Ending together with the parent process, so that a test run that is killed
// leaves no node behind.

package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// endWithParent gives a context that ends when the parent process does.
//
// It watches a process file descriptor instead of asking for a parent-death
// signal: the kernel sends that signal when the *thread* that started us ends,
// and test runners start processes from threads that come and go.
func endWithParent(ctx context.Context) (context.Context, error) {
	parent := os.Getppid()
	if parent <= 1 {
		return nil, errors.New("--die-with-parent: the parent process is gone or in another PID namespace")
	}
	fd, err := unix.PidfdOpen(parent, 0)
	if err != nil {
		return nil, fmt.Errorf("--die-with-parent: %w", err)
	}
	if os.Getppid() != parent { // it ended between the two calls
		unix.Close(fd)
		return nil, errors.New("--die-with-parent: the parent process is gone")
	}

	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer cancel()
		defer unix.Close(fd)
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		for {
			n, err := unix.Poll(fds, -1)
			if n > 0 || (err != nil && !errors.Is(err, unix.EINTR)) {
				return
			}
		}
	}()
	return ctx, nil
}
