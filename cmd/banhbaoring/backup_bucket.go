package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs/backup/store"
	"github.com/banhbaoring/banhbaoring/render"
)

// backupExamples are those of backup's subcommands.
var backupExamples = map[string]string{
	"list":   "  banhbaoring backup list -f cluster.yaml",
	"show":   "  banhbaoring backup show 20260102t020000z -f cluster.yaml",
	"verify": "  banhbaoring backup verify 20260102t020000z -f cluster.yaml --identity key.txt",
	"read":   "  banhbaoring backup read 20260102t020000z openbao -f cluster.yaml --identity key.txt > raft.snap",
}

// openForPerson opens a bucket for somebody who waits for the answer: where
// nothing answers, that is told within half a minute. An authority of the
// endpoint's own lies in the file that AWS_CA_BUNDLE names.
func openForPerson(ctx context.Context, d v1.Destination, c store.Credentials) (store.Store, error) {
	options := store.Options{Idle: 10 * time.Second, Retries: 2}
	if path := os.Getenv("AWS_CA_BUNDLE"); path != "" {
		var err error
		if options.CACert, err = os.ReadFile(path); err != nil {
			return nil, fmt.Errorf("AWS_CA_BUNDLE: %w", err)
		}
	}
	return store.Open(ctx, d, c, options)
}

// haveKeys says where the bucket's keys are, where the spec names a Secret for
// them and the environment does not have them.
func haveKeys(s *render.Stack, d v1.Destination, c store.Credentials) error {
	if d.S3 == nil || d.S3.Credentials == nil {
		return nil
	}
	var missing []string
	if c.AccessKeyID == "" {
		missing = append(missing, "AWS_ACCESS_KEY_ID")
	}
	if c.SecretAccessKey == "" {
		missing = append(missing, "AWS_SECRET_ACCESS_KEY")
	}
	if len(missing) == 0 {
		return nil
	}
	get := func(variable, key string) string {
		return fmt.Sprintf("export %s=$(kubectl get secret -n %s %s -o 'jsonpath={.data.%s}' | base64 -d)", variable, s.Cluster.Namespace, d.S3.Credentials.SecretName, key)
	}
	return errors.New("the keys of bucket " + d.S3.Bucket + " are not in the environment: " + strings.Join(missing, " and ") + " must be set\nhint: " +
		get("AWS_ACCESS_KEY_ID", "access-key-id") + "; " + get("AWS_SECRET_ACCESS_KEY", "secret-access-key"))
}
