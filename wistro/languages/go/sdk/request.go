package sdk

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
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

// Response is what an endpoint answers. Status 0 is 200. Body is JSON, or bytes as they are; nil is none.
type Response struct {
	Status  int
	Headers map[string]string
	Body    any
}

// JSON is an answer with a status and a body.
func JSON(status int, body any) *Response { return &Response{Status: status, Body: body} }

func answerOf(response *Response) ([]byte, error) {
	if response == nil {
		return []byte(`{"status":204,"headers":{}}`), nil
	}
	status := response.Status
	if status == 0 {
		status = 200
	}
	if status < 200 || status > 599 {
		return nil, &BadAnswerError{what: fmt.Sprintf("status is a number from 200 to 599, not %d", status)}
	}
	answer := map[string]any{"status": status, "headers": map[string]string{}}
	if len(response.Headers) > 0 {
		for name, value := range response.Headers {
			if strings.ContainsAny(name+value, "\r\n\x00") {
				return nil, &BadAnswerError{what: fmt.Sprintf("header %s has a line break in it", name)}
			}
		}
		answer["headers"] = response.Headers
	}
	switch body := response.Body.(type) {
	case nil:
	case []byte:
		answer["body_base64"] = base64.StdEncoding.EncodeToString(body)
	default:
		answer["body"] = body
	}
	return encode(answer)
}
