package host

import (
	"encoding/json"
	"fmt"
	"os"
	"sort"

	"wistro.dev/sdk/boot"
)

type described struct {
	File   string         `json:"file"`
	Export string         `json:"export"`
	Config map[string]any `json:"config,omitempty"`
	Error  string         `json:"error,omitempty"`
}

// describe writes every step of the program to the descriptor that it was given.
func describe() {
	found := []described{}
	for _, step := range steps {
		one := described{File: step.file, Export: step.export}
		config, err := configOf(step)
		if err == nil {
			_, err = json.Marshal(config)
		}
		if err != nil {
			one.Error = err.Error()
		} else {
			one.Config = config
		}
		found = append(found, one)
	}
	sort.Slice(found, func(a, b int) bool {
		return found[a].File+"#"+found[a].Export < found[b].File+"#"+found[b].Export
	})
	if err := json.NewEncoder(boot.Engine).Encode(found); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// configOf: a type's own JSONSchema method may panic.
func configOf(step *known) (config map[string]any, err error) {
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("%v", value)
		}
	}()
	return step.own.Config()
}
