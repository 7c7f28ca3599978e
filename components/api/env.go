package api

import (
	"maps"
	"strings"

	corev1 "k8s.io/api/core/v1"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/render"
)

// complete completes what the API reads that is no secret. What is managed
// elsewhere is named by a Secret as a whole.
func complete(data map[string]string, c *v1.BanhBaoRingCluster) {
	spec := &c.Spec
	data["BANHBAO_AUTH_OAUTH_CALLBACK_URL"] = "https://" + spec.Domain
	data["BANHBAO_OPENBAO_ADDRESS"] = jobs.ActiveAddress(c.Namespace)
	data["BANHBAO_OPENBAO_SECP256K1_PATH"] = jobs.PluginName
	data["BANHBAO_DATABASE_HOST"] = jobs.PostgresPrimary + "." + c.Namespace + ".svc"
	data["BANHBAO_REDIS_HOST"] = jobs.RedisName + "." + c.Namespace + ".svc"
	data["BANHBAO_REDIS_MODE"] = string(spec.Redis.Mode)

	elsewhere := map[string]bool{
		"BANHBAO_DATABASE_": !*spec.Database.Managed, "PGSSLROOTCERT": !*spec.Database.Managed,
		"BANHBAO_REDIS_": !*spec.Redis.Managed,
	}
	for prefix, drop := range elsewhere {
		for key := range data {
			if drop && strings.HasPrefix(key, prefix) {
				delete(data, key)
			}
		}
	}
	if spec.Database.CACert != nil {
		maps.Copy(data, render.DatabaseAuthorityEnv())
	}
}

// secretEnv is the environment that comes from Secrets.
func secretEnv(spec v1.BanhBaoRingClusterSpec) []corev1.EnvVar {
	var env []corev1.EnvVar
	add := func(name string, ref *v1.SecretKeyRef) {
		if ref != nil {
			env = append(env, corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
				LocalObjectReference: corev1.LocalObjectReference{Name: ref.SecretName}, Key: ref.Key,
			}}})
		}
	}
	own := func(secret, key string) *v1.SecretKeyRef {
		return &v1.SecretKeyRef{SecretRef: v1.SecretRef{SecretName: secret}, Key: key}
	}

	if *spec.Database.Managed {
		add("BANHBAO_DATABASE_USER", own(jobs.SecretPostgres, "username"))
		add("BANHBAO_DATABASE_PASSWORD", own(jobs.SecretPostgres, "password"))
		add("BANHBAO_DATABASE_DATABASE", own(jobs.SecretPostgres, "database"))
	} else {
		add("BANHBAO_DATABASE_URL", spec.Database.ConnectionString)
	}
	if *spec.Redis.Managed {
		add("BANHBAO_REDIS_PASSWORD", own(jobs.SecretRedis, "password"))
	} else {
		add("BANHBAO_REDIS_URL", spec.Redis.ConnectionString)
	}
	if client := spec.API.OAuth.GitHub; client != nil {
		add("BANHBAO_AUTH_OAUTH_GITHUB_ID", &client.ClientID)
		add("BANHBAO_AUTH_OAUTH_GITHUB_SECRET", &client.ClientSecret)
	}
	if client := spec.API.OAuth.Google; client != nil {
		add("BANHBAO_AUTH_OAUTH_GOOGLE_ID", &client.ClientID)
		add("BANHBAO_AUTH_OAUTH_GOOGLE_SECRET", &client.ClientSecret)
	}
	if stripe := spec.Billing.Stripe; *stripe.Enabled {
		add("BANHBAO_STRIPE_SECRET_KEY", stripe.SecretKeyRef)
		add("BANHBAO_STRIPE_WEBHOOK_SECRET", stripe.WebhookSecretRef)
	}
	return env
}
