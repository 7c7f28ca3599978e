-- Roles and the database, as the Secret has them. It may run any number of times.
\set username `cat /etc/banhbaoring-postgres-credentials/username`
\set password `cat /etc/banhbaoring-postgres-credentials/password`
\set database `cat /etc/banhbaoring-postgres-credentials/database`
\set replication `cat /etc/banhbaoring-postgres-credentials/replication-password`
\set restore `cat /etc/banhbaoring-postgres-credentials/restore-password 2>/dev/null || true`
\set exporter `cat /etc/banhbaoring-postgres-credentials/exporter-password 2>/dev/null || true`

-- A password must not reach the log, not even in a statement that fails.
SET log_statement = 'none';
SET log_min_error_statement = 'panic';
SET log_min_duration_statement = -1;

SELECT format('CREATE ROLE %I LOGIN', :'username')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'username') \gexec
-- A restore makes a new database and gives it the name of the one that it replaces.
ALTER ROLE :"username" CREATEDB PASSWORD :'password';

SELECT format('CREATE DATABASE %I OWNER %I', :'database', :'username')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \gexec

SELECT 'CREATE ROLE banhbaoring_replication LOGIN REPLICATION'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'banhbaoring_replication') \gexec
ALTER ROLE banhbaoring_replication PASSWORD :'replication';

-- It owns the database that a restore loads, while it does, and nothing else. The
-- owner takes over what it made. Without a password it cannot log in.
SELECT 'CREATE ROLE banhbaoring_restore LOGIN'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'banhbaoring_restore') \gexec
ALTER ROLE banhbaoring_restore NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
GRANT banhbaoring_restore TO :"username";
SELECT format('ALTER ROLE banhbaoring_restore PASSWORD %L', nullif(:'restore', '')) \gexec

-- It sees statistics and no table; without a password it cannot log in.
SELECT 'CREATE ROLE banhbaoring_exporter LOGIN'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'banhbaoring_exporter') \gexec
GRANT pg_monitor TO banhbaoring_exporter;
SELECT format('ALTER ROLE banhbaoring_exporter PASSWORD %L', nullif(:'exporter', '')) \gexec
