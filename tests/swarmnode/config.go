// The config file: the part of Kubo's that a connectivity controller reads,
// changes or depends on, under Kubo's names and with Kubo's rules for saving.

package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
)

type config struct {
	Identity  identityConfig
	Addresses addressesConfig
	Bootstrap []string
	API       apiConfig
	Swarm     swarmConfig
	Peering   peeringConfig
	Internal  internalConfig
}

type identityConfig struct {
	PeerID  string
	PrivKey string `json:",omitempty"`
}

type addressesConfig struct {
	Swarm          []string
	Announce       []string
	AppendAnnounce []string
	NoAnnounce     []string
	API            string
}

type apiConfig struct {
	HTTPHeaders    map[string][]string
	Authorizations map[string]*authScope `json:",omitempty"`
}

type authScope struct {
	AuthSecret   string
	AllowedPaths []string
}

type swarmConfig struct {
	AddrFilters []string
	RelayClient relayClientConfig
	ConnMgr     connMgrConfig
	ResourceMgr resourceMgrConfig
}

type relayClientConfig struct {
	Enabled      *bool    `json:",omitempty"`
	StaticRelays []string `json:",omitempty"`
}

// connMgrConfig keeps unset leaves out of the file, as Kubo does: absent means
// Kubo's default.
type connMgrConfig struct {
	Type          string    `json:",omitempty"`
	LowWater      *int64    `json:",omitempty"`
	HighWater     *int64    `json:",omitempty"`
	GracePeriod   *duration `json:",omitempty"`
	SilencePeriod *duration `json:",omitempty"`
}

type resourceMgrConfig struct {
	Enabled            *bool    `json:",omitempty"`
	MaxFileDescriptors *int64   `json:",omitempty"`
	Allowlist          []string `json:",omitempty"`
}

type peeringConfig struct {
	Peers []peer.AddrInfo
}

type internalConfig struct {
	Libp2pForceReachability string `json:",omitempty"`
}

// duration is written the way Kubo writes one: "20s".
type duration time.Duration

func (d duration) MarshalJSON() ([]byte, error) {
	return json.Marshal(time.Duration(d).String())
}

func (d *duration) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	v, err := time.ParseDuration(text)
	*d = duration(v)
	return err
}

func orElse[T any](v *T, fallback T) T {
	if v == nil {
		return fallback
	}
	return *v
}

// header gives the Authorization header that a secret stands for, "" for a
// secret of an unknown type, which then admits nobody.
func (a *authScope) header() string {
	kind, rest, typed := strings.Cut(a.AuthSecret, ":")
	switch {
	case a.AuthSecret == "":
		return ""
	case !typed:
		return "Bearer " + a.AuthSecret
	case kind == "bearer":
		return "Bearer " + rest
	case kind == "basic" && strings.Contains(rest, ":"):
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(rest))
	case kind == "basic":
		return "Basic " + rest
	default:
		return ""
	}
}

// toTree and fromTree turn a config into the plain JSON tree that dotted keys
// are looked up in, and back.
func toTree(c *config) (map[string]any, error) {
	data, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	var tree map[string]any
	return tree, json.Unmarshal(data, &tree)
}

func fromTree(tree map[string]any) (*config, error) {
	data, err := json.Marshal(tree)
	if err != nil {
		return nil, err
	}
	c := new(config)
	if err := json.Unmarshal(data, c); err != nil {
		return nil, fmt.Errorf("failure to decode config: %w", err)
	}
	return c, nil
}

// mergeTree lays right over left, map by map, so that keys that only the file
// has survive.
func mergeTree(left, right map[string]any) map[string]any {
	out := make(map[string]any, len(left))
	for k, v := range left {
		out[k] = v
	}
	for k, v := range right {
		l, lok := out[k].(map[string]any)
		r, rok := v.(map[string]any)
		if lok && rok {
			v = mergeTree(l, r)
		}
		out[k] = v
	}
	return out
}

func lookUp(tree map[string]any, key string) (any, error) {
	var at any = tree
	parts := strings.Split(key, ".")
	for i, part := range parts {
		m, ok := at.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("%s key is not a map", strings.Join(parts[:i], "."))
		}
		if at, ok = m[part]; !ok {
			return nil, fmt.Errorf("%s not found", strings.Join(parts[:i+1], "."))
		}
	}
	return at, nil
}

func setKey(tree map[string]any, key string, value any) error {
	parts := strings.Split(key, ".")
	for i, part := range parts[:len(parts)-1] {
		if tree[part] == nil {
			tree[part] = map[string]any{}
		}
		next, ok := tree[part].(map[string]any)
		if !ok {
			return fmt.Errorf("%s key is not a map", strings.Join(parts[:i+1], "."))
		}
		tree = next
	}
	tree[parts[len(parts)-1]] = value
	return nil
}
