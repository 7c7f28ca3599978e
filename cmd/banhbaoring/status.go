package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"

	"github.com/banhbaoring/banhbaoring/cmd/internal/live"
	"github.com/banhbaoring/banhbaoring/diff"
	"github.com/banhbaoring/banhbaoring/status"
)

type statusOptions struct {
	files     []string
	chartDir  string
	namespace string
	format    string
	watch     bool
	cluster   clusterFlags
}

func statusCommand() *cobra.Command {
	var o statusOptions
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Is the stack well and, if not, what is the one thing to do",
		Long: `Say in the first line whether a stack is well and, if not, what is wrong first;
below it the one thing to do, and then each of its parts. The exit code is 0 where
all is well and 1 where it is not.

It reads the namespace with the rights of the ClusterRole view, no Secret and no
log among them, and says what it may not see. With -f it also tells which objects
of the spec the cluster does not have.`,
		Example: `  banhbaoring status -n keys
  banhbaoring status -n keys --watch
  banhbaoring status -n keys -o json | jq -r .summary
  banhbaoring status -f cluster.yaml                     # also: what was never synced`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	flags := cmd.Flags()
	flags.StringArrayVarP(&o.files, "file", "f", nil, "a file or folder of the spec, - for standard input; may be repeated")
	flags.StringVarP(&o.namespace, "namespace", "n", "", "the stack's namespace; those of all stacks when absent")
	flags.BoolVarP(&o.watch, "watch", "w", false, "go on, and tell whenever something changes")
	addFormatFlag(cmd, &o.format)
	addChartDirFlag(cmd, &o.chartDir)
	o.cluster.add(cmd, "")
	return cmd
}

// watched is one stack that is looked at, with the objects of its spec, if given.
type watched struct {
	namespace string
	objects   []*unstructured.Unstructured
}

func (o *statusOptions) run(cmd *cobra.Command) error {
	if err := checkFormat(o.format); err != nil {
		return err
	}
	var stacks []watched
	if len(o.files) > 0 {
		in, err := load(cmd, o.files)
		if err != nil {
			return err
		}
		manifests, err := renderEach(in, o.chartDir)
		if err != nil {
			return err
		}
		for i, s := range in.Stacks {
			if o.namespace == "" || o.namespace == s.Cluster.Namespace {
				stacks = append(stacks, watched{s.Cluster.Namespace, manifests[i]})
			}
		}
		if len(stacks) == 0 {
			return usagef("--namespace %s is that of no cluster document of --file", o.namespace)
		}
	}
	config, err := live.Config(o.cluster.kubeconfig, o.cluster.context)
	if err != nil {
		return err
	}
	looker, err := live.NewLooker(config)
	if err != nil {
		return err
	}
	if len(stacks) == 0 {
		if stacks, err = o.find(cmd.Context(), looker); err != nil {
			return err
		}
	}
	return o.tell(cmd, config, looker, stacks)
}

// find names the namespace that was given, or those of all stacks.
func (o *statusOptions) find(ctx context.Context, looker *live.Looker) ([]watched, error) {
	if o.namespace != "" {
		return []watched{{namespace: o.namespace}}, nil
	}
	namespaces, err := looker.Namespaces(ctx)
	if err != nil {
		return nil, fmt.Errorf("finding the stacks: %w\nhint: name the namespace with -n", err)
	}
	var stacks []watched
	for _, name := range namespaces {
		stacks = append(stacks, watched{namespace: name})
	}
	if len(stacks) == 0 {
		return nil, fmt.Errorf("no namespace has the labels of a stack\nhint: name it with -n")
	}
	return stacks, nil
}

// interval is between two looks.
const interval = 2 * time.Second

// tell prints the states, once or whenever they change.
func (o *statusOptions) tell(cmd *cobra.Command, config *rest.Config, looker *live.Looker, stacks []watched) error {
	hide, last := hider(), ""
	for {
		states, err := look(cmd.Context(), config, looker, stacks)
		if err != nil {
			if o.watch && cmd.Context().Err() != nil {
				return nil
			}
			return err
		}
		well := true
		for i := range states {
			hideState(hide, &states[i])
			well = well && states[i].Health == status.Well
		}
		text, err := o.text(cmd, states)
		if err != nil {
			return err
		}
		if text != last {
			if last != "" && isTerminal(cmd.OutOrStdout()) {
				text = "\x1b[H\x1b[2J" + text
			}
			if _, err := io.WriteString(cmd.OutOrStdout(), text); err != nil {
				return err
			}
			last = strings.TrimPrefix(text, "\x1b[H\x1b[2J")
		}
		if !o.watch {
			if !well {
				return exit{code: exitFault}
			}
			return nil
		}
		select {
		case <-cmd.Context().Done():
			return nil
		case <-time.After(interval):
		}
	}
}

// look is how each of the stacks is.
func look(ctx context.Context, config *rest.Config, looker *live.Looker, stacks []watched) ([]status.State, error) {
	var states []status.State
	for _, s := range stacks {
		seen, err := looker.Look(ctx, s.namespace)
		if err != nil {
			return nil, err
		}
		if s.objects != nil {
			cluster, err := live.New(config)
			if err != nil {
				return nil, err
			}
			seen.Compared = true
			if seen.Missing, err = cluster.Missing(ctx, s.objects); err != nil {
				return nil, err
			}
		}
		states = append(states, status.Of(seen))
	}
	return states, nil
}

// hideState takes out what a container or an Event might have said of a secret.
func hideState(hide diff.Fingerprint, s *status.State) {
	s.Summary = hide.Message(s.Summary)
	for i := range s.Parts {
		p := &s.Parts[i]
		p.Text = hide.Message(p.Text)
		for j := range p.Reasons {
			p.Reasons[j] = hide.Message(p.Reasons[j])
		}
	}
}

func (o *statusOptions) text(cmd *cobra.Command, states []status.State) (string, error) {
	var out strings.Builder
	if o.format != "" {
		var result any = states
		if len(states) == 1 {
			result = states[0]
		}
		defer cmd.SetOut(cmd.OutOrStdout())
		cmd.SetOut(&out)
		err := printAs(cmd, o.format, result)
		return out.String(), err
	}
	for i, s := range states {
		if i > 0 {
			out.WriteByte('\n')
		}
		fmt.Fprintln(&out, s.Summary)
		if s.Do != "" {
			fmt.Fprintln(&out, "do: "+s.Do)
		}
		width := 0
		for _, p := range s.Parts {
			width = max(width, len(p.Name))
		}
		for _, p := range s.Parts {
			fmt.Fprintf(&out, "  %-*s  %-8s  %s\n", width, p.Name, p.Health, p.Text)
			for _, reason := range p.Reasons {
				fmt.Fprintf(&out, "  %-*s  %-8s    %s\n", width, "", "", reason)
			}
		}
		for _, unseen := range s.Unseen {
			fmt.Fprintln(&out, "  not seen: "+unseen)
		}
	}
	return out.String(), nil
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(interface{ Fd() uintptr })
	return ok && term.IsTerminal(int(file.Fd()))
}
