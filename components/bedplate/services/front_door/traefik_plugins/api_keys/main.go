// Package apikeys lets in who shows a key whose hash is known: `Authorization: Bearer <key>`.
//
// Traefik itself has no such check: its basicAuth wants a name and a password, and hashes that are slow by intention,
// which a key of 256 random bits does not need.
package apikeys

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Config is what a Middleware says below spec.plugin.
type Config struct {
	// Prefix is the beginning of every key.
	Prefix string `json:"prefix,omitempty"`
	// UserHeader tells the workload and the access log which key was shown: key:<name>.
	UserHeader string `json:"userHeader,omitempty"`
	// SHA256 of each key in hexadecimal digits, by the key's name.
	SHA256 map[string]string `json:"sha256,omitempty"`
}

// CreateConfig returns a configuration that New refuses: all keys must be set.
func CreateConfig() *Config {
	return &Config{}
}

type known struct {
	name   string
	digest []byte
}

type door struct {
	next   http.Handler
	prefix string
	header string
	keys   []known
}

// New refuses an incomplete configuration; Traefik then does not serve the route at all.
func New(_ context.Context, next http.Handler, config *Config, _ string) (http.Handler, error) {
	if config.Prefix == "" || config.UserHeader == "" || len(config.SHA256) == 0 {
		return nil, errors.New("prefix, userHeader and sha256 must be set")
	}
	var keys []known
	for name, text := range config.SHA256 {
		digest, err := hex.DecodeString(text)
		if err != nil || len(digest) != sha256.Size {
			return nil, fmt.Errorf("the hash of key %s is not a SHA-256 in hexadecimal digits", name)
		}
		keys = append(keys, known{name: name, digest: digest})
	}
	return &door{next: next, prefix: config.Prefix, header: config.UserHeader, keys: keys}, nil
}

func (d *door) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	name := d.shown(request.Header["Authorization"])
	if name == "" {
		writer.Header().Set("WWW-Authenticate", "Bearer")
		http.Error(writer, http.StatusText(http.StatusUnauthorized), http.StatusUnauthorized)
		return
	}
	request.Header.Set(d.header, "key:"+name)
	d.next.ServeHTTP(writer, request)
}

// shown returns the name of the key, or nothing. It takes the same time whichever key it is and however much of it is right.
func (d *door) shown(credentials []string) string {
	if len(credentials) != 1 {
		return ""
	}
	scheme, key, _ := strings.Cut(credentials[0], " ")
	if !strings.EqualFold(scheme, "Bearer") || !strings.HasPrefix(key, d.prefix) {
		return ""
	}
	digest := sha256.Sum256([]byte(key))
	name := ""
	for _, one := range d.keys {
		if subtle.ConstantTimeCompare(digest[:], one.digest) == 1 {
			name = one.name
		}
	}
	return name
}
