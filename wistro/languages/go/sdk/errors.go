package sdk

import (
	"errors"
	"fmt"
	"runtime"
	"time"
)

// traced keeps where an error was made: Go's own errors do not.
type traced struct{ callers []uintptr }

// StackTrace is read by the host, which shows the step's own lines of it.
func (t traced) StackTrace() []uintptr { return t.callers }

// trace is the stack above the function that calls it, and `skip` more.
func trace(skip int) traced {
	callers := make([]uintptr, 64)
	return traced{callers[:runtime.Callers(skip+3, callers)]}
}

// NonRetriableError goes to the dead letters at once.
type NonRetriableError struct {
	traced
	Err error
}

func (e *NonRetriableError) Error() string      { return e.Err.Error() }
func (e *NonRetriableError) Unwrap() error      { return e.Err }
func (e *NonRetriableError) wistroName() string { return "NonRetriable" }

// NonRetriable says that trying again cannot help: the message goes to the dead letters at once.
func NonRetriable(err error) error {
	if err == nil {
		return nil
	}
	return &NonRetriableError{trace(0), err}
}

// RetryAfterError chooses when its step is tried again.
type RetryAfterError struct {
	traced
	After time.Duration
	Err   error
}

func (e *RetryAfterError) Error() string      { return e.Err.Error() }
func (e *RetryAfterError) Unwrap() error      { return e.Err }
func (e *RetryAfterError) wistroName() string { return "RetryAfter" }

// RetryAfter has the step tried again after so long. `err` says why, and may be nil.
func RetryAfter(after time.Duration, err error) error {
	if err == nil {
		err = fmt.Errorf("asked to be tried again in %s", after)
	}
	return &RetryAfterError{trace(0), after, err}
}

type tracedError struct {
	traced
	err error
}

func (e *tracedError) Error() string { return e.err.Error() }
func (e *tracedError) Unwrap() error { return e.err }

// Errorf is fmt.Errorf with the place where it stands, which the run's page and the logs show.
func Errorf(format string, args ...any) error {
	return &tracedError{trace(0), fmt.Errorf(format, args...)}
}

// Trace gives an error the place where Trace stands; nil stays nil, and an error that has a place keeps its own.
func Trace(err error) error {
	if err == nil {
		return nil
	}
	var has interface{ StackTrace() []uintptr }
	if errors.As(err, &has) {
		return err
	}
	return &tracedError{trace(0), err}
}

// Refused is what the engine does not take: a message that does not fit its topic, or too much of something.
type Refused struct {
	traced
	Code    string
	Message string
	Path    string // a JSON pointer to what does not fit; empty is the top
	Hint    string
	hasPath bool
}

func (e *Refused) Error() string {
	if !e.hasPath {
		return e.Message
	}
	return fmt.Sprintf("%s (at %s)", e.Message, orTop(e.Path))
}

func (e *Refused) wistroName() string { return "Refused" }

// BadAnswerError is what an endpoint returned and is no answer.
type BadAnswerError struct {
	traced
	what string
}

func (e *BadAnswerError) Error() string      { return e.what }
func (e *BadAnswerError) wistroName() string { return "BadAnswer" }

// UnfitError is a message or body that this step's type cannot be read from.
type UnfitError struct {
	traced
	Err error
}

func (e *UnfitError) Error() string {
	return "the input does not fit the step's type: " + e.Err.Error()
}
func (e *UnfitError) Unwrap() error      { return e.Err }
func (e *UnfitError) wistroName() string { return "Unfit" }

// Failure is how the host tells an error: its name, whether and when to try again.
func failureOf(err error) (name string, never bool, after time.Duration, hasAfter bool) {
	var named interface{ wistroName() string }
	name = "error"
	if errors.As(err, &named) {
		name = named.wistroName()
	}
	var final *NonRetriableError
	var unfit *UnfitError
	var later *RetryAfterError
	switch {
	case errors.As(err, &final):
		return "NonRetriable", true, 0, false
	case errors.As(err, &later):
		return "RetryAfter", false, later.After, true
	case errors.As(err, &unfit):
		return name, true, 0, false
	}
	return name, false, 0, false
}
