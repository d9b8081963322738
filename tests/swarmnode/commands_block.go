// The block calls: enough to prove that content flows over a link.

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/ipfs/boxo/files"
	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-cid"
	cmds "github.com/ipfs/go-ipfs-cmds"
	mc "github.com/multiformats/go-multicodec"
	mh "github.com/multiformats/go-multihash"
)

var blockCommand = &cmds.Command{
	Subcommands: map[string]*cmds.Command{
		"get": {
			Arguments: []cmds.Argument{cmds.StringArg("cid", true, false, "The CID of an existing block to get.")},
			Run:       runBlockGet,
		},
		"put": {
			Arguments: []cmds.Argument{cmds.FileArg("data", true, true, "The data to be stored as an IPFS block.")},
			Options: []cmds.Option{
				cmds.StringOption("cid-codec", "Multicodec to use in returned CID").WithDefault("raw"),
				cmds.StringOption("mhtype", "Multihash hash function"),
				cmds.IntOption("mhlen", "Multihash hash length").WithDefault(-1),
			},
			Run: runBlockPut,
		},
	},
}

func runBlockGet(req *cmds.Request, res cmds.ResponseEmitter, env cmds.Environment) error {
	n := env.(*node)
	id, err := cid.Decode(req.Arguments[0])
	if err != nil {
		return err
	}
	service := n.blocks
	if flagged(req, "offline") {
		service = n.localBlocks
	}
	block, err := service.GetBlock(req.Context, id)
	if err != nil {
		return err
	}
	res.SetEncodingType(cmds.OctetStream)
	res.SetContentType("application/vnd.ipld.raw")
	return res.Emit(bytes.NewReader(block.RawData()))
}

func runBlockPut(req *cmds.Request, res cmds.ResponseEmitter, env cmds.Environment) error {
	n := env.(*node)
	prefix, err := cidPrefix(req)
	if err != nil {
		return err
	}
	entries := req.Files.Entries()
	for entries.Next() {
		file := files.FileFromEntry(entries)
		if file == nil {
			return errors.New("expected a file")
		}
		data, err := io.ReadAll(file)
		if err != nil {
			return err
		}
		id, err := prefix.Sum(data)
		if err != nil {
			return err
		}
		block, err := blocks.NewBlockWithCid(data, id)
		if err != nil {
			return err
		}
		if err := n.blocks.AddBlock(req.Context, block); err != nil {
			return err
		}
		err = res.Emit(&struct {
			Key  string
			Size int
		}{id.String(), len(data)})
		if err != nil {
			return err
		}
	}
	return entries.Err()
}

func cidPrefix(req *cmds.Request) (cid.Prefix, error) {
	p := cid.Prefix{Version: 1, MhType: mh.SHA2_256, MhLength: -1}
	name, _ := req.Options["cid-codec"].(string)
	var codec mc.Code
	if err := codec.Set(name); err != nil {
		return p, err
	}
	p.Codec = uint64(codec)
	if hash, _ := req.Options["mhtype"].(string); hash != "" {
		code, ok := mh.Names[hash]
		if !ok {
			return p, fmt.Errorf("unrecognized multihash function: %s", hash)
		}
		p.MhType = code
	}
	if length, ok := req.Options["mhlen"].(int); ok {
		p.MhLength = length
	}
	return p, nil
}
