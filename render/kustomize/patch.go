package kustomize

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/provider"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// PatchError is a patch that could not be applied; Index counts from 0.
type PatchError struct {
	Index int
	Err   error
}

func (e *PatchError) Error() string { return fmt.Sprintf("patch %d: %v", e.Index, e.Err) }
func (e *PatchError) Unwrap() error { return e.Err }

// kustomizing serialises kustomize, whose runs share globals.
var kustomizing sync.Mutex

// quoted is where kustomize repeats a patch.
var quoted = regexp.MustCompile(`from \[.*\]`)

// Patch applies patches to objects, in order, as kustomize does. A patch that
// matches no object is an error, and so is one that makes an object which
// Kubernetes refuses. All such errors are told: each is a PatchError, and they are
// joined. None repeats the patch: it may hold what is secret.
func Patch(objects []*unstructured.Unstructured, patches []types.Patch) ([]*unstructured.Unstructured, error) {
	kustomizing.Lock()
	defer kustomizing.Unlock()
	var faults []error
	for i, p := range patches {
		patched, err := apply(objects, p)
		if err != nil {
			for _, one := range split(err) {
				faults = append(faults, &PatchError{i, errors.New(quoted.ReplaceAllString(one.Error(), "from […]"))})
			}
			continue
		}
		objects = patched
	}
	return objects, errors.Join(faults...)
}

// split are the errors that an error joins.
func split(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}

func apply(objects []*unstructured.Unstructured, p types.Patch) ([]*unstructured.Unstructured, error) {
	if p.Target == nil {
		// The patch names its object; the namespace is the stack's own.
		target, err := identityOf(p.Patch)
		if err != nil {
			return nil, err
		}
		p.Target = target
	}
	matches, rest, err := selectTargets(objects, *p.Target)
	if err != nil {
		return nil, err
	}
	if len(matches) == 0 {
		return nil, fmt.Errorf("matches no object")
	}
	patched, err := run(matches, p)
	if err != nil {
		return nil, err
	}
	return append(rest, patched...), checkTypes(patched)
}

// run has kustomize apply one patch to the objects that it selects.
func run(objects []*unstructured.Unstructured, p types.Patch) ([]*unstructured.Unstructured, error) {
	if strings.HasPrefix(strings.TrimSpace(p.Patch), "[") {
		// kustomize takes what begins so for JSON, but YAML may begin so too.
		text, err := yaml.YAMLToJSON([]byte(p.Patch))
		if err != nil {
			return nil, oneLine(err)
		}
		p.Patch = string(text)
	}
	k := types.Kustomization{Resources: []string{"objects.yaml"}, Patches: []types.Patch{p}}
	kustomization, err := yaml.Marshal(k)
	if err != nil {
		return nil, err
	}
	resources, err := encode(objects)
	if err != nil {
		return nil, err
	}
	files := filesys.MakeFsInMemory()
	if err := files.WriteFile("kustomization.yaml", kustomization); err != nil {
		return nil, err
	}
	if err := files.WriteFile("objects.yaml", resources); err != nil {
		return nil, err
	}
	result, err := build(files)
	if err != nil {
		return nil, oneLine(err)
	}
	return decodeAll(result)
}

// build is kustomize's own work, which panics on patches that it does not foresee,
// such as one that gives several objects one name.
func build(files filesys.FileSystem) (result resmap.ResMap, err error) {
	defer func() {
		if p := recover(); p != nil {
			what, _, _ := strings.Cut(fmt.Sprint(p), ":") // what follows may be of the patch
			result, err = nil, fmt.Errorf("kustomize cannot apply it: %s", what)
		}
	}()
	return krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(files, ".")
}

func decodeAll(result resmap.ResMap) ([]*unstructured.Unstructured, error) {
	objects := make([]*unstructured.Unstructured, 0, result.Size())
	for _, r := range result.Resources() {
		content, err := r.AsYAML()
		if err != nil {
			return nil, err
		}
		u, err := decodeUnstructured(content)
		if err != nil {
			return nil, err
		}
		objects = append(objects, u)
	}
	return objects, nil
}

// decodeUnstructured keeps whole numbers whole, as the API's own decoder does.
func decodeUnstructured(content []byte) (*unstructured.Unstructured, error) {
	text, err := yaml.YAMLToJSON(content)
	if err != nil {
		return nil, err
	}
	u := &unstructured.Unstructured{}
	return u, u.UnmarshalJSON(text)
}

func encode(objects []*unstructured.Unstructured) ([]byte, error) {
	var out bytes.Buffer
	for _, u := range objects {
		text, err := u.MarshalJSON()
		if err != nil {
			return nil, err
		}
		out.WriteString("---\n")
		out.Write(text)
	}
	return out.Bytes(), nil
}

// identityOf selects the object that a strategic merge patch names.
func identityOf(patch string) (*types.Selector, error) {
	u, err := decodeUnstructured([]byte(patch))
	if err != nil {
		return nil, oneLine(err)
	}
	gvk := u.GroupVersionKind()
	selector := &types.Selector{}
	selector.Group, selector.Version, selector.Kind = gvk.Group, gvk.Version, gvk.Kind
	selector.Name, selector.Namespace = u.GetName(), u.GetNamespace()
	return selector, nil
}

// selectTargets splits objects into those that a patch selects and the rest.
func selectTargets(objects []*unstructured.Unstructured, selector types.Selector) (matches, rest []*unstructured.Unstructured, err error) {
	content, err := encode(objects)
	if err != nil {
		return nil, nil, err
	}
	all, err := resmap.NewFactory(provider.NewDefaultDepProvider().GetResourceFactory()).NewResMapFromBytes(content)
	if err != nil {
		return nil, nil, oneLine(err)
	}
	found, err := all.Select(selector)
	if err != nil {
		return nil, nil, oneLine(err)
	}
	selected := map[string]bool{}
	for _, r := range found {
		selected[r.OrgId().String()] = true
	}
	for i, r := range all.Resources() {
		if selected[r.OrgId().String()] {
			matches = append(matches, objects[i])
		} else {
			rest = append(rest, objects[i])
		}
	}
	return matches, rest, nil
}

func oneLine(err error) error {
	return fmt.Errorf("%s", strings.Join(strings.Fields(err.Error()), " "))
}
