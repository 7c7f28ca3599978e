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
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
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
			return usageError{err}
		}
	}
	in, err := load(cmd, o.files)
	if err != nil {
		return err
	}
	manifests, err := renderStacks(in, o.chartDir)
	if err != nil {
		return err
	}
	if o.includeCRDs {
		definitions, err := render.Definitions(crds.Files)
		if err != nil {
			return err
		}
		manifests = append(definitions, manifests...)
	}
	if o.stage != "" {
		stage, _ := render.ParseStage(o.stage)
		manifests = manifests.Only(stage)
	}
	foreign := in.Foreign
	if o.onlyOurs || o.stage != "" { // they belong to no stage
		foreign = nil
	}
	if o.output == "" {
		text, err := stream(manifests, foreign)
		if err != nil {
			return err
		}
		_, err = cmd.OutOrStdout().Write(text)
		return err
	}
	if output.IsFolder(o.output) {
		return output.Folder(o.output, o.stage, manifests, foreign)
	}
	text, err := stream(manifests, foreign)
	if err != nil {
		return err
	}
	return output.File(o.output, text)
}

// renderStacks renders every stack, or none.
func renderStacks(in *render.Input, chartDir string) (render.Manifests, error) {
	manifests, err := renderEach(in, chartDir)
	return slices.Concat(manifests...), err
}

// renderEach renders every stack by itself, or none.
func renderEach(in *render.Input, chartDir string) ([]render.Manifests, error) {
	if len(in.Stacks) == 0 {
		return nil, errors.New("there is no BanhBaoRingCluster in the input: nothing to render")
	}
	var faults strict.Faults
	for _, s := range in.Stacks {
		if err := openChart(s, chartDir); err != nil {
			faults = append(faults, s.Locate(err)...)
		}
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return renderAll(in.Stacks)
}

// renderAll renders stacks side by side, and returns their manifests in order.
func renderAll(stacks []*render.Stack) ([]render.Manifests, error) {
	all := components.All()
	manifests := make([]render.Manifests, len(stacks))
	failures := make([]error, len(stacks))
	var workers errgroup.Group
	workers.SetLimit(runtime.GOMAXPROCS(0))
	for i, s := range stacks {
		workers.Go(func() error {
			manifests[i], failures[i] = render.Render(s, all)
			return nil
		})
	}
	_ = workers.Wait() // failures are collected, so that all are told
	var faults strict.Faults
	for i, err := range failures {
		if err != nil {
			faults = append(faults, stacks[i].Locate(err)...)
		}
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return manifests, nil
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

func stream(manifests render.Manifests, foreign []*strict.Document) ([]byte, error) {
	text, err := manifests.YAML()
	if err != nil {
		return nil, err
	}
	out := bytes.NewBuffer(text)
	for _, d := range foreign {
		out.Write(d.Text())
	}
	return out.Bytes(), nil
}
