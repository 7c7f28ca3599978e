// Package externalsecrets renders how the Secrets that the user provides come
// from elsewhere.
package externalsecrets

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/render"
	"github.com/banhbaoring/banhbaoring/render/kustomize"
)

//go:embed base
var files embed.FS

var base = kustomize.NewBase(files)

// own are the Secrets that the stack makes itself, though the spec may have one
// of their names by default.
var own = []string{
	jobs.SecretCA, jobs.SecretTrust, jobs.SecretOpenBaoTLS, jobs.SecretOpenBaoSeal, jobs.SecretOpenBaoKeys,
	jobs.SecretAPIOpenBao, jobs.SecretPostgres, jobs.SecretRedis, jobs.SecretGrafana,
	jobs.SecretSignerTLS, jobs.SecretSignerClients,
}

// Component renders an ExternalSecret for each Secret that the user provides.
func Component() render.Component {
	return render.Component{
		Name:    "externalsecrets",
		Stage:   render.Secrets,
		Enabled: func(s *render.Stack) bool { return s.Cluster.Spec.Secrets.ExternalSecrets != nil },
		Build:   build,
	}
}

func build(s *render.Stack) ([]runtime.Object, error) {
	users := []v1.SecretUser{s.Cluster}
	for _, t := range s.Tenants {
		users = append(users, t)
	}
	for _, b := range s.Backups {
		users = append(users, b)
	}
	for _, r := range s.Restores {
		users = append(users, r)
	}
	var objects []runtime.Object
	for _, secret := range v1.ProvidedSecrets(users...) {
		if slices.Contains(own, secret.Name) {
			continue
		}
		u := kustomize.Find[*unstructured.Unstructured](base.Objects())
		complete(u, secret, s.Cluster.Spec.Secrets.ExternalSecrets)
		objects = append(objects, u)
	}
	return objects, nil
}

func complete(u *unstructured.Unstructured, secret v1.ProvidedSecret, from *v1.ExternalSecrets) {
	u.SetName(objectName(secret.Name))
	spec := u.Object["spec"].(map[string]any)
	spec["refreshInterval"] = from.RefreshInterval
	spec["secretStoreRef"] = map[string]any{"kind": from.StoreRef.Kind, "name": from.StoreRef.Name}
	spec["target"].(map[string]any)["name"] = secret.Name

	entry := spec["data"].([]any)[0].(map[string]any)
	data := make([]any, len(secret.Keys))
	for i, key := range secret.Keys {
		one := runtime.DeepCopyJSON(entry)
		one["secretKey"] = key
		ref := one["remoteRef"].(map[string]any)
		ref["key"], ref["property"] = from.Prefix+secret.Name, key
		data[i] = one
	}
	spec["data"] = data
}

// objectName is the ExternalSecret's own name. A Secret's name may be longer
// than those of the stack's objects are.
func objectName(secret string) string {
	name := "banhbaoring-" + secret
	if len(name) <= validation.DNS1123LabelMaxLength {
		return name
	}
	sum := sha256.Sum256([]byte(secret))
	return strings.TrimRight(name[:52], ".-") + "-" + hex.EncodeToString(sum[:5])
}
