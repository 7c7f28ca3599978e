package diff

import (
	"math"
	"regexp"
	"strings"
)

// format is what a secret looks like, whatever name it stands under.
type format struct {
	// sign is in every such secret, and run the length of the longest word in it
	// at least: what lacks either is not searched.
	sign string
	run  int
	of   *regexp.Regexp
}

// formats are those of known issuers. Sources: their documentation; age's own
// prefix; RFC 7468 and RFC 7519.
var formats = func() []format {
	var all []format
	for _, f := range []struct {
		sign    string
		run     int
		pattern string
	}{
		{"PRIVATE KEY", 0, `(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\z)`},
		{"PuTTY-User-Key-File-", 0, `(?s)PuTTY-User-Key-File-\d.*`},
		{"AGE-", 20, `AGE-(?:SECRET-KEY|PLUGIN)-[A-Z0-9-]{20,}`},
		{"eyJ", 9, `\beyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*){1,3}`}, // JWT and JWE
		{"A", 20, `\b(?:AKIA|ASIA)[A-Z0-9]{16}\b`},                                       // AWS
		{"AIza", 30, `\bAIza[A-Za-z0-9_-]{30,}`},                                         // Google
		{"ya29.", 20, `\bya29\.[A-Za-z0-9_.-]{20,}`},
		{"GOCSPX-", 20, `\bGOCSPX-[A-Za-z0-9_-]{20,}`},
		{"k_", 16, `\b(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{8,}`}, // Stripe
		{"whsec_", 14, `\bwhsec_[A-Za-z0-9+/=]{8,}`},
		{"xox", 15, `\bxox[a-z]-[A-Za-z0-9-]{10,}`}, // Slack
		{"xapp-", 15, `\bxapp-[A-Za-z0-9-]{10,}`},
		{"hooks.slack", 0, `hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/[A-Za-z0-9/_-]+`},
		{"discord", 0, `discord(?:app)?\.com/api/webhooks/\d+/[A-Za-z0-9_-]+`},
		{"webhook.office.com", 0, `webhook\.office\.com/[A-Za-z0-9@/_-]+`},
		{"gh", 20, `\bgh[a-z]_[A-Za-z0-9]{20,}`}, // GitHub
		{"github_pat_", 30, `\bgithub_pat_[A-Za-z0-9_]{20,}`},
		{"gl", 20, `\bgl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|soat|ffct|oas)-[A-Za-z0-9_.-]{16,}`}, // GitLab
		{".", 20, `\b(?:hv[sbr]|[sbr])\.[A-Za-z0-9_-]{20,}`},                                   // OpenBao and Vault
		{"npm_", 20, `\bnpm_[A-Za-z0-9]{20,}`},
		{"pypi-", 20, `\bpypi-[A-Za-z0-9_-]{16,}`},
		{"_v1_", 20, `\bdo[opr]_v1_[a-f0-9]{20,}`},
		{"dckr_pat_", 20, `\bdckr_pat_[A-Za-z0-9_-]{16,}`},
		{"SG.", 16, `\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}`}, // SendGrid
		{"sk-", 20, `\bsk-[A-Za-z0-9_-]{20,}`},
		{":AA", 30, `\b\d{8,10}:AA[A-Za-z0-9_-]{30,}`}, // Telegram
		{"0x", 60, `\b0x[0-9a-fA-F]{64}\b`},            // keys of chains
		{"", 51, `\b[59KL][1-9A-HJ-NP-Za-km-z]{50,51}\b`},
		{"prv", 80, `\b[xyz]prv[1-9A-HJ-NP-Za-km-z]{80,}`},
	} {
		all = append(all, format{f.sign, f.run, regexp.MustCompile(f.pattern)})
	}
	return all
}()

// longestRun is the length of the longest word, of the letters that random
// values are written in.
func longestRun(v string) int {
	longest, run := 0, 0
	for i := range len(v) {
		c := v[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '/' || c == '+' || c == '=' {
			run++
			longest = max(longest, run)
		} else {
			run = 0
		}
	}
	return longest
}

var (
	// word is what could be a random value.
	word = regexp.MustCompile(`[A-Za-z0-9+/=_-]{20,}`)
	// public are random values that everybody may see.
	public = regexp.MustCompile(`^(?:age1[a-z0-9]{50,}|0[23][0-9a-f]{64}|(?:[a-z-]+/)*[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|0x[0-9a-fA-F]{40}|secret-[0-9a-f]{16}|AAAA[A-Za-z0-9+/=]+)$`)
	// digestName are fields that hold a digest, or another public value.
	digestName = regexp.MustCompile(`(?i)(?:sha(?:1|256|512)|digest|checksum(?:/[\w.-]+)?|hash|fingerprint|revision|commit|etag|uid|serial|ca[_-]?(?:bundle|cert|crt)|certificate|public[_-]?key|recipients?|request|name|namespace|banhbaoring\.io/config)$`)
	digest     = regexp.MustCompile(`(?:sha(?:1|256|384|512)|ed25519)[:=-]"?$`)
	pemPublic  = regexp.MustCompile(`(?s)-----BEGIN (?:CERTIFICATE|PUBLIC KEY|X509 CRL|[A-Z ]*PUBLIC KEY|PGP PUBLIC KEY BLOCK)-----.*?-----END [A-Z0-9 ]+-----`)
	keyBefore  = regexp.MustCompile(`([\w.-]+)["']?[ \t]*[:=][ \t]*["']?$`)
	// plainPart is a part of a name that people or programs make up: letters of
	// one case or with capitals, numbers, the hash at a name's end, which
	// kustomize writes with letters of its own.
	plainPart = regexp.MustCompile(`^(?:[A-Z]?[a-z]+(?:[A-Z][a-z]*)*[A-Z]*\d{0,4}|[A-Z]+\d{0,4}|v?\d{1,12}[a-z]{0,2}|[0-9a-f]{10}|[gh2k4-9mbcdtf]{10}|\d+[A-Z]?[a-z]+\d{0,4}|)$`)
)

// suffixes are what Kubernetes appends to the names of pods and ReplicaSets, in letters
// and digits of its own (k8s.io/apimachinery/pkg/util/rand).
var suffixes = []*regexp.Regexp{
	regexp.MustCompile(`^([a-z][a-z0-9-]*)-[bcdfghjklmnpqrstvwxz2456789]{5}$`),
	regexp.MustCompile(`^([a-z][a-z0-9-]*)-[bcdfghjklmnpqrstvwxz2456789]{7,10}$`),
}

// random replaces the values in a text that look as if they were drawn at
// random; name is the text's key. What is known to be public stays.
func (f Fingerprint) random(v, name string) string {
	if longestRun(v) < 20 || digestName.MatchString(name) {
		return v
	}
	shielded := pemPublic.FindAllStringIndex(v, -1)
	var out strings.Builder
	last := 0
	for _, at := range word.FindAllStringIndex(v, -1) {
		before, candidate := v[:at[0]], v[at[0]:at[1]]
		if !drawn(candidate) {
			continue
		}
		key := keyBefore.FindStringSubmatch(before[max(0, len(before)-80):])
		if digest.MatchString(before[max(0, len(before)-12):]) || key != nil && digestName.MatchString(key[1]) || inside(shielded, at[0]) {
			continue
		}
		out.WriteString(v[last:at[0]] + f.Of([]byte(candidate)))
		last = at[1]
	}
	return out.String() + v[last:]
}

func inside(spans [][]int, at int) bool {
	for _, s := range spans {
		if s[0] <= at && at < s[1] {
			return true
		}
	}
	return false
}

// drawn reports whether a word looks as if it was drawn at random: no name, of
// digits and letters that change often, and of much entropy.
func drawn(w string) bool {
	if public.MatchString(w) {
		return false
	}
	plain, name := true, w
	for _, suffix := range suffixes {
		name = suffix.ReplaceAllString(name, "$1")
	}
	for _, part := range strings.FieldsFunc(name, func(r rune) bool { return strings.ContainsRune("-_/+=", r) }) {
		plain = plain && plainPart.MatchString(part)
	}
	if plain {
		return false
	}
	counts, changes, digits := map[rune]int{}, 0, 0
	var before int
	for _, r := range w {
		counts[r]++
		class := 0
		switch {
		case r >= '0' && r <= '9':
			class = 1
			digits++
		case r >= 'a' && r <= 'z':
			class = 2
		case r >= 'A' && r <= 'Z':
			class = 3
		}
		if before != 0 && class != 0 && class != before {
			changes++
		}
		before = class
	}
	entropy, n := 0.0, float64(len(w))
	for _, c := range counts {
		p := float64(c) / n
		entropy -= p * math.Log2(p)
	}
	return digits >= 2 && float64(changes) >= n/5 && entropy >= 3 || n >= 32 && float64(changes) >= n/4 && entropy >= 4
}
