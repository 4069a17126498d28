// Package boot reads the engine's first frame before any package of the project is initialised: what these read of the
// environment, such as `var key = os.Getenv("KEY")`, is then there. wistro has every package of a project import it.
package boot

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
)

const socket = 3

// Verb is what the program was started for: host or describe; empty when it is no program of wistro's.
var Verb string

// Hello is the engine's first frame; nil when the program is not started as a host.
var Hello *Frame

// Frame is what of Hello a Go host needs: its steps are in the program.
type Frame struct {
	Protocol int               `json:"protocol"`
	Root     string            `json:"root"`
	Env      map[string]string `json:"env"`
}

// Engine is the socket, or where the description is written; unbuffered.
var Engine *os.File

func init() {
	switch {
	case len(os.Args) == 2 && os.Args[1] == "host":
		Verb, Engine = "host", open(socket)
		greet()
	case len(os.Args) == 3 && os.Args[1] == "describe":
		if descriptor, err := strconv.Atoi(os.Args[2]); err == nil {
			Verb, Engine = "describe", open(descriptor)
		}
	}
}

func greet() {
	body, err := ReadFrame(Engine, nil)
	if err == nil {
		Hello = &Frame{}
		err = json.Unmarshal(body, Hello)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "the engine's hello cannot be read:", err)
		os.Exit(1)
	}
	for name, value := range Hello.Env {
		if err := os.Setenv(name, value); err != nil {
			fmt.Fprintf(os.Stderr, "the variable %s cannot be set: %v\n", name, err)
			os.Exit(1)
		}
	}
}

const maxFrame = 16 << 20

// ReadFrame reads one frame, into `into` where it fits.
func ReadFrame(from io.Reader, into []byte) ([]byte, error) {
	var length [4]byte
	if _, err := io.ReadFull(from, length[:]); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(length[:])
	if size > maxFrame {
		return nil, fmt.Errorf("a frame of %d bytes", size)
	}
	if uint32(cap(into)) < size {
		into = make([]byte, size)
	}
	_, err := io.ReadFull(from, into[:size])
	return into[:size], err
}
