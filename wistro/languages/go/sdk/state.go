package sdk

import (
	"bytes"
	"encoding/json"

	"wistro.dev/sdk/internal/bridge"
)

// State is the environment's. Writes are held until the attempt commits; reads see the latest commit and the attempt's own writes.
type State struct{ call bridge.Call }

// Item is one key of a group.
type Item struct {
	Key   string
	Value json.RawMessage
}

// Read puts the item's value into what `into` points to.
func (i Item) Read(into any) error { return json.Unmarshal(i.Value, into) }

// Get reads a value into what `into` points to; false when there is none, and `into` is as it was.
func (s *State) Get(group, key string, into any) (bool, error) {
	fields, err := place(nil, group, &key)
	if err != nil {
		return false, err
	}
	value, err := s.call.Ask("get", append(fields, '}'))
	if err != nil {
		return false, refused(err)
	}
	if len(value) == 0 || bytes.Equal(value, []byte("null")) {
		return false, nil
	}
	return true, Trace(json.Unmarshal(value, into))
}

// GetVersioned reads as Get does, and gives the version for SetIfVersion; it is "0", and `into` as it was, when there is no value.
func (s *State) GetVersioned(group, key string, into any) (version string, err error) {
	fields, err := place(nil, group, &key)
	if err != nil {
		return "", err
	}
	answer, err := s.call.Ask("get", append(fields, `,"versioned":true}`...))
	if err != nil {
		return "", refused(err)
	}
	var found struct {
		Value   json.RawMessage `json:"value"`
		Version string          `json:"version"`
	}
	if err := json.Unmarshal(answer, &found); err != nil {
		return "", Trace(err)
	}
	if len(found.Value) == 0 || bytes.Equal(found.Value, []byte("null")) {
		return found.Version, nil
	}
	return found.Version, Trace(json.Unmarshal(found.Value, into))
}

// List reads a whole group, by key.
func (s *State) List(group string) ([]Item, error) {
	fields, err := place(nil, group, nil)
	if err != nil {
		return nil, err
	}
	value, err := s.call.Ask("list", append(fields, '}'))
	if err != nil {
		return nil, refused(err)
	}
	var pairs [][2]json.RawMessage
	if err := json.Unmarshal(value, &pairs); err != nil {
		return nil, Trace(err)
	}
	items := make([]Item, len(pairs))
	for at, pair := range pairs {
		items[at].Value = pair[1]
		if err := json.Unmarshal(pair[0], &items[at].Key); err != nil {
			return nil, Trace(err)
		}
	}
	return items, nil
}

// Set writes a value; of two that write it, the last to commit wins.
func (s *State) Set(group, key string, value any) error { return s.write("set", group, key, value) }

// SetIfVersion writes a value if nobody has changed it since GetVersioned; else the attempt is run again.
func (s *State) SetIfVersion(group, key string, value any, version string) error {
	encoded, err := encode(version)
	if err != nil {
		return err
	}
	return s.writeWith(append([]byte(`,"if_version":`), encoded...), "set", group, key, value)
}

// Delete removes a value.
func (s *State) Delete(group, key string) error { return s.write("delete", group, key, nil) }

// Clear removes a whole group.
func (s *State) Clear(group string) error { return s.write("clear", group, "", nil) }

// Update applies an operation to what is committed when the attempt commits.
func (s *State) Update(group, key string, operation Operation) error {
	return s.write(operation.name, group, key, operation.value)
}

// Operation is what State.Update does.
type Operation struct {
	name  string
	value any
}

// Replace sets the value.
func Replace(value any) Operation { return Operation{"set", value} }

// Increment adds to a number; of a key that is not there, to 0.
func Increment[N ~int | ~int32 | ~int64 | ~float64](by N) Operation {
	return Operation{"increment", by}
}

// Append adds an item to a list.
func Append(item any) Operation { return Operation{"append", item} }

// Merge puts an object's properties over those that are there.
func Merge(properties any) Operation { return Operation{"merge", properties} }

func (s *State) write(operation, group, key string, value any) error {
	return s.writeWith(nil, operation, group, key, value)
}

func (s *State) writeWith(more []byte, operation, group, key string, value any) error {
	fields, err := place(append(more, `,"op":"`+operation+`"`...), group, &key)
	if err != nil {
		return err
	}
	encoded, err := encode(value)
	if err != nil {
		return err
	}
	return refused(s.call.Write(append(append(append(fields, `,"value":`...), encoded...), '}')))
}

func place(fields []byte, group string, key *string) ([]byte, error) {
	name, err := encode(group)
	if err != nil {
		return nil, err
	}
	fields = append(append(fields, `,"group":`...), name...)
	if key != nil {
		if name, err = encode(*key); err != nil {
			return nil, err
		}
		fields = append(append(fields, `,"key":`...), name...)
	}
	return fields, nil
}
