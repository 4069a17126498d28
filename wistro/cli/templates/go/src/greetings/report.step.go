package greetings

import "wistro.dev/sdk"

// Report is a cron step: it says each hour how many greetings there are.
var Report = sdk.Cron(sdk.CronConfig{
	Name: "Hourly report", Flows: []string{"greetings"}, Cron: "0 * * * *",
}, report)

func report(ctx *sdk.Context) error {
	total := 0
	if _, err := ctx.State.Get("totals", "greetings", &total); err != nil {
		return err
	}
	ctx.Logger.Info("greetings so far", "total", total)
	return nil
}
