package components_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/components"
	"github.com/banhbaoring/banhbaoring/components/network"
	"github.com/banhbaoring/banhbaoring/render"
)

// dialing is a stack that connects to everything outside between its two forms:
// with a proxy, some of it is reached by that alone.
const dialing = `apiVersion: banhbaoring.io/v1
kind: BanhBaoRingCluster
metadata: {name: test, namespace: keys}
spec:
  domain: keys.example.com
  dashboard: {caCert: {secretName: ca-hosts, key: ca.crt}}
  database: {managed: false, connectionString: {secretName: db, key: url}, caCert: {secretName: ca-external-database, key: ca.crt}}
  redis: {managed: false, connectionString: {secretName: redis, key: url}, caCert: {secretName: ca-external-redis, key: ca.crt}}
  api:
    migrations: {command: [migrate]}
    oauth: {github: {clientId: {secretName: gh, key: id}, clientSecret: {secretName: gh, key: secret}}}
  openbao: {version: 2.6.2, autoUnseal: {SEAL}}
  backup: {destination: {s3: {bucket: backups, endpoint: "https://s3.example.com", caCert: {secretName: ca-bucket, key: ca.crt}}}}
  billing: {stripe: {secretKeyRef: {secretName: stripe, key: key}}}
  email: {smtp: {host: smtp.example.com, caCert: {secretName: ca-smtp, key: ca.crt}}}
  monitoring: {alerting: {slack: {webhookUrl: {secretName: slack, key: url}}}}
  networking: {NETWORKING}
---
apiVersion: banhbaoring.io/v1
kind: BanhBaoRingTenant
metadata: {name: acme, namespace: keys}
spec:
  clusterRef: {name: test}
  admin: {email: ops@acme.example}
  settings: {webhooks: [{url: "https://acme.example.com/hook", events: [key.created], caCert: {secretName: ca-webhooks, key: ca.crt}}]}
---
apiVersion: banhbaoring.io/v1
kind: BanhBaoRingBackup
metadata: {name: now, namespace: keys}
spec: {clusterRef: {name: test}}
---
apiVersion: banhbaoring.io/v1
kind: BanhBaoRingRestore
metadata: {name: night, namespace: keys}
spec: {clusterRef: {name: test}, backupRef: {name: now}}
`

// The parts in which stacks that connect to everything differ.
const (
	awsSeal     = `provider: awskms, keyId: alias/a, region: eu-west-1, endpoint: "https://kms.example.com", caCert: {secretName: ca-kms, key: ca.crt}`
	transitSeal = `provider: transit, address: "https://vault.example.com:8200", keyName: k, token: {secretName: t, key: token}, caCert: {secretName: ca-transit, key: ca.crt}`
	behindProxy = `proxy: {https: "https://proxy.example.com:3128", caCert: {secretName: ca-proxy, key: ca.crt}}`
	partlyProxy = `proxy: {https: "https://proxy.example.com:3128", noProxy: [a.example.com], caCert: {secretName: ca-proxy, key: ca.crt}}`
)

func dialingStack(t *testing.T, seal, networking string) *render.Stack {
	t.Helper()
	text := strings.NewReplacer("SEAL", seal, "NETWORKING", networking).Replace(dialing)
	in, err := render.Load(render.Source{Name: "spec.yaml", Data: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	return in.Stacks[0]
}

// withoutAuthority are ends outside whose certificate needs no field, and why.
var withoutAuthority = map[string]string{
	"dns":                 "is no TLS",
	"apiserver":           "Kubernetes mounts its authority",
	"metadata":            "is no TLS",
	"gke-metadata":        "is no TLS",
	"bucket-metadata":     "is no TLS",
	"bucket-gke-metadata": "is no TLS",
	"oauth":               "is GitHub or Google",
	"stripe":              "is Stripe",
	"receivers":           "is Slack or PagerDuty",
	"mesh":                "the mesh gives its sidecars its authority",
}

// Whoever connects to what is outside the stack has the authority that the spec
// names for it, and there is a field for each such authority.
func TestEveryConnectionOutsideHasItsAuthority(t *testing.T) {
	seen := map[string]bool{}
	for name, s := range map[string]*render.Stack{
		"no proxy":     dialingStack(t, awsSeal, ""),
		"transit":      dialingStack(t, transitSeal, ""),
		"proxy":        dialingStack(t, awsSeal, behindProxy),
		"partly proxy": dialingStack(t, transitSeal, partlyProxy),
	} {
		t.Run(name, func(t *testing.T) {
			objects, err := render.Render(s, components.All())
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range network.Edges(s) {
				if e.To.Inside() || !e.From.Inside() {
					continue
				}
				seen[e.To.Name] = true
				if withoutAuthority[e.To.Name] != "" {
					continue
				}
				want := "ca-" + e.To.Name
				if e.To.Name == "webhooks" {
					want = "banhbaoring-tenants-webhooks-0" // where the tenants Job copies it
				}
				pods := podsOf(t, objects, e.From.Labels)
				for id, pod := range pods {
					if !mounts(pod, want) {
						t.Errorf("%s connects to %s and mounts no Secret %s", id, e.To.Name, want)
					}
				}
				if len(pods) == 0 {
					t.Errorf("%s selects no pod", e.From.Name)
				}
			}
		})
	}
	if reached := slices.Sorted(maps.Keys(seen)); len(reached) < 15 {
		t.Errorf("only these are reached: %v", reached)
	}
}

// A proxy that looks into the connections signs for the services too: whoever
// uses it trusts both.
func TestAServicesAuthorityIsTrustedBesideTheProxys(t *testing.T) {
	for name, seal := range map[string]string{"kms": awsSeal, "transit": transitSeal} {
		t.Run(name, func(t *testing.T) {
			objects, err := render.Render(dialingStack(t, seal, behindProxy), components.All())
			if err != nil {
				t.Fatal(err)
			}
			text, err := objects.YAML()
			if err != nil {
				t.Fatal(err)
			}
			for _, replaces := range []string{"AWS_CA_BUNDLE", "tls_ca_cert"} {
				if strings.Contains(string(text), replaces) {
					t.Errorf("%s lets nothing but the service's authority count", replaces)
				}
			}
			for id, pod := range podsOf(t, objects, map[string]string{"app.kubernetes.io/name": "openbao"}) {
				if !mounts(pod, "ca-"+name) || !mounts(pod, "ca-proxy") {
					t.Errorf("%s lacks an authority", id)
				}
			}
		})
	}
}

// podsOf are the pods that an end's labels select, by what makes them.
func podsOf(t *testing.T, objects render.Manifests, selector map[string]string) map[string]*corev1.PodTemplateSpec {
	t.Helper()
	pods := map[string]*corev1.PodTemplateSpec{}
	for _, u := range objects {
		template := nested(u.Object, "spec", "template")
		if u.GetKind() == "CronJob" {
			template = nested(u.Object, "spec", "jobTemplate", "spec", "template")
		}
		if template == nil {
			continue
		}
		var pod corev1.PodTemplateSpec
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(template, &pod); err != nil {
			t.Fatal(err)
		}
		if labels.SelectorFromSet(selector).Matches(labels.Set(pod.Labels)) {
			pods[id(u)] = &pod
		}
	}
	return pods
}

func nested(v any, path ...string) map[string]any {
	for _, name := range path {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	m, _ := v.(map[string]any)
	return m
}

// mounts reports whether a container mounts a volume that holds a Secret.
func mounts(pod *corev1.PodTemplateSpec, secret string) bool {
	holds := func(v corev1.Volume) bool {
		if v.Secret != nil && v.Secret.SecretName == secret {
			return true
		}
		return v.Projected != nil && slices.ContainsFunc(v.Projected.Sources, func(s corev1.VolumeProjection) bool {
			return s.Secret != nil && s.Secret.Name == secret
		})
	}
	for _, v := range pod.Spec.Volumes {
		if !holds(v) {
			continue
		}
		for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
			if slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == v.Name }) {
				return true
			}
		}
	}
	return false
}

// cloudEnds are services of clouds, which know a pod by the annotations of its
// service account where the spec gives no credentials.
var cloudEnds = []string{"kms", "bucket", "metadata", "gke-metadata", "bucket-metadata", "bucket-gke-metadata"}

// Whoever talks to a cloud has a service account that the spec can annotate: each
// such workload, and no other.
func TestWhateverTalksToACloudCanHaveAnIdentityThere(t *testing.T) {
	s := dialingStack(t, "provider: awskms, keyId: alias/a, region: eu-west-1", "")
	s.Cluster.Spec.Backup.Destination.S3.Endpoint = ""
	s.Cluster.Spec.OpenBao.ServiceAccountAnnotations = map[string]string{"example.com/role": "unseal"}
	s.Cluster.Spec.Backup.ServiceAccount = v1.ServiceAccount{Annotations: map[string]string{"example.com/role": "backups"}}
	objects, err := render.Render(s, components.All())
	if err != nil {
		t.Fatal(err)
	}
	annotated := map[string]bool{}
	for _, u := range objects {
		if u.GetKind() == "ServiceAccount" && u.GetAnnotations()["example.com/role"] != "" {
			annotated[u.GetName()] = true
		}
	}
	used := map[string]bool{}
	for _, e := range network.Edges(s) {
		if !slices.Contains(cloudEnds, e.To.Name) {
			continue
		}
		for id, pod := range podsOf(t, objects, e.From.Labels) {
			account := pod.Spec.ServiceAccountName
			used[account] = true
			if !annotated[account] {
				t.Errorf("%s talks to %s, and its service account %q has no field for annotations", id, e.To.Name, account)
			}
		}
	}
	if !maps.Equal(used, annotated) || len(used) < 3 {
		t.Errorf("%v talk to clouds, %v can have an identity there", used, annotated)
	}
}
