package live

import (
	"context"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// SecretState says whether a Secret is there with all of the keys, each with a
// value: there, or what is wrong.
func (c *Cluster) SecretState(ctx context.Context, namespace, name string, keys []string, there string) (string, error) {
	u, err := c.client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "secrets"}).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return "missing", nil
	case apierrors.IsForbidden(err):
		return "not known: you may not read it", nil
	case err != nil:
		return "", fmt.Errorf("secret %s: %w", name, err)
	}
	data, _, _ := unstructured.NestedMap(u.Object, "data")
	var lacks []string
	for _, key := range keys {
		if value, _ := data[key].(string); value == "" {
			lacks = append(lacks, key)
		}
	}
	if len(lacks) > 0 {
		return "lacks " + strings.Join(lacks, ", "), nil
	}
	return there, nil
}
