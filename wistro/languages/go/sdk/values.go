package sdk

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

const (
	maxSafe  = 1<<53 - 1
	maxDepth = 100
)

// UnserialisableError is a value that JSON, as read by every language, cannot carry. Path is a JSON pointer.
type UnserialisableError struct {
	traced
	What string
	Path string
}

func (e *UnserialisableError) Error() string {
	return fmt.Sprintf("%s at %s", e.What, orTop(e.Path))
}

func (e *UnserialisableError) wistroName() string { return "Unserialisable" }

func orTop(path string) string {
	if path == "" {
		return "the top"
	}
	return path
}

// encode gives compact JSON, or an *UnserialisableError. The text is walked only when it gives a reason to.
func encode(value any) ([]byte, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(filled(value)); err != nil {
		if found := locate(value); found != nil {
			found.traced = trace(1)
			return nil, found
		}
		return nil, &UnserialisableError{traced: trace(1), What: reason(err)}
	}
	text := bytes.TrimSuffix(buffer.Bytes(), []byte("\n"))
	if found := suspected(text, value); found != nil {
		found.traced = trace(1)
		return nil, found
	}
	return text, nil
}

func suspected(text []byte, value any) *UnserialisableError {
	if isSuspect(text) {
		if found := (&walker{text: text}).value(0); found != nil {
			return found
		}
	}
	if bytes.Contains(text, []byte(`\ufffd`)) || bytes.Contains(text, []byte("\ufffd")) {
		return locate(value) // a byte that is no UTF-8 was replaced, or it is the letter itself
	}
	return nil
}

// reason is what a type's own MarshalJSON said, without the package's wrapping.
func reason(err error) string {
	var own *json.MarshalerError
	if errors.As(err, &own) {
		return own.Unwrap().Error()
	}
	return strings.TrimPrefix(err.Error(), "json: ")
}

// isSuspect: a number of 16 digits, or enough brackets to be too deep.
func isSuspect(text []byte) bool {
	digits, brackets := 0, 0
	for _, letter := range text {
		if letter >= '0' && letter <= '9' {
			if digits++; digits == 16 {
				return true
			}
			continue
		}
		digits = 0
		if letter == '[' || letter == '{' {
			brackets++
		}
	}
	return brackets > maxDepth
}

// walker goes through JSON that the encoder wrote, so it is well formed.
type walker struct {
	text []byte
	at   int
	path []string
}

func (w *walker) value(depth int) *UnserialisableError {
	switch letter := w.text[w.at]; letter {
	case '{', '[':
		if depth >= maxDepth {
			return w.refuse(fmt.Sprintf("more than %d levels", maxDepth))
		}
		if letter == '{' {
			return w.object(depth)
		}
		return w.list(depth)
	case '"':
		w.string()
	case 't', 'n':
		w.at += 4
	case 'f':
		w.at += 5
	default:
		return w.number()
	}
	return nil
}

func (w *walker) object(depth int) *UnserialisableError {
	for w.at++; w.text[w.at] != '}'; w.skip(',') {
		key := w.string()
		w.at++ // the colon
		var name string
		_ = json.Unmarshal(key, &name)
		if found := w.below(name, depth); found != nil {
			return found
		}
	}
	w.at++
	return nil
}

func (w *walker) list(depth int) *UnserialisableError {
	w.at++
	for index := 0; w.text[w.at] != ']'; index++ {
		if found := w.below(strconv.Itoa(index), depth); found != nil {
			return found
		}
		w.skip(',')
	}
	w.at++
	return nil
}

func (w *walker) below(name string, depth int) *UnserialisableError {
	w.path = append(w.path, name)
	found := w.value(depth + 1)
	w.path = w.path[:len(w.path)-1]
	return found
}

func (w *walker) skip(letter byte) {
	if w.text[w.at] == letter {
		w.at++
	}
}

func (w *walker) string() []byte {
	from := w.at
	for w.at++; w.text[w.at] != '"'; w.at++ {
		if w.text[w.at] == '\\' {
			w.at++
		}
	}
	w.at++
	return w.text[from:w.at]
}

func (w *walker) number() *UnserialisableError {
	from := w.at
	for w.at < len(w.text) && strings.IndexByte("+-.eE0123456789", w.text[w.at]) >= 0 {
		w.at++
	}
	text := string(w.text[from:w.at])
	if strings.ContainsAny(text, ".eE") {
		return nil
	}
	number, err := strconv.ParseInt(text, 10, 64)
	if err != nil || number > maxSafe || number < -maxSafe {
		return w.refuse("an integer beyond 2^53-1")
	}
	return nil
}

func (w *walker) refuse(what string) *UnserialisableError {
	return &UnserialisableError{What: what, Path: pointer(w.path)}
}

func pointer(path []string) string {
	var text strings.Builder
	for _, name := range path {
		name = strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
		text.WriteString("/" + name)
		if text.Len() > 1000 {
			break
		}
	}
	return text.String()
}
