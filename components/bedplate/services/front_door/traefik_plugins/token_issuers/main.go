// Package tokenissuers has a token count only where its issuer may say whom it names.
//
// The login accepts tokens of several issuers and asks of all of them the same: a subject, or groups. So whoever one
// issuer calls like somebody of another's would be let in as that one. It deliberately verifies nothing: the login, which
// is asked next, does, and takes a token for its issuer's only if it is signed by it.
package tokenissuers

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
)

// Config is what a Middleware says below spec.plugin.
type Config struct {
	// Subjects whose tokens count, by their issuer; none stand for all of the issuer's. The issuer `*` is whichever is
	// not known.
	Subjects map[string][]string `json:"subjects,omitempty"`
	// Known are the issuers that `*` does not stand for.
	Known []string `json:"known,omitempty"`
	// Refuses tells what becomes of a request without such a token: 401, or it goes on without what it has shown.
	Refuses bool `json:"refuses,omitempty"`
}

// CreateConfig returns a configuration that New refuses: there must be subjects.
func CreateConfig() *Config {
	return &Config{}
}

type claims struct {
	Issuer  string `json:"iss"`
	Subject string `json:"sub"`
}

type door struct {
	next   http.Handler
	config *Config
	known  map[string]bool
}

// New refuses an incomplete configuration; Traefik then does not serve the route at all.
func New(_ context.Context, next http.Handler, config *Config, _ string) (http.Handler, error) {
	if len(config.Subjects) == 0 {
		return nil, errors.New("subjects must be set")
	}
	known := map[string]bool{}
	for _, issuer := range config.Known {
		known[issuer] = true
	}
	return &door{next: next, config: config, known: known}, nil
}

func (d *door) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	if shown, found := request.Header["Authorization"]; (found || d.config.Refuses) && !d.counts(shown) {
		if d.config.Refuses {
			writer.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(writer, http.StatusText(http.StatusUnauthorized), http.StatusUnauthorized)
			return
		}
		request.Header.Del("Authorization")
	}
	d.next.ServeHTTP(writer, request)
}

func (d *door) counts(credentials []string) bool {
	if len(credentials) != 1 {
		return false
	}
	scheme, token, _ := strings.Cut(credentials[0], " ")
	parts := strings.Split(token, ".")
	if !strings.EqualFold(scheme, "Bearer") || len(parts) != 3 {
		return false
	}
	content, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return false
	}
	var said claims
	if json.Unmarshal(content, &said) != nil || said.Issuer == "" {
		return false
	}
	subjects, found := d.config.Subjects[said.Issuer]
	if !found && !d.known[said.Issuer] {
		subjects, found = d.config.Subjects["*"]
	}
	if !found || len(subjects) == 0 {
		return found
	}
	for _, subject := range subjects {
		if subject == said.Subject {
			return true
		}
	}
	return false
}
