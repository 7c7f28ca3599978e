// Package guardrails renders admission policies that refuse, to those who hold
// kubectl, what nobody means to do.
package guardrails

import (
	"embed"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/render"
	"github.com/banhbaoring/banhbaoring/render/kustomize"
)

//go:embed base
var files embed.FS

var base = kustomize.NewBase(files)

// Component renders the policies where the spec asks for them.
func Component() render.Component {
	return render.Component{
		Name:    "guardrails",
		Stage:   render.Foundation,
		Enabled: func(s *render.Stack) bool { return s.Cluster.Spec.Guardrails },
		Build:   build,
	}
}

// build gives what is cluster-wide the namespace in its name, and has it look at
// that namespace alone.
func build(s *render.Stack) ([]runtime.Object, error) {
	objects, namespace := base.Objects(), s.Cluster.Namespace
	for _, o := range objects {
		u := o.(*unstructured.Unstructured)
		name := "banhbaoring-" + namespace + strings.TrimPrefix(u.GetName(), "banhbaoring")
		spec := u.Object["spec"].(map[string]any)
		if u.GetKind() == "ValidatingAdmissionPolicyBinding" {
			spec["policyName"] = name
		} else {
			err := unstructured.SetNestedField(spec, namespace, "matchConstraints", "namespaceSelector", "matchLabels", "kubernetes.io/metadata.name")
			if err != nil {
				return nil, err
			}
			render.SetVariable(u, "keys", render.CELList(keys(s.Cluster)))
		}
		u.SetName(name)
	}
	return objects, nil
}

// keys are the Secrets without which data cannot be opened any more. What ends
// in a hyphen stands for all names that begin so.
func keys(c *v1.BanhBaoRingCluster) []string {
	names := []string{jobs.SecretCA, "banhbaoring-backup-", "banhbaoring-openbao-"}
	names = append(names, c.KeySecrets()...)
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(name string) bool { return name == "" })
}
