// Package requestfilter keeps from a workload what is not its business: the session of the person who calls it, and
// bodies larger than its route admits.
//
// The session's cookie is valid for every host of the domain, so a workload that saw it could act as its visitors in
// other tenants. Traefik itself removes all cookies or none. Its own limit of bodies (buffering) holds every response
// back until it is complete, which ends streaming.
package requestfilter

import (
	"context"
	"errors"
	"net/http"
	"strings"
)

// Config is what a Middleware says below spec.plugin.
type Config struct {
	// CookiePrefixes are the beginnings of the names of cookies that are removed, in any case of letters.
	CookiePrefixes []string `json:"cookiePrefixes,omitempty"`
	// MaxBodyBytes is the largest body that is let through.
	MaxBodyBytes int64 `json:"maxBodyBytes,omitempty"`
}

// CreateConfig returns a configuration that New refuses: both keys must be set.
func CreateConfig() *Config {
	return &Config{}
}

type filter struct {
	next   http.Handler
	config *Config
}

// New refuses an incomplete configuration; Traefik then does not serve the route at all.
func New(_ context.Context, next http.Handler, config *Config, _ string) (http.Handler, error) {
	if len(config.CookiePrefixes) == 0 || config.MaxBodyBytes <= 0 {
		return nil, errors.New("cookiePrefixes and maxBodyBytes must be set")
	}
	return &filter{next: next, config: config}, nil
}

func (f *filter) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	if request.ContentLength > f.config.MaxBodyBytes {
		http.Error(writer, http.StatusText(http.StatusRequestEntityTooLarge), http.StatusRequestEntityTooLarge)
		return
	}
	if request.Body != nil && request.ContentLength < 0 {
		request.Body = http.MaxBytesReader(writer, request.Body, f.config.MaxBodyBytes)
	}
	if lines, found := request.Header["Cookie"]; found {
		if kept := f.kept(lines); kept == "" {
			request.Header.Del("Cookie")
		} else {
			request.Header.Set("Cookie", kept)
		}
	}
	f.next.ServeHTTP(writer, request)
}

// kept returns the other cookies, as they were written.
func (f *filter) kept(lines []string) string {
	var kept []string
	for _, cookie := range strings.Split(strings.Join(lines, ";"), ";") {
		cookie = strings.TrimSpace(cookie)
		if cookie != "" && !f.removes(cookie) {
			kept = append(kept, cookie)
		}
	}
	return strings.Join(kept, "; ")
}

func (f *filter) removes(cookie string) bool {
	name := strings.ToLower(strings.Trim(cookie, " \t\""))
	for _, prefix := range f.config.CookiePrefixes {
		if strings.HasPrefix(name, strings.ToLower(prefix)) {
			return true
		}
	}
	return false
}
