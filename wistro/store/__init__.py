"""What is still to do, kept until it is done: deliveries, live runs, state, stored answers, dead letters.

`port` is the seam; `sqlite` the embedded adapter. Finished rows leave by the outbox to `wistro/records`.
"""
