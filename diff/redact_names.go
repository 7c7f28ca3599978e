package diff

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// secretWords make a name that of a secret wherever they stand in it, and keyWords
// do so right before key; what follows in aboutWords is said of the secret, and is
// none.
var (
	secretWords = words("password passwd passphrase passcode pwd token secret credential mnemonic")
	keyWords    = words("jwt hmac aes rsa ecdsa session cookie auth ssh gpg pgp deploy webhook license encryption encrypt decryption signing master recovery account service integration routing unseal private secret api app root bearer")
	aboutWords  = words("name ref reference file filename path dir directory url uri endpoint ttl policy period type length len min max size count number audience issuer id expiry expire expiration second minute hour day duration lifetime time at enabled disabled enable disable required allowed mount store review bit cidr version format header field label annotation class provider algorithm encryption accessor namespace mode scope exchange rotation rotate interval volume projection key kind status group selector template engine backend manager source src env var validation strength rule hint help title description text message error")
	publicWords = words("public pub verification verify verifying trusted")
)

func words(text string) map[string]bool {
	all := map[string]bool{}
	for _, w := range strings.Fields(text) {
		all[w] = true
	}
	return all
}

// secretNamed reports whether a field, variable or flag of that name holds a secret.
func secretNamed(name string) bool {
	if secretName.MatchString(name) {
		return true
	}
	if strings.HasSuffix(name, "ecrets") { // as Kubernetes' fields, a list of their names
		return false
	}
	all := wordsOf(name)
	if len(all) == 0 || slices.ContainsFunc(all, func(w string) bool { return publicWords[w] }) {
		return false
	}
	last := len(all) - 1
	found := -1
	for i, w := range all {
		switch {
		case secretWords[w], compound.MatchString(w), w == "key" && i > 0 && keyWords[all[i-1]]:
			found = i
		case strings.HasSuffix(w, "pass") && !plainPass[w] && (i == last || name == strings.ToUpper(name)):
			found = i
		}
	}
	return found >= 0 && (found == last || !aboutWords[all[last]] || all[last] == "id" && all[last-1] == "secret")
}

// compound are words that are written as one, and plainPass those that end in pass and
// are none.
var (
	compound  = regexp.MustCompile(`password|passwd|(?:passphrase|token|secret|apikey|secretkey|privatekey|mnemonic)$`)
	plainPass = words("compass bypass encompass surpass trespass overpass underpass")
)

var parted = regexp.MustCompile(`[A-Z]+[a-z0-9]*|[a-z0-9]+`)

// wordsOf are the words of a name in lower case, of one and without numbers behind
// them: those of pgPassword2, PG_PASSWORDS and pg-password are the same.
func wordsOf(name string) []string {
	var all []string
	for _, w := range parted.FindAllString(name, -1) {
		if i := strings.LastIndexFunc(w, unicode.IsUpper); i > 0 && i < len(w)-1 && unicode.IsLower(rune(w[i+1])) { // JWTKey
			all = append(all, word1(w[:i]))
			w = w[i:]
		}
		if w = word1(w); w != "" {
			all = append(all, w)
		}
	}
	return all
}

func word1(w string) string {
	w = strings.TrimRight(strings.ToLower(w), "0123456789")
	if len(w) > 3 && strings.HasSuffix(w, "s") && !strings.HasSuffix(w, "ss") {
		if strings.HasSuffix(w, "ies") {
			return w[:len(w)-3] + "y"
		}
		w = w[:len(w)-1]
	}
	return w
}

var (
	// named is a name that may be a secret's, up to where its value begins.
	named = regexp.MustCompile(`(?i)((?:^|[\s"'{,;?&(\[-])((?:[\w.-]*(?:pass|pwd|token|secret|key|credential|mnemonic|seed|sig|auth)[\w.-]*))\\?["']?[ \t]*(?:[:=][ \t]*))`)
	// candidate is a word that may be the name of a secret.
	candidate = regexp.MustCompile(`(?i)[\w.-]*(?:pass|pwd|token|secret|key|credential|mnemonic|seed|sig|auth)[\w.-]*`)
	// flag is a flag and the blanks before its value.
	flag = regexp.MustCompile(`(?:^|[\s"'(\[,])(--?([A-Za-z][\w.-]*)(?:[ \t]+|["'],[ \t]*))`)
	// user is a name and a password, as curl's flag wants them.
	user = regexp.MustCompile(`((?:^|\s)(?:-u|--user|--proxy-user)[ =]["']?[^\s:"']*[^\s:"'\d][^\s:"']*:)([^\s"']+)`)
	// assignedValue is what a name is given: in quotes, over lines too, or up to the end
	// of the word.
	assignedValue = regexp.MustCompile(`^(?:\\"[^"\n]*\\"|"(?:[^"\\]|\\.)*"|'[^']*'|[^\s"'{}\[\],;&|>][^\s"',;&]*)`)
	blockScalar   = regexp.MustCompile(`^[|>][+-]?\d?[+-]?[ \t]*\n`)
	count         = regexp.MustCompile(`^\d{1,5}[}\]]*$`)
	flow          = regexp.MustCompile(`^\[[^\]{]*\]`)
)

// assignments replaces what a text gives to names of secrets.
func (f Fingerprint) assignments(v string) string {
	v = f.after(v, named, func(rest, indent string) (string, string) {
		switch {
		case blockScalar.MatchString(rest):
			return cutBlock(rest, indent, len(blockScalar.FindString(rest)))
		case strings.HasPrefix(rest, "\n"):
			first, _, _ := strings.Cut(strings.TrimLeft(rest, "\n"), "\n")
			if strings.Contains(first, ": ") || strings.HasSuffix(strings.TrimSpace(first), ":") {
				return "", rest // fields, which have names of their own
			}
			return cutBlock(rest, indent, 1)
		}
		value := flow.FindString(rest)
		if value == "" {
			value = assignedValue.FindString(rest)
		}
		return value, rest[len(value):]
	})
	return f.after(v, flag, func(rest, _ string) (string, string) {
		if strings.HasPrefix(rest, "-") {
			return "", rest
		}
		value := assignedValue.FindString(rest)
		return value, rest[len(value):]
	})
}

// after replaces what cut finds behind each name of a secret that pattern finds. cut
// is given what follows the name, and how far its line is indented.
func (f Fingerprint) after(v string, pattern *regexp.Regexp, cut func(rest, indent string) (value, after string)) string {
	var out strings.Builder
	for {
		at := pattern.FindStringSubmatchIndex(v)
		if at == nil {
			return out.String() + v
		}
		name, end := v[at[4]:at[5]], at[1]
		if !secretNamed(strings.TrimLeft(name, "-")) {
			out.WriteString(v[:at[5]])
			v = v[at[5]:]
			continue
		}
		out.WriteString(v[:at[4]])
		line := out.String()
		line = line[strings.LastIndex(line, "\n")+1:]
		value, rest := cut(v[end:], line[:len(line)-len(strings.TrimLeft(line, " "))])
		out.WriteString(v[at[4]:end])
		switch {
		case count.MatchString(value) && !passwordName.MatchString(name):
		case strings.HasPrefix(value, "["):
			if inner := strings.TrimSpace(value[1 : len(value)-1]); inner != "" {
				value = "[" + f.value(inner) + "]"
			}
		case strings.Contains(value, "\n") && !strings.ContainsAny(value[:1], `"'`):
			value = " " + f.Of([]byte(value)) + "\n"
		default:
			value = f.value(value)
		}
		out.WriteString(value)
		v = rest
	}
}

var field = regexp.MustCompile(`^[ -]*[\w."'-]+:(?: |$)`)

// cutBlock cuts off the lines from an offset on that are indented further than a name,
// or are items of its list, or hold nothing.
func cutBlock(rest, indent string, from int) (value, after string) {
	end := from
	for end < len(rest) {
		line, _, _ := strings.Cut(rest[end:], "\n")
		text := strings.TrimLeft(line, " ")
		deeper := len(line)-len(text) > len(indent) || from > 1 && !field.MatchString(line) // whose blanks a message has taken
		item := strings.HasPrefix(line, indent+"- ") && from == 1
		if text != "" && !deeper && !item {
			break
		}
		end = min(end+len(line)+1, len(rest))
	}
	if strings.TrimSpace(rest[from:end]) == "" {
		return "", rest
	}
	return rest[:end], rest[end:]
}
