// cert-manager's controllers in one program. Upstream's own command is a module of its own that cannot be required
// (https://github.com/cert-manager/cert-manager/tree/v1.21.2/cmd/controller); the controllers are packages of the
// main module. The flags are those of upstream that the platform's stacks decide, by the same names.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/cert-manager/cert-manager/pkg/controller"
	_ "github.com/cert-manager/cert-manager/pkg/controller/acmechallenges"
	_ "github.com/cert-manager/cert-manager/pkg/controller/acmeorders"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificate-shim/ingresses"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/acme"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/approver"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/ca"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/selfsigned"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/issuing"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/keymanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/metrics"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/readiness"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/requestmanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/revisionmanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/trigger"
	_ "github.com/cert-manager/cert-manager/pkg/controller/clusterissuers"
	_ "github.com/cert-manager/cert-manager/pkg/controller/issuers"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/acme"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/ca"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/selfsigned"
)

// Upstream's defaults of what is not a flag here.
const (
	leastBackoff        = time.Hour
	mostBackoff         = 32 * time.Hour
	challengesAtOnce    = 60
	workersOfController = 5
)

func main() {
	kubeconfig := flag.String("kubeconfig", "", "file that says how to reach the API server, and as whom")
	namespace := flag.String("cluster-resource-namespace", "kube-system", "where secrets of ClusterIssuers are")
	ownerReference := flag.Bool("enable-certificate-owner-ref", false, "whether a secret goes with its certificate")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	factory, err := controller.NewContextFactory(ctx, controller.ContextOptions{
		Kubeconfig:         *kubeconfig,
		KubernetesAPIQPS:   100,
		KubernetesAPIBurst: 200,
		IssuerOptions:      controller.IssuerOptions{ClusterResourceNamespace: *namespace},
		CertificateOptions: controller.CertificateOptions{
			EnableOwnerRef:                           *ownerReference,
			CertificateRequestMinimumBackoffDuration: leastBackoff,
			CertificateRequestMaximumBackoffDuration: mostBackoff,
		},
		SchedulerOptions: controller.SchedulerOptions{MaxConcurrentChallenges: challengesAtOnce},
	})
	fail(err)
	if err := run(ctx, factory); err != nil {
		fail(err)
	}
}

// run returns when the context ends or one controller fails.
func run(ctx context.Context, factory *controller.ContextFactory) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	shared, err := factory.Build("controller")
	if err != nil {
		return err
	}
	var running sync.WaitGroup
	for name, construct := range controller.Known() {
		one, err := construct(factory)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		running.Go(func() {
			if err := one.Run(workersOfController, ctx); err != nil {
				stop(fmt.Errorf("%s: %w", name, err))
			}
		})
	}
	shared.SharedInformerFactory.Start(ctx.Done())
	shared.KubeSharedInformerFactory.Start(ctx.Done())
	shared.HTTP01ResourceMetadataInformersFactory.Start(ctx.Done())
	fmt.Printf("cert-manager runs: %d controllers\n", len(controller.Known()))
	running.Wait()
	if cause := context.Cause(ctx); ctx.Err() != nil && cause != context.Canceled {
		return cause
	}
	return nil
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "cert-manager:", err)
		os.Exit(1)
	}
}
