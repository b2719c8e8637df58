// krane, which asks each cloud for a password of its registry. Upstream's own command is a module of its own that cannot
// be required (https://github.com/google/go-containerregistry/tree/v0.22.1/cmd/krane); what it is made of are packages
// of other modules. The order in which clouds are asked is upstream's.
package main

import (
	"context"
	"os"
	"os/signal"

	ecr "github.com/awslabs/amazon-ecr-credential-helper/ecr-login"
	"github.com/chrismellard/docker-credential-acr-env/pkg/credhelper"
	"github.com/google/go-containerregistry/cmd/crane/cmd"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/v1/google"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	keychain := authn.NewMultiKeychain(
		authn.DefaultKeychain,
		google.Keychain,
		authn.NewKeychainFromHelper(ecr.NewECRHelper()),
		authn.NewKeychainFromHelper(credhelper.NewACRCredentialsHelper()),
	)
	if err := cmd.New("krane", "krane", []crane.Option{crane.WithAuthFromKeychain(keychain)}).ExecuteContext(ctx); err != nil {
		cancel()
		os.Exit(1)
	}
}
