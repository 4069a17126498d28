package src

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"wistro.dev/sdk"
)

// Acts is called as an endpoint and as an event step; the cases are of the handler, whatever its config says.
var Acts = sdk.API(sdk.APIConfig{Name: "Acts", Path: "/acts", Public: true},
	func(ctx *sdk.Context, request *sdk.Request[Given]) (*sdk.Response, error) {
		return act(ctx, request.Body, request)
	})

var EventActs = sdk.Event(sdk.EventConfig{Name: "Event acts", Subscribes: sdk.Topics("t"), Input: sdk.Schema{"type": "object"}},
	func(ctx *sdk.Context, given Given) error {
		_, err := act(ctx, given, nil)
		return err
	})

var Tick = sdk.Cron(sdk.CronConfig{Name: "Tick", Cron: "* * * * *"}, func(ctx *sdk.Context) error {
	ctx.Logger.Info("tick", "attempt", ctx.Attempt)
	return nil
})

type Given struct {
	Do [][]any `json:"do"`
}

// act does the listed acts in order.
func act(ctx *sdk.Context, given Given, request *sdk.Request[Given]) (*sdk.Response, error) {
	results := []any{}
	for _, one := range given.Do {
		verb, args := one[0].(string), one[1:]
		var err error
		switch verb {
		case "emit", "emit_unawaited":
			err = ctx.Emit(args[0].(string), args[1])
		case "emit_with":
			event := args[0].(map[string]any)
			err = ctx.Emit(event["topic"].(string), event["data"], optionsOf(event)...)
		case "emit_at_deadline":
			deadline, _ := ctx.Deadline()
			err = ctx.Emit(args[0].(string), args[1], sdk.At(deadline))
		case "emit_odd":
			err = ctx.Emit("t", odd(args[0].(string)))
		case "emit_caught":
			if refused, ok := ctx.Emit(args[0].(string), args[1]).(*sdk.Refused); ok {
				results = append(results, map[string]any{"code": refused.Code, "path": refused.Path})
			}
		case "get":
			var value any
			_, err = ctx.State.Get(args[0].(string), args[1].(string), &value)
			results = append(results, value)
		case "list":
			var items []sdk.Item
			items, err = ctx.State.List(args[0].(string))
			pairs := []any{}
			for _, item := range items {
				pairs = append(pairs, []any{item.Key, item.Value})
			}
			results = append(results, pairs)
		case "get_versioned":
			var value any
			var version string
			version, err = ctx.State.GetVersioned(args[0].(string), args[1].(string), &value)
			results = append(results, map[string]any{"value": value, "version": version})
		case "set_if":
			err = ctx.State.SetIfVersion(args[0].(string), args[1].(string), args[2], args[3].(string))
		case "set":
			err = ctx.State.Set(args[0].(string), args[1].(string), args[2])
		case "delete":
			err = ctx.State.Delete(args[0].(string), args[1].(string))
		case "clear":
			err = ctx.State.Clear(args[0].(string))
		case "update":
			err = ctx.State.Update(args[0].(string), args[1].(string), operation(args[2].(map[string]any)))
		case "log":
			logAs(ctx.Logger, args[0].(string), args[1].(string), args[2])
		case "log_odd":
			ctx.Logger.Info("odd", "a", nan())
		case "print":
			fmt.Println(args[0])
		case "print_error":
			fmt.Fprintln(os.Stderr, args[0])
		case "write":
			fmt.Print(args[0])
		case "blob":
			results, err = blob(ctx, args[0].(string), args[1].(map[string]any), results)
		case "blob_stream":
			var pieces []io.Reader
			for _, size := range args[0].([]any) {
				pieces = append(pieces, bytes.NewReader(make([]byte, int(size.(float64)))))
			}
			var kept sdk.Blob
			kept, err = ctx.Blobs.Put(io.MultiReader(pieces...), "", "")
			results = append(results, kept.Size)
		case "blob_get":
			_, err = ctx.Blobs.Get(sdk.Blob{Blob: args[0].(string)})
		case "context":
			results = append(results, contextOf(ctx))
		case "request":
			results = append(results, map[string]any{
				"method": request.Method, "path": request.Path, "path_params": request.PathParams,
				"query_params": request.QueryParams, "headers": request.Headers, "raw": string(request.RawBody()),
			})
		case "stream":
			response := responseOf(args[1].(map[string]any))
			response.Body = pieces(args[0].([]any), nil)
			return response, nil
		case "stream_throws":
			return &sdk.Response{Body: pieces(args[0].([]any), sdk.Errorf("half-way"))}, nil
		case "sse":
			response := responseOf(args[1].(map[string]any))
			response.Body = events(args[0].([]any))
			return response, nil
		case "ndjson":
			return &sdk.Response{Body: sdk.NDJSON(func(rows sdk.Rows) error {
				for _, one := range args[0].([]any) {
					if err := rows.Send(one); err != nil {
						return err
					}
				}
				return nil
			}).Last(args[1])}, nil
		case "return_nothing":
			return nil, nil
		case "return":
			return responseOf(args[0].(map[string]any)), nil
		case "return_bytes":
			return &sdk.Response{Body: []byte("\x00\xffhi")}, nil
		case "return_odd":
			return &sdk.Response{Body: odd("nan")}, nil
		case "throw":
			return nil, sdk.Errorf("%s", args[0]) // THROWS HERE
		case "throw_non_retriable":
			return nil, sdk.NonRetriable(fmt.Errorf("%s", args[0]))
		case "throw_retry_after":
			return nil, sdk.RetryAfter(time.Duration(args[0].(float64)*float64(time.Second)), nil)
		case "throw_caused":
			return nil, sdk.Errorf("outer: %w", sdk.Errorf("inner"))
		case "wait_for_cancel":
			ctx.Logger.Info("waiting")
			select {
			case <-ctx.Done():
				err = ctx.Err()
			case <-time.After(seconds(args[0])):
			}
		case "sleep":
			time.Sleep(seconds(args[0]))
		case "block":
			ctx.Logger.Info("blocking")
			time.Sleep(seconds(args[0]))
		case "end_process":
			os.Exit(int(args[0].(float64)))
		case "crash":
			*(*int)(unsafe.Pointer(uintptr(0xdead000))) = 1
		case "flood":
			for number := range int(args[0].(float64)) {
				fmt.Printf("line %d\n", number)
			}
		case "write_bytes":
			_, err = os.Stdout.Write([]byte("\xff\xfe bytes\n"))
		case "child":
			command := exec.Command("/bin/sh", "-c", args[0].(string))
			command.Stdout, command.Stderr = os.Stdout, os.Stderr
			err = command.Run()
		case "pid":
			results = append(results, os.Getpid())
		default:
			done, found := own(ctx, verb, args)
			if !done {
				panic("no act " + verb)
			}
			err = found
		}
		if err != nil {
			return nil, err
		}
	}
	return sdk.JSON(200, map[string]any{"results": results}), nil
}

func seconds(value any) time.Duration { return time.Duration(value.(float64) * float64(time.Second)) }

func pieces(given []any, end error) *sdk.Streamed {
	return sdk.Stream(func(out sdk.Out) error {
		for _, one := range given {
			if _, err := io.WriteString(out, one.(string)); err != nil {
				return err
			}
		}
		return end
	})
}

func events(given []any) *sdk.Streamed {
	return sdk.SSE(func(events sdk.Events) error {
		for _, one := range given {
			event := sdk.ServerEvent{Data: one}
			if named, ok := one.(map[string]any); ok && named["event"] != nil {
				event = sdk.ServerEvent{Event: named["event"].(string), Data: named["data"]}
				if id, ok := named["id"]; ok {
					event.ID = fmt.Sprint(id)
				}
				if retry, ok := named["retry"].(float64); ok {
					event.Retry = int(retry)
				}
			}
			if err := events.Send(event); err != nil {
				return err
			}
		}
		return nil
	})
}

func blob(ctx *sdk.Context, content string, given map[string]any, results []any) ([]any, error) {
	kind, _ := given["type"].(string)
	name, _ := given["name"].(string)
	kept, err := ctx.Blobs.PutBytes([]byte(content), kind, name)
	if err != nil {
		return nil, err
	}
	whole, err := ctx.Blobs.Get(kept)
	if err != nil {
		return nil, err
	}
	file, err := ctx.Blobs.Open(kept)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	read, err := io.ReadAll(file)
	if err != nil {
		return nil, err
	}
	path, err := ctx.Blobs.Path(kept)
	if err != nil {
		return nil, err
	}
	again, err := os.ReadFile(path)
	return append(results, kept, string(whole), string(read), string(again)), err
}

func optionsOf(event map[string]any) []sdk.EmitOption {
	var options []sdk.EmitOption
	switch delay := event["delay"].(type) {
	case float64:
		options = append(options, sdk.Delay(seconds(delay)))
	case string:
		if days, ok := strings.CutSuffix(delay, "d"); ok {
			number, _ := strconv.Atoi(days)
			options = append(options, sdk.Delay(time.Duration(number)*24*time.Hour))
		} else {
			parsed, _ := time.ParseDuration(delay)
			options = append(options, sdk.Delay(parsed))
		}
	}
	if at, ok := event["at"].(string); ok {
		moment, _ := time.Parse(time.RFC3339, at)
		options = append(options, sdk.At(moment))
	}
	if key, ok := event["key"].(string); ok {
		options = append(options, sdk.Key(key))
	}
	if id, ok := event["id"].(string); ok {
		options = append(options, sdk.ID(id))
	}
	if event["now"] == true {
		options = append(options, sdk.Now())
	}
	return options
}

func operation(op map[string]any) sdk.Operation {
	for name, value := range op {
		switch name {
		case "set":
			return sdk.Replace(value)
		case "increment":
			return sdk.Increment(value.(float64))
		case "append":
			return sdk.Append(value)
		case "merge":
			return sdk.Merge(value)
		}
	}
	panic("no such operation")
}

func logAs(logger *slog.Logger, level, message string, fields any) {
	var args []any
	if given, ok := fields.(map[string]any); ok {
		for name, value := range given {
			args = append(args, name, value)
		}
	}
	switch level {
	case "debug":
		logger.Debug(message, args...)
	case "info":
		logger.Info(message, args...)
	case "warn":
		logger.Warn(message, args...)
	default:
		logger.Error(message, args...)
	}
}

func contextOf(ctx *sdk.Context) map[string]any {
	deadline, _ := ctx.Deadline()
	var topic any
	if ctx.Topic != "" {
		topic = ctx.Topic
	}
	return map[string]any{
		"run_id": ctx.RunID, "trace_id": ctx.TraceID, "trace": []string{ctx.Traceparent, ctx.Tracestate}, "now": iso(ctx.Now), "attempt": ctx.Attempt,
		"deadline": iso(deadline), "idempotency_key": ctx.IdempotencyKey, "flows": ctx.Flows, "topic": topic,
		"auth": ctx.Auth, "secret": ctx.Env["SECRET"], "in_process": atInit, "cancelled": ctx.Err() != nil,
	}
}

var atInit = os.Getenv("SECRET") // the variables are there before a package is initialised

func iso(moment time.Time) string { return moment.UTC().Format("2006-01-02T15:04:05.000Z") }

func responseOf(given map[string]any) *sdk.Response {
	response := &sdk.Response{Headers: map[string]string{}}
	if status, ok := given["status"].(float64); ok {
		response.Status = int(status)
	}
	if body, ok := given["body"]; ok {
		response.Body = body
		if body == nil {
			response.Body = json.RawMessage("null")
		}
	}
	if headers, ok := given["headers"].(map[string]any); ok {
		for name, value := range headers {
			response.Headers[name] = fmt.Sprint(value)
		}
	}
	return response
}
