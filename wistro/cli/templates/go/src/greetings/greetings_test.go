package greetings

// Steps are functions: call them with a context that writes down what they do. Run: go test ./...

import (
	"testing"

	"wistro.dev/sdk"
	"wistro.dev/sdk/sdktest"
)

func TestGreetEmitsTheName(t *testing.T) {
	recorder := sdktest.New()

	answer, err := greet(recorder.Context(), &sdk.Request[Greeting]{Body: Greeting{Name: "Ada"}})

	if err != nil || answer.Status != 202 {
		t.Fatalf("answered %v, %v", answer, err)
	}
	emitted := recorder.Emitted()
	if len(emitted) != 1 || emitted[0].Topic != "greeting.asked" || string(emitted[0].Data) != `{"name":"Ada"}` {
		t.Fatalf("emitted %v", emitted)
	}
}

func TestKeepWritesTheGreetingAndCountsIt(t *testing.T) {
	recorder := sdktest.New()

	if err := keep(recorder.Context(), Greeting{Name: "Ada"}); err != nil {
		t.Fatal(err)
	}

	if kept, _ := recorder.State("greetings", recorder.RunID); string(kept) != `"Hello, Ada!"` {
		t.Fatalf("kept %s", kept)
	}
	updates := recorder.Updates()
	if len(updates) != 1 || updates[0].Operation != "increment" || updates[0].Key != "greetings" {
		t.Fatalf("updated %v", updates)
	}
}

func TestReportSaysHowManyThereAre(t *testing.T) {
	recorder := sdktest.New()
	if err := recorder.SetState("totals", "greetings", 7); err != nil {
		t.Fatal(err)
	}

	if err := report(recorder.Context()); err != nil {
		t.Fatal(err)
	}

	if lines := recorder.Lines(); len(lines) != 1 || lines[0].Fields["total"] != 7.0 {
		t.Fatalf("logged %v", lines)
	}
}
