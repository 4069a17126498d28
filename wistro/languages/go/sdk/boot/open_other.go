//go:build !unix

package boot

import "os"

func open(descriptor int) *os.File { return os.NewFile(uintptr(descriptor), "engine") }
