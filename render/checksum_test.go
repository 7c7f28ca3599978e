package render_test

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/banhbaoring/banhbaoring/golden"
	"github.com/banhbaoring/banhbaoring/render"
)

// deploymentOf is a Deployment whose pods mount a ConfigMap, and one ConfigMap.
func deploymentOf(annotation, mounted, there string) render.Component {
	build := func(*render.Stack) ([]runtime.Object, error) {
		d := &appsv1.Deployment{TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"}, ObjectMeta: metav1.ObjectMeta{Name: "pods"}}
		d.Spec.Template.Annotations = map[string]string{render.ConfigAnnotation: annotation}
		volume := corev1.Volume{Name: "config"}
		volume.ConfigMap = &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: mounted}}
		d.Spec.Template.Spec.Volumes = []corev1.Volume{volume}
		c := &corev1.ConfigMap{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"}, ObjectMeta: metav1.ObjectMeta{Name: there}}
		return []runtime.Object{d, c}, nil
	}
	return render.Component{Name: "test", Enabled: func(*render.Stack) bool { return true }, Build: build}
}

func TestAChecksumThatIsGivenStays(t *testing.T) {
	for _, u := range golden.Render(t, deploymentOf("own", "a", "a"), "") {
		d := &appsv1.Deployment{}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, d); u.GetKind() == "Deployment" && err != nil {
			t.Fatal(err)
		}
		if got := d.Spec.Template.Annotations[render.ConfigAnnotation]; u.GetKind() == "Deployment" && got != "own" {
			t.Errorf("it became %q", got)
		}
	}
}

func TestAChecksumOfNothingIsAnError(t *testing.T) {
	_, err := render.Render(golden.Stack(t, ""), []render.Component{deploymentOf("", "a", "b")})
	if err == nil || !strings.Contains(err.Error(), "none of its ConfigMaps is there") {
		t.Errorf("got %v", err)
	}
}
