//go:build tools

// Package tools pins the programs that the lab builds: a blank import each, so
// that go.mod and go.sum keep what they need. Nothing compiles this file.
package tools

import (
	_ "go.etcd.io/etcd/server/v3"
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
	_ "sigs.k8s.io/kustomize/kustomize/v5"
)
