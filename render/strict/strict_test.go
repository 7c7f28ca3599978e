package strict

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// server is a custom resource with a field of each kind.
type server struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              spec `json:"spec"`
}

type spec struct {
	common   `json:",inline"`
	Mode     mode                  `json:"mode,omitempty"`
	Image    *string               `json:"image,omitempty"`
	TLS      *tls                  `json:"tls,omitempty"`
	Patches  []patch               `json:"patches,omitempty"`
	Labels   map[string]string     `json:"labels,omitempty"`
	Memory   resource.Quantity     `json:"memory,omitzero"`
	Grace    *metav1.Duration      `json:"grace,omitempty"`
	Port     intstr.IntOrString    `json:"port,omitzero"`
	Values   *runtime.RawExtension `json:"values,omitempty"`
	Free     any                   `json:"free,omitempty"`
	Ratio    float64               `json:"ratio,omitempty"`
	Small    uint8                 `json:"small,omitempty"`
	Blob     []byte                `json:"blob,omitempty"`
	Ignored  string                `json:"-"`
	internal string                //nolint:unused // decoding must not see it
}

type common struct {
	Replicas *int32 `json:"replicas,omitempty"`
	Paused   bool   `json:"paused,omitempty"`
}

type mode string

type tls struct {
	Issuer string `json:"issuer"`
	Days   int64  `json:"days"`
}

type patch struct {
	Target string `json:"target"`
	Args   []int  `json:"args"`
}

const header = "apiVersion: v1\nkind: Server\n"

// faultsOf returns every fault in text, and what was decoded in spite of them.
func faultsOf(t *testing.T, text string) (string, []server) {
	t.Helper()
	documents, faults := Split("f", []byte(text))
	servers := make([]server, len(documents))
	for i, d := range documents {
		faults = append(faults, d.Decode(&servers[i])...)
	}
	faults.Sort()
	return faults.Error(), servers
}

// same fails the test unless got is want, each without surrounding blanks.
func same(t *testing.T, got, want string) {
	t.Helper()
	if diff := cmp.Diff(strings.TrimSpace(want), strings.TrimSpace(got)); diff != "" {
		t.Errorf("not as wanted (-want +got):\n%s", diff)
	}
}
