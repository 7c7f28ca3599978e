package main

import (
	"errors"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/banhbaoring/banhbaoring/cmd/internal/live"
	"github.com/banhbaoring/banhbaoring/diff"
	"github.com/banhbaoring/banhbaoring/render"
)

// liveSides are what the cluster has, and what it would have with the head.
func (o *diffOptions) liveSides(cmd *cobra.Command, headName string) (base, head diff.Side, refusals map[diff.ID]string, err error) {
	sources, err := o.read(cmd, headName)
	if err != nil {
		return base, head, nil, err
	}
	overrides, err := o.overrides()
	if err != nil {
		return base, head, nil, err
	}
	in, err := render.LoadWith(overrides, sources[0]...)
	if err != nil {
		return base, head, nil, withRendering(in, err, o.chartDir)
	}
	manifests, err := renderStacks(in, o.chartDir)
	if err != nil {
		return base, head, nil, err
	}
	foreign, _ := foreignObjects(render.Contents(in.Foreign), nil)
	objects := append([]*unstructured.Unstructured(manifests), foreign...)
	for _, u := range foreign {
		if u.GetName() == "" || u.GetKind() == "Kustomization" {
			return base, head, nil, errors.New("the input holds documents that are no objects\nhint: leave them out with --path")
		}
	}
	cluster, err := live.Open(o.kubeconfig, o.context)
	if err != nil {
		return base, head, nil, err
	}
	found, err := cluster.Compare(cmd.Context(), objects)
	if err != nil {
		return base, head, nil, err
	}
	refusals = map[diff.ID]string{}
	for key, message := range found.Refusals {
		refusals[diff.ID(key)] = message
	}
	base = diff.Side{Name: "live " + cluster.Host, Objects: found.Live}
	head = diff.Side{Name: headName, Objects: found.Applied, Beside: beside(in.Stacks, foreign)}
	return base, head, refusals, nil
}
