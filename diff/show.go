package diff

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// show writes a value on one line; a text without quotes.
func show(v any) string {
	switch v := v.(type) {
	case nil:
		return "nothing"
	case string:
		return v
	}
	return compact(v)
}

func compact(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}

// shorten cuts a text to n characters, on one line.
func shorten(text string, n int) string {
	text = strings.ReplaceAll(text, "\n", "⏎")
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	return string([]rune(text)[:max(n-1, 0)]) + "…"
}
