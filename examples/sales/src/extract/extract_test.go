package extract

// go test ./...

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wistro.dev/sdk/sdktest"
)

const header = "at,shop,sku,quantity,price,currency\n"

func TestRowsComeInBatchesOfThree(t *testing.T) {
	batches, err := read(strings.NewReader(header+strings.Repeat("t,s,k,1,2,EUR\n", 7)), "x")

	if err != nil || len(batches) != 3 || len(batches[2].Rows) != 1 || batches[2].Number != 2 {
		t.Fatalf("read %v, %v", batches, err)
	}
}

func TestALineThatIsShortIsRefused(t *testing.T) {
	for _, text := range []string{"", header + "a,b\n", "a,b\n"} {
		if _, err := read(strings.NewReader(text), "x"); err == nil {
			t.Fatalf("%q was read", text)
		}
	}
}

func TestEachBatchIsEmitted(t *testing.T) {
	source := filepath.Join(t.TempDir(), "sales.csv")
	text := header + strings.Repeat("t,s,k,1,2,EUR\n", 4)
	if err := os.WriteFile(source, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	recorder := sdktest.New()

	rows, err := extract(recorder.Context(), source)

	if err != nil || rows != 4 || len(recorder.Emitted()) != 2 {
		t.Fatalf("extracted %d, %v: %v", rows, err, recorder.Emitted())
	}
}
