package openbao_test

import (
	"fmt"
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/banhbaoring/banhbaoring/components/openbao"
	"github.com/banhbaoring/banhbaoring/golden"
)

// Whoever takes over a sidecar has no token of the API server, and OpenBao's own
// changes no pod but OpenBao's.
func TestOnlyOpenBaoHasATokenOfTheAPIServer(t *testing.T) {
	pods, roles := 0, 0
	for _, u := range golden.Render(t, openbao.Component(), "openbao: {replicas: 3}") {
		switch u.GetKind() {
		case "StatefulSet":
			pods++
			var set appsv1.StatefulSet
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &set); err != nil {
				t.Fatal(err)
			}
			pod := set.Spec.Template.Spec
			if pod.AutomountServiceAccountToken == nil || *pod.AutomountServiceAccountToken {
				t.Error("every container has the token")
			}
			tokens := map[string]bool{}
			for _, v := range pod.Volumes {
				if v.Projected != nil && slices.ContainsFunc(v.Projected.Sources, func(s corev1.VolumeProjection) bool { return s.ServiceAccountToken != nil }) {
					tokens[v.Name] = true
				}
			}
			// Who shares the server's processes and user has its token, keys and memory.
			for _, c := range pod.Containers {
				same := c.SecurityContext == nil || c.SecurityContext.RunAsUser == nil || *c.SecurityContext.RunAsUser == *pod.SecurityContext.RunAsUser
				if trusted := c.Name == "openbao" || c.Name == "keeper"; same && !trusted {
					t.Errorf("container %s has the server's user", c.Name)
				}
			}
			var with []string
			for _, c := range slices.Concat(pod.InitContainers, pod.Containers) {
				for _, m := range c.VolumeMounts {
					if tokens[m.Name] {
						with = append(with, c.Name+" "+m.MountPath)
					}
				}
			}
			if want := "[openbao /var/run/secrets/kubernetes.io/serviceaccount]"; fmt.Sprint(with) != want {
				t.Errorf("the token is in %v, want %s", with, want)
			}
		case "Role":
			roles++
			var role rbacv1.Role
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &role); err != nil {
				t.Fatal(err)
			}
			for _, rule := range role.Rules {
				if len(rule.ResourceNames) != 7 || rule.ResourceNames[6] != "banhbaoring-openbao-6" || !slices.Equal(rule.Verbs, []string{"get", "patch"}) {
					t.Errorf("%+v", rule)
				}
			}
		}
	}
	if pods != 1 || roles != 1 {
		t.Errorf("%d StatefulSets, %d Roles", pods, roles)
	}
}
