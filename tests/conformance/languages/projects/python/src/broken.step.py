config = {"type": "noop", "name": "Broken"}

import nothing_of_that_name  # noqa: E402, F401  THROWS HERE
