package render

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/docs"
	"github.com/banhbaoring/banhbaoring/render/strict"
)

// policySchema is that of a type of keys. It is compiled where a document has any.
func policySchema(kind v1.KeyType) func() *jsonschema.Schema {
	return sync.OnceValue(func() *jsonschema.Schema {
		const name = "policy.schema.json"
		text, err := jsonschema.UnmarshalJSON(bytes.NewReader(docs.PolicySchema))
		if err != nil {
			panic(err) // it is part of the program
		}
		compiler := jsonschema.NewCompiler()
		if err := compiler.AddResource(name, text); err != nil {
			panic(err)
		}
		return compiler.MustCompile(name + "#/definitions/" + string(kind))
	})
}

var policySchemas = map[v1.KeyType]func() *jsonschema.Schema{v1.KeyEVM: policySchema(v1.KeyEVM), v1.KeyCosmos: policySchema(v1.KeyCosmos)}

// policyFaults are where the policies of a tenant's keys are not in the form that the
// engine takes. It judges what they mean when the tenants Job brings them.
func policyFaults(m member, t *v1.BanhBaoRingTenant) strict.Faults {
	var faults strict.Faults
	for i, key := range t.Spec.Keys {
		schema := policySchemas[key.Type]
		policy, err := jsonschema.UnmarshalJSON(bytes.NewReader(key.Policy.Raw))
		if _, mapping := policy.(map[string]any); schema == nil || err != nil || !mapping {
			continue // a fault that is told already
		}
		var wrong *jsonschema.ValidationError
		if errors.As(schema().Validate(policy), &wrong) {
			for _, leaf := range leavesOf(wrong) {
				faults = append(faults, policyFault(m, fmt.Sprintf("spec.keys[%d].policy", i), leaf)...)
			}
		}
	}
	return faults
}

// leavesOf are the faults themselves. Which of several forms was meant is not known: that
// none is met is one fault.
func leavesOf(e *jsonschema.ValidationError) []*jsonschema.ValidationError {
	if _, choice := e.ErrorKind.(*kind.AnyOf); choice || len(e.Causes) == 0 {
		return []*jsonschema.ValidationError{e}
	}
	var leaves []*jsonschema.ValidationError
	for _, cause := range e.Causes {
		leaves = append(leaves, leavesOf(cause)...)
	}
	return leaves
}

func policyFault(m member, path string, e *jsonschema.ValidationError) strict.Faults {
	const hint = "docs/policies.md has a policy for each of a rollup's roles"
	for _, step := range e.InstanceLocation {
		if _, err := strconv.Atoi(step); err == nil {
			path += "[" + step + "]"
		} else {
			path += "." + step
		}
	}
	var faults strict.Faults
	switch k := e.ErrorKind.(type) {
	case *kind.AdditionalProperties:
		for _, name := range k.Properties {
			faults = append(faults, m.fault(path+"."+name, "is unknown", hint))
		}
	case *kind.Required:
		for _, name := range k.Missing {
			faults = append(faults, m.fault(path, "must have "+name, hint))
		}
	case *kind.AnyOf:
		faults = append(faults, m.fault(path, "is in none of the forms that are taken here", hint))
	default:
		text := strings.ReplaceAll(e.ErrorKind.LocalizedString(message.NewPrinter(language.English)), "\n", " ")
		faults = append(faults, m.fault(path, "is not as it must be: "+text, hint))
	}
	return faults
}
