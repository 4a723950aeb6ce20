"""`python -m ota_stream`: the command line."""

from ota_stream.cli import main

main()
