package sdk

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Schema is JSON Schema (2020-12). A type that has a method `JSONSchema() sdk.Schema` says its own.
type Schema map[string]any

// SchemaOf is the schema of the JSON that a T is written as.
//
// Fields follow their `json` tags: one with omitempty or omitzero may be absent, the others are required; a pointer
// without omitempty may be null. `enum:"a,b"`, `description`, `format`, `minimum`, `maximum` and `pattern` are read
// from the field's tag.
func SchemaOf[T any]() Schema {
	schema, err := schemaOf(reflect.TypeFor[T]())
	if err != nil {
		panic(err)
	}
	return schema
}

type schemaError struct{ path, what string }

func (e *schemaError) Error() string {
	if e.path == "" {
		return e.what
	}
	return fmt.Sprintf("%s: %s", e.path, e.what)
}

var (
	timeType   = reflect.TypeFor[time.Time]()
	rawType    = reflect.TypeFor[json.RawMessage]()
	numberType = reflect.TypeFor[json.Number]()
	ownSchema  = reflect.TypeFor[interface{ JSONSchema() Schema }]()
)

// schemaOf gives nil for what may be anything.
func schemaOf(kind reflect.Type) (Schema, error) {
	drawing := &schemas{defs: map[string]any{}, names: map[reflect.Type]string{}, open: map[reflect.Type]bool{}}
	schema, err := drawing.of(kind, "")
	if err != nil || len(schema) == 0 {
		return nil, err
	}
	if len(drawing.defs) > 0 {
		whole := Schema{"$defs": drawing.defs}
		for key, value := range schema {
			whole[key] = value
		}
		return whole, nil
	}
	return schema, nil
}

// schemas draws one type. A struct that holds itself is named in $defs, and referred to.
type schemas struct {
	defs  map[string]any
	names map[reflect.Type]string // of those that hold themselves
	open  map[reflect.Type]bool   // being drawn
}

func (s *schemas) of(kind reflect.Type, path string) (Schema, error) {
	if schema, ok := ownOf(kind); ok {
		return schema, nil
	}
	if known, ok := knownType(kind); ok {
		return known, nil
	}
	switch kind.Kind() {
	case reflect.Bool:
		return Schema{"type": "boolean"}, nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return Schema{"type": "integer"}, nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return Schema{"type": "integer", "minimum": 0}, nil
	case reflect.Float32, reflect.Float64:
		return Schema{"type": "number"}, nil
	case reflect.String:
		return Schema{"type": "string"}, nil
	case reflect.Interface:
		return Schema{}, nil
	case reflect.Pointer:
		return s.pointer(kind, path)
	case reflect.Slice, reflect.Array:
		return s.list(kind, path)
	case reflect.Map:
		return s.mapping(kind, path)
	case reflect.Struct:
		return s.object(kind, path)
	}
	return nil, &schemaError{path, fmt.Sprintf("a %s has no JSON", kind)}
}

func ownOf(kind reflect.Type) (Schema, bool) {
	for _, one := range []reflect.Type{kind, reflect.PointerTo(kind)} {
		if one.Implements(ownSchema) && one.Kind() != reflect.Interface {
			value := reflect.New(kind)
			if one == kind {
				value = value.Elem()
			}
			return value.Interface().(interface{ JSONSchema() Schema }).JSONSchema(), true
		}
	}
	return nil, false
}

// knownType: types whose JSON is not what their fields say.
func knownType(kind reflect.Type) (Schema, bool) {
	switch kind {
	case timeType:
		return Schema{"type": "string", "format": "date-time"}, true
	case rawType:
		return Schema{}, true
	case numberType:
		return Schema{"type": "number"}, true
	}
	if kind.Kind() == reflect.Pointer || kind.Kind() == reflect.Interface {
		return nil, false
	}
	for _, one := range []reflect.Type{kind, reflect.PointerTo(kind)} {
		if one.Implements(jsonMarshaler) {
			return Schema{}, true
		}
		if one.Implements(textMarshaler) {
			return Schema{"type": "string"}, true
		}
	}
	return nil, false
}

func (s *schemas) pointer(kind reflect.Type, path string) (Schema, error) {
	below, err := s.of(kind.Elem(), path)
	if err != nil || len(below) == 0 {
		return below, err
	}
	return Schema{"anyOf": []any{below, Schema{"type": "null"}}}, nil
}

func (s *schemas) list(kind reflect.Type, path string) (Schema, error) {
	if kind.Kind() == reflect.Slice && kind.Elem().Kind() == reflect.Uint8 {
		return Schema{"type": "string", "contentEncoding": "base64"}, nil
	}
	items, err := s.of(kind.Elem(), path+"[]")
	if err != nil {
		return nil, err
	}
	schema := Schema{"type": "array", "items": items}
	if kind.Kind() == reflect.Array {
		schema["minItems"], schema["maxItems"] = kind.Len(), kind.Len()
	}
	return schema, nil
}

func (s *schemas) mapping(kind reflect.Type, path string) (Schema, error) {
	switch key := kind.Key(); key.Kind() {
	case reflect.String, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
	default:
		if !key.Implements(textMarshaler) {
			return nil, &schemaError{path, fmt.Sprintf("a map with keys of %s has no JSON", key)}
		}
	}
	below, err := s.of(kind.Elem(), path+"{}")
	if err != nil {
		return nil, err
	}
	return Schema{"type": "object", "additionalProperties": below}, nil
}

func (s *schemas) object(kind reflect.Type, path string) (Schema, error) {
	if name, ok := s.names[kind]; ok {
		return Schema{"$ref": "#/$defs/" + name}, nil
	}
	if s.open[kind] {
		name := s.freeName(kind)
		s.names[kind] = name
		s.defs[name] = nil
		return Schema{"$ref": "#/$defs/" + name}, nil
	}
	s.open[kind] = true
	defer delete(s.open, kind)
	properties, required := map[string]any{}, []string{}
	for _, field := range fieldsOf(kind) {
		schema, err := s.field(field, path+"."+field.name)
		if err != nil {
			return nil, err
		}
		properties[field.name] = schema
		if !field.isOptional {
			required = append(required, field.name)
		}
	}
	schema := Schema{"type": "object", "properties": properties}
	if len(required) > 0 {
		schema["required"] = required
	}
	if name, ok := s.names[kind]; ok {
		s.defs[name] = schema
		return Schema{"$ref": "#/$defs/" + name}, nil
	}
	return schema, nil
}

func (s *schemas) freeName(kind reflect.Type) string {
	base := strings.Map(func(letter rune) rune {
		if letter == '[' || letter == ']' || letter == '/' || letter == '.' || letter == '*' || letter == ',' {
			return '_'
		}
		return letter
	}, kind.Name())
	if base == "" {
		base = "Type"
	}
	name := base
	for number := 2; ; number++ {
		if _, taken := s.defs[name]; !taken {
			return name
		}
		name = base + strconv.Itoa(number)
	}
}

func (s *schemas) field(field jsonField, path string) (Schema, error) {
	kind := field.kind
	if field.isOptional && kind.Kind() == reflect.Pointer {
		kind = kind.Elem() // nil is left out, so null is never written
	}
	schema, err := s.of(kind, path)
	if err != nil {
		return nil, err
	}
	if field.isText {
		schema = Schema{"type": "string"}
	}
	return tagged(schema, field.tag, kind, path)
}

// tagged adds what a field's tags say; to a shared schema it is said beside the reference.
func tagged(schema Schema, tag reflect.StructTag, kind reflect.Type, path string) (Schema, error) {
	added := Schema{}
	for _, key := range []string{"description", "format", "pattern"} {
		if text, ok := tag.Lookup(key); ok {
			added[key] = text
		}
	}
	for _, key := range []string{"minimum", "maximum"} {
		if text, ok := tag.Lookup(key); ok {
			number, err := strconv.ParseFloat(text, 64)
			if err != nil {
				return nil, &schemaError{path, fmt.Sprintf("`%s:%q` is no number", key, text)}
			}
			added[key] = number
		}
	}
	if text, ok := tag.Lookup("enum"); ok {
		values, err := enumOf(text, kind)
		if err != nil {
			return nil, &schemaError{path, err.Error()}
		}
		added["enum"] = values
	}
	if len(added) == 0 {
		return schema, nil
	}
	for key, value := range schema {
		if _, given := added[key]; !given {
			added[key] = value
		}
	}
	return added, nil
}

func enumOf(text string, kind reflect.Type) ([]any, error) {
	for kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	var values []any
	for _, one := range strings.Split(text, ",") {
		one = strings.TrimSpace(one)
		switch kind.Kind() {
		case reflect.String:
			values = append(values, one)
		case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
			reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
			number, err := strconv.ParseInt(one, 10, 64)
			if err != nil {
				return nil, fmt.Errorf("`enum:%q`: %q is no integer", text, one)
			}
			values = append(values, number)
		default:
			return nil, fmt.Errorf("`enum` is for texts and integers, not for a %s", kind)
		}
	}
	return values, nil
}
