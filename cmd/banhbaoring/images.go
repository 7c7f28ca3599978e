package main

import (
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"
)

func imagesCommand() *cobra.Command {
	var files []string
	var chartDir string
	cmd := &cobra.Command{
		Use:   "images -f FILE",
		Short: "Print every image that the manifests name, for mirrors and scanners",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			in, err := load(cmd, files)
			if err != nil {
				return err
			}
			manifests, err := renderStacks(in, chartDir)
			if err != nil {
				return err
			}
			images := map[string]bool{}
			for _, u := range manifests {
				findImages(u.Object, images)
			}
			for _, image := range slices.Sorted(maps.Keys(images)) {
				if _, err := fmt.Fprintln(cmd.OutOrStdout(), image); err != nil {
					return err
				}
			}
			return nil
		},
	}
	addFileFlag(cmd, &files)
	addChartDirFlag(cmd, &chartDir)
	return cmd
}

// findImages collects the images of every list of containers in v, and those
// that an operator's object names.
func findImages(v any, images map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if image, ok := value.(string); ok && key == "imageName" { // CloudNativePG's
				images[image] = true
			}
			if list, ok := value.([]any); ok && (key == "containers" || key == "initContainers") {
				for _, container := range list {
					if c, ok := container.(map[string]any); ok {
						if image, ok := c["image"].(string); ok {
							images[image] = true
						}
					}
				}
			}
			findImages(value, images)
		}
	case []any:
		for _, value := range v {
			findImages(value, images)
		}
	}
}
