// Package signer renders what signs for rollups' clients by the policies of their keys.
package signer

import (
	"embed"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/render"
	"github.com/banhbaoring/banhbaoring/render/kustomize"
)

//go:embed base
var files embed.FS

var base = kustomize.NewBase(files)

// Component renders the signer.
func Component() render.Component {
	return render.Component{
		Name:    jobs.Signer,
		Stage:   render.Applications,
		Enabled: func(s *render.Stack) bool { return *s.Cluster.Spec.Signer.Enabled },
		Build:   build,
	}
}

func build(s *render.Stack) ([]runtime.Object, error) {
	objects, spec := base.Objects(), s.Cluster.Spec.Signer

	deployment := kustomize.Find[*appsv1.Deployment](objects)
	deployment.Spec.Replicas = spec.Replicas
	if len(s.Restores) > 0 {
		deployment.Spec.Replicas = nil // the restore's, which stops the pods
	}
	pod := &deployment.Spec.Template.Spec
	s.Place(pod, spec.Workload)
	const openbao = "--openbao="
	args := pod.Containers[0].Args
	at := slices.IndexFunc(args, func(arg string) bool { return strings.HasPrefix(arg, openbao) })
	var peers []string // all, for the signer finds the one that leads
	for i := range int(*s.Cluster.Spec.OpenBao.Replicas) {
		peers = append(peers, jobs.PeerAddress(i))
	}
	args[at] = openbao + strings.Join(peers, ",")

	if *spec.Replicas == 1 { // of one pod, it would stop every drain
		objects = slices.DeleteFunc(objects, func(o runtime.Object) bool {
			_, budget := o.(*policyv1.PodDisruptionBudget)
			return budget
		})
	}
	return objects, nil
}
