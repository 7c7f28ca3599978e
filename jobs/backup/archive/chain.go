package archive

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Chain is what the backups of one cluster in one place say of each other: each is
// numbered, and holds the hash of the one before. So what was taken away, or has
// another manifest in its place, is missed by the one that followed. Who signed the
// missed one does not matter: the follower's signature covers its hash.
type Chain struct {
	place string
	// there are the hashes of all manifests.
	there map[string]bool
	links []chained
}

// chained is a backup that is proven to be the cluster's own.
type chained struct {
	Link
	previous          string
	previousStartedAt time.Time
	completedAt       time.Time
	retention         time.Duration
}

// Add adds a backup that was found.
func (c *Chain) Add(r *Repository, m *Manifest, cluster, namespace string) {
	if c.there == nil {
		c.place, c.there = r.Store.String(), map[string]bool{}
	}
	c.there[m.Hash] = true
	if r.Trust(m) == nil && m.Cluster == cluster && m.Namespace == namespace {
		c.links = append(c.links, chained{m.Link(), m.Previous, m.PreviousStartedAt, m.CompletedAt, time.Duration(m.Retention) * 24 * time.Hour})
	}
}

// Newest is the one with the highest number.
func (c *Chain) Newest() Link {
	var newest Link
	for _, l := range c.links {
		if l.Sequence > newest.Sequence {
			newest = l.Link
		}
	}
	return newest
}

// Lost says which backups are not in the bucket although retention did not remove
// them. known is the newest one that somebody remembers who is not the bucket. It
// cannot see what no other backup followed and nobody remembers, and below the
// oldest it sees the last one only.
func (c *Chain) Lost(known Link) []string {
	var lost []string
	const why = "somebody took it away, put another in its place, or put an older state of the bucket there"
	newest := c.Newest()
	// A receipt of before Link had a time says nothing once another backup followed.
	if known.Hash != "" && !c.there[known.Hash] && (known.Sequence >= newest.Sequence || !known.StartedAt.IsZero() && !c.expired(known.StartedAt)) {
		lost = append(lost, fmt.Sprintf("backup %s (number %d), the newest that this cluster remembers, is not at %s as it was; the newest there has number %d: %s", known.Name, known.Sequence, c.place, newest.Sequence, why))
	}
	slices.SortFunc(c.links, func(a, b chained) int { return int(a.Sequence - b.Sequence) })
	var gaps []string
	for i, l := range c.links {
		if l.previous == "" || c.there[l.previous] || l.previous == known.Hash || l.previousStartedAt.IsZero() || c.expired(l.previousStartedAt) {
			continue
		}
		numbers := fmt.Sprintf("number %d", l.Sequence-1)
		if i > 0 && c.links[i-1].Sequence < l.Sequence-2 {
			numbers = fmt.Sprintf("numbers %d to %d", c.links[i-1].Sequence+1, l.Sequence-1)
		}
		gaps = append(gaps, fmt.Sprintf("%s, the last of %s, which %s followed", numbers, l.previousStartedAt.Format("2006-01-02 15:04:05 UTC"), l.Name))
	}
	if len(gaps) > 0 {
		lost = append(lost, fmt.Sprintf("backups are not at %s as they were, and were too young for retention: %s: %s", c.place, strings.Join(gaps, "; "), why))
	}
	return lost
}

// expired reports whether any run that is there would have removed, by its
// retention, what was begun at a time. Retention goes by the bucket's clock, so that
// a day's difference is no fault.
func (c *Chain) expired(at time.Time) bool {
	return slices.ContainsFunc(c.links, func(l chained) bool {
		return l.retention > 0 && l.completedAt.Sub(at) > l.retention-grace
	})
}
