package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/banhbaoring/banhbaoring/cmd/internal/apply"
	"github.com/banhbaoring/banhbaoring/cmd/internal/live"
	"github.com/banhbaoring/banhbaoring/plugin/flux"
	"github.com/banhbaoring/banhbaoring/render"
)

type applyOptions struct {
	files    []string
	chartDir string
	cluster  clusterFlags
	onlyOurs bool
	prune    bool
	until    string
	timeout  time.Duration
}

// clusterFlags name a cluster, as kubectl's do.
type clusterFlags struct{ kubeconfig, context string }

func (c *clusterFlags) add(cmd *cobra.Command, when string) {
	flags := cmd.Flags()
	flags.StringVar(&c.kubeconfig, "kubeconfig", "", when+"the kubeconfig file; KUBECONFIG or ~/.kube/config when absent")
	flags.StringVar(&c.context, "context", "", when+"the kubeconfig's context")
}

func applyCommand() *cobra.Command {
	var o applyOptions
	cmd := &cobra.Command{
		Use:   "apply -f FILE",
		Short: "Bring a stack to a cluster, stage by stage",
		Long: `Bring a stack to the cluster of the kubeconfig, as a GitOps engine would: each
stage by server-side apply, when all before it are healthy. What a stage waits
for, and why, is told on standard error. When all is healthy, what an earlier
render of the same stack made and this one does not is removed, but never what
holds data or keys. Nothing is kept in the cluster but the objects.

Where an engine syncs the stack, let the engine do it.`,
		Example: `  banhbaoring apply -f cluster.yaml
  banhbaoring apply -f cluster.yaml --until foundation   # the namespace and its rights only
  banhbaoring diff --live cluster.yaml                   # what it would change`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	addFileFlag(cmd, &o.files)
	addChartDirFlag(cmd, &o.chartDir)
	o.cluster.add(cmd, "")
	flags := cmd.Flags()
	flags.BoolVar(&o.onlyOurs, "only-ours", false, "leave documents of other kinds out instead of applying them with the first stage")
	flags.BoolVar(&o.prune, "prune", true, "remove what the stack no longer has")
	flags.StringVar(&o.until, "until", "", "end after this stage, and prune nothing")
	flags.DurationVar(&o.timeout, "timeout", 0, "how long each stage may take to be healthy (default: 5m to 2h, by stage)")
	return cmd
}

func (o *applyOptions) run(cmd *cobra.Command) error {
	var last render.Stage
	if o.until != "" {
		stage, err := render.ParseStage(o.until)
		if err != nil {
			return usagef("%w%s", err, didYouMean(o.until, render.StageNames()))
		}
		last = stage
	}
	if o.timeout < 0 {
		return usagef("--timeout must be a duration, such as 10m (got %s)", o.timeout)
	}
	in, err := load(cmd, o.files)
	if err != nil {
		return withRendering(in, err, o.chartDir)
	}
	manifests, err := renderEach(in, o.chartDir)
	if err != nil {
		return err
	}
	var foreign []*unstructured.Unstructured
	if !o.onlyOurs {
		if foreign, err = otherObjects(in); err != nil {
			return err
		}
	}
	config, err := live.Config(o.cluster.kubeconfig, o.cluster.context)
	if err != nil {
		return err
	}
	for i, s := range in.Stacks {
		of := s.Cluster.Namespace + "/" + s.Cluster.Name
		applier, err := apply.New(config, func(format string, args ...any) {
			fmt.Fprintf(cmd.ErrOrStderr(), format+"\n", args...)
		})
		if err != nil {
			return err
		}
		stages := apply.Stages(manifests[i], foreign, o.limit)
		foreign = nil // once is enough
		if o.until != "" {
			stages = until(stages, last)
		}
		outcome, err := applier.Apply(cmd.Context(), s.Cluster.Namespace, stages, o.prune && o.until == "")
		if err != nil {
			return fmt.Errorf("%s: %w", of, interrupted(cmd.Context(), err))
		}
		upTo := ""
		if o.until != "" {
			upTo = " up to stage " + o.until
		}
		if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%s is applied%s: %s\n", of, upTo, outcome); err != nil {
			return err
		}
	}
	return nil
}

func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return errors.New("interrupted; what is applied stays, and the same command goes on")
	}
	return err
}

// limit is how long a stage may take: Flux's Kustomizations have the same.
func (o *applyOptions) limit(stage render.Stage) time.Duration {
	if o.timeout > 0 {
		return o.timeout
	}
	d, err := time.ParseDuration(flux.Timeout(stage))
	if err != nil {
		return 30 * time.Minute
	}
	return d
}

func until(stages []apply.Stage, last render.Stage) []apply.Stage {
	var kept []apply.Stage
	for _, s := range stages {
		if stage, err := render.ParseStage(s.Name); err == nil && stage <= last {
			kept = append(kept, s)
		}
	}
	return kept
}

// otherObjects are the documents that are not ours, which must be objects.
func otherObjects(in *render.Input) ([]*unstructured.Unstructured, error) {
	var all []*unstructured.Unstructured
	for _, d := range render.Contents(in.Foreign) {
		tree, _ := d.Value().(map[string]any)
		if d.Name == "" || d.Kind == "Kustomization" {
			return nil, fmt.Errorf("%s: %s is no object that can be applied\nhint: leave documents of other kinds out with --only-ours", d.Position("kind"), d.Kind)
		}
		all = append(all, &unstructured.Unstructured{Object: tree})
	}
	return all, nil
}
