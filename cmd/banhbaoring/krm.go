package main

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"sigs.k8s.io/kustomize/kyaml/kio"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/banhbaoring/banhbaoring/plugin"
	"github.com/banhbaoring/banhbaoring/render"
	"github.com/banhbaoring/banhbaoring/render/strict"
)

func krmCommand() *cobra.Command {
	var chartDir string
	cmd := &cobra.Command{
		Use:   "krm",
		Short: "Expand our kinds in a ResourceList: a KRM function for kustomize and kpt",
		Long: `Expand our kinds in a ResourceList, from standard input to standard output: a
KRM function. The functionConfig is a document of ours, which makes the function
a generator, or a ConfigMap whose data are the parameters of clusters, such as
"openbao.version". Faults are results, with the field and the file.`,
		Example: "  kustomize build --enable-alpha-plugins --enable-exec overlay   # a function of the kustomization\n  banhbaoring krm < resources.yaml",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			list := &kio.ByteReadWriter{Reader: cmd.InOrStdin(), Writer: cmd.OutOrStdout(), OmitReaderAnnotations: true, KeepReaderAnnotations: true}
			items, err := list.Read()
			if err != nil {
				return fmt.Errorf("standard input is no ResourceList: %w", err)
			}
			if list.WrappingKind != kio.ResourceListKind {
				return errors.New("standard input is no ResourceList\nhint: post-render takes plain manifests")
			}
			f := function{items: items, config: list.FunctionConfig, chartDir: chartDir}
			rendered, err := f.run(cmd)
			if err == nil {
				return list.Write(rendered)
			}
			results, failed := f.results(err)
			if failed != nil {
				return errors.Join(err, failed)
			}
			list.Results = results
			if failed := list.Write(items); failed != nil {
				return errors.Join(err, failed)
			}
			return err
		},
	}
	addChartDirFlag(cmd, &chartDir)
	return cmd
}

// function is one run of the KRM function.
type function struct {
	items    []*yaml.RNode
	config   *yaml.RNode
	chartDir string
}

// configName is the source that the functionConfig is read as.
const configName = "functionConfig"

func itemName(i int) string { return "items[" + strconv.Itoa(i) + "]" }

// run returns the items with ours expanded where they stood; what a
// functionConfig generates comes last.
func (f function) run(cmd *cobra.Command) ([]*yaml.RNode, error) {
	sources, err := f.sources()
	if err != nil {
		return nil, err
	}
	overrides, err := f.overrides()
	if err != nil {
		return nil, err
	}
	in, err := render.LoadWith(overrides, sources...)
	if err != nil {
		return nil, withRendering(in, err, f.chartDir)
	}
	if len(in.Documents) == len(in.Foreign) && len(overrides) == 0 {
		return f.items, nil // nothing of ours: the run is idempotent
	}
	manifests, err := renderEach(in, f.chartDir)
	if err != nil {
		return nil, err
	}
	warn(cmd, in)
	clusters := map[*strict.Document]render.Manifests{}
	for i, s := range in.Stacks {
		clusters[s.Document()] = manifests[i]
	}
	expanded := map[string][]*yaml.RNode{} // an item may be a list of several
	ours := map[string]bool{}
	for _, d := range in.Documents {
		text := d.Raw
		if render.Ours(d) {
			ours[d.File] = true
			if text, err = clusters[d].YAML(); err != nil {
				return nil, err
			}
		}
		of, err := nodes(text)
		if err != nil {
			return nil, err
		}
		expanded[d.File] = append(expanded[d.File], of...)
	}
	var all []*yaml.RNode
	for i, item := range f.items {
		if name := itemName(i); ours[name] {
			all = append(all, expanded[name]...)
		} else {
			all = append(all, item)
		}
	}
	return append(all, expanded[configName]...), nil
}

func (f function) sources() ([]render.Source, error) {
	var sources []render.Source
	add := func(name string, node *yaml.RNode) error {
		text, err := node.String()
		if err == nil {
			sources = append(sources, render.Source{Name: name, Data: []byte(text)})
		}
		return err
	}
	for i, item := range f.items {
		if err := add(itemName(i), item); err != nil {
			return nil, err
		}
	}
	if f.config != nil && !isConfigMap(f.config) && !f.isItem(f.config) {
		if err := add(configName, f.config); err != nil {
			return nil, err
		}
	}
	return sources, nil
}

// isItem tells whether a functionConfig is among the items too, where kustomize
// puts that of a generator.
func (f function) isItem(config *yaml.RNode) bool {
	return slices.ContainsFunc(f.items, func(item *yaml.RNode) bool {
		return item.GetApiVersion() == config.GetApiVersion() && item.GetKind() == config.GetKind() &&
			item.GetNamespace() == config.GetNamespace() && item.GetName() == config.GetName()
	})
}

func isConfigMap(n *yaml.RNode) bool { return n.GetKind() == "ConfigMap" && n.GetApiVersion() == "v1" }

func (f function) overrides() ([]render.Override, error) {
	if f.config == nil || !isConfigMap(f.config) {
		return nil, nil
	}
	return plugin.FromData(configName+": data", f.config.GetDataMap())
}

// nodes are objects as kyaml has them.
func nodes(text []byte) ([]*yaml.RNode, error) {
	return (&kio.ByteReader{Reader: bytes.NewReader(text), OmitReaderAnnotations: true}).Read()
}

// result is one of a ResourceList's results. Source:
// github.com/kubernetes-sigs/kustomize, cmd/config/docs/api-conventions/functions-spec.md.
type result struct {
	Message     string            `yaml:"message"`
	Severity    string            `yaml:"severity"`
	ResourceRef map[string]string `yaml:"resourceRef,omitempty"`
	Field       map[string]string `yaml:"field,omitempty"`
	File        map[string]any    `yaml:"file,omitempty"`
}

// results tell of an error, fault by fault.
func (f function) results(err error) (*yaml.RNode, error) {
	var faults strict.Faults
	if !errors.As(err, &faults) {
		faults = strict.Faults{{Message: err.Error()}}
	}
	var results []result
	for _, fault := range faults {
		r := result{Message: fault.Message, Severity: "error"}
		if fault.Hint != "" {
			r.Message += "; " + fault.Hint
		}
		if fault.Path != "" {
			r.Field = map[string]string{"path": fault.Path}
		}
		if node := f.named(fault.File); node != nil {
			if r.ResourceRef, err = resourceRef(node, fault); err != nil {
				return nil, err
			}
			r.File = file(node)
		} else if fault.File != "" {
			r.Message = fault.File + ": " + r.Message
		}
		results = append(results, r)
	}
	text, err := yaml.Marshal(results)
	if err != nil {
		return nil, err
	}
	return yaml.Parse(string(text))
}

// resourceRef names what a fault is in: the node that was read, or the object of the
// list that it is.
func resourceRef(node *yaml.RNode, fault strict.Fault) (map[string]string, error) {
	ref := map[string]string{"apiVersion": node.GetApiVersion(), "kind": node.GetKind(), "name": node.GetName(), "namespace": node.GetNamespace()}
	text, err := node.String()
	if err != nil {
		return nil, err
	}
	documents, _ := strict.Split(fault.File, []byte(text))
	for _, d := range render.Contents(documents) {
		at := d.Position("")
		before := at.Line < fault.Line || at.Line == fault.Line && at.Column <= fault.Column
		if before && !strings.HasPrefix(fault.Path, "items") { // which is the list's own
			ref = map[string]string{"apiVersion": d.APIVersion, "kind": d.Kind, "name": d.Name, "namespace": d.Namespace}
		}
	}
	if ref["namespace"] == "" {
		delete(ref, "namespace")
	}
	return ref, nil
}

func (f function) named(source string) *yaml.RNode {
	if source == configName {
		return f.config
	}
	for i, item := range f.items {
		if source == itemName(i) {
			return item
		}
	}
	return nil
}

// file is where an item was read from, as its annotations say.
func file(n *yaml.RNode) map[string]any {
	annotations := n.GetAnnotations()
	for _, prefix := range []string{"internal.config.kubernetes.io/", "config.kubernetes.io/"} {
		path := annotations[prefix+"path"]
		if path == "" {
			continue
		}
		file := map[string]any{"path": path}
		if index, err := strconv.Atoi(strings.TrimSpace(annotations[prefix+"index"])); err == nil {
			file["index"] = index
		}
		return file
	}
	return nil
}
