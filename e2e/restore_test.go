//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/banhbaoring/banhbaoring/jobs"
)

// backedUp is a stack of three OpenBao nodes with a Shamir seal, whose backups go
// to an S3 server in a namespace of its own.
const backedUp = `apiVersion: banhbaoring.io/v1
kind: BanhBaoRingCluster
metadata: {name: production, namespace: "%NAMESPACE%"}
spec:
  domain: keys.example.com
  plan: free
  openbao:
    version: 2.4.0
    replicas: 3
    plugin: {version: 1.1.0}
    resources: {requests: {cpu: 20m, memory: 64Mi}}
  database: {version: "15", resources: {requests: {cpu: 20m, memory: 64Mi}}}
  redis: {version: "7", mode: standalone, resources: {requests: {cpu: 20m, memory: 16Mi}}}
  api: {image: "localhost/http:1", replicas: 2, autoscaling: {enabled: false}, resources: {requests: {cpu: 20m, memory: 16Mi}}}
  dashboard: {image: "localhost/http:1", replicas: 1, resources: {requests: {cpu: 20m, memory: 16Mi}}}
  monitoring: {enabled: false}
  jobs: {version: 0.1.0}
  backup:
    enabled: true
    guard: "off"
    destination: {s3: {endpoint: "http://s3.restore-s3.svc:7070", bucket: backups, region: us-east-1, prefix: production/, pathStyle: true, credentials: {secretName: s3-credentials}}}
    encryption: {recipients: [%RECIPIENT%], identitySecret: {secretName: backup-identity, key: identity}}
  patches:
  - target: {kind: Deployment, name: banhbaoring-api}
    patch: '[{"op": "add", "path": "/spec/template/spec/containers/0/env/-", "value": {"name": "PORT", "value": "8080"}}]'
`

const restoreDocument = `---
apiVersion: banhbaoring.io/v1
kind: BanhBaoRingRestore
metadata: {name: after-loss, namespace: "%NAMESPACE%"}
spec:
  clusterRef: {name: production}
  backupRef: {name: "%BACKUP%"}
  options: {force: true}
`

// s3Server is a bucket that outlives the stack.
const s3Server = `apiVersion: v1
kind: Namespace
metadata: {name: restore-s3}
---
apiVersion: v1
kind: Service
metadata: {name: s3, namespace: restore-s3}
spec:
  selector: {app: s3}
  ports: [{port: 7070}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: s3, namespace: restore-s3}
spec:
  selector: {matchLabels: {app: s3}}
  template:
    metadata: {labels: {app: s3}}
    spec:
      securityContext: {fsGroup: 65532}
      initContainers:
      - {name: bucket, image: "docker.io/library/busybox:1", command: [mkdir, -p, /data/backups], securityContext: {runAsUser: 65532}, volumeMounts: [{name: data, mountPath: /data}]}
      containers:
      - name: s3
        image: localhost/versitygw:1
        args: [--port, ":7070", --quiet, posix, /data]
        env: [{name: ROOT_ACCESS_KEY, value: e2e}, {name: ROOT_SECRET_KEY, value: e2e-secret}]
        readinessProbe: {tcpSocket: {port: 7070}}
        volumeMounts: [{name: data, mountPath: /data}, {name: tmp, mountPath: /tmp}]
      volumes: [{name: data, emptyDir: {}}, {name: tmp, emptyDir: {}}]
`

// TestAStackIsRestoredAfterItsNamespaceWasDeleted follows
// docs/disaster-recovery.md.
func TestAStackIsRestoredAfterItsNamespaceWasDeleted(t *testing.T) {
	t.Parallel()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	namespace(t, "restore-s3")
	kubectl(t, s3Server, "apply", "--server-side", "-f", "-")
	s := newInstalled(t, "restore", strings.ReplaceAll(backedUp, "%RECIPIENT%", identity.Recipient().String()))
	provide := func() {
		s.apply("--stage", "foundation")
		s.underQuota()
		kubectl(t, "", "create", "secret", "generic", "-n", s.ns, "s3-credentials", "--from-literal=access-key-id=e2e", "--from-literal=secret-access-key=e2e-secret")
		kubectl(t, identity.String(), "create", "secret", "generic", "-n", s.ns, "backup-identity", "--from-file=identity=/dev/stdin")
	}
	psql := func(script string) string {
		return strings.TrimSpace(kubectl(t, "", "exec", "-n", s.ns, "banhbaoring-postgres-0", "-c", "postgres", "--", "psql", "-U", "postgres", "-d", "banhbaoring", "-v", "ON_ERROR_STOP=1", "-qAtc", script))
	}
	provide()
	s.apply()
	s.ready(6 * time.Minute)
	s.must("a key", s.withAPIToken, "bao write -f secp256k1/keys/rollup")
	public := s.must("its public key", s.withAPIToken, "bao read -field=public_key secp256k1/keys/rollup")
	psql("SET ROLE banhbaoring; CREATE TABLE users AS SELECT n AS id, md5(n::text) AS name FROM generate_series(1, 10000) n")
	const sum = "SELECT md5(string_agg(name, '' ORDER BY id)) FROM users"
	rows := psql(sum)
	psql("SET ROLE banhbaoring; CREATE TABLE load (n bigint PRIMARY KEY)")

	w := s.writing()
	eventually(t, time.Minute, "ten rows and three keys", func() error {
		if w.rows.Load() < 10 || w.keys.Load() < 3 {
			return fmt.Errorf("%d rows, %d keys", w.rows.Load(), w.keys.Load())
		}
		return nil
	})
	rowsBefore, keysBefore := w.rows.Load(), w.keys.Load()
	kubectl(t, "", "create", "job", "-n", s.ns, "--from=cronjob/banhbaoring-backup", "now")
	kubectl(t, "", "wait", "-n", s.ns, "--for=condition=Complete", "--timeout=5m", "job/now")
	w.stop()
	var backup string
	if _, err := fmt.Sscanf(kubectl(t, "", "get", "events", "-n", s.ns, "--field-selector=reason=BackedUp", "-o", "jsonpath={.items[0].message}"), "backup %s", &backup); err != nil {
		t.Fatalf("no Event names the backup: %v", err)
	}
	backup = strings.TrimSuffix(backup, ":")

	// The stack that is set up anew signs with another key, and trusts this one.
	signer := kubectl(t, "", "get", "secret", "-n", s.ns, jobs.SecretBackupKeys, "-o", `go-template={{index .data "`+jobs.KeyPublic+`" | base64decode}}`)
	s.spec = strings.Replace(s.spec, "    encryption:", "    trustedKeys: [\""+strings.TrimSpace(signer)+"\"]\n    encryption:", 1)
	kubectl(t, "", "delete", "namespace", s.ns, "--timeout=5m")
	start := time.Now()
	whole := s.spec
	s.spec += strings.ReplaceAll(restoreDocument, "%BACKUP%", backup)
	provide()
	s.apply()
	s.ready(8 * time.Minute)
	took := time.Since(start).Round(time.Second)

	receipt := kubectl(t, "", "get", "configmap", "-n", s.ns, jobs.RestoreReceipt("after-loss"), "-o", "jsonpath={.data}")
	if !strings.Contains(receipt, jobs.ReceiptCompleted) {
		t.Errorf("the receipt says %s", receipt)
	}
	input := "bao write -field=signature secp256k1/sign/rollup input=$(printf block | base64)"
	if signature := s.must("a signature of before's key", s.withAPIToken, input); signature == "" {
		t.Error("no signature")
	}
	if got := s.must("its public key", s.withAPIToken, "bao read -field=public_key secp256k1/keys/rollup"); got != public {
		t.Errorf("the key is %s, and was %s", got, public)
	}
	if got := psql(sum); got != rows {
		t.Errorf("rows have the sum %s, and had %s", got, rows)
	}
	rowsAfter := number(t, psql("SELECT count(*) FROM load"))
	if last := number(t, psql("SELECT coalesce(max(n), 0) FROM load")); last != rowsAfter {
		t.Errorf("%d rows are restored, and the last one is number %d", rowsAfter, last)
	}
	keysAfter := int64(strings.Count(s.must("all keys", s.withAPIToken, "bao list secp256k1/keys"), "load-"))
	t.Logf("drill: recovered in %s, from nothing to all pods ready", took)
	t.Logf("drill: lost %d of %d rows and %d of %d keys that were there when the backup began", max(0, rowsBefore-rowsAfter), rowsBefore, max(0, keysBefore-keysAfter), keysBefore)
	t.Logf("drill: of %d rows and %d keys that were written while it ran, it holds %d and %d", w.rows.Load()-rowsBefore, w.keys.Load()-keysBefore, rowsAfter-rowsBefore, keysAfter-keysBefore)
	if rowsAfter < rowsBefore || keysAfter < keysBefore {
		t.Error("something was lost")
	}
	t.Run("under a quota and a range of limits, all pods were admitted", s.wantAdmitted)
	t.Run("what was restored grows", func(t *testing.T) {
		s.t = t
		s.change("replicas: 3\n    plugin", "replicas: 5\n    plugin")
		s.apply()
		s.ready(4 * time.Minute)
		s.wantVoters(5)
		s.change("replicas: 5\n    plugin", "replicas: 3\n    plugin")
		s.stages()
		s.wantVoters(3)
	})
	t.Run("each pod that is deleted comes back unsealed with the backup's keys", func(t *testing.T) {
		s.t = t
		kubectl(t, "", "delete", "pod", "-n", s.ns, "-l", "app.kubernetes.io/name=openbao", "--wait=true")
		s.ready(4 * time.Minute)
		s.wantVoters(3)
		s.unsealedOnce()
	})
	t.Run("without the document, the applications have the spec's pods again", func(t *testing.T) {
		s.t, s.spec = t, whole
		s.apply()
		eventually(t, time.Minute, "two pods of the API", func() error {
			if n := kubectl(t, "", "get", "deployment", "-n", s.ns, jobs.APIName, "-o", "jsonpath={.spec.replicas}"); n != "2" {
				return fmt.Errorf("it has %s", n)
			}
			return nil
		})
	})
}

// writing is a load of writes; it counts those that were acknowledged.
type writing struct {
	rows, keys atomic.Int64
	stop       func()
}

func (s *installed) writing() *writing {
	w := &writing{}
	ctx, cancel := context.WithCancel(s.t.Context())
	var group sync.WaitGroup
	write := func(done *atomic.Int64, one func(n int64) error) {
		group.Go(func() {
			for ctx.Err() == nil {
				if one(done.Load()+1) == nil {
					done.Add(1)
				}
			}
		})
	}
	write(&w.rows, func(n int64) error {
		_, _, err := try("", "exec", "-n", s.ns, "banhbaoring-postgres-0", "-c", "postgres", "--", "psql", "-U", "postgres", "-d", "banhbaoring", "-c", fmt.Sprintf("INSERT INTO load VALUES (%d) ON CONFLICT DO NOTHING", n))
		return err
	})
	write(&w.keys, func(n int64) error {
		_, err := s.withAPIToken(fmt.Sprintf("bao write -f secp256k1/keys/load-%d", n))
		return err
	})
	w.stop = func() { cancel(); group.Wait() }
	s.t.Cleanup(w.stop)
	return w
}

func number(t *testing.T, text string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
