package shipping

import (
	"errors"
	"fmt"

	"wistro.dev/sdk"
)

type Given struct {
	Message any `json:"message"`
}

var SendFromGo = sdk.API(
	sdk.APIConfig{Name: "Send from Go", Method: "POST", Path: "/go/:shop", Public: true, Emits: sdk.Emits(sdk.Name("order.created"))},
	func(ctx *sdk.Context, request *sdk.Request[Given]) (*sdk.Response, error) {
		fmt.Printf("for %d\n", request.PathParams["shop"]) // wrong: a text where Printf wants a number
		var path *string
		err := ctx.Emit("order.created", request.Body.Message)
		var refused *sdk.Refused
		if errors.As(err, &refused) {
			path = &refused.Path
		} else if err != nil {
			return nil, err
		}
		return &sdk.Response{Body: map[string]any{"path": path}}, nil
	})
