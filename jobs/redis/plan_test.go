package redis

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestPlan tries every kind of start: nothing assigned, balanced, skewed, with
// gaps, and nodes that own nothing yet.
func TestPlan(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 1))
		nodes := 1 + random.IntN(12)
		owners := randomOwners(random, nodes)
		before := count(owners, nodes)
		unowned := slotCount
		for _, n := range before {
			unowned -= n
		}

		assign, moves := plan(owners, nodes)

		after := slices.Clone(owners)
		assigned := 0
		for node, slots := range assign {
			for _, slot := range slots {
				if after[slot] != nobody {
					t.Fatalf("seed %d: slot %d is assigned and has an owner", seed, slot)
				}
				after[slot] = node
				assigned++
			}
		}
		if assigned != unowned {
			t.Fatalf("seed %d: %d of %d slots assigned", seed, assigned, unowned)
		}
		filled := count(after, nodes)
		for _, m := range moves {
			if after[m.slot] != m.from || m.from == m.to {
				t.Fatalf("seed %d: %+v is no move of a slot of %d", seed, m, after[m.slot])
			}
			after[m.slot] = m.to
		}
		ends := count(after, nodes)
		if spread := slices.Max(ends) - slices.Min(ends); spread > 1 {
			t.Fatalf("seed %d: %v", seed, ends)
		}
		if fewest := fewestMoves(before, filled); len(moves) != fewest {
			t.Fatalf("seed %d: %d moves where %d do: %v to %v", seed, len(moves), fewest, before, ends)
		}
	}
}

// fewestMoves counts what lies above an even share, the nodes that own most
// keeping the slots that cannot be divided. It is the least for any order.
func fewestMoves(before, filled []int) int {
	sorted := slices.Sorted(slices.Values(filled))
	slices.Reverse(sorted)
	moves := 0
	for place, owned := range sorted {
		share := slotCount / len(before)
		if place < slotCount%len(before) {
			share++
		}
		moves += max(owned-share, 0)
	}
	return moves
}

func count(owners []int, nodes int) []int {
	counts := make([]int, nodes)
	for _, owner := range owners {
		if owner != nobody {
			counts[owner]++
		}
	}
	return counts
}

func randomOwners(random *rand.Rand, nodes int) []int {
	active := 1 + random.IntN(nodes)
	gaps := []float64{0, 0, 0.1, 1}[random.IntN(4)]
	skew := random.IntN(3) + 1
	owners := make([]int, slotCount)
	for slot := range owners {
		owners[slot] = nobody
		if random.Float64() >= gaps {
			owners[slot] = active
			for range skew {
				owners[slot] = min(owners[slot], random.IntN(active))
			}
		}
	}
	return owners
}

func TestFirstPlanGivesEachNodeOneRange(t *testing.T) {
	owners := slices.Repeat([]int{nobody}, slotCount)
	assign, moves := plan(owners, 3)
	if len(moves) > 0 {
		t.Fatalf("%d moves", len(moves))
	}
	for node, want := range [][]int{{0, 5461}, {5462, 10922}, {10923, 16383}} {
		if got := ranges(assign[node]); !slices.Equal(got, want) {
			t.Errorf("node %d owns %v, not %v", node, got, want)
		}
	}
}

func TestBalancedSlotsStay(t *testing.T) {
	owners := make([]int, slotCount)
	for slot := range owners {
		owners[slot] = slot % 4
	}
	if assign, moves := plan(owners, 4); len(moves) > 0 || len(slices.Concat(assign...)) > 0 {
		t.Fatalf("%v %v", assign, moves)
	}
}
