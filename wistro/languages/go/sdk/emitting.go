package sdk

import (
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"
)

const (
	longestText  = 200 // of a key or an id
	longestDelay = 365 * 24 * time.Hour
)

// EmitOption says when and how often a message is delivered.
type EmitOption func(*emitting) error

type emitting struct {
	delay *time.Duration
	at    *time.Time
	key   string
	id    string
	now   bool
}

// BadEmitError is an emit with options that cannot be.
type BadEmitError struct {
	traced
	what string
}

func (e *BadEmitError) Error() string      { return e.what }
func (e *BadEmitError) wistroName() string { return "BadEmit" }

// Delay delivers the message so long after the attempt has committed.
func Delay(delay time.Duration) EmitOption {
	return func(e *emitting) error {
		if delay < 0 || delay > longestDelay {
			return fmt.Errorf("emit's `delay` is from 0 to 365 days, not %s", delay)
		}
		e.delay = &delay
		return nil
	}
}

// At delivers the message at a time.
func At(moment time.Time) EmitOption {
	return func(e *emitting) error {
		e.at = &moment
		return nil
	}
}

// Key is the message's lane at subscribers with `fifo`, in place of what their own key finds.
func Key(key string) EmitOption {
	return func(e *emitting) error { return text("key", key, &e.key) }
}

// ID makes the message count once in 7 days on its topic.
func ID(id string) EmitOption {
	return func(e *emitting) error { return text("id", id, &e.id) }
}

// Now has the message leave at once, not when the attempt commits: progress of a long step. It is on disk when Emit returns.
func Now() EmitOption {
	return func(e *emitting) error {
		e.now = true
		return nil
	}
}

func text(name, given string, into *string) error {
	if length := utf8.RuneCountInString(given); length == 0 || length > longestText {
		return fmt.Errorf("emit's `%s` is a text of 1 to %d characters", name, longestText)
	}
	*into = given
	return nil
}

// fields are those of the Emit frame; what is not given is left out.
func emitFields(options []EmitOption) ([]byte, error) {
	given := emitting{}
	var err error
	for _, option := range options {
		err = errors.Join(err, option(&given))
	}
	switch {
	case err != nil:
	case given.delay != nil && given.at != nil:
		err = errors.New("emit takes `delay` or `at`, not both")
	case given.now && (given.delay != nil || given.at != nil):
		err = errors.New("emit's `now` leaves at once: it takes no `delay` or `at`")
	}
	if err != nil {
		return nil, &BadEmitError{trace(2), err.Error()}
	}
	var fields []byte
	if given.delay != nil {
		fields = strconv.AppendFloat(append(fields, `,"delay_s":`...), given.delay.Seconds(), 'f', -1, 64)
	}
	if given.at != nil {
		fields = strconv.AppendInt(append(fields, `,"at_us":`...), given.at.UnixMicro(), 10)
	}
	for _, one := range [][2]string{{"key", given.key}, {"id", given.id}} {
		if one[1] == "" {
			continue
		}
		encoded, err := encode(one[1])
		if err != nil {
			return nil, err
		}
		fields = append(append(fields, `,"`+one[0]+`":`...), encoded...)
	}
	if given.now {
		fields = append(fields, `,"now":true`...)
	}
	return fields, nil
}
