//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

const guarded = `apiVersion: banhbaoring.io/v1
kind: BanhBaoRingCluster
metadata: {name: guarded, namespace: guard-test}
spec:
  domain: keys.example.com
  plan: free
  guardrails: true
  openbao: {image: "docker.io/library/busybox:1", autoUnseal: {provider: static}}
  jobs: {image: "docker.io/library/busybox:1"}
`

// TestGuardrailsRefuseWhatNobodyMeansToDo tries, as an admin of a real API
// server, what the policies are for, and what must go on.
func TestGuardrailsRefuseWhatNobodyMeansToDo(t *testing.T) {
	t.Parallel()
	const ns = "guard-test"
	file := write(t, guarded)
	foundation := render(t, "-f", file, "--stage", "foundation")
	t.Cleanup(func() {
		_, _, _ = try(foundation, "delete", "--ignore-not-found", "--wait=false", "-f", "-")
	})
	kubectl(t, foundation, "apply", "--server-side", "--validate=strict", "-f", "-")
	kubectl(t, "", "create", "secret", "generic", "-n", ns, "banhbaoring-openbao-keys", "--from-literal=a=b")
	kubectl(t, "", "create", "secret", "generic", "-n", ns, "banhbaoring-openbao-seal", "--from-literal=a=b")
	kubectl(t, "", "create", "secret", "generic", "-n", ns, "other", "--from-literal=a=b")
	const claim = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec: {accessModes: [ReadWriteOnce], storageClassName: none, resources: {requests: {storage: 1Mi}}}\n"
	kubectl(t, claim, "apply", "-n", ns, "-f", "-")
	pod := func(name, image string) string {
		return "apiVersion: v1\nkind: Pod\nmetadata: {name: " + name + "}\n" + `spec: {terminationGracePeriodSeconds: 0, securityContext: {runAsNonRoot: true, runAsUser: 1000, seccompProfile: {type: RuntimeDefault}}, containers: [{name: openbao, image: "` + image + `", command: [sleep, "3600"], securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}}]}`
	}
	refused := func(t *testing.T, want, stdin string, args ...string) {
		t.Helper()
		_, stderr, err := try(stdin, append([]string{"-n", ns}, args...)...)
		if err == nil || !strings.Contains(stderr, want) {
			t.Errorf("kubectl %s: %v %s, want %q", strings.Join(args, " "), err, stderr, want)
		}
	}
	// The API server takes a policy up within a moment.
	eventually(t, 30*time.Second, "the policies are there", func() error {
		_, stderr, err := try(pod("banhbaoring-openbao-0", "docker.io/library/other:1"), "create", "--dry-run=server", "-n", ns, "-f", "-")
		if err != nil && strings.Contains(stderr, "OpenBao runs only the images that were rendered") {
			return nil
		}
		return fmt.Errorf("%v %s", err, stderr)
	})
	kubectl(t, pod("banhbaoring-openbao-0", "docker.io/library/busybox:1"), "create", "-n", ns, "-f", "-")
	kubectl(t, pod("other", "docker.io/library/busybox:1"), "create", "-n", ns, "-f", "-")
	kubectl(t, "", "wait", "-n", ns, "pod/banhbaoring-openbao-0", "pod/other", "--for=condition=Ready", "--timeout=2m")

	const lost = "keys or data would be lost for good"
	t.Run("keys, claims and the namespace are not deleted", func(t *testing.T) {
		refused(t, lost, "", "delete", "secret", "banhbaoring-openbao-keys")
		refused(t, lost, "", "delete", "secret", "--all")
		refused(t, lost, "", "delete", "pvc", "data")
		refused(t, lost, "", "delete", "namespace", ns)
		kubectl(t, "", "delete", "secret", "-n", ns, "other", "--ignore-not-found")
	})
	t.Run("nobody runs programs in OpenBao's pods", func(t *testing.T) {
		const want = "nobody runs programs in OpenBao's pods"
		refused(t, want, "", "exec", "banhbaoring-openbao-0", "--", "true")
		refused(t, want, "", "debug", "banhbaoring-openbao-0", "--image=docker.io/library/busybox:1", "--profile=restricted")
		kubectl(t, "", "exec", "-n", ns, "other", "--", "true")
	})
	t.Run("OpenBao's pods run no other image", func(t *testing.T) {
		const want = "OpenBao runs only the images that were rendered: not docker.io/library/evil:1"
		refused(t, want, "", "set", "image", "pod/banhbaoring-openbao-0", "openbao=docker.io/library/evil:1")
		refused(t, want, strings.Replace(pod("disguised", "docker.io/library/evil:1"), "{name: disguised}", "{name: disguised, labels: {app.kubernetes.io/name: openbao}}", 1), "create", "-f", "-")
		kubectl(t, "", "label", "pod", "-n", ns, "banhbaoring-openbao-0", "openbao-active=true")
	})
	t.Run("pod security is not weakened", func(t *testing.T) {
		const want = "the namespace enforces pod security restricted"
		refused(t, want, "", "label", "namespace", ns, "--overwrite", "pod-security.kubernetes.io/enforce=privileged")
		refused(t, want, "", "label", "namespace", ns, "pod-security.kubernetes.io/enforce-")
		refused(t, want, "", "label", "namespace", ns, "pod-security.kubernetes.io/enforce-version=v1.20")
		refused(t, want, "", "patch", "namespace", ns, "--subresource=status", "--type=merge", "-p", `{"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}}`)
		kubectl(t, "", "label", "namespace", ns, "team=a")
	})
	// Under any name and of any kind: what bears OpenBao's label is sent its clients,
	// and what has its account has its rights.
	t.Run("nothing passes for OpenBao with another image", func(t *testing.T) {
		const want = "OpenBao runs only the images that were rendered: not docker.io/library/evil:1"
		_, _, _ = try("", "create", "serviceaccount", "-n", ns, "banhbaoring-openbao") // a pod's must be there
		for kind, head := range map[string]string{
			"StatefulSet": "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: mine}\nspec: {serviceName: mine, selector: {matchLabels: {app: mine}}, template: ",
			"Deployment":  "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: mine}\nspec: {selector: {matchLabels: {app: mine}}, template: ",
			"DaemonSet":   "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: mine}\nspec: {selector: {matchLabels: {app: mine}}, template: ",
			"ReplicaSet":  "apiVersion: apps/v1\nkind: ReplicaSet\nmetadata: {name: mine}\nspec: {selector: {matchLabels: {app: mine}}, template: ",
			"Job":         "apiVersion: batch/v1\nkind: Job\nmetadata: {name: mine}\nspec: {template: ",
			"Pod":         "apiVersion: v1\nkind: Pod\n",
		} {
			for as, marks := range map[string][2]string{
				"its label":                     {"app.kubernetes.io/name: openbao", ""},
				"its account":                   {"a: b", "serviceAccountName: banhbaoring-openbao, "},
				"its account, by the old field": {"a: b", "serviceAccount: banhbaoring-openbao, "},
				"no mark":                       {"a: b", ""},
			} {
				labels, spec := "labels: {app: mine, "+marks[0]+"}", "{"+marks[1]+"restartPolicy: "+map[bool]string{true: "Never", false: "Always"}[kind == "Job"]+", securityContext: {runAsNonRoot: true, runAsUser: 1000, seccompProfile: {type: RuntimeDefault}}, containers: [{name: a, image: docker.io/library/evil:1, securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}}]}"
				text := head + "{metadata: {" + labels + "}, spec: " + spec + "}}\n"
				if kind == "Pod" {
					text = head + "metadata: {name: mine, " + labels + "}\nspec: " + spec + "\n"
				}
				if as != "no mark" {
					refused(t, want, text, "create", "--dry-run=server", "-f", "-")
				} else if _, stderr, err := try(text, "create", "--dry-run=server", "-n", ns, "-f", "-"); strings.Contains(stderr, "OpenBao runs only") {
					t.Errorf("%s of another: %v %s", kind, err, stderr)
				}
			}
		}
	})
	t.Run("syncs pass, with new images too", func(t *testing.T) {
		manifests := func(spec string) string { return render(t, "-f", write(t, spec), "--stage", "openbao") }
		only := func(stage string) {
			kubectl(t, stage, "apply", "--server-side", "-f", "-", "-l", "app.kubernetes.io/name=openbao")
		}
		kubectl(t, foundation, "apply", "--server-side", "-f", "-")
		only(manifests(guarded))
		kubectl(t, "", "scale", "statefulset", "-n", ns, "banhbaoring-openbao", "--replicas=0")
		refused(t, "OpenBao runs only the images that were rendered", "", "set", "image", "statefulset/banhbaoring-openbao", "openbao=docker.io/library/evil:1")
		newer := strings.Replace(guarded, "busybox:1", "busybox:2", 1)
		kubectl(t, render(t, "-f", write(t, newer), "--stage", "foundation"), "apply", "--server-side", "-f", "-")
		eventually(t, 30*time.Second, "the new image is taken", func() error {
			_, stderr, err := try(manifests(newer), "apply", "--server-side", "-f", "-", "-l", "app.kubernetes.io/name=openbao")
			if err != nil {
				err = fmt.Errorf("%v %s", err, stderr)
			}
			return err
		})
	})
	t.Run("what is written out is done, to the end", func(t *testing.T) {
		for _, object := range []string{"secret/banhbaoring-openbao-keys", "pvc/data"} {
			_, name, _ := strings.Cut(object, "/")
			kubectl(t, "", "annotate", "-n", ns, object, "banhbaoring.io/delete="+name)
			kubectl(t, "", "delete", "-n", ns, object, "--wait=false")
		}
		kubectl(t, "", "annotate", "namespace", ns, "banhbaoring.io/allow-exec=openbao")
		kubectl(t, "", "annotate", "namespace", ns, "banhbaoring.io/delete="+ns)
		// The seal's Secret goes with it, though nobody has written it out.
		kubectl(t, "", "delete", "namespace", ns, "--timeout=3m")
	})
}
