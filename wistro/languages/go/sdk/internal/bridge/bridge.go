// Package bridge is what sdk and host tell each other; a project cannot import it.
package bridge

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"
)

// Step is one step as the host runs and describes it.
type Step struct {
	Kind string // api | event | cron | noop
	// Config is the step's config with the keys that every language has; an error says what of it is no config.
	Config func() (map[string]any, error)
	// Run handles one call. The answer is an endpoint's, encoded.
	Run func(call Call, input json.RawMessage) (answer []byte, err error)
}

// StepOf gives the step that a value is, or nil; set by sdk.
var StepOf func(value any) *Step

// ContextOf gives the *sdk.Context of a call; set by sdk.
var ContextOf func(call Call) any

// FailureOf tells an error as the host does, EncodeLoosely makes JSON of anything, and LinesOf logs for a call; set by sdk.
var (
	FailureOf     func(err error) (name string, never bool, after time.Duration, hasAfter bool)
	EncodeLoosely func(value any) []byte
	LinesOf       func(call Call) slog.Handler
)

// Call is one attempt: what it is given, and its ways to the engine.
type Call interface {
	Given() Given
	Context() context.Context
	Env() map[string]string
	// Ask sends a question and waits for its answer: the value, or a *Refusal, or the context's error.
	Ask(frame string, fields []byte) (json.RawMessage, error)
	// Write sends what needs no answer. It counts, and refuses one too many.
	Write(fields []byte) error
	Log(at time.Time, level, message string, fields []byte, source string)
}

// Given is the context of a Call frame (wistro/protocol/frames.py).
type Given struct {
	RunID          string         `json:"run_id"`
	TraceID        string         `json:"trace_id"`
	NowUS          int64          `json:"now_us"`
	Attempt        int            `json:"attempt"`
	DeadlineUS     int64          `json:"deadline_us"`
	IdempotencyKey string         `json:"idempotency_key"`
	Flows          []string       `json:"flows"`
	Topic          *string        `json:"topic"`
	Auth           map[string]any `json:"auth"`
	Traceparent    string         `json:"traceparent"`
	Tracestate     string         `json:"tracestate"`
}

// Refusal is why the engine refused what was asked.
type Refusal struct {
	Code    string  `json:"code"`
	Message string  `json:"message"`
	Path    *string `json:"path"`
	Hint    *string `json:"hint"`
}

func (r *Refusal) Error() string { return r.Message }

// CallKey finds a call in a context, for the host's own slog handler.
type CallKey struct{}
