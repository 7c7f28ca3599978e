package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/cmd/internal/output"
	"github.com/banhbaoring/banhbaoring/diff"
	"github.com/banhbaoring/banhbaoring/plugin"
	"github.com/banhbaoring/banhbaoring/render"
	"github.com/banhbaoring/banhbaoring/render/strict"
)

// Exit codes of diff, which are those of diff(1), and one more.
const (
	exitDiffers = 1
	exitTrouble = 2
	exitRisk    = 3
)

type diffOptions struct {
	paths      []string
	parameters []string
	live       bool
	kubeconfig string
	context    string
	format     string
	output     string
	link       string
	color      string
	failOn     string
	ack        string
	keyFile    string
	chartDir   string
}

func diffCommand() *cobra.Command {
	var o diffOptions
	cmd := &cobra.Command{
		Use:   "diff BASE HEAD",
		Short: "Say what a change of the spec will do to the cluster",
		Long: `Say what a change of the spec will do to the cluster.

BASE and HEAD are git revisions of the repository around the working folder,
files or folders; write ./NAME where a name could be either. With --live, the
cluster itself takes the place of BASE.

Exit 0: nothing differs; 1: something does; 2: trouble; 3: --fail-on is met.`,
		Example: `  banhbaoring diff main HEAD
  banhbaoring diff --live cluster.yaml
  banhbaoring diff main HEAD --format markdown --fail-on irreversible`,
		RunE: func(cmd *cobra.Command, args []string) error {
			err := o.run(cmd, args)
			var end exit
			var usage usageError
			if err == nil || errors.As(err, &end) || errors.As(err, &usage) {
				return err
			}
			return exit{err, exitTrouble}
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&o.paths, "path", nil, "only files at or below this path, of the revision or folder; may be repeated")
	flags.StringArrayVar(&o.parameters, "parameter", nil, "NAME=VALUE, as the Argo CD application sets it, on both sides; may be repeated")
	flags.BoolVar(&o.live, "live", false, "compare the live cluster with HEAD, by server-side dry run; nothing is written")
	flags.StringVar(&o.kubeconfig, "kubeconfig", "", "with --live: the kubeconfig file; KUBECONFIG or ~/.kube/config when absent")
	flags.StringVar(&o.context, "context", "", "with --live: the kubeconfig's context")
	flags.StringVar(&o.format, "format", "text", "text, markdown, json or html")
	flags.StringVarP(&o.output, "output", "o", "", "file; for Markdown also a folder (ending in /, or existing) of part-1.md, part-2.md …")
	flags.StringVar(&o.link, "link", "", "address of the rest, for Markdown that does not fit into one comment")
	flags.StringVar(&o.color, "color", "auto", "auto, always or never")
	flags.StringVar(&o.failOn, "fail-on", "", "exit 3 where a change is of this class or a worse one: "+classNames())
	flags.StringVar(&o.ack, "ack", "", "the hash of a diff that was looked at: --fail-on lets exactly that one pass")
	flags.StringVar(&o.keyFile, "fingerprint-key", "", "file with the key of the fingerprints that stand for secret values; a new random key when absent")
	addChartDirFlag(cmd, &o.chartDir)
	return cmd
}

func classNames() string {
	names := make([]string, len(diff.Classes))
	for i, c := range diff.Classes {
		names[i] = string(c)
	}
	return strings.Join(names, ", ")
}

func (o *diffOptions) check(args []string) error {
	switch {
	case o.live && len(args) != 1:
		return usagef("diff --live wants HEAD (got %q)", args)
	case !o.live && len(args) != 2:
		return usagef("diff wants BASE and HEAD (got %q)", args)
	case !o.live && o.kubeconfig+o.context != "":
		return usagef("--kubeconfig and --context go with --live")
	case !strings.Contains(" text markdown json html ", " "+o.format+" "):
		return usagef("unknown format %q: must be one of text, markdown, json, html", o.format)
	case !strings.Contains(" auto always never ", " "+o.color+" "):
		return usagef("unknown --color %q: must be one of auto, always, never", o.color)
	case o.output != "" && o.format != "markdown" && output.IsFolder(o.output):
		return usagef("only Markdown is written to a folder (got --output %s)", o.output)
	}
	if o.failOn != "" {
		if _, err := diff.ParseClass(o.failOn); err != nil {
			return usageError{err}
		}
	}
	return nil
}

func (o *diffOptions) run(cmd *cobra.Command, args []string) error {
	if err := o.check(args); err != nil {
		return err
	}
	fingerprint, err := o.fingerprint()
	if err != nil {
		return err
	}
	compare := diff.Options{Fingerprint: fingerprint}
	var base, head diff.Side
	if o.live {
		base, head, compare.Refusals, err = o.liveSides(cmd, args[0])
	} else {
		base, head, err = o.sides(cmd, args[0], args[1])
	}
	if err != nil {
		return err
	}
	report, err := diff.Compare(base, head, compare)
	if err != nil {
		return err
	}
	if err := o.write(cmd, report); err != nil {
		return err
	}
	return o.verdict(cmd, report)
}

func (o *diffOptions) fingerprint() (diff.Fingerprint, error) {
	if o.keyFile == "" {
		key := make([]byte, 32)
		if _, err := rand.Read(key); err != nil {
			return diff.Fingerprint{}, err
		}
		return diff.NewFingerprint(key), nil
	}
	key, err := os.ReadFile(o.keyFile)
	if err == nil && len(key) < 16 {
		err = fmt.Errorf("%s holds %d bytes: a key has 16 at least", o.keyFile, len(key))
	}
	return diff.NewFingerprint(key), err
}

// verdict is the exit code.
func (o *diffOptions) verdict(cmd *cobra.Command, r *diff.Report) error {
	if r.Empty() {
		return nil
	}
	class, _ := diff.ParseClass(o.failOn) // checked, or empty
	if o.failOn == "" || !r.Worst.AtLeast(class) {
		return exit{code: exitDiffers}
	}
	if o.ack == r.Hash {
		fmt.Fprintf(cmd.ErrOrStderr(), "note: %s is accepted by --ack\n", r.Worst)
		return exit{code: exitDiffers}
	}
	if o.ack != "" {
		fmt.Fprintf(cmd.ErrOrStderr(), "warning: --ack %s accepts another diff than this\n", o.ack)
	}
	return exit{fmt.Errorf("the worst change is %s\nhint: once it was looked at, --ack %s accepts exactly this diff", r.Worst, r.Hash), exitRisk}
}

// sides loads and renders both sides, of which only what differs.
func (o *diffOptions) sides(cmd *cobra.Command, baseName, headName string) (base, head diff.Side, err error) {
	overrides, err := o.overrides()
	if err != nil {
		return base, head, err
	}
	sources, err := o.read(cmd, baseName, headName)
	if err != nil {
		return base, head, err
	}
	if !holdsOurs(sources...) {
		return base, head, errors.New("there is no BanhBaoRingCluster on either side: nothing to compare")
	}
	narrowBase, narrowHead := sources[0], sources[1]
	if len(overrides) == 0 { // they may name any cluster
		narrowBase, narrowHead = diff.Narrow(sources[0], sources[1])
	}
	was, err1 := render.LoadWith(overrides, narrowBase...)
	is, err2 := render.LoadWith(overrides, narrowHead...)
	if err1 != nil || err2 != nil {
		return base, head, joined(withRendering(was, err1, o.chartDir), withRendering(is, err2, o.chartDir))
	}
	is.Warnings = newWarnings(was.Warnings, is.Warnings)
	warn(cmd, is)
	baseStacks, headStacks := differing(was.Stacks, is.Stacks)
	baseObjects, err1 := o.render(baseStacks)
	headObjects, err2 := o.render(headStacks)
	if err := joined(err1, err2); err != nil {
		return base, head, err
	}
	baseForeign, headForeign := foreignObjects(render.Contents(was.Foreign), render.Contents(is.Foreign))
	stacks := append(slices.Clone(was.Stacks), is.Stacks...)
	base = diff.Side{Name: baseName, Prefix: prefix(baseName, sources[0]), Objects: append(baseObjects, baseForeign...), Beside: beside(stacks, baseForeign), Documents: ours(was)}
	head = diff.Side{Name: headName, Prefix: prefix(headName, sources[1]), Objects: append(headObjects, headForeign...), Beside: beside(stacks, headForeign), Documents: ours(is)}
	return base, head, nil
}

func (o *diffOptions) render(stacks []*render.Stack) (render.Manifests, error) {
	if len(stacks) == 0 {
		return nil, nil
	}
	return renderStacks(&render.Input{Stacks: stacks}, o.chartDir)
}

// newWarnings are those that the head adds.
func newWarnings(was, is strict.Faults) strict.Faults {
	known := map[strict.Fault]int{}
	for _, w := range was {
		w.Position = strict.Position{}
		known[w]++
	}
	return slices.DeleteFunc(is, func(w strict.Fault) bool {
		w.Position = strict.Position{}
		known[w]--
		return known[w] >= 0
	})
}

// overrides are the parameters of both sides.
func (o *diffOptions) overrides() ([]render.Override, error) {
	parameters := map[string]string{}
	for _, given := range o.parameters {
		name, value, ok := strings.Cut(given, "=")
		if !ok {
			return nil, usagef("--parameter wants NAME=VALUE (got %q)", given)
		}
		parameters[name] = value
	}
	return plugin.FromData("--parameter", parameters)
}

// joined are the faults of both sides, as far as they are in documents.
func joined(errs ...error) error {
	var all strict.Faults
	for _, err := range errs {
		var faults strict.Faults
		if err != nil && !errors.As(err, &faults) {
			return err
		}
		all = append(all, faults...)
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

func holdsOurs(sides ...[]render.Source) bool {
	for _, side := range sides {
		for _, s := range side {
			if bytes.Contains(s.Data, []byte(v1.KindCluster)) || bytes.Contains(s.Data, []byte(`\`)) { // or written with escapes
				return true
			}
		}
	}
	return false
}

// differing are the stacks that are not the same on both sides: rendering is a
// pure function, so that the others render alike.
func differing(base, head []*render.Stack) (b, h []*render.Stack) {
	was := map[string]*render.Stack{}
	for _, s := range base {
		was[s.Cluster.Namespace] = s
	}
	for _, s := range head {
		old := was[s.Cluster.Namespace]
		if old != nil && sameStack(old, s) {
			delete(was, s.Cluster.Namespace)
			continue
		}
		h = append(h, s)
	}
	for _, s := range base {
		if was[s.Cluster.Namespace] != nil {
			b = append(b, s)
		}
	}
	return b, h
}

func sameStack(a, b *render.Stack) bool {
	return reflect.DeepEqual(a.Cluster, b.Cluster) && reflect.DeepEqual(a.Tenants, b.Tenants) &&
		reflect.DeepEqual(a.Lock(), b.Lock()) && reflect.DeepEqual(a.Backups, b.Backups) && reflect.DeepEqual(a.Restores, b.Restores)
}

// beside are those of the objects that stand in a stack's namespace, or in none.
func beside(stacks []*render.Stack, objects []*unstructured.Unstructured) map[diff.ID]bool {
	all := map[diff.ID]bool{}
	for _, u := range objects {
		if u.GetNamespace() == "" || slices.ContainsFunc(stacks, func(s *render.Stack) bool { return s.Cluster.Namespace == u.GetNamespace() }) {
			all[diff.ID{Group: u.GroupVersionKind().Group, Kind: u.GetKind(), Namespace: u.GetNamespace(), Name: u.GetName()}] = true
		}
	}
	return all
}

// foreignObjects are the documents that are not ours. Where a name is missing,
// or a side has it twice, the file's name tells them apart.
func foreignObjects(base, head []*strict.Document) (b, h []*unstructured.Unstructured) {
	count := map[[5]string]int{}
	id := func(side string, d *strict.Document) [5]string {
		return [5]string{side, d.APIVersion, d.Kind, d.Namespace, d.Name}
	}
	for _, d := range base {
		count[id("base", d)]++
	}
	for _, d := range head {
		count[id("head", d)]++
	}
	objects := func(list []*strict.Document) []*unstructured.Unstructured {
		var all []*unstructured.Unstructured
		for _, d := range list {
			tree, _ := d.Value().(map[string]any)
			u := &unstructured.Unstructured{Object: tree}
			if d.Name == "" || count[id("base", d)] > 1 || count[id("head", d)] > 1 {
				u.SetName(strings.TrimSpace(d.Name + " (" + fileName(d) + ")"))
			}
			all = append(all, u)
		}
		return all
	}
	return objects(base), objects(head)
}

// fileName is a document's file without its revision, and its line.
func fileName(d *strict.Document) string {
	_, name, ok := strings.Cut(d.File, ":")
	if !ok {
		name = d.File
	}
	return fmt.Sprintf("%s:%d", name, d.Position("kind").Line)
}

func (o *diffOptions) write(cmd *cobra.Command, r *diff.Report) error {
	var text string
	switch o.format {
	case "json":
		data, err := json.MarshalIndent(r, "", "  ")
		if err != nil {
			return err
		}
		text = string(data) + "\n"
	case "html":
		page, err := r.HTML()
		if err != nil {
			return err
		}
		text = page
	case "markdown":
		pages := r.Markdown(diff.MarkdownLimit, o.link)
		if o.output != "" && output.IsFolder(o.output) {
			return writePages(o.output, pages)
		}
		text = pages[0]
		if len(pages) > 1 {
			fmt.Fprintf(cmd.ErrOrStderr(), "note: this is part 1 of %d: --output FOLDER/ writes all\n", len(pages))
		}
	default:
		text = r.Text(o.terminal(cmd))
	}
	if o.output != "" {
		return output.File(o.output, []byte(text))
	}
	_, err := cmd.OutOrStdout().Write([]byte(text))
	return err
}

func writePages(dir string, pages []string) error {
	files := map[string][]byte{}
	for i, text := range pages {
		files[fmt.Sprintf("part-%d.md", i+1)] = []byte(text)
	}
	return output.Replace(dir, files)
}

// terminal is how wide standard output is, and whether it shows colours.
func (o *diffOptions) terminal(cmd *cobra.Command) diff.TextOptions {
	t := diff.TextOptions{Width: 100, Color: o.color == "always"}
	if f, ok := cmd.OutOrStdout().(*os.File); ok && o.output == "" && term.IsTerminal(int(f.Fd())) {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil {
			t.Width = width
		}
		t.Color = t.Color || o.color == "auto" && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	}
	return t
}

// ours are the documents of our kinds.
func ours(in *render.Input) []*strict.Document {
	return slices.DeleteFunc(slices.Clone(in.Documents), func(d *strict.Document) bool { return !render.Ours(d) })
}
