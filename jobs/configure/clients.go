package configure

import (
	"bytes"
	"context"
	"fmt"
	"time"

	openbao "github.com/openbao/openbao/api/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/banhbaoring/banhbaoring/jobs"
)

// clientsLife is how long the authority of clients' certificates lives.
const clientsLife = 10 * 365 * 24 * time.Hour

// clients keeps the authority of the certificates of the signer's clients, a mount of its
// own: whoever may issue there makes clients and nothing else. What there is stays.
func (w *work) clients(ctx context.Context) error {
	if w.config.ClientsSecret == "" {
		return nil
	}
	if err := w.clientsMount(ctx); err != nil {
		return err
	}
	ca, err := w.clientsAuthority(ctx)
	if err != nil {
		return err
	}
	err = w.ensure(ctx, jobs.ClientsMount+"/roles/"+jobs.ClientsRole, map[string]any{
		// Who a client is stands in the URI alone.
		"allowed_uri_sans": []string{"banhbaoring://*"}, "allow_any_name": false, "allow_localhost": false, "allow_ip_sans": false,
		"allow_bare_domains": false, "allow_subdomains": false, "allow_glob_domains": false, "enforce_hostnames": true,
		"require_cn": false, "use_csr_common_name": false, "use_csr_sans": false,
		"client_flag": true, "server_flag": false, "code_signing_flag": false, "email_protection_flag": false,
		"key_type": "ec", "key_bits": 256, "key_usage": []string{"DigitalSignature"},
		"ttl": int(jobs.ClientCertificateLife.Seconds()), "max_ttl": int(jobs.ClientCertificateLife.Seconds()),
		"not_after_bound": "forbid", "not_before_bound": "forbid", // which would set an end beyond max_ttl
		"no_store": true, "generate_lease": false,
	})
	if err != nil {
		return err
	}
	secrets := w.Kubernetes.CoreV1().Secrets(w.Namespace)
	secret, err := secrets.Get(ctx, w.config.ClientsSecret, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("%w: hint: the secrets Job makes it: run it again", err)
	}
	if bytes.Equal(secret.Data[jobs.ClientsCA], ca) {
		return nil
	}
	secret.Data = map[string][]byte{jobs.ClientsCA: ca}
	if _, err := secrets.Update(ctx, secret, metav1.UpdateOptions{}); err != nil {
		return err
	}
	w.changed("Secret " + w.config.ClientsSecret)
	return nil
}

func (w *work) clientsMount(ctx context.Context) error {
	have, err := w.client.Sys().ListMountsWithContext(ctx)
	if err != nil {
		return err
	}
	const path = jobs.ClientsMount + "/"
	mount := have[path]
	switch {
	case mount == nil:
	case mount.Type != "pki":
		return taken(path, "pki", "", mount)
	default:
		return nil
	}
	err = w.client.Sys().MountWithContext(ctx, path, &openbao.MountInput{
		Type: "pki", Description: "The certificates of the signer's clients",
		Config: openbao.MountConfigInput{MaxLeaseTTL: seconds(clientsLife)},
	})
	if err != nil {
		return fmt.Errorf("mount %s: %w", path, err)
	}
	w.changed("mount " + path)
	return nil
}

// clientsAuthority is the certificate of the authority, which is made where there is none.
func (w *work) clientsAuthority(ctx context.Context) ([]byte, error) {
	issuers, err := w.client.Logical().ListWithContext(ctx, jobs.ClientsMount+"/issuers")
	if err != nil {
		return nil, fmt.Errorf("list the issuers of %s: %w", jobs.ClientsMount, err)
	}
	if issuers == nil || len(texts(issuers.Data["keys"])) == 0 {
		_, err := w.client.Logical().WriteWithContext(ctx, jobs.ClientsMount+"/root/generate/internal", map[string]any{
			"common_name": "banhbaoring clients", "ttl": seconds(clientsLife), "key_type": "ec", "key_bits": 256,
		})
		if err != nil {
			return nil, fmt.Errorf("make the authority: %w", err)
		}
		w.changed("authority of " + jobs.ClientsMount)
	}
	secret, err := w.client.Logical().ReadWithContext(ctx, jobs.ClientsMount+"/cert/ca")
	if err != nil {
		return nil, fmt.Errorf("read the authority: %w", err)
	}
	var text string
	if secret != nil {
		text, _ = secret.Data["certificate"].(string)
	}
	if text == "" {
		return nil, fmt.Errorf("%s has an issuer, and none of its issuers is the default one", jobs.ClientsMount)
	}
	return []byte(text + "\n"), nil
}

func seconds(d time.Duration) string { return fmt.Sprintf("%ds", int(d.Seconds())) }
