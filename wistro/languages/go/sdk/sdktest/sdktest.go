// Package sdktest runs a step's handler without an engine: a Recorder holds what it emits, writes and logs.
//
//	recorder := sdktest.New()
//	err := keep(recorder.Context(), Greeting{Name: "Ada"})
//	text, _ := recorder.State("greetings", recorder.RunID)
package sdktest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"sort"
	"sync"
	"time"

	"wistro.dev/sdk"
	"wistro.dev/sdk/internal/bridge"
)

// Message is what a handler emitted.
type Message struct {
	Topic string
	Data  json.RawMessage
}

// Line is what a handler logged.
type Line struct {
	Level   string
	Message string
	Fields  map[string]any
}

// Recorder is an attempt in memory. Its exported fields may be set before Context is called.
type Recorder struct {
	RunID   string
	Now     time.Time
	Attempt int
	Auth    map[string]any
	Env     map[string]string

	mutex   sync.Mutex
	emitted []Message
	lines   []Line
	state   map[string]map[string]json.RawMessage
	updates []Update
	context context.Context
	cancel  context.CancelFunc
}

// Update is an operation of State.Update; the engine applies it when the attempt commits.
type Update struct {
	Operation string // increment | append | merge
	Group     string
	Key       string
	Value     json.RawMessage
}

// New is a first attempt of a run.
func New() *Recorder {
	stopped, cancel := context.WithCancel(context.Background())
	return &Recorder{
		RunID: "run_test", Now: time.Unix(0, 0).UTC(), Attempt: 1, Env: map[string]string{},
		state: map[string]map[string]json.RawMessage{}, context: stopped, cancel: cancel,
	}
}

// Context is what the handler is given.
func (r *Recorder) Context() *sdk.Context {
	return bridge.ContextOf(&call{r}).(*sdk.Context)
}

// Cancel ends the context as the engine does at the deadline.
func (r *Recorder) Cancel() { r.cancel() }

// Emitted are the messages so far, in order.
func (r *Recorder) Emitted() []Message {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return append([]Message{}, r.emitted...)
}

// Lines are what was logged.
func (r *Recorder) Lines() []Line {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return append([]Line{}, r.lines...)
}

// Updates are the operations on the state.
func (r *Recorder) Updates() []Update {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return append([]Update{}, r.updates...)
}

// State is a value as JSON, and whether there is one.
func (r *Recorder) State(group, key string) (json.RawMessage, bool) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	value, ok := r.state[group][key]
	return value, ok
}

// SetState puts a value before the handler runs.
func (r *Recorder) SetState(group, key string, value any) error {
	encoded, err := json.Marshal(value)
	if err != nil {
		return err
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.set(group, key, encoded)
	return nil
}

func (r *Recorder) set(group, key string, value json.RawMessage) {
	if r.state[group] == nil {
		r.state[group] = map[string]json.RawMessage{}
	}
	r.state[group][key] = value
}

type call struct{ recorder *Recorder }

type asked struct {
	Topic string          `json:"topic"`
	Data  json.RawMessage `json:"data"`
	Op    string          `json:"op"`
	Group string          `json:"group"`
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`

	Versioned bool    `json:"versioned"`
	IfVersion *string `json:"if_version"`
}

// versionOf is "0" of nothing, else a text that tells the value, as the engine's does.
func versionOf(value json.RawMessage) string {
	var shown any
	if err := json.Unmarshal(value, &shown); err != nil || shown == nil {
		return "0"
	}
	sorted, err := json.Marshal(shown)
	if err != nil {
		return "0"
	}
	return fmt.Sprintf("%x", sha256.Sum256(sorted))[:24]
}

func (c *call) Given() bridge.Given {
	r := c.recorder
	return bridge.Given{
		RunID: r.RunID, TraceID: "trace_test", NowUS: r.Now.UnixMicro(), Attempt: r.Attempt, Auth: r.Auth,
		DeadlineUS: r.Now.Add(time.Minute).UnixMicro(), IdempotencyKey: r.RunID,
	}
}

func (c *call) Context() context.Context { return c.recorder.context }
func (c *call) Env() map[string]string   { return c.recorder.Env }

func read(fields []byte) (asked, error) {
	var one asked
	err := json.Unmarshal(append([]byte{'{'}, bytes.TrimPrefix(fields, []byte{','})...), &one)
	return one, err
}

func (c *call) Ask(frame string, fields []byte) (json.RawMessage, error) {
	one, err := read(fields)
	if err != nil {
		return nil, err
	}
	r := c.recorder
	r.mutex.Lock()
	defer r.mutex.Unlock()
	switch frame {
	case "emit":
		r.emitted = append(r.emitted, Message{one.Topic, one.Data})
		return nil, nil
	case "get":
		value := r.state[one.Group][one.Key]
		if one.Versioned {
			return json.Marshal(map[string]any{"value": value, "version": versionOf(value)})
		}
		return value, nil
	case "list":
		pairs := [][2]any{}
		for key, value := range r.state[one.Group] {
			pairs = append(pairs, [2]any{key, value})
		}
		sort.Slice(pairs, func(a, b int) bool { return pairs[a][0].(string) < pairs[b][0].(string) })
		return json.Marshal(pairs)
	}
	return nil, fmt.Errorf("sdktest has no %s", frame)
}

func (c *call) Write(fields []byte) error {
	one, err := read(fields)
	if err != nil {
		return err
	}
	r := c.recorder
	r.mutex.Lock()
	defer r.mutex.Unlock()
	switch one.Op {
	case "set":
		if one.IfVersion != nil && *one.IfVersion != versionOf(r.state[one.Group][one.Key]) {
			return &bridge.Refusal{Code: "state.conflict", Message: "the value has changed since the version that was read"}
		}
		r.set(one.Group, one.Key, one.Value)
	case "delete":
		delete(r.state[one.Group], one.Key)
	case "clear":
		delete(r.state, one.Group)
	default:
		r.updates = append(r.updates, Update{one.Op, one.Group, one.Key, one.Value})
	}
	return nil
}

func (c *call) Log(_ time.Time, level, message string, fields []byte, _ string) {
	line := Line{Level: level, Message: message}
	_ = json.Unmarshal(fields, &line.Fields) // without fields there is no JSON
	c.recorder.mutex.Lock()
	defer c.recorder.mutex.Unlock()
	c.recorder.lines = append(c.recorder.lines, line)
}
