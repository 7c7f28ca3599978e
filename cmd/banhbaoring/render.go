package main

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/banhbaoring/banhbaoring/api/crds"
	"github.com/banhbaoring/banhbaoring/cmd/internal/charts"
	"github.com/banhbaoring/banhbaoring/cmd/internal/output"
	"github.com/banhbaoring/banhbaoring/components"
	"github.com/banhbaoring/banhbaoring/render"
	"github.com/banhbaoring/banhbaoring/render/strict"
)

type renderOptions struct {
	files       []string
	output      string
	stage       string
	chartDir    string
	onlyOurs    bool
	includeCRDs bool
}

func renderCommand() *cobra.Command {
	var o renderOptions
	cmd := &cobra.Command{
		Use:   "render -f FILE",
		Short: "Print the manifests of every cluster in the given files",
		Example: `  banhbaoring render -f cluster.yaml
  banhbaoring render -f clusters/ -o manifests/          # one file an object
  kustomize build overlay | banhbaoring render -f -`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	addFileFlag(cmd, &o.files)
	flags := cmd.Flags()
	flags.StringVarP(&o.output, "output", "o", "", "file, or folder (ending in /, or existing) for one file an object; standard output when absent")
	flags.StringVar(&o.stage, "stage", "", "only the objects of this stage: "+strings.Join(render.StageNames(), ", "))
	addChartDirFlag(cmd, &o.chartDir)
	flags.BoolVar(&o.onlyOurs, "only-ours", false, "drop documents of other kinds instead of passing them through")
	flags.BoolVar(&o.includeCRDs, "include-crds", false, "print the CustomResourceDefinitions too")
	return cmd
}

func (o renderOptions) run(cmd *cobra.Command) error {
	if o.stage != "" {
		if _, err := render.ParseStage(o.stage); err != nil {
			return usagef("%w%s", err, didYouMean(o.stage, render.StageNames()))
		}
	}
	in, err := load(cmd, o.files)
	if err != nil {
		return withRendering(in, err, o.chartDir)
	}
	var definitions render.Manifests
	if o.includeCRDs {
		if definitions, err = render.Definitions(crds.Files); err != nil {
			return err
		}
	}
	foreign := in.Foreign
	if o.onlyOurs || o.stage != "" { // they belong to no stage
		foreign = nil
	}
	if o.output != "" && output.IsFolder(o.output) {
		manifests, err := renderStacks(in, o.chartDir)
		if err != nil {
			return err
		}
		return output.Folder(o.output, o.stage, o.chosen(append(definitions, manifests...)), foreign)
	}
	text, err := o.chosen(definitions).YAML()
	if err != nil {
		return err
	}
	stacks, err := renderText(in, o.chartDir, o.chosen)
	if err != nil {
		return err
	}
	text = appendForeign(append(text, stacks...), foreign)
	if o.output != "" {
		return output.File(o.output, text)
	}
	_, err = cmd.OutOrStdout().Write(text)
	return err
}

// chosen are the objects that --stage asks for.
func (o renderOptions) chosen(m render.Manifests) render.Manifests {
	if o.stage == "" {
		return m
	}
	stage, _ := render.ParseStage(o.stage) // checked
	return m.Only(stage)
}

func everything(m render.Manifests) render.Manifests { return m }

// withRendering joins to the faults of what was loaded those that the rendering of the
// sound stacks finds, so that all are told at once.
func withRendering(in *render.Input, err error, chartDir string) error {
	if in == nil || len(in.Stacks) == 0 {
		return err
	}
	_, more := renderEach(in, chartDir)
	var faults, rendering strict.Faults
	if more == nil || err != nil && !errors.As(err, &faults) || !errors.As(more, &rendering) {
		return err
	}
	faults = slices.Concat(faults, rendering)
	faults.Sort()
	return faults
}

// renderStacks renders every stack, or none.
func renderStacks(in *render.Input, chartDir string) (render.Manifests, error) {
	manifests, err := renderEach(in, chartDir)
	return slices.Concat(manifests...), err
}

// renderEach renders every stack by itself, or none.
func renderEach(in *render.Input, chartDir string) ([]render.Manifests, error) {
	return renderAll(in, chartDir, func(m render.Manifests) (render.Manifests, error) { return m, nil })
}

// renderText renders what is chosen of every stack to one stream, or nothing.
// The objects of a stack are gone once they are written, so that a hundred
// stacks need the memory of few.
func renderText(in *render.Input, chartDir string, chosen func(render.Manifests) render.Manifests) ([]byte, error) {
	texts, err := renderAll(in, chartDir, func(m render.Manifests) ([]byte, error) { return chosen(m).YAML() })
	return bytes.Join(texts, nil), err
}

// renderAll renders stacks side by side, and returns in their order what finish
// makes of each, or every fault.
func renderAll[T any](in *render.Input, chartDir string, finish func(render.Manifests) (T, error)) ([]T, error) {
	if len(in.Stacks) == 0 {
		return nil, errNoCluster
	}
	finished := make([]T, len(in.Stacks))
	failures := make([]error, len(in.Stacks))
	var workers errgroup.Group
	workers.SetLimit(runtime.GOMAXPROCS(0))
	for i, s := range in.Stacks {
		workers.Go(func() error {
			finished[i], failures[i] = renderOne(s, in.Foreign, chartDir, finish)
			return nil
		})
	}
	_ = workers.Wait() // failures are collected, so that all are told
	var faults strict.Faults
	for i, err := range failures {
		if err != nil {
			var located strict.Faults
			if !errors.As(err, &located) {
				located = in.Stacks[i].Locate(err)
			}
			faults = append(faults, located...)
		}
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return finished, nil
}

func renderOne[T any](s *render.Stack, foreign []*strict.Document, chartDir string, finish func(render.Manifests) (T, error)) (finished T, err error) {
	if err := openChart(s, chartDir); err != nil {
		return finished, err
	}
	manifests, err := render.Render(s, components.All())
	if err != nil {
		return finished, err
	}
	if faults := s.Clashes(manifests, foreign); len(faults) > 0 {
		return finished, faults
	}
	return finish(manifests)
}

// openChart reads the chart that the spec names from where `chart pull` put it.
func openChart(s *render.Stack, dir string) error {
	chart := s.Cluster.Spec.OpenBao.Chart
	if chart == nil {
		return nil
	}
	store, err := chartStore(dir)
	if err != nil {
		return err
	}
	s.Chart, err = store.Open(chart.Digest)
	if errors.Is(err, charts.ErrNotStored) {
		return field.Invalid(field.NewPath("spec", "openbao", "chart", "digest"), field.OmitValueType{},
			fmt.Sprintf("chart is not in %s\nhint: run `banhbaoring chart pull --repository %s --version %s --digest %s`",
				store.Dir, chart.Repository, chart.Version, chart.Digest))
	}
	return err
}

func appendForeign(text []byte, foreign []*strict.Document) []byte {
	for _, d := range foreign {
		text = append(text, d.Text()...)
	}
	return text
}
