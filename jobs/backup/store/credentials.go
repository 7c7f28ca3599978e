package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Mounted are the credentials that are mounted; none where nothing is.
func Mounted(dir string) (Credentials, error) {
	read := func(name string) []byte {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil
		}
		return text
	}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return Credentials{}, nil
	}
	if err != nil {
		return Credentials{}, err
	}
	c := Credentials{
		AccessKeyID:     strings.TrimSpace(string(read("access-key-id"))),
		SecretAccessKey: strings.TrimSpace(string(read("secret-access-key"))),
		ServiceAccount:  read("service-account.json"),
	}
	if c.ServiceAccount == nil && (c.AccessKeyID == "" || c.SecretAccessKey == "") {
		var names []string
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return Credentials{}, fmt.Errorf("the credentials' Secret has the keys %s\nhint: want access-key-id and secret-access-key, or service-account.json", slices.Sorted(slices.Values(names)))
	}
	return c, nil
}
