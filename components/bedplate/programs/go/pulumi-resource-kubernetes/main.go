// The Kubernetes provider of Pulumi, without the schema that upstream's own main embeds: a build step makes that file,
// so the module does not have it. Serving resources needs none; only `pulumi package get-schema` would miss it.
package main

import "github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"

// Set by the linker.
var version string

func main() {
	schema := []byte(`{"name":"kubernetes","version":"` + version + `"}`)
	terraformMapping := []byte("{}")
	provider.Serve("kubernetes", version, schema, terraformMapping)
}
