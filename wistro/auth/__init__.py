"""Who may call an endpoint: policies as data (`policy`, a contract) and the verifiers that hold them."""
