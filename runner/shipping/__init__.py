"""An engine's records on their way to the Hub, in the agent's process. The engine writes the spool (wistro.records);
`shipper` sends it in batches and deletes what the Hub says it took."""
