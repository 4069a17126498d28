package sdk

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
)

// EventConfig is an event step's config; docs/reference/step-config.md says what each key means.
type EventConfig struct {
	Name              string
	Description       string
	Flows             []string
	Subscribes        []string
	Emits             []Emitted
	Input             Schema // default: that of the handler's message
	Retries           *Retries
	Timeout           string // "30s"
	Concurrency       *Concurrency
	Fifo              *Fifo
	RateLimit         *RateLimit
	Delay             string // "5s", or NoDelay
	VirtualSubscribes []string
	VirtualEmits      []string
}

// APIConfig is an endpoint's config.
type APIConfig struct {
	Name              string
	Description       string
	Flows             []string
	Method            string
	Path              string
	Auth              []Auth // any of them; or Public
	Public            bool
	BodySchema        Schema // default: that of the handler's Request
	ResponseSchema    map[int]Schema
	Emits             []Emitted
	Timeout           string
	VirtualSubscribes []string
	VirtualEmits      []string
}

// CronConfig is a cron step's config.
type CronConfig struct {
	Name              string
	Description       string
	Flows             []string
	Cron              string
	Timezone          string
	CatchUp           string
	Emits             []Emitted
	Retries           *Retries
	Timeout           string
	Concurrency       *Concurrency
	RateLimit         *RateLimit
	VirtualSubscribes []string
	VirtualEmits      []string
}

// NoopConfig is the config of a step outside of the system; with a Task it waits for its answer.
type NoopConfig struct {
	Name              string
	Description       string
	Flows             []string
	Subscribes        []string
	Input             Schema
	Task              *Task
	VirtualSubscribes []string
	VirtualEmits      []string
}

// Auth says who may call, by the keys of every language: {"type": "api_key", "keys": []string{"$KEY"}}.
type Auth map[string]any

// Retries are further attempts after the first. What is left out is the project's default.
type Retries struct {
	Max      int // NoRetries for none
	Initial  string
	Factor   float64
	Cap      string
	NoJitter bool
}

// Concurrency is how many attempts run at once, of each Key's value where one is named.
type Concurrency struct {
	Limit int
	Key   string
	Off   bool // without the project's default
}

// Fifo has messages of one Key handled one after the other.
type Fifo struct {
	Key    string
	OnDead string // continue | block
	Off    bool
}

// RateLimit is how many attempts begin in a time.
type RateLimit struct {
	Limit int
	Per   string
	Key   string
	Off   bool
}

// NoDelay as a Delay: without the project's default.
const NoDelay = "off"

// Task is what a No-Op step waits for.
type Task struct {
	Assignee  string
	Timeout   string
	OnTimeout string
	Answers   map[string]Answer
}

// Answer is one way to end a task: its form is the message that is emitted.
type Answer struct {
	Emits string
	Form  Schema
}

// NoRetries as Retries.Max: the first attempt is the last.
const NoRetries = -1

// given is a config by the keys that every language has; what is empty is left out.
type given map[string]any

func (g given) text(key, value string) {
	if value != "" {
		g[key] = value
	}
}

func (g given) texts(key string, values []string) {
	if len(values) > 0 {
		g[key] = values
	}
}

func (g given) schema(key string, stated Schema, kind reflect.Type) error {
	if stated != nil {
		g[key] = stated
		return nil
	}
	schema, err := schemaOf(kind)
	if err != nil {
		return fmt.Errorf("`%s`: %w", key, err)
	}
	if schema != nil {
		g[key] = schema
	}
	return nil
}

func (g given) emits(emitted []Emitted) error {
	entries := []any{}
	for _, one := range emitted {
		if one == nil {
			return errors.New("`emits` holds nil")
		}
		emission := one.emission()
		entry := map[string]any{"topic": emission.topic}
		if emission.kind != nil {
			schema, err := schemaOf(emission.kind)
			if err != nil {
				return fmt.Errorf("the schema of `%s`: %w", emission.topic, err)
			}
			if schema != nil {
				entry["schema"] = schema
			}
		}
		if emission.conditional {
			entry["conditional"] = true
		}
		entries = append(entries, entry)
	}
	if len(entries) > 0 {
		g["emits"] = entries
	}
	return nil
}

func (g given) retries(retries *Retries) {
	if retries == nil {
		return
	}
	found := given{}
	if retries.Max != 0 {
		found["max"] = max(retries.Max, 0)
	}
	found.text("initial", retries.Initial)
	if retries.Factor != 0 {
		found["factor"] = retries.Factor
	}
	found.text("cap", retries.Cap)
	if retries.NoJitter {
		found["jitter"] = false
	}
	if len(found) > 0 {
		g["retries"] = map[string]any(found)
	}
}

func (g given) number(key string, value int) {
	if value != 0 {
		g[key] = value
	}
}

// limit puts what is set of a limit, or false where it is switched off.
func (g given) limit(key string, isSet, isOff bool, fill func(given)) {
	if !isSet {
		return
	}
	if isOff {
		g[key] = false
		return
	}
	found := given{}
	fill(found)
	g[key] = map[string]any(found)
}

func (g given) concurrency(one *Concurrency) {
	g.limit("concurrency", one != nil, one != nil && one.Off, func(found given) {
		found.number("limit", one.Limit)
		found.text("key", one.Key)
	})
}

func (g given) fifo(one *Fifo) {
	g.limit("fifo", one != nil, one != nil && one.Off, func(found given) {
		found.text("key", one.Key)
		found.text("onDead", one.OnDead)
	})
}

func (g given) rateLimit(one *RateLimit) {
	g.limit("rateLimit", one != nil, one != nil && one.Off, func(found given) {
		found.number("limit", one.Limit)
		found.text("per", one.Per)
		found.text("key", one.Key)
	})
}

func (g given) delay(delay string) {
	if delay == NoDelay {
		g["delay"] = false
		return
	}
	g.text("delay", delay)
}

func (g given) task(task *Task) {
	if task == nil {
		return
	}
	found := given{}
	found.text("assignee", task.Assignee)
	found.text("timeout", task.Timeout)
	found.text("onTimeout", task.OnTimeout)
	answers := map[string]any{}
	for name, answer := range task.Answers {
		one := given{}
		one.text("emits", answer.Emits)
		if answer.Form != nil {
			one["form"] = answer.Form
		}
		answers[name] = map[string]any(one)
	}
	if len(answers) > 0 {
		found["answers"] = answers
	}
	g["task"] = map[string]any(found)
}

func common(kind, name, description string, flows, virtualSubscribes, virtualEmits []string) given {
	found := given{"type": kind}
	found.text("name", name)
	found.text("description", description)
	found.texts("flows", flows)
	found.texts("virtualSubscribes", virtualSubscribes)
	found.texts("virtualEmits", virtualEmits)
	return found
}

func (c EventConfig) given(message reflect.Type) (given, error) {
	found := common("event", c.Name, c.Description, c.Flows, c.VirtualSubscribes, c.VirtualEmits)
	found.texts("subscribes", c.Subscribes)
	found.retries(c.Retries)
	found.text("timeout", c.Timeout)
	found.concurrency(c.Concurrency)
	found.fifo(c.Fifo)
	found.rateLimit(c.RateLimit)
	found.delay(c.Delay)
	if err := found.emits(c.Emits); err != nil {
		return nil, err
	}
	return found, found.schema("input", c.Input, message)
}

func (c APIConfig) given(body reflect.Type) (given, error) {
	found := common("api", c.Name, c.Description, c.Flows, c.VirtualSubscribes, c.VirtualEmits)
	found.text("method", c.Method)
	found.text("path", c.Path)
	found.text("timeout", c.Timeout)
	if len(c.Auth) > 0 {
		found["auth"] = c.Auth
	}
	if c.Public {
		found["public"] = true
	}
	if len(c.ResponseSchema) > 0 {
		responses := map[string]any{}
		for status, schema := range c.ResponseSchema {
			responses[strconv.Itoa(status)] = schema
		}
		found["responseSchema"] = responses
	}
	if err := found.emits(c.Emits); err != nil {
		return nil, err
	}
	return found, found.schema("bodySchema", c.BodySchema, body)
}

func (c CronConfig) given() (given, error) {
	found := common("cron", c.Name, c.Description, c.Flows, c.VirtualSubscribes, c.VirtualEmits)
	found.text("cron", c.Cron)
	found.text("timezone", c.Timezone)
	found.text("catchUp", c.CatchUp)
	found.retries(c.Retries)
	found.text("timeout", c.Timeout)
	found.concurrency(c.Concurrency)
	found.rateLimit(c.RateLimit)
	return found, found.emits(c.Emits)
}

func (c NoopConfig) given() (given, error) {
	found := common("noop", c.Name, c.Description, c.Flows, c.VirtualSubscribes, c.VirtualEmits)
	found.texts("subscribes", c.Subscribes)
	if c.Input != nil {
		found["input"] = c.Input
	}
	found.task(c.Task)
	return found, nil
}
