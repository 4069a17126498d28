package src

import (
	"errors"
	"log"
	"log/slog"
	"runtime"
	"time"

	"wistro.dev/sdk"
)

// own does what only Go steps can.
func own(ctx *sdk.Context, verb string, args []any) (bool, error) {
	switch verb {
	case "panic":
		panic(args[0]) // PANICS HERE
	case "panic_error":
		var none map[string]int
		none["a"] = 1
	case "panic_aside":
		go func() { panic("aside") }()
		time.Sleep(10 * time.Second)
	case "go_exit":
		runtime.Goexit()
	case "plain_error":
		return true, errors.New("plain")
	case "log_standard":
		log.Print("by log")
		slog.WarnContext(ctx, "by slog", "n", 1)
		said := make(chan bool)
		go func() {
			slog.Info("from a goroutine", "n", 2)
			said <- true
		}()
		<-said
	default:
		return false, nil
	}
	return true, nil
}
