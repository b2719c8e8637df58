// Package starting answers for a workload that sleeps, while the request that came for it wakes it: a page that asks again
// by itself to people, and 503 with Retry-After to programs.
//
// It speaks only where Traefik found no server to lead to, and tells a waker of the host. What a workload answers passes
// as it is, 503 included.
package starting

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"html"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Config is what a Middleware says below spec.plugin.
type Config struct {
	// RetrySeconds is after how long it is worth asking again.
	RetrySeconds int `json:"retrySeconds,omitempty"`
	// Waker is the URL below which it is told that somebody asked for a host; nobody is told if it is empty.
	Waker string `json:"waker,omitempty"`
}

// CreateConfig returns a configuration that New refuses: there must be a time.
func CreateConfig() *Config {
	return &Config{}
}

// noServer is Traefik's answer where a service has none (pkg/server/service/loadbalancer/wrr).
var noServer = []byte("no available server")

const style = `:root{color-scheme:light dark}body{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:20vh auto 0;padding:0 1.5rem}` +
	`h1{font-size:1.5rem;overflow-wrap:anywhere}progress{width:100%;height:.6rem;accent-color:#2563eb}p{margin:1rem 0}`

const tellSeconds, tellers = 3, 32

const plain = "503 Service Unavailable: the workload was asleep and is starting; ask again in a while.\n"

type door struct {
	next   http.Handler
	retry  string
	policy string
	waker  string
	client *http.Client
	// telling bounds how many tell the waker at a time; whoever finds no place asks again soon.
	telling chan bool
}

// New refuses an incomplete configuration; Traefik then does not serve the route at all.
func New(_ context.Context, next http.Handler, config *Config, _ string) (http.Handler, error) {
	if config.RetrySeconds <= 0 {
		return nil, errors.New("retrySeconds must be set")
	}
	hash := sha256.Sum256([]byte(style))
	policy := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	return &door{
		next:    next,
		retry:   strconv.Itoa(config.RetrySeconds),
		policy:  policy,
		waker:   config.Waker,
		client:  &http.Client{Timeout: tellSeconds * time.Second},
		telling: make(chan bool, tellers),
	}, nil
}

func (d *door) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	given := &answer{to: writer, door: d, request: request}
	d.next.ServeHTTP(given, request)
	given.end()
}

// wake tells the waker, while the answer goes out; without it the request is counted, which starts the workload later.
func (d *door) wake(host string) {
	if d.waker == "" {
		return
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	select {
	case d.telling <- true:
	default:
		return
	}
	go func() {
		defer func() { <-d.telling }()
		if given, err := d.client.Post(d.waker+"/"+url.PathEscape(host), "", nil); err == nil {
			_ = given.Body.Close()
		}
	}()
}

// wantsPage tells whether a person looks at the answer: a program, a page's own request and a form that was sent get none.
func wantsPage(request *http.Request) bool {
	if request.Method != http.MethodGet && request.Method != http.MethodHead || len(request.Header["Upgrade"]) > 0 {
		return false
	}
	if mode := strings.Join(request.Header["Sec-Fetch-Mode"], ""); mode != "" && mode != "navigate" {
		return false
	}
	return strings.Contains(strings.Join(request.Header["Accept"], ","), "text/html")
}

func (d *door) page(host string) string {
	name := html.EscapeString(host)
	return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">` +
		`<meta http-equiv="refresh" content="` + d.retry + `"><title>Starting ` + name + `</title><style>` + style + `</style></head>` +
		`<body><main><h1>Starting ` + name + `</h1><p role="status">It was stopped because nobody used it. Your request starts it again; its files are as they were.</p>` +
		`<progress aria-label="Starting"></progress>` +
		`<p>Usually this takes seconds, and some minutes where a machine has to be added. This page asks again every ` + d.retry +
		` seconds and opens as soon as there is an answer. If it has not opened after ten minutes, somebody may have stopped it by hand, or there is no machine for it: ask your platform team.</p></main></body></html>` + "\n"
}

func (d *door) answer(writer http.ResponseWriter, request *http.Request) {
	headers := writer.Header()
	headers.Set("Retry-After", d.retry)
	headers.Set("Cache-Control", "no-store")
	headers.Set("X-Content-Type-Options", "nosniff")
	headers.Set("Vary", "Accept, Sec-Fetch-Mode")
	body := plain
	headers.Set("Content-Type", "text/plain; charset=utf-8")
	if wantsPage(request) {
		body = d.page(request.Host)
		headers.Set("Content-Type", "text/html; charset=utf-8")
		headers.Set("Content-Security-Policy", d.policy)
		headers.Set("Referrer-Policy", "no-referrer")
	}
	headers.Set("Content-Length", strconv.Itoa(len(body)))
	writer.WriteHeader(http.StatusServiceUnavailable)
	if request.Method != http.MethodHead {
		_, _ = writer.Write([]byte(body))
	}
}

// answer holds a 503 back until its first words say whose it is, and nothing else. Flushing is the filter's, around it.
type answer struct {
	to      http.ResponseWriter
	door    *door
	request *http.Request
	// isHeld is while a 503 waits for its first words, isOurs once it was answered here.
	isHeld, isOurs, isBegun bool
}

func (a *answer) Header() http.Header {
	return a.to.Header()
}

func (a *answer) WriteHeader(status int) {
	if a.isHeld || a.isOurs || a.isBegun {
		return
	}
	if status == http.StatusServiceUnavailable {
		a.isHeld = true
		return
	}
	a.to.WriteHeader(status)
	a.isBegun = status >= http.StatusOK
}

func (a *answer) Write(part []byte) (int, error) {
	if a.isOurs {
		return len(part), nil
	}
	if a.isHeld && bytes.HasPrefix(part, noServer) {
		a.isHeld, a.isOurs = false, true
		a.door.wake(a.request.Host)
		a.door.answer(a.to, a.request)
		return len(part), nil
	}
	a.end()
	return a.to.Write(part)
}

// end lets a 503 go that is not Traefik's.
func (a *answer) end() {
	if a.isHeld {
		a.isHeld, a.isBegun = false, true
		a.to.WriteHeader(http.StatusServiceUnavailable)
	}
}

// Hijack hands over the connection of a websocket.
func (a *answer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(a.to).Hijack()
}
