package exporter

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
)

// serviceAccountDir is where a pod finds its token.
const serviceAccountDir = "/var/run/secrets/kubernetes.io/serviceaccount"

// apiServer asks Kubernetes with the pod's own service account.
type apiServer struct {
	address, namespace, dir string
	client                  *http.Client
}

// InCluster asks the Kubernetes that the program's pod runs in.
func InCluster(namespace string) (Cluster, error) {
	host, port := os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT")
	if host == "" || port == "" {
		return nil, errors.New("this is no pod: KUBERNETES_SERVICE_HOST is not set")
	}
	return newAPIServer("https://"+net.JoinHostPort(host, port), namespace, serviceAccountDir)
}

func newAPIServer(address, namespace, dir string) (*apiServer, error) {
	ca, err := os.ReadFile(filepath.Join(dir, "ca.crt"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return nil, fmt.Errorf("%s holds no certificate", filepath.Join(dir, "ca.crt"))
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
	return &apiServer{address, namespace, dir, &http.Client{Transport: transport}}, nil
}

func (s *apiServer) Jobs(ctx context.Context) ([]batchv1.Job, error) {
	list, err := get[batchv1.JobList](ctx, s, "/apis/batch/v1", "jobs")
	return list.Items, err
}

func (s *apiServer) CronJobs(ctx context.Context) ([]batchv1.CronJob, error) {
	list, err := get[batchv1.CronJobList](ctx, s, "/apis/batch/v1", "cronjobs")
	return list.Items, err
}

func (s *apiServer) Deployments(ctx context.Context) ([]appsv1.Deployment, error) {
	list, err := get[appsv1.DeploymentList](ctx, s, "/apis/apps/v1", "deployments")
	return list.Items, err
}

func (s *apiServer) StatefulSets(ctx context.Context) ([]appsv1.StatefulSet, error) {
	list, err := get[appsv1.StatefulSetList](ctx, s, "/apis/apps/v1", "statefulsets")
	return list.Items, err
}

func (s *apiServer) Claims(ctx context.Context) ([]corev1.PersistentVolumeClaim, error) {
	list, err := get[corev1.PersistentVolumeClaimList](ctx, s, "/api/v1", "persistentvolumeclaims")
	return list.Items, err
}

func (s *apiServer) ConfigMap(ctx context.Context, name string) (map[string]string, error) {
	found, err := get[corev1.ConfigMap](ctx, s, "/api/v1", "configmaps/"+name)
	if errors.Is(err, errNotFound) {
		return nil, nil
	}
	return found.Data, err
}

var errNotFound = errors.New("there is none")

// get reads the objects of one kind in the namespace, or one of them.
func get[T any](ctx context.Context, s *apiServer, group, resource string) (list T, err error) {
	// Read each time: Kubernetes renews it in place.
	token, err := os.ReadFile(filepath.Join(s.dir, "token"))
	if err != nil {
		return list, err
	}
	address := s.address + group + "/namespaces/" + s.namespace + "/" + resource
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return list, err
	}
	request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	request.Header.Set("Accept", "application/json")
	response, err := s.client.Do(request)
	if err != nil {
		return list, fmt.Errorf("listing %s: %w", resource, err)
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusNotFound {
		_, _ = io.Copy(io.Discard, response.Body)
		return list, fmt.Errorf("reading %s: %w", resource, errNotFound)
	}
	if response.StatusCode != http.StatusOK {
		_, _ = io.Copy(io.Discard, response.Body)
		return list, fmt.Errorf("listing %s: the API server says %s", resource, response.Status)
	}
	if err := json.NewDecoder(response.Body).Decode(&list); err != nil {
		return list, fmt.Errorf("listing %s: %w", resource, err)
	}
	return list, nil
}
