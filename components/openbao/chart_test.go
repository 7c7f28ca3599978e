package openbao_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/components/openbao/chart"
	"github.com/banhbaoring/banhbaoring/render/helm"
)

const referenceDir = "testdata/reference" // what the official chart 0.29.2 prints

// exceptions are all the ways in which an object may differ from the official
// chart's, each a change that makes both sides equal.
var exceptions = []struct {
	reason string
	apply  func(object map[string]any, values map[string]any)
}{
	{"helm.sh/chart and app.kubernetes.io/version carry versions", func(object, _ map[string]any) {
		for _, labels := range [][]string{{"metadata", "labels"}, {"spec", "template", "metadata", "labels"}} {
			for _, label := range []string{"helm.sh/chart", "app.kubernetes.io/version"} {
				unstructured.RemoveNestedField(object, append(slices.Clone(labels), label)...)
			}
		}
	}},
	{"an empty server.image.tag stands for the chart's own appVersion", func(object, values map[string]any) {
		if tag, _, _ := unstructured.NestedString(values, "server", "image", "tag"); tag != "" {
			return
		}
		containers, found, _ := unstructured.NestedSlice(object, "spec", "template", "spec", "containers")
		if !found {
			return
		}
		server := containers[0].(map[string]any)
		image, _, ok := strings.Cut(server["image"].(string), ":")
		if !ok {
			panic("image without a tag")
		}
		server["image"] = image
		if err := unstructured.SetNestedSlice(object, containers, "spec", "template", "spec", "containers"); err != nil {
			panic(err)
		}
	}},
}

func TestChartPrintsTheObjectsOfTheOfficialChart(t *testing.T) {
	built := load(t)
	cases, err := os.ReadDir(referenceDir)
	if err != nil || len(cases) == 0 {
		t.Fatalf("no reference cases in %s: %v", referenceDir, err)
	}
	for _, c := range cases {
		t.Run(c.Name(), func(t *testing.T) {
			var values map[string]any
			readYAML(t, filepath.Join(referenceDir, c.Name(), "values.yaml"), &values)
			objects, err := built.Render(values, helm.Release{Name: "banhbaoring", Namespace: "banhbaoring", KubeVersion: v1.DefaultKubernetes})
			if err != nil {
				t.Fatal(err)
			}
			got := byIdentity(t, objects, values)
			want := byIdentity(t, readObjects(t, filepath.Join(referenceDir, c.Name(), "rendered.yaml")), values)
			for _, id := range slices.Sorted(maps.Keys(want)) {
				if got[id] == nil {
					t.Errorf("%s is missing", id)
				} else if diff := cmp.Diff(want[id], got[id]); diff != "" {
					t.Errorf("%s differs (-official +ours):\n%s", id, diff)
				}
			}
			for _, id := range slices.Sorted(maps.Keys(got)) {
				if want[id] == nil {
					t.Errorf("%s is not printed by the official chart", id)
				}
			}
		})
	}
}

// load loads the built-in chart.
func load(t testing.TB) *helm.Chart {
	t.Helper()
	built, err := helm.LoadFS(chart.FS, ".")
	if err != nil {
		t.Fatal(err)
	}
	return built
}

// byIdentity lists objects by what they are, less the exceptions.
func byIdentity(t *testing.T, objects []*unstructured.Unstructured, values map[string]any) map[string]map[string]any {
	t.Helper()
	all := map[string]map[string]any{}
	for _, object := range objects {
		id := fmt.Sprintf("%s %s %s/%s", object.GetAPIVersion(), object.GetKind(), object.GetNamespace(), object.GetName())
		if all[id] != nil {
			t.Errorf("%s is printed twice", id)
		}
		all[id] = object.DeepCopy().Object
		for _, exception := range exceptions {
			exception.apply(all[id], values)
		}
	}
	return all
}

// readObjects reads a file of manifests with a reader of its own, not the one
// that is being tested.
func readObjects(t *testing.T, file string) []*unstructured.Unstructured {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var objects []*unstructured.Unstructured
	for document := range strings.SplitSeq("\n"+string(data), "\n---\n") {
		if strings.TrimSpace(document) == "" {
			continue
		}
		encoded, err := yaml.YAMLToJSON([]byte(document))
		if err != nil {
			t.Fatal(err)
		}
		object := &unstructured.Unstructured{}
		if err := utiljson.Unmarshal(encoded, &object.Object); err != nil {
			t.Fatal(err)
		}
		objects = append(objects, object)
	}
	return objects
}

func readYAML(t testing.TB, file string, into any) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(data, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// raft is what every values of the built-in chart must say.
const raft = "server: {ha: {enabled: true, raft: {enabled: true}}}"

// renderWith renders the built-in chart with YAML laid over raft.
func renderWith(t *testing.T, built *helm.Chart, overlay string) (map[string]map[string]any, error) {
	t.Helper()
	var values, over map[string]any
	for text, into := range map[string]*map[string]any{raft: &values, overlay: &over} {
		if err := yaml.Unmarshal([]byte(text), into); err != nil {
			t.Fatal(err)
		}
	}
	overwrite(values, over)
	objects, err := built.Render(values, helm.Release{Name: "r", Namespace: "n", KubeVersion: v1.DefaultKubernetes})
	all := map[string]map[string]any{}
	for _, object := range objects {
		all[object.GetKind()+"/"+object.GetName()] = object.Object
	}
	return all, err
}

func overwrite(values, over map[string]any) {
	for key, value := range over {
		inner, innerOK := values[key].(map[string]any)
		overInner, overOK := value.(map[string]any)
		if innerOK && overOK {
			overwrite(inner, overInner)
		} else {
			values[key] = value
		}
	}
}

// at is the field a path such as spec/ports/0/name leads to, nil if there is none;
// "~1" is a slash within a key.
func at(value any, path string) any {
	for key := range strings.SplitSeq(path, "/") {
		switch v := value.(type) {
		case map[string]any:
			value = v[strings.ReplaceAll(key, "~1", "/")]
		case []any:
			var i int
			if _, err := fmt.Sscan(key, &i); err != nil || i >= len(v) {
				return nil
			}
			value = v[i]
		default:
			return nil
		}
	}
	return value
}

func TestEveryValueHasItsEffect(t *testing.T) {
	const (
		set     = "StatefulSet/r-openbao"
		pod     = "spec/template/spec/"
		server  = pod + "containers/0/"
		service = "Service/r-openbao"
		labels  = "metadata/labels/"
		notes   = "metadata/annotations"
	)
	cases := []struct {
		values, object, path string
		want                 string // YAML; empty: the field, or without a path the object, is not there
	}{
		{"global: {namespace: other}", set, "metadata/namespace", "other"},
		{"global: {imagePullSecrets: [a, {name: b}]}", set, pod + "imagePullSecrets", "[{name: a}, {name: b}]"},
		{"global: {tlsDisable: false}", service, "spec/ports/0/name", "https"},
		{"global: {serverTelemetry: {prometheusOperator: true}}", "ServiceMonitor/r-openbao", "spec/endpoints/0/port", "http"},
		{"nameOverride: bao", "StatefulSet/r-bao", "spec/serviceName", "r-bao-internal"},
		{"fullnameOverride: bao", "StatefulSet/bao", "spec/serviceName", "bao-internal"},

		{"server: {image: {registry: '', repository: a/b, tag: c}}", set, server + "image", "docker.io/a/b:c"},
		{"", set, server + "image", "quay.io/openbao/openbao:2.7.1"},
		{"server: {image: {pullPolicy: Always}}", set, server + "imagePullPolicy", "Always"},
		{"server: {minReadySeconds: 7}", set, "spec/minReadySeconds", "7"},
		{"", set, "spec/minReadySeconds", ""},
		{"", set, "metadata/namespace", `"n"`},
		{"server: {preStopSleepSeconds: 9}", set, server + "lifecycle/preStop/exec/command/2", "sleep 9 && kill -SIGTERM $(pidof bao)"},
		{"server: {postStart: [a, b]}", set, server + "lifecycle/postStart/exec/command", "[a, b]"},
		{"server: {persistentVolumeClaimRetentionPolicy: {whenDeleted: Delete}}", set, "spec/persistentVolumeClaimRetentionPolicy", "{whenDeleted: Delete}"},
		{"server: {logLevel: debug}", set, server + "env/11", "{name: BAO_LOG_LEVEL, value: debug}"},
		{"server: {logFormat: json}", set, server + "env/11", "{name: BAO_LOG_FORMAT, value: json}"},
		{"server: {extraEnvironmentVars: {b.c: 1, a: true}, extraSecretEnvironmentVars: [{envName: S, secretName: \"no\", secretKey: k}]}", set, server + "env/11", `{name: S, valueFrom: {secretKeyRef: {name: "no", key: k}}}`},
		{"server: {extraEnvironmentVars: {b.c: 1, a: true}}", set, server + "env/11", `{name: A, value: "true"}`},
		{"server: {extraEnvironmentVars: {b.c: 1, a: true}}", set, server + "env/12", `{name: B_C, value: "1"}`},
		{"server: {annotations: {a: b}}", set, "spec/template/metadata/annotations", "{a: b}"},
		{"server: {annotations: 'a: {{ .Release.Name }}'}", set, "spec/template/metadata/annotations", "{a: r}"},
		{"server: {statefulSet: {annotations: {a: b}}}", set, notes, "{a: b}"},
		{"server: {uid: 5, gid: 6}", set, pod + "securityContext", "{runAsNonRoot: true, runAsUser: 5, runAsGroup: 6, fsGroup: 6, seccompProfile: {type: RuntimeDefault}}"},
		{"server: {affinity: {nodeAffinity: {a: b}}}", set, pod + "affinity", "{nodeAffinity: {a: b}}"},
		{"server: {topologySpreadConstraints: '- {a: \"{{ .Release.Name }}\"}'}", set, pod + "topologySpreadConstraints", "[{a: r}]"},
		{"server: {tolerations: [{key: a}]}", set, pod + "tolerations", "[{key: a}]"},
		{"server: {nodeSelector: {a: b}}", set, pod + "nodeSelector", "{a: b}"},
		{"server: {priorityClassName: high}", set, pod + "priorityClassName", "high"},
		{"server: {hostNetwork: true}", set, pod + "hostNetwork", "true"},
		{"server: {shareProcessNamespace: true}", set, pod + "shareProcessNamespace", "true"},
		{"server: {extraInitContainers: [{name: '{{ .Release.Name }}'}]}", set, pod + "initContainers", "[{name: r}]"},
		{"server: {extraContainers: [{name: '{{ .Release.Name }}'}]}", set, pod + "containers/1", "{name: r}"},
		{"server: {extraVolumes: [{type: secret, name: s}]}", set, pod + "volumes/1", "{name: userconfig-s, secret: {secretName: s, defaultMode: 420}}"},
		{"server: {extraVolumes: [{type: configMap, name: s, defaultMode: 256}]}", set, pod + "volumes/1", "{name: userconfig-s, configMap: {name: s, defaultMode: 256}}"},
		{"server: {extraVolumes: [{type: secret, name: s, path: /x}]}", set, server + "volumeMounts/2", "{name: userconfig-s, mountPath: /x/s, readOnly: true}"},
		{"server: {readinessProbe: {path: /p, port: 1}}", set, server + "readinessProbe/httpGet", "{path: /p, port: 1, scheme: HTTP}"},
		{"server: {readinessProbe: {enabled: false}}", set, server + "readinessProbe", ""},
		{"server: {livenessProbe: {enabled: true, periodSeconds: 8}}", set, server + "livenessProbe", "{httpGet: {path: '/v1/sys/health?standbyok=true', port: 8200, scheme: HTTP}, failureThreshold: 2, initialDelaySeconds: 60, periodSeconds: 8, successThreshold: 1, timeoutSeconds: 3}"},
		{"server: {livenessProbe: {enabled: true, execCommand: [a]}}", set, server + "livenessProbe/exec/command", "[a]"},
		{"server: {ha: {clusterAddr: https://x:8201}}", set, server + "env/9/value", "https://x:8201"},
		{"server: {ha: {apiAddr: https://x}}", set, server + "env/5/value", "https://x"},
		{"server: {ha: {raft: {setNodeId: false}}}", set, server + "env/10/name", "HOME"},
		{"server: {ha: {raft: {config: 'a = \"{{ .Release.Name }}\"'}}}", "ConfigMap/r-openbao-config", "data/extraconfig-from-values.hcl", `"\na = \"r\""`},
		{"server: {ha: {replicas: 5}}", "PodDisruptionBudget/r-openbao", "spec/maxUnavailable", "2"},
		{"server: {ha: {replicas: 1}}", "PodDisruptionBudget/r-openbao", "spec/maxUnavailable", "0"},
		{"server: {ha: {disruptionBudget: {maxUnavailable: 2}}}", "PodDisruptionBudget/r-openbao", "spec/maxUnavailable", "2"},
		{"server: {ha: {disruptionBudget: {enabled: false}}}", "PodDisruptionBudget/r-openbao", "", ""},
		{"server: {dataStorage: {enabled: false}}", set, "spec/volumeClaimTemplates", ""},
		{"server: {dataStorage: {accessMode: ReadWriteOncePod, annotations: {a: b}, labels: {c: d}}}", set, "spec/volumeClaimTemplates/0", "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data, annotations: {a: b}, labels: {c: d}}, spec: {accessModes: [ReadWriteOncePod], resources: {requests: {storage: 10Gi}}}}"},
		{"server: {dataStorage: {mountPath: /d}}", set, server + "volumeMounts/0", "{name: data, mountPath: /d}"},
		{"server: {auditStorage: {enabled: true, storageClass: slow, mountPath: /a}}", set, "spec/volumeClaimTemplates/1/spec/storageClassName", "slow"},

		{"server: {serviceAccount: {name: a, extraLabels: {b: c}}}", "ServiceAccount/a", labels + "b", "c"},
		{"server: {serviceAccount: {create: false}}", "ServiceAccount/r-openbao", "", ""},
		{"server: {serviceAccount: {create: false}}", set, pod + "serviceAccountName", "default"},
		{"server: {serviceAccount: {create: false}}", "ClusterRoleBinding/r-openbao-server-binding", "", ""},
		{"server: {serviceAccount: {serviceDiscovery: {enabled: false}}}", "Role/r-openbao-discovery-role", "", ""},

		{"server: {service: {enabled: false}}", service + "-internal", "", ""},
		{"server: {service: {active: {enabled: false}}}", service + "-active", "", ""},
		{"server: {service: {standby: {enabled: false}}}", service + "-standby", "", ""},
		{"server: {service: {annotations: {a: all, b: all}, active: {annotations: {a: own}}}}", service + "-active", notes, "{a: own, b: all}"},
		{"server: {service: {annotations: {a: b}}}", service, notes, "{a: b}"},
		{"server: {service: {standby: {extraLabels: {a: b}}}}", service + "-standby", labels + "a", "b"},
		{"server: {service: {headless: {annotations: {a: b}}}}", service + "-internal", notes, "{a: b}"},
		{"server: {service: {publishNotReadyAddresses: false}}", service, "spec/publishNotReadyAddresses", "false"},
		{"server: {service: {type: NodePort, activeNodePort: 30000}}", service + "-active", "spec/ports/0/nodePort", "30000"},
		{"server: {service: {type: NodePort, externalTrafficPolicy: Local}}", service, "spec/externalTrafficPolicy", "Local"},
		{"server: {service: {port: 443, targetPort: 8200}}", service, "spec/ports/0/port", "443"},
		{"server: {service: {extraPorts: [{name: a, port: 1}]}}", service, "spec/ports/2", "{name: a, port: 1}"},
		{"server: {service: {instanceSelector: {enabled: false}}}", service, "spec/selector", "{app.kubernetes.io/name: openbao, component: server}"},
		{"server: {service: {ipFamilyPolicy: SingleStack, ipFamilies: [IPv6]}}", service, "spec/ipFamilies", "[IPv6]"},

		{"server: {networkPolicy: {enabled: true, egress: [{to: []}]}}", "NetworkPolicy/r-openbao", "spec/egress", "[{to: []}]"},
		{"server: {ingress: {enabled: true, activeService: false}}", "Ingress/r-openbao", "spec/rules/0/http/paths/0/backend/service/name", "r-openbao"},
		{"server: {ingress: {enabled: true, hosts: [{host: h, paths: [/a]}], extraPaths: [{path: /b}], labels: {c: d}}}", "Ingress/r-openbao", "spec/rules/0/http/paths/1/path", "/a"},
		{"ui: {enabled: true, serviceType: LoadBalancer, externalPort: 443, loadBalancerSourceRanges: [10.0.0.0/8]}", service + "-ui", "spec/loadBalancerSourceRanges", "[10.0.0.0/8]"},
		{"ui: {enabled: true, activeOpenbaoPodOnly: true}", service + "-ui", "spec/selector/openbao-active", `"true"`},
		{"serverTelemetry: {serviceMonitor: {enabled: true, tlsConfig: {ca: x}}}", "ServiceMonitor/r-openbao", "spec/endpoints/0/tlsConfig", "{ca: x}"},
		{"serverTelemetry: {serviceMonitor: {enabled: true, port: metrics, scheme: HTTP, interval: 1m}}", "ServiceMonitor/r-openbao", "spec/endpoints/0/scheme", "http"},
		{"serverTelemetry: {prometheusRules: {enabled: true}}", "PrometheusRule/r-openbao", "", ""},
	}
	built := load(t)
	for _, c := range cases {
		t.Run(c.values+" "+c.path, func(t *testing.T) {
			objects, err := renderWith(t, built, c.values)
			if err != nil {
				t.Fatal(err)
			}
			if c.path == "" {
				if objects[c.object] != nil {
					t.Errorf("%s is printed", c.object)
				}
				return
			}
			if objects[c.object] == nil {
				t.Fatalf("%s is not printed", c.object)
			}
			var want any
			if err := yaml.Unmarshal([]byte(c.want), &want); err != nil {
				t.Fatal(err)
			}
			// Through YAML once more, for numbers of one type.
			var got any
			encoded, _ := yaml.Marshal(at(objects[c.object], c.path))
			if err := yaml.Unmarshal(encoded, &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s of %s (-want +got):\n%s", c.path, c.object, diff)
			}
		})
	}
}

func TestAChangedConfigurationRollsThePodsWhereAsked(t *testing.T) {
	built := load(t)
	checksum := func(config string) any {
		objects, err := renderWith(t, built, "server: {configAnnotation: true, ha: {raft: {config: "+config+"}}}")
		if err != nil {
			t.Fatal(err)
		}
		return at(objects["StatefulSet/r-openbao"], "spec/template/metadata/annotations/openbao.hashicorp.com~1config-checksum")
	}
	if one, two := checksum("a"), checksum("b"); one == nil || one == two {
		t.Errorf("checksums %v and %v", one, two)
	}
}

func TestWhatTheChartDoesNotDoIsRefused(t *testing.T) {
	cases := map[string]string{
		"server: {ha: {enabled: false}}":           "check.yaml:3:4: server.ha.enabled and server.ha.raft.enabled must be true: raft is the only storage of this chart",
		"server: {ha: {raft: {enabled: false}}}":   "server.ha.enabled and server.ha.raft.enabled must be true",
		"server: {ha: {config: x}}":                "values: server.ha.config is not supported",
		"server: {dev: {enabled: true}}":           "values: server.dev.enabled: value must be false",
		"server: {standalone: {enabled: true}}":    "values: server.standalone.enabled: value must be one of false, '-'",
		"injector: {enabled: true}":                "values: injector.enabled: value must be false",
		"csi: {enabled: true}":                     "values: csi.enabled: value must be false",
		"server: {replicas: 3}":                    "values: server.replicas is not supported",
		"snapshotAgent: {enabled: true}":           "values: snapshotAgent is not supported",
		"server: {ha: {replicas: three}}":          "values: server.ha.replicas: got string, want integer",
		"server: {updateStrategyType: Recreate}":   "values: server.updateStrategyType: value must be one of 'OnDelete', 'RollingUpdate'",
		"server: {annotations: 'a: [{{ \"\" }}'}":  "annotations given as text: ",
		"server: {extraEnvironmentVars: {A: [1]}}": "values: server.extraEnvironmentVars.A: got array, want",
	}
	built := load(t)
	for values, want := range cases {
		t.Run(values, func(t *testing.T) {
			_, err := renderWith(t, built, values)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got  %v\nwant … %s …", err, want)
			}
		})
	}
}

func TestAHundredRendersAreEqual(t *testing.T) {
	built, values := load(t), map[string]any{}
	readYAML(t, filepath.Join(referenceDir, "ha3-extras", "values.yaml"), &values)
	var first []*unstructured.Unstructured
	for i := range 100 {
		objects, err := built.Render(values, helm.Release{Name: "r", Namespace: "n", KubeVersion: v1.DefaultKubernetes})
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = objects
		} else if diff := cmp.Diff(first, objects); diff != "" {
			t.Fatalf("render %d differs: %s", i, diff)
		}
	}
}

func BenchmarkRender(b *testing.B) {
	built, values := load(b), map[string]any{}
	readYAML(b, filepath.Join(referenceDir, "ha3-extras", "values.yaml"), &values)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := built.Render(values, helm.Release{Name: "r", Namespace: "n", KubeVersion: v1.DefaultKubernetes}); err != nil {
			b.Fatal(err)
		}
	}
}
