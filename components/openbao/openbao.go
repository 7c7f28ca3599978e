// Package openbao renders OpenBao through its chart: the values are computed
// once, and the built-in chart or the official one turns them into objects.
package openbao

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	builtin "github.com/banhbaoring/banhbaoring/components/openbao/chart"
	"github.com/banhbaoring/banhbaoring/render"
	"github.com/banhbaoring/banhbaoring/render/helm"
)

// release is the Helm release that names every object banhbaoring-openbao.
const release = "banhbaoring"

var builtIn = sync.OnceValues(func() (*helm.Chart, error) { return helm.LoadFS(builtin.FS, ".") })

// Component renders OpenBao.
func Component() render.Component {
	return render.Component{
		Name:  "openbao",
		Stage: render.OpenBao,
		Build: build,
	}
}

func build(s *render.Stack) ([]runtime.Object, error) {
	config, err := config(s.Cluster)
	if err != nil {
		return nil, err
	}
	values, err := values(s.Cluster, config)
	if err != nil {
		return nil, err
	}
	chart, err := chartOf(s)
	if err != nil {
		return nil, err
	}
	rendered, err := chart.Render(values, helm.Release{Name: release, Namespace: s.Cluster.Namespace})
	if err != nil {
		return nil, err
	}
	checksum := fmt.Sprintf("%x", sha256.Sum256([]byte(config)))
	objects := make([]runtime.Object, 0, len(rendered))
	for _, u := range rendered {
		complete(s, u, checksum)
		objects = append(objects, u)
	}
	return objects, nil
}

func chartOf(s *render.Stack) (*helm.Chart, error) {
	given := s.Cluster.Spec.OpenBao.Chart
	if given == nil {
		return builtIn()
	}
	if s.Chart == nil {
		return nil, field.Invalid(field.NewPath("spec", "openbao", "chart", "digest"), given.Digest, "is not stored here")
	}
	return helm.LoadArchive(s.Chart)
}

// complete adds to the chart's objects what the charts have no value for: a
// change of configuration rolls the pods, a new chart version alone does not.
func complete(s *render.Stack, u *unstructured.Unstructured, checksum string) {
	for _, path := range [][]string{{"metadata", "labels"}, {"spec", "template", "metadata", "labels"}} {
		unstructured.RemoveNestedField(u.Object, append(slices.Clone(path), "helm.sh/chart")...)
	}
	if u.GetKind() != "StatefulSet" {
		return
	}
	spec := u.Object["spec"].(object)
	spec["minReadySeconds"] = int64(*s.Cluster.Spec.OpenBao.MinReadySeconds)
	template := spec["template"].(object)
	pod := template["spec"].(object)
	pod["enableServiceLinks"] = false
	trimScript(pod)
	annotations, _ := template["metadata"].(object)["annotations"].(object)
	if annotations == nil {
		annotations = object{}
		template["metadata"].(object)["annotations"] = annotations
	}
	annotations["banhbaoring.io/config"] = checksum
}

// trimScript takes the blanks at the end of lines out of the entrypoint's
// script, so that it is written as lines and can be read.
func trimScript(pod object) {
	for _, c := range pod["containers"].([]any) {
		args, _ := c.(object)["args"].([]any)
		for i, arg := range args {
			lines := strings.Split(arg.(string), "\n")
			for j, line := range lines {
				lines[j] = strings.TrimRight(line, " ")
			}
			args[i] = strings.Join(lines, "\n")
		}
	}
}
