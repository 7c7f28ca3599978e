package backup

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/banhbaoring/banhbaoring/jobs/backup/archive"
	"github.com/banhbaoring/banhbaoring/jobs/run"
)

// openbao streams a raft snapshot from the active node and checks it on the way.
func openbao(client *run.Client) archive.Source {
	return func(ctx context.Context, w io.Writer) (archive.About, error) {
		reader, pipe := io.Pipe()
		var about archive.About
		checked := make(chan error, 1)
		go func() {
			same, err := CheckSnapshot(reader)
			about.Same = same
			_, _ = io.Copy(io.Discard, reader)
			checked <- err
		}()
		err := client.Sys().RaftSnapshotWithContext(ctx, io.MultiWriter(w, pipe))
		pipe.CloseWithError(err)
		if fault := <-checked; err == nil {
			err = fault
		}
		if err != nil {
			return about, fmt.Errorf("raft snapshot: %w", err)
		}
		return about, nil
	}
}

// sums is the file of a snapshot that holds the sha256 of the others, and sealed
// the same under OpenBao's own key. Source: openbao, physical/raft/snapshot.
const (
	sums   = "SHA256SUMS"
	sealed = "SHA256SUMS.sealed"
)

// CheckSnapshot reads a raft snapshot and compares its files with their sha256 in
// it. It returns what identifies the state that it holds.
func CheckSnapshot(r io.Reader) (same string, err error) {
	unzipped, err := gzip.NewReader(r)
	if err != nil {
		return "", fmt.Errorf("it is no raft snapshot: %w", err)
	}
	got := map[string]string{}
	var list, seal []byte
	for files := tar.NewReader(unzipped); ; {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", fmt.Errorf("it is cut off or damaged: %w", err)
		}
		small := io.LimitReader(files, 1<<20)
		switch header.Name {
		case sums:
			list, err = io.ReadAll(small)
		case sealed:
			seal, err = io.ReadAll(small)
		default:
			sum := sha256.New()
			_, err = io.Copy(sum, files)
			got[header.Name] = hex.EncodeToString(sum.Sum(nil))
		}
		if err != nil {
			return "", fmt.Errorf("its file %s: %w", header.Name, err)
		}
	}
	if len(list) == 0 || len(seal) == 0 {
		return "", fmt.Errorf("it lacks %s or %s: OpenBao could not complete it", sums, sealed)
	}
	wanted := 0
	for lines := bufio.NewScanner(bytes.NewReader(list)); lines.Scan(); wanted++ {
		sum, name, _ := strings.Cut(lines.Text(), "  ")
		if got[name] != sum {
			return "", fmt.Errorf("its file %s does not have the sha256 that it says", name)
		}
	}
	if wanted == 0 || wanted != len(got) {
		return "", fmt.Errorf("it holds %d files, and the sha256 of %d", len(got), wanted)
	}
	sum := sha256.Sum256(list)
	return hex.EncodeToString(sum[:]), nil
}
