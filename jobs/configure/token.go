package configure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/run"
)

// period is how long the API's token lives after it was renewed.
const period = 30 * 24 * time.Hour

// Keys of the API's Secret.
const (
	tokenKey  = "token"
	issuedKey = "issued" // RFC 3339: when the token was made
)

// apiToken renews the API's token, or makes one where the Secret holds none that
// OpenBao knows. A token whose answer was lost ends after its period: nobody
// knows it.
func (w *work) apiToken(ctx context.Context) error {
	secrets := w.Kubernetes.CoreV1().Secrets(w.Namespace)
	secret, err := secrets.Get(ctx, w.config.APITokenSecret, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return fmt.Errorf("there is no Secret %s: hint: the secrets Job makes it: run it again", w.config.APITokenSecret)
	}
	if err != nil {
		return err
	}
	if works, err := w.renew(ctx, string(secret.Data[tokenKey])); err != nil || works {
		return err
	}
	made, err := w.client.Logical().WriteWithContext(ctx, "auth/token/create/"+api, map[string]any{
		"display_name": api, "policies": []string{api}, "no_default_policy": true,
	})
	if err != nil {
		return fmt.Errorf("make a token: %w", err)
	}
	if made == nil || made.Auth == nil {
		return errors.New("make a token: OpenBao answered without one")
	}
	if err := w.keep(ctx, secret, made.Auth.ClientToken); err != nil {
		return err
	}
	w.changed("the API's token")
	w.Event(ctx, "TokenIssued", "the API has a new OpenBao token, in Secret "+w.config.APITokenSecret)
	return nil
}

func (w *work) keep(ctx context.Context, secret *corev1.Secret, token string) error {
	if secret.Data == nil {
		secret.Data = map[string][]byte{}
	}
	secret.Data[tokenKey] = []byte(token)
	secret.Data[issuedKey] = []byte(time.Now().UTC().Format(time.RFC3339))
	_, err := w.Kubernetes.CoreV1().Secrets(w.Namespace).Update(ctx, secret, metav1.UpdateOptions{})
	return err
}

// renew renews a token, and tells whether it is one that the API can use: known
// to OpenBao, of the role that gives it its period, and of its policy alone.
func (w *work) renew(ctx context.Context, token string) (bool, error) {
	if token == "" {
		return false, nil
	}
	client, err := w.OpenBao(w.config.Address)
	if err != nil {
		return false, err
	}
	client.SetToken(token)
	found, err := client.Auth().Token().LookupSelfWithContext(ctx)
	if run.Status(err) == http.StatusForbidden {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if !slices.Equal(texts(found.Data["policies"]), []string{api}) || found.Data["role"] != api || found.Data["orphan"] != true {
		return false, nil
	}
	_, err = client.Auth().Token().RenewSelfWithContext(ctx, 0)
	return err == nil, err
}

// restartedFor is the annotation of the API's pods that says for which token
// they were started anew.
const restartedFor = "banhbaoring.io/token-issued"

// roll has the API's pods started anew if they are older than the token: they
// read it from their environment.
func (w *work) roll(ctx context.Context) error {
	secret, err := w.Kubernetes.CoreV1().Secrets(w.Namespace).Get(ctx, w.config.APITokenSecret, metav1.GetOptions{})
	if err != nil {
		return err
	}
	issued := string(secret.Data[issuedKey])
	deployments := w.Kubernetes.AppsV1().Deployments(w.Namespace)
	deployment, err := deployments.Get(ctx, jobs.APIName, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil // it comes in a later stage
	}
	if err != nil || !outdated(deployment, issued) {
		return err
	}
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"template": map[string]any{
		"metadata": map[string]any{"annotations": map[string]string{restartedFor: issued}},
	}}})
	if err != nil {
		return err
	}
	if _, err := deployments.Patch(ctx, jobs.APIName, types.StrategicMergePatchType, patch, metav1.PatchOptions{}); err != nil {
		return err
	}
	w.changed("the API's pods")
	return nil
}

// outdated tells whether pods may run that have not seen the token.
func outdated(d *appsv1.Deployment, issued string) bool {
	at, err := time.Parse(time.RFC3339, issued)
	return err == nil && !d.CreationTimestamp.After(at) && d.Spec.Template.Annotations[restartedFor] != issued
}
