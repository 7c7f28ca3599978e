package diff

import (
	"bytes"
	"crypto/sha256"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/render"
	"github.com/banhbaoring/banhbaoring/render/strict"
)

// Narrow blanks out of both sides the documents that cannot matter: those that
// both have, in a namespace in which no document differs. Lines keep
// their numbers. It parses only what differs; where that leaves a namespace in
// doubt, it keeps everything, so that faults are told as those of the whole.
func Narrow(base, head []render.Source) (narrowBase, narrowHead []render.Source) {
	was, is := cutSources(base), cutSources(head)
	both := map[[sha256.Size]byte]bool{}
	for sum, n := range was.count {
		both[sum] = is.count[sum] == n
	}
	namespaces := map[string]bool{}
	if !was.touch(both, namespaces) || !is.touch(both, namespaces) {
		return base, head
	}
	return was.keep(both, namespaces), is.keep(both, namespaces)
}

// cuttings are sources cut into pieces of at most one document.
type cuttings struct {
	sources []render.Source
	pieces  [][][]byte // by source
	sums    [][][sha256.Size]byte
	count   map[[sha256.Size]byte]int
}

func cutSources(sources []render.Source) *cuttings {
	c := &cuttings{sources: sources, count: map[[sha256.Size]byte]int{}}
	for _, s := range sources {
		pieces := strict.Pieces(s.Data)
		sums := make([][sha256.Size]byte, len(pieces))
		for i, piece := range pieces {
			sums[i] = sha256.Sum256(bytes.TrimSpace(piece))
			c.count[sums[i]]++
		}
		c.pieces, c.sums = append(c.pieces, pieces), append(c.sums, sums)
	}
	return c
}

// touch notes the namespaces of documents that the other side has not: what is not
// ours may stand beside a stack. It reports false where they are in doubt.
func (c *cuttings) touch(both map[[sha256.Size]byte]bool, namespaces map[string]bool) bool {
	for i, s := range c.sources {
		for j, piece := range c.pieces[i] {
			if both[c.sums[i][j]] {
				continue
			}
			documents, faults := strict.Split(s.Name, piece)
			if len(faults) > 0 {
				return false
			}
			for _, d := range documents {
				if render.IsList(d) {
					return false
				}
				if d.APIVersion != v1.GroupVersion.String() && d.Namespace == "" {
					continue
				}
				if d.Namespace == "" || d.Namespace == v1.DefaultNamespace { // its neighbours need not name it
					return false
				}
				namespaces[d.Namespace] = true
			}
		}
	}
	return true
}

// keep blanks out the pieces that both sides have and that name none of the
// namespaces, but for a lock of images, which is for all. A name that is escaped,
// which a backslash shows, is not looked for.
func (c *cuttings) keep(both map[[sha256.Size]byte]bool, namespaces map[string]bool) []render.Source {
	kept := make([]render.Source, len(c.sources))
	for i, s := range c.sources {
		text := make([]byte, 0, len(s.Data))
		for j, piece := range c.pieces[i] {
			needed := names(piece, namespaces) || bytes.Contains(piece, []byte(v1.KindImageLock)) || bytes.IndexByte(piece, '\\') >= 0
			if both[c.sums[i][j]] && !needed {
				piece = strict.Blank(piece)
			}
			text = append(text, piece...)
		}
		kept[i] = render.Source{Name: s.Name, Data: text}
	}
	return kept
}

func names(piece []byte, namespaces map[string]bool) bool {
	for namespace := range namespaces {
		if bytes.Contains(piece, []byte(namespace)) {
			return true
		}
	}
	return false
}
