package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strconv"
	"strings"

	"wistro.dev/sdk/internal/bridge"
)

const maxText = 64 << 10

// panicked is what a handler's panic carried, as an error with its stack.
type panicked struct {
	value   any
	callers []uintptr
}

func (p *panicked) Error() string         { return fmt.Sprint(p.value) }
func (p *panicked) StackTrace() []uintptr { return p.callers }
func (p *panicked) Unwrap() error {
	err, _ := p.value.(error)
	return err
}

// failed is the rest of a Failed frame. `handler` is where the step's code begins, for errors that carry no place.
func failed(err error, module, handler string) []byte {
	name, never, after, hasAfter := bridge.FailureOf(err)
	if name == "error" {
		name = nameOf(err)
	}
	stack := stackOf(err, module)
	if stack == "" {
		stack = handler
	}
	text := []byte(`,"type":`)
	text = append(text, encoded(name)...)
	text = append(append(text, `,"message":`...), encoded(cut(message(err)))...)
	text = append(append(text, `,"stack":`...), encoded(cut(stack))...)
	if never {
		text = append(text, `,"retry":"never"`...)
	} else {
		text = append(text, `,"retry":"yes"`...)
	}
	if hasAfter {
		text = strconv.AppendFloat(append(text, `,"retry_after_s":`...), after.Seconds(), 'f', -1, 64)
	}
	return append(text, '}')
}

func encoded(text string) []byte {
	found, _ := json.Marshal(text)
	return found
}

func cut(text string) string {
	if len(text) > maxText {
		return text[:maxText]
	}
	return text
}

// message is the error's text, also when its own method for that panics.
func message(err error) (text string) {
	defer func() {
		if recover() != nil {
			text = "(its message could not be read)"
		}
	}()
	return err.Error()
}

// nameOf: `fs.PathError`; what fmt and errors make is an `error`, and a panic a `panic`, or the runtime's own error.
func nameOf(err error) string {
	var own *panicked
	if errors.As(err, &own) {
		if inner, ok := own.value.(error); ok {
			return nameOf(inner)
		}
		return "panic"
	}
	var large *frameTooLarge
	if errors.As(err, &large) {
		return "FrameTooLarge"
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return "Cancelled"
	}
	kind := reflect.TypeOf(err)
	if kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	name := kind.String()
	for _, of := range []string{"errors.", "fmt.", "sdk."} {
		if strings.HasPrefix(name, of) {
			return "error"
		}
	}
	return strings.TrimPrefix(name, "*")
}

// stackOf: the project's own lines, innermost last; what caused an error comes before.
func stackOf(err error, module string) string {
	var parts []string
	last := ""
	for link := err; link != nil && len(parts) < 10; link = errors.Unwrap(link) {
		traced, ok := link.(interface{ StackTrace() []uintptr })
		callers := []uintptr(nil)
		if ok {
			callers = traced.StackTrace()
		} else {
			callers = foreignTrace(link)
		}
		lines := ownLines(callers, module)
		if text := message(link); link != err && text != last {
			lines = append(lines, nameOf(link)+": "+text)
		}
		last = message(link)
		if len(lines) > 0 {
			parts = append([]string{strings.Join(lines, "\n")}, parts...)
		}
	}
	return strings.Join(parts, "\n")
}

// foreignTrace reads the stack of github.com/pkg/errors and those like it: StackTrace() gives a list of addresses.
func foreignTrace(err error) []uintptr {
	method := reflect.ValueOf(err).MethodByName("StackTrace")
	if !method.IsValid() || method.Type().NumIn() != 0 || method.Type().NumOut() != 1 {
		return nil
	}
	list := method.Call(nil)[0]
	if list.Kind() != reflect.Slice || list.Type().Elem().Kind() != reflect.Uintptr {
		return nil
	}
	callers := make([]uintptr, list.Len())
	for at := range callers {
		callers[at] = uintptr(list.Index(at).Uint())
	}
	return callers
}

// ownLines: the program is built with -trimpath, so that a file is written as its package's path and its name.
func ownLines(callers []uintptr, module string) []string {
	if len(callers) == 0 {
		return nil
	}
	var lines []string
	frames := runtime.CallersFrames(callers)
	for {
		frame, more := frames.Next()
		if file, ok := strings.CutPrefix(frame.File, module+"/"); ok && !strings.Contains(file, "/.wistro/") && len(lines) < 50 {
			lines = append([]string{place(file, frame.Line, frame.Function)}, lines...)
		}
		if !more {
			return lines
		}
	}
}

func place(file string, line int, function string) string {
	return fmt.Sprintf("    at %s (%s:%d)", function[strings.LastIndexByte(function, '/')+1:], file, line)
}
