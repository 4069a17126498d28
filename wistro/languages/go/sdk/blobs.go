package sdk

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strconv"
	"sync/atomic"

	"wistro.dev/sdk/internal/bridge"
)

const chunkBytes = 1 << 20

// Blob is the reference to a large payload, as it stands in messages.
type Blob struct {
	Blob string `json:"blob"`
	Size int64  `json:"size"`
	Type string `json:"type,omitempty"`
	Name string `json:"name,omitempty"`
}

// Blobs keeps large payloads by their digest.
type Blobs struct {
	call bridge.Call
	last atomic.Int64
}

// Put keeps all that it reads. `kind` is a media type and `name` a file's name; both may be empty.
func (b *Blobs) Put(content io.Reader, kind, name string) (Blob, error) {
	upload := b.last.Add(1)
	chunk := make([]byte, chunkBytes)
	for {
		read, err := io.ReadFull(content, chunk)
		isLast := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !isLast {
			return Blob{}, Trace(err)
		}
		answer, err := b.send(upload, chunk[:read], isLast)
		if err != nil {
			return Blob{}, refused(err)
		}
		if isLast {
			blob := Blob{Type: kind, Name: name}
			return blob, Trace(json.Unmarshal(answer, &blob))
		}
	}
}

// PutBytes keeps bytes.
func (b *Blobs) PutBytes(content []byte, kind, name string) (Blob, error) {
	return b.Put(bytes.NewReader(content), kind, name)
}

// Get reads all of it.
func (b *Blobs) Get(blob Blob) ([]byte, error) {
	path, err := b.path(blob)
	if err != nil {
		return nil, err
	}
	content, err := os.ReadFile(path)
	return content, Trace(err)
}

// Open gives a file to read it piece by piece. Close it.
func (b *Blobs) Open(blob Blob) (*os.File, error) {
	path, err := b.path(blob)
	if err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	return file, Trace(err)
}

// Path is where it lies on this machine, read-only, while the step runs.
func (b *Blobs) Path(blob Blob) (string, error) { return b.path(blob) }

func (b *Blobs) send(upload int64, chunk []byte, isLast bool) (json.RawMessage, error) {
	fields := strconv.AppendInt([]byte(`,"upload":`), upload, 10)
	fields = append(fields, `,"data_base64":"`...)
	fields = append(base64.StdEncoding.AppendEncode(fields, chunk), '"')
	if isLast {
		fields = append(fields, `,"last":true`...)
	}
	return b.call.Ask("blob_put", append(fields, '}'))
}

func (b *Blobs) path(blob Blob) (string, error) {
	name, err := encode(blob.Blob)
	if err != nil {
		return "", err
	}
	answer, err := b.call.Ask("blob_get", append(append([]byte(`,"blob":`), name...), '}'))
	if err != nil {
		return "", refused(err)
	}
	var found struct {
		Path string `json:"path"`
	}
	return found.Path, Trace(json.Unmarshal(answer, &found))
}

// JSONSchema says that a blob is expected; what arrives is such an object.
func (Blob) JSONSchema() Schema {
	return Schema{
		"type":     "object",
		"required": []string{"blob", "size"},
		"properties": map[string]any{
			"blob": Schema{"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"},
			"size": Schema{"type": "integer", "minimum": 0},
			"type": Schema{"type": "string"},
			"name": Schema{"type": "string"},
		},
	}
}
