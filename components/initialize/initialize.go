// Package initialize renders the Job that initialises and unseals OpenBao.
package initialize

import (
	"embed"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/render"
	"github.com/banhbaoring/banhbaoring/render/kustomize"
)

//go:embed base
var files embed.FS

var base = kustomize.NewBase(files)

// Component renders the init Job. It stands in OpenBao's own stage: a
// StatefulSet that nobody initialises never becomes ready.
func Component() render.Component {
	return render.Component{
		Name:  jobs.Init,
		Stage: render.OpenBao,
		Build: build,
	}
}

func build(s *render.Stack) ([]runtime.Object, error) {
	c := s.Cluster
	config := jobs.InitConfig{
		Cluster:                 c.Name,
		Namespace:               c.Namespace,
		AutoUnseal:              *c.Spec.OpenBao.AutoUnseal.Enabled,
		Shares:                  c.Spec.OpenBao.Init.Shares,
		Threshold:               c.Spec.OpenBao.Init.Threshold,
		PGPKeys:                 c.Spec.OpenBao.Init.PGPKeys,
		KeySecret:               jobs.SecretOpenBaoKeys,
		ServiceAccount:          "banhbaoring-" + jobs.Init,
		ConfigureServiceAccount: "banhbaoring-" + jobs.Configure,
		TokenAudience:           jobs.TokenAudience,
		KubernetesHost:          jobs.KubernetesHost,
	}
	for i := range int(*c.Spec.OpenBao.Replicas) {
		config.Peers = append(config.Peers, jobs.PeerAddress(i))
	}
	config.Restores = s.RestoreReceipts()
	if len(s.Restores) > 0 {
		config.RestoreServiceAccount = "banhbaoring-" + jobs.Restore
	}
	objects, _, err := s.Job(jobs.Init, base, config)
	if err != nil || len(s.Restores) == 0 {
		return objects, err
	}
	role := kustomize.Find[*rbacv1.Role](objects)
	s.LetReadReceipts(role)
	// It keeps the keys of an OpenBao whose data is lost.
	role.Rules = append(role.Rules, rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"create"}})
	return objects, nil
}
