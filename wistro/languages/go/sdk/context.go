package sdk

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"wistro.dev/sdk/internal/bridge"
)

// Context is what a handler is given. It is a context.Context too: done when the attempt is cancelled or its time is over.
type Context struct {
	context.Context
	State          *State
	Blobs          *Blobs
	Logger         *slog.Logger // its lines belong to this attempt
	RunID          string
	TraceID        string
	Traceparent    string // W3C: for the step's own calls, whose parent is this attempt
	Tracestate     string
	Now            time.Time // when the attempt began, on the engine's clock
	Attempt        int       // 1 for the first
	IdempotencyKey string    // the same for every attempt: an outside effect happens once
	Flows          []string
	Topic          string         // an event's
	Auth           map[string]any // the caller's verified claims
	Env            map[string]string

	call bridge.Call
}

func newContext(call bridge.Call) *Context {
	given := call.Given()
	ctx := &Context{
		Context: call.Context(), State: &State{call}, Blobs: &Blobs{call: call},
		RunID: given.RunID, TraceID: given.TraceID, Traceparent: given.Traceparent, Tracestate: given.Tracestate, Now: moment(given.NowUS), Attempt: given.Attempt,
		IdempotencyKey: given.IdempotencyKey, Flows: given.Flows, Auth: given.Auth, Env: call.Env(), call: call,
	}
	if given.Topic != nil {
		ctx.Topic = *given.Topic
	}
	ctx.Logger = slog.New(&lines{call: call})
	return ctx
}

func moment(us int64) time.Time { return time.UnixMicro(us).UTC() }

// Emit checks one message and holds it until the attempt commits. A Topic's own Emit is checked by the compiler, too.
func (c *Context) Emit(topic string, message any, options ...EmitOption) error {
	return c.emit(topic, message, options)
}

func (c *Context) emit(topic string, message any, options []EmitOption) error {
	name, err := encode(topic)
	if err != nil {
		return err
	}
	data, err := encode(message)
	if err != nil {
		return err
	}
	more, err := emitFields(options)
	if err != nil {
		return err
	}
	fields := append(append(append([]byte(`,"topic":`), name...), `,"data":`...), data...)
	_, err = c.call.Ask("emit", append(append(fields, more...), '}'))
	return refused(err)
}

// refused gives the engine's refusal the step's own line.
func refused(err error) error {
	var refusal *bridge.Refusal
	if !errors.As(err, &refusal) {
		return err
	}
	found := &Refused{traced: trace(2), Code: refusal.Code, Message: refusal.Message}
	if refusal.Path != nil {
		found.Path, found.hasPath = *refusal.Path, true
	}
	if refusal.Hint != nil {
		found.Hint = *refusal.Hint
	}
	return found
}
