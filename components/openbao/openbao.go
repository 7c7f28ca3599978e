// Package openbao renders OpenBao through its chart: the values are computed
// once, and the built-in chart or the official one turns them into objects.
package openbao

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
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
	if s.Chart != nil && strings.HasPrefix(s.Cluster.Spec.OpenBao.Image, "[") {
		return nil, field.Invalid(field.NewPath("spec", "openbao", "image"), s.Cluster.Spec.OpenBao.Image,
			"must not begin with an address in brackets where openbao.chart is given: the official chart does not quote it")
	}
	config, err := config(s.Cluster)
	if err != nil {
		return nil, err
	}
	values, err := values(s.Cluster, config, s.ProxyEnv())
	if err != nil {
		return nil, err
	}
	chart, err := chartOf(s)
	if err != nil {
		return nil, err
	}
	rendered, err := chart.Render(values, helm.Release{
		Name: release, Namespace: s.Cluster.Namespace,
		KubeVersion: cmp.Or(s.Cluster.Spec.KubeVersion, v1.DefaultKubernetes),
	})
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
	switch u.GetKind() {
	case "Role":
		onlyOwnPods(u)
		return
	case "StatefulSet":
	default:
		return
	}
	spec := u.Object["spec"].(object)
	spec["minReadySeconds"] = int64(*s.Cluster.Spec.OpenBao.MinReadySeconds)
	template := spec["template"].(object)
	pod := template["spec"].(object)
	pod["enableServiceLinks"] = false
	trimScript(pod)
	tellWhy(pod)
	giveToken(pod)
	annotations, _ := template["metadata"].(object)["annotations"].(object)
	if annotations == nil {
		annotations = object{}
		template["metadata"].(object)["annotations"] = annotations
	}
	annotations["banhbaoring.io/config"] = checksum
}

// tellWhy has Kubernetes keep the end of what a container said that failed: what a
// seal's service answered, above all, for whoever asks for the pod. Of a server that
// was killed it is the end of its audit log, which has secrets as hashes only.
func tellWhy(pod object) {
	for _, kind := range []string{"initContainers", "containers"} {
		for _, c := range pod[kind].([]any) {
			c.(object)["terminationMessagePolicy"] = string(corev1.TerminationMessageFallbackToLogsOnError)
		}
	}
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
