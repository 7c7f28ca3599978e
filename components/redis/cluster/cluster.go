// Package cluster renders the Job that makes one cluster of Redis's shards.
package cluster

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

// Objects are the Job and its configuration.
func Objects(s *render.Stack) ([]runtime.Object, error) {
	c := s.Cluster
	config := jobs.RedisConfig{Cluster: c.Name, Namespace: c.Namespace}
	for ordinal := range int(*c.Spec.Redis.Replicas) {
		config.Shards = append(config.Shards, jobs.RedisAddress(ordinal))
	}
	objects, _, err := s.Job(jobs.Redis, base, config)
	return objects, err
}
