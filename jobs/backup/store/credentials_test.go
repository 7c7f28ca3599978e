package store_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/banhbaoring/banhbaoring/jobs/backup/store"
)

func TestCredentialsAreOfOneKind(t *testing.T) {
	dir := t.TempDir()
	if c, err := store.Mounted(filepath.Join(dir, "none")); err != nil || c.AccessKeyID != "" {
		t.Errorf("got %v", err)
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("access-key-id", "id\n")
	if _, err := store.Mounted(dir); err == nil || !strings.Contains(err.Error(), "hint: want access-key-id and secret-access-key") {
		t.Errorf("got %v", err)
	}
	write("secret-access-key", "key\n")
	if c, err := store.Mounted(dir); err != nil || c.AccessKeyID != "id" || c.SecretAccessKey != "key" {
		t.Errorf("got %v", err)
	}
}
