package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/client-go/kubernetes"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs/backup"
	"github.com/banhbaoring/banhbaoring/jobs/backup/archive"
)

// bucket is a place of a cluster's backups.
type bucket struct {
	*archive.Repository
	cluster *v1.BanhBaoRingCluster
}

// memoryFlags say whether the cluster is asked which backup was its newest.
type memoryFlags struct {
	live    bool
	cluster clusterFlags
}

func (f *memoryFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.live, "live", false, "ask the cluster which backup was its newest; nothing is written")
	f.cluster.add(cmd, "with --live: ")
}

// open opens the cluster that is asked; without --live, there is none.
func (f *memoryFlags) open() (kubernetes.Interface, error) {
	if f.live {
		return openCluster(f.cluster.kubeconfig, f.cluster.context)
	}
	if f.cluster != (clusterFlags{}) {
		return nil, usagef("--kubeconfig and --context go with --live")
	}
	return nil, nil
}

// missed hands on each backup in the bucket, and then fails with a missedError where
// others are not there that ought to be. Without a cluster, nobody remembers the
// newest.
func (b *bucket) missed(ctx context.Context, cluster kubernetes.Interface, found func(archive.Listed)) error {
	var known archive.Link
	if cluster != nil {
		var err error
		if known, err = backup.Known(ctx, cluster, b.cluster.Namespace, b.Store); err != nil {
			return err
		}
	}
	var chain archive.Chain
	for l, err := range b.Backups(ctx) {
		if err != nil {
			return err
		}
		if l.Err == nil {
			chain.Add(b.Repository, l.Manifest, b.cluster.Name, b.cluster.Namespace)
		}
		found(l)
	}
	if lost := chain.Lost(known); len(lost) > 0 {
		return missedError(lost)
	}
	return nil
}

// missedError says which backups are missed.
type missedError []string

func (e missedError) Error() string {
	return strings.Join(e, "\n") + "\nhint: where you removed them yourself, nothing is amiss; otherwise look at the bucket's own log, and at the versions that it keeps"
}
