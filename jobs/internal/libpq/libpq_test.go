package libpq_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/banhbaoring/banhbaoring/jobs/internal/libpq"
)

func TestADatabaseURLBecomesAnEnvironment(t *testing.T) {
	env, err := libpq.Environment("postgres://bao:p%40ss@db.example.com:5433/keys?sslmode=verify-full&sslrootcert=/ca.crt&application_name=api")
	slices.Sort(env)
	want := []string{"PGDATABASE=keys", "PGHOST=db.example.com", "PGPASSWORD=p@ss", "PGPORT=5433", "PGSSLMODE=verify-full", "PGSSLROOTCERT=/ca.crt", "PGUSER=bao"}
	if diff := cmp.Diff(want, env); diff != "" || err != nil {
		t.Errorf("%s, %v", diff, err)
	}
	for _, bad := range []string{"host=db password=secret-word", "postgres://u:secret-word@h:bad/", "postgres://u:secret-word@h/d?unheard=1", ""} {
		if _, err := libpq.Environment(bad); err == nil || strings.Contains(err.Error(), "secret-word") {
			t.Errorf("got %v", err)
		}
	}
}
