package jobs

// Names of PostgreSQL's objects. The Service that is named like the
// StatefulSet gives each pod its name.
const (
	PostgresName     = "banhbaoring-postgres"
	PostgresPrimary  = PostgresName + "-primary"
	PostgresReplicas = PostgresName + "-replicas"
	PostgresPort     = 5432
)

// PostgresDatabase is the name of the database, and of the role that owns it.
const PostgresDatabase = "banhbaoring"

// PostgresURL is the database's URL as it is minted: {password} stands for the
// password. Whoever mounts it mounts the trust bundle too.
const PostgresURL = "postgres://{username}:{password}@" + PostgresPrimary + ":5432/{database}?sslmode=verify-full&sslrootcert=" + TrustDir + "/ca.crt"

// PostgresLoader is the role that loads dumps into a database of the stack's own
// StatefulSet: it owns that database while it is loaded, and has no other right, so
// that what a dump holds reaches nothing of the server nor of the database in use.
const PostgresLoader = "banhbaoring_restore"

// PostgresLoaderURL is its URL, as PostgresURL is the owner's.
const PostgresLoaderURL = "postgres://" + PostgresLoader + ":{restore-password}@" + PostgresPrimary + ":5432/{database}?sslmode=verify-full&sslrootcert=" + TrustDir + "/ca.crt"

// PostgresDNSNames are the names that PostgreSQL's certificate covers: those of
// its Services, CloudNativePG's own among them, in each form that a client may
// write, and those of all pods.
func PostgresDNSNames(namespace string) []string {
	names := []string{"localhost"}
	for _, service := range []string{PostgresName, PostgresPrimary, PostgresReplicas, "*." + PostgresName, PostgresName + "-rw", PostgresName + "-ro", PostgresName + "-r"} {
		names = append(names, service, service+"."+namespace, service+"."+namespace+".svc", service+"."+namespace+".svc.cluster.local")
	}
	return names
}
