"""What a worker uses, imported before there is one."""

import forebay.pipelines.preprocess  # noqa: F401
