"""A progress line: on a terminal it is replaced, in a file or a pipe a new line is printed now and then."""

import shutil
import sys
import time

_PLAIN_PERIOD_S = 2.0


class ProgressLine:
    """Call `show` as often as you like, and `close` before anything else is printed."""

    def __init__(self, stream=sys.stdout):
        self._stream = stream
        self._live = stream.isatty()
        self._shown = False
        self._next_s = 0.0

    def show(self, text: str) -> None:
        """Replace the line; without a terminal, print at most one every two seconds."""
        if self._live:
            width = shutil.get_terminal_size().columns - 1
            self._stream.write(f"\r{text[:width]:<{width}}")
            self._stream.flush()
            self._shown = True
        elif time.monotonic() >= self._next_s:
            print(text, file=self._stream, flush=True)
            self._next_s = time.monotonic() + _PLAIN_PERIOD_S

    def close(self) -> None:
        """Keep the last line, and start a new one."""
        if self._shown:
            print(file=self._stream, flush=True)
            self._shown = False
