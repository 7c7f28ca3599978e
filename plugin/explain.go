package plugin

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/banhbaoring/banhbaoring/render/strict"
)

// What fits a screen of Argo CD's user interface.
const (
	maxLines = 20
	maxWidth = 240 // characters
)

// Explain is an error as it is shown in Argo CD: with the application's name,
// and no longer than a screen.
func (a Application) Explain(err error) error {
	if err == nil {
		return nil
	}
	name := "(no name)"
	if a.Name != "" {
		name = a.Name
	}
	var faults strict.Faults
	if !errors.As(err, &faults) {
		return fmt.Errorf("application %s: %s", name, shorten(err.Error()))
	}
	lines := []string{fmt.Sprintf("application %s: %d faults in %s", name, len(faults), path.Join(".", a.Path))}
	if len(faults) == 1 {
		lines[0] = strings.Replace(lines[0], "1 faults", "1 fault", 1)
	}
	for i, f := range faults {
		text := strings.Split(f.Error(), "\n")
		if len(lines)+len(text) > maxLines-1 {
			lines = append(lines, fmt.Sprintf("and %d more: `banhbaoring validate -f %s` tells all", len(faults)-i, path.Join(".", a.Path)))
			break
		}
		for _, line := range text {
			lines = append(lines, shorten(line))
		}
	}
	return errors.New(strings.Join(lines, "\n"))
}

func shorten(line string) string {
	line = strings.Join(strings.Fields(line), " ")
	if runes := []rune(line); len(runes) > maxWidth {
		return string(runes[:maxWidth-1]) + "…"
	}
	return line
}
