package helm

import (
	"regexp"
	"strings"
)

// Error is a chart or a render that is refused. It prints as one line.
type Error struct {
	Chart   string // the chart's name
	Where   string // template with line and column, or value path; may be empty
	Message string
	Hint    string // what to do about it; may be empty
}

func (e *Error) Error() string {
	text := "chart " + e.Chart + ": "
	if e.Where != "" {
		text += e.Where + ": "
	}
	text += oneLine(e.Message)
	if e.Hint != "" {
		text += "; hint: " + e.Hint
	}
	return text
}

var (
	// What the engine makes of a parse error, and of required and fail.
	engineError = regexp.MustCompile(`(?s)^(parse|execution) error (?:at|in) \(([^)]*)\): (.*)$`)
	// What text/template says; nested includes repeat it, the last one is the cause.
	templateError = regexp.MustCompile(`(?s)^.*template: ([^\s:]+:\d+(?::\d+)?): (?:executing "[^"]*" at )?(.*)$`)
	// `error calling fail: …` says less than what follows it.
	callingFail = regexp.MustCompile(`^<.*?>: error calling (?:fail|required|index|include|tpl): `)
)

// renderError makes one line of what the engine reports over several levels.
func renderError(chartName string, err error) error {
	refused := &Error{Chart: chartName, Message: err.Error()}
	if m := engineError.FindStringSubmatch(err.Error()); m != nil {
		refused.Where, refused.Message = m[2], m[3]
		refused.Hint = "the chart itself asks for this: change the values it names"
		if m[1] == "parse" {
			refused.Hint = "the template is not one that Helm " + helmVersion + " can parse"
		}
	} else if m := templateError.FindStringSubmatch(err.Error()); m != nil {
		refused.Where, refused.Message = m[1], callingFail.ReplaceAllString(m[2], "")
		refused.Hint = "the template does not fit these values: compare them with the chart's values.yaml"
	}
	return refused
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
