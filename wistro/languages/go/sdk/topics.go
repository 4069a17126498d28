package sdk

import "reflect"

// Topic is a topic whose messages are Ts: the schema in the lock, and the compiler's check at every emit.
//
//	var OrderShipped = sdk.Topic[Shipment]("order.shipped")
type Topic[T any] string

// Emit checks a message and holds it until the attempt commits.
func (t Topic[T]) Emit(ctx *Context, message T, options ...EmitOption) error {
	return ctx.emit(string(t), message, options)
}

// Conditional is the topic as one that may stay away; for the picture.
func (t Topic[T]) Conditional() Emission {
	one := t.emission()
	one.conditional = true
	return one
}

func (t Topic[T]) emission() Emission {
	return Emission{topic: string(t), kind: reflect.TypeFor[T]()}
}

// Emitted is a Topic, an Emission or a Name.
type Emitted interface{ emission() Emission }

// Emission is one entry of a step's `emits`.
type Emission struct {
	topic       string
	kind        reflect.Type // nil without a schema
	conditional bool
}

func (e Emission) emission() Emission { return e }

// Name is a topic without a type of its own, emitted by Context.Emit.
type Name string

func (n Name) emission() Emission { return Emission{topic: string(n)} }

// Conditional is the topic as one that may stay away; for the picture.
func (n Name) Conditional() Emission { return Emission{topic: string(n), conditional: true} }

// Topics are names to subscribe to.
func Topics(names ...string) []string { return names }

// Emits are the topics that a step may emit.
func Emits(topics ...Emitted) []Emitted { return topics }
