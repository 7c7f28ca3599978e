// Package install copies a program out of an image, so that another container
// of the pod can run it.
package install

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Options say what is copied.
type Options struct {
	From, To string
	// SHA256 of the program, in hexadecimal; any when empty.
	SHA256 string
	// Stanza is a file that takes a plugin stanza of OpenBao's configuration
	// for the program; none is written when empty.
	Stanza              string
	Type, Name, Version string
}

// Run copies the program: whole or not at all, so that a pod that dies midway
// leaves nothing that OpenBao would refuse, and a program that runs is not
// written to.
func Run(o Options) error {
	sum, err := copyProgram(o.From, o.To, o.SHA256)
	if err != nil {
		return err
	}
	if o.Stanza == "" {
		return nil
	}
	stanza := fmt.Sprintf("plugin %q %q {\n  command   = %q\n  version   = %q\n  sha256sum = %q\n}\n",
		o.Type, o.Name, filepath.Base(o.To), o.Version, sum)
	return os.WriteFile(o.Stanza, []byte(stanza), 0o644)
}

func copyProgram(from, to, want string) (sum string, err error) {
	in, err := os.Open(from)
	if err != nil {
		return "", err
	}
	defer in.Close()
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return "", err
	}
	out, err := os.CreateTemp(filepath.Dir(to), ".install-*")
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			out.Close()
			os.Remove(out.Name())
		}
	}()
	hash := sha256.New()
	if _, err := io.Copy(io.MultiWriter(out, hash), in); err != nil {
		return "", fmt.Errorf("copying %s to %s: %w", from, to, err)
	}
	sum = hex.EncodeToString(hash.Sum(nil))
	if want != "" && sum != want {
		return "", fmt.Errorf("%s has sha256 %s, but the spec says %s: is it the right image", from, sum, want)
	}
	// 0o750 would do for OpenBao; other containers of the pod run as others.
	if err := out.Chmod(0o755); err != nil {
		return "", err
	}
	if err := out.Sync(); err != nil {
		return "", err
	}
	if err := out.Close(); err != nil {
		return "", err
	}
	return sum, os.Rename(out.Name(), to)
}
