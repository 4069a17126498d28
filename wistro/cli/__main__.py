"""`python -m wistro.cli …` is `wistro …`, for where the script is not on the PATH."""

from wistro.cli import main

if __name__ == "__main__":
    main()
