package sdk

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"

	"wistro.dev/sdk/internal/bridge"
)

// lines is a slog handler whose lines are one call's.
type lines struct {
	call   bridge.Call
	groups []string
	attrs  map[string]any
}

func (l *lines) Enabled(context.Context, slog.Level) bool { return true }

func (l *lines) Handle(_ context.Context, record slog.Record) error {
	fields := copied(l.attrs)
	at := below(fields, l.groups)
	record.Attrs(func(attr slog.Attr) bool {
		put(at, attr)
		return true
	})
	var encoded []byte
	if len(fields) > 0 {
		encoded = encodeLoosely(fields)
	}
	l.call.Log(record.Time, level(record.Level), record.Message, encoded, "logger")
	return nil
}

func (l *lines) WithAttrs(attrs []slog.Attr) slog.Handler {
	fields := copied(l.attrs)
	at := below(fields, l.groups)
	for _, attr := range attrs {
		put(at, attr)
	}
	return &lines{l.call, l.groups, fields}
}

func (l *lines) WithGroup(name string) slog.Handler {
	if name == "" {
		return l
	}
	return &lines{l.call, append(append([]string{}, l.groups...), name), l.attrs}
}

func level(level slog.Level) string {
	switch {
	case level < slog.LevelInfo:
		return "debug"
	case level < slog.LevelWarn:
		return "info"
	case level < slog.LevelError:
		return "warn"
	}
	return "error"
}

func copied(fields map[string]any) map[string]any {
	found := make(map[string]any, len(fields)+2)
	for key, value := range fields {
		if inner, ok := value.(map[string]any); ok {
			value = copied(inner)
		}
		found[key] = value
	}
	return found
}

func below(fields map[string]any, groups []string) map[string]any {
	for _, name := range groups {
		inner, ok := fields[name].(map[string]any)
		if !ok {
			inner = map[string]any{}
			fields[name] = inner
		}
		fields = inner
	}
	return fields
}

func put(fields map[string]any, attr slog.Attr) {
	value := attr.Value.Resolve()
	if value.Kind() != slog.KindGroup {
		if attr.Key != "" {
			fields[attr.Key] = value.Any()
		}
		return
	}
	if attr.Key != "" {
		fields = below(fields, []string{attr.Key})
	}
	for _, one := range value.Group() {
		put(fields, one)
	}
}

// encodeLoosely is for what must never fail a step: what is not JSON becomes its text.
func encodeLoosely(value any) []byte {
	if text, err := encode(readable(value)); err == nil {
		return text
	}
	text, _ := json.Marshal(loosened(reflect.ValueOf(value), 0))
	return text
}

// readable: errors and durations say more as texts than as JSON. Of a map of fields alone, since only there are they expected.
func readable(value any) any {
	fields, ok := value.(map[string]any)
	if !ok {
		return value
	}
	found := make(map[string]any, len(fields))
	for key, one := range fields {
		switch one := one.(type) {
		case error:
			found[key] = said(one)
		case time.Duration:
			found[key] = one.String()
		default:
			found[key] = readable(one)
		}
	}
	return found
}

func loosened(value reflect.Value, depth int) any {
	if !value.IsValid() {
		return nil
	}
	if depth < 20 {
		switch value.Kind() {
		case reflect.Interface, reflect.Pointer:
			return loosened(value.Elem(), depth+1)
		case reflect.Map:
			found := map[string]any{}
			for _, key := range value.MapKeys() {
				found[valid(fmt.Sprint(key))] = loosened(value.MapIndex(key), depth+1)
			}
			return found
		case reflect.Slice, reflect.Array:
			found := []any{}
			for index := range min(value.Len(), 1000) {
				found = append(found, loosened(value.Index(index), depth+1))
			}
			return found
		case reflect.String:
			return valid(value.String())
		case reflect.Bool:
			return value.Bool()
		case reflect.Float32, reflect.Float64:
			if number := value.Float(); math.IsNaN(number) || math.IsInf(number, 0) {
				return notFinite(number)
			}
			return value.Float()
		}
	}
	if !value.CanInterface() {
		return value.String()
	}
	return said(value.Interface())
}

// said is a value's text, also when its own method for that panics.
func said(value any) string {
	found := valid(fmt.Sprint(value))
	if len(found) > 10_000 {
		found = valid(found[:10_000])
	}
	return found
}

func valid(text string) string {
	if utf8.ValidString(text) {
		return text
	}
	return strings.ToValidUTF8(text, "�")
}
