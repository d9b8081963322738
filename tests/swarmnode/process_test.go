// The node as a process: what survives a kill, and how it ends.

package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The test binary plays the program, and a parent of it, when this is set.
const roleVar = "SWARMNODE_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleVar) {
	case "node":
		os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
	case "parent":
		parentOfNode()
	}
	flag.Parse()
	// The tests spend their time waiting for the network, not computing.
	flag.Set("test.parallel", "16")
	os.Exit(m.Run())
}

// parentOfNode starts a node and stays until it is killed.
func parentOfNode() {
	child := exec.Command(os.Args[0], append(os.Args[1:], "--die-with-parent")...)
	child.Env = append(os.Environ(), roleVar+"=node")
	child.Stdout, child.Stderr = os.Stdout, os.Stderr
	if err := child.Start(); err != nil {
		panic(err)
	}
	child.Wait()
	os.Exit(0)
}

type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	ready ready
}

// launch starts the program and waits for its line.
func launch(t *testing.T, role string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(os.Args[0], args...)}
	p.cmd.Env = append(os.Environ(), roleVar+"="+role)
	p.cmd.Stderr = os.Stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		t.Fatalf("no line from the node: %v", err)
	}
	if err := json.Unmarshal(line, &p.ready); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return p
}

func (p *process) kill() {
	p.cmd.Process.Kill() // fails if it has ended
	p.cmd.Wait()
}

func (p *process) post(call string) (string, error) {
	client := http.Client{Timeout: patience}
	res, err := client.Post("http://"+p.ready.API+"/api/v0/"+call, "", nil)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return string(body), err
}

func (p *process) mustPost(call string) string {
	p.t.Helper()
	body, err := p.post(call)
	if err != nil {
		p.t.Fatal(err)
	}
	return body
}

// ends waits for the process and gives its exit code.
func (p *process) ends() int {
	p.t.Helper()
	done := make(chan struct{})
	go func() { p.cmd.Wait(); close(done) }()
	select {
	case <-done:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		p.t.Fatal("the node does not end")
		return -1
	}
}

func TestAKilledNodeComesBackAsItself(t *testing.T) {
	t.Parallel()
	repo := filepath.Join(t.TempDir(), "repo")
	const filter = "/ip4/10.9.0.0/ipcidr/16"

	first := launch(t, "node", "--repo", repo, "--filter", "/ip4/10.8.0.0/ipcidr/16")
	first.mustPost("swarm/filters/add?arg=" + filter)
	first.mustPost("swarm/filters/rm?arg=/ip4/10.8.0.0/ipcidr/16")
	first.kill()

	second := launch(t, "node", "--repo", repo, "--filter", "/ip4/10.8.0.0/ipcidr/16")
	if second.ready.ID != first.ready.ID {
		t.Errorf("came back as %s, was %s", second.ready.ID, first.ready.ID)
	}
	if got, want := second.mustPost("swarm/filters"), `{"Strings":["`+filter+`"]}`+"\n"; got != want {
		t.Errorf("filters are %s, want %s: --filter is for a new repo only", got, want)
	}
	second.kill()

	third := launch(t, "node", "--repo", repo, "--new-identity")
	if third.ready.ID == first.ready.ID {
		t.Error("--new-identity kept the identity")
	}
	if got := third.mustPost("swarm/filters"); !strings.Contains(got, filter) {
		t.Errorf("--new-identity lost the config: %s", got)
	}
	if id := third.mustPost("config?arg=Identity.PeerID"); !strings.Contains(id, third.ready.ID) {
		t.Errorf("the config holds %s, the node is %s", id, third.ready.ID)
	}
}

func TestEndsWhenAsked(t *testing.T) {
	for name, ask := range map[string]func(*process) error{
		"SIGTERM":  func(p *process) error { return p.cmd.Process.Signal(syscall.SIGTERM) },
		"SIGINT":   func(p *process) error { return p.cmd.Process.Signal(syscall.SIGINT) },
		"shutdown": func(p *process) error { _, err := p.post("shutdown"); return err },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			l.darkAddress()
			p := launch(t, "node", "--repo", filepath.Join(t.TempDir(), "repo"), "--swarm", l.maddr(1, 1))

			// A call in flight must not hold it up.
			log := make(chan error, 1)
			go func() {
				_, err := p.post("swarm/connect?arg=" + l.translate("/ip4/10.77.9.9/tcp/4001/p2p/"+recordedPeers[2]))
				log <- err
			}()
			waitUntil(t, "the dial is under way", func() bool {
				return strings.Contains(p.mustPost("swarm/addrs"), "/ip4/"+l.ip(9, 9)+"/")
			})
			asked := time.Now()
			if err := ask(p); err != nil {
				t.Fatal(err)
			}
			if code := p.ends(); code != 0 {
				t.Errorf("exit code %d", code)
			}
			if took := time.Since(asked); took > closeDeadline+time.Second {
				t.Errorf("took %s", took)
			}
			<-log
		})
	}
}

func TestEndsWithItsParent(t *testing.T) {
	t.Parallel()
	p := launch(t, "parent", "--repo", filepath.Join(t.TempDir(), "repo"))
	p.mustPost("id")
	p.kill()
	waitUntil(t, "the node has ended", func() bool {
		conn, err := net.Dial("tcp", p.ready.API)
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
}

func TestTheRequestLogLosesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	log := filepath.Join(dir, "requests")
	args := []string{
		"--repo", filepath.Join(dir, "repo"), "--request-log", log,
		"--auth", "controller=bearer:s3cret;paths=/api/v0/id",
	}
	launchAndAsk := func(call string) {
		p := launch(t, "node", args...)
		p.mustPost(call)
		p.kill()
	}
	launchAndAsk("id") // refused, and logged all the same
	launchAndAsk("swarm/connect?arg=/a&arg=/b")

	data, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines: %s", len(lines), data)
	}
	for i, want := range []string{"/api/v0/id", "/api/v0/swarm/connect arg=/a&arg=/b"} {
		var got struct {
			Time                time.Time
			Path, Query, Remote string
		}
		if err := json.Unmarshal([]byte(lines[i]), &got); err != nil {
			t.Fatal(err)
		}
		if text := strings.TrimSpace(got.Path + " " + got.Query); text != want {
			t.Errorf("line %d is %q, want %q", i, text, want)
		}
		if time.Since(got.Time) > time.Hour || got.Remote == "" {
			t.Errorf("line %d: %s", i, lines[i])
		}
	}
}

func TestHelpAndMistakes(t *testing.T) {
	for args, code := range map[string]int{
		"--help":                                 0,
		"":                                       2,
		"--repo x --nosuch":                      2,
		"--repo x y":                             2,
		"--repo x --profile lowpower":            2,
		"--repo x --agent-version kubo":          2,
		"--repo x --api nowhere":                 2,
		"--repo x --silence 0s":                  2,
		"--repo /dev/null/x":                     1,
		"--repo x --auth nobody=bearer:t":        1,
		"--repo x --peering /ip4/1.2.3.4/tcp/1":  1,
		"--repo x --swarm /ip4/192.0.2.1/tcp/1":  1,
		"--repo x --swarm-key /nosuch/swarm.key": 1,
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			args := strings.Replace(args, "--repo x", "--repo "+filepath.Join(t.TempDir(), "x"), 1)
			var out, messages strings.Builder
			if got := run(strings.Fields(args), &out, &messages); got != code {
				t.Errorf("exit code %d, want %d: %s", got, code, messages.String())
			}
			if messages.Len() == 0 || out.Len() != 0 {
				t.Errorf("stdout %q, stderr %q", out.String(), messages.String())
			}
		})
	}
}
