package archive

import (
	"regexp"
	"slices"
	"strings"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
)

var (
	namePattern  = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	chunkPattern = regexp.MustCompile(`^chunks/[0-9a-f]{64}/[0-9a-f]{64}$`)
)

// layout is how each component is stored.
var layout = map[v1.BackupComponent]struct {
	clear, encrypted string
	compression      Compression
}{
	v1.BackupOpenBao:  {"openbao.snap", "openbao.snap.age", None}, // is compressed by itself
	v1.BackupDatabase: {"postgres.sql.gz", "postgres.sql.gz.age", Gzip},
	v1.BackupSecrets:  {"", "secrets.yaml.enc", None},
}

// chunked is the name of a dump that is stored as chunks. There is no such object.
const chunked = "postgres.sql"

// ours tells whether a key can be that of a backup's object, its manifest
// excepted. Nothing else in the bucket is ever touched.
func ours(key string) bool {
	folder, file, _ := strings.Cut(key, "/")
	if folder+"/" == chunkDir {
		return chunkPattern.MatchString(key)
	}
	var files []string
	for _, l := range layout {
		files = append(files, l.clear, l.encrypted)
	}
	return namePattern.MatchString(folder) && file != "" && slices.Contains(files, file)
}

// manifestOf is the name of the backup whose manifest a key is.
func manifestOf(key string) (name string, ok bool) {
	name, file, _ := strings.Cut(key, "/")
	return name, file == ManifestFile && namePattern.MatchString(name)
}

func manifestKey(name string) string { return name + "/" + ManifestFile }
