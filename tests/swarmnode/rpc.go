// The HTTP side of the RPC: Kubo's command library behind the same checks, in
// the same order, as in Kubo.

package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	cmdshttp "github.com/ipfs/go-ipfs-cmds/http"
)

const apiPath = "/api/v0"

const accessDenied = "Kubo RPC Access Denied: Please provide a valid authorization token as defined in the API.Authorizations configuration."

// agentVersion is the version in an agent like kubo/0.43.0/docker.
func agentVersion(agent string) string {
	return strings.Split(agent, "/")[1]
}

func rpcHandler(n *node, c apiConfig, addr net.Addr, log *os.File) http.Handler {
	var h http.Handler = cmdshttp.NewHandler(n, rootCommand, serverConfig(n, c, addr))
	if len(c.Authorizations) > 0 {
		h = authorized(c.Authorizations, h)
	}
	mux := http.NewServeMux()
	mux.Handle(apiPath+"/", h)
	h = sameVersion(n.version, mux)
	if log != nil {
		h = logged(log, h)
	}
	return h
}

func serverConfig(n *node, c apiConfig, addr net.Addr) *cmdshttp.ServerConfig {
	sc := cmdshttp.NewServerConfig()
	sc.APIPath = apiPath
	sc.AddAllowedHeaders("Origin", "Accept", "Content-Type", "X-Requested-With")
	sc.SetAllowedMethods(http.MethodPost)
	if origins := c.HTTPHeaders[cmdshttp.ACAOrigin]; origins != nil {
		sc.SetAllowedOrigins(origins...)
	}
	if methods := c.HTTPHeaders[cmdshttp.ACAMethods]; methods != nil {
		sc.SetAllowedMethods(methods...)
	}
	port := ""
	if tcp, ok := addr.(*net.TCPAddr); ok {
		port = strconv.Itoa(tcp.Port)
	}
	for _, host := range []string{"127.0.0.1", "[::1]", "localhost"} {
		sc.AppendAllowedOrigins("http://"+host+":"+port, "https://"+host+":"+port)
	}

	sc.Headers = map[string][]string{}
	for name, values := range c.HTTPHeaders {
		sc.Headers[http.CanonicalHeaderKey(name)] = values
	}
	sc.Headers["Server"] = []string{"kubo/" + n.version}
	return sc
}

// sameVersion refuses a Kubo client of another version, on all calls but
// version. It knows one by its user agent.
func sameVersion(version string, next http.Handler) http.Handler {
	own := "/kubo/" + version + "/"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call, isCall := strings.CutPrefix(r.URL.Path, apiPath)
		parts := strings.Split(call, "/")
		if isCall && len(parts) >= 2 && parts[1] != "version" {
			ua := r.UserAgent()
			if ua != own && (strings.Contains(ua, "/kubo/") || strings.Contains(ua, "/go-ipfs/")) {
				http.Error(w, fmt.Sprintf("api version mismatch (%s != %s)", own, ua), http.StatusBadRequest)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// authorized admits a request by its Authorization header and the path
// prefixes allowed with it. Any valid token may ask for the version.
func authorized(rules map[string]*authScope, next http.Handler) http.Handler {
	byHeader := map[string]*authScope{}
	for _, scope := range rules {
		if h := scope.header(); h != "" {
			byHeader[h] = scope
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if scope, ok := byHeader[r.Header.Get("Authorization")]; ok {
			for _, prefix := range append([]string{apiPath + "/version"}, scope.AllowedPaths...) {
				exact := prefix == apiPath+"/version"
				if r.URL.Path == prefix || (!exact && strings.HasPrefix(r.URL.Path, prefix)) {
					next.ServeHTTP(w, r)
					return
				}
			}
		}
		http.Error(w, accessDenied, http.StatusForbidden)
	})
}

// logged writes down each request before anything looks at it, refused ones
// too. Each line is one write to the file, so nothing is lost when the node is
// killed. Headers are left out: they hold tokens.
func logged(log *os.File, next http.Handler) http.Handler {
	var lock sync.Mutex
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		line, err := json.Marshal(struct {
			Time   time.Time `json:"time"`
			Method string    `json:"method"`
			Path   string    `json:"path"`
			Query  string    `json:"query"`
			Remote string    `json:"remote"`
		}{time.Now(), r.Method, r.URL.Path, r.URL.RawQuery, r.RemoteAddr})
		if err == nil {
			lock.Lock()
			_, err = log.Write(append(line, '\n'))
			lock.Unlock()
		}
		if err != nil { // a log with gaps would prove the wrong thing
			http.Error(w, "request log: "+err.Error(), http.StatusInsufficientStorage)
			return
		}
		next.ServeHTTP(w, r)
	})
}
