// Package greetings is one flow: a call, a greeting that is kept, and a report.
package greetings

import "wistro.dev/sdk"

// Greeting is the endpoint's body and the topic's message: its schema is read from the struct.
type Greeting struct {
	Name string `json:"name"`
}

// Asked is a typed topic: a message that is no Greeting does not compile.
var Asked = sdk.Topic[Greeting]("greeting.asked")

// Greet is an endpoint: POST /greetings {"name": "Ada"} answers at once, and lets others do the rest.
var Greet = sdk.API(sdk.APIConfig{
	Name: "Greet", Description: "Takes a name and answers with the run's id", Flows: []string{"greetings"},
	Method: "POST", Path: "/greetings", Public: true, Emits: sdk.Emits(Asked),
}, greet)

func greet(ctx *sdk.Context, request *sdk.Request[Greeting]) (*sdk.Response, error) {
	if err := Asked.Emit(ctx, request.Body); err != nil {
		return nil, err
	}
	ctx.Logger.Info("greeting asked", "name", request.Body.Name)
	return sdk.JSON(202, map[string]string{"id": ctx.RunID}), nil
}
