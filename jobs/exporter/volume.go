package exporter

import (
	"fmt"
	"syscall"
)

// statfs is the size of the file system at path and what is free to a program
// that is not root, in bytes.
func statfs(path string) (size, free float64, err error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(path, &s); err != nil {
		return 0, 0, fmt.Errorf("statfs %s: %w", path, err)
	}
	block := float64(s.Bsize)
	return float64(s.Blocks) * block, float64(s.Bavail) * block, nil
}
