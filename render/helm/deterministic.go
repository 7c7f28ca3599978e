package helm

import (
	"fmt"
	"path"
	"reflect"
	"slices"
	"strings"
	"text/template/parse"

	"helm.sh/helm/v3/pkg/chart"
)

// changing are the template functions whose result differs from one render, or
// one machine, to the next, and why. Functions of a time value (dateModify,
// unixEpoch) are not here: a template gets none without those that are.
//
// Not caught: `keys` and `values` of sprig list a map in random order unless they
// are sorted. Charts sort them, and often in another action than the call.
var changing = map[string]string{
	"bcrypt":                   random,
	"encryptAES":               random,
	"genCA":                    random,
	"genCAWithKey":             clock,
	"genPrivateKey":            random,
	"genSelfSignedCert":        random,
	"genSelfSignedCertWithKey": clock,
	"genSignedCert":            random,
	"genSignedCertWithKey":     clock,
	"htpasswd":                 random,
	"randAlpha":                random,
	"randAlphaNum":             random,
	"randAscii":                random,
	"randBytes":                random,
	"randInt":                  random,
	"randNumeric":              random,
	"shuffle":                  random,
	"uuidv4":                   random,

	"ago":            clock,
	"date":           clock, // of anything but a time it is the date of now
	"dateInZone":     clock,
	"date_in_zone":   clock,
	"htmlDate":       clock,
	"htmlDateInZone": clock,
	"now":            clock,
	"mustToDate":     machine, // in the machine's time zone
	"toDate":         machine,

	"env":           machine,
	"expandenv":     machine,
	"getHostByName": network,
	"lookup":        network,
}

const (
	random  = "is random, so no two renders are equal"
	clock   = "depends on the time, so no two renders are equal"
	machine = "depends on the machine that renders"
	network = "asks the network, which a render never does"
)

const deterministicHint = "set the value the chart would generate, or use a chart that does not generate it"

// reach is what executing a text may lead to.
type reach struct {
	refused   string   // the first changing function and why
	where     string   // its template and position
	templates []string // names of templates it includes
	dynamic   bool     // includes a template whose name is computed
	tpl       bool     // runs text through tpl
	files     bool     // reads .Files
	texts     []string // string literals that are templates themselves
}

// checkTemplates refuses a chart that may call a changing function, and tells
// whether it calls tpl.
//
// What counts is what can be reached: every template file but the partials, and
// from there each template named by `template` or `include`; all of them once a
// name is computed. Conditions are not evaluated, so a call behind an `if` and
// one in a subchart that values could turn off are refused as well.
func checkTemplates(ch *chart.Chart) (usesTpl bool, err error) {
	named := map[string][]*parse.Tree{}
	var queue []string
	if err := collect(ch, named, &queue); err != nil {
		return false, err
	}
	slices.Sort(queue) // the same function is reported every time
	var texts []string
	var readsFiles bool
	seen := map[string]bool{}
	for len(queue) > 0 {
		name := queue[0]
		queue = queue[1:]
		if seen[name] {
			continue
		}
		seen[name] = true
		for _, tree := range named[name] {
			found := inspect(tree)
			if found.refused != "" {
				return false, &Error{Chart: ch.Name(), Where: found.where, Message: found.refused, Hint: deterministicHint}
			}
			queue = append(queue, found.templates...)
			if found.dynamic {
				queue = append(queue, sortedKeys(named)...)
			}
			usesTpl = usesTpl || found.tpl
			readsFiles = readsFiles || found.files
			texts = append(texts, found.texts...)
		}
	}
	if usesTpl {
		// tpl may be given a literal of a template, or a file of the chart.
		if readsFiles {
			texts = append(texts, fileTexts(ch)...)
		}
		for _, text := range texts {
			if err := checkText(ch.Name(), "text given to tpl", text); err != nil {
				return false, err
			}
		}
	}
	return usesTpl, nil
}

// collect parses the templates of ch and its subcharts into named, a name's
// definitions in several files together, and lists the files Helm executes.
func collect(ch *chart.Chart, named map[string][]*parse.Tree, roots *[]string) error {
	for _, file := range ch.Templates {
		name := path.Join(ch.ChartFullPath(), file.Name)
		trees, err := parseTemplate(name, string(file.Data))
		if err != nil {
			return &Error{Chart: ch.Name(), Message: strings.TrimPrefix(err.Error(), "template: ")}
		}
		for _, defined := range sortedKeys(trees) {
			named[defined] = append(named[defined], trees[defined])
		}
		library := strings.EqualFold(ch.Metadata.Type, "library")
		if base := path.Base(name); !library && !strings.HasPrefix(base, "_") && base != "NOTES.txt" {
			*roots = append(*roots, name)
		}
	}
	for _, sub := range ch.Dependencies() {
		if err := collect(sub, named, roots); err != nil {
			return err
		}
	}
	return nil
}

func parseTemplate(name, text string) (map[string]*parse.Tree, error) {
	tree, trees := parse.New(name), map[string]*parse.Tree{}
	tree.Mode = parse.SkipFuncCheck
	if _, err := tree.Parse(text, "", "", trees); err != nil {
		return nil, err
	}
	trees[name] = tree
	return trees, nil
}

// inspect walks the nodes of a template.
func inspect(tree *parse.Tree) reach {
	var found reach
	var walk func(parse.Node)
	walkAll := func(nodes []parse.Node) {
		for _, node := range nodes {
			walk(node)
		}
	}
	branch := func(b *parse.BranchNode) {
		walk(b.Pipe)
		walk(b.List)
		walk(b.ElseList)
	}
	walk = func(node parse.Node) {
		if node == nil || reflect.ValueOf(node).IsNil() { // an absent else, a bare template
			return
		}
		switch n := node.(type) {
		case *parse.ListNode:
			walkAll(n.Nodes)
		case *parse.ActionNode:
			walk(n.Pipe)
		case *parse.IfNode:
			branch(&n.BranchNode)
		case *parse.RangeNode:
			branch(&n.BranchNode)
		case *parse.WithNode:
			branch(&n.BranchNode)
		case *parse.TemplateNode:
			found.templates = append(found.templates, n.Name)
			walk(n.Pipe)
		case *parse.PipeNode:
			for _, command := range n.Cmds {
				walk(command)
			}
		case *parse.CommandNode:
			found.command(n)
			walkAll(n.Args)
		case *parse.FieldNode:
			found.files = found.files || slices.Contains(n.Ident, "Files")
		case *parse.VariableNode:
			found.files = found.files || slices.Contains(n.Ident, "Files")
		case *parse.ChainNode:
			found.files = found.files || slices.Contains(n.Field, "Files")
			walk(n.Node)
		case *parse.IdentifierNode:
			if why, ok := changing[n.Ident]; ok && found.refused == "" {
				found.where, _ = tree.ErrorContext(n)
				found.refused = n.Ident + " " + why
			}
		case *parse.StringNode:
			if strings.Contains(n.Text, "{{") {
				found.texts = append(found.texts, n.Text)
			}
		}
	}
	walk(tree.Root)
	return found
}

// command notes where an include leads and that tpl is called.
func (r *reach) command(n *parse.CommandNode) {
	function, ok := n.Args[0].(*parse.IdentifierNode)
	if !ok {
		return
	}
	switch function.Ident {
	case "tpl":
		r.tpl = true
	case "include":
		if len(n.Args) > 1 {
			if name, ok := n.Args[1].(*parse.StringNode); ok {
				r.templates = append(r.templates, name.Text)
				return
			}
		}
		r.dynamic = true
	}
}

// checkValues refuses text in values that a chart's tpl would run with a changing
// function. Text that is no template is left for tpl itself to complain of.
func checkValues(chartName string, values map[string]any) error {
	var walk func(where string, value any) error
	walk = func(where string, value any) error {
		switch v := value.(type) {
		case string:
			return checkText(chartName, where, v)
		case []any:
			for i, item := range v {
				if err := walk(fmt.Sprintf("%s[%d]", where, i), item); err != nil {
					return err
				}
			}
		case map[string]any:
			for _, key := range sortedKeys(v) {
				if err := walk(where+"."+key, v[key]); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return walk("values", values)
}

func checkText(chartName, where, text string) error {
	if !strings.Contains(text, "{{") {
		return nil
	}
	trees, err := parseTemplate(where, text)
	if err != nil {
		return nil
	}
	for _, name := range sortedKeys(trees) {
		if found := inspect(trees[name]); found.refused != "" {
			return &Error{Chart: chartName, Where: where, Message: found.refused, Hint: deterministicHint}
		}
	}
	return nil
}

func fileTexts(ch *chart.Chart) []string {
	var texts []string
	for _, file := range ch.Files {
		texts = append(texts, string(file.Data))
	}
	for _, sub := range ch.Dependencies() {
		texts = append(texts, fileTexts(sub)...)
	}
	return texts
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
