package src

import (
	"math"
	"strings"
)

func nan() float64 { return math.NaN() }

// odd gives values that may not leave, by name.
func odd(kind string) any {
	return map[string]any{"a": []any{0, values[kind]()}}
}

var values = map[string]func() any{
	"nan":           func() any { return nan() },
	"infinity":      func() any { return math.Inf(-1) },
	"big":           func() any { return int64(1) << 53 },
	"surrogate":     func() any { return "\xed\xa0\xbd" },
	"surrogate key": func() any { return map[string]any{"\xed\xa0\xbd": 1} },
	"function":      func() any { return nan },
	"channel":       func() any { return make(chan int) },
	"complex":       func() any { return complex(1, 2) },
	"cycle": func() any {
		cycle := []any{nil}
		cycle[0] = cycle
		return cycle
	},
	"deep": func() any {
		deep := []any{}
		for range 200 {
			deep = []any{deep}
		}
		return deep
	},
	"huge": func() any { return strings.Repeat("x", 17<<20) },
}
