package realtest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
)

// KMS is a server that speaks AWS KMS's API, on this machine.
type KMS struct {
	Endpoint string
	// KeyID is the key that it has, and Alias a name of it.
	KeyID, Alias string

	program, port, data string
	running             *exec.Cmd
}

// KMSRegion is the region that a KMS says it is in.
const KMSRegion = "eu-west-1"

// NewKMS starts LOCAL_KMS, the program of github.com/nsmithuk/local-kms, and has
// it make a key.
func NewKMS(t *testing.T) *KMS {
	t.Helper()
	k := &KMS{Alias: "alias/unseal", program: os.Getenv("LOCAL_KMS"), data: t.TempDir()}
	if k.program == "" {
		t.Fatal("no KMS: set LOCAL_KMS to its program")
	}
	address := FreeAddress(t)
	k.Endpoint, k.port = "http://"+address, address[strings.LastIndex(address, ":")+1:]
	t.Cleanup(k.Stop)
	k.Start(t)
	k.KeyID = k.NewKey(t)
	k.do(t, "CreateAlias", map[string]any{"AliasName": k.Alias, "TargetKeyId": k.KeyID})
	return k
}

// Through lets requests to it pass a proxy, whose URL it returns.
func (k *KMS) Through(t *testing.T, fault Fault) string {
	t.Helper()
	return through(t, k.Endpoint, nil, nil, fault)
}

// Denied answers a request as AWS does where no policy allows it. Source: the errors
// of AWS KMS's API reference, in the form of its protocol, JSON 1.1.
func Denied(w http.ResponseWriter, r *http.Request) {
	_, action, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(http.StatusBadRequest)
	_ = json.NewEncoder(w).Encode(map[string]string{
		"__type":  "AccessDeniedException",
		"Message": "User: arn:aws:iam::111122223333:user/openbao is not authorized to perform: kms:" + action + " because no identity-based policy allows the kms:" + action + " action",
	})
}

// Seals adds to what servers are started with that this KMS unseals them.
func (k *KMS) Seals(t *testing.T, o OpenBaoOptions) OpenBaoOptions {
	t.Helper()
	o.Seal = fmt.Sprintf("seal \"awskms\" {\n kms_key_id = %q\n region = %q\n endpoint = %q\n}\n", k.Alias, KMSRegion, k.Endpoint)
	o.Env = []string{"AWS_ACCESS_KEY_ID=AKIATEST", "AWS_SECRET_ACCESS_KEY=secret"}
	if v1.NeedsKMSPlugin(Version(t)) {
		o.KMSPlugin = "awskms"
	}
	return o
}

// Start starts it, with the keys that it had.
func (k *KMS) Start(t *testing.T) {
	t.Helper()
	k.running = exec.Command(k.program)
	k.running.Env = []string{"PORT=" + k.port, "KMS_REGION=" + KMSRegion, "KMS_ACCOUNT_ID=111122223333", "KMS_DATA_PATH=" + k.data}
	if err := k.running.Start(); err != nil {
		t.Fatal(err)
	}
	Eventually(t, "the KMS answers", func(ctx context.Context) error {
		_, err := k.call(ctx, "ListKeys", map[string]any{})
		return err
	})
}

// Stop ends it: nobody reaches its keys.
func (k *KMS) Stop() {
	if k.running == nil {
		return
	}
	_ = k.running.Process.Kill()
	_ = k.running.Wait()
	k.running = nil
}

// NewKey makes another key and returns its id.
func (k *KMS) NewKey(t *testing.T) string {
	t.Helper()
	made := k.do(t, "CreateKey", map[string]any{})
	return made["KeyMetadata"].(map[string]any)["KeyId"].(string)
}

// Point has the alias name another key from now on.
func (k *KMS) Point(t *testing.T, key string) {
	t.Helper()
	k.do(t, "UpdateAlias", map[string]any{"AliasName": k.Alias, "TargetKeyId": key})
	k.KeyID = key
}

func (k *KMS) do(t *testing.T, action string, input map[string]any) map[string]any {
	t.Helper()
	answer, err := k.call(t.Context(), action, input)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func (k *KMS) call(ctx context.Context, action string, input map[string]any) (map[string]any, error) {
	body, err := json.Marshal(input)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, k.Endpoint, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-amz-json-1.1")
	request.Header.Set("X-Amz-Target", "TrentService."+action)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s: %s", action, response.Status, text)
	}
	answer := map[string]any{}
	if len(text) == 0 {
		return answer, nil
	}
	return answer, json.Unmarshal(text, &answer)
}
