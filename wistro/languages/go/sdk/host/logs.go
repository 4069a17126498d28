package host

import (
	"bytes"
	"context"
	"log"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"time"

	"wistro.dev/sdk/internal/bridge"
)

// What a step logs by the standard packages `log` and `log/slog` is its attempt's. What it prints goes to the pipes.

var callByRoutine sync.Map // goroutine's id -> *attempt, while its handler runs

// running says that this goroutine works for a call, until what it returns is called.
func running(one *attempt) func() {
	id := routine()
	callByRoutine.Store(id, one)
	return func() { callByRoutine.Delete(id) }
}

// current is the call of the goroutine that asks, or of the one that started it.
func current() *attempt {
	if one, ok := callByRoutine.Load(routine()); ok {
		return one.(*attempt)
	}
	stack := make([]byte, 16<<10)
	stack = stack[:runtime.Stack(stack, false)]
	if at := bytes.LastIndex(stack, []byte(" in goroutine ")); at >= 0 {
		if one, ok := callByRoutine.Load(digits(stack[at+len(" in goroutine "):])); ok {
			return one.(*attempt)
		}
	}
	return nil
}

// routine reads `goroutine 34 [running]:`; Go tells it no other way.
func routine() uint64 {
	var head [48]byte
	return digits(head[len("goroutine "):runtime.Stack(head[:], false)])
}

func digits(text []byte) (number uint64) {
	for _, letter := range text {
		if letter < '0' || letter > '9' {
			break
		}
		number = number*10 + uint64(letter-'0')
	}
	return number
}

func catchLogs() {
	log.SetOutput(logWriter{})
	log.SetFlags(0)
	slog.SetDefault(slog.New(bySlog{slog.NewTextHandler(os.Stderr, nil)}))
	slog.SetLogLoggerLevel(slog.LevelInfo)
	log.SetOutput(logWriter{}) // slog.SetDefault takes `log` over
	log.SetFlags(0)
}

// logWriter takes the lines of package log.
type logWriter struct{}

func (logWriter) Write(text []byte) (int, error) {
	one := current()
	if one == nil {
		return os.Stderr.Write(text)
	}
	for _, row := range bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n")) {
		one.Log(time.Now(), "info", string(row), nil, "stderr")
	}
	return len(text), nil
}

// bySlog hands a record to the call of its context, or of its goroutine.
type bySlog struct{ outside slog.Handler }

func (b bySlog) handler(ctx context.Context) slog.Handler {
	one, _ := ctx.Value(bridge.CallKey{}).(*attempt)
	if one == nil {
		one = current()
	}
	if one == nil {
		return b.outside
	}
	return bridge.LinesOf(one)
}

func (b bySlog) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

func (b bySlog) Handle(ctx context.Context, record slog.Record) error {
	return b.handler(ctx).Handle(ctx, record)
}

func (b bySlog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return withSlog{b, func(handler slog.Handler) slog.Handler { return handler.WithAttrs(attrs) }}
}

func (b bySlog) WithGroup(name string) slog.Handler {
	return withSlog{b, func(handler slog.Handler) slog.Handler { return handler.WithGroup(name) }}
}

// withSlog is a logger made by With: whose line it is, is known only when there is one.
type withSlog struct {
	bySlog
	more func(slog.Handler) slog.Handler
}

func (w withSlog) Handle(ctx context.Context, record slog.Record) error {
	return w.more(w.handler(ctx)).Handle(ctx, record)
}

func (w withSlog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return withSlog{w.bySlog, func(handler slog.Handler) slog.Handler { return w.more(handler).WithAttrs(attrs) }}
}

func (w withSlog) WithGroup(name string) slog.Handler {
	return withSlog{w.bySlog, func(handler slog.Handler) slog.Handler { return w.more(handler).WithGroup(name) }}
}
