//go:build unix

package boot

import (
	"os"
	"syscall"
)

// open: without blocking, so that the runtime waits for it, not a thread; and no child of a step inherits it.
func open(descriptor int) *os.File {
	syscall.CloseOnExec(descriptor)
	_ = syscall.SetNonblock(descriptor, true)
	return os.NewFile(uintptr(descriptor), "engine")
}
