package v1

import (
	"fmt"
	"strings"
	"testing"
)

func TestOpenBao(t *testing.T) {
	openbao := func(text string) string { return spec("openbao: " + text) }
	in := "spec.openbao."
	testChanges(t, cluster, validCluster, []change{
		{"a version is written in full", openbao(`{version: "2.7"}`), []string{in + "version: must be a version in full, such as 1.2.3 (got 2.7); hint: write 2.7.0"}},
		{"a version has no v", openbao(`{version: v2.7.1}`), []string{in + "version: must be a version in full, such as 1.2.3 (got v2.7.1); hint: write 2.7.1"}},
		{"a version is of OpenBao 2", openbao(`{version: 9.9.9}`), []string{in + "version: must be a version of OpenBao 2, such as 2.7.1: there is no other (got 9.9.9)"}},
		{"a version is no word", openbao(`{version: latest}`), []string{in + "version: must be a version in full, such as 1.2.3 (got latest)"}},
		{"a version that is no tag is one fault", openbao(`{version: 2.7.1+build}`), []string{in + "version: must be usable as an image's tag: letters, digits, underscores, dots and hyphens (got 2.7.1+build)"}},
		{"a pause is not negative", openbao(`{minReadySeconds: -1}`), []string{in + "minReadySeconds: must be 0 or more (got -1)"}},
		{"storage has a size and a class", openbao(`{storage: {size: -1Gi, storageClass: Fast}}`), []string{
			in + "storage.size: must be more than 0, such as 10Gi (got -1Gi)",
			in + "storage.storageClass: " + mustBeSubdomain + " (got Fast)",
		}},
		{"an issuer and a Secret may both be given", openbao(`{tls: {issuer: letsencrypt, secretName: internal}}`), nil},
		{"an issuer and a Secret have names", openbao(`{tls: {issuer: Letsencrypt, secretName: Internal}}`), []string{
			in + "tls.issuer: " + mustBeSubdomain + " (got Letsencrypt)",
			in + "tls.secretName: must be the name of a Secret: lower-case letters, digits, hyphens and dots, and begin and end with a letter or digit",
		}},
		{"a plugin's version may have a v", openbao(`{plugin: {version: v1.2.3, image: reg.example.com/a, path: /usr/local/bin/a, sha256: ` + strings.Repeat("0a", 32) + `}}`), nil},
		{"a plugin is a file in an image", openbao(`{plugin: {version: one, image: A, path: /a/../b, sha256: ` + strings.Repeat("0A", 32) + `}}`), []string{
			in + "plugin.version: must be a version, such as 1.2.3 (got one)",
			in + "plugin.image: " + mustBeImage + " (got A:one)",
			in + "plugin.path: must be the absolute path of a file, such as /plugin/secp256k1 (got /a/../b)",
			in + "plugin.sha256: must be 64 hexadecimal digits in lower case (got " + strings.Repeat("0A", 32) + ")",
		}},
		{"a plugin's path is plain", openbao(`{plugin: {path: "/a b"}}`), []string{in + "plugin.path: must be the absolute path of a file, such as /plugin/secp256k1 (got /a b)"}},
		{"a plugin's path is no folder", openbao(`{plugin: {path: /}}`), []string{in + "plugin.path: must be the absolute path of a file, such as /plugin/secp256k1 (got /)"}},
		{"a chart may be in an OCI registry", openbao(`{chart: {repository: oci://ghcr.io/openbao/charts, version: 0.29.3, digest: sha256:` + strings.Repeat("0a", 32) + `}}`), nil},
		{"a chart has a version and a digest", openbao(`{chart: {repository: git://example.com}}`), []string{
			in + "chart.version: is required: the chart's version, such as 0.29.3",
			in + "chart.digest: is required: the digest that banhbaoring chart pull prints",
			in + "chart.repository: must be a URL with a host whose scheme is https, http or oci",
		}},
		{"a chart's version and digest are in full", openbao(`{chart: {version: "0.29", digest: sha256:0a}}`), []string{
			in + "chart.version: must be a version in full, such as 1.2.3 (got 0.29); hint: write 0.29.0",
			in + "chart.digest: must be sha256: and 64 hexadecimal digits in lower case (got sha256:0a)",
		}},
		{"pods keep the labels that select them", openbao(`{podLabels: {app.kubernetes.io/name: a, component: a, openbao-active: "true", team: a, "b c": d}}`), []string{
			in + "podLabels[b c]: must have a key such as role or example.com/role (got b c)",
			in + "podLabels[app.kubernetes.io/name]: must not be given: selectors rest on app.kubernetes.io/*, component and openbao-*",
			in + "podLabels[component]: must not be given: selectors rest on app.kubernetes.io/*, component and openbao-*",
			in + "podLabels[openbao-active]: must not be given: selectors rest on app.kubernetes.io/*, component and openbao-*",
		}},
		{"service accounts have annotations", openbao(`{serviceAccountAnnotations: {eks.amazonaws.com/role-arn: "arn:aws:iam::1:role/a", "a b": c}}`), []string{in + "serviceAccountAnnotations[a b]: must have a key such as example.com/role (got a b)"}},
	})
}

func TestInit(t *testing.T) {
	sealed := func(text string) string {
		return spec("openbao: {autoUnseal: {provider: awskms, keyId: a}, init: " + text + "}")
	}
	at := "spec.openbao.init."
	testChanges(t, cluster, validCluster, []change{
		{"one share needs one", sealed(`{shares: 1}`), nil},
		{"two shares need two", sealed(`{shares: 2}`), nil},
		{"there are 255 shares at most", sealed(`{shares: 256}`), []string{at + "shares: must be 1 to 255 (got 256)"}},
		{"there is a share", sealed(`{shares: -1, threshold: -1}`), []string{at + "shares: must be 1 to 255 (got -1)", at + "threshold: must be 1 or more (got -1)"}},
		{"no more shares are needed than there are", sealed(`{shares: 3, threshold: 4}`), []string{at + "threshold: must be at most shares, of which there are 3 (got 4)"}},
		{"one share of several is not enough", sealed(`{shares: 3, threshold: 1}`), []string{at + "threshold: must be 2 or more where there are several shares (got 1)"}},
		{"each share has a key", sealed(`{shares: 2, pgpKeys: [bWU=, eW91]}`), nil},
		{"as many keys as shares", sealed(`{shares: 3, pgpKeys: [bWU=, "", "not base64"]}`), []string{
			at + "pgpKeys[1]: must be a public key in base64, without armor",
			at + "pgpKeys[2]: must be a public key in base64, without armor",
		}},
		{"fewer keys than shares", sealed(`{shares: 3, pgpKeys: [bWU=]}`), []string{at + "pgpKeys: must be as many as shares, 3 (got 1)"}},
		{"keys that nothing could decrypt", spec(`openbao: {init: {shares: 1, pgpKeys: [bWU=]}}`), []string{at + "pgpKeys: must not be given without autoUnseal: nothing could unseal"}},
	})
}

func TestAutoUnseal(t *testing.T) {
	unseal := func(text string) string { return spec("openbao: {autoUnseal: {" + text + "}}") }
	at := "spec.openbao.autoUnseal."
	providers := "awskms, gcpkms, azurekv, transit or static"
	ref := "{secretName: a, key: b}"
	plain := "must be letters, digits and . : / @ + = , ~ - _"
	testChanges(t, cluster, validCluster, []change{
		{"it has a provider", unseal(`enabled: true`), []string{at + "provider: is required: " + providers}},
		{"a field without a provider is not forgotten", unseal(`keyId: alias/a`), []string{at + "provider: is required: " + providers}},
		{"its provider is known", unseal(`provider: ocikms, region: a`), []string{at + "provider: must be " + providers + " (got ocikms)"}},
		{"off, its fields may stay", unseal(`enabled: false, provider: gcpkms, region: a`), nil},

		{"awskms needs a key", unseal(`provider: awskms`), []string{at + "keyId: is required: the key's id, ARN or alias, such as alias/banhbaoring-unseal"}},
		{"awskms is whole", unseal(`provider: awskms, keyId: "arn:aws:kms:us-east-1:1:key/mrk-1", region: us-east-1, endpoint: https://kms.example.com, credentials: {accessKeyId: ` + ref + `, secretAccessKey: ` + ref + `}`), nil},
		{"gcpkms needs a key", unseal(`provider: gcpkms`), []string{
			at + "project: is required: the project of the key",
			at + "keyRing: is required: the key ring of the key",
			at + "cryptoKey: is required: the name of the key",
		}},
		{"azurekv needs a key", unseal(`provider: azurekv`), []string{
			at + "tenantId: is required: the id of the directory",
			at + "vaultName: is required: the name of the key vault",
			at + "keyName: is required: the name of the key",
		}},
		{"transit needs a key", unseal(`provider: transit`), []string{
			at + "keyName: is required: the name of the key",
			at + "address: is required: the URL of the other OpenBao or Vault, such as https://vault.example.com:8200",
			at + "token: is required: the key of a Secret that holds a token for the other OpenBao or Vault",
		}},
		{"transit is whole", unseal(`provider: transit, keyName: a, address: "https://vault:8200", namespace: a/b, token: ` + ref + `, caCert: ` + ref), nil},
		{"static needs nothing", unseal(`provider: static`), nil},
		{"static needs a newer OpenBao", spec(`openbao: {version: 2.3.2, autoUnseal: {provider: static}}`), []string{at + "provider: needs OpenBao 2.4.0 or later, and openbao.version is 2.3.2 (got static)"}},

		{"fields of other providers", unseal(`provider: static, region: a, endpoint: "https://a", project: a, location: a, keyRing: a, cryptoKey: a, tenantId: a, vaultName: a, keyName: a, address: "https://a", mountPath: a, namespace: a, token: ` + ref + `, caCert: ` + ref), []string{
			at + "region: is not used by provider static, only by awskms",
			at + "endpoint: is not used by provider static, only by awskms",
			at + "project: is not used by provider static, only by gcpkms",
			at + "location: is not used by provider static, only by gcpkms",
			at + "keyRing: is not used by provider static, only by gcpkms",
			at + "cryptoKey: is not used by provider static, only by gcpkms",
			at + "tenantId: is not used by provider static, only by azurekv",
			at + "vaultName: is not used by provider static, only by azurekv",
			at + "keyName: is not used by provider static, only by azurekv or transit",
			at + "address: is not used by provider static, only by transit",
			at + "mountPath: is not used by provider static, only by transit",
			at + "namespace: is not used by provider static, only by transit",
			at + "token: is not used by provider static, only by transit",
			at + "caCert: is not used by provider static, only by awskms or transit",
		}},
		{"fields of others, the other way", unseal(`provider: transit, keyName: a, address: "https://a", token: ` + ref + `, keyId: a, key: ` + ref), []string{
			at + "keyId: is not used by provider transit, only by awskms or static",
			at + "key: is not used by provider transit, only by static",
		}},
		{"credentials of others", unseal(`provider: static, credentials: {accessKeyId: ` + ref + `, serviceAccountKey: ` + ref + `, clientSecret: ` + ref + `}`), []string{
			at + "credentials.accessKeyId: is not used by provider static, only by awskms",
			at + "credentials.serviceAccountKey: is not used by provider static, only by gcpkms",
			at + "credentials.clientSecret: is not used by provider static, only by azurekv",
		}},
		{"half of a pair of credentials", unseal(`provider: awskms, keyId: a, credentials: {accessKeyId: ` + ref + `}`), []string{at + "credentials.secretAccessKey: is required: what belongs to accessKeyId"}},
		{"the other half", unseal(`provider: awskms, keyId: a, credentials: {secretAccessKey: ` + ref + `}`), []string{at + "credentials.accessKeyId: is required: what secretAccessKey belongs to"}},
		{"half of Azure's pair", unseal(`provider: azurekv, tenantId: a, vaultName: a, keyName: a, credentials: {clientId: ` + ref + `}`), []string{at + "credentials.clientSecret: is required: what belongs to clientId"}},
		{"the other half of Azure's", unseal(`provider: azurekv, tenantId: a, vaultName: a, keyName: a, credentials: {clientSecret: ` + ref + `}`), []string{at + "credentials.clientId: is required: what clientSecret belongs to"}},

		{"an address is a URL", unseal(`provider: transit, keyName: a, token: ` + ref + `, address: "vault:8200"`), []string{at + "address: " + mustBeURL}},
		{"a URL holds no password", unseal(`provider: awskms, keyId: a, endpoint: "https://a:b@c"`), []string{at + "endpoint: must hold no user name or password"}},
		{"nothing breaks out of OpenBao's configuration", unseal(`provider: awskms, keyId: "a\"\n}", region: "{{ a }}"`), []string{
			at + "keyId: " + plain + " (got a\"\n})",
			at + "region: " + plain + " (got {{ a }})",
		}},
		{"references are references", unseal(`provider: static, key: {name: a}`), []string{at + "key.key: is required: the key in the Secret"}},
		{"references in credentials are references", unseal(`provider: gcpkms, project: a, keyRing: a, cryptoKey: a, credentials: {serviceAccountKey: {key: a}}`), []string{at + "credentials.serviceAccountKey.secretName: is required: the name of a Secret"}},
		{"a KMS plugin is a plugin", unseal(`provider: awskms, keyId: a, plugin: {version: x, sha256: 0a}`), []string{
			at + "plugin.version: must be a version, such as 1.2.3 (got x)",
			at + "plugin.sha256: must be 64 hexadecimal digits in lower case (got 0a)",
		}},
	})
}

func TestData(t *testing.T) {
	duration, cron := "must be a duration, such as 15d or 12h", `must be five fields, minute hour day month weekday, such as "0 2 * * *"`
	bucket := "must be 3 to 63 lower-case letters, digits, hyphens and dots, and begin and end with a letter or digit"
	changes := []change{
		{"a database has an engine and a primary", spec(`database: {engine: mysql, replicas: 0, storage: {size: -1}}`), []string{
			"spec.database.engine: must be statefulset or cloudnativepg (got mysql)",
			"spec.database.replicas: must be 1 or more (got 0)",
			"spec.database.storage.size: must be more than 0, such as 10Gi (got -1)",
		}},
		{"a database's version is a major one, or a release", spec(`database: {version: "16.4"}`), nil},
		{"an old database is refused", spec(`database: {version: "13"}`), []string{"spec.database.version: must be a major version of 14 or later, such as 16, or a release such as 16.4 (got 13); hint: name another build with image"}},
		{"a build is no version of a database", spec(`database: {version: 16-alpine}`), []string{"spec.database.version: must be a major version of 14 or later, such as 16, or a release such as 16.4 (got 16-alpine); hint: name another build with image"}},
		{"a database's exporter is an image", spec(`database: {exporter: {image: A}}`), []string{"spec.database.exporter.image: must be an image, such as registry.example.com/team/app:1.0.0 (got A:v0.19.1)"}},
		{"CloudNativePG has an exporter", spec(`database: {engine: cloudnativepg, exporter: {version: v1}}`), []string{"spec.database.exporter: is not used where engine is cloudnativepg, which has its own"}},
		{"a database of one's own has a URL", spec(`database: {managed: false}`), []string{"spec.database.connectionString: is required: the key of a Secret that holds the URL, since managed is false"}},
		{"a URL is for a database of one's own", spec(`database: {connectionString: {name: a, key: b}}`), []string{"spec.database.connectionString: is not used where managed is true; hint: set managed: false"}},
		{"databases of one's own", spec("database: {managed: false, connectionString: {name: a, key: b}}\nredis: {managed: false, connectionString: {name: a, key: b}}"), nil},
		{"a Redis of one's own has a URL", spec(`redis: {managed: false}`), []string{"spec.redis.connectionString: is required: the key of a Secret that holds the URL, since managed is false"}},
		{"a Redis has a mode", spec(`redis: {mode: sentinel}`), []string{"spec.redis.mode: must be standalone or cluster (got sentinel)"}},
		{"a Redis cluster has three shards", spec(`redis: {mode: cluster, replicas: 2}`), []string{"spec.redis.replicas: must be 3 or more where mode is cluster (got 2)"}},
		{"a Redis cluster announces host names", spec(`redis: {mode: cluster, version: 6.2-alpine}`), []string{"spec.redis.version: must be 7 or later where mode is cluster: earlier versions announce no host names (got 6.2-alpine)"}},
		{"a standalone Redis may be older", spec(`redis: {mode: standalone, version: "6.2"}`), nil},
		{"a Redis exporter has an image", spec(`redis: {exporter: {image: "A:one", version: "a b"}}`), []string{
			"spec.redis.exporter.version: must be usable as an image's tag: letters, digits, underscores, dots and hyphens (got a b)",
			"spec.redis.exporter.image: " + mustBeImage + " (got A:one)",
		}},
		{"a standalone Redis is alone", spec(`redis: {mode: standalone, replicas: 3, storage: {size: -1Gi}}`), []string{
			"spec.redis.storage.size: must be more than 0, such as 10Gi (got -1Gi)",
			"spec.redis.replicas: must be 1 where mode is standalone (got 3); hint: set mode: cluster",
		}},
		{"monitoring has a mode", spec(`monitoring: {mode: agent, prometheus: {storage: {size: -1}}}`), []string{
			"spec.monitoring.mode: must be standalone or operator (got agent)",
			"spec.monitoring.prometheus.storage.size: must be more than 0, such as 10Gi (got -1)",
		}},

		{"a backup has sense", spec(`backup: {destination: {s3: {bucket: abc}}, enabled: true, retention: -1, guard: on-demand}`), []string{
			"spec.backup.retention: must be 1 or more, in days (got -1)",
			"spec.backup.guard: must be required, bestEffort or off (got on-demand)",
		}},
		{"a destination is one", spec(`backup: {destination: {}}`), []string{"spec.backup.destination: is required: s3 or gcs"}},
		{"a destination is not two", spec(`backup: {destination: {s3: {bucket: abc}, gcs: {bucket: a_b}}}`), []string{"spec.backup.destination: must be one of s3 and gcs, not both"}},
		{"a bucket has a name", spec(`backup: {destination: {gcs: {bucket: ""}}}`), []string{"spec.backup.destination.gcs.bucket: is required: the bucket's name"}},
		{"a bucket of Google's has a name", spec(`backup: {destination: {gcs: {bucket: A, prefix: /a}}}`), []string{
			"spec.backup.destination.gcs.bucket: must be 3 to 63 lower-case letters, digits, hyphens, underscores and dots, and begin and end with a letter or digit (got A)",
			"spec.backup.destination.gcs.prefix: must end with /, and not begin with it (got /a); hint: write a/",
		}},
		{"a bucket is somewhere", spec(`backup: {destination: {s3: {bucket: abc, region: US East, prefix: a, endpoint: "minio:9000"}}}`), []string{
			"spec.backup.destination.s3.region: must be a region, such as us-east-1 (got US East)",
			"spec.backup.destination.s3.prefix: must end with /, and not begin with it (got a); hint: write a/",
			"spec.backup.destination.s3.endpoint: " + mustBeURL,
		}},
		{"a prefix of nothing but a slash", spec(`backup: {destination: {s3: {bucket: abc, prefix: /}}}`), []string{
			"spec.backup.destination.s3.prefix: must end with /, and not begin with it (got /); hint: leave it out",
		}},
		{"recipients are public keys of age", spec(fmt.Sprintf(`backup: {destination: {s3: {bucket: abc}}, encryption: {recipients: [age1%[1]s, age1yubikey1%[1]s, age1%[1]sq, ssh-ed25519 AAAA, AGE-SECRET-KEY-1Q, hello]}}`, strings.Repeat("q", 58))), []string{
			"spec.backup.encryption.recipients[2]: must be an age public key, age1…",
			"spec.backup.encryption.recipients[3]: must be an age public key, age1…, and no SSH key; hint: make a key pair with age-keygen",
			"spec.backup.encryption.recipients[4]: must be an age public key, age1…, and no private key",
			"spec.backup.encryption.recipients[5]: must be an age public key, age1…",
		}},
		{"the large plans say to whom backups are encrypted", spec(`{plan: pro, backup: {destination: {s3: {bucket: abc}}, enabled: true}}`), []string{
			"spec.backup.encryption.recipients: is required: age public keys that backups are encrypted to, in plan pro; hint: run `age-keygen -o identity.txt` and keep that file outside of the cluster; `age-keygen -y identity.txt` prints what to write here; or write mode: none to store backups in the clear",
		}},
		{"or that they are not", spec(`{plan: enterprise, backup: {destination: {s3: {bucket: abc}}, enabled: true, encryption: {mode: none}}}`), nil},
		{"the small ones make a key", spec(`{plan: starter, backup: {destination: {s3: {bucket: abc}}, enabled: true}}`), nil},
		{"encryption is one thing", spec(fmt.Sprintf(`backup: {destination: {s3: {bucket: abc}}, encryption: {mode: none, recipients: [age1%s]}}`, strings.Repeat("q", 58))), []string{"spec.backup.encryption.recipients: must not be given where mode is none"}},
		{"encryption is by age", spec(`backup: {destination: {s3: {bucket: abc}}, encryption: {mode: gpg}}`), []string{"spec.backup.encryption.mode: must be age or none (got gpg)"}},
		{"trusted keys are public", spec(`backup: {destination: {s3: {bucket: abc}}, trustedKeys: ["ed25519:` + strings.Repeat("A", 43) + `=", "ed25519-private:` + strings.Repeat("A", 43) + `=", ssh-ed25519 AAAA]}`), []string{
			"spec.backup.trustedKeys[1]: must be a public signing key, ed25519:…, and no private key",
			"spec.backup.trustedKeys[2]: must be a public signing key, ed25519:…",
		}},
		{"an authority is for https", spec(`backup: {destination: {s3: {bucket: abc, endpoint: "http://minio:9000", caCert: {name: corp}}}}`), []string{
			"spec.backup.destination.s3.caCert.key: is required: the key in the Secret",
			"spec.backup.destination.s3.caCert: is not used where endpoint begins with http://",
		}},
		{"a schedule has no time zone", spec(`backup: {destination: {s3: {bucket: abc}}, schedule: "TZ=Asia/Saigon 0 2 * * *"}`), []string{"spec.backup.schedule: must not name a time zone: it is in UTC (got TZ=Asia/Saigon 0 2 * * *)"}},
		{"a schedule is some day", spec(`backup: {destination: {s3: {bucket: abc}}, schedule: "0 0 30 2 *"}`), []string{"spec.backup.schedule: must be a time that comes: no month has such a day (got 0 0 30 2 *)"}},
	}
	for schedule, valid := range map[string]bool{
		"*/15 0-5 1,15 jan-jun sun": true, "0 0 29 2 *": true,
		"@daily": false, "@every 1h": false, "0 0 2 * * *": false, "60 * * * *": false, "daily": false, "* * * *": false,
	} {
		changes = append(changes, change{"schedule " + schedule, spec(`backup: {destination: {s3: {bucket: abc}}, schedule: "` + schedule + `"}`), unless(valid, "spec.backup.schedule: "+cron+" (got "+schedule+")")})
	}
	for retention, valid := range map[string]bool{
		"15d": true, "1y2w3d4h5m6s7ms": true, "0d": false, "15": false, "1h1d": false, "15 d": false, "-1d": false,
	} {
		changes = append(changes, change{"retention " + retention, spec(`monitoring: {prometheus: {retention: "` + retention + `"}}`), unless(valid, "spec.monitoring.prometheus.retention: "+duration+" (got "+retention+")")})
	}
	for name, valid := range map[string]bool{
		"abc": true, "a.b-c": true, strings.Repeat("a", 63): true,
		"ab": false, "Abc": false, "a_b": false, "a..b": false, "-abc": false, "abc.": false, "10.0.0.1": false, strings.Repeat("a", 64): false,
	} {
		changes = append(changes, change{"bucket " + name, spec(`backup: {destination: {s3: {bucket: ` + name + `}}}`), unless(valid, "spec.backup.destination.s3.bucket: "+bucket+" (got "+name+")")})
	}
	testChanges(t, cluster, validCluster, changes)
}

func unless(valid bool, fault string) []string {
	if valid {
		return nil
	}
	return []string{fault}
}
