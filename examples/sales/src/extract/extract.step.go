// Package extract reads what the shops sold and hands it on in batches.
package extract

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"wistro.dev/sdk"
)

const (
	batchRows = 3 // so small that the example has several
	mostRows  = 1_000_000
	limit     = 64 << 20
)

// Row is one line of the source, as it stands there.
type Row struct {
	At       string `json:"at"`
	Shop     string `json:"shop"`
	SKU      string `json:"sku"`
	Quantity string `json:"quantity"`
	Price    string `json:"price"`
	Currency string `json:"currency"`
}

// Batch is some rows; its number makes an emit of it the same emit when the step is tried again.
type Batch struct {
	Source string `json:"source"`
	Number int    `json:"number"`
	Rows   []Row  `json:"rows"`
}

// Extracted is a typed topic: a message that is no Batch does not compile.
var Extracted = sdk.Topic[Batch]("rows.extracted")

// Nightly runs at two in Berlin; a night that was missed is caught up on once.
var Nightly = sdk.Cron(sdk.CronConfig{
	Name: "Extract nightly", Flows: []string{"sales"},
	Cron: "0 2 * * *", Timezone: "Europe/Berlin", Emits: sdk.Emits(Extracted),
}, func(ctx *sdk.Context) error {
	_, err := extract(ctx, ctx.Env["SOURCE"])
	return err
})

// OnDemand does the same when it is asked to.
var OnDemand = sdk.API(sdk.APIConfig{
	Name: "Extract now", Flows: []string{"sales"},
	Method: "POST", Path: "/extract", Public: true, Emits: sdk.Emits(Extracted),
}, func(ctx *sdk.Context, _ *sdk.Request[any]) (*sdk.Response, error) {
	rows, err := extract(ctx, ctx.Env["SOURCE"])
	if err != nil {
		return nil, err
	}
	return sdk.JSON(202, map[string]any{"run": ctx.RunID, "rows": rows}), nil
})

func extract(ctx *sdk.Context, source string) (int, error) {
	reader, err := open(source)
	if err != nil {
		return 0, sdk.Errorf("the source cannot be read: %w", err)
	}
	defer reader.Close()
	batches, err := read(reader, source)
	if err != nil {
		return 0, sdk.NonRetriable(err)
	}
	rows := 0
	for _, batch := range batches {
		if err := Extracted.Emit(ctx, batch); err != nil {
			return 0, err
		}
		rows += len(batch.Rows)
	}
	ctx.Logger.Info("extracted", "rows", rows, "batches", len(batches))
	return rows, nil
}

func open(source string) (io.ReadCloser, error) {
	if !strings.HasPrefix(source, "http://") && !strings.HasPrefix(source, "https://") {
		return os.Open(source)
	}
	client := http.Client{Timeout: 30 * time.Second}
	answer, err := client.Get(source)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		answer.Body.Close()
		return nil, fmt.Errorf("it answered %s", answer.Status)
	}
	return answer.Body, nil
}

func read(source io.Reader, name string) ([]Batch, error) {
	lines := csv.NewReader(io.LimitReader(source, limit))
	lines.FieldsPerRecord = 6
	if _, err := lines.Read(); err != nil {
		return nil, fmt.Errorf("no header: %w", err)
	}
	var batches []Batch
	for count := 0; ; count++ {
		line, err := lines.Read()
		if errors.Is(err, io.EOF) {
			return batches, nil
		}
		if err != nil {
			return nil, err
		}
		if count == mostRows {
			return nil, fmt.Errorf("more than %d rows", mostRows)
		}
		if count%batchRows == 0 {
			batches = append(batches, Batch{Source: name, Number: len(batches)})
		}
		last := &batches[len(batches)-1]
		last.Rows = append(last.Rows, Row{line[0], line[1], line[2], line[3], line[4], line[5]})
	}
}
