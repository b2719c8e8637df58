package main

import (
	"context"
	"errors"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/kubernetes/pkg/controller/namespace/deletion"
)

const (
	namespaceWorkers  = 10
	namespaceRetry    = 50 * time.Millisecond
	namespaceMaxRetry = time.Second
)

// runNamespaceController removes the content of deleted namespaces with Kubernetes' own code, in its own order.
//
// Only the waiting is ours. The controller manager's controller first does nothing for five seconds, so that every API
// server and every etcd of a cluster has heard of the deletion, and looks again at what is left after half of the
// longest grace period (https://github.com/kubernetes/kubernetes/blob/v1.35.4/pkg/controller/namespace/namespace_controller.go).
// Here one API server and one etcd have always heard, so it begins at once and looks again within a second.
func runNamespaceController(kubeconfig string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	config.QPS = -1
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	content, err := metadata.NewForConfig(config)
	if err != nil {
		return err
	}
	ctx := context.Background()
	deleter := deletion.NewNamespacedResourcesDeleter(ctx, client.CoreV1().Namespaces(), content, client.CoreV1(),
		client.Discovery().ServerPreferredNamespacedResources, corev1.FinalizerKubernetes)
	queue := workqueue.NewTypedRateLimitingQueue(
		workqueue.NewTypedItemExponentialFailureRateLimiter[string](namespaceRetry, namespaceMaxRetry))
	enqueue := func(object any) {
		if namespace := object.(*corev1.Namespace); namespace.DeletionTimestamp != nil {
			queue.Add(namespace.Name)
		}
	}
	namespaces := informers.NewSharedInformerFactory(client, 0).Core().V1().Namespaces().Informer()
	if _, err = namespaces.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    enqueue,
		UpdateFunc: func(_, object any) { enqueue(object) },
	}); err != nil {
		return err
	}
	for range namespaceWorkers {
		go func() {
			for {
				name, _ := queue.Get()
				if deleter.Delete(ctx, name) == nil {
					queue.Forget(name)
				} else { // content remains, or an error that its next try may not meet
					queue.AddRateLimited(name)
				}
				queue.Done(name)
			}
		}()
	}
	namespaces.Run(ctx.Done())
	return errors.New("the namespace controller ended")
}
