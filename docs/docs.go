// Package docs finds the commands on the documentation's pages that tests run:
// fenced blocks whose first line is "```sh test", for what needs no cluster, or
// "```sh e2e", for what needs one.
package docs

import "strings"

// Block is the text of a fenced block, and the line that it begins at.
type Block struct {
	Line int
	Text string
}

// Blocks are those blocks of a page that bear a mark.
func Blocks(page, mark string) []Block {
	var blocks []Block
	var open *Block
	for i, line := range strings.Split(page, "\n") {
		switch {
		case open == nil && strings.TrimSpace(line) == "```sh "+mark:
			open = &Block{Line: i + 2}
		case open != nil && strings.TrimSpace(line) == "```":
			blocks, open = append(blocks, *open), nil
		case open != nil:
			open.Text += line + "\n"
		}
	}
	return blocks
}
