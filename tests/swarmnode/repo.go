// The repo folder: config file with the identity in it, and an optional
// swarm.key. It outlives the process, so a killed node comes back as itself.

package main

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/pnet"
)

// serverFilters is what Kubo's server profile puts into both Swarm.AddrFilters
// and Addresses.NoAnnounce.
var serverFilters = []string{
	"/ip4/10.0.0.0/ipcidr/8",
	"/ip4/100.64.0.0/ipcidr/10",
	"/ip4/127.0.0.0/ipcidr/8",
	"/ip4/169.254.0.0/ipcidr/16",
	"/ip4/172.16.0.0/ipcidr/12",
	"/ip4/192.0.0.0/ipcidr/24",
	"/ip4/192.0.2.0/ipcidr/24",
	"/ip4/192.168.0.0/ipcidr/16",
	"/ip4/198.18.0.0/ipcidr/15",
	"/ip4/198.51.100.0/ipcidr/24",
	"/ip4/203.0.113.0/ipcidr/24",
	"/ip4/240.0.0.0/ipcidr/4",
	"/ip6/::/ipcidr/3",
	"/ip6/::1/ipcidr/128",
	"/ip6/100::/ipcidr/64",
	"/ip6/2001:2::/ipcidr/48",
	"/ip6/2001:db8::/ipcidr/32",
	"/ip6/fc00::/ipcidr/7",
	"/ip6/fe80::/ipcidr/10",
}

const privKeySelector = "Identity.PrivKey"

// repo is an open repo. Its in-memory config wins over the file for every key
// it knows, as in a running Kubo: edits made by hand are lost at the next save.
type repo struct {
	dir  string
	lock sync.Mutex
	conf *config
}

func openRepo(s settings) (*repo, error) {
	r := &repo{dir: s.repo}
	tree, err := r.readFile()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if r.conf, err = freshConfig(s); err != nil {
			return nil, err
		}
		if err := os.MkdirAll(r.dir, 0o700); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, err
	default:
		if r.conf, err = fromTree(tree); err != nil {
			return nil, err
		}
		if s.newIdentity {
			if r.conf.Identity, err = newIdentity(); err != nil {
				return nil, err
			}
		}
	}
	if err := applySettings(r.conf, s); err != nil {
		return nil, err
	}
	return r, r.save()
}

func freshConfig(s settings) (*config, error) {
	id, err := newIdentity()
	if err != nil {
		return nil, err
	}
	c := &config{
		Identity: id,
		Addresses: addressesConfig{
			Swarm:          []string{"/ip4/127.0.0.1/tcp/0"},
			Announce:       []string{},
			AppendAnnounce: []string{},
			NoAnnounce:     []string{},
			API:            "/ip4/127.0.0.1/tcp/0",
		},
		Bootstrap: []string{},
		API:       apiConfig{HTTPHeaders: map[string][]string{}},
	}
	if s.profile == "server" {
		c.Addresses.NoAnnounce = slices.Clone(serverFilters)
		c.Swarm.AddrFilters = slices.Clone(serverFilters)
	}
	c.Swarm.AddrFilters = append(c.Swarm.AddrFilters, s.filters...)
	return c, nil
}

func applySettings(c *config, s settings) error {
	if s.api != "" {
		addr, err := apiMultiaddr(s.api)
		if err != nil {
			return err
		}
		c.Addresses.API = addr.String()
	}
	if len(s.swarm) > 0 {
		c.Addresses.Swarm = s.swarm
	}
	if len(s.noAnnounce) > 0 {
		c.Addresses.NoAnnounce = s.noAnnounce
	}
	if len(s.auth) > 0 {
		c.API.Authorizations = map[string]*authScope{}
		for _, rule := range s.auth {
			name, scope, err := parseAuth(rule)
			if err != nil {
				return err
			}
			c.API.Authorizations[name] = scope
		}
	}
	if len(s.peering) > 0 {
		c.Peering.Peers = nil
		for _, text := range s.peering {
			info, err := peer.AddrInfoFromString(text)
			if err != nil {
				return fmt.Errorf("--peering: %w", err)
			}
			c.Peering.Peers = append(c.Peering.Peers, *info)
		}
	}
	if s.lowWater >= 0 {
		c.Swarm.ConnMgr.LowWater = &s.lowWater
	}
	if s.highWater >= 0 {
		c.Swarm.ConnMgr.HighWater = &s.highWater
	}
	setDuration(&c.Swarm.ConnMgr.GracePeriod, s.grace)
	setDuration(&c.Swarm.ConnMgr.SilencePeriod, s.silence)
	return nil
}

func setDuration(at **duration, v time.Duration) {
	if v >= 0 {
		d := duration(v)
		*at = &d
	}
}

func newIdentity() (identityConfig, error) {
	key, _, err := crypto.GenerateEd25519Key(rand.Reader)
	if err != nil {
		return identityConfig{}, err
	}
	id, err := peer.IDFromPrivateKey(key)
	if err != nil {
		return identityConfig{}, err
	}
	raw, err := crypto.MarshalPrivateKey(key)
	if err != nil {
		return identityConfig{}, err
	}
	return identityConfig{PeerID: id.String(), PrivKey: base64.StdEncoding.EncodeToString(raw)}, nil
}

func (i identityConfig) privateKey() (crypto.PrivKey, error) {
	raw, err := base64.StdEncoding.DecodeString(i.PrivKey)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", privKeySelector, err)
	}
	return crypto.UnmarshalPrivateKey(raw)
}

// swarmKey reads the private network's key, nil if there is none.
func (r *repo) swarmKey(file string) (pnet.PSK, error) {
	named := file != ""
	if !named {
		file = filepath.Join(r.dir, "swarm.key")
	}
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	psk, err := pnet.DecodeV1PSK(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("failed to configure private network: %w", err)
	}
	return psk, nil
}

// update changes the config and saves all of it. A save that fails leaves the
// config as it was.
func (r *repo) update(change func(*config)) error {
	r.lock.Lock()
	defer r.lock.Unlock()
	before := *r.conf
	change(r.conf)
	if err := r.save(); err != nil {
		*r.conf = before
		return err
	}
	return nil
}

func (r *repo) config() config {
	r.lock.Lock()
	defer r.lock.Unlock()
	return *r.conf
}

// key reads one key from the file, as Kubo does: leaves that are unset there
// are not found, even if they have a default.
func (r *repo) key(name string) (any, error) {
	r.lock.Lock()
	defer r.lock.Unlock()
	tree, err := r.readFile()
	if err != nil {
		return nil, err
	}
	return lookUp(tree, name)
}

// setKey writes one key to the file and takes the file over as the config.
// The identity's key cannot be replaced this way.
func (r *repo) setKey(name string, value any) error {
	r.lock.Lock()
	defer r.lock.Unlock()
	tree, err := r.readFile()
	if err != nil {
		return err
	}
	secret, err := lookUp(tree, privKeySelector)
	if err != nil {
		return err
	}
	if err := setKey(tree, name, value); err != nil {
		return err
	}
	if err := setKey(tree, privKeySelector, secret); err != nil {
		return err
	}
	c, err := fromTree(tree)
	if err != nil {
		return err
	}
	r.conf = c
	return r.writeFile(tree)
}

func (r *repo) save() error {
	tree, err := toTree(r.conf)
	if err != nil {
		return err
	}
	old, err := r.readFile()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return r.writeFile(mergeTree(old, tree))
}

func (r *repo) configFile() string { return filepath.Join(r.dir, "config") }

func (r *repo) readFile() (map[string]any, error) {
	data, err := os.ReadFile(r.configFile())
	if err != nil {
		return nil, err
	}
	var tree map[string]any
	return tree, json.Unmarshal(data, &tree)
}

// writeFile replaces the file in one step, so that a node killed while it
// saves finds the old config or the new one, never half of one.
func (r *repo) writeFile(tree map[string]any) error {
	data, err := json.MarshalIndent(tree, "", "  ")
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(r.dir, "config-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(append(data, '\n'))
	if err := errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), r.configFile())
}
