// Reading the recorded answers of a real Kubo, byte for byte: header order,
// chunks and trailers are part of what is compared, and net/http's client
// would hide them.

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const recordingsDir = "../recordings/kubo"

type recording struct {
	Name    string   `json:"name"`
	Request string   `json:"request"` // the request line
	Headers []string `json:"request_headers"`
	Note    string   `json:"note"`
}

func loadRecordings(t *testing.T) map[string]recording {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(recordingsDir, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var list []recording
	if err := json.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	out := map[string]recording{}
	for _, r := range list {
		if _, twice := out[r.Name]; twice {
			t.Fatalf("index.json names %s twice", r.Name)
		}
		out[r.Name] = r
	}
	return out
}

func (r recording) file() string { return filepath.Join(recordingsDir, r.Name+".response") }

func (r recording) answer(t *testing.T) answer {
	t.Helper()
	raw, err := os.ReadFile(r.file())
	if err != nil {
		t.Fatal(err)
	}
	a, err := parseAnswer(raw)
	if err != nil {
		t.Fatalf("%s: %v", r.file(), err)
	}
	return a
}

// answer is an HTTP/1.1 answer as it came over the wire. A body that is not
// chunked is one chunk.
type answer struct {
	status  string
	headers []string // in order, without Date
	chunks  []string
	trailer []string
}

func (a answer) body() string { return strings.Join(a.chunks, "") }

func (a answer) ok() bool { return strings.HasPrefix(a.status, "HTTP/1.1 200 ") }

func parseAnswer(raw []byte) (answer, error) {
	var a answer
	r := bufio.NewReader(bytes.NewReader(raw))
	var err error
	if a.status, err = readLine(r); err != nil {
		return a, err
	}
	chunked, dated := false, false
	for {
		line, err := readLine(r)
		if err != nil {
			return a, fmt.Errorf("in the headers: %w", err)
		}
		if line == "" {
			break
		}
		if strings.HasPrefix(line, "Date: ") {
			dated = true
			continue
		}
		chunked = chunked || line == "Transfer-Encoding: chunked"
		a.headers = append(a.headers, line)
	}
	if !dated {
		return a, fmt.Errorf("no Date header")
	}
	if !chunked {
		rest, err := io.ReadAll(r)
		a.chunks = []string{string(rest)}
		return a, err
	}
	return a, a.readChunks(r)
}

func (a *answer) readChunks(r *bufio.Reader) error {
	for {
		line, err := readLine(r)
		if err != nil {
			return fmt.Errorf("at a chunk's size: %w", err)
		}
		size, err := strconv.ParseInt(line, 16, 64)
		if err != nil {
			return fmt.Errorf("chunk size: %w", err)
		}
		if size == 0 {
			break
		}
		chunk := make([]byte, size+2)
		if _, err := io.ReadFull(r, chunk); err != nil {
			return fmt.Errorf("in a chunk: %w", err)
		}
		if !bytes.HasSuffix(chunk, []byte("\r\n")) {
			return fmt.Errorf("chunk of %d bytes does not end there", size)
		}
		a.chunks = append(a.chunks, string(chunk[:size]))
	}
	for {
		line, err := readLine(r)
		if err != nil {
			return fmt.Errorf("in the trailer: %w", err)
		}
		if line == "" {
			return nil
		}
		a.trailer = append(a.trailer, line)
	}
}

func readLine(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return "", io.ErrUnexpectedEOF
	}
	line, ok := strings.CutSuffix(line, "\r\n")
	if !ok {
		return "", fmt.Errorf("line %q does not end in CRLF", line)
	}
	return line, nil
}
