package live

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/banhbaoring/banhbaoring/status"
)

// Looker reads how a stack is. It asks for no Secret and no log.
type Looker struct {
	typed   kubernetes.Interface
	dynamic dynamic.Interface
}

// NewLooker reads through a configuration.
func NewLooker(config *rest.Config) (*Looker, error) {
	config = reading(config)
	typed, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	untyped, err := dynamic.NewForConfig(config)
	return &Looker{typed, untyped}, err
}

// Look reads one namespace. What the caller may not list stands in Unseen; that the
// API server does not answer is an error.
func (l *Looker) Look(ctx context.Context, namespace string) (*status.Seen, error) {
	s := &status.Seen{Namespace: namespace, At: time.Now(), Unseen: map[string]string{}}
	all, ours := metav1.ListOptions{}, metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=banhbaoring"}
	core, apps, batch := l.typed.CoreV1(), l.typed.AppsV1(), l.typed.BatchV1()
	asking, ctx := errgroup.WithContext(ctx)
	a := asked{Group: asking, unseen: s.Unseen}
	list(&a, "pods", func() (*corev1.PodList, error) { return core.Pods(namespace).List(ctx, all) },
		func(found *corev1.PodList) { s.Pods = found.Items })
	list(&a, "statefulsets", func() (*appsv1.StatefulSetList, error) { return apps.StatefulSets(namespace).List(ctx, all) },
		func(found *appsv1.StatefulSetList) { s.StatefulSets = found.Items })
	list(&a, "deployments", func() (*appsv1.DeploymentList, error) { return apps.Deployments(namespace).List(ctx, all) },
		func(found *appsv1.DeploymentList) { s.Deployments = found.Items })
	list(&a, "jobs", func() (*batchv1.JobList, error) { return batch.Jobs(namespace).List(ctx, all) },
		func(found *batchv1.JobList) { s.Jobs = found.Items })
	list(&a, "cronjobs", func() (*batchv1.CronJobList, error) { return batch.CronJobs(namespace).List(ctx, all) },
		func(found *batchv1.CronJobList) { s.CronJobs = found.Items })
	list(&a, "persistentvolumeclaims", func() (*corev1.PersistentVolumeClaimList, error) {
		return core.PersistentVolumeClaims(namespace).List(ctx, all)
	}, func(found *corev1.PersistentVolumeClaimList) { s.Claims = found.Items })
	list(&a, "configmaps", func() (*corev1.ConfigMapList, error) { return core.ConfigMaps(namespace).List(ctx, ours) },
		func(found *corev1.ConfigMapList) { s.ConfigMaps = found.Items })
	list(&a, "ingresses", func() (*networkingv1.IngressList, error) {
		return l.typed.NetworkingV1().Ingresses(namespace).List(ctx, all)
	}, func(found *networkingv1.IngressList) { s.Ingresses = found.Items })
	list(&a, "events", func() (*corev1.EventList, error) { return core.Events(namespace).List(ctx, all) },
		func(found *corev1.EventList) { s.Events = found.Items })
	list(&a, "certificates", func() (*unstructured.UnstructuredList, error) {
		found, err := l.dynamic.Resource(certificates).Namespace(namespace).List(ctx, all)
		if apierrors.IsNotFound(err) { // the cluster has no cert-manager
			return &unstructured.UnstructuredList{}, nil
		}
		return found, err
	}, func(found *unstructured.UnstructuredList) {
		for i := range found.Items {
			s.Certificates = append(s.Certificates, certificate(&found.Items[i]))
		}
	})
	if err := asking.Wait(); err != nil {
		return nil, err
	}
	return s, nil
}

// Namespaces are those of all stacks.
func (l *Looker) Namespaces(ctx context.Context) ([]string, error) {
	found, err := l.typed.CoreV1().Namespaces().List(ctx, metav1.ListOptions{LabelSelector: "app.kubernetes.io/part-of=banhbaoring,app.kubernetes.io/managed-by=banhbaoring"})
	if err != nil {
		return nil, err
	}
	var names []string
	for _, n := range found.Items {
		names = append(names, n.Name)
	}
	return names, nil
}

var certificates = schema.GroupVersionResource{Group: "cert-manager.io", Version: "v1", Resource: "certificates"}

// asked are lists that are asked for at once.
type asked struct {
	*errgroup.Group
	mutex  sync.Mutex
	unseen map[string]string
}

func list[T any](a *asked, kind string, ask func() (T, error), take func(T)) {
	a.Go(func() error {
		found, err := ask()
		switch {
		case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err):
			a.mutex.Lock()
			defer a.mutex.Unlock()
			a.unseen[kind] = err.Error()
			return nil
		case err != nil:
			return fmt.Errorf("listing %s: %w", kind, err)
		}
		take(found)
		return nil
	})
}

func certificate(u *unstructured.Unstructured) status.Certificate {
	c := status.Certificate{Name: u.GetName(), Message: "its issuer has not answered"}
	conditions, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions")
	for _, each := range conditions {
		if condition, ok := each.(map[string]any); ok && condition["type"] == "Ready" {
			c.Ready = condition["status"] == "True"
			c.Message, _ = condition["message"].(string)
		}
	}
	ends, _, _ := unstructured.NestedString(u.Object, "status", "notAfter")
	c.Ends, _ = time.Parse(time.RFC3339, ends)
	return c
}
