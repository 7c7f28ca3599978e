// Package libpq tells PostgreSQL's own programs where a database is.
package libpq

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// variables are the environment that stands for each parameter of a URL. Source:
// postgresql.org/docs, libpq environment variables.
var variables = map[string]string{
	"sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT", "sslcert": "PGSSLCERT", "sslkey": "PGSSLKEY", "sslcrl": "PGSSLCRL",
	"sslnegotiation": "PGSSLNEGOTIATION", "ssl_min_protocol_version": "PGSSLMINPROTOCOLVERSION", "channel_binding": "PGCHANNELBINDING",
	"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE",
	"options": "PGOPTIONS", "target_session_attrs": "PGTARGETSESSIONATTRS", "gssencmode": "PGGSSENCMODE", "require_auth": "PGREQUIREAUTH",
}

// Environment is a database's URL as the environment of PostgreSQL's programs:
// their arguments are for everyone to read. No error shows any of it.
func Environment(text string) ([]string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" || u.Host == "" {
		return nil, errors.New("the database's URL cannot be read: want postgres://user:password@host:port/database?sslmode=verify-full")
	}
	env := []string{"PGHOST=" + u.Hostname()}
	set := func(name, value string) {
		if value != "" {
			env = append(env, name+"="+value)
		}
	}
	set("PGPORT", u.Port())
	set("PGDATABASE", strings.TrimPrefix(u.Path, "/"))
	if u.User != nil {
		set("PGUSER", u.User.Username())
		password, _ := u.User.Password()
		set("PGPASSWORD", password)
	}
	for name, values := range u.Query() {
		switch variable := variables[name]; {
		case variable != "":
			set(variable, values[len(values)-1])
		case strings.HasPrefix(name, "pool_"), name == "application_name", name == "connect_timeout": // are the API's own
		default:
			return nil, fmt.Errorf("the database's URL has a parameter %q that backups and restores do not know", name)
		}
	}
	return env, nil
}
