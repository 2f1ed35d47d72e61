"""``python -m spoken_cefr`` is the command ``spoken-cefr``."""

import sys

from spoken_cefr.cli import main

sys.exit(main())
