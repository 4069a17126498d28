package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"wistro.dev/sdk/internal/bridge"
)

const (
	mostWrites = 1_000 // wistro/protocol/frames.py
	maxLine    = 64 << 10
)

var (
	errOver      = errors.New("this attempt is over: emits and state need an attempt that still runs")
	errCancelled = fmt.Errorf("this attempt was cancelled: %w", context.Canceled)
	errDeadline  = fmt.Errorf("this attempt was cancelled: %w", context.DeadlineExceeded)
)

type reply struct {
	value   json.RawMessage
	refusal *bridge.Refusal
}

// attempt is one call in flight.
type attempt struct {
	number  int
	prefix  []byte // `,"call":7`
	given   bridge.Given
	env     map[string]string
	channel *channel

	context context.Context
	stop    context.CancelCauseFunc

	mutex   sync.Mutex
	waiting map[int]chan reply
	lastAsk int
	writes  int
	isOver  bool
}

func newAttempt(frame *fromEngine, env map[string]string, channel *channel) *attempt {
	a := &attempt{
		number: frame.Call, given: frame.Context, env: env, channel: channel,
		prefix: strconv.AppendInt([]byte(`,"call":`), int64(frame.Call), 10),
	}
	base := context.WithValue(context.Background(), bridge.CallKey{}, a)
	stopped, stop := context.WithCancelCause(base)
	a.context, a.stop = &timed{stopped, time.UnixMicro(frame.Context.DeadlineUS)}, stop
	return a
}

// timed tells the deadline. It ends when the engine says so, whose clock it is.
type timed struct {
	context.Context
	deadline time.Time
}

func (t *timed) Deadline() (time.Time, bool) { return t.deadline, true }

// Err says DeadlineExceeded when that was why.
func (t *timed) Err() error {
	if err := t.Context.Err(); err == nil {
		return nil
	}
	if errors.Is(context.Cause(t.Context), context.DeadlineExceeded) {
		return context.DeadlineExceeded
	}
	return context.Canceled
}

func (a *attempt) Given() bridge.Given      { return a.given }
func (a *attempt) Context() context.Context { return a.context }
func (a *attempt) Env() map[string]string   { return a.env }

func (a *attempt) Ask(frame string, fields []byte) (json.RawMessage, error) {
	answer := make(chan reply, 1)
	a.mutex.Lock()
	if err := a.closed(); err != nil {
		a.mutex.Unlock()
		return nil, err
	}
	a.lastAsk++
	ask := a.lastAsk
	if a.waiting == nil {
		a.waiting = map[int]chan reply{}
	}
	a.waiting[ask] = answer
	a.mutex.Unlock()
	head := append([]byte(`{"frame":"`+frame+`"`), a.prefix...)
	head = strconv.AppendInt(append(head, `,"ask":`...), int64(ask), 10)
	if err := a.channel.send(head, fields); err != nil {
		return nil, err
	}
	select {
	case one := <-answer:
		if one.refusal != nil {
			return nil, one.refusal
		}
		return one.value, nil
	case <-a.context.Done():
		return nil, context.Cause(a.context)
	}
}

// closed: why nothing more may be asked; called with the lock held.
func (a *attempt) closed() error {
	if cause := context.Cause(a.context); cause != nil {
		return cause
	}
	if a.isOver {
		return errOver
	}
	return nil
}

func (a *attempt) answer(frame *fromEngine) {
	a.mutex.Lock()
	answer, ok := a.waiting[frame.Ask]
	delete(a.waiting, frame.Ask)
	a.mutex.Unlock()
	if ok {
		answer <- reply{frame.Value, frame.Refusal}
	}
}

func (a *attempt) Write(fields []byte) error {
	a.mutex.Lock()
	err := a.closed()
	if err == nil && a.writes >= mostWrites {
		hint := "Work on fewer at once: emit a message for each part, and let a step take one."
		err = &bridge.Refusal{
			Code: "state.too-many-writes", Message: "an attempt writes at most 1,000 times to the state", Hint: &hint,
		}
	}
	if err != nil {
		a.mutex.Unlock()
		return err
	}
	a.writes++
	a.mutex.Unlock()
	return a.channel.send([]byte(`{"frame":"write"`), a.prefix, fields)
}

func (a *attempt) Log(at time.Time, level, message string, fields []byte, source string) {
	_ = a.channel.send([]byte(`{"frame":"log"`), a.prefix, line(at, level, message, fields, source))
}

// line is the rest of a log frame.
func line(at time.Time, level, message string, fields []byte, source string) []byte {
	if len(message) > maxLine {
		message = message[:maxLine] + " … (cut)"
	}
	text := strconv.AppendInt([]byte(`,"at_us":`), at.UnixMicro(), 10)
	text = append(text, `,"level":"`+level+`","message":`...)
	text = append(text, bridge.EncodeLoosely(message)...)
	if len(fields) > maxLine {
		fields = []byte(`{"cut":"the fields were over 64 KiB"}`)
	}
	if len(fields) > 0 {
		text = append(append(text, `,"fields":`...), fields...)
	}
	return append(text, `,"source":"`+source+`"}`...)
}

// end says how it went, once; nothing of it leaves afterwards.
func (a *attempt) end(frame string, fields []byte) error {
	a.mutex.Lock()
	a.isOver = true
	a.mutex.Unlock()
	return a.channel.send([]byte(`{"frame":"`+frame+`"`), a.prefix, fields)
}
