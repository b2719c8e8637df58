// Package identityheaders removes headers by which a client would say who it is, or where it comes from.
//
// Traefik itself removes headers by their whole name, and no list of names is ever complete. A family is known by how
// its names begin, whatever stands in the place of a hyphen: applications that get headers as variables (CGI, WSGI)
// read `X_Auth_User` and `X.Auth.User` as `X-Auth-User` (https://datatracker.ietf.org/doc/html/rfc3875#section-4.1.18).
package identityheaders

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"
)

// Config is what a Middleware says below spec.plugin.
type Config struct {
	// Families are the beginnings of names that are removed, in any case of letters.
	Families []string `json:"families,omitempty"`
	// Names are whole names that are removed, in any case of letters.
	Names []string `json:"names,omitempty"`
	// Kept are names of these families that Traefik itself has written by then, in its spelling.
	Kept []string `json:"kept,omitempty"`
}

// CreateConfig returns a configuration that New refuses: there must be families.
func CreateConfig() *Config {
	return &Config{}
}

type door struct {
	next    http.Handler
	removed *regexp.Regexp
	kept    map[string]bool
}

// New refuses an incomplete configuration; Traefik then does not serve the route at all.
func New(_ context.Context, next http.Handler, config *Config, _ string) (http.Handler, error) {
	if len(config.Families) == 0 {
		return nil, errors.New("families must be set")
	}
	var beginnings []string
	for _, family := range config.Families {
		parts := strings.Split(family, "-")
		for index, part := range parts {
			parts[index] = regexp.QuoteMeta(part)
		}
		beginnings = append(beginnings, strings.Join(parts, "[^a-z0-9]"))
	}
	for _, name := range config.Names {
		beginnings = append(beginnings, regexp.QuoteMeta(name)+"$")
	}
	removed, err := regexp.Compile("(?i)^(?:" + strings.Join(beginnings, "|") + ")")
	if err != nil {
		return nil, err
	}
	kept := map[string]bool{}
	for _, name := range config.Kept {
		kept[name] = true
	}
	return &door{next: next, removed: removed, kept: kept}, nil
}

func (d *door) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	for name := range request.Header {
		if d.removed.MatchString(name) && !d.kept[name] {
			delete(request.Header, name)
		}
	}
	d.next.ServeHTTP(writer, request)
}
