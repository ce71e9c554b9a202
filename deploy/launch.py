"""What the launcher of the Flex Template runs; see docs/how-to/run-on-dataflow.md."""

import sys

from forebay.commands.predict.template import main

if __name__ == "__main__":
    sys.exit(main())
