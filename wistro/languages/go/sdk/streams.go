package sdk

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"wistro.dev/sdk/internal/bridge"
)

// Streamed is a Response's Body that is sent while the step works. Its status promises nothing: what the step emitted
// and wrote is on disk once the last piece is there.
type Streamed struct {
	headers map[string]string
	run     func(out *stream) error
	last    func(runID string) ([]byte, error)
}

// Stream sends what is written to it, as it is.
func Stream(write func(out Out) error) *Streamed {
	return &Streamed{run: func(out *stream) error { return write(Out{out}) }}
}

// Out is where a Stream's pieces are written; an io.Writer.
type Out struct{ stream *stream }

func (o Out) Write(piece []byte) (int, error) {
	if err := o.stream.send(piece); err != nil {
		return 0, err
	}
	return len(piece), nil
}

// ServerEvent is one server-sent event. Data is a text, or a value that is sent as JSON.
type ServerEvent struct {
	Event string
	ID    string
	Retry int // milliseconds
	Data  any
}

// Events is where an SSE's events are sent.
type Events struct{ stream *stream }

// Send sends one event.
func (e Events) Send(event ServerEvent) error {
	text, err := eventText(event)
	if err != nil {
		return err
	}
	return e.stream.send(text)
}

// SSE sends server-sent events; the last, once the attempt has committed, is `done` with the run's id.
func SSE(send func(events Events) error) *Streamed {
	return &Streamed{
		headers: map[string]string{
			"content-type": "text/event-stream", "cache-control": "no-cache", "x-accel-buffering": "no",
		},
		run: func(out *stream) error { return send(Events{out}) },
		last: func(runID string) ([]byte, error) {
			return eventText(ServerEvent{Event: "done", Data: map[string]string{"run_id": runID}})
		},
	}
}

// Rows is where an NDJSON's values are sent.
type Rows struct{ stream *stream }

// Send sends one value as a line of JSON.
func (r Rows) Send(value any) error {
	line, err := encode(value)
	if err != nil {
		return err
	}
	return r.stream.send(append(line, '\n'))
}

// NDJSON sends values, one JSON a line; the last, once the attempt has committed, is {"done": true, "run_id": …}.
func NDJSON(send func(rows Rows) error) *Streamed {
	return &Streamed{
		headers: map[string]string{"content-type": "application/x-ndjson"},
		run:     func(out *stream) error { return send(Rows{out}) },
		last: func(runID string) ([]byte, error) {
			return lineOf(struct {
				Done  bool   `json:"done"`
				RunID string `json:"run_id"`
			}{true, runID})
		},
	}
}

// Last replaces what is sent after the commit: a ServerEvent for SSE, a value for NDJSON, bytes or a text for Stream;
// nil for nothing.
func (s *Streamed) Last(value any) *Streamed {
	fresh := *s
	fresh.last = func(string) ([]byte, error) {
		switch value := value.(type) {
		case nil:
			return nil, nil
		case ServerEvent:
			return eventText(value)
		case []byte:
			return value, nil
		case string:
			if s.headers["content-type"] != "application/x-ndjson" {
				return []byte(value), nil
			}
		}
		return lineOf(value)
	}
	return &fresh
}

func lineOf(value any) ([]byte, error) {
	line, err := encode(value)
	return append(line, '\n'), err
}

func eventText(event ServerEvent) ([]byte, error) {
	var text strings.Builder
	retry := ""
	if event.Retry > 0 {
		retry = strconv.Itoa(event.Retry)
	}
	for _, one := range [][2]string{{"event", event.Event}, {"id", event.ID}, {"retry", retry}} {
		if strings.ContainsAny(one[1], "\r\n\x00") {
			return nil, Errorf("an event's name, id and retry are one line: %q", one[1])
		}
		if one[1] != "" {
			fmt.Fprintf(&text, "%s: %s\n", one[0], one[1])
		}
	}
	if event.Data != nil {
		data, ok := event.Data.(string)
		if !ok {
			encoded, err := encode(event.Data)
			if err != nil {
				return nil, err
			}
			data = string(encoded)
		}
		data = strings.ReplaceAll(strings.ReplaceAll(data, "\r\n", "\n"), "\r", "\n")
		for _, line := range strings.Split(data, "\n") {
			text.WriteString("data: " + line + "\n")
		}
	}
	text.WriteByte('\n')
	return []byte(text.String()), nil
}

// stream is one answer under way. It begins with the first piece, so a step that fails before it is answered as ever.
type stream struct {
	call     bridge.Call
	head     []byte
	hasBegun bool
}

func (s *stream) begin() error {
	if s.hasBegun {
		return nil
	}
	s.hasBegun = true
	_, err := s.call.Ask("answer", append(s.head, '}'))
	return refused(err)
}

func (s *stream) send(piece []byte) error {
	if err := s.begin(); err != nil {
		return err
	}
	for len(piece) > 0 {
		size := min(len(piece), chunkBytes)
		fields := append(base64.StdEncoding.AppendEncode([]byte(`,"data_base64":"`), piece[:size]), `"}`...)
		if _, err := s.call.Ask("chunk", fields); err != nil {
			return refused(err)
		}
		piece = piece[size:]
	}
	return nil
}

// streamed sends the whole answer; what it returns is Done's.
func streamed(call bridge.Call, response *Response, body *Streamed) ([]byte, error) {
	headers := map[string]string{}
	given := map[string]bool{}
	for name, value := range response.Headers {
		headers[name] = value
		given[strings.ToLower(name)] = true
	}
	for name, value := range body.headers {
		if !given[name] {
			headers[name] = value
		}
	}
	status, err := checkedHead(response.Status, headers)
	if err != nil {
		return nil, err
	}
	encoded, err := encode(headers)
	if err != nil {
		return nil, err
	}
	out := &stream{call: call, head: fmt.Appendf(nil, `,"status":%d,"headers":%s`, status, encoded)}
	if err := body.run(out); err != nil {
		return nil, err
	}
	if err := out.begin(); err != nil {
		return nil, err
	}
	answer := map[string]any{"streamed": true}
	if body.last != nil {
		last, err := body.last(call.Given().RunID)
		if err != nil {
			return nil, err
		}
		if len(last) > 0 {
			answer["last_base64"] = base64.StdEncoding.EncodeToString(last)
		}
	}
	return encode(answer)
}
