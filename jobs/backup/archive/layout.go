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
	v1.BackupDatabase: {"postgres.dump.gz", "postgres.dump.gz.age", Gzip},
	v1.BackupSecrets:  {"", "secrets.yaml.enc", None},
}

// script begins the names of dumps of format 1, which are SQL scripts.
const script = "postgres.sql"

// chunked is the name of a dump that is stored as chunks. There is no such object.
const chunked = "postgres.dump"

// Names are the components by the names that their parts have, whatever their
// format and whether they are encrypted.
func Names(part string) (v1.BackupComponent, bool) {
	switch {
	case strings.HasPrefix(part, "openbao.snap"):
		return v1.BackupOpenBao, true
	case strings.HasPrefix(part, script), strings.HasPrefix(part, chunked):
		return v1.BackupDatabase, true
	case strings.HasPrefix(part, "secrets.yaml"):
		return v1.BackupSecrets, true
	}
	return v1.BackupComponent(part), false
}

// Script reports whether a dump is an SQL script, and not pg_dump's own format.
func (p *Part) Script() bool { return strings.HasPrefix(p.File, script) }

// ours tells whether a key can be that of a backup's object, its manifest
// excepted. Nothing else in the bucket is ever touched.
func ours(key string) bool {
	folder, file, _ := strings.Cut(key, "/")
	if folder+"/" == chunkDir {
		return chunkPattern.MatchString(key)
	}
	files := []string{script + ".gz", script + ".gz.age"}
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
