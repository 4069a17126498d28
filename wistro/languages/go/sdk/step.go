// Package sdk is what a step of a wistro project is written with. It needs the standard library only.
//
// Any package-level value that Event, API, Cron or Noop gives, in a file named *.step.go, is a step:
//
//	var Ship = sdk.Event(sdk.EventConfig{
//		Name: "Ship", Flows: []string{"orders"}, Subscribes: sdk.Topics("payment.done"), Emits: sdk.Emits(OrderShipped),
//	}, func(ctx *sdk.Context, paid Payment) error {
//		return OrderShipped.Emit(ctx, Shipment{OrderID: paid.OrderID})
//	})
package sdk

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"reflect"

	"wistro.dev/sdk/internal/bridge"
)

// Step is one step of a project.
type Step struct{ own bridge.Step }

func init() {
	bridge.StepOf = func(value any) *bridge.Step {
		switch step := value.(type) {
		case *Step:
			if step != nil {
				return &step.own
			}
		case Step:
			return &step.own
		}
		return nil
	}
	bridge.ContextOf = func(call bridge.Call) any { return newContext(call) }
	bridge.FailureOf = failureOf
	bridge.EncodeLoosely = encodeLoosely
	bridge.LinesOf = func(call bridge.Call) slog.Handler { return &lines{call: call} }
}

// Event is a step that takes the messages of the topics that it subscribes to.
func Event[T any](config EventConfig, handler func(ctx *Context, message T) error) *Step {
	return &Step{bridge.Step{
		Kind:   "event",
		Config: func() (map[string]any, error) { return checked(config.given(reflect.TypeFor[T]()))(handler != nil) },
		Run: func(call bridge.Call, input json.RawMessage) ([]byte, error) {
			var message T
			if err := decode(input, &message); err != nil {
				return nil, err
			}
			return nil, handler(newContext(call), message)
		},
	}}
}

// API is a step that answers an endpoint; its Request's Body is a B. A nil Response is 204.
func API[B any](config APIConfig, handler func(ctx *Context, request *Request[B]) (*Response, error)) *Step {
	return &Step{bridge.Step{
		Kind:   "api",
		Config: func() (map[string]any, error) { return checked(config.given(reflect.TypeFor[B]()))(handler != nil) },
		Run: func(call bridge.Call, input json.RawMessage) ([]byte, error) {
			request, err := requestOf[B](input)
			if err != nil {
				return nil, err
			}
			response, err := handler(newContext(call), request)
			if err != nil {
				return nil, err
			}
			return answerOf(call, response)
		},
	}}
}

// Cron is a step that its schedule starts.
func Cron(config CronConfig, handler func(ctx *Context) error) *Step {
	return &Step{bridge.Step{
		Kind:   "cron",
		Config: func() (map[string]any, error) { return checked(config.given())(handler != nil) },
		Run: func(call bridge.Call, _ json.RawMessage) ([]byte, error) {
			return nil, handler(newContext(call))
		},
	}}
}

// Noop is a step outside of the system: another service's work, or a person's. It is drawn and never run.
func Noop(config NoopConfig) *Step {
	return &Step{bridge.Step{
		Kind:   "noop",
		Config: func() (map[string]any, error) { return checked(config.given())(true) },
	}}
}

func checked(config given, err error) func(hasHandler bool) (map[string]any, error) {
	return func(hasHandler bool) (map[string]any, error) {
		if err == nil && !hasHandler {
			err = errors.New("the handler is nil")
		}
		return config, err
	}
}

func decode(input json.RawMessage, into any) error {
	if len(input) == 0 || bytes.Equal(input, []byte("null")) {
		return nil
	}
	if err := json.Unmarshal(input, into); err != nil {
		return &UnfitError{Err: err}
	}
	return nil
}
