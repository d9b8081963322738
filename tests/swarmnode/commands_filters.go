// The filters calls. They change what is dialled and accepted from now on, and
// save it; open connections stay.

package main

import (
	"slices"

	cmds "github.com/ipfs/go-ipfs-cmds"
	ma "github.com/multiformats/go-multiaddr"
	mamask "github.com/whyrusleeping/multiaddr-filter"
)

func runFilters(_ *cmds.Request, n *node) (any, error) {
	if err := n.onlineCommand(); err != nil {
		return nil, err
	}
	n.filtersLock.Lock()
	defer n.filtersLock.Unlock()
	out := new(stringList) // null, not [], when there are none
	for _, f := range n.filters.FiltersForAction(ma.ActionDeny) {
		text, err := mamask.ConvertIPNet(&f)
		if err != nil {
			return nil, err
		}
		out.Strings = append(out.Strings, text)
	}
	return out, nil
}

func runFiltersAdd(req *cmds.Request, n *node) (any, error) {
	if err := n.onlineCommand(); err != nil {
		return nil, err
	}
	n.filtersLock.Lock()
	defer n.filtersLock.Unlock()
	for _, arg := range req.Arguments {
		mask, err := mamask.NewMask(arg)
		if err != nil {
			return nil, err
		}
		n.filters.AddFilter(*mask, ma.ActionDeny)
	}
	var added []string
	err := n.repo.update(func(c *config) {
		added = distinct(req.Arguments)
		c.Swarm.AddrFilters = distinct(added, c.Swarm.AddrFilters) // new ones come first
	})
	if err != nil {
		return nil, err
	}
	return &stringList{added}, nil
}

func distinct(lists ...[]string) []string {
	out := []string{}
	for _, entry := range slices.Concat(lists...) {
		if !slices.Contains(out, entry) {
			out = append(out, entry)
		}
	}
	return out
}

// runFiltersRm answers with the entries that the config had, which need not be
// those that were in force.
func runFiltersRm(req *cmds.Request, n *node) (any, error) {
	if err := n.onlineCommand(); err != nil {
		return nil, err
	}
	n.filtersLock.Lock()
	defer n.filtersLock.Unlock()
	if first := req.Arguments[0]; first == "all" || first == "*" {
		for _, f := range n.filters.FiltersForAction(ma.ActionDeny) {
			n.filters.RemoveLiteral(f)
		}
		var removed []string
		err := n.repo.update(func(c *config) {
			removed = c.Swarm.AddrFilters
			c.Swarm.AddrFilters = nil
		})
		if err != nil {
			return nil, err
		}
		return &stringList{removed}, nil
	}
	for _, arg := range req.Arguments {
		mask, err := mamask.NewMask(arg)
		if err != nil {
			return nil, err
		}
		n.filters.RemoveLiteral(*mask)
	}
	removed := []string{}
	err := n.repo.update(func(c *config) {
		keep := []string{}
		for _, entry := range c.Swarm.AddrFilters {
			if slices.Contains(req.Arguments, entry) {
				removed = append(removed, entry)
			} else {
				keep = append(keep, entry)
			}
		}
		c.Swarm.AddrFilters = keep
	})
	if err != nil {
		return nil, err
	}
	return &stringList{removed}, nil
}
