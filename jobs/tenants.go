package jobs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
)

// Tenants is the Job that provisions every tenant of a cluster.
const Tenants = "tenants"

// TenantsName is the name of the Job, and of what holds all tenants.
const TenantsName = "banhbaoring-tenants"

// TenantsReport is the ConfigMap in which the Job tells how tenants are.
const TenantsReport = TenantsName + "-report"

// Where tenants are mounted, in the Job's pod and in the API's: a folder a shard.
const (
	TenantsDir        = "/etc/banhbaoring-tenants" // <shard>/TenantsFile
	TenantsFile       = "tenants.json"
	TenantsSecretsDir = "/var/run/secrets/tenants" // <shard>/<secretFile or caFile of a webhook>
	SMTPDir           = "/var/run/secrets/smtp"    // SMTPUsername, SMTPPassword, SMTPCACert
)

// The files in SMTPDir.
const (
	SMTPUsername = "username"
	SMTPPassword = "password"
	SMTPCACert   = "ca.crt"
)

// TenantNamespace is a tenant's namespace in OpenBao.
func TenantNamespace(tenant string) string { return "tenant-" + tenant }

// TenantAdminSecret is the Secret of a password that was minted: username,
// password, namespace, address.
func TenantAdminSecret(tenant string) string { return "banhbaoring-tenant-" + tenant + "-admin" }

// TenantKeySecret is the Secret of an API key: role-id, secret-id, namespace,
// address. No name of a tenant or a key holds a dot, so that no two are alike.
func TenantKeySecret(tenant, key string) string { return "banhbaoring-tenant-" + tenant + "." + key }

// TenantClientSecret is the Secret of a client's credential for the signer: tls.crt and
// tls.key, or api-key; ca.crt, url, addresses.
func TenantClientSecret(tenant, client string) string {
	return "banhbaoring-tenant-" + tenant + ".client." + client
}

// LabelStack is borne by what a stack has outside of its own namespace, whose name is the
// value.
const LabelStack = "banhbaoring.io/stack"

// TenantsDelivery is the Role of the tenants Job, and its binding, in a namespace that it
// brings credentials to. There may be those of several stacks.
func TenantsDelivery(namespace string) string { return "banhbaoring-" + namespace + "-tenants" }

// ClientDir is where the settings that go with a client's credential expect its Secret to be
// mounted.
const ClientDir = "/etc/banhbaoring-signer"

// TenantsShard is the ConfigMap of a shard. The renderer appends a hash.
func TenantsShard(shard int) string { return TenantsName + "-" + strconv.Itoa(shard) }

// TenantsShardSecret is the Secret that holds the HMAC secrets of a shard's
// webhooks, and the authorities of those that have their own.
func TenantsShardSecret(shard int) string { return TenantsName + "-webhooks-" + strconv.Itoa(shard) }

// TenantsConfig configures the tenants Job.
type TenantsConfig struct {
	Cluster   string `json:"cluster"`
	Namespace string `json:"namespace"`
	Address   string `json:"address"`
	// PublicAddress is OpenBao's URL outside of the cluster, as it is told to
	// people.
	PublicAddress string       `json:"publicAddress"`
	Plugin        TenantPlugin `json:"plugin"`
	Shards        []Shard      `json:"shards,omitempty"`
	SMTP          *SMTPConfig  `json:"smtp,omitempty"`
	// Signer says where clients of keys find the signer; there is none when absent.
	Signer *TenantSigner `json:"signer,omitempty"`
	// Rerun is what spec.rerun.tenants says: another value applies every tenant
	// again, whether it changed or not.
	Rerun string `json:"rerun,omitempty"`
	// Restores are the receipts of the restores in the spec: each brings back the
	// tenants of before, after which this Job has to run again.
	Restores []string `json:"restores,omitempty"`
}

// TenantPlugin is the secp256k1 plugin as it is mounted.
type TenantPlugin struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Mount   string `json:"mount"`
}

// TenantSigner is where clients find the signer.
type TenantSigner struct {
	KeyURL  string `json:"keyURL"`  // for those with an API key
	MTLSURL string `json:"mtlsURL"` // for those with a certificate
}

// Shard is a part of the tenants.
type Shard struct {
	// File holds the tenants, a TenantsList.
	File string `json:"file"`
	// Secret takes the HMAC secrets of their webhooks, and the authorities; none has
	// any when empty.
	Secret string `json:"secret,omitempty"`
}

// SMTPConfig is the mail server.
type SMTPConfig struct {
	Host string `json:"host"`
	Port int    `json:"port"`
	// TLS is starttls, implicit or none.
	TLS  v1.SMTPTLS `json:"tls"`
	From string     `json:"from"`
	// Targets are the names of hosts and the ranges of addresses inside that mail may
	// go to: networking.privateTargets.
	Targets []string `json:"targets,omitempty"`
	// Dir holds the files that follow from what the spec gives.
	Dir    string `json:"dir,omitempty"`
	Login  bool   `json:"login,omitempty"`
	CACert bool   `json:"caCert,omitempty"`
}

// TenantsList is a shard's tenants, as its ConfigMap has them.
type TenantsList struct {
	Tenants []Tenant `json:"tenants"`
}

// Tenant is what the Job and the API are told of a tenant. Its format is
// docs/tenants.schema.json.
type Tenant struct {
	Name        string `json:"name"`
	DisplayName string `json:"displayName"`
	Plan        string `json:"plan"`
	// Namespace is the tenant's namespace in OpenBao.
	Namespace           string          `json:"namespace"`
	Suspended           bool            `json:"suspended,omitempty"`
	Quotas              TenantQuotas    `json:"quotas"`
	Admin               TenantAdmin     `json:"admin"`
	APIKeys             []TenantKey     `json:"apiKeys,omitempty"`
	Keys                []SigningKey    `json:"keys,omitempty"`
	AuditRetentionDays  int32           `json:"auditRetentionDays"`
	AllowExportableKeys bool            `json:"allowExportableKeys"`
	AllowedIPRanges     []string        `json:"allowedIPRanges,omitempty"`
	Webhooks            []TenantWebhook `json:"webhooks,omitempty"`
}

// TenantQuotas are a tenant's quotas; one that is absent is unlimited.
type TenantQuotas struct {
	Keys               *int64 `json:"keys,omitempty"`
	SignaturesPerMonth *int64 `json:"signaturesPerMonth,omitempty"`
	Namespaces         *int64 `json:"namespaces,omitempty"`
	TeamMembers        *int64 `json:"teamMembers,omitempty"`
	APIKeys            *int64 `json:"apiKeys,omitempty"`
}

// TenantAdmin is a tenant's first user.
type TenantAdmin struct {
	Email string `json:"email"`
	// Secret holds the password; it is minted in TenantAdminSecret when absent.
	Secret *SecretKey `json:"secret,omitempty"`
}

// TenantKey is an API key.
type TenantKey struct {
	Name   string        `json:"name"`
	Role   v1.TenantRole `json:"role"`
	Rotate string        `json:"rotate,omitempty"`
}

// SigningKey is a key that Git owns.
type SigningKey struct {
	Name       string          `json:"name"`
	Type       v1.KeyType      `json:"type"`
	Policy     json.RawMessage `json:"policy"`
	Fence      string          `json:"fence,omitempty"` // its lease
	NonceGuard v1.NonceGuard   `json:"nonceGuard,omitempty"`
	Clients    []KeyClient     `json:"clients,omitempty"`
}

// KeyClient is a client of such a key.
type KeyClient struct {
	Name   string        `json:"name"`
	Auth   v1.ClientAuth `json:"auth"`
	Rotate string        `json:"rotate,omitempty"`
	// DeliverTo is the namespace that the credential is brought to, if any.
	DeliverTo string `json:"deliverTo,omitempty"`
}

// TenantWebhook is called on events.
type TenantWebhook struct {
	URL    string   `json:"url"`
	Events []string `json:"events"`
	// Secret signs the calls.
	Secret *SecretKey `json:"secret,omitempty"`
	// SecretFile is the file that holds its value, in TenantsSecretsDir's folder
	// of the shard.
	SecretFile string `json:"secretFile,omitempty"`
	// CACert holds the authority of the URL's certificate; a public one when absent.
	CACert *SecretKey `json:"caCert,omitempty"`
	// CAFile is the file that holds it, there too.
	CAFile string `json:"caFile,omitempty"`
}

// Files are the Secrets' keys that the webhook needs, by the file that holds each.
func (w TenantWebhook) Files() map[string]SecretKey {
	files := map[string]SecretKey{}
	if w.Secret != nil {
		files[w.SecretFile] = *w.Secret
	}
	if w.CACert != nil {
		files[w.CAFile] = *w.CACert
	}
	return files
}

// TenantOf is a tenant with its defaults as the Job and the API are told.
func TenantOf(t *v1.BanhBaoRingTenant) Tenant {
	s := &t.Spec
	tenant := Tenant{
		Name:                t.Name,
		DisplayName:         s.DisplayName,
		Plan:                string(s.Plan),
		Namespace:           TenantNamespace(t.Name),
		Suspended:           s.Suspended,
		Quotas:              TenantQuotas(s.Quotas),
		Admin:               TenantAdmin{Email: s.Admin.Email, Secret: secretKey(s.Admin.Password)},
		AuditRetentionDays:  s.Settings.AuditRetentionDays,
		AllowExportableKeys: s.Settings.AllowExportableKeys,
		AllowedIPRanges:     s.Settings.AllowedIPRanges,
	}
	for _, key := range s.APIKeys {
		tenant.APIKeys = append(tenant.APIKeys, TenantKey(key))
	}
	for _, key := range s.Keys {
		tenant.Keys = append(tenant.Keys, signingKey(key))
	}
	for i, w := range s.Settings.Webhooks {
		webhook := TenantWebhook{URL: w.URL, Events: w.Events, Secret: secretKey(w.Secret), CACert: secretKey(w.CACert)}
		if webhook.Secret != nil {
			webhook.SecretFile = fmt.Sprintf("%s.%d", t.Name, i)
		}
		if webhook.CACert != nil {
			webhook.CAFile = fmt.Sprintf("%s.%d.%s", t.Name, i, AuthorityFile)
		}
		tenant.Webhooks = append(tenant.Webhooks, webhook)
	}
	return tenant
}

func signingKey(key v1.Key) SigningKey {
	k := SigningKey{Name: key.Name, Type: key.Type, Policy: json.RawMessage(key.Policy.Raw), NonceGuard: key.NonceGuard}
	if key.Fence != nil {
		k.Fence = key.Fence.Lease
	}
	for _, c := range key.Clients {
		client := KeyClient{Name: c.Name, Auth: c.Auth, Rotate: c.Rotate}
		if c.Deliver {
			client.DeliverTo = c.Namespace
		}
		k.Clients = append(k.Clients, client)
	}
	return k
}

// Clients are the clients of the tenant's keys, each once, by name.
func (t Tenant) Clients() []KeyClient {
	clients := map[string]KeyClient{}
	for _, key := range t.Keys {
		for _, c := range key.Clients {
			clients[c.Name] = c
		}
	}
	var all []KeyClient
	for _, name := range slices.Sorted(maps.Keys(clients)) {
		all = append(all, clients[name])
	}
	return all
}

// Deliveries are the names of the Secrets, and of the ConfigMaps beside them, that the Job
// brings to namespaces of clients, by namespace.
func Deliveries(tenants []Tenant) map[string][]string {
	names := map[string][]string{}
	for _, t := range tenants {
		for _, c := range t.Clients() {
			if c.DeliverTo != "" {
				names[c.DeliverTo] = append(names[c.DeliverTo], TenantClientSecret(t.Name, c.Name))
			}
		}
	}
	return names
}

// Secrets are the names of those that the Job mints and keeps for the tenant.
func (t Tenant) Secrets() []string {
	var names []string
	if t.Admin.Secret == nil {
		names = append(names, TenantAdminSecret(t.Name))
	}
	for _, key := range t.APIKeys {
		names = append(names, TenantKeySecret(t.Name, key.Name))
	}
	for _, c := range t.Clients() {
		names = append(names, TenantClientSecret(t.Name, c.Name))
	}
	return names
}

// TenantSecrets are the names of the Secrets that the Job mints for all tenants.
func TenantSecrets(tenants []*v1.BanhBaoRingTenant) []string {
	var names []string
	for _, t := range tenants {
		names = append(names, TenantOf(t).Secrets()...)
	}
	return names
}

func secretKey(ref *v1.SecretKeyRef) *SecretKey {
	if ref == nil {
		return nil
	}
	return &SecretKey{Name: ref.SecretName, Key: ref.Key}
}

// shardLimit is the size of a shard in bytes: etcd takes objects of 1 MiB, and
// the ConfigMap's own fields want room too.
const shardLimit = 900 << 10

// TenantShard is a part of the tenants as it is rendered.
type TenantShard struct {
	// Text is a TenantsList, a tenant a line.
	Text    string
	Tenants []Tenant
}

// Secrets tells whether a webhook of the shard needs anything of a Secret.
func (s TenantShard) Secrets() bool { return slices.ContainsFunc(s.Tenants, Tenant.HasFiles) }

// HasFiles reports whether a webhook of the tenant needs anything of a Secret.
func (t Tenant) HasFiles() bool {
	return slices.ContainsFunc(t.Webhooks, func(w TenantWebhook) bool { return len(w.Files()) > 0 })
}

// TenantShards are all tenants, in the given order, in as few shards as hold
// them.
func TenantShards(tenants []*v1.BanhBaoRingTenant) ([]TenantShard, error) {
	const head, tail = "{\"tenants\": [\n", "\n]}\n"
	var shards []TenantShard
	var text bytes.Buffer
	for _, t := range tenants {
		tenant := TenantOf(t)
		line, err := json.Marshal(tenant)
		if err != nil {
			return nil, err
		}
		if len(head)+len(line)+len(tail) > shardLimit {
			return nil, fmt.Errorf("tenant %s takes %d bytes: at most %d fit into a ConfigMap", t.Name, len(line), shardLimit-len(head)-len(tail))
		}
		if len(shards) == 0 || text.Len()+2+len(line)+len(tail) > shardLimit {
			if len(shards) > 0 {
				shards[len(shards)-1].Text = text.String() + tail
			}
			shards = append(shards, TenantShard{})
			text.Reset()
			text.WriteString(head)
		} else {
			text.WriteString(",\n")
		}
		text.Write(line)
		last := &shards[len(shards)-1]
		last.Tenants = append(last.Tenants, tenant)
	}
	if len(shards) > 0 {
		shards[len(shards)-1].Text = text.String() + tail
	}
	return shards, nil
}
