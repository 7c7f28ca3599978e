package components_test

import (
	"slices"
	"testing"

	"github.com/banhbaoring/banhbaoring/golden"
	"github.com/banhbaoring/banhbaoring/render"
)

// A container that cannot start makes its pod unready, and with it the server
// beside it. So what runs beside a server has the server's own image or that of
// the Jobs, without which the stack could do nothing anyway; an exporter has pods
// of its own.
func TestNoSidecarHasAnImageThatCouldTakeItsServerDown(t *testing.T) {
	check := func(t *testing.T, s *render.Stack, objects render.Manifests) {
		seen := 0
		for _, u := range objects {
			if u.GetKind() != "StatefulSet" && u.GetKind() != "Deployment" {
				continue
			}
			containers := template(u).Spec.Containers
			known := []string{containers[0].Image, s.Cluster.Spec.Jobs.Image}
			for _, c := range containers[1:] {
				seen++
				if !slices.Contains(known, c.Image) {
					t.Errorf("%s: container %s has image %s", id(u), c.Name, c.Image)
				}
			}
		}
		if seen == 0 {
			t.Error("no sidecar was looked at")
		}
	}
	eachExample(t, check)
	for name, spec := range map[string]string{"standalone": "redis: {mode: standalone}", "cluster": "redis: {mode: cluster}", "unmonitored": "monitoring: {enabled: false}"} {
		t.Run(name, func(t *testing.T) {
			s := golden.Stack(t, spec)
			check(t, s, renderAll(t, s))
		})
	}
}

func TestWithoutMonitoringNothingIsMeasured(t *testing.T) {
	for _, u := range renderAll(t, golden.Stack(t, "monitoring: {enabled: false}\nredis: {mode: cluster}")) {
		for _, c := range template(u).Spec.Containers {
			if slices.Contains([]string{"exporter", "volume"}, c.Name) {
				t.Errorf("%s has container %s", id(u), c.Name)
			}
		}
	}
}
