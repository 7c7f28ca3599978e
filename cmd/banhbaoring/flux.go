package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/banhbaoring/banhbaoring/cmd/internal/output"
	"github.com/banhbaoring/banhbaoring/plugin/flux"
	"github.com/banhbaoring/banhbaoring/render"
	"github.com/banhbaoring/banhbaoring/render/strict"
)

// fluxNote is what a user of a single stream must know.
const fluxNote = "note: Flux applies a single stream at once: only the folders of `banhbaoring flux -o DIR` are ordered, and only there does the backup before an upgrade come before the upgrade"

type fluxOptions struct {
	files    []string
	output   string
	source   string
	chartDir string
	flux.Options
}

func fluxCommand() *cobra.Command {
	var o fluxOptions
	cmd := &cobra.Command{
		Use:   "flux -f FILE -o DIR",
		Short: "Write a folder a stage, and the Kustomizations that order them, for Flux",
		Long: `Write a folder a stage, and the Kustomizations that order them, for Flux:

  DIR/kustomizations/NAMESPACE.yaml   what a Kustomization of yours points at
  DIR/stages/NAMESPACE/STAGE/         the objects of one stage

Without -o, the manifests are printed as one stream, for flux push artifact -f -.
Flux applies a stream at once: only the folders are ordered.`,
		Example: `  banhbaoring flux -f clusters -o dist --source OCIRepository/keys`,
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	addFileFlag(cmd, &o.files)
	flags := cmd.Flags()
	flags.StringVarP(&o.output, "output", "o", "", "folder; one stream on standard output when absent")
	flags.StringVar(&o.source, "source", "GitRepository/flux-system", "the source that holds the folder: GitRepository/NAME, OCIRepository/NAME or Bucket/NAME")
	flags.StringVar(&o.Path, "path", ".", "the folder's path within the source")
	flags.StringVar(&o.Namespace, "namespace", "flux-system", "namespace of the source and the Kustomizations")
	flags.StringVar(&o.Interval, "interval", "10m", "interval at which Flux reconciles")
	addChartDirFlag(cmd, &o.chartDir)
	return cmd
}

func (o fluxOptions) run(cmd *cobra.Command) error {
	if err := o.check(); err != nil {
		return err
	}
	o.SourceKind, o.SourceName, _ = strings.Cut(o.source, "/")
	in, err := load(cmd, o.files)
	if err != nil {
		return withRendering(in, err, o.chartDir)
	}
	if o.output == "" {
		text, err := renderText(in, o.chartDir, everything)
		if err != nil {
			return err
		}
		fmt.Fprintln(cmd.ErrOrStderr(), fluxNote)
		_, err = cmd.OutOrStdout().Write(appendForeign(text, in.Foreign))
		return err
	}
	manifests, err := renderEach(in, o.chartDir)
	if err != nil {
		return err
	}
	files, err := o.layout(in, manifests)
	if err != nil {
		return err
	}
	// A render into a folder of the same one is not ours to remove.
	return output.Files(o.output, files, func(path string) bool {
		return strings.HasPrefix(path, "kustomizations/") || strings.HasPrefix(path, "stages/")
	})
}

var name = regexp.MustCompile(`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`)

func (o fluxOptions) check() error {
	kind, source, ok := strings.Cut(o.source, "/")
	if !ok || !slices.Contains([]string{"GitRepository", "OCIRepository", "Bucket"}, kind) || !name.MatchString(source) {
		return usagef("--source must be GitRepository/NAME, OCIRepository/NAME or Bucket/NAME (got %q)", o.source)
	}
	if !name.MatchString(o.Namespace) {
		return usagef("--namespace must be a namespace's name (got %q)", o.Namespace)
	}
	if !filepath.IsLocal(o.Path) {
		return usagef("--path must lie within the source (got %q)", o.Path)
	}
	if d, err := time.ParseDuration(o.Interval); err != nil || d < time.Minute {
		return usagef("--interval must be a duration of a minute at least, such as 10m (got %q)", o.Interval)
	}
	return nil
}

// layout is every file of the folder.
func (o fluxOptions) layout(in *render.Input, manifests []render.Manifests) (map[string][]byte, error) {
	if len(in.Foreign) > 0 {
		faults := make(strict.Faults, len(in.Foreign))
		for i, d := range in.Foreign {
			faults[i] = strict.Fault{Position: d.Position("kind"), Message: fmt.Sprintf("%s %s belongs to no stage", d.Kind, d.Name),
				Hint: "keep it out of the input, and give it a Kustomization of its own"}
		}
		return nil, faults
	}
	files := map[string][]byte{}
	add := func(path string, objects render.Manifests) error {
		text, err := objects.YAML()
		if files[path] != nil {
			return errors.New(path + " would hold two objects")
		}
		files[path] = text
		return err
	}
	for i, s := range in.Stacks {
		namespace := s.Cluster.Namespace
		kustomizations := flux.Kustomizations(namespace, manifests[i], o.Options)
		if err := add(filepath.Join("kustomizations", namespace+".yaml"), kustomizations); err != nil {
			return nil, err
		}
		for _, stage := range flux.Stages(manifests[i]) {
			for _, u := range manifests[i].Only(stage) {
				folder := flux.Folder(namespace, stage)
				if other := u.GetNamespace(); other != namespace {
					folder = filepath.Join(folder, other) // a tenant's clients are in theirs
				}
				path := filepath.Join(folder, output.FileName(u))
				if err := add(path, render.Manifests{u}); err != nil {
					return nil, err
				}
			}
		}
	}
	return files, nil
}
