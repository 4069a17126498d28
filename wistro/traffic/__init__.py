"""Which version a call goes to: `weights` what may be set, `schedule` the exact unkeyed draw."""
