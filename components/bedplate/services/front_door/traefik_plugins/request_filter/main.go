// Package requestfilter keeps from a workload what is not its business: the session of the person who calls it, bodies
// larger than its route admits, and what a browser would believe of the whole domain or of the platform.
//
// The session's cookie is valid for every host of the domain, so a workload that saw it could act as its visitors in
// other tenants, and one that set it could have them act as somebody else. Traefik itself removes all cookies or none.
// Its own limit of bodies (buffering) holds every response back until it is complete, which ends streaming.
package requestfilter

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"
)

// Config is what a Middleware says below spec.plugin.
type Config struct {
	// CookiePrefixes are the beginnings of the names of cookies that a workload neither gets nor sets, in any case of letters.
	CookiePrefixes []string `json:"cookiePrefixes,omitempty"`
	// AnswerHeaders are the beginnings of the names of headers that a workload does not answer with.
	AnswerHeaders []string `json:"answerHeaders,omitempty"`
	// MaxBodyBytes is the largest body that is let through.
	MaxBodyBytes int64 `json:"maxBodyBytes,omitempty"`
}

// CreateConfig returns a configuration that New refuses: all keys must be set.
func CreateConfig() *Config {
	return &Config{}
}

// filter has patterns in place of loops: what the interpreter does itself takes it a hundred times longer.
type filter struct {
	next         http.Handler
	maxBodyBytes int64
	// reserved is a cookie of the login's. One without a name counts by its value, which browsers send as if it were a
	// name (https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-5.8.3).
	reserved *regexp.Regexp
	// unsaid is the name of a header that a workload does not answer with.
	unsaid *regexp.Regexp
	// doubtful is somewhere in every answer that has to be looked at.
	doubtful *regexp.Regexp
}

// What may stand before a name that a browser or the login still takes for it.
const filler = `[\x00-\x20="\x7f]*`

// domain is the attribute by which a cookie is for other hosts too.
var domain = regexp.MustCompile(`(?i);` + filler + `domain[^;]*`)

// New refuses an incomplete configuration; Traefik then does not serve the route at all.
func New(_ context.Context, next http.Handler, config *Config, _ string) (http.Handler, error) {
	if len(config.CookiePrefixes) == 0 || len(config.AnswerHeaders) == 0 || config.MaxBodyBytes <= 0 {
		return nil, errors.New("cookiePrefixes, answerHeaders and maxBodyBytes must be set")
	}
	cookies, headers := anyOf(config.CookiePrefixes), anyOf(config.AnswerHeaders)
	return &filter{
		next:         next,
		maxBodyBytes: config.MaxBodyBytes,
		reserved:     regexp.MustCompile("(?i)^" + filler + cookies),
		// A header that follows the body is written under its name behind http.TrailerPrefix.
		unsaid:   regexp.MustCompile("(?i)^(?:" + http.TrailerPrefix + ")?" + headers),
		doubtful: regexp.MustCompile("(?i)Set-Cookie|Trailer|" + headers),
	}, nil
}

func anyOf(texts []string) string {
	var quoted []string
	for _, text := range texts {
		quoted = append(quoted, regexp.QuoteMeta(text))
	}
	return "(?:" + strings.Join(quoted, "|") + ")"
}

func (f *filter) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	if request.ContentLength > f.maxBodyBytes {
		http.Error(writer, http.StatusText(http.StatusRequestEntityTooLarge), http.StatusRequestEntityTooLarge)
		return
	}
	if request.Body != nil && request.ContentLength < 0 {
		request.Body = http.MaxBytesReader(writer, request.Body, f.maxBodyBytes)
	}
	if lines, found := request.Header["Cookie"]; found {
		if kept := f.kept(lines); kept == "" {
			request.Header.Del("Cookie")
		} else {
			request.Header.Set("Cookie", kept)
		}
	}
	f.next.ServeHTTP(&answer{to: writer, filter: f, hasBody: request.Method != http.MethodHead}, request)
	f.clean(writer.Header())
}

// kept returns the other cookies, as they were written.
func (f *filter) kept(lines []string) string {
	var kept []string
	for _, cookie := range strings.Split(strings.Join(lines, ";"), ";") {
		cookie = strings.TrimSpace(cookie)
		if cookie != "" && !f.reserved.MatchString(cookie) {
			kept = append(kept, cookie)
		}
	}
	return strings.Join(kept, "; ")
}
