package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/render"
)

func defaultsCommand() *cobra.Command {
	var files []string
	var format string
	cmd := &cobra.Command{
		Use:   "defaults -f FILE",
		Short: "Print the effective spec, each value with where it comes from",
		Example: `  banhbaoring defaults -f cluster.yaml
  banhbaoring defaults -f cluster.yaml -o json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkFormat(format); err != nil {
				return err
			}
			in, err := load(cmd, files)
			if err != nil {
				return err
			}
			if len(in.Stacks) == 0 {
				return errNoCluster
			}
			if format != "" {
				return printDefaults(cmd, format, in.Stacks)
			}
			var out bytes.Buffer
			for _, s := range in.Stacks {
				if err := writeDefaults(&out, s); err != nil {
					return err
				}
			}
			_, err = cmd.OutOrStdout().Write(out.Bytes())
			return err
		},
	}
	addFileFlag(cmd, &files)
	addFormatFlag(cmd, &format)
	return cmd
}

// effective is a cluster with its defaults, and where each value comes from.
type effective struct {
	Cluster *v1.BanhBaoRingCluster `json:"cluster"`
	Origins map[string]v1.Origin   `json:"origins"`
}

// printDefaults prints what programs read.
func printDefaults(cmd *cobra.Command, format string, stacks []*render.Stack) error {
	all := make([]effective, len(stacks))
	for i, s := range stacks {
		var err error
		if all[i].Cluster, all[i].Origins, err = defaultsOf(s); err != nil {
			return err
		}
	}
	return printAs(cmd, format, all)
}

// defaultsOf defaults what the user wrote once more, watching.
func defaultsOf(s *render.Stack) (*v1.BanhBaoRingCluster, map[string]v1.Origin, error) {
	c := &v1.BanhBaoRingCluster{}
	if faults := s.Document().Decode(c); len(faults) > 0 {
		return nil, nil, faults
	}
	origins, err := c.DefaultWithOrigins()
	return c, origins, err
}

// writeDefaults puts each value's origin behind it, for people.
func writeDefaults(out *bytes.Buffer, s *render.Stack) error {
	c, origins, err := defaultsOf(s)
	if err != nil {
		return err
	}
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return err
	}
	comment(document.Content[0], "", origins, string(c.Spec.Plan))
	out.WriteString("---\n")
	encoder := yaml.NewEncoder(out)
	encoder.SetIndent(2)
	return encoder.Encode(&document)
}

// comment puts each value's origin behind it.
func comment(n *yaml.Node, path string, origins map[string]v1.Origin, plan string) {
	n.Style = 0 // JSON's braces and quotes
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i].Value
			n.Content[i].Style = 0
			if path != "" {
				key = path + "." + key
			}
			comment(n.Content[i+1], key, origins, plan)
		}
	case yaml.SequenceNode:
		for i, item := range n.Content {
			comment(item, path+"["+strconv.Itoa(i)+"]", origins, plan)
		}
	default:
		if origin := origins[path]; origin == v1.FromPlan {
			n.LineComment = fmt.Sprintf("%s %s", origin, plan)
		} else {
			n.LineComment = string(origin)
		}
	}
}
