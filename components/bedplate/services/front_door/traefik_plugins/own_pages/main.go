// Package ownpages lets the pages of other hosts lead to this one, and do nothing else in their visitors' name.
//
// Hosts of one domain are one site, so a browser sends the session's cookie with whatever the page of one tenant asks of
// another's host; SameSite keeps away other sites only. What made a request a browser says in Origin
// (https://fetch.spec.whatwg.org/#origin-header) and, if it is newer, in Sec-Fetch-Site, -Mode and -Dest
// (https://www.w3.org/TR/fetch-metadata/), none of which a page can write.
package ownpages

import (
	"context"
	"errors"
	"net/http"
	"strings"
)

// Config is what a Middleware says below spec.plugin.
type Config struct {
	// Cookies are the beginnings of the names of cookies that are a credential: a request that shows none of them is
	// let through, whoever made it. `*` stands for every request.
	Cookies []string `json:"cookies,omitempty"`
}

// CreateConfig returns a configuration that New refuses: there must be cookies.
func CreateConfig() *Config {
	return &Config{}
}

const refusal = "403 Forbidden: a page of another host made this request, or nothing says that one of this host did.\n" +
	"A session counts for the pages of the host that it is shown to, and for links that lead there.\n" +
	"Programs show a token, or `Origin: https://<this host>` beside the cookie.\n"

type door struct {
	next    http.Handler
	cookies []string
	always  bool
}

// New refuses an incomplete configuration; Traefik then does not serve the route at all.
func New(_ context.Context, next http.Handler, config *Config, _ string) (http.Handler, error) {
	if len(config.Cookies) == 0 {
		return nil, errors.New("cookies must be set")
	}
	made := &door{next: next}
	for _, name := range config.Cookies {
		if name == "*" {
			made.always = true
		}
		made.cookies = append(made.cookies, strings.ToLower(name))
	}
	return made, nil
}

func (d *door) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	if d.judges(request) && !admits(request) {
		http.Error(writer, refusal, http.StatusForbidden)
		return
	}
	d.next.ServeHTTP(writer, request)
}

// judges wherever the name stands at all: taking another cookie for the session does no harm, missing the session would.
func (d *door) judges(request *http.Request) bool {
	if d.always {
		return true
	}
	shown := strings.ToLower(strings.Join(request.Header["Cookie"], ";"))
	for _, name := range d.cookies {
		if strings.Contains(shown, name) {
			return true
		}
	}
	return false
}

// admits what a page of this host made, and what only asks for something and is no other host's page at work: a link to
// a whole page, somebody at the address bar, and programs and old browsers, which say nothing.
func admits(request *http.Request) bool {
	asks := onlyAsks(request)
	if asks && said(request, "Sec-Fetch-Mode") == "navigate" && said(request, "Sec-Fetch-Dest") == "document" {
		return true
	}
	origin, site := said(request, "Origin"), said(request, "Sec-Fetch-Site")
	isStated := origin != "" && origin != "null"
	if isStated && strings.ToLower(origin) != ownOrigin(request) {
		return false
	}
	switch site {
	case "same-origin":
		return true
	case "none", "":
		return isStated || asks && origin == ""
	default:
		return false
	}
}

// onlyAsks tells whether the request changes nothing and opens no connection that goes on.
func onlyAsks(request *http.Request) bool {
	if len(request.Header["Upgrade"]) > 0 {
		return false
	}
	return request.Method == http.MethodGet || request.Method == http.MethodHead || request.Method == http.MethodOptions
}

func ownOrigin(request *http.Request) string {
	return "https://" + strings.ToLower(request.Host)
}

// said returns all that was said under the name, so that two answers to one question are none that counts.
func said(request *http.Request, name string) string {
	return strings.Join(request.Header[name], ", ")
}
