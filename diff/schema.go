package diff

import (
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
)

// typed are the kinds whose Go types say what their lists merge by. The lists
// of others are told apart by mergeKeys.
var typed = map[string]any{
	"apps/v1/DaemonSet":   appsv1.DaemonSet{},
	"apps/v1/Deployment":  appsv1.Deployment{},
	"apps/v1/StatefulSet": appsv1.StatefulSet{},
	"batch/v1/CronJob":    batchv1.CronJob{},
	"batch/v1/Job":        batchv1.Job{},
	"v1/Pod":              corev1.Pod{},
	"v1/Service":          corev1.Service{},
	"v1/ServiceAccount":   corev1.ServiceAccount{},
}

// schema is what is known of the type of a value; the zero one knows nothing.
type schema struct {
	of       strategicpatch.LookupPatchMeta
	elements strategicpatch.LookupPatchMeta // of a list
	mergeKey string                         // of a list
}

func schemaOf(u *unstructured.Unstructured) schema {
	object := typed[u.GetAPIVersion()+"/"+u.GetKind()]
	if object == nil {
		return schema{}
	}
	meta, err := strategicpatch.NewPatchMetaFromStruct(object)
	if err != nil {
		return schema{}
	}
	return schema{of: meta}
}

// child is the schema of a field. That a type does not have it, or that it is
// no structure, is no fault: then nothing is known of what lies below.
func (s schema) child(field string) schema {
	if s.of == nil {
		return schema{}
	}
	if elements, meta, err := s.of.LookupPatchMetadataForSlice(field); err == nil {
		return schema{elements: elements, mergeKey: meta.GetPatchMergeKey()}
	}
	of, _, err := s.of.LookupPatchMetadataForStruct(field)
	if err != nil {
		return schema{}
	}
	return schema{of: of}
}

func (s schema) element() schema { return schema{of: s.elements} }
