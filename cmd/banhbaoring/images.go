package main

import (
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/banhbaoring/banhbaoring/cmd/internal/imagelock"
	"github.com/banhbaoring/banhbaoring/render"
)

type imagesOptions struct {
	files    []string
	chartDir string
	lock     string
	platform string
	format   string
}

func imagesCommand() *cobra.Command {
	var o imagesOptions
	cmd := &cobra.Command{
		Use:   "images -f FILE",
		Short: "Print every image that the manifests name, for mirrors and scanners, or lock them to digests",
		Long: `Print every image that the manifests name, for mirrors and scanners.

With --lock, ask the images' registries for their digests and for the sha256 of
OpenBao's plugins, and write both to a file. Kept beside the spec, it makes
render name every image by its digest. The credentials are those of docker login.`,
		Example: `  banhbaoring images -f spec.yaml
  banhbaoring images -f spec.yaml -o json
  banhbaoring images -f spec.yaml --lock images.lock.yaml
  banhbaoring render -f spec.yaml -f images.lock.yaml`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	addFileFlag(cmd, &o.files)
	addChartDirFlag(cmd, &o.chartDir)
	addFormatFlag(cmd, &o.format)
	cmd.Flags().StringVar(&o.lock, "lock", "", "file to write the digests to")
	cmd.Flags().StringVar(&o.platform, "platform", "linux/amd64", "with --lock, the nodes' platform: a plugin's binary is another on each")
	return cmd
}

func (o imagesOptions) run(cmd *cobra.Command) error {
	if err := checkFormat(o.format); err != nil {
		return err
	}
	// What a lock says already is not asked for, but looked up anew.
	loader := render.Load
	if o.lock != "" {
		loader = render.LoadUnlocked
	}
	in, err := loadBy(cmd, o.files, loader)
	if err != nil {
		return withRendering(in, err, o.chartDir)
	}
	manifests, err := renderStacks(in, o.chartDir)
	if err != nil {
		return err
	}
	found := map[string]bool{}
	for _, u := range manifests {
		render.EachImage(u.Object, func(image string) string {
			found[image] = true
			return image
		})
	}
	images := slices.Sorted(maps.Keys(found))
	if o.lock != "" {
		return imagelock.Write(cmd.Context(), o.lock, images, in.Stacks, o.platform)
	}
	if o.format != "" {
		return printAs(cmd, o.format, images)
	}
	for _, image := range images {
		if _, err := fmt.Fprintln(cmd.OutOrStdout(), image); err != nil {
			return err
		}
	}
	return nil
}
