package render

import (
	"errors"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/kustomize/api/types"

	"github.com/banhbaoring/banhbaoring/render/kustomize"
)

// patch applies the user's own patches to the finished objects.
func patch(s *Stack, objects Manifests) (Manifests, error) {
	given := s.Cluster.Spec.Patches
	if len(given) == 0 {
		return objects, nil
	}
	patches := make([]types.Patch, len(given))
	for i, p := range given {
		patches[i] = types.Patch{Patch: p.Patch}
		if t := p.Target; t != nil {
			selector := &types.Selector{LabelSelector: t.LabelSelector, AnnotationSelector: t.AnnotationSelector}
			selector.Group, selector.Version, selector.Kind = t.Group, t.Version, t.Kind
			selector.Name, selector.Namespace = t.Name, t.Namespace
			patches[i].Target = selector
		}
	}
	patched, err := kustomize.Patch(objects, patches)
	if e := new(kustomize.PatchError); errors.As(err, &e) {
		return nil, field.Invalid(field.NewPath("spec", "patches").Index(e.Index), field.OmitValueType{}, e.Err.Error())
	}
	return patched, err
}
