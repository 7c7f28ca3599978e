// Package flux lays a stack out for Flux: a folder a stage, and the
// Kustomizations that order them. Flux knows no waves: within a Kustomization
// all objects are applied at once.
package flux

import (
	"path"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/banhbaoring/banhbaoring/render"
)

// Options say where Flux finds the folders.
type Options struct {
	// Namespace of the Kustomizations and their source.
	Namespace string
	// SourceKind is GitRepository, OCIRepository or Bucket.
	SourceKind string
	// SourceName is the source's name.
	SourceName string
	// Path of the folders within the source.
	Path string
	// Interval at which Flux reconciles, such as 10m.
	Interval string
}

// timeouts are how long a stage may take to become healthy, after which Flux
// begins anew. They cover a slow start of every image and volume; a restore
// and the backup before an upgrade take as long as their data is large.
var timeouts = map[render.Stage]string{
	render.Foundation:   "5m",
	render.Secrets:      "10m",
	render.Guard:        "1h",
	render.Data:         "30m",
	render.OpenBao:      "30m",
	render.Restore:      "2h",
	render.Configure:    "15m",
	render.Clients:      "5m",
	render.Tenants:      "15m",
	render.Applications: "20m",
	render.Monitoring:   "20m",
	render.Exposure:     "30m",
}

// Timeout is how long a stage may take to become healthy.
func Timeout(stage render.Stage) string { return timeouts[stage] }

// Folder is where the objects of a stage of a stack lie.
func Folder(namespace string, stage render.Stage) string {
	return path.Join("stages", namespace, stage.String())
}

// Stages are those that have objects, in order.
func Stages(manifests render.Manifests) []render.Stage {
	var stages []render.Stage
	for _, name := range render.StageNames() {
		stage, err := render.ParseStage(name)
		if err == nil && len(manifests.Only(stage)) > 0 {
			stages = append(stages, stage)
		}
	}
	return stages
}

// Kustomizations order the stages of a stack: each waits until the one of the
// wave before it is healthy; those of the last wave wait for none of each other.
// The last stage holds what may never be healthy: it waits for nothing of its
// own, and its readiness is the health of the stack's workloads.
func Kustomizations(namespace string, manifests render.Manifests, o Options) render.Manifests {
	stages := Stages(manifests)
	var all render.Manifests
	for i, stage := range stages {
		spec := map[string]any{
			"interval":      o.Interval,
			"retryInterval": "1m",
			"timeout":       timeouts[stage],
			"path":          "./" + path.Join(o.Path, Folder(namespace, stage)),
			"prune":         true,
			"sourceRef":     map[string]any{"kind": o.SourceKind, "name": o.SourceName},
		}
		if before, ok := before(stages[:i], stage); ok {
			spec["dependsOn"] = []any{map[string]any{"name": name(namespace, before)}}
		}
		if stage == render.Exposure {
			spec["wait"] = false
			if checks := workloads(manifests); len(checks) > 0 {
				spec["healthChecks"] = checks
			}
		} else {
			spec["wait"] = true
		}
		if exprs := expressions(manifests.Only(stage)); len(exprs) > 0 {
			spec["healthCheckExprs"] = exprs
		}
		u := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "kustomize.toolkit.fluxcd.io/v1",
			"kind":       "Kustomization",
			"metadata":   map[string]any{"name": name(namespace, stage), "namespace": o.Namespace},
			"spec":       spec,
		}}
		all = append(all, u)
	}
	return all
}

// before is the stage that another waits for, of those that come before it: the
// last one of an earlier wave. Only the last wave has more than one stage.
func before(earlier []render.Stage, stage render.Stage) (render.Stage, bool) {
	for _, e := range slices.Backward(earlier) {
		if e.Wave() < stage.Wave() {
			return e, true
		}
	}
	return 0, false
}

// name fits a label, as Flux wants it to: a stack's namespace is no longer than
// 38 characters, for its other names' sake.
func name(namespace string, stage render.Stage) string {
	return "banhbaoring-" + namespace + "-" + stage.String()
}

// workloads are references to what serves, for healthChecks.
func workloads(manifests render.Manifests) []any {
	var references []any
	for _, u := range manifests {
		if kind := u.GetKind(); kind != "Deployment" && kind != "StatefulSet" {
			continue
		}
		references = append(references, map[string]any{
			"apiVersion": u.GetAPIVersion(), "kind": u.GetKind(), "name": u.GetName(), "namespace": u.GetNamespace(),
		})
	}
	return references
}

// ready are the operators' kinds that tell of themselves in a condition. Flux
// takes an object without any condition for healthy, and so would go on before
// the operator has seen it.
var ready = []struct{ apiVersion, kind string }{
	{"cert-manager.io/v1", "Certificate"},
	{"cert-manager.io/v1", "Issuer"},
	{"external-secrets.io/v1", "ExternalSecret"},
	{"postgresql.cnpg.io/v1", "Cluster"},
}

// TellsReady reports whether objects of a kind are healthy only once a condition
// Ready says so.
func TellsReady(apiVersion, kind string) bool {
	for _, r := range ready {
		if r.apiVersion == apiVersion && r.kind == kind {
			return true
		}
	}
	return false
}

// expressions are healthCheckExprs for the operators' kinds among the objects.
func expressions(manifests render.Manifests) []any {
	var exprs []any
	for _, r := range ready {
		for _, u := range manifests {
			if u.GetAPIVersion() == r.apiVersion && u.GetKind() == r.kind {
				exprs = append(exprs, map[string]any{
					"apiVersion": r.apiVersion,
					"kind":       r.kind,
					"current":    "has(status.conditions) && status.conditions.exists(c, c.type == 'Ready' && c.status == 'True')",
				})
				break
			}
		}
	}
	return exprs
}
