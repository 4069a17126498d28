package sdk

import (
	"encoding"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

var (
	jsonMarshaler = reflect.TypeOf((*json.Marshaler)(nil)).Elem()
	textMarshaler = reflect.TypeOf((*encoding.TextMarshaler)(nil)).Elem()
)

// marshalsItself: its JSON is its own method's to say.
func marshalsItself(kind reflect.Type) bool {
	for _, one := range []reflect.Type{kind, reflect.PointerTo(kind)} {
		if one.Implements(jsonMarshaler) || one.Implements(textMarshaler) {
			return true
		}
	}
	return false
}

const notText = "text that is not UTF-8"

// locate finds the value that the encoder refused, or whose text it replaced.
func locate(value any) *UnserialisableError {
	return locateIn(reflect.ValueOf(value), nil)
}

func locateIn(value reflect.Value, path []string) *UnserialisableError {
	if !value.IsValid() || marshalsItself(value.Type()) {
		return nil
	}
	if len(path) > maxDepth {
		what := fmt.Sprintf("more than %d levels, or a cycle,", maxDepth)
		return &UnserialisableError{What: what, Path: pointer(path[:8])}
	}
	switch value.Kind() {
	case reflect.Float32, reflect.Float64:
		if number := value.Float(); math.IsNaN(number) || math.IsInf(number, 0) {
			return &UnserialisableError{What: notFinite(number), Path: pointer(path)}
		}
	case reflect.String:
		if !utf8.ValidString(value.String()) {
			return &UnserialisableError{What: notText, Path: pointer(path)}
		}
	case reflect.Func, reflect.Chan, reflect.Complex64, reflect.Complex128, reflect.UnsafePointer:
		return &UnserialisableError{What: "a " + value.Type().String(), Path: pointer(path)}
	case reflect.Pointer, reflect.Interface:
		return locateIn(value.Elem(), path)
	case reflect.Slice, reflect.Array:
		for index := range value.Len() {
			if found := locateIn(value.Index(index), append(path, strconv.Itoa(index))); found != nil {
				return found
			}
		}
	case reflect.Map:
		for _, key := range value.MapKeys() {
			if key.Kind() == reflect.String && !utf8.ValidString(key.String()) {
				return &UnserialisableError{What: notText + " in a key", Path: pointer(path)}
			}
			if found := locateIn(value.MapIndex(key), append(path, fmt.Sprint(key))); found != nil {
				return found
			}
		}
	case reflect.Struct:
		for _, field := range fieldsOf(value.Type()) {
			below, err := value.FieldByIndexErr(field.index)
			if err != nil {
				continue
			}
			if found := locateIn(below, append(path, field.name)); found != nil {
				return found
			}
		}
	}
	return nil
}

func notFinite(number float64) string {
	switch {
	case math.IsNaN(number):
		return "NaN"
	case number < 0:
		return "-Infinity"
	}
	return "Infinity"
}

// filled gives the value with every nil slice and map of its structs empty: `[]` and `{}`, as their schema says, where
// encoding/json writes null. Nothing of the step's own value is changed.
func filled(value any) any {
	if value == nil || !mayHoldNil(reflect.TypeOf(value)) {
		return value
	}
	found, _ := fill(reflect.ValueOf(value), 0)
	return found.Interface()
}

func fill(value reflect.Value, depth int) (reflect.Value, bool) {
	if depth > maxDepth || !mayHoldNil(value.Type()) {
		return value, false
	}
	switch value.Kind() {
	case reflect.Slice:
		if value.IsNil() {
			return reflect.MakeSlice(value.Type(), 0, 0), true
		}
		if !mayHoldNil(value.Type().Elem()) {
			return value, false
		}
		return fillItems(value, depth+1)
	case reflect.Array:
		return fillItems(value, depth+1)
	case reflect.Map:
		if value.IsNil() {
			return reflect.MakeMap(value.Type()), true
		}
		return fillMap(value, depth+1)
	case reflect.Pointer:
		if value.IsNil() {
			return value, false
		}
		below, changed := fill(value.Elem(), depth+1)
		if !changed {
			return value, false
		}
		fresh := reflect.New(value.Type().Elem())
		fresh.Elem().Set(below)
		return fresh, true
	case reflect.Struct:
		return fillStruct(value, depth+1)
	}
	return value, false
}

func fillItems(value reflect.Value, depth int) (reflect.Value, bool) {
	var fresh reflect.Value
	for index := range value.Len() {
		below, changed := fill(value.Index(index), depth)
		if !changed {
			continue
		}
		if !fresh.IsValid() {
			fresh = reflect.New(value.Type()).Elem()
			if value.Kind() == reflect.Slice {
				fresh.Set(reflect.MakeSlice(value.Type(), value.Len(), value.Len()))
			}
			reflect.Copy(fresh, value)
		}
		fresh.Index(index).Set(below)
	}
	if fresh.IsValid() {
		return fresh, true
	}
	return value, false
}

func fillMap(value reflect.Value, depth int) (reflect.Value, bool) {
	var changed map[reflect.Value]reflect.Value
	for _, key := range value.MapKeys() {
		if below, is := fill(value.MapIndex(key), depth); is {
			if changed == nil {
				changed = map[reflect.Value]reflect.Value{}
			}
			changed[key] = below
		}
	}
	if changed == nil {
		return value, false
	}
	fresh := reflect.MakeMap(value.Type())
	for _, key := range value.MapKeys() {
		fresh.SetMapIndex(key, value.MapIndex(key))
	}
	for key, below := range changed {
		fresh.SetMapIndex(key, below)
	}
	return fresh, true
}

func fillStruct(value reflect.Value, depth int) (reflect.Value, bool) {
	var fresh reflect.Value
	for index := range value.NumField() {
		field := value.Type().Field(index)
		if !field.IsExported() {
			continue
		}
		below := value.Field(index)
		if isLeftOut(field, below) {
			continue
		}
		filledBelow, changed := fill(below, depth)
		if !changed {
			continue
		}
		if !fresh.IsValid() {
			fresh = reflect.New(value.Type()).Elem()
			fresh.Set(value)
		}
		fresh.Field(index).Set(filledBelow)
	}
	if fresh.IsValid() {
		return fresh, true
	}
	return value, false
}

// isLeftOut: omitempty leaves an empty one out, and it stays so.
func isLeftOut(field reflect.StructField, value reflect.Value) bool {
	_, options, _ := strings.Cut(field.Tag.Get("json"), ",")
	if !hasOption(options, "omitempty") && !hasOption(options, "omitzero") {
		return false
	}
	switch value.Kind() {
	case reflect.Slice, reflect.Map:
		return value.Len() == 0
	}
	return false
}

var nilTypes sync.Map // reflect.Type -> bool

// mayHoldNil: whether a value of this type may have a nil slice or map in it.
func mayHoldNil(kind reflect.Type) bool {
	if known, ok := nilTypes.Load(kind); ok {
		return known.(bool)
	}
	found := holdsNil(kind, map[reflect.Type]bool{})
	nilTypes.Store(kind, found)
	return found
}

func holdsNil(kind reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[kind] || marshalsItself(kind) {
		return false
	}
	seen[kind] = true
	switch kind.Kind() {
	case reflect.Slice, reflect.Map:
		return true
	case reflect.Array, reflect.Pointer:
		return holdsNil(kind.Elem(), seen)
	case reflect.Struct:
		for index := range kind.NumField() {
			if field := kind.Field(index); field.IsExported() && holdsNil(field.Type, seen) {
				return true
			}
		}
	}
	return false
}
