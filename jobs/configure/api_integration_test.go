//go:build integration

package configure_test

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/banhbaoring/banhbaoring/jobs"
)

// apiMay is all that the API may do with the engine, in its own namespace and in
// each tenant's. Whatever is not here is denied.
var apiMay = map[string]string{
	"keys/":         "list",
	"keys/a":        "create read update",
	"keys/a/import": "create update",
	"sign/a":        "create update",
	"sign-evm/a":    "create update",
	"verify/a":      "create update",
}

// parameter is a part of a path that is named in its place.
var parameter = regexp.MustCompile(`\{[^}]*\}`)

// TestTheAPIReachesOfTheEngineWhatTheTableSays asks a real server, with the real
// engine mounted, about every path that the engine has.
func TestTheAPIReachesOfTheEngineWhatTheTableSays(t *testing.T) {
	s := newStack(t)
	const version = "v1.1.0"
	s.job.Config = s.withEngine(t, version)
	s.runs(t)
	token := s.token(t)

	document := s.bao.Read(t, s.root, "sys/internal/specs/openapi")
	paths, _ := document["paths"].(map[string]any)
	seen := map[string]bool{}
	for path := range paths {
		path, engine := strings.CutPrefix(path, "/secp256k1/")
		path = strings.TrimSuffix(parameter.ReplaceAllString(path, "a"), "/")
		if !engine {
			continue
		}
		if path == "keys" {
			path = "keys/" // as a LIST is asked about
		}
		seen[path] = true
	}
	for _, path := range []string{"keys/a/config", "keys/a/policy", "export/a", "keys/a/b", "keys/a/import/b", "config", "sign/a/b"} {
		seen[path] = true // as a client could ask, whether the engine knows it or not
	}
	for path := range apiMay {
		if !seen[path] {
			t.Errorf("the engine has no %s", path)
		}
	}
	for _, namespace := range []string{"", "tenant-a/"} {
		for _, path := range slices.Sorted(maps.Keys(seen)) {
			want := apiMay[path]
			if want == "" {
				want = "deny"
			}
			full := namespace + "secp256k1/" + path
			answer := s.bao.Write(t, s.root, "sys/capabilities", map[string]any{"token": token, "paths": []string{full}})
			var got []string
			for _, c := range answer[full].([]any) {
				got = append(got, c.(string))
			}
			slices.Sort(got)
			if strings.Join(got, " ") != want {
				t.Errorf("%s: %v, want %s", full, got, want)
			}
		}
	}
}

// withEngine is the Job's configuration with the engine of this repository.
func (s *stack) withEngine(t *testing.T, version string) jobs.ConfigureConfig {
	t.Helper()
	config := s.config(t, version)
	command := filepath.Join(s.bao.PluginDir, config.Plugin.Command)
	build := exec.Command("go", "build", "-o", command, "./cmd/secp256k1")
	build.Dir, build.Env = "../../secp256k1", append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	binary, err := os.ReadFile(command)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(binary)
	config.Plugin.Binary, config.Plugin.SHA256 = command, hex.EncodeToString(sum[:])
	return config
}
