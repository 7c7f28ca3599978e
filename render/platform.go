package render

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
)

// fit adapts pods to what the cluster is.
func fit(s *Stack, objects Manifests) {
	openshift := s.Cluster.Spec.Platform == v1.PlatformOpenShift
	sleeps := v1.HasSleepAction(s.Cluster.Spec.KubeVersion)
	if !openshift && sleeps {
		return
	}
	for _, u := range objects {
		pod := podSpecOf(u)
		if pod == nil {
			continue
		}
		if openshift {
			leaveIdentity(pod)
		}
		for _, c := range containersOf(pod) {
			if openshift {
				leaveIdentity(c)
			}
			if !sleeps {
				dropSleep(c)
			}
		}
	}
}

// leaveIdentity leaves the user and the groups to OpenShift, whose restricted-v2
// takes none but those of the namespace's own range. That they are not root stays
// asked for.
func leaveIdentity(holder map[string]any) {
	if context, ok := holder["securityContext"].(map[string]any); ok {
		for _, field := range []string{"runAsUser", "runAsGroup", "fsGroup", "supplementalGroups"} {
			delete(context, field)
		}
	}
}

// dropSleep removes a pause that this Kubernetes does not know: its API server
// would drop it, and refuse a hook that is then empty.
func dropSleep(container map[string]any) {
	lifecycle, _ := container["lifecycle"].(map[string]any)
	hook, _ := lifecycle["preStop"].(map[string]any)
	if hook["sleep"] == nil {
		return
	}
	delete(lifecycle, "preStop")
	if len(lifecycle) == 0 {
		delete(container, "lifecycle")
	}
}

// podSpecOf is the spec of the pods that an object makes, nil where it makes none.
func podSpecOf(u *unstructured.Unstructured) map[string]any {
	path := []string{"spec", "template", "spec"}
	switch u.GetKind() {
	case "CronJob":
		path = []string{"spec", "jobTemplate", "spec", "template", "spec"}
	case "Job", "Deployment", "StatefulSet":
	default:
		return nil
	}
	var value any = u.Object
	for _, name := range path {
		m, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		value = m[name]
	}
	pod, _ := value.(map[string]any)
	return pod
}

// containersOf are all containers of a pod.
func containersOf(pod map[string]any) []map[string]any {
	var all []map[string]any
	for _, list := range []string{"initContainers", "containers"} {
		items, _ := pod[list].([]any)
		for _, item := range items {
			if c, ok := item.(map[string]any); ok {
				all = append(all, c)
			}
		}
	}
	return all
}
