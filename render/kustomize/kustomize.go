// Package kustomize reads the bases of components and applies users' patches.
// It knows no component.
package kustomize

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"sync"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"
)

// Base is a kustomization whose resources are all that it holds. It is decoded
// once; Objects hands out copies.
type Base struct {
	decode func() []runtime.Object
}

// NewBase is the base in folder base of files. A base that cannot be decoded
// panics when it is first used: it is part of the program.
func NewBase(files embed.FS) Base {
	return Base{sync.OnceValue(func() []runtime.Object {
		objects, err := decode(files, "base")
		if err != nil {
			panic(err)
		}
		return objects
	})}
}

// Objects are copies of the base's objects, in the order of its resources:
// typed where the kind is one of Kubernetes' own, unstructured elsewhere.
func (b Base) Objects() []runtime.Object {
	decoded := b.decode()
	copies := make([]runtime.Object, len(decoded))
	for i, o := range decoded {
		copies[i] = o.DeepCopyObject()
	}
	return copies
}

// Find is the only object of type T among objects. It panics when there is
// none or another: a base is part of the program.
func Find[T runtime.Object](objects []runtime.Object) T {
	var found []T
	for _, o := range objects {
		if t, ok := o.(T); ok {
			found = append(found, t)
		}
	}
	if len(found) != 1 {
		panic(fmt.Sprintf("%d objects of type %T", len(found), *new(T)))
	}
	return found[0]
}

func decode(files fs.FS, dir string) ([]runtime.Object, error) {
	data, err := fs.ReadFile(files, path.Join(dir, "kustomization.yaml"))
	if err != nil {
		return nil, err
	}
	var k types.Kustomization
	if err := yaml.UnmarshalStrict(data, &k); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	var objects []runtime.Object
	for _, name := range k.Resources {
		data, err := fs.ReadFile(files, path.Join(dir, name))
		if err != nil {
			return nil, err
		}
		for _, document := range bytes.Split(data, []byte("\n---\n")) {
			o, err := decodeObject(append(document, '\n')) // which the split took
			if err != nil {
				return nil, fmt.Errorf("%s: %w", path.Join(dir, name), err)
			}
			objects = append(objects, o)
		}
	}
	return objects, nil
}

func decodeObject(document []byte) (runtime.Object, error) {
	u := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(document, &u.Object); err != nil {
		return nil, err
	}
	typed, err := scheme().New(u.GroupVersionKind())
	if err != nil {
		return u, nil // a kind that is not Kubernetes' own
	}
	return typed, yaml.UnmarshalStrict(document, typed)
}

// scheme has the kinds whose bases are decoded to types.
var scheme = sync.OnceValue(func() *runtime.Scheme { return schemeOf() })

// checked has the kinds that patched objects are held against: admission policies too,
// whose bases stay as they are written.
var checked = sync.OnceValue(func() *runtime.Scheme { return schemeOf(admissionv1.AddToScheme) })

func schemeOf(more ...func(*runtime.Scheme) error) *runtime.Scheme {
	s := runtime.NewScheme()
	builder := runtime.SchemeBuilder{
		corev1.AddToScheme, appsv1.AddToScheme, batchv1.AddToScheme, rbacv1.AddToScheme,
		networkingv1.AddToScheme, policyv1.AddToScheme, autoscalingv2.AddToScheme,
	}
	builder.Register(more...)
	if err := builder.AddToScheme(s); err != nil {
		panic(err)
	}
	return s
}
