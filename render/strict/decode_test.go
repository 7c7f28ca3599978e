package strict

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDecodeRefuses(t *testing.T) {
	for name, test := range map[string]struct{ spec, want string }{
		"an unknown field, and guesses what was meant": {
			"  replcas: 3",
			"f:4:3: spec.replcas: unknown field\nhint: did you mean \"replicas\"?",
		},
		"a field in other case": {
			"  Replicas: 3\n  tls:\n    iss-uer: x",
			"f:4:3: spec.Replicas: unknown field\nhint: did you mean \"replicas\"?\n" +
				"f:6:5: spec.tls.iss-uer: unknown field\nhint: did you mean \"issuer\"?",
		},
		"an unknown field, and lists the few there are": {
			"  tls:\n    colour: x",
			"f:5:5: spec.tls.colour: unknown field\nhint: allowed fields: issuer, days",
		},
		"an unknown field among many without listing them": {
			"  somethingElse: x",
			"f:4:3: spec.somethingElse: unknown field",
		},
		"a field without a tag or a name": {
			"  internal: x\n  Ignored: x",
			"f:4:3: spec.internal: unknown field\nf:5:3: spec.Ignored: unknown field",
		},
		"a duplicate field, once": {
			"  paused: true\n  paused: false",
			"f:5:3: spec.paused: is set twice, first on line 4",
		},
		"a word for a whole number": {
			"  replicas: three",
			`f:4:13: spec.replicas: must be a whole number (got "three")`,
		},
		"a quoted whole number": {
			"  replicas: '3'",
			"f:4:13: spec.replicas: must be a whole number (got \"3\")\nhint: write it without quotes: 3",
		},
		"a fraction for a whole number, even .0": {
			"  replicas: 3.0\n  tls: {days: 1e3}",
			"f:4:13: spec.replicas: must be a whole number (got 3.0)\n" +
				"f:5:15: spec.tls.days: must be a whole number (got 1e3)",
		},
		"a whole number out of range": {
			"  replicas: 3000000000\n  small: -1\n  tls:\n    days: 99999999999999999999",
			"f:4:13: spec.replicas: is out of range, must be from -2147483648 to 2147483647 (got 3000000000)\n" +
				"f:5:10: spec.small: is out of range, must be from 0 to 255 (got -1)\n" +
				"f:7:11: spec.tls.days: is out of range, must be from -9223372036854775808 to 9223372036854775807 (got 99999999999999999999)",
		},
		"a number, boolean or mapping for a string": {
			"  image: 1.10\n  mode: on\n  labels:\n    a.b/c: true\n    d: {}",
			"f:4:10: spec.image: must be a string (got 1.10)\nhint: write it in quotes: \"1.10\"\n" +
				"f:5:9: spec.mode: must be a string (got on)\nhint: write it in quotes: \"on\" (bare, YAML 1.1 takes it for a boolean)\n" +
				"f:7:12: spec.labels[a.b/c]: must be a string (got true)\nhint: write it in quotes: \"true\"\n" +
				"f:8:8: spec.labels.d: must be a string (got a mapping)",
		},
		"null in a map or list of plain values": {
			"  labels:\n    a:\n  patches: [null]",
			"f:5:7: spec.labels.a: must be a string (got null)\nhint: write \"\" for an empty string\n" +
				"f:6:13: spec.patches[0]: must be a mapping (got null)",
		},
		"a boolean of YAML 1.1, or in quotes": {
			"  paused: yes",
			"f:4:11: spec.paused: must be true or false (got yes)\nhint: write true",
		},
		"a boolean in quotes": {
			"  paused: \"true\"",
			"f:4:11: spec.paused: must be true or false (got \"true\")\nhint: write it without quotes: true",
		},
		"one value for a list or mapping, and the reverse": {
			"  patches: x\n  tls: [1]\n  labels: 3\n  paused: []",
			"f:4:12: spec.patches: must be a list (got \"x\")\n" +
				"f:5:8: spec.tls: must be a mapping (got a list)\n" +
				"f:6:11: spec.labels: must be a mapping (got 3)\n" +
				"f:7:11: spec.paused: must be true or false (got a list)",
		},
		"every fault in a list": {
			"  patches:\n  - target: 1\n    args: [1, x]\n  - tagret: a",
			"f:5:13: spec.patches[0].target: must be a string (got 1)\nhint: write it in quotes: \"1\"\n" +
				"f:6:15: spec.patches[0].args[1]: must be a whole number (got \"x\")\n" +
				"f:7:5: spec.patches[1].tagret: unknown field\nhint: did you mean \"target\"?",
		},
		"what a type refuses to read": {
			"  memory: 10Gigs\n  grace: 5\n  port: 1.5\n  blob: '*'",
			"f:4:11: spec.memory: must be a quantity such as 500m or 10Gi (got \"10Gigs\")\n" +
				"f:5:10: spec.grace: must be a duration such as 30s or 1h30m (got 5)\n" +
				"f:6:9: spec.port: must be a whole number or a string (got 1.5)\n" +
				"f:7:9: spec.blob: must be base64 (got \"*\")",
		},
		"a quantity with a unit of another way": {
			"  memory: 10GB",
			"f:4:11: spec.memory: must be a quantity such as 500m or 10Gi (got \"10GB\")\nhint: did you mean 10Gi?",
		},
		"a quantity with a unit in small letters": {
			"  memory: 1.5gb",
			"f:4:11: spec.memory: must be a quantity such as 500m or 10Gi (got \"1.5gb\")\nhint: did you mean 1.5Gi?",
		},
		"a quantity with a blank": {
			"  memory: 10 Gi",
			"f:4:11: spec.memory: must be a quantity such as 500m or 10Gi (got \"10 Gi\")\nhint: did you mean 10Gi?",
		},
		"thousandths with a blank": {
			"  memory: 500 m",
			"f:4:11: spec.memory: must be a quantity such as 500m or 10Gi (got \"500 m\")\nhint: did you mean 500m?",
		},
		"a quantity that would take minutes to read": {
			"  memory: 1e-999999999",
			"f:4:11: spec.memory: must be a quantity such as 500m or 10Gi (got 1e-999999999)",
		},
		"a quantity of endless digits": {
			"  memory: 1" + strings.Repeat("0", 64),
			"f:4:11: spec.memory: must be a quantity such as 500m or 10Gi (got 1" + strings.Repeat("0", 59) + "...)",
		},
		"numbers that JSON does not have": {
			"  ratio: .inf\n  free: [-.Inf, .nan]",
			"f:4:10: spec.ratio: must be a finite number (got .inf)\n" +
				"f:5:10: spec.free[0]: must be a finite number (got -.Inf)\n" +
				"f:5:17: spec.free[1]: must be a finite number (got .nan)",
		},
		"keys that are not strings": {
			"  labels:\n    1: a\n    on: a\n    ~: a\n    [x]: a",
			"f:5:5: spec.labels.1: a key must be a string (got 1)\nhint: write it in quotes: \"1\"\n" +
				"f:6:5: spec.labels.on: a key must be a string (got on)\nhint: write it in quotes: \"on\" (bare, YAML 1.1 takes it for a boolean)\n" +
				"f:7:5: spec.labels.~: a key must be a string (got null)\nhint: write \"\" for an empty string\n" +
				"f:8:5: spec.labels[]: a key must be a string (got a list)",
		},
		"tags": {
			"  image: !vault secret\n  paused: !!bool \"true\"",
			"f:4:10: spec.image: tag !vault is not supported\nhint: write the value without a tag\n" +
				"f:5:11: spec.paused: tag !!bool is not supported\nhint: write the value without a tag\n" +
				"f:5:11: spec.paused: must be true or false (got \"true\")\nhint: write it without quotes: true",
		},
		"a merge of what is no mapping": {
			"  <<: 3\n  labels: {<<: [{a: b}, c]}",
			"f:4:7: spec.<<: must be a mapping, or a list of mappings, to merge (got 3)\n" +
				"f:5:16: spec.labels.<<: must be a mapping, or a list of mappings, to merge (got \"c\")",
		},
		"an alias inside its own anchor": {
			"  free: &a [*a]",
			"f:4:13: spec.free[0]: alias *a stands inside the value it repeats",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, _ := faultsOf(t, header+"spec:\n"+test.spec+"\n")
			same(t, got, test.want)
		})
	}
}

func TestDecodeFillsWhatIsInOrder(t *testing.T) {
	for name, test := range map[string]struct{ spec, want string }{
		"every kind of value": {
			`
  replicas: 3
  paused: True
  mode: fast
  image: a:1
  tls: {issuer: me, days: 0x10}
  patches: [{target: a, args: [0644, 1_000]}, {}]
  labels: {a.b/c: "1", d: 2020-01-01, e: !!str 3}
  memory: 0.5
  grace: 90s
  port: http
  values: {a: [1, 0.5, on, null, x]}
  free: 18446744073709551615
  ratio: 0.25
  small: 255
  blob: aGk=`,
			`{"replicas":3,"paused":true,"mode":"fast","image":"a:1","tls":{"issuer":"me","days":16},` +
				`"patches":[{"target":"a","args":[420,1000]},{"target":"","args":null}],` +
				`"labels":{"a.b/c":"1","d":"2020-01-01","e":"3"},"memory":"500m","grace":"1m30s","port":"http",` +
				`"values":{"a":[1,0.5,true,null,"x"]},"free":18446744073709552000,"ratio":0.25,"small":255,"blob":"aGk="}`,
		},
		"null as absent": {
			"\n  replicas: null\n  paused: ~\n  tls:\n  patches: null\n  memory: null\n  values: null\n  free: null",
			`{}`,
		},
		"aliases and merge keys, where the nearest wins": {
			"\n  tls: &a {issuer: me, days: 1}\n  free: {<<: [{days: 2}, *a], issuer: you}\n  labels: {<<: {x: &y z}, w: *y}",
			`{"tls":{"issuer":"me","days":1},"labels":{"w":"z","x":"z"},"free":{"days":2,"issuer":"you"}}`,
		},
		"what is right beside what is wrong": {
			"\n  replicas: x\n  mode: fast\n  patches: [{target: a}, 3, {target: b}]\n  labels: {a: b, c: 3}\n  mdoe: x",
			`{"mode":"fast","patches":[{"target":"a","args":null},{"target":"","args":null},{"target":"b","args":null}],"labels":{"a":"b"}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			faults, servers := faultsOf(t, header+"spec:"+test.spec+"\n")
			if strings.Contains(test.spec, "x\n") == (faults == "") {
				t.Errorf("unexpected faults: %s", faults)
			}
			if len(servers) != 1 {
				t.Fatalf("%d documents", len(servers))
			}
			got, err := json.Marshal(servers[0].Spec)
			if err != nil {
				t.Fatal(err)
			}
			var g, w any
			if err := json.Unmarshal(got, &g); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(test.want), &w); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(w, g); diff != "" {
				t.Errorf("not as wanted (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeOnlyIntoAPointerToAStruct(t *testing.T) {
	documents, _ := Split("f", []byte(header))
	for _, into := range []any{nil, server{}, (*server)(nil), new(int), map[string]any{}} {
		if faults := documents[0].Decode(into); len(faults) != 1 {
			t.Errorf("decoding into %T: %v", into, faults)
		}
	}
}

func TestDecodeBoundsItsReport(t *testing.T) {
	text := header + "spec:\n" + strings.Repeat("  x: 1\n", 3000)
	_, faults := Split("f", []byte(text))
	if len(faults) != maxFaults+1 {
		t.Errorf("%d faults", len(faults))
	}
}

func TestEmbeddedFieldsAreShadowedAsInJSON(t *testing.T) {
	type inner struct {
		Kind  string `json:"kind"`
		Inner string `json:"inner"`
	}
	type outer struct {
		*Exported
		inner
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Untagged   string
	}
	text := "apiVersion: v1\nkind: K\ninner: i\nUntagged: u\nfar: f\n"
	documents, faults := Split("f", []byte(text))
	var got outer
	if faults = append(faults, documents[0].Decode(&got)...); len(faults) > 0 {
		t.Error(faults)
	}
	if got.Kind != "K" || got.inner.Kind != "" || got.Inner != "i" || got.Untagged != "u" || got.Far != "f" {
		t.Errorf("got %+v", got)
	}
}

type Exported struct {
	Far string `json:"far"`
}
