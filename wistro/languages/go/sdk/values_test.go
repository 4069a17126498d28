package sdk

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"
)

type inner struct {
	Tags  []string       `json:"tags"`
	Extra map[string]int `json:"extra"`
	Left  []int          `json:"left,omitempty"`
}

type outer struct {
	*inner
	One   inner            `json:"one"`
	Many  []inner          `json:"many"`
	By    map[string]inner `json:"by"`
	Raw   json.RawMessage  `json:"raw"`
	When  time.Time        `json:"when"`
	Deep  [][]inner        `json:"deep"`
	Bytes []byte           `json:"bytes"`
}

func TestNilListsAndMapsOfStructsLeaveEmpty(t *testing.T) {
	value := outer{
		Many: []inner{{}}, By: map[string]inner{"a": {}}, Raw: json.RawMessage(`1`), Deep: [][]inner{nil},
	}

	text, err := encode(value)

	if err != nil {
		t.Fatal(err)
	}
	wanted := `{"one":{"tags":[],"extra":{}},"many":[{"tags":[],"extra":{}}],"by":{"a":{"tags":[],"extra":{}}},` +
		`"raw":1,"when":"0001-01-01T00:00:00Z","deep":[[]],"bytes":""}`
	if string(text) != wanted {
		t.Errorf("wrote %s", text)
	}
	if value.Many[0].Tags != nil {
		t.Error("the step's own value was changed")
	}
}

func TestWhatMayNotLeaveIsNamedByItsPlace(t *testing.T) {
	for path, value := range map[string]any{
		"/price": struct {
			Price float64 `json:"price"`
		}{math.NaN()},
		"/a~1b/0": map[string][]any{"a/b": {func() {}}},
		"/n":      map[string]int64{"n": 1 << 53},
		"/list/1": map[string][]string{"list": {"fine", "\xff"}},
		"/id": struct {
			ID uint64 `json:"id"`
		}{math.MaxUint64},
		"/inner/note": struct {
			Inner struct {
				Note string `json:"note"`
			} `json:"inner"`
		}{struct {
			Note string `json:"note"`
		}{"\xc3\x28"}},
	} {
		_, err := encode(value)
		found, ok := err.(*UnserialisableError)
		if !ok || found.Path != path {
			t.Errorf("%v: %v, not at %s", value, err, path)
		}
	}
}

func TestWhatOnlyLooksOddLeaves(t *testing.T) {
	for _, value := range []any{
		"\ufffd", strings.Repeat("9", 40), 1e300, -1.5, int64(1<<53 - 1), []byte{0xff}, "a\u2028b<>&", nil,
		strings.Repeat("[", 300), [][][]int{{{1}}},
	} {
		text, err := encode(value)
		if err != nil {
			t.Errorf("%v: %v", value, err)
			continue
		}
		plain, _ := json.Marshal(value)
		var one, other any
		_ = json.Unmarshal(text, &one)
		_ = json.Unmarshal(plain, &other)
		first, _ := json.Marshal(one)
		second, _ := json.Marshal(other)
		if string(first) != string(second) {
			t.Errorf("%s is not %s", text, plain)
		}
	}
}

type node struct {
	Name     string  `json:"name"`
	Children []*node `json:"children"`
}

func TestCycleIsRefusedAndNotFollowed(t *testing.T) {
	loop := &node{Name: "a"}
	loop.Children = []*node{loop}

	_, err := encode(loop)

	if _, ok := err.(*UnserialisableError); !ok {
		t.Fatalf("%v", err)
	}
}

func TestSchemaOfARecursiveTypeRefersToItself(t *testing.T) {
	text, err := json.Marshal(SchemaOf[node]())

	wanted := `{"$defs":{"node":{"properties":{"children":{"items":{"anyOf":[{"$ref":"#/$defs/node"},{"type":"null"}]},` +
		`"type":"array"},"name":{"type":"string"}},"required":["name","children"],"type":"object"}},"$ref":"#/$defs/node"}`
	if err != nil || string(text) != wanted {
		t.Errorf("%s, %v", text, err)
	}
}

type base struct {
	ID   string `json:"id"`
	Same int
}

type shadowing struct {
	base
	Same   string
	Hidden string `json:"-"`
	Dash   int    `json:"-,"`
	Text   int64  `json:"text,string"`
	own    int
}

func TestSchemaFollowsEncodingJSON(t *testing.T) {
	properties := SchemaOf[shadowing]()["properties"].(map[string]any)
	text, _ := json.Marshal(shadowing{own: 1})
	var written map[string]any
	_ = json.Unmarshal(text, &written)

	if len(properties) != len(written) {
		t.Errorf("the schema has %v, the JSON %v", properties, written)
	}
	for name := range written {
		if properties[name] == nil {
			t.Errorf("%s is not in the schema", name)
		}
	}
	if kind := properties["text"].(Schema)["type"]; kind != "string" {
		t.Errorf("text is a %v", kind)
	}
}

func TestTypeWithoutJSONIsNamedByItsPlace(t *testing.T) {
	type bad struct {
		Items []struct {
			Done chan int `json:"done"`
		} `json:"items"`
	}
	defer func() {
		if said, _ := recover().(error); said == nil || said.Error() != ".items[].done: a chan int has no JSON" {
			t.Errorf("%v", said)
		}
	}()
	SchemaOf[bad]()
}
