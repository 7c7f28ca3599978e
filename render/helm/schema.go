package helm

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"helm.sh/helm/v3/pkg/chart"
)

const schemaFile = "values.schema.json"

// offline refuses every schema outside the chart. Helm itself would fetch them.
type offline struct{}

func (offline) Load(url string) (any, error) {
	return nil, fmt.Errorf("refers to %s, outside the chart", url)
}

// compileSchemas compiles values.schema.json of the chart and its subcharts once,
// rather than once a render as Helm does.
func compileSchemas(ch *chart.Chart) (map[string]*jsonschema.Schema, error) {
	schemas := map[string]*jsonschema.Schema{}
	if ch.Schema != nil {
		compiled, err := compileSchema(ch.Schema)
		if err != nil {
			return nil, &Error{Chart: ch.Name(), Where: schemaFile, Message: err.Error()}
		}
		schemas[ch.ChartFullPath()] = compiled
	}
	for _, sub := range ch.Dependencies() {
		inner, err := compileSchemas(sub)
		if err != nil {
			return nil, err
		}
		for path, compiled := range inner {
			schemas[path] = compiled
		}
	}
	return schemas, nil
}

func compileSchema(data []byte) (*jsonschema.Schema, error) {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(offline{})
	if err := compiler.AddResource("file:///"+schemaFile, document); err != nil {
		return nil, err
	}
	return compiler.Compile("file:///" + schemaFile)
}

// validate checks merged values against the schemas of ch and its subcharts.
func (c *Chart) validate(ch *chart.Chart, values map[string]any) error {
	problems := c.problems(ch, values, nil)
	if len(problems) == 0 {
		return nil
	}
	return &Error{Chart: c.Name(), Message: "values: " + strings.Join(problems, "; "),
		Hint: "the chart's values.yaml lists what it takes"}
}

func (c *Chart) problems(ch *chart.Chart, values any, path []string) []string {
	var problems []string
	if compiled := c.schemas[ch.ChartFullPath()]; compiled != nil {
		problems = schemaProblems(compiled.Validate(values), path)
	}
	fields, _ := values.(map[string]any)
	for _, sub := range ch.Dependencies() {
		if inner := fields[sub.Name()]; inner != nil {
			problems = append(problems, c.problems(sub, inner, append(slices.Clone(path), sub.Name()))...)
		}
	}
	return problems
}

// schemaProblems is one line for every value at fault, sorted.
func schemaProblems(err error, path []string) []string {
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		if err == nil {
			return nil
		}
		return []string{err.Error()}
	}
	printer := message.NewPrinter(language.English)
	var problems []string
	var walk func(*jsonschema.ValidationError)
	walk = func(e *jsonschema.ValidationError) {
		for _, cause := range e.Causes {
			walk(cause)
		}
		if len(e.Causes) > 0 {
			return
		}
		where := append(slices.Clone(path), e.InstanceLocation...)
		if unknown, ok := e.ErrorKind.(*kind.AdditionalProperties); ok {
			for _, name := range unknown.Properties {
				problems = append(problems, strings.Join(append(slices.Clone(where), name), ".")+" is not supported")
			}
			return
		}
		problems = append(problems, strings.TrimPrefix(strings.Join(where, ".")+": ", ": ")+e.ErrorKind.LocalizedString(printer))
	}
	walk(invalid)
	slices.Sort(problems)
	return slices.Compact(problems)
}
