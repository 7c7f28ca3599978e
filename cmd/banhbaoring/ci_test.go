package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/banhbaoring/banhbaoring/golden"
)

const (
	accepted = "1111111111111111111111111111111111111111"
	other    = "2222222222222222222222222222222222222222"
)

// step runs a part of a CI job with programs that answer from files, and
// returns the hash that it accepts.
func step(t *testing.T, script, programs string, answers map[string]any, env ...string) string {
	t.Helper()
	hash, log, err := tryStep(t, script, programs, answers, env...)
	if err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	return hash
}

// tryStep is step of a part that may refuse.
func tryStep(t *testing.T, script, programs string, answers map[string]any, env ...string) (hash, log string, err error) {
	t.Helper()
	for _, needed := range []string{"bash", "jq"} {
		if _, err := exec.LookPath(needed); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	for name, answer := range answers {
		text, err := json.Marshal(answer)
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, "answers", strings.ReplaceAll(name, "/", "_")), text)
	}
	for name, text := range map[string]string{"gh": programs, "curl": programs} {
		write(t, filepath.Join(dir, "bin", name), []byte(text))
		if err := os.Chmod(filepath.Join(dir, "bin", name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("bash", "-e", "-c", script)
	cmd.Dir = dir
	env = append(env, "HOME="+dir)
	cmd.Env = append([]string{"PATH=" + filepath.Join(dir, "bin") + ":" + os.Getenv("PATH"), "ANSWERS=" + filepath.Join(dir, "answers"), "TMPDIR=" + dir, "GITHUB_OUTPUT=" + filepath.Join(dir, "output")}, env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", string(out), err
	}
	text, err := os.ReadFile(filepath.Join(dir, "output"))
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	hash, ok := strings.CutPrefix(strings.TrimSpace(string(text)), "ack=")
	if !ok {
		t.Fatalf("the output is %q", text)
	}
	return hash, string(out), nil
}

type object = map[string]any

func person(login string) object { return object{"login": login, "type": "User"} }

// A review of GitHub's, as its REST API documents it.
func review(login, state, body, at string) object {
	return object{"user": person(login), "state": state, "body": body, "submitted_at": at, "commit_id": "head", "node_id": login + at}
}

func commitOf(author any) object { return object{"sha": "head", "author": author, "committer": author} }

// Only an approving review of someone who may write and has no part in the pull
// request accepts a diff.
func TestAcceptanceOnGitHub(t *testing.T) {
	var workflow struct {
		On   map[string]any `json:"on"`
		Jobs map[string]struct {
			Steps []struct{ Name, Run string }
		}
	}
	text := golden.Read(t, "examples/ci/github-actions.yml")
	if err := yaml.Unmarshal(text, &workflow); err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"pull_request.body", "  pull_request:"} {
		if strings.Contains(string(text), word) {
			t.Errorf("the pull request says what counts: %s", word)
		}
	}
	var script string
	for _, s := range workflow.Jobs["diff"].Steps {
		if s.Name == "acceptance" {
			script = s.Run
		}
	}
	programs := `#!/bin/sh
for a; do case $a in graphql) file=graphql ;; repos/*) file=$(printf %s "$a" | tr / _) ;; esac; done
if [ "$3" = --jq ]; then jq -r "$4" "$ANSWERS/$file"; else cat "$ANSWERS/$file"; fi
`
	ack := "looked at it\r\nack: " + accepted + "\r\n"
	own := []object{commitOf(person("author"))}
	for name, c := range map[string]struct {
		reviews []object
		commits []object
		want    string
	}{
		"an approval":                     {[]object{review("reviewer", "APPROVED", ack, "1")}, own, accepted},
		"no review":                       {[]object{}, own, ""},
		"an approval without a hash":      {[]object{review("reviewer", "APPROVED", "fine", "1")}, own, ""},
		"a hash in the middle of a line":  {[]object{review("reviewer", "APPROVED", "I do not ack: "+accepted, "1")}, own, ""},
		"a comment":                       {[]object{review("reviewer", "COMMENTED", ack, "1")}, own, ""},
		"the author":                      {[]object{review("author", "APPROVED", ack, "1")}, own, ""},
		"the author of a commit":          {[]object{review("helper", "APPROVED", ack, "1")}, append(own, commitOf(person("helper"))), ""},
		"a commit of nobody knows whom":   {[]object{review("reviewer", "APPROVED", ack, "1")}, append(own, commitOf(nil)), ""},
		"who may only read":               {[]object{review("stranger", "APPROVED", ack, "1")}, own, ""},
		"a bot":                           {[]object{{"user": object{"login": "reviewer", "type": "Bot"}, "state": "APPROVED", "body": ack, "submitted_at": "1", "commit_id": "head", "node_id": "reviewer1"}}, own, ""},
		"an approval that was edited":     {[]object{review("reviewer", "APPROVED", ack, "edited")}, own, ""},
		"an edited one after another":     {[]object{review("reviewer", "APPROVED", ack, "1"), review("reviewer", "APPROVED", ack, "edited")}, own, ""},
		"an approval that is not listed":  {[]object{review("reviewer", "APPROVED", ack, "unlisted")}, own, ""},
		"an approval that was dismissed":  {[]object{review("reviewer", "DISMISSED", ack, "1")}, own, ""},
		"an approval that was taken back": {[]object{review("reviewer", "APPROVED", ack, "1"), review("reviewer", "CHANGES_REQUESTED", "no", "2")}, own, ""},
		"a comment after an approval":     {[]object{review("reviewer", "APPROVED", ack, "1"), review("reviewer", "COMMENTED", "nice", "2")}, own, accepted},
		"an approval of an older state":   {[]object{{"user": person("reviewer"), "state": "APPROVED", "body": ack, "submitted_at": "1", "commit_id": "before", "node_id": "reviewer1"}}, own, ""},
		"another hash, later":             {[]object{review("reviewer", "APPROVED", ack, "1"), review("reviewer", "APPROVED", "ack: "+other, "2")}, own, other},
		"commits that are not listed":     {[]object{review("helper", "APPROVED", ack, "1")}, own[:0], ""},
		"a stranger beside a reviewer":    {[]object{review("reviewer", "APPROVED", ack, "1"), review("stranger", "APPROVED", "ack: "+other, "2")}, own, accepted},
	} {
		nodes := []object{}
		for _, r := range c.reviews {
			switch r["submitted_at"] {
			case "edited":
				nodes = append(nodes, object{"id": r["node_id"], "lastEditedAt": "2026-01-02T02:00:00Z"})
			case "unlisted":
			default:
				nodes = append(nodes, object{"id": r["node_id"], "lastEditedAt": nil})
			}
		}
		got := step(t, script, programs, map[string]any{
			"graphql":                         object{"data": object{"repository": object{"pullRequest": object{"reviews": object{"nodes": nodes}}}}},
			"repos/acme/keys/pulls/7/reviews": c.reviews, "repos/acme/keys/pulls/7/commits": c.commits,
			"repos/acme/keys/pulls/7":                           object{"commits": max(1, len(c.commits))},
			"repos/acme/keys/collaborators/reviewer/permission": object{"permission": "write"},
			"repos/acme/keys/collaborators/helper/permission":   object{"permission": "admin"},
			"repos/acme/keys/collaborators/author/permission":   object{"permission": "admin"},
			"repos/acme/keys/collaborators/stranger/permission": object{"permission": "read"},
		}, "GITHUB_REPOSITORY=acme/keys", "NUMBER=7", "AUTHOR=author", "HEAD=head")
		if got != c.want {
			t.Errorf("%s: accepts %q, want %q", name, got, c.want)
		}
	}
}

// Only a comment of someone who approved, and has no part in the merge request,
// accepts a diff.
func TestAcceptanceOnGitLab(t *testing.T) {
	var pipeline map[string]struct{ Script []string }
	text := golden.Read(t, "examples/ci/gitlab-ci.yml")
	if err := yaml.Unmarshal(text, &pipeline); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "CI_MERGE_REQUEST_DESCRIPTION") {
		t.Error("the merge request says what counts")
	}
	script := pipeline["diff"].Script[0] + "\necho \"ack=$ack\" > \"$GITHUB_OUTPUT\"\n"
	programs := `#!/bin/sh
for a; do case $a in https://*) url=$a ;; esac; done
page=${url##*page=}
file=$(printf %s "${url%%\?*}" | sed 's,https://,,' | tr / _)
case $url in *page=*) jq ".[($page-1)*100:$page*100]" "$ANSWERS/$file" ;; *) cat "$ANSWERS/$file" ;; esac
`
	user := func(id int, name string) object { return object{"id": id, "username": name, "name": name + " Nguyen"} }
	number := 0
	note := func(id int, body, at string) object {
		number++
		return object{"id": number, "author": object{"id": id}, "body": body, "system": false, "created_at": at}
	}
	ack := "looked at it\n\nack: " + accepted
	many := make([]object, 0, 130)
	for i := range 120 {
		many = append(many, note(9, "chatter", fmt.Sprintf("0%03d", i)))
	}
	env := []string{"CI_API_V4_URL=https://gitlab.example.com/api/v4", "CI_API_GRAPHQL_URL=https://gitlab.example.com/api/graphql", "CI_PROJECT_ID=5", "CI_PROJECT_PATH=acme/keys",
		"CI_MERGE_REQUEST_IID=7", "DIFF_TOKEN=x", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME=main"}
	answers := func(approvers, notes, commits []object, target string, isDefault, isProtected bool) map[string]any {
		base := "gitlab.example.com/api/v4/projects/5/merge_requests/7"
		nodes := []object{}
		for _, n := range notes {
			switch id := fmt.Sprint("gid://gitlab/DiscussionNote/", n["id"]); n["created_at"] {
			case "edited":
				nodes = append(nodes, object{"id": id, "lastEditedAt": "2026-01-02T02:00:00Z"})
			case "unlisted":
			default:
				nodes = append(nodes, object{"id": id, "lastEditedAt": nil})
			}
		}
		return map[string]any{
			base: object{"author": user(1, "author"), "target_branch": target}, base + "/approvals": object{"approved_by": wrap(approvers)},
			base + "/notes": notes, base + "/commits": commits,
			"gitlab.example.com/api/v4/projects/5/repository/branches/" + target: object{"default": isDefault, "protected": isProtected},
			"gitlab.example.com/api/graphql":                                     object{"data": object{"project": object{"mergeRequest": object{"notes": object{"pageInfo": object{"hasNextPage": false}, "nodes": nodes}}}}},
		}
	}
	own := []object{{"author_name": "author Nguyen", "author_email": "author@example.com", "committer_name": "author Nguyen", "committer_email": "author@example.com"}}
	for name, c := range map[string]struct {
		approvers []object
		notes     []object
		commits   []object
		want      string
	}{
		"an approver's comment":   {[]object{user(2, "reviewer")}, []object{note(2, ack, "1")}, own, accepted},
		"on the second page":      {[]object{user(2, "reviewer")}, append(many, note(2, ack, "1")), own, accepted},
		"without an approval":     {[]object{}, []object{note(2, ack, "1")}, own, ""},
		"another's approval":      {[]object{user(3, "third")}, []object{note(2, ack, "1")}, own, ""},
		"the author's own":        {[]object{user(1, "author")}, []object{note(1, ack, "1")}, own, ""},
		"the author of a commit":  {[]object{user(3, "helper")}, []object{note(3, ack, "1")}, append(own, object{"author_name": "helper Nguyen", "author_email": "h@example.com"}), ""},
		"in the middle of a line": {[]object{user(2, "reviewer")}, []object{note(2, "never ack: "+accepted, "1")}, own, ""},
		"a note of GitLab's":      {[]object{user(2, "reviewer")}, []object{{"id": 9000, "author": object{"id": 2}, "body": ack, "system": true, "created_at": "1"}}, own, ""},
		"an edited note":          {[]object{user(2, "reviewer")}, []object{note(2, ack, "edited")}, own, ""},
		"a note that came later":  {[]object{user(2, "reviewer")}, []object{note(2, ack, "unlisted")}, own, ""},
		"the last one":            {[]object{user(2, "reviewer")}, []object{note(2, "ack: "+other, "2"), note(2, ack, "1")}, own, other},
	} {
		if got := step(t, script, programs, answers(c.approvers, c.notes, c.commits, "main", true, true), env...); got != c.want {
			t.Errorf("%s: accepts %q, want %q", name, got, c.want)
		}
	}
	good := []object{note(2, ack, "1")}
	for name, all := range map[string]map[string]any{
		"a branch of one's own":                 answers([]object{user(2, "reviewer")}, good, own, "mine", false, false),
		"a branch that anybody may write to":    answers([]object{user(2, "reviewer")}, good, own, "main", true, false),
		"a protected branch that is not synced": answers([]object{user(2, "reviewer")}, good, own, "main", false, true),
	} {
		if hash, log, err := tryStep(t, script, programs, all, env...); err == nil || !strings.Contains(log, "it must lead to the default branch") {
			t.Errorf("%s: accepts %q: %s", name, hash, log)
		}
	}
	// The job was made while the request led elsewhere.
	if hash, log, err := tryStep(t, script, programs, answers([]object{user(2, "reviewer")}, good, own, "main", true, true), append(env[:len(env)-1:len(env)-1], "CI_MERGE_REQUEST_TARGET_BRANCH_NAME=mine")...); err == nil || !strings.Contains(log, "its pipeline must be of that") {
		t.Errorf("an old job accepts %q: %s", hash, log)
	}
}

func wrap(users []object) []object {
	all := []object{}
	for _, u := range users {
		all = append(all, object{"user": u})
	}
	return all
}
