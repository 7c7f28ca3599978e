package database

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/banhbaoring/banhbaoring/jobs/internal/libpq"
)

// The spec's caCert has the programs verify the database, unless its URL says how.
func TestTheURLCountsBeforeTheSpecsAuthority(t *testing.T) {
	t.Setenv("PGSSLMODE", "verify-full")
	t.Setenv("PGSSLROOTCERT", "/ca/ca.crt")
	t.Setenv("PGPASSWORD", "of-nobody") // nothing else of the container's counts
	for url, want := range map[string][]string{
		"postgres://bao:any@db.example.com/keys":                                    {"PGSSLMODE=verify-full", "PGSSLROOTCERT=/ca/ca.crt"},
		"postgres://bao:any@db.example.com/keys?sslmode=require":                    {"PGSSLMODE=require", "PGSSLROOTCERT=/ca/ca.crt"},
		"postgres://bao:any@db.example.com/keys?sslmode=disable&sslrootcert=/b.pem": {"PGSSLMODE=disable", "PGSSLROOTCERT=/b.pem"},
	} {
		env, err := libpq.Environment(url)
		if err != nil {
			t.Fatal(err)
		}
		s := &server{env: env}
		all := s.environment("keys")
		got := []string{last(all, "PGSSLMODE="), last(all, "PGSSLROOTCERT=")}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s:\n%s", url, diff)
		}
		if slices.Contains(all, "PGPASSWORD=of-nobody") {
			t.Errorf("%s: the container's password is used", url)
		}
	}
}

// last is the one that counts of those that begin so. Source: os/exec, Cmd.Env.
func last(env []string, prefix string) string {
	for _, variable := range slices.Backward(env) {
		if len(variable) > len(prefix) && variable[:len(prefix)] == prefix {
			return variable
		}
	}
	return ""
}
