package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/banhbaoring/banhbaoring/diff"
	"github.com/banhbaoring/banhbaoring/golden"
)

// report is what an input that somebody tripped over must come to.
type report struct {
	// faults are the beginnings of all lines on standard error that are no
	// warning, note or hint, the place in the file first; none where it renders.
	faults []string
	// warns are parts of warnings and notes.
	warns []string
	// holds and lacks are parts of the output.
	holds, lacks []string
}

var reports = map[string]report{
	"01-kube-system.yaml": {faults: []string{
		":3:24: metadata.namespace: must be a namespace of the stack's own: its policies would cut off what runs there (got",
	}},

	"02-tenants-as-documents.yaml": {holds: []string{`{"name":"acme",`, `{"name":"globex",`}},
	"02-tenants-in-list.yaml":      {holds: []string{`{"name":"acme",`, `{"name":"globex",`}},

	"03-own-namespace.yaml": {faults: []string{
		":10:12: metadata.name: Namespace keys is also rendered for cluster prod (",
		":14:12: metadata.name: NetworkPolicy banhbaoring-deny-by-default is also rendered for cluster prod (",
	}},
	"03-without.yaml": {holds: []string{"kind: Namespace"}},

	"04-backup-not-enabled.yaml": {holds: []string{"schedule: 0 */6 * * *", "name: banhbaoring-alertmanager"}},

	"05-retention-1.yaml":   {holds: []string{"name: banhbaoring-backup"}},
	"05-retention-365.yaml": {holds: []string{"name: banhbaoring-backup"}},

	"06-redis-3.yaml":          {holds: []string{"name: banhbaoring-redis"}},
	"06-redis-5.yaml":          {holds: []string{"name: banhbaoring-redis"}},
	"06-redis-standalone.yaml": {holds: []string{"name: banhbaoring-redis"}},

	"07-openshift.yaml": {holds: []string{"runAsUser: 999"}, lacks: []string{"port: 5353"}},

	"08-apiserver-port.yaml": {holds: []string{"port: 8443", "cidr: 192.168.49.2/32"}, lacks: []string{"port: 6443"}},

	"09-two-clusters-one-prefix.yaml": {faults: []string{
		":13:3: spec.domain: host keys.example.com is that of cluster keys-blue/blue too (",
		":15:41: spec.backup.destination: cluster keys-blue/blue keeps its backups there already (",
	}},

	"10-flux-before.yaml": {},
	"10-flux-after.yaml":  {holds: []string{"imagePullSecrets"}},

	"11-static-rotation.yaml": {holds: []string{
		`current_key_id  = "2026-11"`, `previous_key_id = "2026-10"`, `previous_key    = "file:///openbao/seal/previous-key"`, "name: unseal-2026-10",
	}},

	"12-resource-quota.yaml": {holds: []string{"name: banhbaoring-backup"}},

	"13-s3-private-ca.yaml": {holds: []string{"secretName: corp-ca", "port: 9000"}},

	"14-backup-irsa.yaml": {holds: []string{"eks.amazonaws.com/role-arn"}},

	"15-millibytes.yaml": {faults: []string{
		":8:26: spec.openbao.resources.limits[memory]: must be whole bytes: m stands for thousandths",
		":9:15: spec.openbao.storage.size: must be 1Mi or more",
		":10:21: spec.redis.storage.size: must be whole bytes: m stands for thousandths",
		":11:24: spec.database.storage.size: must be more than 0, such as 10Gi",
	}},

	"16-patch-types.yaml": {faults: []string{
		":8:5: spec.patches[0]: ConfigMap banhbaoring-api: data.PORT: must be a string",
		":11:5: spec.patches[1]: StatefulSet banhbaoring-openbao: spec.template.spec.priorityClasName: unknown field",
	}},

	"17-validate-ipv6-registry.yaml": {holds: []string{"[fd00::1]:5000/openbao/openbao:"}},
	"17-validate-not-render.yaml": {faults: []string{
		":7:3: spec.backup.destination: is required: where backups are kept: s3 or gcs",
	}},
	"17-validate-patch-matches-nothing.yaml": {faults: []string{
		":8:5: spec.patches[0]: matches no object",
	}},

	"18-no-namespace.yaml": {
		warns: []string{":3:1: metadata.namespace: should be given: the stack is in namespace banhbaoring, whatever namespace the manifests are applied with"},
		holds: []string{"namespace: banhbaoring"},
	},

	"19-proxy.yaml": {faults: []string{":8:10: spec.jobs.env: unknown field"}},

	"20-encrypted.yaml":    {holds: []string{"age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"}},
	"20-in-the-clear.yaml": {lacks: []string{"age1"}},

	"21-kms-region.yaml": {faults: []string{
		":7:36: spec.openbao.autoUnseal.region: must be eu-west-1, as keyId has it",
	}},

	"22-cilium-gateway.yaml": {holds: []string{"kind: HTTPRoute"}},

	"24-base-and-overlays": {
		warns: []string{"base is a base of"},
		holds: []string{"\n  namespace: keys-eu\n"},
		lacks: []string{"\n  namespace: banhbaoring\n"},
	},
}

// reportKinds are the tests of what each report is an instance of, and of its siblings.
var reportKinds = map[string][]string{
	"01": {"TestNamespacesOfOthersAreRefused"},
	"02": {"TestListsAreUnpacked"},
	"03": {"TestScripts"}, // trust.txtar
	"04": {"TestSettingsSwitchOnWhatTheyConfigure", "TestEverySwitchIsUnderTheRule"},
	"05": {"TestClassesOfRealisticChanges", "TestEachRule"},
	"06": {"TestClassesOfRealisticChanges", "TestEachRule"},
	"07": {"TestOpenShiftAdmitsThePods", "TestOnOpenShiftNamesAreLookedUpOnPort5353Too"},
	"08": {"TestNetworksAndPlatforms"},
	"09": {"TestFaultsHaveTheirPlace", "TestTwoClustersDoNotShareADestination", "TestADomainIsForOneCluster"},
	"10": {"TestNothingIsPrunedThatSomethingLaterStillNames"},
	"11": {"TestAStaticSealMovesToANewKey"},
	"12": {"TestEveryContainerAsksForWhatItNeeds"},
	"13": {"TestEveryConnectionOutsideHasItsAuthority", "TestAuthoritiesOfWhatIsDialled", "TestTheDestinationsAuthority", "TestAWebhooksFilesAreThoseOfTheList"},
	"14": {"TestWhateverTalksToACloudCanHaveAnIdentityThere"},
	"15": {"TestAmountsAreMeantAsTheyAreWritten"},
	"16": {"TestPatchedObjectsAreCheckedAgainstKubernetesTypes"},
	"17": {"TestReports"}, // of each
	"18": {"TestADocumentWithoutNamespaceIsToldWhereItGoes", "TestAnApplicationsDestinationIsTheNamespace", "TestTheDestinationIsTheNamespaceOfWhatNamesNone"},
	"19": {"TestWhoGoesOutByTheProxyHasNoOtherWayOut", "TestWhatNoProxyIsForIsConnectedToDirectly", "TestAServicesAuthorityIsTrustedBesideTheProxys"},
	"20": {"TestClassesOfRealisticChanges", "TestEachRule"},
	"21": {"TestIDsOfKeysAgreeWithTheFieldsBesideThem"},
	"22": {"TestExamples"}, // gateway-cilium
	"23": {"TestReports"},
	"24": {"TestIncludes", "TestScripts"}, // kustomizations.txtar
}

func TestEachReportHasATestOfItsKind(t *testing.T) {
	there := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	err := filepath.WalkDir(golden.Root(t), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, found := range declared.FindAllStringSubmatch(string(text), -1) {
			there[found[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range reports {
		if len(reportKinds[name[:2]]) == 0 {
			t.Errorf("%s has no test of its kind", name)
		}
	}
	for number, tests := range reportKinds {
		for _, name := range tests {
			if !there[name] {
				t.Errorf("%s: there is no %s", number, name)
			}
		}
	}
}

// dubious is run, not rendered.
const dubious = "23-dubious-ownership.sh"

// changes between two of them have a class, by a rule.
var reportedChanges = []struct {
	base, head string
	class      diff.Class
	rule       string
}{
	{"05-retention-365.yaml", "05-retention-1.yaml", diff.Irreversible, "backup-retention"},
	{"06-redis-5.yaml", "06-redis-3.yaml", diff.Irreversible, "redis-shards"},
	{"06-redis-3.yaml", "06-redis-standalone.yaml", diff.Irreversible, "redis-mode"},
	{"20-encrypted.yaml", "20-in-the-clear.yaml", diff.Irreversible, "backup-cluster-only"},
}

func TestReports(t *testing.T) {
	own := filepath.Join("testdata", "reports")
	eachReport(t, own, func(t *testing.T, file string, want report) { want.check(t, file) })
	entries, err := os.ReadDir(own)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if _, known := reports[e.Name()]; !known && e.Name() != dubious {
			t.Errorf("%s has no right value", e.Name())
		}
	}
}

// The folder may lie beside this repository, where what is here came from: no
// file of it may go without a right value.
func TestReportsBesideTheRepository(t *testing.T) {
	folder := os.Getenv("REPORTS")
	if folder == "" {
		folder = filepath.Join(golden.Root(t), "..", "shared", "cases", "reports")
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Skip("there is none: name it with REPORTS")
	}
	for _, e := range entries {
		if _, known := reports[e.Name()]; !known && e.Name() != dubious {
			t.Errorf("%s has no right value", e.Name())
		}
	}
	eachReport(t, folder, func(t *testing.T, file string, want report) { want.check(t, file) })
}

func eachReport(t *testing.T, folder string, test func(*testing.T, string, report)) {
	for name, want := range reports {
		t.Run(name, func(t *testing.T) { test(t, filepath.Join(folder, name), want) })
	}
	for _, c := range reportedChanges {
		t.Run(c.rule, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			args := []string{"diff", filepath.Join(folder, c.base), filepath.Join(folder, c.head), "--format", "json"}
			if code := execute(context.Background(), args, nil, &stdout, &stderr); code != exitDiffers {
				t.Fatalf("exit code %d: %s", code, stderr.String())
			}
			var r diff.Report
			if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(stdout.String(), `"rule": "`+c.rule+`"`) || r.Worst != c.class {
				t.Errorf("is %s, want %s by %s", r.Worst, c.class, c.rule)
			}
		})
	}
	t.Run(dubious, func(t *testing.T) { dubiousOwnership(t, filepath.Join(folder, dubious)) })
}

// dubiousOwnership runs what git refuses, with git and without.
func dubiousOwnership(t *testing.T, script string) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	script, err := filepath.Abs(script)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", script)
	cmd.Env = append(os.Environ(), "B="+program(t), "TMPDIR="+t.TempDir(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "SUDO_UID=")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	with, without, _ := strings.Cut(string(out), "-- without the git program")
	for text, parts := range map[string][]string{
		with:    {"git: detected dubious ownership in repository at ", "hint: git config --global --add safe.directory ", "rc=2"},
		without: {"there is no git program here", "rc=2"},
	} {
		for _, part := range parts {
			if !strings.Contains(text, part) {
				t.Errorf("%q is not said: %s", part, text)
			}
		}
	}
}

func (want report) check(t *testing.T, file string) {
	var stdout, stderr bytes.Buffer
	code := execute(context.Background(), []string{"render", "-f", file}, nil, &stdout, &stderr)
	var faults, warnings []string
	for line := range strings.Lines(stderr.String()) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "warning: ") || strings.HasPrefix(line, "note: ") {
			warnings = append(warnings, line)
		} else if !strings.HasPrefix(line, "hint: ") {
			faults = append(faults, strings.TrimPrefix(line, file))
		}
	}
	if (code == exitDone) != (len(want.faults) == 0) || (stdout.Len() == 0) != (len(want.faults) > 0) {
		t.Errorf("exit code %d, %d bytes printed", code, stdout.Len())
	}
	same := slices.EqualFunc(faults, want.faults, strings.HasPrefix)
	if !same {
		t.Errorf("got faults\n%s\nwant\n%s", strings.Join(faults, "\n"), strings.Join(want.faults, "\n"))
	}
	for _, part := range want.warns {
		if !slices.ContainsFunc(warnings, func(w string) bool { return strings.Contains(w, part) }) {
			t.Errorf("no warning holds %q:\n%s", part, strings.Join(warnings, "\n"))
		}
	}
	for _, part := range want.holds {
		if !strings.Contains(stdout.String(), part) {
			t.Errorf("the output lacks %q", part)
		}
	}
	for _, part := range want.lacks {
		if strings.Contains(stdout.String(), part) {
			t.Errorf("the output holds %q", part)
		}
	}

	// What render says, validate says.
	var said bytes.Buffer
	if again := execute(context.Background(), []string{"validate", "-f", file}, nil, &bytes.Buffer{}, &said); again != code || said.String() != stderr.String() {
		t.Errorf("validate ends with %d and says\n%s\nrender ends with %d and says\n%s", again, said.String(), code, stderr.String())
	}
}
