package jobs

import "strings"

// PluginName is the name that the secrets engine is registered and mounted under.
const PluginName = "secp256k1"

// ProgramPath is where the program lies in its own image.
const ProgramPath = "/usr/local/bin/banhbaoring"

// Install is the Job-like command that copies a program out of an image.
const Install = "install"

// PluginVersion is a plugin's version as OpenBao wants it, with its v.
func PluginVersion(version string) string { return "v" + strings.TrimPrefix(version, "v") }

// PluginCommand is the plugin's file name in the plugin directory. It carries
// the version, so that pods of the old version still find their binary while
// others roll.
func PluginCommand(version string) string { return PluginName + "-" + PluginVersion(version) }

// InstallArgs are the arguments that copy a program from one path to another;
// with a sha256, no other program than that.
func InstallArgs(from, to, sha256 string) []string {
	args := []string{"job", Install, "--from=" + from, "--to=" + to}
	if sha256 != "" {
		args = append(args, "--sha256="+sha256)
	}
	return args
}

// AuditRequestKeys and AuditResponseKeys are the fields of the secrets engine that stand
// readable in OpenBao's audit log: what a key may sign, who changes it, and what was
// decided. Credentials, and what was sent to be signed, are not among them.
var (
	AuditRequestKeys  = []string{"chain", "client", "clients", "fence", "floor", "nonce_guard", "policy", "release", "type"}
	AuditResponseKeys = []string{"decisions"}
)
