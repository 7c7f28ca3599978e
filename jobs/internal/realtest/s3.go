package realtest

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
)

// The keys of the S3 server's only user.
const (
	S3AccessKeyID     = "realtest"
	S3SecretAccessKey = "realtest-secret"
)

// S3 is a real S3 server with one bucket, on this machine.
type S3 struct {
	Endpoint, Bucket string
	// Dir holds the bucket's objects as files.
	Dir string
}

// NewS3 starts VERSITYGW, the program of github.com/versity/versitygw.
func NewS3(t *testing.T) *S3 {
	t.Helper()
	program := os.Getenv("VERSITYGW")
	if program == "" {
		t.Fatal("no S3 server: set VERSITYGW to its program")
	}
	s := &S3{Bucket: "backups"}
	root := t.TempDir()
	s.Dir = filepath.Join(root, s.Bucket)
	if err := os.Mkdir(s.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	address := FreeAddress(t)
	s.Endpoint = "http://" + address
	var log bytes.Buffer
	cmd := exec.Command(program, "--port", address, "--quiet", "posix", root)
	cmd.Env = []string{"ROOT_ACCESS_KEY=" + S3AccessKeyID, "ROOT_SECRET_KEY=" + S3SecretAccessKey}
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("S3 server:\n%s", tail(log.String(), 25))
		}
	})
	Eventually(t, "the S3 server answers", func(ctx context.Context) error {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err == nil {
			conn.Close()
		}
		return err
	})
	return s
}

// Destination is the bucket, as a spec names it.
func (s *S3) Destination(prefix string) v1.Destination {
	return v1.Destination{S3: &v1.S3{Endpoint: s.Endpoint, Bucket: s.Bucket, Region: "us-east-1", Prefix: prefix, PathStyle: true}}
}

// Through lets requests pass a proxy. The server sees the address that the
// client signed.
func (s *S3) Through(t *testing.T, fault Fault) *S3 {
	t.Helper()
	return &S3{Endpoint: through(t, s.Endpoint, nil, http.DefaultTransport, fault), Bucket: s.Bucket, Dir: s.Dir}
}
