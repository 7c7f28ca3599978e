package v1

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"
)

// document is what all four kinds have in common.
type document interface {
	Default()
	Validate() field.ErrorList
}

// The smallest valid document of each kind.
const (
	validCluster = `{metadata: {name: production}, spec: {domain: keys.example.com}}`
	validTenant  = `{metadata: {name: acme}, spec: {clusterRef: {name: production}, admin: {email: admin@example.com}}}`
	validBackup  = `{metadata: {name: before-upgrade}, spec: {clusterRef: {name: production}}}`
	validRestore = `{metadata: {name: after-outage}, spec: {clusterRef: {name: production}, backupRef: {name: before-upgrade}}}`
)

// decode merges YAML texts into a document, strictly, and gives it its defaults.
func decode[D document](t testing.TB, into D, texts ...string) D {
	t.Helper()
	for _, text := range texts {
		if err := yaml.UnmarshalStrict([]byte(text), into); err != nil {
			t.Fatal(err)
		}
	}
	into.Default()
	return into
}

// printed are faults as users see them, save that a hint stays on the line.
func printed(faults field.ErrorList) []string {
	var lines []string
	for _, f := range faults {
		head, hint, hasHint := strings.Cut(f.Detail, "\n")
		line := f.Field + ": " + head
		if f.Type == field.ErrorTypeInvalid || f.Type == field.ErrorTypeNotSupported {
			line += fmt.Sprintf(" (got %v)", f.BadValue)
		}
		if hasHint {
			line += "; " + hint
		}
		lines = append(lines, line)
	}
	return lines
}

// A change is what makes a valid document faulty, and the faults.
type change struct {
	name string
	yaml string
	want []string
}

func testChanges[D document](t *testing.T, kind func() D, valid string, changes []change) {
	for _, c := range changes {
		t.Run(c.name, func(t *testing.T) {
			d := decode(t, kind(), valid, c.yaml)
			faults := d.Validate()
			if diff := cmp.Diff(c.want, printed(faults), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
			checkVoice(t, d, faults)
		})
	}
}

var hintLine = regexp.MustCompile(`\nhint: [^\n]+$`)

// checkVoice holds faults to the house's voice, and their paths to the fields
// of the document.
func checkVoice(t *testing.T, d document, faults field.ErrorList) {
	t.Helper()
	for _, f := range faults {
		head := hintLine.ReplaceAllString(f.Detail, "")
		if strings.Contains(head, "\n") || strings.HasSuffix(head, ".") || head == "" || head[0] < 'a' || head[0] > 'z' {
			t.Errorf("%s: must be one line in lower case without a full stop: %q", f.Field, f.Detail)
		}
		if strings.HasSuffix(head, ": ") || strings.Contains(f.Detail, "%!") {
			t.Errorf("%s: is cut off: %q", f.Field, f.Detail)
		}
		if !isField(reflect.TypeOf(d), f.Field) {
			t.Errorf("%s: no such field", f.Field)
		}
	}
}

// isField tells whether a path leads to a field of a type.
func isField(of reflect.Type, path string) bool {
	step := regexp.MustCompile(`^\.?([A-Za-z0-9]+)|^\[([^\]]*)\]`)
	for path != "" {
		for of.Kind() == reflect.Pointer {
			of = of.Elem()
		}
		part := step.FindStringSubmatch(path)
		if part == nil {
			return false
		}
		path = path[len(part[0]):]
		switch of.Kind() {
		case reflect.Slice, reflect.Map:
			of = of.Elem()
		case reflect.Struct:
			next := jsonField(of, part[1])
			if next == nil {
				return false
			}
			of = next
		default:
			return false
		}
	}
	return true
}

func jsonField(of reflect.Type, name string) reflect.Type {
	for _, f := range reflect.VisibleFields(of) {
		if tag, _, _ := strings.Cut(f.Tag.Get("json"), ","); tag == name {
			return f.Type
		}
	}
	return nil
}

func TestTheDocumentsOfTheSpecAreValid(t *testing.T) {
	kinds := map[string]func() document{
		KindCluster: func() document { return &BanhBaoRingCluster{} },
		KindTenant:  func() document { return &BanhBaoRingTenant{} },
		KindBackup:  func() document { return &BanhBaoRingBackup{} },
		KindRestore: func() document { return &BanhBaoRingRestore{} },
	}
	files, _ := filepath.Glob("testdata/spec-*.yaml")
	if len(files) != 11 {
		t.Fatalf("found %d documents of the spec, want 11", len(files))
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var head struct{ Kind string }
			if err := yaml.Unmarshal(text, &head); err != nil {
				t.Fatal(err)
			}
			texts := []string{string(text)}
			if head.Kind == "" { // the fragments of section 5
				head.Kind, texts = KindCluster, []string{validCluster, string(text)}
			}
			for _, fault := range printed(decode(t, kinds[head.Kind](), texts...).Validate()) {
				// Their plan is pro, and they do not say to whom backups are encrypted.
				if !strings.HasPrefix(fault, "spec.backup.encryption.recipients: is required") {
					t.Error(fault)
				}
			}
		})
	}
}

func TestAFragmentOfTheSpecTurnsAutoUnsealOn(t *testing.T) {
	text, err := os.ReadFile("testdata/spec-5.4.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c := decode(t, &BanhBaoRingCluster{}, validCluster, string(text))
	if a := c.Spec.OpenBao.AutoUnseal; !a.enabled() || a.Provider != ProviderTransit || c.Name != "production" {
		t.Errorf("the fragment was not merged: %+v", a)
	}
}

func TestEveryFaultIsFoundAtOnce(t *testing.T) {
	text, err := os.ReadFile("testdata/broken.yaml")
	if err != nil {
		t.Fatal(err)
	}
	got := printed(decode(t, &BanhBaoRingCluster{}, string(text)).Validate())
	want := strings.Count(string(text), "# fault")
	if len(got) != want {
		t.Errorf("found %d faults, want %d:\n%s", len(got), want, strings.Join(got, "\n"))
	}
}

func TestNoFaultShowsASecret(t *testing.T) {
	const secret = "hunter2"
	c := decode(t, &BanhBaoRingCluster{}, validCluster, `
spec:
  domain: https://user:hunter2@keys.example.com/
  imageRegistry: https://user:hunter2@registry.example.com
  openbao:
    image: user:hunter2@registry.example.com/openbao
    tls: {secretName: HUNTER2_hunter2}
    autoUnseal:
      provider: transit
      address: ftp://user:hunter2@vault.example.com
      keyName: autounseal
      token: {secretName: s.hunter2!, key: hunter2 hunter2}
    init: {pgpKeys: [hunter2!]}
  database: {managed: false, connectionString: {name: "postgres://user:hunter2@db/x", key: a}}
  backup:
    destination: {s3: {bucket: backups, endpoint: "http://user:hunter2@minio:9000"}}
    encryption: {recipients: [AGE-SECRET-KEY-1hunter2]}
  patches: [{patch: "hunter2"}, {patch: "- {op: hunter2}"}]
`)
	faults := c.Validate()
	if len(faults) < 12 {
		t.Errorf("found %d faults, want a dozen at least", len(faults))
	}
	for _, line := range printed(faults) {
		if strings.Contains(strings.ToLower(strings.TrimPrefix(line, "spec.")), secret) {
			t.Error(line)
		}
	}
}

func TestNothingIsAssumedOfADocumentWithoutDefaults(t *testing.T) {
	for _, d := range []document{&BanhBaoRingCluster{}, &BanhBaoRingTenant{}, &BanhBaoRingBackup{}, &BanhBaoRingRestore{}} {
		if len(d.Validate()) == 0 {
			t.Errorf("%T: an empty document is valid", d)
		}
	}
	(&BanhBaoRingCluster{}).Warnings()
}

func TestAnUnknownPlanIsAFault(t *testing.T) {
	c := decode(t, &BanhBaoRingCluster{}, validCluster)
	c.Spec.Plan = "gold"
	want := []string{"spec.plan: must be free, starter, pro or enterprise (got gold)"}
	if diff := cmp.Diff(want, printed(c.Validate())); diff != "" {
		t.Error(diff)
	}
}
