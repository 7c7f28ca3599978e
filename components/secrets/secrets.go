// Package secrets renders the Job that mints the Secrets that the user did not
// provide.
package secrets

import (
	"embed"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/render"
	"github.com/banhbaoring/banhbaoring/render/kustomize"
)

//go:embed base
var files embed.FS

var base = kustomize.NewBase(files)

// Component renders the secrets Job.
func Component() render.Component {
	return render.Component{
		Name:  jobs.Secrets,
		Stage: render.Secrets,
		Build: build,
	}
}

func build(s *render.Stack) ([]runtime.Object, error) {
	c := s.Cluster
	config := jobs.SecretsConfig{
		Cluster:   c.Name,
		Namespace: c.Namespace,
		Mint:      mint(c.Spec),
		Trust:     trust(c.Spec),
		Reserve:   []string{jobs.SecretOpenBaoKeys, jobs.SecretAPIOpenBao},
	}
	if c.Spec.OpenBao.TLS.SecretName == "" && !c.Spec.Certificates.CertManager {
		config.Certificates = []jobs.Certificate{{
			Secret:      jobs.SecretOpenBaoTLS,
			CommonName:  jobs.OpenBaoName,
			DNSNames:    jobs.OpenBaoDNSNames(c.Namespace),
			IPAddresses: jobs.OpenBaoIPAddresses,
		}}
	}
	objects, _, err := s.Job(jobs.Secrets, base, config)
	if err != nil {
		return nil, err
	}
	// The second rule is the one over Secrets that have a name.
	kustomize.Find[*rbacv1.Role](objects).Rules[1].ResourceNames = names(config)
	return objects, nil
}

// mint are the Secrets that nobody else provides.
func mint(spec v1.BanhBaoRingClusterSpec) []jobs.MintSecret {
	var secrets []jobs.MintSecret
	if a := spec.OpenBao.AutoUnseal; *a.Enabled && a.Provider == v1.ProviderStatic && a.Key.SecretName == jobs.SecretOpenBaoSeal {
		secrets = append(secrets, jobs.MintSecret{Name: jobs.SecretOpenBaoSeal, Keys: []jobs.MintValue{{Key: a.Key.Key, RandomBytes: 32}}})
	}
	return secrets
}

// trust is where the certificates that clients trust are copied from.
func trust(spec v1.BanhBaoRingClusterSpec) jobs.SecretKey {
	switch {
	case spec.OpenBao.TLS.SecretName != "":
		return jobs.SecretKey{Name: spec.OpenBao.TLS.SecretName, Key: "ca.crt"}
	case spec.Certificates.CertManager:
		return jobs.SecretKey{Name: jobs.SecretOpenBaoTLS, Key: "ca.crt"}
	default:
		return jobs.SecretKey{Name: jobs.SecretCA, Key: "tls.crt"}
	}
}

// names are the Secrets that the Job may read and renew.
func names(config jobs.SecretsConfig) []string {
	all := []string{jobs.SecretTrust, config.Trust.Name}
	for _, m := range config.Mint {
		all = append(all, m.Name)
	}
	for _, c := range config.Certificates {
		all = append(all, c.Secret)
	}
	return append(all, config.Reserve...)
}
