package database

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
)

const mebibyte = 1 << 20

// sizes are PostgreSQL's parameters that follow from the memory and the volume:
// a quarter of the memory for shared buffers, as PostgreSQL's documentation
// recommends, and a quarter of the volume at most for what a standby that is
// away has not received.
func sizes(d v1.Database) map[string]string {
	storage := d.Storage.Size.Value() / mebibyte
	parameters := map[string]string{
		"max_slot_wal_keep_size": megabytes(max(storage/4, 64)),
		"max_wal_size":           megabytes(min(max(storage/8, 64), 4096)),
	}
	if memory := memory(d.Resources); memory > 0 {
		parameters["shared_buffers"] = megabytes(min(max(memory/4, 16), 16384))
		parameters["effective_cache_size"] = megabytes(max(memory/2, 32))
	}
	return parameters
}

// memory is what the database can count on, in mebibytes; 0 where nothing says.
func memory(r corev1.ResourceRequirements) int64 {
	request, ok := r.Requests[corev1.ResourceMemory]
	if !ok {
		request = r.Limits[corev1.ResourceMemory]
	}
	return request.Value() / mebibyte
}

func megabytes(n int64) string { return fmt.Sprintf("%dMB", n) }

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
