// Package ext stands for the module by which others extend Traefik's configuration; upstream keeps it in its repository
// and publishes it nowhere. It extends nothing.
package ext

// HTTP is an extension of the configuration of HTTP.
type HTTP struct{}

// Router is an extension of a router's configuration.
type Router struct{}
