package redis

import "slices"

// slotCount is the number of hash slots of every Redis cluster.
const slotCount = 16384

// nobody owns a slot that is not assigned.
const nobody = -1

// move is one slot's way from one node to another, by index.
type move struct{ slot, from, to int }

// plan says which slots nobody owns each node takes, and which move, so that
// all nodes own equally many and as few as possible move. owners holds the
// index of each slot's owner, or nobody.
func plan(owners []int, nodes int) (assign [][]int, moves []move) {
	owned := make([]int, nodes)
	for _, owner := range owners {
		if owner != nobody {
			owned[owner]++
		}
	}
	lacking := shares(owned)
	for i := range lacking {
		lacking[i] -= owned[i]
	}

	assign = make([][]int, nodes)
	to := 0
	next := func() int {
		for lacking[to] <= 0 {
			to++
		}
		lacking[to]--
		return to
	}
	for slot, owner := range owners {
		if owner == nobody {
			n := next()
			assign[n] = append(assign[n], slot)
		}
	}
	for slot, owner := range owners {
		if owner != nobody && lacking[owner] < 0 {
			lacking[owner]++
			moves = append(moves, move{slot, owner, next()})
		}
	}
	return assign, moves
}

// shares are as many slots as each node should own. Those that own most keep
// the ones that cannot be divided.
func shares(owned []int) []int {
	order := make([]int, len(owned))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return owned[b] - owned[a] })
	share := make([]int, len(owned))
	for place, node := range order {
		share[node] = slotCount / len(owned)
		if place < slotCount%len(owned) {
			share[node]++
		}
	}
	return share
}

// ranges are sorted slots as first and last slot of each run, in pairs.
func ranges(slots []int) []int {
	var pairs []int
	for _, slot := range slots {
		if n := len(pairs); n > 0 && pairs[n-1] == slot-1 {
			pairs[n-1] = slot
		} else {
			pairs = append(pairs, slot, slot)
		}
	}
	return pairs
}
