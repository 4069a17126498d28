// Step a takes the POST and emits it; step b tells the load client, by UDP, that the flow is done.
package flow

import (
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"wistro.dev/sdk"
)

type Order struct {
	ID      string `json:"id"`
	Padding string `json:"padding,omitempty"`
}

var heard = sdk.Topic[Order]("b")

var told = sync.OnceValues(collector)

var A = sdk.API(sdk.APIConfig{
	Name: "a", Method: "POST", Path: "/a", Public: true, Emits: sdk.Emits(heard),
}, func(ctx *sdk.Context, request *sdk.Request[Order]) (*sdk.Response, error) {
	if err := heard.Emit(ctx, request.Body); err != nil {
		return nil, err
	}
	return sdk.JSON(200, map[string]any{}), nil
})

var B = sdk.Event(sdk.EventConfig{
	Name: "b", Subscribes: sdk.Topics("b"),
}, func(ctx *sdk.Context, order Order) error {
	to, err := told()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(to, "%s %d", order.ID, time.Now().UnixNano())
	return err
})

func collector() (net.Conn, error) {
	port := os.Getenv("BENCH_COLLECTOR")
	if port == "" {
		port = "9"
	}
	return net.Dial("udp4", "127.0.0.1:"+port)
}
