// Package peers renders the Job that removes raft peers before their pods go.
package peers

import (
	"embed"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/render"
	"github.com/banhbaoring/banhbaoring/render/kustomize"
)

//go:embed base
var files embed.FS

var base = kustomize.NewBase(files)

// Component renders the peers Job. It runs before OpenBao's StatefulSet
// changes, and has nothing to do unless the replicas became fewer.
func Component() render.Component {
	return render.Component{
		Name:  jobs.Peers,
		Stage: render.Guard,
		Build: build,
	}
}

func build(s *render.Stack) ([]runtime.Object, error) {
	c := s.Cluster
	config := jobs.PeersConfig{
		Cluster:     c.Name,
		Namespace:   c.Namespace,
		Address:     jobs.ActiveAddress(c.Namespace),
		StatefulSet: jobs.OpenBaoName,
		Replicas:    *c.Spec.OpenBao.Replicas,
		AllowSingle: c.Spec.OpenBao.AllowSingle,
	}
	for i := range int(config.Replicas) {
		config.Peers = append(config.Peers, jobs.PeerAddress(i))
	}
	objects, _, err := s.Job(jobs.Peers, base, config)
	return objects, err
}
