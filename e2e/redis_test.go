//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/banhbaoring/banhbaoring/jobs"
)

// redisSpec is a cluster of shards alone. The image of its exporter is nowhere.
const redisSpec = `apiVersion: banhbaoring.io/v1
kind: BanhBaoRingCluster
metadata:
  name: redis
  namespace: redis-test
spec:
  domain: keys.example.com
  database: {managed: false, connectionString: {secretName: database, key: url}}
  redis:
    mode: cluster
    version: "7"
    replicas: %d
    storage: {size: 1Gi}
    exporter: {image: "localhost/absent:1"}
`

const redisNamespace = "redis-test"

// TestRedisFormsComesBackAndGrows applies a cluster of three shards, deletes all
// its pods at once, and adds a fourth: no key is lost, and no hand is needed.
func TestRedisFormsComesBackAndGrows(t *testing.T) {
	t.Parallel()
	const role = "banhbaoring-" + redisNamespace + "-token-review"
	t.Cleanup(func() {
		kubectl(t, "", "delete", "clusterrole,clusterrolebinding", role, "--ignore-not-found")
	})
	namespace(t, redisNamespace)
	applyRedis := func(shards int, stage string) {
		t.Helper()
		spec := filepath.Join(t.TempDir(), "spec.yaml")
		if err := os.WriteFile(spec, fmt.Appendf(nil, redisSpec, shards), 0o600); err != nil {
			t.Fatal(err)
		}
		manifests := render(t, "-f", spec, "--stage", stage)
		kubectl(t, manifests, "apply", "--server-side", "--validate=strict", "-f", "-")
	}
	const password = `it's "quoted" \ here`
	applyRedis(3, "foundation")
	makeSecret(t, redisNamespace, jobs.SecretRedis, map[string][]byte{"password": []byte(password)})
	applyRedis(3, "data")
	applyRedis(3, "exposure") // its exporter, which keeps none of the shards from being ready

	eventually(t, 2*time.Minute, "the Job has ended", redisJobDone)
	eventually(t, time.Minute, "three shards are ready", func() error { return redisReady(3, nil) })
	if got := redisSlots(t, 3); !slices.Equal(got, []string{"5461", "5461", "5462"}) {
		t.Errorf("slots of the shards: %v", got)
	}
	writeRedis(t)
	readRedis(t)

	t.Run("nobody reads without the password, which no process shows", func(t *testing.T) {
		out := kubectl(t, "", "exec", "-n", redisNamespace, jobs.RedisName+"-0", "-c", "redis", "--",
			"sh", "-ec", "REDISCLI_AUTH= redis-cli dbsize; tr '\\0' ' ' </proc/1/cmdline")
		if !strings.Contains(out, "NOAUTH") || strings.Contains(out, "quoted") || !strings.Contains(out, "redis-server") {
			t.Errorf("%s", out)
		}
	})
	t.Run("all pods deleted at once, they find each other at new addresses", func(t *testing.T) {
		before := redisPods(t)
		kubectl(t, "", "delete", "pods", "-n", redisNamespace, "-l", "app.kubernetes.io/component=redis", "--wait=false", "--grace-period=1")
		eventually(t, 2*time.Minute, "three shards are ready again", func() error { return redisReady(3, before) })
		t.Logf("before:\n%safter:\n%s", strings.Join(before, ""), strings.Join(redisPods(t), ""))
		redisWhole(t, 3)
		readRedis(t)
	})
	t.Run("a fourth shard takes its share of the slots and their keys", func(t *testing.T) {
		before := redisPods(t)
		applyRedis(4, "data")
		eventually(t, 2*time.Minute, "both Jobs have ended", redisJobDone)
		eventually(t, time.Minute, "four shards are ready", func() error { return redisReady(4, nil) })
		redisWhole(t, 4)
		if got := redisSlots(t, 4); !slices.Equal(got, []string{"4096", "4096", "4096", "4096"}) {
			t.Errorf("slots of the shards: %v", got)
		}
		readRedis(t)
		after := redisPods(t)
		for _, pod := range before {
			if !slices.Contains(after, pod) {
				t.Errorf("pod %q was replaced: %q", pod, after)
			}
		}
	})
}

func redisJobDone() error {
	out, stderr, err := try("", "get", "jobs", "-n", redisNamespace, "-o", `jsonpath={range .items[*]}{.metadata.name}={.status.succeeded} {end}`)
	if err != nil {
		return fmt.Errorf("%w: %s", err, stderr)
	}
	for _, job := range strings.Fields(out) {
		if !strings.HasSuffix(job, "=1") {
			logs, _, _ := try("", "logs", "-n", redisNamespace, "-l", "app.kubernetes.io/component=cluster", "--tail=5")
			return fmt.Errorf("%s\n%s", out, logs)
		}
	}
	if out == "" {
		return fmt.Errorf("there is no Job")
	}
	return nil
}

// redisPods are the pods' names, UIDs and addresses.
func redisPods(t *testing.T) []string {
	t.Helper()
	out := kubectl(t, "", "get", "pods", "-n", redisNamespace, "-l", "app.kubernetes.io/component=redis",
		"-o", `jsonpath={range .items[*]}{.metadata.name} {.metadata.uid} {.status.podIP}{"\n"}{end}`)
	return slices.Collect(strings.Lines(out))
}

// redisReady wants that many ready pods, none of them among old.
func redisReady(shards int, old []string) error {
	out, stderr, err := try("", "get", "pods", "-n", redisNamespace, "-l", "app.kubernetes.io/component=redis",
		"-o", `jsonpath={range .items[*]}{.metadata.uid} {.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}`)
	if err != nil {
		return fmt.Errorf("%w: %s", err, stderr)
	}
	ready := 0
	for line := range strings.Lines(out) {
		uid, status, _ := strings.Cut(strings.TrimSpace(line), " ")
		if strings.Contains(strings.Join(old, ""), uid) {
			return fmt.Errorf("an old pod is still there")
		}
		if status == "True" {
			ready++
		}
	}
	if ready != shards {
		state, _, _ := try("", "get", "pods", "-n", redisNamespace, "-o", "wide")
		return fmt.Errorf("%d of %d are ready\n%s", ready, shards, state)
	}
	return nil
}

// redisWhole waits until each shard says that all slots are served.
func redisWhole(t *testing.T, shards int) {
	t.Helper()
	for shard := range shards {
		eventually(t, time.Minute, fmt.Sprintf("shard %d sees the whole cluster", shard), func() error {
			out, stderr, err := redisRun(shard, "redis-cli cluster info; redis-cli cluster nodes")
			if err != nil {
				return fmt.Errorf("%w: %s", err, stderr)
			}
			for _, want := range []string{"cluster_state:ok", "cluster_slots_ok:16384", fmt.Sprintf("cluster_known_nodes:%d", shards)} {
				if !strings.Contains(out, want) {
					return fmt.Errorf("not %s:\n%s", want, out)
				}
			}
			// A shard that has just started takes the others for granted.
			if linked := strings.Count(out, " connected"); linked != shards {
				return fmt.Errorf("%d of %d links stand:\n%s", linked, shards, out)
			}
			return nil
		})
	}
}

func redisRun(shard int, script string) (stdout, stderr string, err error) {
	return try("", "exec", "-n", redisNamespace, fmt.Sprintf("%s-%d", jobs.RedisName, shard), "-c", "redis", "--", "sh", "-ec", script)
}

// redisSlots are the numbers of slots, sorted.
func redisSlots(t *testing.T, shards int) []string {
	t.Helper()
	var counts []string
	for shard := range shards {
		const own = `redis-cli cluster nodes | awk '/myself/ { for (i = 9; i <= NF; i++) { n = split($i, r, "-"); s += n == 2 ? r[2]-r[1]+1 : 1 } print s }'`
		out, stderr, err := redisRun(shard, own)
		if err != nil {
			t.Fatal(err, stderr)
		}
		counts = append(counts, strings.TrimSpace(out))
	}
	slices.Sort(counts)
	return counts
}

const redisKeys = 400

// writeRedis writes keys by way of the first shard, which sends the client to
// the names of the others.
func writeRedis(t *testing.T) {
	t.Helper()
	script := fmt.Sprintf(`i=0; while [ $i -lt %d ]; do echo "set key-$i value-$i"; i=$((i+1)); done | redis-cli -c | grep -c OK`, redisKeys)
	if out, stderr, err := redisRun(0, script); err != nil || strings.TrimSpace(out) != fmt.Sprint(redisKeys) {
		t.Fatalf("%d keys written: %s %v %s", redisKeys, out, err, stderr)
	}
}

func readRedis(t *testing.T) {
	t.Helper()
	script := fmt.Sprintf(`i=0; while [ $i -lt %d ]; do echo "get key-$i"; i=$((i+1)); done | redis-cli -c | grep -o 'value-[0-9]*' | sort -u | wc -l`, redisKeys)
	eventually(t, 30*time.Second, "every key is there", func() error {
		out, stderr, err := redisRun(0, script)
		if err != nil || strings.TrimSpace(out) != fmt.Sprint(redisKeys) {
			return fmt.Errorf("%d keys read: %s %w %s", redisKeys, out, err, stderr)
		}
		return nil
	})
}
