package redis_test

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/banhbaoring/banhbaoring/components/redis"
	"github.com/banhbaoring/banhbaoring/golden"
	"github.com/banhbaoring/banhbaoring/render"
)

func TestRedis(t *testing.T) {
	for name, spec := range map[string]string{
		"standalone": "redis: {mode: standalone}",
		"cluster":    "redis: {mode: cluster}",
		"full": `
imageRegistry: registry.example.com/mirror
imagePullSecrets: [{name: registry}]
rerun: {redis: again}
redis:
  mode: cluster
  version: 7.4-alpine
  replicas: 4
  storage: {size: 20Gi, storageClass: fast}
  resources: {requests: {cpu: 1, memory: 1Gi}, limits: {memory: 1Gi}}
  nodeSelector: {disk: ssd}
  tolerations: [{key: dedicated, operator: Exists}]
  affinity: {nodeAffinity: {}}
  exporter: {version: v1.79.0}`,
	} {
		t.Run(name, func(t *testing.T) { golden.Component(t, redis.Component(), name, spec) })
	}
}

func TestARedisOfOnesOwnNeedsNothing(t *testing.T) {
	const spec = "redis: {managed: false, connectionString: {name: redis, key: url}}"
	if objects := golden.Render(t, redis.Component(), spec); len(objects) != 0 {
		t.Errorf("%d objects", len(objects))
	}
}

func TestMaxMemoryFollowsTheLimit(t *testing.T) {
	for resources, want := range map[string]string{
		"limits: {memory: 1Gi}":   "614mb",
		"limits: {memory: 64Mi}":  "38mb",
		"requests: {memory: 1Gi}": "2457mb", // four times that is the limit
	} {
		spec := "redis: {mode: standalone, resources: {" + resources + "}}"
		set := statefulSet(t, golden.Render(t, redis.Component(), spec))
		if got := strings.Join(set.Spec.Template.Spec.Containers[0].Args, " "); got != "--maxmemory "+want {
			t.Errorf("%s: %s", resources, got)
		}
	}
}

// TestGrowthRollsNoPod: the shards that are there stay as they are.
func TestGrowthRollsNoPod(t *testing.T) {
	template := func(replicas string) string {
		set := statefulSet(t, golden.Render(t, redis.Component(), "redis: {mode: cluster, replicas: "+replicas+"}"))
		return set.Spec.Template.String()
	}
	if template("3") != template("6") {
		t.Error("the pod template depends on the number of shards")
	}
}

func statefulSet(t *testing.T, objects render.Manifests) *appsv1.StatefulSet {
	t.Helper()
	for _, u := range objects {
		if u.GetKind() == "StatefulSet" {
			set := &appsv1.StatefulSet{}
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, set); err != nil {
				t.Fatal(err)
			}
			return set
		}
	}
	t.Fatal("there is no StatefulSet")
	return nil
}
