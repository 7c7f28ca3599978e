package v1

import (
	"encoding/json"
	"strconv"
)

// Origin says where a value of a defaulted spec comes from.
type Origin string

// The origins of values.
const (
	Given     Origin = "given"
	FromPlan  Origin = "plan"
	Defaulted Origin = "default"
)

// DefaultWithOrigins is Default, and tells where each value comes from, by its
// path below the document, such as spec.openbao.replicas.
func (c *BanhBaoRingCluster) DefaultWithOrigins() (map[string]Origin, error) {
	origins := map[string]Origin{}
	steps := append([]defaultStep{{Given, func() {}}}, c.defaulting()...)
	for _, step := range steps {
		step.do()
		text, err := json.Marshal(c)
		if err != nil {
			return nil, err
		}
		var document any
		if err := json.Unmarshal(text, &document); err != nil {
			return nil, err
		}
		leaves("", document, func(path string) {
			if _, known := origins[path]; !known {
				origins[path] = step.origin
			}
		})
	}
	return origins, nil
}

// leaves calls visit with the path of each value that holds no others.
func leaves(path string, v any, visit func(path string)) {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if path != "" {
				key = path + "." + key
			}
			leaves(key, value, visit)
		}
	case []any:
		for i, value := range v {
			leaves(path+"["+strconv.Itoa(i)+"]", value, visit)
		}
	default:
		visit(path)
	}
}
