package host

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"wistro.dev/sdk"
	"wistro.dev/sdk/boot"
	"wistro.dev/sdk/internal/bridge"
)

// frames are the golden ones that every language's tests read.
func frames(t *testing.T) map[string][]json.RawMessage {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "..", "tests", "golden", "protocol", "frames.json"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]json.RawMessage{}
	if err := json.Unmarshal(text, &found); err != nil {
		t.Fatal(err)
	}
	return found
}

func TestEveryFrameOfTheEngineIsRead(t *testing.T) {
	golden := frames(t)
	for _, name := range []string{"Hello", "Call", "Cancel", "Reply", "Stop"} {
		if len(golden[name]) == 0 {
			t.Fatalf("no golden %s", name)
		}
		for _, text := range golden[name] {
			frame := &fromEngine{}
			if err := json.Unmarshal(text, frame); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if frame.Frame == "" {
				t.Errorf("%s has no frame: %s", name, text)
			}
		}
	}
}

// sent runs an act on a call and gives the frames that leave, without their length.
func sent(t *testing.T, act func(one *attempt)) []map[string]any {
	t.Helper()
	var wire bytes.Buffer
	channel := newChannel(&wire)
	act(newAttempt(&fromEngine{Call: 1, Context: bridge.Given{RunID: "run_1"}}, nil, channel))
	channel.flush()
	var found []map[string]any
	for wire.Len() > 0 {
		body, err := boot.ReadFrame(&wire, nil)
		if err != nil {
			t.Fatal(err)
		}
		frame := map[string]any{}
		if err := json.Unmarshal(body, &frame); err != nil {
			t.Fatal(err)
		}
		found = append(found, frame)
	}
	return found
}

func TestLinesAndEndsAreGoldenInTheirFields(t *testing.T) {
	golden := frames(t)
	found := sent(t, func(one *attempt) {
		one.Log(time.UnixMicro(5), "info", "größer", []byte(`{"n":1}`), "logger")
		_ = one.end("done", []byte(`,"answer":{"status":200,"headers":{}}}`))
	})
	names := []string{"Log", "Done"}
	if len(found) != len(names) {
		t.Fatalf("sent %v", found)
	}
	for at, name := range names {
		known := map[string]bool{}
		for _, text := range golden[name] {
			fields := map[string]any{}
			if err := json.Unmarshal(text, &fields); err != nil {
				t.Fatal(err)
			}
			for field := range fields {
				known[field] = true
			}
		}
		for field := range found[at] {
			if !known[field] {
				t.Errorf("%s has the field %s, which no golden one has", name, field)
			}
		}
	}
}

func TestNothingLeavesAfterTheEnd(t *testing.T) {
	found := sent(t, func(one *attempt) {
		_ = one.end("done", []byte{'}'})
		if _, err := one.Ask("get", []byte(`,"group":"g","key":"k"}`)); err != errOver {
			t.Errorf("asked after the end: %v", err)
		}
		if err := one.Write([]byte(`,"op":"set"}`)); err != errOver {
			t.Errorf("wrote after the end: %v", err)
		}
	})
	if len(found) != 1 {
		t.Fatalf("sent %v", found)
	}
}

func TestEveryErrorHasItsName(t *testing.T) {
	for name, err := range map[string]error{
		"error":        sdk.Errorf("plain"),
		"NonRetriable": sdk.NonRetriable(sdk.Errorf("gone")),
		"RetryAfter":   sdk.RetryAfter(time.Second, nil),
		"fs.PathError": func() error { _, err := os.Open("/nowhere"); return err }(),
		"Cancelled":    errCancelled,
	} {
		fields := map[string]any{}
		if bad := json.Unmarshal(append([]byte(`{"frame":"failed"`), failed(err, "shop", "")...), &fields); bad != nil {
			t.Fatal(bad)
		}
		if fields["type"] != name {
			t.Errorf("%v is named %v, not %s", err, fields["type"], name)
		}
	}
}
