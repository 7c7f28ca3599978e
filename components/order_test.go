package components_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/plugin/flux"
	"github.com/banhbaoring/banhbaoring/render"
)

// world is an empty cluster in the course of a first sync. It knows what each
// object needs before it is healthy; who may wait for whom is the engine's
// affair. Controllers of other kinds (cert-manager and such) are there.
type world struct {
	all     render.Manifests // whatever the sync will bring
	applied map[string]bool
	healthy map[string]bool
	// unhealthy are the kinds that the engine takes for unhealthy although
	// nothing is wrong with the stack (no load balancer, no metrics, a failed
	// run), and objects with which something is wrong.
	unhealthy []string

	templates map[*unstructured.Unstructured]corev1.PodTemplateSpec
	policies  map[*unstructured.Unstructured]*networkingv1.NetworkPolicy
}

func newWorld(all render.Manifests, unhealthy ...string) *world {
	w := &world{all: all, applied: map[string]bool{}, healthy: map[string]bool{}, unhealthy: unhealthy,
		templates: map[*unstructured.Unstructured]corev1.PodTemplateSpec{}, policies: map[*unstructured.Unstructured]*networkingv1.NetworkPolicy{}}
	for _, u := range all {
		w.templates[u] = template(u)
		if u.GetKind() == "NetworkPolicy" {
			w.policies[u] = typed[networkingv1.NetworkPolicy](u)
		}
	}
	return w
}

func (w *world) apply(objects render.Manifests) {
	for _, u := range objects {
		w.applied[id(u)] = true
	}
}

// settle lets everything become healthy that can.
func (w *world) settle() {
	for changed := true; changed; {
		changed = false
		for _, u := range w.all {
			if w.applied[id(u)] && !w.healthy[id(u)] && w.blocked(u) == "" {
				w.healthy[id(u)], changed = true, true
			}
		}
	}
}

// blocked says why an applied object is not healthy.
func (w *world) blocked(u *unstructured.Unstructured) string {
	if slices.Contains(w.unhealthy, u.GetKind()) || slices.Contains(w.unhealthy, id(u)) {
		return "may never be"
	}
	switch u.GetKind() {
	case "Job", "Deployment", "StatefulSet":
		return cmp.Or(w.notStarted(u), w.notReady(u))
	case "PersistentVolumeClaim":
		return w.notBound(u)
	case "Certificate":
		issuer := "Issuer/" + text(u, "spec", "issuerRef", "name")
		if w.find(issuer) == nil {
			return "waits for DNS, as a public certificate does"
		}
		return w.wait(issuer)
	case "Issuer":
		if secret := text(u, "spec", "ca", "secretName"); secret != "" {
			return w.noSecret(secret)
		}
	case "Service":
		if text(u, "spec", "type") == string(corev1.ServiceTypeLoadBalancer) {
			return "waits for a load balancer"
		}
	}
	return ""
}

func (w *world) find(name string) *unstructured.Unstructured {
	if i := slices.IndexFunc(w.all, func(u *unstructured.Unstructured) bool { return id(u) == name }); i >= 0 {
		return w.all[i]
	}
	return nil
}

// wait is for an object of the stack to be healthy.
func (w *world) wait(name string) string {
	if w.healthy[name] {
		return ""
	}
	return "waits for " + name
}

// there is for an object of the stack to be applied; what is none of its
// objects is the user's, and there.
func (w *world) there(name string) string {
	if w.applied[name] || w.find(name) == nil {
		return ""
	}
	return "wants " + name
}

// notStarted says why a workload's pods do not run.
func (w *world) notStarted(u *unstructured.Unstructured) string {
	if !w.applied[id(u)] {
		return id(u) + " is not applied"
	}
	pod := w.templates[u]
	missing := []string{w.there("ServiceAccount/" + pod.Spec.ServiceAccountName)}
	for _, other := range w.all {
		if grants(other, pod.Spec.ServiceAccountName) {
			missing = append(missing, w.there(id(other)), w.there(text(other, "roleRef", "kind")+"/"+text(other, "roleRef", "name")))
		}
		if policy := w.policies[other]; policy != nil && selects(policy.Spec.PodSelector.MatchLabels, pod.Labels) {
			missing = append(missing, w.there(id(other)))
		}
	}
	for _, name := range needed(pod.Spec, "ConfigMap") {
		missing = append(missing, w.there("ConfigMap/"+name))
	}
	for _, name := range needed(pod.Spec, "Secret") {
		missing = append(missing, w.noSecret(name))
	}
	for _, v := range pod.Spec.Volumes {
		if v.PersistentVolumeClaim != nil {
			missing = append(missing, w.there("PersistentVolumeClaim/"+v.PersistentVolumeClaim.ClaimName))
		}
	}
	return cmp.Or(missing...)
}

// notReady says why a workload whose pods run is not healthy. Those that talk
// to another part before they are done or ready are Jobs, and the API.
func (w *world) notReady(u *unstructured.Unstructured) string {
	component := u.GetLabels()["app.kubernetes.io/component"]
	if founder := founders[id(u)]; founder != "" {
		return w.waitJob(founder)
	}
	if u.GetKind() != "Job" && component != "api" {
		return ""
	}
	switch stage := u.GetAnnotations()[render.StageAnnotation]; {
	case stage == render.Guard.String():
		return "" // nothing to guard on a first install, and they say so
	case slices.Contains(slices.Collect(maps.Values(founders)), component):
		return w.peers(u, w.notStarted)
	}
	return w.peers(u, func(peer *unstructured.Unstructured) string { return w.wait(id(peer)) })
}

// founders are the Jobs, by component, that a StatefulSet's pods are not ready
// before: OpenBao's are sealed and not initialised, Redis's cluster is not
// formed. For such a Job the pods need only run.
var founders = map[string]string{
	"StatefulSet/" + jobs.OpenBaoName: jobs.Init,
	"StatefulSet/" + jobs.RedisName:   "cluster",
}

// waitJob is for a founder; a Redis that is no cluster has none.
func (w *world) waitJob(component string) string {
	for _, u := range w.all {
		if u.GetKind() == "Job" && u.GetLabels()["app.kubernetes.io/component"] == component {
			return w.wait(id(u))
		}
	}
	if component == jobs.Init {
		return "there is no Job " + component
	}
	return ""
}

// peers asks for each part of the stack that a workload may reach.
func (w *world) peers(u *unstructured.Unstructured, missing func(*unstructured.Unstructured) string) string {
	for _, peer := range w.reached(u) {
		if reason := missing(peer); reason != "" {
			return reason
		}
		if peer.GetKind() != "Cluster" && !slices.ContainsFunc(w.all, func(s *unstructured.Unstructured) bool {
			selector, _, _ := unstructured.NestedStringMap(s.Object, "spec", "selector")
			return s.GetKind() == "Service" && w.applied[id(s)] && selects(selector, w.templates[peer].Labels)
		}) {
			return "wants a Service of " + id(peer)
		}
	}
	return ""
}

// reached are the parts of the stack that the NetworkPolicies let a workload
// reach: those are the edges that it needs.
func (w *world) reached(u *unstructured.Unstructured) []*unstructured.Unstructured {
	var peers []*unstructured.Unstructured
	for _, other := range w.all {
		policy := w.policies[other]
		if policy == nil || !selects(policy.Spec.PodSelector.MatchLabels, w.templates[u].Labels) {
			continue
		}
		for _, rule := range policy.Spec.Egress {
			for _, to := range rule.To {
				if to.PodSelector != nil && to.NamespaceSelector == nil {
					peers = append(peers, w.selected(to.PodSelector.MatchLabels)...)
				}
			}
		}
	}
	return slices.DeleteFunc(peers, func(peer *unstructured.Unstructured) bool { return peer == u || peer.GetKind() == "Job" })
}

func (w *world) selected(selector map[string]string) []*unstructured.Unstructured {
	var found []*unstructured.Unstructured
	for _, u := range w.all {
		switch u.GetKind() {
		case "Deployment", "StatefulSet":
			if selects(selector, w.templates[u].Labels) {
				found = append(found, u)
			}
		case "Cluster":
			if selector["cnpg.io/cluster"] == u.GetName() {
				found = append(found, u)
			}
		}
	}
	return found
}

// notBound says why a claim is not bound: volumes are made where the pod runs.
func (w *world) notBound(claim *unstructured.Unstructured) string {
	for _, u := range w.all {
		if k := u.GetKind(); k != "Deployment" && k != "StatefulSet" && k != "Job" || !w.applied[id(u)] {
			continue
		}
		for _, v := range w.templates[u].Spec.Volumes {
			if v.PersistentVolumeClaim != nil && v.PersistentVolumeClaim.ClaimName == claim.GetName() {
				return ""
			}
		}
	}
	return "waits for its first consumer"
}

// noSecret says why a Secret is not there: who makes it is not healthy. One
// that nobody makes is the user's.
func (w *world) noSecret(name string) string {
	made := false
	for _, u := range w.all {
		if makes(w, u)[name] {
			if w.healthy[id(u)] {
				return ""
			}
			made = true
		}
	}
	if made {
		return "wants Secret/" + name
	}
	if strings.HasPrefix(name, "banhbaoring-") {
		return "wants Secret/" + name + ", which nobody makes"
	}
	return ""
}

// makes are the Secrets that an object stands for, or that a Job's
// configuration says it fills.
func makes(w *world, u *unstructured.Unstructured) map[string]bool {
	names := map[string]bool{}
	switch u.GetKind() {
	case "Secret":
		names[u.GetName()] = true
	case "Certificate":
		names[text(u, "spec", "secretName")] = true
	case "ExternalSecret":
		names[cmp.Or(text(u, "spec", "target", "name"), u.GetName())] = true
	case "Job":
		for _, name := range needed(w.templates[u].Spec, "ConfigMap") {
			if config := w.find("ConfigMap/" + name); config != nil {
				filled(text(config, "data", jobs.ConfigFile), u.GetLabels()["app.kubernetes.io/component"], names)
			}
		}
	}
	return names
}

// filled adds the Secrets that a Job's configuration names as its work. What it
// reserves is empty until another fills it.
func filled(config, job string, names map[string]bool) {
	var c struct {
		jobs.SecretsConfig
		KeySecret, APITokenSecret, ClientsSecret string
	}
	if json.Unmarshal([]byte(config), &c) != nil {
		return
	}
	for _, secret := range c.Mint {
		names[secret.Name] = true
	}
	for _, certificate := range c.Certificates {
		names[certificate.Secret] = true
	}
	if job == jobs.Secrets {
		names[jobs.SecretTrust] = true
	}
	for _, name := range []string{c.KeySecret, c.APITokenSecret, c.ClientsSecret} {
		names[name] = true
	}
}

func text(u *unstructured.Unstructured, path ...string) string {
	value, _, _ := unstructured.NestedString(u.Object, path...)
	return value
}

func selects(selector, of map[string]string) bool {
	return labels.SelectorFromSet(selector).Matches(labels.Set(of))
}

// template is a workload's pod template.
func template(u *unstructured.Unstructured) corev1.PodTemplateSpec {
	switch u.GetKind() {
	case "Job":
		return typed[batchv1.Job](u).Spec.Template
	case "Deployment":
		return typed[appsv1.Deployment](u).Spec.Template
	case "StatefulSet":
		return typed[appsv1.StatefulSet](u).Spec.Template
	}
	return corev1.PodTemplateSpec{}
}

func typed[T any](u *unstructured.Unstructured) *T {
	into := new(T)
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, into); err != nil {
		panic(err)
	}
	return into
}

// grants tells whether a binding gives a service account its rights.
func grants(u *unstructured.Unstructured, account string) bool {
	if !strings.HasSuffix(u.GetKind(), "RoleBinding") || account == "" {
		return false
	}
	subjects, _, _ := unstructured.NestedSlice(u.Object, "subjects")
	return slices.ContainsFunc(subjects, func(s any) bool {
		subject, _ := s.(map[string]any)
		return subject["name"] == account
	})
}

// needed are the names of the ConfigMaps or Secrets without which a pod does
// not start.
func needed(pod corev1.PodSpec, kind string) []string {
	names := map[string]bool{}
	add := func(of, name string, optional *bool) {
		if of == kind && name != "" && (optional == nil || !*optional) {
			names[name] = true
		}
	}
	for _, v := range pod.Volumes {
		if v.Secret != nil {
			add("Secret", v.Secret.SecretName, v.Secret.Optional)
		}
		if v.ConfigMap != nil {
			add("ConfigMap", v.ConfigMap.Name, v.ConfigMap.Optional)
		}
		if v.Projected != nil {
			for _, s := range v.Projected.Sources {
				if s.Secret != nil {
					add("Secret", s.Secret.Name, s.Secret.Optional)
				}
				if s.ConfigMap != nil {
					add("ConfigMap", s.ConfigMap.Name, s.ConfigMap.Optional)
				}
			}
		}
	}
	for _, c := range slices.Concat(pod.InitContainers, pod.Containers) {
		for _, e := range c.Env {
			if f := e.ValueFrom; f != nil && f.SecretKeyRef != nil {
				add("Secret", f.SecretKeyRef.Name, f.SecretKeyRef.Optional)
			} else if f != nil && f.ConfigMapKeyRef != nil {
				add("ConfigMap", f.ConfigMapKeyRef.Name, f.ConfigMapKeyRef.Optional)
			}
		}
		for _, e := range c.EnvFrom {
			if e.SecretRef != nil {
				add("Secret", e.SecretRef.Name, e.SecretRef.Optional)
			} else if e.ConfigMapRef != nil {
				add("ConfigMap", e.ConfigMapRef.Name, e.ConfigMapRef.Optional)
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// syncArgoCD applies wave after wave, each when all of the one before it is
// healthy. Source: Argo CD's user guide, "Sync Phases and Waves", and the health
// checks of gitops-engine, under which an Ingress without an address, an
// autoscaler without metrics and a CronJob whose run failed are unhealthy.
func syncArgoCD(w *world) error {
	objects := w.all
	w.unhealthy = append(w.unhealthy, "Ingress", "HTTPRoute", "HorizontalPodAutoscaler", "CronJob")
	waves := map[int]render.Manifests{}
	for _, u := range objects {
		wave, err := strconv.Atoi(u.GetAnnotations()["argocd.argoproj.io/sync-wave"])
		if err != nil {
			return fmt.Errorf("%s: %w", id(u), err)
		}
		waves[wave] = append(waves[wave], u)
	}
	order := slices.Sorted(maps.Keys(waves))
	for i, wave := range order {
		w.apply(waves[wave])
		w.settle()
		for _, u := range waves[wave] {
			if i < len(order)-1 && !w.healthy[id(u)] {
				return fmt.Errorf("wave %d: %s %s", wave, id(u), w.blocked(u))
			}
		}
	}
	return w.workloads()
}

// syncFlux applies each Kustomization's objects at once when those that it
// depends on are ready: when all of its objects are, where it waits, else its
// health checks. Source: kustomize-controller's API, kustomization_types.go,
// and sigs.k8s.io/cli-utils' kstatus, for which an Ingress is always current.
func syncFlux(w *world) error {
	all := flux.Kustomizations("keys", w.all, flux.Options{Namespace: "flux-system", SourceKind: "GitRepository", SourceName: "x", Interval: "10m"})
	ready := map[string]bool{}
	var waiting error
	for progress := true; progress; {
		progress, waiting = false, nil
		for _, k := range all {
			depends, _, _ := unstructured.NestedSlice(k.Object, "spec", "dependsOn")
			if ready[k.GetName()] || slices.ContainsFunc(depends, func(d any) bool { return !ready[d.(map[string]any)["name"].(string)] }) {
				continue
			}
			stage, err := render.ParseStage(path.Base(text(k, "spec", "path")))
			if err != nil {
				return err
			}
			w.apply(w.all.Only(stage))
			w.settle()
			if err := w.checks(k, w.all.Only(stage)); err != nil {
				waiting = cmp.Or(waiting, err)
				continue
			}
			ready[k.GetName()], progress = true, true
		}
	}
	return cmp.Or(waiting, w.workloads())
}

// checks says why a Kustomization is not ready although it is applied.
func (w *world) checks(k *unstructured.Unstructured, own render.Manifests) error {
	if wait, _, _ := unstructured.NestedBool(k.Object, "spec", "wait"); wait {
		for _, u := range own {
			if !w.healthy[id(u)] {
				return fmt.Errorf("%s: %s %s", k.GetName(), id(u), w.blocked(u))
			}
		}
	}
	checks, _, _ := unstructured.NestedSlice(k.Object, "spec", "healthChecks")
	for _, c := range checks {
		check := c.(map[string]any)
		if name := fmt.Sprintf("%s/%s", check["kind"], check["name"]); !w.healthy[name] {
			return fmt.Errorf("%s: its health check %s is not healthy", k.GetName(), name)
		}
	}
	return nil
}

// workloads says which workload does not come up although all is applied.
func (w *world) workloads() error {
	for _, u := range w.all {
		if slices.Contains([]string{"Job", "Deployment", "StatefulSet"}, u.GetKind()) && !w.healthy[id(u)] {
			return fmt.Errorf("in the end: %s %s", id(u), w.blocked(u))
		}
	}
	return nil
}

var engines = map[string]func(*world) error{"Argo CD": syncArgoCD, "Flux": syncFlux}

func TestEveryStageCanBecomeHealthy(t *testing.T) {
	eachExample(t, func(t *testing.T, _ *render.Stack, objects render.Manifests) {
		for engine, sync := range engines {
			if err := sync(newWorld(objects)); err != nil {
				t.Errorf("%s: %v", engine, err)
			}
		}
	})
}

// An object that does not become healthy holds up what stands in later waves,
// and nothing beside it: where an API cannot be pulled, backups, renewals and
// alerts are there. docs/stages.md has this as a table. Of each stage the first
// object of a kind stands for the others.
func TestNothingWaitsForWhatItDoesNotNeed(t *testing.T) {
	for _, example := range []string{"production.yaml", "operators.yaml"} {
		objects := renderAll(t, load(t, readExample(t, example)))
		tried := map[string]bool{}
		for _, broken := range objects {
			stage := stageOf(t, broken)
			key := stage.String() + broken.GetKind()
			if tried[key] || template(broken).Spec.Containers == nil && !slices.Contains(mayFail, broken.GetKind()) {
				continue
			}
			tried[key] = true
			for engine, sync := range engines {
				w := newWorld(objects, id(broken))
				_ = sync(w) // that it is not healthy is given
				for _, u := range objects {
					if other := stageOf(t, u); w.applied[id(u)] == (other.Wave() > stage.Wave()) {
						t.Errorf("%s: %s (%s) without %s (%s): applied: %t", engine, id(u), other, id(broken), stage, w.applied[id(u)])
					}
				}
			}
		}
	}
}

// mayFail are kinds without pods that can stay unhealthy for long.
var mayFail = []string{"CronJob", "Ingress", "HTTPRoute", "HorizontalPodAutoscaler", "Certificate", "Cluster"}

// The proof above rests on the edges that Jobs need being known.
func TestJobsReachWhatTheyWorkOn(t *testing.T) {
	eachExample(t, func(t *testing.T, _ *render.Stack, objects render.Manifests) {
		w := newWorld(objects)
		for _, u := range objects {
			if component := u.GetLabels()["app.kubernetes.io/component"]; u.GetKind() == "Job" && (component == jobs.Init || component == jobs.Configure) {
				if !slices.ContainsFunc(w.reached(u), func(peer *unstructured.Unstructured) bool { return peer.GetName() == jobs.OpenBaoName }) {
					t.Errorf("%s does not reach OpenBao", id(u))
				}
			}
		}
	})
}

// move puts the objects of one kind and component, and Jobs' configuration with
// them, into another stage.
func move(objects render.Manifests, kinds []string, component string, to render.Stage) render.Manifests {
	var moved render.Manifests
	for _, u := range objects {
		u = u.DeepCopy()
		if slices.Contains(kinds, u.GetKind()) && (component == "" || u.GetLabels()["app.kubernetes.io/component"] == component) {
			annotations := u.GetAnnotations()
			annotations[render.StageAnnotation] = to.String()
			annotations["argocd.argoproj.io/sync-wave"] = strconv.Itoa(to.Wave())
			u.SetAnnotations(annotations)
		}
		moved = append(moved, u)
	}
	return moved
}

// claimed adds a claim in one stage, which a Deployment of another mounts.
func claimed(objects render.Manifests, stage render.Stage) render.Manifests {
	claim := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "PersistentVolumeClaim"}}
	claim.SetName("data")
	claim.SetAnnotations(map[string]string{render.StageAnnotation: stage.String(), "argocd.argoproj.io/sync-wave": strconv.Itoa(stage.Wave())})
	consumer := &unstructured.Unstructured{}
	var err error
	consumer.Object, err = runtime.DefaultUnstructuredConverter.ToUnstructured(&appsv1.Deployment{
		TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		Spec: appsv1.DeploymentSpec{Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{Volumes: []corev1.Volume{{
			VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data"}}}}}}},
	})
	if err != nil {
		panic(err)
	}
	consumer.SetName("consumer")
	consumer.SetAnnotations(map[string]string{render.StageAnnotation: render.Data.String(), "argocd.argoproj.io/sync-wave": strconv.Itoa(render.Data.Wave())})
	return append(slices.Clone(objects), claim, consumer)
}

// The proof must fail where it is known that a sync would hang.
func TestKnownDeadlocksAreFound(t *testing.T) {
	rendered := renderAll(t, load(t, readExample(t, "production.yaml")))
	for name, c := range map[string]struct {
		objects render.Manifests
		engines []string
		want    string
	}{
		"init Job after OpenBao":             {move(rendered, []string{"Job", "ConfigMap"}, jobs.Init, render.Configure), []string{"Argo CD", "Flux"}, "StatefulSet/banhbaoring-openbao waits for Job/banhbaoring-init-"},
		"cluster Job after Redis":            {move(rendered, []string{"Job"}, "cluster", render.Configure), []string{"Argo CD", "Flux"}, "StatefulSet/banhbaoring-redis waits for Job/banhbaoring-redis-cluster-"},
		"configure Job before OpenBao":       {move(rendered, []string{"Job", "ConfigMap"}, jobs.Configure, render.Data), []string{"Argo CD", "Flux"}, "Job/banhbaoring-configure-"},
		"secrets Job after what mounts them": {move(rendered, []string{"Job", "ConfigMap"}, jobs.Secrets, render.Configure), []string{"Argo CD", "Flux"}, "wants Secret/banhbaoring-"},
		"rights after the Job":               {move(rendered, []string{"RoleBinding"}, "", render.Exposure), []string{"Argo CD", "Flux"}, "wants RoleBinding/"},
		"policies after the pods":            {move(rendered, []string{"NetworkPolicy"}, "", render.Exposure), []string{"Argo CD", "Flux"}, "wants NetworkPolicy/"},
		"API before its token":               {move(rendered, []string{"Deployment", "ConfigMap"}, "api", render.OpenBao), []string{"Argo CD", "Flux"}, "Deployment/banhbaoring-api"},
		"claim before its consumer":          {claimed(rendered, render.Foundation), []string{"Argo CD", "Flux"}, "PersistentVolumeClaim/data waits for its first consumer"},
		"Ingress before the end":             {move(rendered, []string{"Ingress"}, "", render.Configure), []string{"Argo CD"}, "Ingress/banhbaoring-api may never be"},
		"autoscaler before the end":          {move(rendered, []string{"HorizontalPodAutoscaler"}, "", render.Configure), []string{"Argo CD"}, "HorizontalPodAutoscaler/banhbaoring-api may never be"},
	} {
		for _, engine := range c.engines {
			if err := engines[engine](newWorld(c.objects)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s under %s: got %v, want %s", name, engine, err, c.want)
			}
		}
	}
	// The claim beside its consumer is no deadlock.
	for engine, sync := range engines {
		if err := sync(newWorld(claimed(rendered, render.Data))); err != nil {
			t.Errorf("%s: %v", engine, err)
		}
	}
}
