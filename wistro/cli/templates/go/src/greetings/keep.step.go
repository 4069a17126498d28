package greetings

import "wistro.dev/sdk"

// Keep is an event step: it keeps each greeting, and counts them. Both writes count once, however often it is tried.
var Keep = sdk.Event(sdk.EventConfig{
	Name: "Keep greeting", Flows: []string{"greetings"}, Subscribes: sdk.Topics("greeting.asked"),
	Retries: &sdk.Retries{Max: 3},
}, keep)

func keep(ctx *sdk.Context, greeting Greeting) error {
	text := "Hello, " + greeting.Name + "!"
	if err := ctx.State.Set("greetings", ctx.RunID, text); err != nil {
		return err
	}
	if err := ctx.State.Update("totals", "greetings", sdk.Increment(1)); err != nil {
		return err
	}
	ctx.Logger.Info("greeting kept", "text", text)
	return nil
}
