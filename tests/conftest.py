"""What all tests share: a garbage collector that does not look at every event of every trace again and again."""

import gc

gc.set_threshold(50_000, 20, 50)
