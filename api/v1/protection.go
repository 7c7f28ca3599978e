package v1

// NeverPruned are the annotations that keep both GitOps engines from removing
// an object, and Argo CD from calling one out of sync that Git does not have.
// What holds data or keys bears them, whoever makes it: by its labels, Argo CD
// may take it for part of an application. Sources: Argo CD's user guide, "Sync
// Options" and "Compare Options"; Flux's documentation of Kustomization.
func NeverPruned() map[string]string {
	return map[string]string{
		"argocd.argoproj.io/sync-options":    "Prune=false,Delete=false",
		"argocd.argoproj.io/compare-options": "IgnoreExtraneous",
		"kustomize.toolkit.fluxcd.io/prune":  "disabled",
	}
}
