package strict

import (
	"encoding"
	"encoding/json"
	"errors"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

var quantityType = reflect.TypeFor[resource.Quantity]()

// wanted says what some types that read their own JSON take, since their own
// errors do not.
var wanted = map[reflect.Type]string{
	quantityType:                          "must be a quantity such as 500m or 10Gi",
	reflect.TypeFor[metav1.Duration]():    "must be a duration such as 30s or 1h30m",
	reflect.TypeFor[metav1.Time]():        "must be a time such as 2006-01-02T15:04:05Z",
	reflect.TypeFor[metav1.MicroTime]():   "must be a time such as 2006-01-02T15:04:05.000000Z",
	reflect.TypeFor[intstr.IntOrString](): "must be a whole number or a string",
}

// custom has v read n itself, as JSON or as text.
func (d *decoder) custom(n *yaml.Node, v reflect.Value, c class) bool {
	if n.Tag == nullTag {
		return true
	}
	var err error
	switch {
	case v.Type() == quantityType && !measurable(n.Value):
		err = errors.New("too many digits")
	case c == text:
		if n.Kind != yaml.ScalarNode || n.Tag != stringTag {
			d.fault(n, "must be a string"+got(n), quoteHint(n))
			return false
		}
		err = v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(n.Value))
	default:
		err = v.Addr().Interface().(json.Unmarshaler).UnmarshalJSON(asJSON(n))
	}
	if err == nil {
		return true
	}
	if message, ok := wanted[v.Type()]; ok {
		d.fault(n, message+got(n), quantityHint(n, v.Type()))
	} else {
		message := strings.Join(strings.Fields(strings.TrimPrefix(err.Error(), "json: ")), " ")
		d.fault(n, message, "")
	}
	v.SetZero()
	return false
}

// unitOf is an amount whose unit is written as people do: 10GB, 10gb, 10 Gi.
var unitOf = regexp.MustCompile(`^\s*([0-9]{1,18}(?:\.[0-9]{1,9})?)\s*([kKmMgGtTpPeE])([iI]?[bB]?)\s*$`)

// quantityHint names the quantity that was probably meant.
func quantityHint(n *yaml.Node, t reflect.Type) string {
	parts := unitOf.FindStringSubmatch(n.Value)
	if t != quantityType || n.Kind != yaml.ScalarNode || parts == nil {
		return ""
	}
	unit := strings.ToUpper(parts[2]) + "i"
	if parts[2] == "m" && parts[3] == "" { // thousandths
		unit = "m"
	}
	return "did you mean " + parts[1] + unit + "?"
}

// measurable reports whether quantity is within what resource.ParseQuantity
// reads in reasonable time: it takes minutes over 1e-999999999, whose value it
// writes out.
func measurable(quantity string) bool {
	_, exponent, _ := strings.Cut(strings.ToLower(quantity), "e")
	power, err := strconv.Atoi(exponent)
	if err != nil { // no exponent, or one of Ki, Mi, m and so on
		power = 0
	}
	return len(quantity) <= 64 && -30 <= power && power <= 30 && !errors.Is(err, strconv.ErrRange)
}

// asJSON returns n as JSON text. A number that JSON would write alike is kept
// to the digit.
func asJSON(n *yaml.Node) []byte {
	if (n.Tag == intTag || n.Tag == floatTag) && json.Valid([]byte(n.Value)) {
		return []byte(n.Value)
	}
	encoded, err := json.Marshal(plainValue(n))
	if err != nil {
		// A tidied tree holds finite numbers and valid text only.
		panic("strict: " + err.Error())
	}
	return encoded
}
