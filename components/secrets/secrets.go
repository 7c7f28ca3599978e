// Package secrets renders the Job that mints the Secrets that the user did not
// provide.
package secrets

import (
	"embed"
	"slices"

	batchv1 "k8s.io/api/batch/v1"
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
		Mint:      append(mint(c.Spec), backups(s)...),
		Trust:     trust(c.Spec),
		Reserve:   []string{jobs.SecretOpenBaoKeys, jobs.SecretAPIOpenBao},
	}
	if *c.Spec.Signer.Enabled {
		config.Reserve = append(config.Reserve, jobs.SecretSignerClients)
	}
	if !c.Spec.Certificates.CertManager {
		config.Certificates = certificates(c)
	}
	objects, job, err := s.Job(jobs.Secrets, base, config)
	if err != nil {
		return nil, err
	}
	// The first rules are those over Secrets: to make any, to read, to change.
	rules := kustomize.Find[*rbacv1.Role](objects).Rules
	rules[1].ResourceNames, rules[2].ResourceNames = names(config)
	// What renews is the same pod, once a day.
	kustomize.Find[*batchv1.CronJob](objects).Spec.JobTemplate.Spec.Template = *job.Spec.Template.DeepCopy()
	return objects, nil
}

// mint are the Secrets that nobody else provides.
func mint(spec v1.BanhBaoRingClusterSpec) []jobs.MintSecret {
	var secrets []jobs.MintSecret
	if a := spec.OpenBao.AutoUnseal; *a.Enabled && a.Provider == v1.ProviderStatic && a.Key.SecretName == jobs.SecretOpenBaoSeal {
		secrets = append(secrets, jobs.MintSecret{Name: jobs.SecretOpenBaoSeal,
			Keys:   []jobs.MintValue{{Key: a.Key.Key, RandomBytes: 32}},
			LostIf: &jobs.SecretKey{Name: jobs.SecretOpenBaoKeys, Key: "initialized"},
		})
	}
	if *spec.Database.Managed {
		secrets = append(secrets, postgres(spec.Database.Engine))
	}
	if spec.ExportsPostgres() {
		secrets = append(secrets, jobs.MintSecret{Name: jobs.SecretPostgresExporter, Keys: []jobs.MintValue{{Key: "password", RandomText: 32}}})
	}
	if *spec.Redis.Managed {
		secrets = append(secrets, redis())
	}
	if p := spec.Monitoring.Grafana.AdminPassword; p != nil && p.SecretName == jobs.SecretGrafana {
		secrets = append(secrets, jobs.MintSecret{Name: jobs.SecretGrafana, Keys: []jobs.MintValue{{Key: p.Key, RandomText: 32}}})
	}
	return secrets
}

// backups are the keys that backups are signed with, and encrypted to where the
// spec names no recipients. A stack that restores needs them for its own backups.
func backups(s *render.Stack) []jobs.MintSecret {
	backup := &s.Cluster.Spec.Backup
	if !*backup.Enabled && len(s.Backups) == 0 && len(s.Restores) == 0 {
		return nil
	}
	keys := []jobs.MintValue{
		{Key: jobs.KeySigning, Pair: jobs.PairSigning},
		{Key: jobs.KeyPublic, Pair: jobs.PairSigning, PublicOf: jobs.KeySigning, Former: jobs.KeyTrusted},
	}
	if backup.Minted() {
		keys = append(keys,
			jobs.MintValue{Key: jobs.KeyIdentity, Pair: jobs.PairAge, Former: jobs.KeyIdentity},
			jobs.MintValue{Key: jobs.KeyRecipient, Pair: jobs.PairAge, PublicOf: jobs.KeyIdentity},
		)
	}
	return []jobs.MintSecret{{Name: jobs.SecretBackupKeys, Rotate: true, Keys: keys}}
}

// postgres is the database's Secret. What is there stays as it is. Whoever operates
// the database gives it no role beside the owner's.
func postgres(engine v1.DatabaseEngine) jobs.MintSecret {
	keys := []jobs.MintValue{
		{Key: "username", Value: jobs.PostgresDatabase},
		{Key: "password", RandomText: 32},
		{Key: "replication-password", RandomText: 32},
		{Key: "database", Value: jobs.PostgresDatabase},
		{Key: "url", Value: jobs.PostgresURL},
	}
	if engine == v1.DatabaseStatefulSet {
		keys = append(keys, jobs.MintValue{Key: "restore-password", RandomText: 32}, jobs.MintValue{Key: "restore-url", Value: jobs.PostgresLoaderURL})
	}
	return jobs.MintSecret{Name: jobs.SecretPostgres, Keys: keys}
}

// redis is the cache's Secret. Letters and digits need no escape in its URL.
func redis() jobs.MintSecret {
	return jobs.MintSecret{Name: jobs.SecretRedis, Keys: []jobs.MintValue{
		{Key: "password", RandomText: 32},
		{Key: "url", Value: jobs.RedisURL},
	}}
}

// certificates are those that nobody else makes.
func certificates(c *v1.BanhBaoRingCluster) []jobs.Certificate {
	var list []jobs.Certificate
	if c.Spec.OpenBao.TLS.SecretName == "" {
		list = append(list, jobs.Certificate{
			Secret:      jobs.SecretOpenBaoTLS,
			CommonName:  jobs.OpenBaoName,
			DNSNames:    jobs.OpenBaoDNSNames(c.Namespace),
			IPAddresses: jobs.OpenBaoIPAddresses,
		})
	}
	if *c.Spec.Database.Managed {
		certificate := jobs.Certificate{
			Secret:     jobs.SecretPostgresTLS,
			CommonName: jobs.PostgresName,
			DNSNames:   jobs.PostgresDNSNames(c.Namespace),
		}
		if c.Spec.Database.Engine == v1.DatabaseCloudNativePG {
			certificate.Labels = map[string]string{"cnpg.io/reload": ""}
		}
		list = append(list, certificate)
	}
	if *c.Spec.Signer.Enabled {
		list = append(list, jobs.Certificate{
			Secret:     jobs.SecretSignerTLS,
			CommonName: jobs.SignerName,
			DNSNames:   jobs.SignerDNSNames(c.Namespace),
		})
	}
	return list
}

// trust is where the certificates that clients trust are copied from: those of
// the user's own, and those of the authority that signs the rest.
func trust(spec v1.BanhBaoRingClusterSpec) []jobs.SecretKey {
	var trusted []jobs.SecretKey
	own := spec.OpenBao.TLS.SecretName
	if own != "" {
		trusted = append(trusted, jobs.SecretKey{Name: own, Key: "ca.crt"})
	}
	switch {
	case own != "" && !*spec.Database.Managed && !*spec.Signer.Enabled: // nothing else is signed
	case !spec.Certificates.CertManager:
		trusted = append(trusted, jobs.SecretKey{Name: jobs.SecretCA, Key: "tls.crt"})
	default: // by cert-manager: each tells who signed it, while one authority follows another
		if own == "" {
			trusted = append(trusted, jobs.SecretKey{Name: jobs.SecretOpenBaoTLS, Key: "ca.crt"})
		}
		if *spec.Database.Managed {
			trusted = append(trusted, jobs.SecretKey{Name: jobs.SecretPostgresTLS, Key: "ca.crt"})
		}
		if *spec.Signer.Enabled {
			trusted = append(trusted, jobs.SecretKey{Name: jobs.SecretSignerTLS, Key: "ca.crt"})
		}
	}
	return trusted
}

// names are the Secrets that the Job may read, and those that it may change.
func names(config jobs.SecretsConfig) (read, change []string) {
	change = append(change, jobs.SecretTrust)
	for _, m := range config.Mint {
		change = append(change, m.Name)
	}
	if len(config.Certificates) > 0 {
		change = append(change, jobs.SecretCA)
	}
	for _, c := range config.Certificates {
		change = append(change, c.Secret)
	}
	read = append(slices.Clone(change), config.Reserve...)
	for _, t := range config.Trust {
		if !slices.Contains(read, t.Name) {
			read = append(read, t.Name)
		}
	}
	return read, change
}
