module bench

go 1.22

require wistro.dev/sdk v0.0.0

replace wistro.dev/sdk => ./.wistro/sdk/go
