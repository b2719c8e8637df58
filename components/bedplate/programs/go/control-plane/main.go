// Command control-plane is one Kubernetes control plane in one program: its first argument picks the component.
//
// Every process of it ends when its standard input ends. The program that starts it keeps the other end of that pipe,
// so no process and no port outlives a starter that was killed, on any Unix.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/client-go/util/keyutil"
	"k8s.io/component-base/cli"
	kubeapiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	kubecontrollermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	kubescheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

// The constructors, not the commands: constructing two commands installs the signal handler twice, which panics.
var components = map[string]func() *cobra.Command{
	"kube-apiserver":          kubeapiserver.NewAPIServerCommand,
	"kube-controller-manager": kubecontrollermanager.NewControllerManagerCommand,
	"kube-scheduler":          func() *cobra.Command { return kubescheduler.NewSchedulerCommand() },
}

func main() {
	if len(os.Args) < 2 {
		fail(errors.New("the first argument says what to run"))
	}
	name := os.Args[1]
	os.Args = os.Args[1:] // cobra and etcd take the rest for their own command line
	go exitWithStandardInput()
	if newCommand, found := components[name]; found {
		os.Exit(cli.Run(newCommand()))
	}
	switch {
	case name == "etcd":
		etcdmain.Main(os.Args)
	case name == "namespace-controller" && len(os.Args) == 2:
		fail(runNamespaceController(os.Args[1]))
	case name == "service-account-key" && len(os.Args) == 2:
		fail(writeKey(os.Args[1]))
	default:
		fail(fmt.Errorf("cannot run %q with these arguments", name))
	}
}

func exitWithStandardInput() {
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(1)
}

// writeKey writes a new private key that only its owner can read; the public key is part of it.
func writeKey(path string) error {
	key, err := keyutil.MakeEllipticPrivateKeyPEM()
	if err != nil {
		return err
	}
	return keyutil.WriteKey(path, key)
}

// fail ends the process: with 0 if nothing failed.
func fail(err error) {
	if err == nil {
		os.Exit(0)
	}
	fmt.Fprintln(os.Stderr, "control-plane:", err)
	os.Exit(1)
}
