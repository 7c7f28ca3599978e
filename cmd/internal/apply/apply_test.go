package apply

import (
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/banhbaoring/banhbaoring/render"
)

// Stages come in their order, whatever the order of the objects; what belongs to
// no stage goes with the first; nothing that protects data waits for an
// application, and nothing waits for what may never be healthy.
func TestStages(t *testing.T) {
	var manifests render.Manifests
	for _, stage := range []string{"exposure", "openbao", "foundation", "applications", "guard"} {
		manifests = append(manifests, object("v1", "ConfigMap", "in-"+stage, map[string]string{render.StageAnnotation: stage}))
	}
	foreign := []*unstructured.Unstructured{object("v1", "Secret", "of-the-user", nil)}
	var names, waits, joins []string
	stages := Stages(manifests, foreign, func(render.Stage) time.Duration { return time.Minute })
	for _, s := range stages {
		names = append(names, s.Name)
		if s.Waits {
			waits = append(waits, s.Name)
		}
		if s.Joins {
			joins = append(joins, s.Name)
		}
	}
	if want := []string{"foundation", "guard", "openbao", "applications", "exposure"}; !slices.Equal(names, want) {
		t.Errorf("order: %v, want %v", names, want)
	}
	if want := []string{"foundation", "guard", "openbao", "applications"}; !slices.Equal(waits, want) {
		t.Errorf("waited for: %v, want %v", waits, want)
	}
	if want := []string{"applications", "exposure"}; !slices.Equal(joins, want) {
		t.Errorf("waited for at the end: %v, want %v", joins, want)
	}
	if len(stages[0].Objects) != 2 || stages[0].Objects[1].GetName() != "of-the-user" {
		t.Errorf("the first stage holds %v", stages[0].Objects)
	}
}
