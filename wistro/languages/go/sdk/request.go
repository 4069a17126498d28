package sdk

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"wistro.dev/sdk/internal/bridge"
)

// Request is an endpoint's input.
type Request[B any] struct {
	Method      string
	Path        string
	PathParams  map[string]string
	QueryParams url.Values
	Headers     Headers
	Body        B // the parsed JSON or form; a text when it is neither
	raw         string
}

// RawBody is the body as it came.
func (r *Request[B]) RawBody() []byte {
	raw, _ := base64.StdEncoding.DecodeString(r.raw) // the engine's own encoding
	return raw
}

// Headers have lower-case names; repeated ones are joined by ", ".
type Headers map[string]string

// Get reads a header by its name in any case.
func (h Headers) Get(name string) string { return h[strings.ToLower(name)] }

func requestOf[B any](input json.RawMessage) (*Request[B], error) {
	var wire struct {
		Method      string            `json:"method"`
		Path        string            `json:"path"`
		PathParams  map[string]string `json:"path_params"`
		QueryParams url.Values        `json:"query_params"`
		Headers     Headers           `json:"headers"`
		Body        json.RawMessage   `json:"body"`
		RawBody     string            `json:"raw_body_base64"`
	}
	if err := json.Unmarshal(input, &wire); err != nil {
		return nil, fmt.Errorf("the engine's request cannot be read: %w", err)
	}
	request := &Request[B]{
		Method: wire.Method, Path: wire.Path, PathParams: wire.PathParams, QueryParams: wire.QueryParams,
		Headers: wire.Headers, raw: wire.RawBody,
	}
	return request, decode(wire.Body, &request.Body)
}

// Response is what an endpoint answers. Status 0 is 200. Body is JSON, bytes as they are, or a *Streamed; nil is none.
type Response struct {
	Status  int
	Headers map[string]string
	Body    any
}

// JSON is an answer with a status and a body.
func JSON(status int, body any) *Response { return &Response{Status: status, Body: body} }

func answerOf(call bridge.Call, response *Response) ([]byte, error) {
	if response == nil {
		return []byte(`{"status":204,"headers":{}}`), nil
	}
	if body, ok := response.Body.(*Streamed); ok {
		return streamed(call, response, body)
	}
	headers := response.Headers
	if headers == nil {
		headers = map[string]string{}
	}
	status, err := checkedHead(response.Status, headers)
	if err != nil {
		return nil, err
	}
	answer := map[string]any{"status": status, "headers": headers}
	switch body := response.Body.(type) {
	case nil:
	case []byte:
		answer["body_base64"] = base64.StdEncoding.EncodeToString(body)
	default:
		answer["body"] = body
	}
	return encode(answer)
}

// checkedHead gives the status, which is 200 unless it is named.
func checkedHead(status int, headers map[string]string) (int, error) {
	if status == 0 {
		status = 200
	}
	if status < 200 || status > 599 {
		return 0, &BadAnswerError{what: fmt.Sprintf("status is a number from 200 to 599, not %d", status)}
	}
	for name, value := range headers {
		if strings.ContainsAny(name+value, "\r\n\x00") {
			return 0, &BadAnswerError{what: fmt.Sprintf("header %s has a line break in it", name)}
		}
	}
	return status, nil
}
