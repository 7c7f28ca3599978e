package configure

import (
	"context"
	"fmt"
	"slices"
)

// ensure writes values to a path that differ from those it has. What else stands
// there stays.
func (w *work) ensure(ctx context.Context, path string, want map[string]any) error {
	secret, err := w.client.Logical().ReadWithContext(ctx, path)
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	if secret != nil && holds(secret.Data, want) {
		return nil
	}
	if _, err := w.client.Logical().WriteWithContext(ctx, path, want); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	w.changed(path)
	return nil
}

// changed tells of a change.
func (w *work) changed(what string) { w.Log.Info("changed", "what", what) }

// holds tells whether all values are there.
func holds(have, want map[string]any) bool {
	for key, value := range want {
		if !slices.Equal(texts(have[key]), texts(value)) {
			return false
		}
	}
	return true
}

// texts are a value's parts as text: OpenBao answers with json.Number and []any
// what was written as int and []string.
func texts(value any) []string {
	switch value := value.(type) {
	case nil:
		return nil
	case []string:
		return value
	case []any:
		list := make([]string, len(value))
		for i, v := range value {
			list[i] = fmt.Sprint(v)
		}
		return list
	}
	return []string{fmt.Sprint(value)}
}
