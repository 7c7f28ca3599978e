//go:build integration

package configure_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/configure"
	"github.com/banhbaoring/banhbaoring/jobs/internal/realtest"
)

func TestMain(m *testing.M) { realtest.Main(m, configure.Run) }

const account = "banhbaoring-configure"

// first is what the init Job leaves the role configure.
const first = `
path "sys/*" { capabilities = ["create", "read", "update", "patch", "delete", "list", "sudo"] }
path "auth/*" { capabilities = ["create", "read", "update", "patch", "delete", "list", "sudo"] }
`

// build builds the test plugin in a version, once.
var build = func() func(*testing.T, string) string {
	var mutex sync.Mutex
	made := map[string]string{}
	return func(t *testing.T, version string) string {
		t.Helper()
		mutex.Lock()
		defer mutex.Unlock()
		if made[version] == "" {
			dir, err := os.MkdirTemp("", "plugin")
			if err != nil {
				t.Fatal(err)
			}
			out := filepath.Join(dir, "plugin")
			cmd := exec.Command("go", "build", "-ldflags", "-s -w -X main.version="+version, "-o", out, ".")
			cmd.Dir = "testdata/plugin"
			cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
			if text, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			made[version] = out
		}
		return made[version]
	}
}()

type stack struct {
	*realtest.Kubernetes
	bao  *realtest.OpenBao
	root string
	job  realtest.Job
}

// newStack is an OpenBao after the init Job, with the plugin's binary in place.
func newStack(t *testing.T) *stack {
	t.Helper()
	k := realtest.NewKubernetes(t)
	s := &stack{Kubernetes: k, bao: realtest.NewOpenBao(t, realtest.OpenBaoOptions{Static: true, Kubernetes: k})}
	s.root, _ = s.bao.Initialise(t)
	k.ServiceAccount(t, account)
	k.MakeSecret(t, jobs.SecretAPIOpenBao, nil)
	s.bao.EnableLogin(t, k, s.root)
	s.bao.MakeRole(t, k, s.root, jobs.Configure, account, first)
	none, labels := int32(0), map[string]string{"app": "none"}
	_, err := k.AppsV1().StatefulSets(k.Namespace).Create(t.Context(), &appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{Name: jobs.OpenBaoName},
		Spec: appsv1.StatefulSetSpec{
			Replicas: &none, Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "none", Image: "none"}}}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s.job = realtest.Job{
		Name: jobs.Configure, Namespace: k.Namespace,
		TrustFile: s.bao.TrustFile, TokenFile: k.TokenFile(t, account, jobs.TokenAudience),
		Config: s.config(t, "v1.0.0"),
	}
	return s
}

// config is the Job's with a version of the plugin, which all servers have.
func (s *stack) config(t *testing.T, version string) jobs.ConfigureConfig {
	t.Helper()
	binary := build(t, version)
	text, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	command := jobs.PluginCommand(version)
	if err := os.WriteFile(filepath.Join(s.bao.PluginDir, command), text, 0o755); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(text)
	return jobs.ConfigureConfig{
		Namespace: s.Namespace, Address: s.bao.Peers[0], Replicas: 1,
		Plugin: jobs.PluginConfig{
			Name: jobs.PluginName, Version: version, Command: command, Binary: binary,
			SHA256: hex.EncodeToString(sum[:]), Mount: jobs.PluginName,
		},
		Roles:          []jobs.Role{{Name: jobs.Peers, ServiceAccount: "banhbaoring-peers"}},
		APITokenSecret: jobs.SecretAPIOpenBao, TokenAudience: jobs.TokenAudience,
	}
}

func (s *stack) runs(t *testing.T) realtest.Outcome {
	t.Helper()
	o := s.job.Run(t)
	realtest.Finished(t, o)
	s.tellsNoToken(t, o)
	return o
}

func (s *stack) token(t *testing.T) string {
	t.Helper()
	return string(s.Secret(t, jobs.SecretAPIOpenBao)["token"])
}

func (s *stack) tellsNoToken(t *testing.T, o realtest.Outcome) {
	t.Helper()
	if token := s.token(t); token == "" || strings.Contains(o.Log, token) || strings.Contains(o.Log, "s.") && strings.Contains(o.Log, `"s.`) {
		t.Errorf("no token, or one in the log")
	}
}

// works proves what the Job is for.
func (s *stack) works(t *testing.T, version string) {
	t.Helper()
	token := s.token(t)
	if got := s.bao.Read(t, s.root, "secp256k1/version")["version"]; got != version {
		t.Errorf("the plugin answers as %v, want %s", got, version)
	}
	mount := s.bao.Read(t, s.root, "sys/mounts/secp256k1")
	if mount["plugin_version"] != version || mount["running_plugin_version"] != version {
		t.Errorf("pinned %v, running %v, want %s", mount["plugin_version"], mount["running_plugin_version"], version)
	}
	autopilot := s.bao.Read(t, s.root, "sys/storage/raft/autopilot/configuration")
	if autopilot["cleanup_dead_servers"] != true || fmt.Sprint(autopilot["min_quorum"]) != "3" {
		t.Errorf("autopilot: %v", autopilot)
	}
	if s.bao.Read(t, s.root, "auth/kubernetes/role/peers") == nil {
		t.Error("no role peers")
	}
	found := s.bao.Read(t, token, "auth/token/lookup-self")
	if found["orphan"] != true || !strings.HasPrefix(fmt.Sprint(found["ttl"]), "259") || found["role"] != "api" || fmt.Sprint(found["policies"]) != "[api]" {
		t.Errorf("token: orphan %v, ttl %v, policies %v", found["orphan"], found["ttl"], found["policies"])
	}
	s.bao.Write(t, token, "secret/data/a", map[string]any{"data": map[string]any{"b": "c"}})
	for _, path := range []string{"sys/mounts", "secp256k1/export/a", "sys/policies/acl/api"} {
		if _, err := s.bao.Client(t, 0, token).Logical().Read(path); err == nil || !strings.Contains(err.Error(), "permission denied") {
			t.Errorf("the API may read %s: %v", path, err)
		}
	}
	if _, err := s.bao.Client(t, 0, token).Logical().Delete("secp256k1/keys/a"); err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("the API may delete a key: %v", err)
	}
}

// changes are what a run logged as changed.
func changes(o realtest.Outcome) (list []string) {
	for line := range strings.Lines(o.Log) {
		var entry struct{ Msg, What string }
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "changed" {
			list = append(list, entry.What)
		}
	}
	return list
}

func TestASecondRunChangesNothing(t *testing.T) {
	s := newStack(t)
	if got := changes(s.runs(t)); len(got) < 10 {
		t.Errorf("the first run changed only %q", got)
	}
	s.works(t, "v1.0.0")
	token := s.token(t)
	if got := changes(s.runs(t)); len(got) > 0 {
		t.Errorf("the second run changed %q", got)
	}
	// Login, renewal and logout are all that it sends: it is killed at no fourth.
	if o := s.job.Until(t, realtest.Kill{Change: 4}); o.Killed != "" || o.Code != 0 {
		t.Errorf("exit %d, a fourth request: %s", o.Code, o.Killed)
	}
	if s.token(t) != token {
		t.Error("the token is another")
	}
}

// The signer's login ends only where it is not renewed, and the authority of its clients
// issues what a client is, and nothing else.
func TestTheSignersLoginAndTheAuthorityOfItsClients(t *testing.T) {
	s := newStack(t)
	s.MakeSecret(t, jobs.SecretSignerClients, nil)
	config := s.job.Config.(jobs.ConfigureConfig)
	config.Roles = append(config.Roles, jobs.Role{Name: jobs.Signer, ServiceAccount: jobs.SignerName, Period: int(jobs.SignerPeriod.Seconds())})
	config.ClientsSecret = jobs.SecretSignerClients
	s.job.Config = config
	s.runs(t)
	role := s.bao.Read(t, s.root, "auth/kubernetes/role/signer")
	if fmt.Sprintf("%v %v %v", role["token_period"], role["token_ttl"], role["token_policies"]) != "259200 0 [signer]" {
		t.Errorf("role: period %v, ttl %v, policies %v", role["token_period"], role["token_ttl"], role["token_policies"])
	}
	ca := s.Secret(t, jobs.SecretSignerClients)[jobs.ClientsCA]
	trusted := x509.NewCertPool()
	if !trusted.AppendCertsFromPEM(ca) {
		t.Fatalf("no authority: %q", ca)
	}

	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	// What the request itself names does not count.
	request, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: []string{"banhbaoring-signer"}}, key)
	if err != nil {
		t.Fatal(err)
	}
	csr := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: request}))
	sign := func(fields map[string]any) (map[string]any, error) {
		fields["csr"] = csr
		secret, err := s.bao.Client(t, 0, s.root).Logical().Write(jobs.ClientsMount+"/sign/"+jobs.ClientsRole, fields)
		if err != nil {
			return nil, err
		}
		return secret.Data, nil
	}
	issued, err := sign(map[string]any{"uri_sans": "banhbaoring://acme/batcher", "ttl": "8760h"})
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode([]byte(fmt.Sprint(issued["certificate"])))
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := certificate.Verify(x509.VerifyOptions{Roots: trusted, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
		t.Error(err)
	}
	if len(certificate.URIs) != 1 || certificate.URIs[0].String() != "banhbaoring://acme/batcher" || len(certificate.DNSNames) > 0 || certificate.IsCA ||
		!slices.Equal(certificate.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}) || time.Until(certificate.NotAfter) > jobs.ClientCertificateLife {
		t.Errorf("URIs %v, names %v, usages %v, until %v", certificate.URIs, certificate.DNSNames, certificate.ExtKeyUsage, certificate.NotAfter)
	}
	for _, fields := range []map[string]any{
		{"uri_sans": "https://acme/batcher"},
		{"uri_sans": "banhbaoring://acme/batcher", "alt_names": "banhbaoring-signer"},
		{"uri_sans": "banhbaoring://acme/batcher", "ip_sans": "127.0.0.1"},
		{"uri_sans": "banhbaoring://acme/batcher", "common_name": "banhbaoring-signer"},
		{"uri_sans": "banhbaoring://acme/batcher", "not_after": "2099-01-01T00:00:00Z"},
	} {
		if _, err := sign(fields); err == nil {
			t.Errorf("issued: %v", fields)
		}
	}

	if got := changes(s.runs(t)); len(got) > 0 {
		t.Errorf("the second run changed %q", got)
	}
	if string(s.Secret(t, jobs.SecretSignerClients)[jobs.ClientsCA]) != string(ca) {
		t.Error("the authority is another")
	}
}

// What is set up before a restore would be gone with it.
func TestARestoreIsWaitedFor(t *testing.T) {
	s := newStack(t)
	config := s.job.Config.(jobs.ConfigureConfig)
	config.Restores = []string{"receipt"}
	s.job.Config = config
	configs := s.CoreV1().ConfigMaps(s.Namespace)
	receipt := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "receipt"}, Data: map[string]string{"other": "step"}}
	receipt, err := configs.Create(t.Context(), receipt, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	complete := make(chan error, 1)
	go func() {
		time.Sleep(3 * time.Second)
		receipt.Data[jobs.ReceiptCompleted] = "2026-01-02T02:00:00Z"
		_, err := configs.Update(context.Background(), receipt, metav1.UpdateOptions{})
		complete <- err
	}()
	o := s.runs(t)
	if err := <-complete; err != nil {
		t.Fatal(err)
	}
	waited, logged := strings.Index(o.Log, "does not say that the restore is complete"), strings.Index(o.Log, "log in to OpenBao")
	if waited < 0 || logged < waited {
		t.Errorf("it did not wait:\n%s", o.Log)
	}
	s.works(t, "v1.0.0")
}

func TestDriftIsCorrectedAndTheRestStays(t *testing.T) {
	s := newStack(t)
	s.runs(t)
	s.bao.Write(t, s.root, "sys/policies/acl/peers", map[string]any{"policy": `path "*" { capabilities = ["read"] }`})
	s.bao.Write(t, s.root, "sys/policies/acl/own", map[string]any{"policy": `path "own" { capabilities = ["read"] }`})
	s.bao.Write(t, s.root, "auth/kubernetes/role/peers", map[string]any{"bound_service_account_names": "*", "bound_service_account_namespaces": "*"})
	s.bao.Write(t, s.root, "sys/mounts/own", map[string]any{"type": "kv"})
	want := []string{"policy peers", "auth/kubernetes/role/peers"}
	if got := changes(s.runs(t)); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("changed %q, want %q", got, want)
	}
	if s.bao.Read(t, s.root, "sys/policies/acl/own") == nil || s.bao.Read(t, s.root, "sys/mounts/own") == nil {
		t.Error("what others made is gone")
	}
	s.works(t, "v1.0.0")
}

func TestAPluginOfANewVersionRunsWithoutLosingTheOldOne(t *testing.T) {
	s := newStack(t)
	s.runs(t)
	s.job.Config = s.config(t, "v1.1.0")
	want := []string{"plugin secp256k1 v1.1.0", "version of secp256k1/", "what runs at secp256k1/"}
	if got := changes(s.runs(t)); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("changed %q, want %q", got, want)
	}
	s.works(t, "v1.1.0")
	old := map[string][]string{"version": {"v1.0.0"}}
	if secret, err := s.bao.Client(t, 0, s.root).Logical().ReadWithData("sys/plugins/catalog/secret/secp256k1", old); err != nil || secret == nil {
		t.Errorf("the old registration is gone: %v", err)
	}
	s.job.Config = s.config(t, "v1.0.0") // and back
	s.runs(t)
	s.works(t, "v1.0.0")
}

func TestAnotherBinaryIsRefused(t *testing.T) {
	s := newStack(t)
	config := s.config(t, "v1.0.0")
	config.Plugin.SHA256 = strings.Repeat("0", 64)
	s.job.Config = config
	o := s.job.Run(t)
	if o.Code != 3 || !strings.Contains(o.Log, "nothing was changed") {
		t.Errorf("exit %d:\n%s", o.Code, o.Log)
	}
	if s.bao.Read(t, s.root, "sys/policies/acl/api") != nil {
		t.Error("it changed something")
	}
}

func TestANewVersionThatDoesNotStartLeavesTheOldOne(t *testing.T) {
	s := newStack(t)
	s.runs(t)
	s.job.Config = s.config(t, "v1.1.0")
	if err := os.WriteFile(filepath.Join(s.bao.PluginDir, jobs.PluginCommand("v1.1.0")), []byte("#!/bin/sh\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if o := s.job.Run(t); o.Code != 1 || !strings.Contains(o.Log, "back to v1.0.0") {
		t.Errorf("exit %d:\n%s", o.Code, o.Log)
	}
	s.works(t, "v1.0.0")
}

func TestAServerThatHasAnotherBinaryIsTold(t *testing.T) {
	s := newStack(t)
	if err := os.WriteFile(filepath.Join(s.bao.PluginDir, jobs.PluginCommand("v1.0.0")), []byte("#!/bin/sh\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	o := s.job.Run(t)
	if o.Code != 1 || !strings.Contains(o.Log, "sha256") {
		t.Errorf("exit %d:\n%s", o.Code, o.Log)
	}
}

func TestARevokedTokenIsReplacedAndTheAPIStartsAnew(t *testing.T) {
	s := newStack(t)
	s.runs(t)
	labels := map[string]string{"app": "api"}
	none := int32(0)
	_, err := s.AppsV1().Deployments(s.Namespace).Create(t.Context(), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: jobs.APIName},
		Spec: appsv1.DeploymentSpec{
			Replicas: &none, Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "none", Image: "none"}}}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	old := s.token(t)
	s.bao.Write(t, s.root, "auth/token/revoke", map[string]any{"token": old})
	want := []string{"the API's token", "the API's pods"}
	if got := changes(s.runs(t)); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("changed %q, want %q", got, want)
	}
	if s.token(t) == old {
		t.Error("the token is the revoked one")
	}
	s.works(t, "v1.0.0")
	if got := changes(s.runs(t)); len(got) > 0 {
		t.Errorf("the next run changed %q", got)
	}
}

func TestAnotherMountIsLeftAlone(t *testing.T) {
	s := newStack(t)
	s.bao.Write(t, s.root, "sys/mounts/secret", map[string]any{"type": "kv"})
	o := s.job.Run(t)
	if o.Code != 3 || !strings.Contains(o.Log, "it was left alone") {
		t.Errorf("exit %d:\n%s", o.Code, o.Log)
	}
}

func TestKilledAnywhereTheNextRunFinishes(t *testing.T) {
	var s *stack
	realtest.KillEverywhere(t,
		func(t *testing.T) realtest.Job { s = newStack(t); return s.job },
		func(t *testing.T, _ realtest.Job, o realtest.Outcome) string {
			verdict := realtest.Finished(t, o)
			s.works(t, "v1.0.0")
			if got := changes(s.runs(t)); len(got) > 0 {
				t.Errorf("the run after that changed %q", got)
			}
			return verdict
		})
}
