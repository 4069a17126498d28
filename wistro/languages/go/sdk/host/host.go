// Package host is the process that runs a project's Go steps; wistro generates the program around it.
package host

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"time"

	_ "wistro.dev/sdk" // what bridge is told by it
	"wistro.dev/sdk/boot"
	"wistro.dev/sdk/internal/bridge"
)

const protocol = 1

// fromEngine is any frame of the engine's.
type fromEngine struct {
	Frame   string          `json:"frame"`
	Call    int             `json:"call"`
	Step    string          `json:"step"`
	Kind    string          `json:"kind"`
	Input   json.RawMessage `json:"input"`
	Context bridge.Given    `json:"context"`
	Ask     int             `json:"ask"`
	Value   json.RawMessage `json:"value"`
	Refusal *bridge.Refusal `json:"refusal"`
	Reason  string          `json:"reason"`
	GraceS  float64         `json:"grace_s"`
}

// unknownStep: the engine named a step that is not in this program.
type unknownStep struct{ id string }

func (e *unknownStep) Error() string { return fmt.Sprintf("this program has no step `%s`", e.id) }

type program struct {
	module   string
	channel  *channel
	mutex    sync.Mutex
	attempts map[int]*attempt
	stopping bool
}

// Main runs the program: as a host, or to say what steps are in it. `module` is the project's.
func Main(module string) {
	switch boot.Verb {
	case "describe":
		describe()
	case "host":
		p := &program{module: module, channel: newChannel(boot.Engine), attempts: map[int]*attempt{}}
		p.run()
	default:
		fmt.Fprintln(os.Stderr, "this program holds the Go steps of a wistro project; `wistro dev` and `wistro start` run it")
		os.Exit(2)
	}
}

func (p *program) run() {
	signal.Ignore(os.Interrupt)
	catchLogs()
	ready := fmt.Sprintf(`{"frame":"ready","protocol":%d,"language":"go","runtime":"%s","pid":%d}`, protocol, version(), os.Getpid())
	_ = p.channel.send([]byte(ready))
	from := bufio.NewReaderSize(boot.Engine, 256<<10)
	for {
		body, err := boot.ReadFrame(from, nil)
		if err != nil {
			os.Exit(1) // the engine is gone
		}
		frame := &fromEngine{}
		if err := json.Unmarshal(body, frame); err != nil {
			fmt.Fprintln(os.Stderr, "the engine sent what is no frame:", err)
			os.Exit(1)
		}
		p.take(frame)
	}
}

// version: `1.22.1` of `go1.22.1 X:none`.
func version() string {
	found, _, _ := strings.Cut(strings.TrimPrefix(runtime.Version(), "go"), " ")
	return found
}

func (p *program) take(frame *fromEngine) {
	switch frame.Frame {
	case "call":
		one := newAttempt(frame, boot.Hello.Env, p.channel)
		p.mutex.Lock()
		p.attempts[one.number] = one
		p.mutex.Unlock()
		go p.call(one, frame)
	case "reply":
		if one := p.attempt(frame.Call); one != nil {
			one.answer(frame)
		}
	case "cancel":
		if one := p.attempt(frame.Call); one != nil {
			cause := errCancelled
			if frame.Reason == "deadline" {
				cause = errDeadline
			}
			_ = p.channel.send([]byte(`{"frame":"heard"`), one.prefix, []byte{'}'})
			one.stop(cause)
		}
	case "stop":
		p.stop(frame.GraceS)
	}
}

func (p *program) attempt(number int) *attempt {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.attempts[number]
}

// call runs the step and tells what came of it, also when the handler panics or ends its goroutine.
func (p *program) call(one *attempt, frame *fromEngine) {
	defer running(one)()
	step, ok := steps[frame.Step]
	switch {
	case !ok:
		p.finish(one, frame.Kind, nil, "", &unknownStep{frame.Step})
		return
	case step.own.Run == nil:
		p.finish(one, frame.Kind, nil, "", errors.New("a noop step has nothing to run"))
		return
	}
	where := place(step.file, step.line, step.export)
	returned := false
	defer func() {
		if !returned {
			p.finish(one, frame.Kind, nil, where, ended(recover()))
		}
	}()
	answer, err := step.own.Run(one, frame.Input)
	returned = true
	p.finish(one, frame.Kind, answer, where, err)
}

// ended is why a handler did not return; called by the deferred function alone, whose stack still has the panic's.
func ended(value any) error {
	if value == nil {
		value = errors.New("the handler ended its goroutine (runtime.Goexit)")
	}
	callers := make([]uintptr, 100)
	return &panicked{value, callers[:runtime.Callers(3, callers)]}
}

// finish tells the outcome. `where` is the step's own place, for an error that has none.
func (p *program) finish(one *attempt, kind string, answer []byte, where string, err error) {
	frame, rest := "done", []byte{'}'}
	if err != nil {
		frame, rest = "failed", failed(err, p.module, where)
	} else if kind == "api" {
		rest = append(append([]byte(`,"answer":`), answer...), '}')
	}
	if err := one.end(frame, rest); err != nil {
		_ = one.end("failed", failed(err, p.module, where))
	}
	one.stop(errOver)
	p.left(one.number)
}

func (p *program) left(number int) {
	p.mutex.Lock()
	delete(p.attempts, number)
	isLast := p.stopping && len(p.attempts) == 0
	p.mutex.Unlock()
	if isLast {
		p.leave()
	}
}

func (p *program) stop(graceS float64) {
	p.mutex.Lock()
	p.stopping = true
	isIdle := len(p.attempts) == 0
	p.mutex.Unlock()
	if isIdle {
		p.leave()
	}
	time.AfterFunc(time.Duration(graceS*float64(time.Second)), p.leave)
}

func (p *program) leave() {
	p.channel.flush()
	os.Exit(0)
}

type known struct {
	own    *bridge.Step
	file   string
	export string
	line   int
}

var steps = map[string]*known{}

// Add tells of a package-level variable of a step file, whose id is `id`; what is no step is passed over. `value` points to it.
func Add(id, file, export string, line int, value any) {
	below := reflect.ValueOf(value).Elem()
	if !below.CanInterface() {
		return
	}
	if own := bridge.StepOf(below.Interface()); own != nil {

		steps[id+"#"+export] = &known{own, file, export, line}
	}
}
