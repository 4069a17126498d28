package sdk

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// jsonField is one property of a struct's JSON, as encoding/json has it.
type jsonField struct {
	name       string
	index      []int
	kind       reflect.Type
	tag        reflect.StructTag
	isOptional bool // omitempty or omitzero
	isText     bool // the `string` option
}

var fieldsByType sync.Map // reflect.Type -> []jsonField

// fieldsOf lists a struct's properties: the shallowest of a name wins, a tagged one over an untagged one, and two equal ones cancel out.
func fieldsOf(kind reflect.Type) []jsonField {
	if known, ok := fieldsByType.Load(kind); ok {
		return known.([]jsonField)
	}
	found := dominant(collect(kind, nil, map[reflect.Type]bool{}))
	fieldsByType.Store(kind, found)
	return found
}

type candidate struct {
	jsonField
	isTagged bool
}

func collect(kind reflect.Type, index []int, above map[reflect.Type]bool) []candidate {
	if above[kind] {
		return nil
	}
	above[kind] = true
	defer delete(above, kind)
	var found []candidate
	for number := range kind.NumField() {
		field := kind.Field(number)
		at := append(slices.Clone(index), number)
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if field.Tag.Get("json") == "-" {
			continue
		}
		embedded := field.Type
		if embedded.Kind() == reflect.Pointer {
			embedded = embedded.Elem()
		}
		if field.Anonymous && name == "" && embedded.Kind() == reflect.Struct && !marshalsItself(embedded) {
			found = append(found, collect(embedded, at, above)...)
			continue
		}
		if !field.IsExported() {
			continue
		}
		one := candidate{jsonField{
			name: name, index: at, kind: field.Type, tag: field.Tag,
			isOptional: hasOption(options, "omitempty") || hasOption(options, "omitzero"),
			isText:     hasOption(options, "string"),
		}, name != ""}
		if name == "" {
			one.name = field.Name
		}
		found = append(found, one)
	}
	return found
}

func dominant(all []candidate) []jsonField {
	byName := map[string][]candidate{}
	for _, one := range all {
		byName[one.name] = append(byName[one.name], one)
	}
	var found []jsonField
	for _, rivals := range byName {
		slices.SortStableFunc(rivals, func(a, b candidate) int {
			if order := cmp.Compare(len(a.index), len(b.index)); order != 0 {
				return order
			}
			return cmp.Compare(rank(a), rank(b))
		})
		if len(rivals) > 1 && len(rivals[0].index) == len(rivals[1].index) && rank(rivals[0]) == rank(rivals[1]) {
			continue
		}
		found = append(found, rivals[0].jsonField)
	}
	slices.SortFunc(found, func(a, b jsonField) int { return slices.Compare(a.index, b.index) })
	return found
}

func rank(one candidate) int {
	if one.isTagged {
		return 0
	}
	return 1
}

func hasOption(options, wanted string) bool {
	return slices.Contains(strings.Split(options, ","), wanted)
}
