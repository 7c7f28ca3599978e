package openbao

import (
	v1 "github.com/banhbaoring/banhbaoring/api/v1"
)

// seal is a seal stanza, and what the pods need for it.
type seal struct {
	Type   string
	Fields []sealField

	// env are environment variables from Secrets.
	env []secretEnv
	// files are Secret keys that are mounted as files of that name.
	files []secretFile
	// caBundle is the file of the authority of a service that is not Amazon's own.
	caBundle string
	// podLabels are needed by the provider's workload identity.
	podLabels map[string]string
}

// sealField is a field of the stanza, and the spec's field that it is written from.
type sealField struct{ Name, Value, spec string }

type secretEnv struct {
	name string
	ref  *v1.SecretKeyRef
}

type secretFile struct {
	name string
	ref  *v1.SecretKeyRef
}

func (f secretFile) path() string { return sealDirectory + "/" + f.name }

// sealFor is the seal that a cluster has. Where a proxy has an authority of its
// own, the seal's client trusts that of the service beside it and the public ones:
// which of them signs depends on whether the proxy looks into the connection.
func sealFor(c *v1.BanhBaoRingCluster) *seal {
	a := c.Spec.OpenBao.AutoUnseal
	if len(authorities(c)) > 0 {
		a.CACert = nil
	}
	return sealOf(a, c.Spec.OpenBao.Version)
}

// goesOut reports whether the seal connects to a service.
func goesOut(a v1.AutoUnseal) bool { return *a.Enabled && a.Provider != v1.ProviderStatic }

// authorities are those that the seal's client trusts beside the public ones.
func authorities(c *v1.BanhBaoRingCluster) []secretFile {
	a, proxy := c.Spec.OpenBao.AutoUnseal, c.Spec.Networking.Proxy
	if !goesOut(a) || proxy == nil || proxy.CACert == nil {
		return nil
	}
	files := []secretFile{{"proxy.crt", proxy.CACert}}
	if a.CACert != nil {
		files = append(files, secretFile{"service.crt", a.CACert})
	}
	return files
}

// sealOf is the seal that the spec asks for, nil for Shamir's. The stanzas'
// fields are those of OpenBao's documentation of each seal.
func sealOf(a v1.AutoUnseal, version string) *seal {
	if !*a.Enabled {
		return nil
	}
	credentials := v1.Credentials{}
	if a.Credentials != nil {
		credentials = *a.Credentials
	}
	s := &seal{}
	switch a.Provider {
	case v1.ProviderAWSKMS:
		s.Type = "awskms"
		s.fromEnv("AWS_ACCESS_KEY_ID", credentials.AccessKeyID)
		s.fromEnv("AWS_SECRET_ACCESS_KEY", credentials.SecretAccessKey)
		s.add("kms_key_id", a.KeyID, "keyId")
		s.add("region", a.Region, "region")
		s.add("endpoint", a.Endpoint, "endpoint")
		if a.CACert != nil { // the stanza has no field for it
			ca := secretFile{"ca.crt", a.CACert}
			s.files = append(s.files, ca)
			s.caBundle = ca.path()
		}
	case v1.ProviderGCPKMS:
		s.Type = "gcpckms"
		s.add("project", a.Project, "project")
		s.add("region", a.Location, "location")
		s.add("key_ring", a.KeyRing, "keyRing")
		s.add("crypto_key", a.CryptoKey, "cryptoKey")
		s.fromFile("credentials", "service-account.json", "", credentials.ServiceAccountKey)
	case v1.ProviderAzureKV:
		s.Type = "azurekeyvault"
		s.fromEnv("AZURE_CLIENT_ID", credentials.ClientID)
		s.fromEnv("AZURE_CLIENT_SECRET", credentials.ClientSecret)
		s.add("tenant_id", a.TenantID, "tenantId")
		s.add("vault_name", a.VaultName, "vaultName")
		s.add("key_name", a.KeyName, "keyName")
		if a.Credentials == nil {
			s.podLabels = map[string]string{"azure.workload.identity/use": "true"}
			if v1.HasAzureAuthMethod(version) {
				// Without it, AZURE_CLIENT_ID alone means a managed identity.
				s.add("auth_method", "workload_identity", "provider")
			}
		}
	case v1.ProviderTransit:
		s.Type = "transit"
		s.add("address", a.Address, "address")
		s.add("mount_path", a.MountPath, "mountPath")
		s.add("key_name", a.KeyName, "keyName")
		s.add("namespace", a.Namespace, "namespace")
		s.fromFile("token", "token", "file://", a.Token)
		s.fromFile("tls_ca_cert", "ca.crt", "", a.CACert)
	case v1.ProviderStatic:
		s.Type = "static"
		s.add("current_key_id", a.KeyID, "keyId")
		s.fromFile("current_key", "key", "file://", a.Key)
		s.add("previous_key_id", a.PreviousKeyID, "previousKeyId")
		s.fromFile("previous_key", "previous-key", "file://", a.PreviousKey)
	}
	return s
}

func (s *seal) add(name, value, spec string) {
	if value != "" {
		s.Fields = append(s.Fields, sealField{name, value, spec})
	}
}

func (s *seal) fromEnv(name string, ref *v1.SecretKeyRef) {
	if ref != nil {
		s.env = append(s.env, secretEnv{name, ref})
	}
}

// fromFile mounts a Secret's key and has a field name the file.
func (s *seal) fromFile(name, file, scheme string, ref *v1.SecretKeyRef) {
	if ref != nil {
		f := secretFile{file, ref}
		s.files = append(s.files, f)
		s.add(name, scheme+f.path(), name)
	}
}
