//go:build tools

// Package tools pins Prometheus and promtool: a blank import each, so that
// go.mod and go.sum keep what they need. Nothing compiles this file.
package tools

import (
	_ "github.com/prometheus/prometheus/cmd/prometheus"
	_ "github.com/prometheus/prometheus/cmd/promtool"
)
