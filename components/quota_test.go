package components_test

import (
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/golden"
	"github.com/banhbaoring/banhbaoring/render"
)

// A namespace with a ResourceQuota refuses pods without requests and limits of
// what it counts, and a LimitRange would choose for those that say nothing.
func TestEveryContainerAsksForWhatItNeeds(t *testing.T) {
	check := func(t *testing.T, objects render.Manifests) {
		for _, u := range objects {
			pod := podTemplate(u)
			for _, c := range append(pod.Spec.InitContainers, pod.Spec.Containers...) {
				r := c.Resources
				for _, ask := range []struct {
					what string
					list corev1.ResourceList
					name corev1.ResourceName
				}{
					{"request of CPU", r.Requests, corev1.ResourceCPU},
					{"request of memory", r.Requests, corev1.ResourceMemory},
					{"limit of memory", r.Limits, corev1.ResourceMemory},
				} {
					q, given := ask.list[ask.name]
					if !given || q.Sign() <= 0 {
						t.Errorf("%s, container %s: no %s", id(u), c.Name, ask.what)
					}
				}
				for name, request := range r.Requests {
					if limit, limited := r.Limits[name]; limited && request.Cmp(limit) > 0 {
						t.Errorf("%s, container %s: a request of %s %s is over the limit of %s", id(u), c.Name, request.String(), name, limit.String())
					}
				}
			}
		}
	}
	eachExample(t, func(t *testing.T, _ *render.Stack, objects render.Manifests) { check(t, objects) })

	// What the user gives in part is completed.
	for name, resources := range map[string]string{
		"a request of memory": "{requests: {memory: 300Mi}}",
		"a limit of memory":   "{limits: {memory: 64Mi}}",
		"a request of CPU":    "{requests: {cpu: 20m}}",
		"a limit of CPU":      "{limits: {cpu: 10m}}",
	} {
		t.Run(name, func(t *testing.T) {
			spec := "openbao: {autoUnseal: {provider: static}, resources: " + resources + "}\n"
			for _, component := range []string{"api", "dashboard", "signer", "database", "redis", "jobs"} {
				spec += component + ": {resources: " + resources + "}\n"
			}
			spec += "monitoring: {prometheus: {resources: " + resources + "}, grafana: {resources: " + resources + "}, alerting: {resources: " + resources + "}}\n"
			spec += "backup: {resources: " + resources + ", destination: {s3: {bucket: backups, region: eu-west-1}}}\n"
			check(t, renderAll(t, golden.Stack(t, spec)))
		})
	}
}

// OpenShift's restricted-v2 admits pods that leave their user and groups to it,
// run as non-root with the runtime's seccomp profile, and drop all capabilities.
// Source: openshift/cluster-kube-apiserver-operator, bindata/bootkube/scc-manifests.
func TestOpenShiftAdmitsThePods(t *testing.T) {
	// The capabilities that restricted-v2 lets a container add.
	allowed := map[corev1.Capability]bool{"NET_BIND_SERVICE": true}
	for name, spec := range map[string]string{
		"standard":   "platform: openshift\nopenbao: {autoUnseal: {provider: static}}\nbackup: {destination: {s3: {bucket: backups, region: eu-west-1}}}\napi: {migrations: {command: [migrate]}}\nmonitoring: {alerting: {enabled: true}}\nsigner: {enabled: true}\n",
		"enterprise": "platform: openshift\nplan: enterprise\n",
	} {
		t.Run(name, func(t *testing.T) {
			pods := 0
			for _, u := range renderAll(t, golden.Stack(t, spec)) {
				pod := podTemplate(u)
				if len(pod.Spec.Containers) == 0 {
					continue
				}
				pods++
				if p := pod.Spec.SecurityContext; p == nil || p.RunAsUser != nil || p.RunAsGroup != nil || p.FSGroup != nil || p.SupplementalGroups != nil ||
					p.RunAsNonRoot == nil || !*p.RunAsNonRoot || p.SeccompProfile == nil || p.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
					t.Errorf("%s: %+v", id(u), p)
				}
				for _, c := range append(pod.Spec.InitContainers, pod.Spec.Containers...) {
					s := c.SecurityContext
					if s == nil || s.RunAsUser != nil || s.RunAsGroup != nil || s.Privileged != nil && *s.Privileged ||
						s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation || s.Capabilities == nil ||
						len(s.Capabilities.Drop) != 1 || s.Capabilities.Drop[0] != "ALL" {
						t.Errorf("%s, container %s: %+v", id(u), c.Name, s)
						continue
					}
					for _, capability := range s.Capabilities.Add {
						if !allowed[capability] {
							t.Errorf("%s, container %s adds %s", id(u), c.Name, capability)
						}
					}
				}
				for _, v := range pod.Spec.Volumes {
					if v.HostPath != nil || v.NFS != nil {
						t.Errorf("%s has volume %s", id(u), v.Name)
					}
				}
				if pod.Spec.HostNetwork || pod.Spec.HostPID || pod.Spec.HostIPC {
					t.Errorf("%s is in a namespace of its node", id(u))
				}
			}
			if pods < 10 {
				t.Errorf("%d objects with pods only", pods)
			}
		})
	}
}

const leastKubernetes, defaultKubernetes = v1.LeastKubernetes, v1.DefaultKubernetes

// after compares two versions of Kubernetes, such as 1.30 and 1.9.
func after(a, b string) bool { return a != b && v1.AtLeast(a+".0", b+".0") }

// since is the Kubernetes that has a field on by default, by where it stands in an
// object. Source: kubernetes/website, "Feature Gates (removed)" and "Feature Gates".
var since = map[string]string{
	"preStop.sleep":                        "1.30", // PodLifecycleSleepAction
	"persistentVolumeClaimRetentionPolicy": "1.27", // StatefulSetAutoDeletePVC
	"timeZone":                             "1.25", // CronJobTimeZone
	"minReadySeconds":                      "1.25", // StatefulSetMinReadySeconds
	"maxUnavailable":                       "1.24",
	"unhealthyPodEvictionPolicy":           "1.27", // PDBUnhealthyPodEvictionPolicy
	"podFailurePolicy":                     "1.26", // JobPodFailurePolicy
	"matchLabelKeys":                       "1.27", // MatchLabelKeysInPodTopologySpread
	"minDomains":                           "1.27",
	"nodeTaintsPolicy":                     "1.26",
	"backoffLimitPerIndex":                 "1.29",
	"podReplacementPolicy":                 "1.29",
	"resizePolicy":                         "1.33",
	"trafficDistribution":                  "1.31",
	"hostUsers":                            "1.33",
	"appArmorProfile":                      "1.30",
	"maxUnavailableStatefulSet":            "1.35",
	"supplementalGroupsPolicy":             "1.33",
	"recursiveReadOnly":                    "1.31",
}

// The versions that the documentation names are those that the objects need.
func TestTheLeastKubernetesIsThatOfTheObjects(t *testing.T) {
	newest := func(objects render.Manifests) string {
		least := "1.0"
		for _, u := range objects {
			walk(u.Object, func(m map[string]any) {
				for field := range m {
					name := field
					if hook, ok := m[field].(map[string]any); ok && field == "preStop" && hook["sleep"] != nil {
						name = "preStop.sleep"
					}
					if version, known := since[name]; known && after(version, least) {
						least = version
					}
				}
			})
			// Native sidecars.
			for _, c := range podTemplate(u).Spec.InitContainers {
				if c.RestartPolicy != nil && after("1.29", least) {
					least = "1.29"
				}
			}
		}
		return least
	}
	eachExample(t, func(t *testing.T, _ *render.Stack, objects render.Manifests) {
		if got := newest(objects); after(got, defaultKubernetes) {
			t.Errorf("the objects need Kubernetes %s, and %s is said", got, defaultKubernetes)
		}
	})
	if got := newest(renderAll(t, golden.Stack(t, ""))); got != defaultKubernetes {
		t.Errorf("the objects need Kubernetes %s, and %s is said", got, defaultKubernetes)
	}
	old := renderAll(t, golden.Stack(t, `kubeVersion: "`+leastKubernetes+`"`+"\nbackup: {destination: {s3: {bucket: backups, region: eu-west-1}}}\n"))
	if got := newest(old); got != leastKubernetes {
		t.Errorf("with kubeVersion %s the objects need Kubernetes %s", leastKubernetes, got)
	}
	for _, u := range old {
		for _, c := range podTemplate(u).Spec.Containers {
			if c.Lifecycle != nil && c.Lifecycle.PreStop == nil && c.Lifecycle.PostStart == nil {
				t.Errorf("%s: container %s has an empty lifecycle", id(u), c.Name)
			}
		}
	}
	// A version that has the field gets the same as none.
	one, other := renderAll(t, golden.Stack(t, "")), renderAll(t, golden.Stack(t, `kubeVersion: "v1.34.2"`))
	if a, b := textOf(t, one), textOf(t, other); a != b {
		t.Error("the output for 1.34 differs from that for no version")
	}
}

func textOf(t *testing.T, objects render.Manifests) string {
	t.Helper()
	out, err := objects.YAML()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// podTemplate is that of the pods that an object makes, sooner or later.
func podTemplate(u *unstructured.Unstructured) corev1.PodTemplateSpec {
	if u.GetKind() == "CronJob" {
		return typed[batchv1.CronJob](u).Spec.JobTemplate.Spec.Template
	}
	return template(u)
}
