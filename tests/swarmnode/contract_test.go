// The contract: each recorded request, asked of a node in the recorded state,
// is answered as Kubo answered it.

package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// notReplayed are the recordings that no test here can have, and why.
var notReplayed = map[string]string{
	"connect-rate-limited": "go-libp2p exempts loopback addresses from the connection rate limit; " +
		"a scenario with network namespaces has to show it over the wire. " +
		"TestConnectionRateLimit shows that the limit itself is in place.",
}

// script is a state and the requests made in it, one after another.
type script struct {
	name  string
	setUp func(*lab)
	steps []step
}

// step is one recorded request.
type step struct {
	replay string     // the recording
	at     int        // the node that is asked
	before func(*lab) // brings about the state, if the steps before did not
	// timeout replaces the request's own: where that equals go-libp2p's time
	// limit for one address, chance decides which of the two is reported.
	timeout string
	blurs   []blur
}

func TestAnswersAreKubos(t *testing.T) {
	recordings := loadRecordings(t)
	for _, s := range scripts {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			s.setUp(l)
			for _, step := range s.steps {
				if step.before != nil {
					step.before(l)
				}
				r, ok := recordings[step.replay]
				if !ok {
					t.Errorf("no recording %s", step.replay)
					continue
				}
				l.replay(step, r)
			}
		})
	}
}

func (l *lab) replay(s step, r recording) {
	l.Helper()
	line := l.translate(r.Request)
	if s.timeout != "" {
		before, after, ok := strings.Cut(line, "timeout=5s")
		if !ok {
			l.Fatalf("%s: no timeout=5s to replace in %s", r.Name, line)
		}
		line = before + "timeout=" + s.timeout + after
	}
	var headers []string
	for _, h := range r.Headers {
		headers = append(headers, l.translate(h))
	}
	got, want := l.ask(s.at, line, headers), r.answer(l.T)
	for i, chunk := range want.chunks {
		want.chunks[i] = l.translate(chunk)
	}
	for _, b := range s.blurs {
		if err := b.check(got.body(), want.body()); err != nil {
			l.Errorf("%s: %s: %v", r.Name, b.name, err)
		}
		got.chunks, want.chunks = b.chunks(got.chunks), b.chunks(want.chunks)
	}
	l.same(r.Name, "status", []string{got.status}, []string{want.status})
	l.same(r.Name, "headers", got.headers, want.headers)
	l.same(r.Name, "chunks", got.chunks, want.chunks)
	l.same(r.Name, "trailer", got.trailer, want.trailer)
}

func (l *lab) same(name, part string, got, want []string) {
	l.Helper()
	if !slices.Equal(got, want) {
		l.Errorf("%s: %s differ\n got: %s\nwant: %s", name, part, strings.Join(got, "\n      "), strings.Join(want, "\n      "))
	}
}

// TestEveryRecordingIsCovered fails for a recording that is neither replayed
// nor excused, so that a new one cannot be forgotten.
func TestEveryRecordingIsCovered(t *testing.T) {
	replayed := map[string]bool{}
	for _, s := range scripts {
		for _, step := range s.steps {
			replayed[step.replay] = true
		}
	}
	recordings := loadRecordings(t)
	for name, r := range recordings {
		_, excused := notReplayed[name]
		switch {
		case replayed[name] && excused:
			t.Errorf("%s is replayed and on the list of exceptions", name)
		case !replayed[name] && !excused:
			t.Errorf("%s is neither replayed nor on the list of exceptions", name)
		}
		if _, err := os.Stat(r.file()); err != nil {
			t.Error(err)
		}
	}
	for name := range notReplayed {
		if _, ok := recordings[name]; !ok {
			t.Errorf("the list of exceptions names %s, which is no recording", name)
		}
	}
	files, err := filepath.Glob(filepath.Join(recordingsDir, "*.response"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".response")
		if _, ok := recordings[name]; !ok {
			t.Errorf("%s is not in index.json", file)
		}
	}
}
