package database

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
)

func TestSizesFollowFromMemoryAndVolume(t *testing.T) {
	for _, test := range []struct {
		memory, limit, storage       string
		buffers, cache, keep, maxWAL string
	}{
		{"512Mi", "2Gi", "20Gi", "128MB", "256MB", "5120MB", "2560MB"},
		{"", "1Gi", "1Gi", "256MB", "512MB", "256MB", "128MB"},
		{"", "", "100Mi", "", "", "64MB", "64MB"},
		{"1Mi", "", "10Ti", "16MB", "32MB", "2621440MB", "4096MB"},
	} {
		d := v1.Database{}
		d.Storage.Size = resource.MustParse(test.storage)
		if test.memory != "" {
			d.Resources.Requests = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse(test.memory)}
		}
		if test.limit != "" {
			d.Resources.Limits = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse(test.limit)}
		}
		got := sizes(d)
		for name, want := range map[string]string{
			"shared_buffers": test.buffers, "effective_cache_size": test.cache,
			"max_slot_wal_keep_size": test.keep, "max_wal_size": test.maxWAL,
		} {
			if got[name] != want {
				t.Errorf("%+v: %s is %q", test, name, got[name])
			}
		}
	}
}
