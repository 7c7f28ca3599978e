package render

import (
	"errors"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/kustomize/api/types"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/render/kustomize"
)

// patch applies the user's own patches to the finished objects. The error joins
// the faults of all of them.
func patch(s *Stack, objects Manifests) (Manifests, error) {
	var faults []error
	own, wide := namespaces(objects), clusterWide(objects)
	for i, p := range s.Cluster.Spec.Patches {
		patched, err := kustomize.Patch(objects, []types.Patch{toKustomize(p)})
		errs := joined(err)
		if err == nil {
			for _, u := range patched {
				errs = append(errs, joined(checkNames(u))...)
				errs = append(errs, joined(checkNamespace(u, own, wide))...)
			}
			errs = append(errs, checkTenantSecrets(s.Tenants, objects, patched)...)
		}
		for _, err := range errs {
			if e := new(kustomize.PatchError); errors.As(err, &e) {
				err = e.Err
			}
			faults = append(faults, field.Invalid(field.NewPath("spec", "patches").Index(i), field.OmitValueType{}, err.Error()))
		}
		if len(errs) == 0 {
			objects = patched
		}
	}
	return objects, errors.Join(faults...)
}

func toKustomize(p v1.Patch) types.Patch {
	patch := types.Patch{Patch: p.Patch}
	if t := p.Target; t != nil {
		selector := &types.Selector{LabelSelector: t.LabelSelector, AnnotationSelector: t.AnnotationSelector}
		selector.Group, selector.Version, selector.Kind = t.Group, t.Version, t.Kind
		selector.Name, selector.Namespace = t.Name, t.Namespace
		patch.Target = selector
	}
	return patch
}

// joined are the errors that an error joins, itself if it joins none.
func joined(err error) []error {
	if list, ok := err.(interface{ Unwrap() []error }); ok {
		return list.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}
