// The modules whose CRDs the lab applies. Only files are taken from them; nothing here is
// compiled, so this folder is not for `go mod tidy`: after a change of version, run
// `go mod download` with both module names.
module kubomesh/e2e/crds

go 1.26.0

require (
	github.com/k8snetworkplumbingwg/network-attachment-definition-client v1.7.7
	github.com/prometheus-operator/prometheus-operator v0.85.0
)
